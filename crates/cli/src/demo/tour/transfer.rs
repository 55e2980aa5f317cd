//! Passing a call on to somebody else.

use offhook::{
    Cause, Originator, ReferState, ReferSubscriber, Rejection, SessionEvent, TerminateOptions,
    Transfer, sip::StatusCode,
};

use super::party::{Line, Party, hang_up, hear_each_other, talk};
use super::show::{Outcome, Unmet, check, soon};

/// Alice passes bob on to carol without asking her.
pub(super) async fn blind(alice: &Party, bob: &Party, carol: &Party) -> Outcome {
    let (of_alice, of_bob) = talk(alice, bob).await?;
    let transfer = Transfer {
        hang_up: true,
        ..Transfer::default()
    };
    let subscriber = of_alice.session.refer(&carol.who.address(), transfer)?;
    let (of_bob_anew, of_carol) = tokio::try_join!(bob.obeys(&of_bob, carol.who), carol.answers())?;
    tokio::try_join!(of_bob_anew.stands(), of_carol.stands())?;
    hear_each_other(&of_bob_anew, &of_carol).await?;
    told(&subscriber, "accepted", 200).await?;
    let end = of_bob.ended().await?;
    check(
        (end.cause, end.originator) == (Cause::Bye, Originator::Remote),
        "that alice hangs up",
        end.to_string(),
    )?;
    hang_up(&of_bob_anew, &of_carol).await?;
    Ok("bob calls carol, both hear each other, alice is told so and hangs up".to_owned())
}

/// Alice talks to both and connects them: bob's call takes the place of alice's with carol.
pub(super) async fn attended(alice: &Party, bob: &Party, carol: &Party) -> Outcome {
    let (with_bob, of_bob) = talk(alice, bob).await?;
    let (with_carol, of_carol) = talk(alice, carol).await?;
    let transfer = Transfer {
        replaces: Some(with_carol.session.clone()),
        ..Transfer::default()
    };
    let subscriber = with_bob.session.refer(&carol.who.address(), transfer)?;
    let taking = async {
        let ask = of_carol
            .until("is asked for her call's place", |event| match event {
                SessionEvent::Replaces(ask) => Some(ask),
                _ => None,
            })
            .await?;
        let replaces = ask.request().header("Replaces").unwrap_or_default();
        check(
            replaces.starts_with(of_carol.session.call_id()),
            "a Replaces header that names alice's call with carol",
            replaces,
        )?;
        ask.accept();
        carol.answers().await
    };
    let (of_bob_anew, of_carol_anew) = tokio::try_join!(bob.obeys(&of_bob, carol.who), taking)?;
    tokio::try_join!(of_bob_anew.stands(), of_carol_anew.stands())?;
    hear_each_other(&of_bob_anew, &of_carol_anew).await?;
    let end = with_carol.ended().await?;
    check(
        (end.cause, end.originator) == (Cause::Bye, Originator::Remote),
        "that carol ends alice's call, whose place was taken",
        end.to_string(),
    )?;
    told(&subscriber, "accepted", 200).await?;
    hang_up(&with_bob, &of_bob).await?;
    hang_up(&of_carol_anew, &of_bob_anew).await?;
    Ok(
        "bob's call takes the place of alice's with carol, bob and carol hear each other"
            .to_owned(),
    )
}

/// Bob will not be passed on.
pub(super) async fn rejected(alice: &Party, bob: &Party, carol: &Party) -> Outcome {
    let (of_alice, of_bob) = talk(alice, bob).await?;
    let subscriber = of_alice
        .session
        .refer(&carol.who.address(), Transfer::default())?;
    of_bob
        .until("is asked to call carol", |event| match event {
            SessionEvent::Refer(ask) => {
                ask.reject(Rejection::new(StatusCode::DECLINE));
                Some(())
            }
            _ => None,
        })
        .await?;
    told(&subscriber, "failed", 603).await?;
    still_talk(&of_alice, &of_bob).await?;
    hang_up(&of_alice, &of_bob).await?;
    Ok("bob declines, alice is told 603, their call goes on".to_owned())
}

/// Bob would be passed on, but carol is busy.
pub(super) async fn failed(alice: &Party, bob: &Party, carol: &Party) -> Outcome {
    let (of_alice, of_bob) = talk(alice, bob).await?;
    let subscriber = of_alice
        .session
        .refer(&carol.who.address(), Transfer::default())?;
    let refusing = async {
        let options = TerminateOptions {
            status: Some(StatusCode::BUSY_HERE),
            ..TerminateOptions::default()
        };
        Ok(carol.rings().await?.terminate(options)?)
    };
    let (of_bob_anew, ()) = tokio::try_join!(bob.obeys(&of_bob, carol.who), refusing)?;
    let end = of_bob_anew.ended().await?;
    check(
        end.cause == Cause::Busy,
        "that bob's call to carol fails as busy",
        end.to_string(),
    )?;
    told(&subscriber, "failed", 486).await?;
    still_talk(&of_alice, &of_bob).await?;
    hang_up(&of_bob, &of_alice).await?;
    Ok("carol is busy, alice is told 486, her call with bob goes on".to_owned())
}

async fn still_talk(one: &Line, other: &Line) -> Result<(), Unmet> {
    for line in [one, other] {
        check(
            line.session.is_established(),
            format_args!("that {}'s call still stands", line.who),
            "it does not",
        )?;
    }
    hear_each_other(one, other).await
}

/// Waits until the subscriber hears of the end of the transfer, which must be the expected one.
async fn told(subscriber: &ReferSubscriber, expected: &str, status: u16) -> Result<(), Unmet> {
    let what = format!("that alice is told {expected} {status} of the transfer");
    let mut seen = Vec::new();
    let listening = async {
        while let Some(state) = subscriber.next().await {
            let found = match &state {
                ReferState::Accepted { status_line, .. }
                | ReferState::Failed { status_line, .. } => Some(status_line.status.code()),
                ReferState::RequestFailed { response, .. } => {
                    response.as_ref().map(|response| response.status().code())
                }
                _ => None,
            };
            seen.push(format!("{} {}", state.name(), found.unwrap_or_default()));
            if state.name() == expected && found == Some(status) {
                return true;
            }
        }
        false
    };
    let found = soon(&what, listening).await?;
    check(found, what, seen)
}
