//! Calls that survive: a lost connection, a new address, media that finds no way for a while.

use std::time::Duration;

use offhook_sip::HeaderName;

use super::outgoing::{Outgoing, Parked};
use super::reoffer::{Purpose, ReofferOptions};
use super::{Incoming, Session, SessionTimer, State};
use crate::cause::Cause;
use crate::connection::Replaced;
use crate::context::{Context, Pending, Timer};
use crate::event::{Originator, SessionEvent};
use crate::flow::FlowId;

/// How soon media that finds no way is tried again.
const AGAIN: Duration = Duration::from_secs(2);

impl Session {
    /// The connection came back as another flow.
    pub(crate) fn flow_replaced(&mut self, cx: &mut Context, replaced: Replaced, flow: FlowId) {
        if let State::Incoming(
            Incoming::Announced(offered, _)
            | Incoming::Ringing(offered)
            | Incoming::Progressing(offered, _)
            | Incoming::Answering(offered, _),
        ) = &mut self.state
        {
            offered.flow = flow;
        }
        if let State::Outgoing(Outgoing::Proceeding(_, early)) = &mut self.state {
            for early in early {
                early.dialog.replace_flow(replaced.flow, flow);
            }
        } else if let Some(dialog) = self.dialog_mut() {
            dialog.replace_flow(replaced.flow, flow);
        }
        if replaced.moved {
            // The peer's media comes to an address that is not ours any more.
            self.restart_ice(cx);
        }
    }

    /// The INVITE was on its way when the flow broke, and nobody knows whether it arrived: it goes
    /// out again when the connection is back. Says whether it will.
    pub(crate) fn invite_unsent(&mut self, cx: &mut Context, pending: Pending) -> bool {
        let State::Outgoing(Outgoing::Calling(invite)) = &self.state else {
            return false;
        };
        let (sequence, patience) = (invite.sequence + 1, invite.patience);
        cx.timers
            .cancel(&Timer::Session(self.id, SessionTimer::NoAnswer));
        self.park(cx, pending, sequence, patience);
        true
    }

    /// Lets the INVITE wait for the connection.
    pub(super) fn park(
        &mut self,
        cx: &mut Context,
        pending: Pending,
        sequence: u32,
        patience: Duration,
    ) {
        let parked = Parked {
            sequence,
            patience,
            pending,
        };
        self.state = State::Outgoing(Outgoing::Parked(Box::new(parked)));
        cx.expectant.insert(self.id, ());
        let limit = cx.config.recovery_timeout;
        cx.set_timer(Timer::Session(self.id, SessionTimer::Patience), limit);
    }

    /// The connection is back: the INVITE goes out again.
    pub(super) fn unpark(&mut self, cx: &mut Context) {
        let taken = take_state!(self, State::Outgoing(Outgoing::Parked(parked)) => parked);
        let Some(parked) = taken else {
            return;
        };
        let Parked {
            sequence,
            patience,
            mut pending,
        } = *parked;
        cx.expectant.remove(&self.id);
        cx.timers
            .cancel(&Timer::Session(self.id, SessionTimer::Patience));
        let numbered = pending
            .request
            .headers_mut()
            .set(HeaderName::CSeq, format_args!("{sequence} INVITE"));
        let sent = match numbered {
            Ok(()) => cx.resubmit(pending),
            Err(error) => Err(error.into()),
        };
        self.invite_sent(cx, sent, sequence, patience);
    }

    /// The call is answered: media has its time to connect from now on.
    pub(super) fn expect_media(&self, cx: &mut Context) {
        if !self.media.connected {
            let limit = cx.config.media_timeout;
            cx.set_timer(Timer::Session(self.id, SessionTimer::MediaDue), limit);
        }
    }

    /// Media has never connected, whether ICE has said so or not: the application hears of it.
    pub(super) fn media_overdue(&mut self, cx: &mut Context) {
        if matches!(self.state, State::Established(_)) {
            let after = cx.config.media_timeout;
            cx.tell(self.id, SessionEvent::MediaUnconnected { after });
            self.media_failed(cx);
        }
    }

    /// ICE found no way to the peer any more: it is restarted until the time is up.
    pub(super) fn media_failed(&mut self, cx: &mut Context) {
        if !matches!(self.state, State::Established(_)) {
            return;
        }
        // ICE has said itself what is waited for.
        cx.timers
            .cancel(&Timer::Session(self.id, SessionTimer::MediaDue));
        let lost = Timer::Session(self.id, SessionTimer::MediaLost);
        if cx.timers.deadline(&lost).is_none() {
            let limit = cx.config.recovery_timeout;
            cx.set_timer(lost, limit);
        }
        self.restart_ice(cx);
    }

    /// Media flows again.
    pub(super) fn media_back(&mut self, cx: &mut Context) {
        self.media.connected = true;
        for timer in [
            SessionTimer::MediaDue,
            SessionTimer::MediaRetry,
            SessionTimer::MediaLost,
        ] {
            cx.timers.cancel(&Timer::Session(self.id, timer));
        }
    }

    /// Restarts ICE by a new offer, now or as soon as one can be made.
    pub(super) fn restart_ice(&mut self, cx: &mut Context) {
        // A call that rings has media to move only where they flow early.
        if !matches!(self.state, State::Established(_)) && !self.is_ready_to_reoffer() {
            return;
        }
        let options = ReofferOptions {
            ice_restart: true,
            ..ReofferOptions::default()
        };
        let started = self.is_ready_to_reoffer()
            && cx.connection.is_usable()
            && self.reoffer(cx, Purpose::Restart, options).is_ok();
        if !started {
            cx.set_timer(Timer::Session(self.id, SessionTimer::MediaRetry), AGAIN);
        }
    }

    /// Media has found no way in all the time it had.
    pub(super) fn media_lost(&mut self, cx: &mut Context) {
        if matches!(self.state, State::Established(_)) {
            let reason = "SIP ;cause=408;text=\"RTP Timeout\"".to_owned();
            self.hang_up(cx, Originator::System, Cause::RtpTimeout, Some(reason));
        }
    }
}
