//! The answer to a request that cannot be taken apart.

use crate::error::ParseError;
use crate::message::is_status_line;
use crate::name::HeaderName;
use crate::outgoing::OutgoingResponse;
use crate::status::StatusCode;
use crate::text::trim;
use crate::via::Via;

/// How many lines of a broken message are searched: as many as a sound one may have.
const LINES: usize = 256;
/// How much of a copied value goes back.
const VALUE: usize = 8_192;

/// The error answer that a broken request is owed (RFC 3261 section 16.3, RFC 4475 section 3.1.2),
/// made from what its Via, From, To, Call-ID and CSeq lines look like.
///
/// `None` when there is nobody to answer: for a response, for an ACK, for a keep-alive, and for a
/// request without a Via that names a host.
///
/// ```
/// use offhook_sip::{Limits, Message, reject};
///
/// let bytes = bytes::Bytes::from_static(
///     b"BYE sip:bob@example.com SIP/2.0\r\n\
///       Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
///       Content-Length: -999\r\n\r\n",
/// );
/// let error = Message::parse(bytes.clone(), &Limits::default()).unwrap_err();
/// let answer = reject(&bytes, &error).expect("a request with a Via is answered");
/// assert_eq!((answer.status().code(), answer.reason()), (400, "Bad Content-Length"));
/// ```
pub fn reject(bytes: &[u8], error: &ParseError) -> Option<OutgoingResponse> {
    answer(bytes, error.status()?, error.reason())
}

pub(crate) fn answer(
    bytes: &[u8],
    status: StatusCode,
    reason: &'static str,
) -> Option<OutgoingResponse> {
    let start = bytes
        .iter()
        .position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let mut lines = Lines {
        rest: &bytes[start..],
    };
    let first = lines.next()?;
    let method = first.split([' ', '\t']).next().unwrap_or_default();
    if is_status_line(&first) || method == "ACK" {
        return None;
    }
    let mut response = OutgoingResponse::new(status);
    response.set_reason(reason).ok()?;
    let mut answerable = false;
    for line in lines.take(LINES) {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let (Some(name), value) = (HeaderName::parse(trim(name)), trim(value)) else {
            continue;
        };
        let headers = response.headers_mut();
        let copied = match name {
            HeaderName::Via => {
                answerable |= headers.contains(name) || Via::parse_first(value).is_ok();
                true
            }
            HeaderName::From | HeaderName::To | HeaderName::CallId | HeaderName::CSeq => {
                !headers.contains(name)
            }
            _ => false,
        };
        if copied && value.len() <= VALUE {
            headers.copy(Some(name), name.as_str(), value);
        }
    }
    (answerable && response.headers().contains(HeaderName::Via)).then_some(response)
}

/// The lines of a head up to the empty one, unfolded. A carriage return elsewhere is a space.
struct Lines<'a> {
    rest: &'a [u8],
}

impl Lines<'_> {
    fn physical(&mut self) -> Option<String> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.iter().position(|byte| *byte == b'\n');
        let end = end.unwrap_or(self.rest.len());
        let line = self.rest[..end]
            .strip_suffix(b"\r")
            .unwrap_or(&self.rest[..end]);
        let text = String::from_utf8_lossy(line).replace('\r', " ");
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        Some(text)
    }
}

impl Iterator for Lines<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut line = self.physical()?;
        if line.is_empty() {
            self.rest = &[];
            return None;
        }
        while matches!(self.rest.first(), Some(b' ' | b'\t')) && line.len() <= VALUE {
            line.push(' ');
            line.push_str(&self.physical()?);
        }
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{Limits, Message};

    fn answer(text: &str) -> Option<String> {
        let error = Message::parse(Bytes::from(text.to_owned()), &Limits::default()).unwrap_err();
        let bytes = reject(text.as_bytes(), &error)?.write().unwrap();
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    }

    const LINES: &str = "v: SIP/2.0/UDP a;branch=z9hG4bK1,\r\n SIP/2.0/TCP b\r\n\
        Via: SIP/2.0/UDP c\r\nf: <sip:x>;tag=1\r\nTo : y\r\nto: z\r\n\
        Call-ID: 1\r\nCSeq: 2 BYE\r\nX: \u{1}\r\n";

    #[test]
    fn all_that_can_be_found_goes_back() {
        assert_eq!(
            answer(&format!(
                "BYE sip:a SIP/2.0\r\n{LINES}l: x\r\n\r\nVia: body"
            ))
            .unwrap(),
            "SIP/2.0 400 Bad Content-Length\r\n\
             Via: SIP/2.0/UDP a;branch=z9hG4bK1,  SIP/2.0/TCP b\r\n\
             Via: SIP/2.0/UDP c\r\n\
             From: <sip:x>;tag=1\r\nTo: y\r\nCall-ID: 1\r\nCSeq: 2 BYE\r\n\
             Content-Length: 0\r\n\r\n"
        );
        let text = answer(&format!("BYE sip:a SIP/7.0\r\n{LINES}\r\n")).unwrap();
        assert!(
            text.starts_with("SIP/2.0 505 Version Not Supported\r\n"),
            "{text}"
        );
        let text = answer(&format!("BYE sip:a SIP/2.0\r\n{LINES}no colon\r\n\r\n")).unwrap();
        assert!(
            text.starts_with("SIP/2.0 400 Bad Header Line\r\n"),
            "{text}"
        );
        let text = answer(&format!("BYE sip:a SIP/2.0\r\n{LINES}Y: a\rb\r\n\r\n")).unwrap();
        assert!(
            text.starts_with("SIP/2.0 400 Bare Carriage Return\r\n"),
            "{text}"
        );
    }

    #[test]
    fn nobody_is_answered_when_there_is_nobody() {
        assert_eq!(
            answer(&format!("SIP/2.0 200 OK\r\n{LINES}l: x\r\n\r\n")),
            None
        );
        assert_eq!(
            answer(&format!("ACK sip:a SIP/2.0\r\n{LINES}l: x\r\n\r\n")),
            None
        );
        assert_eq!(answer("BYE sip:a SIP/2.0\r\nl: x\r\n\r\n"), None);
        assert_eq!(answer("\r\n\r\n"), None);
        assert_eq!(answer("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), None);
    }
}
