//! `%XX` escapes in URIs (RFC 3261 section 25.1).

use std::borrow::Cow;

use crate::text::{is_uri_header_byte, is_uri_param_byte, is_user_byte};

#[inline(never)]
fn escape(text: &str, keep: fn(u8) -> bool) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if keep(byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            escaped.push(char::from(HEX[usize::from(byte >> 4)]));
            escaped.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    escaped
}

/// `text` as the user part of a SIP URI.
///
/// ```
/// assert_eq!(offhook_sip::escape_user("j@ne doe"), "j%40ne%20doe");
/// ```
pub fn escape_user(text: &str) -> String {
    escape(text, is_user_byte)
}

/// `text` as the name or value of a header in a SIP URI (`sip:bob@example.com?subject=…`).
pub fn escape_header_value(text: &str) -> String {
    escape(text, is_uri_header_byte)
}

/// `text` as the name or value of a parameter of a SIP URI.
pub(crate) fn escape_param(text: &str) -> String {
    escape(text, is_uri_param_byte)
}

/// `text` with its escapes resolved. An escape that is none (`%Z%`) and one that would break UTF-8
/// stay as they are written.
pub fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let Some((&first, rest)) = bytes.split_first() {
        match (first, escaped_byte(bytes)) {
            (b'%', Some(byte)) => {
                plain.push(byte);
                bytes = &rest[2..];
            }
            _ => {
                plain.push(first);
                bytes = rest;
            }
        }
    }
    match String::from_utf8(plain) {
        Ok(plain) => Cow::Owned(plain),
        Err(_) => Cow::Borrowed(text),
    }
}

/// The byte that the escape at the start of `bytes` stands for.
fn escaped_byte(bytes: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = bytes else {
        return None;
    };
    let high = char::from(*high).to_digit(16)?;
    let low = char::from(*low).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

/// Whether every `%` of `text` begins an escape.
pub(crate) fn escapes_are_whole(text: &str) -> bool {
    memchr::memchr_iter(b'%', text.as_bytes())
        .all(|at| escaped_byte(&text.as_bytes()[at..]).is_some())
}

/// Whether two pieces of URI mean the same characters.
pub(crate) fn same(left: &str, right: &str) -> bool {
    left == right || unescape(left) == unescape(right)
}

/// Whether two pieces of URI mean the same characters without regard to case.
pub(crate) fn same_ignoring_case(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right) || unescape(left).eq_ignore_ascii_case(&unescape(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_comes_back() {
        let text = "sips:user@example.com, \0\r\n é %";
        assert_eq!(unescape(&escape_user(text)), text);
        assert_eq!(unescape(&escape_header_value(text)), text);
        assert_eq!(unescape(&escape_param(text)), text);
    }

    #[test]
    fn a_percent_sign_that_escapes_nothing_stays() {
        assert_eq!(unescape("%Z%45%4"), "%ZE%4");
        assert_eq!(unescape("%ff"), "%ff");
        assert!(!escapes_are_whole("%Z%45"));
        assert!(escapes_are_whole("%5a%45"));
    }
}
