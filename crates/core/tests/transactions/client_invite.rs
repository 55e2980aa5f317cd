//! RFC 3261, figure 5 as changed by RFC 6026, figure 7-2: the client INVITE transaction.

use offhook_core::Transport::{Tcp, Udp};
use offhook_sip::{HeaderName, Method};

use crate::bench::{BOTH, BRANCH, Bench, FLOW, SENT_BY, ms, response_text, s};

#[test]
fn calling_sends_the_request_with_a_top_via() {
    let mut bench = Bench::over(Udp);
    bench.request(Method::Invite);
    bench.expect(&["send INVITE"]);
    let invite = bench.last_request();
    assert_eq!(
        invite.header(HeaderName::Via),
        Some("SIP/2.0/UDP client.example.com:5066;branch=z9hG4bK-branch-1;rport")
    );
    assert_eq!(bench.last_sent().0, FLOW);
}

#[test]
fn calling_without_an_answer_on_udp_follows_the_table_of_timer_a_until_timer_b() {
    let mut bench = Bench::over(Udp);
    let start = bench.now;
    bench.request(Method::Invite);
    bench.pass(s(100));
    bench.expect_timed(
        start,
        &[
            (0, "send INVITE"),
            (500, "send INVITE"),
            (1_500, "send INVITE"),
            (3_500, "send INVITE"),
            (7_500, "send INVITE"),
            (15_500, "send INVITE"),
            (31_500, "send INVITE"),
            (32_000, "timeout"),
            (32_000, "terminated"),
        ],
    );
    bench.expect_empty();
    let first = &bench.sent()[0].1;
    assert!(
        bench.sent().iter().all(|(_, bytes)| bytes == first),
        "the same bytes each time"
    );
}

#[test]
fn calling_without_an_answer_on_tcp_is_sent_once_and_times_out() {
    let mut bench = Bench::over(Tcp);
    let start = bench.now;
    bench.request(Method::Invite);
    bench.pass(s(100));
    bench.expect_timed(
        start,
        &[
            (0, "send INVITE"),
            (32_000, "timeout"),
            (32_000, "terminated"),
        ],
    );
    bench.expect_empty();
}

#[test]
fn calling_with_its_flow_lost_fails() {
    for transport in BOTH {
        let mut bench = Bench::over(transport);
        bench.request(Method::Invite);
        bench.lose_flow(FLOW);
        bench.expect(&["send INVITE", "transport failed", "terminated"]);
        bench.expect_empty();
    }
}

#[test]
fn calling_given_180_stops_sending_and_waits_without_bound() {
    let mut bench = Bench::over(Udp);
    bench.request(Method::Invite);
    bench.pass(ms(700));
    assert!(bench.answer("INVITE", 180));
    bench.expect(&["send INVITE", "send INVITE", "response 180"]);
    assert_eq!(bench.timers.len(), 0);
    bench.pass(s(3_600));
    bench.expect(&[]);
    assert_eq!(bench.transactions.client_len(), 1);
}

#[test]
fn proceeding_passes_each_provisional_response_up() {
    for transport in BOTH {
        let mut bench = Bench::over(transport);
        bench.request(Method::Invite);
        for status in [100, 180, 180, 183] {
            assert!(bench.answer("INVITE", status));
        }
        bench.expect(&[
            "send INVITE",
            "response 100",
            "response 180",
            "response 180",
            "response 183",
        ]);
    }
}

#[test]
fn proceeding_with_its_flow_lost_fails() {
    let mut bench = Bench::over(Tcp);
    bench.request(Method::Invite);
    bench.answer("INVITE", 180);
    bench.lose_flow(FLOW);
    bench.expect(&[
        "send INVITE",
        "response 180",
        "transport failed",
        "terminated",
    ]);
    bench.expect_empty();
}

#[test]
fn calling_given_486_on_udp_is_acked_and_absorbs_it_for_32_seconds() {
    let mut bench = Bench::over(Udp);
    bench.request(Method::Invite);
    bench.answer("INVITE", 486);
    bench.expect(&["send INVITE", "send ACK", "response 486"]);
    bench.pass(s(10));
    assert!(bench.answer("INVITE", 486));
    bench.expect(&["send ACK"]);
    bench.pass(ms(21_999));
    assert!(bench.answer("INVITE", 486));
    bench.expect(&["send ACK"]);
    bench.pass(ms(1));
    bench.expect(&["terminated"]);
    bench.expect_empty();
    assert!(!bench.answer("INVITE", 486), "timer D is over");
}

