//! Opening flows: resolve, connect, shake hands.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use offhook_core::{FlowId, Transport};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tracing::debug;

use crate::connection::{Carrier, Link, Wire};
use crate::endpoint::Shared;
use crate::error::{LostReason, NetError};
use crate::event::NetEvent;
use crate::table::Placed;
use crate::{tls, udp, websocket};
use offhook_core::Destination;

/// What is being done, as [`NetError::TimedOut`] says it.
type Stage = &'static str;

const RESOLVE: Stage = "resolving its name";
const CONNECT: Stage = "connecting";
const TLS_HANDSHAKE: Stage = "the TLS handshake";
const WEBSOCKET_HANDSHAKE: Stage = "the WebSocket handshake";

/// Opens a flow, reports what came of it, and serves it until it ends. Ends without a word when the
/// flow is closed meanwhile.
pub(crate) async fn open(
    shared: Arc<Shared>,
    flow: FlowId,
    destination: Destination,
    mut abort: oneshot::Receiver<Infallible>,
) {
    debug!(flow = flow.0, %destination, "opening");
    let limit = shared.config.connect_timeout;
    let mut stage = RESOLVE;
    if destination.transport == Transport::Udp {
        let placed = tokio::select! {
            _ = &mut abort => return,
            placed = timeout(limit, place(&shared, flow, &destination, &mut stage)) => placed,
        };
        let placed = placed.unwrap_or_else(|_| Err(timed_out(&shared, &destination, stage)));
        match placed {
            Ok(Some((local, remote))) => opened(&shared, flow, Transport::Udp, local, remote).await,
            Ok(None) => {}
            Err(error) => failed(&shared, flow, error).await,
        }
        return;
    }
    let Ok(permit) = shared.connections.clone().try_acquire_owned() else {
        let error = NetError::TooManyFlows {
            destination: destination.to_string(),
            limit: shared.config.max_flows,
        };
        return failed(&shared, flow, error).await;
    };
    let connected = tokio::select! {
        _ = &mut abort => return,
        connected = timeout(limit, connect(&shared, &destination, &mut stage)) => connected,
    };
    let connected = connected.unwrap_or_else(|_| Err(timed_out(&shared, &destination, stage)));
    match connected {
        Ok(connected) => serve(shared, flow, destination.transport, connected, permit).await,
        Err(error) => failed(&shared, flow, error).await,
    }
}

/// The time for it is over.
fn timed_out(shared: &Shared, destination: &Destination, stage: Stage) -> NetError {
    NetError::TimedOut {
        destination: destination.to_string(),
        stage,
        after: shared.config.connect_timeout,
    }
}

async fn opened(
    shared: &Shared,
    flow: FlowId,
    transport: Transport,
    local: SocketAddr,
    remote: SocketAddr,
) {
    shared.cells.opened.add_one();
    debug!(flow = flow.0, %transport, %local, %remote, "opened");
    shared
        .report(NetEvent::Opened {
            flow,
            transport,
            local,
            remote,
        })
        .await;
}

async fn failed(shared: &Shared, flow: FlowId, error: NetError) {
    if shared.table().remove(flow).is_none() {
        return;
    }
    shared.cells.failed.add_one();
    debug!(flow = flow.0, %error, "not opened");
    shared.report(NetEvent::Failed { flow, error }).await;
}

async fn resolve(destination: &Destination) -> Result<Vec<SocketAddr>, NetError> {
    if let Some(ip) = destination.ip() {
        return Ok(vec![SocketAddr::new(ip, destination.port)]);
    }
    let unresolvable = |reason: String| NetError::Unresolvable {
        destination: destination.to_string(),
        host: destination.host.clone(),
        reason,
    };
    let found: Vec<SocketAddr> =
        tokio::net::lookup_host((destination.host.as_str(), destination.port))
            .await
            .map_err(|error| unresolvable(error.to_string()))?
            .collect();
    if found.is_empty() {
        return Err(unresolvable("it has no address".to_owned()));
    }
    Ok(found)
}

