//! Two peer connections of one process show each other video over loopback sockets.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use offhook_media::*;
use support::wire::{exchange_over_wire, rtp};
use support::*;

const OPUS: &[AudioCodec] = &[AudioCodec::Opus];
const VP8: VideoCodec = VideoCodec::Vp8;
const H264: VideoCodec = VideoCodec::H264;

fn asset(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../assets")
        .join(name)
}

fn pattern(codec: VideoCodec) -> PathBuf {
    asset(match codec {
        VideoCodec::H264 => "pattern-h264.ivf",
        _ => "pattern-vp8.ivf",
    })
}

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("offhook-{}-{name}", std::process::id()))
}

/// What an IVF file holds: its codec, its size, and its frames with their timestamps.
struct Ivf {
    codec: [u8; 4],
    size: (u16, u16),
    frames: Vec<(u64, Vec<u8>)>,
}

fn read_ivf(path: &PathBuf) -> Ivf {
    let bytes = std::fs::read(path).unwrap();
    let two = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let mut frames = Vec::new();
    let mut rest = &bytes[32..];
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
        let time = u64::from_le_bytes(rest[4..12].try_into().unwrap());
        frames.push((time, rest[12..12 + length].to_vec()));
        rest = &rest[12 + length..];
    }
    Ivf {
        codec: bytes[8..12].try_into().unwrap(),
        size: (two(12), two(14)),
        frames,
    }
}

fn play(codec: VideoCodec) -> VideoSource {
    VideoSource::ivf(pattern(codec)).unwrap()
}

async fn peer(source: VideoSource, sink: VideoSink) -> Peer {
    let peer = Peer::new(OPUS, Source::silence(), Sink::discard()).await;
    peer.pc.add_video(source, sink).await.unwrap();
    peer
}

/// A connected call with video.
async fn call(alice: (VideoSource, VideoSink), bob: (VideoSource, VideoSink)) -> (Peer, Peer) {
    let mut alice = peer(alice.0, alice.1).await;
    let mut bob = peer(bob.0, bob.1).await;
    exchange(&alice, &bob, OfferOptions::default()).await;
    alice.connected().await;
    bob.connected().await;
    (alice, bob)
}

async fn sees(peer: &mut Peer) {
    peer.wait("video", |e| *e == PeerConnectionEvent::VideoReceived)
        .await;
}

async fn video_direction(peer: &Peer) -> Direction {
    peer.pc.current_direction(MediaKind::Video).await.unwrap()
}

async fn want_video(peer: &Peer, direction: Direction) {
    let set = peer.pc.set_direction(MediaKind::Video, direction);
    set.await.unwrap();
}

/// Waits until the peer has seen so many frames more.
async fn more_frames(peer: &Peer, more: u64) {
    let before = peer.pc.stats().await.video.frames_received;
    peer.until("more frames", |s| s.video.frames_received >= before + more)
        .await;
}

async fn next_frame(frames: &mut VideoFrameReceiver) -> VideoFrame {
    let frame = tokio::time::timeout(PATIENCE, frames.next()).await;
    frame.expect("a frame in time").expect("the sink is there")
}

/// A frame of the application: of VP8, with a size that needs several packets.
fn frame(number: u8, key: bool) -> VideoFrame {
    let mut data = vec![number; 3_000];
    data[0] = if key { 0x10 } else { 0x11 };
    VideoFrame::new(VP8, data, Duration::from_millis(40) * u32::from(number))
}