#[test]
fn proceeding_given_486_on_tcp_is_acked_and_over_at_once() {
    let mut bench = Bench::over(Tcp);
    bench.request(Method::Invite);
    bench.answer("INVITE", 180);
    bench.answer("INVITE", 486);
    bench.expect(&[
        "send INVITE",
        "response 180",
        "send ACK",
        "response 486",
        "terminated",
    ]);
    bench.expect_empty();
}

#[test]
fn every_class_of_final_response_but_2xx_is_acked() {
    for status in [300, 302, 401, 407, 487, 500, 603, 699] {
        let mut bench = Bench::over(Udp);
        bench.request(Method::Invite);
        bench.answer("INVITE", status);
        bench.expect(&["send INVITE", "send ACK", &format!("response {status}")]);
    }
}

#[test]
fn the_ack_for_a_rejection_repeats_the_invite_and_takes_the_to_of_the_response() {
    let mut bench = Bench::over(Udp);
    bench.request(Method::Invite);
    let invite = bench.last_request();
    bench.answer_tagged("INVITE", 404, "busy-bob");
    let ack = bench.last_request();
    assert_eq!(ack.method(), Method::Ack);
    assert_eq!(ack.uri_text(), invite.uri_text());
    for name in [HeaderName::Via, HeaderName::From, HeaderName::CallId] {
        assert_eq!(ack.header(name), invite.header(name));
    }
    let routes: Vec<_> = ack.values(HeaderName::Route).collect();
    assert_eq!(
        routes,
        [
            "<sip:p1.example.com;lr>",
            "<sip:p2.example.com;lr>",
            "<sip:p3.example.com;lr>"
        ]
    );
    assert_eq!(ack.vias().count(), 1);
    assert_eq!(
        ack.header(HeaderName::To),
        Some("Bob <sip:bob@biloxi.example.com>;tag=busy-bob")
    );
    assert_eq!(ack.header(HeaderName::CSeq), Some("314159 ACK"));
    assert_eq!(ack.header(HeaderName::MaxForwards), Some("70"));
    assert_eq!(ack.header(HeaderName::Subject), None);
    assert!(ack.body().is_empty());
    ack.validate().unwrap();
}

#[test]
fn completed_ignores_what_is_no_rejection() {
    let mut bench = Bench::over(Udp);
    bench.request(Method::Invite);
    bench.answer("INVITE", 486);
    bench.expect(&["send INVITE", "send ACK", "response 486"]);
    assert!(bench.answer("INVITE", 180));
    assert!(bench.answer("INVITE", 200));
    bench.expect(&[]);
}

#[test]
fn completed_with_its_flow_lost_is_over_quietly() {
    let mut bench = Bench::over(Udp);
    bench.request(Method::Invite);
    bench.answer("INVITE", 486);
    bench.lose_flow(FLOW);
    bench.expect(&["send INVITE", "send ACK", "response 486", "terminated"]);
    bench.expect_empty();
}

#[test]
fn calling_given_200_is_accepted_and_sends_no_ack_by_itself() {
    for transport in BOTH {
        let mut bench = Bench::over(transport);
        let start = bench.now;
        bench.request(Method::Invite);
        bench.answer("INVITE", 200);
        bench.pass(s(100));
        bench.expect_timed(
            start,
            &[
                (0, "send INVITE"),
                (0, "response 200"),
                (32_000, "terminated"),
            ],
        );
        bench.expect_empty();
    }
}

#[test]
fn accepted_passes_each_retransmission_and_each_forked_2xx_up() {
    for transport in BOTH {
        let mut bench = Bench::over(transport);
        bench.request(Method::Invite);
        bench.answer_tagged("INVITE", 180, "desk");
        bench.answer_tagged("INVITE", 200, "desk");
        bench.expect(&["send INVITE", "response 180", "response 200"]);
        bench.pass(ms(500));
        assert!(bench.answer_tagged("INVITE", 200, "desk"));
        assert!(bench.answer_tagged("INVITE", 200, "mobile"));
        bench.pass(s(31));
        assert!(bench.answer_tagged("INVITE", 202, "kitchen"));
        bench.expect(&["response 200", "response 200", "response 202"]);
        bench.pass(s(1));
        bench.expect(&["terminated"]);
        assert!(
            !bench.answer_tagged("INVITE", 200, "late"),
            "timer M is over"
        );
        bench.expect(&[]);
    }
}

