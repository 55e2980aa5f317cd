//! Where a flow leads: a transport, a host and a port.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use offhook_sip::Uri;

use crate::flow::Transport;

/// Where a flow leads.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Destination {
    /// The transport.
    pub transport: Transport,
    /// A host name or an IP address; IPv6 without brackets. In TLS it is what the server's
    /// certificate must be made out for.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The resource of a WebSocket URL (`/ws?x=1`), `/` when there is none.
    pub path: String,
}

/// Why a text is no server address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DestinationError {
    text: String,
    problem: String,
}

impl fmt::Display for DestinationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no server address: {}; write for example wss://sip.example.com, \
             ws://127.0.0.1:8080/ws, udp://192.0.2.1, tcp://sip.example.com:5060 or \
             tls://sip.example.com",
            self.text, self.problem
        )
    }
}

impl std::error::Error for DestinationError {}

impl Destination {
    /// A destination without a path. An IPv6 address may stand in brackets.
    pub fn new(transport: Transport, host: impl AsRef<str>, port: u16) -> Self {
        Self {
            transport,
            host: bare(host.as_ref()).to_ascii_lowercase(),
            port,
            path: "/".to_owned(),
        }
    }

    /// Reads a server's address: `ws://`, `wss://`, `udp://`, `tcp://` or `tls://`, a host, and
    /// where it differs from the transport's default, a port; or a SIP URI without a user, such
    /// as `sip:host:port;transport=tcp` or `sips:host`.
    ///
    /// ```
    /// use offhook_core::{Destination, Transport};
    ///
    /// let server = Destination::from_url("wss://sip.example.com/ws")?;
    /// assert_eq!(server.transport, Transport::Wss);
    /// assert_eq!((server.host.as_str(), server.port), ("sip.example.com", 443));
    /// assert!(Destination::from_url("http://example.com").is_err());
    /// # Ok::<(), offhook_core::DestinationError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the scheme is another, the host is no host, the port is no number, or a user, a
    /// fragment or a path stands where none belongs.
    pub fn from_url(url: &str) -> Result<Self, DestinationError> {
        read(url.trim()).map_err(|problem| DestinationError {
            text: url.to_owned(),
            problem,
        })
    }

    /// Where a request to this URI goes when no server stands in between (RFC 3263 section 4,
    /// without its DNS records): `maddr`, port, transport, and their defaults.
    pub fn of_uri(uri: &Uri<'_>) -> Option<Self> {
        let secure = uri
            .as_str()
            .get(..5)
            .is_some_and(|s| s.eq_ignore_ascii_case("sips:"));
        let host = uri
            .param("maddr")
            .filter(|maddr| !maddr.is_empty())
            .or_else(|| uri.host())?;
        let named = uri.param("transport").filter(|name| !name.is_empty());
        let transport = match named.map(Transport::parse) {
            Some(named) => named?,
            None if secure => Transport::Tls,
            None => Transport::Udp,
        };
        let transport = secured(transport, secure)?;
        let port = uri.port().unwrap_or_else(|| transport.default_port());
        Some(Self::new(transport, host, port))
    }

    /// The URI of a server that is reached here: the opposite of [`Destination::of_uri`], without
    /// the transport's default port.
    pub(crate) fn uri(&self) -> String {
        let ipv6 = self.host.parse::<Ipv6Addr>().is_ok();
        let (open, close) = if ipv6 { ("[", "]") } else { ("", "") };
        let mut uri = format!("sip:{open}{}{close}", self.host);
        if self.port != self.transport.default_port() {
            uri += &format!(":{}", self.port);
        }
        uri.push_str(";transport=");
        uri.push_str(self.transport.uri_param());
        uri
    }

