// Takes a WebAssembly module apart into texts that compress well, for its way to a page.
//
// In code, opcodes, local variables, offsets and constants take turns, and a compressor sees little
// in them. Here each kind has a stream of its own, where like stands by like, and each number is one
// letter. `join.wat` makes the module again. docs/package-size.md has the figures.

import { Reader } from './reader.mjs';

/** The streams. */
const [
  OPCODES, DECLARATIONS, BLOCKS, BRANCHES, TARGETS, CALLS, LOCALS, GLOBALS, LOADS, STORES, CONSTANTS,
  ADDENDS, ADDRESSES, WIDE, OTHERS, COUNT,
] = Array.from({ length: 16 }, (_, stream) => stream);

/** What stands among the opcodes and is none of WebAssembly's. */
const PLAIN_BYTES = 0x16;
const DECLARATION = 0x1e;
/** What comes up to `CLOSE` has its length before it. */
const OPEN = 0x17;
const CLOSE = 0x1d;
/** A large constant: it is the address of data, as a rule. */
const ADDRESS = 0x27;
const FIRST_ADDRESS = 2 ** 20;
/** A constant and the i32.add behind it: a third of all, and unlike the others. */
const ADDED = 0x1f;

const END = 0x0b;
const CONSTANT = 0x41;
const ADD = 0x6a;

/**
 * How `join.wat` is told in a byte what stands behind an opcode: a number in a stream; or a number
 * with a sign; or bytes, with their count before them in the stream; or an alignment and a number.
 */
const FORMS = new Map();
const SIGNED = 0x10;
const BYTES = 0x20;
/** The opcode itself does not go into the module. */
const SILENT = 0x40;
const aligned = (logarithm) => 0x80 | logarithm << 5;

const say = (form, ...opcodes) => opcodes.forEach((opcode) => FORMS.set(opcode, form));
say(BLOCKS | SIGNED, 0x02, 0x03, 0x04); // block, loop, if
say(BRANCHES, 0x0c, 0x0d); // br, br_if
say(CALLS, 0x10); // call
say(LOCALS, 0x20, 0x21, 0x22); // local.get, local.set, local.tee
say(GLOBALS, 0x23, 0x24); // global.get, global.set
say(CONSTANTS | SIGNED, CONSTANT);
say(ADDRESSES, ADDRESS);
say(ADDENDS, ADDED);
say(OTHERS | BYTES | SILENT, PLAIN_BYTES);
say(DECLARATIONS | BYTES | SILENT, DECLARATION);
// A module says how its addresses are aligned for the sake of some machines, and it means nothing.
// So all say what would be best, and it need not be carried.
[2, 3, 2, 3, 0, 0, 1, 1, 0, 0, 1, 1, 2, 2].forEach((logarithm, at) => { // loads
  say(LOADS | aligned(logarithm), 0x28 + at);
});
[2, 3, 2, 3, 0, 1, 0, 1, 2].forEach((logarithm, at) => { // stores
  say(STORES | aligned(logarithm), 0x36 + at);
});

/** What stands behind the opcodes that are rare, read by a `Reader`: they are carried as bytes. */
const RARE = new Map();
const rare = (stream, read, ...opcodes) => opcodes.forEach((opcode) => {
  say(stream | BYTES, opcode);
  RARE.set(opcode, read);
});
rare(TARGETS, (reader) => reader.numbers(reader.number() + 1), 0x0e); // br_table
rare(WIDE, (reader) => reader.number(), 0x42); // i64.const
rare(WIDE, (reader) => reader.skip(4), 0x43); // f32.const
rare(WIDE, (reader) => reader.skip(8), 0x44); // f64.const
rare(OTHERS, (reader) => reader.numbers(2), 0x11); // call_indirect
rare(OTHERS, (reader) => reader.skip(reader.number()), 0x1c); // select, with types
// table.get, table.set, memory.size, memory.grow, ref.null, ref.func
rare(OTHERS, (reader) => reader.number(), 0x25, 0x26, 0x3f, 0x40, 0xd0, 0xd2);
rare(OTHERS, (reader) => { // conversions up to 7, bulk memory, tables
  const second = reader.number();
  if (second > 7) reader.numbers([8, 10, 12, 14].includes(second) ? 2 : 1);
}, 0xfc);

