//! A plain mistake gets a plain answer: an exit code of its own, and a sentence that says what
//! to do.

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};

use common::{Finished, answering, file, run};

#[track_caller]
fn says(finished: &Finished, code: i32, sentences: &[&str]) {
    assert_eq!(finished.code, code, "{}", finished.err);
    for sentence in sentences {
        assert!(
            finished.err.contains(sentence),
            "{sentence:?} is missing in: {}",
            finished.err
        );
    }
    assert!(
        finished.err.lines().count() >= 2,
        "what to do is missing in: {}",
        finished.err
    );
}

#[test]
fn every_exit_code_is_in_the_help() {
    for args in [
        &["--help"][..],
        &["call", "--help"],
        &["answer", "--help"],
        &["demo", "--help"],
    ] {
        let help = run(args);
        assert_eq!(help.code, 0);
        for code in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 130] {
            let row = format!("\n  {code:>3}  ");
            assert!(help.out.contains(&row), "{code} is missing in {args:?}");
        }
    }
}

#[test]
fn a_bad_address_is_wrong_usage() {
    let call = |target, from| run(&["call", target, "--from", from]);
    says(
        &call("bob:example.com", "sip:alice@a"),
        2,
        &["\"bob:example.com\" is no SIP address"],
    );
    says(
        &call("tel:+123", "sip:alice@a"),
        2,
        &["\"tel:+123\" is no SIP address"],
    );
    says(
        &call("sip:bob@", "sip:alice@a"),
        2,
        &["\"sip:bob@\" is no SIP address"],
    );
    says(
        &call("sip:bob@b", "alice"),
        2,
        &["\"alice\" is no SIP address", "sip:alice@example.com"],
    );
    says(
        &run(&["answer", "sip:b ob@b", "--listen", "udp:127.0.0.1:0"]),
        2,
        &["is no SIP address"],
    );
}

#[test]
fn a_bad_flag_is_wrong_usage_and_named() {
    let server = run(&["call", "sip:bob@b", "--server", "http://b"]);
    says(
        &server,
        2,
        &["\"http://b\" is no server address", "wss://sip.example.com"],
    );
    says(
        &run(&["call", "sip:bob@b", "--duration", "5h"]),
        2,
        &["--duration", "500ms, 5s or 2m"],
    );
    says(
        &run(&["call", "sip:bob@b", "--dtmf", "12x"]),
        2,
        &["--dtmf", "'x' is no tone"],
    );
    says(
        &run(&["call", "sip:bob@b", "--codec", "mp3"]),
        2,
        &["--codec", "opus, pcmu, pcma"],
    );
    says(
        &run(&["answer", "sip:bob@b", "--reject", "200"]),
        2,
        &["--reject"],
    );
    says(&run(&["answer", "sip:bob@b"]), 2, &["--server", "--listen"]);
    says(
        &run(&["call", "sip:bob@b", "--relay-only"]),
        2,
        &["--ice-server"],
    );
    says(
        &run(&["exchange", "--user", "alice"]),
        2,
        &["--user", "alice:secret"],
    );
    says(
        &run(&[
            "call",
            "sip:bob@b",
            "--server",
            "wss://b",
            "--ca",
            "/no/file",
        ]),
        2,
        &["--ca"],
    );
}

#[test]
fn a_wav_that_is_none_is_told_before_anybody_is_called() {
    let path = file("no.wav");
    std::fs::write(&path, "this is text").expect("a file");
    let name = path.to_str().expect("a plain path");
    // The server does not exist: it is not even asked.
    let server = ["--server", "ws://127.0.0.1:9"];
    let call = run(&[&["call", "sip:bob@b", "--play", name][..], &server].concat());
    says(&call, 10, &[name, "WAV"]);
    let answer = run(&[&["answer", "sip:bob@b", "--play", name][..], &server].concat());
    says(&answer, 10, &[name, "WAV"]);
    says(&run(&["demo", "--play", name]), 10, &[name, "WAV"]);
    let missing = run(&["call", "sip:bob@b", "--play", "/no/such.wav"]);
    says(&missing, 10, &["/no/such.wav"]);
    let _ = std::fs::remove_file(path);
}

#[test]
fn an_ivf_that_is_none_is_told_before_anybody_is_called() {
    let path = file("no.ivf");
    std::fs::write(&path, "this is no video, however long it may be").expect("a file");
    let name = path.to_str().expect("a plain path");
    // The server does not exist: it is not even asked.
    let server = ["--server", "ws://127.0.0.1:9"];
    for command in ["call", "answer", "phone"] {
        let told = run(&[&[command, "sip:bob@b", "--play-video", name][..], &server].concat());
        says(&told, 10, &[name, "IVF", "byte 0"]);
    }
    let missing = run(&["call", "sip:bob@b", "--play-video", "/no/such.ivf"]);
    says(&missing, 10, &["/no/such.ivf"]);
    let alone = run(&["call", "sip:bob@b", "--repeat-video"]);
    says(&alone, 2, &["--play-video"]);
    let _ = std::fs::remove_file(path);
}

