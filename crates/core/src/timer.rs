//! One queue for the timers of all machines of an owner.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::Hash;

use crate::time::Instant;

/// The timers of many machines, each named by a key, in the order in which they are due.
///
/// A key stands at most once: setting it again moves it. Setting, cancelling and expiring cost
/// `O(log n)`, amortised; the next deadline is found without a search. Timers due at the same moment expire
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
    /// What is due when, the first one on top. Timers that were moved or cancelled may still stand
    /// here: true is what `deadlines` says. The one on top is always true.
    due: BinaryHeap<Reverse<(Instant, K)>>,
    deadlines: HashMap<K, Instant>,
}

/// How many entries that are true no more are let stand beside as many as there are timers.
const STALE: usize = 64;

impl<K: Ord> Default for TimerQueue<K> {
    fn default() -> Self {
        TimerQueue {
            due: BinaryHeap::new(),
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
        if self.deadlines.insert(key, at) != Some(at) {
            self.due.push(Reverse((at, key)));
            self.tidy();
        }
    }

    /// Takes the timer `key` out of the queue, if it stands there.
    pub fn cancel(&mut self, key: &K) {
        if self.deadlines.remove(key).is_some() {
            self.tidy();
        }
    }

    /// When the first timer is due.
    pub fn next(&self) -> Option<Instant> {
        self.due.peek().map(|&Reverse((at, _))| at)
    }

    /// Takes out and returns the first timer, if it is due at `now`. Call it until `None`.
    pub fn expire(&mut self, now: Instant) -> Option<K> {
        let &Reverse((at, key)) = self.due.peek()?;
        if at > now {
            return None;
        }
        self.cancel(&key);
        Some(key)
    }

    /// Lets go what is true no more: on top always, and everywhere when it gets too much.
    fn tidy(&mut self) {
        let deadlines = &self.deadlines;
        let is_true = |Reverse((at, key)): &Reverse<(Instant, K)>| deadlines.get(key) == Some(at);
        while self.due.peek().is_some_and(|top| !is_true(top)) {
            self.due.pop();
        }
        if self.due.len() > 2 * self.deadlines.len() + STALE {
            self.due.retain(is_true);
        }
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
    use std::collections::HashSet;

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
    fn timers_that_are_moved_and_cancelled_leave_nothing_behind() {
        let mut timers = TimerQueue::new();
        for round in 0..1000_u64 {
            timers.set(1, at(1));
            timers.set(round, at(10_000 - round));
            timers.set(2, at(20_000 + round));
            timers.cancel(&(round / 2));
        }
        assert!(timers.due.len() <= 2 * timers.len() + STALE);
        let fired: Vec<_> = std::iter::from_fn(|| timers.expire(at(30_000))).collect();
        assert_eq!(fired.len(), fired.iter().collect::<HashSet<_>>().len());
        assert_eq!((timers.due.len(), timers.len()), (0, 0));
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
