//! Stories of OPTIONS requests (RFC 3261 section 11), outside and inside sessions.

mod util;

use std::time::Duration;

use offhook_core::{Body, Question, Reply, RequestOptions, Transport};
use offhook_sip::{Method, StatusCode};
use util::Pair;
use util::lone::Lone;

#[test]
fn an_asked_peer_says_what_it_can() {
    let mut lone = Lone::unregistered();
    lone.ask("OPTIONS sip:alice@example.com", &[], "");
    let ok = lone.response();
    assert_eq!(ok.status(), StatusCode::OK);
    for method in ["INVITE", "MESSAGE", "OPTIONS", "REFER", "UPDATE"] {
        assert!(ok.has_token("Allow", method), "{method}");
    }
    assert_eq!(ok.header("Accept"), Some("application/sdp"));
    assert_eq!(ok.header("Accept-Encoding"), Some("identity"));
    assert_eq!(ok.header("Accept-Language"), Some("en"));
    assert!(ok.has_token("Supported", "replaces"));
    assert!(ok.contact().is_ok());
    assert!(ok.to().expect("a To").tag().is_some());
    lone.assert_clean();
}

#[test]
fn the_application_answers_with_words_of_its_own_or_refuses() {
    let mut lone = Lone::unregistered();
    lone.asks = Some(|question| matches!(question, Question::Options { .. }));
    lone.ask("OPTIONS sip:alice@example.com", &[], "");
    assert_eq!(lone.asked[0].2.name(), "newOptions");
    lone.reply(Reply::Answer {
        extra_headers: vec![("X-Mood".to_owned(), "fine".to_owned())],
        body: Some(Body::new("application/sdp", "v=0\r\n")),
    });
    let ok = lone.response();
    assert_eq!(ok.header("X-Mood"), Some("fine"));
    assert_eq!(ok.body(), b"v=0\r\n");
    assert!(ok.has_token("Allow", "INVITE"));
    lone.ask("OPTIONS sip:alice@example.com", &[], "");
    lone.reply(Reply::Reject {
        status: StatusCode::FORBIDDEN,
        reason: None,
        extra_headers: Vec::new(),
        body: None,
    });
    assert_eq!(lone.response().status(), StatusCode::FORBIDDEN);
    // A header that cannot be written does not keep the peer from its answer.
    lone.ask("OPTIONS sip:alice@example.com", &[], "");
    lone.reply(Reply::Answer {
        extra_headers: vec![("X-Mood".to_owned(), "a\r\nb".to_owned())],
        body: None,
    });
    assert_eq!(lone.response().status(), StatusCode::OK);
    lone.assert_clean();
}

#[test]
fn one_who_could_take_no_call_says_so() {
    let mut lone = Lone::with(|config| {
        config.register = false;
        config.max_sessions = 1;
    });
    lone.start();
    lone.ask("OPTIONS sip:alice@example.com", &[], "");
    assert_eq!(lone.response().status(), StatusCode::OK);
    lone.call();
    lone.ask("OPTIONS sip:alice@example.com", &[], "");
    assert_eq!(lone.response().status(), StatusCode::BUSY_HERE);
}

#[test]
fn asking_tells_what_the_peer_says() {
    let mut pair = Pair::udp();
    let target = "sip:bob@192.0.2.2:5060";
    pair.alice
        .agent
        .send_options(pair.now, target, None, RequestOptions::default())
        .expect("an OPTIONS");
    pair.drive();
    pair.run_out();
    assert_eq!(pair.alice.story(), "succeeded(200)");
    assert_eq!(pair.bob.story(), "newOptions");
    pair.assert_clean();
}

#[test]
fn asking_inside_a_session_leaves_it_as_it_is() {
    let mut pair = Pair::established(Transport::Tcp);
    let now = pair.now;
    pair.bob_session()
        .send_options(now, &Vec::new())
        .expect("an OPTIONS");
    pair.drive();
    pair.run(Duration::from_secs(1));
    assert!(pair.bob.story().ends_with("succeeded(200)"));
    assert!(pair.alice.story().ends_with("newOptions"));
    pair.alice_session()
        .terminate(now, Default::default())
        .expect("an end");
    pair.drive();
    pair.run_out();
    pair.assert_clean();
}

#[test]
fn a_lost_connection_asks_again_when_it_is_back() {
    let mut lone = Lone::unregistered();
    lone.news();
    lone.agent
        .send_options(lone.now, "bob", None, RequestOptions::default())
        .expect("an OPTIONS");
    lone.drain();
    let first = lone.request(Method::Options);
    assert!(first.contact().is_ok());
    assert_eq!(first.header("Accept"), Some("application/sdp"));
    lone.lose_flow();
    lone.run_until_sent(Duration::from_secs(30));
    let second = lone.request(Method::Options);
    assert_eq!(first.call_id(), second.call_id());
    lone.answer(&second, StatusCode::NOT_FOUND, &[]);
    assert!(
        lone.news()
            .ends_with("failed(Not Found: the peer answered 404 Not Found)")
    );
    lone.assert_clean();
}
