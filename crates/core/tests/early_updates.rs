//! Stories of UPDATE before a call is answered (RFC 3311, RFC 6337), and of the event that tells
//! when a new offer may be made.

mod util;

use std::time::Duration;

use offhook_core::{
    CommandError, MediaRequest, OnHold, ProgressOptions, ReofferOptions, Reply, SdpKind,
    TerminateOptions, Transport,
};
use offhook_sip::{Message, Method, OutgoingResponse, Request, StatusCode};
use util::lone::Lone;
use util::{Fate, OFFER, Pair};

const SECOND: Duration = Duration::from_secs(1);

/// A call that rings, with early media that both have agreed on.
fn ringing(transport: Transport) -> Pair {
    let mut pair = Pair::new(transport);
    pair.call();
    pair.run(SECOND);
    assert!(!pair.alice_ready() && !pair.bob_ready(), "no answer yet");
    let now = pair.now;
    pair.bob_session()
        .progress(now, ProgressOptions::default())
        .expect("early media");
    pair.run(SECOND);
    pair
}

impl Pair {
    fn alice_ready(&self) -> bool {
        let id = self.alice.session.expect("a session");
        let info = self.alice.agent.session_info(id).expect("it lives");
        info.is_ready_to_reoffer()
    }

    fn bob_ready(&self) -> bool {
        let id = self.bob.session.expect("a session");
        let info = self.bob.agent.session_info(id).expect("it lives");
        info.is_ready_to_reoffer()
    }

    fn holds(&self) -> (OnHold, OnHold) {
        let [alice, bob] = [&self.alice, &self.bob].map(|side| {
            let id = side.session.expect("a session");
            side.agent.session_info(id).expect("it lives").is_on_hold()
        });
        (alice, bob)
    }

    fn answer_and_hang_up(mut self) {
        let now = self.now;
        let mut bob = self.bob_session();
        bob.answer(now, Default::default()).expect("answered");
        self.run(SECOND);
        assert!(
            self.alice.story().ends_with("confirmed(local)"),
            "{}",
            self.alice.story()
        );
        assert!(
            self.bob.story().ends_with("confirmed(remote)"),
            "{}",
            self.bob.story()
        );
        assert!(self.alice_ready() && self.bob_ready());
        let now = self.now;
        let mut alice = self.alice_session();
        alice.terminate(now, Default::default()).expect("hung up");
        self.run_out();
        self.assert_clean();
    }
}

const LOCAL: OnHold = OnHold {
    local: true,
    remote: false,
};
const REMOTE: OnHold = OnHold {
    local: false,
    remote: true,
};

#[test]
fn a_ringing_call_with_a_reliable_answer_is_ready_and_both_are_told_once() {
    let pair = ringing(Transport::Udp);
    assert!(pair.alice_ready() && pair.bob_ready());
    assert_eq!((pair.alice.ready, pair.bob.ready), (1, 1));
    pair.answer_and_hang_up();
}

#[test]
fn a_caller_holds_by_update_while_it_rings() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut pair = ringing(transport);
        let now = pair.now;
        // UPDATE is the only way, whether it is asked for or not.
        let mut alice = pair.alice_session();
        alice.hold(now, Default::default()).expect("held");
        pair.run(SECOND);
        assert_eq!(pair.holds(), (LOCAL, REMOTE));
        assert_eq!(pair.alice.sent_count("UPDATE"), 1);
        assert!(
            pair.alice
                .story()
                .ends_with("hold(local) sdp sdp renegotiated")
        );
        assert!(
            pair.bob
                .story()
                .ends_with("update sdp hold(remote) sdp reoffered")
        );
        assert_eq!((pair.alice.ready, pair.bob.ready), (2, 2));
        let now = pair.now;
        let mut alice = pair.alice_session();
        alice.unhold(now, Default::default()).expect("let go");
        pair.run(SECOND);
        assert_eq!(pair.holds(), (OnHold::default(), OnHold::default()));
        pair.answer_and_hang_up();
    }
}

#[test]
fn a_callee_renegotiates_by_update_before_it_answers() {
    let mut pair = ringing(Transport::Udp);
    let now = pair.now;
    let mut bob = pair.bob_session();
    bob.hold(now, Default::default()).expect("held");
    pair.run(SECOND);
    assert_eq!(pair.holds(), (REMOTE, LOCAL));
    assert_eq!(pair.bob.sent_count("UPDATE"), 1);
    pair.answer_and_hang_up();
}

