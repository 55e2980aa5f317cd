//! Frames that the application makes.

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

use super::Samples;
use crate::frame::AudioFrame;

/// How many frames may wait: a second of them at the usual 20 ms.
const WAITING_FRAMES: usize = 50;

/// Hands frames to a [`Source::frames`](super::Source::frames). Dropping every clone ends the
/// source.
#[derive(Clone, Debug)]
pub struct FrameSender {
    sender: mpsc::Sender<AudioFrame>,
}

impl FrameSender {
    /// Waits until there is room for the frame; frames leave at the speed they sound.
    ///
    /// # Errors
    ///
    /// Gives the frame back when the source is no longer played.
    pub async fn send(&self, frame: AudioFrame) -> Result<(), AudioFrame> {
        self.sender.send(frame).await.map_err(|error| error.0)
    }

    /// Sends the frame if there is room for it.
    ///
    /// # Errors
    ///
    /// Gives the frame back when 50 frames wait or the source is no longer played.
    pub fn try_send(&self, frame: AudioFrame) -> Result<(), AudioFrame> {
        self.sender
            .try_send(frame)
            .map_err(|error| error.into_inner())
    }
}

pub(super) struct Frames {
    receiver: mpsc::Receiver<AudioFrame>,
    current: AudioFrame,
    used: usize,
    closed: bool,
}

impl Frames {
    pub(super) fn channel() -> (FrameSender, Frames) {
        let (sender, receiver) = mpsc::channel(WAITING_FRAMES);
        let frames = Frames {
            receiver,
            current: AudioFrame::new(Vec::new(), 48_000),
            used: 0,
            closed: false,
        };
        (FrameSender { sender }, frames)
    }

    fn advance(&mut self) {
        while self.used >= self.current.samples.len() && !self.closed {
            match self.receiver.try_recv() {
                // A frame that has no rate has no length either.
                Ok(frame) if !crate::resample::RATES.contains(&frame.sample_rate) => {
                    tracing::debug!(rate = frame.sample_rate, "a frame without a usable rate");
                }
                Ok(frame) => {
                    self.current = frame;
                    self.used = 0;
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => self.closed = true,
            }
        }
    }
}

impl Samples for Frames {
    fn rate(&mut self) -> u32 {
        self.advance();
        self.current.sample_rate
    }

    fn read(&mut self, count: usize, samples: &mut Vec<i16>) {
        // Only the current frame: the next one may have another rate.
        let rest = &self.current.samples[self.used.min(self.current.samples.len())..];
        let count = count.min(rest.len());
        samples.extend_from_slice(&rest[..count]);
        self.used += count;
    }

    fn has_ended(&self) -> bool {
        self.closed && self.used >= self.current.samples.len()
    }
}
