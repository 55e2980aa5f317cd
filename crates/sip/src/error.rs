//! What can be wrong with something received, and what may not be written.

use std::fmt::{self, Write as _};

use crate::name::HeaderName;
use crate::status::StatusCode;
use crate::uri::UriError;

/// Longer values are cut in error texts: a sentence, not a dump of the message.
const SHOWN: usize = 120;

pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_char('"')?;
        for (at, character) in self.0.chars().enumerate() {
            match character {
                _ if at == SHOWN => {
                    to.write_char('…')?;
                    break;
                }
                '"' | '\\' => write!(to, "\\{character}")?,
                '\r' => to.write_str("\\r")?,
                '\n' => to.write_str("\\n")?,
                '\t' => to.write_str("\\t")?,
                _ if character.is_control() => write!(to, "\\u{{{:x}}}", u32::from(character))?,
                _ => to.write_char(character)?,
            }
        }
        to.write_char('"')
    }
}

/// A value that is not what the grammar wants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SyntaxError(Box<Malformed>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct Malformed {
    text: Box<str>,
    expected: &'static str,
}

impl SyntaxError {
    pub(crate) fn new(text: &str, expected: &'static str) -> Self {
        SyntaxError(Box::new(Malformed {
            text: text.into(),
            expected,
        }))
    }

    /// The value at fault.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// What would be right.
    pub fn expected(&self) -> &'static str {
        self.0.expected
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} is not {}", Shown(self.text()), self.expected())
    }
}

impl std::error::Error for SyntaxError {}

/// Why a header field of a received message cannot be read.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum HeaderError {
    /// The field is not there.
    Missing(HeaderName),
    /// The field is there, and its value breaks the grammar.
    Malformed {
        /// The field.
        header: HeaderName,
        /// Its value, and what would be right.
        error: SyntaxError,
    },
    /// The Request-URI is none.
    RequestUri(UriError),
}

impl HeaderError {
    pub(crate) fn malformed(header: HeaderName, text: &str, expected: &'static str) -> Self {
        HeaderError::Malformed {
            header,
            error: SyntaxError::new(text, expected),
        }
    }

    /// The field at fault; none when it is the request line.
    pub fn header(&self) -> Option<HeaderName> {
        match self {
            HeaderError::Missing(header) | HeaderError::Malformed { header, .. } => Some(*header),
            HeaderError::RequestUri(_) => None,
        }
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeaderError::Missing(header) => {
                write!(to, "the message has no {header} header and needs one")
            }
            HeaderError::Malformed { header, error } => write!(to, "{header}: {error}"),
            HeaderError::RequestUri(error) => write!(to, "Request-URI: {error}"),
        }
    }
}

impl std::error::Error for HeaderError {}

/// Why received bytes are no message that can be taken apart.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ParseError {
    /// Nothing, or nothing but line ends: a keep-alive.
    Empty,
    /// More bytes than [`Limits::message_size`](crate::Limits::message_size).
    TooLarge {
        /// How many bytes came.
        size: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// More header lines than [`Limits::header_count`](crate::Limits::header_count).
    TooManyHeaders {
        /// How many are allowed.
        limit: usize,
    },
    /// A line longer than [`Limits::header_length`](crate::Limits::header_length).
    LineTooLong {
        /// How many bytes are allowed.
        limit: usize,
    },
    /// The first line is no `Method SP Request-URI SP SIP/2.0`.
    RequestLine(Box<str>),
    /// The first line begins like a response's and is no `SIP/2.0 SP code SP reason`.
    StatusLine(Box<str>),
    /// A request of another SIP version.
    Version(Box<str>),
    /// A line that is no `name: value`.
    HeaderLine(Box<str>),
    /// A carriage return that ends no line: two readers could see two different messages.
    BareCarriageReturn,
    /// The Content-Length is no number.
    ContentLength(Box<str>),
    /// Two Content-Length lines that do not agree.
    ConflictingContentLength {
        /// The first one.
        first: usize,
        /// The other one.
        second: usize,
    },
    /// The body is shorter than Content-Length says.
    BodyTooShort {
        /// What Content-Length says.
        announced: usize,
        /// What came.
        received: usize,
    },
}

