//! An agent with a simulated peer connection for each session: a node that calls and answers.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use offhook_core::{
    Agent, AnswerOptions, Config, ConfigError, Destination, Event, FlowId, Input, Instant,
    MediaReport, Originator, Output, Question, Reply, SessionEvent, SessionId, TerminateOptions,
    TimerQueue,
};
use offhook_sip::StatusCode;

use crate::chance::Chance;
use crate::node::{Action, Node, Opened};
use crate::peer_connection::{MediaBehaviour, PeerConnection};

/// What a phone does when it rings.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Ringing {
    /// It rings on.
    Ignored,
    /// It is answered after this time.
    Answered(Duration),
    /// It is rejected after this time with this status.
    Rejected(Duration, StatusCode),
}

/// A user agent of the engine on the virtual network.
///
/// It answers each question of the agent with the default in the same turn, as a driver without
/// listeners does, and keeps every event. Command it through [`Phone::act`].
#[derive(Debug)]
pub struct Phone {
    agent: Agent,
    hosts: HashMap<String, IpAddr>,
    ringing: Ringing,
    behaviour: MediaBehaviour,
    chance: Chance,
    connections: BTreeMap<SessionId, PeerConnection>,
    wakes: TimerQueue<Wake>,
    actions: VecDeque<Action>,
    events: Vec<(Instant, Event)>,
}

/// What a phone wakes for, beside the agent's own timers.
#[derive(Copy, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Wake {
    Media(SessionId),
    Ringing(SessionId),
}

impl Phone {
    /// A phone that lets calls ring; `seed` is all its chance.
    ///
    /// # Errors
    ///
    /// When the configuration cannot work.
    pub fn new(config: Config, seed: u64) -> Result<Phone, ConfigError> {
        let mut chance = Chance::from_seed(seed);
        let agent = Agent::new(config, chance.seed())?;
        Ok(Phone {
            agent,
            hosts: HashMap::new(),
            ringing: Ringing::Ignored,
            behaviour: MediaBehaviour::default(),
            chance,
            connections: BTreeMap::new(),
            wakes: TimerQueue::new(),
            actions: VecDeque::new(),
            events: Vec::new(),
        })
    }

    /// Lets the phone find a host by name.
    #[must_use]
    pub fn with_host(mut self, name: &str, address: IpAddr) -> Phone {
        self.hosts.insert(name.to_owned(), address);
        self
    }

    /// Says what it does when it rings.
    #[must_use]
    pub fn with_ringing(mut self, ringing: Ringing) -> Phone {
        self.ringing = ringing;
        self
    }

    /// Says how its peer connections behave.
    #[must_use]
    pub fn with_media(mut self, behaviour: MediaBehaviour) -> Phone {
        self.behaviour = behaviour;
        self
    }

    /// The agent, to look at.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Commands the agent, and carries out what follows from it.
    pub fn act<R>(&mut self, now: Instant, command: impl FnOnce(&mut Agent) -> R) -> R {
        let result = command(&mut self.agent);
        self.drain(now);
        result
    }

    /// Lets something happen to the media of a session: a tone, a lost connection.
    pub fn media_happens(&mut self, now: Instant, session: SessionId, report: MediaReport) {
        if let Some(connection) = self.connections.get_mut(&session) {
            connection.happens(now, report);
            self.plan(session);
        }
    }

    /// The peer connection of a session, until the session is closed.
    pub fn connection(&self, session: SessionId) -> Option<&PeerConnection> {
        self.connections.get(&session)
    }

    /// Every event so far.
    pub fn events(&self) -> &[(Instant, Event)] {
        &self.events
    }

