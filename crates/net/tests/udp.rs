//! UDP: flows without connections.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod common;

use std::time::Duration;

use common::*;
use offhook_core::{FlowId, Transport};
use offhook_net::{
    Destination, Endpoint, EndpointConfig, LostReason, NetError, NetEvent, SendError,
};
use offhook_sip::Limits;
use tokio::net::UdpSocket;

#[tokio::test]
async fn the_local_address_is_the_one_the_kernel_would_choose() {
    let peer = UdpSocket::bind(loopback()).await.unwrap();
    let (endpoint, mut incoming) = Endpoint::new(EndpointConfig::default());
    let port = peer.local_addr().unwrap().port();
    endpoint.open(FLOW, Destination::new(Transport::Udp, "127.0.0.1", port));
    let (local, _) = opened(&mut incoming).await;
    assert_eq!(local.ip().to_string(), "127.0.0.1");
    endpoint.send(FLOW, message()).unwrap();
    let mut buffer = [0; 2000];
    let (n, from) = soon(peer.recv_from(&mut buffer)).await.unwrap();
    assert_eq!((&buffer[..n], from), (&message()[..], local));
}

#[tokio::test]
async fn a_listening_socket_is_used_also_when_it_is_bound_to_all_addresses() {
    let peer = UdpSocket::bind(loopback()).await.unwrap();
    let (endpoint, mut incoming) = Endpoint::new(EndpointConfig::default());
    let any = "0.0.0.0:0".parse().unwrap();
    let bound = endpoint.listen(Transport::Udp, any).await.unwrap();
    let port = peer.local_addr().unwrap().port();
    endpoint.open(FLOW, Destination::new(Transport::Udp, "127.0.0.1", port));
    let (local, _) = opened(&mut incoming).await;
    assert_eq!(local.to_string(), format!("127.0.0.1:{}", bound.port()));
}

#[tokio::test]
async fn two_flows_to_one_remote_have_a_socket_each() {
    let peer = UdpSocket::bind(loopback()).await.unwrap();
    let port = peer.local_addr().unwrap().port();
    let (endpoint, mut incoming) = Endpoint::new(EndpointConfig::default());
    let destination = Destination::new(Transport::Udp, "127.0.0.1", port);
    endpoint.open(FlowId(1), destination.clone());
    let (first, _) = opened(&mut incoming).await;
    endpoint.open(FlowId(2), destination);
    let (second, _) = opened(&mut incoming).await;
    assert_ne!(first.port(), second.port());
    for (n, local) in [(1, first), (2, second)] {
        peer.send_to(&numbered(n), local).await.unwrap();
        assert_eq!(
            received(&mut incoming).await,
            (FlowId(n.into()), numbered(n))
        );
    }
}

