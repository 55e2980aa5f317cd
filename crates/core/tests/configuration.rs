//! Stories of what a user agent is told before it starts, and while it runs.

mod util;

use std::time::Duration;

use offhook_core::auth::{Authorization, Secret};
use offhook_core::{Agent, CallOptions, Config, RequestOptions, TerminateOptions, Transport};
use offhook_sip::{Message, Method, Request, StatusCode, Uri};
use util::lone::Lone;
use util::{OFFER, Pair};

const SECOND: Duration = Duration::from_secs(1);

fn uri(text: &str) -> Uri<'static> {
    Uri::parse(text).expect("a URI").into_owned()
}

fn started(change: impl FnOnce(&mut Config)) -> Lone {
    let mut lone = Lone::with(change);
    lone.start();
    lone
}

/// A call to bob that stands, its INVITE and its ACK.
fn called(lone: &mut Lone) -> (Request, Request) {
    lone.requests.clear();
    lone.call();
    let invite = lone.request(Method::Invite);
    lone.answer_from(&invite, StatusCode::OK, "bob", OFFER);
    let ack = lone.request(Method::Ack);
    (invite, ack)
}

/// Hangs up, and gives the BYE.
fn hung_up(lone: &mut Lone) -> Request {
    let id = lone.session.expect("a session");
    lone.agent
        .session(id)
        .expect("a session")
        .terminate(lone.now, TerminateOptions::default())
        .expect("a call that stands");
    lone.drain();
    lone.request(Method::Bye)
}

fn refused(change: impl FnOnce(&mut Config)) -> String {
    let mut config = Config::new(uri("sip:alice@example.com"));
    change(&mut config);
    Agent::new(config, [0; 32])
        .expect_err("a bad configuration")
        .to_string()
}

#[test]
fn a_contact_of_ones_own_is_the_one_that_peers_are_told() {
    let contact = "sip:alice%20b@desk.example.com;transport=ws";
    let mut lone = started(|config| config.contact = Some(uri(contact)));
    let register = lone.request(Method::Register);
    let told = register.header("Contact").expect("a Contact");
    assert!(told.starts_with(&format!("<{contact}>;")), "{told}");
    let via = register.header("Via").expect("a Via");
    assert!(via.contains(" desk.example.com;"), "{via}");
    assert_eq!(lone.agent.contact(false), contact);
    assert_eq!(
        lone.agent.contact(true),
        "sip:anonymous@desk.example.com;transport=ws"
    );
    lone.ask(&format!("OPTIONS {contact}"), &[], "");
    assert_eq!(lone.response().status(), StatusCode::OK);
    let (invite, _) = called(&mut lone);
    assert_eq!(invite.header("Contact"), Some(&*format!("<{contact};ob>")));
}

#[test]
fn a_hidden_caller_whose_host_is_made_up_tells_none() {
    let mut lone = started(|_| {});
    assert!(lone.agent.contact(false).ends_with(".invalid;transport=ws"));
    assert_eq!(
        lone.agent.contact(true),
        "sip:anonymous@anonymous.invalid;transport=ws"
    );
    let options = CallOptions {
        anonymous: true,
        ..CallOptions::default()
    };
    lone.requests.clear();
    let now = lone.now;
    lone.agent.call(now, "bob", options).expect("a call");
    lone.drain();
    let invite = lone.request(Method::Invite);
    let told = invite.header("Contact").expect("a Contact");
    assert!(
        told.starts_with("<sip:anonymous@anonymous.invalid;transport=ws"),
        "{told}"
    );
    lone.ask(
        "OPTIONS sip:anonymous@anonymous.invalid;transport=ws",
        &[],
        "",
    );
    assert_eq!(
        lone.response().status(),
        StatusCode::OK,
        "requests to it find their way"
    );
}

#[test]
fn a_contact_of_ones_own_is_told_over_udp_while_answers_come_to_our_address() {
    let mut lone = Lone::with(|config| config.contact = Some(uri("sip:alice@192.0.2.9:5070")));
    lone.transport = Transport::Udp;
    lone.start();
    let register = lone.request(Method::Register);
    let told = register.header("Contact").expect("a Contact");
    assert!(told.starts_with("<sip:alice@192.0.2.9:5070>;"), "{told}");
    let via = register.header("Via").expect("a Via");
    assert!(via.contains(" 127.0.0.1:40000;"), "{via}");
}

