//! Two peer connections of one process call each other over loopback sockets.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::path::PathBuf;
use std::time::Duration;

use offhook_media::*;
use support::*;

const OPUS: &[AudioCodec] = &[AudioCodec::Opus];
const PCMU: &[AudioCodec] = &[AudioCodec::Pcmu];
const ALL: &[AudioCodec] = &[AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma];

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("offhook-{}-{name}", std::process::id()))
}

fn write_wav(path: &PathBuf, samples: &[i16], rate: u32) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for sample in samples {
        writer.write_sample(*sample).unwrap();
    }
    writer.finalize().unwrap();
}

/// Waits until the peer has received so many packets more.
async fn receives(peer: &Peer, more: u64) {
    let before = peer.pc.stats().await.packets_received;
    peer.until("more packets", |s| s.packets_received >= before + more)
        .await;
}

#[tokio::test]
async fn two_peers_connect_and_hear_each_other() {
    let (mut alice, mut bob) = tone_call(ALL).await;
    alice.hears().await;
    bob.hears().await;
    let ready = |s: &Stats| s.packets_received >= 60 && s.round_trip.is_some();
    let stats = alice.until("packets and a round trip", ready).await;
    assert_eq!(stats.codec.as_deref(), Some("opus"));
    assert_eq!(stats.dtls.as_deref(), Some("DTLS 1.2"));
    assert_eq!(stats.srtp.as_deref(), Some("SRTP_AEAD_AES_256_GCM"));
    let pair = stats.selected_pair.unwrap();
    assert!(pair.local.starts_with("host 127.0.0.1:"), "{pair:?}");
    assert!(stats.bytes_received > 0 && stats.packets_sent > 0);
}

#[tokio::test]
async fn speech_over_pcmu_is_recorded_as_it_was_played() {
    let (played, recorded) = (file("pcmu-played.wav"), file("pcmu-recorded.wav"));
    let speech = audio::speech_like(16_000, 3.0, 11);
    write_wav(&played, &speech, 16_000);
    let (mut alice, bob) = call(
        PCMU,
        (Source::wav(&played).unwrap(), Sink::discard()),
        (Source::silence(), Sink::wav(&recorded).unwrap()),
    )
    .await;
    alice
        .wait("end of the file", |e| {
            *e == PeerConnectionEvent::SourceEnded
        })
        .await;
    // What is still in the jitter buffer comes out while these come in.
    receives(&bob, 30).await;
    bob.pc.close();
    bob.pc.closed().await;
    let (heard, rate) = audio::read_wav(&recorded).unwrap();
    assert_eq!(rate, 8_000);
    let expected = audio::resample(&speech, 16_000, 8_000).unwrap();
    let likeness = audio::similarity(&expected, &heard, rate, 8_000);
    assert!(likeness >= 0.9, "{likeness}");
    std::fs::remove_file(played).unwrap();
    std::fs::remove_file(recorded).unwrap();
}

#[tokio::test]
async fn speech_over_opus_comes_back_from_an_echo() {
    let speech = audio::speech_like(48_000, 2.0, 12);
    let (sender, source) = Source::frames();
    let (sink, mut frames) = Sink::frames();
    let (mut alice, _bob) = call(OPUS, (source, sink), (Source::echo(), Sink::discard())).await;
    let feed = speech.clone();
    tokio::spawn(async move {
        for frame in feed.chunks(960) {
            let frame = AudioFrame::new(frame.to_vec(), 48_000);
            if sender.send(frame).await.is_err() {
                break;
            }
        }
    });
    let mut heard = Vec::new();
    while heard.len() < speech.len() + 24_000 {
        let frame = tokio::time::timeout(PATIENCE, frames.next()).await;
        heard.extend(frame.unwrap().unwrap().samples);
    }
    alice
        .wait("end of the frames", |e| {
            *e == PeerConnectionEvent::SourceEnded
        })
        .await;
    let likeness = audio::similarity(&speech, &heard, 48_000, 36_000);
    assert!(likeness >= 0.8, "{likeness}");
}

