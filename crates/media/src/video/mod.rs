//! Video as encoded frames: where they come from, where they go, and how they travel in RTP.
//!
//! Nothing is encoded or decoded here. A frame is what an encoder made of one picture.

mod assembler;
mod echo;
mod h264;
mod ivf;
mod payload;
mod sink;
mod source;
mod vp8;

use std::time::Duration;

use bytes::Bytes;

pub(crate) use assembler::{Assembled, Assembler, Packet};
pub(crate) use payload::Packetizer;
pub use sink::{VideoFrameReceiver, VideoSink};
pub use source::{VideoFrameSender, VideoSource};

/// The clock of every video payload format (RFC 7741 §4.1, RFC 6184 §5.1), in Hz.
pub(crate) const CLOCK_RATE: u32 = 90_000;

/// The largest frame that is read, sent or put together, in bytes: far more than a key frame of
/// 4K has.
pub(crate) const LARGEST_FRAME: usize = 8 * 1024 * 1024;

/// A video codec whose frames this crate can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VideoCodec {
    /// VP8 (RFC 6386), carried by RFC 7741.
    Vp8,
    /// H.264, carried by RFC 6184 in packetization mode 1: constrained baseline, level 3.1.
    H264,
}

impl VideoCodec {
    /// The name in `a=rtpmap`.
    pub fn name(self) -> &'static str {
        match self {
            VideoCodec::Vp8 => "VP8",
            VideoCodec::H264 => "H264",
        }
    }

    /// Whether a frame can be decoded without those before it.
    pub(crate) fn is_key_frame(self, data: &[u8]) -> bool {
        match self {
            VideoCodec::Vp8 => vp8::is_key_frame(data),
            VideoCodec::H264 => h264::is_key_frame(data),
        }
    }

    /// The width and height in pixels, which key frames tell.
    pub(crate) fn size(self, data: &[u8]) -> Option<(u16, u16)> {
        match self {
            VideoCodec::Vp8 => vp8::size(data),
            VideoCodec::H264 => h264::size(data),
        }
    }
}

impl std::fmt::Display for VideoCodec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One encoded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoFrame {
    /// What the encoder made. Of H.264 the NAL units of one access unit, each behind a start code
    /// (Annex B). At most 8 MiB are carried.
    pub data: Bytes,
    /// The codec.
    pub codec: VideoCodec,
    /// When the picture is to be shown, counted from any beginning; only the distances matter.
    pub timestamp: Duration,
    /// Whether it can be decoded without the frames before it.
    pub key_frame: bool,
}

impl VideoFrame {
    /// A frame of this data; whether it is a key frame is read from the data.
    pub fn new(codec: VideoCodec, data: impl Into<Bytes>, timestamp: Duration) -> VideoFrame {
        let data = data.into();
        VideoFrame {
            key_frame: codec.is_key_frame(&data),
            data,
            codec,
            timestamp,
        }
    }
}
