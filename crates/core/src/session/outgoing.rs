//! An outgoing call, from the first command to the 2xx (RFC 3261 section 13.2).

use std::time::Duration;

use offhook_sip::{
    HeaderName, Message, Method, NameAddr, OutgoingRequest, Response, StatusCode, Uri, WriteError,
};

use super::closing::Closing;
use super::established::{Established, Handshake};
use super::{Answer, Direction, Session, SessionId, SessionTimer, State, Status, sdp_of};
use crate::ask::{AskId, Question, Reply};
use crate::cause::Cause;
use crate::connection::Way;
use crate::context::{Context, Owner, Sent, Timer, Unsent};
use crate::dialog::Dialog;
use crate::event::{End, Originator, SessionEvent};
use crate::flow::FlowId;
use crate::headers;
use crate::media::{MediaStep, SdpKind};
use crate::offer_answer::Outcome;
use crate::options::{CallOptions, MediaKinds};
use crate::transaction::TransactionId;

/// Where an outgoing call stands.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// The peer connection makes our offer.
    Preparing(Box<Draft>),
    /// The offer is ready and waits for a way to the peer.
    Waiting(Box<Draft>, String),
    /// The application may change the INVITE.
    Sending(Box<Draft>, AskId, Box<OutgoingRequest>),
    /// The INVITE is sent.
    Calling(Invite),
    /// A provisional response came; the dialogs it and others made.
    Proceeding(Invite, Vec<Dialog>),
    /// A 2xx came; its answer is being applied.
    Answered(Box<Answered>),
}

/// What the INVITE will be made of.
#[derive(Debug)]
pub(crate) struct Draft {
    target: Uri<'static>,
    options: CallOptions,
}

/// An INVITE that is under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invite {
    pub(crate) transaction: TransactionId,
    pub(crate) sequence: u32,
    pub(crate) flow: FlowId,
    patience: Duration,
}

/// A call whose 2xx has come.
#[derive(Debug)]
pub(crate) struct Answered {
    dialog: Dialog,
    invite: Invite,
    response: Response,
    ack: OutgoingRequest,
    /// The answer, when an earlier one is still being applied.
    next: Option<String>,
}

impl Outgoing {
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Preparing(_) | Self::Waiting(..) | Self::Sending(..) => Status::Null,
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

