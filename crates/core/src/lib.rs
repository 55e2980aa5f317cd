//! The SIP session engine without sockets, clocks or tasks: transactions, dialogs, registration, sessions

mod flow;
mod time;
mod timer;
mod transaction;

pub use flow::{FlowId, Transport};
pub use time::Instant;
pub use timer::TimerQueue;
pub use transaction::{
    AutoTrying, Hop, NoSuchTransaction, Received, RespondError, SendError, TimerName,
    TransactionEvent, TransactionId, TransactionTimer, TransactionTimings, Transactions,
};
