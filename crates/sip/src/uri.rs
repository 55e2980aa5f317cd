//! URIs: `sip`, `sips` and `tel` taken apart, any other scheme kept as text.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use crate::error::Shown;
use crate::escape::{escapes_are_whole, same, unescape};
use crate::params::{self, Params};
use crate::text::{is_host_byte, is_uri_byte, number, span, upto};

/// A URI's scheme.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub enum Scheme<'a> {
    /// `sip` (RFC 3261 section 19.1).
    Sip,
    /// `sips` (RFC 3261 section 19.1).
    Sips,
    /// `tel` (RFC 3966).
    Tel,
    /// Any other scheme, as it is written.
    Other(&'a str),
}

impl Scheme<'_> {
    /// The scheme in lower case; another one as it is written.
    pub fn as_str(&self) -> &str {
        match self {
            Scheme::Sip => "sip",
            Scheme::Sips => "sips",
            Scheme::Tel => "tel",
            Scheme::Other(text) => text,
        }
    }
}

impl fmt::Display for Scheme<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.as_str())
    }
}

#[derive(Copy, Clone, Eq, PartialEq, Debug)]
enum Kind {
    Sip,
    Sips,
    Tel,
    Other,
}

/// Why a text is no URI.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum UriError {
    /// No `scheme:` at its start, or nothing behind it.
    Scheme(Box<str>),
    /// An empty user part: `sip:@host`.
    User(Box<str>),
    /// The host is empty or no host name, IPv4 address or IPv6 address in brackets.
    Host(Box<str>),
    /// The port is no number of 0 to 65535.
    Port(Box<str>),
    /// White space, a control character, `<`, `>` or `"`.
    Character(Box<str>),
    /// A `%` that is not followed by two hexadecimal digits.
    Escape(Box<str>),
    /// A part was to be set that URIs of this scheme do not have.
    NotHierarchical(Box<str>),
}

impl fmt::Display for UriError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UriError::Scheme(text) => {
                write!(to, "{} has no scheme; write sip:user@host", Shown(text))
            }
            UriError::User(text) => {
                write!(
                    to,
                    "{} has nothing before its @; write sip:user@host",
                    Shown(text)
                )
            }
            UriError::Host(text) => write!(
                to,
                "{} has no host; write sip:user@host with a name, an IPv4 address or an IPv6 \
                 address in brackets",
                Shown(text)
            ),
            UriError::Port(text) => {
                write!(to, "the port of {} is no number of 0 to 65535", Shown(text))
            }
            UriError::Character(text) => write!(
                to,
                "{} holds a space, a control character or one of <>\"; escape it as %XX",
                Shown(text)
            ),
            UriError::Escape(text) => write!(
                to,
                "{} holds a % without two hexadecimal digits behind it; write %25",
                Shown(text)
            ),
            UriError::NotHierarchical(text) => {
                write!(
                    to,
                    "{} has no such part; only sip and sips URIs have",
                    Shown(text)
                )
            }
        }
    }
}

impl std::error::Error for UriError {}

#[derive(Copy, Clone)]
enum Fault {
    Scheme,
    User,
    Host,
    Port,
    Character,
    Escape,
}

impl Fault {
    fn expected(self) -> &'static str {
        match self {
            Fault::Scheme => "an address whose URI has a scheme",
            Fault::User => "an address whose URI has a user before its @",
            Fault::Host => "an address whose URI has a host",
            Fault::Port => "an address whose URI has a port of 0 to 65535",
            Fault::Character => "an address whose URI holds no spaces and controls",
            Fault::Escape => "an address whose URI has two hexadecimal digits behind each %",
        }
    }

    fn error(self, text: &str) -> UriError {
        let text = text.into();
        match self {
            Fault::Scheme => UriError::Scheme(text),
            Fault::User => UriError::User(text),
            Fault::Host => UriError::Host(text),
            Fault::Port => UriError::Port(text),
            Fault::Character => UriError::Character(text),
            Fault::Escape => UriError::Escape(text),
        }
    }
}

