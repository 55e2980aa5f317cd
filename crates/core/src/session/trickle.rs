//! Trickle ICE (RFC 8840 over RFC 8838): candidates that are gathered after a description has left
//! follow it in INFO requests, where the peer takes part.
//!
//! ```text
//!   our description leaves ──▶ the dialog may carry requests ──▶ INFO ──200──▶ INFO … end
//!                               ▲ PRACK, ACK, or an INFO of the peer (callee)
//!                               ▲ an answer, in a response of any kind (caller)
//! ```
//!
//! The first offer carries what was gathered within the bound, as nobody knows yet whether the
//! peer takes part. From then on a description waits for a moment only. A peer that takes no part
//! never sees an INFO; what is gathered too late for it is used by checks of ours alone.

use std::time::Duration;

use offhook_sip::{HeaderFields, HeaderName, Method, Request, StatusCode, WriteError};

use super::dtmf::DtmfQueue;
use super::established::Handshake;
use super::outgoing::Outgoing;
use super::{Answer, InDialog, Received, Session, SessionTimer, State};
use crate::context::{Context, Timer, Unsent};
use crate::headers;
use crate::media::{MediaReport, MediaRequest};
use crate::sdpfrag::{Candidate, IceDescription, SDPFRAG};

/// The option tag, and the name of the Info Package (RFC 8840 sections 10.1 and 11).
pub(crate) const TAG: &str = "trickle-ice";

/// How long candidates wait for others to travel with (RFC 8840 section 10.9).
const TOGETHER: Duration = Duration::from_millis(20);

/// How long a description waits for candidates where the rest can follow: those of our own
/// interfaces come within it.
const HEAD_START: Duration = Duration::from_millis(50);

/// How soon an INFO that was refused for the moment is sent again.
const AGAIN: Duration = Duration::from_secs(2);

/// How often it is.
const TRIES: u8 = 3;

/// One session's part in Trickle ICE.
#[derive(Debug, Default)]
pub(super) struct Trickle {
    /// Whether this side takes part.
    pub(super) wanted: bool,
    /// Whether the peer takes INFO requests of this package (RFC 6086 section 5.2.1).
    peer: bool,
    /// The caller's fork whose answer was applied last.
    fork: Option<String>,
    /// A callee's dialog is known to its caller.
    open: bool,
    /// Our present gathering.
    local: Option<IceDescription>,
    /// What of it our description told.
    described: Told,
    /// What of it the peer has been told, once a description has left.
    told: Option<Told>,
    /// What an INFO under way tells.
    telling: Option<Told>,
    /// An answer came unreliably: its sender repeats it until an INFO comes
    /// (RFC 8840 section 4.3.2).
    confirm: bool,
    tries: u8,
    /// What the peer has told.
    remote: Option<IceDescription>,
    /// A fragment that came before its description was applied.
    early: Option<IceDescription>,
}

/// How much of a gathering a peer knows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Told {
    candidates: usize,
    end: bool,
}

impl Trickle {
    pub(super) fn new(wanted: bool) -> Self {
        Self {
            wanted,
            ..Self::default()
        }
    }

    /// Says that this side takes INFO requests of the package (RFC 6086 section 5.2.1).
    pub(super) fn put(&self, to: &mut HeaderFields) -> Result<(), WriteError> {
        match self.wanted {
            true => to.push(HeaderName::RecvInfo, TAG),
            false => headers::retract(to, TAG),
        }
    }

    /// Says so in a response, where the request has asked (RFC 6086 section 5.2.2).
    pub(super) fn put_answer(
        &self,
        to: &mut HeaderFields,
        request: &Request,
    ) -> Result<(), WriteError> {
        match self.wanted && request.header(HeaderName::RecvInfo).is_none() {
            true => Ok(()),
            false => self.put(to),
        }
    }

    /// What a message of the peer says of it.
    pub(super) fn note(&mut self, message: &offhook_sip::Received) {
        self.peer = message.has_token(HeaderName::RecvInfo, TAG);
    }

    /// Whether both sides take part.
    pub(super) fn is_agreed(&self) -> bool {
        self.wanted && self.peer && self.remote.as_ref().is_some_and(|remote| remote.trickle)
    }

    /// Our gathering came to nothing with its offer.
    pub(super) fn retract(&mut self) {
        self.local = None;
        self.told = None;
    }

    /// A description of ours has been made: perhaps of a new gathering.
    fn created(&mut self, sdp: &str) {
        let Some(next) = IceDescription::read(sdp) else {
            return self.retract();
        };
        let same = |local: &IceDescription| local.is_same_generation(&next);
        if !self.local.as_ref().is_some_and(same) {
            self.local = Some(next);
            (self.told, self.telling) = (None, None);
        }
    }

