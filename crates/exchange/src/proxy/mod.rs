//! The registrar and proxy as one machine that is fed and drained: no sockets, no clock, no tasks.

mod absent;
mod dial;
mod fork;
mod outbound;
mod relay;
mod request;
mod response;
mod route;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use offhook_core::auth::DigestAlgorithm;
use offhook_core::{
    FlowId, Instant, TimerQueue, TransactionEvent, TransactionId, TransactionTimer,
    TransactionTimings, Transactions, Transport, stun,
};
use offhook_net::Destination;
use offhook_sip::{
    HeaderName, Limits, Message, OutgoingResponse, Received, Request, Response, StatusCode, reject,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use tracing::debug;

use self::absent::Absent;
use self::dial::Dials;
use self::fork::Branch;
use self::outbound::FlowTimers;
use self::relay::Relay;
use self::route::{Flows, Ours};
use crate::auth::Gate;
use crate::calls::{CallKey, CallNumber, Calls};
use crate::counters::{Counters, Live};
use crate::event::ExchangeEvent;
use crate::location::BindingId;
use crate::registrar::{Registrar, RegistrarSettings};

/// How long a call is still told of after one side's connection was lost: it may come back.
const LOST_CALL_GRACE: Duration = Duration::from_secs(300);

/// How long a call is told of in which nothing is signalled any more.
const SILENT_CALL: Duration = Duration::from_secs(12 * 3600);

/// How an exchange behaves.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) domain: String,
    pub(crate) realm: String,
    /// Passwords by user; `None` lets anybody register as anybody.
    pub(crate) users: Option<HashMap<String, String>>,
    /// The digest algorithms of a challenge, in its order.
    pub(crate) algorithms: Vec<DigestAlgorithm>,
    pub(crate) registrar: RegistrarSettings,
    pub(crate) timings: TransactionTimings,
    pub(crate) limits: Limits,
    /// How many transactions of either side may live.
    pub(crate) max_transactions: usize,
    /// After what time without use a flow that we opened is closed.
    pub(crate) dial_idle: Duration,
    /// How long a caller may be away before its calls are cancelled.
    pub(crate) caller_patience: Duration,
    /// How often a client of RFC 5626 is to show that it lives.
    pub(crate) flow_timers: FlowTimers,
}

impl Settings {
    pub(crate) fn new(domain: &str) -> Settings {
        Settings {
            domain: domain.to_owned(),
            realm: domain.to_owned(),
            users: None,
            // The strongest first (RFC 8760, 2.4).
            algorithms: vec![DigestAlgorithm::Sha256, DigestAlgorithm::Md5],
            registrar: RegistrarSettings::default(),
            timings: TransactionTimings::default(),
            limits: Limits::default(),
            max_transactions: 20_000,
            dial_idle: Duration::from_secs(300),
            caller_patience: absent::PATIENCE,
            flow_timers: FlowTimers::default(),
        }
    }
}

/// What is to be done for the machine.
#[derive(Debug)]
pub(crate) enum Output {
    Send {
        flow: FlowId,
        bytes: Bytes,
    },
    Open {
        flow: FlowId,
        destination: Destination,
    },
    Close {
        flow: FlowId,
    },
    Event(ExchangeEvent),
}

/// The timers of all parts.
#[derive(Copy, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Timer {
    Transaction(TransactionTimer),
    /// Timer C of a client INVITE (RFC 3261, 16.8).
    Ringing(TransactionId),
    Binding(BindingId),
    Call(CallNumber),
    /// A flow that we opened was not used for long.
    Unused(FlowId),
    /// A caller is not waited for any longer.
    Absent(FlowId),
}

impl From<TransactionTimer> for Timer {
    fn from(timer: TransactionTimer) -> Timer {
        Timer::Transaction(timer)
    }
}

/// Why a request is not done, as the answer will say it.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    reason: Option<&'static str>,
    headers: Vec<(HeaderName, String)>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode) -> Refusal {
        Refusal {
            status,
            reason: None,
            headers: Vec::new(),
        }
    }

    pub(crate) fn with_reason(mut self, reason: &'static str) -> Refusal {
        self.reason = Some(reason);
        self
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: String) -> Refusal {
        self.headers.push((name, value));
        self
    }
}

