// An application that names everything the package exports and every event, with what the listeners
// are given. It is compiled and not run.

import JsSIP, {
  C, debug, Exceptions, Grammar, jssipVersion, Message, name, NameAddrHeader, Notifier, Options,
  Registrator, RTCSession, SessionEndedError, Subscriber, UA, URI, Utils, version,
  WebSocketInterface,
} from 'offhook';
import type {
  AnswerOptions, CallOptions, DTMFOptions, EndEvent, HoldOptions, IncomingRequest, IncomingResponse,
  NotifierEventMap, OutgoingRequest, ProgressOptions, ReferOptions, ReferSubscriberEventMap,
  RenegotiateOptions, RTCSessionEvent, RTCSessionEventMap, SendRequestOptions, SessionStats, Socket,
  SubscriberEventMap, TerminateOptions, UAConfiguration, UAEventMap,
} from 'offhook';

/** Fails to compile where both are not the same type. */
function same<A>() {
  return <B,>(_: [A] extends [B] ? ([B] extends [A] ? true : false) : false): void => undefined;
}

const own: Socket = {
  url: 'wss://example.com',
  sip_uri: 'sip:example.com;transport=ws',
  via_transport: 'WSS',
  connect() {},
  disconnect() {},
  send: (message) => typeof message === 'string',
  isConnected: () => true,
  isConnecting: () => false,
  onconnect() {},
  ondisconnect(_error, _code, _reason) {},
  ondata(_message) {},
};

const configuration: UAConfiguration = {
  sockets: [own, { socket: new WebSocketInterface('wss://example.com'), weight: 2 }],
  uri: 'sip:alice@example.com',
  password: 'secret',
  display_name: 'Alice',
  session_timers: false,
  register_from_tag_trail: () => 'trail',
  extra_headers: ['X-Note: hello'],
  gathering_timeout: 1,
};

const ua: JsSIP.UA = new UA(configuration);

// Every event of a user agent, and no other.
const agentListeners: UAEventMap = {
  connecting: ({ attempts, socket }) => [attempts.toFixed(), socket.url],
  connected: ({ socket }) => socket.via_transport,
  disconnected: ({ error, code, reason }) => [error, code, reason],
  registered: ({ response }) => response.status_code.toFixed(),
  unregistered: ({ response, cause }) => [response?.reason_phrase, cause],
  registrationFailed: ({ response, cause }) => [response?.getHeader('Via'), cause],
  registrationExpiring: () => ua.register(),
  newRTCSession: ({ originator, session, request }) => [originator, session.id, request.method],
  newMessage: ({ originator, message, request }) => [originator, message.direction, request.body],
  newOptions: ({ message }) => message.local_identity?.toString(),
  sipEvent: ({ event, request }) => [event?.event, request.call_id],
  newSubscribe: ({ event, request }) => {
    if (event?.event === 'presence') take(ua.notify(request, 'text/plain', { pending: true }));
  },
};
for (const [event, listener] of Object.entries(agentListeners)) {
  ua.on(event as 'registrationExpiring', listener as () => void);
}
ua.on('newRTCSession', (event: RTCSessionEvent) => {
  same<typeof event.session>()<RTCSession>(true);
  if (event.originator === 'remote') event.session.answer({ mediaConstraints: { audio: true } });
  else event.request.setHeader('X-Note', 'hello');
});
ua.once('connected', () => {}).off('connected', () => {});
ua.start();
ua.set('password', 'other');
const registrator: Registrator = ua.registrator();
registrator.setExtraHeaders(['X-Desk: 7']);
registrator.setExtraContactParams({ q: 0.5 });

// Every event of a session, and no other.
const sessionListeners: RTCSessionEventMap = {
  peerconnection: ({ peerconnection }) => peerconnection.getSenders(),
  connecting: ({ request }) => request.method,
  sending: ({ request }: { request: OutgoingRequest }) => request.setHeader('X-Note', 'hello'),
  progress: ({ originator, response }) => [originator, response?.status_code],
  accepted: ({ response }) => response?.parseHeader('contact'),
  confirmed: ({ originator, ack }) => [originator, ack?.body],
  ended: ({ originator, message, cause }: EndEvent) => [originator, message.body, cause],
  failed: ({ cause }) => cause === C.causes.BUSY,
  newDTMF: ({ originator, dtmf, request }) => [originator, dtmf.tone, dtmf.duration, request],
  newInfo: ({ info }) => [info.contentType, info.body],
  hold: ({ originator }) => originator === 'remote',
  unhold: ({ originator }) => originator === 'local',
  muted: ({ audio, video }) => [audio, video],
  unmuted: ({ audio }) => audio,
  reinvite: ({ request, callback, reject }) => {
    if (callback) callback();
    reject({ status_code: 488, reason_phrase: request.method });
  },
  update: ({ reject }) => reject(),
  refer: ({ request, accept, reject }) => {
    if (request.hasHeader('Referred-By')) accept((call) => call.on('failed', () => {}), {});
    else reject();
  },
  replaces: ({ accept }) => accept((call) => call.answer()),
  sdp: (event) => {
    event.sdp = event.type === 'offer' ? event.sdp.replace('a=mid:0', '') : event.sdp;
  },
  icecandidate: ({ candidate, ready }) => [candidate.candidate, ready()],
  getusermediafailed: (error) => console.warn(error),
  'peerconnection:createofferfailed': (error) => console.warn(error),
  'peerconnection:createanswerfailed': (error) => console.warn(error),
  'peerconnection:setlocaldescriptionfailed': (error) => console.warn(error),
  'peerconnection:setremotedescriptionfailed': (error) => console.warn(error),
  readytoreoffer: () => {},
  renegotiationfailed: ({ cause, response }) => [cause, response?.status_code],
  remoteidentity: ({ identity }) => identity.uri.user,
  mediaunconnected: ({ after }) => after.toFixed(),
};

