//! Encoders and decoders: one frame of 20 ms in, one RTP payload out, and back.

mod concealment;
mod g711;
mod telephone_event;

use opus_pure::{Application, OpusDecoder, OpusEncoder};

use crate::config::AudioCodec;
use crate::error::MediaError;
use concealment::Concealment;
use g711::Law;

pub(crate) use telephone_event::{TelephoneEvent, event_code, tone_of};

/// What an RTP packet carries: 20 ms.
pub(crate) const FRAMES_PER_SECOND: u32 = 50;

/// The longest packet Opus allows is 120 ms.
const LONGEST_OPUS: usize = 5760;

/// Speech and music in good quality, and still three calls fit into one of G.711.
const OPUS_BITRATE: i32 = 32_000;

/// Turns samples into payloads.
pub(crate) enum Encoder {
    Opus(Box<OpusEncoder>),
    G711(Law),
}

impl Encoder {
    pub(crate) fn new(codec: AudioCodec) -> Result<Encoder, MediaError> {
        Ok(match codec {
            AudioCodec::Opus => {
                let mut encoder = OpusEncoder::new(48_000, 1, Application::Voip).map_err(engine)?;
                encoder.bitrate_bps = OPUS_BITRATE;
                encoder.use_inband_fec = true;
                encoder.packet_loss_perc = 5;
                // The highest settings double the work for a gain nobody hears in a call.
                encoder.complexity = 5;
                Encoder::Opus(Box::new(encoder))
            }
            AudioCodec::Pcmu => Encoder::G711(Law::Mu),
            AudioCodec::Pcma => Encoder::G711(Law::A),
        })
    }

    /// Codes one frame of 20 ms at the codec's rate.
    pub(crate) fn encode(
        &mut self,
        frame: &[i16],
        payload: &mut Vec<u8>,
    ) -> Result<(), MediaError> {
        payload.clear();
        match self {
            Encoder::Opus(encoder) => {
                payload.resize(opus_pure::MAX_PACKET_BYTES, 0);
                let length = encoder
                    .encode_s16(frame, frame.len(), payload)
                    .map_err(engine)?;
                payload.truncate(length);
            }
            Encoder::G711(law) => payload.extend(frame.iter().map(|sample| law.encode(*sample))),
        }
        Ok(())
    }
}

/// Turns payloads into samples, and makes samples up where payloads are missing.
pub(crate) enum Decoder {
    Opus(Box<OpusDecoder>),
    G711(Law, Concealment),
}

impl Decoder {
    pub(crate) fn new(codec: AudioCodec) -> Result<Decoder, MediaError> {
        Ok(match codec {
            AudioCodec::Opus => {
                Decoder::Opus(Box::new(OpusDecoder::new(48_000, 1).map_err(engine)?))
            }
            AudioCodec::Pcmu => Decoder::G711(Law::Mu, Concealment::default()),
            AudioCodec::Pcma => Decoder::G711(Law::A, Concealment::default()),
        })
    }

    /// Decodes a payload, appending to `samples`; says how many samples it held. A payload that
    /// is no payload of this codec counts as lost.
    pub(crate) fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) -> usize {
        let start = samples.len();
        match self {
            Decoder::Opus(decoder) => {
                samples.resize(start + LONGEST_OPUS, 0);
                let decoded = match payload.is_empty() {
                    true => Ok(0),
                    false => decoder.decode_s16(payload, LONGEST_OPUS, &mut samples[start..]),
                };
                match decoded {
                    Ok(decoded) => samples.truncate(start + decoded),
                    Err(error) => {
                        tracing::debug!(%error, "an Opus packet that cannot be decoded");
                        samples.truncate(start);
                    }
                }
            }
            Decoder::G711(law, concealment) => {
                samples.extend(payload.iter().map(|code| law.decode(*code)));
                concealment.played(&mut samples[start..]);
            }
        }
        samples.len() - start
    }

    /// Recovers the packet before `next`, of `count` samples, from the copy `next` may carry.
    pub(crate) fn recover(&mut self, next: &[u8], count: usize, samples: &mut Vec<i16>) {
        if let Decoder::Opus(decoder) = self {
            let start = samples.len();
            samples.resize(start + count, 0);
            if decoder
                .decode_fec_s16(next, count, &mut samples[start..])
                .is_ok()
            {
                return;
            }
            samples.truncate(start);
        }
        self.conceal(count, samples);
    }

    /// Makes up `count` samples.
    pub(crate) fn conceal(&mut self, count: usize, samples: &mut Vec<i16>) {
        let start = samples.len();
        samples.resize(start + count, 0);
        match self {
            Decoder::Opus(decoder) => {
                // Should concealment fail, the silence just written stays.
                if decoder
                    .decode_s16(&[], count, &mut samples[start..])
                    .is_err()
                {
                    samples[start..].fill(0);
                }
            }
            Decoder::G711(_, concealment) => concealment.fill(&mut samples[start..]),
        }
    }
}

fn engine(error: opus_pure::Error) -> MediaError {
    MediaError::Engine(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: usize, samples: usize) -> Vec<i16> {
        let step = std::f32::consts::TAU * 440.0 / rate as f32;
        (0..samples)
            .map(|n| ((n as f32 * step).sin() * 10_000.0) as i16)
            .collect()
    }

    #[test]
    fn each_codec_brings_a_tone_over() {
        for codec in [AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma] {
            let rate = codec.clock_rate() as usize;
            let sound = tone(rate, rate);
            let mut encoder = Encoder::new(codec).unwrap();
            let mut decoder = Decoder::new(codec).unwrap();
            let (mut payload, mut heard) = (Vec::new(), Vec::new());
            for frame in sound.chunks_exact(rate / 50) {
                encoder.encode(frame, &mut payload).unwrap();
                assert_eq!(decoder.decode(&payload, &mut heard), rate / 50);
            }
            let likeness = crate::audio::correlation(&sound, &heard, rate / 50);
            assert!(likeness > 0.99, "{codec}: {likeness}");
        }
    }

    #[test]
    fn a_lost_packet_is_recovered_or_made_up() {
        for codec in [AudioCodec::Opus, AudioCodec::Pcmu] {
            let rate = codec.clock_rate() as usize;
            let sound = tone(rate, rate);
            let mut encoder = Encoder::new(codec).unwrap();
            let mut decoder = Decoder::new(codec).unwrap();
            let (mut payload, mut heard) = (Vec::new(), Vec::new());
            for (n, frame) in sound.chunks_exact(rate / 50).enumerate() {
                encoder.encode(frame, &mut payload).unwrap();
                match n {
                    20 => {}
                    21 => {
                        decoder.recover(&payload, rate / 50, &mut heard);
                        decoder.decode(&payload, &mut heard);
                    }
                    _ => {
                        decoder.decode(&payload, &mut heard);
                    }
                }
            }
            assert_eq!(heard.len(), sound.len());
            let gap = &heard[20 * rate / 50..21 * rate / 50];
            let energy = gap.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
            assert!(
                energy / gap.len() as f64 > 1_000_000.0,
                "{codec}: silence in the gap"
            );
        }
    }

    #[test]
    fn rubbish_is_taken_for_a_loss() {
        let mut decoder = Decoder::new(AudioCodec::Opus).unwrap();
        let mut heard = Vec::new();
        assert_eq!(decoder.decode(&[], &mut heard), 0);
        assert_eq!(decoder.decode(&[0xff; 3], &mut heard), 0);
        decoder.conceal(960, &mut heard);
        assert_eq!(heard.len(), 960);
    }
}
