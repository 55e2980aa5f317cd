//! What a peer connection is made with.

use std::net::IpAddr;

use crate::error::MediaError;
use crate::video::VideoCodec;

/// How a peer connection is set up (W3C `RTCConfiguration`, plus what a native one needs).
#[derive(Clone, Debug)]
pub struct PeerConnectionConfig {
    /// STUN and TURN servers. Default: none.
    pub ice_servers: Vec<IceServer>,
    /// Which candidates may be used. Default: all.
    pub ice_transport_policy: IceTransportPolicy,
    /// Whether loopback interfaces give candidates too. Default: no; when the machine has no
    /// other interface they are used anyway.
    pub loopback: bool,
    /// The audio codecs, the preferred first. Default: Opus, PCMU, PCMA.
    pub audio_codecs: Vec<AudioCodec>,
    /// The video codecs, the preferred first; without any, video is declined. They count once
    /// video is added. Default: VP8, H.264.
    pub video_codecs: Vec<VideoCodec>,
    /// Whether data channels that the peer offers are accepted, as browsers do. Default: yes. A
    /// channel of this side's own accepts them too.
    pub data_channels: bool,
    /// Use this address only, instead of every interface's. Default: every interface's.
    pub bind_address: Option<IpAddr>,
}

impl Default for PeerConnectionConfig {
    fn default() -> PeerConnectionConfig {
        PeerConnectionConfig {
            ice_servers: Vec::new(),
            ice_transport_policy: IceTransportPolicy::All,
            loopback: false,
            audio_codecs: vec![AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma],
            video_codecs: vec![VideoCodec::Vp8, VideoCodec::H264],
            data_channels: true,
            bind_address: None,
        }
    }
}

/// One STUN or TURN server (W3C `RTCIceServer`).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:host[:port]`, `turn:host[:port][?transport=udp]` (RFC 7064, RFC 7065).
    pub urls: Vec<String>,
    /// The TURN user's name.
    pub username: Option<String>,
    /// The TURN user's password.
    pub credential: Option<String>,
}

impl std::fmt::Debug for IceServer {
    // The password stays out of every log line.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .field("username", &self.username)
            .field("credential", &self.credential.as_ref().map(|_| "***"))
            .finish()
    }
}

/// Which candidates ICE may use (W3C `RTCIceTransportPolicy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IceTransportPolicy {
    /// Every candidate.
    #[default]
    All,
    /// Only candidates of TURN relays, so that the peer never learns this machine's addresses.
    Relay,
}

/// An audio codec this crate can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AudioCodec {
    /// Opus (RFC 6716, RFC 7587), 48 kHz, with in-band error correction.
    Opus,
    /// G.711 µ-law (RFC 3551), 8 kHz.
    Pcmu,
    /// G.711 A-law (RFC 3551), 8 kHz.
    Pcma,
}

impl AudioCodec {
    /// The name in `a=rtpmap`.
    pub fn name(self) -> &'static str {
        match self {
            AudioCodec::Opus => "opus",
            AudioCodec::Pcmu => "PCMU",
            AudioCodec::Pcma => "PCMA",
        }
    }

    /// The RTP clock rate in Hz, which is also the rate of the samples it codes here.
    pub fn clock_rate(self) -> u32 {
        match self {
            AudioCodec::Opus => 48_000,
            AudioCodec::Pcmu | AudioCodec::Pcma => 8_000,
        }
    }
}

impl std::fmt::Display for AudioCodec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl PeerConnectionConfig {
    /// Checks what can be checked before any socket is opened.
    pub(crate) fn check(&self) -> Result<Vec<ServerAddress>, MediaError> {
        if self.audio_codecs.is_empty() {
            return Err(MediaError::NoCodec);
        }
        if let Some(address) = self.bind_address {
            std::net::UdpSocket::bind((address, 0))
                .map_err(|source| MediaError::BindAddress { address, source })?;
        }
        let mut servers = Vec::new();
        for server in &self.ice_servers {
            for url in &server.urls {
                servers.push(ServerAddress::parse(url, server)?);
            }
        }
        Ok(servers)
    }
}

/// A server's URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServerAddress {
    Stun {
        host: String,
        port: u16,
    },
    Turn {
        host: String,
        port: u16,
        username: String,
        credential: Secret,
    },
    /// A server that is reached over TCP or TLS, which this engine cannot do yet.
    Unreachable {
        url: String,
    },
}

