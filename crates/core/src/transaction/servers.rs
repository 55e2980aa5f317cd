//! The table of server transactions.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use offhook_sip::{HeaderName, Method, NameAddr, OutgoingResponse, Request, StatusCode};

use super::context::{Context, Timers};
use super::flows::Flows;
use super::key::Matching;
use super::server::{self, Server};
use super::server_invite::{self, ServerInvite};
use super::{
    Received, RespondError, Shared, TimerName, TransactionEvent, TransactionId, TransactionTimer,
    Turn, key, via,
};
use crate::flow::{FlowId, Transport};
use crate::map::Map;
use crate::names::Names;

/// All server transactions, found by id, by key and by flow.
#[derive(Debug, Default)]
pub(super) struct Servers {
    entries: Map<TransactionId, Entry>,
    by_key: Names<str>,
    by_flow: Flows,
}

#[derive(Debug)]
struct Entry {
    machine: Machine,
    key: Arc<[u8]>,
    matching: Matching,
    flow: FlowId,
    /// Where the request came from, for the Via of every answer to it.
    remote: Option<SocketAddr>,
    reliable: bool,
    /// Whether the flow is lost, and what could not be sent since.
    lost: Option<Lost>,
}

#[derive(Debug, Default)]
struct Lost {
    unsent: Option<Bytes>,
}

#[derive(Debug)]
enum Machine {
    Invite(ServerInvite),
    Other(Server),
}

/// What happens to either kind.
enum Input {
    Again,
    Ack,
    Respond {
        status: StatusCode,
        bytes: Bytes,
        legacy_tag: Option<Box<str>>,
    },
    Timer(TimerName),
}

impl Machine {
    fn handle(self, input: Input, cx: &mut Context<'_>) -> Machine {
        match self {
            Machine::Invite(state) => {
                let input = match input {
                    Input::Again => server_invite::Input::Again,
                    Input::Ack => server_invite::Input::Ack,
                    Input::Respond {
                        status,
                        bytes,
                        legacy_tag,
                    } => server_invite::Input::Respond {
                        status,
                        bytes,
                        legacy_tag,
                    },
                    Input::Timer(which) => server_invite::Input::Timer(which),
                };
                Machine::Invite(state.handle(input, cx))
            }
            Machine::Other(state) => {
                let input = match input {
                    Input::Again => server::Input::Again,
                    Input::Respond { status, bytes, .. } => {
                        server::Input::Respond { status, bytes }
                    }
                    Input::Timer(which) => server::Input::Timer(which),
                    // The key of an ACK leads to an INVITE only.
                    Input::Ack => return Machine::Other(state),
                };
                Machine::Other(state.handle(input, cx))
            }
        }
    }

    fn is_terminated(&self) -> bool {
        matches!(
            self,
            Machine::Invite(ServerInvite::Terminated) | Machine::Other(Server::Terminated)
        )
    }

    fn timers(&self) -> &'static [TimerName] {
        match self {
            Machine::Invite(_) => &ServerInvite::TIMERS,
            Machine::Other(_) => &Server::TIMERS,
        }
    }
}

impl Servers {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn request_of(&self, id: TransactionId) -> Option<&Request> {
        match &self.entries.get(&id)?.machine {
            Machine::Invite(state) => state.request(),
            Machine::Other(state) => state.request(),
        }
    }

