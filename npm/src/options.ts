// OPTIONS outside a session (RFC 3261 section 11), sent or received.

import { Applicant } from './applicant';
import type { SendOptions } from './applicant';
import { Command } from './engine/commands';
import type { Originator } from './engine/rows';
import type { IncomingRequest } from './values/incoming';
import type { OutgoingRequest } from './values/outgoing';
import type { URI } from './values/uri';

/** `contentType`: 'application/sdp' where none is given. */
export type SendOptionsOptions = Omit<SendOptions, 'fromUserName' | 'fromDisplayName'>;

export class Options extends Applicant {
  /** Sends it; `succeeded` or `failed` tells what became of it. */
  send(target: string | URI, body?: string, options: SendOptionsOptions = {}): void {
    if (target === undefined) throw new TypeError('A target is required for OPTIONS');
    const contentType = options.contentType || 'application/sdp';
    const { extraHeaders, eventHandlers } = options;
    const taken = { extraHeaders, eventHandlers };
    this._transmit('OPTIONS', Command.SendOptions, target, body, contentType, taken);
  }

  protected get _kind(): string {
    return 'Options';
  }

  protected _announce(originator: Originator, request: IncomingRequest | OutgoingRequest): void {
    this._ua._announce('newOptions', originator, this, request);
  }
}
