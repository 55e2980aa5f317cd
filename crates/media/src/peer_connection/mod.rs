//! The peer connection: a handle, and the task behind it.

mod audio;
mod crypto;
mod data;
mod engine;
mod numbers;
mod signaling;
mod states;
mod task;
mod tones;
mod video;

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::config::PeerConnectionConfig;
use crate::data_channel::{DataChannel, DataChannelOptions};
use crate::description::{Direction, MediaKind, OfferOptions, SessionDescription};
use crate::error::MediaError;
use crate::event::{EventSender, PeerConnectionEvents};
use crate::sink::Sink;
use crate::source::Source;
use crate::stats::Stats;
use crate::video::{VideoSink, VideoSource};

use engine::Identity;
use task::Task;

/// A WebRTC peer connection, shaped like the W3C's `RTCPeerConnection`.
///
/// This is a handle: clones mean the same connection. A tokio task owns the sockets and does the
/// work. It ends, and frees them, with [`close`](Self::close) or when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct PeerConnection {
    commands: mpsc::UnboundedSender<Command>,
}

type Reply<T> = oneshot::Sender<Result<T, MediaError>>;

/// What a handle asks of the task.
#[derive(Debug)]
enum Command {
    AddAudio(Box<Source>, Sink, Reply<()>),
    AddVideo(Box<VideoSource>, Box<VideoSink>, Reply<()>),
    RemoveVideo,
    CreateDataChannel(String, DataChannelOptions, Reply<DataChannel>),
    CreateOffer(OfferOptions, Reply<SessionDescription>),
    CreateAnswer(Reply<SessionDescription>),
    SetLocal(SessionDescription, Reply<()>),
    SetRemote(SessionDescription, Reply<()>),
    Local(Reply<Option<SessionDescription>>),
    Remote(Reply<Option<SessionDescription>>),
    AddCandidate(String, Reply<()>),
    SetDirection(MediaKind, Direction, Reply<()>),
    Direction(MediaKind, Reply<Direction>),
    SetEnabled(MediaKind, bool),
    SetSource(Box<Source>),
    SetSink(Sink),
    SetVideoSource(Box<VideoSource>),
    SetVideoSink(Box<VideoSink>),
    Tones(String, Duration, Duration, Reply<()>),
    Stats(Reply<Stats>),
    Close,
}

impl PeerConnection {
    /// Makes a peer connection and starts its task.
    ///
    /// No socket is opened before a local description is set. The first connection of a process
    /// takes some tens of milliseconds longer; see [`warm_up`](crate::warm_up).
    ///
    /// # Errors
    ///
    /// [`MediaError::NoRuntime`] outside a tokio runtime, [`MediaError::NoCodec`],
    /// [`MediaError::IceServer`], [`MediaError::BindAddress`], and [`MediaError::Engine`] when
    /// there is no randomness.
    pub fn new(
        config: PeerConnectionConfig,
    ) -> Result<(PeerConnection, PeerConnectionEvents), MediaError> {
        let servers = config.check()?;
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| MediaError::NoRuntime)?;
        let identity = Identity::new()?;
        let (events, receiver) = EventSender::channel();
        let (commands, requests) = mpsc::unbounded_channel();
        let task = Task::new(config, servers, identity, events, requests)?;
        runtime.spawn(task.run());
        Ok((PeerConnection { commands }, receiver))
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, MediaError> {
        let (reply, answer) = oneshot::channel();
        self.tell(command(reply));
        answer.await.unwrap_or(Err(MediaError::Closed))
    }

    fn tell(&self, command: Command) {
        // A closed connection has nobody to tell, and that is no error for setters.
        let _ = self.commands.send(command);
    }

    /// Adds the audio track that is sent and says where the received audio goes. From then on the
    /// wanted direction is `sendrecv`.
    ///
    /// # Errors
    ///
    /// [`MediaError::AudioExists`] the second time, [`MediaError::Closed`].
    pub async fn add_audio(&self, source: Source, sink: Sink) -> Result<(), MediaError> {
        self.ask(|reply| Command::AddAudio(Box::new(source), sink, reply))
            .await
    }

