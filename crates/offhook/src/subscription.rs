//! Subscriptions (RFC 6665): those of this side, and those of peers.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use offhook_core::{
    Body, GrantOptions, LastNotify, NotifierEvent, NotifyOptions, SubscriberEvent, SubscriptionId,
};
use offhook_sip::{Event as EventHeader, Request};

use crate::ask::{Rejection, Responder};
use crate::driver::Driver;
use crate::error::Error;
use crate::queue::EventQueue;

/// A subscription of this side: JsSIP's `Subscriber`. See
/// [`UserAgent::subscribe`](crate::UserAgent::subscribe).
///
/// Its events are read with [`Subscription::next`] or as a [`Stream`]; clones share them. When the
/// last clone is dropped, it ends with the notifier's next word.
#[derive(Clone)]
pub struct Subscription {
    driver: Arc<Driver>,
    id: SubscriptionId,
    events: Arc<EventQueue<SubscriberEvent>>,
}

impl Subscription {
    pub(crate) fn new(
        driver: Arc<Driver>,
        id: SubscriptionId,
        events: Arc<EventQueue<SubscriberEvent>>,
    ) -> Self {
        Self { driver, id, events }
    }

    /// Its id, by which [`SubscriberEvent::Forked`] names others.
    pub fn id(&self) -> SubscriptionId {
        self.id
    }

    /// What happens next; `None` after it has ended.
    pub async fn next(&self) -> Option<SubscriberEvent> {
        self.events.next().await
    }

    /// Wants to be told nothing more; the last word still comes.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when it has ended.
    pub fn unsubscribe(&self) -> Result<(), Error> {
        let id = self.id;
        let told = self
            .driver
            .act(|state, now| state.agent.unsubscribe(now, id, None));
        Ok(told?)
    }

    /// Refreshes it before it is due, and has the state told again.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when it has ended.
    pub fn refresh(&self) -> Result<(), Error> {
        let id = self.id;
        let told = self
            .driver
            .act(|state, now| state.agent.refresh_subscription(now, id, None));
        Ok(told?)
    }
}

/// The same that [`Subscription::next`] gives.
impl Stream for Subscription {
    type Item = SubscriberEvent;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_next(context)
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subscription").field(&self.id).finish()
    }
}

/// Somebody wants to subscribe here. Dropped, it is refused.
pub struct IncomingSubscription {
    pub(crate) driver: Arc<Driver>,
    pub(crate) id: SubscriptionId,
    pub(crate) request: Request,
    pub(crate) responder: Responder,
}

impl IncomingSubscription {
    /// The SUBSCRIBE.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The event package, one of
    /// [`UserAgentBuilder::event_package`](crate::UserAgentBuilder::event_package).
    pub fn event_package(&self) -> &str {
        let event = self.request.typed::<EventHeader<'_>>().ok().flatten();
        event.map_or("", |event| event.package)
    }

    /// Who subscribes: the URI in From.
    pub fn from(&self) -> String {
        let from = self.request.from();
        from.map(|from| from.uri.to_string()).unwrap_or_default()
    }

    /// Lets it in: with the state that is told at once, pending or active. Where nobody waits for
    /// the answer any more, the notifier's events have ended already.
    pub fn accept(self, options: GrantOptions) -> Notifier {
        let Self {
            driver,
            id,
            responder,
            ..
        } = self;
        let events = driver.grant(responder, id, options);
        Notifier { driver, id, events }
    }

    /// Refuses it.
    pub fn reject(self, rejection: Rejection) {
        self.responder.reject(rejection);
    }
}

impl fmt::Debug for IncomingSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingSubscription")
            .field("id", &self.id)
            .field("event_package", &self.event_package())
            .finish_non_exhaustive()
    }
}

/// A subscription that a peer has here: JsSIP's `Notifier`.
///
/// It goes on when its last clone is dropped, until the peer refreshes it no more.
#[derive(Clone)]
pub struct Notifier {
    driver: Arc<Driver>,
    id: SubscriptionId,
    events: Arc<EventQueue<NotifierEvent>>,
}

impl Notifier {
    /// What happens next; `None` after it has ended. Clones share the events.
    pub async fn next(&self) -> Option<NotifierEvent> {
        self.events.next().await
    }

    /// Tells the peer the state; a pending subscription becomes active.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when it has ended, or the body has no media type.
    pub fn notify(&self, body: impl Into<Body>) -> Result<(), Error> {
        self.notify_with(NotifyOptions {
            body: Some(body.into()),
            ..NotifyOptions::default()
        })
    }

    /// Tells the peer the state as these options say.
    ///
    /// # Errors
    ///
    /// As [`Notifier::notify`].
    pub fn notify_with(&self, options: NotifyOptions) -> Result<(), Error> {
        let id = self.id;
        let told = self
            .driver
            .act(|state, now| state.agent.notify(now, id, options));
        Ok(told?)
    }

    /// Ends it with a last word.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when it has ended, or the reason is no word.
    pub fn terminate(&self, last: LastNotify) -> Result<(), Error> {
        let id = self.id;
        let told = self
            .driver
            .act(|state, now| state.agent.terminate_subscription(now, id, last));
        Ok(told?)
    }
}

/// The same that [`Notifier::next`] gives.
impl Stream for Notifier {
    type Item = NotifierEvent;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_next(context)
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Notifier").field(&self.id).finish()
    }
}
