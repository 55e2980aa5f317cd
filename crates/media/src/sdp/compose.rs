//! Writes offers and answers.

use sdp_types::{AddrType, Attribute, Connection, Media, NetType, Origin, Session};

use super::agree::{MID_URI, audio_codec, check_transport, is_event};
use super::data;
use super::description::{
    Codec, Credentials, Description, Fingerprint, Section, SectionKind, Setup,
};
use super::video::{self, VideoTrack};
use crate::config::AudioCodec;
use crate::description::{Direction, MediaKind};

/// The profile of an offer (RFC 8829 §5.1.2).
const PROFILE: &str = "UDP/TLS/RTP/SAVPF";
/// Where "no address is known yet" stands (RFC 8840 §4.1.1).
const UNKNOWN_PORT: u16 = 9;

/// What stays the same in all descriptions of one peer connection.
#[derive(Clone, Debug)]
pub(crate) struct Composer {
    pub(crate) session_id: u64,
    pub(crate) codecs: Vec<AudioCodec>,
    /// Whether data channels that the peer offers are accepted.
    pub(crate) accept_data: bool,
    pub(crate) video: VideoTrack,
    pub(crate) ssrc: u32,
    pub(crate) cname: String,
    pub(crate) stream_id: String,
    pub(crate) track_id: String,
}

/// The sections this side has announced, in their order, which never changes (RFC 3264 §8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocalSection {
    pub(crate) kind: SectionKind,
    pub(crate) mid: Option<String>,
    pub(crate) protocol: String,
    pub(crate) formats: Vec<String>,
    /// Whether something flows here: of each kind one section is carried, the others are
    /// declined.
    pub(crate) carried: bool,
}

impl LocalSection {
    /// Whether this is the section that carries this kind.
    pub(crate) fn carries(&self, kind: &SectionKind) -> bool {
        self.carried && self.kind == *kind
    }
}

/// What flows in a section of an answer.
enum Body {
    Audio(Vec<Codec>),
    Video(Vec<video::Line>),
    Data,
}

/// What goes into one description.
#[derive(Clone, Debug)]
pub(crate) struct Local<'a> {
    pub(crate) version: u64,
    pub(crate) credentials: &'a Credentials,
    pub(crate) fingerprint: &'a Fingerprint,
    /// Of the audio.
    pub(crate) direction: Direction,
    pub(crate) video_direction: Direction,
}

/// Payload types, ours or those the peer has introduced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PayloadTypes {
    codecs: Vec<(AudioCodec, u8)>,
    events: Vec<(u32, u8)>,
    /// Those of the video, which shares the path.
    video: Vec<u8>,
}

/// The payload types for the next offer: those already agreed on where there are any (RFC 3264
/// §8.3.2), else the usual ones. `video` has the video's.
pub(crate) fn payload_types(previous: Option<&Section>, video: Option<&Section>) -> PayloadTypes {
    let mut types = PayloadTypes {
        codecs: Vec::new(),
        events: Vec::new(),
        video: video
            .iter()
            .flat_map(|section| &section.codecs)
            .map(|codec| codec.payload_type)
            .collect(),
    };
    for codec in previous.iter().flat_map(|section| &section.codecs) {
        if let Some(known) = audio_codec(codec) {
            types.codecs.push((known, codec.payload_type));
        } else if is_event(codec) {
            types.events.push((codec.clock_rate, codec.payload_type));
        }
    }
    for (codec, usual) in [
        (AudioCodec::Opus, 111),
        (AudioCodec::Pcmu, 0),
        (AudioCodec::Pcma, 8),
    ] {
        if !types.codecs.iter().any(|(known, _)| *known == codec) {
            let number = types.free(usual);
            types.codecs.push((codec, number));
        }
    }
    for (rate, usual) in [(48_000, 110), (8_000, 126)] {
        if !types.events.iter().any(|(known, _)| *known == rate) {
            let number = types.free(usual);
            types.events.push((rate, number));
        }
    }
    types
}

impl PayloadTypes {
    fn numbers(&self) -> impl Iterator<Item = u8> {
        let codecs = self.codecs.iter().map(|(_, number)| *number);
        codecs.chain(self.events.iter().map(|(_, number)| *number))
    }

    fn free(&self, usual: u8) -> u8 {
        let taken = |number: u8| {
            self.video.contains(&number) || self.numbers().any(|known| known == number)
        };
        std::iter::once(usual)
            .chain(96..=127)
            .find(|number| !taken(*number))
            .unwrap_or(usual)
    }
}

