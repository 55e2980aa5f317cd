//! What an application may wait for: media that connects, and the time for a new offer.

mod common;

use std::time::Duration;

use common::{bob, caller, take_call};
use offhook::{
    AnswerOptions, Asks, IceServer, MediaEvent, MediaOptions, ReofferOptions, Session,
    SessionEvent, TerminateOptions, UserAgent,
};

/// A call that stands.
async fn established(alice: &UserAgent, bob: &UserAgent, address: &str) -> (Session, Session) {
    let call = alice.call(address).start().expect("a call");
    let incoming = take_call(bob).await;
    incoming.answer(AnswerOptions::default()).expect("it rings");
    tokio::try_join!(call.confirmed(), incoming.confirmed()).expect("the call stands");
    (call, incoming)
}

#[tokio::test]
async fn a_call_whose_media_cannot_connect_says_so() {
    let (bob, address) = bob(Asks::NONE).await;
    // A TURN server that never says a word: no candidate is gathered, and none may be but there.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let silent = silent.local_addr().expect("its address");
    let media = MediaOptions {
        loopback: true,
        relay_only: true,
        ice_servers: vec![IceServer {
            urls: vec![format!("turn:{silent}")],
            username: Some("alice".to_owned()),
            credential: Some("wrong".to_owned()),
        }],
        ..MediaOptions::default()
    };
    let alice = UserAgent::builder("sip:alice@127.0.0.1")
        .media(media)
        .gathering_timeout(Duration::from_millis(50))
        .media_timeout(Duration::from_millis(200))
        .start()
        .await
        .expect("alice starts");
    let (call, incoming) = established(&alice, &bob, &address).await;
    loop {
        match call.next().await.expect("the call goes on") {
            SessionEvent::Media(MediaEvent::Unconnected) => break,
            SessionEvent::Media(MediaEvent::Connected) => panic!("there is no way"),
            _ => {}
        }
    }
    assert!(call.is_established(), "another way is looked for");
    call.terminate(TerminateOptions::default())
        .expect("the call stands");
    tokio::join!(call.ended(), incoming.ended());
}

#[tokio::test]
async fn a_session_may_be_waited_for_until_it_is_ready_for_a_new_offer() {
    let (bob, address) = bob(Asks::NONE).await;
    let alice = caller(Asks::NONE).await;
    let (call, incoming) = established(&alice, &bob, &address).await;
    for session in [&call, &incoming, &call, &incoming] {
        session.ready_to_reoffer().await.expect("the call goes on");
        session
            .renegotiate(ReofferOptions::default())
            .expect("it is ready");
        session.ready_to_reoffer().await.expect("the call goes on");
    }
    call.terminate(TerminateOptions::default())
        .expect("the call stands");
    tokio::join!(call.ended(), incoming.ended());
    assert!(call.ready_to_reoffer().await.is_err(), "it has ended");
    let mut told = 0;
    while let Some(event) = call.next().await {
        told += usize::from(matches!(event, SessionEvent::ReadyToReoffer));
    }
    assert!(
        told >= 4,
        "{told}: once established, and after each exchange"
    );
}
