//! Making and answering calls: what the application may say about one.

use std::path::PathBuf;
use std::time::Duration;

use offhook_core::CallOptions;
use offhook_media::{AudioCodec, Sink, Source};

use crate::ask::Asks;
use crate::error::Error;
use crate::media_options::{MediaChoice, Output};
use crate::session::Session;
use crate::user_agent::UserAgent;

/// A call about to be made: see [`UserAgent::call`].
#[derive(Debug)]
#[must_use = "a call is made by start()"]
pub struct CallBuilder<'a> {
    user_agent: &'a UserAgent,
    target: String,
    options: CallOptions,
    media: MediaChoice,
    asks: Option<Asks>,
}

impl<'a> CallBuilder<'a> {
    pub(crate) fn new(user_agent: &'a UserAgent, target: &str) -> Self {
        Self {
            user_agent,
            target: target.to_owned(),
            options: CallOptions::default(),
            media: MediaChoice::default(),
            asks: None,
        }
    }

    /// Sends this audio. Default: silence.
    pub fn play(mut self, source: Source) -> Self {
        self.media.source = Some(source);
        self
    }

    /// Sends back what the peer says.
    pub fn echo(self) -> Self {
        self.play(Source::echo())
    }

    /// Writes what the peer says to a WAV file. The file is complete when
    /// [`Session::ended`] returns.
    pub fn record(mut self, path: impl Into<PathBuf>) -> Self {
        self.media.output = Output::File(path.into());
        self
    }

    /// Hands what the peer says to this sink. Default: it is discarded.
    pub fn sink(mut self, sink: Sink) -> Self {
        self.media.output = Output::Sink(Box::new(sink));
        self
    }

    /// The audio codecs to offer, the preferred first. Default: those of
    /// [`MediaOptions`](crate::MediaOptions).
    pub fn codecs(mut self, codecs: impl IntoIterator<Item = AudioCodec>) -> Self {
        self.media.codecs = Some(codecs.into_iter().collect());
        self
    }

    /// Adds a header to the INVITE.
    pub fn extra_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.extra_headers.push((name.into(), value.into()));
        self
    }

    /// Hides the caller's address (RFC 3323, `Privacy: id`).
    pub fn anonymous(mut self) -> Self {
        self.options.anonymous = true;
        self
    }

    /// Another user part for the From header.
    pub fn from_user_name(mut self, name: impl Into<String>) -> Self {
        self.options.from_user_name = Some(name.into());
        self
    }

    /// Another display name for the From header.
    pub fn from_display_name(mut self, name: impl Into<String>) -> Self {
        self.options.from_display_name = Some(name.into());
        self
    }

    /// How long the peer may ring before the call is cancelled. Default: three minutes.
    pub fn no_answer_timeout(mut self, timeout: Duration) -> Self {
        self.options.no_answer_timeout = timeout;
        self
    }

    /// Which questions this call shall ask. Default: those of the user agent.
    pub fn asks(mut self, asks: Asks) -> Self {
        self.asks = Some(asks);
        self
    }

    /// Makes the call. What becomes of it is told by the session.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when the target is no address or an extra header is none,
    /// [`Error::Media`] when the file to record to cannot be written, [`Error::Stopped`] after
    /// [`UserAgent::stop`].
    pub fn start(self) -> Result<Session, Error> {
        self.user_agent
            .start_call(&self.target, self.options, self.media, self.asks)
    }
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
    /// Sends this audio. Default: silence.
    pub fn play(mut self, source: Source) -> Self {
        self.media.source = Some(source);
        self
    }

    /// Sends back what the peer says.
    pub fn echo(self) -> Self {
        self.play(Source::echo())
    }

    /// Writes what the peer says to a WAV file. The file is complete when
    /// [`Session::ended`] returns.
    pub fn record(mut self, path: impl Into<PathBuf>) -> Self {
        self.media.output = Output::File(path.into());
        self
    }

    /// Hands what the peer says to this sink. Default: it is discarded.
    pub fn sink(mut self, sink: Sink) -> Self {
        self.media.output = Output::Sink(Box::new(sink));
        self
    }

    /// The audio codecs to accept, the preferred first. Default: those of
    /// [`MediaOptions`](crate::MediaOptions).
    pub fn codecs(mut self, codecs: impl IntoIterator<Item = AudioCodec>) -> Self {
        self.media.codecs = Some(codecs.into_iter().collect());
        self
    }

    /// Adds a header to the 200.
    pub fn extra_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.extra_headers.push((name.into(), value.into()));
        self
    }

    /// Which questions this session shall ask from now on. Default: those of the user agent.
    pub fn asks(mut self, asks: Asks) -> Self {
        self.asks = Some(asks);
        self
    }
}
