//! Messages out of a stream: TCP and TLS.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use crate::error::ParseError;
use crate::limits::Limits;
use crate::outgoing::OutgoingResponse;
use crate::reject::answer;
use crate::scan;
use crate::status::StatusCode;

/// What a stream is made of.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum StreamItem {
    /// A whole message, for [`Message::parse`](crate::Message::parse).
    Message(Bytes),
    /// CR LF CR LF between messages: a keep-alive that wants a CR LF in turn (RFC 5626 section
    /// 3.5.1).
    Ping,
    /// CR LF between messages: the answer to a keep-alive, or nothing.
    Pong,
}

/// Why a stream cannot be cut into messages any more. The connection is of no more use: where the
/// next message would begin is not known.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FrameError {
    /// The message is longer than [`Limits::message_size`].
    TooLarge {
        /// How many bytes are allowed.
        limit: usize,
    },
    /// The message has no Content-Length, without which a stream cannot carry it (RFC 3261 section
    /// 18.3).
    MissingContentLength,
    /// The head cannot be read, or its Content-Length is none or contradicts itself.
    Head(ParseError),
}

impl fmt::Display for FrameError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::TooLarge { limit } => {
                write!(
                    to,
                    "a message on the stream is longer than the {limit} bytes allowed"
                )
            }
            FrameError::MissingContentLength => to.write_str(
                "a message on the stream has no Content-Length, so its end is not known",
            ),
            FrameError::Head(error) => error.fmt(to),
        }
    }
}

impl std::error::Error for FrameError {}

/// Cuts the bytes of a connection into messages by their Content-Length (RFC 3261 section 18.3).
///
/// Push what was read, then take items until there is none. What is kept is bounded by
/// [`Limits::message_size`] and the largest single push.
///
/// ```
/// use offhook_sip::{Limits, StreamDecoder, StreamItem};
///
/// let mut decoder = StreamDecoder::new(Limits::default());
/// decoder.push(b"\r\n\r\nBYE sip:a SIP/2.0\r\nContent-Le");
/// assert_eq!(decoder.next(), Some(Ok(StreamItem::Ping)));
/// assert_eq!(decoder.next(), None);
/// decoder.push(b"ngth: 2\r\n\r\nhi");
/// let Some(Ok(StreamItem::Message(bytes))) = decoder.next() else { panic!("a message") };
/// assert!(bytes.ends_with(b"\r\n\r\nhi"));
/// ```
#[derive(Debug)]
pub struct StreamDecoder {
    limits: Limits,
    buffer: BytesMut,
    /// Up to here, no empty line was found.
    searched: usize,
    /// How long the message at the buffer's start is.
    length: Option<usize>,
    failure: Option<FrameError>,
}

impl StreamDecoder {
    /// A decoder for a new connection.
    pub fn new(limits: Limits) -> Self {
        StreamDecoder {
            limits,
            buffer: BytesMut::new(),
            searched: 0,
            length: None,
            failure: None,
        }
    }

    /// Takes bytes in. After an error they are dropped.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failure.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next item, when there is a whole one. An error comes once, and nothing after it.
    ///
    /// CR LF with nothing behind it yet is a [`StreamItem::Pong`]; a peer's ping must therefore be
    /// pushed whole to be seen as one, as the four bytes arrive in practice.
    #[allow(clippy::should_implement_trait)] // An iterator that has ended may go on after a push.
    pub fn next(&mut self) -> Option<Result<StreamItem, FrameError>> {
        if self.failure.is_some() {
            return None;
        }
        match self.step() {
            Ok(item) => item.map(Ok),
            Err(error) => {
                self.failure = Some(error.clone());
                Some(Err(error))
            }
        }
    }

    /// The answer that the request whose framing failed is owed, to be sent before the connection
    /// is closed; `None` when it was no request that can be answered.
    pub fn reject(&self) -> Option<OutgoingResponse> {
        let (status, reason) = match self.failure.as_ref()? {
            FrameError::TooLarge { .. } => (
                StatusCode::MESSAGE_TOO_LARGE,
                StatusCode::MESSAGE_TOO_LARGE.reason(),
            ),
            FrameError::MissingContentLength => (StatusCode::BAD_REQUEST, "Missing Content-Length"),
            FrameError::Head(error) => (error.status()?, error.reason()),
        };
        answer(&self.buffer, status, reason)
    }

