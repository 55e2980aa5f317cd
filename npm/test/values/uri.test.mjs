// URI, NameAddrHeader and Utils beside JsSIP's: the same calls on both.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { load } from '../load.mjs';
import { ADDRESSES, URIS } from './corpus.mjs';
import { outcome } from './plain.mjs';

const jssip = createRequire(import.meta.url)('jssip');
const { URI, NameAddrHeader, ...Utils } = await load(
  'src/values/uri.ts', 'src/values/name_addr.ts', 'src/values/utils.ts');
const mine = { URI, NameAddrHeader, Utils };

/** Runs a story on both libraries, and holds all that it hears against each other. */
function same(name, story) {
  test(name, () => {
    const heard = [mine, jssip].map((library) => {
      const log = [];
      story(library, (action) => log.push(outcome(action)));
      return log;
    });
    assert.deepEqual(heard[0], heard[1]);
    assert.ok(heard[0].length > 0);
  });
}

const ODD = [undefined, null, '', 0, 1, -1, 5060, '5060', '0', 'x', 'A b', NaN, true, false, 1.5, '12abc', ['a'], {}];

same('a URI is made of anything that JsSIP takes', ({ URI: Uri }, hear) => {
  for (const value of ODD) {
    hear(() => new Uri(value, 'user', 'host'));
    hear(() => new Uri('sip', value, 'host'));
    hear(() => new Uri('sip', 'user', value));
    hear(() => new Uri('sip', 'user', 'host', value));
    hear(() => new Uri('sip', 'user', 'host', 5060, { a: value, B: 'x' }));
    hear(() => String(new Uri(value, 'user', 'Host', value)));
  }
  hear(() => new Uri('SIP', 'a', 'B', 1, { X: 'Y', lr: null, n: 5 }, { subject: 'x', a_b: ['c', 'd'] }));
  hear(() => new Uri('sip', 'a', 'b', undefined, null, null));
});

same('a URI is changed part by part', ({ URI: Uri }, hear) => {
  const uri = new Uri('sip', 'alice', 'example.com', 5060, { transport: 'ws', lr: null }, { Subject: 'x' });
  for (const name of ['scheme', 'user', 'host', 'port']) {
    for (const value of ODD) {
      hear(() => {
        uri[name] = value;
      });
      hear(() => uri[name]);
    }
  }
  uri.scheme = 'SIPS';
  uri.user = 'a b;c?d:e+f/é';
  uri.host = 'EXAMPLE.Com';
  uri.port = '7';
  for (const key of ['transport', 'TRANSPORT', 'lr', 'x', '', undefined, null, 'A-b']) {
    hear(() => uri.getParam(key));
    hear(() => uri.hasParam(key));
    hear(() => uri.getHeader(key));
    hear(() => uri.hasHeader(key));
    for (const value of ODD) hear(() => uri.setParam(key, value));
  }
  hear(() => uri);
  hear(() => String(uri));
  for (const value of ['a', ['b', 'c'], []]) hear(() => uri.setHeader('x_new-HEADER', value));
  for (const key of ['X-New-Header', 'subject', 'none']) hear(() => uri.getHeader(key));
  hear(() => String(uri));
  for (const show of [undefined, false, true]) hear(() => uri.toAor(show));
  const clone = uri.clone();
  clone.setParam('only', 'clone');
  clone.setHeader('only', 'clone');
  hear(() => [clone, uri, String(clone), String(uri)]);
  for (const key of ['TRANSPORT', 'none', undefined]) {
    hear(() => uri.deleteParam(key));
    hear(() => uri.deleteHeader(key));
  }
  uri.clearParams();
  uri.clearHeaders();
  hear(() => [uri, String(uri)]);
  uri.port = 0;
  hear(() => [String(uri), uri.toAor(true)]);
});

test('what is read is written, and read again, as JsSIP does it', () => {
  let compared = 0;
  for (const [name, texts] of [['URI', URIS], ['NameAddrHeader', ADDRESSES]]) {
    for (const text of texts) {
      const [ours, theirs] = [mine, jssip].map((library) => library[name].parse(text));
      assert.ok(ours === undefined || ours instanceof mine[name]);
      // The grammar's own test says why one of them reads what the other does not.
      if (!ours || !theirs) continue;
      compared += 1;
      assert.equal(String(ours), String(theirs));
      assert.equal(String(mine[name].parse(String(ours)) ?? ''), String(jssip[name].parse(String(theirs)) ?? ''));
      assert.deepEqual(outcome(() => ours.clone()), outcome(() => theirs.clone()));
    }
  }
  assert.ok(compared > 200, `${compared} compared`);
});

