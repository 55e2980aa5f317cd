//! The responses to our INVITE, from the first ring to the 2xx (RFC 3261 section 13.2.2).

use offhook_sip::{HeaderName, Message, Method, OutgoingRequest, Response, StatusCode};

use super::closing::Closing;
use super::established::{Established, Handshake};
use super::outgoing::{Answered, Early, Invite, Outgoing};
use super::reliable::Reliability;
use super::reoffer::sequence_of;
use super::updates::Updates;
use super::{Answer, Session, SessionTimer, State, TRICKLE, sdp_of};
use crate::cause::Cause;
use crate::context::{Context, Timer, Unsent};
use crate::dialog::Dialog;
use crate::event::{End, Originator, SessionEvent};
use crate::headers;
use crate::media::{MediaStep, SdpKind};
use crate::transaction::TransactionId;

/// How many forks of one INVITE are followed while they ring.
const MAX_EARLY_DIALOGS: usize = 32;

impl Session {
    /// A response to the INVITE, or that there will be none.
    pub(crate) fn invite_answered(
        &mut self,
        cx: &mut Context,
        transaction: TransactionId,
        answer: Answer,
    ) {
        let response = match answer {
            Answer::Response(response) => response,
            Answer::Timeout => return self.invite_unanswered(cx, Cause::RequestTimeout),
            Answer::Unsent => return self.invite_unanswered(cx, Cause::ConnectionError),
        };
        let status = response.status();
        match &self.state {
            State::Outgoing(Outgoing::Calling(_) | Outgoing::Proceeding(..)) => {
                if status.is_provisional() {
                    self.provisional(cx, response);
                } else if status.is_success() {
                    self.accepted_by_peer(cx, response);
                } else {
                    let cause = Cause::of_status(status);
                    self.fail(
                        cx,
                        Originator::Remote,
                        cause,
                        Some(Message::Response(response)),
                    );
                    self.close(cx);
                }
            }
            State::Outgoing(Outgoing::Answered(_)) | State::Established(_)
                if status.is_success() =>
            {
                self.accepted_again(cx, transaction, &response);
            }
            State::Closing(Closing::Cancelled(_)) => self.cancelled_answered(cx, &response),
            State::Closing(_) if status.is_success() => {
                self.accepted_too_late(cx, transaction, &response);
            }
            _ => {}
        }
    }

    /// Takes the INVITE that waits for its final response, and the forks that ring, out of the
    /// state; in any other state nothing is taken.
    fn take_unanswered(&mut self) -> Option<(Invite, Vec<Early>)> {
        take_state!(
            self,
            State::Outgoing(Outgoing::Calling(invite)) => (invite, Vec::new()),
            State::Outgoing(Outgoing::Proceeding(invite, early)) => (invite, early),
        )
    }

    fn provisional(&mut self, cx: &mut Context, response: Response) {
        let Some((invite, mut early)) = self.take_unanswered() else {
            return;
        };
        cx.set_timer(
            Timer::Session(self.id, SessionTimer::NoAnswer),
            invite.patience,
        );
        let trying = response.status() == StatusCode::TRYING;
        let at = if trying {
            None
        } else {
            self.early(cx, invite, &mut early, &response)
        };
        let reliability = match at.and_then(|at| early.get_mut(at)) {
            Some(early) => self.acknowledge_provisional(cx, early, &response),
            None => Reliability::Unreliable,
        };
        let sdp = sdp_of(&response, cx).map(str::to_owned);
        let mut repeated = false;
        if let (Some(early), Some(sdp)) = (at.and_then(|at| early.get_mut(at)), &sdp) {
            // A callee says it again until our INFO comes (RFC 8840 section 4.3.2).
            repeated = self.trickle.wanted
                && reliability == Reliability::Unreliable
                && response.has_token(HeaderName::RecvInfo, TRICKLE)
                && early.answer.as_ref() == Some(sdp);
            early.answer = Some(sdp.clone());
        }
        self.state = State::Outgoing(Outgoing::Proceeding(invite, early));
        if trying || repeated || reliability == Reliability::Ignored {
            return;
        }
        if sdp.is_some() {
            self.trickle.note(&response);
        }
        let tag = response
            .to()
            .ok()
            .and_then(|to| to.tag().map(str::to_owned));
        let updates = Updates::of(&response);
        self.tell_ringing(cx);
        self.media.ringing = Some(response);
        let Some(sdp) = sdp.filter(|_| self.media.negotiation.awaits_answer()) else {
            return self.tell_ringing(cx);
        };
        // Early media (RFC 3960 section 3.1): a reliable answer is the answer, any other one may be
        // replaced by the 2xx.
        self.trickle_to(tag.as_deref(), reliability == Reliability::Unreliable);
        let kind = match reliability {
            Reliability::Next => {
                self.updates = updates;
                self.media.answered_by = tag;
                SdpKind::Answer
            }
            Reliability::Unreliable | Reliability::Ignored => SdpKind::PrAnswer,
        };
        self.media.negotiation.apply(cx, self.id, kind, &sdp);
    }

