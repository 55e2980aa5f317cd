//! What the engine does and tells, as rows (`Row` in `npm/src/engine/rows.ts`).

use offhook_core::{
    Body, Cause, Destination, End, Event, MediaRequest, NotifierEvent, Originator, Output,
    ReferState, RequestFailure, SessionEvent, SubscriberEvent, SubscriptionEnd, Transport,
};
use offhook_sip::{Request, Response};

use crate::questions::question;
use crate::rows::Row;

/// The row for an output; nothing for one that JavaScript does not know.
pub(crate) fn output(output: &Output) -> Option<Row> {
    Some(match output {
        Output::Send { flow, bytes } => Row::of("send").number(flow.0 as f64).bytes(bytes),
        Output::Open { flow, destination } => Row::of("open")
            .number(flow.0 as f64)
            .text(&url(destination)),
        Output::Ping { flow } => Row::of("ping").number(flow.0 as f64),
        Output::Close { flow } => Row::of("close").number(flow.0 as f64),
        Output::Media { session, request } => {
            return media(Row::of("media").number(session.0 as f64), request);
        }
        Output::Ask {
            ask,
            session,
            question: asked,
        } => {
            let row = Row::of("ask").number(ask.0 as f64);
            let row = match session {
                Some(session) => row.number(session.0 as f64),
                None => row.none(),
            };
            return question(row, asked);
        }
        Output::Event(event) => return tell(event),
        _ => return None,
    })
}

/// Where a WebSocket is to lead.
fn url(destination: &Destination) -> String {
    let mut url = String::from(match destination.transport {
        Transport::Ws => "ws://",
        _ => "wss://",
    });
    let is_ipv6 = destination.host.contains(':');
    if is_ipv6 {
        url.push('[');
    }
    url.push_str(&destination.host);
    if is_ipv6 {
        url.push(']');
    }
    if destination.port != destination.transport.default_port() {
        url.push(':');
        url.push_str(&destination.port.to_string());
    }
    url.push_str(&destination.path);
    url
}

fn media(row: Row, request: &MediaRequest) -> Option<Row> {
    Some(match request {
        MediaRequest::Open => row.text("open"),
        MediaRequest::Capture { audio, video } => row.text("capture").flag(*audio).flag(*video),
        MediaRequest::CreateOffer { ice_restart } => row.text("createOffer").flag(*ice_restart),
        MediaRequest::CreateAnswer => row.text("createAnswer"),
        MediaRequest::SetLocal { kind, sdp } => row.text("setLocal").text(kind.as_str()).text(sdp),
        MediaRequest::SetRemote { kind, sdp } => {
            row.text("setRemote").text(kind.as_str()).text(sdp)
        }
        MediaRequest::DescribeLocal => row.text("describeLocal"),
        MediaRequest::Rollback => row.text("rollback"),
        MediaRequest::AddCandidate { candidate, mid } => row
            .text("addCandidate")
            .text(candidate)
            .maybe_text(mid.as_deref()),
        MediaRequest::EndOfCandidates => row.text("endOfCandidates"),
        MediaRequest::InsertTones {
            tones,
            duration,
            gap,
        } => row
            .text("insertTones")
            .text(tones)
            .duration(*duration)
            .duration(*gap),
        MediaRequest::SetEnabled { audio, video } => {
            row.text("setEnabled").flag(*audio).flag(*video)
        }
        MediaRequest::SetHold { local, remote } => row.text("setHold").flag(*local).flag(*remote),
        MediaRequest::Close => row.text("close"),
        _ => return None,
    })
}

