//! Calls that go on: over a lost connection, and over the time that sessions may last.

use std::time::Duration;

use offhook::{SessionEvent, UserAgentEvent};

use super::Who;
use super::changing::hold;
use super::party::{Line, Party, hang_up, hear_each_other, talk};
use super::relay::Relay;
use super::show::{Outcome, check};
use super::talking::received_info;

/// How long the shortest session interval, 90 s, can leave us waiting for its refresh after 45 s.
const REFRESH: Duration = Duration::from_secs(60);

/// Bob's connection to the exchange is lost in mid-call, and comes back.
pub(super) async fn lost_connection(alice: &Party, bob: &Party, wire: &Relay) -> Outcome {
    let (of_alice, of_bob) = talk(alice, bob).await?;
    wire.cut();
    bob.until("loses his connection", |event| {
        matches!(event, UserAgentEvent::Disconnected { .. }).then_some(())
    })
    .await?;
    // Nothing of the call is lost: media go on, and what is to be said waits.
    hear_each_other(&of_alice, &of_bob).await?;
    let text = "sent while the wire was cut";
    of_bob.session.send_info("text/plain", text, &Vec::new())?;
    wire.mend();
    bob.until("registers again", |event| {
        matches!(event, UserAgentEvent::Registered { .. }).then_some(())
    })
    .await?;
    let (_, body) = received_info(&of_alice).await?;
    check(
        body == text,
        format_args!("that alice gets bob's {text:?}"),
        &body,
    )?;
    // Requests find their way from either side, and media with them.
    hold(&of_alice, &of_bob).await?;
    hold(&of_bob, &of_alice).await?;
    hang_up(&of_alice, &of_bob).await?;
    Ok(
        "media go on, bob registers again, his INFO arrives late, hold works from both sides, \
         audio flows again, alice's BYE reaches him"
            .to_owned(),
    )
}

/// The call that has stood since the tour began is refreshed in time (RFC 4028).
pub(super) async fn refresh(alice: &Line, carol: &Line) -> Outcome {
    let refreshed_by = |who: Who| {
        move |event| match event {
            SessionEvent::Reoffered { request } => {
                let interval = request.header("Session-Expires")?;
                Some(format!(
                    "{who}'s {} ({interval})",
                    request.method().as_str()
                ))
            }
            _ => None,
        }
    };
    // Either may have taken the task on: the other one sees it done.
    let what = "sees the session refreshed";
    let seen = tokio::select! {
        seen = alice.until_within(REFRESH, what, refreshed_by(carol.who)) => seen?,
        seen = carol.until_within(REFRESH, what, refreshed_by(alice.who)) => seen?,
    };
    hear_each_other(alice, carol).await?;
    let begun = alice.session.start_time();
    let age = begun.and_then(|begun| begun.elapsed().ok());
    hang_up(carol, alice).await?;
    Ok(format!(
        "{seen} is taken, the call stands and audio flows after {:.0} s",
        age.unwrap_or_default().as_secs_f64()
    ))
}
