//! Received responses, and what became of the requests they answer (RFC 3261 section 8.1.3).

use offhook_sip::{HeaderName, Method, Response, StatusCode};

use super::Agent;
use crate::context::{Context, Owner, Pending};
use crate::dialog::DialogId;
use crate::flow::FlowId;
use crate::session::{Answer, InDialog, Session, end_stray};
use crate::transaction::{TransactionEvent, TransactionId};

impl Agent {
    pub(super) fn response_received(&mut self, flow: FlowId, response: Response) {
        if response.validate().is_err() {
            self.counters.malformed += 1;
            return;
        }
        self.cx.identifiers.note(HeaderName::From, &response);
        let accepting = response.status().is_success()
            && response
                .cseq()
                .is_ok_and(|cseq| cseq.method == Method::Invite);
        let accepted = accepting.then(|| response.clone());
        let cx = &mut self.cx;
        let matched = cx
            .transactions
            .receive_response(cx.now, &mut cx.timers, response, flow);
        if !matched && !accepted.is_some_and(|accepted| self.accepted_late(&accepted)) {
            self.counters.unmatched_responses += 1;
        }
        self.drain_transactions();
    }

    /// A 2xx to a re-INVITE whose transaction ended with its flow wants its ACK all the same, or
    /// the peer ends the call; says whether it is one.
    fn accepted_late(&mut self, response: &Response) -> bool {
        let session = DialogId::of_response(response)
            .and_then(|id| self.cx.dialogs.get(&id))
            .and_then(|id| self.sessions.get_mut(&id));
        session.is_some_and(|session| session.acknowledge_late(&mut self.cx, response))
    }

    /// Carries what the transactions have to say to where it belongs.
    pub(super) fn drain_transactions(&mut self) {
        loop {
            while let Some(event) = self.cx.transactions.poll() {
                self.transaction_said(event);
            }
            let Some(errand) = self.cx.errands.pop_front() else {
                return;
            };
            self.run_errand(errand);
        }
    }

    fn transaction_said(&mut self, event: TransactionEvent) {
        match event {
            TransactionEvent::Send { flow, bytes } => self.cx.send(flow, bytes),
            TransactionEvent::Response { id, response } => self.responded(id, response),
            TransactionEvent::Timeout { id } => self.unanswered(id, Answer::Timeout),
            TransactionEvent::TransportFailed { id } => self.unanswered(id, Answer::Unsent),
            TransactionEvent::AckMissing { .. } => {}
            TransactionEvent::Terminated { id } => {
                if let Some(pending) = self.cx.pending.remove(&id)
                    && let Owner::Invite(session) = pending.owner
                    && let Some(session) = self.sessions.get_mut(&session)
                {
                    session.transaction_over(id);
                }
            }
        }
    }

    fn responded(&mut self, id: TransactionId, response: Response) {
        let status = response.status();
        let Some(pending) = self.cx.pending.get(&id) else {
            return;
        };
        let owner = pending.owner;
        let invite = pending.request.method() == Method::Invite;
        if matches!(
            status,
            StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED
        ) && self.challenged(id, &response)
        {
            return;
        }
        if status == StatusCode::SESSION_INTERVAL_TOO_SMALL && self.lengthened(id, &response) {
            return;
        }
        // One that is refused for a while says so.
        let lasting = response.header(HeaderName::RetryAfter).is_none();
        if status == StatusCode::SERVER_INTERNAL_ERROR && lasting && self.overtaken(id) {
            return;
        }
        if status.code() >= 300 && invite && self.redirected(id, &response) {
            return;
        }
        // An INVITE's request stays until its transaction ends: further 2xx are acknowledged with
        // its credentials.
        let keep = status.is_provisional() || (status.is_success() && invite);
        if !keep {
            self.cx.pending.remove(&id);
        }
        if status.is_provisional() && !matches!(owner, Owner::Invite(_)) {
            return;
        }
        self.answered(Some(id), owner, Answer::Response(response));
    }

    /// Answers a challenge; says whether the request goes on.
    fn challenged(&mut self, id: TransactionId, response: &Response) -> bool {
        let (Some(auth), Some(pending)) = (&mut self.cx.auth, self.cx.pending.get(&id)) else {
            return false;
        };
        let mut again = pending.clone();
        if auth.challenged(&mut again.attempt, response).is_err() {
            return false;
        }
        let sent = match again.owner {
            Owner::Registration => self.registration.retry(&mut self.cx, again),
            Owner::Invite(session) | Owner::InDialog(session, _) => self
                .sessions
                .get_mut(&session)
                .is_some_and(|session| session.retry(&mut self.cx, again)),
            Owner::Alone(_) => self.send_again(again),
            Owner::Subscribe(..) | Owner::Notify(_) => self.retry_subscription(again),
            Owner::KeepAlive(_) | Owner::Stray => false,
        };
        if sent {
            self.cx.pending.remove(&id);
        }
        sent
    }