impl Composer {
    /// An offer with these sections.
    pub(crate) fn offer(
        &self,
        local: &Local<'_>,
        sections: &[LocalSection],
        types: &PayloadTypes,
        video: Option<&Section>,
        bundle: bool,
        mid_extension: Option<u8>,
    ) -> Session {
        let mut session = self.session(local.version);
        let mids: Vec<&str> = sections
            .iter()
            .filter(|section| section.carried)
            .filter_map(|section| section.mid.as_deref())
            .collect();
        if bundle && !mids.is_empty() {
            session.add_attribute(with("group", format!("BUNDLE {}", mids.join(" "))));
        }
        session.add_attribute(with("msid-semantic", format!(" WMS {}", self.stream_id)));
        for section in sections {
            let media = match section.kind {
                _ if !section.carried => declined(section),
                SectionKind::Media(MediaKind::Audio) => {
                    let codecs = self.offered(types);
                    let mut media = media(section, formats(&codecs));
                    self.transport(&mut media, local, Setup::ActPass);
                    let mid = section.mid.as_deref();
                    let track = self.track_id.as_str();
                    self.middle(&mut media, mid, mid_extension, local.direction, track, true);
                    write_codecs(&mut media, &codecs);
                    self.sender(&mut media, local.direction);
                    media
                }
                SectionKind::Media(MediaKind::Video) => {
                    let taken: Vec<u8> = types.numbers().collect();
                    let lines = video::offered(&self.video.codecs, video, &taken);
                    let direction = local.video_direction;
                    let mid = (section.mid.as_deref(), mid_extension);
                    self.video(section, local, Setup::ActPass, &lines, direction, mid, true)
                }
                SectionKind::Application => self.data(section, local, Setup::ActPass),
                SectionKind::Other(_) => declined(section),
            };
            session.medias.push(media);
        }
        session
    }

    fn data(&self, section: &LocalSection, local: &Local<'_>, setup: Setup) -> Media {
        let mut media = media(section, data::format(&section.protocol));
        self.transport(&mut media, local, setup);
        if let Some(mid) = &section.mid {
            media.add_attribute(with("mid", mid));
        }
        data::write(&mut media);
        media
    }

    fn offered(&self, types: &PayloadTypes) -> Vec<Codec> {
        let mut codecs = Vec::new();
        for ours in &self.codecs {
            let Some((_, number)) = types.codecs.iter().find(|(codec, _)| codec == ours) else {
                continue;
            };
            codecs.push(codec_line(*ours, *number));
        }
        for rate in event_rates(self.codecs.iter().copied()) {
            if let Some((_, number)) = types.events.iter().find(|(known, _)| *known == rate) {
                codecs.push(event_line(rate, *number));
            }
        }
        codecs
    }

    /// The answer to `remote`, and the sections that follow from it.
    ///
    /// # Errors
    ///
    /// A sentence about what the offer lacks.
    pub(crate) fn answer(
        &self,
        local: &Local<'_>,
        remote: &Description,
        passive: bool,
    ) -> Result<(Session, Vec<LocalSection>), String> {
        let mut session = self.session(local.version);
        let mut bodies: Vec<Option<Body>> = (0..remote.sections.len())
            .map(|index| self.body(remote, index))
            .collect();
        // There is one path, and it is the audio's where there is any. What the peer does not
        // bundle with that cannot be carried.
        let is_audio = |body: &Option<Body>| matches!(body, Some(Body::Audio(_)));
        let first = bodies.iter().position(is_audio);
        let leader = first.or_else(|| bodies.iter().position(Option::is_some));
        let mut sections = Vec::new();
        let mut medias = Vec::new();
        let mut bundled: Vec<&str> = Vec::new();
        for (index, theirs) in remote.sections.iter().enumerate() {
            let mut section = LocalSection {
                kind: theirs.kind.clone(),
                mid: theirs.mid.clone(),
                protocol: theirs.protocol.clone(),
                formats: theirs.formats.clone(),
                carried: false,
            };
            let shares = leader.is_some_and(|leader| remote.share_path(leader, index));
            let Some(body) = bodies[index].take().filter(|_| shares) else {
                medias.push(declined(&section));
                sections.push(section);
                continue;
            };
            let transport = remote.transport_of(theirs);
            check_transport(transport)?;
            section.carried = true;
            let setup = match transport.setup {
                Some(Setup::Active) => Setup::Passive,
                Some(Setup::Passive) => Setup::Active,
                // What is connected already keeps its roles; else the answerer is active, which
                // saves a round trip (RFC 8829 §5.3.1).
                Some(Setup::ActPass) | None if passive => Setup::Passive,
                Some(Setup::ActPass) | None => Setup::Active,
            };
            medias.push(match body {
                Body::Audio(codecs) => self.audio(&section, local, theirs, setup, &codecs),
                Body::Video(lines) => {
                    let direction = local.video_direction.and(theirs.direction.reversed());
                    let mid = answered_mid(theirs);
                    let mux = theirs.rtcp_mux;
                    self.video(&section, local, setup, &lines, direction, mid, mux)
                }
                Body::Data => self.data(&section, local, setup),
            });
            if let (Some(group), Some(mid)) = (&remote.bundle, &theirs.mid)
                && group.contains(mid)
            {
                bundled.push(mid);
            }
            sections.push(section);
        }
        if !bundled.is_empty() {
            session.add_attribute(with("group", format!("BUNDLE {}", bundled.join(" "))));
        }
        session.add_attribute(with("msid-semantic", format!(" WMS {}", self.stream_id)));
        session.medias = medias;
        Ok((session, sections))
    }

