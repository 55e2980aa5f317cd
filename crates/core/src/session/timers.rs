//! Session timers (RFC 4028): a session whose peer has vanished ends, one that lives is
//! refreshed.

use std::time::Duration;

use offhook_sip::{
    HeaderFields, HeaderName, Method, MinSe, Received, Refresher, Request, Response,
    SessionExpires, StatusCode, WriteError,
};

use super::reoffer::{Purpose, ReofferOptions};
use super::updates::{Updates, is_unknown_method};
use super::{Answer, InDialog, Session, SessionTimer, State};
use crate::cause::Cause;
use crate::config::Config;
use crate::context::{Context, Pending, Timer};
use crate::event::Originator;
use crate::headers;

/// The shortest interval that we take part in (RFC 4028 section 4).
const SHORTEST: u32 = 90;

/// The longest interval that a 422 can make us ask for.
const LONGEST: u32 = 86_400;

/// How soon a refresh that could not be sent, or was refused, is tried again.
const AGAIN: Duration = Duration::from_secs(2);

/// Who keeps a session alive.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Refreshing {
    /// Nobody: it has no timer.
    #[default]
    Off,
    /// We do.
    Ours { interval: u32 },
    /// The peer does.
    Theirs { interval: u32 },
}

/// The session timer of one session.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SessionTimers {
    /// The interval to ask for, in seconds; none when the user agent uses no timers.
    wanted: Option<u32>,
    /// Whether the application asked for a timer in this session, and not only the user agent's
    /// configuration.
    insisted: bool,
    /// The smallest interval that a 422 has told us of.
    least: u32,
    refreshing: Refreshing,
}

impl SessionTimers {
    /// The timer to ask for: what the call says, else what the user agent is configured for.
    pub(crate) fn new(config: &Config, seconds: Option<u32>) -> Self {
        let wanted = config
            .session_timers
            .then(|| seconds.unwrap_or(config.session_expires).max(SHORTEST));
        Self {
            wanted,
            insisted: seconds.is_some(),
            ..Self::default()
        }
    }

    /// Puts what the INVITE asks for on it.
    pub(crate) fn put_wish(
        &self,
        headers: &mut HeaderFields,
        config: &Config,
    ) -> Result<(), WriteError> {
        let Some(delta) = self.wanted else {
            return Ok(());
        };
        let refresher = config
            .session_timers_force_refresher
            .then_some(Refresher::Uac);
        headers.push(
            HeaderName::SessionExpires,
            SessionExpires { delta, refresher },
        )
    }

    /// Puts what is agreed on a request inside the dialog.
    pub(super) fn put_agreed(&self, headers: &mut HeaderFields) -> Result<(), WriteError> {
        let (delta, refresher) = match self.refreshing {
            Refreshing::Off => return Ok(()),
            Refreshing::Ours { interval } => (interval, Refresher::Uac),
            Refreshing::Theirs { interval } => (interval, Refresher::Uas),
        };
        headers.push(
            HeaderName::SessionExpires,
            SessionExpires {
                delta,
                refresher: Some(refresher),
            },
        )?;
        if self.least > SHORTEST {
            headers.push(HeaderName::MinSe, self.least)?;
        }
        Ok(())
    }

    /// What the peer's request and our wishes come to (RFC 4028 section 9, table 2).
    fn agree(&self, request: &Request, config: &Config) -> Refreshing {
        let supported = request.has_token(HeaderName::Supported, "timer");
        let asked = request.typed::<SessionExpires>().ok().flatten();
        match (self.wanted, asked) {
            (None, _) => Refreshing::Off,
            (Some(_), Some(SessionExpires { delta, refresher })) => {
                let interval = delta.max(SHORTEST);
                match refresher {
                    Some(Refresher::Uac) if supported => Refreshing::Theirs { interval },
                    _ => Refreshing::Ours { interval },
                }
            }
            (Some(interval), None)
                if supported && (self.insisted || config.session_timers_force_refresher) =>
            {
                Refreshing::Ours { interval }
            }
            // A request that says nothing changes nothing that is ours to keep.
            (Some(_), None) => match self.refreshing {
                ours @ Refreshing::Ours { .. } => ours,
                Refreshing::Theirs { .. } | Refreshing::Off => Refreshing::Off,
            },
        }
    }
}

