//! `sendRequest()` and `sendMessage()` inside a session (RFC 3261 section 12.2, RFC 3428), and
//! OPTIONS (RFC 3261 section 11.2).

use offhook_sip::{Method, is_token};

use super::{Answer, InDialog, Incoming, Session, State};
use crate::context::{Context, Unsent};
use crate::error::CommandError;
use crate::headers;
use crate::options::{Body, ExtraHeaders};
use crate::request::{RequestId, complete};

impl Session {
    /// Sends a request of the application.
    pub(crate) fn send_request(
        &mut self,
        cx: &mut Context,
        method: Method<'_>,
        body: Option<&Body>,
        extra_headers: &ExtraHeaders,
    ) -> Result<RequestId, CommandError> {
        let what = match method {
            Method::Invite => "an INVITE makes a new offer: use renegotiate, hold or unhold",
            Method::Update => "an UPDATE makes a new offer: use renegotiate with use_update",
            Method::Bye => "a BYE ends the session: use terminate",
            Method::Cancel => "a CANCEL ends the session: use terminate",
            Method::Ack => "an ACK answers a 2xx to an INVITE: the session sends it itself",
            Method::Prack => "a PRACK answers a provisional response: the session sends it itself",
            _ if !is_token(method.as_str()) => {
                let expected = "letters, digits and -.!%*_+`'~";
                return Err(CommandError::argument("method", method, expected));
            }
            _ => return self.send_alone(cx, "send_request", method, body, extra_headers),
        };
        Err(CommandError::NotSupported { what })
    }

    /// Sends a request that changes nothing in the session, and whose answer is told as it is.
    pub(crate) fn send_alone(
        &mut self,
        cx: &mut Context,
        command: &'static str,
        method: Method<'_>,
        body: Option<&Body>,
        extra_headers: &ExtraHeaders,
    ) -> Result<RequestId, CommandError> {
        body.map_or(Ok(()), Body::check)?;
        headers::check(extra_headers)?;
        // A call that rings here has an early dialog too (RFC 3261 section 12.1).
        let rings = matches!(
            &self.state,
            State::Incoming(
                Incoming::Ringing(_) | Incoming::Progressing(..) | Incoming::Answering(..)
            )
        );
        if !rings && !self.may_send_info() {
            return Err(self.invalid_state(command));
        }
        let id = cx.name_request();
        let sent = self.send_in_dialog(cx, InDialog::Alone(id), |dialog, cx| {
            Ok(complete(cx, dialog.request(method)?, body, extra_headers)?)
        });
        if let Err(Unsent::NoWay | Unsent::Refused) = sent {
            cx.request_over(id, Answer::Unsent);
        }
        Ok(id)
    }
}
