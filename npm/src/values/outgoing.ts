// Requests of ours, as the application sees them and may change them before they leave.

import type { MessageRow } from '../engine/rows';
import { ALLOWED_METHODS, INVITE, MAX_FORWARDS, USER_AGENT } from './constants';
import { MessageText } from './message_text';
import { NameAddrHeader } from './name_addr';
import { parseDescription, type SessionDescription } from './sdp';
import { headerize } from './text';
import type { URI } from './uri';
import { cloneArray, createRandomToken, newTag, str_utf8_length } from './utils';

/** What a request needs to know of its user agent. */
export interface Agent {
  configuration: {
    uri: URI;
    display_name?: string | null;
    extra_headers?: string[] | null;
    session_timers?: boolean;
    use_preloaded_route?: boolean;
    user_agent?: string | null;
  };
  contact?: { pub_gruu?: string | null; temp_gruu?: string | null } | null;
  transport?: { sip_uri?: string } | null;
}

export interface RequestParams {
  cseq?: number;
  call_id?: string;
  from_tag?: string;
  from_uri?: URI;
  from_display_name?: string | null;
  to_uri?: URI;
  to_tag?: string;
  to_display_name?: string | null;
  route_set?: string | string[];
}

/** What is in `headers`; all others are lines of `extraHeaders`, as JsSIP keeps them. */
const OWN = ['Route', 'Via', 'Max-Forwards', 'To', 'From', 'Call-ID', 'CSeq'];
/** What is written behind all others, where the application has not set it itself. */
const LAST = ['Allow', 'Supported', 'User-Agent'];

interface Shown {
  uri: string;
  body: string;
  lines: string[];
}

export class OutgoingRequest {
  ua: unknown;
  method: string;
  ruri: URI;
  /** By name, as `headerize` spells it. */
  headers: Record<string, string[]> = {};
  /** Lines of headers that are not in `headers`: `X-Note: hello`. */
  extraHeaders: string[];
  body: string | undefined;
  from!: NameAddrHeader;
  to!: NameAddrHeader;
  call_id!: string;
  cseq!: number;
  sdp: SessionDescription | undefined = undefined;

  /** What is written last, where nothing else of the name is there. */
  _last: string[] | undefined = undefined;
  /** What the engine has shown; what is different now is the application's doing. */
  _shown: Shown | undefined = undefined;

  constructor(
    method: string,
    ruri: URI,
    ua: Agent,
    params?: RequestParams | null,
    extraHeaders?: string[] | null,
    body?: string,
  ) {
    this.ua = ua;
    this.method = method;
    this.ruri = ruri;
    this.body = body;
    this.extraHeaders = cloneArray(extraHeaders);
    if (params !== null) this._fill(ua, params ?? {});
  }

  /** The request of a row, to be changed by the application and brought up to date by others. */
  static fromRow(ua: unknown, row: MessageRow): OutgoingRequest {
    const text = MessageText.of(row);
    const uri = text.uri as URI;
    const request =
      text.method === INVITE
        ? new InitialOutgoingInviteRequest(uri, ua as Agent, null)
        : new OutgoingRequest(text.method, uri, ua as Agent, null);
    request._update(text);
    return request;
  }

  /** The headers of a request that has not been given to the engine. */
  private _fill(ua: Agent, params: RequestParams): void {
    const { configuration } = ua;
    this.extraHeaders.push(...(configuration.extra_headers ?? []));
    if (params.route_set) this.setHeader('route', params.route_set);
    else if (configuration.use_preloaded_route) {
      this.setHeader('route', `<${ua.transport?.sip_uri};lr>`);
    }
    this.setHeader('via', '');
    this.setHeader('max-forwards', String(MAX_FORWARDS));
    this.to = new NameAddrHeader(
      params.to_uri ?? this.ruri,
      params.to_display_name ?? null,
      params.to_tag ? { tag: params.to_tag } : null,
    );
    this.setHeader('to', String(this.to));
    const { from_display_name = configuration.display_name || null } = params;
    this.from = new NameAddrHeader(params.from_uri ?? configuration.uri, from_display_name, {
      tag: params.from_tag || newTag(),
    });
    this.setHeader('from', String(this.from));
    this.call_id = params.call_id || createRandomToken(20);
    this.setHeader('call-id', this.call_id);
    this.cseq = params.cseq || Math.floor(parseInt(createRandomToken(3), 32) / 4) + 1;
    this.setHeader('cseq', `${this.cseq} ${this.method}`);
    this._last = standard(this.method, ua);
  }

