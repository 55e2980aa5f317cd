//! Stories of keep-alives (RFC 5626 sections 3.5, 4.4 and 4.5).

mod util;

use std::net::SocketAddr;
use std::time::Duration;

use offhook_core::{Input, Transport, stun};
use offhook_sip::{Method, StatusCode};
use util::lone::Lone;

const SECOND: Duration = Duration::from_secs(1);

/// An agent that has registered over this transport with a server that answers so.
fn registered(transport: Transport, headers: &[(&str, &str)]) -> Lone {
    let mut lone = Lone::with(|config| config.keep_alive = Some(30 * SECOND));
    lone.transport = transport;
    lone.start();
    accept(&mut lone, headers);
    lone.news();
    lone
}

fn accept(lone: &mut Lone, headers: &[(&str, &str)]) {
    let request = lone.request(Method::Register);
    let contact = request.header("Contact").expect("a Contact").to_owned();
    let mut all = vec![("Contact", contact.as_str())];
    all.extend_from_slice(headers);
    lone.answer(&request, StatusCode::OK, &all);
}

const OUTBOUND: &[(&str, &str)] = &[("Require", "outbound"), ("Flow-Timer", "20")];

fn pong(lone: &mut Lone) {
    let flow = lone.flow.expect("a flow");
    lone.agent.handle(lone.now, Input::Pong { flow });
    lone.drain();
}

/// How long it takes until the agent pings.
fn until_ping(lone: &mut Lone) -> Duration {
    let (begun, pings) = (lone.now, lone.pings.len());
    while lone.pings.len() == pings {
        let due = lone.agent.next_timeout().expect("a keep-alive is due");
        lone.run(due - lone.now);
    }
    lone.now - begun
}

#[test]
fn pings_come_after_most_of_the_interval_and_never_at_one_beat() {
    let mut lone = registered(Transport::Tls, &[]);
    let mut waits: Vec<u128> = Vec::new();
    for _ in 0..8 {
        let wait = until_ping(&mut lone);
        assert!(wait >= 24 * SECOND && wait <= 30 * SECOND, "{wait:?}");
        pong(&mut lone);
        waits.push(wait.as_micros());
    }
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 4, "{waits:?}");
    assert_eq!(lone.news(), "");
}

#[test]
fn a_flow_timer_of_the_server_shortens_the_interval() {
    let mut lone = registered(Transport::Tcp, OUTBOUND);
    for _ in 0..3 {
        let wait = until_ping(&mut lone);
        assert!(wait >= 16 * SECOND && wait <= 20 * SECOND, "{wait:?}");
        pong(&mut lone);
    }
}

#[test]
fn a_flow_timer_longer_than_the_own_interval_changes_nothing() {
    let headers = [("Require", "outbound"), ("Flow-Timer", "600")];
    let mut lone = registered(Transport::Tcp, &headers);
    assert!(until_ping(&mut lone) <= 30 * SECOND);
}

#[test]
fn a_connection_whose_server_owes_a_pong_is_lost_after_ten_seconds_and_made_anew() {
    let mut lone = registered(Transport::Tcp, OUTBOUND);
    until_ping(&mut lone);
    lone.run(Duration::from_millis(9_900));
    assert_eq!(lone.news(), "");
    lone.run(Duration::from_millis(200));
    assert_eq!(lone.news(), "disconnected unregistered(Connection Error)");
    lone.run(5 * SECOND);
    accept(&mut lone, OUTBOUND);
    assert_eq!(lone.news(), "connecting(0) connected registered(600)");
    // The new flow is kept alive like the first.
    until_ping(&mut lone);
    pong(&mut lone);
    lone.run(15 * SECOND);
    assert_eq!(lone.news(), "");
    assert_eq!(lone.agent.live().flows, 1);
}

#[test]
fn a_server_that_never_answered_a_ping_keeps_its_flow() {
    for (transport, headers) in [
        (Transport::Tcp, &[][..]),
        (Transport::Udp, &[]),
        (Transport::Ws, &[]),
        // It may know outbound and no CRLF over WebSocket.
        (Transport::Wss, OUTBOUND),
    ] {
        let mut lone = registered(transport, headers);
        lone.run(300 * SECOND);
        assert!(lone.pings.len() >= 8, "{transport}: {}", lone.pings.len());
        assert_eq!(lone.news(), "", "{transport}");
    }
}

#[test]
fn a_server_that_has_answered_once_owes_every_pong() {
    let mut lone = registered(Transport::Wss, &[]);
    until_ping(&mut lone);
    pong(&mut lone);
    until_ping(&mut lone);
    lone.run(11 * SECOND);
    assert!(lone.news().starts_with("disconnected"));
    // From the first ping on after it is back.
    lone.run(5 * SECOND);
    accept(&mut lone, &[]);
    lone.news();
    until_ping(&mut lone);
    lone.run(11 * SECOND);
    assert!(lone.news().starts_with("disconnected"));
}

#[test]
fn a_pong_may_come_as_the_line_end_it_is() {
    let mut lone = registered(Transport::Ws, &[]);
    for _ in 0..3 {
        until_ping(&mut lone);
        lone.receive("\r\n");
    }
    assert_eq!(lone.news(), "");
    until_ping(&mut lone);
    lone.run(11 * SECOND);
    assert!(lone.news().starts_with("disconnected"));
    assert_eq!(lone.agent.counters().malformed, 0);
}

fn mapped(lone: &mut Lone, address: &str) {
    let remote: SocketAddr = address.parse().expect("an address");
    let request = lone.probes.pop().expect("a Binding request");
    lone.probes.clear();
    lone.receive(stun::answer(&request, remote).expect("an answer"));
}

