//! Routes: which addresses are ours, and which flow a Route of ours leads to.
//!
//! Every request that makes a dialog gets two Record-Route values: one names the flow it came by,
//! one the flow it leaves by (RFC 5658, 4). Each names its flow by a token in the user part, which
//! only the peers of that dialog get to know. A later request of either side comes with both, and
//! leaves by the flow that the last one names: so a WebSocket client whose Contact is an address
//! nobody could reach is reached over the WebSocket that it opened (RFC 7118, 5; RFC 5626, 5.2).

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use offhook_core::{FlowId, Transport};
use offhook_sip::{HeaderFields, HeaderName, NameAddr, OutgoingRequest, Request, Uri, WriteError};

/// So many tokens of lost flows are remembered, as proof that a request belongs to a dialog.
const MAX_RETIRED: usize = 10_000;

/// A connection, or a remote on UDP.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) transport: Transport,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    token: String,
}

impl Flow {
    fn record_route(&self) -> String {
        let transport = match self.transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            Transport::Tls => ";transport=tls",
            Transport::Ws => ";transport=ws",
            Transport::Wss => ";transport=wss",
        };
        format!("<sip:{}@{}{transport};lr>", self.token, self.local)
    }
}

/// All flows, and the tokens that name them in routes.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    flows: HashMap<FlowId, Flow>,
    /// `None` for those that are lost.
    tokens: HashMap<String, Option<FlowId>>,
    retired: VecDeque<String>,
}

impl Flows {
    pub(crate) fn add(
        &mut self,
        flow: FlowId,
        transport: Transport,
        local: SocketAddr,
        remote: SocketAddr,
        token: String,
    ) {
        self.tokens.insert(token.clone(), Some(flow));
        let entry = Flow {
            transport,
            local,
            remote,
            token,
        };
        self.flows.insert(flow, entry);
    }

    pub(crate) fn get(&self, flow: FlowId) -> Option<&Flow> {
        self.flows.get(&flow)
    }

    pub(crate) fn remove(&mut self, flow: FlowId) -> Option<Flow> {
        let entry = self.flows.remove(&flow)?;
        self.tokens.insert(entry.token.clone(), None);
        self.retired.push_back(entry.token.clone());
        if self.retired.len() > MAX_RETIRED
            && let Some(oldest) = self.retired.pop_front()
        {
            self.tokens.remove(&oldest);
        }
        Some(entry)
    }

    pub(crate) fn len(&self) -> usize {
        self.flows.len()
    }

    fn named(&self, token: &str) -> Option<Onward> {
        self.tokens.get(token).map(|flow| match flow {
            Some(flow) => Onward::Flow(*flow),
            None => Onward::Lost,
        })
    }
}

/// The addresses that mean this exchange.
#[derive(Debug)]
pub(crate) struct Ours {
    domain: String,
    listening: Vec<SocketAddr>,
}

impl Ours {
    pub(crate) fn new(domain: &str) -> Ours {
        Ours {
            domain: domain.to_ascii_lowercase(),
            listening: Vec::new(),
        }
    }

    pub(crate) fn domain(&self) -> &str {
        &self.domain
    }

    pub(crate) fn add(&mut self, address: SocketAddr) {
        self.listening.push(address);
    }

    /// Whether a URI means us: by the domain, by `localhost`, or by an address that is listened on;
    /// with a port, only by one that is listened on.
    pub(crate) fn include(&self, uri: &Uri<'_>) -> bool {
        if !uri.is_sip() {
            return false;
        }
        let Some(host) = uri.host() else {
            return false;
        };
        let host = host.to_ascii_lowercase();
        let by_name = host == self.domain || host == "localhost";
        let by_address = uri.host_ip().is_some_and(|ip| self.is_own_address(ip));
        (by_name || by_address)
            && uri
                .port()
                .is_none_or(|port| self.listening.iter().any(|own| own.port() == port))
    }

    fn is_own_address(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        ip.is_loopback()
            || self
                .listening
                .iter()
                .any(|own| own.ip().to_canonical() == ip)
    }
}

