//! A session with a confirmed dialog (RFC 3261 sections 13.3.1.4, 12.2 and 15).

use std::time::Duration;

use offhook_sip::{Message, Method, OutgoingRequest, OutgoingResponse, Request, StatusCode};

use super::closing::Closing;
use super::hold::is_hold;
use super::reoffer::{Exchange, Purpose, ReofferOptions, sequence_of};
use super::{Answer, Received, Session, SessionTimer, State, Status, sdp_of};
use crate::cause::Cause;
use crate::context::{Context, Timer};
use crate::dialog::Dialog;
use crate::errand::Errand;
use crate::event::{Originator, SessionEvent};
use crate::flow::FlowId;
use crate::media::SdpKind;
use crate::offer_answer::Outcome;
use crate::subscription::Package;
use crate::transaction::TransactionId;

/// A session with a confirmed dialog.
#[derive(Debug)]
pub(crate) struct Established {
    dialog: Dialog,
    pub(super) handshake: Handshake,
}

/// How far the three-way handshake of the last INVITE is.
#[derive(Debug)]
pub(crate) enum Handshake {
    /// We acknowledged the peer's 2xx, and do so again when it comes again.
    Acknowledged {
        invite: TransactionId,
        ack: OutgoingRequest,
    },
    /// Our 2xx waits for its ACK.
    Unacknowledged(Unacknowledged),
    /// The ACK brought the answer to our offer, which is being applied.
    Answering(Request),
    /// Nothing is owed.
    Settled,
}

/// A 2xx that waits for its ACK.
#[derive(Debug)]
pub(crate) struct Unacknowledged {
    pub(crate) transaction: TransactionId,
    pub(crate) sequence: u32,
    pub(crate) response: OutgoingResponse,
    pub(crate) interval: Duration,
}

impl Established {
    pub(crate) fn new(dialog: Dialog, handshake: Handshake) -> Self {
        Self { dialog, handshake }
    }

    pub(crate) fn status(&self) -> Status {
        match self.handshake {
            Handshake::Unacknowledged(_) | Handshake::Answering(_) => Status::WaitingForAck,
            Handshake::Acknowledged { .. } | Handshake::Settled => Status::Confirmed,
        }
    }

    pub(crate) fn dialog_mut(&mut self) -> &mut Dialog {
        &mut self.dialog
    }

    pub(crate) fn flow(&self) -> FlowId {
        self.dialog.flow()
    }

    /// The CSeq number of the INVITE we acknowledged.
    pub(crate) fn invite_sequence(&self) -> Option<u32> {
        match &self.handshake {
            Handshake::Acknowledged { ack, .. } => sequence_of(ack),
            _ => None,
        }
    }

    pub(crate) fn acknowledge_again(&self, cx: &mut Context) {
        if let Handshake::Acknowledged { ack, .. } = &self.handshake {
            // Lost again, it is asked for again.
            let _ = cx.send_ack(&self.dialog, ack.clone());
        }
    }

    fn unacknowledged_mut(&mut self) -> Option<&mut Unacknowledged> {
        match &mut self.handshake {
            Handshake::Unacknowledged(unacknowledged) => Some(unacknowledged),
            _ => None,
        }
    }

    /// The dialog, and the 2xx that still waits for its ACK.
    pub(crate) fn into_parts(self) -> (Dialog, Option<Unacknowledged>) {
        match self.handshake {
            Handshake::Unacknowledged(unacknowledged) => (self.dialog, Some(unacknowledged)),
            _ => (self.dialog, None),
        }
    }
}

impl Session {
    /// Starts the timers of a 2xx that waits for its ACK.
    pub(super) fn arm_retransmission(&self, cx: &mut Context, unacknowledged: &Unacknowledged) {
        cx.set_timer(
            Timer::Session(self.id, SessionTimer::Retransmit),
            unacknowledged.interval,
        );
        let limit = cx.config.timings.lifetime();
        cx.set_timer(Timer::Session(self.id, SessionTimer::NoAck), limit);
    }

    /// Sends the 2xx again, each time after twice the time, on any transport
    /// (RFC 3261 section 13.3.1.4).
    pub(super) fn retransmit_answer(&mut self, cx: &mut Context) {
        let unacknowledged = match &mut self.state {
            State::Established(established) => established.unacknowledged_mut(),
            State::Closing(Closing::Unacknowledged(_, unacknowledged, _)) => {
                Some(&mut **unacknowledged)
            }
            _ => None,
        };
        let Some(unacknowledged) = unacknowledged else {
            return;
        };
        unacknowledged.interval = (unacknowledged.interval * 2).min(cx.config.timings.t2);
        let (interval, transaction) = (unacknowledged.interval, unacknowledged.transaction);
        let response = unacknowledged.response.clone();
        cx.respond(transaction, response);
        cx.set_timer(Timer::Session(self.id, SessionTimer::Retransmit), interval);
    }