#[test]
fn a_contact_that_names_nobody_is_refused() {
    for wrong in [
        "sip:192.0.2.1",
        "tel:+15551234",
        "sip:a@b.example?Subject=x",
    ] {
        let told = refused(|config| config.contact = Some(uri(wrong)));
        assert!(told.contains(wrong) && told.contains("contact"), "{told}");
    }
}

#[test]
fn requests_outside_a_dialog_name_the_server_in_a_route() {
    let mut lone = started(|config| config.preloaded_route = true);
    let route = Some("<sip:127.0.0.1:8080;transport=ws;lr>");
    let register = lone.request(Method::Register);
    assert_eq!(register.header("Route"), route);
    let (now, options) = (lone.now, RequestOptions::default());
    lone.agent
        .send_message(now, "bob", "Hello", options)
        .expect("a message");
    lone.drain();
    assert_eq!(lone.request(Method::Message).header("Route"), route);
    let (invite, ack) = called(&mut lone);
    assert_eq!(invite.header("Route"), route);
    assert_eq!(
        ack.header("Route"),
        None,
        "the dialog has routes of its own"
    );
    assert_eq!(hung_up(&mut lone).header("Route"), None);
}

#[test]
fn a_challenged_or_cancelled_invite_keeps_its_one_route() {
    let mut lone = started(|config| config.preloaded_route = true);
    lone.agent
        .set_route(Some(uri("sip:edge.example.com;transport=ws")));
    lone.requests.clear();
    let id = lone.call();
    let invite = lone.request(Method::Invite);
    let challenge = "Digest realm=\"example.com\", nonce=\"abc\", qop=\"auth\"";
    lone.answer(
        &invite,
        StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        &[("Proxy-Authenticate", challenge)],
    );
    let routes = |request: &Request| {
        let routes: Vec<_> = request.headers("Route").map(str::to_owned).collect();
        routes
    };
    let expected = ["<sip:edge.example.com;transport=ws;lr>"];
    assert_eq!(lone.requests.len(), 2, "the ACK and the INVITE again");
    assert!(
        lone.requests
            .iter()
            .all(|request| routes(request) == expected)
    );
    let again = lone.requests.pop().expect("an INVITE");
    lone.requests.clear();
    lone.answer(&again, StatusCode::RINGING, &[]);
    lone.agent
        .session(id)
        .expect("a session")
        .terminate(lone.now, TerminateOptions::default())
        .expect("a call that rings");
    lone.drain();
    assert_eq!(routes(&lone.request(Method::Cancel)), expected);
}

const TOKEN: &str = "Bearer mF_9.B5f-4.1JqM";

#[test]
fn a_token_is_on_every_request_to_the_server() {
    let mut lone = started(|config| config.authorization = Some(Authorization::new(TOKEN)));
    let register = lone.request(Method::Register);
    let (invite, ack) = called(&mut lone);
    let bye = hung_up(&mut lone);
    for request in [register, invite, ack, bye] {
        let values: Vec<_> = request.headers("Authorization").collect();
        assert_eq!(values, [TOKEN], "{}", request.method());
    }
}

#[test]
fn a_token_goes_to_no_peer_that_is_reached_without_the_server() {
    let mut pair = Pair::with(Transport::Udp, |config| {
        config.authorization = Some(Authorization::new(TOKEN));
    });
    pair.call();
    pair.run(SECOND);
    assert!(!pair.wire.is_empty());
    for (_, message) in &pair.wire {
        if let Message::Request(request) = message {
            assert_eq!(request.header("Authorization"), None);
        }
    }
}

