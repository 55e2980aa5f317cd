//! The doors to the engine: commands, which change something, and queries, which do not. Each is a
//! number, the same as in `npm/src/engine/commands.ts`, where it also says what they are given.
//!
//! One export that takes a row costs what one export costs: every other would bring its own code to
//! take its arguments apart, here and in JavaScript.

use offhook_core::{Body, Instant, RequestId, SessionId, SubscriptionId};
use wasm_bindgen::prelude::*;

use crate::engine::Engine;
use crate::errors::Refusal;
use crate::options::{Options, body};
use crate::rows::Row;
use crate::time::{instant, milliseconds_at};

/// What a command gives back: the number of what it has made, or 0.
pub(crate) type Outcome = Result<f64, Refusal>;

/// What the core makes.
pub(crate) trait Made {
    fn number(self) -> f64;
}

impl Made for () {
    fn number(self) -> f64 {
        0.0
    }
}

impl Made for u32 {
    fn number(self) -> f64 {
        f64::from(self)
    }
}

impl Made for SessionId {
    fn number(self) -> f64 {
        self.0 as f64
    }
}

impl Made for RequestId {
    fn number(self) -> f64 {
        self.0 as f64
    }
}

impl Made for SubscriptionId {
    fn number(self) -> f64 {
        self.0 as f64
    }
}

/// What became of a command. Not in line, as every command would bring its own moves of the error.
#[inline(never)]
pub(crate) fn outcome<T: Made, E>(result: Result<T, E>) -> Outcome
where
    Refusal: From<E>,
{
    Ok(result?.number())
}

/// What a command was given: the row behind its number and its subject.
pub(crate) struct Given<'r> {
    pub(crate) now: Instant,
    /// The flow, session, question, request or subscription that it is about: at 1.
    pub(crate) id: u64,
    /// What is at 2: options, where there are some.
    pub(crate) options: Options,
    row: &'r Options,
}

impl Given<'_> {
    /// What stands at that place of the row.
    pub(crate) fn at(&self, index: u32) -> Options {
        self.row.at(index)
    }

    pub(crate) fn text(&self, index: u32) -> Option<String> {
        self.at(index).as_string()
    }

    pub(crate) fn flag(&self, index: u32) -> bool {
        self.at(index).as_bool() == Some(true)
    }

    /// A text that is always there.
    pub(crate) fn word(&self, index: u32) -> String {
        self.text(index).unwrap_or_default()
    }

    /// A body: its media type, and behind that its text.
    pub(crate) fn body(&self, index: u32) -> Option<Body> {
        body(self.text(index), self.text(index + 1))
    }
}

#[wasm_bindgen]
impl Engine {
    /// Carries out a command: a `CommandRow`. Its answer is the number of what it has made, if it
    /// makes something.
    ///
    /// # Errors
    ///
    /// An `ErrorRow`, when it is not carried out.
    pub fn command(&mut self, now: f64, row: &Options) -> Outcome {
        let given = &Given {
            now: instant(now),
            id: row.at(1).as_f64().unwrap_or_default() as u64,
            options: row.at(2),
            row,
        };
        match row.at(0).as_f64().unwrap_or_default() as u32 {
            0 => self.tick(given),
            1 => self.flow_opened(given),
            2 => self.flow_lost(given),
            3 => self.received(given),
            4 => self.report(given),
            5 => self.start(given),
            6 => self.stop(given),
            7 => self.register(given),
            8 => self.unregister(given),
            9 => self.set(given),
            10 => self.call(given),
            11 => self.answer(given),
            12 => self.progress(given),
            13 => self.terminate(given),
            14 => self.send_dtmf(given),
            15 => self.send_info(given),
            16 => self.send_request(given),
            17 => self.hold(given),
            18 => self.unhold(given),
            19 => self.renegotiate(given),
            20 => self.refer(given),
            21 => self.mute(given),
            22 => self.unmute(given),
            23 => self.send_message(given),
            24 => self.send_options(given),
            25 => self.subscribe(given),
            26 => self.refresh_subscription(given),
            27 => self.unsubscribe(given),
            28 => self.notify(given),
            29 => self.terminate_subscription(given),
            30 => self.proceed(given),
            31 => self.reply_sdp(given),
            32 => self.reply_request(given),
            33 => self.reply_ready(given),
            34 => self.reply_accept(given),
            35 => self.reply_answer(given),
            36 => self.reply_grant(given),
            37 => self.reply_reject(given),
            _ => Ok(0.0),
        }
    }

    /// What is known of something, or of the engine; nothing, where it is not there.
    pub fn query(&self, query: u32, id: f64) -> Option<Row> {
        let id = id as u64;
        match query {
            0 => Some(self.is_registered()),
            1 => Some(self.contacts()),
            2 => self.session_state(id),
            3 => self.session_identity(id),
            4 => self.sent_request(id),
            5 => Some(self.live()),
            _ => None,
        }
    }

    /// When a `Tick` is due.
    #[wasm_bindgen(js_name = nextTimeout)]
    pub fn next_timeout(&self) -> Option<f64> {
        self.agent.next_timeout().map(milliseconds_at)
    }
}
