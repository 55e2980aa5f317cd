//! What an offer and its answer agree on.

use super::compose::LocalSection;
use super::description::{
    AUDIO, Codec, Credentials, Description, Fingerprint, Section, SectionKind, Setup, VIDEO,
};
use super::video::{self, VideoAgreement};
use crate::config::AudioCodec;
use crate::description::Direction;

/// What the offer and the answer agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agreement {
    /// `None` when every section is rejected: then nothing flows and no path is needed.
    pub(crate) transport: Option<TransportAgreement>,
    pub(crate) audio: Option<AudioAgreement>,
    pub(crate) video: Agreed<VideoAgreement>,
    pub(crate) data: Agreed<DataAgreement>,
}

/// What became of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Agreed<T> {
    /// There is none.
    Absent,
    /// One side does not want it.
    Declined,
    Carried(T),
}

/// What is agreed on for the data channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DataAgreement {
    /// The largest message the peer takes, in bytes.
    pub(crate) max_message_size: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TransportAgreement {
    pub(crate) remote: Credentials,
    pub(crate) fingerprint: Fingerprint,
    /// Whether this side opens the DTLS connection.
    pub(crate) active: bool,
    pub(crate) remote_is_lite: bool,
    pub(crate) candidates: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AudioAgreement {
    pub(crate) mid: String,
    /// Seen from this side.
    pub(crate) direction: Direction,
    /// What to send, by the peer's preference; the first is used.
    pub(crate) send: Vec<SendCodec>,
    /// What may come, by its payload type.
    pub(crate) receive: Vec<SendCodec>,
    /// Telephone events that may be sent: payload type and clock rate.
    pub(crate) send_events: Vec<(u8, u32)>,
    /// Telephone events that may come.
    pub(crate) receive_events: Vec<(u8, u32)>,
    /// The id of the header extension that carries the mid (RFC 9143 §15).
    pub(crate) mid_extension: Option<u8>,
    pub(crate) remote_ssrcs: Vec<u32>,
}

/// An audio codec under its payload type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SendCodec {
    pub(crate) codec: AudioCodec,
    pub(crate) payload_type: u8,
}

pub(crate) const MID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";

/// Compares both sides' descriptions. `active` is this side's role on the DTLS connection that
/// stands, if one does.
///
/// # Errors
///
/// A sentence about what the remote description lacks.
pub(crate) fn agree(
    local: &Description,
    remote: &Description,
    local_offered: bool,
    active: Option<bool>,
) -> Result<Agreement, String> {
    let audio = pair(local, remote, &AUDIO)?;
    let video = pair(local, remote, &VIDEO)?;
    let data = pair(local, remote, &SectionKind::Application)?;
    // There is one path, and it is the audio's where there is any.
    let others = [video.carried(), data.carried()];
    let leader = audio.carried().or(others.into_iter().flatten().min());
    let answer = if local_offered { remote } else { local };
    let shares = |index| leader.is_some_and(|leader| answer.share_path(leader, index));
    let sections = |index: usize| (&local.sections[index], &remote.sections[index]);
    let audio = match audio.carried() {
        Some(index) => {
            let (ours, theirs) = sections(index);
            Some(audio_agreement(ours, theirs, index, local_offered)?)
        }
        None => None,
    };
    let video = video.and_then(|index| {
        let (ours, theirs) = sections(index);
        let agreement = || video_agreement(ours, theirs, index, local_offered);
        shares(index).then(agreement).flatten()
    });
    let data = data.and_then(|index| {
        let sctp = remote.sections[index].sctp.as_ref();
        let sctp = sctp.filter(|_| shares(index))?;
        Some(DataAgreement {
            max_message_size: sctp.max_message_size,
        })
    });
    let carried = audio.is_some() || video.is_carried() || data.is_carried();
    let transport = match leader.filter(|_| carried) {
        None => None,
        Some(index) => {
            let theirs = remote.transport_of(&remote.sections[index]);
            let ours = local.transport_of(&local.sections[index]);
            let active = match local_offered {
                true => role(theirs.setup, active)?,
                false => ours.setup != Some(Setup::Passive),
            };
            Some(transport(theirs, active, remote.ice_lite)?)
        }
    };
    Ok(Agreement {
        transport,
        audio,
        video,
        data,
    })
}

