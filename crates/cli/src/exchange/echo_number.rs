//! A number that answers every call and sends back what it hears and sees: the first call of
//! somebody who has nobody to call.

use std::time::Duration;

use offhook::{
    AnswerOptions, Asks, DataChannel, MediaOptions, Session, SessionEvent, Source,
    TerminateOptions, UserAgent, UserAgentEvent, sip::StatusCode,
};
use offhook_exchange::Exchange;
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};

use crate::echo::echo;
use crate::exit::Failure;
use crate::output::Output;

/// The user part of its address.
pub(crate) const USER: &str = "echo";

/// Long enough that one hears oneself twice, short enough to talk.
const DELAY: Duration = Duration::from_millis(600);

/// How many calls it takes at once; further callers find it busy.
const MOST_CALLS: usize = 16;

/// How long a call may last: nobody listens to an echo for longer.
const LONGEST_CALL: Duration = Duration::from_secs(30 * 60);

/// The echo at work.
#[derive(Debug)]
pub(crate) struct EchoNumber {
    task: JoinHandle<()>,
    stop: tokio::sync::oneshot::Sender<()>,
}

impl EchoNumber {
    /// Registers at the exchange, and answers from now on.
    pub(crate) async fn start(
        exchange: &Exchange,
        password: &str,
        output: &Output,
    ) -> Result<EchoNumber, Failure> {
        let address = format!("sip:{USER}@{}", exchange.domain());
        let media = MediaOptions {
            loopback: true,
            ..MediaOptions::default()
        };
        let user_agent = UserAgent::builder(&address)
            .server(exchange.url())
            .password(password)
            .media(media)
            // Whoever was transferred here may take the place of the one who asked first.
            .asks(Asks {
                replaces: true,
                ..Asks::NONE
            })
            .max_sessions(MOST_CALLS * 2)
            .start()
            .await?;
        user_agent.registered().await?;
        output.event(
            "echo",
            format_args!("{address} sends back what it hears"),
            json!({ "address": address }),
        );
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(answer_all(user_agent, stopped));
        Ok(EchoNumber { task, stop })
    }

    /// Hangs up every call, and is no longer registered.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "the echo ended badly");
        }
    }
}

async fn answer_all(user_agent: UserAgent, mut stopped: tokio::sync::oneshot::Receiver<()>) {
    let mut calls = JoinSet::new();
    loop {
        tokio::select! {
            event = user_agent.next() => match event {
                Some(UserAgentEvent::IncomingCall(session)) if calls.len() >= MOST_CALLS => {
                    end(&session, Some(486));
                }
                Some(UserAgentEvent::IncomingCall(session)) => {
                    calls.spawn(answer(session));
                }
                Some(event) => tracing::debug!(event = event.name(), "the echo's registration"),
                None => break,
            },
            Some(_) = calls.join_next() => {}
            _ = &mut stopped => break,
        }
    }
    user_agent.stop().await;
}

/// One call, to its end.
async fn answer(session: Session) {
    let options = AnswerOptions::default()
        .play(Source::echo_after(DELAY))
        .echo_video();
    if let Err(error) = session.answer(options) {
        tracing::debug!(%error, "a call was not answered");
        end(&session, None);
    }
    let over = tokio::time::sleep(LONGEST_CALL);
    tokio::pin!(over);
    // What goes back on data channels ends with the call.
    let mut channels: JoinSet<()> = JoinSet::new();
    loop {
        tokio::select! {
            event = session.next() => match event {
                Some(SessionEvent::DataChannel(channel)) => take(&mut channels, channel),
                Some(SessionEvent::Replaces(ask)) => ask.accept(),
                Some(_) => {}
                None => break,
            },
            Some(_) = channels.join_next() => {}
            () = &mut over, if !over.is_elapsed() => end(&session, None),
        }
    }
}

/// As many as a browser's page makes, and no more.
fn take(channels: &mut JoinSet<()>, channel: DataChannel) {
    if channels.len() < MOST_CALLS {
        channels.spawn(echo(channel));
    }
}

fn end(session: &Session, status: Option<u16>) {
    let options = TerminateOptions {
        status: status.and_then(StatusCode::new),
        ..TerminateOptions::default()
    };
    if let Err(error) = session.terminate(options) {
        tracing::debug!(%error, "a call has ended by itself");
    }
}
