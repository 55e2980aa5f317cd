//! Frames into RTP payloads and back, for every codec.

use std::sync::Arc;

use super::{VideoCodec, h264, vp8};

/// The largest payload. With the headers of RTP and of a retransmission, and the tag of SRTP, the
/// datagram stays below the 1200 bytes that pass everywhere.
const LARGEST_PAYLOAD: usize = 1_140;

/// Splits frames into RTP payloads.
#[derive(Debug)]
pub(crate) struct Packetizer {
    picture_id: u16,
    h264: h264::Packetizer,
}

impl Packetizer {
    /// The PictureIDs of VP8 begin anywhere.
    pub(crate) fn new(picture_id: u16) -> Packetizer {
        Packetizer {
            picture_id,
            h264: h264::Packetizer::default(),
        }
    }

    /// The payloads of a frame; the last one's packet carries the marker.
    pub(crate) fn packetize(&mut self, codec: VideoCodec, frame: &[u8]) -> Vec<Arc<[u8]>> {
        match codec {
            VideoCodec::Vp8 => {
                self.picture_id = self.picture_id.wrapping_add(1);
                vp8::packetize(frame, self.picture_id, LARGEST_PAYLOAD)
            }
            VideoCodec::H264 => self.h264.packetize(frame, LARGEST_PAYLOAD),
        }
    }
}

/// Whether the first packet of a key frame has this payload.
pub(super) fn starts_key_frame(codec: VideoCodec, payload: &[u8]) -> bool {
    match codec {
        VideoCodec::Vp8 => vp8::Payload::parse(payload).is_some_and(|p| p.starts_key_frame()),
        VideoCodec::H264 => h264::starts_key_frame(payload),
    }
}

/// Whether a frame that begins with this payload is whole. Of H.264 nothing tells.
pub(super) fn may_start_frame(codec: VideoCodec, payload: &[u8]) -> bool {
    match codec {
        VideoCodec::Vp8 => vp8::Payload::parse(payload).is_some_and(|p| p.starts),
        VideoCodec::H264 => true,
    }
}

/// Appends what a payload holds to a frame; says whether it was understood.
pub(super) fn depacketize(codec: VideoCodec, payload: &[u8], frame: &mut Vec<u8>) -> bool {
    match codec {
        VideoCodec::Vp8 => vp8::Payload::parse(payload)
            .map(|payload| frame.extend_from_slice(payload.data))
            .is_some(),
        VideoCodec::H264 => h264::depacketize(payload, frame),
    }
}
