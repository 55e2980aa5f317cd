//! What a user agent is told once, before it starts.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use offhook_sip::{Limits, Uri};

use crate::auth::{Authorization, Secret};
use crate::destination::Destination;
use crate::options::ExtraHeaders;
use crate::subscription::Package;
use crate::transaction::TransactionTimings;

/// The configuration of an [`Agent`](crate::Agent).
///
/// ```
/// use offhook_core::Config;
/// use offhook_sip::Uri;
///
/// let mut config = Config::new(Uri::parse("sip:alice@example.com")?.into_owned());
/// config.display_name = Some("Alice".to_owned());
/// # Ok::<(), offhook_sip::UriError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The address of record, a `sip:` or `sips:` URI with a user.
    pub address: Uri<'static>,
    /// The display name in From. Default: none.
    pub display_name: Option<String>,
    /// The user name for digest authentication. Default: the user of `address`.
    pub authorization_user: Option<String>,
    /// The password, or its hash. Default: none.
    pub secret: Option<Secret>,
    /// An Authorization header for every request to a server of `servers`, whatever it is for; no
    /// peer that is reached without the server gets it. Default: none.
    pub authorization: Option<Authorization>,
    /// The servers all requests go through, in order of preference. Empty: a request goes where
    /// its URI leads (RFC 3263).
    pub servers: Vec<Destination>,
    /// Whether requests outside any dialog name the server in a Route header (RFC 3261 section
    /// 8.1.2), for a proxy that routes by it: the URI of the server that the connection leads to,
    /// or what [`Agent::set_route`](crate::Agent::set_route) says. Default: false.
    pub preloaded_route: bool,
    /// Whether to register when the connection stands. Default: true.
    pub register: bool,
    /// The registration lifetime to ask for; zero leaves it to the registrar. Default: ten minutes.
    pub register_expires: Duration,
    /// Where to register. Default: the host of `address`.
    pub registrar: Option<Uri<'static>>,
    /// What stands behind the random part of the From tag of each REGISTER, for a server that reads
    /// it there. Default: nothing.
    pub register_from_tag_trail: String,
    /// Headers added to every REGISTER. Default: none.
    pub register_extra_headers: ExtraHeaders,
    /// Parameters added to the Contact of every REGISTER, a token or quoted text where they have a
    /// value: what RFC 3840 says of a user agent, such as `+sip.message`. Default: none.
    pub register_contact_params: Vec<(String, Option<String>)>,
    /// The Contact URI, by which peers reach this user agent. Over WebSocket its host is the one in
    /// Via, too. Default: eight random characters at our address on the flow, or where nobody knows
    /// that, as over WebSocket, at a random name under `.invalid` (RFC 7118 section 5).
    pub contact: Option<Uri<'static>>,
    /// The instance id (RFC 5626 section 4.1), a UUID without `urn:uuid:`. Default: random.
    pub instance_id: Option<String>,
    /// How long an incoming call may ring before it is answered with 408. Default: one minute.
    pub no_answer_timeout: Duration,
    /// How long an offer or answer waits for ICE candidates. Those that are gathered later follow
    /// by INFO where the peer takes part in Trickle ICE, and are not told to any other: when media
    /// then finds no way, an ICE restart describes them. Default: half a second.
    pub gathering_timeout: Duration,
    /// Whether sessions take part in Trickle ICE (RFC 8840) with peers that do: an answer, and an
    /// offer inside a session, leaves at once, and candidates follow in INFO requests. A peer that
    /// does not say so never gets such an INFO. Default: true.
    pub trickle_ice: bool,
    /// Whether sessions have timers (RFC 4028). Default: true.
    pub session_timers: bool,
    /// The session interval to ask for, in seconds, at least 90. Default: 90.
    pub session_expires: u32,
    /// Whether sessions are refreshed by UPDATE where the peer takes it, rather than by re-INVITE.
    /// Default: true.
    pub session_timers_refresh_by_update: bool,
    /// Whether this side refreshes the session, even where the peer knows no timers.
    /// Default: false.
    pub session_timers_force_refresher: bool,
    /// The shortest delay before a lost connection is made again. Default: two seconds.
    pub reconnect_min: Duration,
    /// The longest such delay. Default: thirty seconds.
    pub reconnect_max: Duration,
    /// How long a request waits for a lost connection to come back, and a session for media that
    /// found no way any more, before either is given up. Default: 32 seconds.
    pub recovery_timeout: Duration,
    /// The longest time between two keep-alives of a flow (RFC 5626 section 4.4); each comes after
    /// 80 to 100 percent of it, or of the server's Flow-Timer where that is shorter. `None`: no
    /// keep-alives. Default: 30 seconds.
    pub keep_alive: Option<Duration>,
    /// Whether the registrar is asked for addresses of this one user agent (RFC 5627), to be used
    /// as Contact. Default: `None`, over WebSocket, where a Contact leads nowhere by itself; many
    /// servers take the Contact of other transports at its word, and would lose the way to a GRUU.
    pub gruu: Option<bool>,
    /// Whether the server is asked for its OPTIONS as a keep-alive where it is reached by UDP and
    /// has not said that it answers STUN (RFC 5626 section 4.4.2), so that its end is noticed
    /// there, too. Default: false.
    pub keep_alive_by_options: bool,
    /// How long media may take to connect after a call is answered, before the application is told
    /// and ICE is restarted. Default: 30 seconds.
    pub media_timeout: Duration,
    /// The User-Agent (and Server) header. Default: `Offhook/` and the version.
    pub user_agent: String,
    /// Headers added to every request and every response. Default: none.
    pub extra_headers: ExtraHeaders,
    /// Limits for received messages.
    pub limits: Limits,
    /// The base values of the transaction timers (RFC 3261 section 17).
    pub timings: TransactionTimings,
    /// Whether a NOTIFY outside every dialog, as some servers send it for `message-summary` or
    /// `check-sync` without a subscription, is told by
    /// [`Event::UnsolicitedNotify`](crate::Event::UnsolicitedNotify) and answered with 200.
    /// Default: false, and it is refused with 481 (RFC 6665 section 4.1.3).
    pub unsolicited_notify: bool,
    /// How many sessions may live at once; an INVITE beyond is answered with 486. Default: 10,000.
    pub max_sessions: usize,
    /// The event packages that peers may subscribe to here (RFC 6665 section 4.4.4), as
    /// `presence`; others are refused with 489. `*` stands for every package but `refer`, where the
    /// application knows what it takes only when it is asked. Default: none.
    pub event_packages: Vec<String>,
    /// The lifetime of a peer's subscription that asks for none. Default: one hour.
    pub subscription_expires: Duration,
    /// The shortest lifetime that a peer may ask for; less is refused with 423. At most an hour
    /// counts (RFC 6665 section 4.2.1.1). Default: ten seconds.
    pub subscription_min_expires: Duration,
    /// How many subscriptions may stand at once, ours and those of peers; those to transfers are
    /// bounded by their sessions. Default: 10,000.
    pub max_subscriptions: usize,
}

