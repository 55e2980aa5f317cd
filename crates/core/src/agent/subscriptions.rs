//! Subscriptions (RFC 6665): the commands about them, and requests on their way to them.

use offhook_sip::{Method, StatusCode};

use super::{Agent, Life};
use crate::ask::AskId;
use crate::context::{Context, Owner, Pending, Timer};
use crate::error::CommandError;
use crate::flow::FlowId;
use crate::options::Body;
use crate::request::renumber;
use crate::session::{Answer, Received, SessionId};
use crate::subscription::{
    Found, LastNotify, Notifier, NotifyOptions, Package, Sessions, SubscribeOptions, Subscriber,
    SubscriberEvent, SubscriptionEnd, SubscriptionId, SubscriptionTimer, Usage, refuse,
};
use crate::time::Instant;

impl Agent {
    /// Subscribes to what `target`, a SIP URI or a user of the own domain, tells of `event`, an
    /// event package such as `presence` or `dialog`, with an `id` parameter where it has one.
    ///
    /// The subscription is refreshed in time, over a new connection where the old one broke, and
    /// follows the notifier's word on when to subscribe anew.
    /// [`Event::Subscriber`](crate::Event::Subscriber) tells what comes.
    ///
    /// # Errors
    ///
    /// When the target is no address, the event or an option makes no sense, too many
    /// subscriptions stand, or the agent has been stopped.
    pub fn subscribe(
        &mut self,
        now: Instant,
        target: &str,
        event: &str,
        options: SubscribeOptions,
    ) -> Result<SubscriptionId, CommandError> {
        let target = self.target(target)?;
        self.subscribe_with(now, target, Usage::Forming, event, options)
    }

    pub(crate) fn subscribe_in(
        &mut self,
        now: Instant,
        session: SessionId,
        event: &str,
        options: SubscribeOptions,
    ) -> Result<SubscriptionId, CommandError> {
        let usage = Usage::Shared(session);
        let found = self.sessions.get(&session);
        let found = found.ok_or(CommandError::NoSuchSession)?;
        if !found.may_send_info() {
            return Err(found.invalid_state("subscribe"));
        }
        let target = self.cx.config.address.clone();
        let id = self.subscribe_with(now, target, usage, event, options)?;
        Ok(id)
    }

    fn subscribe_with(
        &mut self,
        now: Instant,
        target: offhook_sip::Uri<'static>,
        usage: Usage,
        event: &str,
        options: SubscribeOptions,
    ) -> Result<SubscriptionId, CommandError> {
        self.cx.now = now;
        if self.life == Life::Stopping {
            return Err(CommandError::Stopped);
        }
        options.check()?;
        let package = Package::parse(event)?;
        if self.subscriptions.len() >= self.cx.config.max_subscriptions {
            return Err(CommandError::NotSupported {
                what: "as many subscriptions stand as max_subscriptions allows; end one first",
            });
        }
        let id = self.subscriptions.name();
        if let Some(session) = usage.session().and_then(|id| self.sessions.get_mut(&id)) {
            session.share();
        }
        let subscriber = Subscriber::new(&mut self.cx, id, target, package, usage, options);
        self.keep_subscriber(subscriber);
        self.subscriber(id, Subscriber::begin);
        self.settle();
        Ok(id)
    }

    /// Subscribes anew before it is due, with this body if there is one, and has the state told
    /// again.
    ///
    /// # Errors
    ///
    /// When there is no such subscription of ours, or it is over; when the body has no media type.
    pub fn refresh_subscription(
        &mut self,
        now: Instant,
        id: SubscriptionId,
        body: Option<Body>,
    ) -> Result<(), CommandError> {
        body.as_ref().map_or(Ok(()), Body::check)?;
        self.subscriber_command(now, id, |subscriber, cx, sessions| {
            subscriber.refresh(cx, sessions, body)
        })
    }

