// What a session does that JsSIP's does not, or does better: what goes out, what can be decided
// when, and what is left behind.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import * as offhook from '../../dist/offhook.js';
import { NOTHING, leftovers, pair } from '../support/calls.mjs';
import { PeerConnection, Stream, sectionsOf } from '../support/webrtc.mjs';


/** A story about Alice and Bob; at its end, nothing is left of their calls. */
function story(name, play, settings) {
  it(name, async (t) => {
    const both = await pair(t, offhook, settings);
    await play(both, t);
    for (const session of [...both.sessions.alice, ...both.sessions.bob]) {
      if (!session.isEnded()) session.terminate();
    }
    await both.clock.advance(0);
    await both.clock.advance(40_000);
    assert.deepEqual(leftovers(both), NOTHING);
    for (const ua of [both.alice, both.bob]) {
      const { sessions, dialogs, clientTransactions, serverTransactions, asks } =
        ua.driver.live();
      assert.deepEqual(
        { sessions, dialogs, clientTransactions, serverTransactions, asks },
        { sessions: 0, dialogs: 0, clientTransactions: 0, serverTransactions: 0, asks: 0 },
      );
      assert.deepEqual([ua.driver.sessions.size, ua.driver.requests.size], [0, 0]);
    }
  });
}

const now = ({ clock }) => clock.advance(0);

