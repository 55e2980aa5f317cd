//! Questions to the application, and the handles by which it answers.

use std::fmt;

use offhook_core::{AskId, ExtraHeaders, Originator, Reply, SdpKind, SdpQuestion};
use offhook_media::PeerConnection;
use offhook_sip::{OutgoingRequest, Request, StatusCode, Uri};
use tokio::sync::mpsc;

use crate::call::CallSetup;

/// Which questions the application wants to be asked; the others are answered with the default
/// at once. Default: none.
///
/// A session waits for the answer to a question, so an application that asks for one must read
/// the session's events. Each question is answered by its own method, and by the default when
/// it is dropped.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Asks {
    /// [`SessionEvent::PeerConnection`](crate::SessionEvent::PeerConnection).
    pub peer_connection: bool,
    /// [`SessionEvent::Sdp`](crate::SessionEvent::Sdp).
    pub sdp: bool,
    /// [`SessionEvent::Sending`](crate::SessionEvent::Sending).
    pub sending: bool,
    /// [`SessionEvent::IceCandidate`](crate::SessionEvent::IceCandidate).
    pub ice_candidate: bool,
    /// [`SessionEvent::Reinvite`](crate::SessionEvent::Reinvite).
    pub reinvite: bool,
    /// [`SessionEvent::Update`](crate::SessionEvent::Update).
    pub update: bool,
    /// [`SessionEvent::Refer`](crate::SessionEvent::Refer). Not asked, every REFER is refused.
    pub refer: bool,
    /// [`SessionEvent::Replaces`](crate::SessionEvent::Replaces). Not asked, no call takes the
    /// place of another.
    pub replaces: bool,
    /// [`UserAgentEvent::Options`](crate::UserAgentEvent::Options), which is asked of the user agent
    /// and not of a call. Not asked, every OPTIONS is answered with what this side can.
    pub options: bool,
}

impl Asks {
    /// No question.
    pub const NONE: Self = Self::all(false);
    /// Every question.
    pub const ALL: Self = Self::all(true);

    const fn all(asked: bool) -> Self {
        Self {
            peer_connection: asked,
            sdp: asked,
            sending: asked,
            ice_candidate: asked,
            reinvite: asked,
            update: asked,
            refer: asked,
            replaces: asked,
            options: asked,
        }
    }
}

/// An answer on its way to the agent.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) ask: AskId,
    pub(crate) reply: Reply,
    /// How the call is made that the answer allows.
    pub(crate) setup: Option<Box<CallSetup>>,
}

pub(crate) type Replies = mpsc::UnboundedSender<Answer>;

/// Owes one reply; dropped, it proceeds.
///
/// The reply travels through a queue and not into the agent itself, because a question may be
/// dropped anywhere, even while the agent is being drained.
pub(crate) struct Responder {
    ask: AskId,
    replies: Option<Replies>,
}

impl Responder {
    pub(crate) fn new(ask: AskId, replies: Replies) -> Self {
        Self {
            ask,
            replies: Some(replies),
        }
    }

    pub(crate) fn reply(mut self, reply: Reply) {
        self.send(reply, None);
    }

    pub(crate) fn reject(self, rejection: Rejection) {
        let Rejection {
            status,
            reason,
            extra_headers,
        } = rejection;
        self.reply(Reply::Reject {
            status,
            reason,
            extra_headers,
            body: None,
        });
    }

    /// Owes nothing any more: the reply is given some other way.
    pub(crate) fn take(mut self) -> Option<AskId> {
        self.replies.take().map(|_| self.ask)
    }

    fn send(&mut self, reply: Reply, setup: Option<Box<CallSetup>>) {
        if let Some(replies) = self.replies.take() {
            // The user agent is gone: nobody waits for the answer.
            let _ = replies.send(Answer {
                ask: self.ask,
                reply,
                setup,
            });
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.send(Reply::Proceed, None);
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Responder").field(&self.ask).finish()
    }
}

/// The peer connection stands and may be changed before local media is added to it.
///
/// ```no_run
/// use offhook::{Asks, DataChannelEvent, DataChannelOptions, SessionEvent, UserAgent};
///
/// # async fn chat(ua: UserAgent) -> Result<(), offhook::Error> {
/// let asks = Asks { peer_connection: true, ..Asks::default() };
/// let call = ua.call("sip:bob@example.com").asks(asks).start()?;
/// while let Some(event) = call.next().await {
///     if let SessionEvent::PeerConnection(ask) = event {
///         let made = ask.connection().create_data_channel("chat", DataChannelOptions::default());
///         let chat = made.await?;
///         ask.proceed();
///         tokio::spawn(async move {
///             while let Some(event) = chat.next().await {
///                 match event {
///                     DataChannelEvent::Open => drop(chat.send_text("hello").await),
///                     other => println!("{other:?}"),
///                 }
///             }
///         });
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// The callee gets it as [`SessionEvent::DataChannel`](crate::SessionEvent::DataChannel).
#[derive(Debug)]
pub struct PeerConnectionAsk {
    pub(crate) connection: PeerConnection,
    pub(crate) responder: Responder,
}

impl PeerConnectionAsk {
    /// The peer connection.
    pub fn connection(&self) -> &PeerConnection {
        &self.connection
    }

