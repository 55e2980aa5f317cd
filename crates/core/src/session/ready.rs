//! Whether a new offer may be made, and the event that tells it.

use offhook_sip::StatusCode;

use super::established::Handshake;
use super::incoming::Incoming;
use super::outgoing::Outgoing;
use super::reoffer::Exchange;
use super::{Session, State};
use crate::cause::Cause;
use crate::context::Context;
use crate::errand::Errand;
use crate::event::SessionEvent;

impl Session {
    /// Whether a new offer may be made now: the exchange that the INVITE began is over and no
    /// other one is under way. Before the call is answered that takes an answer in a reliable
    /// provisional response, and a peer that takes UPDATE (RFC 3311 section 5.1).
    pub(crate) fn is_ready_to_reoffer(&self) -> bool {
        matches!(self.exchange, Exchange::Idle)
            && self.media.negotiation.is_stable()
            && self.may_offer()
    }

    /// Whether the session is in a state in which an offer of ours may go out.
    pub(super) fn may_offer(&self) -> bool {
        match &self.state {
            State::Established(established) => matches!(
                established.handshake,
                Handshake::Acknowledged { .. } | Handshake::Settled
            ),
            State::Outgoing(Outgoing::Proceeding(_, early)) => {
                let answered = self.media.answered_by.as_deref();
                let fork = early
                    .iter()
                    .find(|early| Some(early.dialog.id().remote_tag.as_str()) == answered);
                self.updates.are_allowed() && fork.is_some_and(|fork| fork.pracks == 0)
            }
            State::Incoming(Incoming::Ringing(offered)) => {
                self.updates.are_allowed() && offered.provisionals.is_answered()
            }
            _ => false,
        }
    }

    /// Tells that a new offer may be made, each time when that has become so.
    pub(crate) fn tell_ready(&mut self, cx: &mut Context) {
        let ready = self.is_ready_to_reoffer();
        if std::mem::replace(&mut self.ready, ready) || !ready {
            return;
        }
        let event = SessionEvent::ReadyToReoffer;
        match cx.errands.is_empty() {
            true => cx.tell(self.id, event),
            // What is on its way to the application comes first.
            false => cx.errands.push_back(Errand::Tell {
                session: self.id,
                event: Box::new(event),
            }),
        }
    }

    /// An exchange before the answer has changed what an early answer agreed on.
    pub(super) fn note_update(&mut self) {
        if let State::Incoming(incoming) = &mut self.state {
            incoming.offered_mut().updated = true;
        }
    }

    /// Gives up the exchange that is under way, as the dialog it goes through is gone: the peer's
    /// request is answered with `status` (RFC 3261 section 15.1.2).
    pub(super) fn leave_exchange(&mut self, cx: &mut Context, status: StatusCode) {
        if let Some((received, _)) = self.refresh.take() {
            cx.answer(received.transaction, &received.request, status);
        }
        let later = self.later.take();
        match self.take_exchange() {
            Exchange::Idle => {}
            Exchange::Asking(received, _) => {
                cx.answer(received.transaction, &received.request, status);
            }
            Exchange::Answering(received) => {
                if self.ended.is_none() {
                    self.roll_back(cx);
                    self.restore_remote_hold(cx);
                }
                cx.answer(received.transaction, &received.request, status);
            }
            _ if self.ended.is_some() => {}
            Exchange::Waiting(reoffer) => self.reoffer_dropped(cx, reoffer),
            ours => {
                self.set_exchange(ours);
                self.reoffer_failed(cx, Cause::DialogError, None);
            }
        }
        if let Some(reoffer) = later.filter(|_| self.ended.is_none()) {
            self.reoffer_dropped(cx, reoffer);
        }
    }
}
