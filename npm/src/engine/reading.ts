// Text to what is in it, by the engine's parsers. The text goes straight into the engine's memory;
// what comes back is numbers, most of them places in the text, which is cut up here: strings that
// cross over would cost more than the parsing does. `crates/places` writes them.

import { module } from './load';

/** The numbers of the rules: `crates/places/src/{lib,grammar/mod}.rs`, `crates/web/src/room.rs`. */
export const enum Rule {
  Message,
  /** A message that the engine has had before. */
  KnownMessage,
  Uri,
  Address,
  Bracketed,
  Addresses,
  BracketedAddresses,
  Via,
  CSeq,
  Challenge,
  Word,
  Number,
  CallId,
  HostPort,
  StartLine,
  AbsoluteUri,
  /** The names that a message's headers are numbered by, with spaces between; of no text. */
  HeaderNames,
  /** The MD5 of the text's UTF-8, in hexadecimal (RFC 1321). */
  Md5,
}

/** The numbers before what was found: how many there are, and where text is to be put behind. */
const FRONT = 3;

/** Room for all but few messages; more is given back with the next text. */
const KEPT = 49_152;

const encoder = new TextEncoder();

let room = new Uint8Array();
let words = new Uint32Array();

/** Puts a text into the engine's memory; returns the number of bytes. */
function put(text: string): number {
  // A letter is at most three bytes.
  const size = text.length * 3 + 1;
  if (room.length < size || (room.length > KEPT && size <= KEPT)) {
    const engine = module();
    const needed = Math.max(size, KEPT);
    const at = engine.room(needed);
    room = new Uint8Array(engine.memory.buffer, at, needed);
  }
  return encoder.encodeInto(text, room).written;
}

/** What was found in a text, to be read from its beginning to its end. */
export class Reading {
  /** The text, and behind it what the engine has made of it. */
  text: string;
  /** Where the next number is. */
  at = 0;
  private _words: number[];

  constructor(text: string, words: number[]) {
    this.text = text;
    this._words = words;
  }

  number(): number {
    return this._words[this.at++] as number;
  }

  /** A number that may not be there. */
  maybeNumber(): number | undefined {
    const number = this.number();
    return number === 0 ? undefined : number - 1;
  }

  numberAt(at: number): number {
    return this._words[at] as number;
  }

  pieceAt(at: number): string {
    return this.text.slice(this._words[at], this._words[at + 1]);
  }

  piece(): string {
    const { at, _words: words } = this;
    this.at = at + 2;
    return this.text.slice(words[at], words[at + 1]);
  }

  /** A piece that is not empty. */
  maybe(): string | undefined {
    return this.piece() || undefined;
  }

  /** The value of a pair, where it has one. */
  value(): string | undefined {
    const { at, _words: words } = this;
    const hasValue = (words[at] as number) <= (words[at + 1] as number);
    const piece = this.piece();
    return hasValue ? piece : undefined;
  }
}

/** Reads a text; `undefined` where it does not follow the rule. */
export function read(rule: Rule, text: string): Reading | undefined {
  const engine = module();
  const front = engine.read(rule, put(text), text.length) >>> 2;
  if (front === 0) return undefined;
  // Memory that has grown has another buffer.
  if (words.length === 0) words = new Uint32Array(engine.memory.buffer);
  const end = front + (words[front] as number);
  const found = new Array<number>(end - front - FRONT);
  for (let at = front + FRONT, to = 0; at < end; at += 1, to += 1) found[to] = words[at] as number;
  const made = words[front + 2] as number;
  if (made === 0) return new Reading(text, found);
  const bytes = new Uint8Array(engine.memory.buffer, words[front + 1], made);
  return new Reading(text + new TextDecoder().decode(bytes), found);
}

/** What the engine says of any text. */
export function said(rule: Rule.HeaderNames | Rule.Md5, text: string): string {
  return (read(rule, text) as Reading).piece();
}

/** The text with spaces for line ends, which only folded values have. */
export function unfolded(text: string): string {
  return /[\r\n]/.test(text) ? text.replace(/[\r\n]/g, ' ') : text;
}
