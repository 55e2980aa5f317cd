//! `offhook exchange --web`: the page beside the exchange, and the echo that answers.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{Finished, Running, file, run};
use offhook::{
    AudioFrame, DtmfOptions, MediaOptions, Session, SessionEvent, Sink, Source, TerminateOptions,
    UserAgent, VideoSink, VideoSource,
};
use serde_json::Value;

/// A folder with a page in it.
fn page(name: &str) -> PathBuf {
    let folder = file(name);
    std::fs::create_dir_all(folder.join("assets")).expect("a folder");
    std::fs::write(folder.join("index.html"), "<title>phone</title>").expect("a file");
    std::fs::write(folder.join("assets/main.js"), "// script").expect("a file");
    folder
}

fn web(folder: &Path) -> String {
    format!("--web={}", folder.display())
}

/// An exchange with a page: the run, and where it is, as `127.0.0.1:8080`.
fn serving(name: &str, more: &[&str]) -> (Running, String) {
    let web = web(&page(name));
    let base = ["exchange", &web, "--listen", "ws:127.0.0.1:0"];
    let mut exchange = Running::start(&[&base[..], more].concat());
    let listening = exchange.wait_for("listening");
    let server = listening["ws"].as_str().expect("a URL");
    let address = server.trim_start_matches("ws://").to_owned();
    (exchange, address)
}

/// The head and the body of what is answered to a GET.
fn get(address: &str, target: &str, host: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), body.to_owned())
}

fn config(address: &str) -> Value {
    let (head, body) = get(address, "/config.json", "localhost");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    serde_json::from_str(&body).expect("JSON")
}

/// A demo account's password.
fn password(config: &Value, name: &str) -> String {
    let address = format!("sip:{name}@localhost");
    let accounts = config["accounts"].as_array().expect("a list");
    let account = accounts
        .iter()
        .find(|account| account["address"] == *address);
    let password = account.expect("the account")["password"].as_str();
    password.expect("a password").to_owned()
}

fn says(run: &Finished, words: &[&str]) {
    assert_eq!(run.code, 2, "{}", run.err);
    for word in words {
        assert!(run.err.contains(word), "{word:?} is missing in {}", run.err);
    }
}

#[test]
fn the_page_is_served_where_the_websocket_is_and_nothing_else() {
    let (mut exchange, address) = serving("served", &[]);
    let told = exchange.wait_for("web");
    let port = address.rsplit(':').next().expect("a port");
    assert_eq!(told["url"], format!("http://localhost:{port}/"));
    assert_eq!(told["secure"], true);

    let (head, body) = get(&address, "/", "localhost");
    assert_eq!(body, "<title>phone</title>");
    assert!(
        head.contains("Content-Type: text/html; charset=utf-8"),
        "{head}"
    );
    assert!(
        head.contains("Content-Security-Policy: default-src 'self'"),
        "{head}"
    );
    let (head, body) = get(&address, "/assets/main.js", "127.0.0.1");
    assert_eq!(body, "// script");
    assert!(head.contains("Content-Type: text/javascript"), "{head}");
    for target in ["/../Cargo.toml", "/%2e%2e/Cargo.toml", "/assets", "/none"] {
        let (head, _) = get(&address, target, "localhost");
        assert!(head.starts_with("HTTP/1.1 404 "), "{target}: {head}");
    }
    // The passwords in it are not for a page from elsewhere that had its name changed to ours.
    let (head, body) = get(&address, "/config.json", "elsewhere.example");
    assert!(head.starts_with("HTTP/1.1 421 "), "{head}");
    assert!(!body.contains("password"), "{body}");
    exchange.interrupt();
    assert_eq!(exchange.finish().0, 0);
}

#[test]
fn the_page_learns_no_password_that_somebody_chose() {
    let (_exchange, address) = serving("chosen", &["--user", "carol:secret"]);
    let config = config(&address);
    assert_eq!(
        config["accounts"],
        serde_json::json!([{ "address": "sip:carol@localhost" }])
    );
    assert_eq!(config["server"], "/");
    assert_eq!(config["domain"], "localhost");
    // Who brings an account of their own may come by any name.
    let (head, _) = get(&address, "/", "phone.example");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}

#[test]
fn mistakes_are_told_before_anything_listens() {
    let missing = file("missing");
    let unbuilt = run(&["exchange", &web(&missing)]);
    says(
        &unbuilt,
        &["there is no index.html in", "npm run build", "--web=FOLDER"],
    );
    let json = run(&["exchange", &web(&missing), "--json"]);
    assert_eq!(json.lines()[0]["exit_code"], 2);

    let folder = page("mistakes");
    let deaf = run(&["exchange", &web(&folder), "--listen", "udp:127.0.0.1:0"]);
    says(&deaf, &["no WebSocket", "--listen ws:127.0.0.1:8080"]);
    let open = run(&["exchange", &web(&folder), "--listen", "ws:0.0.0.0:0"]);
    says(&open, &["nobody is named", "--user NAME:PASSWORD"]);
    let taken = run(&["exchange", &web(&folder), "--user", "echo:x"]);
    says(&taken, &["the user echo"]);
    let nobody = run(&["exchange", "--echo"]);
    says(&nobody, &["--user"]);
}

#[test]
fn a_page_for_other_machines_says_what_browsers_want() {
    let mut exchange = Running::start(&[
        "exchange",
        &web(&page("others")),
        "--listen",
        "ws:0.0.0.0:0",
        "--user",
        "carol:secret",
    ]);
    let told = exchange.wait_for("web");
    assert_eq!(told["secure"], false);
    let notes = exchange.notes();
    assert!(
        notes.contains("microphone only when it comes from localhost"),
        "{notes}"
    );
}

