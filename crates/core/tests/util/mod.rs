//! Two agents on a virtual wire and clock, with peer connections that do as they are told.

#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod lone;
pub(crate) mod trio;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use offhook_core::{
    Agent, AskId, CallOptions, Config, ConnectionState, Destination, Event, FlowId, Input, Instant,
    Invitation, MediaReport, MediaRequest, NotifierEvent, OnHold, Output, Question, Reply,
    RequestFailure, SdpKind, SessionEvent, SessionId, SubscriberEvent, SubscriptionEnd,
    SubscriptionId, Transport,
};
use offhook_sip::{Limits, Message, Response, Uri};

pub(crate) const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n\
    m=audio 9000 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 192.0.2.1\r\na=sendrecv\r\n";

/// What a peer connection reports whose media may flow.
pub(crate) const CONNECTED: MediaReport = MediaReport::Connection(ConnectionState::Connected);

/// Whether an answer is set with this: an exchange of descriptions is over, and media connects.
pub(crate) fn answers(request: &MediaRequest) -> bool {
    matches!(
        request,
        MediaRequest::SetLocal {
            kind: SdpKind::Answer,
            ..
        } | MediaRequest::SetRemote {
            kind: SdpKind::Answer,
            ..
        }
    )
}

/// What the application of a side does by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Manner {
    /// Lets it ring.
    Ring,
    /// Answers as soon as it rings.
    Answer,
}

/// One agent with its application, its peer connections, and its end of the wire.
pub(crate) struct Side {
    pub(crate) name: &'static str,
    pub(crate) agent: Agent,
    pub(crate) manner: Manner,
    /// The session last seen.
    pub(crate) session: Option<SessionId>,
    /// Every event of every session, by name, with what tells it apart.
    pub(crate) events: Vec<String>,
    /// The first line of every message sent.
    pub(crate) sent: Vec<String>,
    /// Media requests that are not carried out (and so never reported).
    pub(crate) deaf_to: Option<fn(&MediaRequest) -> bool>,
    pub(crate) media: Vec<MediaRequest>,
    pub(crate) questions: Vec<(AskId, Question)>,
    /// The subscription that was last asked for here.
    pub(crate) subscription: Option<SubscriptionId>,
    /// Questions that the test answers itself.
    pub(crate) asks: Option<fn(&Question) -> bool>,
    /// Whether its descriptions carry video, too.
    pub(crate) video: bool,
    address: SocketAddr,
    /// How often it was told that a new offer may be made.
    pub(crate) ready: usize,
    /// What its peer connection says of ICE, in each section.
    pub(crate) ice: &'static str,
    /// Whether it has every candidate at once.
    pub(crate) gathered: bool,
    held: OnHold,
    local: String,
    remote: String,
}

impl Side {
    fn new(name: &'static str, address: &str, seed: u8, change: fn(&mut Config)) -> Self {
        let address: SocketAddr = address.parse().expect("an address");
        let uri = Uri::parse(&format!("sip:{name}@example.com"))
            .expect("a URI")
            .into_owned();
        let mut config = Config::new(uri);
        config.register = false;
        change(&mut config);
        let agent = Agent::new(config, [seed; 32]).expect("a good configuration");
        Self {
            name,
            agent,
            manner: Manner::Ring,
            session: None,
            events: Vec::new(),
            sent: Vec::new(),
            deaf_to: None,
            media: Vec::new(),
            questions: Vec::new(),
            subscription: None,
            asks: None,
            video: false,
            address,
            ready: 0,
            ice: "",
            gathered: true,
            held: OnHold::default(),
            local: String::new(),
            remote: String::new(),
        }
    }

    /// What a peer connection offers or answers: the direction follows the hold, and in an answer
    /// what the peer sends and takes.
    fn describe(&mut self, offer: bool) -> MediaReport {
        let says = |direction: &str| self.remote.contains(direction);
        let (takes, sends) = if offer {
            (true, true)
        } else {
            (
                !says("a=sendonly") && !says("a=inactive"),
                !says("a=recvonly") && !says("a=inactive"),
            )
        };
        let direction = match (takes && !self.held.remote, sends && !self.held.local) {
            (true, true) => "sendrecv",
            (true, false) => "sendonly",
            (false, true) => "recvonly",
            (false, false) => "inactive",
        };
        self.local = OFFER.replace("sendrecv", direction) + self.ice;
        if self.video {
            self.local += &format!("m=video 9002 UDP/TLS/RTP/SAVPF 96\r\na={direction}\r\n");
            self.local += self.ice;
        }
        MediaReport::Created {
            sdp: self.local.clone(),
        }
    }

    /// The events, joined.
    pub(crate) fn story(&self) -> String {
        self.events.join(" ")
    }

