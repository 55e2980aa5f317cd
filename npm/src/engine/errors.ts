// The errors that applications catch, from the rows that the engine throws.

import type { ConfigErrorRow } from './engine';
import type { ErrorRow } from './rows';
import {
  ConfigurationError,
  InvalidStateError,
  NotReadyError,
  NotSupportedError,
} from '../values/exceptions';

/** Throws what an application knows; anything but a row is thrown as it is. */
export function raise(thrown: unknown): never {
  if (!Array.isArray(thrown)) throw thrown;
  const row = thrown as ErrorRow | ConfigErrorRow;
  switch (row[0]) {
    case 'config':
      throw new ConfigurationError(row[1], row[2]);
    case 'invalidState':
      throw new InvalidStateError(row[2]);
    case 'notSupported':
      throw new NotSupportedError(row[1]);
    case 'invalidArgument':
      throw new TypeError(`Invalid ${row[1]}: ${row[2]} (expected: ${row[3]})`);
    case 'noSuchSession':
      throw new NotReadyError('the session is gone');
    case 'noSuchSubscription':
      throw new NotReadyError('the subscription is gone');
    case 'stopped':
      throw new NotReadyError('the user agent has been stopped');
  }
}
