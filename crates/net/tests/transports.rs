//! What holds on every transport.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod common;

use common::*;
use offhook_core::Transport;
use offhook_net::{FIRST_ACCEPTED_FLOW, LostReason, NetEvent, SendError};

const ALL: [Transport; 5] = [
    Transport::Udp,
    Transport::Tcp,
    Transport::Tls,
    Transport::Ws,
    Transport::Wss,
];

const CONNECTIONS: [Transport; 4] = [
    Transport::Tcp,
    Transport::Tls,
    Transport::Ws,
    Transport::Wss,
];

#[tokio::test]
async fn messages_go_both_ways_on_every_transport() {
    for transport in ALL {
        let mut pair = Pair::new(transport).await;
        pair.client.open(FLOW, pair.destination());
        let (client_local, client_remote) = opened(&mut pair.at_client).await;
        assert_eq!(client_remote, pair.address, "{transport}");
        assert!(client_local.ip().is_loopback() && client_local.port() != 0);

        pair.client.send(FLOW, message()).unwrap();
        let (flow, local, remote) = accepted(&mut pair.at_server).await;
        assert!(flow.0 >= FIRST_ACCEPTED_FLOW);
        assert_eq!((local, remote), (pair.address, client_local), "{transport}");
        assert_eq!(received(&mut pair.at_server).await, (flow, message()));

        pair.server.send(flow, numbered(2)).unwrap();
        assert_eq!(received(&mut pair.at_client).await, (FLOW, numbered(2)));
        assert_eq!(pair.client.counters().opened, 1);
        assert_eq!(pair.client.counters().received, 1);
        assert_eq!(pair.server.counters().accepted, 1);
        assert_eq!(pair.server.counters().received, 1);
    }
}

#[tokio::test]
async fn messages_arrive_whole_and_in_order() {
    for transport in CONNECTIONS {
        let mut pair = Pair::new(transport).await;
        let flow = pair.connect().await;
        for n in 10..60 {
            pair.client.send(FLOW, numbered(n)).unwrap();
        }
        for n in 10..60 {
            assert_eq!(received(&mut pair.at_server).await, (flow, numbered(n)));
        }
    }
}

#[tokio::test]
async fn a_message_of_many_segments_arrives_whole() {
    for transport in CONNECTIONS {
        let mut pair = Pair::new(transport).await;
        let flow = pair.connect().await;
        pair.client.send(FLOW, of_size(60_000)).unwrap();
        assert_eq!(received(&mut pair.at_server).await, (flow, of_size(60_000)));
    }
}

#[tokio::test]
async fn closing_a_flow_is_a_loss_at_the_other_side_after_what_was_sent() {
    for transport in CONNECTIONS {
        let mut pair = Pair::new(transport).await;
        let flow = pair.connect().await;
        pair.client.send(FLOW, numbered(2)).unwrap();
        pair.client.close(FLOW);
        assert_eq!(received(&mut pair.at_server).await, (flow, numbered(2)));
        let (lost_flow, reason) = lost(&mut pair.at_server).await;
        assert_eq!(lost_flow, flow);
        match transport {
            Transport::Ws | Transport::Wss => {
                let normal = LostReason::WebSocketClosed {
                    code: 1000,
                    reason: String::new(),
                };
                assert_eq!(reason, normal);
            }
            _ => assert_eq!(reason, LostReason::ClosedByPeer),
        }
        assert_eq!(pair.server.flows(), 0, "{transport}");
        assert_eq!(pair.client.flows(), 0, "{transport}");
        assert_eq!(
            pair.server.send(flow, message()),
            Err(SendError::NoFlow(flow))
        );
        assert_eq!(
            pair.client.send(FLOW, message()),
            Err(SendError::NoFlow(FLOW))
        );
    }
}

#[tokio::test]
async fn a_server_that_closes_is_a_loss_at_the_client() {
    for transport in CONNECTIONS {
        let mut pair = Pair::new(transport).await;
        let flow = pair.connect().await;
        pair.server.close(flow);
        assert_eq!(lost(&mut pair.at_client).await.0, FLOW, "{transport}");
        assert_eq!(pair.client.counters().lost, 1);
    }
}

#[tokio::test]
async fn dropping_an_endpoint_closes_its_flows_and_its_listeners() {
    for transport in CONNECTIONS {
        let mut pair = Pair::new(transport).await;
        pair.connect().await;
        let destination = pair.destination();
        drop(pair.server);
        assert_eq!(lost(&mut pair.at_client).await.0, FLOW, "{transport}");
        // The events end when the last task has ended, and with it the listening socket.
        assert!(soon(pair.at_server.next()).await.is_none(), "{transport}");
        pair.client.open(FLOW, destination);
        let error = failed(&mut pair.at_client).await.to_string();
        assert!(error.contains("refuses connections"), "{error}");
    }
}

#[tokio::test]
async fn shutdown_writes_what_was_accepted_for_sending() {
    for transport in CONNECTIONS {
        let mut pair = Pair::new(transport).await;
        let flow = pair.connect().await;
        for n in 0..20 {
            pair.client.send(FLOW, numbered(n)).unwrap();
        }
        pair.client.shutdown().await;
        for n in 0..20 {
            assert_eq!(received(&mut pair.at_server).await, (flow, numbered(n)));
        }
        assert_eq!(lost(&mut pair.at_server).await.0, flow);
    }
}

#[tokio::test]
async fn a_ping_is_answered_and_not_reported() {
    for transport in CONNECTIONS {
        let mut pair = Pair::new(transport).await;
        let flow = pair.connect().await;
        pair.client.ping(FLOW).unwrap();
        let pong = next(&mut pair.at_client).await;
        assert!(
            matches!(pong, NetEvent::Pong { flow } if flow == FLOW),
            "{transport}: {pong:?}"
        );
        // The next event of the server is a message: the ping went by unseen.
        pair.client.send(FLOW, numbered(2)).unwrap();
        assert_eq!(received(&mut pair.at_server).await, (flow, numbered(2)));
        assert_eq!(pair.server.counters().pings, 1);
    }
}

#[tokio::test]
async fn an_open_flow_can_be_closed_before_it_is_open() {
    for transport in ALL {
        let mut pair = Pair::new(transport).await;
        pair.client.open(FLOW, pair.destination());
        pair.client.close(FLOW);
        assert_eq!(pair.client.flows(), 0, "{transport}");
        // The name is free again, and nothing was said of the first flow.
        pair.client.open(FLOW, pair.destination());
        opened(&mut pair.at_client).await;
        pair.client.send(FLOW, message()).unwrap();
        assert_eq!(pair.client.counters().opened, 1, "{transport}");
    }
}

#[tokio::test]
async fn a_name_in_use_is_not_opened_again() {
    let mut pair = Pair::new(Transport::Tcp).await;
    let flow = pair.connect().await;
    pair.client.open(FLOW, pair.destination());
    pair.client.send(FLOW, numbered(2)).unwrap();
    assert_eq!(received(&mut pair.at_server).await, (flow, numbered(2)));
    assert_eq!(pair.client.counters().opened, 1);
}

#[tokio::test]
async fn nothing_is_sent_on_a_flow_that_is_not_open() {
    let pair = Pair::new(Transport::Tcp).await;
    assert_eq!(
        pair.client.send(FLOW, message()),
        Err(SendError::NoFlow(FLOW))
    );
    pair.client.open(FLOW, pair.destination());
    assert_eq!(pair.client.ping(FLOW), Err(SendError::NoFlow(FLOW)));
    assert_eq!(pair.client.counters().dropped_no_flow, 1);
}