fn tell(event: &Event) -> Option<Row> {
    Some(match event {
        Event::Connecting { attempt } => Row::of("connecting").number(f64::from(*attempt)),
        Event::Connected => Row::of("connected"),
        Event::Disconnected { reason, retry_in } => Row::of("disconnected")
            .text(reason)
            .maybe_duration(*retry_in),
        Event::Registered { expires, response } => {
            Row::of("registered").duration(*expires).response(response)
        }
        Event::Unregistered { response, cause } => Row::of("unregistered")
            .maybe_response(response.as_ref())
            .maybe_text(cause.map(Cause::as_str)),
        Event::RegistrationFailed { response, cause } => Row::of("registrationFailed")
            .maybe_response(response.as_ref())
            .text(cause.as_str()),
        Event::Session { session, event } => {
            return told(
                Row::of("session")
                    .number(session.0 as f64)
                    .text(event.name()),
                event,
            );
        }
        Event::Refer {
            session,
            refer,
            state,
        } => {
            let row = Row::of("refer")
                .number(session.0 as f64)
                .number(f64::from(*refer));
            return refer_state(row, state);
        }
        Event::Referred { session, call } => Row::of("referred")
            .number(session.0 as f64)
            .number(call.0 as f64),
        Event::SessionClosed { session } => Row::of("sessionClosed").number(session.0 as f64),
        Event::Subscriber {
            subscription,
            event,
        } => {
            let row = Row::of("subscriber").number(subscription.0 as f64);
            return subscriber(row.text(event.name()), event);
        }
        Event::Notifier {
            subscription,
            event,
        } => {
            let row = Row::of("notifier").number(subscription.0 as f64);
            return notifier(row.text(event.name()), event);
        }
        Event::RequestOver { request, result } => {
            let row = Row::of("requestOver").number(request.0 as f64);
            match result {
                Ok(response) => row.none().response(response),
                Err(failure) => failed(row, failure),
            }
        }
        Event::UnsolicitedNotify { request, .. } => Row::of("sipEvent").request(request),
        Event::Stopped => Row::of("stopped"),
        _ => return None,
    })
}

pub(crate) fn originator(originator: Originator) -> &'static str {
    match originator {
        Originator::Local => "local",
        Originator::Remote => "remote",
        Originator::System => "system",
    }
}

/// Cause and response: a `ResultRow`.
fn failed(row: Row, failure: &RequestFailure) -> Row {
    row.text(failure.cause.as_str())
        .maybe_response(failure.response.as_ref())
}

fn ended(row: Row, end: &End) -> Row {
    row.text(originator(end.originator))
        .text(end.cause.as_str())
        .maybe_message(end.message.as_ref())
        .maybe_text(end.detail.as_deref())
}

fn answered(row: Row, by: Originator, response: Option<&Response>) -> Row {
    row.text(originator(by)).maybe_response(response)
}

/// What is told about a session: a `SessionRow`, behind its name.
fn told(row: Row, event: &SessionEvent) -> Option<Row> {
    Some(match event {
        SessionEvent::Connecting | SessionEvent::ReadyToReoffer => row,
        SessionEvent::Progress {
            originator,
            response,
        }
        | SessionEvent::Accepted {
            originator,
            response,
        } => answered(row, *originator, response.as_ref()),
        SessionEvent::Confirmed {
            originator: by,
            ack,
        } => row.text(originator(*by)).maybe_request(ack.as_ref()),
        SessionEvent::Ended(end) | SessionEvent::Failed(end) => ended(row, end),
        SessionEvent::NewDtmf {
            originator: by,
            tone,
            duration,
            request,
        } => row
            .text(originator(*by))
            .text(tone.encode_utf8(&mut [0; 4]))
            .duration(*duration)
            .maybe_request(request.as_ref()),
        SessionEvent::DtmfDelivered { tone, response } => row
            .text(tone.encode_utf8(&mut [0; 4]))
            .maybe_response(response.as_ref()),
        SessionEvent::NewInfo {
            originator: by,
            content_type,
            body,
            request,
        } => row
            .text(originator(*by))
            .text(content_type)
            .lossy(body)
            .maybe_request(request.as_ref()),
        SessionEvent::InfoDelivered { info, response } => row
            .number(f64::from(*info))
            .maybe_response(response.as_ref()),
        SessionEvent::Muted { audio, video } | SessionEvent::Unmuted { audio, video } => {
            row.flag(*audio).flag(*video)
        }
        SessionEvent::Hold { originator: by } | SessionEvent::Unhold { originator: by } => {
            row.text(originator(*by))
        }
        SessionEvent::Renegotiated { exchange, result } => {
            let row = row.number(f64::from(*exchange));
            match result {
                Ok(()) => row.none().none(),
                Err(failure) => failed(row, failure),
            }
        }
        SessionEvent::Reoffered { request } => row.request(request),
        SessionEvent::RemoteIdentity { identity } => row.text(&identity.to_string()),
        SessionEvent::MediaUnconnected { after } => row.duration(*after),
        SessionEvent::GetUserMediaFailed { error }
        | SessionEvent::CreateOfferFailed { error }
        | SessionEvent::CreateAnswerFailed { error }
        | SessionEvent::SetLocalDescriptionFailed { error }
        | SessionEvent::SetRemoteDescriptionFailed { error } => row.text(error),
        _ => return None,
    })
}

