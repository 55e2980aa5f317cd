//! RFC 3261, figure 7 as changed by RFC 6026, figure 7-1: the server INVITE transaction.

use offhook_core::Transport::{Tcp, Udp};
use offhook_core::{AutoTrying, Received, RespondError, TransactionTimings, Transactions};
use offhook_sip::HeaderName;

use crate::bench::{BOTH, Bench, ms, request_text, s, tagged, turned_into};

fn ack(invite: &str) -> String {
    tagged(&turned_into("ACK", invite), "server")
}

#[test]
fn a_new_invite_is_answered_100_at_once() {
    for transport in BOTH {
        let mut bench = Bench::over(transport);
        let invite = request_text("INVITE")
            .replace("Max-Forwards: 70", "Max-Forwards: 70\r\nTimestamp: 54.25");
        let id = bench.new_server(&invite);
        bench.expect(&["send 100"]);
        let trying = bench.last_response();
        assert_eq!(trying.to().unwrap().tag(), None);
        assert_eq!(trying.header(HeaderName::Timestamp), Some("54.25"));
        assert_eq!(trying.header(HeaderName::CallId), Some("987asjd97y7atg"));
        assert!(bench.transactions.request_of(id).is_some());
        assert_eq!(bench.timers.len(), 0);
    }
}

#[test]
fn trying_may_wait_200_ms_for_something_better() {
    let delayed = || {
        Transactions::new(TransactionTimings::default())
            .with_auto_trying(AutoTrying::After(ms(200)))
    };
    let invite = request_text("INVITE");
    let mut bench = Bench::with(delayed(), Udp);
    let start = bench.now;
    bench.new_server(&invite);
    assert_eq!(bench.receive(&invite), Received::Absorbed);
    bench.pass(s(10));
    bench.expect_timed(start, &[(200, "send 100")]);

    let mut bench = Bench::with(delayed(), Udp);
    let id = bench.new_server(&invite);
    bench.pass(ms(199));
    bench.respond(id, &invite, 180);
    assert_eq!(bench.timers.len(), 0);
    bench.pass(s(10));
    bench.expect(&["send 180"]);
}

#[test]
fn trying_may_be_left_to_the_owner() {
    let never =
        Transactions::new(TransactionTimings::default()).with_auto_trying(AutoTrying::Never);
    let mut bench = Bench::with(never, Udp);
    let invite = request_text("INVITE");
    bench.new_server(&invite);
    bench.receive(&invite);
    bench.pass(s(10));
    bench.expect(&[]);
}

#[test]
fn proceeding_answers_a_retransmission_with_the_last_provisional_response() {
    for transport in BOTH {
        let mut bench = Bench::over(transport);
        let invite = request_text("INVITE");
        let id = bench.new_server(&invite);
        assert_eq!(bench.receive(&invite), Received::Absorbed);
        bench.respond(id, &invite, 180);
        bench.respond(id, &invite, 183);
        assert_eq!(bench.receive(&invite), Received::Absorbed);
        bench.expect(&["send 100", "send 100", "send 180", "send 183", "send 183"]);
        assert_eq!(bench.transactions.server_len(), 1);
    }
}

#[test]
fn proceeding_given_486_on_udp_follows_the_table_of_timer_g_until_timer_h() {
    let mut bench = Bench::over(Udp);
    let invite = request_text("INVITE");
    let id = bench.new_server(&invite);
    bench.expect(&["send 100"]);
    let start = bench.now;
    bench.respond(id, &invite, 486);
    assert!(
        bench.transactions.request_of(id).is_none(),
        "the request is let go"
    );
    bench.pass(s(100));
    let mut table = vec![(0, "send 486"), (500, "send 486"), (1_500, "send 486")];
    table.extend((3_500..32_000).step_by(4_000).map(|at| (at, "send 486")));
    table.extend([(32_000, "ack missing"), (32_000, "terminated")]);
    bench.expect_timed(start, &table);
    bench.expect_empty();
}

#[test]
fn proceeding_given_486_on_tcp_is_sent_once_and_waits_for_the_ack() {
    let mut bench = Bench::over(Tcp);
    let invite = request_text("INVITE");
    let id = bench.new_server(&invite);
    bench.expect(&["send 100"]);
    let start = bench.now;
    bench.respond(id, &invite, 486);
    bench.pass(s(100));
    bench.expect_timed(
        start,
        &[
            (0, "send 486"),
            (32_000, "ack missing"),
            (32_000, "terminated"),
        ],
    );
    bench.expect_empty();
}

