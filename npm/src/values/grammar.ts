// `JsSIP.Grammar`: what header values, URIs and start lines say, as the engine's parsers read them.

import { read, Rule, unfolded, type Reading } from '../engine/reading';
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

function ask(rule: Rule, text: string): Reading | undefined {
  const reading = read(rule, text);
  if (reading) reading.text = unfolded(reading.text);
  return reading;
}

/** The names of schemes and of hosts, by the engine's numbers. */
const SCHEMES = ['', 'sip', 'sips', 'tel'];
const HOSTS = ['domain', 'IPv4', 'IPv6'];

function paramsOf(reading: Reading): Params {
  const params: Params = {};
  for (let left = reading.number(); left > 0; left -= 1) {
    const name = reading.piece().toLowerCase();
    params[name] = reading.value();
  }
  return params;
}

function uri(reading: Reading): URI {
  const scheme = SCHEMES[reading.number()] || reading.piece();
  const user = reading.maybe();
  const host = reading.piece();
  const made = new URI(scheme, user && unescape(user), host || 'x', reading.maybeNumber());
  // A telephone number has no host.
  made._host = host;
  for (let left = reading.number(); left > 0; left -= 1) {
    const name = reading.piece().toLowerCase();
    const value = reading.value() ?? null;
    const folded = name === 'transport' || name === 'user' ? value && value.toLowerCase() : value;
    made._parameters[name] = name === 'lr' ? null : folded;
  }
  for (let left = reading.number(); left > 0; left -= 1) {
    const name = reading.piece();
    made.setHeader(name, [...(made.getHeader(name) ?? []), reading.piece()]);
  }
  return made;
}

/** A URI that may not be there. */
export function maybeUri(reading: Reading): URI | undefined {
  return reading.number() ? uri(reading) : undefined;
}

/** An address; the parameter of the name `last` is put behind the others. */
function address(reading: Reading, last?: string): NameAddrHeader {
  const name = reading.number() ? reading.piece() : undefined;
  const made = new NameAddrHeader(uri(reading), name);
  const parameters = made._parameters;
  let held: string | null | undefined;
  for (let left = reading.number(); left > 0; left -= 1) {
    const name = reading.piece().toLowerCase();
    const value = reading.value() ?? null;
    if (name === last) held = value;
    else parameters[name] = value;
  }
  if (last !== undefined && held !== undefined) parameters[last] = held;
  return made;
}

/** From and To: the tag is the last parameter. */
function party(reading: Reading): NameAddrHeader {
  return address(reading, 'tag');
}

/** Of a Contact, the parameters that are numbers are written as such. */
function contact(reading: Reading): NameAddrHeader {
  const made = address(reading);
  const { q, expires } = made._parameters;
  if (q && /^0(?:\.\d*)?$/.test(q)) made.setParam('q', Number(q));
  if (expires && /^\d+$/.test(expires)) made.setParam('expires', Number(expires));
  return made;
}

type One = (reading: Reading) => NameAddrHeader;

function list(reading: Reading, one: One = address): ListedAddress[] {
  const found: ListedAddress[] = [];
  while (reading.number()) {
    const offset = reading.number();
    const possition = reading.number();
    found.push({ possition, offset, parsed: one(reading) });
  }
  return found;
}

