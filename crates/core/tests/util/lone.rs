//! One agent whose server is the test itself.

use std::time::Duration;

use bytes::Bytes;
use offhook_core::{
    Agent, AskId, Config, Destination, Event, FlowId, GrantOptions, Input, Instant, MediaReport,
    MediaRequest, Output, Question, Reply, SessionEvent, SessionId, Transport, auth::Secret, stun,
};
use offhook_sip::{Limits, Message, Method, OutgoingResponse, Request, Response, StatusCode, Uri};

use super::{OFFER, describe, notifying, outcome, subscribed, trio};

/// An agent and what it has said so far.
pub(crate) struct Lone {
    pub(crate) now: Instant,
    pub(crate) agent: Agent,
    pub(crate) flow: Option<FlowId>,
    /// Requests that the test has not taken yet.
    pub(crate) requests: Vec<Request>,
    pub(crate) responses: Vec<Response>,
    pub(crate) events: Vec<String>,
    pub(crate) asked: Vec<(AskId, Option<SessionId>, Question)>,
    pub(crate) media: Vec<MediaRequest>,
    pub(crate) session: Option<SessionId>,
    /// Whether a flow that the agent asks for is opened at once.
    pub(crate) reachable: bool,
    /// Whether the application takes transfers and replacements.
    pub(crate) accepts: bool,
    /// Questions that the test answers itself.
    pub(crate) asks: Option<fn(&Question) -> bool>,
    /// Our address on the next flow.
    pub(crate) local: &'static str,
    /// The CSeq number of the last request of the peer.
    pub(crate) sequence: u32,
    /// The transport of the next flow.
    pub(crate) transport: Transport,
    /// The flow of each ping.
    pub(crate) pings: Vec<FlowId>,
    /// The STUN messages that the test has not taken yet.
    pub(crate) probes: Vec<Bytes>,
    /// The flow of each message sent.
    pub(crate) sent_on: Vec<FlowId>,
    /// How often it was told that a new offer may be made.
    pub(crate) ready: usize,
    /// What the peer connection describes.
    pub(crate) sdp: String,
    /// Whether media connects once an answer is set.
    pub(crate) connects: bool,
    /// Whether it has every candidate at once.
    pub(crate) gathered: bool,
}