    pub(super) fn not_acknowledged(&mut self, cx: &mut Context) {
        match &mut self.state {
            State::Established(established) => {
                established.handshake = Handshake::Settled;
                if !self.confirmed || !self.make_sure(cx) {
                    self.hang_up(cx, Originator::Remote, Cause::NoAck, None);
                }
            }
            State::Closing(Closing::Unacknowledged(..)) => self.bye_may_go(cx),
            _ => {}
        }
    }

    /// Whether our answer to a re-INVITE arrived nobody knows: a connection may have broken under
    /// it. Another offer agrees on the session anew, and tells whether the peer is there at all: the
    /// peer's that is being answered, ours that waits for its turn, or else one for this alone.
    fn make_sure(&mut self, cx: &mut Context) -> bool {
        if matches!(self.exchange, Exchange::Asking(..) | Exchange::Answering(_)) {
            return true;
        }
        self.roll_back(cx);
        self.restore_remote_hold(cx);
        matches!(self.exchange, Exchange::Waiting(_))
            || self
                .reoffer(cx, Purpose::Refresh, ReofferOptions::default())
                .is_ok()
    }

    /// An ACK inside the dialog.
    pub(crate) fn acknowledged(&mut self, cx: &mut Context, ack: Request) {
        let number = ack.cseq().ok().map(|cseq| cseq.number);
        if let State::Closing(Closing::Unacknowledged(_, unacknowledged, _)) = &self.state {
            if number == Some(unacknowledged.sequence) {
                self.bye_may_go(cx);
            }
            return;
        }
        let State::Established(established) = &mut self.state else {
            return;
        };
        match &established.handshake {
            Handshake::Unacknowledged(unacknowledged)
                if number == Some(unacknowledged.sequence) => {}
            _ => return,
        }
        established.handshake = Handshake::Settled;
        for timer in [SessionTimer::Retransmit, SessionTimer::NoAck] {
            cx.timers.cancel(&Timer::Session(self.id, timer));
        }
        self.dialog_opened(cx);
        if !self.media.negotiation.awaits_answer() {
            return self.confirm(cx, ack);
        }
        let State::Established(established) = &mut self.state else {
            return;
        };
        // Our 2xx carried the offer; the ACK owes the answer (RFC 3261 section 13.2.1).
        match sdp_of(&ack, cx).map(str::to_owned) {
            Some(sdp) => {
                established.handshake = Handshake::Answering(ack);
                self.media
                    .negotiation
                    .apply(cx, self.id, SdpKind::Answer, &sdp);
            }
            None => self.answer_missing(cx, Cause::MissingSdp, "400", "Missing SDP"),
        }
    }

    pub(super) fn established_negotiated(&mut self, cx: &mut Context, outcome: Outcome) {
        let State::Established(established) = &mut self.state else {
            return;
        };
        if !matches!(established.handshake, Handshake::Answering(_)) {
            return self.exchange_negotiated(cx, outcome);
        }
        match (
            std::mem::replace(&mut established.handshake, Handshake::Settled),
            outcome,
        ) {
            (Handshake::Answering(ack), Outcome::AnswerApplied(_)) => {
                if self.held_before.take().is_some() {
                    let held = sdp_of(&ack, cx).is_some_and(is_hold);
                    self.set_remote_hold(cx, held);
                }
                self.confirm(cx, ack);
            }
            (Handshake::Answering(_), Outcome::Failed(step, error)) => {
                self.answer_missing(cx, Cause::BadMediaDescription, "488", "Not Acceptable Here");
                self.tell_media_failure(cx, step, error);
            }
            (handshake, _) => established.handshake = handshake,
        }
    }

    /// The ACK brought no answer that can be used: a new session ends, an old one goes on as it
    /// was before.
    fn answer_missing(&mut self, cx: &mut Context, cause: Cause, code: &str, text: &str) {
        if self.confirmed {
            self.roll_back(cx);
            self.restore_remote_hold(cx);
        } else {
            let reason = format!("SIP ;cause={code};text=\"{text}\"");
            self.hang_up(cx, Originator::Local, cause, Some(reason));
        }
    }

