//! Making and answering calls: what the application may say about one.

use std::path::PathBuf;
use std::time::Duration;

use offhook_core::CallOptions;
use offhook_media::{AudioCodec, Sink, Source, VideoSink, VideoSource};
use offhook_sip::StatusCode;

use crate::ask::Asks;
use crate::error::Error;
use crate::media_options::{MediaChoice, MediaOptions, Output, VideoOutput};
use crate::session::Session;
use crate::user_agent::UserAgent;

/// What may be said about the media of every call, made or answered.
macro_rules! media_choices {
    ($($at:ident).*) => {
        /// Sends this audio. Default: silence.
        pub fn play(mut self, source: Source) -> Self {
            self.$($at.)*media.source = Some(source);
            self
        }

        /// Sends back what the peer says.
        pub fn echo(self) -> Self {
            self.play(Source::echo())
        }

        /// Writes what the peer says to a WAV file. The file is complete when
        /// [`Session::ended`] returns.
        pub fn record(mut self, path: impl Into<PathBuf>) -> Self {
            self.$($at.)*media.output = Output::File(path.into());
            self
        }

        /// Hands what the peer says to this sink. Default: it is discarded.
        pub fn sink(mut self, sink: Sink) -> Self {
            self.$($at.)*media.output = Output::Sink(Box::new(sink));
            self
        }

        /// Sends this video, and receives the peer's. Default: no video; what the peer offers of it
        /// is declined, and the call goes on without.
        pub fn play_video(mut self, source: VideoSource) -> Self {
            self.$($at.)*media.video_source = Some(source);
            self
        }

        /// Sends the peer's video back to it, undecoded, where it has any.
        pub fn echo_video(self) -> Self {
            let (source, sink) = VideoSource::echo();
            self.play_video(source).video_sink(sink)
        }

        /// Writes the peer's video to an IVF file, as the peer encoded it. Without
        /// [`play_video`](Self::play_video), none is sent. The file is complete when
        /// [`Session::ended`] returns.
        pub fn record_video(mut self, path: impl Into<PathBuf>) -> Self {
            self.$($at.)*media.video_output = Some(VideoOutput::File(path.into()));
            self
        }

        /// Hands the peer's video to this sink. Without [`play_video`](Self::play_video), none is
        /// sent.
        pub fn video_sink(mut self, sink: VideoSink) -> Self {
            self.$($at.)*media.video_output = Some(VideoOutput::Sink(Box::new(sink)));
            self
        }

        /// The audio codecs to offer or accept, the preferred first. Default: those of
        /// [`MediaOptions`](crate::MediaOptions).
        pub fn codecs(mut self, codecs: impl IntoIterator<Item = AudioCodec>) -> Self {
            self.$($at.)*media.codecs = Some(codecs.into_iter().collect());
            self
        }

        /// How the peer connection of this call is made: JsSIP's `pcConfig`. Default: as the user
        /// agent's [`UserAgentBuilder::media`](crate::UserAgentBuilder::media) says.
        pub fn media_options(mut self, options: MediaOptions) -> Self {
            self.$($at.)*media.options = Some(options);
            self
        }

        /// Which questions this session shall ask. Default: those of the user agent.
        pub fn asks(mut self, asks: Asks) -> Self {
            self.$($at.)*asks = Some(asks);
            self
        }
    };
}

/// What may be said about the message that makes or answers a call.
macro_rules! message_options {
    ($($at:ident).*) => {
        /// A header for the INVITE, or for the 200 that answers it.
        pub fn extra_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
            self.$($at.)*options.extra_headers.push((name.into(), value.into()));
            self
        }

        /// Whether the call takes part in Trickle ICE (RFC 8840) where the peer does. Default: what
        /// the user agent is told.
        pub fn trickle_ice(mut self, trickle: bool) -> Self {
            self.$($at.)*options.trickle_ice = Some(trickle);
            self
        }

        /// The session interval to ask for (RFC 4028), in seconds, at least 90. Default: that of
        /// the user agent.
        pub fn session_timers_expires(mut self, seconds: u32) -> Self {
            self.$($at.)*options.session_timers_expires = Some(seconds);
            self
        }
    };
}

