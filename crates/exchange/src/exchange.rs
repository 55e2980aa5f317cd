//! The door: build an exchange, watch it, stop it.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use offhook_core::Transport;
use offhook_core::auth::DigestAlgorithm;
use offhook_net::{Endpoint, EndpointConfig, NetError, TlsConfig};
use tokio::sync::{broadcast, oneshot};
use tokio::task::JoinHandle;

use crate::counters::{Counters, Live};
use crate::event::ExchangeEvent;
use crate::proxy::{Proxy, Settings};
use crate::server::Server;
use crate::site::Site;
use crate::watch::{PassingMessage, Watch};

/// So many events wait for a watcher that is slow; older ones are lost to it.
const EVENTS: usize = 1024;

/// A running exchange. Dropping it stops it at once; [`stop`](Exchange::stop) says farewell.
pub struct Exchange {
    domain: String,
    listening: Vec<(Transport, SocketAddr)>,
    proxy: Arc<Mutex<Proxy>>,
    events: broadcast::Sender<ExchangeEvent>,
    /// Ends the task when it is dropped.
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
}

impl Exchange {
    /// Starts to describe an exchange.
    pub fn builder() -> ExchangeBuilder {
        ExchangeBuilder {
            settings: Settings::new("localhost"),
            realm: None,
            users: HashMap::new(),
            open: false,
            listen: Vec::new(),
            tls: TlsConfig::default(),
            max_connections: 4096,
            idle_timeout: Duration::from_secs(300),
            watch: Watch::default(),
            site: None,
        }
    }

    /// The first address that is listened on for a transport, with the port that it got.
    pub fn address(&self, transport: Transport) -> Option<SocketAddr> {
        self.listening
            .iter()
            .find(|(listened, _)| *listened == transport)
            .map(|(_, address)| *address)
    }

    /// Every address that is listened on, in the order of
    /// [`listen`](ExchangeBuilder::listen), with the port that it got.
    pub fn addresses(&self) -> &[(Transport, SocketAddr)] {
        &self.listening
    }

    /// Where a user agent connects to: `ws://127.0.0.1:8080`. That of WebSocket if it is listened
    /// for, else of the first transport.
    pub fn url(&self) -> String {
        let preferred = [Transport::Ws, Transport::Wss].into_iter();
        let (transport, address) = preferred
            .filter_map(|transport| Some((transport, self.address(transport)?)))
            .chain(self.listening.first().copied())
            .next()
            .unwrap_or((Transport::Ws, SocketAddr::from(([127, 0, 0, 1], 0))));
        let scheme = transport.as_str().to_ascii_lowercase();
        format!("{scheme}://{}", connectable(address))
    }

    /// The domain of its users: what stands behind the `@`.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// How many contacts a user (`alice`) has registered.
    pub fn registered(&self, user: &str) -> usize {
        self.proxy().registered(user)
    }

    /// The events from now on.
    pub fn events(&self) -> Events {
        Events {
            events: self.events.subscribe(),
        }
    }

    /// How many of each living thing it holds.
    pub fn live(&self) -> Live {
        self.proxy().live()
    }

    /// What it counted so far.
    pub fn counters(&self) -> Counters {
        self.proxy().counters()
    }

    /// Stops it: what is to be sent is sent, connections are closed, ports are free afterwards. It
    /// takes two seconds at most.
    pub async fn stop(mut self) {
        self.stop.take();
        if let Some(task) = self.task.take() {
            // A task that was aborted with its runtime has stopped, too.
            let _ = task.await;
        }
    }

    fn proxy(&self) -> MutexGuard<'_, Proxy> {
        self.proxy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("domain", &self.domain)
            .field("listening", &self.listening)
            .field("live", &self.live())
            .finish_non_exhaustive()
    }
}

/// An address that can be connected to where one listens on all.
fn connectable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => ([127, 0, 0, 1], v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            (std::net::Ipv6Addr::LOCALHOST, v6.port()).into()
        }
        other => other,
    }
}

/// The events of an exchange, in order; see [`Exchange::events`].
#[derive(Debug)]
pub struct Events {
    events: broadcast::Receiver<ExchangeEvent>,
}

