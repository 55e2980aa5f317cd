//! How a call ended, in words.

use std::fmt;

use offhook_core::{Cause, End, Originator};
use offhook_sip::{Message, Reason, StatusCode};

/// How a session ended, or why it could not be established.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CallEnd {
    /// Who ended it.
    pub originator: Originator,
    /// Why.
    pub cause: Cause,
    /// Whether it had been established: `ended`, otherwise `failed`.
    pub established: bool,
    /// The message that ended it, when the peer sent one.
    pub message: Option<Message>,
    /// More about the cause, where there is more to say.
    pub detail: Option<String>,
}

impl CallEnd {
    pub(crate) fn of_core(end: End, established: bool) -> Self {
        let End {
            originator,
            cause,
            message,
            detail,
            ..
        } = end;
        Self {
            originator,
            cause,
            established,
            message,
            detail,
        }
    }

    /// The end of a session whose user agent is gone.
    pub(crate) fn stopped(established: bool) -> Self {
        Self {
            originator: Originator::System,
            cause: Cause::ConnectionError,
            established,
            message: None,
            detail: Some("the user agent has been stopped".to_owned()),
        }
    }

    /// The reasons that the message gives which ended it: a CANCEL or BYE (RFC 3326), or a
    /// response (RFC 6432).
    pub fn reasons(&self) -> Vec<Reason<'static>> {
        self.message
            .as_ref()
            .map(offhook_core::reasons)
            .unwrap_or_default()
    }

    /// Whether another phone of this user has taken the call, so that it was not missed.
    pub fn is_answered_elsewhere(&self) -> bool {
        offhook_core::is_answered_elsewhere(&self.reasons())
    }

    /// The status of the response that ended it, when one did.
    pub fn status(&self) -> Option<StatusCode> {
        match &self.message {
            Some(Message::Response(response)) => Some(response.status()),
            _ => None,
        }
    }

    /// The reason phrase of the response that ended it, when one did.
    pub fn reason(&self) -> Option<&str> {
        match &self.message {
            Some(Message::Response(response)) => Some(response.reason()),
            _ => None,
        }
    }
}

/// One line for people.
impl fmt::Display for CallEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peer = self.originator == Originator::Remote;
        f.write_str(match self.cause {
            Cause::Bye if peer => "the peer hung up",
            Cause::Bye => "hung up",
            Cause::Canceled if self.is_answered_elsewhere() => "answered elsewhere",
            Cause::Canceled if peer => "the caller gave up",
            Cause::Canceled => "cancelled",
            Cause::Busy => "the callee is busy",
            Cause::Rejected if peer => "the call was declined",
            Cause::Rejected => "declined",
            Cause::Redirected => "the callee is elsewhere",
            Cause::Unavailable => "the callee is not available",
            Cause::NotFound => "the callee is unknown there",
            Cause::AddressIncomplete => "the address is incomplete",
            Cause::IncompatibleSdp => "the two sides have no media format in common",
            Cause::AuthenticationError => "the server refused the user name or password",
            Cause::SipFailureCode => "the call was refused",
            Cause::MissingSdp => "the peer sent no session description",
            Cause::BadMediaDescription => "the peer's session description could not be used",
            Cause::WebRtcError => "the media engine failed",
            Cause::UserDeniedMediaAccess => "the local media could not be had",
            Cause::NoAnswer => "nobody answered",
            Cause::Expires => "the call's time to be answered ran out",
            Cause::NoAck => "the caller never acknowledged the answer",
            Cause::DialogError => "the peer does not know the call any more",
            Cause::RequestTimeout => "there was no answer in time",
            Cause::ConnectionError => "the connection was lost",
            Cause::RtpTimeout => "the media connection to the peer was lost",
            other => other.as_str(),
        })?;
        if let (Some(status), Some(reason)) = (self.status(), self.reason()) {
            write!(f, " ({status} {reason})")?;
        }
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}
