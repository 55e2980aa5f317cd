//! Two user agents on one machine, without a server in between.

mod common;

use std::time::{Duration, SystemTime};

use common::{bob, caller, names, reference_wav, scratch, take_call};
use offhook::{
    AnswerOptions, Asks, AudioCodec, Cause, Direction, DtmfOptions, DtmfTransport, Error,
    MediaEvent, MediaKinds, MediaOptions, Originator, SessionEvent, Source, TerminateOptions,
    UserAgentEvent, audio, sip,
};

/// The names of a session's events up to its end, without candidates.
async fn all_names(session: &offhook::Session) -> Vec<&'static str> {
    names(session, |_| {}).await
}

#[tokio::test]
async fn a_call_tells_both_sides_the_events_of_the_seed_page_in_order() {
    let (bob, address) = bob(Asks::ALL).await;
    let alice = caller(Asks::ALL).await;
    let call = alice.call(&address).start().expect("the call is made");
    assert_eq!(call.direction(), Direction::Outgoing);
    assert!(call.is_in_progress() && !call.is_established() && !call.is_ended());

    let answering = async {
        let call = take_call(&bob).await;
        assert_eq!(call.remote_identity().uri.as_str(), "sip:alice@127.0.0.1");
        assert!(call.request().is_some() && call.connection().is_none());
        call.answer(AnswerOptions::default())
            .expect("the call waits for an answer");
        let names = names(&call, |event| {
            if matches!(event, SessionEvent::Confirmed { .. }) {
                assert!(call.is_established() && call.connection().is_some());
                call.terminate(TerminateOptions::default())
                    .expect("the call stands");
            }
        });
        (names.await, call)
    };
    let (of_alice, (of_bob, at_bob)) = tokio::join!(all_names(&call), answering);
    assert_eq!(
        of_alice,
        [
            "peerconnection",
            "connecting",
            "sdp",
            "sending",
            "progress",
            "sdp",
            "accepted",
            "confirmed",
            "ended"
        ]
    );
    assert_eq!(
        of_bob,
        [
            "progress",
            "peerconnection",
            "sdp",
            "connecting",
            "sdp",
            "accepted",
            "confirmed",
            "ended"
        ]
    );
    let end = call.ended().await;
    assert_eq!(
        (end.originator, end.cause, end.established),
        (Originator::Remote, Cause::Bye, true)
    );
    assert_eq!(at_bob.ended().await.originator, Originator::Local);
    assert!(call.is_ended() && !call.is_established() && !call.is_in_progress());
    assert!(call.start_time() <= call.end_time() && call.end_time().is_some());
    assert!(
        call.terminate(TerminateOptions::default()).is_err(),
        "it is over"
    );
}

#[tokio::test]
async fn what_is_played_on_one_side_is_recorded_on_the_other() {
    let folder = scratch("recorded");
    let played = reference_wav(&folder);
    let recorded = folder.join("heard.wav");
    let (bob, address) = bob(Asks::NONE).await;
    let alice = caller(Asks::NONE).await;
    let source = Source::wav(&played).expect("a WAV file");
    let call = alice
        .call(&address)
        .codecs([AudioCodec::Pcmu])
        .play(source)
        .start()
        .expect("a call");

    let incoming = take_call(&bob).await;
    incoming
        .answer(AnswerOptions::default().record(&recorded))
        .expect("an answer");
    call.confirmed().await.expect("the call stands");
    while let Some(event) = call.next().await {
        if matches!(event, SessionEvent::Media(offhook::MediaEvent::PlayedOut)) {
            call.terminate(TerminateOptions::default())
                .expect("the call stands");
        }
    }
    incoming.ended().await;

    let (heard, rate) = audio::read_wav(&recorded).expect("the recording is complete");
    let (original, original_rate) = audio::read_wav(&played).expect("the file played");
    let original = audio::resample(&original, original_rate, rate).expect("a usable rate");
    let stats = incoming.stats().await.expect("the call had media");
    let likeness = audio::correlation(&original, &heard, heard.len());
    // A machine too busy for real time makes the jitter buffer stretch the sound in places. What
    // is heard is still what was played; nothing else comes near half.
    let enough = if stats.concealed_frames == 0 {
        0.9
    } else {
        0.5
    };
    let pieces = audio::similarity(&original, &heard, rate, heard.len());
    assert!(
        likeness.max(pieces) >= enough,
        "the recording matches to {likeness}: {stats:?}"
    );
    assert!(
        stats.packets_received > 0 && stats.codec.as_deref() == Some("PCMU"),
        "{stats:?}"
    );
    let _ = std::fs::remove_dir_all(folder);
}