    /// How many messages with this first word were sent.
    pub(crate) fn sent_count(&self, start: &str) -> usize {
        self.sent
            .iter()
            .filter(|line| line.starts_with(start))
            .count()
    }
}

struct Flight {
    at: Instant,
    to: usize,
    bytes: Bytes,
}

/// What happens to a message on the wire.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    Arrive,
    Lose,
    Double,
}

/// Decides what happens to a message: the sender's name, the message.
pub(crate) type Judge = Box<dyn FnMut(&str, &Message) -> Fate>;

/// Two sides with a wire between them.
pub(crate) struct Pair {
    pub(crate) now: Instant,
    pub(crate) alice: Side,
    pub(crate) bob: Side,
    pub(crate) transport: Transport,
    flights: VecDeque<Flight>,
    /// Decides each message's fate: sender's name, the message.
    pub(crate) fate: Judge,
    /// Held back until released: messages for which this says so.
    pub(crate) hold: Option<fn(&Message) -> bool>,
    held: Vec<(usize, Bytes)>,
    pub(crate) ladder: Vec<String>,
    /// Every message that was sent, with its sender's name.
    pub(crate) wire: Vec<(&'static str, Message)>,
}

/// The one flow each side has.
pub(crate) const FLOW: FlowId = FlowId(1);
const LATENCY: Duration = Duration::from_millis(10);

impl Pair {
    pub(crate) fn new(transport: Transport) -> Self {
        Self::with(transport, |_| {})
    }

    /// Both sides are configured like this.
    pub(crate) fn with(transport: Transport, change: fn(&mut Config)) -> Self {
        Self {
            now: Instant::ZERO,
            alice: Side::new("alice", "192.0.2.1:5060", 1, change),
            bob: Side::new("bob", "192.0.2.2:5060", 2, change),
            transport,
            flights: VecDeque::new(),
            fate: Box::new(|_, _| Fate::Arrive),
            hold: None,
            held: Vec::new(),
            ladder: Vec::new(),
            wire: Vec::new(),
        }
    }

    pub(crate) fn udp() -> Self {
        Self::new(Transport::Udp)
    }

    pub(crate) fn tcp() -> Self {
        Self::new(Transport::Tcp)
    }

    fn sides(&mut self) -> [&mut Side; 2] {
        [&mut self.alice, &mut self.bob]
    }

    /// Alice calls bob.
    pub(crate) fn call(&mut self) -> SessionId {
        self.call_with(CallOptions::default())
    }

    pub(crate) fn call_with(&mut self, options: CallOptions) -> SessionId {
        let target = match self.transport {
            Transport::Udp => "sip:bob@192.0.2.2:5060",
            _ => "sip:bob@192.0.2.2:5060;transport=tcp",
        };
        let id = self
            .alice
            .agent
            .call(self.now, target, options)
            .expect("a call");
        self.alice.session = Some(id);
        self.drive();
        id
    }

    /// A call that bob has answered.
    pub(crate) fn established(transport: Transport) -> Self {
        Self::new(transport).called()
    }

    /// Alice calls bob, who answers.
    pub(crate) fn called(mut self) -> Self {
        let pair = &mut self;
        pair.bob.manner = Manner::Answer;
        pair.call();
        pair.run(Duration::from_secs(1));
        assert!(
            pair.alice.story().ends_with("confirmed(local)"),
            "{}",
            pair.alice.story()
        );
        assert!(
            pair.bob.story().ends_with("confirmed(remote)"),
            "{}",
            pair.bob.story()
        );
        self
    }

    /// Carries out what the agents want now.
    pub(crate) fn drive(&mut self) {
        for at in 0..2 {
            self.drain(at);
        }
    }

    fn drain(&mut self, at: usize) {
        let (now, transport) = (self.now, self.transport);
        let other = self.sides()[1 - at].address;
        loop {
            let side = &mut self.sides()[at];
            let Some(output) = side.agent.poll() else {
                break;
            };
            match output {
                Output::Send { bytes, .. } => self.send(at, bytes),
                Output::Open { flow, destination } => {
                    let Destination { host, .. } = &destination;
                    let local = side.address;
                    let input = if *host == other.ip().to_string() {
                        Input::FlowOpened {
                            flow,
                            transport,
                            local,
                            remote: other,
                        }
                    } else {
                        Input::FlowLost {
                            flow,
                            reason: format!("no route to {host}"),
                        }
                    };
                    side.agent.handle(now, input);
                    // The other side learns of the flow as a listener does.
                    let remote = local;
                    let peer = &mut self.sides()[1 - at];
                    let local = peer.address;
                    let accepted = FlowId(1 << 63);
                    peer.agent.handle(
                        now,
                        Input::FlowOpened {
                            flow: accepted,
                            transport,
                            local,
                            remote,
                        },
                    );
                }
                Output::Close { .. } => {}
                Output::Media { session, request } => self.media(at, session, request),
                Output::Event(event) => self.event(at, event),
                Output::Ask {
                    ask,
                    session,
                    question,
                } => self.ask(at, ask, session, question),
                _ => {}
            }
        }
    }

