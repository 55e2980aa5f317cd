//! Tells a peer a state that it has subscribed to (RFC 6665 section 4.2).

use std::time::Duration;

use offhook_sip::{HeaderName, Method, StatusCode};

use super::{
    Ending, LastNotify, Notices, NotifierEvent, NotifyOptions, Package, Sessions, StateHeader,
    SubscriptionEnd, SubscriptionId, SubscriptionTimer, Usage, Verdict, accepting, lifetime_of,
    refuse,
};
use crate::context::{Context, Owner, Timer, Unsent};
use crate::event::Event;
use crate::headers;
use crate::options::{Body, ExtraHeaders};
use crate::request::put_body;
use crate::session::{Answer, Received};
use crate::time::Instant;

/// Where a peer's subscription stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Somebody has to allow it first.
    Pending,
    Active,
    /// The application has seen its end; the last NOTIFY is on its way.
    Ending,
}

/// A peer's subscription.
#[derive(Debug)]
pub(crate) struct Notifier {
    pub(crate) id: SubscriptionId,
    pub(crate) package: Package,
    pub(crate) usage: Usage,
    state: State,
    extra_headers: ExtraHeaders,
    expires: Instant,
    notices: Notices<Option<Body>>,
    /// What the peer was told last, for when it asks again.
    last: Option<Body>,
}

/// What becomes of a subscription: nothing is left of it when this is true.
type Over = bool;

impl Notifier {
    pub(crate) fn new(
        id: SubscriptionId,
        package: Package,
        usage: Usage,
        pending: bool,
        extra_headers: ExtraHeaders,
        now: Instant,
    ) -> Self {
        Self {
            id,
            package,
            usage,
            state: match pending {
                true => State::Pending,
                false => State::Active,
            },
            extra_headers,
            expires: now,
            notices: Notices::new(),
            last: None,
        }
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.state == State::Ending
    }

    fn tell(&self, cx: &mut Context, event: NotifierEvent) {
        let subscription = self.id;
        cx.event(Event::Notifier {
            subscription,
            event,
        });
    }

    /// It was granted: the peer is told the state at once (RFC 6665 section 4.2.1.2).
    pub(crate) fn begin(
        &mut self,
        cx: &mut Context,
        sessions: &mut Sessions,
        lifetime: Duration,
        body: Option<Body>,
    ) -> Over {
        self.last = body;
        self.live_for(cx, sessions, lifetime)
    }

    /// It lasts this long from now, which the peer is told with the state.
    fn live_for(&mut self, cx: &mut Context, sessions: &mut Sessions, lifetime: Duration) -> Over {
        let body = self.last.clone();
        if lifetime.is_zero() {
            let end = SubscriptionEnd::Unsubscribed;
            return self.finish(cx, sessions, end, "timeout".into(), body);
        }
        self.expires = cx.now + lifetime;
        let expiry = Timer::Subscription(self.id, SubscriptionTimer::Expiry);
        cx.set_timer(expiry, lifetime);
        self.notices.push(body, None);
        self.send_next(cx, sessions)
    }

    /// A SUBSCRIBE inside the dialog (RFC 6665 section 4.2.1.4).
    pub(crate) fn resubscribed(
        &mut self,
        cx: &mut Context,
        sessions: &mut Sessions,
        received: Received,
    ) -> Over {
        if self.state == State::Ending {
            refuse(cx, &received, StatusCode::CALL_DOES_NOT_EXIST);
            return false;
        }
        let lifetime = match lifetime_of(cx, &received.request) {
            Ok(lifetime) => lifetime,
            Err(status) => {
                refuse(cx, &received, status);
                return false;
            }
        };
        let Received {
            transaction,
            request,
        } = received;
        let Some(dialog) = self.usage.dialog(sessions) else {
            cx.answer(transaction, &request, StatusCode::CALL_DOES_NOT_EXIST);
            return false;
        };
        dialog.refresh_target(&request);
        let (tag, flow) = (dialog.id().local_tag.clone(), dialog.flow());
        match accepting(cx, &request, &tag, Some(flow), lifetime) {
            Ok(response) => cx.respond(transaction, response),
            Err(_) => {
                cx.answer(transaction, &request, StatusCode::SERVER_INTERNAL_ERROR);
                return false;
            }
        };
        self.tell(
            cx,
            match lifetime.is_zero() {
                true => NotifierEvent::Unsubscribed { request },
                false => NotifierEvent::Refreshed {
                    request,
                    expires: lifetime,
                },
            },
        );
        self.live_for(cx, sessions, lifetime)
    }

