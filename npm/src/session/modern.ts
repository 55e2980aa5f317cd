// A session as a promise and as a loop.

import type { IncomingRequest, IncomingResponse } from '../values/incoming';
import type { Tap } from './call';
import type { EndEvent, Originator, SessionEvent } from './events';
import type { RTCSession } from './rtc_session';

/** Why a session was never confirmed. */
export class SessionEndedError extends Error {
  override readonly name = 'SESSION_ENDED_ERROR';
  readonly originator: Originator;
  /** One of `C.causes`. */
  override readonly cause: string;
  /** What the peer has sent to end it. */
  readonly response: IncomingRequest | IncomingResponse | null;

  constructor(end: EndEvent) {
    super(`The session has ended: ${end.cause}`);
    this.originator = end.originator;
    this.cause = end.cause;
    this.response = end.message;
  }
}

/** How many events wait for a loop that is slow; the oldest make room. */
const MAX_WAITING = 1000;

export function confirmation(session: RTCSession): Promise<void> {
  const call = session._call();
  return new Promise((resolve, reject) => {
    const settle = (): boolean => {
      if (call.isConfirmed) resolve();
      else if (call.end) reject(new SessionEndedError(call.end));
      return call.isConfirmed || call.isOver;
    };
    if (settle()) return;
    const tap: Tap = () => {
      if (settle()) call.taps.delete(tap);
    };
    call.taps.add(tap);
  });
}

interface Waiting {
  event: SessionEvent;
  settle: (() => void) | undefined;
}

/**
 * The events of a session, one after the other. `refer` and `replaces` can be decided until the
 * loop asks for the event that follows; then they are refused. What a listener may change only
 * while its event is delivered (`sdp`, `sending`, `reinvite`), a loop sees too late to change.
 */
export function sessionEvents(session: RTCSession): AsyncIterableIterator<SessionEvent> {
  const call = session._call();
  const waiting: Waiting[] = [];
  let current: Waiting | undefined;
  let wanted: ((result: IteratorResult<SessionEvent>) => void)[] = [];
  let isOver = call.isOver;

  const give = (next: Waiting): IteratorResult<SessionEvent> => {
    current = next;
    return { done: false, value: next.event };
  };
  const tap: Tap = (name, event, settle) => {
    const content = event instanceof Error ? { error: event } : (event as object | undefined);
    const next = { event: { ...content, name } as SessionEvent, settle };
    const want = wanted.shift();
    if (want) want(give(next));
    else waiting.push(next);
    if (waiting.length > MAX_WAITING) waiting.shift()?.settle?.();
    if (call.isOver && (name === 'ended' || name === 'failed')) stop();
  };
  const stop = (): void => {
    if (isOver) return;
    isOver = true;
    call.taps.delete(tap);
    call.loops -= 1;
    const unserved = wanted;
    wanted = [];
    for (const want of unserved) want({ done: true, value: undefined });
  };
  if (!isOver) {
    call.taps.add(tap);
    call.loops += 1;
  }
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next() {
      current?.settle?.();
      current = undefined;
      const next = waiting.shift();
      if (next) return Promise.resolve(give(next));
      if (isOver) return Promise.resolve({ done: true, value: undefined });
      return new Promise((resolve) => wanted.push(resolve));
    },
    return() {
      stop();
      for (const { settle } of [...(current ? [current] : []), ...waiting.splice(0)]) settle?.();
      current = undefined;
      return Promise.resolve({ done: true, value: undefined });
    },
  };
}
