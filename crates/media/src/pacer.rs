//! The clock of the audio: one tick every 20 ms.

use std::time::{Duration, Instant};

/// How long a packet sounds.
pub(crate) const FRAME: Duration = Duration::from_millis(20);
/// After a stall up to this many frames are made up for; what is older is over.
const MOST_BEHIND: u32 = 10;

#[derive(Debug, Default)]
pub(crate) struct Pacer {
    next: Option<Instant>,
}

/// A tick that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tick {
    /// Frames before it whose time has passed unused.
    pub(crate) skipped: u32,
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

    /// The tick that is due now, one at a time: after a stall everyone should catch up by turns,
    /// and not one empty its buffer before another has filled it.
    pub(crate) fn tick(&mut self, now: Instant) -> Option<Tick> {
        let next = self.next?;
        let late = now.checked_duration_since(next)?;
        let behind = u32::try_from(late.as_millis() / FRAME.as_millis()).unwrap_or(u32::MAX / 2);
        let skipped = (behind + 1).saturating_sub(MOST_BEHIND);
        self.next = Some(next + FRAME * (skipped + 1));
        Some(Tick { skipped })
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
        assert_eq!(pacer.tick(at(0)), None, "not started");
        pacer.start(start);
        let mut ticks = |ms| std::iter::from_fn(|| pacer.tick(at(ms))).count();
        let counts = [0, 5, 20, 39, 41, 119, 120].map(&mut ticks);
        assert_eq!(counts, [1, 0, 1, 0, 1, 3, 1]);
        assert_eq!(pacer.deadline(), Some(at(140)));
    }

    #[test]
    fn after_a_long_stall_the_past_is_skipped() {
        let start = Instant::now();
        let mut pacer = Pacer::default();
        pacer.start(start);
        let now = start + Duration::from_secs(2);
        let skipped: Vec<u32> = std::iter::from_fn(|| pacer.tick(now))
            .map(|tick| tick.skipped)
            .collect();
        assert_eq!(skipped, [91, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(pacer.deadline(), Some(start + Duration::from_millis(2_020)));
    }
}
