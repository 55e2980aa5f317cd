//! Stories of provisional responses: reliable ones (RFC 3262) and early media both ways.

mod util;

use std::time::Duration;

use offhook_core::{
    CommandError, MediaReport, MediaRequest, MediaStep, Originator, ProgressOptions, Question,
    Reply, SdpKind, Transport,
};
use offhook_sip::{Message, Method, OutgoingResponse, Request, StatusCode};
use util::lone::Lone;
use util::{Fate, OFFER, Pair};

const SECOND: Duration = Duration::from_secs(1);

fn calling() -> (Lone, Request) {
    let mut lone = Lone::unregistered();
    lone.call();
    let invite = lone.request(Method::Invite);
    lone.news();
    (lone, invite)
}

fn provisional(invite: &Request, tag: &str, rseq: u32, sdp: &str) -> OutgoingResponse {
    let mut response = OutgoingResponse::to_request(invite, StatusCode::SESSION_PROGRESS);
    response.set_to_tag(tag).expect("a tag");
    let headers = response.headers_mut();
    headers
        .push(
            "Contact",
            format_args!("<sip:{tag}@198.51.100.7;transport=ws>"),
        )
        .expect("a header");
    headers.push("Require", "100rel").expect("a header");
    headers.push("RSeq", rseq).expect("a header");
    if !sdp.is_empty() {
        response.set_body("application/sdp", sdp).expect("a body");
    }
    response
}

/// The kinds of remote descriptions applied so far.
fn applied(lone: &Lone) -> Vec<SdpKind> {
    lone.media
        .iter()
        .filter_map(|request| match request {
            MediaRequest::SetRemote { kind, .. } => Some(*kind),
            _ => None,
        })
        .collect()
}

#[test]
fn a_reliable_response_is_pracked_in_its_dialog() {
    let (mut lone, invite) = calling();
    lone.give(provisional(&invite, "b1", 17, ""));
    let prack = lone.request(Method::Prack);
    let number = invite.cseq().expect("a CSeq").number;
    assert_eq!(
        prack.header("RAck"),
        Some(format!("17 {number} INVITE").as_str())
    );
    assert_eq!(prack.uri_text(), "sip:b1@198.51.100.7;transport=ws");
    assert_eq!(prack.cseq().expect("a CSeq").number, number + 1);
    assert_eq!(lone.news(), "progress(183)");
}

#[test]
fn only_the_next_number_is_taken() {
    let (mut lone, invite) = calling();
    for (number, pracks) in [(5, 1), (5, 0), (4, 0), (7, 0), (6, 1), (7, 1)] {
        lone.give(provisional(&invite, "b1", number, ""));
        assert_eq!(lone.requests.len(), pracks, "RSeq {number}");
        lone.requests.clear();
    }
    assert_eq!(lone.news(), "progress(183) progress(183) progress(183)");
}

#[test]
fn each_fork_counts_for_itself() {
    let (mut lone, invite) = calling();
    lone.give(provisional(&invite, "b1", 5, ""));
    lone.give(provisional(&invite, "b2", 900, ""));
    assert_eq!(lone.requests.len(), 2);
}

#[test]
fn a_reliable_answer_is_the_answer_and_the_200_need_not_repeat_it() {
    let (mut lone, invite) = calling();
    lone.give(provisional(&invite, "b1", 1, OFFER));
    lone.request(Method::Prack);
    assert_eq!(applied(&lone), [SdpKind::Answer]);
    lone.answer_from(&invite, StatusCode::OK, "b1", "");
    lone.request(Method::Ack);
    assert_eq!(
        lone.news(),
        "progress(183) accepted(remote) confirmed(local)"
    );
    assert_eq!(applied(&lone), [SdpKind::Answer]);
}

#[test]
fn an_unreliable_answer_serves_when_the_200_has_none() {
    let (mut lone, invite) = calling();
    lone.answer_from(&invite, StatusCode::SESSION_PROGRESS, "b1", OFFER);
    lone.answer_from(&invite, StatusCode::OK, "b1", "");
    lone.request(Method::Ack);
    assert_eq!(applied(&lone), [SdpKind::PrAnswer, SdpKind::Answer]);
    assert_eq!(
        lone.news(),
        "progress(183) accepted(remote) confirmed(local)"
    );
}

