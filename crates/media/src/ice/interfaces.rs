//! The addresses of this machine.

use std::net::IpAddr;

use crate::config::PeerConnectionConfig;

/// More addresses than a call needs; each costs a socket.
const MOST_ADDRESSES: usize = 16;

/// The addresses that may give candidates, IPv6 first as RFC 8421 recommends.
pub(super) fn addresses(config: &PeerConnectionConfig) -> Vec<IpAddr> {
    if let Some(address) = config.bind_address {
        return vec![address];
    }
    let interfaces = match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces,
        Err(error) => {
            tracing::warn!(%error, "the network interfaces cannot be listed");
            Vec::new()
        }
    };
    let all = interfaces.into_iter().map(|interface| interface.ip());
    choose(all, config.loopback)
}

fn choose(all: impl Iterator<Item = IpAddr>, loopback: bool) -> Vec<IpAddr> {
    let usable = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_link_local() && !ip.is_multicast(),
        // A link-local address means nothing without the interface, which SDP cannot say.
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_unicast_link_local() && !ip.is_multicast(),
    };
    let all: Vec<IpAddr> = all.filter(usable).collect();
    let outward = all.iter().filter(|ip| !ip.is_loopback()).count();
    let mut chosen: Vec<IpAddr> = all
        .into_iter()
        .filter(|ip| !ip.is_loopback() || loopback || outward == 0)
        .collect();
    chosen.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv4()));
    chosen.dedup();
    chosen.truncate(MOST_ADDRESSES);
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(all: &[&str], loopback: bool) -> Vec<String> {
        let all = all.iter().map(|text| text.parse().unwrap());
        let chosen = choose(all, loopback);
        chosen.iter().map(IpAddr::to_string).collect()
    }

    #[test]
    fn loopback_is_used_when_allowed_or_when_nothing_else_is_there() {
        let all = [
            "127.0.0.1",
            "192.0.2.1",
            "2001:db8::1",
            "fe80::1",
            "169.254.1.1",
        ];
        assert_eq!(chosen(&all, false), ["2001:db8::1", "192.0.2.1"]);
        assert_eq!(
            chosen(&all, true),
            ["2001:db8::1", "192.0.2.1", "127.0.0.1"]
        );
        assert_eq!(chosen(&["127.0.0.1", "::1"], false), ["::1", "127.0.0.1"]);
    }
}
