// The types of a session that applications name.

export type * from './events';
export type { DTMF } from './dtmf';
export type { Info } from './info';
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
} from './options';
export type { ReferSubscriber, ReferSubscriberEventMap } from './refer_subscriber';
export type { SessionStats, StreamStats } from './stats';
