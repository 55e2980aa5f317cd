//! Where the audio that is sent comes from.

mod echo;
mod frames;
mod tone;
mod wav;

use std::path::Path;
use std::time::Duration;

use crate::error::MediaError;
use crate::resample::Resampler;

pub use frames::FrameSender;
pub(crate) use wav::WavFile;

/// Where the audio that is sent comes from.
///
/// ```
/// use offhook_media::{AudioFrame, Source};
///
/// let dial_tone = Source::tone(425.0);
/// let (sender, from_the_app) = Source::frames();
/// sender.try_send(AudioFrame::new(vec![0; 160], 8_000)).unwrap();
/// # drop((dial_tone, from_the_app));
/// ```
pub struct Source {
    origin: Origin,
    converter: Converter,
    ended: bool,
}

enum Origin {
    Wav(wav::WavSource),
    Tone(tone::Tone),
    Silence,
    Echo(echo::Echo),
    Frames(frames::Frames),
    #[cfg(feature = "device")]
    Device(crate::device::Microphone),
}

impl Source {
    fn new(origin: Origin) -> Source {
        Source {
            origin,
            converter: Converter::default(),
            ended: false,
        }
    }

    /// Plays a WAV file: any sample rate and number of channels (mixed to one), 8 to 32 bit or
    /// float. After its end silence is sent and
    /// [`SourceEnded`](crate::PeerConnectionEvent::SourceEnded) is told; see
    /// [`repeat`](Self::repeat). The file plays from its beginning when the peer begins to hear
    /// it, and pauses while nothing may be sent.
    ///
    /// # Errors
    ///
    /// [`MediaError::File`] when it cannot be opened, [`MediaError::Wav`] when it is no WAV file.
    pub fn wav(path: impl AsRef<Path>) -> Result<Source, MediaError> {
        let file = WavFile::open(path.as_ref())?;
        Ok(Source::new(Origin::Wav(wav::WavSource::new(file))))
    }

    /// A steady tone of `hz`, at a quarter of full scale.
    pub fn tone(hz: f32) -> Source {
        Source::new(Origin::Tone(tone::Tone::new(hz)))
    }

    /// Digital silence.
    pub fn silence() -> Source {
        Source::new(Origin::Silence)
    }

    /// Sends back what is received.
    pub fn echo() -> Source {
        Source::new(Origin::Echo(echo::Echo::default()))
    }

    /// Sends back what is received, so much later that it is heard as an echo. At most 10 s.
    pub fn echo_after(delay: Duration) -> Source {
        Source::new(Origin::Echo(echo::Echo::after(delay)))
    }

    /// Sends frames the application makes, of any size and sample rate. A second of them may
    /// wait; when too few come, silence fills in.
    pub fn frames() -> (FrameSender, Source) {
        let (sender, frames) = frames::Frames::channel();
        (sender, Source::new(Origin::Frames(frames)))
    }

    /// The machine's default microphone.
    ///
    /// # Errors
    ///
    /// [`MediaError::Device`] when there is none or it cannot be opened.
    #[cfg(feature = "device")]
    pub fn microphone() -> Result<Source, MediaError> {
        let microphone = crate::device::Microphone::open()?;
        Ok(Source::new(Origin::Device(microphone)))
    }

    /// Whether a WAV file starts anew at its end. Other sources have none.
    #[must_use]
    pub fn repeat(mut self, repeat: bool) -> Source {
        if let Origin::Wav(wav) = &mut self.origin {
            wav.set_repeat(repeat);
        }
        self
    }

    /// Fills `frame` with its length of samples at `rate`; says whether the source ended with
    /// this frame.
    pub(crate) fn fill(&mut self, rate: u32, frame: &mut [i16]) -> bool {
        let ended = match &mut self.origin {
            Origin::Silence => {
                frame.fill(0);
                false
            }
            Origin::Tone(tone) => {
                tone.fill(rate, frame);
                false
            }
            Origin::Wav(wav) => self.converter.fill(wav, rate, frame),
            Origin::Echo(echo) => self.converter.fill(echo, rate, frame),
            Origin::Frames(frames) => self.converter.fill(frames, rate, frame),
            #[cfg(feature = "device")]
            Origin::Device(device) => self.converter.fill(device, rate, frame),
        };
        let news = ended && !self.ended;
        self.ended |= ended;
        news
    }

    /// Whether time passes for the source while nothing may be sent: what a microphone heard
    /// then is over, a file waits.
    pub(crate) fn is_live(&self) -> bool {
        !matches!(self.origin, Origin::Wav(_))
    }

    /// Hands over what is received, for the echo.
    pub(crate) fn hear(&mut self, samples: &[i16], rate: u32) {
        if let Origin::Echo(echo) = &mut self.origin {
            echo.hear(samples, rate);
        }
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.origin {
            Origin::Wav(_) => "Source::wav",
            Origin::Tone(_) => "Source::tone",
            Origin::Silence => "Source::silence",
            Origin::Echo(_) => "Source::echo",
            Origin::Frames(_) => "Source::frames",
            #[cfg(feature = "device")]
            Origin::Device(_) => "Source::microphone",
        })
    }
}