/// A URI (RFC 3261 section 19.1, RFC 3966), read in place; its text is kept as it came.
///
/// Two of them are `==` when their texts are the same; see [`Uri::equivalent`] for what SIP calls
/// the same URI.
///
/// ```
/// use offhook_sip::{Scheme, Uri};
///
/// let uri = Uri::parse("sip:alice@[2001:db8::1]:5061;transport=tls?subject=hi")?;
/// assert_eq!(uri.scheme(), Scheme::Sip);
/// assert_eq!(uri.user(), Some("alice"));
/// assert_eq!(uri.host(), Some("[2001:db8::1]"));
/// assert_eq!(uri.port(), Some(5061));
/// assert_eq!(uri.param("transport"), Some("tls"));
/// # Ok::<(), offhook_sip::UriError>(())
/// ```
#[derive(Clone)]
pub struct Uri<'a> {
    text: Cow<'a, str>,
    parts: Parts,
}

impl<'a> Uri<'a> {
    /// Reads a URI.
    ///
    /// # Errors
    ///
    /// When there is no scheme, when a character may not stand in a URI, and, for `sip` and
    /// `sips`, when the host or the port is none. Other schemes are kept as text.
    pub fn parse(text: &'a str) -> Result<Uri<'a>, UriError> {
        Self::read(Cow::Borrowed(text)).map_err(|(fault, text)| fault.error(&text))
    }

    pub(crate) fn parse_phrased(text: &'a str) -> Result<Uri<'a>, &'static str> {
        Self::read(Cow::Borrowed(text)).map_err(|(fault, _)| fault.expected())
    }

    fn parse_owned(text: String) -> Result<Uri<'static>, UriError> {
        Uri::read(Cow::Owned(text)).map_err(|(fault, text)| fault.error(&text))
    }

    fn read(text: Cow<'a, str>) -> Result<Uri<'a>, (Fault, Cow<'a, str>)> {
        match Parts::read(&text) {
            Ok(parts) => Ok(Uri { text, parts }),
            Err(fault) => Err((fault, text)),
        }
    }

    /// The same URI with text of its own.
    pub fn into_owned(self) -> Uri<'static> {
        match self.text {
            Cow::Owned(text) => Uri {
                text: Cow::Owned(text),
                parts: self.parts,
            },
            Cow::Borrowed(text) => Uri {
                text: Cow::Owned(text.to_owned()),
                parts: self.parts,
            },
        }
    }