#[tokio::test]
async fn dtmf_arrives_once_each_and_in_order() {
    for codecs in [OPUS, PCMU, ALL] {
        let (mut alice, mut bob) = tone_call(codecs).await;
        let (duration, gap) = (Duration::from_millis(100), Duration::from_millis(50));
        alice.pc.insert_dtmf("12", duration, gap).await.unwrap();
        alice.pc.insert_dtmf("34#", duration, gap).await.unwrap();
        for expected in "1234#".chars() {
            let (tone, length) = bob.tone().await;
            assert_eq!(tone, expected);
            assert_eq!(length, duration, "{codecs:?}");
        }
        alice
            .wait("last tone sent", |e| {
                *e == PeerConnectionEvent::ToneChange(None)
            })
            .await;
        receives(&bob, 20).await;
        assert_eq!(bob.pc.stats().await.tones_received, 5);
        let changes: String = alice
            .seen
            .iter()
            .filter_map(|event| match event {
                PeerConnectionEvent::ToneChange(tone) => Some(tone.unwrap_or('.')),
                _ => None,
            })
            .collect();
        assert_eq!(changes, "1234#.");
    }
}

#[tokio::test]
async fn dtmf_beside_opus_works_with_events_of_8_khz_only() {
    let mut alice = Peer::new(OPUS, Source::silence(), Sink::discard()).await;
    let offer = alice
        .pc
        .create_offer(OfferOptions::default())
        .await
        .unwrap();
    let sdp = offer
        .sdp
        .replace("telephone-event/48000", "telephone-event/8000");
    alice
        .pc
        .set_local_description(SessionDescription::offer(sdp))
        .await
        .unwrap();
    let mut bob = Peer::new(OPUS, Source::silence(), Sink::discard()).await;
    let offer = alice.pc.local_description().await.unwrap();
    bob.pc.set_remote_description(offer).await.unwrap();
    let answer = bob.answer().await;
    alice.pc.set_remote_description(answer).await.unwrap();
    alice.connected().await;
    bob.connected().await;
    let (duration, gap) = (Duration::from_millis(160), Duration::from_millis(70));
    bob.pc.insert_dtmf("7", duration, gap).await.unwrap();
    assert_eq!(alice.tone().await, ('7', duration));
    alice.pc.insert_dtmf("8", duration, gap).await.unwrap();
    assert_eq!(bob.tone().await, ('8', duration));
}

#[tokio::test]
async fn dtmf_is_refused_before_the_call_and_for_wrong_tones() {
    let alice = Peer::new(OPUS, Source::silence(), Sink::discard()).await;
    let (duration, gap) = (Duration::from_millis(100), Duration::from_millis(70));
    let early = alice.pc.insert_dtmf("1", duration, gap).await;
    assert!(matches!(early, Err(MediaError::NoTelephoneEvent)));
    let (alice, _bob) = tone_call(OPUS).await;
    let wrong = alice.pc.insert_dtmf("1E", duration, gap).await;
    assert!(matches!(wrong, Err(MediaError::Tone('E'))));
}

#[tokio::test]
async fn hold_stops_what_the_other_side_sends_and_unhold_starts_it_again() {
    let (mut alice, mut bob) = tone_call(OPUS).await;
    alice.hears().await;
    bob.hears().await;
    alice.want(Direction::SendOnly).await;
    exchange(&alice, &bob, OfferOptions::default()).await;
    assert_eq!(alice.direction().await, Direction::SendOnly);
    assert_eq!(bob.direction().await, Direction::RecvOnly);
    let sent = bob.pc.stats().await.packets_sent;
    receives(&bob, 20).await;
    assert_eq!(bob.pc.stats().await.packets_sent, sent, "bob must be quiet");

    alice.want(Direction::SendRecv).await;
    exchange(&alice, &bob, OfferOptions::default()).await;
    assert_eq!(bob.direction().await, Direction::SendRecv);
    alice.hears().await;
    receives(&alice, 10).await;
}