/** Opcodes with nothing behind them: control, `drop` and `select`, comparisons and arithmetic. */
const isBare = (opcode) => [0x00, 0x01, 0x05, END, 0x0f, 0x1a, 0x1b, 0xd1].includes(opcode)
  || (opcode >= 0x45 && opcode <= 0xc4);

/**
 * What stands for a number. Texts that the module holds look as they do in JavaScript, which has many
 * of them, too. None is NUL, which some tools stumble on: the letter of 0x7f stands for it, and those
 * from there on move up.
 */
export function letter(number) {
  if (number === 0) return '\x7f';
  return String.fromCharCode(number < 0x7f ? number : number + 1);
}

/** Texts, a letter for each number below 0x8000. Larger ones come in parts of 14 bits, lowest first. */
class Streams {
  texts = Array.from({ length: COUNT }, () => '');

  put(stream, number) {
    let rest = number;
    for (; rest >= 0x8000; rest = Math.floor(rest / 0x4000)) {
      this.texts[stream] += letter(0x8000 + rest % 0x4000);
    }
    this.texts[stream] += letter(rest);
  }

  /** Signs take turns: 0, -1, 1, -2, 2. */
  putSigned(stream, number) {
    this.put(stream, number < 0 ? -2 * number - 1 : 2 * number);
  }

  putBytes(stream, bytes) {
    this.put(stream, bytes.length);
    for (const byte of bytes) this.put(stream, byte);
  }
}

/** Puts the constant that is next. */
function splitConstant(reader, streams) {
  const value = reader.number(true);
  if (value >= FIRST_ADDRESS) {
    streams.put(OPCODES, ADDRESS);
    streams.put(ADDRESSES, value - FIRST_ADDRESS);
  } else if (reader.bytes[reader.at] === ADD) {
    reader.byte();
    streams.put(OPCODES, ADDED);
    streams.putSigned(ADDENDS, value);
  } else {
    streams.put(OPCODES, CONSTANT);
    streams.putSigned(CONSTANTS, value);
  }
}

/** Puts the function that is next. */
function split(reader, streams) {
  const length = reader.number();
  const end = reader.at + length;
  streams.put(OPCODES, OPEN);
  streams.put(OPCODES, DECLARATION);
  streams.putBytes(DECLARATIONS, reader.over(() => { // the types of its local variables, in groups
    for (let groups = reader.number(); groups > 0; groups--) {
      reader.number();
      reader.byte();
    }
  }));
  while (reader.at < end) {
    const opcode = reader.byte();
    const form = FORMS.get(opcode);
    const stream = form & 0x0f;
    if (opcode === CONSTANT) {
      splitConstant(reader, streams);
      continue;
    }
    streams.put(OPCODES, opcode);
    if (RARE.has(opcode)) {
      streams.putBytes(stream, reader.over(RARE.get(opcode)));
    } else if (form & SIGNED) {
      streams.putSigned(stream, reader.number(true));
    } else if (form) {
      if (form & 0x80) reader.number();
      streams.put(stream, reader.number());
    } else if (!isBare(opcode)) {
      throw new Error(`opcode 0x${opcode.toString(16)} at ${reader.at - 1} is not known here`);
    }
  }
  streams.put(OPCODES, CLOSE);
}

const HEADER = 8;
const CODE_SECTION = 10;

/** The streams of `module`, and before them the table that says what stands behind each opcode. */
export function texts(module) {
  const reader = new Reader(module);
  const streams = new Streams();
  const plain = (read) => {
    streams.put(OPCODES, PLAIN_BYTES);
    streams.putBytes(OTHERS, reader.over(read));
  };
  plain(() => {
    reader.skip(HEADER);
    while (reader.byte() !== CODE_SECTION) reader.skip(reader.number());
  });
  streams.put(OPCODES, OPEN);
  reader.number();
  let functions;
  plain(() => { functions = reader.number(); });
  for (; functions > 0; functions--) split(reader, streams);
  streams.put(OPCODES, CLOSE);
  plain(() => { reader.at = module.length; });
  streams.put(OPCODES, CLOSE);
  const table = Array.from({ length: 0x100 }, (_, opcode) => letter(FORMS.get(opcode) ?? 0));
  return [table.join(''), ...streams.texts];
}
