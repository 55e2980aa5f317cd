//! Reliable provisional responses (RFC 3262): PRACK for those we receive, and those we send until
//! they are acknowledged.

use std::collections::VecDeque;
use std::time::Duration;

use offhook_sip::{
    HeaderName, Method, NameAddr, OutgoingResponse, RAck, RSeq, Request, Response, StatusCode,
    WriteError,
};

use super::outgoing::{Early, Outgoing};
use super::{Answer, InDialog, Incoming, Received, Session, SessionTimer, State};
use crate::cause::Cause;
use crate::context::{Context, Owner, Timer};
use crate::event::Originator;
use crate::headers;

/// The option tag of this extension.
pub(super) const TAG: &str = "100rel";

/// How many provisional responses may wait for the one before them.
const MAX_WAITING: usize = 8;

/// The reliable provisional responses to one INVITE of a peer.
#[derive(Debug, Default)]
pub(super) struct Provisionals {
    /// The number of the last one sent.
    number: u32,
    /// The one that waits for its PRACK.
    unacknowledged: Option<Unacknowledged>,
    /// Whether one with our answer has been acknowledged.
    answered: bool,
    /// Those that wait for it.
    waiting: VecDeque<OutgoingResponse>,
    /// The unreliable answer that is sent again until an INFO comes (RFC 8840 section 4.3.2).
    repeated: Option<Unacknowledged>,
}

#[derive(Debug)]
struct Unacknowledged {
    response: OutgoingResponse,
    interval: Duration,
}

impl Provisionals {
    /// Whether the peer has acknowledged our answer: the exchange that the INVITE began is over.
    pub(super) fn is_answered(&self) -> bool {
        self.answered
    }

    /// Whether a 2xx has to wait: a description is out that the peer has not acknowledged
    /// (RFC 3262 section 5).
    pub(super) fn holds_answer(&self) -> bool {
        self.unacknowledged
            .iter()
            .any(|sent| !sent.response.body().is_empty())
            || self
                .waiting
                .iter()
                .any(|waiting| !waiting.body().is_empty())
    }
}

/// What a provisional response of the peer is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reliability {
    /// It wants no PRACK.
    Unreliable,
    /// It is the next one of its dialog, and has been acknowledged.
    Next,
    /// It came before, or out of order: it is as if it had not come (RFC 3262 section 4).
    Ignored,
}

impl Session {
    /// Acknowledges a reliable provisional response in its early dialog.
    pub(super) fn acknowledge_provisional(
        &self,
        cx: &mut Context,
        early: &mut Early,
        response: &Response,
    ) -> Reliability {
        let number = response.typed::<RSeq>().ok().flatten();
        let Some(RSeq(number)) = number.filter(|_| response.has_token(HeaderName::Require, TAG))
        else {
            return Reliability::Unreliable;
        };
        if early
            .reliable
            .is_some_and(|last| number != last.wrapping_add(1))
        {
            return Reliability::Ignored;
        }
        early.reliable = Some(number);
        let Ok(invite) = response.cseq().map(|cseq| cseq.number) else {
            return Reliability::Ignored;
        };
        let prack = early.dialog.request(Method::Prack).and_then(|mut prack| {
            let rack = RAck {
                response: number,
                cseq: invite,
                method: Method::Invite,
            };
            prack.headers_mut().push(HeaderName::RAck, rack)?;
            headers::put_identity(prack.headers_mut(), &cx.config)?;
            self.trickle.put(prack.headers_mut())?;
            Ok(prack)
        });
        if let Ok(prack) = prack {
            // One that is lost makes the peer send its response again.
            let owner = Owner::InDialog(self.id, InDialog::Prack);
            if cx.submit_in(&early.dialog, owner, prack).is_ok() {
                early.pracks += 1;
            }
        }
        Reliability::Next
    }

    /// A PRACK of ours was answered: its sequence number is used up at the peer, and an UPDATE may
    /// follow it.
    pub(super) fn prack_answered(&mut self, answer: &Answer) {
        let peer = answer.response().and_then(|response| response.to().ok());
        let tag = peer.as_ref().and_then(NameAddr::tag);
        if let State::Outgoing(Outgoing::Proceeding(_, early)) = &mut self.state
            && let Some(early) = early
                .iter_mut()
                .find(|early| Some(early.dialog.id().remote_tag.as_str()) == tag)
        {
            early.pracks = early.pracks.saturating_sub(1);
        }
    }

    /// Sends a provisional response to the peer's INVITE: reliably where the peer insists, or takes
    /// part and the response carries a description.
    pub(super) fn send_provisional(
        &mut self,
        cx: &mut Context,
        response: OutgoingResponse,
    ) -> Result<(), WriteError> {
        let State::Incoming(incoming) = &mut self.state else {
            return Ok(());
        };
        let offered = incoming.offered_mut();
        let required = offered.request.has_token(HeaderName::Require, TAG);
        let supported = required || offered.request.has_token(HeaderName::Supported, TAG);
        let reliable = required || (supported && !response.body().is_empty());
        if !reliable {
            let transaction = offered.transaction;
            cx.respond(transaction, response.clone());
            if self.trickle.is_agreed() && !response.body().is_empty() {
                self.repeat_provisional(cx, response);
            }
            return Ok(());
        }
        if offered.provisionals.waiting.len() < MAX_WAITING {
            offered.provisionals.waiting.push_back(response);
        }
        self.next_provisional(cx)
    }

