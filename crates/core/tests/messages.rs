//! Stories of MESSAGE requests (RFC 3428), outside and inside sessions.

mod util;

use std::time::Duration;

use offhook_core::{Body, CommandError, Question, Reply, RequestOptions, Transport};
use offhook_sip::{Message, Method, StatusCode};
use util::lone::Lone;
use util::{Fate, Pair};

/// Bob's answer to a question about a message is the test's.
fn decides(pair: &mut Pair) {
    pair.bob.asks = Some(|question| matches!(question, Question::Message { .. }));
}

fn text_to_bob(pair: &mut Pair, text: &str) {
    let target = "sip:bob@192.0.2.2:5060";
    pair.alice
        .agent
        .send_message(pair.now, target, text, RequestOptions::default())
        .expect("a message");
    pair.drive();
}

#[test]
fn a_message_arrives_and_its_sender_is_told() {
    let mut pair = Pair::udp();
    decides(&mut pair);
    text_to_bob(&mut pair, "Dinner at eight?");
    pair.run(Duration::from_millis(100));
    let (ask, question) = pair.bob.questions.pop().expect("bob is asked");
    let Question::Message { request } = question else {
        panic!("{question:?}");
    };
    assert_eq!(request.method(), Method::Message);
    assert_eq!(request.body(), b"Dinner at eight?");
    assert_eq!(request.header("Content-Type"), Some("text/plain"));
    assert_eq!(request.header("Contact"), None, "RFC 3428 section 4");
    assert_eq!(pair.alice.story(), "", "nothing before bob has decided");
    let reply = Reply::Answer {
        extra_headers: vec![("X-Mood".to_owned(), "hungry".to_owned())],
        body: Some(Body::from("no body in a 200")),
    };
    pair.bob.agent.reply(pair.now, ask, reply);
    pair.run_out();
    assert_eq!(pair.alice.story(), "succeeded(200)");
    pair.assert_clean();
}

#[test]
fn a_message_nobody_decides_on_is_answered_200() {
    let mut pair = Pair::udp();
    text_to_bob(&mut pair, "Hello");
    pair.run_out();
    assert_eq!(pair.bob.story(), "newMessage");
    assert_eq!(pair.alice.story(), "succeeded(200)");
    pair.assert_clean();
}

#[test]
fn a_rejected_message_fails_with_the_peers_words() {
    let mut pair = Pair::udp();
    decides(&mut pair);
    text_to_bob(&mut pair, "Hello");
    pair.run(Duration::from_millis(100));
    let (ask, _) = pair.bob.questions.pop().expect("bob is asked");
    let reply = Reply::Reject {
        status: StatusCode::TEMPORARILY_UNAVAILABLE,
        reason: Some("Asleep".to_owned()),
        extra_headers: Vec::new(),
        body: Some(Body::from("Until eight")),
    };
    pair.bob.agent.reply(pair.now, ask, reply);
    pair.run_out();
    assert_eq!(
        pair.alice.story(),
        "failed(Unavailable: the peer answered 480 Asleep)"
    );
    let refusal = pair.wire.iter().find_map(|(_, message)| match message {
        Message::Response(response) => Some(response),
        Message::Request(_) => None,
    });
    let refusal = refusal.expect("a response");
    assert_eq!(refusal.header("Content-Type"), Some("text/plain"));
    assert_eq!(refusal.body(), b"Until eight");
    pair.assert_clean();
}

#[test]
fn a_message_left_undecided_gets_no_late_answer() {
    let mut pair = Pair::tcp();
    decides(&mut pair);
    let target = "sip:bob@192.0.2.2:5060;transport=tcp";
    let options = RequestOptions::default();
    pair.alice
        .agent
        .send_message(pair.now, target, "Hello", options)
        .expect("a message");
    pair.run(Duration::from_secs(40));
    assert_eq!(pair.alice.story(), "failed(Request Timeout)");
    // RFC 4320 section 4.2: nothing goes out after the sender has given up.
    let (ask, _) = pair.bob.questions.pop().expect("bob was asked");
    pair.bob.agent.reply(pair.now, ask, Reply::Proceed);
    pair.run_out();
    assert_eq!(pair.bob.sent_count("SIP/2.0"), 0, "{:?}", pair.bob.sent);
    pair.assert_clean();
}

