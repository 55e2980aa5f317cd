//! What becomes of a request that came: refused, answered, or sent on (RFC 3261, 16.3 to 16.6).

use offhook_core::{FlowId, Instant, Received, TransactionId};
use offhook_sip::{
    Contacts, HeaderName, MaxForwards, Method, NameAddr, OutgoingRequest, OutgoingResponse,
    Request, StatusCode, Uri, WriteError,
};
use tracing::debug;

use super::fork::Input;
use super::relay::{Journey, Target, Way};
use super::route::{self, Onward};
use super::{Proxy, Refusal, Timer};
use crate::auth::Role;
use crate::event::ExchangeEvent;
use crate::location::{Binding, Changes, Reach};

/// What is to be done with a request.
enum Plan {
    Answer(OutgoingResponse),
    Send(Journey),
}

impl From<WriteError> for Refusal {
    fn from(_: WriteError) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST)
    }
}

impl Proxy {
    pub(super) fn request(&mut self, now: Instant, flow: FlowId, request: Request) {
        self.counters.requests += 1;
        if let Err(invalid) = request.validate() {
            self.counters.malformed += 1;
            debug!(flow = flow.0, %invalid, "malformed request");
            if request.method() != Method::Ack {
                let mut answer = self.own_response(&request, &Refusal::new(invalid.status()));
                // Made of header names and fixed words.
                let _ = answer.set_reason(&invalid.reason());
                self.send_stateless(flow, &answer);
            }
            return;
        }
        let Some(transport) = self.flows.get(flow).map(|flow| flow.transport) else {
            return;
        };
        let received = self.transactions.receive_request(
            now,
            &mut self.timers,
            request.clone(),
            flow,
            transport,
        );
        match received {
            Received::New(server) => self.new_request(now, flow, server, request),
            Received::Ack => self.ack(now, request),
            Received::Cancel { cancel, invite } => self.cancel(now, cancel, invite, &request),
            Received::Absorbed | Received::Refused => {}
        }
    }