impl<T> Agreed<T> {
    /// Goes on with what is carried; what comes to nothing then is declined.
    fn and_then<U>(self, next: impl FnOnce(T) -> Option<U>) -> Agreed<U> {
        match self {
            Agreed::Absent => Agreed::Absent,
            Agreed::Declined => Agreed::Declined,
            Agreed::Carried(value) => next(value).map_or(Agreed::Declined, Agreed::Carried),
        }
    }

    pub(crate) fn carried(&self) -> Option<T>
    where
        T: Clone,
    {
        match self {
            Agreed::Carried(value) => Some(value.clone()),
            Agreed::Absent | Agreed::Declined => None,
        }
    }

    fn is_carried(&self) -> bool {
        matches!(self, Agreed::Carried(_))
    }
}

/// Where both sides have a section of this kind and neither rejects it.
fn pair(
    local: &Description,
    remote: &Description,
    kind: &SectionKind,
) -> Result<Agreed<usize>, String> {
    let Some(index) = local.index_of(kind) else {
        return Ok(Agreed::Absent);
    };
    let ours = &local.sections[index];
    // An answer may have fewer lines than the offer: what is not there is rejected.
    let Some(theirs) = remote.sections.get(index) else {
        return Ok(Agreed::Declined);
    };
    if ours.kind != theirs.kind {
        return Err(format!(
            "its m= line {} is {} where the other side has {}; the order must be the same",
            index + 1,
            theirs.kind.name(),
            ours.kind.name()
        ));
    }
    if local.is_rejected(ours) || remote.is_rejected(theirs) {
        return Ok(Agreed::Declined);
    }
    Ok(Agreed::Carried(index))
}

fn audio_agreement(
    ours: &Section,
    theirs: &Section,
    index: usize,
    local_offered: bool,
) -> Result<AudioAgreement, String> {
    // The answer names the codecs that both know, the preferred one first.
    let answer = if local_offered { theirs } else { ours };
    let send = codecs(theirs, &answer.codecs, ours);
    if send.is_empty() {
        return Err(format!(
            "none of its audio codecs ({}) is one of ours",
            names(&theirs.codecs)
        ));
    }
    Ok(AudioAgreement {
        mid: mid(ours, theirs, index),
        direction: ours.direction.and(theirs.direction.reversed()),
        send,
        receive: codecs(ours, &answer.codecs, theirs),
        send_events: events(theirs, ours),
        receive_events: events(ours, theirs),
        mid_extension: mid_extension(ours, theirs, local_offered),
        remote_ssrcs: theirs.ssrcs.clone(),
    })
}

fn video_agreement(
    ours: &Section,
    theirs: &Section,
    index: usize,
    local_offered: bool,
) -> Option<VideoAgreement> {
    video::agree(
        ours,
        theirs,
        local_offered,
        mid(ours, theirs, index),
        mid_extension(ours, theirs, local_offered),
    )
}

/// The section's name, also where neither side gave it one.
fn mid(ours: &Section, theirs: &Section, index: usize) -> String {
    let given = ours.mid.clone().or_else(|| theirs.mid.clone());
    given.unwrap_or_else(|| index.to_string())
}

/// The header extension that carries the mid, when both sides have it; its number is the offer's.
fn mid_extension(ours: &Section, theirs: &Section, local_offered: bool) -> Option<u8> {
    let (offer, answer) = if local_offered {
        (ours, theirs)
    } else {
        (theirs, ours)
    };
    offer
        .extension(MID_URI)
        .filter(|_| answer.extension(MID_URI).is_some())
}

/// Whether a remote offer can be answered at all.
///
/// # Errors
///
/// A sentence about what it lacks.
pub(crate) fn check_remote_offer(
    offer: &Description,
    sections: &[LocalSection],
) -> Result<(), String> {
    // Sections never go away and never change what they are (RFC 3264 §8).
    if offer.sections.len() < sections.len() {
        return Err(format!(
            "it has {} m= lines where there were {} before; those no longer wanted stay with port 0",
            offer.sections.len(),
            sections.len()
        ));
    }
    let Some(index) = offer.index_of(&AUDIO) else {
        return Ok(());
    };
    let audio = &offer.sections[index];
    if audio.is_rtp() && !offer.is_rejected(audio) {
        check_transport(offer.transport_of(audio))?;
    }
    Ok(())
}

