// A user of a story: a library in a frame of its own. What happens to the party under test is
// written down; its peers are the same in every run.

import { Call } from './call.js';
import { openFrame } from './frame.js';
import { messageLabel } from './tape.js';
import { Watch } from './watch.js';

const UA_EVENTS = [
  'connecting', 'connected', 'disconnected', 'registered', 'unregistered', 'registrationFailed',
  'registrationExpiring', 'newRTCSession', 'newMessage', 'newOptions', 'sipEvent', 'newSubscribe',
];

export class Party extends Watch {
  calls = [];
  sockets = [];
  /** What a story does inside `newRTCSession`, with the call. */
  onNewCall = () => {};
  /** A story may change or keep (null) what this party's sockets send and receive. */
  onSend = (text) => text;
  onReceive = (text) => text;

  /** `tape` and `describer` are those of the run, for the party under test only. */
  static async open(name, { account, script, tape, describer }) {
    const party = new Party(name);
    Object.assign(party, { account, tape, describer });
    const { frame, skip, close } = await openFrame({
      script,
      taps: { socket: party.#tapSocket(), connection: party.#tapConnection() },
    });
    party.frame = frame;
    party.close = close;
    /** Sets the clock of this party forward, by seconds. */
    party.skip = (seconds) => skip(seconds * 1000);
    party.JsSIP = frame.JsSIP;
    return party;
  }

  get uri() {
    return this.account.uri;
  }

  /** Writes something down, if this is the party under test. */
  note(lane, label, value) {
    this.tape?.add(lane, label, value);
  }

  describe(value) {
    return this.describer?.value(value);
  }

  /** Does something that may throw, and writes down what became of it. Gives what it returned. */
  try(label, action) {
    this.note('app', `${label}`);
    try {
      const result = action();
      this.note('app', `${label} returns`, this.describe(result));
      return result;
    } catch (error) {
      this.note('app', `${label} throws`, this.describer?.error(error));
      return undefined;
    }
  }

  socket(url = this.account.server) {
    return new this.JsSIP.WebSocketInterface(url);
  }

  /** Makes a user agent and follows it. `unheard` are events that nobody is to listen to. */
  makeUA({ unheard = ['registrationExpiring'], ...configuration } = {}) {
    const { uri, password } = this.account;
    this.ua = new this.JsSIP.UA({ sockets: [this.socket()], uri, password, ...configuration });
    for (const event of UA_EVENTS) {
      if (!unheard.includes(event)) this.ua.on(event, (data) => this.#heard(event, data));
    }
    return this.ua;
  }

  /** Makes a user agent, starts it, and resolves once it is registered. */
  async register(configuration) {
    this.makeUA(configuration);
    this.ua.start();
    await this.saw('registered');
  }

  #heard(event, data) {
    this.note('app', `ua: ${event}`, this.describer && {
      payload: this.describe(data),
      status: this.ua.status,
      isRegistered: this.ua.isRegistered(),
      isConnected: this.ua.isConnected(),
    });
    if (event === 'newRTCSession') {
      const call = new Call(this, data.session);
      this.calls.push(call);
      call.request = data.request;
      this.push(data.originator === 'remote' ? 'incoming' : 'outgoing', call);
      this.onNewCall(call);
    }
    this.push(event, data);
  }

  /** The `nth` incoming call, now or later. */
  incoming(nth = 1) {
    return this.saw('incoming', nth);
  }

  /** Calls somebody: a party, or what `ua.call` takes. Gives the call, if there is one. */
  call(target, options = this.media()) {
    const before = this.calls.length;
    const to = target instanceof Party ? target.uri : target;
    this.try('ua.call()', () => this.ua.call(to, options));
    return this.calls[before];
  }

  /** The options of a call with audio; `more` is added. */
  media(more = {}) {
    return {
      mediaConstraints: { audio: true, video: false },
      pcConfig: { iceServers: [] },
      ...more,
    };
  }

  /** Refuses the microphone and the camera from now on. */
  denyMedia() {
    const { DOMException, navigator } = this.frame;
    navigator.mediaDevices.getUserMedia = () =>
      Promise.reject(new DOMException('Permission denied', 'NotAllowedError'));
  }

  /** Follows what an object other than a session tells: `events` by name, under `label`. */
  follow(emitter, label, events) {
    for (const event of events) {
      emitter.on(event, (...data) => {
        this.note('app', `${label}: ${event}`, this.#payload(data));
        this.push(`${label}: ${event}`, data[0]);
      });
    }
  }

  /** What an event brings, each by its place. */
  #payload(data) {
    return this.describer && { payload: { ...data.map((item) => this.describe(item)) } };
  }

  /** Events to be passed as `eventHandlers`, which are followed like those of `follow`. */
  handlers(label, events) {
    return Object.fromEntries(events.map((event) => [event, (...data) => {
      this.note('app', `${label}: ${event}`, this.#payload(data));
      this.push(`${label}: ${event}`, data[0]);
    }]));
  }

  /** Closes the connection to the server, as a network that goes away does. */
  cut() {
    this.sockets.at(-1).close();
  }

  /** Sends `text` over the socket of this party, past its library. */
  sendRaw(text) {
    this.sockets.at(-1).sendUntapped(text);
  }

  /** Lets the library hear `text`, as if the server had sent it. */
  hearRaw(text) {
    this.sockets.at(-1).dispatchEvent(new this.frame.MessageEvent('message', { data: text }));
  }

  #tapSocket() {
    return {
      opened: (socket, url, protocols) => {
        this.sockets.push(socket);
        this.note('wire', 'socket opens', { protocols: [protocols].flat().join() });
      },
      closed: () => {
        this.note('wire', 'socket closes');
        this.push('socket closes');
      },
      sent: (text) => {
        this.#passed('→', text);
        return this.onSend(text);
      },
      received: (text) => {
        this.#passed('←', text);
        return this.onReceive(text);
      },
    };
  }

  /** The `nth` message of this label that passed the socket, now or later. */
  passed(label, nth = 1) {
    return this.saw(label, nth);
  }

  /** A message has passed the socket: stories wait for `→ INVITE` or `← 200 INVITE`. */
  #passed(way, text) {
    const label = messageLabel(way, text);
    this.tape?.message(way, text, label);
    // Who waits for a message goes on when the library has seen it, too.
    if (way === '←') setTimeout(() => this.push(label, text));
    else this.push(label, text);
  }

  #tapConnection() {
    return (connection, name, args) => {
      if (!this.tape) return;
      const label = this.describer.name(connection, 'connection');
      const shown = (argument) => {
        if (argument?.kind) return argument.kind;
        return /Description$/.test(name) ? argument?.type : this.describe(argument);
      };
      this.note('connection', `${label}: ${name}`, { arguments: args.map(shown) });
    };
  }
}
