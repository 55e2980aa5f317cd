//! Puts the frames together again: from packets that come out of order, twice or not at all.
//!
//! ```text
//!              a key frame is whole
//!  waiting ──────────────────────────> following ──┐ the next frame is whole
//!     ^                                    │  ^────┘
//!     └── a packet is missing too long ────┘
//! ```
//!
//! A frame that misses a packet cannot be decoded, and neither can those that build on it: after
//! a loss that no retransmission repaired in time, nothing is given until the next key frame.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::payload::{depacketize, may_start_frame, starts_key_frame};
use super::{LARGEST_FRAME, VideoCodec};

/// How long a missing packet is waited for: several round trips for its retransmission.
const PATIENCE: Duration = Duration::from_millis(300);
/// More packets than the largest frame has at the usual size.
const MOST_PACKETS: usize = 8_192;

/// A packet of the video stream.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) codec: VideoCodec,
    /// Counted on over its wraps.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    /// Empty when the packet is nothing but padding.
    pub(crate) payload: Arc<[u8]>,
}

/// A frame that is whole, and of which everything it builds on was given before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Assembled {
    pub(crate) codec: VideoCodec,
    pub(crate) timestamp: u32,
    pub(crate) data: Vec<u8>,
    pub(crate) key_frame: bool,
}

/// The reorder buffer of one stream.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    packets: BTreeMap<u64, Packet>,
    /// Those of them that begin a key frame.
    starts: BTreeSet<u64>,
    bytes: usize,
    state: State,
    dropped: u64,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Nothing can be decoded before the next key frame, of which nothing is here yet.
    #[default]
    Waiting,
    /// The next frame begins with this packet.
    Expecting {
        next: u64,
        /// Nothing was given before, so that it must be a key frame.
        first: bool,
        /// Since when a packet has been missing although later ones came.
        missing: Option<Instant>,
    },
}

impl Assembler {
    /// Takes a packet. Those that come too late or twice change nothing.
    pub(crate) fn insert(&mut self, now: Instant, packet: Packet) {
        let late = match self.state {
            State::Waiting => false,
            State::Expecting { next, .. } => packet.sequence < next,
        };
        if late || self.packets.contains_key(&packet.sequence) {
            return;
        }
        if self.packets.len() >= MOST_PACKETS || self.bytes > LARGEST_FRAME {
            self.give_up(u64::MAX);
        }
        self.bytes += packet.payload.len();
        if starts_key_frame(packet.codec, &packet.payload) {
            self.starts.insert(packet.sequence);
        }
        self.packets.insert(packet.sequence, packet);
        self.note_missing(now);
    }

