//! The door: takes what the driver feeds, and routes it to the machine it is for.

mod alone;
mod errands;
mod keep_alive;
mod petitions;
mod replaces;
mod requests;
mod responses;
mod settings;
mod subscriptions;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use offhook_sip::{Replaces, Uri};

use crate::ask::{AskId, Reply};
use crate::config::{Config, ConfigError};
use crate::connection::{Loss, Replaced, SERVER};
use crate::context::{Context, Owner, Sent, Timer, Waiting};
use crate::counters::{Counters, Live};
use crate::error::CommandError;
use crate::event::{Event, Output};
use crate::flow::{FlowId, Transport};
use crate::headers;
use crate::map::Map;
use crate::media::MediaReport;
use crate::options::{CallOptions, TerminateOptions};
use crate::registration::Registration;
use crate::request::unwritable;
use crate::session::{Answer, Session, SessionId, SessionInfo, SessionMut};
use crate::subscription::Subscriptions;
use crate::time::Instant;

use replaces::Replacement;

/// What a driver feeds an agent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Input {
    /// A flow stands: one that was asked for, or one that a peer opened.
    FlowOpened {
        /// The flow.
        flow: FlowId,
        /// Its transport.
        transport: Transport,
        /// Our address on it; unspecified where nobody knows, as in a browser.
        local: SocketAddr,
        /// The peer's address; unspecified where nobody knows.
        remote: SocketAddr,
    },
    /// A flow is gone, or could not be opened.
    FlowLost {
        /// The flow.
        flow: FlowId,
        /// What the transport says about it.
        reason: String,
    },
    /// One SIP message came.
    Received {
        /// The flow it came on.
        flow: FlowId,
        /// The message.
        bytes: Bytes,
    },
    /// The peer has answered an [`Output::Ping`]. A driver that hands up a lone CRLF as a message
    /// need not say it.
    Pong {
        /// The flow that is alive.
        flow: FlowId,
    },
    /// Time has passed: [`Agent::next_timeout`] is due.
    Tick,
}

/// How far the agent itself is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Life {
    Idle,
    Running,
    Stopping,
}

/// How many outputs there is room for while there are none.
const ROOM: usize = 64;

/// How long [`Agent::stop`] waits for the peers' answers.
const FAREWELL: Duration = Duration::from_secs(2);

/// A SIP user agent: one address, its connection, registration and sessions.
///
/// It owns all protocol state and does no I/O: a driver feeds it ([`Agent::handle`], the
/// commands, [`Agent::media`], [`Agent::reply`]) and drains it ([`Agent::poll`]) after every
/// single call, then sleeps until [`Agent::next_timeout`] at the latest.
pub struct Agent {
    cx: Context,
    registration: Registration,
    sessions: Map<SessionId, Session>,
    replacements: Map<AskId, Replacement>,
    subscriptions: Subscriptions,
    next_session: u64,
    life: Life,
    counters: Counters,
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("address", &self.cx.config.address.as_str())
            .field("live", &self.live())
            .finish_non_exhaustive()
    }
}

impl Agent {
    /// An agent that has done nothing yet. `seed` makes its identifiers: cryptographically random
    /// in production, fixed in tests.
    ///
    /// # Errors
    ///
    /// When [`Config::validate`] says so.
    pub fn new(config: Config, seed: [u8; 32]) -> Result<Self, ConfigError> {
        config.validate()?;
        let mut cx = Context::new(config, seed);
        let registration = Registration::new(&mut cx);
        Ok(Self {
            cx,
            registration,
            sessions: Map::new(),
            replacements: Map::new(),
            subscriptions: Subscriptions::default(),
            next_session: 1,
            life: Life::Idle,
            counters: Counters::default(),
        })
    }

