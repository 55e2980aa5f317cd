//! Puts what is known about the path into a description.

use std::net::SocketAddr;

use sdp_types::{Attribute, Connection, Session};

use super::compose::with;

/// Fills what is known about the path into a description that was composed before.
pub(crate) struct Render<'a> {
    /// The address that peers without ICE would send to.
    pub(crate) default: Option<SocketAddr>,
    /// `candidate:…`.
    pub(crate) candidates: &'a [String],
    pub(crate) complete: bool,
}

impl Render<'_> {
    pub(crate) fn text(&self, session: &Session) -> String {
        let mut session = session.clone();
        if let Some(default) = self.default {
            session.origin.set_unicast_ip_address(default.ip());
        }
        for media in session.medias.iter_mut().filter(|media| media.port != 0) {
            if let Some(default) = self.default {
                media.port = default.port();
                media.connections = vec![Connection::from_ip_addr(default.ip())];
            }
            // The candidates come first, where every implementation finds them.
            let mut attributes: Vec<Attribute> = self
                .candidates
                .iter()
                .filter_map(|line| line.strip_prefix("candidate:"))
                .map(|value| with("candidate", value))
                .collect();
            if self.complete {
                attributes.push(Attribute::new("end-of-candidates"));
            }
            media.attributes.splice(0..0, attributes);
        }
        let mut text = Vec::new();
        // Writing into memory cannot fail.
        let _ = session.write(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    }
}
