//! `offhook phone`

mod calls;
mod commands;
mod deeds;
mod input;
mod media;
mod news;
mod trouble;
mod words;

use std::time::Duration;

use offhook::{Asks, RequestOptions, TerminateOptions, UserAgent, UserAgentEvent};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::account;
use crate::args::PhoneArgs;
use crate::exit::Failure;
use crate::interrupts::Interrupts;
use crate::output::{Output, table};
use crate::standing::Standing;
use calls::Calls;
use commands::{Command, Deed, Policy, Wish};
use media::{Ends, with_ends};
use news::{Desk, News};
use trouble::Trouble;

/// How long the last calls may take to end when the phone is left.
const FAREWELL: Duration = Duration::from_secs(5);

/// What a phone on a desk would ask its user about.
const ASKS: Asks = Asks {
    refer: true,
    replaces: true,
    reinvite: true,
    update: true,
    ..Asks::NONE
};

/// A phone that is being used.
struct Phone<'a> {
    args: &'a PhoneArgs,
    output: &'a Output,
    user_agent: UserAgent,
    calls: Calls,
    news: Desk,
    auto_answer: bool,
    policies: Policies,
}

/// What becomes of the peers' wishes.
#[derive(Debug)]
struct Policies {
    refers: Policy,
    replaces: Policy,
    reoffers: Policy,
}

impl Policies {
    fn of(&self, wish: Wish) -> Policy {
        match wish {
            Wish::Refer => self.refers,
            Wish::Replaces => self.replaces,
            Wish::Reoffer => self.reoffers,
        }
    }

    fn set(&mut self, wish: Wish, policy: Policy) {
        *match wish {
            Wish::Refer => &mut self.refers,
            Wish::Replaces => &mut self.replaces,
            Wish::Reoffer => &mut self.reoffers,
        } = policy;
    }
}

/// A call elsewhere costs money or privacy: the user is asked. To hold is everybody's right.
impl Default for Policies {
    fn default() -> Self {
        Self {
            refers: Policy::Ask,
            replaces: Policy::Ask,
            reoffers: Policy::Accept,
        }
    }
}

/// Whether the phone is still in use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Use {
    GoesOn,
    Quits,
}

pub(crate) async fn run(
    args: PhoneArgs,
    verbose: u8,
    output: &Output,
    mut interrupts: Interrupts,
) -> Result<(), Failure> {
    let output = &output.still();
    // Told now and not at the first call.
    account::source(&args.media)?;
    account::video_source(&args.media)?;
    let mut builder =
        account::user_agent(&args.address, &args.account, &args.media, verbose, output)?
            .ring(!args.no_ring)
            .asks(ASKS);
    if let Some(seconds) = args.session_expires {
        builder = builder.session_expires(seconds);
    }
    let user_agent = builder.start_disconnected().await?;
    let mut standing = Standing::new(output, &args.address, args.account.server.is_some());
    standing.listening(&user_agent);
    if !output.is_json() {
        output.note("help shows the commands");
    }

    let (news, mut arriving) = Desk::new();
    let mut phone = Phone {
        args: &args,
        output,
        user_agent,
        calls: Calls::default(),
        news,
        auto_answer: args.auto_answer,
        policies: Policies::default(),
    };
    let mut lines = input::lines();
    let verdict = loop {
        tokio::select! {
            // What was told to the user comes before what the user says to it.
            biased;
            () = interrupts.wait() => break Ok(()),
            event = phone.user_agent.next() => match event {
                Some(UserAgentEvent::IncomingCall(session)) => phone.incoming(session),
                Some(UserAgentEvent::Message(message)) => phone.written(&message),
                Some(event) => {
                    if let Err(failure) = standing.tell(&event) {
                        break Err(failure);
                    }
                }
                None => break Ok(()),
            },
            // The desk stands as long as the phone.
            Some(news) = arriving.recv() => phone.take(news),
            line = lines.recv() => match line {
                Some(line) => {
                    if phone.hear(&line).await == Use::Quits {
                        break Ok(());
                    }
                }
                None => break Ok(()),
            },
        }
    };
    phone.leave(&mut arriving, &mut standing).await;
    verdict
}

