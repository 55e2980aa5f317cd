// JsSIP, or what replaces it, as an application uses it, with its events reported to the test
// through window.report().
// A call is named by its number, counted from 1; without one the last call is meant.

import JsSIP from 'jssip';
import { followAudio, heardTones, inbound, listen } from './ears.js';
import { Raw } from './raw.js';

const SESSION_EVENTS = [
  'peerconnection', 'connecting', 'sending', 'progress', 'accepted', 'confirmed', 'newDTMF',
  'newInfo', 'hold', 'unhold', 'muted', 'unmuted', 'reinvite', 'update', 'refer', 'replaces',
  'ended', 'failed', 'getusermediafailed', 'peerconnection:createofferfailed',
  'peerconnection:createanswerfailed', 'peerconnection:setlocaldescriptionfailed',
  'peerconnection:setremotedescriptionfailed',
];
const UA_EVENTS = [
  'connected', 'disconnected', 'registered', 'unregistered', 'registrationFailed',
];
const REFER_EVENTS = [
  'requestSucceeded', 'requestFailed', 'trying', 'progress', 'accepted', 'failed',
];

let ua;
let socket;
const sessions = [];
const raws = [];
/** The sessions whose own offer is not answered yet. */
const offers = new Set();

const media = (video, iceServers = []) => ({
  mediaConstraints: { audio: true, video },
  pcConfig: { iceServers },
  // Without this, JsSIP answers a late offer with one of its own that has no audio.
  rtcOfferConstraints: { offerToReceiveAudio: true },
});

const session = (call) => sessions.at(call ? call - 1 : -1);

function follow(newSession) {
  sessions.push(newSession);
  const call = sessions.length;
  // An outgoing session has its connection by now and has told nobody.
  if (newSession.connection) listen(newSession.connection);
  else newSession.on('peerconnection', ({ peerconnection }) => listen(peerconnection));
  for (const event of SESSION_EVENTS) {
    newSession.on(event, (data) => {
      window.report({
        event,
        call,
        originator: data?.originator,
        cause: data?.cause,
        tone: data?.dtmf?.tone,
        status: data?.response?.status_code,
        reason: data?.response?.reason_phrase ?? data?.message?.reason_phrase,
        contentType: data?.info?.contentType,
        body: data?.info?.body,
        to: data?.request?.refer_to?.uri?.toString(),
      });
      // Its users want what the peers of these tests ask for.
      if (event === 'refer') data.accept(() => {}, media(false));
      if (event === 'replaces') data.accept(() => {});
      // JsSIP has refused an offer that met its own (491), and would take it all the same: it
      // loses its own by that, and ends the call. An application has to say no once more.
      if (event === 'reinvite' && offers.has(newSession)) data.reject({ status_code: 491 });
    });
  }
  return call;
}

/**
 * A socket of the application, which counts the requests that pass, and can delay what is sent and
 * what comes in, by so many milliseconds each, in order.
 */
class SlowSocket {
  delay = 0;
  counts = { sent: {}, received: {} };
  #awaited = new Map();
  #socket;