/// The machine. Drain [`poll`](Proxy::poll) after every call into it.
#[derive(Debug)]
pub(crate) struct Proxy {
    settings: Settings,
    ours: Ours,
    flows: Flows,
    dials: Dials,
    absent: Absent,
    gate: Gate,
    registrar: Registrar,
    transactions: Transactions,
    timers: TimerQueue<Timer>,
    /// By server transaction.
    relays: HashMap<TransactionId, Relay>,
    /// By client transaction.
    branches: HashMap<TransactionId, (TransactionId, Branch)>,
    calls: Calls,
    counters: Counters,
    outputs: VecDeque<Output>,
    chance: ChaCha20Rng,
    /// Starts every branch of ours, so that a request that comes back is known.
    branch_prefix: String,
}

impl Proxy {
    pub(crate) fn new(settings: Settings, seed: [u8; 32]) -> Proxy {
        let mut chance = ChaCha20Rng::from_seed(seed);
        let mut secret = [0; 32];
        chance.fill_bytes(&mut secret);
        Proxy {
            ours: Ours::new(&settings.domain),
            flows: Flows::default(),
            dials: Dials::default(),
            absent: Absent::default(),
            gate: Gate::new(
                &settings.realm,
                settings.users.clone(),
                &settings.algorithms,
                secret,
            ),
            registrar: Registrar::new(settings.registrar.clone()),
            transactions: Transactions::new(settings.timings).with_limit(settings.max_transactions),
            timers: TimerQueue::new(),
            relays: HashMap::new(),
            branches: HashMap::new(),
            calls: Calls::default(),
            counters: Counters::default(),
            outputs: VecDeque::new(),
            branch_prefix: format!("z9hG4bK{:016x}", chance.next_u64()),
            chance,
            settings,
        }
    }

    /// An address is listened on: it is ours.
    pub(crate) fn listening(&mut self, address: SocketAddr) {
        self.ours.add(address);
    }

    /// A flow is there, opened by whomever.
    pub(crate) fn connected(
        &mut self,
        now: Instant,
        flow: FlowId,
        transport: Transport,
        local: SocketAddr,
        remote: SocketAddr,
    ) {
        let token = self.token();
        self.flows.add(flow, transport, local, remote, token);
        self.transactions.set_remote(flow, remote);
        self.dialled(now, flow);
        self.drain(now);
    }

    /// A flow that we asked for cannot be opened.
    pub(crate) fn failed(&mut self, now: Instant, flow: FlowId) {
        self.not_dialled(now, flow);
        self.drain(now);
    }

    /// A flow is gone.
    pub(crate) fn lost(&mut self, now: Instant, flow: FlowId) {
        let Some(entry) = self.flows.remove(flow) else {
            return;
        };
        self.gate.forget(flow);
        self.timers.cancel(&Timer::Unused(flow));
        self.dials.forget(flow);
        let registered = self
            .registrar
            .locations
            .on_flow(flow)
            .find_map(|(user, binding)| absent::who(user, binding));
        for id in self.registrar.locations.flow_lost(flow) {
            self.unbind(id);
        }
        for call in self.calls.on(flow) {
            self.timers.set(Timer::Call(call), now + LOST_CALL_GRACE);
        }
        self.transactions.flow_lost(now, &mut self.timers, flow);
        // A caller whose connection is lost will not hear the answer, unless it comes back. One on
        // UDP may.
        if entry.transport.is_reliable() {
            self.caller_lost(now, flow, registered);
        }
        self.drain(now);
    }

    /// One message came.
    pub(crate) fn received(&mut self, now: Instant, flow: FlowId, bytes: Bytes) {
        if self.timers.deadline(&Timer::Unused(flow)).is_some() {
            self.used(now, flow);
        }
        if stun::is_stun(&bytes) {
            return self.keep_alive(flow, &bytes);
        }
        match Message::parse(bytes.clone(), &self.settings.limits) {
            Ok(Message::Request(request)) => self.request(now, flow, request),
            Ok(Message::Response(response)) => self.response(now, flow, response),
            Err(error) => {
                self.counters.malformed += 1;
                debug!(flow = flow.0, %error, "malformed message");
                if let Some(answer) = reject(&bytes, &error) {
                    self.send_stateless(flow, &answer);
                }
            }
        }
        self.drain(now);
    }

    fn response(&mut self, now: Instant, flow: FlowId, response: Response) {
        self.counters.responses += 1;
        if let Err(invalid) = response.validate() {
            self.counters.malformed += 1;
            debug!(flow = flow.0, %invalid, "malformed response");
            return;
        }
        let known = self
            .transactions
            .receive_response(now, &mut self.timers, response, flow);
        if !known {
            self.counters.stray_responses += 1;
        }
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Instant) {
        while let Some(timer) = self.timers.expire(now) {
            match timer {
                Timer::Transaction(timer) => {
                    self.transactions
                        .handle_timeout(now, &mut self.timers, timer);
                }
                Timer::Ringing(client) => self.rang_too_long(now, client),
                Timer::Binding(id) => self.unbind(id),
                Timer::Call(call) => self.end_call(call),
                Timer::Absent(flow) => self.stays_away(now, flow),
                Timer::Unused(flow) => {
                    self.outputs.push_back(Output::Close { flow });
                    self.lost(now, flow);
                }
            }
            self.drain(now);
        }
    }

