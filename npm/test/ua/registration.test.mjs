// The registration of a user agent.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { agent, connected, registered } from '../support/agent.mjs';
import { settled } from '../support/clock.mjs';

const md5 = (text) => createHash('md5').update(text).digest('hex');
const CHALLENGE = 'WWW-Authenticate: Digest realm="example.com", nonce="abc", algorithm=MD5';

async function started(t, configuration) {
  const made = agent(t, configuration);
  made.ua.start();
  made.socket.open();
  await settled();
  return made;
}

function contactOf(request) {
  return request.get('Contact').replace(/;expires=\d+/, '');
}

test('registers when the connection stands, and tells it once', async (t) => {
  const { ua, socket, told, clock } = await registered(t, {
    contact_uri: 'sip:me@abc.invalid;transport=ws',
    instance_id: '8f1fa16a-1165-4a96-8341-785b1ef24f12',
    user_agent: 'Phone 1.0',
  });
  assert.equal(told.story, 'connecting connected registered');
  const [register] = socket.sent;
  assert.equal(register.start, 'REGISTER sip:example.com SIP/2.0');
  assert.equal(
    register.get('Contact'),
    '<sip:me@abc.invalid;transport=ws>;+sip.ice;reg-id=1' +
      ';+sip.instance="<urn:uuid:8f1fa16a-1165-4a96-8341-785b1ef24f12>";expires=600',
  );
  assert.equal(register.get('Expires'), '600');
  assert.equal(register.get('User-Agent'), 'Phone 1.0');
  assert.match(register.get('Via'), /^SIP\/2\.0\/WSS abc\.invalid;/);
  const [{ response }] = told.of('registered');
  assert.equal(response.status_code, 200);
  assert.equal(ua.isRegistered(), true);
  assert.equal(ua.registrator().registered, true);
  await clock.advance(600_000);
  const [, refresh] = socket.all('REGISTER');
  assert.equal(refresh?.get('Call-ID'), register.get('Call-ID'), 'it is refreshed in time');
  assert.equal(told.of('registered').length, 1);
});

test('a challenge is answered with the password, the hash, and what is set meanwhile', async (t) => {
  for (const configuration of [
    { password: 'secret' },
    { realm: 'example.com', ha1: md5('alice:example.com:secret') },
    { password: 'wrong', set: 'secret' },
  ]) {
    await t.test(JSON.stringify(configuration), async (t) => {
      const { set, ...given } = configuration;
      const { ua, socket, told } = await started(t, given);
      const [first] = socket.take();
      if (set) ua.set('password', set);
      socket.respond(first, 401, [CHALLENGE]);
      const [second] = socket.take();
      const authorization = second.get('Authorization');
      const a2 = md5('REGISTER:sip:example.com');
      const expected = md5(`${md5('alice:example.com:secret')}:abc:${a2}`);
      assert.match(authorization, new RegExp(`response="${expected}"`));
      assert.match(authorization, /username="alice"/);
      assert.equal(second.number, first.number + 1);
      socket.respond(second, 200, [`Contact: ${second.get('Contact')}`]);
      assert.equal(told.story, 'connecting connected registered');
    });
  }
});

test('a refusal is told, with its response and cause', async (t) => {
  const { ua, socket, told } = await started(t);
  socket.respond(socket.last('REGISTER'), 403);
  const [{ response, cause }] = told.of('registrationFailed');
  assert.equal(response.status_code, 403);
  assert.equal(cause, 'Rejected');
  assert.equal(told.story, 'connecting connected registrationFailed');
  assert.equal(ua.isRegistered(), false);
});

test('a refresh that is refused ends the registration', async (t) => {
  const { ua, socket, told } = await registered(t);
  told.take();
  socket.answers.REGISTER = (request) => socket.respond(request, 403);
  ua.register();
  await settled();
  assert.equal(told.story, 'registrationFailed unregistered');
  const [{ response, cause }] = told.of('unregistered');
  assert.equal(response.status_code, 403);
  assert.equal(cause, 'Rejected');
});