/// The least interval to name in a 422, when a request asks for a smaller one and would
/// understand the answer (RFC 4028 section 9).
pub(crate) fn too_small(request: &Request, config: &Config) -> Option<u32> {
    let asked = request.typed::<SessionExpires>().ok().flatten()?;
    let supported = request.has_token(HeaderName::Supported, "timer");
    (config.session_timers && supported && asked.delta < SHORTEST).then_some(SHORTEST)
}

impl Session {
    /// Takes what a 2xx to our INVITE, re-INVITE or UPDATE says of the timer
    /// (RFC 4028 section 7.2).
    pub(super) fn timer_accepted(&mut self, cx: &mut Context, response: &Received) {
        let granted = response.typed::<SessionExpires>().ok().flatten();
        let refreshing = match (self.timers.wanted, granted) {
            (None, _) => Refreshing::Off,
            (Some(_), Some(SessionExpires { delta, refresher })) => {
                let interval = delta.max(SHORTEST);
                match refresher {
                    Some(Refresher::Uas) => Refreshing::Theirs { interval },
                    Some(Refresher::Uac) | None => Refreshing::Ours { interval },
                }
            }
            // A peer without timers is refreshed only when that was asked for.
            (Some(interval), None) if cx.config.session_timers_force_refresher => {
                Refreshing::Ours { interval }
            }
            (Some(_), None) => Refreshing::Off,
        };
        self.arm_session_timer(cx, refreshing);
    }

    /// Answers a request's wish in our 2xx, and starts the timer anew.
    pub(super) fn answer_timer(
        &mut self,
        cx: &mut Context,
        request: &Request,
        headers: &mut HeaderFields,
    ) -> Result<(), WriteError> {
        let refreshing = self.timers.agree(request, &cx.config);
        self.arm_session_timer(cx, refreshing);
        let (delta, refresher) = match refreshing {
            Refreshing::Off => return Ok(()),
            Refreshing::Ours { interval } => (interval, Refresher::Uas),
            Refreshing::Theirs { interval } => (interval, Refresher::Uac),
        };
        let supported = request.has_token(HeaderName::Supported, "timer");
        if !supported && request.typed::<SessionExpires>().ok().flatten().is_none() {
            // The peer would not know what to make of it; we refresh all the same.
            return Ok(());
        }
        headers.push(
            HeaderName::SessionExpires,
            SessionExpires {
                delta,
                refresher: Some(refresher),
            },
        )?;
        if supported && refresher == Refresher::Uac {
            headers.push(HeaderName::Require, "timer")?;
        }
        Ok(())
    }

    fn arm_session_timer(&mut self, cx: &mut Context, refreshing: Refreshing) {
        self.timers.refreshing = refreshing;
        let [refresh, expiry] = [SessionTimer::Refresh, SessionTimer::Expiry]
            .map(|timer| Timer::Session(self.id, timer));
        cx.timers.cancel(&refresh);
        cx.timers.cancel(&expiry);
        let seconds = |number: u32| Duration::from_secs(u64::from(number));
        match refreshing {
            Refreshing::Off => {}
            Refreshing::Ours { interval } => {
                cx.set_timer(refresh, seconds(interval) / 2);
                cx.set_timer(expiry, seconds(interval));
            }
            // RFC 4028 section 10: some time before the end, so that the BYE still finds the way.
            Refreshing::Theirs { interval } => {
                cx.set_timer(expiry, seconds(interval - (interval / 3).min(32)));
            }
        }
    }