#[test]
fn completed_answers_a_retransmission_with_the_final_response() {
    for transport in BOTH {
        let mut bench = Bench::over(transport);
        let invite = request_text("INVITE");
        let id = bench.new_server(&invite);
        bench.respond(id, &invite, 302);
        assert_eq!(bench.receive(&invite), Received::Absorbed);
        bench.expect(&["send 100", "send 302", "send 302"]);
    }
}

#[test]
fn completed_given_the_ack_on_udp_is_confirmed_and_absorbs_it_for_t4() {
    let mut bench = Bench::over(Udp);
    let invite = request_text("INVITE");
    let id = bench.new_server(&invite);
    bench.respond(id, &invite, 486);
    bench.pass(ms(700));
    bench.expect(&["send 100", "send 486", "send 486"]);
    assert_eq!(bench.receive(&ack(&invite)), Received::Absorbed);
    assert_eq!(bench.timers.len(), 1, "timer I alone");
    bench.pass(ms(4_999));
    assert_eq!(bench.receive(&ack(&invite)), Received::Absorbed);
    assert_eq!(bench.receive(&invite), Received::Absorbed);
    bench.expect(&[]);
    bench.pass(ms(1));
    bench.expect(&["terminated"]);
    bench.expect_empty();
    assert_eq!(
        bench.receive(&ack(&invite)),
        Received::Ack,
        "it belongs to nothing now"
    );
}

#[test]
fn completed_given_the_ack_on_tcp_is_over_at_once() {
    let mut bench = Bench::over(Tcp);
    let invite = request_text("INVITE");
    let id = bench.new_server(&invite);
    bench.respond(id, &invite, 486);
    assert_eq!(bench.receive(&ack(&invite)), Received::Absorbed);
    bench.expect(&["send 100", "send 486", "terminated"]);
    bench.expect_empty();
}

#[test]
fn a_lost_ack_is_asked_for_by_the_next_retransmission() {
    let mut bench = Bench::over(Udp);
    let invite = request_text("INVITE");
    let id = bench.new_server(&invite);
    bench.respond(id, &invite, 603);
    bench.pass(ms(3_500));
    bench.expect(&["send 100", "send 603", "send 603", "send 603", "send 603"]);
    assert_eq!(bench.receive(&ack(&invite)), Received::Absorbed);
    bench.pass(s(60));
    bench.expect(&["terminated"]);
    bench.expect_empty();
}

#[test]
fn proceeding_given_an_ack_ignores_it() {
    let mut bench = Bench::over(Udp);
    let invite = request_text("INVITE");
    let id = bench.new_server(&invite);
    assert_eq!(bench.receive(&ack(&invite)), Received::Absorbed);
    bench.respond(id, &invite, 486);
    bench.pass(ms(500));
    bench.expect(&["send 100", "send 486", "send 486"]);
}

#[test]
fn proceeding_given_200_is_accepted_and_retransmits_nothing_by_itself() {
    for transport in BOTH {
        let mut bench = Bench::over(transport);
        let invite = request_text("INVITE");
        let id = bench.new_server(&invite);
        bench.expect(&["send 100"]);
        let start = bench.now;
        bench.respond(id, &invite, 200);
        assert!(
            bench.transactions.request_of(id).is_none(),
            "the request is let go"
        );
        bench.pass(s(100));
        bench.expect_timed(start, &[(0, "send 200"), (32_000, "terminated")]);
        bench.expect_empty();
    }
}

#[test]
fn accepted_absorbs_retransmissions_of_the_invite() {
    for transport in BOTH {
        let mut bench = Bench::over(transport);
        let invite = request_text("INVITE");
        let id = bench.new_server(&invite);
        bench.respond(id, &invite, 200);
        bench.pass(s(31));
        assert_eq!(bench.receive(&invite), Received::Absorbed);
        bench.expect(&["send 100", "send 200"]);
        assert_eq!(bench.transactions.server_len(), 1);
    }
}

#[test]
fn accepted_sends_each_2xx_its_owner_gives() {
    let mut bench = Bench::over(Udp);
    let invite = request_text("INVITE");
    let id = bench.new_server(&invite);
    bench.respond(id, &invite, 200);
    bench.pass(ms(500));
    bench.respond(id, &invite, 200);
    bench.respond(id, &invite, 202);
    bench.expect(&["send 100", "send 200", "send 200", "send 202"]);
}

