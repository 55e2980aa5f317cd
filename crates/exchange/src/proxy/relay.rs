//! Requests that are sent on: what their [`Fork`] decides is carried out here.

use std::collections::VecDeque;

use offhook_core::{FlowId, Hop, Instant, TransactionId};
use offhook_net::Destination;
use offhook_sip::{
    HeaderName, Method, OutgoingRequest, OutgoingResponse, Request, Response, StatusCode, Uri,
};
use tracing::debug;

use super::dial::Waiting;
use super::fork::{Action, Branch, Fork, Input};
use super::{Proxy, Refusal, SILENT_CALL, Timer, route};
use crate::calls::CallKey;
use crate::event::ExchangeEvent;

/// A place to send a request to.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The Request-URI there; `None` leaves it as it is.
    pub(super) uri: Option<Uri<'static>>,
    pub(super) way: Way,
}

/// How to get there.
#[derive(Clone, Debug)]
pub(super) enum Way {
    Flow(FlowId),
    Dial(Destination),
    /// Its connection is gone, and there is no other way.
    None,
}

/// A request that is to be sent on, and where to.
#[derive(Debug)]
pub(super) struct Journey {
    pub(super) request: OutgoingRequest,
    pub(super) groups: Vec<Vec<Target>>,
    pub(super) record_route: bool,
    pub(super) mark: u64,
}

/// A request on its way (the response context of RFC 3261, 16.6 and 16.7).
#[derive(Debug)]
pub(super) struct Relay {
    /// Where it came from.
    flow: FlowId,
    request: Request,
    outgoing: OutgoingRequest,
    record_route: bool,
    mark: u64,
    fork: Fork<Target>,
    /// The client transaction and the flow of each branch, once it has them.
    clients: Vec<Option<(TransactionId, FlowId)>>,
    /// Client transactions that are not terminated.
    live: usize,
    /// The flow of the branch that answered last.
    answered_by: FlowId,
    /// The server transaction is terminated.
    over: bool,
}

impl Relay {
    fn client(&self, branch: Branch) -> Option<(TransactionId, FlowId)> {
        self.clients.get(branch).copied().flatten()
    }
}

impl Proxy {
    pub(super) fn start_relay(
        &mut self,
        now: Instant,
        flow: FlowId,
        server: TransactionId,
        request: Request,
        journey: Journey,
    ) {
        let relay = Relay {
            flow,
            outgoing: journey.request,
            record_route: journey.record_route,
            mark: journey.mark,
            fork: Fork::new(request.method() == Method::Invite, journey.groups),
            request,
            clients: Vec::new(),
            live: 0,
            answered_by: flow,
            over: false,
        };
        self.relays.insert(server, relay);
        self.run(now, server, Input::Begin);
    }

