//! Stories of a call: two agents, a wire, a clock.

mod util;

use std::time::Duration;

use offhook_core::{
    CallOptions, CommandError, DtmfOptions, DtmfTransport, Invitation, MediaKinds, MediaReport,
    MediaRequest, MediaStep, Reply, Status, TerminateOptions, Transport,
};
use offhook_sip::{Message, Method, StatusCode};
use util::{Fate, Manner, Pair};

const SECOND: Duration = Duration::from_secs(1);

fn is_request(message: &Message, method: Method<'_>) -> bool {
    matches!(message, Message::Request(request) if request.method() == method)
}

fn is_response(message: &Message, status: u16, method: &str) -> bool {
    matches!(message, Message::Response(response)
        if response.status().code() == status
            && response.cseq().is_ok_and(|cseq| cseq.method.as_str() == method))
}

#[test]
fn a_call_rings_is_answered_and_hung_up() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut pair = Pair::new(transport);
        pair.call();
        pair.run(SECOND);
        assert_eq!(pair.alice_session_status(), Status::ProgressReceived);
        let now = pair.now;
        pair.bob_session()
            .answer(now, Default::default())
            .expect("a ringing call is answered");
        pair.run(SECOND);
        let now = pair.now;
        pair.alice_session()
            .terminate(now, TerminateOptions::default())
            .expect("hung up");
        pair.run_out();
        assert_eq!(
            pair.alice.story(),
            "newRTCSession peerconnection connecting sdp sending progress(remote) sdp \
             accepted(remote) confirmed(local) ended(local, Terminated) closed"
        );
        assert_eq!(
            pair.bob.story(),
            "newRTCSession progress(local) peerconnection sdp connecting sdp accepted(local) \
             confirmed(remote) ended(remote, Terminated) closed"
        );
        pair.assert_clean();
    }
}

#[test]
fn the_callee_hangs_up() {
    let mut pair = Pair::established(Transport::Udp);
    let now = pair.now;
    pair.bob_session()
        .terminate(now, TerminateOptions::default())
        .expect("hung up");
    pair.run_out();
    assert!(
        pair.alice
            .story()
            .ends_with("ended(remote, Terminated) closed"),
        "{}",
        pair.alice.story()
    );
    assert!(
        pair.bob
            .story()
            .ends_with("ended(local, Terminated) closed"),
        "{}",
        pair.bob.story()
    );
    pair.assert_clean();
}

#[test]
fn a_call_may_leave_the_offer_to_the_peer() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut pair = Pair::new(transport);
        pair.bob.manner = Manner::Answer;
        pair.call_with(CallOptions {
            late_offer: true,
            ..Default::default()
        });
        pair.run(SECOND);
        assert_eq!(
            pair.alice.story(),
            "newRTCSession peerconnection connecting sending progress(remote) sdp sdp \
             accepted(remote) confirmed(local)"
        );
        assert!(
            pair.bob
                .story()
                .ends_with("accepted(local) sdp confirmed(remote)"),
            "{}",
            pair.bob.story()
        );
        let bodies: Vec<(String, bool)> = pair
            .wire
            .iter()
            .map(|(who, message)| match message {
                Message::Request(request) => (
                    format!("{who} {}", request.method().as_str()),
                    !request.body().is_empty(),
                ),
                Message::Response(response) => (
                    format!("{who} {}", response.status().code()),
                    !response.body().is_empty(),
                ),
            })
            .filter(|(_, body)| *body)
            .collect();
        assert_eq!(
            bodies,
            [("bob 200".to_owned(), true), ("alice ACK".to_owned(), true)]
        );
        // And it is a call like any other.
        let now = pair.now;
        pair.alice_session()
            .hold(now, Default::default())
            .expect("held");
        pair.run(SECOND);
        assert!(pair.bob.story().contains("hold(remote)"));
        let now = pair.now;
        pair.bob_session()
            .terminate(now, TerminateOptions::default())
            .expect("hung up");
        pair.run_out();
        pair.assert_clean();
    }
}

