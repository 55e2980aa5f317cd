// Text to messages, for who has it from elsewhere than a session or a user agent.

import { module } from '../engine/load';
import { IncomingRequest, IncomingResponse } from './incoming';

// Encoding here is faster than letter by letter on the way into WebAssembly, and faster still into
// room that is there already; few messages are longer.
let room: { encoder: TextEncoder; bytes: Uint8Array } | undefined;

function encode(text: string): Uint8Array {
  room ??= { encoder: new TextEncoder(), bytes: new Uint8Array(16_384) };
  const { encoder, bytes } = room;
  // A letter of JavaScript's is at most three bytes.
  if (text.length * 3 > bytes.length) return encoder.encode(text);
  return bytes.subarray(0, encoder.encodeInto(text, bytes).written);
}

/** The request or response that `text` is; `undefined` where it is none. */
export function parseMessage(
  text: string,
  ua?: unknown,
): IncomingRequest | IncomingResponse | undefined {
  const row = module().parseMessage(text, encode(text));
  if (!row) return undefined;
  return row[0] === 'request' ? new IncomingRequest(ua, row) : new IncomingResponse(row);
}
