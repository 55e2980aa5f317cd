//! Which payload types mean what to the engine. It is told once, at its beginning.
//!
//! Every number a later description may bring is known from the start: of audio only the clock
//! rate matters to the engine, and only for its own reports. A video codec's retransmissions have
//! a number of their own, and the engine must know which: those of Chromium, which are also ours,
//! count as such where nothing else is agreed on. Video that is added later under other numbers
//! works, without retransmissions.

use str0m::format::{Codec, CodecConfig, FormatParams};
use str0m::media::{Frequency, Pt};

use crate::sdp::{AudioAgreement, VideoAgreement, VideoPayload};
use crate::video::VideoCodec;

/// What Chromium and we use when nothing else is in the way.
const USUAL: [VideoPayload; 2] = [
    VideoPayload {
        codec: VideoCodec::Vp8,
        payload_type: 96,
        resend: Some(97),
    },
    VideoPayload {
        codec: VideoCodec::H264,
        payload_type: 108,
        resend: Some(109),
    },
];

pub(super) struct Numbers {
    video: Vec<VideoPayload>,
    /// Audio at 8 kHz beside the static ones.
    slow: Vec<u8>,
}

impl Numbers {
    pub(super) fn new(audio: Option<&AudioAgreement>, video: Option<&VideoAgreement>) -> Numbers {
        let events = || {
            let events = |audio: &AudioAgreement| {
                let events = audio.receive_events.iter().chain(&audio.send_events);
                events.copied().collect::<Vec<_>>()
            };
            audio.map(events).unwrap_or_default()
        };
        let slow = events().into_iter().filter(|(_, rate)| *rate == 8_000);
        let codecs = audio
            .iter()
            .flat_map(|audio| audio.receive.iter().chain(&audio.send))
            .map(|codec| codec.payload_type);
        let mut taken: Vec<u8> = codecs.collect();
        taken.extend(events().into_iter().map(|(number, _)| number));
        let agreed = video
            .iter()
            .flat_map(|video| video.send.iter().chain(&video.receive));
        let mut numbers = Numbers {
            video: Vec::new(),
            slow: slow.map(|(number, _)| number).collect(),
        };
        for payload in agreed.copied().chain(USUAL) {
            let number = payload.payload_type;
            if taken.contains(&number) {
                continue;
            }
            taken.push(number);
            let resend = payload.resend.filter(|resend| !taken.contains(resend));
            taken.extend(resend);
            numbers.video.push(VideoPayload { resend, ..payload });
        }
        numbers
    }

    /// Whether the number is one of video, as far as is known.
    pub(super) fn is_video(&self, number: u8) -> bool {
        self.video.iter().any(|known| known.payload_type == number)
    }

    pub(super) fn is_resend(&self, number: u8) -> bool {
        self.video.iter().any(|known| known.resend == Some(number))
    }

    pub(super) fn declare(&self, config: &mut CodecConfig) {
        let mut add = |number, resend: Option<u8>, codec, rate, channels| {
            if let Some(rate) = Frequency::new(rate) {
                let (number, resend) = (Pt::new_with_value(number), resend.map(Pt::new_with_value));
                let format = FormatParams::default();
                config.add_config(number, resend, codec, rate, channels, format);
            }
        };
        for payload in &self.video {
            let codec = match payload.codec {
                VideoCodec::Vp8 => Codec::Vp8,
                VideoCodec::H264 => Codec::H264,
            };
            add(payload.payload_type, payload.resend, codec, 90_000, None);
        }
        // From 64 to 95 lie the packet types of RTCP (RFC 5761 §4).
        for number in (0..=63).chain(96..=127) {
            if self.is_video(number) || self.is_resend(number) {
                continue;
            }
            let (codec, rate, channels) = match number {
                8 => (Codec::PCMA, 8_000, None),
                0..=34 => (Codec::PCMU, 8_000, None),
                _ if self.slow.contains(&number) => (Codec::PCMU, 8_000, None),
                _ => (Codec::Opus, 48_000, Some(2)),
            };
            add(number, None, codec, rate, channels);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AudioCodec;
    use crate::description::Direction;
    use crate::sdp::SendCodec;

    fn audio(payload_type: u8) -> AudioAgreement {
        let opus = SendCodec {
            codec: AudioCodec::Opus,
            payload_type,
        };
        AudioAgreement {
            mid: "0".into(),
            direction: Direction::SendRecv,
            send: vec![opus],
            receive: vec![opus],
            send_events: vec![(101, 8_000)],
            receive_events: vec![(101, 8_000)],
            mid_extension: None,
            remote_ssrcs: Vec::new(),
        }
    }

    #[test]
    fn what_is_agreed_on_comes_before_what_is_usual() {
        // Firefox: Opus under 109, where we would look for a retransmission.
        let vp8 = VideoPayload {
            codec: VideoCodec::Vp8,
            payload_type: 120,
            resend: Some(124),
        };
        let video = VideoAgreement {
            mid: "1".into(),
            direction: Direction::SendRecv,
            send: vec![vp8],
            receive: vec![vp8],
            feedback: Default::default(),
            mid_extension: None,
            remote_streams: Vec::new(),
        };
        let numbers = Numbers::new(Some(&audio(109)), Some(&video));
        assert!(numbers.is_video(120) && numbers.is_resend(124));
        assert!(numbers.is_video(96) && numbers.is_resend(97));
        assert!(numbers.is_video(108) && !numbers.is_resend(109));
        let mut config = CodecConfig::empty();
        numbers.declare(&mut config);
        let mut known: Vec<u8> = config.iter().map(|params| *params.pt()).collect();
        known.extend(
            config
                .iter()
                .filter_map(|params| params.resend())
                .map(|pt| *pt),
        );
        known.sort_unstable();
        let all: Vec<u8> = (0..=63).chain(96..=127).collect();
        assert_eq!(known, all, "each number has one meaning");
        let rate = |number| {
            let found = config.iter().find(|params| *params.pt() == number);
            found.map(|params| params.spec().clock_rate.get())
        };
        assert_eq!(rate(109), Some(48_000));
        assert_eq!(rate(101), Some(8_000));
        assert_eq!(rate(120), Some(90_000));
    }

    #[test]
    fn a_video_number_that_is_the_audios_is_the_audios() {
        let numbers = Numbers::new(Some(&audio(96)), None);
        assert!(!numbers.is_video(96) && !numbers.is_resend(97));
    }
}
