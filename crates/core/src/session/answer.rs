//! `answer()`: takes an incoming call.

use offhook_sip::StatusCode;

use super::established::{Established, Handshake, Unacknowledged};
use super::incoming::Offered;
use super::timers::SessionTimers;
use super::{Direction, Incoming, Session, SessionTimer, State, sdp_of};
use crate::cause::Cause;
use crate::context::{Context, Timer};
use crate::error::CommandError;
use crate::event::{End, Originator, SessionEvent};
use crate::headers;
use crate::media::{MediaStep, SdpKind};
use crate::offer_answer::Outcome;
use crate::options::{AnswerOptions, MediaKinds};

impl Session {
    pub(crate) fn answer(
        &mut self,
        cx: &mut Context,
        options: AnswerOptions,
    ) -> Result<(), CommandError> {
        if self.direction == Direction::Outgoing {
            return Err(CommandError::NotSupported {
                what: "answer is for incoming sessions; this one is outgoing",
            });
        }
        let State::Incoming(
            Incoming::Announced(..) | Incoming::Ringing(_) | Incoming::Progressing(..),
        ) = &self.state
        else {
            return Err(self.invalid_state("answer"));
        };
        headers::check(&options.extra_headers)?;
        if let Some(wanted) = options.trickle_ice {
            self.trickle.wanted = wanted;
        }
        // JsSIP rings first even when the application answers at once, and so do we.
        self.announced(cx);
        let taken = take_state!(
            self,
            State::Incoming(Incoming::Ringing(offered)) => (offered, false),
            State::Incoming(Incoming::Progressing(offered, _)) => (offered, true),
        );
        let Some((mut offered, progressing)) = taken else {
            // Ringing failed and has ended the session.
            return Ok(());
        };
        if progressing {
            // Our answer is being made for early media already: the 200 takes it.
            self.state = State::Incoming(Incoming::Answering(offered, options));
            self.answer_soon(cx);
            return Ok(());
        }
        if let Some(sdp) = offered.early.take() {
            self.state = State::Incoming(Incoming::Answering(offered, options));
            self.answer_soon(cx);
            self.accept(cx, sdp);
            return Ok(());
        }
        let asked = asked_for(sdp_of(&offered.request, cx));
        let wanted = MediaKinds {
            audio: options.audio.unwrap_or(asked.audio),
            video: options.video.unwrap_or(asked.video),
        };
        self.state = State::Incoming(Incoming::Answering(offered, options));
        self.answer_soon(cx);
        self.open_media(cx, wanted);
        Ok(())
    }

    /// The application has answered: the media engine, and a PRACK that holds the 200, may take as
    /// long as ringing might.
    fn answer_soon(&self, cx: &mut Context) {
        let patience = cx.config.no_answer_timeout;
        cx.set_timer(Timer::Session(self.id, SessionTimer::NoAnswer), patience);
    }

    /// The peer connection has our media: it takes the offer, or makes one where none came.
    pub(super) fn answer_media_ready(&mut self, cx: &mut Context) {
        let State::Incoming(incoming) = &self.state else {
            return;
        };
        match sdp_of(&incoming.offered().request, cx).map(str::to_owned) {
            Some(sdp) => self
                .media
                .negotiation
                .apply(cx, self.id, SdpKind::Offer, &sdp),
            None => {
                cx.tell(self.id, SessionEvent::Connecting);
                self.media.negotiation.offer(cx, self.id, false);
            }
        }
    }

    pub(super) fn incoming_negotiated(&mut self, cx: &mut Context, outcome: Outcome) {
        match outcome {
            Outcome::OfferApplied => {
                cx.tell(self.id, SessionEvent::Connecting);
                self.media.negotiation.answer(cx, self.id);
            }
            Outcome::AnswerReady(sdp)
                if matches!(self.state, State::Incoming(Incoming::Progressing(..))) =>
            {
                self.early_media_ready(cx, sdp);
            }
            Outcome::AnswerReady(sdp) | Outcome::OfferReady(sdp) => self.accept(cx, sdp),
            Outcome::AnswerApplied(_) => {}
            Outcome::Failed(step, error) => self.answer_failed(cx, step, error),
        }
    }

