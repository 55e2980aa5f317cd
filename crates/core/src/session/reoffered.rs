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
            return cx.answer(*transaction, request, StatusCode::UNSUPPORTED_MEDIA_TYPE);
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
        // Our own offer, waiting after a collision, waits on.
        if let Exchange::Waiting(reoffer) = self.take_exchange() {
            self.later = Some(reoffer);
        }
        self.set_exchange(Exchange::Asking(received, ask));
    }

    /// What a request runs into (RFC 3261 section 14.2, RFC 3311 section 5.2).
    fn collision(&self, request: &Request) -> Option<Collision> {
        let invite = request.method() == Method::Invite;
        let offers = !request.body().is_empty();
        match &self.exchange {
            Exchange::Offering(_) | Exchange::Offered(_) | Exchange::Concluding(_)
                if invite || offers =>
            {
                return Some(Collision::Ours);
            }
            Exchange::Asking(..) | Exchange::Answering(_) => return Some(Collision::Theirs),
            _ => {}
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

    /// The question that the application has about the peer's request, if there is one.
    pub(super) fn exchange_asked(&self) -> Option<AskId> {
        match &self.exchange {
            Exchange::Asking(_, ask) => Some(*ask),
            _ => None,
        }
    }

    /// The application lets the peer's request through, or refuses it.
    pub(super) fn exchange_replied(&mut self, cx: &mut Context, reply: Reply) {
        let received = match self.take_exchange() {
            Exchange::Asking(received, _) => received,
            other => return self.set_exchange(other),
        };
        if let Reply::Reject {
            status,
            reason,
            extra_headers,
        } = reply
        {
            self.resume_later();
            let response = cx
                .response(&received.request, status)
                .and_then(|mut response| {
                    if let Some(reason) = &reason {
                        response.set_reason(reason)?;
                    }
                    headers::put_extra(response.headers_mut(), &extra_headers)?;
                    Ok(response)
                });
            match response {
                Ok(response) => {
                    cx.respond(received.transaction, response);
                }
                Err(_) => cx.answer(
                    received.transaction,
                    &received.request,
                    StatusCode::FORBIDDEN,
                ),
            }
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
            self.resume_later();
            return cx.answer(transaction, &request, StatusCode::SERVER_INTERNAL_ERROR);
        };
        if let Some(dialog) = self.dialog_of(&request) {
            dialog.refresh_target(&request);
        }
        self.note_allowed(&request);
        self.note_identity(cx, &request);
        cx.respond(transaction, response.clone());
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

    /// Our own offer, put off by a collision, waits again for its time.
    fn resume_later(&mut self) {
        if matches!(self.exchange, Exchange::Idle)
            && let Some(reoffer) = self.later.take()
        {
            self.exchange = Exchange::Waiting(reoffer);
        }
    }
}