    /// What can flow in this section of the peer's offer.
    fn body(&self, remote: &Description, index: usize) -> Option<Body> {
        let theirs = remote.sections.get(index)?;
        let chosen = remote.index_of(&theirs.kind) == Some(index);
        if !chosen || remote.is_rejected(theirs) {
            return None;
        }
        match theirs.kind {
            SectionKind::Media(MediaKind::Audio) if theirs.is_rtp() => {
                let codecs = self.answered(theirs);
                let speaks = codecs.iter().any(|codec| audio_codec(codec).is_some());
                speaks.then_some(Body::Audio(codecs))
            }
            SectionKind::Media(MediaKind::Video) if self.video.accept && theirs.is_rtp() => {
                let usable = check_transport(remote.transport_of(theirs)).is_ok();
                let lines = video::answered(&self.video.codecs, theirs);
                (usable && !lines.is_empty()).then_some(Body::Video(lines))
            }
            SectionKind::Application if self.accept_data && theirs.sctp.is_some() => {
                // Broken, it is declined, and what is beside it lives.
                let usable = check_transport(remote.transport_of(theirs)).is_ok();
                usable.then_some(Body::Data)
            }
            _ => None,
        }
    }

    fn audio(
        &self,
        section: &LocalSection,
        local: &Local<'_>,
        theirs: &Section,
        setup: Setup,
        codecs: &[Codec],
    ) -> Media {
        let mut media = media(section, formats(codecs));
        self.transport(&mut media, local, setup);
        let direction = local.direction.and(theirs.direction.reversed());
        let (mid, extension) = answered_mid(theirs);
        let track = self.track_id.as_str();
        self.middle(
            &mut media,
            mid,
            extension,
            direction,
            track,
            theirs.rtcp_mux,
        );
        write_codecs(&mut media, codecs);
        self.sender(&mut media, direction);
        media
    }

    /// The offer's codecs that are ours too, under the offer's numbers and in its order, with
    /// telephone events of one clock rate only: that of the preferred codec if it is offered.
    /// Chromium, given two, sends those of 8 kHz with timestamps of 48 kHz.
    fn answered(&self, theirs: &Section) -> Vec<Codec> {
        let mut codecs: Vec<Codec> = Vec::new();
        let mut known: Vec<AudioCodec> = Vec::new();
        for codec in &theirs.codecs {
            if let Some(ours) = audio_codec(codec)
                && self.codecs.contains(&ours)
                && !known.contains(&ours)
            {
                known.push(ours);
                codecs.push(codec_line(ours, codec.payload_type));
            }
        }
        let Some(first) = known.first() else {
            return codecs;
        };
        let events = || theirs.codecs.iter().filter(|codec| is_event(codec));
        let fitting = events().find(|codec| codec.clock_rate == first.clock_rate());
        // Firefox and Asterisk have those of 8 kHz beside Opus.
        if let Some(chosen) = fitting.or_else(|| events().next()) {
            codecs.push(event_line(chosen.clock_rate, chosen.payload_type));
        }
        codecs
    }

    fn session(&self, version: u64) -> Session {
        let origin = Origin::new(
            self.session_id,
            version,
            NetType::In,
            AddrType::Ip4,
            "127.0.0.1",
        );
        Session::new(origin, "-")
    }

    pub(super) fn transport(&self, media: &mut Media, local: &Local<'_>, setup: Setup) {
        let digest: Vec<String> = local
            .fingerprint
            .digest
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        let fingerprint = format!("{} {}", local.fingerprint.hash, digest.join(":"));
        media.add_attributes([
            with("ice-ufrag", &local.credentials.ufrag),
            with("ice-pwd", &local.credentials.password),
            with("ice-options", "trickle"),
            with("fingerprint", fingerprint),
            with("setup", setup.as_str()),
        ]);
    }