/// Where a Route of ours leads.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Onward {
    /// Over this flow.
    Flow(FlowId),
    /// Over a flow that is gone.
    Lost,
}

/// Takes our own Route values off the top of a request (RFC 3261, 16.4), and says where the last of
/// them leads; `None` when no token of ours was in them.
pub(crate) fn take_own(
    request: &mut OutgoingRequest,
    ours: &Ours,
    flows: &Flows,
) -> Result<Option<Onward>, WriteError> {
    restore_strictly_routed(request, flows);
    let headers = request.headers_mut();
    let mut onward = None;
    while let Some(route) = headers.take_first(HeaderName::Route) {
        let own = NameAddr::parse(&route).ok().and_then(|address| {
            let named = address.uri.user().and_then(|user| flows.named(user));
            (named.is_some() || ours.include(&address.uri)).then_some(named)
        });
        match own {
            Some(named) => onward = named.or(onward),
            None => {
                headers.push_before(HeaderName::Route, route)?;
                break;
            }
        }
    }
    Ok(onward)
}

/// Undoes what a strict router did: it put our Record-Route value into the Request-URI, and the
/// Request-URI behind the routes (RFC 3261, 16.4).
fn restore_strictly_routed(request: &mut OutgoingRequest, flows: &Flows) {
    let onward = Uri::parse(request.uri())
        .ok()
        .filter(Uri::is_loose_router)
        .and_then(|uri| flows.named(uri.user()?));
    if onward.is_none() {
        return;
    }
    let mut routes = Vec::new();
    while let Some(route) = request.headers_mut().take_first(HeaderName::Route) {
        routes.push(route);
    }
    let target = routes.pop();
    let own = format!("<{}>", request.uri());
    let target = target
        .as_deref()
        .and_then(|target| NameAddr::parse(target).ok());
    if let Some(target) = target {
        request.set_uri(&target.uri);
        routes.insert(0, own);
    }
    for route in routes {
        // What was received can be written.
        let _ = request.headers_mut().push(HeaderName::Route, route);
    }
}

/// Puts us on the route of the dialog that a request makes, once for either side.
pub(crate) fn record(headers: &mut HeaderFields, from: &Flow, to: &Flow) -> Result<(), WriteError> {
    headers.push_before(HeaderName::RecordRoute, from.record_route())?;
    headers.push_before(HeaderName::RecordRoute, to.record_route())
}

