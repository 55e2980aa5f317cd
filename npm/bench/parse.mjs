// How fast messages become objects, JsSIP's and ours: the same text, the same Node, in turns. Both
// read From, To, the topmost Via, CSeq and Contact into objects, and hand out the body.
//
// usage: node bench/parse.mjs [SECONDS]      after `npm run build`; default: 0.5 s a slice

import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';

import { load } from '../test/load.mjs';

const Parser = createRequire(import.meta.url)('jssip/lib/Parser');
const { parseMessage } = await load('src/values/parser.ts');

const SLICE = Number(process.argv[2] ?? 0.5) * 1000;
const ROUNDS = 7;

const folder = new URL('../../benches/messages/', import.meta.url);
const messages = readdirSync(folder).filter((name) => name.endsWith('.sip')).sort();

/** What an application looks at; the number keeps the engine from leaving the work out. */
function touch(message) {
  return message.from.uri.host.length + message.to.uri.host.length + message.via.branch.length +
    message.cseq + message.parseHeader('contact').uri.host.length + message.body.length;
}

const jssip = (text) => touch(Parser.parseMessage(text, {}));
const ours = (text) => touch(parseMessage(text, {}));

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
