//! The RTP payload format of H.264 (RFC 6184) in packetization mode 1, and the few bits of H.264
//! itself that it needs.

use std::sync::Arc;

/// `nal_unit_type`s (H.264 table 7-1).
const IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;
const FILLER: u8 = 12;
/// Payload structures (RFC 6184 table 1).
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// More of a parameter set than any encoder writes.
const LARGEST_PARAMETER_SET: usize = 512;

fn kind(nal: &[u8]) -> u8 {
    nal.first().map_or(0, |header| header & 0x1f)
}

/// The NAL units between the start codes (H.264 annex B). Data without any is one NAL unit.
pub(super) fn nal_units(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(data).map_or(data, |at| &data[at..]);
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = after_start_code(rest).map_or(rest.len(), |at| at - 3);
            let mut nal = &rest[..end];
            rest = rest.get(end + 3..).unwrap_or_default();
            // Zeros before a start code belong to it, or are padding.
            while let [before @ .., 0] = nal {
                nal = before;
            }
            if !nal.is_empty() {
                return Some(nal);
            }
        }
        None
    })
}

/// Where the first NAL unit behind a start code begins.
fn after_start_code(data: &[u8]) -> Option<usize> {
    data.windows(3)
        .position(|bytes| bytes == [0, 0, 1])
        .map(|at| at + 3)
}

pub(super) fn is_key_frame(data: &[u8]) -> bool {
    nal_units(data).any(|nal| kind(nal) == IDR)
}

/// The size that the frame's sequence parameter set tells.
pub(super) fn size(data: &[u8]) -> Option<(u16, u16)> {
    nal_units(data)
        .find(|nal| kind(nal) == SPS)
        .and_then(size_of_parameters)
}

/// Splits access units into payloads; remembers the parameter sets, since not every encoder
/// repeats them before every IDR picture, and a decoder that joins late needs them there.
#[derive(Debug, Default)]
pub(super) struct Packetizer {
    sps: Option<Vec<u8>>,
    pps: Option<Vec<u8>>,
}

impl Packetizer {
    pub(super) fn packetize(&mut self, frame: &[u8], limit: usize) -> Vec<Arc<[u8]>> {
        let units: Vec<&[u8]> = nal_units(frame)
            .filter(|nal| !matches!(kind(nal), DELIMITER | FILLER))
            .collect();
        for unit in units.iter().filter(|u| u.len() <= LARGEST_PARAMETER_SET) {
            match kind(unit) {
                SPS => self.sps = Some(unit.to_vec()),
                PPS => self.pps = Some(unit.to_vec()),
                _ => {}
            }
        }
        let has = |wanted| units.iter().any(|unit| kind(unit) == wanted);
        let mut payloads = Payloads::new(limit);
        if has(IDR) && !has(SPS) {
            for unit in self.sps.iter().chain(&self.pps) {
                payloads.add(unit);
            }
        }
        for unit in units {
            payloads.add(unit);
        }
        payloads.finish()
    }
}

/// Payloads in the making: small NAL units share one (STAP-A), large ones take several (FU-A).
struct Payloads {
    limit: usize,
    /// Small units that wait for company.
    small: Vec<Vec<u8>>,
    done: Vec<Arc<[u8]>>,
}

impl Payloads {
    fn new(limit: usize) -> Payloads {
        Payloads {
            limit,
            small: Vec::new(),
            done: Vec::new(),
        }
    }

    fn add(&mut self, unit: &[u8]) {
        let together: usize = self.small.iter().map(|unit| 2 + unit.len()).sum();
        if 1 + together + 2 + unit.len() > self.limit {
            self.flush();
        }
        if unit.len() > self.limit {
            self.fragment(unit);
        } else {
            self.small.push(unit.to_vec());
        }
    }