describe('a call', () => {
  story('has the identities of its INVITE', async (both) => {
    const { caller, callee } = await both.established({ fromDisplayName: 'Alice A.' });
    assert.equal(caller.direction, 'outgoing');
    assert.equal(callee.direction, 'incoming');
    assert.equal(String(caller.remote_identity.uri), 'sip:bob@example.com');
    assert.equal(callee.remote_identity.display_name, 'Alice A.');
    assert.equal(String(callee.remote_identity.uri), 'sip:alice@example.com');
    assert.equal(String(callee.local_identity.uri), 'sip:bob@example.com');
    const [invite] = both.sent.alice.all('INVITE');
    assert.equal(caller.id, invite.get('Call-ID') + invite.tag('From'));
    assert.equal(callee.id, caller.id);
    assert.match(caller.contact, /^<sip:.*;ob>$/);
    assert.ok(caller.start_time instanceof Date && callee.start_time instanceof Date);
    assert.equal(caller.end_time, null);
    caller.terminate();
    assert.ok(caller.end_time instanceof Date);
    assert.equal(caller.connection.signalingState, 'closed');
  });

  story('shows its INVITE with what is known of it before there is media', async (both) => {
    const shown = [];
    const names = ['Contact', 'Content-Type', 'Session-Expires'];
    both.alice.once('newRTCSession', ({ request }) => {
      shown.push(...names.map((name) => request.getHeader(name)), request.body);
    });
    const { caller } = await both.established();
    const [invite] = both.sent.alice.all('INVITE');
    assert.deepEqual(shown, [...names.map((name) => invite.get(name)), undefined]);
    assert.equal(shown[0], caller.contact);
  });

  story('that comes in has the tag of this side in its request from the start', async (both) => {
    const tags = [];
    both.bob.once('newRTCSession', ({ request }) => tags.push(request.to_tag));
    const { callee } = await both.established();
    const answer = both.sent.bob.all('INVITE').find(({ status }) => status === 200);
    assert.deepEqual(tags, [answer.tag('To')]);
    assert.equal(callee._call().request.to_tag, tags[0]);
  });

  story('that fails has no end time', async (both) => {
    both.onSession = (session) => session.terminate();
    const session = both.call();
    await now(both);
    assert.deepEqual([session.end_time, session.status], [null, session.C.STATUS_TERMINATED]);
  });

  story('tells of its connection before it is told of itself', async (both) => {
    const order = [];
    both.alice.on('newRTCSession', ({ session }) => {
      order.push(['newRTCSession', session.status, session.direction]);
    });
    const session = both.call({
      eventHandlers: {
        peerconnection: ({ peerconnection }) => order.push(['peerconnection', peerconnection]),
      },
    });
    assert.deepEqual(order, [
      ['peerconnection', session.connection],
      ['newRTCSession', 0, 'outgoing'],
    ]);
    assert.deepEqual(both.sent.alice.sent, []);
  });

  story('passes on what the application wants of its connection', async (both) => {
    const pcConfig = { iceServers: [{ urls: 'stun:stun.example.com' }] };
    const before = structuredClone(pcConfig);
    const stream = new Stream('audio');
    const session = both.call({
      pcConfig,
      mediaStream: stream,
      rtcConstraints: { optional: [] },
      rtcOfferConstraints: { offerToReceiveVideo: true },
      data: { note: 1 },
    });
    await now(both);
    assert.deepEqual(session.connection.config, before);
    assert.deepEqual(pcConfig, before);
    assert.deepEqual(session.connection.constraints, { optional: [] });
    assert.deepEqual(session.data, { note: 1 });
    const [{ body }] = both.sent.alice.all('INVITE');
    assert.deepEqual(sectionsOf(body).map(({ kind }) => kind), ['audio', 'video']);
    session.terminate();
    assert.equal(stream.getTracks()[0].readyState, 'live');
  });

  story('takes the connection that the application has made', async (both) => {
    const mine = new PeerConnection();
    const session = both.call({ peerConnection: mine });
    assert.equal(session.connection, mine);
    assert.equal(PeerConnection.all.length, 1);
    session.terminate();
    assert.equal(mine.signalingState, 'closed');
  });

  story('is not made with options that cannot be sent', async (both) => {
    assert.throws(() => both.call({ extraHeaders: ['X-A: b\r\nX-Smuggled: c'] }), TypeError);
    assert.equal(PeerConnection.open, 0);
    assert.deepEqual(both.records.list, []);
  });

  story('is refused where there is no WebRTC', async (both) => {
    delete globalThis.RTCPeerConnection;
    assert.throws(() => both.call(), { name: 'NOT_SUPPORTED_ERROR', code: 3 });
    globalThis.RTCPeerConnection = PeerConnection;
  });

  story('lets its initial callback see it before everybody else does', async (both) => {
    const order = [];
    both.alice.on('newRTCSession', () => order.push('newRTCSession'));
    const session = new offhook.RTCSession(both.alice);
    session.connect('bob', { mediaConstraints: { audio: true } }, (one) => {
      order.push(one === session && one.direction);
    });
    assert.deepEqual(order, ['outgoing', 'newRTCSession']);
  });

  story('sends its options', async (both) => {
    both.call({
      extraHeaders: ['X-Note: one'],
      anonymous: true,
      sessionTimersExpires: 120,
    });
    await now(both);
    const [invite] = both.sent.alice.all('INVITE');
    assert.equal(invite.get('X-Note'), 'one');
    assert.match(invite.get('Session-Expires'), /^120/);
    assert.match(invite.get('From'), /anonymous@anonymous.invalid/);
    assert.equal(invite.get('Privacy'), 'id');
  });

  story('that rings is given up with a CANCEL and its reason', async (both) => {
    const session = both.call();
    await now(both);
    session.terminate({ status_code: 486, reason_phrase: 'Too busy' });
    await now(both);
    assert.match(both.sent.alice.all('CANCEL')[0].get('Reason'), /cause=486.*"Too busy"/);
    assert.equal(both.records.event('bob', 'failed').message.method, 'CANCEL');
  });

  story('ends with the cause that terminate() is given', async (both) => {
    const { caller } = await both.established();
    caller.terminate({ cause: 'Bored', extraHeaders: ['X-Why: bored'], status_code: 480 });
    await now(both);
    assert.equal(both.records.event('alice', 'ended').cause, 'Bored');
    const [bye] = both.sent.alice.all('BYE');
    assert.equal(bye.get('X-Why'), 'bored');
    assert.match(bye.get('Reason'), /cause=480/);
    assert.equal(both.records.event('bob', 'ended').cause, 'Terminated');
  });

  story('may leave the offer to the peer', async (both) => {
    const { caller, callee } = await both.established({ lateOffer: true });
    const [invite] = both.sent.alice.all('INVITE');
    assert.equal(invite.body, '');
    assert.equal(caller.connection.signalingState, 'stable');
    assert.deepEqual(both.web.mediaDevices.asked[1], { audio: true });
    assert.equal(callee.status, callee.C.STATUS_CONFIRMED);
  });

  story('goes on when its socket is cut, and can be ended when there is another', async (both) => {
    const { caller, callee } = await both.established();
    both.wire.cut();
    await now(both);
    assert.equal(caller.isEstablished(), true);
    await both.clock.advance(5000);
    assert.equal(both.alice.isConnected() && both.bob.isConnected(), true);
    caller.terminate();
    await now(both);
    assert.equal(callee.isEnded(), true);
    assert.equal(both.records.event('bob', 'ended').originator, 'remote');
  });

  story('has media before it is answered where the callee wants that', async (both) => {
    both.onSession = (session) => session.progress();
    const session = both.call();
    await now(both);
    const [callee] = both.sessions.bob;
    assert.deepEqual([session.status, callee.status], [2, 4]);
    assert.equal(session.connection.signalingState, 'stable');
    callee.answer();
    await now(both);
    assert.equal(session.isEstablished(), true);
    assert.equal(PeerConnection.all.length, 2);
  });

  story('that is not answered yet can send progress of the application', async (both) => {
    both.onSession = (session) => session.progress({ status_code: 183, media: false });
    both.call();
    await now(both);
    assert.deepEqual(both.records.of('alice').filter((name) => name === 'progress').length, 2);
  });
});

