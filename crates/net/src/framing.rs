//! The seam to the stream framing of `offhook-sip`.

use bytes::{Bytes, BytesMut};
use offhook_sip::Limits;

#[derive(Debug)]
pub(crate) enum StreamItem {
    Message(Bytes),
    Ping,
    Pong,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a message of more than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("a message without a usable Content-Length")]
    ContentLength,
}

#[derive(Debug)]
pub(crate) struct StreamDecoder {
    limits: Limits,
    buffer: BytesMut,
}

impl StreamDecoder {
    pub(crate) fn new(limits: Limits) -> StreamDecoder {
        StreamDecoder {
            limits,
            buffer: BytesMut::new(),
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    pub(crate) fn next(&mut self) -> Option<Result<StreamItem, FrameError>> {
        let limit = self.limits.message_size();
        if self.buffer.starts_with(b"\r\n\r\n") {
            let _ = self.buffer.split_to(4);
            return Some(Ok(StreamItem::Ping));
        }
        if self.buffer.starts_with(b"\r\n") && self.buffer.len() != 3 {
            let _ = self.buffer.split_to(2);
            return Some(Ok(StreamItem::Pong));
        }
        let head = self.buffer.windows(4).position(|end| end == b"\r\n\r\n");
        let Some(head) = head else {
            return (self.buffer.len() > limit).then_some(Err(FrameError::TooLarge { limit }));
        };
        let length = std::str::from_utf8(&self.buffer[..head])
            .ok()
            .and_then(|head| {
                head.lines()
                    .filter_map(|line| line.split_once(':'))
                    .find(|(name, _)| {
                        let name = name.trim();
                        name.eq_ignore_ascii_case("content-length")
                            || name.eq_ignore_ascii_case("l")
                    })
                    .and_then(|(_, value)| value.trim().parse::<usize>().ok())
            });
        let Some(length) = length else {
            return Some(Err(FrameError::ContentLength));
        };
        let size = (head + 4).saturating_add(length);
        if size > limit {
            return Some(Err(FrameError::TooLarge { limit }));
        }
        (self.buffer.len() >= size)
            .then(|| Ok(StreamItem::Message(self.buffer.split_to(size).freeze())))
    }
}
