//! Peers and strangers that mean no good, or do not know better.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use offhook_media::*;
use support::*;

const ALL: &[AudioCodec] = &[AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma];

/// Always the same sequence, so that a failure can be seen again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % sides.max(1)
    }
}

#[tokio::test]
async fn strangers_who_send_rubbish_to_the_port_change_nothing() {
    let (mut alice, mut bob) = tone_call(&[AudioCodec::Pcmu]).await;
    alice.hears().await;
    bob.hears().await;
    let local = alice.pc.stats().await.selected_pair.unwrap().local;
    let port: std::net::SocketAddr = local.strip_prefix("host ").unwrap().parse().unwrap();
    let stranger = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut dice = Dice(7);
    for n in 0..3_000usize {
        let length = dice.roll(200);
        let mut datagram: Vec<u8> = (0..length).map(|_| dice.roll(256) as u8).collect();
        // What STUN, DTLS, TURN channels, RTP and RTCP begin with, in turn.
        if let [first, second, ..] = datagram.as_mut_slice() {
            (*first, *second) = [(0, 1), (1, 1), (22, 254), (64, 0), (128, 0), (128, 200)][n % 6];
        }
        stranger.send_to(&datagram, port).await.unwrap();
        if n % 50 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let before = alice.pc.stats().await;
    let after = alice
        .until("packets after the flood", |stats| {
            stats.packets_received >= before.packets_received + 20
        })
        .await;
    assert_eq!(after.tones_received, 0);
    assert_eq!(alice.direction().await, Direction::SendRecv);
}

/// Changes a description somewhere.
fn spoil(text: &str, dice: &mut Dice) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(lines.len());
        match dice.roll(7) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => {
                let other = dice.roll(lines.len());
                lines.swap(at, other);
            }
            3 => lines[at] = lines[at].replace(|c: char| c.is_ascii_digit(), "9"),
            4 => {
                let cut = dice.roll(lines[at].len());
                lines[at] = lines[at].chars().take(cut).collect();
            }
            5 => lines[at].push_str(&" 4294967296".repeat(dice.roll(40))),
            _ => lines[at] = lines[at].replace(':', " "),
        }
        if lines.is_empty() {
            break;
        }
    }
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}

#[tokio::test]
async fn spoiled_descriptions_are_answered_or_refused_and_never_end_the_task() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/descriptions");
    let mut dice = Dice(11);
    let (mut answered, mut refused) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for _ in 0..12 {
            let spoiled = spoil(&text, &mut dice);
            let bob = Peer::new(ALL, Source::silence(), Sink::discard()).await;
            let offer = SessionDescription::offer(spoiled.clone());
            match bob.pc.set_remote_description(offer).await {
                Ok(()) => {
                    answered += 1;
                    let answer = bob.pc.create_answer().await;
                    if let Ok(answer) = answer {
                        let _ = bob.pc.set_local_description(answer).await;
                    }
                }
                Err(MediaError::Description { .. }) => refused += 1,
                Err(other) => panic!("{other}: {spoiled}"),
            }
            assert!(!bob.pc.is_closed(), "{spoiled}");
            // The same as an answer to an offer of ours.
            let alice = Peer::new(ALL, Source::silence(), Sink::discard()).await;
            alice.offer(OfferOptions::default()).await;
            let answer = SessionDescription::answer(spoiled.clone());
            let _ = alice.pc.set_remote_description(answer).await;
            let _ = alice.pc.stats().await;
            assert!(!alice.pc.is_closed(), "{spoiled}");
        }
    }
    assert!(answered > 50 && refused > 50, "{answered} {refused}");
}

#[tokio::test]
async fn calls_in_the_wrong_order_are_refused_with_the_remedy() {
    let alice = Peer::bare(ALL);
    let wrong = |result: Result<(), MediaError>, word: &str| {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    };
    let pc = &alice.pc;
    let offer = pc.create_offer(OfferOptions::default()).await.map(drop);
    wrong(offer, "add_audio");
    wrong(pc.create_answer().await.map(drop), "offer first");
    let unmade = SessionDescription::offer("");
    wrong(pc.set_local_description(unmade).await, "create_offer");
    let answer = SessionDescription::answer("v=0");
    wrong(pc.set_local_description(answer).await, "offer first");
    wrong(
        pc.set_remote_description(SessionDescription::offer("nonsense"))
            .await,
        "no SDP",
    );
    pc.add_audio(Source::silence(), Sink::discard())
        .await
        .unwrap();
    let again = pc.add_audio(Source::silence(), Sink::discard()).await;
    wrong(again, "set_source");
    let nobody = pc
        .set_local_description(SessionDescription::rollback())
        .await;
    wrong(nobody, "roll back");
}

#[tokio::test]
async fn a_peer_without_a_track_of_its_own_only_listens() {
    let mut alice = Peer::new(ALL, Source::tone(440.0), Sink::discard()).await;
    let mut bob = Peer::bare(ALL);
    exchange(&alice, &bob, OfferOptions::default()).await;
    alice.connected().await;
    bob.hears().await;
    assert_eq!(bob.direction().await, Direction::RecvOnly);
    assert_eq!(bob.pc.stats().await.packets_sent, 0);
}

#[test]
fn without_a_runtime_there_is_no_connection_but_a_reason() {
    let error = PeerConnection::new(config(ALL)).unwrap_err();
    assert!(matches!(error, MediaError::NoRuntime));
    let mut none = config(ALL);
    none.audio_codecs.clear();
    assert!(matches!(
        PeerConnection::new(none),
        Err(MediaError::NoCodec)
    ));
}
