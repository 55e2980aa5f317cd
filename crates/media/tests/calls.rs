//! Two peer connections of one process call each other over loopback sockets.

mod support;

use offhook_media::*;
use support::*;

const OPUS: &[AudioCodec] = &[AudioCodec::Opus];

#[tokio::test]
async fn two_peers_connect_and_hear_each_other() {
    let (mut alice, mut bob) = tone_call(OPUS).await;
    alice.hears().await;
    bob.hears().await;
    let stats = alice.until("packets", |s| s.packets_received >= 20).await;
    assert_eq!(stats.codec.as_deref(), Some("opus"));
    assert_eq!(stats.dtls.as_deref(), Some("DTLS 1.2"));
    eprintln!("{stats:?}");
    eprintln!("{}", alice.pc.local_description().await.unwrap().sdp);
    eprintln!("{}", bob.pc.local_description().await.unwrap().sdp);
    alice.pc.close();
    alice.pc.closed().await;
}
