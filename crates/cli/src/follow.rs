//! Follows one call to its end.

use std::future::pending;
use std::time::Duration;

use offhook::{
    CallEnd, Cause, DtmfOptions, Originator, Session, SessionEvent, Stats, TerminateOptions,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::echo::echo;
use crate::exit::{Code, Failure};
use crate::interrupts::Interrupts;
use crate::output::{Output, fields, stats_fields, stats_rows, table};

/// What to do with a call besides watching it.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Tones to send once the call stands.
    pub(crate) dtmf: Option<(String, DtmfOptions)>,
    /// When to give up while nobody answers.
    pub(crate) give_up: Option<Instant>,
    /// How long the call may last.
    pub(crate) duration: Option<Duration>,
    /// Whether what comes on data channels is sent back; else they are closed.
    pub(crate) echo: bool,
    /// The number of the call, where there are several.
    pub(crate) number: Option<usize>,
}

/// How a call went.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) end: CallEnd,
    pub(crate) stats: Stats,
    /// Why this side ended it, if it did.
    pub(crate) reason: Option<Reason>,
    /// Whether anything was heard from the callee or its server.
    pub(crate) progressed: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reason {
    Interrupted,
    GaveUp,
    Done,
}

/// Tells every event of the session and carries out the plan, until the session has ended.
pub(crate) async fn follow(
    output: &Output,
    session: &Session,
    plan: Plan,
    mut interrupts: Interrupts,
) -> Outcome {
    let mut reason = None;
    let mut progressed = false;
    let mut give_up = plan.give_up;
    let mut hang_up = None;
    let mut dtmf = plan.dtmf;
    loop {
        tokio::select! {
            event = session.next() => {
                let Some(event) = event else { break };
                tell(output, plan.number, &event);
                match &event {
                    SessionEvent::Progress { .. } => progressed = true,
                    SessionEvent::Accepted { .. } => give_up = None,
                    SessionEvent::DataChannel(channel) if plan.echo => {
                        // It ends with the channel, and that with the call.
                        tokio::spawn(echo(channel.clone()));
                    }
                    SessionEvent::Confirmed { .. } => {
                        output.working("the call stands; Ctrl-C hangs up");
                        hang_up = plan.duration.map(|duration| Instant::now() + duration);
                        if let Some((tones, options)) = dtmf.take()
                            && let Err(error) = session.send_dtmf(&tones, options)
                        {
                            output.note(format_args!("offhook: the tones were not sent: {error}"));
                        }
                    }
                    _ => {}
                }
            }
            () = interrupts.wait(), if reason.is_none() => {
                reason = Some(Reason::Interrupted);
                terminate(session);
            }
            () = at(give_up), if reason.is_none() => {
                reason = Some(Reason::GaveUp);
                terminate(session);
            }
            () = at(hang_up), if reason.is_none() => {
                reason = Some(Reason::Done);
                terminate(session);
            }
        }
    }
    let end = session.ended().await;
    let stats = session.stats().await.unwrap_or_default();
    Outcome {
        end,
        stats,
        reason,
        progressed,
    }
}

fn terminate(session: &Session) {
    if let Err(error) = session.terminate(TerminateOptions::default()) {
        // It has just ended by itself.
        tracing::debug!(%error, "nothing to terminate");
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => pending().await,
    }
}

pub(crate) fn tell(output: &Output, number: Option<usize>, event: &SessionEvent) {
    let mut fields = fields(event);
    match number {
        Some(number) => {
            if fields.is_null() {
                fields = json!({});
            }
            fields["call"] = number.into();
            output.event(event.name(), format_args!("[{number}] {event}"), fields);
        }
        None => output.event(event.name(), event, fields),
    }
}

/// The last word about a call: its numbers.
pub(crate) fn summary(
    output: &Output,
    number: Option<usize>,
    session: &Session,
    outcome: &Outcome,
) {
    let length = match (session.start_time(), session.end_time()) {
        (Some(start), Some(end)) => end.duration_since(start).ok(),
        _ => None,
    };
    if output.is_json() {
        let mut fields = stats_fields(&outcome.stats);
        fields["cause"] = outcome.end.cause.as_str().into();
        fields["duration_ms"] = length.map(crate::output::millis).into();
        fields["call"] = number.map_or(Value::Null, Value::from);
        output.event("summary", "", fields);
    } else if outcome.end.established {
        let mut rows = stats_rows(&outcome.stats);
        let seconds = length.unwrap_or_default().as_secs_f64();
        rows.insert(0, ("length", format!("{seconds:.1} s")));
        output.line(table(&rows));
    }
}

/// Whether the call went as it should.
pub(crate) fn verdict(outcome: &Outcome, target: &str) -> Result<(), Failure> {
    let end = &outcome.end;
    match (outcome.reason, end.established) {
        (_, true) if end.cause == Cause::Bye => Ok(()),
        (Some(Reason::Interrupted), true) => Ok(()),
        (Some(Reason::Interrupted), false) => Err(Failure::new(
            Code::Interrupted,
            format_args!("the call to {target} was given up by Ctrl-C"),
            "Nothing is left to do.",
        )),
        (Some(Reason::GaveUp), _) if !outcome.progressed => Err(Failure::new(
            Code::Unreachable,
            format_args!("nothing was heard of {target} in the time of --timeout"),
            "Check the address and port in --server or in the callee's address, and that a SIP \
             server or phone listens there.",
        )),
        (Some(Reason::GaveUp), _) => Err(Failure::new(
            Code::NoAnswer,
            format_args!("{target} did not answer in the time of --timeout"),
            "Call again later, or wait longer with --timeout.",
        )),
        _ => Err(Failure::of_call(end, target)),
    }
}

/// Whether an answered, or deliberately refused, call went as it should.
pub(crate) fn answered_verdict(outcome: &Outcome, from: &str) -> Result<(), Failure> {
    let end = &outcome.end;
    let given_up = end.cause == Cause::Canceled && end.originator == Originator::Remote;
    if given_up || end.originator == Originator::Local || end.cause == Cause::Bye {
        return Ok(());
    }
    if end.cause == Cause::WebRtcError {
        return Err(Failure::new(
            Code::Refused,
            format_args!("the call from {from} could not be taken: {end}"),
            "Let the caller offer WebRTC media: ICE and DTLS-SRTP. Plain RTP is not taken.",
        ));
    }
    Err(Failure::of_call(end, from))
}
