//! Three agents on one virtual wire and clock, for stories of transfers.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use offhook_core::{
    Agent, AskId, Config, Destination, Event, FlowId, Input, Instant, Invitation, MediaReport,
    MediaRequest, Output, Question, ReferOptions, ReferState, Reply, SessionId, TerminateOptions,
    Transport,
};
use offhook_sip::{Limits, Message, Request, Uri};

use super::{OFFER, describe};

pub(crate) const ALICE: usize = 0;
pub(crate) const BOB: usize = 1;
pub(crate) const CAROL: usize = 2;
pub(crate) const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// What an application says to a question; nothing, if the test answers itself.
pub(crate) type Decide = fn(&Question) -> Option<Reply>;

/// One agent and its application.
pub(crate) struct Phone {
    pub(crate) agent: Agent,
    /// Whether it answers a call as soon as it is told of it.
    pub(crate) answers: bool,
    pub(crate) decide: Decide,
    /// The questions that were left to the test.
    pub(crate) asked: Vec<(AskId, Option<SessionId>, Question)>,
    /// The sessions, in the order in which they came up.
    pub(crate) sessions: Vec<SessionId>,
    stories: BTreeMap<SessionId, Vec<String>>,
    /// Everything that was told about any session, in order.
    pub(crate) log: Vec<String>,
    address: SocketAddr,
}

/// What happens to a message on the wire.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    Arrive,
    Lose,
    Double,
    Late(Duration),
}

pub(crate) type Judge = Box<dyn FnMut(usize, &Message) -> Fate>;

/// Three phones and the wire.
pub(crate) struct Trio {
    pub(crate) now: Instant,
    pub(crate) phones: [Phone; 3],
    pub(crate) judge: Judge,
    /// Every request sent, with its sender.
    pub(crate) requests: Vec<(usize, Request)>,
    pub(crate) ladder: Vec<String>,
    transport: Transport,
    flights: Vec<(Instant, usize, FlowId, Bytes)>,
    /// Where a flow leads: to whom, and what it is called there.
    flows: HashMap<(usize, FlowId), (usize, FlowId)>,
    accepted: u64,
}

const LATENCY: Duration = Duration::from_millis(10);

impl Trio {
    pub(crate) fn new(transport: Transport) -> Self {
        Self {
            now: Instant::ZERO,
            phones: [0, 1, 2].map(Phone::new),
            judge: Box::new(|_, _| Fate::Arrive),
            requests: Vec::new(),
            ladder: Vec::new(),
            transport,
            flights: Vec::new(),
            flows: HashMap::new(),
            accepted: 1 << 63,
        }
    }

    /// The address of a phone.
    pub(crate) fn uri(&self, who: usize) -> String {
        let transport = match self.transport {
            Transport::Udp => "",
            _ => ";transport=tcp",
        };
        format!("sip:{}@192.0.2.{}:5060{transport}", NAMES[who], who + 1)
    }

    /// `from` calls `to`, who answers: the sessions of both.
    pub(crate) fn call(&mut self, from: usize, to: usize) -> (SessionId, SessionId) {
        let target = self.uri(to);
        let before = std::mem::replace(&mut self.phones[to].answers, true);
        let now = self.now;
        let phone = &mut self.phones[from];
        let caller = phone
            .agent
            .call(now, &target, Default::default())
            .expect("a call");
        self.run(Duration::from_secs(1));
        self.phones[to].answers = before;
        let callee = *self.phones[to].sessions.last().expect("a session");
        assert!(self.is_established(from, caller), "{self}");
        assert!(self.is_established(to, callee), "{self}");
        (caller, callee)
    }

    pub(crate) fn is_established(&self, who: usize, session: SessionId) -> bool {
        let info = self.phones[who].agent.session_info(session);
        info.is_some_and(|info| info.is_established())
    }

    /// `who` asks the peer of a session to call `target`.
    pub(crate) fn refer(
        &mut self,
        who: usize,
        session: SessionId,
        target: usize,
        options: ReferOptions,
    ) -> u32 {
        let (now, target) = (self.now, self.uri(target));
        let mut session = self.phones[who].agent.session(session).expect("a session");
        session.refer(now, &target, options).expect("a REFER")
    }

    pub(crate) fn hang_up(&mut self, who: usize, session: SessionId) {
        let now = self.now;
        let mut session = self.phones[who].agent.session(session).expect("a session");
        session
            .terminate(now, TerminateOptions::default())
            .expect("a session that can end");
    }

    /// What was told about a session.
    pub(crate) fn story(&self, who: usize, session: SessionId) -> String {
        let story = self.phones[who].stories.get(&session);
        story.map(|story| story.join(" ")).unwrap_or_default()
    }

