//! The lengths and the names of transaction timers (RFC 3261, table 4; RFC 6026, 8).

use std::time::Duration;

use super::TransactionId;
use crate::time::doubled;

/// The base intervals from which every transaction timer is computed.
#[derive(Copy, Clone, Debug, Eq, Hash, PartialEq)]
pub struct TransactionTimings {
    /// T1, the estimated round-trip time: 500 ms. A transaction lives for 64 times this.
    pub t1: Duration,
    /// T2, the longest interval between retransmissions: 4 s.
    pub t2: Duration,
    /// T4, how long a message may stay in the network: 5 s.
    pub t4: Duration,
    /// Timer C, how long a proxy lets an INVITE ring (RFC 3261, 16.6 step 11): 180 s.
    ///
    /// The transactions do not run it; a proxy starts it for each of its branches.
    pub timer_c: Duration,
}

impl Default for TransactionTimings {
    fn default() -> Self {
        TransactionTimings {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            timer_c: Duration::from_secs(180),
        }
    }
}

impl TransactionTimings {
    /// 64 × T1, after which a transaction is given up: 32 s.
    pub fn lifetime(&self) -> Duration {
        doubled(self.t1, 6)
    }

    /// Timer D on an unreliable transport: "at least 32 seconds" whatever T1 is.
    pub(super) fn timer_d(&self) -> Duration {
        self.lifetime().max(Duration::from_secs(32))
    }
}

/// When a server INVITE transaction answers `100 Trying` on its own (RFC 3261, 17.2.1).
#[derive(Copy, Clone, Debug, Default, Eq, Hash, PartialEq)]
pub enum AutoTrying {
    /// With the INVITE itself. The default.
    #[default]
    AtOnce,
    /// If nothing else was answered after this time; the RFC names 200 ms.
    After(Duration),
    /// Never: the owner answers it.
    Never,
}

/// The name of a timer within a transaction.
#[derive(Copy, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TimerName {
    /// INVITE retransmission, unreliable transports only.
    A,
    /// INVITE transaction timeout.
    B,
    /// Wait for retransmissions of a final response to INVITE.
    D,
    /// Non-INVITE request retransmission, unreliable transports only.
    E,
    /// Non-INVITE transaction timeout.
    F,
    /// Retransmission of a final response to INVITE, unreliable transports only.
    G,
    /// Wait for the ACK.
    H,
    /// Wait for retransmissions of the ACK.
    I,
    /// Wait for retransmissions of a non-INVITE request.
    J,
    /// Wait for retransmissions of a final response to a non-INVITE request.
    K,
    /// Wait for retransmissions of an INVITE that was accepted, and for more 2xx to send.
    L,
    /// Wait for retransmissions of a 2xx, and for 2xx from other branches of a fork.
    M,
    /// `100 Trying` is due (RFC 3261, 17.2.1).
    Trying,
    /// No final response came after CANCEL (RFC 3261, 9.1).
    Cancelled,
}

/// A timer of one transaction: the key under which it stands in its owner's queue.
#[derive(Copy, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TransactionTimer {
    pub(super) id: TransactionId,
    pub(super) which: TimerName,
}

impl TransactionTimer {
    /// The transaction it belongs to.
    pub fn id(self) -> TransactionId {
        self.id
    }

    /// Its name.
    pub fn which(self) -> TimerName {
        self.which
    }
}
