//! Dialogs (RFC 3261 section 12): the shared state of two user agents between INVITE and BYE.

use std::borrow::Cow;

use offhook_sip::{
    HeaderName, Method, NameAddr, OutgoingRequest, Received, Request, Response, StatusCode, Uri,
    WriteError,
};

use crate::flow::FlowId;
use crate::headers::MAX_FORWARDS;
use crate::names::Key;

/// What names a dialog (RFC 3261 section 12: Call-ID, local tag, remote tag).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct DialogId {
    pub(crate) call_id: String,
    pub(crate) local_tag: String,
    pub(crate) remote_tag: String,
}

impl DialogId {
    /// The dialog a received request belongs to, if it names one.
    pub(crate) fn of_request(request: &Request) -> Option<Self> {
        Some(Self {
            call_id: request.call_id().ok()?.to_owned(),
            local_tag: request.to().ok()?.tag()?.to_owned(),
            remote_tag: request.from().ok()?.tag().unwrap_or_default().to_owned(),
        })
    }

    /// The dialog a response to a request of ours belongs to, if it names one.
    pub(crate) fn of_response(response: &Response) -> Option<Self> {
        Some(Self {
            call_id: response.call_id().ok()?.to_owned(),
            local_tag: response.from().ok()?.tag()?.to_owned(),
            remote_tag: response.to().ok()?.tag()?.to_owned(),
        })
    }
}

/// One dialog.
impl Key for DialogId {
    fn key(&self) -> Cow<'_, [u8]> {
        // Neither a Call-ID nor a tag of ours has a blank in it, so that the parts stay apart.
        let key = format!("{} {} {}", self.call_id, self.local_tag, self.remote_tag);
        Cow::Owned(key.into_bytes())
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Dialog {
    id: DialogId,
    /// The From of our requests, with our tag.
    local: NameAddr<'static>,
    /// The To of our requests, with the peer's tag.
    remote: NameAddr<'static>,
    local_sequence: u32,
    remote_sequence: Option<u32>,
    remote_target: Uri<'static>,
    /// The values of the Route headers, first hop first.
    route_set: Vec<String>,
    /// The flow it was made on, where no server stands in between.
    flow: FlowId,
}

/// Why a message makes no dialog: what it lacks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct NoDialog(pub(crate) &'static str);

impl Dialog {
    /// The dialog that a 101..=2xx to our INVITE makes (RFC 3261 section 12.1.2).
    pub(crate) fn from_response(
        local: &NameAddr<'static>,
        sequence: u32,
        response: &Response,
        flow: FlowId,
    ) -> Result<Self, NoDialog> {
        let remote = response
            .to()
            .map_err(|_| NoDialog("a To header"))?
            .into_owned();
        let id = DialogId {
            call_id: response
                .call_id()
                .map_err(|_| NoDialog("a Call-ID"))?
                .to_owned(),
            local_tag: local.tag().unwrap_or_default().to_owned(),
            remote_tag: remote.tag().ok_or(NoDialog("a To tag"))?.to_owned(),
        };
        let remote_target = target_of(response)?;
        let mut route_set = record_route(response);
        route_set.reverse();
        Ok(Self {
            id,
            local: local.clone(),
            remote,
            local_sequence: sequence,
            remote_sequence: None,
            remote_target,
            route_set,
            flow,
        })
    }

    /// The dialog that an INVITE we answer with `local_tag` makes (RFC 3261 section 12.1.1).
    pub(crate) fn from_request(
        request: &Request,
        local_tag: &str,
        sequence: u32,
        flow: FlowId,
    ) -> Result<Self, NoDialog> {
        let remote = request
            .from()
            .map_err(|_| NoDialog("a From header"))?
            .into_owned();
        let local = request
            .to()
            .map_err(|_| NoDialog("a To header"))?
            .into_owned();
        let id = DialogId {
            call_id: request
                .call_id()
                .map_err(|_| NoDialog("a Call-ID"))?
                .to_owned(),
            local_tag: local_tag.to_owned(),
            remote_tag: remote.tag().unwrap_or_default().to_owned(),
        };
        Ok(Self {
            id,
            local: local.with_tag(local_tag),
            remote,
            local_sequence: sequence,
            remote_sequence: request.cseq().ok().map(|cseq| cseq.number),
            remote_target: target_of(request)?,
            route_set: record_route(request),
            flow,
        })
    }

    pub(crate) fn id(&self) -> &DialogId {
        &self.id
    }

    pub(crate) fn flow(&self) -> FlowId {
        self.flow
    }

    /// Goes on over `to` where it went over `from`.
    pub(crate) fn replace_flow(&mut self, from: FlowId, to: FlowId) {
        if self.flow == from {
            self.flow = to;
        }
    }

