//! Stories of the exchange, on a virtual clock.

mod gruu;
mod hostile;
mod outbound;
mod world;

use std::time::Duration;

use offhook_core::Transport;
use offhook_core::auth::{AuthAttempt, AuthStore, DigestAlgorithm, Secret};
use offhook_sip::{HeaderName, Message, StatusCode};

use self::world::{Phone, World, as_request};
use crate::counters::Live;

const BOB: &str = "sip:bob@localhost";

#[test]
fn the_first_to_answer_has_the_call_and_the_other_is_told() {
    let mut world = World::open();
    let alice = world.registered("alice", Transport::Ws);
    let desk = world.registered("bob", Transport::Udp);
    let mobile = world.registered("bob", Transport::Ws);

    world.invite(&alice, BOB);
    let at_desk = world.request(&desk, "INVITE");
    let at_mobile = world.request(&mobile, "INVITE");
    assert_eq!(at_desk.uri_text(), desk.contact);
    assert_eq!(at_mobile.uri_text(), mobile.contact);
    assert_eq!(at_desk.header(HeaderName::MaxForwards), Some("69"));
    world.reply(&desk, &at_desk, 180);
    world.response(&alice, 180);
    world.reply(&mobile, &at_mobile, 180);
    world.response(&alice, 180);

    world.reply(&mobile, &at_mobile, 200);
    let answer = world.response(&alice, 200);
    world.event("sip:alice@localhost called sip:bob@localhost");
    let cancel = world.request(&desk, "CANCEL");
    assert_eq!(
        cancel.header(HeaderName::Reason),
        Some("SIP;cause=200;text=\"Call completed elsewhere\"")
    );
    world.reply(&desk, &cancel, 200);
    world.reply(&desk, &at_desk, 487);
    world.request(&desk, "ACK");
    world.silent(&alice);

    let ack = world.by_caller(&alice, &answer, "ACK");
    world.send(&alice, ack);
    world.request(&mobile, "ACK");
    assert_eq!(world.proxy.live().calls, 1);

    let bye = world.by_callee(&mobile, &at_mobile, &answer, "BYE");
    world.send(&mobile, bye);
    let bye = world.request(&alice, "BYE");
    assert_eq!(bye.uri_text(), alice.contact);
    world.reply(&alice, &bye, 200);
    world.response(&mobile, 200);
    world.event("ended");
    world.silent(&desk);
    world.settled();
}

#[test]
fn all_busy_is_busy() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Udp);
    let bobs = [Transport::Ws, Transport::Udp].map(|t| world.registered("bob", t));
    let invite = world.invite(&alice, BOB);
    for (bob, code) in bobs.iter().zip([480, 486]) {
        let there = world.request(bob, "INVITE");
        world.reply(bob, &there, code);
        world.request(bob, "ACK");
    }
    let busy = world.response(&alice, 486);
    world.ack_failure(&alice, &invite, &busy);
    world.silent(&alice);
    world.settled();
}

#[test]
fn a_decline_ends_the_ringing_everywhere() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Tcp);
    let bobs = [Transport::Ws, Transport::Ws].map(|t| world.registered("bob", t));
    let invite = world.invite(&alice, BOB);
    let first = world.request(&bobs[0], "INVITE");
    let second = world.request(&bobs[1], "INVITE");
    world.reply(&bobs[1], &second, 180);
    world.response(&alice, 180);
    world.reply(&bobs[0], &first, 603);
    world.request(&bobs[0], "ACK");
    world.silent(&alice);
    let cancel = world.request(&bobs[1], "CANCEL");
    world.reply(&bobs[1], &cancel, 200);
    world.reply(&bobs[1], &second, 487);
    world.request(&bobs[1], "ACK");
    let declined = world.response(&alice, 603);
    world.ack_failure(&alice, &invite, &declined);
    world.settled();
}

#[test]
fn a_cancelled_call_stops_ringing_and_is_487() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Ws);
    let bob = world.registered("bob", Transport::Udp);
    let invite = world.invite(&alice, BOB);
    let there = world.request(&bob, "INVITE");
    world.reply(&bob, &there, 180);
    world.response(&alice, 180);
    world.cancel(&alice, &invite);
    world.response(&alice, 200);
    let cancel = world.request(&bob, "CANCEL");
    assert_eq!(
        cancel.via().unwrap().branch(),
        there.via().unwrap().branch()
    );
    world.reply(&bob, &cancel, 200);
    world.reply(&bob, &there, 487);
    world.request(&bob, "ACK");
    let terminated = world.response(&alice, 487);
    world.ack_failure(&alice, &invite, &terminated);
    world.silent(&alice);
    world.settled();
}

