//! What an exchange holds and what it counted.

/// How many of each living thing an exchange holds. All but the flows of connected user agents are
/// gone some time after the last call ended and the last contact expired.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Live {
    /// Connections, and remotes on UDP.
    pub flows: usize,
    /// Contacts of registered users.
    pub contacts: usize,
    /// SIP transactions, of both sides.
    pub transactions: usize,
    /// Requests on their way to one or several places.
    pub forks: usize,
    /// Calls that are up.
    pub calls: usize,
    /// Timers of all of them.
    pub timers: usize,
}

/// What an exchange counted since it started.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Counters {
    /// Requests received, retransmissions included.
    pub requests: u64,
    /// Responses received, retransmissions included.
    pub responses: u64,
    /// Messages that could not be read, or broke a rule that all must keep.
    pub malformed: u64,
    /// Responses that belonged to no request.
    pub stray_responses: u64,
    /// ACKs that belonged to no dialog through this exchange.
    pub stray_acks: u64,
    /// Requests that were challenged for a password.
    pub challenged: u64,
    /// Requests refused after too many wrong passwords, or in another user's name.
    pub forbidden: u64,
    /// Messages that a flow did not take.
    pub unsent: u64,
}
