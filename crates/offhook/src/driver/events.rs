//! What the agent tells, brought to those who wait or listen.

use std::sync::Arc;
use std::time::SystemTime;

use offhook_core::{Event, ReferState, SessionId};

use super::{Connection, Driver, Registration, Standing, State};
use crate::call_end::CallEnd;
use crate::error::Error;
use crate::media_options::MediaChoice;
use crate::session::Session;
use crate::session_event::SessionEvent;
use crate::user_agent_event::UserAgentEvent;

impl Driver {
    pub(super) fn event(self: &Arc<Self>, state: &mut State, event: Event) {
        match event {
            Event::Session { session, event } => self.session_event(state, session, event),
            Event::SessionClosed { session } => {
                if let Some(mut live) = state.sessions.remove(&session) {
                    live.close();
                    state.gone.sessions.push(live);
                }
                // That it was made is no news any more, and shall not keep it in memory.
                state.gone.news.extend(self.events.take_stale(|event| {
                    matches!(event, UserAgentEvent::OutgoingCall(call) if call.id() == session)
                }));
            }
            Event::Connecting { attempt } => {
                self.stand(|standing| standing.connection = Connection::Pending);
                self.announce(state, UserAgentEvent::Connecting { attempt });
            }
            Event::Connected => {
                state.net_error = None;
                self.stand(|standing| {
                    standing.connection = Connection::Up;
                    standing.registration = Registration::Pending;
                });
                self.announce(state, UserAgentEvent::Connected);
            }
            Event::Disconnected { reason, retry_in } => {
                let error = state
                    .net_error
                    .take()
                    .unwrap_or(Error::ConnectionLost { reason });
                self.stand(|standing| {
                    standing.connection = Connection::Down(error.clone());
                    standing.registration = Registration::Pending;
                });
                self.announce(state, UserAgentEvent::Disconnected { error, retry_in });
            }
            Event::Registered { expires, response } => {
                self.stand(|standing| standing.registration = Registration::Registered);
                self.announce(state, UserAgentEvent::Registered { expires, response });
            }
            Event::Unregistered { response, cause } => {
                self.stand(|standing| standing.registration = Registration::Pending);
                self.announce(state, UserAgentEvent::Unregistered { response, cause });
            }
            Event::RegistrationFailed { response, cause } => {
                let answer = response
                    .as_ref()
                    .map(|r| (r.status(), r.reason().to_owned()));
                let address = self.settings.address.clone();
                let foreign = state
                    .net_error
                    .take_if(|error| matches!(error, Error::NotSip(_)));
                let error = match foreign {
                    Some(foreign) if answer.is_none() => foreign,
                    _ => Error::of_registration(address, answer, cause),
                };
                self.stand(|standing| {
                    standing.registration = Registration::Failed(error.clone());
                });
                self.announce(
                    state,
                    UserAgentEvent::RegistrationFailed {
                        error,
                        response,
                        cause,
                    },
                );
            }
            Event::Refer {
                session,
                refer,
                state: told,
            } => {
                self.refer_state(state, session, refer, told);
            }
            Event::Referred { session, call } => self.referred(state, session, call),
            Event::Stopped => self.finish(state),
            other => tracing::debug!(?other, "an event unknown to this driver"),
        }
    }

    fn stand(&self, change: impl FnOnce(&mut Standing)) {
        self.standing.send_modify(change);
    }

    fn session_event(&self, state: &mut State, id: SessionId, event: offhook_core::SessionEvent) {
        let Some(live) = state.sessions.get(&id) else {
            return;
        };
        let session = &live.session;
        if let Some(identifier) = state
            .agent
            .session_info(id)
            .and_then(|info| info.identifier())
        {
            session.cell().identifier = identifier;
        }
        let Some(event) = SessionEvent::of_core(event) else {
            return;
        };
        match &event {
            SessionEvent::RemoteIdentity { identity } => {
                session.cell().asserted_identity = Some(identity.clone());
            }
            SessionEvent::Accepted { .. } => session.cell().start_time = Some(SystemTime::now()),
            SessionEvent::Confirmed { .. } => {
                session
                    .progress
                    .send_modify(|progress| progress.confirmed = true);
            }
            SessionEvent::ReadyToReoffer => {
                session
                    .progress
                    .send_modify(|progress| progress.readied = progress.readied.wrapping_add(1));
            }
            SessionEvent::Ended(end) | SessionEvent::Failed(end) => {
                if end.established {
                    session.cell().end_time = Some(SystemTime::now());
                }
                let end = end.clone();
                session
                    .progress
                    .send_modify(|progress| progress.end = Some(end));
            }
            _ => {}
        }
        let last = matches!(event, SessionEvent::Ended(_) | SessionEvent::Failed(_));
        let dropped = session.events.push(event);
        state.gone.events.extend(dropped);
        if last {
            // Nothing of its media is told any more either.
            session.events.close();
        }
    }

    /// The agent has stopped, or its task is gone: everybody who waits is told.
    pub(super) fn finish(&self, state: &mut State) {
        for (_, mut live) in state.sessions.drain() {
            live.session.progress.send_modify(|progress| {
                let established = progress.confirmed;
                progress
                    .end
                    .get_or_insert_with(|| CallEnd::stopped(established));
            });
            live.close();
            state.gone.sessions.push(live);
        }
        state.waiting.close();
        self.stand(|standing| standing.stopped = true);
        self.events.close();
        self.wake.notify_one();
    }

    fn refer_state(&self, state: &mut State, id: SessionId, refer: u32, told: ReferState) {
        let Some(live) = state.sessions.get_mut(&id) else {
            return;
        };
        let last = matches!(
            told,
            ReferState::RequestFailed { .. } | ReferState::Terminated { .. }
        );
        if let Some(states) = live.refers.get(&refer) {
            // Those that an application never reads make room for newer ones.
            let _ = states.push(told);
        }
        if last && let Some(states) = live.refers.remove(&refer) {
            states.close();
        }
    }

    /// The agent makes a call because of a REFER that the application has allowed.
    fn referred(self: &Arc<Self>, state: &mut State, id: SessionId, call: SessionId) {
        let setup = state.referral.take().unwrap_or_default();
        // A file that cannot be written does not stop the call: the peer waits for it.
        let media = setup.media.settle(&self.settings.media).or_else(|error| {
            tracing::warn!(%error, "the referred call goes on without its media");
            MediaChoice::default().settle(&self.settings.media)
        });
        let admitted = match (self.admit(state, call, None, setup.asks), media) {
            (Ok(live), Ok(media)) => {
                live.media = Some(media);
                Arc::clone(&live.session)
            }
            _ => {
                tracing::error!(session = ?call, "a referred call could not be taken up");
                return;
            }
        };
        if let Some(live) = state.sessions.get(&id) {
            let call = Session::new(Arc::clone(self), admitted);
            let dropped = live.session.events.push(SessionEvent::Referred(call));
            state.gone.events.extend(dropped);
        }
    }
}