#[test]
fn a_cancel_waits_for_the_first_provisional_response() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Ws);
    let bob = world.registered("bob", Transport::Ws);
    let invite = world.invite(&alice, BOB);
    let there = world.request(&bob, "INVITE");
    world.cancel(&alice, &invite);
    world.response(&alice, 200);
    world.silent(&bob);
    world.reply(&bob, &there, 100);
    world.request(&bob, "CANCEL");
}

#[test]
fn a_cancel_that_crosses_the_answer_loses() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Ws);
    let bob = world.registered("bob", Transport::Ws);
    let invite = world.invite(&alice, BOB);
    let there = world.request(&bob, "INVITE");
    world.reply(&bob, &there, 180);
    world.response(&alice, 180);
    world.cancel(&alice, &invite);
    world.response(&alice, 200);
    // Bob has answered before the CANCEL reaches him.
    world.reply(&bob, &there, 200);
    let cancel = world.request(&bob, "CANCEL");
    world.reply(&bob, &cancel, 481);
    let answer = world.response(&alice, 200);
    world.event("called");
    assert_eq!(answer.cseq().unwrap().method.as_str(), "INVITE");
    for method in ["ACK", "BYE"] {
        let message = world.by_caller(&alice, &answer, method);
        world.send(&alice, message);
    }
    world.request(&bob, "ACK");
    let bye = world.request(&bob, "BYE");
    world.reply(&bob, &bye, 200);
    world.response(&alice, 200);
    world.event("ended");
    world.settled();
}

#[test]
fn a_cancel_for_nothing_is_481() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Ws);
    let invite = as_request(&world.compose(&alice, "INVITE", BOB));
    world.cancel(&alice, &invite);
    world.response(&alice, 481);
    world.settled();
}

#[test]
fn who_is_not_there_is_480_and_who_does_not_exist_is_404() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Ws);
    let invite = world.invite(&alice, BOB);
    let away = world.response(&alice, 480);
    world.ack_failure(&alice, &invite, &away);
    for (uri, code) in [
        ("sip:bob@elsewhere.example", 404),
        ("sip:localhost", 404),
        ("tel:+15551234", 416),
    ] {
        let message = world.compose(&alice, "MESSAGE", uri);
        world.ask(&alice, &message);
        world.response(&alice, code);
    }
    world.settled();
}

#[test]
fn a_contact_is_gone_when_its_time_is_over() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Ws);
    let bob = world.phone("bob", Transport::Ws);
    world.register_with(&bob, ";expires=60");
    world.pass(Duration::from_secs(59));
    assert_eq!(world.proxy.registered("bob"), 1);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.proxy.registered("bob"), 0);
    world.event("sip:bob@localhost is no longer at");
    world.invite(&alice, BOB);
    world.response(&alice, 480);
    world.silent(&bob);
}

#[test]
fn a_contact_that_is_refreshed_stays() {
    let mut world = World::open();
    let bob = world.phone("bob", Transport::Ws);
    world.register_with(&bob, ";expires=60");
    world.pass(Duration::from_secs(50));
    let refresh = world.compose(&bob, "REGISTER", "sip:localhost");
    world.ask(&bob, &refresh);
    let answer = world.response(&bob, 200);
    let contacts: Vec<_> = answer.values(HeaderName::Contact).collect();
    assert_eq!(contacts, [format!("<{}>;expires=600", bob.contact)]);
    world.pass(Duration::from_secs(50));
    assert_eq!(world.proxy.registered("bob"), 1);
    assert!(world.events.is_empty(), "{:?}", world.events);
}