same('an address is made, changed and written', ({ URI: Uri, NameAddrHeader: Address }, hear) => {
  const uri = new Uri('sip', 'alice', 'example.com');
  for (const value of [...ODD, uri]) hear(() => new Address(value));
  for (const value of ODD) {
    const address = new Address(uri, value);
    hear(() => address.display_name);
    hear(() => {
      address.display_name = value;
      return address.display_name;
    });
    hear(() => address.setParam('P', value));
    hear(() => address.getParam('p'));
  }
  const address = new Address(uri, 'A "q" \\ é', { Tag: 'x', flag: null, n: 7 });
  hear(() => String(address));
  const clone = address.clone();
  clone.uri.user = 'bob';
  clone.setParam('tag', 'y');
  hear(() => [String(address), String(clone)]);
  hear(() => {
    'use strict';
    address.uri = uri;
  });
  for (const key of ['TAG', 'none', '', undefined]) {
    hear(() => address.hasParam(key));
    hear(() => address.getParam(key));
  }
  hear(() => address.deleteParam('TAG'));
  hear(() => address.deleteParam('none'));
  address.clearParams();
  hear(() => String(address));
});

test('a parameter is not what every object has', () => {
  const uri = URI.parse('sip:a@b;constructor=1');
  assert.equal(uri.getParam('constructor'), '1');
  assert.equal(uri.getParam('toString'), undefined);
  assert.equal(uri.hasParam('toString'), false);
  assert.equal(uri.getHeader('constructor'), undefined);
  assert.equal(uri.deleteParam('valueOf'), undefined);
});

test('a telephone number is a URI without a host', () => {
  const { uri } = mine.NameAddrHeader.parse('"Bob" <tel:+1-555;ext=2>;x=y');
  assert.deepEqual([uri.scheme, uri.user, uri.host, uri.getParam('ext')], ['tel', '+1-555', '', '2']);
  assert.equal(String(uri), 'tel:+1-555;ext=2');
  assert.equal(String(uri.clone()), 'tel:+1-555;ext=2');
  assert.equal(uri.toAor(), 'tel:+1-555');
  assert.equal(String(mine.NameAddrHeader.parse('<urn:service:sos>')), '<urn:service:sos>');
});

const ODDITIES = [...ODD, [], [1], 'ünï 🎉', () => {}, async () => {}, class {}, function* () {}, new Date(0), /x/,
  Object.create(null), new String('boxed'), new Number(4), '7', ' 7 ', '7.0', '7.5', '1e3', Infinity];

same('the checks of Utils say the same of everything', ({ Utils: U }, hear) => {
  for (const value of ODDITIES) {
    for (const check of ['isFunction', 'isString', 'isDecimal', 'isEmpty', 'hostType', 'sipErrorCause', 'normalizeTarget']) {
      hear(() => U[check](value));
    }
    hear(() => U.cloneArray(value));
    hear(() => U.cloneObject(value));
    hear(() => U.cloneObject(value, { fallback: true }));
    hear(() => U.normalizeTarget('bob', value));
  }
  hear(() => U.hasMethods({ a() {}, b: 1 }, 'b', 'c'));
  hear(() => U.hasMethods({ a() {}, b: 1 }, 'a'));
  hear(() => U.hasMethods({}));
  hear(() => U.hasMethods(undefined, 'a'));
  for (let status = 100; status < 700; status += 1) hear(() => U.sipErrorCause(status));
});

