// The types that applications name. A user agent's and a session's events share two names; as
// elsewhere in such a case, those of the session are in `RTCSessionEventMap`.
export type * from './ua_types';
export type { ConnectingEvent, ConnectingListener } from './ua_types';
export type * from './session/events';
export type {
  AnswerOptions,
  CallOptions,
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
} from './session/options';
export type { DTMF } from './session/dtmf';
export type { Info } from './session/info';
export type { ReferSubscriber, ReferSubscriberEventMap } from './session/refer_subscriber';
export type { SessionStats, StreamStats } from './session/stats';
export type * from './message';
export type { SendOptionsOptions } from './options';
export type { SubscriberEventMap, SubscriberTerminatedCode } from './subscriber';
export type { NotifierEventMap, NotifierTerminationReason } from './notifier';
export type { ExtraContactParams } from './registrator';
export type { Socket, WeightedSocket } from './socket';
export type { RecoveryOptions } from './transport';
export type { UAStatus } from './ua';
export type { SessionDescription } from './values/sdp';
export type { Debug, Debugger } from './debug';
