//! Sessions: what the seed API calls an `RTCSession`, an INVITE dialog with a peer connection.
//!
//! A session is one [`State`]; each file beside this one is a part of its life or a verb.

#[macro_use]
mod state;

mod answer;
mod closing;
mod dtmf;
mod established;
mod forks;
mod handle;
mod hold;
mod identity;
mod incoming;
mod info;
mod message;
mod mute;
mod notifier;
mod outgoing;
mod proceeding;
mod progress;
mod ready;
mod recovery;
mod redirect;
mod refer;
mod refer_to;
mod referred;
mod reliable;
mod reoffer;
mod reoffered;
mod replaces;
mod terminate;
mod terms;
mod timers;
mod trickle;
mod updates;

use offhook_sip::{
    HeaderFields, HeaderName, Message, NameAddr, OutgoingRequest, Request, Response, StatusCode,
};

use crate::ask::{AskId, Question, Reply};
use crate::cause::Cause;
use crate::context::{Context, Owner, Timer, Unsent};
use crate::dialog::Dialog;
use crate::error::CommandError;
use crate::event::{End, Event, Originator, SessionEvent};
use crate::media::{ConnectionState, MediaReport, MediaRequest, MediaStep};
use crate::offer_answer::{Negotiation, Outcome};
use crate::options::MediaKinds;
use crate::time::Instant;
use crate::transaction::TransactionId;

use closing::Closing;
use dtmf::DtmfQueue;
use established::Established;
pub(crate) use forks::end_stray;
pub use handle::{SessionInfo, SessionMut};
pub use hold::OnHold;
pub(crate) use incoming::{Incoming, marks_of};
use outgoing::Outgoing;
pub use progress::ProgressOptions;
use redirect::Redirections;
pub use refer::ReferOptions;
use refer::Transfers;
pub(crate) use referred::follow;
pub use reoffer::ReofferOptions;
pub(crate) use reoffer::sequence_of;
use reoffer::{Exchange, Reoffer};
use terms::TIMERS;
pub use terms::{Direction, SessionId, Status};
pub(crate) use terms::{InDialog, SessionTimer};
use timers::SessionTimers;
pub(crate) use timers::{refuse_interval, too_small};
pub(crate) use trickle::TAG as TRICKLE;
use trickle::Trickle;
use updates::Updates;

/// The life of a session.
#[derive(Debug)]
enum State {
    Outgoing(Outgoing),
    Incoming(Incoming),
    Established(Box<Established>),
    /// The application has seen the end; the protocol has something left to do.
    Closing(Closing),
    /// Nothing is left; the agent lets the session go.
    Closed,
}

/// How far the peer connection is before the first offer or answer.
#[derive(Debug, Default)]
enum Setup {
    #[default]
    None,
    Opening,
    Asking(AskId),
    Capturing,
    Ready,
}

/// The session's side of its peer connection.
#[derive(Debug, Default)]
struct Media {
    setup: Setup,
    negotiation: Negotiation,
    wanted: MediaKinds,
    /// The fork whose reliable provisional response answered our offer.
    answered_by: Option<String>,
    /// The provisional response whose early media is being applied; then it is told.
    ringing: Option<Response>,
    /// Whether media has found a way, ever.
    connected: bool,
    muted: MediaKinds,
}

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    id: SessionId,
    direction: Direction,
    call_id: String,
    local: NameAddr<'static>,
    remote: NameAddr<'static>,
    state: State,
    media: Media,
    dtmf: DtmfQueue,
    next_info: u32,
    next_reoffer: u32,
    on_hold: OnHold,
    /// Whether the peer held us before its offer that is being answered.
    held_before: Option<bool>,
    timers: SessionTimers,
    trickle: Trickle,
    /// The re-INVITE or UPDATE that is under way.
    exchange: Exchange,
    /// Our offer that waits until the peer's is answered, after both met.
    later: Option<Reoffer>,
    /// The peer's UPDATE without an offer, which the application may refuse. It refreshes the
    /// session, and touches no exchange of descriptions.
    refresh: Option<(Received, AskId)>,
    updates: Updates,
    /// Whether it has been told that a new offer may be made.
    ready: bool,
    /// Who the network says the peer is.
    asserted: Option<NameAddr<'static>>,
    /// Where 3xx responses lead, when they are followed.
    redirections: Option<Redirections>,
    transfers: Transfers,
    /// The session whose place this one takes once it is confirmed.
    replaces: Option<SessionId>,
    /// Whether `confirmed` has been told.
    confirmed: bool,
    started: Option<Instant>,
    ended: Option<Instant>,
}

