// The engine's commands: what `crates/web` exports, as TypeScript sees it. Every command returns at
// once, and `poll` is drained after each (see `driver.ts`). `now` is in milliseconds, from the
// clock of `performance.now()`. Headers are lines, as JsSIP writes them: 'X-Note: hello'.

import type { ErrorRow, MessageRow, ReportRow, Row, StateRow } from './rows';

export type { ErrorRow, MessageRow, ReportRow, Row, StateRow };

/** What an engine is made with. What is not given keeps the core's default. */
export interface EngineConfig {
  /** The address of record. */
  uri: string;
  displayName?: string;
  authorizationUser?: string;
  password?: string;
  /** With `ha1`. */
  realm?: string;
  ha1?: string;
  /** The whole value of the Authorization header of every request. */
  authorizationJwt?: string;
  /** Where the first socket leads: `ws://…` or `wss://…`. */
  server: string;
  contactUri?: string;
  instanceId?: string;
  register: boolean;
  /** Seconds. */
  registerExpires: number;
  registrar?: string;
  registerFromTagTrail?: string;
  usePreloadedRoute: boolean;
  sessionTimers: boolean;
  sessionTimersRefreshMethod: 'UPDATE' | 'INVITE';
  sessionTimersForceRefresher: boolean;
  /** Milliseconds. */
  noAnswerTimeout: number;
  /** Seconds. */
  reconnectMin: number;
  reconnectMax: number;
  userAgent: string;
  extraHeaders?: string[];
  /** Milliseconds. */
  gatheringTimeout?: number;
  trickleIce?: boolean;
  /** Milliseconds. */
  recoveryTimeout?: number;
  mediaTimeout?: number;
  /** Milliseconds; 0: none. */
  keepAlive?: number;
  /** `*` stands for every package. */
  eventPackages?: string[];
}

export interface CallOptions {
  extraHeaders?: string[];
  audio: boolean;
  video: boolean;
  lateOffer?: boolean;
  anonymous?: boolean;
  fromUserName?: string;
  fromDisplayName?: string;
  sessionTimersExpires?: number;
  trickleIce?: boolean;
  followRedirects?: boolean;
  /** Milliseconds. */
  noAnswerTimeout?: number;
}

export interface AnswerOptions {
  extraHeaders?: string[];
  audio?: boolean;
  video?: boolean;
  sessionTimersExpires?: number;
  trickleIce?: boolean;
}

export interface TerminateOptions {
  extraHeaders?: string[];
  status?: number;
  reason?: string;
  contentType?: string;
  body?: string;
}

export interface ProgressOptions {
  status?: number;
  reason?: string;
  extraHeaders?: string[];
  media?: boolean;
}

export interface DtmfOptions {
  /** Milliseconds. */
  duration: number;
  interToneGap: number;
  extraHeaders?: string[];
  transport: 'INFO' | 'RFC2833';
}

export interface ReofferOptions {
  useUpdate?: boolean;
  extraHeaders?: string[];
  iceRestart?: boolean;
}

export interface ReferOptions {
  extraHeaders?: string[];
  /** A session of this engine. */
  replaces?: number;
  hangUp?: boolean;
}

export interface RequestOptions {
  extraHeaders?: string[];
  fromUserName?: string;
  fromDisplayName?: string;
  contentType?: string;
  body?: string;
}

export interface SubscribeOptions {
  accept?: string[];
  /** Seconds. */
  expires?: number;
  extraHeaders?: string[];
  contentType?: string;
  body?: string;
  /** Outside a session: whose request it says to be, and to whom. */
  fromUri?: string;
  fromDisplayName?: string;
  toUri?: string;
  toDisplayName?: string;
}

export interface GrantOptions {
  pending?: boolean;
  /** Seconds. */
  expires?: number;
  contentType?: string;
  body?: string;
  /** For the 200. */
  extraHeaders?: string[];
  /** For each NOTIFY. */
  notifyHeaders?: string[];
}

/** Why an engine was not made (`ConfigError` in the core): what the constructor throws. */
export type ConfigErrorRow = ['config', parameter: string, value: string, expected: string];

/** The agent of `crates/core`, in WebAssembly. Commands throw an `ErrorRow`. */
export interface Engine {
  /** Lets its memory go; nothing may be called afterwards. */
  free(): void;

  /** What to do next; `undefined` when there is nothing. */
  poll(): Row | undefined;
  /** When `tick` is due. */
  nextTimeout(): number | undefined;
  tick(now: number): void;

