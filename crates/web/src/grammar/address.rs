//! URIs and what holds them: `SIP_URI`, `From`, `Contact` and the like.

use std::net::{Ipv4Addr, Ipv6Addr};

use offhook_sip::{NameAddr, Scheme, Uri, split_list};

use super::lines::Lines;

/// A URI that somebody typed. What comes from the network is taken as it comes; here nothing is
/// let through that RFC 3261 section 25.1 forbids.
pub(super) fn sip_uri(lines: &mut Lines, text: &str) -> Option<()> {
    let uri = Uri::parse(text).ok().filter(Uri::is_sip)?;
    host_kind(uri.host()?)?;
    let user = uri.user().unwrap_or_default();
    let password = uri.password().unwrap_or_default();
    let params = uri.params().to_string();
    let headers = text.split_once('?').map(|(_, headers)| headers);
    let allowed = user.bytes().all(|b| is_unreserved(b) || b"%&=+$,;?/".contains(&b))
        && password.bytes().all(|b| is_unreserved(b) || b"%&=+$,".contains(&b))
        && params.split(';').skip(1).all(is_param)
        // A question mark in the user part begins no headers.
        && (user.contains('?') || headers.is_none_or(|text| text.split('&').all(is_header)));
    if !allowed {
        return None;
    }
    uri_lines(lines, &uri);
    Some(())
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte)
}

fn is_param(text: &str) -> bool {
    let (name, value) = text.split_once('=').unwrap_or((text, "x"));
    [name, value].iter().all(|part| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| is_unreserved(b) || b"%[]/:&+$".contains(&b))
    })
}

fn is_header(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, value)| {
        let allowed = |b| is_unreserved(b) || b"%[]/?:+$".contains(&b);
        !name.is_empty() && name.bytes().chain(value.bytes()).all(allowed)
    })
}

/// Scheme, user with password, host, port, parameters and headers. A `tel` URI has its number for
/// a user and no host; of any other URI all behind the scheme is the host.
pub(super) fn uri_lines(lines: &mut Lines, uri: &Uri<'_>) {
    lines.text(&uri.scheme().as_str().to_ascii_lowercase());
    let host = match uri.scheme() {
        Scheme::Other(scheme) => uri.as_str().get(scheme.len() + 1..),
        _ => uri.host(),
    };
    match uri.password() {
        Some(password) => {
            lines.more(uri.user().unwrap_or_default());
            lines.more(":");
            lines.text(password);
        }
        None => lines.maybe(uri.user()),
    }
    match uri.is_sip() {
        true => lines.text(&host.unwrap_or_default().to_ascii_lowercase()),
        false => lines.maybe(host),
    }
    match uri.port() {
        Some(port) => lines.number(u32::from(port)),
        None => lines.text(""),
    }
    lines.params(&uri.params());
    lines.pairs(uri.headers().map(|(name, value)| (name, Some(value))));
}

/// What a host is: `None` where it is none. Names with underscores are in use everywhere.
pub(super) fn host_kind(host: &str) -> Option<&'static str> {
    if let Some(inside) = host.strip_prefix('[') {
        let inside = inside.strip_suffix(']')?;
        return inside.parse::<Ipv6Addr>().ok().map(|_| "IPv6");
    }
    if host.parse::<Ipv4Addr>().is_ok() {
        return Some("IPv4");
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let label = |label: &str| {
        let inside = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        label.starts_with(|c: char| c.is_ascii_alphanumeric()) && label.bytes().all(inside)
    };
    let last = name.rsplit('.').next()?;
    (name.split('.').all(label) && last.starts_with(|c: char| c.is_ascii_alphabetic()))
        .then_some("domain")
}

/// Display name behind a quote, URI and parameters of an address that stands alone.
pub(super) fn address(lines: &mut Lines, text: &str) -> Option<()> {
    let address = NameAddr::parse(text).ok()?;
    address_lines(lines, text, &address);
    Some(())
}

/// The same, where there must be `<>` around the URI.
pub(super) fn bracketed(lines: &mut Lines, text: &str) -> Option<()> {
    let first = text.find(['<', '"', ';']);
    let is_bracketed = first.is_some_and(|at| !text[at..].starts_with(';'));
    is_bracketed.then(|| address(lines, text))?
}

pub(super) fn address_lines(lines: &mut Lines, text: &str, address: &NameAddr<'_>) {
    let is_quoted = text.trim_start().starts_with('"');
    match &address.display_name {
        Some(name) if is_quoted => {
            lines.more("\"");
            lines.text(name);
        }
        // A name of words has one space between them.
        Some(name) => {
            let mut space = "\"";
            for word in name.split_ascii_whitespace() {
                lines.more(space);
                lines.more(word);
                space = " ";
            }
            lines.text("");
        }
        // A name may be there and empty.
        None => lines.text(if is_quoted { "\"" } else { "" }),
    }
    uri_lines(lines, &address.uri);
    lines.params(&address.params);
}

/// Each address of a list, with its place in the text before it.
pub(super) fn list(
    lines: &mut Lines,
    text: &str,
    one: fn(&mut Lines, &str) -> Option<()>,
) -> Option<()> {
    let mut rest = Some(text);
    let mut start = 0;
    while let Some(here) = rest {
        let (piece, behind) = split_list(here);
        let value = piece.trim();
        let begin = start + (piece.len() - piece.trim_start().len());
        lines.place(text, begin..begin + value.len());
        one(lines, value)?;
        start += piece.len() + 1;
        rest = behind;
    }
    Some(())
}
