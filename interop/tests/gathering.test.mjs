// How soon an INVITE leaves: where all candidates are at hand, and where a STUN server is silent.

import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { startBrowser } from '../lib/browser.mjs';
import { startExchange } from '../lib/offhook.mjs';

/** As long as the engine waits for candidates, in milliseconds, and as much for a slow machine. */
const BOUND = 500 + 1000;
const CALLS = 9;

let server, browser, silent;
const phones = {};
before(async () => {
  server = await startExchange({ alice: 'alicepw', bob: 'bobpw' });
  silent = dgram.createSocket('udp4');
  silent.bind(0, '127.0.0.1');
  await once(silent, 'listening');
  browser = await startBrowser();
  for (const [user, library] of [['alice', 'offhook'], ['bob', 'jssip']]) {
    phones[user] = await browser.phone(user, library);
    await phones[user].register({
      server: server.ws, uri: `sip:${user}@${server.domain}`, password: `${user}pw`,
    });
  }
});
after(async () => {
  await Promise.all(Object.values(phones).map((phone) => phone.close()));
  await browser?.stop();
  silent?.close();
  await server?.stop();
});

const nobody = () => `sip:nobody@${server.domain}`;

test('the INVITE leaves as soon as that of JsSIP', async (context) => {
  const took = { alice: [], bob: [] };
  // In turns: the machine is as busy for the one as for the other.
  for (let call = 0; call < CALLS; call += 1) {
    for (const user of Object.keys(took)) {
      took[user].push(await phones[user].do('callAndTime', nobody()));
      await phones[user].next('failed');
    }
  }
  const median = (times) => times.sort((one, other) => one - other)[times.length >> 1];
  const [ours, theirs] = [median(took.alice), median(took.bob)];
  context.diagnostic(`offhook ${ours.toFixed(1)} ms, JsSIP ${theirs.toFixed(1)} ms`);
  // For noise; the benchmark compares.
  assert.ok(ours < theirs * 1.5 + 10, `${ours} ms, where JsSIP takes ${theirs} ms`);
});

test('the INVITE leaves in time when a STUN server does not answer', async (context) => {
  const iceServers = [{ urls: `stun:127.0.0.1:${silent.address().port}` }];
  const took = await phones.alice.do('callAndTime', nobody(), { iceServers });
  context.diagnostic(`${took.toFixed(0)} ms`);
  assert.ok(took < BOUND, `it took ${took} ms`);
  await phones.alice.next('failed');
});
