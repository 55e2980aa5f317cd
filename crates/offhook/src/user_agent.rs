//! The phone: registers, calls, is called.

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use offhook_core::{Body, Live, RequestOptions, SubscribeOptions, SubscriptionId, Transport};
use offhook_sip::Uri;

use crate::builder::UserAgentBuilder;
use crate::call::{CallBuilder, CallSetup};
use crate::driver::{Connection, Driver, Registration, Standing};
use crate::error::Error;
use crate::message::PendingRequest;
use crate::session::Session;
use crate::subscription::Subscription;
use crate::user_agent_event::UserAgentEvent;

/// A SIP user agent: it keeps the connection to its server, registers its address, makes calls
/// and takes them.
///
/// It runs in a task of its own on the tokio runtime that it was started in. When it is dropped
/// it stops: calls end, the registration is taken back, connections close, as far as the runtime
/// still lives; [`UserAgent::stop`] waits for that.
///
/// Its events are read with [`UserAgent::next`] or as a [`Stream`]; at most 1024 unread ones are
/// kept, the newest.
pub struct UserAgent {
    driver: Arc<Driver>,
    addresses: Vec<(Transport, SocketAddr)>,
}

impl UserAgent {
    /// Begins to set up a user agent for an address of record, such as `sip:alice@example.com`.
    pub fn builder(address: &str) -> UserAgentBuilder {
        UserAgentBuilder::new(address)
    }

    pub(crate) fn new(driver: Arc<Driver>, addresses: Vec<(Transport, SocketAddr)>) -> Self {
        Self { driver, addresses }
    }

    /// The next event; `None` after the user agent has stopped.
    pub async fn next(&self) -> Option<UserAgentEvent> {
        self.driver.events.next().await
    }

    /// Waits until the connection to the server stands. Without a server it stands always.
    ///
    /// # Errors
    ///
    /// Why the attempt that is under way, or the last one, failed.
    pub async fn connected(&self) -> Result<(), Error> {
        if !self.driver.settings.connects {
            return Ok(());
        }
        self.wait(|standing| match &standing.connection {
            Connection::Pending => None,
            Connection::Up => Some(Ok(())),
            Connection::Down(error) => Some(Err(error.clone())),
        })
        .await
    }

    /// Waits until the address is registered.
    ///
    /// # Errors
    ///
    /// Why the attempt that is under way, or the last one, failed; [`Error::NotRegistering`] when
    /// there is nothing to wait for.
    pub async fn registered(&self) -> Result<(), Error> {
        if !self.driver.settings.registers {
            return Err(Error::NotRegistering);
        }
        self.wait(
            |standing| match (&standing.connection, &standing.registration) {
                (Connection::Down(error), _) | (_, Registration::Failed(error)) => {
                    Some(Err(error.clone()))
                }
                (_, Registration::Registered) => Some(Ok(())),
                (_, Registration::Pending) => None,
            },
        )
        .await
    }

    async fn wait<R>(
        &self,
        read: impl Fn(&Standing) -> Option<Result<R, Error>>,
    ) -> Result<R, Error> {
        let read = |standing: &Standing| match standing.stopped {
            true => Some(Err(Error::Stopped)),
            false => read(standing),
        };
        let mut standing = self.driver.standing.subscribe();
        let found = standing.wait_for(|standing| read(standing).is_some()).await;
        let found = found.expect("the sender lives in this user agent");
        read(&found).unwrap_or(Err(Error::Stopped))
    }

