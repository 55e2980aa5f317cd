//! The application's grip on a session: its commands and what it can look up.

use offhook_sip::{Method, NameAddr, SessionIdentifier};

use super::{
    Direction, Incoming, OnHold, ProgressOptions, ReferOptions, ReofferOptions, Session, SessionId,
    State, Status,
};
use crate::agent::Agent;
use crate::context::Context;
use crate::error::CommandError;
use crate::options::{
    AnswerOptions, Body, DtmfOptions, ExtraHeaders, MediaKinds, TerminateOptions,
};
use crate::request::RequestId;
use crate::subscription::{SubscribeOptions, SubscriptionId};
use crate::time::Instant;

/// What can be looked up of a session. Borrowed from its [`Agent`].
#[derive(Clone, Copy, Debug)]
pub struct SessionInfo<'a> {
    session: &'a Session,
    identifier: Option<SessionIdentifier>,
}

impl<'a> SessionInfo<'a> {
    pub(crate) fn new(session: &'a Session, identifier: Option<SessionIdentifier>) -> Self {
        Self {
            session,
            identifier,
        }
    }

    /// The UUIDs of the two sides, by which both ends and all servers between them know the
    /// session (RFC 7989); the peer's is nil until it has said it.
    pub fn identifier(&self) -> Option<SessionIdentifier> {
        self.identifier
    }

    /// The session's id.
    pub fn id(&self) -> SessionId {
        self.session.id
    }

    /// The Call-ID of its INVITE.
    pub fn call_id(&self) -> &'a str {
        &self.session.call_id
    }

    /// Who started it.
    pub fn direction(&self) -> Direction {
        self.session.direction
    }

    /// Our side: the From of an outgoing INVITE, the To of an incoming one; with our tag.
    pub fn local_identity(&self) -> &'a NameAddr<'static> {
        &self.session.local
    }

    /// The peer: the To of an outgoing INVITE, the From of an incoming one.
    pub fn remote_identity(&self) -> &'a NameAddr<'static> {
        &self.session.remote
    }

    /// Who the network says the peer is (RFC 3325 P-Asserted-Identity), where a server vouches for
    /// it; mid-call changes are told by
    /// [`SessionEvent::RemoteIdentity`](crate::SessionEvent::RemoteIdentity).
    pub fn asserted_identity(&self) -> Option<&'a NameAddr<'static>> {
        self.session.asserted.as_ref()
    }

    /// Where it stands.
    pub fn status(&self) -> Status {
        self.session.status()
    }

    /// Whether it is neither established nor ended.
    pub fn is_in_progress(&self) -> bool {
        !self.is_established() && !self.is_ended()
    }

    /// Whether it is accepted and not ended.
    pub fn is_established(&self) -> bool {
        matches!(self.session.state, State::Established(_))
            || matches!(self.session.state, State::Incoming(Incoming::Answering(..)))
    }

    /// Whether it has ended.
    pub fn is_ended(&self) -> bool {
        self.session.is_ended()
    }

    /// Which kinds of local media are muted.
    pub fn is_muted(&self) -> MediaKinds {
        self.session.media.muted
    }

    /// Who holds whom.
    pub fn is_on_hold(&self) -> OnHold {
        self.session.on_hold
    }

    /// Whether [`SessionMut::hold`], [`SessionMut::unhold`] and [`SessionMut::renegotiate`] are
    /// possible now.
    pub fn is_ready_to_reoffer(&self) -> bool {
        self.session.is_ready_to_reoffer()
    }

    /// When it was accepted.
    pub fn start_time(&self) -> Option<Instant> {
        self.session.started
    }

    /// When it ended or failed.
    pub fn end_time(&self) -> Option<Instant> {
        self.session.ended
    }
}

/// A session that can be told what to do. Borrowed from its [`Agent`]; drain
/// [`Agent::poll`] after each command.
#[derive(Debug)]
pub struct SessionMut<'a> {
    agent: &'a mut Agent,
    id: SessionId,
}

impl<'a> SessionMut<'a> {
    pub(crate) fn new(agent: &'a mut Agent, id: SessionId) -> Self {
        Self { agent, id }
    }

