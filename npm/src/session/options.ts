// The options of a session's methods, with the names that JsSIP's types have, and what is made of
// them. What the application passes in is read, and never changed.

import { MIN_SESSION_EXPIRES, SESSION_EXPIRES } from '../values/constants';
import type { CallOptions as EngineCallOptions } from '../engine/engine';
import type { URI } from '../values/uri';
import type { RTCSession } from './rtc_session';
import type { RTCSessionEventHandlers } from './events';

export interface ExtraHeaders {
  /** Header lines: 'X-Note: hello'. */
  extraHeaders?: string[];
}

/** What a call may be answered with, and what a call may be made with, too. */
export interface AnswerOptions extends ExtraHeaders {
  mediaConstraints?: MediaStreamConstraints;
  mediaStream?: MediaStream | null;
  pcConfig?: RTCConfiguration;
  /** The second argument of `new RTCPeerConnection()`, for the engines that know one. */
  rtcConstraints?: object | null;
  rtcAnswerConstraints?: RTCAnswerOptions | RTCOfferOptions | null;
  rtcOfferConstraints?: RTCOfferOptions | null;
  /** Seconds; less than 60 means the default of 90. */
  sessionTimersExpires?: number;
  /** Becomes `session.data`. */
  data?: unknown;
  /** Ends the session when it is aborted. */
  signal?: AbortSignal;
  /** A connection to use instead of a new one. The session closes it at its end. */
  peerConnection?: RTCPeerConnection;
  /** Whether candidates follow the offer one by one, where the peer can take them. */
  trickleIce?: boolean;
}

export interface CallOptions extends AnswerOptions {
  eventHandlers?: RTCSessionEventHandlers;
  anonymous?: boolean;
  fromUserName?: string;
  fromDisplayName?: string;
  /** Lets the peer make the offer. */
  lateOffer?: boolean;
  /** Calls the address that a 3xx names. Default: false. */
  followRedirects?: boolean;
  /** Seconds until a call that nobody takes is given up. Default: none. */
  noAnswerTimeout?: number;
}

export interface RejectOptions extends ExtraHeaders {
  status_code?: number;
  reason_phrase?: string;
}

export interface TerminateOptions extends RejectOptions {
  body?: string;
  /** The cause that `ended` tells. */
  cause?: string;
}

export interface ProgressOptions extends RejectOptions {
  /** Whether the response carries our answer, for early media. Default: true. */
  media?: boolean;
}

export interface ReferOptions extends ExtraHeaders {
  eventHandlers?: Record<string, (event: never) => void>;
  /** The session whose place the call shall take. */
  replaces?: RTCSession;
  /** Whether this session ends once the target has answered. Default: false. */
  hangUp?: boolean;
}

export interface HoldOptions extends ExtraHeaders {
  useUpdate?: boolean;
}

export interface RenegotiateOptions extends HoldOptions {
  rtcOfferConstraints?: RTCOfferOptions | null;
}

export interface DTMFOptions extends ExtraHeaders {
  /** Milliseconds, 70 to 6000. Default: 100. */
  duration?: number;
  /** Milliseconds, at least 50. Default: 500. */
  interToneGap?: number;
  transportType?: 'INFO' | 'RFC2833';
}

export interface OnHoldResult {
  local: boolean;
  remote: boolean;
}

export interface MediaStreamTypes {
  audio?: boolean;
  video?: boolean;
}

/** Who is told how a request of `sendRequest()` went. */
export interface RequestEventHandlers {
  onSuccessResponse?: (response: unknown) => void;
  onErrorResponse?: (response: unknown) => void;
  onRequestTimeout?: () => void;
  onTransportError?: () => void;
  onDialogError?: (response?: unknown) => void;
  onAuthenticated?: (request: unknown) => void;
}

export interface SendRequestOptions extends ExtraHeaders {
  body?: string;
  eventHandlers?: RequestEventHandlers;
}

export type Target = string | URI;

