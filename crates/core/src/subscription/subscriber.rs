//! A subscription of ours (RFC 6665 section 4.1).
//!
//! ```text
//!   SUBSCRIBE ──> NotifyWait ── NOTIFY ──> Pending ──> Active     refreshed in time
//!                     │                       │           │
//!                     │ Timer N               └─────┬─────┘ NOTIFY terminated ──> Resting
//!                     v                             │ unsubscribe                    │
//!                 terminated <── last NOTIFY ── Leaving             SUBSCRIBE again <┘
//! ```

use std::time::Duration;

use offhook_sip::{
    Expires, HeaderName, Method, MinExpires, NameAddr, OutgoingRequest, Response, RetryAfter,
    StatusCode, Uri, WriteError,
};

use super::{
    Package, Sessions, SubscribeOptions, SubscriberEvent, SubscriptionEnd, SubscriptionId,
    SubscriptionTimer, Usage,
};
use crate::context::{Context, Owner, Pending, Timer, Unsent};
use crate::dialog::DialogId;
use crate::event::Event;
use crate::headers;
use crate::options::Body;
use crate::request::{own_from, put_body, renumber};
use crate::session::Answer;
use crate::time::Instant;

/// The shortest lifetime that is kept up; a notifier that grants less is asked this often.
const SHORTEST: Duration = Duration::from_secs(10);

/// Where a subscription of ours stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// No NOTIFY has come.
    NotifyWait,
    /// The notifier has to be allowed to tell the state first.
    Pending,
    /// The notifier tells the state.
    Active,
    /// Nothing more is wanted; the last NOTIFY is waited for.
    Leaving,
    /// The notifier has ended it; another SUBSCRIBE follows.
    Resting,
}

/// What a SUBSCRIBE is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    Subscribe,
    Refresh,
    Leave,
}

/// A subscription of ours.
#[derive(Debug)]
pub(crate) struct Subscriber {
    pub(crate) id: SubscriptionId,
    pub(crate) package: Package,
    pub(crate) usage: Usage,
    target: Uri<'static>,
    pub(super) options: SubscribeOptions,
    call_id: String,
    pub(super) local: NameAddr<'static>,
    pub(super) sequence: u32,
    pub(super) state: State,
    /// The lifetime to ask for.
    pub(super) wanted: Duration,
    /// The SUBSCRIBE that is under way, and what is to follow it.
    pub(super) sent: Option<Purpose>,
    next: Option<Purpose>,
    /// The bodies of both.
    body: Option<Body>,
    next_body: Option<Body>,
    accepted: bool,
    /// Which of those that followed each other it is, when it began, and how many before it have
    /// ended soon.
    round: u32,
    pub(super) since: Instant,
    pub(super) brief: u32,
    pub(super) expires: Option<Instant>,
}

/// What becomes of a subscription: nothing is left of it when this is true.
pub(super) type Over = bool;

impl Subscriber {
    pub(crate) fn new(
        cx: &mut Context,
        id: SubscriptionId,
        target: Uri<'static>,
        package: Package,
        usage: Usage,
        options: SubscribeOptions,
    ) -> Self {
        Self {
            id,
            package,
            usage,
            target,
            call_id: cx.random.token(24),
            local: local(cx, &options),
            sequence: cx.random.sequence(),
            state: State::NotifyWait,
            wanted: options.expires,
            options,
            sent: None,
            next: None,
            body: None,
            next_body: None,
            accepted: false,
            round: 0,
            since: cx.now,
            brief: 0,
            expires: None,
        }
    }

    /// The subscription of another notifier that the SUBSCRIBE was forked to.
    pub(crate) fn fork(&self, id: SubscriptionId) -> Self {
        Self {
            id,
            package: self.package.clone(),
            usage: Usage::Forming,
            target: self.target.clone(),
            options: self.options.clone(),
            call_id: self.call_id.clone(),
            local: self.local.clone(),
            sequence: self.sequence,
            state: State::NotifyWait,
            wanted: self.wanted,
            sent: None,
            next: None,
            body: None,
            next_body: None,
            accepted: true,
            round: 0,
            since: self.since,
            brief: 0,
            expires: None,
        }
    }

    /// Our tag in its own dialog.
    pub(crate) fn tag(&self) -> &str {
        self.local.tag().unwrap_or_default()
    }

