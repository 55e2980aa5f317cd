// The engine's contract (`src/engine/`), without sockets, timers or peer connections.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { module } from '../../build/engine.mjs';

const CONFIG = {
  uri: 'sip:alice@example.com',
  password: 'secret',
  server: 'wss://sip.example.com',
  register: true,
  registerExpires: 600,
  usePreloadedRoute: false,
  sessionTimers: true,
  sessionTimersRefreshMethod: 'UPDATE',
  sessionTimersForceRefresher: false,
  noAnswerTimeout: 60_000,
  reconnectMin: 2,
  reconnectMax: 30,
  userAgent: 'test',
};

const SEED = new Uint8Array(32).fill(7);

function make(changes) {
  const { Engine } = module();
  return new Engine({ ...CONFIG, ...changes }, SEED);
}

/** Everything the engine has to say now. */
function drain(engine) {
  const rows = [];
  for (let row; (row = engine.poll()); ) rows.push(row);
  return rows;
}

const named = (rows, name) => rows.filter((row) => row[0] === name);

/** An engine whose flow stands, and the flow. */
function connected(changes) {
  const engine = make({ register: false, ...changes });
  engine.start(0);
  const [[, flow]] = named(drain(engine), 'open');
  engine.flowOpened(0, flow, 'WSS');
  return { engine, flow, rows: drain(engine) };
}

/** The response to a request of the engine's, by its text. */
function respond(request, status, ...lines) {
  const copied = request
    .split('\r\n')
    .filter((line) => /^(Via|From|To|Call-ID|CSeq):/.test(line))
    .map((line) => (/^To:.*(?<!;tag=\w*)$/.test(line) && status !== '100 Trying' ? `${line};tag=peer` : line));
  return [`SIP/2.0 ${status}`, ...copied, ...lines, 'Content-Length: 0', '', ''].join('\r\n');
}

test('an engine that starts opens its server, and registers when the flow stands', () => {
  const engine = make();
  engine.start(1000);
  const rows = drain(engine);
  assert.deepEqual(named(rows, 'connecting'), [['connecting', 0]]);
  const [[, flow, url]] = named(rows, 'open');
  assert.equal(url, 'wss://sip.example.com/');

  engine.flowOpened(1000, flow, 'WSS');
  const told = drain(engine);
  assert.deepEqual(named(told, 'connected'), [['connected']]);
  const [[, sentOn, register]] = named(told, 'send');
  assert.equal(sentOn, flow);
  assert.match(register, /^REGISTER sip:example\.com SIP\/2\.0\r\n/);
  assert.match(register, /\r\nUser-Agent: test\r\n/);
  assert.ok(engine.isConnected());
  assert.ok(!engine.isRegistered());
  assert.ok(engine.nextTimeout() > 1000);

  const contact = /\r\nContact: ([^\r]+?);expires=600/.exec(register)[1];
  engine.received(1010, flow, respond(register, '200 OK', `Contact: ${contact};expires=300`));
  const [[, expires, [kind, data, ...more]]] = named(drain(engine), 'registered');
  assert.equal(expires, 300_000);
  assert.equal(kind, 'response');
  assert.match(data, /^SIP\/2\.0 200 OK\r\n/);
  assert.match(data, /\r\nTo: .*;tag=peer\r\n/);
  assert.deepEqual(more, []);
  assert.ok(engine.isRegistered());
  engine.free();
});

test('a lost flow is told, with the time of the next attempt', () => {
  const { engine, flow } = connected();
  engine.flowLost(5000, flow, 'gone');
  const [[, reason, retryIn]] = named(drain(engine), 'disconnected');
  assert.equal(reason, 'gone');
  assert.ok(retryIn >= 1000 && retryIn <= 4000, `${retryIn}`);
  const due = engine.nextTimeout();
  assert.ok(Math.abs(due - 5000 - retryIn) <= 1, `${due}`);
  engine.tick(due);
  assert.equal(named(drain(engine), 'open').length, 1);
  engine.free();
});

test('a configuration that cannot work is refused with the parameter at fault', () => {
  const thrown = (changes) => {
    try {
      make(changes).free();
    } catch (error) {
      return error;
    }
  };
  const [kind, parameter, value] = thrown({ uri: 'nonsense' });
  assert.deepEqual([kind, parameter, value], ['config', 'uri', 'nonsense']);
  assert.deepEqual(thrown({ server: 'http://example.com' }).slice(0, 3), [
    'config', 'server', 'http://example.com',
  ]);
  assert.equal(thrown({ instanceId: 'x' })[1], 'instance_id');
  assert.equal(thrown({}), undefined);
});

