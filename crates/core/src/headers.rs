//! The header values this user agent writes itself, and the check of those it is given.

use std::borrow::Cow;
use std::fmt::Display;

use offhook_sip::{HeaderFields, HeaderName, Name, WriteError, is_line, is_token};

use crate::config::Config;
use crate::error::CommandError;
use crate::options::ExtraHeaders;
use crate::session::TRICKLE;
use crate::subscription::ANY;

/// The methods this user agent takes (RFC 3261 section 20.5).
pub(crate) const ALLOW: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY, MESSAGE, SUBSCRIBE";

/// The extensions this user agent takes part in (RFC 3261 section 20.37).
pub(crate) const SUPPORTED: &[&str] = &[
    "100rel",
    "gruu",
    "ice",
    "norefersub",
    "outbound",
    "replaces",
    "timer",
    TRICKLE,
];

/// The hops a request may take (RFC 3261 section 8.1.1.6).
pub(crate) const MAX_FORWARDS: u8 = 70;

/// The content type of a session description.
pub(crate) const APPLICATION_SDP: &str = "application/sdp";

/// Puts the headers that say who this is and what it can on a message.
pub(crate) fn put_identity(headers: &mut HeaderFields, config: &Config) -> Result<(), WriteError> {
    for (name, value) in &config.extra_headers {
        headers.push(name.as_str(), value)?;
    }
    headers.push(HeaderName::Allow, ALLOW)?;
    headers.push(HeaderName::Supported, supported(config))?;
    headers.push(HeaderName::UserAgent, &config.user_agent)
}

/// Puts the headers that a 200 to OPTIONS answers with, Allow aside (RFC 3261 section 11.2).
pub(crate) fn put_capabilities(
    headers: &mut HeaderFields,
    config: &Config,
) -> Result<(), WriteError> {
    headers.push(HeaderName::Accept, APPLICATION_SDP)?;
    headers.push(HeaderName::AcceptEncoding, "identity")?;
    headers.push(HeaderName::AcceptLanguage, "en")?;
    put_allow_events(headers, config)?;
    headers.push(HeaderName::Supported, supported(config))
}

/// Puts the event packages that peers may subscribe to here on a message
/// (RFC 6665 section 8.2.2).
pub(crate) fn put_allow_events(
    headers: &mut HeaderFields,
    config: &Config,
) -> Result<(), WriteError> {
    let named = config.event_packages.iter().map(String::as_str);
    let named = named.filter(|&package| package != ANY);
    let packages = listed(["refer"].into_iter().chain(named));
    headers.push(HeaderName::AllowEvents, packages)
}

/// The values of a header that is a comma list.
pub(crate) fn listed<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let mut list = String::new();
    values.for_each(|value| enlist(&mut list, value));
    list
}

fn enlist(list: &mut String, value: &str) {
    if !list.is_empty() {
        list.push_str(", ");
    }
    list.push_str(value);
}

/// The extensions to name in Supported.
pub(crate) fn supported(config: &Config) -> String {
    let named = |tag: &&&str| match **tag {
        "timer" => config.session_timers,
        "gruu" => config.gruu != Some(false),
        TRICKLE => config.trickle_ice,
        _ => true,
    };
    listed(SUPPORTED.iter().filter(named).copied())
}

/// Takes an extension out of Supported.
pub(crate) fn retract(headers: &mut HeaderFields, tag: &str) -> Result<(), WriteError> {
    let kept = headers.get(HeaderName::Supported).map(|supported| {
        let kept = supported.split(',').map(str::trim_ascii);
        listed(kept.filter(|known| *known != tag))
    });
    match kept {
        Some(kept) => headers.set(HeaderName::Supported, kept),
        None => Ok(()),
    }
}

/// Puts the application's headers on a message.
pub(crate) fn put_extra(
    headers: &mut HeaderFields,
    extra: &ExtraHeaders,
) -> Result<(), WriteError> {
    extra
        .iter()
        .try_for_each(|(name, value)| headers.push(name.as_str(), value as &dyn Display))
}

/// Whether headers from the application can be written: names are tokens, values hold no line
/// break, and none is one that the engine writes itself.
pub(crate) fn check_extra(extra: &ExtraHeaders) -> Result<(), (Cow<'_, str>, &'static str)> {
    for (name, value) in extra {
        if !is_token(name) {
            let expected = "a header name of letters, digits and -.!%*_+`'~";
            return Err((name.into(), expected));
        }
        if !is_line(value) {
            let line = format!("{name}: {value}");
            return Err((line.into(), "a header value without line breaks"));
        }
        if let Name::Known(
            HeaderName::Via
            | HeaderName::From
            | HeaderName::To
            | HeaderName::CallId
            | HeaderName::CSeq
            | HeaderName::ContentLength
            | HeaderName::Route
            | HeaderName::RecordRoute
            | HeaderName::MaxForwards,
        ) = Name::from(name.as_str())
        {
            let expected = "a header that the engine does not write itself";
            return Err((name.into(), expected));
        }
    }
    Ok(())
}

/// Whether a parameter can be added to the Contact of a REGISTER.
pub(crate) fn check_param(name: &str, value: Option<&str>) -> Result<(), &'static str> {
    let own = ["expires", "reg-id", "+sip.instance", "+sip.ice"];
    if !is_token(name) || own.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Err("a parameter name that the engine does not write itself, as +sip.message");
    }
    let quoted = |text: &str| {
        let inner = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        let mut escaped = false;
        let plain = |c: char| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            !ends && !c.is_control()
        };
        inner.is_some_and(|inner| inner.chars().all(plain)) && !escaped
    };
    match value {
        Some(value) if !is_token(value) && !quoted(value) => {
            Err("a parameter whose value is a token, or text in quotation marks")
        }
        _ => Ok(()),
    }
}

/// [`check_extra`], for a command.
pub(crate) fn check(extra: &ExtraHeaders) -> Result<(), CommandError> {
    check_extra(extra)
        .map_err(|(value, expected)| CommandError::argument("extra_headers", value, expected))
}
