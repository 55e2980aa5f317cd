//! Tables by the numbers that the engine gives out: sessions, transactions, asks, flows.
//!
//! Such numbers only grow. A new entry so goes to the end, and the ones that leave are mostly the
//! oldest, which makes a sorted row as quick as a tree and a fraction of its code: in the browser
//! package every kind of tree would weigh three kilobytes.

use std::collections::VecDeque;

/// What an entry is found by: an id that wraps a number.
pub(crate) trait Number: Copy {
    /// The number.
    fn number(&self) -> u64;
}

/// Entries in the order of their numbers. A value has a box of its own, so that only a number and a
/// pointer move, and the tables of all kinds of values are the same machine code.
#[derive(Clone, Debug)]
pub(crate) struct Map<K, V> {
    entries: VecDeque<(K, Box<V>)>,
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
        }
    }
}

impl<K: Number, V> Map<K, V> {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where the entry stands, or would stand.
    #[inline(never)]
    fn find(&self, key: &K) -> Result<usize, usize> {
        let number = key.number();
        self.entries
            .binary_search_by_key(&number, |(known, _)| known.number())
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let at = self.find(key).ok()?;
        self.entries.get(at).map(|(_, value)| &**value)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let at = self.find(key).ok()?;
        self.entries.get_mut(at).map(|(_, value)| &mut **value)
    }

    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.find(key).is_ok()
    }

    /// Puts an entry in, in place of the one with its key.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.put(key, Box::new(value));
    }

    #[inline(never)]
    fn put(&mut self, key: K, value: Box<V>) -> usize {
        match self.find(&key) {
            Ok(at) => {
                self.entries[at].1 = value;
                at
            }
            Err(at) => {
                self.entries.insert(at, (key, value));
                at
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.take(key).map(|value| *value)
    }

    #[inline(never)]
    fn take(&mut self, key: &K) -> Option<Box<V>> {
        let at = self.find(key).ok()?;
        self.entries.remove(at).map(|(_, value)| value)
    }

    /// The value of `key`, which is put in with its default where there is none.
    pub(crate) fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let at = match self.find(&key) {
            Ok(at) => at,
            Err(_) => self.put(key, Box::default()),
        };
        &mut self.entries[at].1
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        // By their places: a ring's own iterator has two halves, and code for both.
        (0..self.entries.len()).map(|at| {
            let (key, value) = &self.entries[at];
            (key, &**value)
        })
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        let entries = self.entries.make_contiguous();
        entries.iter_mut().map(|(_, value)| &mut **value)
    }

    /// Keeps the entries whose value `stays`.
    pub(crate) fn retain(&mut self, mut stays: impl FnMut(&V) -> bool) {
        self.entries.retain(|(_, value)| stays(value));
    }

    pub(crate) fn clear(&mut self) {
        // The room goes too: a table that was large once shall not stay so.
        self.entries = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Number for u64 {
        fn number(&self) -> u64 {
            *self
        }
    }

    #[test]
    fn entries_stand_in_the_order_of_their_numbers() {
        let mut map = Map::new();
        for number in [5_u64, 1, 9, 3] {
            map.insert(number, number * 10);
        }
        map.insert(9, 99);
        assert_eq!(map.keys().copied().collect::<Vec<_>>(), [1, 3, 5, 9]);
        assert_eq!(map.values().copied().collect::<Vec<_>>(), [10, 30, 50, 99]);
        assert_eq!((map.get(&3), map.get(&4)), (Some(&30), None));
        assert_eq!((map.remove(&5), map.remove(&5)), (Some(50), None));
        *map.get_or_default(7) += 7;
        map.retain(|value| *value < 99);
        assert_eq!(
            map.iter().collect::<Vec<_>>(),
            [(&1, &10), (&3, &30), (&7, &7)]
        );
    }
}
