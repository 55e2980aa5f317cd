//! What the agent tells the driver and the application.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use offhook_sip::{NameAddr, Request, Response};

use crate::ask::{AskId, Question};
use crate::cause::Cause;
use crate::destination::Destination;
use crate::flow::FlowId;
use crate::media::{MediaRequest, SdpKind};
use crate::request::{RequestFailure, RequestId};
use crate::session::SessionId;
use crate::subscription::{NotifierEvent, ReferState, SubscriberEvent, SubscriptionId};

/// What the agent wants done, or tells. Drained with [`Agent::poll`](crate::Agent::poll).
#[derive(Debug)]
#[non_exhaustive]
pub enum Output {
    /// Send these bytes, one SIP message, on this flow.
    Send {
        /// The flow.
        flow: FlowId,
        /// The message.
        bytes: Bytes,
    },
    /// Open a flow; answered by [`Input::FlowOpened`](crate::Input::FlowOpened) or
    /// [`Input::FlowLost`](crate::Input::FlowLost).
    Open {
        /// The name the flow will go by.
        flow: FlowId,
        /// Where it leads.
        destination: Destination,
    },
    /// Send a keep-alive on this flow: a ping frame or else a double CRLF on WebSocket (RFC 7118
    /// section 6), a double CRLF on every other transport (RFC 5626 section 3.5.1). The peer's
    /// answer is [`Input::Pong`](crate::Input::Pong); on UDP there is none.
    Ping {
        /// The flow.
        flow: FlowId,
    },
    /// Close a flow; nothing more comes about it.
    Close {
        /// The flow.
        flow: FlowId,
    },
    /// A request to the peer connection of a session.
    Media {
        /// The session.
        session: SessionId,
        /// The request.
        request: MediaRequest,
    },
    /// What the application is told.
    Event(Event),
    /// What the application may decide or change; answered with
    /// [`Agent::reply`](crate::Agent::reply).
    Ask {
        /// The question's id.
        ask: AskId,
        /// The session it is about; none where a request outside every session is.
        session: Option<SessionId>,
        /// The question.
        question: Question,
    },
}

/// What the application is told.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A connection to the server is being made.
    Connecting {
        /// How many attempts failed before this one.
        attempt: u32,
    },
    /// The connection to the server stands.
    Connected,
    /// The connection to the server could not be made or was lost.
    Disconnected {
        /// What the transport said.
        reason: String,
        /// After which time the next attempt starts; none after [`Agent::stop`](crate::Agent::stop).
        retry_in: Option<Duration>,
    },
    /// The address is registered. Told at the first success and after each interruption.
    Registered {
        /// For how long.
        expires: Duration,
        /// The registrar's 200.
        response: Response,
    },
    /// The address is not registered any more.
    Unregistered {
        /// The response that ended it, if one did.
        response: Option<Response>,
        /// Why, if it was not asked for.
        cause: Option<Cause>,
    },
    /// The registrar refused, or did not answer.
    RegistrationFailed {
        /// Its response, if there was one.
        response: Option<Response>,
        /// Why.
        cause: Cause,
    },
    /// Something about a session.
    Session {
        /// The session.
        session: SessionId,
        /// What.
        event: SessionEvent,
    },
    /// What became of a REFER of ours. It may go on after the session's end, as its subscription
    /// outlives the call.
    Refer {
        /// The session it was sent in.
        session: SessionId,
        /// Which one, as [`SessionMut::refer`](crate::SessionMut::refer) named it.
        refer: u32,
        /// What.
        state: ReferState,
    },
    /// The peer's REFER was accepted, and has made a call.
    Referred {
        /// The session the REFER came in.
        session: SessionId,
        /// The session it has made; its [`Question::NewSession`] comes next.
        call: SessionId,
    },
    /// The session is gone: nothing more will be told about it, and its id means nothing now.
    SessionClosed {
        /// The session.
        session: SessionId,
    },
    /// Something about a subscription of ours (RFC 6665).
    Subscriber {
        /// The subscription.
        subscription: SubscriptionId,
        /// What.
        event: SubscriberEvent,
    },
    /// Something about a subscription that a peer has here.
    Notifier {
        /// The subscription.
        subscription: SubscriptionId,
        /// What.
        event: NotifierEvent,
    },
    /// A NOTIFY came that belongs to no subscription (`sipEvent`), where
    /// [`Config::unsolicited_notify`](crate::Config::unsolicited_notify) takes such. It has been
    /// answered with 200.
    UnsolicitedNotify {
        /// The event package, as `message-summary`, with its parameters.
        event: String,
        /// The NOTIFY.
        request: Request,
    },
    /// What became of a MESSAGE, OPTIONS or other request of the application: the 2xx (JsSIP: `succeeded`), or why there is
    /// none (`failed`). Told once for each.
    RequestOver {
        /// Which one, as the command named it.
        request: RequestId,
        /// The peer's 2xx, or what went wrong.
        result: Result<Response, RequestFailure>,
    },
    /// [`Agent::stop`](crate::Agent::stop) has been carried out: nothing is left.
    Stopped,
}

