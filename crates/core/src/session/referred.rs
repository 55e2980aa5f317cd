//! The peer's REFER: asks the application whether to make the call, and tells the peer how it goes
//! (RFC 3515 section 2.4).

use std::collections::VecDeque;
use std::time::Duration;

use offhook_sip::{
    Event as EventHeader, Expires, HeaderFields, HeaderName, Method, Name, ReferTo, ReferredBy,
    Replaces, Request, StatusCode, TypedHeader as _, Uri, WriteError, unescape,
};

use super::refer::{MAX_TRANSFERS, is_false};
use super::{Answer, InDialog, Received, Session, SessionId, State};
use crate::ask::{AskId, Question, Reply};
use crate::cause::Cause;
use crate::context::{Context, Timer};
use crate::errand::{Errand, Referral};
use crate::event::{End, SessionEvent};
use crate::headers;
use crate::options::ExtraHeaders;
use crate::subscription::StatusLine;

/// How long a subscription to a transfer lasts, unless the peer asks for less.
const LIFETIME: Duration = Duration::from_secs(300);

/// How many NOTIFYs of one subscription may wait for the one before them.
const MAX_NOTICES: usize = 8;

/// The body of a NOTIFY (RFC 3420).
const SIPFRAG: &str = "message/sipfrag;version=2.0";

/// A REFER of the peer, its subscription, and the call it asks for.
#[derive(Debug)]
pub(crate) struct Referred {
    pub(super) id: u32,
    /// The CSeq number of the REFER.
    event: u32,
    /// Whether nobody wants to know: the peer did not subscribe, or does not any more.
    silent: bool,
    progress: Progress,
    expires: crate::time::Instant,
    /// What was last to be told.
    line: StatusLine,
    /// The NOTIFY that is under way. Others wait, so that none overtakes another.
    sent: Option<Notice>,
    queue: VecDeque<Notice>,
}

/// How far a REFER of the peer has come.
#[derive(Debug)]
enum Progress {
    /// The application decides.
    Asking(AskId, Box<Uri<'static>>, ExtraHeaders),
    /// The call is under way.
    Calling,
    /// How it went has been told, or is being.
    Over,
}

/// One thing to tell the peer.
#[derive(Clone, Debug)]
struct Notice {
    line: StatusLine,
    /// Why the subscription ends with it, if it does.
    end: Option<&'static str>,
    again: bool,
}

impl Referred {
    pub(super) fn asked(&self) -> Option<AskId> {
        match &self.progress {
            Progress::Asking(ask, ..) => Some(*ask),
            Progress::Calling | Progress::Over => None,
        }
    }
}

/// Tells the one who asked for a call how it is getting on, from what the call's own application is
/// told.
pub(crate) fn follow(cx: &mut Context, session: SessionId, event: &SessionEvent) {
    let Some(referral) = cx.referrals.get(&session).copied() else {
        return;
    };
    let status_line = match event {
        SessionEvent::Progress {
            response: Some(response),
            ..
        }
        | SessionEvent::Accepted {
            response: Some(response),
            ..
        } => StatusLine::from(response),
        SessionEvent::Failed(end) => failure(end),
        _ => return,
    };
    if status_line.status.is_final() {
        cx.referrals.remove(&session);
    }
    cx.errands.push_back(Errand::Report {
        referral,
        status_line,
    });
}

/// The status line for a call that failed: the target's own, where it has answered.
fn failure(end: &End) -> StatusLine {
    if let Some(offhook_sip::Message::Response(response)) = &end.message
        && response.status().code() >= 300
    {
        return StatusLine::from(response);
    }
    StatusLine::of(match end.cause {
        Cause::NoAnswer | Cause::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
        Cause::ConnectionError => StatusCode::SERVICE_UNAVAILABLE,
        Cause::BadMediaDescription | Cause::MissingSdp => StatusCode::NOT_ACCEPTABLE_HERE,
        Cause::Canceled => StatusCode::REQUEST_TERMINATED,
        _ => StatusCode::SERVER_INTERNAL_ERROR,
    })
}

impl Session {
    pub(super) fn refer_received(&mut self, cx: &mut Context, received: Received) {
        let Received {
            transaction,
            request,
        } = received;
        let read = match &self.state {
            State::Established(_) if self.transfers.granted.len() >= MAX_TRANSFERS => {
                Err((StatusCode::BUSY_HERE, "Too Many Transfers"))
            }
            State::Established(_) => read(&request),
            State::Closing(_) | State::Closed => {
                Err((StatusCode::CALL_DOES_NOT_EXIST, "Call Has Ended"))
            }
            State::Outgoing(_) | State::Incoming(_) => {
                Err((StatusCode::FORBIDDEN, "Call Is Not Established"))
            }
        };
        let (target, carried) = match read {
            Ok(read) => read,
            Err((status, phrase)) => {
                if let Ok(mut response) = cx.response(&request, status) {
                    // The standard phrase does when this one cannot be written.
                    let _ = response.set_reason(phrase);
                    cx.respond(transaction, response);
                }
                return;
            }
        };
        let silent = request.header(HeaderName::ReferSub).is_some_and(is_false);
        let flow = self.dialog_mut().map(|dialog| dialog.flow());
        let accepted = cx
            .response(&request, StatusCode::ACCEPTED)
            .and_then(|mut response| {
                if let Some(flow) = flow {
                    cx.put_contact(response.headers_mut(), flow)?;
                }
                if silent {
                    response.headers_mut().push(HeaderName::ReferSub, "false")?;
                }
                Ok(response)
            });
        let Ok(accepted) = accepted else {
            return cx.answer(transaction, &request, StatusCode::SERVER_INTERNAL_ERROR);
        };
        cx.respond(transaction, accepted);
        let id = self.transfers.name();
        let event = request.cseq().map_or(0, |cseq| cseq.number);
        let refer_to = target.clone();
        let ask = cx.ask(self.id, Question::Refer { request, refer_to });
        self.transfers.granted.push(Referred {
            id,
            event,
            silent,
            progress: Progress::Asking(ask, Box::new(target.without_headers()), carried),
            expires: cx.now + LIFETIME,
            line: StatusLine::of(StatusCode::TRYING),
            sent: None,
            queue: VecDeque::new(),
        });
        cx.set_timer(Timer::Refer(self.id, id), LIFETIME);
        self.notify(cx, id, StatusLine::of(StatusCode::TRYING), None);
    }