fn until_probe(lone: &mut Lone) -> Duration {
    let begun = lone.now;
    while lone.probes.is_empty() {
        let due = lone.agent.next_timeout().expect("a keep-alive is due");
        lone.run(due - lone.now);
    }
    lone.now - begun
}

#[test]
fn a_udp_flow_is_probed_by_stun_where_the_server_takes_it() {
    let mut lone = registered(Transport::Udp, OUTBOUND);
    for _ in 0..4 {
        let wait = until_probe(&mut lone);
        assert!(wait >= 16 * SECOND && wait <= 20 * SECOND, "{wait:?}");
        mapped(&mut lone, "203.0.113.5:40000");
    }
    assert!(lone.pings.is_empty());
    assert_eq!(lone.news(), "");
}

#[test]
fn a_udp_server_that_is_gone_is_noticed_after_seven_binding_requests() {
    let mut lone = registered(Transport::Udp, OUTBOUND);
    until_probe(&mut lone);
    lone.run(39 * SECOND);
    assert_eq!(lone.probes.len(), 7, "RFC 8489 section 6.2.1");
    assert!(lone.probes.iter().all(|probe| *probe == lone.probes[0]));
    assert_eq!(lone.news(), "");
    lone.run(SECOND);
    assert_eq!(lone.news(), "disconnected unregistered(Connection Error)");
    lone.run_until_sent(5 * SECOND);
    accept(&mut lone, OUTBOUND);
    assert!(lone.agent.is_registered());
}

#[test]
fn a_lost_binding_request_ends_nothing() {
    let mut lone = registered(Transport::Udp, OUTBOUND);
    until_probe(&mut lone);
    lone.run(4 * SECOND);
    mapped(&mut lone, "203.0.113.5:40000");
    let wait = until_probe(&mut lone);
    assert!(wait >= 16 * SECOND, "{wait:?}");
    assert_eq!(lone.news(), "");
}

#[test]
fn a_udp_flow_with_another_address_is_another_flow() {
    let mut lone = registered(Transport::Udp, OUTBOUND);
    until_probe(&mut lone);
    mapped(&mut lone, "203.0.113.5:40000");
    until_probe(&mut lone);
    mapped(&mut lone, "203.0.113.5:40001");
    assert_eq!(lone.news(), "disconnected unregistered(Connection Error)");
}

#[test]
fn an_answer_to_no_binding_request_means_nothing() {
    let mut lone = registered(Transport::Udp, OUTBOUND);
    until_probe(&mut lone);
    let request = lone.probes[0].clone();
    let remote = "203.0.113.5:40000".parse().expect("an address");
    let mut forged = stun::answer(&request, remote).expect("an answer").to_vec();
    forged[10] ^= 1;
    lone.receive(forged);
    lone.run(40 * SECOND);
    assert!(lone.news().starts_with("disconnected"));
}

#[test]
fn options_find_a_udp_server_gone_that_knows_no_stun_where_asked_for() {
    let mut lone = Lone::with(|config| config.keep_alive_by_options = true);
    lone.transport = Transport::Udp;
    lone.start();
    accept(&mut lone, &[]);
    lone.news();
    for status in [StatusCode::OK, StatusCode::NOT_FOUND] {
        lone.run_until_sent(30 * SECOND);
        let request = lone.request(Method::Options);
        lone.answer(&request, status, &[]);
    }
    lone.run_until_sent(30 * SECOND);
    lone.run(33 * SECOND);
    assert_eq!(lone.news(), "disconnected unregistered(Connection Error)");
    assert_eq!(lone.agent.live().client_transactions, 0);
}

#[test]
fn no_keep_alives_are_sent_where_none_are_wanted() {
    let mut lone = Lone::with(|config| config.keep_alive = None);
    lone.transport = Transport::Udp;
    lone.start();
    accept(&mut lone, OUTBOUND);
    lone.run(200 * SECOND);
    assert!(lone.pings.is_empty() && lone.probes.is_empty());
}

#[test]
fn a_call_outlives_the_dead_flow_that_a_keep_alive_found() {
    let mut lone = registered(Transport::Tcp, OUTBOUND);
    lone.call();
    lone.requests
        .retain(|request| request.method() == Method::Invite);
    let invite = lone.request(Method::Invite);
    lone.answer_from(&invite, StatusCode::OK, "bob", util::OFFER);
    lone.requests.clear();
    lone.news();
    until_ping(&mut lone);
    lone.run(11 * SECOND);
    lone.run(5 * SECOND);
    lone.requests
        .retain(|request| request.method() == Method::Register);
    accept(&mut lone, OUTBOUND);
    let news = lone.news();
    assert!(news.ends_with("connected registered(600)"), "{news}");
    assert!(!news.contains("ended"), "{news}");
    assert_eq!(lone.agent.live().sessions, 1);
}

#[test]
fn a_first_hop_without_outbound_gets_a_registration_without_it() {
    let mut lone = Lone::started();
    let request = lone.request(Method::Register);
    assert!(
        request
            .header("Contact")
            .unwrap_or_default()
            .contains(";reg-id=1")
    );
    lone.answer(&request, StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT, &[]);
    let request = lone.requests.first().expect("another REGISTER");
    let contact = request.header("Contact").unwrap_or_default();
    assert!(
        !contact.contains("reg-id") && contact.contains("+sip.instance"),
        "{contact}"
    );
    assert_eq!(request.header("Supported"), Some("path, gruu"));
    accept(&mut lone, &[]);
    assert!(lone.news().ends_with("registered(600)"));
    // What it refuses for good is told.
    lone.agent.register(lone.now);
    lone.drain();
    let request = lone.request(Method::Register);
    lone.answer(&request, StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT, &[]);
    assert!(lone.news().contains("registrationFailed"));
}
