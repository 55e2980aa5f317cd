//! What is told about subscriptions, in the words of JsSIP's `Subscriber` and `Notifier`.

use std::fmt;
use std::time::Duration;

use offhook_sip::{Request, Response};

use super::SubscriptionId;
use crate::options::Body;

/// What happened to a subscription of ours.
///
/// [`Terminated`](Self::Terminated) comes once, and nothing after it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SubscriberEvent {
    /// The peer took the first SUBSCRIBE (`accepted`). A NOTIFY may come before.
    Accepted {
        /// The 2xx.
        response: Response,
    },
    /// The first NOTIFY has made a dialog (`dialogCreated`).
    DialogCreated,
    /// The peer has to be allowed to tell the state first (`pending`).
    Pending,
    /// The peer tells the state from now on (`active`).
    Active,
    /// A NOTIFY came (`notify`).
    Notify {
        /// Whether it ends the subscription.
        last: bool,
        /// The NOTIFY.
        request: Request,
        /// What it says.
        body: Option<Body>,
    },
    /// Another of those whom the SUBSCRIBE was forked to has answered it: a subscription of its
    /// own, which goes on beside this one.
    Forked {
        /// The other one.
        fork: SubscriptionId,
    },
    /// The peer has ended the subscription, and a new one follows under the same id.
    Resubscribing {
        /// The peer's reason.
        reason: Option<String>,
        /// When the SUBSCRIBE goes out.
        after: Duration,
    },
    /// The subscription is over (`terminated`).
    Terminated {
        /// Why.
        end: SubscriptionEnd,
    },
}

impl SubscriberEvent {
    /// The event's name, as JsSIP's `Subscriber` spells it where it has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::DialogCreated => "dialogCreated",
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Notify { .. } => "notify",
            Self::Forked { .. } => "forked",
            Self::Resubscribing { .. } => "resubscribing",
            Self::Terminated { .. } => "terminated",
        }
    }
}

/// What happened to a subscription that a peer has here.
///
/// [`Terminated`](Self::Terminated) comes once, and nothing after it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NotifierEvent {
    /// The peer has refreshed it (`subscribe`), and was told the state again.
    Refreshed {
        /// The SUBSCRIBE.
        request: Request,
        /// How long it lasts from now.
        expires: Duration,
    },
    /// The peer wants to be told nothing more (`subscribe` with its flag set); it is terminated.
    Unsubscribed {
        /// The SUBSCRIBE.
        request: Request,
    },
    /// It is over (`terminated`).
    Terminated {
        /// Why.
        end: SubscriptionEnd,
    },
}

impl NotifierEvent {
    /// The event's name, as JsSIP's `Notifier` spells it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Refreshed { .. } | Self::Unsubscribed { .. } => "subscribe",
            Self::Terminated { .. } => "terminated",
        }
    }
}

/// Why a subscription is over.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SubscriptionEnd {
    /// The notifier's last NOTIFY said so.
    Notified {
        /// The reason (RFC 6665 section 4.1.3), as `noresource`.
        reason: Option<String>,
        /// When to try again, where the notifier says so.
        retry_after: Option<Duration>,
    },
    /// The peer refused a SUBSCRIBE or NOTIFY with this response; it may hold a Retry-After.
    Refused {
        /// The response.
        response: Response,
    },
    /// A SUBSCRIBE or NOTIFY was not answered in time.
    Unanswered,
    /// There was no way to the peer.
    Unsent,
    /// The SUBSCRIBE was taken, and no NOTIFY followed (RFC 6665 section 4.1.2, Timer N).
    NoNotify,
    /// Its time ran out.
    Expired,
    /// The subscriber wanted no more.
    Unsubscribed,
    /// The notifier's application has ended it.
    Terminated,
    /// The dialog of the session it was made in is gone.
    DialogGone,
    /// The agent has stopped.
    Stopped,
}

/// A few words for people.
impl fmt::Display for SubscriptionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Notified {
                reason: Some(reason),
                ..
            } => write!(f, "the notifier ended it: {reason}"),
            Self::Notified { reason: None, .. } => f.write_str("the notifier ended it"),
            Self::Refused { response } => write!(
                f,
                "the peer answered {} {}",
                response.status(),
                response.reason()
            ),
            Self::Unanswered => f.write_str("the peer did not answer"),
            Self::Unsent => f.write_str("there was no way to the peer"),
            Self::NoNotify => f.write_str("no NOTIFY followed the SUBSCRIBE"),
            Self::Expired => f.write_str("its time ran out"),
            Self::Unsubscribed => f.write_str("the subscriber wanted no more"),
            Self::Terminated => f.write_str("the application ended it"),
            Self::DialogGone => f.write_str("the dialog of its session is gone"),
            Self::Stopped => f.write_str("the user agent was stopped"),
        }
    }
}