#[test]
fn another_fork_may_answer_after_a_reliable_answer() {
    let (mut lone, invite) = calling();
    lone.give(provisional(&invite, "b1", 1, OFFER));
    lone.request(Method::Prack);
    lone.answer_from(&invite, StatusCode::OK, "b2", OFFER);
    assert_eq!(
        lone.request(Method::Ack).uri_text(),
        "sip:b2@198.51.100.7;transport=ws"
    );
    assert_eq!(applied(&lone), [SdpKind::Answer, SdpKind::Answer]);
    assert!(lone.news().ends_with("accepted(remote) confirmed(local)"));
}

fn invite(headers: &str) -> String {
    format!(
        "INVITE sip:alice@example.com SIP/2.0\r\n\
         Via: SIP/2.0/WS proxy.example.com;branch=z9hG4bKabc1\r\n\
         Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=bobtag\r\n\
         To: <sip:alice@example.com>\r\nCall-ID: call-1@example.com\r\nCSeq: 17 INVITE\r\n\
         Contact: <sip:bob@198.51.100.7;transport=ws>\r\n{headers}\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{OFFER}",
        OFFER.len()
    )
}

fn prack(tag: &str, rack: &str, number: u32) -> String {
    format!(
        "PRACK sip:alice@example.com SIP/2.0\r\n\
         Via: SIP/2.0/WS proxy.example.com;branch=z9hG4bKprack{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=bobtag\r\n\
         To: <sip:alice@example.com>;tag={tag}\r\nCall-ID: call-1@example.com\r\n\
         CSeq: {number} PRACK\r\nRAck: {rack}\r\nContent-Length: 0\r\n\r\n"
    )
}

/// The tag of our last response.
fn tag(lone: &Lone) -> String {
    let last = lone.responses.last().expect("a response");
    last.to().expect("a To").tag().expect("a tag").to_owned()
}

#[test]
fn a_caller_that_insists_gets_its_180_reliably() {
    let mut lone = Lone::unregistered();
    lone.receive(invite("Require: 100rel\r\n"));
    let ringing = lone.responses.pop().expect("a 180");
    assert_eq!(
        (ringing.status().code(), ringing.header("RSeq")),
        (180, Some("1"))
    );
    assert!(ringing.has_token("Require", "100rel"));
    let tag = ringing.to().expect("a To").tag().expect("a tag").to_owned();
    lone.responses.clear();
    // Again after half a second, one, two.
    lone.run(Duration::from_millis(3_600));
    assert_eq!(lone.responses.len(), 3);
    lone.responses.clear();
    lone.receive(prack(&tag, "1 17 INVITE", 18));
    assert_eq!(lone.response().status().code(), 200);
    lone.run(Duration::from_secs(20));
    assert!(lone.responses.is_empty(), "it is not sent again");
}

#[test]
fn a_prack_for_nothing_is_answered_with_481() {
    let mut lone = Lone::unregistered();
    lone.receive(invite("Require: 100rel\r\n"));
    let tag = tag(&lone);
    for (at, rack) in ["2 17 INVITE", "1 16 INVITE", "1 17 BYE", "x"]
        .iter()
        .enumerate()
    {
        lone.responses.clear();
        lone.receive(prack(&tag, rack, 18 + at as u32));
        let code = lone.response().status().code();
        assert!(code == 481 || code == 400, "{rack}: {code}");
    }
}

#[test]
fn a_180_that_nobody_pracks_refuses_the_call() {
    let mut lone = Lone::unregistered();
    lone.receive(invite("Require: 100rel\r\n"));
    lone.run(Duration::from_secs(33));
    assert_eq!(
        lone.responses
            .last()
            .map(|response| response.status().code()),
        Some(504)
    );
    assert!(
        lone.news()
            .ends_with("failed(system, Request Timeout) closed")
    );
}

