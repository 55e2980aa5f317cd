//! What an agent holds and what it dropped.

/// How many of each live thing an agent holds.
///
/// After the last session has closed and the last timer has run, only flows are left.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Live {
    /// Sessions, those that are closing among them.
    pub sessions: usize,
    /// Dialogs, early ones among them.
    pub dialogs: usize,
    /// Client transactions.
    pub client_transactions: usize,
    /// Server transactions.
    pub server_transactions: usize,
    /// Timers, other than the one that keeps each open flow alive.
    pub timers: usize,
    /// Flows, open or being opened.
    pub flows: usize,
    /// Questions that the application has not answered.
    pub asks: usize,
    /// Subscriptions: ours, those of peers, and transfers whose progress is followed or told.
    pub subscriptions: usize,
}

/// What an agent has received, and what of it was dropped.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Counters {
    /// Messages received.
    pub received: u64,
    /// Messages that could not be read, or lack what every message must have.
    pub malformed: u64,
    /// Responses to nothing we sent.
    pub unmatched_responses: u64,
    /// ACKs for no dialog of ours.
    pub stray_acks: u64,
    /// Requests refused because too many transactions are under way.
    pub refused: u64,
    /// Requests on a flow that the driver never announced.
    pub unknown_flow: u64,
    /// Trickled candidates, by INFO request, of a gathering that is none of the session's
    /// (RFC 8840 section 4.4).
    pub stale_candidates: u64,
}
