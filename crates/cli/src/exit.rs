//! What went wrong, what to do about it, and the exit code that says so to scripts.

use std::fmt;
use std::process::ExitCode;

use offhook::{CallEnd, Cause, Error, MediaError, NetError};

/// The exit codes. Scripts rely on them: a number, once given, keeps its meaning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Code {
    Internal = 1,
    Usage = 2,
    Unreachable = 3,
    NotSip = 4,
    WrongPassword = 5,
    NotFound = 6,
    Busy = 7,
    NoAnswer = 8,
    Refused = 9,
    Audio = 10,
    CheckFailed = 11,
    Lost = 12,
    Interrupted = 130,
}

/// The table that `--help` ends with.
pub(crate) const TABLE: &str = "\
Exit codes:
    0  it went well, or was ended by Ctrl-C when there was nothing left to wait for
    1  something unforeseen; a defect of offhook unless the system is out of order
    2  wrong usage: an unknown flag, a value or address that is none
    3  the server cannot be reached, or does not answer
    4  what answers is no SIP server
    5  the server refused the user name or password
    6  the callee is unknown there (404, 604)
    7  the callee is busy (486, 600)
    8  nobody answered (408, 480, or the time of --timeout ran out)
    9  the call or registration was refused for another reason
   10  a sound or video file cannot be read or written, or is no WAV or IVF file
   11  the demo ran, and one of its checks did not hold
   12  a call that stood was lost
  130  Ctrl-C gave up a call before it was answered";

/// A failure as people and scripts see it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) advice: String,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl fmt::Display, advice: impl Into<String>) -> Self {
        Self {
            code,
            message: message.to_string(),
            advice: advice.into(),
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code as u8)
    }

    /// A call that did not come to stand, or was lost.
    pub(crate) fn of_call(end: &CallEnd, target: &str) -> Self {
        let (code, advice) = match (end.cause, end.status().map(offhook::sip::StatusCode::code)) {
            _ if end.established => (
                Code::Lost,
                "Check the network between the two sides, and call again.".to_owned(),
            ),
            (Cause::NotFound, _) => (
                Code::NotFound,
                format!("Check the spelling of {target}, and that it is registered now."),
            ),
            (Cause::Busy, _) => (Code::Busy, "Call again later.".to_owned()),
            (Cause::NoAnswer | Cause::Unavailable | Cause::Expires, _) => (
                Code::NoAnswer,
                "Call again later, or wait longer with --timeout.".to_owned(),
            ),
            (Cause::AuthenticationError, _) => (Code::WrongPassword, wrong_password()),
            (Cause::RequestTimeout | Cause::ConnectionError, _) => {
                (Code::Unreachable, unreachable())
            }
            (Cause::IncompatibleSdp | Cause::BadMediaDescription | Cause::MissingSdp, _) => (
                Code::Refused,
                "Offer other codecs with --codec; the two sides have none in common.".to_owned(),
            ),
            (Cause::Redirected, _) => (
                Code::Refused,
                "Call the address that the callee names instead.".to_owned(),
            ),
            (Cause::WebRtcError | Cause::UserDeniedMediaAccess | Cause::InternalError, _) => (
                Code::Internal,
                "Run it again with -vv and report what it says.".to_owned(),
            ),
            (_, Some(500..=599)) => (
                Code::Refused,
                "The server is in trouble; try again later.".to_owned(),
            ),
            _ => (Code::Refused, format!("Ask {target} to take the call.")),
        };
        Self::new(
            code,
            format_args!("the call to {target} failed: {end}"),
            advice,
        )
    }
}

fn wrong_password() -> String {
    "Check --password and the user in the address; the two must be those of the server's account."
        .to_owned()
}

fn unreachable() -> String {
    "Check the address and port in --server, that the server runs, and that no firewall is in \
     between."
        .to_owned()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.message, self.advice)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (code, advice) = match &error {
            Error::InvalidAddress { .. }
            | Error::InvalidServer(_)
            | Error::Config(_)
            | Error::Command(_) => (
                Code::Usage,
                "See --help for what is possible and for examples.".to_owned(),
            ),
            Error::Unreachable(NetError::CertificateNotTrusted { .. }) => (
                Code::Unreachable,
                "Give the certificate of the authority that signed it with --ca, if you trust that."
                    .to_owned(),
            ),
            Error::Unreachable(_) | Error::ConnectionLost { .. } | Error::TimedOut { .. } => {
                (Code::Unreachable, unreachable())
            }
            Error::NotSip(_) => (
                Code::NotSip,
                "Check scheme, host, port and path in --server: another service listens there."
                    .to_owned(),
            ),
            Error::Listen(_) => (
                Code::Usage,
                "Choose another address or port; port 0 takes a free one.".to_owned(),
            ),
            Error::WrongPassword { .. } => (Code::WrongPassword, wrong_password()),
            Error::RegistrationRejected { .. } | Error::RegistrationFailed { .. } => (
                Code::Refused,
                "Check that the server serves the domain of the address and knows the user."
                    .to_owned(),
            ),
            Error::CallEnded(end) => return Self::of_call(end, "the peer"),
            Error::Media(media) => return Self::of_media(media),
            _ => (
                Code::Internal,
                "Run it again with -vv and report what it says.".to_owned(),
            ),
        };
        Self::new(code, error, advice)
    }
}

impl Failure {
    fn of_media(error: &MediaError) -> Self {
        match error {
            MediaError::Wav { .. } => Self::new(
                Code::Audio,
                error,
                "Give a WAV file: most audio programs can export one.",
            ),
            MediaError::Ivf { .. } => Self::new(
                Code::Audio,
                error,
                "Give an IVF file of VP8 or H.264, as ffmpeg -i clip.mp4 -c:v libvpx clip.ivf makes.",
            ),
            MediaError::File { .. } => Self::new(
                Code::Audio,
                error,
                "Check the path, and that the file may be read or written.",
            ),
            _ => Self::new(
                Code::Internal,
                error,
                "Run it again with -vv and report what it says.",
            ),
        }
    }
}

impl From<MediaError> for Failure {
    fn from(error: MediaError) -> Self {
        Self::of_media(&error)
    }
}
