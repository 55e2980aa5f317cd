//! `sendMessage()` inside a session (RFC 3428), and OPTIONS (RFC 3261 section 11.2).

use offhook_sip::Method;

use super::{Answer, InDialog, Session};
use crate::context::{Context, Unsent};
use crate::error::CommandError;
use crate::headers;
use crate::options::{Body, ExtraHeaders};
use crate::request::{RequestId, complete};

impl Session {
    /// Sends a request that changes nothing in the session, and whose answer is told as it is.
    pub(crate) fn send_alone(
        &mut self,
        cx: &mut Context,
        method: Method<'_>,
        body: Option<&Body>,
        extra_headers: &ExtraHeaders,
    ) -> Result<RequestId, CommandError> {
        body.map_or(Ok(()), Body::check)?;
        headers::check(extra_headers)?;
        if !self.may_send_info() {
            return Err(CommandError::InvalidState {
                command: match method {
                    Method::Message => "send_message",
                    _ => "send_options",
                },
                status: self.status(),
            });
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
