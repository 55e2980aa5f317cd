// A session of a party, followed from its first event on.

import { Watch } from './watch.js';

const SESSION_EVENTS = [
  'peerconnection', 'connecting', 'sending', 'progress', 'accepted', 'confirmed', 'ended', 'failed',
  'newDTMF', 'newInfo', 'hold', 'unhold', 'muted', 'unmuted', 'reinvite', 'update', 'refer',
  'replaces', 'sdp', 'icecandidate', 'getusermediafailed', 'peerconnection:createofferfailed',
  'peerconnection:createanswerfailed', 'peerconnection:setlocaldescriptionfailed',
  'peerconnection:setremotedescriptionfailed',
];
export const REFER_EVENTS = [
  'requestSucceeded', 'requestFailed', 'trying', 'progress', 'accepted', 'failed',
];
/** These change what happens when somebody listens: a story listens to them itself. */
const ANSWERED = ['refer', 'replaces'];

export class Call extends Watch {
  candidates = 0;

  constructor(party, session) {
    const name = party.describer?.name(session, 'session') ?? 'session';
    super(`${party.name}, ${name}`);
    this.party = party;
    this.session = session;
    this.label = name;
    for (const event of SESSION_EVENTS) {
      if (!ANSWERED.includes(event)) session.on(event, (data) => this.heard(event, data));
    }
  }

  /** Listens to an event that has to be answered, and answers it with `answer(data)`. */
  answers(event, answer) {
    this.session.on(event, (data) => {
      this.heard(event, data);
      answer(data);
    });
  }

  heard(event, data) {
    // How many there are is the machine's business.
    const known = event === 'icecandidate' && this.candidates++ > 0;
    if (!known) {
      // Which description it is: a library may tell one of them twice.
      const which = event === 'sdp' ? ` (${data.originator} ${data.type})` : '';
      this.party.note('app', `${this.label}: ${event}${which}`, this.party.describer && {
        payload: this.party.describe(data),
        ...this.state(),
      });
    }
    this.push(event, data);
  }

  /** What an application can ask the session. */
  state() {
    const { session } = this;
    return this.party.describe({
      status: session.status,
      isInProgress: session.isInProgress(),
      isEstablished: session.isEstablished(),
      isEnded: session.isEnded(),
      isReadyToReOffer: session.isReadyToReOffer(),
      isOnHold: session.isOnHold(),
      isMuted: session.isMuted(),
      direction: session.direction,
      start_time: session.start_time,
      end_time: session.end_time,
      id: session.id,
      contact: session.contact,
      local_identity: session.local_identity,
      remote_identity: session.remote_identity,
      connection: session.connection,
    });
  }

  /** Calls a method of the session, and writes down what it returned or threw. */
  do(method, ...args) {
    return this.party.try(`${this.label}.${method}()`, () => this.session[method](...args));
  }

  answer(options = this.party.media()) {
    return this.do('answer', options);
  }

  terminate(...args) {
    return this.do('terminate', ...args);
  }

  /** Makes an offer (`hold`, `unhold`, `renegotiate`); resolves once it is answered. */
  async offers(verb, options = {}) {
    let done;
    const answered = new Promise((resolve) => { done = resolve; });
    this.do(verb, options, () => {
      this.party.note('app', `${this.label}.${verb}() is done`, this.party.describer && this.state());
      this.push(`${verb} done`);
      done();
    });
    await Promise.race([answered, this.saw(`${verb} done`)]);
  }

  /** Refers the peer, following the subscription. Gives it. */
  refer(target, options = {}) {
    const label = `refer of ${this.label}`;
    const eventHandlers = this.party.handlers(label, REFER_EVENTS);
    return this.do('refer', target, { eventHandlers, ...options });
  }

  /** What came of a refer. */
  referred(event, nth) {
    return this.party.saw(`refer of ${this.label}: ${event}`, nth);
  }
}
