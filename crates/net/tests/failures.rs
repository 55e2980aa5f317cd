//! Flows that cannot be opened, and the bounds of what is held.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod common;

use std::time::Duration;

use common::*;
use offhook_core::{FlowId, Transport};
use offhook_net::{
    Destination, Endpoint, EndpointConfig, FIRST_ACCEPTED_FLOW, NetError, SendError,
};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

#[tokio::test]
async fn a_port_where_nothing_listens_refuses() {
    // Bound and not listening: nobody else can take the port meanwhile.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(loopback()).unwrap();
    let port = socket.local_addr().unwrap().port();
    let (client, mut at_client) = Endpoint::new(EndpointConfig::default());
    for transport in [Transport::Tcp, Transport::Ws] {
        client.open(FLOW, Destination::new(transport, "127.0.0.1", port));
        let error = failed(&mut at_client).await;
        assert!(matches!(error, NetError::Refused { .. }), "{error}");
        assert!(
            error
                .to_string()
                .contains(&format!("127.0.0.1:{port} refuses"))
        );
    }
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_named() {
    let (client, mut at_client) = Endpoint::new(EndpointConfig::default());
    // RFC 6761, 6.4: no such name exists, and no resolver asks for it.
    let host = "no-such-host.invalid";
    client.open(FLOW, Destination::new(Transport::Wss, host, 443));
    let error = failed(&mut at_client).await;
    assert!(matches!(error, NetError::Unresolvable { .. }), "{error}");
    assert!(error.to_string().contains("\"no-such-host.invalid\""));
    client.open(FLOW, Destination::new(Transport::Udp, host, 5060));
    let error = failed(&mut at_client).await;
    assert!(matches!(error, NetError::Unresolvable { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (client, mut at_client) = Endpoint::new(EndpointConfig::default());
    let start = tokio::time::Instant::now();
    client.open(FLOW, Destination::new(Transport::Ws, "127.0.0.1", port));
    let error = client_error(&mut at_client).await;
    assert_eq!(start.elapsed(), Duration::from_secs(10));
    assert_eq!(
        error.to_string(),
        format!(
            "ws://127.0.0.1:{port} did not answer within 10s: the WebSocket handshake was not done"
        )
    );
    assert_eq!(client.flows(), 0);
}

async fn client_error(incoming: &mut offhook_net::Incoming) -> NetError {
    // Without `soon`, whose own timer would be due before the one that is waited for.
    match incoming.next().await {
        Some(offhook_net::NetEvent::Failed { error, .. }) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_shake_hands_is_cut_off() {
    for transport in [Transport::Ws, Transport::Tls, Transport::Wss] {
        let pair = Pair::new(transport).await;
        let mut tcp = TcpStream::connect(pair.address).await.unwrap();
        let start = tokio::time::Instant::now();
        assert_eq!(tcp.read(&mut [0; 16]).await.unwrap(), 0, "{transport}");
        assert_eq!(start.elapsed(), Duration::from_secs(10));
        assert_eq!(pair.server.counters().refused_handshakes, 1);
        assert_eq!(pair.server.flows(), 0);
    }
}

#[tokio::test]
async fn names_of_accepted_flows_cannot_be_opened() {
    let mut pair = Pair::new(Transport::Tcp).await;
    let flow = FlowId(FIRST_ACCEPTED_FLOW);
    pair.client.open(flow, pair.destination());
    let error = failed(&mut pair.at_client).await;
    assert_eq!(error, NetError::ReservedFlow { flow });
    assert_eq!(pair.client.flows(), 0);
}

#[tokio::test]
async fn connections_beyond_the_bound_are_refused_on_both_sides() {
    let mut config = EndpointConfig::default();
    config.max_flows = 2;
    let mut pair = Pair::with(Transport::Tcp, config.clone(), config).await;
    for n in 1..=2 {
        pair.client.open(FlowId(n), pair.destination());
        opened(&mut pair.at_client).await;
        accepted(&mut pair.at_server).await;
    }
    pair.client.open(FlowId(3), pair.destination());
    let error = failed(&mut pair.at_client).await;
    assert!(
        matches!(error, NetError::TooManyFlows { limit: 2, .. }),
        "{error}"
    );

    let mut stranger = TcpStream::connect(pair.address).await.unwrap();
    assert_eq!(soon(stranger.read(&mut [0; 16])).await.unwrap(), 0);
    assert_eq!(pair.server.counters().refused_connections, 1);

    // Closing one makes room.
    pair.client.close(FlowId(1));
    lost(&mut pair.at_server).await;
    let mut n = 4;
    let room = async {
        loop {
            pair.client.open(FlowId(n), pair.destination());
            match next(&mut pair.at_client).await {
                offhook_net::NetEvent::Opened { .. } => break,
                // The task of the closed flow is saying farewell still.
                offhook_net::NetEvent::Failed { .. } => n += 1,
                other => panic!("{other:?}"),
            }
        }
    };
    soon(room).await;
}

#[tokio::test]
async fn a_peer_that_does_not_read_fills_its_queue_and_nothing_else() {
    let mut config = EndpointConfig::default();
    config.queue = 4;
    let (client, mut at_client) = Endpoint::new(config);
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    client.open(FLOW, Destination::new(Transport::Tcp, "127.0.0.1", port));
    opened(&mut at_client).await;
    let (_peer, _) = listener.accept().await.unwrap();
    let filling = async {
        loop {
            match client.send(FLOW, of_size(60_000)) {
                Ok(()) => tokio::task::yield_now().await,
                Err(error) => break error,
            }
        }
    };
    assert_eq!(soon(filling).await, SendError::QueueFull(FLOW));
    assert_eq!(client.counters().dropped_queue_full, 1);
    // It can be closed all the same.
    client.close(FLOW);
    assert_eq!(client.flows(), 0);
}

#[tokio::test]
async fn events_that_are_not_taken_stop_the_reading_and_lose_nothing() {
    let mut config = EndpointConfig::default();
    config.queue = 4;
    let mut client = EndpointConfig::default();
    client.queue = 1000;
    let mut pair = Pair::with(Transport::Tcp, client, config).await;
    let flow = pair.connect().await;
    for n in 0..500 {
        pair.client.send(FLOW, numbered(n)).unwrap();
    }
    for n in 0..500 {
        assert_eq!(received(&mut pair.at_server).await, (flow, numbered(n)));
    }
}

#[tokio::test]
async fn an_address_in_use_cannot_be_listened_on() {
    let pair = Pair::new(Transport::Udp).await;
    let error = pair
        .client
        .listen(Transport::Udp, pair.address)
        .await
        .unwrap_err();
    assert!(matches!(error, NetError::CannotListen { .. }), "{error}");
    assert!(error.to_string().contains(&pair.address.to_string()));
}
