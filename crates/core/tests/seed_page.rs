//! The options of JsSIP's `RTCSession`, one by one: what each puts on the wire, asks of the peer
//! connection, or tells the application.

mod util;

use std::time::Duration;

use offhook_core::{
    AnswerOptions, CallOptions, CommandError, DtmfOptions, ExtraHeaders, MediaKinds, MediaReport,
    MediaRequest, MediaStep, Question, ReofferOptions, Reply, TerminateOptions, Transport,
};
use offhook_sip::{HeaderName, Message, Method, Request, Response, StatusCode};
use util::{Manner, Pair};

const SECOND: Duration = Duration::from_secs(1);

fn color() -> ExtraHeaders {
    vec![
        ("X-Color".to_owned(), "blue".to_owned()),
        ("X-Shape".to_owned(), "round".to_owned()),
    ]
}

/// The requests of a side with this method, in order.
fn requests<'a>(pair: &'a Pair, who: &str, method: &str) -> Vec<&'a Request> {
    pair.wire
        .iter()
        .filter_map(|(name, message)| match message {
            Message::Request(request) if *name == who && request.method().as_str() == method => {
                Some(request)
            }
            _ => None,
        })
        .collect()
}

/// The last response of a side with this status.
fn response<'a>(pair: &'a Pair, who: &str, status: u16) -> &'a Response {
    pair.wire
        .iter()
        .rev()
        .find_map(|(name, message)| match message {
            Message::Response(response) if *name == who && response.status().code() == status => {
                Some(response)
            }
            _ => None,
        })
        .unwrap_or_else(|| panic!("no {status} of {who}:\n{}", pair.ladder.join("\n")))
}

fn last_request<'a>(pair: &'a Pair, who: &str, method: &str) -> &'a Request {
    requests(pair, who, method)
        .pop()
        .unwrap_or_else(|| panic!("no {method} of {who}:\n{}", pair.ladder.join("\n")))
}

/// A call that rings at bob's.
fn ringing() -> Pair {
    let mut pair = Pair::udp();
    pair.call();
    pair.run(SECOND);
    pair
}

// answer(options)

#[test]
fn the_headers_of_an_answer_go_into_its_200() {
    let mut pair = ringing();
    let now = pair.now;
    let options = AnswerOptions {
        extra_headers: color(),
        ..Default::default()
    };
    pair.bob_session().answer(now, options).expect("answered");
    pair.run(SECOND);
    let ok = response(&pair, "bob", 200);
    assert_eq!(ok.header("X-Color"), Some("blue"));
    assert_eq!(ok.header("X-Shape"), Some("round"));
}

#[test]
fn an_answer_captures_what_it_says_or_else_what_the_offer_asks_for() {
    for (offers_video, audio, video, captured) in [
        (false, None, None, (true, false)),
        (true, None, None, (true, true)),
        (true, None, Some(false), (true, false)),
        (false, Some(true), Some(true), (true, true)),
        (false, Some(false), None, (false, false)),
    ] {
        let mut pair = Pair::udp();
        pair.alice.video = offers_video;
        pair.call();
        pair.run(SECOND);
        let now = pair.now;
        let options = AnswerOptions {
            audio,
            video,
            ..Default::default()
        };
        pair.bob_session().answer(now, options).expect("answered");
        pair.run(SECOND);
        let (audio, video) = captured;
        assert!(
            pair.bob
                .media
                .contains(&MediaRequest::Capture { audio, video }),
            "{:?}",
            pair.bob.media
        );
    }
}

#[test]
fn the_interval_of_an_answer_is_asked_for_where_the_peer_names_none() {
    let mut pair = Pair::udp();
    // A peer that knows session timers and leaves the interval open.
    pair.alice.asks = Some(|question| question.name() == "sending");
    pair.call();
    let (ask, question) = pair.alice.questions.pop().expect("the sending question");
    let Question::Sending(mut invite) = question else {
        panic!("another question");
    };
    invite.headers_mut().remove(HeaderName::SessionExpires);
    let now = pair.now;
    pair.alice.agent.reply(now, ask, Reply::Request(invite));
    pair.run(SECOND);
    let now = pair.now;
    let options = AnswerOptions {
        session_timers_expires: Some(240),
        ..Default::default()
    };
    pair.bob_session().answer(now, options).expect("answered");
    pair.run(SECOND);
    let expires = response(&pair, "bob", 200).header(HeaderName::SessionExpires);
    assert!(
        expires.is_some_and(|value| value.starts_with("240")),
        "{expires:?}"
    );
}

