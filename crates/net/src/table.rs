//! The flows and UDP sockets of an endpoint, under one lock.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use offhook_core::FlowId;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, Instant};

use crate::connection::Command;
use crate::endpoint::FIRST_ACCEPTED_FLOW;

/// The number of a UDP socket within its endpoint.
#[derive(Copy, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct PortId(u64);

/// What a flow's name stands for. Dropping it closes the flow.
#[derive(Debug)]
pub(crate) enum Handle {
    /// A task is opening it, and gives up when the other end of this is dropped.
    Opening { _abort: oneshot::Sender<Infallible> },
    /// A task serves it until nobody can command it any more.
    Connection { commands: mpsc::Sender<Command> },
    /// A UDP socket and a remote address.
    Datagram(Datagram),
}

#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    pub(crate) port: PortId,
    pub(crate) socket: Arc<UdpSocket>,
    pub(crate) remote: SocketAddr,
    /// Opened by the other side: forgotten when silent or when there are too many.
    accepted: bool,
    last_heard: Instant,
}

#[derive(Debug)]
struct Port {
    socket: Arc<UdpSocket>,
    local: SocketAddr,
    /// Asked for by `listen`, so that it stays without a flow.
    listening: bool,
    /// The task that reads the socket ends when this is dropped.
    _stop: oneshot::Sender<Infallible>,
}

#[derive(Debug)]
pub(crate) struct Table {
    closed: bool,
    flows: HashMap<FlowId, Handle>,
    next_accepted: u64,
    ports: HashMap<PortId, Port>,
    next_port: u64,
    /// To whom a datagram belongs.
    remotes: HashMap<(PortId, SocketAddr), FlowId>,
    datagram_limit: usize,
    accepted_datagrams: usize,
    opened_datagrams: usize,
}

/// Whose datagram it is.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Heard {
    Known(FlowId),
    /// The first one of this remote. To make room, others were forgotten.
    New {
        flow: FlowId,
        forgotten: Vec<FlowId>,
    },
    /// The socket is being closed.
    Closed,
}

/// What came of placing an opened UDP flow.
#[derive(Debug)]
pub(crate) enum Placed {
    /// It sends from this socket, bound to that address.
    On(SocketAddr),
    /// No socket has the remote free for it: bind another.
    NeedsSocket,
    /// There are as many as may be.
    TooMany,
    /// It was closed while it was being opened.
    Closed,
}

impl Table {
    pub(crate) fn new(datagram_limit: usize) -> Table {
        Table {
            closed: false,
            flows: HashMap::new(),
            next_accepted: FIRST_ACCEPTED_FLOW,
            ports: HashMap::new(),
            next_port: 0,
            remotes: HashMap::new(),
            datagram_limit: datagram_limit.max(1),
            accepted_datagrams: 0,
            opened_datagrams: 0,
        }
    }

    pub(crate) fn get(&self, flow: FlowId) -> Option<&Handle> {
        self.flows.get(&flow)
    }

    /// How many flows are open or being opened.
    pub(crate) fn len(&self) -> usize {
        self.flows.len()
    }

    /// Enters a flow that is being opened; `false` when the name is taken or all is closed.
    pub(crate) fn opening(&mut self, flow: FlowId, abort: oneshot::Sender<Infallible>) -> bool {
        if self.closed || self.flows.contains_key(&flow) {
            return false;
        }
        self.flows.insert(flow, Handle::Opening { _abort: abort });
        true
    }

    /// The flow that was being opened is a connection now; `false` when it was closed meanwhile.
    pub(crate) fn opened(&mut self, flow: FlowId, commands: mpsc::Sender<Command>) -> bool {
        match self.flows.get_mut(&flow) {
            Some(handle @ Handle::Opening { .. }) => {
                *handle = Handle::Connection { commands };
                true
            }
            _ => false,
        }
    }

    /// Enters an accepted connection and names it; `None` when all is closed.
    pub(crate) fn accepted(&mut self, commands: mpsc::Sender<Command>) -> Option<FlowId> {
        if self.closed {
            return None;
        }
        let flow = self.name();
        self.flows.insert(flow, Handle::Connection { commands });
        Some(flow)
    }

    fn name(&mut self) -> FlowId {
        let flow = FlowId(self.next_accepted);
        self.next_accepted += 1;
        flow
    }

    /// Removes a flow, which closes it; `false` when there was none. The UDP socket it was opened
    /// on goes with its last opened flow, and with the socket the remotes that were accepted on it,
    /// which are returned.
    pub(crate) fn remove(&mut self, flow: FlowId) -> Option<Vec<FlowId>> {
        let Handle::Datagram(datagram) = self.flows.remove(&flow)? else {
            return Some(Vec::new());
        };
        let key = (datagram.port, datagram.remote);
        if self.remotes.get(&key) == Some(&flow) {
            self.remotes.remove(&key);
        }
        if datagram.accepted {
            self.accepted_datagrams -= 1;
            return Some(Vec::new());
        }
        self.opened_datagrams -= 1;
        Some(self.release_port(datagram.port))
    }

    /// Takes out a socket that was bound for an opened flow, unless one uses it. The remotes that
    /// were accepted on it go with it, and are returned.
    pub(crate) fn release_port(&mut self, port: PortId) -> Vec<FlowId> {
        let in_use = self.ports.get(&port).is_none_or(|port| port.listening)
            || self.datagrams().any(|(_, d)| d.port == port && !d.accepted);
        if in_use {
            return Vec::new();
        }
        self.ports.remove(&port);
        let orphans: Vec<FlowId> = self
            .datagrams()
            .filter(|(_, datagram)| datagram.port == port)
            .map(|(flow, _)| flow)
            .collect();
        for flow in &orphans {
            self.remove(*flow);
        }
        orphans
    }