    pub(crate) fn early_dialog(&mut self) -> Option<&mut Dialog> {
        match self {
            Self::Proceeding(_, early) => early.first_mut(),
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
    pub(crate) fn call(
        cx: &mut Context,
        id: SessionId,
        target: Uri<'static>,
        options: CallOptions,
    ) -> Self {
        let local = from_of(cx, &options);
        let remote = NameAddr::new(target.without_headers());
        let call_id = cx.random.token(24);
        let wanted = MediaKinds {
            audio: options.audio,
            video: options.video,
        };
        let draft = Box::new(Draft { target, options });
        let state = State::Outgoing(Outgoing::Preparing(draft));
        let mut session = Self::new(id, Direction::Outgoing, call_id, local, remote, state);
        cx.ask(
            id,
            Question::NewSession {
                originator: Originator::Local,
                request: None,
            },
        );
        session.open_media(cx, wanted);
        session
    }

    pub(super) fn outgoing_negotiated(&mut self, cx: &mut Context, outcome: Outcome) {
        match outcome {
            Outcome::OfferReady(offer) => {
                if let State::Outgoing(Outgoing::Preparing(draft)) =
                    std::mem::replace(&mut self.state, State::Closed)
                {
                    self.state = State::Outgoing(Outgoing::Waiting(draft, offer));
                    let limit = cx.config.timings.t1 * 64;
                    cx.set_timer(Timer::Session(self.id, SessionTimer::Patience), limit);
                    self.way_changed(cx);
                }
            }
            Outcome::AnswerApplied(kind) => self.outgoing_answer_applied(cx, kind),
            Outcome::Failed(step, error) => self.outgoing_media_failed(cx, step, error),
            Outcome::OfferApplied | Outcome::AnswerReady(_) => {}
        }
    }

    /// A flow was opened: an INVITE that waits for it may go on its way.
    pub(crate) fn way_changed(&mut self, cx: &mut Context) {
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
        let State::Outgoing(Outgoing::Waiting(draft, offer)) =
            std::mem::replace(&mut self.state, State::Closed)
        else {
            return;
        };
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
        offer: String,
    ) -> Result<OutgoingRequest, WriteError> {
        let options = &draft.options;
        let mut request = OutgoingRequest::new(Method::Invite, &draft.target.without_headers());
        let headers = request.headers_mut();
        headers.push(HeaderName::MaxForwards, headers::MAX_FORWARDS)?;
        headers.push(HeaderName::To, &self.remote)?;
        headers.push(HeaderName::From, &self.local)?;
        headers.push(HeaderName::CallId, &self.call_id)?;
        headers.push(
            HeaderName::CSeq,
            format_args!("{} INVITE", cx.random.sequence()),
        )?;
        if options.anonymous {
            let identity = format!("<{}>", cx.config.address.without_headers());
            headers.push(HeaderName::PPreferredIdentity, identity)?;
            headers.push(HeaderName::Privacy, "id")?;
        }
        headers::put_extra(headers, &options.extra_headers)?;
        if !headers.contains(HeaderName::Contact) {
            let contact = if options.anonymous {
                cx.connection
                    .contact(flow)
                    .replacen(cx.connection.contact_user(), "anonymous", 1)
            } else {
                cx.connection.contact(flow)
            };
            // `;ob`: requests of this dialog shall come back over this flow (RFC 5626 section 4.3).
            let outbound = if cx.config.servers.is_empty() {
                ""
            } else {
                ";ob"
            };
            headers.push(HeaderName::Contact, format_args!("<{contact}{outbound}>"))?;
        }
        headers::put_identity(headers, &cx.config)?;
        request.set_body(headers::APPLICATION_SDP, offer)?;
        Ok(request)
    }

    pub(super) fn sending_replied(&mut self, cx: &mut Context, reply: Reply) {
        let State::Outgoing(Outgoing::Sending(draft, _, planned)) =
            std::mem::replace(&mut self.state, State::Closed)
        else {
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
        let flow = match cx.first_way(&draft.target) {
            Way::Open(flow) | Way::Opening(flow) => flow,
            Way::None => return self.abandon(cx, Cause::ConnectionError),
        };
        match (cx.submit(Owner::Invite(self.id), request), sequence) {
            (Ok(Sent::Now(transaction)), Some(sequence)) => {
                let patience = draft.options.no_answer_timeout;
                let invite = Invite {
                    transaction,
                    sequence,
                    flow,
                    patience,
                };
                self.state = State::Outgoing(Outgoing::Calling(invite));
                cx.set_timer(Timer::Session(self.id, SessionTimer::NoAnswer), patience);
            }
            (Ok(_), _) | (Err(Unsent::Refused), _) => self.abandon(cx, Cause::InternalError),
            (Err(Unsent::NoWay), _) => self.abandon(cx, Cause::ConnectionError),
        }
    }

    /// The challenged INVITE went out again.
    pub(super) fn invite_sent_again(&mut self, sent: Sent) {
        if let (
            State::Outgoing(Outgoing::Calling(invite) | Outgoing::Proceeding(invite, _)),
            Sent::Now(transaction),
        ) = (&mut self.state, sent)
        {
            invite.transaction = transaction;
        }
    }

    /// Fails for a reason of this side, with nothing sent or to send.
    pub(super) fn abandon(&mut self, cx: &mut Context, cause: Cause) {
        self.fail(cx, Originator::System, cause, None);
        self.close(cx);
    }

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
            cx.dialogs.insert(dialog.id().clone(), self.id);
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
        let Ok(ack) = acknowledge(cx, &dialog, invite.sequence, invite.transaction) else {
            return self.abandon(cx, Cause::InternalError);
        };
        cx.dialogs.insert(dialog.id().clone(), self.id);
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

    fn outgoing_answer_applied(&mut self, cx: &mut Context, kind: SdpKind) {
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
        self.started = Some(cx.now);
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

    fn outgoing_media_failed(&mut self, cx: &mut Context, step: MediaStep, error: String) {
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
            State::Outgoing(Outgoing::Waiting(..)) => self.abandon(cx, Cause::ConnectionError),
            State::Closing(Closing::Cancelled(_)) => self.close(cx),
            _ => {}
        }
    }
}

/// How many forks of one INVITE are followed while they ring.
const MAX_EARLY_DIALOGS: usize = 32;

/// The ACK with the credentials of its INVITE (RFC 3261 section 13.2.2.4).
pub(super) fn acknowledge(
    cx: &Context,
    dialog: &Dialog,
    sequence: u32,
    invite: TransactionId,
) -> Result<OutgoingRequest, WriteError> {
    let mut ack = dialog.ack(sequence)?;
    if let Some(pending) = cx.pending.get(&invite) {
        for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
            for value in pending.request.headers().get_all(name) {
                ack.headers_mut().push(name, value)?;
            }
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
    if let Ok(ack) = acknowledge(cx, &dialog, invite.sequence, invite.transaction) {
        let _ = cx.send_ack(&dialog, ack);
    }
    if let Ok(bye) = dialog.request(Method::Bye) {
        let _ = cx.submit_in(&dialog, Owner::Stray, bye);
    }
}

/// The From of a call (RFC 3261 section 8.1.1.3).
fn from_of(cx: &mut Context, options: &CallOptions) -> NameAddr<'static> {
    let tag = cx.random.tag();
    let config = &cx.config;
    let anonymous = Uri::parse("sip:anonymous@anonymous.invalid")
        .ok()
        .filter(|_| options.anonymous);
    let (uri, name) = match (anonymous, &options.from_user_name) {
        (Some(uri), _) => (uri, Some("Anonymous".to_owned())),
        (None, Some(user)) => (config.address.with_user(user), config.display_name.clone()),
        (None, None) => (config.address.clone(), config.display_name.clone()),
    };
    let from = NameAddr::new(uri.into_owned()).with_tag(&tag);
    match options.from_display_name.clone().or(name) {
        Some(name) => from.with_display_name(name),
        None => from,
    }
}