#[test]
fn a_token_is_in_no_text_that_could_be_logged() {
    let mut config = Config::new(uri("sip:alice@example.com"));
    config.authorization = Some(Authorization::new(TOKEN));
    assert!(!format!("{config:?}").contains("mF_9"));
    let wrong = |config: &mut Config| {
        config.authorization = Some(Authorization::new("Bearer sesame\r\nX-Color: blue"));
    };
    let told = refused(wrong);
    assert!(
        told.contains("authorization") && !told.contains("sesame"),
        "{told}"
    );
}

#[test]
fn the_from_tag_of_a_register_ends_as_the_server_wants_it() {
    let mut lone = started(|config| {
        config.register_from_tag_trail = "-token".to_owned();
        config.display_name = Some("Alice".to_owned());
    });
    let register = lone.request(Method::Register);
    let from = register.from().expect("a From");
    assert!(
        from.tag()
            .is_some_and(|tag| tag.ends_with("-token") && tag.len() > 6)
    );
    assert_eq!(from.display_name.as_deref(), Some("Alice"));
    let told = refused(|config| config.register_from_tag_trail = "no token".to_owned());
    assert!(told.contains("register_from_tag_trail"), "{told}");
}

const CHALLENGE: &str = "Digest realm=\"example.com\", nonce=\"abc\", qop=\"auth\"";

/// Lets the registrar take the REGISTER.
fn accept(lone: &mut Lone, register: &Request) {
    let contact = register.header("Contact").expect("a Contact").to_owned();
    lone.answer(register, StatusCode::OK, &[("Contact", &contact)]);
}

/// Registers anew, and gives the REGISTER.
fn registered_anew(lone: &mut Lone) -> Request {
    lone.agent.register(lone.now);
    lone.drain();
    lone.request(Method::Register)
}

#[test]
fn another_secret_and_user_answer_the_next_challenge() {
    let mut lone = started(|config| config.secret = None);
    let register = lone.request(Method::Register);
    let challenge = &[("WWW-Authenticate", CHALLENGE)];
    lone.answer(&register, StatusCode::UNAUTHORIZED, challenge);
    assert!(lone.requests.is_empty(), "there is nothing to answer with");
    let password = Secret::Password("secret".to_owned());
    lone.agent.set_secret(Some(password));
    lone.agent
        .set_authorization_user(Some("alice-1".to_owned()))
        .expect("a user");
    let register = registered_anew(&mut lone);
    lone.answer(&register, StatusCode::UNAUTHORIZED, challenge);
    let again = lone.request(Method::Register);
    let credentials = again.header("Authorization").expect("credentials");
    assert!(
        credentials.contains("username=\"alice-1\""),
        "{credentials}"
    );
    accept(&mut lone, &again);

    lone.agent.set_secret(None);
    let register = registered_anew(&mut lone);
    lone.answer(&register, StatusCode::UNAUTHORIZED, challenge);
    assert!(lone.requests.is_empty(), "the secret is forgotten");
}

#[test]
fn another_token_is_on_the_next_request() {
    let mut lone = started(|config| config.authorization = Some(Authorization::new(TOKEN)));
    let register = lone.request(Method::Register);
    accept(&mut lone, &register);
    lone.agent
        .set_authorization(Some(Authorization::new("Bearer another")))
        .expect("a token");
    let register = registered_anew(&mut lone);
    assert_eq!(register.header("Authorization"), Some("Bearer another"));
}

#[test]
fn another_name_and_other_headers_are_in_the_next_call() {
    let mut lone = started(|config| {
        config.display_name = Some("Alice".to_owned());
        config.extra_headers = vec![("X-Color".to_owned(), "blue".to_owned())];
    });
    lone.requests.clear();
    let name = Some("Alice Smith".to_owned());
    lone.agent.set_display_name(name).expect("a name");
    lone.agent
        .set_extra_headers(vec![("X-Shape".to_owned(), "round".to_owned())])
        .expect("headers");
    lone.call();
    let invite = lone.request(Method::Invite);
    let from = invite.from().expect("a From");
    assert_eq!(from.display_name.as_deref(), Some("Alice Smith"));
    assert_eq!(invite.header("X-Color"), None);
    assert_eq!(invite.header("X-Shape"), Some("round"));
}