    pub(super) fn middle(
        &self,
        media: &mut Media,
        mid: Option<&str>,
        mid_extension: Option<u8>,
        direction: Direction,
        track_id: &str,
        rtcp_mux: bool,
    ) {
        if let Some(mid) = mid {
            media.add_attribute(with("mid", mid));
            if let Some(id @ 1..=14) = mid_extension {
                media.add_attribute(with("extmap", format!("{id} {MID_URI}")));
            }
        }
        media.add_attribute(Attribute::new(direction.as_str()));
        if direction.is_sending() {
            let msid = format!("{} {track_id}", self.stream_id);
            media.add_attribute(with("msid", msid));
        }
        // An answer may only use it when it was offered (RFC 5761 §5.1.1).
        if rtcp_mux {
            media.add_attribute(Attribute::new("rtcp-mux"));
        }
    }

    fn sender(&self, media: &mut Media, direction: Direction) {
        if direction.is_sending() {
            let value = format!("{} cname:{}", self.ssrc, self.cname);
            media.add_attribute(with("ssrc", value));
        }
    }
}

/// The mid of an answer's section, and the header extension that carries it.
fn answered_mid(theirs: &Section) -> (Option<&str>, Option<u8>) {
    let mid = theirs.mid.as_deref();
    let extension = theirs.extension(MID_URI);
    (mid, extension.filter(|_| mid.is_some_and(fits_in_a_header)))
}

/// The engine puts 16 letters and digits into a packet's header, and changes other mids: a peer
/// would not know them.
fn fits_in_a_header(mid: &str) -> bool {
    mid.len() <= 16 && mid.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

pub(super) fn with(name: &str, value: impl ToString) -> Attribute {
    Attribute::with_value(name, value)
}

pub(super) fn media(section: &LocalSection, formats: String) -> Media {
    Media {
        media: section.kind.name().to_owned(),
        port: UNKNOWN_PORT,
        num_ports: None,
        proto: section.protocol.clone(),
        fmt: formats,
        media_title: None,
        connections: vec![Connection::new(NetType::In, AddrType::Ip4, "0.0.0.0")],
        bandwidths: Vec::new(),
        key: None,
        attributes: Vec::new(),
    }
}

fn formats(codecs: &[Codec]) -> String {
    let numbers: Vec<String> = codecs.iter().map(|c| c.payload_type.to_string()).collect();
    numbers.join(" ")
}

/// A section that is not wanted: port 0 and the formats as they came (RFC 3264 §6).
fn declined(section: &LocalSection) -> Media {
    let formats = match section.formats.is_empty() {
        true => "0".to_owned(),
        false => section.formats.join(" "),
    };
    let mut media = media(section, formats);
    media.port = 0;
    if let Some(mid) = &section.mid {
        media.add_attribute(with("mid", mid));
    }
    media.add_attribute(Attribute::new("inactive"));
    media
}

fn write_codecs(media: &mut Media, codecs: &[Codec]) {
    for codec in codecs {
        let channels = match codec.channels {
            1 => String::new(),
            more => format!("/{more}"),
        };
        let map = format!(
            "{} {}/{}{channels}",
            codec.payload_type, codec.name, codec.clock_rate
        );
        media.add_attribute(with("rtpmap", map));
        if !codec.parameters.is_empty() {
            let parameters = format!("{} {}", codec.payload_type, codec.parameters);
            media.add_attribute(with("fmtp", parameters));
        }
    }
}

fn codec_line(codec: AudioCodec, payload_type: u8) -> Codec {
    let (channels, parameters) = match codec {
        AudioCodec::Opus => (2, "minptime=10;useinbandfec=1"),
        AudioCodec::Pcmu | AudioCodec::Pcma => (1, ""),
    };
    Codec {
        payload_type,
        name: codec.name().to_owned(),
        clock_rate: codec.clock_rate(),
        channels,
        parameters: parameters.to_owned(),
    }
}

fn event_line(clock_rate: u32, payload_type: u8) -> Codec {
    Codec {
        payload_type,
        name: "telephone-event".to_owned(),
        clock_rate,
        channels: 1,
        parameters: "0-16".to_owned(),
    }
}

/// One clock rate of telephone events for each of the codecs' rates, in their order.
fn event_rates(codecs: impl Iterator<Item = AudioCodec>) -> Vec<u32> {
    let mut rates = Vec::new();
    for rate in codecs.map(AudioCodec::clock_rate) {
        if !rates.contains(&rate) {
            rates.push(rate);
        }
    }
    rates
}

impl LocalSection {
    /// A new section of ours.
    pub(crate) fn new(kind: SectionKind, mid: String) -> LocalSection {
        let protocol = match kind {
            SectionKind::Application => data::PROTOCOL,
            _ => PROFILE,
        };
        LocalSection {
            kind,
            mid: Some(mid),
            protocol: protocol.to_owned(),
            formats: Vec::new(),
            carried: true,
        }
    }

    /// Whether this declined section may become that new one.
    pub(crate) fn is_replaced_by(&self, new: &LocalSection) -> bool {
        !self.carried && self.kind == new.kind && self.protocol == new.protocol
    }
}
