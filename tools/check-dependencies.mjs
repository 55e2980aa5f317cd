// Checks every package in Cargo.lock against the licences, bans and sources of deny.toml, without
// network and without anything installed but cargo. `cargo deny check` knows more (advisories, the
// texts of licences); this knows enough to stop a dependency that may not come in.
//
// usage: node tools/check-dependencies.mjs [MANIFEST...]      default: Cargo.toml

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const CRATES_IO = 'registry+https://github.com/rust-lang/crates.io-index';

const configuration = readFileSync(new URL('../deny.toml', import.meta.url), 'utf8')
  .replace(/^\s*#.*$/gm, '');
const strings = (text) => [...text.matchAll(/"([^"]+)"/g)].map((match) => match[1]);
const list = (name) =>
  strings(new RegExp(`^${name} = \\[([^\\]]*)\\]`, 'm').exec(configuration)?.[1] ?? '');

const allowed = new Set(list('allow'));
const banned = new Set(list('deny'));
if (allowed.size === 0) throw new Error('deny.toml allows no licence: is `allow = [` still there?');

// SPDX licence expressions: OR binds less than AND, AND less than WITH, and parentheses. The slash
// is what crates wrote before there were expressions.
function isAllowed(expression) {
  const tokens = expression.replaceAll('/', ' OR ').match(/\(|\)|[^\s()]+/g) ?? [];
  let at = 0;
  const any = () => {
    let verdict = all();
    while (tokens[at] === 'OR') {
      at += 1;
      verdict = all() || verdict;
    }
    return verdict;
  };
  const all = () => {
    let verdict = one();
    while (tokens[at] === 'AND') {
      at += 1;
      verdict = one() && verdict;
    }
    return verdict;
  };
  const one = () => {
    if (tokens[at] === '(') {
      at += 1;
      const verdict = any();
      if (tokens[at] !== ')') throw new Error(`not a licence expression: ${expression}`);
      at += 1;
      return verdict;
    }
    let licence = tokens[at];
    if (!licence) throw new Error(`not a licence expression: ${expression}`);
    at += 1;
    if (tokens[at] === 'WITH') {
      licence += ` WITH ${tokens[at + 1]}`;
      at += 2;
    }
    return allowed.has(licence);
  };
  const verdict = any();
  if (at !== tokens.length) throw new Error(`not a licence expression: ${expression}`);
  return verdict;
}

let faults = 0;
const fault = (message) => {
  faults += 1;
  console.error(`error: ${message}`);
};

const manifests = process.argv.slice(2);
for (const manifest of manifests.length ? manifests : ['Cargo.toml']) {
  const metadata = JSON.parse(
    execFileSync(
      'cargo',
      ['metadata', '--format-version', '1', '--locked', '--all-features', '--manifest-path', manifest],
      { maxBuffer: 1 << 28, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
    ),
  );
  for (const { name, version, license, source, dependencies } of metadata.packages) {
    const id = `${name} ${version}`;
    if (source !== null && source !== CRATES_IO) fault(`${id} comes from ${source}, not crates.io`);
    if (banned.has(name)) fault(`${id} is banned in deny.toml`);
    if (!license) fault(`${id} names no licence`);
    else if (!isAllowed(license)) fault(`${id} is under ${license}, which deny.toml does not allow`);
    if (source === null) {
      for (const dependency of dependencies) {
        if (dependency.req === '*' && !dependency.path) {
          fault(`${id} takes any version of ${dependency.name}: name one`);
        }
      }
    }
  }
  console.log(`${manifest}: ${metadata.packages.length} packages checked`);
}
process.exitCode = faults === 0 ? 0 : 1;