#[tokio::test]
async fn both_on_hold_send_nothing_and_each_takes_back_its_own() {
    let (alice, bob) = tone_call(OPUS).await;
    alice.want(Direction::SendOnly).await;
    exchange(&alice, &bob, OfferOptions::default()).await;
    // Bob holds too: he offers inactive, since he is on hold already.
    bob.want(Direction::SendOnly).await;
    exchange(&bob, &alice, OfferOptions::default()).await;
    assert_eq!(
        alice.direction().await,
        Direction::SendOnly.and(Direction::RecvOnly)
    );
    assert_eq!(bob.direction().await, Direction::Inactive);
    // Alice comes back, and hears nothing, for bob still holds.
    alice.want(Direction::SendRecv).await;
    exchange(&alice, &bob, OfferOptions::default()).await;
    assert_eq!(alice.direction().await, Direction::RecvOnly);
    bob.want(Direction::SendRecv).await;
    exchange(&bob, &alice, OfferOptions::default()).await;
    assert_eq!(alice.direction().await, Direction::SendRecv);
}

#[tokio::test]
async fn our_hold_survives_an_offer_of_the_peer() {
    let (alice, bob) = tone_call(OPUS).await;
    alice.want(Direction::SendOnly).await;
    exchange(&alice, &bob, OfferOptions::default()).await;
    let offer = bob.offer(OfferOptions::default()).await;
    assert!(offer.sdp.contains("a=sendrecv"), "{}", offer.sdp);
    alice.pc.set_remote_description(offer).await.unwrap();
    let answer = alice.answer().await;
    assert!(answer.sdp.contains("a=sendonly"), "{}", answer.sdp);
    bob.pc.set_remote_description(answer).await.unwrap();
    assert_eq!(alice.direction().await, Direction::SendOnly);
    assert_eq!(bob.direction().await, Direction::RecvOnly);
}

#[tokio::test]
async fn an_offer_that_is_rolled_back_changes_nothing() {
    let (mut alice, mut bob) = tone_call(OPUS).await;
    alice.hears().await;
    bob.hears().await;
    let before = alice.pc.local_description().await.unwrap();
    alice.want(Direction::Inactive).await;
    alice.offer(OfferOptions::ice_restart()).await;
    alice
        .pc
        .set_local_description(SessionDescription::rollback())
        .await
        .unwrap();
    assert_eq!(alice.direction().await, Direction::SendRecv);
    receives(&alice, 10).await;
    receives(&bob, 10).await;
    assert_eq!(alice.pc.local_description().await.unwrap(), before);
    // There is nothing left to roll back, and nothing an answer could belong to.
    let again = alice
        .pc
        .set_local_description(SessionDescription::rollback())
        .await;
    assert!(matches!(again, Err(MediaError::InvalidState { .. })));
    alice.want(Direction::SendRecv).await;
    exchange(&alice, &bob, OfferOptions::default()).await;
    receives(&bob, 10).await;
}

#[tokio::test]
async fn in_glare_the_offer_that_came_wins_and_a_late_answer_is_refused() {
    let (alice, bob) = tone_call(OPUS).await;
    let from_alice = alice.offer(OfferOptions::default()).await;
    let from_bob = bob.offer(OfferOptions::default()).await;
    // Bob yields; alice insists.
    bob.pc.set_remote_description(from_alice).await.unwrap();
    let answer = bob.answer().await;
    alice
        .pc
        .set_remote_description(answer.clone())
        .await
        .unwrap();
    let late = bob.pc.set_remote_description(answer).await;
    assert!(matches!(late, Err(MediaError::InvalidState { .. })));
    drop(from_bob);
    exchange(&bob, &alice, OfferOptions::default()).await;
    receives(&alice, 10).await;
    receives(&bob, 10).await;
}

