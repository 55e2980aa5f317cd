//! `;name=value` parameters of header values and of URIs.

use std::borrow::Cow;
use std::fmt;

use crate::escape::same_ignoring_case;
use crate::text::{
    between, from, is_lws, is_token, quoted_end, skip, trim, unquote, without_end, write_quoted,
};

/// The parameters behind a header value (`;tag=4711`) or in a URI (`;transport=ws;lr`), read from
/// the text where they stand.
///
/// Names are compared without regard to case; in a URI, escapes are resolved first (RFC 3261
/// section 19.1.4).
#[derive(Clone, Default)]
pub struct Params<'a> {
    text: Cow<'a, str>,
    in_uri: bool,
}

impl<'a> Params<'a> {
    /// Parameters of a header value. `text` must have passed [`scan`].
    pub(crate) fn of_header(text: &'a str) -> Self {
        // Without a separator at the end, another parameter can be put behind.
        let text = without_end(text, is_separator);
        Params {
            text: Cow::Borrowed(text),
            in_uri: false,
        }
    }

    pub(crate) fn of_uri(text: &'a str) -> Self {
        Params {
            text: Cow::Borrowed(text),
            in_uri: true,
        }
    }

    /// Reads `;name=value;flag` from text.
    ///
    /// # Errors
    ///
    /// When a name is empty, a quoted string is open, or something else than parameters follows.
    pub fn parse(text: &'a str) -> Result<Params<'a>, crate::SyntaxError> {
        match scan(text) {
            Ok(end) if trim(from(text, end)).is_empty() => Ok(Params::of_header(text)),
            _ => Err(crate::SyntaxError::new(
                text,
                "a list of parameters, ;name=value;flag",
            )),
        }
    }

    /// The value of the first parameter of that name: `Some("")` for one without a value, quotes
    /// removed, quoted pairs and `%` escapes as they are written.
    pub fn get(&self, name: &str) -> Option<&str> {
        find(&self.text, self.in_uri, name)
    }

    fn names_match(&self, found: &str, name: &str) -> bool {
        names_match(self.in_uri, found, name)
    }

    /// Whether a parameter of that name is there.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Each parameter as it is written, quotes included, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        ParamIter {
            text: &self.text,
            at: 0,
        }
    }

    /// The same parameters with text of their own.
    pub fn into_owned(self) -> Params<'static> {
        Params {
            text: Cow::Owned(self.text.into_owned()),
            in_uri: self.in_uri,
        }
    }

    /// A copy with the parameter set. In a header value, a value that is no token is quoted.
    pub(crate) fn with(&self, name: &str, value: Option<&str>) -> Params<'static> {
        let mut text = String::with_capacity(self.text.len() + name.len() + 24);
        for (found, value) in self
            .iter()
            .filter(|(found, _)| !self.names_match(found, name))
        {
            push(&mut text, found, value);
        }
        text.push(';');
        text.push_str(name);
        if let Some(value) = value {
            text.push('=');
            if is_token(value) || is_host(value) {
                text.push_str(value);
            } else {
                // Writing into a String cannot fail.
                let _ = write_quoted(&mut text, value);
            }
        }
        Params {
            text: Cow::Owned(text),
            in_uri: self.in_uri,
        }
    }

    /// A copy without the parameter.
    pub(crate) fn without(&self, name: &str) -> Params<'static> {
        let mut text = String::with_capacity(self.text.len());
        for (found, value) in self
            .iter()
            .filter(|(found, _)| !self.names_match(found, name))
        {
            push(&mut text, found, value);
        }
        Params {
            text: Cow::Owned(text),
            in_uri: self.in_uri,
        }
    }
}

#[inline(always)]
fn is_separator(byte: u8) -> bool {
    byte == b';' || is_lws(byte)
}

fn names_match(in_uri: bool, found: &str, name: &str) -> bool {
    found.eq_ignore_ascii_case(name) || in_uri && same_ignoring_case(found, name)
}

/// The value of the first parameter of that name in the text, quotes removed.
pub(crate) fn find<'t>(text: &'t str, in_uri: bool, name: &str) -> Option<&'t str> {
    ParamIter { text, at: 0 }
        .find(|(found, _)| names_match(in_uri, found, name))
        .map(|(_, value)| value.map_or("", unquote))
}

/// `gen-value` may be a host, which holds the brackets and colons of an IPv6 address.
fn is_host(text: &str) -> bool {
    text.starts_with('[')
        && text.ends_with(']')
        && text
            .bytes()
            .all(|b| b.is_ascii_hexdigit() || matches!(b, b'[' | b']' | b':' | b'.'))
}

