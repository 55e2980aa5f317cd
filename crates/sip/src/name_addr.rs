//! `"Display name" <uri>;params`, the value of From, To, Contact, Route and many more.

use std::borrow::Cow;
use std::fmt;

use crate::error::SyntaxError;
use crate::params::{self, Params};
use crate::text::{from, quoted_end, skip, trim, trim_start, unescape_quoted, upto, write_quoted};
use crate::uri::Uri;

/// A `name-addr` or `addr-spec` with the parameters behind it (RFC 3261 section 20.10).
///
/// `Display` writes it with `<>` around the URI, and with the display name quoted and escaped.
///
/// ```
/// use offhook_sip::NameAddr;
///
/// let from = NameAddr::parse(r#""Bob \"B\" Jones" <sip:bob@example.com>;tag=a48s"#)?;
/// assert_eq!(from.display_name.as_deref(), Some(r#"Bob "B" Jones"#));
/// assert_eq!(from.uri.host(), Some("example.com"));
/// assert_eq!(from.tag(), Some("a48s"));
/// # Ok::<(), offhook_sip::SyntaxError>(())
/// ```
#[derive(Clone, Debug)]
pub struct NameAddr<'a> {
    /// The display name without quotes and escapes, when there is one that is not empty.
    pub display_name: Option<Cow<'a, str>>,
    /// The address.
    pub uri: Uri<'a>,
    /// The parameters behind the address; those inside `<>` belong to the URI.
    pub params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    /// Reads one value.
    ///
    /// # Errors
    ///
    /// When the text is no `name-addr` or `addr-spec`, or more follows it.
    pub fn parse(text: &'a str) -> Result<NameAddr<'a>, SyntaxError> {
        match Self::parse_first(text) {
            Ok((value, "")) => Ok(value),
            Ok(_) => Err(SyntaxError::new(text, "one address, \"Name\" <uri>;params")),
            Err(expected) => Err(SyntaxError::new(text, expected)),
        }
    }

    /// Reads the first value of a list; what follows it is empty or begins with a comma.
    pub(crate) fn parse_first(text: &'a str) -> Result<(NameAddr<'a>, &'a str), &'static str> {
        const EXPECTED: &str = "an address, \"Name\" <uri>;params";
        let text = trim_start(text);
        let bytes = text.as_bytes();
        let (display_name, rest) = match bytes.first() {
            Some(b'<') => (None, text),
            Some(b'"') => {
                let end = quoted_end(text).ok_or("an address with its quotes closed")?;
                let name = from(upto(text, end - 1), 1);
                let rest = trim_start(from(text, end));
                if !rest.starts_with('<') {
                    return Err("an address with <> around the URI, as a display name needs them");
                }
                ((!name.is_empty()).then(|| unescape_quoted(name)), rest)
            }
            _ => {
                let end = skip(bytes, 0, |byte| {
                    !matches!(byte, b'<' | b';' | b',' | b'"' | b'>')
                });
                if !matches!(bytes.get(end), Some(b'<')) {
                    return Self::addr_spec(text, end);
                }
                // Tokens by the grammar. Gateways write brackets, slashes and other scripts too, which
                // is clear enough; a comma is not (RFC 4475 section 3.1.2.15).
                let name = trim(upto(text, end));
                (Some(Cow::Borrowed(name)), from(text, end))
            }
        };
        let inside = from(rest, 1);
        let end =
            memchr::memchr(b'>', inside.as_bytes()).ok_or("an address with its > in place")?;
        let uri = Uri::parse_phrased(upto(inside, end))?;
        let behind = from(inside, end + 1);
        let (params, rest) = Self::params(behind).map_err(|_| EXPECTED)?;
        Ok((
            NameAddr {
                display_name,
                uri,
                params,
            },
            rest,
        ))
    }

    /// Without `<>` all parameters belong to the header, and the URI may hold no `?` (RFC 3261
    /// section 20).
    fn addr_spec(text: &'a str, end: usize) -> Result<(NameAddr<'a>, &'a str), &'static str> {
        let uri = trim(upto(text, end));
        if uri.contains('?') {
            return Err("an address with <> around the URI, as a question mark in it needs");
        }
        let uri = Uri::parse_phrased(uri)?;
        let (params, rest) = Self::params(from(text, end))?;
        Ok((
            NameAddr {
                display_name: None,
                uri,
                params,
            },
            rest,
        ))
    }

    fn params(text: &'a str) -> Result<(Params<'a>, &'a str), &'static str> {
        let end = params::scan(text)?;
        let rest = from(text, end);
        if !rest.is_empty() && !rest.starts_with(',') {
            return Err("an address with nothing but parameters behind it");
        }
        Ok((Params::of_header(trim(upto(text, end))), rest))
    }

    /// An address without display name and parameters.
    pub fn new(uri: Uri<'a>) -> Self {
        NameAddr {
            display_name: None,
            uri,
            params: Params::default(),
        }
    }

    /// The tag of a From or To (RFC 3261 section 19.3).
    pub fn tag(&self) -> Option<&str> {
        self.param("tag").filter(|tag| !tag.is_empty())
    }

    /// The value of a header parameter: `Some("")` for one without a value.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name)
    }

    /// The same address with this tag.
    #[must_use]
    pub fn with_tag(self, tag: &str) -> Self {
        self.with_param("tag", Some(tag))
    }

    /// The same address with this header parameter; a value that is no token is quoted.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: Option<&str>) -> Self {
        self.params = self.params.with(name, value);
        self
    }

    /// The same address without this header parameter.
    #[must_use]
    pub fn without_param(mut self, name: &str) -> Self {
        self.params = self.params.without(name);
        self
    }

    /// The same address with this display name; an empty one takes it away.
    #[must_use]
    pub fn with_display_name(mut self, name: impl Into<Cow<'a, str>>) -> Self {
        let name = name.into();
        self.display_name = (!name.is_empty()).then_some(name);
        self
    }

    /// The same address with text of its own.
    pub fn into_owned(self) -> NameAddr<'static> {
        NameAddr {
            display_name: self.display_name.map(|name| Cow::Owned(name.into_owned())),
            uri: self.uri.into_owned(),
            params: self.params.into_owned(),
        }
    }
}

