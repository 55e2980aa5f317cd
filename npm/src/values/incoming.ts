// Requests and responses that came from the peer. What is in a header is read when it is first
// asked for; a listener that looks at nothing costs nothing.

import { logger } from '../debug';
import type { Reading } from '../engine/reading';
import type { MessageRow } from '../engine/rows';
import { NotSupportedError } from './exceptions';
import { firstListed, parse, type ListedAddress, type ViaValue } from './grammar';
import { isListed, MessageText } from './message_text';
import type { NameAddrHeader } from './name_addr';
import { parseDescription, type SessionDescription } from './sdp';
import { headerize } from './text';
import type { URI } from './uri';
import { isString } from './utils';

const log = logger('SIPMessage');

/** One value of a header; `parsed` is what its grammar rule made of it, once it was asked for. */
export interface Header {
  raw: string;
  parsed?: any;
}

/** The address of a Contact or Record-Route, which knows what it is without asking. */
class Listed implements Header {
  raw: string;
  private _rule: string;
  private _reading: Reading;
  private _at: number;
  private declare _parsed: unknown;

  constructor(raw: string, rule: string, text: MessageText) {
    this.raw = raw;
    this._rule = rule;
    this._reading = text.reading;
    this._at = text.list;
  }

  get parsed(): unknown {
    return (this._parsed ??=
      firstListed(this._rule, this._reading, this._at) ?? parse(this.raw, this._rule)?.[0]?.parsed);
  }
  set parsed(value: unknown) {
    this._parsed = value;
  }
}

export interface ReplacesValue {
  call_id: string;
  to_tag?: string;
  from_tag?: string;
  early_only?: boolean;
  params?: Record<string, string | undefined>;
}

export interface EventValue {
  event: string;
  params?: Record<string, string | undefined>;
}

type Read<T> = T | null | undefined;

export class IncomingMessage {
  /** The message as it came. */
  data: string;
  body: string;
  sdp: SessionDescription | null = null;

  protected _text: MessageText;
  private declare _areRead: boolean | undefined;
  private declare _headers: Record<string, Header[]> | undefined;
  private declare _from: Read<NameAddrHeader>;
  private declare _to: Read<NameAddrHeader>;
  private declare _via: Read<ViaValue>;
  private declare _from_tag: Read<string>;
  private declare _to_tag: Read<string>;
  private declare _call_id: Read<string>;
  private declare _cseq: Read<number>;
  private declare _via_branch: Read<string>;
  private declare _method: Read<string>;

  constructor(message: MessageText | MessageRow) {
    const text = message instanceof MessageText ? message : MessageText.of(message);
    this.data = text.data;
    this.body = text.body;
    this._text = text;
  }

  /** Takes From, To and Via, which the engine has taken apart already. */
  private _readParties(): void {
    if (this._areRead) return;
    this._areRead = true;
    const { from, from_tag, to, to_tag, via, via_branch } = this._text.parties;
    this._from ??= from;
    this._from_tag ??= from_tag;
    this._to ??= to;
    this._to_tag ??= to_tag;
    this._via ??= via;
    this._via_branch ??= via_branch;
  }

  /** The first value of a header, as it came. */
  protected _value(name: string): string | undefined {
    const text = this._text;
    for (let left = text.first(); left > 0; left -= 1) {
      if (text.name() === name) return text.value();
      text.skip();
    }
    return undefined;
  }

  /** What a rule makes of a header, as it came. */
  protected _typed<T>(name: string, rule: string): T | undefined {
    const value = this._value(name);
    const parsed = value === undefined ? -1 : parse(value, rule);
    return parsed === -1 ? undefined : parsed;
  }

  get method(): string {
    return (this._method ??= this._text.method);
  }
  set method(value: string) {
    this._method = value;
  }

  get from(): NameAddrHeader {
    if (!this._from) this._readParties();
    return (this._from ??= this._typed('From', 'From')) as NameAddrHeader;
  }
  set from(value: NameAddrHeader) {
    this._from = value;
  }