    /// An answer that nobody acknowledges is sent again until the peer's first INFO shows that it
    /// came (RFC 8840 section 4.3.2).
    fn repeat_provisional(&mut self, cx: &mut Context, response: OutgoingResponse) {
        let State::Incoming(incoming) = &mut self.state else {
            return;
        };
        let interval = cx.config.timings.t1;
        incoming.offered_mut().provisionals.repeated = Some(Unacknowledged { response, interval });
        cx.set_timer(Timer::Session(self.id, SessionTimer::Provisional), interval);
        let limit = cx.config.timings.lifetime();
        cx.set_timer(Timer::Session(self.id, SessionTimer::NoPrack), limit);
    }

    /// The peer has our answer: it is not repeated any more.
    pub(super) fn answer_arrived(&mut self, cx: &mut Context) {
        if let State::Incoming(incoming) = &mut self.state
            && incoming
                .offered_mut()
                .provisionals
                .repeated
                .take()
                .is_some()
        {
            for timer in [SessionTimer::Provisional, SessionTimer::NoPrack] {
                cx.timers.cancel(&Timer::Session(self.id, timer));
            }
        }
    }

    /// Sends the next reliable provisional response, once the last is acknowledged.
    fn next_provisional(&mut self, cx: &mut Context) -> Result<(), WriteError> {
        let State::Incoming(incoming) = &mut self.state else {
            return Ok(());
        };
        let offered = incoming.offered_mut();
        let provisionals = &mut offered.provisionals;
        if provisionals.unacknowledged.is_some() {
            return Ok(());
        }
        let Some(mut response) = provisionals.waiting.pop_front() else {
            return Ok(());
        };
        provisionals.number += 1;
        response.headers_mut().push(HeaderName::Require, TAG)?;
        response
            .headers_mut()
            .push(HeaderName::RSeq, provisionals.number)?;
        let interval = cx.config.timings.t1;
        provisionals.unacknowledged = Some(Unacknowledged {
            response: response.clone(),
            interval,
        });
        let transaction = offered.transaction;
        cx.respond(transaction, response);
        cx.set_timer(Timer::Session(self.id, SessionTimer::Provisional), interval);
        let limit = cx.config.timings.lifetime();
        cx.set_timer(Timer::Session(self.id, SessionTimer::NoPrack), limit);
        Ok(())
    }

    /// Sends the unacknowledged response again, each time after twice the time.
    pub(super) fn retransmit_provisional(&mut self, cx: &mut Context) {
        let State::Incoming(incoming) = &mut self.state else {
            return;
        };
        let offered = incoming.offered_mut();
        let provisionals = &mut offered.provisionals;
        let Some(sent) = provisionals
            .unacknowledged
            .as_mut()
            .or(provisionals.repeated.as_mut())
        else {
            return;
        };
        sent.interval *= 2;
        let (interval, response, transaction) =
            (sent.interval, sent.response.clone(), offered.transaction);
        cx.respond(transaction, response);
        cx.set_timer(Timer::Session(self.id, SessionTimer::Provisional), interval);
    }

    /// The peer never acknowledged: the call is refused (RFC 3262 section 3).
    pub(super) fn provisional_unacknowledged(&mut self, cx: &mut Context) {
        let State::Incoming(incoming) = &mut self.state else {
            return;
        };
        if incoming.offered_mut().provisionals.repeated.is_some() {
            // The 200 brings the answer for certain.
            self.answer_arrived(cx);
        } else {
            self.refuse(
                cx,
                StatusCode::SERVER_TIMEOUT,
                Originator::System,
                Cause::RequestTimeout,
            );
        }
    }

    /// A PRACK of the peer.
    pub(super) fn pracked(
        &mut self,
        cx: &mut Context,
        Received {
            transaction,
            request,
        }: Received,
    ) {
        if !self.takes_prack(&request) {
            return cx.answer(transaction, &request, StatusCode::CALL_DOES_NOT_EXIST);
        }
        for timer in [SessionTimer::Provisional, SessionTimer::NoPrack] {
            cx.timers.cancel(&Timer::Session(self.id, timer));
        }
        cx.answer(transaction, &request, StatusCode::OK);
        self.dialog_opened(cx);
        if self.next_provisional(cx).is_err() {
            return self.refuse(
                cx,
                StatusCode::SERVER_INTERNAL_ERROR,
                Originator::System,
                Cause::InternalError,
            );
        }
        self.accept_at_last(cx);
    }

    /// Whether a PRACK names the response that waits for it, which then waits no more.
    fn takes_prack(&mut self, prack: &Request) -> bool {
        let State::Incoming(incoming) = &mut self.state else {
            return false;
        };
        let offered = incoming.offered_mut();
        let Ok(Some(rack)) = prack.typed::<RAck<'_>>() else {
            return false;
        };
        let invite = offered.request.cseq().map(|cseq| cseq.number);
        let known = offered.provisionals.unacknowledged.is_some()
            && rack.response == offered.provisionals.number
            && rack.method == Method::Invite
            && invite == Ok(rack.cseq);
        if known && let Some(sent) = offered.provisionals.unacknowledged.take() {
            offered.provisionals.answered |= !sent.response.body().is_empty();
        }
        known
    }

    /// A 200 that waited for a PRACK goes out.
    fn accept_at_last(&mut self, cx: &mut Context) {
        if let State::Incoming(Incoming::Answering(offered, _)) = &mut self.state
            && !offered.provisionals.holds_answer()
            && let Some(sdp) = offered.ready.take()
        {
            self.accept(cx, sdp);
        }
    }
}
