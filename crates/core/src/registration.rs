//! Registration (RFC 3261 section 10, RFC 5626 section 4.2): keeps the address bound to this
//! user agent.

use std::time::Duration;

use offhook_sip::{
    Contacts, Expires, FlowTimer, HeaderName, Method, MinExpires, NameAddr, OutgoingRequest,
    Response, RetryAfter, StatusCode, WriteError,
};

use crate::ask::{AskId, Question, Reply};
use crate::cause::Cause;
use crate::connection::Way;
use crate::context::{Context, Owner, Pending, Timer};
use crate::event::Event;
use crate::flow::Transport;
use crate::gruu::Gruus;
use crate::headers;
use crate::session::Answer;
use crate::time::Instant;

/// The shortest lifetime that is kept up; a registrar that grants less is asked this often.
const SHORTEST: Duration = Duration::from_secs(10);

/// How long a registrar in trouble is left alone, unless it says otherwise.
const RETRY: Duration = Duration::from_secs(30);

/// Where the registration stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Not registered, and nothing under way.
    Unregistered,
    /// A first REGISTER is under way.
    Registering,
    /// Registered, as far as the registrar has said until this time.
    Registered { until: Instant, renewal: Renewal },
    /// Registered, and being refreshed.
    Refreshing,
    /// The binding is being removed.
    Unregistering,
}

/// What is to become of a binding before it ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Renewal {
    /// Its time has not come.
    Planned,
    /// The application is asked.
    Asked(AskId),
    /// The application sees to it.
    Left,
}

/// The registration of a user agent's address.
#[derive(Debug)]
pub(crate) struct Registration {
    state: State,
    call_id: String,
    tag: String,
    sequence: u32,
    expires: Duration,
    instance_id: String,
    /// Whether the binding is to a flow (RFC 5626); not where the first hop cannot do that.
    outbound: bool,
    /// Whether another registration or removal is wanted once the present request is answered.
    next: Option<Wish>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wish {
    Register,
    Unregister { all: bool },
}

impl Registration {
    pub(crate) fn new(cx: &mut Context) -> Self {
        Self {
            state: State::Unregistered,
            call_id: cx.random.token(24),
            tag: cx.random.tag(),
            sequence: cx.random.sequence(),
            expires: cx.config.register_expires,
            instance_id: cx
                .config
                .instance_id
                .clone()
                .unwrap_or_else(|| cx.random.uuid()),
            outbound: true,
            next: None,
        }
    }

    pub(crate) fn is_registered(&self) -> bool {
        matches!(self.state, State::Registered { .. } | State::Refreshing)
    }

    /// Whether the application is asked about the refresh.
    pub(crate) fn is_asking(&self) -> bool {
        matches!(
            self.state,
            State::Registered {
                renewal: Renewal::Asked(_),
                ..
            }
        )
    }

    /// Whether nothing is under way and no binding is held.
    pub(crate) fn is_idle(&self) -> bool {
        self.state == State::Unregistered
    }

    /// Binds the address to this user agent, or binds it anew.
    pub(crate) fn register(&mut self, cx: &mut Context) {
        match self.state {
            State::Unregistered => self.send(cx, Wish::Register, State::Registering),
            State::Registered { .. } => self.send(cx, Wish::Register, State::Refreshing),
            State::Unregistering => self.next = Some(Wish::Register),
            // A removal that was to follow is not wanted any more.
            State::Registering | State::Refreshing => self.next = None,
        }
    }

    /// The registration is due for a refresh or another try.
    pub(crate) fn due(&mut self, cx: &mut Context) {
        let State::Registered { until, renewal } = self.state else {
            return self.register(cx);
        };
        match renewal {
            Renewal::Planned => {
                let left = until - cx.now;
                let ask = cx.question(None, Question::RegistrationExpiring { left });
                self.state = State::Registered {
                    until,
                    renewal: Renewal::Asked(ask),
                };
                cx.set_timer(Timer::Registration, left / 2);
            }
            // Silence is no wish to lose the binding.
            Renewal::Asked(_) => self.register(cx),
            Renewal::Left => self.lose(cx, Cause::Expires),
        }
    }

