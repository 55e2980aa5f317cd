// Every text of the corpus is read by JsSIP and by us. A difference that is not in the table below
// fails, and so does a row of the table that explains nothing.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { load } from '../load.mjs';
import { CORPUS } from './corpus.mjs';
import { outcome } from './plain.mjs';

const jssip = createRequire(import.meta.url)('jssip');
const ours = await load('src/values/grammar.ts', 'src/values/uri.ts', 'src/values/name_addr.ts');

const ADDRESS = /^(?:Name_Addr_Header|From|To|Refer_To|Contact|Record_Route)$/;
const AUTH = /^(?:challenge|WWW_Authenticate|Proxy_Authenticate)$/;

/** Why we read a text otherwise: the rules and texts that each row is about. */
const DIFFERENCES = [
  ['telephone numbers and URIs of other schemes are addresses (RFC 3261 section 20.10, RFC 3966)',
    ADDRESS, /^<?(?:tel|urn|http):/],
  ['`Contact: *` is read; JsSIP throws', /^Contact$/, /^\*$/],
  ['a display name may be UTF-8 or have an @ without quotes, as phones send it', ADDRESS, /^(?:ünï|a@b) /],
  ['any character may be escaped in a quoted string', ADDRESS, /^"a\\é"/],
  ['what follows the quotes of a display name is no second one', ADDRESS, /^(?:a"b" |"a"b |"a" "b" )/],
  ['a parameter that is there and empty is no reason to drop a message',
    /./, /;(?:tag|branch|to-tag)=(?:;|$)/],
  ['a semicolon at the end is no reason to drop a message', /^(?:Via|Reason|Session_Expires)$/, /;$/],
  ['the place of an address in a list is without the white space around it', /^(?:Contact|Record_Route)$/,
    /^\s|> (?:,|$)/],
  ['[::] is an address (RFC 5954)', /./, /\[::\]/],
  ['a host name may end in a dot (RFC 3261 section 25.1)', /^(?:SIP_URI|host|hostname|hostport)$/, /(?:^|[:@])a\.(?::|$)/],
  ['a host name may begin as an IPv4 address', /^Via$/, /1\.2\.3\.4\.com/],
  ['a port is digits', /^(?:SIP_URI|hostport|Via)$/, /a:$/],
  ['received, maddr and the like do not change the host of a Via, or its kind', /^Via$/, /;(?:received|maddr)=/],
  ['an rport that is no number is none', /^Via$/, /;rport=x/],
  ['of several Via values in a line, the first is the topmost', /^Via$/, /,/],
  ['escapes in the text of a Reason are resolved', /^Reason$/, /\\"/],
  ['a hash algorithm may begin with MD5', AUTH, /MD5-sess/],
  ['the domain of a challenge is no scheme', AUTH, /domain=/],
  ['qop without quotes is a qop', AUTH, /qop=auth$/],
  ['an empty element of a list means nothing (RFC 3261 section 7.3.1)', AUTH, /,,/],
  ['a Call-ID may hold more than one @', /^Replaces$/, /^a@b@c/],
  ['a method may begin with the name of another', /^(?:Method|Request_Line|Request_Response)$/,
    /^(?:INVITE2|INVITER|BYEBYE)/],
  ['the headers of a request URI are in the URI and nowhere else', /^Request_(?:Line|Response)$/, /\?x=y/],
  ['a parameter of a media type needs no value', /^Content_Type$/, /;c$/],
  ['the parameters of a Content-Disposition are not told', /^Content_Disposition$/, /b=c/],
  ['a q of 1 is one', /^qvalue$/, /^1/],
];

test('every text of the corpus is read as JsSIP reads it, or for a reason that is written down', () => {
  const used = new Set();
  const unexplained = [];
  let count = 0;
  for (const [rule, texts] of Object.entries(CORPUS)) {
    for (const text of new Set(texts)) {
      count += 1;
      const mine = outcome(() => ours.parse(text, rule));
      const theirs = outcome(() => jssip.Grammar.parse(text, rule));
      if (JSON.stringify(mine) === JSON.stringify(theirs)) continue;
      const row = DIFFERENCES.find(([, rules, about]) => rules.test(rule) && about.test(text));
      if (row) used.add(row);
      else unexplained.push({ rule, text, mine, theirs });
    }
  }
  assert.deepEqual(unexplained, []);
  assert.deepEqual(DIFFERENCES.filter((row) => !used.has(row)).map(([reason]) => reason), []);
  assert.ok(count > 2500, `${count} texts`);
});

test('what is no rule throws, as it does in JsSIP', () => {
  for (const rule of ['Nope', '', 'toString', 'constructor', '__proto__', 'a"b']) {
    assert.throws(() => ours.parse('x', rule), { name: 'Error', message: `Invalid rule name: ${JSON.stringify(rule)}.` });
  }
  // JsSIP finds what every object has.
  for (const rule of ['Nope', '', 'a"b']) {
    assert.throws(() => jssip.Grammar.parse('x', rule), { message: `Invalid rule name: ${JSON.stringify(rule)}.` });
  }
  // Parts of other rules, which JsSIP's generator exports and nobody asks for.
  for (const rule of ['CRLF', 'LWS', 'qdtext', 'hnv_unreserved', 'IPv6address']) {
    assert.throws(() => ours.parse('x', rule), /Invalid rule name/);
  }
});

test('what has no text throws a TypeError, as it does in JsSIP', () => {
  for (const value of [undefined, null]) {
    for (const { parse } of [ours, jssip.Grammar]) assert.throws(() => parse(value, 'host'), TypeError);
    for (const name of ['URI', 'NameAddrHeader']) {
      assert.throws(() => ours[name].parse(value), TypeError);
      assert.throws(() => jssip[name].parse(value), TypeError);
    }
  }
});

/** Numbers from a seed: the same in every run. */
function numbers(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const PIECES = ['"', '\\', '<', '>', ';', ',', '=', '%', '@', ':', ' ', '\t', '\r\n ', '\0', 'é', '🎉', '\ud800', '[', ']', '()', 'tag=',
  'sip:', '*', '?', '&', '%zz', '%ff', '__proto__', ''];

test('nothing that comes from the network makes us throw', () => {
  const next = numbers(4711);
  const entries = Object.entries(CORPUS);
  let read = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const [rule, texts] = entries[next(entries.length)];
    let text = texts[next(texts.length)];
    for (let times = 1 + next(3); times > 0; times -= 1) {
      const at = next(text.length + 1);
      text = text.slice(0, at) + PIECES[next(PIECES.length)] + text.slice(at + next(3));
    }
    const mine = outcome(() => ours.parse(text, rule));
    assert.ok(mine?.thrown === undefined, `${rule} ${JSON.stringify(text)}: ${mine?.thrown}`);
    if (mine !== -1) read += 1;
  }
  assert.ok(read > 1000, `${read} of them could be read`);
});