    /// Begins a call to `target`: an address, or a user of the own domain.
    pub fn call(&self, target: &str) -> CallBuilder<'_> {
        CallBuilder::new(self, target)
    }

    pub(crate) fn start_call(&self, target: &str, setup: CallSetup) -> Result<Session, Error> {
        let CallSetup {
            mut options,
            media,
            asks,
        } = setup;
        options.video = media.has_video();
        let media = media.settle(&self.driver.settings.media)?;
        self.driver
            .call(target, options, media, asks)
            .map_err(Error::of_command)
    }

    /// Sends a MESSAGE (RFC 3428) to `target`: an address, or a user of the own domain. Text is sent
    /// as `text/plain`; over UDP a message should hold at most 1300 bytes.
    ///
    /// ```no_run
    /// # async fn chat(ua: offhook::UserAgent) -> Result<(), offhook::Error> {
    /// use offhook::{RequestOptions, UserAgentEvent};
    ///
    /// ua.send_message("bob", "Dinner at eight?", RequestOptions::default())?.await?;
    /// while let Some(event) = ua.next().await {
    ///     if let UserAgentEvent::Message(message) = event {
    ///         println!("{}: {}", message.from(), message.text().unwrap_or_default());
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when the target is no address, or the media type or a header is none;
    /// [`Error::Stopped`]. What the peer says comes when the request is awaited.
    pub fn send_message(
        &self,
        target: &str,
        body: impl Into<Body>,
        options: RequestOptions,
    ) -> Result<PendingRequest, Error> {
        self.driver
            .request(|agent, now| agent.send_message(now, target, body, options))
    }

    /// Asks `target`, an address or a user of the own domain, what it can (RFC 3261, 11).
    ///
    /// ```no_run
    /// # async fn ask(ua: offhook::UserAgent) -> Result<(), offhook::Error> {
    /// let answer = ua.send_options("bob", None, Default::default())?.await?;
    /// println!("bob takes {}", answer.header("Allow").unwrap_or("anything"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`UserAgent::send_message`].
    pub fn send_options(
        &self,
        target: &str,
        body: Option<Body>,
        options: RequestOptions,
    ) -> Result<PendingRequest, Error> {
        self.driver
            .request(|agent, now| agent.send_options(now, target, body, options))
    }

    /// Subscribes to what `target` tells of `event`, an event package such as `presence`
    /// (RFC 6665). The subscription is refreshed in time, and over a new connection.
    ///
    /// ```no_run
    /// # async fn watch(ua: offhook::UserAgent) -> Result<(), offhook::Error> {
    /// use offhook::{SubscribeOptions, SubscriberEvent};
    ///
    /// let bob = ua.subscribe("bob", "presence", SubscribeOptions::default())?;
    /// while let Some(event) = bob.next().await {
    ///     if let SubscriberEvent::Notify { body: Some(body), .. } = event {
    ///         println!("bob: {}", String::from_utf8_lossy(&body.content));
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when the target is no address, or the event or an option makes no
    /// sense; [`Error::Stopped`].
    pub fn subscribe(
        &self,
        target: &str,
        event: &str,
        options: SubscribeOptions,
    ) -> Result<Subscription, Error> {
        self.driver
            .subscribe(|agent, now| agent.subscribe(now, target, event, options))
    }

    /// A subscription of this side by its id, as [`SubscriberEvent::Forked`] names it; `None` when
    /// it has ended.
    ///
    /// [`SubscriberEvent::Forked`]: crate::SubscriberEvent::Forked
    pub fn subscription(&self, id: SubscriptionId) -> Option<Subscription> {
        self.driver.subscription(id)
    }

    /// Registers again: after [`UserAgent::unregister`], or at once instead of in time.
    pub fn register(&self) {
        self.driver.act(|state, now| state.agent.register(now));
    }

    /// Takes the registration back; with `all`, that of every contact of the address.
    pub fn unregister(&self, all: bool) {
        self.driver
            .act(|state, now| state.agent.unregister(now, all));
    }

    /// Whether the address is registered.
    pub fn is_registered(&self) -> bool {
        self.driver.lock().agent.is_registered()
    }

    /// The address that reaches this one user agent and says whose it is, where the registrar
    /// gave one (RFC 5627); JsSIP's `ua.contact.pub_gruu`.
    pub fn public_gruu(&self) -> Option<Uri<'static>> {
        self.driver.lock().agent.public_gruu().cloned()
    }

    /// The address that reaches this one user agent and does not say whose it is, where the
    /// registrar gave one (RFC 5627); JsSIP's `ua.contact.temp_gruu`.
    pub fn temporary_gruu(&self) -> Option<Uri<'static>> {
        self.driver.lock().agent.temporary_gruu().cloned()
    }

    /// Whether the connection to the server stands.
    pub fn is_connected(&self) -> bool {
        self.driver.lock().agent.is_connected()
    }

    /// The addresses that this user agent listens on, in the order in which the builder was told.
    pub fn local_addresses(&self) -> &[(Transport, SocketAddr)] {
        &self.addresses
    }

    /// How many of each live thing the user agent holds. After the last call has ended and its
    /// transactions have run out, it holds no session, dialog or transaction.
    pub fn live(&self) -> Live {
        self.driver.lock().agent.live()
    }

    /// Ends every call, takes the registration back, closes the connections, and waits until
    /// that is done: a few seconds at most.
    pub async fn stop(&self) {
        self.driver.act(|state, now| state.agent.stop(now));
        let mut standing = self.driver.standing.subscribe();
        let stopped = standing.wait_for(|standing| standing.stopped).await;
        drop(stopped.expect("the sender lives in this user agent"));
        let last = self.driver.lock().tracer.finish();
        if let Some(last) = last {
            // A hook that panicked has seen what it has seen.
            let _ = last.await;
        }
    }
}

impl Drop for UserAgent {
    fn drop(&mut self) {
        // Waiting events hold sessions, which hold the driver: nobody will read them now.
        self.driver.events.discard();
        self.driver.abandon();
    }
}

/// The same events that [`UserAgent::next`] gives.
impl Stream for UserAgent {
    type Item = UserAgentEvent;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<UserAgentEvent>> {
        self.driver.events.poll_next(context)
    }
}

impl fmt::Debug for UserAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserAgent")
            .field("address", &self.driver.settings.address)
            .finish_non_exhaustive()
    }
}