    fn to_owned_uri(&self) -> Uri<'static> {
        Uri {
            text: Cow::Owned(self.text.to_string()),
            parts: self.parts,
        }
    }

    /// The URI as it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn slice(&self, start: u32, end: u32) -> &str {
        self.text
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme<'_> {
        match self.parts.kind {
            Kind::Sip => Scheme::Sip,
            Kind::Sips => Scheme::Sips,
            Kind::Tel => Scheme::Tel,
            Kind::Other => Scheme::Other(self.slice(0, self.parts.scheme_end)),
        }
    }

    /// Whether it is a `sip` or `sips` URI.
    pub fn is_sip(&self) -> bool {
        matches!(self.parts.kind, Kind::Sip | Kind::Sips)
    }

    /// The user part as it is written, escapes included; the number of a `tel` URI.
    pub fn user(&self) -> Option<&str> {
        let start = self.parts.scheme_end + 1;
        (self.parts.user_end > start).then(|| self.slice(start, self.parts.user_end))
    }

    /// The user part with its escapes resolved.
    pub fn user_unescaped(&self) -> Option<Cow<'_, str>> {
        self.user().map(unescape)
    }

    /// The password as it is written. RFC 3261 section 19.1.1 advises against its use.
    pub fn password(&self) -> Option<&str> {
        let (start, end) = (
            self.parts.user_end + 1,
            self.parts.host_start.saturating_sub(1),
        );
        (self.is_sip() && self.user().is_some() && start <= end).then(|| self.slice(start, end))
    }

    /// The host of a `sip` or `sips` URI; an IPv6 address keeps its brackets.
    pub fn host(&self) -> Option<&str> {
        self.is_sip()
            .then(|| self.slice(self.parts.host_start, self.parts.host_end))
    }

    /// The host as an address, when it is one.
    pub fn host_ip(&self) -> Option<IpAddr> {
        let host = self.host()?;
        match host
            .strip_prefix('[')
            .and_then(|inside| inside.strip_suffix(']'))
        {
            Some(inside) => match inside.parse() {
                Ok(address) => Some(IpAddr::V6(address)),
                // The grammar of RFC 3261 lets a third colon stand before an IPv4 tail (RFC 5118
                // section 4.10).
                Err(_) => inside.replacen(":::", "::", 1).parse().ok().map(IpAddr::V6),
            },
            None => host.parse().ok().map(IpAddr::V4),
        }
    }

    /// The port, when one is written.
    pub fn port(&self) -> Option<u16> {
        self.parts.port
    }

    /// The parameters of a `sip`, `sips` or `tel` URI.
    pub fn params(&self) -> Params<'_> {
        Params::of_uri(self.slice(self.parts.params_start, self.parts.params_end))
    }

    /// The value of a URI parameter: `Some("")` for one without a value.
    pub fn param(&self, name: &str) -> Option<&str> {
        params::find(
            self.slice(self.parts.params_start, self.parts.params_end),
            true,
            name,
        )
    }

    /// The headers behind `?`, names and values as they are written.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers_text()
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }

    fn headers_text(&self) -> &str {
        self.text
            .get(self.parts.params_end as usize + 1..)
            .unwrap_or_default()
    }

    /// Whether the `lr` parameter is there (RFC 3261 section 19.1.1).
    pub fn is_loose_router(&self) -> bool {
        self.params().has("lr")
    }

    /// Whether both are the same URI by the rules of RFC 3261 section 19.1.4 (`sip`, `sips`) and
    /// RFC 3966 section 4 (`tel`); other schemes by their text, the scheme in any case.
    pub fn equivalent(&self, other: &Uri<'_>) -> bool {
        if self.parts.kind != other.parts.kind {
            return false;
        }
        match self.parts.kind {
            Kind::Sip | Kind::Sips => {
                optionally(self.user(), other.user(), same)
                    && optionally(self.password(), other.password(), same)
                    && optionally(self.host(), other.host(), str::eq_ignore_ascii_case)
                    && self.parts.port == other.parts.port
                    && params_match(&self.params(), &other.params())
                    && params_match(&other.params(), &self.params())
                    && headers_match(self, other)
                    && headers_match(other, self)
            }
            Kind::Tel => {
                let digits = |uri: &Uri<'_>| -> String {
                    uri.user()
                        .unwrap_or_default()
                        .chars()
                        .filter(|character| !matches!(character, '-' | '.' | '(' | ')'))
                        .map(|character| character.to_ascii_lowercase())
                        .collect()
                };
                let all_match = |left: &Params<'_>, right: &Params<'_>| {
                    left.iter().all(|(name, value)| {
                        right
                            .get(name)
                            .is_some_and(|found| found.eq_ignore_ascii_case(value.unwrap_or("")))
                    })
                };
                digits(self) == digits(other)
                    && all_match(&self.params(), &other.params())
                    && all_match(&other.params(), &self.params())
            }
            Kind::Other => {
                self.scheme()
                    .as_str()
                    .eq_ignore_ascii_case(other.scheme().as_str())
                    && self.text.get(self.parts.scheme_end as usize..)
                        == other.text.get(other.parts.scheme_end as usize..)
            }
        }
    }

    /// `scheme:user@host[:port]`: no password, parameters or headers, the host in lower case. A
    /// `tel` URI without its parameters; another one as it is written.
    pub fn address_of_record(&self) -> String {
        match self.parts.kind {
            Kind::Sip | Kind::Sips => {
                let mut text = format!("{}:", self.scheme());
                if let Some(user) = self.user() {
                    text.push_str(user);
                    text.push('@');
                }
                text.push_str(&self.host().unwrap_or_default().to_ascii_lowercase());
                if let Some(port) = self.parts.port {
                    text.push_str(&format!(":{port}"));
                }
                text
            }
            Kind::Tel => format!("tel:{}", self.user().unwrap_or_default()),
            Kind::Other => self.text.to_string(),
        }
    }

    fn rebuilt(&self, head: &str, params: &str, headers: &str) -> Result<Uri<'static>, UriError> {
        let mark = if headers.is_empty() { "" } else { "?" };
        Uri::parse_owned(format!("{head}{params}{mark}{headers}"))
    }

    fn head(&self) -> &str {
        self.slice(0, self.parts.params_start)
    }

    /// The same URI with this parameter; one of that name is replaced. Name and value are escaped.
    ///
    /// # Errors
    ///
    /// [`UriError::NotHierarchical`] when URIs of this scheme have no parameters that we know.
    pub fn with_param(&self, name: &str, value: Option<&str>) -> Result<Uri<'static>, UriError> {
        if self.parts.kind == Kind::Other || name.is_empty() {
            return Err(UriError::NotHierarchical(self.as_str().into()));
        }
        let mut params = self.params().without(name).to_string();
        params.push(';');
        params.push_str(&crate::escape::escape_param(name));
        if let Some(value) = value {
            params.push('=');
            params.push_str(&crate::escape::escape_param(value));
        }
        self.rebuilt(self.head(), &params, self.headers_text())
    }

    /// The same URI without this parameter.
    pub fn without_param(&self, name: &str) -> Uri<'static> {
        let params = self.params().without(name).to_string();
        self.rebuilt(self.head(), &params, self.headers_text())
            .unwrap_or_else(|_| self.to_owned_uri())
    }

    /// The same URI without `?` and what follows it.
    pub fn without_headers(&self) -> Uri<'static> {
        if self.headers_text().is_empty() {
            return self.to_owned_uri();
        }
        self.rebuilt(
            self.head(),
            self.slice(self.parts.params_start, self.parts.params_end),
            "",
        )
        .unwrap_or_else(|_| self.to_owned_uri())
    }

    /// The same URI without parameters and headers.
    pub fn without_params(&self) -> Uri<'static> {
        if self.parts.kind == Kind::Other {
            return self.to_owned_uri();
        }
        self.rebuilt(self.head(), "", "")
            .unwrap_or_else(|_| self.to_owned_uri())
    }

    /// The same `sip` or `sips` URI with this user part, which is escaped, and without password;
    /// an empty one takes the user part away. URIs of other schemes stay as they are.
    pub fn with_user(&self, user: &str) -> Uri<'static> {
        if !self.is_sip() {
            return self.to_owned_uri();
        }
        let mark = if user.is_empty() { "" } else { "@" };
        let rest = self
            .text
            .get(self.parts.host_start as usize..)
            .unwrap_or_default();
        let text = format!(
            "{}:{}{mark}{rest}",
            self.scheme(),
            crate::escape::escape_user(user)
        );
        Uri::parse_owned(text).unwrap_or_else(|_| self.to_owned_uri())
    }

    /// The same `sip` or `sips` URI at this host and port. A bare IPv6 address gets its brackets.
    ///
    /// # Errors
    ///
    /// [`UriError::Host`] when the host is none, [`UriError::NotHierarchical`] for other schemes.
    pub fn with_host_port(&self, host: &str, port: Option<u16>) -> Result<Uri<'static>, UriError> {
        if !self.is_sip() {
            return Err(UriError::NotHierarchical(self.as_str().into()));
        }
        let mut text = self.slice(0, self.parts.host_start).to_owned();
        push_host_port(&mut text, host, port)?;
        text.push_str(
            self.text
                .get(self.parts.params_start as usize..)
                .unwrap_or_default(),
        );
        Uri::parse_owned(text)
    }

    /// The same `sip` or `sips` URI with one more header behind `?`; name and value are escaped.
    /// URIs of other schemes stay as they are.
    pub fn with_header(&self, name: &str, value: &str) -> Uri<'static> {
        if !self.is_sip() || name.is_empty() {
            return self.to_owned_uri();
        }
        let mut headers = self.headers_text().to_owned();
        if !headers.is_empty() {
            headers.push('&');
        }
        headers.push_str(&crate::escape::escape_header_value(name));
        headers.push('=');
        headers.push_str(&crate::escape::escape_header_value(value));
        self.rebuilt(
            self.head(),
            self.slice(self.parts.params_start, self.parts.params_end),
            &headers,
        )
        .unwrap_or_else(|_| self.to_owned_uri())
    }
}

