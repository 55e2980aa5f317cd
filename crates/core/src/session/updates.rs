//! Whether the peer takes UPDATE (RFC 3311 section 5.1).

use offhook_sip::{HeaderName, Received, StatusCode};

/// What is known of a peer and UPDATE.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Updates {
    /// Its last message had no Allow header. In a confirmed dialog an UPDATE may be tried: what a
    /// peer does not know it refuses, and a re-INVITE follows.
    #[default]
    Unsaid,
    /// Its Allow header names UPDATE.
    Allowed,
    /// Its Allow header does not, or it has refused one.
    Refused,
}

impl Updates {
    /// What a message says.
    pub(super) fn of(message: &Received) -> Self {
        match message.header(HeaderName::Allow) {
            None => Self::Unsaid,
            Some(_) if message.has_token(HeaderName::Allow, "UPDATE") => Self::Allowed,
            Some(_) => Self::Refused,
        }
    }

    /// Whether the peer has said that it takes UPDATE.
    pub(super) fn are_allowed(self) -> bool {
        self == Self::Allowed
    }

    /// Whether an UPDATE is worth a try where a re-INVITE can follow.
    pub(super) fn may_be_tried(self) -> bool {
        self != Self::Refused
    }
}

/// Whether an answer to an UPDATE says that the peer does not know the method.
pub(super) fn is_unknown_method(status: StatusCode) -> bool {
    matches!(status.code(), 405 | 501)
}