test('a call asks for its media, and its INVITE is shown before it is sent', () => {
  const { engine, flow } = connected();
  const call = engine.call(0, 'bob', {
    audio: true, video: false, extraHeaders: ['X-Color: blue', 'X-Note: a: b'],
  });
  let rows = drain(engine);
  const asks = [];
  for (let turn = 0; turn < 20 && asks.at(-1)?.[3] !== 'sending'; turn += 1) {
    const next = [];
    for (const [what, id, ...rest] of rows) {
      if (what === 'ask') {
        asks.push([what, id, ...rest]);
        if (rest[1] !== 'sending') engine.proceed(0, id);
      } else if (what === 'media') {
        assert.equal(id, call);
        const sdp = 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n';
        const report = {
          open: ['opened'],
          capture: ['captured'],
          createOffer: ['created', sdp],
          setLocal: ['localSet', true],
          describeLocal: ['localDescription', sdp],
        }[rest[0]];
        if (report) engine.report(0, call, ...report);
      }
      next.push(...drain(engine));
    }
    rows = next;
  }
  assert.deepEqual(asks.map((ask) => ask[3]), ['newRTCSession', 'peerconnection', 'sdp', 'sending']);
  const [, ask, , , [kind, shown]] = asks.at(-1);
  assert.equal(kind, 'request');
  const [[start, ...headers], body] = shown.split('\r\n\r\n').map((part, at) => (at ? part : part.split('\r\n')));
  assert.equal(start, 'INVITE sip:bob@example.com SIP/2.0');
  assert.ok(headers.includes('X-Color: blue'));
  assert.ok(headers.includes('X-Note: a: b'));
  assert.match(body, /^v=0/);

  engine.replyRequest(0, ask, 'sip:bob@example.com', ['X-Other: red', ...headers], body);
  const [[, , invite]] = named(drain(engine), 'send');
  assert.match(invite, /\r\nX-Other: red\r\n/);
  assert.ok(invite.endsWith(body));
  assert.deepEqual(engine.sessionState(call), [1, false, false, false, false, false]);
  const [callId, fromTag, local, remote] = engine.sessionIdentity(call);
  assert.ok(invite.includes(`\r\nCall-ID: ${callId}\r\n`));
  assert.ok(local.endsWith(`;tag=${fromTag}`));
  assert.equal(remote, '<sip:bob@example.com>');

  engine.received(10, flow, respond(invite, '486 Busy Here'));
  const [[, , , originator, cause, message]] = named(drain(engine), 'session')
    .filter((row) => row[2] === 'failed');
  assert.deepEqual([originator, cause, message[0]], ['remote', 'Busy', 'response']);
  assert.deepEqual(engine.live().sessions, 0);
  engine.free();
});

test('a command that cannot be carried out throws why', () => {
  const { engine } = connected();
  assert.throws(() => engine.hold(0, 99, {}), (row) => row[0] === 'noSuchSession');
  assert.throws(() => engine.unsubscribe(0, 99), (row) => row[0] === 'noSuchSubscription');
  const call = engine.call(0, 'bob', { audio: true, video: false });
  assert.throws(
    () => engine.answer(0, call, {}),
    (row) => row[0] === 'notSupported' || row[0] === 'invalidState',
  );
  assert.throws(
    () => engine.call(0, 'sip:', {}),
    (row) => row[0] === 'invalidArgument' && row[1] === 'target' && row[2] === 'sip:',
  );
  assert.throws(
    () => engine.call(0, 'bob', { extraHeaders: ['X-A: b\r\nX-C: d'] }),
    (row) => row[0] === 'invalidArgument',
  );
  engine.free();
});

