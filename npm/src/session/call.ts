// The engine's side of a session: what the driver tells a session comes here, and becomes events.
//
// It is apart from `RTCSession` so that it can have private members: applications put sessions
// into proxies (Vue does), through which private members cannot be seen.

import type { Driver, SessionSink } from '../driver';
import { Command, Query } from '../engine/commands';
import type {
  MediaRow,
  MediaStep,
  MessageRow,
  QuestionRow,
  ReferRow,
  ReportRow,
  SessionRow,
} from '../engine/rows';
import { Status } from '../engine/status';
import { logger } from '../debug';
import { report } from '../emitter';
import type { UA } from '../ua';
import type { RTCSessionEvent } from '../ua_types';
import { IncomingRequest, IncomingResponse } from '../values/incoming';
import { NameAddrHeader } from '../values/name_addr';
import { NotSupportedError } from '../values/exceptions';
import type { OutgoingRequest } from '../values/outgoing';
import { takeAwaited } from './awaited';
import { Deliveries } from './deliveries';
import { toError } from './errors';
import type { EndEvent, EventOf, Originator, RTCSessionEventMap, SessionDirection } from './events';
import {
  type AnswerOptions,
  type CallOptions,
  callConstraints,
  engineCallOptions,
} from './options';
import { Peer } from './peer';
import { Questions } from './questions';
import type { ReferSubscriber } from './refer_subscriber';
import { type InitCallback, RTCSession } from './rtc_session';

const log = logger('RTCSession');

/** Sees every event after its listeners; `settle` decides what they have not decided. */
export type Tap = (name: keyof RTCSessionEventMap, event: unknown, settle?: () => void) => void;

export class Call implements SessionSink {
  readonly session: RTCSession;
  readonly ua: UA;
  readonly taps = new Set<Tap>();
  /** How many of the taps are loops, which may decide about what they see. */
  loops = 0;
  readonly onHold = { local: false, remote: false };
  readonly muted = { audio: false, video: false };
  readonly deliveries = new Deliveries(this);

  number: number | undefined;
  id: string | null = null;
  contact: string | null = null;
  direction: SessionDirection | null = null;
  /** The INVITE. */
  request: IncomingRequest | OutgoingRequest | undefined;
  /** The INVITE, when it is ours. */
  invite: OutgoingRequest | undefined;
  startTime: Date | null = null;
  endTime: Date | null = null;
  isConfirmed = false;
  end: EndEvent | undefined;
  peer: Peer | undefined;
  /** Kept for those who look at it after the end. */
  connection: RTCPeerConnection | null = null;
  /** The cause that `terminate()` was given for the `ended` it brings about. */
  endCause: string | undefined;