impl ParseError {
    /// The status owed if this was a request that can be answered at all; `None` means drop it.
    ///
    /// [`reject`](crate::reject) builds that answer, and knows when there is nobody to answer.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            ParseError::Empty | ParseError::StatusLine(_) => None,
            ParseError::TooLarge { .. }
            | ParseError::TooManyHeaders { .. }
            | ParseError::LineTooLong { .. } => Some(StatusCode::MESSAGE_TOO_LARGE),
            ParseError::Version(_) => Some(StatusCode::VERSION_NOT_SUPPORTED),
            ParseError::RequestLine(_)
            | ParseError::HeaderLine(_)
            | ParseError::BareCarriageReturn
            | ParseError::ContentLength(_)
            | ParseError::ConflictingContentLength { .. }
            | ParseError::BodyTooShort { .. } => Some(StatusCode::BAD_REQUEST),
        }
    }

    /// The reason phrase of that answer.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            ParseError::RequestLine(_) => "Bad Request Line",
            ParseError::HeaderLine(_) => "Bad Header Line",
            ParseError::BareCarriageReturn => "Bare Carriage Return",
            ParseError::ContentLength(_) => "Bad Content-Length",
            ParseError::ConflictingContentLength { .. } => "Conflicting Content-Length",
            ParseError::BodyTooShort { .. } => "Body Shorter Than Content-Length",
            ParseError::TooManyHeaders { .. } => "Too Many Header Lines",
            ParseError::LineTooLong { .. } => "Header Line Too Long",
            _ => self.status().unwrap_or(StatusCode::BAD_REQUEST).reason(),
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::Empty => to.write_str("there is no message, only line ends"),
            ParseError::TooLarge { size, limit } => {
                write!(to, "the message is {size} bytes long, {limit} are allowed")
            }
            ParseError::TooManyHeaders { limit } => {
                write!(
                    to,
                    "the message has more than the {limit} header lines allowed"
                )
            }
            ParseError::LineTooLong { limit } => {
                write!(to, "a line is longer than the {limit} bytes allowed")
            }
            ParseError::RequestLine(line) => {
                write!(to, "{} is no request line, METHOD URI SIP/2.0", Shown(line))
            }
            ParseError::StatusLine(line) => {
                write!(to, "{} is no status line, SIP/2.0 CODE REASON", Shown(line))
            }
            ParseError::Version(version) => {
                write!(to, "the SIP version {} is not SIP/2.0", Shown(version))
            }
            ParseError::HeaderLine(line) => {
                write!(to, "{} is no header line, Name: value", Shown(line))
            }
            ParseError::BareCarriageReturn => {
                to.write_str("a carriage return stands alone; lines end with CR LF")
            }
            ParseError::ContentLength(value) => {
                write!(
                    to,
                    "the Content-Length {} is no number of bytes",
                    Shown(value)
                )
            }
            ParseError::ConflictingContentLength { first, second } => {
                write!(
                    to,
                    "two Content-Length lines say {first} and {second}; one is allowed"
                )
            }
            ParseError::BodyTooShort {
                announced,
                received,
            } => write!(
                to,
                "Content-Length announces {announced} bytes of body and {received} came"
            ),
        }
    }
}

impl std::error::Error for ParseError {}

/// That something cannot be written into a message.
///
/// It is one pointer: all that writes hands it on, and hardly ever has one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WriteError(Box<WriteFault>);

impl WriteError {
    /// Why not.
    pub fn fault(&self) -> &WriteFault {
        &self.0
    }
}

impl From<WriteFault> for WriteError {
    #[cold]
    fn from(fault: WriteFault) -> Self {
        WriteError(Box::new(fault))
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(to)
    }
}

impl std::error::Error for WriteError {}

/// Why something cannot be written into a message.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum WriteFault {
    /// The header's name is no token (RFC 3261 section 25.1).
    Name(Box<str>),
    /// The header's value holds CR, LF or NUL, and could smuggle a line in.
    Value {
        /// The header's name.
        name: Box<str>,
        /// The value.
        value: Box<str>,
    },
    /// The method is no token.
    Method(Box<str>),
    /// The reason phrase holds CR, LF or NUL.
    Reason(Box<str>),
    /// The multipart boundary is none, or stands in a part's body (RFC 2046 section 5.1.1).
    Boundary(Box<str>),
}

impl fmt::Display for WriteFault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteFault::Name(name) => write!(
                to,
                "{} cannot be a header name; use letters, digits and -.!%*_+`'~",
                Shown(name)
            ),
            WriteFault::Value { name, value } => write!(
                to,
                "the value {} of {} holds CR, LF or NUL; a header value is one line of text",
                Shown(value),
                Shown(name)
            ),
            WriteFault::Method(method) => write!(
                to,
                "{} cannot be a method; use letters, digits and -.!%*_+`'~",
                Shown(method)
            ),
            WriteFault::Reason(reason) => write!(
                to,
                "the reason phrase {} holds CR, LF or NUL; it is one line of text",
                Shown(reason)
            ),
            WriteFault::Boundary(boundary) => write!(
                to,
                "{} cannot be the boundary; use 1 to 70 characters that no part contains",
                Shown(boundary)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_value_and_what_would_be_right() {
        let error = HeaderError::malformed(HeaderName::CSeq, "x INVITE", "a number and a method");
        assert_eq!(
            error.to_string(),
            "CSeq: \"x INVITE\" is not a number and a method"
        );
    }

    #[test]
    fn long_values_are_cut_and_controls_are_escaped() {
        let text = SyntaxError::new(&"é\r".repeat(200), "short").to_string();
        assert!(text.chars().count() < 260, "{text}");
        assert!(!text.contains('\r'));
    }
}