/// The events of a session, by the names of the seed API ([`SessionEvent::name`]).
///
/// The events in which the application may step in (`peerconnection`, `sending`, `sdp`,
/// `icecandidate`, and the new session itself) are [`Question`]s, not events.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SessionEvent {
    /// Local media is there; an offer or answer is about to be made.
    Connecting,
    /// A provisional response to the INVITE was received or sent.
    Progress {
        /// Who sent it.
        originator: Originator,
        /// The response, when the peer sent it.
        response: Option<Response>,
    },
    /// A 2xx to the INVITE was received or sent.
    Accepted {
        /// Who sent it.
        originator: Originator,
        /// The response, when the peer sent it.
        response: Option<Response>,
    },
    /// The ACK was sent or received.
    Confirmed {
        /// Who sent it.
        originator: Originator,
        /// The ACK, when the peer sent it.
        ack: Option<Request>,
    },
    /// An established session has ended. The last event but
    /// [`Event::SessionClosed`].
    Ended(End),
    /// The session could not be established. The last event but
    /// [`Event::SessionClosed`].
    Failed(End),
    /// A DTMF tone was sent or received.
    NewDtmf {
        /// Who sent it.
        originator: Originator,
        /// `0`-`9`, `A`-`D`, `*`, `#` or `R`.
        tone: char,
        /// How long it lasts.
        duration: Duration,
        /// The INFO request, when the tone came in one.
        request: Option<Request>,
    },
    /// Whether the INFO of a sent tone was accepted; the DTMF object's own event.
    DtmfDelivered {
        /// The tone.
        tone: char,
        /// The response, or none when there was no answer.
        response: Option<Response>,
    },
    /// An INFO was sent or received that is not DTMF.
    NewInfo {
        /// Who sent it.
        originator: Originator,
        /// Its content type.
        content_type: String,
        /// Its body.
        body: Bytes,
        /// The request, when the peer sent it.
        request: Option<Request>,
    },
    /// Whether a sent INFO was accepted; the Info object's own event.
    InfoDelivered {
        /// Which one, as [`SessionMut::send_info`](crate::SessionMut::send_info) named it.
        info: u32,
        /// The response, or none when there was no answer.
        response: Option<Response>,
    },
    /// Local media was muted; the kinds that changed.
    Muted {
        /// Audio.
        audio: bool,
        /// Video.
        video: bool,
    },
    /// Local media was unmuted; the kinds that changed.
    Unmuted {
        /// Audio.
        audio: bool,
        /// Video.
        video: bool,
    },
    /// The peer put this side on hold, or this side the peer.
    Hold {
        /// Who did.
        originator: Originator,
    },
    /// The hold is over.
    Unhold {
        /// Whose hold.
        originator: Originator,
    },
    /// A renegotiation of ours has come to its end: the seed API's `done`.
    Renegotiated {
        /// Which one, as the command named it.
        exchange: u32,
        /// Whether the session is now as it was to be, or as it was before.
        result: Result<(), RequestFailure>,
    },
    /// A new offer may be made: now that the session is established, or that the exchange before is
    /// over ([`SessionInfo::is_ready_to_reoffer`](crate::SessionInfo::is_ready_to_reoffer)).
    ReadyToReoffer,
    /// A re-INVITE or UPDATE of the peer was taken and answered: the seed API's `callback`.
    Reoffered {
        /// The request.
        request: Request,
    },
    /// The network says who the peer is, or that it is another now (RFC 3325): after a transfer
    /// behind a gateway, for example.
    RemoteIdentity {
        /// The asserted identity.
        identity: NameAddr<'static>,
    },
    /// Media has not connected in the time it had
    /// ([`Config::media_timeout`](crate::Config::media_timeout)). ICE is restarted; the session ends
    /// with [`Cause::RtpTimeout`] when that does not help.
    MediaUnconnected {
        /// The time since the call was answered.
        after: Duration,
    },
    /// The microphone or camera could not be had.
    GetUserMediaFailed {
        /// What the media engine says.
        error: String,
    },
    /// `createOffer()` failed.
    CreateOfferFailed {
        /// What the media engine says.
        error: String,
    },
    /// `createAnswer()` failed.
    CreateAnswerFailed {
        /// What the media engine says.
        error: String,
    },
    /// `setLocalDescription()` failed.
    SetLocalDescriptionFailed {
        /// What the media engine says.
        error: String,
    },
    /// `setRemoteDescription()` failed.
    SetRemoteDescriptionFailed {
        /// What the media engine says.
        error: String,
    },
}

