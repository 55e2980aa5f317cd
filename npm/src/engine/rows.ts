// What the engine says: rows, each an array whose first strings name it. `crates/web/src/rows.rs`
// writes them; nothing else does. Times are milliseconds; what is not there is `undefined`.

import type { Status } from './status';

/** `request` or `response`, the text; and the body, where that is no piece of the text. */
export type MessageRow = [kind: 'request' | 'response', data: string, body?: string];

export type Originator = 'local' | 'remote' | 'system';

/** How a session ended: `message` is what the peer sent, `detail` what there is more to say. */
type EndFields = [
  originator: Originator,
  cause: string,
  message: MessageRow | undefined,
  detail: string | undefined,
];

/** What to do, or what is told. */
export type Row =
  | ['send', flow: number, message: string | Uint8Array]
  | ['open', flow: number, url: string]
  | ['ping', flow: number]
  | ['close', flow: number]
  | ['media', session: number, ...request: MediaRow]
  | ['ask', ask: number, session: number | undefined, ...question: QuestionRow]
  | ['session', session: number, ...event: SessionRow]
  | ['sessionClosed', session: number]
  | ['refer', session: number, refer: number, ...state: ReferRow]
  | ['referred', session: number, call: number]
  | ['subscriber', subscription: number, ...event: SubscriberRow]
  | ['notifier', subscription: number, ...event: NotifierRow]
  | ['requestOver', request: number, ...result: ResultRow]
  | ['connecting', attempt: number]
  | ['connected']
  | ['disconnected', reason: string, retryIn: number | undefined]
  | ['registered', expires: number, response: MessageRow]
  | ['unregistered', response: MessageRow | undefined, cause: string | undefined]
  | ['registrationFailed', response: MessageRow | undefined, cause: string]
  | ['sipEvent', request: MessageRow]
  | ['stopped'];

/** What became of a request: no cause, and the 2xx; or why there is none. */
export type ResultRow = [cause: string | undefined, response: MessageRow | undefined];

/** What a session asks of its peer connection (`MediaRequest` in the core). */
export type MediaRow =
  | ['open']
  | ['capture', audio: boolean, video: boolean]
  | ['createOffer', iceRestart: boolean]
  | ['createAnswer']
  | ['setLocal', type: RTCSdpType, sdp: string]
  | ['setRemote', type: RTCSdpType, sdp: string]
  | ['describeLocal']
  | ['rollback']
  | ['addCandidate', candidate: string, mid: string | undefined]
  | ['endOfCandidates']
  | ['insertTones', tones: string, duration: number, gap: number]
  | ['setEnabled', audio: boolean, video: boolean]
  | ['setHold', local: boolean, remote: boolean]
  | ['close'];

/** What a peer connection reports (`MediaReport` in the core): an argument of `Command.Report`. */
export type ReportRow =
  | ['opened']
  | ['captured']
  | ['created', sdp: string]
  | ['localSet', gathered: boolean]
  | ['remoteSet']
  | ['localDescription', sdp: string]
  | ['failed', step: MediaStep, error: string]
  | ['candidate', candidate: string, mid: string | undefined]
  | ['gatheringComplete']
  | ['connection', state: 'connecting' | 'connected' | 'disconnected' | 'failed'];

export type MediaStep =
  | 'open'
  | 'capture'
  | 'createOffer'
  | 'createAnswer'
  | 'setLocal'
  | 'setRemote'
  | 'describeLocal';

/** Where the application may step in (`Question` in the core). */
export type QuestionRow =
  | ['newRTCSession', originator: Originator, request: MessageRow]
  | ['peerconnection']
  | ['sdp', originator: Originator, type: RTCSdpType, sdp: string]
  | ['sending', request: MessageRow]
  | ['reinvite', request: MessageRow]
  | ['update', request: MessageRow]
  | ['refer', request: MessageRow, referTo: string]
  | ['replaces', request: MessageRow]
  | ['newMessage', request: MessageRow]
  | ['newOptions', request: MessageRow]
  | ['newSubscribe', subscription: number, request: MessageRow]
  | ['registrationExpiring', left: number]
  | ['icecandidate', candidate: string];

