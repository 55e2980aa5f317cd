//! The agent as JavaScript holds it: how it is fed and drained, its connection and registration.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::Bytes;
use offhook_core::{Agent, FlowId, Input, SessionId, Transport};
use offhook_sip::Uri;
use wasm_bindgen::prelude::*;

use crate::commands::{Given, Outcome};
use crate::config::{Credentials, config};
use crate::errors::{self, Refusal};
use crate::events;
use crate::options::Options;
use crate::reply::report;
use crate::rows::Row;

#[wasm_bindgen]
extern "C" {
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
            if let Some(row) = events::output(&output) {
                return Some(row);
            }
        }
        None
    }
}

impl Engine {
    /// Time has passed.
    pub(crate) fn tick(&mut self, given: &Given<'_>) -> Outcome {
        self.handle(given, Input::Tick)
    }

    /// A flow stands.
    pub(crate) fn flow_opened(&mut self, given: &Given<'_>) -> Outcome {
        let input = Input::FlowOpened {
            flow: FlowId(given.id),
            transport: Transport::parse(&given.word(2)).unwrap_or(Transport::Wss),
            local: UNKNOWN,
            remote: UNKNOWN,
        };
        self.handle(given, input)
    }

    /// A flow is gone, or did not come.
    pub(crate) fn flow_lost(&mut self, given: &Given<'_>) -> Outcome {
        let input = Input::FlowLost {
            flow: FlowId(given.id),
            reason: given.word(2),
        };
        self.handle(given, input)
    }

    /// A message came: text, or a `Uint8Array`.
    pub(crate) fn received(&mut self, given: &Given<'_>) -> Outcome {
        let message = &given.options;
        let bytes = match message.as_string() {
            Some(text) => Bytes::from(text),
            None => Bytes::from(bytes_of(message)),
        };
        let input = Input::Received {
            flow: FlowId(given.id),
            bytes,
        };
        self.handle(given, input)
    }

    fn handle(&mut self, given: &Given<'_>, input: Input) -> Outcome {
        self.agent.handle(given.now, input);
        Ok(0.0)
    }

    /// What a peer connection reports: a `ReportRow`, spread out.
    pub(crate) fn report(&mut self, given: &Given<'_>) -> Outcome {
        if let Some(report) = report(given) {
            self.agent.media(given.now, SessionId(given.id), report);
        }
        Ok(0.0)
    }

    /// Connects.
    pub(crate) fn start(&mut self, given: &Given<'_>) -> Outcome {
        self.agent.start(given.now);
        Ok(0.0)
    }

    /// Ends everything.
    pub(crate) fn stop(&mut self, given: &Given<'_>) -> Outcome {
        self.agent.stop(given.now);
        Ok(0.0)
    }

    /// Registers.
    pub(crate) fn register(&mut self, given: &Given<'_>) -> Outcome {
        self.agent.register(given.now);
        Ok(0.0)
    }

    /// Removes the registration, or all of the address.
    pub(crate) fn unregister(&mut self, given: &Given<'_>) -> Outcome {
        self.agent.unregister(given.now, given.flag(1));
        Ok(0.0)
    }

    /// Whether the address is registered.
    pub(crate) fn is_registered(&self) -> Row {
        Row::empty().flag(self.agent.is_registered())
    }

    /// The two GRUUs, and the Contact of what goes out now, usual and anonymous; and the same two of
    /// what begins a dialog.
    pub(crate) fn contacts(&self) -> Row {
        let agent = &self.agent;
        Row::empty()
            .maybe_text(agent.public_gruu().map(Uri::as_str))
            .maybe_text(agent.temporary_gruu().map(Uri::as_str))
            .text(&agent.contact(false))
            .text(&agent.contact(true))
            .text(&agent.outbound_contact(false))
            .text(&agent.outbound_contact(true))
    }

    /// How many of each live thing the engine holds.
    pub(crate) fn live(&self) -> Row {
        let live = self.agent.live();
        [
            ("sessions", live.sessions),
            ("dialogs", live.dialogs),
            ("clientTransactions", live.client_transactions),
            ("serverTransactions", live.server_transactions),
            ("timers", live.timers),
            ("flows", live.flows),
            ("asks", live.asks),
            ("subscriptions", live.subscriptions),
        ]
        .into_iter()
        .fold(Row::empty(), |row, (name, count)| {
            row.row(&Row::of(name).number(count as f64))
        })
    }
}
