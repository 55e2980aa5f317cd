//! Where the video that is sent comes from.

use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, watch};

use super::echo::Echo;
use super::ivf::IvfReader;
use super::{LARGEST_FRAME, VideoCodec, VideoFrame, VideoSink};
use crate::error::MediaError;

/// How many frames may wait: there is no reason for more than a few.
const WAITING_FRAMES: usize = 8;
/// How long the only frame of a file is shown before the file starts anew.
const ONLY_FRAME: Duration = Duration::from_millis(40);

/// Where the video that is sent comes from, frame by frame and encoded already.
pub struct VideoSource {
    origin: Origin,
}

enum Origin {
    None,
    Ivf(Box<Player>),
    Frames(Frames),
    Echo(Echo),
}

impl VideoSource {
    /// No video: the other side's is received all the same.
    pub fn none() -> VideoSource {
        VideoSource {
            origin: Origin::None,
        }
    }

    /// Plays an IVF file of VP8 (`VP80`) or H.264 (`H264`) at the speed of its timestamps, once.
    /// It waits while the peer does not want video.
    ///
    /// When the peer asks for a key frame, the file goes back to the key frame it passed last,
    /// and goes on from there: nothing is left out, a piece is shown again. Files with a key frame
    /// every second or so serve best.
    ///
    /// # Errors
    ///
    /// [`MediaError::File`] when it cannot be opened, [`MediaError::Ivf`] when it is no IVF file
    /// of these codecs or does not begin with a key frame.
    pub fn ivf(path: impl AsRef<Path>) -> Result<VideoSource, MediaError> {
        let reader = IvfReader::open(path.as_ref())?;
        Ok(VideoSource {
            origin: Origin::Ivf(Box::new(Player::new(reader))),
        })
    }

    /// Sends frames that the application encodes, each at once. The sender tells which codec is
    /// wanted and when a key frame is.
    pub fn frames() -> (VideoFrameSender, VideoSource) {
        let (sender, receiver) = mpsc::channel(WAITING_FRAMES);
        let (codec, wanted) = watch::channel(None);
        let asked = Arc::new(Notify::new());
        let frames = Frames {
            receiver,
            waiting: None,
            codec,
            asked: asked.clone(),
            closed: false,
        };
        let sender = VideoFrameSender {
            sender,
            asked,
            wanted,
        };
        let origin = Origin::Frames(frames);
        (sender, VideoSource { origin })
    }

    /// Sends back what is received: the source, and the sink that is to go with it on the same
    /// connection. Frames go back as they came, undecoded; a request for a key frame goes through
    /// to the peer.
    pub fn echo() -> (VideoSource, VideoSink) {
        let (sink, frames) = VideoSink::frames();
        let origin = Origin::Echo(Echo::new(frames));
        (VideoSource { origin }, sink)
    }

    /// Whether an IVF file starts anew at its end. Other sources have none.
    #[must_use]
    pub fn repeat(mut self, repeat: bool) -> VideoSource {
        if let Origin::Ivf(player) = &mut self.origin {
            player.repeat = repeat;
        }
        self
    }

    /// Whether there is anything to send at all.
    pub(crate) fn is_none(&self) -> bool {
        matches!(self.origin, Origin::None)
    }

    /// The codec, of a file that has one.
    pub(crate) fn codec(&self) -> Option<VideoCodec> {
        match &self.origin {
            Origin::Ivf(player) => Some(player.reader.codec()),
            _ => None,
        }
    }

    /// Tells the application which codec is wanted, `None` when no video is.
    pub(crate) fn set_wanted(&mut self, codec: Option<VideoCodec>) {
        if let Origin::Frames(frames) = &self.origin {
            frames.codec.send_if_modified(|known| {
                let before = std::mem::replace(known, codec);
                before != codec
            });
        }
    }

    /// Gives the next frame if it is due. A file stands still unless it is `playing`; what the
    /// application makes is over when its time has passed, and is given in any case.
    pub(crate) fn next(&mut self, now: Instant, playing: bool) -> Option<VideoFrame> {
        match &mut self.origin {
            Origin::None => None,
            Origin::Ivf(player) => player.next(now, playing),
            Origin::Frames(frames) => frames.next(),
            Origin::Echo(echo) => echo.next(),
        }
    }