fn push_host_port(text: &mut String, host: &str, port: Option<u16>) -> Result<(), UriError> {
    let bare_ipv6 = host.parse::<std::net::Ipv6Addr>().is_ok();
    let in_brackets = host
        .strip_prefix('[')
        .and_then(|inside| inside.strip_suffix(']'))
        .is_some_and(|inside| inside.parse::<std::net::Ipv6Addr>().is_ok());
    let name = !host.is_empty() && host.bytes().all(is_host_byte);
    if bare_ipv6 {
        text.push('[');
        text.push_str(host);
        text.push(']');
    } else if in_brackets || name {
        text.push_str(host);
    } else {
        return Err(UriError::Host(host.into()));
    }
    if let Some(port) = port {
        text.push_str(&format!(":{port}"));
    }
    Ok(())
}

fn optionally(left: Option<&str>, right: Option<&str>, same: impl Fn(&str, &str) -> bool) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => same(left, right),
        (None, None) => true,
        _ => false,
    }
}

/// Each parameter of `left` that `right` has too must be the same, and some may not be missing.
fn params_match(left: &Params<'_>, right: &Params<'_>) -> bool {
    left.iter().all(|(name, value)| match right.get(name) {
        Some(found) => crate::escape::same_ignoring_case(found, value.unwrap_or("")),
        // The list of section 19.1.4, and `transport`, which its examples treat the same.
        None => !["user", "ttl", "method", "maddr", "transport"]
            .iter()
            .any(|kept| crate::escape::same_ignoring_case(kept, name)),
    })
}

