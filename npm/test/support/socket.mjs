// Sockets whose other end is the test.

import { SipMessage, respondTo } from './sip.mjs';

/** What they have in common; how one connects and sends is its own. */
export class TestSocket {
  via_transport = 'WSS';
  /** What was sent, oldest first. */
  sent = [];
  isOpen = false;

  onconnect() {}
  ondisconnect() {}
  ondata() {}

  constructor(host) {
    this.url = `wss://${host}`;
    this.sip_uri = `sip:${host};transport=ws`;
  }

  disconnect() {
    this.isOpen = false;
  }

  isConnected() {
    return this.isOpen;
  }

  isConnecting() {
    return false;
  }

  /** The connection breaks. */
  drop(error = true, code = 1006, reason = '') {
    this.isOpen = false;
    this.ondisconnect(error, code, reason);
  }
}

/** What the user agent sends can be read, and what it receives is said. */
export class ScriptedSocket extends TestSocket {
  /** How often the user agent has connected and disconnected it. */
  connects = 0;
  disconnects = 0;
  /** Answers that are given by themselves, by method: a function of the request. */
  answers = {};

  /** `auto`: connects at once. */
  constructor({ host = 'server.example', auto = false } = {}) {
    super(host);
    this.auto = auto;
  }

  connect() {
    this.connects += 1;
    if (this.auto) queueMicrotask(() => this.open());
  }

  disconnect() {
    this.disconnects += 1;
    super.disconnect();
  }

  send(text) {
    if (!this.isOpen) return false;
    const message = new SipMessage(text);
    this.sent.push(message);
    const answer = this.answers[message.method];
    // Never in the same turn: no network is that quick.
    if (answer) queueMicrotask(() => this.isOpen && answer.call(this, message));
    return true;
  }

  /** The connection stands. */
  open() {
    this.isOpen = true;
    this.onconnect();
  }

  /** A message comes: text, or bytes. */
  receive(message) {
    this.ondata(message);
  }

  /** Answers a request: `respond(invite, 200, ['Contact: <sip:bob@bob.invalid>'], sdp)`. */
  respond(request, status, headers = [], body = '') {
    this.receive(respondTo(request, status, headers, body));
  }

  /** What was sent since the last time, and forgets it. */
  take() {
    return this.sent.splice(0);
  }

  /** The last message that was sent and has this method, or is a response to it. */
  last(method) {
    return this.sent.findLast((message) => message.method === method);
  }

  /** All messages that were sent and have this method. */
  all(method) {
    return this.sent.filter((message) => message.method === method);
  }

  /** The last response that was sent, to this method where one is named. */
  lastResponse(method) {
    return this.sent.findLast(
      (message) => message.status && (!method || message.get('CSeq').endsWith(method)),
    );
  }

  /** A registrar that takes every REGISTER. */
  takesRegister(expires = 600) {
    this.answers.REGISTER = (request) => {
      const contact = request.get('Contact').replace(/;expires=\d+/, '');
      const removed = request.get('Expires') === '0';
      this.respond(request, 200, removed ? [] : [`Contact: ${contact};expires=${expires}`]);
    };
    return this;
  }
}
