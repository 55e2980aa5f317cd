//! Header values that hold no address, start lines, and URIs of other schemes.

use offhook_sip::{CSeq, Challenge, Params, TypedHeader, Uri, Via, split_list};

use super::address::{host_kind, uri_lines};
use super::lines::Lines;

/// Protocol, transport, host with its kind, port, and parameters: of the first, which is ours.
pub(super) fn via(lines: &mut Lines, text: &str) -> Option<()> {
    via_lines(lines, &Via::parse(split_list(text).0.trim()).ok()?)
}

pub(super) fn via_lines(lines: &mut Lines, via: &Via<'_>) -> Option<()> {
    let kind = host_kind(via.host)?;
    for text in [via.protocol, via.transport, via.host, kind] {
        lines.text(text);
    }
    match via.port {
        Some(port) => lines.number(u32::from(port)),
        None => lines.text(""),
    }
    lines.params(&via.params);
    Some(())
}

/// Number and method.
pub(super) fn cseq(lines: &mut Lines, text: &str) -> Option<()> {
    let cseq = CSeq::parse(text).ok()?;
    lines.number(cseq.number);
    lines.text(cseq.method.as_str());
    Some(())
}

/// Scheme and pairs, values without quotes.
pub(super) fn challenge(lines: &mut Lines, text: &str) -> Option<()> {
    let challenge = Challenge::parse(text).ok()?;
    challenge.params.iter().next()?;
    lines.text(challenge.scheme);
    for (name, value) in challenge.params.iter() {
        lines.text(name);
        lines.text(&value);
    }
    Some(())
}

/// A word, of characters that `allowed` accepts, and its parameters.
pub(super) fn word(lines: &mut Lines, text: &str, allowed: fn(u8) -> bool) -> Option<()> {
    let end = text.bytes().position(|byte| !allowed(byte));
    let (word, params) = text.split_at_checked(end.unwrap_or(text.len()))?;
    if word.is_empty() {
        return None;
    }
    lines.text(word);
    lines.params(&Params::parse(params).ok()?);
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
pub(super) fn hostport(lines: &mut Lines, text: &str) -> Option<()> {
    let (host, port) = match text.rfind(':') {
        Some(at) if !text.ends_with(']') => (text.get(..at)?, text.get(at + 1..)),
        _ => (text, None),
    };
    lines.text(host_kind(host)?);
    lines.text(&host.to_ascii_lowercase());
    if let Some(port) = port {
        let digits = !port.is_empty() && port.bytes().all(digit);
        lines.number(u32::from(digits.then(|| port.parse::<u16>().ok())??));
    } else {
        lines.text("");
    }
    Some(())
}

/// Version, status and reason of a response; method, version and URI of a request.
pub(super) fn start_line(lines: &mut Lines, text: &str) -> Option<()> {
    let (first, rest) = text.split_once(' ')?;
    let (second, third) = rest.split_once(' ')?;
    if is_version(first) {
        let status = second.len() == 3 && second.bytes().all(digit);
        let reason = third.bytes().all(|byte| byte >= b' ' || byte == b'\t');
        for text in ["", first, second, third] {
            lines.text(text);
        }
        return (status && reason).then_some(());
    }
    if first.is_empty() || !first.bytes().all(token) || !is_version(third) {
        return None;
    }
    lines.text(first);
    lines.text(third);
    let uri = Uri::parse(second).ok()?;
    if uri.is_sip() {
        host_kind(uri.host()?)?;
    }
    uri_lines(lines, &uri);
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

/// Scheme; kind of host, host and port behind it, where there is `//` and a host.
pub(super) fn absolute_uri(lines: &mut Lines, text: &str) -> Option<()> {
    let (scheme, rest) = text.split_once(':')?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.!~*'();/?:@&=+$,%[]".contains(&b);
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    if !named || rest.is_empty() || !rest.bytes().all(allowed) {
        return None;
    }
    lines.text(scheme);
    if let Some(rest) = rest.strip_prefix("//") {
        let authority = rest.split(['/', '?']).next()?;
        if !authority.is_empty() {
            return hostport(lines, authority);
        }
    }
    Some(())
}
