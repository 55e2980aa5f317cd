//! Opens the sockets and finds the candidates, within bounded time.

use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::candidate::{Kind, LocalCandidate};
use super::interfaces;
use super::sockets::{Socket, Sockets};
use super::stun::{self, Transaction};
use super::turn::{Received, Relay};
use crate::config::{IceTransportPolicy, PeerConnectionConfig, ServerAddress};
use crate::event::GatheringState;

/// A server that has not answered by then is left out.
const SERVER_PATIENCE: Duration = Duration::from_secs(5);
/// The first wait for an answer; it doubles with each try (RFC 8489 §6.2.1).
const FIRST_RETRY: Duration = Duration::from_millis(250);

/// The sockets and what they are good for.
pub(crate) struct Gatherer {
    policy: IceTransportPolicy,
    servers: Vec<ServerAddress>,
    sockets: Sockets,
    lookups: JoinSet<(usize, Option<SocketAddr>)>,
    queries: Vec<Query>,
    relays: Vec<Relay>,
    candidates: Vec<LocalCandidate>,
    fresh: Vec<LocalCandidate>,
    state: GatheringState,
    /// The ICE username fragment that was gathered for.
    generation: Option<String>,
}

/// A binding request under way.
struct Query {
    base: SocketAddr,
    preference: u16,
    server: SocketAddr,
    transaction: Transaction,
    next: Instant,
    wait: Duration,
    deadline: Instant,
}

/// A datagram that is for the engine.
pub(crate) struct Arrived {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) length: usize,
}

/// What a new gathering changed.
pub(crate) struct Restarted {
    /// Candidates whose address this machine has no more.
    pub(crate) gone: Vec<LocalCandidate>,
}

impl Gatherer {
    pub(crate) fn new(policy: IceTransportPolicy, servers: Vec<ServerAddress>) -> Gatherer {
        Gatherer {
            policy,
            servers,
            sockets: Sockets::default(),
            lookups: JoinSet::new(),
            queries: Vec::new(),
            relays: Vec::new(),
            candidates: Vec::new(),
            fresh: Vec::new(),
            state: GatheringState::New,
            generation: None,
        }
    }

    /// Whether candidates are wanted for a description with these credentials; notes them.
    pub(crate) fn is_new_generation(&mut self, ufrag: &str) -> bool {
        if self.generation.as_deref() == Some(ufrag) {
            return false;
        }
        self.generation = Some(ufrag.to_owned());
        true
    }

    pub(crate) fn state(&self) -> GatheringState {
        self.state
    }

    pub(crate) fn candidates(&self) -> &[LocalCandidate] {
        &self.candidates
    }

    /// Candidates found since the last call.
    pub(crate) fn take_fresh(&mut self) -> Vec<LocalCandidate> {
        std::mem::take(&mut self.fresh)
    }

    /// The address for those who know no ICE: what is reached from farthest away comes first
    /// (RFC 8839 §4.2.1.4).
    pub(crate) fn default_address(&self) -> Option<SocketAddr> {
        let rank = |kind| match kind {
            Kind::Relayed => 0,
            Kind::ServerReflexive => 1,
            Kind::Host => 2,
        };
        self.candidates
            .iter()
            .min_by_key(|c| (rank(c.kind), c.address.is_ipv6(), u16::MAX - c.preference))
            .map(|candidate| candidate.address)
    }

    /// Begins to gather, or gathers anew: sockets whose address is still there stay.
    pub(crate) fn start(&mut self, now: Instant, config: &PeerConnectionConfig) -> Restarted {
        let addresses = interfaces::addresses(config);
        let kept = |base: &SocketAddr| addresses.contains(&base.ip());
        let (stay, gone) = std::mem::take(&mut self.candidates)
            .into_iter()
            .partition(|candidate| kept(&candidate.base));
        self.candidates = stay;
        self.sockets.retain(|socket| kept(&socket.address));
        self.relays.retain(|relay| kept(&relay.base));
        self.queries.clear();
        self.state = GatheringState::Gathering;
        for (index, address) in addresses.iter().enumerate() {
            let preference = u16::MAX - (index as u16) * 256;
            if !self.sockets.iter().any(|s| s.address.ip() == *address) {
                self.open(*address, preference);
            }
        }
        self.lookups.abort_all();
        for (index, server) in self.servers.iter().enumerate() {
            let (host, port) = match server {
                ServerAddress::Stun { host, port } | ServerAddress::Turn { host, port, .. } => {
                    (host.clone(), *port)
                }
                ServerAddress::Unreachable { url } => {
                    tracing::warn!(
                        url,
                        "STUN and TURN over TCP and TLS are not spoken: left out"
                    );
                    continue;
                }
            };
            self.lookups.spawn(async move {
                let lookup = tokio::net::lookup_host((host.as_str(), port));
                let found = tokio::time::timeout(SERVER_PATIENCE, lookup).await;
                let address = match found {
                    Ok(Ok(mut addresses)) => addresses.next(),
                    _ => None,
                };
                if address.is_none() {
                    tracing::warn!(host, "the ICE server has no address: left out");
                }
                (index, address)
            });
        }
        self.advance(now);
        Restarted { gone }
    }

