//! Stories of addresses of one user agent each (RFC 5627).

use offhook_core::Transport;
use offhook_sip::{HeaderName, NameAddr, Request, Response};

use super::world::{Phone, World};

const DESK: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
const MOBILE: &str = "urn:uuid:00000000-0000-1000-8000-000a95a0e128";

fn register(world: &mut World, phone: &Phone, instance: &str) -> Response {
    let mut request = world.compose(phone, "REGISTER", "sip:localhost");
    let headers = request.headers_mut();
    let contact = format!(
        "<{}>;+sip.instance=\"<{instance}>\";reg-id=1",
        phone.contact
    );
    headers.set(HeaderName::Contact, contact).unwrap();
    headers
        .push(HeaderName::Supported, "path, gruu, outbound")
        .unwrap();
    world.ask(phone, &request);
    world.response(phone, 200)
}

/// The public and the temporary address of an instance, as the answer tells them.
fn gruus(answer: &Response, instance: &str) -> (String, String) {
    let contact = answer
        .values(HeaderName::Contact)
        .map(|value| NameAddr::parse(value).unwrap())
        .find(|contact| {
            contact
                .param("+sip.instance")
                .is_some_and(|own| own.contains(instance))
        })
        .unwrap();
    let gruu = |name| contact.param(name).unwrap().trim_matches('"').to_owned();
    (gruu("pub-gruu"), gruu("temp-gruu"))
}

/// Bob with two phones, and the addresses of the first.
fn two_phones(world: &mut World) -> (Phone, Phone, (String, String)) {
    let desk = world.phone("bob", Transport::Tcp);
    let mobile = world.phone("bob", Transport::Ws);
    register(world, &mobile, MOBILE);
    let answer = register(world, &desk, DESK);
    let both = gruus(&answer, DESK);
    world.events.clear();
    (desk, mobile, both)
}

#[test]
fn a_registration_brings_a_public_address_that_stays_and_a_temporary_one_that_does_not() {
    let mut world = World::open();
    let (desk, mobile, (public, temporary)) = two_phones(&mut world);
    assert_eq!(public, format!("sip:bob@localhost;gr={DESK}"));
    assert!(temporary.starts_with("sip:tgruu.") && temporary.ends_with("@localhost;gr"));
    assert!(!temporary.contains("bob"));
    let again = register(&mut world, &desk, DESK);
    let (same, another) = gruus(&again, DESK);
    assert_eq!(same, public);
    assert_ne!(another, temporary);
    assert!(gruus(&again, MOBILE).0.ends_with(MOBILE));

    // Who does not ask for them gets none.
    let plain = world.compose(&mobile, "REGISTER", "sip:localhost");
    world.ask(&mobile, &plain);
    let answer = world.response(&mobile, 200);
    assert!(
        answer
            .values(HeaderName::Contact)
            .all(|contact| !contact.contains("gruu"))
    );
}

#[test]
fn a_call_to_either_address_rings_that_phone_alone() {
    let mut world = World::open();
    let alice = world.phone("alice", Transport::Udp);
    let (desk, mobile, (public, temporary)) = two_phones(&mut world);
    register(&mut world, &desk, DESK);
    for address in [&public, &temporary] {
        let invite = world.invite(&alice, address);
        let there = world.request(&desk, "INVITE");
        assert_eq!(there.uri_text(), desk.contact);
        world.silent(&mobile);
        world.reply(&desk, &there, 486);
        world.request(&desk, "ACK");
        let busy = world.response(&alice, 486);
        world.ack_failure(&alice, &invite, &busy);
    }
    world.settled();
}

#[test]
fn an_address_of_a_phone_that_is_gone_leads_nowhere() {
    let mut world = World::closed();
    let mobile = world.phone("bob", Transport::Ws);
    world.register_as(&mobile, "bobpw", 200);
    let public = format!("sip:bob@localhost;gr={DESK}");
    let temporary = "sip:tgruu.x@localhost;gr";
    let alice = world.phone("alice", Transport::Ws);
    for (address, code) in [
        (public.as_str(), 480),
        (temporary, 404),
        ("sip:nobody@localhost;gr=urn:uuid:1", 404),
    ] {
        let invite = world.ask_as(&alice, "alicepw", "INVITE", address);
        world.response(&alice, 100);
        let answer = world.response(&alice, code);
        world.ack_failure(&alice, &invite, &answer);
    }
}

