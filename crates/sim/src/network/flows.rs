//! Flows between nodes: opened, used, closed and cut.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use offhook_core::{FlowId, Transport};

use super::damage::damage;
use super::wire::{End, Wire, WireId};
use super::{Cut, FIRST_PORT, Network};
use crate::chance::Chance;
use crate::conditions::Conditions;
use crate::ladder::{Step, describe};
use crate::node::Opened;

/// What the agenda holds. `side` is the end of the wire it happens at.
pub(super) enum Happening {
    Arrival {
        wire: WireId,
        side: usize,
        bytes: Bytes,
    },
    /// A connection attempt reaches the far end.
    Knock {
        wire: WireId,
    },
    /// Its outcome reaches the near end.
    Connected {
        wire: WireId,
    },
    Refused {
        wire: WireId,
    },
    /// The far end closed the flow.
    Goodbye {
        wire: WireId,
        side: usize,
    },
    /// A cut is heard.
    Severed {
        wire: WireId,
    },
}

impl Network {
    fn conditions(&self, from: usize, to: Option<usize>) -> &Conditions {
        let of = |index: usize| self.slots[index].conditions.as_ref();
        of(from)
            .or_else(|| to.and_then(of))
            .unwrap_or(&self.conditions)
    }

    /// Draws how long a message takes.
    fn delay(&mut self, from: usize, to: Option<usize>) -> Duration {
        let range = self.conditions(from, to).delay().clone();
        self.chance.within(&range)
    }

    pub(super) fn open(
        &mut self,
        index: usize,
        flow: FlowId,
        transport: Transport,
        to: SocketAddr,
    ) {
        let slot = &mut self.slots[index];
        // One that listens is reached where it calls from: a datagram socket is one, and a
        // connection is made again to the address that a Contact gives.
        let listens = self
            .listeners
            .iter()
            .filter(|&(&(listened, _), &node)| listened == transport && node == index)
            .map(|(&(_, address), _)| address)
            .min();
        let local = listens.unwrap_or_else(|| {
            let port = slot.next_port;
            slot.next_port = port.checked_add(1).unwrap_or(FIRST_PORT);
            SocketAddr::new(slot.address, port)
        });
        self.last_wire += 1;
        let wire = self.last_wire;
        slot.flows.insert(flow, (wire, 0));
        let near = End {
            node: index,
            flow: Some(flow),
            address: local,
        };
        self.wires
            .insert(wire, Wire::new(transport, near, to, self.now));
        if transport.is_reliable() {
            let target = self.listeners.get(&(transport, to)).copied();
            let at = self.now + self.delay(index, target);
            self.schedule(at, Happening::Knock { wire });
        } else {
            self.log(index, None, Step::Opened(transport));
            self.slots[index].node.flow_opened(
                self.now,
                Opened {
                    flow,
                    transport,
                    local,
                    remote: to,
                    incoming: false,
                },
            );
        }
    }

