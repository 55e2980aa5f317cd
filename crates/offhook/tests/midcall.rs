//! What may happen within a call that stands: hold, renegotiation, transfer.

mod common;

use common::{bob, caller, listening, on_loopback, take_call};
use offhook::{
    AnswerOptions, Asks, CallSetup, Cause, OnHold, Originator, ReferState, Rejection,
    ReofferOptions, Session, SessionEvent, Source, TerminateOptions, Transfer, Transport,
    UserAgent, sip,
};

/// Alice has called bob, and both say that the call stands.
async fn standing(alice: &UserAgent, bob: &UserAgent, address: &str) -> (Session, Session) {
    let call = alice
        .call(address)
        .play(Source::tone(440.0))
        .start()
        .expect("a call");
    let incoming = take_call(bob).await;
    incoming
        .answer(AnswerOptions::default().play(Source::tone(880.0)))
        .expect("an answer");
    call.confirmed().await.expect("the call stands");
    incoming.confirmed().await.expect("the call stands");
    (call, incoming)
}

/// Reads the session's events until one satisfies `wanted`.
async fn until<R>(session: &Session, mut wanted: impl FnMut(SessionEvent) -> Option<R>) -> R {
    loop {
        let event = session.next().await.expect("the session lives");
        if let Some(found) = wanted(event) {
            return found;
        }
    }
}

