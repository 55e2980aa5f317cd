//! Joins the agent to the sockets, the clock, the peer connections and the application.
//!
//! The agent stands behind one lock. Whoever has something to tell it (the task with a message
//! from the network, the application with a command, a peer connection with a report) takes the
//! lock, tells it, and carries out everything that the agent wants before letting go. None of
//! that waits: sockets take bytes at once, peer connections and applications have queues. So
//! commands can answer at once, and every listener sees the agent's events in one order.
//!
//! Nothing of the application runs under the lock. What it may run (its hook, its wakers, the
//! drop of what it stored) happens in a task of its own or after the lock is released.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use offhook_core::{
    Agent, AskId, CallOptions, CommandError, Event, FlowId, Input, Instant, MediaReport,
    MediaRequest, Originator, Output, Question, Reply, SessionId, Transport,
};
use offhook_net::{Endpoint, Incoming, LostReason, NetError, NetEvent};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::MissedTickBehavior;

use crate::ask::{
    Asks, IceCandidateAsk, PeerConnectionAsk, Replies, Responder, SdpAsk, SendingAsk,
};
use crate::clock::Clock;
use crate::error::Error;
use crate::media_driver;
use crate::media_options::{CallMedia, MediaOptions};
use crate::queue::EventQueue;
use crate::session::{Cell, MediaProgress, Progress, Session, SessionInner};
use crate::session_event::{CallEnd, SessionEvent};
use crate::trace::{Tracer, WireDirection};
use crate::user_agent_event::UserAgentEvent;

/// How often the connections that we opened are shown to be in use, so that address translators
/// on the way keep them (RFC 5626, 3.5.2 and 4.4.1).
const KEEP_ALIVE: Duration = Duration::from_secs(25);

/// What stays the same for the life of a user agent.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) address: String,
    pub(crate) media: MediaOptions,
    pub(crate) asks: Asks,
    pub(crate) ring: bool,
    pub(crate) connects: bool,
    pub(crate) registers: bool,
}

/// One user agent's agent, and everything that it is joined to.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) settings: Settings,
    pub(crate) events: EventQueue<UserAgentEvent>,
    pub(crate) standing: watch::Sender<Standing>,
    state: Mutex<State>,
    endpoint: Endpoint,
    clock: Clock,
    runtime: Handle,
    replies: Replies,
    wake: Notify,
    abandoned: AtomicBool,
}

/// What the lock guards.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) agent: Agent,
    pub(crate) tracer: Tracer,
    sessions: HashMap<SessionId, Live>,
    peers: HashMap<FlowId, (Transport, SocketAddr)>,
    /// What the network said last about a flow that it could not open or keep.
    net_error: Option<Error>,
    /// Until when the task sleeps.
    sleeps_until: Option<Instant>,
}

/// A session that the agent knows.
#[derive(Debug)]
struct Live {
    session: Arc<SessionInner>,
    /// What its peer connection will be made from.
    media: Option<CallMedia>,
    /// The way to its peer connection.
    requests: Option<mpsc::UnboundedSender<MediaRequest>>,
    /// The question whose answer lets it ring.
    ring: Option<AskId>,
}

/// How the user agent stands, for those who wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    pub(crate) connection: Connection,
    pub(crate) registration: Registration,
    pub(crate) stopped: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) enum Connection {
    #[default]
    Pending,
    Up,
    Down(Error),
}

#[derive(Clone, Debug, Default)]
pub(crate) enum Registration {
    #[default]
    Pending,
    Registered,
    Failed(Error),
}

impl State {
    pub(crate) fn prepare_media(&mut self, id: SessionId, media: CallMedia) {
        if let Some(live) = self.sessions.get_mut(&id) {
            live.media = Some(media);
        }
    }

    pub(crate) fn ring(&mut self, now: Instant, id: SessionId) {
        if let Some(ask) = self.sessions.get_mut(&id).and_then(|live| live.ring.take()) {
            self.agent.reply(now, ask, Reply::Proceed);
        }
    }
}

