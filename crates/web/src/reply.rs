//! What comes back to the engine: answers to its questions, and reports of peer connections.

use offhook_core::{AskId, ConnectionState, MediaReport, MediaStep, Reply};
use offhook_sip::{HeaderName, Method, Name, OutgoingRequest, Uri, WriteError};
use wasm_bindgen::prelude::*;

use crate::engine::Engine;
use crate::errors::{Refusal, argument};
use crate::options::{self, Options, body, headers};
use crate::time::instant;

#[wasm_bindgen]
impl Engine {
    /// Goes on as planned.
    pub fn proceed(&mut self, now: f64, ask: f64) {
        self.reply(now, ask, Reply::Proceed);
    }

    /// Uses this description instead.
    #[wasm_bindgen(js_name = replySdp)]
    pub fn reply_sdp(&mut self, now: f64, ask: f64, sdp: String) {
        self.reply(now, ask, Reply::Sdp(sdp));
    }

    /// Sends this INVITE instead.
    #[wasm_bindgen(js_name = replyRequest)]
    pub fn reply_request(
        &mut self,
        now: f64,
        ask: f64,
        uri: &str,
        headers: Vec<String>,
        body: &str,
    ) -> Result<(), Refusal> {
        let request = invite(uri, headers, body)?;
        self.reply(now, ask, Reply::Request(request));
        Ok(())
    }

    /// Waits for no more candidates.
    #[wasm_bindgen(js_name = replyReady)]
    pub fn reply_ready(&mut self, now: f64, ask: f64) {
        self.reply(now, ask, Reply::Ready);
    }

    /// Accepts a REFER, or an INVITE that takes a session's place.
    #[wasm_bindgen(js_name = replyAccept)]
    pub fn reply_accept(&mut self, now: f64, ask: f64, options: &Options) {
        let options = options::call(options);
        self.reply(now, ask, Reply::Accept { options });
    }

    /// Answers with a 200 that holds these.
    #[wasm_bindgen(js_name = replyAnswer)]
    pub fn reply_answer(
        &mut self,
        now: f64,
        ask: f64,
        extra_headers: Vec<String>,
        content_type: Option<String>,
        content: Option<String>,
    ) {
        let reply = Reply::Answer {
            extra_headers: headers(extra_headers),
            body: body(content_type, content),
        };
        self.reply(now, ask, reply);
    }

    /// Lets a peer subscribe.
    #[wasm_bindgen(js_name = replyGrant)]
    pub fn reply_grant(&mut self, now: f64, ask: f64, options: &Options) {
        let options = options::grant(options);
        self.reply(now, ask, Reply::Grant { options });
    }

    /// Refuses.
    #[wasm_bindgen(js_name = replyReject)]
    #[allow(
        clippy::too_many_arguments,
        reason = "JavaScript hands over plain values, not a struct"
    )]
    pub fn reply_reject(
        &mut self,
        now: f64,
        ask: f64,
        status: f64,
        reason: Option<String>,
        extra_headers: Vec<String>,
        content_type: Option<String>,
        content: Option<String>,
    ) -> Result<(), Refusal> {
        let reply = Reply::Reject {
            status: options::status(status)?,
            reason,
            extra_headers: headers(extra_headers),
            body: body(content_type, content),
        };
        self.reply(now, ask, reply);
        Ok(())
    }

    fn reply(&mut self, now: f64, ask: f64, reply: Reply) {
        self.agent.reply(instant(now), AskId(ask as u64), reply);
    }
}

const INVITE: &str = "text that can stand in a SIP message";

/// An INVITE of the application's making: its headers as lines, Content-Type among them.
fn invite(uri: &str, lines: Vec<String>, body: &str) -> Result<OutgoingRequest, Refusal> {
    let parsed = Uri::parse(uri).map_err(|_| argument("uri", uri, "a SIP URI"))?;
    let mut request = OutgoingRequest::new(Method::Invite, &parsed);
    for (name, value) in headers(lines) {
        put(&mut request, &name, &value).map_err(|_| argument("header", &name, INVITE))?;
    }
    if !body.is_empty() {
        let content_type = request.headers_mut().take_first(HeaderName::ContentType);
        let content_type = content_type.as_deref().unwrap_or("application/sdp");
        request
            .set_body(content_type, body.as_bytes().to_vec())
            .map_err(|_| argument("content_type", content_type, INVITE))?;
    }
    Ok(request)
}

fn put(request: &mut OutgoingRequest, name: &str, value: &str) -> Result<(), WriteError> {
    match Name::from(name) {
        // It is counted anew.
        Name::Known(HeaderName::ContentLength) => Ok(()),
        name => request.headers_mut().push(name, value),
    }
}

/// A `ReportRow`; nothing, where it is none.
pub(crate) fn report(name: &str, first: &JsValue, second: &JsValue) -> Option<MediaReport> {
    let text = || first.as_string().unwrap_or_default();
    Some(match name {
        "opened" => MediaReport::Opened,
        "captured" => MediaReport::Captured,
        "created" => MediaReport::Created { sdp: text() },
        "localSet" => MediaReport::LocalSet {
            gathered: first.as_bool().unwrap_or_default(),
        },
        "remoteSet" => MediaReport::RemoteSet,
        "localDescription" => MediaReport::LocalDescription { sdp: text() },
        "failed" => MediaReport::Failed {
            step: step(&text())?,
            error: second.as_string().unwrap_or_default(),
        },
        "candidate" => MediaReport::Candidate {
            candidate: text(),
            mid: second.as_string(),
        },
        "gatheringComplete" => MediaReport::GatheringComplete,
        "connection" => MediaReport::Connection(match text().as_str() {
            "connecting" => ConnectionState::Connecting,
            "connected" => ConnectionState::Connected,
            "disconnected" => ConnectionState::Disconnected,
            "failed" => ConnectionState::Failed,
            _ => return None,
        }),
        _ => return None,
    })
}

fn step(name: &str) -> Option<MediaStep> {
    Some(match name {
        "open" => MediaStep::Open,
        "capture" => MediaStep::Capture,
        "createOffer" => MediaStep::CreateOffer,
        "createAnswer" => MediaStep::CreateAnswer,
        "setLocal" => MediaStep::SetLocal,
        "setRemote" => MediaStep::SetRemote,
        "describeLocal" => MediaStep::DescribeLocal,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invite_of_the_application_has_its_headers_and_a_new_length() {
        let lines = [
            "CSeq: 1 INVITE",
            "c: text/x",
            "Content-Length: 99",
            "X-A: b",
        ];
        let lines = lines.map(str::to_owned).to_vec();
        let Ok(request) = invite("sip:bob@example.com", lines, "hi") else {
            panic!("that was an INVITE");
        };
        assert_eq!(
            request.write().expect("it can be written"),
            "INVITE sip:bob@example.com SIP/2.0\r\nCSeq: 1 INVITE\r\nX-A: b\r\n\
             Content-Type: text/x\r\nContent-Length: 2\r\n\r\nhi"
        );
    }
}
