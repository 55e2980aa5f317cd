// Every method, in every state in which it must not be called, and with arguments that are none.

import { hangUp, registered, rings, stands } from './together.js';

const VERBS = [
  ['answer'], ['hold'], ['unhold'], ['renegotiate'], ['sendDTMF', '1'], ['sendInfo', 'text/plain', 'x'],
  ['refer', 'somebody'], ['isOnHold'], ['isMuted'], ['isReadyToReOffer'], ['isInProgress'], ['isEstablished'],
  ['isEnded'], ['mute'], ['unmute'],
];

/** Tries every verb; `state` says in the labels where the call stands. */
function tryAll(call, state, verbs = VERBS) {
  for (const [verb, ...args] of verbs) {
    call.party.note('app', `${state}: ${verb}`);
    call.do(verb, ...args);
  }
}


/** What an incoming call that rings refuses: `answer` is what it waits for. */
const RINGING = VERBS.filter(([verb]) => verb !== 'answer');

export default {
  'a call that was just made': async ({ alice, bob }) => {
    await registered(alice, bob);
    const call = alice.call(bob);
    tryAll(call, 'new', VERBS.filter(([verb]) => verb !== 'sendDTMF'));
    (await bob.incoming()).terminate();
    await call.saw('failed');
  },

  'a call that rings at the peer': async ({ alice, bob }) => {
    const [call, incoming] = await rings(alice, bob);
    tryAll(call, 'ringing', VERBS.filter(([verb]) => verb !== 'sendDTMF'));
    incoming.terminate();
    await call.saw('failed');
  },

  'a call that rings here': async ({ alice, bob }) => {
    const [call, incoming] = await rings(bob, alice);
    tryAll(incoming, 'ringing', RINGING);
    incoming.terminate();
    await call.saw('failed');
  },

  'a call that was hung up': async ({ alice, bob }) => {
    const [call, incoming] = await rings(alice, bob);
    incoming.answer();
    await stands(call, incoming);
    await hangUp(call, incoming);
    tryAll(call, 'ended');
    call.terminate();
  },

  'a call that was refused': async ({ alice, bob }) => {
    const [call, incoming] = await rings(bob, alice);
    incoming.terminate();
    await call.saw('failed');
    tryAll(incoming, 'refused');
    incoming.terminate();
  },

  'options that are null': async ({ alice, bob }) => {
    await registered(alice, bob);
    const call = alice.call(bob);
    const incoming = await bob.incoming();
    await call.saw('progress');
    for (const verb of ['mute', 'unmute', 'hold', 'unhold', 'renegotiate', 'terminate']) {
      alice.note('app', `null: ${verb}`);
      call.do(verb, null);
    }
    if (!call.session.isEnded()) incoming.terminate();
    await Promise.race([call.saw('failed'), incoming.saw('failed')]);
  },

  'an answer with options that are null': async ({ alice, bob }) => {
    const [call, incoming] = await rings(bob, alice);
    incoming.do('answer', null);
    if (!incoming.session.isEnded()) incoming.terminate();
    await call.saw('failed');
  },

  'statuses that no BYE may have': async ({ alice, bob }) => {
    const [call, incoming] = await rings(alice, bob);
    incoming.answer();
    await stands(call, incoming);
    for (const status_code of [100, 199, 700, -1]) {
      alice.note('app', `terminate with ${status_code}`);
      call.do('terminate', { status_code });
    }
    call.do('terminate', { status_code: 486 });
    await incoming.saw('ended');
  },

  'calls that cannot be made': async ({ alice }) => {
    await alice.register({ register: true });
    for (const target of [undefined, null, '', 'a b', 5, {}, 'sip:', 'tel:+1', 'sip:a@b:x']) {
      alice.note('app', `target ${target}`);
      alice.try('ua.call()', () => { alice.ua.call(target, alice.media()).terminate(); });
    }
    alice.note('app', 'null options');
    alice.try('ua.call()', () => { alice.ua.call('sip:nobody@x.invalid', null); });
  },

  'a session without a connection': async ({ alice }) => {
    alice.makeUA({ register: false });
    const session = alice.try('new RTCSession', () => new alice.JsSIP.RTCSession(alice.ua));
    for (const name of [
      'status', 'direction', 'connection', 'start_time', 'end_time', 'local_identity', 'remote_identity', 'data', 'contact', 'id',
    ]) alice.try(`new session: ${name}`, () => session[name]);
    alice.try('new session: C', () => session.C);
    alice.try('new session: causes', () => Object.keys(session.causes).length > 20);
    for (const verb of ['isInProgress', 'isEstablished', 'isEnded', 'isOnHold', 'isMuted', 'answer', 'connect']) {
      alice.try(`new session: ${verb}()`, () => session[verb]());
    }
    const { RTCPeerConnection } = alice.frame;
    alice.frame.RTCPeerConnection = undefined;
    alice.try('no RTCPeerConnection', () => { alice.ua.call('bob', alice.media()); });
    alice.frame.RTCPeerConnection = RTCPeerConnection;
  },

  'listeners of a session': async ({ alice, bob }) => {
    const [call, incoming] = await rings(alice, bob);
    const { session } = call;
    const heard = [];
    const listener = () => heard.push('on');
    session.on('muted', listener);
    session.addListener('muted', () => heard.push('addListener'));
    session.once('muted', () => heard.push('once'));
    session.prependListener?.('muted', () => heard.push('prepended'));
    alice.note('app', 'listeners', session.listenerCount('muted') >= 4);
    incoming.answer();
    await stands(call, incoming);
    call.do('mute');
    session.off('muted', listener);
    call.do('unmute');
    call.do('mute');
    session.removeAllListeners('muted');
    alice.note('app', 'listeners are gone', session.listenerCount('muted'));
    alice.note('app', 'heard', heard);
    alice.note('app', 'emit to nobody', session.emit('something of my own', 1));
    await hangUp(call, incoming);
  },

  'data of a session': async ({ alice, bob }) => {
    const [call, incoming] = await rings(alice, bob);
    alice.note('app', 'data', alice.describe(call.session.data));
    call.session.data = { a: 1 };
    alice.note('app', 'data that was set', alice.describe(call.session.data));
    call.session.data.b = 2;
    alice.note('app', 'data that grew', alice.describe(call.session.data));
    incoming.terminate();
    await call.saw('failed');
  },
};