#[test]
fn accepted_ignores_provisional_responses_and_rejections_of_other_branches() {
    let mut bench = Bench::over(Udp);
    bench.request(Method::Invite);
    bench.answer("INVITE", 200);
    assert!(bench.answer_tagged("INVITE", 183, "mobile"));
    assert!(bench.answer_tagged("INVITE", 486, "mobile"));
    bench.expect(&["send INVITE", "response 200"]);
}

#[test]
fn accepted_outlives_its_flow() {
    let mut bench = Bench::over(Tcp);
    bench.request(Method::Invite);
    bench.answer("INVITE", 200);
    bench.lose_flow(FLOW);
    assert!(bench.answer("INVITE", 200));
    bench.expect(&["send INVITE", "response 200", "response 200"]);
}

// CANCEL (RFC 3261, 9.1).

#[test]
fn cancel_while_calling_waits_for_the_first_provisional_response() {
    let mut bench = Bench::over(Udp);
    let id = bench.request(Method::Invite);
    bench.cancel(id);
    bench.pass(ms(600));
    bench.expect(&["send INVITE", "send INVITE"]);
    bench.answer("INVITE", 100);
    bench.expect(&["response 100", "send CANCEL"]);
}

#[test]
fn the_cancel_repeats_the_invite_and_says_why() {
    let mut bench = Bench::over(Udp);
    let id = bench.request(Method::Invite);
    let invite = bench.last_request();
    bench.answer("INVITE", 180);
    bench.cancel_because(id, Some("SIP;cause=200;text=\"Call completed elsewhere\""));
    let cancel = bench.last_request();
    assert_eq!(cancel.method(), Method::Cancel);
    assert_eq!(cancel.uri_text(), invite.uri_text());
    for name in [
        HeaderName::Via,
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
    ] {
        assert_eq!(cancel.header(name), invite.header(name));
    }
    assert_eq!(cancel.vias().count(), 1);
    assert_eq!(cancel.values(HeaderName::Route).count(), 3);
    assert_eq!(cancel.header(HeaderName::CSeq), Some("314159 CANCEL"));
    assert_eq!(
        cancel.header(HeaderName::Reason),
        Some("SIP;cause=200;text=\"Call completed elsewhere\"")
    );
    cancel.validate().unwrap();
}

#[test]
fn cancel_while_proceeding_goes_out_once_and_ends_in_487() {
    for transport in BOTH {
        let mut bench = Bench::over(transport);
        let id = bench.request(Method::Invite);
        bench.answer("INVITE", 180);
        bench.cancel(id);
        bench.cancel(id);
        bench.expect(&["send INVITE", "response 180", "send CANCEL"]);
        assert!(bench.answer("CANCEL", 200));
        bench.expect(&[]);
        assert!(bench.answer("INVITE", 487));
        let mut ended = vec!["send ACK", "response 487"];
        if transport == Tcp {
            ended.push("terminated");
        }
        bench.expect(&ended);
        bench.pass(s(32));
        bench.expect_empty();
    }
}

#[test]
fn the_cancel_is_retransmitted_on_udp_in_a_transaction_of_its_own() {
    let mut bench = Bench::over(Udp);
    let id = bench.request(Method::Invite);
    bench.answer("INVITE", 180);
    bench.cancel(id);
    assert_eq!(bench.transactions.client_len(), 2);
    bench.pass(ms(1_600));
    bench.expect(&[
        "send INVITE",
        "response 180",
        "send CANCEL",
        "send CANCEL",
        "send CANCEL",
    ]);
    assert!(bench.answer("CANCEL", 200));
    bench.pass(s(5));
    bench.expect(&[]);
    assert_eq!(bench.transactions.client_len(), 1);
}

#[test]
fn cancel_then_a_late_provisional_response_sends_no_second_cancel() {
    let mut bench = Bench::over(Tcp);
    let id = bench.request(Method::Invite);
    bench.answer("INVITE", 100);
    bench.cancel(id);
    bench.answer("INVITE", 180);
    bench.answer("INVITE", 183);
    bench.expect(&[
        "send INVITE",
        "response 100",
        "send CANCEL",
        "response 180",
        "response 183",
    ]);
}

