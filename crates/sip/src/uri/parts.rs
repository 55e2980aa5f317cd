//! Finds the parts of a URI.

use super::error::Fault;
use crate::escape::escapes_are_whole;
use crate::text::{between, is_host_byte, is_uri_byte, number, skip, span, upto};

#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(super) enum Kind {
    Sip,
    Sips,
    Tel,
    Other,
}

impl Kind {
    fn of(scheme: &str) -> Kind {
        if scheme.eq_ignore_ascii_case("sip") {
            Kind::Sip
        } else if scheme.eq_ignore_ascii_case("sips") {
            Kind::Sips
        } else if scheme.eq_ignore_ascii_case("tel") {
            Kind::Tel
        } else {
            Kind::Other
        }
    }
}

/// Where the parts of a URI stand in its text.
#[derive(Copy, Clone)]
pub(super) struct Parts {
    pub(super) kind: Kind,
    pub(super) port: Option<u16>,
    pub(super) scheme_end: u32,
    pub(super) user_end: u32,
    pub(super) host_start: u32,
    pub(super) host_end: u32,
    pub(super) params_start: u32,
    pub(super) params_end: u32,
}

impl Parts {
    pub(super) fn read(text: &str) -> Result<Parts, Fault> {
        let bytes = text.as_bytes();
        if bytes.len() >= u32::MAX as usize {
            return Err(Fault::Host);
        }
        let scheme_end = match bytes {
            // Nearly every URI; the rest takes the general way.
            [b's', b'i', b'p', b':', ..] => 3,
            _ => {
                let end = span(text, |b| {
                    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')
                });
                if !bytes.first().is_some_and(u8::is_ascii_alphabetic)
                    || bytes.get(end) != Some(&b':')
                    || end + 1 == bytes.len()
                {
                    return Err(Fault::Scheme);
                }
                end
            }
        };
        if skip(bytes, scheme_end, is_uri_byte) < bytes.len() {
            return Err(Fault::Character);
        }
        let kind = match bytes {
            [b's', b'i', b'p', b':', ..] => Kind::Sip,
            _ => Kind::of(upto(text, scheme_end)),
        };
        match kind {
            Kind::Sip | Kind::Sips => Self::sip(text, kind, scheme_end),
            Kind::Tel => {
                let start = scheme_end + 1;
                let params = skip(bytes, start, |byte| byte != b';');
                if params == start {
                    return Err(Fault::User);
                }
                let end = bytes.len();
                Ok(Self::at(
                    kind,
                    None,
                    [scheme_end, params, params, params, params, end],
                ))
            }
            Kind::Other => {
                let end = bytes.len();
                Ok(Self::at(
                    kind,
                    None,
                    [scheme_end, scheme_end, end, end, end, end],
                ))
            }
        }
    }

    fn sip(text: &str, kind: Kind, scheme_end: usize) -> Result<Parts, Fault> {
        let bytes = text.as_bytes();
        if !escapes_are_whole(text) {
            return Err(Fault::Escape);
        }
        let start = scheme_end + 1;
        let (user_end, host_start) = match memchr::memchr(b'@', &bytes[start..]) {
            Some(0) => return Err(Fault::User),
            Some(at) => {
                let user_end = skip(&bytes[..start + at], start, |byte| byte != b':');
                if user_end == start {
                    return Err(Fault::User);
                }
                (user_end, start + at + 1)
            }
            None => (scheme_end, start),
        };
        let host_end = if matches!(bytes.get(host_start), Some(b'[')) {
            let end = skip(bytes, host_start + 1, |b| {
                b.is_ascii_hexdigit() || matches!(b, b':' | b'.')
            });
            if bytes.get(end) != Some(&b']') || end == host_start + 1 {
                return Err(Fault::Host);
            }
            end + 1
        } else {
            skip(bytes, host_start, is_host_byte)
        };
        if host_end == host_start {
            return Err(Fault::Host);
        }
        let (port, params_start) = match bytes.get(host_end) {
            Some(b':') => {
                let end = skip(bytes, host_end + 1, |byte| byte.is_ascii_digit());
                let digits = between(text, host_end + 1, end);
                (Some(number(digits).ok_or(Fault::Port)?), end)
            }
            _ => (None, host_end),
        };
        let params_end = match bytes.get(params_start) {
            None | Some(b'?') => params_start,
            Some(b';') => skip(bytes, params_start, |byte| byte != b'?'),
            Some(_) if port.is_some() => return Err(Fault::Port),
            Some(_) => return Err(Fault::Host),
        };
        Ok(Self::at(
            kind,
            port,
            [
                scheme_end,
                user_end,
                host_start,
                host_end,
                params_start,
                params_end,
            ],
        ))
    }

    fn at(kind: Kind, port: Option<u16>, ends: [usize; 6]) -> Parts {
        // `read` has refused texts that do not fit.
        let [
            scheme_end,
            user_end,
            host_start,
            host_end,
            params_start,
            params_end,
        ] = ends.map(|end| end as u32);
        Parts {
            kind,
            port,
            scheme_end,
            user_end,
            host_start,
            host_end,
            params_start,
            params_end,
        }
    }
}
