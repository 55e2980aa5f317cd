// The ways in which an application gets the package, each with what is packed and nothing else.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { Worker } from 'node:worker_threads';

import { build } from 'esbuild';

import { contents, install } from './installed.mjs';

const folder = install();
const require = createRequire(join(folder, 'app.cjs'));
const dist = (name) => join(folder, 'node_modules', 'offhook', 'dist', name);
const load = () => import(pathToFileURL(dist('offhook.js')).href);

/** What every way of loading must give: what `jssip` 3.13.8 does, and what is ours. */
const NAMES = [
  'C', 'Exceptions', 'Grammar', 'NameAddrHeader', 'RTCSession', 'UA', 'URI', 'Utils', 'WebSocketInterface',
  'debug', 'name', 'version',
  'IncomingRequest', 'IncomingResponse', 'InitialOutgoingInviteRequest', 'Message', 'Notifier', 'Options',
  'OutgoingRequest', 'Registrator', 'SessionEndedError', 'Subscriber', 'Transport', 'isSocket',
  'jssipVersion', 'parseMessage',
].sort();

/** Runs a script in a Node of its own, as a user would; it must come to its end by itself. */
function run(name, text) {
  writeFileSync(join(folder, name), text);
  return execFileSync(process.execPath, [join(folder, name)], { encoding: 'utf8', timeout: 20_000 });
}

test('import gives every name, and an object that has them all', async () => {
  const names = await load();
  assert.deepEqual(Object.keys(names).filter((name) => name !== 'default').sort(), NAMES);
  assert.deepEqual(Object.keys(names.default).sort(), NAMES);
  for (const name of NAMES) assert.equal(names.default[name], names[name], name);
});

test('require gives the object itself, and it again as its default', () => {
  const JsSIP = require('offhook');
  assert.deepEqual(Object.keys(JsSIP).filter((name) => name !== 'default').sort(), NAMES);
  assert.equal(JsSIP.default, JsSIP);
  assert.ok(!('__esModule' in JsSIP), 'so that default imports give all of it');
  for (const name of NAMES) assert.notEqual(JsSIP[name], undefined, name);
});

test('whatever jssip exports is there, and of the same kind', () => {
  const JsSIP = createRequire(import.meta.url)('jssip');
  const ours = require('offhook');
  for (const name of Object.keys(JsSIP)) {
    assert.equal(typeof ours[name], typeof JsSIP[name], name);
  }
});

test('what tests of applications put into the object stays there', () => {
  const JsSIP = require('offhook');
  const { version } = JsSIP;
  JsSIP.version = 'mine';
  assert.equal(require('offhook').version, 'mine');
  JsSIP.version = version;
});

test('a classic script makes the global JsSIP, which works', () => {
  const { TextDecoder, TextEncoder } = globalThis;
  const context = createContext({ atob, console, performance, TextDecoder, TextEncoder });
  runInContext(readFileSync(dist('offhook.min.js'), 'utf8'), context);
  assert.deepEqual([...runInContext('Object.keys(JsSIP)', context)].sort(), NAMES);
  const text = runInContext("JsSIP.URI.parse('sip:Alice@EXAMPLE.com;lr').toString()", context);
  assert.equal(text, 'sip:Alice@example.com;lr');
});

test('the package says what it is and whose interface it has', async () => {
  const names = await load();
  const { version } = require('offhook/package.json');
  assert.deepEqual([names.name, names.version, names.jssipVersion], ['Offhook', version, '3.13.8']);
});

test('a worker can use it', async () => {
  const text = `
    import { parentPort } from 'node:worker_threads';
    import JsSIP from 'offhook';
    parentPort.postMessage(JsSIP.URI.parse('sip:alice@example.com:5061').port);
  `;
  writeFileSync(join(folder, 'worker.mjs'), text);
  const worker = new Worker(join(folder, 'worker.mjs'));
  const answer = await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  assert.equal(answer, 5061);
  await worker.terminate();
});

