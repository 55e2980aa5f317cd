//! Messages, questions and subscriptions between user agents on real sockets, through an exchange
//! and without.

mod common;

use common::{bob, caller, listening, on_loopback, take_call};
use offhook::{
    AnswerOptions, Asks, Body, Error, GrantOptions, LastNotify, Notifier, NotifierEvent, Rejection,
    RequestOptions, SubscribeOptions, SubscriberEvent, Subscription, SubscriptionEnd,
    TerminateOptions, Transport, UserAgent, UserAgentEvent, sip::StatusCode,
};
use offhook_exchange::Exchange;

async fn exchange(transport: Transport) -> Exchange {
    let builder = Exchange::builder()
        .domain("localhost")
        .user("alice", "alicepw")
        .user("bob", "bobpw")
        .listen(transport, ([127, 0, 0, 1], 0).into());
    builder.start().await.expect("the exchange starts")
}

/// A registered user who tells his presence.
async fn user(name: &str, exchange: &Exchange) -> UserAgent {
    let user = on_loopback(&format!("sip:{name}@localhost"))
        .password(format!("{name}pw"))
        .server(exchange.url())
        .event_package("presence")
        .start()
        .await
        .expect("the server is there");
    user.registered().await.expect("the password is right");
    user
}

/// The next event that is a request of somebody.
async fn asked(user_agent: &UserAgent) -> UserAgentEvent {
    loop {
        match user_agent.next().await.expect("the user agent runs") {
            event @ (UserAgentEvent::Message(_)
            | UserAgentEvent::Options(_)
            | UserAgentEvent::Subscribe(_)) => return event,
            _ => continue,
        }
    }
}

/// What a subscription tells, up to and with the event of this name.
async fn told(subscription: &Subscription, name: &str) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        let event = subscription.next().await.expect("it has not ended");
        told.push(match &event {
            SubscriberEvent::Notify {
                body: Some(body), ..
            } => format!("notify {}", String::from_utf8_lossy(&body.content)),
            event => event.name().to_owned(),
        });
        if event.name() == name {
            return told;
        }
    }
}

/// Somebody subscribes: lets it in.
async fn let_in(user_agent: &UserAgent, state: &str) -> Notifier {
    let UserAgentEvent::Subscribe(incoming) = asked(user_agent).await else {
        panic!("a SUBSCRIBE was expected");
    };
    assert_eq!(incoming.event_package(), "presence");
    incoming.accept(GrantOptions {
        body: Some(Body::from(state)),
        ..GrantOptions::default()
    })
}

#[tokio::test]
async fn messages_go_both_ways_through_an_exchange() {
    for transport in [Transport::Ws, Transport::Udp] {
        let exchange = exchange(transport).await;
        let alice = user("alice", &exchange).await;
        let bob = user("bob", &exchange).await;
        for (from, to, target, text) in [
            (&alice, &bob, "bob", "Dinner at eight?"),
            (&bob, &alice, "alice", "Make it nine."),
        ] {
            let sent = from
                .send_message(target, text, RequestOptions::default())
                .expect("a user of the own domain");
            let UserAgentEvent::Message(message) = asked(to).await else {
                panic!("a MESSAGE was expected");
            };
            assert_eq!(message.text(), Some(text));
            assert_eq!(
                message.body().map(|body| body.content_type),
                Some("text/plain".to_owned())
            );
            assert!(message.from().ends_with("@localhost") && message.session().is_none());
            drop(message);
            let response = sent.await.expect("a dropped message is accepted");
            assert_eq!(response.status(), StatusCode::OK);
        }
        let refused = alice
            .send_message("bob", "Psst!", RequestOptions::default())
            .expect("a user of the own domain");
        if let UserAgentEvent::Message(message) = asked(&bob).await {
            message.reject(Rejection::default());
        }
        let error = refused.await.expect_err("bob refuses");
        assert!(error.to_string().contains("403 Forbidden"), "{error}");
        let unknown = alice
            .send_message("nobody", "Hello?", RequestOptions::default())
            .expect("a user of the own domain");
        let error = unknown.await.expect_err("nobody is there");
        assert!(matches!(error, Error::RequestFailed(_)), "{error}");
    }
}

