//! What is changed within a call: hold, and new offers.

use offhook::{
    OnHold, Originator, ReofferOptions, RequestFailure, SessionEvent,
    sip::{Method, Request},
};

use super::party::{Line, hear_each_other};
use super::show::{Outcome, Unmet, check};

/// A header by which the other side knows the offer that is meant.
const MARK: &str = "X-Tour";

/// One side holds the other, and lets it go.
pub(super) async fn hold(by: &Line, other: &Line) -> Outcome {
    holds(by, other).await?;
    on_hold(by, true, false)?;
    on_hold(other, false, true)?;
    nobody_hears(by, other).await?;
    lets_go(by, other).await?;
    on_hold(by, false, false)?;
    on_hold(other, false, false)?;
    hear_each_other(by, other).await?;
    Ok(format!(
        "{} is held on both sides, audio stops both ways, then flows again",
        other.who
    ))
}

/// Each holds the other at the same time; audio flows only when both have let go.
pub(super) async fn hold_by_both(alice: &Line, bob: &Line) -> Outcome {
    holds(alice, bob).await?;
    holds(bob, alice).await?;
    on_hold(alice, true, true)?;
    on_hold(bob, true, true)?;
    nobody_hears(alice, bob).await?;
    lets_go(alice, bob).await?;
    on_hold(alice, false, true)?;
    on_hold(bob, true, false)?;
    nobody_hears(alice, bob).await?;
    lets_go(bob, alice).await?;
    on_hold(alice, false, false)?;
    on_hold(bob, false, false)?;
    hear_each_other(alice, bob).await?;
    Ok("audio stays away until the second has let go, and flows again then".to_owned())
}

async fn holds(by: &Line, other: &Line) -> Result<(), Unmet> {
    by.ready().await?;
    let number = by.session.hold(ReofferOptions::default())?;
    done(by, number).await?;
    let held = |event| {
        matches!(
            event,
            SessionEvent::Hold {
                originator: Originator::Remote
            }
        )
    };
    other
        .until("is told of the hold", |event| held(event).then_some(()))
        .await
}

async fn lets_go(by: &Line, other: &Line) -> Result<(), Unmet> {
    by.ready().await?;
    let number = by.session.unhold(ReofferOptions::default())?;
    done(by, number).await?;
    let resumed = |event| {
        matches!(
            event,
            SessionEvent::Unhold {
                originator: Originator::Remote
            }
        )
    };
    other
        .until("is told of the end of the hold", |event| {
            resumed(event).then_some(())
        })
        .await
}

fn on_hold(line: &Line, local: bool, remote: bool) -> Result<(), Unmet> {
    let expected = OnHold { local, remote };
    let seen = line.session.is_on_hold();
    check(
        seen == expected,
        format_args!("that is_on_hold says {expected:?} at {}", line.who),
        seen,
    )
}

async fn nobody_hears(one: &Line, other: &Line) -> Result<(), Unmet> {
    tokio::try_join!(one.ear.misses(other.who), other.ear.misses(one.who))?;
    Ok(())
}

/// A new offer by re-INVITE or by UPDATE: it is answered, and the call goes on.
pub(super) async fn renegotiate(by: &Line, other: &Line, method: Method<'static>) -> Outcome {
    let use_update = method == Method::Update;
    reoffer(by, other, use_update, false).await?;
    hear_each_other(by, other).await?;
    Ok(format!(
        "{} gets {}'s {}, both agree, audio flows",
        other.who,
        by.who,
        method.as_str()
    ))
}

/// A new offer with new ICE credentials: media find their way anew.
pub(super) async fn restart_ice(by: &Line, other: &Line) -> Outcome {
    let before = (credentials(by).await, credentials(other).await);
    reoffer(by, other, false, true).await?;
    let after = (credentials(by).await, credentials(other).await);
    check(
        before.0 != after.0 && before.1 != after.1,
        "other ICE credentials on both sides than before",
        (&before, &after),
    )?;
    hear_each_other(by, other).await?;
    Ok("both sides have new ICE credentials, audio flows".to_owned())
}

async fn reoffer(
    by: &Line,
    other: &Line,
    use_update: bool,
    ice_restart: bool,
) -> Result<(), Unmet> {
    let mark = format!("update={use_update} restart={ice_restart}");
    let options = ReofferOptions {
        use_update,
        ice_restart,
        extra_headers: vec![(MARK.to_owned(), mark.clone())],
    };
    by.ready().await?;
    let number = by.session.renegotiate(options)?;
    done(by, number).await?;
    let request = reoffered(other, |request| request.header(MARK) == Some(&mark)).await?;
    let method = match use_update {
        true => Method::Update,
        false => Method::Invite,
    };
    check(
        request.method() == method && !request.body().is_empty(),
        format_args!("a {} with an offer", method.as_str()),
        (request.method(), request.body().len()),
    )
}

/// The user fragment of the local description: none when there is none.
async fn credentials(line: &Line) -> Option<String> {
    let description = line.session.connection()?.local_description().await?;
    let sdp = description.sdp;
    let fragment = sdp
        .lines()
        .find_map(|line| line.strip_prefix("a=ice-ufrag:"));
    fragment.map(|fragment| fragment.trim().to_owned())
}

/// The request of the other side, among those that were taken, which is wanted.
async fn reoffered(line: &Line, wanted: impl Fn(&Request) -> bool) -> Result<Request, Unmet> {
    line.until("takes the new offer", |event| match event {
        SessionEvent::Reoffered { request } if wanted(&request) => Some(request),
        _ => None,
    })
    .await
}

/// Waits until the renegotiation has come to its good end.
async fn done(line: &Line, number: u32) -> Result<(), Unmet> {
    let refused = |error: RequestFailure| Unmet::new("that the other side agrees", error);
    line.until("is told that it is done", |event| match event {
        SessionEvent::Renegotiated { exchange, result } if exchange == number => Some(result),
        _ => None,
    })
    .await?
    .map_err(refused)
}
