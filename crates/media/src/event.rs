//! What a peer connection tells its owner.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::data_channel::DataChannel;

/// What happened on a peer connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerConnectionEvent {
    /// A local candidate was found; trickle it if the peer takes trickled candidates.
    IceCandidate {
        /// `candidate:…`, without `a=`.
        candidate: String,
        /// The media section it belongs to.
        mid: String,
    },
    /// The gathering of local candidates went on.
    GatheringState(GatheringState),
    /// The offer/answer exchange went on.
    SignalingState(SignalingState),
    /// ICE found, lost or is looking for a path.
    IceConnectionState(IceConnectionState),
    /// The sum of ICE and DTLS.
    ConnectionState(ConnectionState),
    /// The first RTP packet with audio arrived since the connection or the direction changed.
    AudioReceived,
    /// The first whole frame of video arrived, a key frame, since the connection or the direction
    /// changed.
    VideoReceived,
    /// The video file was played to its end; its last picture stays.
    VideoSourceEnded,
    /// The peer asked for a key frame of our video (PLI or FIR); the source was told.
    KeyFrameRequested,
    /// The source has no more audio (a WAV file was played to its end); silence is sent now.
    SourceEnded,
    /// The peer sent a DTMF tone (RFC 4733), counted once, at its end.
    Tone {
        /// `0`-`9`, `A`-`D`, `*` or `#`.
        tone: char,
        /// How long it was pressed.
        duration: Duration,
    },
    /// The peer made a data channel; it is open. Not taken, it is closed.
    DataChannel(DataChannel),
    /// The tone that begins to be sent now, or `None` when the queue has run empty
    /// (W3C `tonechange`).
    ToneChange(Option<char>),
}

/// W3C `RTCIceGatheringState`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum GatheringState {
    /// Gathering has not begun.
    #[default]
    New,
    /// Candidates are being gathered.
    Gathering,
    /// Every candidate is known.
    Complete,
}

/// W3C `RTCSignalingState`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SignalingState {
    /// No exchange is under way.
    #[default]
    Stable,
    /// A local offer waits for its answer.
    HaveLocalOffer,
    /// A remote offer waits for its answer.
    HaveRemoteOffer,
    /// A remote offer was answered provisionally.
    HaveLocalPrAnswer,
    /// A local offer was answered provisionally.
    HaveRemotePrAnswer,
    /// The connection is closed.
    Closed,
}

/// W3C `RTCIceConnectionState`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IceConnectionState {
    /// No candidate pair is checked yet.
    #[default]
    New,
    /// Candidate pairs are being checked.
    Checking,
    /// A pair works; better ones are still looked for.
    Connected,
    /// A pair works and the search has ended.
    Completed,
    /// The path does not answer at the moment.
    Disconnected,
    /// No path was found, or it stayed away for too long.
    Failed,
    /// The connection is closed.
    Closed,
}

/// W3C `RTCPeerConnectionState`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// Nothing has begun.
    #[default]
    New,
    /// ICE or DTLS are at work.
    Connecting,
    /// Media can flow.
    Connected,
    /// The path does not answer at the moment.
    Disconnected,
    /// ICE or DTLS failed.
    Failed,
    /// The connection is closed.
    Closed,
}

macro_rules! w3c_names {
    ($type:ty { $($variant:ident => $name:literal),* $(,)? }) => {
        impl $type {
            /// The state's name in the W3C API.
            pub fn as_str(self) -> &'static str {
                match self { $(<$type>::$variant => $name),* }
            }
        }
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

w3c_names!(GatheringState { New => "new", Gathering => "gathering", Complete => "complete" });
w3c_names!(SignalingState {
    Stable => "stable",
    HaveLocalOffer => "have-local-offer",
    HaveRemoteOffer => "have-remote-offer",
    HaveLocalPrAnswer => "have-local-pranswer",
    HaveRemotePrAnswer => "have-remote-pranswer",
    Closed => "closed",
});
w3c_names!(IceConnectionState {
    New => "new",
    Checking => "checking",
    Connected => "connected",
    Completed => "completed",
    Disconnected => "disconnected",
    Failed => "failed",
    Closed => "closed",
});
w3c_names!(ConnectionState {
    New => "new",
    Connecting => "connecting",
    Connected => "connected",
    Disconnected => "disconnected",
    Failed => "failed",
    Closed => "closed",
});

/// How many events wait for an owner who does not look; later ones are dropped. A connection
/// makes a few dozen in its life, so only a peer that floods tones gets there.
const WAITING_EVENTS: usize = 1024;

/// The stream of a peer connection's events. Dropping it is allowed: the connection goes on.
#[derive(Debug)]
pub struct PeerConnectionEvents {
    receiver: mpsc::Receiver<PeerConnectionEvent>,
}

impl PeerConnectionEvents {
    /// Waits for the next event; `None` after the connection has closed and every event was taken.
    pub async fn next(&mut self) -> Option<PeerConnectionEvent> {
        self.receiver.recv().await
    }

    /// Polls for the next event, for those who build a stream of their own.
    pub fn poll_next(
        &mut self,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<PeerConnectionEvent>> {
        self.receiver.poll_recv(cx)
    }
}

/// The sending half, in the connection's task.
#[derive(Debug)]
pub(crate) struct EventSender {
    sender: mpsc::Sender<PeerConnectionEvent>,
}

impl EventSender {
    pub(crate) fn channel() -> (EventSender, PeerConnectionEvents) {
        let (sender, receiver) = mpsc::channel(WAITING_EVENTS);
        (EventSender { sender }, PeerConnectionEvents { receiver })
    }

    pub(crate) fn send(&self, event: PeerConnectionEvent) {
        if let Err(mpsc::error::TrySendError::Full(event)) = self.sender.try_send(event) {
            tracing::warn!(
                ?event,
                "nobody takes the events of this peer connection: dropped"
            );
        }
    }
}