async fn done(session: &Session, number: u32) -> Result<(), offhook::RequestFailure> {
    until(session, |event| match event {
        SessionEvent::Renegotiated { exchange, result } if exchange == number => Some(result),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn hold_and_unhold_are_told_on_both_sides() {
    let (bob, address) = bob(Asks::NONE).await;
    let alice = caller(Asks::NONE).await;
    let (call, incoming) = standing(&alice, &bob, &address).await;
    for use_update in [false, true] {
        let options = || ReofferOptions {
            use_update,
            ..ReofferOptions::default()
        };
        assert!(call.is_ready_to_reoffer());
        let number = call.hold(options()).expect("the call stands");
        done(&call, number).await.expect("bob agrees");
        assert_eq!(
            call.is_on_hold(),
            OnHold {
                local: true,
                remote: false
            }
        );
        until(&incoming, |event| {
            matches!(event, SessionEvent::Hold { .. }).then_some(())
        })
        .await;
        assert_eq!(
            incoming.is_on_hold(),
            OnHold {
                local: false,
                remote: true
            }
        );
        assert!(call.hold(options()).is_err(), "held already");

        let number = call.unhold(options()).expect("the call stands");
        done(&call, number).await.expect("bob agrees");
        until(&incoming, |event| {
            matches!(event, SessionEvent::Unhold { .. }).then_some(())
        })
        .await;
        assert_eq!(
            (call.is_on_hold(), incoming.is_on_hold()),
            Default::default()
        );
    }
    call.terminate(TerminateOptions::default())
        .expect("the call stands");
    assert_eq!(incoming.ended().await.cause, Cause::Bye);
}

#[tokio::test]
async fn a_renegotiation_that_the_peer_rejects_leaves_the_call_as_it_was() {
    let (bob, address) = listening(|bob| {
        bob.asks(Asks {
            reinvite: true,
            ..Asks::NONE
        })
    })
    .await;
    let alice = caller(Asks::NONE).await;
    let (call, incoming) = standing(&alice, &bob, &address).await;
    let number = call
        .hold(ReofferOptions::default())
        .expect("the call stands");
    let rejecting = until(&incoming, |event| match event {
        SessionEvent::Reinvite(ask) => {
            assert_eq!(ask.request().method(), sip::Method::Invite);
            ask.reject(Rejection::default());
            Some(())
        }
        _ => None,
    });
    let (result, ()) = tokio::join!(done(&call, number), rejecting);
    let response = result
        .expect_err("bob refuses")
        .response
        .expect("bob says so");
    assert_eq!(response.status().code(), 403);
    assert_eq!(call.is_on_hold(), OnHold::default());
    assert!(call.is_established() && incoming.is_established());

    // Dropped, the question is answered with yes.
    let number = call
        .renegotiate(ReofferOptions::default())
        .expect("the call stands");
    let agreeing = until(&incoming, |event| {
        matches!(event, SessionEvent::Reinvite(_)).then_some(())
    });
    let (result, ()) = tokio::join!(done(&call, number), agreeing);
    result.expect("bob agrees");
}

#[tokio::test]
async fn a_transfer_makes_the_call_that_was_asked_for_and_tells_how_it_goes() {
    let (bob, address) = listening(|bob| {
        bob.asks(Asks {
            refer: true,
            ..Asks::NONE
        })
    })
    .await;
    let (carol, carols) = carol().await;
    let alice = caller(Asks::NONE).await;
    let (call, incoming) = standing(&alice, &bob, &address).await;
    let transfer = Transfer {
        hang_up: true,
        ..Transfer::default()
    };
    let subscriber = call.refer(&carols, transfer).expect("the call stands");

    let bob_obeys = async {
        let target = until(&incoming, |event| match event {
            SessionEvent::Refer(ask) => {
                let target = ask.refer_to().as_str().to_owned();
                ask.accept(CallSetup::default().echo());
                Some(target)
            }
            _ => None,
        });
        assert_eq!(target.await, carols);
        until(&incoming, |event| match event {
            SessionEvent::Referred(call) => Some(call),
            _ => None,
        })
        .await
    };
    let carol_answers = async {
        let call = take_call(&carol).await;
        call.answer(AnswerOptions::default()).expect("it waits");
        call.confirmed().await.expect("the call stands");
        call
    };
    let alice_hears = async {
        let mut names = Vec::new();
        while let Some(state) = subscriber.next().await {
            names.push(state.name());
            if let ReferState::Accepted { status_line, .. } = &state {
                assert_eq!(status_line.status.code(), 200);
            }
        }
        names
    };
    let (referred, at_carol, names) = tokio::join!(bob_obeys, carol_answers, alice_hears);
    assert!(
        names.contains(&"requestSucceeded") && names.contains(&"accepted"),
        "{names:?}"
    );
    assert_eq!(names.last(), Some(&"terminated"));
    referred.confirmed().await.expect("the new call stands");
    let end = incoming.ended().await;
    assert_eq!(
        (end.cause, end.originator),
        (Cause::Bye, Originator::Remote),
        "alice hung up"
    );
    at_carol
        .terminate(TerminateOptions::default())
        .expect("the call stands");
    assert_eq!(referred.ended().await.cause, Cause::Bye);
}

#[tokio::test]
async fn a_transfer_that_nobody_asked_about_is_refused() {
    let (bob, address) = bob(Asks::NONE).await;
    let alice = caller(Asks::NONE).await;
    let (call, incoming) = standing(&alice, &bob, &address).await;
    let subscriber = call
        .refer("sip:carol@127.0.0.1", Transfer::default())
        .expect("a REFER");
    let status = loop {
        match subscriber.next().await.expect("an answer") {
            ReferState::RequestFailed { response, .. } => {
                break response.expect("bob says why").status();
            }
            ReferState::Failed { status_line, .. } => break status_line.status,
            ReferState::Accepted { .. } => panic!("nobody allowed it"),
            _ => {}
        }
    };
    assert_eq!(status.code(), 603);
    assert!(incoming.is_established() && call.is_established());
}

#[tokio::test]
async fn an_attended_transfer_takes_the_place_of_the_call_with_the_target() {
    let (bob, address) = listening(|bob| {
        bob.asks(Asks {
            refer: true,
            ..Asks::NONE
        })
    })
    .await;
    let (carol, carols) = carol().await;
    let alice = caller(Asks::NONE).await;
    let (with_bob, at_bob) = standing(&alice, &bob, &address).await;
    let (with_carol, at_carol) = standing(&alice, &carol, &carols).await;
    let transfer = Transfer {
        replaces: Some(with_carol.clone()),
        ..Transfer::default()
    };
    let _subscriber = with_bob.refer(&carols, transfer).expect("both calls stand");

    let bob_obeys = until(&at_bob, |event| match event {
        SessionEvent::Refer(ask) => {
            ask.accept(CallSetup::default());
            None
        }
        SessionEvent::Referred(call) => Some(call),
        _ => None,
    });
    let carol_changes = async {
        until(&at_carol, |event| match event {
            SessionEvent::Replaces(ask) => {
                ask.accept();
                Some(())
            }
            _ => None,
        })
        .await;
        let call = take_call(&carol).await;
        call.answer(AnswerOptions::default()).expect("it waits");
        call
    };
    let (referred, changed) = tokio::join!(bob_obeys, carol_changes);
    referred.confirmed().await.expect("bob and carol talk");
    changed.confirmed().await.expect("bob and carol talk");
    assert_eq!(with_carol.ended().await.cause, Cause::Bye);
    assert!(with_bob.is_established());
}

/// Carol listens, and lets a call take the place of another.
async fn carol() -> (UserAgent, String) {
    let asks = Asks {
        replaces: true,
        ..Asks::NONE
    };
    let carol = on_loopback("sip:carol@127.0.0.1").asks(asks);
    let carol = carol.listen(Transport::Udp, ([127, 0, 0, 1], 0).into());
    let carol = carol.start().await.expect("carol listens");
    let (_, address) = carol.local_addresses()[0];
    (carol, format!("sip:carol@{address}"))
}
