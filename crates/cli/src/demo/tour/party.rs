//! The three who talk to each other, and their ends of a call.

use std::fmt;
use std::time::Duration;

use offhook::{
    AnswerOptions, Asks, AudioCodec, CallEnd, CallSetup, MediaOptions, ProgressOptions, Session,
    SessionEvent, Source, TerminateOptions, UserAgent, UserAgentEvent,
};

use super::ear::Ear;
use super::show::{Unmet, check, soon};
use super::{DOMAIN, PATIENCE};
use crate::exit::Failure;
use crate::output::Output;

/// How soon a lost connection is tried again: the tour shall not wait for it.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(400));

/// Who takes part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Who {
    Alice,
    Bob,
    Carol,
}

impl Who {
    /// In the order of their numbers.
    pub(super) const ALL: [Self; 3] = [Self::Alice, Self::Bob, Self::Carol];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Alice => "alice",
            Self::Bob => "bob",
            Self::Carol => "carol",
        }
    }

    pub(super) fn password(self) -> String {
        format!("{self}'s password")
    }

    pub(super) fn address(self) -> String {
        format!("sip:{self}@{DOMAIN}")
    }

    /// What they say, in hertz. Each has a whole number of waves in a frame, and none is a
    /// harmonic of another, so that they are easily told apart.
    pub(super) fn tone(self) -> f32 {
        match self {
            Self::Alice => 400.0,
            Self::Bob => 700.0,
            Self::Carol => 1100.0,
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Somebody with a phone.
#[derive(Debug)]
pub(super) struct Party {
    pub(super) who: Who,
    pub(super) phone: UserAgent,
}

impl Party {
    /// Somebody whose phone is registered.
    pub(super) async fn new(
        who: Who,
        codec: AudioCodec,
        server: String,
        verbose: u8,
        output: &Output,
    ) -> Result<Self, Failure> {
        let media = MediaOptions {
            loopback: true,
            codecs: vec![codec],
            ..MediaOptions::default()
        };
        let asks = Asks {
            refer: true,
            replaces: true,
            ..Asks::NONE
        };
        let mut builder = UserAgent::builder(&who.address())
            .password(who.password())
            .server(server)
            .reconnect_delay(RECONNECT.0, RECONNECT.1)
            .media(media)
            .asks(asks);
        if verbose > 0 {
            let output = output.clone();
            builder = builder.on_message(move |message| {
                output.wire(&format!("{who} "), &message);
            });
        }
        let phone = builder.start().await?;
        let registered = tokio::time::timeout(PATIENCE, phone.registered()).await;
        registered.unwrap_or(Err(offhook::Error::TimedOut {
            what: "registration",
        }))?;
        Ok(Self { who, phone })
    }

    /// Calls somebody.
    pub(super) fn dials(&self, whom: Who) -> Result<Line, Unmet> {
        let (ear, sink) = Ear::new(self.who);
        let call = self.phone.call(&whom.address()).play(self.voice());
        Ok(Line::new(self.who, call.sink(sink).start()?, ear))
    }

    /// Waits to be called.
    pub(super) async fn rings(&self) -> Result<Session, Unmet> {
        self.until("is called", |event| match event {
            UserAgentEvent::IncomingCall(session) => Some(session),
            _ => None,
        })
        .await
    }

    /// Takes the next call.
    pub(super) async fn answers(&self) -> Result<Line, Unmet> {
        let session = self.rings().await?;
        let (ear, sink) = Ear::new(self.who);
        session.answer(AnswerOptions::default().play(self.voice()).sink(sink))?;
        Ok(Line::new(self.who, session, ear))
    }

    /// Lets the next call ring and speaks before it is answered.
    pub(super) async fn speaks_early(&self) -> Result<Line, Unmet> {
        let session = self.rings().await?;
        let (ear, sink) = Ear::new(self.who);
        session.progress(ProgressOptions::default().play(self.voice()).sink(sink))?;
        Ok(Line::new(self.who, session, ear))
    }

    /// Makes the call that the other side of `line` asks for by a REFER to `target`.
    pub(super) async fn obeys(&self, line: &Line, target: Who) -> Result<Line, Unmet> {
        let ask = line
            .until("is asked to call somebody else", |event| match event {
                SessionEvent::Refer(ask) => Some(ask),
                _ => None,
            })
            .await?;
        let refer_to = ask.refer_to().as_str().to_owned();
        check(
            refer_to.contains(&format!("{target}@")),
            format_args!("a Refer-To that names {target}"),
            &refer_to,
        )?;
        let (ear, sink) = Ear::new(self.who);
        ask.accept(CallSetup::default().play(self.voice()).sink(sink));
        let session = line
            .until("calls somebody else", |event| match event {
                SessionEvent::Referred(session) => Some(session),
                _ => None,
            })
            .await?;
        Ok(Line::new(self.who, session, ear))
    }

    /// Reads the phone's events until one is wanted.
    pub(super) async fn until<R>(
        &self,
        what: &str,
        mut wanted: impl FnMut(UserAgentEvent) -> Option<R>,
    ) -> Result<R, Unmet> {
        let expected = format!("that {} {what}", self.who);
        let search = async {
            loop {
                match self.phone.next().await.map(&mut wanted) {
                    Some(Some(found)) => return Ok(found),
                    Some(None) => {}
                    None => return Err(Unmet::new(&expected, "the phone has stopped")),
                }
            }
        };
        soon(&expected, search).await?
    }

    fn voice(&self) -> Source {
        Source::tone(self.who.tone())
    }
}

/// One end of a call: the session, and what is heard there.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) who: Who,
    pub(super) session: Session,
    pub(super) ear: Ear,
}

impl Line {
    fn new(who: Who, session: Session, ear: Ear) -> Self {
        Self { who, session, ear }
    }

    /// Waits until the call stands.
    pub(super) async fn stands(&self) -> Result<(), Unmet> {
        let expected = format!("that {}'s call stands", self.who);
        soon(expected, self.session.confirmed()).await??;
        Ok(())
    }

    /// Waits until a new offer may be made: the one before may still be waiting for its ACK.
    pub(super) async fn ready(&self) -> Result<(), Unmet> {
        let expected = format!("that {} can make a new offer", self.who);
        soon(expected, self.session.ready_to_reoffer()).await??;
        Ok(())
    }

    /// Reads the session's events until one is wanted.
    pub(super) async fn until<R>(
        &self,
        what: &str,
        wanted: impl FnMut(SessionEvent) -> Option<R>,
    ) -> Result<R, Unmet> {
        self.until_within(PATIENCE, what, wanted).await
    }

    /// The same for what takes its time.
    pub(super) async fn until_within<R>(
        &self,
        time: Duration,
        what: &str,
        mut wanted: impl FnMut(SessionEvent) -> Option<R>,
    ) -> Result<R, Unmet> {
        let expected = format!("that {} {what} within {time:?}", self.who);
        let mut seen = Vec::new();
        let search = async {
            while let Some(event) = self.session.next().await {
                let name = event.name();
                if let Some(found) = wanted(event) {
                    return Some(found);
                }
                seen.push(name);
            }
            None
        };
        let found = tokio::time::timeout(time, search).await;
        found.ok().flatten().ok_or_else(|| match seen.is_empty() {
            true => Unmet::new(expected, "nothing"),
            false => Unmet::new(expected, seen.join(", ")),
        })
    }

    /// Waits until the call is over.
    pub(super) async fn ended(&self) -> Result<CallEnd, Unmet> {
        let expected = format!("that {}'s call ends", self.who);
        soon(expected, self.session.ended()).await
    }
}

/// Both sides hear each other.
pub(super) async fn hear_each_other(one: &Line, other: &Line) -> Result<(), Unmet> {
    tokio::try_join!(one.ear.hears(other.who), other.ear.hears(one.who))?;
    Ok(())
}

/// A call that stands, in which both hear each other.
pub(super) async fn talk(caller: &Party, callee: &Party) -> Result<(Line, Line), Unmet> {
    let dialled = caller.dials(callee.who)?;
    let answered = callee.answers().await?;
    tokio::try_join!(dialled.stands(), answered.stands())?;
    hear_each_other(&dialled, &answered).await?;
    Ok((dialled, answered))
}

/// `by` hangs up, and both sides agree on that.
pub(super) async fn hang_up(by: &Line, other: &Line) -> Result<(), Unmet> {
    use offhook::{Cause, Originator};

    by.session.terminate(TerminateOptions::default())?;
    let (of_by, of_other) = tokio::try_join!(by.ended(), other.ended())?;
    let ends = [(&of_by, Originator::Local), (&of_other, Originator::Remote)];
    for (line, (end, originator)) in [by, other].into_iter().zip(ends) {
        check(
            end.established && (end.cause, end.originator) == (Cause::Bye, originator),
            format_args!("that {}'s call ends by {}'s BYE", line.who, by.who),
            end.to_string(),
        )?;
    }
    Ok(())
}