    fn open(&mut self, address: IpAddr, preference: u16) {
        match self.sockets.open(address, preference) {
            Ok(local) => self.found(LocalCandidate {
                kind: Kind::Host,
                address: local,
                base: local,
                preference,
            }),
            Err(error) => tracing::warn!(%address, %error, "no socket on this address"),
        }
    }

    fn found(&mut self, candidate: LocalCandidate) {
        let known = |c: &LocalCandidate| c.address == candidate.address && c.base == candidate.base;
        if candidate.kind != Kind::Relayed && self.policy == IceTransportPolicy::Relay {
            return;
        }
        if !self.candidates.iter().any(known) {
            self.candidates.push(candidate);
            self.fresh.push(candidate);
        }
    }

    fn finish_if_done(&mut self) {
        let waiting = self.relays.iter().any(Relay::is_allocating);
        if self.lookups.is_empty() && self.queries.is_empty() && !waiting {
            self.state = GatheringState::Complete;
        }
    }

    /// Waits until a server's name is resolved; pends for ever when none is being looked up.
    pub(crate) fn poll_lookup(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.lookups.poll_join_next(cx) {
            Poll::Ready(Some(Ok((index, address)))) => {
                if let Some(address) = address {
                    self.ask(Instant::now(), index, address);
                }
                self.finish_if_done();
                Poll::Ready(())
            }
            Poll::Ready(Some(Err(_))) => {
                self.finish_if_done();
                Poll::Ready(())
            }
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn ask(&mut self, now: Instant, index: usize, server: SocketAddr) {
        match self.servers.get(index) {
            Some(ServerAddress::Stun { .. }) => self.ask_stun(now, server),
            Some(ServerAddress::Turn {
                username,
                credential,
                ..
            }) => {
                // A relay that is kept over a restart is not asked for again.
                if self
                    .relays
                    .iter()
                    .any(|r| r.server == server && !r.is_gone())
                {
                    return;
                }
                let Some(socket) = self.socket_towards(server) else {
                    return;
                };
                let (base, preference) = (socket.address, socket.preference);
                self.relays.push(Relay::allocate(
                    now,
                    SERVER_PATIENCE,
                    base,
                    preference,
                    server,
                    username,
                    &credential.0,
                ));
            }
            _ => {}
        }
    }

    /// The socket on the address that the system would send from.
    fn socket_towards(&self, server: SocketAddr) -> Option<&Socket> {
        let any: IpAddr = match server {
            SocketAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
        };
        // Connecting a datagram socket sends nothing, it only looks the route up.
        let route = std::net::UdpSocket::bind((any, 0))
            .and_then(|socket| {
                socket.connect(server)?;
                socket.local_addr()
            })
            .ok();
        let family = |socket: &&Socket| socket.address.is_ipv4() == server.is_ipv4();
        self.sockets
            .iter()
            .find(|socket| route.is_some_and(|route| route.ip() == socket.address.ip()))
            .or_else(|| self.sockets.iter().find(family))
    }

    fn ask_stun(&mut self, now: Instant, server: SocketAddr) {
        for socket in self.sockets.iter() {
            if socket.address.is_ipv4() != server.is_ipv4() {
                continue;
            }
            let mut transaction = Transaction::default();
            if getrandom::fill(&mut transaction).is_err() {
                continue;
            }
            self.queries.push(Query {
                base: socket.address,
                preference: socket.preference,
                server,
                transaction,
                next: now,
                wait: FIRST_RETRY,
                deadline: now + SERVER_PATIENCE,
            });
        }
    }

    /// Sends what is due; says when to be called again.
    pub(crate) fn advance(&mut self, now: Instant) -> Option<Instant> {
        self.queries.retain(|query| now < query.deadline);
        for query in &mut self.queries {
            if now >= query.next {
                let request = stun::binding_request(&query.transaction);
                self.sockets.send(query.base, query.server, &request);
                query.next = now + query.wait;
                query.wait *= 2;
            }
        }
        let mut due = self
            .queries
            .iter()
            .map(|query| query.next.min(query.deadline))
            .min();
        for relay in &mut self.relays {
            let (base, server) = (relay.base, relay.server);
            let sockets = &mut self.sockets;
            let next = relay.advance(now, &mut |data| sockets.send(base, server, data));
            due = [due, next].into_iter().flatten().min();
        }
        self.find_relays();
        if self.state == GatheringState::Gathering {
            self.finish_if_done();
        }
        due
    }

    fn find_relays(&mut self) {
        let found: Vec<LocalCandidate> = self
            .relays
            .iter()
            .filter_map(|relay| {
                Some(LocalCandidate {
                    kind: Kind::Relayed,
                    address: relay.relayed()?,
                    base: relay.base,
                    preference: relay.preference,
                })
            })
            .collect();
        for candidate in found {
            self.found(candidate);
        }
        self.relays.retain(|relay| !relay.is_gone());
    }

    /// Waits for a datagram; answers of STUN servers are taken here and not given on.
    pub(crate) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Option<Arrived>> {
        match self.sockets.poll_receive(cx, buffer) {
            Poll::Pending => Poll::Pending,
            // An ICMP error about a datagram sent before: nothing to read.
            Poll::Ready(Err(_)) => Poll::Ready(None),
            Poll::Ready(Ok((source, destination, length))) => {
                Poll::Ready(self.sort(source, destination, length, buffer))
            }
        }
    }

    /// Takes what belongs to a server; gives on what is for the engine.
    fn sort(
        &mut self,
        source: SocketAddr,
        destination: SocketAddr,
        length: usize,
        buffer: &mut [u8],
    ) -> Option<Arrived> {
        if self.take_answer(source, destination, &buffer[..length]) {
            return None;
        }
        let relay = self
            .relays
            .iter_mut()
            .find(|relay| relay.server == source && relay.base == destination);
        if let Some(relay) = relay {
            match relay.receive(Instant::now(), &buffer[..length]) {
                Received::Handled => return None,
                Received::Data { peer, data } => {
                    let relayed = relay.relayed()?;
                    buffer.get_mut(..data.len())?.copy_from_slice(&data);
                    return Some(Arrived {
                        source: peer,
                        destination: relayed,
                        length: data.len(),
                    });
                }
                Received::Other => {}
            }
        }
        Some(Arrived {
            source,
            destination,
            length,
        })
    }

    fn take_answer(&mut self, source: SocketAddr, base: SocketAddr, datagram: &[u8]) -> bool {
        let Some(transaction) = stun::transaction_of(datagram) else {
            return false;
        };
        let position = self.queries.iter().position(|query| {
            query.transaction == transaction && query.server == source && query.base == base
        });
        let Some(position) = position else {
            return false;
        };
        let query = self.queries.remove(position);
        if let Some(address) = stun::mapped_address(datagram)
            // The same address as the host's: there is no translator in between.
            && address != base
        {
            self.found(LocalCandidate {
                kind: Kind::ServerReflexive,
                address,
                base,
                preference: query.preference,
            });
        }
        true
    }

    /// Sends for the engine.
    pub(crate) fn send(&mut self, source: SocketAddr, destination: SocketAddr, datagram: &[u8]) {
        let relay = self
            .relays
            .iter_mut()
            .find(|relay| relay.relayed() == Some(source));
        if let Some(relay) = relay {
            let (base, server) = (relay.base, relay.server);
            let sockets = &mut self.sockets;
            let mut send = |data: &[u8]| sockets.send(base, server, data);
            relay.send(Instant::now(), destination, datagram, &mut send);
            return;
        }
        self.sockets.send(source, destination, datagram);
    }

    /// Gives the relays back.
    pub(crate) fn close(&mut self) {
        for relay in &mut self.relays {
            let (base, server) = (relay.base, relay.server);
            let sockets = &mut self.sockets;
            relay.close(Instant::now(), &mut |data| sockets.send(base, server, data));
        }
    }

    /// The candidate whose socket or relay the engine sends from, for the statistics.
    pub(crate) fn candidate_of(&self, source: SocketAddr) -> Option<&LocalCandidate> {
        self.candidates
            .iter()
            .find(|c| c.address == source)
            .or_else(|| self.candidates.iter().find(|c| c.base == source))
    }
}