#[tokio::test]
async fn tones_and_infos_arrive_by_either_way() {
    let (bob, address) = bob(Asks::NONE).await;
    let alice = caller(Asks::NONE).await;
    let call = alice.call(&address).start().expect("a call");
    let incoming = take_call(&bob).await;
    incoming
        .answer(AnswerOptions::default().echo())
        .expect("an answer");
    call.confirmed().await.expect("the call stands");
    call.send_info("text/plain", "hello", &Vec::new())
        .expect("the call stands");
    let quick = |transport| DtmfOptions {
        transport,
        duration: Duration::from_millis(70),
        inter_tone_gap: Duration::from_millis(50),
        ..DtmfOptions::default()
    };
    call.send_dtmf("12#", quick(DtmfTransport::Info))
        .expect("tones");

    let mut tones = String::new();
    let mut in_rtp = false;
    while let Some(event) = incoming.next().await {
        match event {
            SessionEvent::NewInfo {
                content_type,
                body,
                originator,
                ..
            } => {
                assert_eq!(
                    (content_type.as_str(), &body[..]),
                    ("text/plain", &b"hello"[..])
                );
                assert_eq!(originator, Originator::Remote);
            }
            SessionEvent::NewDtmf { tone, request, .. } => {
                assert_eq!(request.is_none(), in_rtp, "how the tone came");
                tones.push(tone);
            }
            SessionEvent::Media(offhook::MediaEvent::AudioReceived)
            | SessionEvent::Confirmed { .. } => {}
            SessionEvent::Ended(_) => break,
            _ => {}
        }
        if tones == "12#" && !in_rtp {
            in_rtp = true;
            call.send_dtmf("A*", quick(DtmfTransport::Rfc2833))
                .expect("tones");
        }
        if tones == "12#A*" {
            incoming
                .terminate(TerminateOptions::default())
                .expect("the call stands");
            break;
        }
    }
    assert_eq!(tones, "12#A*");
    let end = call.ended().await;
    assert_eq!(end.cause, Cause::Bye, "{end}");
}

#[tokio::test]
async fn a_busy_callee_fails_the_call_with_its_status() {
    let (bob, address) = bob(Asks::NONE).await;
    let alice = caller(Asks::NONE).await;
    let call = alice.call(&address).start().expect("a call");
    let incoming = take_call(&bob).await;
    let busy = TerminateOptions {
        status: sip::StatusCode::new(486),
        ..TerminateOptions::default()
    };
    incoming
        .terminate(busy)
        .expect("the call waits for an answer");
    let error = call.confirmed().await.expect_err("the call is refused");
    let Error::CallEnded(end) = &error else {
        panic!("{error}")
    };
    assert_eq!((end.cause, end.established), (Cause::Busy, false));
    assert_eq!(error.to_string(), "the callee is busy (486 Busy Here)");
    assert_eq!(call.end_time(), None, "a call that failed has not ended");
    assert!(
        call.stats().await.is_some(),
        "the caller had prepared media"
    );
}

#[tokio::test]
async fn a_caller_who_gives_up_stops_the_ringing() {
    let (bob, address) = bob(Asks::NONE).await;
    let alice = caller(Asks::NONE).await;
    let call = alice.call(&address).start().expect("a call");
    let incoming = take_call(&bob).await;
    while let Some(event) = call.next().await {
        if matches!(event, SessionEvent::Progress { .. }) {
            call.terminate(TerminateOptions::default())
                .expect("it rings");
        }
    }
    let end = incoming.ended().await;
    assert_eq!(
        (end.cause, end.originator),
        (Cause::Canceled, Originator::Remote)
    );
    assert_eq!(call.ended().await.cause, Cause::Canceled);
    assert!(matches!(
        incoming.answer(AnswerOptions::default()),
        Err(Error::Command(_))
    ));
}

