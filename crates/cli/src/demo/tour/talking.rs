//! What is said within a call: the call itself, tones, INFO, mute, and its end.

use std::time::Duration;

use offhook::{
    AnswerOptions, DtmfOptions, DtmfTransport, MediaKinds, Originator, SessionEvent,
    sip::StatusCode,
};

use super::party::{Line, Party, hang_up, hear_each_other};
use super::show::{Outcome, Unmet, check};

/// Short tones and gaps: many of them go by.
const TONE: Duration = Duration::from_millis(80);
const GAP: Duration = Duration::from_millis(80);

/// Alice calls bob; the call stays for the steps that follow.
pub(super) async fn call(alice: &Party, bob: &Party) -> Result<(String, (Line, Line)), Unmet> {
    let dialled = alice.dials(bob.who)?;
    let answered = bob.answers().await?;
    dialled
        .until("is told by a 180 that it rings", |event| match event {
            SessionEvent::Progress {
                originator: Originator::Remote,
                response: Some(response),
            } => (response.status() == StatusCode::RINGING).then_some(()),
            _ => None,
        })
        .await?;
    tokio::try_join!(dialled.stands(), answered.stands())?;
    hear_each_other(&dialled, &answered).await?;
    for line in [&dialled, &answered] {
        let stats = line.session.stats().await.unwrap_or_default();
        check(
            stats.dtls.is_some() && stats.srtp.is_some(),
            format_args!("that {}'s media are encrypted", line.who),
            (stats.dtls, stats.srtp),
        )?;
    }
    let checked = "it rings, it stands on both sides, each hears the other, over DTLS-SRTP";
    Ok((checked.to_owned(), (dialled, answered)))
}

/// Bob is heard, and hears, before he answers.
pub(super) async fn early_media(alice: &Party, bob: &Party) -> Outcome {
    let dialled = alice.dials(bob.who)?;
    let ringing = bob.speaks_early().await?;
    let reliable = dialled
        .until("gets a 183 with a description", |event| match event {
            SessionEvent::Progress {
                originator: Originator::Remote,
                response: Some(response),
            } => {
                let early = response.status() == StatusCode::SESSION_PROGRESS;
                (early && !response.body().is_empty()).then(|| response.header("RSeq").is_some())
            }
            _ => None,
        })
        .await?;
    check(reliable, "a reliable 183, with RSeq", "one without")?;
    hear_each_other(&dialled, &ringing).await?;
    for line in [&dialled, &ringing] {
        check(
            line.session.is_in_progress(),
            format_args!("that {}'s call is not established yet", line.who),
            "it is, or has ended",
        )?;
    }
    ringing.session.answer(AnswerOptions::default())?;
    tokio::try_join!(dialled.stands(), ringing.stands())?;
    hear_each_other(&dialled, &ringing).await?;
    hang_up(&ringing, &dialled).await?;
    Ok("after a reliable 183 each hears the other while it rings, and once it stands".to_owned())
}

/// Both send tones.
pub(super) async fn tones(alice: &Line, bob: &Line, transport: DtmfTransport) -> Outcome {
    let (hers, his) = ("12#", "*9");
    send_tones(alice, bob, hers, transport).await?;
    send_tones(bob, alice, his, transport).await?;
    Ok(match transport {
        DtmfTransport::Info => {
            format!("bob gets {hers}, alice gets {his}, every INFO is answered with 200")
        }
        DtmfTransport::Rfc2833 => {
            format!("bob gets {hers}, alice gets {his}, in the audio stream and by no INFO")
        }
    })
}

async fn send_tones(
    from: &Line,
    to: &Line,
    tones: &str,
    transport: DtmfTransport,
) -> Result<(), Unmet> {
    let options = DtmfOptions {
        duration: TONE,
        inter_tone_gap: GAP,
        transport,
        ..DtmfOptions::default()
    };
    from.session.send_dtmf(tones, options)?;
    let by_info = transport == DtmfTransport::Info;
    for expected in tones.chars() {
        let (tone, came_in_info) = to
            .until(&format!("gets the tone {expected}"), |event| match event {
                SessionEvent::NewDtmf {
                    originator: Originator::Remote,
                    tone,
                    request,
                    ..
                } => Some((tone, request.is_some())),
                _ => None,
            })
            .await?;
        check(
            (tone, came_in_info) == (expected, by_info),
            format_args!(
                "that {} gets the tone {expected} next, in an INFO: {by_info}",
                to.who
            ),
            (tone, came_in_info),
        )?;
    }
    // Telephone events are not acknowledged.
    for expected in tones.chars().filter(|_| by_info) {
        let (tone, status) = from
            .until("is told what became of a tone", |event| match event {
                SessionEvent::DtmfDelivered { tone, response } => {
                    Some((tone, response.map(|response| response.status())))
                }
                _ => None,
            })
            .await?;
        check(
            (tone, status) == (expected, Some(StatusCode::OK)),
            format_args!("a 200 to the INFO with the tone {expected}"),
            (tone, status),
        )?;
    }
    Ok(())
}

/// Both send an INFO.
pub(super) async fn info(alice: &Line, bob: &Line) -> Outcome {
    for (from, to) in [(alice, bob), (bob, alice)] {
        send_info(from, to).await?;
    }
    Ok("text goes either way unchanged, and is answered with 200".to_owned())
}

async fn send_info(from: &Line, to: &Line) -> Result<(), Unmet> {
    let text = format!("{} sends her regards: 你好, {}", from.who, to.who);
    let none = Vec::new();
    let number = from.session.send_info("text/plain", &text, &none)?;
    let (content_type, body) = received_info(to).await?;
    check(
        content_type == "text/plain" && body == text,
        format_args!("that {} gets {text:?} as text/plain", to.who),
        (content_type, body),
    )?;
    let status = from
        .until("is told what became of the INFO", |event| match event {
            SessionEvent::InfoDelivered { info, response } if info == number => {
                Some(response.map(|response| response.status()))
            }
            _ => None,
        })
        .await?;
    check(status == Some(StatusCode::OK), "a 200 to the INFO", status)
}

/// The next INFO of the other side: its type and its text.
pub(super) async fn received_info(line: &Line) -> Result<(String, String), Unmet> {
    line.until("gets an INFO", |event| match event {
        SessionEvent::NewInfo {
            originator: Originator::Remote,
            content_type,
            body,
            ..
        } => Some((content_type, String::from_utf8_lossy(&body).into_owned())),
        _ => None,
    })
    .await
}

/// One side mutes itself, and speaks again.
pub(super) async fn mute(by: &Line, other: &Line) -> Outcome {
    by.session.mute(MediaKinds::AUDIO)?;
    let muted = by.session.is_muted();
    check(muted == MediaKinds::AUDIO, "that audio is muted", muted)?;
    other.ear.misses(by.who).await?;
    by.ear.hears(other.who).await?;
    by.session.unmute(MediaKinds::AUDIO)?;
    let muted = by.session.is_muted();
    check(
        muted == MediaKinds::default(),
        "that nothing is muted",
        muted,
    )?;
    hear_each_other(by, other).await?;
    Ok(format!(
        "{other} hears {by} no more while {by} hears {other}, then both hear each other again",
        by = by.who,
        other = other.who
    ))
}

/// The call that the steps before were in ends.
pub(super) async fn goodbye(alice: &Line, bob: &Line) -> Outcome {
    hang_up(alice, bob).await?;
    Ok("alice's BYE ends it on both sides".to_owned())
}