    fn command<T>(
        &mut self,
        now: Instant,
        command: impl FnOnce(&mut Session, &mut Context) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        self.agent.command(now, self.id, command)
    }

    /// Answers an incoming call with a 200 and our media (RFC 3261 section 13.3.1.4).
    ///
    /// # Errors
    ///
    /// When the session is outgoing, or not waiting for an answer any more.
    pub fn answer(&mut self, now: Instant, options: AnswerOptions) -> Result<(), CommandError> {
        self.command(now, |session, cx| session.answer(cx, options))
    }

    /// Sends a provisional response to an incoming call, with early media where it is asked for;
    /// reliably (RFC 3262) where the peer takes part.
    ///
    /// # Errors
    ///
    /// When the session is outgoing or not waiting for an answer, the status is no provisional one,
    /// or early media is asked for and the INVITE brought no offer.
    pub fn progress(&mut self, now: Instant, options: ProgressOptions) -> Result<(), CommandError> {
        self.command(now, |session, cx| session.progress(cx, options))
    }

    /// Ends the session: with nothing, a CANCEL, a final response or a BYE, as its state asks.
    ///
    /// # Errors
    ///
    /// When it has ended already, or the status is out of range for the message that would carry
    /// it. Nothing has changed then.
    pub fn terminate(
        &mut self,
        now: Instant,
        options: TerminateOptions,
    ) -> Result<(), CommandError> {
        self.command(now, |session, cx| session.terminate(cx, options))
    }

    /// Sends DTMF tones: `0`-`9`, `A`-`D`, `R`, `*`, `#`, and `,` for a pause of two seconds.
    /// They follow those that are still being sent.
    ///
    /// # Errors
    ///
    /// When there is no dialog to send them in, or a tone is none.
    pub fn send_dtmf(
        &mut self,
        now: Instant,
        tones: &str,
        options: DtmfOptions,
    ) -> Result<(), CommandError> {
        self.command(now, |session, cx| session.send_dtmf(cx, tones, options))
    }

    /// Sends an INFO request (RFC 6086); the number it returns names it in
    /// [`SessionEvent::InfoDelivered`](crate::SessionEvent::InfoDelivered).
    ///
    /// # Errors
    ///
    /// When there is no dialog to send it in, or the content type is none.
    pub fn send_info(
        &mut self,
        now: Instant,
        content_type: &str,
        body: &str,
        extra_headers: &ExtraHeaders,
    ) -> Result<u32, CommandError> {
        self.command(now, |session, cx| {
            session.send_info(cx, content_type, body, extra_headers)
        })
    }

    /// Sends a MESSAGE inside this session's dialog (RFC 3428 section 4).
    /// [`Event::RequestOver`](crate::Event::RequestOver) tells what became of it; it is not sent
    /// again where the connection broke, as nobody knows whether it arrived.
    ///
    /// # Errors
    ///
    /// When there is no dialog to send it in, or the media type or a header is none.
    pub fn send_message(
        &mut self,
        now: Instant,
        body: impl Into<Body>,
        extra_headers: &ExtraHeaders,
    ) -> Result<RequestId, CommandError> {
        let body = body.into();
        self.command(now, |session, cx| {
            session.send_alone(
                cx,
                "send_message",
                Method::Message,
                Some(&body),
                extra_headers,
            )
        })
    }

    /// Asks the peer inside this session's dialog what it can (RFC 3261 section 11).
    /// [`Event::RequestOver`](crate::Event::RequestOver) tells what it says.
    ///
    /// # Errors
    ///
    /// When there is no dialog to ask in, or a header is none.
    pub fn send_options(
        &mut self,
        now: Instant,
        extra_headers: &ExtraHeaders,
    ) -> Result<RequestId, CommandError> {
        self.command(now, |session, cx| {
            session.send_alone(cx, "send_options", Method::Options, None, extra_headers)
        })
    }

