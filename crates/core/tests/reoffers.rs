//! Stories of re-INVITE and UPDATE: hold, renegotiation, refusal and glare
//! (RFC 3261 section 14, RFC 3311).

mod util;

use std::time::Duration;

use offhook_core::{
    CommandError, MediaReport, MediaRequest, MediaStep, OnHold, Question, ReofferOptions, Reply,
    SdpKind, SessionId, TerminateOptions, Transport,
};
use offhook_sip::{Message, Method, OutgoingResponse, Request, StatusCode};
use util::lone::Lone;
use util::{Fate, OFFER, Pair};

const SECOND: Duration = Duration::from_secs(1);

fn update() -> ReofferOptions {
    ReofferOptions {
        use_update: true,
        ..Default::default()
    }
}

/// What a side told since a mark.
fn since(story: &str, mark: usize) -> &str {
    story.get(mark..).unwrap_or_default().trim()
}

#[test]
fn a_hold_and_its_end_are_seen_by_both_sides() {
    for (transport, options) in [
        (Transport::Udp, ReofferOptions::default()),
        (Transport::Tcp, ReofferOptions::default()),
        (Transport::Udp, update()),
    ] {
        let mut pair = Pair::established(transport);
        let (a, b) = (pair.alice.story().len(), pair.bob.story().len());
        let now = pair.now;
        pair.alice_session()
            .hold(now, options.clone())
            .expect("held");
        pair.run(SECOND);
        assert_eq!(
            pair.alice_hold(),
            OnHold {
                local: true,
                remote: false
            }
        );
        assert_eq!(
            pair.bob_hold(),
            OnHold {
                local: false,
                remote: true
            }
        );
        let now = pair.now;
        pair.alice_session()
            .unhold(now, options.clone())
            .expect("let go");
        pair.run(SECOND);
        assert_eq!(pair.alice_hold(), OnHold::default());
        assert_eq!(pair.bob_hold(), OnHold::default());
        assert_eq!(
            since(&pair.alice.story(), a),
            "hold(local) sdp sdp renegotiated unhold(local) sdp sdp renegotiated"
        );
        let asked = if options.use_update {
            "update"
        } else {
            "reinvite"
        };
        assert_eq!(
            since(&pair.bob.story(), b),
            format!(
                "{asked} sdp hold(remote) sdp reoffered {asked} sdp unhold(remote) sdp reoffered"
            )
        );
        assert_eq!(
            pair.alice.sent_count("UPDATE"),
            if options.use_update { 2 } else { 0 }
        );
        pair.finish();
    }
}

#[test]
fn both_sides_may_hold_each_other() {
    let mut pair = Pair::established(Transport::Udp);
    let now = pair.now;
    pair.alice_session()
        .hold(now, Default::default())
        .expect("held");
    pair.run(SECOND);
    let now = pair.now;
    pair.bob_session()
        .hold(now, Default::default())
        .expect("held");
    pair.run(SECOND);
    let both = OnHold {
        local: true,
        remote: true,
    };
    assert_eq!((pair.alice_hold(), pair.bob_hold()), (both, both));
    let now = pair.now;
    pair.alice_session()
        .unhold(now, Default::default())
        .expect("let go");
    pair.run(SECOND);
    assert_eq!(
        pair.alice_hold(),
        OnHold {
            local: false,
            remote: true
        }
    );
    assert_eq!(
        pair.bob_hold(),
        OnHold {
            local: true,
            remote: false
        }
    );
    pair.finish();
}

#[test]
fn a_held_peer_hears_nothing_and_mute_is_kept() {
    let mut pair = Pair::established(Transport::Udp);
    let now = pair.now;
    pair.alice_session()
        .hold(now, Default::default())
        .expect("held");
    pair.run(SECOND);
    let gate = |pair: &Pair| {
        pair.alice
            .media
            .iter()
            .rev()
            .find_map(|request| match request {
                MediaRequest::SetEnabled { audio, .. } => Some(*audio),
                _ => None,
            })
    };
    assert_eq!(gate(&pair), Some(false));
    let now = pair.now;
    pair.alice_session()
        .unhold(now, Default::default())
        .expect("let go");
    pair.run(SECOND);
    assert_eq!(gate(&pair), Some(true));
}