#[test]
fn an_offer_in_the_200_that_the_engine_refuses_is_acked_and_byed() {
    let mut pair = Pair::udp();
    pair.bob.manner = Manner::Answer;
    pair.alice.deaf_to = Some(|request| matches!(request, MediaRequest::SetRemote { .. }));
    pair.call_with(CallOptions {
        late_offer: true,
        ..Default::default()
    });
    pair.run(SECOND);
    let (now, id) = (pair.now, pair.alice.session.expect("a session"));
    let failed = MediaReport::Failed {
        step: MediaStep::SetRemote,
        error: "no codec".to_owned(),
    };
    pair.alice.agent.media(now, id, failed);
    pair.run_out();
    assert!(
        pair.alice
            .story()
            .contains("failed(remote, Bad Media Description)"),
        "{}",
        pair.alice.story()
    );
    assert!(pair.bob.story().contains("ended("), "{}", pair.bob.story());
    assert!(pair.alice.sent_count("ACK") >= 1 && pair.alice.sent_count("BYE") == 1);
    pair.assert_clean();
}

#[test]
fn a_late_offer_call_hung_up_while_it_answers_is_acked_and_byed() {
    let mut pair = Pair::udp();
    pair.bob.manner = Manner::Answer;
    pair.alice.deaf_to = Some(|request| matches!(request, MediaRequest::CreateAnswer));
    pair.call_with(CallOptions {
        late_offer: true,
        ..Default::default()
    });
    pair.run(SECOND);
    let now = pair.now;
    pair.alice_session()
        .terminate(now, TerminateOptions::default())
        .expect("hung up");
    pair.run_out();
    for side in [&pair.alice, &pair.bob] {
        let ends = side.story().matches("failed(").count() + side.story().matches("ended(").count();
        assert_eq!(ends, 1, "{}", side.story());
    }
    pair.assert_clean();
}

#[test]
fn a_busy_callee_fails_the_call_with_its_cause() {
    let mut pair = Pair::udp();
    pair.call();
    pair.run(SECOND);
    let now = pair.now;
    let busy = TerminateOptions {
        status: Some(StatusCode::BUSY_HERE),
        ..Default::default()
    };
    pair.bob_session().terminate(now, busy).expect("rejected");
    pair.run_out();
    assert!(
        pair.alice.story().ends_with("failed(remote, Busy) closed"),
        "{}",
        pair.alice.story()
    );
    assert!(
        pair.bob.story().ends_with("failed(local, Rejected) closed"),
        "{}",
        pair.bob.story()
    );
    pair.assert_clean();
}

#[test]
fn a_cancel_while_ringing_ends_both_sides() {
    let mut pair = Pair::udp();
    pair.call();
    pair.run(SECOND);
    let now = pair.now;
    pair.alice_session()
        .terminate(now, TerminateOptions::default())
        .expect("cancelled");
    pair.run_out();
    assert!(
        pair.alice
            .story()
            .ends_with("failed(local, Canceled) closed"),
        "{}",
        pair.alice.story()
    );
    assert!(
        pair.bob
            .story()
            .ends_with("failed(remote, Canceled) closed"),
        "{}",
        pair.bob.story()
    );
    assert_eq!(pair.alice.sent_count("CANCEL"), 1);
    pair.assert_clean();
}

#[test]
fn a_cancel_before_any_response_waits_for_the_first_one() {
    let mut pair = Pair::tcp();
    pair.hold = Some(|message| matches!(message, Message::Response(_)));
    pair.call();
    let now = pair.now;
    pair.alice_session()
        .terminate(now, TerminateOptions::default())
        .expect("cancelled");
    pair.run(SECOND);
    assert_eq!(
        pair.alice.sent_count("CANCEL"),
        0,
        "RFC 3261 section 9.1: not before a provisional response"
    );
    pair.release();
    pair.run_out();
    assert_eq!(pair.alice.sent_count("CANCEL"), 1);
    assert!(
        pair.bob
            .story()
            .ends_with("failed(remote, Canceled) closed"),
        "{}",
        pair.bob.story()
    );
    pair.assert_clean();
}