    fn new_request(&mut self, now: Instant, flow: FlowId, server: TransactionId, request: Request) {
        match self.plan(now, flow, &request) {
            Ok(Plan::Answer(response)) => self.respond(now, server, response),
            Ok(Plan::Send(journey)) => self.start_relay(now, flow, server, request, journey),
            Err(refusal) => {
                match refusal.status {
                    StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                        self.counters.challenged += 1;
                    }
                    StatusCode::FORBIDDEN => self.counters.forbidden += 1,
                    _ => {}
                }
                let response = self.own_response(&request, &refusal);
                self.respond(now, server, response);
            }
        }
    }

    /// The ACK for a 2xx, on the way of its dialog. There is no answer to it, not even a refusal.
    fn ack(&mut self, now: Instant, request: Request) {
        self.touch_call(now, &request);
        let mut ack = OutgoingRequest::from_request(&request);
        let target = match route::take_own(&mut ack, &self.ours, &self.flows) {
            Ok(onward) if self.count_hop(&request, &mut ack).is_ok() => {
                self.target_of_dialog(&ack, onward)
            }
            _ => None,
        };
        match target {
            Some(target) => self.send_ack(now, ack, target),
            None => self.counters.stray_acks += 1,
        }
    }

    fn cancel(
        &mut self,
        now: Instant,
        cancel: TransactionId,
        invite: Option<TransactionId>,
        request: &Request,
    ) {
        let status = match invite {
            Some(_) => StatusCode::OK,
            None => StatusCode::CALL_DOES_NOT_EXIST,
        };
        let response = self.own_response(request, &Refusal::new(status));
        self.respond(now, cancel, response);
        if let Some(invite) = invite {
            let reason = request.header(HeaderName::Reason).map(str::to_owned);
            self.run(now, invite, Input::Cancel(reason));
        }
    }

    /// The order of the checks is that of RFC 3261, 16.3.
    fn plan(&mut self, now: Instant, flow: FlowId, request: &Request) -> Result<Plan, Refusal> {
        let uri = request
            .uri()
            .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST))?;
        if !uri.is_sip() {
            return Err(Refusal::new(StatusCode::UNSUPPORTED_URI_SCHEME));
        }
        let mut outgoing = OutgoingRequest::from_request(request);
        if let Err(refusal) = self.count_hop(request, &mut outgoing) {
            // RFC 3261, 11: an OPTIONS that may go no further asks about whom it has reached.
            if request.method() == Method::Options {
                return Ok(self.answer_options(request));
            }
            return Err(refusal);
        }
        let mark = route::mark(request);
        if self.has_passed(request, mark) {
            return Err(Refusal::new(StatusCode::LOOP_DETECTED));
        }
        refuse_extensions(request, HeaderName::ProxyRequire)?;
        let onward = route::take_own(&mut outgoing, &self.ours, &self.flows)?;
        let in_dialog = request.to().is_ok_and(|to| to.tag().is_some());
        let uri = Uri::parse(outgoing.uri())
            .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST))?
            .into_owned();

        let groups = if in_dialog && onward.is_some() {
            // Who knows the token has been let into the dialog.
            self.touch_call(now, request);
            let target = self
                .target_of_dialog(&outgoing, onward)
                .ok_or(Refusal::new(StatusCode::TEMPORARILY_UNAVAILABLE))?;
            vec![vec![target]]
        } else {
            if request.method() == Method::Register && self.ours.include(&uri) {
                return self.register(now, flow, request);
            }
            self.authorise(now, flow, request)?;
            if outgoing.headers().contains(HeaderName::Route) {
                return Err(Refusal::new(StatusCode::FORBIDDEN).with_reason("No Relaying"));
            }
            if self.ours.include(&uri) {
                if uri.user().is_none() && request.method() == Method::Options {
                    return Ok(self.answer_options(request));
                }
                if self.is_gruu(&uri) {
                    vec![vec![self.target_of_gruu(&uri)?]]
                } else {
                    self.targets_of_user(&uri)?
                }
            } else {
                let binding =
                    self.registrar.locations.by_contact(&uri).ok_or(
                        Refusal::new(StatusCode::NOT_FOUND).with_reason("Not Served Here"),
                    )?;
                vec![vec![self.target(binding)]]
            }
        };
        self.gate.take_credentials(outgoing.headers_mut());
        // We trust nobody to assert who it is, and others trust us (RFC 3325, 5).
        outgoing.headers_mut().remove(HeaderName::PAssertedIdentity);
        let makes_dialog = matches!(
            request.method(),
            Method::Invite | Method::Subscribe | Method::Refer
        );
        Ok(Plan::Send(Journey {
            request: outgoing,
            groups,
            record_route: makes_dialog && !in_dialog,
            mark,
        }))
    }

    /// Lowers Max-Forwards, or puts it there (RFC 3261, 16.6 step 3).
    fn count_hop(&self, request: &Request, outgoing: &mut OutgoingRequest) -> Result<(), Refusal> {
        let left = request
            .typed::<MaxForwards>()
            .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST))?;
        let left = match left {
            Some(MaxForwards(0)) => return Err(Refusal::new(StatusCode::TOO_MANY_HOPS)),
            Some(MaxForwards(left)) => left - 1,
            None => 70,
        };
        outgoing.headers_mut().set(HeaderName::MaxForwards, left)?;
        Ok(())
    }

    /// Whether we have sent this request on before, for the same decision.
    fn has_passed(&self, request: &Request, mark: u64) -> bool {
        let mine = format!("{}{mark:016x}", self.branch_prefix);
        request
            .vias()
            .filter_map(Result::ok)
            .any(|via| via.branch().is_some_and(|branch| branch.starts_with(&mine)))
    }

    fn answer_options(&mut self, request: &Request) -> Plan {
        let allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, INFO, MESSAGE, UPDATE, PRACK, \
                     REFER, SUBSCRIBE, NOTIFY, PUBLISH";
        let answer = Refusal::new(StatusCode::OK).with_header(HeaderName::Allow, allow.to_owned());
        Plan::Answer(self.own_response(request, &answer))
    }

    /// A request in the name of one of our users must prove that it is theirs.
    fn authorise(&mut self, now: Instant, flow: FlowId, request: &Request) -> Result<(), Refusal> {
        let from = request
            .from()
            .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST))?;
        if !self.ours.include(&from.uri) {
            return Ok(());
        }
        let user = from.uri.user_unescaped().unwrap_or_default();
        self.gate.check(now, Role::Proxy, request, flow, &user)
    }

    fn register(&mut self, now: Instant, flow: FlowId, request: &Request) -> Result<Plan, Refusal> {
        let to = request
            .to()
            .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST))?;
        let user = match to.uri.user_unescaped() {
            Some(user) if self.ours.include(&to.uri) => user.into_owned(),
            _ => {
                return Err(Refusal::new(StatusCode::NOT_FOUND).with_reason("Not Served Here"));
            }
        };
        refuse_extensions(request, HeaderName::Require)?;
        self.gate
            .check(now, Role::Registrar, request, flow, &user)?;
        if let Ok(Contacts::List(contacts)) = request.contacts()
            && contacts.iter().any(|contact| self.is_gruu(&contact.uri))
        {
            // It would lead to itself (RFC 5627, 5.1).
            return Err(Refusal::new(StatusCode::FORBIDDEN).with_reason("Contact Is A GRUU"));
        }
        let Some(entry) = self.flows.get(flow) else {
            return Err(Refusal::new(StatusCode::FLOW_FAILED));
        };
        let reach = Reach {
            flow: Some(flow),
            transport: entry.transport,
            remote: entry.remote,
        };
        // What is removed is told with its address, which is looked up before it is gone.
        let before: Vec<Binding> = self.registrar.locations.of(&user).to_vec();
        let changes = self.registrar.register(now, &user, request, &reach)?;
        let wants_gruus = request
            .values(HeaderName::Supported)
            .any(|tag| tag.eq_ignore_ascii_case("gruu"));
        if wants_gruus {
            for id in changes.refreshed.iter().chain(&changes.added) {
                let token = self.token();
                self.registrar.locations.temporary.add(*id, token);
            }
        }
        self.tell_changes(&user, &before, changes);
        self.came_back(&user, request, flow);
        let aor = self.aor(&user);
        let gruus = wants_gruus.then(|| (aor.as_str(), self.ours.domain()));
        let contacts = self.registrar.contacts(now, &user, gruus);
        let answer = contacts
            .into_iter()
            .fold(Refusal::new(StatusCode::OK), |answer, contact| {
                answer.with_header(HeaderName::Contact, contact)
            });
        let answer = self.outbound_answer(answer, request, flow);
        Ok(Plan::Answer(self.own_response(request, &answer)))
    }

    fn tell_changes(&mut self, user: &str, before: &[Binding], changes: Changes) {
        let aor = self.aor(user);
        for id in changes.removed {
            self.timers.cancel(&Timer::Binding(id));
            if let Some(binding) = before.iter().find(|binding| binding.id == id) {
                let contact = binding.contact.uri.to_string();
                let aor = aor.clone();
                self.event(ExchangeEvent::Unregistered { aor, contact });
            }
        }
        for id in changes.refreshed.iter().chain(&changes.added) {
            if let Some(deadline) = self.registrar.deadline(user, *id) {
                self.timers.set(Timer::Binding(*id), deadline);
            }
        }
        for id in changes.added {
            let bindings = self.registrar.locations.of(user);
            if let Some(binding) = bindings.iter().find(|binding| binding.id == id) {
                let contact = binding.contact.uri.to_string();
                let aor = aor.clone();
                self.event(ExchangeEvent::Registered { aor, contact });
            }
        }
    }

    /// The places of a user, those of equal preference together, the preferred ones first.
    fn targets_of_user(&self, uri: &Uri<'_>) -> Result<Vec<Vec<Target>>, Refusal> {
        let user = uri.user_unescaped().unwrap_or_default();
        let bindings = self.registrar.locations.of(&user);
        if bindings.is_empty() {
            return Err(Refusal::new(
                if !user.is_empty() && self.gate.admits(&user) {
                    StatusCode::TEMPORARILY_UNAVAILABLE
                } else {
                    StatusCode::NOT_FOUND
                },
            ));
        }
        let mut bindings: Vec<&Binding> = bindings.iter().collect();
        bindings.sort_by_key(|binding| std::cmp::Reverse(binding.q()));
        let groups = bindings.chunk_by(|a, b| a.q() == b.q());
        Ok(groups
            .map(|group| group.iter().map(|binding| self.target(binding)).collect())
            .collect())
    }

    fn target(&self, binding: &Binding) -> Target {
        Target {
            uri: Some(binding.contact.uri.without_headers()),
            way: self.way_to(binding),
        }
    }

    /// Whether a URI is one that we gave to one user agent (RFC 5627).
    fn is_gruu(&self, uri: &Uri<'_>) -> bool {
        self.ours.include(uri) && uri.param("gr").is_some()
    }

    /// The one user agent that a GRUU leads to.
    fn target_of_gruu(&self, uri: &Uri<'_>) -> Result<Target, Refusal> {
        match self.registrar.locations.by_gruu(uri) {
            Some(binding) => Ok(self.target(binding)),
            None => {
                let user = uri.user_unescaped().unwrap_or_default();
                Err(Refusal::new(if self.gate.admits(&user) {
                    StatusCode::TEMPORARILY_UNAVAILABLE
                } else {
                    StatusCode::NOT_FOUND
                }))
            }
        }
    }

    /// A GRUU is a dialog's target: the contact behind it, over the flow of the dialog while that
    /// lives (RFC 5627, 5.3).
    fn target_of_gruu_in_dialog(
        &self,
        request: &OutgoingRequest,
        onward: Option<Onward>,
    ) -> Option<Target> {
        if request.headers().contains(HeaderName::Route) {
            return None;
        }
        let uri = Uri::parse(request.uri()).ok()?;
        if !self.is_gruu(&uri) {
            return None;
        }
        let binding = self.registrar.locations.by_gruu(&uri)?;
        let target = self.target(binding);
        Some(match onward {
            Some(Onward::Flow(flow)) => Target {
                way: Way::Flow(flow),
                ..target
            },
            Some(Onward::Lost) | None => target,
        })
    }

    /// The place that a request within a dialog goes to: over the flow that its route names, or if
    /// that is gone, to where the contact has registered since, or to the contact itself.
    fn target_of_dialog(
        &self,
        request: &OutgoingRequest,
        onward: Option<Onward>,
    ) -> Option<Target> {
        if let Some(target) = self.target_of_gruu_in_dialog(request, onward) {
            return Some(target);
        }
        let to = |way| Target { uri: None, way };
        if let Some(Onward::Flow(flow)) = onward {
            return Some(to(Way::Flow(flow)));
        }
        let next = request.headers().get(HeaderName::Route);
        let uri = match next {
            Some(route) => NameAddr::parse(route).ok()?.uri.into_owned(),
            None => Uri::parse(request.uri()).ok()?.into_owned(),
        };
        if let Some(binding) = self.registrar.locations.by_contact(&uri) {
            return Some(to(self.way_to(binding)));
        }
        onward?;
        super::dial::destination(&uri).map(|destination| to(Way::Dial(destination)))
    }
}

/// We know no extension that could be required of us (RFC 3261, 16.3 step 5 and 8.2.2.3).
fn refuse_extensions(request: &Request, name: HeaderName) -> Result<(), Refusal> {
    let required: Vec<&str> = request.values(name).filter(|tag| !tag.is_empty()).collect();
    if required.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::BAD_EXTENSION)
        .with_header(HeaderName::Unsupported, required.join(", ")))
}
