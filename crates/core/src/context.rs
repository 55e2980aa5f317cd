//! What every machine of the agent may use: the time, chance, timers, transactions, the way out.

use std::collections::VecDeque;

use bytes::Bytes;
use offhook_sip::{
    HeaderName, Method, OutgoingRequest, OutgoingResponse, Request, StatusCode, Uri, WriteError,
};

use crate::ask::{AskId, Question};
use crate::auth::{AuthAttempt, AuthStore};
use crate::config::Config;
use crate::connection::{Connection, SERVER, Way};
use crate::dialog::{Dialog, DialogId};
use crate::errand::{Errand, Referral};
use crate::event::{Event, Output, SessionEvent};
use crate::flow::FlowId;
use crate::gruu::Gruus;
use crate::headers;
use crate::identifier::Identifiers;
use crate::inquiry::Inquiry;
use crate::keep_alive::KeepAlives;
use crate::map::Map;
use crate::media::MediaRequest;
use crate::owners::Owners;
use crate::random::Random;
use crate::request::RequestId;
use crate::session::{self, InDialog, SessionId, SessionTimer};
use crate::subscription::{SubscriptionId, SubscriptionTimer};
use crate::time::Instant;
use crate::timer::TimerQueue;
use crate::transaction::{TransactionId, TransactionTimer, Transactions};

/// Every timer of an agent.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Timer {
    Transaction(TransactionTimer),
    Session(SessionId, SessionTimer),
    /// A subscription to a transfer has run out.
    Refer(SessionId, u32),
    /// The application has not said whether a call may take another's place.
    Replaces(AskId),
    /// The application has not said what it thinks of a request.
    Inquiry(AskId),
    Subscription(SubscriptionId, SubscriptionTimer),
    /// The registration is due for a refresh or another try.
    Registration,
    /// The connection to the server is due for another try.
    Reconnect,
    /// What waits for the connection to the server is given up.
    Recovery,
    /// A flow is due for a keep-alive, or for the answer to one.
    KeepAlive(FlowId),
    /// What `stop` still waits for is given up.
    Stop,
}

impl From<TransactionTimer> for Timer {
    fn from(timer: TransactionTimer) -> Self {
        Self::Transaction(timer)
    }
}

/// Whose request it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Owner {
    Registration,
    /// The INVITE that makes a session.
    Invite(SessionId),
    /// A request inside a session's dialog.
    InDialog(SessionId, InDialog),
    /// A MESSAGE or OPTIONS outside any dialog.
    Alone(RequestId),
    /// An OPTIONS that only shows whether the server still answers on this flow.
    KeepAlive(FlowId),
    /// A SUBSCRIBE, and of which round: one that was ended may be followed by another.
    Subscribe(SubscriptionId, u32),
    /// A NOTIFY of a peer's subscription, those to transfers aside.
    Notify(SubscriptionId),
    /// Nobody's: the BYE of a dialog that was never wanted.
    Stray,
}

/// A request under way.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) owner: Owner,
    pub(crate) request: OutgoingRequest,
    pub(crate) attempt: AuthAttempt,
}

/// A message that waits for its flow to open.
#[derive(Debug)]
pub(crate) enum Waiting {
    Request(Pending),
    Ack(OutgoingRequest),
}

/// Why a request could not be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unsent {
    /// There is no way to the peer now.
    NoWay,
    /// The message cannot be written, or a bound was reached.
    Refused,
}

