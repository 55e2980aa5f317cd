// What is made of the options of a session's methods.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { load } from '../load.mjs';

const { answerConstraints, isDecimal, sessionExpires, splitContentType } = await load(
  'src/session/options.ts',
);
const { tonesOf } = await load('src/session/dtmf.ts');

const AUDIO = 'm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n';
const VIDEO = 'm=video 9 UDP/TLS/RTP/SAVPF 96\r\n';
const offerOf = (...sections) => `v=0\r\ns=-\r\na=sendonly\r\n${sections.join('')}`;

describe('what is captured for an answer', () => {
  const cases = [
    ['what goes both ways', {}, offerOf(AUDIO, `${VIDEO}a=sendrecv\r\n`), [true, true]],
    ['nothing for what is only sent', {}, offerOf(`${AUDIO}a=sendonly\r\n`, VIDEO), [false, true]],
    ['nothing for what is only received', {}, offerOf(`${AUDIO}a=recvonly\r\n`), [false, false]],
    [
      'what the application says',
      { mediaConstraints: { audio: false, video: { width: 320 } } },
      offerOf(AUDIO, `${VIDEO}a=recvonly\r\n`),
      [false, { width: 320 }],
    ],
    [
      'nothing that was not offered',
      { mediaConstraints: { audio: true, video: true } },
      offerOf(AUDIO),
      [true, false],
    ],
    [
      'what later offers are to have, though it was not offered',
      {
        mediaConstraints: { audio: true, video: true },
        rtcOfferConstraints: { offerToReceiveVideo: true },
      },
      offerOf(AUDIO),
      [true, true],
    ],
    ['audio where there is no offer', {}, null, [true, undefined]],
    ['as told where there is no offer', { mediaConstraints: { video: true } }, '', [true, true]],
  ];
  for (const [name, options, offer, [audio, video]] of cases) {
    it(`is ${name}`, () => {
      const before = structuredClone(options);
      const constraints = answerConstraints(options, offer);
      assert.deepEqual([constraints.audio, constraints.video], [audio, video]);
      assert.deepEqual(options, before);
    });
  }
});

describe('the session timer', () => {
  for (const [given, expected] of [
    [undefined, undefined],
    ['soon', undefined],
    [120, 120],
    ['1800', 1800],
    [60, 60],
    [59, 90],
    [90.5, undefined],
  ]) {
    it(`of ${given} is ${expected}`, () => {
      assert.equal(sessionExpires({ sessionTimersExpires: given }), expected);
    });
  }
});

describe('numbers', () => {
  it('are decimal when they are whole', () => {
    for (const value of [0, 100, -3, '70']) assert.equal(isDecimal(value), true, String(value));
    for (const value of [1.5, 'x', '7s', undefined, null, NaN]) {
      assert.equal(isDecimal(value), false, String(value));
    }
  });
});

describe('header lines', () => {
  it('give their content type away', () => {
    const headers = ['X-A: b', 'content-type : text/plain', 'X-C: d'];
    assert.deepEqual(splitContentType(headers), [['X-A: b', 'X-C: d'], 'text/plain']);
    assert.deepEqual(splitContentType(['X-A: b']), [['X-A: b'], undefined]);
  });
});

describe('tones', () => {
  it('have their defaults and limits', () => {
    const { duration, interToneGap, transport } = tonesOf('1', {});
    assert.deepEqual([duration, interToneGap, transport], [100, 500, 'INFO']);
    assert.equal(tonesOf('1', { duration: 1 }).duration, 70);
    assert.equal(tonesOf('1', { duration: 9000 }).duration, 6000);
    assert.equal(tonesOf('1', { interToneGap: 1 }).interToneGap, 50);
    assert.equal(tonesOf(5, { duration: '160' }).duration, 160);
  });

  for (const [tones, options, message] of [
    ['x', {}, 'Invalid tones: x'],
    ['', {}, 'Invalid tones: '],
    [null, {}, 'Invalid tones: null'],
    ['1', { transportType: 'SMOKE' }, 'invalid transportType: SMOKE'],
    ['x', { transportType: 'SMOKE' }, 'invalid transportType: SMOKE'],
    ['1', { duration: 'long' }, 'Invalid tone duration: long'],
    ['1', { interToneGap: 0.5 }, 'Invalid interToneGap: 0.5'],
  ]) {
    it(`are refused: ${message}`, () => {
      assert.throws(() => tonesOf(tones, options), new TypeError(message));
    });
  }
});
