// A request that stands alone, sent or received: what `Message` and `Options` share.

import { EventEmitter } from './emitter';
import type { Driver } from './driver';
import { type ApplicantCommand, Command, Query, type ReplyRow } from './engine/commands';
import type { ErrorRow, RequestOptions } from './engine/engine';
import { raise } from './engine/errors';
import type { MessageRow, Originator } from './engine/rows';
import type { SessionDirection } from './session/events';
import { causes } from './values/constants';
import { NotSupportedError } from './values/exceptions';
import { IncomingResponse } from './values/incoming';
import type { IncomingRequest } from './values/incoming';
import type { NameAddrHeader } from './values/name_addr';
import { OutgoingRequest } from './values/outgoing';
import { URI } from './values/uri';
import { cloneArray } from './values/utils';
import type { UA } from './ua';

export interface AcceptOptions {
  /** Header lines: 'X-Note: hello'. */
  extraHeaders?: string[];
  body?: string;
}

export interface RejectOptions {
  /** 300 to 699. Default: 480. */
  status_code?: number;
  reason_phrase?: string;
  extraHeaders?: string[];
  body?: string;
}

export interface SucceededEvent {
  originator: Originator;
  response: IncomingResponse;
}

export interface MessageFailedEvent {
  originator: Originator;
  /** `null` where none came, which JsSIP's types do not say either. */
  response: IncomingResponse;
  cause?: causes;
}

export type SucceededListener = (event: SucceededEvent) => void;
export type MessageFailedListener = (event: MessageFailedEvent) => void;

export interface ApplicantEventMap {
  succeeded: SucceededListener;
  failed: MessageFailedListener;
}

export interface SendOptions {
  contentType?: string;
  /** Header lines: 'X-Note: hello'. */
  extraHeaders?: string[];
  eventHandlers?: Partial<ApplicantEventMap>;
  fromUserName?: string;
  fromDisplayName?: string;
}

export abstract class Applicant extends EventEmitter<ApplicantEventMap> {
  /** @internal */
  _ua: UA;
  /** @internal */
  _request: IncomingRequest | OutgoingRequest | null = null;
  /** @internal */
  _direction: SessionDirection | null = null;
  /** @internal */
  _local_identity: NameAddrHeader | null = null;
  /** @internal */
  _remote_identity: NameAddrHeader | null = null;
  /** @internal */
  _is_replied = false;
  /** @internal For the application. */
  _data: Record<string, unknown> = {};
  /** The question that a received request waits for. */
  private _question: { driver: Driver; ask: number } | undefined;

  constructor(ua: UA) {
    super();
    this._ua = ua;
  }

  // These are `null` before it is sent or received; JsSIP's types do not say so.

  get direction(): SessionDirection {
    return this._direction as SessionDirection;
  }

  get local_identity(): NameAddrHeader {
    return this._local_identity as NameAddrHeader;
  }

  get remote_identity(): NameAddrHeader {
    return this._remote_identity as NameAddrHeader;
  }

  /** Answers with 200. Only for a received request, and only while its event is delivered. */
  accept(options: AcceptOptions = {}): void {
    const { contentType, headers } = takeContentType(options.extraHeaders);
    const body = options.body || undefined;
    const type = body && (contentType ?? 'application/sdp');
    this._reply('accept', (ask) => [Command.ReplyAnswer, ask, headers, type, body]);
  }

  /** Refuses it. Only for a received request, and only while its event is delivered. */
  reject(options: RejectOptions = {}): void {
    const status = options.status_code || 480;
    const { contentType, headers } = takeContentType(options.extraHeaders);
    const reason = options.reason_phrase || undefined;
    const body = options.body || undefined;
    const type = body && (contentType ?? 'application/sdp');
    this._checkReply('reject');
    if (status < 300 || status >= 700) throw new TypeError(`Invalid status_code: ${status}`);
    this._reply('reject', (ask) => [
      Command.ReplyReject,
      ask,
      headers,
      type,
      body,
      status,
      reason,
    ]);
  }

  /** `Message` or `Options`. */
  protected abstract get _kind(): string;

  /** Shows it to the application. */
  protected abstract _announce(
    originator: Originator,
    request: IncomingRequest | OutgoingRequest,
  ): void;

