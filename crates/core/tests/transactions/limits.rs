//! What a peer cannot make grow.

use offhook_core::Transport::{Tcp, Udp};
use offhook_core::{Received, SendError, TransactionTimings, Transactions};
use offhook_sip::{HeaderName, Method};

use crate::bench::{Bench, request_text, request_with, s, turned_into};

fn limited_to(max: usize) -> Bench {
    Bench::with(
        Transactions::new(TransactionTimings::default()).with_limit(max),
        Udp,
    )
}

fn numbered(method: &str, number: usize) -> String {
    request_with(
        method,
        &format!("SIP/2.0/UDP peer.example.org;branch=z9hG4bK{number}"),
    )
}

#[test]
fn requests_beyond_the_limit_are_answered_503_without_a_transaction() {
    let mut bench = limited_to(3);
    for number in 0..3 {
        assert!(matches!(
            bench.receive(&numbered("OPTIONS", number)),
            Received::New(_)
        ));
    }
    for number in 3..1_000 {
        assert_eq!(
            bench.receive(&numbered("OPTIONS", number)),
            Received::Refused
        );
    }
    assert_eq!(bench.transactions.server_len(), 3);
    assert_eq!(bench.sent().len(), 997);
    assert_eq!(bench.last_response().status().code(), 503);
    assert_eq!(
        bench.receive(&numbered("OPTIONS", 1)),
        Received::Absorbed,
        "still recognised"
    );
}

#[test]
fn a_refused_request_gets_the_same_tag_each_time_and_its_ack_is_stray() {
    let mut bench = limited_to(0);
    let invite = request_text("INVITE");
    assert_eq!(bench.receive(&invite), Received::Refused);
    let first = bench.last_response();
    assert!(first.to().unwrap().tag().is_some_and(|tag| !tag.is_empty()));
    assert_eq!(bench.receive(&invite), Received::Refused);
    assert_eq!(
        bench.last_response().header(HeaderName::To),
        first.header(HeaderName::To)
    );
    assert_eq!(bench.receive(&turned_into("ACK", &invite)), Received::Ack);
    bench.expect_empty();
}

#[test]
fn a_cancel_finds_room_beside_its_invite_even_at_the_limit() {
    let mut bench = limited_to(1);
    let invite = request_text("INVITE");
    bench.new_server(&invite);
    let received = bench.receive(&turned_into("CANCEL", &invite));
    assert!(matches!(
        received,
        Received::Cancel {
            invite: Some(_),
            ..
        }
    ));
    assert_eq!(bench.receive(&numbered("CANCEL", 7)), Received::Refused);
}

#[test]
fn room_is_found_again_when_a_transaction_ends() {
    let mut bench = limited_to(1);
    let first = numbered("OPTIONS", 1);
    let id = bench.new_server(&first);
    bench.respond(id, &first, 200);
    assert_eq!(bench.receive(&numbered("OPTIONS", 2)), Received::Refused);
    bench.pass(s(32));
    assert!(matches!(
        bench.receive(&numbered("OPTIONS", 2)),
        Received::New(_)
    ));
}

#[test]
fn requests_of_ours_beyond_the_limit_are_refused_but_peers_do_not_use_it_up() {
    let mut bench = limited_to(1);
    bench.new_server(&numbered("OPTIONS", 1));
    bench.request(Method::Bye);
    let error = bench
        .try_request(Method::Bye, "z9hG4bK-branch-2")
        .unwrap_err();
    assert!(matches!(error, SendError::TooMany(1)), "{error}");
}

#[test]
fn strays_leave_nothing_behind() {
    let mut bench = Bench::over(Tcp);
    for number in 0..100 {
        assert_eq!(bench.receive(&numbered("ACK", number)), Received::Ack);
        assert!(!bench.answer("INVITE", 200));
    }
    bench.expect_empty();
    bench.expect(&[]);
}