    /// Whether a request of this dialog may be its first NOTIFY.
    pub(crate) fn awaits_dialog(&self, dialog: &DialogId) -> bool {
        matches!(self.usage, Usage::Forming)
            && self.state != State::Resting
            && self.call_id == dialog.call_id
    }

    /// Whether another notifier may still answer its SUBSCRIBE (RFC 6665 section 4.1.2.4).
    pub(crate) fn may_fork(&self, since: Instant, dialog: &DialogId) -> bool {
        self.options.forks && self.call_id == dialog.call_id && self.since >= since
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.state == State::Leaving || self.next == Some(Purpose::Leave)
    }

    pub(super) fn timer(&self, timer: SubscriptionTimer) -> Timer {
        Timer::Subscription(self.id, timer)
    }

    pub(crate) fn tell(&self, cx: &mut Context, event: SubscriberEvent) {
        let subscription = self.id;
        cx.event(Event::Subscriber {
            subscription,
            event,
        });
    }

    /// It is over.
    pub(crate) fn end(&self, cx: &mut Context, end: SubscriptionEnd) -> Over {
        self.tell(cx, SubscriberEvent::Terminated { end });
        true
    }

    /// Sends the first SUBSCRIBE.
    pub(crate) fn begin(&mut self, cx: &mut Context, sessions: &mut Sessions) -> Over {
        self.since = cx.now;
        self.body.clone_from(&self.options.body);
        self.send(cx, sessions, Purpose::Subscribe)
    }

    fn send(&mut self, cx: &mut Context, sessions: &mut Sessions, purpose: Purpose) -> Over {
        let lifetime = match purpose {
            Purpose::Leave => Duration::ZERO,
            Purpose::Subscribe | Purpose::Refresh => self.wanted,
        };
        let body = self.body.clone();
        if purpose == Purpose::Leave {
            self.state = State::Leaving;
            cx.timers.cancel(&self.timer(SubscriptionTimer::Refresh));
            cx.timers.cancel(&self.timer(SubscriptionTimer::Expiry));
        }
        self.sent = Some(purpose);
        let owner = Owner::Subscribe(self.id, self.round);
        let first = matches!(self.usage, Usage::Forming) && purpose == Purpose::Subscribe;
        let sent = match self.usage.dialog(sessions) {
            Some(dialog) => dialog
                .request(Method::Subscribe)
                .and_then(|request| {
                    complete(cx, request, &self.package, &self.options, lifetime, body)
                })
                .map_err(Unsent::from)
                .and_then(|request| cx.submit_in(dialog, owner, request)),
            None if first => self
                .first(cx, lifetime, body)
                .map_err(Unsent::from)
                .and_then(|request| cx.submit(owner, request)),
            None => Err(Unsent::NoWay),
        };
        match sent {
            Ok(_) => false,
            Err(_) => self.answered(cx, sessions, self.round, Answer::Unsent),
        }
    }

    /// The SUBSCRIBE outside any dialog (RFC 6665 section 4.1.2.1).
    fn first(
        &mut self,
        cx: &mut Context,
        lifetime: Duration,
        body: Option<Body>,
    ) -> Result<OutgoingRequest, WriteError> {
        self.sequence += 1;
        let target = self.target.without_headers();
        let mut request = OutgoingRequest::new(Method::Subscribe, &target);
        let headers = request.headers_mut();
        headers.push(HeaderName::MaxForwards, headers::MAX_FORWARDS)?;
        match &self.options.to {
            Some(to) => headers.push(HeaderName::To, to)?,
            None => headers.push(HeaderName::To, NameAddr::new(target))?,
        }
        headers.push(HeaderName::From, &self.local)?;
        headers.push(HeaderName::CallId, &self.call_id)?;
        headers.push(
            HeaderName::CSeq,
            format_args!("{} SUBSCRIBE", self.sequence),
        )?;
        complete(cx, request, &self.package, &self.options, lifetime, body)
    }

    /// A SUBSCRIBE goes out again under another number; says whether it does.
    pub(crate) fn retry(
        &mut self,
        cx: &mut Context,
        sessions: &mut Sessions,
        round: u32,
        mut pending: Pending,
    ) -> bool {
        if round != self.round {
            return false;
        }
        match self.usage.dialog(sessions) {
            Some(dialog) => {
                let number = dialog.next_sequence();
                renumber(&mut pending.request, number).is_ok()
                    && cx.resubmit_in(dialog, pending).is_ok()
            }
            None => {
                self.sequence += 1;
                renumber(&mut pending.request, self.sequence).is_ok()
                    && cx.resubmit(pending).is_ok()
            }
        }
    }

