//! A peer connection that carries no media, but says what a real one would say.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::RangeInclusive;
use std::time::Duration;

use offhook_core::{
    ConnectionState, Instant, MediaReport, MediaRequest, MediaStep, OnHold, SdpKind,
};

use crate::chance::Chance;

/// How a simulated peer connection behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MediaBehaviour {
    /// How long each step takes. Default: 0 to 10 ms.
    pub step: RangeInclusive<Duration>,
    /// How long gathering takes; the candidates come evenly within it. Default: 40 ms.
    pub gathering: Duration,
    /// How many candidates are gathered. Default: 2.
    pub candidates: u32,
    /// A step that fails. Default: none.
    pub fails: Option<MediaStep>,
    /// How many times that step works before it fails. Default: 0.
    pub works_before: u32,
}

impl Default for MediaBehaviour {
    fn default() -> Self {
        MediaBehaviour {
            step: Duration::ZERO..=Duration::from_millis(10),
            gathering: Duration::from_millis(40),
            candidates: 2,
            fails: None,
            works_before: 0,
        }
    }
}

/// The signalling states of WebRTC 1.0, 4.3.1, each with what is pending in it.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Signalling {
    Stable,
    HaveLocalOffer,
    HaveRemoteOffer(String),
    HaveLocalPranswer,
    HaveRemotePranswer,
}

/// The peer connection of one session, on the virtual clock.
///
/// It keeps to the order that a real one insists on: an answer without an offer fails, as does a
/// description without a media line. Its own descriptions look like a browser's.
#[derive(Clone, Debug)]
pub struct PeerConnection {
    behaviour: MediaBehaviour,
    chance: Chance,
    reports: BTreeMap<(Instant, u64), MediaReport>,
    numbered: u64,
    latest: Instant,
    signalling: Signalling,
    open: bool,
    audio: bool,
    video: bool,
    session: usize,
    version: u32,
    credentials: u32,
    local: Option<String>,
    remote: Option<String>,
    candidates: Vec<(Instant, String)>,
    gathered_for: Option<u32>,
    connected: bool,
    /// The credentials with which the connection failed.
    broken: Option<u32>,
    enabled: (bool, bool),
    held: OnHold,
    tones: String,
}

impl PeerConnection {
    /// A peer connection that waits for [`MediaRequest::Open`].
    pub fn new(mut chance: Chance, behaviour: MediaBehaviour) -> PeerConnection {
        PeerConnection {
            behaviour,
            session: chance.below(1_000_000_000),
            chance,
            reports: BTreeMap::new(),
            numbered: 0,
            latest: Instant::ZERO,
            signalling: Signalling::Stable,
            open: false,
            audio: true,
            video: false,
            version: 1,
            credentials: 1,
            local: None,
            remote: None,
            candidates: Vec::new(),
            gathered_for: None,
            connected: false,
            broken: None,
            enabled: (true, true),
            held: OnHold::default(),
            tones: String::new(),
        }
    }

    /// Takes a request; what it reports comes later.
    pub fn request(&mut self, now: Instant, request: MediaRequest) {
        let step = match &request {
            MediaRequest::Open => MediaStep::Open,
            MediaRequest::Capture { .. } => MediaStep::Capture,
            MediaRequest::CreateOffer { .. } => MediaStep::CreateOffer,
            MediaRequest::CreateAnswer => MediaStep::CreateAnswer,
            MediaRequest::SetLocal { .. } => MediaStep::SetLocal,
            MediaRequest::SetRemote { .. } => MediaStep::SetRemote,
            MediaRequest::DescribeLocal => MediaStep::DescribeLocal,
            _ => return self.unanswered(request),
        };
        let at = self
            .latest
            .max(now + self.chance.within(&self.behaviour.step));
        self.latest = at;
        let breaks = self.behaviour.fails == Some(step) && self.behaviour.works_before == 0;
        if self.behaviour.fails == Some(step) && !breaks {
            self.behaviour.works_before -= 1;
        }
        let outcome = if breaks {
            Err("it was told to fail")
        } else if !self.open && step != MediaStep::Open {
            Err("the peer connection is not open")
        } else {
            self.carry_out(at, request)
        };
        let report = match outcome {
            Ok(report) => report,
            Err(error) => MediaReport::Failed {
                step,
                error: error.to_owned(),
            },
        };
        self.report(at, report);
        if self.signalling == Signalling::Stable
            && self.local.is_some()
            && self.remote.is_some()
            && !self.connected
            && self.broken != Some(self.credentials)
        {
            self.connected = true;
            self.broken = None;
            self.report(at, MediaReport::Connection(ConnectionState::Connecting));
            let checked = at + self.chance.within(&self.behaviour.step);
            self.report(checked, MediaReport::Connection(ConnectionState::Connected));
        }
    }

