//! What a session asks of its peer connection, and what the peer connection reports back.
//!
//! The words are those of the W3C's WebRTC 1.0. A driver carries each [`MediaRequest`] to the
//! peer connection of that session, in order, and each [`MediaReport`] back through
//! [`Agent::media`](crate::Agent::media).

use std::fmt;
use std::time::Duration;

/// What a session asks of its peer connection.
///
/// Every request up to [`MediaRequest::DescribeLocal`] is answered by exactly one report (its
/// own or [`MediaReport::Failed`]); the others are not answered.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum MediaRequest {
    /// Create the peer connection. Answered by [`MediaReport::Opened`].
    Open,
    /// Obtain the local media and add it. Answered by [`MediaReport::Captured`].
    Capture {
        /// Whether the session wants local audio.
        audio: bool,
        /// Whether the session wants local video.
        video: bool,
    },
    /// `createOffer()`. Answered by [`MediaReport::Created`].
    CreateOffer {
        /// Whether the offer shall carry new ICE credentials.
        ice_restart: bool,
    },
    /// `createAnswer()`. Answered by [`MediaReport::Created`].
    CreateAnswer,
    /// `setLocalDescription()`. Answered by [`MediaReport::LocalSet`].
    SetLocal {
        /// What the description is.
        kind: SdpKind,
        /// The description.
        sdp: String,
    },
    /// `setRemoteDescription()`. Answered by [`MediaReport::RemoteSet`].
    SetRemote {
        /// What the description is.
        kind: SdpKind,
        /// The description.
        sdp: String,
    },
    /// Read `localDescription` with the candidates gathered so far. Answered by
    /// [`MediaReport::LocalDescription`].
    DescribeLocal,
    /// Take back a description that was set and not answered.
    Rollback,
    /// `addIceCandidate()`: a candidate of the peer that came after its description (RFC 8838).
    AddCandidate {
        /// The candidate attribute (`candidate:…`), RFC 8839 section 5.1.
        candidate: String,
        /// The media section it belongs to.
        mid: Option<String>,
    },
    /// `addIceCandidate()` with the end of candidates: the peer has no more (RFC 8838 section 13).
    EndOfCandidates,
    /// Play tones into the audio that is sent (RFC 4733).
    InsertTones {
        /// The tones: `0`-`9`, `A`-`D`, `*`, `#`, and `,` for a pause of two seconds.
        tones: String,
        /// How long each tone lasts.
        duration: Duration,
        /// The silence between two tones.
        gap: Duration,
    },
    /// Let the local media through, or send silence and blackness instead.
    SetEnabled {
        /// Whether local audio goes out.
        audio: bool,
        /// Whether local video goes out.
        video: bool,
    },
    /// Take from the direction of every transceiver what a hold leaves out, for the next offers and
    /// answers, or give it back: `sendonly` holds the peer, `recvonly` leaves a hold of the peer as
    /// it is, and `inactive` does both.
    SetHold {
        /// Whether the peer is held: nothing is received.
        local: bool,
        /// Whether the peer holds this side: nothing is sent.
        remote: bool,
    },
    /// Close the peer connection and let the local media go.
    Close,
}

/// What a peer connection reports to its session.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum MediaReport {
    /// The peer connection stands.
    Opened,
    /// The local media is there and added.
    Captured,
    /// The offer or answer that was asked for.
    Created {
        /// The description.
        sdp: String,
    },
    /// The local description is set.
    LocalSet {
        /// Whether every candidate is gathered already.
        gathered: bool,
    },
    /// The remote description is set.
    RemoteSet,
    /// The local description as it stands now.
    LocalDescription {
        /// The description.
        sdp: String,
    },
    /// A request could not be carried out.
    Failed {
        /// Which one.
        step: MediaStep,
        /// What the engine says about it.
        error: String,
    },
    /// A local candidate was gathered.
    Candidate {
        /// The candidate attribute (`candidate:…`), RFC 8839 section 5.1.
        candidate: String,
        /// The media section it belongs to.
        mid: Option<String>,
    },
    /// The last candidate is gathered.
    GatheringComplete,
    /// A tone came in the peer's audio (RFC 4733).
    Tone {
        /// The tone: `0`-`9`, `A`-`D`, `*` or `#`.
        tone: char,
        /// How long it lasted.
        duration: Duration,
    },
    /// The state of the connection to the peer has changed.
    Connection(ConnectionState),
}

/// What a session description is in its exchange (`RTCSdpType`).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SdpKind {
    /// An offer.
    Offer,
    /// An answer that another may replace.
    PrAnswer,
    /// The answer.
    Answer,
}

impl SdpKind {
    /// `offer`, `pranswer` or `answer`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::PrAnswer => "pranswer",
            Self::Answer => "answer",
        }
    }
}

impl fmt::Display for SdpKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which request a peer connection could not carry out.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum MediaStep {
    /// [`MediaRequest::Open`].
    Open,
    /// [`MediaRequest::Capture`]: the microphone or camera is missing or refused.
    Capture,
    /// [`MediaRequest::CreateOffer`].
    CreateOffer,
    /// [`MediaRequest::CreateAnswer`].
    CreateAnswer,
    /// [`MediaRequest::SetLocal`].
    SetLocal,
    /// [`MediaRequest::SetRemote`].
    SetRemote,
    /// [`MediaRequest::DescribeLocal`].
    DescribeLocal,
}

/// The state of a peer connection (`RTCPeerConnectionState`).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ConnectionState {
    /// Candidate pairs are being checked.
    Connecting,
    /// Media can flow.
    Connected,
    /// The peer does not answer at the moment.
    Disconnected,
    /// No pair works, and none will without a restart.
    Failed,
}
