// `UA`: the user agent, as the application has it. What it is told to do goes to the engine; what
// the engine says becomes its events, and those of the objects that it keeps.

import type { Applicant } from './applicant';
import { asked } from './asked';
import { type UAConfiguration, type UASettings, engineConfig, load } from './config';
import { contactOf } from './contact';
import { logger } from './debug';
import { Driver, type AgentSink, type SessionSink } from './driver';
import { EventEmitter, report } from './emitter';
import { Command, type ParameterRow, Query } from './engine/commands';
import type { Engine, Row } from './engine/engine';
import { raise } from './engine/errors';
import { module } from './engine/load';
import type { MessageRow, Originator } from './engine/rows';
import { Message, type SendMessageOptions } from './message';
import { Notifier, type NotifierOptions, type Petition } from './notifier';
import { Options, type SendOptionsOptions } from './options';
import { Registrator } from './registrator';
import type { CallOptions, TerminateOptions } from './session/options';
import { RTCSession } from './session/rtc_session';
import { Subscriber, type SubscriberOptions } from './subscriber';
import { Transport, type DisconnectEvent } from './transport';
import type {
  RTCSessionEvent,
  UAContact,
  UAEventMap,
  UnRegisteredEvent,
  UnRegisterOptions,
} from './ua_types';
import { causes } from './values/constants';
import { type EventValue, IncomingRequest, IncomingResponse } from './values/incoming';
import type { OutgoingRequest } from './values/outgoing';
import type { URI } from './values/uri';
import { normalizeTarget } from './values/utils';

const log = logger('UA');

const C = {
  STATUS_INIT: 0,
  STATUS_READY: 1,
  STATUS_USER_CLOSED: 2,
  STATUS_NOT_READY: 3,
  CONFIGURATION_ERROR: 1,
  NETWORK_ERROR: 2,
} as const;

export type UAStatus = 0 | 1 | 2 | 3;

export class UA extends EventEmitter<UAEventMap> {
  /** @internal */
  _configuration: UASettings;
  /** @internal Applications are known to count them. */
  _sessions: Record<string, RTCSession> = {};
  /** @internal */
  _transport: Transport;
  /** @internal */
  _contact: UAContact;
  /** @internal */
  _status: UAStatus = C.STATUS_INIT;
  /** @internal */
  _error: number | null = null;
  /** @internal */
  _registrator: Registrator;
  /** @internal For the application. */
  _data: Record<string, unknown> = {};
  /** @internal The SUBSCRIBEs that wait for a `Notifier`. */
  _petitions = new WeakMap<IncomingRequest, Petition>();
  private _driver: Driver | undefined;

  static get C(): typeof C {
    return C;
  }

  /** Throws a `ConfigurationError` that names the parameter, or a TypeError without any. */
  constructor(configuration: UAConfiguration) {
    if (!configuration) throw new TypeError('Not enough arguments');
    super();
    const { settings, sockets } = load(configuration, (parameter, value) =>
      this._tell(parameter, value),
    );
    this._configuration = settings;
    this._transport = new Transport(
      sockets,
      {
        max_interval: settings.connection_recovery_max_interval,
        min_interval: settings.connection_recovery_min_interval,
      },
      {
        connecting: (event) => this.emit('connecting', event),
        opened: (flow, transport) => this._opened(flow, transport),
        lost: (flow, reason) => this._driver?.tell(Command.FlowLost, flow, reason),
        received: (flow, message) => this._driver?.tell(Command.Received, flow, message),
        closed: (event) => this._disconnected(event),
      },
    );
    this._contact = contactOf(settings.contact_uri, () => this.driver);
    this._registrator = new Registrator(this);
    // What the engine does not take is told now, not when it starts.
    this._driver = this._makeDriver();
  }

  get C(): typeof C {
    return C;
  }

  /** One of `C.STATUS_…`. */
  get status(): UAStatus {
    return this._status;
  }

  /** The Contact of what goes out. */
  get contact(): UAContact {
    return this._contact;
  }

  /** What the user agent works with, checked and complete. */
  get configuration(): UASettings {
    return this._configuration;
  }

  get transport(): Transport {
    return this._transport;
  }

  /** @internal Drives the engine; a new one takes its place when the user agent has stopped. */
  get driver(): Driver {
    return (this._driver ??= this._makeDriver());
  }

  /** @internal Makes peer connections; `undefined` where there is no WebRTC. */
  get PeerConnection(): UASettings['rtc_peer_connection'] {
    return this._configuration.rtc_peer_connection ?? globalThis.RTCPeerConnection;
  }

  /** Connects, registers, and does so again when the connection breaks. */
  start(): void {
    log.debug('start()');
    switch (this._status) {
      case C.STATUS_USER_CLOSED:
        // Where the stop is not over yet, what is left of it is not waited for.
        if (this._driver) this._retire(this._driver);
        this._status = C.STATUS_INIT;
        break;
      case C.STATUS_INIT:
        break;
      default:
        return log.debug('start(): already started');
    }
    this._transport.close_requested = false;
    const { driver } = this;
    driver.run(() => {
      // The configuration may have changed since the engine was made.
      if (this._configuration.register) driver.put(Command.Register);
      else driver.put(Command.Unregister, false);
      driver.put(Command.Start);
    });
  }

