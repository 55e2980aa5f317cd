//! Listens to a call and tells who speaks: everybody has a tone of their own.

use std::collections::VecDeque;
use std::f32::consts::TAU;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use offhook::{AudioFrame, FrameReceiver, Sink};
use tokio::time::Instant;

use super::show::Unmet;
use super::{PATIENCE, Who};

/// A tone sounds at a quarter of full scale, 8192; half of that has surely been heard.
const LOUD: f32 = 4096.0;

/// What the tones of others and the rounding of the codec leave is far below this.
const QUIET: f32 = 400.0;

/// Over which time a tone must have been there, or have been away.
const WINDOW: Duration = Duration::from_millis(200);

/// How many of the ten frames of that time may be missing: a busy machine plays some too late.
const ENOUGH: usize = 6;

/// How often it is looked whether that is so by now.
const LOOK: Duration = Duration::from_millis(20);

/// What one side of a call hears.
#[derive(Debug)]
pub(super) struct Ear {
    whose: Who,
    heard: Arc<Mutex<VecDeque<Heard>>>,
}

/// How loud everybody is in one frame.
#[derive(Clone, Copy, Debug)]
struct Heard {
    at: Instant,
    levels: [f32; Who::ALL.len()],
}

impl Ear {
    /// The ear, and the sink that a call speaks into.
    pub(super) fn new(whose: Who) -> (Self, Sink) {
        let (sink, frames) = Sink::frames();
        let heard = Arc::default();
        // It ends with the sink, which ends with the call.
        tokio::spawn(listen(frames, Arc::clone(&heard)));
        (Self { whose, heard }, sink)
    }

    /// Waits until `who` is heard.
    pub(super) async fn hears(&self, who: Who) -> Result<(), Unmet> {
        self.wait(who, "hears", |levels| {
            levels.iter().filter(|level| **level > LOUD).count() >= ENOUGH
        })
        .await
    }

    /// Waits until `who` is not heard any more.
    pub(super) async fn misses(&self, who: Who) -> Result<(), Unmet> {
        self.wait(who, "does not hear", |levels| {
            levels.iter().all(|level| *level < QUIET)
        })
        .await
    }

    /// Watches from now on, so that what was heard before does not count.
    async fn wait(
        &self,
        who: Who,
        verb: &str,
        holds: impl Fn(&[f32]) -> bool,
    ) -> Result<(), Unmet> {
        let begun = Instant::now();
        loop {
            tokio::time::sleep(LOOK).await;
            let now = Instant::now();
            let levels = self.levels(who, now - WINDOW);
            if now >= begun + WINDOW && holds(&levels) {
                return Ok(());
            }
            if now >= begun + PATIENCE {
                let frames = levels.len();
                let mean = levels.iter().sum::<f32>() / frames.max(1) as f32;
                return Err(Unmet::new(
                    format!("that {} {verb} {who} within {PATIENCE:?}", self.whose),
                    format!("{frames} frames in the last {WINDOW:?} with {who} at {mean:.0}"),
                ));
            }
        }
    }

    fn levels(&self, who: Who, since: Instant) -> Vec<f32> {
        let heard = guard(&self.heard);
        let recent = heard.iter().filter(|heard| heard.at >= since);
        recent.map(|heard| heard.levels[who as usize]).collect()
    }
}

async fn listen(mut frames: FrameReceiver, heard: Arc<Mutex<VecDeque<Heard>>>) {
    while let Some(frame) = frames.next().await {
        let at = Instant::now();
        let levels = Who::ALL.map(|who| level(&frame, who.tone()));
        let mut heard = guard(&heard);
        heard.retain(|heard| heard.at + WINDOW >= at);
        heard.push_back(Heard { at, levels });
    }
}

fn guard(heard: &Mutex<VecDeque<Heard>>) -> MutexGuard<'_, VecDeque<Heard>> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The amplitude of a tone of `hz` in a frame, by Goertzel's algorithm.
fn level(frame: &AudioFrame, hz: f32) -> f32 {
    let samples = &frame.samples;
    if samples.is_empty() || frame.sample_rate == 0 {
        return 0.0;
    }
    let turn = 2.0 * (TAU * hz / frame.sample_rate as f32).cos();
    let (mut last, mut before) = (0.0f32, 0.0f32);
    for sample in samples {
        let next = f32::from(*sample) + turn * last - before;
        (before, last) = (last, next);
    }
    let power = last * last + before * before - turn * last * before;
    2.0 * power.max(0.0).sqrt() / samples.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tone_is_told_from_the_others() {
        for rate in [8_000, 48_000] {
            for speaker in Who::ALL {
                let wave = |n: u32| 8_192.0 * (TAU * speaker.tone() * n as f32 / rate as f32).sin();
                let samples = (0..rate / 50).map(|n| wave(n) as i16).collect();
                let frame = AudioFrame::new(samples, rate);
                for who in Who::ALL {
                    let level = level(&frame, who.tone());
                    let right = match who == speaker {
                        true => (8_000.0..8_400.0).contains(&level),
                        false => level < QUIET / 2.0,
                    };
                    assert!(right, "{who} at {level} when {speaker} speaks at {rate} Hz");
                }
            }
        }
    }
}
