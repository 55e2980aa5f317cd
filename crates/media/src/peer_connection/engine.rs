//! str0m, told only the outcome of negotiations.
//!
//! str0m's own SDP is not used: it refuses much of what SIP peers send, applies an offer before
//! it is answered, and cannot roll back. Here the engine comes to life when both descriptions are
//! there, and is told plain values. It carries RTP packets; codecs, payload types and directions
//! are this crate's own business.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::change::SdpOffer;
use str0m::config::{DtlsCert, Fingerprint as EngineFingerprint};
use str0m::media::{KeyframeRequestKind, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, RtpWrite, Ssrc};
use str0m::{Candidate, IceCreds, Input, Output, Rtc};

use super::audio::{RtpIn, RtpOut};
use super::crypto::{self, AgreedProfile};
use super::numbers::Numbers;
use crate::error::MediaError;
use crate::sdp::{
    AudioAgreement, Credentials, DataAgreement, Feedback, Fingerprint, MAX_MESSAGE_SIZE,
    TransportAgreement, VideoAgreement,
};

/// The streams of the peer that are told apart at a time.
const MOST_STREAMS: usize = 8;

/// The addresses of one peer that are kept in mind.
const MOST_ADDRESSES: usize = 64;
/// Bytes of all data channels that are sent and not acknowledged yet; several of the largest
/// messages, so that the next is there when one is through.
const MOST_UNACKNOWLEDGED: usize = 4 * MAX_MESSAGE_SIZE;
/// The sections of the descriptions made for the engine.
const AUDIO_SECTION: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=sendrecv\r\n\
                             a=rtcp-mux\r\na=rtpmap:0 PCMU/8000\r\n";
const VIDEO_SECTION: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=sendrecv\r\n\
                             a=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n";
const DATA_SECTION: &str = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n\
                            c=IN IP4 0.0.0.0\r\na=sctp-port:5000\r\n";
/// The engine's name for the data section; the peer's may be any.
const DATA_MID: &str = "data";

/// The certificate of a peer connection, made for it alone.
#[derive(Clone)]
pub(super) struct Identity {
    certificate: DtlsCert,
    pub(super) fingerprint: Fingerprint,
}

impl Identity {
    pub(super) fn new() -> Result<Identity, MediaError> {
        let certificate = crypto::plain()
            .dtls_provider
            .generate_certificate()
            .ok_or_else(|| MediaError::Engine("no DTLS certificate could be made".into()))?;
        let digest = crypto::plain()
            .sha256_provider
            .sha256(&certificate.certificate);
        Ok(Identity {
            fingerprint: Fingerprint {
                hash: "sha-256".into(),
                digest: digest.to_vec(),
            },
            certificate,
        })
    }
}

/// Fresh ICE credentials.
pub(super) fn new_credentials() -> Credentials {
    let IceCreds { ufrag, pass } = IceCreds::new();
    Credentials {
        ufrag,
        password: pass,
    }
}

/// What an engine is made with.
pub(super) struct Setup<'a> {
    pub(super) identity: &'a Identity,
    pub(super) local: &'a Credentials,
    pub(super) streams: Streams,
    /// Whether this side made the offer, which makes it ICE's controlling one.
    pub(super) offered: bool,
}

/// The SSRCs of what is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streams {
    pub(super) audio: u32,
    pub(super) video: u32,
    pub(super) video_resend: u32,
}

impl Streams {
    /// None is zero, and none is another's.
    pub(super) fn new(one: u64, other: u64) -> Streams {
        let audio = one as u32 | 1;
        let video = (one >> 32) as u32 & !1 | 2;
        let video_resend = other as u32 & !1 | 2;
        Streams {
            audio,
            video,
            video_resend: if video_resend == video {
                video ^ 4
            } else {
                video_resend
            },
        }
    }
}

