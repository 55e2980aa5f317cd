//! Candidates that follow their description (Trickle ICE, RFC 8840), on real media.

mod common;

use std::sync::{Arc, Mutex};

use common::{bob, listening, on_loopback, take_call};
use offhook::{
    AnswerOptions, Asks, MediaEvent, Originator, Session, SessionEvent, TerminateOptions,
    UserAgent, UserAgentBuilder, WireMessage,
};

const SDP: Asks = Asks {
    sdp: true,
    ..Asks::NONE
};

/// The messages that a user agent has sent and received.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<Vec<String>>>);

impl Wire {
    fn tapped(&self, builder: UserAgentBuilder) -> UserAgentBuilder {
        let messages = Arc::clone(&self.0);
        builder.on_message(move |message: WireMessage| {
            let text = String::from_utf8_lossy(&message.bytes).into_owned();
            messages.lock().expect("no panic").push(text);
        })
    }

    /// The messages that start so.
    fn all(&self, start: &str) -> Vec<String> {
        let messages = self.0.lock().expect("no panic");
        let matching = messages.iter().filter(|text| text.starts_with(start));
        matching.cloned().collect()
    }
}

async fn alice(wire: &Wire) -> UserAgent {
    let alice = on_loopback("sip:alice@127.0.0.1").asks(SDP);
    wire.tapped(alice).start().await.expect("alice starts")
}

/// Lets descriptions leave without candidates, until media flows.
async fn connects_without_described_candidates(session: &Session) {
    loop {
        match session.next().await.expect("the call goes on") {
            SessionEvent::Sdp(ask) if ask.originator() == Originator::Local => {
                let bare: Vec<&str> = ask
                    .sdp()
                    .lines()
                    .filter(|line| !line.contains("candidate"))
                    .collect();
                let bare = bare.join("\r\n") + "\r\n";
                ask.replace(bare);
            }
            SessionEvent::Media(MediaEvent::Connected) => return,
            _ => {}
        }
    }
}

#[tokio::test]
async fn two_user_agents_connect_with_nothing_but_trickled_candidates() {
    let wire = Wire::default();
    let (bob, address) = bob(SDP).await;
    let alice = alice(&wire).await;
    let call = alice.call(&address).start().expect("a call");
    // Both meet in the middle: alice's offer leaves while bob waits for it.
    let answered = async {
        let incoming = take_call(&bob).await;
        incoming.answer(AnswerOptions::default()).expect("it rings");
        connects_without_described_candidates(&incoming).await;
        incoming
    };
    let ((), incoming) = tokio::join!(connects_without_described_candidates(&call), answered);
    call.terminate(TerminateOptions::default())
        .expect("the call stands");
    tokio::join!(call.ended(), incoming.ended());
    alice.stop().await;
    bob.stop().await;

    for described in [wire.all("INVITE"), wire.all("SIP/2.0 200")].concat() {
        assert!(!described.contains("a=candidate"), "{described}");
    }
    let infos = wire.all("INFO");
    assert!(!infos.is_empty());
    for info in &infos {
        assert!(info.contains("Info-Package: trickle-ice"), "{info}");
        assert!(info.contains("a=candidate:"), "{info}");
    }
    assert!(infos.iter().any(|info| info.contains("end-of-candidates")));
}

#[tokio::test]
async fn a_user_agent_that_takes_no_part_gets_everything_at_once() {
    let wire = Wire::default();
    let (bob, address) = listening(|bob| bob.trickle_ice(false)).await;
    let alice = on_loopback("sip:alice@127.0.0.1");
    let alice = wire.tapped(alice).start().await.expect("alice starts");
    let call = alice.call(&address).start().expect("a call");
    let incoming = take_call(&bob).await;
    incoming.answer(AnswerOptions::default()).expect("it rings");
    let connected = async |session: &Session| {
        while !matches!(
            session.next().await.expect("the call goes on"),
            SessionEvent::Media(MediaEvent::Connected)
        ) {}
    };
    tokio::join!(connected(&call), connected(&incoming));
    call.terminate(TerminateOptions::default())
        .expect("the call stands");
    tokio::join!(call.ended(), incoming.ended());
    alice.stop().await;
    let [invite] = wire.all("INVITE").try_into().expect("one INVITE");
    assert!(invite.contains("Recv-Info: trickle-ice") && invite.contains("a=candidate"));
    assert!(wire.all("INFO").is_empty());
}
