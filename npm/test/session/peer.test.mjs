// The media driver alone, against a stand-in for the browser: what it does with each request of the
// engine, and what it reports.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';

import { load } from '../load.mjs';
import { PeerConnection, Stream, installWebRTC, sectionsOf } from '../support/webrtc.mjs';

const { Peer } = await load('src/session/peer.ts');

const OFFER = `v=0\r
o=- 1 1 IN IP4 192.0.2.9\r
s=-\r
t=0 0\r
m=audio 9 UDP/TLS/RTP/SAVPF 111\r
a=mid:0\r
a=sendrecv\r
`;

/** All microtasks that are due have run. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

let web;
let reports;

function peerWith(settings = {}) {
  reports = [];
  const connection = new PeerConnection();
  const peer = new Peer(
    connection,
    { stream: undefined, constraints: undefined, offer: undefined, answer: undefined, ...settings },
    (...report) => reports.push(report),
  );
  return { peer, connection };
}

/** Carries out requests, and gives what was reported meanwhile. */
async function carryOut(peer, ...requests) {
  const before = reports.length;
  for (const request of requests) peer.carryOut(...request);
  await settled();
  return reports.slice(before);
}

async function offer(peer, iceRestart = false) {
  const [[, sdp]] = await carryOut(peer, ['createOffer', iceRestart]);
  return sdp;
}

const names = (list) => list.map(([name]) => name);

beforeEach(() => {
  web = installWebRTC();
});
afterEach(() => web.restore());

describe('local media', () => {
  it('is captured as the constraints say', async () => {
    const { peer, connection } = peerWith({ constraints: { audio: true, video: { width: 640 } } });
    assert.deepEqual(await carryOut(peer, ['capture', true, true]), [['captured']]);
    assert.deepEqual(web.mediaDevices.asked, [{ audio: true, video: { width: 640 } }]);
    const kinds = connection.getSenders().map((sender) => sender.track.kind);
    assert.deepEqual(kinds, ['audio', 'video']);
    assert.equal(connection.streams[0], web.mediaDevices.streams[0]);
  });

  it('is captured as the engine says where nothing else does', async () => {
    const { peer } = peerWith();
    await carryOut(peer, ['capture', true, false]);
    assert.deepEqual(web.mediaDevices.asked, [{ audio: true, video: false }]);
  });

  it('is not asked for when none is wanted', async () => {
    const { peer } = peerWith({ constraints: { audio: false } });
    assert.deepEqual(await carryOut(peer, ['capture', true, true]), [['captured']]);
    assert.deepEqual(web.mediaDevices.asked, []);
  });

  it('is the stream that is given, which stays as it is', async () => {
    const stream = new Stream('audio', 'video');
    const { peer, connection } = peerWith({ stream, constraints: { video: false } });
    await carryOut(peer, ['capture', true, true]);
    assert.deepEqual(connection.getSenders().map((sender) => sender.track.kind), ['audio']);
    peer.close();
    assert.deepEqual(stream.getTracks().map((track) => track.readyState), ['live', 'live']);
  });

  it('that is refused is a failed capture, whose error can be had once', async () => {
    const { peer } = peerWith();
    const refusal = new DOMException('no', 'NotAllowedError');
    web.mediaDevices.refusal = refusal;
    assert.deepEqual(await carryOut(peer, ['capture', true, false]), [['failed', 'capture', 'no']]);
    assert.equal(peer.takeError('capture'), refusal);
    assert.equal(peer.takeError('capture'), undefined);
  });

  it('that comes after the end is let go', async () => {
    const { peer } = peerWith();
    let open;
    web.mediaDevices.pending = new Promise((resolve) => (open = resolve));
    await carryOut(peer, ['capture', true, true]);
    peer.carryOut('close');
    open();
    await settled();
    assert.equal(web.mediaDevices.streams.length, 1);
    assert.equal(web.mediaDevices.live, 0);
    assert.deepEqual(reports, []);
  });

  it('that was captured is let go at the end', async () => {
    const { peer } = peerWith();
    await carryOut(peer, ['capture', true, true]);
    assert.equal(web.mediaDevices.live, 2);
    peer.close();
    assert.equal(web.mediaDevices.live, 0);
  });
});

