//! `renegotiate()` and every other new offer of ours inside a session: a re-INVITE or UPDATE
//! (RFC 3261 section 14.1, RFC 3311). One that is refused leaves the session as it was.

use std::time::Duration;

use offhook_sip::{HeaderName, Method, OutgoingRequest, Response, RetryAfter, StatusCode};

use super::established::{Handshake, Unacknowledged};
use super::proceeding::acknowledge;
use super::updates::{Updates, is_unknown_method};
use super::{Answer, Direction, InDialog, Received, Session, SessionTimer, State, TRICKLE, sdp_of};
use crate::ask::AskId;
use crate::cause::Cause;
use crate::context::{Context, Timer, Unsent};
use crate::error::CommandError;
use crate::event::SessionEvent;
use crate::headers;
use crate::media::{MediaRequest, MediaStep, SdpKind};
use crate::offer_answer::Outcome;
use crate::options::ExtraHeaders;
use crate::request::RequestFailure;
use crate::transaction::TransactionId;

/// Options of a renegotiation.
#[derive(Clone, Debug, Default)]
pub struct ReofferOptions {
    /// UPDATE instead of re-INVITE; where the peer has an Allow header without UPDATE, or refuses
    /// the UPDATE as unknown (405, 501), it is a re-INVITE all the same.
    pub use_update: bool,
    /// Headers added to the request.
    pub extra_headers: ExtraHeaders,
    /// Whether the offer carries new ICE credentials (`iceRestart`).
    pub ice_restart: bool,
}

/// How soon an offer whose turn has not come looks again.
const AGAIN: Duration = Duration::from_millis(100);

/// How soon an ICE restart that was refused is tried again.
const RESTART_AGAIN: Duration = Duration::from_secs(2);

/// How often an offer is made anew for which the peer had no time.
const TRIES: u8 = 3;

/// The longest that an offer waits for a peer without time (RFC 3261 section 14.2: up to ten
/// seconds).
const LONGEST_WAIT: u32 = 10;

/// What a new offer is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    Hold,
    Unhold,
    Renegotiate,
    /// To keep the session alive; nobody is told.
    Refresh,
    /// To find media a new way; nobody is told.
    Restart,
}

/// A new offer of ours.
#[derive(Clone, Debug)]
pub(crate) struct Reoffer {
    pub(super) id: u32,
    purpose: Purpose,
    options: ReofferOptions,
    /// How often it may be made anew for a peer without time.
    tries: u8,
    /// The offer that is out in an UPDATE, for a re-INVITE where the peer does not know UPDATE.
    tried: Option<String>,
}

/// How long a peer asks to wait before the same offer is made again.
fn asks_to_wait(response: &Response) -> Option<Duration> {
    let after = response.typed::<RetryAfter<'_>>().ok().flatten()?;
    (response.status() == StatusCode::SERVER_INTERNAL_ERROR && after.seconds <= LONGEST_WAIT)
        .then(|| Duration::from_secs(u64::from(after.seconds)))
}

/// The exchange of descriptions that is under way, after the one that the INVITE began.
#[derive(Debug, Default)]
pub(crate) enum Exchange {
    /// None.
    #[default]
    Idle,
    /// Our offer is being made.
    Offering(Reoffer),
    /// Our offer is out.
    Offered(Reoffer),
    /// The peer's answer to it is being applied.
    Concluding(Reoffer),
    /// Our offer met the peer's (491), and is made anew when its time comes.
    Waiting(Reoffer),
    /// The application may refuse the peer's request.
    Asking(Received, AskId),
    /// The peer's request is being answered: with our answer, or where it brought no offer with
    /// ours.
    Answering(Received),
}

impl Exchange {
    /// Whether a description is made or applied for its sake, or its answer awaited.
    pub(super) fn negotiates(&self) -> bool {
        !matches!(self, Self::Idle | Self::Waiting(_) | Self::Asking(..))
    }
}

impl Session {
    pub(crate) fn renegotiate(
        &mut self,
        cx: &mut Context,
        options: ReofferOptions,
    ) -> Result<u32, CommandError> {
        if !self.is_ready_to_reoffer() {
            return Err(self.invalid_state("renegotiate"));
        }
        self.reoffer(cx, Purpose::Renegotiate, options)
    }

