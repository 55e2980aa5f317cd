// A subscription of ours (RFC 6665): the engine refreshes it, and follows it over a new connection.

import type { Driver } from './driver';
import { Command } from './engine/commands';
import type { ErrorRow, SubscribeOptions } from './engine/engine';
import { raise } from './engine/errors';
import type { SubscriberRow } from './engine/rows';
import { Subscription, isChallenge } from './subscription';
import { InvalidStateError } from './values/exceptions';
import { IncomingRequest, IncomingResponse } from './values/incoming';
import { URI } from './values/uri';
import { isDecimal } from './values/utils';
import type { UA } from './ua';

const C = {
  SUBSCRIBE_RESPONSE_TIMEOUT: 0,
  SUBSCRIBE_TRANSPORT_ERROR: 1,
  SUBSCRIBE_NON_OK_RESPONSE: 2,
  SUBSCRIBE_WRONG_OK_RESPONSE: 3,
  SUBSCRIBE_AUTHENTICATION_FAILED: 4,
  UNSUBSCRIBE_TIMEOUT: 5,
  FINAL_NOTIFY_RECEIVED: 6,
  WRONG_NOTIFY_RECEIVED: 7,
  STATE_PENDING: 0,
  STATE_ACTIVE: 1,
  STATE_TERMINATED: 2,
  STATE_INIT: 3,
  STATE_WAITING_NOTIFY: 4,
  /** Seconds. */
  DEFAULT_EXPIRES_SEC: 900,
} as const;

export type SubscriberTerminatedCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

export interface SubscriberEventMap {
  pending: () => void;
  accepted: () => void;
  active: () => void;
  terminated: (
    terminationCode: SubscriberTerminatedCode,
    reason: string | undefined,
    retryAfter: number | undefined,
  ) => void;
  notify: (
    isFinal: boolean,
    request: IncomingRequest,
    body: string | undefined,
    contentType: string | undefined,
  ) => void;
}

export interface SubscriberParams {
  from_uri?: URI;
  from_display_name?: string;
  to_uri?: URI;
  to_display_name?: string;
}

export interface SubscriberOptions {
  /** Seconds. Default: 900. */
  expires?: number;
  /** The media type of the body of `subscribe(body)`. */
  contentType?: string;
  /** The value of an Allow-Events header. */
  allowEvents?: string;
  /** Other names than those of the user agent. */
  params?: SubscriberParams | null;
  /** Header lines: 'X-Note: hello'. */
  extraHeaders?: string[];
}

type Ended = Extract<SubscriberRow, ['terminated', ...unknown[]]>;

export class Subscriber extends Subscription<SubscriberEventMap> {
  /** @internal */
  _state: number = C.STATE_INIT;
  private _target: string;
  private _event: string;
  private _options: SubscribeOptions;
  private _contentType: string | undefined;
  private _terminated = false;
  /** Whether the last NOTIFY has come. */
  private _notified = false;
  /** Which one it is, once it is on its way. */
  private _subscription: { driver: Driver; id: number } | undefined;

  static get C(): typeof C {
    return C;
  }