/// What became of a REFER: a `ReferRow`.
fn refer_state(row: Row, state: &ReferState) -> Option<Row> {
    Some(match state {
        ReferState::RequestSucceeded { response } => row.text(state.name()).response(response),
        ReferState::RequestFailed { response, cause } => row
            .text(state.name())
            .maybe_response(response.as_ref())
            .text(cause.as_str()),
        ReferState::Trying {
            request,
            status_line,
        }
        | ReferState::Progress {
            request,
            status_line,
        }
        | ReferState::Accepted {
            request,
            status_line,
        }
        | ReferState::Failed {
            request,
            status_line,
        } => row
            .text(state.name())
            .request(request)
            .number(f64::from(status_line.status.code()))
            .text(&status_line.reason),
        ReferState::Terminated { reason } => row.text("over").maybe_text(reason.as_deref()),
        _ => return None,
    })
}

/// What is told about a subscription of ours: a `SubscriberRow`, behind its name.
fn subscriber(row: Row, event: &SubscriberEvent) -> Option<Row> {
    Some(match event {
        SubscriberEvent::Accepted { response } => row.response(response),
        SubscriberEvent::DialogCreated | SubscriberEvent::Pending | SubscriberEvent::Active => row,
        SubscriberEvent::Notify {
            last,
            request,
            body,
        } => row.flag(*last).request(request).body(body.as_ref()),
        SubscriberEvent::Forked { fork } => row.number(fork.0 as f64),
        SubscriberEvent::Resubscribing { reason, after } => {
            row.maybe_text(reason.as_deref()).duration(*after)
        }
        SubscriberEvent::Terminated { end } => over(row, end),
        _ => return None,
    })
}

/// What is told about a peer's subscription: a `NotifierRow`, behind its name.
fn notifier(row: Row, event: &NotifierEvent) -> Option<Row> {
    Some(match event {
        NotifierEvent::Refreshed { request, .. } => asked_again(row, false, request),
        NotifierEvent::Unsubscribed { request } => asked_again(row, true, request),
        NotifierEvent::Terminated { end } => over(row, end),
        _ => return None,
    })
}

/// The SUBSCRIBE that refreshes or, as the last one, ends a peer's subscription.
fn asked_again(row: Row, last: bool, request: &Request) -> Row {
    let body = Body::of(request);
    let content_type = body.as_ref().map(|body| &*body.content_type);
    row.flag(last).request(request).maybe_text(content_type)
}

/// Why a subscription is over: `SubscriptionEndFields`.
fn over(row: Row, end: &SubscriptionEnd) -> Row {
    let name = match end {
        SubscriptionEnd::Notified {
            reason,
            retry_after,
        } => {
            return row
                .text("notified")
                .maybe_text(reason.as_deref())
                .maybe_duration(*retry_after)
                .none();
        }
        SubscriptionEnd::Refused { response } => {
            return row.text("refused").none().none().response(response);
        }
        SubscriptionEnd::Unanswered => "unanswered",
        SubscriptionEnd::Unsent => "unsent",
        SubscriptionEnd::NoNotify => "noNotify",
        SubscriptionEnd::Expired => "expired",
        SubscriptionEnd::Unsubscribed => "unsubscribed",
        SubscriptionEnd::Terminated => "terminated",
        SubscriptionEnd::DialogGone => "dialogGone",
        // `Stopped`, and what a core to come may say.
        _ => "stopped",
    };
    row.text(name).none().none().none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_what_the_application_wrote() {
        for text in [
            "wss://sip.example.com/",
            "ws://127.0.0.1:8080/ws?x=1",
            "wss://[2001:db8::1]:8443/",
            "ws://example.com:443/",
        ] {
            let destination = Destination::from_url(text).expect("a server's address");
            assert_eq!(url(&destination), text);
        }
        let destination = Destination::from_url("wss://sip.example.com:443").expect("an address");
        assert_eq!(url(&destination), "wss://sip.example.com/");
    }
}
