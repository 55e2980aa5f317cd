//! Shows the messages that pass to whoever wants to see them.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;

use offhook_core::{FlowId, Transport};

/// A SIP message that passes the exchange, secrets included.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PassingMessage<'a> {
    /// Whether it came in; otherwise it goes out.
    pub received: bool,
    /// The transport and the address at its other end, when known.
    pub peer: Option<(Transport, SocketAddr)>,
    /// The message.
    pub bytes: &'a [u8],
}

/// What an application gives to see the messages.
pub(crate) type Hook = Box<dyn FnMut(PassingMessage<'_>) + Send>;

/// Who sees the messages, and whose they are.
#[derive(Default)]
pub(crate) struct Watch {
    hook: Option<Hook>,
    peers: HashMap<FlowId, (Transport, SocketAddr)>,
}

impl Watch {
    pub(crate) fn set(&mut self, hook: Hook) {
        self.hook = Some(hook);
    }

    pub(crate) fn connected(&mut self, flow: FlowId, transport: Transport, peer: SocketAddr) {
        if self.hook.is_some() {
            self.peers.insert(flow, (transport, peer));
        }
    }

    pub(crate) fn lost(&mut self, flow: FlowId) {
        self.peers.remove(&flow);
    }

    pub(crate) fn passes(&mut self, received: bool, flow: FlowId, bytes: &[u8]) {
        // A keep-alive is no message.
        if let Some(hook) = &mut self.hook
            && !offhook_core::stun::is_stun(bytes)
        {
            let peer = self.peers.get(&flow).copied();
            hook(PassingMessage {
                received,
                peer,
                bytes,
            });
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("watched", &self.hook.is_some())
            .finish_non_exhaustive()
    }
}
