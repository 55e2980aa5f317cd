//! What a session tells its application.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use offhook_core::{Originator, RequestFailure};
use offhook_media::DataChannel;
use offhook_sip::{NameAddr, Request, Response};

use crate::ask::{
    IceCandidateAsk, PeerConnectionAsk, ReferAsk, ReofferAsk, ReplacesAsk, SdpAsk, SendingAsk,
};
use crate::call_end::CallEnd;
use crate::session::Session;

/// What happened to a session.
///
/// The variants are the events of JsSIP's `RTCSession`, whose names [`SessionEvent::name`] gives,
/// and a few of our own, whose names hold a colon. `Display` gives one line for people.
#[derive(Debug)]
#[non_exhaustive]
pub enum SessionEvent {
    /// The peer connection stands and may be changed. Only with [`Asks::peer_connection`].
    ///
    /// [`Asks::peer_connection`]: crate::Asks::peer_connection
    PeerConnection(PeerConnectionAsk),
    /// Local media is there; an offer or answer is about to be made.
    Connecting,
    /// The INVITE is about to leave. Only with [`Asks::sending`](crate::Asks::sending).
    Sending(SendingAsk),
    /// A provisional response to the INVITE, such as a 180, was received or sent.
    Progress {
        /// Who sent it.
        originator: Originator,
        /// The response, when the peer sent it.
        response: Option<Response>,
    },
    /// The call was accepted: a 2xx to the INVITE was received or sent.
    Accepted {
        /// Who sent it.
        originator: Originator,
        /// The response, when the peer sent it.
        response: Option<Response>,
    },
    /// The call stands: the ACK was sent or received.
    Confirmed {
        /// Who sent it.
        originator: Originator,
        /// The ACK, when the peer sent it.
        ack: Option<Request>,
    },
    /// The established session has ended. The last event.
    Ended(CallEnd),
    /// The session could not be established. The last event.
    Failed(CallEnd),
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
    /// Whether the INFO of a tone sent was accepted.
    DtmfDelivered {
        /// The tone.
        tone: char,
        /// The peer's response; none when there was none.
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
    /// Whether an INFO sent was accepted.
    InfoDelivered {
        /// Which one: the number that [`Session::send_info`](crate::Session::send_info) gave.
        info: u32,
        /// The peer's response; none when there was none.
        response: Option<Response>,
    },
    /// Local media was muted: the kinds that changed.
    Muted {
        /// Audio.
        audio: bool,
        /// Video.
        video: bool,
    },
    /// Local media was unmuted: the kinds that changed.
    Unmuted {
        /// Audio.
        audio: bool,
        /// Video.
        video: bool,
    },
    /// One side put the other on hold.
    Hold {
        /// Who did.
        originator: Originator,
    },
    /// The hold is over.
    Unhold {
        /// Whose hold.
        originator: Originator,
    },
    /// A renegotiation of ours has come to its end: JsSIP's `done` callback.
    Renegotiated {
        /// Which one: the number that [`Session::hold`](crate::Session::hold) and its like gave.
        exchange: u32,
        /// Whether the session is now as it was to be, or as it was before.
        result: Result<(), RequestFailure>,
    },
    /// A new offer may be made, now that the session stands or the exchange before is over: see
    /// [`Session::ready_to_reoffer`](crate::Session::ready_to_reoffer).
    ReadyToReoffer,
    /// A re-INVITE or UPDATE of the peer was taken and answered: JsSIP's `callback`.
    Reoffered {
        /// The request.
        request: Request,
    },
    /// The network says who the peer is, or that it is another now (RFC 3325
    /// P-Asserted-Identity): after a transfer behind a gateway, for example.
    RemoteIdentity {
        /// The asserted identity.
        identity: NameAddr<'static>,
    },
    /// The peer sent a re-INVITE. Only with [`Asks::reinvite`](crate::Asks::reinvite).
    Reinvite(ReofferAsk),
    /// The peer sent an UPDATE. Only with [`Asks::update`](crate::Asks::update).
    Update(ReofferAsk),
    /// The peer wants this side to call somebody else. Only with
    /// [`Asks::refer`](crate::Asks::refer).
    Refer(ReferAsk),
    /// The call that the peer asked for by a REFER is being made.
    Referred(Session),
    /// A call wants this session's place. Only with [`Asks::replaces`](crate::Asks::replaces).
    Replaces(ReplacesAsk),
    /// A session description is about to be sent or applied. Only with
    /// [`Asks::sdp`](crate::Asks::sdp).
    Sdp(SdpAsk),
    /// A candidate was gathered. Only with [`Asks::ice_candidate`](crate::Asks::ice_candidate).
    IceCandidate(IceCandidateAsk),
    /// The local media could not be had.
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
    /// The peer made a data channel; it is open. Not taken, it is closed. Those of this side are
    /// made on the session's [`connection`](Session::connection).
    DataChannel(DataChannel),
    /// Something happened to the session's media.
    Media(MediaEvent),
}

/// What happened to the media of a session.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum MediaEvent {
    /// Media can flow: a candidate pair works and the keys are agreed on.
    Connected,
    /// The peer does not answer at the moment.
    Disconnected,
    /// No way to the peer works any more.
    Failed,
    /// Media has not connected in the time it had
    /// ([`UserAgentBuilder::media_timeout`](crate::UserAgentBuilder::media_timeout)); another way is
    /// looked for.
    Unconnected,
    /// The first audio of the peer came in.
    AudioReceived,
    /// The source given to [`CallBuilder::play`](crate::CallBuilder::play) has been played to its
    /// end.
    PlayedOut,
    /// The first whole frame of the peer's video came in.
    VideoReceived,
    /// The file given to [`CallBuilder::play_video`](crate::CallBuilder::play_video) has been
    /// played to its end.
    VideoPlayedOut,
}