#[test]
fn a_caller_that_only_supports_it_gets_a_plain_180() {
    let mut lone = Lone::unregistered();
    lone.receive(invite("Supported: 100rel\r\n"));
    let ringing = lone.responses.pop().expect("a 180");
    assert_eq!(
        (ringing.status().code(), ringing.header("RSeq")),
        (180, None)
    );
}

fn progress(lone: &mut Lone, options: ProgressOptions) -> Result<(), CommandError> {
    let (now, id) = (lone.now, lone.session.expect("a session"));
    let done = lone
        .agent
        .session(id)
        .expect("it lives")
        .progress(now, options);
    lone.drain();
    done
}

fn answer(lone: &mut Lone) {
    let (now, id) = (lone.now, lone.session.expect("a session"));
    lone.agent
        .session(id)
        .expect("it lives")
        .answer(now, Default::default())
        .expect("answered");
    lone.drain();
}

#[test]
fn early_media_goes_out_reliably_and_holds_the_200_until_its_prack() {
    let mut lone = Lone::unregistered();
    lone.receive(invite("Supported: 100rel\r\n"));
    progress(&mut lone, ProgressOptions::default()).expect("early media");
    let early = lone.responses.last().expect("a 183").clone();
    assert_eq!(
        (early.status().code(), early.header("RSeq")),
        (183, Some("1"))
    );
    assert_eq!(early.body(), OFFER.as_bytes());
    let tag = tag(&lone);
    lone.responses.clear();
    answer(&mut lone);
    assert!(
        lone.responses.is_empty(),
        "RFC 3262 section 5: not before the PRACK"
    );
    lone.receive(prack(&tag, "1 17 INVITE", 18));
    let codes: Vec<u16> = lone
        .responses
        .iter()
        .map(|response| response.status().code())
        .collect();
    assert_eq!(codes, [200, 200], "to the PRACK, and to the INVITE");
    assert_eq!(lone.responses[1].body(), OFFER.as_bytes());
    assert!(lone.news().ends_with("accepted(local)"));
}

#[test]
fn early_media_for_a_caller_without_100rel_is_a_plain_183() {
    let mut lone = Lone::unregistered();
    lone.receive(invite(""));
    progress(&mut lone, ProgressOptions::default()).expect("early media");
    let early = lone.responses.last().expect("a 183").clone();
    assert_eq!((early.status().code(), early.header("RSeq")), (183, None));
    answer(&mut lone);
    let ok = lone.responses.last().expect("a 200");
    assert_eq!((ok.status().code(), ok.body()), (200, OFFER.as_bytes()));
    let captured = lone
        .media
        .iter()
        .filter(|request| matches!(request, MediaRequest::Open))
        .count();
    assert_eq!(captured, 1, "one peer connection for both");
}

#[test]
fn progress_without_media_is_just_a_status() {
    let mut lone = Lone::unregistered();
    lone.receive(invite(""));
    let queued = ProgressOptions {
        status: StatusCode::QUEUED,
        media: false,
        ..Default::default()
    };
    progress(&mut lone, queued).expect("a 182");
    assert_eq!(
        lone.responses
            .last()
            .map(|response| response.status().code()),
        Some(182)
    );
    assert!(lone.media.is_empty());
    let wrong = ProgressOptions {
        status: StatusCode::OK,
        ..Default::default()
    };
    let refused = progress(&mut lone, wrong);
    assert!(matches!(
        refused,
        Err(CommandError::InvalidArgument { name: "status", .. })
    ));
}

