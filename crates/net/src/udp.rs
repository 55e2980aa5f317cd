//! UDP: one socket serves many remotes, each a flow of its own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use offhook_core::{FlowId, Transport};
use tokio::net::UdpSocket;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::debug;

use crate::endpoint::Shared;
use crate::error::{LostReason, SendError};
use crate::event::NetEvent;
use crate::table::{Heard, PortId};

/// The most that one datagram holds over IPv4.
const LARGEST_DATAGRAM: usize = 65_507;

/// Binds a socket and reads from it until it is taken out of the table.
pub(crate) async fn bind(
    shared: &Arc<Shared>,
    address: SocketAddr,
    listening: bool,
) -> io::Result<(PortId, SocketAddr)> {
    let socket = Arc::new(UdpSocket::bind(address).await?);
    let local = socket.local_addr()?;
    // Sending never waits, and takes a socket for full until it was once seen to be ready.
    socket.writable().await?;
    let (stop, stopped) = oneshot::channel();
    let port = shared
        .table()
        .add_port(socket.clone(), local, listening, stop)
        .ok_or_else(|| io::Error::other("the endpoint is closed"))?;
    shared
        .runtime
        .spawn(receive(shared.clone(), port, socket, local, stopped));
    Ok((port, local))
}

/// Our address as `remote` sees it before any NAT: the one the kernel would send from.
pub(crate) async fn source_address(remote: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match remote {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let probe = UdpSocket::bind((any, 0)).await?;
    // On UDP this sends nothing.
    probe.connect(remote).await?;
    Ok(probe.local_addr()?.ip())
}

/// Sends one datagram, or says why not; never waits.
pub(crate) fn send(
    socket: &UdpSocket,
    flow: FlowId,
    remote: SocketAddr,
    bytes: &[u8],
) -> Result<(), SendError> {
    if bytes.len() > LARGEST_DATAGRAM {
        return Err(SendError::TooLarge {
            flow,
            size: bytes.len(),
        });
    }
    match socket.try_send_to(bytes, remote) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(SendError::QueueFull(flow)),
        Err(error) => Err(SendError::Failed {
            flow,
            reason: error.to_string(),
        }),
    }
}

async fn receive(
    shared: Arc<Shared>,
    port: PortId,
    socket: Arc<UdpSocket>,
    local: SocketAddr,
    mut stopped: oneshot::Receiver<std::convert::Infallible>,
) {
    debug!(%local, "UDP socket bound");
    let mut buffer = vec![0; 65_536];
    let idle = shared.config.idle_timeout;
    // Without an idle timeout the sweep has nothing to do; a day is as good as never.
    let mut sweep = interval(idle.map_or(std::time::Duration::from_secs(86_400), |idle| idle / 2));
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            _ = sweep.tick() => {
                if let Some(idle) = idle {
                    let silent = shared.table().forget_idle(port, idle, Instant::now());
                    for flow in silent {
                        shared.report_lost(flow, LostReason::Idle(idle)).await;
                    }
                }
            }
            received = socket.recv_from(&mut buffer) => match received {
                Ok((n, remote)) => datagram(&shared, port, local, remote, &buffer[..n]).await,
                // Some systems report here that an earlier datagram of ours found nobody. That says
                // nothing of the socket; and if it is broken, its flows time out.
                Err(error) => {
                    debug!(%local, %error, "UDP receive failed");
                    tokio::task::yield_now().await;
                }
            },
        }
    }
    debug!(%local, "UDP socket closed");
}

/// Our address on a socket that may be bound to all of them.
async fn own_address(bound: SocketAddr, remote: SocketAddr) -> SocketAddr {
    if !bound.ip().is_unspecified() {
        return bound;
    }
    match source_address(remote).await {
        Ok(ip) => SocketAddr::new(ip, bound.port()),
        Err(_) => bound,
    }
}

async fn datagram(
    shared: &Arc<Shared>,
    port: PortId,
    local: SocketAddr,
    remote: SocketAddr,
    bytes: &[u8],
) {
    let now = Instant::now();
    // Keep-alives of NAT bindings: empty, or a few line ends or zeros.
    if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        shared.cells.pings.add_one();
        shared.table().touch(port, remote, now);
        return;
    }
    if bytes.len() > shared.config.limits.message_size() {
        shared.cells.dropped_too_large.add_one();
        return;
    }
    let heard = shared.table().heard(port, remote, now);
    let flow = match heard {
        Heard::Known(flow) => flow,
        Heard::Closed => return,
        Heard::New { flow, forgotten } => {
            for flow in forgotten {
                shared.report_lost(flow, LostReason::Forgotten).await;
            }
            shared.cells.accepted.add_one();
            let local = own_address(local, remote).await;
            debug!(flow = flow.0, %local, %remote, "UDP remote accepted");
            shared
                .report(NetEvent::Accepted {
                    flow,
                    transport: Transport::Udp,
                    local,
                    remote,
                })
                .await;
            flow
        }
    };
    let event = NetEvent::Received {
        flow,
        bytes: Bytes::copy_from_slice(bytes),
    };
    match shared.events.try_send(event) {
        Ok(()) => shared.cells.received.add_one(),
        Err(TrySendError::Full(_)) => shared.cells.dropped_events_full.add_one(),
        Err(TrySendError::Closed(_)) => {}
    }
}
