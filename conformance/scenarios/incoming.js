// Calls that the party under test gets.

import { SDP, takeCallRaw } from './by-hand.js';
import { each, hangUp, registered, rings, stands, talk } from './together.js';

const REFUSALS = [
  [undefined], [{ status_code: 486 }], [{ status_code: 603, reason_phrase: 'Go Away' }], [{ status_code: 404 }],
  [{ status_code: 302, extraHeaders: ['Contact: <sip:else@where.invalid>'] }], [{ status_code: 488, body: 'v=0\r\n' }],
  [{ status_code: 200 }], [{ status_code: 180 }], [{ status_code: 700 }],
];

export default {
  'answers, is hung up on': async ({ alice, bob }) => {
    const [call, incoming] = await talk(bob, alice);
    await hangUp(call, incoming);
  },

  'answers, hangs up': async ({ alice, bob }) => {
    const [call, incoming] = await talk(bob, alice);
    await hangUp(incoming, call);
  },

  'answers with headers and data': async ({ alice, bob }) => {
    const [call, incoming] = await rings(bob, alice);
    const data = { mine: true };
    incoming.answer(alice.media({ extraHeaders: ['X-Foo: bar'], data, sessionTimersExpires: 120 }));
    alice.note('app', 'data is kept', incoming.session.data === data);
    await stands(call, incoming);
    await hangUp(call, incoming);
  },

  'answers inside newRTCSession': async ({ alice, bob }) => {
    await registered(alice, bob);
    alice.onNewCall = (incoming) => incoming.answer();
    const call = bob.call(alice);
    const incoming = await alice.incoming();
    await stands(call, incoming);
    await hangUp(call, incoming);
  },

  'refuses inside newRTCSession': async ({ alice, bob }) => {
    await registered(alice, bob);
    alice.onNewCall = (incoming) => incoming.terminate({ status_code: 486 });
    const call = bob.call(alice);
    await call.saw('failed');
  },

  'refuses inside progress': async ({ alice, bob }) => {
    await registered(alice, bob);
    alice.onNewCall = (incoming) => incoming.session.on('progress', () => incoming.terminate());
    const call = bob.call(alice);
    await call.saw('failed');
  },

  'hangs up inside accepted': async ({ alice, bob }) => {
    const [call, incoming] = await rings(bob, alice);
    incoming.session.on('accepted', () => incoming.terminate());
    incoming.answer();
    await call.saw('ended');
  },

  'hangs up inside confirmed': async ({ alice, bob }) => {
    const [call, incoming] = await rings(bob, alice);
    incoming.session.on('confirmed', () => incoming.terminate());
    incoming.answer();
    await call.saw('ended');
  },

  'gives up while the answer is made': async ({ alice, bob }) => {
    const [call, incoming] = await rings(bob, alice);
    incoming.session.on('connecting', () => incoming.terminate());
    incoming.answer();
    await call.saw('failed');
  },

  ...each(REFUSALS, ([options]) => `refuses with ${JSON.stringify(options)}`, ([options]) => async ({ alice, bob }) => {
    const [call, incoming] = await rings(bob, alice);
    incoming.terminate(options);
    if (!incoming.session.isEnded()) incoming.terminate({ status_code: 480 });
    await call.saw('failed');
  }),

  'the caller gives up': async ({ alice, bob }) => {
    const [call, incoming] = await rings(bob, alice);
    call.terminate({ status_code: 200, reason_phrase: 'Answered elsewhere' });
    await incoming.saw('failed');
    alice.note('app', 'answers too late');
    incoming.answer();
  },

  'the caller gives up while the answer is made': async ({ alice, bob }) => {
    const [call, incoming] = await rings(bob, alice);
    // The answer waits for the microphone until the caller is gone.
    const { mediaDevices } = alice.frame.navigator;
    const getUserMedia = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = async (constraints) => {
      await incoming.saw('failed');
      return getUserMedia(constraints);
    };
    incoming.answer();
    call.terminate();
    await incoming.saw('failed');
  },

  'nobody answers': async ({ alice, bob }) => {
    await bob.register();
    await alice.register({ no_answer_timeout: 30 });
    const [call] = await rings(bob, alice);
    alice.skip(31);
    await call.saw('failed');
  },

  'the INVITE expires': async ({ alice, bob }) => {
    const [call] = await rings(bob, alice, bob.media({ extraHeaders: ['Expires: 30'] }));
    alice.skip(31);
    await call.saw('failed');
  },

  'answers twice': async ({ alice, bob }) => {
    const [call, incoming] = await rings(bob, alice);
    incoming.answer();
    incoming.answer();
    await stands(call, incoming);
    incoming.answer();
    await hangUp(call, incoming);
    incoming.answer();
  },

  'answers with a stream of its own': async ({ alice, bob }) => {
    const [call, incoming] = await rings(bob, alice);
    const mediaStream = await alice.frame.navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    incoming.answer({ mediaStream, pcConfig: { iceServers: [] } });
    await stands(call, incoming);
    await hangUp(call, incoming);
    alice.note('app', 'its tracks', mediaStream.getTracks().map((track) => `${track.kind} ${track.readyState}`).sort());
  },

  'answers without options': async ({ alice, bob }) => {
    const [call, incoming] = await rings(bob, alice);
    incoming.do('answer');
    await stands(call, incoming);
    await hangUp(call, incoming);
  },

  'answers a video call without video': async ({ alice, bob }) => {
    const both = { mediaConstraints: { audio: true, video: true }, pcConfig: { iceServers: [] } };
    const [call, incoming] = await rings(bob, alice, both);
    incoming.answer();
    await stands(call, incoming);
    await hangUp(call, incoming);
  },

  'answers a video call with video': async ({ alice, bob }) => {
    const both = { mediaConstraints: { audio: true, video: true }, pcConfig: { iceServers: [] } };
    const [call, incoming] = await rings(bob, alice, both);
    incoming.answer(both);
    await stands(call, incoming);
    await hangUp(call, incoming);
  },

  'answers, and the microphone is denied': async ({ alice, bob }) => {
    const [call, incoming] = await rings(bob, alice);
    alice.denyMedia();
    incoming.answer();
    await Promise.all([call.saw('failed'), incoming.saw('getusermediafailed')]);
  },

  'answers, and no answer can be made': async ({ alice, bob }) => {
    const [call, incoming] = await rings(bob, alice);
    alice.frame.RTCPeerConnection.prototype.createAnswer = () =>
      Promise.reject(new alice.frame.Error('no answer today'));
    incoming.answer();
    await call.saw('failed');
  },

  'changes both descriptions': async ({ alice, bob }) => {
    const [call, incoming] = await rings(bob, alice);
    incoming.session.on('sdp', (data) => {
      if (data.originator === 'local') data.sdp += 'a=x-local-mark:1\r\n';
      else data.sdp = data.sdp.replace(/a=ssrc.*\r\n/g, '');
    });
    incoming.answer();
    await stands(call, incoming);
    await hangUp(call, incoming);
  },

  'has no patience for candidates': async ({ alice, bob }) => {
    const [call, incoming] = await rings(bob, alice);
    incoming.session.once('icecandidate', ({ ready }) => ready());
    incoming.answer();
    await stands(call, incoming);
    await hangUp(call, incoming);
  },

  'is offered nothing, and offers in its answer': async ({ alice, bob }) => {
    const raw = await takeCallRaw(alice, bob);
    const incoming = await alice.incoming();
    incoming.answer(alice.media({ rtcOfferConstraints: { offerToReceiveAudio: true } }));
    const response = await raw.saw('200 INVITE');
    const body = await raw.answerTo(response.body);
    raw.confirm(response, { headers: [SDP], body });
    await incoming.saw('confirmed');
    await raw.request('BYE');
    await incoming.saw('ended');
  },

  'is offered nothing, and gets no answer either': async ({ alice, bob }) => {
    const raw = await takeCallRaw(alice, bob);
    const incoming = await alice.incoming();
    incoming.answer(alice.media({ rtcOfferConstraints: { offerToReceiveAudio: true } }));
    raw.confirm(await raw.saw('200 INVITE'));
    await incoming.saw('ended');
    raw.reply('200 OK', { request: await raw.saw('BYE') });
    await alice.passed('← 200 BYE');
  },

  'is offered what it cannot understand': async ({ alice, bob }) => {
    const raw = await takeCallRaw(alice, bob, { headers: [SDP], body: 'v=0\r\nnonsense\r\n' });
    const incoming = await alice.incoming();
    incoming.answer();
    await incoming.saw('failed');
    await raw.saw('final INVITE', 2);
  },

  'is offered a body that is no SDP': async ({ alice, bob }) => {
    const raw = await takeCallRaw(alice, bob, { headers: ['Content-Type: text/plain'], body: 'hello' });
    await raw.saw('final INVITE', 2);
  },

  'is called with a header that it does not support': async ({ alice, bob }) => {
    const raw = await takeCallRaw(alice, bob, { headers: ['Require: a-thing-from-the-future'] });
    const settled = await Promise.race([raw.saw('final INVITE', 2), alice.incoming()]);
    if (settled.session) settled.terminate();
    await raw.saw('final INVITE', 2);
  },

  'the caller hangs up before it is answered': async ({ alice, bob }) => {
    const raw = await takeCallRaw(alice, bob);
    const incoming = await alice.incoming();
    const ringing = await raw.saw('180 INVITE');
    // As callers do that have an early dialog (RFC 3261 section 15).
    raw.adopt(ringing);
    await raw.request('BYE');
    await incoming.saw('ended');
  },

  'its answer is never acknowledged': async ({ alice, bob }) => {
    const raw = await takeCallRaw(alice, bob);
    const incoming = await alice.incoming();
    incoming.answer(alice.media({ rtcOfferConstraints: { offerToReceiveAudio: true } }));
    const response = await raw.saw('200 INVITE');
    alice.skip(0.5);
    await raw.saw('200 INVITE', 2);
    raw.adopt(response);
    alice.skip(32);
    await incoming.saw('ended');
    raw.reply('200 OK', { request: await raw.saw('BYE') });
    await alice.passed('← 200 BYE');
  },

  'hangs up before its answer is acknowledged': async ({ alice, bob }) => {
    const raw = await takeCallRaw(alice, bob);
    const incoming = await alice.incoming();
    incoming.answer(alice.media({ rtcOfferConstraints: { offerToReceiveAudio: true } }));
    const response = await raw.saw('200 INVITE');
    incoming.terminate();
    const body = await raw.answerTo(response.body);
    raw.confirm(response, { headers: [SDP], body });
    raw.reply('200 OK', { request: await raw.saw('BYE') });
    await alice.passed('← 200 BYE');
  },

  'nobody listens for calls': async ({ alice, bob }) => {
    await bob.register();
    await alice.register({ unheard: ['newRTCSession'] });
    const call = bob.call(alice);
    await call.saw('failed');
  },

  'a listener of newRTCSession throws': async ({ alice, bob }) => {
    await registered(alice, bob);
    alice.onNewCall = () => { throw new alice.frame.Error('from a listener of newRTCSession'); };
    const call = bob.call(alice);
    const incoming = await alice.incoming();
    // When this has arrived, so has what alice had to say to the call.
    bob.ua.sendMessage(alice.uri, 'hello');
    await alice.saw('newMessage');
    incoming.terminate();
    await call.saw('failed');
  },

  'a listener of accepted throws': async ({ alice, bob }) => {
    const [call, incoming] = await rings(bob, alice);
    incoming.session.on('accepted', () => { throw new alice.frame.Error('from a listener of accepted'); });
    incoming.answer();
    await call.saw('confirmed');
    call.terminate();
    await alice.passed('← BYE');
  },

  'a second call comes while it talks': async ({ alice, bob, join }) => {
    const [call, incoming] = await talk(bob, alice);
    const carol = await join('carol');
    const [second, refused] = await rings(carol, alice);
    refused.terminate({ status_code: 486 });
    await second.saw('failed');
    await hangUp(call, incoming);
  },

  'is called anonymously': async ({ alice, bob }) => {
    await registered(alice, bob);
    const call = bob.call(alice, bob.media({ extraHeaders: ['Privacy: id'], fromDisplayName: 'Nobody "special"' }));
    const incoming = await alice.incoming();
    incoming.terminate();
    await call.saw('failed');
  },
};
