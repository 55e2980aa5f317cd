//! A TCP or TLS connection: messages cut out of a byte stream (RFC 3261, 18.3), with the keep-alive
//! of RFC 5626, 3.5.1.

use bytes::Bytes;
use offhook_sip::{FrameError, StreamDecoder, StreamItem};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::connection::{Command, FAREWELL_TIMEOUT, Inlet, Link, Silence, Silent, WRITE_TIMEOUT};
use crate::error::LostReason;

const PING: &[u8] = b"\r\n\r\n";
const PONG: &[u8] = b"\r\n";

/// Serves the connection until it ends.
pub(crate) async fn run<S: AsyncRead + AsyncWrite>(stream: S, mut link: Link) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut last_words = None;
    let reason = tokio::select! {
        reason = read(&mut reader, &link.inlet, &mut last_words) => reason,
        reason = write(&mut writer, &mut link.commands, &link.inlet) => reason,
    };
    let closed_by_us = reason.is_none();
    link.ended(reason).await;
    // Says farewell, and lets the peer read what was sent before: a socket that is dropped with
    // something unread is reset.
    let farewell = async {
        if let Some(bytes) = last_words {
            let _ = writer.write_all(&bytes).await;
        }
        if writer.shutdown().await.is_ok() && closed_by_us {
            let mut rest = [0; 1024];
            while matches!(reader.read(&mut rest).await, Ok(n) if n > 0) {}
        }
    };
    let _ = timeout(FAREWELL_TIMEOUT, farewell).await;
}

/// Reads until the connection ends; `None` when nobody takes the events any more.
///
/// A request that ends it because it cannot be read may be owed an answer: `last_words`.
async fn read<S: AsyncRead>(
    reader: &mut ReadHalf<S>,
    inlet: &Inlet,
    last_words: &mut Option<Bytes>,
) -> Option<LostReason> {
    let shared = &inlet.shared;
    let mut decoder = StreamDecoder::new(shared.config.limits.clone());
    let mut silence = Silence::new(shared.config.idle_timeout, false);
    let mut chunk = vec![0; 8 * 1024];
    loop {
        let read = tokio::select! {
            read = reader.read(&mut chunk) => read,
            silent = silence.wait() => match silent {
                Silent::Ping => continue,
                Silent::GiveUp(limit) => return Some(LostReason::Idle(limit)),
            },
        };
        match read {
            Ok(0) => return Some(LostReason::ClosedByPeer),
            Ok(n) => decoder.push(&chunk[..n]),
            Err(error) => return Some(LostReason::Broken(error.to_string())),
        }
        while let Some(item) = decoder.next() {
            // Single bytes of a message that never ends do not count as a sign of life.
            silence.broken();
            let delivered = match item {
                Ok(StreamItem::Message(bytes)) => inlet.received(bytes).await,
                Ok(StreamItem::Ping) => {
                    shared.cells.pings.add_one();
                    inlet.write(Command::Pong);
                    Ok(())
                }
                Ok(StreamItem::Pong) => inlet.pong().await,
                // Whatever else a stream may carry one day is no message.
                Ok(_) => Ok(()),
                Err(error) => {
                    *last_words = decoder.reject().and_then(|answer| answer.write().ok());
                    return Some(unreadable(inlet, &error));
                }
            };
            if delivered.is_err() {
                return None;
            }
        }
    }
}

fn unreadable(inlet: &Inlet, error: &FrameError) -> LostReason {
    let shared = &inlet.shared;
    if matches!(error, FrameError::TooLarge { .. }) {
        shared.cells.dropped_too_large.add_one();
        return LostReason::TooLarge {
            limit: shared.config.limits.message_size(),
        };
    }
    shared.cells.dropped_garbage.add_one();
    LostReason::Garbage(error.to_string())
}

/// Writes until the connection ends; `None` when its user closed it.
async fn write<S: AsyncWrite>(
    writer: &mut WriteHalf<S>,
    commands: &mut mpsc::Receiver<Command>,
    inlet: &Inlet,
) -> Option<LostReason> {
    loop {
        let command = commands.recv().await?;
        let bytes: &[u8] = match &command {
            Command::Send(bytes) => bytes,
            Command::Ping => PING,
            Command::Pong => PONG,
        };
        let written = timeout(WRITE_TIMEOUT, async {
            writer.write_all(bytes).await?;
            writer.flush().await
        });
        match written.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Some(LostReason::Broken(error.to_string())),
            Err(_) => return Some(LostReason::Stalled(WRITE_TIMEOUT)),
        }
        if matches!(command, Command::Send(_)) {
            inlet.shared.cells.sent.add_one();
        }
    }
}