#[test]
fn offers_that_meet_while_it_rings_both_come_through_in_the_end() {
    let mut pair = ringing(Transport::Udp);
    let now = pair.now;
    let mut alice = pair.alice_session();
    alice.hold(now, Default::default()).expect("held");
    let mut bob = pair.bob_session();
    bob.renegotiate(now, Default::default())
        .expect("a new offer");
    pair.run(Duration::from_secs(10));
    assert_eq!(pair.holds(), (LOCAL, REMOTE));
    assert!(pair.alice.sent_count("SIP/2.0 491") + pair.bob.sent_count("SIP/2.0 491") >= 1);
    assert_eq!(pair.alice.story().matches("renegotiated").count(), 1);
    assert_eq!(pair.bob.story().matches("renegotiated").count(), 1);
    pair.answer_and_hang_up();
}

#[test]
fn an_update_that_the_200_overtakes_is_answered_in_the_established_session() {
    let mut pair = ringing(Transport::Udp);
    pair.hold = Some(
        |message| matches!(message, Message::Request(request) if request.method() == Method::Update),
    );
    let now = pair.now;
    let mut alice = pair.alice_session();
    alice.hold(now, Default::default()).expect("held");
    pair.drive();
    let mut bob = pair.bob_session();
    bob.answer(now, Default::default()).expect("answered");
    pair.run(Duration::from_millis(100));
    assert!(
        pair.alice.story().contains("confirmed(local)"),
        "{}",
        pair.alice.story()
    );
    pair.release();
    pair.run(Duration::from_secs(5));
    assert!(
        pair.alice.story().ends_with("renegotiated"),
        "{}",
        pair.alice.story()
    );
    assert_eq!(pair.holds(), (LOCAL, REMOTE));
    let now = pair.now;
    let mut alice = pair.alice_session();
    alice.terminate(now, Default::default()).expect("hung up");
    pair.run_out();
    pair.assert_clean();
}

#[test]
fn a_cancel_with_an_update_under_way_ends_cleanly() {
    let mut pair = ringing(Transport::Udp);
    pair.bob.asks = Some(|question| question.name() == "update");
    let now = pair.now;
    let mut alice = pair.alice_session();
    alice.hold(now, Default::default()).expect("held");
    pair.run(SECOND);
    let now = pair.now;
    let mut alice = pair.alice_session();
    alice
        .terminate(now, TerminateOptions::default())
        .expect("cancelled");
    pair.run_out();
    assert!(
        pair.bob
            .story()
            .ends_with("failed(remote, Canceled) closed")
    );
    assert_eq!(
        pair.bob.sent_count("SIP/2.0 487"),
        2,
        "to the INVITE and the UPDATE"
    );
    pair.assert_clean();
}

#[test]
fn an_update_the_application_refuses_leaves_the_call_as_it_was() {
    let mut pair = ringing(Transport::Udp);
    pair.bob.asks = Some(|question| question.name() == "update");
    let now = pair.now;
    let mut alice = pair.alice_session();
    alice.hold(now, Default::default()).expect("held");
    pair.run(Duration::from_millis(100));
    let (ask, _) = pair.bob.questions.pop().expect("a question");
    let refusal = Reply::Reject {
        status: StatusCode::NOT_ACCEPTABLE_HERE,
        reason: None,
        extra_headers: Vec::new(),
        body: None,
    };
    let now = pair.now;
    pair.bob.agent.reply(now, ask, refusal);
    pair.run(SECOND);
    assert!(
        pair.alice
            .story()
            .ends_with("unhold(local) renegotiated(Incompatible SDP)")
    );
    assert_eq!(pair.holds(), (OnHold::default(), OnHold::default()));
    pair.bob.asks = None;
    pair.answer_and_hang_up();
}

#[test]
fn early_updates_survive_a_network_that_loses() {
    let mut pair = ringing(Transport::Udp);
    let mut count = 0;
    pair.fate = Box::new(move |_, _| {
        count += 1;
        if count % 3 == 0 {
            Fate::Lose
        } else {
            Fate::Arrive
        }
    });
    let now = pair.now;
    let mut bob = pair.bob_session();
    bob.hold(now, Default::default()).expect("held");
    pair.run(Duration::from_secs(10));
    assert_eq!(pair.holds(), (REMOTE, LOCAL));
    pair.fate = Box::new(|_, _| Fate::Arrive);
    pair.answer_and_hang_up();
}

