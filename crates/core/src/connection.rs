//! Flows: the connection to the server, which is made again when it breaks, and those to peers.
//!
//! A flow is a way to a peer that a driver opened: a WebSocket, a TCP or TLS connection, or a
//! UDP socket with a remote address (RFC 5626 section 3.3).

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use offhook_sip::Uri;

use crate::config::Config;
use crate::destination::Destination;
use crate::event::{Event, Output};
use crate::flow::{FlowId, Transport};
use crate::map::Map;
use crate::random::Random;
use crate::time::doubled;
use crate::transaction::Hop;

/// Stands for the flow to the server while there is none: what is to go over it waits for the one
/// that comes back.
pub(crate) const SERVER: FlowId = FlowId(0);

/// How many flows a user agent keeps at most, the server's aside.
const MAX_FLOWS: usize = 1024;

/// The connection to the server.
#[derive(Debug)]
enum Server {
    /// Not started, or stopped.
    Idle,
    /// A flow is being opened; so many attempts failed before.
    Connecting { flow: FlowId, attempt: u32 },
    /// The flow stands.
    Up { flow: FlowId },
    /// The next attempt waits for its time.
    Waiting { attempt: u32 },
}

/// A flow to anywhere.
#[derive(Debug)]
enum Flow {
    Opening {
        destination: Destination,
    },
    Open {
        transport: Transport,
        local: SocketAddr,
        remote: SocketAddr,
        destination: Option<Destination>,
    },
}

/// What a lost or failed flow meant.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Loss {
    /// It led to the server; the next attempt starts after this time.
    Server { retry_in: Option<Duration> },
    /// It led elsewhere.
    Other,
}

/// All flows of a user agent.
#[derive(Debug)]
pub(crate) struct Connection {
    server: Server,
    flows: Map<FlowId, Flow>,
    next_flow: u64,
    /// Our Contact where our address is unknown or does not matter.
    contact: Uri<'static>,
    /// Whether that is so everywhere.
    fixed: bool,
    /// The server's last flow, and our address on it, until another takes its place.
    replaced: Option<(FlowId, SocketAddr)>,
}

/// What the server's new flow takes the place of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Replaced {
    pub(crate) flow: FlowId,
    /// Whether our own address is another one now, or may be, as a browser does not know its own.
    pub(crate) moved: bool,
}

impl Connection {
    pub(crate) fn new(config: &Config, random: &mut Random) -> Self {
        // A browser does not know its address (RFC 7118 section 5).
        let host = random.token(12);
        let user = random.token(8);
        let made = format!("sip:{user}@{host}.invalid;transport=ws");
        let made = Uri::parse(&made).map_or_else(|_| config.address.clone(), Uri::into_owned);
        Self {
            server: Server::Idle,
            flows: Map::new(),
            next_flow: 1,
            contact: config.contact.clone().unwrap_or(made),
            fixed: config.contact.is_some(),
            replaced: None,
        }
    }

    /// How many flows are open or being opened.
    pub(crate) fn len(&self) -> usize {
        self.flows.len()
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(self.server, Server::Up { .. })
    }

    /// Whether requests find a way now: the server's flow stands, or there is no server.
    pub(crate) fn is_usable(&self) -> bool {
        self.is_up() || self.replaced.is_none() && self.is_idle()
    }