    /// Tells of the provisional response that has come, once the early media in it is applied: who
    /// hears of it finds that media there.
    fn tell_ringing(&mut self, cx: &mut Context) {
        if let Some(response) = self.media.ringing.take() {
            cx.tell(
                self.id,
                SessionEvent::Progress {
                    originator: Originator::Remote,
                    response: Some(response),
                },
            );
        }
    }

    /// Finds or makes the early dialog of a provisional response.
    fn early(
        &self,
        cx: &mut Context,
        invite: Invite,
        early: &mut Vec<Early>,
        response: &Response,
    ) -> Option<usize> {
        let dialog =
            Dialog::from_response(&self.local, invite.sequence, response, invite.flow).ok()?;
        let known = early
            .iter()
            .position(|known| known.dialog.id() == dialog.id());
        if known.is_some() || early.len() >= MAX_EARLY_DIALOGS {
            return known;
        }
        cx.dialogs.insert(dialog.id(), self.id);
        early.push(Early {
            dialog,
            reliable: None,
            pracks: 0,
            answer: None,
        });
        Some(early.len() - 1)
    }

    fn accepted_by_peer(&mut self, cx: &mut Context, response: Response) {
        let Some((invite, mut early)) = self.take_unanswered() else {
            return;
        };
        cx.timers
            .cancel(&Timer::Session(self.id, SessionTimer::NoAnswer));
        let made = Dialog::from_response(&self.local, invite.sequence, &response, invite.flow);
        for early in &early {
            cx.dialogs.remove(early.dialog.id());
        }
        let (dialog, given) = match made {
            Ok(made) => match early
                .iter()
                .position(|known| known.dialog.id() == made.id())
            {
                Some(at) => {
                    let Early {
                        mut dialog, answer, ..
                    } = early.swap_remove(at);
                    dialog.confirm(&response);
                    (dialog, answer)
                }
                None => (made, None),
            },
            Err(missing) => {
                self.end(
                    cx,
                    true,
                    End {
                        originator: Originator::Remote,
                        cause: Cause::InternalError,
                        message: Some(Message::Response(response)),
                        detail: Some(format!("the 2xx lacks {}", missing.0)),
                    },
                );
                self.close(cx);
                return;
            }
        };
        let Ok(ack) = acknowledge(cx, &dialog, invite.transaction) else {
            return self.abandon(cx, Cause::InternalError);
        };
        let offered = has_offer(cx, invite.transaction);
        cx.dialogs.insert(dialog.id(), self.id);
        if let Ok(remote) = response.to() {
            self.remote = remote.into_owned();
        }
        self.trickle.note(&response);
        self.trickle_to(Some(&dialog.id().remote_tag), false);
        // What a provisional response has answered the 2xx need not answer again.
        let next = sdp_of(&response, cx).map(str::to_owned).or(given);
        let answered = Answered {
            dialog,
            invite,
            response,
            ack,
            offered,
            next,
        };
        self.state = State::Outgoing(Outgoing::Answered(Box::new(answered)));
        if !self.is_answered_already() {
            // What another fork's answer had made possible is over with it.
            self.leave_exchange(cx, StatusCode::CALL_DOES_NOT_EXIST);
        }
        if self.media.negotiation.is_idle() || self.exchange.negotiates() {
            self.apply_next(cx);
        }
    }

