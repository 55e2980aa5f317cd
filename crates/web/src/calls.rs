//! Commands of sessions. Each throws an `ErrorRow` where it is not carried out.

use offhook_core::{Direction, MediaKinds, SessionInfo, SessionMut};
use offhook_sip::Method;
use wasm_bindgen::prelude::*;

use crate::engine::{Engine, session};
use crate::errors::{self, Refusal};
use crate::options::{self, Options};
use crate::rows::Row;
use crate::time::instant;

impl Engine {
    fn session(&mut self, id: f64) -> Result<SessionMut<'_>, Refusal> {
        Ok(self.agent.session(session(id))?)
    }

    fn info(&self, id: f64) -> Option<SessionInfo<'_>> {
        self.agent.session_info(session(id))
    }
}

#[wasm_bindgen]
impl Engine {
    /// Calls; returns the session.
    pub fn call(&mut self, now: f64, target: &str, options: &Options) -> Result<f64, Refusal> {
        let id = self
            .agent
            .call(instant(now), target, options::call(options))?;
        Ok(id.0 as f64)
    }

    /// Answers an incoming call.
    pub fn answer(&mut self, now: f64, id: f64, options: &Options) -> Result<(), Refusal> {
        Ok(self
            .session(id)?
            .answer(instant(now), options::answer(options))?)
    }

    /// Sends a provisional response.
    pub fn progress(&mut self, now: f64, id: f64, options: &Options) -> Result<(), Refusal> {
        let options = options::progress(options)?;
        Ok(self.session(id)?.progress(instant(now), options)?)
    }

    /// Ends the session.
    pub fn terminate(&mut self, now: f64, id: f64, options: &Options) -> Result<(), Refusal> {
        let options = options::terminate(options)?;
        Ok(self.session(id)?.terminate(instant(now), options)?)
    }

    /// Sends tones.
    #[wasm_bindgen(js_name = sendDtmf)]
    pub fn send_dtmf(
        &mut self,
        now: f64,
        id: f64,
        tones: &str,
        options: &Options,
    ) -> Result<(), Refusal> {
        let options = options::dtmf(options);
        Ok(self.session(id)?.send_dtmf(instant(now), tones, options)?)
    }

    /// Sends an INFO; returns its number.
    #[wasm_bindgen(js_name = sendInfo)]
    pub fn send_info(
        &mut self,
        now: f64,
        id: f64,
        content_type: &str,
        body: &str,
        extra_headers: Vec<String>,
    ) -> Result<u32, Refusal> {
        let headers = options::headers(extra_headers);
        Ok(self
            .session(id)?
            .send_info(instant(now), content_type, body, &headers)?)
    }

    /// Sends any other request inside the session's dialog; returns its number.
    #[wasm_bindgen(js_name = sendRequest)]
    pub fn send_request(
        &mut self,
        now: f64,
        id: f64,
        method: &str,
        options: &Options,
    ) -> Result<f64, Refusal> {
        let (method, headers) = (Method::parse(method), options.extra_headers());
        let mut session = self.session(id)?;
        let id = session.send_request(instant(now), method, options.body(), &headers)?;
        Ok(id.0 as f64)
    }

    /// Puts the peer on hold; returns the exchange's number, as the next two do.
    pub fn hold(&mut self, now: f64, id: f64, options: &Options) -> Result<u32, Refusal> {
        Ok(self
            .session(id)?
            .hold(instant(now), options::reoffer(options))?)
    }

    /// Lets the peer go on.
    pub fn unhold(&mut self, now: f64, id: f64, options: &Options) -> Result<u32, Refusal> {
        Ok(self
            .session(id)?
            .unhold(instant(now), options::reoffer(options))?)
    }

    /// Makes a new offer.
    pub fn renegotiate(&mut self, now: f64, id: f64, options: &Options) -> Result<u32, Refusal> {
        Ok(self
            .session(id)?
            .renegotiate(instant(now), options::reoffer(options))?)
    }

    /// Asks the peer to call somebody; returns the transfer's number.
    pub fn refer(
        &mut self,
        now: f64,
        id: f64,
        target: &str,
        options: &Options,
    ) -> Result<u32, Refusal> {
        let options = options::refer(options);
        Ok(self.session(id)?.refer(instant(now), target, options)?)
    }

    /// Mutes local media.
    pub fn mute(&mut self, now: f64, id: f64, audio: bool, video: bool) -> Result<(), Refusal> {
        Ok(self
            .session(id)?
            .mute(instant(now), MediaKinds { audio, video })?)
    }

    /// Lets local media through again.
    pub fn unmute(&mut self, now: f64, id: f64, audio: bool, video: bool) -> Result<(), Refusal> {
        Ok(self
            .session(id)?
            .unmute(instant(now), MediaKinds { audio, video })?)
    }

    /// How a session is: a `StateRow`.
    #[wasm_bindgen(js_name = sessionState)]
    pub fn session_state(&self, id: f64) -> Option<Row> {
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
    #[wasm_bindgen(js_name = sessionIdentity)]
    pub fn session_identity(&self, id: f64) -> Option<Row> {
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
