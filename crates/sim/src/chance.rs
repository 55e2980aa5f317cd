//! The one source of chance of a simulation.

use std::ops::RangeInclusive;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// A stream of random choices that is the same for the same seed, on every machine.
#[derive(Clone, Debug)]
pub struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream of this seed.
    pub fn from_seed(seed: u64) -> Chance {
        Chance(ChaCha8Rng::seed_from_u64(seed))
    }

    /// True with this probability: never at 0, always at 1.
    pub fn happens(&mut self, probability: f64) -> bool {
        // 53 bits, as many as a double holds: a number from 0 up to, but not including, 1. A draw
        // is made in any case, so that a changed probability does not shift what comes after it.
        let draw = (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        draw < probability
    }

    /// A time within the range, in whole microseconds.
    pub fn within(&mut self, range: &RangeInclusive<Duration>) -> Duration {
        let draw = self.0.next_u64();
        let span = range.end().saturating_sub(*range.start()).as_micros();
        let span = u64::try_from(span).unwrap_or(u64::MAX);
        let offset = match span.checked_add(1) {
            Some(choices) => draw % choices,
            None => draw,
        };
        *range.start() + Duration::from_micros(offset)
    }

    /// A number from 0 up to, but not including, `count`; 0 if `count` is 0.
    pub fn below(&mut self, count: usize) -> usize {
        let draw = self.0.next_u64();
        let count = u64::try_from(count.max(1)).unwrap_or(u64::MAX);
        usize::try_from(draw % count).unwrap_or_default()
    }

    /// 32 random bytes: a seed for a part that draws on its own.
    pub fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        seed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_another_seed_draws_others() {
        let draws = |seed| {
            let mut chance = Chance::from_seed(seed);
            (0..20).map(|_| chance.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
    }

    #[test]
    fn times_stay_within_their_range_and_fill_it() {
        let mut chance = Chance::from_seed(7);
        let range = Duration::from_micros(5)..=Duration::from_micros(8);
        let mut seen = [false; 9];
        for _ in 0..1_000 {
            let time = chance.within(&range);
            assert!(range.contains(&time));
            seen[time.as_micros() as usize] = true;
        }
        assert_eq!(seen[5..], [true; 4]);
        assert_eq!(
            chance.within(&(Duration::from_secs(1)..=Duration::ZERO)),
            Duration::from_secs(1)
        );
    }

    #[test]
    fn what_is_certain_happens_and_what_is_impossible_does_not() {
        let mut chance = Chance::from_seed(7);
        assert!((0..1_000).all(|_| chance.happens(1.0)));
        assert!(!(0..1_000).any(|_| chance.happens(0.0)));
    }
}
