//! User agents made of text, and a clock that is moved by hand.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use offhook_core::auth::{AuthAttempt, AuthStore, Secret};
use offhook_core::{FlowId, Instant, Transport};
use offhook_sip::{
    HeaderName, Limits, Message, OutgoingRequest, OutgoingResponse, Request, Response, StatusCode,
    Uri,
};

use super::super::{Output, Proxy, Settings};
use crate::counters::Live;

/// A flow of a user agent, and what it calls itself.
#[derive(Clone, Debug)]
pub(super) struct Phone {
    pub(super) flow: FlowId,
    pub(super) transport: Transport,
    pub(super) user: &'static str,
    pub(super) contact: String,
}

pub(super) struct World {
    pub(super) proxy: Proxy,
    pub(super) now: Instant,
    /// What was sent to each flow and not looked at yet.
    pub(super) inboxes: BTreeMap<FlowId, VecDeque<Bytes>>,
    pub(super) events: VecDeque<String>,
    pub(super) opened: VecDeque<(FlowId, String)>,
    pub(super) closed: Vec<FlowId>,
    /// Numbers everything that must be different each time.
    pub(super) count: u64,
}

impl World {
    /// An exchange for `localhost` that asks for no passwords.
    pub(super) fn open() -> World {
        World::new(Settings::new("localhost"))
    }

    /// One with the users alice and bob.
    pub(super) fn closed() -> World {
        let mut settings = Settings::new("localhost");
        let users = [("alice", "alicepw"), ("bob", "bobpw")];
        let users = users.map(|(user, password)| (user.to_owned(), password.to_owned()));
        settings.users = Some(users.into());
        World::new(settings)
    }

    pub(super) fn new(settings: Settings) -> World {
        let mut proxy = Proxy::new(settings, [7; 32]);
        proxy.listening("127.0.0.1:5060".parse().unwrap());
        proxy.listening("127.0.0.1:8080".parse().unwrap());
        World {
            proxy,
            now: Instant::ZERO,
            inboxes: BTreeMap::new(),
            events: VecDeque::new(),
            opened: VecDeque::new(),
            closed: Vec::new(),
            count: 0,
        }
    }

    pub(super) fn number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    pub(super) fn drain(&mut self) {
        while let Some(output) = self.proxy.poll() {
            match output {
                Output::Send { flow, bytes } => {
                    self.inboxes.entry(flow).or_default().push_back(bytes);
                }
                Output::Open { flow, destination } => {
                    self.opened.push_back((flow, destination.to_string()));
                }
                Output::Close { flow } => self.closed.push(flow),
                Output::Event(event) => self.events.push_back(event.to_string()),
            }
        }
    }

    /// A user agent connects.
    pub(super) fn phone(&mut self, user: &'static str, transport: Transport) -> Phone {
        let n = 100 + self.number();
        let flow = FlowId((1 << 63) + n);
        let contact = match transport {
            Transport::Ws => format!("sip:{user}{n}@df7j{n}.invalid;transport=ws"),
            Transport::Tcp => format!("sip:{user}@127.0.0.1:{};transport=tcp", 40_000 + n),
            _ => format!("sip:{user}@127.0.0.1:{}", 40_000 + n),
        };
        self.connect(flow, transport, 40_000 + n as u16);
        Phone {
            flow,
            transport,
            user,
            contact,
        }
    }

    pub(super) fn connect(&mut self, flow: FlowId, transport: Transport, port: u16) {
        let local = match transport {
            Transport::Ws => "127.0.0.1:8080",
            _ => "127.0.0.1:5060",
        };
        let local = local.parse().unwrap();
        let remote = ([127, 0, 0, 1], port).into();
        self.proxy
            .connected(self.now, flow, transport, local, remote);
        self.drain();
    }

    pub(super) fn send(&mut self, phone: &Phone, message: impl Into<Bytes>) {
        self.proxy.received(self.now, phone.flow, message.into());
        self.drain();
    }

    pub(super) fn fail(&mut self, flow: FlowId) {
        self.proxy.failed(self.now, flow);
        self.drain();
    }

    pub(super) fn lose(&mut self, phone: &Phone) {
        self.proxy.lost(self.now, phone.flow);
        self.drain();
    }

