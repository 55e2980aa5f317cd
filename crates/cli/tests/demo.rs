//! `offhook demo`, in a file of its own: it plays and records in real time, and shall not have to
//! share the machine with other calls.

mod common;

use std::sync::Mutex;

use common::{Finished, Running, run};
use serde_json::Value;

/// One demo at a time.
static STAGE: Mutex<()> = Mutex::new(());

/// Runs the demo. A machine that was too busy to play sound in time gets another chance; it says
/// itself that this was the reason.
fn demo(args: &[&str]) -> Finished {
    let args = [&["demo"], args].concat();
    let busy = |demo: &Finished| demo.code == 11 && demo.err.contains("Sound came too late");
    let mut demo = run(&args);
    for _ in 0..3 {
        if busy(&demo) {
            demo = run(&args);
        }
    }
    demo
}

#[test]
fn the_demo_holds_what_it_promises() {
    let _alone = STAGE.lock();
    let demo = demo(&["--json"]);
    assert_eq!(demo.code, 0, "{}\n{}", demo.out, demo.err);
    let lines = demo.lines();
    let result = lines.last().expect("a line");
    assert_eq!(
        (&result["ok"], &result["codec"]),
        (&true.into(), &"PCMU".into())
    );
    assert_eq!(result["dtmf_received"], "1234#");
    assert!(
        result["setup_ms"].as_f64().is_some_and(|ms| ms > 0.0),
        "{result}"
    );
    assert!(result["packets_sent"].as_u64() > Some(100), "{result}");
    assert!(result["packets_received"].as_u64() > Some(100), "{result}");
    assert!(
        result["audio_correlation"].as_f64() >= Some(0.9),
        "{result}"
    );
    for side in ["alice", "bob"] {
        let events = result["events"][side].as_array().expect("the names");
        assert_eq!(events.last(), Some(&Value::from("ended")), "{result}");
    }
}

#[test]
fn the_demo_shows_both_sides_and_a_table() {
    let _alone = STAGE.lock();
    let demo = demo(&["--codec", "opus"]);
    assert_eq!(demo.code, 0, "{}\n{}", demo.out, demo.err);
    for part in [
        "alice",
        "bob",
        "confirmed",
        "newDTMF 1 (remote)",
        "setup time",
        "audio match",
    ] {
        assert!(
            demo.out.contains(part),
            "{part:?} is missing in {}",
            demo.out
        );
    }
    assert!(!demo.out.contains("FAILED"), "{}", demo.out);
}

#[test]
fn ctrl_c_ends_the_demo() {
    let _alone = STAGE.lock();
    let mut demo = Running::start(&["demo"]);
    demo.wait_for("confirmed");
    demo.interrupt();
    let (code, events) = demo.finish();
    assert_eq!(code, 130, "{events:#?}");
}
