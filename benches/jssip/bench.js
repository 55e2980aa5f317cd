'use strict';
// Measures JsSIP's Parser.parseMessage. Prints one JSON object: nanoseconds a message, by size.
//
// The median of many short samples after a warm-up, which is kind to a runtime that compiles while
// it runs.

const fs = require('fs');
const path = require('path');
const Parser = require('jssip/lib/Parser');

const MESSAGES = { 604: 'a_rfc3665_invite.sip', 2544: 'b_webrtc_invite.sip', 686: 'c_200ok.sip' };
const SAMPLES = 101;
const SAMPLE_MILLISECONDS = 20;
const WARM_UP_MILLISECONDS = 1500;

const ua = { configuration: {} };
const now = () => Number(process.hrtime.bigint());

function run(text, iterations) {
  const start = now();
  for (let i = 0; i < iterations; i++) {
    const message = Parser.parseMessage(text, ua);
    if (!message || !message.call_id || !message.from || !message.via) {
      throw new Error('JsSIP did not parse the message');
    }
  }
  return (now() - start) / iterations;
}

function measure(text) {
  const end = now() + WARM_UP_MILLISECONDS * 1e6;
  let last = 0;
  while (now() < end) last = run(text, 50);
  const iterations = Math.max(1, Math.round((SAMPLE_MILLISECONDS * 1e6) / last));
  const samples = [];
  for (let i = 0; i < SAMPLES; i++) samples.push(run(text, iterations));
  samples.sort((a, b) => a - b);
  return samples[(SAMPLES - 1) / 2];
}

const results = {};
for (const [size, file] of Object.entries(MESSAGES)) {
  const bytes = fs.readFileSync(path.join(__dirname, '..', 'messages', file));
  if (bytes.length !== Number(size)) throw new Error(`${file} is not ${size} bytes long`);
  results[size] = measure(bytes.toString('utf8'));
}
console.log(JSON.stringify(results));