pub(super) struct Engine {
    rtc: Rtc,
    local: Credentials,
    transport: TransportAgreement,
    own: Streams,
    /// Of the audio, once there is any.
    mid: Option<Mid>,
    /// Of the video, once there is any.
    video: Option<Video>,
    /// What was declared first, and by that has the first place in the engine's descriptions.
    first: Option<(Mid, MediaKind)>,
    numbers: Numbers,
    /// Whether data channels are carried.
    has_data: bool,
    /// Where the peer may be, as it says and as it is sent to.
    peers: Vec<SocketAddr>,
    /// Where a peer of before may still be: in a forked call, one who has not heard yet that
    /// another has answered. Its DTLS must not meet that with the one who has.
    strangers: Vec<SocketAddr>,
    streams: Vec<Stream>,
    profile: AgreedProfile,
}

struct Stream {
    ssrc: u32,
    /// A packet of it was decrypted; anyone can send the others.
    authentic: bool,
    /// Of a video stream.
    video: bool,
    resend: Option<u32>,
}

/// What the engine knows of the video.
#[derive(Clone, Copy)]
struct Video {
    mid: Mid,
    feedback: Feedback,
}

/// What a step of the engine brought.
#[expect(clippy::large_enum_variant, reason = "matched at once, never stored")]
pub(super) enum Step {
    Transmit(str0m::net::Transmit),
    Event(str0m::Event),
    Timeout(Instant),
}

impl Engine {
    pub(super) fn new(
        now: Instant,
        setup: &Setup<'_>,
        transport: &TransportAgreement,
        audio: Option<&AudioAgreement>,
        video: Option<&VideoAgreement>,
    ) -> Result<Engine, MediaError> {
        let mut config = Rtc::builder()
            .set_crypto_provider(crypto::watched())
            .set_local_ice_credentials(credentials(setup.local))
            .set_dtls_cert(setup.identity.certificate.clone())
            .clear_codecs()
            .clear_extension_map()
            .set_rtp_mode(true)
            .set_rtcp_report_interval_audio(Duration::from_secs(1))
            .set_stats_interval(Some(Duration::from_secs(1)))
            .set_sctp_max_message_size(MAX_MESSAGE_SIZE as u32)
            .set_sctp_max_buffered_amount(MOST_UNACKNOWLEDGED);
        let extension = match (audio, video) {
            (Some(audio), _) => audio.mid_extension,
            (None, Some(video)) => video.mid_extension,
            (None, None) => None,
        };
        if let Some(id @ 1..=14) = extension {
            config = config.set_extension(id, Extension::RtpMid);
        }
        let numbers = Numbers::new(audio, video);
        numbers.declare(config.codec_config());
        let (mut rtc, profile) = crypto::watch(|| config.build(now));
        {
            let mut direct = rtc.direct_api();
            direct.set_ice_controlling(setup.offered || transport.remote_is_lite);
            direct.set_remote_ice_credentials(credentials(&transport.remote));
            direct.set_remote_fingerprint(fingerprint(&transport.fingerprint));
            direct.start_dtls(transport.active).map_err(engine)?;
        }
        let mut engine = Engine {
            rtc,
            local: setup.local.clone(),
            transport: transport.clone(),
            own: setup.streams,
            mid: None,
            video: None,
            first: None,
            numbers,
            has_data: false,
            peers: Vec::new(),
            strangers: Vec::new(),
            streams: Vec::new(),
            profile,
        };
        if let Some(audio) = audio {
            engine.carry_audio(audio);
        }
        if let Some(video) = video {
            engine.carry_video(video);
        }
        Ok(engine)
    }

    fn carry_audio(&mut self, audio: &AudioAgreement) {
        if self.mid.is_none() {
            let mid = Mid::from(audio.mid.as_str());
            let ssrc = Ssrc::from(self.own.audio);
            let mut direct = self.rtc.direct_api();
            direct.declare_media(mid, MediaKind::Audio);
            direct.declare_stream_tx(ssrc, None, mid, None);
            self.mid = Some(mid);
            self.first.get_or_insert((mid, MediaKind::Audio));
        }
        for ssrc in audio.remote_ssrcs.iter().take(MOST_STREAMS / 2) {
            self.learn(*ssrc, false, None);
        }
    }

