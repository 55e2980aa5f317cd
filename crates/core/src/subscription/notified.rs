//! NOTIFYs of a subscription of ours, and what follows the last (RFC 6665 section 4.1.3).

use std::time::Duration;

use offhook_sip::{Request, StatusCode, SubscriptionState};

use super::subscriber::{Over, State};
use super::{
    Package, Sessions, Subscriber, SubscriberEvent, SubscriptionEnd, SubscriptionTimer, Usage,
};
use crate::context::Context;
use crate::dialog::{Dialog, NoDialog};
use crate::flow::FlowId;
use crate::options::Body;
use crate::session::Received;

/// How long a notifier in trouble is left alone, unless it says otherwise.
const RETRY: Duration = Duration::from_secs(30);

/// The longest pause between two subscriptions that both end soon.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

impl Subscriber {
    /// A NOTIFY came (RFC 6665 section 4.1.3).
    pub(crate) fn notified(
        &mut self,
        cx: &mut Context,
        sessions: &mut Sessions,
        flow: Option<FlowId>,
        received: Received,
    ) -> Over {
        match self.accept(sessions, flow, &received.request) {
            Ok(formed) => self.taken_in(cx, sessions, formed, received),
            Err((status, phrase)) => {
                cx.reject(&received, status, phrase, &Vec::new(), None);
                false
            }
        }
    }

    /// The NOTIFY belongs here, and may have `formed` the dialog.
    pub(crate) fn taken_in(
        &mut self,
        cx: &mut Context,
        sessions: &mut Sessions,
        formed: bool,
        received: Received,
    ) -> Over {
        let Received {
            transaction,
            request,
        } = received;
        cx.answer(transaction, &request, StatusCode::OK);
        if formed {
            self.tell(cx, SubscriberEvent::DialogCreated);
        }
        let state = request.typed::<SubscriptionState<'_>>().ok().flatten();
        let (mut last, mut expires, mut reason, mut retry_after) = (false, None, None, None);
        let mut news = None;
        if let Some(state) = &state {
            last = state.is("terminated");
            expires = state.expires();
            reason = state.reason().map(str::to_owned);
            retry_after = state.retry_after();
            news = [("pending", State::Pending), ("active", State::Active)]
                .into_iter()
                .find_map(|(word, news)| state.is(word).then_some(news));
        }
        if let Some(news) = news.filter(|news| *news != self.state)
            && self.state != State::Leaving
        {
            self.state = news;
            self.tell(
                cx,
                match news {
                    State::Pending => SubscriberEvent::Pending,
                    _ => SubscriberEvent::Active,
                },
            );
        } else if self.state == State::NotifyWait {
            // A word of an extension: it stands, and nobody knows more.
            self.state = State::Active;
        }
        let body = Body::of(&request);
        self.tell(
            cx,
            SubscriberEvent::Notify {
                last,
                request,
                body,
            },
        );
        if last {
            let retry_after = retry_after.map(|seconds| Duration::from_secs(seconds.into()));
            return self.ended_by_notifier(cx, reason, retry_after);
        }
        if self.wanted.is_zero() {
            // The last one is due as well.
            let limit = cx.config.timings.lifetime();
            cx.set_timer(self.timer(SubscriptionTimer::NotifyWait), limit);
        } else if self.state != State::Leaving {
            cx.timers.cancel(&self.timer(SubscriptionTimer::NotifyWait));
            let lifetime = expires.map(|seconds| Duration::from_secs(seconds.into()));
            match lifetime {
                Some(lifetime) => self.live_for(cx, lifetime),
                None if self.expires.is_none() => self.live_for(cx, self.wanted),
                None => {}
            }
        }
        self.go_on(cx, sessions)
    }

    /// Takes a NOTIFY into the dialog, which it may make; says whether it does.
    pub(crate) fn accept(
        &mut self,
        sessions: &mut Sessions,
        flow: Option<FlowId>,
        request: &Request,
    ) -> Result<bool, (StatusCode, Option<&'static str>)> {
        let bad = |phrase| (StatusCode::BAD_REQUEST, Some(phrase));
        let package = Package::of_request(request).ok_or(bad("Missing Event Header"))?;
        if !self.package.has_name_of(&package) {
            return Err((StatusCode::BAD_EVENT, None));
        }
        let unknown = (
            StatusCode::CALL_DOES_NOT_EXIST,
            Some("Subscription Does Not Exist"),
        );
        if !self.package.is(&package) || self.state == State::Resting {
            return Err(unknown);
        }
        match request.typed::<SubscriptionState<'_>>() {
            Ok(Some(_)) => {}
            Ok(None) => return Err(bad("Missing Subscription-State Header")),
            Err(_) => return Err(bad("Malformed Subscription-State Header")),
        }
        match &mut self.usage {
            Usage::Own(dialog) => {
                dialog
                    .accept_sequence(request)
                    .map_err(|status| (status, None))?;
                dialog.refresh_target(request);
                Ok(false)
            }
            // The session has seen to its number.
            Usage::Shared(session) if sessions.contains_key(session) => Ok(false),
            Usage::Shared(_) => Err(unknown),
            Usage::Forming => {
                let flow = flow.ok_or(unknown)?;
                let tag = self.local.tag().unwrap_or_default();
                let dialog = Dialog::from_request(request, tag, self.sequence, flow)
                    .map_err(|NoDialog(_)| bad("Missing Contact Header"))?;
                self.usage = Usage::Own(Box::new(dialog));
                Ok(true)
            }
        }
    }

    /// The notifier has ended it: another one follows where its reason allows that
    /// (RFC 6665 section 4.1.3).
    fn ended_by_notifier(
        &mut self,
        cx: &mut Context,
        reason: Option<String>,
        retry_after: Option<Duration>,
    ) -> Over {
        let pause = match reason.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("rejected" | "noresource" | "invariant") => None,
            Some("deactivated" | "timeout") => Some(Duration::ZERO),
            _ => Some(retry_after.unwrap_or_else(|| cx.random.jitter(RETRY))),
        };
        let wanted = self.options.resubscribe
            && !self.wanted.is_zero()
            && !self.is_leaving()
            && matches!(self.usage, Usage::Own(_));
        let Some(pause) = pause.filter(|_| wanted) else {
            if self.is_leaving() {
                return self.end(cx, SubscriptionEnd::Unsubscribed);
            }
            return self.end(
                cx,
                SubscriptionEnd::Notified {
                    reason,
                    retry_after,
                },
            );
        };
        // A notifier that ends each at once is not asked without rest.
        self.brief = match cx.now - self.since < RETRY {
            true => self.brief + 1,
            false => 0,
        };
        let rest = match self.brief {
            0 | 1 => Duration::ZERO,
            brief => cx
                .random
                .jitter(Duration::from_secs(1 << brief.min(9)).min(LONGEST_PAUSE)),
        };
        let after = pause.max(rest);
        for timer in SubscriptionTimer::ALL {
            cx.timers.cancel(&self.timer(timer));
        }
        self.state = State::Resting;
        self.sent = None;
        cx.set_timer(self.timer(SubscriptionTimer::Again), after);
        self.tell(cx, SubscriberEvent::Resubscribing { reason, after });
        false
    }
}