describe('many calls', () => {
  story('leave nothing behind, however they end', async (both) => {
    for (let count = 0; count < 20; count += 1) {
      const { caller, callee } = await both.established();
      caller.sendDTMF('1');
      caller.hold();
      await now(both);
      (count % 2 ? caller : callee).terminate();
      await now(both);
      both.onSession = (session) => session.terminate();
      both.call();
      await now(both);
      both.onSession = () => {};
      const ringing = both.call();
      await now(both);
      ringing.terminate();
      await now(both);
    }
    assert.equal(both.sessions.alice.length, 60);
    assert.equal(PeerConnection.all.length, 80);
  });
});

describe('an answer', () => {
  story('sends its options', async (both) => {
    await both.established({}, { extraHeaders: ['X-Note: two'], data: 'mine' });
    const ok = both.sent.bob.all('INVITE').find(({ status }) => status === 200);
    assert.equal(ok.get('X-Note'), 'two');
    assert.equal(both.sessions.bob[0].data, 'mine');
  });

  story('leaves the stream of the application whole', async (both) => {
    const mediaStream = new Stream('audio', 'video');
    const { callee } = await both.established(
      { mediaConstraints: { audio: true, video: true } },
      { mediaStream, mediaConstraints: { audio: true, video: false } },
    );
    assert.equal(mediaStream.getTracks().length, 2);
    const kinds = callee.connection.getSenders().flatMap(({ track }) => track?.kind ?? []);
    assert.deepEqual(kinds, ['audio']);
  });

  story('captures what the offer has', async (both) => {
    await both.established({ mediaConstraints: { audio: true, video: true } });
    assert.deepEqual(both.web.mediaDevices.asked[1], { audio: true, video: true });
  });

  story('may be a refusal with a description, or with any other body', async (both) => {
    both.onSession = (session) => session.terminate({ status_code: 488, body: 'v=0\r\n' });
    both.call();
    await now(both);
    const extraHeaders = ['Content-Type: text/plain'];
    both.onSession = (session) => session.terminate({ status_code: 486, body: 'no', extraHeaders });
    both.call();
    await now(both);
    const refusals = both.sent.bob.all('INVITE').filter(({ status }) => status >= 300);
    assert.deepEqual(
      refusals.map((refusal) => refusal.get('Content-Type')),
      ['application/sdp', 'text/plain'],
    );
  });

  story('that comes when the call is over is refused', async (both) => {
    both.call();
    await now(both);
    const [session] = both.sessions.bob;
    session.terminate();
    assert.throws(() => session.answer(), { name: 'INVALID_STATE_ERROR', status: 8 });
    assert.equal(PeerConnection.all.length, 1);
  });
});

