//! Stories of transfers: REFER and its subscription (RFC 3515), and Replaces (RFC 3891).
//!
//! Alice is in a call with Bob and transfers him to Carol.

mod util;

use std::time::Duration;

use offhook_core::{CommandError, Question, ReferOptions, Reply, SessionId, Transport};
use offhook_sip::{HeaderName, Message, Method, Replaces, StatusCode};
use util::trio::{ALICE, BOB, CAROL, Decide, Fate, Trio};

const SECOND: Duration = Duration::from_secs(1);

const ACCEPT: Decide = |question| match question {
    Question::Refer { .. } | Question::Replaces { .. } => Some(Reply::accept()),
    _ => Some(Reply::Proceed),
};

/// Leaves transfers to the test.
const WAIT: Decide = |question| match question {
    Question::Refer { .. } | Question::Replaces { .. } => None,
    _ => Some(Reply::Proceed),
};

/// Alice and Bob talk; Bob takes transfers and Carol answers calls.
fn transferable(transport: Transport) -> (Trio, SessionId, SessionId) {
    let mut trio = Trio::new(transport);
    let (alice, bob) = trio.call(ALICE, BOB);
    trio.phones[BOB].decide = ACCEPT;
    trio.phones[CAROL].answers = true;
    (trio, alice, bob)
}

#[test]
fn a_blind_transfer_is_followed_to_its_end() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let (mut trio, alice, bob) = transferable(transport);
        trio.refer(ALICE, alice, CAROL, ReferOptions::default());
        trio.run(SECOND);
        assert_eq!(
            trio.refers(ALICE, alice),
            "1:requestSucceeded 1:trying(100) 1:progress(180) 1:accepted(200) \
             1:terminated(noresource)",
            "{trio}"
        );
        assert!(trio.story(BOB, bob).ends_with("refer referred"), "{trio}");
        let (called, calls) = (trio.last_session(CAROL), trio.last_session(BOB));
        assert!(trio.is_established(CAROL, called), "{trio}");
        assert!(trio.is_established(BOB, calls), "{trio}");
        // The call between Alice and Bob is theirs to end.
        assert!(trio.is_established(ALICE, alice) && trio.is_established(BOB, bob));
        let refer = trio.sent(ALICE, "REFER")[0];
        assert_eq!(
            refer.header(HeaderName::ReferTo),
            Some(format!("<{}>", trio.uri(CAROL)).as_str())
        );
        let by = Some("<sip:alice@example.com>");
        assert_eq!(refer.header(HeaderName::ReferredBy), by);
        assert!(refer.contact().is_ok());
        let invite = trio.sent(BOB, "INVITE")[0];
        assert_eq!(invite.header(HeaderName::ReferredBy), by);
        assert_eq!(invite.header(HeaderName::Replaces), None);
        for notify in trio.sent(BOB, "NOTIFY") {
            let cseq = refer.cseq().expect("a CSeq").number;
            assert_eq!(
                notify.header(HeaderName::Event),
                Some(format!("refer;id={cseq}").as_str())
            );
            assert_eq!(
                notify.header(HeaderName::ContentType),
                Some("message/sipfrag;version=2.0")
            );
        }
        trio.finish();
    }
}

#[test]
fn the_transferor_hangs_up_by_itself_once_the_target_has_answered() {
    let (mut trio, alice, bob) = transferable(Transport::Udp);
    let options = ReferOptions {
        hang_up: true,
        ..Default::default()
    };
    trio.refer(ALICE, alice, CAROL, options);
    trio.run(SECOND);
    assert!(
        trio.story(ALICE, alice).ends_with(
            "refer:1:accepted(200) ended(local, Terminated) refer:1:terminated(noresource) closed"
        ),
        "{trio}"
    );
    assert!(
        trio.story(BOB, bob)
            .ends_with("ended(remote, Terminated) closed"),
        "{trio}"
    );
    let calls = trio.last_session(BOB);
    assert!(trio.is_established(BOB, calls), "{trio}");
    trio.finish();
}

