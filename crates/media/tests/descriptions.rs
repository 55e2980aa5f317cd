//! What is answered to descriptions as they are really sent.
//!
//! `descriptions/` holds offers shaped like those of browsers, gateways and media servers. Chrome
//! 156 was given the same list; where its answer differs from ours the row says why.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::fmt::Write as _;

use offhook_media::*;
use support::*;

const ALL: &[AudioCodec] = &[AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma];

fn description(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/descriptions");
    std::fs::read_to_string(format!("{folder}/{name}.sdp")).unwrap()
}

/// An SDP text in one line: each section's medium, profile, formats, direction, role, mid and
/// `mux`, or `declined`; then the groups.
fn summary(sdp: &str) -> String {
    let mut parts = Vec::new();
    let mut groups = String::new();
    let mut sections = sdp.split("\r\nm=");
    for line in sections.next().unwrap().lines() {
        if let Some(group) = line.strip_prefix("a=group:") {
            write!(groups, " [{group}]").unwrap();
        }
    }
    for section in sections {
        let mut lines = section.lines();
        let words: Vec<&str> = lines.next().unwrap().split(' ').collect();
        let attributes: Vec<&str> = lines.filter_map(|line| line.strip_prefix("a=")).collect();
        let value = |name: &str| {
            let found = attributes.iter().find_map(|a| a.strip_prefix(name));
            found.map(|value| value.to_owned())
        };
        let mid = value("mid:").map_or(String::new(), |mid| format!(" mid={mid}"));
        if words[1] == "0" {
            parts.push(format!("{} declined{mid}", words[0]));
            continue;
        }
        assert_ne!(words[1], "9", "a real port: {sdp}");
        let directions = ["sendrecv", "sendonly", "recvonly", "inactive"];
        let direction = attributes.iter().find(|a| directions.contains(*a));
        // Data channels have none.
        let direction = direction.map_or(String::new(), |direction| format!(" {direction}"));
        let mux = if attributes.contains(&"rtcp-mux") {
            " mux"
        } else {
            ""
        };
        parts.push(format!(
            "{} {}{direction} {}{mid}{mux}",
            words[0],
            words[2..].join(" "),
            value("setup:").unwrap(),
        ));
    }
    parts.join(" | ") + &groups
}

