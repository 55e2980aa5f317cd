//! A virtual network and its clock: SIP over loss, delay, reordering and cuts, from one seed.
//!
//! A [`Network`] joins [`Node`]s by flows: agents of `offhook-core`, proxies, scripts of a test.
//! Nothing here takes real time, and all chance comes from the seed, so that a run that failed is
//! replayed exactly by its number. What happened stands in a [`Ladder`].
//!
//! - **Unreliable flows** (UDP) lose, double and delay each datagram, and let one overtake another,
//!   as [`Conditions`] say. Nobody hears of a loss.
//! - **Reliable flows** (TCP, TLS, WS, WSS) deliver everything once and in order, until an end
//!   closes them or they are [`Cut`]; then what was under way is lost, and the ends hear of it.
//!
//!
//! A [`Phone`] is a node that holds an `offhook-core` agent and a simulated [`PeerConnection`] for
//! each of its sessions: it registers, calls and answers, and keeps every event.
//!
//! ```
//! use std::time::Duration;
//!
//! use bytes::Bytes;
//! use offhook_core::{FlowId, Instant, Transport};
//! use offhook_sim::{Action, Conditions, Network, Node, Opened};
//!
//! /// Answers every message with the same message.
//! #[derive(Default)]
//! struct Echo {
//!     heard: usize,
//!     wants: Vec<Action>,
//! }
//!
//! impl Node for Echo {
//!     fn receive(&mut self, _now: Instant, flow: FlowId, bytes: Bytes) {
//!         self.heard += 1;
//!         self.wants.push(Action::Send { flow, bytes });
//!     }
//!     fn flow_opened(&mut self, _now: Instant, opened: Opened) {
//!         if !opened.incoming {
//!             let bytes = Bytes::from_static(b"OPTIONS sip:echo SIP/2.0\r\n\r\n");
//!             self.wants.push(Action::Send { flow: opened.flow, bytes });
//!         }
//!     }
//!     fn flow_failed(&mut self, _now: Instant, _flow: FlowId) {}
//!     fn flow_lost(&mut self, _now: Instant, _flow: FlowId) {}
//!     fn timeout(&mut self, _now: Instant) {}
//!     fn next_timeout(&self) -> Option<Instant> {
//!         None
//!     }
//!     fn poll(&mut self) -> Option<Action> {
//!         self.wants.pop()
//!     }
//! }
//!
//! let mut network = Network::new(42);
//! let way = Duration::from_millis(50);
//! network.set_conditions(Conditions::perfect().with_delay(way..=way));
//! let alice = network.add("alice", Echo::default());
//! let bob = network.add("bob", Echo::default());
//! let to = network.listen(bob, Transport::Tcp, 5060);
//!
//! network.with(alice, |alice, _now| {
//!     alice.wants.push(Action::Open { flow: FlowId(0), transport: Transport::Tcp, to });
//! });
//! // A round trip to connect, then a message every 50 ms.
//! network.run_for(Duration::from_secs(1));
//! assert_eq!(network.node(bob).heard, 9);
//! println!("{}", network.ladder());
//! ```

mod application;
mod chance;
mod conditions;
mod ladder;
mod network;
mod node;
mod peer_connection;
mod phone;
mod switchboard;
mod trial;

pub use application::{Application, Decision, Ringing};
pub use chance::Chance;
pub use conditions::Conditions;
pub use ladder::{Ladder, Line, Step};
pub use network::{Cut, Handle, Network};
pub use node::{Action, Node, Opened};
pub use peer_connection::{MediaBehaviour, PeerConnection};
pub use phone::{Announced, Phone};
pub use switchboard::{HOST, Switchboard};
pub use trial::{Broken, Tally, Trial, Verdict};