    fn carry_video(&mut self, video: &VideoAgreement) {
        let mid = Mid::from(video.mid.as_str());
        if self.video.is_none_or(|known| known.mid != mid) {
            let ssrc = Ssrc::from(self.own.video);
            let resend = Ssrc::from(self.own.video_resend);
            let mut direct = self.rtc.direct_api();
            // A section that was declined and offered again has another name.
            for stream in self.streams.extract_if(.., |stream| stream.video) {
                direct.remove_stream_rx(stream.ssrc.into());
            }
            direct.remove_stream_tx(ssrc);
            direct.declare_media(mid, MediaKind::Video);
            direct.declare_stream_tx(ssrc, Some(resend), mid, None);
            self.first.get_or_insert((mid, MediaKind::Video));
        }
        let feedback = video.feedback;
        self.video = Some(Video { mid, feedback });
        for (ssrc, resend) in video.remote_streams.iter().take(MOST_STREAMS / 2) {
            self.learn(*ssrc, true, *resend);
        }
    }

    /// Carries data channels from now on.
    ///
    /// The engine takes the size of the peer's messages only from a description, so it gets one:
    /// made here, with nothing else that is new.
    pub(super) fn carry_data(&mut self, data: &DataAgreement) -> Result<(), MediaError> {
        if self.has_data {
            return Ok(());
        }
        let remote = self.transport.remote.clone();
        let size = data.max_message_size.min(MAX_MESSAGE_SIZE);
        let section = format!("{DATA_SECTION}a=max-message-size:{size}\r\n");
        self.describe(&remote, DATA_MID, &section)?;
        self.has_data = true;
        Ok(())
    }

    pub(super) fn has_audio(&self) -> bool {
        self.mid.is_some()
    }

    /// The engine below, for the data channels.
    pub(super) fn rtc(&mut self) -> &mut Rtc {
        &mut self.rtc
    }

    /// Whether a new agreement means the same peer, so that the DTLS connection stays. A forked
    /// call answers with another certificate, and needs another engine.
    pub(super) fn is_for(&self, transport: &TransportAgreement) -> bool {
        self.transport.fingerprint == transport.fingerprint
    }

    /// Whether this side opened the DTLS connection.
    pub(super) fn is_active(&self) -> bool {
        self.transport.active
    }

    /// Takes a later agreement with the same peer; says whether ICE was restarted.
    pub(super) fn apply(
        &mut self,
        local: &Credentials,
        transport: &TransportAgreement,
        audio: Option<&AudioAgreement>,
        video: Option<&VideoAgreement>,
    ) -> Result<bool, MediaError> {
        let restart = self.local != *local || self.transport.remote != transport.remote;
        if restart {
            self.restart_ice(local, transport)?;
        }
        self.transport.remote = transport.remote.clone();
        self.local = local.clone();
        if let Some(audio) = audio {
            self.carry_audio(audio);
        }
        if let Some(video) = video {
            self.carry_video(video);
        }
        Ok(restart)
    }

    /// The engine restarts ICE only when a description tells it to, so it gets one: made here,
    /// with the peer's new credentials and nothing else that is new.
    fn restart_ice(
        &mut self,
        local: &Credentials,
        transport: &TransportAgreement,
    ) -> Result<(), MediaError> {
        // A restart is recognised by new credentials of the peer. One that answers our restart
        // with its old ones breaks RFC 8445 §9, and yet must hear ours.
        if self.transport.remote == transport.remote {
            let elsewhere = Credentials {
                ufrag: "none".into(),
                password: "nonenonenonenonenonenone".into(),
            };
            let mut direct = self.rtc.direct_api();
            direct.set_remote_ice_credentials(credentials(&elsewhere));
        }
        match self.first {
            Some((mid, MediaKind::Audio)) => {
                self.describe(&transport.remote, &mid, AUDIO_SECTION)?;
            }
            Some((mid, MediaKind::Video)) => {
                self.describe(&transport.remote, &mid, VIDEO_SECTION)?;
            }
            None => self.describe(&transport.remote, DATA_MID, DATA_SECTION)?,
        }
        let mut direct = self.rtc.direct_api();
        direct.set_local_ice_credentials(credentials(local));
        Ok(())
    }

