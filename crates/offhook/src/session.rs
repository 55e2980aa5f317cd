//! The application's handle to one call.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::SystemTime;

use futures_core::Stream;
use offhook_core::{
    Body, CommandError, Direction, DtmfOptions, ExtraHeaders, MediaKinds, OnHold, ReferOptions,
    ReofferOptions, SessionId, SessionInfo, SessionMut, Status, SubscribeOptions, TerminateOptions,
};
use offhook_media::{PeerConnection, Stats};
use offhook_sip::{NameAddr, Request, SessionIdentifier};
use tokio::sync::watch;

use crate::ask::Asks;
use crate::call::{AnswerOptions, ProgressOptions};
use crate::call_end::CallEnd;
use crate::driver::{Driver, State};
use crate::error::Error;
use crate::media_options::{CallMedia, MediaChoice};
use crate::message::PendingRequest;
use crate::queue::EventQueue;
use crate::refer::ReferSubscriber;
use crate::session_event::SessionEvent;
use crate::subscription::Subscription;

/// One call: the handle by which an application follows and steers it.
///
/// It is cheap to clone, and may be dropped: the call goes on until somebody ends it, and all
/// calls end with their [`UserAgent`](crate::UserAgent). Every command returns at once; what
/// becomes of it is told by an event.
///
/// The events are read with [`Session::next`] or as a [`Stream`]. Each event goes to one reader,
/// so clones share them. At most 1024 unread events are kept, the newest ones.
#[derive(Clone)]
pub struct Session {
    driver: Arc<Driver>,
    inner: Arc<SessionInner>,
}

/// How a call is transferred: see [`Session::refer`].
#[derive(Clone, Debug)]
pub struct Transfer {
    /// Headers added to the REFER.
    pub extra_headers: ExtraHeaders,
    /// A session of the same user agent with the target, whose place the new call shall take: an
    /// attended transfer (RFC 3891; RFC 5589, 7). Default: none.
    pub replaces: Option<Session>,
    /// Whether the peer shall tell how the transfer goes (RFC 4488). Default: true.
    pub subscribe: bool,
    /// Whether this side hangs up once the target has answered. Default: false.
    pub hang_up: bool,
}

impl Default for Transfer {
    fn default() -> Self {
        let ReferOptions {
            extra_headers,
            subscribe,
            hang_up,
            ..
        } = ReferOptions::default();
        Self {
            extra_headers,
            replaces: None,
            subscribe,
            hang_up,
        }
    }
}

/// What belongs to one session and outlives it.
#[derive(Debug)]
pub(crate) struct SessionInner {
    pub(crate) id: SessionId,
    pub(crate) call_id: String,
    pub(crate) direction: Direction,
    pub(crate) local_identity: NameAddr<'static>,
    pub(crate) remote_identity: NameAddr<'static>,
    pub(crate) request: Option<Request>,
    pub(crate) events: EventQueue<SessionEvent>,
    pub(crate) progress: watch::Sender<Progress>,
    pub(crate) cell: Mutex<Cell>,
}

/// The part that changes and is not the agent's.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    pub(crate) asks: Asks,
    pub(crate) start_time: Option<SystemTime>,
    pub(crate) end_time: Option<SystemTime>,
    pub(crate) asserted_identity: Option<NameAddr<'static>>,
    /// As it was when the agent last told something of the session.
    pub(crate) identifier: SessionIdentifier,
    pub(crate) connection: Option<PeerConnection>,
    pub(crate) data: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

/// How far a session has come, for those who wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) confirmed: bool,
    /// How often it has become ready for a new offer.
    pub(crate) readied: u32,
    pub(crate) end: Option<CallEnd>,
    pub(crate) media: MediaProgress,
}

/// How far the session's media have come.
#[derive(Clone, Debug, Default)]
pub(crate) enum MediaProgress {
    /// There is no peer connection yet.
    #[default]
    None,
    /// There is one.
    Open,
    /// It is closed, everything recorded is written; its last numbers.
    Closed(Box<Stats>),
}

impl SessionInner {
    pub(crate) fn cell(&self) -> MutexGuard<'_, Cell> {
        self.cell.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn asks(&self) -> Asks {
        self.cell().asks
    }
}

impl Session {
    pub(crate) fn new(driver: Arc<Driver>, inner: Arc<SessionInner>) -> Self {
        Self { driver, inner }
    }

    pub(crate) fn id(&self) -> SessionId {
        self.inner.id
    }

    /// The next event; `None` when there will be no more.
    pub async fn next(&self) -> Option<SessionEvent> {
        self.inner.events.next().await
    }

