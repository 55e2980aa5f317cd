// MESSAGE and OPTIONS, sent and received.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { JsSIP, Recorder, connected } from '../support/agent.mjs';
import { requestOf } from '../support/sip.mjs';

const { NotSupportedError } = JsSIP.Exceptions;
const TEXT = ['Content-Type: text/plain'];
const OVER = ['succeeded', 'failed'];

test('a message goes out with what the application says, and tells its success', async (t) => {
  const { ua, socket } = await connected(t, { display_name: 'Alice' });
  const announced = [];
  ua.on('newMessage', (event) => announced.push({ ...event, sent: socket.sent.length }));
  const succeeded = [];
  const data = ua.sendMessage('bob', 'grüße', {
    contentType: 'text/markdown',
    extraHeaders: ['X-Note: hello'],
    eventHandlers: { succeeded: (event) => succeeded.push(event) },
  });
  const [{ originator, message, request, sent }] = announced;
  assert.equal(originator, 'local');
  assert.equal(message, data);
  assert.equal(sent, 0, 'announced before it leaves');
  assert.equal(request.method, 'MESSAGE');
  assert.equal(String(request.ruri), 'sip:bob@example.com');
  assert.equal(request.body, 'grüße');
  assert.equal(data.direction, 'outgoing');
  assert.equal(data.local_identity.uri.user, 'alice');
  assert.equal(data.local_identity.display_name, 'Alice');
  assert.equal(data.remote_identity.uri.user, 'bob');
  const out = socket.last('MESSAGE');
  assert.equal(out.target, 'sip:bob@example.com');
  assert.equal(out.get('Content-Type'), 'text/markdown');
  assert.equal(out.get('X-Note'), 'hello');
  assert.equal(out.body, 'grüße');
  assert.equal(request.call_id, out.get('Call-ID'));
  assert.equal(request.from.getParam('tag'), out.tag('From'));
  socket.respond(out, 100);
  assert.deepEqual(succeeded, []);
  socket.respond(out, 202);
  assert.equal(succeeded.length, 1);
  assert.equal(succeeded[0].originator, 'remote');
  assert.equal(succeeded[0].response.status_code, 202);
});

test('plain text is the type of a message that has no other', async (t) => {
  const { ua, socket } = await connected(t);
  ua.sendMessage('sip:bob@example.com', 'hello');
  assert.equal(socket.last('MESSAGE').get('Content-Type'), 'text/plain');
});

test('a message may come from another name', async (t) => {
  const { ua, socket } = await connected(t);
  ua.sendMessage('bob', 'hello', { fromUserName: 'desk', fromDisplayName: 'Front desk' });
  const out = socket.last('MESSAGE');
  assert.match(out.get('From'), /^"Front desk" <sip:desk@example\.com>;tag=/);
  assert.match(out.get('P-Preferred-Identity'), /sip:alice@example\.com/);
});

test('a refused message tells the response and the cause', async (t) => {
  const { ua, socket } = await connected(t);
  const told = new Recorder(ua.sendMessage('bob', 'hello'), OVER);
  socket.respond(socket.last('MESSAGE'), 404);
  assert.equal(told.story, 'failed');
  const [{ originator, response, cause }] = told.of('failed');
  assert.equal(originator, 'remote');
  assert.equal(response.status_code, 404);
  assert.equal(cause, 'Not Found');
});

test('a message that nobody answers fails in time', async (t) => {
  const { ua, clock } = await connected(t);
  const told = new Recorder(ua.sendMessage('bob', 'hello'), OVER);
  await clock.advance(31_000);
  assert.equal(told.story, '');
  await clock.advance(2_000);
  assert.deepEqual(told.of('failed'), [
    { originator: 'system', response: null, cause: 'Request Timeout' },
  ]);
});

test('a message fails when its connection breaks', async (t) => {
  const { ua, socket } = await connected(t);
  const told = new Recorder(ua.sendMessage('bob', 'hello'), OVER);
  socket.drop();
  assert.deepEqual(told.of('failed'), [
    { originator: 'system', response: null, cause: 'Connection Error' },
  ]);
});

