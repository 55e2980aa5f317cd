//! Tells the peer how the transfer goes that it asked for: the notifier of a REFER's subscription
//! (RFC 3515 section 2.4.4, RFC 6665 section 4.2).

use std::time::Duration;

use offhook_sip::{Event as EventHeader, Expires, HeaderName, Method, Request, StatusCode};

use super::referred::Progress;
use super::{Answer, InDialog, Received, Session};
use crate::context::{Context, Timer};
use crate::errand::Referral;
use crate::subscription::{Ending, Notices, StateHeader, StatusLine, Verdict};
use crate::time::Instant;

/// How long a subscription to a transfer lasts, unless the peer asks for less.
pub(super) const LIFETIME: Duration = Duration::from_secs(300);

/// The body of a NOTIFY (RFC 3420).
const SIPFRAG: &str = "message/sipfrag;version=2.0";

/// The subscription that a REFER of the peer has made.
#[derive(Debug)]
pub(super) struct Notifier {
    /// The CSeq number of the REFER.
    event: u32,
    /// Whether nobody wants to know: the peer did not subscribe, or does not any more.
    pub(super) silent: bool,
    expires: Instant,
    /// What was last to be told.
    line: StatusLine,
    notices: Notices<StatusLine>,
}

impl Notifier {
    pub(super) fn new(event: u32, silent: bool, now: Instant) -> Self {
        Self {
            event,
            silent,
            expires: now + LIFETIME,
            line: StatusLine::of(StatusCode::TRYING),
            notices: Notices::new(),
        }
    }
}

impl Session {
    fn notifier(&mut self, id: u32) -> Option<&mut Notifier> {
        self.referred(id).map(|referred| &mut referred.notifier)
    }

    /// Tells the peer this, and with `end` that nothing more comes.
    pub(super) fn notify(
        &mut self,
        cx: &mut Context,
        id: u32,
        line: StatusLine,
        end: Option<&'static str>,
    ) {
        let Some(notifier) = self.notifier(id) else {
            return;
        };
        if notifier.silent {
            return;
        }
        notifier.line = line.clone();
        notifier.notices.push(line, end.map(Ending::from));
        self.next_notify(cx, id);
    }

    /// Sends the next NOTIFY, unless one is under way.
    fn next_notify(&mut self, cx: &mut Context, id: u32) {
        let now = cx.now;
        let Some(notifier) = self.notifier(id) else {
            return;
        };
        let Some(notice) = notifier.notices.next() else {
            return;
        };
        let event = format!("refer;id={}", notifier.event);
        let state = match &notice.end {
            Some(ending) => StateHeader::Terminated(ending),
            None => StateHeader::Active(notifier.expires - now),
        };
        let body = format!("{}\r\n", notice.news);
        let sent = self.send_in_dialog(cx, InDialog::Notify(id), |dialog, cx| {
            let mut request = dialog.request(Method::Notify)?;
            let headers = request.headers_mut();
            headers.push(HeaderName::Event, event)?;
            headers.push(HeaderName::SubscriptionState, state)?;
            headers.push(HeaderName::UserAgent, &cx.config.user_agent)?;
            request.set_body(SIPFRAG, body)?;
            Ok(request)
        });
        if sent.is_err() {
            self.notify_answered(cx, id, &Answer::Unsent);
        }
    }

    /// A NOTIFY was answered, or never will be.
    pub(super) fn notify_answered(&mut self, cx: &mut Context, id: u32, answer: &Answer) {
        let Some(notifier) = self.notifier(id) else {
            return;
        };
        match notifier.notices.answered(answer) {
            None => {}
            Some(Verdict::Next) => self.next_notify(cx, id),
            Some(Verdict::Last | Verdict::Refused(_) | Verdict::Silent) => {
                self.subscription_over(cx, id);
            }
        }
    }

    /// Nobody wants to know any more how a transfer goes; the application may still decide on it.
    fn subscription_over(&mut self, cx: &mut Context, id: u32) {
        match self.referred(id) {
            Some(referred) if referred.asked().is_some() => {
                referred.notifier.silent = true;
                referred.notifier.notices.clear();
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
        if referred.notifier.silent || matches!(referred.progress, Progress::Over) {
            return self.forget_referred(cx, id);
        }
        referred.progress = Progress::Over;
        let line = referred.notifier.line.clone();
        if let Some(ask) = asked {
            cx.asks.remove(&ask);
        }
        // The last NOTIFY is given as much time as any transaction.
        let limit = cx.config.timings.lifetime() * 2;
        cx.set_timer(Timer::Refer(self.id, id), limit);
        self.notify(cx, id, line, Some("timeout"));
    }

    pub(super) fn forget_referred(&mut self, cx: &mut Context, id: u32) {
        if let Some(ask) = self.referred(id).and_then(|referred| referred.asked()) {
            cx.asks.remove(&ask);
        }
        self.transfers.granted.retain(|referred| referred.id != id);
        cx.timers.cancel(&Timer::Refer(self.id, id));
        let referral = Referral {
            session: self.id,
            refer: id,
        };
        cx.referrals.retain(|known| *known != referral);
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
        let Some(notifier) = self.notifier(id) else {
            return;
        };
        let line = notifier.line.clone();
        if lifetime.is_zero() {
            return self.notify(cx, id, line, Some("timeout"));
        }
        notifier.expires = until;
        cx.set_timer(Timer::Refer(self.id, id), lifetime);
        self.notify(cx, id, line, None);
    }

    fn referred_of(&self, subscribe: &Request) -> Result<u32, StatusCode> {
        let event = match subscribe.typed::<EventHeader<'_>>() {
            Ok(Some(event)) if event.package.eq_ignore_ascii_case("refer") => event,
            Ok(_) => return Err(StatusCode::BAD_EVENT),
            Err(_) => return Err(StatusCode::BAD_REQUEST),
        };
        let mut open = self.transfers.granted.iter().filter(|referred| {
            !referred.notifier.silent && !matches!(referred.progress, Progress::Over)
        });
        let found = match event.id {
            Some(id) => open.find(|referred| id.parse() == Ok(referred.notifier.event)),
            None => open.next().filter(|_| open.next().is_none()),
        };
        found
            .map(|referred| referred.id)
            .ok_or(StatusCode::CALL_DOES_NOT_EXIST)
    }
}
