//! What two ends know of one call: its identifier, who the peer is, why it ended.

mod common;

use std::time::Duration;

use common::{bob, caller, on_loopback, take_call};
use offhook::sip::{SessionIdentifier, StatusCode};
use offhook::{AnswerOptions, Asks, Cause, SessionEvent, TerminateOptions};
use tokio::net::UdpSocket;
use tokio::time::timeout;

#[tokio::test]
async fn both_ends_know_the_call_by_the_same_uuids_and_why_it_ended() {
    let (bob, address) = bob(Asks::NONE).await;
    let alice = caller(Asks::NONE).await;
    let call = alice.call(&address).start().expect("a call");
    assert_ne!(call.identifier().local, SessionIdentifier::NIL);
    let incoming = take_call(&bob).await;
    incoming
        .answer(AnswerOptions::default())
        .expect("the call waits for an answer");
    call.confirmed().await.expect("the call stands");
    incoming.confirmed().await.expect("the call stands");
    let (here, there) = (call.identifier(), incoming.identifier());
    assert_eq!((here.local, here.remote), (there.remote, there.local));
    // Nobody vouches for a peer that calls directly.
    assert!(incoming.asserted_identity().is_none());

    let why = TerminateOptions {
        status: Some(StatusCode::BUSY_HERE),
        reason: Some("Another call".to_owned()),
        ..TerminateOptions::default()
    };
    incoming.terminate(why).expect("a call to end");
    let end = call.ended().await;
    assert_eq!(end.cause, Cause::Bye);
    assert_eq!(end.reasons()[0].cause, Some(486));
    assert_eq!(end.to_string(), "the peer hung up: Another call");
    // Told after the end, too.
    assert_eq!(call.identifier(), here);
}

#[tokio::test]
async fn a_call_that_another_phone_took_is_not_given_up() {
    let (bob, address) = bob(Asks::NONE).await;
    let alice = caller(Asks::NONE).await;
    for (status, text) in [
        (
            StatusCode::OK,
            "answered elsewhere: Call completed elsewhere",
        ),
        (
            StatusCode::REQUEST_TERMINATED,
            "the caller gave up: Call completed elsewhere",
        ),
    ] {
        let call = alice.call(&address).start().expect("a call");
        let incoming = take_call(&bob).await;
        let options = TerminateOptions {
            status: Some(status),
            reason: Some("Call completed elsewhere".to_owned()),
            ..TerminateOptions::default()
        };
        while call
            .next()
            .await
            .is_some_and(|event| event.name() != "progress")
        {}
        call.terminate(options).expect("a call to cancel");
        let end = incoming.ended().await;
        assert_eq!(end.is_answered_elsewhere(), status == StatusCode::OK);
        assert_eq!(end.to_string(), text);
    }
}

#[tokio::test]
async fn who_the_server_vouches_for_is_told_beside_who_the_caller_says_it_is() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let server = format!("udp://{}", socket.local_addr().expect("an address"));
    let alice = on_loopback("sip:alice@localhost").server(server);
    let alice = alice.start().await.expect("alice starts");
    let mut buffer = [0; 4096];
    let register = timeout(Duration::from_secs(20), socket.recv_from(&mut buffer)).await;
    let (_, peer) = register.expect("in good time").expect("a REGISTER");
    let invite = "INVITE sip:alice@localhost SIP/2.0\r\n\
        Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKpai\r\nMax-Forwards: 70\r\n\
        From: \"Sales\" <sip:sales@localhost>;tag=sales\r\nTo: <sip:alice@localhost>\r\n\
        Call-ID: pai\r\nCSeq: 1 INVITE\r\nContact: <sip:sales@127.0.0.1>\r\n\
        P-Asserted-Identity: \"Bob\" <sip:bob@localhost>\r\nContent-Length: 0\r\n\r\n";
    socket.send_to(invite.as_bytes(), peer).await.expect("sent");
    let call = take_call(&alice).await;
    let told = loop {
        let event = call.next().await.expect("the call lives");
        if let SessionEvent::RemoteIdentity { identity } = event {
            break identity;
        }
    };
    assert_eq!(told.uri.as_str(), "sip:bob@localhost");
    let asserted = call.asserted_identity().expect("the server vouches");
    assert_eq!(asserted.to_string(), told.to_string());
    assert_eq!(call.remote_identity().uri.as_str(), "sip:sales@localhost");
}