    /// Whether the fork that has taken the call had given its answer reliably before.
    fn is_answered_already(&self) -> bool {
        match (&self.state, &self.media.answered_by) {
            (State::Outgoing(Outgoing::Answered(answered)), Some(tag)) => {
                answered.dialog.id().remote_tag == *tag
            }
            _ => false,
        }
    }

    /// Applies the answer of the 2xx, unless it is applied already.
    pub(super) fn apply_next(&mut self, cx: &mut Context) {
        let same = self.is_answered_already();
        let State::Outgoing(Outgoing::Answered(answered)) = &mut self.state else {
            return;
        };
        if same {
            self.establish(cx);
        } else if self.media.negotiation.awaits_answer() {
            match answered.next.take() {
                Some(sdp) => self
                    .media
                    .negotiation
                    .apply(cx, self.id, SdpKind::Answer, &sdp),
                None => self.answer_refused(cx, "400", "Missing SDP"),
            }
        } else if !answered.offered {
            match answered.next.take() {
                Some(sdp) => self
                    .media
                    .negotiation
                    .apply(cx, self.id, SdpKind::Offer, &sdp),
                None => self.answer_refused(cx, "400", "Missing SDP"),
            }
        } else if answered.next.is_some() {
            // Another fork's answer stands: an offer that is never sent makes room for this one's.
            self.media.answered_by = None;
            self.media.negotiation.offer(cx, self.id, false);
        } else {
            self.answer_refused(cx, "400", "Missing SDP");
        }
    }

    /// Our answer to the offer in the 2xx goes out in the ACK (RFC 3261 section 13.2.2.4).
    pub(super) fn answer_in_ack(&mut self, cx: &mut Context, answer: String) {
        let State::Outgoing(Outgoing::Answered(answered)) = &mut self.state else {
            return;
        };
        match answered.ack.set_body(headers::APPLICATION_SDP, answer) {
            Ok(()) => self.establish(cx),
            Err(_) => self.answer_refused(cx, "500", "Server Internal Error"),
        }
    }

    pub(super) fn outgoing_answer_applied(&mut self, cx: &mut Context, kind: SdpKind) {
        self.tell_ringing(cx);
        let State::Outgoing(Outgoing::Answered(answered)) = &self.state else {
            return;
        };
        // The early answer was still being applied when the 2xx came.
        let early = kind == SdpKind::PrAnswer
            || (answered.next.is_some() && self.media.answered_by.is_some());
        if early {
            self.apply_next(cx);
        } else {
            self.establish(cx);
        }
    }

    /// The answer is applied: the call stands.
    fn establish(&mut self, cx: &mut Context) {
        let taken = take_state!(self, State::Outgoing(Outgoing::Answered(answered)) => answered);
        let Some(answered) = taken else {
            return;
        };
        self.tell_ringing(cx);
        let Answered {
            dialog,
            invite,
            response,
            ack,
            ..
        } = *answered;
        self.note_identity(cx, &response);
        self.updates = Updates::of(&response);
        self.started = Some(cx.now);
        self.confirmed = true;
        self.timer_accepted(cx, &response);
        cx.tell(
            self.id,
            SessionEvent::Accepted {
                originator: Originator::Remote,
                response: Some(response),
            },
        );
        // A lost ACK makes the peer send its 2xx again, which is answered then.
        let _ = cx.send_ack(&dialog, ack.clone());
        let handshake = Handshake::Acknowledged {
            invite: invite.transaction,
            ack,
        };
        self.state = State::Established(Box::new(Established::new(dialog, handshake)));
        cx.tell(
            self.id,
            SessionEvent::Confirmed {
                originator: Originator::Local,
                ack: None,
            },
        );
        self.expect_media(cx);
        self.trickle(cx);
    }