    /// Whether a question of the agent is about a REFER.
    pub(super) fn refer_asked(&self, ask: AskId) -> bool {
        let mut granted = self.transfers.granted.iter();
        granted.any(|referred| referred.asked() == Some(ask))
    }

    /// The application lets the call be made, or refuses it.
    pub(super) fn refer_replied(&mut self, cx: &mut Context, ask: AskId, reply: Reply) {
        let session = self.id;
        let mut granted = self.transfers.granted.iter_mut();
        let Some(referred) = granted.find(|referred| referred.asked() == Some(ask)) else {
            return;
        };
        let id = referred.id;
        let progress = std::mem::replace(&mut referred.progress, Progress::Calling);
        let line = match (progress, reply) {
            (Progress::Asking(_, target, carried), Reply::Accept { mut options }) => {
                let given = std::mem::take(&mut options.extra_headers);
                let named =
                    |name: &str| given.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
                options.extra_headers = carried
                    .into_iter()
                    .filter(|(name, _)| !named(name))
                    .collect();
                options.extra_headers.extend(given);
                let referral = Referral { session, refer: id };
                let target = *target;
                cx.errands.push_back(Errand::Call {
                    referral,
                    target,
                    options,
                });
                return;
            }
            (_, Reply::Reject { status, reason, .. }) if status.code() >= 300 => {
                let reason = reason.filter(|reason| !reason.contains(char::is_control));
                let standard = || status.reason().to_owned();
                StatusLine {
                    status,
                    reason: reason.unwrap_or_else(standard),
                }
            }
            _ => StatusLine::of(StatusCode::DECLINE),
        };
        self.report_transfer(cx, id, line);
    }

    /// The call that a REFER asked for is under way; its peer is told of it where it wants to know.
    /// Says whether it does.
    pub(crate) fn transfer_started(&mut self, cx: &mut Context, id: u32) -> bool {
        match self.referred(id) {
            Some(referred) if !referred.silent => true,
            Some(_) => {
                self.forget_referred(cx, id);
                false
            }
            None => false,
        }
    }

