//! The RTP payload format of VP8 (RFC 7741), and the few bits of VP8 itself that it needs.

use std::sync::Arc;

/// Our payload descriptor: the mandatory byte, the extension byte and a PictureID of 15 bits.
const DESCRIPTOR: usize = 4;

/// The inverse key frame flag is the lowest bit of a frame (RFC 6386 §9.1).
pub(super) fn is_key_frame(data: &[u8]) -> bool {
    data.first().is_some_and(|first| first & 1 == 0)
}

/// The size in a key frame's header (RFC 6386 §9.1).
pub(super) fn size(data: &[u8]) -> Option<(u16, u16)> {
    match *data {
        [tag, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] if tag & 1 == 0 => Some((
            u16::from_le_bytes([w0, w1]) & 0x3fff,
            u16::from_le_bytes([h0, h1]) & 0x3fff,
        )),
        _ => None,
    }
}

/// Splits a frame into payloads of at most `limit` bytes, about equally large.
pub(super) fn packetize(frame: &[u8], picture_id: u16, limit: usize) -> Vec<Arc<[u8]>> {
    let room = limit - DESCRIPTOR;
    let count = frame.len().div_ceil(room).max(1);
    let each = frame.len().div_ceil(count).max(1);
    let mut payloads = Vec::with_capacity(count);
    for (index, piece) in frame.chunks(each).enumerate() {
        // X, and S on the first packet of the frame's only partition, PID 0.
        let start = if index == 0 { 0x10 } else { 0 };
        let id = picture_id & 0x7fff | 0x8000;
        let [high, low] = id.to_be_bytes();
        let mut payload = Vec::with_capacity(DESCRIPTOR + piece.len());
        payload.extend_from_slice(&[0x80 | start, 0x80, high, low]);
        payload.extend_from_slice(piece);
        payloads.push(Arc::from(payload));
    }
    payloads
}

/// A payload, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Payload<'a> {
    /// Whether it is the first of its frame.
    pub(super) starts: bool,
    pub(super) data: &'a [u8],
}

impl<'a> Payload<'a> {
    /// `None` when the descriptor is cut short or nothing follows it.
    pub(super) fn parse(payload: &'a [u8]) -> Option<Payload<'a>> {
        let (&first, mut rest) = payload.split_first()?;
        if first & 0x80 != 0 {
            let (&extensions, behind) = rest.split_first()?;
            rest = behind;
            if extensions & 0x80 != 0 {
                let id = rest.first()?;
                rest = rest.get(if id & 0x80 != 0 { 2 } else { 1 }..)?;
            }
            if extensions & 0x40 != 0 {
                rest = rest.get(1..)?;
            }
            // TID, Y and KEYIDX share a byte.
            if extensions & 0x30 != 0 {
                rest = rest.get(1..)?;
            }
        }
        let starts = first & 0x10 != 0 && first & 0x07 == 0;
        (!rest.is_empty()).then_some(Payload { starts, data: rest })
    }

    pub(super) fn starts_key_frame(&self) -> bool {
        self.starts && is_key_frame(self.data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_frame_is_one_packet_with_descriptor_and_picture_id() {
        let packets = packetize(&[0x10, 2, 3], 0x1234, 1_000);
        assert_eq!(packets.len(), 1);
        assert_eq!(*packets[0], [0x90, 0x80, 0x92, 0x34, 0x10, 2, 3]);
    }

    #[test]
    fn a_large_frame_starts_once_and_its_pieces_are_equal() {
        let frame: Vec<u8> = (0..10).collect();
        let packets = packetize(&frame, 5, 8);
        let literal: [&[u8]; 3] = [
            &[0x90, 0x80, 0x80, 5, 0, 1, 2, 3],
            &[0x80, 0x80, 0x80, 5, 4, 5, 6, 7],
            &[0x80, 0x80, 0x80, 5, 8, 9],
        ];
        assert_eq!(packets.iter().map(|p| &**p).collect::<Vec<_>>(), literal);
    }

    #[test]
    fn every_form_of_the_descriptor_is_read() {
        // RFC 7741 §4.2: no extension; 7 and 15 bits of PictureID; TL0PICIDX; TID or KEYIDX.
        for (payload, starts, data) in [
            (&[0x10, 0xaa][..], true, &[0xaa][..]),
            (&[0x00, 0xaa], false, &[0xaa]),
            (&[0x11, 0xaa], false, &[0xaa]),
            (&[0x90, 0x80, 0x17, 0xaa], true, &[0xaa]),
            (&[0x90, 0x80, 0x92, 0x34, 0xaa], true, &[0xaa]),
            (&[0x90, 0xc0, 0x92, 0x34, 0x07, 0xaa], true, &[0xaa]),
            (&[0x90, 0xe0, 0x92, 0x34, 0x07, 0x20, 0xaa], true, &[0xaa]),
            (&[0x80, 0x10, 0x05, 0xaa, 0xbb], false, &[0xaa, 0xbb]),
        ] {
            let expected = Some(Payload { starts, data });
            assert_eq!(Payload::parse(payload), expected, "{payload:x?}");
        }
    }

    #[test]
    fn what_is_cut_short_is_nothing() {
        let whole = [0x90, 0xf0, 0x92, 0x34, 0x07, 0x20, 0xaa];
        for length in 0..whole.len() {
            assert_eq!(Payload::parse(&whole[..length]), None);
        }
    }

    #[test]
    fn key_frames_tell_their_size() {
        let key = [0x50, 0x01, 0x00, 0x9d, 0x01, 0x2a, 0xa0, 0x00, 0x78, 0x40];
        assert!(is_key_frame(&key));
        assert_eq!(size(&key), Some((160, 120)));
        assert!(!is_key_frame(&[0x51]));
        assert_eq!(size(&[0x51, 0, 0, 0x9d, 0x01, 0x2a, 1, 0, 1, 0]), None);
        assert_eq!(size(&key[..8]), None);
    }
}