#[tokio::test]
async fn audio_goes_on_after_ice_was_restarted_from_either_side() {
    let ufrag = |description: &SessionDescription| {
        let line = description
            .sdp
            .lines()
            .find(|l| l.starts_with("a=ice-ufrag"));
        line.unwrap().to_owned()
    };
    let (mut alice, mut bob) = tone_call(OPUS).await;
    for restarting in ["alice", "bob"] {
        let before = [
            alice.pc.local_description().await.unwrap(),
            bob.pc.local_description().await.unwrap(),
        ];
        if restarting == "alice" {
            exchange(&alice, &bob, OfferOptions::ice_restart()).await;
        } else {
            exchange(&bob, &alice, OfferOptions::ice_restart()).await;
        }
        let after = [
            alice.pc.local_description().await.unwrap(),
            bob.pc.local_description().await.unwrap(),
        ];
        for (before, after) in before.iter().zip(&after) {
            assert_ne!(ufrag(before), ufrag(after), "restarted by {restarting}");
        }
        for peer in [&mut alice, &mut bob] {
            peer.wait("restarted ICE", |event| {
                matches!(
                    event,
                    PeerConnectionEvent::IceConnectionState(IceConnectionState::Checking)
                )
            })
            .await;
            peer.connected().await;
        }
        receives(&alice, 20).await;
        receives(&bob, 20).await;
    }
}

#[tokio::test]
async fn an_exchange_that_changes_nothing_keeps_the_call() {
    let (alice, bob) = tone_call(OPUS).await;
    exchange(&alice, &bob, OfferOptions::default()).await;
    exchange(&bob, &alice, OfferOptions::default()).await;
    receives(&alice, 10).await;
    receives(&bob, 10).await;
}

#[tokio::test]
async fn muted_audio_is_silence_in_packets_that_go_on() {
    let (sink, mut frames) = Sink::frames();
    let (alice, bob) = call(
        PCMU,
        (Source::tone(440.0), Sink::discard()),
        (Source::silence(), sink),
    )
    .await;
    let mut next = async |wanted: &dyn Fn(&[i16]) -> bool| {
        loop {
            let frame = tokio::time::timeout(PATIENCE, frames.next()).await;
            if wanted(&frame.unwrap().unwrap().samples) {
                return;
            }
        }
    };
    let loud = |samples: &[i16]| samples.iter().any(|s| s.abs() > 5_000);
    let silent = |samples: &[i16]| samples.iter().all(|s| *s == 0);
    next(&loud).await;
    alice.pc.set_enabled(MediaKind::Audio, false);
    next(&silent).await;
    receives(&bob, 20).await;
    alice.pc.set_enabled(MediaKind::Audio, true);
    next(&loud).await;
}

#[tokio::test]
async fn a_source_and_a_sink_are_changed_during_the_call() {
    let (alice, bob) = call(
        PCMU,
        (Source::silence(), Sink::discard()),
        (Source::silence(), Sink::discard()),
    )
    .await;
    let (sink, mut frames) = Sink::frames();
    bob.pc.set_sink(sink);
    alice.pc.set_source(Source::tone(440.0));
    loop {
        let frame = tokio::time::timeout(PATIENCE, frames.next()).await;
        let frame = frame.unwrap().unwrap();
        assert_eq!((frame.sample_rate, frame.samples.len()), (8_000, 160));
        if frame.samples.iter().any(|sample| *sample > 5_000) {
            break;
        }
    }
}

/// What a SIP peer might leave out of its descriptions.
fn bare(description: SessionDescription, gone: &[&str]) -> SessionDescription {
    let lines = description
        .sdp
        .lines()
        .filter(|line| !gone.iter().any(|prefix| line.starts_with(prefix)));
    let sdp = lines.map(|line| format!("{line}\r\n")).collect::<String>();
    SessionDescription {
        kind: description.kind,
        sdp: sdp.replace("UDP/TLS/RTP/SAVPF", "RTP/SAVPF"),
    }
}

#[tokio::test]
async fn a_peer_without_mid_group_direction_ssrc_and_mux_is_called_and_calls() {
    let gone = [
        "a=mid",
        "a=group",
        "a=sendrecv",
        "a=ssrc",
        "a=rtcp-mux",
        "a=extmap",
        "a=msid",
        "a=end-of",
    ];
    let mut alice = Peer::new(ALL, Source::tone(440.0), Sink::discard()).await;
    let mut bob = Peer::new(ALL, Source::tone(440.0), Sink::discard()).await;
    let offer = bare(alice.offer(OfferOptions::default()).await, &gone);
    bob.pc.set_remote_description(offer).await.unwrap();
    let answer = bob.answer().await;
    for line in ["a=mid", "a=group", "a=rtcp-mux", "a=extmap"] {
        assert!(!answer.sdp.contains(line), "{line} in {}", answer.sdp);
    }
    assert!(answer.sdp.contains(" RTP/SAVPF "), "{}", answer.sdp);
    let answer = bare(answer, &gone);
    alice.pc.set_remote_description(answer).await.unwrap();
    alice.connected().await;
    alice.hears().await;
    bob.hears().await;
    // And again, the other way round, over the same connection.
    let offer = bare(bob.offer(OfferOptions::default()).await, &gone);
    alice.pc.set_remote_description(offer).await.unwrap();
    let answer = bare(alice.answer().await, &gone);
    bob.pc.set_remote_description(answer).await.unwrap();
    receives(&alice, 10).await;
    receives(&bob, 10).await;
}

