//! The task of one peer connection: it owns the sockets, the engine and the audio, and waits for
//! whatever comes first.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::audio::{AudioPath, RtpOut};
use super::data::DataChannels;
use super::engine::{Engine, Identity, Setup, Step, Streams, rtp_in};
use super::signaling::{Outcome, Signaling};
use super::states::States;
use super::video::VideoPath;
use super::{Command, Reply};
use crate::config::{PeerConnectionConfig, ServerAddress};
use crate::data_channel::DataChannelError;
use crate::description::{MediaKind, SessionDescription};
use crate::error::MediaError;
use crate::event::{
    EventSender, GatheringState, IceConnectionState, PeerConnectionEvent, SignalingState,
};
use crate::ice::{Arrived, Gatherer, Remote, remote_candidate};
use crate::pacer::Pacer;
use crate::sdp::{Agreed, Agreement, Composer, Credentials, Render, VideoTrack};
use crate::stats::{CandidatePair, Stats};

/// The largest datagram there is any reason to send here.
const DATAGRAM: usize = 2048;
/// Datagrams taken before everything else gets its turn.
const DATAGRAMS_AT_ONCE: usize = 32;
/// An engine whose deadlines are due again and again must not keep the task from everything else.
const TIMEOUTS_AT_ONCE: u32 = 16;
const SHORTEST_WAIT: Duration = Duration::from_millis(1);
/// Datagrams that wait for the engine.
const WAITING_DATAGRAMS: usize = 32;
/// Candidates of the peer that wait for the engine.
const WAITING_CANDIDATES: usize = 256;

pub(super) struct Task {
    config: PeerConnectionConfig,
    identity: Identity,
    commands: mpsc::UnboundedReceiver<Command>,
    signaling: Signaling,
    gatherer: Gatherer,
    engine: Option<Engine>,
    audio: AudioPath,
    video: VideoPath,
    data: DataChannels,
    pacer: Pacer,
    streams: Streams,
    mid: String,
    /// Trickled candidates that came before the engine was there.
    early: Vec<String>,
    /// The peer's connectivity checks that came before its answer did. Lost, they would come
    /// again only after a quarter of a second.
    early_datagrams: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
    states: States,
    selected: Option<(SocketAddr, SocketAddr)>,
    rtcp_round_trip: Option<Duration>,
    ice_round_trip: Option<Duration>,
    outgoing: Vec<RtpOut>,
    outgoing_video: Vec<RtpOut>,
    news: Vec<PeerConnectionEvent>,
    buffer: Vec<u8>,
    closing: bool,
}

impl Task {
    pub(super) fn new(
        config: PeerConnectionConfig,
        servers: Vec<ServerAddress>,
        identity: Identity,
        events: EventSender,
        commands: mpsc::UnboundedReceiver<Command>,
    ) -> Result<Task, MediaError> {
        let now = Instant::now();
        let streams = Streams::new(random()?, random()?);
        let composer = Composer {
            // 62 bits: some readers of o= take it for signed (RFC 8829 §5.2.1).
            session_id: random()? >> 2,
            codecs: config.audio_codecs.clone(),
            accept_data: config.data_channels,
            video: VideoTrack {
                codecs: config.video_codecs.clone(),
                accept: false,
                ssrc: streams.video,
                resend_ssrc: streams.video_resend,
                track_id: format!("{:016x}", random()?),
            },
            ssrc: streams.audio,
            cname: format!("{:016x}", random()?),
            stream_id: format!("{:016x}", random()?),
            track_id: format!("{:016x}", random()?),
        };
        Ok(Task {
            gatherer: Gatherer::new(config.ice_transport_policy, servers),
            signaling: Signaling::new(composer, identity.fingerprint.clone()),
            audio: AudioPath::new(now, random()?),
            video: VideoPath::new(now, random()?),
            data: DataChannels::default(),
            config,
            identity,
            commands,
            engine: None,
            pacer: Pacer::default(),
            streams,
            mid: "0".to_owned(),
            early: Vec::new(),
            early_datagrams: Vec::new(),
            states: States::new(events),
            selected: None,
            rtcp_round_trip: None,
            ice_round_trip: None,
            outgoing: Vec::new(),
            outgoing_video: Vec::new(),
            news: Vec::new(),
            buffer: vec![0; DATAGRAM],
            closing: false,
        })
    }

