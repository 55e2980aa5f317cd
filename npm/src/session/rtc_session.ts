// `RTCSession`: a call, as the application has it. Its methods check what they are given as JsSIP
// does, in the same order and with the same errors; the engine does the rest.

import { Command, type ReofferCommand } from '../engine/commands';
import { Status } from '../engine/status';
import { EventEmitter } from '../emitter';
import type { UA } from '../ua';
import { causes } from '../values/constants';
import { InvalidStateError, NotSupportedError } from '../values/exceptions';
import type { NameAddrHeader } from '../values/name_addr';
import { Call } from './call';
import { tonesOf } from './dtmf';
import { isStateError, toError } from './errors';
import type { RTCSessionEventMap, SessionDirection, SessionEvent } from './events';
import { defineFields } from './fields';
import { Info } from './info';
import { confirmation, sessionEvents } from './modern';
import {
  type AnswerOptions,
  type CallOptions,
  type DTMFOptions,
  type ExtraHeaders,
  type HoldOptions,
  type MediaStreamTypes,
  type OnHoldResult,
  type ProgressOptions,
  type ReferOptions,
  type RenegotiateOptions,
  type SendRequestOptions,
  type Target,
  type TerminateOptions,
  answerConstraints,
  checkStatusCode,
  headersOf,
  sessionExpires,
  splitContentType,
} from './options';
import { ReferSubscriber } from './refer_subscriber';
import { sendRequest } from './request';
import { type SessionStats, StatsReader } from './stats';

/** Called with a session before `newRTCSession` tells of it. */
export type InitCallback = (session: RTCSession) => void;

export class RTCSession extends EventEmitter<RTCSessionEventMap> {
  static {
    defineFields(this.prototype);
  }

  static get C(): typeof Status {
    return Status;
  }

  /** @internal A function, as proxies let functions be what they are. */
  _call: () => Call;
  /** @internal */
  _ua: UA;
  private _data: unknown = {};
  private _stats: (() => StatsReader) | undefined;

  constructor(ua: UA) {
    super();
    const call = new Call(this, ua);
    this._call = () => call;
    this._ua = ua;
  }

  get C(): typeof Status {
    return Status;
  }

  get causes(): typeof causes {
    return causes;
  }

  // What follows is `null` until it is known. Its types do not say so, as those of JsSIP do not,
  // and applications that are checked against them must stay right.

  get id(): string {
    return this._call().id as string;
  }

  /** There from `ua.call()` or `answer()` on, and after the end. */
  get connection(): RTCPeerConnection {
    return this._call().connection as RTCPeerConnection;
  }

  get contact(): string {
    return this._call().contact as string;
  }

  get direction(): SessionDirection {
    return this._call().direction as SessionDirection;
  }

  get local_identity(): NameAddrHeader {
    const { request, direction } = this._call();
    const identity = request ? (direction === 'outgoing' ? request.from : request.to) : null;
    return identity as NameAddrHeader;
  }

  get remote_identity(): NameAddrHeader {
    const { request, direction } = this._call();
    const identity = request ? (direction === 'outgoing' ? request.to : request.from) : null;
    return identity as NameAddrHeader;
  }

  /** When `accepted` was told. */
  get start_time(): Date {
    return this._call().startTime as Date;
  }

  /** When `ended` was told; a call that failed has none. */
  get end_time(): Date {
    return this._call().endTime as Date;
  }

  /** For the application. */
  // Applications keep what they like in it.
  get data(): any {
    return this._data;
  }

  set data(data: unknown) {
    this._data = data;
  }

  get status(): Status {
    return this._call().status;
  }

  isInProgress(): boolean {
    return this.status <= Status.STATUS_WAITING_FOR_ANSWER;
  }

  isEstablished(): boolean {
    const { status } = this;
    return (
      status === Status.STATUS_ANSWERED ||
      status === Status.STATUS_WAITING_FOR_ACK ||
      status === Status.STATUS_CONFIRMED
    );
  }

  isEnded(): boolean {
    const { status } = this;
    return status === Status.STATUS_CANCELED || status === Status.STATUS_TERMINATED;
  }

  /** Whether `hold()`, `unhold()` and `renegotiate()` can do something now. */
  isReadyToReOffer(): boolean {
    return this._call().isReadyToReOffer;
  }

  isMuted(): Required<MediaStreamTypes> {
    return { ...this._call().muted };
  }

  isOnHold(): OnHoldResult {
    return { ...this._call().onHold };
  }

