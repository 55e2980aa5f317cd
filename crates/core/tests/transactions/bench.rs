//! A transaction layer on a test bench: a virtual clock, and every event as one line of text.

use std::time::Duration;

use bytes::Bytes;
use offhook_core::{
    FlowId, Hop, Instant, Received, RespondError, SendError, TimerQueue, TransactionEvent,
    TransactionId, TransactionTimer, TransactionTimings, Transactions, Transport,
};
use offhook_sip::{
    Limits, Message, Method, OutgoingRequest, OutgoingResponse, Request, Response, StatusCode, Uri,
};

pub(crate) const BRANCH: &str = "z9hG4bK-branch-1";
pub(crate) const SENT_BY: &str = "client.example.com:5066";
pub(crate) const FLOW: FlowId = FlowId(1);

pub(crate) struct Bench {
    pub(crate) transactions: Transactions,
    pub(crate) timers: TimerQueue<TransactionTimer>,
    pub(crate) now: Instant,
    transport: Transport,
    lines: Vec<String>,
    sent: Vec<(FlowId, Bytes)>,
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl Bench {
    pub(crate) fn over(transport: Transport) -> Bench {
        Bench::with(Transactions::new(TransactionTimings::default()), transport)
    }

    pub(crate) fn with(transactions: Transactions, transport: Transport) -> Bench {
        Bench {
            transactions,
            timers: TimerQueue::new(),
            now: Instant::ZERO + s(1_000),
            transport,
            lines: Vec::new(),
            sent: Vec::new(),
        }
    }

    pub(crate) fn hop(&self) -> Hop {
        Hop {
            flow: FLOW,
            transport: self.transport,
            sent_by: SENT_BY.into(),
        }
    }

    // The client's side.

    pub(crate) fn try_request(
        &mut self,
        method: Method<'_>,
        branch: &str,
    ) -> Result<TransactionId, SendError> {
        let hop = self.hop();
        let result =
            self.transactions
                .request(self.now, &mut self.timers, outgoing(method), &hop, branch);
        self.drain();
        result
    }

    pub(crate) fn request(&mut self, method: Method<'_>) -> TransactionId {
        self.try_request(method, BRANCH).unwrap()
    }

    pub(crate) fn cancel(&mut self, id: TransactionId) {
        self.cancel_because(id, None);
    }

    pub(crate) fn cancel_because(&mut self, id: TransactionId, reason: Option<&str>) {
        self.transactions
            .cancel(self.now, &mut self.timers, id, reason)
            .unwrap();
        self.drain();
    }

    /// A response comes to the request of `method` on the branch of the bench.
    pub(crate) fn answer(&mut self, method: &str, status: u16) -> bool {
        self.answer_tagged(method, status, "callee")
    }

    pub(crate) fn answer_tagged(&mut self, method: &str, status: u16, tag: &str) -> bool {
        self.receive_response(&response_text(method, status, tag, SENT_BY, BRANCH))
    }

    pub(crate) fn receive_response(&mut self, text: &str) -> bool {
        let matched = self.transactions.receive_response(
            self.now,
            &mut self.timers,
            parse_response(text),
            FLOW,
        );
        self.drain();
        matched
    }

    // The server's side.

    pub(crate) fn receive(&mut self, text: &str) -> Received {
        self.receive_on(text, FLOW)
    }

    pub(crate) fn receive_on(&mut self, text: &str, flow: FlowId) -> Received {
        let received = self.transactions.receive_request(
            self.now,
            &mut self.timers,
            parse_request(text),
            flow,
            self.transport,
        );
        self.drain();
        received
    }

    /// A request comes that opens a transaction.
    pub(crate) fn new_server(&mut self, text: &str) -> TransactionId {
        match self.receive(text) {
            Received::New(id) => id,
            other => panic!("no new transaction: {other:?}"),
        }
    }

    pub(crate) fn try_respond(
        &mut self,
        id: TransactionId,
        request: &str,
        status: u16,
    ) -> Result<(), RespondError> {
        let response = outgoing_response(request, status, "server");
        let result = self
            .transactions
            .respond(self.now, &mut self.timers, id, response);
        self.drain();
        result
    }

    pub(crate) fn respond(&mut self, id: TransactionId, request: &str, status: u16) {
        self.try_respond(id, request, status).unwrap();
    }

    // Time, flows and what was said.

    /// Time passes; every timer fires at its own moment.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.timers.next().filter(|&due| due <= end) {
            self.now = self.now.max(due);
            while let Some(timer) = self.timers.expire(self.now) {
                self.transactions
                    .handle_timeout(self.now, &mut self.timers, timer);
            }
            self.drain();
        }
        self.now = end;
    }

    pub(crate) fn lose_flow(&mut self, flow: FlowId) {
        self.transactions
            .flow_lost(self.now, &mut self.timers, flow);
        self.drain();
    }

    pub(crate) fn move_flow(&mut self, from: FlowId, to: FlowId) {
        self.transactions.move_flow(from, to);
        self.drain();
    }

    /// What was said since the last time, one line each.
    #[track_caller]
    pub(crate) fn expect(&mut self, lines: &[&str]) {
        let said: Vec<String> = self
            .lines
            .drain(..)
            .map(|line| line.split_once(' ').unwrap().1.to_owned())
            .collect();
        assert_eq!(said, lines);
    }

    /// The same, each line with its time in milliseconds since `start`.
    #[track_caller]
    pub(crate) fn expect_timed(&mut self, start: Instant, lines: &[(u64, &str)]) {
        let said: Vec<(u64, String)> = self
            .lines
            .drain(..)
            .map(|line| {
                let (at, what) = line.split_once(' ').unwrap();
                let at = Instant::from_micros(at.parse().unwrap()) - start;
                (u64::try_from(at.as_millis()).unwrap(), what.to_owned())
            })
            .collect();
        let expected: Vec<(u64, String)> = lines
            .iter()
            .map(|&(at, what)| (at, what.to_owned()))
            .collect();
        assert_eq!(said, expected);
    }

    /// The last message that was sent, and on which flow.
    pub(crate) fn last_sent(&self) -> (FlowId, &Bytes) {
        let (flow, bytes) = self.sent.last().expect("something was sent");
        (*flow, bytes)
    }

    pub(crate) fn sent(&self) -> &[(FlowId, Bytes)] {
        &self.sent
    }

    pub(crate) fn last_request(&self) -> Request {
        match parse(self.last_sent().1) {
            Message::Request(request) => request,
            Message::Response(response) => panic!("a response: {:?}", response.status()),
        }
    }

    pub(crate) fn last_response(&self) -> Response {
        match parse(self.last_sent().1) {
            Message::Response(response) => response,
            Message::Request(request) => panic!("a request: {}", request.method()),
        }
    }

    /// Nothing is left: no transaction, no timer.
    #[track_caller]
    pub(crate) fn expect_empty(&self) {
        assert_eq!(self.transactions.len(), 0, "transactions are left");
        assert_eq!(self.timers.len(), 0, "timers are left");
    }

    pub(crate) fn drain(&mut self) {
        while let Some(event) = self.transactions.poll() {
            let line = match event {
                TransactionEvent::Send { flow, bytes } => {
                    let line = match parse(&bytes) {
                        Message::Request(request) => format!("send {}", request.method()),
                        Message::Response(response) => {
                            format!("send {}", response.status().code())
                        }
                    };
                    self.sent.push((flow, bytes));
                    line
                }
                TransactionEvent::Response { response, .. } => {
                    format!("response {}", response.status().code())
                }
                TransactionEvent::Timeout { .. } => "timeout".into(),
                TransactionEvent::TransportFailed { .. } => "transport failed".into(),
                TransactionEvent::AckMissing { .. } => "ack missing".into(),
                TransactionEvent::Terminated { .. } => "terminated".into(),
                other => panic!("an event the bench does not know: {other:?}"),
            };
            self.lines.push(format!("{} {line}", self.now.as_micros()));
        }
    }
}