impl SessionEvent {
    /// The event's name in the seed API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Progress { .. } => "progress",
            Self::Accepted { .. } => "accepted",
            Self::Confirmed { .. } => "confirmed",
            Self::Ended(_) => "ended",
            Self::Failed(_) => "failed",
            Self::NewDtmf { .. } => "newDTMF",
            Self::DtmfDelivered { .. } => "dtmf:delivered",
            Self::NewInfo { .. } => "newInfo",
            Self::InfoDelivered { .. } => "info:delivered",
            Self::Muted { .. } => "muted",
            Self::Unmuted { .. } => "unmuted",
            Self::Hold { .. } => "hold",
            Self::Unhold { .. } => "unhold",
            Self::Renegotiated { .. } => "renegotiated",
            Self::ReadyToReoffer => "readytoreoffer",
            Self::Reoffered { .. } => "reoffered",
            Self::RemoteIdentity { .. } => "remoteidentity",
            Self::MediaUnconnected { .. } => "mediaunconnected",
            Self::GetUserMediaFailed { .. } => "getusermediafailed",
            Self::CreateOfferFailed { .. } => "peerconnection:createofferfailed",
            Self::CreateAnswerFailed { .. } => "peerconnection:createanswerfailed",
            Self::SetLocalDescriptionFailed { .. } => "peerconnection:setlocaldescriptionfailed",
            Self::SetRemoteDescriptionFailed { .. } => "peerconnection:setremotedescriptionfailed",
        }
    }
}

/// Who caused something.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Originator {
    /// This side.
    Local,
    /// The peer.
    Remote,
    /// Neither: time, the network, the media engine.
    System,
}

impl fmt::Display for Originator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Remote => "remote",
            Self::System => "system",
        })
    }
}

/// How a session ended or failed.
#[derive(Clone, Debug)]
pub struct End {
    /// Who ended it.
    pub originator: Originator,
    /// Why.
    pub cause: Cause,
    /// The message that ended it, when the peer sent one.
    pub message: Option<offhook_sip::Message>,
    /// More about the cause, for people, where there is more to say.
    pub detail: Option<String>,
}

/// What the `sdp` question shows and lets change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SdpQuestion {
    /// Whose description it is.
    pub originator: Originator,
    /// Offer or answer.
    pub kind: SdpKind,
    /// The description.
    pub sdp: String,
}
