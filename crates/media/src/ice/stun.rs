//! A STUN binding request and its answer (RFC 8489), to learn a server-reflexive address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const COOKIE: u32 = 0x2112_a442;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const MAPPED_ADDRESS: u16 = 0x0001;

pub(super) type Transaction = [u8; 12];

pub(super) fn binding_request(transaction: &Transaction) -> [u8; 20] {
    let mut message = [0; 20];
    message[..2].copy_from_slice(&BINDING_REQUEST.to_be_bytes());
    message[4..8].copy_from_slice(&COOKIE.to_be_bytes());
    message[8..].copy_from_slice(transaction);
    message
}

/// The transaction of a STUN message of any kind.
pub(super) fn transaction_of(message: &[u8]) -> Option<Transaction> {
    let header = message.first_chunk::<20>()?;
    if header[0] >= 4 || header[4..8] != COOKIE.to_be_bytes() {
        return None;
    }
    header[8..].try_into().ok()
}

/// The address the server saw, if this is a success.
pub(super) fn mapped_address(message: &[u8]) -> Option<SocketAddr> {
    let header = message.first_chunk::<20>()?;
    if header[..2] != BINDING_SUCCESS.to_be_bytes() {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let mut rest = message.get(20..20 + length)?;
    let mut found = None;
    while let Some((head, tail)) = rest.split_first_chunk::<4>() {
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = tail.get(..length)?;
        match kind {
            XOR_MAPPED_ADDRESS => return address(value, Some(header)),
            MAPPED_ADDRESS => found = address(value, None),
            _ => {}
        }
        rest = tail.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

fn address(value: &[u8], header: Option<&[u8; 20]>) -> Option<SocketAddr> {
    let (head, ip) = value.split_first_chunk::<4>()?;
    // The address is hidden under cookie and transaction, the port under the cookie's first half.
    let mask: [u8; 16] = match header {
        Some(header) => header[4..].try_into().ok()?,
        None => [0; 16],
    };
    let port = u16::from_be_bytes([head[2] ^ mask[0], head[3] ^ mask[1]]);
    let ip: IpAddr = match head[1] {
        1 => {
            let mut bytes: [u8; 4] = ip.try_into().ok()?;
            bytes.iter_mut().zip(mask).for_each(|(b, m)| *b ^= m);
            Ipv4Addr::from(bytes).into()
        }
        2 => {
            let mut bytes: [u8; 16] = ip.try_into().ok()?;
            bytes.iter_mut().zip(mask).for_each(|(b, m)| *b ^= m);
            Ipv6Addr::from(bytes).into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769 §2.2 and §2.3: the sample responses over IPv4 and IPv6.
    const IPV4: &[u8] = b"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
        \x80\x22\x00\x0b\x74\x65\x73\x74\x20\x76\x65\x63\x74\x6f\x72\x20\
        \x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\
        \x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7\
        \x80\x28\x00\x04\xc0\x7d\x4c\x96";
    const IPV6: &[u8] = b"\x01\x01\x00\x48\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
        \x80\x22\x00\x0b\x74\x65\x73\x74\x20\x76\x65\x63\x74\x6f\x72\x20\
        \x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9\
        \x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c\x82\x92\xc2\x75\xbf\xe3\xed\x41\
        \x80\x28\x00\x04\xc8\xfb\x0b\x4c";

    #[test]
    fn the_sample_responses_of_rfc_5769_are_read() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert_eq!(mapped_address(IPV4), Some(address("192.0.2.1:32853")));
        let v6 = "[2001:db8:1234:5678:11:2233:4455:6677]:32853";
        assert_eq!(mapped_address(IPV6), Some(address(v6)));
        assert_eq!(transaction_of(IPV4).unwrap()[0], 0xb7);
    }

    #[test]
    fn cut_short_messages_give_nothing_and_never_panic() {
        for sample in [IPV4, IPV6] {
            for length in 0..sample.len() {
                assert_eq!(mapped_address(&sample[..length]), None);
            }
        }
        let request = binding_request(&[7; 12]);
        assert_eq!(transaction_of(&request), Some([7; 12]));
        assert_eq!(mapped_address(&request), None);
    }
}
