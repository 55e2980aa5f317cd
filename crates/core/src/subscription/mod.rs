//! Subscriptions (RFC 6665): those of ours, those that peers make here, and what both share with
//! the subscriptions to transfers (RFC 3515), which live in their sessions.

mod event;
mod notices;
mod notified;
mod notifier;
mod options;
mod petition;
mod status_line;
mod subscriber;
mod table;

use std::fmt;
use std::time::Duration;

use offhook_sip::{Event as EventHeader, Request, TypedHeader};

use crate::dialog::Dialog;
use crate::error::CommandError;
use crate::map::{Map, Number};
use crate::session::{Session, SessionId};

pub use event::{NotifierEvent, SubscriberEvent, SubscriptionEnd};
pub(crate) use notices::{Ending, Notices, Verdict};
pub(crate) use notifier::Notifier;
pub use options::{GrantOptions, LastNotify, NotifyOptions, SubscribeOptions};
pub(crate) use petition::{Petition, accepting, lifetime_of, refuse};
pub use status_line::{ReferState, StatusLine};
pub(crate) use subscriber::Subscriber;
pub(crate) use table::{Found, Subscriptions};

/// The id of a subscription, ours or a peer's, unique for the life of its agent.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SubscriptionId(pub u64);

impl Number for SubscriptionId {
    fn number(&self) -> u64 {
        self.0
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "subscription {}", self.0)
    }
}

/// The timers of a subscription.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum SubscriptionTimer {
    /// A NOTIFY is overdue (RFC 6665 section 4.1.2, Timer N).
    NotifyWait,
    /// It is due for a refresh.
    Refresh,
    /// Its time has run out.
    Expiry,
    /// A new one takes the place of one that the peer has ended.
    Again,
    /// The answer to the last NOTIFY is not waited for any longer.
    Farewell,
}

impl SubscriptionTimer {
    pub(crate) const ALL: [Self; 5] = [
        Self::NotifyWait,
        Self::Refresh,
        Self::Expiry,
        Self::Again,
        Self::Farewell,
    ];
}

/// The sessions of an agent, whose dialogs a subscription may share.
pub(crate) type Sessions = Map<SessionId, Session>;

/// Which dialog a subscription uses.
#[derive(Debug)]
pub(crate) enum Usage {
    /// None yet: its first NOTIFY makes one (RFC 6665 section 4.4.1).
    Forming,
    /// One of its own.
    Own(Box<Dialog>),
    /// That of a session.
    Shared(SessionId),
}

impl Usage {
    pub(crate) fn dialog<'a>(&'a mut self, sessions: &'a mut Sessions) -> Option<&'a mut Dialog> {
        match self {
            Self::Forming => None,
            Self::Own(dialog) => Some(dialog),
            Self::Shared(session) => sessions.get_mut(session)?.dialog_mut(),
        }
    }

    pub(crate) fn own(&self) -> Option<&Dialog> {
        match self {
            Self::Own(dialog) => Some(dialog),
            Self::Forming | Self::Shared(_) => None,
        }
    }

    pub(crate) fn session(&self) -> Option<SessionId> {
        match self {
            Self::Shared(session) => Some(*session),
            Self::Forming | Self::Own(_) => None,
        }
    }
}

/// Stands for every package where [`Config::event_packages`](crate::Config::event_packages) names
/// it.
pub(crate) const ANY: &str = "*";

/// What a subscription is about: the value of its Event header.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) header: String,
    name: String,
    id: Option<String>,
}

impl Package {
    /// What an application names, as `presence` or `dialog;id=7`.
    pub(crate) fn parse(text: &str) -> Result<Self, CommandError> {
        let wrong = || {
            let expected = "an event package other than refer, as presence or dialog;id=7";
            CommandError::argument("event", text, expected)
        };
        let event = EventHeader::parse(text).map_err(|_| wrong())?;
        match event.package.eq_ignore_ascii_case("refer") {
            true => Err(wrong()),
            false => Ok(Self::of(&event)),
        }
    }

    fn of(event: &EventHeader<'_>) -> Self {
        Self {
            header: event.to_string(),
            name: event.package.to_owned(),
            id: event.id.map(str::to_owned),
        }
    }

    /// What a request is about; nothing, where it does not say so.
    pub(crate) fn of_request(request: &Request) -> Option<Self> {
        let event = request.typed::<EventHeader<'_>>().ok()??;
        Some(Self::of(&event))
    }

    /// Whether both are the same (RFC 6665 section 8.2.1): the package and the id, no more.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.has_name(&other.name) && self.id == other.id
    }

    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    pub(crate) fn has_name_of(&self, other: &Self) -> bool {
        self.has_name(&other.name)
    }
}

/// The value of a Subscription-State header (RFC 6665 section 8.2.3).
#[derive(Clone, Copy, Debug)]
pub(crate) enum StateHeader<'a> {
    Pending(Duration),
    Active(Duration),
    Terminated(&'a Ending),
}

impl fmt::Display for StateHeader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending(left) => write!(f, "pending;expires={}", left.as_secs()),
            Self::Active(left) => write!(f, "active;expires={}", left.as_secs()),
            Self::Terminated(ending) => {
                write!(f, "terminated;reason={}", ending.reason)?;
                match ending.retry_after {
                    Some(after) => write!(f, ";retry-after={}", after.as_secs()),
                    None => Ok(()),
                }
            }
        }
    }
}
