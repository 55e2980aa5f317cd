//! One queue for the timers of all machines of an owner.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use crate::time::Instant;

/// The timers of many machines, each named by a key, in the order in which they are due.
///
/// A key stands at most once: setting it again moves it. Setting, cancelling and expiring cost
/// `O(log n)`; the next deadline is found without a search. Timers due at the same moment expire
/// in the order of their keys, so that a run can be replayed exactly.
///
/// ```
/// use offhook_core::{Instant, TimerQueue};
///
/// let mut timers = TimerQueue::new();
/// timers.set("refresh", Instant::from_micros(20));
/// timers.set("give up", Instant::from_micros(10));
/// assert_eq!(timers.next(), Some(Instant::from_micros(10)));
/// assert_eq!(timers.expire(Instant::from_micros(15)), Some("give up"));
/// assert_eq!(timers.expire(Instant::from_micros(15)), None);
/// ```
#[derive(Clone, Debug)]
pub struct TimerQueue<K> {
    due: BTreeSet<(Instant, K)>,
    deadlines: HashMap<K, Instant>,
}

impl<K> Default for TimerQueue<K> {
    fn default() -> Self {
        TimerQueue {
            due: BTreeSet::new(),
            deadlines: HashMap::new(),
        }
    }
}

impl<K: Copy + Eq + Hash + Ord> TimerQueue<K> {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the timer `key` to fire at `at`; if it was set already, it moves there.
    pub fn set(&mut self, key: K, at: Instant) {
        if let Some(before) = self.deadlines.insert(key, at) {
            self.due.remove(&(before, key));
        }
        self.due.insert((at, key));
    }

    /// Takes the timer `key` out of the queue, if it stands there.
    pub fn cancel(&mut self, key: &K) {
        if let Some(at) = self.deadlines.remove(key) {
            self.due.remove(&(at, *key));
        }
    }

    /// When the first timer is due.
    pub fn next(&self) -> Option<Instant> {
        self.due.first().map(|&(at, _)| at)
    }

    /// Takes out and returns the first timer, if it is due at `now`. Call it until `None`.
    pub fn expire(&mut self, now: Instant) -> Option<K> {
        let &(at, key) = self.due.first()?;
        if at > now {
            return None;
        }
        self.due.pop_first();
        self.deadlines.remove(&key);
        Some(key)
    }

    /// When the timer `key` is due, if it is set.
    pub fn deadline(&self, key: &K) -> Option<Instant> {
        self.deadlines.get(key).copied()
    }

    /// How many timers are set.
    pub fn len(&self) -> usize {
        self.deadlines.len()
    }

    /// Whether no timer is set.
    pub fn is_empty(&self) -> bool {
        self.deadlines.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    #[test]
    fn a_timer_set_again_fires_only_at_its_new_deadline() {
        let mut timers = TimerQueue::new();
        timers.set(1, at(10));
        timers.set(1, at(30));
        assert_eq!(timers.len(), 1);
        assert_eq!(timers.expire(at(29)), None);
        assert_eq!(timers.expire(at(30)), Some(1));
        assert!(timers.is_empty());
    }

    #[test]
    fn a_cancelled_timer_never_fires() {
        let mut timers = TimerQueue::new();
        timers.set(1, at(10));
        timers.set(2, at(20));
        timers.cancel(&1);
        timers.cancel(&7);
        assert_eq!(timers.next(), Some(at(20)));
        assert_eq!(timers.expire(at(100)), Some(2));
        assert_eq!(timers.expire(at(100)), None);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn timers_due_together_fire_in_the_order_of_their_keys() {
        let mut timers = TimerQueue::new();
        for key in [5, 3, 9, 1] {
            timers.set(key, at(10));
        }
        let fired: Vec<_> = std::iter::from_fn(|| timers.expire(at(10))).collect();
        assert_eq!(fired, [1, 3, 5, 9]);
    }
}
