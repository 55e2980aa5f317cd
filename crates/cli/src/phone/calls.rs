//! The calls of the phone by their numbers.

use std::collections::BTreeMap;
use std::time::SystemTime;

use offhook::{Direction, ReferAsk, ReofferAsk, ReplacesAsk, Session};
use serde_json::{Value, json};

use super::commands::{Deed, Wish};
use super::trouble::Trouble;

/// One call that has not ended.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) session: Session,
    /// What the peer asked for, until the user has said something to that.
    pub(super) pending: Option<Pending>,
    /// The number of the call that the peer has asked for and that is about to be made.
    pub(super) referred: Option<usize>,
}

/// A question that waits for the user.
#[derive(Debug)]
pub(super) enum Pending {
    Refer(ReferAsk),
    Replaces(ReplacesAsk),
    Reoffer(ReofferAsk),
}

impl Pending {
    pub(super) fn wish(&self) -> Wish {
        match self {
            Self::Refer(_) => Wish::Refer,
            Self::Replaces(_) => Wish::Replaces,
            Self::Reoffer(_) => Wish::Reoffer,
        }
    }
}

/// All calls. They leave when they have ended.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: BTreeMap<usize, Call>,
    last_number: usize,
    /// The call that was last spoken of.
    current: Option<usize>,
}

impl Calls {
    /// The number of a call that is about to be.
    pub(super) fn number(&mut self) -> usize {
        self.last_number += 1;
        self.last_number
    }

    pub(super) fn add(&mut self, number: usize, session: Session) {
        let call = Call {
            session,
            pending: None,
            referred: None,
        };
        self.calls.insert(number, call);
    }

    pub(super) fn remove(&mut self, number: usize) {
        self.calls.remove(&number);
    }

    pub(super) fn get_mut(&mut self, number: usize) -> Option<&mut Call> {
        self.calls.get_mut(&number)
    }

    pub(super) fn speak_of(&mut self, number: usize) {
        self.current = Some(number);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    pub(super) fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.calls.values().map(|call| &call.session)
    }

    /// The session of this number.
    pub(super) fn session(&self, number: usize) -> Result<&Session, Trouble> {
        let call = self.calls.get(&number).ok_or_else(|| {
            let numbers: Vec<_> = self.calls.keys().map(usize::to_string).collect();
            let advice = match numbers.is_empty() {
                true => "there is none at all".to_owned(),
                false => format!("there is {}", numbers.join(", ")),
            };
            Trouble::new(format!("there is no call {number}"), advice)
        })?;
        Ok(&call.session)
    }

    /// The call to do it with: the named one, else the one last spoken of, else the youngest that
    /// it can be done with.
    pub(super) fn choose(&mut self, named: Option<usize>, deed: &Deed) -> Result<usize, Trouble> {
        let number = match named {
            Some(number) => {
                self.session(number)?;
                Some(number)
            }
            None => {
                let fits = |number: &usize| {
                    let call = self.calls.get(number);
                    call.is_some_and(|call| call.fits(deed))
                };
                let current = self.current.filter(fits);
                current.or_else(|| self.calls.keys().copied().rev().find(fits))
            }
        };
        let number = number
            .ok_or_else(|| Trouble::new(missing(deed), "calls shows how each call stands"))?;
        self.current = Some(number);
        Ok(number)
    }

    /// What `calls` shows to people.
    pub(super) fn list(&self) -> String {
        if self.calls.is_empty() {
            return "  no calls".to_owned();
        }
        let lines = self.calls.iter().map(|(number, call)| {
            let mark = if self.current == Some(*number) {
                '>'
            } else {
                ' '
            };
            format!("{mark} [{number}] {}", call.line())
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// What `calls` shows to machines.
    pub(super) fn fields(&self) -> Value {
        let calls = self.calls.iter().map(|(number, call)| {
            let mut fields = call.fields();
            fields["call"] = (*number).into();
            fields["current"] = (self.current == Some(*number)).into();
            fields
        });
        json!({ "calls": calls.collect::<Vec<_>>() })
    }
}

fn missing(deed: &Deed) -> &'static str {
    match deed {
        Deed::Answer | Deed::Reject(_) | Deed::Ring | Deed::Progress(_) => {
            "no call waits to be answered"
        }
        Deed::HangUp(_) => "there is no call",
        Deed::Allow | Deed::Refuse(_) => "nobody has asked for anything",
        Deed::Play(_) | Deed::Record { .. } | Deed::Stats => "there is no call with media",
        _ => "no call stands",
    }
}

impl Call {
    /// Whether it makes sense to do this with the call.
    fn fits(&self, deed: &Deed) -> bool {
        let session = &self.session;
        match deed {
            Deed::Answer | Deed::Reject(_) | Deed::Ring | Deed::Progress(_) => {
                session.is_in_progress() && session.direction() == Direction::Incoming
            }
            Deed::HangUp(_) => !session.is_ended(),
            Deed::Allow | Deed::Refuse(_) => self.pending.is_some(),
            Deed::Play(_) | Deed::Record { .. } | Deed::Stats => session.connection().is_some(),
            _ => session.is_established(),
        }
    }

    fn state(&self) -> &'static str {
        let session = &self.session;
        match session.direction() {
            _ if session.is_established() => "established",
            _ if session.is_ended() => "ended",
            Direction::Incoming => "incoming",
            Direction::Outgoing => "calling",
        }
    }

    fn line(&self) -> String {
        let session = &self.session;
        let mut line = format!(
            "{}  {}",
            session.remote_identity().uri.as_str(),
            self.state()
        );
        if let Some(seconds) = self.seconds() {
            line += &format!(", {}:{:02}", seconds / 60, seconds % 60);
        }
        let hold = session.is_on_hold();
        let muted = session.is_muted();
        let pending = self.pending.as_ref().map(Pending::wish);
        for (holds, word) in [
            (hold.local, "on hold by this side"),
            (hold.remote, "on hold by the peer"),
            (muted.audio, "audio muted"),
            (muted.video, "video muted"),
            (
                pending == Some(Wish::Refer),
                "asks for a call to somebody else",
            ),
            (
                pending == Some(Wish::Replaces),
                "another call wants its place",
            ),
            (pending == Some(Wish::Reoffer), "wants to renegotiate"),
        ] {
            if holds {
                line += ", ";
                line += word;
            }
        }
        line
    }

    /// How long it has stood.
    fn seconds(&self) -> Option<u64> {
        let start = self.session.start_time()?;
        Some(SystemTime::now().duration_since(start).ok()?.as_secs())
    }

    fn fields(&self) -> Value {
        let session = &self.session;
        let hold = session.is_on_hold();
        let muted = session.is_muted();
        json!({
            "remote": session.remote_identity().uri.as_str(),
            "direction": match session.direction() {
                Direction::Incoming => "incoming",
                Direction::Outgoing => "outgoing",
            },
            "state": self.state(),
            "call_id": session.call_id(),
            "hold": { "local": hold.local, "remote": hold.remote },
            "muted": { "audio": muted.audio, "video": muted.video },
            "duration_s": self.seconds(),
            "asked": self.pending.as_ref().map(|pending| match pending.wish() {
                Wish::Refer => "refer",
                Wish::Replaces => "replaces",
                Wish::Reoffer => "reoffer",
            }),
        })
    }
}