test('a message waits for the connection that is being made', async (t) => {
  const { ua, socket, clock } = await connected(t);
  socket.drop();
  const told = new Recorder(ua.sendMessage('bob', 'hello'), OVER);
  await clock.advance(20_000);
  socket.open();
  socket.respond(socket.last('MESSAGE'), 200);
  assert.equal(told.story, 'succeeded');
});

test('arguments are checked as in JsSIP', async (t) => {
  const { ua, socket } = await connected(t);
  assert.throws(() => ua.sendMessage('bob'), { message: 'Not enough arguments' });
  assert.throws(() => ua.sendMessage(undefined, 'x'), { message: 'Not enough arguments' });
  assert.throws(() => ua.sendMessage('', 'x'), { name: 'TypeError', message: 'Invalid target: ' });
  assert.throws(() => ua.sendOptions(), { message: 'A target is required for OPTIONS' });
  assert.throws(() => ua.sendMessage('bob', 'x', { extraHeaders: ['A: b\r\nC: d'] }), TypeError);
  assert.deepEqual(socket.sent, []);
});

test('a received message is announced, and answered with 200', async (t) => {
  const { ua, socket } = await connected(t);
  const announced = [];
  ua.on('newMessage', (event) => announced.push(event));
  socket.receive(requestOf('MESSAGE', {}, TEXT, 'hello'));
  const [{ originator, message, request }] = announced;
  assert.equal(originator, 'remote');
  assert.equal(message.direction, 'incoming');
  assert.equal(message.remote_identity.display_name, 'Bob');
  assert.equal(message.local_identity.uri.user, 'alice');
  assert.equal(request.method, 'MESSAGE');
  assert.equal(request.body, 'hello');
  assert.equal(socket.lastResponse('MESSAGE').status, 200);
  assert.throws(() => message.accept(), { message: 'incoming Message already replied' });
});

test('a listener may accept with headers, or reject', async (t) => {
  const { ua, socket } = await connected(t);
  ua.once('newMessage', ({ message }) => message.accept({ extraHeaders: ['X-Seen: yes'] }));
  socket.receive(requestOf('MESSAGE', {}, TEXT, 'one'));
  assert.equal(socket.lastResponse().status, 200);
  assert.equal(socket.lastResponse().get('X-Seen'), 'yes');
  ua.once('newMessage', ({ message }) => {
    assert.throws(() => message.reject({ status_code: 200 }), TypeError);
    message.reject({ status_code: 406, reason_phrase: 'Too rude', extraHeaders: ['X-No: 1'] });
    assert.throws(() => message.accept(), { message: 'incoming Message already replied' });
  });
  socket.receive(requestOf('MESSAGE', {}, TEXT, 'two'));
  assert.equal(socket.lastResponse().start, 'SIP/2.0 406 Too rude');
  assert.equal(socket.lastResponse().get('X-No'), '1');
  ua.once('newMessage', ({ message }) => message.reject());
  socket.receive(requestOf('MESSAGE', {}, TEXT, 'three'));
  assert.equal(socket.lastResponse().status, 480);
  assert.equal(socket.sent.length, 3, 'one answer each');
});

test('nobody who listens for messages: 405', async (t) => {
  const { socket } = await connected(t);
  socket.receive(requestOf('MESSAGE', {}, TEXT, 'hello'));
  assert.equal(socket.lastResponse().status, 405);
});

test('what is sent cannot be accepted or rejected', async (t) => {
  const { ua } = await connected(t);
  const message = ua.sendMessage('bob', 'hello');
  assert.throws(() => message.accept(), NotSupportedError);
  assert.throws(() => message.reject(), {
    message: '"reject" not supported for outgoing Message',
  });
});

test('a listener that throws does not leave a message unanswered', async (t) => {
  const { ua, socket } = await connected(t);
  t.mock.method(console, 'error', () => {});
  ua.on('newMessage', () => {
    throw new Error('mine');
  });
  socket.receive(requestOf('MESSAGE', {}, TEXT, 'hello'));
  assert.equal(socket.lastResponse().status, 200);
});

