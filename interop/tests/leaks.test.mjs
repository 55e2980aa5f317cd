// Nothing is left of calls that have ended: 500 of them in one page.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startBrowser } from '../lib/browser.mjs';
import { startExchange } from '../lib/offhook.mjs';

const CALLS = 500;
/** How many are made at a time. */
const TOGETHER = 5;
/**
 * How many connections and streams that are closed Chromium may keep for itself: without any library
 * it keeps 11 of 400 connections, and their streams.
 */
const KEPT = 50;
/**
 * By how much the second half's peak may be above that of the first, in bytes: two pages of
 * WebAssembly. If only each call's session stayed, it would be 350 kB.
 */
const PEAK = 2 * 65_536;
/** Transactions outlive their calls by 64 T1, which is 32 s (RFC 3261, 17); and then the collector. */
const PATIENCE = 60_000;

let server, browser, page;
before(async () => {
  server = await startExchange({ alice: 'alicepw', bob: 'bobpw' });
  browser = await startBrowser();
  page = await browser.phone('alice and bob', 'offhook', 'many');
  for (const user of ['alice', 'bob']) {
    await page.do('register', { server: server.ws, uri: address(user), password: `${user}pw` });
  }
});
after(async () => {
  await page?.close();
  await browser?.stop();
  await server?.stop();
});

const address = (user) => `sip:${user}@${server.domain}`;

/** How many objects of each class are alive in the page, and the bytes that WebAssembly takes. */
async function census() {
  const devtools = await page.page.context().newCDPSession(page.page);
  const alive = async (name, count = '1') => {
    const { result: prototype } = await devtools.send('Runtime.evaluate', {
      expression: `${name}.prototype`,
    });
    const { objects } = await devtools.send('Runtime.queryObjects', {
      prototypeObjectId: prototype.objectId,
    });
    const { result } = await devtools.send('Runtime.callFunctionOn', {
      objectId: objects.objectId,
      functionDeclaration: `function () { return this.map((it) => Number(${count})); }`,
      returnByValue: true,
    });
    return result.value.reduce((one, other) => one + other, 0);
  };
  try {
    await devtools.send('HeapProfiler.collectGarbage');
    return {
      sessions: await alive('JsSIP.RTCSession'),
      connections: await alive('RTCPeerConnection', 'it.signalingState !== "closed"'),
      streams: await alive('MediaStream', 'it.active'),
      kept: await alive('RTCPeerConnection') + await alive('MediaStream'),
      memory: await alive('WebAssembly.Memory', 'it.buffer.byteLength'),
      engine: await page.do('live'),
    };
  } finally {
    await devtools.detach();
  }
}

/** Makes so many calls, waits until nothing is left of them, and gives the bytes that are taken. */
async function calls(count, idle) {
  await page.do('calls', address('bob'), count, TOGETHER);
  const until = Date.now() + PATIENCE;
  for (;;) {
    const { memory, kept, ...now } = await census();
    try {
      assert.deepEqual(now, idle);
      assert.ok(kept <= KEPT, `${kept} connections and streams are kept`);
      return memory;
    } catch (left) {
      if (Date.now() > until) throw left;
      await delay(500);
    }
  }
}

test(`${CALLS} calls in one page leave nothing behind`, { timeout: 400_000 }, async () => {
  const { memory: before, kept: _none, ...idle } = await census();
  assert.deepEqual([idle.sessions, idle.connections, idle.streams], [0, 0, 0]);
  assert.ok(before > 0, 'the engine has memory');
  // What so many calls at once take is taken by the first half.
  const first = await calls(CALLS / 2, idle);
  const second = await calls(CALLS / 2, idle);
  assert.ok(second - first <= PEAK, `${first} bytes have become ${second}`);
});
