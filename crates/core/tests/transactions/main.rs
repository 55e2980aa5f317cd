//! The four transactions, told as stories on a virtual clock.
//!
//! Each file walks one figure of RFC 3261, 17 with the changes of RFC 6026, state by state, on UDP
//! and on TCP; the last ones cover matching, flows, limits and the needs of a proxy.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod bench;
mod client;
mod client_invite;
mod flows;
mod limits;
mod matching;
mod proxy;
mod server;
mod server_invite;
