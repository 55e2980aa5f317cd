//! Received requests that wait for the application's word: MESSAGE (RFC 3428 section 7) and
//! OPTIONS (RFC 3261 section 11.2).

use offhook_sip::{Method, OutgoingResponse, Request, StatusCode, WriteError};

use crate::ask::{AskId, Question, Reply};
use crate::context::{Context, Timer};
use crate::flow::FlowId;
use crate::headers;
use crate::options::{Body, ExtraHeaders};
use crate::session::{Received, SessionId};

/// How many requests may wait for the application's word; those beyond are refused.
const MAX_INQUIRIES: usize = 1024;

/// A request that waits for the application's word.
#[derive(Debug)]
pub(crate) struct Inquiry {
    received: Received,
    /// The flow that a request outside any dialog came on.
    flow: Option<FlowId>,
}

impl Context {
    /// Asks the application about a request; it is answered with 200 unless it says otherwise.
    pub(crate) fn inquire(
        &mut self,
        session: Option<SessionId>,
        flow: Option<FlowId>,
        received: Received,
    ) {
        if self.inquiries.len() >= MAX_INQUIRIES {
            let busy = StatusCode::SERVICE_UNAVAILABLE;
            return self.answer(received.transaction, &received.request, busy);
        }
        let request = received.request.clone();
        let question = match request.method() {
            Method::Options => Question::Options { request },
            _ => Question::Message { request },
        };
        let ask = self.question(session, question);
        self.inquiries.insert(ask, Inquiry { received, flow });
        // Later than this, nobody waits for the answer.
        let patience = self.config.timings.lifetime();
        self.set_timer(Timer::Inquiry(ask), patience);
    }

    /// The application's word on a request. Gives back what is no answer to one.
    pub(crate) fn inquiry_replied(&mut self, ask: AskId, reply: Reply) -> Option<Reply> {
        let Some(Inquiry { received, flow }) = self.inquiries.remove(&ask) else {
            return Some(reply);
        };
        self.timers.cancel(&Timer::Inquiry(ask));
        let (extra_headers, body) = match reply {
            Reply::Reject {
                status,
                reason,
                extra_headers,
                body,
            } if status.code() >= 300 => {
                self.reject(&received, status, reason.as_deref(), &extra_headers, body);
                return None;
            }
            Reply::Answer {
                extra_headers,
                body,
            } => (extra_headers, body),
            _ => (ExtraHeaders::new(), None),
        };
        let Received {
            transaction,
            request,
        } = &received;
        match self.answer_to(request, flow, &extra_headers, body) {
            Ok(response) => {
                self.respond(*transaction, response);
            }
            // What the application has added cannot be written: it is left out.
            Err(_) => self.answer(*transaction, request, StatusCode::OK),
        }
        None
    }

    /// The application has not said in time what it thinks of a request. The peer has given up
    /// waiting, and is sent nothing any more (RFC 4320 section 4.2).
    pub(crate) fn inquiry_expired(&mut self, ask: AskId) {
        if let Some(inquiry) = self.inquiries.remove(&ask) {
            self.give_up(inquiry.received.transaction);
        }
    }

    fn answer_to(
        &mut self,
        request: &Request,
        flow: Option<FlowId>,
        extra_headers: &ExtraHeaders,
        body: Option<Body>,
    ) -> Result<OutgoingResponse, WriteError> {
        let mut response = self.response(request, StatusCode::OK)?;
        let headers = response.headers_mut();
        headers::put_extra(headers, extra_headers)?;
        if request.method() == Method::Options {
            headers::put_capabilities(headers, &self.config)?;
            if let Some(flow) = flow {
                self.put_contact(headers, flow)?;
            }
            // A 2xx to a MESSAGE holds none (RFC 3428 section 7).
            if let Some(body) = body {
                response.set_body(&body.content_type, body.content.to_vec())?;
            }
        }
        Ok(response)
    }

    /// Refuses a request as the application wants it refused.
    pub(crate) fn reject(
        &mut self,
        received: &Received,
        status: StatusCode,
        reason: Option<&str>,
        extra_headers: &ExtraHeaders,
        body: Option<Body>,
    ) {
        let Received {
            transaction,
            request,
        } = received;
        let response = self.response(request, status).and_then(|mut response| {
            if let Some(reason) = reason {
                response.set_reason(reason)?;
            }
            headers::put_extra(response.headers_mut(), extra_headers)?;
            if let Some(body) = body {
                response.set_body(&body.content_type, body.content.to_vec())?;
            }
            Ok(response)
        });
        match response {
            Ok(response) => {
                self.respond(*transaction, response);
            }
            // What the application has added cannot be written: it is left out.
            Err(_) => self.answer(*transaction, request, status),
        }
    }
}