/// Alice at the exchange, as the page would be.
async fn alice(address: &str) -> UserAgent {
    let media = MediaOptions {
        loopback: true,
        ..MediaOptions::default()
    };
    UserAgent::builder("sip:alice@localhost")
        .server(format!("ws://{address}"))
        .password(password(&config(address), "alice"))
        .media(media)
        .start()
        .await
        .expect("alice is connected")
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(30);
    let done = tokio::time::timeout(limit, future).await;
    done.unwrap_or_else(|_| panic!("no {what}"))
}

async fn hang_up(call: &Session) {
    call.terminate(TerminateOptions::default())
        .expect("it stands");
    call.ended().await;
}

/// Which part of a frame's power is that of a tone (Goertzel).
fn share(frame: &AudioFrame, hz: f64) -> f64 {
    let step = std::f64::consts::TAU * hz / f64::from(frame.sample_rate);
    let (mut sine, mut cosine, mut power) = (0.0, 0.0, 0.0);
    for (n, sample) in frame.samples.iter().enumerate() {
        let (sample, at) = (f64::from(*sample), step * n as f64);
        sine += sample * at.sin();
        cosine += sample * at.cos();
        power += sample * sample;
    }
    let count = frame.samples.len() as f64;
    if power < count * 10_000.0 {
        return 0.0;
    }
    2.0 * (sine * sine + cosine * cosine) / (count * power)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_echo_sends_back_the_callers_own_tone_and_takes_what_a_call_can_do() {
    let (mut exchange, address) = serving("echo", &[]);
    assert_eq!(exchange.wait_for("echo")["address"], "sip:echo@localhost");
    let alice = alice(&address).await;
    let (sink, mut heard) = Sink::frames();
    let call = alice
        .call("sip:echo@localhost")
        .play(Source::tone(880.0))
        .sink(sink)
        .start()
        .expect("a call");
    within("answer", call.confirmed()).await.expect("it stands");
    within("own tone", async {
        loop {
            let frame = heard.next().await.expect("the call stands");
            if share(&frame, 880.0) > 0.9 {
                break;
            }
        }
    })
    .await;

    call.send_dtmf("5", DtmfOptions::default()).expect("a tone");
    for (what, changed) in [("hold", true), ("unhold", false)] {
        within("time for an offer", call.ready_to_reoffer())
            .await
            .expect("it stands");
        let options = offhook::ReofferOptions::default();
        match changed {
            true => call.hold(options).expect("a hold"),
            false => call.unhold(options).expect("an unhold"),
        };
        within(what, async {
            while let Some(event) = call.next().await {
                if matches!(&event, SessionEvent::Renegotiated { result, .. } if result.is_ok()) {
                    return;
                }
            }
            panic!("the call ended");
        })
        .await;
    }
    hang_up(&call).await;
    exchange.wait_for("call:ended");
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_echo_sends_back_the_callers_own_picture() {
    let (_exchange, address) = serving("mirror", &[]);
    let alice = alice(&address).await;
    let (sink, mut seen) = VideoSink::frames();
    let pattern = common::pattern("vp8");
    let call = alice
        .call("sip:echo@localhost")
        .play_video(VideoSource::ivf(&pattern).expect("the asset").repeat(true))
        .video_sink(sink)
        .start()
        .expect("a call");
    let sent = std::fs::read(pattern).expect("the asset");
    let mut key_frames = 0;
    for _ in 0..60 {
        let frame = within("frame", seen.next()).await.expect("the call stands");
        let known = sent
            .windows(frame.data.len())
            .any(|part| part == &frame.data[..]);
        assert!(known, "a frame came back changed");
        key_frames += usize::from(frame.key_frame);
    }
    assert!(key_frames > 0);
    hang_up(&call).await;
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_echo_takes_a_transferred_call_in_place_of_the_first() {
    let (_exchange, address) = serving("passed", &[]);
    let alice = alice(&address).await;
    let first = alice.call("sip:echo@localhost").start().expect("a call");
    let replaces = loop {
        let event = within("answer", first.next()).await;
        if let SessionEvent::Accepted { response, .. } = event.expect("the call lives") {
            let response = response.expect("the peer's");
            let tag = |name: &str| {
                let header = response.header(name).unwrap_or_default();
                let tag = header.split(";tag=").nth(1).expect("a tag");
                tag.to_owned()
            };
            let (to, from) = (tag("To"), tag("From"));
            break format!("{};to-tag={to};from-tag={from}", first.call_id());
        }
    };
    within("answer", first.confirmed())
        .await
        .expect("it stands");
    let second = alice
        .call("sip:echo@localhost")
        .extra_header("Replaces", replaces);
    let second = second.start().expect("a call");
    within("answer", second.confirmed())
        .await
        .expect("it stands");
    let end = within("end", first.ended()).await;
    assert_eq!(end.originator, offhook::Originator::Remote, "{end}");
    hang_up(&second).await;
    alice.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_echo_takes_several_calls_at_once_and_is_busy_beyond() {
    let (_exchange, address) = serving("crowd", &[]);
    let alice = alice(&address).await;
    let mut calls = Vec::new();
    for _ in 0..16 {
        let call = alice.call("sip:echo@localhost").start().expect("a call");
        within("answer", call.confirmed()).await.expect("it stands");
        calls.push(call);
    }
    let late = alice.call("sip:echo@localhost").start().expect("a call");
    let end = within("end", late.ended()).await;
    assert_eq!(end.cause, offhook::Cause::Busy, "{end}");
    hang_up(&calls[0]).await;
    // Its place is free a moment after the caller knows.
    within("free place", async {
        loop {
            let again = alice.call("sip:echo@localhost").start().expect("a call");
            if again.confirmed().await.is_ok() {
                return;
            }
        }
    })
    .await;
    alice.stop().await;
}
