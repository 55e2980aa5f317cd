//! URIs: `sip`, `sips` and `tel` taken apart, any other scheme kept as text.

mod builder;
mod change;
mod equivalent;
mod error;
mod parts;

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

pub use self::builder::UriBuilder;
use self::error::Fault;
pub use self::error::UriError;
use self::parts::{Kind, Parts};
use crate::escape::unescape;
use crate::params::{self, Params};

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

    #[inline(always)]
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
