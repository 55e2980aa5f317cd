//! An incoming call, from the INVITE to the final response (RFC 3261 section 13.3).

use std::time::Duration;

use offhook_sip::{HeaderName, Message, OutgoingResponse, Request, StatusCode, WriteError};

use super::progress::ProgressOptions;
use super::reliable::Provisionals;
use super::trickle::Trickle;
use super::updates::Updates;
use super::{Direction, Received, Session, SessionId, SessionTimer, State, Status};
use crate::ask::{AskId, Invitation, Question};
use crate::cause::Cause;
use crate::context::{Context, Timer};
use crate::dialog::Dialog;
use crate::event::{Originator, SessionEvent};
use crate::flow::FlowId;
use crate::headers;
use crate::options::AnswerOptions;
use crate::transaction::TransactionId;

/// Where an incoming call stands.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// The application is being told.
    Announced(Box<Offered>, AskId),
    /// It rings.
    Ringing(Box<Offered>),
    /// It rings, and the peer connection makes our answer for early media.
    Progressing(Box<Offered>, Box<ProgressOptions>),
    /// The application has answered; the peer connection makes our description.
    Answering(Box<Offered>, AnswerOptions),
}

/// An INVITE that waits for its final response.
#[derive(Debug)]
pub(crate) struct Offered {
    pub(super) transaction: TransactionId,
    pub(super) request: Request,
    pub(super) dialog: Dialog,
    pub(super) flow: FlowId,
    pub(super) provisionals: Provisionals,
    /// Our answer, when it went out for early media.
    pub(super) early: Option<String>,
    /// Whether an UPDATE has changed what our answer agreed on.
    pub(super) updated: bool,
    /// Our answer, when its 200 waits for a PRACK.
    pub(super) ready: Option<String>,
}

impl Incoming {
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Announced(..) | Self::Ringing(_) | Self::Progressing(..) => {
                Status::WaitingForAnswer
            }
            Self::Answering(..) => Status::Answered,
        }
    }

    pub(crate) fn asked(&self) -> Option<AskId> {
        match self {
            Self::Announced(_, ask) => Some(*ask),
            Self::Ringing(_) | Self::Progressing(..) | Self::Answering(..) => None,
        }
    }

    pub(super) fn offered(&self) -> &Offered {
        match self {
            Self::Announced(offered, _)
            | Self::Ringing(offered)
            | Self::Progressing(offered, _)
            | Self::Answering(offered, _) => offered,
        }
    }

    pub(super) fn offered_mut(&mut self) -> &mut Offered {
        match self {
            Self::Announced(offered, _)
            | Self::Ringing(offered)
            | Self::Progressing(offered, _)
            | Self::Answering(offered, _) => offered,
        }
    }

    pub(crate) fn dialog_mut(&mut self) -> &mut Dialog {
        &mut self.offered_mut().dialog
    }

    pub(super) fn into_offered(self) -> Offered {
        match self {
            Self::Announced(offered, _)
            | Self::Ringing(offered)
            | Self::Progressing(offered, _)
            | Self::Answering(offered, _) => *offered,
        }
    }
}

impl Session {
    /// A call from a peer: announces it. The answer to the question lets it ring.
    ///
    /// # Errors
    ///
    /// The response owed to an INVITE that makes no dialog.
    pub(crate) fn receive(
        cx: &mut Context,
        id: SessionId,
        Received {
            transaction,
            request,
        }: Received,
        flow: FlowId,
    ) -> Result<Self, (StatusCode, &'static str)> {
        let tag = cx.random.tag();
        let sequence = cx.random.sequence();
        let dialog = Dialog::from_request(&request, &tag, sequence, flow)
            .map_err(|missing| (StatusCode::BAD_REQUEST, missing.0))?;
        let bad = |_| (StatusCode::BAD_REQUEST, "a readable From and To");
        let (local, remote) = (
            request.to().map_err(bad)?.into_owned().with_tag(&tag),
            request.from().map_err(bad)?.into_owned(),
        );
        let question = Question::NewSession(Invitation::Incoming(request.clone()));
        let expires = request.typed::<offhook_sip::Expires>().ok().flatten();
        cx.dialogs.insert(dialog.id(), id);
        let uuid = cx.random.uuid_bits();
        cx.identifiers.begin(id, &tag, uuid, Some(&request));
        let call_id = dialog.id().call_id.clone();
        let ask = cx.ask(id, question);
        let invite = request.clone();
        let offered = Box::new(Offered {
            transaction,
            request,
            dialog,
            flow,
            provisionals: Provisionals::default(),
            early: None,
            updated: false,
            ready: None,
        });
        let state = State::Incoming(Incoming::Announced(offered, ask));
        if let Some(expires) = expires {
            let after = Duration::from_secs(expires.0.into());
            cx.set_timer(Timer::Session(id, SessionTimer::Expires), after);
        }
        let patience = cx.config.no_answer_timeout;
        cx.set_timer(Timer::Session(id, SessionTimer::NoAnswer), patience);
        let mut session = Self::new(id, Direction::Incoming, call_id, local, remote, state);
        session.trickle = Trickle::new(cx.config.trickle_ice);
        session.trickle.note(&invite);
        session.updates = Updates::of(&invite);
        session.note_identity(cx, &invite);
        Ok(session)
    }