describe('a renegotiation that is refused', () => {
  for (const method of ['hold', 'renegotiate']) {
    story(`leaves the call alive, after ${method}()`, async (both) => {
      const { caller, callee } = await both.established();
      callee.on('reinvite', ({ reject }) => reject({ status_code: 488 }));
      const failures = [];
      caller.on('renegotiationfailed', (event) => failures.push(event));
      let done = 0;
      assert.equal(caller[method]({}, () => (done += 1)), true);
      await now(both);
      assert.equal(done, 0);
      assert.deepEqual(failures.map(({ response }) => response.status_code), [488]);
      assert.equal(caller.isEstablished(), true);
      assert.deepEqual(caller.isOnHold(), { local: false, remote: false });
      assert.equal(caller.isReadyToReOffer(), true);
      assert.equal(caller.connection.getTransceivers()[0].direction, 'sendrecv');
      assert.equal(caller.connection.getSenders()[0].track.enabled, true);
    });
  }

  story('is refused as the application says, and only while it is asked', async (both) => {
    const { caller, callee } = await both.established();
    let late;
    callee.once('update', ({ reject }) => {
      assert.throws(() => reject({ status_code: 200 }), new TypeError('Invalid status_code: 200'));
      reject({ status_code: 499, reason_phrase: 'No', extraHeaders: ['X-Why: so'] });
    });
    caller.hold({ useUpdate: true });
    await now(both);
    const refusal = both.sent.bob.all('UPDATE').at(-1);
    assert.deepEqual([refusal.start, refusal.get('X-Why')], ['SIP/2.0 499 No', 'so']);
    callee.once('reinvite', ({ reject }) => (late = reject));
    caller.renegotiate();
    await now(both);
    late();
    await now(both);
    assert.equal(both.sent.bob.all('INVITE').at(-1).status, 200);
  });
});

describe('hold', () => {
  story('is in the offer, and stops the media', async (both) => {
    const { caller, callee } = await both.established();
    caller.hold({ extraHeaders: ['X-Note: held'] });
    assert.deepEqual(caller.isOnHold(), { local: true, remote: false });
    assert.equal(caller.connection.getSenders()[0].track.enabled, false);
    await now(both);
    const reinvite = both.sent.alice.all('INVITE').at(-1);
    assert.equal(reinvite.get('X-Note'), 'held');
    assert.equal(sectionsOf(reinvite.body)[0].direction, 'sendonly');
    assert.deepEqual(callee.isOnHold(), { local: false, remote: true });
    caller.unhold();
    await now(both);
    assert.equal(sectionsOf(both.sent.alice.all('INVITE').at(-1).body)[0].direction, 'sendrecv');
    assert.equal(caller.connection.getSenders()[0].track.enabled, true);
  });

  story('stays while the peer renegotiates', async (both) => {
    const { caller, callee } = await both.established();
    caller.hold();
    await now(both);
    callee.renegotiate();
    await now(both);
    const answer = both.sent.alice.all('INVITE').at(-1);
    assert.equal(answer.status, 200);
    assert.notEqual(sectionsOf(answer.body)[0].direction, 'sendrecv');
  });
});

describe('a renegotiation', () => {
  story('is made with its own constraints, and only that one', async (both) => {
    const { caller } = await both.established();
    caller.renegotiate({ rtcOfferConstraints: { offerToReceiveVideo: true } });
    await now(both);
    assert.deepEqual(caller.connection.offerOptions, { offerToReceiveVideo: true });
    caller.renegotiate();
    await now(both);
    assert.equal(caller.connection.offerOptions, undefined);
  });

  story('restarts ICE where its constraints say so', async (both) => {
    const { caller } = await both.established();
    const ufrag = () => /ice-ufrag:(.*)/.exec(caller.connection.localDescription.sdp)[1];
    const before = ufrag();
    caller.renegotiate({ rtcOfferConstraints: { iceRestart: true } });
    await now(both);
    assert.notEqual(ufrag(), before);
  });

  story('takes one at a time', async (both) => {
    const { caller } = await both.established();
    assert.equal(caller.hold(), true);
    assert.equal(caller.renegotiate(), false);
    assert.equal(caller.isReadyToReOffer(), false);
    const ready = new Promise((resolve) => caller.once('readytoreoffer', resolve));
    await now(both);
    await ready;
    assert.equal(caller.unhold(), true);
    await now(both);
  });
});