    /// A description of ours leaves.
    pub(super) fn described(&mut self, sdp: &str) {
        if !self.wanted {
            return;
        }
        let Some(next) = IceDescription::read(sdp) else {
            return self.retract();
        };
        self.described = Told {
            candidates: next.candidates().len(),
            end: next.ended,
        };
        self.told = Some(self.described);
        self.local = Some(match &self.local {
            Some(local) => local.followed_by(next),
            None => next,
        });
    }

    /// What there is to tell the peer now.
    fn news(&self) -> Option<Told> {
        let (local, told) = (self.local.as_ref()?, self.told?);
        let all = Told {
            candidates: local.candidates().len(),
            end: local.ended,
        };
        let ready = self.is_agreed() && self.telling.is_none() && local.is_named();
        (ready && (all != told || self.confirm)).then_some(all)
    }

    /// Whether an INFO is under way.
    pub(super) fn is_telling(&self) -> bool {
        self.telling.is_some()
    }

    pub(super) fn fork(&self) -> Option<&str> {
        self.fork.as_deref()
    }
}

impl Session {
    /// Takes what a report of the peer connection says of candidates, before it goes its way.
    pub(super) fn note_candidates(&mut self, cx: &mut Context, report: &MediaReport) {
        let trickle = &mut self.trickle;
        if !trickle.wanted {
            return;
        }
        match report {
            MediaReport::Created { sdp } => trickle.created(sdp),
            MediaReport::Candidate { candidate, mid } => {
                if let Some(local) = &mut trickle.local {
                    local.add(Candidate {
                        mid: mid.clone(),
                        text: candidate.clone(),
                    });
                }
                self.trickle(cx);
            }
            MediaReport::GatheringComplete | MediaReport::LocalSet { gathered: true } => {
                if let Some(local) = &mut trickle.local {
                    local.ended = true;
                }
                self.trickle(cx);
            }
            MediaReport::RemoteSet => {
                let set = self.media.negotiation.being_set().map(IceDescription::read);
                if let Some(remote) = set {
                    trickle.remote = remote;
                    self.early_candidates(cx);
                }
            }
            _ => {}
        }
    }

    /// A local description gathers: where the rest can follow it waits for a moment only.
    pub(super) fn hasten(&self, cx: &mut Context) {
        if self.trickle.is_agreed() {
            let wait = HEAD_START.min(cx.config.gathering_timeout);
            cx.set_timer(Timer::Session(self.id, SessionTimer::Gathering), wait);
        }
    }

    /// The answer of a fork is applied: candidates go to it from now on.
    pub(super) fn trickle_to(&mut self, tag: Option<&str>, unreliable: bool) {
        if self.trickle.fork.as_deref() != tag {
            self.trickle.fork = tag.map(str::to_owned);
            // This fork knows nothing of what another was told in INFOs.
            self.trickle.telling = None;
            self.trickle.told = self.trickle.told.map(|_| self.trickle.described);
        }
        self.trickle.confirm = unreliable;
    }

    /// The peer has shown that it knows the dialog: candidates may follow our answer.
    pub(super) fn dialog_opened(&mut self, cx: &mut Context) {
        self.trickle.open = true;
        self.trickle(cx);
    }

    /// Sends candidates soon, if there are any to send.
    pub(super) fn trickle(&mut self, cx: &mut Context) {
        if matches!(self.state, State::Established(_)) && !self.trickle.peer {
            // A settled call keeps nothing that it will not use.
            self.trickle.retract();
            self.trickle.remote = None;
        }
        let timer = Timer::Session(self.id, SessionTimer::Trickle);
        if self.may_trickle() && cx.timers.deadline(&timer).is_none() {
            cx.set_timer(timer, TOGETHER);
        }
    }

    fn may_trickle(&self) -> bool {
        let negotiation = &self.media.negotiation;
        let open = match &self.state {
            // An early answer leaves our offer open (RFC 8829 section 4.1.10.1).
            State::Outgoing(Outgoing::Proceeding(..)) => {
                self.trickle.fork.is_some() && negotiation.is_idle()
            }
            State::Incoming(_) => self.trickle.open && negotiation.is_stable(),
            State::Established(established) => {
                let acknowledged = matches!(
                    established.handshake,
                    Handshake::Acknowledged { .. } | Handshake::Settled
                );
                (self.trickle.open || acknowledged) && negotiation.is_stable()
            }
            State::Outgoing(_) | State::Closing(_) | State::Closed => false,
        };
        // Over UDP it could overtake the INFO of a tone, which would be refused then.
        open && matches!(self.dtmf, DtmfQueue::Idle) && self.trickle.news().is_some()
    }