/// What a remote section must have so that a secure connection can be made at all.
pub(crate) fn check_transport(theirs: &Section) -> Result<(&Credentials, &Fingerprint), String> {
    let Some(credentials) = &theirs.credentials else {
        return Err(format!(
            "its {} has no a=ice-ufrag and a=ice-pwd; WebRTC media needs ICE (RFC 8445)",
            theirs.kind.name()
        ));
    };
    let strongest = ["sha-256", "sha-1"]
        .into_iter()
        .find_map(|hash| theirs.fingerprints.iter().find(|f| f.hash == hash));
    let Some(fingerprint) = strongest else {
        return Err(match theirs.fingerprints.first() {
            None => format!(
                "its {} ({}) has no a=fingerprint; WebRTC media needs DTLS (RFC 5763)",
                theirs.kind.name(),
                theirs.protocol
            ),
            Some(other) => format!(
                "its a=fingerprint uses {}; sha-256 would be right",
                other.hash
            ),
        });
    };
    Ok((credentials, fingerprint))
}

/// Whether this side, which has made the offer, opens the connection, by the answer's `a=setup`.
fn role(theirs: Option<Setup>, standing: Option<bool>) -> Result<bool, String> {
    match (theirs, standing) {
        (Some(Setup::Active), _) => Ok(false),
        (Some(Setup::Passive), _) => Ok(true),
        // It leaves open what was settled before (RFC 8842 §5.4); baresip says actpass whenever it
        // has offered first.
        (Some(Setup::ActPass) | None, Some(active)) => Ok(active),
        (None, None) => Ok(true),
        (Some(Setup::ActPass), None) => Err(
            "its answer has a=setup:actpass; an answer says active or passive (RFC 8842)".into(),
        ),
    }
}

fn transport(
    theirs: &Section,
    active: bool,
    remote_is_lite: bool,
) -> Result<TransportAgreement, String> {
    let (credentials, fingerprint) = check_transport(theirs)?;
    Ok(TransportAgreement {
        remote: credentials.clone(),
        fingerprint: fingerprint.clone(),
        active,
        remote_is_lite,
        candidates: theirs.candidates.clone(),
    })
}

/// The codecs of `named`, in the order of `preferred`, that `other` has too.
fn codecs(named: &Section, preferred: &[Codec], other: &Section) -> Vec<SendCodec> {
    let mut found: Vec<SendCodec> = Vec::new();
    for wanted in preferred.iter().filter_map(audio_codec) {
        let has = |section: &Section| {
            section
                .codecs
                .iter()
                .find(|codec| audio_codec(codec) == Some(wanted))
                .map(|codec| codec.payload_type)
        };
        if let (Some(payload_type), Some(_)) = (has(named), has(other))
            && !found.iter().any(|codec| codec.codec == wanted)
        {
            found.push(SendCodec {
                codec: wanted,
                payload_type,
            });
        }
    }
    found
}

fn events(named: &Section, other: &Section) -> Vec<(u8, u32)> {
    named
        .codecs
        .iter()
        .filter(|codec| is_event(codec))
        .filter(|codec| {
            let same = |c: &&Codec| is_event(c) && c.clock_rate == codec.clock_rate;
            other.codecs.iter().any(|c| same(&c))
        })
        .map(|codec| (codec.payload_type, codec.clock_rate))
        .collect()
}

pub(super) fn is_event(codec: &Codec) -> bool {
    codec.name.eq_ignore_ascii_case("telephone-event")
}

/// Which of our codecs this is.
pub(super) fn audio_codec(codec: &Codec) -> Option<AudioCodec> {
    [AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma]
        .into_iter()
        .find(|ours| {
            // The "2" of opus/48000/2 is fixed (RFC 7587 §7), yet some forget it.
            codec.name.eq_ignore_ascii_case(ours.name()) && codec.clock_rate == ours.clock_rate()
        })
}

fn names(codecs: &[Codec]) -> String {
    let names: Vec<&str> = codecs.iter().map(|codec| codec.name.as_str()).collect();
    names.join(", ")
}
