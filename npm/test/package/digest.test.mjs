// `lib/DigestAuthentication`, for applications that answer a challenge themselves: beside JsSIP's, on
// the same credentials and challenges.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

import { install } from './installed.mjs';

const Ours = createRequire(join(install(), 'app.cjs'))('offhook/lib/DigestAuthentication');
const Theirs = createRequire(import.meta.url)('jssip/lib/DigestAuthentication');

const CREDENTIALS = { username: 'alice', password: 'wonder land', realm: 'example.com', ha1: null };
const CHALLENGE = { algorithm: 'MD5', realm: 'example.com', nonce: 'n0nce', opaque: null, qop: null };
const REQUEST = { method: 'PUBLISH', ruri: 'sip:presence@example.com', body: 'åbc' };

/** What both make of a challenge, and the header that each writes. */
function both(credentials, challenge, request = REQUEST) {
  return [Ours, Theirs].map((Digest) => {
    const digest = new Digest({ ...CREDENTIALS, ...credentials });
    const done = digest.authenticate(request, { ...CHALLENGE, ...challenge }, 'c1');
    return { done, header: done && String(digest), ha1: digest.get('ha1'), realm: done && digest.get('realm') };
  });
}

for (const [title, credentials, challenge, request] of [
  ['without qop'],
  ['without algorithm', {}, { algorithm: null }],
  ['with qop=auth', {}, { qop: 'auth' }],
  ['with the body under guard', {}, { qop: 'auth-int' }],
  ['with the body under guard, and none', {}, { qop: 'auth-int' }, { ...REQUEST, body: undefined }],
  ['with a choice', {}, { qop: ['auth', 'auth-int'] }],
  ['with an opaque', {}, { qop: ['auth'], opaque: 'o' }],
  ['with a ha1', { password: null, ha1: '0123456789abcdef0123456789abcdef' }, { qop: 'auth' }],
]) {
  test(`a challenge ${title} is answered as by JsSIP`, () => {
    const [ours, theirs] = both(credentials, challenge, request);
    assert.equal(ours.done, true);
    assert.deepEqual(ours, theirs);
  });
}

for (const [title, credentials, challenge] of [
  ['another algorithm', {}, { algorithm: 'SHA-256' }],
  ['no nonce', {}, { nonce: '' }],
  ['no realm', {}, { realm: undefined }],
  ['a qop that nobody knows', {}, { qop: 'token' }],
  ['nothing to answer it with', { password: '' }],
  ['a ha1 of another realm', { password: null, ha1: 'x', realm: 'elsewhere.example' }],
]) {
  test(`a challenge is not answered: ${title}`, () => {
    const [ours, theirs] = both(credentials, challenge);
    assert.equal(ours.done, false);
    assert.equal(theirs.done, false);
    assert.equal(ours.ha1, theirs.ha1);
  });
}

test('each answer counts, and has chance of its own', () => {
  const digest = new Ours(CREDENTIALS);
  assert.throws(() => String(digest), /No challenge/);
  const answers = [1, 2].map(() => {
    assert.equal(digest.authenticate(REQUEST, { ...CHALLENGE, qop: 'auth' }), true);
    return String(digest);
  });
  assert.match(answers[0], /nc=00000001$/);
  assert.match(answers[1], /nc=00000002$/);
  const [first, second] = answers.map((answer) => /cnonce="([^"]+)"/.exec(answer)[1]);
  assert.notEqual(first, second);
  assert.equal(digest.get('nonce'), undefined);
});
