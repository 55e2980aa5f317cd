//! An outgoing call, from the first command to the 2xx (RFC 3261 section 13.2).

use std::time::Duration;

use offhook_sip::{
    HeaderName, Method, NameAddr, OutgoingRequest, Response, StatusCode, Uri, WriteError,
};

use super::closing::Closing;
use super::reliable;
use super::timers::SessionTimers;
use super::trickle::Trickle;
use super::{Direction, Session, SessionId, SessionTimer, State, Status};
use crate::ask::{AskId, Invitation, Question, Reply};
use crate::auth::AuthAttempt;
use crate::cause::Cause;
use crate::connection::Way;
use crate::context::{Context, Owner, Pending, Sent, Timer, Unsent};
use crate::dialog::Dialog;
use crate::event::{End, Originator};
use crate::flow::FlowId;
use crate::headers;
use crate::offer_answer::Outcome;
use crate::options::{CallOptions, MediaKinds};
use crate::request::{own_from, put_preferred_identity};
use crate::transaction::TransactionId;

/// Where an outgoing call stands.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// The peer connection is made ready, and makes our offer.
    Preparing(Box<Draft>),
    /// The offer, unless the peer shall make it, is ready and waits for a way to the peer.
    Waiting(Box<Draft>, Option<String>),
    /// The application may change the INVITE.
    Sending(Box<Draft>, AskId, Box<OutgoingRequest>),
    /// The INVITE is ready and waits for the connection to come back.
    Parked(Box<Parked>),
    /// The INVITE is sent.
    Calling(Invite),
    /// A provisional response came; the dialogs it and others made.
    Proceeding(Invite, Vec<Early>),
    /// A 2xx came; its answer is being applied.
    Answered(Box<Answered>),
}

/// What the INVITE will be made of.
#[derive(Debug)]
pub(crate) struct Draft {
    target: Uri<'static>,
    options: CallOptions,
    /// As far as it is known, and has been shown.
    request: OutgoingRequest,
    /// The Contact that it has been shown with; another way may ask for another.
    contact: String,
    announced: AskId,
}

/// An INVITE that waits for the connection to come back.
#[derive(Debug)]
pub(crate) struct Parked {
    pub(super) sequence: u32,
    pub(super) patience: Duration,
    pub(super) pending: Pending,
}

/// An INVITE that is under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invite {
    pub(crate) transaction: TransactionId,
    pub(crate) sequence: u32,
    pub(crate) flow: FlowId,
    pub(super) patience: Duration,
}

/// A fork that rings.
#[derive(Debug)]
pub(crate) struct Early {
    pub(super) dialog: Dialog,
    /// The number of its last reliable provisional response.
    pub(super) reliable: Option<u32>,
    /// How many PRACKs to it are not answered.
    pub(super) pracks: u32,
    /// The answer it has given.
    pub(super) answer: Option<String>,
}

/// A call whose 2xx has come.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(super) dialog: Dialog,
    pub(super) invite: Invite,
    pub(super) response: Response,
    pub(super) ack: OutgoingRequest,
    /// Whether the INVITE made the offer; else the 2xx does, and the ACK answers.
    pub(super) offered: bool,
    /// The description of the 2xx, while an earlier one is still being applied.
    pub(super) next: Option<String>,
}

impl Outgoing {
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Preparing(_) | Self::Waiting(..) | Self::Sending(..) => Status::Null,
            Self::Parked(_) => Status::InviteSent,
            Self::Calling(_) => Status::InviteSent,
            Self::Proceeding(..) => Status::ProgressReceived,
            Self::Answered(_) => Status::Confirmed,
        }
    }

    pub(crate) fn asked(&self) -> Option<AskId> {
        match self {
            Self::Sending(_, ask, _) => Some(*ask),
            _ => None,
        }
    }

    /// The application's word on the announced call: whether it has another INVITE for it.
    pub(crate) fn amend(&mut self, ask: AskId, reply: Reply) -> Option<Reply> {
        match (self, reply) {
            (Self::Preparing(draft) | Self::Waiting(draft, _), reply) if draft.announced == ask => {
                if let Reply::Request(request) = reply
                    && request.method() == Method::Invite
                {
                    draft.request = request;
                }
                None
            }
            (_, reply) => Some(reply),
        }
    }

    /// The dialog of the fork with this tag, else of the first one.
    pub(crate) fn early_dialog(&mut self, tag: Option<&str>) -> Option<&mut Dialog> {
        match self {
            Self::Proceeding(_, early) => {
                let of_tag = |early: &Early| Some(early.dialog.id().remote_tag.as_str()) == tag;
                let at = early.iter().position(of_tag).unwrap_or_default();
                early.get_mut(at).map(|early| &mut early.dialog)
            }
            Self::Answered(answered) => Some(&mut answered.dialog),
            _ => None,
        }
    }

    /// The number of the INVITE when it is sent again.
    pub(crate) fn next_sequence(&mut self) -> Option<u32> {
        match self {
            Self::Calling(invite) | Self::Proceeding(invite, _) => {
                invite.sequence += 1;
                Some(invite.sequence)
            }
            _ => None,
        }
    }
}