test('no answer is told without a response', async (t) => {
  const { told, clock } = await started(t);
  await clock.advance(32_500);
  const [{ response, cause }] = told.of('registrationFailed');
  assert.equal(response, null);
  assert.equal(cause, 'Request Timeout');
});

test('a time that is too short for the registrar is made longer', async (t) => {
  const { socket, told } = await started(t, { register_expires: 60 });
  socket.respond(socket.last('REGISTER'), 423, ['Min-Expires: 1800']);
  const again = socket.last('REGISTER');
  assert.equal(again.get('Expires'), '1800');
  socket.respond(again, 200, [`Contact: ${again.get('Contact')}`]);
  assert.equal(told.story, 'connecting connected registered');
});

test('unregister removes the binding, or with all every one', async (t) => {
  const { ua, socket, told } = await registered(t);
  ua.unregister();
  assert.equal(ua.isRegistered(), false, 'from now on');
  const removal = socket.last('REGISTER');
  assert.equal(removal.get('Expires'), '0');
  assert.match(removal.get('Contact'), /expires=0$/);
  await settled();
  assert.equal(told.story, 'connecting connected registered unregistered');
  const [{ response, cause }] = told.of('unregistered');
  assert.equal(response.status_code, 200);
  assert.equal(cause, null);
  ua.unregister();
  ua.unregister({ all: true });
  assert.equal(socket.last('REGISTER'), removal, 'there is none to remove');
  ua.register();
  await settled();
  assert.equal(ua.isRegistered(), true);
  ua.unregister({ all: true });
  assert.equal(socket.last('REGISTER').get('Contact'), '*');
  await settled();
  assert.equal(told.of('unregistered').length, 2);
});

test('a user agent that does not register by itself does so when told', async (t) => {
  const { ua, socket, told } = await connected(t);
  assert.equal(socket.last('REGISTER'), undefined);
  socket.takesRegister();
  ua.register();
  await settled();
  assert.equal(told.story, 'connecting connected registered');
});

test('the configuration says at each start whether to register', async (t) => {
  const { ua, socket, told } = agent(t, { register: false });
  socket.takesRegister();
  ua.configuration.register = true;
  ua.start();
  socket.open();
  await settled();
  assert.equal(told.story, 'connecting connected registered');
});

test('a lost connection ends the registration, and the next one makes it anew', async (t) => {
  const { ua, socket, told, clock } = await registered(t);
  told.take();
  socket.drop();
  assert.equal(told.story, 'disconnected unregistered');
  assert.deepEqual(told.of('unregistered'), [{}]);
  assert.equal(ua.isRegistered(), false);
  await clock.advance(31_000);
  socket.open();
  await settled();
  assert.equal(told.story, 'disconnected unregistered connecting connected registered');
});

test('who has unregistered stays so when the connection comes back', async (t) => {
  const { ua, socket, told, clock } = await registered(t);
  ua.unregister();
  await settled();
  socket.drop();
  told.take();
  await clock.advance(31_000);
  socket.open();
  await settled();
  assert.equal(told.story, 'connecting connected');
});

test('whoever listens to registrationExpiring refreshes the registration', async (t) => {
  const { ua, socket, clock } = await registered(t);
  let asked = 0;
  const listener = (...args) => {
    assert.deepEqual(args, []);
    asked += 1;
    ua.register();
  };
  ua.on('registrationExpiring', listener);
  const count = () => socket.all('REGISTER').length;
  const before = count();
  await clock.advance(600_000);
  assert.ok(asked >= 1);
  assert.equal(count(), before + asked);
  assert.equal(ua.isRegistered(), true);
  ua.off('registrationExpiring', listener);
  ua.on('registrationExpiring', () => {});
  await clock.advance(600_000);
  assert.equal(count(), before + asked, 'the listener has not');
  assert.equal(ua.isRegistered(), false, 'it has run out');
});

