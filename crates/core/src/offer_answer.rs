//! Offer and answer (RFC 3264): the one machine that every exchange of session descriptions uses,
//! whichever requests and responses carry it (RFC 3261 section 13.2.1, RFC 3311, RFC 6337).
//!
//! ```text
//!            offer           offer ready            answer(sdp)          applied
//!  Stable ──────────▶ Making ────────────▶ LocalOffer ─────────▶ Applying ────────▶ Stable
//!    │  offer(sdp)            applied                answer            answer ready
//!    └──────────▶ Applying ────────────▶ RemoteOffer ───────▶ Making ──────────────▶ Stable
//! ```
//!
//! Making is: create, set locally, gather candidates (for a bounded time), read, and let the
//! application change it. Applying is: let the application change it, and set remotely.

use crate::ask::{AskId, Question, Reply};
use crate::context::{Context, Timer};
use crate::event::{Originator, SdpQuestion};
use crate::media::{MediaReport, MediaRequest, MediaStep, SdpKind};
use crate::session::{SessionId, SessionTimer};

/// Where an exchange of session descriptions stands.
#[derive(Debug, Default)]
pub(crate) enum Negotiation {
    /// Nothing is under way.
    #[default]
    Stable,
    /// Our description, an offer or an answer, is being made.
    Making(SdpKind, Making),
    /// Our offer is out.
    LocalOffer,
    /// The peer's description is being applied.
    Applying(SdpKind, Applying),
    /// The peer's offer is applied and wants an answer.
    RemoteOffer,
}

/// The steps in which a local description is made.
#[derive(Debug)]
pub(crate) enum Making {
    Creating,
    Setting,
    Gathering,
    Describing,
    Asking(AskId, String),
}

/// The steps in which a remote description is applied.
#[derive(Debug)]
pub(crate) enum Applying {
    Asking(AskId, String),
    Setting(String),
}

/// What an exchange has come to.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// Our offer may be sent.
    OfferReady(String),
    /// Our answer may be sent.
    AnswerReady(String),
    /// The peer's offer is applied; it wants [`Negotiation::answer`].
    OfferApplied,
    /// The peer's answer is applied.
    AnswerApplied(SdpKind),
    /// The media engine refused; nothing is under way any more.
    Failed(MediaStep, String),
}

impl Negotiation {
    /// Starts making an offer.
    pub(crate) fn offer(&mut self, cx: &mut Context, session: SessionId, ice_restart: bool) {
        cx.media(session, MediaRequest::CreateOffer { ice_restart });
        *self = Self::Making(SdpKind::Offer, Making::Creating);
    }

    /// Starts making the answer to the offer that is applied.
    pub(crate) fn answer(&mut self, cx: &mut Context, session: SessionId) {
        cx.media(session, MediaRequest::CreateAnswer);
        *self = Self::Making(SdpKind::Answer, Making::Creating);
    }

    /// Starts applying what the peer sent.
    pub(crate) fn apply(&mut self, cx: &mut Context, session: SessionId, kind: SdpKind, sdp: &str) {
        let sdp = sdp.to_owned();
        let question = SdpQuestion {
            originator: Originator::Remote,
            kind,
            sdp: sdp.clone(),
        };
        let ask = cx.ask(session, Question::Sdp(question));
        *self = Self::Applying(kind, Applying::Asking(ask, sdp));
    }

    /// Whether our offer is out and wants an answer.
    pub(crate) fn awaits_answer(&self) -> bool {
        matches!(self, Self::LocalOffer)
    }

    /// Whether nothing is under way.
    pub(crate) fn is_stable(&self) -> bool {
        matches!(self, Self::Stable)
    }

