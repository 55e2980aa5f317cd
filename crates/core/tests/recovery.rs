//! Stories of calls that survive: a lost connection, a new address, media without a way.

mod util;

use std::time::Duration;

use offhook_core::{ConnectionState, MediaReport, MediaRequest, TerminateOptions, Transport};
use offhook_sip::{Method, Request, StatusCode};
use util::OFFER;
use util::lone::Lone;

const SECOND: Duration = Duration::from_secs(1);

fn calling() -> (Lone, Request) {
    let mut lone = Lone::unregistered();
    lone.call();
    let invite = lone.request(Method::Invite);
    (lone, invite)
}

fn established() -> Lone {
    let (mut lone, invite) = calling();
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    lone.request(Method::Ack);
    lone.news();
    lone
}

/// The connection breaks, and stays away until it is let back.
fn cut(lone: &mut Lone) {
    lone.reachable = false;
    lone.lose_flow();
    lone.sent_on.clear();
}

fn let_back(lone: &mut Lone) {
    lone.reachable = true;
    lone.run(Duration::from_secs(20));
    assert!(lone.flow.is_some(), "the connection is back");
}

fn hang_up(lone: &mut Lone) {
    let (now, id) = (lone.now, lone.session.expect("a session"));
    lone.agent
        .session(id)
        .expect("it lives")
        .terminate(now, TerminateOptions::default())
        .expect("ended");
    lone.drain();
}

#[test]
fn a_bye_during_the_outage_is_sent_when_the_connection_is_back() {
    let mut lone = established();
    cut(&mut lone);
    hang_up(&mut lone);
    assert!(lone.requests.is_empty());
    let_back(&mut lone);
    let bye = lone.request(Method::Bye);
    assert_eq!(lone.sent_on.last(), lone.flow.as_ref());
    lone.answer(&bye, StatusCode::OK, &[]);
    lone.assert_clean();
}

#[test]
fn a_bye_that_was_on_its_way_is_sent_again() {
    let mut lone = established();
    hang_up(&mut lone);
    let first = lone.request(Method::Bye);
    cut(&mut lone);
    let_back(&mut lone);
    let again = lone.request(Method::Bye);
    let number = |request: &Request| request.cseq().expect("a CSeq").number;
    assert!(number(&again) > number(&first));
    lone.answer(&again, StatusCode::OK, &[]);
    lone.assert_clean();
}

/// A call over TCP, where a Contact is the address of its flow.
fn established_over_tcp() -> Lone {
    let mut lone = Lone::with(|config| config.register = false);
    lone.transport = Transport::Tcp;
    lone.start();
    lone.call();
    let invite = lone.request(Method::Invite);
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    lone.request(Method::Ack);
    lone.news();
    lone
}

/// The address in a request's Contact.
fn contact_of(request: &Request) -> &str {
    let contact = request.header("Contact").expect("a Contact");
    let (_, address) = contact.split_once('@').expect("a user in it");
    address.split([';', '>']).next().unwrap_or_default()
}

#[test]
fn a_hold_that_is_made_again_bears_the_contact_of_the_new_flow() {
    let mut lone = established_over_tcp();
    let (now, id) = (lone.now, lone.session.expect("a session"));
    let mut session = lone.agent.session(id).expect("it lives");
    session.hold(now, Default::default()).expect("held");
    lone.drain();
    let lost = lone.request(Method::Invite);
    assert_eq!(contact_of(&lost), "127.0.0.1:40000");
    cut(&mut lone);
    lone.local = "192.0.2.77:40000";
    let_back(&mut lone);
    let again = lone.request(Method::Invite);
    assert_eq!(contact_of(&again), "192.0.2.77:40000");
}

