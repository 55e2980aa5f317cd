//! The peer's re-INVITE or UPDATE (RFC 3261 section 14.2, RFC 3311 section 5.2).

use offhook_sip::{
    HeaderName, Method, NameAddr, OutgoingResponse, Request, StatusCode, WriteError,
};

use super::established::{Handshake, Unacknowledged};
use super::hold::is_hold;
use super::outgoing::Outgoing;
use super::reoffer::Exchange;
use super::{Received, Session, State, sdp_of};
use crate::ask::{AskId, Question, Reply};
use crate::context::Context;
use crate::event::SessionEvent;
use crate::headers;
use crate::media::SdpKind;
use crate::offer_answer::Outcome;
use crate::transaction::TransactionId;

/// What a request of the peer runs into.
enum Collision {
    /// Our own exchange: 491.
    Ours,
    /// An earlier request of the peer that is not answered: 500 with Retry-After.
    Theirs,
}

impl Session {
    pub(super) fn reoffered(&mut self, cx: &mut Context, received: Received) {
        let Received {
            transaction,
            request,
        } = &received;
        if let Some(collision) = self.collision(request) {
            return self.refuse_collision(cx, &received, collision);
        }
        if !request.body().is_empty() && sdp_of(request, cx).is_none() {
            return cx.refuse_type(*transaction, request, headers::APPLICATION_SDP);
        }
        if self.refuse_small_interval(cx, &received) {
            return;
        }
        let question = match request.method() {
            Method::Update => Question::Update {
                request: request.clone(),
            },
            _ => Question::Reinvite {
                request: request.clone(),
            },
        };
        let ask = cx.ask(self.id, question);
        if refreshes(request) {
            self.refresh = Some((received, ask));
            return;
        }
        // Our own offer, waiting after a collision, waits on.
        if let Exchange::Waiting(reoffer) = self.take_exchange() {
            self.later = Some(reoffer);
        }
        self.set_exchange(Exchange::Asking(received, ask));
    }

    /// What a request runs into (RFC 3261 section 14.2, RFC 3311 section 5.2).
    fn collision(&self, request: &Request) -> Option<Collision> {
        if refreshes(request) {
            return self.refresh_collision();
        }
        let invite = request.method() == Method::Invite;
        let offers = !request.body().is_empty();
        match &self.exchange {
            Exchange::Offering(_) | Exchange::Offered(_) | Exchange::Concluding(_) => {
                return Some(Collision::Ours);
            }
            Exchange::Asking(..) | Exchange::Answering(_) => return Some(Collision::Theirs),
            Exchange::Idle | Exchange::Waiting(_) => {}
        }
        let stable = self.media.negotiation.is_stable();
        match &self.state {
            State::Established(established) => match (&established.handshake, invite) {
                (Handshake::Answering(_), _) => Some(Collision::Ours),
                // Its ACK will come first, or never.
                (Handshake::Unacknowledged(_), true) => Some(Collision::Theirs),
                (Handshake::Unacknowledged(_), false)
                    if offers && self.media.negotiation.awaits_answer() =>
                {
                    Some(Collision::Ours)
                }
                _ => None,
            },
            // The INVITE that is not answered is the peer's.
            State::Incoming(_) if invite => Some(Collision::Theirs),
            State::Incoming(incoming) if offers => {
                let answered = incoming.offered().provisionals.is_answered();
                (!answered || !stable).then_some(Collision::Theirs)
            }
            State::Incoming(_) => None,
            State::Outgoing(Outgoing::Proceeding(..)) if offers && !invite => {
                let fork = request.from().ok();
                let fork = fork.as_ref().and_then(NameAddr::tag);
                let answered = fork.is_some() && self.media.answered_by.as_deref() == fork;
                (!answered || !stable).then_some(Collision::Ours)
            }
            State::Outgoing(Outgoing::Proceeding(..)) if !invite => None,
            State::Outgoing(_) | State::Closing(_) | State::Closed => Some(Collision::Ours),
        }
    }

    fn refuse_collision(
        &mut self,
        cx: &mut Context,
        Received {
            transaction,
            request,
        }: &Received,
        collision: Collision,
    ) {
        let status = match collision {
            Collision::Ours => StatusCode::REQUEST_PENDING,
            Collision::Theirs => StatusCode::SERVER_INTERNAL_ERROR,
        };
        if let (Collision::Ours, Some(dialog)) = (&collision, self.dialog_mut()) {
            dialog.forgive_sequence(request);
        }
        let pause = cx.random.below(11);
        if let Ok(mut response) = cx.response(request, status) {
            if matches!(collision, Collision::Theirs) {
                // Without the hint the answer is right all the same.
                let _ = response.headers_mut().push(HeaderName::RetryAfter, pause);
            }
            cx.respond(*transaction, response);
        }
    }

    /// What the peer's UPDATE without an offer runs into: nothing but another one, and a session
    /// that has no dialog for it.
    fn refresh_collision(&self) -> Option<Collision> {
        match &self.state {
            _ if self.refresh.is_some() => Some(Collision::Theirs),
            State::Established(_)
            | State::Incoming(_)
            | State::Outgoing(Outgoing::Proceeding(..)) => None,
            State::Outgoing(_) | State::Closing(_) | State::Closed => Some(Collision::Ours),
        }
    }

    /// Whether the application considers an offer of the peer.
    pub(super) fn considers_offer(&self) -> bool {
        matches!(self.exchange, Exchange::Asking(..))
    }

    /// Takes the peer's request that this question is about, if it is about one.
    pub(super) fn take_asked(&mut self, ask: AskId) -> Option<Received> {
        if let Some((received, _)) = self.refresh.take_if(|(_, asked)| *asked == ask) {
            return Some(received);
        }
        match self.take_exchange() {
            Exchange::Asking(received, asked) if asked == ask => Some(received),
            other => {
                self.set_exchange(other);
                None
            }
        }
    }