const callOptions: CallOptions = {
  eventHandlers: { ...sessionListeners, ended: () => {} },
  mediaConstraints: { audio: true, video: { width: 640 } },
  pcConfig: { iceServers: [{ urls: 'stun:stun.example.com' }] },
  rtcOfferConstraints: { offerToReceiveAudio: true },
  sessionTimersExpires: 120,
  extraHeaders: ['X-Note: hello'],
  anonymous: true,
  fromUserName: 'desk',
  signal: new AbortController().signal,
  data: { any: 'thing' },
};
const session: RTCSession = ua.call(new URI('sip', 'bob', 'example.com'), callOptions);

const answer: AnswerOptions = { mediaStream: null };
const progress: ProgressOptions = { status_code: 183 };
const terminate: TerminateOptions = { status_code: 603, reason_phrase: 'No', body: 'no', cause: 'x' };
const tones: DTMFOptions = { duration: 200, interToneGap: 300, transportType: 'RFC2833' };
const hold: HoldOptions = { useUpdate: true };
const renegotiate: RenegotiateOptions = { rtcOfferConstraints: { iceRestart: true } };
const request: SendRequestOptions = { body: 'x', eventHandlers: { onTransportError: () => {} } };
const refer: ReferOptions = { replaces: session, extraHeaders: [] };

session.answer(answer);
session.progress(progress);
session.sendDTMF(1234, tones);
session.sendInfo('text/plain', 'hello', { extraHeaders: [] });
session.sendRequest('NOTIFY', request);
session.mute({ audio: true });
session.unmute();
same<ReturnType<typeof session.hold>>()<boolean>(true);
session.hold(hold, () => session.unhold());
session.renegotiate(renegotiate);
const { local, remote } = session.isOnHold();
const { audio } = session.isMuted();
console.log(local || remote || audio, session.start_time, session.direction === 'incoming');
session.connection.getStats().then((report) => report.size);
session.data.anything = 'of mine';
session.terminate(terminate);

const transfer = session.refer('sip:carol@example.com', refer);
if (transfer) {
  const listeners: ReferSubscriberEventMap = {
    requestSucceeded: ({ response }: { response: IncomingResponse }) => response.status_code,
    requestFailed: ({ cause }) => cause,
    trying: ({ request: notify }) => notify.body,
    progress: ({ status_line }) => status_line.status_code,
    accepted: ({ status_line }) => status_line.reason_phrase,
    failed: ({ request: notify }: { request: IncomingRequest }) => notify.event?.event,
  };
  transfer.on('accepted', listeners.accepted);
}

async function modern(): Promise<SessionStats | undefined> {
  try {
    await session.confirmed();
    for await (const event of session) {
      if (event.name === 'ended') return undefined;
    }
  } catch (error) {
    if (error instanceof SessionEndedError) console.warn(error.message);
  }
  return session.stats();
}
void modern();

const message: Message = ua.sendMessage('bob', 'Hello', {
  contentType: 'text/plain',
  eventHandlers: { succeeded: ({ response }) => response.status_code, failed: ({ cause }) => cause },
});
message.on('succeeded', ({ originator }) => originator);
const options: Options = ua.sendOptions('bob', undefined, { extraHeaders: [] });
options.on('failed', ({ response }) => response?.status_code);

const subscriber: Subscriber = ua.subscribe('bob', 'presence', 'application/pidf+xml', {
  expires: 300,
  params: { from_display_name: 'Alice' },
});
const subscriberListeners: SubscriberEventMap = {
  pending: () => {},
  accepted: () => {},
  active: () => {},
  terminated: (code, reason, retryAfter) => [code === 0, reason?.length, retryAfter?.toFixed()],
  notify: (isFinal, notify, body, contentType) => [isFinal, notify.call_id, body, contentType],
};
subscriber.on('notify', subscriberListeners.notify);
subscriber.subscribe();
subscriber.terminate();

function take(notifier: Notifier): void {
  const listeners: NotifierEventMap = {
    terminated: (code) => code.toFixed(),
    subscribe: (isUnsubscribe, subscribe, body, contentType) => [
      isUnsubscribe, subscribe.call_id, body, contentType,
    ],
    expired: () => {},
  };
  notifier.on('subscribe', listeners.subscribe);
  notifier.start();
  notifier.setActiveState();
  notifier.notify('here');
  notifier.terminate('gone', 'noresource');
}

const uri = URI.parse('sip:alice@example.com');
uri?.setParam('transport', 'ws');
const nobody: string | undefined = uri?.toAor();
const identity = NameAddrHeader.parse('"Alice" <sip:alice@example.com>;tag=1');
identity?.setParam('tag', identity.uri.host);
console.log(Grammar.parse('sip:a@b', 'SIP_URI'), Utils.isDecimal(7), nobody);
console.log(name, version, jssipVersion, C.causes.BUSY, Utils.newTag());
debug.enable('JsSIP:*');

try {
  JsSIP.URI.parse('');
} catch (error) {
  const { ConfigurationError, InvalidStateError, NotReadyError, NotSupportedError } = Exceptions;
  if (error instanceof ConfigurationError) console.log(error.parameter, error.value);
  if (error instanceof InvalidStateError) console.log(error.status);
  if (error instanceof NotSupportedError || error instanceof NotReadyError) throw error;
}

// What is wrong is told.
// @ts-expect-error The event has no such field.
session.on('failed', ({ why }) => why);
// @ts-expect-error There is no such option.
ua.call('bob', { mediaConstraint: {} });
// @ts-expect-error An address is needed.
new UA({ sockets: [own] });
