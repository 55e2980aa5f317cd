//! Messages that are made here, and written.

use std::borrow::Cow;

use bytes::Bytes;

use crate::error::{WriteError, WriteFault};
use crate::fields::{HeaderFields, is_line};
use crate::message::{Request, Response};
use crate::method::Method;
use crate::name::HeaderName;
use crate::name_addr::NameAddr;
use crate::received::Received;
use crate::status::StatusCode;
use crate::text::{is_token, without_end};
use crate::uri::Uri;

/// What requests and responses share: fields and body.
#[derive(Clone, Debug, Default)]
struct Content {
    headers: HeaderFields,
    body: Bytes,
}

impl Content {
    fn copy(received: &Received) -> Self {
        Content {
            headers: HeaderFields::copy_all(received),
            body: received.body_bytes(),
        }
    }

    fn set_body(&mut self, content_type: &str, body: Vec<u8>) -> Result<(), WriteError> {
        self.headers.set(HeaderName::ContentType, content_type)?;
        self.body = Bytes::from(body);
        Ok(())
    }

    fn clear_body(&mut self) {
        for name in [
            HeaderName::ContentType,
            HeaderName::ContentDisposition,
            HeaderName::ContentEncoding,
            HeaderName::ContentLanguage,
            HeaderName::ContentTransferEncoding,
            HeaderName::ContentId,
        ] {
            self.headers.remove(name);
        }
        self.body = Bytes::new();
    }

    fn write(&self, start_line: &[&str]) -> Bytes {
        let start: usize = start_line.iter().map(|piece| piece.len()).sum();
        let mut to = Vec::with_capacity(start + self.headers.size() + self.body.len());
        for piece in start_line {
            to.extend_from_slice(piece.as_bytes());
        }
        self.headers.write(&mut to, self.body.len());
        to.extend_from_slice(&self.body);
        Bytes::from(to)
    }
}

macro_rules! content {
    ($type:ident) => {
        impl $type {
            /// The header fields.
            pub fn headers(&self) -> &HeaderFields {
                &self.content.headers
            }

            /// The header fields, to change them.
            pub fn headers_mut(&mut self) -> &mut HeaderFields {
                &mut self.content.headers
            }

            /// The body.
            pub fn body(&self) -> &[u8] {
                &self.content.body
            }

            /// Sets the body and its Content-Type.
            ///
            /// # Errors
            ///
            /// [`WriteFault::Value`] when the Content-Type holds CR, LF or NUL; the message stays
            /// as it was.
            pub fn set_body(
                &mut self,
                content_type: &str,
                body: impl Into<Vec<u8>>,
            ) -> Result<(), WriteError> {
                self.content.set_body(content_type, body.into())
            }

            /// Takes the body away, and the header fields that describe it.
            pub fn clear_body(&mut self) {
                self.content.clear_body();
            }
        }
    };
}

/// A request that is being made.
///
/// ```
/// use offhook_sip::{HeaderName, Method, OutgoingRequest, Uri};
///
/// let mut request = OutgoingRequest::new(Method::Options, &Uri::parse("sip:example.com")?);
/// request.headers_mut().push(HeaderName::MaxForwards, 70)?;
/// assert_eq!(
///     request.write()?,
///     "OPTIONS sip:example.com SIP/2.0\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct OutgoingRequest {
    method: Cow<'static, str>,
    uri: String,
    content: Content,
}

content!(OutgoingRequest);

impl OutgoingRequest {
    /// A request without header fields and body.
    pub fn new(method: Method<'_>, uri: &Uri<'_>) -> Self {
        OutgoingRequest {
            method: method.to_cow(),
            uri: uri.as_str().to_owned(),
            content: Content {
                headers: HeaderFields::with_capacity(16),
                body: Bytes::new(),
            },
        }
    }

    /// A received request as it is to be sent on: every header line in order and as it is written,
    /// and the body.
    pub fn from_request(request: &Request) -> Self {
        OutgoingRequest {
            method: request.method().to_cow(),
            uri: request.uri_text().to_owned(),
            content: Content::copy(request),
        }
    }

