//! Phones that are steered by lines, over an exchange.

mod common;

use common::{Running, file, speech};
use serde_json::Value;

/// An exchange for alice, bob and carol, and its WebSocket address.
fn exchange() -> (Running, String) {
    let mut exchange = Running::start(&[
        "exchange",
        "--listen",
        "ws:127.0.0.1:0",
        "--user",
        "alice:alicepw",
        "--user",
        "bob:bobpw",
        "--user",
        "carol:carolpw",
    ]);
    let listening = exchange.wait_for("listening");
    let server = listening["ws"].as_str().expect("a URL").to_owned();
    (exchange, server)
}

fn phone(server: &str, user: &str, more: &[&str]) -> Running {
    let address = format!("sip:{user}@localhost");
    let password = format!("{user}pw");
    let base = [
        "phone",
        &address,
        "--password",
        &password,
        "--server",
        server,
        "--loopback",
    ];
    let mut phone = Running::start(&[&base[..], more].concat());
    phone.wait_for("registered");
    phone
}

/// A call of alice to bob that stands: the two of them.
fn talk(server: &str) -> (Running, Running) {
    let mut alice = phone(server, "alice", &[]);
    let mut bob = phone(server, "bob", &[]);
    alice.say("call sip:bob@localhost");
    assert_eq!(alice.wait_for("calling")["call"], 1);
    let incoming = bob.wait_for("incoming");
    assert_eq!(incoming["from"], "sip:alice@localhost");
    assert_eq!(incoming["replaces"], false);
    bob.say("answer");
    alice.wait_for("confirmed");
    bob.wait_for("confirmed");
    (alice, bob)
}

fn by(originator: &str) -> impl Fn(&Value) -> bool {
    move |event| event["originator"] == originator
}

/// Types a line that has its effect at once.
fn does(phone: &mut Running, line: &str) {
    phone.say(line);
    phone.wait_for_one("command:done", |done| done["command"] == line);
}

/// The only call, as `calls` shows it.
fn only_call(phone: &mut Running) -> Value {
    phone.say("calls");
    let mut calls = phone.wait_for("calls");
    assert_eq!(calls["calls"].as_array().map(Vec::len), Some(1), "{calls}");
    calls["calls"][0].take()
}

#[test]
fn two_phones_hold_mute_send_tones_and_text_and_hang_up() {
    let (mut exchange, server) = exchange();
    let (mut alice, mut bob) = talk(&server);

    for (verb, over) in [("hold", "unhold"), ("hold update", "unhold update")] {
        alice.say(verb);
        bob.wait_for_one("hold", by("remote"));
        let done = alice.wait_for("renegotiate:done");
        assert_eq!(done["error"], Value::Null, "{done}");
        assert_eq!(only_call(&mut alice)["hold"]["local"], true);
        assert_eq!(only_call(&mut bob)["hold"]["remote"], true);
        alice.say(over);
        bob.wait_for_one("unhold", by("remote"));
        alice.wait_for("renegotiate:done");
    }

    bob.say("mute");
    bob.wait_for("muted");
    assert_eq!(only_call(&mut bob)["muted"]["audio"], true);
    bob.say("unmute 1 audio");
    bob.wait_for("unmuted");

    for (how, tones) in [("info", "12#"), ("rtp", "*9D")] {
        alice.say(&format!("dtmf {tones} {how} duration 80ms gap 80ms"));
        for tone in tones.chars() {
            let heard = bob.wait_for_one("newDTMF", by("remote"));
            assert_eq!(
                (&heard["tone"], &heard["by"]),
                (&tone.to_string().into(), &how.into())
            );
        }
    }

    bob.say("info text/plain two  words");
    let info = alice.wait_for_one("newInfo", by("remote"));
    assert_eq!(
        (&info["content_type"], &info["body"]),
        (&"text/plain".into(), &"two  words".into())
    );
    assert_eq!(bob.wait_for("info:delivered")["status"], 200);

    let heard = file("heard-by-bob.wav");
    does(&mut bob, &format!("record {}", heard.display()));
    alice.say(&format!("play 1 {}", speech().display()));
    alice.wait_for("media:playedout");
    bob.say("stats");
    assert!(bob.wait_for("stats")["packets_received"].as_u64() > Some(50));

    bob.say("hang-up");
    alice.wait_for_one("ended", by("remote"));
    assert_eq!(bob.wait_for("summary")["call"], 1);
    let size = std::fs::metadata(&heard).expect("it was recorded").len();
    assert!(size > 16_000, "{size} bytes of sound were recorded");
    let _ = std::fs::remove_file(heard);

    alice.say("quit");
    bob.say_no_more();
    for phone in [alice, bob] {
        assert_eq!(phone.finish().0, 0);
    }
    for _ in 0..2 {
        exchange.wait_for("unregistered");
    }
}

