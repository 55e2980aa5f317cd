//! Tables by what stands in messages: branches, dialogs, tags.

use std::borrow::Cow;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

/// What a thing is found by, in one row of bytes.
pub(crate) trait Key {
    fn key(&self) -> Cow<'_, [u8]>;
}

impl Key for str {
    fn key(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.as_bytes())
    }
}

/// The numbers of things, by name. One kind of table for all kinds of names, as every kind would
/// weigh two kilobytes in the browser package.
#[derive(Debug)]
pub(crate) struct Names<K: ?Sized> {
    numbers: HashMap<Arc<[u8]>, u64>,
    names: PhantomData<fn(&K)>,
}

impl<K: ?Sized> Default for Names<K> {
    fn default() -> Self {
        Self {
            numbers: HashMap::new(),
            names: PhantomData,
        }
    }
}

impl<K: Key + ?Sized> Names<K> {
    pub(crate) fn get(&self, name: &K) -> Option<u64> {
        self.number(&name.key())
    }

    /// Gives a name its number, in place of the one it had; hands back the name to be kept, and
    /// that number.
    pub(crate) fn insert(&mut self, name: &K, number: u64) -> (Arc<[u8]>, Option<u64>) {
        let name: Arc<[u8]> = name.key().into();
        let before = insert(&mut self.numbers, name.clone(), number);
        (name, before)
    }

    pub(crate) fn remove(&mut self, name: &K) -> Option<u64> {
        self.forget(&name.key())
    }

    /// The number of a name that [`insert`](Self::insert) handed back.
    pub(crate) fn number(&self, name: &[u8]) -> Option<u64> {
        get(&self.numbers, name)
    }

    /// Removes a name that [`insert`](Self::insert) handed back.
    pub(crate) fn forget(&mut self, name: &[u8]) -> Option<u64> {
        remove(&mut self.numbers, name)
    }

    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(crate) fn clear(&mut self) {
        self.numbers.clear();
    }
}

#[inline(never)]
fn get(numbers: &HashMap<Arc<[u8]>, u64>, name: &[u8]) -> Option<u64> {
    numbers.get(name).copied()
}

#[inline(never)]
fn insert(numbers: &mut HashMap<Arc<[u8]>, u64>, name: Arc<[u8]>, number: u64) -> Option<u64> {
    numbers.insert(name, number)
}

#[inline(never)]
fn remove(numbers: &mut HashMap<Arc<[u8]>, u64>, name: &[u8]) -> Option<u64> {
    numbers.remove(name)
}
