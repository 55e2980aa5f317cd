//! Candidates by STUN and TURN servers, which run here on loopback too.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use offhook_media::*;
use support::*;
use tokio::net::UdpSocket;
use turn_client_proto::api::Transmit;
use turn_client_proto::prelude::DelayedTransmitBuild;
use turn_client_proto::types::{Instant as Moment, TransportType};
use turn_server_proto::api::{TurnServerApi, TurnServerPollRet};
use turn_server_proto::server::TurnServer;

/// A STUN server that says every client is at 203.0.113.5:4000.
async fn stun_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
            assert_eq!(length, 20, "a plain binding request");
            let mut answer = vec![0x01, 0x01, 0x00, 0x0c];
            answer.extend_from_slice(&buffer[4..20]);
            answer.extend_from_slice(&[0x00, 0x20, 0x00, 0x08, 0x00, 0x01]);
            let (port, ip) = (4000u16.to_be_bytes(), [203u8, 0, 113, 5]);
            let cookie = [0x21u8, 0x12, 0xa4, 0x42];
            answer.extend(port.iter().zip(cookie).map(|(byte, mask)| byte ^ mask));
            answer.extend(ip.iter().zip(cookie).map(|(byte, mask)| byte ^ mask));
            socket.send_to(&answer, client).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn a_stun_server_gives_a_server_reflexive_candidate() {
    let server = stun_server().await;
    let mut config = config(&[AudioCodec::Opus]);
    config.ice_servers = vec![IceServer {
        urls: vec![format!("stun:{server}")],
        ..IceServer::default()
    }];
    let (pc, events) = PeerConnection::new(config).unwrap();
    let mut alice = Peer {
        pc,
        events,
        seen: Vec::new(),
    };
    alice
        .pc
        .add_audio(Source::silence(), Sink::discard())
        .await
        .unwrap();
    alice.offer(OfferOptions::default()).await;
    let complete = PeerConnectionEvent::GatheringState(GatheringState::Complete);
    alice
        .wait("complete gathering", |event| *event == complete)
        .await;
    let reflexive = alice.seen.iter().find_map(|event| match event {
        PeerConnectionEvent::IceCandidate { candidate, .. } if candidate.contains("srflx") => {
            Some(candidate.clone())
        }
        _ => None,
    });
    let reflexive = reflexive.expect("a server-reflexive candidate");
    assert!(
        reflexive.contains("203.0.113.5 4000 typ srflx raddr 127.0.0.1"),
        "{reflexive}"
    );
    let sdp = alice.pc.local_description().await.unwrap().sdp;
    assert!(
        sdp.contains("m=audio 4000 ") && sdp.contains("c=IN IP4 203.0.113.5"),
        "{sdp}"
    );
    assert!(sdp.contains("a=end-of-candidates"));
}

#[tokio::test]
async fn a_server_that_is_silent_does_not_hold_gathering_for_ever() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let mut config = config(&[AudioCodec::Opus]);
    config.ice_servers = vec![IceServer {
        urls: vec![format!("stun:{address}"), format!("turn:{address}")],
        username: Some("alice".into()),
        credential: Some("secret".into()),
    }];
    let (pc, events) = PeerConnection::new(config).unwrap();
    let mut alice = Peer {
        pc,
        events,
        seen: Vec::new(),
    };
    alice
        .pc
        .add_audio(Source::silence(), Sink::discard())
        .await
        .unwrap();
    alice.offer(OfferOptions::default()).await;
    let complete = PeerConnectionEvent::GatheringState(GatheringState::Complete);
    alice
        .wait("complete gathering", |event| *event == complete)
        .await;
}

