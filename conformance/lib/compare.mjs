// Two runs of one story, and where they differ.

import { normalise } from './normalise.mjs';

/**
 * What is compared, each in an order of its own: what the application sees and does, what is sent,
 * what is received, what is asked of peer connections.
 */
const LANES = {
  app: ({ lane }) => lane === 'app',
  sent: ({ lane, label }) => lane === 'wire' && !label.startsWith('←'),
  received: ({ lane, label }) => lane === 'wire' && label.startsWith('←'),
  connection: ({ lane }) => lane === 'connection',
};

/**
 * The differences between two runs of a story, as `{ where, left, right }`. `where` is a path of
 * words: what happened, which one if there were several, and what about it.
 */
export function compareRuns(left, right) {
  const [a, b] = [left, right].map((run) => numbered(normalise(run)));
  const differences = [];
  const matched = [];
  for (const [lane, belongs] of Object.entries(LANES)) {
    const [mine, other] = [a, b].map((entries) => entries.filter(belongs));
    // In which order answers to several requests come is up to the server.
    const pair = lane === 'received' ? meet : align;
    const pairs = pair(mine.map(({ label }) => label), other.map(({ label }) => label));
    const [seen, met] = [new Set(), new Set()];
    for (const [at, to] of pairs) {
      seen.add(at);
      met.add(to);
      matched.push([mine[at], other[to]]);
      for (const { path, left: one, right: two } of diff(mine[at].value, other[to].value)) {
        differences.push({ where: [mine[at].name, ...path].join(' / '), left: one, right: two });
      }
    }
    mine.forEach(({ name, value }, at) => seen.has(at)
      || differences.push({ where: name, left: summary(value), right: '(not there)' }));
    other.forEach(({ name, value }, at) => met.has(at)
      || differences.push({ where: name, left: '(not there)', right: summary(value) }));
  }
  return [...differences, ...order(matched)];
}

/** What an entry was, in short: `there`, unless it is one value. */
const summary = (value) => (value === undefined || isObject(value) ? 'there' : text(value));

/** Entries with their place and a name of their own: the second `x` is `x #2`. */
function numbered(entries) {
  const counts = new Map();
  return entries.map((entry, at) => {
    const count = (counts.get(entry.label) ?? 0) + 1;
    counts.set(entry.label, count);
    return { ...entry, at, name: count > 1 ? `${entry.label} #${count}` : entry.label };
  });
}

/** The longest common subsequence of two lists of words, as pairs of indices. */
export function align(a, b) {
  const table = Array.from({ length: a.length + 1 }, () => new Array(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      table[i][j] = a[i] === b[j]
        ? table[i + 1][j + 1] + 1
        : Math.max(table[i + 1][j], table[i][j + 1]);
    }
  }
  const pairs = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (table[i + 1][j] >= table[i][j + 1]) i += 1;
    else j += 1;
  }
  return pairs;
}

/** The words that two lists have in common, whatever their order, as pairs of indices. */
function meet(a, b) {
  const left = [...b.keys()];
  return a.flatMap((label, at) => {
    const found = left.findIndex((to) => b[to] === label);
    return found < 0 ? [] : [[at, left.splice(found, 1)[0]]];
  });
}

/** What both runs have, but in another order across the lanes: a message that leaves before or after an event. */
function order(matched) {
  const told = matched.filter(([one]) => LANES.app(one));
  const sent = matched.filter(([one]) => LANES.sent(one) && one.label.startsWith('→'));
  return sent.flatMap(([message, same]) => told
    .map(([event, other]) => [event.name, message.at < event.at, same.at < other.at])
    .filter(([, left, right]) => left !== right)
    .map(([event, left, right]) => ({
      where: `${message.name} / when`,
      left: `${left ? 'before' : 'after'} ${event}`,
      right: `${right ? 'before' : 'after'} ${event}`,
    })));
}

/** The leaves in which two values differ. */
export function diff(left, right, path = []) {
  if (isObject(left) && isObject(right)) {
    const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])];
    return keys.flatMap((key) => diff(
      key in left ? left[key] : '(not there)',
      key in right ? right[key] : '(not there)',
      [...path, key],
    ));
  }
  const [one, two] = [left, right].map(text);
  if (one === two) return [];
  if (one.includes('\n') && two.includes('\n')) return lines(one, two, path);
  return [{ path, left: one, right: two }];
}

/** Two texts of many lines: the lines that only one has. */
function lines(one, two, path) {
  const [a, b] = [one.split('\n'), two.split('\n')];
  const pairs = align(a, b);
  const [mine, other] = [new Set(pairs.map(([at]) => at)), new Set(pairs.map(([, to]) => to))];
  return [
    ...a.filter((_, at) => !mine.has(at)).map((line) => ({ path: [...path, 'line'], left: line, right: '(not there)' })),
    ...b.filter((_, to) => !other.has(to)).map((line) => ({ path: [...path, 'line'], left: '(not there)', right: line })),
  ];
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value) => (typeof value === 'string' ? value : JSON.stringify(value) ?? '(undefined)');

/** All differences in the results of `playAll`, each with its story and server. */
export const differencesOf = (results) => results.flatMap(({ name, server, sides }) =>
  compareRuns(...sides).map((difference) => ({ story: name, server, ...difference })));