    pub(super) fn send(&mut self, index: usize, flow: FlowId, bytes: Bytes) {
        let what = if self.recording {
            describe(&bytes)
        } else {
            String::new()
        };
        let Some(&(wire_id, side)) = self.slots[index].flows.get(&flow) else {
            return self.log(
                index,
                None,
                Step::Lost {
                    what,
                    why: "the flow is not open",
                },
            );
        };
        let Some(wire) = self.wires.get(&wire_id) else {
            return;
        };
        let transport = wire.transport;
        let far = self.target(wire_id, side);
        if !wire.open {
            return self.log(
                index,
                far,
                Step::Lost {
                    what,
                    why: "the flow is not open yet",
                },
            );
        }
        if wire.dead {
            return self.log(
                index,
                far,
                Step::Lost {
                    what,
                    why: "the flow is cut",
                },
            );
        }
        // The same draws are made whatever the conditions, so that a change of one of them leaves
        // the rest of a run alone as far as can be.
        let conditions = self.conditions(index, far).clone();
        let lost = self.chance.happens(conditions.loss());
        let doubled = self.chance.happens(conditions.duplication());
        let cut = self.chance.happens(conditions.cuts());
        let delays = [(); 2].map(|()| self.chance.within(conditions.delay()));
        let damaged = self.chance.happens(conditions.damage());
        let harm = self.chance.below(usize::MAX);
        if transport.is_reliable() && cut {
            self.log(
                index,
                far,
                Step::Lost {
                    what,
                    why: "the flow is cut",
                },
            );
            return self.cut_wire(wire_id, Cut::Heard);
        }
        if !transport.is_reliable() && lost {
            return self.log(index, far, Step::Lost { what, why: "lost" });
        }
        let (bytes, what) = if damaged {
            let mut harm = Chance::from_seed(harm as u64);
            (damage(&mut harm, &bytes), format!("{what}  [damaged]"))
        } else {
            (bytes, what)
        };
        let copies = if !transport.is_reliable() && doubled {
            2
        } else {
            1
        };
        let in_order = transport.is_reliable() || !conditions.reordering();
        let mut arrives = Vec::with_capacity(copies);
        for delay in &delays[..copies] {
            let mut at = self.now + *delay;
            if in_order && let Some(wire) = self.wires.get_mut(&wire_id) {
                at = wire.after_the_last(side, at);
            }
            arrives.push(at);
            let bytes = bytes.clone();
            self.schedule(
                at,
                Happening::Arrival {
                    wire: wire_id,
                    side: 1 - side,
                    bytes,
                },
            );
        }
        self.log(
            index,
            far,
            Step::Sent {
                transport,
                what,
                arrives,
            },
        );
    }

    /// The node at the other end, or the one that would be.
    fn target(&self, wire: WireId, side: usize) -> Option<usize> {
        let wire = self.wires.get(&wire)?;
        match &wire.ends[1 - side] {
            Some(end) => Some(end.node),
            None => self.listeners.get(&(wire.transport, wire.to)).copied(),
        }
    }

    pub(super) fn close(&mut self, index: usize, flow: FlowId) {
        let Some((wire_id, side)) = self.slots[index].flows.remove(&flow) else {
            return;
        };
        let Some(wire) = self.wires.get_mut(&wire_id) else {
            return;
        };
        let transport = wire.transport;
        if let Some(end) = &mut wire.ends[side] {
            end.flow = None;
        }
        let far = self.target(wire_id, side);
        self.log(index, far, Step::Closed(transport));
        let Some(wire) = self.wires.get_mut(&wire_id) else {
            return;
        };
        if !transport.is_reliable() && side == 1 {
            // The one who sent the datagrams does not hear of it; his next one finds a new flow.
            wire.ends[1] = None;
            return;
        }
        if !transport.is_reliable() || wire.ends[1 - side].is_none() {
            self.forget(wire_id);
            return;
        }
        let mut at = self.now + self.delay(index, far);
        if let Some(wire) = self.wires.get_mut(&wire_id) {
            at = wire.after_the_last(side, at);
        }
        self.schedule(
            at,
            Happening::Goodbye {
                wire: wire_id,
                side: 1 - side,
            },
        );
    }

    pub(super) fn cut_wire(&mut self, wire_id: WireId, how: Cut) {
        let Some(wire) = self.wires.get_mut(&wire_id) else {
            return;
        };
        if std::mem::replace(&mut wire.dead, true) {
            return;
        }
        let transport = wire.transport;
        let near = wire.ends[0].as_ref().map(|end| end.node);
        let far = wire.ends[1].as_ref().map(|end| end.node);
        if let Some(near) = near {
            self.log(near, far, Step::Cut(transport));
        }
        let at = match how {
            Cut::Heard => self.now,
            Cut::Unheard(time) => self.now + time,
        };
        self.schedule(at, Happening::Severed { wire: wire_id });
    }

