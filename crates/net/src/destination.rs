//! Where a flow is to lead.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use offhook_core::Transport;

use crate::error::NetError;

/// Where a flow is to lead: a transport, a name or address, a port.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Destination {
    /// The transport.
    pub transport: Transport,
    /// A host name, or an IP address; IPv6 with or without brackets. In TLS it is what the server's
    /// certificate must be made out for.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path and query of a WebSocket URL; `None` is `/`.
    pub path: Option<String>,
}

impl Destination {
    /// A destination without a path.
    pub fn new(transport: Transport, host: impl Into<String>, port: u16) -> Destination {
        Destination {
            transport,
            host: host.into(),
            port,
            path: None,
        }
    }

    /// Reads `ws://host:port/path`, `wss://…`, `udp://host:port`, `tcp://…`, `tls://…`, or a SIP
    /// URI without a user, such as `sip:host:port;transport=tcp` or `sips:host`. Without a port it
    /// is the default one: 80, 443, 5060 or 5061.
    ///
    /// # Errors
    ///
    /// [`NetError::UnsupportedScheme`] for any other scheme, [`NetError::InvalidUrl`] when there is
    /// none, no host, no number for a port, a user, a fragment, or a path where none belongs.
    pub fn from_url(url: &str) -> Result<Destination, NetError> {
        let invalid = |reason: &str| NetError::InvalidUrl {
            url: url.to_owned(),
            reason: reason.to_owned(),
        };
        let text = url.trim();
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(invalid("it contains a space or a control character"));
        }
        let (scheme, rest) = text
            .split_once(':')
            .ok_or_else(|| invalid("it has no scheme"))?;
        let scheme = scheme.to_ascii_lowercase();
        let sip = matches!(scheme.as_str(), "sip" | "sips");
        let mut transport = match scheme.as_str() {
            "ws" => Transport::Ws,
            "wss" => Transport::Wss,
            "udp" | "sip" => Transport::Udp,
            "tcp" => Transport::Tcp,
            "tls" | "sips" => Transport::Tls,
            // What stands before the colon is a host name when a port follows it.
            name if name.contains('.') || name == "localhost" => {
                return Err(invalid("it has no scheme"));
            }
            _ => {
                return Err(NetError::UnsupportedScheme {
                    url: url.to_owned(),
                    scheme,
                });
            }
        };
        let rest = match rest.strip_prefix("//") {
            Some(rest) => rest,
            None if sip => rest,
            None => return Err(invalid("\"//\" is missing after the scheme")),
        };
        if rest.contains('#') {
            return Err(invalid("a fragment (#) has no meaning here"));
        }
        let (authority, path) = if sip {
            let (authority, params) = rest.split_once(';').unwrap_or((rest, ""));
            for param in params.split(';') {
                let (name, value) = param.split_once('=').unwrap_or((param, ""));
                if name.eq_ignore_ascii_case("transport") {
                    let named = Transport::parse(value)
                        .ok_or_else(|| invalid("its transport parameter is none we know"))?;
                    transport = match (named, scheme == "sips") {
                        (Transport::Tcp, true) => Transport::Tls,
                        (Transport::Ws, true) => Transport::Wss,
                        (Transport::Udp, true) => {
                            return Err(invalid("sips and UDP exclude each other"));
                        }
                        (named, _) => named,
                    };
                }
            }
            (authority, None)
        } else {
            match rest.find(['/', '?']) {
                Some(at) if rest[at..].starts_with('?') => {
                    (&rest[..at], Some(format!("/{}", &rest[at..])))
                }
                Some(at) => (&rest[..at], Some(rest[at..].to_owned())),
                None => (rest, None),
            }
        };
        if authority.contains('@') {
            return Err(invalid("a user does not belong in a server's address"));
        }
        let websocket = matches!(transport, Transport::Ws | Transport::Wss);
        let path = path.filter(|path| path != "/");
        if path.is_some() && !websocket {
            return Err(invalid("only ws and wss have a path"));
        }
        let (host, port) = split_port(authority).ok_or_else(|| {
            invalid("after the host only a colon and a number up to 65535 may follow")
        })?;
        if host.is_empty() {
            return Err(invalid("it has no host"));
        }
        if host.contains(':') && host.parse::<Ipv6Addr>().is_err() {
            return Err(invalid("its host is no IPv6 address"));
        }
        Ok(Destination {
            transport,
            host: host.to_owned(),
            port: port.unwrap_or_else(|| transport.default_port()),
            path,
        })
    }

    /// The host without the brackets of an IPv6 address.
    pub(crate) fn bare_host(&self) -> &str {
        self.host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(&self.host)
    }

    /// The host, when it is an address.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.bare_host().parse().ok()
    }
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
        let scheme = match self.transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Ws => "ws",
            Transport::Wss => "wss",
        };
        let host = self.bare_host();
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{}", self.port)?;
        } else {
            write!(f, "{scheme}://{host}:{}", self.port)?;
        }
        f.write_str(self.path.as_deref().unwrap_or(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> String {
        Destination::from_url(url).unwrap().to_string()
    }

    fn error(url: &str) -> String {
        Destination::from_url(url).unwrap_err().to_string()
    }

    #[test]
    fn every_scheme_is_read_with_its_default_port() {
        for (url, meaning) in [
            ("wss://sip.example.com", "wss://sip.example.com:443"),
            ("ws://sip.example.com/", "ws://sip.example.com:80"),
            ("WS://a:8080/sip?x=1", "ws://a:8080/sip?x=1"),
            ("ws://a?x=1", "ws://a:80/?x=1"),
            ("udp://10.0.0.1", "udp://10.0.0.1:5060"),
            ("tcp://a:5070", "tcp://a:5070"),
            ("tls://a", "tls://a:5061"),
            ("sip:a", "udp://a:5060"),
            ("sip:a:5070;transport=TCP;lr", "tcp://a:5070"),
            ("sip:a;transport=ws", "ws://a:80"),
            ("sips:a", "tls://a:5061"),
            ("sips:a;transport=ws", "wss://a:443"),
            ("sips:a;transport=tcp", "tls://a:5061"),
            ("wss://[::1]:8443/x", "wss://[::1]:8443/x"),
            ("sip:[2001:db8::1]", "udp://[2001:db8::1]:5060"),
        ] {
            assert_eq!(read(url), meaning, "{url}");
        }
    }

    #[test]
    fn the_brackets_of_an_ipv6_host_are_not_part_of_it() {
        let destination = Destination::from_url("ws://[::1]:8080").unwrap();
        assert_eq!(destination.host, "::1");
        assert_eq!(destination.ip(), Some("::1".parse().unwrap()));
        assert_eq!(
            Destination::new(Transport::Udp, "[::1]", 5060).to_string(),
            "udp://[::1]:5060"
        );
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said() {
        for (url, words) in [
            ("https://a", "scheme \"https\", which carries no SIP"),
            ("sip.example.com", "no scheme"),
            ("sip.example.com:5060", "no scheme"),
            ("localhost:5060", "no scheme"),
            ("ws:a", "\"//\" is missing"),
            ("ws://", "no host"),
            ("ws://:80", "no host"),
            ("ws://a:x", "number up to 65535"),
            ("ws://a:70000", "number up to 65535"),
            ("ws://a:0", "number up to 65535"),
            ("ws://[::1", "number up to 65535"),
            ("ws://[a:b]", "no IPv6 address"),
            ("ws://a/#x", "fragment"),
            ("ws://bob@a", "user"),
            ("sip:bob@a", "user"),
            ("tcp://a/x", "only ws and wss have a path"),
            ("sips:a;transport=udp", "exclude each other"),
            ("sip:a;transport=smoke", "transport parameter"),
            ("ws://a b", "space"),
        ] {
            let text = error(url);
            assert!(text.contains(words), "{url}: {text}");
            assert!(text.contains(url), "{url}: {text}");
        }
    }
}