impl Driver {
    /// Joins `agent` to `endpoint` and starts the task that drives it.
    pub(crate) fn spawn(
        agent: Agent,
        endpoint: Endpoint,
        incoming: Incoming,
        settings: Settings,
        tracer: Tracer,
    ) -> Arc<Self> {
        let (replies, waiting) = mpsc::unbounded_channel();
        let driver = Arc::new(Self {
            settings,
            events: EventQueue::new(),
            standing: watch::Sender::new(Standing::default()),
            state: Mutex::new(State {
                agent,
                tracer,
                sessions: HashMap::new(),
                peers: HashMap::new(),
                net_error: None,
                sleeps_until: None,
            }),
            endpoint,
            clock: Clock::start(),
            runtime: Handle::current(),
            replies,
            wake: Notify::new(),
            abandoned: AtomicBool::new(false),
        });
        tokio::spawn(run(Arc::clone(&driver), incoming, waiting));
        driver
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the agent something and carries out what it wants because of it.
    pub(crate) fn act<R>(self: &Arc<Self>, tell: impl FnOnce(&mut State, Instant) -> R) -> R {
        let mut gone = Vec::new();
        let result = {
            let mut state = self.lock();
            let now = self.clock.now();
            let result = tell(&mut state, now);
            self.drain(&mut state, now, &mut gone);
            let next = state.agent.next_timeout();
            let earlier = match (next, state.sleeps_until) {
                (Some(next), Some(until)) => next < until,
                (next, until) => next.is_some() && until.is_none(),
            };
            if earlier {
                self.wake.notify_one();
            }
            result
        };
        // After the lock: these may hold values of the application, and their drop is its code.
        drop(gone);
        result
    }

    /// Makes a call.
    pub(crate) fn call(
        self: &Arc<Self>,
        target: &str,
        options: CallOptions,
        media: CallMedia,
        asks: Option<Asks>,
    ) -> Result<Session, CommandError> {
        self.act(|state, now| {
            if self.standing.borrow().stopped {
                return Err(CommandError::Stopped);
            }
            let id = state.agent.call(now, target, options)?;
            let live = self.admit(state, id, None, asks)?;
            live.media = Some(media);
            Ok(Session::new(Arc::clone(self), Arc::clone(&live.session)))
        })
    }

    /// Takes up a session that the agent has just begun.
    fn admit<'s>(
        &self,
        state: &'s mut State,
        id: SessionId,
        request: Option<offhook_sip::Request>,
        asks: Option<Asks>,
    ) -> Result<&'s mut Live, CommandError> {
        let info = state
            .agent
            .session_info(id)
            .ok_or(CommandError::NoSuchSession)?;
        let session = Arc::new(SessionInner {
            id,
            call_id: info.call_id().to_owned(),
            direction: info.direction(),
            local_identity: info.local_identity().clone(),
            remote_identity: info.remote_identity().clone(),
            request,
            events: EventQueue::new(),
            progress: watch::Sender::new(Progress::default()),
            cell: Mutex::new(Cell {
                asks: asks.unwrap_or(self.settings.asks),
                ..Cell::default()
            }),
        });
        let live = Live {
            session,
            media: None,
            requests: None,
            ring: None,
        };
        Ok(state.sessions.entry(id).insert_entry(live).into_mut())
    }

    /// A report of a session's peer connection.
    pub(crate) fn media(self: &Arc<Self>, session: SessionId, report: MediaReport) {
        self.act(|state, now| state.agent.media(now, session, report));
    }

    /// Nobody holds the user agent any more: the task stops it.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    fn drain(self: &Arc<Self>, state: &mut State, now: Instant, gone: &mut Vec<Live>) {
        while let Some(output) = state.agent.poll() {
            match output {
                Output::Send { flow, bytes } => self.send(state, flow, bytes),
                Output::Open { flow, destination } => {
                    self.endpoint.open(flow, destination_of(destination));
                }
                Output::Close { flow } => {
                    state.peers.remove(&flow);
                    self.endpoint.close(flow);
                }
                Output::Media { session, request } => self.carry(state, session, request),
                Output::Event(event) => self.event(state, event, gone),
                Output::Ask {
                    ask,
                    session,
                    question,
                } => {
                    self.ask(state, now, ask, session, question);
                }
                other => tracing::debug!(?other, "an output unknown to this driver"),
            }
        }
    }

    fn send(&self, state: &State, flow: FlowId, bytes: Bytes) {
        let peer = state.peers.get(&flow).copied();
        state
            .tracer
            .message(WireDirection::Sent, flow, peer, &bytes);
        if let Err(error) = self.endpoint.send(flow, bytes) {
            // The transaction's timers find out, or the flow is about to be reported as lost.
            tracing::warn!(%flow, %error, "a message was not sent");
        }
    }

    /// Brings a request to the session's peer connection; the first one makes it.
    fn carry(self: &Arc<Self>, state: &mut State, id: SessionId, request: MediaRequest) {
        let Some(live) = state.sessions.get_mut(&id) else {
            return;
        };
        if matches!(request, MediaRequest::Open) && live.requests.is_none() {
            let Some(media) = live.media.take() else {
                tracing::error!(session = ?id, "a peer connection was asked for too early");
                return;
            };
            let (requests, waiting) = mpsc::unbounded_channel();
            live.requests = Some(requests);
            live.session
                .progress
                .send_modify(|progress| progress.media = MediaProgress::Open);
            let session = Arc::clone(&live.session);
            self.runtime
                .spawn(media_driver::run(Arc::clone(self), session, media, waiting));
        }
        if let Some(requests) = &live.requests {
            // Closed already: nothing is left to be done there.
            let _ = requests.send(request);
        }
    }

    fn event(self: &Arc<Self>, state: &mut State, event: Event, gone: &mut Vec<Live>) {
        match event {
            Event::Session { session, event } => self.session_event(state, session, event),
            Event::SessionClosed { session } => {
                if let Some(live) = state.sessions.remove(&session) {
                    live.session.events.close();
                    gone.push(live);
                }
            }
            Event::Connecting { attempt } => {
                self.stand(|standing| standing.connection = Connection::Pending);
                self.events.push(UserAgentEvent::Connecting { attempt });
            }
            Event::Connected => {
                state.net_error = None;
                self.stand(|standing| {
                    standing.connection = Connection::Up;
                    standing.registration = Registration::Pending;
                });
                self.events.push(UserAgentEvent::Connected);
            }
            Event::Disconnected { reason, retry_in } => {
                let error = state
                    .net_error
                    .take()
                    .unwrap_or(Error::ConnectionLost { reason });
                self.stand(|standing| {
                    standing.connection = Connection::Down(error.clone());
                    standing.registration = Registration::Pending;
                });
                self.events
                    .push(UserAgentEvent::Disconnected { error, retry_in });
            }
            Event::Registered { expires, response } => {
                self.stand(|standing| standing.registration = Registration::Registered);
                self.events
                    .push(UserAgentEvent::Registered { expires, response });
            }
            Event::Unregistered { response, cause } => {
                self.stand(|standing| standing.registration = Registration::Pending);
                self.events
                    .push(UserAgentEvent::Unregistered { response, cause });
            }
            Event::RegistrationFailed { response, cause } => {
                let answer = response
                    .as_ref()
                    .map(|r| (r.status(), r.reason().to_owned()));
                let address = self.settings.address.clone();
                let foreign = state
                    .net_error
                    .take_if(|error| matches!(error, Error::NotSip(_)));
                let error = match foreign {
                    Some(foreign) if answer.is_none() => foreign,
                    _ => Error::of_registration(address, answer, cause),
                };
                self.stand(|standing| {
                    standing.registration = Registration::Failed(error.clone());
                });
                self.events.push(UserAgentEvent::RegistrationFailed {
                    error,
                    response,
                    cause,
                });
            }
            Event::Stopped => self.finish(state, gone),
            other => tracing::debug!(?other, "an event unknown to this driver"),
        }
    }

    fn stand(&self, change: impl FnOnce(&mut Standing)) {
        self.standing.send_modify(change);
    }

    fn session_event(&self, state: &mut State, id: SessionId, event: offhook_core::SessionEvent) {
        let Some(live) = state.sessions.get(&id) else {
            return;
        };
        let session = &live.session;
        let Some(event) = SessionEvent::of_core(event) else {
            return;
        };
        match &event {
            SessionEvent::Accepted { .. } => session.cell().start_time = Some(SystemTime::now()),
            SessionEvent::Confirmed { .. } => {
                session
                    .progress
                    .send_modify(|progress| progress.confirmed = true);
            }
            SessionEvent::Ended(end) | SessionEvent::Failed(end) => {
                if end.established {
                    session.cell().end_time = Some(SystemTime::now());
                }
                let end = end.clone();
                session
                    .progress
                    .send_modify(|progress| progress.end = Some(end));
            }
            _ => {}
        }
        let last = matches!(event, SessionEvent::Ended(_) | SessionEvent::Failed(_));
        session.events.push(event);
        if last {
            // Nothing of its media is told any more either.
            session.events.close();
        }
    }

    fn ask(
        self: &Arc<Self>,
        state: &mut State,
        now: Instant,
        ask: AskId,
        id: SessionId,
        question: Question,
    ) {
        if let Question::NewSession {
            originator,
            request,
        } = question
        {
            self.new_session(state, now, ask, id, originator, request);
            return;
        }
        let Some(session) = state
            .sessions
            .get(&id)
            .map(|live| Arc::clone(&live.session))
        else {
            state.agent.reply(now, ask, Reply::Proceed);
            return;
        };
        let asks = session.asks();
        let responder = || Responder::new(ask, self.replies.clone());
        let event = match question {
            Question::PeerConnection if asks.peer_connection => {
                let connection = session.cell().connection.clone();
                connection.map(|connection| {
                    let responder = responder();
                    SessionEvent::PeerConnection(PeerConnectionAsk {
                        connection,
                        responder,
                    })
                })
            }
            Question::Sdp(question) if asks.sdp => Some(SessionEvent::Sdp(SdpAsk {
                question,
                responder: responder(),
            })),
            Question::Sending(request) if asks.sending => Some(SessionEvent::Sending(SendingAsk {
                request,
                responder: responder(),
            })),
            Question::IceCandidate { candidate } if asks.ice_candidate => {
                let responder = responder();
                Some(SessionEvent::IceCandidate(IceCandidateAsk {
                    candidate,
                    responder,
                }))
            }
            _ => None,
        };
        match event {
            Some(event) => session.events.push(event),
            None => state.agent.reply(now, ask, Reply::Proceed),
        }
    }

    fn new_session(
        self: &Arc<Self>,
        state: &mut State,
        now: Instant,
        ask: AskId,
        id: SessionId,
        originator: Originator,
        request: Option<offhook_sip::Request>,
    ) {
        let incoming = originator == Originator::Remote;
        if incoming && self.admit(state, id, request, None).is_err() {
            tracing::error!(session = ?id, "the agent asks about a session that it does not know");
        }
        let Some(live) = state.sessions.get_mut(&id) else {
            state.agent.reply(now, ask, Reply::Proceed);
            return;
        };
        let session = Session::new(Arc::clone(self), Arc::clone(&live.session));
        if incoming && !self.settings.ring {
            live.ring = Some(ask);
        } else {
            state.agent.reply(now, ask, Reply::Proceed);
        }
        self.events.push(match incoming {
            true => UserAgentEvent::IncomingCall(session),
            false => UserAgentEvent::OutgoingCall(session),
        });
    }

    fn network(self: &Arc<Self>, event: NetEvent) {
        self.act(|state, now| {
            let input = match event {
                NetEvent::Opened {
                    flow,
                    transport,
                    local,
                    remote,
                }
                | NetEvent::Accepted {
                    flow,
                    transport,
                    local,
                    remote,
                } => {
                    state.peers.insert(flow, (transport, remote));
                    Input::FlowOpened {
                        flow,
                        transport,
                        local,
                        remote,
                    }
                }
                NetEvent::Failed { flow, error } => {
                    let reason = error.to_string();
                    state.net_error = Some(Error::of_net(error));
                    Input::FlowLost { flow, reason }
                }
                NetEvent::Received { flow, bytes } => {
                    let peer = state.peers.get(&flow).copied();
                    state
                        .tracer
                        .message(WireDirection::Received, flow, peer, &bytes);
                    if let (Some(peer), Some(what)) = (peer, foreign(flow, &bytes)) {
                        state.net_error = Some(no_sip_server(peer, what));
                    }
                    Input::Received { flow, bytes }
                }
                NetEvent::Lost { flow, reason } => {
                    let peer = state.peers.remove(&flow);
                    if let (Some(peer), LostReason::Garbage(what)) = (peer, &reason) {
                        state.net_error = Some(no_sip_server(peer, what.clone()));
                    }
                    Input::FlowLost {
                        flow,
                        reason: reason.to_string(),
                    }
                }
                _ => return,
            };
            state.agent.handle(now, input);
        });
    }

    fn keep_alive(&self) {
        let flows: Vec<_> = self.lock().peers.keys().copied().collect();
        for flow in flows
            .into_iter()
            .filter(|flow| flow.0 < offhook_net::FIRST_ACCEPTED_FLOW)
        {
            // A flow that cannot be written to is about to be reported as lost.
            let _ = self.endpoint.ping(flow);
        }
    }

    /// The agent has stopped, or its task is gone: everybody who waits is told.
    fn finish(&self, state: &mut State, gone: &mut Vec<Live>) {
        for (_, live) in state.sessions.drain() {
            live.session.progress.send_modify(|progress| {
                let established = progress.confirmed;
                progress
                    .end
                    .get_or_insert_with(|| CallEnd::stopped(established));
            });
            live.session.events.close();
            gone.push(live);
        }
        self.stand(|standing| standing.stopped = true);
        self.events.close();
        self.wake.notify_one();
    }
}

