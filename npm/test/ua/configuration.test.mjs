// The configuration, beside JsSIP's: the same values go to both.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import jssip from 'jssip';

import { JsSIP, agent, connected } from '../support/agent.mjs';
import { ScriptedSocket } from '../support/socket.mjs';

const BASE = { uri: 'sip:alice@example.com' };

function made(library, configuration) {
  return new library.UA({ sockets: new ScriptedSocket(), ...BASE, ...configuration });
}

/** What a value becomes, or why it is refused. */
function outcome(library, parameter, value) {
  try {
    const kept = made(library, { [parameter]: value }).configuration[parameter];
    return typeof kept === 'object' && kept && !Array.isArray(kept) ? String(kept) : kept;
  } catch (error) {
    assert.ok(error instanceof library.Exceptions.ConfigurationError, String(error));
    const { code, name, message } = error;
    return { code, name, message, parameter: error.parameter, value: error.value };
  }
}

const EMPTY = [null, '', undefined, [], NaN];
const NUMBERS = [0, 1, -1, 90, 1.5, '30', '1.5', 'x', true, {}];
const FLAGS = [true, false, 'true', 1, 0, {}];
const TEXTS = ['text', 'ünïcode', 'a b', 7];
const UUID = '8f1fa16a-1165-4a96-8341-785b1ef24f12';

const VALUES = {
  uri: [
    ...EMPTY, 'alice@example.com', 'SIP:alice@example.com', 'sip:example.com', 'example.com', 7,
    'sip:alice@example.com:5070;transport=ws', 'sip:al%69ce@EXAMPLE.com', 'sip:alice@', '@',
  ],
  authorization_user: [...EMPTY, ...TEXTS, 'a"b', 'a\\"b', 'a\\', 'a\r\nb', 0],
  password: [...EMPTY, ...TEXTS, 0, false],
  realm: [...EMPTY, ...TEXTS],
  ha1: [...EMPTY, ...TEXTS],
  authorization_jwt: [...EMPTY, 'Bearer abc', 7],
  display_name: [...EMPTY, 'Alice', 0, 7],
  instance_id: [
    UUID, `uuid:${UUID}`, `UUID:${UUID.toUpperCase()}`, UUID.replaceAll('-', ''), 'nonsense',
  ],
  use_preloaded_route: [...EMPTY, ...FLAGS],
  session_timers: [...EMPTY, ...FLAGS],
  session_timers_refresh_method: [...EMPTY, 'UPDATE', 'invite', 'Update', 'INFO', 7],
  session_timers_force_refresher: [...EMPTY, ...FLAGS],
  no_answer_timeout: [...EMPTY, ...NUMBERS],
  register: [...EMPTY, ...FLAGS],
  register_expires: [...EMPTY, ...NUMBERS],
  register_from_tag_trail: [...EMPTY, 'trail', 7],
  registrar_server: [
    ...EMPTY, 'registrar.example.com', 'sip:registrar.example.com:5080', 'sip:alice@example.com',
    'not a host',
  ],
  connection_recovery_min_interval: [...EMPTY, ...NUMBERS],
  connection_recovery_max_interval: [...EMPTY, ...NUMBERS],
  user_agent: [...EMPTY, 'Phone 1.0', 7],
  extra_headers: [...EMPTY, ['X-A: 1'], ['X-A: 1', 7], 'X-A: 1'],
  contact_uri: ['sip:alice@192.0.2.1:5060;transport=ws', 'alice', 7, {}],
  unknown: ['anything'],
};

for (const [parameter, values] of Object.entries(VALUES)) {
  test(`${parameter} takes what it takes in JsSIP, and refuses what it refuses there`, () => {
    for (const value of values) {
      const [ours, theirs] = [JsSIP, jssip].map((library) => outcome(library, parameter, value));
      assert.deepEqual(ours, theirs, `${parameter}: ${JSON.stringify(value)}`);
    }
  });
}

test('what nothing is given for has the default that it has in JsSIP', () => {
  const [ours, theirs] = [JsSIP, jssip].map(
    (library) => made(library, { instance_id: UUID }).configuration,
  );
  for (const [parameter, value] of Object.entries(theirs)) {
    if (['jssip_id', 'via_host', 'contact_uri'].includes(parameter)) continue;
    assert.equal(String(ours[parameter]), String(value), parameter);
  }
  assert.match(ours.jssip_id, /^[0-9a-v]{5}$/);
  assert.match(ours.via_host, /^[0-9a-v]{12}\.invalid$/);
  assert.match(String(ours.contact_uri), /^sip:[0-9a-v]{8}@[0-9a-v]{12}\.invalid;transport=ws$/);
  assert.equal(ours.contact_uri.host, ours.via_host);
  assert.equal(ours.registrar_server.toString(), 'sip:example.com');
  assert.equal(ours.authorization_user, 'alice');
  assert.notEqual(made(JsSIP, {}).configuration.instance_id, ours.instance_id);
});

test('a missing parameter is named', () => {
  for (const library of [JsSIP, jssip]) {
    assert.throws(() => new library.UA(), { name: 'TypeError', message: 'Not enough arguments' });
    const socketless = () => new library.UA({ uri: 'sip:alice@example.com' });
    assert.throws(socketless, { parameter: 'sockets', message: 'Missing parameter: sockets' });
    const nameless = () => new library.UA({ sockets: new ScriptedSocket() });
    assert.throws(nameless, { parameter: 'uri', code: 1, name: 'CONFIGURATION_ERROR' });
  }
});

