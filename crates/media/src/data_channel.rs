//! Data channels (RFC 8831), as the application holds them.
//!
//! A handle and the connection's task share one [`Shared`]: the application's wishes stand in it
//! until the task looks, and what comes until the application does.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// Bytes and messages of one channel that wait to be sent or acknowledged; a sender waits then.
const SEND_BUFFER: usize = 1 << 20;
const MOST_WAITING: usize = 1024;
/// Bytes of all of a connection's channels that wait for the application.
const RECEIVE_BUFFER: usize = 16 << 20;
/// What an event takes beside its contents, about.
const EVENT_COST: usize = 64;

/// How a data channel is made (W3C `RTCDataChannelInit`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataChannelOptions {
    /// Whether messages arrive in the order in which they were sent. Default: yes.
    pub ordered: bool,
    /// For how long a message is sent again; after that it is lost. At most 65.535 s; longer
    /// means that. Default: until it arrives.
    pub max_packet_life_time: Option<Duration>,
    /// How often a message is sent again; after that it is lost. Default: until it arrives.
    pub max_retransmits: Option<u16>,
    /// The name of the protocol spoken on the channel. Default: none.
    pub protocol: String,
    /// The channel's id where both sides make it with the same one, agreed on elsewhere. Default:
    /// the channel is announced to the peer on the connection (RFC 8832).
    pub negotiated: Option<u16>,
}

impl Default for DataChannelOptions {
    fn default() -> DataChannelOptions {
        DataChannelOptions {
            ordered: true,
            max_packet_life_time: None,
            max_retransmits: None,
            protocol: String::new(),
            negotiated: None,
        }
    }
}

/// W3C `RTCDataChannelState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataChannelState {
    /// The connection or the channel is not made yet.
    Connecting,
    /// Messages can be sent.
    Open,
    /// What waits is still sent; nothing more is taken.
    Closing,
    /// It is over, or never came to be.
    Closed,
}

impl DataChannelState {
    /// The state's name in the W3C API.
    pub fn as_str(self) -> &'static str {
        match self {
            DataChannelState::Connecting => "connecting",
            DataChannelState::Open => "open",
            DataChannelState::Closing => "closing",
            DataChannelState::Closed => "closed",
        }
    }
}

impl std::fmt::Display for DataChannelState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A message on a data channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataMessage {
    /// Text. What is no UTF-8 in a peer's message is replaced, as browsers do.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

impl DataMessage {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            DataMessage::Text(text) => text.as_bytes(),
            DataMessage::Binary(bytes) => bytes,
        }
    }

    pub(crate) fn is_binary(&self) -> bool {
        matches!(self, DataMessage::Binary(_))
    }
}

/// What happened on a data channel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataChannelEvent {
    /// Messages can be sent now. The first event of each channel that comes to be.
    Open,
    /// The peer sent a message.
    Message(DataMessage),
    /// Why the channel closes next.
    Error(DataChannelError),
    /// The channel is closed; the last event.
    Close,
}

/// An error of a data channel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DataChannelError {
    /// Both limits of reliability are set (W3C `TypeError`).
    #[error("max_packet_life_time and max_retransmits are both set; at most one of them may be")]
    TwoLimits,

    /// The channel could not be announced in one packet.
    #[error("the label and the protocol take {bytes} bytes; at most {limit} bytes are possible")]
    NameTooLong {
        /// How many bytes they take.
        bytes: usize,
        /// How many they may.
        limit: usize,
    },

    /// A negotiated id that another channel has, or that no channel may have.
    #[error(
        "a data channel cannot have the id {0}; one from 0 to 65534 that no other has would be right"
    )]
    Id(u16),

    /// More channels than a connection carries.
    #[error("this connection has {limit} data channels, the most there may be; close one first")]
    TooMany {
        /// How many there may be.
        limit: usize,
    },

    /// A message for a channel that is not open (W3C `InvalidStateError`).
    #[error("the data channel {label:?} is {state}; send while it is open")]
    NotOpen {
        /// The channel's label.
        label: String,
        /// The state it is in.
        state: DataChannelState,
    },

    /// A message larger than the peer takes, or than is sent here (RFC 8841 §6).
    #[error("the message has {size} bytes; at most {limit} can be sent, so send it in parts")]
    MessageTooLarge {
        /// Its size in bytes.
        size: usize,
        /// The most there may be.
        limit: usize,
    },

    /// A message with nothing in it. The SCTP stack below has no way to send one.
    #[error("an empty message cannot be sent; one of at least one byte would be right")]
    EmptyMessage,

    /// The peer's description has no section for data channels, or declines it.
    #[error("the peer takes no data channels: it declined their section of the description")]
    Declined,

    /// The application did not take the messages that came.
    #[error(
        "more than {limit} bytes came and were not taken, and a message of a data channel must \
         not be lost; call next in time"
    )]
    Overrun {
        /// The bytes that may wait, of all channels of the connection.
        limit: usize,
    },

    /// The connection under the channel failed.
    #[error("the connection under the data channel failed")]
    ConnectionFailed,
}