test('nothing stays open after an import: the process ends by itself', () => {
  const use = "console.log(JsSIP.URI.parse('sip:alice@example.com').host);";
  assert.equal(run('import.mjs', `import JsSIP from 'offhook'; ${use}`), 'example.com\n');
  assert.equal(run('require.cjs', `const JsSIP = require('offhook'); ${use}`), 'example.com\n');
});

/** A socket of the application's that says what is sent. */
const SOCKET = `
  class Socket {
    url = 'wss://example.com';
    sip_uri = 'sip:example.com;transport=ws';
    via_transport = 'WSS';
    sent = [];
    connect() { queueMicrotask(() => this.onconnect()); }
    disconnect() {}
    isConnected() { return true; }
    isConnecting() { return false; }
    send(message) { this.sent.push(message); return true; }
  }
`;

test('two user agents in one process keep to themselves', () => {
  const text = `
    import { UA } from 'offhook';
    ${SOCKET}
    const agents = ['alice', 'bob'].map((name) => {
      const socket = new Socket();
      const ua = new UA({ sockets: [socket], uri: \`sip:\${name}@example.com\`, register: true });
      ua.start();
      return { socket, ua };
    });
    await new Promise((resolve) => setTimeout(resolve, 10));
    for (const { socket, ua } of agents) {
      console.log(/^From: <(.*)>/m.exec(socket.sent[0])[1], socket.sent.length);
      ua.stop();
    }
  `;
  const said = run('two.mjs', text);
  assert.equal(said, 'sip:alice@example.com 1\nsip:bob@example.com 1\n');
});

test('a process ends when its user agent has stopped', () => {
  const text = `
    const { UA } = require('offhook');
    ${SOCKET}
    const ua = new UA({ sockets: [new Socket()], uri: 'sip:alice@example.com', register: false });
    ua.on('connected', () => ua.stop());
    ua.on('disconnected', () => console.log('stopped'));
    ua.start();
  `;
  assert.equal(run('stops.cjs', text), 'stopped\n');
});

test('an import that is not used leaves nothing in a bundle', async () => {
  writeFileSync(join(folder, 'unused.mjs'), "import 'offhook'; import { UA } from 'offhook';");
  const options = { bundle: true, entryPoints: [join(folder, 'unused.mjs')], write: false };
  const { outputFiles } = await build({ ...options, format: 'esm', logLevel: 'error' });
  assert.ok(!outputFiles[0].text.includes('function'), outputFiles[0].text.slice(0, 200));
});

test('nothing in it needs a bundler, a network or Node', () => {
  // What stands behind is the WebAssembly module, whose letters mean nothing.
  const [text] = readFileSync(dist('offhook.js'), 'utf8').split('var OFFHOOK_MODULE');
  for (const forbidden of ['import.meta', 'fetch(', 'require(', 'eval(']) {
    const at = text.indexOf(forbidden);
    assert.equal(at, -1, `${forbidden}: …${text.slice(Math.max(0, at - 60), at + 60)}…`);
  }
  assert.ok(!/\bimport\s*[({*"'\w]/.test(text), 'no import');
});

test('the package holds what is used, and no more', () => {
  const files = contents().map((file) => file.path);
  for (const name of ['README.md', 'package.json', 'LICENSE-MIT', 'LICENSE-APACHE']) {
    assert.ok(files.includes(name), name);
  }
  const dist = files.filter((name) => name.startsWith('dist/'));
  for (const name of ['offhook.js', 'offhook.cjs', 'offhook.min.js', 'index.d.ts', 'index.d.cts']) {
    assert.ok(dist.includes(`dist/${name}`), name);
  }
  for (const name of dist) assert.match(name, /\.(js|cjs|d\.ts|d\.cts)(\.map)?$/);
  assert.equal(files.length, dist.length + 4, files.join('\n'));
  assert.equal(require('offhook/package.json').dependencies, undefined);
});
