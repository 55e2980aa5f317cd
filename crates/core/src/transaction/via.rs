//! The address a request came from, written into the top Via of its answers (RFC 3261, 18.2.1;
//! RFC 3581, 4).

use std::net::SocketAddr;

use offhook_sip::{HeaderFields, HeaderName, WriteError};

/// Fills in `rport` where the client asked for it, and `received` where its sent-by does not name
/// the address or where `rport` is filled in.
pub(super) fn stamp(headers: &mut HeaderFields, remote: SocketAddr) -> Result<(), WriteError> {
    let mut lines: Vec<String> = headers
        .get_all(HeaderName::Via)
        .map(str::to_owned)
        .collect();
    // A NUL may be sent back as it came (RFC 4475 section 3.1.1.2) and cannot be written anew.
    if lines.iter().any(|line| line.contains('\0')) {
        return Ok(());
    }
    let Some(first) = lines.first_mut() else {
        return Ok(());
    };
    let end = split_outside_quotes(first, b',')
        .next()
        .map_or(first.len(), str::len);
    let Some(stamped) = stamped(&first[..end], remote) else {
        return Ok(());
    };
    first.replace_range(..end, &stamped);
    headers.remove(HeaderName::Via);
    for line in lines.iter().rev() {
        headers.push_front(HeaderName::Via, line)?;
    }
    Ok(())
}

/// The Via value with the address in it; nothing if it needs none or has one.
fn stamped(value: &str, remote: SocketAddr) -> Option<String> {
    let value = value.trim_ascii_end();
    let ip = remote.ip().to_canonical();
    let mut parts = split_outside_quotes(value, b';');
    let protocol_and_sent_by = parts.next()?;
    let host = host_of(protocol_and_sent_by.split_ascii_whitespace().next_back()?);
    let mut wants_port = false;
    let mut written = protocol_and_sent_by.to_owned();
    for parameter in parts {
        let (name, argument) = match parameter.split_once('=') {
            Some((name, argument)) => (name.trim_ascii(), Some(argument)),
            None => (parameter.trim_ascii(), None),
        };
        if name.eq_ignore_ascii_case("received") {
            return None;
        }
        if name.eq_ignore_ascii_case("rport") && argument.is_none() {
            wants_port = true;
            written.push_str(&format!(";rport={}", remote.port()));
        } else {
            written.push(';');
            written.push_str(parameter);
        }
    }
    if !wants_port && host.parse() == Ok(ip) {
        return None;
    }
    written.push_str(&format!(";received={ip}"));
    Some(written)
}

/// The host of a sent-by, an IPv6 address without its brackets.
fn host_of(sent_by: &str) -> &str {
    match sent_by
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((address, _)) => address,
        None => sent_by.split_once(':').map_or(sent_by, |(host, _)| host),
    }
}

/// The pieces of `text` between the separators that do not stand in a quoted string.
fn split_outside_quotes(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |c: char| {
        if escaped {
            escaped = false;
            return false;
        }
        match c {
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c => return !quoted && c == char::from(separator),
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp_one(value: &str, remote: &str) -> Option<String> {
        stamped(value, remote.parse().unwrap())
    }

    #[test]
    fn rport_without_a_value_is_filled_in_and_brings_received() {
        assert_eq!(
            stamp_one(
                "SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjsh",
                "192.0.2.1:9988"
            ),
            Some(
                "SIP/2.0/UDP 10.1.1.1:4540;rport=9988;branch=z9hG4bKkjsh;received=192.0.2.1".into()
            )
        );
        assert_eq!(
            stamp_one(
                "SIP/2.0/UDP 10.1.1.1;RPORT;branch=z9hG4bKkjsh",
                "10.1.1.1:5060"
            ),
            Some("SIP/2.0/UDP 10.1.1.1;rport=5060;branch=z9hG4bKkjsh;received=10.1.1.1".into())
        );
    }

    #[test]
    fn a_name_or_another_address_in_sent_by_brings_received() {
        assert_eq!(
            stamp_one(
                "SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK56",
                "[2001:db8::9]:1044"
            ),
            Some("SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK56;received=2001:db8::9".into())
        );
        assert_eq!(
            stamp_one(
                "SIP/2.0/TCP [2001:db8::1]:5060;branch=z9hG4bK56",
                "[2001:db8::9]:1044"
            ),
            Some("SIP/2.0/TCP [2001:db8::1]:5060;branch=z9hG4bK56;received=2001:db8::9".into())
        );
    }

    #[test]
    fn the_right_address_in_sent_by_is_left_as_it_came() {
        assert_eq!(
            stamp_one("SIP/2.0/UDP 10.1.1.1:5060;branch=z9hG4bK1", "10.1.1.1:7000"),
            None
        );
        assert_eq!(
            stamp_one(
                "SIP/2.0/UDP [2001:db8::9];branch=z9hG4bK1",
                "[2001:db8::9]:1"
            ),
            None
        );
        assert_eq!(
            stamp_one(
                "SIP/2.0/UDP 10.1.1.1;branch=z9hG4bK1",
                "[::ffff:10.1.1.1]:1"
            ),
            None
        );
    }

    #[test]
    fn a_via_that_was_stamped_is_not_stamped_again() {
        let via = "SIP/2.0/UDP a.example;rport=1;received=192.0.2.1;branch=z9hG4bK1";
        assert_eq!(stamp_one(via, "192.0.2.9:4"), None);
    }

    #[test]
    fn only_the_first_of_several_via_values_is_stamped() {
        let mut headers = offhook_sip::OutgoingResponse::new(offhook_sip::StatusCode::OK);
        let headers = headers.headers_mut();
        headers
            .push(
                "Via",
                "SIP/2.0/UDP a.example;x=\"1,2\";rport, SIP/2.0/UDP b.example",
            )
            .unwrap();
        headers.push("From", "<sip:a@a.example>;tag=1").unwrap();
        headers.push("Via", "SIP/2.0/UDP c.example;rport").unwrap();
        stamp(headers, "192.0.2.1:7".parse().unwrap()).unwrap();
        let vias: Vec<_> = headers.get_all(HeaderName::Via).collect();
        assert_eq!(
            vias,
            [
                "SIP/2.0/UDP a.example;x=\"1,2\";rport=7;received=192.0.2.1, SIP/2.0/UDP b.example",
                "SIP/2.0/UDP c.example;rport",
            ]
        );
    }
}