impl Session {
    /// A call to `target`: asks for its peer connection and goes on with its reports.
    ///
    /// # Errors
    ///
    /// When something of the application's cannot stand in an INVITE.
    pub(crate) fn call(
        cx: &mut Context,
        id: SessionId,
        target: Uri<'static>,
        options: CallOptions,
    ) -> Result<Self, WriteError> {
        let local = own_from(
            cx,
            options.anonymous,
            options.from_user_name.as_deref(),
            options.from_display_name.as_deref(),
        );
        let remote = NameAddr::new(target.without_headers());
        let call_id = cx.random.token(24);
        let wanted = MediaKinds {
            audio: options.audio,
            video: options.video,
        };
        let timers = SessionTimers::new(&cx.config, options.session_timers_expires);
        let trickle = options.trickle_ice.unwrap_or(cx.config.trickle_ice);
        let follow = options.follow_redirects.then(|| target.clone());
        let mut request = begin_invite(cx, &target, &local, &call_id, &options)?;
        // As far as it is known before there is a way.
        let contact = contact_over(cx, cx.connection.server(), options.anonymous);
        let headers = request.headers_mut();
        if !headers.contains(HeaderName::Contact) {
            headers.push(HeaderName::Contact, &contact)?;
        }
        if !options.late_offer {
            headers.set(HeaderName::ContentType, headers::APPLICATION_SDP)?;
        }
        timers.put_wish(headers, &cx.config)?;
        let announced = cx.ask(
            id,
            Question::NewSession(Invitation::Outgoing(request.clone())),
        );
        let draft = Box::new(Draft {
            target,
            options,
            request,
            contact,
            announced,
        });
        let state = State::Outgoing(Outgoing::Preparing(draft));
        let uuid = cx.random.uuid_bits();
        let tag = local.tag().unwrap_or_default();
        cx.identifiers.begin(id, tag, uuid, None);
        let mut session = Self::new(id, Direction::Outgoing, call_id, local, remote, state);
        session.timers = timers;
        session.trickle = Trickle::new(trickle);
        if let Some(target) = follow {
            session.follow_redirections(&target);
        }
        session.open_media(cx, wanted);
        Ok(session)
    }

    pub(super) fn outgoing_negotiated(&mut self, cx: &mut Context, outcome: Outcome) {
        match outcome {
            // Never sent: it makes room for the answer of a fork that came after another's.
            Outcome::OfferReady(_)
                if matches!(self.state, State::Outgoing(Outgoing::Answered(_))) =>
            {
                self.apply_next(cx);
            }
            Outcome::OfferReady(offer) => {
                self.await_way(cx, Some(offer));
            }
            Outcome::AnswerApplied(kind) => self.outgoing_answer_applied(cx, kind),
            Outcome::Failed(step, error) => self.outgoing_media_failed(cx, step, error),
            // The 2xx brought the offer.
            Outcome::OfferApplied => self.media.negotiation.answer(cx, self.id),
            Outcome::AnswerReady(answer) => self.answer_in_ack(cx, answer),
        }
    }

    /// The peer connection has our media: it makes the offer, unless that is left to the peer.
    pub(super) fn call_media_ready(&mut self, cx: &mut Context) {
        let State::Outgoing(Outgoing::Preparing(draft)) = &self.state else {
            return;
        };
        if draft.options.late_offer {
            self.await_way(cx, None);
        } else {
            self.media.negotiation.offer(cx, self.id, false);
        }
    }