/// A stream of samples in a rate of its own.
pub(crate) trait Samples {
    /// The rate of the samples that [`read`](Self::read) gives next.
    fn rate(&mut self) -> u32;
    /// Appends up to about `count` samples; none when none are there now.
    fn read(&mut self, count: usize, samples: &mut Vec<i16>);
    /// Whether no sample will ever come again.
    fn has_ended(&self) -> bool;
}

/// Brings a stream to the rate that is asked for, frame by frame.
#[derive(Default)]
struct Converter {
    resampler: Option<Resampler>,
    raw: Vec<i16>,
    ready: Vec<i16>,
    drained: bool,
}

impl Converter {
    fn fill(&mut self, origin: &mut dyn Samples, rate: u32, frame: &mut [i16]) -> bool {
        while self.ready.len() < frame.len() {
            let from = origin.rate();
            let fits = |r: &Resampler| r.from() == from && r.to() == rate;
            if !self.resampler.as_ref().is_some_and(fits) {
                if self.resampler.as_ref().is_some_and(|r| r.to() != rate) {
                    // What is ready is of another rate: a codec change, 20 ms are lost.
                    self.ready.clear();
                }
                self.resampler = Resampler::new(from, rate).ok();
            }
            let Some(resampler) = &mut self.resampler else {
                break;
            };
            let missing = (frame.len() - self.ready.len()) as u64;
            let count = missing * u64::from(from) / u64::from(rate) + 1;
            self.raw.clear();
            origin.read(count as usize, &mut self.raw);
            if self.raw.is_empty() {
                if origin.has_ended() && !self.drained {
                    self.drained = true;
                    resampler.finish(rate as usize / 100, &mut self.ready);
                    continue;
                }
                break;
            }
            self.drained = false;
            resampler.process(&self.raw, &mut self.ready);
        }
        let available = self.ready.len().min(frame.len());
        frame[..available].copy_from_slice(&self.ready[..available]);
        frame[available..].fill(0);
        self.ready.drain(..available);
        available < frame.len() && origin.has_ended()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::AudioFrame;

    fn collect(source: &mut Source, rate: u32, frames: usize) -> (Vec<i16>, Option<usize>) {
        let mut heard = Vec::new();
        let mut ended = None;
        let mut frame = vec![0; rate as usize / 50];
        for n in 0..frames {
            if source.fill(rate, &mut frame) {
                ended = Some(n);
            }
            heard.extend_from_slice(&frame);
        }
        (heard, ended)
    }

    #[test]
    fn frames_of_the_app_are_brought_to_the_codecs_rate() {
        let (sender, mut source) = Source::frames();
        let sound = crate::audio::speech_like(16_000, 0.5, 7);
        for piece in sound.chunks(441) {
            sender
                .try_send(AudioFrame::new(piece.to_vec(), 16_000))
                .unwrap();
        }
        drop(sender);
        let (heard, ended) = collect(&mut source, 8_000, 30);
        let expected = crate::audio::resample(&sound, 16_000, 8_000).unwrap();
        assert!(crate::audio::correlation(&expected, &heard, 80) > 0.99);
        assert_eq!(
            ended.map(|n| (24..28).contains(&n)),
            Some(true),
            "{ended:?}"
        );
    }

    #[test]
    fn too_few_frames_are_filled_with_silence() {
        let (sender, mut source) = Source::frames();
        sender
            .try_send(AudioFrame::new(vec![1_000; 100], 8_000))
            .unwrap();
        let (heard, ended) = collect(&mut source, 8_000, 2);
        assert_eq!(heard[..100], [1_000; 100]);
        assert_eq!(heard[100..], [0; 220]);
        assert_eq!(ended, None);
    }

    #[test]
    fn an_echo_gives_back_what_it_hears_in_another_rate() {
        let mut source = Source::echo();
        let sound = crate::audio::speech_like(48_000, 0.2, 8);
        source.hear(&sound, 48_000);
        let (heard, _) = collect(&mut source, 8_000, 10);
        let expected = crate::audio::resample(&sound, 48_000, 8_000).unwrap();
        assert!(crate::audio::correlation(&expected, &heard, 200) > 0.98);
    }

    #[test]
    fn a_tone_has_its_pitch_at_any_rate() {
        for rate in [8_000, 48_000] {
            let mut source = Source::tone(1_000.0);
            let (heard, _) = collect(&mut source, rate, 50);
            let crossings = heard.windows(2).filter(|w| w[0] < 0 && w[1] >= 0).count();
            assert!((998..=1_001).contains(&crossings), "{crossings}");
        }
    }
}
