//! TLS: who is trusted, and what is said when somebody is not.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod common;

use common::*;
use offhook_core::Transport;
use offhook_net::{Destination, Endpoint, EndpointConfig, NetError, TlsConfig};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

async fn error_of(client: TlsConfig, server: TlsConfig, host: &str) -> NetError {
    let mut client_config = EndpointConfig::default();
    client_config.tls = client;
    let mut server_config = EndpointConfig::default();
    server_config.tls = server;
    let mut pair = Pair::with(Transport::Wss, client_config, server_config).await;
    let destination = Destination::new(Transport::Wss, host, pair.address.port());
    pair.client.open(FLOW, destination);
    let error = failed(&mut pair.at_client).await;
    assert_eq!(pair.server.counters().accepted, 0);
    error
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_not_trusted() {
    let authority = Authority::new();
    let other = Authority::new();
    let error = error_of(
        other.trusted(),
        authority.certified(&["localhost"]),
        "localhost",
    )
    .await;
    let text = error.to_string();
    assert!(
        matches!(error, NetError::CertificateNotTrusted { .. }),
        "{text}"
    );
    assert!(
        text.starts_with("the certificate of wss://localhost:"),
        "{text}"
    );
    assert!(
        text.contains("no authority that this system knows"),
        "{text}"
    );
    assert!(
        text.contains("add the authority's root certificate"),
        "{text}"
    );
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_trusted() {
    let authority = Authority::new();
    let error = error_of(
        authority.trusted(),
        authority.certified(&["sip.example.com"]),
        "localhost",
    )
    .await;
    let text = error.to_string();
    assert!(
        matches!(error, NetError::CertificateNotTrusted { .. }),
        "{text}"
    );
    assert!(text.contains("sip.example.com"), "{text}");
    assert!(text.contains("not for \"localhost\""), "{text}");
}

#[tokio::test]
async fn an_expired_certificate_is_not_trusted() {
    let authority = Authority::new();
    let server = authority.certified_with(&["localhost"], |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    });
    let error = error_of(authority.trusted(), server, "localhost").await;
    let text = error.to_string();
    assert!(
        matches!(error, NetError::CertificateNotTrusted { .. }),
        "{text}"
    );
    assert!(text.contains("it has expired"), "{text}");
}

#[tokio::test]
async fn an_authoritys_own_certificate_is_none_for_a_server() {
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let server = TlsConfig::default()
        .with_identity_pem(pem.as_bytes(), key.serialize_pem().as_bytes())
        .unwrap();
    let client = TlsConfig::default().with_root_pem(pem.as_bytes()).unwrap();
    let text = error_of(client, server, "localhost").await.to_string();
    assert!(
        text.contains("it is the certificate of an authority"),
        "{text}"
    );
    assert!(text.contains("CA:FALSE"), "{text}");
}

#[tokio::test]
async fn an_address_is_trusted_when_the_certificate_names_it() {
    let authority = Authority::new();
    let mut client = EndpointConfig::default();
    client.tls = authority.trusted();
    let mut server = EndpointConfig::default();
    server.tls = authority.certified(&["127.0.0.1"]);
    let mut pair = Pair::with(Transport::Tls, client, server).await;
    let destination = Destination::new(Transport::Tls, "127.0.0.1", pair.address.port());
    pair.client.open(FLOW, destination);
    opened(&mut pair.at_client).await;
}

#[tokio::test]
async fn an_insecure_client_takes_any_certificate() {
    let mut client = EndpointConfig::default();
    client.tls = TlsConfig::default().with_insecure();
    let mut server = EndpointConfig::default();
    server.tls = Authority::new().certified(&["sip.example.com"]);
    let mut pair = Pair::with(Transport::Wss, client, server).await;
    pair.connect().await;
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_said_to() {
    let mut config = EndpointConfig::default();
    config.tls = Authority::new().trusted();
    let (client, mut at_client) = Endpoint::new(config);
    let (server, _at_server) = Endpoint::new(EndpointConfig::default());
    let address = server.listen(Transport::Ws, loopback()).await.unwrap();
    client.open(
        FLOW,
        Destination::new(Transport::Wss, "localhost", address.port()),
    );
    let error = failed(&mut at_client).await;
    let text = error.to_string();
    assert!(matches!(error, NetError::Tls { .. }), "{text}");
    assert!(text.contains("does not speak TLS"), "{text}");
}

#[tokio::test]
async fn a_server_that_hangs_up_during_the_handshake_is_said_to() {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let _ = tcp.read(&mut [0; 4096]).await;
    });
    let mut config = EndpointConfig::default();
    config.tls = Authority::new().trusted();
    let (client, mut at_client) = Endpoint::new(config);
    client.open(FLOW, Destination::new(Transport::Tls, "127.0.0.1", port));
    let text = failed(&mut at_client).await.to_string();
    assert!(
        text.contains("closed the connection during the handshake"),
        "{text}"
    );
}

#[tokio::test]
async fn listening_for_tls_needs_a_certificate() {
    let (server, _incoming) = Endpoint::new(EndpointConfig::default());
    for transport in [Transport::Tls, Transport::Wss] {
        let error = server.listen(transport, loopback()).await.unwrap_err();
        assert_eq!(error, NetError::NoCertificate { transport });
    }
}

#[test]
fn damaged_certificates_and_keys_are_refused_when_given() {
    let authority = Authority::new();
    let none = TlsConfig::default()
        .with_root_pem(b"nothing here")
        .unwrap_err();
    assert!(none.to_string().contains("root certificate"), "{none}");
    let no_key = TlsConfig::default()
        .with_identity_pem(authority.pem.as_bytes(), b"no key")
        .unwrap_err();
    assert!(no_key.to_string().contains("private key"), "{no_key}");
    let foreign = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let error = TlsConfig::default()
        .with_identity_pem(authority.pem.as_bytes(), foreign.as_bytes())
        .unwrap_err();
    assert!(
        matches!(error, NetError::InvalidCertificate { .. }),
        "{error}"
    );
}

#[test]
fn a_private_key_is_never_printed() {
    let config = Authority::new().certified(&["localhost"]);
    assert_eq!(
        format!("{config:?}"),
        "TlsConfig { roots: 0, identity: true, insecure: false }"
    );
}
