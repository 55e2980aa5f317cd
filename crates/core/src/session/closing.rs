//! What a session still owes its peer after the application has seen its end.

use offhook_sip::{HeaderName, Method, OutgoingRequest, Response, WriteError};

use super::established::Unacknowledged;
use super::forks::end_unwanted;
use super::outgoing::{Invite, Outgoing};
use super::{InDialog, Session, SessionTimer, State};
use crate::cause::Cause;
use crate::context::{Context, Owner, Timer};
use crate::dialog::Dialog;
use crate::event::Originator;
use crate::headers;
use crate::options::TerminateOptions;

/// What a session still owes its peer.
#[derive(Debug)]
pub(crate) enum Closing {
    /// The INVITE is cancelled; a 2xx that crosses the CANCEL is acknowledged and ended.
    Cancelled(Invite),
    /// The BYE waits for the ACK of our 2xx (RFC 3261 section 15: the callee's may not come first).
    Unacknowledged(Box<Dialog>, Box<Unacknowledged>, Box<OutgoingRequest>),
    /// The BYE is on its way.
    Bye(Box<Dialog>),
    /// The call is over; subscriptions to transfers share its dialog (RFC 5057).
    Subscribed(Box<Dialog>),
}

impl Closing {
    pub(crate) fn dialog_mut(&mut self) -> Option<&mut Dialog> {
        match self {
            Self::Cancelled(_) => None,
            Self::Unacknowledged(dialog, ..) | Self::Bye(dialog) | Self::Subscribed(dialog) => {
                Some(dialog)
            }
        }
    }
}

impl Session {
    /// Cancels the INVITE (RFC 3261 section 9.1) and fails.
    pub(super) fn cancel_invite(
        &mut self,
        cx: &mut Context,
        reason: Option<&str>,
        originator: Originator,
        cause: Cause,
    ) {
        let invite = match &self.state {
            State::Outgoing(Outgoing::Calling(invite) | Outgoing::Proceeding(invite, _)) => *invite,
            _ => return,
        };
        let cancelled = cx
            .transactions
            .cancel(cx.now, &mut cx.timers, invite.transaction, reason);
        self.state = State::Closing(Closing::Cancelled(invite));
        self.fail(cx, originator, cause, None);
        match cancelled {
            // A peer that never answers is given up (RFC 3261 section 9.1).
            Ok(()) => {
                let limit = cx.config.timings.lifetime() * 2;
                cx.set_timer(Timer::Session(self.id, SessionTimer::Patience), limit);
            }
            Err(_) => self.close(cx),
        }
    }

    /// A response to a cancelled INVITE.
    pub(super) fn cancelled_answered(&mut self, cx: &mut Context, response: &Response) {
        let State::Closing(Closing::Cancelled(invite)) = &self.state else {
            return;
        };
        let invite = *invite;
        if response.status().is_provisional() {
            return;
        }
        if response.status().is_success() {
            // The 2xx crossed the CANCEL: the call exists, and is ended as one.
            end_unwanted(cx, &self.local, invite, response);
        }
        self.close(cx);
    }

    /// Sends the BYE and waits for its answer.
    pub(super) fn send_bye(
        &mut self,
        cx: &mut Context,
        dialog: Dialog,
        bye: Result<OutgoingRequest, WriteError>,
    ) {
        let owner = Owner::InDialog(self.id, InDialog::Bye);
        let sent = bye.is_ok_and(|mut bye| {
            let named = bye.headers().contains(HeaderName::UserAgent)
                || bye
                    .headers_mut()
                    .push(HeaderName::UserAgent, &cx.config.user_agent)
                    .is_ok();
            named && cx.submit_in(&dialog, owner, bye).is_ok()
        });
        self.state = State::Closing(Closing::Bye(Box::new(dialog)));
        if !sent {
            self.close(cx);
        }
    }

    /// The BYE was answered, whatever the answer says (RFC 3261 section 15.1.1).
    pub(super) fn bye_answered(&mut self, cx: &mut Context) {
        if matches!(self.state, State::Closing(Closing::Bye(_))) {
            self.close(cx);
        }
    }

    /// Ends an established session with a BYE.
    pub(super) fn hang_up(
        &mut self,
        cx: &mut Context,
        originator: Originator,
        cause: Cause,
        reason: Option<String>,
    ) {
        self.hang_up_with(cx, originator, cause, reason, TerminateOptions::default());
    }

    /// Ends an established session with a BYE that carries what the application wants on it.
    pub(super) fn hang_up_with(
        &mut self,
        cx: &mut Context,
        originator: Originator,
        cause: Cause,
        reason: Option<String>,
        options: TerminateOptions,
    ) {
        let taken = take_state!(self, State::Established(established) => established);
        let Some(established) = taken else {
            return;
        };
        let (mut dialog, unacknowledged) = established.into_parts();
        let bye = dialog.request(Method::Bye).and_then(|mut bye| {
            if let Some(reason) = reason {
                bye.headers_mut().push(HeaderName::Reason, reason)?;
            }
            headers::put_extra(bye.headers_mut(), &options.extra_headers)?;
            if let Some((content_type, body)) = options.body {
                bye.set_body(&content_type, body)?;
            }
            Ok(bye)
        });
        self.finish(cx, originator, cause, None);
        match (unacknowledged, bye) {
            (Some(unacknowledged), Ok(bye)) => {
                self.arm_retransmission(cx, &unacknowledged);
                let closing = Closing::Unacknowledged(
                    Box::new(dialog),
                    Box::new(unacknowledged),
                    Box::new(bye),
                );
                self.state = State::Closing(closing);
            }
            (_, bye) => self.send_bye(cx, dialog, bye),
        }
    }

    /// The ACK came, or is not waited for any more: the BYE may go.
    pub(super) fn bye_may_go(&mut self, cx: &mut Context) {
        let taken = take_state!(
            self,
            State::Closing(Closing::Unacknowledged(dialog, _, bye)) => (dialog, bye),
        );
        if let Some((dialog, bye)) = taken {
            for timer in [SessionTimer::Retransmit, SessionTimer::NoAck] {
                cx.timers.cancel(&Timer::Session(self.id, timer));
            }
            self.send_bye(cx, *dialog, Ok(*bye));
        }
    }
}
