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

/** The number of letters and of parameters of an address. */
function touchAddress({ display_name, uri, _parameters }) {
  return (display_name ?? '').length + uri.scheme.length + (uri.user ?? '').length + uri.host.length +
    (uri.port ?? 0) + Object.keys(uri._parameters).length + Object.keys(_parameters).length;
}

/** Looks at all that JsSIP has read; the number keeps the engine from leaving the work out. */
function touch(message) {
  let sum = message.status_code === undefined
    ? message.ruri.host.length + message.ruri.scheme.length
    : message.status_code + message.reason_phrase.length;
  sum += message.method.length + message.call_id.length + message.cseq + message.body.length;
  sum += touchAddress(message.from) + touchAddress(message.to) + message.from_tag.length;
  sum += (message.to_tag ?? '').length + message.via_branch.length;
  sum += message.via.host.length + message.via.transport.length + message.via.branch.length;
  sum += message.session_expires ?? 0;
  for (const name of ['contact', 'record-route']) {
    const { length } = message.getHeaders(name);
    for (let at = 0; at < length; at += 1) sum += touchAddress(message.parseHeader(name, at));
  }
  const { headers } = message;
  for (const name in headers) for (const { raw } of headers[name]) sum += name.length + raw.length;
  return sum;
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
if (worst < Number(options['at-least'])) {
  console.error(`that is less than ${options['at-least']} times`);
  process.exitCode = 1;
}
