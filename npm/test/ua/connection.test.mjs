// The connection of a user agent: start and stop, what breaks and comes back, several sockets.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { JsSIP, Recorder, agent, connected, registered } from '../support/agent.mjs';
import { settled, virtualClock } from '../support/clock.mjs';
import { ScriptedSocket } from '../support/socket.mjs';

const { C } = JsSIP.UA;

test('start connects, tells it, and makes the user agent ready', async (t) => {
  const { ua, socket, told } = agent(t, { register: false });
  assert.equal(ua.status, C.STATUS_INIT);
  ua.start();
  assert.equal(socket.connects, 1);
  assert.deepEqual(told.of('connecting'), [{ socket, attempts: 0 }]);
  assert.equal(ua.isConnected(), false);
  socket.open();
  assert.equal(told.story, 'connecting connected');
  assert.equal(told.of('connected')[0].socket, ua.transport, 'as in JsSIP, the transport');
  assert.equal(ua.status, C.STATUS_READY);
  assert.equal(ua.isConnected(), true);
  ua.start();
  assert.equal(socket.connects, 1, 'it is started');
  assert.deepEqual(socket.sent, []);
});

test('the transport tells where it leads', (t) => {
  const { ua, socket } = agent(t);
  assert.equal(ua.transport.url, 'wss://server.example');
  assert.equal(ua.transport.sip_uri, 'sip:server.example;transport=ws');
  assert.equal(ua.transport.via_transport, 'WSS');
  assert.equal(ua.transport.socket, socket);
});

test('stop closes a connection that is not needed for anything at once', async (t) => {
  const { ua, socket, told } = await connected(t);
  told.take();
  ua.stop();
  assert.equal(told.story, 'disconnected');
  assert.deepEqual(told.of('disconnected'), [{ socket, error: false }]);
  assert.equal(socket.disconnects, 1);
  assert.equal(ua.status, C.STATUS_USER_CLOSED);
  assert.equal(ua.isConnected(), false);
  ua.stop();
  assert.equal(told.story, 'disconnected', 'it is stopped');
});

test('stop before start tells the end, as in JsSIP', (t) => {
  const { ua, told } = agent(t);
  ua.stop();
  assert.equal(told.story, 'disconnected');
  assert.equal(ua.status, C.STATUS_USER_CLOSED);
});

test('stop while it connects lets the connection go', (t) => {
  const { ua, socket, told } = agent(t);
  ua.start();
  ua.stop();
  assert.equal(told.story, 'connecting disconnected');
  assert.equal(socket.disconnects, 1);
  socket.open();
  assert.equal(told.story, 'connecting disconnected');
});

test('a listener of connecting may stop it', (t) => {
  const { ua, socket, told } = agent(t);
  ua.on('connecting', () => ua.stop());
  ua.start();
  assert.equal(told.story, 'connecting disconnected');
  assert.equal(socket.connects, 0);
});

test('start after stop begins anew', async (t) => {
  const { ua, socket, told } = await connected(t);
  for (let round = 0; round < 3; round += 1) {
    ua.stop();
    told.take();
    ua.start();
    socket.open();
    await settled();
    assert.equal(told.take(), 'connecting connected');
    assert.equal(ua.status, C.STATUS_READY);
    ua.sendMessage('bob', `round ${round}`);
    assert.equal(socket.last('MESSAGE').body, `round ${round}`);
    socket.respond(socket.last('MESSAGE'), 200);
  }
});

test('start before the stop is over does not wait for what is left', async (t) => {
  const { ua, socket, told, clock } = await registered(t);
  const failed = [];
  ua.sendMessage('bob', 'hello').on('failed', (event) => failed.push(event));
  delete socket.answers.REGISTER;
  told.take();
  ua.stop();
  assert.equal(told.take(), '', 'the answers are waited for');
  ua.start();
  assert.equal(told.take(), 'disconnected connecting');
  assert.equal(ua.status, C.STATUS_INIT);
  socket.takesRegister().open();
  await settled();
  assert.equal(told.take(), 'connected registered');
  await clock.advance(60_000);
  assert.equal(told.take(), '', 'the end of the former one changes nothing');
  assert.deepEqual(failed.map(({ cause }) => cause), ['Connection Error']);
});

test('a listener of disconnected may start it again', async (t) => {
  const { ua, socket, told } = await connected(t);
  told.take();
  ua.once('disconnected', () => ua.start());
  ua.stop();
  socket.open();
  assert.equal(told.story, 'disconnected connecting connected');
});

