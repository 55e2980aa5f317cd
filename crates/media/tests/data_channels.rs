//! Data channels between two peer connections of one process.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::time::Duration;

use offhook_media::*;
use support::*;

const PCMU: &[AudioCodec] = &[AudioCodec::Pcmu];

fn text(text: &str) -> DataChannelEvent {
    DataChannelEvent::Message(DataMessage::Text(text.to_owned()))
}

async fn patiently<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("no {what} in {PATIENCE:?}"),
    }
}

async fn next(channel: &DataChannel) -> DataChannelEvent {
    let event = patiently("event", channel.next()).await;
    event.expect("the channel is not over")
}

async fn expect(channel: &DataChannel, wanted: DataChannelEvent) {
    assert_eq!(next(channel).await, wanted, "{channel:?}");
}

/// The end of a channel, whatever comes before.
async fn ends(channel: &DataChannel, error: Option<DataChannelError>) {
    let mut seen = None;
    while let Some(event) = patiently("end", channel.next()).await {
        if let DataChannelEvent::Error(error) = event {
            seen = Some(error);
        }
    }
    assert_eq!(seen, error);
    assert_eq!(channel.ready_state(), DataChannelState::Closed);
    assert_eq!(channel.buffered_amount(), 0);
}

async fn create(peer: &Peer, label: &str) -> DataChannel {
    let options = DataChannelOptions::default();
    peer.pc.create_data_channel(label, options).await.unwrap()
}

/// The channel that the peer made.
async fn arrives(peer: &mut Peer) -> DataChannel {
    let is_channel =
        |event: &PeerConnectionEvent| matches!(event, PeerConnectionEvent::DataChannel(_));
    let event = peer.wait("data channel", is_channel).await;
    // Handles that are kept keep a channel open.
    peer.seen.retain(|event| !is_channel(event));
    match event {
        PeerConnectionEvent::DataChannel(channel) => channel,
        _ => unreachable!(),
    }
}

async fn talkers() -> (Peer, Peer) {
    let alice = Peer::new(PCMU, Source::tone(440.0), Sink::discard()).await;
    let bob = Peer::new(PCMU, Source::tone(660.0), Sink::discard()).await;
    (alice, bob)
}

/// Two peers without audio, and both ends of an open channel.
async fn chat() -> (Peer, Peer, DataChannel, DataChannel) {
    let alice = Peer::bare(PCMU);
    let mut bob = Peer::bare(PCMU);
    let ours = create(&alice, "chat").await;
    exchange(&alice, &bob, OfferOptions::default()).await;
    let theirs = arrives(&mut bob).await;
    expect(&ours, DataChannelEvent::Open).await;
    expect(&theirs, DataChannelEvent::Open).await;
    (alice, bob, ours, theirs)
}

async fn greet(one: &DataChannel, other: &DataChannel) {
    one.send_text("hello").await.unwrap();
    expect(other, text("hello")).await;
    other.send_text("and you").await.unwrap();
    expect(one, text("and you")).await;
}

#[tokio::test]
async fn a_channel_made_before_the_offer_carries_text_and_bytes_both_ways() {
    let (alice, mut bob) = talkers().await;
    let ours = create(&alice, "chat").await;
    assert_eq!(ours.ready_state(), DataChannelState::Connecting);
    assert_eq!(ours.id(), None);
    let early = ours.send_text("too early").await.unwrap_err();
    assert!(early.to_string().contains("connecting"), "{early}");
    exchange(&alice, &bob, OfferOptions::default()).await;
    let theirs = arrives(&mut bob).await;
    assert_eq!(theirs.label(), "chat");
    assert_eq!(*theirs.options(), DataChannelOptions::default());
    expect(&ours, DataChannelEvent::Open).await;
    expect(&theirs, DataChannelEvent::Open).await;
    assert_eq!(ours.ready_state(), DataChannelState::Open);
    // The answerer opened the DTLS connection, which gives the offerer the odd ids.
    assert_eq!((ours.id(), theirs.id()), (Some(1), Some(1)));
    greet(&ours, &theirs).await;
    let bytes = vec![0, 255, 128, 7];
    theirs.send_binary(bytes.clone()).await.unwrap();
    let message = DataChannelEvent::Message(DataMessage::Binary(bytes));
    expect(&ours, message).await;
    let nothing = ours.send_text("").await.unwrap_err();
    assert_eq!(nothing, DataChannelError::EmptyMessage);
    greet(&theirs, &ours).await;
    alice.until("audio", |s| s.packets_received > 5).await;
    bob.until("audio", |s| s.packets_received > 5).await;
}

