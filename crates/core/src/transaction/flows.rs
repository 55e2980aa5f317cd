//! Which transactions go over a flow.

use super::TransactionId;
use crate::flow::FlowId;
use crate::map::Map;

/// The transactions of one side by their flow, oldest first. One that ends is found without a walk
/// past the others: all calls of a server's user agents may go over one flow.
#[derive(Debug, Default)]
pub(super) struct Flows {
    transactions: Map<FlowId, Map<TransactionId, ()>>,
}

impl Flows {
    pub(super) fn insert(&mut self, flow: FlowId, id: TransactionId) {
        self.transactions.get_or_default(flow).insert(id, ());
    }

    pub(super) fn remove(&mut self, flow: FlowId, id: TransactionId) {
        if let Some(ids) = self.transactions.get_mut(&flow) {
            ids.remove(&id);
            if ids.is_empty() {
                self.transactions.remove(&flow);
            }
        }
    }

    /// The transactions on a flow.
    pub(super) fn on(&self, flow: FlowId) -> Vec<TransactionId> {
        let ids = self.transactions.get(&flow);
        ids.map_or_else(Vec::new, |ids| ids.keys().copied().collect())
    }

    /// Puts what goes over `from` onto `to`; says which transactions these are.
    pub(super) fn replace(&mut self, from: FlowId, to: FlowId) -> Vec<TransactionId> {
        let moved = self.on(from);
        self.transactions.remove(&from);
        for &id in &moved {
            self.insert(to, id);
        }
        moved
    }
}
