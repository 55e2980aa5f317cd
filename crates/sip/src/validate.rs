//! What every message must have, beyond being one.

use std::fmt;

use crate::error::{HeaderError, Shown};
use crate::headers::{ContentType, MaxForwards, Require};
use crate::message::{Request, Response};
use crate::name::HeaderName;
use crate::received::{Contacts, Received};
use crate::status::StatusCode;
use crate::uri::{Scheme, UriError};

/// Why a message that can be taken apart is wrong nevertheless.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Invalid {
    /// A header that every message has is missing, or a header breaks the grammar.
    Header(HeaderError),
    /// A header that may stand once stands several times, and the values could contradict.
    Repeated(HeaderName),
    /// The method of CSeq is not that of the request (RFC 3261 section 8.1.1.5).
    CSeqMethod {
        /// The request's method.
        method: Box<str>,
        /// The method in CSeq.
        cseq: Box<str>,
    },
    /// The Request-URI is none.
    RequestUri(UriError),
    /// The Request-URI has headers, which are for links and not for requests (RFC 3261 section
    /// 19.1.1).
    RequestUriHeaders(Box<str>),
    /// The Request-URI's scheme is not `sip`, `sips` or `tel`.
    UriScheme(Box<str>),
    /// `Contact: *` outside REGISTER (RFC 3261 section 20.10).
    ContactStar,
}

impl Invalid {
    /// The status to answer the request with. A response is dropped instead, and so is an ACK.
    pub fn status(&self) -> StatusCode {
        match self {
            Invalid::UriScheme(_) => StatusCode::UNSUPPORTED_URI_SCHEME,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The reason phrase of that answer, which names what is wrong (RFC 3261 section 21.4.1).
    pub fn reason(&self) -> String {
        match self {
            Invalid::Header(HeaderError::Missing(name)) => format!("Missing {name} Header"),
            Invalid::Header(HeaderError::Malformed { header, .. }) => {
                format!("Malformed {header} Header")
            }
            Invalid::Repeated(name) => format!("Repeated {name} Header"),
            Invalid::CSeqMethod { .. } => "CSeq Method Mismatch".to_owned(),
            Invalid::RequestUri(_) | Invalid::Header(HeaderError::RequestUri(_)) => {
                "Malformed Request-URI".to_owned()
            }
            Invalid::RequestUriHeaders(_) => "Headers in Request-URI".to_owned(),
            Invalid::UriScheme(_) => self.status().reason().to_owned(),
            Invalid::ContactStar => "Contact * Outside REGISTER".to_owned(),
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Invalid::Header(error) => error.fmt(to),
            Invalid::Repeated(name) => write!(to, "{name} stands several times; one is allowed"),
            Invalid::CSeqMethod { method, cseq } => write!(
                to,
                "the method of CSeq is {} and that of the request is {}; they must be the same",
                Shown(cseq),
                Shown(method)
            ),
            Invalid::RequestUri(error) => write!(to, "Request-URI: {error}"),
            Invalid::RequestUriHeaders(uri) => {
                write!(
                    to,
                    "the Request-URI {} has headers behind a ?; it may not",
                    Shown(uri)
                )
            }
            Invalid::UriScheme(uri) => {
                write!(to, "the scheme of {} is not sip, sips or tel", Shown(uri))
            }
            Invalid::ContactStar => to.write_str("Contact is *, which only REGISTER may say"),
        }
    }
}

impl std::error::Error for Invalid {}

impl From<HeaderError> for Invalid {
    fn from(error: HeaderError) -> Self {
        Invalid::Header(error)
    }
}

impl Received {
    /// The headers without which a message belongs to no transaction and no dialog.
    fn validate(&self) -> Result<(), Invalid> {
        for via in self.vias() {
            via?;
        }
        self.via()?;
        self.from()?;
        self.to()?;
        self.call_id()?;
        self.cseq()?;
        for name in [
            HeaderName::From,
            HeaderName::To,
            HeaderName::CallId,
            HeaderName::CSeq,
        ] {
            self.once(name)?;
        }
        Ok(())
    }

    fn once(&self, name: HeaderName) -> Result<(), Invalid> {
        match self.headers(name).nth(1) {
            Some(_) => Err(Invalid::Repeated(name)),
            None => Ok(()),
        }
    }
}

impl Request {
    /// Checks what RFC 3261 sections 8.1.1 and 8.2 ask of every request: the Request-URI; Via, From,
    /// To, Call-ID and CSeq once and readable; CSeq's method; Max-Forwards, Contact and, with a body,
    /// Content-Type readable where they are there. Max-Forwards and the tag of From may be missing,
    /// as RFC 2543 did not have them.
    ///
    /// # Errors
    ///
    /// [`Invalid`], with the status and the reason phrase to answer with.
    pub fn validate(&self) -> Result<(), Invalid> {
        let received: &Received = self;
        received.validate()?;
        let (method, cseq) = (self.method(), self.cseq()?);
        if method != cseq.method {
            return Err(Invalid::CSeqMethod {
                method: method.as_str().into(),
                cseq: cseq.method.as_str().into(),
            });
        }
        for name in [HeaderName::MaxForwards, HeaderName::ContentType] {
            self.once(name)?;
        }
        self.typed::<MaxForwards>()?;
        if !self.body().is_empty() {
            self.typed::<ContentType<'_>>()?;
        }
        if matches!(self.contacts()?, Contacts::Star) && method != crate::Method::Register {
            return Err(Invalid::ContactStar);
        }
        self.validate_uri()
    }

    fn validate_uri(&self) -> Result<(), Invalid> {
        let uri = self.uri().map_err(|error| match error {
            HeaderError::RequestUri(error) => Invalid::RequestUri(error),
            other => Invalid::Header(other),
        })?;
        if matches!(uri.scheme(), Scheme::Other(_)) {
            return Err(Invalid::UriScheme(uri.as_str().into()));
        }
        if uri.headers().next().is_some() {
            return Err(Invalid::RequestUriHeaders(uri.as_str().into()));
        }
        Ok(())
    }

    /// The option tags of Require that are not among `supported`: not empty means 420 with these in
    /// Unsupported (RFC 3261 section 8.2.2.3).
    pub fn unsupported<'a>(&'a self, supported: &[&str]) -> Vec<&'a str> {
        self.typed_all::<Require<'a>>()
            .filter_map(|tag| tag.ok().map(|Require(tag)| tag))
            .filter(|tag| {
                !supported
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(tag))
            })
            .collect()
    }
}