/** The first address of the list at a place in what the engine has read of a message. */
export function firstListed(rule: string, reading: Reading, at: number): NameAddrHeader | undefined {
  reading.at = at;
  // Whether there is a list, and whether there is something in it.
  if (!reading.number() || !reading.number()) return undefined;
  reading.at += 2;
  return rule === 'Contact' ? contact(reading) : address(reading);
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

/** A parameter of a Via that has a place of its own, where its value can be that. */
function ofVia(name: string, value: string): string | number | undefined {
  switch (name) {
    case 'branch':
      return text(value);
    case 'received':
      return value.replace(/^\[|\]$/g, '');
    case 'rport':
    case 'ttl':
      return seconds(value);
    case 'maddr':
      return value;
    default:
      return undefined;
  }
}

function via(reading: Reading): ViaValue {
  const data = {
    protocol: reading.piece(),
    transport: reading.piece(),
    host: reading.piece(),
    host_type: HOSTS[reading.number()],
  } as ViaValue;
  const port = reading.maybeNumber();
  if (port !== undefined) data.port = port;
  for (let left = reading.number(); left > 0; left -= 1) {
    const name = reading.piece().toLowerCase();
    const value = reading.value();
    const own = value === undefined ? undefined : ofVia(name, value);
    if (own !== undefined) (data as unknown as Data)[name] = own;
    else if (name !== 'rport') (data.params ??= {})[name] = value;
  }
  return data;
}

function challenge(reading: Reading): Data {
  const digest = reading.piece().toLowerCase() === 'digest';
  const data: Data = {};
  for (let left = digest ? reading.number() : 0; left > 0; left -= 1) {
    const [name, value] = [reading.piece().toLowerCase(), reading.piece()];
    if (/^(?:realm|nonce|opaque)$/.test(name)) data[name] = value;
    if (name === 'stale') data[name] = value.toLowerCase() === 'true';
    if (name === 'algorithm') data[name] = value.toUpperCase();
    if (name === 'qop') data[name] = value.toLowerCase().split(/[\s,]+/).filter(Boolean);
  }
  return data;
}

function reason(reading: Reading): Data {
  const protocol = reading.piece().toLowerCase();
  const params = paramsOf(reading);
  const cause = take(params, 'cause', seconds);
  const words = take(params, 'text', (value) => /^"(.*)"$/s.exec(value)?.[1]);
  const data = { cause, protocol, text: words?.replace(/\\(.)/gs, '$1') };
  return { params, ...withParams(data, {}) };
}

function sessionExpires(reading: Reading): Data {
  const expires = Number(reading.piece());
  const params = paramsOf(reading);
  const refresher = take(params, 'refresher', (value) =>
    /^ua[cs]$/i.test(value) ? value.toLowerCase() : undefined,
  );
  return withParams({ expires, refresher }, params);
}

function replaces(reading: Reading): Data {
  const call_id = reading.piece();
  const params = paramsOf(reading);
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

function subscriptionState(reading: Reading): Data {
  const state = reading.piece();
  const params = paramsOf(reading);
  const data = {
    state,
    reason: take(params, 'reason', text),
    expires: take(params, 'expires', seconds),
    retry_after: take(params, 'retry-after', seconds),
  };
  return withParams(data, params);
}

function startLine(reading: Reading): Data {
  const isRequest = reading.number();
  const [first, second] = [reading.piece(), reading.piece()];
  if (isRequest) return { method: first, uri: uri(reading), sip_version: second };
  return { sip_version: first, status_code: Number(second), reason_phrase: reading.piece() };
}

/** A start line of the one kind only. */
function only(kind: 'method' | 'status_code', data: Data): Grammar {
  return kind in data ? data : -1;
}

function hostport(reading: Reading): Data {
  const host_type = HOSTS[reading.number()];
  return withParams({ host_type, host: reading.piece(), port: reading.maybeNumber() }, {});
}

/** A host of that kind, without a port. */
function hostOf(kind: string, reading: Reading): Grammar {
  const { host_type, port } = hostport(reading);
  return host_type === kind && port === undefined ? { host_type } : -1;
}

type Reader = [rule: Rule, read: (reading: Reading) => Grammar];

const challengeReader: Reader = [Rule.Challenge, challenge];

/** The rules whose texts the engine reads. */
const READERS: Record<string, Reader> = {
  SIP_URI: [Rule.Uri, uri],
  Name_Addr_Header: [Rule.Bracketed, (reading) => address(reading)],
  From: [Rule.Address, party],
  To: [Rule.Address, party],
  Refer_To: [Rule.Address, (reading) => address(reading)],
  Contact: [Rule.Addresses, (reading) => list(reading, contact)],
  Record_Route: [Rule.BracketedAddresses, (reading) => list(reading)],
  Route: [
    Rule.BracketedAddresses,
    (reading) => {
      const first = list(reading)[0]?.parsed;
      const params = { ...first?._parameters };
      return withParams({ display_name: first?._display_name, uri: first?.uri }, params as Params);
    },
  ],
  Via: [Rule.Via, via],
  CSeq: [Rule.CSeq, (reading) => ({ value: reading.number(), method: reading.piece() })],
  challenge: challengeReader,
  WWW_Authenticate: challengeReader,
  Proxy_Authenticate: challengeReader,
  Event: [
    Rule.Word,
    (reading) => withParams({ event: reading.piece().toLowerCase() }, paramsOf(reading)),
  ],
  Reason: [Rule.Word, reason],
  Session_Expires: [Rule.Number, sessionExpires],
  Subscription_State: [Rule.Word, subscriptionState],
  Replaces: [Rule.CallId, replaces],
  hostport: [Rule.HostPort, hostport],
  hostname: [Rule.HostPort, (reading) => hostOf('domain', reading)],
  IPv4address: [Rule.HostPort, (reading) => hostOf('IPv4', reading)],
  IPv6reference: [Rule.HostPort, (reading) => hostOf('IPv6', reading)],
  name_addr: [
    Rule.Bracketed,
    (reading) => {
      const { _display_name: display_name, _uri: uri, _parameters } = address(reading);
      return Object.keys(_parameters).length ? -1 : withParams({ display_name, uri }, {});
    },
  ],
  host: [
    Rule.HostPort,
    (reading) => {
      const data = hostport(reading);
      return 'port' in data ? -1 : data;
    },
  ],
  Request_Response: [Rule.StartLine, startLine],
  Request_Line: [Rule.StartLine, (reading) => only('method', startLine(reading))],
  Status_Line: [Rule.StartLine, (reading) => only('status_code', startLine(reading))],
  absoluteURI: [
    Rule.AbsoluteUri,
    (reading) => ({ scheme: reading.piece(), ...(reading.number() ? hostport(reading) : {}) }),
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
  const text = typeof input === 'string' ? input : (input as string).charAt(0) + (input as string).slice(1);
  if (reader) {
    if (startRule === 'Contact' && text.trim() === '*') {
      return [{ possition: text.length, offset: 0, parsed: '*' }];
    }
    const reading = ask(reader[0], text);
    return reading ? reader[1](reading) : -1;
  }
  const pattern = own(PATTERNS, startRule);
  if (!pattern) throw new Error(`Invalid rule name: ${JSON.stringify(startRule)}.`);
  return new RegExp(`^(?:${pattern[0]})$`, 'i').test(text) ? pattern[1](text) : -1;
}

function own<T>(table: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/**
 * Who a message is between, and the way that its answer takes: `undefined` what it does not say or
 * what cannot be read.
 */
export interface Parties {
  from: NameAddrHeader | undefined;
  from_tag: string | undefined;
  to: NameAddrHeader | undefined;
  to_tag: string | undefined;
  via: ViaValue | undefined;
  via_branch: string | undefined;
}

/** What the engine reads of every message. */
export function parties(reading: Reading): Parties {
  const from = reading.number() ? party(reading) : undefined;
  const from_tag = from && reading.maybe();
  const to = reading.number() ? party(reading) : undefined;
  const to_tag = to && reading.maybe();
  const topmost = reading.number() ? via(reading) : undefined;
  return { from, from_tag, to, to_tag, via: topmost, via_branch: topmost && reading.maybe() };
}
