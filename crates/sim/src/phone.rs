//! An agent with a simulated peer connection for each session: a node that calls and answers.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use offhook_core::{
    Agent, AnswerOptions, AskId, Config, ConfigError, Destination, Event, FlowId, Input, Instant,
    MediaReport, Originator, Output, ProgressOptions, Question, Reply, SessionEvent, SessionId,
    TerminateOptions, TimerQueue,
};
use offhook_sip::StatusCode;

use crate::application::{Application, Decision, Plain, Ringing};
use crate::chance::Chance;
use crate::node::{Action, Node, Opened};
use crate::peer_connection::{MediaBehaviour, PeerConnection};

/// A user agent of the engine on the virtual network.
///
/// Unless it has an [`Application`] of its own, it answers each question of the agent with the
/// default in the same turn, as a driver without listeners does. It keeps every event. Command it
/// through [`Phone::act`].
pub struct Phone {
    agent: Agent,
    hosts: HashMap<String, IpAddr>,
    plain: Plain,
    application: Option<Box<dyn Application>>,
    /// What it does next about a session that rings.
    ringing: BTreeMap<SessionId, Ringing>,
    /// The answers that are given later.
    replies: BTreeMap<AskId, Reply>,
    chance: Chance,
    connections: BTreeMap<SessionId, PeerConnection>,
    wakes: TimerQueue<Wake>,
    actions: VecDeque<Action>,
    events: Vec<(Instant, Event)>,
    announced: BTreeMap<SessionId, Announced>,
    noting: bool,
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Phone")
            .field("agent", &self.agent)
            .field("events", &self.events.len())
            .finish_non_exhaustive()
    }
}

/// A session that the application was told of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Announced {
    /// Who started it.
    pub originator: Originator,
    /// How many of the phone's events came before.
    pub after: usize,
}

