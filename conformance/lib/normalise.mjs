// What is random, or belongs to the machine, gets a name, so that two runs of a story are the same.

import { headerValue, headerValues, parseMessage, tagOf } from './message.mjs';

/** The entries of a run (see page/tape.js) with messages taken apart and random values named. */
export function normalise({ entries, users }) {
  const names = new Map(Object.entries(users));
  const numbers = new SequenceNumbers();
  for (const entry of entries) {
    if (!isMessage(entry)) {
      collectSeen(entry.value, names, numbers);
      continue;
    }
    const message = parseMessage(entry.value);
    const ours = sentByUs(entry.label);
    collect(message, ours ? 'ours' : 'theirs', names);
    const number = Number.parseInt(headerValue(message, 'CSeq'), 10);
    numbers.learn(headerValue(message, 'Call-ID'), number, isResponse(message) ? !ours : ours);
  }
  // The longest first: one may be a part of another.
  const tokens = [...names].filter(([token]) => token.length > 2).sort(([a], [b]) => b.length - a.length);
  const plain = (text) => machine(tokens.reduce((all, [token, name]) => all.replaceAll(token, name), text));
  return entries.map((entry) => ({
    lane: entry.lane,
    label: plain(entry.label),
    value: isMessage(entry)
      ? wireMessage(parseMessage(entry.value), sentByUs(entry.label), plain, numbers)
      : deep(entry.value, plain, numbers),
  }));
}

const isMessage = ({ lane, value }) => lane === 'wire' && typeof value === 'string' && value.trim() !== '';
const sentByUs = (label) => label.startsWith('→');
const isResponse = ({ start }) => start.startsWith('SIP/2.0 ');

/** Names the random values that a message brings for the first time. */
function collect(message, whose, names) {
  const name = (token, as) => {
    if (token && !names.has(token)) names.set(token, as);
  };
  name(headerValue(message, 'Call-ID'), `CALL-ID(${whose})`);
  for (const header of ['From', 'To']) name(tagOf(headerValue(message, header)), `TAG(${whose})`);
  for (const [, value] of message.headers) {
    for (const [, branch] of value.matchAll(/;branch=([^;,\s]+)/g)) name(branch, 'BRANCH');
    for (const [, uuid] of value.matchAll(/urn:uuid:([0-9a-f-]{36})/gi)) name(uuid, 'UUID');
    for (const [, host] of value.matchAll(/[ @]([0-9a-z]{12}\.invalid)/g)) name(host, 'HOST.invalid');
  }
  for (const value of headerValues(message, 'Record-Route')) {
    for (const [, user] of value.matchAll(/<sips?:([^@;>]+)@/g)) {
      name(user, `ROUTE-${[...names.values()].filter((other) => other.startsWith('ROUTE-')).length + 1}`);
    }
  }
  for (const value of headerValues(message, 'Contact')) {
    name(/temp-gruu="sips?:([^@"]+)/.exec(value)?.[1], `TEMP-GRUU(${whose})`);
    collectContacts(value, whose, names);
  }
}

/** The random addresses at which peers without one are reached. */
function collectContacts(text, whose, names) {
  for (const [, user, host] of text.matchAll(/sips?:([0-9a-z]{8})@([0-9a-z]{12}\.invalid)/g)) {
    if (!names.has(user)) names.set(user, `CONTACT-USER(${whose})`);
    if (!names.has(host)) names.set(host, 'HOST.invalid');
  }
}

/** The same, of messages as an application sees them (see page/describe.js), sent or not. */
function collectSeen(value, names, numbers) {
  if (typeof value === 'string') collectContacts(value, 'ours', names);
  if (value === null || typeof value !== 'object') return;
  if (typeof value.call_id === 'string' && typeof value.methods === 'string') {
    const ours = requestIsOurs(value);
    const whose = ours ? 'ours' : 'theirs';
    if (!names.has(value.call_id)) names.set(value.call_id, `CALL-ID(${whose})`);
    const tag = tagOf(value.from);
    if (tag && !names.has(tag)) names.set(tag, `TAG(${whose})`);
    if (typeof value.cseq === 'number') numbers.learn(value.call_id, value.cseq, ours);
  }
  Object.values(value).forEach((item) => collectSeen(item, names, numbers));
}

/** Whether a message in an event is our request, or the response to one: nothing to reply to. */
const requestIsOurs = ({ methods }) => !/\breply\b/.test(methods);

/** What belongs to the machine and to the moment. */
function machine(text) {
  return text
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
    .replace(/\b(nonce|cnonce|response|opaque)="[^"]*"/g, '$1="…"')
    .replace(/([;?](?:ftag|did|vsf|vst|alias|rport|received)=)[^;>,\s]+/g, '$1…')
    .replace(/\b(?!0{32})[0-9a-f]{32}(?=;remote=|$)|(?<=;remote=)(?!0{32})[0-9a-f]{32}/g, 'SESSION-ID')
    .replace(/\b([Rr]etry-[Aa]fter:? ?)\d+/g, '$1…');
}

/** CSeq numbers begin anywhere: they are told relative to the first one of their side of the dialog. */
class SequenceNumbers {
  #first = new Map();