    /// Lets the session go on, as dropping the question does.
    pub fn proceed(self) {
        self.responder.reply(Reply::Proceed);
    }
}

/// A session description is about to be sent, or to be applied to the peer connection.
#[derive(Debug)]
pub struct SdpAsk {
    pub(crate) question: SdpQuestion,
    pub(crate) responder: Responder,
}

impl SdpAsk {
    /// Whose description it is.
    pub fn originator(&self) -> Originator {
        self.question.originator
    }

    /// Offer or answer.
    pub fn kind(&self) -> SdpKind {
        self.question.kind
    }

    /// The description.
    pub fn sdp(&self) -> &str {
        &self.question.sdp
    }

    /// Uses this description instead.
    pub fn replace(self, sdp: impl Into<String>) {
        self.responder.reply(Reply::Sdp(sdp.into()));
    }
}

/// The INVITE is about to leave.
#[derive(Debug)]
pub struct SendingAsk {
    pub(crate) request: OutgoingRequest,
    pub(crate) responder: Responder,
}

impl SendingAsk {
    /// The INVITE as it would be sent.
    pub fn request(&self) -> &OutgoingRequest {
        &self.request
    }

    /// Sends this instead.
    pub fn send(self, request: OutgoingRequest) {
        self.responder.reply(Reply::Request(request));
    }
}

/// A candidate was gathered. The session does not wait for the answer.
#[derive(Debug)]
pub struct IceCandidateAsk {
    pub(crate) candidate: String,
    pub(crate) responder: Responder,
}

impl IceCandidateAsk {
    /// The candidate attribute, `candidate:…` (RFC 8839, section 5.1).
    pub fn candidate(&self) -> &str {
        &self.candidate
    }

    /// Waits for no more candidates: the description goes out with those gathered so far.
    pub fn ready(self) {
        self.responder.reply(Reply::Ready);
    }
}

/// How a request of the peer is refused. Default: with 403.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// The status, 300 to 699.
    pub status: StatusCode,
    /// The reason phrase, where it is not the status' own.
    pub reason: Option<String>,
    /// Headers added to the response.
    pub extra_headers: ExtraHeaders,
}

impl Rejection {
    /// A refusal with this status.
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            reason: None,
            extra_headers: ExtraHeaders::new(),
        }
    }
}

impl Default for Rejection {
    fn default() -> Self {
        Self::new(StatusCode::FORBIDDEN)
    }
}

/// The peer wants to change the session, by a re-INVITE or an UPDATE. Dropped, it may.
#[derive(Debug)]
pub struct ReofferAsk {
    pub(crate) request: Request,
    pub(crate) responder: Responder,
}

impl ReofferAsk {
    /// The re-INVITE or UPDATE.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Refuses it: the session stays as it is.
    pub fn reject(self, rejection: Rejection) {
        self.responder.reject(rejection);
    }
}

/// The peer wants this side to call somebody else: a transfer (RFC 3515). Dropped, it is refused.
#[derive(Debug)]
pub struct ReferAsk {
    pub(crate) request: Request,
    pub(crate) refer_to: Uri<'static>,
    pub(crate) responder: Responder,
}

impl ReferAsk {
    /// The REFER.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Whom to call.
    pub fn refer_to(&self) -> &Uri<'static> {
        &self.refer_to
    }

    /// Makes the call. It is told by
    /// [`SessionEvent::Referred`](crate::SessionEvent::Referred), and to the user agent like
    /// every call.
    pub fn accept(mut self, setup: CallSetup) {
        let mut options = setup.options.clone();
        options.video = setup.media.has_video();
        self.responder
            .send(Reply::Accept { options }, Some(Box::new(setup)));
    }

    /// Refuses it.
    pub fn reject(self, rejection: Rejection) {
        self.responder.reject(rejection);
    }
}

/// A call came in that asks for this session's place (RFC 3891). Dropped, it is refused.
#[derive(Debug)]
pub struct ReplacesAsk {
    pub(crate) request: Request,
    pub(crate) responder: Responder,
}

impl ReplacesAsk {
    /// The INVITE.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Lets it in: it comes as an incoming call, and when that stands, this session ends.
    pub fn accept(self) {
        self.responder.reply(Reply::accept());
    }

    /// Refuses it.
    pub fn reject(self, rejection: Rejection) {
        self.responder.reject(rejection);
    }
}
