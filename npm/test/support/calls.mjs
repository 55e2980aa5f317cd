// Calls between two user agents of one library on a wire of the test's own, and a record of what
// their sessions tell. It takes JsSIP as it takes this package, so that both can play one script.

import { PeerConnection, installWebRTC } from './webrtc.mjs';
import { SipMessage } from './sip.mjs';
import { settled, virtualClock } from './clock.mjs';
import { TestSocket } from './socket.mjs';

/** The names of the events that JsSIP's sessions know. */
export const EVENTS = [
  'peerconnection', 'connecting', 'sending', 'progress', 'accepted', 'confirmed', 'ended', 'failed',
  'newDTMF', 'newInfo', 'hold', 'unhold', 'muted', 'unmuted', 'reinvite', 'update', 'refer',
  'replaces', 'sdp', 'icecandidate', 'getusermediafailed', 'peerconnection:createofferfailed',
  'peerconnection:createanswerfailed', 'peerconnection:setlocaldescriptionfailed',
  'peerconnection:setremotedescriptionfailed',
];

/** Those whose listeners decide something: one that does not would change the call. */
const DECIDED = new Set(['refer', 'replaces']);

/** One end of a wire. */
class End extends TestSocket {
  constructor(name, wire) {
    super(`${name}.example`);
    this.wire = wire;
  }

  connect() {
    this.isOpen = true;
    queueMicrotask(() => this.isOpen && this.onconnect());
  }

  send(text) {
    if (!this.isOpen) return false;
    const message = new SipMessage(text);
    if (!message.start) return true;
    this.sent.push(message);
    this.wire.carry(this, message);
    return true;
  }

  /** The requests of a method that were sent, or the responses to it. */
  all(method) {
    return this.sent.filter((one) => (one.method ?? one.get('CSeq').split(' ')[1]) === method);
  }
}

/** What one end sends, the other receives: in order, and never in the same turn. */
export class Wire {
  #carried = Promise.resolve();

  constructor(nameA, nameB) {
    this.ends = [new End(nameA, this), new End(nameB, this)];
    /** Sees each message, and may change it or, with nothing, lose it. */
    this.filter = (message) => message.text;
  }

  /** Both connections break. */
  cut() {
    for (const end of this.ends) end.drop();
  }

  carry(from, message) {
    const to = this.ends.find((end) => end !== from);
    this.#carried = this.#carried.then(() => {
      const text = this.filter(message, from);
      if (text && to.isOpen) to.ondata(text);
    });
  }
}

/** What was told, by whom: `alice:progress`. */
export class Records {
  list = [];

  /** Writes down all that a session tells, with what `pick` takes out of it. */
  follow(who, session) {
    for (const name of EVENTS) {
      if (DECIDED.has(name)) continue;
      session.on(name, (event) => this.note(who, name, event));
    }
  }

  note(who, name, event) {
    this.list.push({ who, name, event });
  }

  /** The names of what one side was told. */
  of(who) {
    return this.list.filter((one) => one.who === who).map((one) => one.name);
  }

  /** What the listeners of an event got, of the first time it was told. */
  event(who, name) {
    return this.list.find((one) => one.who === who && one.name === name)?.event;
  }
}

/** Alice and Bob, connected by a wire. */
export async function pair(t, library, settings = {}) {
  const clock = virtualClock(t);
  const web = installWebRTC();
  // JsSIP looks for WebRTC there.
  globalThis.window = globalThis;
  const wire = new Wire('alice', 'bob');
  const [alice, bob] = ['alice', 'bob'].map(
    (name, index) =>
      new library.UA({
        sockets: [wire.ends[index]],
        uri: `sip:${name}@example.com`,
        register: false,
        ...settings,
        ...settings[name],
      }),
  );
  const records = new Records();
  const both = {
    clock,
    web,
    wire,
    alice,
    bob,
    records,
    sent: { alice: wire.ends[0], bob: wire.ends[1] },
    /** The sessions of Alice and Bob, as they come. */
    sessions: { alice: [], bob: [] },
    /** What is done when the peer calls; the default: nothing. */
    onSession: () => {},

    /** Alice calls Bob. */
    call(options = {}, target = 'sip:bob@example.com') {
      return alice.call(target, { mediaConstraints: { audio: true }, ...options });
    },

    /** A call that both have confirmed. */
    async established(options = {}, answer = {}) {
      both.onSession = (session) => session.answer({ ...answer });
      const caller = both.call(options);
      await clock.advance(0);
      await clock.advance(0);
      const callee = both.sessions.bob.at(-1);
      if (!callee?.isEstablished()) throw new Error('the call is not established');
      return { caller, callee };
    },
  };
  for (const [who, ua] of Object.entries({ alice, bob })) {
    ua.on('newRTCSession', (event) => {
      records.note(who, 'newRTCSession', event);
      records.follow(who, event.session);
      both.sessions[who].push(event.session);
      if (event.originator === 'remote') both.onSession(event.session, event);
    });
    ua.start();
  }
  t.after(() => {
    for (const ua of [alice, bob]) ua.stop();
    web.restore();
    delete globalThis.window;
  });
  await settled();
  return both;
}

/** What a call has left behind: nothing, once it is over. */
export function leftovers(both) {
  return {
    connections: PeerConnection.open,
    listeners: PeerConnection.all.reduce((sum, one) => sum + one.listening, 0),
    tracks: both.web.mediaDevices.live,
    sessions: [both.alice, both.bob].reduce((sum, ua) => sum + Object.keys(ua._sessions).length, 0),
  };
}

export const NOTHING = { connections: 0, listeners: 0, tracks: 0, sessions: 0 };
