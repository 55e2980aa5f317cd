// Every method in every state, with JsSIP as the table: what it returns, and what it throws. What
// is different on purpose stands in `DIFFERENT`, with the reason.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import JsSIP from 'jssip';

import * as offhook from '../../dist/offhook.js';
import { pair } from '../support/calls.mjs';


/** How a session gets into each state. */
const STATES = {
  'NULL, not connected': async ({ library, alice }) => new library.RTCSession(alice),
  'NULL, called': async (both) => both.call(),
  INVITE_SENT: async (both) => {
    both.wire.filter = () => undefined;
    const session = both.call();
    await both.clock.advance(0);
    return session;
  },
  '1XX_RECEIVED': async (both) => {
    const session = both.call();
    await both.clock.advance(0);
    return session;
  },
  WAITING_FOR_ANSWER: async (both) => {
    both.call();
    await both.clock.advance(0);
    return both.sessions.bob[0];
  },
  ANSWERED: async (both) => {
    both.call();
    await both.clock.advance(0);
    both.web.mediaDevices.pending = new Promise(() => {});
    both.sessions.bob[0].answer();
    await both.clock.advance(0);
    return both.sessions.bob[0];
  },
  WAITING_FOR_ACK: async (both) => {
    both.wire.filter = (message) => (message.method === 'ACK' ? undefined : message.text);
    return (await both.established()).callee;
  },
  'CONFIRMED, as caller': async (both) => (await both.established()).caller,
  'CONFIRMED, as callee': async (both) => (await both.established()).callee,
  'TERMINATED, failed': async (both) => {
    const session = both.call();
    session.terminate();
    return session;
  },
  'TERMINATED, ended': async (both) => {
    const { caller } = await both.established();
    caller.terminate();
    return caller;
  },
};

/** What can be asked one after the other, as it changes nothing. */
const QUESTIONS = {
  status: (session) => session.status,
  isInProgress: (session) => session.isInProgress(),
  isEstablished: (session) => session.isEstablished(),
  isEnded: (session) => session.isEnded(),
  isReadyToReOffer: (session) => session.isReadyToReOffer(),
  isMuted: (session) => session.isMuted(),
  isOnHold: (session) => session.isOnHold(),
  direction: (session) => session.direction,
  'connection is there': (session) => Boolean(session.connection),
  'start_time is there': (session) => Boolean(session.start_time),
  'end_time is there': (session) => Boolean(session.end_time),
  'id is text': (session) => typeof session.id,
  'terminate with 100': (session) => session.terminate({ status_code: 100 }),
  'terminate with 700': (session) => session.terminate({ status_code: 700 }),
  'sendDTMF of nothing': (session) => session.sendDTMF(),
  'sendDTMF of no tone': (session) => session.sendDTMF('x'),
  'sendDTMF by smoke': (session) => session.sendDTMF('1', { transportType: 'SMOKE' }),
  'sendDTMF for a while': (session) => session.sendDTMF('1', { duration: 'while' }),
  'sendDTMF with a wide gap': (session) => session.sendDTMF('1', { interToneGap: 'wide' }),
  'sendInfo of nothing': (session) => session.sendInfo(),
  'refer to nobody': (session) => session.refer(''),
  'connect to nobody': (session) => session.connect(''),
  'connect to nothing': (session) => session.connect(),
};

const COMMANDS = {
  answer: (session) => session.answer(),
  connect: (session) => session.connect('sip:bob@example.com', { mediaConstraints: {} }),
  terminate: (session) => session.terminate(),
  'terminate with 200': (session) => session.terminate({ status_code: 200 }),
  sendDTMF: (session) => session.sendDTMF('1'),
  'sendDTMF in the audio': (session) => session.sendDTMF('1', { transportType: 'RFC2833' }),
  sendInfo: (session) => session.sendInfo('text/plain', 'hello'),
  hold: (session) => session.hold(),
  unhold: (session) => session.unhold(),
  renegotiate: (session) => session.renegotiate(),
  refer: (session) => session.refer('carol'),
  mute: (session) => session.mute(),
  unmute: (session) => session.unmute(),
};

/** What comes of it, as text. */
function outcome(act, session) {
  let result;
  try {
    result = act(session);
  } catch (error) {
    return `throws ${error.name} ${error.code ?? ''} ${error.message}`;
  }
  if (result && typeof result.on === 'function') return 'an object with events';
  return JSON.stringify(result) ?? 'undefined';
}

/** Where this package does something else, by `state: act`. */
const DIFFERENT = {
  // JsSIP looks for tracks on a connection that is not there, after it has taken the word.
  'NULL, not connected: mute': 'undefined',
  'WAITING_FOR_ANSWER: mute': 'undefined',
  // A session makes one call.
  'NULL, called: connect': 'throws INVALID_STATE_ERROR 2 Invalid status: 0',
  'NULL, called: connect to nobody': 'throws INVALID_STATE_ERROR 2 Invalid status: 0',
  // Nothing can be offered before the answer is out: JsSIP's hold() returns false then, too.
  'ANSWERED: isReadyToReOffer': 'false',
  // The exchange of the INVITE is over with its ACK (RFC 3261 section 14.1).
  'WAITING_FOR_ACK: isReadyToReOffer': 'false',
  'WAITING_FOR_ACK: hold': 'false',
  'WAITING_FOR_ACK: renegotiate': 'false',
};

for (const [state, reach] of Object.entries(STATES)) {
  describe(state, () => {
    const acts = [
      ['questions and refusals', QUESTIONS],
      ...Object.entries(COMMANDS).map(([name, act]) => [name, { [name]: act }]),
    ];
    for (const [name, act] of acts) {
      it(name, async (t) => {
        const results = [];
        for (const library of [JsSIP, offhook]) {
          await t.test(library === JsSIP ? 'JsSIP' : 'offhook', async (t) => {
            const both = Object.assign(await pair(t, library), { library });
            const session = await reach(both);
            results.push(
              Object.fromEntries(
                Object.entries(act).map(([name, one]) => [name, outcome(one, session)]),
              ),
            );
            await both.clock.advance(0);
          });
        }
        const [expected, found] = results;
        for (const one of Object.keys(act)) {
          const different = DIFFERENT[`${state}: ${one}`];
          assert.equal(found[one], different ?? expected[one], one);
          if (different) assert.notEqual(different, expected[one], `${one} is not different`);
        }
      });
    }
  });
}