    /// Connects to the server, if one is configured, and registers when the connection stands.
    /// While the agent is being stopped, this takes the stop back; its sessions end all the same.
    pub fn start(&mut self, now: Instant) {
        self.cx.now = now;
        if self.life != Life::Running {
            self.life = Life::Running;
            self.cx
                .connection
                .connect(&self.cx.config, &mut self.cx.outputs);
            self.cx.timers.cancel(&Timer::Stop);
            if self.cx.connection.is_up() && self.cx.config.register {
                // It was being stopped, and the connection still stands.
                self.registration.register(&mut self.cx);
            }
        }
        self.settle();
    }

    /// Ends every session, removes the registration and closes every flow; then
    /// [`Event::Stopped`]. What peers do not answer within two seconds is not waited for.
    pub fn stop(&mut self, now: Instant) {
        self.cx.now = now;
        if self.life == Life::Stopping {
            return;
        }
        self.life = Life::Stopping;
        self.cx.timers.cancel(&Timer::Reconnect);
        // First of all, so that nobody is sent here any more.
        self.registration.unregister(&mut self.cx, false);
        self.leave_subscriptions();
        for session in self.sessions.values_mut() {
            session.forget_transfers(&mut self.cx);
        }
        for session in self
            .sessions
            .values_mut()
            .filter(|session| !session.is_ended())
        {
            // Default options fit every state that has not ended.
            let _ = session.terminate(&mut self.cx, TerminateOptions::default());
        }
        self.cx.set_timer(Timer::Stop, FAREWELL);
        self.settle();
    }

    /// Registers the address, or registers it anew.
    pub fn register(&mut self, now: Instant) {
        self.cx.now = now;
        self.cx.config.register = true;
        if self.cx.connection.is_up() || self.cx.config.servers.is_empty() {
            self.registration.register(&mut self.cx);
        }
        self.settle();
    }

    /// Removes this agent's binding, or with `all` every binding of the address.
    pub fn unregister(&mut self, now: Instant, all: bool) {
        self.cx.now = now;
        self.cx.config.register = false;
        self.registration.unregister(&mut self.cx, all);
        self.settle();
    }

    /// Whether the address is registered.
    pub fn is_registered(&self) -> bool {
        self.registration.is_registered()
    }