fn calling() -> (Lone, Request) {
    let mut lone = Lone::unregistered();
    lone.call();
    let invite = lone.request(Method::Invite);
    lone.news();
    (lone, invite)
}

/// A provisional response of bob's fork, with an answer.
fn early(invite: &Request, tag: &str, headers: &[(&str, &str)]) -> OutgoingResponse {
    let mut response = OutgoingResponse::to_request(invite, StatusCode::SESSION_PROGRESS);
    response.set_to_tag(tag).expect("a tag");
    let contact = format!("<sip:{tag}@198.51.100.7;transport=ws>");
    for (name, value) in headers.iter().chain([&("Contact", contact.as_str())]) {
        response.headers_mut().push(*name, value).expect("a header");
    }
    response.set_body("application/sdp", OFFER).expect("a body");
    response
}

const RELIABLE: [(&str, &str); 3] = [
    ("Require", "100rel"),
    ("RSeq", "1"),
    ("Allow", "INVITE, UPDATE"),
];

fn ready(lone: &Lone) -> bool {
    let id = lone.session.expect("a session");
    let info = lone.agent.session_info(id).expect("it lives");
    info.is_ready_to_reoffer()
}

fn hold(lone: &mut Lone) -> Result<u32, CommandError> {
    let (now, id) = (lone.now, lone.session.expect("a session"));
    let mut session = lone.agent.session(id).expect("it lives");
    let held = session.hold(now, ReofferOptions::default());
    lone.drain();
    held
}

#[test]
fn a_caller_is_not_ready_before_its_prack_is_answered() {
    let (mut lone, invite) = calling();
    lone.give(early(&invite, "b1", &RELIABLE));
    assert!(!ready(&lone), "an UPDATE could overtake the PRACK");
    assert!(hold(&mut lone).is_err());
    let prack = lone.request(Method::Prack);
    lone.answer(&prack, StatusCode::OK, &[]);
    assert!(ready(&lone));
    assert_eq!(lone.ready, 1);
    hold(&mut lone).expect("held");
    let update = lone.request(Method::Update);
    assert_eq!(update.uri_text(), "sip:b1@198.51.100.7;transport=ws");
    assert!(update.cseq().expect("a CSeq").number > prack.cseq().expect("a CSeq").number);
}

#[test]
fn an_unreliable_answer_or_a_peer_without_update_is_not_ready() {
    let allow = ("Allow", "INVITE, UPDATE");
    let unreliable: &[(&str, &str)] = &[allow];
    let (mut lone, invite) = calling();
    lone.give(early(&invite, "b1", unreliable));
    assert!(!ready(&lone), "it may be replaced by the 200");
    let (mut lone, invite) = calling();
    lone.give(early(&invite, "b1", &RELIABLE[..2]));
    let prack = lone.request(Method::Prack);
    lone.answer(&prack, StatusCode::OK, &[]);
    assert!(!ready(&lone), "the peer does not take UPDATE");
    assert!(matches!(
        hold(&mut lone),
        Err(CommandError::InvalidState {
            command: "hold",
            ..
        })
    ));
}