  /** Ends all sessions and the registration, then closes the connection: it may start again. */
  stop(): void {
    log.debug('stop()');
    if (this._status === C.STATUS_USER_CLOSED) return log.debug('stop(): already stopped');
    this._status = C.STATUS_USER_CLOSED;
    this.driver.tell(Command.Stop);
  }

  register(): void {
    this._registrator.register();
  }

  unregister(options?: UnRegisterOptions): void {
    this._registrator.unregister(options);
  }

  registrator(): Registrator {
    return this._registrator;
  }

  isRegistered(): boolean {
    return this._driver?.query(Query.IsRegistered)?.[0] ?? false;
  }

  isConnected(): boolean {
    return this._transport.isConnected();
  }

  /** Calls somebody: a SIP URI, or a user of the own domain. */
  call(target: string | URI, options?: CallOptions): RTCSession {
    const session = new RTCSession(this);
    session.connect(target, options);
    return session;
  }

  sendMessage(target: string | URI, body: string, options?: SendMessageOptions): Message {
    const message = new Message(this);
    message.send(target, body, options);
    return message;
  }

  sendOptions(target: string | URI, body?: string, options?: SendOptionsOptions): Options {
    const message = new Options(this);
    message.send(target, body, options);
    return message;
  }

  /** A subscription that is made by its `subscribe()`. */
  subscribe(
    target: string | URI,
    eventName: string,
    accept: string,
    options?: SubscriberOptions,
  ): Subscriber {
    return new Subscriber(this, target, eventName, accept, options);
  }

  /** Takes the SUBSCRIBE of a `newSubscribe`; the subscription begins with its `start()`. */
  notify(subscribe: IncomingRequest, contentType: string, options?: NotifierOptions): Notifier {
    return new Notifier(this, subscribe, contentType, options);
  }

  terminateSessions(options?: TerminateOptions): void {
    for (const session of Object.values(this._sessions)) {
      if (!session.isEnded()) session.terminate(options);
    }
  }

  /** A target as a URI; `undefined` where it is none. */
  normalizeTarget(target: string | URI): URI | undefined {
    return normalizeTarget(target, this._configuration.hostport_params);
  }

  /** What the configuration says now of `authorization_user`, `realm`, `ha1`, `authorization_jwt`. */
  get<K extends keyof UAConfiguration>(parameter: K): UAConfiguration[K];
  get(parameter: string): unknown;
  get(parameter: string): unknown {
    switch (parameter) {
      case 'authorization_user':
      case 'realm':
      case 'ha1':
      case 'authorization_jwt':
        return this._configuration[parameter];
      default:
        log.warn('get() | cannot get "%s" parameter in runtime', parameter);
        return undefined;
    }
  }

  /** Changes what may be changed while it runs; whether it may. */
  set<K extends keyof UAConfiguration>(parameter: K, value: UAConfiguration[K]): boolean;
  set(parameter: string, value: unknown): boolean;
  set(parameter: string, value: unknown): boolean {
    switch (parameter) {
      case 'ha1':
        this._configuration.password = null;
        this._configuration.ha1 = String(value);
        return true;
      case 'authorization_user':
      case 'password':
      case 'realm':
      case 'authorization_jwt':
        this._configuration[parameter] = String(value);
        return true;
      case 'display_name':
        this._configuration.display_name = value as string | null;
        return true;
      case 'extra_headers':
        this._configuration.extra_headers = value as string[] | null;
        return true;
      default:
        log.warn('set() | cannot set "%s" parameter in runtime', parameter);
        return false;
    }
  }

  // What follows is for the other classes of this package.

  /** @internal */
  newRTCSession(
    session: RTCSession,
    event: {
      originator: 'local' | 'remote';
      session: RTCSession;
      request: IncomingRequest | OutgoingRequest;
    },
  ): void {
    if (session.id !== null) this._sessions[session.id] = session;
    this.emit('newRTCSession', event as RTCSessionEvent);
  }

  /** @internal */
  destroyRTCSession(session: RTCSession): void {
    if (session.id !== null) delete this._sessions[session.id];
  }

  /** @internal Shows the application a MESSAGE or OPTIONS. */
  _announce(
    type: 'newMessage' | 'newOptions',
    originator: Originator,
    message: Applicant,
    request: IncomingRequest | OutgoingRequest,
  ): void {
    (this.emit as (type: string, event: unknown) => boolean)(type, {
      originator,
      message,
      request,
    });
  }

  /** @internal */
  _register(): void {
    const { driver } = this;
    driver.run(() => {
      this._tellTagTrail(driver);
      driver.put(Command.Register);
    });
  }