#[test]
fn a_transfer_during_the_outage_bears_the_contact_of_the_new_flow() {
    let mut lone = established_over_tcp();
    cut(&mut lone);
    lone.local = "192.0.2.77:40000";
    let (now, id) = (lone.now, lone.session.expect("a session"));
    lone.agent
        .session(id)
        .expect("it lives")
        .refer(now, "carol", Default::default())
        .expect("a REFER");
    lone.drain();
    assert!(lone.requests.is_empty());
    let_back(&mut lone);
    // The new address restarts ICE by a re-INVITE beside it.
    for method in [Method::Refer, Method::Invite] {
        let mut sent = lone.requests.iter();
        let request = sent.find(|request| request.method() == method);
        let request = request.expect("it goes out");
        assert_eq!(contact_of(request), "192.0.2.77:40000");
    }
    assert!(
        lone.sent_on
            .iter()
            .all(|flow| Some(flow) == lone.flow.as_ref())
    );
}

#[test]
fn a_hold_during_the_outage_is_made_when_the_connection_is_back() {
    let mut lone = established();
    cut(&mut lone);
    let (now, id) = (lone.now, lone.session.expect("a session"));
    lone.agent
        .session(id)
        .expect("it lives")
        .hold(now, Default::default())
        .expect("held");
    lone.drain();
    assert!(lone.requests.is_empty());
    let_back(&mut lone);
    let invite = lone.request(Method::Invite);
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    assert!(lone.news().ends_with("renegotiated"));
}

#[test]
fn a_hold_that_was_on_its_way_is_made_again() {
    let mut lone = established();
    let (now, id) = (lone.now, lone.session.expect("a session"));
    lone.agent
        .session(id)
        .expect("it lives")
        .hold(now, Default::default())
        .expect("held");
    lone.drain();
    lone.request(Method::Invite);
    cut(&mut lone);
    let_back(&mut lone);
    let invite = lone.request(Method::Invite);
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    lone.request(Method::Ack);
    assert!(lone.news().ends_with("renegotiated"));
}

#[test]
fn what_waits_too_long_is_given_up() {
    let mut lone = established();
    cut(&mut lone);
    hang_up(&mut lone);
    lone.run(Duration::from_secs(33));
    assert!(lone.news().ends_with("closed"));
    assert_eq!(lone.agent.live().sessions, 0);
}

#[test]
fn a_ringing_incoming_call_is_answered_over_the_new_connection() {
    let mut lone = Lone::unregistered();
    lone.receive(format!(
        "INVITE sip:alice@example.com SIP/2.0\r\n\
         Via: SIP/2.0/WS proxy.example.com;branch=z9hG4bKabc1\r\n\
         Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=bobtag\r\n\
         To: <sip:alice@example.com>\r\nCall-ID: call-1@example.com\r\nCSeq: 17 INVITE\r\n\
         Contact: <sip:bob@198.51.100.7;transport=ws>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{OFFER}",
        OFFER.len()
    ));
    cut(&mut lone);
    lone.responses.clear();
    let_back(&mut lone);
    let (now, id) = (lone.now, lone.session.expect("a session"));
    lone.agent
        .session(id)
        .expect("it lives")
        .answer(now, Default::default())
        .expect("answered");
    lone.drain();
    let ok = lone.responses.last().expect("a 200");
    assert_eq!(ok.status(), StatusCode::OK);
    assert_eq!(lone.sent_on.last(), lone.flow.as_ref());
}

#[test]
fn a_ringing_outgoing_call_is_answered_over_the_new_connection() {
    let (mut lone, invite) = calling();
    lone.answer_from(&invite, StatusCode::RINGING, "b1", "");
    cut(&mut lone);
    let_back(&mut lone);
    assert!(!lone.news().contains("failed"));
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    lone.request(Method::Ack);
    assert_eq!(lone.sent_on.last(), lone.flow.as_ref());
    assert!(lone.news().ends_with("accepted(remote) confirmed(local)"));
}

