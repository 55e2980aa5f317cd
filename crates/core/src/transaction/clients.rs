//! The table of client transactions.

use offhook_sip::{Method, OutgoingRequest, Response};

use super::client::{self, Client};
use super::client_invite::{self, ClientInvite, Held};
use super::context::Context;
use super::flows::Flows;
use super::origin::Origin;
use super::{
    Hop, NoSuchTransaction, SendError, Shared, TimerName, TransactionEvent, TransactionId,
    TransactionTimer, Turn, key,
};
use crate::flow::FlowId;
use crate::map::Map;
use crate::names::Names;

/// All client transactions, found by id, by key and by flow.
#[derive(Debug, Default)]
pub(super) struct Clients {
    entries: Map<TransactionId, Entry>,
    by_key: Names<str>,
    by_flow: Flows,
}

#[derive(Debug)]
struct Entry {
    machine: Machine,
    hop: Hop,
    branch: Box<str>,
    method: Box<str>,
    /// False for a CANCEL, which the owner asked for but does not know by id.
    known: bool,
}

#[derive(Debug)]
enum Machine {
    Invite(ClientInvite),
    Other(Client),
}

/// What happens to either kind.
enum Input {
    Response(Response),
    Cancel(Held),
    Timer(TimerName),
    FlowLost,
}

impl Machine {
    fn handle(self, input: Input, cx: &mut Context<'_>) -> Machine {
        match self {
            Machine::Invite(state) => {
                let input = match input {
                    Input::Response(response) => client_invite::Input::Response(response),
                    Input::Cancel(held) => client_invite::Input::Cancel(held),
                    Input::Timer(which) => client_invite::Input::Timer(which),
                    Input::FlowLost => client_invite::Input::FlowLost,
                };
                Machine::Invite(state.handle(input, cx))
            }
            Machine::Other(state) => {
                let input = match input {
                    Input::Response(response) => client::Input::Response(response),
                    Input::Timer(which) => client::Input::Timer(which),
                    Input::FlowLost => client::Input::FlowLost,
                    // Only an INVITE can be cancelled; the table lets no other CANCEL through.
                    Input::Cancel(_) => return Machine::Other(state),
                };
                Machine::Other(state.handle(input, cx))
            }
        }
    }

    fn is_terminated(&self) -> bool {
        matches!(
            self,
            Machine::Invite(ClientInvite::Terminated) | Machine::Other(Client::Terminated)
        )
    }

    fn timers(&self) -> &'static [TimerName] {
        match self {
            Machine::Invite(_) => &ClientInvite::TIMERS,
            Machine::Other(_) => &Client::TIMERS,
        }
    }
}

impl Clients {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn contains(&self, id: TransactionId) -> bool {
        self.entries.contains_key(&id)
    }

    /// Starts a transaction for a request that has no Via of ours yet.
    pub(super) fn start(
        &mut self,
        turn: &mut Turn<'_>,
        mut request: OutgoingRequest,
        hop: &Hop,
        branch: &str,
    ) -> Result<TransactionId, SendError> {
        if request.method() == Method::Ack {
            return Err(SendError::AckHasNoTransaction);
        }
        if self.entries.len() >= turn.shared.limit {
            return Err(SendError::TooMany(turn.shared.limit));
        }
        let via = hop.via(branch);
        request
            .headers_mut()
            .push_front(offhook_sip::HeaderName::Via, &via)?;
        let origin = match request.method() {
            Method::Invite => Some(Origin::new(&request, &via)?),
            _ => None,
        };
        self.insert(turn, request, origin, hop, branch, true)
    }
    fn insert(
        &mut self,
        turn: &mut Turn<'_>,
        request: OutgoingRequest,
        origin: Option<Origin>,
        hop: &Hop,
        branch: &str,
        known: bool,
    ) -> Result<TransactionId, SendError> {
        let method = request.method();
        key::client(&mut turn.shared.key, branch, method);
        if self.by_key.get(&turn.shared.key).is_some() {
            return Err(SendError::BranchInUse(branch.to_owned()));
        }
        let bytes = request.write()?;
        let id = turn.shared.next_id();
        self.by_key.insert(&turn.shared.key, id.0);
        self.by_flow.insert(hop.flow, id);
        let mut cx = context(id, hop, known, turn);
        let machine = match origin {
            Some(origin) => Machine::Invite(ClientInvite::start(bytes, origin, &mut cx)),
            None => Machine::Other(Client::start(bytes, &mut cx)),
        };
        let entry = Entry {
            machine,
            hop: hop.clone(),
            branch: branch.into(),
            method: method.as_str().into(),
            known,
        };
        self.entries.insert(id, entry);
        Ok(id)
    }