    fn ask(&mut self, at: usize, ask: AskId, session: Option<SessionId>, question: Question) {
        let now = self.now;
        let side = &mut self.sides()[at];
        side.session = session.or(side.session);
        let name = question.name();
        if !matches!(question, Question::IceCandidate { .. }) {
            side.events.push(name.to_owned());
        }
        if side.asks.is_some_and(|mine| mine(&question)) {
            if let Question::Subscribe { subscription, .. } = &question {
                side.subscription = Some(*subscription);
            }
            side.questions.push((ask, question));
            return;
        }
        let answer = side.manner == Manner::Answer
            && matches!(&question, Question::NewSession(Invitation::Incoming(_)));
        side.agent.reply(now, ask, Reply::Proceed);
        if let Some(session) = session.filter(|_| answer) {
            let mut session = side.agent.session(session).expect("a new session");
            session.answer(now, Default::default()).expect("an answer");
        }
    }

    fn event(&mut self, at: usize, event: Event) {
        let now = self.now;
        let side = &mut self.sides()[at];
        let name = match event {
            Event::Session { session, event } => {
                side.session = Some(session);
                if matches!(event, SessionEvent::ReadyToReoffer) {
                    side.ready += 1;
                    return;
                }
                describe(&event)
            }
            Event::SessionClosed { .. } => "closed".to_owned(),
            Event::Stopped => "stopped".to_owned(),
            Event::Registered { .. } => "registered".to_owned(),
            Event::RequestOver { result, .. } => outcome(&result),
            Event::Subscriber { event, .. } => subscribed(&event),
            Event::Notifier { event, .. } => notifying(&event),
            _ => return,
        };
        side.events.push(name);
        let _ = now;
    }

    fn media(&mut self, at: usize, session: SessionId, request: MediaRequest) {
        let now = self.now;
        let side = &mut self.sides()[at];
        side.media.push(request.clone());
        if side.deaf_to.is_some_and(|deaf| deaf(&request)) {
            return;
        }
        let connects = answers(&request);
        let report = match request {
            MediaRequest::Open => MediaReport::Opened,
            MediaRequest::Capture { .. } => MediaReport::Captured,
            MediaRequest::CreateOffer { .. } => side.describe(true),
            MediaRequest::CreateAnswer => side.describe(false),
            MediaRequest::SetLocal { .. } => MediaReport::LocalSet {
                gathered: side.gathered,
            },
            MediaRequest::SetRemote { sdp, .. } => {
                side.remote = sdp;
                MediaReport::RemoteSet
            }
            MediaRequest::DescribeLocal => MediaReport::LocalDescription {
                sdp: side.local.clone(),
            },
            MediaRequest::SetHold { local, remote } => {
                side.held = OnHold { local, remote };
                return;
            }
            _ => return,
        };
        side.agent.media(now, session, report);
        if connects {
            side.agent.media(now, session, CONNECTED);
        }
    }

    fn send(&mut self, from: usize, bytes: Bytes) {
        let message =
            Message::parse(bytes.clone(), &Limits::default()).expect("agents write what parses");
        let first = String::from_utf8_lossy(&bytes)
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        let name = self.sides()[from].name;
        let fate = (self.fate)(name, &message);
        self.ladder
            .push(format!("{} {name}: {first} {fate:?}", self.now));
        self.sides()[from].sent.push(first);
        self.wire.push((name, message.clone()));
        if self.hold.is_some_and(|hold| hold(&message)) {
            self.held.push((1 - from, bytes));
            return;
        }
        let copies = match fate {
            Fate::Arrive => 1,
            Fate::Lose => 0,
            Fate::Double => 2,
        };
        for _ in 0..copies {
            self.flights.push_back(Flight {
                at: self.now + LATENCY,
                to: 1 - from,
                bytes: bytes.clone(),
            });
        }
    }

    /// Lets the messages go on that were held back.
    pub(crate) fn release(&mut self) {
        self.hold = None;
        for (to, bytes) in std::mem::take(&mut self.held) {
            self.flights.push_back(Flight {
                at: self.now + LATENCY,
                to,
                bytes,
            });
        }
    }

