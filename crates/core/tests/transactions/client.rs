//! RFC 3261, figure 6: the client transaction of every request but INVITE and ACK.

use offhook_core::SendError;
use offhook_core::Transport::{Tcp, Udp};
use offhook_sip::Method;

use crate::bench::{BOTH, BRANCH, Bench, FLOW, ms, outgoing, s};

#[test]
fn trying_without_an_answer_on_udp_follows_the_table_of_timer_e_until_timer_f() {
    let mut bench = Bench::over(Udp);
    let start = bench.now;
    bench.request(Method::Options);
    bench.pass(s(100));
    let mut table = vec![
        (0, "send OPTIONS"),
        (500, "send OPTIONS"),
        (1_500, "send OPTIONS"),
    ];
    table.extend(
        (3_500..32_000)
            .step_by(4_000)
            .map(|at| (at, "send OPTIONS")),
    );
    table.extend([(32_000, "timeout"), (32_000, "terminated")]);
    assert_eq!(table.len(), 13, "11 requests, the RFC's count");
    bench.expect_timed(start, &table);
    bench.expect_empty();
}

#[test]
fn trying_without_an_answer_on_tcp_is_sent_once_and_times_out() {
    let mut bench = Bench::over(Tcp);
    let start = bench.now;
    bench.request(Method::Register);
    bench.pass(s(100));
    bench.expect_timed(
        start,
        &[
            (0, "send REGISTER"),
            (32_000, "timeout"),
            (32_000, "terminated"),
        ],
    );
    bench.expect_empty();
}

#[test]
fn trying_with_its_flow_lost_fails() {
    for transport in BOTH {
        let mut bench = Bench::over(transport);
        bench.request(Method::Bye);
        bench.lose_flow(FLOW);
        bench.expect(&["send BYE", "transport failed", "terminated"]);
        bench.expect_empty();
    }
}

#[test]
fn trying_given_200_on_udp_absorbs_it_again_for_t4() {
    let mut bench = Bench::over(Udp);
    bench.request(Method::Bye);
    assert!(bench.answer("BYE", 200));
    bench.expect(&["send BYE", "response 200"]);
    bench.pass(ms(4_999));
    assert!(bench.answer("BYE", 200));
    bench.expect(&[]);
    bench.pass(ms(1));
    bench.expect(&["terminated"]);
    bench.expect_empty();
    assert!(!bench.answer("BYE", 200));
}

#[test]
fn trying_given_a_final_response_on_tcp_is_over_at_once() {
    for status in [200, 302, 401, 481, 503, 603] {
        let mut bench = Bench::over(Tcp);
        bench.request(Method::Message);
        bench.answer("MESSAGE", status);
        bench.expect(&["send MESSAGE", &format!("response {status}"), "terminated"]);
        bench.expect_empty();
    }
}

#[test]
fn proceeding_on_udp_is_sent_again_every_t2_until_timer_f() {
    let mut bench = Bench::over(Udp);
    let start = bench.now;
    bench.request(Method::Refer);
    bench.pass(ms(600));
    bench.answer("REFER", 100);
    bench.pass(s(100));
    let mut table = vec![
        (0, "send REFER"),
        (500, "send REFER"),
        (600, "response 100"),
    ];
    table.push((1_500, "send REFER"));
    table.extend((5_500..32_000).step_by(4_000).map(|at| (at, "send REFER")));
    table.extend([(32_000, "timeout"), (32_000, "terminated")]);
    bench.expect_timed(start, &table);
    bench.expect_empty();
}

#[test]
fn proceeding_on_tcp_is_not_sent_again_and_times_out() {
    let mut bench = Bench::over(Tcp);
    let start = bench.now;
    bench.request(Method::Refer);
    bench.answer("REFER", 100);
    bench.pass(s(100));
    bench.expect_timed(
        start,
        &[
            (0, "send REFER"),
            (0, "response 100"),
            (32_000, "timeout"),
            (32_000, "terminated"),
        ],
    );
}

#[test]
fn proceeding_given_more_and_then_the_final_response_passes_all_up() {
    let mut bench = Bench::over(Tcp);
    bench.request(Method::Refer);
    for status in [100, 180, 202] {
        bench.answer("REFER", status);
    }
    bench.expect(&[
        "send REFER",
        "response 100",
        "response 180",
        "response 202",
        "terminated",
    ]);
    bench.expect_empty();
}

#[test]
fn proceeding_with_its_flow_lost_fails() {
    let mut bench = Bench::over(Tcp);
    bench.request(Method::Refer);
    bench.answer("REFER", 100);
    bench.lose_flow(FLOW);
    bench.expect(&[
        "send REFER",
        "response 100",
        "transport failed",
        "terminated",
    ]);
}

#[test]
fn completed_with_its_flow_lost_is_over_quietly() {
    let mut bench = Bench::over(Udp);
    bench.request(Method::Bye);
    bench.answer("BYE", 200);
    bench.lose_flow(FLOW);
    bench.expect(&["send BYE", "response 200", "terminated"]);
    bench.expect_empty();
}

#[test]
fn an_ack_makes_no_transaction_but_goes_out_without_one() {
    let mut bench = Bench::over(Udp);
    assert!(matches!(
        bench.try_request(Method::Ack, BRANCH),
        Err(SendError::AckHasNoTransaction)
    ));
    let hop = bench.hop();
    let bytes = bench
        .transactions
        .send_ack(outgoing(Method::Ack), &hop, BRANCH)
        .unwrap();
    bench.drain();
    bench.expect(&["send ACK"]);
    assert_eq!(bench.last_sent(), (FLOW, &bytes));
    assert!(
        bytes.starts_with(b"ACK sip:bob@biloxi.example.com SIP/2.0\r\nVia: SIP/2.0/UDP client")
    );
    assert!(matches!(
        bench
            .transactions
            .send_ack(outgoing(Method::Bye), &hop, BRANCH),
        Err(SendError::NotAnAck(_))
    ));
    bench.expect_empty();
}

#[test]
fn an_invite_without_what_its_ack_needs_is_refused() {
    let mut bench = Bench::over(Udp);
    for missing in ["CSeq", "From", "To", "Call-ID"] {
        let mut invite = outgoing(Method::Invite);
        invite.headers_mut().remove(missing);
        let hop = bench.hop();
        let error = bench
            .transactions
            .request(bench.now, &mut bench.timers, invite, &hop, BRANCH)
            .unwrap_err();
        assert!(error.to_string().contains(missing), "{error}");
    }
    bench.expect_empty();
    assert!(bench.transactions.poll().is_none());
}