    /// When [`next`](Self::next) has a frame, if that is known.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.origin {
            Origin::Ivf(player) => player.deadline(),
            _ => None,
        }
    }

    /// Waits for a frame of the application.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.origin {
            Origin::Frames(frames) => frames.poll_ready(cx),
            Origin::Echo(echo) => echo.poll_ready(cx),
            _ => Poll::Pending,
        }
    }

    /// The peer cannot decode anything before a key frame.
    pub(crate) fn request_key_frame(&mut self) {
        match &mut self.origin {
            Origin::None => {}
            Origin::Ivf(player) => player.go_back(),
            Origin::Frames(frames) => frames.asked.notify_one(),
            Origin::Echo(echo) => echo.request_key_frame(),
        }
    }

    /// Whether no frame will ever come again; told once.
    pub(crate) fn take_end(&mut self) -> bool {
        match &mut self.origin {
            Origin::Ivf(player) => std::mem::take(&mut player.ending),
            _ => false,
        }
    }
}

impl std::fmt::Debug for VideoSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.origin {
            Origin::None => "VideoSource::none",
            Origin::Ivf(_) => "VideoSource::ivf",
            Origin::Frames(_) => "VideoSource::frames",
            Origin::Echo(_) => "VideoSource::echo",
        })
    }
}

/// Plays a file.
struct Player {
    reader: IvfReader,
    repeat: bool,
    /// The frame to be given next; `None` before the first and after the last.
    next: Option<VideoFrame>,
    /// Which timestamp of the file is shown when, while it is playing.
    clock: Option<(Instant, Duration)>,
    /// When the frame given last is over, at the end of a file that is repeated.
    resume: Option<Instant>,
    /// Where the key frame given last begins.
    key_frame: u64,
    /// Where the frame in `next` begins.
    position: u64,
    last: Duration,
    gap: Duration,
    over: bool,
    /// The end is to be told.
    ending: bool,
    /// It was told once.
    ended: bool,
}

impl Player {
    fn new(reader: IvfReader) -> Player {
        let start = reader.offset();
        Player {
            reader,
            repeat: false,
            next: None,
            clock: None,
            resume: None,
            key_frame: start,
            position: start,
            last: Duration::ZERO,
            gap: ONLY_FRAME,
            over: false,
            ending: false,
            ended: false,
        }
    }

    /// Reads the next frame; at the end of the file starts anew, or notes the end.
    fn fill(&mut self, now: Instant) {
        if self.next.is_some() || self.over {
            return;
        }
        self.position = self.reader.offset();
        let read = self.reader.next().unwrap_or_else(|error| {
            // Cut short or damaged: what came until here counts.
            tracing::warn!(%error, "the video file ends early");
            None
        });
        match read {
            Some(frame) => self.next = Some(frame),
            None if self.repeat && self.reader.rewind().is_ok() => {
                self.position = self.reader.offset();
                self.next = self.reader.next().ok().flatten();
                self.over = self.next.is_none();
                // The last frame is shown for as long as the one before it was.
                let resume = self
                    .clock
                    .map(|(at, shown)| at + self.last.saturating_sub(shown) + self.gap);
                self.resume = Some(resume.unwrap_or(now));
                self.clock = None;
            }
            None => self.over = true,
        }
        self.ending = self.over && !std::mem::replace(&mut self.ended, self.over);
    }

    fn next(&mut self, now: Instant, playing: bool) -> Option<VideoFrame> {
        if !playing {
            self.clock = None;
            self.resume = None;
            return None;
        }
        self.fill(now);
        let frame = self.next.as_ref()?;
        if self.clock.is_none() {
            let begin = self.resume.take().unwrap_or(now);
            self.clock = Some((begin, frame.timestamp));
        }
        if self.deadline().is_some_and(|due| due > now) {
            return None;
        }
        let frame = self.next.take()?;
        if frame.key_frame {
            self.key_frame = self.position;
        }
        let gap = frame.timestamp.saturating_sub(self.last);
        if !gap.is_zero() && !self.last.is_zero() {
            self.gap = gap;
        }
        self.last = frame.timestamp;
        // So that the deadline of the one behind is known.
        self.fill(now);
        if let (Some(next), None) = (&self.next, self.clock) {
            let begin = self.resume.take().unwrap_or(now);
            self.clock = Some((begin, next.timestamp));
        }
        Some(frame)
    }

