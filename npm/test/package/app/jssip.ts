// An application as JsSIP's users write them in TypeScript: it must stay right when its import is
// another. It is checked and never run.

import JsSIP, { UA, WebSocketInterface } from 'offhook';
import type {
  AnswerOptions,
  ConfirmedListener,
  ConnectingEvent,
  DTMFListener,
  EndEvent,
  EndListener,
  HoldEvent,
  IceCandidateEvent,
  IncomingAckEvent,
  IncomingDTMFEvent,
  IncomingEvent,
  OutgoingEvent,
  PeerConnectionEvent,
  ReferEvent,
  ReferOptions,
  ReInviteEvent,
  RTCPeerConnectionDeprecated,
  RTCSession,
  RTCSessionEventMap,
  SDPEvent,
  SendingEvent,
  TerminateOptions,
} from 'offhook/lib/RTCSession';
import type { IncomingRequest, IncomingResponse } from 'offhook/lib/SIPMessage';
import type { Socket } from 'offhook/lib/Socket';
import type {
  CallOptions,
  IncomingRTCSessionEvent,
  OutgoingRTCSessionEvent,
  RTCSessionEvent,
  UAConfiguration,
  UnRegisteredEvent,
} from 'offhook/lib/UA';

const socket: Socket = new WebSocketInterface('wss://sip.example.com');
const configuration: UAConfiguration = {
  sockets: [socket, { socket, weight: 2 }],
  uri: 'sip:alice@example.com',
  password: 'secret',
  session_timers: false,
};
const ua: UA = new JsSIP.UA(configuration);

ua.on('newRTCSession', (event: RTCSessionEvent) => {
  if (event.originator === 'remote') ring(event);
  else follow(event);
});
ua.on('newRTCSession', ({ session }: IncomingRTCSessionEvent) => session.answer());
ua.on('unregistered', ({ cause }: UnRegisteredEvent) => console.log(cause));

function ring({ session, request }: IncomingRTCSessionEvent): void {
  const options: AnswerOptions = { mediaConstraints: { audio: true, video: false } };
  console.log(request.from.uri.user, session.remote_identity.display_name.trim());
  session.answer(options);
}

function follow({ session }: OutgoingRTCSessionEvent): void {
  session.on('peerconnection', ({ peerconnection }: PeerConnectionEvent) => {
    peerconnection.addEventListener('track', ({ streams }) => console.log(streams[0]?.id));
  });
}

const handlers: Partial<RTCSessionEventMap> = {
  connecting: ({ request }: ConnectingEvent) => console.log(request.method),
  sending: ({ request }: SendingEvent) => request.setHeader('X-Note', 'hello'),
  progress: (event: IncomingEvent | OutgoingEvent) => console.log(event.originator),
  accepted: ({ response }: OutgoingEvent) => console.log(response.status_code),
  confirmed: ({ ack }: IncomingAckEvent) => console.log(ack.call_id),
  ended: ({ message, cause }: EndEvent) => console.log(message.getHeader('Reason'), cause),
  failed: (event) => console.log(event.cause === JsSIP.C.causes.BUSY),
  newDTMF: ({ dtmf, request }: IncomingDTMFEvent) => console.log(dtmf.tone, request.body),
  hold: ({ originator }: HoldEvent) => console.log(originator),
  reinvite: (event: ReInviteEvent) => {
    event.callback = () => console.log('done');
    event.reject({ status_code: 488 });
  },
  refer: ({ accept, request }: ReferEvent) => {
    accept((session: RTCSession) => console.log(session.id, request.ruri.host), {});
  },
  sdp: (event: SDPEvent) => {
    event.sdp = event.sdp.replace('a', 'b');
  },
  icecandidate: ({ candidate, ready }: IceCandidateEvent) => {
    if (candidate.type === 'srflx') ready();
  },
};
const options: CallOptions = { eventHandlers: handlers, data: { note: 1 }, anonymous: true };
const session: RTCSession = ua.call('sip:bob@example.com', options);

const ended: EndListener = (event) => console.log(event.cause);
const confirmed: ConfirmedListener = () => session.hold({ useUpdate: true }, () => undefined);
const tone: DTMFListener = (event) => console.log(event.dtmf.duration);
session.on('ended', ended).once('confirmed', confirmed).addListener('newDTMF', tone);
session.off('ended', ended).removeAllListeners();
session.on('progress', (event) => {
  const response: IncomingResponse | null | undefined = event.response;
  console.log(response?.reason_phrase, event.originator === 'remote');
});

const connection: RTCPeerConnectionDeprecated = session.connection;
const seconds: number = session.end_time.getTime() - session.start_time.getTime();
const terminate: TerminateOptions = { status_code: 486, cause: JsSIP.C.causes.BUSY };
const refer: ReferOptions = { replaces: session, eventHandlers: { accepted: () => undefined } };
session.refer(new JsSIP.URI('sip', 'carol', 'example.com'), refer);
session.sendDTMF(1, { transportType: JsSIP.C.DTMF_TRANSPORT.RFC2833, duration: 160 });
session.sendInfo('text/plain', 'hello', { extraHeaders: ['X-Note: hello'] });
session.renegotiate({ rtcOfferConstraints: { iceRestart: true } });
session.mute({ audio: true });
session.data.own = connection.signalingState;
if (session.status === session.C.STATUS_CONFIRMED && session.isOnHold().local) session.unhold();
if (session.direction === 'incoming' && seconds > 0) session.terminate(terminate);

export async function more(request: IncomingRequest): Promise<void> {
  const controller = new AbortController();
  const call = ua.call(request.from.uri, { signal: controller.signal, trickleIce: true });
  await call.confirmed();
  for await (const event of call) {
    if (event.name === 'ended') console.log(event.cause, event.originator);
    if (event.name === 'sdp') console.log(event.sdp);
    if (event.name === 'getusermediafailed') console.log(event.error);
  }
  const { inbound, roundTripTime } = await call.stats();
  console.log(inbound[0]?.bitrate, roundTripTime);
}