describe('gathering', () => {
  story('is waited for, up to ready()', async (both) => {
    PeerConnection.gathering = 'later';
    const candidates = [];
    const session = both.call({
      eventHandlers: {
        icecandidate: ({ candidate, ready }) => {
          candidates.push(candidate);
          if (candidates.length === 2) ready();
        },
      },
    });
    await now(both);
    assert.deepEqual(both.sent.alice.all('INVITE'), []);
    const given = [session.connection.gather(), session.connection.gather()];
    await now(both);
    assert.deepEqual(candidates, given);
    const [{ body }] = both.sent.alice.all('INVITE');
    for (const { candidate } of given) assert.match(body, new RegExp(candidate));
  });

  story('is not waited for without end', async (both) => {
    PeerConnection.gathering = 'later';
    both.call();
    await now(both);
    assert.equal(both.sent.alice.all('INVITE').length, 0);
    await both.clock.advance(10_000);
    assert.equal(both.sent.alice.all('INVITE').length, 1);
  });
});

describe('tones and INFO', () => {
  story('tell how they were taken', async (both) => {
    const { caller } = await both.established();
    const told = [];
    caller.on('newDTMF', ({ dtmf }) => {
      dtmf.on('succeeded', ({ response }) => told.push([dtmf.tone, response.status_code]));
    });
    caller.on('newInfo', ({ info }) => {
      info.on('succeeded', ({ response }) => told.push([info.body, response.status_code]));
    });
    caller.sendDTMF('7');
    await now(both);
    caller.sendInfo('text/plain', 'hello');
    await now(both);
    assert.deepEqual(told, [['7', 200], ['hello', 200]]);
  });

  story('that are refused leave the call alive', async (both) => {
    const { caller } = await both.established();
    both.wire.filter = ({ method, text }) =>
      method === 'INFO' ? text.replace(/^Content-Type:.*\r\n/m, '') : text;
    const told = [];
    caller.on('newInfo', ({ info }) => {
      info.on('failed', ({ response }) => told.push(response.status_code));
    });
    caller.sendInfo('text/plain', 'hello');
    await now(both);
    assert.deepEqual(told, [415]);
    assert.equal(caller.isEstablished(), true);
  });

  story('stop at the first tone that is refused', async (both) => {
    const { caller } = await both.established();
    both.wire.filter = ({ method, text }) =>
      method === 'INFO' ? text.replace(/^Content-Type:.*\r\n/m, '') : text;
    const told = [];
    caller.on('newDTMF', ({ dtmf }) => {
      dtmf.on('failed', ({ response }) => told.push([dtmf.tone, response.status_code]));
    });
    caller.sendDTMF('123');
    await both.clock.advance(3000);
    assert.deepEqual(told, [['1', 415]]);
    both.wire.filter = ({ text }) => text;
    caller.sendDTMF('4');
    await now(both);
    assert.equal(both.records.event('bob', 'newDTMF').dtmf.tone, '4');
  });

  story('go in the audio without an event', async (both) => {
    const { caller } = await both.established();
    caller.sendDTMF('12#', { transportType: 'RFC2833', duration: 160, interToneGap: 90 });
    const [{ dtmf }] = caller.connection.getSenders();
    assert.deepEqual(dtmf.inserted, [['12#', 160, 90]]);
    assert.equal(both.records.of('alice').includes('newDTMF'), false);
    assert.equal(both.sent.alice.all('INFO').length, 0);
  });

  story('leave the options of the application as they are', async (both) => {
    const { caller } = await both.established();
    const options = Object.freeze({ duration: 7, extraHeaders: Object.freeze(['X-A: b']) });
    caller.sendDTMF('1', options);
    await now(both);
    const [info] = both.sent.alice.all('INFO');
    assert.deepEqual([info.get('X-A'), info.body], ['b', 'Signal=1\r\nDuration=70']);
  });
});

describe('sendRequest()', () => {
  story('sends any request inside the session', async (both) => {
    const { caller } = await both.established();
    const told = [];
    caller.sendRequest('INFO', {
      extraHeaders: ['Content-Type: text/x', 'X-A: b'],
      body: 'hi',
      eventHandlers: { onSuccessResponse: ({ status_code }) => told.push(status_code) },
    });
    caller.sendRequest('FOO', {
      eventHandlers: { onErrorResponse: ({ status_code }) => told.push(status_code) },
    });
    await now(both);
    const [info] = both.sent.alice.all('INFO');
    assert.deepEqual([info.get('X-A'), info.get('Content-Type'), info.body], ['b', 'text/x', 'hi']);
    assert.equal(told[0], 200);
    assert.ok(told[1] >= 400, String(told[1]));
  });

  story('sends nothing without a dialog', async (both) => {
    const session = both.call();
    assert.equal(session.sendRequest('INFO'), undefined);
    assert.equal(both.sent.alice.all('INFO').length, 0);
  });
});