describe('descriptions', () => {
  it('are made with the constraints of the application', async () => {
    const { peer, connection } = peerWith({
      offer: { offerToReceiveVideo: true },
      answer: { voiceActivityDetection: false },
    });
    await carryOut(peer, ['capture', true, false]);
    const sdp = await offer(peer);
    assert.deepEqual(sectionsOf(sdp).map(({ kind }) => kind), ['audio', 'video']);
    assert.deepEqual(connection.offerOptions, { offerToReceiveVideo: true });
    await carryOut(peer, ['setRemote', 'offer', OFFER], ['createAnswer']);
    assert.deepEqual(connection.answerOptions, { voiceActivityDetection: false });
  });

  it('are made one after the other, in the order of the requests', async () => {
    const { peer, connection } = peerWith();
    await carryOut(peer, ['capture', true, false]);
    const told = await carryOut(peer, ['setRemote', 'offer', OFFER], ['createAnswer']);
    assert.deepEqual(names(told), ['remoteSet', 'created']);
    assert.deepEqual(connection.calls, ['addTrack', 'setRemoteDescription', 'createAnswer']);
  });

  it('that fail are told by their step', async () => {
    const { peer, connection } = peerWith();
    connection.refusals.createOffer = new Error('not now');
    assert.deepEqual(await carryOut(peer, ['createOffer', false]), [
      ['failed', 'createOffer', 'not now'],
    ]);
    assert.deepEqual(names(await carryOut(peer, ['setRemote', 'offer', 'v=0\r\n'])), ['failed']);
    assert.deepEqual(names(await carryOut(peer, ['createAnswer'])), ['failed']);
  });

  it('of a restart carry new credentials and gather anew', async () => {
    const { peer } = peerWith({ constraints: { audio: true } });
    await carryOut(peer, ['capture', true, false]);
    const first = await offer(peer);
    await carryOut(peer, ['setLocal', 'offer', first], ['rollback']);
    const second = await offer(peer, true);
    assert.notEqual(/ice-ufrag:(.*)/.exec(first)[1], /ice-ufrag:(.*)/.exec(second)[1]);
    const [told] = await carryOut(peer, ['setLocal', 'offer', second]);
    assert.deepEqual(told, ['localSet', false]);
  });

  it('that were not answered can be taken back from either side', async () => {
    const { peer, connection } = peerWith();
    await carryOut(peer, ['capture', true, false]);
    await carryOut(peer, ['setLocal', 'offer', await offer(peer)]);
    await carryOut(peer, ['rollback']);
    assert.equal(connection.signalingState, 'stable');
    await carryOut(peer, ['setRemote', 'offer', OFFER], ['rollback']);
    assert.equal(connection.signalingState, 'stable');
    assert.deepEqual(await carryOut(peer, ['rollback']), []);
  });
});

describe('candidates', () => {
  it('are told after the description is, each with its section', async () => {
    PeerConnection.gathering = 'later';
    const { peer, connection } = peerWith();
    await carryOut(peer, ['capture', true, false]);
    const sdp = await offer(peer);
    // The browser may find one before it says that the description is set.
    connection.addEventListener('icegatheringstatechange', () => connection.gather('candidate:1'));
    const told = await carryOut(peer, ['setLocal', 'offer', sdp]);
    assert.deepEqual(told, [['localSet', false], ['candidate', 'candidate:1', '0']]);
    connection.gather('candidate:2');
    connection.gather('');
    assert.deepEqual(reports.slice(-1), [['candidate', 'candidate:2', '0']]);
  });

  it('are over once, whichever way the browser says so', async () => {
    PeerConnection.gathering = 'later';
    const { peer, connection } = peerWith();
    await carryOut(peer, ['capture', true, false]);
    await carryOut(peer, ['setLocal', 'offer', await offer(peer)]);
    connection.gathered();
    assert.deepEqual(reports.slice(-1), [['gatheringComplete']]);
    assert.equal(names(reports).filter((name) => name === 'gatheringComplete').length, 1);
  });

  it('that were gathered before are not waited for again', async () => {
    const { peer } = peerWith();
    await carryOut(peer, ['capture', true, false]);
    await carryOut(peer, ['setLocal', 'offer', await offer(peer)]);
    const told = await carryOut(peer, ['setLocal', 'offer', await offer(peer)]);
    assert.deepEqual(told, [['localSet', true]]);
  });

  it('that a description did not wait for, a later one does not wait for either', async () => {
    PeerConnection.gathering = 'later';
    const { peer, connection } = peerWith();
    await carryOut(peer, ['capture', true, false]);
    await carryOut(peer, ['setLocal', 'offer', await offer(peer)]);
    const candidate = connection.gather();
    const [[, sdp]] = await carryOut(peer, ['describeLocal']);
    assert.match(sdp, new RegExp(candidate.candidate));
    const told = await carryOut(peer, ['setLocal', 'offer', await offer(peer)]);
    assert.deepEqual(told, [['localSet', true]]);
  });

  it('of the peer are added, and one that cannot be is passed over', async () => {
    const { peer, connection } = peerWith();
    connection.refusals.addIceCandidate = new Error('which section?');
    const told = await carryOut(
      peer,
      ['addCandidate', 'candidate:7', 'x'],
      ['addCandidate', 'candidate:8', '0'],
      ['addCandidate', 'candidate:9', undefined],
      ['endOfCandidates'],
    );
    assert.deepEqual(told, []);
    assert.deepEqual(connection.remoteCandidates, [
      { candidate: 'candidate:8', sdpMid: '0' },
      { candidate: 'candidate:9', sdpMLineIndex: 0 },
      undefined,
    ]);
  });
});

