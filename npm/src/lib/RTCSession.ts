// For applications that import from JsSIP's file of this name, most of them its types.

export { RTCSession, RTCSession as default } from '../api';
export type * from '../session/events';
export type { DTMF } from '../session/dtmf';
export type { Info } from '../session/info';
export type {
  AnswerOptions,
  DTMFOptions,
  ExtraHeaders,
  HoldOptions,
  MediaStreamTypes,
  OnHoldResult,
  ProgressOptions,
  ReferOptions,
  RejectOptions,
  RenegotiateOptions,
  SendRequestOptions,
  TerminateOptions,
} from '../session/options';
export type { ReferSubscriber, ReferSubscriberEventMap } from '../session/refer_subscriber';
export type { SessionStats, StreamStats } from '../session/stats';
export type { Status as SessionStatus } from '../engine/status';

/** What JsSIP calls the type of a peer connection. */
export type RTCPeerConnectionDeprecated = RTCPeerConnection;