#[test]
fn a_server_that_is_not_there_cannot_be_reached() {
    // A port that was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("its address");
    for server in [format!("ws://{free}"), format!("tcp://{free}")] {
        let call = run(&["call", "sip:bob@b", "--server", &server]);
        says(&call, 3, &[&server, "--server"]);
        let answer = run(&["answer", "sip:bob@b", "--server", &server]);
        says(&answer, 3, &[&server, "--server"]);
    }
    let name = run(&[
        "call",
        "sip:bob@b",
        "--server",
        "wss://no-such-host.invalid",
    ]);
    says(&name, 3, &["no-such-host.invalid"]);
}

#[test]
fn silence_is_not_taken_for_a_server() {
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let server = format!("udp://{}", silent.local_addr().expect("its address"));
    let call = run(&[
        "call",
        "sip:bob@b",
        "--server",
        &server,
        "--timeout",
        "1s",
        "--loopback",
    ]);
    says(&call, 3, &["nothing was heard", "--server"]);
}

#[test]
fn a_web_server_is_no_sip_server() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi";
            let _ = stream.write_all(page.as_bytes());
        }
    });
    for scheme in ["ws", "tcp"] {
        let server = format!("{scheme}://{address}");
        let answer = run(&["answer", "sip:bob@b", "--server", &server]);
        says(&answer, 4, &["is no SIP", "another service listens there"]);
    }
    let call = run(&["call", "sip:bob@b", "--server", &format!("ws://{address}")]);
    says(&call, 4, &["is no SIP", "--server"]);
}

#[test]
fn a_callee_unknown_there_is_not_found() {
    let (_bob, address) = answering(&[]);
    let nobody = address.replace("bob", "nobody");
    let call = run(&[
        "call",
        &nobody,
        "--from",
        "sip:alice@127.0.0.1",
        "--loopback",
    ]);
    says(&call, 6, &[&nobody, "404", "Check the spelling"]);
}

#[test]
fn a_busy_callee_is_busy_and_a_refusal_a_refusal() {
    let (bob, address) = answering(&["--reject", "486", "--once"]);
    let call = run(&["call", &address, "--loopback"]);
    says(&call, 7, &["busy", "486 Busy Here", "Call again later"]);
    let (code, events) = bob.finish();
    assert_eq!(
        (code, common::names(&events)),
        (0, vec!["failed"]),
        "{events:#?}"
    );

    let (_bob, address) = answering(&["--reject", "603", "--ring", "50ms"]);
    says(
        &run(&["call", &address, "--loopback"]),
        9,
        &["declined", "603"],
    );
}

#[test]
fn a_callee_who_does_not_answer_is_given_up() {
    let (mut bob, address) = answering(&["--ring", "60s", "--once"]);
    let call = run(&["call", &address, "--loopback", "--timeout", "1s"]);
    says(&call, 8, &["did not answer", "--timeout"]);
    let failed = bob.wait_for("failed");
    assert_eq!(
        (&failed["cause"], &failed["originator"]),
        (&"Canceled".into(), &"remote".into())
    );
}

#[test]
fn a_mistake_is_told_to_machines_too() {
    let call = run(&["call", "sip:bob@", "--json"]);
    let lines = call.lines();
    let error = lines.last().expect("a line");
    assert_eq!(
        (&error["event"], &error["exit_code"]),
        (&"error".into(), &2.into())
    );
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|text| text.contains("is no SIP address"))
    );
    assert!(
        error["advice"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    );
    says(&call, 2, &[]);
}

#[test]
fn wrong_usage_is_told_to_machines_too() {
    let call = run(&["call", "sip:bob@b", "--json", "--duration", "5h"]);
    let lines = call.lines();
    let [error] = lines.as_slice() else {
        panic!("{}", call.out)
    };
    assert_eq!((call.code, &error["exit_code"]), (2, &2.into()));
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|text| text.contains("--duration"))
    );
    assert_eq!(run(&["--help", "--json"]).code, 0);
}

#[test]
fn no_free_port_left_to_listen_on_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let listen = format!("ws:{}", taken.local_addr().expect("its address"));
    let exchange = run(&["exchange", "--listen", &listen, "--user", "a:b"]);
    says(&exchange, 2, &["--listen", "port 0"]);
}
