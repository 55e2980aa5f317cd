// Text to messages, for who has it from elsewhere than a session or a user agent.

import { IncomingRequest, IncomingResponse } from './incoming';
import { MessageText } from './message_text';

/** The request or response that `text` is; `undefined` where it is none. */
export function parseMessage(
  text: string,
  ua?: unknown,
): IncomingRequest | IncomingResponse | undefined {
  const message = MessageText.parse(text);
  if (!message) return undefined;
  return message.status === 0 ? new IncomingRequest(ua, message) : new IncomingResponse(message);
}
