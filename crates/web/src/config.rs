//! The configuration, as `EngineConfig` in `npm/src/engine/engine.ts` has it.

use offhook_core::auth::{Authorization, Secret};
use offhook_core::{Config, Destination};
use offhook_sip::{Params, Uri};

use crate::commands::{Given, Outcome};
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
    config.display_name = options.text("displayName");
    config.authorization_user = options.text("authorizationUser");
    config.secret = credentials.secret();
    config.authorization = options.text("authorizationJwt").map(Authorization::new);
    let server = options.text("server").unwrap_or_default();
    let server =
        Destination::from_url(&server).map_err(|_| errors::config("server", &server, SERVER))?;
    config.servers.push(server);
    config.preloaded_route = options.has("usePreloadedRoute");
    if let Some(contact) = options.text("contactUri") {
        config.contact = Some(uri("contactUri", &contact, CONTACT)?);
    }
    config.instance_id = options.text("instanceId");
    config.register = options.has("register");
    if let Some(registrar) = options.text("registrar") {
        config.registrar = Some(uri("registrar", &registrar, REGISTRAR)?);
    }
    config.register_from_tag_trail = options.text("registerFromTagTrail").unwrap_or_default();
    config.session_timers = options.has("sessionTimers");
    config.session_timers_refresh_by_update =
        options.text("sessionTimersRefreshMethod").as_deref() != Some("INVITE");
    config.session_timers_force_refresher = options.has("sessionTimersForceRefresher");
    for (field, seconds) in [
        (&mut config.register_expires, "registerExpires"),
        (&mut config.reconnect_min, "reconnectMin"),
        (&mut config.reconnect_max, "reconnectMax"),
    ] {
        if let Some(seconds) = options.seconds(seconds) {
            *field = seconds;
        }
    }
    for (field, milliseconds) in [
        (&mut config.no_answer_timeout, "noAnswerTimeout"),
        (&mut config.gathering_timeout, "gatheringTimeout"),
        (&mut config.recovery_timeout, "recoveryTimeout"),
        (&mut config.media_timeout, "mediaTimeout"),
    ] {
        if let Some(milliseconds) = options.milliseconds(milliseconds) {
            *field = milliseconds;
        }
    }
    if let Some(interval) = options.milliseconds("keepAlive") {
        config.keep_alive = Some(interval).filter(|interval| !interval.is_zero());
    }
    if let Some(trickle) = options.flag("trickleIce") {
        config.trickle_ice = trickle;
    }
    if let Some(name) = options.text("userAgent") {
        config.user_agent = name;
    }
    config.extra_headers = options.extra_headers();
    // JsSIP's `sipEvent`.
    config.unsolicited_notify = true;
    config.event_packages = options.list("eventPackages");
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
        let (parameter, value) = (given.word(1), given.at(2));
        let text = value.as_string();
        let agent = &mut self.agent;
        match parameter.as_str() {
            "password" => self.credentials.password = text,
            "ha1" => self.credentials.ha1 = text,
            "realm" => self.credentials.realm = text,
            other => {
                match other {
                    "authorizationUser" => agent.set_authorization_user(text)?,
                    "authorizationJwt" => agent.set_authorization(text.map(Authorization::new))?,
                    "displayName" => agent.set_display_name(text)?,
                    "extraHeaders" => agent.set_extra_headers(value.headers())?,
                    "registerFromTagTrail" => {
                        agent.set_register_from_tag_trail(&text.unwrap_or_default())?;
                    }
                    "registerHeaders" => agent.set_register_extra_headers(value.headers())?,
                    "registerContactParams" => {
                        agent.set_register_contact_params(params(&text.unwrap_or_default())?)?;
                    }
                    // What is no URI takes it back.
                    "route" => agent.set_route(text.and_then(|uri| into_uri(&uri))),
                    _ => return Err(errors::config(other, "", CHANGEABLE)),
                }
                return Ok(0.0);
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
        Err(_) => Err(errors::config("registerContactParams", text, PARAMS)),
    }
}

fn into_uri(text: &str) -> Option<Uri<'static>> {
    Uri::parse(text).ok().map(Uri::into_owned)
}

fn uri(parameter: &str, text: &str, expected: &str) -> Result<Uri<'static>, Refusal> {
    into_uri(text).ok_or_else(|| errors::config(parameter, text, expected))
}
