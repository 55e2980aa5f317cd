//! Requests of ours that stand alone: a MESSAGE (RFC 3428) or an OPTIONS (RFC 3261 section 11).

use std::fmt;

use offhook_sip::{
    HeaderFields, HeaderName, Method, NameAddr, OutgoingRequest, Response, Uri, WriteError,
};

use crate::cause::Cause;
use crate::config::Config;
use crate::context::{Context, Unsent};
use crate::error::CommandError;
use crate::event::Event;
use crate::headers;
use crate::options::{Body, ExtraHeaders};
use crate::session::Answer;

/// The id of a request of the application that an agent has sent, unique for the life of the agent.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestId(pub u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request {}", self.0)
    }
}

/// Options of [`Agent::send_message`](crate::Agent::send_message) and
/// [`Agent::send_options`](crate::Agent::send_options).
#[derive(Clone, Debug, Default)]
pub struct RequestOptions {
    /// Headers added to the request.
    pub extra_headers: ExtraHeaders,
    /// Another user part for the From header; P-Preferred-Identity then says whose request it is.
    pub from_user_name: Option<String>,
    /// Another display name for the From header.
    pub from_display_name: Option<String>,
}

/// Why a request of ours came to nothing. After a renegotiation the session is as it was before.
#[derive(Clone, Debug)]
pub struct RequestFailure {
    /// Why.
    pub cause: Cause,
    /// The peer's response, if it refused.
    pub response: Option<Response>,
}

impl fmt::Display for RequestFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.response {
            Some(response) => write!(
                f,
                "{}: the peer answered {} {}",
                self.cause,
                response.status().code(),
                response.reason()
            ),
            None => write!(f, "{}", self.cause),
        }
    }
}

impl std::error::Error for RequestFailure {}

impl RequestFailure {
    /// What an answer says that is no 2xx.
    fn of(answer: Answer) -> Self {
        let (cause, response) = match answer {
            Answer::Response(response) => (Cause::of_status(response.status()), Some(response)),
            Answer::Timeout => (Cause::RequestTimeout, None),
            Answer::Unsent => (Cause::ConnectionError, None),
        };
        Self { cause, response }
    }
}

impl Context {
    /// The id of the next request that stands alone.
    pub(crate) fn name_request(&mut self) -> RequestId {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        id
    }

    /// Tells what became of a request that stands alone.
    pub(crate) fn request_over(&mut self, request: RequestId, answer: Answer) {
        let result = match answer {
            Answer::Response(response) if response.status().is_success() => Ok(response),
            answer => Err(RequestFailure::of(answer)),
        };
        self.event(Event::RequestOver { request, result });
    }
}

/// The From of something new that we start.
pub(crate) fn own_from(
    cx: &mut Context,
    anonymous: bool,
    user: Option<&str>,
    name: Option<&str>,
) -> NameAddr<'static> {
    let tag = cx.random.tag();
    let config = &cx.config;
    let hidden = Uri::parse("sip:anonymous@anonymous.invalid")
        .ok()
        .filter(|_| anonymous);
    let (uri, own) = match (hidden, user) {
        (Some(uri), _) => (uri, Some("Anonymous")),
        (None, Some(user)) => (
            config.address.with_user(user),
            config.display_name.as_deref(),
        ),
        (None, None) => (config.address.clone(), config.display_name.as_deref()),
    };
    let from = NameAddr::new(uri.into_owned()).with_tag(&tag);
    match name.or(own) {
        Some(name) => from.with_display_name(name.to_owned()),
        None => from,
    }
}

/// Says whose request it is to a server that vouches for it (RFC 3325 section 9.2), where the From
/// header does not.
pub(crate) fn put_preferred_identity(
    headers: &mut HeaderFields,
    config: &Config,
) -> Result<(), WriteError> {
    let address = config.address.without_headers();
    headers.push(HeaderName::PPreferredIdentity, format_args!("<{address}>"))
}

/// A MESSAGE or OPTIONS outside any dialog (RFC 3428 section 4, RFC 3261 section 11.1).
pub(crate) fn alone(
    cx: &mut Context,
    method: Method<'_>,
    target: &Uri<'_>,
    options: &RequestOptions,
) -> Result<OutgoingRequest, WriteError> {
    let from = own_from(
        cx,
        false,
        options.from_user_name.as_deref(),
        options.from_display_name.as_deref(),
    );
    let target = target.without_headers();
    let mut request = OutgoingRequest::new(method, &target);
    let headers = request.headers_mut();
    headers.push(HeaderName::MaxForwards, headers::MAX_FORWARDS)?;
    headers.push(HeaderName::To, NameAddr::new(target))?;
    headers.push(HeaderName::From, from)?;
    headers.push(HeaderName::CallId, cx.random.token(24))?;
    headers.push(
        HeaderName::CSeq,
        format_args!("{} {method}", cx.random.sequence()),
    )?;
    if options.from_user_name.is_some() {
        put_preferred_identity(headers, &cx.config)?;
    }
    Ok(request)
}

/// What a MESSAGE or OPTIONS bears whether it is outside any dialog or in one.
pub(crate) fn complete(
    cx: &Context,
    mut request: OutgoingRequest,
    body: Option<&Body>,
    extra_headers: &ExtraHeaders,
) -> Result<OutgoingRequest, WriteError> {
    let asks = request.method() == Method::Options;
    let headers = request.headers_mut();
    headers::put_extra(headers, extra_headers)?;
    if asks {
        headers.push(HeaderName::Accept, headers::APPLICATION_SDP)?;
    }
    headers::put_identity(headers, &cx.config)?;
    put_body(&mut request, body)?;
    Ok(request)
}

/// Gives a body to a request.
pub(crate) fn put_body(
    request: &mut OutgoingRequest,
    body: Option<&Body>,
) -> Result<(), WriteError> {
    match body {
        Some(body) => request.set_body(&body.content_type, body.content.to_vec()),
        None => Ok(()),
    }
}

/// Gives a request of ours another number, to be sent again.
pub(crate) fn renumber(request: &mut OutgoingRequest, number: u32) -> Result<(), Unsent> {
    let method = request.method().as_str().to_owned();
    request
        .headers_mut()
        .set(HeaderName::CSeq, format_args!("{number} {method}"))?;
    Ok(())
}

/// What a command says of a request that cannot be written.
pub(crate) fn unwritable(error: &WriteError) -> CommandError {
    CommandError::argument("request", error, "text that can stand in a SIP message")
}
