//! Mutated conversations: whatever the network does to the messages of a call, an agent neither
//! panics nor keeps anything of it.

mod util;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use offhook_core::{
    Config, GrantOptions, Question, Reply, SubscribeOptions, TerminateOptions, Transport,
};
use offhook_sip::Method;
use proptest::prelude::*;
use util::lone::Lone;
use util::{Fate, Pair};

/// The messages of a call with DTMF, an INFO, a MESSAGE, an OPTIONS, a REFER and a BYE, and of a
/// subscription beside it, as they were on the wire.
fn conversation() -> Vec<Bytes> {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let mut pair = Pair::with(Transport::Udp, watched);
    pair.bob.asks = Some(|question| matches!(question, Question::Subscribe { .. }));
    pair.bob.manner = util::Manner::Answer;
    let listener = Rc::clone(&heard);
    pair.fate = Box::new(move |_, message| {
        let bytes = match message {
            offhook_sip::Message::Request(request) => request.bytes().clone(),
            offhook_sip::Message::Response(response) => response.bytes().clone(),
        };
        listener.borrow_mut().push(bytes);
        Fate::Arrive
    });
    pair.call();
    pair.run(Duration::from_secs(1));
    let now = pair.now;
    pair.alice_session()
        .send_dtmf(now, "1#", Default::default())
        .expect("tones");
    pair.bob_session()
        .send_info(now, "text/plain", "hi", &Vec::new())
        .expect("an INFO");
    pair.run(Duration::from_secs(2));
    let now = pair.now;
    pair.alice_session()
        .send_message(now, "hi", &Vec::new())
        .expect("a MESSAGE");
    pair.alice_session()
        .send_options(now, &Vec::new())
        .expect("an OPTIONS");
    let watch = pair
        .alice
        .agent
        .subscribe(
            now,
            "sip:bob@192.0.2.2:5060",
            "presence",
            Default::default(),
        )
        .expect("a SUBSCRIBE");
    pair.run(Duration::from_secs(1));
    let (ask, _) = pair.bob.questions.pop().expect("bob is asked");
    let options = GrantOptions::default();
    let now = pair.now;
    pair.bob.agent.reply(now, ask, Reply::Grant { options });
    pair.run(Duration::from_secs(1));
    pair.alice
        .agent
        .unsubscribe(now, watch, None)
        .expect("it stands");
    pair.run(Duration::from_secs(1));
    let now = pair.now;
    pair.alice_session()
        .refer(now, "sip:bob@192.0.2.2:5060", Default::default())
        .expect("a REFER");
    pair.run(Duration::from_secs(2));
    let now = pair.now;
    pair.bob_session()
        .terminate(now, TerminateOptions::default())
        .expect("ended");
    pair.run_out();
    drop(pair);
    heard.take()
}

/// Lets others subscribe.
fn watched(config: &mut Config) {
    config.event_packages = vec!["presence".to_owned()];
}

/// One thing that happens to a message.
#[derive(Clone, Debug)]
enum Harm {
    Overwrite { at: usize, with: u8 },
    Remove { at: usize, length: usize },
    Repeat { at: usize, length: usize },
    Swap { at: usize, with: usize },
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = 0usize..4096;
    prop_oneof![
        (
            at.clone(),
            prop_oneof![
                any::<u8>(),
                Just(b'\r'),
                Just(b'\n'),
                Just(b';'),
                Just(b'"'),
                Just(b'<'),
                Just(0u8)
            ]
        )
            .prop_map(|(at, with)| Harm::Overwrite { at, with }),
        (at.clone(), 1usize..200).prop_map(|(at, length)| Harm::Remove { at, length }),
        (at.clone(), 1usize..200).prop_map(|(at, length)| Harm::Repeat { at, length }),
        (at.clone(), at).prop_map(|(at, with)| Harm::Swap { at, with }),
    ]
}

impl Harm {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        match *self {
            Self::Overwrite { at, with } => bytes[at % length] = with,
            Self::Remove { at, length: gone } => {
                let start = at % length;
                bytes.drain(start..(start + gone).min(length));
            }
            Self::Repeat { at, length: again } => {
                let start = at % length;
                let copy = bytes[start..(start + again).min(length)].to_vec();
                bytes.splice(start..start, copy);
            }
            Self::Swap { at, with } => bytes.swap(at % length, with % length),
        }
    }
}

