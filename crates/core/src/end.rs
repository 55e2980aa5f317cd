//! Why a session ended, as the message says that ended it (RFC 3326).

use offhook_sip::{Message, Reason};

use crate::event::End;

/// The reasons that a message gives: a request for having been sent (RFC 3326), a response for
/// what a gateway behind it was told (RFC 6432). Those that cannot be read are left out.
pub fn reasons(message: &Message) -> Vec<Reason<'static>> {
    message
        .typed_all::<Reason<'_>>()
        .filter_map(|reason| Some(reason.ok()?.into_owned()))
        .collect()
}

/// Whether these reasons say that another phone of the callee has taken the call: then it was not
/// missed.
pub fn is_answered_elsewhere(reasons: &[Reason<'_>]) -> bool {
    reasons
        .iter()
        .any(|reason| reason.protocol.eq_ignore_ascii_case("SIP") && reason.cause == Some(200))
}

impl End {
    /// The reasons that the message gives which ended the session (RFC 3326, RFC 6432).
    pub fn reasons(&self) -> Vec<Reason<'static>> {
        self.message.as_ref().map(reasons).unwrap_or_default()
    }

    /// Whether another phone of this user has taken the call: the CANCEL says `SIP;cause=200`
    /// (RFC 3326 section 3.1).
    pub fn is_answered_elsewhere(&self) -> bool {
        is_answered_elsewhere(&self.reasons())
    }

    /// Adds what the message says in words, where nothing better is known.
    pub(crate) fn with_words(mut self) -> Self {
        if self.detail.is_none() {
            self.detail = self
                .reasons()
                .into_iter()
                .find_map(|reason| reason.text)
                .map(|text| text.into_owned())
                .filter(|text| !text.is_empty());
        }
        self
    }
}