#[test]
fn a_wrong_command_is_told_and_the_phone_goes_on() {
    let (_exchange, server) = exchange();
    let mut alice = phone(&server, "alice", &[]);
    for (line, message, advice) in [
        (
            "holt",
            "there is no command \"holt\"",
            "did you mean hold [N] [update]?",
        ),
        ("hold", "no call stands", "calls shows how each call stands"),
        ("hold 7", "there is no call 7", "there is none at all"),
        ("call", "whom to call is missing", "write call TARGET"),
        (
            "call http://example.com",
            "http://example.com",
            "help shows",
        ),
        (
            "reject 200",
            "\"200\" is no status from 300 to 699",
            "write reject",
        ),
        (
            "refer 1 to carol",
            "the number of the other call is missing",
            "write refer",
        ),
    ] {
        alice.say(line);
        let failed = alice.wait_for("command:failed");
        assert_eq!(failed["command"], line);
        for (name, part) in [("message", message), ("advice", advice)] {
            let text = failed[name].as_str().unwrap_or_default();
            assert!(text.contains(part), "{line}: {failed}");
        }
    }
    alice.say("call nobody");
    let failed = alice.wait_for("failed");
    assert_eq!(
        (&failed["status"], &failed["call"]),
        (&404.into(), &2.into()),
        "{failed}"
    );
    alice.say("status");
    let status = alice.wait_for("status");
    assert_eq!(status["registered"], true, "{status}");
    alice.interrupt();
    assert_eq!(alice.finish().0, 0);
}

#[test]
fn text_goes_to_another_phone_and_to_nobody() {
    let (_exchange, server) = exchange();
    let mut alice = phone(&server, "alice", &[]);
    let mut bob = phone(&server, "bob", &[]);
    alice.say("message bob Dinner  at eight? 你好");
    let message = bob.wait_for("message");
    assert_eq!(message["text"], "Dinner  at eight? 你好", "{message}");
    let from = message["from"].as_str().unwrap_or_default();
    assert!(from.contains("alice@localhost"), "{message}");
    assert_eq!(alice.wait_for("message:delivered")["to"], "bob");
    alice.say("message nobody Are you there?");
    let failed = alice.wait_for("message:failed");
    let why = failed["message"].as_str().unwrap_or_default();
    assert!(why.contains("404"), "{failed}");
}

#[test]
fn a_call_is_heard_before_it_is_answered_and_may_be_rejected() {
    let (_exchange, server) = exchange();
    let mut alice = phone(&server, "alice", &[]);
    let mut bob = phone(&server, "bob", &["--echo", "--no-ring"]);

    alice.say("call bob");
    bob.wait_for("incoming");
    bob.say("ring");
    alice.wait_for_one("progress", |progress| progress["status"] == 180);
    bob.say("progress");
    alice.wait_for_one("progress", |progress| progress["status"] == 183);
    alice.wait_for("media:audioreceived");
    bob.say("reject 486 In a meeting");
    let failed = alice.wait_for("failed");
    assert_eq!(failed["reason"], "In a meeting", "{failed}");
    bob.wait_for("summary");

    alice.say("call bob");
    assert_eq!(bob.wait_for("incoming")["call"], 2);
    alice.say("hang-up");
    alice.wait_for_one("failed", by("local"));
    assert_eq!(bob.wait_for("failed")["cause"], "Canceled");
}

#[test]
fn a_peer_is_passed_on_when_it_allows_that() {
    let (_exchange, server) = exchange();
    let (mut alice, mut bob) = talk(&server);
    let mut carol = phone(&server, "carol", &["--auto-answer"]);

    alice.say("refer sip:carol@localhost stay");
    assert_eq!(bob.wait_for("refer")["to"], "sip:carol@localhost");
    bob.wait_for("asked");
    bob.say("refuse 486");
    assert_eq!(alice.wait_for("refer:failed")["status"], 486);

    does(&mut bob, "accept-refers on");
    alice.say("refer sip:carol@localhost");
    assert_eq!(bob.wait_for("calling")["to"], "sip:carol@localhost");
    assert_eq!(alice.wait_for("refer:accepted")["status"], 200);
    alice.wait_for_one("ended", by("local"));
    carol.wait_for("confirmed");
    bob.wait_for_one("summary", |summary| summary["call"] == 1);
    assert_eq!(only_call(&mut bob)["remote"], "sip:carol@localhost");
}

#[test]
fn two_calls_become_one_without_the_one_who_was_in_both() {
    let (_exchange, server) = exchange();
    let (mut alice, mut bob) = talk(&server);
    let mut carol = phone(&server, "carol", &["--auto-answer"]);
    does(&mut bob, "accept-refers on");
    does(&mut carol, "accept-replaces on");

    alice.say("hold 1");
    alice.wait_for("renegotiate:done");
    alice.say("call carol");
    alice.wait_for_one("confirmed", |confirmed| confirmed["call"] == 2);
    alice.say("refer 1 to 2");
    carol.wait_for("replaces");
    assert_eq!(
        carol.wait_for_one("incoming", |call| call["call"] == 2)["replaces"],
        true
    );
    carol.wait_for_one("confirmed", |confirmed| confirmed["call"] == 2);
    assert_eq!(alice.wait_for("refer:accepted")["status"], 200);
    for phone in [&mut alice, &mut bob, &mut carol] {
        phone.wait_for("summary");
    }
    assert_eq!(only_call(&mut bob)["remote"], "sip:carol@localhost");
    assert_eq!(only_call(&mut carol)["remote"], "sip:bob@localhost");
}