/// Replaces what names the two ends, so that the messages are for the agent under test.
fn readdress(bytes: &Bytes) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    text.replace("sip:bob@192.0.2.2:5060", "sip:alice@example.com")
        .into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_harmed_conversation_neither_panics_nor_stays(
        harms in proptest::collection::vec((0usize..64, harm()), 0..40),
        order in proptest::collection::vec(0usize..64, 1..60),
    ) {
        let mut messages: Vec<Vec<u8>> = CONVERSATION.with(|known| known.iter().map(readdress).collect());
        for (which, harm) in &harms {
            let count = messages.len();
            harm.apply(&mut messages[which % count]);
        }
        let mut lone = Lone::with(|config| {
            config.register = false;
            watched(config);
        });
        lone.start();
        lone.accepts = true;
        for at in &order {
            lone.receive(messages[at % messages.len()].clone());
            if let Some(id) = lone.session.filter(|_| at % 3 == 0) {
                let now = lone.now;
                // Whether it may be answered is the session's business.
                let _ = lone.agent.session(id).and_then(|mut session| session.answer(now, Default::default()));
                lone.drain();
            }
            lone.run(Duration::from_millis(200));
        }
        // Nobody ever answers this agent: within a few minutes all of it is over.
        lone.run(Duration::from_secs(600));
        let live = lone.agent.live();
        // What is left was established: it ends when somebody hangs up.
        prop_assert_eq!(live.sessions, live.dialogs, "{:?}", live);
        prop_assert_eq!(live.client_transactions + live.server_transactions + live.asks + live.subscriptions, 0, "{:?}", live);
    }
}

thread_local! {
    static CONVERSATION: Vec<Bytes> = conversation();
}
/// Each byte of an INVITE in turn is made one that no header may hold, or that ends something.
#[test]
fn an_invite_with_any_one_byte_harmed_is_answered_or_dropped_and_forgotten() {
    let invite = CONVERSATION.with(|known| readdress(&known[0]));
    for harmful in [0, b'\r', b'\n', b'"', b'<', b',', 0xff] {
        for at in 0..invite.len() {
            let mut bytes = invite.clone();
            bytes[at] = harmful;
            let mut lone = Lone::unregistered();
            lone.receive(bytes);
            lone.run(Duration::from_secs(120));
            let live = lone.agent.live();
            let left = live.sessions + live.dialogs + live.server_transactions + live.asks;
            assert_eq!(left, 0, "{harmful} at {at}: {live:?}");
        }
    }
}

/// Each byte of a NOTIFY in turn is made one that no header may hold, or that ends something.
#[test]
fn a_notify_with_any_one_byte_harmed_is_answered_or_dropped_and_forgotten() {
    let options = SubscribeOptions {
        expires: Duration::from_secs(60),
        resubscribe: false,
        ..SubscribeOptions::default()
    };
    for harmful in [0, b'\r', b'\n', b'"', b';', 0xff] {
        let mut at = 0;
        loop {
            let mut lone = Lone::unregistered();
            lone.agent
                .subscribe(lone.now, "bob", "presence", options.clone())
                .expect("a SUBSCRIBE");
            lone.drain();
            let subscribe = lone.request(Method::Subscribe);
            let mut bytes = notify_for(&subscribe).into_bytes();
            let Some(byte) = bytes.get_mut(at) else {
                break;
            };
            *byte = harmful;
            lone.receive(bytes);
            lone.run(Duration::from_secs(120));
            let live = lone.agent.live();
            let left = live.subscriptions + live.dialogs + live.timers + live.asks;
            assert_eq!(left, 0, "{harmful} at {at}: {live:?}");
            at += 1;
        }
    }
}

fn notify_for(subscribe: &offhook_sip::Request) -> String {
    let contact = subscribe.contact().expect("a Contact").uri.to_string();
    let to = subscribe.header("From").expect("a From");
    let call_id = subscribe.call_id().expect("a Call-ID");
    format!(
        "NOTIFY {contact} SIP/2.0\r\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bKn\r\n\
         Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=b\r\nTo: {to}\r\n\
         Call-ID: {call_id}\r\nCSeq: 1 NOTIFY\r\nContact: <sip:bob@192.0.2.9>\r\n\
         Event: presence\r\nSubscription-State: active;expires=60\r\n\
         Content-Length: 0\r\n\r\n"
    )
}
