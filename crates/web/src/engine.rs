//! The agent as JavaScript holds it: how it is fed and drained, its connection and registration.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::Bytes;
use offhook_core::{Agent, FlowId, Input, SessionId, SubscriptionId, Transport};
use offhook_sip::Uri;
use wasm_bindgen::prelude::*;

use crate::config::{Credentials, config};
use crate::errors::{self, Refusal};
use crate::events;
use crate::options::Options;
use crate::reply::report;
use crate::rows::Row;
use crate::time::{instant, milliseconds_at};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = Object)]
    type Counts;
    #[wasm_bindgen(constructor, js_class = "Object")]
    fn new() -> Counts;
    #[wasm_bindgen(method, structural, indexing_setter)]
    fn set(this: &Counts, name: &str, count: u32);

    #[wasm_bindgen(js_namespace = Uint8Array, js_name = from)]
    fn bytes_of(message: &JsValue) -> Vec<u8>;
}

/// Nobody knows the addresses of a browser's socket.
const UNKNOWN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// A user agent. `npm/src/engine/engine.ts` says what each of its methods is for; every one returns
/// at once, and [`Engine::poll`] is drained after each.
#[wasm_bindgen]
pub struct Engine {
    pub(crate) agent: Agent,
    pub(crate) credentials: Credentials,
}

pub(crate) fn session(id: f64) -> SessionId {
    SessionId(id as u64)
}

pub(crate) fn subscription(id: f64) -> SubscriptionId {
    SubscriptionId(id as u64)
}

fn flow(id: f64) -> FlowId {
    FlowId(id as u64)
}

#[wasm_bindgen]
impl Engine {
    /// An engine that has done nothing yet. `seed` is 32 random bytes.
    ///
    /// # Errors
    ///
    /// A `ConfigErrorRow`, when a parameter cannot work.
    #[wasm_bindgen(constructor)]
    pub fn new(options: &Options, seed: &[u8]) -> Result<Engine, Refusal> {
        let seed = <[u8; 32]>::try_from(seed)
            .map_err(|_| errors::config("seed", "", "32 random bytes"))?;
        let credentials = Credentials::of(options);
        let agent = Agent::new(config(options, &credentials)?, seed)?;
        Ok(Engine { agent, credentials })
    }

    /// What to do next.
    pub fn poll(&mut self) -> Option<Row> {
        while let Some(output) = self.agent.poll() {
            if let Some(row) = events::output(output) {
                return Some(row);
            }
        }
        None
    }

    /// When `tick` is due.
    #[wasm_bindgen(js_name = nextTimeout)]
    pub fn next_timeout(&self) -> Option<f64> {
        self.agent.next_timeout().map(milliseconds_at)
    }

    /// Time has passed.
    pub fn tick(&mut self, now: f64) {
        self.agent.handle(instant(now), Input::Tick);
    }

    /// A flow stands.
    #[wasm_bindgen(js_name = flowOpened)]
    pub fn flow_opened(&mut self, now: f64, id: f64, transport: &str) {
        let transport = Transport::parse(transport).unwrap_or(Transport::Wss);
        let input = Input::FlowOpened {
            flow: flow(id),
            transport,
            local: UNKNOWN,
            remote: UNKNOWN,
        };
        self.agent.handle(instant(now), input);
    }

    /// A flow is gone, or did not come.
    #[wasm_bindgen(js_name = flowLost)]
    pub fn flow_lost(&mut self, now: f64, id: f64, reason: String) {
        let input = Input::FlowLost {
            flow: flow(id),
            reason,
        };
        self.agent.handle(instant(now), input);
    }

    /// A message came: text, or a `Uint8Array`.
    pub fn received(&mut self, now: f64, id: f64, message: &JsValue) {
        let bytes = match message.as_string() {
            Some(text) => Bytes::from(text),
            None => Bytes::from(bytes_of(message)),
        };
        let input = Input::Received {
            flow: flow(id),
            bytes,
        };
        self.agent.handle(instant(now), input);
    }

    /// What a peer connection reports: a `ReportRow`, spread out.
    pub fn report(&mut self, now: f64, id: f64, name: &str, first: &JsValue, second: &JsValue) {
        if let Some(report) = report(name, first, second) {
            self.agent.media(instant(now), session(id), report);
        }
    }

    /// Connects.
    pub fn start(&mut self, now: f64) {
        self.agent.start(instant(now));
    }

    /// Ends everything.
    pub fn stop(&mut self, now: f64) {
        self.agent.stop(instant(now));
    }

    /// Registers.
    pub fn register(&mut self, now: f64) {
        self.agent.register(instant(now));
    }

    /// Removes the registration, or `all` of the address.
    pub fn unregister(&mut self, now: f64, all: bool) {
        self.agent.unregister(instant(now), all);
    }

    /// Whether the address is registered.
    #[wasm_bindgen(js_name = isRegistered)]
    pub fn is_registered(&self) -> bool {
        self.agent.is_registered()
    }

    /// Whether the connection stands.
    #[wasm_bindgen(js_name = isConnected)]
    pub fn is_connected(&self) -> bool {
        self.agent.is_connected()
    }

    /// The public GRUU.
    #[wasm_bindgen(js_name = publicGruu)]
    pub fn public_gruu(&self) -> Option<String> {
        self.agent.public_gruu().map(|uri| uri.as_str().to_owned())
    }

    /// The temporary GRUU.
    #[wasm_bindgen(js_name = temporaryGruu)]
    pub fn temporary_gruu(&self) -> Option<String> {
        self.agent
            .temporary_gruu()
            .map(|uri| uri.as_str().to_owned())
    }

    /// The Contact of what goes out now.
    pub fn contact(&self, anonymous: bool, outbound: bool) -> String {
        let gruu = match anonymous {
            true => self.agent.temporary_gruu(),
            false => self.agent.public_gruu(),
        };
        let mut contact = self.agent.contact(anonymous);
        // A GRUU leads here by itself (RFC 5626 section 4.3).
        if outbound && gruu.is_none() {
            contact.push_str(";ob");
        }
        contact
    }

    /// Names the server behind the connection; what is no URI takes that back.
    #[wasm_bindgen(js_name = setRoute)]
    pub fn set_route(&mut self, uri: &str) {
        let uri = Uri::parse(uri).ok();
        self.agent.set_route(uri.map(Uri::into_owned));
    }

    /// How many of each live thing the engine holds.
    pub fn live(&self) -> JsValue {
        let live = self.agent.live();
        let counts = Counts::new();
        for (name, count) in [
            ("sessions", live.sessions),
            ("dialogs", live.dialogs),
            ("clientTransactions", live.client_transactions),
            ("serverTransactions", live.server_transactions),
            ("timers", live.timers),
            ("flows", live.flows),
            ("asks", live.asks),
            ("subscriptions", live.subscriptions),
        ] {
            counts.set(name, count as u32);
        }
        counts.into()
    }
}
