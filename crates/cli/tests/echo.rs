//! What `answer --echo` sends back, to a caller that is a program of its own.

mod common;

use common::answering;
use offhook::{
    Asks, DataChannel, DataChannelEvent, DataChannelOptions, DataMessage, MediaOptions, Session,
    SessionEvent, TerminateOptions, UserAgent,
};

async fn chat_in(call: &Session) -> DataChannel {
    while let Some(event) = call.next().await {
        if let SessionEvent::PeerConnection(ask) = event {
            let options = DataChannelOptions::default();
            let made = ask.connection().create_data_channel("chat", options);
            return made.await.expect("a channel");
        }
    }
    panic!("the call ended before its peer connection stood");
}

#[tokio::test]
async fn messages_of_data_channels_come_back() {
    let (mut bob, address) = answering(&["--echo", "--once"]);
    let media = MediaOptions {
        loopback: true,
        ..MediaOptions::default()
    };
    let asks = Asks {
        peer_connection: true,
        ..Asks::NONE
    };
    let alice = UserAgent::builder("sip:alice@127.0.0.1")
        .media(media)
        .asks(asks);
    let alice = alice.start().await.expect("alice starts");
    let call = alice.call(&address).start().expect("a call");
    let chat = chat_in(&call).await;
    assert_eq!(chat.next().await, Some(DataChannelEvent::Open));
    for message in [
        DataMessage::Text("hello".into()),
        DataMessage::Binary(vec![0, 255]),
    ] {
        chat.send(message.clone()).await.expect("open");
        let back = chat.next().await;
        assert_eq!(back, Some(DataChannelEvent::Message(message)));
    }
    assert_eq!(bob.wait_for("media:datachannel")["label"], "chat");
    call.terminate(TerminateOptions::default())
        .expect("the call stands");
    let (code, _) = bob.finish();
    assert_eq!(code, 0);
}