    /// The application's word on the refresh. Gives back what is no answer to that.
    pub(crate) fn replied(&mut self, cx: &mut Context, ask: AskId, reply: Reply) -> Option<Reply> {
        match self.state {
            State::Registered {
                until,
                renewal: Renewal::Asked(asked),
            } if asked == ask => {
                if matches!(reply, Reply::Reject { .. }) {
                    self.state = State::Registered {
                        until,
                        renewal: Renewal::Left,
                    };
                    cx.timers.set(Timer::Registration, until);
                } else {
                    self.register(cx);
                }
                None
            }
            _ => Some(reply),
        }
    }

    /// Removes this user agent's binding, or all of the address.
    pub(crate) fn unregister(&mut self, cx: &mut Context, all: bool) {
        cx.timers.cancel(&Timer::Registration);
        match self.state {
            State::Unregistered if all => {
                self.send(cx, Wish::Unregister { all }, State::Unregistering)
            }
            State::Unregistered | State::Unregistering => {}
            State::Registered { .. } => {
                self.send(cx, Wish::Unregister { all }, State::Unregistering)
            }
            State::Registering | State::Refreshing => self.next = Some(Wish::Unregister { all }),
        }
    }

    fn send(&mut self, cx: &mut Context, wish: Wish, state: State) {
        cx.timers.cancel(&Timer::Registration);
        self.state = state;
        let request = self.request(cx, wish);
        let sent = request.is_ok_and(|request| cx.submit(Owner::Registration, request).is_ok());
        if !sent {
            self.failed(cx, None, Cause::ConnectionError);
        }
    }

    fn request(&mut self, cx: &mut Context, wish: Wish) -> Result<OutgoingRequest, WriteError> {
        let registrar = cx.config.registrar();
        let way = cx.first_way(&registrar);
        let contact = match way {
            Way::Open(flow) | Way::Opening(flow) => cx.connection.contact(flow),
            Way::None => String::new(),
        };
        let gruu = cx.config.gruu.unwrap_or_else(|| match way {
            Way::Open(flow) => cx
                .connection
                .peer(flow)
                .is_some_and(|(transport, _)| matches!(transport, Transport::Ws | Transport::Wss)),
            Way::Opening(_) | Way::None => false,
        });
        let address = NameAddr::new(cx.config.address.clone());
        let from = match &cx.config.display_name {
            Some(name) => address.clone().with_display_name(name.to_owned()),
            None => address.clone(),
        };
        let tag = format!("{}{}", self.tag, cx.config.register_from_tag_trail);
        self.sequence += 1;
        let mut request = OutgoingRequest::new(Method::Register, &registrar);
        let headers = request.headers_mut();
        headers.push(HeaderName::MaxForwards, headers::MAX_FORWARDS)?;
        headers.push(HeaderName::To, &address)?;
        headers.push(HeaderName::From, from.with_tag(&tag))?;
        headers.push(HeaderName::CallId, &self.call_id)?;
        headers.push(HeaderName::CSeq, format_args!("{} REGISTER", self.sequence))?;
        headers::put_extra(headers, &cx.config.register_extra_headers)?;
        let instance = &self.instance_id;
        let expires = match wish {
            Wish::Register => self.expires.as_secs(),
            Wish::Unregister { .. } => 0,
        };
        let chosen = wish == Wish::Register && expires == 0;
        if !chosen {
            headers.push(HeaderName::Expires, expires)?;
        }
        if wish == (Wish::Unregister { all: true }) {
            headers.push(HeaderName::Contact, "*")?;
        } else {
            let reg_id = if self.outbound { ";reg-id=1" } else { "" };
            let mut binding =
                format!("<{contact}>;+sip.ice{reg_id};+sip.instance=\"<urn:uuid:{instance}>\"");
            if !chosen {
                binding.push_str(";expires=");
                binding.push_str(&expires.to_string());
            }
            for (name, value) in &cx.config.register_contact_params {
                binding.push(';');
                binding.push_str(name);
                if let Some(value) = value {
                    binding.push('=');
                    binding.push_str(value);
                }
            }
            headers.push(HeaderName::Contact, binding)?;
        }
        for (name, value) in &cx.config.extra_headers {
            headers.push(name.as_str(), value)?;
        }
        headers.push(HeaderName::Allow, headers::ALLOW)?;
        let outbound = if self.outbound { ", outbound" } else { "" };
        let gruu = if gruu { ", gruu" } else { "" };
        headers.push(HeaderName::Supported, format_args!("path{gruu}{outbound}"))?;
        headers.push(HeaderName::UserAgent, &cx.config.user_agent)?;
        Ok(request)
    }