    /// Waits until the call stands (`confirmed`). Takes no event away from [`Session::next`].
    ///
    /// # Errors
    ///
    /// [`Error::CallEnded`] when the call ended before it stood.
    pub async fn confirmed(&self) -> Result<(), Error> {
        let reached = |progress: &Progress| progress.confirmed || progress.end.is_some();
        let progress = self.wait(reached).await;
        match progress.end {
            Some(end) if !progress.confirmed => Err(Error::CallEnded(Box::new(end))),
            _ => Ok(()),
        }
    }

    /// Waits until a new offer may be made ([`Session::is_ready_to_reoffer`]): the one before may
    /// still wait for its answer or its ACK. Takes no event away from [`Session::next`].
    ///
    /// # Errors
    ///
    /// [`Error::CallEnded`] when the call ends first.
    pub async fn ready_to_reoffer(&self) -> Result<(), Error> {
        let mut progress = self.inner.progress.subscribe();
        loop {
            let seen = progress.borrow_and_update().clone();
            if let Some(end) = seen.end {
                return Err(Error::CallEnded(Box::new(end)));
            }
            if self.is_ready_to_reoffer() {
                return Ok(());
            }
            let changed = progress.changed().await;
            changed.expect("the sender lives in this handle");
        }
    }

    /// Waits until the call has ended or failed and its media are let go: recordings are
    /// complete then. Takes no event away from [`Session::next`].
    pub async fn ended(&self) -> CallEnd {
        let over = |progress: &Progress| {
            progress.end.is_some() && !matches!(progress.media, MediaProgress::Open)
        };
        let progress = self.wait(over).await;
        progress.end.expect("the wait ends when there is an end")
    }

    async fn wait(&self, reached: impl FnMut(&Progress) -> bool) -> Progress {
        let mut progress = self.inner.progress.subscribe();
        let found = progress.wait_for(reached).await;
        found.expect("the sender lives in this handle").clone()
    }

    /// Answers an incoming call.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when the call is outgoing, answered already or over; [`Error::Media`]
    /// when the file to record to cannot be written.
    pub fn answer(&self, answer: AnswerOptions) -> Result<(), Error> {
        let AnswerOptions {
            mut options,
            media,
            asks,
        } = answer;
        options.video = Some(media.has_video());
        let id = self.inner.id;
        self.driver.act(|state, now| {
            let media = self.settle(state, media)?;
            state.agent.session(id)?.answer(now, options)?;
            self.take_up(state, media, asks);
            Ok(())
        })
    }

    /// Sends a provisional response to an incoming call, by default a 183 with early media: what
    /// is to be played is heard before the call is answered (RFC 3960, 3). It is sent reliably
    /// where the caller takes part (RFC 3262).
    ///
    /// What is said here about media is the call's from then on; [`Session::answer`] changes it
    /// no more.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when the call is outgoing, answered already or over, the status is none
    /// from 101 to 199, or early media is asked for and the INVITE brought no offer;
    /// [`Error::Media`] when the file to record to cannot be written.
    pub fn progress(&self, progress: ProgressOptions) -> Result<(), Error> {
        let ProgressOptions {
            options,
            media,
            asks,
        } = progress;
        let id = self.inner.id;
        self.driver.act(|state, now| {
            let media = match options.media {
                true => self.settle(state, media)?,
                false => None,
            };
            state.agent.session(id)?.progress(now, options)?;
            self.take_up(state, media, asks);
            Ok(())
        })
    }

    /// Opens what the media of an incoming call need, once: an answer that cannot be must not
    /// overwrite the recording of the one that was.
    fn settle(&self, state: &State, media: MediaChoice) -> Result<Option<CallMedia>, Error> {
        let id = self.inner.id;
        let status = state.agent.session_info(id).map(|info| info.status());
        let waits = matches!(
            status,
            Some(Status::InviteReceived | Status::WaitingForAnswer)
        );
        (waits && !state.has_media(id))
            .then(|| media.settle(&self.driver.settings.media))
            .transpose()
    }

    fn take_up(&self, state: &mut State, media: Option<CallMedia>, asks: Option<Asks>) {
        if let Some(asks) = asks {
            self.inner.cell().asks = asks;
        }
        if let Some(media) = media {
            state.prepare_media(self.inner.id, media);
        }
    }

    /// Tells the caller that it rings here, with a 180. Only needed when the user agent was told
    /// not to ring by itself ([`UserAgentBuilder::ring`](crate::UserAgentBuilder::ring)); a
    /// second time it does nothing.
    pub fn ring(&self) {
        let id = self.inner.id;
        self.driver.act(|state, now| state.ring(now, id));
    }

    /// Ends the call in whichever state it is: a final response, a CANCEL or a BYE.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when the call is over, or the status is not one that fits.
    pub fn terminate(&self, options: TerminateOptions) -> Result<(), Error> {
        self.command(|session, now| session.terminate(now, options))
    }

