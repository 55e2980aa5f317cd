// `JsSIP.Grammar`: what header values, URIs and start lines say, as the engine's parsers read them.

import { module } from '../engine/load';
import { NameAddrHeader } from './name_addr';
import { unescape } from './text';
import { URI } from './uri';

/** What a rule makes of a text: an object, an array, a string or a number; -1 for no match. */
export type Grammar = any;

/** An address in a list, and where it stands; the spelling is the interface's. */
export interface ListedAddress {
  possition: number;
  offset: number;
  parsed: NameAddrHeader;
}

/** The numbers of the engine's rules: `crates/web/src/grammar/mod.rs`. */
const enum Rule {
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
}

export interface ViaValue {
  protocol: string;
  transport: string;
  host: string;
  host_type: string;
  port?: number;
  branch?: string;
  received?: string;
  rport?: number;
  ttl?: number;
  maddr?: string;
  params?: Params;
}

type Data = Record<string, unknown>;
type Params = Record<string, string | undefined>;

/** The lines of an answer, taken one after the other. */
class Lines {
  private lines: string[];
  private at = 0;

  constructor(text: string) {
    this.lines = text.split('\n');
  }

  get more(): boolean {
    return this.at < this.lines.length;
  }

  text(): string {
    return this.lines[this.at++] ?? '';
  }

  maybe(): string | undefined {
    return this.text() || undefined;
  }

  number(): number | undefined {
    const text = this.text();
    return text ? Number(text) : undefined;
  }

  /** Takes the next pair of a list into `name` and `value`; whether there was one. */
  pair(): boolean {
    const pair = this.text();
    const equals = pair.indexOf('=');
    this.name = (equals < 0 ? pair : pair.slice(0, equals)).toLowerCase();
    this.value = equals < 0 ? undefined : pair.slice(equals + 1);
    return pair !== '';
  }
  name = '';
  value: string | undefined = undefined;

  params(): Params {
    const params: Params = {};
    while (this.pair()) params[this.name] = this.value;
    return params;
  }
}

function ask(rule: Rule, text: string): Lines | undefined {
  const answer = module().parse(rule, text);
  return answer === undefined ? undefined : new Lines(answer);
}

function uri(lines: Lines): URI {
  const scheme = lines.text();
  const user = lines.maybe();
  const host = lines.text();
  const made = new URI(scheme, user && unescape(user), host || 'x', lines.number());
  // A telephone number has no host.
  made._host = host;
  while (lines.pair()) {
    const { name, value = null } = lines;
    const folded = name === 'transport' || name === 'user' ? value && value.toLowerCase() : value;
    made._parameters[name] = name === 'lr' ? null : folded;
  }
  while (lines.pair()) {
    const { name, value = '' } = lines;
    made.setHeader(name, [...(made.getHeader(name) ?? []), value]);
  }
  return made;
}

function address(lines: Lines): NameAddrHeader {
  const name = lines.maybe();
  const made = new NameAddrHeader(uri(lines), name?.slice(1));
  while (lines.pair()) made._parameters[lines.name] = lines.value ?? null;
  return made;
}

/** From and To: the tag is the last parameter. */
function party(lines: Lines): NameAddrHeader {
  const made = address(lines);
  const { tag, ...others } = made._parameters;
  if (tag !== undefined) made._parameters = { ...others, tag };
  return made;
}

/** Of a Contact, the parameters that are numbers are written as such. */
function contact(lines: Lines): NameAddrHeader {
  const made = address(lines);
  const { q, expires } = made._parameters;
  if (q && /^0(?:\.\d*)?$/.test(q)) made.setParam('q', Number(q));
  if (expires && /^\d+$/.test(expires)) made.setParam('expires', Number(expires));
  return made;
}

function list(lines: Lines, one: (lines: Lines) => NameAddrHeader): ListedAddress[] {
  const found: ListedAddress[] = [];
  while (lines.more) {
    const [possition, offset] = [Number(lines.text()), Number(lines.text())];
    found.push({ possition, offset, parsed: one(lines) });
  }
  return found;
}

/** `data` with what has a value, and the parameters that are left, where there are some. */
function withParams(data: Data, params: Params): Data {
  for (const name of Object.keys(data)) if (data[name] === undefined) delete data[name];
  if (Object.keys(params).length > 0) data['params'] = params;
  return data;
}

/** Takes a parameter out of `params`, and reads it. */
function take<T>(
  params: Params,
  name: string,
  read: (value: string) => T | undefined,
): T | undefined {
  const value = params[name];
  const made = value === undefined ? undefined : read(value);
  if (made !== undefined) delete params[name];
  return made;
}