#[tokio::test]
async fn the_application_may_change_what_is_sent() {
    let (bob, address) = bob(Asks::NONE).await;
    let asks = Asks {
        sending: true,
        sdp: true,
        ..Asks::NONE
    };
    let alice = caller(asks).await;
    let call = alice
        .call(&address)
        .extra_header("X-Ticket", "42")
        .start()
        .expect("a call");
    let changing = async {
        while let Some(event) = call.next().await {
            match event {
                SessionEvent::Sdp(ask) if ask.originator() == Originator::Local => {
                    let sdp = ask.sdp().replace("s=-", "s=changed");
                    ask.replace(sdp);
                }
                SessionEvent::Sending(ask) => {
                    let mut request = ask.request().clone();
                    request
                        .headers_mut()
                        .push("X-Mangled", "yes")
                        .expect("a header");
                    ask.send(request);
                }
                _ => {}
            }
        }
    };
    let checking = async {
        let incoming = take_call(&bob).await;
        let request = incoming.request().expect("the INVITE");
        assert_eq!(request.header("X-Ticket"), Some("42"));
        assert_eq!(request.header("X-Mangled"), Some("yes"));
        let sdp = String::from_utf8_lossy(request.body());
        assert!(sdp.contains("s=changed"), "{sdp}");
        incoming
            .terminate(TerminateOptions::default())
            .expect("it waits for an answer");
    };
    tokio::join!(changing, checking);
}

#[tokio::test]
async fn mute_is_told_once_and_can_be_asked_for() {
    let (bob, address) = bob(Asks::NONE).await;
    let alice = caller(Asks::NONE).await;
    let call = alice.call(&address).start().expect("a call");
    let incoming = take_call(&bob).await;
    incoming
        .answer(AnswerOptions::default())
        .expect("an answer");
    call.confirmed().await.expect("the call stands");
    call.mute(MediaKinds::AUDIO).expect("the call stands");
    assert_eq!(call.is_muted(), MediaKinds::AUDIO);
    call.mute(MediaKinds::AUDIO).expect("the call stands");
    call.unmute(MediaKinds::BOTH).expect("the call stands");
    assert_eq!(call.is_muted(), MediaKinds::default());
    call.terminate(TerminateOptions::default())
        .expect("the call stands");
    let names = all_names(&call).await;
    let mutes: Vec<_> = names
        .iter()
        .filter(|name| name.ends_with("muted"))
        .collect();
    assert_eq!(mutes, [&"muted", &"unmuted"]);
}

#[tokio::test]
async fn an_application_keeps_values_of_its_own_with_a_session() {
    #[derive(Debug, PartialEq)]
    struct Ticket(u32);
    let (_bob, address) = bob(Asks::NONE).await;
    let alice = caller(Asks::NONE).await;
    let call = alice.call(&address).start().expect("a call");
    assert!(call.data::<Ticket>().is_none());
    call.set_data(Ticket(1));
    assert_eq!(
        *call.set_data(Ticket(2)).expect("the one before"),
        Ticket(1)
    );
    assert_eq!(
        *call.clone().data::<Ticket>().expect("a clone shares it"),
        Ticket(2)
    );
}

#[tokio::test]
async fn dropping_the_user_agent_ends_its_calls() {
    let (bob, address) = bob(Asks::NONE).await;
    let alice = caller(Asks::NONE).await;
    let call = alice.call(&address).start().expect("a call");
    let incoming = take_call(&bob).await;
    incoming
        .answer(AnswerOptions::default())
        .expect("an answer");
    call.confirmed().await.expect("the call stands");
    incoming.confirmed().await.expect("the call stands");
    drop(alice);
    assert_eq!(incoming.ended().await.cause, Cause::Bye);
    assert_eq!(call.ended().await.originator, Originator::Local);
}

#[tokio::test]
async fn a_stopped_user_agent_has_no_more_events_and_makes_no_more_calls() {
    let (bob, address) = bob(Asks::NONE).await;
    bob.stop().await;
    assert!(bob.next().await.is_none());
    assert!(matches!(bob.call(&address).start(), Err(Error::Stopped)));
}

#[tokio::test]
async fn a_phone_told_not_to_ring_rings_when_the_application_says_so() {
    let (bob, address) = common::listening(|bob| bob.ring(false)).await;
    let alice = caller(Asks::NONE).await;
    let call = alice.call(&address).start().expect("a call");
    let incoming = take_call(&bob).await;
    incoming.ring();
    let mut rang = false;
    while let Some(event) = call.next().await {
        if let SessionEvent::Progress { response, .. } = event {
            rang |= response.is_some_and(|response| response.status().code() == 180);
            incoming
                .terminate(TerminateOptions::default())
                .expect("it waits");
        }
    }
    assert!(rang);
}

