//! `offhook answer`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use offhook::{AnswerOptions, Session, TerminateOptions, UserAgentEvent};
use serde_json::json;
use tokio::task::JoinSet;

use crate::account;
use crate::args::AnswerArgs;
use crate::exit::{Code, Failure};
use crate::follow::{Outcome, Plan, answered_verdict, follow, summary};
use crate::interrupts::Interrupts;
use crate::output::{Output, millis};
use crate::standing::Standing;

pub(crate) async fn run(
    args: AnswerArgs,
    verbose: u8,
    output: &Output,
    mut interrupts: Interrupts,
) -> Result<(), Failure> {
    // Told now and not when somebody calls.
    account::source(&args.media)?;
    account::video_source(&args.media)?;
    let builder = account::user_agent(&args.address, &args.account, &args.media, verbose, output)?
        // A call that is refused at once does not ring before.
        .ring(args.reject.is_none() || args.ring.is_some());
    if args.account.server.is_none() && args.account.listen.is_empty() {
        return Err(Failure::new(
            Code::Usage,
            "nobody can reach this address: there is neither --server nor --listen",
            "Give a server to register at, or an address to listen on, as --listen udp:0.0.0.0:5060.",
        ));
    }
    if let Some(server) = &args.account.server {
        output.working(format_args!("registering {} at {server}", args.address));
    }
    let user_agent = builder.start_disconnected().await?;
    let args = Arc::new(args);
    let has_server = args.account.server.is_some();
    let mut standing = Standing::new(output, &args.address, has_server);
    standing.listening(&user_agent);
    let mut calls = JoinSet::new();
    let mut number = 0;
    let verdict = loop {
        tokio::select! {
            event = user_agent.next() => match event {
                Some(UserAgentEvent::IncomingCall(session)) => {
                    number += 1;
                    if args.once && number > 1 {
                        // The one call is taken: this is how a telephone says so.
                        let _ = session.terminate(TerminateOptions {
                            status: offhook::sip::StatusCode::new(486),
                            ..TerminateOptions::default()
                        });
                        continue;
                    }
                    let answering = Answering {
                        args: Arc::clone(&args),
                        output: output.clone(),
                        interrupts: interrupts.clone(),
                        number,
                    };
                    calls.spawn(answering.run(session));
                }
                Some(event) => {
                    if let Err(failure) = standing.tell(&event) {
                        break Err(failure);
                    }
                }
                None => break Ok(()),
            },
            Some(ended) = calls.join_next() => {
                let result = ended.unwrap_or_else(|error| {
                    Err(Failure::new(Code::Internal, error, "Please report it."))
                });
                match result {
                    result if args.once => break result,
                    Ok(()) => {}
                    Err(failure) => output.note(format_args!("offhook: {}", failure.message)),
                }
                standing.waiting();
            }
            () = interrupts.wait() => {
                output.working("ending");
                // Each call ends itself; the table of the last one still comes.
                while calls.join_next().await.is_some() {}
                break Ok(());
            }
        }
    };
    user_agent.stop().await;
    output.done();
    verdict
}

/// One call to be answered.
struct Answering {
    args: Arc<AnswerArgs>,
    output: Output,
    interrupts: Interrupts,
    number: usize,
}

impl Answering {
    async fn run(mut self, session: Session) -> Result<(), Failure> {
        let from = session.remote_identity().uri.as_str().to_owned();
        let fields = json!({ "from": from, "call": self.number, "call_id": session.call_id() });
        self.output.event(
            "incoming",
            format_args!("[{}] {from} calls", self.number),
            fields,
        );
        self.output.working(format_args!("{from} calls"));
        let plan = Plan {
            duration: self.args.duration,
            echo: self.args.echo,
            number: Some(self.number),
            ..Plan::default()
        };
        let output = self.output.clone();
        let interrupts = self.interrupts.clone();
        let (outcome, taken) = tokio::join!(
            follow(&output, &session, plan, interrupts),
            self.take(&session),
        );
        let number = Some(self.number);
        summary(&output, number, &session, &outcome);
        taken?;
        self.judge(&outcome, &from)
    }

    fn judge(&self, outcome: &Outcome, from: &str) -> Result<(), Failure> {
        answered_verdict(outcome, from)
    }

    /// Lets it ring, then answers or refuses. A file that cannot be written refuses the call.
    async fn take(&mut self, session: &Session) -> Result<(), Failure> {
        if let Some(ring) = self.args.ring {
            tracing::debug!(ms = millis(ring), "ringing");
            tokio::select! {
                () = tokio::time::sleep(ring) => {}
                _ = session.ended() => return Ok(()),
            }
        }
        let result = match self.args.reject {
            Some(status) => session
                .terminate(TerminateOptions {
                    status: offhook::sip::StatusCode::new(status),
                    ..TerminateOptions::default()
                })
                .map_err(Failure::from),
            None => self.answer(session),
        };
        match result {
            // The caller was faster: there is nothing left to answer.
            Err(_) if session.is_ended() => Ok(()),
            Err(failure) => {
                let _ = session.terminate(TerminateOptions::default());
                Err(failure)
            }
            Ok(()) => Ok(()),
        }
    }

    fn answer(&self, session: &Session) -> Result<(), Failure> {
        let mut answer = AnswerOptions::default();
        if self.args.echo {
            answer = answer.echo();
        }
        if let Some(source) = account::source(&self.args.media)? {
            answer = answer.play(source);
        }
        if let Some(path) = &self.args.media.record {
            answer = answer.record(numbered(path, self.number));
        }
        if let Some(source) = account::video_source(&self.args.media)? {
            answer = answer.play_video(source);
        }
        if let Some(path) = &self.args.media.record_video {
            answer = answer.record_video(numbered(path, self.number));
        }
        Ok(session.answer(answer)?)
    }
}

/// The file for the first call is the one given; the second call's has `-2` before its suffix.
pub(crate) fn numbered(path: &Path, number: usize) -> PathBuf {
    if number == 1 {
        return path.to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match path.extension() {
        Some(suffix) => format!("{stem}-{number}.{}", suffix.to_string_lossy()),
        None => format!("{stem}-{number}"),
    };
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_recorded_to_a_file_of_its_own() {
        let path = Path::new("/tmp/heard.wav");
        assert_eq!(numbered(path, 1), path);
        assert_eq!(numbered(path, 2), Path::new("/tmp/heard-2.wav"));
        assert_eq!(numbered(Path::new("heard"), 3), Path::new("heard-3"));
    }
}