    /// How the call is getting on that a REFER asked for.
    pub(crate) fn report_transfer(&mut self, cx: &mut Context, id: u32, line: StatusLine) {
        let end = line.status.is_final().then_some("noresource");
        if let Some(referred) = self.referred(id)
            && end.is_some()
        {
            referred.progress = Progress::Over;
            if referred.silent {
                return self.forget_referred(cx, id);
            }
        }
        self.notify(cx, id, line, end);
    }

    fn referred(&mut self, id: u32) -> Option<&mut Referred> {
        let mut granted = self.transfers.granted.iter_mut();
        granted.find(|referred| referred.id == id)
    }

    fn notify(&mut self, cx: &mut Context, id: u32, line: StatusLine, end: Option<&'static str>) {
        let Some(referred) = self.referred(id) else {
            return;
        };
        if referred.silent {
            return;
        }
        if referred.queue.len() >= MAX_NOTICES {
            referred.queue.pop_front();
        }
        referred.line = line.clone();
        referred.queue.push_back(Notice {
            line,
            end,
            again: false,
        });
        self.next_notify(cx, id);
    }

    /// Sends the next NOTIFY, unless one is under way.
    fn next_notify(&mut self, cx: &mut Context, id: u32) {
        let now = cx.now;
        let Some(referred) = self.referred(id) else {
            return;
        };
        if referred.sent.is_some() {
            return;
        }
        let Some(notice) = referred.queue.pop_front() else {
            return;
        };
        let event = format!("refer;id={}", referred.event);
        let state = match notice.end {
            Some(reason) => format!("terminated;reason={reason}"),
            None => format!("active;expires={}", (referred.expires - now).as_secs()),
        };
        let body = format!("{}\r\n", notice.line);
        referred.sent = Some(notice);
        let sent = self.send_in_dialog(cx, InDialog::Notify(id), |dialog, cx| {
            let mut request = dialog.request(Method::Notify)?;
            let headers = request.headers_mut();
            headers.push(HeaderName::Event, event)?;
            headers.push(HeaderName::SubscriptionState, state)?;
            cx.put_contact(headers, dialog.flow())?;
            put_agent(headers, cx)?;
            request.set_body(SIPFRAG, body)?;
            Ok(request)
        });
        if sent.is_err() {
            self.notify_answered(cx, id, &Answer::Unsent);
        }
    }

    /// A NOTIFY was answered, or never will be.
    pub(super) fn notify_answered(&mut self, cx: &mut Context, id: u32, answer: &Answer) {
        let Some(referred) = self.referred(id) else {
            return;
        };
        let Some(notice) = referred.sent.take() else {
            return;
        };
        let refused = match answer {
            Answer::Response(response) if response.status().is_success() => false,
            // It came after a later request of ours: once more, with a number of its own.
            Answer::Response(response)
                if response.status() == StatusCode::SERVER_INTERNAL_ERROR && !notice.again =>
            {
                referred.queue.push_front(Notice {
                    again: true,
                    ..notice
                });
                return self.next_notify(cx, id);
            }
            // The flow broke; later news may arrive.
            Answer::Unsent => false,
            // The peer does not know of a subscription, or is gone (RFC 6665 section 4.2.2).
            Answer::Response(_) | Answer::Timeout => true,
        };
        if refused || notice.end.is_some() {
            self.subscription_over(cx, id);
        } else {
            self.next_notify(cx, id);
        }
    }

    /// Nobody wants to know any more how a transfer goes; the application may still decide on it.
    fn subscription_over(&mut self, cx: &mut Context, id: u32) {
        match self.referred(id) {
            Some(referred) if referred.asked().is_some() => {
                referred.silent = true;
                referred.queue.clear();
            }
            Some(_) => self.forget_referred(cx, id),
            None => {}
        }
    }