    fn deadline(&self) -> Option<Instant> {
        let (at, shown) = self.clock?;
        let next = self.next.as_ref()?;
        at.checked_add(next.timestamp.saturating_sub(shown))
    }

    fn go_back(&mut self) {
        if let Err(error) = self.reader.seek(self.key_frame) {
            tracing::warn!(%error, "the video file cannot be played from its last key frame");
            return;
        }
        self.next = None;
        self.clock = None;
        self.resume = None;
        self.over = false;
        self.last = Duration::ZERO;
    }
}

/// Hands frames to a [`VideoSource::frames`]. Dropping every clone ends the source.
#[derive(Clone, Debug)]
pub struct VideoFrameSender {
    sender: mpsc::Sender<VideoFrame>,
    asked: Arc<Notify>,
    wanted: watch::Receiver<Option<VideoCodec>>,
}

impl VideoFrameSender {
    /// Sends a frame, which leaves at once. Its timestamp is to go forward by the time that passes
    /// between the pictures.
    ///
    /// Frames are dropped while the peer does not want video or it is muted, and after that up to
    /// the next key frame, which is asked for; so are those of a codec that is not
    /// [wanted](Self::codec), and those above 8 MiB.
    ///
    /// # Errors
    ///
    /// Gives the frame back when the source is no longer played.
    pub async fn send(&self, frame: VideoFrame) -> Result<(), VideoFrame> {
        self.sender.send(frame).await.map_err(|error| error.0)
    }

    /// Sends the frame if there is room for it.
    ///
    /// # Errors
    ///
    /// Gives the frame back when 8 frames wait or the source is no longer played.
    pub fn try_send(&self, frame: VideoFrame) -> Result<(), VideoFrame> {
        self.sender
            .try_send(frame)
            .map_err(|error| error.into_inner())
    }

    /// Waits until a key frame is wanted: at the beginning, after a mute or a hold, and when the
    /// peer asks for one (PLI or FIR, RFC 4585, RFC 5104). Of several requests that nobody waited
    /// for, one is told.
    pub async fn key_frame_requested(&self) {
        self.asked.notified().await;
    }

    /// The codec the frames are to have, as agreed on with the peer; `None` while no video is
    /// agreed on.
    pub fn codec(&self) -> Option<VideoCodec> {
        *self.wanted.borrow()
    }

    /// Waits until [`codec`](Self::codec) is another, and gives it; `None` also when the source
    /// is no longer played.
    pub async fn codec_changed(&mut self) -> Option<VideoCodec> {
        match self.wanted.changed().await {
            Ok(()) => *self.wanted.borrow_and_update(),
            Err(_) => None,
        }
    }
}

struct Frames {
    receiver: mpsc::Receiver<VideoFrame>,
    waiting: Option<VideoFrame>,
    codec: watch::Sender<Option<VideoCodec>>,
    asked: Arc<Notify>,
    closed: bool,
}

