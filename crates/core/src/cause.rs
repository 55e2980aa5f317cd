//! Why a session failed or ended, in the words that the seed API gives its applications.

use std::fmt;

use offhook_sip::StatusCode;

/// Why a session failed or ended, a registration failed, or a message was refused.
///
/// [`Cause::as_str`] gives the text that `JsSIP.C.causes` gives.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Cause {
    /// The peer answered 486 or 600.
    Busy,
    /// The peer answered 403 or 603, or this side rejected an incoming call.
    Rejected,
    /// The peer answered 300, 301, 302, 305 or 380.
    Redirected,
    /// The peer answered 408, 410, 430 or 480.
    Unavailable,
    /// The peer answered 404 or 604.
    NotFound,
    /// The peer answered 424 or 484.
    AddressIncomplete,
    /// The peer answered 488 or 606.
    IncompatibleSdp,
    /// A 401 or 407 could not be answered with the credentials at hand.
    AuthenticationError,
    /// Any other final response from 300 on.
    SipFailureCode,
    /// An ACK or a 2xx that owed a session description came without one.
    MissingSdp,
    /// The peer's session description was refused by the media engine.
    BadMediaDescription,
    /// The media engine failed.
    WebRtcError,
    /// The microphone or camera was refused.
    UserDeniedMediaAccess,
    /// The call was cancelled before it was answered.
    Canceled,
    /// A BYE ended the call.
    Bye,
    /// Nobody answered in time.
    NoAnswer,
    /// The time given by the INVITE's Expires header ran out.
    Expires,
    /// The 2xx was never acknowledged.
    NoAck,
    /// The peer answered 481 to a request inside the dialog.
    DialogError,
    /// A request was not answered in time (RFC 3261, timers B and F), or with 408.
    RequestTimeout,
    /// The connection to the server could not be made or broke.
    ConnectionError,
    /// ICE found no way to the peer any more.
    RtpTimeout,
    /// A message lacked what a dialog needs.
    InternalError,
}

impl Cause {
    /// The text of this cause, as `JsSIP.C.causes` spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "Busy",
            Self::Rejected => "Rejected",
            Self::Redirected => "Redirected",
            Self::Unavailable => "Unavailable",
            Self::NotFound => "Not Found",
            Self::AddressIncomplete => "Address Incomplete",
            Self::IncompatibleSdp => "Incompatible SDP",
            Self::AuthenticationError => "Authentication Error",
            Self::SipFailureCode => "SIP Failure Code",
            Self::MissingSdp => "Missing SDP",
            Self::BadMediaDescription => "Bad Media Description",
            Self::WebRtcError => "WebRTC Error",
            Self::UserDeniedMediaAccess => "User Denied Media Access",
            Self::Canceled => "Canceled",
            Self::Bye => "Terminated",
            Self::NoAnswer => "No Answer",
            Self::Expires => "Expires",
            Self::NoAck => "No ACK",
            Self::DialogError => "Dialog Error",
            Self::RequestTimeout => "Request Timeout",
            Self::ConnectionError => "Connection Error",
            Self::RtpTimeout => "RTP Timeout",
            Self::InternalError => "Internal Error",
        }
    }

    /// The cause that stands for a final response from 300 on.
    pub fn of_status(status: StatusCode) -> Self {
        match status.code() {
            486 | 600 => Self::Busy,
            403 | 603 => Self::Rejected,
            300 | 301 | 302 | 305 | 380 => Self::Redirected,
            408 | 410 | 430 | 480 => Self::Unavailable,
            404 | 604 => Self::NotFound,
            424 | 484 => Self::AddressIncomplete,
            488 | 606 => Self::IncompatibleSdp,
            401 | 407 => Self::AuthenticationError,
            _ => Self::SipFailureCode,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_final_status_has_the_cause_that_jssip_gives_it() {
        let table = [
            (486, "Busy"),
            (600, "Busy"),
            (403, "Rejected"),
            (603, "Rejected"),
            (302, "Redirected"),
            (480, "Unavailable"),
            (404, "Not Found"),
            (484, "Address Incomplete"),
            (488, "Incompatible SDP"),
            (407, "Authentication Error"),
            (487, "SIP Failure Code"),
            (503, "SIP Failure Code"),
        ];
        for (code, cause) in table {
            let status = StatusCode::new(code).expect("a status in range");
            assert_eq!(Cause::of_status(status).as_str(), cause, "{code}");
        }
    }
}
