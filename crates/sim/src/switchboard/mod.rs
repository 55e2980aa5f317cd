//! A registrar and stateful forking proxy (RFC 3261 sections 10.3 and 16), as small as calls need
//! it: the middle of a simulated network.

mod bindings;
mod relay;

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use offhook_core::auth::{DigestServer, Secret, Verdict};
use offhook_core::{
    FlowId, Instant, Received, TimerQueue, TransactionEvent, TransactionId, TransactionTimer,
    TransactionTimings, Transactions, Transport,
};
use offhook_sip::{
    Credentials, HeaderName, Limits, Message, Method, OutgoingResponse, Request, StatusCode,
};

use crate::node::{Action, Node, Opened};
use bindings::{Bindings, user_of};
use relay::{Outcome, Relay};

/// The name that the switchboard answers to.
pub const HOST: &str = "sip.example.com";

/// A node that registers phones and connects their calls: `sip.example.com` for the domain
/// `example.com`.
///
/// It forks an INVITE to every contact of an address, stays on the way of the dialog, and gives up
/// a branch that rings for longer than three minutes. A phone that lost its connection is found
/// again, with what was under way, once it registers anew.
pub struct Switchboard {
    transactions: Transactions,
    timers: TimerQueue<Timer>,
    flows: HashMap<FlowId, Transport>,
    bindings: Bindings,
    /// By the server transaction of the request that is relayed.
    relays: BTreeMap<TransactionId, Relay>,
    /// Which relay a client transaction is a branch of.
    branches: HashMap<TransactionId, TransactionId>,
    named: u64,
    actions: VecDeque<Action>,
    /// Asks everybody for this password.
    guard: Option<(DigestServer, String)>,
    /// Responses that do not say where our request came from, though we asked (RFC 3581, 4).
    unstamped: usize,
}

impl std::fmt::Debug for Switchboard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Switchboard")
            .field("flows", &self.flows.len())
            .field("left", &self.left())
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Timer {
    Transaction(TransactionTimer),
    /// A branch rings for too long: timer C of RFC 3261 section 16.6.
    Ringing(TransactionId),
}

impl From<TransactionTimer> for Timer {
    fn from(timer: TransactionTimer) -> Self {
        Self::Transaction(timer)
    }
}

impl Default for Switchboard {
    fn default() -> Self {
        Self::new()
    }
}

impl Switchboard {
    /// A switchboard that lets everybody in.
    pub fn new() -> Switchboard {
        Switchboard {
            transactions: Transactions::new(TransactionTimings::default()),
            timers: TimerQueue::new(),
            flows: HashMap::new(),
            bindings: Bindings::default(),
            relays: BTreeMap::new(),
            branches: HashMap::new(),
            named: 0,
            actions: VecDeque::new(),
            guard: None,
            unstamped: 0,
        }
    }