  flowOpened(now: number, flow: number, transport: string): void;
  flowLost(now: number, flow: number, reason: string): void;
  received(now: number, flow: number, message: string | Uint8Array): void;
  report(now: number, session: number, ...report: ReportRow): void;

  start(now: number): void;
  stop(now: number): void;
  register(now: number): void;
  unregister(now: number, all: boolean): void;
  isRegistered(): boolean;
  isConnected(): boolean;
  publicGruu(): string | undefined;
  temporaryGruu(): string | undefined;
  /** The Contact of what goes out now, `sip:…`; `;ob` when `outbound`. */
  contact(anonymous: boolean, outbound: boolean): string;
  /** Names the server behind the connection, for `usePreloadedRoute`; '' takes that back. */
  setRoute(uri: string): void;
  /** Changes a parameter of the configuration: see `EngineConfig`. */
  set(parameter: string, value: string | string[] | undefined): void;
  setRegisterHeaders(headers: string[]): void;
  setRegisterContactParams(params: string): void;

  call(now: number, target: string, options: CallOptions): number;
  answer(now: number, session: number, options: AnswerOptions): void;
  progress(now: number, session: number, options: ProgressOptions): void;
  terminate(now: number, session: number, options: TerminateOptions): void;
  sendDtmf(now: number, session: number, tones: string, options: DtmfOptions): void;
  /** Returns the number that `info:delivered` names. */
  sendInfo(
    now: number,
    session: number,
    contentType: string,
    body: string,
    extraHeaders: string[],
  ): number;
  /** Returns the number that `requestOver` names. */
  sendRequest(now: number, session: number, method: string, options: RequestOptions): number;
  /** These return the number that `renegotiated` names. */
  hold(now: number, session: number, options: ReofferOptions): number;
  unhold(now: number, session: number, options: ReofferOptions): number;
  renegotiate(now: number, session: number, options: ReofferOptions): number;
  /** Returns the number that `refer` names. */
  refer(now: number, session: number, target: string, options: ReferOptions): number;
  mute(now: number, session: number, audio: boolean, video: boolean): void;
  unmute(now: number, session: number, audio: boolean, video: boolean): void;
  sessionState(session: number): StateRow | undefined;
  /** Call-ID, tag of the From of its INVITE, and the two name-addrs, as text with their tags. */
  sessionIdentity(
    session: number,
  ): [callId: string, fromTag: string, local: string, remote: string] | undefined;

  /** These return the number that `requestOver` names. */
  sendMessage(now: number, target: string, options: RequestOptions): number;
  sendOptions(now: number, target: string, options: RequestOptions): number;
  /** What one of these sends, until it is answered. */
  sentRequest(request: number): MessageRow | undefined;
  /** Returns the subscription's number. */
  subscribe(now: number, target: string, event: string, options: SubscribeOptions): number;
  refreshSubscription(now: number, subscription: number, contentType?: string, body?: string): void;
  unsubscribe(now: number, subscription: number, contentType?: string, body?: string): void;
  notify(
    now: number,
    subscription: number,
    contentType: string | undefined,
    body: string | undefined,
    pending: boolean,
  ): void;
  /** `retryAfter` in seconds. */
  terminateSubscription(
    now: number,
    subscription: number,
    reason: string | undefined,
    retryAfter: number | undefined,
    contentType: string | undefined,
    body: string | undefined,
  ): void;

  proceed(now: number, ask: number): void;
  replySdp(now: number, ask: number, sdp: string): void;
  replyRequest(now: number, ask: number, uri: string, headers: string[], body: string): void;
  replyReady(now: number, ask: number): void;
  replyAccept(now: number, ask: number, options: CallOptions): void;
  replyAnswer(
    now: number,
    ask: number,
    extraHeaders: string[],
    contentType: string | undefined,
    body: string | undefined,
  ): void;
  replyGrant(now: number, ask: number, options: GrantOptions): void;
  replyReject(
    now: number,
    ask: number,
    status: number,
    reason: string | undefined,
    extraHeaders: string[],
    contentType?: string,
    body?: string,
  ): void;

  /** How many of each live thing the engine holds, by name: for tests and leak hunts. */
  live(): Record<string, number>;
}

/** What the WebAssembly module exports. */
export interface Module {
  Engine: new (config: EngineConfig, seed: Uint8Array) => Engine;
  memory: WebAssembly.Memory;
  /** Makes room for a text of so many bytes, and says where: see `reading.ts`. */
  room(size: number): number;
  /** Reads the text there by the rule of that number, and says where what was found is, or 0. */
  read(rule: number, length: number, units: number): number;
  /** The names that a message's headers are numbered by, with a space behind each. */
  headerNames(): string;
}
