//! Stories of Session-ID (RFC 7989) and Reason (RFC 3326, RFC 6432).

mod util;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use offhook_core::{
    End, Event, Input, Output, Question, ReferOptions, Reply, SessionEvent, SessionId,
    TerminateOptions, Transport,
};
use offhook_sip::{Message, Method, OutgoingResponse, SessionIdentifier, StatusCode};
use util::lone::Lone;
use util::trio::{ALICE, BOB, CAROL, Decide, Trio};
use util::{Fate, Pair};

const SECOND: Duration = Duration::from_secs(1);

/// Every message on the wire: who sent it, its first line, its Session-ID.
type Seen = Rc<RefCell<Vec<(String, String, Option<SessionIdentifier>)>>>;

fn first_line(message: &Message) -> String {
    match message {
        Message::Request(request) => request.method().as_str().to_owned(),
        Message::Response(response) => response.status().code().to_string(),
    }
}

fn identifier(message: &Message) -> Option<SessionIdentifier> {
    message
        .typed::<SessionIdentifier>()
        .expect("a Session-ID that can be read")
}

fn watch(pair: &mut Pair) -> Seen {
    let seen = Seen::default();
    let watched = Rc::clone(&seen);
    pair.fate = Box::new(move |from, message| {
        let entry = (from.to_owned(), first_line(message), identifier(message));
        watched.borrow_mut().push(entry);
        Fate::Arrive
    });
    seen
}

#[test]
fn both_sides_put_both_uuids_on_every_message_of_a_call() {
    let mut pair = Pair::udp();
    pair.bob.manner = util::Manner::Answer;
    let seen = watch(&mut pair);
    pair.call();
    pair.run(SECOND);
    let now = pair.now;
    let alice = pair.alice.session.expect("a session");
    let bob = pair.bob.session.expect("a session");
    let at_alice = pair
        .alice
        .agent
        .session_info(alice)
        .and_then(|info| info.identifier());
    let at_bob = pair
        .bob
        .agent
        .session_info(bob)
        .and_then(|info| info.identifier());
    let (at_alice, at_bob) = (at_alice.expect("known"), at_bob.expect("known"));
    assert_eq!(at_alice.local, at_bob.remote);
    assert_eq!(at_alice.remote, at_bob.local);
    assert_ne!(at_alice.local, at_alice.remote);
    pair.bob_session()
        .terminate(now, TerminateOptions::default())
        .expect("a call to end");
    pair.run_out();

    let seen = seen.borrow();
    let (_, invite, first) = &seen[0];
    assert_eq!(invite, "INVITE");
    assert_eq!(first.expect("a Session-ID").remote, SessionIdentifier::NIL);
    for (from, line, found) in seen.iter().skip(1).filter(|(_, line, _)| line != "100") {
        let expected = if from == "alice" { at_alice } else { at_bob };
        assert_eq!(*found, Some(expected), "{from}: {line}");
    }
    for line in ["180", "200", "ACK", "BYE"] {
        assert!(seen.iter().any(|(_, seen, _)| seen == line), "{line}");
    }
}

#[test]
fn a_cancel_and_the_ack_of_a_refusal_bear_what_their_invite_bears() {
    let mut pair = Pair::udp();
    let seen = watch(&mut pair);
    pair.call();
    pair.run(SECOND);
    let now = pair.now;
    pair.alice_session()
        .terminate(now, TerminateOptions::default())
        .expect("a call to cancel");
    pair.run_out();
    let seen = seen.borrow();
    let invite = seen[0].2.expect("a Session-ID");
    for line in ["CANCEL", "ACK"] {
        let found = seen.iter().find(|(_, seen, _)| seen == line);
        assert_eq!(found.expect(line).2, Some(invite), "{line}");
    }
}

fn uuids(trio: &Trio, who: usize, session: SessionId) -> SessionIdentifier {
    let info = trio.phones[who].agent.session_info(session);
    info.and_then(|info| info.identifier()).expect("a session")
}

const ACCEPT: Decide = |question| match question {
    Question::Refer { .. } | Question::Replaces { .. } => Some(Reply::accept()),
    _ => Some(Reply::Proceed),
};

#[test]
fn who_is_transferred_and_who_is_replaced_at_keep_their_uuids() {
    let mut trio = Trio::new(Transport::Tcp);
    let (alice, bob) = trio.call(ALICE, BOB);
    let (consulting, consulted) = trio.call(ALICE, CAROL);
    let (at_bob, at_carol) = (uuids(&trio, BOB, bob), uuids(&trio, CAROL, consulted));
    trio.phones[BOB].decide = ACCEPT;
    trio.phones[CAROL].decide = ACCEPT;
    trio.phones[CAROL].answers = true;
    let options = ReferOptions {
        replaces: Some(consulting),
        ..ReferOptions::default()
    };
    trio.refer(ALICE, alice, CAROL, options);
    trio.run(SECOND);
    let invite = *trio.sent(BOB, "INVITE").last().expect("an INVITE");
    let first = invite.typed::<SessionIdentifier>().expect("a Session-ID");
    let calling = SessionIdentifier {
        local: at_bob.local,
        remote: SessionIdentifier::NIL,
    };
    assert_eq!(first, Some(calling));
    let (calls, called) = (trio.last_session(BOB), trio.last_session(CAROL));
    assert!(calls != bob && called != consulted, "{trio}");
    let both = uuids(&trio, BOB, calls);
    assert_eq!(both.local, at_bob.local);
    assert_eq!(both.remote, at_carol.local);
    assert_eq!(uuids(&trio, CAROL, called).local, at_carol.local);
    trio.finish();
}