#[test]
fn too_short_a_time_is_423_and_a_star_removes_all() {
    let mut world = World::open();
    let bob = world.registered("bob", Transport::Ws);
    let mut brief = world.compose(&bob, "REGISTER", "sip:localhost");
    brief.headers_mut().push(HeaderName::Expires, 5).unwrap();
    world.ask(&bob, &brief);
    let answer = world.response(&bob, 423);
    assert_eq!(answer.header(HeaderName::MinExpires), Some("10"));

    let mut all = world.compose(&bob, "REGISTER", "sip:localhost");
    all.headers_mut().set(HeaderName::Contact, "*").unwrap();
    world.ask(&bob, &all);
    world.response(&bob, 400);
    assert_eq!(world.proxy.registered("bob"), 1);
    let mut all = world.compose(&bob, "REGISTER", "sip:localhost");
    all.headers_mut().set(HeaderName::Contact, "*").unwrap();
    all.headers_mut().push(HeaderName::Expires, 0).unwrap();
    world.ask(&bob, &all);
    let answer = world.response(&bob, 200);
    assert_eq!(answer.header(HeaderName::Contact), None);
    world.event("no longer");
    world.settled();
}

#[test]
fn preferred_contacts_ring_first() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Ws);
    let second = world.phone("bob", Transport::Ws);
    world.register_with(&second, ";q=0.5");
    let first = world.phone("bob", Transport::Ws);
    world.register_with(&first, ";q=0.9");
    world.invite(&alice, BOB);
    world.silent(&second);
    let there = world.request(&first, "INVITE");
    world.reply(&first, &there, 486);
    world.request(&first, "ACK");
    let there = world.request(&second, "INVITE");
    world.reply(&second, &there, 200);
    world.response(&alice, 200);
}

#[test]
fn who_rings_for_three_minutes_is_cancelled() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Ws);
    let bob = world.phone("bob", Transport::Ws);
    world.register_with(&bob, ";expires=3600");
    let invite = world.invite(&alice, BOB);
    let there = world.request(&bob, "INVITE");
    world.reply(&bob, &there, 180);
    world.response(&alice, 180);
    // Each sign of life starts the time again.
    world.pass(Duration::from_secs(179));
    world.reply(&bob, &there, 180);
    world.response(&alice, 180);
    world.pass(Duration::from_secs(179));
    world.silent(&bob);
    world.pass(Duration::from_secs(2));
    let cancel = world.request(&bob, "CANCEL");
    world.reply(&bob, &cancel, 200);
    world.reply(&bob, &there, 487);
    world.request(&bob, "ACK");
    let terminated = world.response(&alice, 487);
    world.ack_failure(&alice, &invite, &terminated);
    world.settled();
}

#[test]
fn who_never_answers_is_408() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Ws);
    let bob = world.phone("bob", Transport::Udp);
    world.register_with(&bob, ";expires=3600");
    let invite = world.invite(&alice, BOB);
    let first = world.request(&bob, "INVITE");
    world.pass(Duration::from_secs(33));
    let timeout = world.response(&alice, 408);
    // On UDP it was tried again, the same request each time.
    for _ in 0..6 {
        let again = world.request(&bob, "INVITE");
        assert_eq!(again.bytes(), first.bytes());
    }
    world.silent(&bob);
    world.ack_failure(&alice, &invite, &timeout);
    world.settled();
}

#[test]
fn retransmissions_are_absorbed_and_those_of_the_answer_go_through() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Udp);
    let bob = world.registered("bob", Transport::Udp);
    let invite = world.invite(&alice, BOB);
    let there = world.request(&bob, "INVITE");
    world.send(&alice, invite.bytes().clone());
    world.response(&alice, 100);
    world.silent(&bob);
    world.reply(&bob, &there, 180);
    world.response(&alice, 180);
    world.send(&alice, invite.bytes().clone());
    world.response(&alice, 180);
    for _ in 0..3 {
        world.reply(&bob, &there, 200);
        world.response(&alice, 200);
    }
    world.event("called");
    assert!(world.events.is_empty(), "it is one call");
    world.silent(&bob);
}

