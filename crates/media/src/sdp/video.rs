//! Video sections: codecs with their retransmissions (RFC 4588) and feedback (RFC 4585, RFC 5104).

use sdp_types::Media;

use super::compose::{Composer, Local, LocalSection, media, with};
use super::description::{Codec, Section, Setup};
use crate::description::Direction;
use crate::video::{CLOCK_RATE, VideoCodec};

/// What stays the same of the video in all descriptions of one peer connection.
#[derive(Clone, Debug)]
pub(crate) struct VideoTrack {
    pub(crate) codecs: Vec<VideoCodec>,
    /// Whether video that the peer offers is accepted.
    pub(crate) accept: bool,
    pub(crate) ssrc: u32,
    /// Of the retransmissions.
    pub(crate) resend_ssrc: u32,
    pub(crate) track_id: String,
}

/// What is agreed on for the video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VideoAgreement {
    pub(crate) mid: String,
    /// Seen from this side.
    pub(crate) direction: Direction,
    /// What may be sent, by the answerer's preference.
    pub(crate) send: Vec<VideoPayload>,
    /// What may come, by its payload type.
    pub(crate) receive: Vec<VideoPayload>,
    pub(crate) feedback: Feedback,
    /// The id of the header extension that carries the mid (RFC 9143 §15).
    pub(crate) mid_extension: Option<u8>,
    /// The peer's streams, each with that of its retransmissions.
    pub(crate) remote_streams: Vec<(u32, Option<u32>)>,
}

impl VideoAgreement {
    /// The codec of a packet that comes. The peer may use the number it announced or, against
    /// RFC 3264 yet seen, ours.
    pub(crate) fn codec_of(&self, payload_type: u8) -> Option<VideoCodec> {
        self.receive
            .iter()
            .chain(&self.send)
            .find(|payload| payload.payload_type == payload_type)
            .map(|payload| payload.codec)
    }
}

/// A video codec under its payload type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VideoPayload {
    pub(crate) codec: VideoCodec,
    pub(crate) payload_type: u8,
    /// The payload type of its retransmissions.
    pub(crate) resend: Option<u8>,
}

/// The feedback messages that may be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Feedback {
    /// Generic NACK (RFC 4585 §6.2.1).
    pub(crate) nack: bool,
    /// Picture loss indication (RFC 4585 §6.3.1).
    pub(crate) pli: bool,
    /// Full intra request (RFC 5104 §4.3.1).
    pub(crate) fir: bool,
}

const FIR: &str = "ccm fir";
const NACK: &str = "nack";
const PLI: &str = "nack pli";

/// What an offer says of H.264: constrained baseline, level 3.1 (RFC 6184 §8.1).
const H264_PARAMETERS: &str =
    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";

/// A codec's lines in a description of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    payload: VideoPayload,
    parameters: String,
    feedback: Feedback,
}

