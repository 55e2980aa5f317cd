//! The states of a connection, and who is told of them.

use std::time::{Duration, Instant};

use crate::event::{
    ConnectionState, EventSender, GatheringState, IceConnectionState, PeerConnectionEvent,
    SignalingState,
};

/// ICE that has found nothing by then has failed.
const ICE_PATIENCE: Duration = Duration::from_secs(30);
/// A lost path that has not come back by then is gone.
const DISCONNECTED_PATIENCE: Duration = Duration::from_secs(15);

/// The states as they were told last.
#[derive(Debug)]
pub(super) struct States {
    events: EventSender,
    signaling: SignalingState,
    gathering: GatheringState,
    ice: IceConnectionState,
    connection: ConnectionState,
    dtls: Dtls,
    /// When ICE will have failed, unless something changes.
    patience: Option<Instant>,
}

/// What is known of the DTLS connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dtls {
    Connecting,
    Connected,
    /// It failed, or the engine did.
    Broken,
    /// The peer said goodbye.
    Left,
}

impl States {
    pub(super) fn new(events: EventSender) -> States {
        States {
            events,
            signaling: SignalingState::default(),
            gathering: GatheringState::default(),
            ice: IceConnectionState::default(),
            connection: ConnectionState::default(),
            dtls: Dtls::Connecting,
            patience: None,
        }
    }

    pub(super) fn tell(&self, event: PeerConnectionEvent) {
        self.events.send(event);
    }

    pub(super) fn set_signaling(&mut self, state: SignalingState) {
        if self.signaling != state {
            self.signaling = state;
            self.tell(PeerConnectionEvent::SignalingState(state));
        }
    }

    pub(super) fn set_gathering(&mut self, state: GatheringState) {
        if self.gathering != state {
            self.gathering = state;
            self.tell(PeerConnectionEvent::GatheringState(state));
        }
    }

    pub(super) fn set_ice(&mut self, state: IceConnectionState, now: Instant) {
        if self.ice == state {
            return;
        }
        self.patience = match state {
            IceConnectionState::Checking => Some(now + ICE_PATIENCE),
            IceConnectionState::Disconnected => Some(now + DISCONNECTED_PATIENCE),
            _ => None,
        };
        self.ice = state;
        self.tell(PeerConnectionEvent::IceConnectionState(state));
        self.update_connection();
    }

    /// A new engine begins a new DTLS connection.
    pub(super) fn begin(&mut self, now: Instant) {
        self.dtls = Dtls::Connecting;
        self.set_ice(IceConnectionState::Checking, now);
        self.update_connection();
    }

    pub(super) fn dtls_connected(&mut self) {
        self.dtls = Dtls::Connected;
        self.update_connection();
    }

    /// Whether the DTLS connection is made.
    pub(super) fn is_connected(&self) -> bool {
        self.dtls == Dtls::Connected
    }

    pub(super) fn failed(&mut self) {
        self.dtls = Dtls::Broken;
        self.patience = None;
        self.update_connection();
    }

    pub(super) fn peer_left(&mut self) {
        self.dtls = Dtls::Left;
        self.update_connection();
    }

    /// When [`expire`](Self::expire) has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.patience
    }

    pub(super) fn expire(&mut self, now: Instant) {
        if self.patience.is_some_and(|patience| now >= patience) {
            self.set_ice(IceConnectionState::Failed, now);
        }
    }

    /// W3C 4.3.3, for one transport.
    fn update_connection(&mut self) {
        let state = match (self.ice, self.dtls) {
            (_, Dtls::Broken) | (IceConnectionState::Failed, _) => ConnectionState::Failed,
            (_, Dtls::Left) | (IceConnectionState::Disconnected, _) => {
                ConnectionState::Disconnected
            }
            (IceConnectionState::New, _) => ConnectionState::New,
            (IceConnectionState::Connected | IceConnectionState::Completed, Dtls::Connected) => {
                ConnectionState::Connected
            }
            // An ICE restart keeps the old path alive while it looks for a new one.
            _ => ConnectionState::Connecting,
        };
        if self.connection != state {
            self.connection = state;
            self.tell(PeerConnectionEvent::ConnectionState(state));
        }
    }

    /// Tells the end of everything; the events end with it.
    pub(super) fn close(self) {
        self.tell(PeerConnectionEvent::SignalingState(SignalingState::Closed));
        self.tell(PeerConnectionEvent::IceConnectionState(
            IceConnectionState::Closed,
        ));
        self.tell(PeerConnectionEvent::ConnectionState(
            ConnectionState::Closed,
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The connection states told while `script` runs.
    fn told(script: impl FnOnce(&mut States, Instant)) -> Vec<ConnectionState> {
        let (sender, mut events) = EventSender::channel();
        let mut states = States::new(sender);
        script(&mut states, Instant::now());
        drop(states);
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let mut told = Vec::new();
        while let std::task::Poll::Ready(Some(event)) = events.poll_next(&mut cx) {
            if let PeerConnectionEvent::ConnectionState(state) = event {
                told.push(state);
            }
        }
        told
    }

    #[test]
    fn ice_and_dtls_make_a_connection_and_its_loss() {
        let states = told(|states, now| {
            states.begin(now);
            states.set_ice(IceConnectionState::Connected, now);
            states.dtls_connected();
            states.set_ice(IceConnectionState::Completed, now);
            states.set_ice(IceConnectionState::Disconnected, now);
            states.set_ice(IceConnectionState::Connected, now);
            states.peer_left();
        });
        use ConnectionState::{Connected, Connecting, Disconnected};
        assert_eq!(
            states,
            [Connecting, Connected, Disconnected, Connected, Disconnected]
        );
    }

    #[test]
    fn patience_with_a_path_that_does_not_come_ends_in_failure() {
        let states = told(|states, now| {
            states.begin(now);
            let deadline = states.deadline().expect("while checking");
            assert_eq!(deadline, now + ICE_PATIENCE);
            states.expire(deadline - Duration::from_millis(1));
            states.expire(deadline);
            assert_eq!(states.deadline(), None);
        });
        assert_eq!(
            states,
            [ConnectionState::Connecting, ConnectionState::Failed]
        );
        let states = told(|states, now| {
            states.begin(now);
            states.set_ice(IceConnectionState::Connected, now);
            states.dtls_connected();
            assert_eq!(states.deadline(), None, "a path that works is not given up");
            states.set_ice(IceConnectionState::Disconnected, now);
            states.expire(now + DISCONNECTED_PATIENCE);
        });
        assert_eq!(states.last(), Some(&ConnectionState::Failed));
    }

    #[test]
    fn a_new_engine_after_a_failure_may_connect() {
        let states = told(|states, now| {
            states.begin(now);
            states.failed();
            states.begin(now);
            states.set_ice(IceConnectionState::Completed, now);
            states.dtls_connected();
        });
        use ConnectionState::{Connected, Connecting, Failed};
        assert_eq!(states, [Connecting, Failed, Connecting, Connected]);
    }
}
