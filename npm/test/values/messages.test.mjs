// Whole messages, as JsSIP's objects and as ours: every property and every method.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { load } from '../load.mjs';
import { outcome, plain } from './plain.mjs';

const require = createRequire(import.meta.url);
const Parser = require('jssip/lib/Parser');
const { parseMessage, IncomingRequest, OutgoingRequest, InitialOutgoingInviteRequest, URI } =
  await load('src/values/parser.ts', 'src/values/incoming.ts', 'src/values/outgoing.ts', 'src/values/uri.ts');

const crlf = (lines, body = '') => `${lines.join('\r\n')}\r\n\r\n${body}`;
const file = (name) => readFileSync(new URL(`../../../benches/messages/${name}`, import.meta.url), 'utf8');

const SDP = 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=msid-semantic: WMS s\r\n' +
  'm=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10\r\n' +
  'a=msid:s t\r\na=sendrecv\r\na=ice-ufrag:x\r\n';

/** The headers that every request and response here has. */
const common = (cseq, to = '<sip:bob@example.com>') => [
  'Via: SIP/2.0/WS 10.0.0.1:8080;branch=z9hG4bK1.2;rport=5060',
  'Via: SIP/2.0/WS abc.invalid;branch=z9hG4bK9',
  'Max-Forwards: 69',
  `To: ${to}`,
  'From: "Alice" <sip:alice@example.com>;tag=a1b2',
  'Call-ID: abc123def@x',
  `CSeq: ${cseq}`,
];
const length = (body) => `Content-Length: ${Buffer.byteLength(body)}`;

const MESSAGES = {
  'an INVITE of JsSIP': crlf(['INVITE sip:bob@xyz.invalid;transport=ws SIP/2.0', ...common('4711 INVITE'),
    'Contact: <sip:alice@abc.invalid;transport=ws;ob>', 'Content-Type: application/sdp',
    'Session-Expires: 90;refresher=uac', 'Allow: INVITE,ACK', 'Supported: timer,ice,replaces,outbound',
    'User-Agent: JsSIP 3.13.8', 'X-Note: one', 'X-Note: two', length(SDP)], SDP),
  'a REFER': crlf(['REFER sip:bob@xyz.invalid SIP/2.0', ...common('2 REFER', '<sip:bob@example.com>;tag=b'),
    'Refer-To: <sip:carol@example.com?Replaces=x%40y%3Bto-tag%3D1%3Bfrom-tag%3D2>', 'Referred-By: <sip:alice@example.com>',
    'Contact: <sip:alice@abc.invalid>', 'Content-Length: 0']),
  'a NOTIFY': crlf(['NOTIFY sip:bob@xyz.invalid SIP/2.0', ...common('3 NOTIFY', '<sip:bob@example.com>;tag=b'),
    'Event: refer;id=93', 'Subscription-State: active;expires=60', 'Content-Type: message/sipfrag;version=2.0',
    'Contact: <sip:alice@abc.invalid>', 'Content-Length: 19'], 'SIP/2.0 100 Trying\n'),
  'an INVITE with Replaces, in compact form and folded': crlf(['INVITE sips:bob@[2001:db8::1]:5061 SIP/2.0',
    'v: SIP/2.0/TLS [2001:db8::2]:5061;branch=z9hG4bKz', 'f: Alice B <sips:alice@example.com>;tag=x;y=z', 't: sip:bob@example.com',
    'i: 1', 'CSeq: 1 INVITE', 'Max-Forwards: 70', 'Replaces: 98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff;early-only',
    'm: <sip:a@b>', 'x: 1800', 'Subject: a', 'c: application/sdp', 'l: 0']),
  'an INFO': crlf(['INFO sip:bob@xyz.invalid SIP/2.0', ...common('4 INFO', '<sip:bob@example.com>;tag=b'),
    'Content-Type: application/dtmf-relay', 'Content-Length: 24'], 'Signal=5\r\nDuration= 100\r\n'.slice(0, 24)),
  'a 200 to a REGISTER': crlf(['SIP/2.0 200 OK', ...common('5 REGISTER', '<sip:bob@example.com>;tag=b'),
    'Contact: <sip:x@a.invalid;transport=ws>;expires=600;+sip.instance="<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>";reg-id=1, "B, C" <sip:y@b.invalid>;q=0.5',
    'Server: kamailio (5.6.3)', 'Content-Length: 0']),
  'a 180 with a Record-Route': crlf(['SIP/2.0 180 Ringing', ...common('6 INVITE', '"Bob \\"B\\"" <sip:bob@example.com>;tag=c'),
    'Record-Route: <sip:p1.example.com;lr>,<sip:p2.example.com:5061;transport=tls;r2=on;lr=on>', 'Record-Route: <sip:p3;lr>',
    'Contact: <sip:bob@xyz.invalid>', 'Content-Length: 0']),
  'a 401': crlf(['SIP/2.0 401 Unauthorized', ...common('7 REGISTER', '<sip:bob@example.com>;tag=b'),
    'WWW-Authenticate: Digest realm="example.com", nonce="abc==", algorithm=MD5, qop="auth"', 'Content-Length: 0']),
  'a 407 with an empty reason': crlf(['SIP/2.0 407 ', ...common('8 INVITE', '<sip:bob@example.com>;tag=b'),
    'Proxy-Authenticate: Digest realm="r", nonce="n", stale=TRUE', 'Content-Length: 0']),
  'a MESSAGE with UTF-8': crlf(['MESSAGE sip:bob@xyz.invalid SIP/2.0', ...common('9 MESSAGE', '"Bøb 🎉" <sip:bob@example.com>'),
    'Content-Type: text/plain;charset=utf-8', 'X-Grüße: hällo', 'Content-Length: 5'].filter((line) => !line.startsWith('X-G')), 'hello'),
  'an INVITE from RFC 3665': file('a_rfc3665_invite.sip'),
  'an INVITE that came through proxies': file('b_webrtc_invite.sip'),
  'a 200 from RFC 3665': file('c_200ok.sip'),
};