describe('a transfer', () => {
  story('is refused where nobody listens', async (both) => {
    const { caller } = await both.established();
    const told = [];
    const subscriber = caller.refer('carol', {
      eventHandlers: {
        trying: () => told.push('trying'),
        failed: ({ status_line }) => told.push(status_line.status_code),
      },
    });
    await now(both);
    assert.deepEqual(told, ['trying', 603]);
    assert.equal(typeof subscriber.id, 'number');
  });

  story('can be decided later, once', async (both) => {
    const { caller, callee } = await both.established();
    let event;
    callee.on('refer', (given) => (event = given));
    caller.refer('sip:carol@example.com;x=y');
    await now(both);
    assert.equal(event.request.refer_to.uri.user, 'carol');
    await both.clock.advance(5000);
    event.accept(null, { mediaConstraints: { audio: true }, extraHeaders: ['X-A: b'] });
    event.reject();
    event.accept();
    await now(both);
    assert.equal(both.sessions.bob.length, 2);
    const [, made] = both.sessions.bob;
    assert.equal(made.direction, 'outgoing');
    const invite = both.sent.bob.all('INVITE').find(({ method }) => method);
    assert.deepEqual([invite.target, invite.get('X-A')], ['sip:carol@example.com;x=y', 'b']);
  });

  story('that replaces a call names its dialog', async (both) => {
    const { caller } = await both.established();
    const { caller: second } = await both.established();
    caller.refer('sip:bob@example.com', { replaces: second });
    await now(both);
    const [refer] = both.sent.alice.all('REFER');
    const invite = both.sent.alice.all('INVITE').filter(({ method }) => method).at(-1);
    assert.match(refer.get('Refer-To'), /Replaces=/);
    assert.ok(decodeURIComponent(refer.get('Refer-To')).includes(invite.get('Call-ID')));
  });

  story('to replace what is no session of this user agent is refused', async (both) => {
    const { caller, callee } = await both.established();
    assert.throws(() => caller.refer('carol', { replaces: callee }), TypeError);
    const unused = new offhook.RTCSession(both.alice);
    assert.throws(() => caller.refer('carol', { replaces: unused }), TypeError);
  });
});

describe('an INVITE that replaces a session', () => {
  /** Bob calls Alice in place of the call that they have. */
  async function replace(both) {
    const { caller, callee } = await both.established();
    both.onSession = () => {};
    const [invite] = both.sent.alice.all('INVITE');
    const to = both.sent.bob.all('INVITE').at(-1).tag('To');
    const replaces =
      `${invite.get('Call-ID')};to-tag=${invite.tag('From')};from-tag=${to}`;
    const call = () =>
      both.bob.call('sip:alice@example.com', {
        mediaConstraints: { audio: true },
        extraHeaders: [`Replaces: ${replaces}`],
      });
    return { caller, callee, call };
  }

  story('takes its place when the application says so', async (both) => {
    const { caller, call } = await replace(both);
    const order = [];
    caller.on('replaces', (event) => {
      assert.equal(event.request.method, 'INVITE');
      setTimeout(() => event.accept((session) => order.push(['initial', session])), 1000);
    });
    const made = call();
    await now(both);
    assert.equal(both.sessions.alice.length, 1);
    await both.clock.advance(1000);
    const [, taken] = both.sessions.alice;
    assert.deepEqual(order, [['initial', taken]]);
    taken.answer();
    await now(both);
    assert.equal(made.isEstablished(), true);
    assert.equal(caller.isEnded(), true);
  });

  story('is refused where nobody listens', async (both) => {
    const { caller, call } = await replace(both);
    call();
    await now(both);
    const refusal = both.records.list.findLast(({ name }) => name === 'failed');
    assert.equal(refusal.event.message.status_code, 486);
    assert.equal(caller.isEstablished(), true);
  });

  story('is refused by the application', async (both) => {
    const { caller, call } = await replace(both);
    caller.on('replaces', ({ reject }) => reject());
    call();
    await now(both);
    assert.equal(both.sent.alice.all('INVITE').at(-1).status, 486);
  });
});

