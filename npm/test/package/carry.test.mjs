// The WebAssembly module on its way to a page: taken apart into texts, and made again.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import binaryen from 'binaryen';

import { CARRIED } from '../../bundle.mjs';
import { carry, inAscii } from '../../module/carry.mjs';
import make from '../../module/text.mjs';

const build = (name) => fileURLToPath(new URL(`../../build/${name}`, import.meta.url));
const joiner = readFileSync(build('join.wasm'));

afterEach(() => delete globalThis.OFFHOOK_MODULE);

/** The module that a page makes of `statement`. */
async function made(statement) {
  const code = Buffer.from(`${statement}export default OFFHOOK_MODULE;`).toString('base64');
  const { default: texts } = await import(`data:text/javascript;base64,${code}`);
  globalThis.OFFHOOK_MODULE = texts;
  return make();
}

/** All that `module` says, but for what it says of alignments, which means nothing. */
function said(module) {
  const read = binaryen.readBinary(module);
  const text = read.emitText().replace(/ align=\d+/g, '');
  read.dispose();
  return text;
}

/** A module with every form of instruction, and with numbers of all sizes. */
const EVERY_FORM = `(module
  (type $unary (func (param i32) (result i32)))
  (import "page" "log" (func $log (param i32)))
  (memory 1)
  (table $table 4 funcref)
  (elem (i32.const 0) $choose)
  (global $depth (mut i32) (i32.const -7))
  (data (i32.const 16) "\`\${a}\\5c\\0d\\0a\\00\\ff\\7f")
  (func $choose (param $x i32) (result i32)
    (local $wide i64) (local $float f32) (local $double f64) (local $any externref)
    (block $a (block $b (block $c (br_table $a $b $c $a (local.get $x)))
      (br_if $a (i32.eqz (local.get $x)))
      (br $b)))
    (local.set $wide (i64.const -9223372036854775808))
    (local.set $wide (i64.add (local.get $wide) (i64.const 1234567890123456789)))
    (local.set $float (f32.const 1.5))
    (local.set $double (f64.const -0.1))
    (local.set $any (select (result externref) (ref.null extern) (local.get $any) (local.get $x)))
    (global.set $depth (i32.add (global.get $depth) (i32.const 2147483647)))
    (global.set $depth (i32.add (global.get $depth) (i32.const -2147483648)))
    (global.set $depth (i32.add (global.get $depth) (i32.const 1048575)))
    (global.set $depth (i32.add (global.get $depth) (i32.const 1048576)))
    (global.set $depth (i32.add (global.get $depth) (i32.const 99999999)))
    (global.set $depth (i32.add (global.get $depth) (i32.const -65)))
    (global.set $depth (i32.add (global.get $depth) (i32.const 63)))
    (i64.store offset=4294967295 align=1 (local.get $x) (i64.load offset=70000 align=2 (local.get $x)))
    (i32.store8 offset=13 (local.get $x) (i32.load16_u offset=91 (local.get $x)))
    (f64.store offset=95 (local.get $x) (f64.promote_f32 (f32.load offset=35 (local.get $x))))
    (memory.copy (local.get $x) (i32.const 0) (memory.grow (memory.size)))
    (memory.fill (local.get $x) (i32.const 0) (i32.trunc_sat_f64_s (local.get $double)))
    (table.set $table (i32.const 1) (table.get $table (i32.const 0)))
    (table.set $table (i32.const 2) (ref.func $choose))
    (drop (table.grow $table (ref.null func) (i32.const 1)))
    (call $log (i32.extend8_s (local.get $x)))
    (loop $again (result i32)
      (if (result i32) (local.tee $x (i32.sub (local.get $x) (i32.const 1)))
        (then (br $again))
        (else (call_indirect $table (type $unary) (i32.const 3) (local.get $x))))))
  (export "choose" (func $choose)))`;

test('a module comes back with every form of instruction as it went', async () => {
  const parsed = binaryen.parseText(EVERY_FORM);
  parsed.setFeatures(binaryen.Features.All);
  const module = parsed.emitBinary();
  parsed.dispose();
  const again = await made(carry(module, joiner));
  assert.equal(said(again), said(module));
});

test('the engine comes back as it went', async () => {
  const module = readFileSync(build('offhook_web.wasm'));
  const again = await made(readFileSync(CARRIED, 'utf8'));
  assert.equal(said(again), said(module));
});

test('what is carried in ASCII is the same', async () => {
  const statement = readFileSync(CARRIED, 'utf8');
  const ascii = inAscii(statement);
  assert.match(ascii, /^[\0-\x7f]*$/);
  assert.deepEqual(await made(ascii), await made(statement));
});

test('an instruction that is not known is named', () => {
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  // One function without local variables, with a return_call in it.
  const module = Uint8Array.of(...header, 10, 6, 1, 4, 0, 0x12, 0, 0x0b);
  assert.throws(() => carry(module, joiner), /opcode 0x12 at 13 is not known/);
});
