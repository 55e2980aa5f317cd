//! What a command may answer instead of being carried out.

use std::fmt;

use crate::session::Status;

/// Why a command was not carried out. Nothing has changed when one of these comes back.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CommandError {
    /// The session is not in a state in which this can be done (JsSIP: `InvalidStateError`).
    InvalidState {
        /// What was asked.
        command: &'static str,
        /// The state it is in.
        status: Status,
    },
    /// This kind of session does not know the command (JsSIP: `NotSupportedError`).
    NotSupported {
        /// What was asked and why it cannot be.
        what: &'static str,
    },
    /// An argument makes no sense (JsSIP: `TypeError`).
    InvalidArgument {
        /// Which one.
        name: &'static str,
        /// What it was.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// There is no such session, or it has ended.
    NoSuchSession,
    /// There is no such subscription, or it is over.
    NoSuchSubscription,
    /// The agent has been stopped.
    Stopped,
}

impl CommandError {
    pub(crate) fn argument(
        name: &'static str,
        value: impl fmt::Display,
        expected: &'static str,
    ) -> Self {
        Self::invalid(name, &value, expected)
    }

    fn invalid(name: &'static str, value: &dyn fmt::Display, expected: &'static str) -> Self {
        Self::InvalidArgument {
            name,
            value: value.to_string(),
            expected,
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidState { command, status } => {
                write!(f, "{command} is not possible while the session is {status}")
            }
            Self::NotSupported { what } => f.write_str(what),
            Self::InvalidArgument {
                name,
                value,
                expected,
            } => {
                write!(f, "invalid {name} {value:?}: expected {expected}")
            }
            Self::NoSuchSession => f.write_str("there is no such session, or it has ended"),
            Self::NoSuchSubscription => f.write_str("there is no such subscription, or it is over"),
            Self::Stopped => f.write_str("the user agent has been stopped"),
        }
    }
}

impl std::error::Error for CommandError {}