/// A TURN server with one user, on loopback.
async fn turn_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let mut server = TurnServer::new(TransportType::Udp, address, "example.org".into());
    server.add_user("alice".into(), "secret".into());
    tokio::spawn(async move {
        let epoch = Instant::now();
        let now = || Moment::from_nanos(epoch.elapsed().as_nanos() as i64);
        let mut relays: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
        let (relayed, mut from_relays) = tokio::sync::mpsc::channel(64);
        let mut buffer = [0; 2048];
        loop {
            loop {
                match server.poll(now()) {
                    TurnServerPollRet::AllocateSocket {
                        transport,
                        listen_addr,
                        client_addr,
                        allocation_transport,
                        family,
                    } => {
                        let relay = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
                        let local = relay.local_addr().unwrap();
                        relays.insert(local, relay.clone());
                        let relayed = relayed.clone();
                        tokio::spawn(async move {
                            let mut buffer = [0; 2048];
                            while let Ok((length, peer)) = relay.recv_from(&mut buffer).await {
                                let data = buffer[..length].to_vec();
                                if relayed.send((data, peer, local)).await.is_err() {
                                    break;
                                }
                            }
                        });
                        server.allocated_socket(
                            transport,
                            listen_addr,
                            client_addr,
                            allocation_transport,
                            family,
                            Ok(local),
                            now(),
                        );
                    }
                    TurnServerPollRet::SocketClose { listen_addr, .. } => {
                        relays.remove(&listen_addr);
                    }
                    _ => break,
                }
            }
            let mut out = Vec::new();
            while let Some(transmit) = server.poll_transmit(now()) {
                out.push((transmit.data, transmit.from, transmit.to));
            }
            let (data, from, to) = if out.is_empty() {
                tokio::select! {
                    received = socket.recv_from(&mut buffer) => {
                        let (length, client) = received.unwrap();
                        (buffer[..length].to_vec(), client, address)
                    }
                    Some(relayed) = from_relays.recv() => relayed,
                }
            } else {
                for (data, from, to) in out {
                    let socket = relays.get(&from).map_or(&socket, |relay| relay);
                    socket.send_to(&data, to).await.unwrap();
                }
                continue;
            };
            let transmit = Transmit::new(data, TransportType::Udp, from, to);
            if let Some(reply) = server.recv(transmit, now()) {
                let (from, to) = (reply.from, reply.to);
                let data = reply.data.build();
                let socket = relays.get(&from).map_or(&socket, |relay| relay);
                socket.send_to(&data, to).await.unwrap();
            }
        }
    });
    address
}

#[tokio::test]
async fn two_peers_that_may_only_use_relays_hear_each_other() {
    let server = turn_server().await;
    let mut peers = Vec::new();
    for _ in 0..2 {
        let mut config = config(&[AudioCodec::Opus]);
        config.ice_transport_policy = IceTransportPolicy::Relay;
        config.ice_servers = vec![IceServer {
            urls: vec![format!("turn:{server}?transport=udp")],
            username: Some("alice".into()),
            credential: Some("secret".into()),
        }];
        let (pc, events) = PeerConnection::new(config).unwrap();
        pc.add_audio(Source::tone(440.0), Sink::discard())
            .await
            .unwrap();
        peers.push(Peer {
            pc,
            events,
            seen: Vec::new(),
        });
    }
    let complete = PeerConnectionEvent::GatheringState(GatheringState::Complete);
    let [alice, bob] = peers.as_mut_slice() else {
        unreachable!()
    };
    alice.offer(OfferOptions::default()).await;
    alice
        .wait("complete gathering", |event| *event == complete)
        .await;
    let offer = alice.pc.local_description().await.unwrap();
    let candidates: Vec<&str> = offer
        .sdp
        .lines()
        .filter(|l| l.starts_with("a=candidate"))
        .collect();
    assert_eq!(candidates.len(), 1, "only the relay: {candidates:?}");
    assert!(candidates[0].contains("typ relay"));
    bob.pc.set_remote_description(offer).await.unwrap();
    bob.answer().await;
    bob.wait("complete gathering", |event| *event == complete)
        .await;
    let answer = bob.pc.local_description().await.unwrap();
    alice.pc.set_remote_description(answer).await.unwrap();
    alice.connected().await;
    alice.hears().await;
    bob.hears().await;
    let stats = alice
        .until("packets", |stats| stats.packets_received >= 50)
        .await;
    assert!(stats.selected_pair.unwrap().local.starts_with("relay "));
    assert_eq!(stats.packets_lost, 0);
}

#[tokio::test]
async fn a_wrong_password_of_the_turn_server_leaves_it_out() {
    let server = turn_server().await;
    let mut config = config(&[AudioCodec::Opus]);
    config.ice_servers = vec![IceServer {
        urls: vec![format!("turn:{server}")],
        username: Some("alice".into()),
        credential: Some("wrong".into()),
    }];
    let (pc, events) = PeerConnection::new(config).unwrap();
    let mut alice = Peer {
        pc,
        events,
        seen: Vec::new(),
    };
    alice
        .pc
        .add_audio(Source::silence(), Sink::discard())
        .await
        .unwrap();
    alice.offer(OfferOptions::default()).await;
    let complete = PeerConnectionEvent::GatheringState(GatheringState::Complete);
    alice
        .wait("complete gathering", |event| *event == complete)
        .await;
    let sdp = alice.pc.local_description().await.unwrap().sdp;
    assert!(
        sdp.contains("typ host") && !sdp.contains("typ relay"),
        "{sdp}"
    );
}
