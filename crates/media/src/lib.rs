//! Native WebRTC peer connections, codecs, sources and sinks of audio and video. Knows no SIP.
//!
//! A [`PeerConnection`] is shaped like the W3C's: offers and answers are made and set, candidates
//! gathered and added, and events tell what happens. What a browser takes from a microphone comes
//! here from a [`Source`] (a WAV file, a tone, silence, an echo, frames of the application), and
//! what it plays goes to a [`Sink`] (a WAV file, frames to the application, nowhere).
//!
//! ```
//! use offhook_media::{
//!     ConnectionState, OfferOptions, PeerConnection, PeerConnectionConfig, PeerConnectionEvent,
//!     SessionDescription, Sink, Source,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), offhook_media::MediaError> {
//! let config = PeerConnectionConfig { loopback: true, ..Default::default() };
//! let (alice, mut events) = PeerConnection::new(config.clone())?;
//! let (bob, _) = PeerConnection::new(config)?;
//! alice.add_audio(Source::tone(440.0), Sink::discard()).await?;
//! bob.add_audio(Source::echo(), Sink::discard()).await?;
//!
//! alice.set_local_description(alice.create_offer(OfferOptions::default()).await?).await?;
//! let offer = alice.local_description().await.expect("just set");
//! bob.set_remote_description(offer).await?;
//! bob.set_local_description(bob.create_answer().await?).await?;
//! let answer = bob.local_description().await.expect("just set");
//! alice.set_remote_description(answer).await?;
//!
//! let connected = PeerConnectionEvent::ConnectionState(ConnectionState::Connected);
//! while let Some(event) = events.next().await {
//!     if event == connected {
//!         break;
//!     }
//! }
//! alice.close();
//! # Ok(())
//! # }
//! ```
//!
//! # What it does
//!
//! - ICE (RFC 8445) with host, server-reflexive and relayed candidates over UDP, trickled or in
//!   the description; restart; DTLS-SRTP always (RFC 5763). The engine below is `str0m`.
//! - Session descriptions as SIP peers really send them: without mids, groups or directions, with
//!   any RTP profile, with fewer lines in the answer; and written as they can read them, with a
//!   real address in `c=` and `m=`.
//! - Opus, PCMU and PCMA, an adaptive jitter buffer with loss concealment, telephone events
//!   (RFC 4733) in both directions.
//! - [`Stats`]: packets, loss, jitter, round trip, codec, path, DTLS and SRTP.
//!
//! With the feature `device` a source can be the microphone and a sink the speaker.
//!
//! - Data channels (RFC 8831): [`PeerConnection::create_data_channel`], with audio or alone.
//! - Video as encoded frames, VP8 (RFC 7741) and H.264 (RFC 6184): from and to IVF files, or the
//!   application's own; retransmission (RFC 4588), and key frame requests both ways.
//!
//! One audio track and one video track are carried per connection, over one path; further
//! sections are declined.
//!
//! # Video
//!
//! Nothing is encoded or decoded here: a [`VideoSource`] gives frames that are encoded already,
//! and a [`VideoSink`] takes them as the peer encoded them. An application that encodes hears
//! which codec is wanted and when a key frame is:
//!
//! ```
//! # use std::time::Duration;
//! use offhook_media::{VideoFrame, VideoFrameSender, VideoSink, VideoSource};
//!
//! # async fn run(pc: offhook_media::PeerConnection, encode: impl Fn(bool) -> Vec<u8>) {
//! let (sender, source) = VideoSource::frames();
//! let sink = VideoSink::ivf("seen.ivf").expect("the folder is writable");
//! pc.add_video(source, sink).await.expect("the first time");
//! # async fn camera(sender: VideoFrameSender, encode: impl Fn(bool) -> Vec<u8>) {
//! let mut timestamp = Duration::ZERO;
//! let mut tick = tokio::time::interval(Duration::from_millis(40));
//! loop {
//!     let key_frame = tokio::select! {
//!         () = sender.key_frame_requested() => true,
//!         _ = tick.tick() => false,
//!     };
//!     timestamp += Duration::from_millis(40);
//!     if let Some(codec) = sender.codec() {
//!         let frame = VideoFrame::new(codec, encode(key_frame), timestamp);
//!         if sender.send(frame).await.is_err() {
//!             break; // the call is over
//!         }
//!     }
//! }
//! # }
//! # camera(sender, encode).await;
//! # }
//! ```

pub mod audio;
mod codec;
mod config;
mod data_channel;
mod description;
#[cfg(feature = "device")]
mod device;
mod error;
mod event;
mod frame;
mod ice;
mod jitter;
mod pacer;
mod peer_connection;
mod resample;
mod sdp;
mod sink;
mod source;
mod stats;
mod video;
mod warm_up;

pub use config::{AudioCodec, IceServer, IceTransportPolicy, PeerConnectionConfig};
pub use data_channel::{
    DataChannel, DataChannelError, DataChannelEvent, DataChannelOptions, DataChannelState,
    DataMessage,
};
pub use description::{Direction, MediaKind, OfferOptions, SdpType, SessionDescription};
pub use error::MediaError;
pub use event::{
    ConnectionState, GatheringState, IceConnectionState, PeerConnectionEvent, PeerConnectionEvents,
    SignalingState,
};
pub use frame::AudioFrame;
pub use peer_connection::PeerConnection;
pub use sink::{FrameReceiver, Sink};
pub use source::{FrameSender, Source};
pub use stats::{CandidatePair, Stats, VideoStats};
pub use video::{
    VideoCodec, VideoFrame, VideoFrameReceiver, VideoFrameSender, VideoSink, VideoSource,
};
pub use warm_up::warm_up;
