//! The character classes and small scanners that the grammar of RFC 3261 section 25.1 is made of.

use std::borrow::Cow;

const TOKEN: u8 = 1;
const URI: u8 = 2;
const USER: u8 = 4;
const HEADER: u8 = 8;
const PARAM: u8 = 16;
const HOST: u8 = 32;

/// One byte of classes for each byte value; a table look-up costs the same for every class.
static CLASS: [u8; 256] = {
    let mut class = [0u8; 256];
    let mut at = 0usize;
    while at < 256 {
        let byte = at as u8;
        let alphanumeric = byte.is_ascii_alphanumeric();
        let mut bits = 0;
        if alphanumeric
            || matches!(
                byte,
                b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
            )
        {
            bits |= TOKEN;
        }
        // What may stand in a URI that came from the network: everything but controls, space and
        // the delimiters that would end the URI where it stands.
        if byte > b' ' && byte != 0x7f && !matches!(byte, b'<' | b'>' | b'"') {
            bits |= URI;
        }
        let unreserved = alphanumeric
            || matches!(
                byte,
                b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')'
            );
        if unreserved || matches!(byte, b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/') {
            bits |= USER;
        }
        if unreserved || matches!(byte, b'[' | b']' | b'/' | b'?' | b':' | b'+' | b'$') {
            bits |= HEADER;
        }
        if unreserved || matches!(byte, b'[' | b']' | b'/' | b':' | b'&' | b'+' | b'$') {
            bits |= PARAM;
        }
        // The underscore is no host character, yet names with it are in use everywhere.
        if alphanumeric || matches!(byte, b'-' | b'.' | b'_') || byte >= 0x80 {
            bits |= HOST;
        }
        class[at] = bits;
        at += 1;
    }
    class
};

#[inline(always)]
fn has(byte: u8, class: u8) -> bool {
    CLASS[byte as usize] & class != 0
}

/// `token` characters.
#[inline(always)]
pub(crate) fn is_token_byte(byte: u8) -> bool {
    has(byte, TOKEN)
}

/// Characters that a received URI may hold.
#[inline(always)]
pub(crate) fn is_uri_byte(byte: u8) -> bool {
    has(byte, URI)
}

/// Characters of a user part that need no escape.
pub(crate) fn is_user_byte(byte: u8) -> bool {
    has(byte, USER)
}

/// Characters of a URI header value that need no escape.
pub(crate) fn is_uri_header_byte(byte: u8) -> bool {
    has(byte, HEADER)
}

/// Characters of a URI parameter that need no escape.
pub(crate) fn is_uri_param_byte(byte: u8) -> bool {
    has(byte, PARAM)
}

/// Characters of a host name.
#[inline(always)]
pub(crate) fn is_host_byte(byte: u8) -> bool {
    has(byte, HOST)
}

/// Whether `text` is a `token` (RFC 3261 section 25.1): at least one character, all of them token
/// characters.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// White space inside a header value. A fold's CR and LF count: the value may still hold them
/// when it is looked at before the fold is blanked.
#[inline(always)]
pub(crate) fn is_lws(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// `text` without white space at its start.
pub(crate) fn trim_start(text: &str) -> &str {
    // Most values start with none, or with one space.
    match text.as_bytes() {
        [first, ..] if is_lws(*first) => from(text, span(text, is_lws)),
        _ => text,
    }
}

/// `text` without white space at either end. Most pieces have none.
#[inline(always)]
pub(crate) fn trim(text: &str) -> &str {
    match text.as_bytes() {
        [first, .., last] if !is_lws(*first) && !is_lws(*last) => text,
        _ => without_end(trim_start(text), is_lws),
    }
}

/// The text without the bytes of this ASCII class at its end.
pub(crate) fn without_end(text: &str, class: fn(u8) -> bool) -> &str {
    let gone = text.bytes().rev().take_while(|byte| class(*byte)).count();
    upto(text, text.len() - gone)
}

/// The text behind `text`'s first `count` bytes; empty when that is no place to cut.
#[inline(always)]
pub(crate) fn from(text: &str, count: usize) -> &str {
    text.get(count..).unwrap_or_default()
}

/// `text`'s first `count` bytes; empty when that is no place to cut.
#[inline(always)]
pub(crate) fn upto(text: &str, count: usize) -> &str {
    text.get(..count).unwrap_or_default()
}

/// The text from one byte to another; empty when these are no places to cut.
#[inline(always)]
pub(crate) fn between(text: &str, start: usize, end: usize) -> &str {
    text.get(start..end).unwrap_or_default()
}

/// The number of leading bytes of `text` that `class` accepts.
pub(crate) fn span(text: &str, class: impl Fn(u8) -> bool) -> usize {
    skip(text.as_bytes(), 0, class)
}

/// The index from `at` on of the first byte that `class` does not accept. A plain loop: every
/// letter of a message comes through here, and where the compiler is told to make little code it
/// makes calls of iterators.
#[inline(always)]
pub(crate) fn skip(bytes: &[u8], mut at: usize, class: impl Fn(u8) -> bool) -> usize {
    while at < bytes.len() && class(bytes[at]) {
        at += 1;
    }
    at
}

/// Where the quoted string that starts `text` ends: the index behind its closing quote.
pub(crate) fn quoted_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        // A quoted pair: the next character is text, whatever it is.
        at += 2;
    }
}