test('sockets are taken alone, in a list, and with weights, and by their looks', () => {
  const socket = (changes) => Object.assign(new ScriptedSocket(), changes);
  const lists = {
    alone: socket(),
    list: [socket(), socket()],
    weights: [{ socket: socket(), weight: 1 }, { socket: socket(), weight: 2 }],
    mixed: [{ socket: socket() }, socket()],
    some: [socket(), {}],
    none: [],
    useless: [{}],
    text: 'wss://server.example',
    weightless: [{ socket: socket(), weight: 'heavy' }],
    urlless: socket({ url: undefined }),
    uriless: socket({ sip_uri: 'nonsense' }),
    mute: socket({ send: undefined }),
    viaNumber: socket({ via_transport: 7 }),
    nothing: null,
  };
  for (const [name, sockets] of Object.entries(lists)) {
    const [ours, theirs] = [JsSIP, jssip].map((library) => {
      try {
        return new library.UA({ ...BASE, sockets }).transport.sockets.length;
      } catch (error) {
        return [error.parameter, error.message];
      }
    });
    assert.deepEqual(ours, theirs, name);
  }
});

test('the configuration cannot be changed but where it may be', () => {
  for (const library of [JsSIP, jssip]) {
    const { configuration } = made(library, {});
    assert.throws(() => (configuration.register_expires = 60), TypeError);
    assert.throws(() => delete configuration.uri, TypeError);
    for (const parameter of ['authorization_user', 'password', 'realm', 'ha1', 'display_name']) {
      configuration[parameter] = 'other';
      assert.equal(configuration[parameter], 'other');
    }
    assert.ok(!('sockets' in configuration));
  }
});

test('get and set know the parameters that they know in JsSIP', () => {
  for (const library of [JsSIP, jssip]) {
    const ua = made(library, { password: 'secret', realm: 'example.com' });
    assert.equal(ua.get('authorization_user'), 'alice');
    assert.equal(ua.get('realm'), 'example.com');
    assert.equal(ua.get('ha1'), null);
    assert.equal(ua.get('password'), undefined);
    assert.equal(ua.get('uri'), undefined);
    assert.equal(ua.set('ha1', 12345), true);
    assert.equal(ua.get('ha1'), '12345');
    assert.equal(ua.configuration.password, null);
    assert.equal(ua.set('password', 7), true);
    assert.equal(ua.configuration.password, '7');
    assert.equal(ua.set('display_name', 'Alice B.'), true);
    assert.equal(ua.configuration.display_name, 'Alice B.');
    assert.equal(ua.set('extra_headers', ['X-A: 1']), true);
    assert.equal(ua.set('register_expires', 7), false);
    assert.equal(ua.set('nonsense', 7), false);
  }
});

test('what is set is used by the next request', async (t) => {
  const { ua, socket } = await connected(t);
  ua.set('display_name', 'Alice B.');
  ua.set('extra_headers', ['X-Floor: 3']);
  ua.sendMessage('sip:bob@example.com', 'hello');
  const message = socket.last('MESSAGE');
  assert.match(message.get('From'), /^"Alice B\." <sip:alice@example\.com>/);
  assert.equal(message.get('X-Floor'), '3');
});

test('options that JsSIP does not have are checked too', (t) => {
  const refused = (configuration) => {
    const [parameter] = Object.keys(configuration);
    assert.throws(() => made(JsSIP, configuration), { code: 1, parameter });
  };
  refused({ gathering_timeout: -1 });
  refused({ gathering_timeout: '1' });
  refused({ trickle_ice: 1 });
  refused({ recovery_timeout: Infinity });
  refused({ media_timeout: {} });
  refused({ keep_alive: -1 });
  refused({ rtc_peer_connection: {} });
  const { ua } = agent(t, { gathering_timeout: 0.25, trickle_ice: false, keep_alive: 0 });
  assert.equal(ua.configuration.gathering_timeout, 0.25);
  assert.equal(ua.configuration.trickle_ice, false);
});

test('status codes, the contact and targets look as in JsSIP', () => {
  const contact_uri = 'sip:me@192.0.2.1;transport=ws';
  const [ours, theirs] = [JsSIP, jssip].map((library) => made(library, { contact_uri }));
  assert.deepEqual({ ...JsSIP.UA.C }, { ...jssip.UA.C });
  assert.deepEqual({ ...ours.C }, { ...theirs.C });
  assert.equal(ours.status, theirs.status);
  assert.equal(ours.configuration.via_host, '192.0.2.1');
  for (const options of [undefined, {}, { outbound: true }]) {
    assert.equal(ours.contact.toString(options), theirs.contact.toString(options));
  }
  // The host that the application has said stays, so that the peer finds the way back.
  const hidden = ours.contact.toString({ anonymous: true, outbound: true });
  assert.equal(hidden, '<sip:anonymous@192.0.2.1;transport=ws;ob>');
  assert.equal(ours.contact.pub_gruu, theirs.contact.pub_gruu);
  assert.equal(ours.contact.temp_gruu, theirs.contact.temp_gruu);
  assert.equal(String(ours.contact.uri), String(theirs.contact.uri));
  for (const options of [{ anonymous: true }, { anonymous: true, outbound: true }]) {
    const [mine, its] = [JsSIP, jssip].map((library) => made(library, {}).contact.toString(options));
    assert.equal(mine, its, 'a host that leads nowhere says nothing, and is not told');
  }
  for (const target of ['bob', 'sip:bob@other.example', '+1 (555)', '+1-555-0100', '', 7, null]) {
    const [mine, its] = [ours, theirs].map((ua) => ua.normalizeTarget(target));
    assert.equal(String(mine), String(its), String(target));
  }
});
