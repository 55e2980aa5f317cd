// The engine's contract (`src/engine/`), without sockets, timers or peer connections.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { load } from '../load.mjs';

const { Command, Query, module } = await load('src/engine/commands.ts', 'src/engine/load.ts');

const CONFIG = {
  uri: 'sip:alice@example.com',
  password: 'secret',
  server: 'wss://sip.example.com',
  register: true,
  register_expires: 600,
  use_preloaded_route: false,
  session_timers: true,
  session_timers_refresh_method: 'UPDATE',
  session_timers_force_refresher: false,
  no_answer_timeout: 60_000,
  connection_recovery_min_interval: 2,
  connection_recovery_max_interval: 30,
  user_agent: 'test',
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

const sessions = (engine) => new Map(engine.query(Query.Live, 0)).get('sessions');
const named = (rows, name) => rows.filter((row) => row[0] === name);

/** An engine whose flow stands, and the flow. */
function connected(changes) {
  const engine = make({ register: false, ...changes });
  engine.command(0, [Command.Start]);
  const [[, flow]] = named(drain(engine), 'open');
  engine.command(0, [Command.FlowOpened, flow, 'WSS']);
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
  engine.command(1000, [Command.Start]);
  const rows = drain(engine);
  assert.deepEqual(named(rows, 'connecting'), [['connecting', 0]]);
  const [[, flow, url]] = named(rows, 'open');
  assert.equal(url, 'wss://sip.example.com/');

  engine.command(1000, [Command.FlowOpened, flow, 'WSS']);
  const told = drain(engine);
  assert.deepEqual(named(told, 'connected'), [['connected']]);
  const [[, sentOn, register]] = named(told, 'send');
  assert.equal(sentOn, flow);
  assert.match(register, /^REGISTER sip:example\.com SIP\/2\.0\r\n/);
  assert.match(register, /\r\nUser-Agent: test\r\n/);
  assert.deepEqual(engine.query(Query.IsRegistered, 0), [false]);
  assert.ok(engine.nextTimeout() > 1000);

  const contact = /\r\nContact: ([^\r]+?);expires=600/.exec(register)[1];
  engine.command(1010, [Command.Received, flow, respond(register, '200 OK', `Contact: ${contact};expires=300`)]);
  const [[, expires, [kind, data, ...more]]] = named(drain(engine), 'registered');
  assert.equal(expires, 300_000);
  assert.equal(kind, 'response');
  assert.match(data, /^SIP\/2\.0 200 OK\r\n/);
  assert.match(data, /\r\nTo: .*;tag=peer\r\n/);
  assert.deepEqual(more, []);
  assert.deepEqual(engine.query(Query.IsRegistered, 0), [true]);
  engine.free();
});

test('a lost flow is told, with the time of the next attempt', () => {
  const { engine, flow } = connected();
  engine.command(5000, [Command.FlowLost, flow, 'gone']);
  const [[, reason, retryIn]] = named(drain(engine), 'disconnected');
  assert.equal(reason, 'gone');
  assert.ok(retryIn >= 1000 && retryIn <= 4000, `${retryIn}`);
  const due = engine.nextTimeout();
  assert.ok(Math.abs(due - 5000 - retryIn) <= 1, `${due}`);
  engine.command(due, [Command.Tick]);
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
  assert.equal(thrown({ instance_id: 'x' })[1], 'instance_id');
  assert.deepEqual(thrown({ keep_alive: 0.25 }), [
    'config', 'keep_alive', '0.250 s', 'a second or more',
  ]);
  assert.equal(thrown({}), undefined);
});