#[tokio::test]
async fn a_peer_says_what_it_can() {
    let exchange = exchange(Transport::Ws).await;
    let alice = user("alice", &exchange).await;
    let bob = user("bob", &exchange).await;
    let answer = alice
        .send_options("bob", None, RequestOptions::default())
        .expect("a user of the own domain")
        .await
        .expect("bob answers without asking");
    assert!(answer.has_token("Allow", "MESSAGE"));
    assert!(answer.has_token("Allow-Events", "presence"));
    assert_eq!(answer.header("Accept"), Some("application/sdp"));
    bob.stop().await;

    let (bob, uri) = listening(|bob| bob.asks(Asks::ALL)).await;
    let carol = caller(Asks::NONE).await;
    let pending = carol
        .send_options(&uri, None, RequestOptions::default())
        .expect("an address");
    let UserAgentEvent::Options(options) = asked(&bob).await else {
        panic!("an OPTIONS was expected");
    };
    options.accept(vec![("X-Mood".to_owned(), "fine".to_owned())], None);
    let answer = pending.await.expect("bob accepts");
    assert_eq!(answer.header("X-Mood"), Some("fine"));
}

#[tokio::test]
async fn a_subscription_tells_the_state_and_its_changes() {
    for transport in [Transport::Ws, Transport::Tcp] {
        let exchange = exchange(transport).await;
        let alice = user("alice", &exchange).await;
        let bob = user("bob", &exchange).await;
        let watch = alice
            .subscribe("bob", "presence", SubscribeOptions::default())
            .expect("a user of the own domain");
        let notifier = let_in(&bob, "at the desk").await;
        notifier.notify("at lunch").expect("it stands");
        let mut events = told(&watch, "notify").await;
        events.extend(told(&watch, "notify").await);
        events.retain(|event| event.starts_with("notify"));
        assert_eq!(events, ["notify at the desk", "notify at lunch"]);

        watch.refresh().expect("it stands");
        let refreshed = notifier.next().await.expect("it stands");
        assert!(matches!(refreshed, NotifierEvent::Refreshed { .. }));
        assert_eq!(told(&watch, "notify").await, ["notify at lunch"]);

        watch.unsubscribe().expect("it stands");
        assert_eq!(
            told(&watch, "terminated").await,
            ["notify at lunch", "terminated"]
        );
        assert!(watch.next().await.is_none() && watch.unsubscribe().is_err());
        let left = notifier.next().await.expect("it is told");
        assert!(matches!(left, NotifierEvent::Unsubscribed { .. }));
        let over = notifier.next().await.expect("it is told");
        assert!(matches!(over, NotifierEvent::Terminated { .. }));
        assert!(notifier.next().await.is_none() && notifier.notify("home").is_err());
        assert_eq!(alice.live().subscriptions, 0);
    }
}

#[tokio::test]
async fn a_notifier_ends_or_refuses_a_subscription() {
    let exchange = exchange(Transport::Ws).await;
    let alice = user("alice", &exchange).await;
    let bob = user("bob", &exchange).await;
    let subscribe = |event| alice.subscribe("bob", event, SubscribeOptions::default());
    let watch = subscribe("presence").expect("an address");
    let notifier = let_in(&bob, "here").await;
    told(&watch, "notify").await;
    notifier
        .terminate(LastNotify::default())
        .expect("it stands");
    assert_eq!(told(&watch, "terminated").await, ["notify", "terminated"]);

    let watch = subscribe("presence").expect("an address");
    drop(asked(&bob).await);
    let Some(SubscriberEvent::Terminated {
        end: SubscriptionEnd::Refused { response },
    }) = watch.next().await
    else {
        panic!("a dropped question refuses");
    };
    assert_eq!(response.status(), StatusCode::DECLINE);

    let weather = subscribe("weather").expect("an address");
    let Some(SubscriberEvent::Terminated { end }) = weather.next().await else {
        panic!("bob has no weather");
    };
    assert!(end.to_string().contains("489"), "{end}");
    assert!(subscribe("refer").is_err());
}