  /** Calls; `ua.call()` does this with a new session. */
  connect(target: Target, options?: CallOptions | null, initCallback?: InitCallback | null): void {
    const given = options ?? {};
    const call = this._call();
    if (given.data) this._data = given.data;
    if (target === undefined) throw new TypeError('Not enough arguments');
    if (call.number !== undefined || this.status !== Status.STATUS_NULL) {
      throw new InvalidStateError(this.status);
    }
    if (!given.peerConnection && !this._ua.PeerConnection) {
      throw new NotSupportedError('WebRTC not supported');
    }
    const uri = this._ua.normalizeTarget(target);
    if (!uri) throw new TypeError(`Invalid target: ${target}`);
    given.signal?.throwIfAborted();
    addHandlers(this, given.eventHandlers);
    call.start(String(uri), given, initCallback ?? undefined);
  }

  answer(options?: AnswerOptions | null): void {
    const given = options ?? {};
    const call = this._call();
    if (given.data) this._data = given.data;
    if (call.direction !== 'incoming') {
      throw new NotSupportedError('"answer" not supported for outgoing RTCSession');
    }
    if (this.status !== Status.STATUS_WAITING_FOR_ANSWER) {
      throw new InvalidStateError(this.status);
    }
    given.signal?.throwIfAborted();
    const constraints = given.mediaStream
      ? { ...given.mediaConstraints }
      : answerConstraints(given, call.request?.body);
    // Early media may have made one already.
    const isOwn = !call.peer;
    if (isOwn) call.createPeer(given, constraints);
    try {
      call.commandAfterIntroduction((driver, session) => {
        driver.put(Command.Answer, session, {
          extraHeaders: headersOf(given),
          audio: Boolean(given.mediaStream ?? constraints.audio),
          video: Boolean(given.mediaStream ?? constraints.video),
          sessionTimersExpires: sessionExpires(given),
          trickleIce: given.trickleIce,
        });
        // Before the 180 of a call that is answered at once, as in JsSIP.
        call.announcePeer();
      });
    } catch (error) {
      if (isOwn) call.discardPeer();
      throw error;
    }
    if (!call.isOver) call.follow(given.signal);
  }

  /** Sends a provisional response to an incoming call, by default 183 with early media. */
  progress(options?: ProgressOptions | null): void {
    const given = options ?? {};
    const call = this._call();
    if (call.direction !== 'incoming') {
      throw new NotSupportedError('"progress" not supported for outgoing RTCSession');
    }
    call.command((driver, session) =>
      driver.put(Command.Progress, session, {
        status: given.status_code || undefined,
        reason: given.reason_phrase || undefined,
        extraHeaders: headersOf(given),
        media: given.media,
      }),
    );
  }

  terminate(options?: TerminateOptions | null): void {
    const given = options ?? {};
    const call = this._call();
    const { status } = this;
    // As JsSIP has it: what a call is refused with describes a session, unless a header says else.
    let mediaType: string | undefined;
    switch (status) {
      case Status.STATUS_CANCELED:
      case Status.STATUS_TERMINATED:
        throw new InvalidStateError(status);
      case Status.STATUS_INVITE_RECEIVED:
      case Status.STATUS_WAITING_FOR_ANSWER:
      case Status.STATUS_ANSWERED:
        checkStatusCode(given.status_code, 300);
        mediaType = 'application/sdp';
        break;
      default:
        checkStatusCode(given.status_code, 200);
    }
    if (call.number === undefined) return call.abandon(causes.CANCELED);
    const [extraHeaders, contentType = mediaType] = splitContentType(headersOf(given));
    call.endCause = given.cause || undefined;
    try {
      call.command((driver, session) =>
        driver.put(Command.Terminate, session, {
          extraHeaders,
          status: given.status_code || undefined,
          reason: given.reason_phrase || undefined,
          contentType,
          body: given.body || undefined,
        }),
      );
    } finally {
      call.endCause = undefined;
    }
  }

  sendDTMF(tones: string | number, options?: DTMFOptions | null): void {
    const given = options ?? {};
    const { status } = this;
    const call = this._call();
    if (tones === undefined) throw new TypeError('Not enough arguments');
    if (!maySendInfo(status)) throw new InvalidStateError(status);
    const wanted = tonesOf(tones, given);
    if (wanted.transport === 'RFC2833') {
      call.peer?.insertTones(wanted.tones, wanted.duration, wanted.interToneGap);
      return;
    }
    const { number, driver } = call;
    if (number === undefined) return;
    const how = { ...wanted, extraHeaders: headersOf(given) };
    try {
      driver.tell(Command.SendDtmf, number, how, wanted.tones);
    } catch (error) {
      // A call that rings without a dialog has no way for an INFO; JsSIP sends none, either.
      if (status === Status.STATUS_1XX_RECEIVED && isStateError(error)) return;
      throw toError(error);
    }
  }

  sendInfo(contentType: string, body?: string | null, options?: ExtraHeaders | null): void {
    const { status } = this;
    const call = this._call();
    if (!maySendInfo(status)) throw new InvalidStateError(status);
    if (contentType === undefined) throw new TypeError('Not enough arguments');
    if (!isAnswered(status)) throw new InvalidStateError(status);
    const info = new Info('outgoing', contentType, body ?? undefined);
    const extraHeaders = headersOf(options ?? {});
    call.command((driver, session) => {
      const text = body ?? '';
      const number = driver.put(Command.SendInfo, session, extraHeaders, contentType, text);
      call.deliveries.expectInfo(number, info);
    });
  }

