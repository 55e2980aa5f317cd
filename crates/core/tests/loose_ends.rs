//! Stories of what is under way when something else ends, fails or never comes.

mod util;

use std::time::Duration;

use offhook_core::{
    CallOptions, MediaReport, MediaRequest, MediaStep, OnHold, Reply, TerminateOptions, Transport,
};
use offhook_sip::{Message, Method, StatusCode};
use util::trio::{ALICE, BOB, CAROL, Trio};
use util::{Fate, Manner, Pair};

const SECOND: Duration = Duration::from_secs(1);

/// Alice's re-INVITE is at bob's, whose application has not said what it thinks of it.
fn considering(transport: Transport) -> Pair {
    let mut pair = Pair::established(transport);
    pair.bob.asks = Some(|question| question.name() == "reinvite");
    let now = pair.now;
    pair.alice_session()
        .hold(now, Default::default())
        .expect("sent");
    pair.run(SECOND);
    assert_eq!(pair.bob.questions.len(), 1);
    pair
}

#[test]
fn a_bye_of_either_side_answers_the_reinvite_that_is_considered() {
    for transport in [Transport::Udp, Transport::Tcp] {
        for bob_hangs_up in [false, true] {
            let mut pair = considering(transport);
            let now = pair.now;
            let mut session = match bob_hangs_up {
                true => pair.bob_session(),
                false => pair.alice_session(),
            };
            session
                .terminate(now, TerminateOptions::default())
                .expect("hung up");
            pair.run(SECOND);
            assert_eq!(pair.bob.sent_count("SIP/2.0 487"), 1);
            pair.run_out();
            pair.assert_clean();
        }
    }
}

#[test]
fn a_reinvite_that_is_never_answered_is_cancelled_and_the_call_lives() {
    let mut pair = considering(Transport::Udp);
    pair.run(SECOND * 30);
    assert_eq!(pair.alice.sent_count("CANCEL"), 0);
    pair.run(SECOND * 31);
    assert_eq!(pair.alice.sent_count("CANCEL"), 1);
    assert_eq!(pair.bob.sent_count("SIP/2.0 487"), 1);
    assert!(
        pair.alice
            .story()
            .ends_with("unhold(local) renegotiated(SIP Failure Code)"),
        "{}",
        pair.alice.story()
    );
    // What the application says now comes too late, and does no harm.
    let (ask, _) = pair.bob.questions.pop().expect("a question");
    let now = pair.now;
    pair.bob.agent.reply(now, ask, Reply::Proceed);
    pair.bob.asks = None;
    pair.run(SECOND);
    let now = pair.now;
    pair.bob_session()
        .hold(now, Default::default())
        .expect("both are ready again");
    pair.run(SECOND);
    assert!(
        pair.alice.story().contains("hold(remote)"),
        "{}",
        pair.alice.story()
    );
    pair.alice_session()
        .terminate(now, TerminateOptions::default())
        .expect("hung up");
    pair.run_out();
    pair.assert_clean();
}

#[test]
fn the_peers_refresh_leaves_our_own_offer_alone() {
    let mut pair = Pair::established(Transport::Udp);
    pair.run(SECOND * 43);
    pair.bob.asks = Some(|question| question.name() == "reinvite");
    let now = pair.now;
    pair.alice_session()
        .hold(now, Default::default())
        .expect("sent");
    pair.run(SECOND * 3);
    assert_eq!(pair.bob.sent_count("UPDATE"), 1, "a refresh, half way");
    assert_eq!(pair.alice.sent_count("SIP/2.0 200"), 1, "which is taken");
    let (ask, _) = pair.bob.questions.pop().expect("a question");
    let now = pair.now;
    pair.bob.agent.reply(now, ask, Reply::Proceed);
    pair.bob.asks = None;
    pair.run(SECOND);
    assert!(
        pair.alice.story().ends_with("reoffered sdp renegotiated"),
        "{}",
        pair.alice.story()
    );
    assert!(
        pair.bob.story().contains("hold(remote)"),
        "{}",
        pair.bob.story()
    );
    let now = pair.now;
    pair.alice_session()
        .unhold(now, Default::default())
        .expect("alice is ready again");
    pair.run(SECOND);
    let now = pair.now;
    pair.alice_session()
        .terminate(now, TerminateOptions::default())
        .expect("hung up");
    pair.run_out();
    pair.assert_clean();
}

#[test]
fn an_offer_that_cannot_be_answered_holds_nobody() {
    let mut pair = Pair::established(Transport::Udp);
    pair.bob.deaf_to = Some(|request| matches!(request, MediaRequest::CreateAnswer));
    let now = pair.now;
    pair.alice_session()
        .hold(now, Default::default())
        .expect("sent");
    pair.run(SECOND);
    let (now, session) = (pair.now, pair.bob.session.expect("a session"));
    let report = MediaReport::Failed {
        step: MediaStep::CreateAnswer,
        error: "no codec".to_owned(),
    };
    pair.bob.agent.media(now, session, report);
    pair.run(SECOND);
    let info = pair.bob.agent.session_info(session).expect("it lives");
    assert_eq!(info.is_on_hold(), OnHold::default());
    assert!(
        pair.bob.story().contains("hold(remote) ") && pair.bob.story().contains(" unhold(remote)"),
        "{}",
        pair.bob.story()
    );
    assert!(
        pair.alice
            .story()
            .ends_with("hold(local) sdp unhold(local) renegotiated(SIP Failure Code)"),
        "{}",
        pair.alice.story()
    );
}

