//! Why a text is no URI.

use std::fmt;

use crate::error::Shown;

/// Why a text is no URI.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum UriError {
    /// No `scheme:` at its start, or nothing behind it.
    Scheme(Box<str>),
    /// An empty user part: `sip:@host`.
    User(Box<str>),
    /// The host is empty or no host name, IPv4 address or IPv6 address in brackets.
    Host(Box<str>),
    /// The port is no number of 0 to 65535.
    Port(Box<str>),
    /// White space, a control character, `<`, `>` or `"`.
    Character(Box<str>),
    /// A `%` that is not followed by two hexadecimal digits.
    Escape(Box<str>),
    /// A part was to be set that URIs of this scheme do not have.
    NotHierarchical(Box<str>),
}

impl fmt::Display for UriError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UriError::Scheme(text) => {
                write!(to, "{} has no scheme; write sip:user@host", Shown(text))
            }
            UriError::User(text) => {
                write!(
                    to,
                    "{} has nothing before its @; write sip:user@host",
                    Shown(text)
                )
            }
            UriError::Host(text) => write!(
                to,
                "{} has no host; write sip:user@host with a name, an IPv4 address or an IPv6 \
                 address in brackets",
                Shown(text)
            ),
            UriError::Port(text) => {
                write!(to, "the port of {} is no number of 0 to 65535", Shown(text))
            }
            UriError::Character(text) => write!(
                to,
                "{} holds a space, a control character or one of <>\"; escape it as %XX",
                Shown(text)
            ),
            UriError::Escape(text) => write!(
                to,
                "{} holds a % without two hexadecimal digits behind it; write %25",
                Shown(text)
            ),
            UriError::NotHierarchical(text) => {
                write!(
                    to,
                    "{} has no such part; only sip and sips URIs have",
                    Shown(text)
                )
            }
        }
    }
}

impl std::error::Error for UriError {}

/// The same without the text, for values that hold a URI among other things.
#[derive(Copy, Clone)]
pub(super) enum Fault {
    Scheme,
    User,
    Host,
    Port,
    Character,
    Escape,
}

impl Fault {
    pub(super) fn expected(self) -> &'static str {
        match self {
            Fault::Scheme => "an address whose URI has a scheme",
            Fault::User => "an address whose URI has a user before its @",
            Fault::Host => "an address whose URI has a host",
            Fault::Port => "an address whose URI has a port of 0 to 65535",
            Fault::Character => "an address whose URI holds no spaces and controls",
            Fault::Escape => "an address whose URI has two hexadecimal digits behind each %",
        }
    }

    pub(super) fn error(self, text: &str) -> UriError {
        let text = text.into();
        match self {
            Fault::Scheme => UriError::Scheme(text),
            Fault::User => UriError::User(text),
            Fault::Host => UriError::Host(text),
            Fault::Port => UriError::Port(text),
            Fault::Character => UriError::Character(text),
            Fault::Escape => UriError::Escape(text),
        }
    }
}