#[test]
fn a_register_bears_headers_and_contact_parameters_of_its_own() {
    let mut lone = Lone::new();
    let owned = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    lone.agent
        .set_register_extra_headers(vec![owned("X-Push", "token")])
        .expect("headers");
    let param = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
    let params = vec![
        param("+sip.message", None),
        param("q", Some("0.5")),
        param("pn-prid", Some("\"a \\\"b\\\"; c\"")),
    ];
    lone.agent
        .set_register_contact_params(params)
        .expect("parameters");
    lone.start();
    let register = lone.request(Method::Register);
    assert_eq!(register.header("X-Push"), Some("token"));
    let contact = register.header("Contact").expect("a Contact");
    assert!(
        contact.ends_with(";+sip.message;q=0.5;pn-prid=\"a \\\"b\\\"; c\""),
        "{contact}"
    );
    accept(&mut lone, &register);
    lone.requests.clear();
    lone.call();
    assert_eq!(lone.request(Method::Invite).header("X-Push"), None);
    lone.agent.unregister(lone.now, false);
    lone.drain();
    let removal = lone.request(Method::Register);
    assert_eq!(removal.header("X-Push"), Some("token"));
}

#[test]
fn what_cannot_work_changes_nothing() {
    let mut lone = started(|config| config.display_name = Some("Alice".to_owned()));
    lone.requests.clear();
    let broken = || "a\r\nX-Color: blue".to_owned();
    let agent = &mut lone.agent;
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let param = |name: &str, value: &str| vec![(name.to_owned(), Some(value.to_owned()))];
    let refusals = [
        agent.set_display_name(Some(broken())),
        agent.set_authorization_user(Some(broken())),
        agent.set_authorization(Some(Authorization::new(""))),
        agent.set_extra_headers(header("Via", "x")),
        agent.set_extra_headers(header("X-Color", "a\nb")),
        agent.set_register_extra_headers(header("Expires", "1")),
        agent.set_register_extra_headers(header("contact", "<sip:a@b>")),
        agent.set_register_contact_params(param("expires", "1")),
        agent.set_register_contact_params(param("two words", "1")),
        agent.set_register_contact_params(param("q", "0.5;expires=1")),
        agent.set_register_contact_params(param("x", "\"a\";b=\"c\"")),
        agent.set_register_contact_params(param("x", "\"a\\\"")),
        agent.set_register_from_tag_trail("a;b"),
    ];
    for (at, refusal) in refusals.iter().enumerate() {
        assert!(refusal.is_err(), "the {at}th is taken");
    }
    lone.call();
    let invite = lone.request(Method::Invite);
    let from = invite.from().expect("a From");
    assert_eq!(from.display_name.as_deref(), Some("Alice"));
    assert_eq!(invite.header("X-Color"), None);
}

const WAITING: &str = "Messages-Waiting: yes\r\n";

#[test]
fn a_notify_without_a_subscription_is_told_where_it_is_wanted() {
    let mut lone = started(|config| {
        config.unsolicited_notify = true;
        config.register = false;
    });
    lone.news();
    let headers = [
        ("Event", "message-summary;id=7"),
        ("Content-Type", "application/simple-message-summary"),
    ];
    lone.ask("NOTIFY sip:alice@example.com", &headers, WAITING);
    assert_eq!(lone.response().status(), StatusCode::OK);
    assert_eq!(lone.news(), "sipEvent(message-summary;id=7)");
    lone.ask("NOTIFY sip:alice@example.com", &[], WAITING);
    assert_eq!(lone.response().status(), StatusCode::BAD_REQUEST);
    let inside = [
        ("Event", "check-sync"),
        ("To", "<sip:alice@example.com>;tag=gone"),
    ];
    lone.ask("NOTIFY sip:alice@example.com", &inside, "");
    let status = lone.response().status();
    assert_eq!(status, StatusCode::CALL_DOES_NOT_EXIST, "it names a dialog");
    assert_eq!(lone.news(), "");
    lone.assert_clean();
}

