//! Stories of a registration (RFC 3261 section 10, RFC 5626 section 4.2).

mod util;

use std::time::Duration;

use offhook_core::{Question, Reply};
use offhook_sip::{Method, Request, StatusCode};
use util::OFFER;
use util::lone::Lone;

const SECOND: Duration = Duration::from_secs(1);

/// The Contact of a REGISTER, as a registrar lists it.
fn listed(request: &Request, expires: u32) -> String {
    let contact = request.header("Contact").expect("a Contact");
    let kept = contact
        .rsplit_once(";expires=")
        .map_or(contact, |(kept, _)| kept);
    format!("<sip:someone@198.51.100.1>;expires=3600, {kept};expires={expires}")
}

fn accept(lone: &mut Lone, expires: u32) {
    let request = lone.request(Method::Register);
    let contact = listed(&request, expires);
    lone.answer(&request, StatusCode::OK, &[("Contact", &contact)]);
}

const CHALLENGE: &str =
    "Digest realm=\"example.com\", nonce=\"abc\", qop=\"auth\", algorithm=SHA-256";

#[test]
fn a_started_agent_connects_and_registers_with_its_credentials() {
    let mut lone = Lone::started();
    let first = lone.request(Method::Register);
    assert_eq!(first.uri_text(), "sip:example.com");
    assert_eq!(first.header("Authorization"), None);
    lone.answer(
        &first,
        StatusCode::UNAUTHORIZED,
        &[("WWW-Authenticate", CHALLENGE)],
    );
    let second = lone.requests.first().expect("a second REGISTER").clone();
    let authorization = second.header("Authorization").expect("credentials");
    assert!(
        authorization.contains("username=\"alice\"") && authorization.contains("algorithm=SHA-256"),
        "{authorization}"
    );
    let number = |request: &Request| request.cseq().expect("a CSeq").number;
    assert_eq!(number(&second), number(&first) + 1);
    assert_eq!(second.call_id().ok(), first.call_id().ok());
    assert_ne!(
        second.via().expect("a Via").branch(),
        first.via().expect("a Via").branch()
    );
    accept(&mut lone, 600);
    assert_eq!(lone.news(), "connecting(0) connected registered(600)");
    assert!(lone.agent.is_registered());
}

#[test]
fn a_binding_is_refreshed_before_it_ends_and_told_once() {
    let mut lone = Lone::started();
    accept(&mut lone, 600);
    for _ in 0..5 {
        let before = lone.now;
        lone.run_until_sent(Duration::from_secs(600));
        let passed = lone.now - before;
        assert!((300..=570).contains(&passed.as_secs()), "{passed:?}");
        accept(&mut lone, 600);
    }
    assert_eq!(lone.news(), "connecting(0) connected registered(600)");
}

#[test]
fn a_short_binding_is_refreshed_five_seconds_before_its_end() {
    let mut lone = Lone::started();
    accept(&mut lone, 60);
    lone.run(Duration::from_millis(54_999));
    assert!(lone.requests.is_empty());
    lone.run(SECOND);
    accept(&mut lone, 60);
}

#[test]
fn a_wrong_password_is_tried_once_and_said() {
    let mut lone = Lone::started();
    for _ in 0..2 {
        let request = lone.request(Method::Register);
        lone.answer(
            &request,
            StatusCode::UNAUTHORIZED,
            &[("WWW-Authenticate", CHALLENGE)],
        );
    }
    assert!(
        lone.requests.is_empty(),
        "no third try: {:?}",
        lone.requests
    );
    assert_eq!(
        lone.news(),
        "connecting(0) connected registrationFailed(Authentication Error)"
    );
    lone.run(Duration::from_secs(3600));
    assert!(lone.requests.is_empty());
}

#[test]
fn a_stale_nonce_is_replaced_without_a_word() {
    let mut lone = Lone::started();
    let request = lone.request(Method::Register);
    lone.answer(
        &request,
        StatusCode::UNAUTHORIZED,
        &[("WWW-Authenticate", CHALLENGE)],
    );
    let request = lone.request(Method::Register);
    let stale = CHALLENGE.replace("abc", "def") + ", stale=true";
    lone.answer(
        &request,
        StatusCode::UNAUTHORIZED,
        &[("WWW-Authenticate", &stale)],
    );
    accept(&mut lone, 600);
    assert_eq!(lone.news(), "connecting(0) connected registered(600)");
}

#[test]
fn a_proxy_and_the_registrar_may_challenge_in_turn() {
    let mut lone = Lone::started();
    let request = lone.request(Method::Register);
    let proxy = CHALLENGE.replace("example.com", "proxy.example.com");
    lone.answer(
        &request,
        StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        &[("Proxy-Authenticate", &proxy)],
    );
    let request = lone.request(Method::Register);
    assert!(request.header("Proxy-Authorization").is_some());
    lone.answer(
        &request,
        StatusCode::UNAUTHORIZED,
        &[("WWW-Authenticate", CHALLENGE)],
    );
    let request = lone.requests.first().expect("a third REGISTER");
    assert!(request.header("Proxy-Authorization").is_some(), "both stay");
    assert!(request.header("Authorization").is_some());
    accept(&mut lone, 600);
}

