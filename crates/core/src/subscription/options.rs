//! What an application may say about subscriptions.

use std::time::Duration;

use offhook_sip::{NameAddr, is_line, is_token};

use crate::error::CommandError;
use crate::headers;
use crate::options::{Body, ExtraHeaders, check_media_type};

/// Options of [`Agent::subscribe`](crate::Agent::subscribe) and
/// [`SessionMut::subscribe`](crate::SessionMut::subscribe).
#[derive(Clone, Debug)]
pub struct SubscribeOptions {
    /// The media types that NOTIFYs may have, as `application/pidf+xml`. Default: none named,
    /// which means the package's own.
    pub accept: Vec<String>,
    /// How long to subscribe; it is refreshed in time. Zero fetches the state once. Default: 15
    /// minutes.
    pub expires: Duration,
    /// Headers added to each SUBSCRIBE.
    pub extra_headers: ExtraHeaders,
    /// The body of the first SUBSCRIBE, as a filter.
    pub body: Option<Body>,
    /// The From header outside a session, without a tag. Default: our address.
    pub from: Option<NameAddr<'static>>,
    /// The To header outside a session, without a tag. Default: the target.
    pub to: Option<NameAddr<'static>>,
    /// Whether a SUBSCRIBE that was forked may make several subscriptions, each of which is told
    /// by [`SubscriberEvent::Forked`](crate::SubscriberEvent::Forked). Default: false, and all but
    /// the first are refused (RFC 6665 section 4.1.2.4).
    pub forks: bool,
    /// Whether to subscribe anew where the peer has ended the subscription for a reason that
    /// allows it (RFC 6665 section 4.1.3). Default: true. Never inside a session.
    pub resubscribe: bool,
}

impl Default for SubscribeOptions {
    fn default() -> Self {
        Self {
            accept: Vec::new(),
            expires: Duration::from_secs(900),
            extra_headers: Vec::new(),
            body: None,
            from: None,
            to: None,
            forks: false,
            resubscribe: true,
        }
    }
}

impl SubscribeOptions {
    pub(crate) fn check(&self) -> Result<(), CommandError> {
        headers::check(&self.extra_headers)?;
        self.body.as_ref().map_or(Ok(()), Body::check)?;
        for (name, _) in &self.extra_headers {
            let own = ["Event", "Expires", "Accept", "Contact"];
            if own.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                let expected = "a header other than Event, Expires, Accept and Contact";
                return Err(CommandError::argument("extra_headers", name, expected));
            }
        }
        for (name, given) in [("from", &self.from), ("to", &self.to)] {
            if let Some(given) = given
                && (given.tag().is_some() || !is_line(&given.to_string()))
            {
                let expected = "an address without a tag, as <sip:bob@example.com>";
                return Err(CommandError::argument(name, given, expected));
            }
        }
        self.accept
            .iter()
            .try_for_each(|media| check_media_type("accept", media))
    }
}

/// How a peer's subscription is granted: [`Reply::Grant`](crate::Reply::Grant).
#[derive(Clone, Debug, Default)]
pub struct GrantOptions {
    /// Whether the peer may not yet be told the state, as somebody has to allow it first
    /// (RFC 6665 section 4.1.3). Default: false, the subscription is active.
    pub pending: bool,
    /// The longest lifetime to grant. Default: what the peer asks for, a day at most.
    pub expires: Option<Duration>,
    /// The state now, for the NOTIFY that goes out at once. Default: none.
    pub body: Option<Body>,
    /// Headers added to the 200.
    pub extra_headers: ExtraHeaders,
    /// Headers added to each NOTIFY. One that cannot be written ends the subscription.
    pub notify_headers: ExtraHeaders,
}

/// What [`Agent::notify`](crate::Agent::notify) tells a subscriber.
#[derive(Clone, Debug, Default)]
pub struct NotifyOptions {
    /// The state.
    pub body: Option<Body>,
    /// Whether a subscription that is pending stays so. Default: false, it becomes active.
    pub pending: bool,
}

/// What a subscriber is told last:
/// [`Agent::terminate_subscription`](crate::Agent::terminate_subscription).
#[derive(Clone, Debug)]
pub struct LastNotify {
    /// Why, one of RFC 6665 section 4.1.3: `deactivated`, `probation`, `rejected`, `timeout`,
    /// `giveup`, `noresource`, `invariant`, or a word of an extension. Default: `noresource`.
    pub reason: String,
    /// When the subscriber may try again.
    pub retry_after: Option<Duration>,
    /// The last state.
    pub body: Option<Body>,
}

impl Default for LastNotify {
    fn default() -> Self {
        Self {
            reason: "noresource".to_owned(),
            retry_after: None,
            body: None,
        }
    }
}

impl LastNotify {
    pub(crate) fn check(&self) -> Result<(), CommandError> {
        self.body.as_ref().map_or(Ok(()), Body::check)?;
        if !is_token(&self.reason) {
            let expected = "a word, as noresource or deactivated";
            return Err(CommandError::argument("reason", &self.reason, expected));
        }
        Ok(())
    }
}