#[tokio::test]
async fn each_side_records_the_file_that_the_other_plays() {
    let (at_alice, at_bob) = (file("at-alice.ivf"), file("at-bob.ivf"));
    let (mut alice, mut bob) = call(
        (play(VP8), VideoSink::ivf(&at_alice).unwrap()),
        (play(H264), VideoSink::ivf(&at_bob).unwrap()),
    )
    .await;
    sees(&mut alice).await;
    sees(&mut bob).await;
    for peer in [&mut alice, &mut bob] {
        peer.wait("end of the file", |e| {
            *e == PeerConnectionEvent::VideoSourceEnded
        })
        .await;
    }
    let all = |s: &Stats| s.video.frames_received >= 75;
    let stats = alice.until("all frames", all).await.video;
    assert_eq!(stats.codec, Some(VP8));
    assert_eq!(stats.codec_received, Some(H264));
    assert!(stats.key_frames_received >= 3 && stats.key_frames_sent >= 3);
    assert!(stats.packets_received >= 75 && stats.bytes_received > 20_000);
    bob.until("all frames", all).await;
    // The pictures are counted before the file is complete.
    for peer in [&alice, &bob] {
        peer.pc.close();
        peer.pc.closed().await;
    }
    for (recorded, played) in [(&at_alice, pattern(H264)), (&at_bob, pattern(VP8))] {
        let (recorded_ivf, played) = (read_ivf(recorded), read_ivf(&played));
        assert_eq!(recorded_ivf.codec, played.codec);
        assert_eq!(recorded_ivf.size, (160, 120));
        // A key frame request at the beginning may have sent the file back to its start.
        let frames = &recorded_ivf.frames;
        let tail = &frames[frames.len() - 75..];
        for (number, (seen, shown)) in tail.iter().zip(&played.frames).enumerate() {
            assert!(seen.1 == shown.1, "frame {number} is another");
        }
        let gaps = tail.windows(2).map(|pair| pair[1].0 - pair[0].0);
        for gap in gaps {
            assert!((3_590..=3_610).contains(&gap), "25 frames a second: {gap}");
        }
        std::fs::remove_file(recorded).unwrap();
    }
}

#[tokio::test]
async fn frames_and_key_frame_requests_of_the_application_go_both_ways() {
    let (to_bob, from_alice) = VideoSource::frames();
    let (to_alice, from_bob) = VideoSource::frames();
    let (sink_of_alice, mut at_alice) = VideoSink::frames();
    let (sink_of_bob, mut at_bob) = VideoSink::frames();
    assert_eq!(to_bob.codec(), None);
    let (mut alice, mut bob) = call((from_alice, sink_of_alice), (from_bob, sink_of_bob)).await;
    assert_eq!(to_bob.codec(), Some(VP8), "the first of both");
    for (sender, receiver, name) in [
        (&to_bob, &mut at_bob, "alice"),
        (&to_alice, &mut at_alice, "bob"),
    ] {
        // The first frame must be a key frame, and others are left out until it comes.
        sender.key_frame_requested().await;
        sender.send(frame(1, false)).await.unwrap();
        sender.send(frame(2, true)).await.unwrap();
        sender.send(frame(3, false)).await.unwrap();
        let first = next_frame(receiver).await;
        assert_eq!((first.data[1], first.key_frame), (2, true), "{name}");
        let second = next_frame(receiver).await;
        assert_eq!(second.data, frame(3, false).data, "{name}");
        let gap = second.timestamp - first.timestamp;
        assert_eq!(gap.as_millis(), 40, "{name}");
        receiver.request_key_frame();
        let asked = tokio::time::timeout(PATIENCE, sender.key_frame_requested());
        asked.await.expect("the request arrives");
        sender.send(frame(4, true)).await.unwrap();
        assert_eq!(next_frame(receiver).await.data[1], 4, "{name}");
    }
    for peer in [&mut alice, &mut bob] {
        peer.wait("request", |e| *e == PeerConnectionEvent::KeyFrameRequested)
            .await;
        let stats = peer.pc.stats().await.video;
        assert!(stats.key_frames_requested >= 1 && stats.key_frame_requests_received >= 1);
    }
}

#[tokio::test]
async fn lost_packets_are_sent_again() {
    for codec in [VP8, H264] {
        let (sink, mut frames) = VideoSink::frames();
        let mut alice = peer(play(codec), VideoSink::discard()).await;
        let mut bob = peer(VideoSource::none(), sink).await;
        let lost = Arc::new(AtomicU64::new(0));
        let count = lost.clone();
        let loss = move |datagram: &[u8]| match rtp(datagram) {
            // One in ten, when it is sent first; never what is sent again.
            Some((96 | 108, sequence)) if sequence.is_multiple_of(10) => {
                count.fetch_add(1, Ordering::Relaxed);
                true
            }
            _ => false,
        };
        exchange_over_wire(&alice, &bob, |sdp| sdp, loss).await;
        alice.connected().await;
        bob.connected().await;
        let mut shown = Vec::new();
        while shown.len() < 60 {
            shown.push(next_frame(&mut frames).await.data.to_vec());
        }
        let stats = bob.pc.stats().await.video;
        assert_eq!(stats.frames_dropped, 0, "{codec}: {stats:?}");
        assert!(lost.load(Ordering::Relaxed) >= 5);
        let played = read_ivf(&pattern(codec)).frames;
        let begin = shown.iter().rposition(|data| *data == played[0].1).unwrap();
        for (seen, expected) in shown[begin..].iter().zip(&played) {
            assert!(*seen == expected.1, "{codec}");
        }
    }
}