test('the registrator adds headers and parameters', async (t) => {
  const { ua, socket } = agent(t);
  socket.takesRegister();
  ua.registrator().setExtraHeaders(['X-Push: on']);
  ua.registrator().setExtraContactParams({ 'pn-provider': 'apns', flag: null, 'pn-prid': 7 });
  ua.start();
  socket.open();
  await settled();
  const [register] = socket.sent;
  assert.equal(register.get('X-Push'), 'on');
  assert.match(register.get('Contact'), /;expires=600;pn-provider=apns;flag;pn-prid=7$/);
  ua.registrator().setExtraHeaders('nonsense');
  ua.registrator().setExtraContactParams(undefined);
  ua.registrator().unregister();
  const removal = socket.last('REGISTER');
  assert.equal(removal.get('X-Push'), undefined);
  assert.match(removal.get('Contact'), /;expires=0$/);
  await settled();
  ua.stop();
  ua.registrator().setExtraHeaders(['X-Later: yes']);
  ua.start();
  socket.open();
  assert.equal(socket.last('REGISTER').get('X-Later'), 'yes', 'kept from one start to the next');
});

test('the tag of the From may have a trail, made anew for each REGISTER', async (t) => {
  let count = 0;
  const trail = () => `-trail${(count += 1)}`;
  const { ua, socket } = await registered(t, { register_from_tag_trail: trail });
  assert.match(socket.last('REGISTER').tag('From'), /-trail\d+$/);
  const first = socket.last('REGISTER').tag('From');
  ua.register();
  await settled();
  assert.match(socket.last('REGISTER').tag('From'), /-trail\d+$/);
  assert.notEqual(socket.last('REGISTER').tag('From'), first);
});

test('a token goes into every request as it is', async (t) => {
  const { ua, socket } = await registered(t, { authorization_jwt: 'Bearer abc.def' });
  assert.equal(socket.last('REGISTER').get('Authorization'), 'Bearer abc.def');
  ua.set('authorization_jwt', 'Bearer new');
  ua.sendMessage('bob', 'hello');
  assert.equal(socket.last('MESSAGE').get('Authorization'), 'Bearer new');
});

test('the registrar is told where requests are to go first', async (t) => {
  const { socket } = await registered(t, {
    use_preloaded_route: true,
    registrar_server: 'registrar.example.com',
  });
  const [register] = socket.sent;
  assert.equal(register.target, 'sip:registrar.example.com');
  assert.equal(register.get('Route'), '<sip:server.example;transport=ws;lr>');
});

test('addresses of this user agent alone are taken from the registrar', async (t) => {
  const { ua, socket } = await started(t);
  const register = socket.last('REGISTER');
  const gruus = ';pub-gruu="sip:alice@example.com;gr=abc";temp-gruu="sip:xyz@example.com;gr"';
  socket.respond(register, 200, [`Contact: ${contactOf(register)};expires=600${gruus}`]);
  assert.equal(ua.contact.pub_gruu, 'sip:alice@example.com;gr=abc');
  assert.equal(ua.contact.temp_gruu, 'sip:xyz@example.com;gr');
  assert.equal(ua.contact.toString({ outbound: true }), '<sip:alice@example.com;gr=abc>');
  assert.equal(ua.contact.toString({ anonymous: true }), '<sip:xyz@example.com;gr>');
});

test('stop removes the registration, and closes when that is answered', async (t) => {
  const { ua, socket, told } = await registered(t);
  told.take();
  ua.stop();
  assert.equal(socket.last('REGISTER').get('Expires'), '0');
  assert.equal(told.story, '');
  await settled();
  assert.equal(told.story, 'unregistered disconnected');
  assert.equal(socket.disconnects, 1);
});

test('stop does not wait for ever for a registrar that is silent', async (t) => {
  const { ua, socket, told, clock } = await registered(t);
  delete socket.answers.REGISTER;
  told.take();
  ua.stop();
  await clock.advance(2_000);
  assert.equal(told.story, 'unregistered disconnected');
  const [{ response, cause }] = told.of('unregistered');
  assert.deepEqual([response, cause], [null, 'Connection Error']);
  assert.equal(socket.disconnects, 1);
});