    /// A SUBSCRIBE was answered, or never will be.
    pub(crate) fn answered(
        &mut self,
        cx: &mut Context,
        sessions: &mut Sessions,
        round: u32,
        answer: Answer,
    ) -> Over {
        let Some(purpose) = self.sent.take_if(|_| round == self.round) else {
            return false;
        };
        let notified = !matches!(self.state, State::NotifyWait);
        let end = match (purpose, answer) {
            (_, Answer::Response(response)) if response.status().is_success() => {
                return self.granted(cx, sessions, purpose, response);
            }
            (Purpose::Leave, Answer::Response(response)) => SubscriptionEnd::Refused { response },
            (_, Answer::Response(response)) if self.lengthened(&response) => {
                return self.send(cx, sessions, purpose);
            }
            (Purpose::Refresh, Answer::Response(response)) if !is_gone(response.status()) => {
                return self.not_refreshed(cx, sessions, Some(&response));
            }
            (_, Answer::Response(response)) => SubscriptionEnd::Refused { response },
            (Purpose::Refresh, Answer::Timeout | Answer::Unsent) => {
                return self.not_refreshed(cx, sessions, None);
            }
            // A NOTIFY has shown that the SUBSCRIBE arrived; its 2xx was lost.
            (Purpose::Subscribe, Answer::Timeout) if notified => return self.go_on(cx, sessions),
            (_, Answer::Timeout) => SubscriptionEnd::Unanswered,
            (_, Answer::Unsent) => SubscriptionEnd::Unsent,
        };
        self.end(cx, end)
    }

    fn granted(
        &mut self,
        cx: &mut Context,
        sessions: &mut Sessions,
        purpose: Purpose,
        response: Response,
    ) -> Over {
        let lifetime = response
            .typed::<Expires>()
            .ok()
            .flatten()
            .map_or(self.wanted, |expires| Duration::from_secs(expires.0.into()));
        if purpose != Purpose::Subscribe
            && let Some(dialog) = self.usage.dialog(sessions)
        {
            dialog.refresh_target(&response);
        }
        if !std::mem::replace(&mut self.accepted, true) {
            self.tell(cx, SubscriberEvent::Accepted { response });
        }
        if purpose == Purpose::Leave || self.state == State::NotifyWait || self.wanted.is_zero() {
            // The NOTIFY is due now.
            let limit = cx.config.timings.lifetime();
            cx.set_timer(self.timer(SubscriptionTimer::NotifyWait), limit);
        }
        if purpose != Purpose::Leave {
            self.live_for(cx, lifetime);
        }
        self.go_on(cx, sessions)
    }

    /// It lasts this long from now.
    pub(super) fn live_for(&mut self, cx: &mut Context, lifetime: Duration) {
        if self.wanted.is_zero() || self.state == State::Leaving {
            return;
        }
        let lifetime = lifetime.max(SHORTEST);
        self.expires = Some(cx.now + lifetime);
        cx.set_timer(self.timer(SubscriptionTimer::Expiry), lifetime);
        let refresh = cx.random.renewal(lifetime);
        cx.set_timer(self.timer(SubscriptionTimer::Refresh), refresh);
    }

    /// A refresh failed in a way that leaves the subscription as it is until its time runs out
    /// (RFC 6665 section 4.1.2.2): it is tried again meanwhile.
    fn not_refreshed(
        &mut self,
        cx: &mut Context,
        sessions: &mut Sessions,
        response: Option<&Response>,
    ) -> Over {
        let left = self.expires.map_or(Duration::ZERO, |until| until - cx.now);
        let told = response
            .and_then(|response| response.typed::<RetryAfter>().ok().flatten())
            .map(|after| Duration::from_secs(after.seconds.into()));
        let pause = told.unwrap_or(left / 2).max(Duration::from_secs(5));
        if pause < left {
            cx.set_timer(self.timer(SubscriptionTimer::Refresh), pause);
        }
        self.go_on(cx, sessions)
    }