    /// Lets time go by.
    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            self.drive();
            let due = [
                self.flights.front().map(|flight| flight.at),
                self.alice.agent.next_timeout(),
                self.bob.agent.next_timeout(),
            ]
            .into_iter()
            .flatten()
            .min();
            let Some(due) = due.filter(|due| *due <= end) else {
                break;
            };
            self.now = self.now.max(due);
            let now = self.now;
            while self.flights.front().is_some_and(|flight| flight.at <= now) {
                if let Some(flight) = self.flights.pop_front() {
                    let flow = self.flow_of(flight.to);
                    let side = &mut self.sides()[flight.to];
                    side.agent.handle(
                        now,
                        Input::Received {
                            flow,
                            bytes: flight.bytes,
                        },
                    );
                    self.drain(flight.to);
                }
            }
            for side in self.sides() {
                if side.agent.next_timeout().is_some_and(|due| due <= now) {
                    side.agent.handle(now, Input::Tick);
                }
            }
        }
        self.now = end;
        self.drive();
    }

    fn flow_of(&self, side: usize) -> FlowId {
        // Alice called: she opened the flow, bob accepted it.
        if side == 0 { FLOW } else { FlowId(1 << 63) }
    }

    /// Until nothing moves any more, at most five minutes.
    pub(crate) fn run_out(&mut self) {
        self.run(Duration::from_secs(300));
    }

    pub(crate) fn alice_session(&mut self) -> offhook_core::SessionMut<'_> {
        let id = self.alice.session.expect("a session");
        self.alice.agent.session(id).expect("a live session")
    }

    pub(crate) fn bob_session(&mut self) -> offhook_core::SessionMut<'_> {
        let id = self.bob.session.expect("a session");
        self.bob.agent.session(id).expect("a live session")
    }

    /// Nothing but flows is left anywhere.
    pub(crate) fn assert_clean(&self) {
        for side in [&self.alice, &self.bob] {
            let live = side.agent.live();
            let left = live.sessions
                + live.dialogs
                + live.client_transactions
                + live.server_transactions
                + live.timers
                + live.asks
                + live.subscriptions;
            assert_eq!(
                left,
                0,
                "{} keeps {live:?}\n{}",
                side.name,
                self.ladder.join("\n")
            );
        }
    }
}

/// What became of a request that stands alone.
pub(crate) fn outcome(result: &Result<Response, RequestFailure>) -> String {
    match result {
        Ok(response) => format!("succeeded({})", response.status().code()),
        Err(failure) => format!("failed({failure})"),
    }
}

/// What happened to a subscription of ours.
pub(crate) fn subscribed(event: &SubscriberEvent) -> String {
    let name = event.name();
    match event {
        SubscriberEvent::Notify { last, body, .. } => {
            let body = body.as_ref().map(|body| &body.content[..]).unwrap_or(b"-");
            let last = if *last { ", last" } else { "" };
            format!("{name}({}{last})", String::from_utf8_lossy(body))
        }
        SubscriberEvent::Resubscribing { reason, after } => {
            let reason = reason.as_deref().unwrap_or("-");
            format!("{name}({reason}, {})", after.as_secs())
        }
        SubscriberEvent::Terminated { end } => format!("{name}({})", ending(end)),
        _ => name.to_owned(),
    }
}

/// What happened to a peer's subscription.
pub(crate) fn notifying(event: &NotifierEvent) -> String {
    match event {
        NotifierEvent::Refreshed { expires, .. } => format!("refreshed({})", expires.as_secs()),
        NotifierEvent::Unsubscribed { .. } => "unsubscribed".to_owned(),
        NotifierEvent::Terminated { end } => format!("over({})", ending(end)),
        other => other.name().to_owned(),
    }
}

fn ending(end: &SubscriptionEnd) -> String {
    match end {
        SubscriptionEnd::Notified { reason, .. } => {
            format!("notified {}", reason.as_deref().unwrap_or("-"))
        }
        SubscriptionEnd::Refused { response } => format!("refused {}", response.status()),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn describe(event: &SessionEvent) -> String {
    let name = event.name();
    match event {
        SessionEvent::Progress { originator, .. }
        | SessionEvent::Accepted { originator, .. }
        | SessionEvent::Confirmed { originator, .. } => format!("{name}({originator})"),
        SessionEvent::Ended(end) | SessionEvent::Failed(end) => {
            format!("{name}({}, {})", end.originator, end.cause)
        }
        SessionEvent::NewDtmf {
            originator, tone, ..
        } => format!("{name}({originator}, {tone})"),
        SessionEvent::NewInfo {
            originator,
            content_type,
            ..
        } => {
            format!("{name}({originator}, {content_type})")
        }
        SessionEvent::Muted { audio, video } | SessionEvent::Unmuted { audio, video } => {
            format!("{name}({audio}, {video})")
        }
        SessionEvent::Hold { originator } | SessionEvent::Unhold { originator } => {
            format!("{name}({originator})")
        }
        SessionEvent::Renegotiated { result, .. } => match result {
            Ok(()) => name.to_owned(),
            Err(error) => format!("{name}({})", error.cause),
        },
        SessionEvent::DtmfDelivered { tone, response } => {
            let status = response.as_ref().map(|response| response.status().code());
            format!("{name}({tone}, {status:?})")
        }
        _ => name.to_owned(),
    }
}
