//! What can go wrong on a data channel.

use super::DataChannelState;

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