impl Line {
    pub(super) fn formats(lines: &[Line]) -> String {
        let numbers = lines
            .iter()
            .flat_map(|line| [Some(line.payload.payload_type), line.payload.resend])
            .flatten();
        numbers
            .map(|number| number.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// The lines of an offer: with the numbers agreed on before (RFC 3264 §8.3.2), else the usual
/// ones, and none of those in `taken`.
pub(super) fn offered(
    codecs: &[VideoCodec],
    previous: Option<&Section>,
    taken: &[u8],
) -> Vec<Line> {
    let mut taken = taken.to_vec();
    let known: Vec<VideoPayload> = codecs
        .iter()
        .filter_map(|codec| payload(previous?, *codec, None))
        .collect();
    for payload in &known {
        taken.push(payload.payload_type);
        taken.extend(payload.resend);
    }
    let mut free = |usual: u8| {
        let number = std::iter::once(usual)
            .chain(96..=127)
            .find(|number| !taken.contains(number))?;
        taken.push(number);
        Some(number)
    };
    let mut lines = Vec::new();
    for codec in codecs {
        // Chromium's numbers.
        let usual = match codec {
            VideoCodec::Vp8 => 96,
            VideoCodec::H264 => 108,
        };
        let payload = match known.iter().find(|known| known.codec == *codec) {
            Some(known) => Some(*known),
            None => free(usual).map(|payload_type| VideoPayload {
                codec: *codec,
                payload_type,
                resend: free(usual + 1),
            }),
        };
        let parameters = match codec {
            VideoCodec::Vp8 => "",
            VideoCodec::H264 => H264_PARAMETERS,
        };
        lines.extend(payload.map(|payload| Line {
            payload,
            parameters: parameters.to_owned(),
            feedback: Feedback {
                nack: true,
                pli: true,
                fir: true,
            },
        }));
    }
    lines
}

/// The lines of an answer: the offer's codecs that are ours too, under its numbers and in its
/// order, with the feedback that it offers (RFC 4585 §4.2).
pub(super) fn answered(codecs: &[VideoCodec], theirs: &Section) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for codec in theirs.codecs.iter().filter_map(video_codec) {
        if !codecs.contains(&codec) || lines.iter().any(|line| line.payload.codec == codec) {
            continue;
        }
        let Some(payload) = payload(theirs, codec, None) else {
            continue;
        };
        let parameters = match codec {
            VideoCodec::Vp8 => String::new(),
            // The profile is the offer's (RFC 6184 §8.2.2).
            VideoCodec::H264 => {
                let offered = theirs
                    .codecs
                    .iter()
                    .find(|codec| codec.payload_type == payload.payload_type);
                let profile = offered.and_then(|codec| parameter(codec, "profile-level-id"));
                match profile {
                    None => "packetization-mode=1".to_owned(),
                    Some(profile) => format!(
                        "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={profile}"
                    ),
                }
            }
        };
        lines.push(Line {
            payload,
            parameters,
            feedback: feedback(theirs, payload.payload_type),
        });
    }
    lines
}

impl Composer {
    /// A video section.
    #[expect(
        clippy::too_many_arguments,
        reason = "an offer and an answer differ in all of these"
    )]
    pub(super) fn video(
        &self,
        section: &LocalSection,
        local: &Local<'_>,
        setup: Setup,
        lines: &[Line],
        direction: Direction,
        (mid, mid_extension): (Option<&str>, Option<u8>),
        rtcp_mux: bool,
    ) -> Media {
        let track = &self.video;
        let mut media = media(section, Line::formats(lines));
        self.transport(&mut media, local, setup);
        let id = &track.track_id;
        self.middle(&mut media, mid, mid_extension, direction, id, rtcp_mux);
        write(&mut media, lines);
        if direction.is_sending() {
            let (ssrc, resend) = (track.ssrc, track.resend_ssrc);
            let mut streams = vec![ssrc];
            if lines.iter().any(|line| line.payload.resend.is_some()) {
                media.add_attribute(with("ssrc-group", format!("FID {ssrc} {resend}")));
                streams.push(resend);
            }
            for stream in streams {
                media.add_attribute(with("ssrc", format!("{stream} cname:{}", self.cname)));
            }
        }
        media
    }
}

/// Writes the codecs of a section.
pub(super) fn write(media: &mut Media, lines: &[Line]) {
    for Line {
        payload,
        parameters,
        feedback,
    } in lines
    {
        let mut add = |name: &str, value: String| {
            media.add_attribute(with(name, value));
        };
        let number = payload.payload_type;
        let map = format!("{number} {}/{CLOCK_RATE}", payload.codec.name());
        add("rtpmap", map);
        let messages = [
            (feedback.fir, FIR),
            (feedback.nack, NACK),
            (feedback.pli, PLI),
        ];
        for (_, message) in messages.iter().filter(|(wanted, _)| *wanted) {
            add("rtcp-fb", format!("{number} {message}"));
        }
        if !parameters.is_empty() {
            add("fmtp", format!("{number} {parameters}"));
        }
        if let Some(resend) = payload.resend {
            add("rtpmap", format!("{resend} rtx/{CLOCK_RATE}"));
            add("fmtp", format!("{resend} apt={number}"));
        }
    }
}

