//! Session identifiers (RFC 7989): a UUID for each side of a session, on all its messages.
//!
//! Servers in between change Call-IDs and tags; these two they leave alone, so that logs of both
//! ends can be laid side by side.

use offhook_sip::{HeaderFields, HeaderName, NameAddr, Received, SessionIdentifier, WriteError};

use crate::map::Map;
use crate::owners::Owners;
use crate::session::SessionId;

/// The identifiers of all sessions.
#[derive(Debug)]
pub(crate) struct Identifiers {
    identifiers: Map<SessionId, SessionIdentifier>,
    /// Whose a tag of ours is: on every message of a session stands its own.
    tags: Owners<str>,
}

impl Identifiers {
    pub(crate) fn new() -> Self {
        Self {
            identifiers: Map::new(),
            tags: Owners::new(),
        }
    }

    /// A session begins, with a UUID of its own. A request has made it, or none yet.
    pub(crate) fn begin(
        &mut self,
        session: SessionId,
        tag: &str,
        uuid: u128,
        request: Option<&Received>,
    ) {
        let remote = request.map_or(SessionIdentifier::NIL, uuid_of);
        let identifier = SessionIdentifier {
            local: uuid,
            remote,
        };
        self.identifiers.insert(session, identifier);
        self.tags.insert(tag, session);
    }

    /// A session comes from another one, by a transfer: this side stays who it is (RFC 7989
    /// section 6).
    pub(crate) fn inherit(&mut self, session: SessionId, from: SessionId) {
        if let Some(local) = self.identifiers.get(&from).map(|other| other.local)
            && let Some(identifier) = self.identifiers.get_mut(&session)
        {
            identifier.local = local;
        }
    }

    pub(crate) fn get(&self, session: SessionId) -> Option<SessionIdentifier> {
        self.identifiers.get(&session).copied()
    }

    pub(crate) fn end(&mut self, session: SessionId) {
        self.identifiers.remove(&session);
        self.tags.release(session);
    }

    pub(crate) fn clear(&mut self) {
        self.identifiers.clear();
        self.tags.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.identifiers.is_empty()
    }

    /// A message came that bears our tag in this header: it says who its sender is, and that it
    /// became another.
    pub(crate) fn note(&mut self, ours: HeaderName, message: &Received) {
        let tag = match ours {
            HeaderName::From => message.from(),
            _ => message.to(),
        };
        let session = tag.ok().and_then(|address| self.tags.get(address.tag()?));
        if let Some(identifier) = session.and_then(|id| self.identifiers.get_mut(&id)) {
            let uuid = uuid_of(message);
            if uuid != SessionIdentifier::NIL {
                identifier.remote = uuid;
            }
        }
    }

    /// Puts the identifier on a message that bears our tag in this header.
    pub(crate) fn put(
        &self,
        ours: HeaderName,
        headers: &mut HeaderFields,
    ) -> Result<(), WriteError> {
        let session = headers
            .get(ours)
            .and_then(|value| NameAddr::parse(value).ok())
            .and_then(|address| self.tags.get(address.tag()?));
        match session.and_then(|id| self.get(id)) {
            Some(identifier) => headers.set(HeaderName::SessionId, identifier),
            None => Ok(()),
        }
    }
}

fn uuid_of(message: &Received) -> u128 {
    message
        .typed::<SessionIdentifier>()
        .ok()
        .flatten()
        .map_or(SessionIdentifier::NIL, |identifier| identifier.local)
}