    pub(super) fn reoffer(
        &mut self,
        cx: &mut Context,
        purpose: Purpose,
        options: ReofferOptions,
    ) -> Result<u32, CommandError> {
        headers::check(&options.extra_headers)?;
        let id = self.next_reoffer;
        self.next_reoffer += 1;
        self.start_reoffer(
            cx,
            Reoffer {
                id,
                purpose,
                options,
                tries: TRIES,
                tried: None,
            },
        );
        Ok(id)
    }

    fn start_reoffer(&mut self, cx: &mut Context, reoffer: Reoffer) {
        match reoffer.purpose {
            Purpose::Hold => self.set_local_hold(cx, true),
            Purpose::Unhold => self.set_local_hold(cx, false),
            Purpose::Renegotiate | Purpose::Refresh | Purpose::Restart => {}
        }
        let ice_restart = reoffer.options.ice_restart;
        self.set_exchange(Exchange::Offering(reoffer));
        self.media.negotiation.offer(cx, self.id, ice_restart);
    }

    pub(super) fn set_exchange(&mut self, exchange: Exchange) {
        self.exchange = exchange;
    }

    pub(super) fn take_exchange(&mut self) -> Exchange {
        std::mem::take(&mut self.exchange)
    }

    /// Our offer is ready: it goes out.
    pub(super) fn send_reoffer(&mut self, cx: &mut Context, mut reoffer: Reoffer, offer: String) {
        // Before the call is answered an UPDATE is the only way (RFC 3311 section 5.1).
        let early = !matches!(self.state, State::Established(_));
        let update = early || (reoffer.options.use_update && self.updates.may_be_tried());
        let (method, kind) = if update {
            (Method::Update, InDialog::Update)
        } else {
            (Method::Invite, InDialog::Reinvite)
        };
        reoffer.tried = (update && !early).then(|| offer.clone());
        let extra = reoffer.options.extra_headers.clone();
        let (timers, takes_info) = (self.timers, self.trickle.wanted);
        self.set_exchange(Exchange::Offered(reoffer));
        let sent = self.send_in_dialog(cx, kind, |dialog, cx| {
            let mut request = dialog.request(method)?;
            headers::put_extra(request.headers_mut(), &extra)?;
            timers.put_agreed(request.headers_mut())?;
            headers::put_identity(request.headers_mut(), &cx.config)?;
            if takes_info {
                request.headers_mut().push(HeaderName::RecvInfo, TRICKLE)?;
            }
            request.set_body(headers::APPLICATION_SDP, offer)?;
            Ok(request)
        });
        if let Err(Unsent::NoWay | Unsent::Refused) = sent {
            self.reoffer_failed(cx, Cause::ConnectionError, None);
        }
    }

    /// Our re-INVITE or UPDATE was answered, or never will be.
    pub(super) fn reoffer_answered(
        &mut self,
        cx: &mut Context,
        invite: Option<TransactionId>,
        answer: Answer,
    ) {
        let response = match answer {
            Answer::Response(response) => response,
            Answer::Timeout | Answer::Unsent => {
                let cause = if matches!(answer, Answer::Timeout) {
                    Cause::RequestTimeout
                } else {
                    Cause::ConnectionError
                };
                self.reoffer_failed(cx, cause, None);
                return self.check_dialog(cx, answer);
            }
        };
        let accepted = response.status().is_success();
        if accepted && let Some(transaction) = invite {
            self.acknowledge_reinvite(cx, transaction);
        }
        match self.take_exchange() {
            Exchange::Offered(reoffer) if accepted => self.conclude(cx, reoffer, &response),
            Exchange::Offered(reoffer) if response.status() == StatusCode::REQUEST_PENDING => {
                self.wait_for_turn(cx, reoffer);
            }
            Exchange::Offered(mut reoffer) => {
                if is_unknown_method(response.status())
                    && let Some(offer) = reoffer.tried.take()
                {
                    self.updates = Updates::Refused;
                    return self.send_reoffer(cx, reoffer, offer);
                }
                if let Some(pause) = asks_to_wait(&response).filter(|_| reoffer.tries > 0) {
                    return self.try_again_after(cx, reoffer, pause);
                }
                self.set_exchange(Exchange::Offered(reoffer));
                let cause = Cause::of_status(response.status());
                self.reoffer_failed(cx, cause, Some(response.clone()));
                self.check_dialog(cx, Answer::Response(response));
            }
            other => self.set_exchange(other),
        }
    }

