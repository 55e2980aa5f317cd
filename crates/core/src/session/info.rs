//! `sendInfo()` and received INFO requests (RFC 6086).

use offhook_sip::{HeaderName, Method, StatusCode};

use super::dtmf::read_relay;
use super::{InDialog, Received, Session, TRICKLE};
use crate::context::{Context, Unsent};
use crate::error::CommandError;
use crate::event::{Originator, SessionEvent};
use crate::headers;
use crate::options::{ExtraHeaders, check_content_type};

impl Session {
    pub(crate) fn send_info(
        &mut self,
        cx: &mut Context,
        content_type: &str,
        body: &str,
        extra_headers: &ExtraHeaders,
    ) -> Result<u32, CommandError> {
        check_content_type(content_type)?;
        headers::check(extra_headers)?;
        if !self.may_send_info() {
            return Err(self.invalid_state("send_info"));
        }
        let info = self.next_info;
        self.next_info += 1;
        cx.tell(
            self.id,
            SessionEvent::NewInfo {
                originator: Originator::Local,
                content_type: content_type.to_owned(),
                body: bytes::Bytes::copy_from_slice(body.as_bytes()),
                request: None,
            },
        );
        let sent = self.send_in_dialog(cx, InDialog::Info(info), |dialog, cx| {
            let mut request = dialog.request(Method::Info)?;
            headers::put_extra(request.headers_mut(), extra_headers)?;
            headers::put_identity(request.headers_mut(), &cx.config)?;
            request.set_body(content_type, body)?;
            Ok(request)
        });
        if let Err(Unsent::NoWay | Unsent::Refused) = sent {
            cx.tell(
                self.id,
                SessionEvent::InfoDelivered {
                    info,
                    response: None,
                },
            );
        }
        Ok(info)
    }

    /// Takes an INFO of an Info Package (RFC 6086 section 4.2.2); gives back one of none.
    fn package_received(&mut self, cx: &mut Context, received: Received) -> Option<Received> {
        let Some(package) = received.request.header(HeaderName::InfoPackage) else {
            return Some(received);
        };
        let name = package.split(';').next().unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(TRICKLE) && self.trickle.wanted {
            self.candidates_received(cx, received);
            return None;
        }
        let response = cx.response(&received.request, StatusCode::BAD_INFO_PACKAGE);
        if let Ok(mut response) = response {
            let packages = if self.trickle.wanted { TRICKLE } else { "nil" };
            // Without the list the answer is right all the same.
            let _ = response.headers_mut().push(HeaderName::RecvInfo, packages);
            cx.respond(received.transaction, response);
        }
        None
    }

    pub(super) fn info_received(
        &mut self,
        cx: &mut Context,
        Received {
            transaction,
            request,
        }: Received,
    ) {
        let received = Received {
            transaction,
            request,
        };
        let Some(Received {
            transaction,
            request,
        }) = self.package_received(cx, received)
        else {
            return;
        };
        let content_type = match request.content_type() {
            Ok(Some(media)) => format!("{}/{}", media.kind, media.subtype).to_ascii_lowercase(),
            Ok(None) if request.body().is_empty() => String::new(),
            // The application takes any type, but has to know which one it is.
            Ok(None) | Err(_) => return cx.refuse_type(transaction, &request, "*/*"),
        };
        cx.answer(transaction, &request, StatusCode::OK);
        if content_type == "application/dtmf-relay" {
            // An unreadable one was taken and says nothing, as in JsSIP.
            let read = std::str::from_utf8(request.body())
                .ok()
                .and_then(read_relay);
            if let Some((tone, duration)) = read {
                let request = Some(request);
                cx.tell(
                    self.id,
                    SessionEvent::NewDtmf {
                        originator: Originator::Remote,
                        tone,
                        duration,
                        request,
                    },
                );
            }
            return;
        }
        let body = request.body_bytes();
        cx.tell(
            self.id,
            SessionEvent::NewInfo {
                originator: Originator::Remote,
                content_type,
                body,
                request: Some(request),
            },
        );
    }
}