    /// The ACK came, with all it owed: told once for a session, not for its re-INVITEs.
    fn confirm(&mut self, cx: &mut Context, ack: Request) {
        if !std::mem::replace(&mut self.confirmed, true) {
            self.expect_media(cx);
            let event = SessionEvent::Confirmed {
                originator: Originator::Remote,
                ack: Some(ack),
            };
            match self.replaces.take() {
                // The one whose place it takes ends first.
                Some(old) => cx.errands.push_back(Errand::Replace {
                    old,
                    new: self.id,
                    event: Box::new(event),
                }),
                None => cx.tell(self.id, event),
            }
        }
    }

    /// A transaction of this session is over: what was kept for its sake goes.
    pub(crate) fn transaction_over(&mut self, transaction: TransactionId) {
        if let State::Established(established) = &mut self.state
            && matches!(&established.handshake, Handshake::Acknowledged { invite, .. } if *invite == transaction)
        {
            established.handshake = Handshake::Settled;
        }
    }

    /// A request inside the dialog other than ACK and CANCEL.
    pub(crate) fn requested(&mut self, cx: &mut Context, received: Received) {
        let Received {
            transaction,
            request,
        } = &received;
        let in_order = match self.dialog_of(request) {
            Some(dialog) => dialog.accept_sequence(request),
            None => Err(StatusCode::CALL_DOES_NOT_EXIST),
        };
        if let Err(status) = in_order {
            return cx.answer(*transaction, request, status);
        }
        match request.method() {
            // The subscriptions to transfers are the session's; others share its dialog.
            Method::Notify | Method::Subscribe if !is_about_refer(request) => {
                let session = self.id;
                let errand = Errand::Subscription { session, received };
                cx.errands.push_back(errand);
            }
            Method::Notify => self.notified(cx, received),
            Method::Subscribe => self.resubscribed(cx, received),
            // The dialog stands for its subscriptions alone.
            Method::Bye if matches!(self.state, State::Closing(Closing::Subscribed(_))) => {
                cx.answer(*transaction, request, StatusCode::CALL_DOES_NOT_EXIST);
            }
            Method::Bye => self.peer_hung_up(cx, received),
            // To the application the session has ended: it is told nothing more about it.
            _ if self.ended.is_some() => {
                cx.answer(*transaction, request, StatusCode::CALL_DOES_NOT_EXIST);
            }
            Method::Info => self.info_received(cx, received),
            Method::Prack => self.pracked(cx, received),
            Method::Refer => self.refer_received(cx, received),
            Method::Invite | Method::Update => self.reoffered(cx, received),
            Method::Message | Method::Options => {
                let session = self.id;
                cx.inquire(Some(session), None, received);
            }
            _ => cx.answer(*transaction, request, StatusCode::METHOD_NOT_ALLOWED),
        }
    }

    fn peer_hung_up(
        &mut self,
        cx: &mut Context,
        Received {
            transaction,
            request,
        }: Received,
    ) {
        cx.answer(transaction, &request, StatusCode::OK);
        let message = Some(Message::Request(request));
        match &self.state {
            State::Established(_) => {
                self.finish(cx, Originator::Remote, Cause::Bye, message);
                self.close(cx);
            }
            State::Incoming(_) => {
                self.refuse_invite(cx, StatusCode::REQUEST_TERMINATED, None);
                self.finish(cx, Originator::Remote, Cause::Bye, message);
                self.close(cx);
            }
            // Both sides hung up at once, or the peer gave up a call whose 2xx is on its way.
            State::Closing(_) => self.close(cx),
            State::Outgoing(_) | State::Closed => {}
        }
    }

    /// A request of ours was answered: a peer that does not know the dialog any more, or does not
    /// answer, has left it (RFC 5057 section 5.1).
    pub(super) fn check_dialog(&mut self, cx: &mut Context, answer: Answer) {
        if !matches!(self.state, State::Established(_)) {
            return;
        }
        match answer {
            Answer::Response(response) if response.status() == StatusCode::CALL_DOES_NOT_EXIST => {
                self.hang_up(cx, Originator::Local, Cause::DialogError, None);
            }
            Answer::Response(response) if response.status() == StatusCode::REQUEST_TIMEOUT => {
                self.hang_up(cx, Originator::Local, Cause::RequestTimeout, None);
            }
            Answer::Timeout => self.hang_up(cx, Originator::Local, Cause::RequestTimeout, None),
            // The flow broke; it is made again, and the call lives on.
            Answer::Response(_) | Answer::Unsent => {}
        }
    }
}

/// Whether a request is about a transfer (RFC 3515), or does not say what it is about.
fn is_about_refer(request: &Request) -> bool {
    Package::of_request(request).is_none_or(|package| package.has_name("refer"))
}
