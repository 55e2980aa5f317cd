//! The SIP session engine without sockets, clocks or tasks: transactions, dialogs, registration, sessions

mod flow;
mod time;
mod timer;

pub use flow::{FlowId, Transport};
pub use time::Instant;
pub use timer::TimerQueue;
