//! What comes back to the engine: answers to its questions, and reports of peer connections.

use offhook_core::{AskId, ConnectionState, ExtraHeaders, MediaReport, MediaStep, Reply};
use offhook_sip::{HeaderName, Method, Name, OutgoingRequest, Uri, WriteError};

use crate::commands::{Given, Outcome};
use crate::engine::Engine;
use crate::errors::{Refusal, argument};
use crate::options;

impl Engine {
    fn reply(&mut self, given: &Given<'_>, reply: Reply) -> Outcome {
        self.agent.reply(given.now, AskId(given.id), reply);
        Ok(0.0)
    }

    /// Goes on as planned.
    pub(crate) fn proceed(&mut self, given: &Given<'_>) -> Outcome {
        self.reply(given, Reply::Proceed)
    }

    /// Waits for no more candidates.
    pub(crate) fn reply_ready(&mut self, given: &Given<'_>) -> Outcome {
        self.reply(given, Reply::Ready)
    }

    /// Uses this description instead.
    pub(crate) fn reply_sdp(&mut self, given: &Given<'_>) -> Outcome {
        self.reply(given, Reply::Sdp(given.word(2)))
    }

    /// Sends this INVITE instead.
    pub(crate) fn reply_request(&mut self, given: &Given<'_>) -> Outcome {
        let request = invite(&given.word(2), given.at(3).headers(), &given.word(4))?;
        self.reply(given, Reply::Request(request))
    }

    /// Accepts a REFER, or an INVITE that takes a session's place.
    pub(crate) fn reply_accept(&mut self, given: &Given<'_>) -> Outcome {
        let options = options::call(&given.options);
        self.reply(given, Reply::Accept { options })
    }

    /// Answers with a 200 that holds these.
    pub(crate) fn reply_answer(&mut self, given: &Given<'_>) -> Outcome {
        let reply = Reply::Answer {
            extra_headers: given.options.headers(),
            body: given.body(3),
        };
        self.reply(given, reply)
    }

    /// Lets a peer subscribe.
    pub(crate) fn reply_grant(&mut self, given: &Given<'_>) -> Outcome {
        let options = options::grant(&given.options);
        self.reply(given, Reply::Grant { options })
    }

    /// Refuses.
    pub(crate) fn reply_reject(&mut self, given: &Given<'_>) -> Outcome {
        let reply = Reply::Reject {
            status: options::status(given.at(5).as_f64().unwrap_or_default())?,
            reason: given.text(6),
            extra_headers: given.options.headers(),
            body: given.body(3),
        };
        self.reply(given, reply)
    }
}

const INVITE: &str = "text that can stand in a SIP message";

/// An INVITE of the application's making: its headers as lines, Content-Type among them.
fn invite(uri: &str, headers: ExtraHeaders, body: &str) -> Result<OutgoingRequest, Refusal> {
    let parsed = Uri::parse(uri).map_err(|_| argument("uri", uri, "a SIP URI"))?;
    let mut request = OutgoingRequest::new(Method::Invite, &parsed);
    for (name, value) in headers {
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
pub(crate) fn report(given: &Given<'_>) -> Option<MediaReport> {
    let text = || given.word(3);
    Some(match given.word(2).as_str() {
        "opened" => MediaReport::Opened,
        "captured" => MediaReport::Captured,
        "created" => MediaReport::Created { sdp: text() },
        "localSet" => MediaReport::LocalSet {
            gathered: given.flag(3),
        },
        "remoteSet" => MediaReport::RemoteSet,
        "localDescription" => MediaReport::LocalDescription { sdp: text() },
        "failed" => MediaReport::Failed {
            step: step(&text())?,
            error: given.word(4),
        },
        "candidate" => MediaReport::Candidate {
            candidate: text(),
            mid: given.text(4),
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
    use crate::options::headers;

    #[test]
    fn an_invite_of_the_application_has_its_headers_and_a_new_length() {
        let lines = [
            "CSeq: 1 INVITE",
            "c: text/x",
            "Content-Length: 99",
            "X-A: b",
        ];
        let headers = headers(lines.map(str::to_owned).to_vec());
        let Ok(request) = invite("sip:bob@example.com", headers, "hi") else {
            panic!("that was an INVITE");
        };
        assert_eq!(
            request.write().expect("it can be written"),
            "INVITE sip:bob@example.com SIP/2.0\r\nCSeq: 1 INVITE\r\nX-A: b\r\n\
             Content-Type: text/x\r\nContent-Length: 2\r\n\r\nhi"
        );
    }
}