    /// The address that reaches this one user agent, and says whose it is, where the registrar
    /// gave one (RFC 5627): other phones of the same user have others.
    pub fn public_gruu(&self) -> Option<&Uri<'static>> {
        self.cx.gruus.public.as_ref()
    }

    /// The address that reaches this one user agent, and says nothing of whose it is, where the
    /// registrar gave one (RFC 5627). Each registration brings another; earlier ones stay good.
    pub fn temporary_gruu(&self) -> Option<&Uri<'static>> {
        self.cx.gruus.temporary.as_ref()
    }

    /// Whether the connection to the server stands.
    pub fn is_connected(&self) -> bool {
        self.cx.connection.is_up()
    }

    /// Takes what the driver feeds.
    pub fn handle(&mut self, now: Instant, input: Input) {
        self.cx.now = now;
        match input {
            Input::FlowOpened {
                flow,
                transport,
                local,
                remote,
            } => {
                self.flow_opened(flow, transport, local, remote);
            }
            Input::FlowLost { flow, reason } => self.flow_lost(flow, reason),
            Input::Received { flow, bytes } => self.received(flow, bytes),
            Input::Pong { flow } => self.ponged(flow),
            Input::Tick => {}
        }
        self.conclude();
    }

    /// The next thing the agent wants done, or tells.
    #[must_use = "an output that is not carried out is lost"]
    pub fn poll(&mut self) -> Option<Output> {
        let output = self.cx.outputs.pop_front();
        // A moment in which much happened shall not take room for good.
        if output.is_none() && self.cx.outputs.capacity() > ROOM {
            self.cx.outputs.shrink_to(ROOM);
        }
        output
    }

    /// When [`Input::Tick`] is due at the latest.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.cx.timers.next()
    }

    /// Calls `target`: a SIP URI, or a user of the own domain.
    ///
    /// # Errors
    ///
    /// When the target is no address, a header cannot be written, or the agent has been stopped.
    pub fn call(
        &mut self,
        now: Instant,
        target: &str,
        options: CallOptions,
    ) -> Result<SessionId, CommandError> {
        self.cx.now = now;
        if self.life == Life::Stopping {
            return Err(CommandError::Stopped);
        }
        headers::check(&options.extra_headers)?;
        let target = self.target(target)?;
        let id = self.name_session();
        let way = target.clone();
        let session =
            Session::call(&mut self.cx, id, target, options).map_err(|error| unwritable(&error))?;
        // Direct calls need their flow; it opens while the media engine makes the offer.
        self.cx.first_way(&way);
        self.sessions.insert(id, session);
        self.settle();
        Ok(id)
    }

    /// A target as a URI: as it is, or as a user of our domain.
    pub(crate) fn target(&self, target: &str) -> Result<Uri<'static>, CommandError> {
        let expected = "a SIP URI or a user name, as sip:bob@example.com or bob";
        let wrong = || CommandError::argument("target", target, expected);
        let text = target.trim();
        if text.is_empty() || text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(wrong());
        }
        let address = &self.cx.config.address;
        let uri = if text.contains(':') && Uri::parse(text).is_ok_and(|uri| uri.is_sip()) {
            Uri::parse(text).map_err(|_| wrong())?.into_owned()
        } else if text.contains(':') {
            return Err(wrong());
        } else if text.contains('@') {
            Uri::parse(&format!("sip:{text}"))
                .map_err(|_| wrong())?
                .into_owned()
        } else {
            address.with_user(text).into_owned()
        };
        match uri.host() {
            Some(host) if !host.is_empty() => Ok(uri),
            _ => Err(wrong()),
        }
    }

    fn name_session(&mut self) -> SessionId {
        let id = SessionId(self.next_session);
        self.next_session += 1;
        id
    }

    /// Takes a report of a session's peer connection.
    pub fn media(&mut self, now: Instant, session: SessionId, report: MediaReport) {
        self.cx.now = now;
        if let Some(session) = self.sessions.get_mut(&session) {
            session.report(&mut self.cx, report);
            session.tell_ready(&mut self.cx);
        }
        self.settle();
    }

    /// Takes the application's answer to a question; to one that is answered already, or whose
    /// session has ended, nothing happens.
    pub fn reply(&mut self, now: Instant, ask: AskId, reply: Reply) {
        self.cx.now = now;
        if let Some(reply) = self.cx.inquiry_replied(ask, reply)
            && let Some(reply) = self.replaces_replied(ask, reply)
            && let Some(reply) = self.petition_replied(ask, reply)
            && let Some(reply) = self.registration.replied(&mut self.cx, ask, reply)
            && let Some(session) = self
                .cx
                .asks
                .remove(&ask)
                .and_then(|id| self.sessions.get_mut(&id))
        {
            session.reply(&mut self.cx, ask, reply);
            session.tell_ready(&mut self.cx);
        }
        self.settle();
    }

    /// A session to command.
    ///
    /// # Errors
    ///
    /// When there is none with this id.
    pub fn session(&mut self, id: SessionId) -> Result<SessionMut<'_>, CommandError> {
        if !self.sessions.contains_key(&id) {
            return Err(CommandError::NoSuchSession);
        }
        Ok(SessionMut::new(self, id))
    }

    /// What can be looked up of a session.
    pub fn session_info(&self, id: SessionId) -> Option<SessionInfo<'_>> {
        let identifier = self.cx.identifiers.get(id);
        let session = self.sessions.get(&id)?;
        Some(SessionInfo::new(session, identifier))
    }

    /// What an INVITE that takes a session's place says of it (RFC 3891).
    pub(crate) fn as_replaced(&mut self, id: SessionId) -> Result<Replaces<'static>, CommandError> {
        self.sessions
            .get_mut(&id)
            .ok_or_else(|| CommandError::argument("replaces", id, "a session that lives"))?
            .as_replaced()
    }

    pub(crate) fn command<T>(
        &mut self,
        now: Instant,
        id: SessionId,
        command: impl FnOnce(&mut Session, &mut Context) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        self.cx.now = now;
        let session = self
            .sessions
            .get_mut(&id)
            .ok_or(CommandError::NoSuchSession)?;
        let result = command(session, &mut self.cx);
        self.conclude();
        result
    }

    /// After something came in or was commanded: runs the timers that are due, and has everything
    /// told that it led to.
    fn conclude(&mut self) {
        while let Some(timer) = self.cx.timers.expire(self.cx.now) {
            self.timer(timer);
        }
        self.settle();
    }

    /// How many of each live thing this agent holds.
    pub fn live(&self) -> Live {
        Live {
            sessions: self.sessions.len(),
            dialogs: self.cx.dialogs.len() + self.subscriptions.dialogs(),
            client_transactions: self.cx.transactions.client_len(),
            server_transactions: self.cx.transactions.server_len(),
            timers: self.cx.timers.len() - self.cx.keep_alives.len(),
            flows: self.cx.connection.len(),
            asks: self.cx.asks.len()
                + self.cx.inquiries.len()
                + self.subscriptions.petitions.len()
                + usize::from(self.registration.is_asking()),
            subscriptions: self.subscriptions.len()
                + self
                    .sessions
                    .values()
                    .map(Session::subscriptions)
                    .sum::<usize>(),
        }
    }

    /// What was received and what was dropped, by reason.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn timer(&mut self, timer: Timer) {
        match timer {
            Timer::Transaction(timer) => {
                self.cx
                    .transactions
                    .handle_timeout(self.cx.now, &mut self.cx.timers, timer);
                self.drain_transactions();
            }
            Timer::Session(id, timer) => {
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.timer(&mut self.cx, timer);
                    session.tell_ready(&mut self.cx);
                }
            }
            Timer::Refer(id, refer) => {
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.refer_expired(&mut self.cx, refer);
                }
            }
            Timer::Replaces(ask) => self.replaces_expired(ask),
            Timer::Inquiry(ask) => {
                self.cx.inquiry_expired(ask);
                self.petition_expired(ask);
            }
            Timer::Subscription(id, timer) => self.subscription_timer(id, timer),
            Timer::Registration => self.registration.due(&mut self.cx),
            Timer::Reconnect => self
                .cx
                .connection
                .connect(&self.cx.config, &mut self.cx.outputs),
            Timer::Recovery => self.give_up_waiting(SERVER),
            Timer::KeepAlive(flow) => self.keep_alive_due(flow),
            Timer::Stop => self.stopped(),
        }
    }

    fn flow_opened(
        &mut self,
        flow: FlowId,
        transport: Transport,
        local: SocketAddr,
        remote: SocketAddr,
    ) {
        let server =
            self.cx
                .connection
                .opened(flow, transport, local, remote, &mut self.cx.outputs);
        // A flow too many is closed again, and nothing more comes about it.
        if self.cx.connection.peer(flow).is_some() {
            self.cx.transactions.set_remote(flow, remote);
            self.keep_alive(flow);
        }
        if server {
            self.cx.event(Event::Connected);
            if self.cx.config.register && self.life == Life::Running {
                self.registration.register(&mut self.cx);
            }
        }
        if server {
            self.cx.timers.cancel(&Timer::Recovery);
            self.send_waiting(SERVER, flow);
            if let Some(replaced) = self.cx.connection.take_replaced() {
                self.flow_replaced(replaced, flow);
            }
        }
        self.send_waiting(flow, flow);
        for id in self.cx.expectant() {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.way_changed(&mut self.cx);
            }
        }
    }

    fn flow_lost(&mut self, flow: FlowId, reason: String) {
        let loss = self
            .cx
            .connection
            .lost(flow, &self.cx.config, &mut self.cx.random);
        if self.cx.keep_alives.end(flow) {
            self.cx.timers.cancel(&Timer::KeepAlive(flow));
        }
        self.cx
            .transactions
            .flow_lost(self.cx.now, &mut self.cx.timers, flow);
        if let Loss::Server { retry_in } = loss {
            let retry_in = retry_in.filter(|_| self.life == Life::Running);
            if let Some(delay) = retry_in {
                self.cx.set_timer(Timer::Reconnect, delay);
            }
            self.cx.event(Event::Disconnected {
                reason: reason.clone(),
                retry_in,
            });
            self.registration.flow_lost(&mut self.cx);
        }
        self.give_up_waiting(flow);
        self.drain_transactions();
        for id in self.cx.expectant() {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.way_lost(&mut self.cx, &reason);
            }
        }
    }

    /// Sends what has waited for a flow, over the one that stands now.
    fn send_waiting(&mut self, waited_for: FlowId, flow: FlowId) {
        for message in self.cx.waiting.remove(&waited_for).unwrap_or_default() {
            match message {
                Waiting::Ack(ack) => {
                    // A lost ACK is asked for again by the peer's 2xx.
                    let _ = self.cx.send_stateless(flow, ack);
                }
                Waiting::Request(pending) => {
                    let owner = pending.owner;
                    if self.is_given_up(owner) {
                        continue;
                    }
                    match (self.cx.send_on(flow, pending), owner) {
                        (Ok(sent), Owner::Invite(session)) => {
                            if let Some(session) = self.sessions.get_mut(&session) {
                                session.invite_sent_again(Sent::Now(sent), Some(flow));
                            }
                        }
                        (Ok(_), _) => {}
                        (Err(_), _) => self.answered(None, owner, Answer::Unsent),
                    }
                }
            }
        }
    }

    /// Whether a request is of no use any more, as its session ended while it waited.
    fn is_given_up(&self, owner: Owner) -> bool {
        match owner {
            Owner::InDialog(_, kind) if kind.outlives_session() => false,
            Owner::Invite(session) | Owner::InDialog(session, _) => {
                self.sessions.get(&session).is_none_or(Session::is_ended)
            }
            _ => false,
        }
    }

    /// A flow did not come, or not in time: what has waited for it is not sent.
    fn give_up_waiting(&mut self, flow: FlowId) {
        for message in self.cx.waiting.remove(&flow).unwrap_or_default() {
            if let Waiting::Request(pending) = message {
                self.answered(None, pending.owner, Answer::Unsent);
            }
        }
    }

    /// The server's new flow takes the place of a lost one: calls go on over it.
    fn flow_replaced(&mut self, replaced: Replaced, flow: FlowId) {
        self.cx.transactions.move_flow(replaced.flow, flow);
        for replacement in self.replacements.values_mut() {
            replacement.move_flow(replaced.flow, flow);
        }
        for session in self.sessions.values_mut() {
            session.flow_replaced(&mut self.cx, replaced, flow);
        }
        self.move_subscriptions(replaced.flow, flow);
    }

    /// After every turn: what has come to its end goes.
    fn settle(&mut self) {
        self.drain_transactions();
        self.counters.stale_candidates = self.cx.stale_candidates;
        if !self.replacements.is_empty() {
            self.sweep_replacements();
            self.drain_transactions();
        }
        while let Some(id) = self.cx.closed.pop() {
            self.sessions.remove(&id);
            self.cx.identifiers.end(id);
            self.session_gone(id);
        }
        debug_assert!(!self.sessions.is_empty() || self.cx.identifiers.is_empty());
        if self.life == Life::Stopping
            && self.sessions.is_empty()
            && self.registration.is_idle()
            && self.subscriptions.is_empty()
            && !self.has_requests()
        {
            self.stopped();
        }
    }

    fn stopped(&mut self) {
        if self.life != Life::Stopping {
            return;
        }
        self.life = Life::Idle;
        // What the peers did not answer in time is over all the same.
        for &session in std::mem::take(&mut self.sessions).keys() {
            self.cx.event(Event::SessionClosed { session });
        }
        self.registration.flow_lost(&mut self.cx);
        self.fail_requests();
        self.drop_subscriptions();
        self.replacements.clear();
        self.cx.clear();
        self.cx.event(Event::Stopped);
    }
}