/// What both sides' sections agree on; `None` without a common codec.
pub(super) fn agree(
    ours: &Section,
    theirs: &Section,
    local_offered: bool,
    mid: String,
    mid_extension: Option<u8>,
) -> Option<VideoAgreement> {
    let answer = if local_offered { theirs } else { ours };
    let (send, receive) = (
        payloads(theirs, answer, ours),
        payloads(ours, answer, theirs),
    );
    let first = send.first()?;
    // Both sides name the messages that may be sent; the answer's are those of both.
    let answered = payload(answer, first.codec, None)?;
    let remote_streams = theirs
        .ssrcs
        .iter()
        .filter(|ssrc| !theirs.resends.iter().any(|(_, resend)| resend == *ssrc))
        .map(|ssrc| {
            let resend = theirs.resends.iter().find(|(main, _)| main == ssrc);
            (*ssrc, resend.map(|(_, resend)| *resend))
        })
        .collect();
    Some(VideoAgreement {
        mid,
        direction: ours.direction.and(theirs.direction.reversed()),
        receive,
        feedback: feedback(answer, answered.payload_type),
        mid_extension,
        remote_streams,
        send,
    })
}

/// The codecs of `named` that the answer names and `other` has too, in the answer's order.
fn payloads(named: &Section, answer: &Section, other: &Section) -> Vec<VideoPayload> {
    let mut found: Vec<VideoPayload> = Vec::new();
    for line in &answer.codecs {
        let Some(codec) = video_codec(line) else {
            continue;
        };
        // An offer may have a codec several times; the answer's number says which is meant.
        let preferred = Some(line.payload_type);
        let (Some(mut ours), Some(theirs)) = (
            payload(named, codec, preferred),
            payload(other, codec, preferred),
        ) else {
            continue;
        };
        if found.iter().all(|known| known.codec != codec) {
            ours.resend = ours.resend.filter(|_| theirs.resend.is_some());
            found.push(ours);
        }
    }
    found
}

/// Where a section has this codec: under the preferred number, else where it fits best.
fn payload(section: &Section, codec: VideoCodec, preferred: Option<u8>) -> Option<VideoPayload> {
    let candidates = || {
        section
            .codecs
            .iter()
            .filter(|line| video_codec(line) == Some(codec))
    };
    let line = candidates()
        .find(|line| Some(line.payload_type) == preferred)
        .or_else(|| candidates().find(|line| is_constrained(line)))
        .or_else(|| candidates().next())?;
    let resend = section.codecs.iter().find(|resend| {
        let target = parameter(resend, "apt").and_then(|number| number.parse().ok());
        resend.name.eq_ignore_ascii_case("rtx") && target == Some(line.payload_type)
    });
    Some(VideoPayload {
        codec,
        payload_type: line.payload_type,
        resend: resend.map(|line| line.payload_type),
    })
}

/// Which of our codecs this is. Of H.264, the baseline profile in packetization mode 1.
pub(super) fn video_codec(line: &Codec) -> Option<VideoCodec> {
    let codec = [VideoCodec::Vp8, VideoCodec::H264]
        .into_iter()
        .find(|codec| line.name.eq_ignore_ascii_case(codec.name()))?;
    let fits = match codec {
        VideoCodec::Vp8 => true,
        VideoCodec::H264 => {
            let baseline = parameter(line, "profile-level-id")
                .is_none_or(|profile| profile.to_ascii_lowercase().starts_with("42"));
            baseline && parameter(line, "packetization-mode") == Some("1")
        }
    };
    (fits && line.clock_rate == CLOCK_RATE).then_some(codec)
}