/// Chrome answers the same in all rows but these kinds: it takes video, which here was not added; it
/// speaks more codecs; it makes a mid up where the offer has none; and it answers both clock
/// rates of telephone events, though it then uses the wrong one.
const ANSWERS: &[(&str, &str)] = &[
    (
        "chrome-audio",
        "audio UDP/TLS/RTP/SAVPF 111 0 8 110 sendrecv active mid=0 mux [BUNDLE 0]",
    ),
    (
        "chrome-audio-video",
        "audio UDP/TLS/RTP/SAVPF 111 0 8 110 sendrecv active mid=0 mux | video declined mid=1 [BUNDLE 0]",
    ),
    (
        "chrome-audio-video-data",
        "audio UDP/TLS/RTP/SAVPF 111 0 8 110 sendrecv active mid=0 mux | video declined mid=1 \
         | application UDP/DTLS/SCTP webrtc-datachannel active mid=2 [BUNDLE 0 2]",
    ),
    (
        "chrome-video-first",
        "video declined mid=0 | audio UDP/TLS/RTP/SAVPF 111 0 8 110 sendrecv active mid=1 mux [BUNDLE 1]",
    ),
    (
        "data-only",
        "application UDP/DTLS/SCTP webrtc-datachannel active mid=2 [BUNDLE 2]",
    ),
    // Chrome carries it on a path of its own; here there is one.
    (
        "data-without-bundle",
        "audio UDP/TLS/RTP/SAVPF 0 8 101 sendrecv active mux | application declined",
    ),
    (
        "data-in-earlier-words",
        "audio UDP/TLS/RTP/SAVPF 0 8 101 sendrecv active mid=audio mux \
         | application DTLS/SCTP 5000 active mid=data [BUNDLE audio data]",
    ),
    // All that belongs to the path stands with the first section of the bundle.
    (
        "data-rides-along",
        "audio UDP/TLS/RTP/SAVPF 0 8 101 sendrecv active mid=a mux \
         | application UDP/DTLS/SCTP webrtc-datachannel active mid=d [BUNDLE a d]",
    ),
    (
        "data-rejected",
        "audio UDP/TLS/RTP/SAVPF 0 8 101 sendrecv active mid=a mux \
         | application declined mid=d [BUNDLE a]",
    ),
    (
        "rejected-video",
        "audio UDP/TLS/RTP/SAVPF 111 0 8 110 sendrecv active mid=0 mux | video declined mid=1 [BUNDLE 0]",
    ),
    (
        "video-without-bundle",
        "audio UDP/TLS/RTP/SAVPF 111 0 8 110 sendrecv active mid=0 mux | video declined mid=1",
    ),
    (
        "two-audio-sections",
        "audio UDP/TLS/RTP/SAVPF 111 0 8 110 sendrecv active mid=0 mux | audio declined mid=1 [BUNDLE 0]",
    ),
    // Only events of 8 kHz are offered beside Opus: better those than none.
    (
        "firefox-audio",
        "audio UDP/TLS/RTP/SAVPF 109 0 8 101 sendrecv active mid=0 mux [BUNDLE 0]",
    ),
    (
        "asterisk",
        "audio UDP/TLS/RTP/SAVPF 107 0 8 101 sendrecv active mux",
    ),
    (
        "freeswitch",
        "audio UDP/TLS/RTP/SAVPF 0 8 102 101 sendrecv active mux",
    ),
    (
        "rtpengine",
        "audio UDP/TLS/RTP/SAVPF 8 0 101 sendrecv active mux",
    ),
    (
        "janus",
        "audio UDP/TLS/RTP/SAVPF 0 8 sendrecv active mid=audio mux [BUNDLE audio]",
    ),
    (
        "no-mid-no-bundle",
        "audio UDP/TLS/RTP/SAVPF 0 8 101 sendrecv active mux",
    ),
    ("rtp-savpf", "audio RTP/SAVPF 0 8 101 sendrecv active mux"),
    (
        "udp-tls-rtp-savp",
        "audio UDP/TLS/RTP/SAVP 0 8 101 sendrecv active mux",
    ),
    (
        "rtp-avp-with-fingerprint",
        "audio RTP/AVP 0 8 101 sendrecv active mux",
    ),
    (
        "no-direction",
        "audio UDP/TLS/RTP/SAVPF 0 8 101 sendrecv active mux",
    ),
    // Chrome overlooks a direction in the session; RFC 8866 §6.7 says it counts.
    (
        "direction-in-session",
        "audio UDP/TLS/RTP/SAVPF 0 8 101 recvonly active mux",
    ),
    (
        "sendonly",
        "audio UDP/TLS/RTP/SAVPF 0 8 101 recvonly active mux",
    ),
    (
        "recvonly",
        "audio UDP/TLS/RTP/SAVPF 0 8 101 sendonly active mux",
    ),
    (
        "inactive",
        "audio UDP/TLS/RTP/SAVPF 0 8 101 inactive active mux",
    ),
    // Chrome refuses this one.
    (
        "no-rtcp-mux",
        "audio UDP/TLS/RTP/SAVPF 0 8 101 sendrecv active",
    ),
    (
        "no-setup",
        "audio UDP/TLS/RTP/SAVPF 0 8 101 sendrecv active mux",
    ),
    (
        "setup-active",
        "audio UDP/TLS/RTP/SAVPF 0 8 101 sendrecv passive mux",
    ),
    (
        "setup-passive",
        "audio UDP/TLS/RTP/SAVPF 0 8 101 sendrecv active mux",
    ),
    (
        "sha-1-fingerprint",
        "audio UDP/TLS/RTP/SAVPF 0 8 101 sendrecv active mux",
    ),
    (
        "no-rtpmap-for-static-types",
        "audio UDP/TLS/RTP/SAVPF 0 8 sendrecv active mux",
    ),
    ("no-common-codec", "audio declined"),
    ("rejected-audio", "audio declined"),
    (
        "fax-beside-audio",
        "audio UDP/TLS/RTP/SAVPF 0 8 101 sendrecv active mux | image declined",
    ),
];

