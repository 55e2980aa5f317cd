// What `import JsSIP, { UA } from 'offhook'` names: as with JsSIP, `JsSIP.UA` may stand for the
// class and for its type. `entry.ts` is what runs.

export * from './api';
export * as default from './api';

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
export type { Options, SendOptionsOptions } from './options';
export type { Subscriber, SubscriberEventMap, SubscriberTerminatedCode } from './subscriber';
export type { Notifier, NotifierEventMap, NotifierTerminationReason } from './notifier';
export type { ExtraContactParams, Registrator } from './registrator';
export type { Socket, WeightedSocket } from './socket';
export type { RecoveryOptions, Transport } from './transport';
export type { UAStatus } from './ua';
export type { IncomingRequest, IncomingResponse } from './values/incoming';
export type { OutgoingRequest } from './values/outgoing';
