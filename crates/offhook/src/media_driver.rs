//! Carries a session's requests to its peer connection, in order, and the reports back.

use std::sync::Arc;
use std::time::Duration;

use offhook_core::{ConnectionState, MediaReport, MediaRequest, MediaStep, SdpKind};
use offhook_media::{
    ConnectionState as PeerState, Direction, GatheringState, MediaError, MediaKind, OfferOptions,
    PeerConnection, PeerConnectionEvent, PeerConnectionEvents, SdpType, SessionDescription, Stats,
};
use tokio::sync::mpsc;

use crate::driver::Driver;
use crate::media_options::CallMedia;
use crate::session::{MediaProgress, SessionInner};
use crate::session_event::{MediaEvent, SessionEvent};

/// How long a closed peer connection may take to write what it recorded.
const FAREWELL: Duration = Duration::from_secs(3);

/// Runs until the session lets its peer connection go.
pub(crate) async fn run(
    driver: Arc<Driver>,
    session: Arc<SessionInner>,
    media: CallMedia,
    mut requests: mpsc::UnboundedReceiver<MediaRequest>,
) {
    let mut peer = Peer {
        driver,
        session,
        media: Some(media),
        connection: None,
        events: None,
        gathered: false,
        credentials: None,
        secured: Stats::default(),
    };
    loop {
        tokio::select! {
            request = requests.recv() => match request {
                Some(MediaRequest::Close) | None => break,
                Some(request) => peer.carry_out(request).await,
            },
            Some(event) = next(&mut peer.events) => peer.tell(event).await,
        }
    }
    peer.close().await;
}

async fn next(events: &mut Option<PeerConnectionEvents>) -> Option<PeerConnectionEvent> {
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}

/// One session's peer connection.
struct Peer {
    driver: Arc<Driver>,
    session: Arc<SessionInner>,
    media: Option<CallMedia>,
    connection: Option<PeerConnection>,
    events: Option<PeerConnectionEvents>,
    /// Whether every candidate of the credentials below is known.
    gathered: bool,
    /// The ICE user fragment of the local description.
    credentials: Option<String>,
    /// The numbers when media connected: how it is encrypted is forgotten when the peer leaves.
    secured: Stats,
}

impl Peer {
    fn report(&self, report: MediaReport) {
        self.driver.media(self.session.id, report);
    }

    async fn carry_out(&mut self, request: MediaRequest) {
        let (step, result) = match request {
            MediaRequest::Open => (MediaStep::Open, self.open()),
            MediaRequest::Capture { audio, video } => {
                (MediaStep::Capture, self.capture(audio, video).await)
            }
            MediaRequest::CreateOffer { ice_restart } => {
                (MediaStep::CreateOffer, self.create_offer(ice_restart).await)
            }
            MediaRequest::CreateAnswer => (MediaStep::CreateAnswer, self.create_answer().await),
            MediaRequest::SetLocal { kind, sdp } => {
                (MediaStep::SetLocal, self.set_local(kind, sdp).await)
            }
            MediaRequest::SetRemote { kind, sdp } => {
                (MediaStep::SetRemote, self.set_remote(kind, sdp).await)
            }
            MediaRequest::DescribeLocal => (MediaStep::DescribeLocal, self.describe().await),
            unanswered => {
                if let Err(error) = self.carry_out_unanswered(unanswered).await {
                    tracing::warn!(session = ?self.session.id, %error, "the peer connection refuses");
                }
                return;
            }
        };
        self.report(match result {
            Ok(report) => report,
            Err(error) => MediaReport::Failed {
                step,
                error: error.to_string(),
            },
        });
    }

    async fn carry_out_unanswered(&mut self, request: MediaRequest) -> Result<(), MediaError> {
        let connection = self.connection()?;
        match request {
            MediaRequest::Rollback => {
                connection
                    .set_local_description(SessionDescription::rollback())
                    .await
            }
            MediaRequest::AddCandidate { candidate, mid } => {
                let mid = mid.as_deref();
                connection.add_ice_candidate(&candidate, mid).await
            }
            // Our ICE agent has its own patience, whatever else may come.
            MediaRequest::EndOfCandidates => Ok(()),
            MediaRequest::InsertTones {
                tones,
                duration,
                gap,
            } => connection.insert_dtmf(&tones, duration, gap).await,
            MediaRequest::SetHold { local, remote } => {
                let direction = Direction::of(!remote, !local);
                connection
                    .set_direction(MediaKind::Video, direction)
                    .await?;
                connection.set_direction(MediaKind::Audio, direction).await
            }
            MediaRequest::SetEnabled { audio, video } => {
                connection.set_enabled(MediaKind::Audio, audio);
                connection.set_enabled(MediaKind::Video, video);
                Ok(())
            }
            other => {
                tracing::debug!(?other, "a request unknown to this driver");
                Ok(())
            }
        }
    }

    fn connection(&self) -> Result<&PeerConnection, MediaError> {
        self.connection.as_ref().ok_or(MediaError::Closed)
    }

    fn open(&mut self) -> Result<MediaReport, MediaError> {
        let config = self
            .media
            .as_ref()
            .map(|media| media.config.clone())
            .unwrap_or_default();
        let (connection, events) = PeerConnection::new(config)?;
        self.session.cell().connection = Some(connection.clone());
        self.connection = Some(connection);
        self.events = Some(events);
        Ok(MediaReport::Opened)
    }

    /// Adds the local audio and video, where the call has any. Video that the peer offers to an
    /// application that said nothing about video is declined.
    async fn capture(&mut self, audio: bool, video: bool) -> Result<MediaReport, MediaError> {
        let Some(media) = self.media.take() else {
            return Ok(MediaReport::Captured);
        };
        if audio {
            self.connection()?
                .add_audio(media.source, media.sink)
                .await?;
        }
        if let Some((source, sink)) = media.video.filter(|_| video) {
            self.connection()?.add_video(source, sink).await?;
        }
        Ok(MediaReport::Captured)
    }