#[test]
fn a_registration_and_its_like_have_no_session() {
    let mut lone = Lone::started();
    let request = lone.request(Method::Register);
    assert_eq!(request.header("Session-ID"), None);
}

/// How an incoming call ended that is cancelled with this Reason.
fn cancelled(reason: &str) -> End {
    let mut lone = Lone::unregistered();
    let invite = "INVITE sip:alice@example.com SIP/2.0\r\n\
        Via: SIP/2.0/WS x.invalid;branch=z9hG4bKone\r\nMax-Forwards: 70\r\n\
        From: <sip:bob@example.com>;tag=bob\r\nTo: <sip:alice@example.com>\r\n\
        Call-ID: one\r\nCSeq: 1 INVITE\r\nContact: <sip:bob@192.0.2.2>\r\n\
        Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000\r\n\
        Content-Length: 0\r\n\r\n";
    lone.receive(invite);
    let ringing = lone
        .responses
        .iter()
        .find(|it| it.status() == StatusCode::RINGING);
    let answered = ringing
        .and_then(|ringing| ringing.typed::<SessionIdentifier>().ok().flatten())
        .expect("a Session-ID");
    assert_eq!(answered.remote, 0xab30_317f_1a78_4dc4_8ff8_24d0_d371_5d86);
    let cancel = invite
        .replace("INVITE sip", "CANCEL sip")
        .replace("1 INVITE", "1 CANCEL")
        .replace("Content-Length", &format!("{reason}Content-Length"));
    end_by(&mut lone, cancel)
}

/// How a session ends because of this message.
fn end_by(lone: &mut Lone, bytes: impl Into<Bytes>) -> End {
    let flow = lone.flow.expect("a flow");
    let bytes = bytes.into();
    lone.agent.handle(lone.now, Input::Received { flow, bytes });
    let mut end = None;
    while let Some(output) = lone.agent.poll() {
        if let Output::Event(Event::Session {
            event: SessionEvent::Failed(told) | SessionEvent::Ended(told),
            ..
        }) = output
        {
            end = Some(told);
        }
    }
    end.expect("the session ends")
}

#[test]
fn a_call_answered_elsewhere_is_told_apart_from_one_given_up() {
    let elsewhere = cancelled("Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n");
    assert!(elsewhere.is_answered_elsewhere());
    assert_eq!(elsewhere.cause.as_str(), "Canceled");
    assert_eq!(
        elsewhere.detail.as_deref(),
        Some("Call completed elsewhere")
    );
    for reason in [
        "",
        "Reason: SIP;cause=487\r\n",
        "Reason: Q.850;cause=200\r\n",
    ] {
        let given_up = cancelled(reason);
        assert!(!given_up.is_answered_elsewhere(), "{reason}");
        assert_eq!(given_up.detail, None, "{reason}");
    }
    let both =
        cancelled("Reason: Q.850;cause=16;text=\"Terminated\", SIP;cause=600\r\nReason: ;\r\n");
    let causes: Vec<_> = both.reasons().iter().map(|it| it.cause).collect();
    assert_eq!(causes, [Some(16), Some(600)]);
    assert_eq!(both.detail.as_deref(), Some("Terminated"));
}

#[test]
fn the_reason_of_a_bye_and_of_a_gateways_response_are_told() {
    let mut lone = Lone::unregistered();
    lone.call();
    let invite = lone.request(Method::Invite);
    lone.answer_from(&invite, StatusCode::OK, "bob", util::OFFER);
    let ack = lone.requests.pop().expect("an ACK");
    let bye = format!(
        "BYE sip:{} SIP/2.0\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bKbye\r\n\
        Max-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: 1 BYE\r\n\
        Reason: SIP;cause=503;text=\"Preempted \\\"again\\\"\"\r\nContent-Length: 0\r\n\r\n",
        "alice@example.com",
        ack.header("To").expect("a To"),
        ack.header("From").expect("a From"),
        ack.call_id().expect("a Call-ID"),
    );
    let end = end_by(&mut lone, bye);
    let reason = &end.reasons()[0];
    let words = "Preempted \"again\"";
    assert_eq!(
        (reason.cause, reason.text.as_deref()),
        (Some(503), Some(words))
    );
    assert_eq!(end.detail.as_deref(), Some(words));
    assert_eq!(end.cause.as_str(), "Terminated");

    let mut lone = Lone::unregistered();
    lone.call();
    let invite = lone.request(Method::Invite);
    let mut response = OutgoingResponse::to_request(&invite, StatusCode::BUSY_HERE);
    let reason = "Q.850;cause=17;text=\"User busy\"";
    response
        .headers_mut()
        .push("Reason", reason)
        .expect("a header");
    let end = end_by(&mut lone, response.write().expect("a response"));
    assert_eq!(end.cause.as_str(), "Busy");
    assert_eq!(end.detail.as_deref(), Some("User busy"));
    assert!(!end.is_answered_elsewhere());
}