/// Offers that cannot be answered, with a word of the reason. Chrome refuses the same.
const REFUSALS: &[(&str, &str)] = &[
    ("rtp-avp-plain", "a=ice-ufrag"),
    ("rtp-savp-sdes", "a=fingerprint"),
    ("no-ice", "a=ice-ufrag"),
];

/// The answers of one who has video too.
const VIDEO_ANSWERS: &[(&str, &str)] = &[
    (
        "chrome-audio-video",
        "audio UDP/TLS/RTP/SAVPF 111 0 8 110 sendrecv active mid=0 mux \
         | video UDP/TLS/RTP/SAVPF 96 97 sendrecv active mid=1 mux [BUNDLE 0 1]",
    ),
    (
        "chrome-audio-video-data",
        "audio UDP/TLS/RTP/SAVPF 111 0 8 110 sendrecv active mid=0 mux \
         | video UDP/TLS/RTP/SAVPF 96 97 sendrecv active mid=1 mux \
         | application UDP/DTLS/SCTP webrtc-datachannel active mid=2 [BUNDLE 0 1 2]",
    ),
    (
        "chrome-video-first",
        "video UDP/TLS/RTP/SAVPF 96 97 sendrecv active mid=0 mux \
         | audio UDP/TLS/RTP/SAVPF 111 0 8 110 sendrecv active mid=1 mux [BUNDLE 0 1]",
    ),
    // It would need a path of its own.
    (
        "video-without-bundle",
        "audio UDP/TLS/RTP/SAVPF 111 0 8 110 sendrecv active mid=0 mux | video declined mid=1",
    ),
    (
        "rejected-video",
        "audio UDP/TLS/RTP/SAVPF 111 0 8 110 sendrecv active mid=0 mux \
         | video declined mid=1 [BUNDLE 0]",
    ),
];

#[tokio::test]
async fn video_is_answered_by_one_who_has_some() {
    for (name, expected) in VIDEO_ANSWERS {
        let bob = Peer::new(ALL, Source::silence(), Sink::discard()).await;
        let (_sender, source) = VideoSource::frames();
        let added = bob.pc.add_video(source, VideoSink::discard());
        added.await.unwrap();
        let offer = SessionDescription::offer(description(name));
        bob.pc.set_remote_description(offer).await.unwrap();
        let answer = bob.answer().await;
        assert_eq!(summary(&answer.sdp), *expected, "{name}");
        bob.pc.close();
    }
}