  /**
   * Takes what the engine says now of the request, and keeps what the application has changed
   * since it was shown: headers that it has set, added or removed, the URI and the body.
   */
  update(row: MessageRow): void {
    this._update(MessageText.of(row));
  }

  private _update(text: MessageText): void {
    const before = this._shown;
    const lines = this.lines();
    const { body, ruri } = this;
    const set = { ...this.headers };

    this._take(text);
    const shown = { uri: String(this.ruri), body: this.body ?? '', lines: this.lines() };
    this._shown = shown;
    if (!before) return;

    if (String(ruri) !== before.uri || String(ruri) === shown.uri) this.ruri = ruri;
    if ((body ?? '') !== before.body) this.body = body;
    for (const line of less(before.lines, lines)) this._remove(line);
    for (const line of less(lines, before.lines)) {
      const name = nameOf(line);
      const values = set[headerize(name)];
      if (values) this.setHeader(name, values);
      else if (!this.lines().includes(line)) this.extraHeaders.push(line);
    }
  }

  /** Whether the application wants another request than the engine has shown. */
  get isChanged(): boolean {
    const shown = this._shown;
    const lines = this.lines();
    return (
      shown === undefined ||
      String(this.ruri) !== shown.uri ||
      (this.body ?? '') !== shown.body ||
      lines.length !== shown.lines.length ||
      lines.some((line, at) => line !== shown.lines[at])
    );
  }

  /** All headers as lines, but for Content-Length, which is counted when the request is written. */
  lines(): string[] {
    const lines: string[] = [];
    for (const name of Object.keys(this.headers)) {
      for (const value of this.headers[name] ?? []) {
        // A Via without value is a place for the one that the transaction will put there.
        if (name !== 'Via' || value) lines.push(`${name}: ${value}`);
      }
    }
    for (const line of this.extraHeaders) lines.push(String(line).trim());
    const names = new Set(lines.map((line) => nameOf(line).toLowerCase()));
    for (const line of this._last ?? []) {
      if (!names.has(nameOf(line).toLowerCase())) lines.push(line);
    }
    return lines.filter((line) => nameOf(line).toLowerCase() !== 'content-length');
  }

  /** Puts this in the place of all headers of the name. */
  setHeader(name: string, value: string | string[]): void {
    keep(this.extraHeaders, (line) => !isNamed(line, name));
    this.headers[headerize(name)] = Array.isArray(value) ? value : [value];
  }

  /** The first value of a header. */
  getHeader(name: string): string | undefined {
    return this.getHeaders(name)[0] || undefined;
  }

  getHeaders(name: string): string[] {
    const values = this.headers[headerize(name)];
    if (values) return [...values];
    return this.extraHeaders.filter((line) => isNamed(line, name)).map(valueOf);
  }

  hasHeader(name: string): boolean {
    return (
      headerize(name) in this.headers || this.extraHeaders.some((line) => isNamed(line, name))
    );
  }

  /** The body as a session description; read again when `force`. */
  parseSDP(force?: boolean): SessionDescription {
    return force || !this.sdp ? (this.sdp = parseDescription(this.body)) : this.sdp;
  }

  /** The request as it would be written now. */
  toString(): string {
    const body = this.body ?? '';
    const lines = [`${this.method} ${this.ruri} SIP/2.0`, ...this.lines()];
    return `${lines.join('\r\n')}\r\nContent-Length: ${str_utf8_length(body)}\r\n\r\n${body}`;
  }

