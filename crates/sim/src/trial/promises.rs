//! What has to hold, whatever happens.

use std::collections::BTreeMap;
use std::fmt;

use offhook_core::{Direction, Event, Live, OnHold, Originator, SessionEvent, SessionId};

use super::Trial;
use crate::phone::{Announced, Phone};

/// A promise that was not kept.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Broken {
    /// What was promised.
    pub promise: &'static str,
    /// What was seen instead.
    pub seen: String,
}

impl Broken {
    pub(super) fn new(promise: &'static str, seen: impl Into<String>) -> Broken {
        Broken {
            promise,
            seen: seen.into(),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.seen)
    }
}

/// What the seed API tells after `failed`: why it failed.
const REASONS: [&str; 5] = [
    "getusermediafailed",
    "peerconnection:createofferfailed",
    "peerconnection:createanswerfailed",
    "peerconnection:setlocaldescriptionfailed",
    "peerconnection:setremotedescriptionfailed",
];

/// How far a session's story has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Chapter {
    New,
    Connecting,
    Accepted,
    Confirmed,
    Over,
    Closed,
}

/// What was told of a session so far.
struct Story {
    chapter: Chapter,
    held_by: BTreeMap<&'static str, bool>,
    renegotiated: Vec<u32>,
}

impl Story {
    fn new() -> Story {
        Story {
            chapter: Chapter::New,
            held_by: BTreeMap::new(),
            renegotiated: Vec::new(),
        }
    }

    /// Takes the next event; the reason why it may not come now, if it may not.
    fn tell(&mut self, event: &SessionEvent) -> Result<(), &'static str> {
        use Chapter::{Accepted, Closed, Confirmed, Connecting, New, Over};
        let name = event.name();
        self.chapter = match (self.chapter, event) {
            (Closed, _) => return Err("comes after the session is closed"),
            (Over, _) if REASONS.contains(&name) => Over,
            (Over, _) => return Err("comes after the end"),
            (New, SessionEvent::Connecting) => Connecting,
            (_, SessionEvent::Connecting) => return Err("comes too late or twice"),
            (New | Connecting, SessionEvent::Progress { .. }) => self.chapter,
            (_, SessionEvent::Progress { .. }) => return Err("comes after accepted"),
            (New | Connecting, SessionEvent::Accepted { .. }) => Accepted,
            (_, SessionEvent::Accepted { .. }) => return Err("comes twice"),
            (Accepted, SessionEvent::Confirmed { .. }) => Confirmed,
            (New | Connecting, SessionEvent::Confirmed { .. }) => {
                return Err("comes before accepted");
            }
            (_, SessionEvent::Confirmed { .. }) => return Err("comes twice"),
            (New | Connecting, SessionEvent::Failed(_)) => Over,
            (_, SessionEvent::Failed(_)) => return Err("comes after accepted"),
            (Accepted | Confirmed, SessionEvent::Ended(_)) => Over,
            // A caller may take its call back with a BYE (RFC 3261 section 15).
            (_, SessionEvent::Ended(end)) if end.originator == Originator::Remote => Over,
            (_, SessionEvent::Ended(_)) => return Err("comes before accepted"),
            (chapter, _) => chapter,
        };
        match event {
            SessionEvent::Hold { originator } => self.held(*originator, true),
            SessionEvent::Unhold { originator } => self.held(*originator, false),
            SessionEvent::Renegotiated { exchange, .. } => {
                if self.renegotiated.contains(exchange) {
                    return Err("tells the end of the same renegotiation twice");
                }
                self.renegotiated.push(*exchange);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn held(&mut self, originator: Originator, held: bool) -> Result<(), &'static str> {
        let who = match originator {
            Originator::Local => "local",
            _ => "remote",
        };
        match self.held_by.insert(who, held).unwrap_or_default() == held {
            true => Err("tells what is so already"),
            false => Ok(()),
        }
    }
}

/// Everything that was told of a phone's sessions was told in order, and each is over once.
pub(super) fn stories_are_in_order(name: &str, phone: &Phone) -> Result<(), Broken> {
    const ORDER: &str = "events come in order, one end per session and nothing after it";
    let mut stories: BTreeMap<SessionId, Story> = BTreeMap::new();
    let wrong = |session: SessionId, what: &str, why: &str| {
        let story = phone.story(session).join(" ");
        let seen = format!("{name}, {session}: {what} {why}, in: {story}");
        Err(Broken::new(ORDER, seen))
    };
    for (at, (_, event)) in phone.events().iter().enumerate() {
        let (session, told) = match event {
            Event::Session { session, event } => (*session, Some(event)),
            Event::SessionClosed { session } => (*session, None),
            Event::Refer { session, .. } | Event::Referred { session, .. } => {
                let story = stories.get(session);
                if story.is_none_or(|story| story.chapter == Chapter::Closed) {
                    return wrong(*session, "refer", "comes after the session is closed");
                }
                continue;
            }
            _ => continue,
        };
        let known = phone
            .announced()
            .get(&session)
            .is_some_and(|it: &Announced| it.after <= at);
        let story = stories.entry(session).or_insert_with(Story::new);
        match told {
            Some(event) if !known => return wrong(session, event.name(), "comes unannounced"),
            Some(event) => {
                if let Err(why) = story.tell(event) {
                    return wrong(session, event.name(), why);
                }
            }
            None if story.chapter != Chapter::Over => {
                return wrong(session, "closed", "comes without an end");
            }
            None => story.chapter = Chapter::Closed,
        }
    }
    for &session in phone.announced().keys() {
        let story = stories.get(&session);
        if story.is_none_or(|story| story.chapter != Chapter::Closed) {
            return wrong(session, "it", "is never closed");
        }
    }
    Ok(())
}

/// Whether nothing of any call is held; what is, if something is. Timers that belong to the
/// registration and the connection may run.
pub(super) fn left_of_calls(live: &Live, timers: usize) -> Option<String> {
    let calls = [
        live.sessions,
        live.dialogs,
        live.client_transactions,
        live.server_transactions,
        live.asks,
        live.subscriptions,
    ];
    (calls != [0; 6] || live.timers > timers).then(|| format!("{live:?}"))
}

/// One end of a call.
#[derive(Clone, Copy, Debug)]
struct Side {
    direction: Direction,
    established: bool,
    hold: OnHold,
    ready: bool,
}

impl Trial {
    /// Those who are in the same call, by its Call-ID.
    fn calls(&self) -> BTreeMap<String, Vec<(usize, Side)>> {
        let mut calls: BTreeMap<String, Vec<(usize, Side)>> = BTreeMap::new();
        for phone in 0..self.phones.len() {
            for session in self.sessions_of(phone) {
                let side = self.info(phone, session, |info| {
                    let side = Side {
                        direction: info.direction(),
                        established: info.is_established(),
                        hold: info.is_on_hold(),
                        ready: info.is_ready_to_reoffer(),
                    };
                    (info.call_id().to_owned(), side)
                });
                if let Some((call, side)) = side {
                    calls.entry(call).or_default().push((phone, side));
                }
            }
        }
        calls
    }

