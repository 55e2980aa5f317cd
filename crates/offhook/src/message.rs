//! MESSAGE (RFC 3428) and OPTIONS (RFC 3261, 11): sent, and received.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use offhook_core::{Body, ExtraHeaders, Reply, RequestFailure};
use offhook_sip::{Request, Response};
use tokio::sync::oneshot;

use crate::ask::{Rejection, Responder};
use crate::error::Error;
use crate::session::Session;

/// A MESSAGE or OPTIONS on its way; awaited, it gives the peer's 2xx, or
/// [`Error::RequestFailed`]. Dropped, the request goes on, and nobody hears of it.
#[derive(Debug)]
#[must_use = "await it to learn what the peer says"]
pub struct PendingRequest {
    answer: oneshot::Receiver<Result<Response, RequestFailure>>,
}

impl PendingRequest {
    pub(crate) fn new(answer: oneshot::Receiver<Result<Response, RequestFailure>>) -> Self {
        Self { answer }
    }
}

impl Future for PendingRequest {
    type Output = Result<Response, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.answer)
            .poll(context)
            .map(|answer| match answer {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(failure)) => Err(Error::RequestFailed(Box::new(failure))),
                Err(_) => Err(Error::Stopped),
            })
    }
}

/// A MESSAGE that came. Dropped, it is accepted; kept undecided for half a minute, it is not
/// answered.
#[derive(Debug)]
pub struct IncomingMessage {
    pub(crate) request: Request,
    pub(crate) session: Option<Session>,
    pub(crate) responder: Responder,
}

impl IncomingMessage {
    /// The MESSAGE.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The call that it came in; none, where it came outside any.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Who sent it: the URI in From.
    pub fn from(&self) -> String {
        let from = self.request.from();
        from.map(|from| from.uri.to_string()).unwrap_or_default()
    }

    /// What it holds; none, where it is empty.
    pub fn body(&self) -> Option<Body> {
        Body::of(&self.request)
    }

    /// What it holds, where that is text.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.request.body()).ok()
    }

    /// Accepts it with a 200 that has these headers as well.
    pub fn accept(self, extra_headers: ExtraHeaders) {
        self.responder.reply(Reply::Answer {
            extra_headers,
            body: None,
        });
    }

    /// Refuses it.
    pub fn reject(self, rejection: Rejection) {
        self.responder.reject(rejection);
    }
}

/// An OPTIONS that came. Dropped, it is answered with what this user agent can; kept undecided for
/// half a minute, it is not answered.
#[derive(Debug)]
pub struct IncomingOptions {
    pub(crate) request: Request,
    pub(crate) responder: Responder,
}

impl IncomingOptions {
    /// The OPTIONS.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Answers it with what this user agent can, and with this.
    pub fn accept(self, extra_headers: ExtraHeaders, body: Option<Body>) {
        self.responder.reply(Reply::Answer {
            extra_headers,
            body,
        });
    }

    /// Refuses it.
    pub fn reject(self, rejection: Rejection) {
        self.responder.reject(rejection);
    }
}