#[test]
fn a_dialog_between_websocket_and_udp_goes_through_from_either_side() {
    let mut world = World::open();
    let alice = world.registered("alice", Transport::Ws);
    let bob = world.registered("bob", Transport::Udp);
    let (invite, answer) = world.call(&alice, &bob);

    // Each side sees its own transport on top of its route.
    let recorded: Vec<&str> = invite.values(HeaderName::RecordRoute).collect();
    assert_eq!(recorded.len(), 2);
    assert!(recorded[0].ends_with("@127.0.0.1:5060;lr>"), "{recorded:?}");
    assert!(recorded[1].ends_with("@127.0.0.1:8080;transport=ws;lr>"));
    assert!(invite.vias().all(|via| via.is_ok()));

    let update = world.by_caller(&alice, &answer, "INVITE");
    world.send(&alice, update);
    world.response(&alice, 100);
    let again = world.request(&bob, "INVITE");
    assert_eq!(again.uri_text(), bob.contact);
    assert_eq!(again.header(HeaderName::Route), None);
    world.reply(&bob, &again, 200);
    let answered = world.response(&alice, 200);
    let ack = world.by_caller(&alice, &answer, "ACK");
    assert_eq!(answered.header(HeaderName::RecordRoute), None);
    world.send(&alice, ack);
    world.request(&bob, "ACK");

    let info = world.by_callee(&bob, &invite, &answer, "INFO");
    world.send(&bob, info);
    let info = world.request(&alice, "INFO");
    assert_eq!(info.uri_text(), alice.contact);
    assert_eq!(info.header(HeaderName::Route), None);
    world.reply(&alice, &info, 200);
    world.response(&bob, 200);

    let bye = world.by_callee(&bob, &invite, &answer, "BYE");
    world.send(&bob, bye);
    let bye = world.request(&alice, "BYE");
    world.reply(&alice, &bye, 200);
    world.response(&bob, 200);
    world.event("ended");
    world.settled();
}

#[test]
fn nobody_is_asked_for_a_password_within_a_dialog() {
    let mut world = World::closed();
    let carol = world.phone("carol", Transport::Udp);
    let bob = world.phone("bob", Transport::Ws);
    world.register_as(&bob, "bobpw", 200);
    world.event("registered");
    // A caller from elsewhere, who has no password here.
    let mut invite = world.compose(&carol, "INVITE", BOB);
    let from = "<sip:carol@elsewhere.example>;tag=1";
    invite.headers_mut().set(HeaderName::From, from).unwrap();
    world.ask(&carol, &invite);
    world.response(&carol, 100);
    let there = world.request(&bob, "INVITE");
    world.reply(&bob, &there, 200);
    let answer = world.response(&carol, 200);
    let bye = world.by_callee(&bob, &there, &answer, "BYE");
    world.send(&bob, bye);
    world.request(&carol, "BYE");
}

#[test]
fn the_right_password_registers_and_the_strongest_algorithm_is_offered_first() {
    let mut world = World::closed();
    let alice = world.phone("alice", Transport::Ws);
    let request = world.compose(&alice, "REGISTER", "sip:localhost");
    world.ask(&alice, &request);
    let challenge = world.response(&alice, 401);
    let offered: Vec<&str> = challenge.headers(HeaderName::WwwAuthenticate).collect();
    assert_eq!(offered.len(), 2);
    assert!(offered[0].contains("algorithm=SHA-256"), "{offered:?}");
    assert!(offered[1].contains("algorithm=MD5"), "{offered:?}");
    assert!(offered.iter().all(|o| o.contains("realm=\"localhost\"")));
    world.register_as(&alice, "alicepw", 200);
    assert_eq!(world.proxy.registered("alice"), 1);
}

#[test]
fn the_challenge_offers_what_it_was_told_to_and_no_more() {
    let mut settings = super::Settings::new("localhost");
    settings.users = Some([("bob".to_owned(), "bobpw".to_owned())].into());
    settings.algorithms = vec![DigestAlgorithm::Md5];
    let mut world = World::new(settings);
    let bob = world.phone("bob", Transport::Udp);
    let request = world.compose(&bob, "REGISTER", "sip:localhost");
    world.ask(&bob, &request);
    let refused = world.response(&bob, 401);
    let challenges: Vec<&str> = refused.headers(HeaderName::WwwAuthenticate).collect();
    assert_eq!(challenges.len(), 1, "{challenges:?}");
    assert!(challenges[0].contains("algorithm=MD5"), "{challenges:?}");
    world.register_as(&bob, "bobpw", 200);
}

#[test]
fn wrong_passwords_are_challenged_a_few_times_and_then_forbidden() {
    let mut world = World::closed();
    let alice = world.phone("alice", Transport::Ws);
    for _ in 0..4 {
        let answer = world.register_as(&alice, "guess", 401);
        let challenge = answer.header(HeaderName::WwwAuthenticate).unwrap();
        assert!(!challenge.contains("stale"), "{challenge}");
    }
    world.register_as(&alice, "guess", 403);
    assert_eq!(world.proxy.registered("alice"), 0);
    // The right one still opens the door, and the count starts again.
    world.register_as(&alice, "alicepw", 200);
    world.register_as(&alice, "guess", 401);
}

