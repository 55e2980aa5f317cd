// Everything that happens to the party under test, in one order.

import { headerValue, methodOf, parseMessage, statusOf, transactionOf } from '../lib/message.mjs';

/** What a message is called: `→ INVITE`, `← 200 INVITE`. */
export function messageLabel(way, text) {
  if (!text.trim()) return `${way} keep-alive`;
  const message = parseMessage(text);
  const status = statusOf(message);
  return `${way} ${status ? `${status} ` : ''}${methodOf(message)}`;
}

export class Tape {
  entries = [];
  #open = new Map();
  #waiting = [];

  /** `lane` is 'app', 'wire' or 'connection'; entries with the same `label` are compared. */
  add(lane, label, value) {
    this.entries.push({ lane, label, value });
  }

  /** A message that passed the socket: `way` is '→' or '←'. */
  message(way, text, label) {
    this.add('wire', label, text);
    if (!text.trim()) return;
    const message = parseMessage(text);
    const method = methodOf(message);
    const status = statusOf(message);
    // Of an INVITE and its ACK: their branches differ when the answer is a 2xx.
    const invite = `${headerValue(message, 'Call-ID')} ${Number.parseInt(headerValue(message, 'CSeq'), 10)}`;
    if (method === 'ACK') this.#done(way, invite);
    else if (!status) this.#open.set(`${way} ${transactionOf(message)}`, `${way} ${method}`);
    else if (status >= 200) {
      const other = way === '→' ? '←' : '→';
      // Until its ACK has passed.
      if (method === 'INVITE') this.#open.set(`${other} ${invite}`, `${way} ${status} INVITE`);
      this.#done(other, transactionOf(message));
    }
  }

  #done(way, transaction) {
    this.#open.delete(`${way} ${transaction}`);
    if (this.#open.size === 0) this.#waiting.splice(0).forEach((resolve) => resolve());
  }

  /** Resolves when every request has its answer, or after `patience` with those that have none. */
  async quiet(patience) {
    if (this.#open.size === 0) return [];
    let timer;
    await Promise.race([
      new Promise((resolve) => this.#waiting.push(resolve)),
      new Promise((resolve) => { timer = setTimeout(resolve, patience); }),
    ]);
    clearTimeout(timer);
    return [...this.#open.values()];
  }
}
