//! The door: takes what the driver feeds, and routes it to the machine it is for.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use offhook_sip::{
    HeaderName, Message, Method, OutgoingResponse, Request, Response, StatusCode, Uri,
};

use crate::ask::{AskId, Reply};
use crate::config::{Config, ConfigError};
use crate::connection::Loss;
use crate::context::{Context, Owner, Timer, Waiting};
use crate::counters::{Counters, Live};
use crate::dialog::DialogId;
use crate::error::CommandError;
use crate::event::{Event, Output};
use crate::flow::{FlowId, Transport};
use crate::headers;
use crate::media::MediaReport;
use crate::options::{CallOptions, TerminateOptions};
use crate::registration::Registration;
use crate::session::{
    Answer, Received as InSession, Session, SessionId, SessionInfo, SessionMut, sdp_of,
};
use crate::time::Instant;
use crate::transaction::{Received, TransactionEvent, TransactionId};

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
    sessions: BTreeMap<SessionId, Session>,
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
            sessions: BTreeMap::new(),
            next_session: 1,
            life: Life::Idle,
            counters: Counters::default(),
        })
    }

    /// Connects to the server, if one is configured, and registers when the connection stands.
    pub fn start(&mut self, now: Instant) {
        self.cx.now = now;
        if self.life != Life::Running {
            self.life = Life::Running;
            self.cx
                .connection
                .connect(&self.cx.config, &mut self.cx.outputs);
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
        for session in self
            .sessions
            .values_mut()
            .filter(|session| !session.is_ended())
        {
            // Default options fit every state that has not ended.
            let _ = session.terminate(&mut self.cx, TerminateOptions::default());
        }
        self.registration.unregister(&mut self.cx, false);
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
            Input::Tick => {}
        }
        while let Some(timer) = self.cx.timers.expire(now) {
            self.timer(timer);
        }
        self.settle();
    }

    /// The next thing the agent wants done, or tells.
    #[must_use = "an output that is not carried out is lost"]
    pub fn poll(&mut self) -> Option<Output> {
        self.cx.outputs.pop_front()
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
        // Direct calls need their flow; it opens while the media engine makes the offer.
        self.cx.first_way(&target);
        let session = Session::call(&mut self.cx, id, target, options);
        self.sessions.insert(id, session);
        self.settle();
        Ok(id)
    }

    /// A target as a URI: as it is, or as a user of our domain.
    fn target(&self, target: &str) -> Result<Uri<'static>, CommandError> {
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
        }
        self.settle();
    }

    /// Takes the application's answer to a question; to one that is answered already, or whose
    /// session has ended, nothing happens.
    pub fn reply(&mut self, now: Instant, ask: AskId, reply: Reply) {
        self.cx.now = now;
        if let Some(session) = self
            .cx
            .asks
            .remove(&ask)
            .and_then(|id| self.sessions.get_mut(&id))
        {
            session.reply(&mut self.cx, ask, reply);
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
        self.sessions.get(&id).map(SessionInfo::new)
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
        while let Some(timer) = self.cx.timers.expire(now) {
            self.timer(timer);
        }
        self.settle();
        result
    }

    /// How many of each live thing this agent holds.
    pub fn live(&self) -> Live {
        Live {
            sessions: self.sessions.len(),
            dialogs: self.cx.dialogs.len(),
            client_transactions: self.cx.transactions.client_len(),
            server_transactions: self.cx.transactions.server_len(),
            timers: self.cx.timers.len(),
            flows: self.cx.connection.len(),
            asks: self.cx.asks.len(),
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
                }
            }
            Timer::Registration => self.registration.register(&mut self.cx),
            Timer::Reconnect => self
                .cx
                .connection
                .connect(&self.cx.config, &mut self.cx.outputs),
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
        self.cx.transactions.set_remote(flow, remote);
        if server {
            self.cx.event(Event::Connected);
            if self.cx.config.register && self.life == Life::Running {
                self.registration.register(&mut self.cx);
            }
        }
        for message in self.cx.waiting.remove(&flow).unwrap_or_default() {
            match message {
                Waiting::Ack(ack) => {
                    // A lost ACK is asked for again by the peer's 2xx.
                    let _ = self.cx.send_stateless(flow, ack);
                }
                Waiting::Request(pending) => {
                    let owner = pending.owner;
                    if self.cx.send_on(flow, pending).is_err() {
                        self.answered(None, owner, Answer::Unsent);
                    }
                }
            }
        }
        for session in self.sessions.values_mut() {
            session.way_changed(&mut self.cx);
        }
    }

    fn flow_lost(&mut self, flow: FlowId, reason: String) {
        let loss = self
            .cx
            .connection
            .lost(flow, &self.cx.config, &mut self.cx.random);
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
        for message in self.cx.waiting.remove(&flow).unwrap_or_default() {
            if let Waiting::Request(pending) = message {
                self.answered(None, pending.owner, Answer::Unsent);
            }
        }
        self.drain_transactions();
        for session in self.sessions.values_mut() {
            session.way_lost(&mut self.cx, &reason);
        }
    }

    fn received(&mut self, flow: FlowId, bytes: Bytes) {
        self.counters.received += 1;
        match Message::parse(bytes.clone(), &self.cx.config.limits) {
            Ok(Message::Request(request)) => self.request_received(flow, request),
            Ok(Message::Response(response)) => self.response_received(flow, response),
            Err(error) => {
                self.counters.malformed += 1;
                let answer =
                    offhook_sip::reject(&bytes, &error).and_then(|answer| answer.write().ok());
                if let Some(bytes) = answer {
                    self.cx.send(flow, bytes);
                }
            }
        }
    }

    fn response_received(&mut self, flow: FlowId, response: Response) {
        if response.validate().is_err() {
            self.counters.malformed += 1;
            return;
        }
        if !self
            .cx
            .transactions
            .receive_response(self.cx.now, &mut self.cx.timers, response, flow)
        {
            self.counters.unmatched_responses += 1;
        }
        self.drain_transactions();
    }

    fn request_received(&mut self, flow: FlowId, request: Request) {
        if let Err(invalid) = request.validate() {
            self.counters.malformed += 1;
            if request.method() != Method::Ack {
                let mut response = OutgoingResponse::to_request(&request, invalid.status());
                // A phrase that cannot be written leaves the status' own.
                let _ = response.set_reason(&invalid.reason());
                if let Ok(bytes) = response.write() {
                    self.cx.send(flow, bytes);
                }
            }
            return;
        }
        let Some((transport, _)) = self.cx.connection.peer(flow) else {
            self.counters.unknown_flow += 1;
            return;
        };
        let cx = &mut self.cx;
        let received = cx.transactions.receive_request(
            cx.now,
            &mut cx.timers,
            request.clone(),
            flow,
            transport,
        );
        match received {
            Received::Absorbed => {}
            Received::Refused => self.counters.refused += 1,
            Received::Ack => self.ack_received(request),
            Received::Cancel { cancel, invite } => self.cancel_received(cancel, invite, request),
            Received::New(transaction) => self.route(flow, transaction, request),
        }
        self.drain_transactions();
    }

    fn ack_received(&mut self, ack: Request) {
        let session = DialogId::of_request(&ack).and_then(|id| self.cx.dialogs.get(&id).copied());
        match session.and_then(|id| self.sessions.get_mut(&id)) {
            Some(session) => session.acknowledged(&mut self.cx, ack),
            None => self.counters.stray_acks += 1,
        }
    }

    fn cancel_received(
        &mut self,
        cancel: TransactionId,
        invite: Option<TransactionId>,
        request: Request,
    ) {
        let status = match invite {
            Some(_) => StatusCode::OK,
            None => StatusCode::CALL_DOES_NOT_EXIST,
        };
        self.cx.answer(cancel, &request, status);
        let session = invite.and_then(|invite| {
            self.sessions
                .values_mut()
                .find(|session| session.invite_transaction() == Some(invite))
        });
        if let Some(session) = session {
            session.cancelled(&mut self.cx, request);
        }
    }

    /// A request that starts a transaction.
    fn route(&mut self, flow: FlowId, transaction: TransactionId, request: Request) {
        if let Err((status, unsupported)) = self.acceptable(&request) {
            if let Ok(mut response) = self.cx.response(&request, status) {
                // A list that cannot be written is left out.
                let _ = unsupported
                    .map(|tags| response.headers_mut().push(HeaderName::Unsupported, tags));
                self.cx.respond(transaction, response);
            }
            return;
        }
        if request.to().is_ok_and(|to| to.tag().is_some()) {
            return self.route_in_dialog(transaction, request);
        }
        match request.method() {
            Method::Invite => self.invite_received(flow, transaction, request),
            Method::Options => self.options_received(flow, transaction, &request),
            Method::Bye
            | Method::Info
            | Method::Update
            | Method::Prack
            | Method::Notify
            | Method::Refer => {
                self.cx
                    .answer(transaction, &request, StatusCode::CALL_DOES_NOT_EXIST);
            }
            _ => self
                .cx
                .answer(transaction, &request, StatusCode::METHOD_NOT_ALLOWED),
        }
    }

    /// Whether a request is for this agent, and needs nothing it cannot do
    /// (RFC 3261 sections 8.2.1 and 8.2.2).
    fn acceptable(&self, request: &Request) -> Result<(), (StatusCode, Option<String>)> {
        let uri = request.uri().map_err(|_| (StatusCode::BAD_REQUEST, None))?;
        if !uri.is_sip() {
            return Err((StatusCode::UNSUPPORTED_URI_SCHEME, None));
        }
        let user = uri.user_unescaped();
        let ours = |own: Option<std::borrow::Cow<'_, str>>| user.is_some() && user == own;
        let for_us = ours(self.cx.config.address.user_unescaped())
            || user.as_deref() == Some(self.cx.connection.contact_user())
            || user.as_deref() == Some("anonymous")
            || (user.is_none() && request.method() == Method::Options);
        if !for_us {
            return Err((StatusCode::NOT_FOUND, None));
        }
        let unknown: Vec<&str> = request
            .values(HeaderName::Require)
            .filter(|tag| {
                !headers::SUPPORTED
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(tag))
            })
            .collect();
        if !unknown.is_empty() && !matches!(request.method(), Method::Ack | Method::Cancel) {
            return Err((StatusCode::BAD_EXTENSION, Some(unknown.join(", "))));
        }
        Ok(())
    }

    fn route_in_dialog(&mut self, transaction: TransactionId, request: Request) {
        let session =
            DialogId::of_request(&request).and_then(|id| self.cx.dialogs.get(&id).copied());
        match session.and_then(|id| self.sessions.get_mut(&id)) {
            Some(session) => session.requested(
                &mut self.cx,
                InSession {
                    transaction,
                    request,
                },
            ),
            None => {
                self.cx
                    .answer(transaction, &request, StatusCode::CALL_DOES_NOT_EXIST);
            }
        }
    }

    fn invite_received(&mut self, flow: FlowId, transaction: TransactionId, request: Request) {
        if self
            .sessions
            .values()
            .any(|session| session.is_same_invite(&request))
        {
            return self
                .cx
                .answer(transaction, &request, StatusCode::LOOP_DETECTED);
        }
        if self.life == Life::Stopping || self.sessions.len() >= self.cx.config.max_sessions {
            return self.cx.answer(transaction, &request, StatusCode::BUSY_HERE);
        }
        let readable = request.body().is_empty() || sdp_of(&request, &self.cx).is_some();
        if !readable {
            if let Ok(mut response) = self
                .cx
                .response(&request, StatusCode::UNSUPPORTED_MEDIA_TYPE)
            {
                // Without the hint the answer is right all the same.
                let _ = response
                    .headers_mut()
                    .push(HeaderName::Accept, headers::APPLICATION_SDP);
                self.cx.respond(transaction, response);
            }
            return;
        }
        let id = self.name_session();
        let received = InSession {
            transaction,
            request: request.clone(),
        };
        match Session::receive(&mut self.cx, id, received, flow) {
            Ok(session) => {
                self.sessions.insert(id, session);
            }
            Err((status, missing)) => {
                if let Ok(mut response) = self.cx.response(&request, status) {
                    // The standard phrase does when this one cannot be written.
                    let _ =
                        response.set_reason(&format!("{}: it lacks {missing}", status.reason()));
                    self.cx.respond(transaction, response);
                }
            }
        }
    }

    fn options_received(&mut self, flow: FlowId, transaction: TransactionId, request: &Request) {
        let contact = self.cx.connection.contact(flow);
        let response = self
            .cx
            .response(request, StatusCode::OK)
            .and_then(|mut response| {
                let headers = response.headers_mut();
                headers.push(HeaderName::Accept, headers::APPLICATION_SDP)?;
                headers.push(HeaderName::Supported, headers::SUPPORTED.join(", "))?;
                headers.push(HeaderName::Contact, format_args!("<{contact}>"))?;
                Ok(response)
            });
        if let Ok(response) = response {
            self.cx.respond(transaction, response);
        }
    }

    /// Carries what the transactions have to say to where it belongs.
    fn drain_transactions(&mut self) {
        while let Some(event) = self.cx.transactions.poll() {
            match event {
                TransactionEvent::Send { flow, bytes } => self.cx.send(flow, bytes),
                TransactionEvent::Response { id, response } => self.responded(id, response),
                TransactionEvent::Timeout { id } => self.unanswered(id, Answer::Timeout),
                TransactionEvent::TransportFailed { id } => self.unanswered(id, Answer::Unsent),
                TransactionEvent::AckMissing { .. } => {}
                TransactionEvent::Terminated { id } => {
                    if let Some(pending) = self.cx.pending.remove(&id)
                        && let Owner::Invite(session) = pending.owner
                        && let Some(session) = self.sessions.get_mut(&session)
                    {
                        session.transaction_over(id);
                    }
                }
            }
        }
    }

    fn responded(&mut self, id: TransactionId, response: Response) {
        let status = response.status();
        let Some(pending) = self.cx.pending.get(&id) else {
            return;
        };
        let owner = pending.owner;
        if matches!(
            status,
            StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED
        ) && self.challenged(id, &response)
        {
            return;
        }
        // An INVITE's request stays until its transaction ends: further 2xx are acknowledged with
        // its credentials.
        let keep =
            status.is_provisional() || (status.is_success() && matches!(owner, Owner::Invite(_)));
        if !keep {
            self.cx.pending.remove(&id);
        }
        if status.is_provisional() && !matches!(owner, Owner::Invite(_)) {
            return;
        }
        self.answered(Some(id), owner, Answer::Response(response));
    }

    /// Answers a challenge; says whether the request goes on.
    fn challenged(&mut self, id: TransactionId, response: &Response) -> bool {
        let (Some(auth), Some(mut pending)) = (&mut self.cx.auth, self.cx.pending.remove(&id))
        else {
            return false;
        };
        let owner = pending.owner;
        let request = pending.request.clone();
        if auth.challenged(&mut pending.attempt, response).is_ok() {
            let sent = match owner {
                Owner::Registration => self.registration.retry(&mut self.cx, pending),
                Owner::Invite(session) | Owner::InDialog(session, _) => self
                    .sessions
                    .get_mut(&session)
                    .is_some_and(|session| session.retry(&mut self.cx, pending)),
                Owner::Stray => false,
            };
            if sent {
                return true;
            }
        }
        let attempt = crate::auth::AuthAttempt::default();
        self.cx.pending.insert(
            id,
            crate::context::Pending {
                owner,
                request,
                attempt,
            },
        );
        false
    }

    fn unanswered(&mut self, id: TransactionId, answer: Answer) {
        if let Some(pending) = self.cx.pending.remove(&id) {
            self.answered(Some(id), pending.owner, answer);
        }
    }

    fn answered(&mut self, id: Option<TransactionId>, owner: Owner, answer: Answer) {
        match owner {
            Owner::Registration => self.registration.answered(&mut self.cx, answer),
            Owner::Invite(session) => {
                if let (Some(session), Some(id)) = (self.sessions.get_mut(&session), id) {
                    session.invite_answered(&mut self.cx, id, answer);
                }
            }
            Owner::InDialog(session, kind) => {
                if let Some(session) = self.sessions.get_mut(&session) {
                    session.in_dialog_answered(&mut self.cx, kind, answer);
                }
            }
            Owner::Stray => {}
        }
    }

    /// After every turn: what has come to its end goes.
    fn settle(&mut self) {
        self.drain_transactions();
        self.sessions.retain(|_, session| !session.is_closed());
        if self.life == Life::Stopping && self.sessions.is_empty() && self.registration.is_idle() {
            self.stopped();
        }
    }

    fn stopped(&mut self) {
        if self.life != Life::Stopping {
            return;
        }
        self.life = Life::Idle;
        self.sessions.clear();
        self.cx.clear();
        self.cx.event(Event::Stopped);
    }
}
