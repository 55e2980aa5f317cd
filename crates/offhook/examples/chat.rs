//! Text over a data channel of a call: what is typed on one side is printed on the other.
//!
//! ```sh
//! cargo run -p offhook --example chat -- sip:bob@localhost secret ws://127.0.0.1:8080
//! cargo run -p offhook --example chat -- sip:alice@localhost secret ws://127.0.0.1:8080 sip:bob@localhost
//! ```
//!
//! The first waits to be called and the second calls; a browser may be either of them. The end of
//! the input ends the call.

use offhook::{
    AnswerOptions, Asks, DataChannel, DataChannelEvent, DataChannelOptions, DataMessage, Error,
    MediaOptions, Session, SessionEvent, TerminateOptions, UserAgent, UserAgentEvent,
};
use tokio::sync::mpsc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (address, password, server, target) = match arguments.as_slice() {
        [address, password, server] => (address, password, server, None),
        [address, password, server, target] => (address, password, server, Some(target)),
        _ => {
            eprintln!("chat ADDRESS PASSWORD SERVER [ADDRESS-TO-CALL]");
            std::process::exit(2);
        }
    };
    let media = MediaOptions {
        // Both sides may be on one machine.
        loopback: true,
        ..MediaOptions::default()
    };
    let asks = Asks {
        peer_connection: true,
        ..Asks::NONE
    };
    let user_agent = UserAgent::builder(address)
        .password(password)
        .server(server)
        .media(media)
        .asks(asks);
    let user_agent = user_agent.start().await?;
    user_agent.registered().await?;
    println!("* registered");
    let call = match target {
        Some(target) => Some(user_agent.call(target).start()?),
        None => called(&user_agent).await?,
    };
    if let Some(call) = call {
        chat(&call, target.is_some()).await?;
    }
    user_agent.stop().await;
    Ok(())
}

/// The first call that comes, answered.
async fn called(user_agent: &UserAgent) -> Result<Option<Session>, Error> {
    while let Some(event) = user_agent.next().await {
        if let UserAgentEvent::IncomingCall(call) = event {
            call.answer(AnswerOptions::default())?;
            return Ok(Some(call));
        }
    }
    Ok(None)
}

async fn chat(call: &Session, makes_the_channel: bool) -> Result<(), Error> {
    let mut typed = typed();
    let mut channel = None;
    loop {
        tokio::select! {
            event = call.next() => match event {
                None => return Ok(()),
                Some(SessionEvent::PeerConnection(ask)) if makes_the_channel => {
                    let options = DataChannelOptions::default();
                    channel = Some(ask.connection().create_data_channel("chat", options).await?);
                }
                Some(SessionEvent::DataChannel(theirs)) => channel = Some(theirs),
                Some(event) => println!("* {event}"),
            },
            Some(event) = next(&channel) => match event {
                DataChannelEvent::Open => println!("* chat opened"),
                DataChannelEvent::Message(DataMessage::Text(text)) => println!("< {text}"),
                DataChannelEvent::Message(DataMessage::Binary(bytes)) => {
                    println!("< {} bytes", bytes.len());
                }
                DataChannelEvent::Error(error) => println!("* {error}"),
                DataChannelEvent::Close => {
                    println!("* chat closed");
                    channel = None;
                }
                _ => {}
            },
            line = typed.recv() => match (line, &channel) {
                (None, _) if call.is_ended() => return Ok(()),
                (None, _) => {
                    call.terminate(TerminateOptions::default())?;
                    call.ended().await;
                    return Ok(());
                }
                (Some(line), Some(channel)) => {
                    if let Err(error) = channel.send_text(line).await {
                        println!("* {error}");
                    }
                }
                (Some(_), None) => println!("* there is no channel to send on"),
            },
        }
    }
}

async fn next(channel: &Option<DataChannel>) -> Option<DataChannelEvent> {
    match channel {
        Some(channel) => channel.next().await,
        None => std::future::pending().await,
    }
}

/// The lines of the standard input, read where waiting holds up nobody.
fn typed() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    lines
}
