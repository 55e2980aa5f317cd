//! What can go wrong, in sentences a user can act on.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::data_channel::DataChannelError;
use crate::event::SignalingState;

/// An error of a peer connection, a source or a sink.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The peer connection was closed, or its task ended with its runtime.
    #[error("the peer connection is closed; create a new one for the next call")]
    Closed,

    /// The call does not fit the signalling state (W3C `InvalidStateError`).
    #[error("{operation} is not possible in the signalling state {state}; {remedy}")]
    InvalidState {
        /// What was asked for, as the method's name.
        operation: &'static str,
        /// The state the connection is in.
        state: SignalingState,
        /// What would be right.
        remedy: &'static str,
    },

    /// A description that was handed in cannot be used.
    #[error("the {side} description cannot be used: {reason}")]
    Description {
        /// `local` or `remote`.
        side: &'static str,
        /// What is wrong with it and what would be right.
        reason: String,
    },

    /// A trickled candidate that is no candidate.
    #[error(
        "the ICE candidate {candidate:?} cannot be used: {reason}; \
         it must look like \"candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\""
    )]
    Candidate {
        /// The candidate as it came.
        candidate: String,
        /// What is wrong with it.
        reason: String,
    },

    /// An ICE server of the configuration that cannot be used.
    #[error("the ICE server {url:?} cannot be used: {reason}")]
    IceServer {
        /// The URL as it was configured.
        url: String,
        /// What is wrong with it and what would be right.
        reason: &'static str,
    },

    /// The address to bind to is none of this machine's.
    #[error(
        "no socket can be opened on {address} ({source}); one of this machine's addresses would be right"
    )]
    BindAddress {
        /// The address as it was configured.
        address: IpAddr,
        /// The operating system's reason.
        source: std::io::Error,
    },

    /// A file that should hold WAV audio does not.
    #[error(
        "{path:?} cannot be played: {reason}; a PCM WAV file (16, 24 or 32 bit, or float) would be right"
    )]
    Wav {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// A file that should hold IVF video does not.
    #[error(
        "{path:?} cannot be played: {reason} (at byte {offset}); \
         an IVF file of VP8 or H.264 that begins with a key frame would be right"
    )]
    Ivf {
        /// The file.
        path: PathBuf,
        /// Where it was noticed, in bytes from the beginning.
        offset: u64,
        /// What is wrong with it.
        reason: String,
    },

    /// A file could not be opened or created.
    #[error("{path:?} cannot be opened: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },

    /// A sample rate outside 4 000 to 384 000 Hz.
    #[error("{0} Hz is not a usable sample rate; between 4000 and 384000 Hz would be right")]
    SampleRate(u32),

    /// A character that is no DTMF tone.
    #[error(
        "{0:?} is not a DTMF tone; the digits 0-9, the letters A-D, '*', '#' and ',' (a pause) are"
    )]
    Tone(char),

    /// The peer does not take RFC 4733 telephone events, or no audio is negotiated yet.
    #[error(
        "no telephone-event is negotiated with the peer, so DTMF cannot be sent in RTP; \
         send it once the call is answered, or by SIP INFO"
    )]
    NoTelephoneEvent,

    /// More tones wait than the queue holds.
    #[error(
        "{waiting} tones already wait to be sent, and at most {limit} may; wait until some are sent"
    )]
    TonesWaiting {
        /// How many tones wait.
        waiting: usize,
        /// How many may.
        limit: usize,
    },

    /// There is neither audio nor a data channel to offer.
    #[error("there is nothing to offer: call add_audio, add_video or create_data_channel first")]
    NothingToOffer,

    /// The peer connection has one audio track already.
    #[error("this peer connection has an audio track; change it with set_source and set_sink")]
    AudioExists,

    /// A data channel cannot be made so, or cannot do what was asked of it.
    #[error(transparent)]
    DataChannel(#[from] DataChannelError),

    /// The peer connection has one video track already.
    #[error(
        "this peer connection has a video track; change it with set_video_source and set_video_sink"
    )]
    VideoExists,

    /// There is no codec to offer.
    #[error("the list audio_codecs is empty; name at least one codec")]
    NoCodec,

    /// The method needs a tokio runtime.
    #[error("a peer connection needs a running tokio runtime; create it inside one")]
    NoRuntime,

    /// An audio device could not be used.
    #[error("the audio device cannot be used: {0}")]
    Device(String),

    /// The engine below refused what it was told; a defect of this crate.
    #[error("the media engine failed: {0}")]
    Engine(String),
}

impl MediaError {
    pub(crate) fn remote(reason: impl Into<String>) -> MediaError {
        MediaError::Description {
            side: "remote",
            reason: reason.into(),
        }
    }

    pub(crate) fn local(reason: impl Into<String>) -> MediaError {
        MediaError::Description {
            side: "local",
            reason: reason.into(),
        }
    }
}
