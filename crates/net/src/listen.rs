//! Accepting connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use offhook_core::Transport;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use crate::connection::{Carrier, Link, Wire};
use crate::endpoint::Shared;
use crate::event::NetEvent;
use crate::http::{self, Visit};
use crate::websocket;

/// How long to wait when the system has no descriptor left for another connection.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// A listening socket and what its connections start with.
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) transport: Transport,
    /// For TLS and WSS.
    pub(crate) tls: Option<TlsAcceptor>,
}

impl Listener {
    /// Accepts until the endpoint is dropped, which ends `open`.
    pub(crate) async fn run(self, shared: Arc<Shared>, mut open: watch::Receiver<()>) {
        let listener = Arc::new(self);
        loop {
            let accepted = tokio::select! {
                _ = open.changed() => return,
                accepted = listener.socket.accept() => accepted,
            };
            match accepted {
                Ok((tcp, remote)) => {
                    let Ok(permit) = shared.connections.clone().try_acquire_owned() else {
                        shared.cells.refused_connections.add_one();
                        debug!(%remote, "connection refused: max_flows are open");
                        continue;
                    };
                    let serving = serve(
                        listener.clone(),
                        shared.clone(),
                        tcp,
                        remote,
                        permit,
                        open.clone(),
                    );
                    shared.runtime.spawn(serving);
                }
                // The connection was gone before it was accepted.
                Err(error) if is_of_the_peer(&error) => {}
                Err(error) => {
                    debug!(%error, "cannot accept connections for now");
                    tokio::select! {
                        _ = open.changed() => return,
                        () = tokio::time::sleep(EXHAUSTED_PAUSE) => {}
                    }
                }
            }
        }
    }
}

fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

async fn serve(
    listener: Arc<Listener>,
    shared: Arc<Shared>,
    tcp: TcpStream,
    remote: SocketAddr,
    permit: OwnedSemaphorePermit,
    mut open: watch::Receiver<()>,
) {
    let Ok(local) = tcp.local_addr() else {
        return;
    };
    // Without it, the second of two small messages would wait for the first one's acknowledgement.
    let _ = tcp.set_nodelay(true);
    let handshake = async {
        let (tls, transport) = (&listener.tls, listener.transport);
        let wire: Wire = match tls {
            None => Box::new(tcp),
            Some(tls) => Box::new(tls.accept(tcp).await.map_err(|error| error.to_string())?),
        };
        if !matches!(transport, Transport::Ws | Transport::Wss) {
            return Ok::<_, String>(Some(Carrier::Stream(wire)));
        }
        let wire = match &shared.config.pages {
            None => wire,
            Some(pages) => match http::receive(wire, pages.as_ref()).await? {
                Visit::WebSocket(wire) => wire,
                Visit::Served(wire) => {
                    shared.cells.pages.add_one();
                    http::farewell(wire).await;
                    return Ok(None);
                }
            },
        };
        let websocket = websocket::accept(wire, &shared.config.limits).await?;
        Ok(Some(Carrier::WebSocket(Box::new(websocket))))
    };
    let carrier = tokio::select! {
        _ = open.changed() => return,
        carrier = timeout(shared.config.connect_timeout, handshake) => carrier,
    };
    let carrier = match carrier {
        Ok(Ok(Some(carrier))) => carrier,
        Ok(Ok(None)) => return,
        Ok(Err(reason)) => return refused(&shared, remote, &reason),
        Err(_) => return refused(&shared, remote, "no handshake in time"),
    };
    let (sender, commands) = mpsc::channel(shared.config.queue.max(1));
    let weak = sender.downgrade();
    let Some(flow) = shared.table().accepted(sender) else {
        return;
    };
    let transport = listener.transport;
    // A connection must not keep its listening socket.
    drop(listener);
    shared.cells.accepted.add_one();
    debug!(flow = flow.0, %transport, %local, %remote, "accepted");
    shared
        .report(NetEvent::Accepted {
            flow,
            transport,
            local,
            remote,
        })
        .await;
    let link = Link::new(shared, flow, weak, commands, permit);
    carrier.run(link).await;
}

fn refused(shared: &Shared, remote: SocketAddr, reason: &str) {
    shared.cells.refused_handshakes.add_one();
    debug!(%remote, reason, "handshake failed");
}
