//! A SIP and WebRTC phone for Rust: registers, calls and is called, plays, records, sends tones.
//!
//! ```no_run
//! use offhook::{DtmfOptions, Source, UserAgent};
//!
//! # async fn first_call() -> Result<(), offhook::Error> {
//! let ua = UserAgent::builder("sip:alice@example.com")
//!     .password("secret")
//!     .server("wss://sip.example.com")
//!     .start()
//!     .await?;
//! let call = ua.call("sip:bob@example.com").play(Source::wav("hello.wav")?).record("heard.wav").start()?;
//! call.confirmed().await?;
//! call.send_dtmf("1234#", DtmfOptions::default())?;
//! while let Some(event) = call.next().await {
//!     println!("{event}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! And the other side:
//!
//! ```no_run
//! use offhook::{AnswerOptions, UserAgent, UserAgentEvent};
//!
//! # async fn answering() -> Result<(), offhook::Error> {
//! let ua = UserAgent::builder("sip:bob@example.com")
//!     .password("secret")
//!     .server("wss://sip.example.com")
//!     .start()
//!     .await?;
//! ua.registered().await?;
//! while let Some(event) = ua.next().await {
//!     if let UserAgentEvent::IncomingCall(call) = event {
//!         call.answer(AnswerOptions::default().echo())?;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # The parts
//!
//! A [`UserAgent`] keeps the connection to a server and the registration of one address, or, with
//! [`UserAgentBuilder::listen`], does without a server. A [`Session`] is one call: its methods and
//! its [events](SessionEvent) are those of JsSIP's `RTCSession`, in Rust's spelling. Commands
//! return at once and say if they cannot be; what becomes of them is told by events. Where the
//! application may decide or change something before the session goes on, it is asked: see
//! [`Asks`].
//!
//! Audio goes through a native WebRTC peer connection ([`Session::connection`]): ICE, DTLS-SRTP,
//! Opus and G.711. What is sent comes from a [`Source`], what is received goes to a [`Sink`].
//!
//! Video goes the same way, as frames that are encoded already (VP8, H.264): from a
//! [`VideoSource`] and to a [`VideoSink`], an IVF file or the application.
//!
//! ```no_run
//! # async fn video_call(ua: offhook::UserAgent) -> Result<(), offhook::Error> {
//! use offhook::VideoSource;
//!
//! let call = ua
//!     .call("sip:bob@example.com")
//!     .play_video(VideoSource::ivf("clip.ivf")?.repeat(true))
//!     .record_video("seen.ivf")
//!     .start()?;
//! # drop(call);
//! # Ok(())
//! # }
//! ```
//!
//! A call without video gets some by [`PeerConnection::add_video`] on its connection and
//! [`Session::renegotiate`].
//! [`DataChannel`]s go beside it; [`PeerConnectionAsk`] shows how one is made.
//!
//! # What stays secret
//!
//! Certificates are verified, media are encrypted, and no password or key stands in a log line:
//! [`redact`] takes them out of every message that people see.

mod ask;
mod builder;
mod call;
mod call_end;
mod clock;
mod driver;
mod error;
mod media_driver;
mod media_options;
mod message;
mod queue;
mod redact;
mod refer;
mod session;
mod session_event;
mod subscription;
mod trace;
mod user_agent;
mod user_agent_event;

pub use ask::{
    Asks, IceCandidateAsk, PeerConnectionAsk, ReferAsk, Rejection, ReofferAsk, ReplacesAsk, SdpAsk,
    SendingAsk,
};
pub use builder::UserAgentBuilder;
pub use call::{AnswerOptions, CallBuilder, CallSetup, ProgressOptions};
pub use call_end::CallEnd;
pub use error::Error;
pub use media_options::MediaOptions;
pub use message::{IncomingMessage, IncomingOptions, PendingRequest};
pub use redact::redact;
pub use refer::ReferSubscriber;
pub use session::{Session, Transfer};
pub use session_event::{MediaEvent, SessionEvent};
pub use subscription::{IncomingSubscription, Notifier, Subscription};
pub use trace::{WireDirection, WireMessage};
pub use user_agent::UserAgent;
pub use user_agent_event::UserAgentEvent;

pub use offhook_core::{
    Body, Cause, CommandError, ConfigError, Destination, DestinationError, Direction, DtmfOptions,
    DtmfTransport, ExtraHeaders, FlowId, GrantOptions, LastNotify, Live, MediaKinds, NotifierEvent,
    NotifyOptions, OnHold, Originator, ReferState, ReofferOptions, RequestFailure, RequestOptions,
    SdpKind, StatusLine, SubscribeOptions, SubscriberEvent, SubscriptionEnd, SubscriptionId,
    TerminateOptions, Transport,
};
pub use offhook_media::{
    AudioCodec, AudioFrame, CandidatePair, DataChannel, DataChannelError, DataChannelEvent,
    DataChannelOptions, DataChannelState, DataMessage, FrameReceiver, FrameSender, IceServer,
    MediaError, PeerConnection, Sink, Source, Stats, VideoCodec, VideoFrame, VideoFrameReceiver,
    VideoFrameSender, VideoSink, VideoSource, VideoStats, audio,
};
pub use offhook_net::{NetError, TlsConfig};
pub use offhook_sip as sip;

/// The first call of the README must be right, too.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}