#[tokio::test]
async fn outgoing_calls_are_told_to_the_user_agent_too() {
    let (_bob, address) = bob(Asks::NONE).await;
    let alice = caller(Asks::NONE).await;
    let call = alice.call(&address).start().expect("a call");
    let event = alice.next().await.expect("an event");
    assert_eq!(event.name(), "newRTCSession");
    let UserAgentEvent::OutgoingCall(told) = event else {
        panic!("{event}")
    };
    assert_eq!(told.call_id(), call.call_id());
}

#[tokio::test]
async fn each_call_may_make_its_peer_connection_in_its_own_way() {
    let (bob, address) = bob(Asks::NONE).await;
    let alice = caller(Asks::NONE).await;
    let mine = |codec| MediaOptions {
        codecs: vec![codec],
        loopback: true,
        ..MediaOptions::default()
    };
    let sdp = Asks {
        sdp: true,
        ..Asks::NONE
    };
    let call = alice
        .call(&address)
        .media_options(mine(AudioCodec::Pcma))
        .asks(sdp)
        .start()
        .expect("the call is made");
    let answering = async {
        let call = take_call(&bob).await;
        let answer = AnswerOptions::default().media_options(mine(AudioCodec::Pcma));
        call.answer(answer).expect("the call waits for an answer");
        call.ended().await
    };
    let calling = async {
        let mut offered = None;
        while let Some(event) = call.next().await {
            match event {
                SessionEvent::Sdp(ask) if ask.originator() == Originator::Local => {
                    offered = Some(ask.sdp().to_owned());
                }
                SessionEvent::Confirmed { .. } => {
                    call.terminate(TerminateOptions::default())
                        .expect("the call stands");
                }
                _ => {}
            }
        }
        offered.expect("an offer was made")
    };
    let (offer, end) = tokio::join!(calling, answering);
    assert_eq!(end.cause, Cause::Bye);
    assert!(offer.contains("PCMA"), "{offer}");
    assert!(
        !offer.contains("PCMU") && !offer.contains("opus"),
        "{offer}"
    );
}

#[tokio::test]
async fn the_times_of_a_call_are_those_of_its_acceptance_and_its_end() {
    let (bob, address) = bob(Asks::NONE).await;
    let alice = caller(Asks::NONE).await;
    let before = SystemTime::now();
    let call = alice.call(&address).start().expect("the call is made");
    assert_eq!((call.start_time(), call.end_time()), (None, None));
    let answering = async {
        let call = take_call(&bob).await;
        call.answer(AnswerOptions::default())
            .expect("the call waits for an answer");
        call.ended().await;
        call
    };
    let calling = async {
        call.confirmed().await.expect("bob answers");
        assert!(call.start_time().is_some() && call.end_time().is_none());
        call.terminate(TerminateOptions::default())
            .expect("the call stands");
        call.ended().await;
    };
    let (at_bob, ()) = tokio::join!(answering, calling);
    for call in [at_bob, call] {
        let (start, end) = (call.start_time(), call.end_time());
        assert!(start.is_some_and(|start| start >= before) && end >= start);
    }
}

#[tokio::test]
async fn a_call_that_leaves_the_offer_to_the_peer_is_heard_on_both_sides() {
    let (bob, address) = bob(Asks::NONE).await;
    let alice = caller(Asks::NONE).await;
    let call = alice
        .call(&address)
        .late_offer()
        .play(Source::tone(440.0))
        .start()
        .expect("the call is made");
    let heard = |session: offhook::Session| async move {
        while let Some(event) = session.next().await {
            if matches!(event, SessionEvent::Media(MediaEvent::AudioReceived)) {
                return;
            }
        }
        panic!("the call ended in silence");
    };
    let answering = async {
        let call = take_call(&bob).await;
        assert!(
            call.request()
                .is_some_and(|invite| invite.body().is_empty())
        );
        let answer = AnswerOptions::default().play(Source::tone(880.0));
        call.answer(answer).expect("the call waits for an answer");
        heard(call).await;
    };
    tokio::join!(answering, heard(call.clone()));
    call.terminate(TerminateOptions::default())
        .expect("the call stands");
    assert_eq!(call.ended().await.cause, Cause::Bye);
}
