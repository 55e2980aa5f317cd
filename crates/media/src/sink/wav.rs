//! Recording to a WAV file.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavSpec, WavWriter};

use crate::error::MediaError;
use crate::resample::Resampler;

/// The rate of a recording in which nothing was ever heard.
const RATE_OF_SILENCE: u32 = 48_000;

pub(super) struct WavSink {
    path: PathBuf,
    state: State,
    resampler: Option<Resampler>,
    resampled: Vec<i16>,
}

enum State {
    /// The file exists, its rate is not known yet.
    Empty(File),
    Recording {
        writer: WavWriter<BufWriter<File>>,
        rate: u32,
        unflushed: usize,
    },
    /// Recording failed or was finished.
    Over,
}

fn spec(sample_rate: u32) -> WavSpec {
    WavSpec {
        channels: 1,
        sample_rate,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    }
}

impl WavSink {
    pub(super) fn create(path: &Path) -> Result<WavSink, MediaError> {
        let file = File::create(path).map_err(|source| MediaError::File {
            path: path.to_owned(),
            source,
        })?;
        Ok(WavSink {
            path: path.to_owned(),
            state: State::Empty(file),
            resampler: None,
            resampled: Vec::new(),
        })
    }

    pub(super) fn write(&mut self, samples: &[i16], rate: u32) {
        let state = std::mem::replace(&mut self.state, State::Over);
        let state = match state {
            State::Empty(file) => match WavWriter::new(BufWriter::new(file), spec(rate)) {
                Ok(writer) => State::Recording {
                    writer,
                    rate,
                    unflushed: 0,
                },
                Err(error) => self.failed(&error),
            },
            other => other,
        };
        self.state = match state {
            State::Recording {
                mut writer,
                rate: file_rate,
                unflushed,
            } => {
                let samples = if rate == file_rate {
                    samples
                } else {
                    let fits = |r: &Resampler| r.from() == rate;
                    if !self.resampler.as_ref().is_some_and(fits) {
                        self.resampler = Resampler::new(rate, file_rate).ok();
                    }
                    self.resampled.clear();
                    if let Some(resampler) = &mut self.resampler {
                        resampler.process(samples, &mut self.resampled);
                    }
                    &self.resampled
                };
                let mut unflushed = unflushed + samples.len();
                let written = samples.iter().try_for_each(|s| writer.write_sample(*s));
                // A process that is killed leaves a file that misses its last second only.
                let flushed = written.and_then(|()| {
                    if unflushed >= file_rate as usize {
                        unflushed = 0;
                        writer.flush()?;
                    }
                    Ok(())
                });
                match flushed {
                    Ok(()) => State::Recording {
                        writer,
                        rate: file_rate,
                        unflushed,
                    },
                    Err(error) => self.failed(&error),
                }
            }
            other => other,
        };
    }

    fn failed(&self, error: &hound::Error) -> State {
        tracing::warn!(path = ?self.path, %error, "recording stopped");
        State::Over
    }
}

impl Drop for WavSink {
    fn drop(&mut self) {
        let result = match std::mem::replace(&mut self.state, State::Over) {
            State::Empty(file) => WavWriter::new(BufWriter::new(file), spec(RATE_OF_SILENCE))
                .and_then(WavWriter::finalize),
            State::Recording { writer, .. } => writer.finalize(),
            State::Over => Ok(()),
        };
        if let Err(error) = result {
            self.failed(&error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Sink;

    fn file(name: &str) -> PathBuf {
        let name = format!("offhook-{}-{name}", std::process::id());
        std::env::temp_dir().join(name)
    }

    #[test]
    fn a_dropped_recording_is_a_valid_file_and_so_is_one_of_nothing() {
        let path = file("recorded.wav");
        let mut sink = Sink::wav(&path).unwrap();
        let sound = crate::audio::speech_like(8_000, 1.0, 9);
        for frame in sound.chunks(160) {
            sink.write(frame, 8_000);
        }
        drop(sink);
        assert_eq!(crate::audio::read_wav(&path).unwrap(), (sound, 8_000));
        drop(Sink::wav(&path).unwrap());
        let empty = hound::WavReader::open(&path).unwrap();
        assert_eq!(empty.duration(), 0);
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_codec_change_keeps_the_rate_of_the_file() {
        let path = file("change.wav");
        let mut sink = Sink::wav(&path).unwrap();
        for _ in 0..50 {
            sink.write(&[0; 160], 8_000);
        }
        for _ in 0..50 {
            sink.write(&[0; 960], 48_000);
        }
        drop(sink);
        let recorded = hound::WavReader::open(&path).unwrap();
        assert_eq!(recorded.spec().sample_rate, 8_000);
        assert!((15_700..=16_000).contains(&recorded.duration()));
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = Sink::wav("/does/not/exist/heard.wav").unwrap_err();
        assert!(error.to_string().contains("/does/not/exist/heard.wav"));
    }
}
