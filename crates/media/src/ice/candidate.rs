//! Candidates as lines, and as the engine takes them.

use std::net::SocketAddr;

use str0m::Candidate;

use crate::error::MediaError;

/// A candidate of this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalCandidate {
    pub(crate) kind: Kind,
    /// What the peer sends to.
    pub(crate) address: SocketAddr,
    /// The socket it belongs to.
    pub(crate) base: SocketAddr,
    /// Higher is better, among candidates of one kind.
    pub(crate) preference: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Host,
    ServerReflexive,
    Relayed,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Host => "host",
            Kind::ServerReflexive => "srflx",
            Kind::Relayed => "relay",
        }
    }

    /// RFC 8445 §5.1.2.2.
    fn preference(self) -> u32 {
        match self {
            Kind::Host => 126,
            Kind::ServerReflexive => 100,
            Kind::Relayed => 0,
        }
    }
}

impl LocalCandidate {
    /// `candidate:…` (RFC 8839 §5.1).
    pub(crate) fn line(&self) -> String {
        // Component 1 alone: RTCP rides with RTP.
        let priority = self.kind.preference() << 24 | u32::from(self.preference) << 8 | 255;
        // Candidates of one kind and base share a foundation; the preference stands for the base.
        let foundation = self.kind.preference() * 100_000 + u32::from(self.preference);
        let related = match self.kind {
            Kind::Host => String::new(),
            Kind::ServerReflexive => {
                format!(" raddr {} rport {}", self.base.ip(), self.base.port())
            }
            // Who uses a relay may do so to hide; the address is for diagnosis only.
            Kind::Relayed if self.address.is_ipv4() => " raddr 0.0.0.0 rport 9".to_owned(),
            Kind::Relayed => " raddr :: rport 9".to_owned(),
        };
        format!(
            "candidate:{foundation} 1 udp {priority} {} {} typ {}{related}",
            self.address.ip(),
            self.address.port(),
            self.kind.name()
        )
    }

    pub(crate) fn for_engine(&self) -> Option<Candidate> {
        let made = match self.kind {
            Kind::Host => Candidate::host(self.address, "udp"),
            Kind::ServerReflexive => Candidate::server_reflexive(self.address, self.base, "udp"),
            Kind::Relayed => Candidate::relayed(self.address, self.address, "udp"),
        };
        made.inspect_err(|error| tracing::debug!(%error, "a candidate the engine does not take"))
            .ok()
    }

    /// As statistics name it.
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.kind.name(), self.address)
    }
}

/// A candidate of the peer.
pub(crate) enum Remote {
    Use(Candidate),
    /// One that is right but of no use here.
    Skip(&'static str),
}

/// Reads a candidate line, with or without `a=`.
///
/// # Errors
///
/// [`MediaError::Candidate`] when it is none.
pub(crate) fn remote_candidate(line: &str) -> Result<Remote, MediaError> {
    let line = line.trim();
    let line = line.strip_prefix("a=").unwrap_or(line);
    if line.is_empty() {
        return Ok(Remote::Skip("the end of the candidates"));
    }
    let wrong = |reason: String| MediaError::Candidate {
        candidate: line.to_owned(),
        reason,
    };
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [_, component, transport, _, address, _, typ, ..] = words.as_slice() else {
        return Err(wrong("it has too few words".into()));
    };
    if !line.starts_with("candidate:") || !typ.eq_ignore_ascii_case("typ") {
        return Err(wrong("it does not follow RFC 8839".into()));
    }
    if *component != "1" {
        return Ok(Remote::Skip("RTCP of its own is not used"));
    }
    if !transport.eq_ignore_ascii_case("udp") {
        return Ok(Remote::Skip("only UDP is used"));
    }
    if address.to_ascii_lowercase().ends_with(".local") {
        return Ok(Remote::Skip("names of multicast DNS are not resolved"));
    }
    if address.parse::<std::net::IpAddr>().is_err() {
        return Ok(Remote::Skip("names are not resolved"));
    }
    // The engine knows the transport in lower case only.
    let mut lower = words.clone();
    lower[2] = "udp";
    match Candidate::from_sdp_string(&lower.join(" ")) {
        Ok(candidate) => Ok(Remote::Use(candidate)),
        Err(error) => Err(wrong(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_lines_are_read_back_and_rank_hosts_over_reflexive_ones_over_relays() {
        let mut priorities = Vec::new();
        for kind in [Kind::Host, Kind::ServerReflexive, Kind::Relayed] {
            let candidate = LocalCandidate {
                kind,
                address: "192.0.2.1:5000".parse().unwrap(),
                base: "10.0.0.1:4000".parse().unwrap(),
                preference: 7,
            };
            let line = candidate.line();
            let Remote::Use(read) = remote_candidate(&line).unwrap() else {
                panic!("{line}");
            };
            assert_eq!(read.addr(), candidate.address);
            assert!(candidate.for_engine().is_some());
            assert_eq!(line.contains("10.0.0.1"), kind == Kind::ServerReflexive);
            priorities.push(read.prio());
        }
        assert!(priorities.windows(2).all(|pair| pair[0] > pair[1]));
    }

    #[test]
    fn candidates_of_no_use_are_skipped_and_rubbish_is_refused() {
        for line in [
            "candidate:1 1 udp 2113937151 0b0c2f4f-35a1.local 53705 typ host generation 0",
            "candidate:1 2 udp 2113937150 192.0.2.1 53706 typ host",
            "candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active",
            "candidate:1 1 udp 1 host.example.org 9 typ host",
            "",
        ] {
            assert!(
                matches!(remote_candidate(line), Ok(Remote::Skip(_))),
                "{line}"
            );
        }
        for line in [
            "candidate:1",
            "hello",
            "candidate:x 1 udp y 192.0.2.1 z typ host",
        ] {
            let error = remote_candidate(line).err().expect(line).to_string();
            assert!(error.contains(line), "{error}");
        }
        let upper = "a=candidate:1 1 UDP 2130706431 192.0.2.1 5000 typ host generation 0 ufrag x network-cost 999";
        assert!(matches!(remote_candidate(upper), Ok(Remote::Use(_))));
    }
}