    /// The session is due for a refresh: an UPDATE without an offer, unless the peer is known not to
    /// take it; else a re-INVITE (RFC 4028 section 7.4).
    pub(super) fn refresh(&mut self, cx: &mut Context) {
        let Refreshing::Ours { .. } = self.timers.refreshing else {
            return;
        };
        let update = match &self.state {
            State::Established(_) => {
                self.updates.may_be_tried() && cx.config.session_timers_refresh_by_update
            }
            _ => return,
        };
        let sent = if update {
            let timers = self.timers;
            self.send_in_dialog(cx, InDialog::Refresh, |dialog, cx| {
                let mut request = dialog.request(Method::Update)?;
                timers.put_agreed(request.headers_mut())?;
                headers::put_identity(request.headers_mut(), &cx.config)?;
                Ok(request)
            })
            .is_ok()
        } else {
            self.is_ready_to_reoffer()
                && self
                    .reoffer(cx, Purpose::Refresh, ReofferOptions::default())
                    .is_ok()
        };
        if !sent {
            self.refresh_again(cx);
        }
    }

    fn refresh_again(&mut self, cx: &mut Context) {
        cx.set_timer(Timer::Session(self.id, SessionTimer::Refresh), AGAIN);
    }

    /// The refresh was answered, or never will be. One that failed is tried again until the
    /// session expires.
    pub(super) fn refresh_answered(&mut self, cx: &mut Context, answer: Answer) {
        match &answer {
            Answer::Response(response) if response.status().is_success() => {
                if let Some(dialog) = self.dialog_mut() {
                    dialog.refresh_target(response);
                }
                self.timer_accepted(cx, response);
            }
            Answer::Response(response) if is_unknown_method(response.status()) => {
                self.updates = Updates::Refused;
                self.refresh(cx);
            }
            Answer::Response(_) => {
                self.refresh_again(cx);
                self.check_dialog(cx, answer);
            }
            Answer::Timeout | Answer::Unsent => {
                self.refresh_again(cx);
                self.check_dialog(cx, answer);
            }
        }
    }

    /// A re-INVITE that refreshes the session failed.
    pub(super) fn refresh_failed(&mut self, cx: &mut Context) {
        if matches!(self.timers.refreshing, Refreshing::Ours { .. }) {
            self.refresh_again(cx);
        }
    }

    /// Nobody has refreshed the session in time.
    pub(super) fn session_expired(&mut self, cx: &mut Context) {
        if matches!(self.state, State::Established(_)) {
            let reason = "SIP ;cause=408;text=\"Session Timer Expired\"".to_owned();
            self.hang_up(cx, Originator::System, Cause::RequestTimeout, Some(reason));
        }
    }

    /// A request of ours asked for too small an interval: it goes again with the one that the peer
    /// wants (RFC 4028 section 7.3); says whether it did.
    pub(crate) fn lengthened(
        &mut self,
        cx: &mut Context,
        mut pending: Pending,
        response: &Response,
    ) -> bool {
        let Some(MinSe(least)) = response.typed::<MinSe>().ok().flatten() else {
            return false;
        };
        let asked = pending
            .request
            .headers()
            .get(HeaderName::SessionExpires)
            .and_then(|value| value.split(';').next()?.trim_ascii().parse::<u32>().ok());
        if asked.is_none_or(|asked| least <= asked) || least > LONGEST {
            return false;
        }
        self.timers.least = least;
        self.timers.wanted = Some(least);
        let headers = pending.request.headers_mut();
        let put = headers
            .set(HeaderName::SessionExpires, least)
            .and_then(|()| headers.set(HeaderName::MinSe, least));
        put.is_ok() && self.retry(cx, pending)
    }

    /// Refuses a re-INVITE or UPDATE with too small an interval; says whether it did.
    pub(super) fn refuse_small_interval(
        &mut self,
        cx: &mut Context,
        received: &super::Received,
    ) -> bool {
        let Some(least) = too_small(&received.request, &cx.config) else {
            return false;
        };
        refuse_interval(cx, received, least);
        true
    }
}

/// Answers 422 with the least interval that we take.
pub(crate) fn refuse_interval(cx: &mut Context, received: &super::Received, least: u32) {
    let response = cx.response(&received.request, StatusCode::SESSION_INTERVAL_TOO_SMALL);
    if let Ok(mut response) = response
        && response
            .headers_mut()
            .push(HeaderName::MinSe, least)
            .is_ok()
    {
        cx.respond(received.transaction, response);
    }
}
