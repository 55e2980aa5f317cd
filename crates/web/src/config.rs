//! The configuration, as `EngineConfig` in `npm/src/engine/engine.ts` has it.

use offhook_core::auth::{Authorization, Secret};
use offhook_core::{Config, Destination};
use offhook_sip::Uri;

use crate::errors::{self, Refusal};
use crate::options::Options;

const ADDRESS: &str = "a SIP address with a user, as sip:alice@example.com";
const CONTACT: &str = "a SIP URI with a user, as sip:alice@example.invalid;transport=ws";
const REGISTRAR: &str = "a SIP URI without a user, as sip:example.com";
const SERVER: &str = "the address of a WebSocket server, as wss://sip.example.com";

pub(crate) fn config(options: &Options) -> Result<Config, Refusal> {
    let address = options.text("uri").unwrap_or_default();
    let mut config = Config::new(uri("uri", &address, ADDRESS)?);
    config.display_name = options.text("displayName");
    config.authorization_user = options.text("authorizationUser");
    config.secret = match (options.text("ha1"), options.text("realm")) {
        (Some(ha1), Some(realm)) => Some(Secret::Ha1 { realm, ha1 }),
        _ => options.text("password").map(Secret::Password),
    };
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
    config.event_packages = options.list("eventPackages");
    Ok(config)
}

fn uri(parameter: &str, text: &str, expected: &str) -> Result<Uri<'static>, Refusal> {
    match Uri::parse(text) {
        Ok(uri) => Ok(uri.into_owned()),
        Err(_) => Err(errors::config(parameter, text, expected)),
    }
}