#[test]
fn an_invite_that_nobody_answered_yet_is_sent_again() {
    let (mut lone, invite) = calling();
    cut(&mut lone);
    let_back(&mut lone);
    let again = lone.request(Method::Invite);
    let number = |request: &Request| request.cseq().expect("a CSeq").number;
    assert_eq!(number(&again), number(&invite) + 1);
    assert_eq!(again.call_id().ok(), invite.call_id().ok());
    lone.answer_from(&again, StatusCode::OK, "b1", OFFER);
    lone.request(Method::Ack);
    assert!(lone.news().ends_with("accepted(remote) confirmed(local)"));
}

#[test]
fn a_challenged_invite_that_met_a_cut_is_sent_again() {
    let (mut lone, invite) = calling();
    let challenge = "Digest realm=\"example.com\", nonce=\"abc\", qop=\"auth\"";
    lone.answer(&invite, StatusCode::TRYING, &[]);
    lone.answer(
        &invite,
        StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        &[("Proxy-Authenticate", challenge)],
    );
    lone.requests
        .retain(|request| request.method() == Method::Invite);
    lone.request(Method::Invite);
    cut(&mut lone);
    assert!(!lone.news().contains("failed"));
    let_back(&mut lone);
    let again = lone.request(Method::Invite);
    assert!(again.header("Proxy-Authorization").is_some());
    lone.answer_from(&again, StatusCode::OK, "b1", OFFER);
    lone.request(Method::Ack);
    assert!(lone.news().ends_with("accepted(remote) confirmed(local)"));
}

#[test]
fn a_reinvite_that_met_a_cut_is_not_sent_again_for_a_call_that_has_ended() {
    let mut lone = established();
    let (now, id) = (lone.now, lone.session.expect("a session"));
    lone.agent
        .session(id)
        .expect("it lives")
        .hold(now, Default::default())
        .expect("held");
    lone.drain();
    lone.request(Method::Invite);
    hang_up(&mut lone);
    lone.requests.clear();
    cut(&mut lone);
    let_back(&mut lone);
    lone.request(Method::Bye);
}

#[test]
fn a_call_given_up_during_the_outage_sends_nothing_more() {
    let (mut lone, _) = calling();
    cut(&mut lone);
    hang_up(&mut lone);
    assert!(lone.news().ends_with("failed(local, Canceled) closed"));
    let_back(&mut lone);
    assert!(lone.requests.is_empty());
    lone.assert_clean();
}

#[test]
fn a_new_address_restarts_ice() {
    restarts_ice_at("192.0.2.99:40001");
}

/// A browser does not know its address; and the peer may reach its proxy's old flow only.
#[test]
fn an_address_that_nobody_knows_restarts_ice() {
    restarts_ice_at("0.0.0.0:0");
}

fn restarts_ice_at(local: &'static str) {
    let mut lone = established();
    cut(&mut lone);
    lone.local = local;
    let_back(&mut lone);
    assert!(
        lone.media
            .contains(&MediaRequest::CreateOffer { ice_restart: true })
    );
    let invite = lone.request(Method::Invite);
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    lone.request(Method::Ack);
    assert!(!lone.news().contains("renegotiated"), "nobody asked for it");
}

#[test]
fn media_without_a_way_restarts_ice_and_the_call_lives_when_it_is_back() {
    let mut lone = established();
    let id = lone.session.expect("a session");
    let report = |lone: &mut Lone, state| {
        let now = lone.now;
        lone.agent.media(now, id, MediaReport::Connection(state));
        lone.drain();
    };
    report(&mut lone, ConnectionState::Failed);
    let invite = lone.request(Method::Invite);
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    lone.request(Method::Ack);
    report(&mut lone, ConnectionState::Connected);
    lone.run(Duration::from_secs(120));
    assert_eq!(lone.news(), "");
}