#[test]
fn accepted_passes_an_ack_with_the_branch_of_the_invite_up() {
    let mut bench = Bench::over(Udp);
    let invite = request_text("INVITE");
    let id = bench.new_server(&invite);
    bench.respond(id, &invite, 200);
    assert_eq!(bench.receive(&ack(&invite)), Received::Ack);
    bench.pass(s(32));
    bench.expect(&["send 100", "send 200", "terminated"]);
}

#[test]
fn a_second_final_response_is_refused() {
    let invite = request_text("INVITE");
    for (first, second) in [(200, 487), (200, 180), (486, 200), (486, 487), (486, 180)] {
        let mut bench = Bench::over(Udp);
        let id = bench.new_server(&invite);
        bench.respond(id, &invite, first);
        let error = bench.try_respond(id, &invite, second).unwrap_err();
        assert!(
            matches!(error, RespondError::AlreadyAnswered(_)),
            "{first} {second}: {error}"
        );
        bench.expect(&["send 100", &format!("send {first}")]);
    }
}

#[test]
fn confirmed_takes_no_more_responses() {
    let mut bench = Bench::over(Udp);
    let invite = request_text("INVITE");
    let id = bench.new_server(&invite);
    bench.respond(id, &invite, 486);
    bench.receive(&ack(&invite));
    assert!(bench.try_respond(id, &invite, 486).is_err());
    bench.expect(&["send 100", "send 486"]);
}

#[test]
fn an_answer_after_the_end_finds_no_transaction() {
    let mut bench = Bench::over(Tcp);
    let invite = request_text("INVITE");
    let id = bench.new_server(&invite);
    bench.respond(id, &invite, 200);
    bench.pass(s(32));
    let error = bench.try_respond(id, &invite, 200).unwrap_err();
    assert!(
        matches!(error, RespondError::NoSuchTransaction(gone) if gone == id),
        "{error}"
    );
}

#[test]
fn cancel_finds_its_invite_in_every_state_and_is_left_to_the_owner() {
    let invite = request_text("INVITE");
    let cancel = turned_into("CANCEL", &invite);
    for answer in [None, Some(180), Some(200), Some(486)] {
        let mut bench = Bench::over(Udp);
        let id = bench.new_server(&invite);
        if let Some(status) = answer {
            bench.respond(id, &invite, status);
        }
        let Received::Cancel {
            cancel: own,
            invite: Some(found),
        } = bench.receive(&cancel)
        else {
            panic!("the CANCEL found no INVITE after {answer:?}");
        };
        assert_eq!(found, id);
        assert_ne!(own, id);
        bench.respond(own, &cancel, 200);
        assert_eq!(
            bench.last_response().cseq().unwrap().method,
            offhook_sip::Method::Cancel
        );
        assert_eq!(
            bench.receive(&cancel),
            Received::Absorbed,
            "sent again, answered again"
        );
        assert_eq!(bench.last_response().status().code(), 200);
    }
}

#[test]
fn cancel_of_a_ringing_invite_ends_in_200_487_and_its_ack() {
    for transport in BOTH {
        let mut bench = Bench::over(transport);
        let invite = request_text("INVITE");
        let cancel = turned_into("CANCEL", &invite);
        let id = bench.new_server(&invite);
        bench.respond(id, &invite, 180);
        let Received::Cancel { cancel: own, .. } = bench.receive(&cancel) else {
            panic!()
        };
        bench.respond(own, &cancel, 200);
        bench.respond(id, &invite, 487);
        assert_eq!(bench.receive(&ack(&invite)), Received::Absorbed);
        bench.pass(s(32));
        assert_eq!(
            bench
                .sent()
                .iter()
                .filter(|(_, bytes)| bytes.starts_with(b"SIP/2.0 487"))
                .count(),
            1
        );
        bench.expect_empty();
    }
}

#[test]
fn cancel_that_finds_nothing_says_so() {
    let mut bench = Bench::over(Udp);
    let cancel = request_text("CANCEL");
    let Received::Cancel {
        cancel: own,
        invite: None,
    } = bench.receive(&cancel)
    else {
        panic!()
    };
    bench.respond(own, &cancel, 481);
    bench.expect(&["send 481"]);
    bench.pass(s(32));
    bench.expect(&["terminated"]);
    bench.expect_empty();
}

#[test]
fn cancel_does_not_match_a_request_that_is_no_invite() {
    let mut bench = Bench::over(Udp);
    let options = request_text("OPTIONS");
    bench.new_server(&options);
    let received = bench.receive(&options.replace("OPTIONS", "CANCEL"));
    assert!(matches!(received, Received::Cancel { invite: None, .. }));
}