#[test]
fn a_message_survives_a_lossy_wire_and_is_read_once() {
    let mut pair = Pair::udp();
    let (mut requests, mut responses) = (0, 0);
    pair.fate = Box::new(move |_, message| {
        let count = match message {
            Message::Request(_) => &mut requests,
            Message::Response(_) => &mut responses,
        };
        *count += 1;
        match *count {
            1 | 2 => Fate::Lose,
            3 => Fate::Double,
            _ => Fate::Arrive,
        }
    });
    text_to_bob(&mut pair, "Hello");
    pair.run_out();
    assert_eq!(pair.bob.story(), "newMessage");
    assert_eq!(pair.alice.story(), "succeeded(200)");
    pair.assert_clean();
}

#[test]
fn an_unanswered_message_fails_after_timer_f() {
    let mut pair = Pair::udp();
    pair.fate = Box::new(|_, message| match message {
        Message::Response(_) => Fate::Lose,
        Message::Request(_) => Fate::Arrive,
    });
    text_to_bob(&mut pair, "Hello");
    pair.run(Duration::from_secs(31));
    assert_eq!(pair.alice.story(), "");
    pair.run_out();
    assert_eq!(pair.alice.story(), "failed(Request Timeout)");
    pair.assert_clean();
}

#[test]
fn messages_go_both_ways_inside_a_session() {
    let mut pair = Pair::established(Transport::Udp);
    let now = pair.now;
    pair.alice_session()
        .send_message(now, "Are you there?", &Vec::new())
        .expect("a message");
    pair.bob_session()
        .send_message(now, Body::new("text/html", "<b>yes</b>"), &Vec::new())
        .expect("a message");
    pair.drive();
    pair.run(Duration::from_secs(1));
    for side in [&pair.alice, &pair.bob] {
        assert!(side.story().contains("newMessage"), "{}", side.story());
        assert!(side.story().contains("succeeded(200)"), "{}", side.story());
        assert_eq!(side.sent_count("MESSAGE"), 1);
    }
    pair.alice_session()
        .terminate(now, Default::default())
        .expect("an end");
    pair.drive();
    pair.run_out();
    pair.assert_clean();
}

#[test]
fn a_message_answered_481_in_a_session_ends_it() {
    let mut pair = Pair::established(Transport::Udp);
    pair.bob.asks = Some(|question| matches!(question, Question::Message { .. }));
    let now = pair.now;
    pair.alice_session()
        .send_message(now, "Hello", &Vec::new())
        .expect("a message");
    pair.drive();
    pair.run(Duration::from_millis(100));
    let (ask, _) = pair.bob.questions.pop().expect("bob is asked");
    let reply = Reply::Reject {
        status: StatusCode::CALL_DOES_NOT_EXIST,
        reason: None,
        extra_headers: Vec::new(),
        body: None,
    };
    pair.bob.agent.reply(pair.now, ask, reply);
    pair.run_out();
    assert!(
        pair.alice.story().contains("ended(local, Dialog Error)"),
        "{}",
        pair.alice.story()
    );
    pair.assert_clean();
}

#[test]
fn what_cannot_be_sent_is_refused_and_nothing_leaves() {
    let mut lone = Lone::unregistered();
    let now = lone.now;
    let mut send =
        |target: &str, body: Body, options| lone.agent.send_message(now, target, body, options);
    let plain = RequestOptions::default;
    let bad = [
        send("not an address", "Hello".into(), plain()),
        send("bob", Body::new("nonsense", "Hello"), plain()),
        send("bob", Body::new("text/plain\r\nX: y", "Hello"), plain()),
        send(
            "bob",
            "Hello".into(),
            RequestOptions {
                extra_headers: vec![("Call-ID".to_owned(), "mine".to_owned())],
                ..plain()
            },
        ),
        send(
            "bob",
            "Hello".into(),
            RequestOptions {
                from_display_name: Some("A\r\nX: y".to_owned()),
                ..plain()
            },
        ),
    ];
    for result in bad {
        assert!(
            matches!(result, Err(CommandError::InvalidArgument { .. })),
            "{result:?}"
        );
    }
    lone.drain();
    assert!(lone.requests.is_empty());
    lone.assert_clean();
}