/// A data channel, shaped like the W3C's `RTCDataChannel`.
///
/// This is a handle: clones mean the same channel, and each event goes to one of them. With the
/// last of them the channel closes. A channel lives no longer than its connection.
///
/// ```
/// # use offhook_media::{DataChannelOptions, MediaError, PeerConnection};
/// use offhook_media::{DataChannelEvent, DataMessage};
///
/// async fn greet(connection: PeerConnection) -> Result<(), MediaError> {
///     let chat = connection.create_data_channel("chat", DataChannelOptions::default()).await?;
///     while let Some(event) = chat.next().await {
///         match event {
///             DataChannelEvent::Open => chat.send_text("hello").await?,
///             DataChannelEvent::Message(DataMessage::Text(text)) => println!("{text}"),
///             _ => {}
///         }
///     }
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct DataChannel {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close();
        // Nobody will take them any more.
        self.0.lock().events.clear();
    }
}

impl PartialEq for DataChannel {
    fn eq(&self, other: &DataChannel) -> bool {
        Arc::ptr_eq(&self.handle, &other.handle)
    }
}

impl Eq for DataChannel {}

impl DataChannel {
    pub(crate) fn of(shared: Arc<Shared>) -> DataChannel {
        DataChannel {
            handle: Arc::new(Handle(shared)),
        }
    }

    fn shared(&self) -> &Shared {
        &self.handle.0
    }

    /// The name given to it by the side that made it. It need not be the only one of that name.
    pub fn label(&self) -> &str {
        &self.shared().label
    }

    /// How it was made.
    pub fn options(&self) -> &DataChannelOptions {
        &self.shared().options
    }

    /// The channel's id on the connection (its SCTP stream); `None` while there is none yet.
    pub fn id(&self) -> Option<u16> {
        self.shared().lock().id
    }

    /// The state it is in.
    pub fn ready_state(&self) -> DataChannelState {
        self.shared().lock().state
    }

    /// The bytes that were given to be sent and that the peer has not acknowledged.
    pub fn buffered_amount(&self) -> usize {
        self.shared().lock().buffered()
    }

    /// The largest message, in bytes, that can be sent: what the peer takes, 262,144 at most.
    /// `None` before that is known.
    pub fn max_message_size(&self) -> Option<usize> {
        self.shared().lock().max_message_size
    }

    /// Sends text.
    ///
    /// Waits while more than a mebibyte waits to be sent. Returns when the message is queued, not
    /// when it has arrived; see [`buffered_amount`](Self::buffered_amount).
    ///
    /// # Errors
    ///
    /// [`DataChannelError::NotOpen`], [`DataChannelError::MessageTooLarge`],
    /// [`DataChannelError::EmptyMessage`].
    pub async fn send_text(&self, text: impl Into<String>) -> Result<(), DataChannelError> {
        self.send(DataMessage::Text(text.into())).await
    }

    /// Sends bytes; else as [`send_text`](Self::send_text).
    ///
    /// # Errors
    ///
    /// [`DataChannelError::NotOpen`], [`DataChannelError::MessageTooLarge`],
    /// [`DataChannelError::EmptyMessage`].
    pub async fn send_binary(&self, bytes: impl Into<Vec<u8>>) -> Result<(), DataChannelError> {
        self.send(DataMessage::Binary(bytes.into())).await
    }

