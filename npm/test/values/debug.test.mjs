// `debug` beside the npm package of that name, in its browser build.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { load } from '../load.mjs';

const theirs = createRequire(import.meta.url)('debug/src/browser.js');
const { debug: ours } = await load('src/debug.ts');

const BOTH = [['theirs', theirs], ['ours', ours]];

const NAMESPACES = ['JsSIP', 'JsSIP:UA', 'JsSIP:WARN:UA', 'JsSIP:ERROR:Transport', 'app', 'app:a.b', 'axb', 'a', ''];
const PATTERNS = ['JsSIP:*', '*', 'JsSIP', 'JsSIP*', '*:UA', 'J*:*A', '*,-JsSIP:WARN:*', '-*', 'app JsSIP:UA', ' app ,, JsSIP:E*',
  'a.b', 'a*b', 'app:a.b', '**', 'a.', '(', 'JsSIP:[A-Z]+', '', undefined, null, 5];

test('patterns switch the same namespaces on', () => {
  for (const pattern of PATTERNS) {
    const [expected, got] = BOTH.map(([, debug]) => {
      const made = NAMESPACES.map((name) => debug(name));
      debug.enable(pattern);
      const on = NAMESPACES.map((name, at) => [name, debug.enabled(name), Boolean(made[at].enabled)]);
      return { on, names: debug.names, skips: debug.skips, before: debug.disable(), after: debug.enabled('app') };
    });
    assert.deepEqual(got, expected, String(pattern));
  }
});

test('every member is there, and colours and times are the same', () => {
  for (const member of Object.keys(theirs)) {
    if (['storage', 'save', 'load', 'useColors', 'destroy', 'namespaces'].includes(member)) continue;
    assert.equal(typeof ours[member], typeof theirs[member], member);
  }
  assert.equal(ours.debug, ours);
  assert.equal(ours.default, ours);
  assert.deepEqual(ours.colors, theirs.colors);
  for (const name of NAMESPACES) assert.equal(ours.selectColor(name), theirs.selectColor(name), name);
  for (const time of [0, 1, 999, 1000, 1499, 1500, 59_999, 60_000, 90_000, 3_599_999, 7_200_000, 86_400_000, 1e9, -1500]) {
    for (const options of [undefined, { long: true }, { long: false }]) {
      assert.equal(ours.humanize(time, options), theirs.humanize(time, options));
    }
  }
  const error = new Error('x');
  for (const value of [error, 'text', 5, undefined]) assert.equal(ours.coerce(value), theirs.coerce(value));
});

test('what is written is the same, with colours and without', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  const error = new Error('broken');
  const loop = {};
  loop.loop = loop;
  const calls = [
    ['plain'], ['%s and %d', 'a', 1, 'more'], ['%j %s %j', { a: 1 }, 'b', [2]], ['100%% of %s', 'it'], ['%c styled', 'color: x'],
    [{ object: true }, 1], [error], ['%o', error], [], [undefined], ['%U %s', 'formatted', 'not'], ['%% %j', 1], ['%q', 1], ['%j', loop],
  ];
  for (const colors of [false, true]) {
    const [expected, got] = BOTH.map(([, debug]) => {
      const written = [];
      const one = debug('app:a');
      one.useColors = colors;
      debug.formatters.U = (value) => String(value).toUpperCase();
      one.log = (...args) => written.push(args);
      one('not yet');
      one.enabled = true;
      for (const args of calls) {
        one(...args);
        written.push(one.diff);
        t.mock.timers.tick(70);
      }
      one.enabled = false;
      one('no more');
      debug.enable('app:a:b');
      const inner = one.extend('b');
      inner.useColors = colors;
      inner('inner %s', 1);
      one.extend('b', '-')('not this');
      debug.disable();
      inner('nor this');
      delete debug.formatters.U;
      written.push(inner.namespace, one.extend('x', '').namespace, one.color);
      return written;
    });
    assert.deepEqual(got, expected);
  }
});

test('`log` of the module takes what has none of its own', (t) => {
  for (const [name, debug] of BOTH) {
    const log = t.mock.method(debug, 'log', () => {});
    const one = debug('app');
    one.useColors = false;
    one.enabled = true;
    one('%s', 1);
    assert.deepEqual(log.mock.calls[0].arguments, ['app %s +0ms', 1], name);
    assert.equal(log.mock.calls[0].this, one);
  }
});
