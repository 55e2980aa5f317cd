//! TCP: what the bytes of a stream mean, however they are cut.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod common;

use std::time::Duration;

use common::*;
use offhook_core::Transport;
use offhook_net::{EndpointConfig, LostReason, NetEvent};
use offhook_sip::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn raw(pair: &Pair) -> TcpStream {
    let tcp = TcpStream::connect(pair.address).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    tcp
}

#[tokio::test]
async fn a_message_that_comes_byte_by_byte_is_one_message() {
    let mut pair = Pair::new(Transport::Tcp).await;
    let mut tcp = raw(&pair).await;
    let (flow, _, _) = accepted(&mut pair.at_server).await;
    for byte in message() {
        tcp.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(received(&mut pair.at_server).await, (flow, message()));
    assert_eq!(pair.server.counters().received, 1);
}

#[tokio::test]
async fn two_messages_in_one_segment_are_two_messages() {
    let mut pair = Pair::new(Transport::Tcp).await;
    let mut tcp = raw(&pair).await;
    let both = [numbered(1), numbered(2)].concat();
    tcp.write_all(&both).await.unwrap();
    let (flow, _, _) = accepted(&mut pair.at_server).await;
    assert_eq!(received(&mut pair.at_server).await, (flow, numbered(1)));
    assert_eq!(received(&mut pair.at_server).await, (flow, numbered(2)));
}

#[tokio::test]
async fn a_ping_between_messages_is_answered_with_one_line_end() {
    let mut pair = Pair::new(Transport::Tcp).await;
    let mut tcp = raw(&pair).await;
    tcp.write_all(&[&numbered(1)[..], b"\r\n\r\n", &numbered(2)].concat())
        .await
        .unwrap();
    let (flow, _, _) = accepted(&mut pair.at_server).await;
    assert_eq!(received(&mut pair.at_server).await, (flow, numbered(1)));
    assert_eq!(received(&mut pair.at_server).await, (flow, numbered(2)));
    let mut pong = [0; 2];
    soon(tcp.read_exact(&mut pong)).await.unwrap();
    assert_eq!(&pong, b"\r\n");
    pair.server.close(flow);
    let mut rest = Vec::new();
    soon(tcp.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(rest, b"", "one pong and no more");
}

#[tokio::test]
async fn a_lone_line_end_is_a_pong() {
    let mut pair = Pair::new(Transport::Tcp).await;
    let mut tcp = raw(&pair).await;
    tcp.write_all(&[b"\r\n", &numbered(1)[..]].concat())
        .await
        .unwrap();
    let (flow, _, _) = accepted(&mut pair.at_server).await;
    assert!(matches!(
        next(&mut pair.at_server).await,
        NetEvent::Pong { .. }
    ));
    assert_eq!(received(&mut pair.at_server).await, (flow, numbered(1)));
}

#[tokio::test]
async fn garbage_ends_the_connection() {
    let mut pair = Pair::new(Transport::Tcp).await;
    let mut tcp = raw(&pair).await;
    tcp.write_all(b"SSH-2.0-OpenSSH_9.2\r\nnothing: here\r\n\r\n")
        .await
        .unwrap();
    let (flow, _, _) = accepted(&mut pair.at_server).await;
    let (lost_flow, reason) = lost(&mut pair.at_server).await;
    assert_eq!(lost_flow, flow);
    assert!(matches!(reason, LostReason::Garbage(_)), "{reason:?}");
    assert_eq!(pair.server.counters().dropped_garbage, 1);
    assert_eq!(soon(tcp.read(&mut [0; 16])).await.unwrap(), 0);
}

#[tokio::test]
async fn a_request_that_cannot_be_cut_out_is_answered_before_the_end() {
    let mut pair = Pair::new(Transport::Tcp).await;
    let mut tcp = raw(&pair).await;
    tcp.write_all(
        b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\n\
          From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n",
    )
    .await
    .unwrap();
    accepted(&mut pair.at_server).await;
    lost(&mut pair.at_server).await;
    let mut answer = String::new();
    soon(tcp.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("SIP/2.0 400 "), "{answer}");
}

#[tokio::test]
async fn a_message_beyond_the_limit_ends_the_connection() {
    let mut config = EndpointConfig::default();
    config.limits = Limits::default().with_message_size(1000);
    let mut pair = Pair::with(Transport::Tcp, EndpointConfig::default(), config).await;
    let flow = pair.connect().await;
    pair.client.send(FLOW, of_size(1000)).unwrap();
    let (lost_flow, reason) = lost(&mut pair.at_server).await;
    assert_eq!(lost_flow, flow);
    assert_eq!(reason, LostReason::TooLarge { limit: 1000 });
    assert_eq!(pair.server.counters().dropped_too_large, 1);
    assert_eq!(lost(&mut pair.at_client).await.0, FLOW);
}

#[tokio::test]
async fn headers_without_end_do_not_fill_the_memory() {
    let mut pair = Pair::new(Transport::Tcp).await;
    let mut tcp = raw(&pair).await;
    let (flow, _, _) = accepted(&mut pair.at_server).await;
    // The peer writes until it is cut off.
    let _ = tcp.write_all(b"OPTIONS sip:a@b SIP/2.0\r\n").await;
    let writing = async { while tcp.write_all(b"X: yyyyyyyyyyyyyyyy\r\n").await.is_ok() {} };
    soon(writing).await;
    let (lost_flow, reason) = lost(&mut pair.at_server).await;
    assert_eq!(lost_flow, flow);
    assert!(
        matches!(reason, LostReason::TooLarge { .. } | LostReason::Garbage(_)),
        "{reason:?}"
    );
}

#[tokio::test]
async fn a_peer_that_vanishes_is_a_loss() {
    let mut pair = Pair::new(Transport::Tcp).await;
    let mut tcp = raw(&pair).await;
    tcp.write_all(&message()[..100]).await.unwrap();
    let (flow, _, _) = accepted(&mut pair.at_server).await;
    drop(tcp);
    assert_eq!(
        lost(&mut pair.at_server).await,
        (flow, LostReason::ClosedByPeer)
    );
    assert_eq!(pair.server.flows(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_falls_silent_is_closed_and_its_trickle_does_not_count() {
    let limit = Duration::from_secs(60);
    let mut config = EndpointConfig::default();
    config.idle_timeout = Some(limit);
    let mut pair = Pair::with(Transport::Tcp, EndpointConfig::default(), config).await;
    let flow = pair.connect().await;
    let start = tokio::time::Instant::now();
    pair.client.send(FLOW, "OPTIONS".into()).unwrap();
    assert_eq!(
        lost(&mut pair.at_server).await,
        (flow, LostReason::Idle(limit))
    );
    assert!(start.elapsed() >= limit);
    assert_eq!(lost(&mut pair.at_client).await.0, FLOW);
}
