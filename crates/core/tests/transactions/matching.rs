//! Which message belongs to which transaction (RFC 3261, 17.1.3, 17.2.3 and 18.1.2).

use offhook_core::Received;
use offhook_core::Transport::{Tcp, Udp};
use offhook_sip::Method;

use crate::bench::{
    BRANCH, Bench, SENT_BY, request_text, request_with, response_text, s, tagged, turned_into,
};

#[test]
fn a_response_with_another_branch_method_or_sent_by_matches_nothing() {
    let mut bench = Bench::over(Udp);
    bench.request(Method::Invite);
    for stray in [
        response_text("INVITE", 200, "x", SENT_BY, "z9hG4bK-branch-2"),
        response_text("BYE", 200, "x", SENT_BY, BRANCH),
        response_text("CANCEL", 200, "x", SENT_BY, BRANCH),
        response_text("INVITE", 200, "x", "evil.example.com:5066", BRANCH),
        response_text("INVITE", 200, "x", "client.example.com:5067", BRANCH),
        response_text("INVITE", 200, "x", "client.example.com", BRANCH),
    ] {
        assert!(!bench.receive_response(&stray), "{stray}");
    }
    bench.expect(&["send INVITE"]);
    let shouted = response_text("INVITE", 200, "x", "CLIENT.example.COM:5066", BRANCH);
    assert!(
        bench.receive_response(&shouted),
        "a host has no letter case"
    );
    bench.expect(&["response 200"]);
}

#[test]
fn a_response_without_a_branch_or_a_readable_via_matches_nothing() {
    let mut bench = Bench::over(Udp);
    bench.request(Method::Options);
    let good = response_text("OPTIONS", 200, "x", SENT_BY, BRANCH);
    assert!(!bench.receive_response(&good.replace(";branch=z9hG4bK-branch-1", "")));
    assert!(!bench.receive_response(&good.replace("SIP/2.0/UDP", "nonsense")));
    assert!(bench.receive_response(&good));
}

#[test]
fn two_requests_on_one_branch_with_different_methods_are_two_transactions() {
    let mut bench = Bench::over(Tcp);
    bench.request(Method::Options);
    bench.request(Method::Message);
    assert!(bench.answer("MESSAGE", 200));
    assert_eq!(bench.transactions.client_len(), 1);
    assert!(bench.answer("OPTIONS", 200));
    bench.expect_empty();
}

#[test]
fn the_same_branch_from_another_sent_by_is_another_request() {
    let mut bench = Bench::over(Udp);
    for via in [
        "SIP/2.0/UDP peer.example.org:5062;branch=z9hG4bK1",
        "SIP/2.0/UDP peer.example.org:5063;branch=z9hG4bK1",
        "SIP/2.0/UDP peer.example.org;branch=z9hG4bK1",
        "SIP/2.0/UDP other.example.org:5062;branch=z9hG4bK1",
    ] {
        assert!(
            matches!(
                bench.receive(&request_with("OPTIONS", via)),
                Received::New(_)
            ),
            "{via}"
        );
    }
    let again = "SIP/2.0/UDP PEER.example.org:5062;branch=z9hG4bK1";
    assert_eq!(
        bench.receive(&request_with("OPTIONS", again)),
        Received::Absorbed
    );
}

#[test]
fn parts_of_a_key_cannot_be_shifted_into_each_other() {
    let mut bench = Bench::over(Udp);
    let first = request_with("OPTIONS", "SIP/2.0/UDP a.example:1;branch=z9hG4bK1");
    let second = request_with("OPTIONS", "SIP/2.0/UDP a.example;branch=z9hG4bK:1z9hG4bK1");
    assert!(matches!(bench.receive(&first), Received::New(_)));
    assert!(matches!(bench.receive(&second), Received::New(_)));
}

#[test]
fn a_retransmission_is_recognised_whatever_flow_brings_it() {
    let mut bench = Bench::over(Udp);
    let options = request_text("OPTIONS");
    bench.new_server(&options);
    let other = offhook_core::FlowId(77);
    assert_eq!(bench.receive_on(&options, other), Received::Absorbed);
}

#[test]
fn a_request_that_cannot_be_told_apart_is_answered_400_without_a_transaction() {
    let mut bench = Bench::over(Udp);
    let broken = request_with("OPTIONS", "SIP/2.0/UDP a.example").replace("986759 ", "none ");
    assert_eq!(bench.receive(&broken), Received::Refused);
    bench.expect(&["send 400"]);
    bench.expect_empty();
}

// Peers of RFC 2543: no magic cookie in the branch, or no branch.

fn old(method: &str) -> String {
    request_with(method, "SIP/2.0/UDP old.example.org:5060")
}

#[test]
fn an_old_request_again_is_a_retransmission_by_all_its_fields() {
    for via in [
        "SIP/2.0/UDP old.example.org",
        "SIP/2.0/UDP old.example.org;branch=1",
    ] {
        let mut bench = Bench::over(Udp);
        let invite = request_with("INVITE", via);
        bench.new_server(&invite);
        assert_eq!(bench.receive(&invite), Received::Absorbed);
        for (from, to) in [
            ("sip:bob@192.0.2.4", "sip:carol@192.0.2.4"),
            ("tag=88sja8x", "tag=88sja8y"),
            ("987asjd97y7atg", "987asjd97y7ath"),
            ("CSeq: 986759", "CSeq: 986760"),
            ("old.example.org", "older.example.org"),
        ] {
            let other = invite.replacen(from, to, 1);
            assert!(
                matches!(bench.receive(&other), Received::New(_)),
                "{from} is told apart"
            );
        }
    }
}

#[test]
fn an_old_request_other_than_invite_is_told_apart_by_its_to_tag_too() {
    let mut bench = Bench::over(Udp);
    let bye = old("BYE");
    bench.new_server(&tagged(&bye, "one"));
    assert_eq!(bench.receive(&tagged(&bye, "one")), Received::Absorbed);
    assert!(matches!(
        bench.receive(&tagged(&bye, "two")),
        Received::New(_)
    ));
}

#[test]
fn the_ack_of_an_old_peer_is_recognised_by_the_tag_of_the_rejection() {
    let mut bench = Bench::over(Udp);
    let invite = old("INVITE");
    let id = bench.new_server(&invite);
    bench.respond(id, &invite, 486);
    let ack = turned_into("ACK", &invite);
    assert_eq!(bench.receive(&tagged(&ack, "another")), Received::Ack);
    assert_eq!(bench.receive(&tagged(&ack, "server")), Received::Absorbed);
    bench.pass(s(5));
    bench.expect(&["send 100", "send 486", "terminated"]);
    bench.expect_empty();
}

#[test]
fn the_ack_of_an_old_peer_for_a_200_goes_up() {
    let mut bench = Bench::over(Udp);
    let invite = old("INVITE");
    let id = bench.new_server(&invite);
    bench.respond(id, &invite, 200);
    assert_eq!(
        bench.receive(&tagged(&turned_into("ACK", &invite), "server")),
        Received::Ack
    );
}

#[test]
fn the_cancel_of_an_old_peer_finds_its_invite() {
    let mut bench = Bench::over(Udp);
    let invite = old("INVITE");
    let id = bench.new_server(&invite);
    let cancel = turned_into("CANCEL", &invite);
    let Received::Cancel {
        invite: Some(found),
        ..
    } = bench.receive(&cancel)
    else {
        panic!()
    };
    assert_eq!(found, id);
}