pub(crate) fn parse(bytes: &Bytes) -> Message {
    Message::parse(bytes.clone(), &Limits::default()).expect("a message")
}

pub(crate) fn parse_request(text: &str) -> Request {
    match parse(&Bytes::copy_from_slice(text.as_bytes())) {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    }
}

pub(crate) fn parse_response(text: &str) -> Response {
    match parse(&Bytes::copy_from_slice(text.as_bytes())) {
        Message::Response(response) => response,
        Message::Request(_) => panic!("a request"),
    }
}

/// A request of ours, as its owner hands it over: without a Via.
pub(crate) fn outgoing(method: Method<'_>) -> OutgoingRequest {
    let uri = Uri::parse("sip:bob@biloxi.example.com").unwrap();
    let mut request = OutgoingRequest::new(method, &uri);
    let cseq = format!("314159 {}", method.as_str());
    let headers = request.headers_mut();
    headers.push("Max-Forwards", 70).unwrap();
    headers
        .push("Route", "<sip:p1.example.com;lr>, <sip:p2.example.com;lr>")
        .unwrap();
    headers.push("Route", "<sip:p3.example.com;lr>").unwrap();
    headers
        .push(
            "From",
            "Alice <sip:alice@atlanta.example.com>;tag=1928301774",
        )
        .unwrap();
    headers
        .push("To", "Bob <sip:bob@biloxi.example.com>")
        .unwrap();
    headers
        .push("Call-ID", "a84b4c76e66710@pc33.atlanta.example.com")
        .unwrap();
    headers.push("CSeq", cseq).unwrap();
    headers
        .push("Contact", "<sip:alice@pc33.atlanta.example.com>")
        .unwrap();
    headers.push("Subject", "lunch").unwrap();
    request
}