impl Config {
    /// The defaults for an address of record.
    pub fn new(address: Uri<'static>) -> Self {
        Self {
            address,
            display_name: None,
            authorization_user: None,
            secret: None,
            authorization: None,
            servers: Vec::new(),
            preloaded_route: false,
            register: true,
            register_expires: Duration::from_secs(600),
            registrar: None,
            register_from_tag_trail: String::new(),
            register_extra_headers: Vec::new(),
            register_contact_params: Vec::new(),
            contact: None,
            instance_id: None,
            no_answer_timeout: Duration::from_secs(60),
            gathering_timeout: Duration::from_millis(500),
            trickle_ice: true,
            session_timers: true,
            session_expires: 90,
            session_timers_refresh_by_update: true,
            session_timers_force_refresher: false,
            reconnect_min: Duration::from_secs(2),
            reconnect_max: Duration::from_secs(30),
            recovery_timeout: Duration::from_secs(32),
            keep_alive: Some(Duration::from_secs(30)),
            keep_alive_by_options: false,
            gruu: None,
            media_timeout: Duration::from_secs(30),
            user_agent: concat!("Offhook/", env!("CARGO_PKG_VERSION")).to_owned(),
            extra_headers: Vec::new(),
            limits: Limits::default(),
            timings: TransactionTimings::default(),
            unsolicited_notify: false,
            max_sessions: 10_000,
            event_packages: Vec::new(),
            subscription_expires: Duration::from_secs(3600),
            subscription_min_expires: Duration::from_secs(10),
            max_subscriptions: 10_000,
        }
    }

    /// Whether this configuration can work.
    ///
    /// # Errors
    ///
    /// The first parameter that cannot, its value, and what would be right.
    pub fn validate(&self) -> Result<(), ConfigError> {
        match self.fault() {
            Some((parameter, value, expected)) => Err(ConfigError {
                parameter,
                value: value.into_owned(),
                expected,
            }),
            None => Ok(()),
        }
    }

