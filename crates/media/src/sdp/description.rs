//! A session description, read with the tolerance that peers from the SIP world need.

use sdp_types::{Attribute, Media, Session};

use super::data::Sctp;
use crate::description::{Direction, MediaKind};

/// The values of a session description that this crate acts on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Description {
    pub(crate) sections: Vec<Section>,
    /// The mids in the BUNDLE group, when there is one.
    pub(crate) bundle: Option<Vec<String>>,
    pub(crate) ice_lite: bool,
}

/// One `m=` section, with what it inherits from the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) kind: SectionKind,
    pub(crate) port: u16,
    pub(crate) protocol: String,
    /// The rest of the `m=` line.
    pub(crate) formats: Vec<String>,
    pub(crate) mid: Option<String>,
    pub(crate) direction: Direction,
    pub(crate) rtcp_mux: bool,
    pub(crate) bundle_only: bool,
    pub(crate) codecs: Vec<Codec>,
    pub(crate) ssrcs: Vec<u32>,
    /// Streams, each with that of its retransmissions (RFC 5576 §4.2, RFC 4588 §8.1).
    pub(crate) resends: Vec<(u32, u32)>,
    /// Feedback messages (RFC 4585 §4.2) and their payload types; `None` means all.
    pub(crate) feedback: Vec<(Option<u8>, String)>,
    pub(crate) extensions: Vec<(u8, String)>,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) fingerprints: Vec<Fingerprint>,
    pub(crate) setup: Option<Setup>,
    /// `candidate:…`, as they came.
    pub(crate) candidates: Vec<String>,
    /// What is said about data channels, where the section is for them.
    pub(crate) sctp: Option<Sctp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SectionKind {
    Media(MediaKind),
    /// Data channels.
    Application,
    Other(String),
}

pub(crate) const AUDIO: SectionKind = SectionKind::Media(MediaKind::Audio);
pub(crate) const VIDEO: SectionKind = SectionKind::Media(MediaKind::Video);

impl SectionKind {
    pub(crate) fn name(&self) -> &str {
        match self {
            SectionKind::Media(MediaKind::Audio) => "audio",
            SectionKind::Media(MediaKind::Video) => "video",
            SectionKind::Application => "application",
            SectionKind::Other(name) => name,
        }
    }

    fn parse(name: &str) -> SectionKind {
        match name.to_ascii_lowercase().as_str() {
            "audio" => SectionKind::Media(MediaKind::Audio),
            "video" => SectionKind::Media(MediaKind::Video),
            "application" => SectionKind::Application,
            _ => SectionKind::Other(name.to_owned()),
        }
    }
}

/// One payload type with its `a=rtpmap` and `a=fmtp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Codec {
    pub(crate) payload_type: u8,
    pub(crate) name: String,
    pub(crate) clock_rate: u32,
    pub(crate) channels: u8,
    pub(crate) parameters: String,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) ufrag: String,
    pub(crate) password: String,
}

impl std::fmt::Debug for Credentials {
    // The password authenticates the connectivity checks: it stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({})", self.ufrag)
    }
}

/// The digest of a DTLS certificate (RFC 8122).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    /// In lower case.
    pub(crate) hash: String,
    pub(crate) digest: Vec<u8>,
}

/// Who opens the DTLS connection (RFC 8842).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setup {
    Active,
    Passive,
    ActPass,
}

impl Setup {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Setup::Active => "active",
            Setup::Passive => "passive",
            Setup::ActPass => "actpass",
        }
    }
}

/// More sections than any call has.
const MOST_SECTIONS: usize = 64;
/// More of a repeated attribute than any call has.
const MOST_OF_ONE: usize = 256;