    /// Wants to be told nothing more: a SUBSCRIBE with `Expires: 0` (RFC 6665 section 4.1.2.3), and
    /// with this body if there is one. The notifier's last NOTIFY may still come.
    ///
    /// # Errors
    ///
    /// When there is no such subscription of ours, or it is over; when the body has no media type.
    pub fn unsubscribe(
        &mut self,
        now: Instant,
        id: SubscriptionId,
        body: Option<Body>,
    ) -> Result<(), CommandError> {
        body.as_ref().map_or(Ok(()), Body::check)?;
        self.subscriber_command(now, id, |subscriber, cx, sessions| {
            subscriber.leave(cx, sessions, body)
        })
    }

    /// Tells a peer that has subscribed here the state (RFC 6665 section 4.2.2). Where the NOTIFY
    /// before is not answered yet, it waits; of many that wait, the newest eight are kept.
    ///
    /// # Errors
    ///
    /// When there is no such subscription of a peer, or it is over, or the body has no media type.
    pub fn notify(
        &mut self,
        now: Instant,
        id: SubscriptionId,
        options: NotifyOptions,
    ) -> Result<(), CommandError> {
        options.body.as_ref().map_or(Ok(()), Body::check)?;
        self.notifier_command(now, id, |notifier, cx, sessions| {
            notifier.notify(cx, sessions, options)
        })
    }

    /// Ends a peer's subscription with a last NOTIFY.
    ///
    /// # Errors
    ///
    /// When there is no such subscription of a peer, or it is over, or the reason is no word.
    pub fn terminate_subscription(
        &mut self,
        now: Instant,
        id: SubscriptionId,
        last: LastNotify,
    ) -> Result<(), CommandError> {
        last.check()?;
        self.notifier_command(now, id, |notifier, cx, sessions| {
            notifier.terminate(cx, sessions, SubscriptionEnd::Terminated, last)
        })
    }

    /// Whether a subscription stands, ours or a peer's.
    pub fn has_subscription(&self, id: SubscriptionId) -> bool {
        self.subscriptions.subscribers.contains_key(&id)
            || self.subscriptions.notifiers.contains_key(&id)
    }

    fn subscriber_command(
        &mut self,
        now: Instant,
        id: SubscriptionId,
        command: impl FnOnce(&mut Subscriber, &mut Context, &mut Sessions) -> bool,
    ) -> Result<(), CommandError> {
        self.cx.now = now;
        if !self.subscriptions.subscribers.contains_key(&id) {
            return Err(CommandError::NoSuchSubscription);
        }
        self.subscriber(id, command);
        self.settle();
        Ok(())
    }

    fn notifier_command(
        &mut self,
        now: Instant,
        id: SubscriptionId,
        command: impl FnOnce(&mut Notifier, &mut Context, &mut Sessions) -> bool,
    ) -> Result<(), CommandError> {
        self.cx.now = now;
        let notifier = self.subscriptions.notifiers.get(&id);
        if notifier.is_none_or(Notifier::is_ending) {
            return Err(CommandError::NoSuchSubscription);
        }
        self.notifier(id, command);
        self.settle();
        Ok(())
    }

    /// Lets a subscription of ours do something; lets it go, where that was its end.
    fn subscriber(
        &mut self,
        id: SubscriptionId,
        step: impl FnOnce(&mut Subscriber, &mut Context, &mut Sessions) -> bool,
    ) {
        let Some(subscriber) = self.subscriptions.subscribers.get_mut(&id) else {
            return;
        };
        if step(subscriber, &mut self.cx, &mut self.sessions) {
            self.let_subscriber_go(id);
        }
    }

    fn let_subscriber_go(&mut self, id: SubscriptionId) {
        if let Some(gone) = self.subscriptions.subscribers.remove(&id) {
            self.subscriptions.forget_tag(gone.tag(), id);
            self.let_go(id, &gone.usage);
        }
    }