    /// A call that one side is in and the other is not, or in which they disagree who holds whom.
    pub(super) fn disagreement(&self) -> Option<String> {
        for (call, sides) in self.calls() {
            let in_it: Vec<&(usize, Side)> =
                sides.iter().filter(|(_, side)| side.established).collect();
            let told = |what: &str| {
                let who: Vec<String> = sides
                    .iter()
                    .map(|(phone, side)| format!("{} {side:?}", self.names[*phone]))
                    .collect();
                Some(format!("call {call}: {what}: {}", who.join("; ")))
            };
            match in_it[..] {
                [] => {}
                [(_, one), (_, other)] if one.direction != other.direction => {
                    let mirrored =
                        one.hold.local == other.hold.remote && one.hold.remote == other.hold.local;
                    // Media that cannot apply the answer to an offer leaves it taken by one side.
                    let applies = self.plan.manners.broken == 0.0;
                    // An application that drops a question lets the exchange wait.
                    let ends = self.plan.manners.forgetful == 0.0;
                    // A proxy whose connection to one side is cut refuses in its name, though it
                    // may have taken the offer.
                    let heard = !self.plan.transport.is_reliable();
                    if applies && ends && heard && !mirrored {
                        return told("they disagree who is on hold");
                    }
                    if ends && !(one.ready && other.ready) {
                        return told("an exchange of descriptions does not come to an end");
                    }
                }
                _ => return told("not both sides are in it, and only they"),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use offhook_core::{Cause, End};

    use super::*;

    fn told(events: &[SessionEvent]) -> Result<(), &'static str> {
        let mut story = Story::new();
        events.iter().try_for_each(|event| story.tell(event))
    }

    fn end() -> End {
        End {
            originator: Originator::Local,
            cause: Cause::Bye,
            message: None,
            detail: None,
        }
    }

    fn accepted() -> SessionEvent {
        SessionEvent::Accepted {
            originator: Originator::Local,
            response: None,
        }
    }

    fn confirmed() -> SessionEvent {
        SessionEvent::Confirmed {
            originator: Originator::Local,
            ack: None,
        }
    }

    #[test]
    fn a_good_story_is_taken() {
        let hold = SessionEvent::Hold {
            originator: Originator::Remote,
        };
        let unhold = SessionEvent::Unhold {
            originator: Originator::Remote,
        };
        let ended = SessionEvent::Ended(end());
        let story = [accepted(), confirmed(), hold, unhold, ended];
        assert_eq!(told(&story), Ok(()));
        assert_eq!(told(&[SessionEvent::Failed(end())]), Ok(()));
    }

    #[test]
    fn what_comes_out_of_order_is_found() {
        assert!(told(&[confirmed()]).is_err());
        assert!(told(&[accepted(), confirmed(), confirmed()]).is_err());
        assert!(told(&[accepted(), SessionEvent::Failed(end())]).is_err());
        assert!(told(&[SessionEvent::Ended(end())]).is_err());
        let remote = End {
            originator: Originator::Remote,
            ..end()
        };
        assert!(told(&[SessionEvent::Ended(remote)]).is_ok());
        let over = SessionEvent::Failed(end());
        assert!(told(&[over.clone(), over.clone()]).is_err());
        assert!(told(&[over, accepted()]).is_err());
        let hold = SessionEvent::Hold {
            originator: Originator::Local,
        };
        assert!(told(&[accepted(), hold.clone(), hold]).is_err());
    }
}