    /// When [`tick`](Proxy::tick) is to be called.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// What is to be done next.
    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// A message was not taken for sending.
    pub(crate) fn unsent(&mut self) {
        self.counters.unsent += 1;
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }

    pub(crate) fn live(&self) -> Live {
        Live {
            flows: self.flows.len(),
            contacts: self.registrar.locations.len(),
            transactions: self.transactions.len(),
            forks: self.relays.len(),
            calls: self.calls.len(),
            timers: self.timers.len(),
        }
    }

    /// How many contacts a user has.
    pub(crate) fn registered(&self, user: &str) -> usize {
        self.registrar.locations.of(user).len()
    }

    /// Carries out what the transactions have to say, until they are silent.
    fn drain(&mut self, now: Instant) {
        while let Some(event) = self.transactions.poll() {
            match event {
                TransactionEvent::Send { flow, bytes } => {
                    self.outputs.push_back(Output::Send { flow, bytes });
                }
                TransactionEvent::Response { id, response } => self.answered(now, id, &response),
                TransactionEvent::Timeout { id } => {
                    self.unanswered(now, id, StatusCode::REQUEST_TIMEOUT);
                }
                TransactionEvent::TransportFailed { id } => {
                    self.unanswered(now, id, StatusCode::FLOW_FAILED);
                }
                TransactionEvent::Terminated { id } => self.terminated(id),
                // The caller is gone, or never got our answer; there is nothing to undo.
                _ => {}
            }
        }
    }

    fn event(&mut self, event: ExchangeEvent) {
        debug!(%event, "exchange");
        self.outputs.push_back(Output::Event(event));
    }

    /// 96 random bits, as a token.
    fn token(&mut self) -> String {
        format!(
            "{:016x}{:08x}",
            self.chance.next_u64(),
            self.chance.next_u32()
        )
    }

    fn aor(&self, user: &str) -> String {
        format!(
            "sip:{}@{}",
            offhook_sip::escape_user(user),
            self.ours.domain()
        )
    }

    /// Removes a contact whose time is over, or which cannot be reached any more.
    fn unbind(&mut self, id: BindingId) {
        self.timers.cancel(&Timer::Binding(id));
        if let Some((user, binding)) = self.registrar.locations.remove(id) {
            let event = ExchangeEvent::Unregistered {
                aor: self.aor(&user),
                contact: binding.contact.uri.to_string(),
            };
            self.event(event);
        }
    }

    fn end_call(&mut self, call: CallNumber) {
        self.timers.cancel(&Timer::Call(call));
        if let Some(key) = self.calls.end(call) {
            let call_id = key.call_id().to_owned();
            self.event(ExchangeEvent::CallEnded { call_id });
        }
    }

    /// Something was signalled in a call.
    fn touch_call(&mut self, now: Instant, message: &Received) {
        if let Some(key) = CallKey::of(message)
            && let Some(call) = self.calls.number(&key)
        {
            self.timers.set(Timer::Call(call), now + SILENT_CALL);
        }
    }

    /// The answer to a request in our own name.
    fn own_response(&mut self, request: &Request, refusal: &Refusal) -> OutgoingResponse {
        let mut response = OutgoingResponse::to_request(request, refusal.status);
        let tag = self.token();
        // None of these can fail: tokens, and our own words.
        let _ = response.set_to_tag(&tag);
        if let Some(reason) = refusal.reason {
            let _ = response.set_reason(reason);
        }
        for (name, value) in &refusal.headers {
            let _ = response.headers_mut().push(*name, value);
        }
        response
    }

    fn respond(&mut self, now: Instant, server: TransactionId, response: OutgoingResponse) {
        let sent = self
            .transactions
            .respond(now, &mut self.timers, server, response);
        if let Err(error) = sent {
            debug!(%error, "response not sent");
        }
    }

    fn send_stateless(&mut self, flow: FlowId, response: &OutgoingResponse) {
        if let Ok(bytes) = response.write() {
            self.outputs.push_back(Output::Send { flow, bytes });
        }
    }
}
