//! RFC 3261, figure 8: the server transaction of every request but INVITE and ACK.

use offhook_core::Transport::{Tcp, Udp};
use offhook_core::{Received, RespondError};

use crate::bench::{BOTH, Bench, ms, request_text, s};

#[test]
fn trying_ignores_retransmissions_and_answers_nothing_by_itself() {
    for transport in BOTH {
        let mut bench = Bench::over(transport);
        let bye = request_text("BYE");
        let id = bench.new_server(&bye);
        assert_eq!(bench.receive(&bye), Received::Absorbed);
        bench.pass(s(10));
        bench.expect(&[]);
        assert_eq!(
            bench.transactions.request_of(id).unwrap().method(),
            offhook_sip::Method::Bye
        );
    }
}

#[test]
fn trying_given_200_on_udp_answers_retransmissions_for_32_seconds() {
    let mut bench = Bench::over(Udp);
    let bye = request_text("BYE");
    let id = bench.new_server(&bye);
    bench.respond(id, &bye, 200);
    assert!(
        bench.transactions.request_of(id).is_none(),
        "the request is let go"
    );
    bench.pass(ms(31_999));
    assert_eq!(bench.receive(&bye), Received::Absorbed);
    bench.expect(&["send 200", "send 200"]);
    bench.pass(ms(1));
    bench.expect(&["terminated"]);
    bench.expect_empty();
    assert!(matches!(bench.receive(&bye), Received::New(_)));
}

#[test]
fn trying_given_a_final_response_on_tcp_is_over_at_once() {
    for status in [200, 302, 404, 500, 600] {
        let mut bench = Bench::over(Tcp);
        let info = request_text("INFO");
        let id = bench.new_server(&info);
        bench.respond(id, &info, status);
        bench.expect(&[&format!("send {status}"), "terminated"]);
        bench.expect_empty();
    }
}

#[test]
fn proceeding_answers_a_retransmission_with_the_last_provisional_response() {
    for transport in BOTH {
        let mut bench = Bench::over(transport);
        let refer = request_text("REFER");
        let id = bench.new_server(&refer);
        bench.respond(id, &refer, 100);
        assert_eq!(bench.receive(&refer), Received::Absorbed);
        bench.respond(id, &refer, 183);
        assert_eq!(bench.receive(&refer), Received::Absorbed);
        bench.expect(&["send 100", "send 100", "send 183", "send 183"]);
        bench.respond(id, &refer, 202);
        bench.pass(s(32));
        bench.expect(&["send 202", "terminated"]);
        bench.expect_empty();
    }
}

#[test]
fn completed_takes_no_second_response() {
    let mut bench = Bench::over(Udp);
    let bye = request_text("BYE");
    let id = bench.new_server(&bye);
    bench.respond(id, &bye, 200);
    for status in [100, 200, 500] {
        let error = bench.try_respond(id, &bye, status).unwrap_err();
        assert!(matches!(error, RespondError::AlreadyAnswered(_)), "{error}");
    }
    bench.receive(&bye);
    bench.expect(&["send 200", "send 200"]);
}
