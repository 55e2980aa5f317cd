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
        let options = options::call(&given.options);
        Ok(self.agent.call(given.now, &given.word(1), options)?.0 as f64)
    }

    /// Answers an incoming call.
    pub(crate) fn answer(&mut self, given: &Given<'_>) -> Outcome {
        self.session(given)?
            .answer(given.now, options::answer(&given.options))?;
        Ok(0.0)
    }

    /// Sends a provisional response.
    pub(crate) fn progress(&mut self, given: &Given<'_>) -> Outcome {
        self.session(given)?
            .progress(given.now, options::progress(&given.options)?)?;
        Ok(0.0)
    }

    /// Ends the session.
    pub(crate) fn terminate(&mut self, given: &Given<'_>) -> Outcome {
        self.session(given)?
            .terminate(given.now, options::terminate(&given.options)?)?;
        Ok(0.0)
    }

    /// Sends tones.
    pub(crate) fn send_dtmf(&mut self, given: &Given<'_>) -> Outcome {
        self.session(given)?
            .send_dtmf(given.now, &given.word(3), options::dtmf(&given.options))?;
        Ok(0.0)
    }

    /// Sends an INFO.
    pub(crate) fn send_info(&mut self, given: &Given<'_>) -> Outcome {
        let mut session = self.session(given)?;
        let (content_type, body) = (given.word(3), given.word(4));
        let headers = given.options.headers();
        let number = session.send_info(given.now, &content_type, &body, &headers)?;
        Ok(f64::from(number))
    }

    /// Sends any other request inside the session's dialog.
    pub(crate) fn send_request(&mut self, given: &Given<'_>) -> Outcome {
        let mut session = self.session(given)?;
        let (method, options) = (given.word(3), &given.options);
        let headers = options.extra_headers();
        let method = Method::parse(&method);
        let id = session.send_request(given.now, method, options.body(), &headers)?;
        Ok(id.0 as f64)
    }

    /// Puts the peer on hold; makes an exchange, as the next two do.
    pub(crate) fn hold(&mut self, given: &Given<'_>) -> Outcome {
        let mut session = self.session(given)?;
        let exchange = session.hold(given.now, options::reoffer(&given.options))?;
        Ok(f64::from(exchange))
    }

    /// Lets the peer go on.
    pub(crate) fn unhold(&mut self, given: &Given<'_>) -> Outcome {
        let mut session = self.session(given)?;
        let exchange = session.unhold(given.now, options::reoffer(&given.options))?;
        Ok(f64::from(exchange))
    }

    /// Makes a new offer.
    pub(crate) fn renegotiate(&mut self, given: &Given<'_>) -> Outcome {
        let mut session = self.session(given)?;
        let exchange = session.renegotiate(given.now, options::reoffer(&given.options))?;
        Ok(f64::from(exchange))
    }

    /// Asks the peer to call somebody; makes a transfer.
    pub(crate) fn refer(&mut self, given: &Given<'_>) -> Outcome {
        let mut session = self.session(given)?;
        let target = given.word(3);
        let refer = session.refer(given.now, &target, options::refer(&given.options))?;
        Ok(f64::from(refer))
    }

    /// Mutes local media.
    pub(crate) fn mute(&mut self, given: &Given<'_>) -> Outcome {
        self.session(given)?.mute(given.now, kinds(given))?;
        Ok(0.0)
    }

    /// Lets local media through again.
    pub(crate) fn unmute(&mut self, given: &Given<'_>) -> Outcome {
        self.session(given)?.unmute(given.now, kinds(given))?;
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
