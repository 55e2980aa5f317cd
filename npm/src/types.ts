// The types that applications name. A user agent's and a session's events share two names; as
// elsewhere in such a case, those of the session are in `RTCSessionEventMap`.
export type * from './ua_types';
export type { ConnectingEvent, ConnectingListener } from './ua_types';
export type * from './session/types';
export type { CallOptions } from './session/options';
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
