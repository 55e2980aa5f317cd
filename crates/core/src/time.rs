//! The engine's own clock value.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A moment on the clock of whoever drives the engine: microseconds since an epoch the driver
/// chose.
///
/// The engine never reads a clock. It only compares and shifts the moments it is handed, so that
/// the same code runs on a native clock, on `performance.now()` of a browser and on the virtual
/// clock of a test. Arithmetic saturates: a moment never wraps around.
///
/// ```
/// use offhook_core::Instant;
/// use std::time::Duration;
///
/// let start = Instant::from_micros(1_000);
/// let later = start + Duration::from_millis(500);
/// assert_eq!(later - start, Duration::from_millis(500));
/// assert_eq!(start - later, Duration::ZERO);
/// ```
#[derive(Copy, Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Instant(u64);

impl Instant {
    /// The driver's epoch itself.
    pub const ZERO: Instant = Instant(0);

    /// The moment `micros` microseconds after the epoch.
    pub const fn from_micros(micros: u64) -> Instant {
        Instant(micros)
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_add(micros(duration)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// The time from `earlier` to `self`; zero if `earlier` is the later one.
    fn sub(self, earlier: Instant) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

// The methods of `Duration` for the next two calculate with 128 bits, which is a call in
// WebAssembly.

/// How many microseconds a duration has, or as many as can be.
pub(crate) fn micros(duration: Duration) -> u64 {
    let seconds = duration.as_secs().min(u64::MAX / 1_000_000);
    (seconds * 1_000_000).saturating_add(duration.subsec_micros().into())
}

/// A duration doubled so many times, or as long as can be.
pub(crate) fn doubled(duration: Duration, count: u32) -> Duration {
    let micros = micros(duration);
    let fits = micros <= u64::MAX >> count;
    Duration::from_micros(if fits { micros << count } else { u64::MAX })
}

/// Seconds since the epoch, with milliseconds: `12.345`.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1_000_000, self.0 / 1_000 % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_too_much_stays_at_the_end_of_time() {
        assert_eq!(
            Instant::ZERO + Duration::MAX,
            Instant::from_micros(u64::MAX)
        );
        assert_eq!(
            Instant::from_micros(u64::MAX) + Duration::from_micros(1),
            Instant::from_micros(u64::MAX)
        );
    }

    #[test]
    fn durations_are_doubled_up_to_the_end_of_time() {
        assert_eq!(
            doubled(Duration::from_millis(500), 6),
            Duration::from_secs(32)
        );
        assert_eq!(doubled(Duration::from_secs(7), 0), Duration::from_secs(7));
        assert_eq!(doubled(Duration::ZERO, 16), Duration::ZERO);
        let end = Duration::from_micros(u64::MAX);
        assert_eq!(doubled(Duration::MAX, 0), end);
        assert_eq!(doubled(Duration::from_secs(1 << 40), 16), end);
        assert_eq!(micros(Duration::new(3, 4_999)), 3_000_004);
    }

    #[test]
    fn a_moment_prints_as_seconds_with_milliseconds() {
        assert_eq!(Instant::from_micros(12_345_678).to_string(), "12.345");
        assert_eq!(Instant::from_micros(7_000).to_string(), "0.007");
    }
}
