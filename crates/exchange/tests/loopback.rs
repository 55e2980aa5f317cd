//! The exchange with real sockets: user agents on loopback, ports that the system chooses.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::net::SocketAddr;
use std::time::Duration;

use offhook_core::auth::{AuthAttempt, AuthStore, Secret};
use offhook_core::{FlowId, Transport};
use offhook_exchange::{Events, Exchange, ExchangeBuilder, ExchangeError, ExchangeEvent, Live};
use offhook_net::{Destination, Endpoint, EndpointConfig, Incoming, NetError, NetEvent};
use offhook_sip::{
    HeaderName, Limits, Message, Method, OutgoingRequest, OutgoingResponse, Request, Response,
    StatusCode, Uri,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const FLOW: FlowId = FlowId(1);

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// A bound on what must happen, so that a story that hangs fails.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(120), future)
        .await
        .expect("it happens in time")
}

fn two_users() -> ExchangeBuilder {
    Exchange::builder()
        .user("alice", "alicepw")
        .user("bob", "bobpw")
        .listen(Transport::Ws, loopback())
        .listen(Transport::Udp, loopback())
        .listen(Transport::Tcp, loopback())
}

/// A user agent of one connection.
struct Phone {
    user: &'static str,
    store: AuthStore,
    endpoint: Endpoint,
    incoming: Incoming,
    transport: Transport,
    contact: String,
    cseq: u32,
}

impl Phone {
    async fn connect(exchange: &Exchange, user: &'static str, transport: Transport) -> Phone {
        let (endpoint, mut incoming) = Endpoint::new(EndpointConfig::default());
        let address = exchange.address(transport).unwrap();
        let (host, port) = (address.ip().to_string(), address.port());
        endpoint.open(FLOW, Destination::new(transport, host, port));
        let local = match soon(incoming.next()).await {
            Some(NetEvent::Opened { local, .. }) => local,
            other => panic!("{other:?}"),
        };
        let contact = match transport {
            Transport::Ws => format!("sip:{user}@abcdef.invalid;transport=ws"),
            Transport::Tcp => format!("sip:{user}@{local};transport=tcp"),
            _ => format!("sip:{user}@{local}"),
        };
        Phone {
            user,
            store: AuthStore::new(user, Secret::Password(format!("{user}pw"))),
            endpoint,
            incoming,
            transport,
            contact,
            cseq: 0,
        }
    }

    async fn registered(exchange: &Exchange, user: &'static str, transport: Transport) -> Phone {
        let mut phone = Phone::connect(exchange, user, transport).await;
        let answer = phone.ask("REGISTER", "sip:localhost").await;
        assert_eq!(answer.status(), StatusCode::OK);
        phone
    }

    fn compose(&mut self, method: &str, uri: &str, call_id: &str) -> OutgoingRequest {
        self.cseq += 1;
        let n = self.cseq;
        let mut request = OutgoingRequest::new(Method::parse(method), &Uri::parse(uri).unwrap());
        let to = match method {
            "REGISTER" => format!("<sip:{}@localhost>", self.user),
            _ => format!("<{uri}>"),
        };
        let fields = [
            (
                HeaderName::Via,
                format!(
                    "SIP/2.0/{} abcdef.invalid;branch=z9hG4bK{call_id}{n};rport",
                    self.transport
                ),
            ),
            (HeaderName::MaxForwards, "70".to_owned()),
            (
                HeaderName::From,
                format!("<sip:{}@localhost>;tag=1", self.user),
            ),
            (HeaderName::To, to),
            (HeaderName::CallId, call_id.to_owned()),
            (HeaderName::CSeq, format!("{n} {method}")),
            (HeaderName::Contact, format!("<{}>", self.contact)),
        ];
        for (name, value) in fields {
            request.headers_mut().push(name, value).unwrap();
        }
        request
    }

    fn send(&self, request: &OutgoingRequest) {
        self.endpoint.send(FLOW, request.write().unwrap()).unwrap();
    }

    async fn next(&mut self) -> Message {
        loop {
            match soon(self.incoming.next()).await {
                Some(NetEvent::Received { bytes, .. }) => {
                    return Message::parse(bytes, &Limits::default()).unwrap();
                }
                Some(NetEvent::Pong { .. }) => {}
                other => panic!("{} got {other:?}", self.user),
            }
        }
    }