impl Description {
    /// Reads SDP text.
    ///
    /// # Errors
    ///
    /// A sentence about what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Description, String> {
        let session = Session::parse(text.as_bytes()).map_err(|e| format!("it is no SDP: {e}"))?;
        Description::read(&session)
    }

    pub(crate) fn read(session: &Session) -> Result<Description, String> {
        if session.medias.is_empty() {
            return Err("it has no m= line, so there is nothing to agree on".into());
        }
        if session.medias.len() > MOST_SECTIONS {
            let count = session.medias.len();
            return Err(format!(
                "it has {count} m= lines; at most {MOST_SECTIONS} are taken"
            ));
        }
        let bundle = values(&session.attributes, "group").find_map(|value| {
            let mut words = value.split_ascii_whitespace();
            words
                .next()
                .is_some_and(|semantics| semantics.eq_ignore_ascii_case("BUNDLE"))
                .then(|| words.map(str::to_owned).collect())
        });
        let ice_lite = has(&session.attributes, "ice-lite");
        let sections: Result<Vec<Section>, String> = session
            .medias
            .iter()
            .map(|media| Section::read(media, session))
            .collect();
        Ok(Description {
            sections: sections?,
            bundle,
            ice_lite,
        })
    }

    /// The section that may carry media of this kind: the first that is not rejected, else the
    /// first. Of each kind one is carried.
    pub(crate) fn index_of(&self, kind: &SectionKind) -> Option<usize> {
        let is_kind = |section: &Section| section.kind == *kind;
        self.sections
            .iter()
            .position(|section| is_kind(section) && !self.is_rejected(section))
            .or_else(|| self.sections.iter().position(is_kind))
    }

    /// The section whose transport attributes hold for this one: itself, or, where it rides in a
    /// bundle and has none, the first in the bundle that has some (RFC 9143 §7.1.3).
    pub(crate) fn transport_of<'a>(&'a self, section: &'a Section) -> &'a Section {
        if section.credentials.is_some() {
            return section;
        }
        let mids = match (&self.bundle, &section.mid) {
            (Some(mids), Some(mid)) if mids.contains(mid) => mids,
            _ => return section,
        };
        mids.iter()
            .filter_map(|mid| {
                let is_named = |s: &&Section| s.mid.as_ref() == Some(mid);
                self.sections.iter().find(is_named)
            })
            .find(|section| section.credentials.is_some())
            .unwrap_or(section)
    }

    /// Whether both sections go over one path: they are the same or in one bundle.
    pub(crate) fn share_path(&self, one: usize, other: usize) -> bool {
        let bundled = |index: usize| {
            let mid = self.sections.get(index).and_then(|s| s.mid.as_ref());
            match (&self.bundle, mid) {
                (Some(mids), Some(mid)) => mids.contains(mid),
                _ => false,
            }
        };
        one == other || (bundled(one) && bundled(other))
    }

    /// Port 0 rejects a section, unless it only says that the section rides in the bundle
    /// (RFC 9143 §6).
    pub(crate) fn is_rejected(&self, section: &Section) -> bool {
        let bundled = || match (&self.bundle, &section.mid) {
            (Some(mids), Some(mid)) => mids.contains(mid),
            _ => false,
        };
        section.port == 0 && !(section.bundle_only && bundled())
    }
}