/// What stands between the quotes, quoted pairs kept; `text` itself when it is not quoted.
pub(crate) fn unquote(text: &str) -> &str {
    text.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text)
}

/// `text` with its quoted pairs resolved.
pub(crate) fn unescape_quoted(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.extend(characters.next()),
            _ => plain.push(character),
        }
    }
    Cow::Owned(plain)
}

/// Writes `text` as a quoted string.
pub(crate) fn write_quoted(to: &mut impl std::fmt::Write, text: &str) -> std::fmt::Result {
    to.write_char('"')?;
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            to.write_char('\\')?;
        }
        to.write_char(character)?;
    }
    to.write_char('"')
}

/// Splits the first element from a comma list (RFC 3261 section 7.3): it, and what is behind its
/// comma, where there is one. Commas in quoted strings and in `<>` do not count.
pub fn split_list(text: &str) -> (&str, Option<&str>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b',' => return (upto(text, at), Some(from(text, at + 1))),
            b'"' => match quoted_end(from(text, at)) {
                Some(length) => at += length,
                None => return (text, None),
            },
            b'<' => match memchr::memchr(b'>', &bytes[at..]) {
                Some(length) => at += length + 1,
                None => return (text, None),
            },
            _ => at += 1,
        }
    }
    (text, None)
}

/// A decimal number without sign, as every numeric header wants it.
pub(crate) fn number<N: TryFrom<u64>>(text: &str) -> Option<N> {
    if text.is_empty() {
        return None;
    }
    N::try_from(text.bytes().try_fold(0, digit)?).ok()
}

/// A number with one more digit.
fn digit(number: u64, digit: u8) -> Option<u64> {
    let value = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
    // `checked_mul` would calculate with 128 bits.
    (number <= u64::MAX / 10)
        .then_some(number.wrapping_mul(10))?
        .checked_add(value)
}

/// A decimal number of seconds. RFC 3261 section 20.19 bounds it at 2^32 - 1; a longer one means
/// "as long as can be", not an error.
pub(crate) fn seconds(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(number(text).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_string_ends_at_its_unescaped_quote() {
        assert_eq!(quoted_end(r#""a\"b" rest"#), Some(6));
        assert_eq!(quoted_end(r#""a\\" rest"#), Some(5));
        assert_eq!(quoted_end(r#""never closed"#), None);
        assert_eq!(quoted_end(r#""ends in a backslash\"#), None);
        assert_eq!(quoted_end("none"), None);
    }

    #[test]
    fn commas_in_quotes_and_brackets_do_not_split() {
        let (first, rest) = split_list(r#""a,b" <sip:a,b@c>;x="d,e", second"#);
        assert_eq!(first, r#""a,b" <sip:a,b@c>;x="d,e""#);
        assert_eq!(rest, Some(" second"));
    }

    #[test]
    fn numbers_take_digits_only() {
        assert_eq!(number::<u32>("0070"), Some(70));
        assert_eq!(number::<u32>("+70"), None);
        assert_eq!(number::<u32>(""), None);
        assert_eq!(number::<u32>("4294967296"), None);
        assert_eq!(seconds("99999999999"), Some(u32::MAX));
    }
}
