// Plays stories with two libraries and prints what differs and is not listed.
//
// usage: node compare.mjs [--only REGEXP] [--servers kamailio,exchange] [--sides jssip,offhook]
//                         [--listed] [--tape]
//
// --listed prints the listed differences, too; --tape everything that happened.

import { parseArgs } from 'node:util';
import { differencesOf } from './lib/compare.mjs';
import { readListed, sortOut, table } from './lib/listed.mjs';
import { playAll } from './lib/run.mjs';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    servers: { type: 'string', default: 'kamailio,exchange' },
    sides: { type: 'string', default: 'jssip,offhook' },
    listed: { type: 'boolean', default: false },
    tape: { type: 'boolean', default: false },
  },
});

const sides = values.sides.split(',');
const wanted = new RegExp(values.only, 'i');
const results = await playAll({
  sides,
  servers: values.servers.split(','),
  wanted: (name) => wanted.test(name),
  onPlayed: ({ name, server, side, run }) => {
    const stalled = run.stalled ? `  STOPS: ${run.stalled}` : '';
    console.error(`${String(run.took).padStart(6)} ms  ${server}  ${sides[side]}  ${name}${stalled}`);
    if (!values.tape) return;
    for (const { lane, label, value } of run.entries) {
      console.log(`${lane}  ${label}  ${typeof value === 'string' ? value : JSON.stringify(value) ?? ''}`);
    }
  },
});
const found = differencesOf(results);
const { unlisted } = sortOut(found, values.listed ? [] : readListed());
console.log(table(unlisted, sides));
console.log(`${found.length} differences, ${unlisted.length} of them shown`);
