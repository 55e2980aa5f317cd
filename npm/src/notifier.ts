// A peer's subscription here (RFC 6665): the engine answers, refreshes and ends it; the application
// says what the peer is told.

import type { Driver } from './driver';
import { Command, type CommandRow } from './engine/commands';
import type { ErrorRow } from './engine/engine';
import { raise } from './engine/errors';
import type { NotifierRow } from './engine/rows';
import { Subscription, isChallenge } from './subscription';
import { InvalidStateError } from './values/exceptions';
import { IncomingRequest } from './values/incoming';
import type { UA } from './ua';

const C = {
  NOTIFY_RESPONSE_TIMEOUT: 0,
  NOTIFY_TRANSPORT_ERROR: 1,
  NOTIFY_NON_OK_RESPONSE: 2,
  NOTIFY_AUTHENTICATION_FAILED: 3,
  FINAL_NOTIFY_SENT: 4,
  UNSUBSCRIBE_RECEIVED: 5,
  SUBSCRIPTION_EXPIRED: 6,
  STATE_PENDING: 0,
  STATE_ACTIVE: 1,
  STATE_TERMINATED: 2,
  /** Seconds. */
  DEFAULT_EXPIRES_SEC: 900,
} as const;

export type NotifierTerminationReason = 0 | 1 | 2 | 3 | 4 | 5 | 6;

export interface NotifierEventMap {
  terminated: (terminationCode: NotifierTerminationReason) => void;
  subscribe: (
    isUnsubscribe: boolean,
    request: IncomingRequest,
    body: string | undefined,
    contentType: string | undefined,
  ) => void;
  expired: () => void;
}

export interface NotifierOptions {
  /** Header lines of every NOTIFY: 'X-Note: hello'. */
  extraHeaders?: string[];
  /** The value of an Allow-Events header. */
  allowEvents?: string;
  /** Whether somebody has to allow the subscription first. Default: false. */
  pending?: boolean;
  /** Seconds, where the peer asks for no time. Default: 900. */
  defaultExpires?: number;
}

/** The question that a received SUBSCRIBE waits for. */
export interface Petition {
  driver: Driver;
  ask: number;
  subscription: number;
}

type Ended = Extract<NotifierRow, ['terminated', ...unknown[]]>;

/**
 * How far it is. The 200 waits until all that `start()` has set off is done, promises too, so that
 * the NOTIFY that must follow it (RFC 6665 section 4.2.1.2) has what the application says by then.
 */
type Progress = 'new' | 'granting' | 'granted' | 'over';

export class Notifier extends Subscription<NotifierEventMap> {
  /** @internal */
  _state: number;
  private _subscribe: IncomingRequest;
  private _petition: Petition | undefined;
  private _progress: Progress = 'new';
  private _contentType: string;
  private _defaultExpires: number;

  static get C(): typeof C {
    return C;
  }

  /** @internal Throws a TypeError where a SUBSCRIBE cannot make a subscription. */
  static checkSubscribe(subscribe: IncomingRequest): void {
    if (!subscribe) throw new TypeError('Not enough arguments. Missing subscribe request');
    if (subscribe.method !== 'SUBSCRIBE') {
      throw new TypeError('Invalid method for Subscribe request');
    }
    if (!subscribe.hasHeader('contact')) {
      throw new TypeError('Missing Contact header in subscribe request');
    }
    if (!subscribe.hasHeader('event')) {
      throw new TypeError('Missing Event header in subscribe request');
    }
    const expires = subscribe.getHeader('expires');
    if (expires && !(parseInt(expires, 10) >= 0)) {
      throw new TypeError('Invalid Expires header field in subscribe request');
    }
  }

  /** `subscribe` is the request of `newSubscribe`; `contentType`, the media type of the state. */
  constructor(
    ua: UA,
    subscribe: IncomingRequest,
    contentType: string,
    options: NotifierOptions = {},
  ) {
    super(ua, options.extraHeaders, options.allowEvents);
    if (!contentType) throw new TypeError('Not enough arguments. Missing contentType');
    Notifier.checkSubscribe(subscribe);
    this._subscribe = subscribe;
    this._petition = ua._petitions.get(subscribe);
    this._contentType = contentType;
    this._defaultExpires = options.defaultExpires || C.DEFAULT_EXPIRES_SEC;
    this._state = options.pending ? C.STATE_PENDING : C.STATE_ACTIVE;
  }

  get C(): typeof C {
    return C;
  }