    pub(super) fn receive(
        &mut self,
        turn: &mut Turn<'_>,
        request: Request,
        flow: FlowId,
        transport: Transport,
    ) -> Received {
        match request.method() {
            Method::Ack => self.ack(turn, &request),
            Method::Cancel => {
                let invite = key::server(&mut turn.shared.key, &request, Method::Invite)
                    .ok()
                    .and_then(|_| self.by_key.get(&turn.shared.key))
                    .map(TransactionId);
                // Each live INVITE has room for its CANCEL beyond the limit.
                let limit = if invite.is_some() {
                    usize::MAX
                } else {
                    turn.shared.limit
                };
                match self.start(turn, request, flow, transport, limit) {
                    Received::New(cancel) => Received::Cancel { cancel, invite },
                    other => other,
                }
            }
            _ => {
                let limit = turn.shared.limit;
                self.start(turn, request, flow, transport, limit)
            }
        }
    }
    fn start(
        &mut self,
        turn: &mut Turn<'_>,
        request: Request,
        flow: FlowId,
        transport: Transport,
        limit: usize,
    ) -> Received {
        let matching = match key::server(&mut turn.shared.key, &request, request.method()) {
            Ok(matching) => matching,
            Err(_) => {
                refuse(turn.shared, &request, StatusCode::BAD_REQUEST, flow);
                return Received::Refused;
            }
        };
        if let Some(id) = self.by_key.get(&turn.shared.key).map(TransactionId) {
            self.handle(turn, id, Input::Again);
            return Received::Absorbed;
        }
        if self.entries.len() >= limit {
            refuse(turn.shared, &request, StatusCode::SERVICE_UNAVAILABLE, flow);
            return Received::Refused;
        }
        let id = turn.shared.next_id();
        let (key, _) = self.by_key.insert(&turn.shared.key, id.0);
        self.by_flow.insert(flow, id);
        let reliable = transport.is_reliable();
        let remote = turn.shared.remotes.get(&flow).copied();
        let machine = if request.method() == Method::Invite {
            let auto_trying = turn.shared.auto_trying;
            let mut cx = context(id, Some(flow), remote, reliable, turn);
            Machine::Invite(ServerInvite::start(request, auto_trying, &mut cx))
        } else {
            Machine::Other(Server::start(request))
        };
        self.entries.insert(
            id,
            Entry {
                machine,
                key,
                matching,
                flow,
                remote,
                reliable,
                lost: None,
            },
        );
        Received::New(id)
    }

    fn ack(&mut self, turn: &mut Turn<'_>, ack: &Request) -> Received {
        if key::server(&mut turn.shared.key, ack, Method::Invite).is_err() {
            return Received::Absorbed;
        }
        let Some(id) = self.by_key.get(&turn.shared.key).map(TransactionId) else {
            return Received::Ack;
        };
        let to = ack.to().ok();
        let taken = self
            .entries
            .get(&id)
            .is_some_and(|entry| match &entry.machine {
                Machine::Invite(state) => state.takes_ack(to.as_ref().and_then(NameAddr::tag)),
                Machine::Other(_) => false,
            });
        if !taken {
            return Received::Ack;
        }
        self.handle(turn, id, Input::Ack);
        Received::Absorbed
    }

    pub(super) fn respond(
        &mut self,
        turn: &mut Turn<'_>,
        id: TransactionId,
        mut response: OutgoingResponse,
    ) -> Result<(), RespondError> {
        let Some(entry) = self.entries.get(&id) else {
            return Err(RespondError::NoSuchTransaction(id));
        };
        let status = response.status();
        let may_respond = match &entry.machine {
            Machine::Invite(state) => state.may_respond(status),
            Machine::Other(state) => state.may_respond(),
        };
        if !may_respond {
            return Err(RespondError::AlreadyAnswered(status));
        }
        if let Some(remote) = entry.remote {
            via::stamp(response.headers_mut(), remote)?;
        }
        let legacy_tag = match entry.matching {
            Matching::Branch => None,
            Matching::Legacy => to_tag(&response),
        };
        let bytes = response.write()?;
        self.handle(
            turn,
            id,
            Input::Respond {
                status,
                bytes,
                legacy_tag,
            },
        );
        Ok(())
    }

    pub(super) fn timer(&mut self, turn: &mut Turn<'_>, timer: TransactionTimer) {
        self.handle(turn, timer.id, Input::Timer(timer.which));
    }