/// A mark that a request gets again when it comes back for the same decision, and not when it was
/// changed in between (RFC 3261, 16.6 step 8): FNV-1a of all that the decision rests on.
pub(crate) fn mark(request: &Request) -> u64 {
    let from = request.from().ok();
    let to = request.to().ok();
    let fixed = [
        request.uri_text(),
        from.as_ref().and_then(NameAddr::tag).unwrap_or_default(),
        to.as_ref().and_then(NameAddr::tag).unwrap_or_default(),
        request.call_id().unwrap_or_default(),
        request.header(HeaderName::CSeq).unwrap_or_default(),
    ];
    let bytes = fixed
        .into_iter()
        .chain(request.values(HeaderName::Route))
        .flat_map(|text| text.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Ours {
        let mut ours = Ours::new("Example.com");
        ours.add("192.0.2.1:5060".parse().unwrap());
        ours.add("192.0.2.1:8080".parse().unwrap());
        ours
    }

    fn flows() -> Flows {
        let mut flows = Flows::default();
        let (local, remote) = ("192.0.2.1:5060", "192.0.2.9:6000");
        for (flow, token) in [(1, "aaaa"), (2, "bbbb")] {
            flows.add(
                FlowId(flow),
                Transport::Udp,
                local.parse().unwrap(),
                remote.parse().unwrap(),
                token.to_owned(),
            );
        }
        flows
    }

    fn bye(uri: &str, routes: &[&str]) -> OutgoingRequest {
        let mut request = OutgoingRequest::new(offhook_sip::Method::Bye, &Uri::parse(uri).unwrap());
        for route in routes {
            request
                .headers_mut()
                .push(HeaderName::Route, route)
                .unwrap();
        }
        request
    }

    #[test]
    fn our_addresses_are_known_with_the_ports_we_listen_on() {
        for (uri, own) in [
            ("sip:a@example.com", true),
            ("sip:a@EXAMPLE.COM:5060", true),
            ("sips:a@example.com", true),
            ("sip:example.com:8080;transport=ws", true),
            ("sip:a@localhost", true),
            ("sip:a@127.0.0.1:5060", true),
            ("sip:a@[::1]", true),
            ("sip:a@192.0.2.1", true),
            ("sip:a@192.0.2.1:5070", false),
            ("sip:a@example.com:5070", false),
            ("sip:a@127.0.0.1:5070", false),
            ("sip:a@192.0.2.2", false),
            ("sip:a@sub.example.com", false),
            ("tel:+1", false),
        ] {
            assert_eq!(ours().include(&Uri::parse(uri).unwrap()), own, "{uri}");
        }
    }

    #[test]
    fn the_last_route_of_ours_says_where_to_go() {
        let mut flows = flows();
        let routes = [
            "<sip:aaaa@192.0.2.1:5060;lr>, <sip:bbbb@192.0.2.1:8080;transport=ws;lr>",
            "<sip:next.example.org;lr>",
        ];
        let mut request = bye("sip:bob@x.invalid", &routes);
        let onward = take_own(&mut request, &ours(), &flows).unwrap();
        assert_eq!(onward, Some(Onward::Flow(FlowId(2))));
        let left: Vec<_> = request.headers().get_all(HeaderName::Route).collect();
        assert_eq!(left, ["<sip:next.example.org;lr>"]);

        flows.remove(FlowId(2));
        let mut request = bye("sip:bob@x.invalid", &routes);
        let onward = take_own(&mut request, &ours(), &flows).unwrap();
        assert_eq!(onward, Some(Onward::Lost));
    }

    #[test]
    fn a_route_without_a_token_of_ours_proves_nothing() {
        for route in ["<sip:192.0.2.1;lr>", "<sip:cccc@192.0.2.1:5060;lr>"] {
            let mut request = bye("sip:bob@example.com", &[route]);
            let onward = take_own(&mut request, &ours(), &flows()).unwrap();
            assert_eq!(onward, None, "{route}");
            assert!(!request.headers().contains(HeaderName::Route));
        }
        let mut request = bye("sip:bob@example.com", &["<sip:192.0.2.7;lr>"]);
        assert_eq!(take_own(&mut request, &ours(), &flows()), Ok(None));
        assert!(request.headers().contains(HeaderName::Route));
    }

    #[test]
    fn what_a_strict_router_did_is_undone() {
        let mut request = bye(
            "sip:aaaa@192.0.2.1:5060;lr",
            &["<sip:bbbb@192.0.2.1:5060;lr>", "<sip:bob@10.0.0.2>"],
        );
        let onward = take_own(&mut request, &ours(), &flows()).unwrap();
        assert_eq!(onward, Some(Onward::Flow(FlowId(2))));
        assert_eq!(request.uri(), "sip:bob@10.0.0.2");
        assert!(!request.headers().contains(HeaderName::Route));
    }

    #[test]
    fn both_sides_are_recorded_the_one_that_it_leaves_by_on_top() {
        let flows = flows();
        let mut request = bye("sip:bob@example.com", &[]);
        let headers = request.headers_mut();
        headers
            .push("Record-Route", "<sip:before.example.org;lr>")
            .unwrap();
        let (from, to) = (flows.get(FlowId(1)).unwrap(), flows.get(FlowId(2)).unwrap());
        record(headers, from, to).unwrap();
        let recorded: Vec<_> = headers.get_all(HeaderName::RecordRoute).collect();
        assert_eq!(
            recorded,
            [
                "<sip:bbbb@192.0.2.1:5060;lr>",
                "<sip:aaaa@192.0.2.1:5060;lr>",
                "<sip:before.example.org;lr>"
            ]
        );
    }
}