#[test]
fn cancel_crossing_200_leaves_the_200_to_the_owner() {
    for transport in BOTH {
        let mut bench = Bench::over(transport);
        let id = bench.request(Method::Invite);
        bench.answer("INVITE", 180);
        bench.cancel(id);
        bench.answer("INVITE", 200);
        bench.expect(&["send INVITE", "response 180", "send CANCEL", "response 200"]);
        assert!(bench.answer("CANCEL", 200));
        bench.pass(s(5));
        assert_eq!(bench.timers.len(), 1, "timer M alone");
        assert!(bench.answer("INVITE", 200), "the owner hears each 2xx");
        bench.expect(&["response 200"]);
        bench.pass(s(27));
        bench.expect(&["terminated"]);
        bench.expect_empty();
    }
}

#[test]
fn a_held_cancel_is_dropped_when_a_final_response_comes_first() {
    for status in [200, 486] {
        let mut bench = Bench::over(Udp);
        let id = bench.request(Method::Invite);
        bench.cancel(id);
        bench.answer("INVITE", status);
        bench.pass(s(60));
        assert!(
            bench
                .sent()
                .iter()
                .all(|(_, bytes)| !bytes.starts_with(b"CANCEL"))
        );
        bench.expect_empty();
    }
}

#[test]
fn cancel_after_the_final_response_does_nothing() {
    for status in [200, 486] {
        let mut bench = Bench::over(Udp);
        let id = bench.request(Method::Invite);
        bench.answer("INVITE", status);
        let sent = bench.sent().len();
        bench.cancel(id);
        assert_eq!(bench.sent().len(), sent);
    }
}

#[test]
fn a_held_cancel_never_goes_out_when_timer_b_ends_the_invite() {
    let mut bench = Bench::over(Tcp);
    let id = bench.request(Method::Invite);
    bench.cancel(id);
    bench.pass(s(33));
    bench.expect(&["send INVITE", "timeout", "terminated"]);
    bench.expect_empty();
}

#[test]
fn cancelled_without_a_final_response_times_out_after_32_seconds() {
    for transport in BOTH {
        let mut bench = Bench::over(transport);
        let id = bench.request(Method::Invite);
        bench.answer("INVITE", 180);
        bench.cancel(id);
        bench.answer("CANCEL", 200);
        let start = bench.now;
        bench.expect(&["send INVITE", "response 180", "send CANCEL"]);
        bench.pass(s(100));
        bench.expect_timed(start, &[(32_000, "timeout"), (32_000, "terminated")]);
        bench.expect_empty();
    }
}

#[test]
fn a_cancel_that_nobody_answers_is_not_spoken_of() {
    let mut bench = Bench::over(Tcp);
    let id = bench.request(Method::Invite);
    bench.answer("INVITE", 180);
    bench.cancel(id);
    bench.answer("INVITE", 487);
    bench.pass(s(100));
    bench.expect(&[
        "send INVITE",
        "response 180",
        "send CANCEL",
        "send ACK",
        "response 487",
        "terminated",
    ]);
    bench.expect_empty();
}

#[test]
fn cancelling_with_its_flow_lost_fails_once() {
    let mut bench = Bench::over(Tcp);
    let id = bench.request(Method::Invite);
    bench.answer("INVITE", 180);
    bench.cancel(id);
    bench.lose_flow(FLOW);
    bench.expect(&[
        "send INVITE",
        "response 180",
        "send CANCEL",
        "transport failed",
        "terminated",
    ]);
    bench.expect_empty();
}

#[test]
fn only_a_live_invite_can_be_cancelled() {
    let mut bench = Bench::over(Tcp);
    let options = bench.request(Method::Options);
    let error = bench
        .transactions
        .cancel(bench.now, &mut bench.timers, options, None)
        .unwrap_err();
    assert_eq!(error.0, options);
    let invite = bench
        .try_request(Method::Invite, "z9hG4bK-branch-2")
        .unwrap();
    bench.receive_response(&response_text(
        "INVITE",
        486,
        "x",
        SENT_BY,
        "z9hG4bK-branch-2",
    ));
    assert!(
        bench
            .transactions
            .cancel(bench.now, &mut bench.timers, invite, None)
            .is_err()
    );
}

#[test]
fn a_second_invite_on_the_same_branch_is_refused() {
    let mut bench = Bench::over(Udp);
    bench.request(Method::Invite);
    let error = bench.try_request(Method::Invite, BRANCH).unwrap_err();
    assert!(error.to_string().contains(BRANCH), "{error}");
    bench.expect(&["send INVITE"]);
}
