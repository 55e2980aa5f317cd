//! The peer's re-INVITE or UPDATE (RFC 3261 section 14.2, RFC 3311 section 5.2).

use offhook_sip::{HeaderName, Method, OutgoingResponse, StatusCode, WriteError};

use super::established::{Handshake, Unacknowledged};
use super::hold::is_hold;
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
        if let Some(collision) = self.collision(
            request.method() == Method::Invite,
            !request.body().is_empty(),
        ) {
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
        let waiting = self.take_exchange();
        if let (Exchange::Waiting(reoffer), State::Established(established)) =
            (waiting, &mut self.state)
        {
            established.later = Some(reoffer);
        }
        self.set_exchange(Exchange::Asking(received, ask));
    }

    fn collision(&self, invite: bool, offers: bool) -> Option<Collision> {
        let State::Established(established) = &self.state else {
            return Some(Collision::Ours);
        };
        match &established.exchange {
            Exchange::Offering(_) | Exchange::Offered(_) | Exchange::Concluding(_)
                if invite || offers =>
            {
                Some(Collision::Ours)
            }
            Exchange::Asking(..) | Exchange::Answering(_) => Some(Collision::Theirs),
            _ if matches!(established.handshake, Handshake::Answering(_)) => Some(Collision::Ours),
            _ => match (&established.handshake, invite) {
                // Its ACK will come first, or never.
                (Handshake::Unacknowledged(_), true) => Some(Collision::Theirs),
                (Handshake::Unacknowledged(_), false)
                    if offers && self.media.negotiation.awaits_answer() =>
                {
                    Some(Collision::Ours)
                }
                _ => None,
            },
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
        match &self.state {
            State::Established(established) => match &established.exchange {
                Exchange::Asking(_, ask) => Some(*ask),
                _ => None,
            },
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
        let Ok(response) = self.exchange_response(cx, &request, sdp) else {
            self.resume_later();
            return cx.answer(transaction, &request, StatusCode::SERVER_INTERNAL_ERROR);
        };
        if let Some(dialog) = self.dialog_mut() {
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
        request: &offhook_sip::Request,
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
        self.answer_timer(cx, request, response.headers_mut())?;
        self.trickle.put_answer(response.headers_mut(), request)?;
        if let Some(sdp) = sdp {
            response.set_body(headers::APPLICATION_SDP, sdp)?;
        }
        Ok(response)
    }

    /// Our own offer, put off by a collision, waits again for its time.
    fn resume_later(&mut self) {
        if let State::Established(established) = &mut self.state
            && matches!(established.exchange, Exchange::Idle)
            && let Some(reoffer) = established.later.take()
        {
            established.exchange = Exchange::Waiting(reoffer);
        }
    }
}
