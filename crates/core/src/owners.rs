//! Which session a thing belongs to, found by the thing and given up by the session.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

use crate::session::SessionId;

/// Things that belong to sessions. Each is found by a look-up, and all of a session are let go
/// without a look at anybody else's: ten thousand sessions may live beside it.
#[derive(Debug)]
pub(crate) struct Owners<K> {
    owners: HashMap<K, SessionId>,
    owned: HashMap<SessionId, Vec<K>>,
}

impl<K: Clone + Eq + Hash> Owners<K> {
    pub(crate) fn new() -> Self {
        Self {
            owners: HashMap::new(),
            owned: HashMap::new(),
        }
    }

    pub(crate) fn insert(&mut self, thing: K, owner: SessionId) {
        if self.owners.insert(thing.clone(), owner) != Some(owner) {
            self.owned.entry(owner).or_default().push(thing);
        }
    }

    /// The session that a thing belongs to.
    pub(crate) fn get<Q>(&self, thing: &Q) -> Option<SessionId>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.owners.get(thing).copied()
    }

    /// Lets one thing go; says whose it was.
    pub(crate) fn remove<Q>(&mut self, thing: &Q) -> Option<SessionId>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let owner = self.owners.remove(thing)?;
        if let Some(owned) = self.owned.get_mut(&owner) {
            owned.retain(|known| known.borrow() != thing);
            if owned.is_empty() {
                self.owned.remove(&owner);
            }
        }
        Some(owner)
    }

    /// Lets everything of a session go but what shall stay.
    pub(crate) fn release(&mut self, owner: SessionId, stays: impl Fn(&K) -> bool) {
        let (kept, gone) = self
            .owned
            .remove(&owner)
            .unwrap_or_default()
            .into_iter()
            .partition::<Vec<K>, _>(stays);
        for thing in gone {
            self.owners.remove(&thing);
        }
        if !kept.is_empty() {
            self.owned.insert(owner, kept);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.owners.len()
    }

    pub(crate) fn clear(&mut self) {
        self.owners.clear();
        self.owned.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lets_go_what_is_its_own_and_nothing_else() {
        let (one, two) = (SessionId(1), SessionId(2));
        let mut owners = Owners::new();
        for (thing, owner) in [("a", one), ("b", one), ("c", two), ("d", one)] {
            owners.insert(thing, owner);
        }
        assert_eq!(owners.get("b"), Some(one));
        assert_eq!(owners.remove("b"), Some(one));
        assert_eq!(owners.remove("b"), None);
        owners.release(one, |thing| *thing == "d");
        assert_eq!((owners.get("a"), owners.get("d")), (None, Some(one)));
        assert_eq!((owners.get("c"), owners.len()), (Some(two), 2));
        owners.release(one, |_| false);
        owners.release(two, |_| false);
        assert_eq!((owners.len(), owners.owned.len()), (0, 0));
    }

    #[test]
    fn a_thing_that_changes_hands_belongs_to_the_last() {
        let (one, two) = (SessionId(1), SessionId(2));
        let mut owners = Owners::new();
        owners.insert(7, one);
        owners.insert(7, two);
        assert_eq!(owners.get(&7), Some(two));
        owners.release(two, |_| false);
        assert_eq!(owners.len(), 0);
    }
}
