//! Globally routable URIs of this one user agent (RFC 5627), which the registrar gives out.

use offhook_sip::{HeaderFields, HeaderName, NameAddr, Uri, WriteError};

use crate::context::Context;
use crate::flow::FlowId;

/// Whether a URI is a GRUU (RFC 5627 section 3.1.1).
fn is_gruu(uri: &str) -> bool {
    Uri::parse(uri).is_ok_and(|uri| uri.param("gr").is_some())
}

/// The GRUUs that the registrar gave last.
#[derive(Debug, Default)]
pub(crate) struct Gruus {
    /// Says whose it is.
    pub(crate) public: Option<Uri<'static>>,
    /// Says nothing of its owner.
    pub(crate) temporary: Option<Uri<'static>>,
}

impl Gruus {
    /// Reads them off our Contact in the answer to a REGISTER (RFC 5627 section 4.2).
    pub(crate) fn granted(contact: &NameAddr<'_>) -> Self {
        let gruu = |name| {
            let value = contact.param(name)?;
            let uri = Uri::parse(value.trim_matches('"')).ok()?;
            (uri.is_sip() && uri.param("gr").is_some()).then(|| uri.into_owned())
        };
        Self {
            public: gruu("pub-gruu"),
            temporary: gruu("temp-gruu"),
        }
    }
}

/// The Contact URI of hidden callers whose own leads here by its flow alone (RFC 7118 section 5).
const NOBODY: &str = "sip:anonymous@anonymous.invalid;transport=ws";

impl Context {
    /// Whether a request is for a GRUU of our domain. The registrar leads only ours here, and
    /// those of earlier registrations stay good.
    pub(crate) fn is_own_gruu(&self, uri: &Uri<'_>) -> bool {
        let same_host = match (uri.host(), self.config.address.host()) {
            (Some(host), Some(own)) => host.eq_ignore_ascii_case(own),
            _ => false,
        };
        same_host && uri.param("gr").is_some()
    }

    /// Our Contact URI as a peer behind this flow shall use it: a GRUU where the server gave one
    /// (RFC 5627 section 4.4). A hidden caller's says nothing of who it is: it keeps a host that
    /// leads here, but no made-up one, by which its calls would be known to belong together.
    pub(crate) fn contact_uri(&self, flow: FlowId, hidden: bool) -> String {
        let gruu = match hidden {
            true => &self.gruus.temporary,
            false => &self.gruus.public,
        };
        if let (Some(gruu), true) = (gruu, self.connection.is_server(flow)) {
            return gruu.to_string();
        }
        let contact = self.connection.contact(flow);
        if !hidden {
            return contact;
        }
        let Ok(uri) = Uri::parse(&contact) else {
            return String::new();
        };
        match uri.host() {
            Some(host) if host.ends_with(".invalid") => NOBODY.to_owned(),
            _ => uri.with_user("anonymous").as_str().to_owned(),
        }
    }

    /// The same on a request that begins a dialog: with `;ob` later ones shall come back over this
    /// flow (RFC 5626 section 4.3). A GRUU leads here by itself.
    pub(crate) fn outbound_contact_uri(&self, flow: FlowId, hidden: bool) -> String {
        let mut contact = self.contact_uri(flow, hidden);
        if !self.config.servers.is_empty() && !is_gruu(&contact) {
            contact.push_str(";ob");
        }
        contact
    }

    /// Puts our Contact as a peer behind this flow shall use it on a message.
    pub(crate) fn put_contact(
        &self,
        headers: &mut HeaderFields,
        flow: FlowId,
    ) -> Result<(), WriteError> {
        if headers.contains(HeaderName::Contact) {
            return Ok(());
        }
        // A response bears its Via from the start, and the From of the peer.
        let hidden = !headers.contains(HeaderName::Via)
            && headers
                .get(HeaderName::From)
                .and_then(|from| NameAddr::parse(from).ok())
                .is_some_and(|from| from.uri.host() == Some("anonymous.invalid"));
        let contact = self.contact_uri(flow, hidden);
        headers.push(HeaderName::Contact, format_args!("<{contact}>"))
    }
}
