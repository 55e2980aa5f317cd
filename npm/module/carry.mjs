// Carries bytes in JavaScript: the statement that `text.mjs` reads the WebAssembly module from.

/** A byte is the letter behind its own number: so none is NUL, which some tools stumble on. */
const letter = (byte) => String.fromCharCode(byte + 1);

/** What a template literal would read as something else, and how it is written. */
const ESCAPES = new Map([['\r', '\\r'], ['\\', '\\\\'], ['`', '\\`'], ['$', '\\$']]);

/** A statement that declares `bytes` as text, to be stored in UTF-8. */
export function carry(bytes) {
  let text = '';
  for (const byte of bytes) text += ESCAPES.get(letter(byte)) ?? letter(byte);
  return `var OFFHOOK_MODULE=\`${text}\`;`;
}