    /// The first parameter that cannot work.
    fn fault(&self) -> Option<Fault<'_>> {
        let address = self.address.as_str();
        if !self.address.is_sip() || self.address.user().is_none() {
            return Some((
                "address",
                address.into(),
                "a SIP address with a user, as sip:alice@example.com",
            ));
        }
        if let Some(registrar) = &self.registrar
            && (!registrar.is_sip() || registrar.user().is_some())
        {
            return Some((
                "registrar",
                registrar.as_str().into(),
                "a SIP URI without a user, as sip:example.com",
            ));
        }
        let lines = [
            ("display_name", self.display_name.as_deref()),
            ("authorization_user", self.authorization_user.as_deref()),
            ("user_agent", Some(self.user_agent.as_str())),
        ];
        for (parameter, value) in lines {
            if let Some(value) = value
                && !offhook_sip::is_line(value)
            {
                return Some((parameter, value.into(), "text without line breaks"));
            }
        }
        if let Some(id) = &self.instance_id
            && !is_uuid(id)
        {
            return Some((
                "instance_id",
                id.into(),
                "a UUID, as f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            ));
        }
        if let Some(contact) = &self.contact
            && (!contact.is_sip()
                || contact.user().is_none()
                || contact.headers().next().is_some()
                || contact.as_str().contains(['<', '>', '"']))
        {
            return Some((
                "contact",
                contact.as_str().into(),
                "a SIP URI with a user, as sip:alice@192.0.2.1:5060",
            ));
        }
        if let Some(authorization) = &self.authorization
            && !authorization.is_valid()
        {
            // It may be a secret all the same.
            return Some((
                "authorization",
                "***".into(),
                "a scheme and its credentials without line breaks, as Bearer mF_9.B5f-4.1JqM",
            ));
        }
        let trail = &self.register_from_tag_trail;
        if !trail.is_empty() && !offhook_sip::is_token(trail) {
            return Some((
                "register_from_tag_trail",
                trail.into(),
                "letters, digits and -.!%*_+`'~",
            ));
        }
        if let Some(interval) = self.keep_alive
            && interval < Duration::from_secs(1)
        {
            return Some(("keep_alive", seconds(interval), "a second or more"));
        }
        for package in &self.event_packages {
            if Package::parse(package).is_err() || package.contains(';') {
                return Some((
                    "event_packages",
                    package.into(),
                    "names of event packages other than refer, as presence",
                ));
            }
        }
        if self.reconnect_min.is_zero() || self.reconnect_min > self.reconnect_max {
            return Some((
                "reconnect_min",
                seconds(self.reconnect_min),
                "more than zero and at most reconnect_max",
            ));
        }
        for (name, value) in &self.register_contact_params {
            if let Err(expected) = crate::headers::check_param(name, value.as_deref()) {
                return Some(("register_contact_params", name.into(), expected));
            }
        }
        for (name, _) in &self.register_extra_headers {
            if name.eq_ignore_ascii_case("Contact") || name.eq_ignore_ascii_case("Expires") {
                let expected = "a header that the engine does not write itself";
                return Some(("register_extra_headers", name.into(), expected));
            }
        }
        let headers = [
            ("register_extra_headers", &self.register_extra_headers),
            ("extra_headers", &self.extra_headers),
        ];
        for (parameter, headers) in headers {
            if let Err((name, expected)) = crate::headers::check_extra(headers) {
                return Some((parameter, name, expected));
            }
        }
        None
    }

    /// Where to register: as configured, else the host of the address (RFC 3261 section 10.2).
    pub(crate) fn registrar(&self) -> Uri<'static> {
        if let Some(registrar) = &self.registrar {
            return registrar.clone();
        }
        let text = self.address.without_params().into_owned();
        let text = text.as_str();
        // The address has a user, which `validate` saw to.
        let host = text.split_once('@').map_or(text, |(_, host)| host);
        let scheme = text.split_once(':').map_or("sip", |(scheme, _)| scheme);
        Uri::parse(&format!("{scheme}:{host}"))
            .map_or_else(|_| self.address.clone(), Uri::into_owned)
    }

    pub(crate) fn authorization_user(&self) -> &str {
        self.authorization_user
            .as_deref()
            .or_else(|| self.address.user())
            .unwrap_or_default()
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// A span as a person reads it. `Debug`, which does so too, says nothing in the browser's module.
fn seconds(span: Duration) -> Cow<'static, str> {
    format!("{}.{:03} s", span.as_secs(), span.subsec_millis()).into()
}

/// A parameter's name, its value, and what would be right.
type Fault<'a> = (&'static str, Cow<'a, str>, &'static str);

/// A parameter of a [`Config`] that cannot work.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// The parameter's name.
    pub parameter: &'static str,
    /// Its value.
    pub value: String,
    /// What would be right.
    pub expected: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "invalid value {:?} for {}: expected {}",
            self.value, self.parameter, self.expected
        )
    }
}

impl std::error::Error for ConfigError {}
