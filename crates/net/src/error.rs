//! What can go wrong, said for people.

use std::net::SocketAddr;
use std::time::Duration;

use offhook_core::{FlowId, Transport};

/// Why a flow could not be opened, a port not be listened on, or a setting not be taken.
///
/// Each one's text names the destination, what is wrong with it, and what would help.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The destination is no URL that this crate understands.
    #[error("\"{url}\" is no server address: {reason}; write for example wss://sip.example.com")]
    InvalidUrl {
        /// The text as given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The name has no address.
    #[error(
        "the name \"{host}\" of {destination} cannot be resolved: {reason}; check its spelling and the network"
    )]
    Unresolvable {
        /// Where the flow was to lead.
        destination: String,
        /// The name.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// Nothing listens there.
    #[error(
        "{destination} refuses connections: no server listens there; check its port and that it runs"
    )]
    Refused {
        /// Where the flow was to lead.
        destination: String,
    },
    /// No way leads there, or the connection broke while it was made.
    #[error("{destination} cannot be reached: {reason}")]
    Unreachable {
        /// Where the flow was to lead.
        destination: String,
        /// What the system said.
        reason: String,
    },
    /// There was no answer in time.
    #[error("{destination} did not answer within {after:?}: {stage} was not done")]
    TimedOut {
        /// Where the flow was to lead.
        destination: String,
        /// What was waited for.
        stage: &'static str,
        /// How long it was waited for.
        after: Duration,
    },
    /// The server's certificate proves nothing to us.
    #[error("the certificate of {destination} is not trusted: {reason}; {advice}")]
    CertificateNotTrusted {
        /// Where the flow was to lead.
        destination: String,
        /// Why it is not trusted.
        reason: String,
        /// What to do about it.
        advice: String,
    },
    /// The TLS handshake failed for another reason than the certificate.
    #[error("no TLS connection to {destination}: {reason}")]
    Tls {
        /// Where the flow was to lead.
        destination: String,
        /// What went wrong.
        reason: String,
    },
    /// Something answers there, but no SIP server.
    #[error("{destination} is no SIP {kind} server: {reason}")]
    NotSip {
        /// Where the flow was to lead.
        destination: String,
        /// What it was taken for: `WebSocket`, for example.
        kind: &'static str,
        /// What it did instead.
        reason: String,
    },
    /// The endpoint holds as many flows as it may.
    #[error(
        "no flow to {destination}: {limit} flows are open already, and max_flows allows no more"
    )]
    TooManyFlows {
        /// Where the flow was to lead.
        destination: String,
        /// The bound.
        limit: usize,
    },
    /// The name of the flow is one of those that the endpoint gives itself.
    #[error("{flow} cannot be opened: numbers from 2^63 up are for accepted flows")]
    ReservedFlow {
        /// The name that was asked for.
        flow: FlowId,
    },
    /// The address cannot be listened on.
    #[error("{transport} cannot be listened for on {address}: {reason}")]
    CannotListen {
        /// The transport.
        transport: Transport,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
    /// TLS and WSS need a certificate to listen with.
    #[error(
        "{transport} cannot be listened for without a certificate; give one by TlsConfig::with_identity_pem"
    )]
    NoCertificate {
        /// The transport.
        transport: Transport,
    },
    /// A certificate or key could not be used.
    #[error("the {what} cannot be used: {reason}")]
    InvalidCertificate {
        /// `root certificate`, `certificate` or `private key`.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The endpoint is closed.
    #[error("the endpoint is closed")]
    Closed,
}

/// Why bytes were not taken for sending. Nothing of them was sent.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// There is no such flow: it was never opened, is not open yet, or is lost or closed.
    #[error("{0} is not open")]
    NoFlow(FlowId),
    /// The peer does not read as fast as is written: the flow's queue is full.
    #[error("the queue of {0} is full: the peer reads too slowly")]
    QueueFull(FlowId),
    /// No datagram holds that many bytes.
    #[error("{size} bytes do not fit in a datagram, which holds at most 65507; use TCP for {flow}")]
    TooLarge {
        /// The flow.
        flow: FlowId,
        /// The size of what was to be sent.
        size: usize,
    },
    /// The system refused to send.
    #[error("the system cannot send on {flow}: {reason}")]
    Failed {
        /// The flow.
        flow: FlowId,
        /// What it said.
        reason: String,
    },
}

/// Why a flow ended that was open.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LostReason {
    /// The peer closed the connection.
    #[error("the peer closed the connection")]
    ClosedByPeer,
    /// The peer closed the WebSocket and said why (RFC 6455, 7.4).
    #[error("the peer closed the WebSocket with code {code}: {reason}")]
    WebSocketClosed {
        /// The status code.
        code: u16,
        /// The peer's words, often none.
        reason: String,
    },
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The peer sent what is no SIP, or no WebSocket frame.
    #[error("the peer sent what cannot be read: {0}")]
    Garbage(String),
    /// The peer sent a message larger than the limit.
    #[error("the peer sent a message of more than {limit} bytes")]
    TooLarge {
        /// The limit: [`offhook_sip::Limits`].
        limit: usize,
    },
    /// Nothing was heard for [`EndpointConfig::idle_timeout`](crate::EndpointConfig::idle_timeout).
    #[error("nothing was heard for {0:?}")]
    Idle(Duration),
    /// The peer accepted no byte for so long that what was to be sent is stale.
    #[error("the peer accepted no data for {0:?}")]
    Stalled(Duration),
    /// A UDP remote was forgotten in favour of newer ones:
    /// [`EndpointConfig::max_flows`](crate::EndpointConfig::max_flows).
    #[error("forgotten in favour of newer flows")]
    Forgotten,
}