    /// The events of one session, by the names of the seed API; `closed` is the last.
    pub fn story(&self, session: SessionId) -> Vec<&'static str> {
        self.events
            .iter()
            .filter_map(|(_, event)| match event {
                Event::Session {
                    session: about,
                    event,
                } if *about == session => Some(event.name()),
                Event::SessionClosed { session: about } if *about == session => Some("closed"),
                _ => None,
            })
            .collect()
    }

    /// The sessions that were told of so far, oldest first.
    pub fn sessions(&self) -> Vec<SessionId> {
        let mut sessions: Vec<SessionId> = self
            .events
            .iter()
            .filter_map(|(_, event)| match event {
                Event::Session { session, .. } | Event::SessionClosed { session } => Some(*session),
                _ => None,
            })
            .collect();
        sessions.sort_unstable();
        sessions.dedup();
        sessions
    }

    fn feed(&mut self, now: Instant, input: Input) {
        self.agent.handle(now, input);
        self.drain(now);
    }

    fn drain(&mut self, now: Instant) {
        while let Some(output) = self.agent.poll() {
            match output {
                Output::Send { flow, bytes } => {
                    self.actions.push_back(Action::Send { flow, bytes });
                }
                Output::Open { flow, destination } => self.open(now, flow, &destination),
                Output::Close { flow } => self.actions.push_back(Action::Close { flow }),
                // No address translator stands here, and the network tells of every cut.
                Output::Ping { .. } => {}
                Output::Media { session, request } => {
                    let (chance, behaviour) = (&mut self.chance, &self.behaviour);
                    let connection = self.connections.entry(session).or_insert_with(|| {
                        let seed = chance.below(usize::MAX);
                        PeerConnection::new(Chance::from_seed(seed as u64), behaviour.clone())
                    });
                    connection.request(now, request);
                    self.plan(session);
                }
                Output::Event(event) => self.hear(now, event),
                Output::Ask {
                    ask,
                    session,
                    question,
                } => {
                    let incoming = Originator::Remote;
                    if let Some(session) = session
                        && matches!(question, Question::NewSession { originator, .. } if originator == incoming)
                    {
                        self.ring(now, session);
                    }
                    self.agent.reply(now, ask, Reply::Proceed);
                }
                other => self
                    .actions
                    .push_back(Action::Note(format!("not understood: {other:?}"))),
            }
        }
    }

    fn open(&mut self, now: Instant, flow: FlowId, destination: &Destination) {
        let host = &destination.host;
        match self.hosts.get(host).copied().or_else(|| host.parse().ok()) {
            Some(address) => self.actions.push_back(Action::Open {
                flow,
                transport: destination.transport,
                to: SocketAddr::new(address, destination.port),
            }),
            None => {
                let reason = format!("{host} is not known");
                self.agent.handle(now, Input::FlowLost { flow, reason });
            }
        }
    }

    fn ring(&mut self, now: Instant, session: SessionId) {
        match self.ringing {
            Ringing::Ignored => {}
            Ringing::Answered(after) | Ringing::Rejected(after, _) => {
                self.wakes.set(Wake::Ringing(session), now + after);
            }
        }
    }

    fn hear(&mut self, now: Instant, event: Event) {
        let note = match &event {
            Event::Session {
                event: SessionEvent::Ended(end),
                ..
            } => {
                format!("ended: {} by {}", end.cause, end.originator)
            }
            Event::Session {
                event: SessionEvent::Failed(end),
                ..
            } => {
                format!("failed: {} by {}", end.cause, end.originator)
            }
            Event::Session { event, .. } => event.name().to_owned(),
            Event::SessionClosed { session } => {
                self.connections.remove(session);
                self.wakes.cancel(&Wake::Media(*session));
                self.wakes.cancel(&Wake::Ringing(*session));
                "closed".to_owned()
            }
            Event::Connecting { .. } => "connecting to the server".to_owned(),
            Event::Connected => "connected to the server".to_owned(),
            Event::Disconnected { reason, .. } => format!("disconnected: {reason}"),
            Event::Registered { .. } => "registered".to_owned(),
            Event::Unregistered { .. } => "unregistered".to_owned(),
            Event::RegistrationFailed { cause, .. } => format!("registration failed: {cause}"),
            other => format!("{other:?}"),
        };
        self.actions.push_back(Action::Note(note));
        self.events.push((now, event));
    }

    /// Sees when the peer connection of a session reports next.
    fn plan(&mut self, session: SessionId) {
        match self
            .connections
            .get(&session)
            .and_then(PeerConnection::next_timeout)
        {
            Some(at) => self.wakes.set(Wake::Media(session), at),
            None => self.wakes.cancel(&Wake::Media(session)),
        }
    }

    fn wake(&mut self, now: Instant, wake: Wake) {
        match wake {
            Wake::Media(session) => {
                let report = self
                    .connections
                    .get_mut(&session)
                    .and_then(|it| it.poll(now));
                self.plan(session);
                if let Some(report) = report {
                    self.agent.media(now, session, report);
                }
            }
            // The caller may have hung up meanwhile; then there is nothing to answer.
            Wake::Ringing(session) => {
                if let Ok(mut ringing) = self.agent.session(session) {
                    let _ = match self.ringing {
                        Ringing::Ignored => Ok(()),
                        Ringing::Answered(_) => ringing.answer(now, AnswerOptions::default()),
                        Ringing::Rejected(_, status) => {
                            let options = TerminateOptions {
                                status: Some(status),
                                ..TerminateOptions::default()
                            };
                            ringing.terminate(now, options)
                        }
                    };
                }
            }
        }
        self.drain(now);
    }
}

impl Node for Phone {
    fn receive(&mut self, now: Instant, flow: FlowId, bytes: Bytes) {
        self.feed(now, Input::Received { flow, bytes });
    }

    fn flow_opened(&mut self, now: Instant, opened: Opened) {
        let Opened {
            flow,
            transport,
            local,
            remote,
            ..
        } = opened;
        self.feed(
            now,
            Input::FlowOpened {
                flow,
                transport,
                local,
                remote,
            },
        );
    }

    fn flow_failed(&mut self, now: Instant, flow: FlowId) {
        self.feed(
            now,
            Input::FlowLost {
                flow,
                reason: "connection refused".to_owned(),
            },
        );
    }

    fn flow_lost(&mut self, now: Instant, flow: FlowId) {
        self.feed(
            now,
            Input::FlowLost {
                flow,
                reason: "connection lost".to_owned(),
            },
        );
    }

    fn timeout(&mut self, now: Instant) {
        while let Some(wake) = self.wakes.expire(now) {
            self.wake(now, wake);
        }
        if self.agent.next_timeout().is_some_and(|at| at <= now) {
            self.feed(now, Input::Tick);
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        match (self.wakes.next(), self.agent.next_timeout()) {
            (Some(wake), Some(timer)) => Some(wake.min(timer)),
            (wake, timer) => wake.or(timer),
        }
    }

    fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }
}
