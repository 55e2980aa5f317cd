//! Stories of session timers (RFC 4028).

mod util;

use std::time::Duration;

use offhook_core::Config;
use offhook_sip::{Method, OutgoingResponse, Request, StatusCode};
use util::OFFER;
use util::lone::Lone;

const ALLOW: (&str, &str) = ("Allow", "INVITE, ACK, BYE, UPDATE");

/// Alice has called, and the peer's 200 has these headers.
fn called(change: impl FnOnce(&mut Config), headers: &[(&str, &str)]) -> Lone {
    let mut lone = Lone::with(|config| {
        config.register = false;
        change(config);
    });
    lone.start();
    lone.call();
    let invite = lone.request(Method::Invite);
    answer(&mut lone, &invite, headers);
    lone.request(Method::Ack);
    lone.news();
    lone
}

fn answer(lone: &mut Lone, invite: &Request, headers: &[(&str, &str)]) {
    let mut ok = OutgoingResponse::to_request(invite, StatusCode::OK);
    ok.set_to_tag("b1").expect("a tag");
    ok.headers_mut()
        .push("Contact", "<sip:b1@198.51.100.7;transport=ws>")
        .expect("a header");
    for (name, value) in headers {
        ok.headers_mut().push(*name, value).expect("a header");
    }
    ok.set_body("application/sdp", OFFER).expect("a body");
    lone.give(ok);
}

#[test]
fn an_invite_asks_for_ninety_seconds_and_names_the_extension() {
    let mut lone = Lone::unregistered();
    lone.call();
    let invite = lone.request(Method::Invite);
    assert_eq!(invite.header("Session-Expires"), Some("90"));
    assert!(invite.has_token("Supported", "timer"));
}

#[test]
fn a_user_agent_without_timers_says_nothing_of_them() {
    let mut lone = Lone::with(|config| {
        config.register = false;
        config.session_timers = false;
    });
    lone.start();
    lone.call();
    let invite = lone.request(Method::Invite);
    assert_eq!(invite.header("Session-Expires"), None);
    assert!(!invite.has_token("Supported", "timer"));
}

#[test]
fn a_peer_without_timers_is_not_refreshed() {
    let mut lone = called(|_| {}, &[ALLOW]);
    lone.run(Duration::from_secs(3600));
    assert!(lone.requests.is_empty());
    assert_eq!(lone.news(), "");
}

#[test]
fn a_peer_without_timers_is_refreshed_when_that_is_asked_for() {
    let mut lone = called(
        |config| config.session_timers_force_refresher = true,
        &[ALLOW],
    );
    lone.run(Duration::from_secs(46));
    lone.request(Method::Update);
}

#[test]
fn the_refresher_updates_at_half_the_interval_again_and_again() {
    let mut lone = called(|_| {}, &[ALLOW, ("Session-Expires", "120;refresher=uac")]);
    for _ in 0..4 {
        lone.run(Duration::from_millis(59_000));
        assert!(lone.requests.is_empty());
        lone.run(Duration::from_secs(1));
        let update = lone.request(Method::Update);
        assert!(update.body().is_empty());
        assert_eq!(update.header("Session-Expires"), Some("120;refresher=uac"));
        lone.answer(
            &update,
            StatusCode::OK,
            &[("Session-Expires", "120;refresher=uac")],
        );
    }
    assert_eq!(lone.news(), "");
}

#[test]
fn a_peer_that_takes_no_update_is_refreshed_by_reinvite() {
    let mut lone = called(
        |_| {},
        &[
            ("Allow", "INVITE, ACK, BYE"),
            ("Session-Expires", "90;refresher=uac"),
        ],
    );
    lone.run(Duration::from_secs(45));
    let invite = lone.request(Method::Invite);
    assert_eq!(invite.body(), OFFER.as_bytes());
    answer(
        &mut lone,
        &invite,
        &[("Session-Expires", "90;refresher=uac")],
    );
    lone.request(Method::Ack);
    assert_eq!(lone.news(), "", "a refresh is nobody's news");
    lone.run(Duration::from_secs(45));
    lone.request(Method::Invite);
}

#[test]
fn a_refused_update_is_followed_by_a_reinvite() {
    let mut lone = called(|_| {}, &[ALLOW, ("Session-Expires", "90;refresher=uac")]);
    lone.run(Duration::from_secs(45));
    let update = lone.request(Method::Update);
    lone.answer(&update, StatusCode::METHOD_NOT_ALLOWED, &[]);
    lone.request(Method::Invite);
}

#[test]
fn a_peer_that_says_nothing_of_update_is_tried_with_one_and_then_refreshed_by_reinvite() {
    let expires = ("Session-Expires", "90;refresher=uac");
    let mut lone = called(|_| {}, &[expires]);
    lone.run(Duration::from_secs(45));
    let update = lone.request(Method::Update);
    lone.answer(&update, StatusCode::NOT_IMPLEMENTED, &[]);
    let invite = lone.request(Method::Invite);
    answer(&mut lone, &invite, &[expires]);
    lone.request(Method::Ack);
    lone.run(Duration::from_secs(45));
    lone.request(Method::Invite);
    assert_eq!(lone.news(), "");
}

#[test]
fn a_refresh_that_the_server_fails_is_tried_again() {
    let mut lone = called(|_| {}, &[ALLOW, ("Session-Expires", "90;refresher=uac")]);
    lone.run(Duration::from_secs(45));
    for _ in 0..5 {
        let update = lone.request(Method::Update);
        lone.answer(&update, StatusCode::SERVICE_UNAVAILABLE, &[]);
        lone.run(Duration::from_secs(2));
    }
    assert_eq!(lone.news(), "");
}

