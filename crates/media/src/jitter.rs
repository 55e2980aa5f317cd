//! Evens out the arrival of audio packets (an adaptive jitter buffer).
//!
//! Packets stand in the order of their timestamps. Every 20 ms the player asks [`JitterBuffer::next`]
//! what to play: a packet, something in a lost packet's place, or silence while the buffer fills.
//! How full it gets before it plays follows from how unevenly packets arrived lately.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::codec::FRAMES_PER_SECOND;

const SMALLEST_DELAY: Duration = Duration::from_millis(40);
const LARGEST_DELAY: Duration = Duration::from_millis(400);
/// The arrivals that the delay is learnt from: five seconds of 20 ms packets.
const REMEMBERED_ARRIVALS: usize = 250;
/// Delay above the wanted one that is taken for a reason to skip, if it stays.
const SURPLUS: Duration = Duration::from_millis(60);
/// How long it must stay before a frame is skipped that is not quiet.
const PATIENCE: u32 = 3 * FRAMES_PER_SECOND;
/// Delay above the wanted one that is cut off at once.
const FAR_TOO_LATE: Duration = Duration::from_millis(300);
/// More than this in the buffer is an attack or a bug of the peer.
const MOST_PACKETS: usize = 500;
/// Frames made up in an empty buffer before it fills anew.
const MADE_UP_AT_MOST: u32 = 3;
/// A gap in the timestamps above this is a pause, not a loss.
const LONGEST_LOSS: Duration = Duration::from_secs(1);

/// What to play for the next 20 ms.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Playout {
    /// Decode this payload; then say how long it was with [`JitterBuffer::played`].
    Decode(Arc<[u8]>),
    /// The packet is missing, but the one after it is here and may carry a copy.
    Recover(Arc<[u8]>),
    /// The packet is missing: make something up.
    Conceal,
    /// Nothing to play.
    Silence,
}

#[derive(Debug)]
enum State {
    /// Waiting until enough is here.
    Filling,
    Playing {
        /// Frames made up since the buffer ran empty.
        made_up: u32,
    },
}

#[derive(Debug)]
pub(crate) struct JitterBuffer {
    clock_rate: u32,
    packets: BTreeMap<u64, (Instant, Arc<[u8]>)>,
    state: State,
    /// The timestamp that is played next.
    cursor: u64,
    /// The highest timestamp seen, unwrapped.
    newest: Option<u64>,
    epoch: Option<Instant>,
    transits: VecDeque<i64>,
    target: Duration,
    surplus_frames: u32,
    late: u64,
    skipped: u64,
}

impl JitterBuffer {
    pub(crate) fn new(clock_rate: u32) -> JitterBuffer {
        JitterBuffer {
            clock_rate,
            packets: BTreeMap::new(),
            state: State::Filling,
            cursor: 0,
            newest: None,
            epoch: None,
            transits: VecDeque::new(),
            target: SMALLEST_DELAY,
            surplus_frames: 0,
            late: 0,
            skipped: 0,
        }
    }

    /// Forgets the packets, as when another source takes over; what was learnt about the
    /// network stays.
    pub(crate) fn restart(&mut self) {
        self.packets.clear();
        self.state = State::Filling;
        self.newest = None;
        self.transits.clear();
    }

    /// Packets that came too late or were skipped to shorten the delay.
    pub(crate) fn late(&self) -> u64 {
        self.late + self.skipped
    }

    /// How long packets wait at the moment.
    pub(crate) fn delay(&self) -> Duration {
        self.target
    }

    fn frame(&self) -> u64 {
        u64::from(self.clock_rate / FRAMES_PER_SECOND)
    }

    fn units(&self, duration: Duration) -> u64 {
        (duration.as_micros() as u64 * u64::from(self.clock_rate)) / 1_000_000
    }

    pub(crate) fn insert(&mut self, now: Instant, timestamp: u32, payload: Arc<[u8]>) {
        let timestamp = self.unwrap(timestamp);
        self.learn(now, timestamp);
        if matches!(self.state, State::Playing { .. }) && timestamp < self.cursor {
            self.late += 1;
            return;
        }
        self.packets.insert(timestamp, (now, payload));
        while self.packets.len() > MOST_PACKETS {
            self.packets.pop_first();
            self.skipped += 1;
        }
    }

    /// Counts the 32-bit timestamp on, over its wraps. A jump far away is a new beginning.
    fn unwrap(&mut self, timestamp: u32) -> u64 {
        // Starting above zero leaves room for packets older than the first.
        let Some(newest) = self.newest else {
            let start = (1 << 32) + u64::from(timestamp);
            self.newest = Some(start);
            return start;
        };
        let change = timestamp.wrapping_sub(newest as u32) as i32;
        let value = newest.saturating_add_signed(i64::from(change));
        if u64::from(change.unsigned_abs()) > u64::from(self.clock_rate) * 10 {
            self.restart();
            self.newest = Some(value);
        } else {
            self.newest = Some(newest.max(value));
        }
        value
    }