    pub(super) async fn run(mut self) {
        let timer = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(timer);
        let wake = self.data.wake();
        while !self.closing {
            let now = Instant::now();
            let due = self.advance(now);
            if self.pacer.deadline().is_some_and(|next| next <= now) {
                // Behind after a stall: the other connections of this process are too, and they
                // may have what this one is about to miss.
                tokio::task::yield_now().await;
            }
            match due {
                Some(deadline) => timer.as_mut().reset(deadline.into()),
                // Nothing is due: far away is as good as never.
                None => timer
                    .as_mut()
                    .reset((now + Duration::from_secs(3_600)).into()),
            }
            tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    Some(command) => self.command(command),
                    None => self.closing = true,
                },
                arrived = receive(&mut self.gatherer, &mut self.buffer) => {
                    self.datagrams(arrived);
                }
                // What the channels want is done with everything else that is due.
                () = wake.notified() => {}
                () = poll_fn(|cx| self.video.poll_application(cx)) => {}
                () = &mut timer => {}
            }
        }
        self.close();
    }

    fn close(mut self) {
        if let Some(engine) = &mut self.engine {
            engine.close();
            // One round puts the goodbyes on the wire; nobody waits for an answer.
            self.drain(Instant::now());
        }
        self.gatherer.close();
        self.commands.close();
        let Task {
            audio,
            video,
            gatherer,
            mut data,
            states,
            commands,
            ..
        } = self;
        // The recording is complete and the ports are free before anyone is told.
        drop(audio);
        drop(video);
        drop(gatherer);
        data.end(None);
        states.close();
        // Last, since this is what `closed` waits for.
        drop(commands);
    }

    /// Takes the datagram that woke the task, and those behind it.
    fn datagrams(&mut self, first: Option<Arrived>) {
        let mut arrived = first;
        let noop = std::task::Waker::noop();
        let mut context = std::task::Context::from_waker(noop);
        for _ in 0..DATAGRAMS_AT_ONCE {
            if let Some(Arrived {
                source,
                destination,
                length,
            }) = arrived
            {
                let now = Instant::now();
                if let Some(engine) = &mut self.engine {
                    let result = engine.receive(now, source, destination, &self.buffer[..length]);
                    self.check(result);
                    self.drain(now);
                } else if self.early_datagrams.len() < WAITING_DATAGRAMS {
                    let datagram = self.buffer[..length].to_vec();
                    self.early_datagrams.push((source, destination, datagram));
                }
            }
            // Polled with no waker: the next wait registers again.
            match self.gatherer.poll_receive(&mut context, &mut self.buffer) {
                Poll::Ready(next) => arrived = next,
                Poll::Pending => break,
            }
        }
    }

    /// Does everything that is due; says when something will be.
    fn advance(&mut self, now: Instant) -> Option<Instant> {
        let gathering = self.gatherer.advance(now);
        self.take_candidates();
        self.states.expire(now);
        if let Some(tick) = self.pacer.tick(now) {
            self.audio.skip(tick.skipped);
            self.audio.tick(now, &mut self.outgoing, &mut self.news);
        }
        self.video
            .poll(now, &mut self.outgoing_video, &mut self.news);
        if let Some(engine) = &mut self.engine {
            for packet in self.outgoing.drain(..) {
                engine.send(now, packet);
            }
            for packet in self.outgoing_video.drain(..) {
                engine.send_video(now, packet);
            }
            if let Some(ssrc) = self.video.take_key_frame_request(now) {
                engine.request_key_frame(ssrc);
            }
        }
        self.outgoing.clear();
        self.outgoing_video.clear();
        let mut engine = self.drain(now);
        while self.data.pump(self.engine.as_mut().map(Engine::rtc)) {
            engine = self.drain(now);
        }
        self.tell_news();
        [
            gathering,
            self.states.deadline(),
            self.pacer.deadline(),
            self.video.deadline(now),
            engine,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn tell_news(&mut self) {
        for event in self.news.drain(..) {
            self.states.tell(event);
        }
    }

    /// Lets the engine work until it waits; says until when.
    fn drain(&mut self, now: Instant) -> Option<Instant> {
        let mut timeouts = 0;
        loop {
            let engine = self.engine.as_mut()?;
            let step = engine.poll();
            match step {
                Ok(Step::Transmit(transmit)) => {
                    let (source, destination) = (transmit.source, transmit.destination);
                    // Everything but STUN takes the path that ICE chose (RFC 7983).
                    if transmit.contents.first().is_some_and(|first| *first >= 20) {
                        self.selected = Some((source, destination));
                    }
                    self.gatherer.send(source, destination, &transmit.contents);
                }
                Ok(Step::Event(event)) => self.event(now, event),
                Ok(Step::Timeout(at)) if at <= now && timeouts < TIMEOUTS_AT_ONCE => {
                    timeouts += 1;
                    let result = engine.timeout(now);
                    self.check(result);
                }
                Ok(Step::Timeout(at)) => {
                    if !engine.is_alive() {
                        self.engine = None;
                        return None;
                    }
                    return Some(at.max(now + SHORTEST_WAIT));
                }
                Err(error) => {
                    self.check(Err(error));
                    return None;
                }
            }
        }
    }

    /// An engine that fails is gone, and with it the connection.
    fn check(&mut self, result: Result<(), MediaError>) {
        if let Err(error) = result {
            tracing::warn!(%error, "the peer connection failed");
            self.engine = None;
            self.pacer.stop();
            self.video.stop();
            self.data.end(Some(DataChannelError::ConnectionFailed));
            self.states.failed();
        }
    }

    fn event(&mut self, now: Instant, event: str0m::Event) {
        match event {
            str0m::Event::RtpPacket(packet) => {
                let packet = rtp_in(packet);
                if self.video.takes(packet.payload_type) {
                    self.video.receive(now, packet);
                } else {
                    self.audio.receive(now, packet, &mut self.news);
                }
            }
            str0m::Event::KeyframeRequest(_) => {
                self.video.key_frame_requested(now, &mut self.news);
            }
            str0m::Event::Connected => {
                if self.engine.as_ref().is_some_and(Engine::has_audio) {
                    self.pacer.start(now);
                }
                self.video.start();
                self.states.dtls_connected();
            }
            str0m::Event::IceConnectionStateChange(state) => {
                let state = match state {
                    str0m::IceConnectionState::New => IceConnectionState::New,
                    str0m::IceConnectionState::Checking => IceConnectionState::Checking,
                    str0m::IceConnectionState::Connected => IceConnectionState::Connected,
                    str0m::IceConnectionState::Completed => IceConnectionState::Completed,
                    str0m::IceConnectionState::Disconnected => IceConnectionState::Disconnected,
                };
                self.states.set_ice(state, now);
            }
            str0m::Event::MediaEgressStats(stats) => {
                self.rtcp_round_trip = stats.rtt.or(self.rtcp_round_trip);
            }
            str0m::Event::PeerStats(stats) => {
                let pair = stats.selected_candidate_pair;
                self.ice_round_trip = pair
                    .and_then(|pair| pair.current_round_trip_time)
                    .or(self.ice_round_trip);
            }
            str0m::Event::ChannelOpen(id, _) => {
                let rtc = self.engine.as_mut().map(Engine::rtc);
                if let Some(channel) = rtc.and_then(|rtc| self.data.opened(rtc, id)) {
                    self.news.push(PeerConnectionEvent::DataChannel(channel));
                }
            }
            str0m::Event::ChannelData(data) => {
                if let Some(engine) = &mut self.engine {
                    self.data.received(engine.rtc(), data);
                }
            }
            str0m::Event::ChannelClose(id) => self.data.closed(id),
            str0m::Event::Closed => {
                self.pacer.stop();
                self.video.stop();
                self.data.end(None);
                self.states.peer_left();
            }
            _ => {}
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::AddAudio(source, sink, reply) => {
                let result = self.signaling.add_audio();
                if result.is_ok() {
                    self.audio.set_source(*source);
                    self.audio.set_sink(sink);
                }
                answer(reply, result);
            }
            Command::AddVideo(source, sink, reply) => {
                let result = self.signaling.add_video(!source.is_none());
                if result.is_ok() {
                    self.video.set_source(*source);
                    self.video.set_sink(*sink);
                }
                answer(reply, result);
            }
            Command::RemoveVideo => self.signaling.remove_video(),
            Command::CreateDataChannel(label, options, reply) => {
                let rtc = self.engine.as_mut().map(Engine::rtc);
                let result = self.data.create(label, options, rtc);
                if result.is_ok() {
                    self.signaling.add_data();
                }
                answer(reply, result.map_err(MediaError::from));
            }
            Command::CreateOffer(options, reply) => {
                let created = self.signaling.create_offer(options.ice_restart);
                let offer = created.map(|session| SessionDescription::offer(plain(session)));
                answer(reply, offer);
            }
            Command::CreateAnswer(reply) => {
                let created = self.signaling.create_answer();
                let made = created.map(|session| SessionDescription::answer(plain(session)));
                answer(reply, made);
            }
            Command::SetLocal(description, reply) => {
                let outcome = self.signaling.set_local(&description);
                let result = outcome.and_then(|outcome| self.apply(outcome));
                self.states.set_signaling(self.signaling.state());
                answer(reply, result);
            }
            Command::SetRemote(description, reply) => {
                let outcome = self.signaling.set_remote(&description);
                let result = outcome.and_then(|outcome| self.apply(outcome));
                self.states.set_signaling(self.signaling.state());
                answer(reply, result);
            }
            Command::Local(reply) => answer(reply, Ok(self.local_description())),
            Command::Remote(reply) => {
                let remote = self.signaling.remote();
                answer(reply, Ok(remote.map(|remote| remote.given.clone())));
            }
            Command::AddCandidate(candidate, reply) => {
                let result = self.add_candidate(candidate);
                answer(reply, result);
            }
            Command::SetDirection(kind, direction, reply) => {
                self.signaling.want(kind, direction);
                answer(reply, Ok(()));
            }
            Command::Direction(MediaKind::Audio, reply) => {
                answer(reply, Ok(self.audio.direction()));
            }
            Command::Direction(MediaKind::Video, reply) => {
                answer(reply, Ok(self.video.direction()));
            }
            Command::SetEnabled(MediaKind::Audio, enabled) => self.audio.set_enabled(enabled),
            Command::SetEnabled(MediaKind::Video, enabled) => self.video.set_enabled(enabled),
            Command::SetSource(source) => self.audio.set_source(*source),
            Command::SetSink(sink) => self.audio.set_sink(sink),
            Command::SetVideoSource(source) => self.video.set_source(*source),
            Command::SetVideoSink(sink) => self.video.set_sink(*sink),
            Command::Tones(tones, duration, gap, reply) => {
                answer(reply, self.audio.queue_tones(&tones, duration, gap));
            }
            Command::Stats(reply) => {
                let stats = self.stats();
                answer(reply, Ok(stats));
            }
            Command::Close => self.closing = true,
        }
    }

    fn apply(&mut self, outcome: Outcome) -> Result<(), MediaError> {
        let now = Instant::now();
        match outcome {
            Outcome::Nothing => Ok(()),
            Outcome::Gather => {
                self.gather(now);
                Ok(())
            }
            Outcome::Agreed {
                agreement,
                credentials,
                offered,
                provisional,
                gather,
            } => {
                if gather {
                    self.gather(now);
                }
                // Another answer may still take what this one declines.
                if agreement.data == Agreed::Declined && !provisional {
                    self.data.end(Some(DataChannelError::Declined));
                }
                self.agreed(now, *agreement, &credentials, offered)
            }
        }
    }

    /// Gathers the first time, and anew when a description starts a new generation.
    fn gather(&mut self, now: Instant) {
        let Some(local) = self.signaling.local() else {
            return;
        };
        if !self.gatherer.is_new_generation(local.ufrag()) {
            return;
        }
        if let Some(mid) = local.first_mid() {
            self.mid = mid.to_owned();
        }
        let gone = self.gatherer.start(now, &self.config).gone;
        if let Some(engine) = &mut self.engine {
            for candidate in gone.iter().filter_map(|candidate| candidate.for_engine()) {
                engine.remove_local_candidate(&candidate);
            }
        }
        self.states.set_gathering(GatheringState::Gathering);
        self.take_candidates();
        self.drain(now);
    }

    fn take_candidates(&mut self) {
        for candidate in self.gatherer.take_fresh() {
            if let (Some(engine), Some(candidate)) = (&mut self.engine, candidate.for_engine()) {
                engine.add_local_candidate(candidate);
            }
            self.states.tell(PeerConnectionEvent::IceCandidate {
                candidate: candidate.line(),
                mid: self.mid.clone(),
            });
        }
        self.states.set_gathering(self.gatherer.state());
    }

    fn agreed(
        &mut self,
        now: Instant,
        agreement: Agreement,
        credentials: &Credentials,
        offered: bool,
    ) -> Result<(), MediaError> {
        let Some(transport) = &agreement.transport else {
            self.video.apply(None);
            return self.audio.apply(None);
        };
        let audio = agreement.audio.as_ref();
        let video = agreement.video.carried();
        let keep = self.engine.as_ref().is_some_and(|e| e.is_for(transport));
        match &mut self.engine {
            Some(engine) if keep => {
                engine.apply(credentials, transport, audio, video.as_ref())?;
            }
            _ => {
                let setup = Setup {
                    identity: &self.identity,
                    local: credentials,
                    streams: self.streams,
                    offered,
                };
                let mut engine = Engine::new(now, &setup, transport, audio, video.as_ref())?;
                for candidate in self.gatherer.candidates() {
                    if let Some(candidate) = candidate.for_engine() {
                        engine.add_local_candidate(candidate);
                    }
                }
                if let Some(before) = self.engine.take() {
                    engine.replace(before);
                }
                self.selected = None;
                self.pacer.stop();
                self.signaling.set_passive(!engine.is_active());
                self.engine = Some(engine);
                self.audio.restart();
                self.video.restart();
                self.data.restart();
                self.states.begin(now);
            }
        }
        if let Some(engine) = &mut self.engine {
            if let Agreed::Carried(data) = &agreement.data {
                engine.carry_data(data)?;
                self.data.carry(engine.rtc(), data.max_message_size);
            }
            if engine.has_audio() && self.states.is_connected() {
                self.pacer.start(now);
            }
        }
        let early = std::mem::take(&mut self.early);
        let lines = transport.candidates.iter().chain(&early);
        for line in lines {
            match remote_candidate(line) {
                Ok(Remote::Use(candidate)) => {
                    if let Some(engine) = &mut self.engine {
                        engine.add_remote_candidate(candidate);
                    }
                }
                Ok(Remote::Skip(reason)) => tracing::debug!(line, reason, "candidate skipped"),
                // One bad line in a description must not end the call.
                Err(error) => tracing::debug!(%error, "candidate ignored"),
            }
        }
        self.audio.apply(agreement.audio.clone())?;
        self.video.apply(video);
        self.drain(now);
        for (source, destination, datagram) in std::mem::take(&mut self.early_datagrams) {
            if let Some(engine) = &mut self.engine {
                let result = engine.receive(now, source, destination, &datagram);
                self.check(result);
                self.drain(now);
            }
        }
        Ok(())
    }

    fn add_candidate(&mut self, line: String) -> Result<(), MediaError> {
        if self.signaling.remote().is_none() {
            return Err(MediaError::InvalidState {
                operation: "add_ice_candidate",
                state: self.signaling.state(),
                remedy: "set the remote description first",
            });
        }
        match remote_candidate(&line)? {
            Remote::Skip(reason) => tracing::debug!(line, reason, "candidate skipped"),
            Remote::Use(candidate) => match &mut self.engine {
                Some(engine) if self.signaling.state() == SignalingState::Stable => {
                    engine.add_remote_candidate(candidate);
                    self.drain(Instant::now());
                }
                // It belongs to a description that is not answered yet.
                _ if self.early.len() < WAITING_CANDIDATES => self.early.push(line),
                _ => {}
            },
        }
        Ok(())
    }

    fn local_description(&self) -> Option<SessionDescription> {
        let local = self.signaling.local()?;
        let candidates: Vec<String> = self
            .gatherer
            .candidates()
            .iter()
            .map(|candidate| candidate.line())
            .collect();
        let render = Render {
            default: self.gatherer.default_address(),
            candidates: &candidates,
            complete: self.gatherer.state() == GatheringState::Complete,
        };
        Some(SessionDescription {
            kind: local.kind,
            sdp: render.text(&local.session),
        })
    }

    fn stats(&mut self) -> Stats {
        let mut stats = Stats::default();
        self.audio.stats(&mut stats);
        stats.video = self.video.stats();
        stats.round_trip = self.rtcp_round_trip.or(self.ice_round_trip);
        if let Some((source, destination)) = self.selected {
            let local = self.gatherer.candidate_of(source);
            stats.selected_pair = Some(CandidatePair {
                local: local.map_or_else(|| source.to_string(), |candidate| candidate.label()),
                remote: destination.to_string(),
            });
        }
        if let Some(engine) = &mut self.engine {
            stats.dtls = engine.dtls();
            stats.srtp = engine.srtp().map(str::to_owned);
        }
        stats
    }
}

/// Waits for a datagram, or for a server's name to be resolved.
async fn receive(gatherer: &mut Gatherer, buffer: &mut [u8]) -> Option<Arrived> {
    poll_fn(|cx| {
        if gatherer.poll_lookup(cx).is_ready() {
            return Poll::Ready(None);
        }
        gatherer.poll_receive(cx, buffer)
    })
    .await
}

fn answer<T>(reply: Reply<T>, result: Result<T, MediaError>) {
    // Whoever asked may have gone.
    let _ = reply.send(result);
}

/// A description as it was composed, before anything is known about the path.
fn plain(session: &sdp_types::Session) -> String {
    Render {
        default: None,
        candidates: &[],
        complete: false,
    }
    .text(session)
}

fn random() -> Result<u64, MediaError> {
    getrandom::u64().map_err(|error| MediaError::Engine(format!("no randomness: {error}")))
}