    /// Lets a peer's subscription do something; lets it go, where that was its end.
    pub(super) fn notifier(
        &mut self,
        id: SubscriptionId,
        step: impl FnOnce(&mut Notifier, &mut Context, &mut Sessions) -> bool,
    ) {
        let Some(notifier) = self.subscriptions.notifiers.get_mut(&id) else {
            return;
        };
        if step(notifier, &mut self.cx, &mut self.sessions) {
            self.let_notifier_go(id);
        }
    }

    fn let_notifier_go(&mut self, id: SubscriptionId) {
        if let Some(gone) = self.subscriptions.notifiers.remove(&id) {
            if let Some(dialog) = gone.usage.own() {
                self.subscriptions.forget_tag(&dialog.id().local_tag, id);
            }
            self.let_go(id, &gone.usage);
        }
    }

    pub(super) fn let_go(&mut self, id: SubscriptionId, usage: &Usage) {
        for timer in SubscriptionTimer::ALL {
            self.cx.timers.cancel(&Timer::Subscription(id, timer));
        }
        if let Some(session) = usage.session().and_then(|id| self.sessions.get_mut(&id)) {
            session.unshare(&mut self.cx);
        }
    }

    fn keep_subscriber(&mut self, subscriber: Subscriber) {
        let id = subscriber.id;
        self.subscriptions.index(subscriber.tag(), id);
        self.subscriptions.subscribers.insert(id, subscriber);
    }

    pub(super) fn subscription_timer(&mut self, id: SubscriptionId, timer: SubscriptionTimer) {
        if timer == SubscriptionTimer::Again
            && let Some(mut resting) = self.subscriptions.subscribers.remove(&id)
        {
            self.subscriptions.forget_tag(resting.tag(), id);
            resting.renew(&mut self.cx);
            self.keep_subscriber(resting);
        }
        self.subscriber(id, |subscriber, cx, sessions| {
            subscriber.timer_due(cx, sessions, timer)
        });
        self.notifier(id, |notifier, cx, sessions| match timer {
            SubscriptionTimer::Expiry => notifier.expired(cx, sessions),
            _ => notifier.end(cx, SubscriptionEnd::Unanswered),
        });
    }

    pub(super) fn subscribe_answered(&mut self, id: SubscriptionId, round: u32, answer: Answer) {
        self.subscriber(id, |subscriber, cx, sessions| {
            subscriber.answered(cx, sessions, round, answer)
        });
    }

    pub(super) fn notify_answered(&mut self, id: SubscriptionId, answer: &Answer) {
        self.notifier(id, |notifier, cx, sessions| {
            notifier.answered(cx, sessions, answer)
        });
    }

    /// Sends a SUBSCRIBE or NOTIFY again, under another number; says whether it does.
    pub(super) fn retry_subscription(&mut self, mut pending: Pending) -> bool {
        let (cx, sessions) = (&mut self.cx, &mut self.sessions);
        match pending.owner {
            Owner::Subscribe(id, round) => {
                let subscriber = self.subscriptions.subscribers.get_mut(&id);
                subscriber.is_some_and(|subscriber| subscriber.retry(cx, sessions, round, pending))
            }
            Owner::Notify(id) => {
                let notifier = self.subscriptions.notifiers.get_mut(&id);
                notifier
                    .and_then(|notifier| notifier.usage.dialog(sessions))
                    .is_some_and(|dialog| {
                        let number = dialog.next_sequence();
                        renumber(&mut pending.request, number).is_ok()
                            && cx.resubmit_in(dialog, pending).is_ok()
                    })
            }
            _ => false,
        }
    }