    /// The method.
    pub fn method(&self) -> Method<'_> {
        Method::parse(&self.method)
    }

    /// The Request-URI.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Sets the Request-URI.
    pub fn set_uri(&mut self, uri: &Uri<'_>) {
        self.uri = uri.as_str().to_owned();
    }

    /// The bytes to send.
    ///
    /// # Errors
    ///
    /// [`WriteFault::Method`] when the method is no token.
    pub fn write(&self) -> Result<Bytes, WriteError> {
        if !is_token(&self.method) {
            return Err(WriteFault::Method(self.method.as_ref().into()).into());
        }
        Ok(self
            .content
            .write(&[&self.method, " ", &self.uri, " SIP/2.0\r\n"]))
    }
}

/// A response that is being made.
#[derive(Clone, Debug)]
pub struct OutgoingResponse {
    status: StatusCode,
    reason: Cow<'static, str>,
    content: Content,
}

content!(OutgoingResponse);

impl OutgoingResponse {
    /// A response without header fields and body, with the status's own phrase.
    pub fn new(status: StatusCode) -> Self {
        OutgoingResponse {
            status,
            reason: Cow::Borrowed(status.reason()),
            content: Content::default(),
        }
    }

    /// The response to a request: its Via lines, From, To, Call-ID and CSeq are copied as they are
    /// (RFC 3261 section 8.2.6.2), and its Timestamp into a 100. No To tag is added; see
    /// [`OutgoingResponse::set_to_tag`].
    pub fn to_request(request: &Received, status: StatusCode) -> Self {
        let mut response = OutgoingResponse::new(status);
        let headers = &mut response.content.headers;
        *headers = HeaderFields::with_capacity(16);
        headers.copy_named(request, HeaderName::Via, true);
        for name in [
            HeaderName::From,
            HeaderName::To,
            HeaderName::CallId,
            HeaderName::CSeq,
        ] {
            headers.copy_named(request, name, false);
        }
        if status == StatusCode::TRYING {
            headers.copy_named(request, HeaderName::Timestamp, false);
        }
        response
    }

    /// Copies the request's Record-Route lines, as a response that makes a dialog must (RFC 3261
    /// section 12.1.1).
    pub fn copy_record_route(&mut self, request: &Received) {
        self.content
            .headers
            .copy_named(request, HeaderName::RecordRoute, true);
    }

    /// A received response as it is to be sent on: every header line in order and as it is
    /// written, and the body.
    pub fn from_response(response: &Response) -> Self {
        OutgoingResponse {
            status: response.status(),
            reason: Cow::Owned(response.reason().to_owned()),
            content: Content::copy(response),
        }
    }

    /// The status code.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The reason phrase.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Sets the reason phrase.
    ///
    /// # Errors
    ///
    /// [`WriteFault::Reason`] when it holds CR, LF or NUL.
    pub fn set_reason(&mut self, reason: &str) -> Result<(), WriteError> {
        if !is_line(reason) {
            return Err(WriteFault::Reason(reason.into()).into());
        }
        self.reason = Cow::Owned(reason.to_owned());
        Ok(())
    }

    /// Adds this tag to the To field when it has none; the field stays as the request wrote it
    /// otherwise (RFC 3261 section 8.2.6.2).
    ///
    /// # Errors
    ///
    /// [`WriteFault::Value`] when the tag is no token.
    pub fn set_to_tag(&mut self, tag: &str) -> Result<(), WriteError> {
        if !is_token(tag) {
            let (name, value) = (HeaderName::To.as_str().into(), tag.into());
            return Err(WriteFault::Value { name, value }.into());
        }
        if let Some(to) = self.content.headers.first_mut(HeaderName::To)
            && !NameAddr::parse(to).is_ok_and(|to| to.tag().is_some())
        {
            to.truncate(without_end(to, |byte| b"; \t".contains(&byte)).len());
            to.push_str(";tag=");
            to.push_str(tag);
        }
        Ok(())
    }

