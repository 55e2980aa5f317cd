//! One relay on a TURN server (RFC 8656), over UDP.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use turn_client_proto::api::{
    SendError, Transmit, TransmitBuild, TurnClientApi, TurnConfig, TurnEvent, TurnPollRet,
    TurnRecvRet,
};
use turn_client_proto::prelude::DelayedTransmitBuild;
use turn_client_proto::types::{TransportType, TurnCredentials};
use turn_client_proto::udp::TurnClientUdp;

/// The relay's clock counts from zero.
type Moment = turn_client_proto::types::Instant;

/// Datagrams that wait for the server's permission.
const HELD_DATAGRAMS: usize = 32;
/// More peers than ICE ever looks at.
const MOST_PEERS: usize = 128;
const ROUNDS: usize = 32;
const PAUSE: Duration = Duration::from_millis(10);

pub(super) struct Relay {
    client: TurnClientUdp,
    pub(super) base: SocketAddr,
    pub(super) server: SocketAddr,
    pub(super) preference: u16,
    epoch: Instant,
    state: State,
    /// Peers that may send, or have been asked for.
    permitted: Vec<IpAddr>,
    /// Peers that have a channel, or will.
    channels: Vec<SocketAddr>,
    /// What was sent before the server permitted the peer. Lost, a connectivity check would come
    /// again only after a quarter of a second.
    held: Vec<(SocketAddr, Vec<u8>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The server has until then.
    Allocating(Instant),
    Allocated(SocketAddr),
    Gone,
}

/// What a datagram of the server was.
pub(super) enum Received {
    /// Something between client and server.
    Handled,
    /// Nothing for the relay.
    Other,
    /// From a peer, through the relay.
    Data { peer: SocketAddr, data: Vec<u8> },
}

impl Relay {
    pub(super) fn allocate(
        now: Instant,
        patience: Duration,
        base: SocketAddr,
        preference: u16,
        server: SocketAddr,
        username: &str,
        password: &str,
    ) -> Relay {
        let config = TurnConfig::new(TurnCredentials::new(username, password));
        Relay {
            client: TurnClientUdp::allocate(base, server, config),
            base,
            server,
            preference,
            epoch: now,
            state: State::Allocating(now + patience),
            permitted: Vec::new(),
            channels: Vec::new(),
            held: Vec::new(),
        }
    }

    fn moment(&self, now: Instant) -> Moment {
        let nanos = now.saturating_duration_since(self.epoch).as_nanos();
        Moment::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
    }

    pub(super) fn is_allocating(&self) -> bool {
        matches!(self.state, State::Allocating(_))
    }

    pub(super) fn is_gone(&self) -> bool {
        self.state == State::Gone
    }

    pub(super) fn relayed(&self) -> Option<SocketAddr> {
        match self.state {
            State::Allocated(address) => Some(address),
            State::Allocating(_) | State::Gone => None,
        }
    }

    /// Does what is due; datagrams for the server go to `send`. Says when something is due next.
    pub(super) fn advance(&mut self, now: Instant, send: &mut dyn FnMut(&[u8])) -> Option<Instant> {
        if self.state == State::Gone {
            return None;
        }
        if let State::Allocating(deadline) = self.state
            && now >= deadline
        {
            tracing::warn!(server = %self.server, "the TURN server does not answer: left out");
            self.state = State::Gone;
            return None;
        }
        self.send_held(now, send);
        let moment = self.moment(now);
        // Each round does something or says when; the bound guards against one that does neither.
        for _ in 0..ROUNDS {
            let polled = self.client.poll(moment);
            while let Some(transmit) = self.client.poll_transmit(moment) {
                send(&transmit.data);
            }
            self.take_events();
            match polled {
                TurnPollRet::WaitUntil(until) if until <= moment => continue,
                TurnPollRet::WaitUntil(until) => {
                    let wait = Duration::from_nanos((until.as_nanos() - moment.as_nanos()) as u64);
                    let due = now.checked_add(wait);
                    return match self.state {
                        State::Allocating(deadline) => Some(due.unwrap_or(deadline).min(deadline)),
                        _ => due,
                    };
                }
                TurnPollRet::Closed => {
                    self.state = State::Gone;
                    return None;
                }
                // Of relays over TCP, which are never asked for.
                TurnPollRet::AllocateTcpSocket { .. } | TurnPollRet::TcpClose { .. } => {
                    return None;
                }
            }
        }
        Some(now + PAUSE)
    }