    /// The host, when it is an address.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

/// The transport that a URI means, which may be of the scheme `sips`: none when they exclude each
/// other (RFC 3261 section 26.2.2).
fn secured(transport: Transport, secure: bool) -> Option<Transport> {
    match transport {
        Transport::Udp if secure => None,
        Transport::Tcp if secure => Some(Transport::Tls),
        Transport::Ws if secure => Some(Transport::Wss),
        other => Some(other),
    }
}

fn read(url: &str) -> Result<Destination, String> {
    let wrong = |problem: &str| problem.to_owned();
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(wrong("it contains a space or a control character"));
    }
    let (scheme, rest) = url
        .split_once(':')
        .ok_or_else(|| wrong("it has no scheme"))?;
    let scheme = scheme.to_ascii_lowercase();
    let sip = matches!(scheme.as_str(), "sip" | "sips");
    let mut transport = match scheme.as_str() {
        "sip" => Transport::Udp,
        "sips" => Transport::Tls,
        // What stands before the colon is a host name when a port follows it.
        name if name.contains('.') || name == "localhost" => {
            return Err(wrong("it has no scheme"));
        }
        name => Transport::parse(name)
            .ok_or_else(|| format!("it has the scheme {scheme:?}, which carries no SIP"))?,
    };
    let rest = match rest.strip_prefix("//") {
        Some(rest) => rest,
        None if sip => rest,
        None => return Err(wrong("\"//\" is missing after the scheme")),
    };
    if rest.contains('#') {
        return Err(wrong("a fragment (#) has no meaning here"));
    }
    let (authority, path) = if sip {
        let (authority, params) = rest.split_once(';').unwrap_or((rest, ""));
        for param in params.split(';') {
            let (name, value) = param.split_once('=').unwrap_or((param, ""));
            if name.eq_ignore_ascii_case("transport") {
                let named = Transport::parse(value)
                    .ok_or_else(|| wrong("its transport parameter is none we know"))?;
                transport = secured(named, scheme == "sips")
                    .ok_or_else(|| wrong("sips and UDP exclude each other"))?;
            }
        }
        (authority, "/".to_owned())
    } else {
        match rest.find(['/', '?']) {
            Some(at) if rest[at..].starts_with('?') => (&rest[..at], format!("/{}", &rest[at..])),
            Some(at) => (&rest[..at], rest[at..].to_owned()),
            None => (rest, "/".to_owned()),
        }
    };
    if authority.contains('@') {
        return Err(wrong("a user or password does not belong there"));
    }
    if path != "/" && !matches!(transport, Transport::Ws | Transport::Wss) {
        return Err(wrong("only ws and wss have a path"));
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong("its path holds a character that a URL cannot hold"));
    }
    let (host, port) = split_port(authority).ok_or_else(|| {
        wrong("after the host only a colon and a number from 1 to 65535 may follow")
    })?;
    if host.is_empty() {
        return Err(wrong("it has no host"));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte);
    if !host.bytes().all(plain) {
        return Err(wrong("its host is no host name"));
    }
    if host.contains(':') && host.parse::<Ipv6Addr>().is_err() {
        return Err(wrong("its host is no IPv6 address"));
    }
    let port = port.unwrap_or_else(|| transport.default_port());
    Ok(Destination {
        path,
        ..Destination::new(transport, host, port)
    })
}

/// The host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