    /// Sends a message; else as [`send_text`](Self::send_text).
    ///
    /// # Errors
    ///
    /// [`DataChannelError::NotOpen`], [`DataChannelError::MessageTooLarge`],
    /// [`DataChannelError::EmptyMessage`].
    pub async fn send(&self, message: DataMessage) -> Result<(), DataChannelError> {
        let shared = self.shared();
        let size = message.bytes().len();
        loop {
            let changed = shared.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            {
                let mut inner = shared.lock();
                if inner.state != DataChannelState::Open {
                    return Err(DataChannelError::NotOpen {
                        label: shared.label.clone(),
                        state: inner.state,
                    });
                }
                if size == 0 {
                    return Err(DataChannelError::EmptyMessage);
                }
                if let Some(limit) = inner.max_message_size.filter(|limit| size > *limit) {
                    return Err(DataChannelError::MessageTooLarge { size, limit });
                }
                if inner.has_room(size) {
                    inner.outgoing_bytes += size;
                    inner.outgoing.push_back(message);
                    drop(inner);
                    shared.wake.notify_one();
                    return Ok(());
                }
            }
            changed.await;
        }
    }

    /// Closes the channel once what waits is sent; [`DataChannelEvent::Close`] tells when. The
    /// peer's channel closes with it. Closing twice is no error.
    pub fn close(&self) {
        self.shared().close();
    }

    /// Waits for the next event; `None` after [`DataChannelEvent::Close`].
    ///
    /// Messages wait to be taken; when more than 16 MiB wait, counted over all channels of a
    /// connection, the channel that the next one is for closes with
    /// [`DataChannelError::Overrun`].
    pub async fn next(&self) -> Option<DataChannelEvent> {
        let shared = self.shared();
        loop {
            let changed = shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let mut inner = shared.lock();
                if let Some((event, _held)) = inner.events.pop_front() {
                    return Some(event);
                }
                if inner.state == DataChannelState::Closed {
                    return None;
                }
            }
            changed.await;
        }
    }
}

/// One channel, between its handles and the task.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) label: String,
    pub(crate) options: DataChannelOptions,
    inner: Mutex<Inner>,
    /// Tells the handles.
    changed: Notify,
    /// Tells the task.
    wake: Arc<Notify>,
    held: Arc<AtomicUsize>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) id: Option<u16>,
    pub(crate) state: DataChannelState,
    pub(crate) max_message_size: Option<usize>,
    events: VecDeque<(DataChannelEvent, Held)>,
    outgoing: VecDeque<DataMessage>,
    outgoing_bytes: usize,
    unacknowledged: usize,
}

/// Memory that an event takes until it is taken.
#[derive(Debug)]
struct Held {
    all: Arc<AtomicUsize>,
    cost: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.fetch_sub(self.cost, Ordering::Relaxed);
    }
}

/// What all channels of a connection have in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Common {
    /// Rings when a channel has something for the task.
    pub(crate) wake: Arc<Notify>,
    /// Bytes that wait for the application.
    held: Arc<AtomicUsize>,
}

impl Inner {
    fn buffered(&self) -> usize {
        self.outgoing_bytes + self.unacknowledged
    }

    fn has_room(&self, size: usize) -> bool {
        let buffered = self.buffered();
        self.outgoing.len() < MOST_WAITING && (buffered == 0 || buffered + size <= SEND_BUFFER)
    }
}

