// The types, as the compiler of an application sees them: the whole of them, and strictly.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { install } from './installed.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = install();

/** What the compiler says about the application under this name. */
function compile(file, options) {
  copyFileSync(here('app/app.ts'), join(folder, file));
  const config = {
    compilerOptions: {
      ...options,
      exactOptionalPropertyTypes: true,
      lib: ['ES2022', 'DOM', 'DOM.Iterable'],
      noEmit: true,
      // The package's declarations are checked, too.
      skipLibCheck: false,
      strict: true,
      target: 'ES2022',
      types: [],
    },
    files: [file],
  };
  const name = join(folder, `tsconfig.${file}.json`);
  writeFileSync(name, JSON.stringify(config));
  try {
    execFileSync(here('../../node_modules/.bin/tsc'), ['--project', name], { encoding: 'utf8' });
    return '';
  } catch (error) {
    return error.stdout;
  }
}

for (const [title, file, options] of [
  ['a bundled application', 'app.ts', { module: 'ESNext', moduleResolution: 'Bundler' }],
  ['an application of modules in Node', 'app.mts', { module: 'Node16' }],
  ['an application in Node that requires', 'app.cts', { module: 'Node16', esModuleInterop: true }],
]) {
  test(`${title} names every export and every event`, () => {
    assert.equal(compile(file, options), '');
  });
}