    /// Sends the 200.
    pub(super) fn accept(&mut self, cx: &mut Context, sdp: String) {
        let State::Incoming(Incoming::Answering(offered, options)) = &mut self.state else {
            return;
        };
        if offered.provisionals.holds_answer() {
            offered.ready = Some(sdp);
            return;
        }
        // An answer that has been updated since is no answer to repeat (RFC 6337 section 3.1).
        let updated =
            offered.provisionals.is_answered() && (offered.updated || self.exchange.negotiates());
        let transaction = offered.transaction;
        let request = offered.request.clone();
        let extra_headers = options.extra_headers.clone();
        self.timers = SessionTimers::new(&cx.config, options.session_timers_expires);
        let sequence = request.cseq().map_or(0, |cseq| cseq.number);
        let response = self
            .invite_response(cx, StatusCode::OK)
            .and_then(|mut response| {
                headers::put_extra(response.headers_mut(), &extra_headers)?;
                self.answer_timer(cx, &request, response.headers_mut())?;
                if !updated {
                    response.set_body(headers::APPLICATION_SDP, sdp)?;
                }
                Ok(response)
            });
        let Ok(response) = response else {
            return self.refuse(
                cx,
                StatusCode::SERVER_INTERNAL_ERROR,
                Originator::System,
                Cause::InternalError,
            );
        };
        let taken = take_state!(self, State::Incoming(incoming) => incoming);
        let Some(incoming) = taken else {
            return;
        };
        cx.forget_invite(self.id);
        let Offered { dialog, .. } = incoming.into_offered();
        for timer in [
            SessionTimer::NoAnswer,
            SessionTimer::Expires,
            SessionTimer::Provisional,
            SessionTimer::NoPrack,
        ] {
            cx.timers.cancel(&Timer::Session(self.id, timer));
        }
        cx.respond(transaction, response.clone());
        let interval = cx.config.timings.t1;
        let unacknowledged = Unacknowledged {
            transaction,
            sequence,
            response,
            interval,
        };
        self.arm_retransmission(cx, &unacknowledged);
        self.state = State::Established(Box::new(Established::new(
            dialog,
            Handshake::Unacknowledged(unacknowledged),
        )));
        self.started = Some(cx.now);
        cx.tell(
            self.id,
            SessionEvent::Accepted {
                originator: Originator::Local,
                response: None,
            },
        );
    }

    fn answer_failed(&mut self, cx: &mut Context, step: MediaStep, error: String) {
        let (status, originator, cause) = match step {
            MediaStep::Open | MediaStep::Capture => (
                StatusCode::TEMPORARILY_UNAVAILABLE,
                Originator::Local,
                Cause::UserDeniedMediaAccess,
            ),
            MediaStep::SetRemote => (
                StatusCode::NOT_ACCEPTABLE_HERE,
                Originator::System,
                Cause::WebRtcError,
            ),
            _ => (
                StatusCode::SERVER_INTERNAL_ERROR,
                Originator::System,
                Cause::InternalError,
            ),
        };
        let before = matches!(
            step,
            MediaStep::CreateOffer
                | MediaStep::CreateAnswer
                | MediaStep::SetLocal
                | MediaStep::DescribeLocal
        );
        if before {
            self.tell_media_failure(cx, step, error.clone());
        }
        self.refuse_invite(cx, status, None);
        let end = End {
            originator,
            cause,
            message: None,
            detail: Some(error.clone()),
        };
        self.end(cx, true, end);
        if !before {
            self.tell_media_failure(cx, step, error);
        }
        self.close(cx);
    }
}

/// The media that an offer asks for; audio, where there is none.
pub(super) fn asked_for(offer: Option<&str>) -> MediaKinds {
    let offers = |kind| offer.map(|sdp| sdp.lines().any(|line| offers_media(line, kind)));
    MediaKinds {
        audio: offers("audio").unwrap_or(true),
        video: offers("video").unwrap_or(false),
    }
}

/// Whether an SDP line opens a media section of this kind that is not refused.
fn offers_media(line: &str, kind: &str) -> bool {
    line.strip_prefix("m=")
        .and_then(|media| media.strip_prefix(kind))
        .and_then(|rest| rest.strip_prefix(' '))
        .is_some_and(|rest| !rest.starts_with("0 "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_section_offers_nothing() {
        assert!(offers_media("m=audio 9 UDP/TLS/RTP/SAVPF 111", "audio"));
        assert!(!offers_media("m=audio 0 UDP/TLS/RTP/SAVPF 111", "audio"));
        assert!(!offers_media("m=video 9 UDP/TLS/RTP/SAVPF 96", "audio"));
    }
}