    /// Takes the route set and target of the 2xx that confirms an early dialog
    /// (RFC 3261 section 13.2.2.4).
    pub(crate) fn confirm(&mut self, response: &Response) {
        self.route_set = record_route(response);
        self.route_set.reverse();
        self.refresh_target(response);
    }

    /// Takes a new remote target from a target refresh (RFC 3261 section 12.2.1.2).
    pub(crate) fn refresh_target(&mut self, message: &Received) {
        if let Ok(target) = target_of(message) {
            self.remote_target = target;
        }
    }

    /// Checks a request's CSeq against the last one (RFC 3261 section 12.2.2) and remembers it.
    ///
    /// # Errors
    ///
    /// The response owed to a request that is out of order.
    pub(crate) fn accept_sequence(&mut self, request: &Request) -> Result<(), StatusCode> {
        let number = request.cseq().map_err(|_| StatusCode::BAD_REQUEST)?.number;
        if matches!(request.method(), Method::Ack | Method::Cancel) {
            return Ok(());
        }
        if self.remote_sequence.is_some_and(|last| number <= last) {
            return Err(StatusCode::SERVER_INTERNAL_ERROR);
        }
        self.remote_sequence = Some(number);
        Ok(())
    }

    /// Lets the number of this request come once more: it met an offer of ours and was refused
    /// (491), and some peers offer again without counting on. The RFC says what to do with a lower
    /// number, and nothing of the same (section 12.2.2).
    pub(crate) fn forgive_sequence(&mut self, request: &Request) {
        let number = request.cseq().ok().map(|cseq| cseq.number);
        if number.is_some() && number == self.remote_sequence {
            self.remote_sequence = number.and_then(|number| number.checked_sub(1));
        }
    }

    /// The number of the last request.
    pub(crate) fn last_sequence(&self) -> u32 {
        self.local_sequence
    }

    /// The number of the next request, now taken.
    pub(crate) fn next_sequence(&mut self) -> u32 {
        self.local_sequence += 1;
        self.local_sequence
    }

    /// A request inside this dialog with the next CSeq number (RFC 3261 section 12.2.1.1).
    pub(crate) fn request(&mut self, method: Method<'_>) -> Result<OutgoingRequest, WriteError> {
        let sequence = self.next_sequence();
        self.request_numbered(method, sequence)
    }

    /// The ACK for a 2xx to the INVITE with this CSeq number (RFC 3261 section 13.2.2.4).
    pub(crate) fn ack(&self, sequence: u32) -> Result<OutgoingRequest, WriteError> {
        self.request_numbered(Method::Ack, sequence)
    }

    fn request_numbered(
        &self,
        method: Method<'_>,
        sequence: u32,
    ) -> Result<OutgoingRequest, WriteError> {
        // A first hop that is no loose router takes the Request-URI's place, and the target goes
        // last (RFC 3261 section 12.2.1.1).
        let strict = self.route_set.first().and_then(|first| {
            let hop = NameAddr::parse(first).ok()?;
            (!hop.uri.is_loose_router()).then(|| hop.uri.without_headers())
        });
        let mut request =
            OutgoingRequest::new(method, strict.as_ref().unwrap_or(&self.remote_target));
        let headers = request.headers_mut();
        let routes = if strict.is_some() {
            &self.route_set[1..]
        } else {
            &self.route_set[..]
        };
        for route in routes {
            headers.push(HeaderName::Route, route)?;
        }
        if strict.is_some() {
            headers.push(HeaderName::Route, format_args!("<{}>", self.remote_target))?;
        }
        headers.push(HeaderName::MaxForwards, MAX_FORWARDS)?;
        headers.push(HeaderName::To, &self.remote)?;
        headers.push(HeaderName::From, &self.local)?;
        headers.push(HeaderName::CallId, &self.id.call_id)?;
        headers.push(HeaderName::CSeq, format_args!("{sequence} {method}"))?;
        Ok(request)
    }

    /// The URI that decides where requests of this dialog go: the first route, else the target.
    pub(crate) fn next_hop(&self) -> Uri<'_> {
        self.route_set
            .first()
            .and_then(|route| NameAddr::parse(route).ok())
            .map_or_else(|| self.remote_target.clone(), |route| route.uri)
    }
}

/// The Contact URI, which a dialog needs as its remote target.
fn target_of(message: &Received) -> Result<Uri<'static>, NoDialog> {
    let contact = message
        .contact()
        .map_err(|_| NoDialog("a Contact header"))?;
    Ok(contact.uri.into_owned())
}

/// The values of the Record-Route headers in the order of the message.
fn record_route(message: &Received) -> Vec<String> {
    message
        .values(HeaderName::RecordRoute)
        .map(str::to_owned)
        .collect()
}
