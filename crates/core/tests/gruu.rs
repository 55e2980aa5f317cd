//! Stories of GRUUs (RFC 5627): addresses of one user agent, given by the registrar.

mod util;

use std::time::Duration;

use offhook_core::{CallOptions, Config, TerminateOptions, Transport};
use offhook_sip::{Method, Request, StatusCode};
use util::OFFER;
use util::lone::Lone;

const PUBLIC: &str = "sip:alice@example.com;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
const TEMPORARY: &str = "sip:tgruu.7hs==jd7vnzga5w7fajsc7@example.com;gr";

fn accept(lone: &mut Lone, gruus: bool) -> Request {
    let request = lone.request(Method::Register);
    let mut contact = request.header("Contact").expect("a Contact").to_owned();
    if gruus {
        contact += &format!(";pub-gruu=\"{PUBLIC}\";temp-gruu=\"{TEMPORARY}\"");
    }
    lone.answer(&request, StatusCode::OK, &[("Contact", &contact)]);
    request
}

fn registered() -> Lone {
    let mut lone = Lone::started();
    accept(&mut lone, true);
    lone
}

fn contact(message: &offhook_sip::Received) -> String {
    message.contact().expect("a Contact").uri.to_string()
}

#[test]
fn the_registrar_is_asked_over_websocket_and_where_wanted() {
    let supported = |transport, change: fn(&mut Config)| {
        let mut lone = Lone::with(change);
        lone.transport = transport;
        lone.start();
        let request = lone.request(Method::Register);
        request.values("Supported").any(|tag| tag == "gruu")
    };
    assert!(supported(Transport::Wss, |_| {}));
    assert!(!supported(Transport::Tls, |_| {}));
    assert!(supported(Transport::Tls, |config| config.gruu = Some(true)));
    assert!(!supported(Transport::Ws, |config| config.gruu = Some(false)));
}

#[test]
fn what_it_gives_can_be_looked_up_until_the_registration_ends() {
    let mut lone = registered();
    let public = |lone: &Lone| lone.agent.public_gruu().map(ToString::to_string);
    assert_eq!(public(&lone).as_deref(), Some(PUBLIC));
    let temporary = lone.agent.temporary_gruu().expect("a GRUU");
    assert_eq!(temporary.as_str(), TEMPORARY);
    lone.agent.unregister(lone.now, false);
    lone.drain();
    let request = lone.request(Method::Register);
    lone.answer(&request, StatusCode::OK, &[]);
    assert_eq!(public(&lone), None);
}

#[test]
fn a_call_bears_it_as_contact_from_end_to_end() {
    let mut lone = registered();
    lone.call();
    let invite = lone.request(Method::Invite);
    assert_eq!(contact(&invite), PUBLIC);
    assert!(invite.values("Supported").any(|tag| tag == "gruu"));
    lone.answer_from(&invite, StatusCode::OK, "bob", OFFER);
    lone.requests.clear();
    let session = lone.session.expect("a session");
    let now = lone.now;
    let mut session = lone.agent.session(session).expect("a session");
    session.hold(now, Default::default()).expect("a hold");
    lone.drain();
    let again = lone.requests.remove(0);
    assert_eq!(contact(&again), PUBLIC);
}

#[test]
fn without_one_the_call_says_that_it_comes_back_over_its_flow() {
    let mut lone = Lone::started();
    accept(&mut lone, false);
    lone.call();
    let invite = lone.request(Method::Invite);
    assert!(
        contact(&invite).ends_with(".invalid;transport=ws;ob"),
        "{}",
        contact(&invite)
    );
}

#[test]
fn a_hidden_caller_shows_the_temporary_one_alone() {
    let mut lone = registered();
    let options = CallOptions {
        anonymous: true,
        ..CallOptions::default()
    };
    let id = lone.agent.call(lone.now, "bob", options).expect("a call");
    lone.drain();
    let invite = lone.request(Method::Invite);
    assert_eq!(contact(&invite), TEMPORARY);
    lone.answer_from(&invite, StatusCode::OK, "bob", OFFER);
    lone.requests.clear();
    let now = lone.now;
    let mut session = lone.agent.session(id).expect("a session");
    session.hold(now, Default::default()).expect("a hold");
    lone.drain();
    let again = lone.requests.remove(0);
    assert_eq!(contact(&again), TEMPORARY, "a new offer hides as well");
}

/// A call that comes in to this address.
fn called(lone: &mut Lone, uri: &str) {
    lone.responses.clear();
    let unique: String = uri.chars().filter(char::is_ascii_alphanumeric).collect();
    lone.receive(format!(
        "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bK{unique}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:anonymous@anonymous.invalid>;tag=b\r\n\
         To: <sip:alice@example.com>\r\nCall-ID: {unique}\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:bob@192.0.2.2>\r\nContent-Length: 0\r\n\r\n"
    ));
}

#[test]
fn calls_to_its_own_addresses_are_for_it_and_those_of_others_are_not() {
    let mut lone = registered();
    for uri in [PUBLIC, TEMPORARY, "sip:tgruu.earlier@example.com;gr"] {
        called(&mut lone, uri);
        let ringing = lone.responses.last().expect("a response");
        assert_eq!(ringing.status(), StatusCode::RINGING, "{uri}");
        // The caller hides, and this side does not.
        assert_eq!(contact(ringing), PUBLIC);
        let now = lone.now;
        let session = lone.session.expect("a session");
        let mut session = lone.agent.session(session).expect("a session");
        session
            .terminate(now, TerminateOptions::default())
            .expect("a call to refuse");
        lone.drain();
    }
    for uri in [
        "sip:tgruu.x@elsewhere.example;gr",
        "sip:mallory@example.com",
    ] {
        called(&mut lone, uri);
        let refused = lone.responses.last().expect("a response");
        assert_eq!(refused.status(), StatusCode::NOT_FOUND, "{uri}");
    }
    lone.run(Duration::from_secs(64));
    lone.assert_clean();
}