    fn learn(&mut self, now: Instant, timestamp: u64) {
        let epoch = *self.epoch.get_or_insert(now);
        let arrival = now.saturating_duration_since(epoch).as_micros() as i64;
        let sent = (timestamp as i128 * 1_000_000 / i128::from(self.clock_rate)) as i64;
        self.transits.push_back(arrival - sent);
        if self.transits.len() > REMEMBERED_ARRIVALS {
            self.transits.pop_front();
        }
        // Looking at the distribution with every tenth packet is often enough.
        if self.transits.len() < 10
            || !self.transits.len().is_multiple_of(10) && self.transits.len() < REMEMBERED_ARRIVALS
        {
            return;
        }
        let mut sorted: Vec<i64> = self.transits.iter().copied().collect();
        let last = sorted.len() - 1;
        let (_, slow, _) = sorted.select_nth_unstable(last * 97 / 100);
        let slow = *slow;
        let fastest = self.transits.iter().copied().min().unwrap_or(slow);
        let spread = Duration::from_micros((slow - fastest).max(0) as u64);
        let wanted = spread + Duration::from_millis(20);
        self.target = wanted.clamp(SMALLEST_DELAY, LARGEST_DELAY);
    }

    /// What is in the buffer, as a time, counted from `from`.
    fn filled(&self, from: u64) -> u64 {
        match self.packets.last_key_value() {
            Some((newest, _)) => (newest + self.frame()).saturating_sub(from),
            None => 0,
        }
    }

    /// What to play for the next 20 ms.
    pub(crate) fn next(&mut self, now: Instant) -> Playout {
        match self.state {
            State::Filling => {
                let Some((oldest, (arrived, _))) = self.packets.first_key_value() else {
                    return Playout::Silence;
                };
                let waited = now.saturating_duration_since(*arrived);
                let full = self.filled(*oldest) >= self.units(self.target);
                if !full && waited < self.target {
                    return Playout::Silence;
                }
                self.cursor = *oldest;
                self.surplus_frames = 0;
                self.state = State::Playing { made_up: 0 };
                self.play()
            }
            State::Playing { .. } => self.play(),
        }
    }

    fn play(&mut self) -> Playout {
        self.shorten();
        let State::Playing { made_up } = &mut self.state else {
            return Playout::Silence;
        };
        let frame = u64::from(self.clock_rate / FRAMES_PER_SECOND);
        let Some((first, (_, payload))) = self.packets.first_key_value() else {
            // Empty: the packet may only be late, so the cursor stays where it is.
            *made_up += 1;
            if *made_up > MADE_UP_AT_MOST {
                self.state = State::Filling;
                return Playout::Silence;
            }
            return Playout::Conceal;
        };
        let first = *first;
        if first > self.cursor && *made_up > 0 {
            // What was made up while nothing was here has filled the gap, or a part of it.
            let filled = (u64::from(*made_up) * frame).min(first - self.cursor);
            self.cursor += filled;
        }
        *made_up = 0;
        // Timestamps that are a little off (a peer that rounds) are no gap.
        if first < self.cursor + frame / 2 {
            let payload = payload.clone();
            self.packets.pop_first();
            self.cursor = first;
            return Playout::Decode(payload);
        }
        let gap = first - self.cursor;
        if gap > self.units(LONGEST_LOSS) {
            self.state = State::Filling;
            return Playout::Silence;
        }
        let payload = payload.clone();
        self.cursor += frame;
        if gap <= frame + frame / 2 {
            Playout::Recover(payload)
        } else {
            Playout::Conceal
        }
    }

    /// Whether more waits than is needed, so that a quiet frame may be left out.
    pub(crate) fn has_surplus(&self) -> bool {
        let wanted = self.units(self.target) + self.frame();
        matches!(self.state, State::Playing { .. })
            && self.filled(self.cursor) > wanted + self.units(SURPLUS)
    }

    /// Skips a frame when more waits than is needed, for long enough.
    fn shorten(&mut self) {
        let filled = self.filled(self.cursor);
        let wanted = self.units(self.target) + self.frame();
        let far = wanted + self.units(FAR_TOO_LATE);
        if filled > far {
            while self.filled(self.cursor) > wanted && self.packets.len() > 1 {
                self.skip();
            }
        } else if self.has_surplus() {
            self.surplus_frames += 1;
            if self.surplus_frames > PATIENCE {
                self.surplus_frames = 0;
                self.skip();
            }
        } else {
            self.surplus_frames = 0;
        }
    }

    fn skip(&mut self) {
        if self.packets.pop_first().is_some() {
            self.skipped += 1;
            if let Some((next, _)) = self.packets.first_key_value() {
                self.cursor = *next;
            }
        }
    }