    /// Asks again with the session interval that a 422 wants; says whether the request goes on.
    fn lengthened(&mut self, id: TransactionId, response: &Response) -> bool {
        self.sent_again(id, &|session, cx, again| {
            session.lengthened(cx, again, response)
        })
    }

    /// Sends a request that a later one has overtaken again; says whether it was overtaken.
    fn overtaken(&mut self, id: TransactionId) -> bool {
        self.sent_again(id, &Session::overtaken)
    }

    /// Tries the next address that a 3xx has named; says whether there was one.
    fn redirected(&mut self, id: TransactionId, response: &Response) -> bool {
        self.sent_again(id, &|session, cx, again| {
            session.redirected(cx, again, response)
        })
    }

    /// Lets a session send a copy of its request again; says whether it did.
    fn sent_again(
        &mut self,
        id: TransactionId,
        send: &dyn Fn(&mut Session, &mut Context, Pending) -> bool,
    ) -> bool {
        let Some(pending) = self.cx.pending.get(&id) else {
            return false;
        };
        let (Owner::Invite(session) | Owner::InDialog(session, _)) = pending.owner else {
            return false;
        };
        let again = pending.clone();
        let sent = self
            .sessions
            .get_mut(&session)
            .is_some_and(|session| send(session, &mut self.cx, again));
        if sent {
            self.cx.pending.remove(&id);
        }
        sent
    }

    fn unanswered(&mut self, id: TransactionId, answer: Answer) {
        let Some(pending) = self.cx.pending.remove(&id) else {
            return;
        };
        let owner = pending.owner;
        if matches!(answer, Answer::Unsent)
            && !self.cx.connection.is_idle()
            && self.sent_later(pending)
        {
            return;
        }
        self.answered(Some(id), owner, answer);
    }

    /// A request whose flow broke goes out again when the connection is back; says whether it will.
    fn sent_later(&mut self, pending: Pending) -> bool {
        match pending.owner {
            Owner::Invite(session) => self
                .sessions
                .get_mut(&session)
                .is_some_and(|session| session.invite_unsent(&mut self.cx, pending)),
            Owner::InDialog(session, kind) if kind.may_be_repeated() => self
                .sessions
                .get_mut(&session)
                .filter(|session| kind.outlives_session() || !session.is_ended())
                .is_some_and(|session| session.retry(&mut self.cx, pending)),
            // An OPTIONS may be asked twice; a message is not to be read twice.
            Owner::Alone(_) if pending.request.method() == Method::Options => {
                self.send_again(pending)
            }
            Owner::Subscribe(..) | Owner::Notify(_) => self.retry_subscription(pending),
            Owner::InDialog(..)
            | Owner::Alone(_)
            | Owner::Registration
            | Owner::KeepAlive(_)
            | Owner::Stray => false,
        }
    }

    pub(super) fn answered(&mut self, id: Option<TransactionId>, owner: Owner, answer: Answer) {
        match owner {
            Owner::Registration => self.registration.answered(&mut self.cx, answer),
            Owner::Invite(session) => match (self.sessions.get_mut(&session), id, answer) {
                (Some(session), Some(id), answer) => {
                    session.invite_answered(&mut self.cx, id, answer);
                    session.tell_ready(&mut self.cx);
                }
                (Some(session), None, _) => session.invite_unsendable(&mut self.cx),
                (None, Some(id), Answer::Response(response)) if response.status().is_success() => {
                    end_stray(&mut self.cx, id, &response);
                }
                _ => {}
            },
            Owner::InDialog(session, kind) => {
                match (self.sessions.get_mut(&session), kind) {
                    (Some(session), kind) => {
                        session.in_dialog_answered(&mut self.cx, id, kind, answer);
                        session.tell_ready(&mut self.cx);
                    }
                    // Told, even though its session is gone.
                    (None, InDialog::Alone(request)) => self.cx.request_over(request, answer),
                    (None, _) => {}
                }
            }
            Owner::Alone(request) => self.cx.request_over(request, answer),
            Owner::KeepAlive(flow) => self.keep_alive_answered(flow, &answer),
            Owner::Subscribe(id, round) => self.subscribe_answered(id, round, answer),
            Owner::Notify(id) => self.notify_answered(id, &answer),
            Owner::Stray => {}
        }
    }
}