/** What is told about a session (`SessionEvent` in the core). */
export type SessionRow =
  | ['connecting']
  | ['progress', originator: Originator, response: MessageRow | undefined]
  | ['accepted', originator: Originator, response: MessageRow | undefined]
  | ['confirmed', originator: Originator, ack: MessageRow | undefined]
  | ['ended', ...end: EndFields]
  | ['failed', ...end: EndFields]
  | [
      'newDTMF',
      originator: Originator,
      tone: string,
      duration: number,
      request: MessageRow | undefined,
    ]
  | ['dtmf:delivered', tone: string, response: MessageRow | undefined]
  | [
      'newInfo',
      originator: Originator,
      contentType: string,
      body: string,
      request: MessageRow | undefined,
    ]
  | ['info:delivered', info: number, response: MessageRow | undefined]
  | ['muted' | 'unmuted', audio: boolean, video: boolean]
  | ['hold' | 'unhold', originator: Originator]
  | ['renegotiated', exchange: number, ...result: ResultRow]
  | ['readytoreoffer']
  | ['reoffered', request: MessageRow]
  | ['remoteidentity', identity: string]
  | ['mediaunconnected', after: number]
  | [
      (
        | 'getusermediafailed'
        | 'peerconnection:createofferfailed'
        | 'peerconnection:createanswerfailed'
        | 'peerconnection:setlocaldescriptionfailed'
        | 'peerconnection:setremotedescriptionfailed'
      ),
      error: string,
    ];

/** What became of a REFER (`ReferState` in the core). */
export type ReferRow =
  | ['requestSucceeded', response: MessageRow]
  | ['requestFailed', response: MessageRow | undefined, cause: string]
  | [
      'trying' | 'progress' | 'accepted' | 'failed',
      request: MessageRow,
      statusCode: number,
      reasonPhrase: string,
    ]
  | ['over', cause: string | undefined];

/** What is told about a subscription of ours (`SubscriberEvent` in the core). */
export type SubscriberRow =
  | ['accepted', response: MessageRow]
  | ['dialogCreated']
  | ['pending']
  | ['active']
  | [
      'notify',
      last: boolean,
      request: MessageRow,
      body: string | undefined,
      contentType: string | undefined,
    ]
  | ['forked', fork: number]
  | ['resubscribing', reason: string | undefined, after: number]
  | ['terminated', ...end: SubscriptionEndFields];

/** What is told about a peer's subscription (`NotifierEvent` in the core). */
export type NotifierRow =
  | ['subscribe', last: boolean, request: MessageRow, contentType: string | undefined]
  | ['terminated', ...end: SubscriptionEndFields];

/** Why a subscription is over (`SubscriptionEnd` in the core), by the variant's name. */
type SubscriptionEndFields = [
  end:
    | 'notified'
    | 'refused'
    | 'unanswered'
    | 'unsent'
    | 'noNotify'
    | 'expired'
    | 'unsubscribed'
    | 'terminated'
    | 'dialogGone'
    | 'stopped',
  reason: string | undefined,
  retryAfter: number | undefined,
  response: MessageRow | undefined,
];

/** Why a command was not carried out (`CommandError` in the core): what `Engine` throws. */
export type ErrorRow =
  | ['invalidState', command: string, status: Status]
  | ['notSupported', what: string]
  | ['invalidArgument', name: string, value: string, expected: string]
  | ['noSuchSession']
  | ['noSuchSubscription']
  | ['stopped'];

/** How a session is now: the answer to `Query.SessionState`. */
export type StateRow = [
  status: Status,
  localHold: boolean,
  remoteHold: boolean,
  mutedAudio: boolean,
  mutedVideo: boolean,
  readyToReoffer: boolean,
];
