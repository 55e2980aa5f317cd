#!/usr/bin/env node
// Says what fills a WebAssembly module: bytes by section, by crate, and by function. The module must
// still have its names (`strip = false`).
//
// usage: node tools/wasm-size.mjs MODULE.wasm [--functions COUNT] [--crate NAME]
//
//   --functions COUNT   how many of the largest functions are listed (default 30)
//   --crate NAME        list the functions of this crate alone, and its modules

import { readFileSync } from 'node:fs';
import { constants, brotliCompressSync } from 'node:zlib';

import { Reader } from '../npm/module/reader.mjs';

const SECTIONS = [
  'custom', 'type', 'import', 'function', 'table', 'memory', 'global', 'export', 'start', 'element',
  'code', 'data', 'data count', 'tag',
];

/** Sections by name, and functions with their sizes and names. */
function readModule(bytes) {
  const sections = new Map();
  const functions = [];
  const names = new Map();
  let imported = 0;
  const module = new Reader(bytes, 8);
  while (module.rest > 0) {
    const id = module.byte();
    const section = module.part();
    const size = section.rest;
    let name = SECTIONS[id] ?? `section ${id}`;
    if (id === 0) {
      name = `custom ${section.text()}`;
      if (name === 'custom name') readNames(section, names);
    } else if (id === 2) {
      imported = importedFunctions(section);
    } else if (id === 10) {
      for (let count = section.number(); count > 0; count--) functions.push(section.part().rest);
    }
    sections.set(name, (sections.get(name) ?? 0) + size);
  }
  return {
    sections,
    functions: functions.map((size, index) => ({
      size,
      name: pathOf(names.get(imported + index) ?? '(no name)'),
    })),
  };
}

function readNames(section, names) {
  while (section.rest > 0) {
    const kind = section.byte();
    const part = section.part();
    if (kind !== 1) continue;
    for (let count = part.number(); count > 0; count--) names.set(part.number(), part.text());
  }
}

function importedFunctions(section) {
  let functions = 0;
  for (let count = section.number(); count > 0; count--) {
    section.text();
    section.text();
    const kind = section.byte();
    if (kind === 0) {
      functions++;
      section.number();
    } else if (kind === 3) {
      section.at += 2;
    } else {
      if (kind === 1) section.at++;
      const flags = section.number();
      section.number();
      if (flags & 1) section.number();
    }
  }
  return functions;
}

/**
 * The path of a function: a mangled name as its identifiers in their order, which is enough to know
 * it again; types stand behind the path that they belong to.
 */
function pathOf(name) {
  if (!name.startsWith('_R')) return name.replaceAll(/\[[0-9a-f]{8,}\]/g, '');
  const words = [];
  const source = name.slice(2);
  for (let at = 0; at < source.length; at++) {
    // A crate's hash has digits too: `Cs` and base 62 up to an underscore.
    const hash = /^(C?s|B)[0-9A-Za-z]*_/.exec(source.slice(at));
    if (hash) at += hash[0].length;
    const length = /^[1-9][0-9]*/.exec(source.slice(at));
    if (!length) continue;
    at += length[0].length;
    if (source[at] === '_') at++;
    words.push(source.slice(at, at + Number(length[0])));
    at += Number(length[0]) - 1;
  }
  return words.join('::');
}

/** The crate whose code a function is: of a method, that of the `impl`. */
function crateOf(path) {
  return /([A-Za-z_]\w*)(\[[0-9a-f]+\])?::/.exec(path)?.[1] ?? '(other)';
}

/** The first two modules of a path within its crate; types and functions are none. */
function moduleOf(path) {
  const [, ...words] = path.split('::');
  const types = words.findIndex((word) => /^[A-Z_]/.test(word));
  return words.slice(0, Math.min(2, types < 0 ? words.length - 1 : types)).join('::') || '(root)';
}

/** Size and number of functions by what `keyOf` says of their names, largest first. */
function sums(functions, keyOf) {
  const found = new Map();
  for (const { name, size } of functions) {
    const [sum, count] = found.get(keyOf(name)) ?? [0, 0];
    found.set(keyOf(name), [sum + size, count + 1]);
  }
  const rows = [...found].map(([key, [size, count]]) => [key, size, count]);
  return rows.sort((a, b) => b[1] - a[1]);
}

function brotli(bytes) {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 11,
    [constants.BROTLI_PARAM_LGWIN]: 24,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  };
  return brotliCompressSync(bytes, { params }).length;
}

function print(title, rows) {
  console.log(`\n${title}`);
  for (const [name, size, count] of rows) {
    const times = count === undefined ? '' : String(count).padStart(7);
    console.log(`${String(size).padStart(9)}${times}  ${name}`);
  }
}

function main() {
  const [file, ...options] = process.argv.slice(2);
  const option = (name) => {
    const at = options.indexOf(name);
    return at < 0 ? undefined : options[at + 1];
  };
  if (file === undefined) {
    console.error('usage: node tools/wasm-size.mjs MODULE.wasm [--functions COUNT] [--crate NAME]');
    process.exit(2);
  }
  const bytes = readFileSync(file);
  const { sections, functions } = readModule(bytes);
  console.log(`${file}: ${bytes.length} bytes, ${brotli(bytes)} by brotli`);
  print('sections', [...sections].sort((a, b) => b[1] - a[1]));

  print('code by crate, with the number of functions', sums(functions, crateOf));

  const only = option('--crate');
  const asked = functions.filter(({ name }) => only === undefined || crateOf(name) === only);
  if (only !== undefined) print(`code of ${only} by module`, sums(asked, moduleOf));
  const listed = asked.sort((a, b) => b.size - a.size).slice(0, Number(option('--functions') ?? 30));
  print('largest functions', listed.map(({ name, size }) => [name, size]));
}

main();
