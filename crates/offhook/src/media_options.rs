//! What a call plays, records and negotiates.

use std::net::IpAddr;
use std::path::PathBuf;

use offhook_media::{
    AudioCodec, IceServer, IceTransportPolicy, PeerConnectionConfig, Sink, Source, VideoCodec,
    VideoSink, VideoSource,
};

use crate::error::Error;

/// How the peer connections of a user agent are made.
#[derive(Clone, Debug)]
pub struct MediaOptions {
    /// STUN and TURN servers. Default: none.
    pub ice_servers: Vec<IceServer>,
    /// The audio codecs, the preferred first. Default: Opus, PCMU, PCMA.
    pub codecs: Vec<AudioCodec>,
    /// The video codecs, the preferred first, of calls that have video. Default: VP8, H.264.
    pub video_codecs: Vec<VideoCodec>,
    /// Whether loopback interfaces give candidates too, for calls within one machine. Default:
    /// no; when the machine has no other interface they are used anyway.
    pub loopback: bool,
    /// Use TURN relays only, so that the peer never learns this machine's addresses. Default: no.
    pub relay_only: bool,
    /// Whether data channels that the peer offers are accepted. Default: yes.
    pub data_channels: bool,
    /// Use this address only, instead of every interface's. Default: every interface's.
    pub bind_address: Option<IpAddr>,
}

impl Default for MediaOptions {
    fn default() -> Self {
        let config = PeerConnectionConfig::default();
        Self {
            ice_servers: config.ice_servers,
            codecs: config.audio_codecs,
            video_codecs: config.video_codecs,
            loopback: config.loopback,
            relay_only: false,
            data_channels: config.data_channels,
            bind_address: config.bind_address,
        }
    }
}

impl MediaOptions {
    fn config(&self, codecs: Option<Vec<AudioCodec>>) -> PeerConnectionConfig {
        PeerConnectionConfig {
            ice_servers: self.ice_servers.clone(),
            ice_transport_policy: match self.relay_only {
                true => IceTransportPolicy::Relay,
                false => IceTransportPolicy::All,
            },
            loopback: self.loopback,
            audio_codecs: codecs.unwrap_or_else(|| self.codecs.clone()),
            video_codecs: self.video_codecs.clone(),
            data_channels: self.data_channels,
            bind_address: self.bind_address,
        }
    }
}

/// What the application said about the media of one call.
#[derive(Debug, Default)]
pub(crate) struct MediaChoice {
    pub(crate) source: Option<Source>,
    pub(crate) output: Output,
    pub(crate) video_source: Option<VideoSource>,
    pub(crate) video_output: Option<VideoOutput>,
    pub(crate) codecs: Option<Vec<AudioCodec>>,
    pub(crate) options: Option<MediaOptions>,
}

/// Where received audio goes.
#[derive(Debug, Default)]
pub(crate) enum Output {
    #[default]
    Discard,
    File(PathBuf),
    Sink(Box<Sink>),
}

/// Where received video goes.
#[derive(Debug)]
pub(crate) enum VideoOutput {
    File(PathBuf),
    Sink(Box<VideoSink>),
}

impl MediaChoice {
    /// Whether the call is to have video: anything was said about it.
    pub(crate) fn has_video(&self) -> bool {
        self.video_source.is_some() || self.video_output.is_some()
    }

    /// Opens what has to be opened: after this nothing but the network can fail. `default` is what
    /// the user agent says of every call.
    pub(crate) fn settle(self, default: &MediaOptions) -> Result<CallMedia, Error> {
        let options = self.options.as_ref().unwrap_or(default);
        let has_video = self.has_video();
        let video_sink = match self.video_output {
            None => VideoSink::discard(),
            Some(VideoOutput::File(path)) => VideoSink::ivf(path)?,
            Some(VideoOutput::Sink(sink)) => *sink,
        };
        let video_source = self.video_source.unwrap_or_else(VideoSource::none);
        Ok(CallMedia {
            video: has_video.then_some((video_source, video_sink)),
            config: options.config(self.codecs),
            source: self.source.unwrap_or_else(Source::silence),
            sink: match self.output {
                Output::Discard => Sink::discard(),
                Output::File(path) => Sink::wav(path)?,
                Output::Sink(sink) => *sink,
            },
        })
    }
}

/// What a call's peer connection is made from.
#[derive(Debug)]
pub(crate) struct CallMedia {
    pub(crate) config: PeerConnectionConfig,
    pub(crate) source: Source,
    pub(crate) sink: Sink,
    pub(crate) video: Option<(VideoSource, VideoSink)>,
}
