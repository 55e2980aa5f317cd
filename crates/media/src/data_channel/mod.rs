//! Data channels (RFC 8831), as the application holds them.
//!
//! A handle and the connection's task share one [`Shared`].

mod error;
mod shared;

use std::sync::Arc;
use std::time::Duration;

pub use error::DataChannelError;
pub(crate) use shared::{Common, Shared};

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
        self.0.abandon();
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
        self.shared().id()
    }

    /// The state it is in.
    pub fn ready_state(&self) -> DataChannelState {
        self.shared().state()
    }

    /// The bytes that were given to be sent and that the peer has not acknowledged.
    pub fn buffered_amount(&self) -> usize {
        self.shared().buffered()
    }

    /// The largest message, in bytes, that can be sent: what the peer takes, 262,144 at most.
    /// `None` before that is known.
    pub fn max_message_size(&self) -> Option<usize> {
        self.shared().max_message_size()
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
        self.shared().send(message).await
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
        self.shared().next().await
    }
}