    /// The application has been told: it rings, unless it is answered already.
    pub(super) fn announced(&mut self, cx: &mut Context) {
        let taken = take_state!(self, State::Incoming(Incoming::Announced(offered, _)) => offered);
        if let Some(offered) = taken {
            self.state = State::Incoming(Incoming::Ringing(offered));
            self.ring(cx);
        }
    }

    pub(super) fn ring(&mut self, cx: &mut Context) {
        let ringing = self.invite_response(cx, StatusCode::RINGING);
        if ringing
            .and_then(|ringing| self.send_provisional(cx, ringing))
            .is_err()
        {
            return self.refuse(
                cx,
                StatusCode::SERVER_INTERNAL_ERROR,
                Originator::System,
                Cause::InternalError,
            );
        }
        cx.tell(
            self.id,
            SessionEvent::Progress {
                originator: Originator::Local,
                response: None,
            },
        );
    }

    /// A response to the INVITE with what makes a dialog (RFC 3261 section 12.1.1).
    pub(super) fn invite_response(
        &self,
        cx: &mut Context,
        status: StatusCode,
    ) -> Result<OutgoingResponse, WriteError> {
        let State::Incoming(incoming) = &self.state else {
            return Ok(OutgoingResponse::new(status));
        };
        let offered = incoming.offered();
        let mut response = OutgoingResponse::to_request(&offered.request, status);
        response.set_to_tag(&offered.dialog.id().local_tag)?;
        if status.code() < 300 {
            response.copy_record_route(&offered.request);
            cx.put_contact(response.headers_mut(), offered.flow)?;
        }
        let headers = response.headers_mut();
        headers.push(HeaderName::Server, &cx.config.user_agent)?;
        // Before the 200, too: it may be UPDATEd then (RFC 3311 section 5.1). A 405 has to say what
        // is allowed (RFC 3261 section 21.4.6).
        if status.code() < 300 || status == StatusCode::METHOD_NOT_ALLOWED {
            headers.push(HeaderName::Allow, headers::ALLOW)?;
        }
        if status.is_success() {
            let supported = headers::supported(&cx.config);
            headers.push(HeaderName::Supported, supported)?;
        }
        if status.code() < 300 {
            self.trickle.put_answer(headers, &offered.request)?;
        }
        Ok(response)
    }

    /// Answers the INVITE with a final response from 300 on.
    pub(super) fn refuse_invite(
        &mut self,
        cx: &mut Context,
        status: StatusCode,
        reason: Option<&str>,
    ) {
        let State::Incoming(incoming) = &self.state else {
            return;
        };
        let transaction = incoming.offered().transaction;
        if let Ok(mut response) = self.invite_response(cx, status) {
            if let Some(reason) = reason {
                // A reason phrase that cannot be written leaves the status' own.
                let _ = response.set_reason(reason);
            }
            cx.respond(transaction, response);
        }
    }

    /// Refuses the call for a reason of this side, and fails.
    pub(super) fn refuse(
        &mut self,
        cx: &mut Context,
        status: StatusCode,
        originator: Originator,
        cause: Cause,
    ) {
        self.refuse_invite(cx, status, None);
        self.fail(cx, originator, cause, None);
        self.close(cx);
    }

    pub(super) fn expired(&mut self, cx: &mut Context) {
        if matches!(self.state, State::Incoming(_)) {
            self.refuse(
                cx,
                StatusCode::REQUEST_TERMINATED,
                Originator::System,
                Cause::Expires,
            );
        }
    }

    /// A CANCEL for the INVITE; it is answered already (RFC 3261 section 9.2).
    pub(crate) fn cancelled(&mut self, cx: &mut Context, cancel: Request) {
        if matches!(self.state, State::Incoming(_)) {
            self.refuse_invite(cx, StatusCode::REQUEST_TERMINATED, None);
            self.fail(
                cx,
                Originator::Remote,
                Cause::Canceled,
                Some(Message::Request(cancel)),
            );
            self.close(cx);
        }
    }
}

/// What two INVITEs share that are one and came different ways: merged requests
/// (RFC 3261 section 8.2.2.2).
pub(crate) fn marks_of(invite: &Request) -> String {
    let from = invite.from().ok();
    let tag = from.as_ref().and_then(|from| from.tag());
    let number = invite.cseq().map_or(0, |cseq| cseq.number);
    let call_id = invite.call_id().unwrap_or_default();
    format!("{number} {} {call_id}", tag.unwrap_or_default())
}
