//! A steady tone.

/// A quarter of full scale: about -12 dB, as loud as speech.
const AMPLITUDE: f32 = 8_192.0;

pub(super) struct Tone {
    hz: f32,
    /// Where in its period the wave is, from 0 to 1.
    phase: f32,
}

impl Tone {
    pub(super) fn new(hz: f32) -> Tone {
        Tone { hz, phase: 0.0 }
    }

    pub(super) fn fill(&mut self, rate: u32, frame: &mut [i16]) {
        let step = self.hz / rate as f32;
        for sample in frame {
            *sample = ((self.phase * std::f32::consts::TAU).sin() * AMPLITUDE) as i16;
            self.phase = (self.phase + step).fract();
        }
    }
}