    /// Hands the engine an offer of the peer with one section, for what it learns in no other way.
    fn describe(
        &mut self,
        remote: &Credentials,
        mid: &str,
        section: &str,
    ) -> Result<(), MediaError> {
        let setup = if self.transport.active {
            "passive"
        } else {
            "active"
        };
        let fingerprint = fingerprint(&self.transport.fingerprint);
        let Credentials { ufrag, password } = remote;
        let text = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {mid}\r\n\
             {section}a=mid:{mid}\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\n\
             a=fingerprint:{fingerprint}\r\na=setup:{setup}\r\n"
        );
        let offer = SdpOffer::from_sdp_string(&text).map_err(engine)?;
        self.rtc.sdp_api().accept_offer(offer).map_err(engine)?;
        Ok(())
    }

    /// SIP peers change their SSRC without a word, or never tell it.
    fn learn(&mut self, ssrc: u32, video: bool, resend: Option<u32>) {
        let video = if video { self.video } else { None };
        let Some(mid) = video.map(|video| video.mid).or(self.mid) else {
            return;
        };
        let known = |stream: &Stream| stream.ssrc == ssrc || stream.resend == Some(ssrc);
        if ssrc == 0 || self.streams.iter().any(known) {
            return;
        }
        if self.streams.len() >= MOST_STREAMS {
            // The oldest of those that never proved to be the peer's goes first.
            let index = self
                .streams
                .iter()
                .position(|stream| !stream.authentic)
                .unwrap_or(0);
            let gone = self.streams.remove(index);
            self.rtc.direct_api().remove_stream_rx(gone.ssrc.into());
        }
        let nack = video.is_some_and(|video| video.feedback.nack);
        self.rtc
            .direct_api()
            .expect_stream_rx(ssrc.into(), resend.map(Ssrc::from), mid, None)
            .suppress_nack(!nack);
        self.streams.push(Stream {
            ssrc,
            authentic: false,
            video: video.is_some(),
            resend,
        });
    }

    /// Retransmissions whose SSRC no description tells belong to the video stream there is.
    fn learn_resend(&mut self, ssrc: u32) {
        let Some(Video { mid, .. }) = self.video else {
            return;
        };
        let stream = self.streams.iter_mut().rev();
        let mut stream = stream.filter(|stream| stream.video && stream.authentic);
        if let Some(stream) = stream.next()
            && stream.resend.is_none()
            && ssrc != 0
        {
            stream.resend = Some(ssrc);
            let mut direct = self.rtc.direct_api();
            direct.expect_stream_rx(stream.ssrc.into(), Some(ssrc.into()), mid, None);
        }
    }

    pub(super) fn add_local_candidate(&mut self, candidate: Candidate) {
        self.rtc.add_local_candidate(candidate);
    }

    pub(super) fn remove_local_candidate(&mut self, candidate: &Candidate) {
        self.rtc.direct_api().invalidate_candidate(candidate);
    }

    /// Takes the place of another engine, whose peer is not heard any more.
    pub(super) fn replace(&mut self, before: Engine) {
        self.strangers = before.peers;
        self.strangers.extend(before.strangers);
        self.strangers.truncate(MOST_ADDRESSES);
    }

    fn meet(&mut self, address: SocketAddr) {
        self.strangers.retain(|stranger| *stranger != address);
        if !self.peers.contains(&address) && self.peers.len() < MOST_ADDRESSES {
            self.peers.push(address);
        }
    }

    pub(super) fn add_remote_candidate(&mut self, candidate: Candidate) {
        self.meet(candidate.addr());
        self.rtc.add_remote_candidate(candidate);
    }

    pub(super) fn receive(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), MediaError> {
        let is_stun = datagram.first().is_some_and(|first| *first < 4);
        if !is_stun && self.strangers.contains(&source) {
            return Ok(());
        }
        // A first byte of 128 to 191 is RTP or RTCP (RFC 7983), a second one of 192 to 223 RTCP
        // (RFC 5761).
        if let [128..=191, kind, _, _, _, _, _, _, a, b, c, d, ..] = *datagram
            && !(192..=223).contains(&kind)
        {
            let ssrc = u32::from_be_bytes([a, b, c, d]);
            let payload_type = kind & 0x7f;
            if self.numbers.is_resend(payload_type) {
                self.learn_resend(ssrc);
            } else {
                self.learn(ssrc, self.numbers.is_video(payload_type), None);
            }
        }
        let Ok(contents) = datagram.try_into() else {
            return Ok(());
        };
        let input = Input::Receive(
            now,
            Receive {
                proto: Protocol::Udp,
                source,
                destination,
                contents,
            },
        );
        self.rtc.handle_input(input).map_err(engine)
    }

    pub(super) fn timeout(&mut self, now: Instant) -> Result<(), MediaError> {
        self.rtc.handle_input(Input::Timeout(now)).map_err(engine)
    }

    /// To be called until it gives a [`Step::Timeout`], after everything else.
    pub(super) fn poll(&mut self) -> Result<Step, MediaError> {
        Ok(match self.rtc.poll_output().map_err(engine)? {
            Output::Transmit(transmit) => {
                if transmit.contents.first().is_some_and(|first| *first >= 20) {
                    self.meet(transmit.destination);
                }
                Step::Transmit(transmit)
            }
            Output::Event(str0m::Event::RtpPacket(packet)) => {
                let ssrc = *packet.header.ssrc;
                if let Some(stream) = self.streams.iter_mut().find(|s| s.ssrc == ssrc) {
                    stream.authentic = true;
                }
                Step::Event(str0m::Event::RtpPacket(packet))
            }
            Output::Event(event) => Step::Event(event),
            Output::Timeout(at) => Step::Timeout(at),
        })
    }

    pub(super) fn send(&mut self, now: Instant, packet: RtpOut) {
        self.write(now, self.own.audio, packet, false);
    }

    pub(super) fn send_video(&mut self, now: Instant, packet: RtpOut) {
        self.write(now, self.own.video, packet, true);
    }

    fn write(&mut self, now: Instant, ssrc: u32, packet: RtpOut, nackable: bool) {
        let write = RtpWrite::new(
            Pt::new_with_value(packet.payload_type),
            packet.sequence.into(),
            packet.timestamp,
            now,
            packet.payload,
        )
        .marker(packet.marker)
        .nackable(nackable);
        let mut direct = self.rtc.direct_api();
        if let Some(stream) = direct.stream_tx(&ssrc.into()) {
            stream.write_rtp(write);
        }
    }

    /// Asks the peer for a key frame of this stream, in the words it knows.
    pub(super) fn request_key_frame(&mut self, ssrc: u32) {
        let feedback = self.video.map(|video| video.feedback).unwrap_or_default();
        let kind = if feedback.fir && !feedback.pli {
            KeyframeRequestKind::Fir
        } else {
            KeyframeRequestKind::Pli
        };
        let mut direct = self.rtc.direct_api();
        if let Some(stream) = direct.stream_rx(&ssrc.into()) {
            stream.request_keyframe(kind);
        }
    }

    pub(super) fn srtp(&self) -> Option<&'static str> {
        crypto::name(*self.profile.get()?)
    }

    pub(super) fn dtls(&mut self) -> Option<String> {
        let version = self.rtc.direct_api().dtls_protocol_version()?;
        // Its name is such as `DTLS1_2`.
        let name = format!("{version:?}");
        let digits: Vec<&str> = name.split(|c: char| !c.is_ascii_digit()).collect();
        let digits: Vec<&str> = digits.into_iter().filter(|d| !d.is_empty()).collect();
        Some(format!("DTLS {}", digits.join(".")))
    }

    pub(super) fn close(&mut self) {
        if let Err(error) = self.rtc.close() {
            tracing::debug!(%error, "closing");
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        self.rtc.is_alive()
    }
}

pub(super) fn rtp_in(packet: str0m::rtp::RtpPacket) -> RtpIn {
    RtpIn {
        ssrc: *packet.header.ssrc,
        payload_type: *packet.header.payload_type,
        sequence: *packet.seq_no,
        timestamp: packet.header.timestamp,
        marker: packet.header.marker,
        payload: packet.payload,
    }
}

fn credentials(credentials: &Credentials) -> IceCreds {
    IceCreds {
        ufrag: credentials.ufrag.clone(),
        pass: credentials.password.clone(),
    }
}

fn fingerprint(fingerprint: &Fingerprint) -> EngineFingerprint {
    EngineFingerprint {
        hash_func: fingerprint.hash.clone(),
        bytes: fingerprint.digest.clone(),
    }
}

fn engine(error: impl std::fmt::Display) -> MediaError {
    MediaError::Engine(error.to_string())
}
