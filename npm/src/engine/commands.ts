// What the engine can be told and asked, each by a number: `crates/web/src/commands.rs` has the same.

import type {
  AnswerOptions,
  CallOptions,
  DtmfOptions,
  GrantOptions,
  ProgressOptions,
  ReferOptions,
  ReofferOptions,
  RequestOptions,
  SubscribeOptions,
  TerminateOptions,
} from './engine';
import type { MessageRow, ReportRow, StateRow } from './rows';

export const enum Command {
  Tick,
  FlowOpened,
  FlowLost,
  Received,
  Report,
  Start,
  Stop,
  Register,
  Unregister,
  Set,
  Call,
  Answer,
  Progress,
  Terminate,
  SendDtmf,
  SendInfo,
  SendRequest,
  Hold,
  Unhold,
  Renegotiate,
  Refer,
  Mute,
  Unmute,
  SendMessage,
  SendOptions,
  Subscribe,
  RefreshSubscription,
  Unsubscribe,
  Notify,
  TerminateSubscription,
  Proceed,
  ReplySdp,
  ReplyRequest,
  ReplyReady,
  ReplyAccept,
  ReplyAnswer,
  ReplyGrant,
  ReplyReject,
}

/** What a body is. */
type Body = [contentType: string | undefined, body: string | undefined];

/**
 * A command: what to do, whom it is about, and with what; options come before the rest. Some make
 * something, and answer with its number.
 */
export type CommandRow =
  | [Command.Tick]
  | [Command.FlowOpened, flow: number, transport: string]
  | [Command.FlowLost, flow: number, reason: string]
  | [Command.Received, flow: number, message: string | Uint8Array]
  | [Command.Report, session: number, ...report: ReportRow]
  | [Command.Start]
  | [Command.Stop]
  | [Command.Register]
  | [Command.Unregister, all: boolean]
  | [Command.Set, ...change: ParameterRow]
  /** Makes a session. */
  | [Command.Call, target: string, options: CallOptions]
  | [Command.Answer, session: number, options: AnswerOptions]
  | [Command.Progress, session: number, options: ProgressOptions]
  | [Command.Terminate, session: number, options: TerminateOptions]
  | [Command.SendDtmf, session: number, options: DtmfOptions, tones: string]
  /** Makes what `info:delivered` names. */
  | [
      Command.SendInfo,
      session: number,
      extraHeaders: string[],
      contentType: string,
      body: string,
    ]
  /** Makes what `requestOver` names. */
  | [Command.SendRequest, session: number, options: RequestOptions, method: string]
  /** These make what `renegotiated` names. */
  | [ReofferCommand, session: number, options: ReofferOptions]
  /** Makes what `refer` names. */
  | [Command.Refer, session: number, options: ReferOptions, target: string]
  | [Command.Mute | Command.Unmute, session: number, audio: boolean, video: boolean]
  /** These make what `requestOver` names. */
  | [ApplicantCommand, target: string, options: RequestOptions]
  /** Makes a subscription. */
  | [Command.Subscribe, target: string, options: SubscribeOptions, event: string]
  | [Command.RefreshSubscription | Command.Unsubscribe, subscription: number, ...body: Body]
  | [Command.Notify, subscription: number, ...body: [...Body, pending: boolean]]
  | [
      Command.TerminateSubscription,
      subscription: number,
      ...body: [...Body, reason: string | undefined, retryAfterSeconds: number | undefined],
    ]
  | ReplyRow;

export type ReofferCommand = Command.Hold | Command.Unhold | Command.Renegotiate;
export type ApplicantCommand = Command.SendMessage | Command.SendOptions;

/** The answer to a question. */
export type ReplyRow =
  | [Command.Proceed, ask: number]
  | [Command.ReplySdp, ask: number, sdp: string]
  | [Command.ReplyRequest, ask: number, uri: string, headers: string[], body: string]
  | [Command.ReplyReady, ask: number]
  | [Command.ReplyAccept, ask: number, options: CallOptions]
  | [Command.ReplyAnswer, ask: number, extraHeaders: string[], ...body: Body]
  | [Command.ReplyGrant, ask: number, options: GrantOptions]
  | [
      Command.ReplyReject,
      ask: number,
      extraHeaders: string[],
      ...body: [...Body, status: number, reason: string | undefined],
    ];

/** What may change while the engine runs. What is not there is as `EngineConfig` leaves it out. */
export type ParameterRow =
  | [parameter: ConfigParameter, value: ConfigValue]
  /** Header lines of every REGISTER. */
  | [parameter: 'register_headers', lines: string[]]
  /** Parameters of the Contact of every REGISTER: `;name=value;flag`. */
  | [parameter: 'register_contact_params', params: string]
  /** Names the server behind the connection, for `usePreloadedRoute`; '' takes that back. */
  | [parameter: 'route', uri: string];

/** What `EngineConfig` has, too. */
export type ConfigParameter =
  | 'authorization_user'
  | 'password'
  | 'realm'
  | 'ha1'
  | 'authorization_jwt'
  | 'display_name'
  | 'extra_headers'
  | 'register_from_tag_trail';

export type ConfigValue = string | string[] | undefined;

export const enum Query {
  IsRegistered,
  Contacts,
  SessionState,
  SessionIdentity,
  SentRequest,
  Live,
}

/** What is asked, and what the engine knows of it; nothing where that is not there any more. */
export interface Answers {
  [Query.IsRegistered]: [isRegistered: boolean];
  /** The Contact is that of what goes out now, `sip:…`; the last two, of what begins a dialog. */
  [Query.Contacts]: [
    publicGruu: string | undefined,
    temporaryGruu: string | undefined,
    contact: string,
    anonymousContact: string,
    outboundContact: string,
    anonymousOutboundContact: string,
  ];
  [Query.SessionState]: StateRow;
  /** The tag is that of the From of the INVITE; the name-addrs are text with their tags. */
  [Query.SessionIdentity]: [callId: string, fromTag: string, local: string, remote: string];
  /** What `SendMessage` and `SendOptions` send, until it is answered. */
  [Query.SentRequest]: MessageRow;
  /** How many of each live thing the engine holds: for tests and leak hunts. */
  [Query.Live]: [name: string, count: number][];
}