    /// What was told about the REFERs of a session.
    pub(crate) fn refers(&self, who: usize, session: SessionId) -> String {
        let story = self.phones[who].stories.get(&session);
        let refers = story.iter().flat_map(|story| story.iter());
        refers
            .filter(|event| event.starts_with("refer:"))
            .map(|event| event.trim_start_matches("refer:").to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The session that came up last.
    pub(crate) fn last_session(&self, who: usize) -> SessionId {
        *self.phones[who].sessions.last().expect("a session")
    }

    /// The requests of `who` with this method.
    pub(crate) fn sent(&self, who: usize, method: &str) -> Vec<&Request> {
        self.requests
            .iter()
            .filter(|(from, request)| *from == who && request.method().as_str() == method)
            .map(|(_, request)| request)
            .collect()
    }

    /// The application of `who` answers the question it was asked last.
    pub(crate) fn reply(&mut self, who: usize, reply: Reply) {
        let now = self.now;
        let (ask, ..) = self.phones[who].asked.pop().expect("a question");
        self.phones[who].agent.reply(now, ask, reply);
        self.drain(who);
    }

    /// Lets time go by.
    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            for who in 0..3 {
                self.drain(who);
            }
            let flight = self.flights.iter().map(|(at, ..)| *at);
            let timeouts = self
                .phones
                .iter()
                .filter_map(|phone| phone.agent.next_timeout());
            let Some(due) = flight.chain(timeouts).min().filter(|due| *due <= end) else {
                break;
            };
            self.now = self.now.max(due);
            let now = self.now;
            while let Some(at) = self.flights.iter().position(|(at, ..)| *at <= now) {
                let (_, to, flow, bytes) = self.flights.remove(at);
                let input = Input::Received { flow, bytes };
                self.phones[to].agent.handle(now, input);
                self.drain(to);
            }
            for phone in &mut self.phones {
                if phone.agent.next_timeout().is_some_and(|due| due <= now) {
                    phone.agent.handle(now, Input::Tick);
                }
            }
        }
        self.now = end;
    }

    fn drain(&mut self, who: usize) {
        let now = self.now;
        while let Some(output) = self.phones[who].agent.poll() {
            match output {
                Output::Send { flow, bytes } => self.send(who, flow, bytes),
                Output::Open { flow, destination } => self.open(who, flow, &destination),
                Output::Media { session, request } => {
                    let connects = super::answers(&request);
                    if let Some(report) = report(&request) {
                        self.phones[who].agent.media(now, session, report);
                    }
                    if connects {
                        let agent = &mut self.phones[who].agent;
                        agent.media(now, session, super::CONNECTED);
                    }
                }
                Output::Event(event) => self.phones[who].hear(event),
                Output::Ask {
                    ask,
                    session,
                    question,
                } => self.phones[who].consider(now, ask, session, question),
                _ => {}
            }
        }
    }

    fn open(&mut self, who: usize, flow: FlowId, destination: &Destination) {
        let (now, transport) = (self.now, self.transport);
        let local = self.phones[who].address;
        let peer = self
            .phones
            .iter()
            .position(|phone| phone.address.ip().to_string() == destination.host);
        let Some(peer) = peer else {
            let reason = format!("no route to {}", destination.host);
            let input = Input::FlowLost { flow, reason };
            return self.phones[who].agent.handle(now, input);
        };
        let remote = self.phones[peer].address;
        let there = FlowId(self.accepted);
        self.accepted += 1;
        self.flows.insert((who, flow), (peer, there));
        self.flows.insert((peer, there), (who, flow));
        let opened = |flow, local, remote| Input::FlowOpened {
            flow,
            transport,
            local,
            remote,
        };
        let theirs = opened(there, remote, local);
        self.phones[peer].agent.handle(now, theirs);
        self.phones[who]
            .agent
            .handle(now, opened(flow, local, remote));
    }

    fn send(&mut self, from: usize, flow: FlowId, bytes: Bytes) {
        let message =
            Message::parse(bytes.clone(), &Limits::default()).expect("agents write what parses");
        let fate = (self.judge)(from, &message);
        let line = String::from_utf8_lossy(&bytes);
        let line = line.lines().next().unwrap_or_default();
        let (to, there) = self.flows[&(from, flow)];
        self.ladder.push(format!(
            "{} {} > {}: {line} {fate:?}",
            self.now, NAMES[from], NAMES[to]
        ));
        if let Message::Request(request) = message {
            self.requests.push((from, request));
        }
        let (copies, delay) = match fate {
            Fate::Arrive => (1, LATENCY),
            Fate::Lose => (0, LATENCY),
            Fate::Double => (2, LATENCY),
            Fate::Late(delay) => (1, delay),
        };
        for _ in 0..copies {
            self.flights
                .push((self.now + delay, to, there, bytes.clone()));
        }
    }