impl Phone<'_> {
    /// Carries out what was typed, or says why not.
    async fn hear(&mut self, line: &str) -> Use {
        let command = match commands::parse(line) {
            Ok(Some(command)) => command,
            Ok(None) => return Use::GoesOn,
            Err(misspoken) => {
                Trouble::from(misspoken).tell(self.output, line);
                return Use::GoesOn;
            }
        };
        if matches!(command, Command::Quit) {
            return Use::Quits;
        }
        match self.carry_out(command).await {
            Ok(mut fields) if self.output.is_json() => {
                if fields.is_null() {
                    fields = json!({});
                }
                fields["command"] = line.trim().into();
                self.output.event("command:done", "", fields);
            }
            Ok(_) => {}
            Err(trouble) => trouble.tell(self.output, line),
        }
        Use::GoesOn
    }

    /// What more there is to say about it, for machines.
    async fn carry_out(&mut self, command: Command) -> Result<Value, Trouble> {
        match command {
            Command::Call {
                target,
                anonymous,
                late_offer,
            } => return self.call(&target, anonymous, late_offer),
            Command::OfCall { number, deed } => return self.of_call(number, deed).await,
            Command::Message { target, text } => {
                let options = RequestOptions::default();
                let request = self.user_agent.send_message(&target, text, options)?;
                self.news.follow_message(target, request);
            }
            Command::HangUpAll => self.hang_up_all(),
            Command::Calls if self.output.is_json() => {
                self.output.event("calls", "", self.calls.fields());
            }
            Command::Calls => self.output.line(self.calls.list()),
            Command::AutoAnswer(on) => self.auto_answer = on,
            Command::Policy(wish, policy) => self.policies.set(wish, policy),
            Command::Status => self.status(),
            Command::Register => self.user_agent.register(),
            Command::Unregister => self.user_agent.unregister(false),
            Command::Help => self.output.line(commands::help()),
            Command::Quit => {}
        }
        Ok(Value::Null)
    }

    fn call(&mut self, target: &str, anonymous: bool, late_offer: bool) -> Result<Value, Trouble> {
        let number = self.calls.number();
        let ends = Ends::of(self.args, number)?;
        let mut call = with_ends!(ends, self.user_agent.call(target));
        if anonymous {
            call = call.anonymous();
        }
        if late_offer {
            call = call.late_offer();
        }
        let session = call.start()?;
        Ok(self.calling(number, session))
    }

    async fn of_call(&mut self, number: Option<usize>, deed: Deed) -> Result<Value, Trouble> {
        let number = self.calls.choose(number, &deed)?;
        let mut fields = self.do_with(number, deed).await?;
        if fields.is_null() {
            fields = json!({});
        }
        fields["call"] = number.into();
        Ok(fields)
    }

    fn hang_up_all(&self) {
        for session in self.calls.sessions() {
            // One that cannot be ended has ended by itself.
            let _ = session.terminate(TerminateOptions::default());
        }
    }

    fn status(&self) {
        let [connected, registered] = [
            self.user_agent.is_connected(),
            self.user_agent.is_registered(),
        ];
        if self.output.is_json() {
            let fields = json!({
                "address": self.args.address,
                "server": self.args.account.server,
                "connected": connected,
                "registered": registered,
                "calls": self.calls.len(),
                "auto_answer": self.auto_answer,
            });
            self.output.event("status", "", fields);
            return;
        }
        let yes = |is| if is { "yes" } else { "no" }.to_owned();
        let server = self.args.account.server.as_deref().unwrap_or("none");
        self.output.line(table(&[
            ("address", self.args.address.clone()),
            ("server", server.to_owned()),
            ("connected", yes(connected)),
            ("registered", yes(registered)),
            ("calls", self.calls.len().to_string()),
            ("answers by itself", yes(self.auto_answer)),
        ]));
    }

    /// Ends every call and takes the registration back, and tells how that went.
    async fn leave(mut self, arriving: &mut mpsc::Receiver<News>, standing: &mut Standing<'_>) {
        self.hang_up_all();
        let farewell = async {
            while !self.calls.is_empty() {
                let Some(news) = arriving.recv().await else {
                    break;
                };
                self.take(news);
            }
        };
        if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
            tracing::debug!("calls were left before they had ended");
        }
        let last_words = async {
            while let Some(event) = self.user_agent.next().await {
                // It is being left: nothing can fail any more.
                let _ = standing.tell(&event);
            }
        };
        tokio::join!(self.user_agent.stop(), last_words);
    }
}