    /// A 2xx to an earlier re-INVITE came again: its ACK was lost.
    pub(super) fn reinvite_accepted_again(
        &mut self,
        cx: &mut Context,
        reinvite: TransactionId,
        answer: &Answer,
    ) {
        if answer
            .response()
            .is_some_and(|response| response.status().is_success())
        {
            self.acknowledge_reinvite(cx, reinvite);
        }
    }

    /// Acknowledges a 2xx to a re-INVITE of ours that nothing else is known of any more; says
    /// whether there was one with its number.
    pub(crate) fn acknowledge_late(&mut self, cx: &mut Context, response: &Response) -> bool {
        let (State::Established(_), Ok(cseq)) = (&self.state, response.cseq()) else {
            return false;
        };
        let Some(dialog) = self.dialog_mut() else {
            return false;
        };
        if dialog.last_sequence() < cseq.number {
            return false;
        }
        let (dialog, ack) = (dialog.clone(), dialog.ack(cseq.number));
        // One that is lost is asked for again.
        ack.is_ok_and(|ack| cx.send_ack(&dialog, ack).is_ok())
    }

    /// Acknowledges a 2xx to our re-INVITE, the first and every further time.
    fn acknowledge_reinvite(&mut self, cx: &mut Context, transaction: TransactionId) {
        let ack = match self.dialog_mut() {
            Some(dialog) => acknowledge(cx, dialog, transaction).map(|ack| (dialog.clone(), ack)),
            None => return,
        };
        // Lost or not written, it is asked for again by the peer's 2xx.
        if let Ok((dialog, ack)) = ack {
            let _ = cx.send_ack(&dialog, ack);
        }
    }

    /// The peer took our offer: its answer is applied.
    fn conclude(&mut self, cx: &mut Context, reoffer: Reoffer, response: &Response) {
        if let Some(dialog) = self.dialog_mut() {
            dialog.refresh_target(response);
        }
        self.note_allowed(response);
        self.note_identity(cx, response);
        if matches!(self.state, State::Established(_)) {
            self.timer_accepted(cx, response);
        }
        match sdp_of(response, cx).map(str::to_owned) {
            Some(sdp) => {
                self.set_exchange(Exchange::Concluding(reoffer));
                self.media
                    .negotiation
                    .apply(cx, self.id, SdpKind::Answer, &sdp);
            }
            None => {
                self.set_exchange(Exchange::Offered(reoffer));
                self.reoffer_failed(cx, Cause::MissingSdp, Some(response.clone()));
            }
        }
    }

    /// The peer had not done with an earlier request (RFC 3261 section 14.2, RFC 3311 section 5.2).
    fn try_again_after(&mut self, cx: &mut Context, mut reoffer: Reoffer, pause: Duration) {
        reoffer.tries -= 1;
        self.roll_back(cx);
        cx.set_timer(Timer::Session(self.id, SessionTimer::Glare), pause);
        self.set_exchange(Exchange::Waiting(reoffer));
    }

    /// Two offers met. The side that owns the Call-ID waits longer (RFC 3261 section 14.1).
    fn wait_for_turn(&mut self, cx: &mut Context, reoffer: Reoffer) {
        self.roll_back(cx);
        let pause = match self.direction {
            Direction::Outgoing => Duration::from_millis(2_100 + cx.random.below(191) * 10),
            Direction::Incoming => Duration::from_millis(cx.random.below(201) * 10),
        };
        cx.set_timer(Timer::Session(self.id, SessionTimer::Glare), pause);
        self.set_exchange(Exchange::Waiting(reoffer));
    }

    /// The pause after a collision is over.
    pub(super) fn glare_over(&mut self, cx: &mut Context) {
        match self.take_exchange() {
            Exchange::Waiting(reoffer)
                if self.media.negotiation.is_stable() && self.may_offer() =>
            {
                self.start_reoffer(cx, reoffer);
            }
            Exchange::Waiting(reoffer) => {
                // The peer's offer is still in hand; ours comes after it.
                cx.set_timer(Timer::Session(self.id, SessionTimer::Glare), AGAIN);
                self.set_exchange(Exchange::Waiting(reoffer));
            }
            other => {
                self.set_exchange(other);
                if self.later.is_some() {
                    cx.set_timer(Timer::Session(self.id, SessionTimer::Glare), AGAIN);
                }
            }
        }
    }

    pub(super) fn roll_back(&mut self, cx: &mut Context) {
        self.trickle.retract();
        self.media.negotiation.roll_back(cx, self.id);
    }

