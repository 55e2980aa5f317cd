// The engine: what `crates/web` exports, as TypeScript sees it. Every call returns at once, and
// `poll` is drained after each command (see `driver.ts`). `now` is in milliseconds, from the clock
// of `performance.now()`. Headers are lines, as JsSIP writes them: 'X-Note: hello'.

import type { Answers, CommandRow, Query } from './commands';
import type { ErrorRow, MessageRow, ReportRow, Row, StateRow } from './rows';

export type { ErrorRow, MessageRow, ReportRow, Row, StateRow };

/**
 * What an engine is made with, by JsSIP's names: `UAConfiguration` says what each is. What is not
 * given, or `null`, keeps the core's default. Times are in seconds.
 */
export interface EngineConfig {
  uri: string;
  display_name?: string;
  authorization_user?: string;
  password?: string;
  realm?: string;
  ha1?: string;
  authorization_jwt?: string;
  /** Where the first socket leads: `ws://…` or `wss://…`. */
  server: string;
  contact_uri?: string;
  instance_id?: string;
  register: boolean;
  register_expires: number;
  registrar_server?: string;
  register_from_tag_trail?: string;
  use_preloaded_route: boolean;
  session_timers: boolean;
  session_timers_refresh_method: 'UPDATE' | 'INVITE';
  session_timers_force_refresher: boolean;
  /** Milliseconds. */
  no_answer_timeout: number;
  connection_recovery_min_interval: number;
  connection_recovery_max_interval: number;
  user_agent: string;
  extra_headers?: string[];
  gathering_timeout?: number;
  trickle_ice?: boolean;
  recovery_timeout?: number;
  media_timeout?: number;
  /** 0: none. */
  keep_alive?: number;
  /** `*` stands for every package. */
  event_packages?: string[];
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

/** The agent of `crates/core`, in WebAssembly. */
export interface Engine {
  /** Lets its memory go; nothing may be called afterwards. */
  free(): void;

  /** What to do next; `undefined` when there is nothing. */
  poll(): Row | undefined;
  /** When a `Tick` is due. */
  nextTimeout(): number | undefined;
  /** Carries out a command; returns the number of what it has made. Throws an `ErrorRow`. */
  command(now: number, row: CommandRow): number;
  /** Says what is known of something: of `id`, or of the engine. */
  query<Q extends Query>(query: Q, id: number): Answers[Q] | undefined;
}

/** What the WebAssembly module exports. */
export interface Module {
  Engine: new (config: EngineConfig, seed: Uint8Array) => Engine;
  memory: WebAssembly.Memory;
  /** Makes room for a text of so many bytes, and says where: see `reading.ts`. */
  room(size: number): number;
  /** Reads the text there by the rule of that number, and says where what was found is, or 0. */
  read(rule: number, length: number, units: number): number;
}