    /// Makes a data channel (W3C `createDataChannel`).
    ///
    /// The first one adds a section to the next offer; before the answer, and until the peer has
    /// heard of the channel, it is connecting. Later ones need no offer. The channels of the peer
    /// come as [`DataChannel`](crate::PeerConnectionEvent::DataChannel) events.
    ///
    /// # Errors
    ///
    /// [`MediaError::DataChannel`] with what is wrong with the options; [`MediaError::Closed`].
    pub async fn create_data_channel(
        &self,
        label: impl Into<String>,
        options: DataChannelOptions,
    ) -> Result<DataChannel, MediaError> {
        let label = label.into();
        self.ask(|reply| Command::CreateDataChannel(label, options, reply))
            .await
    }

    /// Adds the video track that is sent and says where the received video goes. From then on
    /// offers have video and those of the peer with video are accepted; the direction is
    /// `sendrecv`, or `recvonly` with [`VideoSource::none`].
    ///
    /// Video goes over the path of the audio: a peer that does not bundle it (RFC 9143) gets it
    /// declined, and what such a peer answers counts as declined. Of several video sections the
    /// first is taken. Once the peer has declined the video it is not offered again, unless it is
    /// added again.
    ///
    /// # Errors
    ///
    /// [`MediaError::VideoExists`] the second time, [`MediaError::Closed`].
    pub async fn add_video(&self, source: VideoSource, sink: VideoSink) -> Result<(), MediaError> {
        self.ask(|reply| Command::AddVideo(Box::new(source), Box::new(sink), reply))
            .await
    }

    /// Takes the video away: the next offer and every answer decline it. What is agreed on goes on
    /// until then. Without video, nothing happens.
    pub fn remove_video(&self) {
        self.tell(Command::RemoveVideo);
    }

    /// Makes an offer (RFC 8829 §5.2).
    ///
    /// # Errors
    ///
    /// [`MediaError::NothingToOffer`] without audio and data channels; [`MediaError::InvalidState`] while a remote
    /// offer waits for its answer; [`MediaError::Closed`].
    pub async fn create_offer(
        &self,
        options: OfferOptions,
    ) -> Result<SessionDescription, MediaError> {
        self.ask(|reply| Command::CreateOffer(options, reply)).await
    }

    /// Makes the answer to the remote offer (RFC 8829 §5.3): with its sections in its order, its
    /// mids and groups as they are there or missing, its codecs in its order. What is not wanted
    /// or not known is declined with port 0.
    ///
    /// # Errors
    ///
    /// [`MediaError::InvalidState`] when no remote offer waits; [`MediaError::Closed`].
    pub async fn create_answer(&self) -> Result<SessionDescription, MediaError> {
        self.ask(Command::CreateAnswer).await
    }

    /// Sets the local description and starts to gather candidates.
    ///
    /// An empty SDP text means the last description created. A rollback takes the offer that is
    /// pending back; the media flows on as it was agreed before.
    ///
    /// # Errors
    ///
    /// [`MediaError::InvalidState`], [`MediaError::Description`], [`MediaError::Closed`].
    pub async fn set_local_description(
        &self,
        description: SessionDescription,
    ) -> Result<(), MediaError> {
        self.ask(|reply| Command::SetLocal(description, reply))
            .await
    }

    /// Sets the peer's description. An offer that comes while a local one is pending rolls that
    /// one back first.
    ///
    /// # Errors
    ///
    /// [`MediaError::InvalidState`], [`MediaError::Description`] with what is wrong (no ICE
    /// credentials, no fingerprint, another order of sections, no common codec),
    /// [`MediaError::Closed`].
    pub async fn set_remote_description(
        &self,
        description: SessionDescription,
    ) -> Result<(), MediaError> {
        self.ask(|reply| Command::SetRemote(description, reply))
            .await
    }

    /// The pending local description, else the current one, with the candidates gathered so far.
    /// `c=` and `m=` name the default candidate once one is known.
    pub async fn local_description(&self) -> Option<SessionDescription> {
        self.ask(Command::Local).await.ok().flatten()
    }

    /// The pending remote description, else the current one, as it came.
    pub async fn remote_description(&self) -> Option<SessionDescription> {
        self.ask(Command::Remote).await.ok().flatten()
    }