impl Response {
    /// Checks that the headers that make a response belong to a transaction are there, once and
    /// readable.
    ///
    /// # Errors
    ///
    /// [`Invalid`]; such a response is dropped.
    pub fn validate(&self) -> Result<(), Invalid> {
        let received: &Received = self;
        received.validate()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{Limits, Message};

    const GOOD: &str = "INVITE sip:bob@example.com SIP/2.0\r\n\
        Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\n\
        From: <sip:alice@example.com>;tag=1\r\n\
        To: <tel:+15551230001>\r\n\
        Call-ID: abc\r\n\
        CSeq: 1 INVITE\r\n\
        Contact: <sip:alice@a>\r\n\r\n";

    fn verdict(text: String) -> Result<(), Invalid> {
        match Message::parse(Bytes::from(text), &Limits::default()).unwrap() {
            Message::Request(request) => request.validate(),
            Message::Response(response) => response.validate(),
        }
    }

    #[test]
    fn a_complete_request_is_valid() {
        assert_eq!(verdict(GOOD.to_owned()), Ok(()));
        let register = GOOD
            .replace("INVITE", "REGISTER")
            .replace("<sip:alice@a>", "*");
        assert_eq!(verdict(register), Ok(()));
    }

    #[test]
    fn each_fault_has_its_status_and_says_what_is_wrong() {
        for (old, new, status, reason) in [
            (
                "Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\n",
                "",
                400,
                "Missing Via Header",
            ),
            ("Call-ID: abc\r\n", "", 400, "Missing Call-ID Header"),
            (
                "CSeq: 1 INVITE",
                "CSeq: one INVITE",
                400,
                "Malformed CSeq Header",
            ),
            ("CSeq: 1 INVITE", "CSeq: 1 BYE", 400, "CSeq Method Mismatch"),
            ("To:", "t: <sip:x>\r\nTo:", 400, "Repeated To Header"),
            (
                "Contact: <sip:alice@a>",
                "Contact: *",
                400,
                "Contact * Outside REGISTER",
            ),
            (
                "sip:bob@example.com ",
                "isbn:1 ",
                416,
                "Unsupported URI Scheme",
            ),
            (
                "sip:bob@example.com ",
                "sip:bob@ ",
                400,
                "Malformed Request-URI",
            ),
            (
                "sip:bob@example.com ",
                "sip:bob@b?a=b ",
                400,
                "Headers in Request-URI",
            ),
            (
                "Call-ID",
                "Max-Forwards: 256\r\nCall-ID",
                400,
                "Malformed Max-Forwards Header",
            ),
        ] {
            let fault = verdict(GOOD.replacen(old, new, 1)).expect_err(reason);
            assert_eq!(
                (fault.status().code(), fault.reason().as_str()),
                (status, reason)
            );
            assert!(!fault.to_string().is_empty());
        }
    }

    #[test]
    fn required_extensions_that_nobody_supports_are_named() {
        let text = GOOD.replace("To:", "Require: 100rel, foo\r\nRequire: bar\r\nTo:");
        let Ok(Message::Request(request)) = Message::parse(text.into(), &Limits::default()) else {
            panic!("a request");
        };
        assert_eq!(request.unsupported(&["100REL", "timer"]), ["foo", "bar"]);
    }
}