#[tokio::test]
async fn every_description_has_its_answer() {
    let mut files: Vec<String> =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/descriptions"))
            .unwrap()
            .map(|entry| {
                entry
                    .unwrap()
                    .path()
                    .file_stem()
                    .unwrap()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
    files.sort();
    let rows = ANSWERS.iter().map(|(name, _)| *name);
    let mut named: Vec<&str> = rows.chain(REFUSALS.iter().map(|(name, _)| *name)).collect();
    named.sort_unstable();
    assert_eq!(files, named, "every file has one row");

    for (name, expected) in ANSWERS {
        let bob = Peer::new(ALL, Source::silence(), Sink::discard()).await;
        let offer = SessionDescription::offer(description(name));
        bob.pc
            .set_remote_description(offer)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let answer = bob.answer().await;
        assert_eq!(summary(&answer.sdp), *expected, "{name}");
        assert_eq!(answer.kind, SdpType::Answer);
        bob.pc.close();
    }
    for (name, word) in REFUSALS {
        let bob = Peer::new(ALL, Source::silence(), Sink::discard()).await;
        let offer = SessionDescription::offer(description(name));
        let error = bob.pc.set_remote_description(offer).await.unwrap_err();
        assert!(matches!(
            error,
            MediaError::Description { side: "remote", .. }
        ));
        assert!(error.to_string().contains(word), "{name}: {error}");
    }
}

#[tokio::test]
async fn an_offer_after_an_answer_keeps_sections_numbers_and_mids() {
    for (name, expected) in [
        (
            "chrome-video-first",
            "video declined mid=0 | audio UDP/TLS/RTP/SAVPF 111 0 8 110 126 sendrecv actpass mid=1 mux [BUNDLE 1]",
        ),
        (
            "asterisk",
            "audio UDP/TLS/RTP/SAVPF 107 0 8 110 101 sendrecv actpass mux",
        ),
        (
            "rtp-savpf",
            "audio RTP/SAVPF 111 0 8 110 101 sendrecv actpass mux",
        ),
    ] {
        let bob = Peer::new(ALL, Source::silence(), Sink::discard()).await;
        let offer = SessionDescription::offer(description(name));
        bob.pc.set_remote_description(offer).await.unwrap();
        bob.answer().await;
        let offer = bob.offer(OfferOptions::default()).await;
        assert_eq!(summary(&offer.sdp), expected, "{name}");
    }
}

/// An answer to our offer, which a peer might give. It is the answer of one of our own, changed.
async fn changed_answer(change: impl Fn(&str) -> String) -> (Peer, Result<(), MediaError>) {
    let alice = Peer::new(ALL, Source::silence(), Sink::discard()).await;
    let bob = Peer::new(ALL, Source::silence(), Sink::discard()).await;
    let offer = alice.offer(OfferOptions::default()).await;
    bob.pc.set_remote_description(offer).await.unwrap();
    let answer = change(&bob.answer().await.sdp);
    let result = alice
        .pc
        .set_remote_description(SessionDescription::answer(answer))
        .await;
    (alice, result)
}

fn without(sdp: &str, prefixes: &[&str]) -> String {
    let kept = sdp
        .lines()
        .filter(|line| !prefixes.iter().any(|prefix| line.starts_with(prefix)));
    kept.map(|line| format!("{line}\r\n")).collect()
}

#[tokio::test]
async fn answers_that_leave_things_out_are_taken() {
    for gone in [
        &["a=mid", "a=group"][..],
        &["a=sendrecv"],
        &["a=setup"],
        &["a=rtcp-mux"],
        &["a=ssrc", "a=msid"],
        &["a=extmap"],
    ] {
        let (alice, result) = changed_answer(|sdp| without(sdp, gone)).await;
        result.unwrap_or_else(|error| panic!("without {gone:?}: {error}"));
        assert_eq!(alice.direction().await, Direction::SendRecv);
    }
}

#[tokio::test]
async fn an_answer_that_rejects_the_audio_is_taken_and_nothing_flows() {
    let reject = |sdp: &str| {
        let lines = sdp.lines().map(|line| match line.strip_prefix("m=audio ") {
            Some(rest) => format!("m=audio 0 {}\r\n", rest.split_once(' ').unwrap().1),
            None => format!("{line}\r\n"),
        });
        lines.collect::<String>()
    };
    let (alice, result) = changed_answer(reject).await;
    result.unwrap();
    assert_eq!(alice.direction().await, Direction::Inactive);
    assert_eq!(alice.pc.stats().await.codec, None);
}

#[tokio::test]
async fn an_answer_with_fewer_lines_rejects_the_rest() {
    // Bob was offered audio and video; now he offers both lines, and the answer has only audio.
    let bob = Peer::new(ALL, Source::silence(), Sink::discard()).await;
    let offer = SessionDescription::offer(description("chrome-audio-video"));
    bob.pc.set_remote_description(offer).await.unwrap();
    bob.answer().await;
    bob.offer(OfferOptions::default()).await;
    let short = description("chrome-audio").replace("a=setup:actpass", "a=setup:passive");
    bob.pc
        .set_remote_description(SessionDescription::answer(short))
        .await
        .unwrap();
    assert_eq!(bob.direction().await, Direction::SendRecv);
}

#[tokio::test]
async fn an_answer_that_leaves_the_roles_open_keeps_those_of_the_connection() {
    type Change = fn(&str) -> String;
    let changes: [Change; 2] = [
        |sdp| sdp.replace("setup:active", "setup:actpass"),
        |sdp| without(sdp, &["a=setup"]),
    ];
    for change in changes {
        let (alice, result) = changed_answer(str::to_owned).await;
        result.unwrap();
        let answer = alice.pc.remote_description().await.unwrap().sdp;
        alice.offer(OfferOptions::default()).await;
        let open = SessionDescription::answer(change(&answer));
        alice.pc.set_remote_description(open).await.unwrap();
        assert_eq!(alice.direction().await, Direction::SendRecv);
        // Alice is passive, as the offerer usually is, and stays it.
        let offer = SessionDescription::offer(answer.replace("setup:active", "setup:actpass"));
        alice.pc.set_remote_description(offer).await.unwrap();
        let answer = alice.answer().await.sdp;
        assert!(answer.contains("a=setup:passive"), "{answer}");
    }
}

#[tokio::test]
async fn answers_that_cannot_be_are_refused_with_the_reason() {
    type Change = fn(&str) -> String;
    let cases: [(&str, Change); 6] = [
        ("a=fingerprint", |sdp| without(sdp, &["a=fingerprint"])),
        ("a=ice-ufrag", |sdp| without(sdp, &["a=ice-"])),
        ("actpass", |sdp| {
            sdp.replace("setup:active", "setup:actpass")
        }),
        ("video", |sdp| sdp.replace("m=audio", "m=video")),
        ("2 m= lines", |sdp| {
            format!("{sdp}m=video 0 UDP/TLS/RTP/SAVPF 96\r\n")
        }),
        ("GSM", |sdp| {
            without(sdp, &["a=rtpmap", "a=fmtp"]).replace("SAVPF 111 0 8 110", "SAVPF 3")
        }),
    ];
    for (word, change) in cases {
        let (alice, result) = changed_answer(change).await;
        let error = result.expect_err(word).to_string();
        assert!(error.contains(word), "{word}: {error}");
        // The offer still stands: a right answer may follow.
        let rollback = SessionDescription::rollback();
        alice.pc.set_local_description(rollback).await.unwrap();
    }
}

#[tokio::test]
async fn an_application_may_take_codecs_out_of_the_description_it_sets() {
    let alice = Peer::new(ALL, Source::silence(), Sink::discard()).await;
    let bob = Peer::new(ALL, Source::silence(), Sink::discard()).await;
    let offer = alice
        .pc
        .create_offer(OfferOptions::default())
        .await
        .unwrap();
    let sdp = without(
        &offer.sdp,
        &["a=rtpmap:111", "a=fmtp:111", "a=rtpmap:110", "a=fmtp:110"],
    );
    let sdp = sdp.replace("SAVPF 111 0 8 110 126", "SAVPF 8 126");
    alice
        .pc
        .set_local_description(SessionDescription::offer(sdp))
        .await
        .unwrap();
    let offer = alice.pc.local_description().await.unwrap();
    bob.pc.set_remote_description(offer).await.unwrap();
    let answer = bob.answer().await;
    alice.pc.set_remote_description(answer).await.unwrap();
    assert_eq!(alice.pc.stats().await.codec.as_deref(), Some("PCMA"));
    let foreign = SessionDescription::offer(description("chrome-audio"));
    let error = alice.pc.set_local_description(foreign).await.unwrap_err();
    assert!(error.to_string().contains("create_offer"), "{error}");
}
