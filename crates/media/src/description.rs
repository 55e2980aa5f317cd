//! Session descriptions and the words used in them.

/// A session description with its role in the exchange (W3C `RTCSessionDescription`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDescription {
    /// Offer, answer or rollback.
    pub kind: SdpType,
    /// The SDP text (RFC 8866). Empty for a rollback, and allowed to be empty in
    /// `set_local_description`: then the last one created is meant.
    pub sdp: String,
}

impl SessionDescription {
    /// An offer.
    pub fn offer(sdp: impl Into<String>) -> SessionDescription {
        SessionDescription {
            kind: SdpType::Offer,
            sdp: sdp.into(),
        }
    }

    /// A final answer.
    pub fn answer(sdp: impl Into<String>) -> SessionDescription {
        SessionDescription {
            kind: SdpType::Answer,
            sdp: sdp.into(),
        }
    }

    /// A provisional answer, as a 18x response with SDP brings.
    pub fn pranswer(sdp: impl Into<String>) -> SessionDescription {
        SessionDescription {
            kind: SdpType::PrAnswer,
            sdp: sdp.into(),
        }
    }

    /// Takes the pending offer back.
    pub fn rollback() -> SessionDescription {
        SessionDescription {
            kind: SdpType::Rollback,
            sdp: String::new(),
        }
    }
}

/// The role of a description (W3C `RTCSdpType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SdpType {
    /// An offer.
    Offer,
    /// A provisional answer; another answer will follow.
    PrAnswer,
    /// The final answer.
    Answer,
    /// No description: takes the pending offer back.
    Rollback,
}

impl std::fmt::Display for SdpType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            SdpType::Offer => "offer",
            SdpType::PrAnswer => "pranswer",
            SdpType::Answer => "answer",
            SdpType::Rollback => "rollback",
        })
    }
}

/// What kind of media a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

impl std::fmt::Display for MediaKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            MediaKind::Audio => "audio",
            MediaKind::Video => "video",
        })
    }
}

/// Which way media flows, seen from this side (RFC 8866 §6.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// From here to the peer.
    SendOnly,
    /// From the peer to here.
    RecvOnly,
    /// Neither way.
    Inactive,
}

impl Direction {
    /// Whether this side sends.
    pub fn is_sending(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Whether this side receives.
    pub fn is_receiving(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    /// The same flow seen from the other side.
    #[must_use]
    pub fn reversed(self) -> Direction {
        Direction::of(self.is_receiving(), self.is_sending())
    }

    /// What is left when both this and the other must agree.
    #[must_use]
    pub fn and(self, other: Direction) -> Direction {
        Direction::of(
            self.is_sending() && other.is_sending(),
            self.is_receiving() && other.is_receiving(),
        )
    }

    /// The direction in which this side sends, and receives.
    pub fn of(sending: bool, receiving: bool) -> Direction {
        match (sending, receiving) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// The attribute's name in SDP.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Direction> {
        [
            Direction::SendRecv,
            Direction::SendOnly,
            Direction::RecvOnly,
            Direction::Inactive,
        ]
        .into_iter()
        .find(|direction| direction.as_str().eq_ignore_ascii_case(text))
    }
}

impl std::fmt::Display for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an offer shall do beyond describing what is there (W3C `RTCOfferOptions`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OfferOptions {
    /// New ICE credentials and candidates, to find a new path (RFC 8445 §9).
    pub ice_restart: bool,
}

impl OfferOptions {
    /// The options of an offer that restarts ICE.
    pub fn ice_restart() -> OfferOptions {
        OfferOptions { ice_restart: true }
    }
}