    /// Takes the lifetime that a 423 wants; says whether it is longer.
    fn lengthened(&mut self, response: &Response) -> bool {
        if response.status() != StatusCode::INTERVAL_TOO_BRIEF {
            return false;
        }
        let least = response.typed::<MinExpires>().ok().flatten();
        let least = least.map(|least| Duration::from_secs(least.0.into()));
        match least {
            Some(least) if least > self.wanted && !self.wanted.is_zero() => {
                self.wanted = least;
                true
            }
            _ => false,
        }
    }

    /// Sends what had to wait for the answer before, or for a dialog.
    pub(super) fn go_on(&mut self, cx: &mut Context, sessions: &mut Sessions) -> Over {
        let ready = self.sent.is_none() && !matches!(self.usage, Usage::Forming);
        match self.next.take_if(|_| ready) {
            Some(purpose) => {
                self.body = self.next_body.take();
                self.send(cx, sessions, purpose)
            }
            None => false,
        }
    }

    /// Asks for another lifetime from now.
    pub(crate) fn refresh(
        &mut self,
        cx: &mut Context,
        sessions: &mut Sessions,
        body: Option<Body>,
    ) -> Over {
        let stands = matches!(self.state, State::Pending | State::Active);
        let under_way = self.sent == Some(Purpose::Refresh) && body.is_none();
        if !stands || self.is_leaving() || under_way {
            return false;
        }
        if body.is_some() {
            self.next_body = body;
        }
        self.next = Some(Purpose::Refresh);
        self.go_on(cx, sessions)
    }

    /// Nothing more is wanted.
    pub(crate) fn leave(
        &mut self,
        cx: &mut Context,
        sessions: &mut Sessions,
        body: Option<Body>,
    ) -> Over {
        match self.state {
            State::Resting => self.end(cx, SubscriptionEnd::Unsubscribed),
            State::Leaving => false,
            State::NotifyWait | State::Pending | State::Active => {
                self.next = Some(Purpose::Leave);
                self.next_body = body;
                self.go_on(cx, sessions)
            }
        }
    }

    /// A timer is due.
    pub(crate) fn timer_due(
        &mut self,
        cx: &mut Context,
        sessions: &mut Sessions,
        timer: SubscriptionTimer,
    ) -> Over {
        match timer {
            SubscriptionTimer::NotifyWait if self.state == State::Leaving => {
                self.end(cx, SubscriptionEnd::Unsubscribed)
            }
            SubscriptionTimer::NotifyWait => self.end(cx, SubscriptionEnd::NoNotify),
            SubscriptionTimer::Refresh => self.refresh(cx, sessions, None),
            SubscriptionTimer::Expiry => self.end(cx, SubscriptionEnd::Expired),
            SubscriptionTimer::Again => self.begin(cx, sessions),
            SubscriptionTimer::Farewell => false,
        }
    }

    /// The pause is over: it begins anew, with names of its own.
    pub(crate) fn renew(&mut self, cx: &mut Context) {
        self.round += 1;
        self.usage = Usage::Forming;
        self.call_id = cx.random.token(24);
        self.local = local(cx, &self.options);
        self.state = State::NotifyWait;
        self.accepted = false;
        self.expires = None;
    }
}

/// The From of a subscription that begins.
fn local(cx: &mut Context, options: &SubscribeOptions) -> NameAddr<'static> {
    let own = own_from(cx, false, None, None);
    match &options.from {
        Some(from) => from.clone().with_tag(own.tag().unwrap_or_default()),
        None => own,
    }
}

/// Whether a refused refresh says that the subscription is gone (RFC 6665 section 4.1.2.2).
fn is_gone(status: StatusCode) -> bool {
    matches!(
        status.code(),
        404 | 405 | 410 | 416 | 480..=485 | 489 | 501 | 604 | 401 | 403 | 407
    )
}

fn complete(
    cx: &Context,
    mut request: OutgoingRequest,
    package: &Package,
    options: &SubscribeOptions,
    lifetime: Duration,
    body: Option<Body>,
) -> Result<OutgoingRequest, WriteError> {
    let headers = request.headers_mut();
    headers.push(HeaderName::Event, &package.header)?;
    headers.push(HeaderName::Expires, lifetime.as_secs())?;
    if !options.accept.is_empty() {
        headers.push(
            HeaderName::Accept,
            headers::listed(options.accept.iter().map(String::as_str)),
        )?;
    }
    headers::put_extra(headers, &options.extra_headers)?;
    headers::put_identity(headers, &cx.config)?;
    put_body(&mut request, body.as_ref())?;
    Ok(request)
}
