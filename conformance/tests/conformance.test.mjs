// Every story on jssip and on offhook, through both servers.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { differencesOf } from '../lib/compare.mjs';
import { readListed, sortOut, table } from '../lib/listed.mjs';
import { playAll } from '../lib/run.mjs';

describe('offhook does what jssip does', () => {
  let listed, results;
  before(async () => {
    listed = readListed();
    results = await playAll({ sides: ['jssip', 'offhook'], servers: ['kamailio', 'exchange'] });
  });

  test('every story comes to its end with jssip', () => {
    const stalled = results.filter(({ sides: [jssip] }) => jssip.stalled)
      .map(({ name, server, sides: [jssip] }) => `${name} (${server}): ${jssip.stalled}`);
    assert.deepEqual(stalled, []);
  });

  test('every difference is listed', () => {
    const { unlisted } = sortOut(differencesOf(results), listed);
    assert.equal(table(unlisted), '');
  });

  test('every listed difference is met', () => {
    const { stale } = sortOut(differencesOf(results), listed);
    assert.deepEqual(stale.map(({ line }) => line), []);
  });
});