    /// Says how many samples the packet just decoded held.
    pub(crate) fn played(&mut self, samples: usize) {
        // A packet that could not be decoded still took its time.
        let samples = if samples == 0 {
            self.frame()
        } else {
            samples as u64
        };
        self.cursor += samples;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: u32 = 160;

    struct Player {
        buffer: JitterBuffer,
        start: Instant,
        heard: Vec<Option<u8>>,
    }

    impl Player {
        fn new() -> Player {
            Player {
                buffer: JitterBuffer::new(8_000),
                start: Instant::now(),
                heard: Vec::new(),
            }
        }

        /// Packet `n` arrives `at` ms after the start.
        fn arrives(&mut self, n: u32, at: u64) {
            let now = self.start + Duration::from_millis(at);
            let timestamp = (u32::MAX - 10 * FRAME).wrapping_add(n * FRAME);
            self.buffer.insert(now, timestamp, Arc::from([n as u8]));
        }

        fn plays(&mut self, at: u64) {
            let now = self.start + Duration::from_millis(at);
            let heard = match self.buffer.next(now) {
                Playout::Decode(payload) => {
                    self.buffer.played(FRAME as usize);
                    Some(payload[0])
                }
                Playout::Recover(next) => Some(100 + next[0]),
                Playout::Conceal => Some(255),
                Playout::Silence => None,
            };
            self.heard.push(heard);
        }

        fn packets(&self) -> Vec<u8> {
            self.heard.iter().copied().flatten().collect()
        }
    }

    #[test]
    fn even_arrival_plays_everything_in_order_over_the_wrap() {
        let mut player = Player::new();
        for n in 0..50 {
            player.arrives(n, u64::from(n) * 20);
            player.plays(u64::from(n) * 20 + 1);
        }
        let expected: Vec<u8> = (0..49).collect();
        assert_eq!(player.packets(), expected);
        assert_eq!(player.buffer.late(), 0);
    }

    #[test]
    fn packets_out_of_order_are_put_in_order() {
        let mut player = Player::new();
        for (at, n) in [0u32, 1, 3, 2, 4, 5, 6, 7].into_iter().enumerate() {
            player.arrives(n, at as u64 * 20);
            player.plays(at as u64 * 20 + 1);
        }
        assert_eq!(player.packets(), [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_lost_packet_is_recovered_from_the_next_and_two_are_made_up() {
        let mut player = Player::new();
        for n in 0..14 {
            if n != 3 && n != 7 && n != 8 {
                player.arrives(n, u64::from(n) * 20);
            }
            player.plays(u64::from(n) * 20 + 1);
        }
        assert_eq!(
            player.packets(),
            [0, 1, 2, 104, 4, 5, 6, 255, 109, 9, 10, 11, 12]
        );
    }

    #[test]
    fn a_stall_of_the_network_loses_nothing_and_the_delay_shrinks_again() {
        let mut player = Player::new();
        let mut sent = 0;
        for tick in 0..800u64 {
            // From 1000 to 1120 ms nothing arrives; then all of it at once.
            if !(50..56).contains(&tick) {
                while u64::from(sent) <= tick {
                    player.arrives(sent, tick * 20);
                    sent += 1;
                }
            }
            player.plays(tick * 20 + 1);
        }
        let buffer = &player.buffer;
        assert!(buffer.delay() < Duration::from_millis(60));
        assert!(buffer.filled(buffer.cursor) < buffer.units(Duration::from_millis(180)));
        assert!(player.packets().contains(&255));
    }

    #[test]
    fn a_pause_of_the_sender_is_silence_and_not_replayed() {
        let mut player = Player::new();
        for n in 0..10 {
            player.arrives(n, u64::from(n) * 20);
            player.plays(u64::from(n) * 20 + 1);
        }
        // Half a second without packets; the timestamps went on.
        for tick in 10..35u64 {
            player.plays(tick * 20 + 1);
        }
        for n in 35..45 {
            player.arrives(n, u64::from(n) * 20);
            player.plays(u64::from(n) * 20 + 1);
        }
        let heard = player.packets();
        let after: Vec<u8> = heard.into_iter().filter(|n| (35..45).contains(n)).collect();
        assert_eq!(after, [35, 36, 37, 38, 39, 40, 41, 42, 43]);
    }

    #[test]
    fn a_flood_stays_within_bounds() {
        let mut player = Player::new();
        for n in 0..10_000 {
            player.arrives(n, 0);
        }
        assert!(player.buffer.packets.len() <= MOST_PACKETS);
    }

    #[test]
    fn timestamps_that_jump_start_anew() {
        let mut buffer = JitterBuffer::new(8_000);
        let now = Instant::now();
        buffer.insert(now, 1_000, Arc::from([1]));
        buffer.insert(now, 3_000_000_000, Arc::from([2]));
        assert_eq!(buffer.packets.len(), 1);
        let later = now + Duration::from_millis(50);
        assert_eq!(buffer.next(later), Playout::Decode(Arc::from([2])));
    }
}
