//! What the stories share.

#![allow(dead_code, reason = "each file of stories uses its part")]

use std::path::{Path, PathBuf};

use offhook::{
    Asks, MediaOptions, Session, SessionEvent, Transport, UserAgent, UserAgentBuilder,
    UserAgentEvent,
};

/// A builder whose calls stay on this machine.
pub(crate) fn on_loopback(address: &str) -> UserAgentBuilder {
    let media = MediaOptions {
        loopback: true,
        ..MediaOptions::default()
    };
    UserAgent::builder(address).media(media)
}

/// Bob listens, and where he can be called.
pub(crate) async fn bob(asks: Asks) -> (UserAgent, String) {
    listening(|bob| bob.asks(asks)).await
}

/// Bob as the story wants him.
pub(crate) async fn listening(
    change: impl FnOnce(UserAgentBuilder) -> UserAgentBuilder,
) -> (UserAgent, String) {
    let bob = on_loopback("sip:bob@127.0.0.1").listen(Transport::Udp, ([127, 0, 0, 1], 0).into());
    let bob = change(bob).start().await.expect("bob listens");
    let (_, address) = bob.local_addresses()[0];
    let uri = format!("sip:bob@{address}");
    (bob, uri)
}

/// Alice, who only calls.
pub(crate) async fn caller(asks: Asks) -> UserAgent {
    on_loopback("sip:alice@127.0.0.1")
        .asks(asks)
        .start()
        .await
        .expect("alice starts")
}

/// The next incoming call.
pub(crate) async fn take_call(user_agent: &UserAgent) -> Session {
    loop {
        match user_agent.next().await.expect("the user agent runs") {
            UserAgentEvent::IncomingCall(session) => return session,
            _ => continue,
        }
    }
}

/// Reads a session's events to their end; their names without candidates and our own.
pub(crate) async fn names(
    session: &Session,
    mut see: impl FnMut(&SessionEvent),
) -> Vec<&'static str> {
    let mut names = Vec::new();
    while let Some(event) = session.next().await {
        see(&event);
        if event.is_rtc_session_event() && event.name() != "icecandidate" {
            names.push(event.name());
        }
    }
    names
}

/// A folder of this test's own.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// A second of something like speech, 16 kHz, 16 bit, mono.
pub(crate) fn reference_wav(folder: &Path) -> PathBuf {
    const RATE: u32 = 16_000;
    let mut samples = offhook::audio::speech_like(RATE, 1.5, 7);
    // While the quiet end plays, the last of the speech arrives and leaves the jitter buffer.
    samples.resize(samples.len() + RATE as usize / 2, 0);
    let data: Vec<u8> = samples
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect();
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16u32.to_le_bytes());
    file.extend([1, 0, 1, 0]);
    file.extend(RATE.to_le_bytes());
    file.extend((RATE * 2).to_le_bytes());
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    let path = folder.join("reference.wav");
    std::fs::write(&path, file).expect("a file");
    path
}