    /// The next frame that is whole; to be called until there is none.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Assembled> {
        loop {
            let State::Expecting {
                next,
                first,
                missing,
            } = self.state
            else {
                let next = self.key_frame_start()?;
                self.forget_before(next);
                self.expect(now, next, true);
                continue;
            };
            let end = match self.span(next) {
                Ok(end) => end,
                Err(gap) if missing.is_some_and(|since| now >= since + PATIENCE) => {
                    self.give_up(gap);
                    continue;
                }
                Err(_) => return None,
            };
            match self.take(next, end) {
                // Padding between frames.
                Some(frame) if frame.data.is_empty() => self.expect(now, end + 1, first),
                Some(frame) if !first || frame.key_frame => {
                    self.expect(now, end + 1, false);
                    return Some(frame);
                }
                // It was malformed, or no key frame after all.
                _ => {
                    self.dropped += 1;
                    self.state = State::Waiting;
                }
            }
        }
    }

    /// When [`poll`](Self::poll) has something to do although nothing came.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Waiting => None,
            State::Expecting { missing, .. } => Some(missing? + PATIENCE),
        }
    }

    /// Whether nothing can be given before a key frame of which no packet is here yet.
    pub(crate) fn needs_key_frame(&self) -> bool {
        matches!(self.state, State::Waiting) && !self.packets.is_empty()
    }

    /// Frames that were given up because a part of them, or of those before, was missing.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Another stream begins: its sequence has nothing to do with the one before.
    pub(crate) fn restart(&mut self) {
        self.packets.clear();
        self.starts.clear();
        self.bytes = 0;
        self.state = State::Waiting;
    }

    fn expect(&mut self, now: Instant, next: u64, first: bool) {
        self.state = State::Expecting {
            next,
            first,
            missing: None,
        };
        self.note_missing(now);
    }

    fn note_missing(&mut self, now: Instant) {
        if let State::Expecting { next, missing, .. } = &mut self.state {
            // Every packet from the next to the last is here, or one of them is missing.
            let whole = match self.packets.last_key_value() {
                None => true,
                Some((last, _)) => last - *next + 1 == self.packets.len() as u64,
            };
            *missing = if whole { None } else { missing.or(Some(now)) };
        }
    }

    /// The last packet of the frame that begins with this one, or the first that is missing.
    fn span(&self, first: u64) -> Result<u64, u64> {
        let mut sequence = first;
        let mut timestamp = None;
        loop {
            let Some(packet) = self.packets.get(&sequence) else {
                return Err(sequence);
            };
            if !packet.payload.is_empty() {
                if *timestamp.get_or_insert(packet.timestamp) != packet.timestamp {
                    // The next frame begins: this one ended without a marker.
                    return Ok(sequence - 1);
                }
                if packet.marker {
                    return Ok(sequence);
                }
            } else if timestamp.is_none() {
                return Ok(sequence);
            }
            sequence += 1;
        }
    }

    /// Takes the packets of a frame out and joins them; `None` when they are malformed.
    fn take(&mut self, first: u64, last: u64) -> Option<Assembled> {
        let mut frame = Assembled {
            codec: self.packets.get(&first)?.codec,
            timestamp: self.packets.get(&first)?.timestamp,
            data: Vec::new(),
            key_frame: false,
        };
        let mut whole = true;
        let mut fresh = true;
        for sequence in first..=last {
            let Some(packet) = self.packets.remove(&sequence) else {
                whole = false;
                continue;
            };
            self.bytes -= packet.payload.len();
            self.starts.remove(&sequence);
            if packet.payload.is_empty() {
                continue;
            }
            if std::mem::take(&mut fresh) {
                whole &= may_start_frame(packet.codec, &packet.payload);
            }
            whole &= packet.codec == frame.codec
                && depacketize(packet.codec, &packet.payload, &mut frame.data);
        }
        frame.key_frame = frame.codec.is_key_frame(&frame.data);
        whole.then_some(frame)
    }

    /// Where the first key frame in the buffer begins.
    fn key_frame_start(&self) -> Option<u64> {
        let mut start = *self.starts.first()?;
        let timestamp = self.packets.get(&start)?.timestamp;
        // Of H.264, other NAL units may come before the parameters or the picture.
        while let Some(before) = start.checked_sub(1)
            && let Some(packet) = self.packets.get(&before)
            && packet.timestamp == timestamp
            && !packet.marker
            && !packet.payload.is_empty()
        {
            start = before;
        }
        Some(start)
    }

    /// What comes before and with the missing packet is lost.
    fn give_up(&mut self, gap: u64) {
        self.forget_before(gap.saturating_add(1));
        self.state = State::Waiting;
        self.dropped += 1;
    }

    fn forget_before(&mut self, sequence: u64) {
        self.packets = self.packets.split_off(&sequence);
        self.starts = self.starts.split_off(&sequence);
        self.bytes = self.packets.values().map(|p| p.payload.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream of VP8 frames of three packets each; a key frame has 0 as its first byte.
    struct Bench {
        assembler: Assembler,
        now: Instant,
        given: Vec<u8>,
    }

    fn packet(sequence: u64, key: bool) -> Packet {
        let (frame, part) = (sequence / 3, sequence % 3);
        let descriptor = if part == 0 { 0x10 } else { 0 };
        let tag = if key { 0 } else { 1 };
        Packet {
            codec: VideoCodec::Vp8,
            sequence,
            timestamp: frame as u32 * 3_000,
            marker: part == 2,
            payload: Arc::from([descriptor, tag, frame as u8]),
        }
    }

    impl Bench {
        fn new() -> Bench {
            Bench {
                assembler: Assembler::default(),
                now: Instant::now(),
                given: Vec::new(),
            }
        }

        fn arrives(&mut self, packet: Packet) {
            self.assembler.insert(self.now, packet);
            self.poll();
        }

        fn poll(&mut self) {
            while let Some(frame) = self.assembler.poll(self.now) {
                assert_eq!(frame.data.len(), 6);
                assert_eq!(frame.key_frame, frame.data[0] == 0);
                self.given.push(frame.data[1]);
            }
        }

        /// Frames `numbers`, of which these are key frames, without some packets.
        fn frames(&mut self, numbers: std::ops::Range<u64>, keys: &[u64], without: &[u64]) {
            for sequence in numbers.start * 3..numbers.end * 3 {
                if !without.contains(&sequence) {
                    self.arrives(packet(sequence, keys.contains(&(sequence / 3))));
                }
            }
        }
    }

    #[test]
    fn frames_in_order_come_out_at_once() {
        let mut bench = Bench::new();
        bench.frames(0..4, &[0], &[]);
        assert_eq!(bench.given, [0, 1, 2, 3]);
        assert_eq!(bench.assembler.deadline(), None);
        assert!(bench.assembler.packets.is_empty());
    }

    #[test]
    fn packets_out_of_order_and_twice_make_the_same_frames() {
        let mut bench = Bench::new();
        for sequence in [1, 0, 0, 2, 5, 4, 3, 8, 6, 7, 7] {
            bench.arrives(packet(sequence, sequence < 3));
        }
        assert_eq!(bench.given, [0, 1, 2]);
        assert_eq!(bench.assembler.dropped(), 0);
    }

    #[test]
    fn a_late_packet_within_the_patience_loses_nothing() {
        let mut bench = Bench::new();
        bench.frames(0..4, &[0], &[4]);
        assert_eq!(bench.given, [0]);
        let deadline = bench.assembler.deadline().expect("a packet is missing");
        assert_eq!(deadline, bench.now + PATIENCE);
        bench.now = deadline - Duration::from_millis(1);
        bench.arrives(packet(4, false));
        assert_eq!(bench.given, [0, 1, 2, 3]);
        assert_eq!(bench.assembler.deadline(), None);
    }

    #[test]
    fn after_a_loss_nothing_comes_until_the_next_key_frame() {
        let mut bench = Bench::new();
        bench.frames(0..4, &[0], &[4]);
        bench.now += PATIENCE;
        bench.poll();
        assert_eq!(bench.given, [0]);
        assert!(bench.assembler.needs_key_frame());
        bench.frames(4..8, &[6], &[]);
        assert_eq!(bench.given, [0, 6, 7]);
        assert!(!bench.assembler.needs_key_frame());
        assert_eq!(bench.assembler.dropped(), 1);
    }

    #[test]
    fn a_loss_within_a_key_frame_waits_for_another() {
        let mut bench = Bench::new();
        bench.frames(0..3, &[0], &[2]);
        bench.now += PATIENCE;
        bench.frames(3..6, &[4], &[]);
        assert_eq!(bench.given, [4, 5]);
    }

    #[test]
    fn a_stream_that_is_joined_late_asks_for_a_key_frame() {
        let mut bench = Bench::new();
        assert!(!bench.assembler.needs_key_frame(), "nothing comes at all");
        bench.frames(5..7, &[], &[]);
        assert!(bench.assembler.needs_key_frame());
        bench.frames(7..8, &[7], &[23]);
        assert!(!bench.assembler.needs_key_frame(), "one is on its way");
        bench.arrives(packet(23, true));
        assert_eq!(bench.given, [7]);
    }

    #[test]
    fn padding_is_no_part_of_a_frame() {
        let mut bench = Bench::new();
        bench.frames(0..1, &[0], &[]);
        let padding = |sequence| Packet {
            payload: Arc::from([]),
            marker: false,
            ..packet(sequence, false)
        };
        bench.arrives(padding(3));
        for sequence in 4..7 {
            let mut moved = packet(sequence - 1, false);
            moved.sequence = sequence;
            bench.arrives(moved);
        }
        assert_eq!(bench.given, [0, 1]);
    }

    #[test]
    fn a_frame_without_its_marker_ends_with_the_next_timestamp() {
        let mut bench = Bench::new();
        for sequence in 0..6 {
            let mut packet = packet(sequence, sequence < 3);
            packet.marker = false;
            bench.arrives(packet);
        }
        assert_eq!(bench.given, [0]);
        bench.arrives(packet(6, false));
        assert_eq!(bench.given, [0, 1]);
    }

    #[test]
    fn malformed_packets_drop_their_frame_only() {
        let mut bench = Bench::new();
        bench.frames(0..1, &[0], &[]);
        let mut wrong = packet(3, false);
        wrong.payload = Arc::from([0x90]);
        bench.arrives(wrong);
        bench.frames(1..4, &[3], &[3]);
        assert_eq!(bench.given, [0, 3]);
        assert_eq!(bench.assembler.dropped(), 1);
    }

    #[test]
    fn a_flood_is_bounded() {
        let mut bench = Bench::new();
        for n in 0..100_000u64 {
            let mut packet = packet(n * 2, false);
            packet.payload = Arc::from([0u8; 1_000]);
            bench.arrives(packet);
        }
        assert!(bench.assembler.packets.len() <= MOST_PACKETS);
        assert!(bench.assembler.bytes <= LARGEST_FRAME + 1_000);
        bench.assembler.restart();
        assert_eq!(bench.assembler.bytes, 0);
    }

    #[test]
    fn an_h264_key_frame_is_found_by_its_parameters() {
        let mut bench = Bench::new();
        let h264 = |sequence, timestamp, marker, payload: &[u8]| Packet {
            codec: VideoCodec::H264,
            sequence,
            timestamp,
            marker,
            payload: Arc::from(payload),
        };
        let assembler = &mut bench.assembler;
        for packet in [
            h264(10, 1, true, &[0x41, 1]),
            h264(11, 2, false, &[0x06, 5]),
            h264(12, 2, false, &[0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 2]),
            h264(13, 2, false, &[0x7c, 0x85, 3]),
            h264(14, 2, true, &[0x7c, 0x45, 4]),
        ] {
            assembler.insert(bench.now, packet);
        }
        let frame = assembler.poll(bench.now).expect("the frame is whole");
        let expected = [
            0, 0, 0, 1, 0x06, 5, 0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 3, 4,
        ];
        assert_eq!(frame.data, expected);
        assert!(frame.key_frame);
    }
}