fn no_sip_server(peer: (Transport, SocketAddr), reason: String) -> Error {
    Error::NotSip(NetError::NotSip {
        destination: peer.1.to_string(),
        kind: peer.0.as_str(),
        reason,
    })
}

/// What a server says whose first line is none of SIP's; a web server answers like that.
fn foreign(flow: FlowId, bytes: &[u8]) -> Option<String> {
    let opened_here = flow.0 < offhook_net::FIRST_ACCEPTED_FLOW;
    let line = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    let sip = line
        .windows(4)
        .any(|word| word.eq_ignore_ascii_case(b"SIP/"));
    let shown = &line[..line.len().min(60)];
    (opened_here && !sip && !line.is_empty())
        .then(|| format!("it said {:?}", String::from_utf8_lossy(shown)))
}

fn destination_of(destination: offhook_core::Destination) -> offhook_net::Destination {
    let offhook_core::Destination {
        transport,
        host,
        port,
        path,
    } = destination;
    let mut to = offhook_net::Destination::new(transport, host, port);
    to.path = Some(path).filter(|path| path != "/");
    to
}

/// The task: what the network, the clock and the answers to questions bring, until the agent has
/// stopped.
async fn run(
    driver: Arc<Driver>,
    mut incoming: Incoming,
    mut replies: mpsc::UnboundedReceiver<(AskId, Reply)>,
) {
    let _last_word = LastWord(Arc::clone(&driver));
    let mut keep_alive = tokio::time::interval(KEEP_ALIVE);
    keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if driver.abandoned.swap(false, Ordering::AcqRel) {
            driver.act(|state, now| state.agent.stop(now));
        }
        if driver.standing.borrow().stopped {
            return;
        }
        let deadline = {
            let mut state = driver.lock();
            state.sleeps_until = state.agent.next_timeout();
            state.sleeps_until.map(|at| driver.clock.deadline(at))
        };
        tokio::select! {
            event = incoming.next() => match event {
                Some(event) => driver.network(event),
                None => return,
            },
            Some((ask, reply)) = replies.recv() => {
                driver.act(|state, now| state.agent.reply(now, ask, reply));
            }
            () = until(deadline) => driver.act(|state, now| state.agent.handle(now, Input::Tick)),
            () = driver.wake.notified() => {}
            _ = keep_alive.tick() => driver.keep_alive(),
        }
    }
}

async fn until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// However the task ends, even with its runtime, nobody is left waiting.
struct LastWord(Arc<Driver>);

impl Drop for LastWord {
    fn drop(&mut self) {
        let mut gone = Vec::new();
        self.0.finish(&mut self.0.lock(), &mut gone);
    }
}
