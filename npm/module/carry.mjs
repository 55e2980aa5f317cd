// Carries the WebAssembly module in JavaScript: the statement that `text.mjs` makes it from again.

import { letter, texts } from './split.mjs';

/** What a template literal would read as something else, and how it is written. */
const ESCAPES = new Map([['\r', '\\r'], ['\\', '\\\\'], ['`', '\\`'], ['$', '\\$']]);

const literal = (text) =>
  `\`${text.replace(/[\r\\`]|\$(?={)/g, (letter) => ESCAPES.get(letter))}\``;

/** A statement that declares `module` as texts, to be stored in UTF-8. `joiner` is `join.wat`. */
export function carry(module, joiner) {
  const program = Array.from(joiner, letter).join('');
  return `var OFFHOOK_MODULE=[${[program, ...texts(module)].map(literal)}];`;
}

/** The same in ASCII: for a script that a page may read in any character set. */
export const inAscii = (statement) => statement.replace(/[^\0-\x7f]/g, (letter) => {
  const code = letter.charCodeAt(0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code}`;
});
