// MESSAGE (RFC 3428), sent or received.

import { Applicant } from './applicant';
import type { MessageFailedEvent, SendOptions, SucceededEvent } from './applicant';
import { Command } from './engine/commands';
import type { Originator } from './engine/rows';
import type { IncomingRequest } from './values/incoming';
import type { OutgoingRequest } from './values/outgoing';
import type { URI } from './values/uri';

export type { AcceptOptions, MessageFailedListener } from './applicant';
export type { MessageFailedEvent };

export interface MessageEventMap {
  succeeded: (event: SucceededEvent) => void;
  failed: (event: MessageFailedEvent) => void;
}

/** `contentType`: 'text/plain' where none is given. */
export type SendMessageOptions = SendOptions;

export class Message extends Applicant {
  /** Sends it; `succeeded` or `failed` tells what became of it. */
  send(target: string | URI, body: string, options: SendMessageOptions = {}): void {
    if (target === undefined || body === undefined) throw new TypeError('Not enough arguments');
    const contentType = options.contentType || 'text/plain';
    this._transmit('MESSAGE', Command.SendMessage, target, body, contentType, options);
  }

  protected get _kind(): string {
    return 'Message';
  }

  protected _announce(originator: Originator, request: IncomingRequest | OutgoingRequest): void {
    this._ua._announce('newMessage', originator, this, request);
  }
}