    /// The time of a subscription to a transfer has run out.
    pub(super) fn referred_expired(&mut self, cx: &mut Context, id: u32) {
        let Some(referred) = self.referred(id) else {
            return;
        };
        let asked = referred.asked();
        if referred.silent || matches!(referred.progress, Progress::Over) {
            return self.forget_referred(cx, id);
        }
        referred.progress = Progress::Over;
        let line = referred.line.clone();
        if let Some(ask) = asked {
            cx.asks.remove(&ask);
        }
        // The last NOTIFY is given as much time as any transaction.
        let limit = cx.config.timings.t1 * 64 * 2;
        cx.set_timer(Timer::Refer(self.id, id), limit);
        self.notify(cx, id, line, Some("timeout"));
    }

    fn forget_referred(&mut self, cx: &mut Context, id: u32) {
        if let Some(ask) = self.referred(id).and_then(|referred| referred.asked()) {
            cx.asks.remove(&ask);
        }
        self.transfers.granted.retain(|referred| referred.id != id);
        cx.timers.cancel(&Timer::Refer(self.id, id));
        let referral = Referral {
            session: self.id,
            refer: id,
        };
        cx.referrals.retain(|_, known| *known != referral);
        self.usage_over(cx);
    }

    /// A SUBSCRIBE inside the dialog: the peer wants to know longer how a transfer goes, or no
    /// longer (RFC 6665 section 4.1.2, RFC 3515 section 2.4.4).
    pub(super) fn resubscribed(
        &mut self,
        cx: &mut Context,
        Received {
            transaction,
            request,
        }: Received,
    ) {
        let id = match self.referred_of(&request) {
            Ok(id) => id,
            Err(status) => return cx.answer(transaction, &request, status),
        };
        let lifetime = request
            .typed::<Expires>()
            .ok()
            .flatten()
            .map_or(LIFETIME, |expires| Duration::from_secs(expires.0.into()))
            .min(LIFETIME);
        let flow = self.dialog_mut().map(|dialog| dialog.flow());
        let response = cx
            .response(&request, StatusCode::OK)
            .and_then(|mut response| {
                if let Some(flow) = flow {
                    cx.put_contact(response.headers_mut(), flow)?;
                }
                let headers = response.headers_mut();
                headers.push(HeaderName::Expires, lifetime.as_secs())?;
                Ok(response)
            });
        if let Ok(response) = response {
            cx.respond(transaction, response);
        }
        let until = cx.now + lifetime;
        let Some(referred) = self.referred(id) else {
            return;
        };
        let line = referred.line.clone();
        if lifetime.is_zero() {
            return self.notify(cx, id, line, Some("timeout"));
        }
        referred.expires = until;
        cx.set_timer(Timer::Refer(self.id, id), lifetime);
        self.notify(cx, id, line, None);
    }

    fn referred_of(&self, subscribe: &Request) -> Result<u32, StatusCode> {
        let event = match subscribe.typed::<EventHeader<'_>>() {
            Ok(Some(event)) if event.package.eq_ignore_ascii_case("refer") => event,
            Ok(_) => return Err(StatusCode::BAD_EVENT),
            Err(_) => return Err(StatusCode::BAD_REQUEST),
        };
        let mut open =
            self.transfers.granted.iter().filter(|referred| {
                !referred.silent && !matches!(referred.progress, Progress::Over)
            });
        let found = match event.id {
            Some(id) => open.find(|referred| id.parse() == Ok(referred.event)),
            None => open.next().filter(|_| open.next().is_none()),
        };
        found
            .map(|referred| referred.id)
            .ok_or(StatusCode::CALL_DOES_NOT_EXIST)
    }
}

fn put_agent(headers: &mut HeaderFields, cx: &Context) -> Result<(), WriteError> {
    headers.push(HeaderName::UserAgent, &cx.config.user_agent)
}

