// Text to messages, for who has it from elsewhere than a session or a user agent.

import { module } from '../engine/load';
import { IncomingRequest, IncomingResponse } from './incoming';

/** The request or response that `text` is; `undefined` where it is none. */
export function parseMessage(
  text: string,
  ua?: unknown,
): IncomingRequest | IncomingResponse | undefined {
  // Encoding here is faster than letter by letter on the way into WebAssembly.
  const row = module().parseMessage(text, new TextEncoder().encode(text));
  if (!row) return undefined;
  return row[0] === 'request' ? new IncomingRequest(ua, row) : new IncomingResponse(row);
}
