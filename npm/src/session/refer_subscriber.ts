// What `refer()` returns: it is told how the call that the peer was asked for is getting on.

import { EventEmitter } from '../emitter';
import type { ReferRow } from '../engine/rows';
import type { UA } from '../ua';
import { IncomingRequest, IncomingResponse } from '../values/incoming';

export interface ReferStatusLine {
  sip_version: string;
  status_code: number;
  reason_phrase: string;
}

export interface ReferNotifyEvent {
  /** The NOTIFY. */
  request: IncomingRequest;
  status_line: ReferStatusLine;
}

export interface ReferRequestSucceededEvent {
  response: IncomingResponse;
}

export interface ReferRequestFailedEvent {
  response: IncomingResponse | null;
  cause: string;
}

export interface ReferSubscriberEventMap {
  /** The peer took the REFER. */
  requestSucceeded: (event: ReferRequestSucceededEvent) => void;
  requestFailed: (event: ReferRequestFailedEvent) => void;
  trying: (event: ReferNotifyEvent) => void;
  progress: (event: ReferNotifyEvent) => void;
  accepted: (event: ReferNotifyEvent) => void;
  failed: (event: ReferNotifyEvent) => void;
}

export class ReferSubscriber extends EventEmitter<ReferSubscriberEventMap> {
  private _id: number | null = null;

  /** Tells the transfers of a session apart. */
  get id(): number | null {
    return this._id;
  }

  /** @internal */
  _named(id: number): void {
    this._id = id;
  }

  /** @internal */
  _told(ua: UA, ...state: ReferRow): void {
    switch (state[0]) {
      case 'requestSucceeded':
        this.emit('requestSucceeded', { response: new IncomingResponse(state[1]) });
        break;
      case 'requestFailed':
        this.emit('requestFailed', {
          response: state[1] ? new IncomingResponse(state[1]) : null,
          cause: state[2],
        });
        break;
      case 'trying':
      case 'progress':
      case 'accepted':
      case 'failed':
        this.emit(state[0], {
          request: new IncomingRequest(ua, state[1]),
          status_line: {
            sip_version: 'SIP/2.0',
            status_code: state[2],
            reason_phrase: state[3],
          },
        });
        break;
      case 'over':
        break;
    }
  }
}
