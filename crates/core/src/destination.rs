//! Where a flow leads: a transport, a host and a port.

use std::fmt;

use offhook_sip::Uri;

use crate::flow::Transport;

/// Where a flow leads.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Destination {
    /// The transport.
    pub transport: Transport,
    /// A host name or an IP address; IPv6 without brackets.
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
    problem: &'static str,
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
    /// Reads a server's address: `ws://`, `wss://`, `udp://`, `tcp://` or `tls://`, a host, and
    /// where it differs from the transport's default, a port.
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
    /// When the scheme is another, the host is empty or the port is no number.
    pub fn from_url(url: &str) -> Result<Self, DestinationError> {
        let wrong = |problem| DestinationError {
            text: url.to_owned(),
            problem,
        };
        let (scheme, rest) = url
            .trim()
            .split_once("://")
            .ok_or_else(|| wrong("it has no ://"))?;
        let transport = Transport::parse(scheme).ok_or_else(|| wrong("its scheme is unknown"))?;
        let (authority, path) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        if authority.contains('@') {
            return Err(wrong("a user or password does not belong there"));
        }
        let (host, port) =
            split_host_port(authority).ok_or_else(|| wrong("its port is no port"))?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte);
        if host.is_empty() || !host.bytes().all(plain) {
            return Err(wrong("its host is no host name"));
        }
        let path = if path.starts_with('?') {
            format!("/{path}")
        } else {
            path.to_owned()
        };
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong(
                "its path holds a blank or a character that a URL cannot hold",
            ));
        }
        let port = port.unwrap_or(match transport {
            Transport::Ws => 80,
            Transport::Wss => 443,
            other => other.default_port(),
        });
        Ok(Self {
            transport,
            host: host.to_ascii_lowercase(),
            port,
            path,
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
        let transport = match uri.param("transport").filter(|name| !name.is_empty()) {
            Some(name) => Transport::parse(name)?,
            None if secure => Transport::Tls,
            None => Transport::Udp,
        };
        let transport = match transport {
            Transport::Tcp if secure => Transport::Tls,
            Transport::Ws if secure => Transport::Wss,
            other => other,
        };
        Some(Self {
            transport,
            host: host.trim_matches(['[', ']']).to_ascii_lowercase(),
            port: uri.port().unwrap_or_else(|| transport.default_port()),
            path: "/".to_owned(),
        })
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

fn split_host_port(authority: &str) -> Option<(&str, Option<u16>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, Some(port.parse().ok()?))),
            None if rest.is_empty() => Some((host, None)),
            None => None,
        };
    }
    match authority.split_once(':') {
        Some((host, port)) => Some((host, Some(port.parse().ok()?))),
        None => Some((authority, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_read_back_as_they_were_written() {
        for (url, written) in [
            ("ws://127.0.0.1:8080", "ws://127.0.0.1:8080"),
            ("WSS://Sip.Example.com", "wss://sip.example.com:443"),
            ("ws://[::1]:9/a?b=c", "ws://[::1]:9/a?b=c"),
            ("ws://host?token=1", "ws://host:80/?token=1"),
            ("udp://192.0.2.1", "udp://192.0.2.1:5060"),
            ("tls://pbx.example", "tls://pbx.example:5061"),
        ] {
            let destination = Destination::from_url(url).expect(url);
            assert_eq!(destination.to_string(), written);
        }
    }

    #[test]
    fn a_url_that_is_none_says_what_would_be_right() {
        for url in [
            "",
            "sip.example.com",
            "http://x",
            "ws://",
            "ws://a:b",
            "ws://a b",
            "ws://u:p@h",
            "ws://h/a b",
        ] {
            let error = Destination::from_url(url).expect_err(url).to_string();
            assert!(error.contains("wss://sip.example.com"), "{error}");
        }
    }

    #[test]
    fn a_uri_names_its_next_hop() {
        for (uri, hop) in [
            ("sip:bob@192.0.2.7", "udp://192.0.2.7:5060"),
            (
                "sip:bob@192.0.2.7:5070;transport=tcp",
                "tcp://192.0.2.7:5070",
            ),
            ("sips:bob@example.com", "tls://example.com:5061"),
            (
                "sip:bob@[2001:db8::1];transport=tls",
                "tls://[2001:db8::1]:5061",
            ),
            (
                "sip:bob@example.com;maddr=192.0.2.9",
                "udp://192.0.2.9:5060",
            ),
        ] {
            let uri = Uri::parse(uri).expect(uri);
            assert_eq!(Destination::of_uri(&uri).expect("a hop").to_string(), hop);
        }
        let tel = Uri::parse("tel:+15551234").expect("a tel URI");
        assert_eq!(Destination::of_uri(&tel), None);
    }
}