  get to(): NameAddrHeader {
    if (!this._to) this._readParties();
    return (this._to ??= this._typed('To', 'To')) as NameAddrHeader;
  }
  set to(value: NameAddrHeader) {
    this._to = value;
  }

  /** The topmost one. */
  get via(): ViaValue {
    if (!this._via) this._readParties();
    return (this._via ??= this._typed('Via', 'Via')) as ViaValue;
  }
  set via(value: ViaValue) {
    this._via = value;
  }

  get from_tag(): string | undefined {
    if (!this._from_tag) this._readParties();
    return this._from_tag ?? undefined;
  }
  set from_tag(value: string | undefined) {
    this._from_tag = value;
  }

  get to_tag(): string | undefined {
    if (!this._to_tag) this._readParties();
    return this._to_tag ?? undefined;
  }
  set to_tag(value: string | undefined) {
    this._to_tag = value;
  }

  get call_id(): string {
    return (this._call_id ??= this._text.call_id);
  }
  set call_id(value: string) {
    this._call_id = value;
  }

  get cseq(): number {
    return (this._cseq ??= this._text.cseq);
  }
  set cseq(value: number) {
    this._cseq = value;
  }

  get via_branch(): string | undefined {
    if (!this._via_branch) this._readParties();
    return this._via_branch ?? undefined;
  }
  set via_branch(value: string | undefined) {
    this._via_branch = value;
  }

  private declare _session_expires: { expires?: number; refresher?: string } | undefined;
  private declare _refer_to: Read<NameAddrHeader>;
  private declare _replaces: Read<ReplacesValue>;
  private declare _event: Read<EventValue>;

  private get _sessionExpires(): { expires?: number; refresher?: string } {
    return (this._session_expires ??= this._typed('Session-Expires', 'Session_Expires') ?? {});
  }

  /** Seconds. */
  get session_expires(): number | undefined {
    return this._sessionExpires.expires;
  }
  set session_expires(value: number | undefined) {
    this._sessionExpires.expires = value;
  }

  get session_expires_refresher(): string | undefined {
    return this._sessionExpires.refresher;
  }
  set session_expires_refresher(value: string | undefined) {
    this._sessionExpires.refresher = value;
  }

  get refer_to(): NameAddrHeader | undefined {
    return (this._refer_to ??= this._typed('Refer-To', 'Refer_To')) ?? undefined;
  }
  set refer_to(value: NameAddrHeader | undefined) {
    this._refer_to = value;
  }

  get replaces(): ReplacesValue | undefined {
    return (this._replaces ??= this._typed('Replaces', 'Replaces')) ?? undefined;
  }
  set replaces(value: ReplacesValue | undefined) {
    this._replaces = value;
  }

  get event(): EventValue | undefined {
    return (this._event ??= this._typed('Event', 'Event')) ?? undefined;
  }
  set event(value: EventValue | undefined) {
    this._event = value;
  }

  /** All headers by name, as `headerize` spells it. */
  get headers(): Record<string, Header[]> {
    if (this._headers) return this._headers;
    const headers: Record<string, Header[]> = (this._headers = {});
    const text = this._text;
    for (let left = text.first(); left > 0; left -= 1) {
      const name = text.name();
      const raw = text.value();
      const values: Header[] = isListed(name) ? listed(name, raw, text) : [{ raw }];
      const others = headers[name];
      if (others) others.push(...values);
      else headers[name] = values;
    }
    return headers;
  }
  set headers(value: Record<string, Header[]>) {
    this._headers = value;
  }

  /** Adds a value behind those that are there. */
  addHeader(name: string, value: string): void {
    (this.headers[headerize(name)] ??= []).push({ raw: value });
  }

  /** The first value of a header. */
  getHeader(name: string): string | undefined {
    return this.headers[headerize(name)]?.[0]?.raw;
  }

  getHeaders(name: string): string[] {
    return (this.headers[headerize(name)] ?? []).map(({ raw }) => raw);
  }

  hasHeader(name: string): boolean {
    return this.headers[headerize(name)] !== undefined;
  }

