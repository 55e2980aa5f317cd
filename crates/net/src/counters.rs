//! What an endpoint counted.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What an endpoint counted since it was made: see
        /// [`Endpoint::counters`](crate::Endpoint::counters).
        #[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
        #[non_exhaustive]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// The cells behind [`Counters`].
        #[derive(Debug, Default)]
        pub(crate) struct Cells {
            $(pub(crate) $name: Cell,)*
        }

        impl Cells {
            pub(crate) fn read(&self) -> Counters {
                Counters { $($name: self.$name.0.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Messages received and handed up.
    received,
    /// Messages given to the system for sending.
    sent,
    /// Keep-alives of peers, answered where the transport wants an answer.
    pings,
    /// Flows opened.
    opened,
    /// Flows that could not be opened.
    failed,
    /// Flows accepted.
    accepted,
    /// Requests for pages, answered.
    pages,
    /// Flows that ended by themselves.
    lost,
    /// Datagrams dropped because the events were not taken fast enough.
    dropped_events_full,
    /// Messages refused for sending because the flow's queue was full.
    dropped_queue_full,
    /// Messages refused for sending because there is no such flow.
    dropped_no_flow,
    /// Messages received that were larger than the limit.
    dropped_too_large,
    /// Connections closed because what they carried could not be read.
    dropped_garbage,
    /// Connections refused because `max_flows` were open.
    refused_connections,
    /// Connections that were accepted and did not come through the TLS or WebSocket handshake.
    refused_handshakes,
}

#[derive(Debug, Default)]
pub(crate) struct Cell(AtomicU64);

impl Cell {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