fn push(text: &mut String, name: &str, value: Option<&str>) {
    text.push(';');
    text.push_str(name);
    if let Some(value) = value {
        text.push('=');
        text.push_str(value);
    }
}

impl fmt::Display for Params<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.text)
    }
}

impl fmt::Debug for Params<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_map().entries(self.iter()).finish()
    }
}

struct ParamIter<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for ParamIter<'a> {
    type Item = (&'a str, Option<&'a str>);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        loop {
            let start = skip(bytes, at, is_separator);
            if start == bytes.len() {
                return None;
            }
            let name_end = skip(bytes, start, |byte| !matches!(byte, b';' | b'='));
            let name = trim(between(self.text, start, name_end));
            if bytes.get(name_end) != Some(&b'=') {
                self.at = name_end;
                return Some((name, None));
            }
            let value_start = skip(bytes, name_end + 1, is_lws);
            let quoted = match bytes.get(value_start) {
                Some(b'"') => quoted_end(from(self.text, value_start)),
                _ => None,
            };
            at = match quoted {
                Some(length) => value_start + length,
                None => skip(bytes, value_start, |byte| byte != b';'),
            };
            if !name.is_empty() {
                self.at = at;
                return Some((name, Some(trim(between(self.text, value_start, at)))));
            }
        }
    }
}

/// Walks over the parameters that start `text` and says where they end: at a comma, at something
/// that is no parameter, or at the end of the text. An error when a parameter is broken.
pub(crate) fn scan(text: &str) -> Result<usize, &'static str> {
    const EXPECTED: &str = "a value with parameters, ;name=value;flag";
    let bytes = text.as_bytes();
    let mut at = skip(bytes, 0, is_lws);
    while matches!(bytes.get(at), Some(b';')) {
        let name = skip(bytes, at + 1, is_lws);
        at = skip(bytes, name, |byte| {
            !is_lws(byte) && !matches!(byte, b';' | b',' | b'=' | b'"' | b'<' | b'>')
        });
        if at == name {
            // One separator too many at the very end is common and clear; others are not.
            return match bytes.get(at) {
                None | Some(b',') => Ok(at),
                Some(_) => Err(EXPECTED),
            };
        }
        at = skip(bytes, at, is_lws);
        if !matches!(bytes.get(at), Some(b'=')) {
            continue;
        }
        at = skip(bytes, at + 1, is_lws);
        if matches!(bytes.get(at), Some(b'"')) {
            at += quoted_end(from(text, at)).ok_or("a value with its quotes closed")?;
        } else {
            at = skip(bytes, at, |byte| {
                !is_lws(byte) && !matches!(byte, b';' | b',' | b'"')
            });
        }
        at = skip(bytes, at, is_lws);
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hide_separators_and_white_space_surrounds_them() {
        let text = ";a=1 ; flag;\r\n +sip.instance = \"<urn:uuid:1;2,3\\\"4>\";rport=;Q=0.5";
        let params = Params::parse(text).unwrap();
        assert_eq!(params.get("A"), Some("1"));
        assert_eq!(params.get("flag"), Some(""));
        assert_eq!(params.get("+SIP.instance"), Some("<urn:uuid:1;2,3\\\"4>"));
        assert_eq!(params.get("rport"), Some(""));
        assert_eq!(params.get("q"), Some("0.5"));
        assert_eq!(params.get("p"), None);
        assert_eq!(params.iter().count(), 5);
    }

    #[test]
    fn an_empty_parameter_or_an_open_quote_is_refused() {
        for text in [";;", ";a;;b", ";=x", ";a=\"x", ";a=1 b", "a"] {
            assert!(Params::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn one_separator_too_many_at_the_end_is_let_pass() {
        assert_eq!(Params::parse(";a=1; ").unwrap().to_string(), ";a=1");
        assert!(Params::parse(";").unwrap().is_empty());
        assert_eq!(Params::parse(";a=\";;\";").unwrap().get("a"), Some(";;"));
    }

    #[test]
    fn in_a_uri_escapes_are_resolved_before_names_are_compared() {
        assert!(Params::of_uri(";%6C%72;n%61me=v%61lue").has("lr"));
        assert!(!Params::of_header(";%6C%72").has("lr"));
    }

    #[test]
    fn setting_a_parameter_replaces_it_and_quotes_what_is_no_token() {
        let params = Params::of_header(";tag=1;x");
        assert_eq!(params.with("TAG", Some("2")).to_string(), ";x;TAG=2");
        assert_eq!(
            params.with("text", Some("a \"b\"")).to_string(),
            ";tag=1;x;text=\"a \\\"b\\\"\""
        );
        assert_eq!(params.without("x").to_string(), ";tag=1");
    }
}
