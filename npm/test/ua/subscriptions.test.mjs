// Subscriptions (RFC 6665), ours and those of peers.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { JsSIP, Recorder, connected } from '../support/agent.mjs';
import { requestOf, unique } from '../support/sip.mjs';

const { InvalidStateError } = JsSIP.Exceptions;
const TOLD = ['pending', 'accepted', 'active', 'notify', 'terminated', 'subscribe', 'expired'];
const CONTACT = 'Contact: <sip:bob@bob.invalid;transport=ws>';

/** A subscription to bob's presence that bob has taken. */
async function subscribed(t, options = {}) {
  const made = await connected(t);
  const { ua, socket } = made;
  const subscriber = ua.subscribe('sip:bob@example.com', 'presence', 'application/pidf+xml', {
    expires: 600,
    ...options,
  });
  const told = new Recorder(subscriber, TOLD);
  subscriber.subscribe();
  const request = socket.last('SUBSCRIBE');
  const tag = unique('notifier');
  const dialog = {
    target: /<(.+)>/.exec(request.get('Contact'))[1],
    to: request.get('From'),
    from: `${request.get('To')};tag=${tag}`,
    callId: request.get('Call-ID'),
    number: 10,
  };
  const accept = (expires = 600) => {
    const last = socket.last('SUBSCRIBE');
    socket.respond(last, 200, [`Expires: ${expires}`, CONTACT]);
  };
  const notify = (state, body = '', more = []) => {
    dialog.number += 1;
    const type = body ? ['Content-Type: application/pidf+xml'] : [];
    const headers = ['Event: presence', `Subscription-State: ${state}`, CONTACT, ...type, ...more];
    socket.receive(requestOf('NOTIFY', dialog, headers, body));
  };
  return { ...made, subscriber, told, request, dialog, accept, notify };
}

test('a subscription is asked for with what the application says', async (t) => {
  const { subscriber, request } = await subscribed(t, {
    allowEvents: 'presence',
    extraHeaders: ['X-A: 1'],
  });
  assert.equal(request.target, 'sip:bob@example.com');
  assert.equal(request.get('Event'), 'presence');
  assert.equal(request.get('Accept'), 'application/pidf+xml');
  assert.equal(request.get('Expires'), '600');
  assert.equal(request.get('Allow-Events'), 'presence');
  assert.equal(request.get('X-A'), '1');
  assert.equal(subscriber.state, subscriber.C.STATE_WAITING_NOTIFY);
});

test('the state is told as it comes', async (t) => {
  const { subscriber, told, accept, notify, socket } = await subscribed(t);
  assert.equal(subscriber.id, null);
  accept();
  assert.equal(told.story, 'accepted');
  assert.equal(typeof subscriber.id, 'string');
  notify('pending;expires=600');
  assert.equal(subscriber.state, subscriber.C.STATE_PENDING);
  notify('active;expires=600', '<presence/>');
  assert.equal(subscriber.state, subscriber.C.STATE_ACTIVE);
  notify('active;expires=600');
  assert.equal(told.story, 'accepted pending active notify', 'no body is no news');
  const [[isFinal, request, body, contentType]] = told.events
    .filter(({ name }) => name === 'notify')
    .map(({ args }) => args);
  assert.equal(isFinal, false);
  assert.equal(request.method, 'NOTIFY');
  assert.equal(body, '<presence/>');
  assert.equal(contentType, 'application/pidf+xml');
  assert.equal(socket.lastResponse('NOTIFY').status, 200);
});

test('a last NOTIFY ends it, with its reason', async (t) => {
  const { subscriber, told, accept, notify } = await subscribed(t);
  accept();
  notify('active;expires=600');
  notify('terminated;reason=noresource;retry-after=60', '<gone/>');
  assert.equal(told.story, 'accepted active notify terminated');
  assert.deepEqual(told.events.at(-1).args, [6, 'noresource', 60]);
  assert.equal(subscriber.state, subscriber.C.STATE_TERMINATED);
  assert.equal(subscriber.id, null);
  subscriber.subscribe();
  subscriber.terminate();
});

test('it is refreshed in time, and when the application wants', async (t) => {
  const { subscriber, accept, notify, socket, clock } = await subscribed(t, {
    contentType: 'application/simple-filter+xml',
  });
  accept();
  notify('active;expires=600');
  socket.take();
  subscriber.subscribe('<filter/>');
  const refresh = socket.last('SUBSCRIBE');
  assert.equal(refresh.body, '<filter/>');
  assert.equal(refresh.get('Content-Type'), 'application/simple-filter+xml');
  accept();
  socket.take();
  await clock.advance(600_000);
  assert.equal(socket.last('SUBSCRIBE')?.get('Expires'), '600');
});