#[tokio::test]
async fn candidates_are_trickled_and_those_of_no_use_are_skipped() {
    let mut alice = Peer::new(OPUS, Source::tone(440.0), Sink::discard()).await;
    let mut bob = Peer::new(OPUS, Source::tone(440.0), Sink::discard()).await;
    let early = alice.pc.add_ice_candidate("candidate:x", None).await;
    assert!(matches!(early, Err(MediaError::InvalidState { .. })));
    let gone = ["a=candidate", "a=end-of-candidates"];
    let offer = bare(alice.offer(OfferOptions::default()).await, &gone);
    bob.pc.set_remote_description(offer).await.unwrap();
    let mdns = "candidate:1 1 udp 2113937151 4f1c2f4f-35a1.local 53705 typ host";
    bob.pc.add_ice_candidate(mdns, Some("0")).await.unwrap();
    let is_candidate =
        |e: &PeerConnectionEvent| matches!(e, PeerConnectionEvent::IceCandidate { .. });
    let PeerConnectionEvent::IceCandidate { candidate, mid } =
        alice.wait("candidate", is_candidate).await
    else {
        unreachable!()
    };
    assert_eq!(mid, "0");
    // It comes while the offer is not answered yet.
    bob.pc
        .add_ice_candidate(&candidate, Some(&mid))
        .await
        .unwrap();
    let answer = bare(bob.answer().await, &gone);
    alice.pc.set_remote_description(answer).await.unwrap();
    bob.connected().await;
    alice.hears().await;
    let wrong = bob.pc.add_ice_candidate("candidate:1", None).await;
    assert!(matches!(wrong, Err(MediaError::Candidate { .. })));
}

#[tokio::test]
async fn a_forked_call_goes_to_the_one_who_answers_for_good() {
    let mut alice = Peer::new(OPUS, Source::tone(440.0), Sink::discard()).await;
    let mut bob = Peer::new(OPUS, Source::tone(440.0), Sink::discard()).await;
    let mut carol = Peer::new(OPUS, Source::tone(440.0), Sink::discard()).await;
    let offer = alice.offer(OfferOptions::default()).await;
    for fork in [&bob, &carol] {
        fork.pc.set_remote_description(offer.clone()).await.unwrap();
    }
    let mut early = bob.answer().await;
    early.kind = SdpType::PrAnswer;
    alice.pc.set_remote_description(early).await.unwrap();
    alice.hears().await;
    bob.hears().await;
    let answer = carol.answer().await;
    alice.pc.set_remote_description(answer).await.unwrap();
    carol.connected().await;
    carol.hears().await;
    receives(&alice, 20).await;
    let stats = alice.pc.stats().await;
    let carols = carol.pc.stats().await.selected_pair.unwrap().local;
    let remote = stats.selected_pair.unwrap().remote;
    assert!(carols.ends_with(&remote), "{carols} {remote}");
}

#[tokio::test]
async fn a_fork_that_still_connects_does_not_disturb_the_one_who_answers() {
    let mut alice = Peer::new(OPUS, Source::tone(440.0), Sink::discard()).await;
    let bob = Peer::new(OPUS, Source::tone(440.0), Sink::discard()).await;
    let mut carol = Peer::new(OPUS, Source::tone(440.0), Sink::discard()).await;
    let offer = alice.offer(OfferOptions::default()).await;
    for fork in [&bob, &carol] {
        fork.pc.set_remote_description(offer.clone()).await.unwrap();
    }
    let mut early = bob.answer().await;
    early.kind = SdpType::PrAnswer;
    alice.pc.set_remote_description(early).await.unwrap();
    // Bob is about to say hello.
    let answer = carol.answer().await;
    alice.pc.set_remote_description(answer).await.unwrap();
    carol.connected().await;
    alice.connected().await;
    carol.hears().await;
    alice.hears().await;
    assert_eq!(bob.pc.stats().await.packets_received, 0);
}