    /// Everybody hangs up, and nothing but flows is left anywhere.
    pub(crate) fn finish(mut self) {
        for who in 0..3 {
            for session in self.phones[who].sessions.clone() {
                let now = self.now;
                if let Ok(mut session) = self.phones[who].agent.session(session) {
                    // Those that have ended already need no end.
                    let _ = session.terminate(now, TerminateOptions::default());
                }
            }
        }
        self.run(Duration::from_secs(700));
        for (who, phone) in self.phones.iter().enumerate() {
            let live = phone.agent.live();
            let left = live.sessions
                + live.dialogs
                + live.client_transactions
                + live.server_transactions
                + live.timers
                + live.asks
                + live.subscriptions;
            assert_eq!(left, 0, "{} keeps {live:?}\n{self}", NAMES[who]);
            for (session, story) in &phone.stories {
                let ends = story
                    .iter()
                    .filter(|event| event.starts_with("ended") || event.starts_with("failed"));
                assert_eq!(ends.count(), 1, "{session}: {story:?}\n{self}");
                assert_eq!(story.last().map(String::as_str), Some("closed"), "{self}");
            }
        }
    }
}

impl std::fmt::Display for Trio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.ladder.join("\n"))?;
        for (who, phone) in self.phones.iter().enumerate() {
            for (session, story) in &phone.stories {
                writeln!(f, "{} {session}: {}", NAMES[who], story.join(" "))?;
            }
        }
        Ok(())
    }
}

impl Phone {
    fn new(who: usize) -> Self {
        let uri = format!("sip:{}@example.com", NAMES[who]);
        let mut config = Config::new(Uri::parse(&uri).expect("a URI").into_owned());
        config.register = false;
        config.session_timers = false;
        let seed = u8::try_from(who + 1).expect("a small number");
        Self {
            agent: Agent::new(config, [seed; 32]).expect("a good configuration"),
            answers: false,
            decide: |_| Some(Reply::Proceed),
            asked: Vec::new(),
            sessions: Vec::new(),
            stories: BTreeMap::new(),
            log: Vec::new(),
            address: SocketAddr::from(([192, 0, 2, seed], 5060)),
        }
    }

    fn note(&mut self, session: SessionId, what: String) {
        self.log.push(what.clone());
        self.stories.entry(session).or_default().push(what);
    }

    fn consider(
        &mut self,
        now: Instant,
        ask: AskId,
        session: Option<SessionId>,
        question: Question,
    ) {
        let new = matches!(question, Question::NewSession(_));
        if new {
            self.sessions.extend(session);
        }
        if let Some(session) = session
            && (matches!(question, Question::Refer { .. } | Question::Replaces { .. }) || new)
        {
            self.note(session, question.name().to_owned());
        }
        let answer =
            self.answers && matches!(question, Question::NewSession(Invitation::Incoming(_)));
        match (self.decide)(&question) {
            Some(reply) => self.agent.reply(now, ask, reply),
            None => self.asked.push((ask, session, question)),
        }
        if let Some(session) = session.filter(|_| answer) {
            let mut session = self.agent.session(session).expect("a new session");
            session.answer(now, Default::default()).expect("an answer");
        }
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Session { session, event } => self.note(session, describe(&event)),
            Event::Refer {
                session,
                refer,
                state,
            } => self.note(session, format!("refer:{refer}:{}", tell(&state))),
            Event::Referred { session, .. } => self.note(session, "referred".to_owned()),
            Event::SessionClosed { session } => self.note(session, "closed".to_owned()),
            _ => {}
        }
    }
}

/// A state of a REFER by its name, with what tells it apart.
pub(crate) fn tell(state: &ReferState) -> String {
    let name = state.name();
    match state {
        ReferState::RequestSucceeded { .. } => name.to_owned(),
        ReferState::RequestFailed { cause, .. } => format!("{name}({cause})"),
        ReferState::Trying { status_line, .. }
        | ReferState::Progress { status_line, .. }
        | ReferState::Accepted { status_line, .. }
        | ReferState::Failed { status_line, .. } => {
            format!("{name}({})", status_line.status.code())
        }
        ReferState::Terminated { reason } => {
            format!("{name}({})", reason.as_deref().unwrap_or_default())
        }
        _ => name.to_owned(),
    }
}

/// What a peer connection reports that does everything at once.
fn report(request: &MediaRequest) -> Option<MediaReport> {
    let sdp = OFFER.to_owned();
    Some(match request {
        MediaRequest::Open => MediaReport::Opened,
        MediaRequest::Capture { .. } => MediaReport::Captured,
        MediaRequest::CreateOffer { .. } | MediaRequest::CreateAnswer => {
            MediaReport::Created { sdp }
        }
        MediaRequest::SetLocal { .. } => MediaReport::LocalSet { gathered: true },
        MediaRequest::SetRemote { .. } => MediaReport::RemoteSet,
        MediaRequest::DescribeLocal => MediaReport::LocalDescription { sdp },
        _ => return None,
    })
}