test('a listener may send from inside an event', async (t) => {
  const { ua, socket } = await connected(t);
  ua.on('newMessage', ({ originator, request }) => {
    if (originator === 'remote') ua.sendMessage(request.from.uri, `echo: ${request.body}`);
  });
  socket.receive(requestOf('MESSAGE', {}, TEXT, 'hello'));
  assert.equal(socket.last('MESSAGE').body, 'echo: hello');
  assert.equal(socket.last('MESSAGE').target, 'sip:bob@example.com');
  assert.equal(socket.lastResponse('MESSAGE').status, 200);
});

test('OPTIONS are sent, and tell what became of them', async (t) => {
  const { ua, socket } = await connected(t);
  const announced = new Recorder(ua, ['newOptions']);
  const options = ua.sendOptions('sip:bob@example.com', undefined, { extraHeaders: ['X-A: 1'] });
  const told = new Recorder(options, OVER);
  const [event] = announced.of('newOptions');
  assert.equal(event.originator, 'local');
  assert.equal(event.message, options);
  const out = socket.last('OPTIONS');
  assert.equal(out.get('X-A'), '1');
  socket.respond(out, 200, ['Allow: INVITE']);
  assert.equal(told.of('succeeded')[0].response.getHeader('Allow'), 'INVITE');
});

test('received OPTIONS are answered with what this user agent can', async (t) => {
  const { ua, socket } = await connected(t);
  socket.receive(requestOf('OPTIONS'));
  assert.equal(socket.lastResponse().status, 200);
  assert.match(socket.lastResponse().get('Allow'), /INVITE/);
  ua.once('newOptions', ({ originator, message }) => {
    assert.equal(originator, 'remote');
    message.reject({ status_code: 486 });
  });
  socket.receive(requestOf('OPTIONS'));
  assert.equal(socket.lastResponse().status, 486);
  ua.once('newOptions', ({ message }) => message.accept({ extraHeaders: ['X-Line: 2'] }));
  socket.receive(requestOf('OPTIONS'));
  assert.equal(socket.lastResponse().get('X-Line'), '2');
});

test('five hundred messages leave nothing behind', async (t) => {
  const { ua, socket, clock } = await connected(t);
  ua.on('newMessage', () => {});
  for (let count = 0; count < 500; count += 1) {
    ua.sendMessage('bob', `${count}`);
    socket.respond(socket.last('MESSAGE'), 200);
    socket.receive(requestOf('MESSAGE', {}, TEXT, 'hello'));
    socket.take();
  }
  await clock.advance(60_000);
  assert.equal(ua.driver.requests.size, 0);
  const { flows, ...rest } = ua.driver.live();
  assert.equal(flows, 1);
  assert.ok(Object.values(rest).every((size) => size === 0), JSON.stringify(rest));
});

test('nobody who listens for calls: 405; no WebRTC: 488', async (t) => {
  const { ua, socket } = await connected(t);
  const invite = () => requestOf('INVITE', {}, ['Contact: <sip:bob@bob.invalid;transport=ws>']);
  socket.receive(invite());
  assert.equal(socket.lastResponse('INVITE').status, 405);
  assert.match(socket.lastResponse('INVITE').get('Allow'), /\bMESSAGE\b/);
  const told = new Recorder(ua, ['newRTCSession']);
  socket.receive(invite());
  assert.equal(socket.lastResponse('INVITE').status, 488);
  assert.equal(told.story, '');
});

test('a NOTIFY outside any subscription is a sipEvent', async (t) => {
  const { ua, socket } = await connected(t);
  const told = new Recorder(ua, ['sipEvent']);
  const headers = ['Event: check-sync;reboot=true', 'Subscription-State: active', 'X-A: 1'];
  socket.receive(requestOf('NOTIFY', {}, headers));
  const [{ event, request }] = told.of('sipEvent');
  assert.equal(event.event, 'check-sync');
  assert.equal(event.params.reboot, 'true');
  assert.equal(request.getHeader('X-A'), '1');
  assert.equal(socket.lastResponse('NOTIFY').status, 200);
});