test('a lost connection is told, and comes back after a while', async (t) => {
  const { ua, socket, told, clock } = await connected(t);
  told.take();
  socket.drop(true, 1006, 'gone');
  assert.equal(told.story, 'disconnected');
  const lost = { socket, error: true, code: 1006, reason: 'gone' };
  assert.deepEqual(told.of('disconnected'), [lost]);
  assert.equal(ua.status, C.STATUS_NOT_READY);
  assert.equal(socket.connects, 1, 'not at once');
  await clock.advance(30_000);
  assert.equal(socket.connects, 2);
  assert.deepEqual(told.of('connecting'), [{ socket, attempts: 1 }]);
  socket.open();
  assert.equal(told.story, 'disconnected connecting connected');
  assert.equal(ua.status, C.STATUS_READY);
});

test('attempts are counted until one succeeds', async (t) => {
  const { ua, socket, told, clock } = agent(t, { register: false });
  ua.start();
  for (let attempt = 0; attempt < 4; attempt += 1) {
    socket.drop(true, 1006, '');
    await clock.advance(31_000);
  }
  assert.deepEqual(told.of('connecting').map(({ attempts }) => attempts), [0, 1, 2, 3, 4]);
  socket.open();
  socket.drop();
  await clock.advance(31_000);
  assert.equal(told.of('connecting').at(-1).attempts, 1);
});

test('the wait keeps to its bounds', async (t) => {
  const bounds = { connection_recovery_min_interval: 4, connection_recovery_max_interval: 4 };
  const { ua, socket, clock } = agent(t, { register: false, ...bounds });
  ua.start();
  for (let connects = 1; connects < 6; connects += 1) {
    socket.drop();
    await clock.advance(1_900);
    assert.equal(socket.connects, connects);
    await clock.advance(2_200);
    assert.equal(socket.connects, connects + 1);
  }
});

test('stop while it waits ends the waiting', async (t) => {
  const { ua, socket, told, clock } = await connected(t);
  socket.drop();
  told.take();
  ua.stop();
  assert.equal(told.story, 'disconnected');
  await clock.advance(120_000);
  assert.equal(socket.connects, 1);
});

test('the socket of the highest weight comes first, and others only when it has failed', async (t) => {
  const clock = virtualClock(t);
  const [low, high, middle] = ['low', 'high', 'middle'].map((host) => new ScriptedSocket({ host }));
  const ua = new JsSIP.UA({
    sockets: [{ socket: low }, { socket: high, weight: 9 }, { socket: middle, weight: 5 }],
    uri: 'sip:alice@example.com',
    register: false,
  });
  t.after(() => ua.stop());
  const told = new Recorder(ua, ['connecting']);
  ua.start();
  for (const socket of [high, middle, low, high]) {
    assert.equal(told.of('connecting').at(-1).socket, socket);
    socket.drop();
    await clock.advance(31_000);
  }
  // All have failed by now, so that all may be tried again.
  assert.equal(ua.transport.socket, middle);
});

test('equals are chosen by chance', (t) => {
  const chosen = new Set();
  for (let round = 0; round < 100; round += 1) {
    const sockets = ['a', 'b', 'c'].map((host) => new ScriptedSocket({ host }));
    const ua = new JsSIP.UA({ sockets, uri: 'sip:alice@example.com' });
    chosen.add(ua.transport.url);
  }
  assert.equal(chosen.size, 3);
});

test('a socket whose connect throws counts as lost', async (t) => {
  const { ua, socket, told, clock } = agent(t, { register: false });
  socket.connect = () => {
    throw new Error('no network');
  };
  ua.start();
  assert.equal(told.story, 'connecting disconnected');
  const [lost] = told.of('disconnected');
  assert.deepEqual(lost, { socket, error: true, code: undefined, reason: 'Error: no network' });
  delete socket.connect;
  await clock.advance(31_000);
  socket.open();
  assert.equal(ua.status, C.STATUS_READY);
});

test('a socket that connects at once can be used, and registers', async (t) => {
  const { ua, socket, told } = agent(t);
  socket.takesRegister();
  socket.connect = () => socket.open();
  ua.start();
  await settled();
  assert.equal(told.story, 'connecting connected registered');
});