#[tokio::test]
async fn a_subscription_that_nobody_holds_is_left_with_the_next_word() {
    let exchange = exchange(Transport::Ws).await;
    let alice = user("alice", &exchange).await;
    let bob = user("bob", &exchange).await;
    let watch = alice
        .subscribe("bob", "presence", SubscribeOptions::default())
        .expect("an address");
    let notifier = let_in(&bob, "here").await;
    told(&watch, "notify").await;
    drop(watch);
    notifier.notify("anybody?").expect("it stands");
    let left = notifier.next().await.expect("it is told");
    assert!(
        matches!(left, NotifierEvent::Unsubscribed { .. }),
        "{left:?}"
    );
}

#[tokio::test]
async fn a_call_carries_messages_questions_and_subscriptions() {
    let exchange = exchange(Transport::Ws).await;
    let alice = user("alice", &exchange).await;
    let bob = user("bob", &exchange).await;
    let call = alice.call("bob").start().expect("a user of the own domain");
    let incoming = take_call(&bob).await;
    incoming.answer(AnswerOptions::default()).expect("it waits");
    call.confirmed().await.expect("bob answers");
    incoming.confirmed().await.expect("alice acknowledges");

    let sent = incoming
        .send_message("Can you hear me?", &Vec::new())
        .expect("the call stands");
    let UserAgentEvent::Message(message) = asked(&alice).await else {
        panic!("a MESSAGE was expected");
    };
    let session = message
        .session()
        .map(|session| session.call_id().to_owned());
    assert_eq!(session.as_deref(), Some(call.call_id()));
    message.accept(Vec::new());
    sent.await.expect("alice accepts");
    let answer = call.send_options(&Vec::new()).expect("the call stands");
    assert!(
        answer
            .await
            .expect("bob answers")
            .has_token("Allow", "REFER")
    );

    let watch = call
        .subscribe("presence", SubscribeOptions::default())
        .expect("the call stands");
    let notifier = let_in(&bob, "on the phone").await;
    told(&watch, "notify").await;
    // It outlives the call.
    call.terminate(TerminateOptions::default())
        .expect("the call stands");
    incoming.ended().await;
    notifier.notify("free again").expect("it stands");
    assert_eq!(told(&watch, "notify").await, ["notify free again"]);
    watch.unsubscribe().expect("it stands");
    told(&watch, "terminated").await;
}

#[tokio::test]
async fn without_a_server_all_of_it_works_as_well() {
    let (bob, uri) = bob(Asks::NONE).await;
    let alice = caller(Asks::NONE).await;
    let sent = alice
        .send_message(
            &uri,
            Body::new("text/html", "<b>hi</b>"),
            RequestOptions::default(),
        )
        .expect("an address");
    let UserAgentEvent::Message(message) = asked(&bob).await else {
        panic!("a MESSAGE was expected");
    };
    assert_eq!(message.body(), Some(Body::new("text/html", "<b>hi</b>")));
    message.accept(Vec::new());
    sent.await.expect("bob accepts");
    let unheard = alice
        .send_message(&uri, "Are you there?", RequestOptions::default())
        .expect("an address");
    alice.stop().await;
    let error = unheard.await.expect_err("alice has stopped");
    let failed = matches!(error, Error::RequestFailed(_) | Error::Stopped);
    assert!(failed, "{error}");
    let late = alice.send_message(&uri, "Hello", RequestOptions::default());
    assert!(matches!(late.err(), Some(Error::Stopped)));
}
