// The text of a message, and where in it everything stands.

import { read, Reading, Rule, said, unfolded } from '../engine/reading';
import type { MessageRow } from '../engine/rows';
import { maybeUri, parties, type Parties } from './grammar';
import { headerize } from './text';
import type { URI } from './uri';

/** The numbers that the engine's reading of a message begins with: `crates/places/src/message.rs`. */
const enum At {
  Status,
  IsFolded,
  Body,
  BehindLines = 4,
  Lines,
}

/** And those behind the header lines. */
const enum Behind {
  Method,
  Target = 2,
  CallId = 4,
  CSeq = 6,
  BehindUri,
  Uri,
}

let names: string[] | undefined;

/** The names that the engine has numbers for; the first number is 1. */
function known(): string[] {
  return (names ??= ['', ...said(Rule.HeaderNames, '').split(' ').map(headerize)]);
}

/** Whether the engine reads the addresses in a header of every message. */
export function isListed(name: string): name is 'Contact' | 'Record-Route' {
  return name === 'Contact' || name === 'Record-Route';
}

export class MessageText {
  readonly data: string;
  readonly body: string;
  readonly reading: Reading;
  /** Where in `reading` the list is that the last `value` is: of Contact and Record-Route. */
  list = 0;
  private _name = '';
  private _names = known();
  private _behind: number;

  private constructor(data: string, reading: Reading, body = reading.pieceAt(At.Body)) {
    this.data = data;
    this.body = body;
    this.reading = reading;
    this._behind = reading.numberAt(At.BehindLines);
    if (reading.numberAt(At.IsFolded)) reading.text = unfolded(reading.text);
  }

  /** Reads a message; `undefined` where the text is none. */
  static parse(data: string): MessageText | undefined {
    const reading = read(Rule.Message, data);
    return reading && new MessageText(data, reading);
  }

  /** A message that is not read but filled. */
  static empty(): MessageText {
    return new MessageText('', new Reading('', new Array<number>(16).fill(0)));
  }

  /** The message of a row. */
  static of([, data, body]: MessageRow): MessageText {
    // The engine has read it, and this is the same parser.
    return new MessageText(data, read(Rule.KnownMessage, data) as Reading, body);
  }

  /** 0 for a request. */
  get status(): number {
    return this.reading.numberAt(At.Status);
  }

  /** That of CSeq, in a response. */
  get method(): string {
    return this.reading.pieceAt(this._behind + Behind.Method);
  }

  /** The URI of a request, the reason of a response. */
  get target(): string {
    return this.reading.pieceAt(this._behind + Behind.Target);
  }

  /** The URI of a request; `undefined` where it is none. */
  get uri(): URI | undefined {
    this.reading.at = this._behind + Behind.Uri;
    return this.status === 0 ? maybeUri(this.reading) : undefined;
  }

  get call_id(): string {
    return this.reading.pieceAt(this._behind + Behind.CallId);
  }

  get cseq(): number {
    return this.reading.numberAt(this._behind + Behind.CSeq);
  }

  get parties(): Parties {
    this.reading.at = this.reading.numberAt(this._behind + Behind.BehindUri);
    return parties(this.reading);
  }

  /** Goes to the first header line. Returns how many there are: each is `name` and then `value`. */
  first(): number {
    this.reading.at = At.Lines;
    return this.reading.number();
  }

  name(): string {
    return (this._name = this._names[this.reading.number()] || headerize(this.reading.piece()));
  }

  value(): string {
    const value = this.reading.piece();
    this._pass();
    return value;
  }

  /** Goes on to the next line, instead of `value`. */
  skip(): void {
    this.reading.at += 2;
    this._pass();
  }

  /** Passes by what else is said of a line. */
  private _pass(): void {
    if (!isListed(this._name)) return;
    const behind = this.reading.number();
    this.list = this.reading.at;
    this.reading.at = behind;
  }
}
