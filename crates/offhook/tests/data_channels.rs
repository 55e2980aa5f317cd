//! Data channels beside a call's audio, and without any.

mod common;

use common::{bob, caller, on_loopback, take_call};
use offhook::{
    AnswerOptions, Asks, DataChannel, DataChannelError, DataChannelEvent, DataChannelOptions,
    DataChannelState, DataMessage, MediaOptions, ReofferOptions, Session, SessionEvent,
    TerminateOptions, Transport, UserAgent,
};
use offhook_exchange::Exchange;

const ASKED: Asks = Asks {
    peer_connection: true,
    ..Asks::NONE
};

/// The channel that the caller makes in the event `peerconnection`.
async fn made_in_the_ask(session: &Session) -> DataChannel {
    loop {
        match session.next().await.expect("the call goes on") {
            SessionEvent::PeerConnection(ask) => {
                let options = DataChannelOptions::default();
                let made = ask.connection().create_data_channel("chat", options);
                return made.await.expect("a channel");
            }
            _ => continue,
        }
    }
}

/// The channel that the peer made.
async fn taken(session: &Session) -> DataChannel {
    loop {
        match session.next().await.expect("the call goes on") {
            SessionEvent::DataChannel(channel) => return channel,
            _ => continue,
        }
    }
}

async fn renegotiated(session: &Session) {
    loop {
        match session.next().await.expect("the call goes on") {
            SessionEvent::Renegotiated { result, .. } => return result.expect("it is taken"),
            _ => continue,
        }
    }
}

async fn opens(channel: &DataChannel) {
    assert_eq!(channel.next().await, Some(DataChannelEvent::Open));
}

async fn arrives(channel: &DataChannel, message: DataMessage) {
    let event = channel.next().await;
    assert_eq!(event, Some(DataChannelEvent::Message(message)));
}

/// One message each way.
async fn talk(one: &DataChannel, other: &DataChannel) {
    one.send_text("hello").await.expect("open");
    arrives(other, DataMessage::Text("hello".into())).await;
    other.send_binary([0, 1, 2, 255]).await.expect("open");
    arrives(one, DataMessage::Binary(vec![0, 1, 2, 255])).await;
}

async fn user(name: &str, exchange: &Exchange) -> UserAgent {
    let user_agent = on_loopback(&format!("sip:{name}@localhost"))
        .password(format!("{name}pw"))
        .server(exchange.url())
        .start()
        .await
        .expect("the exchange is there");
    user_agent
        .registered()
        .await
        .expect("the password is right");
    user_agent
}

#[tokio::test]
async fn a_channel_made_in_the_event_peerconnection_carries_messages_both_ways() {
    let exchange = Exchange::builder()
        .domain("localhost")
        .user("alice", "alicepw")
        .user("bob", "bobpw")
        .listen(Transport::Ws, ([127, 0, 0, 1], 0).into());
    let exchange = exchange.start().await.expect("the exchange starts");
    let alice = user("alice", &exchange).await;
    let bob = user("bob", &exchange).await;
    let call = alice.call("sip:bob@localhost").asks(ASKED);
    let call = call.start().expect("a call");
    let ours = made_in_the_ask(&call).await;
    let incoming = take_call(&bob).await;
    incoming.answer(AnswerOptions::default()).expect("it rings");
    let theirs = taken(&incoming).await;
    assert_eq!(theirs.label(), "chat");
    tokio::join!(opens(&ours), opens(&theirs));
    talk(&ours, &theirs).await;

    // It outlives what becomes of the audio.
    call.confirmed().await.expect("the call stands");
    call.hold(ReofferOptions::default()).expect("it stands");
    renegotiated(&call).await;
    talk(&theirs, &ours).await;
    call.unhold(ReofferOptions::default()).expect("it stands");
    renegotiated(&call).await;
    talk(&ours, &theirs).await;

    incoming
        .terminate(TerminateOptions::default())
        .expect("the call stands");
    assert_eq!(ours.next().await, Some(DataChannelEvent::Close));
    assert_eq!(theirs.next().await, Some(DataChannelEvent::Close));
    let late = ours.send_text("late").await;
    assert!(matches!(late, Err(DataChannelError::NotOpen { .. })));
}

#[tokio::test]
async fn a_call_may_carry_data_and_no_audio() {
    let (bob, address) = bob(Asks::NONE).await;
    let alice = caller(ASKED).await;
    let call = alice.call(&address).audio(false).start().expect("a call");
    let ours = made_in_the_ask(&call).await;
    let incoming = take_call(&bob).await;
    incoming.answer(AnswerOptions::default()).expect("it rings");
    tokio::try_join!(call.confirmed(), incoming.confirmed()).expect("the call stands");
    let theirs = taken(&incoming).await;
    tokio::join!(opens(&ours), opens(&theirs));
    talk(&ours, &theirs).await;
    for session in [&call, &incoming] {
        let connection = session.connection().expect("the call stands");
        let local = connection.local_description().await.expect("agreed");
        assert!(!local.sdp.contains("m=audio"), "{}", local.sdp);
        assert!(local.sdp.contains("m=application"), "{}", local.sdp);
    }
    let end = TerminateOptions::default();
    call.terminate(end).expect("the call stands");
    let end = incoming.ended().await;
    assert!(end.established);
}

#[tokio::test]
async fn a_channel_made_in_mid_call_opens_with_the_renegotiation_that_follows() {
    let (bob, address) = bob(Asks::NONE).await;
    let alice = caller(Asks::NONE).await;
    let call = alice.call(&address).start().expect("a call");
    let incoming = take_call(&bob).await;
    incoming.answer(AnswerOptions::default()).expect("it rings");
    tokio::try_join!(call.confirmed(), incoming.confirmed()).expect("the call stands");
    // The callee makes it.
    let connection = incoming.connection().expect("the call stands");
    let made = connection.create_data_channel("late", DataChannelOptions::default());
    let ours = made.await.expect("a channel");
    assert_eq!(ours.ready_state(), DataChannelState::Connecting);
    let options = ReofferOptions::default();
    incoming.renegotiate(options).expect("the call stands");
    let theirs = taken(&call).await;
    assert_eq!(theirs.label(), "late");
    tokio::join!(opens(&ours), opens(&theirs));
    talk(&ours, &theirs).await;
}

#[tokio::test]
async fn a_channel_that_the_callee_declines_closes_with_the_reason_and_the_call_stands() {
    let (bob, address) = bob(Asks::NONE).await;
    let alice = caller(ASKED).await;
    let call = alice.call(&address).start().expect("a call");
    let ours = made_in_the_ask(&call).await;
    let incoming = take_call(&bob).await;
    let refusing = MediaOptions {
        loopback: true,
        data_channels: false,
        ..MediaOptions::default()
    };
    let answer = AnswerOptions::default().media_options(refusing);
    incoming.answer(answer).expect("it rings");
    tokio::try_join!(call.confirmed(), incoming.confirmed()).expect("the call stands");
    let declined = DataChannelEvent::Error(DataChannelError::Declined);
    assert_eq!(ours.next().await, Some(declined));
    assert_eq!(ours.next().await, Some(DataChannelEvent::Close));
    assert_eq!(ours.next().await, None);
    assert!(call.is_established() && incoming.is_established());
}