impl Session {
    fn new(
        id: SessionId,
        direction: Direction,
        call_id: String,
        local: NameAddr<'static>,
        remote: NameAddr<'static>,
        state: State,
    ) -> Self {
        Self {
            id,
            direction,
            call_id,
            local,
            remote,
            state,
            media: Media::default(),
            dtmf: DtmfQueue::default(),
            next_info: 1,
            next_reoffer: 1,
            on_hold: OnHold::default(),
            held_before: None,
            timers: SessionTimers::default(),
            trickle: Trickle::default(),
            exchange: Exchange::Idle,
            later: None,
            refresh: None,
            updates: Updates::default(),
            ready: false,
            asserted: None,
            redirections: None,
            transfers: Transfers::default(),
            replaces: None,
            confirmed: false,
            started: None,
            ended: None,
        }
    }

    pub(crate) fn id(&self) -> SessionId {
        self.id
    }

    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.state, State::Closing(_) | State::Closed)
    }

    pub(crate) fn status(&self) -> Status {
        match &self.state {
            State::Outgoing(outgoing) => outgoing.status(),
            State::Incoming(incoming) => incoming.status(),
            State::Established(established) => established.status(),
            State::Closing(_) | State::Closed => Status::Terminated,
        }
    }

    /// That the session is in no state for this.
    pub(crate) fn invalid_state(&self, command: &'static str) -> CommandError {
        CommandError::InvalidState {
            command,
            status: self.status(),
        }
    }

    /// Starts the peer connection; the rest follows its reports.
    fn open_media(&mut self, cx: &mut Context, wanted: MediaKinds) {
        self.media.wanted = wanted;
        self.media.setup = Setup::Opening;
        cx.media(self.id, MediaRequest::Open);
    }

    /// Takes a report of the peer connection.
    pub(crate) fn report(&mut self, cx: &mut Context, report: MediaReport) {
        if self.is_ended() {
            return;
        }
        self.note_candidates(cx, &report);
        match (&self.media.setup, report) {
            (Setup::Opening, MediaReport::Opened) => {
                self.media.setup = Setup::Asking(cx.ask(self.id, Question::PeerConnection));
            }
            (Setup::Capturing, MediaReport::Captured) => self.media_ready(cx),
            (Setup::Opening | Setup::Capturing, MediaReport::Failed { step, error }) => {
                self.negotiated(cx, Outcome::Failed(step, error));
            }
            (_, MediaReport::Tone { tone, duration }) => {
                let event = SessionEvent::NewDtmf {
                    originator: Originator::Remote,
                    tone,
                    duration,
                    request: None,
                };
                cx.tell(self.id, event);
            }
            (_, MediaReport::Connection(ConnectionState::Failed)) => self.media_failed(cx),
            (_, MediaReport::Connection(ConnectionState::Connected)) => self.media_back(cx),
            (_, report) => {
                let gathers = matches!(report, MediaReport::LocalSet { gathered: false });
                if let Some(outcome) = self.media.negotiation.report(cx, self.id, report) {
                    self.negotiated(cx, outcome);
                }
                if gathers {
                    self.hasten(cx);
                }
            }
        }
    }

    fn media_ready(&mut self, cx: &mut Context) {
        self.media.setup = Setup::Ready;
        if self.media.muted != MediaKinds::default() {
            self.apply_mute(cx);
        }
        match &self.state {
            State::Outgoing(_) => {
                cx.tell(self.id, SessionEvent::Connecting);
                self.call_media_ready(cx);
            }
            State::Incoming(_) => self.answer_media_ready(cx),
            State::Established(_) | State::Closing(_) | State::Closed => {}
        }
    }

    /// Takes the application's answer to a question.
    pub(crate) fn reply(&mut self, cx: &mut Context, ask: AskId, reply: Reply) {
        if self.refer_asked(ask) {
            return self.refer_replied(cx, ask, reply);
        }
        if self.is_ended() {
            return;
        }
        if matches!(self.media.setup, Setup::Asking(asked) if asked == ask) {
            self.media.setup = Setup::Capturing;
            let MediaKinds { audio, video } = self.media.wanted;
            cx.media(self.id, MediaRequest::Capture { audio, video });
            return;
        }
        if let Some(received) = self.take_asked(ask) {
            return self.exchange_replied(cx, received, reply);
        }
        match &self.state {
            State::Incoming(incoming) if incoming.asked() == Some(ask) => self.announced(cx),
            State::Outgoing(outgoing) if outgoing.asked() == Some(ask) => {
                self.sending_replied(cx, reply)
            }
            _ => {
                let reply = match &mut self.state {
                    State::Outgoing(outgoing) => outgoing.amend(ask, reply),
                    _ => Some(reply),
                };
                let negotiation = &mut self.media.negotiation;
                if let Some(outcome) =
                    reply.and_then(|reply| negotiation.reply(cx, self.id, ask, reply))
                {
                    self.negotiated(cx, outcome);
                }
            }
        }
    }

    /// Goes on after an exchange of descriptions has come to something.
    fn negotiated(&mut self, cx: &mut Context, outcome: Outcome) {
        if let Outcome::OfferReady(sdp) | Outcome::AnswerReady(sdp) = &outcome {
            self.trickle.described(sdp);
        }
        match &self.state {
            State::Outgoing(_) | State::Incoming(_) if self.exchange.negotiates() => {
                self.exchange_negotiated(cx, outcome);
            }
            State::Outgoing(_) => self.outgoing_negotiated(cx, outcome),
            State::Incoming(_) => self.incoming_negotiated(cx, outcome),
            State::Established(_) => self.established_negotiated(cx, outcome),
            State::Closing(_) | State::Closed => {}
        }
        self.trickle(cx);
    }

    /// Tells what the media engine could not do, in the seed API's words.
    fn tell_media_failure(&self, cx: &mut Context, step: MediaStep, error: String) {
        let event = match step {
            MediaStep::Open | MediaStep::Capture => SessionEvent::GetUserMediaFailed { error },
            MediaStep::CreateOffer => SessionEvent::CreateOfferFailed { error },
            MediaStep::CreateAnswer => SessionEvent::CreateAnswerFailed { error },
            MediaStep::SetLocal | MediaStep::DescribeLocal => {
                SessionEvent::SetLocalDescriptionFailed { error }
            }
            MediaStep::SetRemote => SessionEvent::SetRemoteDescriptionFailed { error },
        };
        cx.tell(self.id, event);
    }

    pub(crate) fn timer(&mut self, cx: &mut Context, timer: SessionTimer) {
        match timer {
            SessionTimer::Gathering => self.media.negotiation.stop_gathering(cx, self.id),
            SessionTimer::Dtmf => self.next_tone(cx),
            SessionTimer::Reinvite => cx.cancel_reinvite(self.id),
            SessionTimer::Glare => self.glare_over(cx),
            SessionTimer::Provisional => self.retransmit_provisional(cx),
            SessionTimer::NoPrack => self.provisional_unacknowledged(cx),
            SessionTimer::MediaDue => self.media_overdue(cx),
            SessionTimer::MediaRetry => self.restart_ice(cx),
            SessionTimer::MediaLost => self.media_lost(cx),
            SessionTimer::Trickle => self.send_candidates(cx),
            SessionTimer::Refresh => self.refresh(cx),
            SessionTimer::Expiry => self.session_expired(cx),
            SessionTimer::NoAnswer => self.not_answered(cx),
            SessionTimer::Expires => self.expired(cx),
            SessionTimer::Retransmit => self.retransmit_answer(cx),
            SessionTimer::NoAck => self.not_acknowledged(cx),
            SessionTimer::Patience => self.out_of_patience(cx),
        }
    }

    /// The dialog that requests inside this session go through.
    pub(crate) fn dialog_mut(&mut self) -> Option<&mut Dialog> {
        match &mut self.state {
            State::Outgoing(outgoing) => outgoing.early_dialog(self.trickle.fork()),
            State::Incoming(incoming) => Some(incoming.dialog_mut()),
            State::Established(established) => Some(established.dialog_mut()),
            State::Closing(closing) => closing.dialog_mut(),
            State::Closed => None,
        }
    }

    /// The dialog that a request of the peer names.
    fn dialog_of(&mut self, request: &Request) -> Option<&mut Dialog> {
        let peer = request.from().ok();
        self.dialog_with(peer.as_ref().and_then(NameAddr::tag))
    }

    /// The dialog whose peer has this tag: a call that rings may have several.
    fn dialog_with(&mut self, tag: Option<&str>) -> Option<&mut Dialog> {
        if matches!(self.state, State::Outgoing(_)) {
            return match &mut self.state {
                State::Outgoing(outgoing) => outgoing.early_dialog(tag),
                _ => None,
            };
        }
        self.dialog_mut()
    }

    /// Sends a request inside the dialog of this session.
    fn send_in_dialog(
        &mut self,
        cx: &mut Context,
        kind: InDialog,
        build: impl FnOnce(&mut Dialog, &mut Context) -> Result<OutgoingRequest, Unsent>,
    ) -> Result<(), Unsent> {
        let dialog = self.dialog_mut().ok_or(Unsent::NoWay)?;
        let request = build(dialog, cx)?;
        self.submit_in_dialog(cx, kind, request)
    }

    fn submit_in_dialog(
        &mut self,
        cx: &mut Context,
        kind: InDialog,
        request: OutgoingRequest,
    ) -> Result<(), Unsent> {
        let owner = Owner::InDialog(self.id, kind);
        let dialog = self.dialog_mut().ok_or(Unsent::NoWay)?;
        cx.submit_in(dialog, owner, request)?;
        Ok(())
    }

    /// A challenged request of this session goes out again with credentials; says whether it did.
    pub(crate) fn retry(&mut self, cx: &mut Context, mut pending: crate::context::Pending) -> bool {
        let peer = tag_of(pending.request.headers(), HeaderName::To);
        let number = match pending.owner {
            Owner::Invite(_) => match &mut self.state {
                State::Outgoing(outgoing) => outgoing.next_sequence(),
                // Cancelled meanwhile: the challenge is a final response like any other.
                _ => None,
            },
            Owner::InDialog(..) => self.dialog_with(peer.as_deref()).map(Dialog::next_sequence),
            _ => None,
        };
        let Some(number) = number else {
            return false;
        };
        let method = pending.request.method().as_str().to_owned();
        if let Owner::InDialog(_, InDialog::Refer(refer)) = pending.owner {
            self.refer_renumbered(refer, number);
        }
        let numbered = pending
            .request
            .headers_mut()
            .set(HeaderName::CSeq, format_args!("{number} {method}"));
        if numbered.is_err() {
            return false;
        }
        match pending.owner {
            Owner::Invite(_) => match cx.resubmit(pending) {
                Ok(sent) => {
                    self.invite_sent_again(sent, None);
                    true
                }
                Err(_) => false,
            },
            _ => match self.dialog_with(peer.as_deref()) {
                Some(dialog) => cx.resubmit_in(dialog, pending).is_ok(),
                None => false,
            },
        }
    }

    /// The peer refused a request as one that is out of order (RFC 3261 section 12.2.2). Where a
    /// later one of ours was on its way too, it may have come first: then this one goes again with
    /// a number of its own; says whether it did.
    pub(crate) fn overtaken(&mut self, cx: &mut Context, pending: crate::context::Pending) -> bool {
        let peer = tag_of(pending.request.headers(), HeaderName::To);
        let number = sequence_of(&pending.request);
        let last = self
            .dialog_with(peer.as_deref())
            .map(|dialog| dialog.last_sequence());
        // A NOTIFY has newer things to say by now.
        !matches!(
            pending.owner,
            Owner::InDialog(_, InDialog::Notify(_)) | Owner::Invite(_)
        ) && number < last
            && self.retry(cx, pending)
    }

    /// A request inside the dialog was answered, or never will be.
    pub(crate) fn in_dialog_answered(
        &mut self,
        cx: &mut Context,
        id: Option<TransactionId>,
        kind: InDialog,
        answer: Answer,
    ) {
        match kind {
            InDialog::Bye => self.bye_answered(cx),
            InDialog::Prack => self.prack_answered(&answer),
            InDialog::Trickle => self.candidates_answered(cx, answer),
            InDialog::Reinvite => match id.filter(|id| !cx.awaits_reinvite(self.id, *id)) {
                // Another offer of ours may be under way: the 2xx says nothing about it.
                Some(earlier) => self.reinvite_accepted_again(cx, earlier, &answer),
                None => {
                    cx.reinvite_answered(self.id);
                    self.reoffer_answered(cx, id, answer);
                }
            },
            InDialog::Update => self.reoffer_answered(cx, None, answer),
            // The session has ended: nothing more is told.
            InDialog::Dtmf(_) | InDialog::Info(_) if self.ended.is_some() => {}
            InDialog::Alone(request) => {
                cx.request_over(request, answer.clone());
                // Silence may be an application that does not decide.
                if answer.response().is_some() {
                    self.check_dialog(cx, answer);
                }
            }
            InDialog::Refresh => self.refresh_answered(cx, answer),
            InDialog::Refer(refer) => self.refer_answered(cx, refer, answer),
            InDialog::Notify(refer) => self.notify_answered(cx, refer, &answer),
            InDialog::Dtmf(tone) => {
                let response = answer.response().cloned();
                self.dtmf_answered(cx, tone, response);
                self.check_dialog(cx, answer);
            }
            InDialog::Info(info) => {
                let response = answer.response().cloned();
                cx.tell(self.id, SessionEvent::InfoDelivered { info, response });
                self.check_dialog(cx, answer);
            }
        }
    }

    /// The session has ended for the application: tells it, and lets the media go.
    fn end(&mut self, cx: &mut Context, failed: bool, end: End) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some(cx.now);
        for timer in TIMERS {
            cx.timers.cancel(&Timer::Session(self.id, timer));
        }
        self.dtmf = DtmfQueue::default();
        cx.cancel_reinvite(self.id);
        cx.reinvite_answered(self.id);
        self.leave_exchange(cx, StatusCode::REQUEST_TERMINATED);
        if !matches!(self.media.setup, Setup::None) {
            cx.media(self.id, MediaRequest::Close);
        }
        self.media.setup = Setup::None;
        self.media.negotiation = Negotiation::Stable;
        let end = end.with_words();
        let event = if failed {
            SessionEvent::Failed(end)
        } else {
            SessionEvent::Ended(end)
        };
        cx.tell(self.id, event);
    }

    /// The session could not be established.
    fn fail(
        &mut self,
        cx: &mut Context,
        originator: Originator,
        cause: Cause,
        message: Option<Message>,
    ) {
        self.end(
            cx,
            true,
            End {
                originator,
                cause,
                message,
                detail: None,
            },
        );
    }

    /// The session was established and is over.
    fn finish(
        &mut self,
        cx: &mut Context,
        originator: Originator,
        cause: Cause,
        message: Option<Message>,
    ) {
        self.end(
            cx,
            false,
            End {
                originator,
                cause,
                message,
                detail: None,
            },
        );
    }

    /// Nothing is left to do: what the agent holds for this session goes.
    fn close(&mut self, cx: &mut Context) {
        let id = self.id;
        for timer in TIMERS {
            cx.timers.cancel(&Timer::Session(id, timer));
        }
        if self.keep_for_subscriptions(cx) {
            return;
        }
        self.state = State::Closed;
        cx.dialogs.release(id);
        cx.asks.release(id);
        cx.forget_invite(id);
        cx.expectant.remove(&id);
        cx.closed.push(id);
        cx.referrals.remove(&id);
        cx.event(Event::SessionClosed { session: id });
    }
}

/// The tag in a From or To header.
fn tag_of(headers: &HeaderFields, name: HeaderName) -> Option<String> {
    let address = NameAddr::parse(headers.get(name)?).ok()?;
    address.tag().map(str::to_owned)
}

/// What became of a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A final response.
    Response(Response),
    /// None in time.
    Timeout,
    /// The flow broke, or there was none.
    Unsent,
}

impl Answer {
    pub(crate) fn response(&self) -> Option<&Response> {
        match self {
            Self::Response(response) => Some(response),
            Self::Timeout | Self::Unsent => None,
        }
    }
}

/// The session description in a message, if it holds one that may be used.
pub(crate) fn sdp_of<'a>(message: &'a offhook_sip::Received, cx: &Context) -> Option<&'a str> {
    let body = message
        .body_part("application", "sdp", &cx.config.limits)
        .ok()??;
    std::str::from_utf8(body).ok()
}

/// A received request and the transaction it came in.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) transaction: TransactionId,
    pub(crate) request: Request,
}
