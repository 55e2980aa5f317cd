// The events of a session and what their listeners are given, with the names that JsSIP's types
// have. Where those say nothing of a `null`, these say nothing of it either: applications that are
// checked against them must stay right.

import type { IncomingRequest, IncomingResponse } from '../values/incoming';
import type { NameAddrHeader } from '../values/name_addr';
import type { OutgoingRequest } from '../values/outgoing';
import type { DTMF } from './dtmf';
import type { Info } from './info';
import type { CallOptions, MediaStreamTypes, RejectOptions } from './options';
import type { InitCallback } from './rtc_session';

export type Originator = 'local' | 'remote' | 'system';

export type SessionDirection = 'incoming' | 'outgoing';

export interface PeerConnectionEvent {
  peerconnection: RTCPeerConnection;
}

export interface ConnectingEvent {
  /** The INVITE; for the caller it can still be changed. */
  request: IncomingRequest | OutgoingRequest;
}

export interface SendingEvent {
  /** What is changed in it goes out. */
  request: OutgoingRequest;
}

export interface IncomingEvent {
  originator: 'local';
  response: null;
}

export interface OutgoingEvent {
  originator: 'remote';
  response: IncomingResponse;
}

export interface OutgoingAckEvent {
  originator: 'local';
  ack: null;
}

export interface IncomingAckEvent {
  originator: 'remote';
  ack: IncomingRequest;
}

export interface EndEvent {
  originator: Originator;
  /** What the peer has sent to end it; `null` when it was not the peer. */
  message: IncomingRequest | IncomingResponse;
  cause: string;
}

export interface IncomingDTMFEvent {
  originator: 'remote';
  dtmf: DTMF;
  request: IncomingRequest;
}

export interface OutgoingDTMFEvent {
  originator: 'local';
  dtmf: DTMF;
  request: null;
}

export interface IncomingInfoEvent {
  originator: 'remote';
  info: Info;
  request: IncomingRequest;
}

export interface OutgoingInfoEvent {
  originator: 'local';
  info: Info;
  request: undefined;
}

export interface HoldEvent {
  originator: 'local' | 'remote';
}

export interface ReInviteEvent {
  request: IncomingRequest;
  /** Called once the request has been answered with 200. */
  callback: (() => void) | undefined;
  /** Answers with 403, or as told. Only while the event is being delivered. */
  reject: (options?: RejectOptions) => void;
}

export interface ReferEvent {
  request: IncomingRequest;
  /** Makes the call; at any time. */
  accept: (initCallback?: InitCallback | null, options?: CallOptions) => void;
  reject: () => void;
}

export interface ReplacesEvent {
  request: IncomingRequest;
  /** Lets the INVITE become a session; at any time. */
  accept: (initCallback?: InitCallback | null) => void;
  reject: () => void;
}

export interface SDPEvent {
  originator: 'local' | 'remote';
  type: 'offer' | 'answer';
  /** What it is changed to is sent, or applied. */
  sdp: string;
}

export interface IceCandidateEvent {
  candidate: RTCIceCandidate;
  /** Waits for no more candidates. */
  ready: () => void;
}

/** A `hold()`, `unhold()` or `renegotiate()` has failed; the session goes on as it was before. */
export interface RenegotiationFailedEvent {
  cause: string;
  response: IncomingResponse | null;
}

/** The network says who the peer is, or that it is another now. */
export interface RemoteIdentityEvent {
  identity: NameAddrHeader;
}

/** Media has not connected in the time it had. */
export interface MediaUnconnectedEvent {
  /** Milliseconds since the call was answered. */
  after: number;
}

/** A listener of an event that comes in several shapes; it may be written for one of them. */
type Either<Event> = { listen(event: Event): void }['listen'];

export type GenericErrorListener = (error: unknown) => void;
export type PeerConnectionListener = (event: PeerConnectionEvent) => void;
export type ConnectingListener = (event: ConnectingEvent) => void;
export type SendingListener = (event: SendingEvent) => void;
export type IncomingListener = (event: IncomingEvent) => void;
export type OutgoingListener = (event: OutgoingEvent) => void;
export type IncomingConfirmedListener = (event: IncomingAckEvent) => void;
export type OutgoingConfirmedListener = (event: OutgoingAckEvent) => void;
export type CallListener = Either<IncomingEvent | OutgoingEvent>;
export type ConfirmedListener = Either<IncomingAckEvent | OutgoingAckEvent>;
export type EndListener = (event: EndEvent) => void;
export type IncomingDTMFListener = (event: IncomingDTMFEvent) => void;
export type OutgoingDTMFListener = (event: OutgoingDTMFEvent) => void;
export type DTMFListener = Either<IncomingDTMFEvent | OutgoingDTMFEvent>;
export type IncomingInfoListener = (event: IncomingInfoEvent) => void;
export type OutgoingInfoListener = (event: OutgoingInfoEvent) => void;
export type InfoListener = Either<IncomingInfoEvent | OutgoingInfoEvent>;
export type HoldListener = (event: HoldEvent) => void;
export type MuteListener = (event: MediaStreamTypes) => void;
export type ReInviteListener = (event: ReInviteEvent) => void;
export type UpdateListener = ReInviteListener;
export type ReferListener = (event: ReferEvent) => void;
export type ReplacesListener = (event: ReplacesEvent) => void;
export type SDPListener = (event: SDPEvent) => void;
export type IceCandidateListener = (event: IceCandidateEvent) => void;

/** The events of a session, by name. */
export interface RTCSessionEventMap {
  peerconnection: PeerConnectionListener;
  connecting: ConnectingListener;
  sending: SendingListener;
  progress: CallListener;
  accepted: CallListener;
  confirmed: ConfirmedListener;
  ended: EndListener;
  failed: EndListener;
  newDTMF: DTMFListener;
  newInfo: InfoListener;
  hold: HoldListener;
  unhold: HoldListener;
  muted: MuteListener;
  unmuted: MuteListener;
  reinvite: ReInviteListener;
  update: UpdateListener;
  refer: ReferListener;
  replaces: ReplacesListener;
  sdp: SDPListener;
  icecandidate: IceCandidateListener;
  getusermediafailed: GenericErrorListener;
  'peerconnection:createofferfailed': GenericErrorListener;
  'peerconnection:createanswerfailed': GenericErrorListener;
  'peerconnection:setlocaldescriptionfailed': GenericErrorListener;
  'peerconnection:setremotedescriptionfailed': GenericErrorListener;
  /** Not in JsSIP, as all that follow. A new offer may be made now. */
  readytoreoffer: () => void;
  renegotiationfailed: (event: RenegotiationFailedEvent) => void;
  remoteidentity: (event: RemoteIdentityEvent) => void;
  mediaunconnected: (event: MediaUnconnectedEvent) => void;
}

/** Listeners given as an option. */
export type RTCSessionEventHandlers = Partial<RTCSessionEventMap>;

type ErrorEventName =
  | 'getusermediafailed'
  | Extract<keyof RTCSessionEventMap, `peerconnection:${string}`>;

/** What the listeners of an event are given. */
export type EventOf<K extends keyof RTCSessionEventMap> = Parameters<RTCSessionEventMap[K]>[0];

/** An event as `for await (const event of session)` gives it. */
export type SessionEvent = {
  [K in keyof RTCSessionEventMap]: { name: K } & (K extends ErrorEventName
    ? { error: unknown }
    : K extends 'readytoreoffer'
      ? unknown
      : EventOf<K>);
}[keyof RTCSessionEventMap];