    /// When the next report is due.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.reports.first_key_value().map(|(&(at, _), _)| at)
    }

    /// The next report that is due.
    pub fn poll(&mut self, now: Instant) -> Option<MediaReport> {
        if self.next_timeout()? > now {
            return None;
        }
        self.reports.pop_first().map(|(_, report)| report)
    }

    /// Reports something that happens at the far end or on the way: a tone, a state. What has
    /// failed connects again with other credentials, ours or the peer's, as by an ICE restart.
    pub fn happens(&mut self, now: Instant, report: MediaReport) {
        if !self.open {
            return;
        }
        if report == MediaReport::Connection(ConnectionState::Failed) {
            self.connected = false;
            self.broken = Some(self.credentials);
        }
        self.report(now, report);
    }

    /// Whether it was opened and not closed.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Whether both descriptions of an exchange are set, so that media would flow.
    pub fn is_connected(&self) -> bool {
        self.connected && self.open
    }

    /// Whether local audio and video go out.
    pub fn enabled(&self) -> (bool, bool) {
        self.enabled
    }

    /// The tones it was told to play into the audio, one after another.
    pub fn tones(&self) -> &str {
        &self.tones
    }

    /// The description of the peer that is set.
    pub fn remote_description(&self) -> Option<&str> {
        self.remote.as_deref()
    }

    fn report(&mut self, at: Instant, report: MediaReport) {
        self.numbered += 1;
        self.reports.insert((at, self.numbered), report);
    }

    fn unanswered(&mut self, request: MediaRequest) {
        match request {
            MediaRequest::Rollback => self.signalling = Signalling::Stable,
            MediaRequest::InsertTones { tones, .. } => self.tones.push_str(&tones),
            MediaRequest::SetEnabled { audio, video } => self.enabled = (audio, video),
            MediaRequest::SetHold { local, remote } => self.held = OnHold { local, remote },
            MediaRequest::Close => {
                self.open = false;
                self.reports.clear();
            }
            _ => {}
        }
    }

    fn carry_out(
        &mut self,
        at: Instant,
        request: MediaRequest,
    ) -> Result<MediaReport, &'static str> {
        match request {
            MediaRequest::Open => {
                self.open = true;
                Ok(MediaReport::Opened)
            }
            MediaRequest::Capture { audio, video } => {
                (self.audio, self.video) = (audio, video);
                Ok(MediaReport::Captured)
            }
            MediaRequest::CreateOffer { ice_restart } => {
                self.version += 1;
                if ice_restart {
                    self.credentials += 1;
                }
                Ok(MediaReport::Created { sdp: self.offer() })
            }
            MediaRequest::CreateAnswer => match &self.signalling {
                Signalling::HaveRemoteOffer(offer) => {
                    let offer = offer.clone();
                    self.version += 1;
                    Ok(MediaReport::Created {
                        sdp: self.answer_to(&offer),
                    })
                }
                _ => Err("there is no offer to answer"),
            },
            MediaRequest::SetLocal { kind, sdp } => {
                self.signalling = match (&self.signalling, kind) {
                    (Signalling::Stable | Signalling::HaveLocalOffer, SdpKind::Offer) => {
                        Signalling::HaveLocalOffer
                    }
                    (
                        Signalling::HaveRemoteOffer(_) | Signalling::HaveLocalPranswer,
                        SdpKind::Answer,
                    ) => Signalling::Stable,
                    (
                        Signalling::HaveRemoteOffer(_) | Signalling::HaveLocalPranswer,
                        SdpKind::PrAnswer,
                    ) => Signalling::HaveLocalPranswer,
                    _ => return Err("the local description does not fit the signalling state"),
                };
                self.local = Some(sdp);
                Ok(MediaReport::LocalSet {
                    gathered: self.gather(at),
                })
            }
            MediaRequest::SetRemote { kind, sdp } => {
                if !sdp.lines().any(|line| line.starts_with("m=")) {
                    return Err("the description has no media line");
                }
                self.signalling = match (&self.signalling, kind) {
                    (Signalling::Stable | Signalling::HaveRemoteOffer(_), SdpKind::Offer) => {
                        Signalling::HaveRemoteOffer(sdp.clone())
                    }
                    (
                        Signalling::HaveLocalOffer | Signalling::HaveRemotePranswer,
                        SdpKind::Answer,
                    ) => Signalling::Stable,
                    (
                        Signalling::HaveLocalOffer | Signalling::HaveRemotePranswer,
                        SdpKind::PrAnswer,
                    ) => Signalling::HaveRemotePranswer,
                    _ => return Err("the remote description does not fit the signalling state"),
                };
                // An offer with new credentials restarts ICE, and its answer has new ones as well
                // (RFC 8839 section 4.4.1.1.1).
                let before = self.remote.as_deref().and_then(credentials);
                if kind == SdpKind::Offer && before.is_some() && before != credentials(&sdp) {
                    self.credentials += 1;
                }
                self.remote = Some(sdp);
                Ok(MediaReport::RemoteSet)
            }
            MediaRequest::DescribeLocal => match &self.local {
                Some(local) => {
                    let sdp = self.with_candidates(local, at);
                    Ok(MediaReport::LocalDescription { sdp })
                }
                None => Err("there is no local description"),
            },
            _ => Err("it is not known what this asks for"),
        }
    }

    /// Starts to gather, unless that was done with these credentials; says if it was.
    fn gather(&mut self, at: Instant) -> bool {
        if self.gathered_for == Some(self.credentials) {
            return true;
        }
        self.gathered_for = Some(self.credentials);
        self.candidates.clear();
        let count = self.behaviour.candidates;
        for number in 1..=count {
            let when = at + self.behaviour.gathering * number / (count + 1);
            let port = 50_000 + self.chance.below(10_000);
            let candidate = format!(
                "candidate:{number} 1 udp {} 192.0.2.{number} {port} typ host",
                2_122_260_223 - number
            );
            self.candidates.push((when, candidate.clone()));
            self.report(
                when,
                MediaReport::Candidate {
                    candidate,
                    mid: Some("0".to_owned()),
                },
            );
        }
        self.report(
            at + self.behaviour.gathering,
            MediaReport::GatheringComplete,
        );
        false
    }

    fn with_candidates(&self, sdp: &str, at: Instant) -> String {
        let gathered: String = self
            .candidates
            .iter()
            .filter(|(when, _)| *when <= at)
            .map(|(_, candidate)| format!("a={candidate}\r\n"))
            .collect();
        sdp.replacen("a=ice-ufrag:", &format!("{gathered}a=ice-ufrag:"), 1)
    }

    fn head(&self, mids: &[String]) -> String {
        format!(
            "v=0\r\no=- {} {} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n",
            self.session,
            self.version,
            mids.join(" ")
        )
    }

    fn offer(&self) -> String {
        let mut kinds = Vec::new();
        if self.audio || !self.video {
            kinds.push("audio");
        }
        if self.video {
            kinds.push("video");
        }
        let mids: Vec<String> = (0..kinds.len()).map(|mid| mid.to_string()).collect();
        let mut sdp = self.head(&mids);
        for (kind, mid) in kinds.iter().zip(&mids) {
            let direction = turned("sendrecv", self.held);
            self.push_section(&mut sdp, kind, mid, "actpass", direction);
        }
        sdp
    }

    fn answer_to(&self, offer: &str) -> String {
        let mut sections: Vec<(&str, String, &str)> = Vec::new();
        for line in offer.lines() {
            if let Some(media) = line.strip_prefix("m=") {
                let kind = media.split(' ').next().unwrap_or_default();
                sections.push((kind, sections.len().to_string(), "sendrecv"));
            } else if let Some(section) = sections.last_mut() {
                match line.strip_prefix("a=") {
                    Some("sendonly") => section.2 = "recvonly",
                    Some("recvonly") => section.2 = "sendonly",
                    Some("inactive") => section.2 = "inactive",
                    Some(other) => {
                        if let Some(mid) = other.strip_prefix("mid:") {
                            section.1 = mid.to_owned();
                        }
                    }
                    None => {}
                }
            }
        }
        let taken = |kind: &str| kind == "audio" || (kind == "video" && self.video);
        let mids: Vec<String> = sections
            .iter()
            .filter(|s| taken(s.0))
            .map(|s| s.1.clone())
            .collect();
        let mut sdp = self.head(&mids);
        for (kind, mid, direction) in &sections {
            if taken(kind) {
                let direction = turned(direction, self.held);
                self.push_section(&mut sdp, kind, mid, "active", direction);
            } else {
                sdp += &format!(
                    "m={kind} 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n\
                     a=mid:{mid}\r\n"
                );
            }
        }
        sdp
    }

    fn push_section(&self, sdp: &mut String, kind: &str, mid: &str, setup: &str, direction: &str) {
        let (formats, maps) = match kind {
            "video" => ("96", "a=rtpmap:96 VP8/90000\r\n"),
            _ => (
                "111 0 8 101",
                "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
                 a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
                 a=rtpmap:101 telephone-event/8000\r\n",
            ),
        };
        let fingerprint = ["4B"; 32].join(":");
        // Writing to a String does not fail.
        let _ = write!(
            sdp,
            "m={kind} 9 UDP/TLS/RTP/SAVPF {formats}\r\nc=IN IP4 0.0.0.0\r\n\
             a=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:u{:03}\r\na=ice-pwd:{:024}\r\n\
             a=ice-options:trickle\r\na=fingerprint:sha-256 {fingerprint}\r\na=setup:{setup}\r\n\
             a=mid:{mid}\r\na={direction}\r\na=rtcp-mux\r\n{maps}",
            self.credentials, self.session
        );
    }
}