    fn datagrams(&self) -> impl Iterator<Item = (FlowId, &Datagram)> {
        self.flows.iter().filter_map(|(flow, handle)| match handle {
            Handle::Datagram(datagram) => Some((*flow, datagram)),
            _ => None,
        })
    }

    /// Closes everything, for good.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.flows.clear();
        self.ports.clear();
        self.remotes.clear();
        self.accepted_datagrams = 0;
        self.opened_datagrams = 0;
    }

    /// Enters a UDP socket; `None` when all is closed.
    pub(crate) fn add_port(
        &mut self,
        socket: Arc<UdpSocket>,
        local: SocketAddr,
        listening: bool,
        stop: oneshot::Sender<Infallible>,
    ) -> Option<PortId> {
        if self.closed {
            return None;
        }
        let id = PortId(self.next_port);
        self.next_port += 1;
        let port = Port {
            socket,
            local,
            listening,
            _stop: stop,
        };
        self.ports.insert(id, port);
        Some(id)
    }

    /// Places a UDP flow on a socket from which `local` reaches `remote`: one that is bound to it or
    /// to all addresses and has no other opened flow to the same remote, listening ones first.
    ///
    /// A remote that had been accepted there keeps its name for sending; what comes from it belongs
    /// to the opened flow from now on.
    pub(crate) fn place(
        &mut self,
        flow: FlowId,
        local: IpAddr,
        remote: SocketAddr,
        now: Instant,
    ) -> Placed {
        if self.closed || !matches!(self.flows.get(&flow), Some(Handle::Opening { .. })) {
            return Placed::Closed;
        }
        if self.opened_datagrams >= self.datagram_limit {
            return Placed::TooMany;
        }
        let fits = |port: &Port| {
            let ip = port.local.ip();
            ip == local || (ip.is_unspecified() && ip.is_ipv4() == local.is_ipv4())
        };
        let free = |id: PortId| match self.remotes.get(&(id, remote)) {
            Some(other) => match self.flows.get(other) {
                Some(Handle::Datagram(datagram)) => datagram.accepted,
                _ => true,
            },
            None => true,
        };
        let found = self
            .ports
            .iter()
            .filter(|(id, port)| fits(port) && free(**id))
            .min_by_key(|(id, port)| (!port.listening, **id));
        let Some((&id, port)) = found else {
            return Placed::NeedsSocket;
        };
        let bound = SocketAddr::new(local, port.local.port());
        let datagram = Datagram {
            port: id,
            socket: port.socket.clone(),
            remote,
            accepted: false,
            last_heard: now,
        };
        self.flows.insert(flow, Handle::Datagram(datagram));
        self.remotes.insert((id, remote), flow);
        self.opened_datagrams += 1;
        Placed::On(bound)
    }

    /// The flow of a datagram that is only a keep-alive, if there is one.
    pub(crate) fn touch(&mut self, port: PortId, remote: SocketAddr, now: Instant) -> bool {
        let Some(flow) = self.remotes.get(&(port, remote)) else {
            return false;
        };
        if let Some(Handle::Datagram(datagram)) = self.flows.get_mut(flow) {
            datagram.last_heard = now;
        }
        true
    }

    /// The flow of a datagram, made when there is none.
    pub(crate) fn heard(&mut self, port: PortId, remote: SocketAddr, now: Instant) -> Heard {
        if self.touch(port, remote, now)
            && let Some(flow) = self.remotes.get(&(port, remote))
        {
            return Heard::Known(*flow);
        }
        let Some(socket) = self.ports.get(&port).map(|port| port.socket.clone()) else {
            return Heard::Closed;
        };
        let forgotten = if self.accepted_datagrams >= self.datagram_limit {
            self.forget_oldest()
        } else {
            Vec::new()
        };
        let flow = self.name();
        let datagram = Datagram {
            port,
            socket,
            remote,
            accepted: true,
            last_heard: now,
        };
        self.flows.insert(flow, Handle::Datagram(datagram));
        self.remotes.insert((port, remote), flow);
        self.accepted_datagrams += 1;
        Heard::New { flow, forgotten }
    }

    /// Forgets an eighth of the accepted remotes, those not heard from for longest: so many at a
    /// time that looking for them costs little per datagram.
    fn forget_oldest(&mut self) -> Vec<FlowId> {
        let mut silent: Vec<(Instant, FlowId)> = self
            .datagrams()
            .filter(|(_, datagram)| datagram.accepted)
            .map(|(flow, datagram)| (datagram.last_heard, flow))
            .collect();
        silent.sort_unstable();
        silent.truncate(self.datagram_limit.div_ceil(8));
        self.forget(silent.into_iter().map(|(_, flow)| flow).collect())
    }

    /// Forgets the accepted remotes of one socket that have been silent for `idle`.
    pub(crate) fn forget_idle(
        &mut self,
        port: PortId,
        idle: Duration,
        now: Instant,
    ) -> Vec<FlowId> {
        let silent = self
            .datagrams()
            .filter(|(_, datagram)| {
                datagram.accepted
                    && datagram.port == port
                    && now.saturating_duration_since(datagram.last_heard) >= idle
            })
            .map(|(flow, _)| flow)
            .collect();
        self.forget(silent)
    }

    fn forget(&mut self, mut flows: Vec<FlowId>) -> Vec<FlowId> {
        flows.sort_unstable();
        for flow in &flows {
            self.remove(*flow);
        }
        flows
    }
}
