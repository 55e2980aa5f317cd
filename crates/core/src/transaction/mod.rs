//! The four transactions of SIP (RFC 3261, 17; RFC 6026) and the tables that hold them.
//!
//! A machine has a file of its own ([`client_invite`], [`client`], [`server_invite`], [`server`]);
//! [`Transactions`] finds the one a message or timer belongs to.

mod client;
mod client_invite;
mod clients;
mod context;
mod event;
mod flows;
mod key;
mod origin;
mod server;
mod server_invite;
mod servers;
mod timings;
mod via;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::hash::Hash;
use std::net::SocketAddr;

use bytes::Bytes;
use offhook_sip::{HeaderName, Method, OutgoingRequest, OutgoingResponse, Request, Response};

use self::clients::Clients;
use self::context::Timers;
use self::servers::Servers;
use crate::flow::{FlowId, Transport};
use crate::map::{Map, Number};
use crate::names::Key;
use crate::time::Instant;
use crate::timer::TimerQueue;

pub use self::event::{
    Hop, NoSuchTransaction, Received, RespondError, SendError, TransactionEvent,
};
pub use self::timings::{AutoTrying, TimerName, TransactionTimer, TransactionTimings};

/// The name of a transaction, given once and never again.
#[derive(Copy, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TransactionId(u64);

impl Number for TransactionId {
    fn number(&self) -> u64 {
        self.0
    }
}

impl Key for TransactionId {
    fn key(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.0.to_be_bytes().into())
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "transaction {}", self.0)
    }
}

/// The transaction layer of a user agent or of a stateful proxy.
///
/// It is fed with requests to send, responses to give, messages that came, timers that are due and
/// flows that were lost; after each, [`poll`](Transactions::poll) it until it has nothing to say.
/// The timers stand in a queue of the caller, under any key that can be made from a
/// [`TransactionTimer`]; [`handle_timeout`](Transactions::handle_timeout) takes those that are due.
///
/// What it does not do: it merges no requests (RFC 3261, 8.2.2.2), checks no mandatory header
/// fields ([`Request::validate`]), sends no ACK for a 2xx by itself and retransmits no 2xx. Those
/// are its owner's, as RFC 3261 and RFC 6026 have it.
///
/// # Example
///
/// ```
/// use offhook_core::{
///     FlowId, Hop, Instant, TimerQueue, TransactionEvent, TransactionTimer, TransactionTimings,
///     Transactions, Transport,
/// };
/// use offhook_sip::{Method, OutgoingRequest, Uri};
///
/// let mut transactions = Transactions::new(TransactionTimings::default());
/// let mut timers: TimerQueue<TransactionTimer> = TimerQueue::new();
/// let hop = Hop { flow: FlowId(1), transport: Transport::Udp, sent_by: "192.0.2.1".into() };
///
/// let mut options = OutgoingRequest::new(Method::Options, &Uri::parse("sip:example.com")?);
/// options.headers_mut().push("CSeq", "1 OPTIONS")?;
/// let id =
///     transactions.request(Instant::ZERO, &mut timers, options, &hop, "z9hG4bK77ef4c2312983")?;
///
/// let Some(TransactionEvent::Send { bytes, .. }) = transactions.poll() else { panic!() };
/// assert!(bytes.starts_with(b"OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;"));
///
/// // Nobody answers: half a second later it is sent again.
/// let now = timers.next().unwrap();
/// assert_eq!(now.as_micros(), 500_000);
/// while let Some(timer) = timers.expire(now) {
///     transactions.handle_timeout(now, &mut timers, timer);
/// }
/// assert!(matches!(transactions.poll(), Some(TransactionEvent::Send { .. })));
/// # let _ = id;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Transactions {
    clients: Clients,
    servers: Servers,
    shared: Shared,
}

/// What both tables use.
#[derive(Debug)]
struct Shared {
    timings: TransactionTimings,
    auto_trying: AutoTrying,
    outlive_flows: bool,
    limit: usize,
    last_id: u64,
    events: VecDeque<TransactionEvent>,
    /// Where the messages of a flow come from, for those flows that were named.
    remotes: Map<FlowId, SocketAddr>,
    /// The key that is looked up: kept, so that a look-up allocates nothing.
    key: String,
}

/// What one input is handled with: the moment, and what belongs to the owner and to both tables.
struct Turn<'a> {
    now: Instant,
    timers: &'a mut dyn Timers,
    shared: &'a mut Shared,
}

impl Shared {
    fn next_id(&mut self) -> TransactionId {
        self.last_id += 1;
        TransactionId(self.last_id)
    }
}

impl Hop {
    fn via(&self, branch: &str) -> String {
        format!(
            "SIP/2.0/{} {};branch={branch};rport",
            self.transport, self.sent_by
        )
    }
}

impl Transactions {
    /// How many transactions of each side may be live unless told otherwise: 65,536.
    pub const DEFAULT_LIMIT: usize = 65_536;