impl Lone {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(
            Uri::parse("sip:alice@example.com")
                .expect("a URI")
                .into_owned(),
        );
        config
            .servers
            .push(Destination::from_url("ws://127.0.0.1:8080").expect("a server"));
        config.secret = Some(Secret::Password("secret".to_owned()));
        change(&mut config);
        let agent = Agent::new(config, [9; 32]).expect("a good configuration");
        Self {
            now: Instant::ZERO,
            agent,
            flow: None,
            requests: Vec::new(),
            responses: Vec::new(),
            events: Vec::new(),
            asked: Vec::new(),
            media: Vec::new(),
            session: None,
            reachable: true,
            accepts: false,
            asks: None,
            local: "127.0.0.1:40000",
            sequence: 0,
            transport: Transport::Ws,
            pings: Vec::new(),
            probes: Vec::new(),
            sent_on: Vec::new(),
            ready: 0,
            sdp: OFFER.to_owned(),
            connects: true,
            gathered: true,
        }
    }

    pub(crate) fn started() -> Self {
        let mut lone = Self::new();
        lone.start();
        lone
    }

    pub(crate) fn start(&mut self) {
        self.agent.start(self.now);
        self.drain();
    }

    /// A started agent that does not register.
    pub(crate) fn unregistered() -> Self {
        let mut lone = Self::with(|config| config.register = false);
        lone.start();
        lone
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.agent.poll() {
            match output {
                Output::Ping { flow } => self.pings.push(flow),
                Output::Send { bytes, .. } if stun::is_stun(&bytes) => self.probes.push(bytes),
                Output::Send { bytes, flow } => {
                    self.sent_on.push(flow);
                    match Message::parse(bytes, &Limits::default())
                        .expect("agents write what parses")
                    {
                        Message::Request(request) => self.requests.push(request),
                        Message::Response(response) => self.responses.push(response),
                    }
                }
                Output::Open { flow, .. } if self.reachable => self.open(flow),
                Output::Open { flow, .. } => {
                    let reason = "connection refused".to_owned();
                    self.agent
                        .handle(self.now, Input::FlowLost { flow, reason });
                }
                Output::Media { session, request } => self.carry_out(session, request),
                Output::Event(event) => self.told(event),
                Output::Ask {
                    ask,
                    session,
                    question,
                } => {
                    self.session = session.or(self.session);
                    let transfer =
                        matches!(question, Question::Refer { .. } | Question::Replaces { .. });
                    let mine = self.asks.is_some_and(|mine| mine(&question));
                    self.asked.push((ask, session, question));
                    if mine {
                        continue;
                    }
                    let subscription =
                        matches!(self.asked.last(), Some((_, _, Question::Subscribe { .. })));
                    if subscription && self.accepts {
                        let options = GrantOptions::default();
                        self.agent.reply(self.now, ask, Reply::Grant { options });
                        continue;
                    }
                    let reply = match transfer && self.accepts {
                        true => Reply::accept(),
                        false => Reply::Proceed,
                    };
                    self.agent.reply(self.now, ask, reply);
                }
                _ => {}
            }
        }
    }

    fn open(&mut self, flow: FlowId) {
        self.flow = Some(flow);
        let address = |text: &str| text.parse().expect("an address");
        self.agent.handle(
            self.now,
            Input::FlowOpened {
                flow,
                transport: self.transport,
                local: address(self.local),
                remote: address("127.0.0.1:8080"),
            },
        );
    }

    pub(crate) fn lose_flow(&mut self) {
        let flow = self.flow.take().expect("an open flow");
        self.agent.handle(
            self.now,
            Input::FlowLost {
                flow,
                reason: "reset by peer".to_owned(),
            },
        );
        self.drain();
    }

    fn carry_out(&mut self, session: SessionId, request: MediaRequest) {
        self.media.push(request.clone());
        let connects = self.connects && super::answers(&request);
        let report = match request {
            MediaRequest::Open => MediaReport::Opened,
            MediaRequest::Capture { .. } => MediaReport::Captured,
            MediaRequest::CreateOffer { .. } | MediaRequest::CreateAnswer => MediaReport::Created {
                sdp: self.sdp.clone(),
            },
            MediaRequest::SetLocal { .. } => MediaReport::LocalSet {
                gathered: self.gathered,
            },
            MediaRequest::SetRemote { .. } => MediaReport::RemoteSet,
            MediaRequest::DescribeLocal => MediaReport::LocalDescription {
                sdp: self.sdp.clone(),
            },
            _ => return,
        };
        self.agent.media(self.now, session, report);
        if connects {
            self.agent.media(self.now, session, super::CONNECTED);
        }
    }

    fn told(&mut self, event: Event) {
        let name = match event {
            Event::Connecting { attempt } => format!("connecting({attempt})"),
            Event::Connected => "connected".to_owned(),
            Event::Disconnected { .. } => "disconnected".to_owned(),
            Event::Registered { expires, .. } => format!("registered({})", expires.as_secs()),
            Event::Unregistered { cause, .. } => {
                format!(
                    "unregistered({})",
                    cause.map_or("asked", |cause| cause.as_str())
                )
            }
            Event::RegistrationFailed { cause, .. } => format!("registrationFailed({cause})"),
            Event::Session {
                event: SessionEvent::ReadyToReoffer,
                ..
            } => {
                self.ready += 1;
                return;
            }
            Event::Session { event, .. } => match event {
                SessionEvent::Progress {
                    response: Some(response),
                    ..
                } => {
                    format!("progress({})", response.status().code())
                }
                other => describe(&other),
            },
            Event::Refer { state, .. } => trio::tell(&state),
            Event::RequestOver { result, .. } => outcome(&result),
            Event::Subscriber { event, .. } => subscribed(&event),
            Event::Notifier { event, .. } => notifying(&event),
            Event::Referred { .. } => "referred".to_owned(),
            Event::SessionClosed { .. } => "closed".to_owned(),
            Event::UnsolicitedNotify { event, .. } => format!("sipEvent({event})"),
            Event::Stopped => "stopped".to_owned(),
            _ => return,
        };
        self.events.push(name);
    }

    /// The events since the last look.
    pub(crate) fn news(&mut self) -> String {
        std::mem::take(&mut self.events).join(" ")
    }

    /// The one request the agent has sent since the last look.
    pub(crate) fn request(&mut self, method: Method<'_>) -> Request {
        let lines: Vec<&str> = self
            .requests
            .iter()
            .map(|request| request.uri_text())
            .collect();
        assert_eq!(lines.len(), 1, "one request, not {lines:?}");
        let request = self.requests.remove(0);
        assert_eq!(request.method(), method);
        request
    }

    /// The one response the agent has sent since the last look.
    pub(crate) fn response(&mut self) -> Response {
        let codes: Vec<u16> = self
            .responses
            .iter()
            .map(|response| response.status().code())
            .collect();
        assert_eq!(codes.len(), 1, "one response, not {codes:?}");
        self.responses.remove(0)
    }

    /// Lets the server answer a request.
    pub(crate) fn answer(
        &mut self,
        request: &Request,
        status: StatusCode,
        headers: &[(&str, &str)],
    ) {
        let mut response = OutgoingResponse::to_request(request, status);
        for (name, value) in headers {
            response.headers_mut().push(*name, value).expect("a header");
        }
        self.give(response);
    }

    /// Lets the server answer the INVITE of a callee's fork, with a description unless `sdp` is
    /// empty.
    pub(crate) fn answer_from(
        &mut self,
        request: &Request,
        status: StatusCode,
        tag: &str,
        sdp: &str,
    ) {
        let mut response = OutgoingResponse::to_request(request, status);
        response.set_to_tag(tag).expect("a tag");
        let contact = format!("<sip:{tag}@198.51.100.7;transport=ws>");
        response
            .headers_mut()
            .push("Contact", contact)
            .expect("a header");
        if !sdp.is_empty() {
            response.set_body("application/sdp", sdp).expect("a body");
        }
        self.give(response);
    }

    pub(crate) fn give(&mut self, response: OutgoingResponse) {
        self.receive(response.write().expect("a response"));
    }

    pub(crate) fn receive(&mut self, bytes: impl Into<Bytes>) {
        let flow = self.flow.expect("an open flow");
        self.agent.handle(
            self.now,
            Input::Received {
                flow,
                bytes: bytes.into(),
            },
        );
        self.drain();
    }

    /// The test answers the oldest question that it has not answered.
    pub(crate) fn reply(&mut self, reply: Reply) {
        let (ask, ..) = self.asked.remove(0);
        self.agent.reply(self.now, ask, reply);
        self.drain();
    }

    /// Lets the server or a peer send a request, with these header lines and body.
    pub(crate) fn ask(&mut self, line: &str, headers: &[(&str, &str)], body: &str) {
        let method = line.split(' ').next().unwrap_or_default();
        let mut text = format!("{line} SIP/2.0\r\n");
        let given = |name: &str| {
            headers
                .iter()
                .any(|(own, _)| own.eq_ignore_ascii_case(name))
        };
        self.sequence += 1;
        let number = self.sequence;
        for (name, value) in [
            (
                "Via",
                format!("SIP/2.0/WS server.invalid;branch=z9hG4bK{number}"),
            ),
            ("Max-Forwards", "70".to_owned()),
            ("From", "<sip:bob@example.com>;tag=bob".to_owned()),
            ("To", "<sip:alice@example.com>".to_owned()),
            ("Call-ID", "their-call".to_owned()),
            ("CSeq", format!("{number} {method}")),
        ] {
            if !given(name) {
                text += &format!("{name}: {value}\r\n");
            }
        }
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
        self.receive(text);
    }

    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(due) = self.agent.next_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.agent.handle(self.now, Input::Tick);
            self.drain();
        }
        self.now = end;
    }

    /// Lets time go by until the agent sends something, for `limit` at most.
    pub(crate) fn run_until_sent(&mut self, limit: Duration) {
        let end = self.now + limit;
        while self.requests.is_empty()
            && let Some(due) = self.agent.next_timeout().filter(|due| *due <= end)
        {
            self.run(due - self.now);
        }
    }

    pub(crate) fn call(&mut self) -> SessionId {
        let id = self
            .agent
            .call(self.now, "bob", Default::default())
            .expect("a call");
        self.drain();
        id
    }

    /// Nothing but the flow is left, half an hour later; the registration aside.
    pub(crate) fn assert_clean(&mut self) {
        self.run(Duration::from_secs(64));
        let live = self.agent.live();
        let left = live.sessions
            + live.dialogs
            + live.client_transactions
            + live.server_transactions
            + live.asks
            + live.subscriptions;
        assert_eq!(left, 0, "{live:?}");
    }
}
