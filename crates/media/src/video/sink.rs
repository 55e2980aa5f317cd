//! Where the video that is received goes.

use std::path::Path;
use std::task::{Context, Poll};

use tokio::sync::mpsc;

use super::VideoFrame;
use super::ivf::IvfWriter;
use crate::error::MediaError;

/// How many frames may wait: about a second of them.
const WAITING_FRAMES: usize = 30;

/// Where the video that is received goes, frame by frame, as the peer encoded it.
///
/// A sink begins with a key frame, and after a loss goes on with one: every frame it gets can be
/// decoded.
pub struct VideoSink {
    target: Target,
}

enum Target {
    Ivf(IvfWriter),
    Frames(Frames),
    Discard,
}

impl VideoSink {
    /// Records to an IVF file. It begins with the first key frame, which also gives it its codec
    /// and its size; frames of another codec, which the peer may change to, are left out. The
    /// file is valid at any moment to within a second, and complete when the connection is closed
    /// or the sink is dropped.
    ///
    /// # Errors
    ///
    /// [`MediaError::File`] when the file cannot be created.
    pub fn ivf(path: impl AsRef<Path>) -> Result<VideoSink, MediaError> {
        let writer = IvfWriter::create(path.as_ref())?;
        Ok(VideoSink {
            target: Target::Ivf(writer),
        })
    }

    /// Hands the frames to the application. 30 of them wait; of an application that does not take
    /// them the later ones are dropped, up to the next key frame, which is asked for.
    pub fn frames() -> (VideoSink, VideoFrameReceiver) {
        let (sender, receiver) = mpsc::channel(WAITING_FRAMES);
        let (ask, asked) = mpsc::channel(1);
        let frames = Frames {
            sender,
            asked,
            behind: false,
        };
        let target = Target::Frames(frames);
        (VideoSink { target }, VideoFrameReceiver { receiver, ask })
    }

    /// Forgets what is received.
    pub fn discard() -> VideoSink {
        VideoSink {
            target: Target::Discard,
        }
    }

    /// Takes a frame; says whether a key frame is wanted, because frames before it were not
    /// taken.
    pub(crate) fn write(&mut self, frame: VideoFrame) -> bool {
        match &mut self.target {
            Target::Ivf(writer) => {
                writer.write(&frame);
                false
            }
            Target::Frames(frames) => frames.write(frame),
            Target::Discard => false,
        }
    }

    /// Waits until the application asks for a key frame.
    pub(crate) fn poll_key_frame_request(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.target {
            Target::Frames(frames) => match frames.asked.poll_recv(cx) {
                Poll::Ready(Some(())) => Poll::Ready(()),
                // The receiver is gone, and nobody will ask again.
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
            },
            _ => Poll::Pending,
        }
    }
}

impl std::fmt::Debug for VideoSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.target {
            Target::Ivf(_) => "VideoSink::ivf",
            Target::Frames(_) => "VideoSink::frames",
            Target::Discard => "VideoSink::discard",
        })
    }
}

struct Frames {
    sender: mpsc::Sender<VideoFrame>,
    asked: mpsc::Receiver<()>,
    /// A frame was lost here, so that none can be decoded before the next key frame.
    behind: bool,
}

impl Frames {
    fn write(&mut self, frame: VideoFrame) -> bool {
        if self.behind && !frame.key_frame {
            return true;
        }
        self.behind = match self.sender.try_send(frame) {
            Ok(()) => false,
            Err(mpsc::error::TrySendError::Full(_)) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        };
        self.behind
    }
}

/// Takes frames from a [`VideoSink::frames`].
#[derive(Debug)]
pub struct VideoFrameReceiver {
    receiver: mpsc::Receiver<VideoFrame>,
    ask: mpsc::Sender<()>,
}

impl VideoFrameReceiver {
    /// Waits for the next frame; `None` after the sink was dropped.
    pub async fn next(&mut self) -> Option<VideoFrame> {
        self.receiver.recv().await
    }

    /// The next frame if one is there.
    pub fn try_next(&mut self) -> Option<VideoFrame> {
        self.receiver.try_recv().ok()
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<VideoFrame>> {
        self.receiver.poll_recv(cx)
    }

    /// Asks the peer for a key frame (PLI, RFC 4585 §6.3.1), as for a decoder that has to begin
    /// anew. Requests that follow each other within half a second are sent as one.
    pub fn request_key_frame(&self) {
        // One that waits already says the same.
        let _ = self.ask.try_send(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::VideoCodec;
    use std::time::Duration;

    fn frame(key: bool) -> VideoFrame {
        VideoFrame::new(VideoCodec::Vp8, vec![u8::from(!key)], Duration::ZERO)
    }

    #[test]
    fn an_application_that_is_too_slow_goes_on_with_a_key_frame() {
        let (mut sink, mut frames) = VideoSink::frames();
        for _ in 0..WAITING_FRAMES {
            assert!(!sink.write(frame(false)));
        }
        assert!(sink.write(frame(false)), "there is no room");
        while frames.try_next().is_some() {}
        assert!(sink.write(frame(false)), "the one before it is lost");
        assert_eq!(frames.try_next(), None);
        assert!(!sink.write(frame(true)));
        assert!(!sink.write(frame(false)));
        assert!(frames.try_next().is_some_and(|frame| frame.key_frame));
        assert!(frames.try_next().is_some());
    }

    #[test]
    fn requests_that_follow_each_other_are_one() {
        let (mut sink, frames) = VideoSink::frames();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(sink.poll_key_frame_request(&mut cx).is_pending());
        frames.request_key_frame();
        frames.request_key_frame();
        assert!(sink.poll_key_frame_request(&mut cx).is_ready());
        assert!(sink.poll_key_frame_request(&mut cx).is_pending());
        drop(frames);
        assert!(sink.poll_key_frame_request(&mut cx).is_pending());
        assert!(!sink.write(frame(false)), "nobody is there to ask for");
    }
}