    async fn request(&mut self, method: &str) -> Request {
        match self.next().await {
            Message::Request(request) if request.method().as_str() == method => request,
            other => panic!("{} got {other:?}", self.user),
        }
    }

    /// The next final response.
    async fn answer(&mut self) -> Response {
        loop {
            match self.next().await {
                Message::Response(response) if response.status().is_provisional() => {}
                Message::Response(response) => return response,
                other => panic!("{} got {other:?}", self.user),
            }
        }
    }

    /// Sends a request, with a password if one is asked for, and waits for its final answer.
    async fn ask(&mut self, method: &str, uri: &str) -> Response {
        let call_id = format!("{}{}", self.user, self.cseq);
        let mut attempt = AuthAttempt::default();
        let mut request = self.compose(method, uri, &call_id);
        loop {
            self.send(&request);
            let answer = self.answer().await;
            if method == "INVITE" && !answer.status().is_success() {
                self.acknowledge(&request, &answer);
            }
            if !matches!(answer.status().code(), 401 | 407)
                || self.store.challenged(&mut attempt, &answer).is_err()
            {
                return answer;
            }
            request = self.compose(method, uri, &call_id);
            self.store
                .authorize(&attempt, &mut request, "cafe")
                .unwrap();
        }
    }

    /// The ACK for a refusal is part of the INVITE's transaction.
    fn acknowledge(&self, invite: &OutgoingRequest, answer: &Response) {
        let uri = Uri::parse(invite.uri()).unwrap().into_owned();
        let mut ack = OutgoingRequest::new(Method::Ack, &uri);
        for name in [HeaderName::Via, HeaderName::From, HeaderName::CallId] {
            let value = invite.headers().get(name).unwrap();
            ack.headers_mut().push(name, value).unwrap();
        }
        let to = answer.header(HeaderName::To).unwrap();
        ack.headers_mut().push(HeaderName::To, to).unwrap();
        let cseq = answer.cseq().unwrap().number;
        let cseq = format!("{cseq} ACK");
        ack.headers_mut().push(HeaderName::CSeq, cseq).unwrap();
        self.send(&ack);
    }

    fn reply(&self, request: &Request, code: u16) {
        let status = StatusCode::new(code).unwrap();
        let mut response = OutgoingResponse::to_request(request, status);
        response.copy_record_route(request);
        response.set_to_tag("2").unwrap();
        let contact = format!("<{}>", self.contact);
        response
            .headers_mut()
            .push(HeaderName::Contact, contact)
            .unwrap();
        let bytes = response.write().unwrap();
        self.endpoint.send(FLOW, bytes).unwrap();
    }

    /// A request within the dialog that the answer made.
    fn follow(&mut self, answer: &Response, method: &str) -> OutgoingRequest {
        let target = answer.contact().unwrap().uri.to_string();
        let call_id = answer.call_id().unwrap().to_owned();
        let mut request = self.compose(method, &target, &call_id);
        let to = answer.header(HeaderName::To).unwrap();
        request.headers_mut().set(HeaderName::To, to).unwrap();
        let mut route: Vec<&str> = answer.values(HeaderName::RecordRoute).collect();
        route.reverse();
        for value in route {
            request
                .headers_mut()
                .push(HeaderName::Route, value)
                .unwrap();
        }
        request
    }
}

async fn event(events: &mut Events) -> ExchangeEvent {
    soon(events.next()).await.expect("the events go on")
}

