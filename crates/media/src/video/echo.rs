//! The video that is received goes back, as the peer encoded it.

use std::task::{Context, Poll, ready};

use super::{VideoFrame, VideoFrameReceiver};

/// The end of a sink that a source takes its frames from.
///
/// A peer that cannot decode what it gets asks for a key frame; it is asked for one in turn.
pub(super) struct Echo {
    frames: VideoFrameReceiver,
    waiting: Option<VideoFrame>,
}

impl Echo {
    pub(super) fn new(frames: VideoFrameReceiver) -> Echo {
        Echo {
            frames,
            waiting: None,
        }
    }

    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.waiting.is_none() {
            match ready!(self.frames.poll_next(cx)) {
                Some(frame) => self.waiting = Some(frame),
                // Its sink has gone: nothing will ever come.
                None => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }

    pub(super) fn next(&mut self) -> Option<VideoFrame> {
        self.waiting.take().or_else(|| self.frames.try_next())
    }

    pub(super) fn request_key_frame(&self) {
        self.frames.request_key_frame();
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::video::{VideoCodec, VideoSource};

    #[test]
    fn what_the_sink_takes_the_source_gives_and_requests_go_the_other_way() {
        let (mut source, mut sink) = VideoSource::echo();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(source.poll_ready(&mut cx).is_pending());
        for number in 0..3 {
            let time = Duration::from_millis(40 * number);
            let frame = VideoFrame::new(VideoCodec::Vp8, vec![0x10, number as u8], time);
            assert!(!sink.write(frame));
        }
        assert!(source.poll_ready(&mut cx).is_ready());
        let now = Instant::now();
        let back: Vec<u8> = std::iter::from_fn(|| Some(source.next(now, true)?.data[1])).collect();
        assert_eq!(back, [0, 1, 2]);
        assert!(sink.poll_key_frame_request(&mut cx).is_pending());
        source.request_key_frame();
        assert!(sink.poll_key_frame_request(&mut cx).is_ready());
        drop(sink);
        assert!(source.poll_ready(&mut cx).is_pending());
    }
}