#[test]
fn a_peer_that_does_not_refresh_in_time_is_hung_up() {
    let mut lone = called(|_| {}, &[ALLOW, ("Session-Expires", "90;refresher=uas")]);
    lone.run(Duration::from_millis(59_999));
    assert!(lone.requests.is_empty());
    lone.run(Duration::from_millis(1));
    let bye = lone.request(Method::Bye);
    assert!(
        bye.header("Reason")
            .is_some_and(|reason| reason.contains("Session Timer Expired"))
    );
    assert_eq!(lone.news(), "ended(system, Request Timeout)");
}

#[test]
fn too_small_an_interval_is_asked_for_again_as_the_peer_wants() {
    let mut lone = Lone::unregistered();
    lone.call();
    let invite = lone.request(Method::Invite);
    lone.answer(
        &invite,
        StatusCode::SESSION_INTERVAL_TOO_SMALL,
        &[("Min-SE", "600")],
    );
    assert_eq!(lone.requests.remove(0).method(), Method::Ack);
    let again = lone.request(Method::Invite);
    assert_eq!(
        (again.header("Session-Expires"), again.header("Min-SE")),
        (Some("600"), Some("600"))
    );
    assert_eq!(again.call_id().ok(), invite.call_id().ok());
    answer(
        &mut lone,
        &again,
        &[("Session-Expires", "600;refresher=uac"), ALLOW],
    );
    assert!(lone.news().ends_with("confirmed(local)"));
}

#[test]
fn a_422_that_asks_for_nothing_more_fails_the_call() {
    let mut lone = Lone::unregistered();
    lone.call();
    let invite = lone.request(Method::Invite);
    lone.answer(
        &invite,
        StatusCode::SESSION_INTERVAL_TOO_SMALL,
        &[("Min-SE", "60")],
    );
    assert!(
        lone.news()
            .ends_with("failed(remote, SIP Failure Code) closed")
    );
}

fn incoming(headers: &str) -> String {
    format!(
        "INVITE sip:alice@example.com SIP/2.0\r\n\
         Via: SIP/2.0/WS proxy.example.com;branch=z9hG4bKabc1\r\n\
         Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=bobtag\r\n\
         To: <sip:alice@example.com>\r\nCall-ID: call-1@example.com\r\nCSeq: 17 INVITE\r\n\
         Contact: <sip:bob@198.51.100.7;transport=ws>\r\nAllow: INVITE, ACK, BYE, UPDATE\r\n\
         {headers}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{OFFER}",
        OFFER.len()
    )
}

fn answered(headers: &str) -> (Lone, offhook_sip::Response) {
    let mut lone = Lone::unregistered();
    lone.receive(incoming(headers));
    let (now, id) = (lone.now, lone.session.expect("a session"));
    lone.agent
        .session(id)
        .expect("it lives")
        .answer(now, Default::default())
        .expect("answered");
    lone.drain();
    let ok = lone.responses.pop().expect("a 200");
    (lone, ok)
}

#[test]
fn the_answer_to_a_timer_says_who_refreshes() {
    for (asked, granted, required) in [
        (
            "Supported: timer\r\nSession-Expires: 1800\r\n",
            Some("1800;refresher=uas"),
            None,
        ),
        (
            "Supported: timer\r\nSession-Expires: 1800;refresher=uac\r\n",
            Some("1800;refresher=uac"),
            Some("timer"),
        ),
        (
            "Supported: timer\r\nSession-Expires: 1800;refresher=uas\r\n",
            Some("1800;refresher=uas"),
            None,
        ),
        // A proxy asked for it; the caller knows no timers, so it is ours to refresh.
        (
            "Session-Expires: 1800\r\n",
            Some("1800;refresher=uas"),
            None,
        ),
        ("Supported: timer\r\n", None, None),
        ("", None, None),
    ] {
        let (_, ok) = answered(asked);
        assert_eq!(ok.header("Session-Expires"), granted, "{asked}");
        assert_eq!(ok.header("Require"), required, "{asked}");
    }
}

#[test]
fn an_interval_below_ours_is_answered_with_422() {
    let mut lone = Lone::unregistered();
    lone.receive(incoming("Supported: timer\r\nSession-Expires: 60\r\n"));
    let refused = lone.responses.pop().expect("a 422");
    assert_eq!(refused.status().code(), 422);
    assert_eq!(refused.header("Min-SE"), Some("90"));
    assert_eq!(lone.news(), "connecting(0) connected");
}

#[test]
fn a_callee_that_refreshes_sends_updates_of_its_own() {
    let (mut lone, ok) = answered("Supported: timer\r\nSession-Expires: 90\r\n");
    let tag = ok.to().expect("a To").tag().expect("a tag").to_owned();
    let ack = incoming("")
        .replace("INVITE sip", "ACK sip")
        .replace("17 INVITE", "17 ACK");
    let ack = ack.replace(
        "To: <sip:alice@example.com>",
        &format!("To: <sip:alice@example.com>;tag={tag}"),
    );
    lone.receive(ack.replace("z9hG4bKabc1", "z9hG4bKack"));
    lone.run(Duration::from_secs(45));
    let update = lone.request(Method::Update);
    assert_eq!(update.header("Session-Expires"), Some("90;refresher=uac"));
}