test('a message that is no text goes in and out as bytes', () => {
  const { engine, flow } = connected();
  const request = [
    'MESSAGE sip:alice@example.com SIP/2.0',
    'Via: SIP/2.0/WSS peer.invalid;branch=z9hG4bK1',
    'Max-Forwards: 70',
    'From: <sip:bob@example.com>;tag=1',
    'To: <sip:alice@example.com>',
    'Call-ID: one',
    'CSeq: 1 MESSAGE',
    'Content-Type: application/octet-stream',
    'Content-Length: 2',
    '', '',
  ].join('\r\n');
  const bytes = new Uint8Array([...new TextEncoder().encode(request), 0xff, 0xfe]);
  engine.received(0, flow, bytes);
  const [[, ask, session, name, [kind, data, body]]] = named(drain(engine), 'ask');
  assert.deepEqual([session, name, kind, body], [undefined, 'newMessage', 'request', '\ufffd\ufffd']);
  assert.equal(data, `${request}${body}`);
  engine.proceed(0, ask);
  assert.match(named(drain(engine), 'send')[0][2], /^SIP\/2\.0 200 /);
  engine.free();
});

test('a MESSAGE goes out, and what became of it is told once', () => {
  const { engine, flow } = connected();
  const id = engine.sendMessage(0, 'bob', { body: 'Grüße', contentType: 'text/plain' });
  const [[, , message]] = named(drain(engine), 'send');
  assert.match(message, /\r\nContent-Length: 7\r\n\r\nGrüße$/);
  engine.received(0, flow, respond(message, '200 OK'));
  const [[, over, cause, response]] = named(drain(engine), 'requestOver');
  assert.deepEqual([over, cause, response[0]], [id, undefined, 'response']);
  engine.free();
});

test('two engines share the module and nothing else', () => {
  const [one, two] = [connected(), connected({ uri: 'sip:bob@example.com' })];
  one.engine.call(0, 'carol', { audio: true, video: false });
  assert.equal(one.engine.live().sessions, 1);
  assert.equal(two.engine.live().sessions, 0);
  one.engine.free();
  two.engine.sendOptions(0, 'carol', {});
  assert.match(named(drain(two.engine), 'send')[0][2], /\r\nFrom: <sip:bob@example\.com>/);
  two.engine.free();
});

