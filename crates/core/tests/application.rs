//! Stories of what the application sees, changes and sends itself.

mod util;

use std::time::Duration;

use offhook_core::{
    Body, CallOptions, CommandError, Invitation, MediaReport, MediaRequest, Question, Reply,
};
use offhook_sip::{HeaderName, Message, Method, OutgoingRequest, Request};
use util::Pair;
use util::lone::Lone;

const SECOND: Duration = Duration::from_secs(1);

/// What names a call in its INVITE.
fn identity(invite: &OutgoingRequest) -> [Option<&str>; 4] {
    use HeaderName::{CSeq, CallId, From, To};
    [CSeq, CallId, From, To].map(|name| invite.headers().get(name))
}

#[test]
fn a_new_call_shows_its_invite_before_there_is_media_and_keeps_its_identity() {
    let mut pair = Pair::udp();
    pair.alice.asks = Some(|question| question.name() == "newRTCSession");
    let options = CallOptions {
        extra_headers: vec![("X-Color".to_owned(), "blue".to_owned())],
        from_display_name: Some("Alice at work".to_owned()),
        ..CallOptions::default()
    };
    pair.call_with(options);
    assert_eq!(pair.alice.sent_count("INVITE"), 1, "it waits for no answer");
    let (_, question) = pair.alice.questions.pop().expect("a new session");
    let Question::NewSession(Invitation::Outgoing(draft)) = question else {
        panic!("no INVITE of ours");
    };
    assert_eq!(draft.method(), Method::Invite);
    assert_eq!(draft.headers().get("X-Color"), Some("blue"));
    let from = draft.headers().get(HeaderName::From).expect("a From");
    assert!(
        from.starts_with("\"Alice at work\"") && from.contains(";tag="),
        "{from}"
    );
    assert!(draft.body().is_empty());
    let type_of_offer = draft.headers().get(HeaderName::ContentType);
    assert_eq!(type_of_offer, Some("application/sdp"));
    assert!(draft.headers().contains(HeaderName::SessionExpires));
}

#[test]
fn a_new_call_shows_the_contact_that_its_invite_will_have() {
    let mut lone = Lone::unregistered();
    lone.call();
    let shown = lone
        .asked
        .iter()
        .find_map(|(_, _, question)| match question {
            Question::NewSession(Invitation::Outgoing(draft)) => Some(draft.clone()),
            _ => None,
        });
    let shown = shown.expect("an INVITE of ours");
    let contact = shown.headers().get(HeaderName::Contact).expect("a Contact");
    assert!(contact.ends_with(";ob>"), "{contact}");
    let invite = lone.request(Method::Invite);
    assert_eq!(invite.header(HeaderName::Contact), Some(contact));
}

#[test]
fn the_application_may_change_the_invite_of_a_new_call_before_there_is_media() {
    let mut pair = Pair::udp();
    pair.alice.asks =
        Some(|question| matches!(question, Question::NewSession(_) | Question::Sending(_)));
    pair.alice.deaf_to = Some(|request| matches!(request, MediaRequest::Open));
    let id = pair.call();
    let now = pair.now;
    let (ask, question) = pair.alice.questions.pop().expect("a new session");
    let Question::NewSession(Invitation::Outgoing(mut draft)) = question else {
        panic!("no INVITE of ours");
    };
    draft
        .headers_mut()
        .push("X-Color", "blue")
        .expect("a header");
    let shown = draft.clone();
    pair.alice.agent.reply(now, ask, Reply::Request(draft));
    pair.alice.agent.media(now, id, MediaReport::Opened);
    pair.run(SECOND);
    let (ask, question) = pair.alice.questions.pop().expect("the sending question");
    let Question::Sending(invite) = question else {
        panic!("another question");
    };
    assert_eq!(identity(&invite), identity(&shown));
    assert_eq!(invite.headers().get("X-Color"), Some("blue"));
    assert!(invite.headers().contains(HeaderName::Contact) && !invite.body().is_empty());
    let now = pair.now;
    pair.alice.agent.reply(now, ask, Reply::Proceed);
    pair.run(SECOND);
    assert_eq!(pair.alice.sent_count("INVITE"), 1);
}

#[test]
fn a_name_that_cannot_be_written_refuses_the_call() {
    let mut pair = Pair::udp();
    let now = pair.now;
    let options = CallOptions {
        from_display_name: Some("Alice\r\nX-Color: blue".to_owned()),
        ..CallOptions::default()
    };
    let refused = pair.alice.agent.call(now, "sip:bob@192.0.2.2", options);
    assert!(
        matches!(refused, Err(CommandError::InvalidArgument { .. })),
        "{refused:?}"
    );
    assert!(pair.alice.agent.poll().is_none(), "nothing has happened");
}

