//! Between the agent and its sockets.

use std::net::SocketAddr;
use std::sync::Arc;

use offhook_core::{FlowId, Input, Transport, stun};
use offhook_net::{LostReason, NetError, NetEvent};

use super::Driver;
use crate::error::Error;
use crate::trace::WireDirection;

impl Driver {
    pub(super) fn network(self: &Arc<Self>, event: NetEvent) {
        self.act(|state, now| {
            let input = match event {
                NetEvent::Opened {
                    flow,
                    transport,
                    local,
                    remote,
                }
                | NetEvent::Accepted {
                    flow,
                    transport,
                    local,
                    remote,
                } => {
                    state.peers.insert(flow, (transport, remote));
                    Input::FlowOpened {
                        flow,
                        transport,
                        local,
                        remote,
                    }
                }
                NetEvent::Failed { flow, error } => {
                    let reason = error.to_string();
                    state.net_error = Some(Error::of_net(error));
                    Input::FlowLost { flow, reason }
                }
                NetEvent::Received { flow, bytes } => {
                    let peer = state.peers.get(&flow).copied();
                    state
                        .tracer
                        .message(WireDirection::Received, flow, peer, &bytes);
                    if let (Some(peer), Some(what)) = (peer, foreign(flow, &bytes)) {
                        state.net_error = Some(no_sip_server(peer, what));
                    }
                    Input::Received { flow, bytes }
                }
                NetEvent::Lost { flow, reason } => {
                    let peer = state.peers.remove(&flow);
                    if let (Some(peer), LostReason::Garbage(what)) = (peer, &reason) {
                        state.net_error = Some(no_sip_server(peer, what.clone()));
                    }
                    Input::FlowLost {
                        flow,
                        reason: reason.to_string(),
                    }
                }
                NetEvent::Pong { flow } => Input::Pong { flow },
                _ => return,
            };
            state.agent.handle(now, input);
        });
    }
}

fn no_sip_server(peer: (Transport, SocketAddr), reason: String) -> Error {
    Error::NotSip(NetError::NotSip {
        destination: peer.1.to_string(),
        kind: peer.0.as_str(),
        reason,
    })
}

/// What a server says whose first line is none of SIP's; a web server answers like that.
fn foreign(flow: FlowId, bytes: &[u8]) -> Option<String> {
    if stun::is_stun(bytes) {
        return None;
    }
    let opened_here = flow.0 < offhook_net::FIRST_ACCEPTED_FLOW;
    let line = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    let sip = line
        .windows(4)
        .any(|word| word.eq_ignore_ascii_case(b"SIP/"));
    let shown = &line[..line.len().min(60)];
    (opened_here && !sip && !line.is_empty())
        .then(|| format!("it said {:?}", String::from_utf8_lossy(shown)))
}
