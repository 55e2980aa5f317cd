//! Via header values.

use std::fmt;

use crate::error::HeaderError;
use crate::name::HeaderName;
use crate::params::{self, Params};
use crate::text::{from, is_host_byte, is_token_byte, number, span, trim, trim_start, upto};

/// What every branch made by RFC 3261 rules begins with (section 8.1.1.7).
const MAGIC_COOKIE: &str = "z9hG4bK";

/// One Via value: `SIP/2.0/UDP host:port;branch=…` (RFC 3261 section 20.42).
#[derive(Clone, Debug)]
pub struct Via<'a> {
    /// The protocol's name, `SIP`.
    pub protocol: &'a str,
    /// The protocol's version, `2.0`.
    pub version: &'a str,
    /// The transport as it is written: `UDP`, `TCP`, `TLS`, `WS`, `WSS`, …
    pub transport: &'a str,
    /// The host part of sent-by; an IPv6 address keeps its brackets.
    pub host: &'a str,
    /// The port part of sent-by.
    pub port: Option<u16>,
    /// The parameters.
    pub params: Params<'a>,
}

impl<'a> Via<'a> {
    /// Reads one value.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Malformed`] when the text is no Via value, or more follows it.
    pub fn parse(text: &'a str) -> Result<Via<'a>, HeaderError> {
        match Self::parse_first(text) {
            Ok((via, "")) => Ok(via),
            Ok(_) => Err(HeaderError::malformed(
                HeaderName::Via,
                text,
                "one Via value",
            )),
            Err(expected) => Err(HeaderError::malformed(HeaderName::Via, text, expected)),
        }
    }

    /// Reads the first value of a list.
    ///
    /// # Errors
    ///
    /// When it breaks the grammar.
    pub fn first(text: &'a str) -> Result<Via<'a>, HeaderError> {
        Self::parse_first(text)
            .map(|(via, _)| via)
            .map_err(|expected| HeaderError::malformed(HeaderName::Via, text, expected))
    }

    /// Reads the first value of a list; what follows it is empty or begins with a comma.
    pub(crate) fn parse_first(text: &'a str) -> Result<(Via<'a>, &'a str), &'static str> {
        const EXPECTED: &str = "SIP/2.0/TRANSPORT HOST:PORT;branch=…";
        let word = |text: &'a str| {
            let text = trim_start(text);
            let end = span(text, is_token_byte);
            if end == 0 {
                Err(EXPECTED)
            } else {
                Ok((upto(text, end), from(text, end)))
            }
        };
        let slash = |text: &'a str| trim_start(text).strip_prefix('/').ok_or(EXPECTED);
        let (protocol, version, rest) = match text.strip_prefix("SIP/2.0/") {
            Some(rest) => (upto(text, 3), from(upto(text, 7), 4), rest),
            None => {
                let (protocol, rest) = word(text)?;
                let (version, rest) = word(slash(rest)?)?;
                (protocol, version, slash(rest)?)
            }
        };
        let (transport, rest) = word(rest)?;
        let sent_by = trim_start(rest);
        if sent_by.len() == rest.len() {
            return Err(EXPECTED);
        }
        let host_end = match sent_by.strip_prefix('[') {
            Some(inside) => {
                let end = span(inside, |b| {
                    b.is_ascii_hexdigit() || matches!(b, b':' | b'.')
                });
                if end == 0 || inside.as_bytes().get(end) != Some(&b']') {
                    return Err("a Via whose IPv6 address is in brackets");
                }
                end + 2
            }
            None => span(sent_by, is_host_byte),
        };
        if host_end == 0 {
            return Err(EXPECTED);
        }
        let host = upto(sent_by, host_end);
        let mut rest = trim_start(from(sent_by, host_end));
        let mut port = None;
        if let Some(behind) = rest.strip_prefix(':') {
            let behind = trim_start(behind);
            let end = span(behind, |byte| byte.is_ascii_digit());
            port = Some(number(upto(behind, end)).ok_or("a Via with a port of 0 to 65535")?);
            rest = from(behind, end);
        }
        let end = params::scan(rest)?;
        let behind = from(rest, end);
        if !behind.is_empty() && !behind.starts_with(',') {
            return Err(EXPECTED);
        }
        let params = Params::of_header(trim(upto(rest, end)));
        Ok((
            Via {
                protocol,
                version,
                transport,
                host,
                port,
                params,
            },
            behind,
        ))
    }

    /// The branch: the transaction's name.
    pub fn branch(&self) -> Option<&str> {
        self.params
            .get("branch")
            .filter(|branch| !branch.is_empty())
    }

    /// The address that the request came from, as a server saw it. An IPv6 address may stand with
    /// or without brackets (RFC 5118 section 4.5).
    pub fn received(&self) -> Option<&str> {
        self.params
            .get("received")
            .filter(|received| !received.is_empty())
    }

    /// `Some(None)` when the client asks for the port, `Some(Some(port))` when a server filled it
    /// in (RFC 3581).
    pub fn rport(&self) -> Option<Option<u16>> {
        self.params.get("rport").map(number)
    }

    /// Whether the branch names the transaction alone: it begins with the magic cookie and holds
    /// more than that (RFC 3261 section 17.2.3; RFC 4475 section 3.2.1).
    pub fn is_rfc3261_branch(&self) -> bool {
        self.branch().is_some_and(|branch| {
            branch.len() > MAGIC_COOKIE.len() && branch.starts_with(MAGIC_COOKIE)
        })
    }

    /// The host and port as they are compared and answered: `host` or `host:port`.
    pub fn sent_by(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.to_owned(),
        }
    }
}

impl fmt::Display for Via<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            to,
            "{}/{}/{} {}",
            self.protocol, self.version, self.transport, self.host
        )?;
        if let Some(port) = self.port {
            write!(to, ":{port}")?;
        }
        write!(to, "{}", self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_may_stand_around_every_separator() {
        let via =
            Via::parse("SIP  / 2.0\r\n /UDP   spindle.example.com : 5070 ;\r\n branch = z9hG4bK1 ")
                .unwrap();
        assert_eq!(
            (via.transport, via.host, via.port),
            ("UDP", "spindle.example.com", Some(5070))
        );
        assert_eq!(via.branch(), Some("z9hG4bK1"));
        assert_eq!(
            Via::parse("SIP/2.0/WSS  a.invalid;branch=z9hG4bK2")
                .unwrap()
                .host,
            "a.invalid"
        );
    }

    #[test]
    fn ipv6_addresses_keep_their_brackets_in_sent_by_and_may_lack_them_in_received() {
        let via = Via::parse("SIP/2.0/UDP [2001:db8::9:1]:6050;received=2001:db8::9:255").unwrap();
        assert_eq!((via.host, via.port), ("[2001:db8::9:1]", Some(6050)));
        assert_eq!(via.received(), Some("2001:db8::9:255"));
        let via = Via::parse("SIP/2.0/UDP [::1];received=[2001:db8::9:255]").unwrap();
        assert_eq!(via.received(), Some("[2001:db8::9:255]"));
    }

    #[test]
    fn rport_is_asked_for_or_filled_in() {
        assert_eq!(
            Via::parse("SIP/2.0/UDP a;rport").unwrap().rport(),
            Some(None)
        );
        assert_eq!(
            Via::parse("SIP/2.0/UDP a;rport=41025").unwrap().rport(),
            Some(Some(41025))
        );
        assert_eq!(Via::parse("SIP/2.0/UDP a").unwrap().rport(), None);
    }

    #[test]
    fn the_magic_cookie_alone_is_no_rfc_3261_branch() {
        let rfc3261 = |branch: &str| {
            Via::parse(&format!("SIP/2.0/UDP a;branch={branch}"))
                .unwrap()
                .is_rfc3261_branch()
        };
        assert!(rfc3261("z9hG4bKa"));
        assert!(!rfc3261("z9hG4bK"));
        assert!(!rfc3261("390skdjuw"));
    }

    #[test]
    fn what_is_no_via_is_refused() {
        for text in [
            "",
            "SIP/2.0/UDP",
            "SIP/2.0 host",
            "SIP/2.0/UDP 192.0.2.15;;,;,,",
            "SIP/2.0/UDP host:99999",
            "SIP/2.0/UDP host:",
            "SIP/2.0/UDP [::1",
            "SIP/2.0/UDP a b",
            "SIP/2.0/UDP a, SIP/2.0/UDP b",
        ] {
            assert!(Via::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_read_is_written_the_same() {
        let text = "SIP/2.0/TCP host.example.com:5060;branch=z9hG4bK74b43;rport";
        assert_eq!(Via::parse(text).unwrap().to_string(), text);
    }
}
