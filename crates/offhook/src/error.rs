//! What can go wrong, in words for people.

use std::fmt;
use std::sync::Arc;

use offhook_core::{Cause, CommandError, ConfigError, DestinationError, RequestFailure};
use offhook_media::MediaError;
use offhook_net::NetError;
use offhook_sip::StatusCode;

use crate::call_end::CallEnd;

/// Why something could not be done. Its text is a sentence for people.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An address is no SIP address.
    #[error("{text:?} is no SIP address: {problem}; write for example sip:alice@example.com")]
    InvalidAddress {
        /// The text as given.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The server's address is none.
    #[error(transparent)]
    InvalidServer(#[from] DestinationError),
    /// Another setting makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A command was not carried out.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The server could not be reached.
    #[error("{0}")]
    Unreachable(NetError),
    /// The connection to the server was lost.
    #[error("the connection to the server was lost: {reason}")]
    ConnectionLost {
        /// What the transport said.
        reason: String,
    },
    /// Something answered that is no SIP server.
    #[error("{0}")]
    NotSip(NetError),
    /// An address could not be listened on.
    #[error("{0}")]
    Listen(NetError),
    /// The server refused the user name or password.
    #[error("the server refused the user name or password of {address}")]
    WrongPassword {
        /// The address that was to be registered.
        address: String,
    },
    /// The server did not answer in time.
    #[error("the server did not answer the {what}")]
    TimedOut {
        /// What it did not answer.
        what: &'static str,
    },
    /// The server refused the registration for another reason than the password.
    #[error("the server refused to register {address}: {status} {reason}")]
    RegistrationRejected {
        /// The address that was to be registered.
        address: String,
        /// The server's answer.
        status: StatusCode,
        /// The words that came with it.
        reason: String,
    },
    /// The registration failed without an answer from the server.
    #[error("{address} could not be registered: {cause}")]
    RegistrationFailed {
        /// The address that was to be registered.
        address: String,
        /// Why.
        cause: Cause,
    },
    /// The user agent has no server to register at, or was told not to.
    #[error(
        "this user agent does not register: give it a server, and do not switch registration off"
    )]
    NotRegistering,
    /// The call failed or is over.
    #[error("{0}")]
    CallEnded(Box<CallEnd>),
    /// A MESSAGE or OPTIONS was refused, or not answered.
    #[error("the request failed: {0}")]
    RequestFailed(Box<RequestFailure>),
    /// The media engine, a file or a sound device failed.
    #[error("{0}")]
    Media(Arc<MediaError>),
    /// The system gives no random numbers, without which nothing here is safe.
    #[error("the system gives no random numbers: {0}")]
    Randomness(String),
    /// The user agent has been stopped.
    #[error("the user agent has been stopped")]
    Stopped,
}

impl Error {
    /// Sorts what the network said about the way to the server.
    pub(crate) fn of_net(error: NetError) -> Self {
        match error {
            NetError::NotSip { .. } => Self::NotSip(error),
            other => Self::Unreachable(other),
        }
    }

    pub(crate) fn of_command(error: CommandError) -> Self {
        match error {
            CommandError::Stopped => Self::Stopped,
            error => Self::Command(error),
        }
    }

    pub(crate) fn of_registration(
        address: String,
        answer: Option<(StatusCode, String)>,
        cause: Cause,
    ) -> Self {
        match (cause, answer) {
            (Cause::AuthenticationError, _) => Self::WrongPassword { address },
            (Cause::RequestTimeout, None) => Self::TimedOut {
                what: "registration",
            },
            (_, Some((status, reason))) => Self::RegistrationRejected {
                address,
                status,
                reason,
            },
            (cause, None) => Self::RegistrationFailed { address, cause },
        }
    }

    pub(crate) fn invalid_address(text: &str, problem: impl fmt::Display) -> Self {
        Self::InvalidAddress {
            text: text.to_owned(),
            problem: problem.to_string(),
        }
    }
}

impl From<MediaError> for Error {
    fn from(error: MediaError) -> Self {
        Self::Media(Arc::new(error))
    }
}