same('the texts of Utils are the same', ({ Utils: U }, hear) => {
  for (const text of ['', 'a', 'call-id', 'CSEQ', 'www_authenticate', 'x__y--z', 'X-FOO-bar_baz', 'é-ü', 'constructor', '__proto__', '-', 'P-Asserted-Identity']) {
    hear(() => U.headerize(text));
  }
  for (const text of ['', 'a', 'a b', 'a%20b', 'é', 'a:b+c?d/e;f,g=h&i$j@k#l', '%C3%A9', '*#', "!~'()"]) hear(() => U.escapeUser(text));
  for (const text of ['', 'a', 'é', '🎉', 'ünï', '\0']) hear(() => U.str_utf8_length(text));
  for (const target of ['bob', 'bob@example.com', 'sip:bob@example.com', 'sips:bob@example.com', 'tel:+1-555', '+1 (555) 01', '(555).01-02', 'a@b@c.d',
    'bob@', '@example.com', '@', 'sip:', 'sip:bob', 'é', 'bob@example.com:5061;transport=ws', 'bob@1.2.3', 'b%20b', 'SIP:x@y', 'tel:5', '*55*', '12a', '-', '+', '+1-', ' ']) {
    for (const domain of ['example.org', 'example.org:5060;transport=ws', '', undefined, 'a b']) hear(() => String(U.normalizeTarget(target, domain)));
  }
  for (const host of ['example.com', '10.0.0.1', '[::1]', '', 'a b', '::1', 'a_b', 'a:5060']) hear(() => U.hostType(host));
});

test('what JsSIP throws at a call, the percent sign, is a character', () => {
  assert.throws(() => jssip.Utils.normalizeTarget('100%', 'example.com'), URIError);
  assert.equal(String(Utils.normalizeTarget('100%', 'example.com')), 'sip:100%25@example.com');
  assert.equal(Utils.escapeUser('\ud800'), '%EF%BF%BD');
  assert.equal(URI.parse('sip:%ff@example.com').user, '%ff');
  assert.equal(Utils.str_utf8_length('\ud800'), 3);
});

test('MD5 is that of RFC 1321', () => {
  const md5 = (text) => createHash('md5').update(text).digest('hex');
  for (let length = 0; length < 200; length += 1) {
    const text = 'alice:example.com:pässwörd'.repeat(9).slice(0, length);
    assert.equal(Utils.calculateMD5(text), md5(text));
    assert.equal(Utils.calculateMD5(text), jssip.Utils.calculateMD5(text));
  }
  // Beyond the BMP, JsSIP's is of other bytes than UTF-8's, and no server knows it.
  assert.equal(Utils.calculateMD5('🎉'), md5('🎉'));
  assert.notEqual(jssip.Utils.calculateMD5('🎉'), md5('🎉'));
});

test('random values have the form that JsSIP gives them, and are not from Math.random', () => {
  const { random } = Math;
  Math.random = () => assert.fail('an identifier must not be guessed');
  try {
    for (const [size, base] of [[10, undefined], [0, 32], [15, 10], [8, 36], [40, 2], ['3', 16]]) {
      const token = Utils.createRandomToken(size, base);
      assert.equal(token.length, Number(size));
      assert.equal([...token].every((digit) => parseInt(digit, base ?? 32) >= 0), true);
    }
    assert.match(Utils.newTag(), /^[0-9a-v]{10}$/);
    assert.notEqual(Utils.newTag(), Utils.newTag());
    for (let n = 0; n < 100; n += 1) {
      assert.match(Utils.newUUID(), /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
      assert.match(Utils.getRandomTestNetIP(), /^192\.0\.2\.(?:[1-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-4])$/);
    }
  } finally {
    Math.random = random;
  }
});

same('a stream of any age is closed', ({ Utils: U }, hear) => {
  const track = (log, name) => ({ stop: () => log.push(name) });
  const streams = [
    (log) => ({ getTracks: () => [track(log, 'a'), track(log, 'b')] }),
    (log) => ({ getAudioTracks: () => [track(log, 'a')], getVideoTracks: () => [track(log, 'v')] }),
    (log) => ({ stop: () => log.push('stream') }),
    () => ({}),
    () => undefined,
    () => null,
  ];
  for (const make of streams) {
    const log = [];
    hear(() => U.closeMediaStream(make(log)));
    hear(() => log);
  }
});

test('Utils has every member that JsSIP has', () => {
  assert.deepEqual(
    Object.keys(jssip.Utils).filter((name) => typeof Utils[name] !== typeof jssip.Utils[name]),
    [],
  );
});