    /// Whether nothing is being made or applied at the moment.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self, Self::Stable | Self::LocalOffer | Self::RemoteOffer)
    }

    /// The description of the peer that is being set.
    pub(crate) fn being_set(&self) -> Option<&str> {
        match self {
            Self::Applying(_, Applying::Setting(sdp)) => Some(sdp),
            _ => None,
        }
    }

    /// Takes back what was set and not answered.
    pub(crate) fn roll_back(&mut self, cx: &mut Context, session: SessionId) {
        if !self.is_stable() {
            cx.timers
                .cancel(&Timer::Session(session, SessionTimer::Gathering));
            cx.media(session, MediaRequest::Rollback);
            *self = Self::Stable;
        }
    }

    /// Takes a report of the peer connection.
    pub(crate) fn report(
        &mut self,
        cx: &mut Context,
        session: SessionId,
        report: MediaReport,
    ) -> Option<Outcome> {
        let (next, outcome) = std::mem::take(self).reported(cx, session, report);
        *self = next;
        outcome
    }

    fn reported(
        self,
        cx: &mut Context,
        session: SessionId,
        report: MediaReport,
    ) -> (Self, Option<Outcome>) {
        match (self, report) {
            (Self::Making(kind, Making::Creating), MediaReport::Created { sdp }) => {
                cx.media(session, MediaRequest::SetLocal { kind, sdp });
                (Self::Making(kind, Making::Setting), None)
            }
            (Self::Making(kind, Making::Setting), MediaReport::LocalSet { gathered: true }) => {
                (Self::Making(kind, Self::describe(cx, session)), None)
            }
            (Self::Making(kind, Making::Setting), MediaReport::LocalSet { gathered: false }) => {
                let timeout = cx.config.gathering_timeout;
                cx.set_timer(Timer::Session(session, SessionTimer::Gathering), timeout);
                (Self::Making(kind, Making::Gathering), None)
            }
            (
                this @ Self::Making(_, Making::Setting | Making::Gathering),
                MediaReport::Candidate { candidate, .. },
            ) => {
                cx.ask(session, Question::IceCandidate { candidate });
                (this, None)
            }
            (Self::Making(kind, Making::Gathering), MediaReport::GatheringComplete) => {
                (Self::Making(kind, Self::describe(cx, session)), None)
            }
            (Self::Making(kind, Making::Describing), MediaReport::LocalDescription { sdp }) => {
                let question = SdpQuestion {
                    originator: Originator::Local,
                    kind,
                    sdp: sdp.clone(),
                };
                let ask = cx.ask(session, Question::Sdp(question));
                (Self::Making(kind, Making::Asking(ask, sdp)), None)
            }
            (Self::Applying(kind, Applying::Setting(_)), MediaReport::RemoteSet) => match kind {
                SdpKind::Offer => (Self::RemoteOffer, Some(Outcome::OfferApplied)),
                // An answer that may be replaced leaves our offer open.
                SdpKind::PrAnswer => (Self::LocalOffer, Some(Outcome::AnswerApplied(kind))),
                SdpKind::Answer => (Self::Stable, Some(Outcome::AnswerApplied(kind))),
            },
            (Self::Making(..) | Self::Applying(..), MediaReport::Failed { step, error }) => {
                cx.timers
                    .cancel(&Timer::Session(session, SessionTimer::Gathering));
                (Self::Stable, Some(Outcome::Failed(step, error)))
            }
            (this, _) => (this, None),
        }
    }

    fn describe(cx: &mut Context, session: SessionId) -> Making {
        cx.timers
            .cancel(&Timer::Session(session, SessionTimer::Gathering));
        cx.media(session, MediaRequest::DescribeLocal);
        Making::Describing
    }

    /// Waits for no more candidates: the time is up, or the application says so.
    pub(crate) fn stop_gathering(&mut self, cx: &mut Context, session: SessionId) {
        if let Self::Making(kind, Making::Gathering) = *self {
            *self = Self::Making(kind, Self::describe(cx, session));
        }
    }

    /// Takes the application's answer to a question of this machine.
    pub(crate) fn reply(
        &mut self,
        cx: &mut Context,
        session: SessionId,
        ask: AskId,
        reply: Reply,
    ) -> Option<Outcome> {
        let changed = match reply {
            Reply::Sdp(sdp) => Some(sdp),
            Reply::Ready => {
                self.stop_gathering(cx, session);
                return None;
            }
            _ => None,
        };
        match std::mem::take(self) {
            Self::Making(kind, Making::Asking(asked, sdp)) if asked == ask => {
                let sdp = changed.unwrap_or(sdp);
                let (next, outcome) = match kind {
                    SdpKind::Offer => (Self::LocalOffer, Outcome::OfferReady(sdp)),
                    SdpKind::PrAnswer | SdpKind::Answer => {
                        (Self::Stable, Outcome::AnswerReady(sdp))
                    }
                };
                *self = next;
                Some(outcome)
            }
            Self::Applying(kind, Applying::Asking(asked, sdp)) if asked == ask => {
                let sdp = changed.unwrap_or(sdp);
                let set = Applying::Setting(sdp.clone());
                cx.media(session, MediaRequest::SetRemote { kind, sdp });
                *self = Self::Applying(kind, set);
                None
            }
            this => {
                *self = this;
                None
            }
        }
    }
}