#[test]
fn a_failed_transfer_leaves_the_call_as_it_was() {
    let (mut trio, alice, bob) = transferable(Transport::Udp);
    trio.phones[CAROL].answers = false;
    let options = ReferOptions {
        hang_up: true,
        ..Default::default()
    };
    trio.refer(ALICE, alice, CAROL, options);
    trio.run(SECOND);
    let called = trio.last_session(CAROL);
    let now = trio.now;
    let mut session = trio.phones[CAROL].agent.session(called).expect("a session");
    let busy = offhook_core::TerminateOptions {
        status: Some(StatusCode::BUSY_HERE),
        ..Default::default()
    };
    session.terminate(now, busy).expect("refused");
    trio.run(SECOND);
    assert!(
        trio.refers(ALICE, alice)
            .ends_with("1:progress(180) 1:failed(486) 1:terminated(noresource)"),
        "{trio}"
    );
    assert!(trio.is_established(ALICE, alice) && trio.is_established(BOB, bob));
    trio.finish();
}

#[test]
fn a_transfer_that_nobody_allows_is_declined() {
    for decide in [
        (|_| Some(Reply::Proceed)) as Decide,
        |question| match question {
            Question::Refer { .. } => Some(Reply::Reject {
                status: StatusCode::DECLINE,
                reason: None,
                extra_headers: Vec::new(),
                body: None,
            }),
            _ => Some(Reply::Proceed),
        },
    ] {
        let (mut trio, alice, bob) = transferable(Transport::Udp);
        trio.phones[BOB].decide = decide;
        trio.refer(ALICE, alice, CAROL, ReferOptions::default());
        trio.run(SECOND);
        assert_eq!(
            trio.refers(ALICE, alice),
            "1:requestSucceeded 1:trying(100) 1:failed(603) 1:terminated(noresource)",
            "{trio}"
        );
        assert!(trio.is_established(ALICE, alice) && trio.is_established(BOB, bob));
        assert!(trio.phones[CAROL].sessions.is_empty());
        trio.finish();
    }
}

#[test]
fn a_target_that_never_answers_is_told_as_a_timeout() {
    let (mut trio, alice, _) = transferable(Transport::Udp);
    trio.phones[CAROL].answers = false;
    trio.refer(ALICE, alice, CAROL, ReferOptions::default());
    trio.run(Duration::from_secs(200));
    let refers = trio.refers(ALICE, alice);
    assert!(
        refers.ends_with("1:progress(180) 1:failed(408) 1:terminated(noresource)"),
        "{trio}"
    );
    trio.finish();
}

#[test]
fn a_target_that_cannot_be_reached_is_told_as_503() {
    let (mut trio, alice, _) = transferable(Transport::Udp);
    let now = trio.now;
    let mut session = trio.phones[ALICE].agent.session(alice).expect("a session");
    session
        .refer(now, "sip:dave@192.0.2.9", ReferOptions::default())
        .expect("a REFER");
    trio.run(SECOND);
    assert!(
        trio.refers(ALICE, alice)
            .ends_with("1:trying(100) 1:failed(503) 1:terminated(noresource)"),
        "{trio}"
    );
    trio.finish();
}

