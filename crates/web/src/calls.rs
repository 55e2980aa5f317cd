//! Commands of sessions, and what is asked about them.

use offhook_core::{Direction, MediaKinds, SessionId, SessionInfo, SessionMut};
use offhook_sip::Method;

use crate::commands::{Given, Outcome};
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
        let options = options::call(&given.at(2));
        let id = self.agent.call(given.now, &given.word(1), options)?;
        Ok(id.0 as f64)
    }

    /// Answers an incoming call.
    pub(crate) fn answer(&mut self, given: &Given<'_>) -> Outcome {
        let options = options::answer(&given.at(2));
        self.session(given)?.answer(given.now, options)?;
        Ok(0.0)
    }

    /// Sends a provisional response.
    pub(crate) fn progress(&mut self, given: &Given<'_>) -> Outcome {
        let options = options::progress(&given.at(2))?;
        self.session(given)?.progress(given.now, options)?;
        Ok(0.0)
    }

    /// Ends the session.
    pub(crate) fn terminate(&mut self, given: &Given<'_>) -> Outcome {
        let options = options::terminate(&given.at(2))?;
        self.session(given)?.terminate(given.now, options)?;
        Ok(0.0)
    }

    /// Sends tones.
    pub(crate) fn send_dtmf(&mut self, given: &Given<'_>) -> Outcome {
        let options = options::dtmf(&given.at(3));
        let tones = given.word(2);
        self.session(given)?.send_dtmf(given.now, &tones, options)?;
        Ok(0.0)
    }

    /// Sends an INFO.
    pub(crate) fn send_info(&mut self, given: &Given<'_>) -> Outcome {
        let (content_type, body) = (given.word(2), given.word(3));
        let headers = given.at(4).headers();
        let mut session = self.session(given)?;
        Ok(f64::from(session.send_info(
            given.now,
            &content_type,
            &body,
            &headers,
        )?))
    }

    /// Sends any other request inside the session's dialog.
    pub(crate) fn send_request(&mut self, given: &Given<'_>) -> Outcome {
        let (method, options) = (given.word(2), given.at(3));
        let method = Method::parse(&method);
        let headers = options.extra_headers();
        let mut session = self.session(given)?;
        let id = session.send_request(given.now, method, options.body(), &headers)?;
        Ok(id.0 as f64)
    }

    /// Puts the peer on hold; makes an exchange, as the next two do.
    pub(crate) fn hold(&mut self, given: &Given<'_>) -> Outcome {
        let options = options::reoffer(&given.at(2));
        Ok(f64::from(self.session(given)?.hold(given.now, options)?))
    }

    /// Lets the peer go on.
    pub(crate) fn unhold(&mut self, given: &Given<'_>) -> Outcome {
        let options = options::reoffer(&given.at(2));
        Ok(f64::from(self.session(given)?.unhold(given.now, options)?))
    }

    /// Makes a new offer.
    pub(crate) fn renegotiate(&mut self, given: &Given<'_>) -> Outcome {
        let options = options::reoffer(&given.at(2));
        let mut session = self.session(given)?;
        Ok(f64::from(session.renegotiate(given.now, options)?))
    }

    /// Asks the peer to call somebody; makes a transfer.
    pub(crate) fn refer(&mut self, given: &Given<'_>) -> Outcome {
        let (target, options) = (given.word(2), options::refer(&given.at(3)));
        let mut session = self.session(given)?;
        Ok(f64::from(session.refer(given.now, &target, options)?))
    }

    /// Mutes local media.
    pub(crate) fn mute(&mut self, given: &Given<'_>) -> Outcome {
        let kinds = kinds(given);
        self.session(given)?.mute(given.now, kinds)?;
        Ok(0.0)
    }

    /// Lets local media through again.
    pub(crate) fn unmute(&mut self, given: &Given<'_>) -> Outcome {
        let kinds = kinds(given);
        self.session(given)?.unmute(given.now, kinds)?;
        Ok(0.0)
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