test('a socket that cannot send any more is let go, and another connection made', async (t) => {
  const { ua, socket, told, clock } = await connected(t);
  told.take();
  socket.isOpen = false;
  ua.sendMessage('bob', 'hello');
  assert.equal(told.story, 'disconnected');
  assert.equal(socket.disconnects, 1);
  await clock.advance(31_000);
  socket.open();
  assert.equal(told.story, 'disconnected connecting connected');
});

test('a send that throws is no other', async (t) => {
  const { ua, socket, told } = await connected(t);
  told.take();
  socket.send = () => {
    throw new Error('broken');
  };
  const message = ua.sendMessage('bob', 'hello');
  assert.equal(message.direction, 'outgoing');
  assert.equal(told.story, 'disconnected');
});

test('what a lost socket still says is not heard', async (t) => {
  const { ua, socket, told } = await connected(t);
  const { onconnect, ondata, ondisconnect } = socket;
  socket.drop();
  told.take();
  onconnect();
  ondata('OPTIONS sip:alice@example.com SIP/2.0\r\n\r\n');
  ondisconnect(true, 1006, 'twice');
  assert.equal(told.story, '');
  assert.equal(ua.isConnected(), false);
});

test("a server's keep-alive is answered, and an answer to one left alone", async (t) => {
  const { socket } = await connected(t);
  socket.receive('\r\n\r\n');
  assert.deepEqual(socket.take().map(({ text }) => text), ['\r\n']);
  socket.receive(new TextEncoder().encode('\r\n\r\n').buffer);
  assert.deepEqual(socket.take().map(({ text }) => text), ['\r\n']);
  socket.receive('\r\n');
  assert.deepEqual(socket.take(), []);
});

test('the connection is kept alive, and found dead when the server falls silent', async (t) => {
  const { socket, told, clock } = await connected(t, { keep_alive: 30 });
  told.take();
  await clock.advance(30_000);
  assert.deepEqual(socket.take().map(({ text }) => text), ['\r\n\r\n']);
  socket.receive('\r\n');
  await clock.advance(30_000);
  assert.deepEqual(socket.take().map(({ text }) => text), ['\r\n\r\n']);
  await clock.advance(11_000);
  assert.equal(told.story.split(' ')[0], 'disconnected');
  const [lost] = told.of('disconnected');
  assert.equal(lost.error, true);
  assert.match(lost.reason, /keep-alive/);
  assert.equal(socket.disconnects, 1);
});

test('no keep-alive goes out where none is wanted', async (t) => {
  const { socket, clock } = await connected(t, { keep_alive: 0 });
  await clock.advance(600_000);
  assert.deepEqual(socket.sent, []);
});

test('messages come as text, in binary frames, and as bytes of a view', async (t) => {
  const { ua, socket } = await connected(t);
  const bodies = [];
  ua.on('newMessage', ({ request }) => bodies.push(request.body));
  const { requestOf } = await import('../support/sip.mjs');
  const message = (body) => requestOf('MESSAGE', {}, ['Content-Type: text/plain'], body);
  const encode = (text) => new TextEncoder().encode(text);
  socket.receive(message('grüße'));
  socket.receive(encode(message('bytes: grüße')).buffer);
  const padded = encode(`....${message('view')}....`);
  socket.receive(padded.subarray(4, padded.length - 4));
  socket.receive({ neither: true });
  assert.deepEqual(bodies, ['grüße', 'bytes: grüße', 'view']);
});

test('the application may close the transport and connect it again', async (t) => {
  const { ua, socket, told, clock } = await connected(t);
  told.take();
  ua.transport.disconnect();
  assert.deepEqual(told.of('disconnected'), [{ socket, error: false }]);
  assert.equal(socket.disconnects, 1);
  assert.equal(ua.status, C.STATUS_NOT_READY);
  await clock.advance(120_000);
  assert.equal(socket.connects, 1, 'not by itself');
  ua.transport.connect();
  socket.open();
  assert.equal(told.story, 'disconnected connecting connected');
});

test('the transport sends what the application sends over it', async (t) => {
  const { ua, socket } = await connected(t);
  assert.equal(ua.transport.send('\r\n\r\n'), true);
  assert.equal(socket.sent[0].text, '\r\n\r\n');
  socket.drop();
  assert.equal(ua.transport.send('\r\n\r\n'), false);
});

