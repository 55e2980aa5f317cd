//! What became of many calls, counted.

use std::collections::BTreeMap;
use std::fmt;

use offhook_core::{Cause, End, Event, Originator, ReferState, SessionEvent};

use crate::phone::Phone;

/// What many seeds came to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    seeds: u64,
    sessions: u64,
    messages: u64,
    outcomes: BTreeMap<&'static str, u64>,
    deeds: BTreeMap<&'static str, [u64; 2]>,
    conditions: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// How many seeds were run.
    pub fn seeds(&self) -> u64 {
        self.seeds
    }

    /// How many sessions there were, both ends of a call counted.
    pub fn sessions(&self) -> u64 {
        self.sessions
    }

    /// How many calls were made: sessions that somebody started.
    pub fn calls(&self) -> u64 {
        self.outcomes().map(|(_, count)| count).sum()
    }

    /// How many messages phones received.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// What became of calls, in words, each with how often.
    pub fn outcomes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.outcomes.iter().map(|(&name, &count)| (name, count))
    }

    /// What was done, each with how often it could be done and how often not.
    pub fn deeds(&self) -> impl Iterator<Item = (&'static str, u64, u64)> {
        self.deeds
            .iter()
            .map(|(&name, &[refused, done])| (name, done, refused))
    }

    /// What the networks and people were like, each with how many seeds.
    pub fn conditions(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.conditions.iter().map(|(&name, &count)| (name, count))
    }

    /// Adds another tally to this one.
    pub fn add(&mut self, other: &Tally) {
        self.seeds += other.seeds;
        self.sessions += other.sessions;
        self.messages += other.messages;
        for (&name, count) in &other.outcomes {
            *self.outcomes.entry(name).or_default() += count;
        }
        for (&name, [refused, done]) in &other.deeds {
            let counts = self.deeds.entry(name).or_default();
            counts[0] += refused;
            counts[1] += done;
        }
        for (&name, count) in &other.conditions {
            *self.conditions.entry(name).or_default() += count;
        }
    }

    pub(super) fn count_deed(&mut self, name: &'static str, done: bool) {
        self.deeds.entry(name).or_default()[usize::from(done)] += 1;
    }

    pub(super) fn count_seed(&mut self, conditions: Vec<&'static str>) {
        self.seeds += 1;
        for name in conditions {
            *self.conditions.entry(name).or_default() += 1;
        }
    }

    /// Counts what a phone's calls came to.
    pub(super) fn count_phone(&mut self, phone: &Phone) {
        self.sessions += phone.announced().len() as u64;
        self.messages += phone.agent().counters().received;
        let ours = |session| {
            let announced = phone.announced().get(session);
            announced.is_some_and(|it| it.originator == Originator::Local)
        };
        for (_, event) in phone.events() {
            let outcome = match event {
                Event::Session { session, event } if ours(session) => match event {
                    SessionEvent::Ended(end) => ended(end),
                    SessionEvent::Failed(end) => failed(end),
                    _ => continue,
                },
                Event::Refer {
                    state: ReferState::Accepted { .. },
                    ..
                } => {
                    self.count_deed("a transfer was answered", true);
                    continue;
                }
                _ => continue,
            };
            *self.outcomes.entry(outcome).or_default() += 1;
        }
    }
}

/// How an answered call ended, as its caller saw it.
fn ended(end: &End) -> &'static str {
    match (end.cause, end.originator) {
        (Cause::Bye, Originator::Local) => "answered, hung up by the caller",
        (Cause::Bye, _) => "answered, hung up by the callee",
        (Cause::RequestTimeout, _) => "answered, ended by a silent peer",
        (Cause::ConnectionError, _) => "answered, ended by a lost connection",
        (Cause::DialogError, _) => "answered, ended by a peer that forgot it",
        (Cause::RtpTimeout, _) => "answered, ended by lost media",
        (Cause::BadMediaDescription | Cause::WebRtcError | Cause::MissingSdp, _) => {
            "answered, ended by failing media"
        }
        _ => "answered, ended otherwise",
    }
}

/// How a call failed, as its caller saw it.
fn failed(end: &End) -> &'static str {
    match end.cause {
        Cause::Busy => "busy",
        Cause::Rejected => "refused",
        Cause::Redirected => "redirected",
        Cause::Unavailable => "unavailable",
        Cause::NotFound => "not found",
        Cause::Canceled => "cancelled",
        Cause::NoAnswer | Cause::Expires => "not answered",
        Cause::RequestTimeout => "failed by loss",
        Cause::ConnectionError => "failed by a lost connection",
        Cause::UserDeniedMediaAccess
        | Cause::WebRtcError
        | Cause::BadMediaDescription
        | Cause::MissingSdp
        | Cause::IncompatibleSdp => "failed by its media",
        Cause::AuthenticationError => "failed to authenticate",
        _ => "failed otherwise",
    }
}

/// Three tables.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "what became of {} calls", self.calls())?;
        for (name, count) in self.outcomes() {
            writeln!(f, "{count:>12}  {name}")?;
        }
        writeln!(f, "what was done, and how often it was not the time for it")?;
        for (name, done, refused) in self.deeds() {
            writeln!(f, "{done:>12}  {name} ({refused})")?;
        }
        writeln!(f, "what the {} seeds were like", self.seeds)?;
        for (name, count) in self.conditions() {
            writeln!(f, "{count:>12}  {name}")?;
        }
        Ok(())
    }
}
