//! The network: nodes, flows between them, and the order of all that happens.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use offhook_core::{FlowId, Instant, TimerQueue, Transport};

use crate::chance::Chance;
use crate::conditions::Conditions;
use crate::ladder::{Ladder, Line, Step, describe};
use crate::node::{Action, Node, Opened};
use crate::wire::{End, Wire, WireId};

/// The first name of a flow that a peer opened.
const FIRST_INCOMING: u64 = 1 << 63;

/// The first port that an outgoing flow uses.
const FIRST_PORT: u16 = 49_152;

/// How many things may happen at one moment before the run is called stuck.
const STUCK: u32 = 100_000;

/// How a reliable flow is cut.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Cut {
    /// Both ends hear of it at once, as by a reset.
    Heard,
    /// Nothing passes any more, and both ends hear of it after this time, as when a router
    /// forgets.
    Unheard(Duration),
}

/// A node of a network, by the type it was added with.
pub struct Handle<N> {
    index: usize,
    node: PhantomData<fn() -> N>,
}

impl<N> Clone for Handle<N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<N> Copy for Handle<N> {}

impl<N> fmt::Debug for Handle<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}", self.index)
    }
}

/// A virtual network and its clock.
///
/// See the [crate page](crate) for an example.
pub struct Network {
    now: Instant,
    chance: Chance,
    conditions: Conditions,
    slots: Vec<Slot>,
    listeners: HashMap<(Transport, SocketAddr), usize>,
    wires: HashMap<WireId, Wire>,
    last_wire: WireId,
    agenda: BTreeMap<(Instant, u64), Happening>,
    scheduled: u64,
    wakes: TimerQueue<usize>,
    ladder: Ladder,
    at_this_moment: u32,
}

struct Slot {
    name: String,
    node: Box<dyn Node>,
    address: IpAddr,
    conditions: Option<Conditions>,
    flows: HashMap<FlowId, (WireId, usize)>,
    next_incoming: u64,
    next_port: u16,
}

/// What the agenda holds. `side` is the end of the wire it happens at.
enum Happening {
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

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("now", &self.now)
            .field(
                "nodes",
                &self.slots.iter().map(|slot| &slot.name).collect::<Vec<_>>(),
            )
            .field("flows", &self.wires.len())
            .field("agenda", &self.agenda.len())
            .finish_non_exhaustive()
    }
}

impl Network {
    /// A network without nodes, under [perfect](Conditions::perfect) conditions, at time zero.
    pub fn new(seed: u64) -> Network {
        Network {
            now: Instant::ZERO,
            chance: Chance::from_seed(seed),
            conditions: Conditions::perfect(),
            slots: Vec::new(),
            listeners: HashMap::new(),
            wires: HashMap::new(),
            last_wire: 0,
            agenda: BTreeMap::new(),
            scheduled: 0,
            wakes: TimerQueue::new(),
            ladder: Ladder::default(),
            at_this_moment: 0,
        }
    }

