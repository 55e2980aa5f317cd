//! `progress()`: a provisional response of the application's own, with early media where it is
//! asked for (RFC 3960 section 3).

use offhook_sip::{StatusCode, is_line};

use super::answer::asked_for;
use super::incoming::Incoming;
use super::{Direction, Session, State, sdp_of};
use crate::context::Context;
use crate::error::CommandError;
use crate::event::{Originator, SessionEvent};
use crate::headers;
use crate::options::ExtraHeaders;

/// Options of [`SessionMut::progress`](crate::SessionMut::progress).
#[derive(Clone, Debug)]
pub struct ProgressOptions {
    /// The status, 101 to 199. Default: 183.
    pub status: StatusCode,
    /// The reason phrase, where it is not the status' own.
    pub reason: Option<String>,
    /// Headers added to the response.
    pub extra_headers: ExtraHeaders,
    /// Whether the response carries our answer, so that media flows before the call is answered.
    /// Default: true.
    pub media: bool,
}

impl Default for ProgressOptions {
    fn default() -> Self {
        Self {
            status: StatusCode::SESSION_PROGRESS,
            reason: None,
            extra_headers: Vec::new(),
            media: true,
        }
    }
}

impl Session {
    pub(crate) fn progress(
        &mut self,
        cx: &mut Context,
        options: ProgressOptions,
    ) -> Result<(), CommandError> {
        if self.direction == Direction::Outgoing {
            let what = "progress is for incoming sessions; this one is outgoing";
            return Err(CommandError::NotSupported { what });
        }
        let State::Incoming(Incoming::Announced(..) | Incoming::Ringing(_)) = &self.state else {
            return Err(self.invalid_state("progress"));
        };
        headers::check(&options.extra_headers)?;
        if !(101..200).contains(&options.status.code()) {
            let expected = "a status from 101 to 199";
            return Err(CommandError::argument(
                "status",
                options.status.code(),
                expected,
            ));
        }
        if let Some(reason) = options.reason.as_ref().filter(|reason| !is_line(reason)) {
            return Err(CommandError::argument(
                "reason",
                reason,
                "text without line breaks",
            ));
        }
        // It rings first, as it does before an answer.
        self.announced(cx);
        let State::Incoming(Incoming::Ringing(offered)) = &self.state else {
            return Ok(());
        };
        if !options.media {
            self.send_progress(cx, &options, None);
            return Ok(());
        }
        if offered.early.is_some() {
            let early = offered.early.clone();
            self.send_progress(cx, &options, early);
            return Ok(());
        }
        let Some(offer) = sdp_of(&offered.request, cx) else {
            let what = "early media needs an offer, and this INVITE brought none";
            return Err(CommandError::NotSupported { what });
        };
        let wanted = asked_for(Some(offer));
        let taken = take_state!(self, State::Incoming(Incoming::Ringing(offered)) => offered);
        let Some(offered) = taken else {
            return Ok(());
        };
        self.state = State::Incoming(Incoming::Progressing(offered, Box::new(options)));
        self.open_media(cx, wanted);
        Ok(())
    }

    /// Our answer for early media is ready: it goes out, and the call rings on.
    pub(super) fn early_media_ready(&mut self, cx: &mut Context, sdp: String) {
        let taken = take_state!(
            self,
            State::Incoming(Incoming::Progressing(offered, options)) => (offered, options),
        );
        let Some((mut offered, options)) = taken else {
            return;
        };
        offered.early = Some(sdp.clone());
        self.state = State::Incoming(Incoming::Ringing(offered));
        self.send_progress(cx, &options, Some(sdp));
    }

    fn send_progress(&mut self, cx: &mut Context, options: &ProgressOptions, sdp: Option<String>) {
        let response = self
            .invite_response(cx, options.status)
            .and_then(|mut response| {
                if let Some(reason) = &options.reason {
                    response.set_reason(reason)?;
                }
                headers::put_extra(response.headers_mut(), &options.extra_headers)?;
                if let Some(sdp) = sdp {
                    response.set_body(headers::APPLICATION_SDP, sdp)?;
                }
                Ok(response)
            });
        let sent = response.and_then(|response| self.send_provisional(cx, response));
        if sent.is_ok() {
            let originator = Originator::Local;
            cx.tell(
                self.id,
                SessionEvent::Progress {
                    originator,
                    response: None,
                },
            );
        }
    }
}