describe('hold', () => {
  const RECEIVING = { offerToReceiveAudio: true, offerToReceiveVideo: true };
  const directionsOf = (connection) => connection.getTransceivers().map((one) => one.direction);

  it('turns what is received off, and back', async () => {
    const { peer, connection } = peerWith({ offer: RECEIVING });
    await carryOut(peer, ['capture', true, false]);
    await offer(peer);
    await carryOut(peer, ['setHold', true, false]);
    assert.deepEqual(directionsOf(connection), ['sendonly', 'inactive']);
    const sdp = await offer(peer);
    assert.deepEqual(sectionsOf(sdp).map(({ direction }) => direction), ['sendonly', 'inactive']);
    await carryOut(peer, ['setHold', false, false]);
    assert.deepEqual(directionsOf(connection), ['sendrecv', 'recvonly']);
    await offer(peer);
    assert.deepEqual(connection.offerOptions, RECEIVING);
  });

  it('turns what is sent off while the peer holds, and all while both do', async () => {
    const { peer, connection } = peerWith({ offer: RECEIVING });
    await carryOut(peer, ['capture', true, false]);
    await offer(peer);
    for (const [local, remote, expected] of [
      [false, true, ['recvonly', 'recvonly']],
      [true, true, ['inactive', 'inactive']],
      [true, false, ['sendonly', 'inactive']],
      [false, false, ['sendrecv', 'recvonly']],
    ]) {
      await carryOut(peer, ['setHold', local, remote]);
      assert.deepEqual(directionsOf(connection), expected);
    }
  });

  it('leaves a direction that the application has changed meanwhile', async () => {
    const { peer, connection } = peerWith();
    await carryOut(peer, ['capture', true, true]);
    await carryOut(peer, ['setHold', true, false]);
    connection.getTransceivers()[1].direction = 'inactive';
    await carryOut(peer, ['setHold', false, false]);
    assert.deepEqual(directionsOf(connection), ['sendrecv', 'inactive']);
  });

  it('holds what the peer adds while it lasts', async () => {
    const { peer, connection } = peerWith();
    await carryOut(peer, ['setHold', true, false], ['setRemote', 'offer', OFFER]);
    await carryOut(peer, ['createAnswer']);
    assert.deepEqual(directionsOf(connection), ['inactive']);
    await carryOut(peer, ['setHold', false, false]);
    assert.deepEqual(directionsOf(connection), ['recvonly']);
  });
});

describe('muting', () => {
  const enabledOf = (connection) => connection.getSenders().map(({ track }) => track.enabled);

  it('touches only the kind that changes', async () => {
    const { peer, connection } = peerWith();
    await carryOut(peer, ['capture', true, true]);
    const [audio] = connection.getSenders();
    audio.track.enabled = false;
    peer.carryOut('setEnabled', true, false);
    assert.deepEqual(enabledOf(connection), [false, false]);
    peer.carryOut('setEnabled', true, true);
    assert.deepEqual(enabledOf(connection), [false, true]);
  });

  it('before there is media mutes what comes', async () => {
    const { peer, connection } = peerWith();
    peer.carryOut('setEnabled', false, true);
    await carryOut(peer, ['capture', true, true]);
    assert.deepEqual(enabledOf(connection), [false, true]);
  });
});

describe('tones', () => {
  it('follow those that are still to be played', async () => {
    const { peer, connection } = peerWith();
    await carryOut(peer, ['capture', true, false]);
    const { dtmf } = connection.getSenders()[0];
    dtmf.toneBuffer = '12';
    peer.insertTones('34', 160, 90);
    assert.deepEqual(dtmf.inserted, [['1234', 160, 90]]);
  });

  it('are nothing without local audio', () => {
    const { peer } = peerWith();
    peer.insertTones('1', 100, 500);
    assert.deepEqual(reports, []);
  });
});

describe('the connection', () => {
  it('tells each state once', () => {
    const { connection } = peerWith();
    for (const state of ['connecting', 'connected', 'connected', 'disconnected', 'failed']) {
      connection.become(state);
    }
    assert.deepEqual(reports.map(([, state]) => state), [
      'connecting',
      'connected',
      'disconnected',
      'failed',
    ]);
  });

  it('tells its states where the browser knows only those of ICE', () => {
    const { connection } = peerWith();
    connection.connectionState = undefined;
    for (const state of ['checking', 'completed', 'disconnected', 'failed', 'checking']) {
      connection.iceConnectionState = state;
      connection.dispatchEvent(new Event('iceconnectionstatechange'));
    }
    assert.deepEqual(reports.map(([, state]) => state), [
      'connecting',
      'connected',
      'disconnected',
      'failed',
      'connecting',
    ]);
  });

  it('that is closed reports nothing more and has no listeners', async () => {
    const { peer, connection } = peerWith();
    const told = await carryOut(peer, ['createOffer', false], ['close'], ['createAnswer']);
    assert.deepEqual(told, []);
    assert.equal(connection.listening, 0);
    assert.equal(PeerConnection.open, 0);
    assert.deepEqual(connection.calls.filter((name) => name === 'close'), ['close']);
    peer.close();
    assert.deepEqual(connection.calls.filter((name) => name === 'close'), ['close']);
  });
});
