//! Who the network says the peer is (RFC 3325 P-Asserted-Identity), and that it became another.

use offhook_sip::{NameAddr, PAssertedIdentity, Received};

use super::Session;
use crate::context::Context;
use crate::event::SessionEvent;

impl Session {
    /// Takes what a message of the peer asserts. The network vouches for it only where a server
    /// stands in between; a peer that calls directly could write anything.
    pub(super) fn note_identity(&mut self, cx: &mut Context, message: &Received) {
        if cx.config.servers.is_empty() {
            return;
        }
        let Some(identity) = asserted(message) else {
            return;
        };
        let known = self.asserted.as_ref().map(ToString::to_string);
        if known.as_deref() == Some(identity.to_string().as_str()) {
            return;
        }
        self.asserted = Some(identity.clone());
        cx.tell(self.id, SessionEvent::RemoteIdentity { identity });
    }
}

/// The first identity asserted that is an address to call.
fn asserted(message: &Received) -> Option<NameAddr<'static>> {
    message
        .typed_all::<PAssertedIdentity<'_>>()
        .filter_map(Result::ok)
        .next()
        .map(|PAssertedIdentity(identity)| identity.into_owned())
}