    /// Sends DTMF tones: `0`-`9`, `A`-`D`, `R`, `*`, `#`, and `,` for a pause of two seconds.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when the call is not there yet or over, or a tone is none.
    pub fn send_dtmf(&self, tones: &str, options: DtmfOptions) -> Result<(), Error> {
        self.command(|session, now| session.send_dtmf(now, tones, options))
    }

    /// Sends an INFO request; the number tells its `InfoDelivered` event from others.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when the call does not stand.
    pub fn send_info(
        &self,
        content_type: &str,
        body: &str,
        extra_headers: &ExtraHeaders,
    ) -> Result<u32, Error> {
        self.command(|session, now| session.send_info(now, content_type, body, extra_headers))
    }

    /// Sends a MESSAGE inside the call (RFC 3428).
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when the call does not stand, or the media type or a header is none.
    pub fn send_message(
        &self,
        body: impl Into<Body>,
        extra_headers: &ExtraHeaders,
    ) -> Result<PendingRequest, Error> {
        let id = self.inner.id;
        self.driver
            .request(|agent, now| agent.session(id)?.send_message(now, body, extra_headers))
    }

    /// Asks the peer inside the call what it can (RFC 3261, 11).
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when the call does not stand, or a header is none.
    pub fn send_options(&self, extra_headers: &ExtraHeaders) -> Result<PendingRequest, Error> {
        let id = self.inner.id;
        self.driver
            .request(|agent, now| agent.session(id)?.send_options(now, extra_headers))
    }

    /// Subscribes to `event` inside the call (RFC 6665, 4.5.2), for its peer to tell about. It may
    /// outlive the call.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when the call does not stand, or the event or an option makes no sense.
    pub fn subscribe(&self, event: &str, options: SubscribeOptions) -> Result<Subscription, Error> {
        let id = self.inner.id;
        self.driver
            .subscribe(|agent, now| agent.session(id)?.subscribe(now, event, options))
    }

    /// Puts the peer on hold, by a re-INVITE or UPDATE (RFC 3264, 8.4). The number names the
    /// exchange in its [`SessionEvent::Renegotiated`]; when the peer refuses, the session is as
    /// before.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when the peer is on hold already, or the session is not
    /// [ready](Session::is_ready_to_reoffer).
    pub fn hold(&self, options: ReofferOptions) -> Result<u32, Error> {
        self.command(|session, now| session.hold(now, options))
    }

    /// Lets the peer go on.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when the peer is not on hold, or the session is not
    /// [ready](Session::is_ready_to_reoffer).
    pub fn unhold(&self, options: ReofferOptions) -> Result<u32, Error> {
        self.command(|session, now| session.unhold(now, options))
    }

    /// Makes a new offer (RFC 3261, 14.1), for example after the peer connection was changed.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when the session is not [ready](Session::is_ready_to_reoffer).
    pub fn renegotiate(&self, options: ReofferOptions) -> Result<u32, Error> {
        self.command(|session, now| session.renegotiate(now, options))
    }

    /// Asks the peer to call `target` (RFC 3515): an address, or a user of the own domain. With
    /// [`Transfer::replaces`] that call takes the place of another one of this side: an attended
    /// transfer.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when a call does not stand, or the target is no address.
    pub fn refer(&self, target: &str, transfer: Transfer) -> Result<ReferSubscriber, Error> {
        let Transfer {
            extra_headers,
            replaces,
            subscribe,
            hang_up,
        } = transfer;
        let replaces = replaces.map(|session| session.inner.id);
        let options = ReferOptions {
            extra_headers,
            replaces,
            subscribe,
            hang_up,
        };
        let id = self.inner.id;
        let states = self.driver.act(|state, now| {
            let refer = state.agent.session(id)?.refer(now, target, options)?;
            Ok::<_, CommandError>(state.follow_refer(id, refer))
        })?;
        Ok(ReferSubscriber::new(states))
    }

    /// Sends silence, or blackness, instead of the local media.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when the call is over.
    pub fn mute(&self, kinds: MediaKinds) -> Result<(), Error> {
        self.command(|session, now| session.mute(now, kinds))
    }

    /// Lets the local media through again.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when the call is over.
    pub fn unmute(&self, kinds: MediaKinds) -> Result<(), Error> {
        self.command(|session, now| session.unmute(now, kinds))
    }

