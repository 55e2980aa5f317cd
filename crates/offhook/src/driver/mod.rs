//! Joins the agent to the sockets, the clock, the peer connections and the application.
//!
//! The agent stands behind one lock. Whoever has something to tell it (the task with a message
//! from the network, the application with a command, a peer connection with a report) takes the
//! lock, tells it, and carries out everything that the agent wants before letting go. None of
//! that waits: sockets take bytes at once, peer connections and applications have queues. So
//! commands can answer at once, and every listener sees the agent's events in one order.
//!
//! Nothing of the application runs under the lock but its wakers, which only schedule. Its hook
//! has a task of its own, and what it stored is dropped after the lock is released.

mod asks;
mod events;
mod network;
mod requests;
mod task;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use offhook_core::{
    Agent, AskId, CallOptions, CommandError, FlowId, Instant, MediaReport, MediaRequest, Output,
    ReferState, Reply, SessionId, Transport,
};
use offhook_net::{Endpoint, Incoming};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, watch};

use crate::ask::{Asks, Replies};
use crate::call::CallSetup;
use crate::clock::Clock;
use crate::error::Error;
use crate::media_driver;
use crate::media_options::{CallMedia, MediaOptions};
use crate::queue::EventQueue;
use crate::session::{Cell, MediaProgress, Progress, Session, SessionInner};
use crate::session_event::SessionEvent;
use crate::trace::{Tracer, WireDirection};
use crate::user_agent_event::UserAgentEvent;

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
    /// Who waits for requests and subscriptions.
    waiting: requests::Waiting,
    /// What the network said last about a flow that it could not open or keep.
    net_error: Option<Error>,
    /// How the call is made that the REFER being answered asks for.
    referral: Option<Box<CallSetup>>,
    /// What is to be dropped once the lock is released: it may hold values of the application,
    /// and their drop is its code.
    gone: Gone,
    /// Until when the task sleeps.
    sleeps_until: Option<Instant>,
}

/// What is over.
#[derive(Debug, Default)]
struct Gone {
    sessions: Vec<Live>,
    news: Vec<UserAgentEvent>,
    events: Vec<SessionEvent>,
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
    /// Those who follow the transfers that this side has asked for.
    refers: HashMap<u32, Arc<EventQueue<ReferState>>>,
}

impl Live {
    /// Nothing more will be told about this session.
    fn close(&mut self) {
        self.session.events.close();
        self.refers.drain().for_each(|(_, states)| states.close());
    }
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

    /// Whether the application has said what the session's peer connection is made from.
    pub(crate) fn has_media(&self, id: SessionId) -> bool {
        let live = self.sessions.get(&id);
        live.is_some_and(|live| live.media.is_some() || live.requests.is_some())
    }

    /// Follows a transfer that the session has asked for.
    pub(crate) fn follow_refer(
        &mut self,
        id: SessionId,
        refer: u32,
    ) -> Arc<EventQueue<ReferState>> {
        let states = Arc::new(EventQueue::new());
        match self.sessions.get_mut(&id) {
            Some(live) => {
                live.refers.insert(refer, Arc::clone(&states));
            }
            None => states.close(),
        }
        states
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
                waiting: requests::Waiting::default(),
                net_error: None,
                referral: None,
                gone: Gone::default(),
                sleeps_until: None,
            }),
            endpoint,
            clock: Clock::start(),
            runtime: Handle::current(),
            replies,
            wake: Notify::new(),
            abandoned: AtomicBool::new(false),
        });
        tokio::spawn(task::run(Arc::clone(&driver), incoming, waiting));
        driver
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the agent something and carries out what it wants because of it.
    pub(crate) fn act<R>(self: &Arc<Self>, tell: impl FnOnce(&mut State, Instant) -> R) -> R {
        let mut state = self.lock();
        let now = self.clock.now();
        let result = tell(&mut state, now);
        self.drain(&mut state, now);
        let next = state.agent.next_timeout();
        let earlier = match (next, state.sleeps_until) {
            (Some(next), Some(until)) => next < until,
            (next, until) => next.is_some() && until.is_none(),
        };
        if earlier {
            self.wake.notify_one();
        }
        let gone = std::mem::take(&mut state.gone);
        drop(state);
        drop(gone);
        result
    }

    /// Tells the user agent's listeners.
    fn announce(&self, state: &mut State, event: UserAgentEvent) {
        state.gone.news.extend(self.events.push(event));
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
                asserted_identity: info.asserted_identity().cloned(),
                identifier: info.identifier().unwrap_or_default(),
                ..Cell::default()
            }),
        });
        let live = Live {
            session,
            media: None,
            requests: None,
            ring: None,
            refers: HashMap::new(),
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

    fn drain(self: &Arc<Self>, state: &mut State, now: Instant) {
        while let Some(output) = state.agent.poll() {
            match output {
                Output::Send { flow, bytes } => self.send(state, flow, bytes),
                Output::Open { flow, destination } => {
                    self.endpoint.open(flow, destination);
                }
                // A flow that cannot be written to is about to be reported as lost.
                Output::Ping { flow } => drop(self.endpoint.ping(flow)),
                Output::Close { flow } => {
                    state.peers.remove(&flow);
                    self.endpoint.close(flow);
                }
                Output::Media { session, request } => self.carry(state, session, request),
                Output::Event(event) => {
                    if let Some(event) = self.request_event(state, now, event) {
                        self.event(state, event);
                    }
                }
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
}
