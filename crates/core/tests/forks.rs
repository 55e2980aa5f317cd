//! Stories of an INVITE that several phones take up: each fork has its own dialog
//! (RFC 3261 section 13.2.2.4).

mod util;

use std::time::Duration;

use offhook_core::{MediaRequest, SdpKind, TerminateOptions};
use offhook_sip::{Method, Request, StatusCode};
use util::OFFER;
use util::lone::Lone;

const SECOND: Duration = Duration::from_secs(1);

fn calling() -> (Lone, Request) {
    let mut lone = Lone::unregistered();
    lone.call();
    let invite = lone.request(Method::Invite);
    lone.news();
    (lone, invite)
}

fn answered_by(tag: &str) -> (Lone, Request) {
    let (mut lone, invite) = calling();
    lone.answer_from(&invite, StatusCode::OK, tag, OFFER);
    lone.request(Method::Ack);
    lone.news();
    (lone, invite)
}

fn hang_up(lone: &mut Lone) -> Request {
    let (now, id) = (lone.now, lone.session.expect("a session"));
    let mut session = lone.agent.session(id).expect("it lives");
    session
        .terminate(now, TerminateOptions::default())
        .expect("ended");
    lone.drain();
    lone.request(Method::Bye)
}

/// The fork is told that it lost: an ACK and a BYE in its own dialog.
fn ends_the_dialog_of(lone: &mut Lone, invite: &Request, tag: &str) {
    let target = format!("sip:{tag}@198.51.100.7;transport=ws");
    assert_eq!(lone.requests.len(), 2, "an ACK and a BYE");
    let (ack, bye) = (lone.requests.remove(0), lone.requests.remove(0));
    assert_eq!((ack.method(), bye.method()), (Method::Ack, Method::Bye));
    for request in [&ack, &bye] {
        assert_eq!(request.uri_text(), target);
        assert_eq!(request.to().expect("a To").tag(), Some(tag));
        assert_eq!(request.call_id().ok(), invite.call_id().ok());
    }
    let number = |request: &Request| request.cseq().expect("a CSeq").number;
    assert_eq!(number(&ack), number(invite));
    assert!(number(&bye) > number(invite));
    lone.answer(&bye, StatusCode::OK, &[]);
}

#[test]
fn forks_with_media_of_their_own_are_heard_one_after_the_other() {
    let (mut lone, invite) = calling();
    let sdp = |port: u16| OFFER.replace("9000", &port.to_string());
    lone.answer_from(&invite, StatusCode::SESSION_PROGRESS, "b1", &sdp(7001));
    lone.answer_from(&invite, StatusCode::SESSION_PROGRESS, "b2", &sdp(7002));
    lone.answer_from(&invite, StatusCode::OK, "b1", &sdp(7001));
    assert_eq!(
        lone.request(Method::Ack).uri_text(),
        "sip:b1@198.51.100.7;transport=ws"
    );
    let applied: Vec<(SdpKind, bool)> = lone
        .media
        .iter()
        .filter_map(|request| match request {
            MediaRequest::SetRemote { kind, sdp } => Some((*kind, sdp.contains("7001"))),
            _ => None,
        })
        .collect();
    assert_eq!(
        applied,
        [
            (SdpKind::PrAnswer, true),
            (SdpKind::PrAnswer, false),
            (SdpKind::Answer, true)
        ]
    );
    assert_eq!(
        lone.news(),
        "progress(183) progress(183) accepted(remote) confirmed(local)"
    );
    lone.answer_from(&invite, StatusCode::OK, "b2", &sdp(7002));
    ends_the_dialog_of(&mut lone, &invite, "b2");
    assert_eq!(lone.news(), "", "nobody is told of the one that lost");
}

#[test]
fn a_loser_that_answers_while_the_call_is_hung_up_is_ended_on_its_own_dialog() {
    let (mut lone, invite) = answered_by("b1");
    let bye = hang_up(&mut lone);
    lone.answer_from(&invite, StatusCode::OK, "b2", OFFER);
    ends_the_dialog_of(&mut lone, &invite, "b2");
    lone.answer(&bye, StatusCode::OK, &[]);
    lone.assert_clean();
}

#[test]
fn a_loser_that_answers_after_the_call_is_over_is_ended_all_the_same() {
    let (mut lone, invite) = answered_by("b1");
    let bye = hang_up(&mut lone);
    lone.answer(&bye, StatusCode::OK, &[]);
    assert_eq!(lone.agent.live().sessions, 0);
    lone.run(SECOND);
    lone.answer_from(&invite, StatusCode::OK, "b2", OFFER);
    ends_the_dialog_of(&mut lone, &invite, "b2");
    lone.assert_clean();
}

#[test]
fn a_second_fork_that_answers_a_cancelled_call_is_ended_too() {
    let (mut lone, invite) = calling();
    lone.answer_from(&invite, StatusCode::RINGING, "b1", "");
    let (now, id) = (lone.now, lone.session.expect("a session"));
    let mut session = lone.agent.session(id).expect("it lives");
    session
        .terminate(now, TerminateOptions::default())
        .expect("cancelled");
    lone.drain();
    let cancel = lone.request(Method::Cancel);
    lone.answer(&cancel, StatusCode::OK, &[]);
    for tag in ["b1", "b2"] {
        lone.answer_from(&invite, StatusCode::OK, tag, OFFER);
        ends_the_dialog_of(&mut lone, &invite, tag);
    }
    lone.assert_clean();
}

#[test]
fn a_winner_that_repeats_its_200_during_the_bye_gets_its_ack_again() {
    let (mut lone, invite) = answered_by("b1");
    let bye = hang_up(&mut lone);
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    lone.request(Method::Ack);
    lone.answer(&bye, StatusCode::OK, &[]);
    lone.assert_clean();
}
