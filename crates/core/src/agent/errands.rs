//! What one session has done for another, carried over between them.

use super::{Agent, Life};
use crate::errand::{Errand, Referral};
use crate::event::Event;
use crate::options::{CallOptions, TerminateOptions};
use crate::session::Session;
use crate::subscription::StatusLine;
use offhook_sip::{StatusCode, Uri};

impl Agent {
    pub(super) fn run_errand(&mut self, errand: Errand) {
        match errand {
            Errand::Call {
                referral,
                target,
                options,
            } => self.call_referred(referral, target, options),
            Errand::Report {
                referral: Referral { session, refer },
                status_line,
            } => {
                if let Some(session) = self.sessions.get_mut(&session) {
                    session.report_transfer(&mut self.cx, refer, status_line);
                }
            }
            Errand::Replace { old, new, event } => {
                if let Some(old) = self.sessions.get_mut(&old) {
                    // One that has ended already needs no end.
                    let _ = old.terminate(&mut self.cx, TerminateOptions::default());
                }
                // The BYE leaves before the application hears of it.
                self.cx.errands.push_front(Errand::Tell {
                    session: new,
                    event,
                });
            }
            Errand::Subscription { session, received } => {
                self.subscription_shared(session, received);
            }
            Errand::Tell { session, event } => self.cx.tell(session, *event),
        }
    }

    /// Makes the call that a REFER asked for.
    fn call_referred(&mut self, referral: Referral, target: Uri<'static>, options: CallOptions) {
        let Referral { session, refer } = referral;
        if self.life == Life::Stopping || self.sessions.len() >= self.cx.config.max_sessions {
            if let Some(session) = self.sessions.get_mut(&session) {
                let busy = StatusLine::of(StatusCode::BUSY_HERE);
                session.report_transfer(&mut self.cx, refer, busy);
            }
            return;
        }
        let call = self.name_session();
        self.cx.event(Event::Referred { session, call });
        let followed = self
            .sessions
            .get_mut(&session)
            .is_some_and(|session| session.transfer_started(&mut self.cx, refer));
        if followed {
            self.cx.referrals.insert(call, referral);
        }
        let way = target.clone();
        let Ok(made) = Session::call(&mut self.cx, call, target, options) else {
            // What the application adds cannot be written.
            self.cx.referrals.remove(&call);
            self.cx.event(Event::SessionClosed { session: call });
            if let Some(session) = self.sessions.get_mut(&session) {
                let failed = StatusLine::of(StatusCode::SERVER_INTERNAL_ERROR);
                session.report_transfer(&mut self.cx, refer, failed);
            }
            return;
        };
        self.cx.first_way(&way);
        self.cx.identifiers.inherit(call, session);
        self.sessions.insert(call, made);
    }
}