impl Frames {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.waiting.is_some() {
            return Poll::Ready(());
        }
        if self.closed {
            return Poll::Pending;
        }
        match self.receiver.poll_recv(cx) {
            Poll::Ready(Some(frame)) => {
                self.waiting = Some(frame);
                Poll::Ready(())
            }
            Poll::Ready(None) => {
                self.closed = true;
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn next(&mut self) -> Option<VideoFrame> {
        loop {
            let waiting = self.waiting.take();
            let frame = waiting.or_else(|| self.receiver.try_recv().ok())?;
            if !frame.data.is_empty() && frame.data.len() <= LARGEST_FRAME {
                return Some(frame);
            }
            tracing::debug!(bytes = frame.data.len(), "a video frame of no usable size");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::VideoSink;

    /// A file with frames every 40 ms, of which these are key frames; the second byte counts.
    fn play(name: &str, count: u8, keys: &[u8]) -> VideoSource {
        let name = format!("offhook-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut sink = VideoSink::ivf(&path).unwrap();
        for n in 0..count {
            let tag = u8::from(!keys.contains(&n));
            let time = Duration::from_millis(40) * u32::from(n);
            sink.write(VideoFrame::new(VideoCodec::Vp8, vec![tag, n], time));
        }
        drop(sink);
        let source = VideoSource::ivf(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        source
    }

    /// Plays for so many milliseconds; gives the frames with the times they came at.
    fn watch(source: &mut VideoSource, start: Instant, from: u64, until: u64) -> Vec<(u64, u8)> {
        let mut shown = Vec::new();
        for millis in from..until {
            let now = start + Duration::from_millis(millis);
            while let Some(frame) = source.next(now, true) {
                shown.push((millis, frame.data[1]));
            }
        }
        shown
    }

    #[test]
    fn a_file_is_played_at_its_speed_and_its_end_is_told_once() {
        let mut source = play("speed.ivf", 3, &[0]);
        let start = Instant::now();
        assert_eq!(source.codec(), Some(VideoCodec::Vp8));
        assert_eq!(watch(&mut source, start, 0, 60), [(0, 0), (40, 1)]);
        assert_eq!(source.deadline(), Some(start + Duration::from_millis(80)));
        assert!(!source.take_end());
        assert_eq!(watch(&mut source, start, 60, 500), [(80, 2)]);
        assert!(source.take_end());
        assert!(!source.take_end());
        assert_eq!(source.deadline(), None);
    }

    #[test]
    fn a_repeated_file_goes_on_without_a_break() {
        let mut source = play("repeat.ivf", 3, &[0]).repeat(true);
        let shown = watch(&mut source, Instant::now(), 0, 250);
        let expected = [
            (0, 0),
            (40, 1),
            (80, 2),
            (120, 0),
            (160, 1),
            (200, 2),
            (240, 0),
        ];
        assert_eq!(shown, expected);
        assert!(!source.take_end());
    }

    #[test]
    fn a_request_goes_back_to_the_last_key_frame() {
        let mut source = play("request.ivf", 6, &[0, 3]);
        let start = Instant::now();
        watch(&mut source, start, 0, 90);
        source.request_key_frame();
        let shown = watch(&mut source, start, 90, 220);
        assert_eq!(shown, [(90, 0), (130, 1), (170, 2), (210, 3)]);
        let shown = watch(&mut source, start, 220, 260);
        assert_eq!(shown, [(250, 4)]);
        source.request_key_frame();
        let shown = watch(&mut source, start, 260, 500);
        assert_eq!(shown, [(260, 3), (300, 4), (340, 5)]);
        // After the end too: the peer may have lost the last picture.
        assert!(source.take_end());
        source.request_key_frame();
        let shown = watch(&mut source, start, 500, 700);
        assert_eq!(shown, [(500, 3), (540, 4), (580, 5)]);
        assert!(!source.take_end(), "the end is told once");
    }

    #[test]
    fn a_file_waits_while_nobody_wants_it() {
        let mut source = play("wait.ivf", 4, &[0]);
        let start = Instant::now();
        watch(&mut source, start, 0, 50);
        for millis in 50..1_000 {
            let now = start + Duration::from_millis(millis);
            assert_eq!(source.next(now, false), None);
        }
        assert_eq!(source.deadline(), None);
        let shown = watch(&mut source, start, 1_000, 1_100);
        assert_eq!(shown, [(1_000, 2), (1_040, 3)]);
    }

    #[tokio::test]
    async fn the_application_hears_of_codecs_and_requests() {
        let (mut sender, mut source) = VideoSource::frames();
        assert_eq!(sender.codec(), None);
        source.set_wanted(Some(VideoCodec::H264));
        assert_eq!(sender.codec_changed().await, Some(VideoCodec::H264));
        source.request_key_frame();
        source.request_key_frame();
        sender.key_frame_requested().await;
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(source.poll_ready(&mut cx).is_pending());
        let frame = VideoFrame::new(VideoCodec::H264, vec![0x41], Duration::ZERO);
        sender.send(frame.clone()).await.unwrap();
        let empty = VideoFrame::new(VideoCodec::H264, Vec::new(), Duration::ZERO);
        sender.send(empty).await.unwrap();
        assert!(source.poll_ready(&mut cx).is_ready());
        assert_eq!(source.next(Instant::now(), false), Some(frame));
        assert_eq!(source.next(Instant::now(), false), None);
        drop(source);
        assert_eq!(sender.codec_changed().await, None);
        let late = VideoFrame::new(VideoCodec::H264, vec![0x41], Duration::ZERO);
        assert!(sender.send(late).await.is_err());
    }
}