    /// An empty layer whose timers are computed from `timings`.
    pub fn new(timings: TransactionTimings) -> Self {
        Transactions {
            clients: Clients::default(),
            servers: Servers::default(),
            shared: Shared {
                timings,
                auto_trying: AutoTrying::default(),
                outlive_flows: false,
                limit: Self::DEFAULT_LIMIT,
                last_id: 0,
                events: VecDeque::new(),
                remotes: Map::new(),
                key: String::new(),
            },
        }
    }

    /// Lets at most `max` server transactions live, and as many client transactions.
    ///
    /// Beyond it a request that comes is answered 503 without a transaction, and a request to send
    /// is refused with [`SendError::TooMany`]. A CANCEL always finds room beside its INVITE.
    #[must_use]
    pub fn with_limit(mut self, max: usize) -> Self {
        self.shared.limit = max;
        self
    }

    /// Says when an INVITE is answered `100 Trying` by itself; [`AutoTrying::AtOnce`] unless told
    /// otherwise.
    #[must_use]
    pub fn with_auto_trying(mut self, auto_trying: AutoTrying) -> Self {
        self.shared.auto_trying = auto_trying;
        self
    }

    /// Lets a client INVITE that has a provisional response outlive its flow: its final response
    /// may come over the flow that replaces it (RFC 5626, 4.5). Its owner bounds the wait. A user
    /// agent wants this; a proxy, which tries another branch, does not.
    #[must_use]
    pub fn outliving_flows(mut self) -> Self {
        self.shared.outlive_flows = true;
        self
    }

    /// The intervals it was made with.
    pub fn timings(&self) -> &TransactionTimings {
        &self.shared.timings
    }

    /// Tells the address at the other end of a flow; an unspecified one tells nothing.
    ///
    /// From then on every response on that flow has `received` and `rport` in its top Via as
    /// RFC 3261, 18.2.1 and RFC 3581, 4 ask of a server. Forgotten with the flow.
    pub fn set_remote(&mut self, flow: FlowId, remote: SocketAddr) {
        if !remote.ip().is_unspecified() {
            self.shared.remotes.insert(flow, remote);
        }
    }

    /// Sends `request` in a new client transaction.
    ///
    /// The request has the Via of those it came from, if any, but none of ours: a top Via
    /// `SIP/2.0/{transport} {sent_by};branch={branch};rport` is put on it. `branch` must be unique
    /// and start with `z9hG4bK` (RFC 3261, 8.1.1.7).
    ///
    /// Timer B ends an INVITE only while no provisional response came; afterwards its owner bounds
    /// the wait with [`cancel`](Transactions::cancel), a proxy with timer C.
    ///
    /// # Errors
    ///
    /// An ACK is refused ([`send_ack`](Transactions::send_ack) is for it), as is a request without
    /// what its transaction needs (an INVITE: From, To, Call-ID, CSeq), a branch in use, and one
    /// transaction more than the limit.
    pub fn request<K: From<TransactionTimer> + Copy + Eq + Hash + Ord>(
        &mut self,
        now: Instant,
        timers: &mut TimerQueue<K>,
        request: OutgoingRequest,
        hop: &Hop,
        branch: &str,
    ) -> Result<TransactionId, SendError> {
        self.clients.start(
            &mut Turn {
                now,
                timers,
                shared: &mut self.shared,
            },
            request,
            hop,
            branch,
        )
    }

    /// Sends an ACK for a 2xx, which has no transaction: as the owner of the INVITE (RFC 3261,
    /// 13.2.2.4), or forwarding it as a proxy.
    ///
    /// Returns what was sent, for the next time the 2xx comes. The top Via is put on it as
    /// [`request`](Transactions::request) does.
    ///
    /// # Errors
    ///
    /// Any other method is refused, and what cannot be written.
    pub fn send_ack(
        &mut self,
        mut ack: OutgoingRequest,
        hop: &Hop,
        branch: &str,
    ) -> Result<Bytes, SendError> {
        if ack.method() != Method::Ack {
            return Err(SendError::NotAnAck(ack.method().as_str().to_owned()));
        }
        ack.headers_mut()
            .push_front(HeaderName::Via, hop.via(branch))?;
        let bytes = ack.write()?;
        let flow = hop.flow;
        self.shared.events.push_back(TransactionEvent::Send {
            flow,
            bytes: bytes.clone(),
        });
        Ok(bytes)
    }

    /// Cancels a client INVITE (RFC 3261, 9.1). `reason` is the value of a Reason header field
    /// (RFC 3326).
    ///
    /// The CANCEL goes out at once if a provisional response came, else with the first one, and
    /// never if a final response comes first. It goes out at most once. Its own transaction is not
    /// spoken of; what comes is the final response to the INVITE (487, or a 2xx that crossed it),
    /// or [`TransactionEvent::Timeout`] 64 × T1 after the CANCEL.
    ///
    /// # Errors
    ///
    /// If `invite` is no live client INVITE transaction.
    pub fn cancel<K: From<TransactionTimer> + Copy + Eq + Hash + Ord>(
        &mut self,
        now: Instant,
        timers: &mut TimerQueue<K>,
        invite: TransactionId,
        reason: Option<&str>,
    ) -> Result<(), NoSuchTransaction> {
        self.clients.cancel(
            &mut Turn {
                now,
                timers,
                shared: &mut self.shared,
            },
            invite,
            reason,
        )
    }

