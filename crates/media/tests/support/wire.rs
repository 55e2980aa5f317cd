//! A wire between two peer connections that loses what it is told to.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use offhook_media::*;
use tokio::net::UdpSocket;

use super::Peer;

/// Says of a datagram whether it is lost.
type Loss = Box<dyn FnMut(&[u8]) -> bool + Send>;

/// Stands in for each side towards the other.
pub(crate) struct Wire {
    loss: Arc<Mutex<Loss>>,
    ends: [Arc<UdpSocket>; 2],
    peers: [Option<SocketAddr>; 2],
}

fn address(sdp: &str) -> SocketAddr {
    let candidate = sdp
        .lines()
        .find_map(|line| line.strip_prefix("a=candidate:"));
    let words: Vec<&str> = candidate.unwrap().split(' ').collect();
    format!("{}:{}", words[4], words[5]).parse().unwrap()
}

impl Wire {
    async fn new(loss: Loss) -> Wire {
        let socket = async || Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap());
        Wire {
            loss: Arc::new(Mutex::new(loss)),
            ends: [socket().await, socket().await],
            peers: [None, None],
        }
    }

    /// Brings a description of this side to the other, as if it came from the wire's end.
    fn carry(&mut self, side: usize, description: SessionDescription) -> SessionDescription {
        let from = address(&description.sdp);
        self.peers[side] = Some(from);
        let end = self.ends[side].local_addr().unwrap();
        SessionDescription {
            kind: description.kind,
            sdp: description
                .sdp
                .replace(&from.port().to_string(), &end.port().to_string()),
        }
    }

    fn run(&self) {
        for side in 0..2 {
            // What the other side sends to this side's end goes on to this side, from the other's.
            let (listen, speak) = (self.ends[side].clone(), self.ends[1 - side].clone());
            let to = self.peers[side].unwrap();
            let loss = self.loss.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 2048];
                while let Ok((length, _)) = listen.recv_from(&mut buffer).await {
                    if !loss.lock().unwrap()(&buffer[..length]) {
                        let _ = speak.send_to(&buffer[..length], to).await;
                    }
                }
            });
        }
    }
}

/// An exchange over a wire with this loss, with the offer changed on its way.
pub(crate) async fn exchange_over_wire(
    offerer: &Peer,
    answerer: &Peer,
    change: impl Fn(String) -> String,
    loss: impl FnMut(&[u8]) -> bool + Send + 'static,
) {
    let mut wire = Wire::new(Box::new(loss)).await;
    let mut offer = wire.carry(0, offerer.offer(OfferOptions::default()).await);
    offer.sdp = change(offer.sdp);
    answerer.pc.set_remote_description(offer).await.unwrap();
    let answer = wire.carry(1, answerer.answer().await);
    wire.run();
    offerer.pc.set_remote_description(answer).await.unwrap();
}

/// The payload type and the sequence of an RTP packet.
pub(crate) fn rtp(datagram: &[u8]) -> Option<(u8, u16)> {
    match *datagram {
        [128..=191, kind, a, b, ..] if !(192..=223).contains(&kind) => {
            Some((kind & 0x7f, u16::from_be_bytes([a, b])))
        }
        _ => None,
    }
}