test('the engine has the methods that its types say, and no others', () => {
  const source = readFileSync(new URL('../../src/engine/engine.ts', import.meta.url), 'utf8');
  const [, body] = /export interface Engine \{\n([^]*?)\n\}/.exec(source);
  const said = [...body.matchAll(/^ {2}(\w+)\(/gm)].map((match) => match[1]);
  const { prototype } = module().Engine;
  const own = Object.getOwnPropertyNames(prototype).filter((name) => !/^(constructor|__)/.test(name));
  assert.deepEqual(own.sort(), said.sort());
});

test('what may change while it runs counts for the next requests', () => {
  const { engine, flow } = connected({ password: undefined });
  const registering = () => {
    engine.register(0);
    return named(drain(engine), 'send').at(-1)[2];
  };
  engine.setRegisterHeaders(['X-Desk: 7']);
  engine.setRegisterContactParams(';q=0.5;sleeping');
  engine.set('extraHeaders', ['X-All: yes']);
  engine.set('displayName', 'Alice');
  engine.set('registerFromTagTrail', 'trail');
  const first = registering();
  assert.match(first, /\r\nX-Desk: 7\r\n/);
  assert.match(first, /\r\nX-All: yes\r\n/);
  assert.match(first, /\r\nContact: [^\r]+;q=0\.5[^\r]*;sleeping/);
  assert.match(first, /\r\nFrom: "?Alice"? <sip:alice@example\.com>;tag=\w+trail\r\n/);

  engine.set('ha1', '0123456789abcdef0123456789abcdef');
  engine.set('realm', 'example.com');
  const challenge = 'WWW-Authenticate: Digest realm="example.com", nonce="n", algorithm=MD5';
  engine.received(0, flow, respond(first, '401 Unauthorized', challenge));
  const [[, , second]] = named(drain(engine), 'send');
  assert.match(second, /\r\nAuthorization: Digest /);

  const thrown = (parameter, value) => {
    try {
      engine.set(parameter, value);
    } catch (row) {
      return row.slice(0, 2);
    }
  };
  assert.deepEqual(thrown('uri', 'sip:bob@example.com'), ['config', 'uri']);
  assert.deepEqual(thrown('displayName', 'a\r\nb'), ['config', 'display_name']);
  assert.deepEqual(thrown('displayName', undefined), undefined);
  engine.free();
});

test('the Contact is told as it goes out, and with ;ob where it is wanted', () => {
  const { engine } = connected({ contactUri: 'sip:alice@desk.invalid;transport=ws' });
  assert.equal(engine.contact(false, false), 'sip:alice@desk.invalid;transport=ws');
  assert.equal(engine.contact(false, true), 'sip:alice@desk.invalid;transport=ws;ob');
  assert.equal(engine.contact(true, false), 'sip:anonymous@anonymous.invalid;transport=ws');
  engine.free();
});

test('the server is named in a Route where that is wanted, by its own name', () => {
  const { engine } = connected({ usePreloadedRoute: true });
  const route = () => {
    engine.sendOptions(0, 'bob', {});
    return /\r\nRoute: ([^\r]+)/.exec(named(drain(engine), 'send')[0][2])?.[1];
  };
  assert.equal(route(), '<sip:sip.example.com;transport=ws;lr>');
  engine.setRoute('sip:edge.example.com;transport=ws');
  assert.equal(route(), '<sip:edge.example.com;transport=ws;lr>');
  engine.setRoute('');
  assert.equal(route(), '<sip:sip.example.com;transport=ws;lr>');
  engine.free();
});

test('a NOTIFY without a subscription is told and answered', () => {
  const { engine, flow } = connected();
  const notify = [
    'NOTIFY sip:alice@example.com SIP/2.0',
    'Via: SIP/2.0/WSS peer.invalid;branch=z9hG4bK1',
    'Max-Forwards: 70',
    'From: <sip:bob@example.com>;tag=1',
    'To: <sip:alice@example.com>',
    'Call-ID: one',
    'CSeq: 1 NOTIFY',
    'o: check-sync',
    'Content-Length: 0',
    '', '',
  ].join('\r\n');
  engine.received(0, flow, notify);
  const rows = drain(engine);
  const [[, message]] = named(rows, 'sipEvent');
  assert.deepEqual(message, ['request', notify]);
  assert.match(named(rows, 'send')[0][2], /^SIP\/2\.0 200 /);
  engine.free();
});

test('a subscription of ours, from its SUBSCRIBE to its last NOTIFY', () => {
  const { engine, flow } = connected();
  const id = engine.subscribe(0, 'bob', 'presence', {
    expires: 300, accept: ['application/pidf+xml'], body: '<f/>', contentType: 'text/filter',
  });
  const [[, , subscribe]] = named(drain(engine), 'send');
  assert.match(subscribe, /\r\nExpires: 300\r\n/);
  assert.match(subscribe, /\r\nAccept: application\/pidf\+xml\r\n/);
  assert.ok(subscribe.endsWith('<f/>'));
  const contact = 'Contact: <sip:bob@peer.invalid;transport=ws>';
  engine.received(0, flow, respond(subscribe, '200 OK', 'Expires: 300', contact));
  assert.deepEqual(named(drain(engine), 'subscriber').map((row) => row.slice(0, 3)), [
    ['subscriber', id, 'accepted'],
  ]);
  const field = (name) => new RegExp(`\r\n${name}: ([^\r]+)`).exec(subscribe)[1];
  const notify = (number, state) => [
    'NOTIFY sip:alice@example.com SIP/2.0',
    `Via: SIP/2.0/WSS peer.invalid;branch=z9hG4bKn${number}`,
    'Max-Forwards: 70',
    `From: ${field('To')};tag=peer`,
    `To: ${field('From')}`,
    `Call-ID: ${field('Call-ID')}`,
    `CSeq: ${number} NOTIFY`,
    contact,
    'Event: presence',
    `Subscription-State: ${state}`,
    'Content-Type: text/plain',
    'Content-Length: 2',
    '', 'in',
  ].join('\r\n');
  engine.received(0, flow, notify(1, 'active;expires=300'));
  const told = named(drain(engine), 'subscriber').map(([, , name, ...rest]) => [name, ...rest]);
  assert.deepEqual(told.map(([name]) => name), ['dialogCreated', 'active', 'notify']);
  const [, last, [kind], body, contentType] = told[2];
  assert.deepEqual([last, kind, body, contentType], [false, 'request', 'in', 'text/plain']);

  engine.refreshSubscription(0, id, 'text/filter', '<g/>');
  const [[, , refresh]] = named(drain(engine), 'send').filter((row) => /^SUBSCRIBE/.test(row[2]));
  assert.ok(refresh.endsWith('<g/>'));

  engine.received(0, flow, notify(2, 'terminated;reason=noresource;retry-after=7'));
  const [, end] = named(drain(engine), 'subscriber').map((row) => row.slice(2));
  assert.deepEqual(end, ['terminated', 'notified', 'noresource', 7000, undefined]);
  engine.free();
});