#[tokio::test]
async fn a_connection_may_carry_data_and_no_audio() {
    let (alice, bob, ours, theirs) = chat().await;
    greet(&ours, &theirs).await;
    let offer = alice.pc.local_description().await.unwrap().sdp;
    assert!(!offer.contains("m=audio"), "{offer}");
    assert!(offer.contains("a=max-message-size:262144"), "{offer}");
    assert_eq!(bob.direction().await, Direction::Inactive);
    assert_eq!(bob.pc.stats().await.packets_sent, 0);
}

#[tokio::test]
async fn a_channel_made_in_mid_call_opens_with_the_next_offer_and_further_ones_with_none() {
    let (mut alice, mut bob) = tone_call(PCMU).await;
    let first = create(&alice, "first").await;
    // An offer of the peer that knows nothing of it changes nothing.
    exchange(&bob, &alice, OfferOptions::default()).await;
    assert_eq!(first.ready_state(), DataChannelState::Connecting);
    exchange(&alice, &bob, OfferOptions::default()).await;
    let at_bob = arrives(&mut bob).await;
    expect(&first, DataChannelEvent::Open).await;
    expect(&at_bob, DataChannelEvent::Open).await;
    let second = create(&bob, "second").await;
    let at_alice = arrives(&mut alice).await;
    assert_eq!(at_alice.label(), "second");
    expect(&at_alice, DataChannelEvent::Open).await;
    expect(&second, DataChannelEvent::Open).await;
    greet(&first, &at_bob).await;
    greet(&second, &at_alice).await;
    // The audio never stopped, and the section stays in the offers that follow.
    assert_eq!(alice.direction().await, Direction::SendRecv);
    exchange(&bob, &alice, OfferOptions::default()).await;
    exchange(&alice, &bob, OfferOptions::default()).await;
    let offer = alice.pc.local_description().await.unwrap().sdp;
    assert_eq!(offer.matches("m=").count(), 2, "{offer}");
    greet(&first, &at_bob).await;
    let before = alice.pc.stats().await.packets_received;
    alice
        .until("more audio", |stats| stats.packets_received > before + 5)
        .await;
}

#[tokio::test]
async fn audio_joins_a_connection_that_carried_data_alone() {
    let (mut alice, mut bob, ours, theirs) = chat().await;
    alice
        .pc
        .add_audio(Source::tone(440.0), Sink::discard())
        .await
        .unwrap();
    bob.pc
        .add_audio(Source::tone(660.0), Sink::discard())
        .await
        .unwrap();
    exchange(&alice, &bob, OfferOptions::default()).await;
    alice.hears().await;
    bob.hears().await;
    greet(&ours, &theirs).await;
}

#[tokio::test]
async fn large_messages_arrive_whole() {
    let (_alice, _bob, ours, theirs) = chat().await;
    let long: String = ('a'..='z').cycle().take(200_000).collect();
    let bytes: Vec<u8> = (0..=255).cycle().take(262_144).collect();
    assert_eq!(ours.max_message_size(), Some(bytes.len()));
    ours.send_text(long.clone()).await.unwrap();
    theirs.send_binary(bytes.clone()).await.unwrap();
    assert!(next(&theirs).await == text(&long));
    assert!(next(&ours).await == DataChannelEvent::Message(DataMessage::Binary(bytes)));
    let error = ours.send_binary(vec![0; 262_145]).await.unwrap_err();
    assert!(error.to_string().contains("262145"), "{error}");
    greet(&ours, &theirs).await;
}

#[tokio::test]
async fn a_message_larger_than_the_peer_takes_is_refused_before_it_is_sent() {
    let alice = Peer::bare(PCMU);
    let mut bob = Peer::bare(PCMU);
    let ours = create(&alice, "chat").await;
    let offer = alice.offer(OfferOptions::default()).await;
    bob.pc.set_remote_description(offer).await.unwrap();
    let answer = bob.answer().await.sdp;
    let answer = answer.replace("max-message-size:262144", "max-message-size:100");
    let answer = SessionDescription::answer(answer);
    alice.pc.set_remote_description(answer).await.unwrap();
    let theirs = arrives(&mut bob).await;
    expect(&ours, DataChannelEvent::Open).await;
    expect(&theirs, DataChannelEvent::Open).await;
    let error = ours.send_text("x".repeat(101)).await.unwrap_err();
    let expected = DataChannelError::MessageTooLarge {
        size: 101,
        limit: 100,
    };
    assert_eq!(error, expected);
    ours.send_text("x".repeat(100)).await.unwrap();
    expect(&theirs, text(&"x".repeat(100))).await;
}

