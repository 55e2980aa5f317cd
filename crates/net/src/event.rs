//! What an endpoint reports.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use offhook_core::{FlowId, Transport};
use tokio::sync::mpsc;

use crate::error::{LostReason, NetError};

/// What happened on a flow.
///
/// An opened flow: `Opened` or `Failed`; an accepted one: `Accepted`. Then any number of `Received`
/// and `Pong`, then at most one `Lost`, which is the last word on that flow. A flow that the caller
/// [closes](crate::Endpoint::close) gives no `Lost`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NetEvent {
    /// A flow asked for by [`Endpoint::open`](crate::Endpoint::open) is open.
    Opened {
        /// Its name, as given.
        flow: FlowId,
        /// Its transport.
        transport: Transport,
        /// Our address, as the kernel chose it; never the unspecified address.
        local: SocketAddr,
        /// The peer's address.
        remote: SocketAddr,
    },
    /// A flow asked for by [`Endpoint::open`](crate::Endpoint::open) cannot be opened.
    Failed {
        /// Its name, free again.
        flow: FlowId,
        /// Why.
        error: NetError,
    },
    /// A peer connected, or sent its first datagram.
    Accepted {
        /// The name of the flow, from [`FIRST_ACCEPTED_FLOW`](crate::FIRST_ACCEPTED_FLOW) up.
        flow: FlowId,
        /// Its transport.
        transport: Transport,
        /// Our address, as the peer sees it before any NAT.
        local: SocketAddr,
        /// The peer's address.
        remote: SocketAddr,
    },
    /// One SIP message, cut out of its stream or frame, or one datagram as it came. Nothing else of
    /// it has been checked.
    Received {
        /// Where it came from.
        flow: FlowId,
        /// The message.
        bytes: Bytes,
    },
    /// The peer answered a keep-alive: see [`Endpoint::ping`](crate::Endpoint::ping). Pings of the
    /// peer are answered without being reported.
    Pong {
        /// The flow that is alive.
        flow: FlowId,
    },
    /// A flow ended by itself. Nothing more comes from it, nothing more can be sent on it.
    Lost {
        /// Its name.
        flow: FlowId,
        /// Why.
        reason: LostReason,
    },
}

/// The events of one endpoint, in order. A [`Stream`], too.
///
/// It ends after the endpoint was dropped and its last flow is closed.
#[derive(Debug)]
pub struct Incoming {
    pub(crate) events: mpsc::Receiver<NetEvent>,
}

impl Incoming {
    /// Waits for the next event. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<NetEvent> {
        self.events.recv().await
    }
}

impl Stream for Incoming {
    type Item = NetEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<NetEvent>> {
        self.events.poll_recv(cx)
    }
}