  #driver: Driver | undefined;
  #questions = new Questions(this);
  #initCallback: InitCallback | undefined;
  #isPeerAnnounced = false;
  /** Whether the application is being told of the session. */
  #isIntroducing = false;
  /** The status when a step of the peer connection failed, which may have ended the call... */
  #statusBefore: Status | undefined;
  /** ...and which is shown while the listeners are told of that, before they are of the end. */
  #statusShown: Status | undefined;
  /** Whether the listeners of `sending` are being told. */
  isSending = false;
  #exchanges = new Map<number, (() => void) | undefined>();
  #referSubscribers = new Map<number, ReferSubscriber>();
  #signal: AbortSignal | undefined;
  #abort = (): void => {
    if (this.status !== Status.STATUS_TERMINATED) this.session.terminate();
  };

  constructor(session: RTCSession, ua: UA) {
    this.session = session;
    this.ua = ua;
  }

  /** The one that the session was made with: its user agent may have another since. */
  get driver(): Driver {
    return (this.#driver ??= this.ua.driver);
  }

  get isOver(): boolean {
    return this.end !== undefined;
  }

  get status(): Status {
    if (this.isOver) return Status.STATUS_TERMINATED;
    if (this.number === undefined) return Status.STATUS_NULL;
    if (this.#statusShown !== undefined) return this.#statusShown;
    const state = this.driver.query(Query.SessionState, this.number);
    if (!state) return Status.STATUS_TERMINATED;
    // The engine counts an INVITE as sent when the listeners of `sending` have seen it.
    return state[0] === Status.STATUS_NULL && this.isSending ? Status.STATUS_INVITE_SENT : state[0];
  }

  get isReadyToReOffer(): boolean {
    if (this.number === undefined || this.isOver) return false;
    return this.driver.query(Query.SessionState, this.number)?.[5] ?? false;
  }

  /** Carries out a command about this session; throws what the application is to get. */
  command<T>(steps: (driver: Driver, session: number) => T): T {
    return this.#command(steps, false);
  }

  /**
   * The same, but while the application hears of the session, what follows comes after that: who
   * answers at once can still listen to what the answer brings.
   */
  commandAfterIntroduction(steps: (driver: Driver, session: number) => void): void {
    this.#command(steps, this.#isIntroducing);
  }

  #command<T>(steps: (driver: Driver, session: number) => T, isLater: boolean): T {
    const { driver, number } = this;
    if (number === undefined) throw toError(['noSuchSession']);
    const take = () => steps(driver, number);
    try {
      return isLater ? take() : driver.run(take);
    } catch (error) {
      throw toError(error);
    }
  }

  emit<K extends keyof RTCSessionEventMap>(
    name: K,
    event: EventOf<K>,
    settle?: () => void,
  ): void {
    log.debug('emit "%s"', name);
    (this.session.emit as (name: K, event: unknown) => boolean)(name, event);
    for (const tap of [...this.taps]) tap(name, event, settle);
  }

  /** Whether anybody may decide about an event. */
  isHeard(name: keyof RTCSessionEventMap): boolean {
    return this.loops > 0 || this.session.listenerCount(name) > 0;
  }

  /** Becomes the session of this number. */
  adopt(number: number): void {
    this.number = number;
    this.driver.sessions.set(number, this);
    const identity = this.driver.query(Query.SessionIdentity, number);
    if (identity) this.id = identity[0] + identity[1];
  }

  /** What names this side in the dialog. */
  get localTag(): string | undefined {
    const { number } = this;
    const identity = number === undefined ? null : this.driver.query(Query.SessionIdentity, number);
    return identity ? NameAddrHeader.parse(identity[2])?.getParam('tag') ?? undefined : undefined;
  }

  /** Calls. */
  start(target: string, options: CallOptions, initCallback: InitCallback | undefined): void {
    const constraints = callConstraints(options);
    const wanted = engineCallOptions(options, constraints);
    this.#initCallback = initCallback;
    this.createPeer(options, constraints);
    try {
      this.driver.run(() => {
        this.adopt(this.driver.put(Command.Call, target, wanted));
        this.follow(options.signal);
        this.contact = this.#ownContact(options.anonymous);
        this.announcePeer();
      });
    } catch (error) {
      if (this.number === undefined) this.discardPeer();
      throw toError(error);
    }
  }

  /** Becomes the call that a REFER has asked for. */
  startReferred(
    driver: Driver,
    number: number,
    options: CallOptions,
    initCallback: InitCallback | undefined,
  ): void {
    this.#driver = driver;
    this.#initCallback = initCallback;
    this.adopt(number);
    this.follow(options.signal);
    this.contact = this.#ownContact(options.anonymous);
    this.createPeer(options, callConstraints(options));
    this.announcePeer();
  }

  /** Becomes the session of an INVITE that has come; the driver gives it its questions. */
  receive(driver: Driver, number: number): void {
    this.#driver = driver;
    this.#initCallback = takeAwaited()?.initCallback;
    this.adopt(number);
    this.contact = this.ua.contact.toString();
  }

  /** Makes the peer connection, or takes the one that is given. */
  createPeer(options: AnswerOptions, constraints: MediaStreamConstraints | undefined): Peer {
    const connection = options.peerConnection ?? this.#createConnection(options);
    const settings = {
      stream: options.mediaStream ?? undefined,
      constraints,
      offer: options.rtcOfferConstraints ?? undefined,
      answer: options.rtcAnswerConstraints ?? undefined,
    };
    this.peer = new Peer(connection, settings, (...row) => this.#report(row));
    this.connection = connection;
    return this.peer;
  }

  /** Lets the peer connection go that was made for a command which was not carried out. */
  discardPeer(): void {
    this.peer?.close();
    this.peer = undefined;
    this.connection = null;
  }

  announcePeer(): void {
    if (this.#isPeerAnnounced || !this.peer) return;
    this.#isPeerAnnounced = true;
    this.emit('peerconnection', { peerconnection: this.peer.connection });
  }

  /** Shows the application the new session. */
  introduce(request: IncomingRequest | OutgoingRequest): void {
    const isLocal = this.invite !== undefined;
    this.request = request;
    this.direction = isLocal ? 'outgoing' : 'incoming';
    const initCallback = this.#initCallback;
    this.#initCallback = undefined;
    this.#isIntroducing = true;
    if (initCallback) {
      try {
        initCallback(this.session);
      } catch (error) {
        report(error);
      }
    }
    const originator = isLocal ? 'local' : 'remote';
    const event = { originator, session: this.session, request } as RTCSessionEvent;
    this.ua.newRTCSession(this.session, event);
    this.#isIntroducing = false;
  }

  /** A request of the peer. */
  received(row: MessageRow): IncomingRequest {
    return new IncomingRequest(this.ua, row);
  }

  #message(row: MessageRow): IncomingRequest | IncomingResponse {
    return row[0] === 'request' ? this.received(row) : new IncomingResponse(row);
  }

  /** Ends the session when the signal is aborted. */
  follow(signal: AbortSignal | undefined): void {
    if (!signal || this.#signal === signal) return;
    this.#unfollow();
    this.#signal = signal;
    signal.addEventListener('abort', this.#abort);
  }

  #unfollow(): void {
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#signal = undefined;
  }

  /** Remembers whom to tell how an exchange went. */
  expectExchange(exchange: number, done: (() => void) | undefined): void {
    this.#exchanges.set(exchange, done);
  }

  expectRefer(number: number, subscriber: ReferSubscriber): void {
    this.#referSubscribers.set(number, subscriber);
  }

  /** Ends a session that the engine does not know. */
  abandon(cause: string): void {
    this.#over('failed', 'local', cause, undefined, undefined);
  }

  // What the driver tells.

  media(...request: MediaRow): void {
    if (request[0] === 'open' && !this.peer) {
      try {
        this.createPeer({}, undefined);
      } catch (error) {
        return this.#report(['failed', 'open', String(error)]);
      }
    }
    this.peer?.carryOut(...request);
  }

  ask(ask: number, ...question: QuestionRow): void {
    this.#questions.ask(ask, ...question);
  }

  refer(refer: number, ...state: ReferRow): void {
    const subscriber = this.#referSubscribers.get(refer);
    if (state[0] === 'over') this.#referSubscribers.delete(refer);
    subscriber?._told(this.ua, ...state);
  }

  referred(number: number): void {
    const { options, initCallback } = takeAwaited() ?? {};
    const session = new RTCSession(this.ua);
    try {
      session._call().startReferred(this.driver, number, options ?? {}, initCallback);
    } catch (error) {
      report(error);
      // Without a peer connection there is no call; whoever asked for it is told.
      this.driver.tell(Command.Terminate, number, {});
    }
  }

  closed(): void {
    this.#letGo();
    this.#referSubscribers.clear();
  }

  event(...event: SessionRow): void {
    switch (event[0]) {
      case 'connecting':
        if (this.request) this.emit('connecting', { request: this.request });
        return;
      case 'progress':
        return this.#emitResponse('progress', event[1], event[2]);
      case 'accepted':
        this.startTime = new Date();
        return this.#emitResponse('accepted', event[1], event[2]);
      case 'confirmed':
        this.isConfirmed = true;
        return this.emit('confirmed', {
          originator: event[1],
          ack: event[2] ? this.received(event[2]) : null,
        } as EventOf<'confirmed'>);
      case 'ended':
      case 'failed':
        return this.#over(event[0], event[1], event[2], event[3], event[4]);
      case 'newDTMF':
        return this.deliveries.tone(event[1], event[2], event[3], event[4]);
      case 'dtmf:delivered':
        return this.deliveries.toneDelivered(event[2]);
      case 'newInfo':
        return this.deliveries.info(event[1], event[2], event[3], event[4]);
      case 'info:delivered':
        return this.deliveries.infoDelivered(event[1], event[2]);
      case 'muted':
      case 'unmuted': {
        const [name, audio, video] = event;
        if (audio) this.muted.audio = name === 'muted';
        if (video) this.muted.video = name === 'muted';
        return this.emit(name, { audio, video });
      }
      case 'hold':
      case 'unhold': {
        const originator = event[1] === 'remote' ? 'remote' : 'local';
        this.onHold[originator] = event[0] === 'hold';
        return this.emit(event[0], { originator });
      }
      case 'renegotiated':
        return this.#renegotiated(event[1], event[2], event[3]);
      case 'readytoreoffer':
        return this.emit('readytoreoffer', undefined);
      case 'reoffered':
        return this.#questions.answered();
      case 'remoteidentity': {
        const identity = NameAddrHeader.parse(event[1]);
        if (identity) this.emit('remoteidentity', { identity });
        return;
      }
      case 'mediaunconnected':
        return this.emit('mediaunconnected', { after: event[1] });
      default:
        return this.#mediaFailed(event[0], event[1]);
    }
  }

  #emitResponse(
    name: 'progress' | 'accepted',
    originator: Originator,
    response: MessageRow | undefined,
  ): void {
    this.emit(name, {
      originator,
      response: response ? new IncomingResponse(response) : null,
    } as EventOf<'progress'>);
  }

  #renegotiated(
    exchange: number,
    cause: string | undefined,
    row: MessageRow | undefined,
  ): void {
    const done = this.#exchanges.get(exchange);
    this.#exchanges.delete(exchange);
    if (this.peer) this.peer.offerOptions = undefined;
    if (cause !== undefined) {
      const response = row ? new IncomingResponse(row) : null;
      return this.emit('renegotiationfailed', { cause, response });
    }
    try {
      done?.();
    } catch (error) {
      report(error);
    }
  }

  #over(
    name: 'ended' | 'failed',
    originator: Originator,
    cause: string,
    row: MessageRow | undefined,
    detail: string | undefined,
  ): void {
    if (this.isOver) return;
    const sent = row ? this.#message(row) : null;
    const told = name === 'ended' && originator === 'local' ? (this.endCause ?? cause) : cause;
    if (name === 'ended') this.endTime = new Date();
    if (detail) log.warn('session %s: %s', name, detail);
    this.end = { originator, message: sent as EndEvent['message'], cause: told };
    this.#letGo();
    this.emit(name, this.end);
  }

  /** The media and all that waits for an answer; not the transfers, which may outlive the call. */
  #letGo(): void {
    this.#unfollow();
    this.peer?.close();
    this.deliveries.clear();
    this.#exchanges.clear();
    this.ua.destroyRTCSession(this.session);
  }

  #mediaFailed(name: MediaFailure, text: string): void {
    const step = FAILED_STEP[name];
    const error = step && this.peer?.takeError(step);
    this.#statusShown = this.#statusBefore;
    try {
      this.emit(name, error ?? new Error(text));
    } finally {
      this.#statusShown = undefined;
    }
  }

  #createConnection(options: AnswerOptions): RTCPeerConnection {
    const PeerConnection = this.ua.PeerConnection;
    if (!PeerConnection) throw new NotSupportedError('WebRTC not supported');
    const config = options.pcConfig ? { ...options.pcConfig } : { iceServers: [] };
    return options.rtcConstraints
      ? new (PeerConnection as LegacyPeerConnection)(config, options.rtcConstraints)
      : new PeerConnection(config);
  }

  #ownContact(anonymous: boolean | undefined): string {
    return this.ua.contact.toString({ anonymous: Boolean(anonymous), outbound: true });
  }

  #report(row: ReportRow): void {
    const { number } = this;
    if (number === undefined || this.isOver) return;
    if (row[0] === 'failed') this.#statusBefore = this.status;
    try {
      this.driver.tell(Command.Report, number, ...row);
    } catch (error) {
      // The steps of the peer connection go on, whatever becomes of one report.
      log.warn('a report was not taken: %o', error);
    }
  }
}

type LegacyPeerConnection = new (
  config: RTCConfiguration,
  constraints: object,
) => RTCPeerConnection;

type MediaFailure = Extract<SessionRow[0], 'getusermediafailed' | `peerconnection:${string}`>;

const FAILED_STEP: Record<MediaFailure, MediaStep> = {
  getusermediafailed: 'capture',
  'peerconnection:createofferfailed': 'createOffer',
  'peerconnection:createanswerfailed': 'createAnswer',
  'peerconnection:setlocaldescriptionfailed': 'setLocal',
  'peerconnection:setremotedescriptionfailed': 'setRemote',
};