test('terminate wants to be told nothing more', async (t) => {
  const { subscriber, told, accept, notify, socket } = await subscribed(t);
  accept();
  notify('active;expires=600');
  subscriber.terminate();
  subscriber.terminate();
  const last = socket.last('SUBSCRIBE');
  assert.equal(last.get('Expires'), '0');
  accept(0);
  notify('terminated;reason=timeout');
  assert.equal(told.events.at(-1).args[0], 6);
  assert.equal(told.of('terminated').length, 1);
});

test('what terminate says goes with the last SUBSCRIBE', async (t) => {
  const { subscriber, accept, notify, socket } = await subscribed(t, { contentType: 'text/plain' });
  accept();
  notify('active;expires=600');
  subscriber.terminate('no more, please');
  const last = socket.last('SUBSCRIBE');
  assert.equal(last.get('Expires'), '0');
  assert.equal(last.get('Content-Type'), 'text/plain');
  assert.equal(last.body, 'no more, please');
});

test('params that are null are none', async (t) => {
  const { request } = await subscribed(t, { params: null });
  assert.match(request.get('From'), /^<sip:alice@example.com>;tag=/);
});

test('a refusal ends it: by challenge, or by any other answer', async (t) => {
  for (const [status, code] of [[403, 2], [407, 4], [489, 2]]) {
    await t.test(`${status}`, async (t) => {
      const { told, socket } = await subscribed(t);
      socket.respond(socket.last('SUBSCRIBE'), status);
      assert.equal(told.story, 'terminated');
      assert.equal(told.events[0].args[0], code);
    });
  }
});

test('no answer ends it', async (t) => {
  const { told, clock } = await subscribed(t);
  await clock.advance(33_000);
  assert.deepEqual(told.events.map(({ name, args }) => [name, args[0]]), [['terminated', 0]]);
});

test('it goes on over the connection that comes back', async (t) => {
  const { subscriber, told, accept, notify, socket, clock } = await subscribed(t);
  accept();
  notify('active;expires=600');
  socket.drop();
  socket.take();
  await clock.advance(31_000);
  socket.open();
  assert.ok(socket.last('SUBSCRIBE'), 'the notifier learns of it');
  accept();
  notify('active;expires=600', '<presence/>');
  assert.equal(told.story, 'accepted active notify');
  assert.equal(subscriber.state, subscriber.C.STATE_ACTIVE);
});

test('the arguments of a subscription are checked as in JsSIP', async (t) => {
  const { ua } = await connected(t);
  const missing = (name) => ({ message: `Not enough arguments: Missing ${name}` });
  assert.throws(() => ua.subscribe('', 'presence', 'a/b', {}), missing('target'));
  assert.throws(() => ua.subscribe('bob', '', 'a/b', {}), missing('eventName'));
  assert.throws(() => ua.subscribe('bob', 'presence', '', {}), missing('accept'));
  assert.throws(() => ua.subscribe('bob', '@', 'a/b', {}), {
    message: 'Missing Event header field',
  });
  const subscriber = ua.subscribe('bob', 'presence', 'a/b', {});
  assert.throws(() => subscriber.terminate(), InvalidStateError);
  assert.throws(() => subscriber.subscribe('body'), { message: 'content_type is undefined' });
  assert.equal(subscriber.state, subscriber.C.STATE_INIT);
  subscriber.data.mine = 1;
  assert.equal(subscriber.data.mine, 1);
});

/** Bob asks for our presence. */
async function petitioned(t, more = ['Expires: 600'], options = {}) {
  const made = await connected(t);
  const { ua, socket } = made;
  const events = [];
  ua.on('newSubscribe', (event) => events.push(event));
  const dialog = { callId: unique('call'), number: 1 };
  dialog.from = `<sip:bob@example.com>;tag=${unique('bob')}`;
  socket.receive(requestOf('SUBSCRIBE', dialog, ['Event: presence', CONTACT, ...more]));
  assert.equal(events.length, 1);
  const [{ event, request }] = events;
  assert.equal(event.event, 'presence');
  const notifier = ua.notify(request, 'application/pidf+xml', options);
  const told = new Recorder(notifier, TOLD);
  return { ...made, request, notifier, told, dialog };
}

/** The NOTIFYs that were sent, each taken by the peer. */
function notified(socket) {
  const all = socket.sent.filter(({ method }) => method === 'NOTIFY');
  const last = all.at(-1);
  if (last) socket.respond(last, 200);
  return all;
}

test('nobody who listens for subscriptions: 405', async (t) => {
  const { socket } = await connected(t);
  socket.receive(requestOf('SUBSCRIBE', {}, ['Event: presence', CONTACT]));
  assert.equal(socket.lastResponse().status, 405);
});

