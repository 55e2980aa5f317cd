//! The responses to our INVITE, from the first ring to the 2xx (RFC 3261 section 13.2.2).

use std::sync::Arc;
use std::time::Duration;

use offhook_sip::{HeaderName, Message, Method, NameAddr, OutgoingRequest, Response, StatusCode};

use super::closing::Closing;
use super::established::{Established, Handshake};
use super::outgoing::{Answered, Invite, Outgoing};
use super::reoffer::sequence_of;
use super::{Answer, Session, SessionTimer, State, sdp_of};
use crate::cause::Cause;
use crate::context::{Context, Owner, Timer, Unsent};
use crate::dialog::Dialog;
use crate::event::{End, Originator, SessionEvent};
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
            State::Closing(_) => self.cancelled_answered(cx, &response),
            _ => {}
        }
    }

    fn provisional(&mut self, cx: &mut Context, response: Response) {
        let (invite, mut early) = match std::mem::replace(&mut self.state, State::Closed) {
            State::Outgoing(Outgoing::Calling(invite)) => (invite, Vec::new()),
            State::Outgoing(Outgoing::Proceeding(invite, early)) => (invite, early),
            other => {
                self.state = other;
                return;
            }
        };
        cx.set_timer(
            Timer::Session(self.id, SessionTimer::NoAnswer),
            invite.patience,
        );
        let ringing = response.status() != StatusCode::TRYING;
        if ringing
            && early.len() < MAX_EARLY_DIALOGS
            && let Ok(dialog) =
                Dialog::from_response(&self.local, invite.sequence, &response, invite.flow)
            && !early.iter().any(|known| known.id() == dialog.id())
        {
            cx.dialogs.insert(Arc::new(dialog.id().clone()), self.id);
            early.push(dialog);
        }
        self.state = State::Outgoing(Outgoing::Proceeding(invite, early));
        if !ringing {
            return;
        }
        let sdp = sdp_of(&response, cx).map(str::to_owned);
        cx.tell(
            self.id,
            SessionEvent::Progress {
                originator: Originator::Remote,
                response: Some(response),
            },
        );
        // Early media: the answer that the 2xx will repeat or replace (RFC 3960 section 3.1).
        if let Some(sdp) = sdp
            && self.media.negotiation.awaits_answer()
        {
            self.media
                .negotiation
                .apply(cx, self.id, SdpKind::PrAnswer, &sdp);
        }
    }

    fn accepted_by_peer(&mut self, cx: &mut Context, response: Response) {
        let (invite, mut early) = match std::mem::replace(&mut self.state, State::Closed) {
            State::Outgoing(Outgoing::Calling(invite)) => (invite, Vec::new()),
            State::Outgoing(Outgoing::Proceeding(invite, early)) => (invite, early),
            other => {
                self.state = other;
                return;
            }
        };
        cx.timers
            .cancel(&Timer::Session(self.id, SessionTimer::NoAnswer));
        let made = Dialog::from_response(&self.local, invite.sequence, &response, invite.flow);
        for dialog in &early {
            cx.dialogs.remove(dialog.id());
        }
        let dialog = match made {
            Ok(made) => match early.iter().position(|known| known.id() == made.id()) {
                Some(at) => {
                    let mut known = early.swap_remove(at);
                    known.confirm(&response);
                    known
                }
                None => made,
            },
            Err(missing) => {
                self.end(
                    cx,
                    true,
                    End {
                        originator: Originator::System,
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
        cx.dialogs.insert(Arc::new(dialog.id().clone()), self.id);
        if let Ok(remote) = response.to() {
            self.remote = remote.into_owned();
        }
        let sdp = sdp_of(&response, cx).map(str::to_owned);
        let answered = Answered {
            dialog,
            invite,
            response,
            ack,
            next: None,
        };
        self.state = State::Outgoing(Outgoing::Answered(Box::new(answered)));
        match sdp {
            Some(sdp) if self.media.negotiation.awaits_answer() => {
                self.media
                    .negotiation
                    .apply(cx, self.id, SdpKind::Answer, &sdp);
            }
            Some(sdp) => {
                if let State::Outgoing(Outgoing::Answered(answered)) = &mut self.state {
                    answered.next = Some(sdp);
                }
            }
            None => self.answer_refused(cx, "400", "Missing SDP"),
        }
    }

    pub(super) fn outgoing_answer_applied(&mut self, cx: &mut Context, kind: SdpKind) {
        let State::Outgoing(Outgoing::Answered(answered)) = &mut self.state else {
            return;
        };
        if kind == SdpKind::PrAnswer {
            if let Some(sdp) = answered.next.take() {
                self.media
                    .negotiation
                    .apply(cx, self.id, SdpKind::Answer, &sdp);
            }
            return;
        }
        let State::Outgoing(Outgoing::Answered(answered)) =
            std::mem::replace(&mut self.state, State::Closed)
        else {
            return;
        };
        let Answered {
            dialog,
            invite,
            response,
            ack,
            ..
        } = *answered;
        let allows_update = response.has_token(HeaderName::Allow, "UPDATE");
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
        self.state =
            State::Established(Box::new(Established::new(dialog, handshake, allows_update)));
        cx.tell(
            self.id,
            SessionEvent::Confirmed {
                originator: Originator::Local,
                ack: None,
            },
        );
    }

    /// The 2xx carried no answer that can be used: it is acknowledged and ended
    /// (RFC 3261 section 13.2.2.4).
    fn answer_refused(&mut self, cx: &mut Context, cause: &str, text: &str) {
        let State::Outgoing(Outgoing::Answered(answered)) =
            std::mem::replace(&mut self.state, State::Closed)
        else {
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
        let State::Outgoing(Outgoing::Answered(answered)) =
            std::mem::replace(&mut self.state, State::Closed)
        else {
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
                self.fail(cx, Originator::Local, Cause::UserDeniedMediaAccess, None);
                self.tell_media_failure(cx, step, error);
                self.close(cx);
            }
            // Early media that cannot be used leaves the call as it is.
            MediaStep::SetRemote => self.tell_media_failure(cx, step, error),
            _ => {
                self.tell_media_failure(cx, step, error);
                self.abandon(cx, Cause::WebRtcError);
            }
        }
    }

    /// A 2xx for a call that has one: the same again, or another fork's
    /// (RFC 3261 section 13.2.2.4).
    fn accepted_again(
        &mut self,
        cx: &mut Context,
        transaction: TransactionId,
        response: &Response,
    ) {
        let tag = response
            .to()
            .ok()
            .and_then(|to| to.tag().map(str::to_owned));
        let known = self
            .dialog_mut()
            .map(|dialog| dialog.id().remote_tag.clone());
        if known == tag {
            if let State::Established(established) = &self.state {
                established.acknowledge_again(cx);
            }
            return;
        }
        let made = match &self.state {
            State::Outgoing(Outgoing::Answered(answered)) => {
                Some((answered.invite.sequence, answered.invite.flow))
            }
            State::Established(established) => {
                established.invite_sequence().zip(Some(established.flow()))
            }
            _ => None,
        };
        if let Some((sequence, flow)) = made {
            let invite = Invite {
                transaction,
                sequence,
                flow,
                patience: Duration::ZERO,
            };
            end_unwanted(cx, &self.local, invite, response);
        }
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

/// Acknowledges and ends a dialog that nobody wants: a cancelled call's, or another fork's.
pub(super) fn end_unwanted(
    cx: &mut Context,
    local: &NameAddr<'static>,
    invite: Invite,
    response: &Response,
) {
    let Ok(mut dialog) = Dialog::from_response(local, invite.sequence, response, invite.flow)
    else {
        return;
    };
    // Nothing is lost when either cannot be written or sent: the peer's 2xx comes again.
    if let Ok(ack) = acknowledge(cx, &dialog, invite.transaction) {
        let _ = cx.send_ack(&dialog, ack);
    }
    if let Ok(bye) = dialog.request(Method::Bye) {
        let _ = cx.submit_in(&dialog, Owner::Stray, bye);
    }
}