    pub(super) fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrival { wire, side, bytes } => self.arrive(wire, side, bytes),
            Happening::Knock { wire } => self.knock(wire),
            Happening::Connected { wire } => self.connected(wire),
            Happening::Refused { wire } => self.refused(wire),
            Happening::Goodbye { wire, side } => {
                if self.wires.get(&wire).is_some_and(|wire| !wire.dead) {
                    self.lose(wire, side);
                    self.forget(wire);
                }
            }
            Happening::Severed { wire } => {
                self.lose(wire, 0);
                self.lose(wire, 1);
                self.forget(wire);
            }
        }
    }

    fn arrive(&mut self, wire_id: WireId, side: usize, bytes: Bytes) {
        let Some(wire) = self.wires.get(&wire_id) else {
            return;
        };
        if wire.dead {
            return;
        }
        if wire.ends[side].is_none() && self.accept(wire_id).is_none() {
            return;
        }
        let end = self
            .wires
            .get(&wire_id)
            .and_then(|wire| wire.ends[side].clone());
        if let Some(End {
            node,
            flow: Some(flow),
            ..
        }) = end
        {
            self.slots[node].node.receive(self.now, flow, bytes);
            self.drain(node);
        }
    }

    /// Gives a flow that was opened to a listener its far end; nothing if nobody listens.
    fn accept(&mut self, wire_id: WireId) -> Option<usize> {
        let wire = self.wires.get_mut(&wire_id)?;
        let node = *self.listeners.get(&(wire.transport, wire.to))?;
        let slot = &mut self.slots[node];
        let flow = FlowId(slot.next_incoming);
        slot.next_incoming += 1;
        slot.flows.insert(flow, (wire_id, 1));
        wire.ends[1] = Some(End {
            node,
            flow: Some(flow),
            address: wire.to,
        });
        let remote = wire.ends[0].as_ref()?.address;
        let opened = Opened {
            flow,
            transport: wire.transport,
            local: wire.to,
            remote,
            incoming: true,
        };
        slot.node.flow_opened(self.now, opened);
        self.drain(node);
        Some(node)
    }

    fn knock(&mut self, wire_id: WireId) {
        let Some(near) = self
            .wires
            .get(&wire_id)
            .and_then(|wire| wire.ends[0].clone())
        else {
            return;
        };
        let far = self.target(wire_id, 0);
        let back = self.now + self.delay(near.node, far);
        if far.is_none() {
            return self.schedule(back, Happening::Refused { wire: wire_id });
        }
        self.schedule(back, Happening::Connected { wire: wire_id });
        if let Some(wire) = self.wires.get_mut(&wire_id) {
            // What the far end says at once arrives after the connection stands at the near end.
            wire.open = true;
            wire.after_the_last(1, back);
        }
        self.accept(wire_id);
    }

    fn connected(&mut self, wire_id: WireId) {
        let Some(wire) = self.wires.get(&wire_id) else {
            return;
        };
        if wire.dead {
            return;
        }
        let (transport, remote) = (wire.transport, wire.to);
        let far = wire.ends[1].as_ref().map(|end| end.node);
        if let Some(End {
            node,
            flow: Some(flow),
            address,
        }) = wire.ends[0].clone()
        {
            self.log(node, far, Step::Opened(transport));
            let opened = Opened {
                flow,
                transport,
                local: address,
                remote,
                incoming: false,
            };
            self.slots[node].node.flow_opened(self.now, opened);
            self.drain(node);
        }
    }

    fn refused(&mut self, wire_id: WireId) {
        let Some(wire) = self.wires.get(&wire_id) else {
            return;
        };
        let transport = wire.transport;
        let near = wire.ends[0].clone();
        self.forget(wire_id);
        if let Some(End {
            node,
            flow: Some(flow),
            ..
        }) = near
        {
            self.log(node, None, Step::Failed(transport));
            self.slots[node].node.flow_failed(self.now, flow);
            self.drain(node);
        }
    }

    /// Tells one end that its flow is gone.
    fn lose(&mut self, wire_id: WireId, side: usize) {
        let end = self
            .wires
            .get_mut(&wire_id)
            .and_then(|wire| wire.ends[side].as_mut());
        let Some(End { node, flow, .. }) = end else {
            return;
        };
        if let (node, Some(flow)) = (*node, flow.take()) {
            self.slots[node].flows.remove(&flow);
            self.slots[node].node.flow_lost(self.now, flow);
            self.drain(node);
        }
    }

    fn forget(&mut self, wire_id: WireId) {
        if let Some(wire) = self.wires.remove(&wire_id) {
            for end in wire.ends.into_iter().flatten() {
                if let Some(flow) = end.flow {
                    self.slots[end.node].flows.remove(&flow);
                }
            }
        }
    }
}