  /** Accepts the subscription. Called once the listeners are set. */
  start(): void {
    this._checkState();
    if (this._progress !== 'new') return;
    this._progress = 'granting';
    const request = this._subscribe;
    this._id = `${request.call_id}${request.from_tag}`;
    const isUnsubscribe = this._expires() === 0;
    const contentType = request.getHeader('content-type');
    this.emit('subscribe', isUnsubscribe, request, request.body, contentType);
    setTimeout(() => this._grant(undefined), 0);
  }

  /** The subscription is allowed: the next `notify()` says so. */
  setActiveState(): void {
    this._checkState();
    this._state = C.STATE_ACTIVE;
  }

  /** Tells the peer the state. */
  notify(body: string | null = null): void {
    this._checkState();
    const text = body || undefined;
    if (this._grant(text)) return;
    const pending = this._state === C.STATE_PENDING;
    const type = text && this._contentType;
    this._command((id) => [Command.Notify, id, type, text, pending]);
  }

  /** Ends the subscription. `retryAfter` is in seconds. */
  terminate(
    body: string | null = null,
    reason: string | null = null,
    retryAfter: number | null = null,
  ): void {
    if (this._state === C.STATE_TERMINATED) return;
    this._grant(undefined);
    const text = body || undefined;
    const type = text && this._contentType;
    this._command((id) => [
      Command.TerminateSubscription,
      id,
      type,
      text,
      reason ?? undefined,
      retryAfter ?? undefined,
    ]);
    // The last NOTIFY is on its way: what becomes of it is the engine's to mind.
    this._over(reason === 'timeout' ? C.SUBSCRIPTION_EXPIRED : C.FINAL_NOTIFY_SENT);
  }

  private _checkState(): void {
    if (this._state === C.STATE_TERMINATED) throw new InvalidStateError(this._state);
  }

  private _expires(): number {
    const asked = parseInt(this._subscribe.getHeader('expires') ?? '', 10);
    return Number.isNaN(asked) ? this._defaultExpires : asked;
  }

  /** Accepts the subscription now, where that has waited; whether it has. */
  private _grant(body: string | undefined): boolean {
    if (this._progress !== 'granting') return false;
    this._progress = 'granted';
    const petition = this._petition;
    if (!petition) {
      // The SUBSCRIBE has been answered already, or comes from elsewhere.
      this._over(C.NOTIFY_TRANSPORT_ERROR);
      return true;
    }
    const { driver, ask, subscription } = petition;
    this._ua._petitions.delete(this._subscribe);
    driver.notifiers.set(subscription, (...event) => this._told(event));
    try {
      driver.tell(Command.ReplyGrant, ask, {
        pending: this._state === C.STATE_PENDING,
        expires: this._expires(),
        contentType: body && this._contentType,
        body,
        notifyHeaders: this._headers,
      });
    } catch (error) {
      driver.notifiers.delete(subscription);
      this._over(C.NOTIFY_TRANSPORT_ERROR);
      if ((error as ErrorRow)[0] !== 'stopped') raise(error);
    }
    return true;
  }

  private _command(command: (id: number) => CommandRow): void {
    const petition = this._petition;
    if (!petition || this._progress !== 'granted') return;
    try {
      petition.driver.tell(...command(petition.subscription));
    } catch (error) {
      // It has ended meanwhile, which is told on its own.
      const [kind] = error as ErrorRow;
      if (kind !== 'noSuchSubscription' && kind !== 'stopped') raise(error);
    }
  }

  private _told(event: NotifierRow): void {
    if (this._state === C.STATE_TERMINATED) return;
    if (event[0] === 'subscribe') {
      const [, last, row, contentType] = event;
      const request = new IncomingRequest(this._ua, row);
      this.emit('subscribe', last, request, request.body, contentType);
      return;
    }
    if (event[1] === 'expired') this.emit('expired');
    this._over(codeOf(event));
  }

  private _over(code: NotifierTerminationReason): void {
    if (this._progress === 'over') return;
    this._progress = 'over';
    this._state = C.STATE_TERMINATED;
    this._id = null;
    this.emit('terminated', code);
  }
}

function codeOf([, end, , , row]: Ended): NotifierTerminationReason {
  switch (end) {
    case 'refused':
      return isChallenge(row) ? C.NOTIFY_AUTHENTICATION_FAILED : C.NOTIFY_NON_OK_RESPONSE;
    case 'unanswered':
      return C.NOTIFY_RESPONSE_TIMEOUT;
    case 'unsent':
    case 'dialogGone':
    case 'noNotify':
      return C.NOTIFY_TRANSPORT_ERROR;
    case 'unsubscribed':
      return C.UNSUBSCRIBE_RECEIVED;
    case 'expired':
      return C.SUBSCRIPTION_EXPIRED;
    case 'notified':
    case 'terminated':
    case 'stopped':
      return C.FINAL_NOTIFY_SENT;
  }
}
