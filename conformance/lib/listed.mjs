// The differences that are wanted, as docs/differences-from-jssip.md lists them.

import { readFileSync } from 'node:fs';

const DOCUMENT = new URL('../../docs/differences-from-jssip.md', import.meta.url);

/** Reads the document. */
export const readListed = () => parseListed(readFileSync(DOCUMENT, 'utf8'));

/**
 * Takes the document apart: rows of its tables by id, and the patterns of its blocks called
 * `differences`. Throws when a row has no pattern, or a pattern no row.
 */
export function parseListed(text) {
  const rows = [...text.matchAll(/^\| *([A-Z]\d+) *\|/gm)].map(([, id]) => id);
  const blocks = [...text.matchAll(/^```differences\n([^]*?)^```/gm)].map(([, block]) => block);
  const patterns = blocks.join('').split('\n').filter((line) => line.trim() && !line.startsWith('#')).map(pattern);
  for (const id of rows) {
    if (rows.indexOf(id) !== rows.lastIndexOf(id)) throw new Error(`there are two rows ${id}`);
    if (!patterns.some((one) => one.id === id)) throw new Error(`row ${id} has no pattern`);
  }
  for (const { id, line } of patterns) {
    if (!rows.includes(id)) throw new Error(`no row explains this pattern: ${line}`);
  }
  return patterns;
}

/** `ID :: story :: where :: jssip :: offhook`, each but the id a text in which `*` is anything. */
function pattern(line) {
  const [id, ...globs] = line.split('::').map((part) => part.trim());
  if (globs.length !== 4) throw new Error(`a pattern has five parts, not ${globs.length + 1}: ${line}`);
  const [story, where, left, right] = globs.map(glob);
  return { id, line, matches: (found) =>
    story.test(found.story) && where.test(found.where) && left.test(found.left) && right.test(found.right) };
}

/** Spaces count as one: a value may have several lines. */
function glob(text) {
  const escaped = text.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/\s+/g, '\\s+'));
  return new RegExp(`^${escaped.join('[^]*')}$`);
}

/**
 * Sorts differences, each `{ story, server, where, left, right }`: `unlisted` are those that no
 * pattern matches; `stale` the patterns that match none of them.
 */
export function sortOut(differences, patterns) {
  const met = new Set();
  const unlisted = differences.filter((difference) => {
    const matching = patterns.filter((one) => one.matches(difference));
    matching.forEach((one) => met.add(one));
    return matching.length === 0;
  });
  return { unlisted, stale: patterns.filter((one) => !met.has(one)) };
}

/** Differences as a table: the same one in several stories is told once. */
export function table(differences, names = ['jssip', 'offhook']) {
  const groups = new Map();
  for (const { story, server, where: found, left, right } of differences) {
    // Which one of several it was is not told.
    const where = found.replace(/ #\d+/g, '');
    const key = [where, left, right].join('\u0000');
    const group = groups.get(key) ?? { where, left, right, stories: new Map() };
    group.stories.set(story, (group.stories.get(story) ?? new Set()).add(server));
    groups.set(key, group);
  }
  const indent = (text) => String(text).split('\n').join('\n            ');
  const lines = [...groups.values()].map(({ where, left, right, stories }) => {
    const told = [...stories].map(([story, servers]) => `${story} (${[...servers].join(', ')})`);
    const more = told.length > 3 ? [`… and ${told.length - 3} more stories`] : [];
    return [
      where,
      ...[...told.slice(0, 3), ...more].map((line) => `    in      ${line}`),
      `    ${names[0].padEnd(8)}${indent(left)}`,
      `    ${names[1].padEnd(8)}${indent(right)}`,
    ].join('\n');
  });
  return lines.join('\n');
}