    fn take_events(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                TurnEvent::AllocationCreated(_, address) => {
                    self.state = State::Allocated(address);
                }
                TurnEvent::AllocationCreateFailed(family) => {
                    tracing::warn!(server = %self.server, ?family, "the TURN server refused");
                    if self.is_allocating() {
                        self.state = State::Gone;
                    }
                }
                TurnEvent::PermissionCreateFailed(_, peer) => {
                    tracing::debug!(%peer, "the TURN server does not permit this peer");
                }
                TurnEvent::ChannelCreateFailed(_, peer) => {
                    tracing::debug!(%peer, "no channel to this peer: data goes in messages");
                }
                _ => {}
            }
        }
    }

    /// Takes a datagram that came from the server.
    pub(super) fn receive(&mut self, now: Instant, datagram: &[u8]) -> Received {
        let moment = self.moment(now);
        let transmit = Transmit::new(datagram, TransportType::Udp, self.server, self.base);
        let received = match self.client.recv(transmit, moment) {
            TurnRecvRet::Handled | TurnRecvRet::PeerIcmp { .. } => Received::Handled,
            TurnRecvRet::Ignored(_) => Received::Other,
            TurnRecvRet::PeerData(data) => Received::Data {
                peer: data.peer,
                data: data.data().to_vec(),
            },
        };
        self.take_events();
        received
    }

    /// Sends what waited for a permission that is there now.
    fn send_held(&mut self, now: Instant, send: &mut dyn FnMut(&[u8])) {
        let client = &self.client;
        let permitted = |(peer, _): &mut (SocketAddr, Vec<u8>)| {
            client.have_permission(TransportType::Udp, peer.ip())
        };
        let ready: Vec<_> = self.held.extract_if(.., permitted).collect();
        for (peer, datagram) in ready {
            self.send(now, peer, &datagram, send);
        }
    }

    /// Sends to a peer. What the server does not permit yet waits for it.
    pub(super) fn send(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        datagram: &[u8],
        send: &mut dyn FnMut(&[u8]),
    ) {
        let moment = self.moment(now);
        let known = self.permitted.contains(&peer.ip());
        if !known && self.permitted.len() < MOST_PEERS {
            self.permitted.push(peer.ip());
            let asked = self
                .client
                .create_permission(TransportType::Udp, peer.ip(), moment);
            if let Err(error) = asked {
                tracing::debug!(%peer, %error, "no permission asked for");
            }
        }
        // Media in a channel costs 4 bytes where a message costs 36.
        let is_media = datagram.first().is_some_and(|first| *first >= 20);
        if is_media && !self.channels.contains(&peer) && self.channels.len() < MOST_PEERS {
            self.channels.push(peer);
            if let Err(error) = self.client.bind_channel(TransportType::Udp, peer, moment) {
                tracing::debug!(%peer, %error, "no channel asked for");
            }
        }
        match self
            .client
            .send_to(TransportType::Udp, peer, datagram, moment)
        {
            Ok(Some(TransmitBuild { data, .. })) => send(&data.build()),
            Ok(None) => {}
            Err(SendError::NoPermission) if self.held.len() < HELD_DATAGRAMS => {
                self.held.push((peer, datagram.to_vec()));
            }
            Err(error) => tracing::trace!(%peer, %error, "not relayed"),
        }
        while let Some(transmit) = self.client.poll_transmit(moment) {
            send(&transmit.data);
        }
    }

    /// Gives the relay back.
    pub(super) fn close(&mut self, now: Instant, send: &mut dyn FnMut(&[u8])) {
        let moment = self.moment(now);
        if self.relayed().is_some() && self.client.delete(moment).is_ok() {
            while let Some(transmit) = self.client.poll_transmit(moment) {
                send(&transmit.data);
            }
        }
        self.state = State::Gone;
    }
}