    /// A request inside a dialog that is no session's.
    pub(super) fn subscription_requested(&mut self, flow: FlowId, received: Received) {
        let found = match received.request.method() {
            Method::Notify | Method::Subscribe => {
                // Later than Timer N no other fork may answer (RFC 6665 section 4.1.2.4).
                let window = self
                    .cx
                    .config
                    .timings
                    .lifetime()
                    .min(self.cx.now - Instant::ZERO);
                let since = Instant::ZERO + (self.cx.now - Instant::ZERO - window);
                self.subscriptions.find(since, &received.request)
            }
            _ => None,
        };
        match (found, received.request.method()) {
            (Some(Found::Subscriber(id)), Method::Notify) => {
                self.subscriber(id, |subscriber, cx, sessions| {
                    subscriber.notified(cx, sessions, Some(flow), received)
                });
            }
            (Some(Found::Fork(id)), Method::Notify) => self.forked(id, flow, received),
            (Some(Found::Notifier(id)), Method::Subscribe) => self.resubscribed(id, received),
            (_, Method::Notify) => {
                let phrase = Some("Subscription Does Not Exist");
                let status = StatusCode::CALL_DOES_NOT_EXIST;
                self.cx
                    .reject(&received, status, phrase, &Default::default(), None);
            }
            _ => {
                let status = StatusCode::CALL_DOES_NOT_EXIST;
                self.cx
                    .answer(received.transaction, &received.request, status);
            }
        }
    }

    /// Another of those whom a SUBSCRIBE was forked to has answered it.
    fn forked(&mut self, id: SubscriptionId, flow: FlowId, received: Received) {
        if self.subscriptions.len() >= self.cx.config.max_subscriptions {
            return refuse(&mut self.cx, &received, StatusCode::CALL_DOES_NOT_EXIST);
        }
        let fork = self.subscriptions.name();
        let Some(first) = self.subscriptions.subscribers.get(&id) else {
            return;
        };
        let mut other = first.fork(fork);
        // What makes no subscription is answered, and gone again.
        if let Err((status, phrase)) =
            other.accept(&mut self.sessions, Some(flow), &received.request)
        {
            return self
                .cx
                .reject(&received, status, phrase, &Default::default(), None);
        }
        first.tell(&mut self.cx, SubscriberEvent::Forked { fork });
        self.keep_subscriber(other);
        self.subscriber(fork, |other, cx, sessions| {
            other.taken_in(cx, sessions, true, received)
        });
    }

    /// A SUBSCRIBE inside a subscription's own dialog.
    fn resubscribed(&mut self, id: SubscriptionId, received: Received) {
        let cx = &mut self.cx;
        let Some(notifier) = self.subscriptions.notifiers.get_mut(&id) else {
            return;
        };
        let in_order = match &mut notifier.usage {
            Usage::Own(dialog) => dialog.accept_sequence(&received.request),
            Usage::Forming | Usage::Shared(_) => Ok(()),
        };
        if let Err(status) = in_order {
            return cx.answer(received.transaction, &received.request, status);
        }
        match Package::of_request(&received.request) {
            None => refuse(cx, &received, StatusCode::BAD_REQUEST),
            Some(package) if notifier.package.is(&package) => {
                self.notifier(id, |notifier, cx, sessions| {
                    notifier.resubscribed(cx, sessions, received)
                });
            }
            // A dialog of its own holds one subscription (RFC 6665 section 4.5.2).
            Some(_) => refuse(cx, &received, StatusCode::FORBIDDEN),
        }
    }

    /// A SUBSCRIBE or NOTIFY inside a session's dialog, which has seen to its number.
    pub(super) fn subscription_shared(&mut self, session: SessionId, received: Received) {
        let notify = received.request.method() == Method::Notify;
        let found = Package::of_request(&received.request)
            .and_then(|package| self.subscriptions.find_shared(session, &package, notify));
        match found {
            Some(Found::Subscriber(id)) => self.subscriber(id, |subscriber, cx, sessions| {
                subscriber.notified(cx, sessions, None, received)
            }),
            Some(Found::Notifier(id)) => self.notifier(id, |notifier, cx, sessions| {
                notifier.resubscribed(cx, sessions, received)
            }),
            Some(Found::Fork(_)) | None if notify => {
                let known = Package::of_request(&received.request).is_some_and(|package| {
                    let mut ours = self.subscriptions.subscribers.values();
                    ours.any(|ours| ours.package.has_name_of(&package))
                });
                let status = match known {
                    true => StatusCode::CALL_DOES_NOT_EXIST,
                    false => StatusCode::BAD_EVENT,
                };
                refuse(&mut self.cx, &received, status);
            }
            Some(Found::Fork(_)) | None => self.petition(Usage::Shared(session), received),
        }
    }