#[test]
fn a_refused_hold_leaves_the_call_as_it_was() {
    let mut pair = Pair::established(Transport::Udp);
    pair.bob.asks = Some(|question| question.name() == "reinvite");
    let mark = pair.alice.story().len();
    let now = pair.now;
    pair.alice_session()
        .hold(now, Default::default())
        .expect("sent");
    pair.run(SECOND);
    let (ask, _) = pair.bob.questions.pop().expect("the reinvite question");
    let reject = Reply::Reject {
        status: StatusCode::FORBIDDEN,
        reason: Some("Not Now".to_owned()),
        extra_headers: Vec::new(),
        body: None,
    };
    let now = pair.now;
    pair.bob.agent.reply(now, ask, reject);
    pair.run(SECOND);
    assert_eq!(
        since(&pair.alice.story(), mark),
        "hold(local) sdp unhold(local) renegotiated(Rejected)"
    );
    assert_eq!(pair.alice_hold(), OnHold::default());
    assert!(pair.alice.media.contains(&MediaRequest::Rollback));
    let now = pair.now;
    pair.bob.asks = None;
    pair.alice_session()
        .hold(now, Default::default())
        .expect("a second try");
    pair.run(SECOND);
    assert!(pair.alice_hold().local);
    pair.finish();
}

#[test]
fn an_offer_the_engine_refuses_is_answered_with_488_and_the_call_lives() {
    let mut pair = Pair::established(Transport::Udp);
    pair.bob.deaf_to = Some(|request| matches!(request, MediaRequest::SetRemote { .. }));
    let now = pair.now;
    pair.alice_session()
        .renegotiate(now, Default::default())
        .expect("sent");
    pair.run(SECOND);
    let (now, id) = (pair.now, pair.bob.session.expect("a session"));
    let failed = MediaReport::Failed {
        step: MediaStep::SetRemote,
        error: "no".to_owned(),
    };
    pair.bob.agent.media(now, id, failed);
    pair.run(SECOND);
    assert!(
        pair.alice
            .story()
            .ends_with("renegotiated(Incompatible SDP)"),
        "{}",
        pair.alice.story()
    );
    assert!(
        pair.bob
            .story()
            .ends_with("peerconnection:setremotedescriptionfailed"),
        "{}",
        pair.bob.story()
    );
    pair.bob.deaf_to = None;
    pair.finish();
}

#[test]
fn two_offers_that_meet_both_succeed_in_the_end() {
    for options in [ReofferOptions::default(), update()] {
        let mut pair = Pair::established(Transport::Udp);
        let now = pair.now;
        pair.alice_session()
            .hold(now, options.clone())
            .expect("held");
        pair.bob_session().renegotiate(now, options).expect("sent");
        pair.run(Duration::from_secs(8));
        let codes = pair
            .ladder
            .iter()
            .filter(|line| line.contains("SIP/2.0 491"))
            .count();
        assert!(
            codes >= 2,
            "both were refused first\n{}",
            pair.ladder.join("\n")
        );
        assert_eq!(
            pair.alice.story().matches("renegotiated").count(),
            1,
            "{}",
            pair.alice.story()
        );
        assert!(
            pair.alice.story().contains("renegotiated")
                && !pair.alice.story().contains("renegotiated(")
        );
        assert!(
            pair.bob.story().contains("renegotiated")
                && !pair.bob.story().contains("renegotiated(")
        );
        assert!(pair.bob_hold().remote);
        pair.finish();
    }
}

/// A peer who has answered this INVITE.
struct Callee(Request);

impl Callee {
    /// Sends a request in the call; a type that is empty is left out.
    fn asks(&self, lone: &mut Lone, method: &str, number: u32, content_type: &str, body: &str) {
        let header = |name| self.0.header(name).expect("a header");
        let number = format!("{number} {method}");
        let mut headers = vec![
            ("Call-ID", header("Call-ID")),
            ("From", "<sip:bob@example.com>;tag=b1"),
            ("To", header("From")),
            ("Contact", "<sip:b1@198.51.100.7;transport=ws>"),
            ("CSeq", number.as_str()),
        ];
        if !content_type.is_empty() {
            headers.push(("Content-Type", content_type));
        }
        lone.ask(
            &format!("{method} sip:alice@client.invalid"),
            &headers,
            body,
        );
    }
}