#[test]
fn a_notify_without_a_subscription_is_refused_where_nobody_asked_for_it() {
    let mut lone = started(|_| {});
    lone.news();
    let headers = [("Event", "check-sync")];
    lone.ask("NOTIFY sip:alice@example.com", &headers, "");
    assert_eq!(lone.response().status(), StatusCode::CALL_DOES_NOT_EXIST);
    assert_eq!(lone.news(), "");
}

#[test]
fn configured_headers_are_on_requests_and_on_responses() {
    let mut lone = started(|config| {
        config.extra_headers = vec![("X-Site".to_owned(), "north".to_owned())];
    });
    lone.ask("OPTIONS sip:alice@example.com", &[], "");
    let headers = [
        ("Contact", "<sip:bob@198.51.100.7>"),
        ("Content-Type", "application/sdp"),
    ];
    lone.ask("INVITE sip:alice@example.com", &headers, OFFER);
    let codes: Vec<u16> = lone
        .responses
        .iter()
        .map(|response| response.status().code())
        .filter(|code| *code > 100)
        .collect();
    assert_eq!(codes, [200, 180]);
    for response in lone
        .responses
        .iter()
        .filter(|one| one.status().code() > 100)
    {
        let values: Vec<_> = response.headers("X-Site").collect();
        assert_eq!(values, ["north"], "{}", response.status());
    }
    assert_eq!(
        lone.request(Method::Register).header("X-Site"),
        Some("north")
    );
    let (invite, ack) = called(&mut lone);
    let bye = hung_up(&mut lone);
    for request in [invite, ack, bye] {
        let values: Vec<_> = request.headers("X-Site").collect();
        assert_eq!(values, ["north"], "{}", request.method());
    }
}

#[test]
fn a_registrar_that_is_left_the_choice_says_how_long_the_binding_stands() {
    let mut lone = started(|config| config.register_expires = Duration::ZERO);
    let register = lone.request(Method::Register);
    let contact = register.header("Contact").expect("a Contact").to_owned();
    assert_eq!(register.header("Expires"), None);
    assert!(!contact.contains("expires"), "{contact}");
    let contact = format!("{contact};expires=120");
    lone.answer(&register, StatusCode::OK, &[("Contact", &contact)]);
    assert!(lone.news().ends_with("registered(120)"));
    lone.agent.unregister(lone.now, false);
    lone.drain();
    let removal = lone.request(Method::Register);
    assert_eq!(removal.header("Expires"), Some("0"));
    assert!(
        removal
            .header("Contact")
            .is_some_and(|contact| contact.ends_with(";expires=0"))
    );
}

#[test]
fn a_request_from_another_user_says_whose_it_is() {
    let mut lone = started(|_| {});
    lone.requests.clear();
    let sales = Some("sales".to_owned());
    let call = CallOptions {
        from_user_name: sales.clone(),
        ..CallOptions::default()
    };
    lone.agent.call(lone.now, "bob", call).expect("a call");
    lone.drain();
    let message = RequestOptions {
        from_user_name: sales,
        ..RequestOptions::default()
    };
    let invite = lone.request(Method::Invite);
    lone.agent
        .send_message(lone.now, "bob", "Hello", message)
        .expect("a message");
    lone.drain();
    for request in [invite, lone.request(Method::Message)] {
        let from = request.from().expect("a From");
        assert_eq!(from.uri.user(), Some("sales"));
        let preferred = request.header("P-Preferred-Identity");
        assert_eq!(preferred, Some("<sip:alice@example.com>"));
        assert_eq!(request.header("Privacy"), None);
    }
}

#[test]
fn a_request_under_way_can_be_looked_at() {
    let mut lone = started(|_| {});
    lone.requests.clear();
    let options = RequestOptions::default();
    let id = lone
        .agent
        .send_message(lone.now, "bob", "Hello", options)
        .expect("a message");
    let made = lone.agent.sent_request(id).expect("a request").clone();
    lone.drain();
    let sent = lone.request(Method::Message);
    assert_eq!(made.headers().get("Call-ID"), sent.call_id().ok());
    assert_eq!(made.body(), b"Hello");
    lone.answer(&sent, StatusCode::OK, &[]);
    assert!(lone.agent.sent_request(id).is_none(), "it is over");
}