/// A request of bob's fork inside the call.
fn from_peer(invite: &Request, tag: &str, method: &str, number: u32, sdp: &str) -> String {
    let from = invite.from().expect("a From");
    let (ours, call_id) = (from.tag().expect("a tag"), invite.call_id().expect("one"));
    let kind = match sdp {
        "" => "",
        _ => "Content-Type: application/sdp\r\n",
    };
    format!(
        "{method} sip:alice@example.com SIP/2.0\r\n\
         Via: SIP/2.0/WS proxy.example.com;branch=z9hG4bK{tag}{method}{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag={tag}\r\n\
         To: <sip:alice@example.com>;tag={ours}\r\nCall-ID: {call_id}\r\n\
         CSeq: {number} {method}\r\nContact: <sip:{tag}.new@198.51.100.7;transport=ws>\r\n\
         {kind}Content-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}

#[test]
fn the_rules_of_rfc_3311_for_a_caller_that_is_updated() {
    let (mut lone, invite) = calling();
    lone.answer_from(&invite, StatusCode::RINGING, "b1", "");
    lone.receive(from_peer(&invite, "b1", "UPDATE", 1, OFFER));
    assert_eq!(
        lone.response().status(),
        StatusCode::REQUEST_PENDING,
        "our offer is open"
    );
    lone.receive(from_peer(&invite, "b1", "UPDATE", 2, ""));
    assert_eq!(
        lone.response().status(),
        StatusCode::OK,
        "a new target is welcome"
    );
    lone.receive(from_peer(&invite, "b1", "INVITE", 3, OFFER));
    lone.responses
        .retain(|response| response.status() != StatusCode::TRYING);
    assert_eq!(lone.response().status(), StatusCode::REQUEST_PENDING);
    lone.requests.clear();
    lone.give(early(&invite, "b1", &RELIABLE));
    let prack = lone.request(Method::Prack);
    assert_eq!(
        prack.uri_text(),
        "sip:b1.new@198.51.100.7;transport=ws",
        "the new target"
    );
    lone.answer(&prack, StatusCode::OK, &[]);
    lone.receive(from_peer(&invite, "b1", "UPDATE", 4, OFFER));
    let answered = lone.response();
    assert_eq!(answered.status(), StatusCode::OK);
    assert_eq!(answered.body(), OFFER.as_bytes());
    assert!(answered.header("Session-Expires").is_none());
    lone.receive(from_peer(&invite, "b2", "UPDATE", 1, OFFER));
    assert_eq!(
        lone.response().status(),
        StatusCode::CALL_DOES_NOT_EXIST,
        "there is no such fork"
    );
}

#[test]
fn forks_count_their_requests_for_themselves() {
    let (mut lone, invite) = calling();
    lone.answer_from(&invite, StatusCode::RINGING, "b1", "");
    lone.answer_from(&invite, StatusCode::RINGING, "b2", "");
    lone.receive(from_peer(&invite, "b1", "UPDATE", 500, ""));
    assert_eq!(lone.response().status(), StatusCode::OK);
    lone.receive(from_peer(&invite, "b2", "UPDATE", 7, ""));
    assert_eq!(
        lone.response().status(),
        StatusCode::OK,
        "7 is the first of this fork"
    );
    lone.receive(from_peer(&invite, "b2", "UPDATE", 7, ""));
    assert_eq!(lone.responses.len(), 1, "the same again");
}

#[test]
fn the_answer_in_the_200_is_not_mistaken_for_the_answer_to_an_update() {
    let (mut lone, invite) = calling();
    lone.give(early(&invite, "b1", &RELIABLE));
    let prack = lone.request(Method::Prack);
    lone.answer(&prack, StatusCode::OK, &[]);
    hold(&mut lone).expect("held");
    let update = lone.request(Method::Update);
    lone.media.clear();
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    lone.request(Method::Ack);
    let applied = |lone: &Lone| {
        lone.media
            .iter()
            .filter(|request| matches!(request, MediaRequest::SetRemote { .. }))
            .count()
    };
    assert_eq!(applied(&lone), 0);
    assert!(lone.news().ends_with("accepted(remote) confirmed(local)"));
    lone.answer_from(&update, StatusCode::OK, "b1", OFFER);
    assert_eq!(applied(&lone), 1);
    assert_eq!(lone.news(), "renegotiated");
}

#[test]
fn an_update_to_a_fork_that_loses_comes_to_nothing() {
    let (mut lone, invite) = calling();
    lone.give(early(&invite, "b1", &RELIABLE));
    let prack = lone.request(Method::Prack);
    lone.answer(&prack, StatusCode::OK, &[]);
    hold(&mut lone).expect("held");
    lone.request(Method::Update);
    lone.news();
    lone.answer_from(&invite, StatusCode::OK, "b2", OFFER);
    lone.request(Method::Ack);
    assert_eq!(
        lone.news(),
        "unhold(local) renegotiated(Dialog Error) accepted(remote) confirmed(local)"
    );
    let applied = lone.media.iter().rev().find_map(|request| match request {
        MediaRequest::SetRemote { kind, .. } => Some(*kind),
        _ => None,
    });
    assert_eq!(applied, Some(SdpKind::Answer));
    assert!(ready(&lone));
}

fn incoming(headers: &str) -> (Lone, Request) {
    let text = format!(
        "INVITE sip:alice@example.com SIP/2.0\r\n\
         Via: SIP/2.0/WS proxy.example.com;branch=z9hG4bKabc1\r\n\
         Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=bobtag\r\n\
         To: <sip:alice@example.com>\r\nCall-ID: call-1@example.com\r\nCSeq: 17 INVITE\r\n\
         Contact: <sip:bob@198.51.100.7;transport=ws>\r\n{headers}\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{OFFER}",
        OFFER.len()
    );
    let mut lone = Lone::unregistered();
    lone.receive(text);
    let ringing = lone.responses.pop().expect("a 180");
    lone.responses.clear();
    assert!(ringing.has_token("Allow", "UPDATE"));
    let tag = ringing.to().expect("a To").tag().expect("a tag").to_owned();
    // From the callee's side: what a peer's request needs to know.
    let seen = format!(
        "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/WS x;branch=z9hG4bKx\r\n\
         Max-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag={tag}\r\n\
         To: <sip:bob@example.com>\r\nCall-ID: call-1@example.com\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:a@x>\r\nContent-Length: 0\r\n\r\n"
    );
    let Ok(Message::Request(seen)) = Message::parse(seen.into(), &offhook_sip::Limits::default())
    else {
        panic!("a request");
    };
    (lone, seen)
}

#[test]
fn the_rules_of_rfc_3311_for_a_callee_that_is_updated() {
    let (mut lone, dialog) = incoming("Supported: 100rel\r\nAllow: INVITE, UPDATE\r\n");
    let busy = |lone: &mut Lone, why: &str| {
        let refused = lone.response();
        assert_eq!(refused.status(), StatusCode::SERVER_INTERNAL_ERROR, "{why}");
        let after: u32 = refused
            .header("Retry-After")
            .and_then(|after| after.parse().ok())
            .expect("a Retry-After");
        assert!(after <= 10);
    };
    lone.receive(from_peer(&dialog, "bobtag", "UPDATE", 18, OFFER));
    busy(&mut lone, "its offer is not answered");
    lone.receive(from_peer(&dialog, "bobtag", "UPDATE", 19, ""));
    assert_eq!(lone.response().status(), StatusCode::OK);
    lone.receive(from_peer(&dialog, "bobtag", "INVITE", 20, OFFER));
    lone.responses
        .retain(|response| response.status() != StatusCode::TRYING);
    busy(&mut lone, "its INVITE is not answered");
    let (now, id) = (lone.now, lone.session.expect("a session"));
    let mut session = lone.agent.session(id).expect("it lives");
    session
        .progress(now, ProgressOptions::default())
        .expect("early media");
    lone.drain();
    assert!(!ready(&lone), "its PRACK has not come");
    lone.responses.clear();
    let prack = from_peer(&dialog, "bobtag", "PRACK", 21, "");
    lone.receive(prack.replace("Max-Forwards", "RAck: 1 17 INVITE\r\nMax-Forwards"));
    assert_eq!(lone.response().status(), StatusCode::OK);
    assert!(ready(&lone));
    assert_eq!(lone.ready, 1);
    lone.receive(from_peer(&dialog, "bobtag", "UPDATE", 22, OFFER));
    let answered = lone.response();
    assert_eq!(
        (answered.status(), answered.body()),
        (StatusCode::OK, OFFER.as_bytes())
    );
    let mut session = lone.agent.session(id).expect("it lives");
    session.answer(now, Default::default()).expect("answered");
    lone.drain();
    let ok = lone.response();
    assert_eq!(ok.status(), StatusCode::OK);
    assert!(
        ok.body().is_empty(),
        "the answer that it would repeat is out of date"
    );
}

#[test]
fn an_established_session_is_told_ready_after_each_exchange() {
    let mut pair = Pair::established(Transport::Udp);
    assert_eq!((pair.alice.ready, pair.bob.ready), (1, 1));
    let now = pair.now;
    let mut alice = pair.alice_session();
    alice.hold(now, Default::default()).expect("held");
    pair.drive();
    assert!(!pair.alice_ready());
    pair.run(SECOND);
    assert!(pair.alice_ready() && pair.bob_ready());
    assert_eq!((pair.alice.ready, pair.bob.ready), (2, 2));
    pair.run(SECOND);
    assert_eq!((pair.alice.ready, pair.bob.ready), (2, 2), "and not again");
}
