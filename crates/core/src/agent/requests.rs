//! Received messages, and requests on their way to the machine they are for
//! (RFC 3261 section 8.2).

use bytes::Bytes;
use offhook_sip::{HeaderName, Message, Method, OutgoingResponse, Request, StatusCode};

use super::{Agent, Life};
use crate::dialog::DialogId;
use crate::event::Event;
use crate::flow::FlowId;
use crate::headers;
use crate::session::{
    Received as InSession, Session, SessionId, marks_of, refuse_interval, sdp_of, too_small,
};
use crate::transaction::{Received, TransactionId};

impl Agent {
    pub(super) fn received(&mut self, flow: FlowId, bytes: Bytes) {
        if self.keep_alive_received(flow, &bytes) {
            return;
        }
        self.counters.received += 1;
        match Message::parse(bytes.clone(), &self.cx.config.limits) {
            Ok(Message::Request(request)) => self.request_received(flow, request),
            Ok(Message::Response(response)) => self.response_received(flow, response),
            Err(error) => {
                self.counters.malformed += 1;
                let answer =
                    offhook_sip::reject(&bytes, &error).and_then(|answer| answer.write().ok());
                if let Some(bytes) = answer {
                    self.cx.send(flow, bytes);
                }
            }
        }
    }

    fn request_received(&mut self, flow: FlowId, request: Request) {
        if let Err(invalid) = request.validate() {
            self.counters.malformed += 1;
            if request.method() != Method::Ack {
                let mut response = OutgoingResponse::to_request(&request, invalid.status());
                // A phrase that cannot be written leaves the status' own.
                let _ = response.set_reason(&invalid.reason());
                if let Ok(bytes) = response.write() {
                    self.cx.send(flow, bytes);
                }
            }
            return;
        }
        self.cx.identifiers.note(HeaderName::To, &request);
        let Some((transport, _)) = self.cx.connection.peer(flow) else {
            self.counters.unknown_flow += 1;
            return;
        };
        let cx = &mut self.cx;
        let received = cx.transactions.receive_request(
            cx.now,
            &mut cx.timers,
            request.clone(),
            flow,
            transport,
        );
        match received {
            Received::Absorbed => {}
            Received::Refused => self.counters.refused += 1,
            Received::Ack => self.ack_received(request),
            Received::Cancel { cancel, invite } => self.cancel_received(cancel, invite, request),
            Received::New(transaction) => self.route(flow, transaction, request),
        }
        self.drain_transactions();
    }

    fn ack_received(&mut self, ack: Request) {
        let session = DialogId::of_request(&ack).and_then(|id| self.cx.dialogs.get(&id));
        match session.and_then(|id| self.sessions.get_mut(&id)) {
            Some(session) => {
                session.acknowledged(&mut self.cx, ack);
                session.tell_ready(&mut self.cx);
            }
            None => self.counters.stray_acks += 1,
        }
    }

    fn cancel_received(
        &mut self,
        cancel: TransactionId,
        invite: Option<TransactionId>,
        request: Request,
    ) {
        let status = match invite {
            Some(_) => StatusCode::OK,
            None => StatusCode::CALL_DOES_NOT_EXIST,
        };
        self.cx.answer(cancel, &request, status);
        let session = invite
            .and_then(|invite| self.cx.invites.get(&invite))
            .and_then(|id| self.sessions.get_mut(&id));
        match (session, invite) {
            (Some(session), _) => session.cancelled(&mut self.cx, request),
            (None, Some(invite)) => {
                // The CANCEL of a re-INVITE names its dialog.
                let session =
                    DialogId::of_request(&request).and_then(|id| self.cx.dialogs.get(&id));
                match session.and_then(|id| self.sessions.get_mut(&id)) {
                    Some(session) => session.reinvite_cancelled(&mut self.cx, invite),
                    None => self.replaces_cancelled(invite),
                }
            }
            (None, None) => {}
        }
    }

    /// A request that starts a transaction.
    fn route(&mut self, flow: FlowId, transaction: TransactionId, request: Request) {
        if let Err((status, unsupported)) = self.acceptable(&request) {
            if let Ok(mut response) = self.cx.response(&request, status) {
                // A list that cannot be written is left out.
                let _ = unsupported
                    .map(|tags| response.headers_mut().push(HeaderName::Unsupported, tags));
                self.cx.respond(transaction, response);
            }
            return;
        }
        if request.to().is_ok_and(|to| to.tag().is_some()) {
            return self.route_in_dialog(flow, transaction, request);
        }
        match request.method() {
            Method::Invite => self.invite_received(flow, transaction, request),
            Method::Subscribe => {
                let received = InSession {
                    transaction,
                    request,
                };
                self.subscribe_received(flow, received);
            }
            Method::Message | Method::Options => {
                let received = InSession {
                    transaction,
                    request,
                };
                self.inquiry_received(flow, received);
            }
            Method::Notify if self.cx.config.unsolicited_notify => {
                self.unsolicited(transaction, request);
            }
            Method::Bye
            | Method::Info
            | Method::Update
            | Method::Prack
            | Method::Notify
            | Method::Refer => {
                self.cx
                    .answer(transaction, &request, StatusCode::CALL_DOES_NOT_EXIST);
            }
            _ => self
                .cx
                .answer(transaction, &request, StatusCode::METHOD_NOT_ALLOWED),
        }
    }

