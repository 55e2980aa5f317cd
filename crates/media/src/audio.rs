//! Comparing what was heard with what was played.

use std::path::Path;

use crate::error::MediaError;
use crate::resample::Resampler;

/// How alike two sounds of the same sample rate are: the normalised cross-correlation after
/// alignment, from -1 to 1, where 1 is the same sound at any volume.
///
/// `max_lag` is how far, in samples, one may be later than the other. Silence is like nothing: 0.
pub fn correlation(a: &[i16], b: &[i16], max_lag: usize) -> f32 {
    align(a, b, max_lag).likeness
}

/// How alike a recording is to what was played, when the recording went through a jitter buffer
/// that may have stretched or shrunk it in places: the mean over pieces of a quarter of a second,
/// weighted by their energy, each aligned for itself within a quarter of a second around where
/// the whole fits best; the whole may be up to `max_lag` samples late. From -1 to 1.
///
/// Both have the same `sample_rate`. A piece that was not recorded counts as 0.
pub fn similarity(played: &[i16], recorded: &[i16], sample_rate: u32, max_lag: usize) -> f32 {
    let piece = (sample_rate / 4).max(1) as usize;
    let whole = align(played, recorded, max_lag);
    let (mut sum, mut weight) = (0.0f64, 0.0f64);
    for (n, samples) in played.chunks(piece).enumerate() {
        if samples.len() < piece / 4 {
            continue;
        }
        let energy = samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
        let slack = piece;
        let start = (n * piece) as i64 + whole.lag - slack as i64;
        let from = start.clamp(0, recorded.len() as i64) as usize;
        let end = (start + (samples.len() + 2 * slack) as i64).max(0);
        let to = (end as usize).min(recorded.len()).max(from);
        let likeness = align(samples, &recorded[from..to], 2 * slack).likeness;
        sum += f64::from(likeness) * energy;
        weight += energy;
    }
    if weight == 0.0 {
        0.0
    } else {
        (sum / weight) as f32
    }
}

struct Alignment {
    likeness: f32,
    /// How many samples later `b` is than `a`.
    lag: i64,
}

fn align(a: &[i16], b: &[i16], max_lag: usize) -> Alignment {
    // A coarse search on every fourth sample of smoothed sounds, then a fine one around the best.
    const STEP: usize = 4;
    let max_lag = max_lag as i64;
    let (coarse_a, coarse_b) = (thin(a, STEP), thin(b, STEP));
    let coarse_lag = max_lag / STEP as i64 + 1;
    let mut found: Vec<(f32, i64)> = (-coarse_lag..=coarse_lag)
        .map(|lag| (at_lag(&coarse_a, &coarse_b, lag), lag))
        .collect();
    found.sort_by(|x, y| y.0.total_cmp(&x.0));
    let mut best = Alignment {
        likeness: at_lag(a, b, 0),
        lag: 0,
    };
    for (_, coarse) in found.into_iter().take(5) {
        let middle = coarse * STEP as i64;
        for lag in middle - STEP as i64..=middle + STEP as i64 {
            let likeness = at_lag(a, b, lag);
            if lag.abs() <= max_lag && likeness > best.likeness {
                best = Alignment { likeness, lag };
            }
        }
    }
    best
}

fn thin(samples: &[i16], step: usize) -> Vec<i16> {
    samples
        .chunks_exact(step)
        .map(|chunk| (chunk.iter().map(|s| i32::from(*s)).sum::<i32>() / step as i32) as i16)
        .collect()
}

/// The normalised product of `a` and `b` where they overlap when `b` is `lag` samples late. The
/// energies are those of the whole shorter sound, so that a small overlap never looks good.
fn at_lag(a: &[i16], b: &[i16], lag: i64) -> f32 {
    let a_from = (-lag).max(0) as usize;
    let b_from = lag.max(0) as usize;
    let (Some(a_part), Some(b_part)) = (a.get(a_from..), b.get(b_from..)) else {
        return 0.0;
    };
    let overlap = a_part.len().min(b_part.len());
    let shorter = a.len().min(b.len());
    if overlap * 2 < shorter {
        return 0.0;
    }
    let (mut product, mut a_energy, mut b_energy) = (0.0f32, 0.0f32, 0.0f32);
    for (x, y) in a_part[..overlap].iter().zip(&b_part[..overlap]) {
        let (x, y) = (f32::from(*x), f32::from(*y));
        product += x * y;
        a_energy += x * x;
        b_energy += y * y;
    }
    if a_energy < 1.0 || b_energy < 1.0 {
        return 0.0;
    }
    product / (a_energy.sqrt() * b_energy.sqrt())
}