    /// The application has news.
    pub(crate) fn notify(
        &mut self,
        cx: &mut Context,
        sessions: &mut Sessions,
        options: NotifyOptions,
    ) -> Over {
        if self.state == State::Pending && !options.pending {
            self.state = State::Active;
        }
        self.last.clone_from(&options.body);
        self.notices.push(options.body, None);
        self.send_next(cx, sessions)
    }

    /// The application ends it.
    pub(crate) fn terminate(
        &mut self,
        cx: &mut Context,
        sessions: &mut Sessions,
        end: SubscriptionEnd,
        last: LastNotify,
    ) -> Over {
        let ending = Ending {
            reason: last.reason,
            retry_after: last.retry_after,
        };
        self.finish(cx, sessions, end, ending, last.body)
    }

    /// Its time has run out.
    pub(crate) fn expired(&mut self, cx: &mut Context, sessions: &mut Sessions) -> Over {
        let body = self.last.clone();
        let end = SubscriptionEnd::Expired;
        self.finish(cx, sessions, end, "timeout".into(), body)
    }

    /// Tells the peer that nothing more comes, and the application that it is over.
    fn finish(
        &mut self,
        cx: &mut Context,
        sessions: &mut Sessions,
        end: SubscriptionEnd,
        ending: Ending,
        body: Option<Body>,
    ) -> Over {
        if self.state == State::Ending {
            return false;
        }
        self.state = State::Ending;
        let timer = |timer| Timer::Subscription(self.id, timer);
        cx.timers.cancel(&timer(SubscriptionTimer::Expiry));
        // The last NOTIFY may have to wait for the one before it.
        let limit = cx.config.timings.lifetime() * 2;
        cx.set_timer(timer(SubscriptionTimer::Farewell), limit);
        self.notices.push(body, Some(ending));
        self.tell(cx, NotifierEvent::Terminated { end });
        self.send_next(cx, sessions)
    }

    /// It is over without another word to the peer.
    pub(crate) fn end(&mut self, cx: &mut Context, end: SubscriptionEnd) -> Over {
        if self.state != State::Ending {
            self.state = State::Ending;
            self.tell(cx, NotifierEvent::Terminated { end });
        }
        true
    }

    fn send_next(&mut self, cx: &mut Context, sessions: &mut Sessions) -> Over {
        let Some(notice) = self.notices.next() else {
            return false;
        };
        let left = self.expires - cx.now;
        let state = match (&notice.end, self.state) {
            (Some(ending), _) => StateHeader::Terminated(ending),
            (None, State::Pending) => StateHeader::Pending(left),
            (None, _) => StateHeader::Active(left),
        };
        let owner = Owner::Notify(self.id);
        let sent = match self.usage.dialog(sessions) {
            Some(dialog) => dialog
                .request(Method::Notify)
                .and_then(|mut request| {
                    let headers = request.headers_mut();
                    headers.push(HeaderName::Event, &self.package.header)?;
                    headers.push(HeaderName::SubscriptionState, state)?;
                    headers::put_extra(headers, &self.extra_headers)?;
                    headers::put_identity(headers, &cx.config)?;
                    put_body(&mut request, notice.news.as_ref())?;
                    Ok(request)
                })
                .map_err(Unsent::from)
                .and_then(|request| cx.submit_in(dialog, owner, request)),
            None => Err(Unsent::NoWay),
        };
        match sent {
            Ok(_) => false,
            Err(Unsent::NoWay) => self.answered(cx, sessions, &Answer::Unsent),
            // What the peer calls itself cannot be written: no later NOTIFY would leave, either.
            Err(Unsent::Refused) => self.end(cx, SubscriptionEnd::Unsent),
        }
    }

    /// A NOTIFY was answered, or never will be.
    pub(crate) fn answered(
        &mut self,
        cx: &mut Context,
        sessions: &mut Sessions,
        answer: &Answer,
    ) -> Over {
        match self.notices.answered(answer) {
            None => false,
            Some(Verdict::Next) => self.send_next(cx, sessions),
            Some(Verdict::Last) => true,
            Some(Verdict::Refused(response)) => {
                let response = *response;
                self.end(cx, SubscriptionEnd::Refused { response })
            }
            Some(Verdict::Silent) => self.end(cx, SubscriptionEnd::Unanswered),
        }
    }
}