    /// How many bytes wait for the rest of their message.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    fn step(&mut self) -> Result<Option<StreamItem>, FrameError> {
        if self.length.is_none() {
            if let Some(item) = self.keep_alive() {
                return Ok(item);
            }
            self.length = self.message_length()?;
        }
        match self.length {
            Some(length) if self.buffer.len() >= length => {
                self.length = None;
                self.searched = 0;
                Ok(Some(StreamItem::Message(
                    self.buffer.split_to(length).freeze(),
                )))
            }
            _ => Ok(None),
        }
    }

    /// Line ends between messages. `Some(None)` means that more bytes must tell what they are.
    fn keep_alive(&mut self) -> Option<Option<StreamItem>> {
        // Lone line feeds are nobody's keep-alive and do no harm.
        let feeds = self
            .buffer
            .iter()
            .take_while(|byte| **byte == b'\n')
            .count();
        self.buffer.advance(feeds);
        let (length, item) = match self.buffer.as_ref() {
            [] | [b'\r'] | [b'\r', b'\n', b'\r'] => return Some(None),
            [b'\r', b'\n', b'\r', b'\n', ..] => (4, StreamItem::Ping),
            [b'\r', b'\n', ..] => (2, StreamItem::Pong),
            _ => return None,
        };
        self.buffer.advance(length);
        Some(Some(item))
    }

    /// How long the message at the buffer's start is, when its head is whole.
    fn message_length(&mut self) -> Result<Option<usize>, FrameError> {
        let limit = self.limits.message_size();
        let Some(head) = self.head_length() else {
            return match self.buffer.len() > limit {
                true => Err(FrameError::TooLarge { limit }),
                false => Ok(None),
            };
        };
        if head > limit {
            return Err(FrameError::TooLarge { limit });
        }
        let body = scan::content_length(&self.buffer[..head], &self.limits)
            .map_err(FrameError::Head)?
            .ok_or(FrameError::MissingContentLength)?;
        match head.checked_add(body) {
            Some(length) if length <= limit => Ok(Some(length)),
            _ => Err(FrameError::TooLarge { limit }),
        }
    }

    /// Where the empty line ends. Bytes that were searched are not searched again.
    fn head_length(&mut self) -> Option<usize> {
        while let Some(found) = memchr::memchr(b'\n', self.buffer.get(self.searched..)?) {
            let next = self.searched + found + 1;
            match self.buffer.get(next..).unwrap_or_default() {
                [b'\n', ..] => return Some(next + 1),
                [b'\r', b'\n', ..] => return Some(next + 2),
                // The line end is looked at again when more has come.
                [] | [b'\r'] => {
                    self.searched = next - 1;
                    return None;
                }
                _ => self.searched = next,
            }
        }
        self.searched = self.buffer.len();
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pieces: &[&[u8]]) -> Vec<Result<StreamItem, FrameError>> {
        let mut decoder = StreamDecoder::new(Limits::default().with_message_size(200));
        let mut items = Vec::new();
        for piece in pieces {
            decoder.push(piece);
            while let Some(item) = decoder.next() {
                items.push(item);
            }
        }
        items
    }

    fn message(text: &str) -> Result<StreamItem, FrameError> {
        Ok(StreamItem::Message(Bytes::copy_from_slice(text.as_bytes())))
    }

    const ONE: &str = "BYE sip:a SIP/2.0\r\nContent-Length: 4\r\n\r\n\r\n\r\n";
    const TWO: &str = "SIP/2.0 200 OK\r\nl :\r\n 0\r\n\r\n";

    #[test]
    fn messages_come_out_whole_however_they_come_in() {
        let stream = format!("{ONE}{TWO}\r\n{ONE}");
        let whole = decode(&[stream.as_bytes()]);
        assert_eq!(
            whole,
            [
                message(ONE),
                message(TWO),
                Ok(StreamItem::Pong),
                message(ONE)
            ]
        );
        for cut in 1..stream.len() {
            let (left, right) = stream.as_bytes().split_at(cut);
            let items = decode(&[left, right]);
            assert_eq!(items, whole, "cut at {cut}");
        }
        let bytes: Vec<_> = stream.as_bytes().chunks(1).collect();
        assert_eq!(decode(&bytes), whole);
    }

    #[test]
    fn keep_alives_between_messages_are_told_apart() {
        assert_eq!(decode(&[b"\r\n\r\n"]), [Ok(StreamItem::Ping)]);
        assert_eq!(decode(&[b"\r\n"]), [Ok(StreamItem::Pong)]);
        assert_eq!(decode(&[b"\r\n\r", b"\n"]), [Ok(StreamItem::Ping)]);
        assert_eq!(decode(&[b"\r"]), []);
    }

    #[test]
    fn what_cannot_be_framed_ends_the_stream() {
        let error = |text: &str| {
            let items = decode(&[text.as_bytes(), ONE.as_bytes()]);
            assert_eq!(items.len(), 1, "{items:?}");
            items[0].clone().unwrap_err()
        };
        assert_eq!(
            error("BYE sip:a SIP/2.0\r\n\r\n"),
            FrameError::MissingContentLength
        );
        assert!(matches!(
            error("BYE sip:a SIP/2.0\r\nl: -1\r\n\r\n"),
            FrameError::Head(ParseError::ContentLength(_))
        ));
        assert!(matches!(
            error("BYE sip:a SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\n"),
            FrameError::Head(ParseError::ConflictingContentLength { .. })
        ));
        assert_eq!(
            error("BYE sip:a SIP/2.0\r\nl: 190\r\n\r\n"),
            FrameError::TooLarge { limit: 200 }
        );
        assert_eq!(error(&"x".repeat(201)), FrameError::TooLarge { limit: 200 });
        assert!(matches!(
            error(&format!("BYE sip:a SIP/2.0\r\nl: {}\r\n\r\n", usize::MAX)),
            FrameError::TooLarge { .. }
        ));
    }

    #[test]
    fn a_broken_request_is_answered_before_the_connection_closes() {
        let mut decoder = StreamDecoder::new(Limits::default());
        assert!(decoder.reject().is_none());
        decoder.push(b"BYE sip:a SIP/2.0\r\nVia: SIP/2.0/TCP b\r\nCall-ID: 1\r\n\r\n");
        assert_eq!(decoder.next(), Some(Err(FrameError::MissingContentLength)));
        let answer = decoder.reject().unwrap();
        assert_eq!(
            (answer.status().code(), answer.reason()),
            (400, "Missing Content-Length")
        );
        assert_eq!(answer.headers().get("Call-ID"), Some("1"));
    }
}