#[tokio::test]
async fn users_register_and_call_each_other_over_all_transports() {
    for (caller, callee) in [
        (Transport::Ws, Transport::Udp),
        (Transport::Udp, Transport::Ws),
        (Transport::Tcp, Transport::Ws),
        (Transport::Ws, Transport::Tcp),
        (Transport::Ws, Transport::Ws),
        (Transport::Udp, Transport::Udp),
    ] {
        let exchange = two_users().start().await.unwrap();
        let mut events = exchange.events();
        let mut alice = Phone::registered(&exchange, "alice", caller).await;
        let mut bob = Phone::registered(&exchange, "bob", callee).await;
        assert_eq!(exchange.registered("alice"), 1);
        assert_eq!(exchange.registered("bob"), 1);
        for user in ["alice", "bob"] {
            match event(&mut events).await {
                ExchangeEvent::Registered { aor, .. } => {
                    assert_eq!(aor, format!("sip:{user}@localhost"));
                }
                other => panic!("{other:?}"),
            }
        }

        let ringing = async {
            let invite = bob.request("INVITE").await;
            bob.reply(&invite, 180);
            bob.reply(&invite, 200);
            bob.request("ACK").await;
            let bye = bob.request("BYE").await;
            bob.reply(&bye, 200);
        };
        let calling = async {
            let answer = alice.ask("INVITE", "sip:bob@localhost").await;
            assert_eq!(answer.status(), StatusCode::OK, "{caller} to {callee}");
            let ack = alice.follow(&answer, "ACK");
            alice.send(&ack);
            let bye = alice.follow(&answer, "BYE");
            alice.send(&bye);
            assert_eq!(alice.answer().await.status(), StatusCode::OK);
        };
        tokio::join!(ringing, calling);
        let started = event(&mut events).await;
        assert!(
            matches!(&started, ExchangeEvent::CallStarted { from, to, .. }
                if from == "sip:alice@localhost" && to == "sip:bob@localhost"),
            "{started:?}"
        );
        let ended = event(&mut events).await;
        assert!(
            matches!(ended, ExchangeEvent::CallEnded { .. }),
            "{ended:?}"
        );
        assert_eq!(exchange.live().calls, 0);
        exchange.stop().await;
        assert!(soon(events.next()).await.is_none());
    }
}

#[tokio::test]
async fn nobody_home_and_nobody_known_are_told_apart() {
    let exchange = two_users().start().await.unwrap();
    let mut alice = Phone::registered(&exchange, "alice", Transport::Ws).await;
    for (uri, code) in [
        ("sip:bob@localhost", 480),
        ("sip:nobody@localhost", 404),
        ("sip:bob@elsewhere.example", 404),
    ] {
        let answer = alice.ask("INVITE", uri).await;
        assert_eq!(answer.status().code(), code, "{uri}");
    }
}

#[tokio::test]
async fn a_wrong_password_registers_nobody() {
    let exchange = two_users().start().await.unwrap();
    let mut mallory = Phone::connect(&exchange, "alice", Transport::Ws).await;
    mallory.store = AuthStore::new("alice", Secret::Password("guess".to_owned()));
    let answer = mallory.ask("REGISTER", "sip:localhost").await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(exchange.registered("alice"), 0);
    assert_eq!(exchange.counters().challenged, 2);
}

#[tokio::test]
async fn an_open_exchange_asks_for_no_password() {
    let exchange = Exchange::builder().open().start().await.unwrap();
    let address = exchange.address(Transport::Ws).unwrap();
    assert_eq!(exchange.url(), format!("ws://{address}"));
    assert_eq!(exchange.domain(), "localhost");
    let mut eve = Phone::connect(&exchange, "eve", Transport::Ws).await;
    let answer = eve.ask("REGISTER", "sip:localhost").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(exchange.registered("eve"), 1);
}

#[tokio::test]
async fn a_user_agent_that_vanishes_is_no_longer_registered() {
    let exchange = two_users().start().await.unwrap();
    let mut events = exchange.events();
    let alice = Phone::registered(&exchange, "alice", Transport::Ws).await;
    event(&mut events).await;
    drop(alice);
    let gone = event(&mut events).await;
    assert!(
        matches!(gone, ExchangeEvent::Unregistered { .. }),
        "{gone:?}"
    );
    assert_eq!(exchange.registered("alice"), 0);
    assert_eq!(exchange.live().flows, 0);
}

