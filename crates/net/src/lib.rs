//! SIP transports on tokio: UDP, TCP, TLS and WebSocket, as flows of messages.
//!
//! An [`Endpoint`] owns the sockets of one user agent or one exchange. It knows sockets, TLS and
//! framing, and nothing of transactions: what it hands up is always exactly one SIP message, and
//! what it is handed is sent as it is.
//!
//! A *flow* (RFC 5626, 2) is one connection, or one UDP socket paired with one remote address. The
//! caller names the flows it [opens](Endpoint::open); the endpoint names those that others open to
//! it, from [`FIRST_ACCEPTED_FLOW`] up. Everything that happens comes out of [`Incoming`] as a
//! [`NetEvent`], in order.
//!
//! ```
//! use offhook_core::{FlowId, Transport};
//! use offhook_net::{Destination, Endpoint, EndpointConfig, NetEvent};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let (server, mut at_server) = Endpoint::new(EndpointConfig::default());
//! let address = server.listen(Transport::Tcp, "127.0.0.1:0".parse()?).await?;
//!
//! let (client, mut at_client) = Endpoint::new(EndpointConfig::default());
//! client.open(FlowId(1), Destination::from_url(&format!("tcp://{address}"))?);
//! assert!(matches!(at_client.next().await, Some(NetEvent::Opened { flow: FlowId(1), .. })));
//!
//! client.send(FlowId(1), "OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n".into())?;
//! assert!(matches!(at_server.next().await, Some(NetEvent::Accepted { .. })));
//! assert!(matches!(at_server.next().await, Some(NetEvent::Received { .. })));
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
//! #     .block_on(example()).unwrap();
//! ```
//!
//! # What is bounded
//!
//! Every queue, the number of flows, the size of a message, and the time that a handshake, a write
//! or a farewell may take ([`EndpointConfig`] says which can be set). A peer that exceeds a bound
//! loses its connection or its message, and [`Counters`] says how often that happened.

mod config;
mod connect;
mod connection;
mod counters;
mod endpoint;
mod error;
mod event;
mod http;
mod listen;
mod stream;
mod table;
mod tls;
mod udp;
mod websocket;

pub use config::EndpointConfig;
pub use counters::Counters;
pub use endpoint::{Endpoint, FIRST_ACCEPTED_FLOW};
pub use error::{LostReason, NetError, SendError};
pub use event::{Incoming, NetEvent};
pub use http::{Page, PageRequest, Pages};
pub use tls::TlsConfig;

pub use offhook_core::Destination;
