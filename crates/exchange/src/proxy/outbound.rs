//! Connections that clients manage (RFC 5626): what a registration says of them, and keep-alives.

use std::time::Duration;

use offhook_core::{FlowId, Transport, stun};
use offhook_sip::{Contacts, HeaderName, Request};

use super::{Output, Proxy, Refusal};

/// How often a client shows that its flow lives, as it is told (RFC 5626 section 4.4).
#[derive(Copy, Clone, Debug)]
pub(crate) struct FlowTimers {
    /// On UDP: shorter than address translators keep a binding.
    datagram: Duration,
    connection: Duration,
}

impl Default for FlowTimers {
    fn default() -> FlowTimers {
        FlowTimers {
            datagram: Duration::from_secs(30),
            connection: Duration::from_secs(120),
        }
    }
}

impl FlowTimers {
    /// A client is to be heard from twice before its silence closes its connection.
    pub(crate) fn within(&mut self, idle: Duration) {
        let FlowTimers {
            datagram,
            connection,
        } = FlowTimers::default();
        self.datagram = datagram.min(idle / 2);
        self.connection = connection.min(idle / 2);
    }

    fn of(self, transport: Transport) -> Duration {
        match transport {
            Transport::Udp => self.datagram,
            _ => self.connection,
        }
    }
}

impl Proxy {
    /// Tells a client that registers a flow that it has been understood, and how often the flow
    /// is to show that it lives (RFC 5626 sections 6 and 4.4).
    pub(super) fn outbound_answer(
        &self,
        answer: Refusal,
        request: &Request,
        flow: FlowId,
    ) -> Refusal {
        let Some(entry) = self.flows.get(flow) else {
            return answer;
        };
        if !registers_flow(request) {
            return answer;
        }
        let seconds = self.settings.flow_timers.of(entry.transport).as_secs();
        answer
            .with_header(HeaderName::Require, "outbound".to_owned())
            .with_header(HeaderName::FlowTimer, seconds.max(1).to_string())
    }

    /// A STUN message came: a Binding request is answered where SIP comes by datagrams (RFC 5626
    /// section 8).
    pub(super) fn keep_alive(&mut self, flow: FlowId, bytes: &[u8]) {
        let Some(entry) = self.flows.get(flow) else {
            return;
        };
        if entry.transport != Transport::Udp {
            self.counters.malformed += 1;
            return;
        }
        if let Some(bytes) = stun::answer(bytes, entry.remote) {
            self.outputs.push_back(Output::Send { flow, bytes });
        }
    }
}

/// Whether a REGISTER binds a flow and not an address (RFC 5626 section 4.2).
fn registers_flow(request: &Request) -> bool {
    let supports = request
        .values(HeaderName::Supported)
        .any(|tag| tag.eq_ignore_ascii_case("outbound"));
    let Ok(Contacts::List(contacts)) = request.contacts() else {
        return false;
    };
    supports
        && contacts.iter().any(|contact| {
            contact.param("reg-id").is_some()
                && contact.param("+sip.instance").is_some()
                && contact.param("expires") != Some("0")
        })
}