test('a call asks for its media, and its INVITE is shown before it is sent', () => {
  const { engine, flow } = connected();
  const call = engine.command(0, [Command.Call, 'bob', {
    audio: true, video: false, extraHeaders: ['X-Color: blue', 'X-Note: a: b'],
  }]);
  let rows = drain(engine);
  const asks = [];
  for (let turn = 0; turn < 20 && asks.at(-1)?.[3] !== 'sending'; turn += 1) {
    const next = [];
    for (const [what, id, ...rest] of rows) {
      if (what === 'ask') {
        asks.push([what, id, ...rest]);
        if (rest[1] !== 'sending') engine.command(0, [Command.Proceed, id]);
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
        if (report) engine.command(0, [Command.Report, call, ...report]);
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

  engine.command(0, [Command.ReplyRequest, ask, 'sip:bob@example.com', ['X-Other: red', ...headers], body]);
  const [[, , invite]] = named(drain(engine), 'send');
  assert.match(invite, /\r\nX-Other: red\r\n/);
  assert.ok(invite.endsWith(body));
  assert.deepEqual(engine.query(Query.SessionState, call), [1, false, false, false, false, false]);
  const [callId, fromTag, local, remote] = engine.query(Query.SessionIdentity, call);
  assert.ok(invite.includes(`\r\nCall-ID: ${callId}\r\n`));
  assert.ok(local.endsWith(`;tag=${fromTag}`));
  assert.equal(remote, '<sip:bob@example.com>');

  engine.command(10, [Command.Received, flow, respond(invite, '486 Busy Here')]);
  const [[, , , originator, cause, message]] = named(drain(engine), 'session')
    .filter((row) => row[2] === 'failed');
  assert.deepEqual([originator, cause, message[0]], ['remote', 'Busy', 'response']);
  assert.deepEqual(sessions(engine), 0);
  engine.free();
});

test('a command that cannot be carried out throws why', () => {
  const { engine } = connected();
  assert.throws(() => engine.command(0, [Command.Hold, 99, {}]), (row) => row[0] === 'noSuchSession');
  assert.throws(() => engine.command(0, [Command.Unsubscribe, 99]), (row) => row[0] === 'noSuchSubscription');
  const call = engine.command(0, [Command.Call, 'bob', { audio: true, video: false }]);
  assert.throws(
    () => engine.command(0, [Command.Answer, call, {}]),
    (row) => row[0] === 'notSupported' || row[0] === 'invalidState',
  );
  assert.throws(
    () => engine.command(0, [Command.Call, 'sip:', {}]),
    (row) => row[0] === 'invalidArgument' && row[1] === 'target' && row[2] === 'sip:',
  );
  assert.throws(
    () => engine.command(0, [Command.Call, 'bob', { extraHeaders: ['X-A: b\r\nX-C: d'] }]),
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
  engine.command(0, [Command.Received, flow, bytes]);
  const [[, ask, session, name, [kind, data, body]]] = named(drain(engine), 'ask');
  assert.deepEqual([session, name, kind, body], [undefined, 'newMessage', 'request', '\ufffd\ufffd']);
  assert.equal(data, `${request}${body}`);
  engine.command(0, [Command.Proceed, ask]);
  assert.match(named(drain(engine), 'send')[0][2], /^SIP\/2\.0 200 /);
  engine.free();
});

test('a MESSAGE goes out, and what became of it is told once', () => {
  const { engine, flow } = connected();
  const id = engine.command(0, [Command.SendMessage, 'bob', { body: 'Grüße', contentType: 'text/plain' }]);
  const [[, , message]] = named(drain(engine), 'send');
  assert.match(message, /\r\nContent-Length: 7\r\n\r\nGrüße$/);
  engine.command(0, [Command.Received, flow, respond(message, '200 OK')]);
  const [[, over, cause, response]] = named(drain(engine), 'requestOver');
  assert.deepEqual([over, cause, response[0]], [id, undefined, 'response']);
  engine.free();
});

test('two engines share the module and nothing else', () => {
  const [one, two] = [connected(), connected({ uri: 'sip:bob@example.com' })];
  one.engine.command(0, [Command.Call, 'carol', { audio: true, video: false }]);
  assert.equal(sessions(one.engine), 1);
  assert.equal(sessions(two.engine), 0);
  one.engine.free();
  two.engine.command(0, [Command.SendOptions, 'carol', {}]);
  assert.match(named(drain(two.engine), 'send')[0][2], /\r\nFrom: <sip:bob@example\.com>/);
  two.engine.free();
});

test('both sides number the commands and queries alike', () => {
  const source = readFileSync(new URL('../../../crates/web/src/commands.rs', import.meta.url), 'utf8');
  for (const [name, table] of Object.entries({ command: Command, query: Query })) {
    const [, body] = new RegExp(`pub fn ${name}\\(([^]*?)\n    }\n`).exec(source);
    const engines = [...body.matchAll(/(\d+) => (?:Some\()?self\.(\w+)\(/g)].map(([, number, method]) => [number, method]);
    const ours = Object.entries(table)
      .filter(([number]) => /^\d+$/.test(number))
      .map(([number, text]) => [number, text.replace(/(?<!^)[A-Z]/g, '_$&').toLowerCase()]);
    assert.deepEqual(engines, ours, name);
  }
});

test('what may change while it runs counts for the next requests', () => {
  const { engine, flow } = connected({ password: undefined });
  const registering = () => {
    engine.command(0, [Command.Register]);
    return named(drain(engine), 'send').at(-1)[2];
  };
  engine.command(0, [Command.Set, 'register_headers', ['X-Desk: 7']]);
  engine.command(0, [Command.Set, 'register_contact_params', ';q=0.5;sleeping']);
  engine.command(0, [Command.Set, 'extra_headers', ['X-All: yes']]);
  engine.command(0, [Command.Set, 'display_name', 'Alice']);
  engine.command(0, [Command.Set, 'register_from_tag_trail', 'trail']);
  const first = registering();
  assert.match(first, /\r\nX-Desk: 7\r\n/);
  assert.match(first, /\r\nX-All: yes\r\n/);
  assert.match(first, /\r\nContact: [^\r]+;q=0\.5[^\r]*;sleeping/);
  assert.match(first, /\r\nFrom: "?Alice"? <sip:alice@example\.com>;tag=\w+trail\r\n/);

  engine.command(0, [Command.Set, 'ha1', '0123456789abcdef0123456789abcdef']);
  engine.command(0, [Command.Set, 'realm', 'example.com']);
  const challenge = 'WWW-Authenticate: Digest realm="example.com", nonce="n", algorithm=MD5';
  engine.command(0, [Command.Received, flow, respond(first, '401 Unauthorized', challenge)]);
  const [[, , second]] = named(drain(engine), 'send');
  assert.match(second, /\r\nAuthorization: Digest /);

  const thrown = (parameter, value) => {
    try {
      engine.command(0, [Command.Set, parameter, value]);
    } catch (row) {
      return row.slice(0, 2);
    }
  };
  assert.deepEqual(thrown('uri', 'sip:bob@example.com'), ['config', 'uri']);
  assert.deepEqual(thrown('display_name', 'a\r\nb'), ['config', 'display_name']);
  assert.deepEqual(thrown('display_name', undefined), undefined);
  engine.free();
});

test('the Contact is told as it goes out, usual and anonymous', () => {
  const { engine } = connected({ contact_uri: 'sip:alice@desk.invalid;transport=ws' });
  assert.deepEqual(engine.query(Query.Contacts, 0), [
    undefined,
    undefined,
    'sip:alice@desk.invalid;transport=ws',
    'sip:anonymous@anonymous.invalid;transport=ws',
    'sip:alice@desk.invalid;transport=ws;ob',
    'sip:anonymous@anonymous.invalid;transport=ws;ob',
  ]);
  engine.free();
});

test('what nobody knows is nothing, and what nobody says does nothing', () => {
  const { engine } = connected();
  for (const query of [Query.SessionState, Query.SessionIdentity, Query.SentRequest, 99]) {
    assert.equal(engine.query(query, 5), undefined);
  }
  for (const row of [[99], [], ['x', 1]]) assert.equal(engine.command(0, row), 0);
  engine.free();
});

test('the server is named in a Route where that is wanted, by its own name', () => {
  const { engine } = connected({ use_preloaded_route: true });
  const route = () => {
    engine.command(0, [Command.SendOptions, 'bob', {}]);
    return /\r\nRoute: ([^\r]+)/.exec(named(drain(engine), 'send')[0][2])?.[1];
  };
  assert.equal(route(), '<sip:sip.example.com;transport=ws;lr>');
  engine.command(0, [Command.Set, 'route', 'sip:edge.example.com;transport=ws']);
  assert.equal(route(), '<sip:edge.example.com;transport=ws;lr>');
  engine.command(0, [Command.Set, 'route', '']);
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
  engine.command(0, [Command.Received, flow, notify]);
  const rows = drain(engine);
  const [[, message]] = named(rows, 'sipEvent');
  assert.deepEqual(message, ['request', notify]);
  assert.match(named(rows, 'send')[0][2], /^SIP\/2\.0 200 /);
  engine.free();
});

test('a subscription of ours, from its SUBSCRIBE to its last NOTIFY', () => {
  const { engine, flow } = connected();
  const id = engine.command(0, [Command.Subscribe, 'bob', {
    expires: 300, accept: ['application/pidf+xml'], body: '<f/>', contentType: 'text/filter',
  }, 'presence']);
  const [[, , subscribe]] = named(drain(engine), 'send');
  assert.match(subscribe, /\r\nExpires: 300\r\n/);
  assert.match(subscribe, /\r\nAccept: application\/pidf\+xml\r\n/);
  assert.ok(subscribe.endsWith('<f/>'));
  const contact = 'Contact: <sip:bob@peer.invalid;transport=ws>';
  engine.command(0, [Command.Received, flow, respond(subscribe, '200 OK', 'Expires: 300', contact)]);
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
  engine.command(0, [Command.Received, flow, notify(1, 'active;expires=300')]);
  const told = named(drain(engine), 'subscriber').map(([, , name, ...rest]) => [name, ...rest]);
  assert.deepEqual(told.map(([name]) => name), ['dialogCreated', 'active', 'notify']);
  const [, last, [kind], body, contentType] = told[2];
  assert.deepEqual([last, kind, body, contentType], [false, 'request', 'in', 'text/plain']);

  engine.command(0, [Command.RefreshSubscription, id, 'text/filter', '<g/>']);
  const [[, , refresh]] = named(drain(engine), 'send').filter((row) => /^SUBSCRIBE/.test(row[2]));
  assert.ok(refresh.endsWith('<g/>'));

  engine.command(0, [Command.Received, flow, notify(2, 'terminated;reason=noresource;retry-after=7')]);
  const [, end] = named(drain(engine), 'subscriber').map((row) => row.slice(2));
  assert.deepEqual(end, ['terminated', 'notified', 'noresource', 7000, undefined]);
  engine.free();
});