    /// Lets time pass, timer by timer.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.proxy.next_timeout().filter(|at| *at <= end) {
            self.now = at;
            self.proxy.tick(at);
            self.drain();
        }
        self.now = end;
    }

    pub(super) fn take(&mut self, phone: &Phone) -> Message {
        let inbox = self.inboxes.get_mut(&phone.flow);
        let bytes = inbox
            .and_then(VecDeque::pop_front)
            .unwrap_or_else(|| panic!("nothing came to {phone:?}"));
        Message::parse(bytes, &Limits::default()).unwrap()
    }

    /// The next message to that user agent, which must be a request of this method.
    pub(super) fn request(&mut self, phone: &Phone, method: &str) -> Request {
        match self.take(phone) {
            Message::Request(request) if request.method().as_str() == method => {
                request.validate().unwrap();
                request
            }
            other => panic!("expected {method}, {} got {other:?}", phone.user),
        }
    }

    /// The next message to that user agent, which must be a response of this status.
    pub(super) fn response(&mut self, phone: &Phone, code: u16) -> Response {
        match self.take(phone) {
            Message::Response(response) if response.status().code() == code => {
                response.validate().unwrap();
                // The Via of the user agent itself, and none of those behind it.
                assert_eq!(response.vias().count(), 1, "{response:?}");
                response
            }
            other => panic!("expected {code}, {} got {other:?}", phone.user),
        }
    }

    /// Nothing more came to that user agent.
    pub(super) fn silent(&mut self, phone: &Phone) {
        let inbox = self.inboxes.get(&phone.flow);
        assert!(inbox.is_none_or(VecDeque::is_empty), "{:?}", inbox);
    }

    pub(super) fn event(&mut self, words: &str) {
        let event = self.events.pop_front().unwrap_or_default();
        assert!(event.contains(words), "expected {words}, got {event}");
    }

    /// A request of a phone, with all that must be in it.
    pub(super) fn compose(&mut self, phone: &Phone, method: &str, uri: &str) -> OutgoingRequest {
        let n = self.number();
        let mut request = OutgoingRequest::new(
            offhook_sip::Method::parse(method),
            &Uri::parse(uri).unwrap(),
        );
        let headers = request.headers_mut();
        let via = format!(
            "SIP/2.0/{} client{n}.invalid;branch=z9hG4bKcall{n};rport",
            phone.transport
        );
        headers.push(HeaderName::Via, via).unwrap();
        headers.push(HeaderName::MaxForwards, 70).unwrap();
        let from = format!("<sip:{}@localhost>;tag=from{n}", phone.user);
        headers.push(HeaderName::From, from).unwrap();
        let to = match method {
            "REGISTER" => format!("<sip:{}@localhost>", phone.user),
            _ => format!("<{uri}>"),
        };
        headers.push(HeaderName::To, to).unwrap();
        headers.push(HeaderName::CallId, format!("id{n}")).unwrap();
        headers
            .push(HeaderName::CSeq, format!("{n} {method}"))
            .unwrap();
        let contact = format!("<{}>", phone.contact);
        headers.push(HeaderName::Contact, contact).unwrap();
        request
    }

    pub(super) fn ask(&mut self, phone: &Phone, request: &OutgoingRequest) {
        self.send(phone, request.write().unwrap());
    }

    pub(super) fn register(&mut self, phone: &Phone) {
        self.register_with(phone, "");
    }

    /// Registers, with these parameters behind the Contact.
    pub(super) fn register_with(&mut self, phone: &Phone, params: &str) {
        let mut request = self.compose(phone, "REGISTER", "sip:localhost");
        let contact = format!("<{}>{params}", phone.contact);
        request
            .headers_mut()
            .set(HeaderName::Contact, contact)
            .unwrap();
        self.ask(phone, &request);
        self.response(phone, 200);
        self.event("registered");
    }

    /// A registered phone.
    pub(super) fn registered(&mut self, user: &'static str, transport: Transport) -> Phone {
        let phone = self.phone(user, transport);
        self.register(&phone);
        phone
    }

    /// An INVITE that is on its way; the 100 has been taken.
    pub(super) fn invite(&mut self, caller: &Phone, uri: &str) -> Request {
        let request = self.compose(caller, "INVITE", uri);
        self.ask(caller, &request);
        self.response(caller, 100);
        as_request(&request)
    }

    /// Answers a request.
    pub(super) fn reply(&mut self, phone: &Phone, request: &Request, code: u16) -> Response {
        let mut response = OutgoingResponse::to_request(request, StatusCode::new(code).unwrap());
        response.copy_record_route(request);
        if code > 100 {
            let tag = format!("to{}", phone.flow.0 & 0xffff);
            response.set_to_tag(&tag).unwrap();
        }
        let contact = format!("<{}>", phone.contact);
        response
            .headers_mut()
            .push(HeaderName::Contact, contact)
            .unwrap();
        let bytes = response.write().unwrap();
        self.send(phone, bytes.clone());
        match Message::parse(bytes, &Limits::default()) {
            Ok(Message::Response(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    /// The ACK of a caller for a final answer other than 2xx.
    pub(super) fn ack_failure(&mut self, caller: &Phone, invite: &Request, response: &Response) {
        let mut ack = OutgoingRequest::from_request(invite);
        let headers = ack.headers_mut();
        headers.set(HeaderName::CSeq, cseq(invite, "ACK")).unwrap();
        let to = response.header(HeaderName::To).unwrap();
        headers.set(HeaderName::To, to).unwrap();
        let bytes = with_method(&ack, "ACK");
        self.send(caller, bytes);
    }

    pub(super) fn cancel(&mut self, caller: &Phone, invite: &Request) {
        let mut cancel = OutgoingRequest::from_request(invite);
        let headers = cancel.headers_mut();
        headers
            .set(HeaderName::CSeq, cseq(invite, "CANCEL"))
            .unwrap();
        let bytes = with_method(&cancel, "CANCEL");
        self.send(caller, bytes);
    }

    /// A request of the caller within the dialog that the response made.
    pub(super) fn by_caller(&mut self, caller: &Phone, response: &Response, method: &str) -> Bytes {
        let mut request = self.compose(caller, method, &contact(response));
        let headers = request.headers_mut();
        for name in [HeaderName::From, HeaderName::To, HeaderName::CallId] {
            headers.set(name, response.header(name).unwrap()).unwrap();
        }
        let mut route: Vec<&str> = response.values(HeaderName::RecordRoute).collect();
        route.reverse();
        for value in route {
            headers.push(HeaderName::Route, value).unwrap();
        }
        request.write().unwrap()
    }

    /// A request of the callee within the dialog of the INVITE that reached it and its response.
    pub(super) fn by_callee(
        &mut self,
        callee: &Phone,
        invite: &Request,
        response: &Response,
        method: &str,
    ) -> Bytes {
        let mut request = self.compose(callee, method, &contact(invite));
        let headers = request.headers_mut();
        headers
            .set(HeaderName::From, response.header(HeaderName::To).unwrap())
            .unwrap();
        headers
            .set(HeaderName::To, response.header(HeaderName::From).unwrap())
            .unwrap();
        let call_id = response.header(HeaderName::CallId).unwrap();
        headers.set(HeaderName::CallId, call_id).unwrap();
        for value in invite.values(HeaderName::RecordRoute) {
            headers.push(HeaderName::Route, value).unwrap();
        }
        request.write().unwrap()
    }

    /// A call that is up: the INVITE as the callee got it, the 200 as the caller got it.
    pub(super) fn call(&mut self, caller: &Phone, callee: &Phone) -> (Request, Response) {
        self.invite(caller, &format!("sip:{}@localhost", callee.user));
        let there = self.request(callee, "INVITE");
        self.reply(callee, &there, 200);
        let answer = self.response(caller, 200);
        self.event("called");
        let ack = self.by_caller(caller, &answer, "ACK");
        self.send(caller, ack);
        let ack = self.request(callee, "ACK");
        assert_eq!(ack.uri_text(), callee.contact);
        (there, answer)
    }

    /// Nothing but flows and contacts is left some time after the last call.
    pub(super) fn settled(&mut self) {
        self.pass(Duration::from_secs(40));
        let live = self.proxy.live();
        let expected = Live {
            flows: live.flows,
            contacts: live.contacts,
            timers: live.contacts,
            ..Live::default()
        };
        assert_eq!(live, expected);
        assert!(self.proxy.branches.is_empty());
    }
}

pub(super) fn cseq(request: &Request, method: &str) -> String {
    format!("{} {method}", request.cseq().unwrap().number)
}

/// A request as it is written, with another method in its first line.
pub(super) fn with_method(request: &OutgoingRequest, method: &str) -> Bytes {
    let text = String::from_utf8(request.write().unwrap().to_vec()).unwrap();
    let (_, rest) = text.split_once(' ').unwrap();
    Bytes::from(format!("{method} {rest}"))
}

pub(super) fn as_request(request: &OutgoingRequest) -> Request {
    match Message::parse(request.write().unwrap(), &Limits::default()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

pub(super) fn contact(message: &offhook_sip::Received) -> String {
    message.contact().unwrap().uri.to_string()
}

impl World {
    /// Registers with this password, until the answer is this.
    pub(super) fn register_as(&mut self, phone: &Phone, password: &str, code: u16) -> Response {
        let mut store = AuthStore::new(phone.user, Secret::Password(password.to_owned()));
        let mut attempt = AuthAttempt::default();
        let request = self.compose(phone, "REGISTER", "sip:localhost");
        self.ask(phone, &request);
        let challenge = self.response(phone, 401);
        store.challenged(&mut attempt, &challenge).unwrap();
        let mut request = self.compose(phone, "REGISTER", "sip:localhost");
        store.authorize(&attempt, &mut request, "abcdef").unwrap();
        self.ask(phone, &request);
        self.response(phone, code)
    }

    /// Sends a request of a user with the password that it is asked for.
    pub(super) fn ask_as(
        &mut self,
        phone: &Phone,
        password: &str,
        method: &str,
        uri: &str,
    ) -> Request {
        let mut store = AuthStore::new(phone.user, Secret::Password(password.to_owned()));
        let mut attempt = AuthAttempt::default();
        let request = self.compose(phone, method, uri);
        self.ask(phone, &request);
        if method == "INVITE" {
            self.response(phone, 100);
        }
        let challenge = self.response(phone, 407);
        if method == "INVITE" {
            self.ack_failure(phone, &as_request(&request), &challenge);
        }
        store.challenged(&mut attempt, &challenge).unwrap();
        let mut request = self.compose(phone, method, uri);
        store.authorize(&attempt, &mut request, "abcdef").unwrap();
        self.ask(phone, &request);
        as_request(&request)
    }
}
