//! Stories of flows that their clients manage (RFC 5626).

use std::time::Duration;

use offhook_core::{Transport, stun};
use offhook_sip::{HeaderName, Response};

use super::world::{Phone, World};

const FLOW: &str = ";+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\";reg-id=1";

/// The answer to a REGISTER with these Contact parameters, from somebody who knows outbound.
fn register(world: &mut World, phone: &Phone, params: &str) -> Response {
    let mut request = world.compose(phone, "REGISTER", "sip:localhost");
    let headers = request.headers_mut();
    let contact = format!("<{}>{params}", phone.contact);
    headers.set(HeaderName::Contact, contact).unwrap();
    headers
        .push(HeaderName::Supported, "path, outbound")
        .unwrap();
    world.ask(phone, &request);
    world.response(phone, 200)
}

#[test]
fn a_flow_that_is_registered_is_told_how_often_to_show_that_it_lives() {
    for (transport, seconds) in [
        (Transport::Udp, "30"),
        (Transport::Tcp, "120"),
        (Transport::Ws, "120"),
    ] {
        let mut world = World::open();
        let bob = world.phone("bob", transport);
        let answer = register(&mut world, &bob, FLOW);
        assert_eq!(answer.header(HeaderName::FlowTimer), Some(seconds));
        assert_eq!(answer.header(HeaderName::Require), Some("outbound"));
        // Its removal is none, and neither is the address of somebody who manages no flow.
        for params in [&format!("{FLOW};expires=0"), ";expires=60"] {
            let answer = register(&mut world, &bob, params);
            assert_eq!(answer.header(HeaderName::FlowTimer), None, "{params}");
            assert_eq!(answer.header(HeaderName::Require), None, "{params}");
        }
    }
}

#[test]
fn a_binding_request_is_answered_with_the_address_it_came_from() {
    let mut world = World::open();
    let bob = world.registered("bob", Transport::Udp);
    let request = b"\x00\x01\x00\x00\x21\x12\xa4\x42twelve bytes";
    world.send(&bob, &request[..]);
    let inbox = world.inboxes.get_mut(&bob.flow).unwrap();
    let answer = inbox.pop_front().unwrap();
    assert_eq!(&answer[..2], b"\x01\x01");
    assert_eq!(answer[8..20], request[8..20]);
    assert_eq!(
        stun::answer(request, ([127, 0, 0, 1], 40_101).into()),
        Some(answer)
    );
    assert_eq!(world.proxy.counters().malformed, 0);

    // Over a connection it is no keep-alive, and what is none at all is not answered.
    let carol = world.registered("carol", Transport::Tcp);
    world.send(&carol, &request[..]);
    world.silent(&carol);
    world.send(&bob, &b"\x01\x01\x00\x00\x21\x12\xa4\x42twelve bytes"[..]);
    world.silent(&bob);
    world.settled();
}

/// Alice, registered as an instance, whose call rings at bob's; the INVITE as he got it.
fn ringing(world: &mut World) -> (Phone, Phone, offhook_sip::Request, offhook_sip::Request) {
    let alice = world.phone("alice", Transport::Ws);
    register(world, &alice, FLOW);
    let bob = world.registered("bob", Transport::Udp);
    let invite = world.invite(&alice, "sip:bob@localhost");
    let there = world.request(&bob, "INVITE");
    world.reply(&bob, &there, 180);
    world.response(&alice, 180);
    (alice, bob, invite, there)
}

#[test]
fn a_caller_who_comes_back_in_time_hears_the_answer_on_its_new_connection() {
    for answered_while_away in [false, true] {
        let mut world = World::open();
        let (alice, bob, _, there) = ringing(&mut world);
        world.lose(&alice);
        world.pass(Duration::from_secs(3));
        world.silent(&bob);
        if answered_while_away {
            world.reply(&bob, &there, 200);
        }
        let back = world.phone("alice", Transport::Ws);
        let mut request = world.compose(&back, "REGISTER", "sip:localhost");
        let contact = format!("<{}>{FLOW}", back.contact);
        let headers = request.headers_mut();
        headers.set(HeaderName::Contact, contact).unwrap();
        world.ask(&back, &request);
        if !answered_while_away {
            world.reply(&bob, &there, 200);
        }
        let mut answered = [(); 2].map(|()| {
            let answer = world.response(&back, 200);
            answer.cseq().unwrap().method.as_str().to_owned()
        });
        answered.sort_unstable();
        assert_eq!(answered, ["INVITE", "REGISTER"]);
        world.pass(Duration::from_secs(60));
        assert_eq!(world.proxy.live().forks, 0);
    }
}

#[test]
fn a_caller_who_does_not_come_back_stops_ringing() {
    let mut world = World::open();
    let (alice, bob, _, _) = ringing(&mut world);
    world.lose(&alice);
    // Another instance of the same user is not the one that called.
    let other = world.phone("alice", Transport::Ws);
    register(&mut world, &other, &FLOW.replace("f81d4fae", "00000000"));
    world.pass(Duration::from_millis(9_900));
    world.silent(&bob);
    world.pass(Duration::from_millis(200));
    world.request(&bob, "CANCEL");
}

#[test]
fn a_caller_is_not_waited_for_where_that_is_not_wanted() {
    let mut settings = super::super::Settings::new("localhost");
    settings.caller_patience = Duration::ZERO;
    let mut world = World::new(settings);
    let (alice, bob, _, _) = ringing(&mut world);
    world.lose(&alice);
    world.request(&bob, "CANCEL");
}