    /// The challenged request goes out again with credentials; says whether it did.
    pub(crate) fn retry(&mut self, cx: &mut Context, mut pending: Pending) -> bool {
        self.sequence += 1;
        let numbered = pending
            .request
            .headers_mut()
            .set(HeaderName::CSeq, format_args!("{} REGISTER", self.sequence));
        numbered.is_ok() && cx.resubmit(pending).is_ok()
    }

    /// The REGISTER was answered, or never will be.
    pub(crate) fn answered(&mut self, cx: &mut Context, answer: Answer) {
        match answer {
            Answer::Response(response) => self.responded(cx, response),
            Answer::Timeout => self.failed(cx, None, Cause::RequestTimeout),
            Answer::Unsent => self.failed(cx, None, Cause::ConnectionError),
        }
    }

    fn responded(&mut self, cx: &mut Context, response: Response) {
        let status = response.status();
        if status.is_provisional() {
            return;
        }
        match self.state {
            State::Unregistering => {
                self.state = State::Unregistered;
                cx.gruus = Gruus::default();
                let cause = (!status.is_success()).then(|| Cause::of_status(status));
                cx.event(Event::Unregistered {
                    response: Some(response),
                    cause,
                });
                self.go_on(cx);
            }
            State::Registering | State::Refreshing if status.is_success() => {
                self.registered(cx, response);
                self.go_on(cx);
            }
            State::Registering | State::Refreshing if status == StatusCode::INTERVAL_TOO_BRIEF => {
                match response.typed::<MinExpires>().ok().flatten() {
                    Some(least) if Duration::from_secs(least.0.into()) > self.expires => {
                        self.expires = Duration::from_secs(least.0.into());
                        let state = self.state;
                        self.send(cx, Wish::Register, state);
                    }
                    _ => self.failed(cx, Some(response), Cause::SipFailureCode),
                }
            }
            State::Registering | State::Refreshing
                if status == StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT && self.outbound =>
            {
                // RFC 5626 section 4.2.1: the same again, without what the first hop cannot do.
                self.outbound = false;
                let state = self.state;
                self.send(cx, Wish::Register, state);
            }
            State::Registering | State::Refreshing => {
                let cause = Cause::of_status(status);
                self.failed(cx, Some(response), cause);
            }
            State::Unregistered | State::Registered { .. } => {}
        }
    }

    fn registered(&mut self, cx: &mut Context, response: Response) {
        let Some(granted) = self.granted(cx, &response) else {
            // The 200 does not list our binding: it does not stand (RFC 3261 section 10.2.4).
            return self.failed(cx, Some(response), Cause::InternalError);
        };
        self.heed_outbound(cx, &response);
        let first = self.state == State::Registering;
        let granted = granted.max(SHORTEST);
        self.state = State::Registered {
            until: cx.now + granted,
            renewal: Renewal::Planned,
        };
        let refresh = cx.random.renewal(granted);
        cx.set_timer(Timer::Registration, refresh);
        if first {
            cx.event(Event::Registered {
                expires: granted,
                response,
            });
        }
    }

