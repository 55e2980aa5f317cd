//! Tables by the numbers that the engine gives out: sessions, transactions, asks, flows.
//!
//! Such numbers only grow, and so a new entry goes to the end of a sorted row. One that leaves is a
//! hole in it until holes are more than half of the row. That makes it as quick as a tree and a
//! fraction of its code: in the browser package every kind of tree would weigh three kilobytes.

/// What an entry is found by: an id that wraps a number.
pub(crate) trait Number: Copy {
    /// The number.
    fn number(&self) -> u64;
}

/// Entries in the order of their numbers. A value has a box of its own, so that only a number and a
/// pointer move, and the tables of all kinds of values are the same machine code.
#[derive(Clone, Debug)]
pub(crate) struct Map<K, V> {
    entries: Vec<(K, Option<Box<V>>)>,
    /// How many of them have no value any more.
    holes: usize,
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            holes: 0,
        }
    }
}

impl<K: Number, V> Map<K, V> {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.holes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the entry or its hole stands, or would stand.
    #[inline(never)]
    fn find(&self, key: &K) -> Result<usize, usize> {
        let number = key.number();
        self.entries
            .binary_search_by_key(&number, |(known, _)| known.number())
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let at = self.find(key).ok()?;
        self.entries[at].1.as_deref()
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let at = self.find(key).ok()?;
        self.entries[at].1.as_deref_mut()
    }

    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Puts an entry in, in place of the one with its key.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.put(key, Box::new(value));
    }

    /// Puts an entry in; hands out the one that had its key. What is done here and in
    /// [`Map::take`] frees no value, and so is the same code for all.
    #[inline(never)]
    fn put(&mut self, key: K, value: Box<V>) -> Option<Box<V>> {
        match self.find(&key) {
            Ok(at) => {
                let before = self.entries[at].1.replace(value);
                self.holes -= usize::from(before.is_none());
                before
            }
            Err(at) => {
                self.entries.insert(at, (key, Some(value)));
                None
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.take(key).map(|value| *value)
    }

    #[inline(never)]
    fn take(&mut self, key: &K) -> Option<Box<V>> {
        let at = self.find(key).ok()?;
        let value = self.entries[at].1.take()?;
        self.holes += 1;
        if self.holes > self.entries.len() / 2 {
            self.close_holes();
        }
        Some(value)
    }

    #[inline(never)]
    fn close_holes(&mut self) {
        let mut kept = 0;
        for at in 0..self.entries.len() {
            if self.entries[at].1.is_some() {
                self.entries.swap(kept, at);
                kept += 1;
            }
        }
        while self.entries.len() > kept {
            // A hole has nothing to free.
            std::mem::forget(self.entries.pop());
        }
        self.holes = 0;
    }

    /// The value of `key`, which is put in with its default where there is none.
    pub(crate) fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let at = self.find(&key).unwrap_or_else(|at| {
            self.entries.insert(at, (key, None));
            self.holes += 1;
            at
        });
        let value = &mut self.entries[at].1;
        self.holes -= usize::from(value.is_none());
        value.get_or_insert_default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries
            .iter()
            .filter_map(|(key, value)| Some((key, value.as_deref()?)))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries
            .iter_mut()
            .filter_map(|(_, value)| value.as_deref_mut())
    }

    /// Keeps the entries whose value `stays`.
    pub(crate) fn retain(&mut self, mut stays: impl FnMut(&V) -> bool) {
        for (_, value) in &mut self.entries {
            if value.as_deref().is_some_and(|value| !stays(value)) {
                *value = None;
            }
        }
        self.close_holes();
    }

    pub(crate) fn clear(&mut self) {
        // The room goes too: a table that was large once shall not stay so.
        *self = Self::default();
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

    #[test]
    fn entries_that_leave_make_room() {
        let mut map = Map::new();
        for number in 0..1000_u64 {
            map.insert(number, number);
            assert_eq!(
                map.remove(&(number / 2)),
                (number % 2 == 0).then_some(number / 2)
            );
            assert!(map.entries.len() <= 2 * map.len() + 1);
        }
        assert_eq!((map.len(), map.keys().next()), (500, Some(&500)));
        assert_eq!(map.remove(&750), Some(750));
        assert_eq!((map.get(&750), map.contains_key(&750)), (None, false));
        *map.get_or_default(750) += 1;
        assert_eq!((map.len(), map.get(&750)), (500, Some(&1)));
        map.values_mut().for_each(|value| *value = 2);
        map.retain(|_| false);
        assert_eq!((map.len(), map.entries.len()), (0, 0));
    }
}
