//! A user agent and its server: an exchange on loopback.

mod common;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{names, on_loopback, take_call};
use offhook::{
    AnswerOptions, Error, SessionEvent, TerminateOptions, Transport, UserAgent, UserAgentBuilder,
    UserAgentEvent, WireDirection,
};
use offhook_exchange::Exchange;

async fn exchange_at(transport: Transport, address: SocketAddr) -> Exchange {
    let builder = Exchange::builder()
        .domain("localhost")
        .user("alice", "alicepw");
    let builder = builder.user("bob", "bobpw").listen(transport, address);
    builder.start().await.expect("the exchange starts")
}

async fn exchange(transport: Transport) -> Exchange {
    exchange_at(transport, ([127, 0, 0, 1], 0).into()).await
}

fn user(name: &str, exchange: &Exchange) -> UserAgentBuilder {
    on_loopback(&format!("sip:{name}@localhost"))
        .password(format!("{name}pw"))
        .server(exchange.url())
}

/// The events up to the one of this name.
async fn until(user_agent: &UserAgent, name: &str) -> Vec<&'static str> {
    let mut names = Vec::new();
    while names.last() != Some(&name) {
        names.push(user_agent.next().await.expect("the user agent runs").name());
    }
    names
}

#[tokio::test]
async fn registering_is_told_in_order_and_stopping_takes_it_back() {
    let exchange = exchange(Transport::Ws).await;
    let alice = user("alice", &exchange)
        .start()
        .await
        .expect("the server is there");
    assert!(alice.is_connected());
    alice.registered().await.expect("the password is right");
    assert!(alice.is_registered());
    assert_eq!(exchange.registered("alice"), 1);
    let gruu = alice.public_gruu().expect("one is given over WebSocket");
    assert!(
        gruu.as_str()
            .starts_with("sip:alice@localhost;gr=urn:uuid:")
    );
    assert!(alice.temporary_gruu().is_some());
    assert_eq!(
        until(&alice, "registered").await,
        ["connecting", "connected", "registered"]
    );
    alice.unregister(false);
    until(&alice, "unregistered").await;
    assert_eq!(exchange.registered("alice"), 0);
    alice.register();
    alice.registered().await.expect("the password is right");
    alice.stop().await;
    assert_eq!(exchange.registered("alice"), 0);
    assert!(alice.next().await.is_none() || !alice.is_registered());
}