/// Whether an H.264 line is of the constrained baseline profile, which every peer can decode.
fn is_constrained(line: &Codec) -> bool {
    parameter(line, "profile-level-id")
        .is_some_and(|profile| profile.to_ascii_lowercase().starts_with("42e0"))
}

fn parameter<'a>(line: &'a Codec, name: &str) -> Option<&'a str> {
    line.parameters.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key.trim().eq_ignore_ascii_case(name)).then(|| value.trim())
    })
}

/// The feedback a section offers for this payload type.
fn feedback(section: &Section, payload_type: u8) -> Feedback {
    let has = |message: &str| {
        section.feedback.iter().any(|(number, known)| {
            number.is_none_or(|number| number == payload_type) && known == message
        })
    };
    Feedback {
        nack: has(NACK),
        pli: has(PLI),
        fir: has(FIR),
    }
}

#[cfg(test)]
mod tests {
    use super::super::description::Description;
    use super::*;

    const BOTH: &[VideoCodec] = &[VideoCodec::Vp8, VideoCodec::H264];

    fn section(lines: &str) -> Section {
        let text = format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{lines}");
        Description::parse(&text).unwrap().sections.remove(0)
    }

    fn written(lines: &[Line]) -> Vec<String> {
        let mut media = sdp_types::Media {
            media: "video".into(),
            port: 9,
            num_ports: None,
            proto: "UDP/TLS/RTP/SAVPF".into(),
            fmt: Line::formats(lines),
            media_title: None,
            connections: Vec::new(),
            bandwidths: Vec::new(),
            key: None,
            attributes: Vec::new(),
        };
        write(&mut media, lines);
        let lines = media.attributes.iter();
        let lines = lines.map(|a| format!("{}:{}", a.attribute, a.value.as_deref().unwrap_or("")));
        std::iter::once(media.fmt.clone()).chain(lines).collect()
    }

    /// What Chromium offers, shortened.
    const CHROMIUM: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104 108 109 98\r\n\
        a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 transport-cc\r\n\
        a=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n\
        a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:102 H264/90000\r\n\
        a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f\r\n\
        a=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\na=rtpmap:104 H264/90000\r\n\
        a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f\r\n\
        a=rtpmap:108 H264/90000\r\na=rtcp-fb:108 nack pli\r\n\
        a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n\
        a=rtpmap:109 rtx/90000\r\na=fmtp:109 apt=108\r\na=rtpmap:98 VP9/90000\r\n\
        a=ssrc-group:FID 7 8\r\na=ssrc:7 cname:c\r\na=ssrc:8 cname:c\r\n";

    #[test]
    fn an_offer_has_every_codec_with_feedback_and_retransmission() {
        assert_eq!(
            written(&offered(BOTH, None, &[111, 0, 8, 110, 126])),
            [
                "96 97 108 109",
                "rtpmap:96 VP8/90000",
                "rtcp-fb:96 ccm fir",
                "rtcp-fb:96 nack",
                "rtcp-fb:96 nack pli",
                "rtpmap:97 rtx/90000",
                "fmtp:97 apt=96",
                "rtpmap:108 H264/90000",
                "rtcp-fb:108 ccm fir",
                "rtcp-fb:108 nack",
                "rtcp-fb:108 nack pli",
                "fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
                "rtpmap:109 rtx/90000",
                "fmtp:109 apt=108",
            ]
        );
    }

    #[test]
    fn an_offer_avoids_the_audios_numbers_and_keeps_those_agreed_on() {
        // Firefox has Opus under 109.
        let lines = offered(BOTH, None, &[109, 96]);
        assert_eq!(Line::formats(&lines), "97 98 108 99");
        let before = section(
            "m=video 9 UDP/TLS/RTP/SAVPF 120 124\r\na=rtpmap:120 VP8/90000\r\n\
             a=rtpmap:124 rtx/90000\r\na=fmtp:124 apt=120\r\n",
        );
        let lines = offered(BOTH, Some(&before), &[109]);
        assert_eq!(Line::formats(&lines), "120 124 108 96");
    }

