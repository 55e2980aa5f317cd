// Hands what an application said about a session that is yet to be made, in `accept()` of `refer`
// or `replaces`, to that session: the engine makes it before its answer to the word returns.

import type { CallOptions } from './options';
import type { InitCallback } from './rtc_session';

export interface Awaited {
  /** Of the call that a REFER asks for. */
  options: CallOptions | undefined;
  initCallback: InitCallback | undefined;
}

let awaited: Awaited | undefined;

/** Runs what makes the session. */
export function awaitSession(given: Awaited, make: () => void): void {
  const outer = awaited;
  awaited = given;
  try {
    make();
  } finally {
    awaited = outer;
  }
}

/** What was said about the session that is being made now. */
export function takeAwaited(): Awaited | undefined {
  const taken = awaited;
  awaited = undefined;
  return taken;
}
