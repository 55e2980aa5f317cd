//! The words that the rest of the core uses of a session: its id, direction, status and timers.

use std::fmt;

use crate::map::Number;
use crate::request::RequestId;

/// The id of a session, unique for the life of its agent.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionId(pub u64);

impl Number for SessionId {
    fn number(&self) -> u64 {
        self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session {}", self.0)
    }
}

/// Who started a session.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Direction {
    /// The peer.
    Incoming,
    /// This side.
    Outgoing,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incoming => "incoming",
            Self::Outgoing => "outgoing",
        })
    }
}

/// Where a session stands, in JsSIP's terms (`RTCSession.C`).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Status {
    /// Outgoing: nothing is sent yet.
    Null,
    /// Outgoing: the INVITE is sent.
    InviteSent,
    /// Outgoing: a provisional response came.
    ProgressReceived,
    /// Incoming: the INVITE is received and not announced yet.
    InviteReceived,
    /// Incoming: the application may answer.
    WaitingForAnswer,
    /// The call is being answered.
    Answered,
    /// Incoming: the 2xx is sent and waits for its ACK.
    WaitingForAck,
    /// The session is established.
    Confirmed,
    /// The session has ended.
    Terminated,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "not started",
            Self::InviteSent => "calling",
            Self::ProgressReceived => "in progress",
            Self::InviteReceived => "being received",
            Self::WaitingForAnswer => "waiting for an answer",
            Self::Answered => "being answered",
            Self::WaitingForAck => "waiting for the ACK",
            Self::Confirmed => "established",
            Self::Terminated => "ended",
        })
    }
}

/// The timers of a session.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum SessionTimer {
    /// The description leaves with the candidates gathered so far.
    Gathering,
    /// Nobody answered.
    NoAnswer,
    /// The INVITE's Expires ran out.
    Expires,
    /// The 2xx is due again (RFC 3261 section 13.3.1.4).
    Retransmit,
    /// The ACK is overdue.
    NoAck,
    /// The next tone is due.
    Dtmf,
    /// The session is due for a refresh (RFC 4028).
    Refresh,
    /// The session ends unless it was refreshed (RFC 4028).
    Expiry,
    /// Candidates are due to be told (RFC 8840).
    Trickle,
    /// Media should have connected.
    MediaDue,
    /// Media without a way is tried again.
    MediaRetry,
    /// Media that found no way in time ends the session.
    MediaLost,
    /// The reliable provisional response is due again (RFC 3262).
    Provisional,
    /// Its PRACK is overdue.
    NoPrack,
    /// The final response to our re-INVITE is overdue.
    Reinvite,
    /// The pause after two offers met is over (RFC 3261 section 14.1).
    Glare,
    /// The way to the server, or the final response to a cancelled INVITE, is overdue.
    Patience,
}

pub(super) const TIMERS: [SessionTimer; 17] = [
    SessionTimer::Gathering,
    SessionTimer::NoAnswer,
    SessionTimer::Expires,
    SessionTimer::Retransmit,
    SessionTimer::NoAck,
    SessionTimer::Dtmf,
    SessionTimer::Reinvite,
    SessionTimer::Glare,
    SessionTimer::Provisional,
    SessionTimer::NoPrack,
    SessionTimer::Refresh,
    SessionTimer::Expiry,
    SessionTimer::Trickle,
    SessionTimer::MediaDue,
    SessionTimer::MediaRetry,
    SessionTimer::MediaLost,
    SessionTimer::Patience,
];

/// What a request inside a session's dialog is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum InDialog {
    Bye,
    Prack,
    Trickle,
    Reinvite,
    Update,
    Refresh,
    Dtmf(char),
    Info(u32),
    /// A MESSAGE, OPTIONS or other request of the application.
    Alone(RequestId),
    Refer(u32),
    Notify(u32),
}

impl InDialog {
    /// Whether the request still means something when the session has ended: the dialog stands for
    /// its BYE and its subscriptions.
    pub(crate) fn outlives_session(self) -> bool {
        matches!(
            self,
            Self::Bye | Self::Refer(_) | Self::Notify(_) | Self::Alone(_)
        )
    }

    /// Whether the request may be sent again when nobody knows whether it arrived: a tone must not
    /// be heard twice, and a message not be read twice.
    pub(crate) fn may_be_repeated(self) -> bool {
        !matches!(self, Self::Dtmf(_) | Self::Info(_) | Self::Alone(_))
    }
}