describe('listeners', () => {
  story('that throw are reported, and break nothing', async (both, t) => {
    const reported = [];
    const report = globalThis.reportError;
    globalThis.reportError = (error) => reported.push(error.message);
    t.after(() => (globalThis.reportError = report));
    const eventHandlers = Object.fromEntries(
      ['connecting', 'sdp', 'sending', 'progress', 'accepted', 'confirmed'].map((name) => [
        name,
        () => {
          throw new Error(name);
        },
      ]),
    );
    const { caller } = await both.established({ eventHandlers });
    assert.equal(caller.status, caller.C.STATUS_CONFIRMED);
    assert.deepEqual(new Set(reported), new Set(Object.keys(eventHandlers)));
  });

  story('may end the session from inside of any event', async (both) => {
    for (const name of ['peerconnection', 'connecting', 'sdp', 'sending', 'progress', 'accepted']) {
      both.onSession = (session) => session.answer();
      const session = both.call({
        eventHandlers: {
          [name]() {
            if (!this.isEnded()) this.terminate();
          },
        },
      });
      const ends = [];
      for (const end of ['ended', 'failed']) session.on(end, () => ends.push(end));
      await now(both);
      await now(both);
      assert.equal(session.isEnded(), true, name);
      assert.ok(ends.length <= 1, name);
      for (const other of both.sessions.bob) assert.equal(other.isEnded(), true, name);
    }
  });

  story('hear what an answer brings that was given before they were added', async (both) => {
    const heard = [];
    both.onSession = (session) => {
      session.on('peerconnection', () => heard.push('peerconnection'));
      session.answer();
      heard.push(`answered: ${session.status}`);
      for (const name of ['progress', 'accepted']) session.on(name, () => heard.push(name));
    };
    both.call();
    await now(both);
    const answered = `answered: ${offhook.RTCSession.C.STATUS_ANSWERED}`;
    assert.deepEqual(heard, ['peerconnection', answered, 'progress', 'accepted']);
  });

  story('hear of an offer that failed before the call is over', async (both) => {
    const heard = [];
    const session = both.call();
    session.connection.refusals.createOffer = new Error('no offer today');
    for (const name of ['peerconnection:createofferfailed', 'failed']) {
      session.on(name, () => heard.push([name, session.isInProgress(), session.isEnded()]));
    }
    await now(both);
    assert.deepEqual(heard, [
      ['peerconnection:createofferfailed', true, false],
      ['failed', false, true],
    ]);
  });

  story('hear of early media that is there', async (both) => {
    const states = [];
    both.onSession = (session) => session.progress();
    const session = both.call();
    session.on('progress', () => states.push(session.connection.signalingState));
    await now(both);
    assert.deepEqual(states, ['have-local-offer', 'stable']);
  });

  story('may hold the call from inside of `confirmed`', async (both) => {
    const { caller } = await both.established({
      eventHandlers: {
        confirmed() {
          assert.equal(this.hold(), true);
          assert.deepEqual(this.isOnHold(), { local: true, remote: false });
        },
      },
    });
    await now(both);
    assert.equal(both.sessions.bob[0].isOnHold().remote, true);
    caller.terminate();
  });
});

describe('confirmed()', () => {
  story('settles with the call', async (both) => {
    both.onSession = (session) => session.answer();
    const session = both.call();
    const settled = session.confirmed();
    await now(both);
    await settled;
    await session.confirmed();
  });

  story('fails with the reason of the end', async (both) => {
    both.onSession = (session) => session.terminate({ status_code: 486 });
    const session = both.call();
    const expected = { name: 'SESSION_ENDED_ERROR', cause: 'Busy', originator: 'remote' };
    const settled = assert.rejects(session.confirmed(), expected);
    await now(both);
    await settled;
    const { message } = both.records.event('alice', 'failed');
    await assert.rejects(session.confirmed(), { response: message });
  });
});