    /// Tells a fork what happened, and does what it wants.
    pub(super) fn run(&mut self, now: Instant, server: TransactionId, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let Some(relay) = self.relays.get_mut(&server) else {
                return;
            };
            for action in relay.fork.handle(input) {
                inputs.extend(self.perform(now, server, action));
            }
        }
    }

    /// Does what a fork wants, and returns what came of it at once.
    fn perform(
        &mut self,
        now: Instant,
        server: TransactionId,
        action: Action<Target>,
    ) -> Option<Input> {
        match action {
            Action::Start(branch, target) => self.start_branch(now, server, branch, target),
            Action::Cancel(branch, reason) => {
                let client = self.relays.get(&server)?.client(branch);
                let Some((client, _)) = client else {
                    return self
                        .dials
                        .give_up(server, branch)
                        .then_some(Input::Failed(branch, StatusCode::REQUEST_TERMINATED));
                };
                self.timers.cancel(&Timer::Ringing(client));
                let cancelled =
                    self.transactions
                        .cancel(now, &mut self.timers, client, reason.as_deref());
                cancelled
                    .is_err()
                    .then_some(Input::Failed(branch, StatusCode::REQUEST_TERMINATED))
            }
            Action::Forward(response) => {
                self.note_call(now, server, &response);
                self.respond(now, server, response);
                None
            }
            Action::Answer(status) => {
                let request = self.relays.get(&server)?.request.clone();
                let response = self.own_response(&request, &Refusal::new(status));
                self.note_call(now, server, &response);
                self.respond(now, server, response);
                None
            }
        }
    }

    /// Sends a request to one place, now or when its flow has been opened.
    pub(super) fn start_branch(
        &mut self,
        now: Instant,
        server: TransactionId,
        branch: Branch,
        target: Target,
    ) -> Option<Input> {
        let failed = |status| Some(Input::Failed(branch, status));
        let flow = match &target.way {
            Way::Flow(flow) => *flow,
            Way::Dial(destination) => {
                let destination = destination.clone();
                let waiting = Waiting::Branch(server, branch, target.clone());
                self.dial(now, &destination, waiting)?.0
            }
            Way::None => return failed(StatusCode::TEMPORARILY_UNAVAILABLE),
        };
        let unique = self.token();
        let relay = self.relays.get_mut(&server)?;
        let Some(to) = self.flows.get(flow) else {
            return failed(StatusCode::TEMPORARILY_UNAVAILABLE);
        };
        let mut request = relay.outgoing.clone();
        if let Some(uri) = &target.uri {
            request.set_uri(uri);
        }
        if relay.record_route
            && let Some(from) = self.flows.get(relay.flow)
            && route::record(request.headers_mut(), from, to).is_err()
        {
            return failed(StatusCode::SERVER_INTERNAL_ERROR);
        }
        let hop = Hop {
            flow,
            transport: to.transport,
            sent_by: to.local.to_string(),
        };
        let name = format!("{}{:016x}{unique}", self.branch_prefix, relay.mark);
        let sent = self
            .transactions
            .request(now, &mut self.timers, request, &hop, &name);
        let client = match sent {
            Ok(client) => client,
            Err(error) => {
                debug!(flow = flow.0, %error, "request not sent on");
                return failed(StatusCode::SERVICE_UNAVAILABLE);
            }
        };
        if relay.clients.len() <= branch {
            relay.clients.resize(branch + 1, None);
        }
        relay.clients[branch] = Some((client, flow));
        relay.live += 1;
        self.branches.insert(client, (server, branch));
        if relay.request.method() == Method::Invite {
            let at = now + self.settings.timings.timer_c;
            self.timers.set(Timer::Ringing(client), at);
        }
        None
    }

    /// A response came to a branch.
    pub(super) fn answered(&mut self, now: Instant, client: TransactionId, response: &Response) {
        let Some(&(server, branch)) = self.branches.get(&client) else {
            return;
        };
        let status = response.status();
        if status == StatusCode::TRYING {
            return;
        }
        let ringing = Timer::Ringing(client);
        if !status.is_provisional() {
            self.timers.cancel(&ringing);
        } else if self.timers.deadline(&ringing).is_some() {
            let at = now + self.settings.timings.timer_c;
            self.timers.set(ringing, at);
        }
        let mut back = OutgoingResponse::from_response(response);
        back.headers_mut().take_first(HeaderName::Via);
        back.headers_mut().remove(HeaderName::PAssertedIdentity);
        if !back.headers().contains(HeaderName::Via) {
            // Without the caller's Via it is an answer to nobody.
            self.counters.malformed += 1;
            return;
        }
        if let Some(relay) = self.relays.get_mut(&server)
            && let Some((_, flow)) = relay.client(branch)
        {
            relay.answered_by = flow;
        }
        self.run(now, server, Input::Response(branch, back));
    }

    /// A branch will not be answered.
    pub(super) fn unanswered(&mut self, now: Instant, client: TransactionId, status: StatusCode) {
        self.timers.cancel(&Timer::Ringing(client));
        if let Some(&(server, branch)) = self.branches.get(&client) {
            self.run(now, server, Input::Failed(branch, status));
        }
    }

    pub(super) fn rang_too_long(&mut self, now: Instant, client: TransactionId) {
        if let Some(&(server, branch)) = self.branches.get(&client) {
            self.run(now, server, Input::Expired(branch));
        }
    }

    /// A transaction is over; with the last one of a relay the relay goes.
    pub(super) fn terminated(&mut self, id: TransactionId) {
        self.timers.cancel(&Timer::Ringing(id));
        let server = match self.branches.remove(&id) {
            Some((server, _)) => {
                if let Some(relay) = self.relays.get_mut(&server) {
                    relay.live -= 1;
                }
                server
            }
            None => {
                if let Some(relay) = self.relays.get_mut(&id) {
                    relay.over = true;
                }
                id
            }
        };
        if let Some(relay) = self.relays.get(&server)
            && relay.over
            && relay.live == 0
        {
            self.relays.remove(&server);
        }
    }

    /// Whether somebody waits on this flow for the answer to what it asked.
    pub(super) fn has_relays_from(&self, flow: FlowId) -> bool {
        self.relays
            .values()
            .any(|relay| relay.flow == flow && !relay.over)
    }

    /// Who waited on one flow waits on another now.
    pub(super) fn move_relays(&mut self, from: FlowId, to: FlowId) {
        for relay in self.relays.values_mut() {
            if relay.flow == from {
                relay.flow = to;
            }
        }
    }

    /// The callers of a lost connection have given up.
    pub(super) fn cancel_relays_from(&mut self, now: Instant, flow: FlowId) {
        let mut servers: Vec<TransactionId> = self
            .relays
            .iter()
            .filter(|(_, relay)| relay.flow == flow && !relay.fork.is_settled())
            .map(|(server, _)| *server)
            .collect();
        servers.sort_unstable();
        for server in servers {
            self.run(now, server, Input::Cancel(None));
        }
    }

    /// The ACK for a 2xx has no transaction.
    pub(super) fn send_ack(&mut self, now: Instant, mut ack: OutgoingRequest, target: Target) {
        if let Some(uri) = &target.uri {
            ack.set_uri(uri);
        }
        match target.way {
            Way::Flow(flow) => self.send_ack_over(flow, ack),
            Way::Dial(destination) => {
                if let Some((flow, Waiting::Ack(ack))) =
                    self.dial(now, &destination, Waiting::Ack(ack))
                {
                    self.send_ack_over(flow, ack);
                }
            }
            Way::None => self.counters.stray_acks += 1,
        }
    }

    pub(super) fn send_ack_over(&mut self, flow: FlowId, ack: OutgoingRequest) {
        let unique = self.token();
        let branch = format!("{}{unique}", self.branch_prefix);
        let Some(to) = self.flows.get(flow) else {
            self.counters.stray_acks += 1;
            return;
        };
        let hop = Hop {
            flow,
            transport: to.transport,
            sent_by: to.local.to_string(),
        };
        if let Err(error) = self.transactions.send_ack(ack, &hop, &branch) {
            debug!(flow = flow.0, %error, "ACK not sent on");
        }
    }

    /// A response that goes back may start a call, or end one.
    fn note_call(&mut self, now: Instant, server: TransactionId, response: &OutgoingResponse) {
        let Some(relay) = self.relays.get(&server) else {
            return;
        };
        let status = response.status();
        match relay.request.method() {
            Method::Invite if status.is_success() => {
                let Some(key) = CallKey::made_by(&relay.request, response) else {
                    return;
                };
                let (Ok(from), Ok(to)) = (relay.request.from(), relay.request.to()) else {
                    return;
                };
                if to.tag().is_some() {
                    return;
                }
                let (from, to) = (from.uri.to_string(), to.uri.to_string());
                let flows = [relay.flow, relay.answered_by];
                let call_id = key.call_id().to_owned();
                if let Some(call) = self.calls.start(key, flows) {
                    self.timers.set(Timer::Call(call), now + SILENT_CALL);
                    self.event(ExchangeEvent::CallStarted { call_id, from, to });
                }
            }
            Method::Bye if !status.is_provisional() => {
                let call = CallKey::of(&relay.request).and_then(|key| self.calls.number(&key));
                if let Some(call) = call {
                    self.end_call(call);
                }
            }
            _ => {}
        }
    }
}
