//! WebSocket: the subprotocol, frames, and those who speak something else (RFC 7118).

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod common;

use bytes::Bytes;
use common::*;
use futures_util::{SinkExt, StreamExt};
use offhook_core::Transport;
use offhook_net::{Destination, Endpoint, EndpointConfig, LostReason, NetError};
use offhook_sip::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

async fn raw(pair: &Pair, subprotocol: Option<&str>) -> Result<WebSocketStream<TcpStream>, Error> {
    let tcp = TcpStream::connect(pair.address).await.unwrap();
    let uri = format!("ws://{}/any/path?x=1", pair.address);
    let mut request = ClientRequestBuilder::new(uri.parse().unwrap())
        .with_header("Origin", "https://elsewhere.example");
    if let Some(subprotocol) = subprotocol {
        request = request.with_sub_protocol(subprotocol);
    }
    soon(client_async(request, tcp)).await.map(|(ws, _)| ws)
}

/// A server that does what `serve` says with the first connection, and an error of the client that
/// connects to it.
async fn against<F: Future<Output = ()> + Send + 'static>(
    serve: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> (NetError, String) {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let url = format!("ws://{}/sip", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        serve(tcp).await;
    });
    let (client, mut at_client) = Endpoint::new(EndpointConfig::default());
    client.open(FLOW, Destination::from_url(&url).unwrap());
    let error = failed(&mut at_client).await;
    assert_eq!(client.flows(), 0);
    assert_eq!(client.counters().failed, 1);
    (error, url)
}

async fn read_request(tcp: &mut TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(tcp.read_u8().await.unwrap());
    }
    let request = String::from_utf8(request).unwrap();
    assert!(request.starts_with("GET /sip HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("Sec-WebSocket-Protocol: sip\r\n"));
}

#[tokio::test]
async fn a_plain_http_server_is_no_sip_websocket_server() {
    let (error, url) = against(async |mut tcp: TcpStream| {
        read_request(&mut tcp).await;
        tcp.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            .await
            .unwrap();
        let _ = tcp.read(&mut [0]).await;
    })
    .await;
    assert_eq!(
        error.to_string(),
        format!(
            "{url} is no SIP WebSocket server: it answered HTTP 404 Not Found; \
             check the path of the URL"
        )
    );
}

#[tokio::test]
async fn a_server_that_greets_in_another_protocol_is_no_sip_websocket_server() {
    let (error, url) = against(async |mut tcp: TcpStream| {
        tcp.write_all(b"220 mail.example.com ESMTP\r\n")
            .await
            .unwrap();
        let _ = tcp.read(&mut [0]).await;
    })
    .await;
    assert_eq!(
        error.to_string(),
        format!("{url} is no SIP WebSocket server: it does not speak HTTP")
    );
}

#[tokio::test]
async fn a_server_that_hangs_up_is_no_sip_websocket_server() {
    let (error, url) = against(async |mut tcp: TcpStream| read_request(&mut tcp).await).await;
    assert_eq!(
        error.to_string(),
        format!(
            "{url} is no SIP WebSocket server: it closed the connection during the WebSocket \
             handshake"
        )
    );
}

#[tokio::test]
async fn a_websocket_server_without_the_subprotocol_is_no_sip_websocket_server() {
    let (error, url) = against(async |tcp: TcpStream| {
        let mut websocket = tokio_tungstenite::accept_async(tcp).await.unwrap();
        websocket.next().await;
    })
    .await;
    assert_eq!(
        error.to_string(),
        format!(
            "{url} is no SIP WebSocket server: it speaks WebSocket, but not the subprotocol \
             \"sip\""
        )
    );
}

#[tokio::test]
async fn a_websocket_server_of_another_subprotocol_is_no_sip_websocket_server() {
    let (error, _) = against(async |tcp: TcpStream| {
        #[expect(clippy::result_large_err, reason = "the type is the library's")]
        let choose = |_: &Request, mut response: Response| {
            let header = "Sec-WebSocket-Protocol";
            response
                .headers_mut()
                .insert(header, "xmpp".parse().unwrap());
            Ok(response)
        };
        let mut websocket = tokio_tungstenite::accept_hdr_async(tcp, choose)
            .await
            .unwrap();
        websocket.next().await;
    })
    .await;
    let text = error.to_string();
    assert!(text.contains("other than \"sip\""), "{text}");
}

#[tokio::test]
async fn a_client_without_the_subprotocol_is_refused_with_400() {
    let pair = Pair::new(Transport::Ws).await;
    for offered in [None, Some("xmpp"), Some("sipx")] {
        match raw(&pair, offered).await {
            Err(Error::Http(response)) => {
                assert_eq!(response.status(), 400);
                let body = String::from_utf8(response.into_body().unwrap()).unwrap();
                assert!(body.contains("subprotocol \"sip\""), "{body}");
            }
            other => panic!("{offered:?}: {other:?}"),
        }
    }
    assert_eq!(pair.server.flows(), 0);
    assert_eq!(pair.server.counters().accepted, 0);
}

#[tokio::test]
async fn the_subprotocol_may_stand_among_others_and_the_origin_does_not_matter() {
    let mut pair = Pair::new(Transport::Ws).await;
    // The client library takes no answer but one of what it offered, as one text.
    let tcp = TcpStream::connect(pair.address).await.unwrap();
    let uri = format!("ws://{}", pair.address);
    let request = ClientRequestBuilder::new(uri.parse().unwrap())
        .with_header("Origin", "null")
        .with_sub_protocol("xmpp")
        .with_sub_protocol("sip");
    let (_websocket, response) = soon(client_async(request, tcp)).await.unwrap();
    assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "sip");
    accepted(&mut pair.at_server).await;
}