pub(crate) fn response_text(
    method: &str,
    status: u16,
    tag: &str,
    sent_by: &str,
    branch: &str,
) -> String {
    format!(
        "SIP/2.0 {status} Whatever\r\n\
         Via: SIP/2.0/UDP {sent_by};branch={branch};rport=5066;received=192.0.2.7\r\n\
         From: Alice <sip:alice@atlanta.example.com>;tag=1928301774\r\n\
         To: Bob <sip:bob@biloxi.example.com>;tag={tag}\r\n\
         Call-ID: a84b4c76e66710@pc33.atlanta.example.com\r\n\
         CSeq: 314159 {method}\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// A request of a peer, with the magic cookie.
pub(crate) fn request_text(method: &str) -> String {
    request_with(
        method,
        "SIP/2.0/UDP peer.example.org:5062;branch=z9hG4bKnashds8;rport",
    )
}

pub(crate) fn request_with(method: &str, via: &str) -> String {
    format!(
        "{method} sip:bob@192.0.2.4 SIP/2.0\r\n\
         Via: {via}\r\n\
         Max-Forwards: 70\r\n\
         From: Alice <sip:alice@atlanta.example.com>;tag=88sja8x\r\n\
         To: Bob <sip:bob@biloxi.example.com>\r\n\
         Call-ID: 987asjd97y7atg\r\n\
         CSeq: 986759 {method}\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// The same request with a To tag, as an ACK has it.
pub(crate) fn tagged(request: &str, tag: &str) -> String {
    request.replace(
        "biloxi.example.com>\r\n",
        &format!("biloxi.example.com>;tag={tag}\r\n"),
    )
}

/// The request as the ACK or the CANCEL that goes with it.
pub(crate) fn turned_into(method: &str, invite: &str) -> String {
    invite.replace("INVITE", method)
}

pub(crate) fn outgoing_response(request: &str, status: u16, tag: &str) -> OutgoingResponse {
    let status = StatusCode::new(status).unwrap();
    let mut response = OutgoingResponse::to_request(&parse_request(request), status);
    let to = response.headers().get("To").unwrap().to_owned();
    response
        .headers_mut()
        .set("To", format!("{to};tag={tag}"))
        .unwrap();
    response
}

pub(crate) const BOTH: [Transport; 2] = [Transport::Udp, Transport::Tcp];
