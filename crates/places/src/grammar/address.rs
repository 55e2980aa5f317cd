//! URIs and what holds them: `SIP_URI`, `From`, `Contact` and the like.

use std::net::{Ipv4Addr, Ipv6Addr};

use offhook_sip::{NameAddr, Scheme, Uri, split_list};

use crate::places::Places;

/// A URI that somebody typed. What comes from the network is taken as it comes; here nothing is
/// let through that RFC 3261 section 25.1 forbids.
pub(super) fn sip_uri(places: &mut Places, text: &str) -> Option<()> {
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
    uri_places(places, &uri);
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

/// Scheme (0 for any other, with its name), user with password, host, port, parameters and headers.
/// A `tel` URI has its number for a user and no host; of any other URI all behind the scheme is the
/// host.
pub(crate) fn uri_places(places: &mut Places, uri: &Uri<'_>) {
    match uri.scheme() {
        Scheme::Other(scheme) => {
            places.number(0);
            places.lower(scheme);
            places.piece("");
            places.maybe(uri.as_str().get(scheme.len() + 1..));
        }
        scheme => {
            places.number(match scheme {
                Scheme::Sip => 1,
                Scheme::Sips => 2,
                _ => 3,
            });
            match (uri.user(), uri.password()) {
                (Some(user), Some(password)) => places.through(user, password),
                (user, _) => places.maybe(user),
            }
            places.lower(uri.host().unwrap_or_default());
        }
    }
    places.maybe_number(uri.port());
    places.params(&uri.params());
    places.pairs(uri.headers().map(|(name, value)| (name, Some(value))));
}

/// What a host is.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum HostKind {
    Domain,
    Ipv4,
    Ipv6,
}

/// What a host is: `None` where it is none. Names with underscores are in use everywhere.
pub(super) fn host_kind(host: &str) -> Option<HostKind> {
    if let Some(inside) = host.strip_prefix('[') {
        let inside = inside.strip_suffix(']')?;
        return inside.parse::<Ipv6Addr>().ok().map(|_| HostKind::Ipv6);
    }
    if host.starts_with(|c: char| c.is_ascii_digit()) && host.parse::<Ipv4Addr>().is_ok() {
        return Some(HostKind::Ipv4);
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    // A label begins with a letter or a digit, and the last one with a letter.
    let (mut before, mut first_of_last) = (b'.', b'.');
    for byte in name.bytes() {
        let may_begin = byte.is_ascii_alphanumeric();
        if before == b'.' {
            first_of_last = byte;
        }
        if !may_begin && (before == b'.' || !matches!(byte, b'.' | b'-' | b'_')) {
            return None;
        }
        before = byte;
    }
    (before != b'.' && first_of_last.is_ascii_alphabetic()).then_some(HostKind::Domain)
}

/// An address that stands alone.
pub(super) fn address(places: &mut Places, text: &str) -> Option<()> {
    let address = NameAddr::parse(text).ok()?;
    address_places(places, text, &address);
    Some(())
}

/// The same, where there must be `<>` around the URI.
pub(super) fn bracketed(places: &mut Places, text: &str) -> Option<()> {
    let first = text.find(['<', '"', ';']);
    let is_bracketed = first.is_some_and(|at| !text[at..].starts_with(';'));
    is_bracketed.then(|| address(places, text))?
}

/// Display name, when there is one; URI and parameters.
pub(crate) fn address_places(places: &mut Places, text: &str, address: &NameAddr<'_>) {
    let is_quoted = text.trim_start().starts_with('"');
    let name = address.display_name.as_deref();
    // A quoted name may be there and empty.
    places.number(u32::from(is_quoted || name.is_some()));
    if is_quoted {
        places.maybe(name);
    } else if let Some(name) = name {
        words(places, name);
    }
    uri_places(places, &address.uri);
    places.params(&address.params);
}

/// A name of words has one space between them.
fn words(places: &mut Places, name: &str) {
    let mut before = b' ';
    let is_single = name.bytes().all(|byte| {
        let is_right = !byte.is_ascii_whitespace() || byte == b' ' && before != b' ';
        before = byte;
        is_right
    });
    if is_single {
        places.piece(name);
    } else {
        let mut text = String::new();
        for word in name.split_ascii_whitespace() {
            text.push_str(word);
            text.push(' ');
        }
        text.pop();
        places.other(&text);
    }
}

/// Each address of a list, with its place in the text before it, and a 1 before each.
pub(super) fn list(
    places: &mut Places,
    text: &str,
    one: fn(&mut Places, &str) -> Option<()>,
) -> Option<()> {
    let mut rest = Some(text);
    while let Some(here) = rest {
        // Most lists are of one.
        let (piece, behind) = match here.as_bytes().contains(&b',') {
            true => split_list(here),
            false => (here, None),
        };
        let value = piece.trim();
        places.number(1);
        places.piece(value);
        one(places, value)?;
        rest = behind;
    }
    places.number(0);
    Some(())
}
