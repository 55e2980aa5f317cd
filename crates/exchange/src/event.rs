//! What an exchange tells.

use std::fmt;

/// Something happened at the exchange.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ExchangeEvent {
    /// A user agent registered that was not registered before.
    Registered {
        /// Whose it is: `sip:alice@localhost`.
        aor: String,
        /// Where it is reached.
        contact: String,
    },
    /// A user agent is no longer registered: it said so, it is gone, or its time is over.
    Unregistered {
        /// Whose it was.
        aor: String,
        /// Where it was reached.
        contact: String,
    },
    /// A call was answered.
    CallStarted {
        /// Its Call-ID.
        call_id: String,
        /// The caller's URI.
        from: String,
        /// The callee's URI, as the caller wrote it.
        to: String,
    },
    /// A call that had started is over.
    CallEnded {
        /// Its Call-ID.
        call_id: String,
    },
}

impl fmt::Display for ExchangeEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExchangeEvent::Registered { aor, contact } => write!(f, "{aor} registered {contact}"),
            ExchangeEvent::Unregistered { aor, contact } => {
                write!(f, "{aor} is no longer at {contact}")
            }
            ExchangeEvent::CallStarted { call_id, from, to } => {
                write!(f, "{from} called {to} ({call_id})")
            }
            ExchangeEvent::CallEnded { call_id } => write!(f, "the call {call_id} ended"),
        }
    }
}
