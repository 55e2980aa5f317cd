//! A received message: a request or a response.

use std::ops::Deref;

use bytes::Bytes;

use crate::error::{HeaderError, ParseError};
use crate::limits::Limits;
use crate::method::Method;
use crate::received::Received;
use crate::scan::Head;
use crate::status::StatusCode;
use crate::text::{is_token, number};
use crate::uri::Uri;

const VERSION: &str = "SIP/2.0";

/// A received message (RFC 3261 section 7).
///
/// Both kinds dereference to [`Received`], which has the headers and the body.
#[derive(Clone, Debug)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

/// A received request (RFC 3261 section 7.1).
#[derive(Clone, Debug)]
pub struct Request {
    received: Received,
    method: (u32, u32),
    uri: (u32, u32),
}

/// A received response (RFC 3261 section 7.2).
#[derive(Clone, Debug)]
pub struct Response {
    received: Received,
    status: StatusCode,
    reason: (u32, u32),
}

impl Message {
    /// Takes one datagram, one WebSocket frame or one framed piece of a stream apart.
    ///
    /// Only what stands in the way of taking it apart is an error here: a header value is looked
    /// at when it is asked for, and [`Request::validate`] and [`Response::validate`] look at what
    /// every message must have. Bytes behind the body are no part of the message.
    ///
    /// # Errors
    ///
    /// [`ParseError`]; [`reject`](crate::reject) makes the answer that a broken request is owed.
    pub fn parse(bytes: Bytes, limits: &Limits) -> Result<Message, ParseError> {
        if bytes.len() > limits.message_size() {
            let (size, limit) = (bytes.len(), limits.message_size());
            return Err(ParseError::TooLarge { size, limit });
        }
        let head = Head::scan(&bytes, limits)?;
        let start = StartLine::read(&head, &bytes)?;
        let available = bytes.len() - head.body_start;
        let length = match head.content_length {
            Some(announced) if announced > available => {
                return Err(ParseError::BodyTooShort {
                    announced,
                    received: available,
                });
            }
            Some(announced) => announced,
            None => available,
        };
        let body = (head.body_start, head.body_start + length);
        let received = Received { bytes, head, body };
        Ok(match start {
            StartLine::Request { method, uri } => Message::Request(Request {
                received,
                method,
                uri,
            }),
            StartLine::Response { status, reason } => Message::Response(Response {
                received,
                status,
                reason,
            }),
        })
    }
}

enum StartLine {
    Request {
        method: (u32, u32),
        uri: (u32, u32),
    },
    Response {
        status: StatusCode,
        reason: (u32, u32),
    },
}

impl StartLine {
    fn read(head: &Head, bytes: &[u8]) -> Result<StartLine, ParseError> {
        let (start, end) = head.start_line;
        let line = head.str(bytes, start, end);
        if is_status_line(line) {
            return Self::status_line(line, start, end)
                .ok_or_else(|| ParseError::StatusLine(line.into()));
        }
        let bad = || ParseError::RequestLine(line.into());
        let (method, rest) = line.split_once(' ').ok_or_else(bad)?;
        let (uri, version) = rest.split_once(' ').ok_or_else(bad)?;
        if version != VERSION && !version.eq_ignore_ascii_case(VERSION) {
            let is_version = version
                .get(..4)
                .is_some_and(|name| name.eq_ignore_ascii_case("SIP/"))
                && version[4..].split_once('.').is_some_and(|(major, minor)| {
                    number::<u32>(major).is_some() && number::<u32>(minor).is_some()
                });
            return Err(if is_version {
                ParseError::Version(version.into())
            } else {
                bad()
            });
        }
        if uri.is_empty() || !is_token(method) {
            return Err(bad());
        }
        let method_end = start + method.len() as u32;
        let uri_start = method_end + 1;
        Ok(StartLine::Request {
            method: (start, method_end),
            uri: (uri_start, uri_start + uri.len() as u32),
        })
    }

    fn status_line(line: &str, start: u32, end: u32) -> Option<StartLine> {
        let rest = line.get(VERSION.len()..)?.strip_prefix(' ')?;
        if !line.get(..VERSION.len())?.eq_ignore_ascii_case(VERSION) {
            return None;
        }
        // The reason may be missing, and the space before it with it.
        let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let status = number(code)
            .filter(|_| code.len() == 3)
            .and_then(StatusCode::new)?;
        Some(StartLine::Response {
            status,
            reason: (end - reason.len() as u32, end),
        })
        .filter(|_| start < end)
    }
}

/// A method is a token, and a token holds no slash.
pub(crate) fn is_status_line(line: &str) -> bool {
    line.get(..4)
        .is_some_and(|name| name.eq_ignore_ascii_case("SIP/"))
}

impl Request {
    /// The method.
    pub fn method(&self) -> Method<'_> {
        Method::parse(self.received.str(self.method.0, self.method.1))
    }

    /// The Request-URI as it is written.
    pub fn uri_text(&self) -> &str {
        self.received.str(self.uri.0, self.uri.1)
    }

    /// The Request-URI.
    ///
    /// # Errors
    ///
    /// [`HeaderError::RequestUri`] when it is none.
    pub fn uri(&self) -> Result<Uri<'_>, HeaderError> {
        Uri::parse(self.uri_text()).map_err(HeaderError::RequestUri)
    }
}

impl Deref for Request {
    type Target = Received;

    fn deref(&self) -> &Received {
        &self.received
    }
}

impl Response {
    /// The status code.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The reason phrase as the peer wrote it; it may be empty.
    pub fn reason(&self) -> &str {
        self.received.str(self.reason.0, self.reason.1)
    }
}

impl Deref for Response {
    type Target = Received;

    fn deref(&self) -> &Received {
        &self.received
    }
}

impl Deref for Message {
    type Target = Received;

    fn deref(&self) -> &Received {
        match self {
            Message::Request(request) => request,
            Message::Response(response) => response,
        }
    }
}