fn headers_match(left: &Uri<'_>, right: &Uri<'_>) -> bool {
    left.headers().all(|(name, value)| {
        right.headers().any(|(other, found)| {
            crate::escape::same_ignoring_case(name, other) && same(value, found)
        })
    })
}

/// Where the parts of a URI stand in its text.
#[derive(Copy, Clone)]
struct Parts {
    kind: Kind,
    port: Option<u16>,
    scheme_end: u32,
    user_end: u32,
    host_start: u32,
    host_end: u32,
    params_start: u32,
    params_end: u32,
}

impl Parts {
    fn read(text: &str) -> Result<Parts, Fault> {
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
        if !bytes[scheme_end..].iter().all(|byte| is_uri_byte(*byte)) {
            return Err(Fault::Character);
        }
        let scheme = upto(text, scheme_end);
        let kind = if scheme.eq_ignore_ascii_case("sip") {
            Kind::Sip
        } else if scheme.eq_ignore_ascii_case("sips") {
            Kind::Sips
        } else if scheme.eq_ignore_ascii_case("tel") {
            Kind::Tel
        } else {
            Kind::Other
        };
        match kind {
            Kind::Sip | Kind::Sips => Self::sip(text, kind, scheme_end),
            Kind::Tel => {
                let start = scheme_end + 1;
                let params = find(bytes, start, |byte| byte == b';');
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
                let user_end = find(&bytes[..start + at], start, |byte| byte == b':');
                if user_end == start {
                    return Err(Fault::User);
                }
                (user_end, start + at + 1)
            }
            None => (scheme_end, start),
        };
        let host_end = if bytes.get(host_start) == Some(&b'[') {
            let end = find(bytes, host_start + 1, |b| {
                !b.is_ascii_hexdigit() && !matches!(b, b':' | b'.')
            });
            if bytes.get(end) != Some(&b']') || end == host_start + 1 {
                return Err(Fault::Host);
            }
            end + 1
        } else {
            find(bytes, host_start, |byte| !is_host_byte(byte))
        };
        if host_end == host_start {
            return Err(Fault::Host);
        }
        let (port, params_start) = match bytes.get(host_end) {
            Some(b':') => {
                let end = find(bytes, host_end + 1, |byte| !byte.is_ascii_digit());
                let digits = text.get(host_end + 1..end).unwrap_or_default();
                (Some(number(digits).ok_or(Fault::Port)?), end)
            }
            _ => (None, host_end),
        };
        let params_end = match bytes.get(params_start) {
            None | Some(b'?') => params_start,
            Some(b';') => find(bytes, params_start, |byte| byte == b'?'),
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

/// The first index from `start` on whose byte is wanted; the end when there is none.
fn find(bytes: &[u8], start: usize, wanted: impl Fn(u8) -> bool) -> usize {
    bytes
        .get(start..)
        .and_then(|rest| rest.iter().position(|byte| wanted(*byte)))
        .map_or(bytes.len(), |at| start + at)
}

impl fmt::Display for Uri<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.text)
    }
}