#[test]
fn a_call_that_is_answered_and_never_gets_its_media_is_refused_in_the_end() {
    let mut pair = Pair::new(Transport::Udp);
    pair.bob.manner = Manner::Answer;
    pair.bob.deaf_to = Some(|request| matches!(request, MediaRequest::CreateAnswer));
    pair.call();
    pair.run(SECOND * 59);
    assert!(!pair.bob.story().contains("failed"), "{}", pair.bob.story());
    pair.run(SECOND * 2);
    assert!(
        pair.bob
            .story()
            .ends_with("failed(local, No Answer) closed"),
        "{}",
        pair.bob.story()
    );
    assert!(
        pair.alice
            .story()
            .ends_with("failed(remote, Unavailable) closed"),
        "{}",
        pair.alice.story()
    );
    pair.run_out();
    pair.assert_clean();
}

#[test]
fn an_info_that_a_later_one_has_overtaken_goes_again() {
    let mut pair = Pair::established(Transport::Udp);
    let mut seen = 0;
    // The first of them is lost, and comes again after the second.
    pair.fate = Box::new(move |_, message| match message {
        Message::Request(request) if request.method() == Method::Info => {
            seen += 1;
            if seen == 1 { Fate::Lose } else { Fate::Arrive }
        }
        _ => Fate::Arrive,
    });
    let now = pair.now;
    for body in ["one", "two"] {
        pair.alice_session()
            .send_info(now, "text/plain", body, &Vec::new())
            .expect("sent");
    }
    pair.run(SECOND * 3);
    assert_eq!(pair.bob.sent_count("SIP/2.0 500"), 1);
    assert_eq!(
        pair.bob.story().matches("newInfo(remote").count(),
        2,
        "{}",
        pair.bob.story()
    );
    assert_eq!(pair.alice.story().matches("info:delivered").count(), 2);
    let now = pair.now;
    pair.alice_session()
        .terminate(now, TerminateOptions::default())
        .expect("hung up");
    pair.run_out();
    pair.assert_clean();
}

#[test]
fn a_redirected_call_is_cancelled_where_it_rings() {
    let mut trio = Trio::new(Transport::Tcp);
    let (target, further) = (trio.uri(BOB), trio.uri(CAROL));
    let options = CallOptions {
        follow_redirects: true,
        ..Default::default()
    };
    let now = trio.now;
    let call = trio.phones[ALICE]
        .agent
        .call(now, &target, options)
        .expect("a call");
    trio.run(SECOND);
    let (now, ringing) = (trio.now, trio.last_session(BOB));
    let moved = TerminateOptions {
        status: StatusCode::new(302),
        extra_headers: vec![("Contact".to_owned(), format!("<{further}>"))],
        ..Default::default()
    };
    trio.phones[BOB]
        .agent
        .session(ringing)
        .expect("a session")
        .terminate(now, moved)
        .expect("redirected");
    trio.run(SECOND);
    let ringing = trio.last_session(CAROL);
    trio.hang_up(ALICE, call);
    trio.run(SECOND);
    assert_eq!(trio.sent(ALICE, "CANCEL").len(), 1);
    assert!(
        trio.story(CAROL, ringing)
            .ends_with("failed(remote, Canceled) closed"),
        "{}",
        trio.story(CAROL, ringing)
    );
    trio.finish();
}

#[test]
fn a_200_to_an_earlier_reinvite_is_no_answer_to_the_next() {
    let mut pair = Pair::established(Transport::Udp);
    let mut lost = 0;
    // Bob's first answer comes twice, as its first ACK is lost; the second offer is out by then.
    pair.fate = Box::new(move |name, message| match message {
        Message::Request(request) if name == "alice" && request.method() == Method::Ack => {
            lost += 1;
            if lost == 1 { Fate::Lose } else { Fate::Arrive }
        }
        _ => Fate::Arrive,
    });
    let now = pair.now;
    pair.alice_session()
        .renegotiate(now, Default::default())
        .expect("sent");
    pair.run(SECOND / 10);
    assert!(
        pair.alice.story().contains("renegotiated"),
        "{}",
        pair.alice.story()
    );
    let now = pair.now;
    let mark = pair.alice.events.len();
    pair.alice_session()
        .hold(now, Default::default())
        .expect("sent");
    pair.run(SECOND * 15);
    // Put off for at most ten seconds as long as the ACK is missing, then taken: told once, and by its own answer.
    let told = pair.alice.events[mark..]
        .iter()
        .filter(|event| event.starts_with("renegotiated"))
        .count();
    assert_eq!(told, 1, "{}", pair.alice.story());
    let hold = |side: &util::Side| {
        let session = side.session.expect("a session");
        let info = side.agent.session_info(session).expect("it lives");
        (info.is_on_hold().local, info.is_on_hold().remote)
    };
    let ((ours, _), (_, theirs)) = (hold(&pair.alice), hold(&pair.bob));
    assert_eq!(ours, theirs, "{}", pair.ladder.join("\n"));
}