  /** @internal */
  _unregister({ all }: UnRegisterOptions): void {
    const registered = this.isRegistered();
    this.driver.tell(Command.Unregister, registered && Boolean(all));
  }

  /** @internal Changes a parameter of the engine, where there is one. */
  _tell(...change: ParameterRow): void {
    try {
      this._driver?.tell(Command.Set, ...change);
    } catch (error) {
      raise(error);
    }
  }

  private _makeDriver(): Driver {
    const seed = crypto.getRandomValues(new Uint8Array(32));
    const config = engineConfig(this._configuration, this._transport.socket, this._tagTrail());
    let engine: Engine;
    try {
      engine = new (module().Engine)(config, seed);
    } catch (error) {
      raise(error);
    }
    const sink: AgentSink = {
      newSession: (session) => this._newSession(driver, session),
      ask: (ask, ...question) => asked(this, driver, ask, question),
      row: (row) => this._told(driver, row),
    };
    const driver = new Driver(engine, sink);
    this._registrator._apply(driver);
    return driver;
  }

  private _tagTrail(): string {
    const trail = this._configuration.register_from_tag_trail;
    if (typeof trail !== 'function') return trail;
    try {
      return String(trail());
    } catch (error) {
      report(error);
      return '';
    }
  }

  /** @internal A trail that the application makes may be another for each REGISTER. */
  _tellTagTrail(driver: Driver): void {
    if (typeof this._configuration.register_from_tag_trail !== 'function') return;
    const trail = this._tagTrail();
    try {
      driver.put(Command.Set, 'register_from_tag_trail', trail);
    } catch {
      report(new TypeError(`register_from_tag_trail gave what cannot be in a tag: ${trail}`));
    }
  }

  private _opened(flow: number, transport: string): void {
    const driver = this._driver;
    driver?.run(() => {
      this._tellTagTrail(driver);
      driver.put(Command.Set, 'route', this._transport.sip_uri);
      driver.put(Command.FlowOpened, flow, transport);
    });
  }

  private _told(driver: Driver, row: Row): void {
    // An engine that is being stopped goes on without us once we have been started again.
    if (driver !== this._driver) {
      if (row[0] === 'stopped') driver.close();
      return;
    }
    switch (row[0]) {
      case 'send':
        return this._transport._deliver(row[1], row[2]);
      case 'open':
        return this._transport._open(row[1]);
      case 'ping':
        return this._transport._ping(row[1]);
      case 'close':
        return this._transport._close(row[1]);
      case 'connected':
        if (this._status === C.STATUS_USER_CLOSED) return;
        this._status = C.STATUS_READY;
        this._error = null;
        this.emit('connected', { socket: this._transport });
        return;
      case 'disconnected':
        return this._disconnected(this._transport._takeLoss(row[1]));
      case 'registered':
        this.emit('registered', { response: new IncomingResponse(row[2]) });
        return;
      case 'unregistered':
        return this._unregistered(row[1], row[2]);
      case 'registrationFailed':
        this.emit('registrationFailed', ended(row[1], row[2]));
        return;
      case 'sipEvent': {
        const request = new IncomingRequest(this, row[1]);
        this.emit('sipEvent', { event: request.event as EventValue, request });
        return;
      }
      case 'stopped':
        return this._halted(driver);
      // 'connecting' is told when a socket has been chosen.
      default:
        return;
    }
  }

  private _unregistered(response: MessageRow | undefined, cause: string | undefined): void {
    const isLoss = !response && cause === causes.CONNECTION_ERROR && !this.isConnected();
    this.emit('unregistered', isLoss ? ({} as UnRegisteredEvent) : ended(response, cause));
  }

  private _disconnected(event: DisconnectEvent): void {
    this.emit('disconnected', event);
    if (this._status === C.STATUS_USER_CLOSED) return;
    this._status = C.STATUS_NOT_READY;
    this._error = C.NETWORK_ERROR;
  }

  /** The engine has stopped. */
  private _halted(driver: Driver): void {
    this._driver = undefined;
    driver.close();
    this._transport._finish();
  }

  /** The engine is left alone with what it still has to end. */
  private _retire(driver: Driver): void {
    this._driver = undefined;
    const flow = this._transport._finish();
    if (flow === undefined) return;
    driver.tell(Command.FlowLost, flow, 'the user agent starts again');
  }

  private _newSession(driver: Driver, number: number): SessionSink | undefined {
    const status =
      this.listenerCount('newRTCSession') === 0 ? 405 : this.PeerConnection ? undefined : 488;
    if (status !== undefined) {
      driver.tell(Command.Terminate, number, { status });
      return undefined;
    }
    const call = new RTCSession(this)._call();
    call.receive(driver, number);
    return call;
  }
}

function ended(row: MessageRow | undefined, cause: string | undefined): UnRegisteredEvent {
  const response = row ? new IncomingResponse(row) : null;
  return { response, cause: cause ?? null } as unknown as UnRegisteredEvent;
}
