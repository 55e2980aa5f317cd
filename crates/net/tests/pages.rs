//! Pages where the WebSocket is: one listener, two kinds of visitors.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use common::*;
use offhook_core::Transport;
use offhook_net::{EndpointConfig, Page, PageRequest, Pages};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A page of `0` bytes, as long as the path says.
#[derive(Debug)]
struct Zeros;

impl Pages for Zeros {
    fn page(&self, request: &PageRequest<'_>) -> Page {
        match request.target.trim_start_matches('/').parse() {
            Ok(length) => Page {
                status: "200 OK",
                headers: vec![("Content-Type", "application/octet-stream".to_owned())],
                body: Bytes::from(vec![b'0'; length]),
            },
            Err(_) => Page::text("404 Not Found", "no"),
        }
    }
}

fn with_pages(mut config: EndpointConfig) -> EndpointConfig {
    config.pages = Some(Arc::new(Zeros));
    config
}

async fn pair(transport: Transport) -> Pair {
    let authority = Authority::new();
    let mut client = EndpointConfig::default();
    client.tls = authority.trusted();
    let mut server = EndpointConfig::default();
    server.tls = authority.certified(&["localhost"]);
    Pair::with(transport, client, with_pages(server)).await
}

/// Sends these pieces, and reads to the end.
async fn ask(pair: &Pair, pieces: &[&str]) -> String {
    let mut tcp = TcpStream::connect(pair.address).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    for piece in pieces {
        tcp.write_all(piece.as_bytes()).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut answer = String::new();
    soon(tcp.read_to_string(&mut answer)).await.unwrap();
    answer
}

#[tokio::test]
async fn pages_and_websockets_share_a_listener_also_under_tls() {
    for transport in [Transport::Ws, Transport::Wss] {
        let mut pair = pair(transport).await;
        pair.connect().await;
        assert_eq!(pair.server.counters().accepted, 1);
    }
}

#[tokio::test]
async fn a_large_page_comes_whole_and_is_counted() {
    let pair = pair(Transport::Ws).await;
    let size = 3_000_000;
    let answer = ask(
        &pair,
        &[&format!("GET /{size} HTTP/1.1\r\nHost: a\r\n\r\n")],
    )
    .await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("Content-Length: {size}")), "{head}");
    assert_eq!(body.len(), size);
    let counters = pair.server.counters();
    assert_eq!((counters.pages, counters.accepted), (1, 0));
    assert_eq!(pair.server.flows(), 0);
}

#[tokio::test]
async fn a_request_may_come_letter_by_letter() {
    let pair = pair(Transport::Ws).await;
    let request = "GET /none HTTP/1.1\r\nHost: a\r\n\r\n";
    let letters: Vec<&str> = request.split_inclusive(|_| true).collect();
    let answer = ask(&pair, &letters).await;
    assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
}

#[tokio::test]
async fn what_is_no_http_gets_the_answer_that_it_always_got() {
    let pair = pair(Transport::Ws).await;
    let answer = ask(&pair, &["OPTIONS sip:a@b SIP/2.0\r\n\r\n"]).await;
    assert!(
        answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{answer}"
    );
    assert_eq!(pair.server.counters().refused_handshakes, 1);
}

#[tokio::test]
async fn a_visitor_that_says_nothing_is_not_kept() {
    let mut config = EndpointConfig::default();
    config.connect_timeout = Duration::from_millis(50);
    let pair = Pair::with(Transport::Ws, EndpointConfig::default(), with_pages(config)).await;
    assert_eq!(ask(&pair, &["GET / HTTP/1.1\r\n"]).await, "");
    assert_eq!(pair.server.counters().refused_handshakes, 1);
}
