//! The door: an endpoint owns sockets, and is told what to do with them.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use offhook_core::{FlowId, Transport};
use rustls::ClientConfig;
use tokio::net::TcpListener;
use tokio::runtime::Handle as Runtime;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use crate::config::EndpointConfig;
use crate::connect;
use crate::connection::Command;
use crate::counters::{Cells, Counters};
use crate::error::{LostReason, NetError, SendError};
use crate::event::{Incoming, NetEvent};
use crate::listen::Listener;
use crate::table::{Handle, Table};
use crate::udp;
use offhook_core::Destination;

/// The first name that an endpoint gives to a flow which others open to it: 2^63. Names given to
/// [`Endpoint::open`] are below.
pub const FIRST_ACCEPTED_FLOW: u64 = 1 << 63;

/// How long [`Endpoint::shutdown`] waits for the last connection.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// The sockets, connections and tasks of one user agent or exchange.
///
/// All its methods but [`listen`](Endpoint::listen) and [`shutdown`](Endpoint::shutdown) return at
/// once. Dropping it closes everything: what was accepted for sending is still written, as far as
/// the peers take it within a second or so; [`shutdown`](Endpoint::shutdown) waits for that.
pub struct Endpoint {
    shared: Option<Arc<Shared>>,
    /// Listeners end when it is dropped.
    open: watch::Sender<()>,
    /// Ends when the last task is gone.
    gone: oneshot::Receiver<Infallible>,
}

/// What an endpoint shares with its tasks.
pub(crate) struct Shared {
    pub(crate) config: EndpointConfig,
    pub(crate) runtime: Runtime,
    pub(crate) events: mpsc::Sender<NetEvent>,
    pub(crate) cells: Cells,
    /// A permit for each connection that is open or being opened.
    pub(crate) connections: Arc<Semaphore>,
    table: Mutex<Table>,
    client_tls: tokio::sync::OnceCell<Arc<ClientConfig>>,
    _gone: oneshot::Sender<Infallible>,
}

impl Endpoint {
    /// Makes an endpoint without any socket, and the stream of its events.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with I/O and time enabled.
    pub fn new(config: EndpointConfig) -> (Endpoint, Incoming) {
        let (events, incoming) = mpsc::channel(config.queue.max(1));
        let (_gone, gone) = oneshot::channel();
        let shared = Shared {
            runtime: Runtime::current(),
            events,
            cells: Cells::default(),
            connections: Arc::new(Semaphore::new(
                config.max_flows.clamp(1, Semaphore::MAX_PERMITS),
            )),
            table: Mutex::new(Table::new(config.max_flows)),
            client_tls: tokio::sync::OnceCell::new(),
            _gone,
            config,
        };
        let endpoint = Endpoint {
            shared: Some(Arc::new(shared)),
            open: watch::Sender::new(()),
            gone,
        };
        (endpoint, Incoming { events: incoming })
    }

    fn shared(&self) -> &Arc<Shared> {
        self.shared
            .as_ref()
            .expect("it is taken only by shutdown and drop, which consume the endpoint")
    }

    /// Listens on an address, and returns it with the port that the system chose if it was 0.
    ///
    /// # Errors
    ///
    /// [`NetError::CannotListen`] when the system refuses, [`NetError::NoCertificate`] for TLS and
    /// WSS without [`TlsConfig::with_identity_pem`](crate::TlsConfig::with_identity_pem).
    pub async fn listen(
        &self,
        transport: Transport,
        address: SocketAddr,
    ) -> Result<SocketAddr, NetError> {
        let shared = self.shared();
        let refused = |error: std::io::Error| NetError::CannotListen {
            transport,
            address,
            reason: error.to_string(),
        };
        if transport == Transport::Udp {
            let (_, local) = udp::bind(shared, address, true).await.map_err(refused)?;
            return Ok(local);
        }
        let tls = match (transport.is_secure(), shared.config.tls.server_config()) {
            (false, _) => None,
            (true, Some(config)) => Some(TlsAcceptor::from(config?)),
            (true, None) => return Err(NetError::NoCertificate { transport }),
        };
        let socket = TcpListener::bind(address).await.map_err(refused)?;
        let local = socket.local_addr().map_err(refused)?;
        debug!(%transport, %local, "listening");
        let listener = Listener {
            socket,
            transport,
            tls,
        };
        shared
            .runtime
            .spawn(listener.run(shared.clone(), self.open.subscribe()));
        Ok(local)
    }

    /// Opens a flow. What comes of it is told by [`NetEvent::Opened`] or [`NetEvent::Failed`], at
    /// most [`connect_timeout`](EndpointConfig::connect_timeout) later; until then nothing can be
    /// sent on it.
    ///
    /// The name must be below [`FIRST_ACCEPTED_FLOW`], else it fails. A name in use stays what it
    /// is, and nothing else happens.
    pub fn open(&self, flow: FlowId, destination: Destination) {
        let shared = self.shared();
        if flow.0 >= FIRST_ACCEPTED_FLOW {
            let shared = shared.clone();
            self.shared().runtime.spawn(async move {
                let error = NetError::ReservedFlow { flow };
                shared.report(NetEvent::Failed { flow, error }).await;
            });
            return;
        }
        let (abort, aborted) = oneshot::channel();
        if !shared.table().opening(flow, abort) {
            debug!(flow = flow.0, "not opened: the name is in use");
            return;
        }
        shared
            .runtime
            .spawn(connect::open(shared.clone(), flow, destination, aborted));
    }

