//! What joins two nodes.

use std::net::SocketAddr;

use offhook_core::{FlowId, Instant, Transport};

pub(super) type WireId = u64;

/// A flow as both its ends share it. Side 0 opened it, side 1 was reached.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) transport: Transport,
    /// The far end is nobody until the first message or the connection reaches it.
    pub(super) ends: [Option<End>; 2],
    /// The address that side 0 asked for.
    pub(super) to: SocketAddr,
    /// Whether messages may be sent.
    pub(super) open: bool,
    /// Whether it was cut: nothing arrives any more.
    pub(super) dead: bool,
    /// When the last message from each side arrives at the other.
    last_arrival: [Instant; 2],
}

/// One end of a wire.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) node: usize,
    /// The node's name for the flow, until it has closed it or was told that it is gone.
    pub(super) flow: Option<FlowId>,
    pub(super) address: SocketAddr,
}

impl Wire {
    pub(super) fn new(transport: Transport, near: End, to: SocketAddr, now: Instant) -> Wire {
        Wire {
            transport,
            ends: [Some(near), None],
            to,
            open: !transport.is_reliable(),
            dead: false,
            last_arrival: [now; 2],
        }
    }

    /// The moment at which a message from `side` arrives, if it may not overtake another and
    /// would arrive at `at` by itself.
    pub(super) fn after_the_last(&mut self, side: usize, at: Instant) -> Instant {
        let last = &mut self.last_arrival[side];
        *last = (*last).max(at);
        *last
    }
}