    /// Tells the peer the candidates that are new to it. One INFO is under way at a time
    /// (RFC 8840 section 10.9).
    pub(super) fn send_candidates(&mut self, cx: &mut Context) {
        if !self.may_trickle() {
            return;
        }
        let (Some(news), Some(local)) = (self.trickle.news(), &self.trickle.local) else {
            return;
        };
        let fragment = local.fragment();
        self.trickle.telling = Some(news);
        self.trickle.confirm = false;
        let sent = self.send_in_dialog(cx, InDialog::Trickle, |dialog, cx| {
            let mut request = dialog.request(Method::Info)?;
            let headers = request.headers_mut();
            headers.push(HeaderName::InfoPackage, TAG)?;
            headers.push(HeaderName::ContentDisposition, "Info-Package")?;
            headers::put_identity(headers, &cx.config)?;
            request.set_body(SDPFRAG, fragment)?;
            Ok(request)
        });
        if let Err(Unsent::NoWay | Unsent::Refused) = sent {
            self.candidates_answered(cx, Answer::Unsent);
        }
    }

    /// The INFO with candidates was answered, or never will be.
    pub(super) fn candidates_answered(&mut self, cx: &mut Context, answer: Answer) {
        let telling = self.trickle.telling.take();
        self.resume_tones(cx);
        let Some(telling) = telling else {
            return;
        };
        let Some(response) = answer.response() else {
            return self.check_dialog(cx, answer);
        };
        match response.status() {
            status if status.is_success() => {
                self.trickle.told = Some(telling);
                self.trickle.tries = 0;
                self.trickle(cx);
            }
            // The peer said that it takes part, and does not.
            StatusCode::BAD_INFO_PACKAGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_IMPLEMENTED => self.trickle.peer = false,
            _ if self.trickle.tries < TRIES => {
                self.trickle.tries += 1;
                cx.set_timer(Timer::Session(self.id, SessionTimer::Trickle), AGAIN);
                self.check_dialog(cx, answer);
            }
            _ => self.check_dialog(cx, answer),
        }
    }

    /// An INFO with candidates of the peer. One that is out of date is taken and does nothing
    /// (RFC 8840 section 4.4).
    pub(super) fn candidates_received(
        &mut self,
        cx: &mut Context,
        Received {
            transaction,
            request,
        }: Received,
    ) {
        let body = match fragment_of(&request, cx) {
            Some(body) => body,
            None => return cx.refuse_type(transaction, &request, SDPFRAG),
        };
        let Some(fragment) = IceDescription::read(&body) else {
            return cx.answer(transaction, &request, StatusCode::BAD_REQUEST);
        };
        cx.answer(transaction, &request, StatusCode::OK);
        // It has our answer, and waits for no repetition.
        self.answer_arrived(cx);
        let current = match &self.trickle.remote {
            Some(remote) => remote.is_same_generation(&fragment),
            None => false,
        };
        if current {
            self.take_candidates(cx, &fragment);
        } else if self.awaits_description() {
            self.trickle.early = Some(fragment);
        } else {
            cx.stale_candidates += 1;
        }
        self.dialog_opened(cx);
    }

    /// Whether a description of the peer has come, or may be on its way, and is not applied.
    fn awaits_description(&self) -> bool {
        match &self.state {
            State::Established(_) => !self.media.negotiation.is_stable() || self.considers_offer(),
            State::Incoming(_) | State::Outgoing(_) => true,
            State::Closing(_) | State::Closed => false,
        }
    }

    /// A description of the peer is applied: the candidates that came before it follow.
    fn early_candidates(&mut self, cx: &mut Context) {
        let Some(fragment) = self.trickle.early.take() else {
            return;
        };
        let remote = self.trickle.remote.as_ref();
        if remote.is_some_and(|remote| remote.is_same_generation(&fragment)) {
            self.take_candidates(cx, &fragment);
        } else {
            cx.stale_candidates += 1;
        }
    }

    /// Hands what is new in a fragment to the peer connection.
    fn take_candidates(&mut self, cx: &mut Context, fragment: &IceDescription) {
        let Some(remote) = &mut self.trickle.remote else {
            return;
        };
        for candidate in fragment.candidates() {
            if remote.add(candidate.clone()) {
                let Candidate { mid, text } = candidate.clone();
                let request = MediaRequest::AddCandidate {
                    candidate: text,
                    mid,
                };
                cx.media(self.id, request);
            }
        }
        if fragment.ended && !std::mem::replace(&mut remote.ended, true) {
            cx.media(self.id, MediaRequest::EndOfCandidates);
        }
    }
}

fn fragment_of(request: &Request, cx: &Context) -> Option<String> {
    let (kind, subtype) = SDPFRAG.split_once('/')?;
    let body = request.body_part(kind, subtype, &cx.config.limits).ok()??;
    std::str::from_utf8(body).ok().map(str::to_owned)
}
