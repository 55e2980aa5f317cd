//! What the stories share: endpoints on loopback ports that the system chooses.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use offhook_core::{FlowId, Transport};
use offhook_net::{
    Destination, Endpoint, EndpointConfig, Incoming, LostReason, NetError, NetEvent, TlsConfig,
};

/// The flow that the client of a story opens.
pub(crate) const FLOW: FlowId = FlowId(7);

/// A message with a body and characters beyond ASCII.
pub(crate) fn message() -> Bytes {
    numbered(1)
}

pub(crate) fn numbered(n: u32) -> Bytes {
    let body = format!("Grüße {n}\r\n");
    Bytes::from(format!(
        "MESSAGE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK{n}\r\n\
         From: <sip:a@b>;tag=1\r\nTo: <sip:bob@b>\r\nCall-ID: {n}\r\nCSeq: {n} MESSAGE\r\n\
         Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// A message of at least `size` bytes.
pub(crate) fn of_size(size: usize) -> Bytes {
    let body = "x".repeat(size);
    Bytes::from(format!(
        "MESSAGE sip:bob@example.com SIP/2.0\r\nContent-Length: {size}\r\n\r\n{body}"
    ))
}

/// The next event, soon.
pub(crate) async fn next(incoming: &mut Incoming) -> NetEvent {
    soon(incoming.next()).await.expect("the events go on")
}

/// A bound on what must happen, so that a story that hangs fails.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(120), future)
        .await
        .expect("it happens in time")
}

pub(crate) async fn received(incoming: &mut Incoming) -> (FlowId, Bytes) {
    match next(incoming).await {
        NetEvent::Received { flow, bytes } => (flow, bytes),
        other => panic!("expected a message, got {other:?}"),
    }
}

pub(crate) async fn accepted(incoming: &mut Incoming) -> (FlowId, SocketAddr, SocketAddr) {
    match next(incoming).await {
        NetEvent::Accepted {
            flow,
            local,
            remote,
            ..
        } => (flow, local, remote),
        other => panic!("expected an accepted flow, got {other:?}"),
    }
}

pub(crate) async fn opened(incoming: &mut Incoming) -> (SocketAddr, SocketAddr) {
    match next(incoming).await {
        NetEvent::Opened { local, remote, .. } => (local, remote),
        other => panic!("expected an open flow, got {other:?}"),
    }
}

pub(crate) async fn failed(incoming: &mut Incoming) -> NetError {
    match next(incoming).await {
        NetEvent::Failed { error, .. } => error,
        other => panic!("expected a failure, got {other:?}"),
    }
}

pub(crate) async fn lost(incoming: &mut Incoming) -> (FlowId, LostReason) {
    match next(incoming).await {
        NetEvent::Lost { flow, reason } => (flow, reason),
        other => panic!("expected a lost flow, got {other:?}"),
    }
}

pub(crate) fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// Two endpoints and, once there was a message, a flow between them.
pub(crate) struct Pair {
    pub(crate) client: Endpoint,
    pub(crate) at_client: Incoming,
    pub(crate) server: Endpoint,
    pub(crate) at_server: Incoming,
    pub(crate) address: SocketAddr,
    pub(crate) transport: Transport,
}

impl Pair {
    pub(crate) async fn new(transport: Transport) -> Pair {
        let authority = Authority::new();
        let mut client = EndpointConfig::default();
        client.tls = authority.trusted();
        let mut server = EndpointConfig::default();
        server.tls = authority.certified(&["localhost"]);
        Pair::with(transport, client, server).await
    }

    pub(crate) async fn with(
        transport: Transport,
        client: EndpointConfig,
        server: EndpointConfig,
    ) -> Pair {
        let (client, at_client) = Endpoint::new(client);
        let (server, at_server) = Endpoint::new(server);
        let address = server.listen(transport, loopback()).await.unwrap();
        Pair {
            client,
            at_client,
            server,
            at_server,
            address,
            transport,
        }
    }

    /// By name where a certificate is checked.
    pub(crate) fn destination(&self) -> Destination {
        let host = if self.transport.is_secure() {
            "localhost".to_owned()
        } else {
            self.address.ip().to_string()
        };
        Destination::new(self.transport, host, self.address.port())
    }

    /// Opens the flow and sends one message over, so that both sides know of it.
    pub(crate) async fn connect(&mut self) -> FlowId {
        self.client.open(FLOW, self.destination());
        opened(&mut self.at_client).await;
        self.client.send(FLOW, message()).unwrap();
        let (flow, _, _) = accepted(&mut self.at_server).await;
        assert_eq!(received(&mut self.at_server).await, (flow, message()));
        flow
    }
}

/// A certificate authority of our own.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, Authority::name());
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority {
            pem,
            issuer: rcgen::Issuer::new(params, key),
        }
    }

    /// Another one for each, by which a certificate says who signed it.
    fn name() -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        format!("Authority {}", COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// The settings of a client that trusts it.
    pub(crate) fn trusted(&self) -> TlsConfig {
        TlsConfig::default()
            .with_root_pem(self.pem.as_bytes())
            .unwrap()
    }

    /// The settings of a server with a certificate for these names.
    pub(crate) fn certified(&self, names: &[&str]) -> TlsConfig {
        self.certified_with(names, |_| {})
    }

    pub(crate) fn certified_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut rcgen::CertificateParams),
    ) -> TlsConfig {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        TlsConfig::default()
            .with_identity_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())
            .unwrap()
    }
}
