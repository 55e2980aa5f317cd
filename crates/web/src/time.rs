//! Time as JavaScript counts it: milliseconds, as `performance.now()` gives them.

use std::time::Duration;

use offhook_core::Instant;

/// A moment of the page's clock. What is no number is its beginning.
pub(crate) fn instant(milliseconds: f64) -> Instant {
    Instant::from_micros((milliseconds * 1000.0) as u64)
}

pub(crate) fn milliseconds_at(instant: Instant) -> f64 {
    instant.as_micros() as f64 / 1000.0
}

/// Negative spans, and what is no number, are none.
pub(crate) fn duration(milliseconds: f64) -> Duration {
    Duration::from_micros((milliseconds * 1000.0) as u64)
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs() as f64 * 1000.0 + f64::from(duration.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_time_is_none() {
        assert_eq!(duration(-1.0), Duration::ZERO);
        assert_eq!(duration(f64::NAN), Duration::ZERO);
        assert_eq!(instant(f64::NAN), Instant::ZERO);
        assert!(duration(f64::INFINITY) > Duration::from_secs(1 << 40));
    }

    #[test]
    fn a_time_comes_back_as_it_went() {
        for time in [0.0, 70.0, 100.0, 90_000.0] {
            assert_eq!(milliseconds(duration(time)), time);
        }
        for time in [0.0, 0.125, 1234.5, 86_400_000.25] {
            assert_eq!(milliseconds_at(instant(time)), time);
        }
    }
}