impl Events {
    /// Waits for the next event; `None` when the exchange has stopped. Who is more than a thousand
    /// events late misses the oldest.
    pub async fn next(&mut self) -> Option<ExchangeEvent> {
        loop {
            match self.events.recv().await {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

/// Describes an exchange; see [`Exchange::builder`].
#[derive(Debug)]
#[must_use = "an exchange starts with start()"]
pub struct ExchangeBuilder {
    settings: Settings,
    realm: Option<String>,
    users: HashMap<String, String>,
    open: bool,
    listen: Vec<(Transport, SocketAddr)>,
    tls: TlsConfig,
    max_connections: usize,
    idle_timeout: Duration,
    watch: Watch,
    site: Option<Site>,
}

impl ExchangeBuilder {
    /// The domain of the users. Default: `localhost`. `localhost`, loopback addresses and those
    /// listened on mean the same exchange in any case.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.settings.domain = domain.into();
        self
    }

    /// Adds a user, who registers and calls with this password.
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.users.insert(name.into(), password.into());
        self
    }

    /// Asks for no passwords: anybody may register, and call, as anybody. For networks where only
    /// friends are.
    pub fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// Listens on an address, once more for each call; port 0 takes any free one. Default: WebSocket
    /// on `127.0.0.1:0`.
    pub fn listen(mut self, transport: Transport, address: SocketAddr) -> Self {
        self.listen.push((transport, address));
        self
    }

    /// The certificate for TLS and WSS.
    pub fn tls(mut self, tls: TlsConfig) -> Self {
        self.tls = tls;
        self
    }

    /// The realm of the passwords. Default: the domain.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// The digest algorithms that are offered, in this order. Default: SHA-256, then MD5, as
    /// RFC 8760 wants it. A client that reads only the first challenge may need MD5 alone.
    pub fn digest_algorithms(
        mut self,
        algorithms: impl IntoIterator<Item = DigestAlgorithm>,
    ) -> Self {
        self.settings.algorithms = algorithms.into_iter().collect();
        self
    }

    /// The shortest time that one may register for; shorter wishes are answered 423. Default: 10 s.
    pub fn min_expires(mut self, min: Duration) -> Self {
        self.settings.registrar.min_expires = min;
        self
    }

    /// The longest time that one registers for; longer wishes are cut. Default: 2 hours.
    pub fn max_expires(mut self, max: Duration) -> Self {
        self.settings.registrar.max_expires = max;
        self
    }

    /// How many contacts a user may have. Default: 10.
    pub fn max_contacts(mut self, max: usize) -> Self {
        self.settings.registrar.max_contacts = max;
        self
    }

    /// How long an INVITE may be unanswered while it rings (timer C, RFC 3261, 16.8). Default: 180 s.
    pub fn ring_timeout(mut self, timeout: Duration) -> Self {
        self.settings.timings.timer_c = timeout;
        self
    }

    /// How long a caller whose connection is lost may take to come back, as the same instance of
    /// its user (RFC 5626), before its ringing calls are cancelled. Default: 10 s; zero does not
    /// wait.
    pub fn caller_patience(mut self, patience: Duration) -> Self {
        self.settings.caller_patience = patience;
        self
    }

    /// How many connections may be open at once. Default: 4096.
    pub fn max_connections(mut self, max: usize) -> Self {
        self.max_connections = max;
        self
    }

    /// After what silence a connection is closed. Default: 5 minutes. WebSocket clients are pinged
    /// when half of it has passed; others keep alive by themselves, or are connected to again.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self.settings.flow_timers.within(timeout);
        self.settings.dial_idle = timeout;
        self
    }

    /// Shows every message that comes in or goes out. The hook is called from the task that
    /// carries them, and should return soon.
    pub fn on_message(mut self, hook: impl FnMut(PassingMessage<'_>) + Send + 'static) -> Self {
        self.watch.set(Box::new(hook));
        self
    }

    /// Serves these pages over HTTP on every address where it listens for WebSockets. Default: none.
    pub fn site(mut self, site: Site) -> Self {
        self.site = Some(site);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::NobodyMayRegister`] without users unless it is [`open`](Self::open), and
    /// [`ExchangeError::Net`] when an address cannot be listened on.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with I/O and time enabled.
    pub async fn start(self) -> Result<Exchange, ExchangeError> {
        let mut settings = self.settings;
        if self.users.is_empty() && !self.open {
            return Err(ExchangeError::NobodyMayRegister);
        }
        if settings.algorithms.is_empty() {
            return Err(ExchangeError::NoAlgorithm);
        }
        let uri = format!("sip:{}", settings.domain);
        let is_host = offhook_sip::Uri::parse(&uri)
            .is_ok_and(|uri| uri.host() == Some(settings.domain.as_str()));
        if !is_host {
            return Err(ExchangeError::InvalidDomain(settings.domain));
        }
        settings.users = (!self.open).then_some(self.users);
        settings.realm = self.realm.unwrap_or_else(|| settings.domain.clone());

        let mut config = EndpointConfig::default();
        config.tls = self.tls;
        config.limits = settings.limits.clone();
        config.max_flows = self.max_connections;
        config.idle_timeout = Some(self.idle_timeout);
        config.queue = 1024;
        config.pages = self.site.map(|site| Arc::new(site) as _);
        let (endpoint, incoming) = Endpoint::new(config);

        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| ExchangeError::NoChance(error.to_string()))?;
        let domain = settings.domain.clone();
        let mut proxy = Proxy::new(settings, seed);
        let mut listen = self.listen;
        if listen.is_empty() {
            listen.push((Transport::Ws, SocketAddr::from(([127, 0, 0, 1], 0))));
        }
        let mut listening = Vec::new();
        for (transport, address) in listen {
            let address = endpoint.listen(transport, address).await?;
            proxy.listening(address);
            listening.push((transport, address));
        }
        let proxy = Arc::new(Mutex::new(proxy));
        let (events, _) = broadcast::channel(EVENTS);
        let (stop, stopped) = oneshot::channel();
        let server = Server::new(
            proxy.clone(),
            endpoint,
            incoming,
            events.clone(),
            self.watch,
        );
        Ok(Exchange {
            domain,
            listening,
            proxy,
            events,
            stop: Some(stop),
            task: Some(tokio::spawn(server.run(stopped))),
        })
    }
}

/// Why an exchange does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// It has no users, and is not open.
    #[error("nobody could register: add users with user(), or ask for no passwords with open()")]
    NobodyMayRegister,
    /// There is no digest algorithm to ask for passwords by.
    #[error("nobody could prove a password: name a digest algorithm, such as SHA-256")]
    NoAlgorithm,
    /// The domain is no host name.
    #[error("\"{0}\" is no domain: it must be a host name or an IP address, without a port")]
    InvalidDomain(String),
    /// An address cannot be listened on, or a certificate is missing.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The system gives no random numbers, without which nothing is safe.
    #[error("the system gives no random numbers: {0}")]
    NoChance(String),
}