/// Gives a UDP flow its socket; `None` when it was closed meanwhile.
async fn place(
    shared: &Arc<Shared>,
    flow: FlowId,
    destination: &Destination,
    stage: &mut Stage,
) -> Result<Option<(SocketAddr, SocketAddr)>, NetError> {
    let unreachable = |error: io::Error| NetError::Unreachable {
        destination: destination.to_string(),
        reason: error.to_string(),
    };
    let addresses = resolve(destination).await?;
    *stage = CONNECT;
    let mut failure = None;
    for remote in addresses {
        let local = match udp::source_address(remote).await {
            Ok(local) => local,
            Err(error) => {
                failure.get_or_insert(unreachable(error));
                continue;
            }
        };
        // A second round is needed when a socket must be bound, a third when another flow to the
        // same remote took it first.
        let mut bound = None;
        for _ in 0..3 {
            let placed = shared.table().place(flow, local, remote, Instant::now());
            if !matches!(placed, Placed::NeedsSocket)
                && let Some(port) = bound
            {
                let orphans = shared.table().release_port(port);
                for orphan in orphans {
                    shared.report_lost(orphan, LostReason::Forgotten).await;
                }
            }
            match placed {
                Placed::On(local) => return Ok(Some((local, remote))),
                Placed::Closed => return Ok(None),
                Placed::TooMany => {
                    return Err(NetError::TooManyFlows {
                        destination: destination.to_string(),
                        limit: shared.config.max_flows,
                    });
                }
                Placed::NeedsSocket => {
                    let (port, _) = udp::bind(shared, SocketAddr::new(local, 0), false)
                        .await
                        .map_err(unreachable)?;
                    bound = Some(port);
                }
            }
        }
    }
    Err(failure.unwrap_or_else(|| unreachable(io::Error::other("no socket is free for it"))))
}

async fn connect(
    shared: &Shared,
    destination: &Destination,
    stage: &mut Stage,
) -> Result<(SocketAddr, SocketAddr, Carrier), NetError> {
    // What is wrong with the name is said before anybody is bothered.
    let secure = destination.transport.is_secure();
    let name = if secure {
        Some(tls::server_name(destination)?)
    } else {
        None
    };
    let addresses = resolve(destination).await?;
    *stage = CONNECT;
    let tcp = connect_tcp(destination, &addresses, shared.config.connect_timeout).await?;
    let unreachable = |error: io::Error| NetError::Unreachable {
        destination: destination.to_string(),
        reason: error.to_string(),
    };
    let local = tcp.local_addr().map_err(unreachable)?;
    let remote = tcp.peer_addr().map_err(unreachable)?;
    // Without it, the second of two small messages would wait for the first one's acknowledgement.
    let _ = tcp.set_nodelay(true);
    let wire: Wire = match name {
        None => Box::new(tcp),
        Some(name) => {
            *stage = TLS_HANDSHAKE;
            let config = shared
                .client_tls()
                .await
                .map_err(|error| tls::explain_tls(destination, &error))?;
            let tls = TlsConnector::from(config)
                .connect(name, tcp)
                .await
                .map_err(|error| tls::explain(destination, &error))?;
            Box::new(tls)
        }
    };
    let carrier = match destination.transport {
        Transport::Ws | Transport::Wss => {
            *stage = WEBSOCKET_HANDSHAKE;
            let websocket = websocket::connect(wire, destination, &shared.config.limits).await?;
            Carrier::WebSocket(Box::new(websocket))
        }
        _ => Carrier::Stream(wire),
    };
    Ok((local, remote, carrier))
}

/// Tries each address in turn. One that does not answer gets its share of the time, so that it does
/// not keep the next from being tried.
async fn connect_tcp(
    destination: &Destination,
    addresses: &[SocketAddr],
    limit: Duration,
) -> Result<TcpStream, NetError> {
    let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let share = limit / count;
    let mut failure: Option<NetError> = None;
    for address in addresses {
        let error = match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                NetError::Refused {
                    destination: destination.to_string(),
                }
            }
            Ok(Err(error)) => NetError::Unreachable {
                destination: destination.to_string(),
                reason: error.to_string(),
            },
            Err(_) => NetError::TimedOut {
                destination: destination.to_string(),
                stage: CONNECT,
                after: limit,
            },
        };
        // The failure that says most about the server is reported: some machine refused, some was
        // silent, no way led to any.
        let weight = |error: &NetError| match error {
            NetError::Refused { .. } => 2,
            NetError::TimedOut { .. } => 1,
            _ => 0,
        };
        if failure
            .as_ref()
            .is_none_or(|known| weight(&error) > weight(known))
        {
            failure = Some(error);
        }
    }
    Err(failure.unwrap_or_else(|| NetError::Unresolvable {
        destination: destination.to_string(),
        host: destination.host.clone(),
        reason: "it has no address".to_owned(),
    }))
}

async fn serve(
    shared: Arc<Shared>,
    flow: FlowId,
    transport: Transport,
    (local, remote, carrier): (SocketAddr, SocketAddr, Carrier),
    permit: OwnedSemaphorePermit,
) {
    let (sender, commands) = mpsc::channel(shared.config.queue.max(1));
    let weak = sender.downgrade();
    if !shared.table().opened(flow, sender) {
        return;
    }
    opened(&shared, flow, transport, local, remote).await;
    let link = Link::new(shared, flow, weak, commands, permit);
    carrier.run(link).await;
}