#[test]
fn an_interval_too_brief_is_lengthened() {
    let mut lone = Lone::started();
    let request = lone.request(Method::Register);
    assert_eq!(request.header("Expires"), Some("600"));
    lone.answer(
        &request,
        StatusCode::INTERVAL_TOO_BRIEF,
        &[("Min-Expires", "1800")],
    );
    assert_eq!(lone.requests[0].header("Expires"), Some("1800"));
    accept(&mut lone, 1800);
    assert!(lone.news().ends_with("registered(1800)"));
}

#[test]
fn a_200_that_does_not_list_our_contact_is_no_registration() {
    let mut lone = Lone::started();
    let request = lone.request(Method::Register);
    lone.answer(
        &request,
        StatusCode::OK,
        &[("Contact", "<sip:someone@198.51.100.1>;expires=60")],
    );
    assert!(lone.news().ends_with("registrationFailed(Internal Error)"));
    assert!(!lone.agent.is_registered());
}

#[test]
fn unregister_removes_the_binding() {
    let mut lone = Lone::started();
    accept(&mut lone, 600);
    lone.agent.unregister(lone.now, false);
    lone.drain();
    let request = lone.request(Method::Register);
    assert!(
        request
            .header("Contact")
            .is_some_and(|contact| contact.ends_with(";expires=0"))
    );
    lone.answer(&request, StatusCode::OK, &[]);
    assert!(lone.news().ends_with("unregistered(asked)"));
    lone.run(Duration::from_secs(3600));
    assert!(lone.requests.is_empty(), "nothing is refreshed");
}

#[test]
fn unregister_all_removes_every_binding() {
    let mut lone = Lone::started();
    accept(&mut lone, 600);
    lone.agent.unregister(lone.now, true);
    lone.drain();
    let request = lone.request(Method::Register);
    assert_eq!(
        (request.header("Contact"), request.header("Expires")),
        (Some("*"), Some("0"))
    );
}

#[test]
fn a_refused_refresh_is_told_before_what_it_ends() {
    let mut lone = Lone::started();
    accept(&mut lone, 600);
    lone.news();
    lone.agent.register(lone.now);
    lone.drain();
    let request = lone.request(Method::Register);
    lone.answer(&request, StatusCode::FORBIDDEN, &[]);
    let news = lone.news();
    let names: Vec<_> = news
        .split(' ')
        .filter_map(|told| told.split('(').next())
        .filter(|name| name.contains("egist"))
        .collect();
    assert_eq!(names, ["registrationFailed", "unregistered"], "{news}");
    assert!(!lone.agent.is_registered());
}

#[test]
fn unregister_while_registering_waits_for_the_answer() {
    let mut lone = Lone::started();
    lone.agent.unregister(lone.now, false);
    lone.drain();
    accept(&mut lone, 600);
    let request = lone.request(Method::Register);
    assert_eq!(request.header("Expires"), Some("0"));
}

#[test]
fn a_lost_connection_comes_back_and_registers_anew() {
    let mut lone = Lone::started();
    accept(&mut lone, 600);
    lone.reachable = false;
    lone.lose_flow();
    assert!(
        lone.news()
            .ends_with("registered(600) disconnected unregistered(Connection Error)")
    );
    lone.run(Duration::from_secs(20));
    let news = lone.news();
    assert!(
        news.starts_with("connecting(0) disconnected connecting(1) disconnected"),
        "{news}"
    );
    lone.reachable = true;
    lone.run(Duration::from_secs(30));
    accept(&mut lone, 600);
    assert!(lone.news().ends_with("connected registered(600)"));
}

#[test]
fn attempts_grow_apart_to_a_bound_with_jitter() {
    let mut lone = Lone::new();
    lone.reachable = false;
    lone.start();
    let mut delays = Vec::new();
    for _ in 0..12 {
        let due = lone.agent.next_timeout().expect("another attempt");
        delays.push((due - lone.now).as_secs_f64());
        lone.run(due - lone.now);
    }
    assert!(delays[0] <= 4.0, "{delays:?}");
    assert!(
        delays.iter().all(|delay| (1.0..=30.0).contains(delay)),
        "{delays:?}"
    );
    assert!(delays[8..].iter().all(|delay| *delay >= 15.0), "{delays:?}");
    let distinct: std::collections::BTreeSet<u64> =
        delays[6..].iter().map(|d| (d * 1e6) as u64).collect();
    assert!(distinct.len() > 3, "jitter: {delays:?}");
}

#[test]
fn a_registrar_in_trouble_is_asked_again_when_it_says() {
    let mut lone = Lone::started();
    let request = lone.request(Method::Register);
    lone.answer(
        &request,
        StatusCode::SERVICE_UNAVAILABLE,
        &[("Retry-After", "7")],
    );
    assert!(
        lone.news()
            .ends_with("registrationFailed(SIP Failure Code)")
    );
    lone.run(Duration::from_millis(6_999));
    assert!(lone.requests.is_empty());
    lone.run(SECOND);
    accept(&mut lone, 600);
}

