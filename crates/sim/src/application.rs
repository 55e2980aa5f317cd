//! The application behind a phone: what it says when it is asked.

use std::time::Duration;

use offhook_core::{Question, Reply, SessionId};
use offhook_sip::StatusCode;

use crate::peer_connection::MediaBehaviour;

/// What a phone does when it rings.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Ringing {
    /// It rings on.
    Ignored,
    /// It is answered after this time.
    Answered(Duration),
    /// It is rejected after this time with this status.
    Rejected(Duration, StatusCode),
    /// The caller is sent to another address after this time.
    Redirected(Duration, String),
    /// It sends early media after this time, and then does something else.
    Progressed(Duration, Box<Ringing>),
}

impl Ringing {
    /// After which time it does what it does first; nothing for one that rings on.
    pub(crate) fn after(&self) -> Option<Duration> {
        match self {
            Ringing::Ignored => None,
            Ringing::Answered(after)
            | Ringing::Rejected(after, _)
            | Ringing::Redirected(after, _)
            | Ringing::Progressed(after, _) => Some(*after),
        }
    }
}

/// When a question is answered, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Decision {
    /// In the same turn.
    Now(Reply),
    /// After this time.
    Later(Duration, Reply),
    /// Never: the application has dropped the question.
    Never,
}

/// The application behind a phone.
pub trait Application {
    /// What the phone does that rings for this session.
    fn ring(&mut self, session: SessionId) -> Ringing;

    /// What is said to a question, of a session or of the agent.
    fn asked(&mut self, session: Option<SessionId>, question: &Question) -> Decision;

    /// How the peer connection of a new session behaves.
    fn media(&mut self, session: SessionId) -> MediaBehaviour;
}

/// Does the same every time, and lets the agent proceed.
#[derive(Clone, Debug)]
pub(crate) struct Plain {
    pub(crate) ringing: Ringing,
    pub(crate) media: MediaBehaviour,
}

impl Application for Plain {
    fn ring(&mut self, _session: SessionId) -> Ringing {
        self.ringing.clone()
    }

    fn asked(&mut self, _session: Option<SessionId>, _question: &Question) -> Decision {
        Decision::Now(Reply::Proceed)
    }

    fn media(&mut self, _session: SessionId) -> MediaBehaviour {
        self.media.clone()
    }
}
