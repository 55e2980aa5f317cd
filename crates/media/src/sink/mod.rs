//! Where the audio that is received goes.

mod frames;
mod wav;

use std::path::Path;

use crate::error::MediaError;

pub use frames::FrameReceiver;

/// Where the audio that is received goes.
pub struct Sink {
    target: Target,
}

enum Target {
    Wav(Box<wav::WavSink>),
    Frames(frames::FrameSink),
    Discard,
    #[cfg(feature = "device")]
    Device(crate::device::Speaker),
}

impl Sink {
    /// Records to a WAV file: mono, 16 bit, at the rate of the codec of the first frame (8 kHz for
    /// G.711, 48 kHz for Opus). Recording begins with the first packet that is received and then
    /// keeps the time, silence included. The file is valid at any moment to within a second, and
    /// complete when the connection is closed or the sink is dropped.
    ///
    /// # Errors
    ///
    /// [`MediaError::File`] when the file cannot be created.
    pub fn wav(path: impl AsRef<Path>) -> Result<Sink, MediaError> {
        let wav = wav::WavSink::create(path.as_ref())?;
        Ok(Sink {
            target: Target::Wav(Box::new(wav)),
        })
    }

    /// Hands what is received to the application in frames of 20 ms. A second of them waits; an
    /// application that does not take them loses the later ones.
    pub fn frames() -> (Sink, FrameReceiver) {
        let (sink, receiver) = frames::FrameSink::channel();
        let target = Target::Frames(sink);
        (Sink { target }, receiver)
    }

    /// Forgets what is received.
    pub fn discard() -> Sink {
        Sink {
            target: Target::Discard,
        }
    }

    /// The machine's default speaker.
    ///
    /// # Errors
    ///
    /// [`MediaError::Device`] when there is none or it cannot be opened.
    #[cfg(feature = "device")]
    pub fn speaker() -> Result<Sink, MediaError> {
        let speaker = crate::device::Speaker::open()?;
        Ok(Sink {
            target: Target::Device(speaker),
        })
    }

    pub(crate) fn write(&mut self, samples: &[i16], rate: u32) {
        match &mut self.target {
            Target::Wav(wav) => wav.write(samples, rate),
            Target::Frames(frames) => frames.write(samples, rate),
            Target::Discard => {}
            #[cfg(feature = "device")]
            Target::Device(speaker) => speaker.write(samples, rate),
        }
    }
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.target {
            Target::Wav(_) => "Sink::wav",
            Target::Frames(_) => "Sink::frames",
            Target::Discard => "Sink::discard",
            #[cfg(feature = "device")]
            Target::Device(_) => "Sink::speaker",
        })
    }
}
