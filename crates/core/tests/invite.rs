//! Stories of one agent and the messages that a server hands it, good and bad.

mod util;

use std::time::Duration;

use offhook_core::{MediaRequest, SdpKind, TerminateOptions};
use offhook_sip::{Method, Request, StatusCode};
use util::OFFER;
use util::lone::Lone;

fn invite(extra: &str, body: &str) -> String {
    let content = if body.is_empty() {
        String::new()
    } else {
        "Content-Type: application/sdp\r\n".to_owned()
    };
    format!(
        "INVITE sip:alice@example.com SIP/2.0\r\n\
         Via: SIP/2.0/WS proxy.example.com;branch=z9hG4bKabc1\r\n\
         Max-Forwards: 70\r\n\
         From: \"Bob\" <sip:bob@example.com>;tag=bobtag\r\n\
         To: <sip:alice@example.com>\r\n\
         Call-ID: call-1@example.com\r\n\
         CSeq: 17 INVITE\r\n\
         Contact: <sip:bob@198.51.100.7;transport=ws>\r\n\
         {extra}{content}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn in_dialog(method: &str, number: u32, to_tag: &str, extra: &str, body: &str) -> String {
    format!(
        "{method} sip:alice@example.com SIP/2.0\r\n\
         Via: SIP/2.0/WS proxy.example.com;branch=z9hG4bK{method}{number}\r\n\
         Max-Forwards: 70\r\n\
         From: \"Bob\" <sip:bob@example.com>;tag=bobtag\r\n\
         To: <sip:alice@example.com>;tag={to_tag}\r\n\
         Call-ID: call-1@example.com\r\n\
         CSeq: {number} {method}\r\n\
         {extra}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The agent has answered an incoming call and waits for its ACK; the tag it chose.
fn answered(offer: &str) -> (Lone, String) {
    let mut lone = Lone::unregistered();
    lone.receive(invite(
        "Record-Route: <sip:p1.example.com;lr>\r\nRecord-Route: <sip:p2.example.com;lr>\r\n",
        offer,
    ));
    let now = lone.now;
    let id = lone.session.expect("a session");
    lone.agent
        .session(id)
        .expect("it lives")
        .answer(now, Default::default())
        .expect("answered");
    lone.drain();
    let ok = lone.responses.last().expect("a 200").clone();
    assert_eq!(ok.status(), StatusCode::OK);
    let tag = ok.to().expect("a To").tag().expect("a tag").to_owned();
    (lone, tag)
}

#[test]
fn an_incoming_call_is_tried_announced_and_rings() {
    let mut lone = Lone::unregistered();
    lone.receive(invite("", OFFER));
    let codes: Vec<u16> = lone
        .responses
        .iter()
        .map(|response| response.status().code())
        .collect();
    assert_eq!(codes, [100, 180]);
    let ringing = &lone.responses[1];
    assert!(ringing.to().expect("a To").tag().is_some());
    assert!(
        ringing
            .header("Contact")
            .is_some_and(|contact| contact.contains(".invalid;transport=ws"))
    );
    assert_eq!(lone.news(), "connecting(0) connected progress(local)");
}

#[test]
fn the_route_set_of_an_incoming_call_is_its_record_route_in_order() {
    let (mut lone, tag) = answered(OFFER);
    lone.receive(in_dialog("ACK", 17, &tag, "", ""));
    let id = lone.session.expect("a session");
    let now = lone.now;
    lone.agent
        .session(id)
        .expect("it lives")
        .terminate(now, TerminateOptions::default())
        .expect("ended");
    lone.drain();
    let bye = lone.request(Method::Bye);
    let routes: Vec<&str> = bye.values("Route").collect();
    assert_eq!(
        routes,
        ["<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"]
    );
    assert_eq!(bye.uri_text(), "sip:bob@198.51.100.7;transport=ws");
    lone.answer(&bye, StatusCode::OK, &[]);
    assert!(lone.news().ends_with("ended(local, Terminated) closed"));
    lone.assert_clean();
}

#[test]
fn a_late_offer_goes_out_in_the_200_and_is_answered_in_the_ack() {
    let (mut lone, tag) = answered("");
    let offer = lone.responses.last().expect("a 200");
    assert_eq!(offer.body(), OFFER.as_bytes());
    lone.receive(in_dialog(
        "ACK",
        17,
        &tag,
        "Content-Type: application/sdp\r\n",
        OFFER,
    ));
    assert!(lone.news().ends_with("accepted(local) confirmed(remote)"));
    assert!(matches!(
        lone.media.last(),
        Some(MediaRequest::SetRemote {
            kind: SdpKind::Answer,
            ..
        })
    ));
}

#[test]
fn a_late_offer_whose_ack_brings_no_answer_ends_the_call() {
    let (mut lone, tag) = answered("");
    lone.receive(in_dialog("ACK", 17, &tag, "", ""));
    let bye = lone.request(Method::Bye);
    assert!(
        bye.header("Reason")
            .is_some_and(|reason| reason.contains("Missing SDP"))
    );
    assert!(lone.news().ends_with("ended(local, Missing SDP)"));
}

#[test]
fn a_request_out_of_order_is_answered_with_500() {
    let (mut lone, tag) = answered(OFFER);
    lone.receive(in_dialog("ACK", 17, &tag, "", ""));
    lone.responses.clear();
    lone.receive(in_dialog("INFO", 16, &tag, "", ""));
    assert_eq!(lone.response().status().code(), 500);
    lone.receive(in_dialog("INFO", 20, &tag, "", ""));
    assert_eq!(lone.response().status().code(), 200);
}

#[test]
fn an_expired_invitation_is_answered_with_487() {
    let mut lone = Lone::unregistered();
    lone.receive(invite("Expires: 5\r\n", OFFER));
    lone.responses.clear();
    lone.run(Duration::from_secs(6));
    assert_eq!(
        lone.responses
            .first()
            .map(|response| response.status().code()),
        Some(487)
    );
    assert!(lone.news().ends_with("failed(system, Expires) closed"));
}

#[test]
fn an_extension_nobody_knows_is_named_in_the_420() {
    let mut lone = Lone::unregistered();
    lone.receive(invite("Require: 100rel, teleport\r\n", OFFER));
    let refused = lone.responses.last().expect("an answer");
    assert_eq!(refused.status().code(), 420);
    assert!(
        refused
            .header("Unsupported")
            .is_some_and(|tags| tags.contains("teleport"))
    );
    assert_eq!(lone.news(), "connecting(0) connected");
}

#[test]
fn a_request_for_somebody_else_is_not_found() {
    let mut lone = Lone::unregistered();
    lone.receive(invite("", OFFER).replace("INVITE sip:alice@", "INVITE sip:carol@"));
    assert_eq!(
        lone.responses
            .last()
            .map(|response| response.status().code()),
        Some(404)
    );
}

#[test]
fn an_unknown_scheme_is_answered_with_416() {
    let mut lone = Lone::unregistered();
    lone.receive(invite("", OFFER).replace("INVITE sip:alice@example.com", "INVITE nobody:knows"));
    assert_eq!(
        lone.responses
            .last()
            .map(|response| response.status().code()),
        Some(416)
    );
}

#[test]
fn a_body_that_is_no_sdp_is_answered_with_415() {
    let mut lone = Lone::unregistered();
    lone.receive(invite("", "hello").replace("application/sdp", "text/plain"));
    let refused = lone.responses.last().expect("an answer");
    assert_eq!(refused.status().code(), 415);
    assert_eq!(refused.header("Accept"), Some("application/sdp"));
}

#[test]
fn a_merged_request_is_answered_with_482() {
    let mut lone = Lone::unregistered();
    lone.receive(invite("", OFFER));
    lone.responses.clear();
    lone.receive(invite("", OFFER).replace("z9hG4bKabc1", "z9hG4bKabc2"));
    assert_eq!(
        lone.responses
            .last()
            .map(|response| response.status().code()),
        Some(482)
    );
}

#[test]
fn options_say_what_this_agent_can() {
    let mut lone = Lone::unregistered();
    lone.receive(invite("", "").replace("INVITE", "OPTIONS"));
    let ok = lone.response();
    assert_eq!(ok.status(), StatusCode::OK);
    assert!(
        ok.header("Allow")
            .is_some_and(|allow| allow.contains("INVITE"))
    );
    assert!(
        ok.header("Accept")
            .is_some_and(|accept| accept.contains("application/sdp"))
    );
}

#[test]
fn strangers_in_a_dialog_get_481() {
    let mut lone = Lone::unregistered();
    for method in ["BYE", "INFO", "NOTIFY"] {
        lone.receive(in_dialog(method, 3, "nobody", "", ""));
        assert_eq!(lone.response().status().code(), 481, "{method}");
    }
    lone.receive(in_dialog("ACK", 3, "nobody", "", ""));
    assert!(lone.responses.is_empty(), "an ACK is never answered");
}

#[test]
fn noise_is_counted_and_answered_only_where_it_can_be() {
    let mut lone = Lone::unregistered();
    lone.receive("hello\r\n\r\n");
    lone.receive("SIP/2.0 200\r\n\r\n");
    assert!(lone.responses.is_empty());
    assert_eq!(lone.agent.counters().malformed, 2);
    lone.receive(invite("", OFFER).replace("Max-Forwards: 70", "Max-Forwards: lots"));
    assert_eq!(
        lone.responses
            .last()
            .map(|response| response.status().code()),
        Some(400)
    );
}

/// Alice has called; the INVITE.
fn calling() -> (Lone, Request) {
    let mut lone = Lone::unregistered();
    lone.call();
    let invite = lone.request(Method::Invite);
    (lone, invite)
}

#[test]
fn a_challenged_invite_goes_again_with_credentials_which_its_ack_repeats() {
    let (mut lone, invite) = calling();
    let challenge = "Digest realm=\"example.com\", nonce=\"abc\", qop=\"auth\"";
    lone.answer(
        &invite,
        StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        &[("Proxy-Authenticate", challenge)],
    );
    assert_eq!(
        lone.requests[0].method(),
        Method::Ack,
        "the 407 is acknowledged first"
    );
    lone.requests.remove(0);
    let again = lone.request(Method::Invite);
    assert!(again.header("Proxy-Authorization").is_some());
    assert_eq!(
        again.cseq().expect("a CSeq").number,
        invite.cseq().expect("a CSeq").number + 1
    );
    lone.answer_from(&again, StatusCode::OK, "b1", OFFER);
    let ack = lone.request(Method::Ack);
    assert_eq!(
        ack.cseq().expect("a CSeq").number,
        again.cseq().expect("a CSeq").number
    );
    assert_eq!(
        ack.header("Proxy-Authorization"),
        again.header("Proxy-Authorization")
    );
    assert!(lone.news().ends_with("accepted(remote) confirmed(local)"));
}

#[test]
fn an_invite_challenged_after_its_cancel_is_not_sent_again() {
    let (mut lone, invite) = calling();
    let id = lone.session.expect("a session");
    let now = lone.now;
    lone.agent
        .session(id)
        .expect("it lives")
        .terminate(now, TerminateOptions::default())
        .expect("cancelled");
    lone.drain();
    let challenge = "Digest realm=\"example.com\", nonce=\"abc\"";
    lone.answer(
        &invite,
        StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        &[("Proxy-Authenticate", challenge)],
    );
    assert!(
        lone.requests
            .iter()
            .all(|request| request.method() == Method::Ack),
        "{:?}",
        lone.requests
    );
    assert!(lone.news().ends_with("failed(local, Canceled) closed"));
    lone.assert_clean();
}

#[test]
fn every_fork_that_rings_is_progress_and_the_one_that_answers_wins() {
    let (mut lone, invite) = calling();
    lone.answer_from(&invite, StatusCode::RINGING, "b1", "");
    lone.answer_from(&invite, StatusCode::RINGING, "b2", "");
    assert!(lone.news().ends_with("progress(180) progress(180)"));
    assert_eq!(lone.agent.live().dialogs, 2);
    lone.answer_from(&invite, StatusCode::OK, "b2", OFFER);
    let ack = lone.request(Method::Ack);
    assert_eq!(ack.uri_text(), "sip:b2@198.51.100.7;transport=ws");
    assert_eq!(lone.agent.live().dialogs, 1);
}

#[test]
fn a_second_forks_200_is_acked_and_ended_on_its_own_dialog() {
    let (mut lone, invite) = calling();
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    lone.request(Method::Ack);
    lone.answer_from(&invite, StatusCode::OK, "b2", OFFER);
    let sent: Vec<(String, String)> = lone
        .requests
        .drain(..)
        .map(|request| (request.method().to_string(), request.uri_text().to_owned()))
        .collect();
    let b2 = "sip:b2@198.51.100.7;transport=ws".to_owned();
    assert_eq!(
        sent,
        [("ACK".to_owned(), b2.clone()), ("BYE".to_owned(), b2)]
    );
    assert!(
        lone.news().ends_with("confirmed(local)"),
        "the first call lives"
    );
}

#[test]
fn the_ack_goes_where_the_200_says_not_the_180() {
    let (mut lone, invite) = calling();
    lone.answer_from(&invite, StatusCode::RINGING, "b1", "");
    let mut ok = offhook_sip::OutgoingResponse::to_request(&invite, StatusCode::OK);
    ok.set_to_tag("b1").expect("a tag");
    ok.headers_mut()
        .push("Contact", "<sip:elsewhere@203.0.113.1;transport=ws>")
        .expect("a header");
    ok.set_body("application/sdp", OFFER).expect("a body");
    lone.give(ok);
    assert_eq!(
        lone.request(Method::Ack).uri_text(),
        "sip:elsewhere@203.0.113.1;transport=ws"
    );
}

#[test]
fn early_media_is_applied_and_the_200_replaces_it() {
    let (mut lone, invite) = calling();
    lone.answer_from(&invite, StatusCode::SESSION_PROGRESS, "b1", OFFER);
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    let kinds: Vec<SdpKind> = lone
        .media
        .iter()
        .filter_map(|request| match request {
            MediaRequest::SetRemote { kind, .. } => Some(*kind),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, [SdpKind::PrAnswer, SdpKind::Answer]);
    assert!(
        lone.news()
            .ends_with("progress(183) accepted(remote) confirmed(local)")
    );
}

#[test]
fn a_200_without_a_description_is_acked_and_ended() {
    let (mut lone, invite) = calling();
    lone.answer_from(&invite, StatusCode::OK, "b1", "");
    let methods: Vec<String> = lone
        .requests
        .iter()
        .map(|request| request.method().to_string())
        .collect();
    assert_eq!(methods, ["ACK", "BYE"]);
    assert!(
        lone.news()
            .ends_with("failed(remote, Bad Media Description)")
    );
    let bye = lone.requests.pop().expect("a BYE");
    lone.answer(&bye, StatusCode::OK, &[]);
    lone.assert_clean();
}

#[test]
fn a_repeated_200_is_acked_again() {
    let (mut lone, invite) = calling();
    for _ in 0..3 {
        lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
        lone.request(Method::Ack);
    }
    assert_eq!(lone.news().matches("confirmed").count(), 1);
}

#[test]
fn a_loose_route_keeps_the_target_and_a_strict_one_takes_its_place() {
    for (record_route, uri, route) in [
        (
            "<sip:p.example.com;lr>",
            "sip:b1@198.51.100.7;transport=ws",
            "<sip:p.example.com;lr>",
        ),
        (
            "<sip:p.example.com>",
            "sip:p.example.com",
            "<sip:b1@198.51.100.7;transport=ws>",
        ),
    ] {
        let (mut lone, invite) = calling();
        let mut ok = offhook_sip::OutgoingResponse::to_request(&invite, StatusCode::OK);
        ok.set_to_tag("b1").expect("a tag");
        ok.headers_mut()
            .push("Record-Route", record_route)
            .expect("a header");
        ok.headers_mut()
            .push("Contact", "<sip:b1@198.51.100.7;transport=ws>")
            .expect("a header");
        ok.set_body("application/sdp", OFFER).expect("a body");
        lone.give(ok);
        let ack = lone.request(Method::Ack);
        assert_eq!((ack.uri_text(), ack.header("Route")), (uri, Some(route)));
    }
}

#[test]
fn a_call_made_before_the_connection_stands_waits_for_it() {
    let mut lone = Lone::with(|config| config.register = false);
    lone.reachable = false;
    lone.start();
    lone.call();
    assert!(lone.requests.is_empty());
    lone.reachable = true;
    lone.run(Duration::from_secs(5));
    lone.request(Method::Invite);
}

#[test]
fn a_call_that_finds_no_connection_fails_after_half_a_minute() {
    let mut lone = Lone::with(|config| config.register = false);
    lone.reachable = false;
    lone.start();
    lone.call();
    lone.run(Duration::from_secs(33));
    assert!(
        lone.news()
            .contains("failed(system, Connection Error) closed")
    );
    lone.assert_clean();
}

#[test]
fn an_established_call_survives_a_lost_connection() {
    let (mut lone, invite) = calling();
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    lone.request(Method::Ack);
    lone.lose_flow();
    lone.run(Duration::from_secs(10));
    assert!(!lone.news().contains("ended"));
    let id = lone.session.expect("a session");
    let now = lone.now;
    lone.agent
        .session(id)
        .expect("it lives")
        .terminate(now, TerminateOptions::default())
        .expect("ended");
    lone.drain();
    lone.request(Method::Bye);
}

#[test]
fn a_peer_that_forgot_the_dialog_ends_the_call() {
    let (mut lone, invite) = calling();
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    lone.request(Method::Ack);
    let id = lone.session.expect("a session");
    let now = lone.now;
    lone.agent
        .session(id)
        .expect("it lives")
        .send_info(now, "text/plain", "x", &Vec::new())
        .expect("an INFO");
    lone.drain();
    let info = lone.request(Method::Info);
    lone.answer(&info, StatusCode::CALL_DOES_NOT_EXIST, &[]);
    assert!(
        lone.news()
            .ends_with("info:delivered ended(local, Dialog Error)")
    );
}

#[test]
fn headers_that_would_smuggle_are_refused() {
    let mut lone = Lone::unregistered();
    for (name, value) in [
        ("X-A", "a\r\nB: c"),
        ("X A", "a"),
        ("X-A\r\nB", "c"),
        ("Via", "x"),
        ("", "x"),
    ] {
        let options = offhook_core::CallOptions {
            extra_headers: vec![(name.to_owned(), value.to_owned())],
            ..Default::default()
        };
        assert!(
            lone.agent.call(lone.now, "bob", options).is_err(),
            "{name:?}: {value:?}"
        );
    }
}

/// Alice has called and follows redirections; the INVITE.
fn following() -> (Lone, Request) {
    let mut lone = Lone::unregistered();
    let options = offhook_core::CallOptions {
        follow_redirects: true,
        ..Default::default()
    };
    lone.agent.call(lone.now, "bob", options).expect("a call");
    lone.drain();
    let invite = lone.request(Method::Invite);
    (lone, invite)
}

/// The one INVITE the agent has sent, its ACK to the last refusal aside.
fn next_invite(lone: &mut Lone) -> Request {
    lone.requests
        .retain(|request| request.method() == Method::Invite);
    lone.request(Method::Invite)
}

#[test]
fn a_redirection_is_not_followed_unasked() {
    let (mut lone, invite) = calling();
    lone.answer(
        &invite,
        StatusCode::MOVED_TEMPORARILY,
        &[("Contact", "<sip:bob@198.51.100.9>")],
    );
    assert!(lone.news().ends_with("failed(remote, Redirected) closed"));
}

#[test]
fn a_redirection_is_followed_the_most_wanted_address_first() {
    let (mut lone, invite) = following();
    let contacts =
        "<sip:c@x.example>;q=0.2, <sip:a@x.example>;q=0.9, <sip:b@x.example>;q=0.9, <tel:+1>";
    lone.answer(
        &invite,
        StatusCode::MULTIPLE_CHOICES,
        &[("Contact", contacts)],
    );
    for uri in ["sip:a@x.example", "sip:b@x.example", "sip:c@x.example"] {
        let again = next_invite(&mut lone);
        assert_eq!(again.uri_text(), uri);
        assert_eq!(again.call_id().ok(), invite.call_id().ok());
        lone.answer(&again, StatusCode::NOT_FOUND, &[]);
    }
    assert!(lone.news().ends_with("failed(remote, Not Found) closed"));
    lone.assert_clean();
}

#[test]
fn redirections_in_a_circle_come_to_an_end() {
    let (mut lone, invite) = following();
    let mut current = invite;
    for _ in 0..30 {
        let here = current.uri_text().to_owned();
        let elsewhere = if here.contains("one") {
            "<sip:two@x.example>"
        } else {
            "<sip:one@x.example>"
        };
        lone.answer(
            &current,
            StatusCode::MOVED_TEMPORARILY,
            &[("Contact", elsewhere)],
        );
        lone.requests
            .retain(|request| request.method() == Method::Invite);
        match lone.requests.pop() {
            Some(next) => current = next,
            None => break,
        }
    }
    assert!(lone.news().ends_with("failed(remote, Redirected) closed"));
    lone.assert_clean();
}

#[test]
fn the_asserted_identity_is_told_and_told_again_when_it_changes() {
    let mut lone = Lone::unregistered();
    lone.receive(invite(
        "P-Asserted-Identity: \"Bob\" <sip:+15551230001@example.com>\r\n",
        OFFER,
    ));
    let id = lone.session.expect("a session");
    let asserted = |lone: &Lone| {
        let info = lone.agent.session_info(id).expect("it lives");
        info.asserted_identity()
            .map(|identity| identity.uri.to_string())
    };
    assert_eq!(
        asserted(&lone).as_deref(),
        Some("sip:+15551230001@example.com")
    );
    let now = lone.now;
    lone.agent
        .session(id)
        .expect("it lives")
        .answer(now, Default::default())
        .expect("answered");
    lone.drain();
    let ok = lone.responses.last().expect("a 200");
    let tag = ok.to().expect("a To").tag().expect("a tag").to_owned();
    lone.receive(in_dialog("ACK", 17, &tag, "", ""));
    let carol = "P-Asserted-Identity: <sip:carol@example.com>\r\n";
    for number in [18, 19] {
        lone.receive(in_dialog("UPDATE", number, &tag, carol, ""));
    }
    assert_eq!(asserted(&lone).as_deref(), Some("sip:carol@example.com"));
    assert_eq!(
        lone.news().matches("remoteidentity").count(),
        2,
        "the same again is no news"
    );
}
