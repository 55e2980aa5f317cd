//! A registrar and stateful forking proxy (RFC 3261, 10.3 and 16), as small as calls need it.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use offhook_core::auth::{DigestServer, Secret, Verdict};
use offhook_core::{
    FlowId, Hop, Instant, Received, TimerQueue, TransactionEvent, TransactionId, TransactionTimer,
    TransactionTimings, Transactions, Transport,
};
use offhook_sim::{Action, Node, Opened};
use offhook_sip::{
    Contacts, Credentials, HeaderName, Limits, Message, Method, NameAddr, OutgoingRequest,
    OutgoingResponse, Request, Response, StatusCode, Uri,
};

pub(crate) const HOST: &str = "sip.example.com";

/// The node in the middle.
pub(crate) struct Switchboard {
    transactions: Transactions,
    timers: TimerQueue<TransactionTimer>,
    flows: HashMap<FlowId, Transport>,
    /// By the user of the address, then by the user of the contact.
    bindings: BTreeMap<String, BTreeMap<String, Binding>>,
    forks: BTreeMap<TransactionId, Fork>,
    upstream: HashMap<TransactionId, TransactionId>,
    branches: u64,
    actions: VecDeque<Action>,
    /// Asks everybody for this password.
    guard: Option<(DigestServer, &'static str)>,
    /// Responses that do not say where our request came from, though we asked (RFC 3581, 4).
    unstamped: usize,
}

#[derive(Clone, Debug)]
struct Binding {
    uri: String,
    flow: FlowId,
}

/// A request and the branches it went to.
#[derive(Debug, Default)]
struct Fork {
    invite: bool,
    branches: BTreeMap<TransactionId, Option<Outcome>>,
    answered: bool,
}

#[derive(Clone, Debug)]
enum Outcome {
    Response(Response),
    Status(StatusCode),
}

impl Outcome {
    fn status(&self) -> StatusCode {
        match self {
            Outcome::Response(response) => response.status(),
            Outcome::Status(status) => *status,
        }
    }
}

impl Switchboard {
    pub(crate) fn new() -> Switchboard {
        Switchboard {
            transactions: Transactions::new(TransactionTimings::default()),
            timers: TimerQueue::new(),
            flows: HashMap::new(),
            bindings: BTreeMap::new(),
            forks: BTreeMap::new(),
            upstream: HashMap::new(),
            branches: 0,
            actions: VecDeque::new(),
            guard: None,
            unstamped: 0,
        }
    }

    /// Lets nobody register or call who does not know the password.
    pub(crate) fn with_password(mut self, password: &'static str) -> Switchboard {
        self.guard = Some((DigestServer::new("example.com", [], [9; 32]), password));
        self
    }

    /// How many contacts are bound to the address of a user.
    pub(crate) fn contacts_of(&self, user: &str) -> usize {
        self.bindings.get(user).map_or(0, BTreeMap::len)
    }

    /// What is left of calls, for people.
    pub(crate) fn left(&self) -> String {
        format!(
            "{} transactions, {} timers, {} forks, {} upstream, {} responses without received",
            self.transactions.len(),
            self.timers.len(),
            self.forks.len(),
            self.upstream.len(),
            self.unstamped
        )
    }

    /// Nothing of any call is left.
    pub(crate) fn is_idle(&self) -> bool {
        self.transactions.is_empty()
            && self.timers.is_empty()
            && self.forks.is_empty()
            && self.upstream.is_empty()
            && self.unstamped == 0
    }

