//! Which session a thing belongs to, found by the thing and given up by the session.

use std::sync::Arc;

use crate::map::Map;
use crate::names::{Key, Names};
use crate::session::SessionId;

/// Things that belong to sessions. Each is found by a look-up, and all of a session are let go
/// without a look at anybody else's: ten thousand sessions may live beside it.
#[derive(Debug)]
pub(crate) struct Owners<K: ?Sized> {
    owners: Names<K>,
    owned: Map<SessionId, Vec<Arc<[u8]>>>,
}

impl<K: Key + ?Sized> Owners<K> {
    pub(crate) fn new() -> Self {
        Self {
            owners: Names::default(),
            owned: Map::new(),
        }
    }

    /// Gives a thing to a session, whoever had it before.
    pub(crate) fn insert(&mut self, thing: &K, owner: SessionId) {
        let (name, before) = self.owners.insert(thing, owner.0);
        if before != Some(owner.0) {
            self.owned.get_or_default(owner).push(name);
        }
    }

    /// The session that a thing belongs to.
    pub(crate) fn get(&self, thing: &K) -> Option<SessionId> {
        self.owners.get(thing).map(SessionId)
    }

    /// Lets one thing go; says whose it was.
    pub(crate) fn remove(&mut self, thing: &K) -> Option<SessionId> {
        self.forget(&thing.key())
    }

    /// The same for all kinds of things.
    #[inline(never)]
    fn forget(&mut self, name: &[u8]) -> Option<SessionId> {
        let owner = self.owners.forget(name).map(SessionId)?;
        if let Some(owned) = self.owned.get_mut(&owner) {
            owned.retain(|known| **known != *name);
            if owned.is_empty() {
                self.owned.remove(&owner);
            }
        }
        Some(owner)
    }

    /// The session lets all its things go.
    pub(crate) fn release(&mut self, owner: SessionId) {
        for name in self.owned.remove(&owner).unwrap_or_default() {
            // What has changed hands since is somebody else's.
            if self.owners.number(&name) == Some(owner.0) {
                self.owners.forget(&name);
            }
        }
    }

    /// How many things have an owner.
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
        let mut owners: Owners<str> = Owners::new();
        for (thing, owner) in [("a", one), ("b", one), ("c", two), ("d", one)] {
            owners.insert(thing, owner);
        }
        assert_eq!(owners.get("b"), Some(one));
        assert_eq!(owners.remove("b"), Some(one));
        assert_eq!(owners.remove("b"), None);
        owners.insert("d", two);
        owners.release(one);
        assert_eq!((owners.get("a"), owners.get("d")), (None, Some(two)));
        assert_eq!((owners.get("c"), owners.len()), (Some(two), 2));
        owners.release(two);
        assert_eq!((owners.len(), owners.owned.len()), (0, 0));
    }

    #[test]
    fn a_thing_that_changes_hands_belongs_to_the_last() {
        let (one, two) = (SessionId(1), SessionId(2));
        let mut owners: Owners<str> = Owners::new();
        owners.insert("a", one);
        owners.insert("a", two);
        assert_eq!(owners.get("a"), Some(two));
        owners.release(two);
        assert_eq!(owners.len(), 0);
    }
}