describe('a loop over a session', () => {
  story('sees every event up to the end', async (both) => {
    both.onSession = (session) => session.answer();
    const session = both.call();
    const seen = [];
    const loop = (async () => {
      for await (const event of session) {
        seen.push(event.name);
        if (event.name === 'confirmed') session.terminate();
      }
    })();
    await now(both);
    await now(both);
    await loop;
    const isSessions = (name) => name !== 'newRTCSession';
    assert.deepEqual(
      seen.filter((name) => name !== 'readytoreoffer'),
      both.records.of('alice').filter(isSessions),
    );
    for await (const event of session) assert.fail(event.name);
  });

  story('sees no more once it is left', async (both) => {
    const session = both.call();
    for (let turn = 0; turn < 2; turn += 1) {
      const loop = (async () => {
        for await (const event of session) return event.name;
      })();
      await now(both);
      if (turn === 0) assert.equal(await loop, 'connecting');
      else {
        session.terminate();
        assert.equal(await loop, 'failed');
      }
    }
    assert.equal(session._call().taps.size, 0);
  });

  story('decides on a transfer until it goes on', async (both) => {
    const { caller, callee } = await both.established();
    const loop = (async () => {
      for await (const event of callee) {
        if (event.name === 'refer' && event.request.refer_to.uri.user === 'carol') {
          event.accept(null, { mediaConstraints: { audio: true } });
        }
      }
    })();
    const told = [];
    const eventHandlers = { failed: ({ status_line }) => told.push(status_line.status_code) };
    caller.refer('carol');
    await now(both);
    assert.equal(both.sessions.bob.length, 2);
    caller.refer('dave', { eventHandlers });
    await now(both);
    assert.deepEqual(told, [603]);
    caller.terminate();
    await now(both);
    await loop;
  });
});

describe('a signal', () => {
  story('that is aborted ends the call', async (both) => {
    const controller = new AbortController();
    const { caller } = await both.established({ signal: controller.signal });
    controller.abort();
    assert.equal(caller.isEnded(), true);
    assert.equal(both.records.event('alice', 'ended').originator, 'local');
  });

  story('that was aborted before lets no call be made', async (both) => {
    assert.throws(() => both.call({ signal: AbortSignal.abort() }), { name: 'AbortError' });
    assert.equal(PeerConnection.all.length, 0);
  });

  story('that is aborted after the end does nothing', async (both) => {
    const controller = new AbortController();
    const session = both.call({ signal: controller.signal });
    session.terminate();
    controller.abort();
    assert.equal(both.records.of('alice').filter((name) => name === 'failed').length, 1);
  });

  story('of an answer ends the call, too', async (both) => {
    const controller = new AbortController();
    const { callee } = await both.established({}, { signal: controller.signal });
    controller.abort();
    assert.equal(callee.isEnded(), true);
  });
});

/** A proxy as Vue makes it: what is read through it is in a proxy, too, if it lets itself be. */
function reactive(target) {
  const isPlain = Object.prototype.toString.call(target) === '[object Object]';
  if ((!isPlain && !Array.isArray(target)) || target.__v_skip) return target;
  return new Proxy(target, {
    get: (object, key, receiver) => reactive(Reflect.get(object, key, receiver)),
  });
}

describe('a proxy', () => {
  story('around a session can do all that the session can', async (both) => {
    const { caller } = await both.established();
    const proxy = reactive(caller);
    assert.notEqual(proxy, caller);
    assert.equal(proxy.isEstablished(), true);
    assert.equal(proxy.hold(), true);
    await now(both);
    assert.equal(proxy.unhold(), true);
    await now(both);
    proxy.mute();
    assert.deepEqual(proxy.isMuted(), { audio: true, video: false });
    proxy.sendDTMF('1');
    assert.deepEqual((await proxy.stats()).inbound, []);
    const seen = [];
    proxy.on('ended', ({ cause }) => seen.push(cause));
    proxy.terminate();
    assert.deepEqual([proxy.isEnded(), seen], [true, ['Terminated']]);
  });

  story('around a user agent can call', async (both) => {
    both.onSession = (session) => reactive(session).answer();
    const session = reactive(both.alice).call('bob', { mediaConstraints: { audio: true } });
    await now(both);
    await now(both);
    assert.equal(session.isEstablished(), true);
    session.terminate();
  });
});
