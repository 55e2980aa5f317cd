//! Two peer connections on loopback, and patience that is long but never slept away.
#![allow(clippy::unwrap_used, reason = "these are tests")]
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod wire;

use std::time::Duration;

use offhook_media::*;

/// A busy machine may take this long; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Peer {
    pub(crate) pc: PeerConnection,
    pub(crate) events: PeerConnectionEvents,
    /// Everything told so far.
    pub(crate) seen: Vec<PeerConnectionEvent>,
}

pub(crate) fn config(codecs: &[AudioCodec]) -> PeerConnectionConfig {
    PeerConnectionConfig {
        loopback: true,
        bind_address: Some("127.0.0.1".parse().unwrap()),
        audio_codecs: codecs.to_vec(),
        ..PeerConnectionConfig::default()
    }
}

impl Peer {
    pub(crate) fn bare(codecs: &[AudioCodec]) -> Peer {
        let (pc, events) = PeerConnection::new(config(codecs)).unwrap();
        Peer {
            pc,
            events,
            seen: Vec::new(),
        }
    }

    pub(crate) async fn new(codecs: &[AudioCodec], source: Source, sink: Sink) -> Peer {
        let peer = Peer::bare(codecs);
        peer.pc.add_audio(source, sink).await.unwrap();
        peer
    }

    /// Waits for an event, keeping those on the way.
    pub(crate) async fn wait(
        &mut self,
        what: &str,
        wanted: impl Fn(&PeerConnectionEvent) -> bool,
    ) -> PeerConnectionEvent {
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                let Some(event) = self.events.next().await else {
                    panic!("the events ended before {what}: {:?}", self.seen);
                };
                self.seen.push(event.clone());
                if wanted(&event) {
                    return event;
                }
            }
        });
        match found.await {
            Ok(event) => event,
            Err(_) => panic!("no {what} in {PATIENCE:?}: {:?}", self.seen),
        }
    }

    pub(crate) async fn connected(&mut self) {
        let wanted = PeerConnectionEvent::ConnectionState(ConnectionState::Connected);
        self.wait("connection", |event| *event == wanted).await;
    }

    pub(crate) async fn hears(&mut self) {
        self.wait("audio", |e| *e == PeerConnectionEvent::AudioReceived)
            .await;
    }

    pub(crate) async fn tone(&mut self) -> (char, Duration) {
        let is_tone =
            |event: &PeerConnectionEvent| matches!(event, PeerConnectionEvent::Tone { .. });
        match self.wait("tone", is_tone).await {
            PeerConnectionEvent::Tone { tone, duration } => (tone, duration),
            _ => unreachable!(),
        }
    }

    pub(crate) async fn offer(&self, options: OfferOptions) -> SessionDescription {
        let offer = self.pc.create_offer(options).await.unwrap();
        self.pc.set_local_description(offer).await.unwrap();
        self.pc.local_description().await.unwrap()
    }

    pub(crate) async fn answer(&self) -> SessionDescription {
        let answer = self.pc.create_answer().await.unwrap();
        self.pc.set_local_description(answer).await.unwrap();
        self.pc.local_description().await.unwrap()
    }

    pub(crate) async fn direction(&self) -> Direction {
        self.pc.current_direction(MediaKind::Audio).await.unwrap()
    }

    pub(crate) async fn want(&self, direction: Direction) {
        self.pc
            .set_direction(MediaKind::Audio, direction)
            .await
            .unwrap();
    }

    /// Waits until the statistics say so; they change with time, not with events.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&Stats) -> bool) -> Stats {
        let poll = async {
            let mut beat = tokio::time::interval(Duration::from_millis(10));
            loop {
                let stats = self.pc.stats().await;
                if wanted(&stats) {
                    return stats;
                }
                beat.tick().await;
            }
        };
        match tokio::time::timeout(PATIENCE, poll).await {
            Ok(stats) => stats,
            Err(_) => panic!("no {what}: {:?}", self.pc.stats().await),
        }
    }
}

/// One offer and its answer.
pub(crate) async fn exchange(offerer: &Peer, answerer: &Peer, options: OfferOptions) {
    let offer = offerer.offer(options).await;
    answerer.pc.set_remote_description(offer).await.unwrap();
    let answer = answerer.answer().await;
    offerer.pc.set_remote_description(answer).await.unwrap();
}

/// A connected call.
pub(crate) async fn call(
    codecs: &[AudioCodec],
    alice: (Source, Sink),
    bob: (Source, Sink),
) -> (Peer, Peer) {
    let mut alice = Peer::new(codecs, alice.0, alice.1).await;
    let mut bob = Peer::new(codecs, bob.0, bob.1).await;
    exchange(&alice, &bob, OfferOptions::default()).await;
    alice.connected().await;
    bob.connected().await;
    (alice, bob)
}

/// A call in which both send a tone.
pub(crate) async fn tone_call(codecs: &[AudioCodec]) -> (Peer, Peer) {
    call(
        codecs,
        (Source::tone(440.0), Sink::discard()),
        (Source::tone(660.0), Sink::discard()),
    )
    .await
}
