//! What messages travel on: flows and their transports.

use std::fmt;

use crate::map::Number;

/// The name of a flow: one connection, or one UDP socket paired with one remote address
/// (RFC 5626, 2).
///
/// The driver gives the names and never gives one twice; the engine only carries them.
#[derive(Copy, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FlowId(pub u64);

impl Number for FlowId {
    fn number(&self) -> u64 {
        self.0
    }
}

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "flow {}", self.0)
    }
}

/// A transport that carries SIP (RFC 3261, 18; RFC 7118 for WebSocket).
#[derive(Copy, Clone, Debug, Eq, Hash, PartialEq)]
pub enum Transport {
    /// Datagrams: the one transport on which transactions retransmit.
    Udp,
    /// A byte stream.
    Tcp,
    /// A byte stream under TLS.
    Tls,
    /// WebSocket, one message a frame.
    Ws,
    /// WebSocket under TLS.
    Wss,
}

impl Transport {
    /// The token of the Via header field: `UDP`, `TCP`, `TLS`, `WS` or `WSS`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
        }
    }

    /// Reads the token of a Via header field or of a `transport` URI parameter; letter case does
    /// not matter.
    pub fn parse(text: &str) -> Option<Transport> {
        [
            Transport::Udp,
            Transport::Tcp,
            Transport::Tls,
            Transport::Ws,
            Transport::Wss,
        ]
        .into_iter()
        .find(|transport| transport.as_str().eq_ignore_ascii_case(text))
    }

    /// Whether the transport itself delivers or reports failure, so that transactions on it do not
    /// retransmit: all but UDP.
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Transport::Udp)
    }

    /// Whether the transport is encrypted: TLS and WSS.
    pub const fn is_secure(self) -> bool {
        matches!(self, Transport::Tls | Transport::Wss)
    }

    /// Whether messages must be cut out of a byte stream by their Content-Length: TCP and TLS.
    pub const fn is_stream(self) -> bool {
        matches!(self, Transport::Tcp | Transport::Tls)
    }

    /// The port used when none is named: 5060, 5061, 80 or 443.
    pub const fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
            Transport::Ws => 80,
            Transport::Wss => 443,
        }
    }

    /// The value of the `transport` URI parameter. It is `ws` for WSS too: there, security is
    /// said by the scheme (RFC 7118, 5.3).
    pub const fn uri_param(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Ws | Transport::Wss => "ws",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transport_is_read_back_in_any_letter_case() {
        for transport in [
            Transport::Udp,
            Transport::Tcp,
            Transport::Tls,
            Transport::Ws,
            Transport::Wss,
        ] {
            assert_eq!(Transport::parse(transport.as_str()), Some(transport));
            assert_eq!(
                Transport::parse(&transport.as_str().to_lowercase()),
                Some(transport)
            );
        }
        assert_eq!(Transport::parse("SCTP"), None);
        assert_eq!(Transport::parse(""), None);
    }

    #[test]
    fn only_udp_needs_retransmissions() {
        assert!(!Transport::Udp.is_reliable());
        assert!(Transport::Wss.is_reliable() && Transport::Wss.is_secure());
        assert!(Transport::Tls.is_stream() && !Transport::Ws.is_stream());
    }
}