    /// Lets nobody register or call who does not know the password.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Switchboard {
        let guard = DigestServer::new("example.com", [], [9; 32]);
        self.guard = Some((guard, password.to_owned()));
        self
    }

    /// How many contacts are bound to the address of a user and can be reached.
    pub fn contacts_of(&self, user: &str) -> usize {
        self.bindings.of(user).count()
    }

    /// How many responses came without saying where our request came from, though we asked
    /// (RFC 3581 section 4).
    pub fn unstamped(&self) -> usize {
        self.unstamped
    }

    /// What is left of calls, for people.
    pub fn left(&self) -> String {
        format!(
            "{} transactions, {} timers, {} relays, {} branches",
            self.transactions.len(),
            self.timers.len(),
            self.relays.len(),
            self.branches.len(),
        )
    }

    /// Whether nothing of any call is left.
    pub fn is_idle(&self) -> bool {
        self.transactions.is_empty()
            && self.timers.is_empty()
            && self.relays.is_empty()
            && self.branches.is_empty()
    }

    /// Starts again with nothing: every connection is closed, and everything forgotten.
    pub fn restart(&mut self) {
        let mut flows: Vec<FlowId> = self.flows.drain().map(|(flow, _)| flow).collect();
        flows.sort_unstable();
        self.actions.clear();
        for flow in flows {
            self.actions.push_back(Action::Close { flow });
        }
        self.transactions = Transactions::new(TransactionTimings::default());
        self.timers = TimerQueue::new();
        self.bindings = Bindings::default();
        self.relays.clear();
        self.branches.clear();
    }

    fn request(&mut self, now: Instant, request: Request, flow: FlowId) {
        let Some(&transport) = self.flows.get(&flow) else {
            return;
        };
        if request.validate().is_err() {
            return;
        }
        let copy = request.clone();
        match self
            .transactions
            .receive_request(now, &mut self.timers, copy, flow, transport)
        {
            Received::New(id) if !self.admits(now, id, &request) => {}
            Received::New(id) if request.method() == Method::Register => {
                self.register(now, id, &request, flow);
            }
            Received::New(id) => self.relay(now, id, &request),
            Received::Ack => self.relay_ack(&request),
            Received::Cancel { cancel, invite } => {
                let status = match invite {
                    Some(_) => StatusCode::OK,
                    None => status(481),
                };
                self.answer(now, cancel, &request, status);
                if let Some(invite) = invite {
                    self.cancel_branches(now, invite);
                }
            }
            Received::Absorbed | Received::Refused => {}
        }
    }

    /// Whether the sender has shown that he knows the password; if not, he is challenged.
    fn admits(&mut self, now: Instant, id: TransactionId, request: &Request) -> bool {
        let new = request.to().is_ok_and(|to| to.tag().is_none());
        let (status, asks, says) = match request.method() {
            Method::Register => (
                StatusCode::UNAUTHORIZED,
                HeaderName::WwwAuthenticate,
                HeaderName::Authorization,
            ),
            Method::Invite if new => (
                StatusCode::PROXY_AUTHENTICATION_REQUIRED,
                HeaderName::ProxyAuthenticate,
                HeaderName::ProxyAuthorization,
            ),
            _ => return true,
        };
        let Some((guard, password)) = &mut self.guard else {
            return true;
        };
        let said: Vec<Credentials<'_>> = request
            .headers(says)
            .filter_map(|value| Credentials::parse(value).ok())
            .collect();
        let body = request.body();
        let verdict = guard.verify(now, &said, request.method().as_str(), body, |_| {
            Some(Secret::Password(password.clone()))
        });
        if matches!(verdict, Verdict::Ok { .. }) {
            return true;
        }
        let mut response = tagged(OutgoingResponse::to_request(request, status));
        for challenge in guard.challenge(now, verdict == Verdict::Stale) {
            // A challenge of our own is a header value.
            let _ = response.headers_mut().push(asks, challenge);
        }
        self.respond(now, id, response);
        false
    }

    fn register(&mut self, now: Instant, id: TransactionId, request: &Request, flow: FlowId) {
        let Some(user) = request.to().ok().and_then(|to| user_of(&to.uri)) else {
            return self.answer(now, id, request, status(404));
        };
        let moved = self.bindings.register(&user, request, flow);
        for from in moved {
            self.transactions.move_flow(from, flow);
        }
        let mut response = tagged(OutgoingResponse::to_request(request, StatusCode::OK));
        for contact in self.bindings.listed(&user) {
            // What was read from a header can be written into one.
            let _ = response.headers_mut().push(HeaderName::Contact, contact);
        }
        self.respond(now, id, response);
    }

    fn answer(&mut self, now: Instant, id: TransactionId, request: &Request, status: StatusCode) {
        self.respond(
            now,
            id,
            tagged(OutgoingResponse::to_request(request, status)),
        );
    }

    fn respond(&mut self, now: Instant, id: TransactionId, response: OutgoingResponse) {
        // A response that comes after the transaction has ended has nowhere to go.
        let _ = self
            .transactions
            .respond(now, &mut self.timers, id, response);
    }

    fn drain(&mut self, now: Instant) {
        while let Some(event) = self.transactions.poll() {
            match event {
                TransactionEvent::Send { flow, bytes } => {
                    self.actions.push_back(Action::Send { flow, bytes });
                }
                TransactionEvent::Response { id, response } => {
                    self.outcome(now, id, Outcome::Response(response));
                }
                TransactionEvent::Timeout { id } => {
                    self.outcome(now, id, Outcome::Status(StatusCode::REQUEST_TIMEOUT));
                }
                TransactionEvent::TransportFailed { id } => {
                    self.outcome(now, id, Outcome::Status(StatusCode::SERVICE_UNAVAILABLE));
                }
                TransactionEvent::Terminated { id } => self.terminated(id),
                _ => {}
            }
        }
    }
}

/// A status from a number of ours.
fn status(code: u16) -> StatusCode {
    StatusCode::new(code).expect("every status here is between 100 and 699")
}

/// A final response needs a To tag (RFC 3261 section 8.2.6.2).
fn tagged(mut response: OutgoingResponse) -> OutgoingResponse {
    // One that cannot be tagged is not sent: its request had no To that could be read.
    let _ = response.set_to_tag("switchboard");
    response
}

impl Node for Switchboard {
    fn receive(&mut self, now: Instant, flow: FlowId, bytes: Bytes) {
        match Message::parse(bytes, &Limits::default()) {
            Ok(Message::Request(request)) => self.request(now, request, flow),
            Ok(Message::Response(response)) => {
                let stamped = response.via().is_ok_and(|via| via.received().is_some());
                self.unstamped += usize::from(!stamped);
                self.transactions
                    .receive_response(now, &mut self.timers, response, flow);
            }
            Err(_) => {}
        }
        self.drain(now);
    }

    fn flow_opened(&mut self, _now: Instant, opened: Opened) {
        self.flows.insert(opened.flow, opened.transport);
        self.transactions.set_remote(opened.flow, opened.remote);
    }

    fn flow_failed(&mut self, _now: Instant, _flow: FlowId) {}

    fn flow_lost(&mut self, now: Instant, flow: FlowId) {
        self.flows.remove(&flow);
        self.bindings.flow_lost(flow);
        self.transactions.flow_lost(now, &mut self.timers, flow);
        self.drain(now);
    }

    fn timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.expire(now) {
            match timer {
                Timer::Transaction(timer) => {
                    self.transactions
                        .handle_timeout(now, &mut self.timers, timer);
                }
                Timer::Ringing(branch) => self.rang_too_long(now, branch),
            }
            self.drain(now);
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }
}