#[test]
fn early_media_between_two_agents_survives_a_network_that_loses() {
    let mut pair = Pair::new(Transport::Udp);
    let mut count = 0;
    pair.fate = Box::new(move |_, message| {
        count += 1;
        let first_of_each = matches!(message, Message::Request(request) if request.method() == Method::Prack)
            || matches!(message, Message::Response(response) if response.status().code() == 183);
        if first_of_each && count % 3 != 0 {
            Fate::Lose
        } else {
            Fate::Arrive
        }
    });
    pair.call();
    pair.run(SECOND);
    let now = pair.now;
    pair.bob_session()
        .progress(now, ProgressOptions::default())
        .expect("early media");
    pair.run(Duration::from_secs(10));
    assert_eq!(
        pair.alice.story().matches("progress").count(),
        2,
        "{}",
        pair.alice.story()
    );
    let now = pair.now;
    pair.bob_session()
        .answer(now, Default::default())
        .expect("answered");
    pair.run(Duration::from_secs(10));
    assert!(
        pair.alice.story().ends_with("confirmed(local)"),
        "{}",
        pair.alice.story()
    );
    assert!(
        pair.bob.story().ends_with("confirmed(remote)"),
        "{}",
        pair.bob.story()
    );
    let now = pair.now;
    pair.alice_session()
        .terminate(now, Default::default())
        .expect("hung up");
    pair.run_out();
    pair.assert_clean();
}

#[test]
fn a_cancel_crossing_a_prack_ends_both_sides_cleanly() {
    let mut pair = Pair::new(Transport::Udp);
    pair.call();
    pair.run(SECOND);
    let now = pair.now;
    pair.bob_session()
        .progress(now, ProgressOptions::default())
        .expect("early media");
    pair.run(Duration::from_millis(12));
    let now = pair.now;
    pair.alice_session()
        .terminate(now, Default::default())
        .expect("cancelled");
    pair.run_out();
    assert!(
        pair.bob
            .story()
            .ends_with("failed(remote, Canceled) closed"),
        "{}",
        pair.bob.story()
    );
    pair.assert_clean();
}

/// A call whose application has still to look at the early media of a 183.
fn early_media_under_way() -> (Lone, Request) {
    let (mut lone, invite) = calling();
    lone.asked.clear();
    lone.asks = Some(|question| {
        matches!(question, Question::Sdp(description)
            if description.originator == Originator::Remote)
    });
    lone.answer_from(&invite, StatusCode::SESSION_PROGRESS, "b1", OFFER);
    assert_eq!(lone.news(), "");
    (lone, invite)
}

#[test]
fn who_hears_of_early_media_finds_it_applied() {
    let (mut lone, _) = early_media_under_way();
    lone.reply(Reply::Proceed);
    assert_eq!(applied(&lone), [SdpKind::PrAnswer]);
    assert_eq!(lone.news(), "progress(183)");
}

#[test]
fn what_rings_while_early_media_is_applied_is_told_after_it() {
    let (mut lone, invite) = early_media_under_way();
    lone.answer_from(&invite, StatusCode::RINGING, "b1", "");
    assert_eq!(lone.news(), "progress(183) progress(180)");
    lone.reply(Reply::Proceed);
    assert_eq!(lone.news(), "");
}

#[test]
fn a_2xx_that_comes_while_early_media_is_applied_is_told_after_it() {
    let (mut lone, invite) = early_media_under_way();
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    assert_eq!(lone.news(), "");
    lone.reply(Reply::Proceed);
    lone.reply(Reply::Proceed);
    lone.request(Method::Ack);
    assert_eq!(
        lone.news(),
        "progress(183) accepted(remote) confirmed(local)"
    );
}

#[test]
fn early_media_that_cannot_be_applied_rings_all_the_same() {
    let (mut lone, _) = early_media_under_way();
    let (ask, ..) = lone.asked.remove(0);
    let session = lone.session.expect("a session");
    lone.agent.reply(lone.now, ask, Reply::Proceed);
    let failed = MediaReport::Failed {
        step: MediaStep::SetRemote,
        error: "no codec".to_owned(),
    };
    lone.agent.media(lone.now, session, failed);
    lone.drain();
    assert_eq!(
        lone.news(),
        "peerconnection:setremotedescriptionfailed progress(183)"
    );
}

#[test]
fn a_2xx_without_a_contact_is_the_peers_fault() {
    let (mut lone, invite) = calling();
    let mut response = OutgoingResponse::to_request(&invite, StatusCode::OK);
    response.set_to_tag("b1").expect("a tag");
    lone.give(response);
    assert_eq!(lone.news(), "failed(remote, Internal Error) closed");
}