    pub(super) fn flow_lost(&mut self, flow: FlowId) {
        for id in self.by_flow.on(flow) {
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.lost.get_or_insert_default();
            }
        }
    }

    pub(super) fn move_flow(&mut self, shared: &mut Shared, from: FlowId, to: FlowId) {
        for id in self.by_flow.replace(from, to) {
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.flow = to;
                if let Some(Lost {
                    unsent: Some(bytes),
                }) = entry.lost.take()
                {
                    shared
                        .events
                        .push_back(TransactionEvent::Send { flow: to, bytes });
                }
            }
        }
    }

    fn handle(&mut self, turn: &mut Turn<'_>, id: TransactionId, input: Input) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let open = entry.lost.is_none().then_some(entry.flow);
        // While the flow is lost nothing arrives by itself, so that answers have to be kept.
        let reliable = entry.reliable && open.is_some();
        let mut cx = context(id, open, entry.remote, reliable, turn);
        let state = std::mem::replace(&mut entry.machine, Machine::Other(Server::Terminated));
        entry.machine = state.handle(input, &mut cx);
        if let (Some(lost), Some(unsent)) = (&mut entry.lost, cx.unsent.take()) {
            lost.unsent = Some(unsent);
        }
        if entry.machine.is_terminated() {
            cx.stop(entry.machine.timers());
            cx.tell(TransactionEvent::Terminated { id });
            self.remove(id);
        }
    }

    pub(super) fn give_up(&mut self, timers: &mut dyn Timers, id: TransactionId) {
        if let Some(Entry {
            machine: Machine::Other(_),
            ..
        }) = self.entries.get(&id)
        {
            for which in Server::TIMERS {
                timers.cancel(TransactionTimer { id, which });
            }
            self.remove(id);
        }
    }

    fn remove(&mut self, id: TransactionId) {
        if let Some(entry) = self.entries.remove(&id) {
            self.by_key.forget(&entry.key);
            self.by_flow.remove(entry.flow, id);
        }
    }
}

fn context<'a>(
    id: TransactionId,
    flow: Option<FlowId>,
    remote: Option<SocketAddr>,
    reliable: bool,
    turn: &'a mut Turn<'_>,
) -> Context<'a> {
    Context {
        id,
        now: turn.now,
        timings: &turn.shared.timings,
        timers: turn.timers,
        events: &mut turn.shared.events,
        flow,
        reliable,
        remote,
        outlive_flows: false,
        known: true,
        unsent: None,
        cancel: None,
    }
}

/// Answers without a transaction, the same way each time (RFC 3261, 8.2.7).
fn refuse(shared: &mut Shared, request: &Request, status: StatusCode, flow: FlowId) {
    let mut response = OutgoingResponse::to_request(request, status);
    if let Some(&remote) = shared.remotes.get(&flow)
        && via::stamp(response.headers_mut(), remote).is_err()
    {
        return;
    }
    let to = request.header(HeaderName::To).unwrap_or_default();
    if to_tag(&response).is_none() && !to.is_empty() {
        let tag = stateless_tag(request);
        if response
            .headers_mut()
            .set(HeaderName::To, format_args!("{to};tag={tag:016x}"))
            .is_err()
        {
            return;
        }
    }
    // A request whose header fields may not be written back gets no answer.
    if let Ok(bytes) = response.write() {
        shared
            .events
            .push_back(TransactionEvent::Send { flow, bytes });
    }
}

/// A To tag that a retransmission of the same request gets as well (RFC 3261, 8.2.7): FNV-1a of
/// the top Via and the Call-ID.
fn stateless_tag(request: &Request) -> u64 {
    [HeaderName::Via, HeaderName::CallId]
        .into_iter()
        .filter_map(|name| request.header(name))
        .flat_map(str::bytes)
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

fn to_tag(response: &OutgoingResponse) -> Option<Box<str>> {
    let to = NameAddr::parse(response.headers().get(HeaderName::To)?).ok()?;
    to.tag().map(Into::into)
}