#[test]
fn cancel_crossing_200_is_acked_and_byed() {
    let mut pair = Pair::udp();
    pair.call();
    pair.run(SECOND);
    pair.hold = Some(|message| is_response(message, 200, "INVITE"));
    let now = pair.now;
    pair.bob_session()
        .answer(now, Default::default())
        .expect("answered");
    pair.drive();
    pair.alice_session()
        .terminate(now, TerminateOptions::default())
        .expect("cancelled");
    pair.drive();
    pair.release();
    pair.run_out();
    assert!(
        pair.alice
            .story()
            .ends_with("failed(local, Canceled) closed"),
        "{}",
        pair.alice.story()
    );
    assert!(
        pair.bob
            .story()
            .ends_with("ended(remote, Terminated) closed"),
        "{}",
        pair.bob.story()
    );
    assert!(
        pair.alice.sent_count("ACK") >= 1 && pair.alice.sent_count("BYE") == 1,
        "{:?}",
        pair.alice.sent
    );
    pair.assert_clean();
}

#[test]
fn a_call_that_nobody_takes_fails_on_both_sides() {
    let mut pair = Pair::udp();
    pair.call();
    pair.run_out();
    assert!(
        pair.bob
            .story()
            .ends_with("failed(local, No Answer) closed"),
        "{}",
        pair.bob.story()
    );
    assert!(
        pair.alice
            .story()
            .ends_with("failed(remote, Unavailable) closed"),
        "{}",
        pair.alice.story()
    );
    pair.assert_clean();
}

#[test]
fn a_caller_out_of_patience_cancels() {
    let mut pair = Pair::udp();
    pair.call_with(CallOptions {
        no_answer_timeout: Duration::from_secs(5),
        ..Default::default()
    });
    pair.run_out();
    assert!(
        pair.alice
            .story()
            .ends_with("failed(system, No Answer) closed"),
        "{}",
        pair.alice.story()
    );
    assert!(
        pair.bob
            .story()
            .ends_with("failed(remote, Canceled) closed"),
        "{}",
        pair.bob.story()
    );
    pair.assert_clean();
}

#[test]
fn a_silent_peer_is_given_up_after_timer_b() {
    let mut pair = Pair::udp();
    pair.fate = Box::new(|name, _| {
        if name == "alice" {
            Fate::Lose
        } else {
            Fate::Arrive
        }
    });
    pair.call();
    pair.run(Duration::from_secs(31));
    assert!(!pair.alice.story().contains("failed"));
    pair.run_out();
    assert!(
        pair.alice
            .story()
            .ends_with("failed(system, Request Timeout) closed"),
        "{}",
        pair.alice.story()
    );
    assert_eq!(
        pair.alice.sent_count("INVITE"),
        7,
        "timer A: 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 s"
    );
    pair.assert_clean();
}

#[test]
fn a_lost_ack_brings_the_200_again_and_the_ack_again() {
    let mut pair = Pair::udp();
    pair.bob.manner = Manner::Answer;
    let mut lost = 0;
    pair.fate = Box::new(move |_, message| {
        if is_request(message, Method::Ack) && lost < 2 {
            lost += 1;
            return Fate::Lose;
        }
        Fate::Arrive
    });
    pair.call();
    pair.run(Duration::from_secs(5));
    assert!(
        pair.bob.story().ends_with("confirmed(remote)"),
        "{}",
        pair.bob.story()
    );
    assert_eq!(pair.alice.sent_count("ACK"), 3);
    assert_eq!(pair.alice.story().matches("confirmed").count(), 1);
}

#[test]
fn an_ack_that_never_comes_ends_the_call_with_a_bye() {
    let mut pair = Pair::udp();
    pair.bob.manner = Manner::Answer;
    pair.fate = Box::new(|_, message| {
        if is_request(message, Method::Ack) {
            Fate::Lose
        } else {
            Fate::Arrive
        }
    });
    pair.call();
    pair.run_out();
    assert!(
        pair.bob.story().ends_with("ended(remote, No ACK) closed"),
        "{}",
        pair.bob.story()
    );
    assert!(
        pair.alice
            .story()
            .ends_with("ended(remote, Terminated) closed"),
        "{}",
        pair.alice.story()
    );
    pair.assert_clean();
}