#[tokio::test]
async fn a_registered_contact_without_its_tcp_connection_is_connected_to() {
    let exchange = two_users().start().await.unwrap();
    let mut events = exchange.events();
    let mut alice = Phone::registered(&exchange, "alice", Transport::Ws).await;
    let (home, mut at_home) = Endpoint::new(EndpointConfig::default());
    let address = home.listen(Transport::Tcp, loopback()).await.unwrap();
    let mut bob = Phone::connect(&exchange, "bob", Transport::Tcp).await;
    bob.contact = format!("sip:bob@{address};transport=tcp");
    bob.ask("REGISTER", "sip:localhost").await;
    for _ in 0..2 {
        event(&mut events).await;
    }
    drop(bob);
    while exchange.live().flows > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(exchange.registered("bob"), 1);
    let calling = alice.ask("MESSAGE", "sip:bob@localhost");
    let answering = async {
        let accepted = soon(at_home.next()).await;
        assert!(matches!(accepted, Some(NetEvent::Accepted { .. })));
        let Some(NetEvent::Received { flow, bytes }) = soon(at_home.next()).await else {
            panic!("no message came");
        };
        let Ok(Message::Request(request)) = Message::parse(bytes, &Limits::default()) else {
            panic!("no request came");
        };
        let mut answer = OutgoingResponse::to_request(&request, StatusCode::ACCEPTED);
        answer.set_to_tag("9").unwrap();
        home.send(flow, answer.write().unwrap()).unwrap();
    };
    let (answer, ()) = tokio::join!(calling, answering);
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn stopping_says_farewell_and_frees_the_ports() {
    let exchange = two_users().start().await.unwrap();
    let address = exchange.address(Transport::Tcp).unwrap();
    let mut alice = Phone::registered(&exchange, "alice", Transport::Ws).await;
    exchange.stop().await;
    let lost = soon(alice.incoming.next()).await;
    assert!(matches!(lost, Some(NetEvent::Lost { .. })), "{lost:?}");
    let again = Exchange::builder()
        .open()
        .listen(Transport::Tcp, address)
        .start()
        .await
        .unwrap();
    assert_eq!(again.address(Transport::Tcp), Some(address));
}

#[tokio::test]
async fn garbage_ends_its_connection_and_nothing_else() {
    let exchange = two_users().start().await.unwrap();
    let mut alice = Phone::registered(&exchange, "alice", Transport::Tcp).await;
    let address = exchange.address(Transport::Tcp).unwrap();
    let mut vandal = TcpStream::connect(address).await.unwrap();
    vandal
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    // It is closed, politely or not.
    let _ = soon(vandal.read_to_end(&mut answer)).await;
    let answer = alice.ask("OPTIONS", "sip:localhost").await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_falls_silent_is_closed_and_its_contact_expires() {
    let exchange = two_users()
        .idle_timeout(Duration::from_secs(60))
        .start()
        .await
        .unwrap();
    let mut events = exchange.events();
    let mut alice = Phone::registered(&exchange, "alice", Transport::Tcp).await;
    event(&mut events).await;
    let start = tokio::time::Instant::now();
    let lost = alice.incoming.next().await;
    assert!(matches!(lost, Some(NetEvent::Lost { .. })), "{lost:?}");
    assert_eq!(start.elapsed().as_secs(), 60);
    // It may be connected to until the ten minutes are over that it registered for.
    assert_eq!(exchange.registered("alice"), 1);
    assert!(matches!(
        events.next().await,
        Some(ExchangeEvent::Unregistered { .. })
    ));
    assert_eq!(start.elapsed().as_secs(), 600);
    assert_eq!(exchange.live(), Live::default());
}

#[tokio::test]
async fn what_cannot_work_is_said_before_it_starts() {
    let error = Exchange::builder().start().await.unwrap_err();
    assert!(matches!(error, ExchangeError::NobodyMayRegister), "{error}");
    let error = two_users().domain("no domain").start().await.unwrap_err();
    assert!(matches!(error, ExchangeError::InvalidDomain(_)), "{error}");
    let error = two_users().domain("a.example:5060").start().await;
    assert!(matches!(error, Err(ExchangeError::InvalidDomain(_))));
    let first = two_users().start().await.unwrap();
    let taken = first.address(Transport::Ws).unwrap();
    let error = two_users().listen(Transport::Ws, taken).start().await;
    assert!(matches!(
        error,
        Err(ExchangeError::Net(NetError::CannotListen { .. }))
    ));
    let error = two_users().listen(Transport::Wss, loopback()).start().await;
    assert!(matches!(
        error,
        Err(ExchangeError::Net(NetError::NoCertificate { .. }))
    ));
}
