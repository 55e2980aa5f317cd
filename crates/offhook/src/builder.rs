//! Setting up a user agent.

use std::net::SocketAddr;
use std::time::Duration;

use offhook_core::auth::{Authorization, Secret};
use offhook_core::{Agent, Config, Destination, Transport};
use offhook_net::{Endpoint, EndpointConfig, TlsConfig};
use offhook_sip::Uri;

use crate::ask::Asks;
use crate::driver::{Driver, Settings};
use crate::error::Error;
use crate::media_options::MediaOptions;
use crate::trace::{Hook, Tracer, WireMessage};
use crate::user_agent::UserAgent;

/// A setting that is the agent's own.
type Change = Box<dyn FnOnce(&mut Config) + Send>;

/// A user agent about to be started: see [`UserAgent::builder`].
#[must_use = "a user agent is started by start()"]
pub struct UserAgentBuilder {
    address: String,
    servers: Vec<String>,
    secret: Option<Secret>,
    registrar: Option<String>,
    contact: Option<String>,
    register: bool,
    ring: bool,
    media: MediaOptions,
    asks: Asks,
    tls: TlsConfig,
    listen: Vec<(Transport, SocketAddr)>,
    hook: Option<Hook>,
    more: Vec<Change>,
}

impl UserAgentBuilder {
    pub(crate) fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            servers: Vec::new(),
            secret: None,
            registrar: None,
            contact: None,
            register: true,
            ring: true,
            media: MediaOptions::default(),
            asks: Asks::NONE,
            tls: TlsConfig::default(),
            listen: Vec::new(),
            hook: None,
            more: Vec::new(),
        }
    }

    fn configure(mut self, change: impl FnOnce(&mut Config) + Send + 'static) -> Self {
        self.more.push(Box::new(change));
        self
    }

    /// The server that all requests go through: `wss://`, `ws://`, `udp://`, `tcp://` or
    /// `tls://`, a host, and where it differs from the default, a port. Given several times,
    /// the later ones stand in for the earlier. Default: none; a request then goes where its
    /// address leads.
    pub fn server(mut self, url: impl Into<String>) -> Self {
        self.servers.push(url.into());
        self
    }

    /// The password.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.secret = Some(Secret::Password(password.into()));
        self
    }

    /// Instead of the password, the MD5 hash of `user:realm:password` as 32 hexadecimal digits.
    pub fn ha1(mut self, realm: impl Into<String>, ha1: impl Into<String>) -> Self {
        self.secret = Some(Secret::Ha1 {
            realm: realm.into(),
            ha1: ha1.into(),
        });
        self
    }

    /// The user name for authentication. Default: the user of the address.
    pub fn authorization_user(self, user: impl Into<String>) -> Self {
        let user = user.into();
        self.configure(|config| config.authorization_user = Some(user))
    }

    /// The name that the other side is shown. Default: none.
    pub fn display_name(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.configure(|config| config.display_name = Some(name))
    }

    /// Whether to register at the server. Default: yes, if there is one.
    pub fn register(mut self, register: bool) -> Self {
        self.register = register;
        self
    }

    /// The lifetime of the registration to ask for; it is refreshed in time. Default: ten
    /// minutes.
    pub fn register_expires(self, lifetime: Duration) -> Self {
        self.configure(move |config| config.register_expires = lifetime)
    }

    /// Where to register, such as `sip:registrar.example.com`. Default: the address's host.
    pub fn registrar(mut self, uri: impl Into<String>) -> Self {
        self.registrar = Some(uri.into());
        self
    }

    /// The Contact URI, by which peers reach this user agent, such as `sip:alice@192.0.2.1:5060`
    /// behind a forwarded port. Default: a random user at our address.
    pub fn contact(mut self, uri: impl Into<String>) -> Self {
        self.contact = Some(uri.into());
        self
    }

    /// The whole value of an Authorization header for every request to the server, such as
    /// `Bearer eyJ…` (RFC 8898). Default: none.
    pub fn authorization(self, value: impl Into<String>) -> Self {
        let value = Authorization::new(value);
        self.configure(|config| config.authorization = Some(value))
    }

    /// Whether requests outside any dialog name the server in a Route header. Default: false.
    pub fn preloaded_route(self, preloaded: bool) -> Self {
        self.configure(move |config| config.preloaded_route = preloaded)
    }

    /// The instance id (RFC 5626, 4.1): a UUID that stays the same over restarts. Default:
    /// random.
    pub fn instance_id(self, uuid: impl Into<String>) -> Self {
        let uuid = uuid.into();
        self.configure(|config| config.instance_id = Some(uuid))
    }

    /// The text of the User-Agent header.
    pub fn user_agent(self, text: impl Into<String>) -> Self {
        let text = text.into();
        self.configure(|config| config.user_agent = text)
    }

    /// A header added to every request.
    pub fn extra_header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let header = (name.into(), value.into());
        self.configure(|config| config.extra_headers.push(header))
    }

    /// The longest time between two keep-alives of a connection (RFC 5626); they come more often
    /// where the server wants that. Default: 30 seconds.
    pub fn keep_alive(self, interval: Duration) -> Self {
        self.configure(move |config| config.keep_alive = Some(interval))
    }

    /// Whether the registrar is asked for addresses of this one user agent (RFC 5627). Default:
    /// over WebSocket.
    pub fn gruu(self, wanted: bool) -> Self {
        self.configure(move |config| config.gruu = Some(wanted))
    }

    /// How long an incoming call may ring before it is refused with 408. Default: one minute.
    pub fn no_answer_timeout(self, timeout: Duration) -> Self {
        self.configure(move |config| config.no_answer_timeout = timeout)
    }

    /// How long a call waits for its ICE candidates before it leaves with those it has. Default:
    /// half a second.
    pub fn gathering_timeout(self, timeout: Duration) -> Self {
        self.configure(move |config| config.gathering_timeout = timeout)
    }

    /// How long media may take to connect after a call is answered, before
    /// [`MediaEvent::Unconnected`](crate::MediaEvent::Unconnected) tells that it has not and ICE is
    /// restarted. Default: 30 seconds.
    pub fn media_timeout(self, timeout: Duration) -> Self {
        self.configure(move |config| config.media_timeout = timeout)
    }

    /// Whether candidates that are gathered later follow by INFO (Trickle ICE, RFC 8840) where the
    /// peer takes part; any other never sees such an INFO. Default: yes.
    pub fn trickle_ice(self, trickle: bool) -> Self {
        self.configure(move |config| config.trickle_ice = trickle)
    }

    /// Whether sessions are kept alive by timers (RFC 4028). Default: yes.
    pub fn session_timers(self, timers: bool) -> Self {
        self.configure(move |config| config.session_timers = timers)
    }

    /// The session interval to ask for, in seconds, at least 90. Default: 90.
    pub fn session_expires(self, seconds: u32) -> Self {
        self.configure(move |config| config.session_expires = seconds)
    }

    /// How long a request waits for a lost connection to come back, and a call for media that
    /// found no way any more, before either is given up. Default: 32 seconds.
    pub fn recovery_timeout(self, timeout: Duration) -> Self {
        self.configure(move |config| config.recovery_timeout = timeout)
    }

    /// The shortest and the longest delay before a lost connection is made again. Default: 2 s
    /// and 30 s.
    pub fn reconnect_delay(self, min: Duration, max: Duration) -> Self {
        self.configure(move |config| (config.reconnect_min, config.reconnect_max) = (min, max))
    }

    /// An event package that others may subscribe to here (RFC 6665), as `presence`; each comes as a
    /// [`UserAgentEvent::Subscribe`](crate::UserAgentEvent::Subscribe). Default: none.
    ///
    /// ```no_run
    /// # async fn tell() -> Result<(), offhook::Error> {
    /// use offhook::{Body, GrantOptions, UserAgent, UserAgentEvent};
    ///
    /// let ua = UserAgent::builder("sip:bob@example.com").event_package("presence").start().await?;
    /// while let Some(event) = ua.next().await {
    ///     if let UserAgentEvent::Subscribe(incoming) = event {
    ///         let notifier = incoming.accept(GrantOptions {
    ///             body: Some(Body::from("at the desk")),
    ///             ..GrantOptions::default()
    ///         });
    ///         notifier.notify("at lunch")?;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn event_package(self, package: impl Into<String>) -> Self {
        let package = package.into();
        self.configure(|config| config.event_packages.push(package))
    }

    /// How many calls may live at once. Default: 10,000.
    pub fn max_sessions(self, sessions: usize) -> Self {
        self.configure(move |config| config.max_sessions = sessions)
    }

    /// How the peer connections are made: ICE servers, codecs, interfaces.
    pub fn media(mut self, media: MediaOptions) -> Self {
        self.media = media;
        self
    }

    /// Whether an incoming call rings (180) by itself, as soon as it is announced. Default: yes;
    /// otherwise it rings by [`Session::ring`](crate::Session::ring).
    pub fn ring(mut self, ring: bool) -> Self {
        self.ring = ring;
        self
    }

    /// Which questions the sessions shall ask. Default: none.
    pub fn asks(mut self, asks: Asks) -> Self {
        self.asks = asks;
        self
    }

    /// Whom to trust in TLS and WSS, and what to show. Default: whom the operating system trusts.
    pub fn tls(mut self, tls: TlsConfig) -> Self {
        self.tls = tls;
        self
    }

    /// Listens for others on this address, to be called without a server. Port 0 takes a free
    /// one: [`UserAgent::local_addresses`] tells which. Default: no listening.
    pub fn listen(mut self, transport: Transport, address: SocketAddr) -> Self {
        self.listen.push((transport, address));
        self
    }

    /// Shows every SIP message sent and received to `hook`, in order, from a task of its own.
    /// A hook that is thousands of messages behind misses some.
    pub fn on_message(mut self, hook: impl FnMut(WireMessage) + Send + 'static) -> Self {
        self.hook = Some(Box::new(hook));
        self
    }

    /// Starts the user agent and waits until the connection to its server stands.
    ///
    /// The registration goes on by itself: [`UserAgent::registered`] waits for it.
    ///
    /// # Errors
    ///
    /// What is wrong with a setting; [`Error::Listen`]; [`Error::Unreachable`] or
    /// [`Error::NotSip`] when the first connection fails. To have it try again instead, use
    /// [`UserAgentBuilder::start_disconnected`].
    pub async fn start(self) -> Result<UserAgent, Error> {
        let user_agent = self.start_disconnected().await?;
        user_agent.connected().await?;
        Ok(user_agent)
    }

    /// Starts the user agent without waiting for its server: it goes on trying, with growing
    /// delays, and its events tell how that goes.
    ///
    /// # Errors
    ///
    /// What is wrong with a setting, and [`Error::Listen`].
    pub async fn start_disconnected(mut self) -> Result<UserAgent, Error> {
        let config = self.config()?;
        let registers = config.register && !config.servers.is_empty();
        let address = config.address.as_str().to_owned();
        let mut endpoint = EndpointConfig::default();
        endpoint.limits = config.limits.clone();
        endpoint.tls = self.tls;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| Error::Randomness(error.to_string()))?;
        let connects = !config.servers.is_empty();
        let agent = Agent::new(config, seed)?;

        // The first call shall not wait for the cryptography to start.
        tokio::task::spawn_blocking(offhook_media::warm_up);
        let (endpoint, incoming) = Endpoint::new(endpoint);
        let mut addresses = Vec::new();
        for (transport, address) in self.listen {
            let bound = endpoint
                .listen(transport, address)
                .await
                .map_err(Error::Listen)?;
            addresses.push((transport, bound));
        }
        let settings = Settings {
            address,
            media: self.media,
            asks: self.asks,
            ring: self.ring,
            connects,
            registers,
        };
        let driver = Driver::spawn(agent, endpoint, incoming, settings, Tracer::new(self.hook));
        driver.act(|state, now| state.agent.start(now));
        Ok(UserAgent::new(driver, addresses))
    }

    fn config(&mut self) -> Result<Config, Error> {
        let mut config = Config::new(sip_uri(&self.address)?);
        config.secret = self.secret.take();
        config.register = self.register;
        config.registrar = self.registrar.as_deref().map(sip_uri).transpose()?;
        config.contact = self.contact.as_deref().map(sip_uri).transpose()?;
        for server in &self.servers {
            config.servers.push(Destination::from_url(server)?);
        }
        for change in self.more.drain(..) {
            change(&mut config);
        }
        config.validate()?;
        Ok(config)
    }
}

/// Reads a `sip:` or `sips:` URI.
fn sip_uri(text: &str) -> Result<Uri<'static>, Error> {
    let uri = Uri::parse(text.trim()).map_err(|error| Error::invalid_address(text, error))?;
    if !uri.is_sip() {
        return Err(Error::invalid_address(
            text,
            "it does not begin with sip: or sips:",
        ));
    }
    Ok(uri.into_owned())
}

/// Shows no secret.
impl std::fmt::Debug for UserAgentBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserAgentBuilder")
            .field("address", &self.address)
            .field("servers", &self.servers)
            .finish_non_exhaustive()
    }
}