impl Section {
    fn read(media: &Media, session: &Session) -> Result<Section, String> {
        let own = &media.attributes;
        let all = &session.attributes;
        // Transport attributes may stand in the session for every section (RFC 8839, RFC 8122).
        let inherited = |name: &'static str| {
            values(own, name)
                .next()
                .or_else(|| values(all, name).next())
                .map(str::to_owned)
        };
        let direction = direction_of(own)
            .or_else(|| direction_of(all))
            .unwrap_or_default();
        let formats: Vec<String> = media
            .fmt
            .split_ascii_whitespace()
            .map(str::to_owned)
            .collect();
        let kind = SectionKind::parse(&media.media);
        let codecs = match kind {
            SectionKind::Media(_) => codecs(&formats, own),
            _ => Vec::new(),
        };
        let credentials = match (inherited("ice-ufrag"), inherited("ice-pwd")) {
            (Some(ufrag), Some(password)) => Some(Credentials { ufrag, password }),
            _ => None,
        };
        let fingerprints = {
            let mine: Vec<&str> = values(own, "fingerprint").take(MOST_OF_ONE).collect();
            let lines = if mine.is_empty() {
                values(all, "fingerprint").take(MOST_OF_ONE).collect()
            } else {
                mine
            };
            lines
                .into_iter()
                .map(fingerprint)
                .collect::<Result<_, _>>()?
        };
        let setup = match inherited("setup").as_deref() {
            None => None,
            Some(role) if role.eq_ignore_ascii_case("active") => Some(Setup::Active),
            Some(role) if role.eq_ignore_ascii_case("passive") => Some(Setup::Passive),
            Some(role) if role.eq_ignore_ascii_case("actpass") => Some(Setup::ActPass),
            Some(role) => {
                return Err(format!(
                    "a=setup:{role} is none of active, passive and actpass"
                ));
            }
        };
        let mut ssrcs: Vec<u32> = Vec::new();
        for value in values(own, "ssrc").take(MOST_OF_ONE) {
            let number = value.split_ascii_whitespace().next();
            if let Some(ssrc) = number.and_then(|n| n.parse().ok())
                && !ssrcs.contains(&ssrc)
            {
                ssrcs.push(ssrc);
            }
        }
        let resends = values(own, "ssrc-group")
            .filter_map(|value| {
                let numbers = value.strip_prefix("FID ")?;
                let (main, resend) = numbers.trim().split_once(' ')?;
                Some((main.parse().ok()?, resend.trim().parse().ok()?))
            })
            .take(MOST_OF_ONE)
            .collect();
        let feedback = values(own, "rtcp-fb")
            .filter_map(|value| {
                let (number, message) = value.trim().split_once(' ')?;
                let number = match number {
                    "*" => None,
                    number => Some(number.parse().ok()?),
                };
                let words: Vec<&str> = message.split_ascii_whitespace().collect();
                Some((number, words.join(" ").to_ascii_lowercase()))
            })
            .take(MOST_OF_ONE)
            .collect();
        let extensions = values(own, "extmap")
            .chain(values(all, "extmap"))
            .filter_map(|value| {
                let (id, uri) = value.split_once(' ')?;
                let id = id.split('/').next()?.parse().ok()?;
                Some((id, uri.split(' ').next()?.to_owned()))
            })
            .take(MOST_OF_ONE)
            .collect();
        let candidates = values(own, "candidate")
            .map(|value| format!("candidate:{value}"))
            .take(MOST_OF_ONE)
            .collect();
        let sctp = match kind {
            SectionKind::Application => Sctp::read(&media.proto, &formats, own),
            _ => None,
        };
        Ok(Section {
            kind,
            port: media.port,
            protocol: media.proto.clone(),
            formats,
            mid: values(own, "mid").next().map(|mid| mid.trim().to_owned()),
            direction,
            rtcp_mux: has(own, "rtcp-mux") || has(own, "rtcp-mux-only"),
            bundle_only: has(own, "bundle-only"),
            codecs,
            ssrcs,
            resends,
            feedback,
            extensions,
            credentials,
            fingerprints,
            setup,
            candidates,
            sctp,
        })
    }

    /// Whether the section's profile is one of RTP, with or without the letters for security and
    /// feedback: what is meant is told by the fingerprint (RFC 8829 §5.1.2).
    pub(crate) fn is_rtp(&self) -> bool {
        let known = [
            "UDP/TLS/RTP/SAVPF",
            "UDP/TLS/RTP/SAVP",
            "RTP/SAVPF",
            "RTP/SAVP",
            "RTP/AVPF",
            "RTP/AVP",
            "TCP/DTLS/RTP/SAVPF",
            "TCP/TLS/RTP/SAVPF",
        ];
        known.iter().any(|p| self.protocol.eq_ignore_ascii_case(p))
    }

    pub(crate) fn extension(&self, uri: &str) -> Option<u8> {
        self.extensions
            .iter()
            .find(|(_, known)| known == uri)
            .map(|(id, _)| *id)
    }
}

pub(super) fn values<'a>(
    attributes: &'a [Attribute],
    name: &'a str,
) -> impl Iterator<Item = &'a str> {
    attributes
        .iter()
        .filter(move |attribute| attribute.attribute.eq_ignore_ascii_case(name))
        .filter_map(|attribute| attribute.value.as_deref())
}

fn has(attributes: &[Attribute], name: &str) -> bool {
    attributes
        .iter()
        .any(|attribute| attribute.attribute.eq_ignore_ascii_case(name))
}

fn direction_of(attributes: &[Attribute]) -> Option<Direction> {
    attributes
        .iter()
        .find_map(|attribute| Direction::parse(attribute.attribute.trim()))
}

fn fingerprint(line: &str) -> Result<Fingerprint, String> {
    let wrong = || format!("a=fingerprint:{line} is no hash name and hexadecimal bytes");
    let mut words = line.split_ascii_whitespace();
    let (Some(hash), Some(digest)) = (words.next(), words.next()) else {
        return Err(wrong());
    };
    let digest: Result<Vec<u8>, _> = digest
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16))
        .collect();
    Ok(Fingerprint {
        hash: hash.to_ascii_lowercase(),
        digest: digest.map_err(|_| wrong())?,
    })
}

