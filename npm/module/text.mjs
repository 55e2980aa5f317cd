// The WebAssembly module, made again from the texts that `carry.mjs` has put behind the package.

/** Where the table of opcodes and the texts are in the memory of `join.wat`. */
const TABLE = 64;
const TEXTS = TABLE + 0x100;
/** A letter has at most three bytes, and makes at most five. */
const MOST = 8;

/** `split.mjs` says what a letter stands for. */
const bytes = (text) => Uint8Array.from(text, (letter) => {
  const code = letter.charCodeAt(0);
  return code === 0x7f ? 0 : code - (code > 0x7f);
});

export default () => {
  const [joiner, table, ...texts] = OFFHOOK_MODULE;
  const { join, memory } = new WebAssembly.Instance(new WebAssembly.Module(bytes(joiner))).exports;
  const letters = texts.reduce((sum, { length }) => sum + length, 0);
  memory.grow((letters * MOST >> 16) + 1);
  const room = new Uint8Array(memory.buffer);
  const cursors = new Uint32Array(memory.buffer);
  const encoder = new TextEncoder();
  room.set(bytes(table), TABLE);
  let end = TEXTS;
  texts.forEach((text, stream) => {
    cursors[stream] = end;
    end += encoder.encodeInto(text, room.subarray(end)).written;
  });
  return room.subarray(end, join(end));
};
