// The comparer: what it calls the same, and what not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareRuns } from '../lib/compare.mjs';
import { parseListed, sortOut, table } from '../lib/listed.mjs';

const SDP = [
  'v=0', 'o=- 123 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'm=audio 5000 RTP/AVP 0', 'c=IN IP4 10.0.0.1',
  'a=candidate:1 1 udp 1 10.0.0.1 5000 typ host', 'a=ice-ufrag:abcd', 'a=sendrecv', '',
].join('\r\n');

/** A message with the random values of one run. */
const message = (start, { call = 'c', tag = 't', branch = 'b', cseq = 1, headers = [], body = '' } = {}) => ({
  lane: 'wire',
  label: `→ ${start.split(' ')[0]}`,
  value: [
    start, `Via: SIP/2.0/WS abcdefghijkl.invalid;branch=z9hG4bK${branch}`, `From: <sip:alice@x>;tag=${tag}`,
    'To: <sip:bob@x>', `Call-ID: call-${call}`, `CSeq: ${cseq} ${start.split(' ')[0]}`, ...headers,
    `Content-Length: ${new TextEncoder().encode(body).length}`, '', body,
  ].join('\r\n'),
});
const event = (label, value) => ({ lane: 'app', label, value });
const run = (...entries) => ({ entries, users: {} });
const where = (differences) => differences.map((difference) => difference.where);

test('random identifiers, numbers and the names of users are no difference', () => {
  const one = { entries: [message('INVITE sip:bob1@x SIP/2.0', { call: '11', tag: 'tag-1', branch: 'x1', cseq: 4711 })], users: { bob1: 'bob' } };
  const two = { entries: [message('INVITE sip:bob22@x SIP/2.0', { call: '222', tag: 'tag-2', branch: 'x2', cseq: 5 })], users: { bob22: 'bob' } };
  assert.deepEqual(compareRuns(one, two), []);
});

test('the steps of CSeq numbers are compared', () => {
  const one = run(message('INVITE sip:x SIP/2.0', { cseq: 7 }), message('BYE sip:x SIP/2.0', { cseq: 8 }));
  const two = run(message('INVITE sip:x SIP/2.0', { cseq: 1 }), message('BYE sip:x SIP/2.0', { cseq: 3 }));
  assert.deepEqual(compareRuns(one, two), [{ where: '→ BYE / headers / cseq', left: 'N+1 BYE', right: 'N+2 BYE' }]);
});

test('a header, its value, and the order of headers are compared', () => {
  const with_ = (...headers) => run(message('INVITE sip:x SIP/2.0', { headers }));
  assert.deepEqual(where(compareRuns(with_('Supported: timer'), with_('Supported: timer,ice'))), ['→ INVITE / headers / supported']);
  assert.deepEqual(compareRuns(with_('Supported: a,b'), with_('Supported:  a, b')), []);
  assert.deepEqual(where(compareRuns(with_('X-A: 1', 'X-B: 1'), with_('X-B: 1', 'X-A: 1'))), ['→ INVITE / header order']);
  assert.deepEqual(where(compareRuns(with_('X-A: 1'), with_())), ['→ INVITE / headers / x-a', '→ INVITE / header order']);
});

test('credentials are compared by parameter, in whatever order those stand', () => {
  const with_ = (value) => run(message('INVITE sip:x SIP/2.0', { headers: [`Authorization: Digest ${value}`] }));
  const one = with_('username="a, b", nonce="1", nc=00000001');
  assert.deepEqual(compareRuns(one, with_('nc=00000001,nonce="2", username="a, b"')), []);
  assert.deepEqual(compareRuns(one, with_('username="a", nonce="2", algorithm=MD5, nc=00000002')), [
    { where: '→ INVITE / headers / authorization / username', left: '"a, b"', right: '"a"' },
    { where: '→ INVITE / headers / authorization / nc', left: '00000001', right: '00000002' },
    { where: '→ INVITE / headers / authorization / algorithm', left: '(not there)', right: 'MD5' },
  ]);
});

