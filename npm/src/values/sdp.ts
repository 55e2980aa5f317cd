// `parseSDP` of messages, with the npm package that JsSIP takes for it.

import sdp from 'sdp-transform/lib/parser.js';

// What it holds depends on the attributes: the package has no types of its own.
export type SessionDescription = Record<string, any>;

export function parseDescription(text: string | null | undefined): SessionDescription {
  return sdp.parse(text || '');
}
