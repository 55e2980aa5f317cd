//! Sound between the application and a peer connection.

/// A piece of mono sound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AudioFrame {
    /// The samples, 16 bit signed.
    pub samples: Vec<i16>,
    /// Samples a second, in Hz.
    pub sample_rate: u32,
}

impl AudioFrame {
    /// A frame of these samples.
    pub fn new(samples: Vec<i16>, sample_rate: u32) -> AudioFrame {
        AudioFrame {
            samples,
            sample_rate,
        }
    }

    /// How long the frame sounds.
    pub fn duration(&self) -> std::time::Duration {
        let rate = f64::from(self.sample_rate.max(1));
        std::time::Duration::from_secs_f64(self.samples.len() as f64 / rate)
    }
}
