// The names that applications in TypeScript use for what a `UA` takes and tells.

import type { Message } from './message';
import type { Options } from './options';
import type { RTCSession } from './session/rtc_session';
import type { ConnectedEvent, ConnectingEvent, DisconnectEvent } from './transport';
import type { causes } from './values/constants';
import type { EventValue, IncomingRequest, IncomingResponse } from './values/incoming';
import type { OutgoingRequest } from './values/outgoing';
import type { URI } from './values/uri';

export type { ConnectedEvent, ConnectingEvent, DisconnectEvent } from './transport';
export type { UAConfiguration, UASettings } from './config';
export type { NotifierOptions } from './notifier';
export type { SubscriberOptions, SubscriberParams } from './subscriber';

export interface UnRegisterOptions {
  /** Whether every binding of the address goes, those of other devices too. Default: false. */
  all?: boolean;
}

export interface IncomingRTCSessionEvent {
  originator: 'remote';
  session: RTCSession;
  request: IncomingRequest;
}

export interface OutgoingRTCSessionEvent {
  originator: 'local';
  session: RTCSession;
  request: OutgoingRequest;
}

export type RTCSessionEvent = IncomingRTCSessionEvent | OutgoingRTCSessionEvent;

export interface RegisteredEvent {
  response: IncomingResponse;
}

/** Empty where the connection was lost; `null` stands for what there is none of. JsSIP's types say
 * neither, and what is checked against them must go on to compile. */
export interface UnRegisteredEvent {
  response: IncomingResponse;
  cause?: causes;
}

export interface IncomingMessageEvent {
  originator: 'remote';
  message: Message;
  request: IncomingRequest;
}

export interface OutgoingMessageEvent {
  originator: 'local';
  message: Message;
  request: OutgoingRequest;
}

export interface IncomingOptionsEvent {
  originator: 'remote';
  message: Options;
  request: IncomingRequest;
}

export interface OutgoingOptionsEvent {
  originator: 'local';
  message: Options;
  request: OutgoingRequest;
}

export interface SipEvent {
  event: EventValue;
  request: IncomingRequest;
}

/** A listener of an event that comes in several shapes; it may be written for one of them. */
type Either<Event> = { listen(event: Event): void }['listen'];

export type ConnectingListener = (event: ConnectingEvent) => void;
export type ConnectedListener = (event: ConnectedEvent) => void;
export type DisconnectedListener = (event: DisconnectEvent) => void;
export type RegisteredListener = (event: RegisteredEvent) => void;
export type UnRegisteredListener = (event: UnRegisteredEvent) => void;
export type RegistrationFailedListener = UnRegisteredListener;
export type RegistrationExpiringListener = () => void;
export type IncomingRTCSessionListener = (event: IncomingRTCSessionEvent) => void;
export type OutgoingRTCSessionListener = (event: OutgoingRTCSessionEvent) => void;
export type RTCSessionListener = Either<RTCSessionEvent>;
export type IncomingMessageListener = (event: IncomingMessageEvent) => void;
export type OutgoingMessageListener = (event: OutgoingMessageEvent) => void;
export type MessageListener = Either<IncomingMessageEvent | OutgoingMessageEvent>;
export type IncomingOptionsListener = (event: IncomingOptionsEvent) => void;
export type OutgoingOptionsListener = (event: OutgoingOptionsEvent) => void;
export type OptionsListener = Either<IncomingOptionsEvent | OutgoingOptionsEvent>;
export type SipEventListener = (event: SipEvent) => void;
export type SipSubscribeListener = (event: SipEvent) => void;

export interface UAEventMap {
  connecting: ConnectingListener;
  connected: ConnectedListener;
  disconnected: DisconnectedListener;
  registered: RegisteredListener;
  unregistered: UnRegisteredListener;
  registrationFailed: RegistrationFailedListener;
  /** Whoever listens calls `ua.register()`; without a listener that is done in time. */
  registrationExpiring: RegistrationExpiringListener;
  newRTCSession: RTCSessionListener;
  newMessage: MessageListener;
  newOptions: OptionsListener;
  /** A NOTIFY outside any subscription. */
  sipEvent: SipEventListener;
  newSubscribe: SipSubscribeListener;
}

export interface UAContactOptions {
  anonymous?: boolean;
  /** Whether it is for a request that makes a dialog (RFC 5626). */
  outbound?: boolean;
}

export interface UAContact {
  /** The address that reaches this one user agent (RFC 5627), where the registrar gave one; else
   * `null`, as in JsSIP, whose types do not say so. */
  readonly pub_gruu?: string;
  /** The same, which does not say whose it is. */
  readonly temp_gruu?: string;
  readonly uri: URI;
  /** `<sip:…>`. */
  toString(options?: UAContactOptions): string;
}