/// The codecs in the order of the `m=` line.
fn codecs(formats: &[String], attributes: &[Attribute]) -> Vec<Codec> {
    let of = |name: &'static str, payload_type: u8| {
        values(attributes, name).find_map(move |value| {
            let (number, rest) = value.trim().split_once(' ')?;
            (number.parse::<u8>() == Ok(payload_type)).then(|| rest.trim().to_owned())
        })
    };
    let mut codecs: Vec<Codec> = Vec::new();
    for format in formats {
        let Ok(payload_type) = format.parse::<u8>() else {
            continue;
        };
        if payload_type > 127 || codecs.iter().any(|c| c.payload_type == payload_type) {
            continue;
        }
        let Some(map) = of("rtpmap", payload_type).or_else(|| static_map(payload_type)) else {
            continue;
        };
        let mut parts = map.split('/');
        let (Some(name), Some(rate)) = (parts.next(), parts.next()) else {
            continue;
        };
        let Ok(clock_rate) = rate.trim().parse() else {
            continue;
        };
        let channels = parts.next().and_then(|c| c.trim().parse().ok());
        codecs.push(Codec {
            payload_type,
            name: name.to_owned(),
            clock_rate,
            channels: channels.unwrap_or(1),
            parameters: of("fmtp", payload_type).unwrap_or_default(),
        });
    }
    codecs
}

/// Payload types that need no `a=rtpmap` (RFC 3551 §6).
fn static_map(payload_type: u8) -> Option<String> {
    let map = match payload_type {
        0 => "PCMU/8000",
        3 => "GSM/8000",
        8 => "PCMA/8000",
        9 => "G722/8000",
        13 => "CN/8000",
        18 => "G729/8000",
        _ => return None,
    };
    Some(map.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

    fn read(rest: &str) -> Description {
        Description::parse(&format!("{SHORT}{rest}")).unwrap()
    }

    #[test]
    fn what_is_missing_has_its_default() {
        let description =
            read("m=audio 4000 RTP/SAVPF 0 101\r\na=rtpmap:101 telephone-event/8000\r\n");
        let section = &description.sections[0];
        assert_eq!(section.direction, Direction::SendRecv);
        assert_eq!(section.mid, None);
        assert!(!section.rtcp_mux);
        assert_eq!(section.codecs[0].name, "PCMU");
        assert_eq!(section.codecs[1].clock_rate, 8_000);
        assert_eq!(description.bundle, None);
        assert!(section.is_rtp());
    }

    #[test]
    fn session_attributes_hold_for_every_section_unless_it_has_its_own() {
        let description = read(
            "a=sendonly\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=setup:active\r\n\
             a=fingerprint:SHA-256 AB:CD\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=inactive\r\na=setup:passive\r\n",
        );
        let [audio, video] = description.sections.as_slice() else {
            panic!("two sections");
        };
        assert_eq!(audio.direction, Direction::SendOnly);
        assert_eq!(audio.setup, Some(Setup::Active));
        assert_eq!(audio.fingerprints[0].hash, "sha-256");
        assert_eq!(audio.fingerprints[0].digest, [0xab, 0xcd]);
        assert_eq!(video.direction, Direction::Inactive);
        assert_eq!(video.setup, Some(Setup::Passive));
        assert_eq!(video.credentials.as_ref().unwrap().ufrag, "u");
    }

    #[test]
    fn port_zero_is_a_rejection_but_not_in_a_bundle() {
        let description = read(
            "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n\
             m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=bundle-only\r\n\
             m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\n",
        );
        let rejected: Vec<bool> = description
            .sections
            .iter()
            .map(|section| description.is_rejected(section))
            .collect();
        assert_eq!(rejected, [false, false, true]);
    }

    #[test]
    fn what_cannot_be_understood_is_said() {
        for (text, word) in [
            ("", "m= line"),
            (
                "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=setup:maybe\r\n",
                "maybe",
            ),
            (
                "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=fingerprint:sha-256 XX\r\n",
                "XX",
            ),
        ] {
            let error = Description::parse(&format!("{SHORT}{text}")).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
        assert!(Description::parse("INVITE sip:bob SIP/2.0").is_err());
    }
}
