//! The agent's questions, brought to the application or answered with the default.

use std::sync::Arc;

use offhook_core::{AskId, Instant, Invitation, Question, Reply, SessionId};

use super::{Driver, State};
use crate::ask::{
    Answer, IceCandidateAsk, PeerConnectionAsk, ReferAsk, ReofferAsk, ReplacesAsk, Responder,
    SdpAsk, SendingAsk,
};
use crate::session::Session;
use crate::session_event::SessionEvent;
use crate::user_agent_event::UserAgentEvent;

impl Driver {
    /// Brings the application's answer to the agent.
    pub(super) fn answer(self: &Arc<Self>, answer: Answer) {
        let Answer { ask, reply, setup } = answer;
        self.act(|state, now| {
            state.referral = setup;
            state.agent.reply(now, ask, reply);
        });
    }

    pub(super) fn ask(
        self: &Arc<Self>,
        state: &mut State,
        now: Instant,
        ask: AskId,
        id: Option<SessionId>,
        question: Question,
    ) {
        let Some(question) = self.ask_about_request(state, ask, id, question) else {
            return;
        };
        let Some(id) = id else {
            return state.agent.reply(now, ask, Reply::Proceed);
        };
        if let Question::NewSession(invitation) = question {
            self.new_session(state, now, ask, id, invitation);
            return;
        }
        let Some(session) = state
            .sessions
            .get(&id)
            .map(|live| Arc::clone(&live.session))
        else {
            state.agent.reply(now, ask, Reply::Proceed);
            return;
        };
        let asks = session.asks();
        let responder = || Responder::new(ask, self.replies.clone());
        let event = match question {
            Question::PeerConnection if asks.peer_connection => {
                let connection = session.cell().connection.clone();
                connection.map(|connection| {
                    let responder = responder();
                    SessionEvent::PeerConnection(PeerConnectionAsk {
                        connection,
                        responder,
                    })
                })
            }
            Question::Sdp(question) if asks.sdp => Some(SessionEvent::Sdp(SdpAsk {
                question,
                responder: responder(),
            })),
            Question::Sending(request) if asks.sending => Some(SessionEvent::Sending(SendingAsk {
                request,
                responder: responder(),
            })),
            Question::IceCandidate { candidate } if asks.ice_candidate => {
                let responder = responder();
                Some(SessionEvent::IceCandidate(IceCandidateAsk {
                    candidate,
                    responder,
                }))
            }
            Question::Reinvite { request } if asks.reinvite => {
                let responder = responder();
                Some(SessionEvent::Reinvite(ReofferAsk { request, responder }))
            }
            Question::Update { request } if asks.update => {
                let responder = responder();
                Some(SessionEvent::Update(ReofferAsk { request, responder }))
            }
            Question::Refer { request, refer_to } if asks.refer => {
                let responder = responder();
                Some(SessionEvent::Refer(ReferAsk {
                    request,
                    refer_to,
                    responder,
                }))
            }
            Question::Replaces { request } if asks.replaces => {
                let responder = responder();
                Some(SessionEvent::Replaces(ReplacesAsk { request, responder }))
            }
            _ => None,
        };
        match event {
            Some(event) => state.gone.events.extend(session.events.push(event)),
            None => state.agent.reply(now, ask, Reply::Proceed),
        }
    }

    fn new_session(
        self: &Arc<Self>,
        state: &mut State,
        now: Instant,
        ask: AskId,
        id: SessionId,
        invitation: Invitation,
    ) {
        let request = match invitation {
            Invitation::Incoming(request) => Some(request),
            Invitation::Outgoing(_) => None,
        };
        let incoming = request.is_some();
        if incoming && self.admit(state, id, request, None).is_err() {
            tracing::error!(session = ?id, "the agent asks about a session that it does not know");
        }
        let Some(live) = state.sessions.get_mut(&id) else {
            state.agent.reply(now, ask, Reply::Proceed);
            return;
        };
        let session = Session::new(Arc::clone(self), Arc::clone(&live.session));
        if incoming && !self.settings.ring {
            live.ring = Some(ask);
        } else {
            state.agent.reply(now, ask, Reply::Proceed);
        }
        self.announce(
            state,
            match incoming {
                true => UserAgentEvent::IncomingCall(session),
                false => UserAgentEvent::OutgoingCall(session),
            },
        );
    }
}