    /// Whether a request is for this agent, and needs nothing it cannot do
    /// (RFC 3261 sections 8.2.1 and 8.2.2).
    fn acceptable(&self, request: &Request) -> Result<(), (StatusCode, Option<String>)> {
        let uri = request.uri().map_err(|_| (StatusCode::BAD_REQUEST, None))?;
        if !uri.is_sip() {
            return Err((StatusCode::UNSUPPORTED_URI_SCHEME, None));
        }
        let user = uri.user_unescaped();
        let ours = |own: Option<std::borrow::Cow<'_, str>>| user.is_some() && user == own;
        let for_us = ours(self.cx.config.address.user_unescaped())
            || self.cx.connection.is_contact_user(&uri)
            || user.as_deref() == Some("anonymous")
            || self.cx.is_own_gruu(&uri)
            || (user.is_none() && request.method() == Method::Options);
        if !for_us {
            return Err((StatusCode::NOT_FOUND, None));
        }
        let required = request.values(HeaderName::Require);
        let unknown = headers::listed(required.filter(|tag| {
            !headers::SUPPORTED
                .iter()
                .any(|known| known.eq_ignore_ascii_case(tag))
        }));
        if !unknown.is_empty() && !matches!(request.method(), Method::Ack | Method::Cancel) {
            return Err((StatusCode::BAD_EXTENSION, Some(unknown)));
        }
        Ok(())
    }

    fn route_in_dialog(&mut self, flow: FlowId, transaction: TransactionId, request: Request) {
        let session = DialogId::of_request(&request).and_then(|id| self.cx.dialogs.get(&id));
        match session.and_then(|id| self.sessions.get_mut(&id)) {
            Some(session) => {
                session.requested(
                    &mut self.cx,
                    InSession {
                        transaction,
                        request,
                    },
                );
                session.tell_ready(&mut self.cx);
            }
            None => self.subscription_requested(
                flow,
                InSession {
                    transaction,
                    request,
                },
            ),
        }
    }

    fn invite_received(&mut self, flow: FlowId, transaction: TransactionId, request: Request) {
        let marks = marks_of(&request);
        if self.cx.marks.get(&marks).is_some()
            || self
                .replacements
                .values()
                .any(|replacement| replacement.is_same_invite(&request))
        {
            return self
                .cx
                .answer(transaction, &request, StatusCode::LOOP_DETECTED);
        }
        if self.is_busy() {
            return self.cx.answer(transaction, &request, StatusCode::BUSY_HERE);
        }
        let readable = request.body().is_empty() || sdp_of(&request, &self.cx).is_some();
        if !readable {
            return self
                .cx
                .refuse_type(transaction, &request, headers::APPLICATION_SDP);
        }
        if let Some(least) = too_small(&request, &self.cx.config) {
            let received = InSession {
                transaction,
                request,
            };
            return refuse_interval(&mut self.cx, &received, least);
        }
        let received = InSession {
            transaction,
            request,
        };
        if let Some(received) = self.replaces_received(flow, received) {
            self.admit(flow, received);
        }
    }

    /// Makes an INVITE a session.
    pub(super) fn admit(&mut self, flow: FlowId, received: InSession) -> Option<SessionId> {
        let InSession {
            transaction,
            request,
        } = &received;
        let (transaction, request) = (*transaction, request.clone());
        let id = self.name_session();
        match Session::receive(&mut self.cx, id, received, flow) {
            Ok(session) => {
                self.cx.invites.insert(&transaction, id);
                self.cx.marks.insert(&marks_of(&request), id);
                self.sessions.insert(id, session);
                Some(id)
            }
            Err((status, missing)) => {
                if let Ok(mut response) = self.cx.response(&request, status) {
                    // The standard phrase does when this one cannot be written.
                    let _ =
                        response.set_reason(&format!("{}: it lacks {missing}", status.reason()));
                    self.cx.respond(transaction, response);
                }
                None
            }
        }
    }

    /// A MESSAGE or OPTIONS outside any dialog.
    fn inquiry_received(&mut self, flow: FlowId, received: InSession) {
        let status = match received.request.method() {
            // An OPTIONS is answered as an INVITE would be (RFC 3261 section 11.2).
            Method::Options if self.is_busy() => StatusCode::BUSY_HERE,
            _ if self.life == Life::Stopping => StatusCode::TEMPORARILY_UNAVAILABLE,
            _ => return self.cx.inquire(None, Some(flow), received),
        };
        self.cx
            .answer(received.transaction, &received.request, status);
    }

    /// A NOTIFY that belongs to no subscription, which the application takes all the same.
    fn unsolicited(&mut self, transaction: TransactionId, request: Request) {
        let event = request.header(HeaderName::Event).map(str::to_owned);
        let status = match event {
            Some(_) => StatusCode::OK,
            None => StatusCode::BAD_REQUEST,
        };
        self.cx.answer(transaction, &request, status);
        if let Some(event) = event {
            self.cx.event(Event::UnsolicitedNotify { event, request });
        }
    }

    /// Whether there is no room for another session.
    fn is_busy(&self) -> bool {
        self.life == Life::Stopping
            || self.sessions.len() + self.replacements.len() >= self.cx.config.max_sessions
    }
}
