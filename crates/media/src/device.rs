//! The machine's microphone and speaker.
//!
//! A device's stream lives on a thread of its own, since on some systems it may not leave the
//! thread that opened it. The thread sleeps until the stream is dropped.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{FromSample, Sample, SampleFormat, SizedSample};

use crate::error::MediaError;
use crate::resample::Resampler;
use crate::source::Samples;

/// What waits between the device and the call at most; more would only be delay.
const LONGEST_SECONDS: f32 = 0.2;

/// Samples between a device's thread and the connection's task.
#[derive(Clone, Default)]
struct Queue(Arc<Mutex<VecDeque<i16>>>);

impl Queue {
    /// Appends, and forgets the oldest beyond `limit`.
    fn push(&self, samples: impl Iterator<Item = i16>, limit: usize) {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queue.extend(samples);
        let surplus = queue.len().saturating_sub(limit);
        queue.drain(..surplus);
    }

    fn pop(&self, count: usize) -> Vec<i16> {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = count.min(queue.len());
        queue.drain(..count).collect()
    }
}

/// Ends the device's thread when dropped.
struct Opened {
    rate: u32,
    _stop: SyncSender<()>,
}

fn failed(error: impl std::fmt::Display) -> MediaError {
    MediaError::Device(error.to_string())
}

fn limit(rate: u32) -> usize {
    (rate as f32 * LONGEST_SECONDS) as usize
}

/// Runs `open` on a thread that then keeps what it opened until the result is dropped.
fn keep<S: 'static>(
    name: &str,
    open: impl FnOnce() -> Result<(S, u32), MediaError> + Send + 'static,
) -> Result<Opened, MediaError> {
    let (tell, told) = sync_channel(1);
    let (stop, stopped): (SyncSender<()>, Receiver<()>) = sync_channel(0);
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || match open() {
            Ok((stream, rate)) => {
                // The caller waits for this; had it gone, the next line would end at once.
                let _ = tell.send(Ok(rate));
                // Ends with an error when the other half is dropped.
                let _ = stopped.recv();
                drop(stream);
            }
            Err(error) => {
                let _ = tell.send(Err(error));
            }
        })
        .map_err(failed)?;
    let rate = told
        .recv()
        .map_err(|_| failed("its driver ended without a word"))??;
    Ok(Opened { rate, _stop: stop })
}

/// The default microphone.
pub(crate) struct Microphone {
    opened: Opened,
    queue: Queue,
}

impl Microphone {
    pub(crate) fn open() -> Result<Microphone, MediaError> {
        let queue = Queue::default();
        let target = queue.clone();
        let opened = keep("microphone", move || {
            let device = cpal::default_host()
                .default_input_device()
                .ok_or_else(|| failed("there is no microphone"))?;
            let config = device.default_input_config().map_err(failed)?;
            let rate = config.sample_rate();
            let format = config.sample_format();
            let stream = match format {
                SampleFormat::I16 => capture::<i16>(&device, config.into(), target, rate),
                SampleFormat::I32 => capture::<i32>(&device, config.into(), target, rate),
                SampleFormat::U16 => capture::<u16>(&device, config.into(), target, rate),
                SampleFormat::U8 => capture::<u8>(&device, config.into(), target, rate),
                SampleFormat::F32 => capture::<f32>(&device, config.into(), target, rate),
                other => Err(failed(format!("its sample format {other} is not known"))),
            }?;
            stream.play().map_err(failed)?;
            Ok((stream, rate))
        })?;
        Ok(Microphone { opened, queue })
    }
}

fn capture<T>(
    device: &cpal::Device,
    config: cpal::StreamConfig,
    queue: Queue,
    rate: u32,
) -> Result<cpal::Stream, MediaError>
where
    T: SizedSample,
    i32: FromSample<T>,
{
    let channels = usize::from(config.channels.max(1));
    let take = move |data: &[T], _: &cpal::InputCallbackInfo| {
        let mixed = data.chunks(channels).map(|frame| {
            let sum: i64 = frame
                .iter()
                .map(|sample| i64::from(i32::from_sample(*sample) >> 16))
                .sum();
            (sum / channels as i64) as i16
        });
        queue.push(mixed, limit(rate));
    };
    device
        .build_input_stream(config, take, report, None)
        .map_err(failed)
}

fn report(error: cpal::Error) {
    tracing::warn!(%error, "audio device");
}

impl Samples for Microphone {
    fn rate(&mut self) -> u32 {
        self.opened.rate
    }

    fn read(&mut self, count: usize, samples: &mut Vec<i16>) {
        samples.extend(self.queue.pop(count));
    }

    fn has_ended(&self) -> bool {
        false
    }
}

/// The default speaker.
pub(crate) struct Speaker {
    opened: Opened,
    queue: Queue,
    resampler: Option<Resampler>,
    samples: Vec<i16>,
}

impl Speaker {
    pub(crate) fn open() -> Result<Speaker, MediaError> {
        let queue = Queue::default();
        let origin = queue.clone();
        let opened = keep("speaker", move || {
            let device = cpal::default_host()
                .default_output_device()
                .ok_or_else(|| failed("there is no speaker"))?;
            let config = device.default_output_config().map_err(failed)?;
            let rate = config.sample_rate();
            let format = config.sample_format();
            let stream = match format {
                SampleFormat::I16 => play::<i16>(&device, config.into(), origin),
                SampleFormat::I32 => play::<i32>(&device, config.into(), origin),
                SampleFormat::U16 => play::<u16>(&device, config.into(), origin),
                SampleFormat::U8 => play::<u8>(&device, config.into(), origin),
                SampleFormat::F32 => play::<f32>(&device, config.into(), origin),
                other => Err(failed(format!("its sample format {other} is not known"))),
            }?;
            stream.play().map_err(failed)?;
            Ok((stream, rate))
        })?;
        Ok(Speaker {
            opened,
            queue,
            resampler: None,
            samples: Vec::new(),
        })
    }

    pub(crate) fn write(&mut self, samples: &[i16], rate: u32) {
        if self.resampler.as_ref().is_none_or(|r| r.from() != rate) {
            self.resampler = Resampler::new(rate, self.opened.rate).ok();
        }
        let Some(resampler) = &mut self.resampler else {
            return;
        };
        self.samples.clear();
        resampler.process(samples, &mut self.samples);
        self.queue
            .push(self.samples.drain(..), limit(self.opened.rate));
    }
}

fn play<T>(
    device: &cpal::Device,
    config: cpal::StreamConfig,
    queue: Queue,
) -> Result<cpal::Stream, MediaError>
where
    T: SizedSample + FromSample<i16>,
{
    let channels = usize::from(config.channels.max(1));
    let give = move |data: &mut [T], _: &cpal::OutputCallbackInfo| {
        let mut samples = queue.pop(data.len() / channels).into_iter();
        for frame in data.chunks_mut(channels) {
            frame.fill(T::from_sample(samples.next().unwrap_or(0)));
        }
    };
    device
        .build_output_stream(config, give, report, None)
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_is_not_emptied_keeps_the_newest() {
        let queue = Queue::default();
        queue.push(0..100, 10);
        assert_eq!(queue.pop(4), [90, 91, 92, 93]);
        assert_eq!(queue.pop(100), [94, 95, 96, 97, 98, 99]);
    }

    #[test]
    fn a_device_that_cannot_be_opened_says_why() {
        let result = keep::<()>("nothing", || Err(failed("there is no microphone")));
        let error = result.err().expect("it cannot be opened").to_string();
        assert!(error.contains("there is no microphone"), "{error}");
    }
}