#[tokio::test]
async fn a_sender_waits_for_a_slow_path_and_nothing_is_lost() {
    let (_alice, _bob, ours, theirs) = chat().await;
    const COUNT: u8 = 40;
    let sender = ours.clone();
    let sending = tokio::spawn(async move {
        let mut most = 0;
        for n in 0..COUNT {
            sender.send_binary(vec![n; 100_000]).await.unwrap();
            most = most.max(sender.buffered_amount());
        }
        most
    });
    for n in 0..COUNT {
        match next(&theirs).await {
            DataChannelEvent::Message(DataMessage::Binary(bytes)) => {
                assert!(bytes.len() == 100_000 && bytes.iter().all(|byte| *byte == n));
            }
            other => panic!("{other:?}"),
        }
    }
    let most = sending.await.unwrap();
    assert!(most <= 1 << 20, "{most}");
    // What is acknowledged is no longer buffered.
    patiently("acknowledgement", async {
        let mut beat = tokio::time::interval(Duration::from_millis(10));
        while ours.buffered_amount() > 0 {
            beat.tick().await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_other_side_learns_how_a_channel_was_made() {
    let alice = Peer::bare(PCMU);
    let mut bob = Peer::bare(PCMU);
    let options = DataChannelOptions {
        ordered: false,
        max_retransmits: Some(3),
        protocol: "game".into(),
        ..DataChannelOptions::default()
    };
    let made = alice.pc.create_data_channel("moves", options.clone());
    let moves = made.await.unwrap();
    let timed = DataChannelOptions {
        max_packet_life_time: Some(Duration::from_millis(1_500)),
        ..DataChannelOptions::default()
    };
    let made = alice.pc.create_data_channel("scores", timed.clone());
    let _scores = made.await.unwrap();
    exchange(&alice, &bob, OfferOptions::default()).await;
    let (one, other) = (arrives(&mut bob).await, arrives(&mut bob).await);
    let (at_bob, scores) = match one.label() {
        "moves" => (one, other),
        _ => (other, one),
    };
    assert_eq!(*at_bob.options(), options);
    assert_eq!((scores.label(), scores.options()), ("scores", &timed));
    expect(&moves, DataChannelEvent::Open).await;
    expect(&at_bob, DataChannelEvent::Open).await;
    for n in 0..50 {
        moves.send_text(n.to_string()).await.unwrap();
    }
    let mut heard: Vec<u32> = Vec::new();
    while heard.len() < 50 {
        match next(&at_bob).await {
            DataChannelEvent::Message(DataMessage::Text(n)) => heard.push(n.parse().unwrap()),
            other => panic!("{other:?}"),
        }
    }
    heard.sort_unstable();
    assert_eq!(heard, (0..50).collect::<Vec<u32>>());
}

#[tokio::test]
async fn a_channel_agreed_on_elsewhere_is_one_channel() {
    let (alice, bob) = (Peer::bare(PCMU), Peer::bare(PCMU));
    let options = DataChannelOptions {
        negotiated: Some(7),
        ..DataChannelOptions::default()
    };
    let ours = alice.pc.create_data_channel("here", options.clone());
    let ours = ours.await.unwrap();
    let theirs = bob.pc.create_data_channel("there", options.clone());
    let theirs = theirs.await.unwrap();
    assert_eq!(ours.id(), Some(7));
    exchange(&alice, &bob, OfferOptions::default()).await;
    expect(&ours, DataChannelEvent::Open).await;
    expect(&theirs, DataChannelEvent::Open).await;
    greet(&ours, &theirs).await;
    let again = alice.pc.create_data_channel("again", options).await;
    let error = again.unwrap_err().to_string();
    assert!(error.contains("id 7"), "{error}");
}

#[tokio::test]
async fn what_was_sent_before_closing_arrives_and_both_sides_close() {
    for answerer_closes in [false, true] {
        let (_alice, _bob, ours, theirs) = chat().await;
        let (closer, other) = if answerer_closes {
            (&theirs, &ours)
        } else {
            (&ours, &theirs)
        };
        for n in 0..10 {
            closer
                .send_text(format!("{n}{}", "x".repeat(20_000)))
                .await
                .unwrap();
        }
        closer.close();
        assert_eq!(closer.ready_state(), DataChannelState::Closing);
        let late = closer.send_text("late").await.unwrap_err();
        assert!(late.to_string().contains("closing"), "{late}");
        for n in 0..10 {
            match next(other).await {
                DataChannelEvent::Message(DataMessage::Text(text)) => {
                    assert!(text.starts_with(&n.to_string()));
                }
                event => panic!("{event:?} instead of message {n}"),
            }
        }
        expect(other, DataChannelEvent::Close).await;
        expect(closer, DataChannelEvent::Close).await;
        for channel in [closer, other] {
            assert_eq!(channel.next().await, None);
            assert_eq!(channel.ready_state(), DataChannelState::Closed);
        }
        // The connection goes on: another channel opens without an offer.
        let again = create(&_alice, "again").await;
        expect(&again, DataChannelEvent::Open).await;
    }
}

#[tokio::test]
async fn a_channel_whose_handles_are_gone_is_closed() {
    let (_alice, _bob, ours, theirs) = chat().await;
    let clone = ours.clone();
    drop(ours);
    greet(&clone, &theirs).await;
    drop(clone);
    ends(&theirs, None).await;
}

#[tokio::test]
async fn the_end_of_a_connection_ends_its_channels_on_both_sides() {
    let (alice, _bob, ours, theirs) = chat().await;
    alice.pc.close();
    ends(&ours, None).await;
    ends(&theirs, None).await;
    let late = alice
        .pc
        .create_data_channel("late", DataChannelOptions::default())
        .await;
    assert!(matches!(late, Err(MediaError::Closed)));
}

#[tokio::test]
async fn a_channel_that_the_peer_declines_closes_with_the_reason_and_the_audio_lives() {
    let mut alice = Peer::new(PCMU, Source::tone(440.0), Sink::discard()).await;
    let refusing = PeerConnectionConfig {
        data_channels: false,
        ..config(PCMU)
    };
    let (pc, events) = PeerConnection::new(refusing).unwrap();
    let bob = Peer {
        pc,
        events,
        seen: Vec::new(),
    };
    bob.pc
        .add_audio(Source::tone(660.0), Sink::discard())
        .await
        .unwrap();
    let ours = create(&alice, "chat").await;
    exchange(&alice, &bob, OfferOptions::default()).await;
    ends(&ours, Some(DataChannelError::Declined)).await;
    alice.hears().await;
    // The next offer does not ask again; one with a new channel does, in the same place.
    let offer = alice.offer(OfferOptions::default()).await.sdp;
    assert!(offer.contains("m=application 0"), "{offer}");
    let again = create(&alice, "again").await;
    let offer = alice.offer(OfferOptions::default()).await.sdp;
    assert_eq!(offer.matches("m=").count(), 2, "{offer}");
    assert!(!offer.contains("m=application 0"), "{offer}");
    assert_eq!(again.ready_state(), DataChannelState::Connecting);
}

#[tokio::test]
async fn a_peer_may_take_the_data_and_leave_the_audio() {
    let (alice, mut bob) = talkers().await;
    let ours = create(&alice, "chat").await;
    let offer = alice.offer(OfferOptions::default()).await;
    // No codec of the audio is one that Bob has.
    let foreign = offer.sdp.replace("RTP/SAVPF 0 126", "RTP/SAVPF 18");
    assert_ne!(foreign, offer.sdp);
    let foreign = SessionDescription::offer(foreign);
    bob.pc.set_remote_description(foreign).await.unwrap();
    let answer = bob.answer().await;
    assert!(answer.sdp.contains("m=audio 0 "), "{}", answer.sdp);
    alice.pc.set_remote_description(answer).await.unwrap();
    let theirs = arrives(&mut bob).await;
    expect(&ours, DataChannelEvent::Open).await;
    expect(&theirs, DataChannelEvent::Open).await;
    greet(&ours, &theirs).await;
    assert_eq!(alice.direction().await, Direction::Inactive);
}

#[tokio::test]
async fn channels_outlive_the_search_for_a_new_path() {
    // With audio and without, the restart from either side.
    let (alice, mut bob) = talkers().await;
    let ours = create(&alice, "chat").await;
    exchange(&alice, &bob, OfferOptions::default()).await;
    let theirs = arrives(&mut bob).await;
    expect(&ours, DataChannelEvent::Open).await;
    expect(&theirs, DataChannelEvent::Open).await;
    let with_audio = (alice, bob, ours, theirs);
    for (alice, bob, ours, theirs) in [with_audio, chat().await] {
        for (offerer, answerer) in [(&alice, &bob), (&bob, &alice)] {
            let before = offerer.pc.local_description().await.unwrap().sdp;
            exchange(offerer, answerer, OfferOptions::ice_restart()).await;
            let after = offerer.pc.local_description().await.unwrap().sdp;
            let ufrag = |sdp: &str| {
                let mut lines = sdp.lines();
                lines
                    .find(|line| line.starts_with("a=ice-ufrag"))
                    .unwrap()
                    .to_owned()
            };
            assert_ne!(ufrag(&before), ufrag(&after));
            greet(&ours, &theirs).await;
        }
    }
}

#[tokio::test]
async fn an_offer_that_is_taken_back_keeps_the_channel_for_the_next() {
    let (alice, mut bob) = tone_call(PCMU).await;
    let ours = create(&alice, "chat").await;
    let offer = alice.offer(OfferOptions::default()).await;
    assert!(offer.sdp.contains("m=application"), "{}", offer.sdp);
    let rollback = SessionDescription::rollback();
    alice.pc.set_local_description(rollback).await.unwrap();
    exchange(&bob, &alice, OfferOptions::default()).await;
    assert_eq!(ours.ready_state(), DataChannelState::Connecting);
    exchange(&alice, &bob, OfferOptions::default()).await;
    let theirs = arrives(&mut bob).await;
    expect(&ours, DataChannelEvent::Open).await;
    expect(&theirs, DataChannelEvent::Open).await;
    greet(&ours, &theirs).await;
}

#[tokio::test]
async fn a_channel_opens_to_the_fork_that_answers_in_the_end() {
    let (alice, mut carol) = talkers().await;
    let mut bob = Peer::new(PCMU, Source::silence(), Sink::discard()).await;
    let ours = create(&alice, "chat").await;
    let offer = alice.offer(OfferOptions::default()).await;
    // Bob rings, with early media and no data.
    bob.pc.set_remote_description(offer.clone()).await.unwrap();
    let early = bob.answer().await.sdp;
    let (audio, data) = early.split_once("m=application ").unwrap();
    let rest = data.split_once(' ').unwrap().1;
    let early = format!("{audio}m=application 0 {rest}");
    let early = SessionDescription::pranswer(early.replace("BUNDLE 0 1", "BUNDLE 0"));
    alice.pc.set_remote_description(early).await.unwrap();
    bob.connected().await;
    assert_eq!(ours.ready_state(), DataChannelState::Connecting);
    // Carol answers.
    carol.pc.set_remote_description(offer).await.unwrap();
    let answer = carol.answer().await;
    alice.pc.set_remote_description(answer).await.unwrap();
    let theirs = arrives(&mut carol).await;
    expect(&ours, DataChannelEvent::Open).await;
    expect(&theirs, DataChannelEvent::Open).await;
    greet(&ours, &theirs).await;
}

#[tokio::test]
async fn a_section_in_earlier_words_carries_channels_too() {
    let alice = Peer::bare(PCMU);
    let mut bob = Peer::bare(PCMU);
    let ours = create(&alice, "chat").await;
    let offer = alice.offer(OfferOptions::default()).await.sdp;
    let earlier = |sdp: &str| {
        sdp.replace("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000")
            .replace("a=sctp-port:5000", "a=sctpmap:5000 webrtc-datachannel 1024")
    };
    let offer = SessionDescription::offer(earlier(&offer));
    bob.pc.set_remote_description(offer).await.unwrap();
    let answer = bob.answer().await;
    assert!(answer.sdp.contains("DTLS/SCTP 5000\r\n"), "{}", answer.sdp);
    alice.pc.set_remote_description(answer).await.unwrap();
    let theirs = arrives(&mut bob).await;
    expect(&ours, DataChannelEvent::Open).await;
    expect(&theirs, DataChannelEvent::Open).await;
    greet(&ours, &theirs).await;
}

#[tokio::test]
async fn channels_that_cannot_be_are_refused_with_the_reason() {
    let alice = Peer::bare(PCMU);
    let plain = DataChannelOptions::default;
    let refused = async |label: String, options: DataChannelOptions, word: &str| {
        let made = alice.pc.create_data_channel(label, options).await;
        let error = made.unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    };
    let both = DataChannelOptions {
        max_retransmits: Some(1),
        max_packet_life_time: Some(Duration::from_secs(1)),
        ..plain()
    };
    refused("x".into(), both, "at most one").await;
    refused("x".repeat(1_025), plain(), "1025 bytes").await;
    let reserved = DataChannelOptions {
        negotiated: Some(u16::MAX),
        ..plain()
    };
    refused("x".into(), reserved, "65535").await;
    let mut channels = Vec::new();
    for _ in 0..256 {
        channels.push(create(&alice, "one of many").await);
    }
    refused("one more".into(), plain(), "256").await;
    // The longest label there may be gets through.
    channels.clear();
    let mut bob = Peer::bare(PCMU);
    let long = create(&alice, &"ü".repeat(512)).await;
    exchange(&alice, &bob, OfferOptions::default()).await;
    let at_bob = arrives(&mut bob).await;
    assert_eq!(at_bob.label(), long.label());
}
