//! Which transactions go over a flow.

use super::TransactionId;
use crate::flow::FlowId;
use crate::map::Map;

/// The transactions of one side by their flow, oldest first.
#[derive(Debug, Default)]
pub(super) struct Flows {
    transactions: Map<FlowId, Vec<TransactionId>>,
}

impl Flows {
    pub(super) fn insert(&mut self, flow: FlowId, id: TransactionId) {
        self.transactions.get_or_default(flow).push(id);
    }

    pub(super) fn remove(&mut self, flow: FlowId, id: TransactionId) {
        if let Some(ids) = self.transactions.get_mut(&flow) {
            ids.retain(|known| *known != id);
            if ids.is_empty() {
                self.transactions.remove(&flow);
            }
        }
    }

    /// The transactions on a flow.
    pub(super) fn on(&self, flow: FlowId) -> Vec<TransactionId> {
        self.transactions.get(&flow).cloned().unwrap_or_default()
    }

    /// Puts what goes over `from` onto `to`; says which transactions these are.
    pub(super) fn replace(&mut self, from: FlowId, to: FlowId) -> Vec<TransactionId> {
        let moved = self.transactions.remove(&from).unwrap_or_default();
        if !moved.is_empty() {
            let there = self.transactions.get_or_default(to);
            there.extend_from_slice(&moved);
            there.sort_unstable();
        }
        moved
    }
}
