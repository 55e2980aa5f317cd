//! Questions to the application, and the handles by which it answers.

use std::fmt;

use offhook_core::{AskId, Originator, Reply, SdpKind, SdpQuestion};
use offhook_media::PeerConnection;
use offhook_sip::OutgoingRequest;
use tokio::sync::mpsc;

/// Which questions the application wants to be asked; the others are answered with the default
/// at once. Default: none.
///
/// A session waits for the answer to a question, so an application that asks for one must read
/// the session's events. Each question is answered by its own method, and by the default when
/// it is dropped.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Asks {
    /// [`SessionEvent::PeerConnection`](crate::SessionEvent::PeerConnection).
    pub peer_connection: bool,
    /// [`SessionEvent::Sdp`](crate::SessionEvent::Sdp).
    pub sdp: bool,
    /// [`SessionEvent::Sending`](crate::SessionEvent::Sending).
    pub sending: bool,
    /// [`SessionEvent::IceCandidate`](crate::SessionEvent::IceCandidate).
    pub ice_candidate: bool,
}

impl Asks {
    /// No question.
    pub const NONE: Self = Self {
        peer_connection: false,
        sdp: false,
        sending: false,
        ice_candidate: false,
    };
    /// Every question.
    pub const ALL: Self = Self {
        peer_connection: true,
        sdp: true,
        sending: true,
        ice_candidate: true,
    };
}

pub(crate) type Replies = mpsc::UnboundedSender<(AskId, Reply)>;

/// Owes one reply; dropped, it proceeds.
///
/// The reply travels through a queue and not into the agent itself, because a question may be
/// dropped anywhere, even while the agent is being drained.
pub(crate) struct Responder {
    ask: AskId,
    replies: Option<Replies>,
}

impl Responder {
    pub(crate) fn new(ask: AskId, replies: Replies) -> Self {
        Self {
            ask,
            replies: Some(replies),
        }
    }

    fn reply(mut self, reply: Reply) {
        self.send(reply);
    }

    fn send(&mut self, reply: Reply) {
        if let Some(replies) = self.replies.take() {
            // The user agent is gone: nobody waits for the answer.
            let _ = replies.send((self.ask, reply));
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.send(Reply::Proceed);
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Responder").field(&self.ask).finish()
    }
}

/// The peer connection stands and may be changed before local media is added to it.
#[derive(Debug)]
pub struct PeerConnectionAsk {
    pub(crate) connection: PeerConnection,
    pub(crate) responder: Responder,
}

impl PeerConnectionAsk {
    /// The peer connection.
    pub fn connection(&self) -> &PeerConnection {
        &self.connection
    }

    /// Lets the session go on, as dropping the question does.
    pub fn proceed(self) {
        self.responder.reply(Reply::Proceed);
    }
}

/// A session description is about to be sent, or to be applied to the peer connection.
#[derive(Debug)]
pub struct SdpAsk {
    pub(crate) question: SdpQuestion,
    pub(crate) responder: Responder,
}

impl SdpAsk {
    /// Whose description it is.
    pub fn originator(&self) -> Originator {
        self.question.originator
    }

    /// Offer or answer.
    pub fn kind(&self) -> SdpKind {
        self.question.kind
    }

    /// The description.
    pub fn sdp(&self) -> &str {
        &self.question.sdp
    }

    /// Uses this description instead.
    pub fn replace(self, sdp: impl Into<String>) {
        self.responder.reply(Reply::Sdp(sdp.into()));
    }
}

/// The INVITE is about to leave.
#[derive(Debug)]
pub struct SendingAsk {
    pub(crate) request: OutgoingRequest,
    pub(crate) responder: Responder,
}

impl SendingAsk {
    /// The INVITE as it would be sent.
    pub fn request(&self) -> &OutgoingRequest {
        &self.request
    }

    /// Sends this instead.
    pub fn send(self, request: OutgoingRequest) {
        self.responder.reply(Reply::Request(request));
    }
}

/// A candidate was gathered. The session does not wait for the answer.
#[derive(Debug)]
pub struct IceCandidateAsk {
    pub(crate) candidate: String,
    pub(crate) responder: Responder,
}

impl IceCandidateAsk {
    /// The candidate attribute, `candidate:…` (RFC 8839, section 5.1).
    pub fn candidate(&self) -> &str {
        &self.candidate
    }

    /// Waits for no more candidates: the description goes out with those gathered so far.
    pub fn ready(self) {
        self.responder.reply(Reply::Ready);
    }
}
