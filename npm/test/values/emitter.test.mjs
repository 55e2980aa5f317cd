// The emitter beside the npm package `events`, which JsSIP's classes extend in browsers.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { load } from '../load.mjs';

const require = createRequire(import.meta.url);
// The package, not the module of Node that has the same name.
const Theirs = require('events/');
const { EventEmitter: Ours } = await load('src/emitter.ts');

/** Runs one story on both emitters and holds what they return and throw against each other. */
function same(name, story) {
  test(name, () => {
    const told = (Emitter) => {
      const log = [];
      const say = (...words) => log.push(words);
      const attempt = (action) => {
        try {
          say('returned', action());
        } catch (error) {
          say('threw', error.name, error.message, error.context);
        }
      };
      story(new Emitter(), say, attempt);
      return log;
    };
    assert.deepEqual(told(Ours), told(Theirs));
  });
}

same('listeners are called in order, with the arguments and the emitter', (emitter, say) => {
  emitter.on('x', function (...args) {
    say(1, args, this === emitter);
  });
  emitter.addListener('x', (...args) => say(2, args));
  emitter.prependListener('x', () => say(0));
  say(emitter.emit('x'), emitter.emit('x', 1, undefined, 'b'), emitter.emit('y', 1));
});

same('the same listener twice is called twice and removed once', (emitter, say) => {
  const listener = () => say('called');
  emitter.on('x', listener).on('x', listener);
  emitter.emit('x');
  emitter.off('x', listener);
  emitter.emit('x');
  emitter.removeListener('x', listener).removeListener('x', listener);
  say(emitter.emit('x'), emitter.listenerCount('x'), emitter.eventNames());
});

same('the last of two equal listeners goes first', (emitter, say) => {
  const a = () => say('a');
  const b = () => say('b');
  emitter.on('x', a).on('x', b).on('x', a);
  emitter.off('x', a);
  emitter.emit('x');
});

same('once is once, from inside too', (emitter, say) => {
  emitter.once('x', (n) => {
    say('once', n);
    emitter.emit('x', n + 1);
  });
  emitter.on('x', (n) => say('on', n));
  emitter.emit('x', 1);
  emitter.emit('x', 10);
});

same('once has the emitter for this, and can be taken away again', (emitter, say) => {
  const listener = function () {
    say(this === emitter);
  };
  emitter.prependOnceListener('x', listener);
  say(emitter.rawListeners('x')[0] === listener, emitter.rawListeners('x')[0].listener === listener);
  say(emitter.listeners('x')[0] === listener);
  emitter.off('x', listener);
  say(emitter.emit('x'));
  emitter.once('x', listener);
  emitter.emit('x');
  emitter.once('x', listener);
  emitter.rawListeners('x')[0]();
  say(emitter.listenerCount('x'));
});

same('listeners that come and go during an event', (emitter, say) => {
  const late = () => say('late');
  const gone = () => say('gone');
  emitter.on('x', () => {
    say('first');
    emitter.on('x', late);
    emitter.off('x', gone);
  });
  emitter.on('x', gone);
  emitter.emit('x');
  emitter.emit('x');
});

same('newListener comes before, removeListener after', (emitter, say) => {
  emitter.on('newListener', (type, listener) =>
    say('new', String(type), typeof listener, emitter.listenerCount(type)));
  emitter.on('removeListener', (type, listener) =>
    say('removed', String(type), listener.name, emitter.listenerCount(type)));
  const a = function a() {};
  const b = function b() {};
  const symbol = Symbol('s');
  emitter.on('x', a).once('x', b).prependOnceListener('x', a).on(symbol, b);
  emitter.emit('x');
  emitter.off('x', a).off('x', b).off(symbol, b);
  emitter.on('y', a).on('y', b).on('z', a);
  emitter.removeAllListeners('y');
  emitter.removeAllListeners('nothing');
  emitter.removeAllListeners();
  say(emitter.eventNames());
  emitter.on('x', a);
});

same('all listeners of one event or of every event go', (emitter, say) => {
  emitter.on('x', () => {}).on('y', () => {}).on('y', () => {});
  say(emitter.eventNames());
  say(emitter.removeAllListeners('y') === emitter, emitter.eventNames());
  emitter.removeAllListeners(undefined);
  say(emitter.eventNames());
  emitter.removeAllListeners();
  say(emitter.eventNames(), emitter.listeners('x'), emitter.rawListeners('x'));
});

same('an error that nobody hears is thrown', (emitter, say, attempt) => {
  attempt(() => emitter.emit('error', new RangeError('far')));
  attempt(() => emitter.emit('error'));
  attempt(() => emitter.emit('error', 'text'));
  attempt(() => emitter.emit('error', { message: 'object' }));
  attempt(() => emitter.emit('error', 0));
  emitter.on('error', (error) => say('heard', error));
  attempt(() => emitter.emit('error', 5));
});

same('only functions listen, and only counts limit', (emitter, say, attempt) => {
  for (const method of ['on', 'once', 'addListener', 'prependListener', 'prependOnceListener',
    'off', 'removeListener']) {
    for (const listener of [undefined, null, 'x', {}, 5]) {
      attempt(() => emitter[method]('x', listener));
    }
  }
  for (const count of [undefined, null, '5', -1, NaN]) attempt(() => emitter.setMaxListeners(count));
  say(emitter.getMaxListeners(), emitter.setMaxListeners(3) === emitter, emitter.getMaxListeners());
});

for (const [limit, added] of [[undefined, 10], [undefined, 13], [2, 4], [0, 30]]) {
  same(`a warning of leaks comes once: ${added} listeners, limit ${limit}`, (emitter, say) => {
    const warn = console.warn;
    console.warn = (warning) => say(
      warning.name, warning.message, warning.type, warning.count, warning.emitter === emitter);
    try {
      if (limit !== undefined) emitter.setMaxListeners(limit);
      for (let n = 0; n < added; n += 1) emitter.on('x', () => {});
    } finally {
      console.warn = warn;
    }
  });
}

test('the limit for all emitters can be changed, as in the class of JsSIP', () => {
  class Session extends Ours {}
  assert.equal(Session.defaultMaxListeners, 10);
  Ours.defaultMaxListeners = 4;
  assert.equal(new Session().getMaxListeners(), 4);
  Ours.defaultMaxListeners = 10;
  assert.throws(() => {
    Ours.defaultMaxListeners = -1;
  }, RangeError);
});

test('a listener that throws is reported and stops nobody, which is ours alone', () => {
  const reported = [];
  globalThis.reportError = (error) => reported.push(error.message);
  const called = [];
  const emitter = new Ours();
  emitter.on('x', () => {
    throw new Error('first');
  });
  emitter.once('x', () => {
    throw new Error('second');
  });
  emitter.on('x', () => called.push('third'));
  assert.equal(emitter.emit('x'), true);
  assert.deepEqual(reported, ['first', 'second']);
  assert.deepEqual(called, ['third']);

  delete globalThis.reportError;
  const { error } = console;
  console.error = (thrown) => reported.push(`console: ${thrown.message}`);
  try {
    emitter.emit('x');
  } finally {
    console.error = error;
  }
  assert.deepEqual(reported, ['first', 'second', 'console: first']);
});

test('a proxy around an emitter works, as frameworks that watch objects make them', () => {
  class Session extends Ours {}
  const session = new Session();
  const watched = new Proxy(session, {});
  const heard = [];
  watched.once('x', (n) => heard.push(n));
  session.emit('x', 1);
  watched.emit('x', 2);
  assert.deepEqual(heard, [1]);
  assert.equal(watched.listenerCount('x'), 0);
});