/// Changes the sample rate of a whole sound.
///
/// # Errors
///
/// [`MediaError::SampleRate`] when a rate is outside 4 000 to 384 000 Hz.
pub fn resample(samples: &[i16], from: u32, to: u32) -> Result<Vec<i16>, MediaError> {
    let mut resampler = Resampler::new(from, to)?;
    let wanted = (samples.len() as u64 * u64::from(to) / u64::from(from)) as usize;
    let mut output = Vec::with_capacity(wanted);
    resampler.process(samples, &mut output);
    let missing = wanted.saturating_sub(output.len());
    resampler.finish(missing, &mut output);
    output.truncate(wanted);
    Ok(output)
}

/// Reads a whole WAV file as mono, with its sample rate.
///
/// # Errors
///
/// [`MediaError::File`] and [`MediaError::Wav`].
pub fn read_wav(path: impl AsRef<Path>) -> Result<(Vec<i16>, u32), MediaError> {
    let mut reader = crate::source::WavFile::open(path.as_ref())?;
    let mut samples = Vec::new();
    while reader.read(16_384, &mut samples) > 0 {}
    Ok((samples, reader.sample_rate()))
}

/// Sound that is like speech, for tests and demonstrations without a recording: syllables of a
/// voiced tone with changing pitch and formants, and pauses between them. The same seed gives the
/// same sound.
pub fn speech_like(sample_rate: u32, seconds: f32, seed: u32) -> Vec<i16> {
    let total = (sample_rate as f32 * seconds) as usize;
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut random = move || {
        // xorshift: sound needs no better randomness.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / (1 << 24) as f32
    };
    let mut samples = Vec::with_capacity(total);
    let rate = sample_rate as f32;
    while samples.len() < total {
        let syllable = ((0.12 + 0.18 * random()) * rate) as usize;
        let pause = ((0.02 + 0.10 * random() * random()) * rate) as usize;
        let (pitch, glide) = (90.0 + 110.0 * random(), 0.8 + 0.4 * random());
        let formants = [300.0 + 500.0 * random(), 900.0 + 1400.0 * random()];
        let noise = 0.05 + 0.15 * random();
        let mut phase = 0.0f32;
        for n in 0..syllable {
            let part = n as f32 / syllable as f32;
            let envelope = (part * std::f32::consts::PI).sin();
            let now = pitch * (1.0 + (glide - 1.0) * part);
            phase = (phase + now / rate).fract();
            let mut sample = 0.0;
            let mut harmonic = 1.0;
            while harmonic * now < 3_400.0f32.min(rate / 2.2) {
                let frequency = harmonic * now;
                let gain: f32 = formants
                    .iter()
                    .map(|formant| 1.0 / (1.0 + ((frequency - formant) / 150.0).powi(2)))
                    .sum();
                sample += (gain + 0.02) * (std::f32::consts::TAU * harmonic * phase).sin();
                harmonic += 1.0;
            }
            sample += noise * (random() - 0.5);
            samples.push((sample * envelope * 5_000.0) as i16);
        }
        samples.extend(std::iter::repeat_n(0, pause));
    }
    samples.truncate(total);
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_is_like_itself_later_and_quieter_and_unlike_another() {
        let sound = speech_like(8_000, 3.0, 1);
        let mut later = vec![0; 777];
        later.extend(sound.iter().map(|s| s / 3));
        assert!(correlation(&sound, &later, 1_000) > 0.99);
        assert!(correlation(&later, &sound, 1_000) > 0.99);
        assert!(
            correlation(&sound, &later, 100) < 0.5,
            "beyond the allowed lag"
        );
        let other = speech_like(8_000, 3.0, 2);
        assert!(correlation(&sound, &other, 1_000) < 0.5);
        assert!(similarity(&sound, &other, 8_000, 1_000) < 0.6);
    }

    #[test]
    fn a_jump_in_the_middle_spoils_correlation_but_not_similarity() {
        let sound = speech_like(8_000, 4.0, 3);
        let mut jumpy = sound[..16_000].to_vec();
        jumpy.extend(vec![0; 480]);
        jumpy.extend(&sound[16_000..]);
        assert!(correlation(&sound, &jumpy, 1_000) < 0.9);
        assert!(similarity(&sound, &jumpy, 8_000, 1_000) > 0.95);
    }

    #[test]
    fn silence_and_nothing_are_like_nothing() {
        let sound = speech_like(8_000, 1.0, 4);
        assert_eq!(correlation(&sound, &[0; 8_000], 500), 0.0);
        assert_eq!(correlation(&sound, &[], 500), 0.0);
        assert_eq!(correlation(&[], &[], 0), 0.0);
        assert_eq!(similarity(&[], &sound, 8_000, 500), 0.0);
    }
}