#[test]
fn the_callees_bye_waits_for_the_ack() {
    let mut pair = Pair::udp();
    pair.bob.manner = Manner::Answer;
    pair.hold = Some(|message| is_request(message, Method::Ack));
    pair.call();
    pair.run(Duration::from_millis(200));
    let now = pair.now;
    pair.bob_session()
        .terminate(now, TerminateOptions::default())
        .expect("hung up");
    pair.run(Duration::from_millis(100));
    assert!(
        pair.bob.story().ends_with("ended(local, Terminated)"),
        "{}",
        pair.bob.story()
    );
    assert_eq!(
        pair.bob.sent_count("BYE"),
        0,
        "RFC 3261 section 15: not before the ACK"
    );
    pair.release();
    pair.run_out();
    assert_eq!(pair.bob.sent_count("BYE"), 1);
    assert!(
        pair.alice
            .story()
            .ends_with("ended(remote, Terminated) closed"),
        "{}",
        pair.alice.story()
    );
    pair.assert_clean();
}

#[test]
fn both_sides_hang_up_at_once() {
    let mut pair = Pair::established(Transport::Udp);
    let now = pair.now;
    pair.alice_session()
        .terminate(now, TerminateOptions::default())
        .expect("hung up");
    pair.bob_session()
        .terminate(now, TerminateOptions::default())
        .expect("hung up");
    pair.run_out();
    assert!(
        pair.alice
            .story()
            .ends_with("ended(local, Terminated) closed"),
        "{}",
        pair.alice.story()
    );
    assert!(
        pair.bob
            .story()
            .ends_with("ended(local, Terminated) closed"),
        "{}",
        pair.bob.story()
    );
    pair.assert_clean();
}

#[test]
fn doubled_messages_change_nothing() {
    let mut pair = Pair::udp();
    pair.bob.manner = Manner::Answer;
    pair.fate = Box::new(|_, _| Fate::Double);
    pair.call();
    pair.run(SECOND);
    let now = pair.now;
    pair.alice_session()
        .terminate(now, TerminateOptions::default())
        .expect("hung up");
    pair.run_out();
    for (side, end) in [
        (&pair.alice, "ended(local, Terminated) closed"),
        (&pair.bob, "ended(remote, Terminated) closed"),
    ] {
        assert!(side.story().ends_with(end), "{}", side.story());
        assert_eq!(side.story().matches("confirmed").count(), 1);
    }
    pair.assert_clean();
}

#[test]
fn dtmf_goes_one_info_at_a_time() {
    let mut pair = Pair::established(Transport::Udp);
    let now = pair.now;
    pair.alice_session()
        .send_dtmf(now, "12", DtmfOptions::default())
        .expect("tones");
    // While the last tone sounds, another follows it instead of overtaking it.
    pair.run(Duration::from_millis(700));
    let now = pair.now;
    pair.alice_session()
        .send_dtmf(now, "#", DtmfOptions::default())
        .expect("a tone");
    pair.run(Duration::from_millis(100));
    assert_eq!(pair.alice.sent_count("INFO"), 2);
    pair.run(SECOND);
    assert_eq!(pair.alice.sent_count("INFO"), 3);
    let story = pair.bob.story();
    assert!(
        story.ends_with("newDTMF(remote, 1) newDTMF(remote, 2) newDTMF(remote, #)"),
        "{story}"
    );
    assert!(
        pair.alice
            .story()
            .contains("newDTMF(local, 1) dtmf:delivered(1, Some(200))")
    );
}

#[test]
fn dtmf_in_the_audio_is_the_media_engines() {
    let mut pair = Pair::established(Transport::Udp);
    let now = pair.now;
    let options = DtmfOptions {
        transport: DtmfTransport::Rfc2833,
        ..Default::default()
    };
    pair.alice_session()
        .send_dtmf(now, "1,2", options)
        .expect("tones");
    pair.drive();
    assert_eq!(pair.alice.sent_count("INFO"), 0);
    assert!(
        matches!(pair.alice.media.last(), Some(MediaRequest::InsertTones { tones, .. }) if tones == "1,2")
    );
}