#[tokio::test]
async fn a_peer_that_closes_is_noticed_and_closing_frees_everything() {
    let recorded = file("closed.wav");
    let (mut alice, mut bob) = call(
        OPUS,
        (Source::tone(440.0), Sink::wav(&recorded).unwrap()),
        (Source::tone(440.0), Sink::discard()),
    )
    .await;
    receives(&alice, 20).await;
    bob.pc.close();
    bob.pc.close();
    bob.pc.closed().await;
    let wanted = PeerConnectionEvent::ConnectionState(ConnectionState::Disconnected);
    alice.wait("goodbye", |event| *event == wanted).await;
    let closed = PeerConnectionEvent::ConnectionState(ConnectionState::Closed);
    bob.wait("closed state", |event| *event == closed).await;
    assert_eq!(bob.events.next().await, None);
    let error = bob.pc.create_offer(OfferOptions::default()).await;
    assert!(matches!(error, Err(MediaError::Closed)));
    assert!(bob.pc.local_description().await.is_none());
    // Dropping the last handle closes too, and the recording is complete then.
    let Peer { pc, mut events, .. } = alice;
    drop(pc);
    while let Some(_event) = events.next().await {}
    let (heard, rate) = audio::read_wav(&recorded).unwrap();
    assert!(rate == 48_000 && heard.len() >= 15 * 960, "{}", heard.len());
    std::fs::remove_file(recorded).unwrap();
}

#[tokio::test]
async fn twenty_pairs_talk_in_one_process() {
    warm_up();
    let mut peers = Vec::new();
    for _ in 0..20 {
        let alice = Peer::new(PCMU, Source::tone(440.0), Sink::discard()).await;
        let bob = Peer::new(PCMU, Source::tone(440.0), Sink::discard()).await;
        exchange(&alice, &bob, OfferOptions::default()).await;
        peers.extend([alice, bob]);
    }
    for peer in &mut peers {
        peer.connected().await;
        peer.hears().await;
    }
    for peer in &peers {
        peer.until("packets", |stats| stats.packets_received >= 50)
            .await;
    }
    for peer in &peers {
        peer.pc.close();
        peer.pc.closed().await;
    }
}

#[tokio::test]
async fn the_offerers_codec_order_decides() {
    for (ours, theirs, codec) in [
        (&[AudioCodec::Pcma, AudioCodec::Opus], ALL, "PCMA"),
        (&[AudioCodec::Opus, AudioCodec::Pcma], PCMU, ""),
        (&[AudioCodec::Pcmu, AudioCodec::Opus], OPUS, "opus"),
    ] {
        let alice = Peer::new(ours, Source::tone(440.0), Sink::discard()).await;
        let bob = Peer::new(theirs, Source::tone(440.0), Sink::discard()).await;
        exchange(&alice, &bob, OfferOptions::default()).await;
        let used = alice.pc.stats().await.codec.unwrap_or_default();
        assert_eq!(used, codec);
        assert_eq!(bob.pc.stats().await.codec.unwrap_or_default(), codec);
    }
}

#[tokio::test]
async fn connecting_waits_for_no_retransmission() {
    // A lost first check would cost a quarter of a second, every time.
    warm_up();
    let mut fastest = PATIENCE;
    for _ in 0..5 {
        let alice = Peer::new(PCMU, Source::silence(), Sink::discard()).await;
        let mut bob = Peer::new(PCMU, Source::silence(), Sink::discard()).await;
        let began = std::time::Instant::now();
        exchange(&alice, &bob, OfferOptions::default()).await;
        bob.connected().await;
        fastest = fastest.min(began.elapsed());
    }
    assert!(fastest < Duration::from_millis(200), "{fastest:?}");
}