#[tokio::test]
async fn flows_to_different_remotes_share_a_socket_until_the_last_is_closed() {
    let (endpoint, mut incoming) = Endpoint::new(EndpointConfig::default());
    let mut locals = Vec::new();
    let mut peers = Vec::new();
    for n in 1..=2 {
        let peer = UdpSocket::bind(loopback()).await.unwrap();
        let port = peer.local_addr().unwrap().port();
        endpoint.open(
            FlowId(n),
            Destination::new(Transport::Udp, "127.0.0.1", port),
        );
        locals.push(opened(&mut incoming).await.0);
        peers.push(peer);
    }
    assert_eq!(locals[0], locals[1]);
    // A stranger finds the socket, too, and is named.
    let stranger = UdpSocket::bind(loopback()).await.unwrap();
    stranger.send_to(&message(), locals[0]).await.unwrap();
    let (accepted_flow, _, _) = accepted(&mut incoming).await;
    received(&mut incoming).await;

    endpoint.close(FlowId(1));
    peers[1].send_to(&numbered(2), locals[1]).await.unwrap();
    assert_eq!(received(&mut incoming).await, (FlowId(2), numbered(2)));
    endpoint.close(FlowId(2));
    assert_eq!(
        lost(&mut incoming).await,
        (accepted_flow, LostReason::Forgotten)
    );
    assert_eq!(endpoint.flows(), 0);
    // The socket is free: it can be bound by others as soon as its task has ended.
    let rebinding = async {
        while UdpSocket::bind(locals[0]).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon(rebinding).await;
}

#[tokio::test]
async fn keep_alives_are_no_messages_and_make_no_flow() {
    let mut pair = Pair::new(Transport::Udp).await;
    let peer = UdpSocket::bind(loopback()).await.unwrap();
    for keep_alive in [&b"\r\n\r\n"[..], b"", b"\0\0\0\0", b"\r\n"] {
        peer.send_to(keep_alive, pair.address).await.unwrap();
    }
    peer.send_to(&message(), pair.address).await.unwrap();
    accepted(&mut pair.at_server).await;
    received(&mut pair.at_server).await;
    assert_eq!(pair.server.counters().pings, 4);
    assert_eq!(pair.server.counters().accepted, 1);
}

#[tokio::test]
async fn datagrams_beyond_the_limit_are_dropped_and_counted() {
    let mut config = EndpointConfig::default();
    config.limits = Limits::default().with_message_size(1000);
    let mut pair = Pair::with(Transport::Udp, EndpointConfig::default(), config).await;
    let peer = UdpSocket::bind(loopback()).await.unwrap();
    peer.send_to(&of_size(1000), pair.address).await.unwrap();
    peer.send_to(&message(), pair.address).await.unwrap();
    let (flow, _, _) = accepted(&mut pair.at_server).await;
    assert_eq!(received(&mut pair.at_server).await, (flow, message()));
    assert_eq!(pair.server.counters().dropped_too_large, 1);
}

#[tokio::test]
async fn what_fits_in_no_datagram_is_refused() {
    let mut pair = Pair::new(Transport::Udp).await;
    pair.connect().await;
    let large = of_size(65_500);
    let size = large.len();
    assert_eq!(
        pair.client.send(FLOW, large),
        Err(SendError::TooLarge { flow: FLOW, size })
    );
}

#[tokio::test]
async fn a_crowd_of_remotes_pushes_out_the_oldest() {
    let mut config = EndpointConfig::default();
    config.max_flows = 8;
    let mut pair = Pair::with(Transport::Udp, EndpointConfig::default(), config).await;
    let mut flows = Vec::new();
    let mut peers = Vec::new();
    for n in 0..8 {
        let peer = UdpSocket::bind(loopback()).await.unwrap();
        peer.send_to(&numbered(n), pair.address).await.unwrap();
        flows.push(accepted(&mut pair.at_server).await.0);
        received(&mut pair.at_server).await;
        peers.push(peer);
    }
    // The first is heard again, so that the second is the oldest.
    peers[0].send_to(&message(), pair.address).await.unwrap();
    assert_eq!(received(&mut pair.at_server).await.0, flows[0]);
    let newcomer = UdpSocket::bind(loopback()).await.unwrap();
    newcomer.send_to(&message(), pair.address).await.unwrap();
    assert_eq!(
        lost(&mut pair.at_server).await,
        (flows[1], LostReason::Forgotten)
    );
    accepted(&mut pair.at_server).await;
    received(&mut pair.at_server).await;
    assert_eq!(pair.server.flows(), 8);
}

#[tokio::test]
async fn opened_flows_are_bounded() {
    let mut config = EndpointConfig::default();
    config.max_flows = 1;
    let mut pair = Pair::with(Transport::Udp, config, EndpointConfig::default()).await;
    pair.connect().await;
    pair.client.open(FlowId(8), pair.destination());
    let error = failed(&mut pair.at_client).await;
    assert!(
        matches!(error, NetError::TooManyFlows { limit: 1, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn datagrams_beyond_what_is_taken_are_dropped_and_counted() {
    let mut config = EndpointConfig::default();
    config.queue = 2;
    let mut pair = Pair::with(Transport::Udp, EndpointConfig::default(), config).await;
    let flow = pair.connect().await;
    let dropping = async {
        let mut n = 0;
        while pair.server.counters().dropped_events_full == 0 {
            n += 1;
            // The socket's own buffer may be full for a moment.
            let _ = pair.client.send(FLOW, numbered(n));
            tokio::task::yield_now().await;
        }
    };
    soon(dropping).await;
    assert_eq!(received(&mut pair.at_server).await, (flow, numbered(1)));
    assert_eq!(received(&mut pair.at_server).await, (flow, numbered(2)));
}

#[tokio::test(start_paused = true)]
async fn a_remote_that_falls_silent_is_forgotten() {
    let limit = Duration::from_secs(60);
    let mut config = EndpointConfig::default();
    config.idle_timeout = Some(limit);
    let (server, mut incoming) = Endpoint::new(config);
    let address = server.listen(Transport::Udp, loopback()).await.unwrap();
    let peer = UdpSocket::bind(loopback()).await.unwrap();
    peer.send_to(&message(), address).await.unwrap();
    let Some(NetEvent::Accepted { flow, .. }) = incoming.next().await else {
        panic!("the remote was not accepted");
    };
    let start = tokio::time::Instant::now();
    assert!(matches!(
        incoming.next().await,
        Some(NetEvent::Received { .. })
    ));
    match incoming.next().await {
        Some(NetEvent::Lost { flow: gone, reason }) => {
            assert_eq!((gone, reason), (flow, LostReason::Idle(limit)));
        }
        other => panic!("{other:?}"),
    }
    assert!(start.elapsed() >= limit && start.elapsed() <= limit * 2);
    assert_eq!(server.send(flow, message()), Err(SendError::NoFlow(flow)));
}
