//! Fills gaps in G.711 by repeating the last pitch period, fading out (the idea of G.711
//! Appendix I).

/// The pitch of speech at 8 kHz: 66 to 200 Hz.
const SHORTEST: usize = 40;
const LONGEST: usize = 120;
/// What is kept to look for the pitch in: three times the longest period.
const HISTORY: usize = 3 * LONGEST;
/// After 60 ms of making things up silence is more honest.
const FADE_SAMPLES: usize = 480;

#[derive(Debug, Default)]
pub(crate) struct Concealment {
    history: Vec<i16>,
    period: usize,
    /// Samples made up since the last real one.
    made_up: usize,
}

impl Concealment {
    /// Notes real audio, so that a gap after it can be filled.
    pub(crate) fn played(&mut self, samples: &mut [i16]) {
        if self.made_up > 0 {
            // Cross-fade out of what was made up, so that no click is heard.
            let overlap = samples.len().min(32);
            let tail: Vec<i16> = (0..overlap)
                .map(|n| self.sample(self.made_up + n))
                .collect();
            for (n, (sample, made_up)) in samples.iter_mut().zip(tail).enumerate() {
                let (real, old) = (n as i32 + 1, overlap as i32 - n as i32 - 1);
                let mixed = i32::from(*sample) * real + i32::from(made_up) * old;
                *sample = (mixed / (overlap as i32).max(1)) as i16;
            }
            self.made_up = 0;
        }
        self.history.extend_from_slice(samples);
        let surplus = self.history.len().saturating_sub(HISTORY);
        self.history.drain(..surplus);
    }

    /// Makes up audio for a gap.
    pub(crate) fn fill(&mut self, samples: &mut [i16]) {
        if self.made_up == 0 {
            self.period = self.pitch();
        }
        for sample in samples {
            *sample = self.sample(self.made_up);
            self.made_up += 1;
        }
    }

    fn sample(&self, n: usize) -> i16 {
        if self.history.len() < self.period || self.period == 0 || n >= FADE_SAMPLES {
            return 0;
        }
        let start = self.history.len() - self.period;
        let sample = i32::from(self.history[start + n % self.period]);
        (sample * (FADE_SAMPLES - n) as i32 / FADE_SAMPLES as i32) as i16
    }

    /// The lag at which the last samples look most like those before them.
    fn pitch(&self) -> usize {
        if self.history.len() < HISTORY {
            return self.history.len().min(LONGEST);
        }
        let recent = &self.history[HISTORY - LONGEST..];
        let likeness = |lag: usize| -> f32 {
            let before = &self.history[HISTORY - LONGEST - lag..HISTORY - lag];
            let (mut product, mut energy) = (0.0f32, 1.0f32);
            for (a, b) in recent.iter().zip(before) {
                product += f32::from(*a) * f32::from(*b);
                energy += f32::from(*b) * f32::from(*b);
            }
            product / energy.sqrt()
        };
        (SHORTEST..=LONGEST)
            .max_by(|a, b| likeness(*a).total_cmp(&likeness(*b)))
            .unwrap_or(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(samples: usize) -> Vec<i16> {
        let wave = |n: usize| (n as f32 * std::f32::consts::TAU / 80.0).sin() * 10_000.0;
        (0..samples).map(|n| wave(n) as i16).collect()
    }

    #[test]
    fn a_gap_in_a_tone_goes_on_with_the_tone_and_fades() {
        let mut concealment = Concealment::default();
        let mut before = tone(480);
        concealment.played(&mut before);
        let mut gap = vec![0; 160];
        concealment.fill(&mut gap);
        let expected = tone(640);
        let (mut product, mut energies) = (0.0f64, (0.0f64, 0.0f64));
        for (a, b) in gap.iter().zip(&expected[480..]) {
            product += f64::from(*a) * f64::from(*b);
            energies.0 += f64::from(*a).powi(2);
            energies.1 += f64::from(*b).powi(2);
        }
        assert!(product / (energies.0 * energies.1).sqrt() > 0.98);
        let mut long = vec![1; 800];
        concealment.fill(&mut long);
        assert!(long[400..].iter().all(|sample| *sample == 0));
    }

    #[test]
    fn a_gap_before_any_audio_is_silence() {
        let mut gap = vec![1; 160];
        Concealment::default().fill(&mut gap);
        assert!(gap.iter().all(|sample| *sample == 0));
    }
}