    /// The INVITE may leave as soon as there is a way to the peer.
    fn await_way(&mut self, cx: &mut Context, offer: Option<String>) {
        let taken = take_state!(self, State::Outgoing(Outgoing::Preparing(draft)) => draft);
        if let Some(draft) = taken {
            self.state = State::Outgoing(Outgoing::Waiting(draft, offer));
            cx.expectant.insert(self.id, ());
            let limit = cx.config.timings.lifetime();
            cx.set_timer(Timer::Session(self.id, SessionTimer::Patience), limit);
            self.way_changed(cx);
        }
    }

    /// A flow was opened: an INVITE that waits for it may go on its way.
    pub(crate) fn way_changed(&mut self, cx: &mut Context) {
        if matches!(self.state, State::Outgoing(Outgoing::Parked(_))) && cx.connection.is_up() {
            return self.unpark(cx);
        }
        let State::Outgoing(Outgoing::Waiting(draft, _)) = &self.state else {
            return;
        };
        let target = draft.target.clone();
        let flow = match cx.first_way(&target) {
            Way::Open(flow) => flow,
            Way::Opening(_) => return,
            Way::None if cx.config.servers.is_empty() || cx.connection.is_idle() => {
                let detail = format!("there is no way to {target}");
                self.end(
                    cx,
                    true,
                    End {
                        originator: Originator::System,
                        cause: Cause::ConnectionError,
                        message: None,
                        detail: Some(detail),
                    },
                );
                self.close(cx);
                return;
            }
            Way::None => return,
        };
        let taken =
            take_state!(self, State::Outgoing(Outgoing::Waiting(draft, offer)) => (draft, offer));
        let Some((draft, offer)) = taken else {
            return;
        };
        cx.expectant.remove(&self.id);
        match self.invite(cx, &draft, flow, offer) {
            Ok(request) => {
                let ask = cx.ask(self.id, Question::Sending(request.clone()));
                self.state = State::Outgoing(Outgoing::Sending(draft, ask, Box::new(request)));
            }
            Err(_) => self.abandon(cx, Cause::InternalError),
        }
    }

    /// The way an INVITE waited for could not be opened.
    pub(crate) fn way_lost(&mut self, cx: &mut Context, reason: &str) {
        if matches!(self.state, State::Outgoing(Outgoing::Waiting(..)))
            && cx.config.servers.is_empty()
        {
            self.end(
                cx,
                true,
                End {
                    originator: Originator::System,
                    cause: Cause::ConnectionError,
                    message: None,
                    detail: Some(reason.to_owned()),
                },
            );
            self.close(cx);
        }
    }

    fn invite(
        &self,
        cx: &mut Context,
        draft: &Draft,
        flow: FlowId,
        offer: Option<String>,
    ) -> Result<OutgoingRequest, WriteError> {
        let mut request = draft.request.clone();
        let headers = request.headers_mut();
        let shown = headers.get(HeaderName::Contact);
        if shown.is_none_or(|shown| shown == draft.contact) {
            let contact = contact_over(cx, flow, draft.options.anonymous);
            headers.set(HeaderName::Contact, contact)?;
        }
        headers::put_identity(headers, &cx.config)?;
        self.trickle.put(headers)?;
        match offer {
            Some(offer) => request.set_body(headers::APPLICATION_SDP, offer)?,
            // A reliable provisional response would have to bring the offer, and its PRACK the
            // answer (RFC 3262 section 5), before anybody has taken the call: the 2xx brings it.
            None => headers::retract(headers, reliable::TAG)?,
        }
        Ok(request)
    }

    pub(super) fn sending_replied(&mut self, cx: &mut Context, reply: Reply) {
        let taken = take_state!(
            self,
            State::Outgoing(Outgoing::Sending(draft, _, planned)) => (draft, planned),
        );
        let Some((draft, planned)) = taken else {
            return;
        };
        let request = match reply {
            Reply::Request(request) if request.method() == Method::Invite => request,
            _ => *planned,
        };
        let sequence = request
            .headers()
            .get(HeaderName::CSeq)
            .and_then(|cseq| cseq.split(' ').next()?.parse().ok());
        cx.timers
            .cancel(&Timer::Session(self.id, SessionTimer::Patience));
        let patience = draft.options.no_answer_timeout;
        match (cx.first_way(&draft.target), sequence) {
            (Way::Open(_), Some(sequence)) => {
                let sent = cx.submit(Owner::Invite(self.id), request);
                self.invite_sent(cx, sent, sequence, patience);
            }
            (Way::Opening(_), Some(sequence)) => {
                let pending = Pending {
                    owner: Owner::Invite(self.id),
                    request,
                    attempt: AuthAttempt::default(),
                };
                self.park(cx, pending, sequence, patience);
            }
            (Way::None, _) => self.abandon(cx, Cause::ConnectionError),
            (_, None) => self.abandon(cx, Cause::InternalError),
        }
    }