/// Cuts `host`, `host:port`, `[v6]`, `[v6]:port`; the brackets go.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            match after {
                "" => (host, None),
                after => (host, Some(after.strip_prefix(':')?)),
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    match port {
        None => Some((host, None)),
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
            Some((host, Some(port.parse().ok().filter(|&port| port != 0)?)))
        }
        Some(_) => None,
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.transport.as_str().to_ascii_lowercase();
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)?;
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)?;
        }
        match self.path.as_str() {
            "/" => Ok(()),
            path => f.write_str(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_with_its_default_port_and_written_in_full() {
        for (url, written) in [
            ("ws://127.0.0.1:8080", "ws://127.0.0.1:8080"),
            ("WSS://Sip.Example.com", "wss://sip.example.com:443"),
            ("ws://sip.example.com/", "ws://sip.example.com:80"),
            ("ws://[::1]:9/a?b=c", "ws://[::1]:9/a?b=c"),
            ("ws://host?token=1", "ws://host:80/?token=1"),
            ("udp://192.0.2.1", "udp://192.0.2.1:5060"),
            ("tcp://a:5070", "tcp://a:5070"),
            ("tls://pbx.example", "tls://pbx.example:5061"),
            ("sip:a", "udp://a:5060"),
            ("sip:a:5070;transport=TCP;lr", "tcp://a:5070"),
            ("sip:a;transport=ws", "ws://a:80"),
            ("sips:a", "tls://a:5061"),
            ("sips:a;transport=ws", "wss://a:443"),
            ("sips:a;transport=tcp", "tls://a:5061"),
            ("sip:[2001:db8::1]", "udp://[2001:db8::1]:5060"),
        ] {
            let destination = Destination::from_url(url).expect(url);
            assert_eq!(destination.to_string(), written, "{url}");
        }
    }

    #[test]
    fn the_brackets_of_an_ipv6_host_are_not_part_of_it() {
        let destination = Destination::from_url("ws://[::1]:8080").expect("an address");
        assert_eq!(destination.host, "::1");
        assert_eq!(destination.ip(), Some(Ipv6Addr::LOCALHOST.into()));
        let again = Destination::new(Transport::Udp, "[::1]", 5060);
        assert_eq!(again.to_string(), "udp://[::1]:5060");
    }

    #[test]
    fn a_url_that_is_none_says_what_is_wrong_and_what_would_be_right() {
        for (url, words) in [
            ("", "no scheme"),
            ("sip.example.com", "no scheme"),
            ("sip.example.com:5060", "no scheme"),
            ("localhost:5060", "no scheme"),
            ("https://a", "scheme \"https\", which carries no SIP"),
            ("ws:a", "\"//\" is missing"),
            ("ws://", "no host"),
            ("ws://:80", "no host"),
            ("ws://a:x", "from 1 to 65535"),
            ("ws://a:70000", "from 1 to 65535"),
            ("ws://a:0", "from 1 to 65535"),
            ("ws://[::1", "from 1 to 65535"),
            ("ws://[a:b]", "no IPv6 address"),
            ("ws://a,b", "no host name"),
            ("ws://a/#x", "fragment"),
            ("ws://u:p@h", "user"),
            ("sip:bob@a", "user"),
            ("tcp://a/x", "only ws and wss have a path"),
            ("sips:a;transport=udp", "exclude each other"),
            ("sip:a;transport=smoke", "transport parameter"),
            ("ws://a b", "space"),
            ("ws://h/\u{e9}", "its path"),
        ] {
            let error = Destination::from_url(url).expect_err(url).to_string();
            assert!(error.contains(words), "{url}: {error}");
            assert!(error.contains("wss://sip.example.com"), "{error}");
        }
    }

    #[test]
    fn a_uri_names_its_next_hop() {
        for (uri, hop) in [
            ("sip:bob@192.0.2.7", Some("udp://192.0.2.7:5060")),
            (
                "sip:bob@192.0.2.7:5070;transport=tcp",
                Some("tcp://192.0.2.7:5070"),
            ),
            ("sips:bob@example.com", Some("tls://example.com:5061")),
            (
                "sip:bob@[2001:db8::1];transport=tls",
                Some("tls://[2001:db8::1]:5061"),
            ),
            (
                "sip:bob@example.com;maddr=192.0.2.9",
                Some("udp://192.0.2.9:5060"),
            ),
            ("sips:bob@example.com;transport=udp", None),
            ("sip:bob@example.com;transport=sctp", None),
            ("tel:+15551234", None),
        ] {
            let uri = Uri::parse(uri).expect(uri);
            let found = Destination::of_uri(&uri).map(|found| found.to_string());
            assert_eq!(found.as_deref(), hop, "{uri}");
        }
    }
}
