//! What stands at the ends of a network.

use std::any::Any;
use std::net::SocketAddr;

use bytes::Bytes;
use offhook_core::{FlowId, Instant, Transport};

/// A participant: an agent, a proxy, a script.
///
/// It is fed with what arrives and with the time it asked for, and drained with
/// [`poll`](Node::poll) after each, the way of the engine itself. It reads no clock and draws no
/// chance but from a seed it was made with; then a run is the same each time.
pub trait Node: Any {
    /// A message came on a flow.
    fn receive(&mut self, now: Instant, flow: FlowId, bytes: Bytes);

    /// A flow is open: one that the node asked for, or one that a peer opened to it.
    fn flow_opened(&mut self, now: Instant, opened: Opened);

    /// A flow that the node asked for could not be opened.
    fn flow_failed(&mut self, now: Instant, flow: FlowId);

    /// A flow is gone: closed by the peer, or cut.
    fn flow_lost(&mut self, now: Instant, flow: FlowId);

    /// The time that the node asked for has come.
    fn timeout(&mut self, now: Instant);

    /// When the node wants [`timeout`](Node::timeout) to be called.
    fn next_timeout(&self) -> Option<Instant>;

    /// What the node wants to be done next; called until it has nothing.
    fn poll(&mut self) -> Option<Action>;
}

/// A flow that is open.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Opened {
    /// Its name, unique within the node. Flows that peers open are named from 2⁶³ up, so that a
    /// node can name its own from 0.
    pub flow: FlowId,
    /// Its transport.
    pub transport: Transport,
    /// The node's own address.
    pub local: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
    /// Whether the peer opened it.
    pub incoming: bool,
}

/// What a node wants to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Send a message. On a flow that is not open it is lost.
    Send {
        /// The flow.
        flow: FlowId,
        /// One whole message.
        bytes: Bytes,
    },
    /// Open a flow. A UDP one is open at once, whether somebody listens there or not.
    Open {
        /// The name it gets; one that the node has not used.
        flow: FlowId,
        /// Its transport.
        transport: Transport,
        /// The address to reach.
        to: SocketAddr,
    },
    /// Close a flow, after what was sent on it before has arrived.
    Close {
        /// The flow.
        flow: FlowId,
    },
    /// Write a line into the ladder: what the application saw, for whoever reads it later.
    Note(String),
}