/// A direction without what a hold leaves out.
fn turned(direction: &str, held: OnHold) -> &'static str {
    let sends = matches!(direction, "sendrecv" | "sendonly") && !held.remote;
    let receives = matches!(direction, "sendrecv" | "recvonly") && !held.local;
    match (sends, receives) {
        (true, true) => "sendrecv",
        (true, false) => "sendonly",
        (false, true) => "recvonly",
        (false, false) => "inactive",
    }
}

/// The ICE credentials of a description.
fn credentials(sdp: &str) -> Option<&str> {
    sdp.lines()
        .find_map(|line| line.strip_prefix("a=ice-ufrag:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// A peer connection whose steps take no time.
    fn instant() -> PeerConnection {
        let behaviour = MediaBehaviour {
            step: Duration::ZERO..=Duration::ZERO,
            ..MediaBehaviour::default()
        };
        PeerConnection::new(Chance::from_seed(1), behaviour)
    }

    fn ask(peer: &mut PeerConnection, request: MediaRequest) -> MediaReport {
        peer.request(Instant::ZERO, request);
        peer.poll(Instant::ZERO).unwrap()
    }

    fn created(report: MediaReport) -> String {
        match report {
            MediaReport::Created { sdp } => sdp,
            other => panic!("{other:?}"),
        }
    }

    fn opened() -> PeerConnection {
        let mut peer = instant();
        assert_eq!(ask(&mut peer, MediaRequest::Open), MediaReport::Opened);
        let capture = MediaRequest::Capture {
            audio: true,
            video: false,
        };
        assert_eq!(ask(&mut peer, capture), MediaReport::Captured);
        peer
    }

    #[test]
    fn an_offer_and_its_answer_connect_both_sides() {
        let (mut alice, mut bob) = (opened(), opened());
        let offer = created(ask(
            &mut alice,
            MediaRequest::CreateOffer { ice_restart: false },
        ));
        assert!(offer.contains("\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0 8 101\r\n"));
        assert!(offer.contains("\r\na=setup:actpass\r\n"));
        let set = MediaRequest::SetLocal {
            kind: SdpKind::Offer,
            sdp: offer.clone(),
        };
        assert_eq!(
            ask(&mut alice, set),
            MediaReport::LocalSet { gathered: false }
        );
        let set = MediaRequest::SetRemote {
            kind: SdpKind::Offer,
            sdp: offer,
        };
        assert_eq!(ask(&mut bob, set), MediaReport::RemoteSet);
        let answer = created(ask(&mut bob, MediaRequest::CreateAnswer));
        assert!(answer.contains("\r\na=setup:active\r\n"));
        let set = MediaRequest::SetLocal {
            kind: SdpKind::Answer,
            sdp: answer.clone(),
        };
        ask(&mut bob, set);
        let set = MediaRequest::SetRemote {
            kind: SdpKind::Answer,
            sdp: answer,
        };
        ask(&mut alice, set);
        assert!(alice.is_connected() && bob.is_connected());
        let mut last = None;
        while let Some(report) = alice.poll(Instant::ZERO + ms(1_000)) {
            last = Some(report);
        }
        assert_eq!(last, Some(MediaReport::GatheringComplete));
    }

    #[test]
    fn candidates_come_one_by_one_and_stand_in_the_description_from_then_on() {
        let mut peer = opened();
        let offer = created(ask(
            &mut peer,
            MediaRequest::CreateOffer { ice_restart: false },
        ));
        ask(
            &mut peer,
            MediaRequest::SetLocal {
                kind: SdpKind::Offer,
                sdp: offer.clone(),
            },
        );
        let mut count = 0;
        for at in [0, 14, 28, 41] {
            let now = Instant::ZERO + ms(at);
            while let Some(report) = peer.poll(now) {
                count += usize::from(matches!(report, MediaReport::Candidate { .. }));
            }
            peer.request(now, MediaRequest::DescribeLocal);
            let Some(MediaReport::LocalDescription { sdp }) = peer.poll(now) else {
                panic!()
            };
            assert_eq!(sdp.matches("a=candidate:").count(), count, "after {at} ms");
        }
        assert_eq!(count, 2);
        let set = MediaRequest::SetLocal {
            kind: SdpKind::Offer,
            sdp: offer,
        };
        peer.request(Instant::ZERO + ms(50), set);
        assert_eq!(
            peer.poll(Instant::ZERO + ms(50)),
            Some(MediaReport::LocalSet { gathered: true })
        );
    }

    #[test]
    fn what_comes_in_the_wrong_order_fails() {
        let mut peer = instant();
        let failed = |report| matches!(report, MediaReport::Failed { .. });
        assert!(failed(ask(
            &mut peer,
            MediaRequest::CreateOffer { ice_restart: false }
        )));
        let mut peer = opened();
        assert!(failed(ask(&mut peer, MediaRequest::CreateAnswer)));
        assert!(failed(ask(&mut peer, MediaRequest::DescribeLocal)));
        let offer = created(ask(
            &mut peer,
            MediaRequest::CreateOffer { ice_restart: false },
        ));
        for kind in [SdpKind::Answer, SdpKind::PrAnswer] {
            let set = MediaRequest::SetRemote {
                kind,
                sdp: offer.clone(),
            };
            assert!(
                failed(ask(&mut peer, set)),
                "there is no offer that {kind} answers"
            );
        }
        let empty = MediaRequest::SetRemote {
            kind: SdpKind::Offer,
            sdp: "v=0\r\n".into(),
        };
        assert!(failed(ask(&mut peer, empty)));
    }

    #[test]
    fn an_answer_turns_the_direction_round_and_rejects_what_it_cannot_take() {
        let mut peer = opened();
        let offer = "v=0\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\nm=video 4002 RTP/AVP 96\r\n";
        let set = MediaRequest::SetRemote {
            kind: SdpKind::Offer,
            sdp: offer.into(),
        };
        ask(&mut peer, set);
        let answer = created(ask(&mut peer, MediaRequest::CreateAnswer));
        assert!(answer.contains("\r\na=recvonly\r\n"));
        assert!(answer.contains("\r\nm=video 0 "));
        assert!(answer.contains("a=group:BUNDLE 0\r\n"));
    }

    #[test]
    fn after_close_nothing_is_reported() {
        let mut peer = opened();
        let offer = created(ask(
            &mut peer,
            MediaRequest::CreateOffer { ice_restart: false },
        ));
        peer.request(
            Instant::ZERO,
            MediaRequest::SetLocal {
                kind: SdpKind::Offer,
                sdp: offer,
            },
        );
        peer.request(Instant::ZERO, MediaRequest::Close);
        assert_eq!(peer.next_timeout(), None);
        assert!(!peer.is_open());
    }

    #[test]
    fn a_step_that_shall_fail_fails() {
        let behaviour = MediaBehaviour {
            fails: Some(MediaStep::Capture),
            ..MediaBehaviour::default()
        };
        let mut peer = PeerConnection::new(Chance::from_seed(1), behaviour);
        peer.request(Instant::ZERO, MediaRequest::Open);
        peer.request(
            Instant::ZERO,
            MediaRequest::Capture {
                audio: true,
                video: false,
            },
        );
        let later = Instant::ZERO + ms(1_000);
        assert_eq!(peer.poll(later), Some(MediaReport::Opened));
        assert!(matches!(
            peer.poll(later),
            Some(MediaReport::Failed {
                step: MediaStep::Capture,
                ..
            })
        ));
    }
}