impl From<WriteError> for Unsent {
    fn from(_: WriteError) -> Self {
        Self::Refused
    }
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sent {
    Now(TransactionId),
    /// Once its flow is open.
    Later,
}

/// What every machine of the agent may use.
pub(crate) struct Context {
    pub(crate) now: Instant,
    pub(crate) config: Config,
    pub(crate) random: Random,
    pub(crate) timers: TimerQueue<Timer>,
    pub(crate) transactions: Transactions,
    pub(crate) auth: Option<AuthStore>,
    pub(crate) connection: Connection,
    /// The server, where its URI does not follow from where the connection leads.
    pub(crate) route: Option<Uri<'static>>,
    pub(crate) keep_alives: KeepAlives,
    pub(crate) gruus: Gruus,
    pub(crate) identifiers: Identifiers,
    /// Our requests that wait for their final response.
    pub(crate) pending: Map<TransactionId, Pending>,
    pub(crate) waiting: Map<FlowId, Vec<Waiting>>,
    /// Which session a dialog belongs to.
    pub(crate) dialogs: Owners<DialogId>,
    pub(crate) asks: Owners<AskId>,
    /// Requests that wait for the application's word.
    pub(crate) inquiries: Map<AskId, Inquiry>,
    /// Which session rings for an INVITE, by its transaction and by its marks.
    pub(crate) invites: Owners<TransactionId>,
    pub(crate) marks: Owners<str>,
    /// The re-INVITE of each session that waits for its final response.
    pub(crate) reinvites: Map<SessionId, TransactionId>,
    /// Sessions whose INVITE waits for a way.
    pub(crate) expectant: Map<SessionId, ()>,
    /// Sessions that have come to their end in this turn.
    pub(crate) closed: Vec<SessionId>,
    next_ask: u64,
    pub(crate) next_request: u64,
    /// What sessions have done for each other, until the agent carries it over.
    pub(crate) errands: VecDeque<Errand>,
    /// The calls whose progress somebody is told who asked for them.
    pub(crate) referrals: Map<SessionId, Referral>,
    /// INFO requests whose candidates belong to no gathering of their session.
    pub(crate) stale_candidates: u64,
    pub(crate) outputs: VecDeque<Output>,
}

/// How many messages may wait for one flow to open.
const MAX_WAITING: usize = 256;

/// How long a re-INVITE waits for its final response, as long as the peer says that it is trying:
/// RFC 3261 sets no limit, and until then no other offer can be made.
const REINVITE_PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

impl Context {
    pub(crate) fn new(config: Config, seed: [u8; 32]) -> Self {
        let mut random = Random::new(seed);
        let auth = answering(&config);
        Self {
            now: Instant::ZERO,
            connection: Connection::new(&config, &mut random),
            route: None,
            keep_alives: KeepAlives::default(),
            gruus: Gruus::default(),
            identifiers: Identifiers::new(),
            transactions: Transactions::new(config.timings).outliving_flows(),
            config,
            random,
            timers: TimerQueue::new(),
            auth,
            pending: Map::new(),
            waiting: Map::new(),
            dialogs: Owners::new(),
            asks: Owners::new(),
            inquiries: Map::new(),
            invites: Owners::new(),
            marks: Owners::new(),
            reinvites: Map::new(),
            expectant: Map::new(),
            closed: Vec::new(),
            next_ask: 1,
            next_request: 1,
            errands: VecDeque::new(),
            referrals: Map::new(),
            stale_candidates: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Answers challenges as the configuration says now.
    pub(crate) fn renew_auth(&mut self) {
        self.auth = answering(&self.config);
    }

    /// A ringing call is answered or over: its INVITE is no mark of anything any more.
    pub(crate) fn forget_invite(&mut self, session: SessionId) {
        self.invites.release(session);
        self.marks.release(session);
    }

    /// The sessions whose INVITE waits for a way, as they stand now.
    pub(crate) fn expectant(&self) -> Vec<SessionId> {
        self.expectant.keys().copied().collect()
    }

    /// Lets everything go that was under way.
    pub(crate) fn clear(&mut self) {
        self.transactions = Transactions::new(self.config.timings).outliving_flows();
        self.timers = TimerQueue::new();
        self.pending.clear();
        self.waiting.clear();
        self.keep_alives.clear();
        self.identifiers.clear();
        self.dialogs.clear();
        self.asks.clear();
        self.inquiries.clear();
        self.invites.clear();
        self.marks.clear();
        self.reinvites.clear();
        self.expectant.clear();
        self.closed.clear();
        self.errands.clear();
        self.referrals.clear();
        self.connection.disconnect(&mut self.outputs);
    }

    /// Waits for the final response to a session's re-INVITE no longer than its CANCEL asks for
    /// (RFC 3261 section 9.1): the peer has not answered in time, or the session is over.
    pub(crate) fn cancel_reinvite(&mut self, session: SessionId) {
        if let Some(&reinvite) = self.reinvites.get(&session) {
            // One that is answered already needs no CANCEL.
            let _ = self
                .transactions
                .cancel(self.now, &mut self.timers, reinvite, None);
        }
    }

    /// Whether this is the re-INVITE of a session that waits for its final response.
    pub(crate) fn awaits_reinvite(&self, session: SessionId, reinvite: TransactionId) -> bool {
        self.reinvites.get(&session) == Some(&reinvite)
    }

    /// A re-INVITE has its final response, or will have none.
    pub(crate) fn reinvite_answered(&mut self, session: SessionId) {
        self.reinvites.remove(&session);
        self.timers
            .cancel(&Timer::Session(session, SessionTimer::Reinvite));
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    pub(crate) fn tell(&mut self, session: SessionId, event: SessionEvent) {
        session::follow(self, session, &event);
        self.event(Event::Session { session, event });
    }

    pub(crate) fn media(&mut self, session: SessionId, request: MediaRequest) {
        self.outputs.push_back(Output::Media { session, request });
    }

    /// Asks the application; its answer comes back to the session with this id.
    pub(crate) fn ask(&mut self, session: SessionId, question: Question) -> AskId {
        let ask = self.question(Some(session), question);
        self.asks.insert(&ask, session);
        ask
    }

    /// Asks the application; the caller keeps what the answer is for.
    pub(crate) fn question(&mut self, session: Option<SessionId>, question: Question) -> AskId {
        let ask = AskId(self.next_ask);
        self.next_ask += 1;
        self.outputs.push_back(Output::Ask {
            ask,
            session,
            question,
        });
        ask
    }

    /// Leaves a request without an answer.
    pub(crate) fn give_up(&mut self, transaction: TransactionId) {
        self.transactions.give_up(&mut self.timers, transaction);
    }

    pub(crate) fn set_timer(&mut self, timer: Timer, after: std::time::Duration) {
        self.timers.set(timer, self.now + after);
    }

    /// Sends a request outside any dialog.
    pub(crate) fn submit(
        &mut self,
        owner: Owner,
        request: OutgoingRequest,
    ) -> Result<Sent, Unsent> {
        self.resubmit(Pending {
            owner,
            request,
            attempt: AuthAttempt::default(),
        })
    }

    /// The way of a request outside any dialog to this URI.
    pub(crate) fn first_way(&mut self, uri: &Uri<'_>) -> Way {
        self.connection
            .first_way(uri, &self.config, &mut self.outputs)
    }

    /// Sends a request again, with what its challenges asked for.
    pub(crate) fn resubmit(&mut self, mut pending: Pending) -> Result<Sent, Unsent> {
        if let Some(auth) = &mut self.auth {
            let cnonce = self.random.token(16);
            auth.authorize(&pending.attempt, &mut pending.request, &cnonce)?;
        }
        let way = {
            let uri = Uri::parse(pending.request.uri())
                .map_err(|_| Unsent::Refused)?
                .into_owned();
            self.first_way(&uri)
        };
        self.send_request(way, pending)
    }

    /// Sends a request inside a dialog.
    pub(crate) fn submit_in(
        &mut self,
        dialog: &Dialog,
        owner: Owner,
        request: OutgoingRequest,
    ) -> Result<Sent, Unsent> {
        self.resubmit_in(
            dialog,
            Pending {
                owner,
                request,
                attempt: AuthAttempt::default(),
            },
        )
    }

    /// Sends a request inside a dialog again, with what its challenges asked for.
    pub(crate) fn resubmit_in(
        &mut self,
        dialog: &Dialog,
        mut pending: Pending,
    ) -> Result<Sent, Unsent> {
        if let Some(auth) = &mut self.auth {
            let cnonce = self.random.token(16);
            auth.authorize(&pending.attempt, &mut pending.request, &cnonce)?;
        }
        let way = self.dialog_way(dialog);
        self.send_request(way, pending)
    }

    fn dialog_way(&mut self, dialog: &Dialog) -> Way {
        if self.config.servers.is_empty()
            && self
                .connection
                .peer(dialog.flow())
                .is_some_and(|(transport, _)| transport.is_reliable())
        {
            // A peer that called us over a connection is reached over that connection.
            return Way::Open(dialog.flow());
        }
        let hop = dialog.next_hop().into_owned();
        self.connection.way(&hop, &self.config, &mut self.outputs)
    }

    fn send_request(&mut self, way: Way, pending: Pending) -> Result<Sent, Unsent> {
        match way {
            Way::Open(flow) => self.send_on(flow, pending).map(Sent::Now),
            Way::Opening(flow) => {
                self.wait(flow, Waiting::Request(pending))?;
                Ok(Sent::Later)
            }
            Way::None => Err(Unsent::NoWay),
        }
    }

    fn wait(&mut self, flow: FlowId, message: Waiting) -> Result<(), Unsent> {
        let queue = self.waiting.get_or_default(flow);
        if queue.len() >= MAX_WAITING {
            return Err(Unsent::Refused);
        }
        queue.push(message);
        if flow == SERVER && self.timers.deadline(&Timer::Recovery).is_none() {
            let limit = self.config.recovery_timeout;
            self.set_timer(Timer::Recovery, limit);
        }
        Ok(())
    }

    /// Sends a request on an open flow.
    pub(crate) fn send_on(
        &mut self,
        flow: FlowId,
        mut pending: Pending,
    ) -> Result<TransactionId, Unsent> {
        let hop = self.connection.hop(flow).ok_or(Unsent::NoWay)?;
        self.identifiers
            .put(HeaderName::From, pending.request.headers_mut())?;
        let branch = self.random.branch();
        let mut request = pending.request.clone();
        if let Method::Invite
        | Method::Update
        | Method::Subscribe
        | Method::Notify
        | Method::Options
        | Method::Refer = request.method()
        {
            // Where these are answered or followed depends on the flow that they leave over, each
            // time that they do.
            self.put_contact(request.headers_mut(), flow)?;
        }
        self.preload(&mut request, flow)?;
        let id = self
            .transactions
            .request(self.now, &mut self.timers, request, &hop, &branch)
            .map_err(|_| Unsent::Refused)?;
        if let Owner::InDialog(session, InDialog::Reinvite) = pending.owner {
            self.reinvites.insert(session, id);
            self.set_timer(
                Timer::Session(session, SessionTimer::Reinvite),
                REINVITE_PATIENCE,
            );
        }
        self.pending.insert(id, pending);
        Ok(id)
    }

    /// Sends the ACK of a 2xx, which is no transaction (RFC 3261 section 13.2.2.4).
    pub(crate) fn send_ack(&mut self, dialog: &Dialog, ack: OutgoingRequest) -> Result<(), Unsent> {
        match self.dialog_way(dialog) {
            Way::Open(flow) => self.send_stateless(flow, ack),
            Way::Opening(flow) => self.wait(flow, Waiting::Ack(ack)),
            Way::None => Err(Unsent::NoWay),
        }
    }

    /// Sends a request that is no transaction.
    pub(crate) fn send_stateless(
        &mut self,
        flow: FlowId,
        mut request: OutgoingRequest,
    ) -> Result<(), Unsent> {
        let hop = self.connection.hop(flow).ok_or(Unsent::NoWay)?;
        let branch = self.random.branch();
        self.identifiers
            .put(HeaderName::From, request.headers_mut())?;
        self.preload(&mut request, flow)?;
        request.headers_mut().push_front(
            HeaderName::Via,
            format_args!(
                "SIP/2.0/{} {};branch={branch};rport",
                hop.transport, hop.sent_by
            ),
        )?;
        let bytes = request.write()?;
        self.send(flow, bytes);
        Ok(())
    }

    pub(crate) fn send(&mut self, flow: FlowId, bytes: Bytes) {
        self.outputs.push_back(Output::Send { flow, bytes });
    }

    /// Answers a request with nothing but a status.
    pub(crate) fn answer(
        &mut self,
        transaction: TransactionId,
        request: &Request,
        status: StatusCode,
    ) {
        if let Ok(response) = self.response(request, status) {
            self.respond(transaction, response);
        }
    }

    /// Answers that the body of a request cannot be read, and which type could be
    /// (RFC 3261 section 21.4.13).
    pub(crate) fn refuse_type(
        &mut self,
        transaction: TransactionId,
        request: &Request,
        accepted: &str,
    ) {
        if let Ok(mut response) = self.response(request, StatusCode::UNSUPPORTED_MEDIA_TYPE) {
            // Without the hint the answer is right all the same.
            let _ = response.headers_mut().push(HeaderName::Accept, accepted);
            self.respond(transaction, response);
        }
    }

    /// A response with our identity and, in a final one outside a dialog, a To tag.
    pub(crate) fn response(
        &mut self,
        request: &Request,
        status: StatusCode,
    ) -> Result<OutgoingResponse, WriteError> {
        let mut response = OutgoingResponse::to_request(request, status);
        let tagged = request.to().is_ok_and(|to| to.tag().is_some());
        if !tagged && !status.is_provisional() {
            response.set_to_tag(&self.random.tag())?;
        }
        response
            .headers_mut()
            .push(HeaderName::Server, &self.config.user_agent)?;
        if status == StatusCode::METHOD_NOT_ALLOWED || request.method() == Method::Options {
            response
                .headers_mut()
                .push(HeaderName::Allow, headers::ALLOW)?;
        }
        Ok(response)
    }

    /// Gives a response to its transaction; one that is gone or cannot be written is let go.
    pub(crate) fn respond(
        &mut self,
        transaction: TransactionId,
        mut response: OutgoingResponse,
    ) -> bool {
        // Made of digits, and headers that were looked at: they can be written.
        let _ = self.identifiers.put(HeaderName::To, response.headers_mut());
        let _ = headers::put_extra(response.headers_mut(), &self.config.extra_headers);
        self.transactions
            .respond(self.now, &mut self.timers, transaction, response)
            .is_ok()
    }
}

/// Who answers challenges.
fn answering(config: &Config) -> Option<AuthStore> {
    let secret = config.secret.clone()?;
    Some(AuthStore::new(config.authorization_user(), secret))
}
