//! Keep-alives (RFC 5626 sections 3.5 and 4.4): they keep the way open through address translators
//! and find out when a flow is dead before a call needs it.
//!
//! On a connection that is a ping, and the peer answers with a pong; on UDP it is a STUN Binding
//! request where the server has said that it takes them, else an OPTIONS where the application
//! wants that, else a datagram of line ends that nobody answers. An answer is owed only where one
//! was promised or has come before: a server that knows no pings keeps its flow.

use std::net::SocketAddr;
use std::time::Duration;

use crate::destination::Destination;
use crate::flow::{FlowId, Transport};
use crate::map::Map;
use crate::stun::StunTransaction;

/// How long a pong may take (RFC 5626 section 4.4.1).
pub(crate) const PONG: Duration = Duration::from_secs(10);

/// The time to the first repetition of a Binding request (RFC 8489 section 6.2.1); it doubles.
const FIRST_REPETITION: Duration = Duration::from_millis(500);

/// How many Binding requests go unanswered before the flow is given up, and after the last of
/// them the time until then, in first repetitions.
const REQUESTS: u32 = 7;
const LAST_WAIT: u32 = 16;

/// What is under way on a flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// The next keep-alive waits for its time.
    Resting,
    /// A ping is out that is owed a pong.
    Pinged,
    /// A Binding request is out, sent so many times.
    Probing {
        transaction: StunTransaction,
        sent: u32,
    },
    /// An OPTIONS is out; its transaction says what becomes of it.
    Asked,
}

/// The keep-alives of one flow.
#[derive(Debug)]
struct KeepAlive {
    transport: Transport,
    destination: Destination,
    interval: Duration,
    /// Whether the server has said that it takes part in RFC 5626.
    outbound: bool,
    by_options: bool,
    /// The address that the server sees us at, once it was asked.
    mapped: Option<SocketAddr>,
    state: State,
}

/// What is to be done for a flow whose time has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Due {
    /// Ping; then wait so long, or when no answer is owed, until the next one.
    Ping,
    /// Send this Binding request, for the last time or not.
    Probe(StunTransaction),
    /// Send an OPTIONS.
    Ask,
    /// Nothing answers there any more.
    Dead,
}

/// What an answer means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answered {
    /// The flow lives.
    Alive,
    /// The flow has another address now, which makes it another flow (RFC 5626 section 4.4.2).
    Moved { from: SocketAddr, to: SocketAddr },
    /// It answers nothing that was asked.
    Stray,
}

/// The keep-alives of all flows that this agent opened.
#[derive(Debug, Default)]
pub(crate) struct KeepAlives {
    flows: Map<FlowId, KeepAlive>,
    /// Where the last pong came from: there, pongs are owed from the first ping on.
    answering: Option<Destination>,
}

impl KeepAlives {
    /// How many flows are kept alive, with a timer each.
    pub(crate) fn len(&self) -> usize {
        self.flows.len()
    }

    pub(crate) fn clear(&mut self) {
        self.flows.clear();
    }

    /// A flow is to be kept alive from now on.
    pub(crate) fn begin(
        &mut self,
        flow: FlowId,
        transport: Transport,
        destination: Destination,
        interval: Duration,
        by_options: bool,
    ) {
        self.flows.insert(
            flow,
            KeepAlive {
                transport,
                destination,
                interval,
                outbound: false,
                by_options,
                mapped: None,
                state: State::Resting,
            },
        );
    }

    /// A flow is gone; says whether it was kept alive.
    pub(crate) fn end(&mut self, flow: FlowId) -> bool {
        self.flows.remove(&flow).is_some()
    }

    /// The server takes part in RFC 5626 on this flow, and may have said how often it wants to
    /// hear something. Gives the interval from now on.
    pub(crate) fn promised(
        &mut self,
        flow: FlowId,
        flow_timer: Option<Duration>,
    ) -> Option<Duration> {
        let kept = self.flows.get_mut(&flow)?;
        kept.outbound = true;
        if let Some(wanted) = flow_timer.filter(|wanted| !wanted.is_zero()) {
            kept.interval = kept.interval.min(wanted);
        }
        (kept.state == State::Resting).then_some(kept.interval)
    }

