// Offers within a call: hold, renegotiation, session refresh, mute.

import { methodOf } from '../lib/message.mjs';
import { SDP, makeCallRaw } from './by-hand.js';
import { hangUp, talk } from './together.js';

/** A call that bob answers by hand; it stands. Gives alice's call and bob's side. */
async function talkByHand(alice, bob, { headers = [], options } = {}) {
  const { call, raw } = await makeCallRaw(alice, bob, options);
  const body = await raw.answerTo(raw.invite.body);
  raw.reply('200 OK', { headers: [SDP, ...headers], body });
  await Promise.all([raw.saw('ACK'), call.saw('confirmed')]);
  return { call, raw, body };
}

/** The caller refreshes the session, as its peer has agreed (RFC 4028 section 7.2). */
const REFRESHED = ['Require: timer', 'Session-Expires: 90;refresher=uac'];

/** Resolves once what `ready` wants to see of the peer connection is so, told by `event`. */
async function until({ connection }, event, ready) {
  if (ready(connection)) return;
  await new Promise((resolve) => {
    connection.addEventListener(event, () => ready(connection) && resolve());
  });
}

/** The description under way is set. */
const settled = ({ session }) =>
  until(session, 'signalingstatechange', ({ signalingState }) => signalingState === 'stable');

/** Audio can flow: a call whose clock is set forward before that is found without media. */
const flows = ({ session }) =>
  until(session, 'connectionstatechange', ({ connectionState }) => connectionState === 'connected');

/** Bob answers the `nth` request of `method` that has come by hand, and the call ends. */
async function byeByHand(alice, raw, call) {
  if (!call.session.isEnded()) call.terminate();
  raw.reply('200 OK', { request: await raw.saw('BYE') });
  await alice.passed('← 200 BYE');
}

/** Bob makes an offer; it is answered, and alice knows that the answer has arrived. */
async function isOffered(alice, incoming, verb, options) {
  await incoming.offers(verb, options);
  const answered = alice.count('→ 200 INVITE');
  if (answered) await alice.passed('← ACK', answered);
}

const refused = (start, verb, options = {}) => async ({ alice, bob }) => {
  const { call, raw } = await talkByHand(alice, bob);
  call.do(verb, options);
  // It may be a re-INVITE all the same: this peer has not said that it knows UPDATE.
  const request = await Promise.race([raw.saw('INVITE'), ...(options.useUpdate ? [raw.saw('UPDATE')] : [])]);
  const method = methodOf(request);
  raw.reply(start, { request });
  await alice.passed(`← ${start.slice(0, 3)} ${method}`);
  await byeByHand(alice, raw, call);
};

