//! Shows the messages on the wire to whoever wants to see them.

use std::fmt;
use std::net::SocketAddr;
use std::time::SystemTime;

use bytes::Bytes;
use offhook_core::{FlowId, Transport};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How many messages may wait for a slow hook; further ones are not shown.
const CAPACITY: usize = 4096;

use crate::redact::redact;

/// A SIP message that went over the wire.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WireMessage {
    /// Whether it was sent or received.
    pub direction: WireDirection,
    /// When.
    pub at: SystemTime,
    /// The flow it travelled on.
    pub flow: FlowId,
    /// The flow's transport and the peer's address, when known.
    pub peer: Option<(Transport, SocketAddr)>,
    /// The message as it is, secrets included. [`WireMessage::text`] is what people should see.
    pub bytes: Bytes,
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum WireDirection {
    /// From here to the peer.
    Sent,
    /// From the peer to here.
    Received,
}

impl WireMessage {
    /// The message's text with its secrets masked, as [`redact`] does.
    pub fn text(&self) -> String {
        redact(&String::from_utf8_lossy(&self.bytes))
    }
}

/// One line about where it went, then the message with its secrets masked.
impl fmt::Display for WireMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.direction {
            WireDirection::Sent => "sent to",
            WireDirection::Received => "received from",
        };
        match self.peer {
            Some((transport, peer)) => writeln!(f, "-- {way} {transport} {peer}")?,
            None => writeln!(f, "-- {way} {}", self.flow)?,
        }
        f.write_str(&self.text())
    }
}

/// What an application gives to see the messages.
pub(crate) type Hook = Box<dyn FnMut(WireMessage) + Send>;

/// Hands messages to the hook in order, from a task of its own: the hook may be slow or call the
/// user agent without harm.
#[derive(Debug)]
pub(crate) struct Tracer {
    messages: Option<mpsc::Sender<WireMessage>>,
    task: Option<JoinHandle<()>>,
}

impl Tracer {
    pub(crate) fn new(hook: Option<Hook>) -> Self {
        let Some(mut hook) = hook else {
            return Self {
                messages: None,
                task: None,
            };
        };
        let (messages, mut waiting) = mpsc::channel(CAPACITY);
        let task = tokio::spawn(async move {
            while let Some(message) = waiting.recv().await {
                hook(message);
            }
        });
        Self {
            messages: Some(messages),
            task: Some(task),
        }
    }

    pub(crate) fn message(
        &self,
        direction: WireDirection,
        flow: FlowId,
        peer: Option<(Transport, SocketAddr)>,
        bytes: &Bytes,
    ) {
        if offhook_core::stun::is_stun(bytes) {
            // A keep-alive is no message.
            return;
        }
        if tracing::enabled!(target: "offhook::wire", tracing::Level::TRACE) {
            let text = redact(&String::from_utf8_lossy(bytes));
            tracing::trace!(target: "offhook::wire", %flow, ?direction, "{text}");
        }
        if let Some(messages) = &self.messages {
            let bytes = bytes.clone();
            let message = WireMessage {
                direction,
                at: SystemTime::now(),
                flow,
                peer,
                bytes,
            };
            // Full: the hook is slower than the wire, and the wire does not wait for it.
            let _ = messages.try_send(message);
        }
    }

    /// Ends the hand-over; the returned task ends when the hook has seen everything.
    pub(crate) fn finish(&mut self) -> Option<JoinHandle<()>> {
        self.messages = None;
        self.task.take()
    }
}
