//! `terminate()`: ends a session whatever its state (RFC 3261 sections 9, 13.3 and 15).

use std::fmt::Write as _;

use offhook_sip::{StatusCode, is_line};

use super::incoming::Incoming;
use super::outgoing::Outgoing;
use super::{Session, State};
use crate::cause::Cause;
use crate::context::Context;
use crate::error::CommandError;
use crate::event::Originator;
use crate::headers;
use crate::options::TerminateOptions;

impl Session {
    pub(crate) fn terminate(
        &mut self,
        cx: &mut Context,
        options: TerminateOptions,
    ) -> Result<(), CommandError> {
        headers::check(&options.extra_headers)?;
        if let Some(reason) = &options.reason
            && !is_line(reason)
        {
            return Err(CommandError::argument(
                "reason",
                reason,
                "text without line breaks",
            ));
        }
        let code = options.status.map_or(0, StatusCode::code);
        let answers = matches!(self.state, State::Incoming(_));
        if options.status.is_some() && !(if answers { 300..700 } else { 200..700 }).contains(&code)
        {
            let expected = if answers {
                "a status from 300 to 699"
            } else {
                "a status from 200 to 699"
            };
            return Err(CommandError::argument("status_code", code, expected));
        }
        match &self.state {
            State::Outgoing(
                Outgoing::Preparing(_)
                | Outgoing::Waiting(..)
                | Outgoing::Sending(..)
                | Outgoing::Parked(_),
            ) => {
                self.fail(cx, Originator::Local, Cause::Canceled, None);
                self.close(cx);
            }
            State::Outgoing(Outgoing::Calling(_) | Outgoing::Proceeding(..)) => {
                let reason = reason_header(&options);
                self.cancel_invite(cx, reason.as_deref(), Originator::Local, Cause::Canceled);
            }
            State::Outgoing(Outgoing::Answered(_)) => self.end_answered(cx),
            State::Incoming(_) => self.reject(cx, &options),
            State::Established(_) => {
                let reason = reason_header(&options);
                self.hang_up_with(cx, Originator::Local, Cause::Bye, reason, options);
            }
            State::Closing(_) | State::Closed => {
                return Err(self.invalid_state("terminate"));
            }
        }
        Ok(())
    }

    fn reject(&mut self, cx: &mut Context, options: &TerminateOptions) {
        let status = options
            .status
            .unwrap_or(StatusCode::TEMPORARILY_UNAVAILABLE);
        let State::Incoming(
            Incoming::Announced(offered, _)
            | Incoming::Ringing(offered)
            | Incoming::Progressing(offered, _)
            | Incoming::Answering(offered, _),
        ) = &self.state
        else {
            return;
        };
        let transaction = offered.transaction;
        let response = self.invite_response(cx, status).and_then(|mut response| {
            if let Some(reason) = &options.reason {
                response.set_reason(reason)?;
            }
            headers::put_extra(response.headers_mut(), &options.extra_headers)?;
            if let Some((content_type, body)) = &options.body {
                response.set_body(content_type, body.as_bytes().to_vec())?;
            }
            Ok(response)
        });
        match response {
            Ok(response) => {
                cx.respond(transaction, response);
            }
            Err(_) => self.refuse_invite(cx, status, None),
        }
        self.fail(cx, Originator::Local, Cause::Rejected, None);
        self.close(cx);
    }
}

/// The Reason header for a status and its text (RFC 3326).
fn reason_header(options: &TerminateOptions) -> Option<String> {
    let status = options.status?;
    let text = options.reason.as_deref().unwrap_or_else(|| status.reason());
    let mut header = format!("SIP ;cause={};text=\"", status.code());
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            header.push('\\');
        }
        // Writing to a string cannot fail.
        let _ = header.write_char(character);
    }
    header.push('"');
    Some(header)
}