test('a listener that throws is reported, and stops nothing', async (t) => {
  const { ua, socket, told } = agent(t, { register: false });
  const reported = t.mock.method(console, 'error', () => {});
  ua.prependListener('connecting', () => {
    throw new Error('mine');
  });
  ua.start();
  socket.open();
  assert.equal(told.story, 'connecting connected');
  assert.equal(reported.mock.callCount(), 1);
});

/** What Vue puts around the objects that an application keeps in its state, all the way down. */
function reactive(target) {
  const isObject = (value) => typeof value === 'object' && value !== null;
  if (!isObject(target) || target.__v_skip) return target;
  return new Proxy(target, {
    get: (raw, key, receiver) => {
      const value = Reflect.get(raw, key, receiver);
      const isCollection = raw instanceof Map || raw instanceof WeakMap;
      return isCollection && typeof value === 'function' ? value.bind(raw) : reactive(value);
    },
  });
}

test('a user agent works inside a proxy, and what it gives does', async (t) => {
  const { ua, socket, told } = agent(t);
  socket.takesRegister();
  const wrapped = reactive({ ua }).ua;
  wrapped.start();
  socket.open();
  await settled();
  assert.equal(told.story, 'connecting connected registered');
  assert.equal(wrapped.isRegistered(), true);
  assert.equal(wrapped.configuration.uri.user, 'alice');
  wrapped.set('display_name', 'Alice');
  const succeeded = [];
  const message = reactive({ message: wrapped.sendMessage('bob', 'hello') }).message;
  message.on('succeeded', () => succeeded.push(message.direction));
  socket.respond(socket.last('MESSAGE'), 200);
  assert.deepEqual(succeeded, ['outgoing']);
  assert.match(wrapped.contact.toString(), /^<sip:/);
  const { subscriber } = reactive({ subscriber: wrapped.subscribe('bob', 'dialog', 'a/b') });
  subscriber.subscribe();
  socket.respond(socket.last('SUBSCRIBE'), 403);
  assert.equal(subscriber.state, subscriber.C.STATE_TERMINATED);
  wrapped.stop();
  await settled();
  assert.equal(told.story, 'connecting connected registered unregistered disconnected');
});

test('two user agents live side by side', async (t) => {
  const one = await connected(t);
  const socket = new ScriptedSocket({ host: 'other.example' });
  const two = new JsSIP.UA({ sockets: socket, uri: 'sip:carol@example.com', register: false });
  t.after(() => two.stop());
  two.start();
  socket.open();
  one.ua.stop();
  assert.equal(two.isConnected(), true);
  two.sendMessage('bob', 'still here');
  assert.equal(socket.last('MESSAGE').body, 'still here');
});

test('a user agent that has stopped keeps nothing', async (t) => {
  const { ua, socket } = await registered(t);
  ua.sendMessage('bob', 'hello');
  socket.respond(socket.last('MESSAGE'), 200);
  const { driver } = ua;
  ua.stop();
  await settled();
  assert.equal(ua.status, C.STATUS_USER_CLOSED);
  assert.deepEqual(
    [driver.sessions, driver.requests, driver.subscribers, driver.notifiers].map(({ size }) => size),
    [0, 0, 0, 0],
  );
  assert.deepEqual(driver.live(), {}, 'its engine is gone');
  assert.equal(ua.isRegistered(), false);
});

test('user agents that come and go leave no memory behind', () => {
  const liveAndStop = (count) => {
    for (let made = 0; made < count; made += 1) {
      const socket = new ScriptedSocket();
      const ua = new JsSIP.UA({ sockets: socket, uri: 'sip:alice@example.com', register: false });
      ua.start();
      socket.open();
      ua.sendMessage('bob', 'hello');
      socket.respond(socket.last('MESSAGE'), 200);
      ua.stop();
    }
    return process.memoryUsage().external;
  };
  // What the engines live in grows to what a few of them need, and no more.
  const before = liveAndStop(50);
  assert.ok(liveAndStop(500) - before < 1_000_000);
});

test('a call before the start, or after the stop, fails without harm', async (t) => {
  const { ua, clock } = agent(t);
  const failed = [];
  const note = ({ cause }) => failed.push(cause);
  ua.sendMessage('bob', 'early').on('failed', note);
  await clock.advance(60_000);
  ua.stop();
  const late = ua.sendMessage('bob', 'late', { eventHandlers: { failed: note } });
  assert.equal(late.direction, 'outgoing');
  await clock.advance(60_000);
  assert.ok(failed.length >= 1 && failed.every((cause) => cause === 'Connection Error'), failed);
});
