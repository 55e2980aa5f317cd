// What a subscription of ours and one of a peer's (RFC 6665) have in common.

import { takeContentType } from './applicant';
import { EventEmitter, type EventMap } from './emitter';
import type { MessageRow } from './engine/rows';
import { IncomingResponse } from './values/incoming';
import type { UA } from './ua';

export abstract class Subscription<M extends EventMap<M>> extends EventEmitter<M> {
  /** @internal */
  _ua: UA;
  /** @internal */
  _id: string | null = null;
  /** @internal */
  _data: unknown = {};
  /** @internal */
  abstract _state: number;
  /** The headers of the application's own, without the type of a body. */
  protected _headers: string[];

  constructor(ua: UA, extraHeaders: string[] | undefined, allowEvents: string | undefined) {
    super();
    const { headers } = takeContentType(extraHeaders);
    if (allowEvents) headers.push(`Allow-Events: ${allowEvents}`);
    this._ua = ua;
    this._headers = headers;
  }

  /** One of `C.STATE_…`. */
  get state(): number {
    return this._state;
  }

  /** Names the subscription; `null` before it is accepted, and after its end. */
  get id(): string {
    return this._id as string;
  }

  /** The application's own, which may be anything. */
  get data(): any {
    return this._data;
  }
  set data(data: unknown) {
    this._data = data;
  }
}

/** Whether what has refused a request is a challenge that could not be answered. */
export function isChallenge(row: MessageRow | undefined): boolean {
  const status = row && new IncomingResponse(row).status_code;
  return status === 401 || status === 407;
}