impl fmt::Debug for Uri<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Uri({})", self.text)
    }
}

impl PartialEq for Uri<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Uri<'_> {}

impl std::hash::Hash for Uri<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl std::str::FromStr for Uri<'static> {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        Uri::parse_owned(text.to_owned())
    }
}

/// Builds a `sip` or `sips` URI from parts; each is escaped where it must be.
///
/// ```
/// use offhook_sip::UriBuilder;
///
/// let uri = UriBuilder::sip("example.com").user("j@ne").param("transport", Some("ws")).build()?;
/// assert_eq!(uri.as_str(), "sip:j%40ne@example.com;transport=ws");
/// # Ok::<(), offhook_sip::UriError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct UriBuilder {
    scheme: &'static str,
    user: String,
    host: String,
    port: Option<u16>,
    tail: Vec<(bool, String, Option<String>)>,
}

impl UriBuilder {
    /// A `sip` URI at this host.
    pub fn sip(host: impl Into<String>) -> Self {
        Self::new("sip", host.into())
    }

    /// A `sips` URI at this host.
    pub fn sips(host: impl Into<String>) -> Self {
        Self::new("sips", host.into())
    }

    fn new(scheme: &'static str, host: String) -> Self {
        UriBuilder {
            scheme,
            user: String::new(),
            host,
            port: None,
            tail: Vec::new(),
        }
    }

