// What the package weighs on its way to a page.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { brotliCompressSync } from 'node:zlib';

/** The minified module with everything inside, in bytes, by brotli. JsSIP is 46,900. */
const LIMIT = 178_000;

test('the package is as small as it was', () => {
  const module = readFileSync(new URL('../../dist/offhook.js', import.meta.url));
  const size = brotliCompressSync(module).length;
  const hint = 'without the sources of the standard library it is larger (tools/wasm-build.sh)';
  assert.ok(size <= LIMIT, `${size} bytes are more than ${LIMIT}; ${hint}`);
});
