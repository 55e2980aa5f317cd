//! A peer's SUBSCRIBE that waits for the application's word (RFC 6665 section 4.2.1).

use std::time::Duration;

use offhook_sip::{HeaderName, OutgoingResponse, Request, StatusCode, WriteError};

use super::{GrantOptions, Package, SubscriptionId, Usage};
use crate::context::Context;
use crate::flow::FlowId;
use crate::headers;
use crate::session::Received;

/// The longest lifetime that is granted.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A SUBSCRIBE that waits for the application's word.
#[derive(Debug)]
pub(crate) struct Petition {
    pub(crate) id: SubscriptionId,
    pub(crate) received: Received,
    pub(crate) package: Package,
    pub(crate) usage: Usage,
    pub(crate) lifetime: Duration,
}

impl Petition {
    /// How long the subscription lasts that these options grant.
    pub(crate) fn granted(&self, options: &GrantOptions) -> Duration {
        let most = options.expires.unwrap_or(LONGEST);
        self.lifetime.min(most)
    }
}

/// How long a SUBSCRIBE asks for.
///
/// # Errors
///
/// The response owed to one that asks for too little, or for nothing that can be read
/// (RFC 6665 section 4.2.1.1).
pub(crate) fn lifetime_of(cx: &Context, request: &Request) -> Result<Duration, StatusCode> {
    let asked = request
        .typed::<offhook_sip::Expires>()
        .map_err(|_| StatusCode::BAD_REQUEST)?;
    let lifetime = asked.map_or(cx.config.subscription_expires, |expires| {
        Duration::from_secs(expires.0.into())
    });
    if !lifetime.is_zero() && lifetime < least(cx) {
        return Err(StatusCode::INTERVAL_TOO_BRIEF);
    }
    Ok(lifetime.min(LONGEST))
}

/// The shortest lifetime that is granted; an hour is never too short (RFC 6665 section 4.2.1.1).
fn least(cx: &Context) -> Duration {
    cx.config
        .subscription_min_expires
        .min(Duration::from_secs(3600))
}

/// Refuses a SUBSCRIBE with a status, and what the peer has to know beside it.
pub(crate) fn refuse(cx: &mut Context, received: &Received, status: StatusCode) {
    let shortest = least(cx).as_secs();
    let response = cx
        .response(&received.request, status)
        .and_then(|mut response| {
            let headers = response.headers_mut();
            match status {
                StatusCode::INTERVAL_TOO_BRIEF => headers.push(HeaderName::MinExpires, shortest)?,
                StatusCode::BAD_EVENT => headers::put_allow_events(headers, &cx.config)?,
                _ => {}
            }
            Ok(response)
        });
    if let Ok(response) = response {
        cx.respond(received.transaction, response);
    }
}

/// The 200 to a SUBSCRIBE (RFC 6665 section 4.2.1.1).
pub(crate) fn accepting(
    cx: &mut Context,
    request: &Request,
    tag: &str,
    flow: Option<FlowId>,
    lifetime: Duration,
) -> Result<OutgoingResponse, WriteError> {
    let mut response = OutgoingResponse::to_request(request, StatusCode::OK);
    response.set_to_tag(tag)?;
    response.copy_record_route(request);
    let headers = response.headers_mut();
    headers.push(HeaderName::Server, &cx.config.user_agent)?;
    headers.push(HeaderName::Expires, lifetime.as_secs())?;
    if let Some(flow) = flow {
        cx.put_contact(headers, flow)?;
    }
    Ok(response)
}