#[tokio::test]
async fn a_browser_that_visits_by_http_is_told_what_this_is() {
    let pair = Pair::new(Transport::Ws).await;
    let mut tcp = TcpStream::connect(pair.address).await.unwrap();
    tcp.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    soon(tcp.read_to_string(&mut answer)).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{answer}"
    );
    assert!(answer.contains("subprotocol \"sip\""), "{answer}");
}

#[tokio::test]
async fn text_and_binary_and_fragmented_frames_are_messages() {
    let mut pair = Pair::new(Transport::Ws).await;
    let mut websocket = raw(&pair, Some("sip")).await.unwrap();
    let (flow, _, _) = accepted(&mut pair.at_server).await;

    let text = String::from_utf8(message().to_vec()).unwrap();
    websocket.send(Message::text(text)).await.unwrap();
    assert_eq!(received(&mut pair.at_server).await, (flow, message()));

    websocket.send(Message::Binary(numbered(2))).await.unwrap();
    assert_eq!(received(&mut pair.at_server).await, (flow, numbered(2)));

    let whole = numbered(3);
    let (first, rest) = whole.split_at(50);
    let (second, third) = rest.split_at(1);
    for (bytes, opcode, last) in [
        (first, Data::Text, false),
        (second, Data::Continue, false),
        (third, Data::Continue, true),
    ] {
        let frame = Frame::message(Bytes::copy_from_slice(bytes), OpCode::Data(opcode), last);
        websocket.send(Message::Frame(frame)).await.unwrap();
    }
    assert_eq!(received(&mut pair.at_server).await, (flow, whole));
}

#[tokio::test]
async fn what_is_utf8_goes_as_text_and_all_else_as_binary() {
    let mut pair = Pair::new(Transport::Ws).await;
    let mut websocket = raw(&pair, Some("sip")).await.unwrap();
    let (flow, _, _) = accepted(&mut pair.at_server).await;
    let latin1 = Bytes::from_static(b"MESSAGE sip:a@b SIP/2.0\r\nContent-Length: 1\r\n\r\n\xfc");
    pair.server.send(flow, message()).unwrap();
    pair.server.send(flow, latin1.clone()).unwrap();
    let first = soon(websocket.next()).await.unwrap().unwrap();
    assert!(first.is_text());
    assert_eq!(first.into_data(), message());
    let second = soon(websocket.next()).await.unwrap().unwrap();
    assert_eq!(second, Message::Binary(latin1));
}

#[tokio::test]
async fn line_ends_alone_are_keep_alives() {
    let mut pair = Pair::new(Transport::Ws).await;
    let mut websocket = raw(&pair, Some("sip")).await.unwrap();
    let (flow, _, _) = accepted(&mut pair.at_server).await;
    websocket.send(Message::text("\r\n\r\n")).await.unwrap();
    let pong = soon(websocket.next()).await.unwrap().unwrap();
    assert_eq!(pong, Message::text("\r\n"));
    websocket.send(Message::Ping("x".into())).await.unwrap();
    let pong = soon(websocket.next()).await.unwrap().unwrap();
    assert_eq!(pong, Message::Pong("x".into()));
    websocket.send(Message::Binary(message())).await.unwrap();
    assert_eq!(received(&mut pair.at_server).await, (flow, message()));
    assert_eq!(pair.server.counters().pings, 2);
}