#[test]
fn temporary_addresses_go_with_their_contact() {
    let mut world = World::open();
    let (desk, mobile, _) = two_phones(&mut world);
    for _ in 0..100 {
        register(&mut world, &desk, DESK);
    }
    let temporary = |world: &World| world.proxy.registrar.locations.temporary.len();
    assert_eq!(temporary(&world), 64 + 1, "bounded for each contact");
    world.lose(&mobile);
    assert_eq!(temporary(&world), 64);
    let mut request = world.compose(&desk, "REGISTER", "sip:localhost");
    let headers = request.headers_mut();
    headers.set(HeaderName::Contact, "*").unwrap();
    headers.push(HeaderName::Expires, 0).unwrap();
    world.ask(&desk, &request);
    world.response(&desk, 200);
    assert_eq!(temporary(&world), 0);
}

#[test]
fn nobody_registers_an_address_that_leads_back_to_it() {
    let mut world = World::open();
    let (desk, _, (public, _)) = two_phones(&mut world);
    let mut request = world.compose(&desk, "REGISTER", "sip:localhost");
    let contact = format!("<{public}>");
    let headers = request.headers_mut();
    headers.set(HeaderName::Contact, contact).unwrap();
    world.ask(&desk, &request);
    world.response(&desk, 403);
}

/// A call from bob's phone, whose Contact is its public address, that alice has answered.
fn call_from(world: &mut World, bob: &Phone, gruu: &str, alice: &Phone) -> (Request, Response) {
    let mut invite = world.compose(bob, "INVITE", "sip:alice@localhost");
    let contact = format!("<{gruu}>");
    let headers = invite.headers_mut();
    headers.set(HeaderName::Contact, contact).unwrap();
    world.ask(bob, &invite);
    world.response(bob, 100);
    let there = world.request(alice, "INVITE");
    assert_eq!(super::world::contact(&there), gruu);
    world.reply(alice, &there, 200);
    let answer = world.response(bob, 200);
    let ack = world.by_caller(bob, &answer, "ACK");
    world.send(bob, ack);
    world.request(alice, "ACK");
    (there, answer)
}

#[test]
fn a_dialog_with_such_an_address_reaches_its_phone_and_finds_it_on_a_new_connection() {
    let mut world = World::open();
    let alice = world.registered("alice", Transport::Udp);
    let bob = world.phone("bob", Transport::Ws);
    let answer = register(&mut world, &bob, DESK);
    let (public, _) = gruus(&answer, DESK);
    let (there, answer) = call_from(&mut world, &bob, &public, &alice);

    let info = world.by_callee(&alice, &there, &answer, "INFO");
    world.send(&alice, info);
    let info = world.request(&bob, "INFO");
    assert_eq!(info.uri_text(), bob.contact);
    world.reply(&bob, &info, 200);
    world.response(&alice, 200);

    world.lose(&bob);
    let back = world.phone("bob", Transport::Ws);
    register(&mut world, &back, DESK);
    let bye = world.by_callee(&alice, &there, &answer, "BYE");
    world.send(&alice, bye);
    let bye: Request = world.request(&back, "BYE");
    assert_eq!(bye.uri_text(), back.contact);
    world.reply(&back, &bye, 200);
    world.response(&alice, 200);
    world.settled();
}

#[test]
fn an_instance_that_could_not_stand_in_an_address_gets_none() {
    let mut world = World::open();
    let bob = world.phone("bob", Transport::Ws);
    for instance in ["urn:x;y", "uuid:1", "urn:a@b"] {
        let answer = register(&mut world, &bob, instance);
        let contacts: Vec<&str> = answer.values(HeaderName::Contact).collect();
        assert!(
            contacts.iter().all(|contact| !contact.contains("gruu")),
            "{contacts:?}"
        );
    }
}