#[test]
fn a_tone_that_is_none_is_refused() {
    let mut pair = Pair::established(Transport::Udp);
    let now = pair.now;
    for tones in ["", "12x", "ä"] {
        let refused = pair
            .alice_session()
            .send_dtmf(now, tones, DtmfOptions::default());
        assert!(
            matches!(
                refused,
                Err(CommandError::InvalidArgument { name: "tones", .. })
            ),
            "{tones:?}"
        );
    }
}

#[test]
fn an_info_carries_its_body_and_type() {
    let mut pair = Pair::established(Transport::Tcp);
    let now = pair.now;
    pair.bob_session()
        .send_info(now, "text/plain", "hello", &Vec::new())
        .expect("an INFO");
    pair.run(SECOND);
    assert!(
        pair.alice.story().ends_with("newInfo(remote, text/plain)"),
        "{}",
        pair.alice.story()
    );
    assert!(
        pair.bob
            .story()
            .ends_with("newInfo(local, text/plain) info:delivered"),
        "{}",
        pair.bob.story()
    );
}

#[test]
fn mute_tells_what_changed_and_gates_the_media() {
    let mut pair = Pair::established(Transport::Udp);
    let now = pair.now;
    pair.alice_session()
        .mute(now, MediaKinds::AUDIO)
        .expect("muted");
    pair.alice_session()
        .mute(now, MediaKinds::AUDIO)
        .expect("muted still");
    pair.alice_session()
        .unmute(now, MediaKinds::BOTH)
        .expect("unmuted");
    pair.drive();
    assert!(
        pair.alice
            .story()
            .ends_with("muted(true, false) unmuted(true, false)"),
        "{}",
        pair.alice.story()
    );
    let gates: Vec<bool> = pair
        .alice
        .media
        .iter()
        .filter_map(|request| match request {
            MediaRequest::SetEnabled { audio, .. } => Some(*audio),
            _ => None,
        })
        .collect();
    assert_eq!(gates, [false, true]);
}

#[test]
fn an_offer_that_never_finishes_gathering_leaves_after_half_a_second() {
    let mut pair = Pair::udp();
    pair.alice.deaf_to = Some(|request| matches!(request, MediaRequest::SetLocal { .. }));
    let id = pair.call();
    let now = pair.now;
    pair.alice
        .agent
        .media(now, id, MediaReport::LocalSet { gathered: false });
    pair.run(Duration::from_millis(499));
    assert_eq!(pair.alice.sent_count("INVITE"), 0);
    pair.run(Duration::from_millis(1));
    assert_eq!(pair.alice.sent_count("INVITE"), 1);
}

#[test]
fn the_application_may_change_the_invite() {
    let mut pair = Pair::udp();
    pair.alice.asks = Some(|question| question.name() == "sending");
    pair.call();
    assert_eq!(pair.alice.sent_count("INVITE"), 0);
    let (ask, question) = pair.alice.questions.pop().expect("the sending question");
    let offhook_core::Question::Sending(mut request) = question else {
        panic!("another question");
    };
    request
        .headers_mut()
        .push("X-Color", "blue")
        .expect("a header");
    let now = pair.now;
    pair.alice.agent.reply(now, ask, Reply::Request(request));
    pair.bob.asks = Some(|question| question.name() == "newRTCSession");
    pair.run(SECOND);
    let (_, question) = pair.bob.questions.pop().expect("a new session");
    let offhook_core::Question::NewSession(Invitation::Incoming(invite)) = question else {
        panic!("no INVITE");
    };
    assert_eq!(invite.header("X-Color"), Some("blue"));
}

#[test]
fn a_refused_microphone_fails_an_incoming_call_with_480() {
    let mut pair = Pair::udp();
    pair.bob.deaf_to = Some(|request| matches!(request, MediaRequest::Capture { .. }));
    pair.bob.manner = Manner::Answer;
    pair.call();
    pair.run(SECOND);
    let (now, id) = (pair.now, pair.bob.session.expect("a session"));
    let failed = MediaReport::Failed {
        step: MediaStep::Capture,
        error: "no microphone".to_owned(),
    };
    pair.bob.agent.media(now, id, failed);
    pair.run_out();
    let story = pair.bob.story();
    assert!(
        story.ends_with("failed(local, User Denied Media Access) getusermediafailed closed"),
        "{story}"
    );
    assert!(
        pair.alice
            .story()
            .ends_with("failed(remote, Unavailable) closed"),
        "{}",
        pair.alice.story()
    );
    pair.assert_clean();
}

