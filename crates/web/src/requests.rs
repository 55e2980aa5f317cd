//! Commands that need no session: MESSAGE, OPTIONS and subscriptions. Each throws an `ErrorRow`
//! where it is not carried out.

use offhook_core::{LastNotify, NotifyOptions, RequestId};
use wasm_bindgen::prelude::*;

use crate::engine::{Engine, subscription};
use crate::errors::Refusal;
use crate::message::outgoing_row;
use crate::options::{self, Options, body};
use crate::rows::Row;
use crate::time::{duration, instant};

#[wasm_bindgen]
impl Engine {
    /// Sends a MESSAGE; returns its number.
    #[wasm_bindgen(js_name = sendMessage)]
    pub fn send_message(
        &mut self,
        now: f64,
        target: &str,
        options: &Options,
    ) -> Result<f64, Refusal> {
        let body = options.body().unwrap_or_else(|| "".into());
        let options = options::request(options);
        let id = self
            .agent
            .send_message(instant(now), target, body, options)?;
        Ok(id.0 as f64)
    }

    /// Sends an OPTIONS; returns its number.
    #[wasm_bindgen(js_name = sendOptions)]
    pub fn send_options(
        &mut self,
        now: f64,
        target: &str,
        options: &Options,
    ) -> Result<f64, Refusal> {
        let body = options.body();
        let options = options::request(options);
        let id = self
            .agent
            .send_options(instant(now), target, body, options)?;
        Ok(id.0 as f64)
    }

    /// A MESSAGE or OPTIONS of ours as it was made, until it is answered.
    #[wasm_bindgen(js_name = sentRequest)]
    pub fn sent_request(&self, id: f64) -> Option<Row> {
        outgoing_row(self.agent.sent_request(RequestId(id as u64))?)
    }

    /// Subscribes; returns the subscription.
    pub fn subscribe(
        &mut self,
        now: f64,
        target: &str,
        event: &str,
        options: &Options,
    ) -> Result<f64, Refusal> {
        let options = options::subscribe(options)?;
        let id = self.agent.subscribe(instant(now), target, event, options)?;
        Ok(id.0 as f64)
    }

    /// Refreshes a subscription of ours.
    #[wasm_bindgen(js_name = refreshSubscription)]
    pub fn refresh_subscription(
        &mut self,
        now: f64,
        id: f64,
        content_type: Option<String>,
        content: Option<String>,
    ) -> Result<(), Refusal> {
        let body = body(content_type, content);
        Ok(self
            .agent
            .refresh_subscription(instant(now), subscription(id), body)?)
    }

    /// Ends a subscription of ours.
    pub fn unsubscribe(
        &mut self,
        now: f64,
        id: f64,
        content_type: Option<String>,
        content: Option<String>,
    ) -> Result<(), Refusal> {
        let body = body(content_type, content);
        Ok(self
            .agent
            .unsubscribe(instant(now), subscription(id), body)?)
    }

    /// Tells a subscriber the state.
    pub fn notify(
        &mut self,
        now: f64,
        id: f64,
        content_type: Option<String>,
        content: Option<String>,
        pending: bool,
    ) -> Result<(), Refusal> {
        let options = NotifyOptions {
            body: body(content_type, content),
            pending,
        };
        Ok(self.agent.notify(instant(now), subscription(id), options)?)
    }

    /// Ends a peer's subscription.
    #[wasm_bindgen(js_name = terminateSubscription)]
    pub fn terminate_subscription(
        &mut self,
        now: f64,
        id: f64,
        reason: Option<String>,
        retry_after: Option<f64>,
        content_type: Option<String>,
        content: Option<String>,
    ) -> Result<(), Refusal> {
        let last = LastNotify {
            reason: reason.unwrap_or_else(|| LastNotify::default().reason),
            retry_after: retry_after.map(|seconds| duration(seconds * 1000.0)),
            body: body(content_type, content),
        };
        Ok(self
            .agent
            .terminate_subscription(instant(now), subscription(id), last)?)
    }
}
