//! Changes the sample rate of a stream.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

use crate::error::MediaError;

/// The sample rates that make sense for sound.
pub(crate) const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;

/// How many samples are converted at a time.
const CHUNK: usize = 256;

/// A mono stream's way from one rate to another, without delay: what the filter needs as a lead
/// is cut off, so that the first sample out is the first sample in.
pub(crate) struct Resampler {
    from: u32,
    to: u32,
    filter: Option<Filter>,
}

struct Filter {
    fft: Fft<f32>,
    waiting: Vec<f32>,
    output: Vec<f32>,
    /// Samples of the filter's lead that are still to be cut off.
    lead: usize,
}

impl Resampler {
    pub(crate) fn new(from: u32, to: u32) -> Result<Resampler, MediaError> {
        for rate in [from, to] {
            if !RATES.contains(&rate) {
                return Err(MediaError::SampleRate(rate));
            }
        }
        let filter = if from == to {
            None
        } else {
            let fft = Fft::<f32>::new(from as usize, to as usize, CHUNK, 1, FixedSync::Input)
                .map_err(|error| MediaError::Engine(error.to_string()))?;
            Some(Filter {
                waiting: Vec::new(),
                output: vec![0.0; fft.output_frames_max()],
                lead: fft.output_delay(),
                fft,
            })
        };
        Ok(Resampler { from, to, filter })
    }

    pub(crate) fn from(&self) -> u32 {
        self.from
    }

    pub(crate) fn to(&self) -> u32 {
        self.to
    }

    /// Takes samples in and appends those that are ready to `output`.
    pub(crate) fn process(&mut self, input: &[i16], output: &mut Vec<i16>) {
        let Some(filter) = &mut self.filter else {
            output.extend_from_slice(input);
            return;
        };
        filter.waiting.extend(input.iter().map(|s| f32::from(*s)));
        let mut taken = 0;
        loop {
            let needed = filter.fft.input_frames_next();
            let Some(chunk) = filter.waiting.get(taken..taken + needed) else {
                break;
            };
            let room = filter.output.len();
            let (Ok(input), Ok(mut out)) = (
                InterleavedSlice::new(chunk, 1, needed),
                InterleavedSlice::new_mut(&mut filter.output, 1, room),
            ) else {
                break;
            };
            let Ok((_, written)) = filter.fft.process_into_buffer(&input, &mut out, None) else {
                break;
            };
            taken += needed;
            let cut = filter.lead.min(written);
            filter.lead -= cut;
            output.extend(filter.output[cut..written].iter().map(|s| round(*s)));
        }
        filter.waiting.drain(..taken);
    }

    /// The samples the filter still holds at a stream's end, up to `count`.
    pub(crate) fn finish(&mut self, count: usize, output: &mut Vec<i16>) {
        let wanted = output.len() + count;
        let silence = [0; CHUNK];
        // A filter holds less than a second: the bound only guards against a filter that stops.
        for _ in 0..=(self.from as usize / CHUNK) {
            if output.len() >= wanted || self.filter.is_none() {
                break;
            }
            self.process(&silence, output);
        }
        output.truncate(wanted);
    }
}

fn round(sample: f32) -> i16 {
    // The cast saturates.
    sample.round() as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: u32, seconds: f32) -> Vec<i16> {
        let step = std::f32::consts::TAU * 440.0 / rate as f32;
        let samples = (rate as f32 * seconds) as usize;
        (0..samples)
            .map(|n| ((n as f32 * step).sin() * 10_000.0) as i16)
            .collect()
    }

    #[test]
    fn a_tone_keeps_pitch_length_and_beginning_at_every_rate() {
        for (from, to) in [
            (8_000, 48_000),
            (16_000, 8_000),
            (44_100, 48_000),
            (44_100, 8_000),
            (11_025, 48_000),
            (48_000, 48_000),
        ] {
            let input = tone(from, 1.0);
            let mut resampler = Resampler::new(from, to).unwrap();
            let mut output = Vec::new();
            for piece in input.chunks(333) {
                resampler.process(piece, &mut output);
            }
            let missing = to as usize - output.len();
            resampler.finish(missing, &mut output);
            assert_eq!(output.len(), to as usize, "{from} to {to}");
            let expected = tone(to, 1.0);
            let (mut product, mut a2, mut b2) = (0.0, 0.0, 0.0);
            for (a, b) in output.iter().zip(&expected) {
                let (a, b) = (f64::from(*a), f64::from(*b));
                (product, a2, b2) = (product + a * b, a2 + a * a, b2 + b * b);
            }
            let likeness = product / f64::sqrt(a2 * b2);
            assert!(likeness > 0.99, "{from} to {to}: {likeness}");
        }
    }

    #[test]
    fn a_rate_that_is_no_rate_is_refused() {
        assert!(Resampler::new(0, 8_000).is_err());
        assert!(Resampler::new(8_000, 1_000_000).is_err());
    }
}