#[test]
fn a_challenged_message_goes_out_again_with_credentials() {
    let mut lone = Lone::unregistered();
    lone.news();
    let options = RequestOptions {
        from_user_name: Some("sales".to_owned()),
        from_display_name: Some("Sales".to_owned()),
        extra_headers: vec![("X-Order".to_owned(), "7".to_owned())],
    };
    lone.agent
        .send_message(lone.now, "bob", "Hello", options)
        .expect("a message");
    lone.drain();
    let first = lone.request(Method::Message);
    let from = first.from().expect("a From");
    assert_eq!(from.uri.as_str(), "sip:sales@example.com");
    assert_eq!(first.header("X-Order"), Some("7"));
    let challenge = "Digest realm=\"example.com\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256";
    lone.answer(
        &first,
        StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        &[("Proxy-Authenticate", challenge)],
    );
    let second = lone.request(Method::Message);
    assert!(second.header("Proxy-Authorization").is_some());
    assert_eq!(second.body(), b"Hello");
    let numbers = [&first, &second].map(|request| request.cseq().expect("a CSeq").number);
    assert_eq!(numbers[1], numbers[0] + 1);
    lone.answer(&second, StatusCode::ACCEPTED, &[]);
    assert_eq!(lone.news(), "succeeded(202)");
    lone.assert_clean();
}

#[test]
fn a_message_waits_for_the_connection_and_is_never_sent_twice() {
    let mut lone = Lone::with(|config| config.register = false);
    lone.reachable = false;
    lone.start();
    lone.agent
        .send_message(lone.now, "bob", "Hello", RequestOptions::default())
        .expect("a message");
    lone.drain();
    assert!(lone.requests.is_empty());
    lone.reachable = true;
    lone.run_until_sent(Duration::from_secs(30));
    lone.request(Method::Message);
    lone.news();
    // Nobody knows whether it arrived.
    lone.lose_flow();
    assert_eq!(lone.news(), "disconnected failed(Connection Error)");
    lone.run(Duration::from_secs(60));
    assert!(lone.requests.is_empty());
    lone.assert_clean();
}

#[test]
fn a_message_that_no_connection_comes_for_fails() {
    let mut lone = Lone::with(|config| config.register = false);
    lone.reachable = false;
    lone.start();
    lone.agent
        .send_message(lone.now, "bob", "Hello", RequestOptions::default())
        .expect("a message");
    lone.drain();
    lone.run(Duration::from_secs(40));
    assert!(lone.news().contains("failed(Connection Error)"));
    lone.assert_clean();
}

#[test]
fn stopping_fails_what_was_not_answered() {
    let mut lone = Lone::unregistered();
    lone.news();
    lone.agent
        .send_message(lone.now, "bob", "Hello", RequestOptions::default())
        .expect("a message");
    lone.drain();
    lone.agent.stop(lone.now);
    lone.drain();
    assert_eq!(lone.news(), "", "the answer may still come");
    let refused = lone
        .agent
        .send_message(lone.now, "bob", "Hello", RequestOptions::default());
    assert_eq!(refused.err(), Some(CommandError::Stopped));
    lone.run(Duration::from_secs(3));
    assert_eq!(lone.news(), "failed(Connection Error) stopped");
    lone.assert_clean();
}

#[test]
fn questions_without_an_answer_stay_bounded() {
    let mut lone = Lone::unregistered();
    lone.asks = Some(|question| matches!(question, Question::Message { .. }));
    let messages = 1100;
    for number in 0..messages {
        let call_id = format!("call-{number}");
        lone.ask(
            "MESSAGE sip:alice@example.com",
            &[("Call-ID", &call_id)],
            "x",
        );
    }
    let refused = lone.responses.drain(..);
    let refused: Vec<u16> = refused.map(|response| response.status().code()).collect();
    assert_eq!(refused, vec![503; messages - 1024]);
    assert_eq!(lone.agent.live().asks, 1024);
    lone.assert_clean();
    assert!(lone.responses.is_empty(), "no late answers");
}

#[test]
fn a_message_to_somebody_else_or_to_no_dialog_is_refused() {
    let mut lone = Lone::unregistered();
    lone.ask("MESSAGE sip:mallory@example.com", &[], "x");
    assert_eq!(lone.response().status(), StatusCode::NOT_FOUND);
    let to = [("To", "<sip:alice@example.com>;tag=gone")];
    lone.ask("MESSAGE sip:alice@example.com", &to, "x");
    assert_eq!(lone.response().status(), StatusCode::CALL_DOES_NOT_EXIST);
    assert!(lone.asked.is_empty());
    lone.assert_clean();
}
