// Calls that the party under test makes.

import { makeCallRaw, takeCall } from './by-hand.js';
import { each, hangUp, registered, rings, stands, talk } from './together.js';

const REFUSALS = [
  [486], [603], [404], [488], [480, 'Out To Lunch'], [500], [600], [302, 'Elsewhere', ['Contact: <sip:else@where.invalid>']],
  [484], [408], [420], [606],
];

export default {
  'calls, is answered, hangs up': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    await hangUp(call, incoming);
  },

  'calls, is answered, is hung up on': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    await hangUp(incoming, call);
  },

  'hangs up with a reason, headers, a body and a cause': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    call.terminate({
      status_code: 503, reason_phrase: 'Out of "beans"', extraHeaders: ['X-Foo: bar', 'Content-Type: text/plain'],
      body: 'goodbye', cause: 'A cause of my own',
    });
    await incoming.saw('ended');
  },

  'is hung up on with a reason': async ({ alice, bob }) => {
    const [call, incoming] = await talk(alice, bob);
    incoming.terminate({ status_code: 500, reason_phrase: 'Broken' });
    await call.saw('ended');
  },

  'calls with headers, data, handlers': async ({ alice, bob }) => {
    await registered(alice, bob);
    const data = { mine: true };
    const handlers = alice.handlers('handler', ['peerconnection', 'connecting', 'sending', 'progress', 'failed', 'confirmed']);
    const call = alice.call(bob, alice.media({
      extraHeaders: ['X-Foo: bar', 'X-Bar: a, b'], data, eventHandlers: handlers,
    }));
    alice.note('app', 'data is kept', call.session.data === data);
    const incoming = await bob.incoming();
    incoming.terminate({ status_code: 486 });
    await call.saw('failed');
  },

  'calls anonymously': async ({ alice, bob }) => {
    await registered(alice, bob);
    // Kamailio refuses a user that is not the caller's own.
    bob.onNewCall = (incoming) => incoming.terminate();
    const call = alice.call(bob, alice.media({ anonymous: true }));
    await call.saw('failed');
  },

  'calls under another name': async ({ alice, bob }) => {
    await registered(alice, bob);
    bob.onNewCall = (incoming) => incoming.terminate();
    const call = alice.call(bob, alice.media({ fromUserName: 'somebody', fromDisplayName: 'Some Body' }));
    await call.saw('failed');
  },

  'calls with a display name': async ({ alice, bob }) => {
    await bob.register();
    await alice.register({ display_name: 'Alice' });
    const call = alice.call(bob, alice.media({ fromDisplayName: 'Alice At Work' }));
    const incoming = await bob.incoming();
    incoming.terminate();
    await call.saw('failed');
  },

  'calls with a stream of its own': async ({ alice, bob }) => {
    const mediaStream = await alice.frame.navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    const [call, incoming] = await talk(alice, bob, { mediaStream, pcConfig: { iceServers: [] } });
    await hangUp(call, incoming);
    alice.note('app', 'its tracks', mediaStream.getTracks().map((track) => `${track.kind} ${track.readyState}`).sort());
  },

  'calls without any media': async ({ alice, bob }) => {
    await registered(alice, bob);
    const call = alice.call(bob, {
      mediaConstraints: { audio: false, video: false }, pcConfig: { iceServers: [] },
      rtcOfferConstraints: { offerToReceiveAudio: true, offerToReceiveVideo: false },
    });
    const incoming = await bob.incoming();
    incoming.answer();
    await stands(call, incoming);
    await hangUp(call, incoming);
  },

  'calls with audio and video': async ({ alice, bob }) => {
    await registered(alice, bob);
    const both = { mediaConstraints: { audio: true, video: true }, pcConfig: { iceServers: [] } };
    const call = alice.call(bob, both);
    const incoming = await bob.incoming();
    incoming.answer(both);
    await stands(call, incoming);
    await hangUp(call, incoming);
  },

  'calls, and the microphone is denied': async ({ alice, bob }) => {
    await registered(alice, bob);
    alice.denyMedia();
    const call = alice.call(bob);
    await call.saw('getusermediafailed');
  },

  'calls with an offer that cannot be made': async ({ alice, bob }) => {
    await registered(alice, bob);
    alice.frame.RTCPeerConnection.prototype.createOffer = () => Promise.reject(new alice.frame.Error('no offer today'));
    const call = alice.call(bob);
    await call.saw('failed');
  },

  'calls with constraints for its connection and offer': async ({ alice, bob }) => {
    await registered(alice, bob);
    const call = alice.call(bob, alice.media({
      pcConfig: { iceServers: [], bundlePolicy: 'max-bundle' }, rtcConstraints: { optional: [] },
      rtcOfferConstraints: { offerToReceiveVideo: true }, sessionTimersExpires: 180,
    }));
    const incoming = await bob.incoming();
    incoming.answer();
    await stands(call, incoming);
    await hangUp(call, incoming);
  },

  'has no patience for candidates': async ({ alice, bob }) => {
    await registered(alice, bob);
    const call = alice.call(bob);
    call.session.once('icecandidate', ({ ready }) => {
      ready();
      ready();
    });
    const incoming = await bob.incoming();
    incoming.terminate();
    await call.saw('failed');
  },

  'changes the offer and the request before they leave': async ({ alice, bob }) => {
    await registered(alice, bob);
    const call = alice.call(bob);
    call.session.on('sdp', (data) => {
      if (data.originator === 'local') data.sdp += 'a=x-local-mark:1\r\n';
      else data.sdp = data.sdp.replace(/a=x-remote.*\r\n/, '');
    });
    call.session.on('sending', ({ request }) => {
      request.setHeader('X-Sending', 'added');
      request.body = `${request.body}a=x-sending-mark:1\r\n`;
    });
    const incoming = await bob.incoming();
    incoming.answer();
    await stands(call, incoming);
    await hangUp(call, incoming);
  },

  ...each(REFUSALS, ([status]) => `is refused with ${status}`, ([status_code, reason_phrase, extraHeaders]) =>
    async ({ alice, bob }) => {
      const [call, incoming] = await rings(alice, bob);
      incoming.terminate({ status_code, reason_phrase, extraHeaders });
      await call.saw('failed');
    }),

  'its session interval is too small for the peer': async ({ alice, bob }) => {
    await registered(alice, bob);
    // A caller may try again with what the 422 asks for: the second time it is busy.
    bob.onNewCall = (incoming) => incoming.terminate(bob.calls.length === 1
      ? { status_code: 422, reason_phrase: 'Session Interval Too Small', extraHeaders: ['Min-SE: 120'] }
      : { status_code: 486 });
    const call = alice.call(bob);
    await call.saw('failed');
  },

  'calls somebody whom the server does not know': async ({ alice, domain }) => {
    await registered(alice);
    const call = alice.call(`sip:nobody@${domain}`);
    await call.saw('failed');
  },

  'calls with a wrong password': async ({ alice, bob }) => {
    await bob.register();
    alice.makeUA({ register: false, password: 'wrong' });
    alice.ua.start();
    await alice.saw('connected');
    const call = alice.call(bob);
    await call.saw('failed');
  },

  'is not answered': async ({ alice, bob }) => {
    await alice.register();
    await bob.register({ no_answer_timeout: 1 });
    const [call] = await rings(alice, bob);
    await call.saw('failed');
  },

  'gives up at once': async ({ alice, bob }) => {
    await registered(alice, bob);
    const call = alice.call(bob);
    call.terminate();
    await call.saw('failed');
  },

  'gives up while the offer is made': async ({ alice, bob }) => {
    await registered(alice, bob);
    const call = alice.call(bob);
    call.session.on('connecting', () => call.terminate());
    await call.saw('failed');
  },

  'gives up inside sending': async ({ alice, bob }) => {
    await registered(alice, bob);
    const taken = takeCall(bob);
    const call = alice.call(bob);
    call.session.on('sending', () => call.terminate());
    await call.saw('failed');
    // When this has arrived, the INVITE has, or it was never sent.
    alice.ua.sendMessage(bob.uri, 'hello');
    await bob.saw('newMessage');
    if (!alice.count('→ INVITE')) return;
    const raw = await taken;
    raw.reply('100 Trying');
    raw.reply('200 OK', { request: await raw.saw('CANCEL') });
    raw.reply('487 Request Terminated');
    await raw.saw('ACK');
  },

  'gives up before anybody has answered': async ({ alice, bob }) => {
    const { raw, call } = await makeCallRaw(alice, bob);
    // A server sends no CANCEL to who has not answered at all.
    raw.reply('100 Trying');
    call.terminate();
    const cancel = await raw.saw('CANCEL');
    raw.reply('200 OK', { request: cancel });
    raw.reply('487 Request Terminated');
    await raw.saw('ACK');
  },

  'gives up while it rings, with a reason': async ({ alice, bob }) => {
    const [call, incoming] = await rings(alice, bob);
    call.terminate({ status_code: 600, reason_phrase: 'Changed my mind' });
    await incoming.saw('failed');
  },

  'gives up inside progress': async ({ alice, bob }) => {
    await registered(alice, bob);
    const call = alice.call(bob);
    call.session.on('progress', () => call.terminate());
    const incoming = await bob.incoming();
    await incoming.saw('failed');
  },

  'hangs up inside accepted': async ({ alice, bob }) => {
    const [call, incoming] = await rings(alice, bob);
    call.session.on('accepted', () => call.terminate());
    incoming.answer();
    await incoming.saw('ended');
  },

  'hangs up inside confirmed': async ({ alice, bob }) => {
    const [call, incoming] = await rings(alice, bob);
    call.session.on('confirmed', () => call.terminate());
    incoming.answer();
    await incoming.saw('ended');
  },

  'its CANCEL crosses the answer': async ({ alice, bob }) => {
    const { raw, call } = await makeCallRaw(alice, bob);
    raw.reply('180 Ringing');
    await call.saw('progress');
    const body = await raw.answerTo(raw.invite.body);
    call.terminate();
    const cancel = await raw.saw('CANCEL');
    raw.reply('200 OK', { headers: ['Content-Type: application/sdp'], body });
    raw.reply('200 OK', { request: cancel });
    await alice.passed('← 200 INVITE');
  },

  'hears early media': async ({ alice, bob }) => {
    const { raw, call } = await makeCallRaw(alice, bob);
    const body = await raw.answerTo(raw.invite.body);
    raw.reply('183 Session Progress', { headers: ['Content-Type: application/sdp'], body });
    await call.saw('progress');
    raw.reply('200 OK', { headers: ['Content-Type: application/sdp'], body });
    await raw.saw('ACK');
    await call.saw('confirmed');
    call.terminate();
    raw.reply('200 OK', { request: await raw.saw('BYE') });
    await alice.passed('← 200 BYE');
  },

  'hears early media that it cannot understand': async ({ alice, bob }) => {
    const { raw, call } = await makeCallRaw(alice, bob);
    raw.reply('183 Session Progress', { headers: ['Content-Type: application/sdp'], body: 'v=0\r\nnonsense\r\n' });
    await call.saw('peerconnection:setremotedescriptionfailed');
    raw.reply('486 Busy Here');
    await call.saw('failed');
  },

  'hears provisional responses of every kind': async ({ alice, bob }) => {
    const { raw, call } = await makeCallRaw(alice, bob);
    raw.reply('180 Ringing');
    await call.saw('progress');
    raw.reply('181 Call Is Being Forwarded');
    await call.saw('progress', 2);
    raw.reply('180 Ringing', { contact: null });
    await call.saw('progress', 3);
    raw.reply('182 Queued', { tag: 'another' });
    await call.saw('progress', 4);
    raw.reply('180 Ringing', { headers: ['Content-Type: text/plain'], body: 'hello' });
    raw.reply('486 Busy Here');
    await call.saw('failed');
  },

  'is answered without SDP': async ({ alice, bob }) => {
    const { raw, call } = await makeCallRaw(alice, bob);
    raw.reply('200 OK');
    await call.saw('failed');
    raw.reply('200 OK', { request: await raw.saw('BYE') });
    await alice.passed('← 200 BYE');
  },

  'is answered with SDP that it cannot understand': async ({ alice, bob }) => {
    const { raw, call } = await makeCallRaw(alice, bob);
    raw.reply('200 OK', { headers: ['Content-Type: application/sdp'], body: 'v=0\r\nnonsense\r\n' });
    await call.saw('failed');
    raw.reply('200 OK', { request: await raw.saw('BYE') });
    await alice.passed('← 200 BYE');
  },

  'is answered without a Contact': async ({ alice, bob }) => {
    const { raw, call } = await makeCallRaw(alice, bob);
    const body = await raw.answerTo(raw.invite.body);
    raw.reply('200 OK', { contact: null, headers: ['Content-Type: application/sdp'], body });
    await call.saw('failed');
  },

  'is answered twice with the same 200': async ({ alice, bob }) => {
    const { raw, call } = await makeCallRaw(alice, bob);
    const body = await raw.answerTo(raw.invite.body);
    const answer = () => raw.reply('200 OK', { headers: ['Content-Type: application/sdp'], body });
    answer();
    await raw.saw('ACK');
    await call.saw('confirmed');
    answer();
    await raw.saw('ACK', 2);
    call.terminate();
    raw.reply('200 OK', { request: await raw.saw('BYE') });
    await alice.passed('← 200 BYE');
  },

  'is answered by two phones': async ({ alice, bob }) => {
    const { raw, call } = await makeCallRaw(alice, bob);
    const body = await raw.answerTo(raw.invite.body);
    const answer = (tag) => raw.reply('200 OK', { tag, headers: ['Content-Type: application/sdp'], body });
    answer(raw.tag);
    await raw.saw('ACK');
    await call.saw('confirmed');
    answer('second-phone');
    raw.reply('200 OK', { request: await raw.saw('BYE') });
    await alice.passed('← 200 BYE');
  },

  'is refused after early media': async ({ alice, bob }) => {
    const { raw, call } = await makeCallRaw(alice, bob);
    const body = await raw.answerTo(raw.invite.body);
    raw.reply('183 Session Progress', { headers: ['Content-Type: application/sdp'], body });
    await call.saw('progress');
    raw.reply('480 Temporarily Unavailable', { headers: ['Retry-After: 30', 'Reason: Q.850;cause=19;text="no answer"'] });
    await call.saw('failed');
  },

  'a listener of sending throws': async ({ alice, bob }) => {
    await registered(alice, bob);
    const call = alice.call(bob);
    call.session.on('sending', () => { throw new alice.frame.Error('from a listener of sending'); });
    await call.saw('sending');
    // When this has arrived, the INVITE has, or it was never sent.
    alice.ua.sendMessage(bob.uri, 'hello');
    await bob.saw('newMessage');
    if (bob.calls.length) await call.saw('progress');
    call.terminate();
  },

  'a listener of progress throws': async ({ alice, bob }) => {
    await registered(alice, bob);
    const call = alice.call(bob);
    call.session.on('progress', () => { throw new alice.frame.Error('from a listener of progress'); });
    const incoming = await bob.incoming();
    await call.saw('progress');
    incoming.terminate();
    await call.saw('failed');
  },

  'a listener of accepted throws': async ({ alice, bob }) => {
    const [call, incoming] = await rings(alice, bob);
    call.session.on('accepted', () => { throw new alice.frame.Error('from a listener of accepted'); });
    incoming.answer();
    await incoming.saw('confirmed');
    // JsSIP gives the call up here.
    if (!call.session.isEnded()) call.terminate();
    await incoming.saw('ended');
  },

  'calls the same session twice': async ({ alice, bob }) => {
    const [call, incoming] = await rings(alice, bob);
    call.do('connect', bob.uri);
    incoming.terminate();
    await call.saw('failed');
    call.do('connect', bob.uri);
  },

  'ends all its calls at once': async ({ alice, bob, join }) => {
    const carol = await join('carol');
    const [first, incoming] = await talk(alice, bob);
    await carol.register();
    const second = alice.call(carol);
    const ringing = await carol.incoming();
    await second.saw('progress');
    alice.try('ua.terminateSessions()', () => alice.ua.terminateSessions());
    await Promise.all([incoming.saw('ended'), ringing.saw('failed'), first.saw('ended'), second.saw('failed')]);
  },

  'waits long for its answer': async ({ alice, bob }) => {
    const { raw, call } = await makeCallRaw(alice, bob);
    raw.reply('180 Ringing');
    await call.saw('progress');
    alice.skip(100);
    raw.reply('180 Ringing');
    await call.saw('progress', 2);
    raw.reply('603 Decline');
    await call.saw('failed');
  },
};
