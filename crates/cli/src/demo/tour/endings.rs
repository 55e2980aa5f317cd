//! Calls that do not come to stand.

use offhook::{Cause, Originator, SessionEvent, TerminateOptions, sip::StatusCode};

use super::party::Party;
use super::show::{Outcome, check, soon};

/// Alice gives up while it rings.
pub(super) async fn cancel(alice: &Party, bob: &Party) -> Outcome {
    let dialled = alice.dials(bob.who)?;
    let ringing = bob.rings().await?;
    dialled
        .until("is told that it rings", |event| {
            matches!(event, SessionEvent::Progress { .. }).then_some(())
        })
        .await?;
    dialled.session.terminate(TerminateOptions::default())?;
    let of_alice = dialled.ended().await?;
    let of_bob = soon("that bob's call ends", ringing.ended()).await?;
    for (who, end, by) in [
        (alice.who, &of_alice, Originator::Local),
        (bob.who, &of_bob, Originator::Remote),
    ] {
        check(
            !end.established && (end.cause, end.originator) == (Cause::Canceled, by),
            format_args!("that {who}'s call fails as cancelled by alice"),
            end.to_string(),
        )?;
    }
    Ok("bob rings, alice gives up, neither has a call any more".to_owned())
}

/// Bob is busy.
pub(super) async fn busy(alice: &Party, bob: &Party) -> Outcome {
    let dialled = alice.dials(bob.who)?;
    let ringing = bob.rings().await?;
    ringing.terminate(TerminateOptions {
        status: Some(StatusCode::BUSY_HERE),
        ..TerminateOptions::default()
    })?;
    let end = dialled.ended().await?;
    check(
        end.cause == Cause::Busy && end.status() == Some(StatusCode::BUSY_HERE),
        "that alice's call fails as busy, with 486",
        end.to_string(),
    )?;
    soon("that bob's call ends", ringing.ended()).await?;
    Ok("alice is told 486, and that the cause is Busy".to_owned())
}
