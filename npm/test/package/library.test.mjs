// Applications that import from JsSIP's files by name (`jssip/lib/UA`), most of them types: with
// another package's name in their place, they compile and run.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { install } from './installed.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = install();
const require = createRequire(join(folder, 'app.cjs'));
const NAMES = readdirSync(here('../../src/lib')).map((name) => name.replace(/\.ts$/, ''));
/** Those of JsSIP's files that are the class or the object that the package exports as this. */
const CLASSES = [
  'Message', 'NameAddrHeader', 'Notifier', 'Options', 'Registrator', 'RTCSession', 'Subscriber', 'Transport',
  'UA', 'URI', 'WebSocketInterface',
];
const OBJECTS = { Constants: 'C', Exceptions: 'Exceptions', Grammar: 'Grammar', Utils: 'Utils' };

test('each file gives what the package itself gives, required', () => {
  const root = require('offhook');
  for (const name of CLASSES) {
    const given = require(`offhook/lib/${name}`);
    assert.equal(given, root[name], name);
    // The types say so, though JsSIP's own do not keep it.
    assert.equal(given[name], given, name);
    assert.equal(given.default, given, name);
  }
  for (const [file, name] of Object.entries(OBJECTS)) {
    assert.equal(require(`offhook/lib/${file}`), root[name], file);
  }
  assert.equal(require('offhook/lib/JsSIP'), root);
  assert.equal(require('offhook/lib/Parser').parseMessage, root.parseMessage);
  assert.equal(require('offhook/lib/SIPMessage').IncomingRequest, root.IncomingRequest);
  assert.equal(require('offhook/lib/UA.js'), root.UA, 'with the ending of a file, too');
  assert.deepEqual(Object.keys(root.UA), [], 'nothing of it shows on the class');
});

test('each file gives what the package itself gives, imported', async () => {
  const app = join(folder, 'app.mjs');
  const lines = NAMES.map((name) => `export * as ${name} from 'offhook/lib/${name}.js';`);
  writeFileSync(app, [...lines, "export * as root from 'offhook';"].join('\n'));
  const { root, ...files } = await import(pathToFileURL(app).href);
  for (const name of CLASSES) {
    assert.equal(files[name][name], root[name], name);
    assert.equal(files[name].default, root[name], name);
  }
  for (const [file, name] of Object.entries(OBJECTS)) {
    assert.equal(files[file].default, root[name], file);
    for (const [key, value] of Object.entries(root[name])) {
      assert.deepEqual(files[file][key], value, `${file}.${key}`);
    }
  }
  assert.equal(files.Exceptions.InvalidStateError, root.Exceptions.InvalidStateError);
  assert.equal(files.JsSIP.default, root.default);
});

/** JsSIP's generator exports each of its rules; see docs/differences-from-jssip.md. */
const ITS_OWN = ['SyntaxError', 'toSource'];

test('the files for which JsSIP has types are there, and what they export', () => {
  const beside = createRequire(import.meta.url);
  const lib = join(dirname(beside.resolve('jssip/package.json')), 'lib');
  const typed = readdirSync(lib).filter((name) => name.endsWith('.d.ts'));
  assert.ok(typed.length > 15);
  for (const file of typed) {
    const name = file.replace(/\.d\.ts$/, '');
    const [ours, theirs] = [require(`offhook/lib/${name}`), beside(`jssip/lib/${name}`)];
    assert.equal(typeof ours, typeof theirs, name);
    const keys = Object.keys(theirs).filter((key) => !ITS_OWN.includes(key));
    for (const key of keys) assert.equal(typeof ours[key], typeof theirs[key], `${name}.${key}`);
  }
});

test('a message is parsed as one that came, and one can be made by hand', () => {
  const { parseMessage } = require('offhook/lib/Parser');
  const { IncomingRequest, IncomingResponse } = require('offhook/lib/SIPMessage');
  const head = [
    'MESSAGE sip:alice@example.com SIP/2.0',
    'Via: SIP/2.0/WS bob.invalid;branch=z9hG4bKx',
    'From: "Bob" <sip:bob@example.com>;tag=b',
    'To: <sip:alice@example.com>',
    'Call-ID: 1',
    'CSeq: 7 MESSAGE',
    'P-Asserted-Identity: <sip:desk@example.com>',
  ];
  const ua = {};
  const request = parseMessage([...head, 'Content-Length: 5', '', 'hello'].join('\r\n'), ua);
  assert.ok(request instanceof IncomingRequest);
  assert.equal(request.ua, ua);
  assert.deepEqual([request.method, request.cseq, request.body], ['MESSAGE', 7, 'hello']);
  assert.equal(request.from.display_name, 'Bob');
  assert.equal(request.getHeader('p-asserted-identity'), '<sip:desk@example.com>');
  assert.equal(parseMessage('no message'), undefined);

  const made = new IncomingRequest(ua);
  assert.equal(made.hasHeader('event'), false);
  made.setHeader('event', 'presence');
  made.method = 'SUBSCRIBE';
  assert.equal(made.parseHeader('event').event, 'presence');
  assert.equal(made.method, 'SUBSCRIBE');
  const response = new IncomingResponse();
  response.status_code = 200;
  assert.deepEqual([response.status_code, response.getHeaders('via')], [200, []]);
});

test('the timers and the sockets of JsSIP are known', () => {
  const beside = createRequire(import.meta.url);
  const { isSocket } = require('offhook/lib/Socket');
  const { WebSocketInterface } = require('offhook');
  assert.deepEqual({ ...require('offhook/lib/Timers') }, beside('jssip/lib/Timers'));
  assert.equal(isSocket(new WebSocketInterface('ws://example.com')), true);
  for (const none of [undefined, null, [], {}]) assert.equal(isSocket(none), false);
});

test('a logger writes where its namespace is on', (t) => {
  const Logger = require('offhook/lib/Logger');
  const { debug } = require('offhook');
  const warn = t.mock.method(console, 'warn', () => {});
  const log = new Logger('App');
  log.warn('not yet');
  debug.enable('JsSIP:WARN:App');
  t.after(() => debug.disable());
  log.warn('and now');
  log.debug('this is off');
  assert.equal(warn.mock.callCount(), 1);
  assert.match(warn.mock.calls[0].arguments.join(' '), /App and now/);
});

test('an application with the types of JsSIP compiles', () => {
  copyFileSync(here('app/jssip.ts'), join(folder, 'jssip.ts'));
  const config = {
    compilerOptions: {
      esModuleInterop: true,
      lib: ['ES2022', 'DOM', 'DOM.Iterable'],
      module: 'ESNext',
      moduleResolution: 'Bundler',
      noEmit: true,
      // That the declarations are whole has a test of its own.
      skipLibCheck: true,
      strict: true,
      target: 'ES2022',
      types: [],
    },
    files: ['jssip.ts'],
  };
  const project = join(folder, 'tsconfig.json');
  writeFileSync(project, JSON.stringify(config));
  try {
    execFileSync(here('../../node_modules/.bin/tsc'), ['--project', project], { encoding: 'utf8' });
  } catch (error) {
    assert.fail(error.stdout);
  }
});
