//! The clock of the audio: one tick every 20 ms.

use std::time::{Duration, Instant};

/// How long a packet sounds.
pub(crate) const FRAME: Duration = Duration::from_millis(20);
/// After a stall up to this many frames are made up for; what is older is over.
const MOST_AT_ONCE: u32 = 10;

#[derive(Debug, Default)]
pub(crate) struct Pacer {
    next: Option<Instant>,
}

/// What is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// Frames whose time has passed unused.
    pub(crate) skipped: u32,
    /// Frames to make now.
    pub(crate) frames: u32,
}

impl Pacer {
    pub(crate) fn start(&mut self, now: Instant) {
        self.next.get_or_insert(now);
    }

    pub(crate) fn stop(&mut self) {
        self.next = None;
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.next
    }

    pub(crate) fn due(&mut self, now: Instant) -> Due {
        let Some(next) = self.next else {
            return Due::default();
        };
        if now < next {
            return Due::default();
        }
        let late = now - next;
        let passed =
            u32::try_from(late.as_millis() / FRAME.as_millis()).unwrap_or(u32::MAX - 1) + 1;
        self.next = Some(next + FRAME * passed);
        Due {
            skipped: passed.saturating_sub(MOST_AT_ONCE),
            frames: passed.min(MOST_AT_ONCE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_keep_their_beat_whenever_they_are_looked_at() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pacer = Pacer::default();
        assert_eq!(pacer.due(at(0)), Due::default(), "not started");
        pacer.start(start);
        let frames: Vec<u32> = [0, 5, 20, 39, 41, 119, 120]
            .into_iter()
            .map(|ms| pacer.due(at(ms)).frames)
            .collect();
        assert_eq!(frames, [1, 0, 1, 0, 1, 3, 1]);
        assert_eq!(pacer.deadline(), Some(at(140)));
    }

    #[test]
    fn after_a_long_stall_the_past_is_skipped() {
        let start = Instant::now();
        let mut pacer = Pacer::default();
        pacer.start(start);
        let due = pacer.due(start + Duration::from_secs(2));
        assert_eq!((due.skipped, due.frames), (91, 10));
        assert_eq!(pacer.deadline(), Some(start + Duration::from_millis(2_020)));
    }
}