#[test]
fn an_answer_is_for_incoming_calls_that_wait_for_one() {
    let mut pair = ringing();
    let now = pair.now;
    let outgoing = pair.alice_session().answer(now, AnswerOptions::default());
    assert!(
        matches!(outgoing, Err(CommandError::NotSupported { .. })),
        "{outgoing:?}"
    );
    pair.bob_session()
        .answer(now, AnswerOptions::default())
        .expect("answered");
    pair.run(SECOND);
    let now = pair.now;
    let again = pair.bob_session().answer(now, AnswerOptions::default());
    assert!(
        matches!(again, Err(CommandError::InvalidState { .. })),
        "{again:?}"
    );
}

// terminate(options)

fn refusal() -> TerminateOptions {
    TerminateOptions {
        status: Some(StatusCode::BUSY_HERE),
        reason: Some("In A \"Meeting\"".to_owned()),
        extra_headers: color(),
        body: Some(("text/plain".to_owned(), "later".to_owned())),
    }
}

#[test]
fn an_unanswered_call_is_refused_with_480_or_what_the_options_say() {
    let mut pair = ringing();
    let now = pair.now;
    pair.bob_session()
        .terminate(now, TerminateOptions::default())
        .expect("refused");
    pair.run(SECOND);
    assert_eq!(response(&pair, "bob", 480).body(), b"");

    let mut pair = ringing();
    let now = pair.now;
    pair.bob_session()
        .terminate(now, refusal())
        .expect("refused");
    pair.run_out();
    let busy = response(&pair, "bob", 486);
    assert_eq!(busy.reason(), "In A \"Meeting\"");
    assert_eq!(busy.header("X-Color"), Some("blue"));
    assert_eq!(busy.header(HeaderName::ContentType), Some("text/plain"));
    assert_eq!(busy.body(), b"later");
    pair.assert_clean();
}

