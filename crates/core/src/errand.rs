//! What one session has done for another: the agent carries it over.

use offhook_sip::Uri;

use crate::event::SessionEvent;
use crate::options::CallOptions;
use crate::session::{Received, SessionId};
use crate::subscription::StatusLine;

/// What one session has done for another.
#[derive(Debug)]
pub(crate) enum Errand {
    /// A REFER was accepted: the call it asks for (RFC 3515 section 2.4.2).
    Call {
        referral: Referral,
        target: Uri<'static>,
        options: CallOptions,
    },
    /// How a referred call is getting on, for the one who asked for it.
    Report {
        referral: Referral,
        status_line: StatusLine,
    },
    /// This session has taken the place of another one (RFC 3891), which ends; then this session is
    /// told.
    Replace {
        old: SessionId,
        new: SessionId,
        event: Box<SessionEvent>,
    },
    /// A SUBSCRIBE or NOTIFY came inside a session, for a subscription that shares its dialog.
    Subscription {
        session: SessionId,
        received: Received,
    },
    /// A session is told something.
    Tell {
        session: SessionId,
        event: Box<SessionEvent>,
    },
}

/// Which REFER asked for a call: the session it came in, and its number there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Referral {
    pub(crate) session: SessionId,
    pub(crate) refer: u32,
}
