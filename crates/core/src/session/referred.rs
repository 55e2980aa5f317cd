//! The peer's REFER: asks the application whether to make the call, and follows how it goes
//! (RFC 3515 section 2.4).

use offhook_sip::{HeaderName, StatusCode, Uri};

use super::notifier::{LIFETIME, Notifier};
use super::refer::{MAX_TRANSFERS, is_false};
use super::refer_to;
use super::{Received, Session, SessionId, State};
use crate::ask::{AskId, Question, Reply};
use crate::cause::Cause;
use crate::context::{Context, Timer};
use crate::errand::{Errand, Referral};
use crate::event::{End, SessionEvent};
use crate::options::ExtraHeaders;
use crate::subscription::StatusLine;

/// A REFER of the peer, its subscription, and the call it asks for.
#[derive(Debug)]
pub(crate) struct Referred {
    pub(super) id: u32,
    pub(super) progress: Progress,
    pub(super) notifier: Notifier,
}

/// How far a REFER of the peer has come.
#[derive(Debug)]
pub(super) enum Progress {
    /// The application decides.
    Asking(AskId, Box<Uri<'static>>, ExtraHeaders),
    /// The call is under way.
    Calling,
    /// How it went has been told, or is being.
    Over,
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
            State::Established(_) => refer_to::read(&request),
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
            progress: Progress::Asking(ask, Box::new(target.without_headers()), carried),
            notifier: Notifier::new(event, silent, cx.now),
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
            Some(referred) if !referred.notifier.silent => true,
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
            if referred.notifier.silent {
                return self.forget_referred(cx, id);
            }
        }
        self.notify(cx, id, line, end);
    }

    pub(super) fn referred(&mut self, id: u32) -> Option<&mut Referred> {
        let mut granted = self.transfers.granted.iter_mut();
        granted.find(|referred| referred.id == id)
    }
}
