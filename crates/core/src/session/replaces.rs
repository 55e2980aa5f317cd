//! A session whose dialog another call replaces (RFC 3891).

use offhook_sip::{Replaces, StatusCode};

use super::outgoing::Outgoing;
use super::{Session, SessionId, State};
use crate::error::CommandError;

impl Session {
    /// The Replaces value that makes the peer of this session put another call in its place: the
    /// tags stand as the peer sees them (RFC 3891 section 3). A call that the peer has made may
    /// still ring; one that we have made must be established, as its callee may not replace it.
    ///
    /// # Errors
    ///
    /// When there is nothing that the peer could replace.
    pub(crate) fn as_replaced(&mut self) -> Result<Replaces<'static>, CommandError> {
        let id = match &mut self.state {
            State::Established(established) => established.dialog_mut().id().clone(),
            State::Incoming(incoming) => incoming.dialog_mut().id().clone(),
            State::Outgoing(_) => {
                let expected = "a call that its target has answered: one that rings there cannot \
                                be replaced (RFC 3891 section 3), so wait, or end it and refer \
                                without replaces";
                return Err(CommandError::argument("replaces", self.id, expected));
            }
            State::Closing(_) | State::Closed => {
                let expected = "a session that has not ended";
                return Err(CommandError::argument("replaces", self.id, expected));
            }
        };
        Ok(Replaces {
            call_id: id.call_id.into(),
            to_tag: id.remote_tag.into(),
            from_tag: id.local_tag.into(),
            early_only: false,
        })
    }

    /// Whether an INVITE may ask for this session's place (RFC 3891 section 3).
    ///
    /// # Errors
    ///
    /// The response owed to one that may not.
    pub(crate) fn replaceable(&self, early_only: bool) -> Result<(), StatusCode> {
        match &self.state {
            State::Closing(_) | State::Closed => Err(StatusCode::DECLINE),
            // A call that rings here was begun by its caller, and is his to replace.
            State::Incoming(_) => Err(StatusCode::CALL_DOES_NOT_EXIST),
            State::Outgoing(Outgoing::Answered(_)) | State::Established(_) if early_only => {
                Err(StatusCode::BUSY_HERE)
            }
            State::Outgoing(_) | State::Established(_) => Ok(()),
        }
    }

    /// This session takes the place of another one once it is confirmed.
    pub(crate) fn replace(&mut self, old: SessionId) {
        self.replaces = Some(old);
    }
}
