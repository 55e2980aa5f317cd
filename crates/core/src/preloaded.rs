//! What requests bear whatever they are for: the configured headers, and to the server the route to
//! it and the authorization that the application was given elsewhere.

use std::fmt::Display;

use offhook_sip::{HeaderFields, HeaderName, Method, NameAddr, OutgoingRequest, Uri, WriteError};

use crate::context::Context;
use crate::flow::FlowId;

impl Context {
    /// Puts on a request what every one bears.
    pub(crate) fn preload(
        &self,
        request: &mut OutgoingRequest,
        flow: FlowId,
    ) -> Result<(), WriteError> {
        // The application has had the INVITE in its hands with them.
        if request.method() != Method::Invite {
            for (name, value) in &self.config.extra_headers {
                let headers = request.headers_mut();
                if !headers.get_all(name.as_str()).any(|given| given == value) {
                    headers.push(name.as_str(), value as &dyn Display)?;
                }
            }
        }
        // Anybody else could use the token as we do.
        if !self.connection.is_server(flow) {
            return Ok(());
        }
        let headers = request.headers_mut();
        if let Some(authorization) = &self.config.authorization {
            headers.push(HeaderName::Authorization, authorization.value())?;
        }
        if self.config.preloaded_route
            && starts_anew(headers)
            && let Some(route) = self.route(flow)
        {
            headers.push_front(HeaderName::Route, route)?;
        }
        Ok(())
    }

    /// The pre-existing route set (RFC 3261 section 8.1.2): the server alone.
    fn route(&self, flow: FlowId) -> Option<String> {
        let derived = || {
            let destination = self.connection.destination(flow)?;
            Uri::parse(&destination.uri()).ok().map(Uri::into_owned)
        };
        let server = self.route.clone().or_else(derived)?;
        let loose = match server.is_loose_router() {
            true => server,
            false => server.with_param("lr", None).ok()?,
        };
        Some(format!("<{loose}>"))
    }
}

/// Whether a request is outside every dialog, and has no route of its own.
fn starts_anew(headers: &HeaderFields) -> bool {
    let to = headers.get(HeaderName::To).map(NameAddr::parse);
    !headers.contains(HeaderName::Route)
        && to.is_some_and(|to| to.is_ok_and(|to| to.tag().is_none()))
}