    fn command<R>(
        &self,
        command: impl FnOnce(&mut SessionMut<'_>, offhook_core::Instant) -> Result<R, CommandError>,
    ) -> Result<R, Error> {
        let id = self.inner.id;
        let result = self
            .driver
            .act(|state, now| command(&mut state.agent.session(id)?, now));
        Ok(result?)
    }

    fn read<R>(&self, read: impl FnOnce(&SessionInfo<'_>) -> R) -> Option<R> {
        let state = self.driver.lock();
        state
            .agent
            .session_info(self.inner.id)
            .map(|info| read(&info))
    }

    /// Whether the call is neither established nor ended.
    pub fn is_in_progress(&self) -> bool {
        self.read(|info| info.is_in_progress()).unwrap_or(false)
    }

    /// Whether the call is established.
    pub fn is_established(&self) -> bool {
        self.read(|info| info.is_established()).unwrap_or(false)
    }

    /// Whether the call has ended or failed.
    pub fn is_ended(&self) -> bool {
        self.read(|info| info.is_ended()).unwrap_or(true)
    }

    /// Which kinds of local media are muted.
    pub fn is_muted(&self) -> MediaKinds {
        self.read(|info| info.is_muted()).unwrap_or_default()
    }

    /// Which side has put the other on hold.
    pub fn is_on_hold(&self) -> OnHold {
        self.read(|info| info.is_on_hold()).unwrap_or_default()
    }

    /// Whether [`Session::hold`], [`Session::unhold`] and [`Session::renegotiate`] are possible
    /// now.
    pub fn is_ready_to_reoffer(&self) -> bool {
        self.read(|info| info.is_ready_to_reoffer())
            .unwrap_or(false)
    }

    /// Who started the session.
    pub fn direction(&self) -> Direction {
        self.inner.direction
    }

    /// The Call-ID of the session's dialog.
    pub fn call_id(&self) -> &str {
        &self.inner.call_id
    }

    /// This side's address: the From of an outgoing INVITE, the To of an incoming one.
    pub fn local_identity(&self) -> &NameAddr<'static> {
        &self.inner.local_identity
    }

    /// The peer's address: the To of an outgoing INVITE, the From of an incoming one.
    pub fn remote_identity(&self) -> &NameAddr<'static> {
        &self.inner.remote_identity
    }

    /// Who the network says the peer is (RFC 3325 P-Asserted-Identity), where a server vouches for
    /// it: a gateway may name another one in mid-call, which
    /// [`SessionEvent::RemoteIdentity`] tells.
    pub fn asserted_identity(&self) -> Option<NameAddr<'static>> {
        self.inner.cell().asserted_identity.clone()
    }

    /// The UUIDs of the two sides, by which both ends and all servers between them know the
    /// session (RFC 7989); the peer's is nil until it has said it.
    pub fn identifier(&self) -> SessionIdentifier {
        let state = self.driver.lock();
        let known = state.agent.session_info(self.inner.id);
        known
            .and_then(|info| info.identifier())
            .unwrap_or(self.inner.cell().identifier)
    }

    /// The INVITE of an incoming call.
    pub fn request(&self) -> Option<&Request> {
        self.inner.request.as_ref()
    }

    /// When the call was accepted.
    pub fn start_time(&self) -> Option<SystemTime> {
        self.inner.cell().start_time
    }

    /// When the established call ended; none for a call that failed.
    pub fn end_time(&self) -> Option<SystemTime> {
        self.inner.cell().end_time
    }

    /// Keeps a value of the application's with the session, one of each type; gives back the
    /// value that it replaces.
    pub fn set_data<T: Any + Send + Sync>(&self, value: T) -> Option<Arc<T>> {
        let before = self
            .inner
            .cell()
            .data
            .insert(TypeId::of::<T>(), Arc::new(value));
        before.and_then(|value| value.downcast().ok())
    }

    /// The value of this type that the application keeps with the session.
    pub fn data<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let value = self.inner.cell().data.get(&TypeId::of::<T>()).cloned();
        value.and_then(|value| value.downcast().ok())
    }

    /// The peer connection, once there is one: for outgoing calls soon after the start, for
    /// incoming calls after [`Session::answer`]. It stays after the end.
    pub fn connection(&self) -> Option<PeerConnection> {
        self.inner.cell().connection.clone()
    }

    /// Packets, bytes, loss, jitter and more; after the end those that the call ended with. None
    /// while there is no peer connection.
    pub async fn stats(&self) -> Option<Stats> {
        let known = |progress: &Progress| {
            progress.end.is_none() || !matches!(progress.media, MediaProgress::Open)
        };
        match self.wait(known).await.media {
            MediaProgress::None => None,
            MediaProgress::Closed(stats) => Some(*stats),
            MediaProgress::Open => match self.connection() {
                Some(connection) => Some(connection.stats().await),
                None => None,
            },
        }
    }
}

/// The same events that [`Session::next`] gives.
impl Stream for Session {
    type Item = SessionEvent;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<SessionEvent>> {
        self.inner.events.poll_next(context)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.inner.id)
            .field("direction", &self.inner.direction)
            .field("remote", &self.inner.remote_identity.uri.as_str())
            .finish_non_exhaustive()
    }
}