    /// The 2xx carried no answer that can be used: it is acknowledged and ended
    /// (RFC 3261 section 13.2.2.4).
    fn answer_refused(&mut self, cx: &mut Context, cause: &str, text: &str) {
        let taken = take_state!(self, State::Outgoing(Outgoing::Answered(answered)) => answered);
        let Some(answered) = taken else {
            return;
        };
        let Answered {
            mut dialog,
            response,
            ack,
            ..
        } = *answered;
        let _ = cx.send_ack(&dialog, ack);
        let bye = dialog.request(Method::Bye).and_then(|mut bye| {
            bye.headers_mut().push(
                HeaderName::Reason,
                format_args!("SIP ;cause={cause};text=\"{text}\""),
            )?;
            Ok(bye)
        });
        self.fail(
            cx,
            Originator::Remote,
            Cause::BadMediaDescription,
            Some(Message::Response(response)),
        );
        self.send_bye(cx, dialog, bye);
    }

    /// Ends a call whose 2xx has come and whose answer is still being applied.
    pub(super) fn end_answered(&mut self, cx: &mut Context) {
        let taken = take_state!(self, State::Outgoing(Outgoing::Answered(answered)) => answered);
        let Some(answered) = taken else {
            return;
        };
        let Answered {
            mut dialog, ack, ..
        } = *answered;
        let _ = cx.send_ack(&dialog, ack);
        let bye = dialog.request(Method::Bye);
        self.fail(cx, Originator::Local, Cause::Canceled, None);
        self.send_bye(cx, dialog, bye);
    }

    pub(super) fn outgoing_media_failed(
        &mut self,
        cx: &mut Context,
        step: MediaStep,
        error: String,
    ) {
        if matches!(self.state, State::Outgoing(Outgoing::Answered(_))) {
            self.answer_refused(cx, "488", "Not Acceptable Here");
            self.tell_media_failure(cx, step, error);
            return;
        }
        match step {
            MediaStep::Open | MediaStep::Capture => {
                let end = End {
                    originator: Originator::Local,
                    cause: Cause::UserDeniedMediaAccess,
                    message: None,
                    detail: Some(error.clone()),
                };
                self.end(cx, true, end);
                self.tell_media_failure(cx, step, error);
                self.close(cx);
            }
            // Early media that cannot be used leaves the call as it is.
            MediaStep::SetRemote => {
                self.tell_media_failure(cx, step, error);
                self.tell_ringing(cx);
            }
            _ => {
                self.tell_media_failure(cx, step, error.clone());
                let end = End {
                    originator: Originator::Local,
                    cause: Cause::WebRtcError,
                    message: None,
                    detail: Some(error),
                };
                self.end(cx, true, end);
                self.close(cx);
            }
        }
    }

    /// The INVITE waited for a flow that did not come.
    pub(crate) fn invite_unsendable(&mut self, cx: &mut Context) {
        self.invite_unanswered(cx, Cause::ConnectionError);
    }

    fn invite_unanswered(&mut self, cx: &mut Context, cause: Cause) {
        match &self.state {
            State::Outgoing(_) => self.abandon(cx, cause),
            State::Closing(Closing::Cancelled(_)) => self.close(cx),
            _ => {}
        }
    }
}

/// The ACK with the credentials of its INVITE (RFC 3261 section 13.2.2.4).
pub(super) fn acknowledge(
    cx: &Context,
    dialog: &Dialog,
    invite: TransactionId,
) -> Result<OutgoingRequest, Unsent> {
    let request = cx
        .pending
        .get(&invite)
        .map(|pending| &pending.request)
        .ok_or(Unsent::Refused)?;
    let mut ack = dialog.ack(sequence_of(request).ok_or(Unsent::Refused)?)?;
    for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
        for value in request.headers().get_all(name) {
            ack.headers_mut().push(name, value)?;
        }
    }
    ack.headers_mut()
        .push(HeaderName::UserAgent, &cx.config.user_agent)?;
    Ok(ack)
}

/// Whether an INVITE of ours made an offer.
fn has_offer(cx: &Context, invite: TransactionId) -> bool {
    let pending = cx.pending.get(&invite);
    pending.is_some_and(|pending| !pending.request.body().is_empty())
}
