//! What is kept of an INVITE to build its ACK and its CANCEL from.

use bytes::Bytes;
use offhook_sip::{HeaderName, Method, OutgoingRequest, Response, Uri, WriteError};

use super::SendError;

/// The parts of an INVITE that its ACK (RFC 3261, 17.1.1.3) and its CANCEL (9.1) repeat.
#[derive(Debug)]
pub(super) struct Origin {
    uri: Uri<'static>,
    via: String,
    routes: Vec<String>,
    from: String,
    to: String,
    call_id: String,
    cseq: u32,
    /// The Session-ID, which stays the INVITE's (RFC 7989 section 6).
    session: Option<String>,
}

impl Origin {
    /// Reads them off an INVITE that has its top Via already.
    pub(super) fn new(request: &OutgoingRequest, via: &str) -> Result<Origin, SendError> {
        let headers = request.headers();
        let text = |name: HeaderName| {
            headers
                .get(name)
                .map(str::to_owned)
                .ok_or(SendError::Incomplete(name.as_str()))
        };
        let cseq = text(HeaderName::CSeq)?;
        let cseq = cseq
            .split_ascii_whitespace()
            .next()
            .and_then(|number| number.parse().ok());
        let uri = Uri::parse(request.uri()).map_err(|_| SendError::Incomplete("Request-URI"))?;
        Ok(Origin {
            uri: uri.into_owned(),
            via: via.to_owned(),
            routes: headers
                .get_all(HeaderName::Route)
                .map(str::to_owned)
                .collect(),
            from: text(HeaderName::From)?,
            to: text(HeaderName::To)?,
            call_id: text(HeaderName::CallId)?,
            cseq: cseq.ok_or(SendError::Incomplete(HeaderName::CSeq.as_str()))?,
            session: headers.get(HeaderName::SessionId).map(str::to_owned),
        })
    }

    /// The ACK for a final response other than 2xx.
    pub(super) fn ack(&self, response: &Response) -> Option<Bytes> {
        let to = response.header(HeaderName::To).unwrap_or(&self.to);
        // What came from the network may hold what may not be written; what we sent may not.
        self.request(Method::Ack, to)
            .or_else(|_| self.request(Method::Ack, &self.to))
            .and_then(|ack| ack.write())
            .ok()
    }

    /// The CANCEL, with the value of its Reason header field.
    pub(super) fn cancel(&self, reason: Option<&str>) -> Option<OutgoingRequest> {
        let mut cancel = self.request(Method::Cancel, &self.to).ok()?;
        if let Some(reason) = reason {
            cancel.headers_mut().push(HeaderName::Reason, reason).ok()?;
        }
        Some(cancel)
    }

    fn request(&self, method: Method<'_>, to: &str) -> Result<OutgoingRequest, WriteError> {
        let mut request = OutgoingRequest::new(method, &self.uri);
        let headers = request.headers_mut();
        headers.push(HeaderName::Via, &self.via)?;
        for route in &self.routes {
            headers.push(HeaderName::Route, route)?;
        }
        headers.push(HeaderName::MaxForwards, 70)?;
        headers.push(HeaderName::From, &self.from)?;
        headers.push(HeaderName::To, to)?;
        headers.push(HeaderName::CallId, &self.call_id)?;
        headers.push(HeaderName::CSeq, format_args!("{} {}", self.cseq, method))?;
        if let Some(session) = &self.session {
            headers.push(HeaderName::SessionId, session)?;
        }
        Ok(request)
    }
}
