//! An INVITE that asks for the place of a session (RFC 3891): the application decides.

use offhook_sip::{HeaderName, Replaces, Request, StatusCode};

use super::Agent;
use crate::ask::{AskId, Question, Reply};
use crate::context::{Context, Timer};
use crate::dialog::DialogId;
use crate::flow::FlowId;
use crate::session::{Received, SessionId, marks_of};
use crate::transaction::TransactionId;

/// An INVITE that waits for the application's word.
#[derive(Debug)]
pub(super) struct Replacement {
    old: SessionId,
    received: Received,
    flow: FlowId,
}

impl Replacement {
    /// What it would be answered over was replaced.
    pub(super) fn move_flow(&mut self, from: FlowId, to: FlowId) {
        if self.flow == from {
            self.flow = to;
        }
    }

    /// Whether an INVITE is this one, come another way (RFC 3261 section 8.2.2.2).
    pub(super) fn is_same_invite(&self, other: &Request) -> bool {
        marks_of(&self.received.request) == marks_of(other)
    }
}

impl Agent {
    /// Takes an INVITE with a Replaces header; gives back one without.
    pub(super) fn replaces_received(
        &mut self,
        flow: FlowId,
        received: Received,
    ) -> Option<Received> {
        let old = match self.replaced_by(&received.request) {
            Ok(Some(old)) => old,
            Ok(None) => return Some(received),
            Err(status) => {
                self.cx
                    .answer(received.transaction, &received.request, status);
                return None;
            }
        };
        let request = received.request.clone();
        let ask = self.cx.ask(old, Question::Replaces { request });
        let patience = self.cx.config.no_answer_timeout;
        self.cx.set_timer(Timer::Replaces(ask), patience);
        self.replacements.insert(
            ask,
            Replacement {
                old,
                received,
                flow,
            },
        );
        None
    }

    /// The session whose place an INVITE asks for, if it asks for one (RFC 3891 section 3).
    fn replaced_by(&self, request: &Request) -> Result<Option<SessionId>, StatusCode> {
        if request.headers(HeaderName::Replaces).count() > 1 {
            return Err(StatusCode::BAD_REQUEST);
        }
        let replaces = match request.typed::<Replaces<'_>>() {
            Ok(Some(replaces)) => replaces,
            Ok(None) => return Ok(None),
            Err(_) => return Err(StatusCode::BAD_REQUEST),
        };
        let mut dialog = DialogId {
            call_id: replaces.call_id.into_owned(),
            local_tag: replaces.to_tag.into_owned(),
            remote_tag: replaces.from_tag.into_owned(),
        };
        let mut found = self.cx.dialogs.get(&dialog);
        if found.is_none() && dialog.remote_tag == "0" {
            // A peer of RFC 2543 has no tag, which stands as 0.
            dialog.remote_tag.clear();
            found = self.cx.dialogs.get(&dialog);
        }
        let old = found.ok_or(StatusCode::CALL_DOES_NOT_EXIST)?;
        self.sessions
            .get(&old)
            .ok_or(StatusCode::CALL_DOES_NOT_EXIST)?
            .replaceable(replaces.early_only)?;
        Ok(Some(old))
    }

    /// The application lets a call take the place of another, or refuses it. Gives back what is no
    /// answer to that.
    pub(super) fn replaces_replied(&mut self, ask: AskId, reply: Reply) -> Option<Reply> {
        let Some(replacement) = self.replacements.remove(&ask) else {
            return Some(reply);
        };
        self.forget_question(ask);
        let Replacement {
            old,
            received,
            flow,
        } = replacement;
        let alive = self
            .sessions
            .get(&old)
            .is_some_and(|session| !session.is_ended());
        match reply {
            _ if !alive => refuse(&mut self.cx, &received, StatusCode::DECLINE),
            Reply::Accept { .. } => {
                if let Some(session) = self.admit(flow, received)
                    && let Some(session) = self.sessions.get_mut(&session)
                {
                    session.replace(old);
                    self.cx.identifiers.inherit(session.id(), old);
                }
            }
            Reply::Reject {
                status,
                reason,
                extra_headers,
                body,
            } if status.code() >= 300 => {
                let reason = reason.as_deref();
                self.cx
                    .reject(&received, status, reason, &extra_headers, body);
            }
            _ => refuse(&mut self.cx, &received, StatusCode::BUSY_HERE),
        }
        None
    }

    /// The application did not decide in time.
    pub(super) fn replaces_expired(&mut self, ask: AskId) {
        self.refuse_replacement(ask, StatusCode::REQUEST_TIMEOUT);
    }

    /// A CANCEL for an INVITE that waits for the application's word.
    pub(super) fn replaces_cancelled(&mut self, invite: TransactionId) {
        let ask = self
            .replacements
            .iter()
            .find(|(_, replacement)| replacement.received.transaction == invite)
            .map(|(ask, _)| *ask);
        if let Some(ask) = ask {
            self.refuse_replacement(ask, StatusCode::REQUEST_TERMINATED);
        }
    }

    /// A session has ended: nobody can take its place any more (RFC 3891 section 3).
    pub(super) fn sweep_replacements(&mut self) {
        let sessions = &self.sessions;
        let gone = |old: &SessionId| sessions.get(old).is_none_or(|session| session.is_ended());
        let asks: Vec<AskId> = self
            .replacements
            .iter()
            .filter(|(_, replacement)| gone(&replacement.old))
            .map(|(ask, _)| *ask)
            .collect();
        for ask in asks {
            self.refuse_replacement(ask, StatusCode::DECLINE);
        }
    }

    fn refuse_replacement(&mut self, ask: AskId, status: StatusCode) {
        self.forget_question(ask);
        if let Some(replacement) = self.replacements.remove(&ask) {
            refuse(&mut self.cx, &replacement.received, status);
        }
    }

    fn forget_question(&mut self, ask: AskId) {
        self.cx.asks.remove(&ask);
        self.cx.timers.cancel(&Timer::Replaces(ask));
    }
}

fn refuse(cx: &mut Context, received: &Received, status: StatusCode) {
    cx.answer(received.transaction, &received.request, status);
}