  /**
   * What the grammar makes of a header's value. A value that cannot be read is taken out of the
   * message.
   *
   * @throws Error when the grammar has no rule of the header's name.
   */
  parseHeader<T = unknown>(name: string, idx = 0): T {
    const spelled = headerize(name);
    const values = this.headers[spelled];
    const header = values?.[idx];
    if (!values || !header) {
      log.debug(values ? `not so many "${spelled}" headers present` : `header "${spelled}" not present`);
      return undefined as T;
    }
    if (header.parsed) return header.parsed;
    const parsed = parse(header.raw, spelled.replace(/-/g, '_'));
    if (parsed === -1) {
      values.splice(idx, 1);
      log.debug(`error parsing "${spelled}" header field with value "${header.raw}"`);
      return undefined as T;
    }
    header.parsed = parsed;
    return parsed;
  }

  /** The same as `parseHeader`. */
  s<T = unknown>(name: string, idx?: number): T {
    return this.parseHeader(name, idx);
  }

  /** Puts one value in the place of those that are there. */
  setHeader(name: string, value: string): void {
    this.headers[headerize(name)] = [{ raw: value }];
  }

  /** The body as a session description; read again when `force`. */
  parseSDP(force?: boolean): SessionDescription {
    return force || !this.sdp ? (this.sdp = parseDescription(this.body)) : this.sdp;
  }

  toString(): string {
    return this.data;
  }
}

function listed(name: string, raw: string, text: MessageText): Header[] {
  const rule = name.replace('-', '_');
  const list = raw.includes(',') ? (parse(raw, rule) as ListedAddress[] | -1) : -1;
  if (list === -1) return [new Listed(raw, rule, text)];
  return list.map(({ possition, offset, parsed }) => {
    return { raw: raw.slice(offset, possition), parsed };
  });
}

/** Answers a request: see `IncomingRequest.reply`. */
export type Replier = (
  code: number,
  reason: string,
  extraHeaders: string[],
  body: string | undefined,
  onSuccess: (() => void) | undefined,
  onFailure: (() => void) | undefined,
) => void;

export class IncomingRequest extends IncomingMessage {
  /** The user agent that it came to. */
  ua: unknown;
  transport: unknown = null;
  server_transaction: unknown = null;

  /** @internal How it is answered, where the application may. */
  _replier: Replier | undefined;
  private declare _ruri: URI | null | undefined;

  constructor(ua?: unknown, message: MessageText | MessageRow = MessageText.empty()) {
    super(message);
    this.ua = ua;
  }

  get ruri(): URI {
    return (this._ruri ??= this._text.uri) as URI;
  }
  set ruri(value: URI) {
    this._ruri = value;
  }

  /**
   * Answers the request, where that is not the session's or the subscription's part.
   *
   * @throws TypeError when the status or the reason is none, NotSupportedError when the engine
   * answers this request itself.
   */
  reply(
    code: number,
    reason?: string | null,
    extraHeaders?: string[] | null,
    body?: string | null,
    onSuccess?: (() => void) | null,
    onFailure?: (() => void) | null,
  ): void {
    if (!code || code < 100 || code > 699) {
      throw new TypeError(`Invalid status_code: ${code || null}`);
    }
    if (reason && !isString(reason)) {
      throw new TypeError(`Invalid reason_phrase: ${reason}`);
    }
    if (!this._replier) throw new NotSupportedError(`${this.method} is answered by the engine`);
    this._replier(
      code,
      String(reason ?? ''),
      [...(extraHeaders ?? [])],
      body ?? undefined,
      onSuccess ?? undefined,
      onFailure ?? undefined,
    );
  }

  /** Answers the request without headers of its own. */
  reply_sl(code: number, reason?: string | null): void {
    this.reply(code, reason);
  }
}

export class IncomingResponse extends IncomingMessage {
  status_code: number;
  reason_phrase: string;

  constructor(message: MessageText | MessageRow = MessageText.empty()) {
    super(message);
    this.status_code = this._text.status;
    this.reason_phrase = this._text.target;
  }
}