#[test]
fn a_ringing_call_is_cancelled_with_a_reason_and_nothing_else() {
    let mut pair = ringing();
    let now = pair.now;
    pair.alice_session()
        .terminate(now, refusal())
        .expect("cancelled");
    pair.run_out();
    let cancel = last_request(&pair, "alice", "CANCEL");
    assert_eq!(
        cancel.header(HeaderName::Reason),
        Some(r#"SIP ;cause=486;text="In A \"Meeting\"""#)
    );
    // The seed page: a CANCEL takes neither headers nor a body.
    assert_eq!(cancel.header("X-Color"), None);
    assert_eq!(cancel.body(), b"");
    pair.assert_clean();
}

#[test]
fn an_established_call_ends_with_a_bye_that_carries_what_the_options_say() {
    let mut pair = Pair::established(Transport::Udp);
    let now = pair.now;
    pair.alice_session()
        .terminate(now, refusal())
        .expect("hung up");
    pair.run_out();
    let bye = last_request(&pair, "alice", "BYE");
    assert_eq!(
        bye.header(HeaderName::Reason),
        Some(r#"SIP ;cause=486;text="In A \"Meeting\"""#)
    );
    assert_eq!(bye.header("X-Color"), Some("blue"));
    assert_eq!(bye.header(HeaderName::ContentType), Some("text/plain"));
    assert_eq!(bye.body(), b"later");
    pair.assert_clean();
}

#[test]
fn a_call_ended_before_its_invite_left_sends_nothing() {
    let mut pair = Pair::udp();
    pair.alice.deaf_to = Some(|request| matches!(request, MediaRequest::CreateOffer { .. }));
    pair.call();
    let now = pair.now;
    pair.alice_session()
        .terminate(now, TerminateOptions::default())
        .expect("ended");
    pair.run_out();
    assert!(pair.alice.sent.is_empty(), "{:?}", pair.alice.sent);
    assert!(
        pair.alice
            .story()
            .ends_with("failed(local, Canceled) closed"),
        "{}",
        pair.alice.story()
    );
    pair.assert_clean();
}

// sendDTMF(tone, options)

#[test]
fn a_tone_is_an_info_with_its_duration_and_headers() {
    let mut pair = Pair::established(Transport::Udp);
    let now = pair.now;
    let options = DtmfOptions {
        duration: Duration::from_millis(160),
        extra_headers: color(),
        ..Default::default()
    };
    pair.alice_session()
        .send_dtmf(now, "1#", options)
        .expect("tones");
    pair.run(3 * SECOND);
    let infos = requests(&pair, "alice", "INFO");
    assert_eq!(infos.len(), 2);
    for (info, tone) in infos.iter().zip(["1", "#"]) {
        assert_eq!(
            info.header(HeaderName::ContentType),
            Some("application/dtmf-relay")
        );
        assert_eq!(
            String::from_utf8_lossy(info.body()),
            format!("Signal={tone}\r\nDuration=160")
        );
        assert_eq!(info.header("X-Color"), Some("blue"));
    }
}

#[test]
fn durations_out_of_range_are_moved_to_the_nearest() {
    for (asked, sent) in [(1, 70), (70, 70), (6000, 6000), (60_000, 6000)] {
        let mut pair = Pair::established(Transport::Udp);
        let now = pair.now;
        let options = DtmfOptions {
            duration: Duration::from_millis(asked),
            ..Default::default()
        };
        pair.alice_session()
            .send_dtmf(now, "5", options)
            .expect("a tone");
        pair.run(SECOND);
        let body =
            String::from_utf8_lossy(last_request(&pair, "alice", "INFO").body()).into_owned();
        assert_eq!(body, format!("Signal=5\r\nDuration={sent}"));
    }
}

#[test]
fn a_tone_waits_for_the_gap_and_for_each_comma() {
    // Duration and gap: by default 100 ms and 500 ms, a gap of at least 50 ms, a comma two
    // seconds.
    for (tones, gap, second) in [
        ("12", 500, Duration::from_millis(600)),
        ("12", 1, Duration::from_millis(150)),
        ("1,2", 500, Duration::from_millis(2600)),
    ] {
        let mut pair = Pair::established(Transport::Udp);
        let now = pair.now;
        let options = DtmfOptions {
            inter_tone_gap: Duration::from_millis(gap),
            ..Default::default()
        };
        pair.alice_session()
            .send_dtmf(now, tones, options)
            .expect("tones");
        pair.run(second - Duration::from_millis(1));
        assert_eq!(requests(&pair, "alice", "INFO").len(), 1, "{tones} {gap}");
        pair.run(Duration::from_millis(1));
        assert_eq!(requests(&pair, "alice", "INFO").len(), 2, "{tones} {gap}");
    }
}

// sendInfo(contentType, body, options)

#[test]
fn an_info_has_the_type_the_body_and_the_headers_given() {
    let mut pair = Pair::established(Transport::Tcp);
    let now = pair.now;
    pair.alice_session()
        .send_info(now, "application/x-note", "la", &color())
        .expect("an INFO");
    pair.run(SECOND);
    let info = last_request(&pair, "alice", "INFO");
    assert_eq!(
        info.header(HeaderName::ContentType),
        Some("application/x-note")
    );
    assert_eq!(info.body(), b"la");
    assert_eq!(info.header("X-Shape"), Some("round"));
}

// hold, unhold, renegotiate(options, done)

#[test]
fn each_new_offer_carries_the_headers_given() {
    for use_update in [false, true] {
        let mut pair = Pair::established(Transport::Udp);
        let options = || ReofferOptions {
            use_update,
            extra_headers: color(),
            ..Default::default()
        };
        let before = requests(&pair, "alice", "INVITE").len();
        for turn in 0..3 {
            let now = pair.now;
            let mut session = pair.alice_session();
            match turn {
                0 => session.hold(now, options()),
                1 => session.unhold(now, options()),
                _ => session.renegotiate(now, options()),
            }
            .expect("a new offer");
            pair.run(SECOND);
        }
        let offers = match use_update {
            true => requests(&pair, "alice", "UPDATE"),
            false => requests(&pair, "alice", "INVITE").split_off(before),
        };
        assert_eq!(offers.len(), 3);
        for offer in offers {
            assert_eq!(offer.header("X-Color"), Some("blue"));
            assert_eq!(
                offer.header(HeaderName::ContentType),
                Some("application/sdp")
            );
        }
        assert_eq!(pair.alice.story().matches("renegotiated").count(), 3);
    }
}

#[test]
fn a_renegotiation_restarts_ice_when_its_options_say_so() {
    for ice_restart in [false, true] {
        let mut pair = Pair::established(Transport::Udp);
        let now = pair.now;
        let options = ReofferOptions {
            ice_restart,
            ..Default::default()
        };
        pair.alice_session()
            .renegotiate(now, options)
            .expect("a new offer");
        pair.run(SECOND);
        let offer = MediaRequest::CreateOffer { ice_restart };
        assert_eq!(
            pair.alice
                .media
                .iter()
                .rfind(|request| { matches!(request, MediaRequest::CreateOffer { .. }) }),
            Some(&offer)
        );
    }
}

#[test]
fn a_call_is_ready_to_reoffer_once_it_is_confirmed_and_nothing_is_under_way() {
    let mut pair = ringing();
    let ready = |pair: &Pair| {
        let id = pair.alice.session.expect("a session");
        let info = pair.alice.agent.session_info(id).expect("a live session");
        info.is_ready_to_reoffer()
    };
    assert!(!ready(&pair));
    let now = pair.now;
    pair.bob_session()
        .answer(now, AnswerOptions::default())
        .expect("answered");
    pair.run(SECOND);
    assert!(ready(&pair));
    let now = pair.now;
    pair.alice_session()
        .hold(now, ReofferOptions::default())
        .expect("held");
    pair.drive();
    assert!(!ready(&pair));
    let second = pair
        .alice_session()
        .renegotiate(now, ReofferOptions::default());
    assert!(second.is_err());
    pair.run(SECOND);
    assert!(ready(&pair));
}

// mute, unmute, isMuted

#[test]
fn video_is_muted_apart_from_audio() {
    let mut pair = Pair::udp();
    pair.bob.manner = Manner::Answer;
    pair.call_with(CallOptions {
        video: true,
        ..Default::default()
    });
    pair.run(SECOND);
    let now = pair.now;
    let video = MediaKinds {
        audio: false,
        video: true,
    };
    pair.alice_session().mute(now, video).expect("muted");
    pair.drive();
    let id = pair.alice.session.expect("a session");
    let muted = |pair: &Pair| {
        let info = pair.alice.agent.session_info(id).expect("a live session");
        info.is_muted()
    };
    assert_eq!(muted(&pair), video);
    let gate = MediaRequest::SetEnabled {
        audio: true,
        video: false,
    };
    assert_eq!(pair.alice.media.last(), Some(&gate));
    pair.alice_session()
        .unmute(now, MediaKinds::BOTH)
        .expect("unmuted");
    pair.drive();
    assert_eq!(muted(&pair), MediaKinds::default());
    assert!(
        pair.alice
            .story()
            .ends_with("muted(false, true) unmuted(false, true)"),
        "{}",
        pair.alice.story()
    );
}

// Attributes

#[test]
fn the_start_is_the_acceptance_and_the_end_is_the_end() {
    let mut pair = ringing();
    let id = pair.alice.session.expect("a session");
    let times = |pair: &Pair| {
        let info = pair.alice.agent.session_info(id).expect("a live session");
        (info.start_time(), info.end_time())
    };
    assert_eq!(times(&pair), (None, None));
    pair.run(SECOND);
    let before = pair.now;
    pair.bob_session()
        .answer(before, AnswerOptions::default())
        .expect("answered");
    pair.run(SECOND);
    let (started, ended) = times(&pair);
    assert!(started.is_some_and(|at| at >= before && at < before + SECOND));
    assert_eq!(ended, None);
    let now = pair.now;
    pair.alice_session()
        .terminate(now, TerminateOptions::default())
        .expect("hung up");
    assert_eq!(times(&pair), (started, Some(now)));
}

#[test]
fn identities_are_those_of_the_invite_seen_from_each_side() {
    let pair = ringing();
    let identities = |side: &util::Side| {
        let id = side.session.expect("a session");
        let info = side.agent.session_info(id).expect("a live session");
        let [local, remote] = [info.local_identity(), info.remote_identity()];
        (local.uri.to_string(), remote.uri.to_string())
    };
    let (alice, bob) = (
        "sip:alice@example.com".to_owned(),
        "sip:bob@192.0.2.2:5060".to_owned(),
    );
    assert_eq!(identities(&pair.alice), (alice.clone(), bob.clone()));
    assert_eq!(identities(&pair.bob), (bob, alice));
}

// reinvite.reject(options), update.reject(options)

#[test]
fn a_rejected_offer_is_answered_with_what_the_application_says() {
    for use_update in [false, true] {
        let mut pair = Pair::established(Transport::Udp);
        pair.bob.asks = Some(|question| matches!(question.name(), "reinvite" | "update"));
        let now = pair.now;
        let options = ReofferOptions {
            use_update,
            ..Default::default()
        };
        pair.alice_session().hold(now, options).expect("an offer");
        pair.run(SECOND);
        let (ask, question) = pair.bob.questions.pop().expect("a question");
        let request = match &question {
            Question::Reinvite { request } | Question::Update { request } => request,
            other => panic!("{other:?}"),
        };
        let method = if use_update {
            Method::Update
        } else {
            Method::Invite
        };
        assert_eq!(request.method(), method);
        let reject = Reply::Reject {
            status: StatusCode::NOT_ACCEPTABLE_HERE,
            reason: Some("Not Like This".to_owned()),
            extra_headers: color(),
            body: None,
        };
        let now = pair.now;
        pair.bob.agent.reply(now, ask, reject);
        pair.run(SECOND);
        let refused = response(&pair, "bob", 488);
        assert_eq!(refused.reason(), "Not Like This");
        assert_eq!(refused.header("X-Color"), Some("blue"));
        let (alice, bob) = (pair.alice.story(), pair.bob.story());
        assert!(!alice.contains("ended") && !bob.contains("ended"));
    }
}

#[test]
fn an_offer_that_was_taken_is_told_when_it_was_carried_out() {
    let mut pair = Pair::established(Transport::Udp);
    let now = pair.now;
    pair.alice_session()
        .hold(now, ReofferOptions::default())
        .expect("held");
    pair.run(SECOND);
    let story = pair.bob.story();
    assert!(story.contains("reinvite"), "{story}");
    assert!(story.ends_with("reoffered"), "{story}");
}

// icecandidate and its ready()

#[test]
fn ready_sends_the_offer_with_the_candidates_there_are() {
    let mut pair = Pair::udp();
    pair.alice.deaf_to = Some(|request| matches!(request, MediaRequest::SetLocal { .. }));
    pair.alice.asks = Some(|question| question.name() == "icecandidate");
    let id = pair.call();
    let now = pair.now;
    let agent = &mut pair.alice.agent;
    agent.media(now, id, MediaReport::LocalSet { gathered: false });
    let candidate = "candidate:1 1 udp 2122260223 192.0.2.1 9000 typ host".to_owned();
    agent.media(
        now,
        id,
        MediaReport::Candidate {
            candidate: candidate.clone(),
            mid: Some("0".to_owned()),
        },
    );
    pair.drive();
    assert_eq!(pair.alice.sent_count("INVITE"), 0);
    let (ask, question) = pair.alice.questions.pop().expect("the candidate");
    assert!(matches!(question, Question::IceCandidate { candidate: told } if told == candidate));
    pair.alice.agent.reply(now, ask, Reply::Ready);
    pair.drive();
    assert_eq!(pair.alice.sent_count("INVITE"), 1);
}

// The events of failure

#[test]
fn each_step_that_the_media_engine_refuses_has_its_event() {
    type Deaf = fn(&MediaRequest) -> bool;
    let steps: [(MediaStep, Deaf, bool, &str); 6] = [
        (
            MediaStep::Capture,
            |request| matches!(request, MediaRequest::Capture { .. }),
            true,
            "getusermediafailed",
        ),
        (
            MediaStep::CreateOffer,
            |request| matches!(request, MediaRequest::CreateOffer { .. }),
            true,
            "peerconnection:createofferfailed",
        ),
        (
            MediaStep::SetLocal,
            |request| matches!(request, MediaRequest::SetLocal { .. }),
            true,
            "peerconnection:setlocaldescriptionfailed",
        ),
        (
            MediaStep::SetRemote,
            |request| matches!(request, MediaRequest::SetRemote { .. }),
            false,
            "peerconnection:setremotedescriptionfailed",
        ),
        (
            MediaStep::CreateAnswer,
            |request| matches!(request, MediaRequest::CreateAnswer),
            false,
            "peerconnection:createanswerfailed",
        ),
        (
            MediaStep::SetLocal,
            |request| matches!(request, MediaRequest::SetLocal { .. }),
            false,
            "peerconnection:setlocaldescriptionfailed",
        ),
    ];
    for (step, deaf, at_caller, event) in steps {
        let mut pair = Pair::udp();
        pair.bob.manner = Manner::Answer;
        let side = if at_caller {
            &mut pair.alice
        } else {
            &mut pair.bob
        };
        side.deaf_to = Some(deaf);
        pair.call();
        pair.run(SECOND);
        let now = pair.now;
        let side = if at_caller {
            &mut pair.alice
        } else {
            &mut pair.bob
        };
        let id = side.session.expect("a session");
        let error = "the engine says no".to_owned();
        side.agent
            .media(now, id, MediaReport::Failed { step, error });
        pair.run_out();
        let side = if at_caller { &pair.alice } else { &pair.bob };
        let story = side.story();
        assert!(story.contains(event), "{step:?}: {story}");
        assert_eq!(story.matches("failed(").count(), 1, "{step:?}: {story}");
        pair.assert_clean();
    }
}