/// A call that stands, and who has answered it.
fn answered() -> (Lone, SessionId, Callee) {
    let mut lone = Lone::unregistered();
    let id = lone.call();
    let invite = lone.request(Method::Invite);
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    lone.request(Method::Ack);
    lone.news();
    (lone, id, Callee(invite))
}

#[test]
fn a_peer_that_offers_again_under_the_number_that_met_ours_is_heard() {
    let (mut lone, id, bob) = answered();
    let offers = |lone: &mut Lone, number: u32| {
        lone.responses.clear();
        bob.asks(lone, "INVITE", number, "application/sdp", OFFER);
        lone.responses.last().map(|last| last.status().code())
    };

    let mut session = lone.agent.session(id).expect("a session");
    session
        .hold(lone.now, ReofferOptions::default())
        .expect("held");
    lone.drain();
    let ours = lone.request(Method::Invite);
    assert_eq!(offers(&mut lone, 7), Some(491));
    lone.answer(&ours, StatusCode::REQUEST_PENDING, &[]);
    lone.request(Method::Ack);

    lone.run(SECOND);
    assert_eq!(offers(&mut lone, 7), Some(200));
    // Once more, and no lower.
    for number in [7, 6] {
        assert_eq!(offers(&mut lone, number), Some(500), "{number}");
    }
}

#[test]
fn a_body_that_cannot_be_read_is_refused_with_the_types_that_could_be() {
    let (mut lone, _, bob) = answered();
    for (number, (method, content_type, accepted)) in (7..).zip([
        ("INVITE", "text/plain", "application/sdp"),
        ("UPDATE", "text/plain", "application/sdp"),
        ("INFO", "", "*/*"),
    ]) {
        lone.responses.clear();
        bob.asks(&mut lone, method, number, content_type, "x");
        let refused = lone.responses.last().expect("an answer");
        assert_eq!(refused.status().code(), 415, "{method}");
        assert_eq!(refused.header("Accept"), Some(accepted), "{method}");
        assert_eq!(lone.news(), "", "{method}");
    }
}

#[test]
fn a_second_offer_before_the_first_is_answered_is_not_made() {
    let mut pair = Pair::established(Transport::Udp);
    let now = pair.now;
    pair.alice_session()
        .hold(now, Default::default())
        .expect("held");
    for refused in [
        pair.alice_session().renegotiate(now, Default::default()),
        pair.alice_session().unhold(now, Default::default()),
    ] {
        assert!(
            matches!(refused, Err(CommandError::InvalidState { .. })),
            "{refused:?}"
        );
    }
    pair.run(SECOND);
    assert_eq!(pair.alice.sent_count("INVITE"), 2);
}

#[test]
fn bye_crossing_a_reinvite_ends_the_call_once_on_each_side() {
    let mut pair = Pair::established(Transport::Udp);
    let now = pair.now;
    pair.alice_session()
        .renegotiate(now, Default::default())
        .expect("sent");
    pair.bob_session()
        .terminate(now, TerminateOptions::default())
        .expect("hung up");
    pair.run_out();
    assert!(
        pair.alice
            .story()
            .contains("ended(remote, Terminated) closed"),
        "{}",
        pair.alice.story()
    );
    assert!(
        pair.bob.story().contains("ended(local, Terminated) closed"),
        "{}",
        pair.bob.story()
    );
    pair.assert_clean();
}

#[test]
fn a_lost_ack_to_a_reinvite_is_sent_again_and_confirms_nothing_twice() {
    let mut pair = Pair::established(Transport::Udp);
    let mut lost = 0;
    pair.fate = Box::new(move |_, message| match message {
        Message::Request(request) if request.method() == Method::Ack && lost < 2 => {
            lost += 1;
            Fate::Lose
        }
        _ => Fate::Arrive,
    });
    let now = pair.now;
    pair.alice_session()
        .renegotiate(now, Default::default())
        .expect("sent");
    pair.run(Duration::from_secs(5));
    assert_eq!(
        pair.alice.sent_count("ACK"),
        4,
        "one for the call, three for the re-INVITE"
    );
    assert_eq!(pair.bob.story().matches("confirmed").count(), 1);
    let now = pair.now;
    pair.bob_session()
        .renegotiate(now, Default::default())
        .expect("bob is ready again");
    pair.run(SECOND);
    assert!(
        pair.bob.story().ends_with("renegotiated"),
        "{}",
        pair.bob.story()
    );
    pair.finish();
}