  learn(callId, number, ours) {
    const key = `${callId} ${ours}`;
    if (!this.#first.has(key)) this.#first.set(key, number);
  }

  relative(number, callId, ours) {
    const first = this.#first.get(`${callId} ${ours}`);
    if (first === undefined || Math.abs(number - first) > 1000) return String(number);
    return number === first ? 'N' : `N${number > first ? '+' : ''}${number - first}`;
  }
}

/** A message of the wire: `{ start, headers: { name: value }, 'header order', body }`. */
function wireMessage(message, ours, plain, numbers) {
  const headers = {};
  for (const [spelled, value] of message.headers) {
    const name = spelled.toLowerCase();
    headers[name] = [...(headers[name] ?? []), value];
  }
  const order = Object.keys(headers).join(' ');
  const asked = isResponse(message) ? !ours : ours;
  const callId = headerValue(message, 'Call-ID');
  const text = (name, value) => {
    if (name === 'cseq') {
      return value.replace(/^\d+/, (number) => numbers.relative(Number(number), callId, asked));
    }
    // A subscription is named by the CSeq number of the other side's REFER.
    if (name === 'event') {
      return value.replace(/;id=(\d+)/, (_, id) => `;id=${numbers.relative(Number(id), callId, !asked)}`);
    }
    // How many seconds are left.
    if (name === 'subscription-state') return value.replace(/expires=\d+/, 'expires=…');
    if (LISTS.has(name)) return value.split(',').map((item) => item.trim()).join(', ');
    // Its parameters may stand in any order.
    if (name === 'via') return plain(value).replace(/;.*/, (all) => all.split(';').sort().join(';'));
    return name === 'date' || name === 'retry-after' ? '…' : plain(value);
  };
  if (headers['content-length']) {
    const right = Number(headers['content-length'][0]) === new TextEncoder().encode(message.body).length;
    headers['content-length'] = right ? ['(right)'] : headers['content-length'];
  }
  return {
    start: plain(message.start),
    headers: Object.fromEntries(Object.entries(headers).map(
      ([name, values]) => [name, credentials(name, values, plain) ?? values.map((value) => text(name, value)).join(' | ')],
    )),
    // In what came in it is the peer's and the server's.
    ...(ours && { 'header order': order }),
    body: bodyText(message.body, plain),
  };
}

/** The parameters of digest credentials: they may stand in any order. */
function credentials(name, values, plain) {
  const [, digest] = /^Digest +(.*)/i.exec(values[0]) ?? [];
  if (!/^(proxy-)?authorization$/.test(name) || values.length > 1 || digest === undefined) return undefined;
  return Object.fromEntries([...plain(digest).matchAll(/(\w+)=("[^"]*"|[^,\s]*)/g)].map(([, key, value]) => [key, value]));
}

const LISTS = new Set(['allow', 'supported', 'require', 'accept', 'unsupported', 'allow-events']);

/** A body: SDP in sections, anything else as it is. */
export function bodyText(body, plain) {
  return body.startsWith('v=0') ? sdpText(body) : plain(body);
}

/** SDP with what is random named, the lines of each section in a settled order. */
export function sdpText(sdp) {
  const lines = sdp.split(/\r?\n/).filter(Boolean).map(sdpLine).filter(Boolean);
  const sections = [];
  for (const line of lines) {
    if (!sections.length || line.startsWith('m=')) sections.push([]);
    sections.at(-1).push(line);
  }
  return sections.map(([head, ...rest]) => [head, ...rest.sort()].join('\n')).join('\n');
}

function sdpLine(line) {
  // How many there are is the machine's business.
  if (/^a=(candidate:|end-of-candidates)/.test(line)) return '';
  return line
    .replace(/^(o=\S+) \S+ (\d+) IN IP4 \S+/, '$1 SESSION $2 IN IP4 ADDRESS')
    .replace(/^(m=\w+) (?!0 |9 )\d+ /, '$1 PORT ')
    .replace(/^c=IN IP4 (?!0\.0\.0\.0)\S+/, 'c=IN IP4 ADDRESS')
    .replace(/^a=rtcp:(?!9 )\d+ IN IP4 \S+/, 'a=rtcp:PORT IN IP4 ADDRESS')
    .replace(/^a=(ice-ufrag|ice-pwd):.*/, 'a=$1:…')
    .replace(/^a=fingerprint:(\S+) .*/, 'a=fingerprint:$1 …')
    .replace(/^a=ssrc:\d+/, 'a=ssrc:…')
    .replace(/^a=ssrc-group:(\w+) .*/, 'a=ssrc-group:$1 …')
    .replace(/cname:.*/, 'cname:…')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, 'UUID')
    .replace(/(a=msid(?:-semantic)?:.*?)[\w+/]{36}/g, '$1ID');
}

/** A described value (see page/describe.js) with every string in it made plain. */
function deep(value, plain, numbers) {
  if (typeof value === 'string') return bodyText(value, plain);
  if (Array.isArray(value)) return value.map((item) => deep(item, plain, numbers));
  if (value === null || typeof value !== 'object') return value;
  const described = {};
  for (const [key, item] of Object.entries(value)) {
    described[plain(key)] = key === 'cseq' && typeof item === 'number'
      ? numbers.relative(item, value.call_id, requestIsOurs(value))
      : deep(item, plain, numbers);
  }
  return described;
}
