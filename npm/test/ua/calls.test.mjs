// What a user agent knows of its calls.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Recorder, connected } from '../support/agent.mjs';
import { settled } from '../support/clock.mjs';
import { requestOf } from '../support/sip.mjs';
import { PeerConnection, installWebRTC } from '../support/webrtc.mjs';

const CONTACT = 'Contact: <sip:bob@bob.invalid;transport=ws>';
const SDP = ['Content-Type: application/sdp'];
const OFFER = [
  'v=0', 'o=bob 1 1 IN IP4 192.0.2.2', 's=-', 't=0 0', 'm=audio 9 UDP/TLS/RTP/SAVPF 0',
  'c=IN IP4 192.0.2.2', 'a=mid:0', 'a=rtpmap:0 PCMU/8000', 'a=sendrecv', 'a=setup:actpass',
  'a=ice-ufrag:abcd', 'a=ice-pwd:abcdefghijklmnopqrstuvwx', 'a=rtcp-mux',
  `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`, '',
].join('\r\n');

async function phone(t, configuration) {
  const webrtc = installWebRTC();
  t.after(() => webrtc.restore());
  const made = await connected(t, configuration);
  const sessions = [];
  made.ua.on('newRTCSession', (event) => sessions.push(event));
  return { ...made, sessions };
}

const invite = () => requestOf('INVITE', {}, [CONTACT, ...SDP], OFFER);

test('an incoming call is kept until its end', async (t) => {
  const { ua, socket, sessions, clock } = await phone(t);
  socket.receive(invite());
  const [{ originator, session, request }] = sessions;
  assert.equal(originator, 'remote');
  assert.equal(request.method, 'INVITE');
  assert.deepEqual(ua._sessions, { [session.id]: session });
  assert.equal(socket.lastResponse('INVITE').status, 180);
  ua.terminateSessions({ status_code: 486 });
  assert.equal(session.isEnded(), true);
  assert.equal(socket.lastResponse('INVITE').status, 486);
  await clock.advance(60_000);
  assert.deepEqual(ua._sessions, {});
  assert.equal(ua.driver.sessions.size, 0);
});

test('a listener may answer at once', async (t) => {
  const { ua, socket } = await phone(t);
  let told;
  ua.on('newRTCSession', ({ session }) => {
    told = new Recorder(session, ['accepted', 'failed']);
    session.answer({ mediaConstraints: { audio: true } });
  });
  socket.receive(invite());
  for (let turn = 0; turn < 10; turn += 1) await settled();
  assert.equal(told.story, 'accepted');
  assert.equal(socket.lastResponse('INVITE').status, 200);
});

test('a listener may refuse at once', async (t) => {
  const { ua, socket } = await phone(t);
  ua.on('newRTCSession', ({ session }) => session.terminate({ status_code: 603 }));
  socket.receive(invite());
  const statuses = socket.sent.filter(({ status }) => status >= 180).map(({ status }) => status);
  assert.deepEqual(statuses, [603], 'and it does not ring');
});

test('peer connections are made by the class that the configuration names', async (t) => {
  let made = 0;
  class Own extends PeerConnection {
    constructor(...configuration) {
      super(...configuration);
      made += 1;
    }
  }
  const { ua, socket } = await phone(t, { rtc_peer_connection: Own });
  const session = ua.call('bob', { mediaConstraints: { audio: true } });
  assert.equal(made, 1);
  assert.equal(session.connection.constructor, Own);
  for (let turn = 0; turn < 10; turn += 1) await settled();
  assert.equal(socket.last('INVITE').target, 'sip:bob@example.com');
});

test('stop ends the calls before it closes the connection', async (t) => {
  const { ua, socket, told, sessions, clock } = await phone(t);
  const session = ua.call('bob', { mediaConstraints: { audio: true } });
  const ended = new Recorder(session, ['ended', 'failed']);
  for (let turn = 0; turn < 10; turn += 1) await settled();
  socket.respond(socket.last('INVITE'), 180, [CONTACT]);
  socket.receive(invite());
  assert.equal(sessions.length, 2);
  told.take();
  ua.stop();
  assert.equal(ended.story, 'failed');
  assert.ok(socket.last('CANCEL'));
  assert.equal(socket.lastResponse('INVITE').status, 480);
  assert.equal(told.take(), '', 'what the peers say is waited for');
  await clock.advance(2_000);
  assert.equal(told.take(), 'disconnected');
  assert.deepEqual(ua._sessions, {});
  assert.equal(PeerConnection.open, 0);
});

test('two hundred calls leave nothing behind', async (t) => {
  const { ua, socket, clock } = await phone(t);
  for (let count = 0; count < 200; count += 1) {
    socket.receive(invite());
    ua.terminateSessions();
    socket.receive(requestOf('ACK', {}, []));
    socket.take();
  }
  await clock.advance(60_000);
  assert.deepEqual(ua._sessions, {});
  assert.equal(ua.driver.sessions.size, 0);
  const { flows, ...rest } = ua.driver.live();
  assert.equal(flows, 1);
  assert.ok(Object.values(rest).every((size) => size === 0), JSON.stringify(rest));
});