    fn flush(&mut self) {
        let mut units = std::mem::take(&mut self.small);
        if units.len() > 1 {
            // The header's NRI is the highest of the units' (RFC 6184 §5.7).
            let importance = units.iter().map(|unit| unit[0] & 0x60).max().unwrap_or(0);
            let mut payload = vec![importance | STAP_A];
            for unit in &units {
                payload.extend_from_slice(&(unit.len() as u16).to_be_bytes());
                payload.extend_from_slice(unit);
            }
            self.done.push(Arc::from(payload));
        } else if let Some(unit) = units.pop() {
            self.done.push(Arc::from(unit));
        }
    }

    fn fragment(&mut self, unit: &[u8]) {
        let (header, body) = (unit[0], &unit[1..]);
        let count = body.len().div_ceil(self.limit - 2);
        let each = body.len().div_ceil(count);
        let pieces: Vec<&[u8]> = body.chunks(each).collect();
        let last = pieces.len() - 1;
        for (index, piece) in pieces.into_iter().enumerate() {
            let start = if index == 0 { 0x80 } else { 0 };
            let end = if index == last { 0x40 } else { 0 };
            let mut payload = vec![header & 0xe0 | FU_A, start | end | header & 0x1f];
            payload.extend_from_slice(piece);
            self.done.push(Arc::from(payload));
        }
    }

    fn finish(mut self) -> Vec<Arc<[u8]>> {
        self.flush();
        self.done
    }
}

/// Appends what a payload holds to the access unit; says whether it was understood.
pub(super) fn depacketize(payload: &[u8], frame: &mut Vec<u8>) -> bool {
    match (kind(payload), payload) {
        (1..=23, _) => {
            frame.extend_from_slice(&START_CODE);
            frame.extend_from_slice(payload);
            true
        }
        (STAP_A, [_, units @ ..]) => {
            let mut units = units;
            while !units.is_empty() {
                let Some((unit, rest)) = aggregated(units) else {
                    return false;
                };
                frame.extend_from_slice(&START_CODE);
                frame.extend_from_slice(unit);
                units = rest;
            }
            true
        }
        (FU_A, [indicator, header, piece @ ..]) if !piece.is_empty() => {
            if header & 0x80 != 0 {
                frame.extend_from_slice(&START_CODE);
                frame.push(indicator & 0xe0 | header & 0x1f);
            }
            frame.extend_from_slice(piece);
            true
        }
        _ => false,
    }
}

/// The first unit of a STAP-A, and the rest.
fn aggregated(units: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = units.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    (length > 0).then(|| rest.split_at_checked(length))?
}

/// Whether a key frame begins with this payload: it has a sequence parameter set, without which
/// an IDR picture is of no use to a decoder that begins.
pub(super) fn starts_key_frame(payload: &[u8]) -> bool {
    let begins = |unit: &[u8]| kind(unit) == SPS;
    match (kind(payload), payload) {
        (STAP_A, [_, units @ ..]) => {
            let mut units = units;
            while let Some((unit, rest)) = aggregated(units) {
                if begins(unit) {
                    return true;
                }
                units = rest;
            }
            false
        }
        (FU_A, [_, header, _, ..]) => header & 0x80 != 0 && header & 0x1f == SPS,
        _ => begins(payload),
    }
}

/// Reads a parameter set's bits, without the bytes that keep start codes out of it.
struct Bits {
    bytes: Vec<u8>,
    at: usize,
}

impl Bits {
    fn new(unit: &[u8]) -> Bits {
        let mut bytes: Vec<u8> = Vec::new();
        let mut zeros = 0;
        for byte in unit {
            if zeros >= 2 && *byte == 3 {
                zeros = 0;
                continue;
            }
            zeros = if *byte == 0 { zeros + 1 } else { 0 };
            bytes.push(*byte);
        }
        Bits { bytes, at: 0 }
    }

