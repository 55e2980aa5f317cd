//! Header values that hold no address, start lines, and URIs of other schemes.

use offhook_sip::{CSeq, Challenge, Params, TypedHeader, Uri, Via};

use super::address::{host_kind, uri_places};
use crate::places::Places;

/// Protocol, transport, host with its kind, port, and parameters: of the first, which is ours.
pub(super) fn via(places: &mut Places, text: &str) -> Option<()> {
    via_places(places, &Via::first(text).ok()?)
}

pub(crate) fn via_places(places: &mut Places, via: &Via<'_>) -> Option<()> {
    let kind = host_kind(via.host)?;
    for text in [via.protocol, via.transport, via.host] {
        places.piece(text);
    }
    places.number(kind as u32);
    places.maybe_number(via.port);
    places.params(&via.params);
    Some(())
}

/// Number and method.
pub(super) fn cseq(places: &mut Places, text: &str) -> Option<()> {
    let cseq = CSeq::parse(text).ok()?;
    places.number(cseq.number);
    places.end(text.trim_end(), cseq.method.as_str().len());
    Some(())
}

/// Scheme, the number of pairs, and the pairs, values without quotes.
pub(super) fn challenge(places: &mut Places, text: &str) -> Option<()> {
    let challenge = Challenge::parse(text).ok()?;
    challenge.params.iter().next()?;
    places.piece(challenge.scheme);
    places.number(challenge.params.iter().count() as u32);
    for (name, value) in challenge.params.iter() {
        places.piece(name);
        places.piece(&value);
    }
    Some(())
}

/// A word, of characters that `allowed` accepts, and its parameters.
pub(super) fn word(places: &mut Places, text: &str, allowed: fn(u8) -> bool) -> Option<()> {
    let end = text.bytes().position(|byte| !allowed(byte));
    let (word, params) = text.split_at_checked(end.unwrap_or(text.len()))?;
    if word.is_empty() {
        return None;
    }
    places.piece(word);
    places.params(&Params::parse(params).ok()?);
    Some(())
}

/// What a `token` is made of.
pub(super) fn token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

/// What a number is made of.
pub(super) fn digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

/// What a Call-ID is made of.
pub(super) fn call_id(byte: u8) -> bool {
    token(byte) || b"()<>:\\\"/[]?{}@".contains(&byte)
}

/// Kind of host, host and port.
pub(super) fn hostport(places: &mut Places, text: &str) -> Option<()> {
    let (host, port) = match text.rfind(':') {
        Some(at) if !text.ends_with(']') => (text.get(..at)?, text.get(at + 1..)),
        _ => (text, None),
    };
    places.number(host_kind(host)? as u32);
    places.lower(host);
    places.maybe_number(match port {
        Some(port) if !port.is_empty() && port.bytes().all(digit) => Some(port.parse().ok()?),
        Some(_) => return None,
        None => None,
    });
    Some(())
}

/// 0, version, status and reason of a response; 1, method, version and URI of a request.
pub(super) fn start_line(places: &mut Places, text: &str) -> Option<()> {
    let (first, rest) = text.split_once(' ')?;
    let (second, third) = rest.split_once(' ')?;
    if is_version(first) {
        let status = second.len() == 3 && second.bytes().all(digit);
        let reason = third.bytes().all(|byte| byte >= b' ' || byte == b'\t');
        places.number(0);
        for text in [first, second, third] {
            places.piece(text);
        }
        return (status && reason).then_some(());
    }
    if first.is_empty() || !first.bytes().all(token) || !is_version(third) {
        return None;
    }
    places.number(1);
    places.piece(first);
    places.piece(third);
    let uri = Uri::parse(second).ok()?;
    if uri.is_sip() {
        host_kind(uri.host()?)?;
    }
    uri_places(places, &uri);
    Some(())
}

fn is_version(text: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(digit);
    text.get(..4)
        .is_some_and(|name| name.eq_ignore_ascii_case("SIP/"))
        && text[4..]
            .split_once('.')
            .is_some_and(|(major, minor)| number(major) && number(minor))
}

/// Scheme; whether there is `//` and a host, and then its kind, the host and the port.
pub(super) fn absolute_uri(places: &mut Places, text: &str) -> Option<()> {
    let (scheme, rest) = text.split_once(':')?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.!~*'();/?:@&=+$,%[]".contains(&b);
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    if !named || rest.is_empty() || !rest.bytes().all(allowed) {
        return None;
    }
    places.piece(scheme);
    if let Some(rest) = rest.strip_prefix("//") {
        let authority = rest.split(['/', '?']).next()?;
        if !authority.is_empty() {
            places.number(1);
            return hostport(places, authority);
        }
    }
    places.number(0);
    Some(())
}