    /// Whether the server takes part in RFC 5626, and how often it wants a sign of life.
    fn heed_outbound(&self, cx: &mut Context, response: &Response) {
        let flow_timer = response
            .typed::<FlowTimer>()
            .ok()
            .flatten()
            .map(|timer| Duration::from_secs(timer.0.into()));
        let taken = response
            .values(HeaderName::Require)
            .any(|tag| tag.eq_ignore_ascii_case("outbound"));
        let registrar = cx.config.registrar();
        if let (true, Way::Open(flow)) = (taken || flow_timer.is_some(), cx.first_way(&registrar))
            && let Some(interval) = cx.keep_alives.promised(flow, flow_timer)
        {
            cx.rest(flow, interval);
        }
    }

    /// Our binding among those that a response lists.
    fn ours<'a>(&self, cx: &Context, contacts: &'a [NameAddr<'a>]) -> Option<&'a NameAddr<'a>> {
        let instance = format!("urn:uuid:{}", self.instance_id);
        let user = cx.connection.contact_user();
        let named = |contact: &&NameAddr<'_>| {
            contact.param("+sip.instance").is_some_and(|value| {
                value
                    .trim_matches(['<', '>', '"'])
                    .eq_ignore_ascii_case(&instance)
            }) && contact.param("reg-id").is_none_or(|id| id == "1")
        };
        contacts.iter().find(named).or_else(|| {
            contacts
                .iter()
                .find(|contact| contact.uri.user() == Some(user))
        })
    }

    /// How long our binding stands, by the response that should list it, which may bring GRUUs.
    fn granted(&self, cx: &mut Context, response: &Response) -> Option<Duration> {
        let Ok(Contacts::List(contacts)) = response.contacts() else {
            return None;
        };
        let ours = self.ours(cx, &contacts)?;
        cx.gruus = Gruus::granted(ours);
        let own = ours
            .param("expires")
            .and_then(|value| value.parse::<u32>().ok());
        let general = || {
            response
                .typed::<Expires>()
                .ok()
                .flatten()
                .map(|expires| expires.0)
        };
        let seconds = own
            .or_else(general)
            .map_or(self.expires, |seconds| Duration::from_secs(seconds.into()));
        // A registrar that was left the choice has to say it (RFC 3261 section 10.3).
        (!seconds.is_zero()).then_some(seconds)
    }

    fn failed(&mut self, cx: &mut Context, response: Option<Response>, cause: Cause) {
        let was = std::mem::replace(&mut self.state, State::Unregistered);
        cx.timers.cancel(&Timer::Registration);
        if was == State::Unregistering {
            cx.event(Event::Unregistered {
                response,
                cause: Some(cause),
            });
            return self.go_on(cx);
        }
        let status = response.as_ref().map(|response| response.status().code());
        // The server is in trouble, not our request: it is tried again.
        let passing =
            cx.connection.is_up() && matches!(status, None | Some(408 | 430 | 480 | 500..=599));
        if passing {
            let told = response
                .as_ref()
                .and_then(|response| response.typed::<RetryAfter>().ok().flatten());
            let pause = match told {
                Some(after) => Duration::from_secs(u64::from(after.seconds)),
                None => cx.random.jitter(RETRY),
            };
            cx.set_timer(Timer::Registration, pause);
        }
        cx.event(Event::RegistrationFailed {
            response: response.clone(),
            cause,
        });
        if was == State::Refreshing {
            let cause = Some(cause);
            cx.event(Event::Unregistered { response, cause });
        }
        self.go_on(cx);
    }

    fn go_on(&mut self, cx: &mut Context) {
        match self.next.take() {
            Some(Wish::Register) => self.register(cx),
            Some(Wish::Unregister { all }) => self.unregister(cx, all),
            None => {}
        }
    }

    /// The flow the binding leads over is gone, and with it the binding.
    pub(crate) fn flow_lost(&mut self, cx: &mut Context) {
        self.next = None;
        self.lose(cx, Cause::ConnectionError);
    }

    /// The binding, if there is one, is gone.
    fn lose(&mut self, cx: &mut Context, cause: Cause) {
        cx.timers.cancel(&Timer::Registration);
        // Whoever waits for the answer to its removal is told, too.
        if self.is_registered() || self.state == State::Unregistering {
            cx.event(Event::Unregistered {
                response: None,
                cause: Some(cause),
            });
        }
        self.state = State::Unregistered;
    }
}