  mute(options: MediaStreamTypes | null = { audio: true, video: false }): void {
    const call = this._call();
    if (call.number === undefined || this.isEnded()) return;
    const { audio, video } = options ?? { audio: true };
    call.command((driver, session) =>
      driver.put(Command.Mute, session, Boolean(audio), Boolean(video)),
    );
  }

  unmute(options: MediaStreamTypes | null = { audio: true, video: true }): void {
    const call = this._call();
    if (call.number === undefined || this.isEnded()) return;
    const { audio, video } = options ?? { audio: true, video: true };
    call.command((driver, session) =>
      driver.put(Command.Unmute, session, Boolean(audio), Boolean(video)),
    );
  }

  /** Whether the peer is being put on hold; `done` is called once it is. */
  hold(options?: HoldOptions | null, done?: (() => void) | null): boolean {
    if (this._call().onHold.local) return false;
    return reoffer(this, Command.Hold, options ?? {}, done);
  }

  unhold(options?: HoldOptions | null, done?: (() => void) | null): boolean {
    if (!this._call().onHold.local) return false;
    return reoffer(this, Command.Unhold, options ?? {}, done);
  }

  renegotiate(options?: RenegotiateOptions | null, done?: (() => void) | null): boolean {
    const given = options ?? {};
    const { peer } = this._call();
    const iceRestart = given.rtcOfferConstraints?.iceRestart === true;
    return reoffer(this, Command.Renegotiate, given, done, iceRestart, () => {
      peer?.gate();
      if (peer) peer.offerOptions = given.rtcOfferConstraints ?? undefined;
    });
  }

  /** Asks the peer to call somebody else; `false` where that cannot be asked now. */
  refer(target: Target, options?: ReferOptions | null): ReferSubscriber | false {
    const given = options ?? {};
    const call = this._call();
    if (!isAnswered(this.status)) return false;
    const uri = this._ua.normalizeTarget(target);
    if (!uri) throw new TypeError(`Invalid target: ${target}`);
    const replaced = given.replaces?._call();
    if (replaced && (replaced.ua !== call.ua || replaced.number === undefined)) {
      throw new TypeError('Invalid replaces: expected a session of this user agent');
    }
    const subscriber = new ReferSubscriber();
    addHandlers(subscriber, given.eventHandlers);
    call.command((driver, session) => {
      const wanted = {
        extraHeaders: headersOf(given),
        replaces: replaced?.number,
        hangUp: given.hangUp,
      };
      const number = driver.put(Command.Refer, session, wanted, String(uri));
      subscriber._named(number);
      call.expectRefer(number, subscriber);
    });
    return subscriber;
  }

  /** Sends a request inside the session, of whatever method. */
  sendRequest(method: string, options?: SendRequestOptions | null): void {
    sendRequest(this._call(), method, options ?? {});
  }

  /** Settles with the call: once it is confirmed, or with an error when it ends before. */
  confirmed(): Promise<void> {
    return confirmation(this);
  }

  /** The events from now on, up to `ended` or `failed`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<SessionEvent> {
    return sessionEvents(this);
  }

  /** How the media is doing. */
  stats(): Promise<SessionStats> {
    if (!this._stats) {
      const reader = new StatsReader();
      this._stats = () => reader;
    }
    return this._stats().read(this.connection);
  }
}

function addHandlers(
  emitter: { on(name: string, listener: (event: never) => void): unknown },
  handlers: object | null | undefined,
): void {
  for (const [name, handler] of Object.entries(handlers ?? {})) emitter.on(name, handler);
}

function isAnswered(status: Status): boolean {
  return status === Status.STATUS_WAITING_FOR_ACK || status === Status.STATUS_CONFIRMED;
}

function maySendInfo(status: Status): boolean {
  return isAnswered(status) || status === Status.STATUS_1XX_RECEIVED;
}

function reoffer(
  session: RTCSession,
  command: ReofferCommand,
  options: HoldOptions,
  done: (() => void) | null | undefined,
  iceRestart?: boolean,
  taken?: () => void,
): boolean {
  const call = session._call();
  const { number, driver } = call;
  if (number === undefined || !isAnswered(session.status)) return false;
  const useUpdate = Boolean(options.useUpdate);
  const wanted = { useUpdate, iceRestart, extraHeaders: headersOf(options) };
  try {
    driver.run(() => {
      call.expectExchange(driver.put(command, number, wanted), done ?? undefined);
      taken?.();
    });
    return true;
  } catch (error) {
    if (isStateError(error)) return false;
    throw toError(error);
  }
}