    /// Sends any request of the application inside this session's dialog (RFC 3261 section 12.2.1),
    /// as an INFO or a NOTIFY of a private kind. [`Event::RequestOver`](crate::Event::RequestOver)
    /// tells what became of it; it is not sent again where the connection broke, as nobody knows
    /// whether it arrived. A challenge is answered.
    ///
    /// # Errors
    ///
    /// When there is no dialog to send it in; when the method is one that the session itself needs
    /// (INVITE, ACK, BYE, CANCEL, PRACK, UPDATE), and the error says what to use instead; when the
    /// method is no token, or the media type or a header is none.
    pub fn send_request(
        &mut self,
        now: Instant,
        method: Method<'_>,
        body: Option<Body>,
        extra_headers: &ExtraHeaders,
    ) -> Result<RequestId, CommandError> {
        self.command(now, |session, cx| {
            session.send_request(cx, method, body.as_ref(), extra_headers)
        })
    }

    /// Subscribes to `event` inside this session's dialog (RFC 6665 section 4.5.2), which then
    /// lasts as long as the subscription. Otherwise as
    /// [`Agent::subscribe`](crate::Agent::subscribe).
    ///
    /// # Errors
    ///
    /// When the session has no dialog, the event or an option makes no sense, or too many
    /// subscriptions stand.
    pub fn subscribe(
        &mut self,
        now: Instant,
        event: &str,
        options: SubscribeOptions,
    ) -> Result<SubscriptionId, CommandError> {
        self.agent.subscribe_in(now, self.id, event, options)
    }

    /// Puts the peer on hold (RFC 3264 section 8.4). The number it returns names it in
    /// [`SessionEvent::Renegotiated`](crate::SessionEvent::Renegotiated); when the peer refuses,
    /// the session is as before.
    ///
    /// # Errors
    ///
    /// When the peer is on hold already, or no new offer can be made now.
    pub fn hold(&mut self, now: Instant, options: ReofferOptions) -> Result<u32, CommandError> {
        self.command(now, |session, cx| session.hold(cx, options))
    }

    /// Lets the peer go on.
    ///
    /// # Errors
    ///
    /// When the peer is not on hold, or no new offer can be made now.
    pub fn unhold(&mut self, now: Instant, options: ReofferOptions) -> Result<u32, CommandError> {
        self.command(now, |session, cx| session.unhold(cx, options))
    }

    /// Makes a new offer (RFC 3261 section 14.1).
    ///
    /// # Errors
    ///
    /// When the session is not established, or another exchange is under way.
    pub fn renegotiate(
        &mut self,
        now: Instant,
        options: ReofferOptions,
    ) -> Result<u32, CommandError> {
        self.command(now, |session, cx| session.renegotiate(cx, options))
    }

    /// Asks the peer to call `target` (RFC 3515): a SIP URI, or a user of the own domain. With
    /// [`ReferOptions::replaces`] the call takes the place of a session of ours with the target:
    /// an attended transfer. The number it returns names it in
    /// [`Event::Refer`](crate::Event::Refer), which tells how it goes.
    ///
    /// # Errors
    ///
    /// When the session is not established, or the one to replace has ended or still rings at its
    /// target; when the target is no address, or a header cannot be written.
    pub fn refer(
        &mut self,
        now: Instant,
        target: &str,
        options: ReferOptions,
    ) -> Result<u32, CommandError> {
        let target = self.agent.target(target)?;
        let replaces = match options.replaces {
            Some(id) if id == self.id => {
                return Err(CommandError::argument(
                    "replaces",
                    id,
                    "a session other than the one that is transferred",
                ));
            }
            Some(id) => Some(self.agent.as_replaced(id)?),
            None => None,
        };
        self.command(now, |session, cx| {
            session.refer(cx, target, replaces, options)
        })
    }

    /// Sends silence or blackness instead of these kinds of local media.
    ///
    /// # Errors
    ///
    /// When the session has ended.
    pub fn mute(&mut self, now: Instant, kinds: MediaKinds) -> Result<(), CommandError> {
        self.command(now, |session, cx| session.mute(cx, kinds))
    }

    /// Lets these kinds of local media through again.
    ///
    /// # Errors
    ///
    /// When the session has ended.
    pub fn unmute(&mut self, now: Instant, kinds: MediaKinds) -> Result<(), CommandError> {
        self.command(now, |session, cx| session.unmute(cx, kinds))
    }
}
