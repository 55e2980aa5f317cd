// JsSIP compared with itself: that there is no difference proves that what is random is named, and
// that what the stories wait for comes in an order that stays. Every story must come to its end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differencesOf } from '../lib/compare.mjs';
import { table } from '../lib/listed.mjs';
import { playAll } from '../lib/run.mjs';

/** Something of everything: the other stories are made of the same. */
const SOME = /^(values|transfers|misuse): |calls, is answered|by hand|early media|holds and unholds|refreshes|registers with|subscribes/;

test('jssip does what jssip does', async () => {
  const results = await playAll({
    sides: ['jssip', 'jssip'], servers: ['kamailio', 'exchange'], wanted: (name) => SOME.test(name),
  });
  const stalled = results.flatMap(({ name, server, sides }) => sides
    .filter((run) => run.stalled).map((run) => `${name} (${server}): ${run.stalled}`));
  assert.deepEqual(stalled, [], 'stories that do not come to their end');
  assert.equal(table(differencesOf(results), ['once', 'again']), '');
});