    fn request(&mut self, now: Instant, request: Request, flow: FlowId) {
        if request.validate().is_err() {
            return;
        }
        let Some(&transport) = self.flows.get(&flow) else {
            return;
        };
        let copy = request.clone();
        match self
            .transactions
            .receive_request(now, &mut self.timers, copy, flow, transport)
        {
            Received::New(id) if !self.admits(now, id, &request) => {}
            Received::New(id) if request.method() == Method::Register => {
                let response = self.register(&request, flow);
                self.respond(now, id, response);
            }
            Received::New(id) => self.forward(now, id, &request),
            Received::Ack => self.forward_ack(&request),
            Received::Cancel { cancel, invite } => {
                let status = match invite {
                    Some(_) => StatusCode::OK,
                    None => StatusCode::new(481).unwrap(),
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
        let (status, asks, says) = match request.method() {
            Method::Register => (
                StatusCode::UNAUTHORIZED,
                HeaderName::WwwAuthenticate,
                HeaderName::Authorization,
            ),
            Method::Invite if request.to().unwrap().tag().is_none() => (
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
            Some(Secret::Password((*password).to_owned()))
        });
        if matches!(verdict, Verdict::Ok { .. }) {
            return true;
        }
        let mut response = tagged(OutgoingResponse::to_request(request, status));
        for challenge in guard.challenge(now, verdict == Verdict::Stale) {
            response.headers_mut().push(asks, challenge).unwrap();
        }
        self.respond(now, id, response);
        false
    }

    fn register(&mut self, request: &Request, flow: FlowId) -> OutgoingResponse {
        let to = request.to().unwrap();
        let user = to.uri.user().unwrap_or_default().to_owned();
        let bindings = self.bindings.entry(user).or_default();
        let default = request
            .header(HeaderName::Expires)
            .unwrap_or("3600")
            .to_owned();
        match request.contacts() {
            Ok(Contacts::Star) => bindings.clear(),
            Ok(Contacts::List(contacts)) => {
                for contact in contacts {
                    let key = contact.uri.user().unwrap_or_default().to_owned();
                    if contact.param("expires").unwrap_or(&default) == "0" {
                        bindings.remove(&key);
                    } else {
                        let uri = contact.uri.as_str().to_owned();
                        bindings.insert(key, Binding { uri, flow });
                    }
                }
            }
            Err(_) => {}
        }
        let mut response = tagged(OutgoingResponse::to_request(request, StatusCode::OK));
        for binding in bindings.values() {
            let contact = format!("<{}>;expires={default}", binding.uri);
            response
                .headers_mut()
                .push(HeaderName::Contact, contact)
                .unwrap();
        }
        response
    }

    /// Where a request goes: to a contact by its own user part, or to all of an address.
    fn targets(&self, request: &Request) -> Vec<Binding> {
        let uri = request.uri().unwrap();
        let user = uri.user().unwrap_or_default();
        if let Some(contact) = self
            .bindings
            .values()
            .find_map(|contacts| contacts.get(user))
        {
            return vec![contact.clone()];
        }
        match self.bindings.get(user) {
            Some(contacts) if request.method() == Method::Invite => {
                contacts.values().cloned().collect()
            }
            Some(contacts) => contacts.values().take(1).cloned().collect(),
            None => Vec::new(),
        }
    }

    fn forward(&mut self, now: Instant, id: TransactionId, request: &Request) {
        let targets = self.targets(request);
        let invite = request.method() == Method::Invite;
        let mut fork = Fork {
            invite,
            ..Fork::default()
        };
        for target in targets {
            let Some((hop, branch)) = self.way(target.flow) else {
                continue;
            };
            let mut copy = outgoing(request, &target);
            if invite {
                copy.headers_mut()
                    .push_front(HeaderName::RecordRoute, format_args!("<sip:{HOST};lr>"))
                    .unwrap();
            }
            let sent = self
                .transactions
                .request(now, &mut self.timers, copy, &hop, &branch);
            let sent = sent.unwrap();
            fork.branches.insert(sent, None);
            self.upstream.insert(sent, id);
        }
        if fork.branches.is_empty() {
            return self.answer(now, id, request, StatusCode::NOT_FOUND);
        }
        self.forks.insert(id, fork);
    }

    fn forward_ack(&mut self, ack: &Request) {
        for target in self.targets(ack) {
            if let Some((hop, branch)) = self.way(target.flow) {
                self.transactions
                    .send_ack(outgoing(ack, &target), &hop, &branch)
                    .unwrap();
            }
        }
    }

    fn way(&mut self, flow: FlowId) -> Option<(Hop, String)> {
        let transport = *self.flows.get(&flow)?;
        self.branches += 1;
        let branch = format!("z9hG4bK-switchboard-{}", self.branches);
        Some((
            Hop {
                flow,
                transport,
                sent_by: HOST.into(),
            },
            branch,
        ))
    }

    fn cancel_branches(&mut self, now: Instant, invite: TransactionId) {
        let Some(fork) = self.forks.get(&invite) else {
            return;
        };
        for (&branch, outcome) in &fork.branches {
            if outcome.is_none() {
                // A branch whose end is on its way to us needs no CANCEL.
                let _ = self
                    .transactions
                    .cancel(now, &mut self.timers, branch, None);
            }
        }
    }

    fn outcome(&mut self, now: Instant, branch: TransactionId, outcome: Outcome) {
        let Some(&id) = self.upstream.get(&branch) else {
            return;
        };
        let status = outcome.status();
        let Some(fork) = self.forks.get_mut(&id) else {
            return;
        };
        if status.is_provisional() {
            if let (Outcome::Response(response), false, true) =
                (outcome, fork.answered, status != StatusCode::TRYING)
            {
                self.respond(now, id, downstream(&response));
            }
            return;
        }
        fork.branches.insert(branch, Some(outcome.clone()));
        if status.is_success() {
            fork.answered = true;
            let invite = fork.invite;
            if let Outcome::Response(response) = outcome {
                self.respond(now, id, downstream(&response));
            }
            if invite {
                self.cancel_branches(now, id);
            }
        } else if !fork.answered && fork.branches.values().all(Option::is_some) {
            fork.answered = true;
            let best = fork.branches.values().flatten().min_by_key(|outcome| {
                let status = outcome.status();
                (status.class() != 6, status)
            });
            match best.cloned() {
                Some(Outcome::Response(response)) => self.respond(now, id, downstream(&response)),
                Some(Outcome::Status(status)) => {
                    if let Some(request) = self.transactions.request_of(id).cloned() {
                        self.answer(now, id, &request, status);
                    }
                }
                None => {}
            }
        }
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
                TransactionEvent::Terminated { id } => {
                    self.forks.remove(&id);
                    self.upstream.remove(&id);
                }
                _ => {}
            }
        }
    }
}

/// A request on its way to a target (RFC 3261, 16.6).
fn outgoing(request: &Request, target: &Binding) -> OutgoingRequest {
    let mut copy = OutgoingRequest::from_request(request);
    copy.set_uri(&Uri::parse(&target.uri).unwrap());
    let hops: u32 = request
        .header(HeaderName::MaxForwards)
        .unwrap_or("70")
        .parse()
        .unwrap();
    copy.headers_mut()
        .set(HeaderName::MaxForwards, hops - 1)
        .unwrap();
    let routes: Vec<String> = request
        .values(HeaderName::Route)
        .skip(1)
        .map(str::to_owned)
        .collect();
    copy.headers_mut().remove(HeaderName::ProxyAuthorization);
    copy.headers_mut().remove(HeaderName::Route);
    for route in routes {
        copy.headers_mut().push(HeaderName::Route, route).unwrap();
    }
    copy
}

/// A response on its way back: without our Via (RFC 3261, 16.7).
fn downstream(response: &Response) -> OutgoingResponse {
    let mut copy = OutgoingResponse::from_response(response);
    let vias: Vec<String> = response
        .values(HeaderName::Via)
        .skip(1)
        .map(str::to_owned)
        .collect();
    copy.headers_mut().remove(HeaderName::Via);
    for via in vias.iter().rev() {
        copy.headers_mut().push_front(HeaderName::Via, via).unwrap();
    }
    copy
}

fn tagged(mut response: OutgoingResponse) -> OutgoingResponse {
    let to = response.headers().get(HeaderName::To).unwrap().to_owned();
    if NameAddr::parse(&to).unwrap().tag().is_none() {
        let to = format!("{to};tag=switchboard");
        response.headers_mut().set(HeaderName::To, to).unwrap();
    }
    response
}

impl Node for Switchboard {
    fn receive(&mut self, now: Instant, flow: FlowId, bytes: Bytes) {
        match Message::parse(bytes, &Limits::default()) {
            Ok(Message::Request(request)) => self.request(now, request, flow),
            Ok(Message::Response(response)) => {
                self.unstamped += usize::from(response.via().unwrap().received().is_none());
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
        for contacts in self.bindings.values_mut() {
            contacts.retain(|_, binding| binding.flow != flow);
        }
        self.transactions.flow_lost(now, &mut self.timers, flow);
        self.drain(now);
    }

    fn timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.expire(now) {
            self.transactions
                .handle_timeout(now, &mut self.timers, timer);
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
