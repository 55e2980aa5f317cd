//! What a user agent tells its application.

use std::fmt;
use std::time::Duration;

use offhook_core::Cause;
use offhook_sip::Response;

use crate::error::Error;
use crate::message::{IncomingMessage, IncomingOptions};
use crate::session::Session;
use crate::subscription::IncomingSubscription;

/// What happened to a user agent. `Display` gives one line for people.
#[derive(Debug)]
#[non_exhaustive]
pub enum UserAgentEvent {
    /// A connection to the server is being made.
    Connecting {
        /// How many attempts failed before this one.
        attempt: u32,
    },
    /// The connection to the server stands.
    Connected,
    /// The connection to the server could not be made, or was lost.
    Disconnected {
        /// Why.
        error: Error,
        /// After which time the next attempt starts; none after a stop.
        retry_in: Option<Duration>,
    },
    /// The address is registered.
    Registered {
        /// For how long; it is refreshed in time.
        expires: Duration,
        /// The registrar's answer.
        response: Response,
    },
    /// The address is not registered any more.
    Unregistered {
        /// The answer that ended it, if one did.
        response: Option<Response>,
        /// Why, if it was not asked for.
        cause: Option<Cause>,
    },
    /// The registrar refused, or did not answer.
    RegistrationFailed {
        /// Why, in words.
        error: Error,
        /// Its answer, if there was one.
        response: Option<Response>,
        /// Why.
        cause: Cause,
    },
    /// Somebody calls.
    IncomingCall(Session),
    /// A call is being made from here.
    OutgoingCall(Session),
    /// A MESSAGE came, in a call or outside.
    Message(IncomingMessage),
    /// An OPTIONS came. Only with [`Asks::options`](crate::Asks::options).
    Options(IncomingOptions),
    /// Somebody wants to subscribe to an
    /// [event package](crate::UserAgentBuilder::event_package) of this side.
    Subscribe(IncomingSubscription),
}

impl UserAgentEvent {
    /// The event's name, as JsSIP spells it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connecting { .. } => "connecting",
            Self::Connected => "connected",
            Self::Disconnected { .. } => "disconnected",
            Self::Registered { .. } => "registered",
            Self::Unregistered { .. } => "unregistered",
            Self::RegistrationFailed { .. } => "registrationFailed",
            Self::IncomingCall(_) | Self::OutgoingCall(_) => "newRTCSession",
            Self::Message(_) => "newMessage",
            Self::Options(_) => "newOptions",
            Self::Subscribe(_) => "newSubscribe",
        }
    }
}

/// One line for people.
impl fmt::Display for UserAgentEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting { attempt: 0 } => f.write_str("connecting to the server"),
            Self::Connecting { attempt } => {
                write!(
                    f,
                    "connecting to the server again, {attempt} attempts failed"
                )
            }
            Self::Connected => f.write_str("connected to the server"),
            Self::Disconnected {
                error,
                retry_in: Some(retry_in),
            } => {
                write!(
                    f,
                    "{error}; trying again in {:.1} s",
                    retry_in.as_secs_f64()
                )
            }
            Self::Disconnected {
                error,
                retry_in: None,
            } => error.fmt(f),
            Self::Registered { expires, .. } => {
                write!(f, "registered for {} s", expires.as_secs())
            }
            Self::Unregistered {
                cause: Some(cause), ..
            } => write!(f, "unregistered: {cause}"),
            Self::Unregistered { cause: None, .. } => f.write_str("unregistered"),
            Self::RegistrationFailed { error, .. } => error.fmt(f),
            Self::IncomingCall(session) => {
                write!(f, "{} calls", session.remote_identity().uri.as_str())
            }
            Self::OutgoingCall(session) => {
                write!(f, "calling {}", session.remote_identity().uri.as_str())
            }
            Self::Message(message) => write!(f, "a message from {}", message.from()),
            Self::Options(_) => f.write_str("somebody asks what this side can"),
            Self::Subscribe(subscription) => write!(
                f,
                "{} subscribes to {}",
                subscription.from(),
                subscription.event_package()
            ),
        }
    }
}
