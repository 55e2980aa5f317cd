//! The exchange, and what goes through it.

mod common;

use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use common::{Running, names, run};

/// An exchange for alice and bob: the run, and its WebSocket address.
fn exchange() -> (Running, String) {
    exchange_with(&[])
}

fn exchange_with(more: &[&str]) -> (Running, String) {
    let base = [
        "exchange",
        "--listen",
        "ws:127.0.0.1:0",
        "--listen",
        "udp:127.0.0.1:0",
        "--user",
        "alice:alicepw",
        "--user",
        "bob:bobpw",
        "--domain",
        "localhost",
    ];
    let mut exchange = Running::start(&[&base[..], more].concat());
    let listening = exchange.wait_for("listening");
    let server = listening["ws"].as_str().expect("a URL").to_owned();
    assert!(server.starts_with("ws://127.0.0.1:"), "{listening}");
    let udp = listening["udp"].as_str().expect("an address");
    assert!(
        udp.parse::<std::net::SocketAddr>()
            .is_ok_and(|udp| udp.port() != 0),
        "{listening}"
    );
    (exchange, server)
}

fn bob(server: &str, more: &[&str]) -> Running {
    let base = [
        "answer",
        "sip:bob@localhost",
        "--password",
        "bobpw",
        "--server",
        server,
        "--loopback",
    ];
    let mut bob = Running::start(&[&base[..], more].concat());
    bob.wait_for("registered");
    bob
}

fn call(server: &str, target: &str, more: &[&str]) -> common::Finished {
    let base = [
        "call",
        target,
        "--from",
        "sip:alice@localhost",
        "--password",
        "alicepw",
        "--server",
        server,
        "--loopback",
        "--json",
    ];
    run(&[&base[..], more].concat())
}

#[test]
fn a_call_goes_through_and_is_echoed() {
    let (mut exchange, server) = exchange();
    let bob = bob(&server, &["--echo", "--once"]);
    let alice = call(
        &server,
        "sip:bob@localhost",
        &["--duration", "1s", "--dtmf", "5"],
    );
    assert_eq!(alice.code, 0, "{}", alice.err);
    let lines = alice.lines();
    let order = [
        "connecting",
        "progress",
        "accepted",
        "confirmed",
        "newDTMF",
        "ended",
    ];
    assert_eq!(names(&lines), order);
    let summary = lines.last().expect("a line");
    assert!(summary["packets_received"].as_u64() > Some(5), "{summary}");
    let (code, events) = bob.finish();
    assert_eq!(code, 0);
    assert!(
        events.iter().any(|event| event["tone"] == "5"),
        "{events:#?}"
    );
    exchange.wait_for("call:ended");
    exchange.wait_for("unregistered");
    exchange.interrupt();
    assert_eq!(exchange.finish().0, 0);
}

#[test]
fn a_wrong_password_is_told_when_registering_and_when_calling() {
    let (_exchange, server) = exchange();
    let answer = run(&[
        "answer",
        "sip:bob@localhost",
        "--password",
        "guess",
        "--server",
        &server,
    ]);
    assert_eq!(answer.code, 5, "{}", answer.err);
    assert!(
        answer
            .err
            .contains("refused the user name or password of sip:bob@localhost")
    );
    assert!(answer.err.contains("Check --password"), "{}", answer.err);
    let call = run(&[
        "call",
        "sip:bob@localhost",
        "--from",
        "sip:alice@localhost",
        "--password",
        "guess",
        "--server",
        &server,
        "--loopback",
    ]);
    assert_eq!(call.code, 5, "{}", call.err);
    assert!(call.err.contains("Check --password"), "{}", call.err);
}

#[test]
fn a_user_that_the_server_does_not_know_is_not_found() {
    let (_exchange, server) = exchange();
    let call = call(&server, "sip:carol@localhost", &[]);
    assert_eq!(call.code, 6, "{}", call.err);
    assert!(
        call.err.contains("sip:carol@localhost") && call.err.contains("404"),
        "{}",
        call.err
    );
}

#[test]
fn a_user_that_is_not_there_does_not_answer() {
    let (_exchange, server) = exchange();
    let call = call(&server, "sip:bob@localhost", &[]);
    assert_eq!(call.code, 8, "{}", call.err);
    assert!(call.err.contains("480"), "{}", call.err);
}

#[test]
fn a_busy_user_is_busy() {
    let (_exchange, server) = exchange();
    let _bob = bob(&server, &["--reject", "486"]);
    let call = call(&server, "sip:bob@localhost", &[]);
    assert_eq!(call.code, 7, "{}", call.err);
}

#[test]
fn ctrl_c_takes_the_registration_back() {
    let (mut exchange, server) = exchange();
    let bob = bob(&server, &[]);
    exchange.wait_for("registered");
    bob.interrupt();
    assert_eq!(bob.finish().0, 0);
    let gone = exchange.wait_for("unregistered");
    assert_eq!(gone["address"], "sip:bob@localhost");
}

#[test]
fn a_verbose_exchange_shows_what_passes_with_its_secrets_masked() {
    let (mut exchange, server) = exchange_with(&["-v"]);
    let _bob = bob(&server, &[]);
    exchange.wait_for("registered");
    let notes = exchange.notes();
    for shown in [
        "-- received from WS 127.0.0.1:",
        "-- sent to WS",
        "REGISTER sip:localhost SIP/2.0",
    ] {
        assert!(notes.contains(shown), "{shown:?} is missing in\n{notes}");
    }
    let credentials: Vec<&str> = notes
        .lines()
        .filter(|line| line.starts_with("Authorization:"))
        .collect();
    assert!(!credentials.is_empty(), "{notes}");
    for line in credentials {
        let response = line
            .split("response=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let digest = response
            .is_some_and(|text| text.len() >= 32 && text.bytes().all(|b| b.is_ascii_hexdigit()));
        assert!(!digest, "{line}");
    }
}

/// A way to a server that can be cut: its address, and what cuts all that go through it.
fn cuttable(server: &str) -> (String, impl Fn()) {
    let way = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("ws://{}", way.local_addr().expect("it is bound"));
    let server = server.trim_start_matches("ws://").to_owned();
    let open: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
    let all = Arc::clone(&open);
    std::thread::spawn(move || {
        for near in way.incoming().map_while(Result::ok) {
            let far = TcpStream::connect(&server).expect("the server listens");
            for (mut from, mut to) in [(&near, &far), (&far, &near)]
                .map(|(from, to)| (from.try_clone().expect("one"), to.try_clone().expect("one")))
            {
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
            all.lock().expect("nobody panics").extend([near, far]);
        }
    });
    let cut = move || {
        for stream in open.lock().expect("nobody panics").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    };
    (address, cut)
}

#[test]
fn who_lost_the_server_is_told_when_it_is_registered_again() {
    let (_exchange, server) = exchange();
    let (way, cut) = cuttable(&server);
    let mut bob = bob(&way, &[]);
    cut();
    bob.wait_for("disconnected");
    bob.wait_for("registered");
    let finished = call(&server, "sip:bob@localhost", &["--duration", "500ms"]);
    assert_eq!(finished.code, 0, "{}", finished.err);
}
