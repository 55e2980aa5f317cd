//! A request on its way through the switchboard, and the answers on their way back (RFC 3261
//! sections 16.6 and 16.7).

use std::collections::BTreeMap;
use std::time::Duration;

use offhook_core::{FlowId, Hop, Instant, TransactionId};
use offhook_sip::{
    HeaderName, Method, OutgoingRequest, OutgoingResponse, Request, Response, StatusCode,
};

use super::bindings::Binding;
use super::{HOST, Switchboard, Timer, status, tagged};

/// How long a branch may ring after its last provisional response (timer C).
const RINGING: Duration = Duration::from_secs(181);

/// A request and the branches it went to.
#[derive(Debug, Default)]
pub(super) struct Relay {
    invite: bool,
    branches: BTreeMap<TransactionId, Option<Outcome>>,
    answered: bool,
}

/// What became of a branch.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
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
    /// Where a request goes: to a contact by its own user part, or to all of an address.
    fn targets(&self, request: &Request) -> Result<Vec<Binding>, StatusCode> {
        let uri = request.uri().map_err(|_| StatusCode::BAD_REQUEST)?;
        let user = uri.user().unwrap_or_default();
        if let Some(contact) = self.bindings.contact(user) {
            return Ok(vec![contact.clone()]);
        }
        let most = if request.method() == Method::Invite {
            usize::MAX
        } else {
            1
        };
        let targets: Vec<Binding> = self.bindings.of(user).take(most).cloned().collect();
        match targets.is_empty() {
            false => Ok(targets),
            true if self.bindings.knows(user) => Err(status(480)),
            true => Err(StatusCode::NOT_FOUND),
        }
    }

    pub(super) fn relay(&mut self, now: Instant, id: TransactionId, request: &Request) {
        let hops = match request.header(HeaderName::MaxForwards).map(str::parse) {
            None => 70,
            Some(Ok(0)) => return self.answer(now, id, request, status(483)),
            Some(Ok(hops)) => hops,
            Some(Err(_)) => return self.answer(now, id, request, StatusCode::BAD_REQUEST),
        };
        let targets = match self.targets(request) {
            Ok(targets) => targets,
            Err(status) => return self.answer(now, id, request, status),
        };
        let invite = request.method() == Method::Invite;
        let mut relay = Relay {
            invite,
            ..Relay::default()
        };
        for target in targets {
            let Some((hop, branch)) = self.way(target.flow) else {
                continue;
            };
            let mut copy = outgoing(request, &target, hops);
            if invite {
                // A value of our own is a header value.
                let _ = copy
                    .headers_mut()
                    .push_front(HeaderName::RecordRoute, format_args!("<sip:{HOST};lr>"));
            }
            let sent = self
                .transactions
                .request(now, &mut self.timers, copy, &hop, &branch);
            if let Ok(sent) = sent {
                relay.branches.insert(sent, None);
                self.branches.insert(sent, id);
                if invite {
                    self.timers.set(Timer::Ringing(sent), now + RINGING);
                }
            }
        }
        if relay.branches.is_empty() {
            return self.answer(now, id, request, status(480));
        }
        self.relays.insert(id, relay);
    }

    pub(super) fn relay_ack(&mut self, ack: &Request) {
        for target in self.targets(ack).unwrap_or_default() {
            if let Some((hop, branch)) = self.way(target.flow) {
                // One that cannot be written is lost, as it may be on any way.
                let _ = self
                    .transactions
                    .send_ack(outgoing(ack, &target, 70), &hop, &branch);
            }
        }
    }

    fn way(&mut self, flow: FlowId) -> Option<(Hop, String)> {
        let transport = *self.flows.get(&flow)?;
        self.named += 1;
        let branch = format!("z9hG4bK-switchboard-{}", self.named);
        let sent_by = HOST.into();
        let hop = Hop {
            flow,
            transport,
            sent_by,
        };
        Some((hop, branch))
    }

    pub(super) fn cancel_branches(&mut self, now: Instant, id: TransactionId) {
        let Some(relay) = self.relays.get(&id) else {
            return;
        };
        for (&branch, outcome) in &relay.branches {
            if outcome.is_none() {
                // A branch whose end is on its way to us needs no CANCEL.
                let _ = self
                    .transactions
                    .cancel(now, &mut self.timers, branch, None);
            }
        }
    }

    pub(super) fn rang_too_long(&mut self, now: Instant, branch: TransactionId) {
        // In 64 × T1 its outcome is known, one way or another.
        let _ = self
            .transactions
            .cancel(now, &mut self.timers, branch, None);
    }

    pub(super) fn outcome(&mut self, now: Instant, branch: TransactionId, outcome: Outcome) {
        let Some(&id) = self.branches.get(&branch) else {
            return;
        };
        let status = outcome.status();
        let Some(relay) = self.relays.get_mut(&id) else {
            return;
        };
        if status.is_provisional() {
            if relay.invite && status != StatusCode::TRYING {
                self.timers.set(Timer::Ringing(branch), now + RINGING);
            }
            if let (Outcome::Response(response), false, true) =
                (outcome, relay.answered, status != StatusCode::TRYING)
            {
                self.respond(now, id, downstream(&response));
            }
            return;
        }
        self.timers.cancel(&Timer::Ringing(branch));
        relay.branches.insert(branch, Some(outcome.clone()));
        if status.is_success() {
            relay.answered = true;
            let invite = relay.invite;
            if let Outcome::Response(response) = outcome {
                self.respond(now, id, downstream(&response));
            }
            if invite {
                self.cancel_branches(now, id);
            }
        } else if !relay.answered && relay.branches.values().all(Option::is_some) {
            relay.answered = true;
            let best = relay.branches.values().flatten().min_by_key(|outcome| {
                let status = outcome.status();
                (status.class() != 6, status)
            });
            match best.cloned() {
                Some(Outcome::Response(response)) => self.respond(now, id, downstream(&response)),
                Some(Outcome::Status(status)) => {
                    if let Some(request) = self.transactions.request_of(id).cloned() {
                        self.respond(
                            now,
                            id,
                            tagged(OutgoingResponse::to_request(&request, status)),
                        );
                    }
                }
                None => {}
            }
        }
    }

    pub(super) fn terminated(&mut self, id: TransactionId) {
        self.timers.cancel(&Timer::Ringing(id));
        self.relays.remove(&id);
        self.branches.remove(&id);
    }
}

/// A request on its way to a target (RFC 3261, 16.6).
fn outgoing(request: &Request, target: &Binding, hops: u32) -> OutgoingRequest {
    let mut copy = OutgoingRequest::from_request(request);
    copy.set_uri(&target.uri);
    let routes: Vec<String> = request
        .values(HeaderName::Route)
        .skip(1)
        .map(str::to_owned)
        .collect();
    let headers = copy.headers_mut();
    headers.remove(HeaderName::ProxyAuthorization);
    headers.remove(HeaderName::Route);
    // What was read from a header can be written into one.
    let _ = headers.set(HeaderName::MaxForwards, hops.saturating_sub(1));
    for route in routes {
        let _ = headers.push(HeaderName::Route, route);
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
        // What was read from a header can be written into one.
        let _ = copy.headers_mut().push_front(HeaderName::Via, via);
    }
    copy
}