    /// The bytes to send.
    ///
    /// # Errors
    ///
    /// None so far: what a response is made of was looked at when it was put in.
    pub fn write(&self) -> Result<Bytes, WriteError> {
        let code = self.status.to_string();
        Ok(self
            .content
            .write(&["SIP/2.0 ", &code, " ", &self.reason, "\r\n"]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Message};

    const INVITE: &str = "INVITE sip:bob@example.com SIP/2.0\r\n\
        v: SIP/2.0/WSS a.invalid;branch=z9hG4bK1, SIP/2.0/TCP b;branch=z9hG4bK2\r\n\
        f: <sip:alice@example.com>;tag=1\r\n\
        t: <sip:bob@example.com>\r\n\
        i: abc\r\n\
        CSeq: 1 INVITE\r\n\
        Record-Route: <sip:p1;lr>\r\n\
        record-route: <sip:p2;lr>\r\n\
        l: 3\r\n\
        X-Thing:  kept \r\n\
        \r\n\
        v=0";

    fn request(text: &'static str) -> Request {
        match Message::parse(Bytes::from_static(text.as_bytes()), &Limits::default()) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_response_takes_what_it_must_from_its_request() {
        let request = request(INVITE);
        let mut response = OutgoingResponse::to_request(&request, StatusCode::RINGING);
        response.copy_record_route(&request);
        response.set_to_tag("77").unwrap();
        response.set_to_tag("88").unwrap();
        let text = String::from_utf8(response.write().unwrap().to_vec()).unwrap();
        assert_eq!(
            text,
            "SIP/2.0 180 Ringing\r\n\
             Via: SIP/2.0/WSS a.invalid;branch=z9hG4bK1, SIP/2.0/TCP b;branch=z9hG4bK2\r\n\
             From: <sip:alice@example.com>;tag=1\r\n\
             To: <sip:bob@example.com>;tag=77\r\n\
             Call-ID: abc\r\n\
             CSeq: 1 INVITE\r\n\
             Record-Route: <sip:p1;lr>\r\n\
             Record-Route: <sip:p2;lr>\r\n\
             Content-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn a_tag_is_put_behind_whatever_the_request_wrote() {
        for (to, expected) in [
            ("sip:b", "sip:b;tag=7"),
            ("<sip:b>; ", "<sip:b>;tag=7"),
            ("\"a;\" <sip:b;tag=1>;x", "\"a;\" <sip:b;tag=1>;x;tag=7"),
            ("<sip:b>;TAG=1", "<sip:b>;TAG=1"),
        ] {
            let mut response = OutgoingResponse::new(StatusCode::OK);
            response.headers_mut().push(HeaderName::To, to).unwrap();
            response.set_to_tag("7").unwrap();
            assert_eq!(response.headers().get(HeaderName::To), Some(expected));
        }
    }

    #[test]
    fn a_request_is_sent_on_with_every_line_as_it_came() {
        let mut on = OutgoingRequest::from_request(&request(INVITE));
        let text = String::from_utf8(on.write().unwrap().to_vec()).unwrap();
        assert_eq!(text, INVITE.replace("  kept ", " kept"));
        on.set_body("text/plain", "longer than before").unwrap();
        let text = String::from_utf8(on.write().unwrap().to_vec()).unwrap();
        assert!(text.contains("\r\nl: 18\r\n"), "{text}");
        assert!(!text.contains("Content-Length"), "{text}");
    }

    #[test]
    fn a_body_comes_and_goes_with_the_fields_that_describe_it() {
        let mut request = OutgoingRequest::new(Method::Info, &Uri::parse("sip:a@b").unwrap());
        request
            .set_body("application/dtmf-relay", "Signal=1\r\n")
            .unwrap();
        assert_eq!(request.headers().get("c"), Some("application/dtmf-relay"));
        assert!(request.set_body("a/b\r\nX: y", "z").is_err());
        assert_eq!(request.body(), b"Signal=1\r\n");
        request.clear_body();
        assert!(request.headers().is_empty() && request.body().is_empty());
    }

    #[test]
    fn nothing_of_a_start_line_can_be_smuggled() {
        let uri = Uri::parse("sip:a@b").unwrap();
        for method in ["", "A B", "INVITE sip:x SIP/2.0\r\nX:"] {
            let request = OutgoingRequest::new(Method::Other(method), &uri);
            assert!(
                matches!(request.write().unwrap_err().fault(), WriteFault::Method(_)),
                "{method}"
            );
        }
        let mut response = OutgoingResponse::new(StatusCode::OK);
        assert!(response.set_reason("fine\r\nX: y").is_err());
        assert!(response.set_to_tag("1\r\nX: y").is_err());
        assert_eq!(response.reason(), "OK");
    }
}
