//! Questions: where the application may step in before the agent goes on.

use std::time::Duration;

use std::borrow::Cow;

use offhook_sip::{OutgoingRequest, Request, StatusCode, Uri};

use crate::event::{Originator, SdpQuestion};
use crate::map::Number;
use crate::names::Key;
use crate::options::{Body, CallOptions, ExtraHeaders};
use crate::subscription::{GrantOptions, SubscriptionId};

/// The id of a question.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AskId(pub u64);

impl Number for AskId {
    fn number(&self) -> u64 {
        self.0
    }
}

impl Key for AskId {
    fn key(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.0.to_be_bytes().into())
    }
}

/// What the application may decide or change before the agent goes on.
///
/// The agent waits for [`Agent::reply`](crate::Agent::reply) in every case but
/// [`Question::IceCandidate`]; [`Reply::Proceed`] is always a valid answer, and the one that a
/// driver gives where nobody listens.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Question {
    /// A new session (`newRTCSession`). An incoming one rings, with a 180, once the answer
    /// comes, unless it was answered or ended meanwhile. For an outgoing one [`Reply::Request`]
    /// changes the INVITE, until [`Question::Sending`] shows it again.
    NewSession(Invitation),
    /// The peer connection stands and may be changed (`peerconnection`).
    PeerConnection,
    /// A session description is about to be sent or applied (`sdp`); [`Reply::Sdp`] changes it.
    Sdp(SdpQuestion),
    /// The INVITE is about to leave (`sending`); [`Reply::Request`] changes it.
    Sending(OutgoingRequest),
    /// A re-INVITE came (`reinvite`); [`Reply::Reject`] refuses it.
    Reinvite {
        /// The request.
        request: Request,
    },
    /// An UPDATE came (`update`); [`Reply::Reject`] refuses it.
    Update {
        /// The request.
        request: Request,
    },
    /// A REFER came (`refer`): the peer asks for a call to somebody else. [`Reply::Accept`] makes
    /// it, [`Reply::Reject`] refuses it with 603 or the status given, and so does
    /// [`Reply::Proceed`].
    Refer {
        /// The request.
        request: Request,
        /// Whom to call, with the headers that the peer put into the URI.
        refer_to: Uri<'static>,
    },
    /// An INVITE came that asks for this session's place (`replaces`). [`Reply::Accept`] lets it
    /// become a session, which rings and is answered like any other; when it is confirmed, this
    /// one ends. [`Reply::Reject`] refuses it with 486 or the status given, and so does
    /// [`Reply::Proceed`].
    Replaces {
        /// The request.
        request: Request,
    },
    /// A MESSAGE came (`newMessage`), inside a session or outside (RFC 3428). It is answered with
    /// 200, by [`Reply::Answer`] with headers of the application; [`Reply::Reject`] refuses it.
    /// After 64 × T1 (32 s) nobody waits for the answer, and the question lapses.
    Message {
        /// The request.
        request: Request,
    },
    /// An OPTIONS came (`newOptions`), inside a session or outside. It is answered with 200 and
    /// what this user agent can (RFC 3261 section 11.2), by [`Reply::Answer`] with headers and a
    /// body of the application; [`Reply::Reject`] refuses it. Lapses as
    /// [`Question::Message`] does.
    Options {
        /// The request.
        request: Request,
    },
    /// A SUBSCRIBE came for one of [`Config::event_packages`](crate::Config::event_packages)
    /// (`newSubscribe`), inside a session or outside. [`Reply::Grant`] makes it a subscription,
    /// [`Reply::Reject`] refuses it, with 603 where [`Reply::Proceed`] does. Lapses as
    /// [`Question::Message`] does.
    Subscribe {
        /// The id that the subscription will have.
        subscription: SubscriptionId,
        /// The request.
        request: Request,
    },
    /// The registration is about to be refreshed (`registrationExpiring`), outside every session.
    /// [`Reply::Reject`] leaves it to the application, which calls
    /// [`Agent::register`](crate::Agent::register); when it does not, the binding runs out, and
    /// [`Event::Unregistered`](crate::Event::Unregistered) tells so with
    /// [`Cause::Expires`](crate::Cause::Expires). With no answer at all the refresh leaves in the
    /// middle of the time that is left.
    RegistrationExpiring {
        /// How long the binding still stands.
        left: Duration,
    },
    /// A candidate was gathered (`icecandidate`); [`Reply::Ready`] stops waiting for more.
    IceCandidate {
        /// The candidate attribute (`candidate:…`).
        candidate: String,
    },
}

/// The INVITE that makes a session.
#[derive(Clone, Debug)]
pub enum Invitation {
    /// Ours, as far as it is known before there is media and a flow: its URI, To, From, Call-ID,
    /// CSeq and the headers of the application. [`Question::Sending`] shows the rest.
    Outgoing(OutgoingRequest),
    /// The peer's.
    Incoming(Request),
}

impl Invitation {
    /// Who started the session.
    pub fn originator(&self) -> Originator {
        match self {
            Self::Outgoing(_) => Originator::Local,
            Self::Incoming(_) => Originator::Remote,
        }
    }
}

impl Question {
    /// The question's name in the seed API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NewSession(_) => "newRTCSession",
            Self::PeerConnection => "peerconnection",
            Self::Sdp(_) => "sdp",
            Self::Sending(_) => "sending",
            Self::Reinvite { .. } => "reinvite",
            Self::Update { .. } => "update",
            Self::Refer { .. } => "refer",
            Self::Replaces { .. } => "replaces",
            Self::Message { .. } => "newMessage",
            Self::Options { .. } => "newOptions",
            Self::Subscribe { .. } => "newSubscribe",
            Self::RegistrationExpiring { .. } => "registrationExpiring",
            Self::IceCandidate { .. } => "icecandidate",
        }
    }
}

/// The answer to a question.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reply {
    /// Go on as planned.
    Proceed,
    /// Use this description instead.
    Sdp(String),
    /// Send this request instead.
    Request(OutgoingRequest),
    /// Wait for no more candidates.
    Ready,
    /// Make the call that a REFER asks for, with these options, or let an INVITE take a session's
    /// place.
    Accept {
        /// Options of the call. Its INVITE carries the Replaces, Referred-By and other harmless
        /// headers that came with the REFER, unless there are others of the same name here.
        options: CallOptions,
    },
    /// Answer the request with a 200 that holds these.
    Answer {
        /// Headers added to the response.
        extra_headers: ExtraHeaders,
        /// Its body, where the answer to such a request may have one.
        body: Option<Body>,
    },
    /// Let a peer subscribe. It is answered with 200 and a first NOTIFY;
    /// [`Agent::notify`](crate::Agent::notify) tells it more.
    Grant {
        /// How.
        options: GrantOptions,
    },
    /// Refuse the request, or leave the refresh of a registration to the application.
    Reject {
        /// The status, 300 to 699; the seed API's default is 403.
        status: StatusCode,
        /// The reason phrase, where it is not the status' own.
        reason: Option<String>,
        /// Headers added to the response.
        extra_headers: ExtraHeaders,
        /// The body of the response.
        body: Option<Body>,
    },
}

impl Reply {
    /// [`Reply::Accept`] with the default options.
    pub fn accept() -> Self {
        Self::Accept {
            options: CallOptions::default(),
        }
    }

    /// [`Reply::Reject`] with the seed API's default, a 403.
    pub fn reject() -> Self {
        Self::Reject {
            status: StatusCode::FORBIDDEN,
            reason: None,
            extra_headers: ExtraHeaders::new(),
            body: None,
        }
    }
}
