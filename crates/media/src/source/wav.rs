//! WAV files.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavReader};

use super::Samples;
use crate::error::MediaError;

/// A WAV file that is read as mono, piece by piece.
pub(crate) struct WavFile {
    path: PathBuf,
    reader: WavReader<BufReader<File>>,
}

impl WavFile {
    pub(crate) fn open(path: &Path) -> Result<WavFile, MediaError> {
        let file = File::open(path).map_err(|source| MediaError::File {
            path: path.to_owned(),
            source,
        })?;
        let wrong = |reason: String| MediaError::Wav {
            path: path.to_owned(),
            reason,
        };
        let reader = WavReader::new(BufReader::new(file))
            .map_err(|error| wrong(format!("it is no WAV file ({error})")))?;
        let spec = reader.spec();
        if !crate::resample::RATES.contains(&spec.sample_rate) {
            return Err(wrong(format!(
                "its sample rate of {} Hz is outside 4000 to 384000 Hz",
                spec.sample_rate
            )));
        }
        if spec.channels == 0 {
            return Err(wrong("it has no channel".into()));
        }
        if reader.duration() == 0 {
            return Err(wrong("it holds no sound".into()));
        }
        Ok(WavFile {
            path: path.to_owned(),
            reader,
        })
    }

    pub(crate) fn sample_rate(&self) -> u32 {
        self.reader.spec().sample_rate
    }

    /// Appends up to `count` samples, mixed to one channel; says how many.
    pub(crate) fn read(&mut self, count: usize, samples: &mut Vec<i16>) -> usize {
        let spec = self.reader.spec();
        let channels = usize::from(spec.channels);
        let wanted = count * channels;
        let before = samples.len();
        let result = match spec.sample_format {
            SampleFormat::Float => {
                let values = self.reader.samples::<f32>().take(wanted);
                mix(values, channels, samples, |v| f64::from(v) * 32_767.0)
            }
            SampleFormat::Int => {
                let scale = 32_768.0 / f64::from(1u32 << (spec.bits_per_sample - 1).min(31));
                let values = self.reader.samples::<i32>().take(wanted);
                mix(values, channels, samples, |v| f64::from(v) * scale)
            }
        };
        if let Err(error) = result {
            // A file cut short: what was read until there counts.
            tracing::warn!(path = ?self.path, %error, "the WAV file ends early");
        }
        samples.len() - before
    }

    fn rewind(&mut self) {
        if let Err(error) = self.reader.seek(0) {
            tracing::warn!(path = ?self.path, %error, "the WAV file cannot be repeated");
        }
    }
}

fn mix<T>(
    values: impl Iterator<Item = Result<T, hound::Error>>,
    channels: usize,
    samples: &mut Vec<i16>,
    scale: impl Fn(T) -> f64,
) -> Result<(), hound::Error> {
    let (mut sum, mut mixed) = (0.0, 0);
    for value in values {
        sum += scale(value?);
        mixed += 1;
        if mixed == channels {
            // The cast saturates.
            samples.push((sum / channels as f64).round() as i16);
            (sum, mixed) = (0.0, 0);
        }
    }
    Ok(())
}

pub(super) struct WavSource {
    file: WavFile,
    repeat: bool,
    ended: bool,
}

impl WavSource {
    pub(super) fn new(file: WavFile) -> WavSource {
        WavSource {
            file,
            repeat: false,
            ended: false,
        }
    }

    pub(super) fn set_repeat(&mut self, repeat: bool) {
        self.repeat = repeat;
    }
}

impl Samples for WavSource {
    fn rate(&mut self) -> u32 {
        self.file.sample_rate()
    }

    fn read(&mut self, count: usize, samples: &mut Vec<i16>) {
        if self.ended {
            return;
        }
        if self.file.read(count, samples) == 0 {
            if self.repeat {
                self.file.rewind();
                // Nothing even from the start: a file that was emptied meanwhile.
                self.ended = self.file.read(count, samples) == 0;
            } else {
                self.ended = true;
            }
        }
    }

    fn has_ended(&self) -> bool {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;
    use hound::{WavSpec, WavWriter};

    fn file(name: &str) -> PathBuf {
        let name = format!("offhook-{}-{name}", std::process::id());
        std::env::temp_dir().join(name)
    }

    #[test]
    fn every_usual_sample_format_gives_the_same_sound() {
        for (bits, sample_format) in [
            (16, SampleFormat::Int),
            (24, SampleFormat::Int),
            (32, SampleFormat::Int),
            (32, SampleFormat::Float),
        ] {
            let path = file(&format!("format-{bits}-{sample_format:?}.wav"));
            let spec = WavSpec {
                channels: 2,
                sample_rate: 8_000,
                bits_per_sample: bits,
                sample_format,
            };
            let mut writer = WavWriter::create(&path, spec).unwrap();
            for n in 0..800i32 {
                // The right channel is silent, so the mix has half the volume of the left.
                let left = (n % 100 - 50) * 200;
                for value in [left, 0] {
                    match sample_format {
                        SampleFormat::Int => writer.write_sample(value << (bits - 16)).unwrap(),
                        SampleFormat::Float => {
                            writer.write_sample(value as f32 / 32_767.0).unwrap();
                        }
                    }
                }
            }
            writer.finalize().unwrap();
            let (samples, rate) = crate::audio::read_wav(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            assert_eq!((samples.len(), rate), (800, 8_000));
            for (n, sample) in samples.iter().enumerate() {
                let expected = (n as i16 % 100 - 50) * 100;
                assert!((sample - expected).abs() <= 1, "{bits} bit, sample {n}");
            }
        }
    }

    #[test]
    fn what_is_no_wav_is_named_with_what_would_be_right() {
        let missing = Source::wav("/does/not/exist.wav").unwrap_err();
        assert!(matches!(missing, MediaError::File { .. }));
        assert!(missing.to_string().contains("/does/not/exist.wav"));
        let path = file("text.wav");
        std::fs::write(&path, "this is no sound").unwrap();
        let wrong = Source::wav(&path).unwrap_err();
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(wrong, MediaError::Wav { .. }));
        assert!(wrong.to_string().contains("no WAV file"), "{wrong}");
    }

    #[test]
    fn a_file_ends_once_and_a_repeated_one_never() {
        let path = file("short.wav");
        let spec = WavSpec {
            channels: 1,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut writer = WavWriter::create(&path, spec).unwrap();
        for n in 0..400i16 {
            writer.write_sample(n).unwrap();
        }
        writer.finalize().unwrap();
        let mut frame = [0; 160];
        let mut once = Source::wav(&path).unwrap();
        let ends: Vec<bool> = (0..5).map(|_| once.fill(8_000, &mut frame)).collect();
        assert_eq!(ends, [false, false, true, false, false]);
        let mut again = Source::wav(&path).unwrap().repeat(true);
        assert!((0..50).all(|_| !again.fill(8_000, &mut frame)));
        assert_eq!(frame[0], (49 * 160) % 400);
        std::fs::remove_file(&path).unwrap();
    }
}
