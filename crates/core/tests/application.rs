//! Stories of what the application sees, changes and sends itself.

mod util;

use std::time::Duration;

use offhook_core::{
    CallOptions, CommandError, Invitation, MediaReport, MediaRequest, Question, Reply,
};
use offhook_sip::{HeaderName, Method, OutgoingRequest};
use util::Pair;

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
