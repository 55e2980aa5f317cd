// Values as an application can see them, in words that two runs can be compared by.

const DEPTH = 4;

/** Describes values; objects with a life of their own get a name when they are first seen. */
export class Describer {
  #names = new WeakMap();
  #counts = new Map();

  /** The name of a thing: its kind and a number, counted from 1. */
  name(thing, kind) {
    if (!this.#names.has(thing)) {
      const number = (this.#counts.get(kind) ?? 0) + 1;
      this.#counts.set(kind, number);
      this.#names.set(thing, `${kind} ${number}`);
    }
    return this.#names.get(thing);
  }

  value(value, depth = DEPTH) {
    if (value === undefined) return '(undefined)';
    if (typeof value === 'function') return '(function)';
    if (value === null || typeof value === 'boolean') return value;
    if (typeof value === 'number') return Number.isFinite(value) ? value : `(${value})`;
    if (typeof value !== 'object') return String(value);
    const known = this.#known(value);
    if (known !== undefined) return known;
    if (depth === 0) return '(object)';
    if (Array.isArray(value)) return value.map((item) => this.value(item, depth - 1));
    const described = {};
    for (const key of Object.keys(value).sort()) {
      // A property that fails to be read is worth knowing, too.
      described[key] = this.attempt(() => value[key], depth - 1);
    }
    return described;
  }

  /** What `get` returns, or what it throws. */
  attempt(get, depth = DEPTH) {
    try {
      return this.value(get(), depth);
    } catch (error) {
      return { throws: this.error(error) };
    }
  }

  error(error) {
    if (error === null || typeof error !== 'object') return this.value(error);
    const { name, message, code, status, parameter, value } = error;
    return { error: this.value({ name, message, code, status, parameter, value }, 1) };
  }

  #known(value) {
    const tag = Object.prototype.toString.call(value).slice(8, -1);
    // By their tags: they may be of another frame.
    if (tag === 'Date') return '(Date)';
    if (tag === 'Error' || tag === 'DOMException') return this.error(value);
    if (/^RTC|^Media|^WebSocket$/.test(tag)) return `(${tag})`;
    if (typeof value.isEstablished === 'function') return `(${this.name(value, 'session')})`;
    // A URI has headers, too.
    if (typeof value.toAor === 'function') return `(URI) ${value}`;
    if (typeof value.getHeader === 'function') return this.message(value);
    if ('display_name' in value && typeof value.setParam === 'function') return `(NameAddrHeader) ${value}`;
    if ('via_transport' in value && 'sip_uri' in value) return this.#socket(value);
    if (typeof value.on === 'function') return this.#emitter(value);
    return undefined;
  }

  #socket(socket) {
    return Object.fromEntries(['url', 'via_transport', 'sip_uri', 'send', 'connect', 'disconnect']
      .map((key) => [key, this.attempt(() => socket[key], 1)]));
  }

  #emitter(value) {
    const seen = {};
    for (const key of [
      'tone', 'duration', 'contentType', 'body', 'direction', 'local_identity', 'remote_identity',
      'state',
    ]) {
      if (key in value) seen[key] = this.attempt(() => value[key], 1);
    }
    // It is random.
    if ('id' in value) seen.id = `(${typeof value.id})`;
    return seen;
  }

  /** A SIP message in an event: what its documentation names. */
  message(message) {
    const seen = {};
    for (const key of [
      'method', 'status_code', 'reason_phrase', 'ruri', 'call_id', 'cseq', 'from', 'to', 'from_tag',
      'to_tag', 'body',
    ]) {
      if (key in message) seen[key] = this.attempt(() => message[key], 1);
    }
    seen.methods = [
      'getHeader', 'getHeaders', 'hasHeader', 'parseHeader', 'setHeader', 'addHeader', 'parseSDP',
      'reply', 'reply_sl', 'cancel', 'clone', 'toString',
    ].filter((name) => typeof message[name] === 'function').join(' ');
    for (const name of ['Contact', 'Content-Type', 'Call-ID', 'X-Unknown']) {
      seen[`getHeader ${name}`] = this.attempt(() => message.getHeader(name), 1);
      seen[`hasHeader ${name}`] = this.attempt(() => message.hasHeader(name), 1);
    }
    return seen;
  }
}
