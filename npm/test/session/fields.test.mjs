// Fields of JsSIP's sessions that applications read, though nobody has told them: beside JsSIP's, in
// one call from its beginning to its end.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import jssip from 'jssip';

import * as offhook from '../../dist/offhook.js';
import { pair } from '../support/calls.mjs';

/** What the fields say, without what is of this call alone. */
function fields(session) {
  const { _request: request, _remote_identity: remote, _local_identity: local } = session;
  return {
    id: session._id === session.id,
    status: session._status,
    direction: session._direction,
    contact: session._contact === session.contact,
    connection: session._connection === session.connection,
    method: request?.method,
    callId: request && session._id.startsWith(request.call_id),
    from: request?.from._uri._user,
    header: request?.getHeader('X-Note'),
    remote: remote && [remote._display_name, remote._uri._user, remote._uri._host],
    local: local && [local._display_name, local._uri._user],
    times: [session._start_time, session._end_time].map((time) => time instanceof Date),
    confirmed: session._is_confirmed,
    stream: session._localMediaStream?.getTracks().map(({ kind }) => kind),
    held: [session._localHold, session._remoteHold],
    muted: [session._audioMuted, session._videoMuted],
  };
}

/** The fields of both sides as a call goes by. */
async function story(t, library) {
  const both = await pair(t, library, { alice: { display_name: 'Alice' } });
  const { clock } = both;
  const seen = { new: fields(new library.RTCSession(both.alice)) };
  const caller = both.call({ extraHeaders: ['X-Note: hello'] });
  await clock.advance(0);
  const callee = both.sessions.bob[0];
  const note = (when) => {
    seen[`${when}, caller`] = fields(caller);
    seen[`${when}, callee`] = fields(callee);
  };
  note('ringing');
  callee.answer();
  await clock.advance(0);
  await clock.advance(0);
  note('established');
  caller.mute({ audio: true });
  callee.hold();
  await clock.advance(0);
  await clock.advance(0);
  note('held');
  return { seen, caller };
}

test('a session has the fields that applications read of JsSIP', async (t) => {
  let expected;
  await t.test('jssip', async (t) => (expected = (await story(t, jssip)).seen));
  await t.test('offhook', async (t) => {
    const { seen, caller } = await story(t, offhook);
    assert.deepEqual(seen, expected);
    assert.equal(new Proxy(caller, {})._status, caller.status, 'as frameworks see it');
    caller._direction = 'mine';
    assert.equal(caller._direction, 'mine');
    assert.equal(caller.direction, 'outgoing');
  });
});
