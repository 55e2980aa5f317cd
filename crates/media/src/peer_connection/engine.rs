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
use str0m::format::{Codec, FormatParams};
use str0m::media::{Frequency, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, RtpWrite, Ssrc};
use str0m::{Candidate, IceCreds, Input, Output, Rtc};

use super::audio::{RtpIn, RtpOut};
use super::crypto::{self, AgreedProfile};
use crate::error::MediaError;
use crate::sdp::{
    AudioAgreement, Credentials, DataAgreement, Fingerprint, MAX_MESSAGE_SIZE, TransportAgreement,
};

/// The streams of the peer that are told apart at a time.
const MOST_STREAMS: usize = 8;

/// Bytes of all data channels that are sent and not acknowledged yet; several of the largest
/// messages, so that the next is there when one is through.
const MOST_UNACKNOWLEDGED: usize = 4 * MAX_MESSAGE_SIZE;
/// The sections of the descriptions made for the engine.
const AUDIO_SECTION: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=sendrecv\r\n\
                             a=rtcp-mux\r\na=rtpmap:0 PCMU/8000\r\n";
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
    pub(super) ssrc: u32,
    /// Whether this side made the offer, which makes it ICE's controlling one.
    pub(super) offered: bool,
}

pub(super) struct Engine {
    rtc: Rtc,
    local: Credentials,
    transport: TransportAgreement,
    ssrc: Ssrc,
    /// Of the audio, once there is any.
    mid: Option<Mid>,
    /// Whether data channels are carried.
    has_data: bool,
    streams: Vec<Stream>,
    profile: AgreedProfile,
}

struct Stream {
    ssrc: u32,
    /// A packet of it was decrypted; anyone can send the others.
    authentic: bool,
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
        if let Some(id @ 1..=14) = audio.and_then(|audio| audio.mid_extension) {
            config = config.set_extension(id, Extension::RtpMid);
        }
        // Every number a later description may bring is known from the start: only the clock
        // rate matters to the engine, and only for its own reports.
        let slow: Vec<u8> = audio
            .iter()
            .flat_map(|audio| audio.receive_events.iter().chain(&audio.send_events))
            .filter(|(_, rate)| *rate == 8_000)
            .map(|(number, _)| *number)
            .collect();
        for number in (0..=34).chain(96..=127) {
            let (codec, rate, channels) = match number {
                8 => (Codec::PCMA, 8_000, None),
                0..=34 => (Codec::PCMU, 8_000, None),
                _ if slow.contains(&number) => (Codec::PCMU, 8_000, None),
                _ => (Codec::Opus, 48_000, Some(2)),
            };
            let Some(rate) = Frequency::new(rate) else {
                continue;
            };
            config.codec_config().add_config(
                Pt::new_with_value(number),
                None,
                codec,
                rate,
                channels,
                FormatParams::default(),
            );
        }
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
            ssrc: Ssrc::from(setup.ssrc),
            mid: None,
            has_data: false,
            streams: Vec::new(),
            profile,
        };
        if let Some(audio) = audio {
            engine.carry_audio(audio);
        }
        Ok(engine)
    }

    fn carry_audio(&mut self, audio: &AudioAgreement) {
        if self.mid.is_none() {
            let mid = Mid::from(audio.mid.as_str());
            let mut direct = self.rtc.direct_api();
            direct.declare_media(mid, MediaKind::Audio);
            direct.declare_stream_tx(self.ssrc, None, mid, None);
            self.mid = Some(mid);
        }
        self.expect(&audio.remote_ssrcs);
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
        match self.mid {
            Some(mid) => self.describe(&transport.remote, &mid, AUDIO_SECTION)?,
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

    fn expect(&mut self, ssrcs: &[u32]) {
        for ssrc in ssrcs.iter().take(MOST_STREAMS) {
            self.learn(*ssrc);
        }
    }

    /// SIP peers change their SSRC without a word, or never tell it.
    fn learn(&mut self, ssrc: u32) {
        let Some(mid) = self.mid else {
            return;
        };
        if ssrc == 0 || self.streams.iter().any(|stream| stream.ssrc == ssrc) {
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
        self.rtc
            .direct_api()
            .expect_stream_rx(ssrc.into(), None, mid, None)
            .suppress_nack(true);
        self.streams.push(Stream {
            ssrc,
            authentic: false,
        });
    }

    pub(super) fn add_local_candidate(&mut self, candidate: Candidate) {
        self.rtc.add_local_candidate(candidate);
    }

    pub(super) fn remove_local_candidate(&mut self, candidate: &Candidate) {
        self.rtc.direct_api().invalidate_candidate(candidate);
    }

    pub(super) fn add_remote_candidate(&mut self, candidate: Candidate) {
        self.rtc.add_remote_candidate(candidate);
    }

    pub(super) fn receive(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), MediaError> {
        // A first byte of 128 to 191 is RTP or RTCP (RFC 7983), a second one of 192 to 223 RTCP
        // (RFC 5761).
        if let [128..=191, kind, _, _, _, _, _, _, a, b, c, d, ..] = *datagram
            && !(192..=223).contains(&kind)
        {
            self.learn(u32::from_be_bytes([a, b, c, d]));
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
            Output::Transmit(transmit) => Step::Transmit(transmit),
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
        let write = RtpWrite::new(
            Pt::new_with_value(packet.payload_type),
            packet.sequence.into(),
            packet.timestamp,
            now,
            packet.payload,
        )
        .marker(packet.marker);
        let mut direct = self.rtc.direct_api();
        if let Some(stream) = direct.stream_tx(&self.ssrc) {
            stream.write_rtp(write);
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