    /// The application lets the peer's request through, or refuses it.
    pub(super) fn exchange_replied(&mut self, cx: &mut Context, received: Received, reply: Reply) {
        if let Reply::Reject {
            status,
            reason,
            extra_headers,
            body,
        } = reply
        {
            self.resume_later();
            let reason = reason.as_deref();
            cx.reject(&received, status, reason, &extra_headers, body);
            return;
        }
        match sdp_of(&received.request, cx).map(str::to_owned) {
            Some(sdp) => {
                self.set_exchange(Exchange::Answering(received));
                self.media
                    .negotiation
                    .apply(cx, self.id, SdpKind::Offer, &sdp);
            }
            None if received.request.method() == Method::Invite => {
                self.set_exchange(Exchange::Answering(received));
                // Who asks for an offer is to get all there is (RFC 3261 section 14.2); the answer
                // says whether it holds.
                self.held_before = Some(self.on_hold.remote);
                self.set_remote_hold(cx, false);
                self.media.negotiation.offer(cx, self.id, false);
            }
            // An UPDATE without an offer refreshes the target and the session.
            None => self.accept_exchange(cx, received, None),
        }
    }

    /// Goes on with the answer to the peer's request.
    pub(super) fn answer_exchange(
        &mut self,
        cx: &mut Context,
        received: Received,
        outcome: Outcome,
    ) {
        match outcome {
            Outcome::OfferApplied => {
                let held = sdp_of(&received.request, cx).is_some_and(is_hold);
                self.set_exchange(Exchange::Answering(received));
                self.held_before = Some(self.on_hold.remote);
                self.set_remote_hold(cx, held);
                self.media.negotiation.answer(cx, self.id);
            }
            Outcome::AnswerReady(sdp) | Outcome::OfferReady(sdp) => {
                self.accept_exchange(cx, received, Some(sdp))
            }
            Outcome::Failed(step, error) => {
                self.set_exchange(Exchange::Answering(received));
                self.exchange_media_failed(cx, step, error);
                self.resume_later();
            }
            Outcome::AnswerApplied(_) => self.set_exchange(Exchange::Answering(received)),
        }
    }

    /// Answers the peer's request with a 200.
    fn accept_exchange(&mut self, cx: &mut Context, received: Received, sdp: Option<String>) {
        let Received {
            transaction,
            request,
        } = received;
        if sdp.is_some() {
            self.note_update();
        }
        let Ok(response) = self.exchange_response(cx, &request, sdp) else {
            self.restore_remote_hold(cx);
            self.resume_later();
            return cx.answer(transaction, &request, StatusCode::SERVER_INTERNAL_ERROR);
        };
        if let Some(dialog) = self.dialog_of(&request) {
            dialog.refresh_target(&request);
        }
        self.note_allowed(&request);
        self.note_identity(cx, &request);
        cx.respond(transaction, response.clone());
        if !self.media.negotiation.awaits_answer() {
            self.held_before = None;
        }
        let method = request.method();
        if method == Method::Invite {
            let sequence = request.cseq().map_or(0, |cseq| cseq.number);
            let interval = cx.config.timings.t1;
            self.await_ack(
                cx,
                Unacknowledged {
                    transaction,
                    sequence,
                    response,
                    interval,
                },
            );
        }
        self.resume_later();
        cx.tell(self.id, SessionEvent::Reoffered { request });
    }

    fn exchange_response(
        &mut self,
        cx: &mut Context,
        request: &Request,
        sdp: Option<String>,
    ) -> Result<OutgoingResponse, WriteError> {
        let flow = self.dialog_mut().map(|dialog| dialog.flow());
        let mut response = cx.response(request, StatusCode::OK)?;
        if let Some(flow) = flow {
            cx.put_contact(response.headers_mut(), flow)?;
        }
        response
            .headers_mut()
            .push(HeaderName::Allow, headers::ALLOW)?;
        // The interval of a session begins with the session.
        if matches!(self.state, State::Established(_)) {
            self.answer_timer(cx, request, response.headers_mut())?;
        }
        self.trickle.put_answer(response.headers_mut(), request)?;
        if let Some(sdp) = sdp {
            response.set_body(headers::APPLICATION_SDP, sdp)?;
        }
        Ok(response)
    }

    /// The peer's offer is not answered after all: who is on hold is as it was before.
    pub(super) fn restore_remote_hold(&mut self, cx: &mut Context) {
        if let Some(held) = self.held_before.take() {
            self.set_remote_hold(cx, held);
        }
    }

    /// The peer takes its re-INVITE back (RFC 3261 section 9.2).
    pub(crate) fn reinvite_cancelled(&mut self, cx: &mut Context, invite: TransactionId) {
        match self.take_exchange() {
            Exchange::Asking(received, _) | Exchange::Answering(received)
                if received.transaction == invite =>
            {
                self.media.negotiation.roll_back(cx, self.id);
                self.restore_remote_hold(cx);
                self.resume_later();
                let status = StatusCode::REQUEST_TERMINATED;
                cx.answer(received.transaction, &received.request, status);
            }
            other => self.set_exchange(other),
        }
    }

    /// Our own offer, put off by a collision, waits again for its time.
    fn resume_later(&mut self) {
        if matches!(self.exchange, Exchange::Idle)
            && let Some(reoffer) = self.later.take()
        {
            self.exchange = Exchange::Waiting(reoffer);
        }
    }
}

/// Whether a request is an UPDATE without an offer.
fn refreshes(request: &Request) -> bool {
    request.method() == Method::Update && request.body().is_empty()
}