/// Alice has made a hold, and her ACKs are lost from now on.
fn held_without_ack() -> Pair {
    let mut pair = Pair::established(Transport::Udp);
    let now = pair.now;
    pair.fate = Box::new(|name, message| match message {
        Message::Request(request) if name == "alice" && request.method() == Method::Ack => {
            Fate::Lose
        }
        _ => Fate::Arrive,
    });
    pair.alice_session()
        .hold(now, Default::default())
        .expect("held");
    pair
}

#[test]
fn an_answer_that_is_never_acknowledged_is_followed_by_an_offer_and_the_call_lives() {
    let mut pair = held_without_ack();
    pair.run(35 * SECOND);
    assert_eq!(
        pair.bob.sent_count("INVITE"),
        1,
        "{}",
        pair.ladder.join("\n")
    );
    pair.fate = Box::new(|_, _| Fate::Arrive);
    assert!(!pair.bob.story().contains("ended"), "{}", pair.bob.story());
    assert!(pair.alice_hold().local && pair.bob_hold().remote);
    pair.finish();
}

/// The offer that agrees on the session anew is the peer's, and must be answered.
#[test]
fn an_answer_that_is_never_acknowledged_leaves_an_offer_of_the_peer_to_be_answered() {
    let mut pair = held_without_ack();
    pair.run(20 * SECOND);
    let now = pair.now;
    pair.bob.asks = Some(|question| matches!(question, Question::Sdp(_)));
    pair.alice_session().unhold(now, update()).expect("goes on");
    pair.run(15 * SECOND);
    let (ask, _) = pair.bob.questions.pop().expect("bob is asked");
    pair.bob.asks = None;
    let now = pair.now;
    pair.bob.agent.reply(now, ask, Reply::Proceed);
    pair.run(SECOND);
    assert_eq!(
        pair.bob.sent_count("INVITE"),
        0,
        "{}",
        pair.ladder.join("\n")
    );
    assert!(!pair.alice_hold().local && !pair.bob_hold().remote);
    pair.finish();
}

#[test]
fn an_answer_that_is_never_acknowledged_by_one_who_is_gone_ends_the_call() {
    let mut pair = Pair::established(Transport::Udp);
    let now = pair.now;
    pair.alice_session()
        .hold(now, Default::default())
        .expect("held");
    pair.run(SECOND / 100);
    pair.fate = Box::new(|_, _| Fate::Lose);
    pair.run_out();
    for side in [&pair.alice, &pair.bob] {
        assert_eq!(
            side.story().matches("ended(").count(),
            1,
            "{}",
            side.story()
        );
    }
    pair.assert_clean();
}

#[test]
fn a_silent_peer_ends_the_call_when_its_reinvite_times_out() {
    let mut pair = Pair::established(Transport::Udp);
    pair.fate = Box::new(|name, _| {
        if name == "bob" {
            Fate::Lose
        } else {
            Fate::Arrive
        }
    });
    let now = pair.now;
    pair.alice_session()
        .renegotiate(now, Default::default())
        .expect("sent");
    pair.run(Duration::from_secs(40));
    assert!(
        pair.alice
            .story()
            .contains("renegotiated(Request Timeout) ended(local, Request Timeout)"),
        "{}",
        pair.alice.story()
    );
}

impl Pair {
    fn alice_hold(&self) -> OnHold {
        let id = self.alice.session.expect("a session");
        self.alice
            .agent
            .session_info(id)
            .expect("it lives")
            .is_on_hold()
    }

    fn bob_hold(&self) -> OnHold {
        let id = self.bob.session.expect("a session");
        self.bob
            .agent
            .session_info(id)
            .expect("it lives")
            .is_on_hold()
    }

    /// Alice hangs up, and nothing is left.
    fn finish(&mut self) {
        let now = self.now;
        self.alice_session()
            .terminate(now, TerminateOptions::default())
            .expect("hung up");
        self.run_out();
        assert!(
            self.alice
                .story()
                .ends_with("ended(local, Terminated) closed"),
            "{}",
            self.alice.story()
        );
        assert!(
            self.bob
                .story()
                .ends_with("ended(remote, Terminated) closed"),
            "{}",
            self.bob.story()
        );
        self.assert_clean();
    }
}

