//! What all connections have in common: commands in, events out, and an end.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use offhook_core::FlowId;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tracing::debug;

use crate::endpoint::Shared;
use crate::error::LostReason;
use crate::event::NetEvent;
use crate::{stream, websocket};

/// How long a peer may accept no byte of a message before the connection is given up.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection that we close waits for the peer to take the last bytes.
pub(crate) const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);

/// A TCP connection, plain or under TLS.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

pub(crate) type Wire = Box<dyn Io>;

/// A connection that is through its handshakes, and how messages stand on it.
pub(crate) enum Carrier {
    Stream(Wire),
    WebSocket(Box<WebSocketStream<Wire>>),
}

impl Carrier {
    /// Serves the connection until it ends.
    pub(crate) async fn run(self, link: Link) {
        match self {
            Carrier::Stream(wire) => stream::run(wire, link).await,
            Carrier::WebSocket(websocket) => websocket::run(*websocket, link).await,
        }
    }
}

/// What the task of a connection is told to write.
#[derive(Debug)]
pub(crate) enum Command {
    Send(Bytes),
    /// A keep-alive of ours.
    Ping,
    /// The answer to the peer's.
    Pong,
}

/// The end of a connection that leads to its endpoint.
pub(crate) struct Link {
    pub(crate) inlet: Inlet,
    /// What to write; `None` comes when the flow is closed by its user.
    pub(crate) commands: mpsc::Receiver<Command>,
    /// Makes room for another connection when it goes.
    _permit: OwnedSemaphorePermit,
}

/// What the reading half of a connection needs.
pub(crate) struct Inlet {
    pub(crate) shared: Arc<Shared>,
    pub(crate) flow: FlowId,
    /// Weak, so that this does not keep the connection open that its user closed.
    writer: mpsc::WeakSender<Command>,
}

/// Nobody takes the events any more.
#[derive(Debug)]
pub(crate) struct Deserted;

impl Link {
    pub(crate) fn new(
        shared: Arc<Shared>,
        flow: FlowId,
        writer: mpsc::WeakSender<Command>,
        commands: mpsc::Receiver<Command>,
        permit: OwnedSemaphorePermit,
    ) -> Link {
        Link {
            inlet: Inlet {
                shared,
                flow,
                writer,
            },
            commands,
            _permit: permit,
        }
    }

    /// The connection ended: by itself when there is a reason, else because its user closed it.
    pub(crate) async fn ended(&mut self, reason: Option<LostReason>) {
        let Inlet { shared, flow, .. } = &self.inlet;
        match reason {
            Some(reason) => shared.lost(*flow, reason).await,
            None => {
                shared.table().remove(*flow);
                debug!(flow = flow.0, "closed");
            }
        }
    }
}

impl Inlet {
    pub(crate) async fn received(&self, bytes: Bytes) -> Result<(), Deserted> {
        self.shared.cells.received.add_one();
        self.event(NetEvent::Received {
            flow: self.flow,
            bytes,
        })
        .await
    }

    pub(crate) async fn pong(&self) -> Result<(), Deserted> {
        self.event(NetEvent::Pong { flow: self.flow }).await
    }

    async fn event(&self, event: NetEvent) -> Result<(), Deserted> {
        self.shared.events.send(event).await.map_err(|_| Deserted)
    }

    /// Has the writing half write this, unless it has enough to do.
    pub(crate) fn write(&self, command: Command) {
        if let Some(writer) = self.writer.upgrade() {
            // A peer that does not read its own pings' answers needs none.
            let _ = writer.try_send(command);
        }
    }
}

/// How long the peer has been silent, and what that calls for.
pub(crate) struct Silence {
    limit: Option<Duration>,
    since: Instant,
    pinged: bool,
    /// Whether the transport has a ping that every peer answers.
    can_ping: bool,
}

/// What to do about the peer's silence.
pub(crate) enum Silent {
    Ping,
    GiveUp(Duration),
}

impl Silence {
    pub(crate) fn new(limit: Option<Duration>, can_ping: bool) -> Silence {
        Silence {
            limit,
            since: Instant::now(),
            pinged: false,
            can_ping,
        }
    }

    /// A message or a keep-alive came.
    pub(crate) fn broken(&mut self) {
        self.since = Instant::now();
        self.pinged = false;
    }

    /// Waits until the silence calls for something.
    pub(crate) async fn wait(&mut self) -> Silent {
        let Some(limit) = self.limit else {
            return std::future::pending().await;
        };
        if self.can_ping && !self.pinged {
            tokio::time::sleep_until(self.since + limit / 2).await;
            self.pinged = true;
            Silent::Ping
        } else {
            tokio::time::sleep_until(self.since + limit).await;
            Silent::GiveUp(limit)
        }
    }
}
