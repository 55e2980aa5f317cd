//! What the agent does to keep its flows alive, and about those that are dead.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use offhook_sip::{HeaderName, Method, NameAddr, OutgoingRequest, WriteError};

use super::Agent;
use crate::context::{Context, Owner, Pending, Timer};
use crate::event::Output;
use crate::flow::FlowId;
use crate::headers;
use crate::keep_alive::{Answered, Due, PONG};
use crate::session::Answer;
use crate::stun;

/// A ping and a pong, where the transport has no framing of its own for them (RFC 5626 section
/// 3.5.1, RFC 7118 section 6).
const PONG_BYTES: &[u8] = b"\r\n";

impl Agent {
    /// A flow that this side opened stands.
    pub(super) fn keep_alive(&mut self, flow: FlowId) {
        let (Some(interval), Some((transport, _)), Some(destination)) = (
            self.cx.config.keep_alive,
            self.cx.connection.peer(flow),
            self.cx.connection.destination(flow),
        ) else {
            return;
        };
        let by_options = self.cx.config.keep_alive_by_options && self.cx.connection.is_server(flow);
        let destination = destination.clone();
        self.cx
            .keep_alives
            .begin(flow, transport, destination, interval, by_options);
        self.cx.rest(flow, interval);
    }

    pub(super) fn keep_alive_due(&mut self, flow: FlowId) {
        let transaction = self.cx.random.bytes();
        let Some(due) = self.cx.keep_alives.due(flow, transaction) else {
            return;
        };
        let sent = match due {
            Due::Ping => {
                self.cx.outputs.push_back(Output::Ping { flow });
                true
            }
            Due::Probe(transaction) => {
                self.cx.send(flow, stun::binding_request(transaction));
                true
            }
            Due::Ask => self.ask_for_options(flow),
            Due::Dead => false,
        };
        if !sent {
            let reason = match due {
                Due::Dead => {
                    format!("the server has not answered keep-alives for {PONG:?} or more")
                }
                _ => "a keep-alive could not be sent".to_owned(),
            };
            return self.flow_failed(flow, reason);
        }
        match self.cx.keep_alives.wait(flow) {
            Some(wait) => self.cx.set_timer(Timer::KeepAlive(flow), wait),
            None => self.cx.rest_again(flow),
        }
    }

    fn ask_for_options(&mut self, flow: FlowId) -> bool {
        let request = options(&mut self.cx);
        request.is_ok_and(|request| {
            let pending = Pending {
                owner: Owner::KeepAlive(flow),
                request,
                attempt: Default::default(),
            };
            self.cx.send_on(flow, pending).is_ok()
        })
    }

    /// The OPTIONS of a keep-alive was answered, or never will be.
    pub(super) fn keep_alive_answered(&mut self, flow: FlowId, answer: &Answer) {
        match answer {
            Answer::Response(_) => {
                let answered = self.cx.keep_alives.option_answered(flow);
                self.flow_answered(flow, answered);
            }
            Answer::Timeout => {
                self.flow_failed(flow, "the server does not answer OPTIONS".to_owned());
            }
            // The flow was lost with it.
            Answer::Unsent => {}
        }
    }

    pub(super) fn ponged(&mut self, flow: FlowId) {
        let answered = self.cx.keep_alives.pong(flow);
        self.flow_answered(flow, answered);
    }

    /// Takes what is no SIP message but a keep-alive or the answer to one; says whether it was.
    pub(super) fn keep_alive_received(&mut self, flow: FlowId, bytes: &[u8]) -> bool {
        if stun::is_stun(bytes) {
            if let Some(success) = stun::success(bytes) {
                let answered = self
                    .cx
                    .keep_alives
                    .bound(flow, success.transaction, success.mapped);
                self.flow_answered(flow, answered);
            }
            return true;
        }
        if bytes.len() > 4 || !bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            return false;
        }
        let reliable = self
            .cx
            .connection
            .peer(flow)
            .is_some_and(|(transport, _)| transport.is_reliable());
        match bytes {
            b"\r\n" => self.ponged(flow),
            b"\r\n\r\n" if reliable => self.cx.send(flow, Bytes::from_static(PONG_BYTES)),
            _ => {}
        }
        true
    }

    fn flow_answered(&mut self, flow: FlowId, answered: Answered) {
        match answered {
            Answered::Alive => self.cx.rest_again(flow),
            Answered::Moved { from, to } => {
                self.flow_failed(flow, moved(from, to));
            }
            Answered::Stray => {}
        }
    }

    /// A flow is dead, though its transport has not noticed.
    pub(super) fn flow_failed(&mut self, flow: FlowId, reason: String) {
        self.cx.outputs.push_back(Output::Close { flow });
        self.flow_lost(flow, reason);
    }
}

fn moved(from: SocketAddr, to: SocketAddr) -> String {
    format!("the network has given the flow another address: {to} instead of {from}")
}

impl Context {
    /// The flow's next keep-alive is due after the interval, less a random part, so that not all
    /// clients of a server send theirs at one instant (RFC 5626 section 4.4).
    pub(crate) fn rest(&mut self, flow: FlowId, interval: Duration) {
        let wait = self.random.most_of(interval);
        self.set_timer(Timer::KeepAlive(flow), wait);
    }

    fn rest_again(&mut self, flow: FlowId) {
        if let Some(interval) = self.keep_alives.interval(flow) {
            self.rest(flow, interval);
        }
    }
}

/// An OPTIONS to the server, whose answer only shows that there is one.
fn options(cx: &mut Context) -> Result<OutgoingRequest, WriteError> {
    let registrar = cx.config.registrar();
    let address = NameAddr::new(cx.config.address.clone());
    let mut request = OutgoingRequest::new(Method::Options, &registrar);
    let (tag, call_id, sequence) = (cx.random.tag(), cx.random.token(24), cx.random.sequence());
    let headers = request.headers_mut();
    headers.push(HeaderName::MaxForwards, headers::MAX_FORWARDS)?;
    headers.push(HeaderName::To, format_args!("<{registrar}>"))?;
    headers.push(HeaderName::From, address.with_tag(&tag))?;
    headers.push(HeaderName::CallId, call_id)?;
    headers.push(HeaderName::CSeq, format_args!("{sequence} OPTIONS"))?;
    headers.push(HeaderName::UserAgent, &cx.config.user_agent)?;
    Ok(request)
}