const PROPERTIES = ['data', 'method', 'from_tag', 'to_tag', 'call_id', 'cseq', 'via_branch', 'body', 'status_code', 'reason_phrase',
  'from', 'to', 'via', 'ruri', 'session_expires', 'session_expires_refresher', 'refer_to', 'replaces', 'event'];

const NAMES = ['via', 'Via', 'from', 'TO', 'call-id', 'Call_ID', 'cseq', 'contact', 'record-route', 'max-forwards', 'content-type',
  'content-length', 'x-note', 'X_NOTE', 'session-expires', 'refer-to', 'event', 'subscription-state', 'replaces', 'www-authenticate',
  'proxy-authenticate', 'supported', 'allow', 'user-agent', 'server', 'subject', 'none'];

/** What is compared: to JsSIP, `received` is the host's kind, which is none of the differences here. */
function seen(action) {
  const forget = (value) => {
    if (typeof value !== 'object' || value === null) return value;
    if (value.received) delete value.host_type;
    Object.values(value).forEach(forget);
    return value;
  };
  return forget(outcome(action));
}

/** An undefined tag and one that is not there are the same to who looks at it. */
const nothing = (value) => (value === 'undefined' ? null : value);

for (const [name, text] of Object.entries(MESSAGES)) {
  test(`${name} has the same properties`, () => {
    const [ours, theirs] = [parseMessage(text, {}), Parser.parseMessage(text, {})];
    assert.equal(ours instanceof IncomingRequest, theirs.status_code === undefined);
    for (const property of PROPERTIES) {
      assert.deepEqual(nothing(seen(() => ours[property])), nothing(seen(() => theirs[property])), property);
    }
    assert.equal(String(ours), String(theirs));
    assert.deepEqual(plain(ours.parseSDP()), plain(theirs.parseSDP()));
    assert.equal(ours.parseSDP(), ours.sdp);
    assert.notEqual(ours.parseSDP(true), undefined);
  });

  test(`${name} has the same headers`, () => {
    const [ours, theirs] = [parseMessage(text, {}), Parser.parseMessage(text, {})];
    const raw = ({ headers }) =>
      Object.fromEntries(Object.entries(headers).map(([header, values]) => [header, values.map((value) => value.raw)]));
    assert.deepEqual(plain(raw(ours)), plain(raw(theirs)));
    for (const header of NAMES) {
      for (const method of ['getHeader', 'getHeaders', 'hasHeader']) {
        assert.deepEqual(outcome(() => ours[method](header)), outcome(() => theirs[method](header)), `${method} ${header}`);
      }
      for (const at of [undefined, 0, 1, 2, 3]) {
        for (const method of ['parseHeader', 's']) {
          const [mine, other] = [ours, theirs].map((message) => seen(() => message[method](header, at)));
          assert.deepEqual(mine, other, `${method} ${header} ${at}`);
        }
      }
    }
    assert.deepEqual(
      (ours.headers.Contact ?? []).map(({ parsed }) => plain(parsed)),
      (theirs.headers.Contact ?? []).map(({ parsed }) => plain(parsed)),
    );
  });

  test(`${name} can be changed in the same way`, () => {
    const log = [parseMessage(text, {}), Parser.parseMessage(text, {})].map((message) => {
      message.setHeader('x_new', '1');
      message.addHeader('X-NEW', '2');
      message.addHeader('via', 'SIP/2.0/WS last');
      message.setHeader('contact', 'no address <');
      message.setHeader('event', '"bad"');
      const first = [message.getHeaders('x-new'), message.getHeaders('Via').at(-1), message.parseHeader('via', 2)];
      const bad = [message.parseHeader('event'), message.getHeader('event'), message.getHeaders('event'), message.hasHeader('event')];
      const { from } = message;
      message.setHeader('from', '<sip:other@example.com>');
      return seen(() => [first, bad, message.from === from, message.getHeader('from')]);
    });
    assert.deepEqual(log[0], log[1]);
  });
}

