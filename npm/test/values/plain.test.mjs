// C, Exceptions and debug beside JsSIP's.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { load } from '../load.mjs';

const jssip = createRequire(import.meta.url)('jssip');
const C = { ...await load('src/values/constants.ts') };
const Exceptions = await load('src/values/exceptions.ts');
const { debug, logger, redact } = await load('src/debug.ts');
const { version, jssipVersion } = await load('src/version.ts');

test('the versions are those of the packages', () => {
  const here = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  assert.equal(version, here.version);
  assert.equal(jssipVersion, jssip.version);
});

test('every constant is the same but the name of the product', () => {
  assert.equal(C.USER_AGENT, `Offhook ${version}`);
  assert.equal(C.REASON_PHRASE[500], 'Server Internal Error');
  assert.deepEqual(
    {
      ...C,
      USER_AGENT: jssip.C.USER_AGENT,
      REASON_PHRASE: { ...C.REASON_PHRASE, 500: jssip.C.REASON_PHRASE[500] },
    },
    jssip.C,
  );
});

const VALUES = [undefined, null, '', 0, 5, NaN, false, true, 'text', 'a "quote"', [], ['a', 1], {},
  { a: { b: 1 } }];

for (const name of Object.keys(jssip.Exceptions)) {
  test(`${name} says the same about everything`, () => {
    assert.deepEqual(Object.keys(Exceptions).sort(), Object.keys(jssip.Exceptions).sort());
    for (const value of VALUES) {
      const ours = new Exceptions[name](...(name === 'ConfigurationError' ? ['uri', value] : [value]));
      const theirs = new jssip.Exceptions[name](
        ...(name === 'ConfigurationError' ? ['uri', value] : [value]));
      assert.ok(ours instanceof Exceptions[name] && ours instanceof Error);
      assert.deepEqual({ ...ours }, { ...theirs });
      assert.equal(ours.message, theirs.message);
      assert.equal(String(ours), String(theirs));
      assert.match(ours.stack, /plain\.test/);
    }
  });
}

test('debug is the npm module, with the namespaces of JsSIP', () => {
  for (const member of ['enable', 'disable', 'enabled', 'names', 'skips', 'formatters', 'log',
    'coerce', 'selectColor', 'humanize', 'default', 'debug']) {
    assert.equal(typeof debug[member], typeof jssip.debug[member], member);
  }
  const { info, warn } = console;
  const written = [];
  console.info = (...args) => written.push(['info', ...args]);
  console.warn = (...args) => written.push(['warn', ...args]);
  try {
    const log = logger('UA');
    log.debug('not yet');
    debug.enable('JsSIP:*,-JsSIP:Parser');
    log.debug('call %s %j', 'bob', { a: 1 });
    log.warn('look out');
    logger('Parser').debug('not this');
    logger().debug('nor this');
    assert.equal(debug.enabled('JsSIP:WARN:UA'), true);
    assert.equal(debug.disable(), 'JsSIP:*,-JsSIP:Parser');
    log.warn('no more');
  } finally {
    console.info = info;
    console.warn = warn;
  }
  assert.deepEqual(written.map(([level]) => level), ['info', 'warn']);
  assert.match(written[0][1], /JsSIP:UA/);
  assert.match(written[0].join(' '), /call %s \{"a":1\}.*bob/);
  assert.match(written[1][1], /JsSIP:WARN:UA look out/);
});

test('what proves who the user is does not reach the log', () => {
  const message = 'REGISTER sip:example.com SIP/2.0\r\n' +
    'authorization : Digest username="alice",\r\n response="5ea1"\r\n' +
    'X-Authorization: keep\r\n' +
    'Proxy-Authorization: Bearer token\r\n' +
    'WWW-Authenticate: Digest nonce="n"\r\n\r\n' +
    'a=Authorization: in the middle of a line';
  assert.equal(
    redact(message),
    'REGISTER sip:example.com SIP/2.0\r\n' +
      'authorization : (hidden)\r\n' +
      'X-Authorization: keep\r\n' +
      'Proxy-Authorization: (hidden)\r\n' +
      'WWW-Authenticate: Digest nonce="n"\r\n\r\n' +
      'a=Authorization: in the middle of a line',
  );
  const error = new Error('Authorization: x');
  assert.equal(redact(error), error);

  const { info } = console;
  const written = [];
  console.info = (...args) => written.push(args.join(' '));
  try {
    debug.enable('JsSIP:*');
    logger('Transport').debug('sending message:\n\n%s\n', message);
    logger('Transport').debug(message);
  } finally {
    debug.disable();
    console.info = info;
  }
  assert.equal(written.length, 2);
  for (const line of written) assert.ok(!/5ea1|token/.test(line), line);
});
