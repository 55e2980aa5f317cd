//! Flows that we open ourselves, to reach those whose own is gone.

use std::collections::HashMap;

use offhook_core::{Destination, FlowId, Instant, TransactionId, Transport};
use offhook_sip::{OutgoingRequest, StatusCode, Uri};

use super::fork::{Branch, Input};
use super::relay::{Target, Way};
use super::{Output, Proxy, Timer};
use crate::location::Binding;

/// What waits for a flow to open.
#[derive(Debug)]
pub(super) enum Waiting {
    Branch(TransactionId, Branch, Target),
    Ack(OutgoingRequest),
}

/// The flows that we opened, or are opening.
#[derive(Debug, Default)]
pub(super) struct Dials {
    last_flow: u64,
    opening: HashMap<FlowId, Vec<Waiting>>,
    flows: HashMap<Destination, FlowId>,
}

impl Dials {
    pub(super) fn forget(&mut self, flow: FlowId) {
        self.flows.retain(|_, known| *known != flow);
    }

    /// Takes out a branch that waits; whether it did.
    pub(super) fn give_up(&mut self, server: TransactionId, branch: Branch) -> bool {
        let mut found = false;
        for waiting in self.opening.values_mut() {
            waiting.retain(|waiting| {
                let it =
                    matches!(waiting, Waiting::Branch(s, b, _) if (*s, *b) == (server, branch));
                found |= it;
                !it
            });
        }
        found
    }
}

/// Where a URI leads by itself; nowhere if only the connection of its owner does.
pub(super) fn destination(uri: &Uri<'_>) -> Option<Destination> {
    // RFC 7118, 5: the contact of somebody who cannot be connected to.
    Destination::of_uri(uri).filter(|destination| {
        !destination.host.ends_with(".invalid")
            && !matches!(destination.transport, Transport::Ws | Transport::Wss)
    })
}

impl Proxy {
    /// How a contact is reached now: over its own flow while that lives.
    pub(super) fn way_to(&self, binding: &Binding) -> Way {
        let reach = &binding.reach;
        match (reach.flow, reach.transport) {
            (Some(flow), _) => Way::Flow(flow),
            // On UDP a flow is only forgotten; the address behind it, perhaps a NAT's, is still the
            // one that reaches the contact.
            (None, Transport::Udp) => {
                let (ip, port) = (reach.remote.ip().to_string(), reach.remote.port());
                Way::Dial(Destination::new(Transport::Udp, ip, port))
            }
            (None, _) => destination(&binding.contact.uri).map_or(Way::None, Way::Dial),
        }
    }

    /// The flow to a destination if there is one; else `waiting` goes on when it has been opened, or
    /// fails.
    pub(super) fn dial(
        &mut self,
        now: Instant,
        destination: &Destination,
        waiting: Waiting,
    ) -> Option<(FlowId, Waiting)> {
        if let Some(&flow) = self.dials.flows.get(destination) {
            match self.dials.opening.get_mut(&flow) {
                Some(queue) => {
                    queue.push(waiting);
                    return None;
                }
                None => {
                    self.used(now, flow);
                    return Some((flow, waiting));
                }
            }
        }
        self.dials.last_flow += 1;
        let flow = FlowId(self.dials.last_flow);
        self.dials.flows.insert(destination.clone(), flow);
        self.dials.opening.insert(flow, vec![waiting]);
        self.outputs.push_back(Output::Open {
            flow,
            destination: destination.clone(),
        });
        None
    }

    /// A flow that we opened is in use.
    pub(super) fn used(&mut self, now: Instant, flow: FlowId) {
        let at = now + self.settings.dial_idle;
        self.timers.set(Timer::Unused(flow), at);
    }

    /// A flow is open; if it is one of ours, what waited for it goes on.
    pub(super) fn dialled(&mut self, now: Instant, flow: FlowId) {
        let Some(waiting) = self.dials.opening.remove(&flow) else {
            return;
        };
        self.used(now, flow);
        for waiting in waiting {
            match waiting {
                Waiting::Branch(server, branch, target) => {
                    let target = Target {
                        way: Way::Flow(flow),
                        ..target
                    };
                    if let Some(input) = self.start_branch(now, server, branch, target) {
                        self.run(now, server, input);
                    }
                }
                Waiting::Ack(ack) => self.send_ack_over(flow, ack),
            }
        }
    }

    /// A flow of ours cannot be opened.
    pub(super) fn not_dialled(&mut self, now: Instant, flow: FlowId) {
        self.dials.forget(flow);
        for waiting in self.dials.opening.remove(&flow).unwrap_or_default() {
            match waiting {
                Waiting::Branch(server, branch, _) => {
                    let failed = Input::Failed(branch, StatusCode::TEMPORARILY_UNAVAILABLE);
                    self.run(now, server, failed);
                }
                Waiting::Ack(_) => self.counters.stray_acks += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_can_be_connected_to_are_dialled() {
        for (uri, destination_text) in [
            ("sip:bob@192.0.2.1", Some("udp://192.0.2.1:5060")),
            (
                "sip:bob@192.0.2.1:7000;transport=tcp",
                Some("tcp://192.0.2.1:7000"),
            ),
            ("sips:bob@a.example", Some("tls://a.example:5061")),
            ("sip:bob@[2001:db8::1]", Some("udp://[2001:db8::1]:5060")),
            ("sip:bob@df7j.INVALID;transport=ws", None),
            ("sip:bob@a.example;transport=ws", None),
            ("sip:bob@a.example;transport=sctp", None),
            ("tel:+1", None),
        ] {
            let uri = Uri::parse(uri).unwrap();
            let found = destination(&uri).map(|destination| destination.to_string());
            assert_eq!(found.as_deref(), destination_text, "{uri}");
        }
    }
}