    /// Our offer came to nothing: the session is as it was before.
    pub(super) fn reoffer_failed(
        &mut self,
        cx: &mut Context,
        cause: Cause,
        response: Option<Response>,
    ) {
        let reoffer = match self.take_exchange() {
            Exchange::Offering(reoffer)
            | Exchange::Offered(reoffer)
            | Exchange::Concluding(reoffer) => reoffer,
            other => return self.set_exchange(other),
        };
        self.roll_back(cx);
        self.tell_failed(cx, reoffer, RequestFailure { cause, response });
    }

    /// Our offer will never be made.
    pub(super) fn reoffer_dropped(&mut self, cx: &mut Context, reoffer: Reoffer) {
        let (cause, response) = (Cause::DialogError, None);
        self.tell_failed(cx, reoffer, RequestFailure { cause, response });
    }

    fn tell_failed(&mut self, cx: &mut Context, reoffer: Reoffer, error: RequestFailure) {
        match reoffer.purpose {
            Purpose::Hold => self.set_local_hold(cx, false),
            Purpose::Unhold => self.set_local_hold(cx, true),
            Purpose::Renegotiate => {}
            Purpose::Refresh => return self.refresh_failed(cx),
            Purpose::Restart => {
                let again = Timer::Session(self.id, SessionTimer::MediaRetry);
                return cx.set_timer(again, RESTART_AGAIN);
            }
        }
        let result = Err(error);
        cx.tell(
            self.id,
            SessionEvent::Renegotiated {
                exchange: reoffer.id,
                result,
            },
        );
    }

    /// The media engine could not do its part of an exchange.
    pub(super) fn exchange_media_failed(
        &mut self,
        cx: &mut Context,
        step: MediaStep,
        error: String,
    ) {
        self.tell_media_failure(cx, step, error);
        match self.take_exchange() {
            Exchange::Answering(received) => {
                let status = match step {
                    MediaStep::SetRemote => StatusCode::NOT_ACCEPTABLE_HERE,
                    _ => StatusCode::SERVER_INTERNAL_ERROR,
                };
                cx.media(self.id, MediaRequest::Rollback);
                self.restore_remote_hold(cx);
                cx.answer(received.transaction, &received.request, status);
            }
            ours @ (Exchange::Offering(_) | Exchange::Offered(_) | Exchange::Concluding(_)) => {
                self.set_exchange(ours);
                self.reoffer_failed(cx, Cause::WebRtcError, None);
            }
            other => self.set_exchange(other),
        }
    }

    /// Goes on with an exchange after the media engine has done its part.
    pub(super) fn exchange_negotiated(&mut self, cx: &mut Context, outcome: Outcome) {
        match (self.take_exchange(), outcome) {
            (Exchange::Offering(reoffer), Outcome::OfferReady(offer)) => {
                self.send_reoffer(cx, reoffer, offer)
            }
            (Exchange::Concluding(reoffer), Outcome::AnswerApplied(_)) => {
                self.note_update();
                if !matches!(reoffer.purpose, Purpose::Refresh | Purpose::Restart) {
                    let (exchange, result) = (reoffer.id, Ok(()));
                    cx.tell(self.id, SessionEvent::Renegotiated { exchange, result });
                }
            }
            (Exchange::Answering(received), outcome) => self.answer_exchange(cx, received, outcome),
            (other, Outcome::Failed(step, error)) => {
                self.set_exchange(other);
                self.exchange_media_failed(cx, step, error);
            }
            (other, _) => self.set_exchange(other),
        }
    }

    /// The 2xx to the peer's re-INVITE waits for its ACK.
    pub(super) fn await_ack(&mut self, cx: &mut Context, unacknowledged: Unacknowledged) {
        self.arm_retransmission(cx, &unacknowledged);
        if let State::Established(established) = &mut self.state {
            established.handshake = Handshake::Unacknowledged(unacknowledged);
        }
    }

    /// Whether the peer takes UPDATE, by the Allow header of its last message.
    pub(super) fn note_allowed(&mut self, message: &offhook_sip::Received) {
        if message.header(HeaderName::Allow).is_some() {
            self.updates = Updates::of(message);
        }
    }
}

/// The CSeq number of a request of ours.
pub(crate) fn sequence_of(request: &OutgoingRequest) -> Option<u32> {
    request
        .headers()
        .get(HeaderName::CSeq)?
        .split(' ')
        .next()?
        .parse()
        .ok()
}
