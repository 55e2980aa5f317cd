// Applications that import from JsSIP's files by name (`jssip/lib/UA`), most of them types: with
// another package's name in their place, they compile and run.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { install } from './installed.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = install();
const require = createRequire(join(folder, 'app.cjs'));
const NAMES = readdirSync(here('../../src/lib')).map((name) => name.replace(/\.ts$/, ''));

test('each file gives what the package itself gives', async () => {
  const root = require('offhook');
  for (const name of NAMES) {
    const given = require(`offhook/lib/${name}`);
    if (name in root) assert.equal(given[name], root[name], name);
  }
  assert.equal(require('offhook/lib/JsSIP').UA, root.UA);
  assert.deepEqual({ ...require('offhook/lib/Constants') }, { ...root.C });
  const app = join(folder, 'app.mjs');
  const lines = NAMES.map((name) => `export * as ${name} from 'offhook/lib/${name}';`);
  writeFileSync(app, [...lines, "export * as root from 'offhook';"].join('\n'));
  const imported = await import(pathToFileURL(app).href);
  assert.equal(imported.UA.UA, imported.root.UA);
  assert.equal(imported.JsSIP.default, imported.root.default);
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