/** Whether a value is a whole number, or text that is one. */
export function isDecimal(value: unknown): value is number {
  return !Number.isNaN(Number(value)) && Number(value) === Number.parseInt(String(value), 10);
}

export function headersOf(options: ExtraHeaders): string[] {
  return options.extraHeaders ? [...options.extraHeaders] : [];
}

/** The interval that a call asks for: JsSIP's default where the application's is too short. */
export function sessionExpires(options: AnswerOptions): number | undefined {
  const wanted = options.sessionTimersExpires;
  if (!isDecimal(wanted)) return undefined;
  return Number(wanted) >= MIN_SESSION_EXPIRES ? Number(wanted) : SESSION_EXPIRES;
}

/** Takes the Content-Type out of header lines, as the engine wants it beside the body. */
export function splitContentType(headers: string[]): [string[], string | undefined] {
  const isType = (line: string): boolean => /^content-type\s*:/i.test(line);
  const type = headers.find(isType);
  if (type === undefined) return [headers, undefined];
  return [headers.filter((line) => !isType(line)), type.slice(type.indexOf(':') + 1).trim()];
}

/** What the peer's offer says of a kind of media. */
interface OfferedKind {
  /** There is a section for it. */
  offered: boolean;
  /** It is to go both ways. */
  full: boolean;
}

function offeredKind(sdp: string, kind: 'audio' | 'video'): OfferedKind {
  const result = { offered: false, full: false };
  for (const section of sdp.split(/^m=/m).slice(1)) {
    if (!section.startsWith(`${kind} `)) continue;
    result.offered = true;
    const direction = /^a=(sendrecv|sendonly|recvonly|inactive)\s*$/m.exec(section)?.[1];
    if (direction === undefined || direction === 'sendrecv') result.full = true;
  }
  return result;
}

/**
 * What to capture for an answer where no stream is given: what the application says; else what the
 * offer wants to exchange in both directions. An INVITE without an offer asks for audio.
 */
export function answerConstraints(
  options: AnswerOptions,
  offer: string | null | undefined,
): MediaStreamConstraints {
  const constraints = { ...options.mediaConstraints };
  if (!offer) return { ...constraints, audio: constraints.audio ?? true };
  for (const kind of ['audio', 'video'] as const) {
    const { offered, full } = offeredKind(offer, kind);
    const receive = kind === 'audio' ? 'offerToReceiveAudio' : 'offerToReceiveVideo';
    constraints[kind] ??= full;
    if (!offered && !options.rtcOfferConstraints?.[receive]) constraints[kind] = false;
  }
  return constraints;
}

/** The range of a status code that goes out in a final response, or in a Reason header. */
export function checkStatusCode(status: number | undefined, lowest: 200 | 300): void {
  if (status && (status < lowest || status >= 700)) {
    throw new TypeError(`Invalid status_code: ${status}`);
  }
}

/** The options of a call as the engine takes them. */
export function engineCallOptions(
  options: CallOptions,
  constraints: MediaStreamConstraints,
): EngineCallOptions {
  const stream = options.mediaStream;
  return {
    extraHeaders: headersOf(options),
    audio: stream ? stream.getAudioTracks().length > 0 : Boolean(constraints.audio),
    video: stream ? stream.getVideoTracks().length > 0 : Boolean(constraints.video),
    anonymous: Boolean(options.anonymous),
    fromUserName: options.fromUserName || undefined,
    fromDisplayName: options.fromDisplayName || undefined,
    sessionTimersExpires: sessionExpires(options),
    trickleIce: options.trickleIce,
    lateOffer: options.lateOffer,
    followRedirects: options.followRedirects,
    noAnswerTimeout:
      options.noAnswerTimeout === undefined ? undefined : options.noAnswerTimeout * 1000,
  };
}

/** What a call captures where it is not said: both. */
export function callConstraints(options: CallOptions): MediaStreamConstraints {
  return options.mediaConstraints ? { ...options.mediaConstraints } : { audio: true, video: true };
}
