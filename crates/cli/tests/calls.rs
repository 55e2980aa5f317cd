//! Calls from one run of the command to another, directly over UDP.

mod common;

use common::{Running, answering, file, names, pattern, run, speech};

#[test]
fn a_call_plays_records_sends_tones_and_ends_on_both_sides() {
    let heard = file("heard.wav");
    let (mut bob, address) =
        answering(&["--record", heard.to_str().expect("a plain path"), "--once"]);
    let speech = speech();
    let speech = speech.to_str().expect("a plain path");
    let call = run(&[
        "call",
        &address,
        "--from",
        "sip:alice@127.0.0.1",
        "--play",
        speech,
        "--dtmf",
        "1#",
        "--duration",
        "1500ms",
        "--codec",
        "pcmu",
        "--loopback",
        "--json",
    ]);
    assert_eq!(call.code, 0, "{}", call.err);
    let lines = call.lines();
    assert_eq!(
        names(&lines),
        [
            "connecting",
            "progress",
            "accepted",
            "confirmed",
            "newDTMF",
            "newDTMF",
            "ended"
        ]
    );
    let summary = lines.last().expect("a line");
    assert_eq!(
        (&summary["event"], &summary["codec"]),
        (&"summary".into(), &"PCMU".into())
    );
    assert!(summary["packets_sent"].as_u64() > Some(10), "{summary}");
    assert!(
        summary["dtls"].is_string() && summary["srtp"].is_string(),
        "{summary}"
    );

    let incoming = bob.wait_for("incoming");
    assert_eq!(incoming["from"], "sip:alice@127.0.0.1");
    let (code, events) = bob.finish();
    assert_eq!(code, 0);
    assert_eq!(
        names(&events),
        [
            "progress",
            "connecting",
            "accepted",
            "confirmed",
            "newDTMF",
            "newDTMF",
            "ended"
        ]
    );
    let tones: Vec<_> = events
        .iter()
        .filter_map(|event| event["tone"].as_str())
        .collect();
    assert_eq!(tones, ["1", "#"]);
    let ended = events
        .iter()
        .find(|event| event["event"] == "ended")
        .expect("an end");
    assert_eq!(
        (&ended["cause"], &ended["originator"]),
        (&"Terminated".into(), &"remote".into())
    );
    let summary = events.last().expect("a line");
    assert!(summary["packets_received"].as_u64() > Some(10), "{summary}");
    assert!(
        summary["dtls"].is_string() && summary["srtp"].is_string(),
        "{summary}"
    );
    assert!(heard.metadata().expect("the recording").len() > 8_000);
    let _ = std::fs::remove_file(heard);
}

#[test]
fn a_call_plays_a_video_and_records_the_others() {
    let (here, there) = (file("here.ivf"), file("there.ivf"));
    let path = |path: &std::path::PathBuf| path.to_str().expect("a plain path").to_owned();
    let (bob, address) = answering(&[
        "--play-video",
        &path(&pattern("h264")),
        "--repeat-video",
        "--record-video",
        &path(&there),
        "--once",
    ]);
    let call = run(&[
        "call",
        &address,
        "--play-video",
        &path(&pattern("vp8")),
        "--record-video",
        &path(&here),
        "--duration",
        "2s",
        "--loopback",
        "--json",
    ]);
    assert_eq!(call.code, 0, "{}", call.err);
    let lines = call.lines();
    let name = |line: &serde_json::Value| line["event"].as_str().map(str::to_owned);
    let names: Vec<_> = lines.iter().filter_map(name).collect();
    assert!(
        names.contains(&"media:videoreceived".to_owned()),
        "{names:?}"
    );
    let video = &lines.last().expect("a line")["video"];
    assert_eq!(
        (&video["codec"], &video["codec_received"]),
        (&"VP8".into(), &"H264".into())
    );
    for number in ["frames_sent", "frames_received"] {
        assert!(video[number].as_u64() > Some(20), "{number}: {video}");
    }
    for number in ["key_frames_sent", "key_frames_received"] {
        assert!(video[number].as_u64() >= Some(1), "{number}: {video}");
    }
    let (code, events) = bob.finish();
    assert_eq!(code, 0);
    let video = &events.last().expect("a line")["video"];
    assert_eq!(video["codec_received"], "VP8");
    for (recorded, codec) in [(&here, b"H264"), (&there, b"VP80")] {
        let bytes = std::fs::read(recorded).expect("the recording");
        assert_eq!(&bytes[8..12], codec);
        assert!(bytes.len() > 5_000, "{}", bytes.len());
        let _ = std::fs::remove_file(recorded);
    }
}