#[test]
fn an_attended_transfer_puts_the_new_call_in_the_old_ones_place() {
    // Whoever called whom before: the tags stand as Carol sees them.
    for carol_called in [false, true] {
        let (mut trio, alice, bob) = transferable(Transport::Udp);
        let (consulting, consulted) = if carol_called {
            let (carol, alice) = trio.call(CAROL, ALICE);
            (alice, carol)
        } else {
            trio.call(ALICE, CAROL)
        };
        trio.phones[CAROL].decide = ACCEPT;
        let options = ReferOptions {
            replaces: Some(consulting),
            hang_up: true,
            ..Default::default()
        };
        trio.refer(ALICE, alice, CAROL, options);
        trio.run(SECOND);
        let refer = trio.sent(ALICE, "REFER")[0];
        let refer_to = refer.header(HeaderName::ReferTo).expect("a Refer-To");
        assert!(refer_to.contains("?Replaces="), "{refer_to}");
        let invite = trio.sent(BOB, "INVITE")[0];
        assert!(!invite.uri_text().contains('?'), "{}", invite.uri_text());
        assert!(matches!(invite.typed::<Replaces<'_>>(), Ok(Some(_))));
        // Carol's first call ends before she is told that the second is confirmed.
        let log = &trio.phones[CAROL].log;
        let told = |what: &str| log.iter().rposition(|event| event == what);
        assert!(
            told("ended(local, Terminated)") < told("confirmed(remote)"),
            "{log:?}"
        );
        assert!(
            trio.story(CAROL, consulted)
                .ends_with("replaces ended(local, Terminated) closed"),
            "{trio}"
        );
        assert!(
            trio.story(ALICE, consulting)
                .ends_with("ended(remote, Terminated) closed"),
            "{trio}"
        );
        assert!(trio.story(ALICE, alice).ends_with("closed"), "{trio}");
        assert!(trio.story(BOB, bob).ends_with("closed"), "{trio}");
        let (calls, called) = (trio.last_session(BOB), trio.last_session(CAROL));
        assert!(trio.is_established(BOB, calls) && trio.is_established(CAROL, called));
        trio.finish();
    }
}

#[test]
fn a_call_of_the_target_that_still_rings_may_be_replaced() {
    let (mut trio, alice, bob) = transferable(Transport::Udp);
    trio.phones[CAROL].decide = ACCEPT;
    trio.phones[CAROL].answers = true;
    trio.phones[ALICE].answers = false;
    let (now, target) = (trio.now, trio.uri(ALICE));
    let phone = &mut trio.phones[CAROL];
    let calling = phone.agent.call(now, &target, Default::default());
    let calling = calling.expect("a call");
    trio.run(SECOND);
    let ringing = trio.last_session(ALICE);
    let options = ReferOptions {
        replaces: Some(ringing),
        ..Default::default()
    };
    trio.refer(ALICE, alice, CAROL, options);
    trio.run(SECOND);
    assert!(
        trio.story(CAROL, calling)
            .ends_with("failed(local, Canceled) closed"),
        "{trio}"
    );
    assert!(
        trio.story(ALICE, ringing)
            .ends_with("failed(remote, Canceled) closed"),
        "{trio}"
    );
    let (calls, called) = (trio.last_session(BOB), trio.last_session(CAROL));
    assert!(trio.is_established(BOB, calls) && trio.is_established(CAROL, called));
    assert!(
        trio.is_established(BOB, bob),
        "alice hangs up when she likes"
    );
    trio.finish();
}

#[test]
fn a_replacement_that_nobody_allows_is_refused_and_the_calls_stay() {
    let (mut trio, alice, bob) = transferable(Transport::Udp);
    let (consulting, consulted) = trio.call(ALICE, CAROL);
    let options = ReferOptions {
        replaces: Some(consulting),
        hang_up: true,
        ..Default::default()
    };
    trio.refer(ALICE, alice, CAROL, options);
    trio.run(SECOND);
    assert!(
        trio.refers(ALICE, alice)
            .ends_with("1:trying(100) 1:failed(486) 1:terminated(noresource)"),
        "{trio}"
    );
    for (who, session) in [
        (ALICE, alice),
        (BOB, bob),
        (ALICE, consulting),
        (CAROL, consulted),
    ] {
        assert!(trio.is_established(who, session), "{trio}");
    }
    trio.finish();
}

#[test]
fn a_replaced_call_that_ends_first_refuses_its_replacement() {
    let (mut trio, alice, _) = transferable(Transport::Udp);
    let (consulting, consulted) = trio.call(ALICE, CAROL);
    trio.phones[CAROL].decide = WAIT;
    let options = ReferOptions {
        replaces: Some(consulting),
        ..Default::default()
    };
    trio.refer(ALICE, alice, CAROL, options);
    trio.run(SECOND);
    trio.hang_up(CAROL, consulted);
    trio.run(SECOND);
    assert!(
        trio.refers(ALICE, alice)
            .ends_with("1:failed(603) 1:terminated(noresource)"),
        "{trio}"
    );
    trio.finish();
}

#[test]
fn a_replacement_may_be_cancelled_while_the_application_considers_it() {
    let (mut trio, alice, _) = transferable(Transport::Udp);
    let (consulting, _) = trio.call(ALICE, CAROL);
    trio.phones[CAROL].decide = WAIT;
    let options = ReferOptions {
        replaces: Some(consulting),
        ..Default::default()
    };
    trio.refer(ALICE, alice, CAROL, options);
    trio.run(SECOND);
    let calls = trio.last_session(BOB);
    trio.hang_up(BOB, calls);
    trio.run(SECOND);
    assert!(
        trio.story(BOB, calls)
            .ends_with("failed(local, Canceled) closed"),
        "{trio}"
    );
    // The word comes too late, and does nothing.
    trio.reply(CAROL, Reply::accept());
    trio.run(SECOND);
    assert_eq!(trio.phones[CAROL].sessions.len(), 1);
    trio.finish();
}

#[test]
fn the_transferor_may_hang_up_right_after_its_refer() {
    let (mut trio, alice, bob) = transferable(Transport::Udp);
    trio.phones[BOB].decide = WAIT;
    trio.refer(ALICE, alice, CAROL, ReferOptions::default());
    trio.hang_up(ALICE, alice);
    trio.run(SECOND);
    assert!(
        trio.story(BOB, bob)
            .ends_with("refer ended(remote, Terminated)"),
        "{trio}"
    );
    trio.reply(BOB, Reply::accept());
    trio.run(SECOND);
    let (calls, called) = (trio.last_session(BOB), trio.last_session(CAROL));
    assert!(trio.is_established(BOB, calls), "{trio}");
    assert!(trio.is_established(CAROL, called), "{trio}");
    // The subscription outlives the call, and both let go when it is over.
    assert!(
        trio.story(ALICE, alice).ends_with(
            "ended(local, Terminated) refer:1:requestSucceeded refer:1:trying(100) \
             refer:1:progress(180) refer:1:accepted(200) refer:1:terminated(noresource) closed"
        ),
        "{trio}"
    );
    assert!(trio.story(BOB, bob).ends_with("referred closed"), "{trio}");
    trio.finish();
}

#[test]
fn a_refer_that_crosses_a_bye_fails_alone() {
    let (mut trio, alice, bob) = transferable(Transport::Udp);
    trio.refer(ALICE, alice, CAROL, ReferOptions::default());
    trio.hang_up(BOB, bob);
    trio.run(SECOND);
    let refers = trio.refers(ALICE, alice);
    assert_eq!(refers, "1:requestFailed(Dialog Error)", "{trio}");
    assert!(trio.phones[CAROL].sessions.is_empty(), "{trio}");
    trio.finish();
}

#[test]
fn two_transfers_at_once_are_told_apart() {
    let (mut trio, alice, _) = transferable(Transport::Udp);
    trio.phones[BOB].decide = WAIT;
    let first = trio.refer(ALICE, alice, CAROL, ReferOptions::default());
    let second = trio.refer(ALICE, alice, CAROL, ReferOptions::default());
    assert_eq!((first, second), (1, 2));
    trio.run(SECOND);
    // The question asked last is about the second.
    trio.reply(BOB, Reply::Proceed);
    trio.reply(BOB, Reply::accept());
    trio.run(SECOND);
    let refers = trio.refers(ALICE, alice);
    let of = |refer: &str| -> String {
        let events = refers.split(' ').filter(|event| event.starts_with(refer));
        events.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        of("1:"),
        "1:requestSucceeded 1:trying(100) 1:progress(180) 1:accepted(200) 1:terminated(noresource)"
    );
    assert_eq!(
        of("2:"),
        "2:requestSucceeded 2:trying(100) 2:failed(603) 2:terminated(noresource)"
    );
    trio.finish();
}

#[test]
fn a_call_on_hold_may_be_transferred() {
    let (mut trio, alice, _) = transferable(Transport::Udp);
    let now = trio.now;
    let mut session = trio.phones[ALICE].agent.session(alice).expect("a session");
    session.hold(now, Default::default()).expect("held");
    session
        .refer(now, "sip:carol@192.0.2.3:5060", ReferOptions::default())
        .expect("a REFER");
    trio.run(SECOND);
    assert!(trio.story(ALICE, alice).contains("renegotiated"), "{trio}");
    let refers = trio.refers(ALICE, alice);
    assert!(refers.contains("1:accepted(200)"), "{trio}");
    trio.finish();
}

#[test]
fn without_a_subscription_nothing_is_told() {
    let (mut trio, alice, bob) = transferable(Transport::Udp);
    let options = ReferOptions {
        subscribe: false,
        hang_up: true,
        ..Default::default()
    };
    trio.refer(ALICE, alice, CAROL, options);
    trio.run(SECOND);
    assert_eq!(trio.refers(ALICE, alice), "1:requestSucceeded", "{trio}");
    assert!(trio.sent(BOB, "NOTIFY").is_empty(), "{trio}");
    let refer = trio.sent(ALICE, "REFER")[0];
    assert_eq!(refer.header(HeaderName::ReferSub), Some("false"));
    assert!(trio.story(BOB, bob).ends_with("closed"), "{trio}");
    let calls = trio.last_session(BOB);
    assert!(trio.is_established(BOB, calls), "{trio}");
    trio.finish();
}

#[test]
fn lost_doubled_and_late_messages_change_nothing() {
    /// Which message meets its fate: the sender, and the method of its CSeq.
    fn is(message: &Message, method: Method<'_>, request: bool) -> bool {
        let cseq = match message {
            Message::Request(request) => request.cseq(),
            Message::Response(response) => response.cseq(),
        };
        matches!(message, Message::Request(_)) == request
            && cseq.is_ok_and(|cseq| cseq.method == method)
    }
    for method in [Method::Refer, Method::Notify] {
        for request in [true, false] {
            for fate in [
                Fate::Lose,
                Fate::Double,
                Fate::Late(Duration::from_millis(300)),
            ] {
                for nth in 0..4 {
                    let (mut trio, alice, _) = transferable(Transport::Udp);
                    let mut seen = 0;
                    let owned = method.as_str();
                    trio.judge = Box::new(move |_, message| {
                        if !is(message, Method::parse(owned), request) {
                            return Fate::Arrive;
                        }
                        seen += 1;
                        if seen == nth + 1 { fate } else { Fate::Arrive }
                    });
                    trio.refer(ALICE, alice, CAROL, ReferOptions::default());
                    trio.run(SECOND * 10);
                    let refers = trio.refers(ALICE, alice);
                    let count = |event: &str| refers.matches(event).count();
                    for event in [
                        "requestSucceeded",
                        "trying(100)",
                        "progress(180)",
                        "accepted(200)",
                        "terminated(noresource)",
                    ] {
                        assert_eq!(count(event), 1, "{event} in {refers}\n{trio}");
                    }
                    assert!(refers.ends_with("1:terminated(noresource)"), "{trio}");
                    trio.finish();
                }
            }
        }
    }
}

#[test]
fn a_peer_that_falls_silent_ends_the_subscription() {
    let (mut trio, alice, _) = transferable(Transport::Udp);
    trio.phones[CAROL].answers = false;
    trio.refer(ALICE, alice, CAROL, ReferOptions::default());
    trio.run(SECOND);
    trio.judge = Box::new(|from, _| {
        if from == BOB {
            Fate::Lose
        } else {
            Fate::Arrive
        }
    });
    trio.run(Duration::from_secs(310));
    assert!(
        trio.refers(ALICE, alice)
            .ends_with("1:progress(180) 1:terminated(timeout)"),
        "{trio}"
    );
    trio.judge = Box::new(|_, _| Fate::Arrive);
    trio.finish();
}

#[test]
fn a_question_that_is_never_answered_ends_the_subscription() {
    let (mut trio, alice, _) = transferable(Transport::Udp);
    trio.phones[BOB].decide = WAIT;
    trio.refer(ALICE, alice, CAROL, ReferOptions::default());
    trio.run(Duration::from_secs(301));
    assert_eq!(
        trio.refers(ALICE, alice),
        "1:requestSucceeded 1:trying(100) 1:trying(100) 1:terminated(timeout)",
        "{trio}"
    );
    // The word comes too late, and does nothing.
    trio.reply(BOB, Reply::accept());
    trio.run(SECOND);
    assert!(trio.phones[CAROL].sessions.is_empty(), "{trio}");
    trio.finish();
}

#[test]
fn a_referral_of_a_referral_works() {
    let (mut trio, alice, _) = transferable(Transport::Udp);
    trio.refer(ALICE, alice, CAROL, ReferOptions::default());
    trio.run(SECOND);
    // Carol sends Bob on, to Alice.
    trio.phones[ALICE].answers = true;
    let called = trio.last_session(CAROL);
    trio.refer(CAROL, called, ALICE, ReferOptions::default());
    trio.run(SECOND);
    assert!(
        trio.refers(CAROL, called).contains("1:accepted(200)"),
        "{trio}"
    );
    trio.finish();
}

#[test]
fn an_application_that_never_speaks_of_a_replacement_refuses_it_in_the_end() {
    let (mut trio, alice, bob) = transferable(Transport::Udp);
    let (consulting, consulted) = trio.call(ALICE, CAROL);
    trio.phones[CAROL].decide = WAIT;
    let options = ReferOptions {
        replaces: Some(consulting),
        ..Default::default()
    };
    trio.refer(ALICE, alice, CAROL, options);
    trio.run(Duration::from_secs(200));
    assert!(
        trio.refers(ALICE, alice)
            .ends_with("1:failed(408) 1:terminated(noresource)"),
        "{trio}"
    );
    assert!(trio.is_established(BOB, bob) && trio.is_established(CAROL, consulted));
    trio.finish();
}

#[test]
fn a_caller_who_hides_is_not_named_by_his_transfer() {
    let mut trio = Trio::new(Transport::Udp);
    let (now, target) = (trio.now, trio.uri(BOB));
    trio.phones[BOB].answers = true;
    let options = offhook_core::CallOptions {
        anonymous: true,
        ..Default::default()
    };
    let phone = &mut trio.phones[ALICE];
    let alice = phone.agent.call(now, &target, options).expect("a call");
    trio.run(SECOND);
    trio.refer(ALICE, alice, CAROL, ReferOptions::default());
    assert_eq!(trio.refers(ALICE, alice), "");
    trio.run(SECOND);
    let refer = trio.sent(ALICE, "REFER")[0];
    assert_eq!(
        refer.header(HeaderName::ReferredBy),
        Some("<sip:anonymous@anonymous.invalid>")
    );
    trio.finish();
}

#[test]
fn what_the_application_gives_with_its_accept_goes_before_what_came_with_the_refer() {
    let (mut trio, alice, _) = transferable(Transport::Udp);
    trio.phones[BOB].decide = WAIT;
    trio.refer(ALICE, alice, CAROL, ReferOptions::default());
    trio.run(SECOND);
    let options = offhook_core::CallOptions {
        extra_headers: vec![
            (
                "Referred-By".to_owned(),
                "<sip:desk@example.com>".to_owned(),
            ),
            ("X-Case".to_owned(), "17".to_owned()),
        ],
        ..Default::default()
    };
    trio.reply(BOB, Reply::Accept { options });
    trio.run(SECOND);
    let invite = trio.sent(BOB, "INVITE")[0];
    let by: Vec<&str> = invite.headers(HeaderName::ReferredBy).collect();
    assert_eq!(by, ["<sip:desk@example.com>"]);
    assert_eq!(invite.header("X-Case"), Some("17"));
    trio.finish();
}

#[test]
fn refer_says_what_it_cannot_do() {
    let (mut trio, alice, _) = transferable(Transport::Udp);
    let (other, _) = trio.call(ALICE, CAROL);
    let now = trio.now;
    let mut try_it = |target: &str, options: ReferOptions| {
        let mut session = trio.phones[ALICE].agent.session(alice).expect("a session");
        session.refer(now, target, options)
    };
    let invalid = |result: Result<u32, CommandError>| match result {
        Err(CommandError::InvalidArgument { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    let with = |name: &str, value: &str| ReferOptions {
        extra_headers: vec![(name.to_owned(), value.to_owned())],
        ..Default::default()
    };
    let replacing = |session| ReferOptions {
        replaces: Some(session),
        ..Default::default()
    };
    assert_eq!(invalid(try_it("no where", Default::default())), "target");
    assert_eq!(
        invalid(try_it("carol", with("Refer-To", "sip:x@y"))),
        "extra_headers"
    );
    assert_eq!(
        invalid(try_it("carol", with("X-A", "a\r\nVia: b"))),
        "extra_headers"
    );
    assert_eq!(invalid(try_it("carol", replacing(alice))), "replaces");
    assert_eq!(
        invalid(try_it("sip:c@d?Replaces=x", replacing(other))),
        "target"
    );
    // One that rings is nobody's to replace.
    trio.phones[CAROL].answers = false;
    let target = trio.uri(CAROL);
    let phone = &mut trio.phones[ALICE];
    let ringing = phone.agent.call(now, &target, Default::default());
    let ringing = ringing.expect("a call");
    trio.run(SECOND);
    let now = trio.now;
    let mut session = trio.phones[ALICE].agent.session(alice).expect("a session");
    assert_eq!(
        invalid(session.refer(now, "carol", replacing(ringing))),
        "replaces"
    );
    let mut session = trio.phones[ALICE]
        .agent
        .session(ringing)
        .expect("a session");
    assert!(matches!(
        session.refer(now, "carol", Default::default()),
        Err(CommandError::InvalidState { .. })
    ));
    assert!(trio.sent(ALICE, "REFER").is_empty());
    trio.finish();
}

/// What happens in a story of chance, from a seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        // Knuth's linear congruential generator: its upper bits are good enough for stories.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[test]
fn whatever_happens_to_a_transfer_every_call_ends_once_and_nothing_stays() {
    for seed in 0..200 {
        let mut chance = Chance(seed);
        let (mut trio, alice, bob) = transferable(Transport::Udp);
        let consulting = (chance.below(2) == 0).then(|| trio.call(ALICE, CAROL));
        if chance.below(4) > 0 {
            trio.phones[CAROL].decide = ACCEPT;
        }
        let loss = chance.below(30);
        let mut weather = Chance(seed + 1_000_000);
        trio.judge = Box::new(move |_, _| match weather.below(100) {
            draw if draw < loss => Fate::Lose,
            draw if draw < loss + 10 => Fate::Double,
            draw if draw < loss + 20 => Fate::Late(Duration::from_millis(weather.below(4000))),
            _ => Fate::Arrive,
        });
        for _ in 0..=chance.below(2) {
            let options = ReferOptions {
                replaces: consulting.map(|(session, _)| session),
                subscribe: chance.below(5) > 0,
                hang_up: chance.below(2) == 0,
                ..Default::default()
            };
            if trio.is_established(ALICE, alice)
                && consulting.is_none_or(|(session, _)| trio.is_established(ALICE, session))
            {
                trio.refer(ALICE, alice, CAROL, options);
            }
            trio.run(Duration::from_millis(chance.below(400)));
        }
        let mut ends = vec![(ALICE, alice), (BOB, bob)];
        if let Some((calls, called)) = consulting {
            ends.extend([(ALICE, calls), (CAROL, called)]);
        }
        let (who, session) = ends[chance.below(ends.len() as u64) as usize];
        if trio.is_established(who, session) {
            trio.hang_up(who, session);
        }
        trio.run(SECOND * 60);
        trio.judge = Box::new(|_, _| Fate::Arrive);
        trio.finish();
    }
}