/// A call that stands, and of which everything so far has been told.
fn called() -> Pair {
    let mut pair = Pair::udp().called();
    pair.alice.events.clear();
    pair.bob.events.clear();
    pair
}

/// The last request of alice's with this method.
fn last_request<'a>(pair: &'a Pair, method: &str) -> &'a Request {
    let mut messages = pair.wire.iter().rev();
    let found = messages.find_map(|(name, message)| match message {
        Message::Request(request) if *name == "alice" => {
            (request.method().as_str() == method).then_some(request)
        }
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no {method}:\n{}", pair.ladder.join("\n")))
}

#[test]
fn a_request_of_the_application_travels_inside_the_dialog() {
    let mut pair = called();
    let now = pair.now;
    let body = Body::new("application/json", "{\"hand\":\"raised\"}");
    let headers = vec![("X-Kind".to_owned(), "signal".to_owned())];
    pair.alice_session()
        .send_request(now, Method::Info, Some(body), &headers)
        .expect("an INFO");
    pair.run(SECOND);
    let (invite, info) = (last_request(&pair, "INVITE"), last_request(&pair, "INFO"));
    assert_eq!(info.call_id().ok(), invite.call_id().ok());
    assert!(info.to().expect("a To").tag().is_some());
    assert_eq!(info.header("X-Kind"), Some("signal"));
    assert_eq!(info.header("Content-Type"), Some("application/json"));
    assert_eq!(info.body(), b"{\"hand\":\"raised\"}");
    assert_eq!(pair.alice.story(), "succeeded(200)");
    assert_eq!(pair.bob.story(), "newInfo(remote, application/json)");
}

#[test]
fn a_request_that_the_peer_does_not_know_fails_and_the_call_goes_on() {
    let mut pair = called();
    let now = pair.now;
    pair.alice_session()
        .send_request(now, Method::parse("WAVE"), None, &Vec::new())
        .expect("a WAVE");
    pair.run(SECOND);
    assert_eq!(
        pair.alice.story(),
        "failed(SIP Failure Code: the peer answered 405 Method Not Allowed)"
    );
    let now = pair.now;
    pair.alice_session()
        .terminate(now, Default::default())
        .expect("a call that stands");
    pair.run_out();
    pair.assert_clean();
}

#[test]
fn the_sessions_own_methods_are_refused_with_what_to_use_instead() {
    let mut pair = called();
    let now = pair.now;
    let sent = pair.alice.sent.len();
    for (method, instead) in [
        (Method::Invite, "renegotiate"),
        (Method::Update, "use_update"),
        (Method::Bye, "terminate"),
        (Method::Cancel, "terminate"),
        (Method::Ack, "itself"),
        (Method::Prack, "itself"),
        (Method::parse("A WAVE"), "letters"),
        (Method::parse(""), "letters"),
    ] {
        let refused = pair
            .alice_session()
            .send_request(now, method, None, &Vec::new())
            .expect_err("the session's own");
        assert!(refused.to_string().contains(instead), "{refused}");
    }
    pair.run(SECOND);
    assert_eq!(pair.alice.sent.len(), sent);
}

#[test]
fn a_request_has_no_dialog_before_the_peer_has_rung() {
    let mut pair = Pair::udp();
    pair.alice.deaf_to = Some(|request| matches!(request, MediaRequest::Open));
    pair.call();
    let now = pair.now;
    let refused = pair
        .alice_session()
        .send_request(now, Method::Info, None, &Vec::new());
    assert!(
        matches!(
            refused,
            Err(CommandError::InvalidState {
                command: "send_request",
                ..
            })
        ),
        "{refused:?}"
    );
}

#[test]
fn a_callee_may_send_requests_while_its_phone_rings() {
    let mut pair = Pair::udp();
    pair.call();
    pair.run(SECOND);
    pair.alice.events.clear();
    pair.bob.events.clear();
    let now = pair.now;
    let hello = Body::from("One moment");
    pair.bob_session()
        .send_request(now, Method::Message, Some(hello), &Vec::new())
        .expect("a MESSAGE");
    pair.run(SECOND);
    assert_eq!(pair.alice.story(), "newMessage");
    assert_eq!(pair.bob.story(), "succeeded(200)");
    let now = pair.now;
    pair.bob_session()
        .answer(now, Default::default())
        .expect("a call that rings");
    pair.run(SECOND);
    assert!(
        pair.alice.story().ends_with("confirmed(local)"),
        "{}",
        pair.alice.story()
    );
}