test('what is set stays set', () => {
  const message = parseMessage(MESSAGES['a REFER'], {});
  for (const property of ['from', 'to', 'via', 'ruri', 'refer_to', 'replaces', 'event', 'from_tag', 'to_tag', 'call_id', 'cseq', 'via_branch',
    'method', 'session_expires', 'session_expires_refresher', 'body', 'data', 'headers']) {
    const value = property === 'headers' ? { X: [{ raw: '1' }] } : 'mine';
    message[property] = value;
    assert.equal(message[property], value, property);
  }
  assert.equal(message.getHeader('x'), '1');
});

test('a header without a rule cannot be parsed, as in JsSIP', () => {
  for (const parse of [parseMessage, Parser.parseMessage]) {
    const message = parse(MESSAGES['an INVITE of JsSIP'], {});
    assert.throws(() => message.parseHeader('x-note'), { message: 'Invalid rule name: "X_Note".' });
  }
});

test('a message of any length is read whole', () => {
  for (const length of [0, 1, 5000, 5461, 20_000]) {
    const body = 'ä'.repeat(length);
    const text = MESSAGES['a MESSAGE with UTF-8'].replace(/Content-Length: 5\r\n\r\nhello/, `Content-Length: ${2 * length}\r\n\r\n${body}`);
    assert.equal(parseMessage(text).body, body);
    assert.equal(parseMessage(MESSAGES['an INFO']).method, 'INFO');
  }
});

test('what is no message is undefined', () => {
  for (const text of ['', '\r\n\r\n', 'x', 'INVITE\r\n\r\n', 'SIP/2.0 OK\r\n\r\n']) {
    assert.equal(parseMessage(text), undefined, text);
    assert.equal(Parser.parseMessage(text), undefined, text);
  }
});

test('what JsSIP drops or misreads is read', () => {
  const changed = (name, from, to) => parseMessage(MESSAGES[name].replace(from, to), {});
  const telephone = changed('an INVITE of JsSIP', '<sip:alice@example.com>', '<tel:+15551234>');
  assert.equal(String(telephone.from), '"Alice" <tel:+15551234>;tag=a1b2');
  assert.equal(telephone.from.uri.user, '+15551234');

  const removal = changed('a 200 to a REGISTER', /Contact: .*\r\n/, 'Contact: *\r\n');
  assert.equal(removal.getHeader('contact'), '*');
  assert.equal(removal.parseHeader('contact'), '*');

  // JsSIP keeps the line ends of folded headers, and has the compact forms of ten headers only.
  const folded = changed('an INVITE of JsSIP', 'X-Note: one', 'X-Note: one\r\n  and a half\r\nk: a\r\no: presence');
  assert.equal(folded.getHeader('x-note').replace(/\s+/g, ' '), 'one and a half');
  assert.deepEqual(folded.getHeaders('supported'), ['timer,ice,replaces,outbound', 'a']);
  assert.equal(folded.event.event, 'presence');
});

