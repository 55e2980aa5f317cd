// Each script is played twice, by JsSIP and by this package, both sides by the same library, on the
// same wire and the same stand-in for WebRTC: what the applications are told must be the same, in
// the same order. Where it is not, the script says what is different, and why.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import JsSIP from 'jssip';

import * as offhook from '../../dist/offhook.js';
import { pair } from '../support/calls.mjs';
import { summary } from '../support/summary.mjs';


/** What both sides are told, one line each, by side: how the two mix is chance. */
function told({ records }) {
  const lines = { alice: [], bob: [] };
  for (const { who, name, event } of records.list) (lines[who] ??= []).push(summary(name, event));
  return lines;
}

/**
 * Plays a script with both libraries. `changes` takes what JsSIP's sides were told, and makes of it
 * what this package's are to be told.
 */
function script(name, play, { settings, changes = (lines) => lines } = {}) {
  describe(name, () => {
    let expected;
    it('is played by JsSIP', async (t) => {
      const both = await pair(t, JsSIP, settings);
      await play(both, t);
      expected = told(both);
    });
    it('is played by this package, with the same events', async (t) => {
      const both = await pair(t, offhook, settings);
      await play(both, t);
      assert.deepEqual(told(both), changes(expected));
    });
  });
}

/** JsSIP tells of each later offer of its own twice, and takes only the first change to it. */
const offersOnce = (lines) =>
  mapSides(lines, (side) =>
    side.filter((line, at) => !line.startsWith('sdp {originator="local"') || line !== side[at - 1]),
  );