const text = (value: string): string | undefined => (/^[^"[]/.test(value) ? value : undefined);
const seconds = (value: string): number | undefined => (/^\d+$/.test(value) ? +value : undefined);

/** The parameters of a Via that have a place of their own, where their values can be theirs. */
const VIA: Record<string, (value: string) => string | number | undefined> = {
  ttl: seconds,
  maddr: (value) => value,
  received: (value) => value.replace(/^\[|\]$/g, ''),
  branch: text,
  rport: seconds,
};

function via(lines: Lines): ViaValue {
  const data = {
    protocol: lines.text(),
    transport: lines.text(),
    host: lines.text(),
    host_type: lines.text(),
  } as ViaValue;
  const port = lines.number();
  if (port !== undefined) data.port = port;
  while (lines.pair()) {
    const { name, value } = lines;
    const own = value === undefined ? undefined : VIA[name]?.(value);
    if (own !== undefined) (data as unknown as Data)[name] = own;
    else if (name !== 'rport') (data.params ??= {})[name] = value;
  }
  return data;
}

function challenge(lines: Lines): Data {
  const digest = lines.text().toLowerCase() === 'digest';
  const data: Data = {};
  while (digest && lines.more) {
    const [name, value] = [lines.text().toLowerCase(), lines.text()];
    if (/^(?:realm|nonce|opaque)$/.test(name)) data[name] = value;
    if (name === 'stale') data[name] = value.toLowerCase() === 'true';
    if (name === 'algorithm') data[name] = value.toUpperCase();
    if (name === 'qop') data[name] = value.toLowerCase().split(/[\s,]+/).filter(Boolean);
  }
  return data;
}

function reason(lines: Lines): Data {
  const protocol = lines.text().toLowerCase();
  const params = lines.params();
  const cause = take(params, 'cause', seconds);
  const words = take(params, 'text', (value) => /^"(.*)"$/s.exec(value)?.[1]);
  const data = { cause, protocol, text: words?.replace(/\\(.)/gs, '$1') };
  return { params, ...withParams(data, {}) };
}

function sessionExpires(lines: Lines): Data {
  const expires = lines.number();
  const params = lines.params();
  const refresher = take(params, 'refresher', (value) =>
    /^ua[cs]$/i.test(value) ? value.toLowerCase() : undefined,
  );
  return withParams({ expires, refresher }, params);
}

function replaces(lines: Lines): Data {
  const call_id = lines.text();
  const params = lines.params();
  const data: Data = {
    call_id,
    to_tag: take(params, 'to-tag', text),
    from_tag: take(params, 'from-tag', text),
  };
  if ('early-only' in params) {
    data['early_only'] = true;
    delete params['early-only'];
  }
  return withParams(data, params);
}

function subscriptionState(lines: Lines): Data {
  const state = lines.text();
  const params = lines.params();
  const data = {
    state,
    reason: take(params, 'reason', text),
    expires: take(params, 'expires', seconds),
    retry_after: take(params, 'retry-after', seconds),
  };
  return withParams(data, params);
}

function startLine(lines: Lines): Data {
  const method = lines.text();
  const sip_version = lines.text();
  if (method) return { method, uri: uri(lines), sip_version };
  return { sip_version, status_code: lines.number(), reason_phrase: lines.text() };
}

/** A start line of the one kind only. */
function only(kind: 'method' | 'status_code', data: Data): Grammar {
  return kind in data ? data : -1;
}

function hostport(lines: Lines): Data {
  const host_type = lines.text();
  return withParams({ host_type, host: lines.text(), port: lines.number() }, {});
}

/** A host of that kind, without a port. */
function hostOf(kind: string, lines: Lines): Grammar {
  const { host_type, port } = hostport(lines);
  return host_type === kind && port === undefined ? { host_type } : -1;
}

type Reader = [rule: Rule, read: (lines: Lines) => Grammar];

const challengeReader: Reader = [Rule.Challenge, challenge];

/** The rules whose texts the engine reads. */
const READERS: Record<string, Reader> = {
  SIP_URI: [Rule.Uri, uri],
  Name_Addr_Header: [Rule.Bracketed, address],
  From: [Rule.Address, party],
  To: [Rule.Address, party],
  Refer_To: [Rule.Address, address],
  Contact: [Rule.Addresses, (lines) => list(lines, contact)],
  Record_Route: [Rule.BracketedAddresses, (lines) => list(lines, address)],
  Route: [
    Rule.BracketedAddresses,
    (lines) => {
      const first = list(lines, address)[0]?.parsed;
      const params = { ...first?._parameters };
      return withParams({ display_name: first?._display_name, uri: first?.uri }, params as Params);
    },
  ],
  Via: [Rule.Via, via],
  CSeq: [Rule.CSeq, (lines) => ({ value: lines.number(), method: lines.text() })],
  challenge: challengeReader,
  WWW_Authenticate: challengeReader,
  Proxy_Authenticate: challengeReader,
  Event: [
    Rule.Word,
    (lines) => withParams({ event: lines.text().toLowerCase() }, lines.params()),
  ],
  Reason: [Rule.Word, reason],
  Session_Expires: [Rule.Number, sessionExpires],
  Subscription_State: [Rule.Word, subscriptionState],
  Replaces: [Rule.CallId, replaces],
  hostport: [Rule.HostPort, hostport],
  hostname: [Rule.HostPort, (lines) => hostOf('domain', lines)],
  IPv4address: [Rule.HostPort, (lines) => hostOf('IPv4', lines)],
  IPv6reference: [Rule.HostPort, (lines) => hostOf('IPv6', lines)],
  name_addr: [
    Rule.Bracketed,
    (lines) => {
      const { _display_name: display_name, _uri: uri, _parameters } = address(lines);
      return Object.keys(_parameters).length ? -1 : withParams({ display_name, uri }, {});
    },
  ],
  host: [
    Rule.HostPort,
    (lines) => {
      const data = hostport(lines);
      return 'port' in data ? -1 : data;
    },
  ],
  Request_Response: [Rule.StartLine, startLine],
  Request_Line: [Rule.StartLine, (lines) => only('method', startLine(lines))],
  Status_Line: [Rule.StartLine, (lines) => only('status_code', startLine(lines))],
  absoluteURI: [
    Rule.AbsoluteUri,
    (lines) => ({ scheme: lines.text(), ...(lines.more ? hostport(lines) : {}) }),
  ],
};

const TOKEN = "[\\w\\-.!%*+`'~]+";
const QUOTED = '"(?:[^"\\\\]|\\\\.)*"';
const TOKENS = `${TOKEN}(?:\\s*,\\s*${TOKEN})*`;
const PARAMS = `(?:\\s*;\\s*${TOKEN}(?:\\s*=\\s*(?:${TOKEN}|${QUOTED}|\\[[\\da-f:.]+\\]))?)*`;
const UUID = '[\\da-f]{8}(?:-[\\da-f]{4}){3}-[\\da-f]{12}';
const USER = "(?:[\\w\\-.!~*'()&=+$,;?/]|%[\\da-f]{2})";
const WORD = '[\\w\\-.!%*+`\'~()<>:\\\\"/[\\]?{}]+';

const nothing = (): Grammar => ({});
const itself = (text: string): Grammar => text;

/** The rules that are a pattern, and what they give. */
const PATTERNS: Record<string, [pattern: string, read: (text: string) => Grammar]> = {
  token: [TOKEN, nothing],
  quoted_string: [`\\s*${QUOTED}`, nothing],
  quoted_string_clean: [`\\s*${QUOTED}`, nothing],
  user: [`${USER}+`, nothing],
  delta_seconds: ['\\d+', nothing],
  qvalue: ['0(?:\\.\\d{0,3})?|1(?:\\.0{0,3})?', nothing],
  Supported: [`(?:${TOKENS})?`, nothing],
  Require: [TOKENS, nothing],
  Proxy_Require: [TOKENS, nothing],
  Allow_Events: [TOKENS, nothing],
  Content_Encoding: [TOKENS, nothing],
  Content_Disposition: [TOKEN + PARAMS, nothing],
  Subject: ['[^\\0-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]*', nothing],
  Content_Type: [`${TOKEN}\\s*/\\s*${TOKEN}${PARAMS}`, itself],
  Call_ID: [`${WORD}(?:@${WORD})?`, itself],
  uuid: [UUID, itself],
  uuid_URI: [`uuid:${UUID}`, (text) => text.slice(5)],
  Content_Length: ['\\d+', Number],
  Expires: ['\\d+', Number],
  Min_Expires: ['\\d+', Number],
  Max_Forwards: ['\\d+', Number],
  port: ['\\d{1,5}', (port) => ({ port: Number(port) })],
  scheme: ['[a-z][a-z\\d+\\-.]*', (scheme) => ({ scheme })],
  Method: [TOKEN, (method) => ({ method })],
  Status_Code: ['\\d{3}', (code) => ({ status_code: Number(code) })],
  userinfo: [
    `${USER}+(?::(?:(?![;?/])${USER})*)?@`,
    (text) => {
      const [, password] = /:(.*)@$/s.exec(text) ?? [];
      return withParams({ user: unescape(text.slice(0, -1)), password }, {});
    },
  ],
  SIP_Version: ['sip/\\d+\\.\\d+', (sip_version) => ({ sip_version })],
};

/**
 * Reads `input` by the grammar's rule `startRule`. -1 where it does not follow the rule.
 *
 * @throws Error when there is no rule of that name.
 */
export function parse(input: string, startRule = 'CRLF'): Grammar {
  const reader = own(READERS, startRule);
  // Text objects are taken; what is no text throws a TypeError, as it does in JsSIP.
  const text = input.charAt(0) + input.slice(1);
  if (reader) {
    if (startRule === 'Contact' && text.trim() === '*') {
      return [{ possition: text.length, offset: 0, parsed: '*' }];
    }
    const lines = ask(reader[0], text);
    return lines ? reader[1](lines) : -1;
  }
  const pattern = own(PATTERNS, startRule);
  if (!pattern) throw new Error(`Invalid rule name: ${JSON.stringify(startRule)}.`);
  return new RegExp(`^(?:${pattern[0]})$`, 'i').test(text) ? pattern[1](text) : -1;
}

function own<T>(table: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** Who a message is between, and the way that its answer takes. */
export interface Parties {
  from: NameAddrHeader;
  to: NameAddrHeader;
  via: ViaValue;
}

/** What the engine has read of every message (`MessageRow`). */
export function parties(text: string): Parties {
  const lines = new Lines(text);
  return { from: party(lines), to: party(lines), via: via(lines) };
}