    fn bit(&mut self) -> Option<u32> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(u32::from(bit))
    }

    fn bits(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0u32, |value, _| Some(value << 1 | self.bit()?))
    }

    /// `ue(v)` (H.264 clause 9.1).
    fn number(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1u32 << zeros) - 1 + self.bits(zeros)?)
    }

    /// `se(v)` (H.264 clause 9.1.1).
    fn signed(&mut self) -> Option<i32> {
        let number = i64::from(self.number()?);
        let half = (number + 1) / 2;
        i32::try_from(if number % 2 == 0 { -half } else { half }).ok()
    }

    /// `scaling_list` (H.264 clause 7.3.2.1.1.1).
    fn skip_scaling_list(&mut self, size: usize) -> Option<()> {
        let (mut last, mut next) = (8, 8);
        for _ in 0..size {
            if next != 0 {
                next = (last + self.signed()?).rem_euclid(256);
            }
            if next != 0 {
                last = next;
            }
        }
        Some(())
    }
}

/// The size in a sequence parameter set (H.264 clause 7.3.2.1.1).
fn size_of_parameters(unit: &[u8]) -> Option<(u16, u16)> {
    let mut bits = Bits::new(unit.get(1..)?);
    let profile = bits.bits(8)?;
    bits.bits(16)?;
    bits.number()?;
    let mut chroma = 1;
    if [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135].contains(&profile) {
        chroma = bits.number()?;
        if chroma == 3 && bits.bit()? == 1 {
            chroma = 0;
        }
        bits.number()?;
        bits.number()?;
        bits.bit()?;
        if bits.bit()? == 1 {
            let lists = if chroma == 3 { 12 } else { 8 };
            for list in 0..lists {
                if bits.bit()? == 1 {
                    bits.skip_scaling_list(if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.number()?;
    match bits.number()? {
        0 => {
            bits.number()?;
        }
        1 => {
            bits.bit()?;
            bits.signed()?;
            bits.signed()?;
            for _ in 0..bits.number()?.min(255) {
                bits.signed()?;
            }
        }
        _ => {}
    }
    bits.number()?;
    bits.bit()?;
    let width = bits.number()?.checked_add(1)?.checked_mul(16)?;
    let units = bits.number()?.checked_add(1)?;
    let frames_only = bits.bit()?;
    let fields = 2 - frames_only;
    let height = units.checked_mul(16 * fields)?;
    if frames_only == 0 {
        bits.bit()?;
    }
    bits.bit()?;
    let (mut across, mut down) = (0, 0);
    if bits.bit()? == 1 {
        let unit_across = if matches!(chroma, 1 | 2) { 2 } else { 1 };
        let unit_down = fields * if chroma == 1 { 2 } else { 1 };
        across = bits.number()?.checked_add(bits.number()?)?;
        across = across.checked_mul(unit_across)?;
        down = bits.number()?.checked_add(bits.number()?)?;
        down = down.checked_mul(unit_down)?;
    }
    let width = width.checked_sub(across)?;
    let height = height.checked_sub(down)?;
    Some((width.try_into().ok()?, height.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packetize(frame: &[u8], limit: usize) -> Vec<Vec<u8>> {
        let payloads = Packetizer::default().packetize(frame, limit);
        payloads.iter().map(|payload| payload.to_vec()).collect()
    }

    fn depacketized(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut frame = Vec::new();
        for payload in payloads {
            assert!(depacketize(payload, &mut frame), "{payload:x?}");
        }
        frame
    }

    #[test]
    fn nal_units_are_found_behind_start_codes_of_both_lengths() {
        let data = [
            0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 3, 0,
        ];
        let units: Vec<&[u8]> = nal_units(&data).collect();
        let expected: [&[u8]; 3] = [&[0x67, 1], &[0x68, 2], &[0x65, 3]];
        assert_eq!(units, expected);
        assert_eq!(nal_units(&[0x41, 1]).next(), Some(&[0x41, 1][..]));
        assert_eq!(nal_units(&[0, 0, 1]).next(), None);
        assert_eq!(nal_units(&[]).next(), None);
    }

    #[test]
    fn a_small_unit_is_a_packet_of_its_own() {
        assert_eq!(packetize(&[0, 0, 0, 1, 0x41, 9, 8], 100), [[0x41, 9, 8]]);
    }

    #[test]
    fn small_units_share_a_packet() {
        let frame = [0, 0, 1, 0x67, 0x42, 0, 0, 1, 0x68, 0xce, 0, 0, 1, 0x06, 5];
        let payloads = packetize(&frame, 100);
        let literal = [0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xce, 0, 2, 0x06, 5];
        assert_eq!(payloads, [literal]);
        assert_eq!(
            depacketized(&payloads),
            [
                0, 0, 0, 1, 0x67, 0x42, 0, 0, 0, 1, 0x68, 0xce, 0, 0, 0, 1, 0x06, 5
            ]
        );
    }

    #[test]
    fn a_large_unit_is_fragmented() {
        let frame = [0, 0, 0, 1, 0x65, 1, 2, 3, 4, 5, 6, 7];
        let payloads = packetize(&frame, 5);
        let literal: [&[u8]; 3] = [
            &[0x7c, 0x85, 1, 2, 3],
            &[0x7c, 0x05, 4, 5, 6],
            &[0x7c, 0x45, 7],
        ];
        assert_eq!(payloads, literal);
        assert_eq!(depacketized(&payloads), frame);
    }

    #[test]
    fn delimiters_are_left_out_and_no_packet_is_too_large() {
        let mut frame = vec![0, 0, 0, 1, DELIMITER, 0xf0];
        for length in [3, 40, 97, 98, 99, 100, 101, 300] {
            frame.extend_from_slice(&START_CODE);
            frame.extend(std::iter::repeat_n(0x41, length));
        }
        let payloads = packetize(&frame, 100);
        assert!(payloads.iter().all(|payload| payload.len() <= 100));
        assert_eq!(depacketized(&payloads), frame[6..]);
    }

    #[test]
    fn parameter_sets_are_put_before_a_picture_that_lacks_them() {
        let mut packetizer = Packetizer::default();
        let first = [0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3];
        let again = packetizer.packetize(&first, 100);
        let bare = packetizer.packetize(&[0, 0, 1, 0x65, 3], 100);
        assert_eq!(again, bare);
        let later = packetizer.packetize(&[0, 0, 1, 0x41, 4], 100);
        assert_eq!(*later[0], [0x41, 4]);
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for payload in [
            &[][..],
            &[0x7c],
            &[0x7c, 0x85],
            &[0x78, 0],
            &[0x78, 0, 3, 0x67, 1],
            &[0x78, 0, 0],
            &[0x1e, 1],
            &[0],
        ] {
            assert!(!depacketize(payload, &mut Vec::new()), "{payload:x?}");
            assert!(!starts_key_frame(payload), "{payload:x?}");
        }
    }

    #[test]
    fn a_key_frame_begins_with_its_parameters() {
        for payload in [
            &[0x67, 1][..],
            &[0x78, 0, 2, 0x06, 5, 0, 2, 0x67, 1],
            &[0x7c, 0x87, 1],
        ] {
            assert!(starts_key_frame(payload), "{payload:x?}");
        }
        for payload in [
            &[0x41, 1][..],
            &[0x65, 1],
            &[0x7c, 0x07, 1],
            &[0x7c, 0x85, 1],
        ] {
            assert!(!starts_key_frame(payload), "{payload:x?}");
        }
    }

    #[test]
    fn the_size_is_read_from_the_parameters() {
        // Constrained baseline, 1280 x 720.
        let baseline = [
            0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xe8, 0x40,
        ];
        assert_eq!(size(&baseline), Some((1280, 720)));
        for length in 0..baseline.len() - 2 {
            assert_eq!(size(&baseline[..length]), None);
        }
        assert_eq!(size(&[0, 0, 1, 0x65, 1]), None);
    }
}