    /// Takes a response that came, on whichever flow; false if it belongs to no transaction.
    ///
    /// It belongs to one if the branch and sent-by of its top Via and the method of its CSeq are
    /// those of the request (RFC 3261, 17.1.3 and 18.1.2).
    pub fn receive_response<K: From<TransactionTimer> + Copy + Eq + Hash + Ord>(
        &mut self,
        now: Instant,
        timers: &mut TimerQueue<K>,
        response: Response,
        _flow: FlowId,
    ) -> bool {
        self.clients.response(
            &mut Turn {
                now,
                timers,
                shared: &mut self.shared,
            },
            response,
        )
    }

    /// Takes a request that came, and says what is to be done with it.
    ///
    /// It belongs to a transaction by the branch and sent-by of its top Via and its method, or, if
    /// the branch lacks the magic cookie, by what RFC 2543 offers (RFC 3261, 17.2.3).
    pub fn receive_request<K: From<TransactionTimer> + Copy + Eq + Hash + Ord>(
        &mut self,
        now: Instant,
        timers: &mut TimerQueue<K>,
        request: Request,
        flow: FlowId,
        transport: Transport,
    ) -> Received {
        self.servers.receive(
            &mut Turn {
                now,
                timers,
                shared: &mut self.shared,
            },
            request,
            flow,
            transport,
        )
    }

    /// The request of a server transaction, until its final response went out.
    pub fn request_of(&self, id: TransactionId) -> Option<&Request> {
        self.servers.request_of(id)
    }

    /// Answers a request that came. The response has the header fields of the request in it
    /// already ([`OutgoingResponse::to_request`]).
    ///
    /// After a 2xx to an INVITE, more 2xx may follow for 64 × T1: the same again until its ACK
    /// comes, or a proxy's from other branches (RFC 6026, 7.1).
    ///
    /// # Errors
    ///
    /// If the transaction is over, was answered already, or the response cannot be written.
    pub fn respond<K: From<TransactionTimer> + Copy + Eq + Hash + Ord>(
        &mut self,
        now: Instant,
        timers: &mut TimerQueue<K>,
        id: TransactionId,
        response: OutgoingResponse,
    ) -> Result<(), RespondError> {
        self.servers.respond(
            &mut Turn {
                now,
                timers,
                shared: &mut self.shared,
            },
            id,
            response,
        )
    }

    /// Leaves a request other than INVITE without an answer, and forgets it: one that would come
    /// too late is not sent (RFC 4320, 4.2). Should the request come again, it is a new one.
    pub fn give_up<K: From<TransactionTimer> + Copy + Eq + Hash + Ord>(
        &mut self,
        timers: &mut TimerQueue<K>,
        id: TransactionId,
    ) {
        self.servers.give_up(timers, id);
    }

    /// Says that a flow is gone.
    ///
    /// Client transactions on it that wait for a final response fail. Server transactions stay and
    /// keep their last answer for [`move_flow`](Transactions::move_flow).
    pub fn flow_lost<K: From<TransactionTimer> + Copy + Eq + Hash + Ord>(
        &mut self,
        now: Instant,
        timers: &mut TimerQueue<K>,
        flow: FlowId,
    ) {
        self.shared.remotes.remove(&flow);
        self.clients.flow_lost(
            &mut Turn {
                now,
                timers,
                shared: &mut self.shared,
            },
            flow,
        );
        self.servers.flow_lost(flow);
    }

    /// The flow that a client transaction goes over.
    pub fn flow_of(&self, id: TransactionId) -> Option<FlowId> {
        self.clients.flow_of(id)
    }

    /// Says that the flow `to` replaces the flow `from`: what is under way goes on over it, and what
    /// server transactions could not send in between goes out.
    pub fn move_flow(&mut self, from: FlowId, to: FlowId) {
        self.clients.move_flow(from, to);
        self.servers.move_flow(&mut self.shared, from, to);
    }

    /// Takes a timer that is due. One of a transaction that is over is ignored.
    pub fn handle_timeout<K: From<TransactionTimer> + Copy + Eq + Hash + Ord>(
        &mut self,
        now: Instant,
        timers: &mut TimerQueue<K>,
        timer: TransactionTimer,
    ) {
        if self.clients.contains(timer.id) {
            self.clients.timer(
                &mut Turn {
                    now,
                    timers,
                    shared: &mut self.shared,
                },
                timer,
            );
        } else {
            self.servers.timer(
                &mut Turn {
                    now,
                    timers,
                    shared: &mut self.shared,
                },
                timer,
            );
        }
    }

    /// The next thing the transactions have to say.
    pub fn poll(&mut self) -> Option<TransactionEvent> {
        self.shared.events.pop_front()
    }

    /// How many transactions are live.
    pub fn len(&self) -> usize {
        self.client_len() + self.server_len()
    }

    /// Whether no transaction is live.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many client transactions are live, those of CANCEL included.
    pub fn client_len(&self) -> usize {
        self.clients.len()
    }

    /// How many server transactions are live.
    pub fn server_len(&self) -> usize {
        self.servers.len()
    }
}
