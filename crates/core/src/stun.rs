//! STUN Binding requests as keep-alives of UDP flows (RFC 5626 sections 3.5.2 and 8, RFC 8489).
//!
//! A user agent asks the server, at the port that takes its SIP, for the address that it is seen
//! from. The answer shows that the flow lives, keeps the address binding of translators on the
//! way, and tells when they have given the flow another address, which ends it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::{BufMut, Bytes, BytesMut};

/// What tells one Binding request from another.
pub type StunTransaction = [u8; 12];

const COOKIE: u32 = 0x2112_a442;
const HEADER: usize = 20;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const MAPPED_ADDRESS: u16 = 0x0001;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

/// Whether a datagram is a STUN message and not SIP: no SIP message starts with a byte below four
/// (RFC 5626 section 8).
pub fn is_stun(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER && bytes[0] < 4 && bytes[4..8] == COOKIE.to_be_bytes()
}

/// The answer to a Binding request that came from `remote`; none to anything else.
pub fn answer(bytes: &[u8], remote: SocketAddr) -> Option<Bytes> {
    let message = Message::read(bytes)?;
    if message.kind != BINDING_REQUEST {
        return None;
    }
    let port = remote.port() ^ (COOKIE >> 16) as u16;
    let mut value = BytesMut::with_capacity(20);
    match remote.ip() {
        IpAddr::V4(ip) => {
            value.put_u16(0x01);
            value.put_u16(port);
            value.put_u32(ip.to_bits() ^ COOKIE);
        }
        IpAddr::V6(ip) => {
            value.put_u16(0x02);
            value.put_u16(port);
            value.put_u128(ip.to_bits() ^ mask(message.transaction));
        }
    }
    let mut response = BytesMut::with_capacity(HEADER + 4 + value.len());
    put_header(
        &mut response,
        BINDING_SUCCESS,
        4 + value.len() as u16,
        message.transaction,
    );
    response.put_u16(XOR_MAPPED_ADDRESS);
    response.put_u16(value.len() as u16);
    response.put_slice(&value);
    Some(response.freeze())
}

/// A Binding request without attributes, as a keep-alive is.
pub(crate) fn binding_request(transaction: StunTransaction) -> Bytes {
    let mut request = BytesMut::with_capacity(HEADER);
    put_header(&mut request, BINDING_REQUEST, 0, transaction);
    request.freeze()
}

/// A Binding success response.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Success {
    pub(crate) transaction: StunTransaction,
    /// The address that the server saw.
    pub(crate) mapped: Option<SocketAddr>,
}

/// Reads a Binding success response.
pub(crate) fn success(bytes: &[u8]) -> Option<Success> {
    let message = Message::read(bytes)?;
    if message.kind != BINDING_SUCCESS {
        return None;
    }
    let transaction = message.transaction;
    let find = |wanted| attribute(message.attributes, wanted);
    let mapped = find(XOR_MAPPED_ADDRESS)
        .and_then(|value| address(value, Some(transaction)))
        .or_else(|| find(MAPPED_ADDRESS).and_then(|value| address(value, None)));
    Some(Success {
        transaction,
        mapped,
    })
}

struct Message<'a> {
    kind: u16,
    transaction: StunTransaction,
    attributes: &'a [u8],
}

impl<'a> Message<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        if !is_stun(bytes) {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
        if length % 4 != 0 || bytes.len() != HEADER + length {
            return None;
        }
        Some(Self {
            kind: u16::from_be_bytes([bytes[0], bytes[1]]),
            transaction: bytes[8..HEADER].try_into().ok()?,
            attributes: &bytes[HEADER..],
        })
    }
}

fn put_header(to: &mut BytesMut, kind: u16, length: u16, transaction: StunTransaction) {
    to.put_u16(kind);
    to.put_u16(length);
    to.put_u32(COOKIE);
    to.put_slice(&transaction);
}

fn attribute(mut attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    while let Some((head, rest)) = attributes.split_at_checked(4) {
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = rest.get(..length)?;
        if kind == wanted {
            return Some(value);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// An address attribute, masked when there is a transaction to mask it with.
fn address(value: &[u8], masked_by: Option<StunTransaction>) -> Option<SocketAddr> {
    let (head, ip) = value.split_at_checked(4)?;
    let port = u16::from_be_bytes([head[2], head[3]]);
    let (cookie, all) = masked_by.map_or((0, 0), |transaction| (COOKIE, mask(transaction)));
    let ip: IpAddr = match head[1] {
        1 => Ipv4Addr::from_bits(u32::from_be_bytes(ip.try_into().ok()?) ^ cookie).into(),
        2 => Ipv6Addr::from_bits(u128::from_be_bytes(ip.try_into().ok()?) ^ all).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port ^ (cookie >> 16) as u16))
}

fn mask(transaction: StunTransaction) -> u128 {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(&transaction);
    u128::from_be_bytes(mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769 section 2.2, without its integrity attributes.
    const SAMPLE: &[u8] = b"\x01\x01\x00\x0c\x21\x12\xa4\x42\
        \xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
        \x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43";

    #[test]
    fn the_address_of_the_rfcs_sample_is_read() {
        let read = success(SAMPLE).expect("a response");
        assert_eq!(read.mapped, Some("192.0.2.1:32853".parse().unwrap()));
        assert_eq!(&read.transaction[..3], b"\xb7\xe7\xa7");
    }

    #[test]
    fn an_answer_tells_the_address_that_the_request_came_from() {
        for remote in ["192.0.2.9:5060", "[2001:db8::9]:61000"] {
            let remote: SocketAddr = remote.parse().unwrap();
            let transaction = *b"twelve bytes";
            let request = binding_request(transaction);
            assert!(is_stun(&request));
            let response = answer(&request, remote).expect("an answer");
            assert_eq!(
                success(&response),
                Some(Success {
                    transaction,
                    mapped: Some(remote)
                })
            );
            assert_eq!(answer(&response, remote), None, "a response asks nothing");
            assert_eq!(success(&request), None);
        }
    }

    #[test]
    fn what_is_cut_or_is_sip_is_no_stun_message() {
        assert!(!is_stun(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n"));
        for cut in 0..SAMPLE.len() {
            assert_eq!(success(&SAMPLE[..cut]), None, "{cut}");
        }
        let mut lying = SAMPLE.to_vec();
        lying[23] = 0xff;
        assert_eq!(success(&lying).expect("a response").mapped, None);
    }
}