impl Shared {
    pub(crate) fn new(label: String, options: DataChannelOptions, common: &Common) -> Shared {
        Shared {
            inner: Mutex::new(Inner {
                id: options.negotiated,
                state: DataChannelState::Connecting,
                max_message_size: None,
                events: VecDeque::new(),
                outgoing: VecDeque::new(),
                outgoing_bytes: 0,
                unacknowledged: 0,
            }),
            label,
            options,
            changed: Notify::new(),
            wake: common.wake.clone(),
            held: common.held.clone(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that holds the lock can panic half way.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state(&self) -> DataChannelState {
        self.lock().state
    }

    fn close(&self) {
        let mut inner = self.lock();
        if matches!(
            inner.state,
            DataChannelState::Connecting | DataChannelState::Open
        ) {
            inner.state = DataChannelState::Closing;
            drop(inner);
            self.changed.notify_waiters();
            self.wake.notify_one();
        }
    }

    /// The channel is open.
    pub(crate) fn opened(&self, id: Option<u16>) {
        let mut inner = self.lock();
        inner.id = id.or(inner.id);
        if inner.state == DataChannelState::Connecting {
            inner.state = DataChannelState::Open;
            self.tell(&mut inner, DataChannelEvent::Open, 0);
        }
    }

    /// A message came; says whether there was room for it.
    pub(crate) fn received(&self, message: DataMessage) -> Result<(), DataChannelError> {
        let size = message.bytes().len();
        if self.held.load(Ordering::Relaxed) + size > RECEIVE_BUFFER {
            return Err(DataChannelError::Overrun {
                limit: RECEIVE_BUFFER,
            });
        }
        let mut inner = self.lock();
        if inner.state != DataChannelState::Closed {
            self.tell(&mut inner, DataChannelEvent::Message(message), size);
        }
        Ok(())
    }

    /// The channel is over.
    pub(crate) fn closed(&self, error: Option<DataChannelError>) {
        let mut inner = self.lock();
        if inner.state == DataChannelState::Closed {
            return;
        }
        inner.state = DataChannelState::Closed;
        inner.outgoing.clear();
        inner.outgoing_bytes = 0;
        inner.unacknowledged = 0;
        if let Some(error) = error {
            self.tell(&mut inner, DataChannelEvent::Error(error), 0);
        }
        self.tell(&mut inner, DataChannelEvent::Close, 0);
    }

    fn tell(&self, inner: &mut Inner, event: DataChannelEvent, size: usize) {
        let cost = size + EVENT_COST;
        self.held.fetch_add(cost, Ordering::Relaxed);
        let all = self.held.clone();
        inner.events.push_back((event, Held { all, cost }));
        self.changed.notify_waiters();
    }

    /// Offers the next message that waits; it is gone when `send` takes it. Says whether it did.
    pub(crate) fn send_next(&self, send: impl FnOnce(&DataMessage) -> bool) -> bool {
        let mut inner = self.lock();
        let sent = inner.outgoing.front().is_some_and(send);
        if sent && let Some(message) = inner.outgoing.pop_front() {
            let size = message.bytes().len();
            inner.outgoing_bytes -= size;
            inner.unacknowledged += size;
        }
        sent
    }

    /// Notes what the peer has not acknowledged yet; says whether nothing waits any more.
    pub(crate) fn set_unacknowledged(&self, bytes: usize) -> bool {
        let mut inner = self.lock();
        if inner.unacknowledged != bytes {
            inner.unacknowledged = bytes;
            self.changed.notify_waiters();
        }
        inner.outgoing.is_empty() && bytes == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel() -> (Arc<Shared>, DataChannel) {
        let options = DataChannelOptions::default();
        let shared = Arc::new(Shared::new("chat".into(), options, &Common::default()));
        shared.opened(Some(0));
        (shared.clone(), DataChannel::of(shared))
    }

    fn message(size: usize) -> DataMessage {
        DataMessage::Binary(vec![0; size])
    }

    #[tokio::test]
    async fn messages_that_nobody_takes_have_an_end_and_make_room_when_taken() {
        let (shared, channel) = channel();
        let size = RECEIVE_BUFFER / 4;
        for _ in 0..3 {
            shared.received(message(size)).unwrap();
        }
        let overrun = shared.received(message(size)).unwrap_err();
        assert!(matches!(overrun, DataChannelError::Overrun { .. }));
        assert_eq!(channel.next().await, Some(DataChannelEvent::Open));
        assert!(channel.next().await.is_some());
        shared.received(message(size)).unwrap();
        // With its handles the channel lets everything go.
        drop(channel);
        assert_eq!(shared.held.load(Ordering::Relaxed), 0);
        assert_eq!(shared.state(), DataChannelState::Closing);
    }

    #[tokio::test]
    async fn a_sender_waits_until_there_is_room_or_the_channel_is_over() {
        let (shared, channel) = channel();
        for _ in 0..4 {
            channel.send(message(SEND_BUFFER / 4)).await.unwrap();
        }
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let mut waiting = Box::pin(channel.send(message(1)));
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        assert!(shared.send_next(|message| message.is_binary()));
        assert_eq!(channel.buffered_amount(), SEND_BUFFER, "not acknowledged");
        shared.set_unacknowledged(0);
        waiting.await.unwrap();
        assert_eq!(channel.buffered_amount(), SEND_BUFFER / 4 * 3 + 1);
        let mut waiting = Box::pin(channel.send(message(SEND_BUFFER / 2)));
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        shared.closed(None);
        let error = waiting.await.unwrap_err();
        assert!(matches!(error, DataChannelError::NotOpen { .. }));
    }
}