impl SessionEvent {
    /// The event's name, as JsSIP spells it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::PeerConnection(_) => "peerconnection",
            Self::Connecting => "connecting",
            Self::Sending(_) => "sending",
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
            Self::Renegotiated { .. } => "renegotiate:done",
            Self::ReadyToReoffer => "reoffer:ready",
            Self::Reoffered { .. } => "reoffer:done",
            Self::RemoteIdentity { .. } => "identity:asserted",
            Self::Reinvite(_) => "reinvite",
            Self::Update(_) => "update",
            Self::Refer(_) => "refer",
            Self::Referred(_) => "refer:call",
            Self::Replaces(_) => "replaces",
            Self::Sdp(_) => "sdp",
            Self::IceCandidate(_) => "icecandidate",
            Self::GetUserMediaFailed { .. } => "getusermediafailed",
            Self::CreateOfferFailed { .. } => "peerconnection:createofferfailed",
            Self::CreateAnswerFailed { .. } => "peerconnection:createanswerfailed",
            Self::SetLocalDescriptionFailed { .. } => "peerconnection:setlocaldescriptionfailed",
            Self::SetRemoteDescriptionFailed { .. } => "peerconnection:setremotedescriptionfailed",
            Self::DataChannel(_) => "media:datachannel",
            Self::Media(MediaEvent::Connected) => "media:connected",
            Self::Media(MediaEvent::Disconnected) => "media:disconnected",
            Self::Media(MediaEvent::Failed) => "media:failed",
            Self::Media(MediaEvent::Unconnected) => "media:unconnected",
            Self::Media(MediaEvent::AudioReceived) => "media:audioreceived",
            Self::Media(MediaEvent::PlayedOut) => "media:playedout",
            Self::Media(MediaEvent::VideoReceived) => "media:videoreceived",
            Self::Media(MediaEvent::VideoPlayedOut) => "media:videoplayedout",
        }
    }

    /// Whether this is one of the events of JsSIP's `RTCSession`, and not one of our own.
    pub fn is_rtc_session_event(&self) -> bool {
        !matches!(
            self,
            Self::DtmfDelivered { .. }
                | Self::InfoDelivered { .. }
                | Self::Renegotiated { .. }
                | Self::ReadyToReoffer
                | Self::Reoffered { .. }
                | Self::RemoteIdentity { .. }
                | Self::Referred(_)
                | Self::DataChannel(_)
                | Self::Media(_)
        )
    }

    /// The core's event; none for one that is newer than this driver.
    pub(crate) fn of_core(event: offhook_core::SessionEvent) -> Option<Self> {
        use offhook_core::SessionEvent as Core;
        Some(match event {
            Core::Connecting => Self::Connecting,
            Core::Progress {
                originator,
                response,
            } => Self::Progress {
                originator,
                response,
            },
            Core::Accepted {
                originator,
                response,
            } => Self::Accepted {
                originator,
                response,
            },
            Core::Confirmed { originator, ack } => Self::Confirmed { originator, ack },
            Core::Ended(end) => Self::Ended(CallEnd::of_core(end, true)),
            Core::Failed(end) => Self::Failed(CallEnd::of_core(end, false)),
            Core::NewDtmf {
                originator,
                tone,
                duration,
                request,
            } => Self::NewDtmf {
                originator,
                tone,
                duration,
                request,
            },
            Core::DtmfDelivered { tone, response } => Self::DtmfDelivered { tone, response },
            Core::NewInfo {
                originator,
                content_type,
                body,
                request,
            } => Self::NewInfo {
                originator,
                content_type,
                body,
                request,
            },
            Core::InfoDelivered { info, response } => Self::InfoDelivered { info, response },
            Core::Muted { audio, video } => Self::Muted { audio, video },
            Core::Unmuted { audio, video } => Self::Unmuted { audio, video },
            Core::Hold { originator } => Self::Hold { originator },
            Core::Unhold { originator } => Self::Unhold { originator },
            Core::Renegotiated { exchange, result } => Self::Renegotiated { exchange, result },
            Core::ReadyToReoffer => Self::ReadyToReoffer,
            Core::MediaUnconnected { .. } => Self::Media(MediaEvent::Unconnected),
            Core::Reoffered { request } => Self::Reoffered { request },
            Core::RemoteIdentity { identity } => Self::RemoteIdentity { identity },
            Core::GetUserMediaFailed { error } => Self::GetUserMediaFailed { error },
            Core::CreateOfferFailed { error } => Self::CreateOfferFailed { error },
            Core::CreateAnswerFailed { error } => Self::CreateAnswerFailed { error },
            Core::SetLocalDescriptionFailed { error } => Self::SetLocalDescriptionFailed { error },
            Core::SetRemoteDescriptionFailed { error } => {
                Self::SetRemoteDescriptionFailed { error }
            }
            other => {
                tracing::debug!(event = other.name(), "an event unknown to this driver");
                return None;
            }
        })
    }
}