#[tokio::test]
async fn a_wrong_password_is_a_wrong_password() {
    let exchange = exchange(Transport::Ws).await;
    let alice = user("alice", &exchange)
        .password("guess")
        .start()
        .await
        .expect("a connection");
    let error = alice.registered().await.expect_err("the password is wrong");
    assert!(matches!(error, Error::WrongPassword { .. }), "{error:?}");
    assert!(error.to_string().contains("sip:alice@localhost"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_at_the_start_or_by_an_event() {
    let address = {
        let exchange = exchange(Transport::Ws).await;
        let url = exchange.url();
        exchange.stop().await;
        url
    };
    let builder = || on_loopback("sip:alice@localhost").server(&address);
    let error = builder().start().await.expect_err("nobody listens");
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    let alice = builder()
        .start_disconnected()
        .await
        .expect("it goes on trying");
    let names = until(&alice, "disconnected").await;
    assert_eq!(names, ["connecting", "disconnected"]);
    assert!(alice.connected().await.is_err() && !alice.is_connected());
}

#[tokio::test]
async fn calls_go_through_on_every_transport() {
    for transport in [Transport::Ws, Transport::Tcp, Transport::Udp] {
        let exchange = exchange(transport).await;
        let bob = user("bob", &exchange)
            .start()
            .await
            .expect("the server is there");
        bob.registered().await.expect("the password is right");
        let alice = user("alice", &exchange)
            .register(false)
            .start()
            .await
            .expect("the server");
        assert!(matches!(
            alice.registered().await,
            Err(Error::NotRegistering)
        ));

        let call = alice.call("bob").start().expect("a user of the own domain");
        let incoming = take_call(&bob).await;
        incoming.answer(AnswerOptions::default()).expect("it waits");
        call.confirmed().await.expect("bob answers");
        incoming.confirmed().await.expect("alice acknowledges");
        incoming
            .terminate(TerminateOptions::default())
            .expect("the call stands");
        let (of_alice, of_bob) = tokio::join!(names(&call, |_| {}), names(&incoming, |_| {}));
        let common = ["accepted", "confirmed", "ended"];
        assert_eq!(
            of_alice,
            [&["connecting", "progress"][..], &common].concat(),
            "{transport}"
        );
        assert_eq!(
            of_bob,
            [&["progress", "connecting"][..], &common].concat(),
            "{transport}"
        );
    }
}

#[tokio::test]
async fn a_restarted_server_is_found_and_registered_at_again() {
    let first = exchange(Transport::Ws).await;
    let address = first.address(Transport::Ws).expect("it listens");
    let delay = Duration::from_millis(20);
    let alice = user("alice", &first)
        .reconnect_delay(delay, delay * 4)
        .start()
        .await;
    let alice = alice.expect("the server is there");
    alice.registered().await.expect("the password is right");
    first.stop().await;
    until(&alice, "disconnected").await;
    assert!(!alice.is_registered());
    let second = exchange_at(Transport::Ws, address).await;
    until(&alice, "registered").await;
    assert_eq!(second.registered("alice"), 1);
}

#[tokio::test]
async fn the_hook_sees_every_message_in_order_without_its_secrets() {
    let exchange = exchange(Transport::Ws).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let hook = {
        let seen = Arc::clone(&seen);
        move |message: offhook::WireMessage| seen.lock().expect("unbroken").push(message)
    };
    let alice = user("alice", &exchange)
        .on_message(hook)
        .start()
        .await
        .expect("the server");
    alice.registered().await.expect("the password is right");
    alice.stop().await;
    let seen = seen.lock().expect("unbroken");
    let ways: Vec<_> = seen
        .iter()
        .take(4)
        .map(|message| message.direction)
        .collect();
    let (sent, received) = (WireDirection::Sent, WireDirection::Received);
    assert_eq!(ways, [sent, received, sent, received]);
    let texts: Vec<_> = seen.iter().map(ToString::to_string).collect();
    assert!(
        texts[1].contains("SIP/2.0 401") && texts[1].contains("nonce=\""),
        "{}",
        texts[1]
    );
    let line = texts[2]
        .lines()
        .find(|line| line.starts_with("Authorization:"))
        .expect("an answer");
    assert!(
        line.contains("response=\"***\"") && line.contains("nonce=\""),
        "{line}"
    );
    assert!(!line.contains("nonce=\"***"), "{line}");
}

#[tokio::test]
async fn nothing_is_left_of_a_call_once_its_transactions_ran_out() {
    // On a reliable transport nothing lingers but what the peer still owes an answer to.
    let exchange = exchange(Transport::Ws).await;
    let bob = user("bob", &exchange)
        .start()
        .await
        .expect("the server is there");
    bob.registered().await.expect("the password is right");
    let alice = user("alice", &exchange)
        .register(false)
        .start()
        .await
        .expect("the server");
    let call = alice.call("sip:bob@localhost").start().expect("a call");
    let incoming = take_call(&bob).await;
    incoming.answer(AnswerOptions::default()).expect("it waits");
    call.confirmed().await.expect("bob answers");
    call.terminate(TerminateOptions::default())
        .expect("the call stands");
    assert!(incoming.ended().await.established && call.ended().await.established);
    while let Some(event) = call.next().await {
        assert!(!matches!(event, SessionEvent::Failed(_)), "{event}");
    }
    assert_eq!(bob.live().sessions, 0);
}

#[tokio::test]
async fn an_incoming_call_event_is_a_line_for_people() {
    let exchange = exchange(Transport::Ws).await;
    let bob = user("bob", &exchange)
        .start()
        .await
        .expect("the server is there");
    bob.registered().await.expect("the password is right");
    until(&bob, "registered").await;
    let alice = user("alice", &exchange)
        .register(false)
        .start()
        .await
        .expect("the server");
    let _call = alice.call("sip:bob@localhost").start().expect("a call");
    let event = bob.next().await.expect("a call comes");
    assert!(matches!(event, UserAgentEvent::IncomingCall(_)));
    assert_eq!(event.to_string(), "sip:alice@localhost calls");
}

#[tokio::test]
async fn what_an_application_keeps_with_a_call_is_dropped_with_it() {
    struct Told(std::sync::mpsc::Sender<()>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.send(()).expect("the test listens");
        }
    }
    let exchange = exchange(Transport::Ws).await;
    let alice = user("alice", &exchange)
        .register(false)
        .start()
        .await
        .expect("the server");
    let (sender, dropped) = std::sync::mpsc::channel();
    // Nobody reads alice's events, and the call fails: there is no such user.
    let call = alice.call("nobody").start().expect("a call");
    call.set_data(Told(sender));
    call.ended().await;
    drop(call);
    while alice.live().sessions > 0 {
        tokio::task::yield_now().await;
    }
    while dropped.try_recv().is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_call_to_the_address_of_one_phone_rings_there_alone() {
    let exchange = exchange(Transport::Ws).await;
    let start = |name| user(name, &exchange).start();
    let alice = start("alice").await.expect("the server is there");
    let (desk, mobile) = (start("bob").await, start("bob").await);
    let (desk, mobile) = (desk.expect("a phone"), mobile.expect("a phone"));
    for phone in [&alice, &desk, &mobile] {
        phone.registered().await.expect("the password is right");
    }
    for gruu in [mobile.public_gruu(), mobile.temporary_gruu()] {
        let gruu = gruu.expect("an address of its own");
        let call = alice.call(gruu.as_str()).start().expect("a call");
        let incoming = take_call(&mobile).await;
        incoming
            .answer(AnswerOptions::default())
            .expect("the call waits for an answer");
        call.confirmed().await.expect("the call stands");
        incoming.confirmed().await.expect("the call stands");
        // The exchange leads requests of the dialog from one such address to the other's phone.
        incoming
            .terminate(TerminateOptions::default())
            .expect("a call to end");
        assert_eq!(call.ended().await.cause, offhook::Cause::Bye);
    }
    assert_eq!(desk.live().sessions, 0);
}

/// A way to the exchange that can be cut: each connection ends when `cut` is told.
async fn cuttable(exchange: &Exchange, cut: Arc<tokio::sync::Notify>) -> String {
    let address = exchange.addresses()[0].1;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port");
    let url = format!("ws://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut here, _)) = listener.accept().await {
            let there = tokio::net::TcpStream::connect(address).await;
            let mut there = there.expect("the exchange listens");
            let cut = Arc::clone(&cut);
            tokio::spawn(async move {
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut here, &mut there) => {}
                    () = cut.notified() => {}
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn a_call_rings_on_through_a_cut_and_is_answered_over_the_new_connection() {
    let exchange = exchange(Transport::Ws).await;
    let cut = Arc::new(tokio::sync::Notify::new());
    let way = cuttable(&exchange, Arc::clone(&cut)).await;
    let alice = on_loopback("sip:alice@localhost")
        .password("alicepw")
        .server(way)
        .reconnect_delay(Duration::from_millis(100), Duration::from_secs(1));
    let alice = alice.start().await.expect("the server is there");
    let bob = user("bob", &exchange).start().await.expect("a phone");
    alice.registered().await.expect("the password is right");
    bob.registered().await.expect("the password is right");
    until(&alice, "registered").await;

    let call = alice.call("bob").start().expect("a call");
    let incoming = take_call(&bob).await;
    while call
        .next()
        .await
        .is_some_and(|event| event.name() != "progress")
    {}
    cut.notify_waiters();
    until(&alice, "registered").await;
    assert!(call.is_in_progress() && incoming.is_in_progress());
    incoming
        .answer(AnswerOptions::default())
        .expect("the call waits for an answer");
    call.confirmed().await.expect("the call stands");
    incoming.confirmed().await.expect("the call stands");
    call.terminate(TerminateOptions::default())
        .expect("a call to end");
    assert_eq!(incoming.ended().await.cause, offhook::Cause::Bye);
}
