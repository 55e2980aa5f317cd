//! All subscriptions of an agent, and how a request finds its own.

use offhook_sip::Request;

use super::{Notifier, Package, Petition, Subscriber, SubscriptionId};
use crate::ask::AskId;
use crate::dialog::DialogId;
use crate::map::Map;
use crate::names::Names;
use crate::session::SessionId;
use crate::time::Instant;

/// Whose a request inside a dialog is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Found {
    Subscriber(SubscriptionId),
    Notifier(SubscriptionId),
    /// Somebody else answers the SUBSCRIBE of this one, which was forked.
    Fork(SubscriptionId),
}

/// All subscriptions of an agent but those to transfers.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    pub(crate) subscribers: Map<SubscriptionId, Subscriber>,
    pub(crate) notifiers: Map<SubscriptionId, Notifier>,
    /// Those that wait for the application's word.
    pub(crate) petitions: Map<AskId, Petition>,
    /// The first that had a dialog of its own with this tag of ours, or will have it.
    by_tag: Names<str>,
    /// All that have the tag, by that first one.
    with_tag: Map<SubscriptionId, Vec<SubscriptionId>>,
    last: u64,
}

impl Subscriptions {
    pub(crate) fn name(&mut self) -> SubscriptionId {
        self.last += 1;
        SubscriptionId(self.last)
    }

    /// Those that stand or wait for the application's word.
    pub(crate) fn len(&self) -> usize {
        self.subscribers.len() + self.notifiers.len() + self.petitions.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many have a dialog of their own.
    pub(crate) fn dialogs(&self) -> usize {
        let ours = self.subscribers.values().map(|ours| &ours.usage);
        let theirs = self.notifiers.values().map(|theirs| &theirs.usage);
        ours.chain(theirs)
            .filter(|usage| usage.own().is_some())
            .count()
    }

    /// Lets all go; ids are given once all the same.
    pub(crate) fn clear(
        &mut self,
    ) -> (
        Map<SubscriptionId, Subscriber>,
        Map<SubscriptionId, Notifier>,
    ) {
        self.petitions.clear();
        self.by_tag.clear();
        self.with_tag.clear();
        (
            std::mem::take(&mut self.subscribers),
            std::mem::take(&mut self.notifiers),
        )
    }

    pub(crate) fn index(&mut self, tag: &str, id: SubscriptionId) {
        let first = self.by_tag.get(tag).map_or(id, SubscriptionId);
        self.by_tag.insert(tag, first.0);
        self.with_tag.get_or_default(first).push(id);
    }

    pub(crate) fn forget_tag(&mut self, tag: &str, id: SubscriptionId) {
        let first = self.by_tag.get(tag).map(SubscriptionId);
        if let Some(first) = first
            && let Some(ids) = self.with_tag.get_mut(&first)
        {
            ids.retain(|known| *known != id);
            if ids.is_empty() {
                self.with_tag.remove(&first);
                self.by_tag.remove(tag);
            }
        }
    }

    /// Whose a request is that belongs to no session (RFC 6665 section 4.1.3). A SUBSCRIBE sent
    /// before `since` is not answered by another fork any more.
    pub(crate) fn find(&self, since: Instant, request: &Request) -> Option<Found> {
        let dialog = DialogId::of_request(request)?;
        let first = self.by_tag.get(&dialog.local_tag)?;
        let ids = self.with_tag.get(&SubscriptionId(first))?;
        let subscribers = || ids.iter().filter_map(|id| self.subscribers.get(id));
        let same = |own: Option<&crate::dialog::Dialog>| own.is_some_and(|own| *own.id() == dialog);
        if let Some(found) = subscribers().find(|found| same(found.usage.own())) {
            return Some(Found::Subscriber(found.id));
        }
        let mut notifiers = ids.iter().filter_map(|id| self.notifiers.get(id));
        if let Some(found) = notifiers.find(|found| same(found.usage.own())) {
            return Some(Found::Notifier(found.id));
        }
        if let Some(found) = subscribers().find(|found| found.awaits_dialog(&dialog)) {
            return Some(Found::Subscriber(found.id));
        }
        subscribers()
            .find(|found| found.may_fork(since, &dialog))
            .map(|found| Found::Fork(found.id))
    }

    /// Whose a request is inside the dialog of a session.
    pub(crate) fn find_shared(
        &self,
        session: SessionId,
        package: &Package,
        notify: bool,
    ) -> Option<Found> {
        if notify {
            let mut ours = self.subscribers.values();
            return ours
                .find(|ours| ours.usage.session() == Some(session) && ours.package.is(package))
                .map(|ours| Found::Subscriber(ours.id));
        }
        let mut theirs = self.notifiers.values();
        theirs
            .find(|theirs| {
                theirs.usage.session() == Some(session)
                    && theirs.package.is(package)
                    && !theirs.is_ending()
            })
            .map(|theirs| Found::Notifier(theirs.id))
    }
}