  clone(): this {
    const clone = Object.assign(Object.create(Object.getPrototypeOf(this)) as this, this);
    clone.headers = {};
    for (const name of Object.keys(this.headers)) {
      clone.headers[name] = [...(this.headers[name] ?? [])];
    }
    clone.extraHeaders = [...this.extraHeaders];
    return clone;
  }

  /** Becomes what the engine says. */
  private _take(text: MessageText): void {
    this.method = text.method;
    this.ruri = text.uri as URI;
    this.call_id = text.call_id;
    this.cseq = text.cseq;
    this.headers = {};
    this.extraHeaders.length = 0;
    const last: string[] = (this._last = []);
    for (let left = text.first(); left > 0; left -= 1) {
      const name = text.name();
      const value = text.value();
      // It is counted when the request is written.
      if (name === 'Content-Length') continue;
      if (OWN.includes(name)) (this.headers[name] ??= []).push(value);
      else (LAST.includes(name) ? last : this.extraHeaders).push(`${name}: ${value}`);
    }
    const { from, to } = text.parties;
    this.from = named(from as NameAddrHeader);
    this.to = named(to as NameAddrHeader);
    this.body = text.body || undefined;
    this.sdp = undefined;
  }

  private _remove(line: string): void {
    const name = headerize(nameOf(line));
    const left = this.headers[name]?.filter((value) => `${name}: ${value}` !== line);
    if (left?.length) this.headers[name] = left;
    else delete this.headers[name];
    keep(this.extraHeaders, (other) => other.trim() !== line);
    this._last = this._last?.filter((other) => other !== line);
  }
}

export class InitialOutgoingInviteRequest extends OutgoingRequest {
  /** What takes the INVITE back, once it is sent. */
  transaction: { cancel(reason?: string): void } | null = null;

  constructor(
    ruri: URI,
    ua: Agent,
    params?: RequestParams | null,
    extraHeaders?: string[] | null,
    body?: string,
  ) {
    super(INVITE, ruri, ua, params, extraHeaders, body);
  }

  cancel(reason?: string): void {
    this.transaction?.cancel(reason);
  }
}

/** A display name that is not there is `null`, as `_fill` and JsSIP have it. */
function named(address: NameAddrHeader): NameAddrHeader {
  address.display_name ??= null;
  return address;
}

/** Takes out of `lines` what is not wanted: it stays the array that the application may hold. */
function keep(lines: string[], isWanted: (line: string) => boolean): void {
  lines.splice(0, lines.length, ...lines.filter(isWanted));
}

function nameOf(line: string): string {
  return line.slice(0, line.indexOf(':')).trim();
}

function valueOf(line: string): string {
  return line.slice(line.indexOf(':') + 1).trim();
}

function isNamed(line: string, name: string): boolean {
  return nameOf(line).toLowerCase() === name.trim().toLowerCase();
}

/** What is in `lines` and not in `others`, each as often as it is there more. */
function less(lines: string[], others: string[]): string[] {
  const left = [...others];
  return lines.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** The headers that every request of the method ends with. */
function standard(method: string, ua: Agent): string[] {
  const { session_timers, user_agent } = ua.configuration;
  const supported: string[] = [];
  if (method === 'REGISTER') supported.push('path', 'gruu');
  if ((method === 'INVITE' || method === 'UPDATE') && session_timers) supported.push('timer');
  if (method === 'INVITE') {
    if (ua.contact?.pub_gruu || ua.contact?.temp_gruu) supported.push('gruu');
    supported.push('ice', 'replaces');
  }
  if (method === 'UPDATE') supported.push('ice');
  supported.push('outbound');
  return [
    `Allow: ${ALLOWED_METHODS}`,
    `Supported: ${supported}`,
    `User-Agent: ${user_agent || USER_AGENT}`,
  ];
}
