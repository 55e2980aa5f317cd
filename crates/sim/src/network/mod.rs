//! The network: nodes, flows between them, and the order of all that happens.

mod damage;
mod flows;
mod wire;

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use offhook_core::{FlowId, Instant, TimerQueue, Transport};

use crate::chance::Chance;
use crate::conditions::Conditions;
use crate::ladder::{Ladder, Line, Step};
use crate::node::{Action, Node};
use flows::Happening;
use wire::{Wire, WireId};

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
    recording: bool,
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
            recording: true,
            at_this_moment: 0,
        }
    }

    /// Says whether a ladder is kept, which it is unless told otherwise. A run is the same with
    /// and without, and faster without.
    pub fn set_recording(&mut self, recording: bool) {
        self.recording = recording;
    }

    /// Whether a ladder is kept.
    pub fn is_recording(&self) -> bool {
        self.recording
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

    /// Gives a node another address, as when a telephone goes from one network to another: its
    /// reliable flows break, and where it listened nobody does.
    pub fn relocate<N>(&mut self, node: Handle<N>) {
        let slot = &mut self.slots[node.index];
        let from = slot.address;
        if let IpAddr::V4(address) = from {
            let [first, second, rest @ ..] = address.octets();
            let [third, fourth] = rest;
            slot.address = Ipv4Addr::new(first, second.wrapping_add(1), third, fourth).into();
        }
        self.listeners
            .retain(|(_, address), _| address.ip() != from);
        self.log(node.index, None, Step::Note("has another address".into()));
        self.cut(node, Cut::Heard);
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
        if !self.recording {
            return;
        }
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
}
