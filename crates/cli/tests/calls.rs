//! Calls from one run of the command to another, directly over UDP.

mod common;

use common::{Running, answering, file, names, run, speech};

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
