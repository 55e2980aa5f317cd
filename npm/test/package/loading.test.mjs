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

/** What every way of loading must give: `jssip` 3.13.8 has these, and then what is ours. */
const NAMES = Object.keys(require('offhook')).filter((name) => name !== 'default').sort();

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
  assert.equal(JsSIP.default, JsSIP);
  assert.ok(!('__esModule' in JsSIP), 'so that default imports give all of it');
  for (const name of NAMES) assert.notEqual(JsSIP[name], undefined, name);
});

test('what tests of applications put into the object stays there', () => {
  const JsSIP = require('offhook');
  const { version } = JsSIP;
  JsSIP.version = 'mine';
  assert.equal(require('offhook').version, 'mine');
  JsSIP.version = version;
});

test('a classic script makes the global JsSIP', () => {
  const context = createContext({ atob, TextDecoder, TextEncoder, performance, console });
  runInContext(readFileSync(dist('offhook.min.js'), 'utf8'), context);
  assert.deepEqual([...runInContext('Object.keys(JsSIP)', context)].sort(), NAMES);
});

test('the package says what it is and whose interface it has', async () => {
  const names = await load();
  const { version } = require('offhook/package.json');
  assert.deepEqual([names.name, names.version, names.jssipVersion], ['Offhook', version, '3.13.8']);
});

test('a worker can use it', async () => {
  const text = `
    import { parentPort } from 'node:worker_threads';
    import JsSIP, { version } from 'offhook';
    parentPort.postMessage([version, Object.keys(JsSIP).length]);
  `;
  writeFileSync(join(folder, 'worker.mjs'), text);
  const worker = new Worker(join(folder, 'worker.mjs'));
  const answer = await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  assert.deepEqual(answer, [require('offhook').version, NAMES.length]);
  await worker.terminate();
});

test('an import leaves nothing open: the process ends by itself', () => {
  const imported = run('import.mjs', "import { version } from 'offhook'; console.log(version);");
  const required = run('require.cjs', "console.log(require('offhook').version);");
  assert.equal(imported, required);
});

test('an import that is not used leaves nothing in a bundle', async () => {
  writeFileSync(join(folder, 'unused.mjs'), "import 'offhook'; import { version } from 'offhook';");
  const options = { bundle: true, entryPoints: [join(folder, 'unused.mjs')], write: false };
  const { outputFiles } = await build({ ...options, format: 'esm', logLevel: 'error' });
  assert.ok(!outputFiles[0].text.includes('function'), outputFiles[0].text.slice(0, 200));
});

test('nothing in it needs a bundler, a network or Node', () => {
  const text = readFileSync(dist('offhook.js'), 'utf8');
  for (const forbidden of ['import.meta', 'fetch(', 'require(', 'eval(', 'await ']) {
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