/// What a phone wakes for, beside the agent's own timers.
#[derive(Copy, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Wake {
    Media(SessionId),
    Ringing(SessionId),
    Reply(AskId),
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
            plain: Plain {
                ringing: Ringing::Ignored,
                media: MediaBehaviour::default(),
            },
            application: None,
            ringing: BTreeMap::new(),
            replies: BTreeMap::new(),
            chance,
            connections: BTreeMap::new(),
            wakes: TimerQueue::new(),
            actions: VecDeque::new(),
            events: Vec::new(),
            announced: BTreeMap::new(),
            noting: true,
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
        self.plain.ringing = ringing;
        self
    }

    /// Says how its peer connections behave.
    #[must_use]
    pub fn with_media(mut self, behaviour: MediaBehaviour) -> Phone {
        self.plain.media = behaviour;
        self
    }

    /// Gives it an application, which then decides how it rings and how its media behaves.
    #[must_use]
    pub fn with_application(mut self, application: impl Application + 'static) -> Phone {
        self.application = Some(Box::new(application));
        self
    }

    /// Writes no events into the ladder.
    #[must_use]
    pub fn without_notes(mut self) -> Phone {
        self.noting = false;
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

    /// The sessions that the application was told of, those that are over among them.
    pub fn announced(&self) -> &BTreeMap<SessionId, Announced> {
        &self.announced
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
                    let mut connection = match self.connections.remove(&session) {
                        Some(connection) => connection,
                        None => self.new_connection(session),
                    };
                    connection.request(now, request);
                    self.connections.insert(session, connection);
                    self.plan(session);
                }
                Output::Event(event) => self.hear(now, event),
                Output::Ask {
                    ask,
                    session,
                    question,
                } => self.consider(now, ask, session, &question),
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

    fn application(&mut self) -> &mut dyn Application {
        match &mut self.application {
            Some(application) => application.as_mut(),
            None => &mut self.plain,
        }
    }

    fn new_connection(&mut self, session: SessionId) -> PeerConnection {
        let behaviour = self.application().media(session);
        let seed = self.chance.below(usize::MAX);
        PeerConnection::new(Chance::from_seed(seed as u64), behaviour)
    }

    fn consider(
        &mut self,
        now: Instant,
        ask: AskId,
        session: Option<SessionId>,
        question: &Question,
    ) {
        if let (Question::NewSession(invitation), Some(session)) = (question, session) {
            let originator = invitation.originator();
            let announced = Announced {
                originator,
                after: self.events.len(),
            };
            self.announced.insert(session, announced);
            if originator == Originator::Remote {
                let ringing = self.application().ring(session);
                self.ring(now, session, ringing);
            }
        }
        let decision = self.application().asked(session, question);
        if self.noting && !matches!(decision, Decision::Now(Reply::Proceed)) {
            let note = format!("asked {}: {decision:?}", question.name());
            self.actions.push_back(Action::Note(note));
        }
        match decision {
            Decision::Now(reply) => self.agent.reply(now, ask, reply),
            Decision::Later(after, reply) => {
                self.replies.insert(ask, reply);
                self.wakes.set(Wake::Reply(ask), now + after);
            }
            Decision::Never => {}
        }
    }

    fn ring(&mut self, now: Instant, session: SessionId, ringing: Ringing) {
        if let Some(after) = ringing.after() {
            self.wakes.set(Wake::Ringing(session), now + after);
            self.ringing.insert(session, ringing);
        }
    }

    fn hear(&mut self, now: Instant, event: Event) {
        if let Event::SessionClosed { session } = &event {
            self.connections.remove(session);
            self.ringing.remove(session);
            self.wakes.cancel(&Wake::Media(*session));
            self.wakes.cancel(&Wake::Ringing(*session));
        }
        if self.noting {
            self.actions.push_back(Action::Note(note(&event)));
        }
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
            Wake::Ringing(session) => {
                if let Some(ringing) = self.ringing.remove(&session) {
                    self.rung(now, session, ringing);
                }
            }
            Wake::Reply(ask) => {
                if let Some(reply) = self.replies.remove(&ask) {
                    self.agent.reply(now, ask, reply);
                }
            }
        }
        self.drain(now);
    }

    /// Does what it was going to do about a session that rings. The caller may have hung up
    /// meanwhile; then there is nothing to do.
    fn rung(&mut self, now: Instant, session: SessionId, ringing: Ringing) {
        let Ok(mut it) = self.agent.session(session) else {
            return;
        };
        let refuse = |status, extra_headers| TerminateOptions {
            status: Some(status),
            extra_headers,
            ..TerminateOptions::default()
        };
        let _ = match ringing {
            Ringing::Ignored => Ok(()),
            Ringing::Answered(_) => it.answer(now, AnswerOptions::default()),
            Ringing::Rejected(_, status) => it.terminate(now, refuse(status, Vec::new())),
            Ringing::Redirected(_, target) => {
                let contact = ("Contact".to_owned(), format!("<{target}>"));
                let moved = StatusCode::new(302).expect("302 is a status");
                it.terminate(now, refuse(moved, vec![contact]))
            }
            Ringing::Progressed(_, then) => {
                let progressed = it.progress(now, ProgressOptions::default());
                self.ring(now, session, *then);
                progressed
            }
        };
    }
}

/// An event in a few words.
fn note(event: &Event) -> String {
    let session_event = |event: &SessionEvent| match event {
        SessionEvent::Ended(end) | SessionEvent::Failed(end) => {
            format!("{}: {} by {}", event.name(), end.cause, end.originator)
        }
        SessionEvent::Renegotiated {
            result: Err(error), ..
        } => {
            format!("{}: {error}", event.name())
        }
        event => event.name().to_owned(),
    };
    match event {
        Event::Session { session, event } => format!("{session}: {}", session_event(event)),
        Event::SessionClosed { session } => format!("{session}: closed"),
        Event::Connecting { .. } => "connecting to the server".to_owned(),
        Event::Connected => "connected to the server".to_owned(),
        Event::Disconnected { reason, .. } => format!("disconnected: {reason}"),
        Event::Registered { .. } => "registered".to_owned(),
        Event::Unregistered { .. } => "unregistered".to_owned(),
        Event::RegistrationFailed { cause, .. } => format!("registration failed: {cause}"),
        Event::Refer {
            session,
            refer,
            state,
        } => {
            format!("{session}: refer {refer} {}", state.name())
        }
        Event::Referred { session, call } => format!("{session}: referred to {call}"),
        other => format!("{other:?}"),
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
