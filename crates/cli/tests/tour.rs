//! `offhook demo --tour`, in a file of its own: it measures sound in real time, and shall not have
//! to share the machine with other calls.

mod common;

use common::run;

/// The steps that the tour goes through, in order.
const STEPS: [&str; 23] = [
    "a call that lasts",
    "early media",
    "call",
    "DTMF by INFO",
    "DTMF by RTP",
    "INFO",
    "mute by alice",
    "mute by bob",
    "hold by alice",
    "hold by bob",
    "hold by both",
    "renegotiate by re-INVITE",
    "renegotiate by UPDATE",
    "ICE restart",
    "hang up",
    "blind transfer",
    "attended transfer",
    "rejected transfer",
    "failed transfer",
    "CANCEL",
    "busy",
    "lost connection",
    "session refresh",
];

#[test]
fn the_tour_goes_through_every_step() {
    let tour = run(&["demo", "--tour", "--json"]);
    assert_eq!(tour.code, 0, "{}\n{}", tour.out, tour.err);
    let lines = tour.lines();
    let (result, steps) = lines.split_last().expect("a line");
    assert_eq!(result["event"], "result");
    assert_eq!(result["ok"], true);
    assert_eq!(result["steps"], serde_json::json!(STEPS));
    assert!(result["took_ms"].as_f64() < Some(120_000.0), "{result}");
    assert_eq!(steps.len(), STEPS.len(), "{}", tour.out);
    for (line, step) in steps.iter().zip(STEPS) {
        assert_eq!(line["event"], "step");
        assert_eq!((&line["step"], &line["ok"]), (&step.into(), &true.into()));
        let checked = line["checked"].as_str().unwrap_or_default();
        assert!(!checked.is_empty(), "{line}");
    }
}

#[test]
fn the_tour_plays_no_file() {
    let tour = run(&["demo", "--tour", "--play", "speech.wav"]);
    assert_eq!(tour.code, 2, "{}\n{}", tour.out, tour.err);
    assert!(tour.err.contains("--play"), "{}", tour.err);
}