    async fn create_offer(&mut self, ice_restart: bool) -> Result<MediaReport, MediaError> {
        let options = OfferOptions { ice_restart };
        let SessionDescription { sdp, .. } = self.connection()?.create_offer(options).await?;
        Ok(MediaReport::Created { sdp })
    }

    async fn create_answer(&mut self) -> Result<MediaReport, MediaError> {
        let SessionDescription { sdp, .. } = self.connection()?.create_answer().await?;
        Ok(MediaReport::Created { sdp })
    }

    async fn set_local(&mut self, kind: SdpKind, sdp: String) -> Result<MediaReport, MediaError> {
        let credentials = ice_ufrag(&sdp).map(str::to_owned);
        self.connection()?
            .set_local_description(description(kind, sdp))
            .await?;
        // New credentials start a new gathering, whose end will be told (RFC 8829, 3.5.1).
        if credentials != self.credentials {
            self.credentials = credentials;
            self.gathered = false;
        }
        Ok(MediaReport::LocalSet {
            gathered: self.gathered,
        })
    }

    async fn set_remote(&mut self, kind: SdpKind, sdp: String) -> Result<MediaReport, MediaError> {
        self.connection()?
            .set_remote_description(description(kind, sdp))
            .await?;
        Ok(MediaReport::RemoteSet)
    }

    async fn describe(&mut self) -> Result<MediaReport, MediaError> {
        match self.connection()?.local_description().await {
            Some(SessionDescription { sdp, .. }) => Ok(MediaReport::LocalDescription { sdp }),
            None => Err(MediaError::Closed),
        }
    }

    /// Tells the agent, and where it is its business the application, what happened.
    async fn tell(&mut self, event: PeerConnectionEvent) {
        let told = |event| drop(self.session.events.push(SessionEvent::Media(event)));
        match event {
            // An application that does not take it closes it.
            PeerConnectionEvent::DataChannel(channel) => {
                drop(self.session.events.push(SessionEvent::DataChannel(channel)));
            }
            PeerConnectionEvent::IceCandidate { candidate, mid } => {
                self.report(MediaReport::Candidate {
                    candidate,
                    mid: Some(mid),
                });
            }
            PeerConnectionEvent::GatheringState(GatheringState::Complete) => {
                self.gathered = true;
                self.report(MediaReport::GatheringComplete);
            }
            PeerConnectionEvent::ConnectionState(state) => {
                let (state, event) = match state {
                    PeerState::Connecting => (ConnectionState::Connecting, None),
                    PeerState::Connected => {
                        (ConnectionState::Connected, Some(MediaEvent::Connected))
                    }
                    PeerState::Disconnected => (
                        ConnectionState::Disconnected,
                        Some(MediaEvent::Disconnected),
                    ),
                    PeerState::Failed => (ConnectionState::Failed, Some(MediaEvent::Failed)),
                    PeerState::New | PeerState::Closed => return,
                };
                event.into_iter().for_each(told);
                if let (ConnectionState::Connected, Some(connection)) = (state, &self.connection) {
                    self.secured = connection.stats().await;
                }
                self.report(MediaReport::Connection(state));
            }
            PeerConnectionEvent::Tone { tone, duration } => {
                self.report(MediaReport::Tone { tone, duration });
            }
            PeerConnectionEvent::AudioReceived => told(MediaEvent::AudioReceived),
            PeerConnectionEvent::SourceEnded => told(MediaEvent::PlayedOut),
            PeerConnectionEvent::VideoReceived => told(MediaEvent::VideoReceived),
            PeerConnectionEvent::VideoSourceEnded => told(MediaEvent::VideoPlayedOut),
            _ => {}
        }
    }

    /// Closes the peer connection, lets it write what it recorded, and keeps its last numbers.
    async fn close(&mut self) {
        let mut stats = Stats::default();
        if let Some(connection) = self.connection.take() {
            stats = connection.stats().await;
            stats.dtls = stats.dtls.or(self.secured.dtls.take());
            stats.srtp = stats.srtp.or(self.secured.srtp.take());
            connection.close();
            let mut events = self.events.take();
            let gone = async { while next(&mut events).await.is_some() {} };
            if tokio::time::timeout(FAREWELL, gone).await.is_err() {
                tracing::warn!(session = ?self.session.id, "the peer connection does not close");
            }
        }
        // A sink that was never handed over is complete when it is dropped.
        drop(self.media.take());
        self.session.progress.send_modify(|progress| {
            progress.media = MediaProgress::Closed(Box::new(stats));
        });
    }
}

fn description(kind: SdpKind, sdp: String) -> SessionDescription {
    let kind = match kind {
        SdpKind::Offer => SdpType::Offer,
        SdpKind::PrAnswer => SdpType::PrAnswer,
        SdpKind::Answer => SdpType::Answer,
    };
    SessionDescription { kind, sdp }
}

/// The first ICE user fragment of a description (RFC 8839, 5.4).
fn ice_ufrag(sdp: &str) -> Option<&str> {
    sdp.lines()
        .find_map(|line| line.strip_prefix("a=ice-ufrag:"))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_fragment_tells_one_gathering_from_the_next() {
        assert_eq!(
            ice_ufrag("v=0\r\na=ice-ufrag:Ab3+\r\na=ice-pwd:x\r\n"),
            Some("Ab3+")
        );
        assert_eq!(ice_ufrag("v=0\r\ns=-\r\n"), None);
    }
}