test('a request is answered through the hook of who made it, with JsSIP\'s checks', () => {
  const request = parseMessage(MESSAGES['an INFO'], {});
  assert.throws(() => request.reply(200), { name: 'NOT_SUPPORTED_ERROR' });
  const replies = [];
  request._replier = (...reply) => replies.push(reply);
  const theirs = Parser.parseMessage(MESSAGES['an INFO'], { configuration: {} });
  for (const args of [[], [0], [99], [700], [null], [200, 5], [200, {}]]) {
    const errors = [request, theirs].map((message) => {
      try {
        message.reply(...args);
      } catch (error) {
        return [error.name, error.message];
      }
      return undefined;
    });
    assert.deepEqual(errors[0], errors[1]);
    assert.ok(errors[0]);
  }
  const headers = ['X-A: b'];
  request.reply(200, null, headers, 'body');
  request.reply_sl(404, 'Gone away');
  assert.deepEqual(replies, [
    [200, '', ['X-A: b'], 'body', undefined, undefined],
    [404, 'Gone away', [], undefined, undefined, undefined],
  ]);
});

// Requests of ours.

const row = (text) => ['request', text];
const DRAFT = crlf(['INVITE sip:bob@example.com SIP/2.0', 'Max-Forwards: 70', 'To: <sip:bob@example.com>',
  'From: "Alice" <sip:alice@example.com>;tag=a', 'Call-ID: cid', 'CSeq: 5 INVITE', 'X-App: 1',
  'Contact: <sip:alice@old.invalid;ob>', 'Allow: INVITE', 'Supported: outbound', 'User-Agent: x', 'Content-Length: 0']);
const READY = DRAFT.replace('old.invalid', 'new.invalid')
  .replace('Allow:', 'Session-Expires: 90\r\nContent-Type: application/sdp\r\nAllow:')
  .replace('Content-Length: 0', `Content-Length: ${SDP.length}`) + SDP;

test('a request of a row says what is in it', () => {
  const request = OutgoingRequest.fromRow({}, row(READY));
  assert.ok(request instanceof InitialOutgoingInviteRequest);
  assert.equal(request.method, 'INVITE');
  assert.equal(String(request.ruri), 'sip:bob@example.com');
  assert.deepEqual([request.call_id, request.cseq, request.body], ['cid', 5, SDP]);
  assert.equal(String(request.from), '"Alice" <sip:alice@example.com>;tag=a');
  assert.equal(String(request.to), '<sip:bob@example.com>');
  assert.deepEqual(request.extraHeaders, ['X-App: 1', 'Contact: <sip:alice@new.invalid;ob>', 'Session-Expires: 90',
    'Content-Type: application/sdp']);
  assert.equal(request.getHeader('contact'), '<sip:alice@new.invalid;ob>');
  assert.equal(request.hasHeader('cseq'), true);
  assert.equal(request.getHeader('none'), undefined);
  assert.equal(request.parseSDP().media.length, 1);
  assert.equal(request.isChanged, false);
  assert.equal(String(request).split('\r\n').sort().join('\n'), READY.split('\r\n').sort().join('\n'));
});

/** All lines that say so. */
const named = (request, name) => request.lines().filter((line) => line.startsWith(`${name}:`));

