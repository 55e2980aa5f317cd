// How fast messages become objects, JsSIP's and ours: the same text, the same Node, in turns. What
// JsSIP has made of a message when it gives it out is read from both: start line, From, To, the
// topmost Via, CSeq, Call-ID, Contact, Record-Route, the session timer, every header and the body.
//
// usage: node bench/parse.mjs [SECONDS] [--at-least TIMES]      after `npm run build`
//
//   SECONDS            for each slice of measuring; default: 0.5
//   --at-least TIMES   end with an error if a message is not read so many times as fast as by JsSIP

import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';

import { load } from '../test/load.mjs';

const Parser = createRequire(import.meta.url)('jssip/lib/Parser');
const { parseMessage } = await load('src/values/parser.ts');

const { values: options, positionals: [seconds] } = parseArgs({
  allowPositionals: true,
  options: { 'at-least': { type: 'string', default: '0' } },
});
const SLICE = Number(seconds ?? 0.5) * 1000;
const ROUNDS = 7;

const folder = new URL('../../benches/messages/', import.meta.url);
const messages = readdirSync(folder).filter((name) => name.endsWith('.sip')).sort();

// Each library is looked at by a copy of its own, as an application has one of them: the engine
// makes code for the objects that come.
const { touch: touchTheirs } = await import('./touch.mjs?jssip');
const { touch: touchOurs } = await import('./touch.mjs?offhook');

const jssip = (text) => touchTheirs(Parser.parseMessage(text, {}));
const ours = (text) => touchOurs(parseMessage(text, {}));

/** Messages a second of processor time, in one slice. */
function rate(parse, text) {
  let count = 0;
  const start = process.cpuUsage();
  let spent = 0;
  do {
    for (let n = 0; n < 50; n += 1) parse(text);
    count += 50;
    const { user, system } = process.cpuUsage(start);
    spent = (user + system) / 1000;
  } while (spent < SLICE);
  return (count / spent) * 1000;
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

let worst = Infinity;
for (const name of messages) {
  const text = readFileSync(new URL(name, folder), 'utf8');
  if (jssip(text) !== ours(text)) throw new Error(`${name} is read differently`);
  const rates = { jssip: [], ours: [] };
  for (const parse of [jssip, ours]) rate(parse, text);
  for (let round = 0; round < ROUNDS; round += 1) {
    rates.jssip.push(rate(jssip, text));
    rates.ours.push(rate(ours, text));
  }
  const [theirs, mine] = [median(rates.jssip), median(rates.ours)];
  worst = Math.min(worst, mine / theirs);
  const columns = [`${Math.round(theirs)}/s`, `${Math.round(mine)}/s`, `${(mine / theirs).toFixed(1)}x`];
  console.log(`${name.padEnd(28)}${columns.map((text) => text.padStart(12)).join('')}`);
}
console.log(`at least ${worst.toFixed(1)} times JsSIP's rate`);
if (worst < Number(options['at-least'])) {
  console.error(`that is less than ${options['at-least']} times`);
  process.exitCode = 1;
}