    /// Takes a trickled candidate, `candidate:…` with or without `a=`. Those that are of no use
    /// here (TCP, RTCP of its own, `.local` names) are skipped.
    ///
    /// `mid` names the section; all of ours share one path, so it changes nothing.
    ///
    /// # Errors
    ///
    /// [`MediaError::Candidate`] when it is none, [`MediaError::InvalidState`] before a remote
    /// description is set, [`MediaError::Closed`].
    pub async fn add_ice_candidate(
        &self,
        candidate: &str,
        mid: Option<&str>,
    ) -> Result<(), MediaError> {
        let _ = mid;
        let candidate = candidate.to_owned();
        self.ask(|reply| Command::AddCandidate(candidate, reply))
            .await
    }

    /// The direction this side wants in its next offers and answers; it stays wanted, so that a
    /// hold survives an offer of the peer. What is agreed on changes with the next exchange only.
    ///
    /// # Errors
    ///
    /// [`MediaError::Closed`].
    pub async fn set_direction(
        &self,
        kind: MediaKind,
        direction: Direction,
    ) -> Result<(), MediaError> {
        self.ask(|reply| Command::SetDirection(kind, direction, reply))
            .await
    }

    /// The direction audio or video has by the last completed exchange (W3C `currentDirection`);
    /// `inactive` before the first.
    ///
    /// # Errors
    ///
    /// [`MediaError::Closed`].
    pub async fn current_direction(&self, kind: MediaKind) -> Result<Direction, MediaError> {
        self.ask(|reply| Command::Direction(kind, reply)).await
    }

    /// Mutes and unmutes what is sent (W3C `MediaStreamTrack.enabled`): muted audio is silence,
    /// packets still flow; of muted video nothing is sent, and after it a key frame is first.
    /// Takes effect with the next packet.
    pub fn set_enabled(&self, kind: MediaKind, enabled: bool) {
        self.tell(Command::SetEnabled(kind, enabled));
    }

    /// Sends from another source from now on.
    pub fn set_source(&self, source: Source) {
        self.tell(Command::SetSource(Box::new(source)));
    }

    /// Brings what is received elsewhere from now on; the sink before is finished.
    pub fn set_sink(&self, sink: Sink) {
        self.tell(Command::SetSink(sink));
    }

    /// Sends video from another source from now on, beginning with a key frame.
    pub fn set_video_source(&self, source: VideoSource) {
        self.tell(Command::SetVideoSource(Box::new(source)));
    }

    /// Brings the video that is received elsewhere from now on, beginning with a key frame, which
    /// the peer is asked for; the sink before is finished.
    pub fn set_video_sink(&self, sink: VideoSink) {
        self.tell(Command::SetVideoSink(Box::new(sink)));
    }

    /// Queues DTMF tones, `0`-`9`, `A`-`D`, `*`, `#` and `,` for a pause of two seconds, to be
    /// sent as RFC 4733 events. Returns when they are queued;
    /// [`ToneChange`](crate::PeerConnectionEvent::ToneChange) tells when each is sent.
    ///
    /// `duration` is brought between 40 ms and 6 s, `gap` between 50 ms and 6 s. At most 256
    /// tones wait.
    ///
    /// # Errors
    ///
    /// [`MediaError::Tone`], [`MediaError::NoTelephoneEvent`], [`MediaError::TonesWaiting`],
    /// [`MediaError::Closed`].
    pub async fn insert_dtmf(
        &self,
        tones: &str,
        duration: Duration,
        gap: Duration,
    ) -> Result<(), MediaError> {
        let tones = tones.to_owned();
        self.ask(|reply| Command::Tones(tones, duration, gap, reply))
            .await
    }

    /// The numbers so far. Of a closed connection they are gone: all zero.
    pub async fn stats(&self) -> Stats {
        self.ask(Command::Stats).await.unwrap_or_default()
    }

    /// Closes the connection: tells the peer (DTLS `close_notify`), ends the task, frees the
    /// sockets, finishes the recording. Closing twice is no error.
    pub fn close(&self) {
        self.tell(Command::Close);
    }

    /// Waits until the connection is closed and everything it held is freed; a recording is
    /// complete then.
    pub async fn closed(&self) {
        self.commands.closed().await;
    }

    /// Whether the connection is closed.
    pub fn is_closed(&self) -> bool {
        self.commands.is_closed()
    }
}
