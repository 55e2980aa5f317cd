// An INFO that was sent or received (`newInfo`).

import { EventEmitter } from '../emitter';
import type { DeliveryEventMap } from './dtmf';
import type { SessionDirection } from './events';

export class Info extends EventEmitter<DeliveryEventMap> {
  private _direction: SessionDirection;
  private _contentType: string;
  private _body: string | undefined;

  /** @internal */
  constructor(direction: SessionDirection, contentType: string, body: string | undefined) {
    super();
    this._direction = direction;
    this._contentType = contentType;
    this._body = body;
  }

  get direction(): SessionDirection {
    return this._direction;
  }

  /** In lower case when it was received. */
  get contentType(): string {
    return this._contentType;
  }

  get body(): string | undefined {
    return this._body;
  }
}