/** What JsSIP puts in the place of a message is a text of its own. */
const noTextAsMessage = (lines) =>
  mapSides(lines, (side) => side.map((line) => line.replace(/message="[^"]*"/, 'message=null')));

/** The reason phrase of a 487 is that of the status; JsSIP writes a cause of its own. */
const standardPhrase = (lines) =>
  mapSides(lines, (side) =>
    side.map((line) => line.replace('487 Canceled', '487 Request Terminated')),
  );

const mapSides = (lines, change) =>
  Object.fromEntries(Object.entries(lines).map(([who, side]) => [who, change(side)]));

const hangUp = async ({ clock }, session) => {
  session.terminate();
  await clock.advance(0);
};

script('a call that the caller ends', async (both) => {
  const { caller } = await both.established();
  await hangUp(both, caller);
});

script('a call that the callee ends', async (both) => {
  const { callee } = await both.established();
  await hangUp(both, callee);
});

script('a call that rings before it is answered', async (both) => {
  both.call();
  await both.clock.advance(0);
  await both.clock.advance(3000);
  both.sessions.bob[0].answer();
  await both.clock.advance(0);
  await hangUp(both, both.sessions.alice[0]);
});

script('a call that is rejected', async (both) => {
  both.onSession = (session) => session.terminate({ status_code: 486 });
  both.call();
  await both.clock.advance(0);
});

script('a call that is rejected after it rang', async (both) => {
  both.call();
  await both.clock.advance(0);
  both.sessions.bob[0].terminate();
  await both.clock.advance(0);
});

script('a call that the caller gives up while it rings', async (both) => {
  const session = both.call();
  await both.clock.advance(0);
  session.terminate({ status_code: 487, reason_phrase: 'Changed my mind' });
  await both.clock.advance(0);
});

script('a call that the caller gives up at once', async (both) => {
  both.call().terminate();
  await both.clock.advance(0);
});

script('a call that nobody answers', async (both) => {
  both.call();
  await both.clock.advance(0);
  await both.clock.advance(60_000);
  await both.clock.advance(0);
});

script('hold and unhold by the caller', async (both) => {
  const { caller } = await both.established();
  let done = 0;
  assert.equal(caller.hold({}, () => (done += 1)), true);
  assert.equal(caller.hold(), false);
  await both.clock.advance(0);
  assert.deepEqual([done, caller.isOnHold()], [1, { local: true, remote: false }]);
  assert.deepEqual(both.sessions.bob[0].isOnHold(), { local: false, remote: true });
  assert.equal(caller.unhold({}, () => (done += 1)), true);
  await both.clock.advance(0);
  assert.equal(done, 2);
  await hangUp(both, caller);
}, { changes: offersOnce });

script('hold by the callee, with UPDATE', async (both) => {
  const { callee } = await both.established();
  assert.equal(callee.hold({ useUpdate: true }), true);
  await both.clock.advance(0);
  await hangUp(both, callee);
}, { changes: offersOnce });

script('a renegotiation', async (both) => {
  const { caller } = await both.established();
  let done = 0;
  assert.equal(caller.renegotiate({}, () => (done += 1)), true);
  await both.clock.advance(0);
  assert.equal(done, 1);
  await hangUp(both, caller);
}, { changes: offersOnce });

script('muting', async (both) => {
  const { caller } = await both.established();
  caller.mute();
  caller.mute();
  assert.deepEqual(caller.isMuted(), { audio: true, video: false });
  caller.unmute({ video: true });
  caller.unmute();
  caller.mute({ audio: true, video: true });
  await hangUp(both, caller);
});

script('tones', async (both) => {
  const { caller } = await both.established();
  caller.sendDTMF('1a', { duration: 160, interToneGap: 90 });
  await both.clock.advance(0);
  await both.clock.advance(250);
  caller.sendDTMF(7);
  await both.clock.advance(250);
  await both.clock.advance(1000);
  await hangUp(both, caller);
});

script('an INFO', async (both) => {
  const { callee } = await both.established();
  callee.sendInfo('Text/Plain', 'hello');
  await both.clock.advance(0);
  await hangUp(both, callee);
});

script('a microphone that the caller does not get', async (both) => {
  both.web.mediaDevices.refusal = new DOMException('Permission denied', 'NotAllowedError');
  both.call();
  await both.clock.advance(0);
});

script('a microphone that the callee does not get', async (both) => {
  both.call();
  await both.clock.advance(0);
  both.web.mediaDevices.refusal = new DOMException('Permission denied', 'NotAllowedError');
  both.sessions.bob[0].answer();
  await both.clock.advance(0);
});

script('the browser refuses to make an offer', async (both) => {
  const eventHandlers = {
    peerconnection: ({ peerconnection }) => {
      peerconnection.refusals.createOffer = new Error('no offer today');
    },
  };
  both.call({ eventHandlers });
  await both.clock.advance(0);
});

script('the browser of the caller refuses its own offer', async (both) => {
  const eventHandlers = {
    peerconnection: ({ peerconnection }) => {
      peerconnection.refusals.setLocalDescription = new Error('not mine');
    },
  };
  both.call({ eventHandlers });
  await both.clock.advance(0);
});

script('the browser of the callee refuses the offer', async (both) => {
  both.onSession = (session) => {
    session.on('peerconnection', ({ peerconnection }) => {
      peerconnection.refusals.setRemoteDescription = new Error('what is this');
    });
    session.answer();
  };
  both.call();
  await both.clock.advance(0);
});

script('the browser of the callee refuses to answer', async (both) => {
  both.onSession = (session) => {
    session.on('peerconnection', ({ peerconnection }) => {
      peerconnection.refusals.createAnswer = new Error('no answer');
    });
    session.answer();
  };
  both.call();
  await both.clock.advance(0);
}, { changes: noTextAsMessage });

script('the browser of the caller refuses the answer', async (both) => {
  const eventHandlers = {
    peerconnection: ({ peerconnection }) => {
      peerconnection.refusals.setRemoteDescription = new Error('what is this');
    },
  };
  both.onSession = (session) => session.answer();
  both.call({ eventHandlers });
  await both.clock.advance(0);
});

script('the peer renegotiates, and the application follows it', async (both) => {
  const { caller, callee } = await both.established();
  const order = [];
  callee.on('reinvite', (event) => {
    order.push(typeof event.reject, event.callback);
    event.callback = () => order.push('callback');
  });
  caller.renegotiate();
  await both.clock.advance(0);
  assert.deepEqual(order, ['function', undefined, 'callback']);
  await hangUp(both, caller);
}, { changes: offersOnce });

script('descriptions that the application changes', async (both) => {
  const mark = (line) => (event) => {
    if (event.originator === 'local') event.sdp += `a=${line}\r\n`;
  };
  both.onSession = (session) => {
    session.on('sdp', mark('by-bob'));
    session.answer();
  };
  both.call({ eventHandlers: { sdp: mark('by-alice') } });
  await both.clock.advance(0);
  assert.match(both.sent.alice.all('INVITE')[0].body, /a=by-alice\r\n$/);
  assert.match(both.sent.bob.all('INVITE').at(-1).body, /a=by-bob\r\n$/);
  assert.match(both.sessions.bob[0].connection.remoteDescription.sdp, /a=by-alice/);
  await hangUp(both, both.sessions.alice[0]);
});

script('an INVITE that the application changes', async (both) => {
  both.alice.on('newRTCSession', ({ request }) => request.extraHeaders.push('X-First: 1'));
  both.call({
    eventHandlers: {
      connecting: ({ request }) => request.setHeader('X-Second', '2'),
      sending: ({ request }) => {
        request.setHeader('X-Third', '3');
        request.body += 'a=changed\r\n';
      },
    },
  });
  await both.clock.advance(0);
  const [invite] = both.sent.alice.all('INVITE');
  const added = ['X-First', 'X-Second', 'X-Third'].map((name) => invite.get(name));
  assert.deepEqual(added, ['1', '2', '3']);
  assert.match(invite.body, /a=changed\r\n$/);
});

script('a call that is ended while it is told of', async (both) => {
  both.alice.on('newRTCSession', ({ session }) => session.terminate());
  both.call();
  await both.clock.advance(0);
  assert.equal(both.sent.alice.all('INVITE').length, 0);
});

script('a microphone that comes when the call is over', async (both) => {
  both.call();
  await both.clock.advance(0);
  let open;
  both.web.mediaDevices.pending = new Promise((resolve) => (open = resolve));
  both.sessions.bob[0].answer();
  await both.clock.advance(0);
  both.sessions.alice[0].terminate();
  await both.clock.advance(0);
  open();
  await both.clock.advance(0);
});

script('a transfer that is refused', async (both) => {
  const { caller, callee } = await both.established();
  callee.on('refer', (event) => {
    both.records.note('bob', 'refer', event);
    event.reject();
  });
  followRefer(both, caller.refer('carol'));
  await both.clock.advance(0);
  await hangUp(both, caller);
});

script('a transfer that is taken, to somebody who is not there', async (both) => {
  const { caller, callee } = await both.established();
  const isLost = ({ target }) => target === 'sip:carol@example.com';
  both.wire.filter = (message) => (isLost(message) ? undefined : message.text);
  callee.on('refer', (event) => {
    both.records.note('bob', 'refer', event);
    event.accept((session) => both.records.follow('referred', session), {
      mediaConstraints: { audio: true },
    });
  });
  followRefer(both, caller.refer('carol'));
  await both.clock.advance(0);
  both.sessions.bob[1].terminate();
  await both.clock.advance(0);
  await hangUp(both, caller);
}, { changes: standardPhrase });

function followRefer({ records }, subscriber) {
  const names = ['requestSucceeded', 'requestFailed', 'trying', 'progress', 'accepted', 'failed'];
  for (const name of names) {
    subscriber.on(name, (event) => records.note('alice', `refer:${name}`, event));
  }
}