#[tokio::test]
async fn after_a_loss_that_nobody_repairs_a_key_frame_is_asked_for() {
    let (sink, mut frames) = VideoSink::frames();
    let mut alice = peer(play(VP8).repeat(true), VideoSink::discard()).await;
    let mut bob = peer(VideoSource::none(), sink).await;
    // A peer without retransmissions and feedback, as some SIP phones are.
    let plain = |sdp: String| {
        let lines = sdp.split_inclusive("\r\n");
        let kept = lines.filter(|line| {
            !["a=rtcp-fb", "a=ssrc", "a=rtpmap:97", "a=fmtp:97"]
                .iter()
                .any(|prefix| line.starts_with(prefix))
        });
        kept.collect::<String>()
            .replace("UDP/TLS/RTP/SAVPF 96 97 108 109", "RTP/SAVPF 96")
    };
    let mut packets = 0;
    let loss = move |datagram: &[u8]| {
        let video = rtp(datagram).is_some_and(|(number, _)| number == 96);
        packets += u32::from(video);
        // A piece in the middle, once.
        video && (40..43).contains(&packets)
    };
    exchange_over_wire(&alice, &bob, plain, loss).await;
    alice.connected().await;
    bob.connected().await;
    bob.until("a loss and the way out of it", |s| {
        s.video.frames_dropped >= 1 && s.video.key_frames_received >= 2
    })
    .await;
    alice
        .wait("request", |e| *e == PeerConnectionEvent::KeyFrameRequested)
        .await;
    more_frames(&bob, 20).await;
    // Each frame can be decoded: it follows the one before in the file, or is a key frame.
    let played = read_ivf(&pattern(VP8)).frames;
    let place = |data: &[u8]| played.iter().position(|(_, known)| known == data);
    let mut before: Option<usize> = None;
    while let Some(frame) = frames.try_next() {
        let place = place(&frame.data).expect("a frame of the file");
        assert!(
            frame.key_frame || before.map(|before| before + 1) == Some(place),
            "{before:?} {place}"
        );
        before = Some(place);
    }
}

#[tokio::test]
async fn hold_stops_the_video_and_unhold_goes_on_with_it() {
    let (mut alice, mut bob) = call(
        (play(VP8).repeat(true), VideoSink::discard()),
        (play(VP8).repeat(true), VideoSink::discard()),
    )
    .await;
    sees(&mut alice).await;
    sees(&mut bob).await;
    want_video(&alice, Direction::SendOnly).await;
    alice.want(Direction::SendOnly).await;
    exchange(&alice, &bob, OfferOptions::default()).await;
    assert_eq!(video_direction(&alice).await, Direction::SendOnly);
    assert_eq!(video_direction(&bob).await, Direction::RecvOnly);
    let sent = bob.pc.stats().await.video.frames_sent;
    more_frames(&bob, 10).await;
    let now = bob.pc.stats().await.video.frames_sent;
    assert_eq!(now, sent, "bob must send nothing");
    want_video(&alice, Direction::SendRecv).await;
    alice.want(Direction::SendRecv).await;
    exchange(&alice, &bob, OfferOptions::default()).await;
    sees(&mut alice).await;
    more_frames(&alice, 10).await;
    assert_eq!(alice.pc.stats().await.video.frames_dropped, 0);
}

#[tokio::test]
async fn muted_video_sends_nothing_and_begins_again_with_a_key_frame() {
    let (sink, mut frames) = VideoSink::frames();
    let (alice, bob) = call(
        (play(VP8).repeat(true), VideoSink::discard()),
        (VideoSource::none(), sink),
    )
    .await;
    more_frames(&bob, 5).await;
    alice.pc.set_enabled(MediaKind::Video, false);
    let sent = alice.pc.stats().await.video.frames_sent;
    let audio = bob.pc.stats().await.packets_received;
    bob.until("audio goes on", |s| s.packets_received >= audio + 15)
        .await;
    assert_eq!(alice.pc.stats().await.video.frames_sent, sent);
    while frames.try_next().is_some() {}
    alice.pc.set_enabled(MediaKind::Video, true);
    assert!(next_frame(&mut frames).await.key_frame);
    assert_eq!(bob.pc.stats().await.video.frames_dropped, 0);
}

