//! The lines of a section for data channels (RFC 8841).

use sdp_types::{Attribute, Media};

use super::compose::with;
use super::description::values;

/// The `m=` line's protocol in an offer of ours.
pub(super) const PROTOCOL: &str = "UDP/DTLS/SCTP";
/// What it was before RFC 8841, with the port for a format.
const EARLIER_PROTOCOL: &str = "DTLS/SCTP";
const FORMAT: &str = "webrtc-datachannel";
/// The engine's port, and everyone's.
const PORT: u16 = 5000;
/// The largest message, in bytes, that is taken here, and that is sent.
pub(crate) const MAX_MESSAGE_SIZE: usize = 262_144;
/// What a peer takes that does not say (RFC 8841 §6.1).
const UNSAID_MESSAGE_SIZE: usize = 65_536;

/// What a section says about SCTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sctp {
    /// The largest message its side takes, in bytes.
    pub(crate) max_message_size: usize,
}

impl Sctp {
    /// Reads a section; `None` when it is for something else than data channels, or for a port
    /// that the engine cannot take, among them 0, which means no (RFC 8841 §5.2).
    pub(super) fn read(
        protocol: &str,
        formats: &[String],
        attributes: &[Attribute],
    ) -> Option<Sctp> {
        let format = formats.first()?;
        let port = if protocol.eq_ignore_ascii_case(EARLIER_PROTOCOL) {
            let is_data = values(attributes, "sctpmap").any(|map| {
                let mut words = map.split_ascii_whitespace();
                words.next() == Some(format) && words.next() == Some(FORMAT)
            });
            format.parse().ok().filter(|_| is_data)
        } else {
            let known = [PROTOCOL, "TCP/DTLS/SCTP"];
            let is_data = format.eq_ignore_ascii_case(FORMAT)
                && known
                    .iter()
                    .any(|known| protocol.eq_ignore_ascii_case(known));
            match values(attributes, "sctp-port").next() {
                Some(port) => port.trim().parse().ok(),
                None => Some(PORT),
            }
            .filter(|_| is_data)
        };
        let max_message_size = match values(attributes, "max-message-size").next() {
            None => UNSAID_MESSAGE_SIZE,
            Some(size) => match size.trim().parse() {
                // Any size. What does not fit into a number comes to the same.
                Ok(0) | Err(_) => usize::MAX,
                Ok(size) => size,
            },
        };
        (port == Some(PORT)).then_some(Sctp { max_message_size })
    }
}

/// The format of the `m=` line.
pub(super) fn format(protocol: &str) -> String {
    match protocol.eq_ignore_ascii_case(EARLIER_PROTOCOL) {
        true => PORT.to_string(),
        false => FORMAT.to_owned(),
    }
}

/// Writes the attributes, in the words of the section's protocol.
pub(super) fn write(media: &mut Media) {
    if media.proto.eq_ignore_ascii_case(EARLIER_PROTOCOL) {
        media.add_attribute(with("sctpmap", format!("{PORT} {FORMAT} 1024")));
    } else {
        media.add_attribute(with("sctp-port", PORT));
    }
    media.add_attribute(with("max-message-size", MAX_MESSAGE_SIZE));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(protocol: &str, format: &str, attributes: &[(&str, &str)]) -> Option<usize> {
        let attributes: Vec<Attribute> = attributes.iter().map(|(n, v)| with(n, v)).collect();
        let sctp = Sctp::read(protocol, &[format.to_owned()], &attributes);
        sctp.map(|sctp| sctp.max_message_size)
    }

    #[test]
    fn sections_in_todays_and_in_earlier_words_are_understood() {
        let today =
            |attributes: &[(&str, &str)]| read("UDP/DTLS/SCTP", "webrtc-datachannel", attributes);
        let port = ("sctp-port", "5000");
        assert_eq!(
            today(&[port, ("max-message-size", "262144")]),
            Some(262_144)
        );
        assert_eq!(today(&[port, ("max-message-size", "0")]), Some(usize::MAX));
        assert_eq!(today(&[port]), Some(65_536));
        assert_eq!(today(&[]), Some(65_536));
        let earlier = |map| read("DTLS/SCTP", "5000", &[("sctpmap", map)]);
        assert_eq!(earlier("5000 webrtc-datachannel 1024"), Some(65_536));
    }

    #[test]
    fn what_is_no_data_channel_or_not_for_us_is_not_taken() {
        let today = |port| {
            read(
                "UDP/DTLS/SCTP",
                "webrtc-datachannel",
                &[("sctp-port", port)],
            )
        };
        assert_eq!(today("0"), None, "no association");
        assert_eq!(today("6000"), None);
        assert_eq!(today("many"), None);
        assert_eq!(read("UDP/DTLS/SCTP", "bfcp", &[]), None);
        assert_eq!(read("TCP/MSRP", "*", &[]), None);
        let earlier = |map| read("DTLS/SCTP", "5000", &[("sctpmap", map)]);
        assert_eq!(earlier("5000 bfcp 1"), None);
        assert_eq!(earlier("5001 webrtc-datachannel 1"), None);
    }
}
