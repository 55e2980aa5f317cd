//! Commands of sessions, and what is asked about them.

use offhook_core::{Direction, MediaKinds, SessionId, SessionInfo, SessionMut};
use offhook_sip::Method;

use crate::commands::{Given, Outcome, outcome};
use crate::engine::Engine;
use crate::errors::{self, Refusal};
use crate::options;
use crate::rows::Row;

impl Engine {
    fn session(&mut self, given: &Given<'_>) -> Result<SessionMut<'_>, Refusal> {
        Ok(self.agent.session(SessionId(given.id))?)
    }

    fn info(&self, id: u64) -> Option<SessionInfo<'_>> {
        self.agent.session_info(SessionId(id))
    }

    /// Calls; makes a session.
    pub(crate) fn call(&mut self, given: &Given<'_>) -> Outcome {
        let options = options::call(&given.options);
        outcome(self.agent.call(given.now, &given.word(1), options))
    }

    /// Answers an incoming call.
    pub(crate) fn answer(&mut self, given: &Given<'_>) -> Outcome {
        let mut session = self.session(given)?;
        outcome(session.answer(given.now, options::answer(&given.options)))
    }

    /// Sends a provisional response.
    pub(crate) fn progress(&mut self, given: &Given<'_>) -> Outcome {
        let mut session = self.session(given)?;
        outcome(session.progress(given.now, options::progress(&given.options)?))
    }

    /// Ends the session.
    pub(crate) fn terminate(&mut self, given: &Given<'_>) -> Outcome {
        let mut session = self.session(given)?;
        outcome(session.terminate(given.now, options::terminate(&given.options)?))
    }

    /// Sends tones.
    pub(crate) fn send_dtmf(&mut self, given: &Given<'_>) -> Outcome {
        let mut session = self.session(given)?;
        outcome(session.send_dtmf(given.now, &given.word(3), options::dtmf(&given.options)))
    }

    /// Sends an INFO.
    pub(crate) fn send_info(&mut self, given: &Given<'_>) -> Outcome {
        let mut session = self.session(given)?;
        let (content_type, body) = (given.word(3), given.word(4));
        let headers = given.options.headers();
        outcome(session.send_info(given.now, &content_type, &body, &headers))
    }

    /// Sends any other request inside the session's dialog.
    pub(crate) fn send_request(&mut self, given: &Given<'_>) -> Outcome {
        let mut session = self.session(given)?;
        let (method, options) = (given.word(3), &given.options);
        let (method, headers) = (Method::parse(&method), options.extra_headers());
        outcome(session.send_request(given.now, method, options.body(), &headers))
    }

    /// Puts the peer on hold; makes an exchange, as the next two do.
    pub(crate) fn hold(&mut self, given: &Given<'_>) -> Outcome {
        let mut session = self.session(given)?;
        outcome(session.hold(given.now, options::reoffer(&given.options)))
    }

    /// Lets the peer go on.
    pub(crate) fn unhold(&mut self, given: &Given<'_>) -> Outcome {
        let mut session = self.session(given)?;
        outcome(session.unhold(given.now, options::reoffer(&given.options)))
    }

    /// Makes a new offer.
    pub(crate) fn renegotiate(&mut self, given: &Given<'_>) -> Outcome {
        let mut session = self.session(given)?;
        outcome(session.renegotiate(given.now, options::reoffer(&given.options)))
    }

    /// Asks the peer to call somebody; makes a transfer.
    pub(crate) fn refer(&mut self, given: &Given<'_>) -> Outcome {
        let mut session = self.session(given)?;
        outcome(session.refer(given.now, &given.word(3), options::refer(&given.options)))
    }

    /// Mutes local media.
    pub(crate) fn mute(&mut self, given: &Given<'_>) -> Outcome {
        let mut session = self.session(given)?;
        outcome(session.mute(given.now, kinds(given)))
    }

    /// Lets local media through again.
    pub(crate) fn unmute(&mut self, given: &Given<'_>) -> Outcome {
        let mut session = self.session(given)?;
        outcome(session.unmute(given.now, kinds(given)))
    }

    /// How a session is: a `StateRow`.
    pub(crate) fn session_state(&self, id: u64) -> Option<Row> {
        let info = self.info(id)?;
        let (held, muted) = (info.is_on_hold(), info.is_muted());
        Some(
            Row::empty()
                .number(errors::number(info.status()))
                .flag(held.local)
                .flag(held.remote)
                .flag(muted.audio)
                .flag(muted.video)
                .flag(info.is_ready_to_reoffer()),
        )
    }

    /// Whose session it is: Call-ID, tag of the INVITE's From, and the two name-addrs.
    pub(crate) fn session_identity(&self, id: u64) -> Option<Row> {
        let info = self.info(id)?;
        let (local, remote) = (info.local_identity(), info.remote_identity());
        let caller = match info.direction() {
            Direction::Outgoing => local,
            Direction::Incoming => remote,
        };
        Some(
            Row::empty()
                .text(info.call_id())
                .text(caller.tag().unwrap_or_default())
                .text(&local.to_string())
                .text(&remote.to_string()),
        )
    }
}

fn kinds(given: &Given<'_>) -> MediaKinds {
    MediaKinds {
        audio: given.flag(2),
        video: given.flag(3),
    }
}