    pub(super) fn cancel(
        &mut self,
        turn: &mut Turn<'_>,
        id: TransactionId,
        reason: Option<&str>,
    ) -> Result<(), NoSuchTransaction> {
        match self.entries.get(&id) {
            Some(Entry {
                machine: Machine::Invite(_),
                ..
            }) => {
                let held = Held {
                    reason: reason.map(str::to_owned),
                };
                self.handle(turn, id, Input::Cancel(held));
                Ok(())
            }
            _ => Err(NoSuchTransaction(id)),
        }
    }

    /// Gives a response to the transaction it belongs to; false if there is none.
    pub(super) fn response(&mut self, turn: &mut Turn<'_>, response: Response) -> bool {
        let found = response.via().ok().and_then(|via| {
            let cseq = response.cseq().ok()?;
            key::client(&mut turn.shared.key, via.branch()?, cseq.method);
            let id = TransactionId(self.by_key.get(&turn.shared.key)?);
            let entry = self.entries.get(&id)?;
            key::same_sent_by(&via, &entry.hop.sent_by).then_some(id)
        });
        if let Some(id) = found {
            self.handle(turn, id, Input::Response(response));
        }
        found.is_some()
    }

    pub(super) fn timer(&mut self, turn: &mut Turn<'_>, timer: TransactionTimer) {
        self.handle(turn, timer.id, Input::Timer(timer.which));
    }

    pub(super) fn flow_lost(&mut self, turn: &mut Turn<'_>, flow: FlowId) {
        for id in self.by_flow.on(flow) {
            self.handle(turn, id, Input::FlowLost);
        }
    }

    pub(super) fn flow_of(&self, id: TransactionId) -> Option<FlowId> {
        self.entries.get(&id).map(|entry| entry.hop.flow)
    }

    /// What is under way goes on over the flow that replaces the lost one.
    pub(super) fn move_flow(&mut self, from: FlowId, to: FlowId) {
        for id in self.by_flow.replace(from, to) {
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.hop.flow = to;
            }
        }
    }

    fn handle(&mut self, turn: &mut Turn<'_>, id: TransactionId, input: Input) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let mut cx = context(id, &entry.hop, entry.known, turn);
        let state = std::mem::replace(&mut entry.machine, Machine::Other(Client::Terminated));
        entry.machine = state.handle(input, &mut cx);
        let cancel = cx.cancel.take();
        if entry.machine.is_terminated() {
            cx.stop(entry.machine.timers());
            cx.tell(TransactionEvent::Terminated { id });
            self.remove(id, turn.shared);
        } else if let Some(cancel) = cancel {
            let (hop, branch) = (entry.hop.clone(), entry.branch.clone());
            // Its key cannot be taken: the branch is the INVITE's, which sends one CANCEL ever.
            let _ = self.insert(turn, cancel, None, &hop, &branch, false);
        }
    }

    fn remove(&mut self, id: TransactionId, shared: &mut Shared) {
        if let Some(entry) = self.entries.remove(&id) {
            key::client(&mut shared.key, &entry.branch, Method::parse(&entry.method));
            self.by_key.remove(&shared.key);
            self.by_flow.remove(entry.hop.flow, id);
        }
    }
}

fn context<'a>(id: TransactionId, hop: &Hop, known: bool, turn: &'a mut Turn<'_>) -> Context<'a> {
    Context {
        id,
        now: turn.now,
        timings: &turn.shared.timings,
        timers: turn.timers,
        events: &mut turn.shared.events,
        flow: Some(hop.flow),
        reliable: hop.transport.is_reliable(),
        remote: None,
        outlive_flows: turn.shared.outlive_flows,
        known,
        unsent: None,
        cancel: None,
    }
}