    /// Whether the server connection is neither up nor on its way.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.server, Server::Idle)
    }

    fn name_flow(&mut self) -> FlowId {
        let flow = FlowId(self.next_flow);
        self.next_flow += 1;
        flow
    }

    /// Starts a connection to the server: the first of them, or after failures the next in turn.
    pub(crate) fn connect(&mut self, config: &Config, outputs: &mut VecDeque<Output>) {
        let attempt = match self.server {
            Server::Idle => 0,
            Server::Waiting { attempt } => attempt,
            Server::Connecting { .. } | Server::Up { .. } => return,
        };
        let Some(server) = config
            .servers
            .get(attempt as usize % config.servers.len().max(1))
        else {
            return;
        };
        let flow = self.name_flow();
        self.server = Server::Connecting { flow, attempt };
        self.flows.insert(
            flow,
            Flow::Opening {
                destination: server.clone(),
            },
        );
        outputs.push_back(Output::Event(Event::Connecting { attempt }));
        outputs.push_back(Output::Open {
            flow,
            destination: server.clone(),
        });
    }

    /// Lets every flow go, and makes the server's no more.
    pub(crate) fn disconnect(&mut self, outputs: &mut VecDeque<Output>) {
        self.server = Server::Idle;
        for &flow in std::mem::take(&mut self.flows).keys() {
            outputs.push_back(Output::Close { flow });
        }
    }

    /// A flow stands. Says whether it is the server's.
    pub(crate) fn opened(
        &mut self,
        flow: FlowId,
        transport: Transport,
        local: SocketAddr,
        remote: SocketAddr,
        outputs: &mut VecDeque<Output>,
    ) -> bool {
        let destination = match self.flows.remove(&flow) {
            Some(Flow::Opening { destination }) => Some(destination),
            Some(Flow::Open { destination, .. }) => destination,
            None if self.flows.len() >= MAX_FLOWS => {
                outputs.push_back(Output::Close { flow });
                return false;
            }
            None => None,
        };
        self.flows.insert(
            flow,
            Flow::Open {
                transport,
                local,
                remote,
                destination,
            },
        );
        let ours = matches!(self.server, Server::Connecting { flow: server, .. } if server == flow);
        if ours {
            self.server = Server::Up { flow };
        }
        ours
    }

    /// The flow that the server's new one, just opened, takes the place of.
    pub(crate) fn take_replaced(&mut self) -> Option<Replaced> {
        let Server::Up { flow: up } = self.server else {
            return None;
        };
        let (flow, before) = self.replaced.take()?;
        let moved = matches!(self.flows.get(&up), Some(Flow::Open { local, .. })
            if local.ip() != before.ip() || local.ip().is_unspecified());
        Some(Replaced { flow, moved })
    }

    /// A flow is gone, or could not be opened.
    pub(crate) fn lost(&mut self, flow: FlowId, config: &Config, random: &mut Random) -> Loss {
        let gone = self.flows.remove(&flow);
        let attempt = match self.server {
            Server::Up { flow: server } if server == flow => {
                if let Some(Flow::Open { local, .. }) = gone {
                    self.replaced = Some((flow, local));
                }
                0
            }
            Server::Connecting {
                flow: server,
                attempt,
            } if server == flow => attempt + 1,
            _ => return Loss::Other,
        };
        self.server = Server::Waiting { attempt };
        // Doubles with each failed attempt, with jitter, so that clients of a restarted server
        // do not come back at one instant (RFC 5626 section 4.5).
        let ceiling = doubled(config.reconnect_min, attempt.min(16))
            .clamp(config.reconnect_min, config.reconnect_max);
        let retry_in = random.jitter(ceiling).max(config.reconnect_min / 2);
        Loss::Server {
            retry_in: Some(retry_in),
        }
    }

    /// The way of a request whose next hop is `uri`.
    pub(crate) fn way(
        &mut self,
        uri: &Uri<'_>,
        config: &Config,
        outputs: &mut VecDeque<Output>,
    ) -> Way {
        if let Some(server) = config.servers.first() {
            let server_flow = match self.server {
                Server::Up { flow } => Way::Open(flow),
                Server::Connecting { .. } | Server::Waiting { .. } => Way::Opening(SERVER),
                Server::Idle => Way::None,
            };
            // Over a connection the flow leads back to the peer whatever its Contact says
            // (RFC 5626 section 4.3, RFC 7118 section 5); a datagram follows its URI.
            if server.transport.is_reliable() || self.leads_to_server(uri, config) {
                return server_flow;
            }
        }
        let Some(destination) = Destination::of_uri(uri) else {
            return Way::None;
        };
        if let Some(way) = self.known(&destination) {
            return way;
        }
        if self.flows.len() >= MAX_FLOWS {
            return Way::None;
        }
        let flow = self.name_flow();
        self.flows.insert(
            flow,
            Flow::Opening {
                destination: destination.clone(),
            },
        );
        outputs.push_back(Output::Open { flow, destination });
        Way::Opening(flow)
    }

    /// The way a new request outside any dialog goes: to the server if there is one.
    pub(crate) fn first_way(
        &mut self,
        uri: &Uri<'_>,
        config: &Config,
        outputs: &mut VecDeque<Output>,
    ) -> Way {
        match (&self.server, config.servers.is_empty()) {
            (_, true) => self.way(uri, config, outputs),
            (Server::Up { flow }, false) => Way::Open(*flow),
            (Server::Connecting { .. } | Server::Waiting { .. }, false) => Way::Opening(SERVER),
            (Server::Idle, false) => Way::None,
        }
    }

    fn leads_to_server(&self, uri: &Uri<'_>, config: &Config) -> bool {
        let Some(hop) = Destination::of_uri(uri) else {
            return true;
        };
        let named = config.servers.iter().any(|server| {
            server.transport == hop.transport && server.host == hop.host && server.port == hop.port
        });
        named || matches!(self.server, Server::Up { flow } if self.remote_is(flow, &hop))
    }

    fn remote_is(&self, flow: FlowId, hop: &Destination) -> bool {
        match (self.flows.get(&flow), hop.host.parse::<IpAddr>()) {
            (
                Some(Flow::Open {
                    transport, remote, ..
                }),
                Ok(ip),
            ) => *transport == hop.transport && remote.ip() == ip && remote.port() == hop.port,
            _ => false,
        }
    }

    fn known(&self, wanted: &Destination) -> Option<Way> {
        self.flows.iter().find_map(|(&flow, state)| match state {
            Flow::Opening { destination } if destination == wanted => Some(Way::Opening(flow)),
            Flow::Open {
                destination: Some(destination),
                ..
            } if destination == wanted => Some(Way::Open(flow)),
            Flow::Open { .. } if self.remote_is(flow, wanted) => Some(Way::Open(flow)),
            Flow::Opening { .. } | Flow::Open { .. } => None,
        })
    }

    /// The flow's transport and remote address, once it stands.
    pub(crate) fn peer(&self, flow: FlowId) -> Option<(Transport, SocketAddr)> {
        match self.flows.get(&flow)? {
            Flow::Open {
                transport, remote, ..
            } => Some((*transport, *remote)),
            Flow::Opening { .. } => None,
        }
    }

    /// Where a flow leads that this side opened, once it stands.
    pub(crate) fn destination(&self, flow: FlowId) -> Option<&Destination> {
        match self.flows.get(&flow)? {
            Flow::Open { destination, .. } => destination.as_ref(),
            Flow::Opening { .. } => None,
        }
    }

    /// The flow to the server; one that is none while there is none.
    pub(crate) fn server(&self) -> FlowId {
        match self.server {
            Server::Up { flow } => flow,
            _ => SERVER,
        }
    }

    /// Whether a flow is the one to the server.
    pub(crate) fn is_server(&self, flow: FlowId) -> bool {
        matches!(self.server, Server::Up { flow: server } if server == flow)
    }

    /// What goes into the Via of a request on this flow.
    pub(crate) fn hop(&self, flow: FlowId) -> Option<Hop> {
        match self.flows.get(&flow)? {
            Flow::Open {
                transport, local, ..
            } => Some(Hop {
                flow,
                transport: *transport,
                sent_by: match transport {
                    Transport::Ws | Transport::Wss => {
                        self.contact.host().unwrap_or_default().to_owned()
                    }
                    Transport::Udp | Transport::Tcp | Transport::Tls => local.to_string(),
                },
            }),
            Flow::Opening { .. } => None,
        }
    }

    /// Our Contact URI as a peer behind this flow shall use it.
    pub(crate) fn contact(&self, flow: FlowId) -> String {
        let user = self.contact_user();
        match self.flows.get(&flow) {
            _ if self.fixed => self.contact.as_str().to_owned(),
            Some(Flow::Open {
                transport: Transport::Udp,
                local,
                ..
            }) => format!("sip:{user}@{local}"),
            Some(Flow::Open {
                transport: transport @ (Transport::Tcp | Transport::Tls),
                local,
                ..
            }) => {
                format!("sip:{user}@{local};transport={}", transport.uri_param())
            }
            Some(Flow::Open { .. } | Flow::Opening { .. }) | None => {
                self.contact.as_str().to_owned()
            }
        }
    }

    pub(crate) fn contact_user(&self) -> &str {
        self.contact.user().unwrap_or_default()
    }

    /// Whether a URI names the user of our Contact.
    pub(crate) fn is_contact_user(&self, uri: &Uri<'_>) -> bool {
        uri.user_unescaped() == self.contact.user_unescaped()
    }
}

/// The way of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// Over this flow, now.
    Open(FlowId),
    /// Over this flow, once it stands.
    Opening(FlowId),
    /// There is none.
    None,
}