/// A password that prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl ServerAddress {
    fn parse(url: &str, server: &IceServer) -> Result<ServerAddress, MediaError> {
        let wrong = |reason| MediaError::IceServer {
            url: url.to_owned(),
            reason,
        };
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(wrong(
                "it has no scheme; stun:host or turn:host would be right",
            ));
        };
        let (address, query) = match rest.split_once('?') {
            Some((address, query)) => (address, Some(query)),
            None => (rest, None),
        };
        let datagrams = match query {
            None => true,
            Some("transport=udp") => true,
            Some("transport=tcp") => false,
            Some(_) => {
                return Err(wrong(
                    "its query must be transport=udp or transport=tcp (RFC 7065)",
                ));
            }
        };
        let secure = scheme.eq_ignore_ascii_case("stuns") || scheme.eq_ignore_ascii_case("turns");
        let (host, port) = split_host(address).ok_or_else(|| {
            wrong("it must name a host and, if at all, a port from 1 to 65535 after a colon")
        })?;
        let port = port.unwrap_or(if secure { 5349 } else { 3478 });
        if scheme.eq_ignore_ascii_case("stun") || scheme.eq_ignore_ascii_case("stuns") {
            if query.is_some() {
                return Err(wrong("a stun URL has no query (RFC 7064)"));
            }
            if secure {
                return Ok(ServerAddress::Unreachable { url: url.into() });
            }
            return Ok(ServerAddress::Stun { host, port });
        }
        if !(scheme.eq_ignore_ascii_case("turn") || secure) {
            return Err(wrong("its scheme must be stun, turn or turns"));
        }
        let (Some(username), Some(credential)) = (&server.username, &server.credential) else {
            return Err(wrong("a TURN server needs a username and a credential"));
        };
        if secure || !datagrams {
            return Ok(ServerAddress::Unreachable { url: url.into() });
        }
        Ok(ServerAddress::Turn {
            host,
            port,
            username: username.clone(),
            credential: Secret(credential.clone()),
        })
    }
}

fn split_host(address: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = if let Some(inner) = address.strip_prefix('[') {
        let (host, rest) = inner.split_once(']')?;
        match rest {
            "" => (host, None),
            _ => (host, Some(rest.strip_prefix(':')?)),
        }
    } else {
        match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        }
    };
    let port = match port {
        None => None,
        Some(text) => match text.parse::<u16>() {
            Ok(port) if port != 0 => Some(port),
            _ => return None,
        },
    };
    if host.is_empty() || host.contains(['/', '@', ' ', '?']) {
        return None;
    }
    Some((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(url: &str) -> Result<ServerAddress, MediaError> {
        let server = IceServer {
            urls: vec![],
            username: Some("alice".into()),
            credential: Some("s3cret".into()),
        };
        ServerAddress::parse(url, &server)
    }

    #[test]
    fn urls_of_rfc_7064_and_7065_are_taken_apart() {
        let stun = |host: &str, port| ServerAddress::Stun {
            host: host.into(),
            port,
        };
        assert_eq!(with("stun:example.org").unwrap(), stun("example.org", 3478));
        assert_eq!(
            with("stun:[2001:db8::1]:99").unwrap(),
            stun("2001:db8::1", 99)
        );
        let turn = ServerAddress::Turn {
            host: "192.0.2.7".into(),
            port: 3479,
            username: "alice".into(),
            credential: Secret("s3cret".into()),
        };
        assert_eq!(with("turn:192.0.2.7:3479?transport=udp").unwrap(), turn);
        assert!(matches!(
            with("turns:example.org").unwrap(),
            ServerAddress::Unreachable { .. }
        ));
    }

    #[test]
    fn a_wrong_url_says_what_would_be_right() {
        for url in [
            "example.org",
            "http:example.org",
            "stun:",
            "stun:host:0",
            "stun:host:99999",
            "turn:host?transport=sctp",
            "stun:host?transport=udp",
        ] {
            let error = with(url).unwrap_err().to_string();
            assert!(error.contains(url), "{error}");
        }
        let nobody = IceServer::default();
        assert!(ServerAddress::parse("turn:host", &nobody).is_err());
    }

    #[test]
    fn an_address_of_another_machine_is_refused_at_once() {
        let config = PeerConnectionConfig {
            bind_address: Some("203.0.113.1".parse().unwrap()),
            ..PeerConnectionConfig::default()
        };
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("203.0.113.1"), "{error}");
    }

    #[test]
    fn a_password_is_never_printed() {
        let server = IceServer {
            urls: vec!["turn:host".into()],
            username: Some("alice".into()),
            credential: Some("s3cret".into()),
        };
        assert!(!format!("{server:?}").contains("s3cret"));
        assert!(!format!("{:?}", with("turn:host").unwrap()).contains("s3cret"));
    }
}