#[test]
fn an_old_nonce_is_said_to_be_stale() {
    let mut world = World::closed();
    let alice = world.phone("alice", Transport::Ws);
    let mut store = AuthStore::new("alice", Secret::Password("alicepw".to_owned()));
    let mut attempt = AuthAttempt::default();
    let request = world.compose(&alice, "REGISTER", "sip:localhost");
    world.ask(&alice, &request);
    let challenge = world.response(&alice, 401);
    store.challenged(&mut attempt, &challenge).unwrap();
    world.pass(Duration::from_secs(3600));
    let mut request = world.compose(&alice, "REGISTER", "sip:localhost");
    store.authorize(&attempt, &mut request, "abcdef").unwrap();
    world.ask(&alice, &request);
    let stale = world.response(&alice, 401);
    let challenge = stale.header(HeaderName::WwwAuthenticate).unwrap();
    assert!(challenge.contains("stale=true"), "{challenge}");
}

#[test]
fn nobody_registers_or_calls_in_anothers_name() {
    let mut world = World::closed();
    let alice = world.phone("alice", Transport::Ws);
    let mut store = AuthStore::new("alice", Secret::Password("alicepw".to_owned()));
    let mut attempt = AuthAttempt::default();
    let mut imposter = alice.clone();
    imposter.user = "bob";
    let request = world.compose(&imposter, "REGISTER", "sip:localhost");
    world.ask(&imposter, &request);
    let challenge = world.response(&imposter, 401);
    store.challenged(&mut attempt, &challenge).unwrap();
    let mut request = world.compose(&imposter, "REGISTER", "sip:localhost");
    store.authorize(&attempt, &mut request, "abcdef").unwrap();
    world.ask(&imposter, &request);
    world.response(&imposter, 403);
    assert_eq!(world.proxy.registered("bob"), 0);
    assert_eq!(world.proxy.counters().forbidden, 1);
}

#[test]
fn a_caller_is_asked_and_the_callee_does_not_see_the_credentials() {
    let mut world = World::closed();
    let alice = world.phone("alice", Transport::Ws);
    let bob = world.phone("bob", Transport::Udp);
    world.register_as(&bob, "bobpw", 200);
    world.ask_as(&alice, "alicepw", "INVITE", BOB);
    world.response(&alice, 100);
    let there = world.request(&bob, "INVITE");
    assert_eq!(there.header(HeaderName::ProxyAuthorization), None);
    world.reply(&bob, &there, 200);
    world.response(&alice, 200);
}

#[test]
fn an_unknown_user_is_404_to_those_who_may_ask() {
    let mut world = World::closed();
    let alice = world.phone("alice", Transport::Ws);
    let invite = world.ask_as(&alice, "alicepw", "INVITE", "sip:nobody@localhost");
    world.response(&alice, 100);
    let unknown = world.response(&alice, 404);
    world.ack_failure(&alice, &invite, &unknown);
    let invite = world.ask_as(&alice, "alicepw", "INVITE", BOB);
    world.response(&alice, 100);
    let away = world.response(&alice, 480);
    world.ack_failure(&alice, &invite, &away);
    world.settled();
}

#[test]
fn a_websocket_that_closes_takes_its_contact_with_it() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Ws);
    let bob = world.registered("bob", Transport::Ws);
    let invite = world.invite(&alice, BOB);
    let there = world.request(&bob, "INVITE");
    world.reply(&bob, &there, 180);
    world.response(&alice, 180);
    world.lose(&bob);
    world.event("no longer");
    let gone = world.response(&alice, 480);
    world.ack_failure(&alice, &invite, &gone);
    assert_eq!(world.proxy.registered("bob"), 0);
    world.settled();
}

#[test]
fn a_caller_whose_connection_breaks_stops_ringing() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Ws);
    let bob = world.registered("bob", Transport::Ws);
    world.invite(&alice, BOB);
    let there = world.request(&bob, "INVITE");
    world.reply(&bob, &there, 180);
    world.lose(&alice);
    let cancel = world.request(&bob, "CANCEL");
    world.reply(&bob, &cancel, 200);
    world.reply(&bob, &there, 487);
    world.request(&bob, "ACK");
    world.settled();
}