    /// Sends one message. It is taken or refused at once; that it was taken does not say that it
    /// arrives.
    ///
    /// # Errors
    ///
    /// [`SendError::NoFlow`] when the flow is not open (yet, or any more),
    /// [`SendError::QueueFull`] when the peer does not read fast enough, and on UDP
    /// [`SendError::TooLarge`] and [`SendError::Failed`].
    pub fn send(&self, flow: FlowId, bytes: Bytes) -> Result<(), SendError> {
        let shared = self.shared();
        let result = shared.command(flow, Command::Send(bytes));
        match &result {
            Err(SendError::NoFlow(_)) => shared.cells.dropped_no_flow.add_one(),
            Err(SendError::QueueFull(_)) => shared.cells.dropped_queue_full.add_one(),
            _ => {}
        }
        result
    }

    /// Sends a keep-alive: a ping frame on WebSocket (RFC 7118, 6), a double CRLF else (RFC 5626,
    /// 3.5.1). Peers answer it on all transports but UDP; the answer is [`NetEvent::Pong`].
    ///
    /// # Errors
    ///
    /// Those of [`send`](Endpoint::send).
    pub fn ping(&self, flow: FlowId) -> Result<(), SendError> {
        self.shared().command(flow, Command::Ping)
    }

    /// Closes a flow, also one that is being opened. What was accepted for sending is still
    /// written. No [`NetEvent::Lost`] follows; what was received before may still come.
    pub fn close(&self, flow: FlowId) {
        let shared = self.shared();
        let orphans = shared.table().remove(flow);
        debug!(flow = flow.0, "closing");
        let Some(orphans) = orphans.filter(|orphans| !orphans.is_empty()) else {
            return;
        };
        let shared = shared.clone();
        self.shared().runtime.spawn(async move {
            for flow in orphans {
                shared.report_lost(flow, LostReason::Forgotten).await;
            }
        });
    }

    /// How many flows are open or being opened.
    pub fn flows(&self) -> usize {
        self.shared().table().len()
    }

    /// What was counted so far.
    pub fn counters(&self) -> Counters {
        self.shared().cells.read()
    }

    /// Closes everything and waits, at most two seconds, until what was accepted for sending is
    /// written and the peers have been told.
    pub async fn shutdown(mut self) {
        self.close_all();
        // Takes the last reference that is not a task's, so that the tasks' end shows.
        drop(self.shared.take());
        let _ = timeout(SHUTDOWN_TIMEOUT, &mut self.gone).await;
    }

    fn close_all(&self) {
        if let Some(shared) = &self.shared {
            shared.table().close();
            // Ends the listeners; the value says nothing.
            self.open.send_replace(());
        }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.close_all();
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.shared.as_ref();
        f.debug_struct("Endpoint")
            .field("flows", &shared.map(|shared| shared.table().len()))
            .field("counters", &shared.map(|shared| shared.cells.read()))
            .finish()
    }
}

impl Shared {
    pub(crate) fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing panics while it holds the lock halfway through a change.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn command(&self, flow: FlowId, command: Command) -> Result<(), SendError> {
        let datagram = match self.table().get(flow) {
            None | Some(Handle::Opening { .. }) => return Err(SendError::NoFlow(flow)),
            Some(Handle::Connection { commands }) => {
                return commands.try_send(command).map_err(|error| match error {
                    mpsc::error::TrySendError::Full(_) => SendError::QueueFull(flow),
                    mpsc::error::TrySendError::Closed(_) => SendError::NoFlow(flow),
                });
            }
            Some(Handle::Datagram(datagram)) => datagram.clone(),
        };
        match command {
            Command::Send(bytes) => {
                udp::send(&datagram.socket, flow, datagram.remote, &bytes)?;
                self.cells.sent.add_one();
                Ok(())
            }
            Command::Ping => udp::send(&datagram.socket, flow, datagram.remote, b"\r\n\r\n"),
            Command::Pong => Ok(()),
        }
    }

    /// Reports an event, waiting for room in the queue. Without a taker it goes unheard.
    pub(crate) async fn report(&self, event: NetEvent) {
        let _ = self.events.send(event).await;
    }

    /// A flow ended by itself: removes and reports it, unless its user closed it at the same time.
    pub(crate) async fn lost(&self, flow: FlowId, reason: LostReason) {
        if self.table().remove(flow).is_some() {
            self.report_lost(flow, reason).await;
        }
    }

    /// Reports the end of a flow that is out of the table already.
    pub(crate) async fn report_lost(&self, flow: FlowId, reason: LostReason) {
        self.cells.lost.add_one();
        debug!(flow = flow.0, %reason, "lost");
        self.report(NetEvent::Lost { flow, reason }).await;
    }

    /// What TLS needs as a client, made once: the system's authorities are on disk.
    pub(crate) async fn client_tls(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        let make = || async {
            let settings = self.config.tls.clone();
            tokio::task::spawn_blocking(move || settings.client_config())
                .await
                .map_err(|error| rustls::Error::General(error.to_string()))?
                .map(Arc::new)
        };
        self.client_tls.get_or_try_init(make).await.cloned()
    }
}