    /// Sets the conditions for every message from now on.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.conditions = conditions;
    }

    /// Sets other conditions for every message from or to one node; `None` takes them back.
    ///
    /// Where both ends have some, those of the sender count.
    pub fn set_conditions_of<N>(&mut self, node: Handle<N>, conditions: Option<Conditions>) {
        self.slots[node.index].conditions = conditions;
    }

    /// Adds a node under a name for the ladder. Its address is 10.0.0.1, 10.0.0.2, and so on.
    pub fn add<N: Node>(&mut self, name: &str, node: N) -> Handle<N> {
        let index = self.slots.len();
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX) & 0x00ff_ffff;
        let address = Ipv4Addr::from_bits(0x0a00_0000 | number);
        self.slots.push(Slot {
            name: name.to_owned(),
            node: Box::new(node),
            address: address.into(),
            conditions: None,
            flows: HashMap::new(),
            next_incoming: FIRST_INCOMING,
            next_port: FIRST_PORT,
        });
        self.drain(index);
        Handle {
            index,
            node: PhantomData,
        }
    }

    /// Lets a node be reached at a port of its address.
    pub fn listen<N>(&mut self, node: Handle<N>, transport: Transport, port: u16) -> SocketAddr {
        let address = SocketAddr::new(self.slots[node.index].address, port);
        self.listeners.insert((transport, address), node.index);
        address
    }

    /// Lets nobody be reached there any more; flows that are open stay.
    pub fn stop_listening(&mut self, transport: Transport, address: SocketAddr) {
        self.listeners.remove(&(transport, address));
    }

    /// The moment the network is at.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The chance of this run, for tests that choose by it as well.
    pub fn chance(&mut self) -> &mut Chance {
        &mut self.chance
    }

    /// A node, to look at.
    pub fn node<N: Node>(&self, node: Handle<N>) -> &N {
        let node: &dyn Any = self.slots[node.index].node.as_ref();
        node.downcast_ref()
            .expect("a handle keeps the type its node was added with")
    }

    /// Does something with a node, at the present moment, and carries out what it then wants.
    pub fn with<N: Node, R>(
        &mut self,
        node: Handle<N>,
        act: impl FnOnce(&mut N, Instant) -> R,
    ) -> R {
        let it: &mut dyn Any = self.slots[node.index].node.as_mut();
        let it = it
            .downcast_mut()
            .expect("a handle keeps the type its node was added with");
        let result = act(it, self.now);
        self.drain(node.index);
        result
    }

    /// Writes a line of the test's own into the ladder.
    pub fn note<N>(&mut self, node: Handle<N>, text: impl Into<String>) {
        self.log(node.index, None, Step::Note(text.into()));
    }

    /// What happened so far.
    pub fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// How many flows are open or being opened, each counted once.
    pub fn flow_count(&self) -> usize {
        self.wires.len()
    }

    /// Cuts every reliable flow of a node. What is under way on them is lost.
    pub fn cut<N>(&mut self, node: Handle<N>, how: Cut) {
        let mut wires: Vec<WireId> = self.slots[node.index]
            .flows
            .values()
            .map(|&(wire, _)| wire)
            .filter(|wire| {
                self.wires
                    .get(wire)
                    .is_some_and(|w| w.transport.is_reliable())
            })
            .collect();
        wires.sort_unstable();
        for wire in wires {
            self.cut_wire(wire, how);
        }
    }

    /// When something happens next: a message arrives, or a node wants to be woken.
    pub fn next(&self) -> Option<Instant> {
        let arrival = self.agenda.first_key_value().map(|(&(at, _), _)| at);
        let wake = self.wakes.next().map(|at| at.max(self.now));
        match (arrival, wake) {
            (Some(arrival), Some(wake)) => Some(arrival.min(wake)),
            (arrival, wake) => arrival.or(wake),
        }
    }

    /// Lets the next thing happen; false if nothing ever will.
    ///
    /// # Panics
    ///
    /// If a hundred thousand things happened without time passing: a node asks again and again to
    /// be woken in the past, or two answer each other without delay. The ladder is printed.
    pub fn step(&mut self) -> bool {
        let Some(at) = self.next() else { return false };
        if at > self.now {
            self.now = at;
            self.at_this_moment = 0;
        }
        self.at_this_moment += 1;
        assert!(
            self.at_this_moment < STUCK,
            "time stands still at {}:\n{}",
            self.now,
            self.ladder
        );
        if self
            .agenda
            .first_key_value()
            .is_some_and(|(&(due, _), _)| due <= self.now)
        {
            if let Some((_, happening)) = self.agenda.pop_first() {
                self.happen(happening);
            }
        } else if let Some(index) = self.wakes.expire(self.now) {
            self.slots[index].node.timeout(self.now);
            self.drain(index);
        }
        true
    }

    /// Lets time pass, and everything happen that is due in it.
    pub fn run_for(&mut self, time: Duration) {
        self.run_to(self.now + time);
    }

    /// Lets time pass up to a moment.
    pub fn run_to(&mut self, end: Instant) {
        while self.next().is_some_and(|at| at <= end) {
            self.step();
        }
        if end > self.now {
            self.now = end;
            self.at_this_moment = 0;
        }
    }

    /// Lets time pass until something is true, at most this long; says whether it became so.
    pub fn run_until(
        &mut self,
        limit: Duration,
        mut done: impl FnMut(&mut Network) -> bool,
    ) -> bool {
        let end = self.now + limit;
        loop {
            if done(self) {
                return true;
            }
            if self.next().is_none_or(|at| at > end) {
                self.run_to(end);
                return done(self);
            }
            self.step();
        }
    }

    fn schedule(&mut self, at: Instant, happening: Happening) {
        self.scheduled += 1;
        self.agenda.insert((at, self.scheduled), happening);
    }

    fn log(&mut self, from: usize, to: Option<usize>, step: Step) {
        let from = self.slots[from].name.clone();
        let to = to.map(|to| self.slots[to].name.clone());
        self.ladder.push(Line {
            at: self.now,
            from,
            to,
            step,
        });
    }

    /// Carries out what a node wants, and sees when it wants to be woken.
    fn drain(&mut self, index: usize) {
        while let Some(action) = self.slots[index].node.poll() {
            match action {
                Action::Send { flow, bytes } => self.send(index, flow, bytes),
                Action::Open {
                    flow,
                    transport,
                    to,
                } => self.open(index, flow, transport, to),
                Action::Close { flow } => self.close(index, flow),
                Action::Note(text) => self.log(index, None, Step::Note(text)),
            }
        }
        match self.slots[index].node.next_timeout() {
            Some(at) => self.wakes.set(index, at),
            None => self.wakes.cancel(&index),
        }
    }

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

    fn open(&mut self, index: usize, flow: FlowId, transport: Transport, to: SocketAddr) {
        let slot = &mut self.slots[index];
        let local = SocketAddr::new(slot.address, slot.next_port);
        slot.next_port = slot.next_port.checked_add(1).unwrap_or(FIRST_PORT);
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

    fn send(&mut self, index: usize, flow: FlowId, bytes: Bytes) {
        let what = describe(&bytes);
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

    fn close(&mut self, index: usize, flow: FlowId) {
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

    fn cut_wire(&mut self, wire_id: WireId, how: Cut) {
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

    fn happen(&mut self, happening: Happening) {
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