test('a peer is told the state with the NOTIFY that must come at once', async (t) => {
  const { socket, notifier, told } = await petitioned(t);
  notifier.on('subscribe', () => notifier.notify('<open/>'));
  assert.deepEqual(socket.sent, [], 'nothing before it is started');
  notifier.start();
  assert.equal(told.story, 'subscribe');
  const [isUnsubscribe, request] = told.events[0].args;
  assert.equal(isUnsubscribe, false);
  assert.equal(request.method, 'SUBSCRIBE');
  assert.equal(socket.lastResponse('SUBSCRIBE').status, 200);
  assert.equal(socket.lastResponse('SUBSCRIBE').get('Expires'), '600');
  const [notify, ...others] = notified(socket);
  assert.deepEqual(others, []);
  assert.equal(notify.body, '<open/>');
  assert.equal(notify.get('Content-Type'), 'application/pidf+xml');
  assert.equal(notify.get('Event'), 'presence');
  assert.match(notify.get('Subscription-State'), /^active;expires=\d+/);
  notifier.notify('<closed/>');
  assert.equal(notified(socket).at(-1).body, '<closed/>');
});

test('what is fetched without a wait is in the NOTIFY that must come at once', async (t) => {
  const { socket, notifier, clock } = await petitioned(t);
  notifier.start();
  for (let turns = 0; turns < 10; turns += 1) await undefined;
  notifier.notify('<open/>');
  await clock.advance(0);
  assert.deepEqual(notified(socket).map(({ body }) => body), ['<open/>']);
});

test('a state that is not known yet is told later', async (t) => {
  const { socket, notifier, clock } = await petitioned(t, ['Expires: 600'], { pending: true });
  assert.equal(notifier.state, notifier.C.STATE_PENDING);
  notifier.start();
  await clock.advance(0);
  const [first] = notified(socket);
  assert.equal(first.body, '');
  assert.match(first.get('Subscription-State'), /^pending/);
  notifier.setActiveState();
  notifier.notify('<open/>');
  const last = notified(socket).at(-1);
  assert.equal(last.body, '<open/>');
  assert.match(last.get('Subscription-State'), /^active/);
});

test('the application may end it', async (t) => {
  const { socket, notifier, told, clock } = await petitioned(t);
  notifier.start();
  await clock.advance(0);
  notified(socket);
  notifier.terminate('<gone/>', 'noresource', 60);
  const last = notified(socket).at(-1);
  assert.equal(last.body, '<gone/>');
  assert.equal(last.get('Subscription-State'), 'terminated;reason=noresource;retry-after=60');
  assert.equal(told.story, 'subscribe terminated');
  assert.equal(told.events.at(-1).args[0], 4);
  notifier.terminate();
  assert.throws(() => notifier.notify('late'), InvalidStateError);
  assert.throws(() => notifier.start(), InvalidStateError);
});

test('the peer may refresh it, and leave it', async (t) => {
  const { socket, notifier, told, dialog, clock } = await petitioned(t);
  notifier.start();
  await clock.advance(0);
  notified(socket);
  const to = socket.lastResponse('SUBSCRIBE').get('To');
  const again = (number, expires) => {
    const headers = ['Event: presence', CONTACT, `Expires: ${expires}`];
    socket.receive(requestOf('SUBSCRIBE', { ...dialog, to, number }, headers));
    notified(socket);
  };
  again(2, 900);
  again(3, 0);
  assert.equal(told.story, 'subscribe subscribe subscribe terminated');
  assert.deepEqual(told.of('subscribe'), [false, false, true]);
  const bodies = told.events.filter(({ name }) => name === 'subscribe').map(({ args }) => args[2]);
  assert.deepEqual(bodies, ['', '', ''], 'as JsSIP tells a message without a body');
  assert.equal(told.events.at(-1).args[0], 5);
});

test('its time may run out', async (t) => {
  const { socket, notifier, told, clock } = await petitioned(t, ['Expires: 60']);
  notifier.start();
  await clock.advance(0);
  notified(socket);
  await clock.advance(61_000);
  assert.equal(told.story, 'subscribe expired terminated');
  assert.equal(told.events.at(-1).args[0], 6);
  assert.match(notified(socket).at(-1).get('Subscription-State'), /^terminated;reason=timeout/);
});

test('a peer that refuses what it is told has left', async (t) => {
  const { socket, notifier, told, clock } = await petitioned(t);
  notifier.start();
  await clock.advance(0);
  socket.respond(socket.last('NOTIFY'), 481);
  assert.equal(told.story, 'subscribe terminated');
  assert.equal(told.events.at(-1).args[0], 2);
});

test('a notifier is made of a SUBSCRIBE and a type', async (t) => {
  const { ua, request } = await petitioned(t);
  assert.throws(() => ua.notify(request, ''), {
    message: 'Not enough arguments. Missing contentType',
  });
  assert.throws(() => ua.notify(undefined, 'a/b'), {
    message: 'Not enough arguments. Missing subscribe request',
  });
});

test('a SUBSCRIBE that nobody takes is let go', async (t) => {
  const { ua, clock } = await petitioned(t);
  await clock.advance(60_000);
  const { asks, subscriptions } = ua.driver.live();
  assert.deepEqual([asks, subscriptions], [0, 0]);
});
