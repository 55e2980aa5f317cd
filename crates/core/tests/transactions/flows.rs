//! Flows that are lost, that are replaced, and whose other end is known.

use offhook_core::Transport::{Tcp, Udp, Ws};
use offhook_core::{FlowId, Received};
use offhook_sip::{HeaderName, Method};

use crate::bench::{BOTH, Bench, FLOW, request_text, s, tagged, turned_into};

const NEW_FLOW: FlowId = FlowId(2);

#[test]
fn a_lost_flow_fails_only_what_is_on_it() {
    let mut bench = Bench::over(Tcp);
    bench.request(Method::Options);
    bench.lose_flow(FlowId(99));
    bench.expect(&["send OPTIONS"]);
    assert!(bench.answer("OPTIONS", 200));
    bench.expect(&["response 200", "terminated"]);
}

#[test]
fn a_server_transaction_on_a_lost_flow_answers_on_the_one_that_replaces_it() {
    for transport in BOTH {
        let mut bench = Bench::over(transport);
        let invite = request_text("INVITE");
        let id = bench.new_server(&invite);
        bench.lose_flow(FLOW);
        bench.respond(id, &invite, 180);
        bench.respond(id, &invite, 183);
        bench.expect(&["send 100"]);
        bench.move_flow(FLOW, NEW_FLOW);
        bench.expect(&["send 183"]);
        bench.respond(id, &invite, 200);
        bench.expect(&["send 200"]);
        assert_eq!(bench.last_sent().0, NEW_FLOW);
    }
}

#[test]
fn a_flow_may_be_replaced_before_it_is_lost() {
    let mut bench = Bench::over(Ws);
    let bye = request_text("BYE");
    let id = bench.new_server(&bye);
    bench.move_flow(FLOW, NEW_FLOW);
    bench.lose_flow(FLOW);
    bench.respond(id, &bye, 200);
    bench.expect(&["send 200", "terminated"]);
    assert_eq!(bench.last_sent().0, NEW_FLOW);
    bench.expect_empty();
}

#[test]
fn a_final_answer_without_a_flow_waits_for_one_and_then_for_nothing() {
    let mut bench = Bench::over(Tcp);
    let bye = request_text("BYE");
    let id = bench.new_server(&bye);
    bench.lose_flow(FLOW);
    bench.respond(id, &bye, 200);
    bench.expect(&[]);
    bench.pass(s(10));
    bench.move_flow(FLOW, NEW_FLOW);
    bench.expect(&["send 200"]);
    bench.pass(s(22));
    bench.expect(&["terminated"]);
    bench.expect_empty();
}

#[test]
fn a_server_transaction_whose_flow_never_comes_back_still_ends() {
    for status in [200, 486] {
        let mut bench = Bench::over(Tcp);
        let invite = request_text("INVITE");
        let id = bench.new_server(&invite);
        bench.lose_flow(FLOW);
        bench.respond(id, &invite, status);
        bench.pass(s(32));
        bench.expect_empty();
        assert_eq!(bench.sent().len(), 1, "the 100, before the flow was lost");
    }
}

#[test]
fn a_rejection_that_moved_to_a_reliable_flow_is_sent_once_there() {
    let mut bench = Bench::over(Tcp);
    let invite = request_text("INVITE");
    let id = bench.new_server(&invite);
    bench.lose_flow(FLOW);
    bench.respond(id, &invite, 486);
    bench.pass(s(2));
    bench.move_flow(FLOW, NEW_FLOW);
    bench.pass(s(10));
    bench.expect(&["send 100", "send 486"]);
    let ack = tagged(&turned_into("ACK", &invite), "server");
    assert_eq!(bench.receive_on(&ack, NEW_FLOW), Received::Absorbed);
    bench.expect(&["terminated"]);
    bench.expect_empty();
}

#[test]
fn answers_on_a_flow_with_a_known_end_say_where_the_request_came_from() {
    let mut bench = Bench::over(Udp);
    bench
        .transactions
        .set_remote(FLOW, "192.0.2.207:9988".parse().unwrap());
    let invite = request_text("INVITE");
    let id = bench.new_server(&invite);
    let expected =
        "SIP/2.0/UDP peer.example.org:5062;branch=z9hG4bKnashds8;rport=9988;received=192.0.2.207";
    assert_eq!(
        bench.last_response().header(HeaderName::Via),
        Some(expected)
    );
    bench.respond(id, &invite, 200);
    assert_eq!(
        bench.last_response().header(HeaderName::Via),
        Some(expected)
    );
    bench.respond(id, &invite, 200);
    assert_eq!(
        bench.last_response().header(HeaderName::Via),
        Some(expected)
    );
}

#[test]
fn answers_on_a_flow_with_an_unknown_end_repeat_the_via() {
    let mut bench = Bench::over(Udp);
    // As in a browser, which does not know it.
    bench
        .transactions
        .set_remote(FLOW, "0.0.0.0:0".parse().unwrap());
    bench.new_server(&request_text("INVITE"));
    assert_eq!(
        bench.last_response().header(HeaderName::Via),
        Some("SIP/2.0/UDP peer.example.org:5062;branch=z9hG4bKnashds8;rport")
    );
}