#[test]
fn a_silent_registrar_is_told_and_asked_again() {
    let mut lone = Lone::started();
    lone.requests.clear();
    lone.run(Duration::from_secs(33));
    assert!(lone.news().ends_with("registrationFailed(Request Timeout)"));
    lone.run(Duration::from_secs(31));
    assert!(!lone.requests.is_empty());
}

#[test]
fn stop_unregisters_and_closes() {
    let mut lone = Lone::started();
    accept(&mut lone, 600);
    lone.agent.stop(lone.now);
    lone.drain();
    let request = lone.request(Method::Register);
    lone.answer(&request, StatusCode::OK, &[]);
    assert!(lone.news().ends_with("unregistered(asked) stopped"));
    assert_eq!(lone.agent.live(), Default::default());
}

#[test]
fn stop_takes_the_address_back_before_it_ends_its_calls() {
    let mut lone = Lone::started();
    accept(&mut lone, 600);
    lone.call();
    let invite = lone.request(Method::Invite);
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    lone.request(Method::Ack);
    lone.agent.stop(lone.now);
    lone.drain();
    let sent: Vec<_> = lone.requests.iter().map(|one| one.method()).collect();
    assert_eq!(sent, [Method::Register, Method::Bye]);
}

#[test]
fn stop_does_not_wait_for_a_silent_server() {
    let mut lone = Lone::started();
    accept(&mut lone, 600);
    lone.agent.stop(lone.now);
    lone.drain();
    lone.run(Duration::from_secs(3));
    let news = lone.news();
    assert!(
        news.ends_with("unregistered(Connection Error) stopped"),
        "{news}"
    );
    assert_eq!(lone.agent.live(), Default::default());
}

/// Lets the registration of an application that sees to its refreshes itself come to be due.
fn expiring() -> Lone {
    let mut lone = Lone::new();
    lone.asks = Some(|question| question.name() == "registrationExpiring");
    lone.start();
    accept(&mut lone, 600);
    lone.news();
    lone.asked.clear();
    while lone.asked.is_empty() {
        lone.run(SECOND);
    }
    assert!(lone.requests.is_empty());
    lone
}

/// How long the binding stands when the application is asked about its refresh.
fn left(lone: &Lone) -> Duration {
    match lone.asked.last() {
        Some((_, None, Question::RegistrationExpiring { left })) => *left,
        other => panic!("another question: {other:?}"),
    }
}

#[test]
fn a_refresh_leaves_when_the_application_lets_it() {
    let mut lone = expiring();
    let left = left(&lone).as_secs();
    assert!((30..=300).contains(&left), "{left}");
    assert_eq!(lone.agent.live().asks, 1);
    lone.reply(Reply::Proceed);
    accept(&mut lone, 600);
    assert_eq!(lone.agent.live().asks, 0);
    assert!(lone.agent.is_registered());
    assert_eq!(lone.news(), "");
}

#[test]
fn a_refresh_that_the_application_takes_over_leaves_when_it_registers() {
    let mut lone = expiring();
    let left = left(&lone);
    lone.reply(Reply::reject());
    lone.run(left / 2 + SECOND);
    assert!(lone.requests.is_empty(), "it is the application's matter");
    lone.agent.register(lone.now);
    lone.drain();
    accept(&mut lone, 600);
    assert!(lone.agent.is_registered());
    lone.run(left);
    assert_eq!(lone.news(), "", "the new binding stands");
}

#[test]
fn a_binding_that_the_application_does_not_refresh_is_lost_and_said() {
    let mut lone = expiring();
    let left = left(&lone);
    lone.reply(Reply::reject());
    lone.run(left - SECOND);
    assert!(lone.agent.is_registered());
    lone.run(SECOND * 2);
    assert_eq!(lone.news(), "unregistered(Expires)");
    assert!(!lone.agent.is_registered() && lone.requests.is_empty());
    lone.agent.register(lone.now);
    lone.drain();
    accept(&mut lone, 600);
    assert_eq!(lone.news(), "registered(600)");
}

#[test]
fn a_refresh_about_which_nobody_answers_leaves_before_the_binding_ends() {
    let mut lone = expiring();
    let half = left(&lone) / 2;
    lone.run(half - SECOND);
    assert!(lone.requests.is_empty());
    lone.run(SECOND * 2);
    accept(&mut lone, 600);
    assert_eq!(lone.agent.live().asks, 0);
    lone.reply(Reply::reject());
    assert!(lone.agent.is_registered(), "the answer came too late");
    assert_eq!(lone.news(), "");
}

#[test]
fn an_application_that_registers_when_it_is_asked_has_answered() {
    let mut lone = expiring();
    lone.agent.register(lone.now);
    lone.drain();
    let request = lone.request(Method::Register);
    lone.reply(Reply::Proceed);
    assert!(lone.requests.is_empty(), "one REGISTER at a time");
    let contact = listed(&request, 600);
    lone.answer(&request, StatusCode::OK, &[("Contact", &contact)]);
    assert_eq!(lone.agent.live().asks, 0);
}