/// What may be said about the INVITE of every call that is made.
macro_rules! invite_options {
    ($($at:ident).*) => {
        /// Leaves the offer to the peer (RFC 3261, 13.2.1): the INVITE goes without one, the peer's
        /// 200 brings it, and the ACK answers it.
        pub fn late_offer(mut self) -> Self {
            self.$($at.)*options.late_offer = true;
            self
        }

        /// Whether the call sends audio: JsSIP's `mediaConstraints.audio`. Default: yes. A call
        /// without it offers what the application makes in
        /// [`SessionEvent::PeerConnection`](crate::SessionEvent::PeerConnection), such as a data
        /// channel.
        pub fn audio(mut self, audio: bool) -> Self {
            self.$($at.)*options.audio = audio;
            self
        }

        /// Hides the caller's address (RFC 3323, `Privacy: id`).
        pub fn anonymous(mut self) -> Self {
            self.$($at.)*options.anonymous = true;
            self
        }

        /// Another user part for the From header.
        pub fn from_user_name(mut self, name: impl Into<String>) -> Self {
            self.$($at.)*options.from_user_name = Some(name.into());
            self
        }

        /// Another display name for the From header.
        pub fn from_display_name(mut self, name: impl Into<String>) -> Self {
            self.$($at.)*options.from_display_name = Some(name.into());
            self
        }

        /// Follows a 3xx to the addresses it names (RFC 3261, 8.1.3.4). Default: the call fails.
        pub fn follow_redirects(mut self) -> Self {
            self.$($at.)*options.follow_redirects = true;
            self
        }

        /// How long the peer may ring before the call is cancelled. Default: three minutes.
        pub fn no_answer_timeout(mut self, timeout: Duration) -> Self {
            self.$($at.)*options.no_answer_timeout = timeout;
            self
        }
    };
}

/// A call about to be made: see [`UserAgent::call`].
#[derive(Debug)]
#[must_use = "a call is made by start()"]
pub struct CallBuilder<'a> {
    user_agent: &'a UserAgent,
    target: String,
    setup: CallSetup,
}

impl<'a> CallBuilder<'a> {
    pub(crate) fn new(user_agent: &'a UserAgent, target: &str) -> Self {
        Self {
            user_agent,
            target: target.to_owned(),
            setup: CallSetup::default(),
        }
    }

    media_choices!(setup);
    message_options!(setup);
    invite_options!(setup);

    /// Makes the call. What becomes of it is told by the session.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when the target is no address or an extra header is none,
    /// [`Error::Media`] when the file to record to cannot be written, [`Error::Stopped`] after
    /// [`UserAgent::stop`].
    pub fn start(self) -> Result<Session, Error> {
        self.user_agent.start_call(&self.target, self.setup)
    }
}

/// How a call is made that a REFER asks for: see [`ReferAsk::accept`](crate::ReferAsk::accept).
#[derive(Debug, Default)]
#[must_use]
pub struct CallSetup {
    pub(crate) options: CallOptions,
    pub(crate) media: MediaChoice,
    pub(crate) asks: Option<Asks>,
}

impl CallSetup {
    media_choices!();
    message_options!();
    invite_options!();
}

/// How a call is answered: see [`Session::answer`].
#[derive(Debug, Default)]
#[must_use]
pub struct AnswerOptions {
    pub(crate) options: offhook_core::AnswerOptions,
    pub(crate) media: MediaChoice,
    pub(crate) asks: Option<Asks>,
}

impl AnswerOptions {
    media_choices!();
    message_options!();
}

/// A provisional response to an incoming call: see [`Session::progress`]. Default: a 183 with
/// early media.
#[derive(Debug, Default)]
#[must_use]
pub struct ProgressOptions {
    pub(crate) options: offhook_core::ProgressOptions,
    pub(crate) media: MediaChoice,
    pub(crate) asks: Option<Asks>,
}

impl ProgressOptions {
    media_choices!();

    /// The status, 101 to 199. Default: 183.
    pub fn status(mut self, status: StatusCode) -> Self {
        self.options.status = status;
        self
    }

    /// The reason phrase, where it is not the status' own.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.options.reason = Some(reason.into());
        self
    }

    /// A header for the response.
    pub fn extra_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let header = (name.into(), value.into());
        self.options.extra_headers.push(header);
        self
    }

    /// Whether media flows before the call is answered. Default: yes.
    pub fn early_media(mut self, early: bool) -> Self {
        self.options.media = early;
        self
    }
}