#[test]
fn a_call_goes_on_after_its_websocket_was_replaced() {
    let mut world = World::open();
    let alice = world.registered("alice", Transport::Ws);
    let bob = world.registered("bob", Transport::Udp);
    let (invite, answer) = world.call(&alice, &bob);
    world.lose(&alice);
    world.event("no longer");
    // The same user agent, the same contact, another connection.
    let again = world.phone("alice", Transport::Ws);
    let again = Phone {
        contact: alice.contact.clone(),
        ..again
    };
    world.register(&again);
    let info = world.by_callee(&bob, &invite, &answer, "INFO");
    world.send(&bob, info);
    let info = world.request(&again, "INFO");
    world.reply(&again, &info, 200);
    world.response(&bob, 200);
    // And from the other side, with the route of old.
    let bye = world.by_caller(&again, &answer, "BYE");
    world.send(&again, bye);
    let bye = world.request(&bob, "BYE");
    world.reply(&bob, &bye, 200);
    world.response(&again, 200);
    world.event("ended");
    world.settled();
}

#[test]
fn a_forgotten_udp_remote_is_reached_where_it_registered_from() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Ws);
    let bob = world.registered("bob", Transport::Udp);
    world.lose(&bob);
    assert_eq!(world.proxy.registered("bob"), 1);
    let invite = world.invite(&alice, BOB);
    let (flow, destination) = world.opened.pop_front().unwrap();
    assert!(
        destination.starts_with("udp://127.0.0.1:40"),
        "{destination}"
    );
    world.silent(&bob);
    let port = destination.rsplit(':').next().unwrap().parse().unwrap();
    world.connect(flow, Transport::Udp, port);
    let bob = Phone { flow, ..bob };
    let there = world.request(&bob, "INVITE");
    world.reply(&bob, &there, 486);
    world.request(&bob, "ACK");
    let busy = world.response(&alice, 486);
    world.ack_failure(&alice, &invite, &busy);
    // A flow of ours is closed when it is not used any more.
    world.pass(Duration::from_secs(301));
    assert_eq!(world.closed, [flow]);
    world.settled();
}

#[test]
fn a_contact_that_cannot_be_reached_is_away() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Ws);
    let bob = world.registered("bob", Transport::Tcp);
    world.lose(&bob);
    let invite = world.invite(&alice, BOB);
    let (flow, destination) = world.opened.pop_front().unwrap();
    assert!(destination.starts_with("tcp://127.0.0.1:"), "{destination}");
    world.fail(flow);
    let away = world.response(&alice, 480);
    world.ack_failure(&alice, &invite, &away);
    world.settled();
}

#[test]
fn a_call_that_is_cancelled_while_its_flow_opens_is_487() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Ws);
    let bob = world.registered("bob", Transport::Tcp);
    world.lose(&bob);
    let invite = world.invite(&alice, BOB);
    world.cancel(&alice, &invite);
    world.response(&alice, 200);
    let terminated = world.response(&alice, 487);
    world.ack_failure(&alice, &invite, &terminated);
    let (flow, _) = world.opened.pop_front().unwrap();
    world.connect(flow, Transport::Tcp, 5);
    world.silent(&Phone { flow, ..bob });
}

#[test]
fn a_request_that_comes_back_unchanged_is_a_loop() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Udp);
    // Bob's contact leads back to the exchange.
    let mut bob = world.phone("bob", Transport::Udp);
    bob.contact = BOB.to_owned();
    world.register(&bob);
    let message = world.compose(&alice, "MESSAGE", BOB);
    world.ask(&alice, &message);
    let there = world.request(&bob, "MESSAGE");
    world.send(&bob, there.bytes().clone());
    let Message::Response(answer) = world.take(&bob) else {
        panic!("a request went round");
    };
    assert_eq!(answer.status(), StatusCode::LOOP_DETECTED);
    world.silent(&bob);
}

