//! Event and Subscription-State (RFC 6665).

use std::fmt;

use super::{TypedHeader, typed};
use crate::error::HeaderError;
use crate::name::HeaderName;
use crate::params::{self, Params};
use crate::text::{from, is_token_byte, seconds, span, trim, upto};

/// Which events a subscription is about (RFC 6665 section 8.2.1).
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// The event package, with its templates: `presence.winfo`.
    pub package: &'a str,
    /// Tells subscriptions of one dialog apart.
    pub id: Option<&'a str>,
    /// All parameters.
    pub params: Params<'a>,
}

typed!(Event<'a> = Event, event);

fn word_with_params(text: &str) -> Option<(&str, &str)> {
    let end = span(text, is_token_byte);
    let params = from(text, end);
    (end > 0 && params::scan(params) == Ok(params.len())).then(|| (upto(text, end), trim(params)))
}

fn event(text: &str) -> Result<Event<'_>, &'static str> {
    let (package, params) = word_with_params(text).ok_or("an event package with ;name=value")?;
    Ok(Event {
        package,
        id: params::find(params, false, "id"),
        params: Params::of_header(params),
    })
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}{}", self.package, self.params)
    }
}

/// How a subscription stands (RFC 6665 section 8.2.3).
#[derive(Clone, Debug)]
pub struct SubscriptionState<'a> {
    /// `active`, `pending`, `terminated`, or a word of an extension.
    pub state: &'a str,
    /// All parameters.
    pub params: Params<'a>,
}

typed!(SubscriptionState<'a> = SubscriptionState, subscription_state);

fn subscription_state(text: &str) -> Result<SubscriptionState<'_>, &'static str> {
    let (state, params) = word_with_params(text).ok_or("a state with ;name=value")?;
    Ok(SubscriptionState {
        state,
        params: Params::of_header(params),
    })
}

impl SubscriptionState<'_> {
    /// Why it ended: `deactivated`, `timeout`, `rejected`, `noresource`, …
    pub fn reason(&self) -> Option<&str> {
        self.params.get("reason")
    }

    /// Seconds until it ends.
    pub fn expires(&self) -> Option<u32> {
        self.params.get("expires").and_then(seconds)
    }

    /// Seconds until a new subscription may be tried.
    pub fn retry_after(&self) -> Option<u32> {
        self.params.get("retry-after").and_then(seconds)
    }

    /// Whether the state is this one, in any case.
    pub fn is(&self, state: &str) -> bool {
        self.state.eq_ignore_ascii_case(state)
    }
}

impl fmt::Display for SubscriptionState<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}{}", self.state, self.params)
    }
}