  /** @internal A received request: 200 is the answer that the application need not give. */
  _receive(driver: Driver, ask: number, request: IncomingRequest): void {
    this._question = { driver, ask };
    this._request = request;
    this._direction = 'incoming';
    this._local_identity = request.to;
    this._remote_identity = request.from;
    request._replier = (status_code, reason_phrase, extraHeaders, body) => {
      if (status_code < 300) this.accept({ extraHeaders, body });
      else this.reject({ status_code, reason_phrase, extraHeaders });
    };
    this._announce('remote', request);
    if (!this._is_replied) this._reply('accept', () => [Command.Proceed, ask]);
  }

  protected _transmit(
    method: string,
    command: ApplicantCommand,
    target: string | URI,
    body: string | undefined,
    contentType: string,
    options: SendOptions,
  ): void {
    const uri = this._ua.normalizeTarget(target);
    if (!uri) throw new TypeError(`Invalid target: ${target}`);
    const { fromUserName, fromDisplayName } = options;
    const { headers } = takeContentType(options.extraHeaders);
    for (const [event, listener] of Object.entries(options.eventHandlers ?? {})) {
      if (listener) this.on(event, listener);
    }
    const { driver } = this._ua;
    const wanted: RequestOptions = {
      extraHeaders: headers,
      fromUserName: fromUserName || undefined,
      fromDisplayName: fromDisplayName || undefined,
      contentType: body ? contentType : undefined,
      body: body || undefined,
    };
    try {
      driver.run(() => {
        const id = driver.put(command, String(uri), wanted);
        driver.requests.set(id, (cause, response) => this._over(cause, response));
        const row = driver.query(Query.SentRequest, id);
        // Where it cannot leave, nothing is kept of it.
        this._show(row ? OutgoingRequest.fromRow(this._ua, row) : this._unsent(method, uri, wanted));
      });
    } catch (error) {
      if ((error as ErrorRow)[0] !== 'stopped') raise(error);
      this._show(this._unsent(method, uri, wanted));
      this._over(causes.CONNECTION_ERROR, undefined);
    }
  }

  private _unsent(method: string, uri: URI, wanted: RequestOptions): OutgoingRequest {
    const { extraHeaders, fromUserName, fromDisplayName, contentType, body } = wanted;
    const { host } = this._ua.configuration.uri;
    const params = {
      from_uri: fromUserName ? new URI('sip', fromUserName, host) : undefined,
      from_display_name: fromDisplayName,
    };
    const headers = cloneArray(extraHeaders);
    if (contentType) headers.push(`Content-Type: ${contentType}`);
    return new OutgoingRequest(method, uri, this._ua, params, headers, body);
  }

  private _show(request: OutgoingRequest): void {
    this._request = request;
    this._direction = 'outgoing';
    this._local_identity = request.from;
    this._remote_identity = request.to;
    this._announce('local', request);
  }

  private _over(cause: string | undefined, row: MessageRow | undefined): void {
    const originator = row ? 'remote' : 'system';
    const response = row ? new IncomingResponse(row) : null;
    if (response && cause === undefined) this.emit('succeeded', { originator, response });
    else this.emit('failed', { originator, response: response!, cause: cause as causes });
  }

  private _checkReply(verb: string): void {
    if (this._direction !== 'incoming') {
      throw new NotSupportedError(`"${verb}" not supported for outgoing ${this._kind}`);
    }
    if (this._is_replied) throw new Error(`incoming ${this._kind} already replied`);
  }

  private _reply(verb: string, reply: (ask: number) => ReplyRow): void {
    this._checkReply(verb);
    this._is_replied = true;
    const question = this._question;
    if (!question) return;
    try {
      question.driver.tell(...reply(question.ask));
    } catch (error) {
      raise(error);
    }
  }
}

/** Parts the headers from the media type of the body, which is told on its own. */
export function takeContentType(extraHeaders: string[] | undefined): {
  contentType: string | undefined;
  headers: string[];
} {
  const all: string[] = cloneArray(extraHeaders);
  const named = /^\s*(?:content-type|c)\s*:\s*(.*?)\s*$/i;
  const line = all.find((header) => named.test(header));
  return {
    contentType: line === undefined ? undefined : named.exec(line)?.[1],
    headers: all.filter((header) => !named.test(header)),
  };
}