    /// The connection came back as another flow: subscriptions go on over it.
    pub(super) fn move_subscriptions(&mut self, from: FlowId, to: FlowId) {
        for notifier in self.subscriptions.notifiers.values_mut() {
            if let Usage::Own(dialog) = &mut notifier.usage {
                dialog.replace_flow(from, to);
            }
        }
        for petition in self.subscriptions.petitions.values_mut() {
            if let Usage::Own(dialog) = &mut petition.usage {
                dialog.replace_flow(from, to);
            }
        }
        let ids: Vec<SubscriptionId> = self.subscriptions.subscribers.keys().copied().collect();
        for id in ids {
            self.subscriber(id, |subscriber, cx, sessions| {
                if let Usage::Own(dialog) = &mut subscriber.usage {
                    dialog.replace_flow(from, to);
                }
                // The notifier learns where its NOTIFYs go from now on.
                subscriber.refresh(cx, sessions, None)
            });
        }
    }

    /// A session and its dialog are gone, and with them what shared it.
    pub(super) fn session_gone(&mut self, session: SessionId) {
        if self.subscriptions.is_empty() {
            return;
        }
        let ours = self.subscriptions.subscribers.values();
        let ours: Vec<_> = ours
            .filter(|ours| ours.usage.session() == Some(session))
            .map(|ours| ours.id)
            .collect();
        let theirs = self.subscriptions.notifiers.values();
        let theirs: Vec<_> = theirs
            .filter(|theirs| theirs.usage.session() == Some(session))
            .map(|theirs| theirs.id)
            .collect();
        for id in ours {
            self.subscriber(id, |ours, cx, _| ours.end(cx, SubscriptionEnd::DialogGone));
        }
        for id in theirs {
            self.notifier(id, |theirs, cx, _| {
                theirs.end(cx, SubscriptionEnd::DialogGone)
            });
        }
    }

    /// The agent is being stopped: no subscription is wanted any more.
    pub(super) fn leave_subscriptions(&mut self) {
        let asks: Vec<AskId> = self.subscriptions.petitions.keys().copied().collect();
        for ask in asks {
            let Some(petition) = self.take_petition(ask) else {
                continue;
            };
            let status = StatusCode::TEMPORARILY_UNAVAILABLE;
            refuse(&mut self.cx, &petition.received, status);
            self.let_go(petition.id, &petition.usage);
        }
        let ids: Vec<SubscriptionId> = self.subscriptions.subscribers.keys().copied().collect();
        for id in ids {
            self.subscriber(id, |subscriber, cx, sessions| {
                subscriber.leave(cx, sessions, None)
            });
        }
        let ids: Vec<SubscriptionId> = self.subscriptions.notifiers.keys().copied().collect();
        for id in ids {
            let last = LastNotify {
                reason: "probation".to_owned(),
                ..LastNotify::default()
            };
            self.notifier(id, |notifier, cx, sessions| {
                notifier.terminate(cx, sessions, SubscriptionEnd::Stopped, last)
            });
        }
    }

    /// The agent has stopped.
    pub(super) fn drop_subscriptions(&mut self) {
        let (subscribers, mut notifiers) = self.subscriptions.clear();
        for subscriber in subscribers.values() {
            subscriber.end(&mut self.cx, SubscriptionEnd::Stopped);
        }
        for notifier in notifiers.values_mut() {
            notifier.end(&mut self.cx, SubscriptionEnd::Stopped);
        }
    }
}