    /// The INVITE is sent, or could not be.
    pub(super) fn invite_sent(
        &mut self,
        cx: &mut Context,
        sent: Result<Sent, Unsent>,
        sequence: u32,
        patience: Duration,
    ) {
        let hop = match sent {
            Ok(Sent::Now(transaction)) => cx
                .transactions
                .flow_of(transaction)
                .map(|flow| (transaction, flow)),
            Ok(Sent::Later) | Err(Unsent::Refused) => None,
            Err(Unsent::NoWay) => return self.abandon(cx, Cause::ConnectionError),
        };
        let Some((transaction, flow)) = hop else {
            return self.abandon(cx, Cause::InternalError);
        };
        let invite = Invite {
            transaction,
            sequence,
            flow,
            patience,
        };
        self.state = State::Outgoing(Outgoing::Calling(invite));
        cx.set_timer(Timer::Session(self.id, SessionTimer::NoAnswer), patience);
    }

    /// The challenged or redirected INVITE went out again; over another flow, where one is named.
    pub(crate) fn invite_sent_again(&mut self, sent: Sent, flow: Option<FlowId>) {
        if let (
            State::Outgoing(Outgoing::Calling(invite) | Outgoing::Proceeding(invite, _)),
            Sent::Now(transaction),
        ) = (&mut self.state, sent)
        {
            invite.transaction = transaction;
            invite.flow = flow.unwrap_or(invite.flow);
        }
        // The 100 was about the INVITE before; nobody has said anything about this one.
        if let State::Outgoing(Outgoing::Proceeding(invite, early)) = &self.state
            && early.is_empty()
        {
            self.state = State::Outgoing(Outgoing::Calling(*invite));
        }
    }

    /// Fails for a reason of this side, with nothing sent or to send.
    pub(super) fn abandon(&mut self, cx: &mut Context, cause: Cause) {
        self.fail(cx, Originator::System, cause, None);
        self.close(cx);
    }

    /// Nobody took the call in time.
    pub(super) fn not_answered(&mut self, cx: &mut Context) {
        match &self.state {
            State::Outgoing(Outgoing::Calling(_) | Outgoing::Proceeding(..)) => {
                self.cancel_invite(cx, None, Originator::System, Cause::NoAnswer);
            }
            State::Incoming(_) => self.refuse(
                cx,
                StatusCode::REQUEST_TIMEOUT,
                Originator::Local,
                Cause::NoAnswer,
            ),
            _ => {}
        }
    }

    pub(super) fn out_of_patience(&mut self, cx: &mut Context) {
        match &self.state {
            State::Outgoing(Outgoing::Waiting(..) | Outgoing::Parked(_)) => {
                self.abandon(cx, Cause::ConnectionError);
            }
            State::Closing(Closing::Cancelled(_)) => self.close(cx),
            _ => {}
        }
    }
}

/// The Contact of an INVITE that leaves over this flow.
fn contact_over(cx: &Context, flow: FlowId, anonymous: bool) -> String {
    format!("<{}>", cx.outbound_contact_uri(flow, anonymous))
}

/// An INVITE, as far as it is known before there is media and a flow.
fn begin_invite(
    cx: &mut Context,
    target: &Uri<'_>,
    from: &NameAddr<'_>,
    call_id: &str,
    options: &CallOptions,
) -> Result<OutgoingRequest, WriteError> {
    let target = target.without_headers();
    let mut request = OutgoingRequest::new(Method::Invite, &target);
    let headers = request.headers_mut();
    headers.push(HeaderName::MaxForwards, headers::MAX_FORWARDS)?;
    headers.push(HeaderName::To, NameAddr::new(target))?;
    headers.push(HeaderName::From, from)?;
    headers.push(HeaderName::CallId, call_id)?;
    headers.push(
        HeaderName::CSeq,
        format_args!("{} INVITE", cx.random.sequence()),
    )?;
    if options.anonymous || options.from_user_name.is_some() {
        put_preferred_identity(headers, &cx.config)?;
    }
    if options.anonymous {
        headers.push(HeaderName::Privacy, "id")?;
    }
    headers::put_extra(headers, &options.extra_headers)?;
    Ok(request)
}