  /** `eventName` may have an id: `dialog;id=7`. `accept` is the value of the Accept header. */
  constructor(
    ua: UA,
    target: string | URI,
    eventName: string,
    accept: string,
    options: SubscriberOptions = {},
  ) {
    super(ua, options.extraHeaders, options.allowEvents);
    if (!target) throw new TypeError('Not enough arguments: Missing target');
    if (!eventName) throw new TypeError('Not enough arguments: Missing eventName');
    if (!accept) throw new TypeError('Not enough arguments: Missing accept');
    if (!/^[\w.!%*+`'~-]+\s*(;|$)/.test(eventName)) {
      throw new TypeError('Missing Event header field');
    }
    const uri = ua.normalizeTarget(target);
    if (!uri) throw new TypeError(`Invalid target: ${target}`);
    const { expires, contentType, params } = options;
    this._target = String(uri);
    this._event = eventName;
    this._contentType = contentType;
    this._options = {
      accept: accept.split(',').map((type) => type.trim()),
      expires: isDecimal(expires) && Number(expires) > 0 ? Number(expires) : C.DEFAULT_EXPIRES_SEC,
      extraHeaders: this._headers,
      ...namesOf(params ?? {}),
    };
  }

  get C(): typeof C {
    return C;
  }

  /** Subscribes, or refreshes the subscription before it is due. */
  subscribe(body: string | null = null): void {
    const contentType = this._typeOf(body);
    if (this._state === C.STATE_INIT) return this._begin(contentType, body || undefined);
    this._command(Command.RefreshSubscription, contentType, body);
  }

  /** Wants to be told nothing more. The last NOTIFY may still come. */
  terminate(body: string | null = null): void {
    if (this._state === C.STATE_INIT) throw new InvalidStateError(this._state);
    const contentType = this._typeOf(body);
    if (this._terminated) return;
    this._terminated = true;
    this._command(Command.Unsubscribe, contentType, body);
  }

  private _typeOf(body: string | null): string | undefined {
    if (body && !this._contentType) throw new TypeError('content_type is undefined');
    return body ? this._contentType : undefined;
  }

  private _begin(contentType: string | undefined, body: string | undefined): void {
    this._state = C.STATE_WAITING_NOTIFY;
    const { driver } = this._ua;
    const options = { ...this._options, contentType, body };
    try {
      driver.run(() => {
        const id = driver.put(Command.Subscribe, this._target, options, this._event);
        this._subscription = { driver, id };
        driver.subscribers.set(id, (...event) => this._told(event));
      });
    } catch (error) {
      if ((error as ErrorRow)[0] === 'stopped') return this._over(C.SUBSCRIBE_TRANSPORT_ERROR);
      this._state = C.STATE_INIT;
      raise(error);
    }
  }

  private _command(
    command: Command.RefreshSubscription | Command.Unsubscribe,
    contentType: string | undefined,
    body: string | null,
  ): void {
    if (this._state === C.STATE_TERMINATED || !this._subscription) return;
    const { driver, id } = this._subscription;
    try {
      driver.tell(command, id, contentType, body || undefined);
    } catch (error) {
      // It has ended meanwhile, which is told on its own.
      if ((error as ErrorRow)[0] !== 'noSuchSubscription') raise(error);
    }
  }

  private _told(event: SubscriberRow): void {
    switch (event[0]) {
      case 'accepted': {
        const response = new IncomingResponse(event[1]);
        this._id = `${response.call_id}${response.from_tag}${response.to_tag}`;
        this.emit('accepted');
        return;
      }
      case 'pending':
        this._state = C.STATE_PENDING;
        this.emit('pending');
        return;
      case 'active':
        this._state = C.STATE_ACTIVE;
        this.emit('active');
        return;
      case 'notify': {
        const [, last, request, body, contentType] = event;
        this._notified = last;
        if (!body) return;
        this.emit('notify', last, new IncomingRequest(this._ua, request), body, contentType);
        return;
      }
      case 'terminated': {
        const [, end, reason, retryAfter] = event;
        const left = end === 'unsubscribed' && this._notified;
        const code = left ? C.FINAL_NOTIFY_RECEIVED : codeOf(event);
        return this._over(code, reason, retryAfter && retryAfter / 1000);
      }
      // Those that JsSIP does not tell.
      case 'dialogCreated':
      case 'forked':
      case 'resubscribing':
        return;
    }
  }

  private _over(code: SubscriberTerminatedCode, reason?: string, retryAfter?: number): void {
    this._state = C.STATE_TERMINATED;
    this._id = null;
    this.emit('terminated', code, reason, retryAfter);
  }
}

function namesOf(params: SubscriberParams): object {
  const text = (uri: URI | undefined) => (uri === undefined ? undefined : String(uri));
  return {
    fromUri: text(params.from_uri),
    fromDisplayName: params.from_display_name,
    toUri: text(params.to_uri),
    toDisplayName: params.to_display_name,
  };
}

function codeOf([, end, , , row]: Ended): SubscriberTerminatedCode {
  switch (end) {
    case 'refused':
      return isChallenge(row) ? C.SUBSCRIBE_AUTHENTICATION_FAILED : C.SUBSCRIBE_NON_OK_RESPONSE;
    case 'unsent':
    case 'stopped':
    case 'dialogGone':
      return C.SUBSCRIBE_TRANSPORT_ERROR;
    case 'unanswered':
    case 'noNotify':
    case 'expired':
      return C.SUBSCRIBE_RESPONSE_TIMEOUT;
    case 'unsubscribed':
      return C.UNSUBSCRIBE_TIMEOUT;
    case 'notified':
    case 'terminated':
      return C.FINAL_NOTIFY_RECEIVED;
  }
}