    /// The time between two keep-alives of a flow.
    pub(crate) fn interval(&self, flow: FlowId) -> Option<Duration> {
        self.flows.get(&flow).map(|kept| kept.interval)
    }

    /// The flow's time has come. `transaction` names a Binding request, if one is to be made.
    pub(crate) fn due(&mut self, flow: FlowId, transaction: StunTransaction) -> Option<Due> {
        let answering = self.answering.as_ref();
        let kept = self.flows.get_mut(&flow)?;
        let (state, due) = match kept.state {
            State::Resting if kept.transport == Transport::Udp && kept.outbound => (
                State::Probing {
                    transaction,
                    sent: 1,
                },
                Due::Probe(transaction),
            ),
            State::Resting if kept.transport == Transport::Udp && kept.by_options => {
                (State::Asked, Due::Ask)
            }
            State::Resting => {
                // WebSocket servers may take no CRLF, and a browser has no other ping: what counts
                // there is whether pongs come.
                let promised = kept.outbound && kept.transport.is_stream();
                let owed = kept.transport.is_reliable()
                    && (promised || answering == Some(&kept.destination));
                let state = if owed { State::Pinged } else { State::Resting };
                (state, Due::Ping)
            }
            State::Probing { transaction, sent } if sent < REQUESTS => (
                State::Probing {
                    transaction,
                    sent: sent + 1,
                },
                Due::Probe(transaction),
            ),
            State::Pinged | State::Probing { .. } => (State::Resting, Due::Dead),
            // Its transaction has not ended, which it does before the next keep-alive.
            State::Asked => (State::Asked, Due::Dead),
        };
        kept.state = state;
        Some(due)
    }

    /// How long after what [`due`](Self::due) wanted the flow's time comes again; none when the
    /// next keep-alive is due after the usual interval.
    pub(crate) fn wait(&self, flow: FlowId) -> Option<Duration> {
        match self.flows.get(&flow)?.state {
            State::Resting => None,
            State::Pinged => Some(PONG),
            State::Probing { sent, .. } if sent == REQUESTS => Some(FIRST_REPETITION * LAST_WAIT),
            State::Probing { sent, .. } => Some(FIRST_REPETITION * (1 << (sent - 1))),
            // Longer than any transaction.
            State::Asked => Some(Duration::from_secs(120)),
        }
    }

    /// A pong came.
    pub(crate) fn pong(&mut self, flow: FlowId) -> Answered {
        let Some(kept) = self.flows.get_mut(&flow) else {
            return Answered::Stray;
        };
        if !kept.transport.is_reliable() {
            return Answered::Stray;
        }
        self.answering = Some(kept.destination.clone());
        match kept.state {
            State::Pinged => {
                kept.state = State::Resting;
                Answered::Alive
            }
            _ => Answered::Stray,
        }
    }

    /// An answer to a Binding request came.
    pub(crate) fn bound(
        &mut self,
        flow: FlowId,
        answered: StunTransaction,
        mapped: Option<SocketAddr>,
    ) -> Answered {
        let Some(kept) = self.flows.get_mut(&flow) else {
            return Answered::Stray;
        };
        match kept.state {
            State::Probing { transaction, .. } if transaction == answered => {
                kept.state = State::Resting;
            }
            _ => return Answered::Stray,
        }
        match (kept.mapped, mapped) {
            (Some(from), Some(to)) if from != to => Answered::Moved { from, to },
            _ => {
                kept.mapped = mapped;
                Answered::Alive
            }
        }
    }

    /// The OPTIONS was answered, by whatever status.
    pub(crate) fn option_answered(&mut self, flow: FlowId) -> Answered {
        match self.flows.get_mut(&flow) {
            Some(kept) if kept.state == State::Asked => {
                kept.state = State::Resting;
                Answered::Alive
            }
            _ => Answered::Stray,
        }
    }
}