test('what an application changes at any time reaches the wire, and nothing else changes', () => {
  const request = OutgoingRequest.fromRow({}, row(DRAFT));
  const { extraHeaders } = request;
  extraHeaders.push('X-Pushed: at newRTCSession');
  request.setHeader('user-agent', 'mine');
  request.setHeader('from', '"Me" <sip:alice@example.com>;tag=a');
  assert.equal(request.isChanged, true);

  request.update(row(READY));
  assert.equal(request.extraHeaders, extraHeaders);
  assert.deepEqual(named(request, 'X-Pushed'), ['X-Pushed: at newRTCSession']);
  assert.deepEqual(named(request, 'User-Agent'), ['User-Agent: mine']);
  assert.deepEqual(named(request, 'From'), ['From: "Me" <sip:alice@example.com>;tag=a']);
  assert.deepEqual(named(request, 'Contact'), ['Contact: <sip:alice@new.invalid;ob>']);
  assert.deepEqual(named(request, 'Session-Expires'), ['Session-Expires: 90']);
  assert.equal(request.body, SDP);
  assert.equal(request.isChanged, true);

  request.body = 'v=0\r\n';
  request.ruri.setParam('x', 'y');
  extraHeaders.splice(extraHeaders.findIndex((line) => line.startsWith('X-App')), 1);
  request.setHeader('session-expires', '1800');
  delete request.headers['Max-Forwards'];
  // The engine tells the same once more, as after a challenge.
  request.update(row(READY));
  assert.deepEqual([request.body, String(request.ruri)], ['v=0\r\n', 'sip:bob@example.com;x=y']);
  assert.deepEqual(named(request, 'X-App'), []);
  assert.deepEqual(named(request, 'Max-Forwards'), []);
  assert.deepEqual(named(request, 'Session-Expires'), ['Session-Expires: 1800']);
  assert.deepEqual(named(request, 'X-Pushed'), ['X-Pushed: at newRTCSession']);
});

test('a change that the engine has taken up is there once', () => {
  const request = OutgoingRequest.fromRow({}, row(DRAFT));
  request.extraHeaders.push('X-New: 1');
  request.setHeader('X-App', '2');
  const taken = READY.replace('X-App: 1', 'X-App: 2\r\nX-New: 1');
  request.update(row(taken));
  assert.deepEqual(named(request, 'X-New'), ['X-New: 1']);
  assert.deepEqual(named(request, 'X-App'), ['X-App: 2']);
});

test('a clone goes its own way', () => {
  const request = OutgoingRequest.fromRow({}, row(READY));
  const clone = request.clone();
  assert.ok(clone instanceof InitialOutgoingInviteRequest);
  clone.setHeader('x-app', '2');
  clone.extraHeaders.push('X-B: c');
  clone.body = '';
  assert.deepEqual([named(request, 'X-App'), request.body, request.isChanged], [['X-App: 1'], SDP, false]);
  assert.match(String(clone), /\r\nX-App: 2\r\n.*Content-Length: 0\r\n\r\n$/s);
});

test('an INVITE is cancelled through what carries it', () => {
  const request = OutgoingRequest.fromRow({}, row(READY));
  request.cancel('nothing yet');
  const reasons = [];
  request.transaction = { cancel: (reason) => reasons.push(reason) };
  request.cancel('SIP;cause=486');
  assert.deepEqual(reasons, ['SIP;cause=486']);
});

test('a request that has not been given to the engine has the headers of JsSIP\'s', () => {
  const jssip = require('jssip');
  const SIPMessage = require('jssip/lib/SIPMessage');
  const made = [[OutgoingRequest, URI], [SIPMessage.OutgoingRequest, jssip.URI]].map(([Request, Uri]) => {
    const ua = {
      configuration: { uri: new Uri('sip', 'alice', 'example.com'), display_name: 'Alice', extra_headers: ['X-All: 1'], jssip_id: 'abcde',
        session_timers: true, user_agent: 'test' },
      contact: {},
      transport: { sip_uri: 'sip:proxy;transport=ws' },
    };
    const params = { from_tag: 'tag', call_id: 'call', cseq: 7, to_tag: 'other', route_set: ['<sip:p;lr>'] };
    const requests = ['MESSAGE', 'INVITE', 'UPDATE', 'REGISTER'].map((method) =>
      new Request(method, new Uri('sip', 'bob', 'example.com'), ua, params, ['X-A: b', 'x-a:c'], 'hällo'));
    const [request] = requests;
    const log = requests.map(String).map((text) => text.split('\r\n').filter((line) => !line.startsWith('Via:')));
    log.push(request.getHeader('x-a'), request.getHeaders('X-A'), request.hasHeader('x-b'), request.getHeader('via'), request.getHeader('To'));
    request.setHeader('x-b', ['1', '2']);
    request.setHeader('x-all', 'once');
    log.push(request.getHeaders('X-B'), request.getHeader('X-All'), request.extraHeaders,
      Object.entries(request.headers).map(([name, values]) => [name, values.map(String)]));
    return plain(log);
  });
  assert.deepEqual(made[0], made[1]);
});