#[tokio::test]
async fn a_message_beyond_the_limit_closes_with_1009() {
    let mut config = EndpointConfig::default();
    config.limits = Limits::default().with_message_size(1000);
    let mut pair = Pair::with(Transport::Ws, EndpointConfig::default(), config).await;
    let mut websocket = raw(&pair, Some("sip")).await.unwrap();
    let (flow, _, _) = accepted(&mut pair.at_server).await;
    websocket
        .send(Message::Binary(of_size(1000)))
        .await
        .unwrap();
    assert_eq!(
        lost(&mut pair.at_server).await,
        (flow, LostReason::TooLarge { limit: 1000 })
    );
    match soon(websocket.next()).await {
        Some(Ok(Message::Close(Some(frame)))) => assert_eq!(u16::from(frame.code), 1009),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn bytes_that_are_no_frame_end_the_connection() {
    let mut pair = Pair::new(Transport::Ws).await;
    let mut websocket = raw(&pair, Some("sip")).await.unwrap();
    let (flow, _, _) = accepted(&mut pair.at_server).await;
    let tcp = websocket.get_mut();
    tcp.write_all(&[0xff; 64]).await.unwrap();
    let (lost_flow, reason) = lost(&mut pair.at_server).await;
    assert_eq!(lost_flow, flow);
    assert!(matches!(reason, LostReason::Garbage(_)), "{reason:?}");
}

#[tokio::test]
async fn a_text_frame_that_is_not_utf8_ends_the_connection() {
    let mut pair = Pair::new(Transport::Ws).await;
    let mut websocket = raw(&pair, Some("sip")).await.unwrap();
    let (flow, _, _) = accepted(&mut pair.at_server).await;
    let frame = Frame::message(&b"\xff\xfe"[..], OpCode::Data(Data::Text), true);
    websocket.send(Message::Frame(frame)).await.unwrap();
    let (lost_flow, reason) = lost(&mut pair.at_server).await;
    assert_eq!(lost_flow, flow);
    assert!(matches!(reason, LostReason::Garbage(_)), "{reason:?}");
}

#[tokio::test]
async fn the_peers_reason_for_closing_is_told() {
    let mut pair = Pair::new(Transport::Ws).await;
    let mut websocket = raw(&pair, Some("sip")).await.unwrap();
    let (flow, _, _) = accepted(&mut pair.at_server).await;
    let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame {
        code: 1001.into(),
        reason: "page left".into(),
    };
    websocket.close(Some(frame)).await.unwrap();
    let reason = LostReason::WebSocketClosed {
        code: 1001,
        reason: "page left".to_owned(),
    };
    assert_eq!(lost(&mut pair.at_server).await, (flow, reason));
}

#[tokio::test]
async fn a_peer_that_vanishes_is_a_loss() {
    let mut pair = Pair::new(Transport::Ws).await;
    let websocket = raw(&pair, Some("sip")).await.unwrap();
    let (flow, _, _) = accepted(&mut pair.at_server).await;
    drop(websocket);
    assert_eq!(
        lost(&mut pair.at_server).await,
        (flow, LostReason::ClosedByPeer)
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_pinged_and_lives_as_long_as_it_answers() {
    let limit = std::time::Duration::from_secs(60);
    let mut config = EndpointConfig::default();
    config.idle_timeout = Some(limit);
    let mut pair = Pair::with(Transport::Ws, EndpointConfig::default(), config).await;
    let mut websocket = raw(&pair, Some("sip")).await.unwrap();
    let (flow, _, _) = accepted(&mut pair.at_server).await;
    let start = tokio::time::Instant::now();
    for _ in 0..3 {
        let ping = websocket.next().await.unwrap().unwrap();
        assert!(ping.is_ping(), "{ping:?}");
        // What is asked for next flushes the answer.
        websocket.flush().await.unwrap();
        assert!(matches!(
            next(&mut pair.at_server).await,
            offhook_net::NetEvent::Pong { .. }
        ));
    }
    assert!(start.elapsed() >= limit + limit / 2);
    // It reads no more, and so answers no more.
    assert_eq!(
        lost(&mut pair.at_server).await,
        (flow, LostReason::Idle(limit))
    );
}
