//! Callers whose connection is lost, and who may come back: a user agent of RFC 5626 connects and
//! registers again, as the same instance, and then wants the answers to what it had asked.

use std::collections::HashMap;
use std::time::Duration;

use offhook_core::{FlowId, Instant};
use offhook_sip::{Contacts, Request};

use super::{Proxy, Timer};
use crate::gruu::instance;
use crate::location::Binding;

/// How long a caller is waited for. One who has closed its window does not come back, and somebody
/// rings for it as long.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Who is waited for, by the flow that was lost.
#[derive(Debug, Default)]
pub(super) struct Absent {
    flows: HashMap<FlowId, (String, String)>,
}

impl Proxy {
    /// The connection of a caller is lost, on which these had registered. What it asked goes on
    /// for a while if it may come back; else it has given up.
    pub(super) fn caller_lost(
        &mut self,
        now: Instant,
        flow: FlowId,
        registered: Option<(String, String)>,
    ) {
        let patience = self.settings.caller_patience;
        match registered.filter(|_| !patience.is_zero() && self.has_relays_from(flow)) {
            Some(who) => {
                self.absent.flows.insert(flow, who);
                self.timers.set(Timer::Absent(flow), now + patience);
            }
            None => self.cancel_relays_from(now, flow),
        }
    }

    /// It did not come back in time.
    pub(super) fn stays_away(&mut self, now: Instant, flow: FlowId) {
        if self.absent.flows.remove(&flow).is_some() {
            self.cancel_relays_from(now, flow);
        }
    }

    /// An instance of a user has registered over this flow: what it is owed goes there.
    pub(super) fn came_back(&mut self, user: &str, request: &Request, flow: FlowId) {
        let Ok(Contacts::List(contacts)) = request.contacts() else {
            return;
        };
        let is = |who: &(String, String)| {
            who.0 == user
                && contacts
                    .iter()
                    .any(|contact| instance(contact) == Some(&who.1))
        };
        let lost = self.absent.flows.iter().filter(|(_, who)| is(who));
        let mut lost: Vec<FlowId> = lost.map(|(flow, _)| *flow).collect();
        lost.sort_unstable();
        for lost in lost {
            self.absent.flows.remove(&lost);
            self.timers.cancel(&Timer::Absent(lost));
            self.transactions.move_flow(lost, flow);
            self.move_relays(lost, flow);
        }
    }
}

/// The user and the instance that registered a contact.
pub(super) fn who(user: &str, binding: &Binding) -> Option<(String, String)> {
    Some((user.to_owned(), instance(&binding.contact)?.to_owned()))
}