/// The target of a REFER, and the headers for the call to it.
///
/// # Errors
///
/// The response owed to a REFER that names none, or one that cannot be called.
fn read(request: &Request) -> Result<(Uri<'static>, ExtraHeaders), (StatusCode, &'static str)> {
    let bad = |phrase| (StatusCode::BAD_REQUEST, phrase);
    if request.headers(HeaderName::ReferTo).count() > 1 {
        return Err(bad("More Than One Refer-To Header"));
    }
    let refer_to = request
        .typed::<ReferTo<'_>>()
        .map_err(|_| bad("Malformed Refer-To Header"))?
        .ok_or(bad("Missing Refer-To Header"))?;
    let target = refer_to.0.uri.into_owned();
    if !target.is_sip() {
        return Err((StatusCode::UNSUPPORTED_URI_SCHEME, "Refer-To Is No SIP URI"));
    }
    let method = target.param("method").unwrap_or("INVITE");
    if !method.eq_ignore_ascii_case("INVITE") {
        return Err((StatusCode::NOT_IMPLEMENTED, "Only INVITE Can Be Referred"));
    }
    let mut carried = carried(&target).map_err(bad)?;
    // A malformed one says nothing about the call, and is left out.
    if let Ok(Some(referred_by)) = request.typed::<ReferredBy<'_>>() {
        carried.push((
            HeaderName::ReferredBy.as_str().to_owned(),
            referred_by.to_string(),
        ));
    }
    Ok((target.without_param("method"), carried))
}

/// The headers in a URI that may go into a request made from it (RFC 3261 section 19.1.5). Those
/// that say who calls, which way messages go, or what this user agent can, may not; nor may a body.
fn carried(target: &Uri<'_>) -> Result<ExtraHeaders, &'static str> {
    let mut carried = ExtraHeaders::new();
    for (name, value) in target.headers() {
        let (name, value) = (unescape(name), unescape(value));
        let allowed = match Name::from(name.as_ref()) {
            Name::Known(HeaderName::Replaces) => {
                if Replaces::parse(value.trim()).is_err() {
                    return Err("Malformed Replaces In Refer-To");
                }
                true
            }
            // RFC 5589 section 7.1: a transfer that must replace, or not be made.
            Name::Known(HeaderName::Require) => value.trim().eq_ignore_ascii_case("replaces"),
            Name::Known(
                HeaderName::AcceptContact
                | HeaderName::CallInfo
                | HeaderName::Diversion
                | HeaderName::HistoryInfo
                | HeaderName::InReplyTo
                | HeaderName::Join
                | HeaderName::Priority
                | HeaderName::Reason
                | HeaderName::RejectContact
                | HeaderName::RequestDisposition
                | HeaderName::Subject
                | HeaderName::TargetDialog,
            ) => true,
            Name::Known(_) => false,
            Name::Other(other) => {
                let reserved = ["body", "P-", "Proxy-", "Content-", "Security-"];
                !reserved.iter().any(|prefix| {
                    other
                        .get(..prefix.len())
                        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
                })
            }
        };
        let header = (name.into_owned(), value.trim().to_owned());
        if allowed && headers::check_extra(&vec![header.clone()]).is_ok() {
            carried.push(header);
        }
    }
    Ok(carried)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_headers_of_a_uri_are_carried() {
        let table = [
            (
                "Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2",
                Some("Replaces: a@b;to-tag=1;from-tag=2"),
            ),
            ("replaces=a%3Bto-tag%3D1", None),
            ("Subject=hello%20there", Some("Subject: hello there")),
            ("s=hello", Some("s: hello")),
            ("X-Case=17", Some("X-Case: 17")),
            ("Require=replaces", Some("Require: replaces")),
            ("Require=100rel", Some("")),
            ("Via=SIP%2F2.0%2FUDP%20evil", Some("")),
            ("From=%3Csip:evil@example.com%3E", Some("")),
            ("Route=%3Csip:evil@example.com%3Blr%3E", Some("")),
            ("Contact=%3Csip:evil@example.com%3E", Some("")),
            ("Call-ID=1", Some("")),
            ("P-Asserted-Identity=%3Csip:evil@example.com%3E", Some("")),
            ("Authorization=Digest", Some("")),
            ("Content-Type=text%2Fplain", Some("")),
            ("body=text", Some("")),
            ("X-Evil=a%0D%0AVia:%20b", Some("")),
            ("X%3AY=1", Some("")),
        ];
        for (headers, expected) in table {
            let text = format!("sip:carol@example.com?{headers}");
            let uri = Uri::parse(&text).expect("a URI");
            let lines = carried(&uri).ok().map(|carried| {
                let lines: Vec<String> = carried
                    .iter()
                    .map(|(name, value)| format!("{name}: {value}"))
                    .collect();
                lines.join("\n")
            });
            assert_eq!(lines.as_deref(), expected, "{headers}");
        }
    }
}