/// One line for people.
impl fmt::Display for SessionEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerConnection(_) => f.write_str("the peer connection stands"),
            Self::Connecting => f.write_str("connecting"),
            Self::Sending(_) => f.write_str("sending the INVITE"),
            Self::Progress {
                response: Some(response),
                ..
            } => {
                write!(f, "ringing ({} {})", response.status(), response.reason())
            }
            Self::Progress { response: None, .. } => f.write_str("ringing"),
            Self::Accepted {
                originator: Originator::Local,
                ..
            } => f.write_str("answered"),
            Self::Accepted { .. } => f.write_str("answered by the peer"),
            Self::Confirmed { .. } => f.write_str("the call stands"),
            Self::Ended(end) | Self::Failed(end) => end.fmt(f),
            Self::NewDtmf {
                originator: Originator::Local,
                tone,
                ..
            } => {
                write!(f, "tone {tone} sent")
            }
            Self::NewDtmf { tone, .. } => write!(f, "tone {tone} received"),
            Self::DtmfDelivered { tone, response } => {
                write!(f, "tone {tone} {}", delivered(response.as_ref()))
            }
            Self::NewInfo {
                originator: Originator::Local,
                content_type,
                ..
            } => {
                write!(f, "INFO of type {content_type} sent")
            }
            Self::NewInfo { content_type, .. } => write!(f, "INFO of type {content_type} received"),
            Self::InfoDelivered { response, .. } => {
                write!(f, "INFO {}", delivered(response.as_ref()))
            }
            Self::Muted { audio, video } => write!(f, "{} muted", kinds(*audio, *video)),
            Self::Unmuted { audio, video } => write!(f, "{} unmuted", kinds(*audio, *video)),
            Self::Hold { originator } => write!(f, "put on hold by the {} side", originator),
            Self::Unhold { originator } => write!(f, "resumed by the {} side", originator),
            Self::Sdp(ask) => write!(
                f,
                "{} session description ({})",
                ask.originator(),
                ask.kind()
            ),
            Self::Renegotiated { result: Ok(()), .. } => f.write_str("renegotiated"),
            Self::Renegotiated {
                result: Err(error), ..
            } => {
                write!(f, "not renegotiated: {error}")
            }
            Self::ReadyToReoffer => f.write_str("ready for a new offer"),
            Self::Reoffered { .. } => f.write_str("renegotiated by the peer"),
            Self::RemoteIdentity { identity } => write!(f, "the peer is {identity}"),
            Self::Reinvite(_) | Self::Update(_) => f.write_str("the peer wants to renegotiate"),
            Self::Refer(ask) => {
                write!(f, "the peer asks for a call to {}", ask.refer_to().as_str())
            }
            Self::Referred(call) => {
                write!(
                    f,
                    "calling {} for the peer",
                    call.remote_identity().uri.as_str()
                )
            }
            Self::Replaces(_) => f.write_str("a call wants this one's place"),
            Self::IceCandidate(ask) => write!(f, "gathered {}", ask.candidate()),
            Self::GetUserMediaFailed { error } => write!(f, "no local media: {error}"),
            Self::CreateOfferFailed { error } => write!(f, "no offer could be made: {error}"),
            Self::CreateAnswerFailed { error } => write!(f, "no answer could be made: {error}"),
            Self::SetLocalDescriptionFailed { error } => {
                write!(f, "the local description was refused: {error}")
            }
            Self::SetRemoteDescriptionFailed { error } => {
                write!(f, "the peer's description was refused: {error}")
            }
            Self::DataChannel(channel) => write!(f, "data channel {:?} opened", channel.label()),
            Self::Media(MediaEvent::Connected) => f.write_str("media connected"),
            Self::Media(MediaEvent::Disconnected) => f.write_str("media interrupted"),
            Self::Media(MediaEvent::Failed) => f.write_str("media failed"),
            Self::Media(MediaEvent::Unconnected) => f.write_str("media does not connect"),
            Self::Media(MediaEvent::AudioReceived) => f.write_str("audio comes in"),
            Self::Media(MediaEvent::PlayedOut) => f.write_str("played to the end"),
            Self::Media(MediaEvent::VideoReceived) => f.write_str("video comes in"),
            Self::Media(MediaEvent::VideoPlayedOut) => f.write_str("video played to the end"),
        }
    }
}

fn delivered(response: Option<&Response>) -> String {
    match response {
        Some(response) if response.status().is_success() => "delivered".to_owned(),
        Some(response) => format!("refused ({} {})", response.status(), response.reason()),
        None => "not answered".to_owned(),
    }
}

fn kinds(audio: bool, video: bool) -> &'static str {
    match (audio, video) {
        (true, true) => "audio and video",
        (false, true) => "video",
        _ => "audio",
    }
}
