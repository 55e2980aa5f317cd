//! Two agents joined in memory: what one sends the other receives at once.

use std::net::SocketAddr;

use bytes::Bytes;
use offhook_core::{
    Agent, Config, ConnectionState, FlowId, Input, Instant, Invitation, MediaReport, MediaRequest,
    Output, Question, Reply, SessionId, TerminateOptions, Transport,
};
use offhook_sip::Uri;

/// What a peer connection says: a WebRTC description as large as a browser's.
const SDP: &str = include_str!("../../messages/webrtc.sdp");

struct Side {
    agent: Agent,
    address: SocketAddr,
    flow: FlowId,
    session: Option<SessionId>,
}

/// Two agents and the time between them.
pub struct Wire {
    pub now: Instant,
    sides: [Side; 2],
    flights: Vec<(usize, Bytes)>,
    /// How many messages went over it.
    pub messages: usize,
}

impl Wire {
    pub fn new() -> Self {
        let side = |name: &str, address: &str, flow: u64| {
            let uri = Uri::parse(&format!("sip:{name}@example.com"))
                .expect("a URI")
                .into_owned();
            let mut config = Config::new(uri);
            config.register = false;
            // Refreshes of the calls that stand beside are not the call that is measured.
            config.session_timers = false;
            config.max_sessions = 100_000;
            Side {
                agent: Agent::new(config, [flow as u8; 32]).expect("a good configuration"),
                address: address.parse().expect("an address"),
                flow: FlowId(flow),
                session: None,
            }
        };
        Self {
            now: Instant::ZERO,
            sides: [
                side("alice", "192.0.2.1:5060", 1),
                side("bob", "192.0.2.2:5060", 1 << 63),
            ],
            flights: Vec::new(),
            messages: 0,
        }
    }

    /// Alice calls bob, who answers at once; returns alice's session.
    pub fn call(&mut self) -> SessionId {
        let call = self.sides[0]
            .agent
            .call(
                self.now,
                "sip:bob@192.0.2.2:5060;transport=tcp",
                Default::default(),
            )
            .expect("a call");
        self.settle();
        call
    }

    /// Alice hangs up.
    pub fn hang_up(&mut self, call: SessionId) {
        self.sides[0]
            .agent
            .session(call)
            .expect("a live call")
            .terminate(self.now, TerminateOptions::default())
            .expect("it can be hung up");
        self.settle();
    }

    /// Time goes by, and the timers that are due do their work.
    pub fn pass(&mut self, micros: u64) {
        self.now = Instant::from_micros(self.now.as_micros() + micros);
        for side in &mut self.sides {
            side.agent.handle(self.now, Input::Tick);
        }
        self.settle();
    }

    /// Live sessions on both sides.
    pub fn sessions(&self) -> usize {
        self.sides
            .iter()
            .map(|side| side.agent.live().sessions)
            .sum()
    }

    fn settle(&mut self) {
        loop {
            self.drain(0);
            self.drain(1);
            if self.flights.is_empty() {
                return;
            }
            for (to, bytes) in std::mem::take(&mut self.flights) {
                self.messages += 1;
                let side = &mut self.sides[to];
                side.agent.handle(
                    self.now,
                    Input::Received {
                        flow: side.flow,
                        bytes,
                    },
                );
            }
        }
    }

    fn drain(&mut self, at: usize) {
        let now = self.now;
        let (local, remote) = (self.sides[at].address, self.sides[1 - at].address);
        while let Some(output) = self.sides[at].agent.poll() {
            let side = &mut self.sides[at];
            match output {
                Output::Send { bytes, .. } => self.flights.push((1 - at, bytes)),
                Output::Open { flow, .. } => {
                    let transport = Transport::Tcp;
                    side.flow = flow;
                    side.agent.handle(
                        now,
                        Input::FlowOpened {
                            flow,
                            transport,
                            local,
                            remote,
                        },
                    );
                    let peer = &mut self.sides[1 - at];
                    let flow = peer.flow;
                    let (local, remote) = (remote, local);
                    peer.agent.handle(
                        now,
                        Input::FlowOpened {
                            flow,
                            transport,
                            local,
                            remote,
                        },
                    );
                }
                Output::Media { session, request } => {
                    let report = match request {
                        MediaRequest::Open => MediaReport::Opened,
                        MediaRequest::Capture { .. } => MediaReport::Captured,
                        MediaRequest::CreateOffer { .. } | MediaRequest::CreateAnswer => {
                            MediaReport::Created {
                                sdp: SDP.to_owned(),
                            }
                        }
                        MediaRequest::SetLocal { .. } => MediaReport::LocalSet { gathered: true },
                        MediaRequest::SetRemote { .. } => MediaReport::RemoteSet,
                        MediaRequest::DescribeLocal => MediaReport::LocalDescription {
                            sdp: SDP.to_owned(),
                        },
                        _ => continue,
                    };
                    // Media connects as soon as both descriptions are there.
                    let connects = matches!(
                        report,
                        MediaReport::LocalSet { .. } | MediaReport::RemoteSet
                    );
                    side.agent.media(now, session, report);
                    if connects {
                        let connected = MediaReport::Connection(ConnectionState::Connected);
                        side.agent.media(now, session, connected);
                    }
                }
                Output::Ask {
                    ask,
                    session,
                    question,
                } => {
                    let incoming =
                        matches!(question, Question::NewSession(Invitation::Incoming(_)));
                    side.agent.reply(now, ask, Reply::Proceed);
                    if let Some(session) = session.filter(|_| incoming) {
                        side.session = Some(session);
                        side.agent
                            .session(session)
                            .expect("a new session")
                            .answer(now, Default::default())
                            .expect("it can be answered");
                    }
                }
                _ => {}
            }
        }
    }
}
