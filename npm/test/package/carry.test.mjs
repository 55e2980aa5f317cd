// The module that travels as text.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { carry } from '../../module/carry.mjs';

test('bytes come back as they went, whatever they mean in JavaScript', async () => {
  const marks = '`${a}`\\`\r\n\0$';
  const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const meaningful = Uint8Array.from(marks, (mark) => mark.charCodeAt(0) - 1);
  const bytes = Uint8Array.of(...every, ...meaningful, ...every.reverse());
  const code = `${carry(bytes)}export default OFFHOOK_MODULE;`;
  const { default: text } = await import(`data:text/javascript;charset=utf-8;base64,${Buffer.from(code).toString('base64')}`);
  assert.deepEqual(Uint8Array.from(text, (letter) => letter.charCodeAt(0) - 1), bytes);
});