#[tokio::test]
async fn video_is_added_to_a_call_and_taken_away_again() {
    let mut alice = Peer::new(OPUS, Source::tone(440.0), Sink::discard()).await;
    let mut bob = Peer::new(OPUS, Source::tone(660.0), Sink::discard()).await;
    exchange(&alice, &bob, OfferOptions::default()).await;
    alice.connected().await;
    bob.connected().await;
    for peer in [&alice, &bob] {
        let added = peer
            .pc
            .add_video(play(VP8).repeat(true), VideoSink::discard());
        added.await.unwrap();
        let again = peer.pc.add_video(VideoSource::none(), VideoSink::discard());
        assert!(matches!(again.await, Err(MediaError::VideoExists)));
    }
    exchange(&alice, &bob, OfferOptions::default()).await;
    sees(&mut alice).await;
    sees(&mut bob).await;
    // A path found anew carries both.
    exchange(&bob, &alice, OfferOptions { ice_restart: true }).await;
    more_frames(&alice, 10).await;
    more_frames(&bob, 10).await;

    bob.pc.remove_video();
    exchange(&bob, &alice, OfferOptions::default()).await;
    assert_eq!(video_direction(&alice).await, Direction::Inactive);
    assert_eq!(video_direction(&bob).await, Direction::Inactive);
    let sent = alice.pc.stats().await.video.frames_sent;
    let heard = alice.pc.stats().await.packets_received;
    alice
        .until("audio goes on", |s| s.packets_received >= heard + 15)
        .await;
    assert_eq!(alice.pc.stats().await.video.frames_sent, sent);
    let offer = alice.offer(OfferOptions::default()).await;
    assert!(offer.sdp.contains("m=video 0 "), "{}", offer.sdp);
    alice
        .pc
        .set_local_description(SessionDescription::rollback())
        .await
        .unwrap();

    for peer in [&alice, &bob] {
        let added = peer
            .pc
            .add_video(play(H264).repeat(true), VideoSink::discard());
        added.await.unwrap();
    }
    exchange(&alice, &bob, OfferOptions::default()).await;
    sees(&mut alice).await;
    sees(&mut bob).await;
    assert_eq!(alice.pc.stats().await.video.codec_received, Some(H264));
}

#[tokio::test]
async fn video_offered_to_one_who_has_none_is_declined_and_the_audio_lives() {
    let mut alice = peer(play(VP8), VideoSink::discard()).await;
    let mut bob = Peer::new(OPUS, Source::tone(440.0), Sink::discard()).await;
    let offer = alice.offer(OfferOptions::default()).await;
    assert!(offer.sdp.contains("a=group:BUNDLE 0 1"), "{}", offer.sdp);
    bob.pc.set_remote_description(offer).await.unwrap();
    let answer = bob.answer().await;
    assert!(answer.sdp.contains("m=video 0 "), "{}", answer.sdp);
    alice.pc.set_remote_description(answer).await.unwrap();
    alice.hears().await;
    bob.hears().await;
    assert_eq!(video_direction(&alice).await, Direction::Inactive);
    assert_eq!(alice.pc.stats().await.video.frames_sent, 0);
}

#[tokio::test]
async fn a_call_of_video_alone_works() {
    let mut alice = Peer::bare(OPUS);
    let mut bob = Peer::bare(OPUS);
    let added = alice.pc.add_video(play(H264), VideoSink::discard());
    added.await.unwrap();
    let added = bob.pc.add_video(VideoSource::none(), VideoSink::discard());
    added.await.unwrap();
    exchange(&alice, &bob, OfferOptions::default()).await;
    alice.connected().await;
    sees(&mut bob).await;
    assert_eq!(video_direction(&bob).await, Direction::RecvOnly);
    exchange(&alice, &bob, OfferOptions { ice_restart: true }).await;
    more_frames(&bob, 5).await;
}

#[tokio::test]
async fn an_answer_that_does_not_bundle_the_video_declines_it() {
    let alice = peer(play(VP8), VideoSink::discard()).await;
    let bob = peer(play(VP8), VideoSink::discard()).await;
    let offer = alice.offer(OfferOptions::default()).await;
    bob.pc.set_remote_description(offer).await.unwrap();
    let mut answer = bob.answer().await;
    answer.sdp = answer.sdp.replace("a=group:BUNDLE 0 1\r\n", "");
    alice.pc.set_remote_description(answer).await.unwrap();
    assert_eq!(video_direction(&alice).await, Direction::Inactive);
    assert_eq!(alice.direction().await, Direction::SendRecv);
}