/// A re-INVITE of the peer with these directions of audio and video.
fn directions(lone: &Lone, invite: &offhook_sip::Request, number: u32, media: [&str; 2]) -> String {
    let from = invite.from().expect("a From");
    let (ours, call_id) = (from.tag().expect("a tag"), invite.call_id().expect("one"));
    assert!(lone.session.is_some());
    let body = format!(
        "v=0\r\no=- 1 {number} IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n\
         m=audio 9000 UDP/TLS/RTP/SAVPF 0\r\na={}\r\n\
         m=video 9002 UDP/TLS/RTP/SAVPF 96\r\na={}\r\n",
        media[0], media[1]
    );
    format!(
        "UPDATE sip:alice@example.com SIP/2.0\r\n\
         Via: SIP/2.0/WS proxy.example.com;branch=z9hG4bKupdate{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=b1\r\n\
         To: <sip:alice@example.com>;tag={ours}\r\nCall-ID: {call_id}\r\n\
         CSeq: {number} UPDATE\r\nContact: <sip:b1@198.51.100.7;transport=ws>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn a_peer_holds_when_none_of_its_streams_receives_and_only_the_change_is_told() {
    let mut lone = Lone::unregistered();
    lone.call();
    let invite = lone.request(Method::Invite);
    lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
    lone.request(Method::Ack);
    lone.news();
    let table = [
        (["sendonly", "sendrecv"], "reoffered", false),
        (["sendonly", "inactive"], "hold(remote) reoffered", true),
        (["inactive", "sendonly"], "reoffered", true),
        (["inactive", "recvonly"], "unhold(remote) reoffered", false),
        (["sendrecv", "sendrecv"], "reoffered", false),
    ];
    for (number, (media, told, held)) in (1..).zip(table) {
        let update = directions(&lone, &invite, number, media);
        lone.receive(update);
        assert_eq!(lone.news(), told, "{media:?}");
        let id = lone.session.expect("a session");
        let info = lone.agent.session_info(id).expect("it lives");
        assert_eq!(info.is_on_hold().remote, held, "{media:?}");
    }
}

#[test]
fn a_hold_of_ours_is_kept_when_the_peer_offers_again() {
    let mut pair = Pair::established(Transport::Udp);
    pair.alice.video = true;
    pair.bob.video = true;
    let now = pair.now;
    pair.alice_session()
        .hold(now, Default::default())
        .expect("held");
    pair.run(SECOND);
    let now = pair.now;
    pair.bob_session()
        .renegotiate(now, Default::default())
        .expect("a new offer");
    pair.run(SECOND);
    assert!(pair.alice_hold().local && pair.bob_hold().remote);
    let turned = turned(&pair.alice.media);
    assert_eq!(
        turned,
        [(true, false)],
        "the engine is not told to let the peer go"
    );
    pair.finish();
}

/// Who was to be held, by what was asked of a media engine: the peer, this side.
fn turned(media: &[MediaRequest]) -> Vec<(bool, bool)> {
    let turn = |request: &MediaRequest| match request {
        MediaRequest::SetHold { local, remote } => Some((*local, *remote)),
        _ => None,
    };
    media.iter().filter_map(turn).collect()
}

/// The directions that a side has offered.
fn offered(media: &[MediaRequest]) -> Vec<&str> {
    let offer = |request| match request {
        &MediaRequest::SetLocal {
            kind: SdpKind::Offer,
            ref sdp,
        } => sdp.lines().find_map(|line| match line.strip_prefix("a=")? {
            direction @ ("sendrecv" | "sendonly" | "recvonly" | "inactive") => Some(direction),
            _ => None,
        }),
        _ => None,
    };
    media.iter().filter_map(offer).collect()
}

#[test]
fn an_offer_of_ours_leaves_a_hold_of_the_peer_as_it_is() {
    let mut pair = Pair::established(Transport::Udp);
    for (alices, verb) in [
        (false, "hold"),
        (true, "renegotiate"),
        (true, "hold"),
        (true, "unhold"),
        (false, "unhold"),
        (true, "renegotiate"),
    ] {
        let now = pair.now;
        let mut session = match alices {
            true => pair.alice_session(),
            false => pair.bob_session(),
        };
        let made = match verb {
            "hold" => session.hold(now, ReofferOptions::default()),
            "unhold" => session.unhold(now, ReofferOptions::default()),
            _ => session.renegotiate(now, ReofferOptions::default()),
        };
        assert!(made.is_ok(), "{verb}: {made:?}");
        pair.run(SECOND);
    }
    assert_eq!(
        offered(&pair.alice.media),
        ["sendrecv", "recvonly", "inactive", "recvonly", "sendrecv"]
    );
    assert_eq!(
        (pair.alice_hold(), pair.bob_hold()),
        (OnHold::default(), OnHold::default())
    );
    pair.finish();
}

#[test]
fn a_peer_that_asks_for_an_offer_gets_all_and_says_by_its_answer_whether_it_holds() {
    let hold = OFFER.replace("sendrecv", "sendonly");
    for (answer, told, held) in [
        (Some(OFFER), "", false),
        (Some(hold.as_str()), " hold(remote)", true),
        // Nothing was agreed on: all is as it was.
        (None, " hold(remote)", true),
    ] {
        let (mut lone, id, bob) = answered();
        let send = |lone: &mut Lone, method: &str, number: u32, body: &str| {
            let content_type = if body.is_empty() {
                ""
            } else {
                "application/sdp"
            };
            bob.asks(lone, method, number, content_type, body);
        };
        send(&mut lone, "INVITE", 7, &hold);
        send(&mut lone, "ACK", 7, "");
        lone.news();
        lone.media.clear();
        send(&mut lone, "INVITE", 8, "");
        assert_eq!(turned(&lone.media), [(false, false)]);
        send(&mut lone, "ACK", 8, answer.unwrap_or_default());
        assert_eq!(lone.news(), format!("unhold(remote) reoffered{told}"));
        let info = lone.agent.session_info(id).expect("it lives");
        assert_eq!(info.is_on_hold().remote, held, "{answer:?}");
    }
}

/// A call with a peer whose 200 has this Allow header, or none.
fn called(allow: Option<&str>) -> Lone {
    let mut lone = Lone::unregistered();
    lone.call();
    let invite = lone.request(Method::Invite);
    let mut ok = OutgoingResponse::to_request(&invite, StatusCode::OK);
    ok.set_to_tag("b1").expect("a tag");
    let contact = "<sip:b1@198.51.100.7;transport=ws>";
    ok.headers_mut().push("Contact", contact).expect("a header");
    if let Some(allow) = allow {
        ok.headers_mut().push("Allow", allow).expect("a header");
    }
    ok.set_body("application/sdp", OFFER).expect("a body");
    lone.give(ok);
    lone.request(Method::Ack);
    lone.news();
    lone
}

fn hold_by_update(lone: &mut Lone) {
    let (now, id) = (lone.now, lone.session.expect("a session"));
    let mut session = lone.agent.session(id).expect("it lives");
    session.hold(now, update()).expect("it may hold");
    lone.drain();
}

#[test]
fn a_peer_that_says_nothing_of_update_is_tried_with_one_as_the_application_wants() {
    let mut lone = called(None);
    hold_by_update(&mut lone);
    let update = lone.request(Method::Update);
    assert!(!update.body().is_empty());
    lone.answer_from(&update, StatusCode::OK, "b1", OFFER);
    assert_eq!(lone.news(), "hold(local) renegotiated");
}

#[test]
fn an_update_that_the_peer_does_not_know_is_followed_by_a_reinvite_with_the_same_offer() {
    for status in [StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED] {
        for allow in [None, Some("INVITE, ACK, BYE, UPDATE")] {
            let mut lone = called(allow);
            hold_by_update(&mut lone);
            let update = lone.request(Method::Update);
            lone.answer(&update, status, &[]);
            let invite = lone.request(Method::Invite);
            assert_eq!(invite.body(), update.body());
            lone.answer_from(&invite, StatusCode::OK, "b1", OFFER);
            lone.request(Method::Ack);
            assert_eq!(lone.news(), "hold(local) renegotiated", "{status:?}");
        }
    }
}

#[test]
fn a_peer_whose_allow_has_no_update_is_sent_none() {
    let mut lone = called(Some("INVITE, ACK, BYE"));
    hold_by_update(&mut lone);
    lone.request(Method::Invite);
}