impl fmt::Display for NameAddr<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.display_name {
            write_quoted(to, name)?;
            to.write_str(" ")?;
        }
        write!(to, "<{}>{}", self.uri, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> NameAddr<'_> {
        NameAddr::parse(text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn without_brackets_the_parameters_are_the_headers() {
        let to = read("sip:bob@example.com;tag=1");
        assert_eq!(to.tag(), Some("1"));
        assert_eq!(to.uri.as_str(), "sip:bob@example.com");
        assert_eq!(to.to_string(), "<sip:bob@example.com>;tag=1");
    }

    #[test]
    fn with_brackets_the_parameters_inside_are_the_uris() {
        let contact = read("<sip:a@b;alias=127.0.0.1~53116~5>;expires=60");
        assert_eq!(contact.uri.param("alias"), Some("127.0.0.1~53116~5"));
        assert_eq!(contact.param("alias"), None);
        assert_eq!(contact.param("expires"), Some("60"));
    }

    #[test]
    fn display_names_may_be_tokens_quoted_or_of_any_script() {
        assert_eq!(
            read("caller<sip:a@b>").display_name.as_deref(),
            Some("caller")
        );
        assert_eq!(
            read("T. Watson <sip:a@b>").display_name.as_deref(),
            Some("T. Watson")
        );
        assert_eq!(
            read("Жанна <sip:a@b>").display_name.as_deref(),
            Some("Жанна")
        );
        assert_eq!(
            read("+1 (555) 1/2 <sip:a@b>").display_name.as_deref(),
            Some("+1 (555) 1/2")
        );
        assert_eq!(read("\"\" <sip:a@b>").display_name, None);
        assert_eq!(
            read(r#""\\\"" <sip:a@b>"#).display_name.as_deref(),
            Some("\\\"")
        );
    }

    #[test]
    fn any_scheme_is_an_address() {
        assert_eq!(
            read("<tel:+15551230001>;tag=2").uri.user(),
            Some("+15551230001")
        );
        assert_eq!(read("tel:+15551230001;tag=2").tag(), Some("2"));
        assert_eq!(read("isbn:2983792873").uri.as_str(), "isbn:2983792873");
        assert_eq!(read("<http://www.example.com>;tag=1").tag(), Some("1"));
    }

    #[test]
    fn a_quoted_parameter_may_hold_every_separator() {
        let text = "<sip:a@b>;+sip.instance=\"<urn:uuid:f81d,4f;ae>\";q=0.7";
        assert_eq!(
            read(text).param("+sip.instance"),
            Some("<urn:uuid:f81d,4f;ae>")
        );
        let bare = "sip:a@b;+sip.instance=\"<urn:uuid:f81d,4f;ae>\";q=0.7";
        assert_eq!(read(bare).param("q"), Some("0.7"));
    }

    #[test]
    fn what_breaks_the_grammar_is_refused() {
        for text in [
            "",
            "\"Mr. J. User <sip:j.user@example.com>",
            "\"Watson, Thomas\" < sip:t.watson@example.org >",
            "Bell, Alexander <sip:a.g.bell@example.com>;tag=43",
            "\"Joe\" <sip:joe@example.org>;;;;",
            "sip:user@example.com?Route=%3Csip:sip.example.com%3E",
            "<sip:a@b> <sip:c@d>",
            "<sip:a@b>, <sip:c@d>",
            "<sip:a@b",
            "\"a\" sip:a@b",
        ] {
            assert!(NameAddr::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let written = read("<sip:a@b>")
            .with_display_name("a\"\\ é")
            .with_tag("t")
            .with_param("text", Some("x; y"));
        let text = written.to_string();
        let again = read(&text);
        assert_eq!(again.display_name.as_deref(), Some("a\"\\ é"));
        assert_eq!(again.tag(), Some("t"));
        assert_eq!(again.param("text"), Some("x; y"));
    }
}