  constructor(url) {
    this.#socket = new JsSIP.WebSocketInterface(url);
    this.#socket.onconnect = () => this.onconnect();
    this.#socket.ondisconnect = (...reason) => this.ondisconnect(...reason);
    this.#socket.ondata = (data) => {
      this.#count('received', data);
      if (!this.delay) this.ondata(data);
      else setTimeout(() => this.ondata(data), this.delay);
    };
  }

  get url() { return this.#socket.url; }
  get sip_uri() { return this.#socket.sip_uri; }
  get via_transport() { return this.#socket.via_transport; }
  set via_transport(value) { this.#socket.via_transport = value; }

  /** Calls `listener` when the next request of this method is sent. */
  once(method, listener) {
    this.#awaited.set(method, listener);
  }

  connect() { this.#socket.connect(); }
  disconnect() { this.#socket.disconnect(); }

  send(message) {
    this.#count('sent', message);
    if (!this.delay) return this.#socket.send(message);
    setTimeout(() => this.#socket.send(message), this.delay);
    return true;
  }

  #count(way, message) {
    const [, method] = /^([A-Z]+) /.exec(message) ?? [];
    if (!method) return;
    this.counts[way][method] = (this.counts[way][method] ?? 0) + 1;
    if (way === 'sent') {
      this.#awaited.get(method)?.();
      this.#awaited.delete(method);
    }
  }
}

/**
 * Makes an offer, as soon as one may be made: the ACK to the peer's may be on the way. What JsSIP's
 * `done` callback tells is told as an event.
 */
async function offer(verb, { call = sessions.length, useUpdate = false } = {}) {
  const offering = session(call);
  const until = Date.now() + 3000;
  while (!offering.isReadyToReOffer() && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  offers.add(offering);
  return offering[verb]({ useUpdate }, () => {
    offers.delete(offering);
    window.report({ event: `${verb}:done`, call });
  });
}

window.phone = {
  version: JsSIP.version,

  register({ server, uri, password }) {
    socket = new SlowSocket(server);
    ua = new JsSIP.UA({
      sockets: [socket], uri, password, register: true, register_expires: 120,
    });
    for (const event of UA_EVENTS) {
      ua.on(event, (data) => window.report({ event, cause: data?.cause }));
    }
    ua.on('newMessage', ({ originator, message, request }) => {
      window.report({ event: 'message', originator, text: request.body });
      message.on('succeeded', () => window.report({ event: 'message:delivered' }));
    });
    ua.on('newRTCSession', (data) => {
      // An outgoing one is followed from here on too, before its first event.
      const call = follow(data.session);
      const replaces = data.request.hasHeader('Replaces');
      if (data.originator === 'remote') {
        window.report({ event: 'incoming', call, replaces, from: data.request.from.uri.toString() });
        // Whoever has let it take another's place answers it, too.
        if (replaces) data.session.answer(media(false));
      } else {
        window.report({ event: 'calling', call, replaces, to: data.request.to.uri.toString() });
      }
    });
    ua.start();
  },

  call(target, { video = false, iceServers } = {}) {
    ua.call(target, media(video, iceServers));
    return sessions.length;
  },

  /** Calls, and resolves to the milliseconds that pass before its INVITE is sent. */
  callAndTime(target, { iceServers } = {}) {
    return new Promise((resolve) => {
      const started = performance.now();
      socket.once('INVITE', () => resolve(performance.now() - started));
      ua.call(target, media(false, iceServers));
    });
  },

  answer({ call, video = false } = {}) {
    session(call).answer(media(video));
  },

  hold: (options) => offer('hold', options),
  unhold: (options) => offer('unhold', options),
  renegotiate: (options) => offer('renegotiate', options),

  isOnHold(call) {
    return session(call).isOnHold();
  },

  isEstablished(call) {
    return session(call).isEstablished();
  },

  sendDTMF(tones, transportType = 'INFO', duration = 100) {
    session().sendDTMF(tones, { duration, interToneGap: 100, transportType });
  },

  sendInfo(contentType, body) {
    session().sendInfo(contentType, body);
  },

  sendMessage(target, text) {
    ua.sendMessage(target, text);
  },

  /** Refers the peer of `call` to `target`, or, with `replaces`, to the peer of that call. */
  refer(target, { call, replaces } = {}) {
    const eventHandlers = Object.fromEntries(REFER_EVENTS.map((name) => [
      name,
      (data) => window.report({
        event: `refer:${name}`,
        status: data?.status_line?.status_code ?? data?.response?.status_code,
      }),
    ]));
    session(call).refer(target, { eventHandlers, replaces: replaces && session(replaces) });
  },

  terminate(options = {}) {
    session(options.call).terminate(options);
  },

  terminateAll() {
    for (const session of sessions) if (!session.isEnded()) session.terminate();
  },

  /** Ends every call, but leaves it to these users to end theirs with this one first. */
  async hangUp(others) {
    const live = () => sessions.filter((session) => !session.isEnded());
    for (const session of live()) {
      if (!others.includes(session.remote_identity.uri.user)) session.terminate();
    }
    const until = Date.now() + 3000;
    while (live().length && Date.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    for (const session of live()) session.terminate();
  },

  /** How many requests of each method were `sent` and `received`. */
  requestCounts: () => socket.counts,

  /** How long each message takes either way from now on, in milliseconds. */
  slowDown(ms) {
    socket.delay = ms;
  },

  /** Statistics of the audio that comes in. */
  inboundAudio: (call) => inbound(session(call).connection, 'audio'),
  inboundVideo: (call) => inbound(session(call).connection, 'video'),

  /** From now on the tones in the audio that comes in are watched. */
  followAudio: (call) => followAudio(session(call).connection),
  heardTones,

  /** The media of a call that somebody else signals: takes an offer and gives the answer. */
  async rawAnswer(offer) {
    const raw = new Raw();
    raws.push(raw);
    return raw.answer(offer);
  },
  rawInboundAudio: () => inbound(raws.at(-1).connection, 'audio'),
  rawClose: () => raws.splice(0).forEach((raw) => raw.close()),

  /** Unregisters and closes the connection; resolves when both are done. */
  stop() {
    return new Promise((resolve) => {
      if (!ua?.isConnected()) return resolve();
      ua.once('disconnected', () => resolve());
      ua.stop();
    });
  },
};
