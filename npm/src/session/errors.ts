// What a command of a session throws, as the error that the application gets.

import { raise } from '../engine/errors';
import { Status } from '../engine/status';
import { InvalidStateError } from '../values/exceptions';

/** The error for what a command threw; anything but an `ErrorRow` is passed on. */
export function toError(thrown: unknown): unknown {
  // A session that the engine does not know has ended.
  if (isStateError(thrown) && kindOf(thrown) !== 'invalidState') {
    return new InvalidStateError(Status.STATUS_TERMINATED);
  }
  try {
    return raise(thrown);
  } catch (error) {
    return error;
  }
}

/** Whether a command was not carried out for the state that the session is in. */
export function isStateError(thrown: unknown): boolean {
  return ['invalidState', 'noSuchSession', 'stopped'].includes(kindOf(thrown));
}

function kindOf(thrown: unknown): string {
  return Array.isArray(thrown) ? String(thrown[0]) : '';
}