    /// Sets the user part, not escaped yet.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = user.into();
        self
    }

    /// Sets the port.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Adds a parameter, not escaped yet.
    pub fn param(mut self, name: impl Into<String>, value: Option<&str>) -> Self {
        self.tail
            .push((false, name.into(), value.map(str::to_owned)));
        self
    }

    /// Adds a header behind `?`, not escaped yet.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.tail.push((true, name.into(), Some(value.into())));
        self
    }

    /// The URI.
    ///
    /// # Errors
    ///
    /// [`UriError::Host`] when the host is none.
    pub fn build(self) -> Result<Uri<'static>, UriError> {
        let mut text = format!("{}:", self.scheme);
        if !self.user.is_empty() {
            text.push_str(&crate::escape::escape_user(&self.user));
            text.push('@');
        }
        push_host_port(&mut text, &self.host, self.port)?;
        let mut uri = Uri::parse_owned(text)?;
        for (is_header, name, value) in &self.tail {
            uri = match is_header {
                true => uri.with_header(name, value.as_deref().unwrap_or_default()),
                false => uri.with_param(name, value.as_deref())?,
            };
        }
        Ok(uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Uri<'_> {
        Uri::parse(text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn parts_are_found_where_they_stand() {
        let uri =
            read("SIPS:al%69ce;x=1:pw@Example.COM:5061;lr;a=b?subject=x%20y&Route=%3Csip:a%3E");
        assert_eq!(uri.scheme(), Scheme::Sips);
        assert_eq!(uri.user(), Some("al%69ce;x=1"));
        assert_eq!(uri.user_unescaped().as_deref(), Some("alice;x=1"));
        assert_eq!(uri.password(), Some("pw"));
        assert_eq!((uri.host(), uri.port()), (Some("Example.COM"), Some(5061)));
        assert!(uri.is_loose_router());
        assert_eq!(uri.param("A"), Some("b"));
        assert_eq!(uri.param("lr"), Some(""));
        assert_eq!(uri.param("none"), None);
        let headers: Vec<_> = uri.headers().collect();
        assert_eq!(headers, [("subject", "x%20y"), ("Route", "%3Csip:a%3E")]);
        assert_eq!(uri.address_of_record(), "sips:al%69ce;x=1@example.com:5061");
        assert_eq!(read("sip:a@b").password(), None);
        assert_eq!(read("sip:a:@b").password(), Some(""));
    }

    #[test]
    fn a_tel_uri_has_its_number_for_a_user_and_no_host() {
        let uri = read("tel:+1-555-123-0001;phone-context=example.com");
        assert_eq!(uri.scheme(), Scheme::Tel);
        assert_eq!(uri.user(), Some("+1-555-123-0001"));
        assert_eq!(uri.host(), None);
        assert_eq!(uri.param("phone-context"), Some("example.com"));
        assert_eq!(uri.address_of_record(), "tel:+1-555-123-0001");
    }

    #[test]
    fn any_other_scheme_is_kept_as_text() {
        let uri = read("soap.beep://192.0.2.103:3002");
        assert_eq!(uri.scheme(), Scheme::Other("soap.beep"));
        assert_eq!((uri.user(), uri.host(), uri.port()), (None, None, None));
        assert_eq!(uri.with_user("x").as_str(), uri.as_str());
    }

    #[test]
    fn ipv6_hosts_need_brackets() {
        assert_eq!(read("sip:[2001:db8::10]:5070").port(), Some(5070));
        assert_eq!(read("sip:[2001:db8::10:5070]").port(), None);
        assert_eq!(
            read("sip:[::ffff:192.0.2.2]").host_ip(),
            Some("::ffff:192.0.2.2".parse().unwrap())
        );
        assert_eq!(
            read("sip:user@[2001:db8:::192.0.2.1]").host_ip(),
            Some("2001:db8::192.0.2.1".parse().unwrap())
        );
        assert_eq!(
            read("sip:192.0.2.1").host_ip(),
            Some("192.0.2.1".parse().unwrap())
        );
        assert!(matches!(
            Uri::parse("sip:2001:db8::10"),
            Err(UriError::Port(_))
        ));
        assert!(matches!(
            Uri::parse("sip:[2001:db8::10"),
            Err(UriError::Host(_))
        ));
    }

    #[test]
    fn what_is_no_uri_says_why() {
        let error = |text: &str| Uri::parse(text).expect_err(text);
        assert!(matches!(error(""), UriError::Scheme(_)));
        assert!(matches!(error("alice"), UriError::Scheme(_)));
        assert!(matches!(error("sip"), UriError::Scheme(_)));
        assert!(matches!(error("sip:"), UriError::Host(_)));
        assert!(matches!(error("sip:alice@"), UriError::Host(_)));
        assert!(matches!(error("sip:@host"), UriError::User(_)));
        assert!(matches!(error("sip:a@b@c"), UriError::Host(_)));
        assert!(matches!(error("sip:a@b:70000"), UriError::Port(_)));
        assert!(matches!(error("sip:a b@c"), UriError::Character(_)));
        assert!(matches!(error("sip:a@b;x=\r\n"), UriError::Character(_)));
        assert!(matches!(error("sip:100%@c"), UriError::Escape(_)));
        assert!(matches!(error("tel:"), UriError::Scheme(_)));
        assert_eq!(
            error("alice").to_string(),
            "\"alice\" has no scheme; write sip:user@host"
        );
    }

    /// The lists of RFC 3261 section 19.1.4.
    #[test]
    fn equivalence_follows_the_examples_of_the_rfc() {
        let same = |left: &str, right: &str| read(left).equivalent(&read(right));
        assert!(same(
            "sip:%61lice@atlanta.com;transport=TCP",
            "sip:alice@AtlanTa.CoM;Transport=tcp"
        ));
        assert!(same(
            "sip:carol@chicago.com",
            "sip:carol@chicago.com;newparam=5"
        ));
        assert!(same(
            "sip:carol@chicago.com;newparam=5",
            "sip:carol@chicago.com;security=on"
        ));
        assert!(same(
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"
        ));
        assert!(same(
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x"
        ));
        assert!(!same(
            "SIP:ALICE@AtLanTa.CoM;Transport=udp",
            "sip:alice@AtLanTa.CoM;Transport=UDP"
        ));
        assert!(!same("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"));
        assert!(!same(
            "sip:bob@biloxi.com",
            "sip:bob@biloxi.com;transport=udp"
        ));
        assert!(!same(
            "sip:bob@biloxi.com",
            "sip:bob@biloxi.com:6000;transport=tcp"
        ));
        assert!(!same(
            "sip:carol@chicago.com",
            "sip:carol@chicago.com?Subject=next%20meeting"
        ));
        assert!(!same(
            "sip:carol@chicago.com;security=on",
            "sip:carol@chicago.com;security=off"
        ));
        assert!(!same("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"));
        assert!(!same("sip:a@b", "sips:a@b"));
        assert!(same("tel:+1-555-0001", "TEL:+15550001"));
        assert!(!same("tel:5550001;phone-context=a", "tel:5550001"));
    }

    #[test]
    fn changing_one_part_keeps_the_others() {
        let uri = read("sip:alice:pw@example.com:5060;transport=tcp;x?subject=hi");
        assert_eq!(
            uri.with_param("transport", Some("w s")).unwrap().as_str(),
            "sip:alice:pw@example.com:5060;x;transport=w%20s?subject=hi"
        );
        assert_eq!(
            uri.without_param("X").as_str(),
            "sip:alice:pw@example.com:5060;transport=tcp?subject=hi"
        );
        assert_eq!(
            uri.without_headers().as_str(),
            "sip:alice:pw@example.com:5060;transport=tcp;x"
        );
        assert_eq!(
            uri.with_user("b@b").as_str(),
            "sip:b%40b@example.com:5060;transport=tcp;x?subject=hi"
        );
        assert_eq!(
            uri.with_host_port("::1", None).unwrap().as_str(),
            "sip:alice:pw@[::1];transport=tcp;x?subject=hi"
        );
        assert_eq!(
            read("sip:a@b")
                .with_header("Replaces", "1@x;to-tag=2;from-tag=3")
                .as_str(),
            "sip:a@b?Replaces=1%40x%3Bto-tag%3D2%3Bfrom-tag%3D3"
        );
    }

    #[test]
    fn nothing_given_to_the_builder_can_leave_its_place() {
        let uri = UriBuilder::sip("example.com")
            .user("a@evil.com;x\r\n")
            .param("p;q=1", Some("v;lr\r\nVia: x"))
            .header("h&x", "v&y=z\r\n")
            .build()
            .unwrap();
        assert_eq!(uri.host(), Some("example.com"));
        assert_eq!(uri.params().iter().count(), 1);
        assert_eq!(uri.headers().count(), 1);
        assert!(!uri.as_str().contains(['\r', '\n']));
        assert!(UriBuilder::sip("a;b").build().is_err());
        assert!(UriBuilder::sip("").build().is_err());
    }
}
