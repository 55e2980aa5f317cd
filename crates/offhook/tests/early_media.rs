//! What may be heard before a call is answered.

mod common;

use common::{bob, caller, take_call};
use offhook::{
    AnswerOptions, Asks, FrameReceiver, Originator, ProgressOptions, SessionEvent, Sink, Source,
    TerminateOptions, sip::StatusCode,
};

/// Waits for a frame in which there is sound.
async fn hears_something(frames: &mut FrameReceiver) {
    loop {
        let frame = frames.next().await.expect("the call goes on");
        if frame.samples.iter().any(|sample| sample.abs() > 4_000) {
            return;
        }
    }
}

#[tokio::test]
async fn both_hear_each_other_before_the_call_is_answered_and_after() {
    let (bob, address) = bob(Asks::NONE).await;
    let alice = caller(Asks::NONE).await;
    let (sink, mut at_alice) = Sink::frames();
    let call = alice.call(&address).play(Source::tone(440.0)).sink(sink);
    let call = call.start().expect("a call");

    let incoming = take_call(&bob).await;
    let (sink, mut at_bob) = Sink::frames();
    let early = ProgressOptions::default()
        .play(Source::tone(880.0))
        .sink(sink)
        .extra_header("X-Queue", "3");
    incoming.progress(early).expect("it rings");
    let header = loop {
        match call.next().await.expect("the call goes on") {
            SessionEvent::Progress {
                originator: Originator::Remote,
                response: Some(response),
            } if response.status() == StatusCode::SESSION_PROGRESS => {
                break response.header("X-Queue").map(str::to_owned);
            }
            _ => {}
        }
    };
    assert_eq!(header.as_deref(), Some("3"));
    tokio::join!(hears_something(&mut at_alice), hears_something(&mut at_bob));
    assert!(call.is_in_progress() && incoming.is_in_progress());

    // The media that there are stay: this silence is not asked for any more.
    let silent = AnswerOptions::default().play(Source::silence());
    incoming.answer(silent).expect("it rings");
    tokio::try_join!(call.confirmed(), incoming.confirmed()).expect("the call stands");
    while at_alice.try_next().is_some() {}
    while at_bob.try_next().is_some() {}
    tokio::join!(hears_something(&mut at_alice), hears_something(&mut at_bob));
    assert!(
        incoming.progress(ProgressOptions::default()).is_err(),
        "answered"
    );
    call.terminate(TerminateOptions::default())
        .expect("the call stands");
    incoming.ended().await;
}

#[tokio::test]
async fn a_call_that_was_heard_may_still_be_refused() {
    let (bob, address) = bob(Asks::NONE).await;
    let alice = caller(Asks::NONE).await;
    let (sink, mut at_alice) = Sink::frames();
    let call = alice.call(&address).sink(sink).start().expect("a call");
    let incoming = take_call(&bob).await;
    let early = ProgressOptions::default().play(Source::tone(880.0));
    incoming.progress(early).expect("it rings");
    hears_something(&mut at_alice).await;
    let busy = TerminateOptions {
        status: Some(StatusCode::BUSY_HERE),
        ..TerminateOptions::default()
    };
    incoming.terminate(busy).expect("it rings");
    let end = call.ended().await;
    assert_eq!(end.status(), Some(StatusCode::BUSY_HERE));
    assert!(!end.established);
}