#[test]
fn what_a_proxy_must_refuse_is_refused() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Ws);
    world.registered("bob", Transport::Ws);
    for (name, value, code) in [
        (HeaderName::MaxForwards, "0", 483),
        (HeaderName::ProxyRequire, "teleport", 420),
        (HeaderName::Route, "<sip:192.0.2.7;lr>", 403),
    ] {
        let mut message = world.compose(&alice, "MESSAGE", BOB);
        message.headers_mut().set(name, value).unwrap();
        world.ask(&alice, &message);
        let refused = world.response(&alice, code);
        if code == 420 {
            assert_eq!(refused.header(HeaderName::Unsupported), Some("teleport"));
        }
    }
    let mut register = world.compose(&alice, "REGISTER", "sip:localhost");
    register
        .headers_mut()
        .push(HeaderName::Require, "gruu")
        .unwrap();
    world.ask(&alice, &register);
    world.response(&alice, 420);
    world.settled();
}

#[test]
fn a_route_that_was_never_given_out_opens_no_door() {
    let mut world = World::closed();
    let mallory = world.phone("mallory", Transport::Udp);
    let bob = world.phone("bob", Transport::Ws);
    world.register_as(&bob, "bobpw", 200);
    for uri in [bob.contact.as_str(), "sip:victim@192.0.2.7"] {
        let mut info = world.compose(&mallory, "INFO", uri);
        let headers = info.headers_mut();
        headers
            .set(HeaderName::To, "<sip:bob@localhost>;tag=1")
            .unwrap();
        let route = "<sip:0123456789abcdef@127.0.0.1:8080;transport=ws;lr>";
        headers.push(HeaderName::Route, route).unwrap();
        world.ask(&mallory, &info);
        world.response(&mallory, 407);
    }
    world.silent(&bob);
    assert!(world.opened.is_empty());
}

#[test]
fn a_preloaded_route_to_the_exchange_is_no_obstacle() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Ws);
    let bob = world.registered("bob", Transport::Ws);
    let mut message = world.compose(&alice, "MESSAGE", BOB);
    let route = "<sip:127.0.0.1:8080;transport=ws;lr>";
    message
        .headers_mut()
        .push(HeaderName::Route, route)
        .unwrap();
    world.ask(&alice, &message);
    let there = world.request(&bob, "MESSAGE");
    assert_eq!(there.header(HeaderName::Route), None);
    assert_eq!(there.header(HeaderName::RecordRoute), None);
    world.reply(&bob, &there, 200);
    world.response(&alice, 200);
    world.settled();
}

#[test]
fn options_to_the_exchange_are_answered_by_it() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Udp);
    let options = world.compose(&alice, "OPTIONS", "sip:localhost");
    world.ask(&alice, &options);
    let answer = world.response(&alice, 200);
    assert!(answer.has_token(HeaderName::Allow, "INVITE"));
    assert!(answer.via().unwrap().received().is_some());
    world.settled();
}

#[test]
fn malformed_messages_are_answered_where_one_can_and_counted() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Udp);
    world.send(&alice, &b"garbage"[..]);
    world.silent(&alice);
    let request = world.compose(&alice, "OPTIONS", "sip:localhost");
    let text = String::from_utf8(request.write().unwrap().to_vec()).unwrap();
    world.send(&alice, text.replace("CSeq: ", "CSeq: 1"));
    world.response(&alice, 200);
    world.send(
        &alice,
        text.replace("OPTIONS\r\nContact", "INFO\r\nContact"),
    );
    world.response(&alice, 400);
    world.send(
        &alice,
        &b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\n\r\n"[..],
    );
    world.silent(&alice);
    assert_eq!(world.proxy.counters().malformed, 3);
    world.settled();
}

#[test]
fn a_call_whose_sides_are_gone_is_over_in_the_end() {
    let mut world = World::open();
    let alice = world.registered("alice", Transport::Ws);
    let bob = world.registered("bob", Transport::Ws);
    world.call(&alice, &bob);
    world.lose(&alice);
    world.event("no longer");
    world.lose(&bob);
    world.event("no longer");
    world.pass(Duration::from_secs(301));
    world.event("ended");
    world.settled();
    assert_eq!(world.proxy.live(), Live::default());
}

#[test]
fn more_contacts_than_allowed_are_refused() {
    let mut world = World::open();
    for _ in 0..10 {
        world.registered("bob", Transport::Ws);
    }
    let eleventh = world.phone("bob", Transport::Ws);
    let request = world.compose(&eleventh, "REGISTER", "sip:localhost");
    world.ask(&eleventh, &request);
    world.response(&eleventh, 403);
    assert_eq!(world.proxy.registered("bob"), 10);
}
