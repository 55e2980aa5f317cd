//! Frames for the application.

use tokio::sync::mpsc;

use crate::frame::AudioFrame;

/// How many frames may wait: a second of them.
const WAITING_FRAMES: usize = 50;

/// Takes frames from a [`Sink::frames`](super::Sink::frames).
#[derive(Debug)]
pub struct FrameReceiver {
    receiver: mpsc::Receiver<AudioFrame>,
}

impl FrameReceiver {
    /// Waits for the next frame of 20 ms; `None` after the sink was dropped.
    pub async fn next(&mut self) -> Option<AudioFrame> {
        self.receiver.recv().await
    }

    /// The next frame if one is there.
    pub fn try_next(&mut self) -> Option<AudioFrame> {
        self.receiver.try_recv().ok()
    }
}

pub(super) struct FrameSink {
    sender: mpsc::Sender<AudioFrame>,
}

impl FrameSink {
    pub(super) fn channel() -> (FrameSink, FrameReceiver) {
        let (sender, receiver) = mpsc::channel(WAITING_FRAMES);
        (FrameSink { sender }, FrameReceiver { receiver })
    }

    pub(super) fn write(&mut self, samples: &[i16], rate: u32) {
        // An application that is too slow, or gone, loses the frame.
        let _ = self
            .sender
            .try_send(AudioFrame::new(samples.to_vec(), rate));
    }
}
