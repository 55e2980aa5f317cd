//! The configuration, by the names that JsSIP gave its parameters: `EngineConfig` in
//! `npm/src/engine/engine.ts`.

use offhook_core::auth::{Authorization, Secret};
use offhook_core::{Config, Destination};
use offhook_sip::{Params, Uri};

use crate::commands::{Given, Outcome, outcome};
use crate::engine::Engine;
use crate::errors::{self, Refusal};
use crate::options::Options;

const ADDRESS: &str = "a SIP address with a user, as sip:alice@example.com";
const CHANGEABLE: &str = "a parameter that may change while the user agent runs";
const PARAMS: &str = "parameters, as ;name=value;flag";
const CONTACT: &str = "a SIP URI with a user, as sip:alice@example.invalid;transport=ws";
const REGISTRAR: &str = "a SIP URI without a user, as sip:example.com";
const SERVER: &str = "the address of a WebSocket server, as wss://sip.example.com";

pub(crate) fn config(options: &Options, credentials: &Credentials) -> Result<Config, Refusal> {
    let address = options.text("uri").unwrap_or_default();
    let mut config = Config::new(uri("uri", &address, ADDRESS)?);
    config.display_name = options.text("display_name");
    config.authorization_user = options.text("authorization_user");
    config.secret = credentials.secret();
    config.authorization = options.text("authorization_jwt").map(Authorization::new);
    let server = options.text("server").unwrap_or_default();
    let server =
        Destination::from_url(&server).map_err(|_| errors::config("server", &server, SERVER))?;
    config.servers.push(server);
    config.preloaded_route = options.has("use_preloaded_route");
    if let Some(contact) = options.text("contact_uri") {
        config.contact = Some(uri("contact_uri", &contact, CONTACT)?);
    }
    config.instance_id = options.text("instance_id");
    config.register = options.has("register");
    if let Some(registrar) = options.text("registrar_server") {
        config.registrar = Some(uri("registrar_server", &registrar, REGISTRAR)?);
    }
    config.register_from_tag_trail = options.text("register_from_tag_trail").unwrap_or_default();
    config.session_timers = options.has("session_timers");
    config.session_timers_refresh_by_update =
        options.text("session_timers_refresh_method").as_deref() != Some("INVITE");
    config.session_timers_force_refresher = options.has("session_timers_force_refresher");
    for (field, seconds) in [
        (&mut config.register_expires, "register_expires"),
        (
            &mut config.reconnect_min,
            "connection_recovery_min_interval",
        ),
        (
            &mut config.reconnect_max,
            "connection_recovery_max_interval",
        ),
        (&mut config.gathering_timeout, "gathering_timeout"),
        (&mut config.recovery_timeout, "recovery_timeout"),
        (&mut config.media_timeout, "media_timeout"),
    ] {
        if let Some(seconds) = options.seconds(seconds) {
            *field = seconds;
        }
    }
    // A new connection does not wait longer at first than later.
    config.reconnect_max = config.reconnect_max.max(config.reconnect_min);
    if let Some(timeout) = options.milliseconds("no_answer_timeout") {
        config.no_answer_timeout = timeout;
    }
    if let Some(interval) = options.seconds("keep_alive") {
        config.keep_alive = Some(interval).filter(|interval| !interval.is_zero());
    }
    if let Some(trickle) = options.flag("trickle_ice") {
        config.trickle_ice = trickle;
    }
    if let Some(name) = options.text("user_agent") {
        config.user_agent = name;
    }
    config.extra_headers = options.get("extra_headers").headers();
    // JsSIP's `sipEvent`.
    config.unsolicited_notify = true;
    config.event_packages = options.list("event_packages");
    Ok(config)
}

/// What a secret is made of, which the application may change piece by piece.
#[derive(Default)]
pub(crate) struct Credentials {
    password: Option<String>,
    ha1: Option<String>,
    realm: Option<String>,
}

impl Credentials {
    pub(crate) fn of(options: &Options) -> Self {
        Self {
            password: options.text("password"),
            ha1: options.text("ha1"),
            realm: options.text("realm"),
        }
    }

    fn secret(&self) -> Option<Secret> {
        match (self.ha1.clone(), self.realm.clone()) {
            (Some(ha1), Some(realm)) => Some(Secret::Ha1 { realm, ha1 }),
            _ => self.password.clone().map(Secret::Password),
        }
    }
}

impl Engine {
    /// Changes a parameter. Throws a `ConfigErrorRow` where the value cannot work, or the parameter
    /// is none that may change.
    pub(crate) fn set(&mut self, given: &Given<'_>) -> Outcome {
        let (parameter, value) = (given.word(1), &given.options);
        let text = value.as_string();
        let agent = &mut self.agent;
        match parameter.as_str() {
            "password" => self.credentials.password = text,
            "ha1" => self.credentials.ha1 = text,
            "realm" => self.credentials.realm = text,
            other => {
                return outcome(match other {
                    "authorization_user" => agent.set_authorization_user(text),
                    "authorization_jwt" => agent.set_authorization(text.map(Authorization::new)),
                    "display_name" => agent.set_display_name(text),
                    "extra_headers" => agent.set_extra_headers(value.headers()),
                    "register_from_tag_trail" => {
                        agent.set_register_from_tag_trail(&text.unwrap_or_default())
                    }
                    "register_headers" => agent.set_register_extra_headers(value.headers()),
                    "register_contact_params" => {
                        agent.set_register_contact_params(params(&text.unwrap_or_default())?)
                    }
                    "route" => {
                        // What is no URI takes it back.
                        agent.set_route(text.and_then(|uri| into_uri(&uri)));
                        Ok(())
                    }
                    _ => return Err(errors::config(other, "", CHANGEABLE)),
                });
            }
        }
        agent.set_secret(self.credentials.secret());
        Ok(0.0)
    }
}

/// Parameters of a header, as `;name=value;flag`.
fn params(text: &str) -> Result<Vec<(String, Option<String>)>, Refusal> {
    match Params::parse(text) {
        Ok(params) => Ok(params
            .iter()
            .map(|(name, value)| (name.to_owned(), value.map(str::to_owned)))
            .collect()),
        Err(_) => Err(errors::config("register_contact_params", text, PARAMS)),
    }
}

fn into_uri(text: &str) -> Option<Uri<'static>> {
    Uri::parse(text).ok().map(Uri::into_owned)
}

fn uri(parameter: &str, text: &str, expected: &str) -> Result<Uri<'static>, Refusal> {
    into_uri(text).ok_or_else(|| errors::config(parameter, text, expected))
}