test('SDP is compared by section and line, without what is random in it', () => {
  const body = (text) => run(message('INVITE sip:x SIP/2.0', { headers: ['Content-Type: application/sdp'], body: text }));
  const same = SDP.replace('123', '999').replace('5000', '6000').replace('abcd', 'efgh').replace('a=sendrecv\r\n', '')
    .replace('a=ice-ufrag', 'a=sendrecv\r\na=ice-ufrag');
  assert.deepEqual(compareRuns(body(SDP), body(same)), []);
  assert.deepEqual(compareRuns(body(SDP), body(SDP.replace('sendrecv', 'sendonly'))), [
    { where: '→ INVITE / body / line', left: 'a=sendrecv', right: '(not there)' },
    { where: '→ INVITE / body / line', left: '(not there)', right: 'a=sendonly' },
  ]);
});

test('a wrong Content-Length is a difference', () => {
  const right = run(message('INFO sip:x SIP/2.0', { body: 'hellö' }));
  const wrong = run({ ...right.entries[0], value: right.entries[0].value.replace('Content-Length: 6', 'Content-Length: 5') });
  assert.deepEqual(compareRuns(right, wrong), [{ where: '→ INFO / headers / content-length', left: '(right)', right: '5' }]);
});

test('missing and additional events are told, and what they said', () => {
  const one = run(event('a', { x: 1 }), event('b'), event('c', { y: { z: null } }));
  const two = run(event('a', { x: 2 }), event('c', { y: {} }), event('d'));
  assert.deepEqual(compareRuns(one, two), [
    { where: 'a / x', left: '1', right: '2' },
    { where: 'c / y / z', left: 'null', right: '(not there)' },
    { where: 'b', left: 'there', right: '(not there)' },
    { where: 'd', left: '(not there)', right: 'there' },
  ]);
});

test('the order of events and of sent messages is compared', () => {
  const ack = message('ACK sip:x SIP/2.0');
  const [invite, accepted] = [message('INVITE sip:x SIP/2.0'), event('accepted')];
  assert.deepEqual(compareRuns(run(invite, accepted, ack), run(invite, ack, accepted)), [
    { where: '→ ACK / when', left: 'after accepted', right: 'before accepted' },
  ]);
});

test('a message is told with each event that it overtakes, and only with those', () => {
  const bye = message('BYE sip:x SIP/2.0');
  const [one, two, three] = ['one', 'two', 'three'].map((name) => event(name));
  assert.deepEqual(compareRuns(run(one, bye, two, three), run(one, two, three, bye)), [
    { where: '→ BYE / when', left: 'before two', right: 'after two' },
    { where: '→ BYE / when', left: 'before three', right: 'after three' },
  ]);
});

test('the order of what is received is not: it is up to the server', () => {
  const [one, two] = ['INFO', 'BYE'].map((method) => ({ ...message(`${method} sip:x SIP/2.0`), label: `← ${method}` }));
  assert.deepEqual(compareRuns(run(one, two), run(two, one)), []);
});

const LIST = [
  '| id | what | why |', '|---|---|---|', '| D1 | one | a reason |', '| D2 | two | another |',
  '```differences', 'D1 :: * :: → INVITE / headers / x-* :: 1 :: (not there)', 'D2 :: a story :: b :: * :: *', '```', '',
].join('\n');
const found = (difference) => ({ story: 'a story', server: 'kamailio', where: 'b', left: '1', right: '2', ...difference });

test('listed differences pass, others are told, and lines that nothing matches are stale', () => {
  const patterns = parseListed(LIST);
  const known = found({ where: '→ INVITE / headers / x-foo', right: '(not there)' });
  const unknown = found({ where: '→ INVITE / headers / y' });
  const { unlisted, stale } = sortOut([known, unknown], patterns);
  assert.deepEqual(unlisted, [unknown]);
  assert.deepEqual(stale.map(({ id }) => id), ['D2']);
});

test('a list with a row that nothing recognises, or the reverse, is refused', () => {
  assert.throws(() => parseListed(LIST.replace('D2 ::', 'D1 ::')), /row D2 has no pattern/);
  assert.throws(() => parseListed(LIST.replace('| D2 |', '| |')), /no row explains/);
  assert.throws(() => parseListed(LIST.replace('| D2 |', '| D1 |')), /two rows D1/);
  assert.throws(() => parseListed(LIST.replace(':: b ::', '::')), /five parts/);
});

test('the table tells a difference of several stories once', () => {
  const text = table([found({}), found({ story: 'another' }), found({ server: 'exchange' })]);
  assert.equal(text.split('\n').length, 5);
  assert.match(text, /a story \(kamailio, exchange\)/);
});
