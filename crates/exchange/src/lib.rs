//! An embedded SIP registrar and forking proxy for one machine.
//!
//! User agents register with it by digest (RFC 3261, 10 and 22; RFC 8760), over WebSocket, UDP and
//! TCP, and with a certificate over WSS and TLS. A call to a user rings everywhere that user is
//! registered; the first who answers has it (RFC 3261, 16). Everything is in memory, everything is
//! bounded, and what falls silent is cleaned up.
//!
//! ```
//! use offhook_core::Transport;
//! use offhook_exchange::Exchange;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let exchange = Exchange::builder()
//!     .domain("localhost")
//!     .user("alice", "alicepw")
//!     .user("bob", "bobpw")
//!     .listen(Transport::Ws, "127.0.0.1:0".parse()?)
//!     .listen(Transport::Udp, "127.0.0.1:0".parse()?)
//!     .start()
//!     .await?;
//!
//! println!("register sip:alice@{} at {}", exchange.domain(), exchange.url());
//! assert_eq!(exchange.registered("alice"), 0);
//! exchange.stop().await;
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
//! #     .block_on(example()).unwrap();
//! ```
//!
//! # Who may do what
//!
//! - To register as a user, and to send anything in a user's name, that user's password is asked
//!   for. After five wrong ones in a row on one connection the answer is 403.
//! - Within a dialog nobody is asked: its requests carry routes that only its peers know.
//! - Others may call the users; nobody may call others through it. It is no relay.
//!
//! # How a call finds its way
//!
//! A request to a contact goes over the connection on which that contact registered, so that a
//! browser, which nobody can connect to, is reached. Record-Route keeps the exchange on the way of
//! the dialog, with a value for either side when a call goes from one transport to another.

mod auth;
mod calls;
mod counters;
mod event;
mod exchange;
mod gruu;
mod location;
mod proxy;
mod registrar;
mod server;
mod site;
mod watch;

pub use counters::{Counters, Live};
pub use event::ExchangeEvent;
pub use exchange::{Events, Exchange, ExchangeBuilder, ExchangeError};
pub use site::{Site, SiteError};
pub use watch::PassingMessage;

pub use offhook_core::auth::DigestAlgorithm;