#[test]
fn a_phone_without_video_declines_it_and_the_call_goes_on() {
    let (bob, address) = answering(&["--echo", "--once"]);
    let clip = pattern("vp8");
    let call = run(&[
        "call",
        &address,
        "--play-video",
        clip.to_str().expect("a plain path"),
        "--duration",
        "500ms",
        "--loopback",
    ]);
    assert_eq!(call.code, 0, "{}", call.err);
    assert!(!call.out.contains("video received"), "{}", call.out);
    assert_eq!(bob.finish().0, 0);
}

#[test]
fn ctrl_c_hangs_up_a_call_that_stands() {
    let (bob, address) = answering(&["--echo", "--once"]);
    let mut alice = Running::start(&["call", &address, "--loopback"]);
    alice.wait_for("confirmed");
    alice.interrupt();
    let (code, events) = alice.finish();
    assert_eq!(code, 0, "{events:#?}");
    assert_eq!(names(&events).last(), Some(&"ended"));
    let (code, events) = bob.finish();
    let ended = events
        .iter()
        .find(|event| event["event"] == "ended")
        .expect("a BYE");
    assert_eq!((code, &ended["originator"]), (0, &"remote".into()));
}

#[test]
fn ctrl_c_cancels_a_call_that_rings() {
    let (bob, address) = answering(&["--ring", "60s", "--once"]);
    let mut alice = Running::start(&["call", &address, "--loopback"]);
    alice.wait_for("progress");
    alice.interrupt();
    let (code, events) = alice.finish();
    assert_eq!(code, 130, "{events:#?}");
    let (code, events) = bob.finish();
    let failed = events
        .iter()
        .find(|event| event["event"] == "failed")
        .expect("a CANCEL");
    assert_eq!((code, &failed["cause"]), (0, &"Canceled".into()));
}

#[test]
fn ctrl_c_at_the_callee_hangs_up_its_calls() {
    let (mut bob, address) = answering(&["--echo"]);
    let mut alice = Running::start(&["call", &address, "--loopback"]);
    alice.wait_for("confirmed");
    bob.wait_for("confirmed");
    bob.interrupt();
    let (code, events) = bob.finish();
    assert_eq!(
        (code, names(&events).last()),
        (0, Some(&"ended")),
        "{events:#?}"
    );
    let (code, events) = alice.finish();
    let ended = events
        .iter()
        .find(|event| event["event"] == "ended")
        .expect("a BYE");
    assert_eq!((code, &ended["originator"]), (0, &"remote".into()));
}

#[test]
fn verbose_shows_the_messages_and_no_media_key() {
    let (_bob, address) = answering(&["--reject", "486"]);
    let call = run(&["call", &address, "--loopback", "-v"]);
    assert_eq!(call.code, 7);
    assert!(
        call.err.contains("INVITE sip:bob@") && call.err.contains("SIP/2.0 486"),
        "{}",
        call.err
    );
    assert!(call.err.contains("a=ice-pwd:***\n"), "{}", call.err);
    assert!(!call.out.contains("SIP/2.0"), "{}", call.out);
}

#[test]
fn a_call_over_several_codecs_takes_the_one_both_have() {
    let (bob, address) = answering(&["--echo", "--codec", "pcma", "--once"]);
    let call = run(&[
        "call",
        &address,
        "--loopback",
        "--json",
        "--duration",
        "500ms",
    ]);
    assert_eq!(call.code, 0, "{}", call.err);
    assert_eq!(call.lines().last().expect("a line")["codec"], "PCMA");
    assert_eq!(bob.finish().0, 0);
}