    #[test]
    fn an_answer_takes_the_offers_numbers_and_the_best_h264() {
        assert_eq!(
            written(&answered(BOTH, &section(CHROMIUM))),
            [
                "96 97 108 109",
                "rtpmap:96 VP8/90000",
                "rtcp-fb:96 ccm fir",
                "rtcp-fb:96 nack",
                "rtcp-fb:96 nack pli",
                "rtpmap:97 rtx/90000",
                "fmtp:97 apt=96",
                "rtpmap:108 H264/90000",
                "rtcp-fb:108 nack pli",
                "fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
                "rtpmap:109 rtx/90000",
                "fmtp:109 apt=108",
            ]
        );
        let vp8 = answered(&[VideoCodec::Vp8], &section(CHROMIUM));
        assert_eq!(Line::formats(&vp8), "96 97");
    }

    #[test]
    fn an_answer_to_a_plain_peer_has_no_feedback_and_no_retransmission() {
        let plain = section(
            "m=video 4000 RTP/SAVPF 99\r\na=rtpmap:99 H264/90000\r\n\
             a=fmtp:99 packetization-mode=1; profile-level-id=42801F\r\n",
        );
        assert_eq!(
            written(&answered(BOTH, &plain)),
            [
                "99",
                "rtpmap:99 H264/90000",
                "fmtp:99 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42801F",
            ]
        );
        let modes = section("m=video 4000 RTP/SAVPF 99\r\na=rtpmap:99 H264/90000\r\n");
        assert!(answered(BOTH, &modes).is_empty(), "mode 0 is not spoken");
    }

    #[test]
    fn wildcard_feedback_counts_for_every_codec() {
        let wild =
            section("m=video 9 RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:* nack pli\r\n");
        let expected = Feedback {
            pli: true,
            ..Feedback::default()
        };
        assert_eq!(feedback(&wild, 96), expected);
    }

    #[test]
    fn both_sides_agree_on_numbers_feedback_and_streams() {
        let offer = section(CHROMIUM);
        let answer = section(
            "m=video 9 UDP/TLS/RTP/SAVPF 108 109 96\r\na=rtpmap:108 H264/90000\r\n\
             a=rtcp-fb:108 nack pli\r\na=recvonly\r\n\
             a=fmtp:108 packetization-mode=1;profile-level-id=42e01f\r\n\
             a=rtpmap:109 rtx/90000\r\na=fmtp:109 apt=108\r\na=rtpmap:96 VP8/90000\r\n",
        );
        let h264 = VideoPayload {
            codec: VideoCodec::H264,
            payload_type: 108,
            resend: Some(109),
        };
        let vp8 = VideoPayload {
            codec: VideoCodec::Vp8,
            payload_type: 96,
            // The answer has none.
            resend: None,
        };
        let seen = agree(&answer, &offer, false, "1".into(), None).unwrap();
        assert_eq!(seen.send, [h264, vp8]);
        assert_eq!(seen.receive, [h264, vp8]);
        assert_eq!(seen.direction, Direction::RecvOnly);
        assert_eq!(seen.remote_streams, [(7, Some(8))]);
        assert!(seen.feedback.pli && !seen.feedback.nack && !seen.feedback.fir);
        assert_eq!(seen.codec_of(96), Some(VideoCodec::Vp8));
        assert_eq!(seen.codec_of(109), None);
        let seen = agree(&offer, &answer, true, "1".into(), None).unwrap();
        assert_eq!(seen.direction, Direction::SendOnly);
        assert!(seen.remote_streams.is_empty());
        let other = section("m=video 9 UDP/TLS/RTP/SAVPF 98\r\na=rtpmap:98 VP9/90000\r\n");
        assert_eq!(agree(&offer, &other, true, "1".into(), None), None);
    }
}