#[test]
fn an_answer_the_engine_refuses_is_acked_and_byed() {
    let mut pair = Pair::udp();
    pair.bob.manner = Manner::Answer;
    pair.alice.deaf_to = Some(|request| matches!(request, MediaRequest::SetRemote { .. }));
    pair.call();
    pair.run(Duration::from_millis(300));
    let (now, id) = (pair.now, pair.alice.session.expect("a session"));
    let failed = MediaReport::Failed {
        step: MediaStep::SetRemote,
        error: "no codec".to_owned(),
    };
    pair.alice.agent.media(now, id, failed);
    pair.run_out();
    let story = pair.alice.story();
    assert!(
        story.contains(
            "failed(remote, Bad Media Description) peerconnection:setremotedescriptionfailed"
        ),
        "{story}"
    );
    assert!(
        pair.bob
            .story()
            .ends_with("ended(remote, Terminated) closed"),
        "{}",
        pair.bob.story()
    );
    pair.assert_clean();
}

#[test]
fn a_call_to_nowhere_fails_and_says_so() {
    let mut pair = Pair::udp();
    let now = pair.now;
    pair.alice
        .agent
        .call(now, "sip:bob@203.0.113.9", CallOptions::default())
        .expect("a call");
    pair.run_out();
    assert!(
        pair.alice
            .story()
            .ends_with("failed(system, Connection Error) closed"),
        "{}",
        pair.alice.story()
    );
    pair.assert_clean();
}

#[test]
fn a_target_that_is_no_address_is_refused() {
    let mut pair = Pair::udp();
    let now = pair.now;
    for target in ["", "  ", "sip:", "http://x", "bob smith", "sip:bob@"] {
        let refused = pair.alice.agent.call(now, target, CallOptions::default());
        assert!(
            matches!(
                refused,
                Err(CommandError::InvalidArgument { name: "target", .. })
            ),
            "{target:?}: {refused:?}"
        );
    }
}

#[test]
fn stop_ends_every_call_and_leaves_nothing() {
    let mut pair = Pair::established(Transport::Udp);
    let now = pair.now;
    pair.alice.agent.stop(now);
    pair.run_out();
    assert!(
        pair.alice
            .story()
            .ends_with("ended(local, Terminated) closed stopped"),
        "{}",
        pair.alice.story()
    );
    assert!(
        pair.bob
            .story()
            .ends_with("ended(remote, Terminated) closed"),
        "{}",
        pair.bob.story()
    );
    pair.assert_clean();
}

#[test]
fn a_session_that_ended_takes_no_more_commands() {
    let mut pair = Pair::established(Transport::Udp);
    let now = pair.now;
    pair.alice_session()
        .terminate(now, TerminateOptions::default())
        .expect("hung up");
    let again = pair
        .alice_session()
        .terminate(now, TerminateOptions::default());
    assert!(matches!(
        again,
        Err(CommandError::InvalidState {
            command: "terminate",
            status: Status::Terminated
        })
    ));
    let tones = pair
        .alice_session()
        .send_dtmf(now, "1", DtmfOptions::default());
    assert!(matches!(tones, Err(CommandError::InvalidState { .. })));
}

#[test]
fn a_status_out_of_range_changes_nothing() {
    let mut pair = Pair::udp();
    pair.call();
    pair.run(SECOND);
    let now = pair.now;
    let ok = TerminateOptions {
        status: Some(StatusCode::OK),
        ..Default::default()
    };
    let refused = pair.bob_session().terminate(now, ok);
    assert!(matches!(
        refused,
        Err(CommandError::InvalidArgument {
            name: "status_code",
            ..
        })
    ));
    assert!(!pair.bob.story().contains("failed"));
}

impl Pair {
    fn alice_session_status(&self) -> Status {
        let id = self.alice.session.expect("a session");
        self.alice
            .agent
            .session_info(id)
            .expect("a live session")
            .status()
    }
}
