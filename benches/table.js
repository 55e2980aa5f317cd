'use strict';
// Prints the parser table from what criterion measured and from what jssip/bench.js prints on
// standard input. Exits with 1 when a ratio that we promise is not met.

const fs = require('fs');
const path = require('path');

const SIZES = ['604', '2544', '686'];
const ROWS = ['offhook/spans', 'offhook/typed', 'rsipstack/typed', 'rsip/typed', 'JsSIP (Node)'];
// How many times as fast as each peer typed Offhook is to be, on the requests.
const PROMISED = { 'rsipstack/typed': 2, 'JsSIP (Node)': 60 };
const PROMISED_SIZES = ['604', '2544'];
// Nanoseconds, on the machine that the budget was written on.
const BUDGET = {
  'offhook/spans': { 604: 500 },
  'offhook/typed': { 604: 1200, 2544: 3300 },
};

const criterion = path.join(__dirname, process.env.CARGO_TARGET_DIR || 'target', 'criterion');

function measured(row, size, jssip) {
  if (row === 'JsSIP (Node)') return jssip[size];
  const [parser, what] = row.split('/');
  // Criterion names a folder after the id, with the slashes replaced.
  const file = path.join(criterion, `${parser}_${what}_${size}`, 'new', 'estimates.json');
  return JSON.parse(fs.readFileSync(file, 'utf8')).median.point_estimate;
}

const jssip = JSON.parse(fs.readFileSync(0, 'utf8'));
const time = {};
for (const row of ROWS) {
  time[row] = {};
  for (const size of SIZES) time[row][size] = measured(row, size, jssip);
}

const cell = (text) => text.padStart(20);
const times = (ratio) => (ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(1)) + 'x';
console.log('Median time for a message; in brackets, as a multiple of offhook/typed.\n');
console.log(' '.repeat(18) + SIZES.map((size) => cell(`${size} bytes`)).join(''));
for (const row of ROWS) {
  const cells = SIZES.map((size) => {
    const ratio = time[row][size] / time['offhook/typed'][size];
    return cell(`${(time[row][size] / 1000).toFixed(2)} us (${times(ratio)})`);
  });
  console.log(row.padEnd(18) + cells.join(''));
}
console.log();

let failed = false;
for (const [row, wanted] of Object.entries(PROMISED)) {
  for (const size of PROMISED_SIZES) {
    const ratio = time[row][size] / time['offhook/typed'][size];
    const verdict = ratio >= wanted ? 'yes' : 'NO';
    failed = failed || ratio < wanted;
    console.log(`offhook/typed/${size} at least ${wanted}x as fast as ${row}: ${verdict}, ${times(ratio)}`);
  }
}
for (const [row, sizes] of Object.entries(BUDGET)) {
  for (const [size, budget] of Object.entries(sizes)) {
    const verdict = time[row][size] <= budget ? 'yes' : 'no (is the machine busy?)';
    console.log(`${row}/${size} within its budget of ${(budget / 1000).toFixed(1)} us: ${verdict}`);
  }
}
process.exit(failed ? 1 : 0);
