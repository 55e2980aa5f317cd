//! Finding this side's candidates (RFC 8445 §5.1): hosts, server-reflexive ones by STUN, relays by
//! TURN; and the sockets they stand for.

mod candidate;
mod gather;
mod interfaces;
mod sockets;
mod stun;
mod turn;

pub(crate) use candidate::{Remote, remote_candidate};
pub(crate) use gather::{Arrived, Gatherer};