export default {
  'holds and unholds': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    await call.offers('hold');
    await call.offers('unhold');
    await hangUp(call, incoming);
  },

  'holds and unholds what it has answered': async ({ alice, bob }) => {
    const [call, incoming] = await talk(bob, alice);
    await incoming.offers('hold');
    await isOffered(alice, incoming, 'unhold');
    await hangUp(call, incoming);
  },

  'holds and unholds by UPDATE, with headers': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    await call.offers('hold', { useUpdate: true, extraHeaders: ['X-Hold: yes'] });
    await call.offers('unhold', { useUpdate: true });
    await hangUp(call, incoming);
  },

  'is held and taken back': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    await isOffered(alice, incoming, 'hold');
    await call.saw('hold');
    await isOffered(alice, incoming, 'unhold');
    await call.saw('unhold');
    await hangUp(incoming, call);
  },

  'is held by UPDATE': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    await isOffered(alice, incoming, 'hold', { useUpdate: true });
    await isOffered(alice, incoming, 'unhold', { useUpdate: true });
    await hangUp(incoming, call);
  },

  'both hold': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    await call.offers('hold');
    await isOffered(alice, incoming, 'hold');
    await call.offers('unhold');
    await isOffered(alice, incoming, 'unhold');
    await hangUp(call, incoming);
  },

  'holds twice': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    const held = call.offers('hold');
    call.do('hold');
    await held;
    call.do('hold');
    const back = call.offers('unhold');
    call.do('unhold');
    await back;
    call.do('unhold');
    await hangUp(call, incoming);
  },

  'holds with audio and video': async ({ alice, bob }) => {
    const both = { mediaConstraints: { audio: true, video: true }, pcConfig: { iceServers: [] } };
    const [call, incoming] = await talk(alice, bob, both, both);
    await call.offers('hold');
    await isOffered(alice, incoming, 'hold');
    await isOffered(alice, incoming, 'unhold');
    await call.offers('unhold');
    await hangUp(call, incoming);
  },

  'renegotiates': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    await call.offers('renegotiate');
    await call.offers('renegotiate', { useUpdate: true });
    await call.offers('renegotiate', { rtcOfferConstraints: { iceRestart: true } });
    await hangUp(call, incoming);
  },

  'renegotiates after adding video': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    const media = await alice.frame.navigator.mediaDevices.getUserMedia({ video: true });
    call.session.connection.addTrack(media.getTracks()[0], media);
    await call.offers('renegotiate');
    await hangUp(call, incoming);
  },

  'is asked to renegotiate': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    await isOffered(alice, incoming, 'renegotiate');
    await hangUp(incoming, call);
  },

  'changes the description of a new offer': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    call.session.on('sdp', (data) => {
      if (data.originator === 'local') data.sdp += 'a=x-local-mark:1\r\n';
    });
    await call.offers('renegotiate');
    await isOffered(alice, incoming, 'renegotiate');
    await hangUp(call, incoming);
  },

  'refuses a new offer': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    call.session.on('reinvite', ({ reject }) => {
      alice.try('reject(200)', () => reject({ status_code: 200 }));
      alice.try('reject(488)', () => reject({ status_code: 488, reason_phrase: 'Not Now', extraHeaders: ['X-Why: not'] }));
    });
    incoming.do('renegotiate');
    await call.saw('ended');
  },

  'refuses an UPDATE': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    call.session.on('update', ({ reject }) => alice.try('reject()', () => reject()));
    incoming.do('renegotiate', { useUpdate: true });
    await call.saw('ended');
  },

  'is told when a new offer is answered': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    call.session.on('reinvite', (data) => {
      data.callback = () => alice.note('app', 'the callback of reinvite');
    });
    await isOffered(alice, incoming, 'renegotiate');
    await hangUp(call, incoming);
  },

  'its hold is refused': refused('488 Not Acceptable Here', 'hold'),
  'its hold by UPDATE is refused': refused('488 Not Acceptable Here', 'hold', { useUpdate: true }),
  'its renegotiation is refused': refused('606 Not Acceptable', 'renegotiate'),
  'its renegotiation finds no dialog': refused('481 Call/Transaction Does Not Exist', 'renegotiate'),
  'its renegotiation times out at the peer': refused('408 Request Timeout', 'renegotiate'),

  'its offer meets another': async ({ alice, bob }) => {
    const { call, raw, body } = await talkByHand(alice, bob);
    call.do('renegotiate');
    raw.reply('491 Request Pending', { request: await raw.saw('INVITE') });
    await alice.passed('← 491 INVITE');
    alice.skip(5);
    raw.reply('200 OK', { request: await raw.saw('INVITE', 2), headers: [SDP], body });
    await raw.saw('ACK', 3);
    await byeByHand(alice, raw, call);
  },

  'its offer is answered without SDP': async ({ alice, bob }) => {
    const { call, raw } = await talkByHand(alice, bob);
    call.do('renegotiate');
    raw.reply('200 OK', { request: await raw.saw('INVITE') });
    await alice.passed('← 200 INVITE', 2);
    await byeByHand(alice, raw, call);
  },

  'hangs up while its offer is on the way': async ({ alice, bob }) => {
    const { call, raw } = await talkByHand(alice, bob);
    const before = alice.count('← 100 INVITE');
    call.do('renegotiate');
    const request = await raw.saw('INVITE');
    await alice.passed('← 100 INVITE', before + 1);
    call.terminate();
    raw.reply('200 OK', { request: await raw.saw('BYE') });
    await alice.passed('← 200 BYE');
    raw.reply('487 Request Terminated', { request });
    await alice.passed('← 487 INVITE');
  },

  'gets an offer while its own is on the way': async ({ alice, bob }) => {
    const { call, raw, body } = await talkByHand(alice, bob);
    call.do('renegotiate');
    const offer = await raw.saw('INVITE');
    await raw.request('INVITE', { headers: [SDP], body });
    await raw.request('INFO', { headers: ['Content-Type: text/plain'], body: 'x' });
    raw.reply('488 Not Acceptable Here', { request: offer });
    await alice.passed('← 488 INVITE');
    await byeByHand(alice, raw, call);
  },

  'gets an offer that it cannot understand': async ({ alice, bob }) => {
    const { call, raw } = await talkByHand(alice, bob);
    await raw.request('INVITE', { headers: [SDP], body: 'v=0\r\nnonsense\r\n' });
    await byeByHand(alice, raw, call);
  },

  'gets a re-INVITE without an offer': async ({ alice, bob }) => {
    const { call, raw } = await talkByHand(alice, bob);
    const response = await raw.request('INVITE', { acknowledge: false });
    const body = await raw.answerTo(response.body);
    raw.request('ACK', { headers: [SDP], body });
    await alice.passed('← ACK');
    await settled(call);
    await raw.request('INFO', { headers: ['Content-Type: text/plain'], body: 'x' });
    await byeByHand(alice, raw, call);
  },

  'gets an UPDATE without an offer': async ({ alice, bob }) => {
    const { call, raw } = await talkByHand(alice, bob);
    await raw.request('UPDATE', { headers: ['Supported: timer', 'Session-Expires: 120;refresher=uac'] });
    await byeByHand(alice, raw, call);
  },

  'gets requests with an old CSeq, and of unknown methods': async ({ alice, bob }) => {
    const { call, raw } = await talkByHand(alice, bob);
    raw.cseq = 20;
    await raw.request('INFO', { headers: ['Content-Type: text/plain'], body: 'x' });
    await raw.request('INFO', { cseq: 5, headers: ['Content-Type: text/plain'], body: 'x' });
    await raw.request('FROBNICATE');
    await raw.request('OPTIONS');
    await raw.request('MESSAGE', { headers: ['Content-Type: text/plain'], body: 'hello' });
    await byeByHand(alice, raw, call);
  },

  'is hung up on with a reason and a body': async ({ alice, bob }) => {
    const { call, raw } = await talkByHand(alice, bob);
    await raw.request('BYE', {
      headers: ['Reason: Q.850;cause=16;text="Normal call clearing"', 'Content-Type: text/plain'], body: 'bye',
    });
    await call.saw('ended');
  },

  'mutes and unmutes': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    for (const [verb, ...args] of [
      ['mute'], ['mute'], ['isMuted'], ['unmute', { audio: true }], ['unmute'], ['mute', { video: true }],
      ['isMuted'], ['mute', { audio: false, video: false }], ['unmute', { video: true }], ['mute', {}],
    ]) call.do(verb, ...args);
    alice.note('app', 'senders', call.session.connection.getSenders().map(({ track }) => track?.enabled));
    await hangUp(call, incoming);
  },

  'mutes while it is held': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    const enabled = (when) => alice.note('app', `senders ${when}`,
      call.session.connection.getSenders().map(({ track }) => track?.enabled));
    await isOffered(alice, incoming, 'hold');
    enabled('on hold');
    call.do('mute');
    call.do('unmute');
    enabled('after mute and unmute');
    await isOffered(alice, incoming, 'unhold');
    enabled('after the hold');
    await hangUp(incoming, call);
  },

  'refreshes the session by UPDATE': async ({ alice, bob }) => {
    await alice.register({ session_timers_force_refresher: true });
    const [call, incoming] = await talk(alice, bob);
    await flows(call);
    for (const nth of [1, 2]) {
      alice.skip(46);
      await Promise.race([alice.passed('← 200 UPDATE', nth), alice.passed('← 200 INVITE', nth + 1)]);
    }
    await hangUp(call, incoming);
  },

  'refreshes the session that it has answered': async ({ alice, bob }) => {
    const [call, incoming] = await talk(bob, alice);
    await flows(incoming);
    alice.skip(46);
    await alice.passed('← 200 UPDATE');
    await hangUp(incoming, call);
  },

  'refreshes the session by INVITE': async ({ alice, bob }) => {
    await alice.register({ session_timers_refresh_method: 'INVITE', session_timers_force_refresher: true });
    const [call, incoming] = await talk(alice, bob);
    await flows(call);
    alice.skip(46);
    await alice.passed('→ ACK', 3);
    await settled(call);
    await hangUp(call, incoming);
  },

  'keeps no session timers': async ({ alice, bob }) => {
    await alice.register({ session_timers: false });
    const [call, incoming] = await talk(alice, bob, alice.media({ sessionTimersExpires: 120 }));
    await call.offers('renegotiate');
    await hangUp(call, incoming);
  },

  'the peer does not refresh the session': async ({ alice, bob }) => {
    const { call, raw } = await talkByHand(alice, bob, { headers: ['Session-Expires: 90;refresher=uas', 'Require: timer'] });
    await flows(call);
    alice.skip(100);
    await call.saw('ended');
    raw.reply('200 OK', { request: await raw.saw('BYE') });
    await alice.passed('← 200 BYE');
  },

  'its session refresh is refused': async ({ alice, bob }) => {
    const { call, raw } = await talkByHand(alice, bob, { headers: REFRESHED });
    await flows(call);
    alice.skip(46);
    const request = await Promise.race(['UPDATE', 'INVITE'].map((method) => raw.saw(method)));
    raw.reply('405 Method Not Allowed', { request });
    await alice.passed(`← 405 ${methodOf(request)}`);
    await byeByHand(alice, raw, call);
  },

  'its session refresh finds no dialog': async ({ alice, bob }) => {
    const { call, raw } = await talkByHand(alice, bob, { headers: REFRESHED });
    await flows(call);
    alice.skip(46);
    const request = await Promise.race(['UPDATE', 'INVITE'].map((method) => raw.saw(method)));
    raw.reply('481 Call/Transaction Does Not Exist', { request });
    await call.saw('ended');
    await byeByHand(alice, raw, call);
  },

  'loses its connection while it talks, and hangs up': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    await flows(call);
    alice.cut();
    await alice.saw('disconnected');
    alice.skip(31);
    await alice.saw('connected', 2);
    call.terminate();
    await Promise.all([incoming.saw('ended'), alice.saw('registered', 2)]);
  },

  'loses its connection while it rings': async ({ alice, bob }) => {
    const { call } = await makeCallRaw(alice, bob);
    alice.cut();
    await alice.saw('disconnected');
    if (!call.session.isEnded()) call.terminate();
    await call.saw('failed');
  },
};
