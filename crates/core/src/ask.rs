//! Questions: where the application may step in before the agent goes on.

use offhook_sip::{OutgoingRequest, Request, StatusCode};

use crate::event::{Originator, SdpQuestion};
use crate::options::ExtraHeaders;

/// The id of a question.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AskId(pub(crate) u64);

/// What the application may decide or change before the agent goes on.
///
/// The agent waits for [`Agent::reply`](crate::Agent::reply) in every case but
/// [`Question::IceCandidate`]; [`Reply::Proceed`] is always a valid answer, and the one that a
/// driver gives where nobody listens.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Question {
    /// A new session (`newRTCSession`). An incoming one rings, with a 180, once the answer
    /// comes, unless it was answered or ended meanwhile.
    NewSession {
        /// Who started it.
        originator: Originator,
        /// The INVITE, when the peer sent it.
        request: Option<Request>,
    },
    /// The peer connection stands and may be changed (`peerconnection`).
    PeerConnection,
    /// A session description is about to be sent or applied (`sdp`); [`Reply::Sdp`] changes it.
    Sdp(SdpQuestion),
    /// The INVITE is about to leave (`sending`); [`Reply::Request`] changes it.
    Sending(OutgoingRequest),
    /// A re-INVITE came (`reinvite`); [`Reply::Reject`] refuses it.
    Reinvite {
        /// The request.
        request: Request,
    },
    /// An UPDATE came (`update`); [`Reply::Reject`] refuses it.
    Update {
        /// The request.
        request: Request,
    },
    /// A candidate was gathered (`icecandidate`); [`Reply::Ready`] stops waiting for more.
    IceCandidate {
        /// The candidate attribute (`candidate:…`).
        candidate: String,
    },
}

impl Question {
    /// The question's name in the seed API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NewSession { .. } => "newRTCSession",
            Self::PeerConnection => "peerconnection",
            Self::Sdp(_) => "sdp",
            Self::Sending(_) => "sending",
            Self::Reinvite { .. } => "reinvite",
            Self::Update { .. } => "update",
            Self::IceCandidate { .. } => "icecandidate",
        }
    }
}

/// The answer to a question.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reply {
    /// Go on as planned.
    Proceed,
    /// Use this description instead.
    Sdp(String),
    /// Send this request instead.
    Request(OutgoingRequest),
    /// Wait for no more candidates.
    Ready,
    /// Refuse the request.
    Reject {
        /// The status, 300 to 699; the seed API's default is 403.
        status: StatusCode,
        /// The reason phrase, where it is not the status' own.
        reason: Option<String>,
        /// Headers added to the response.
        extra_headers: ExtraHeaders,
    },
}