#[test]
fn media_that_stays_without_a_way_ends_the_call_in_the_end() {
    let mut lone = established();
    lone.connects = false;
    let (now, id) = (lone.now, lone.session.expect("a session"));
    lone.agent
        .media(now, id, MediaReport::Connection(ConnectionState::Failed));
    lone.drain();
    let invite = lone.request(Method::Invite);
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    lone.request(Method::Ack);
    lone.run(Duration::from_secs(31));
    assert_eq!(lone.news(), "");
    lone.run(SECOND);
    let bye = lone.request(Method::Bye);
    assert!(
        bye.header("Reason")
            .is_some_and(|reason| reason.contains("RTP Timeout"))
    );
    assert_eq!(lone.news(), "ended(system, RTP Timeout)");
}

/// A call of ours that is answered, and whose media does not connect.
fn unconnected() -> Lone {
    let (mut lone, invite) = calling();
    lone.connects = false;
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    lone.request(Method::Ack);
    lone.news();
    lone
}

#[test]
fn media_that_never_connects_is_told_and_ends_the_call_when_a_restart_does_not_help() {
    let mut lone = unconnected();
    lone.run(Duration::from_secs(30) - Duration::from_millis(1));
    assert_eq!(lone.news(), "");
    lone.run(Duration::from_millis(1));
    assert_eq!(lone.news(), "mediaunconnected");
    assert!(
        lone.media
            .contains(&MediaRequest::CreateOffer { ice_restart: true })
    );
    let invite = lone.request(Method::Invite);
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    lone.request(Method::Ack);
    lone.run(Duration::from_secs(31));
    assert_eq!(lone.news(), "", "it is told once");
    lone.run(SECOND);
    lone.request(Method::Bye);
    assert_eq!(lone.news(), "ended(system, RTP Timeout)");
}

#[test]
fn media_that_connects_after_its_restart_keeps_the_call() {
    let mut lone = unconnected();
    lone.run(Duration::from_secs(30));
    lone.connects = true;
    let invite = lone.request(Method::Invite);
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    lone.request(Method::Ack);
    lone.run(Duration::from_secs(300));
    assert_eq!(lone.news(), "mediaunconnected");
}

#[test]
fn media_that_connected_is_never_overdue() {
    let mut lone = established();
    lone.run(Duration::from_secs(300));
    assert_eq!(lone.news(), "");
}

#[test]
fn a_callee_gives_media_its_time_from_the_ack_on() {
    let mut lone = Lone::unregistered();
    lone.connects = false;
    lone.receive(format!(
        "INVITE sip:alice@example.com SIP/2.0\r\n\
         Via: SIP/2.0/WS proxy.example.com;branch=z9hG4bKabc1\r\n\
         Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=bobtag\r\n\
         To: <sip:alice@example.com>\r\nCall-ID: call-1@example.com\r\nCSeq: 17 INVITE\r\n\
         Contact: <sip:bob@198.51.100.7;transport=ws>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{OFFER}",
        OFFER.len()
    ));
    let (now, id) = (lone.now, lone.session.expect("a session"));
    let mut session = lone.agent.session(id).expect("it lives");
    session.answer(now, Default::default()).expect("answered");
    lone.drain();
    let ok = lone.responses.last().expect("a 200");
    let tag = ok.to().expect("a To").tag().expect("a tag").to_owned();
    lone.run(SECOND);
    lone.receive(format!(
        "ACK sip:alice@example.com SIP/2.0\r\n\
         Via: SIP/2.0/WS proxy.example.com;branch=z9hG4bKack\r\n\
         Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=bobtag\r\n\
         To: <sip:alice@example.com>;tag={tag}\r\nCall-ID: call-1@example.com\r\n\
         CSeq: 17 ACK\r\nContent-Length: 0\r\n\r\n"
    ));
    lone.news();
    lone.run(Duration::from_secs(29));
    assert_eq!(lone.news(), "");
    lone.run(SECOND);
    assert_eq!(lone.news(), "mediaunconnected");
    lone.request(Method::Invite);
}
