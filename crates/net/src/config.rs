//! The settings of an endpoint.

use std::sync::Arc;
use std::time::Duration;

use offhook_sip::Limits;

use crate::http::Pages;
use crate::tls::TlsConfig;

/// The settings of an [`Endpoint`](crate::Endpoint). The defaults suit a user agent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EndpointConfig {
    /// Whom to trust, and what to show, in TLS. Default: the system's authorities, and nothing.
    pub tls: TlsConfig,
    /// The limits on received messages. Larger ones close their connection, or are dropped on UDP.
    pub limits: Limits,
    /// How many connections may be open or being opened, and how many UDP remotes be remembered
    /// besides them. Default: 1024. Connections beyond are refused; UDP remotes beyond push out
    /// those not heard from for longest.
    pub max_flows: usize,
    /// After what time without a message or a keep-alive from the peer a flow is closed. Default:
    /// `None`, never. On WebSocket the peer is pinged when half of it has passed.
    pub idle_timeout: Option<Duration>,
    /// How long resolving, connecting and all handshakes of one flow may take, opened or accepted.
    /// Default: 10 s.
    pub connect_timeout: Duration,
    /// How many messages may wait to be sent on one flow, and how many events may wait to be taken
    /// from [`Incoming`](crate::Incoming). Default: 256. When events are not taken, connections
    /// are no longer read, and datagrams are dropped.
    pub queue: usize,
    /// What those get who ask a WebSocket listener for a page. Default: `None`, a refusal. The
    /// bounds on connections and handshakes hold for them, too.
    pub pages: Option<Arc<dyn Pages>>,
}

impl Default for EndpointConfig {
    fn default() -> Self {
        EndpointConfig {
            tls: TlsConfig::default(),
            limits: Limits::default(),
            max_flows: 1024,
            idle_timeout: None,
            connect_timeout: Duration::from_secs(10),
            queue: 256,
            pages: None,
        }
    }
}
