//! What a stateful forking proxy needs (RFC 3261, 16; RFC 6026, 7).

use offhook_core::Transport::Udp;
use offhook_core::{Hop, TransactionEvent, TransactionId};
use offhook_sip::{HeaderName, Message, OutgoingRequest, OutgoingResponse, Response};

use crate::bench::{Bench, FLOW, SENT_BY, parse, parse_request, parse_response, request_text, s};

/// A proxy with one call forked to two branches.
struct Proxy {
    bench: Bench,
    server: TransactionId,
    branches: [TransactionId; 2],
}

const BRANCHES: [&str; 2] = ["z9hG4bK-left", "z9hG4bK-right"];

fn forked() -> Proxy {
    let mut bench = Bench::over(Udp);
    let invite = request_text("INVITE");
    let server = bench.new_server(&invite);
    let hop = Hop {
        flow: FLOW,
        transport: Udp,
        sent_by: SENT_BY.into(),
    };
    let branches = BRANCHES.map(|branch| {
        let request = OutgoingRequest::from_request(&parse_request(&invite));
        bench
            .transactions
            .request(bench.now, &mut bench.timers, request, &hop, branch)
            .unwrap()
    });
    bench.drain();
    bench.expect(&["send 100", "send INVITE", "send INVITE"]);
    Proxy {
        bench,
        server,
        branches,
    }
}

impl Proxy {
    /// A response comes on a branch; whatever goes up is forwarded to the caller.
    fn branch_answers(&mut self, branch: usize, status: u16, tag: &str) {
        let sent = BRANCHES[branch];
        let invite = self
            .bench
            .sent()
            .iter()
            .rev()
            .find(|(_, bytes)| {
                bytes
                    .windows(sent.len())
                    .any(|window| window == sent.as_bytes())
            })
            .map(|(_, bytes)| match parse(bytes) {
                Message::Request(request) => request,
                Message::Response(_) => panic!("a response on our own branch"),
            })
            .unwrap();
        let mut text = format!("SIP/2.0 {status} Whatever\r\n");
        for via in invite.values(HeaderName::Via) {
            text += &format!("Via: {via}\r\n");
        }
        text += &format!(
            "From: {}\r\nTo: <sip:bob@biloxi.example.com>;tag={tag}\r\nCall-ID: {}\r\n\
             CSeq: 986759 INVITE\r\nContent-Length: 0\r\n\r\n",
            invite.header(HeaderName::From).unwrap(),
            invite.call_id().unwrap(),
        );
        let response = parse_response(&text);
        let bench = &mut self.bench;
        assert!(
            bench
                .transactions
                .receive_response(bench.now, &mut bench.timers, response, FLOW)
        );
    }

    fn forward(&mut self) -> Vec<Response> {
        let mut forwarded = Vec::new();
        let mut rest = Vec::new();
        while let Some(event) = self.bench.transactions.poll() {
            match event {
                TransactionEvent::Response { id, response } => {
                    assert!(self.branches.contains(&id));
                    forwarded.push(response);
                }
                other => rest.push(other),
            }
        }
        for response in &forwarded {
            let mut upstream = OutgoingResponse::from_response(response);
            let vias: Vec<String> = response
                .values(HeaderName::Via)
                .skip(1)
                .map(str::to_owned)
                .collect();
            upstream.headers_mut().remove(HeaderName::Via);
            for via in vias.iter().rev() {
                upstream
                    .headers_mut()
                    .push_front(HeaderName::Via, via)
                    .unwrap();
            }
            let bench = &mut self.bench;
            bench
                .transactions
                .respond(bench.now, &mut bench.timers, self.server, upstream)
                .unwrap();
        }
        self.bench.drain();
        forwarded
    }
}

#[test]
fn the_via_of_the_proxy_goes_on_top_of_the_one_that_came() {
    let proxy = forked();
    let invite = proxy.bench.last_request();
    let vias: Vec<_> = invite.values(HeaderName::Via).collect();
    assert_eq!(
        vias,
        [
            "SIP/2.0/UDP client.example.com:5066;branch=z9hG4bK-right;rport",
            "SIP/2.0/UDP peer.example.org:5062;branch=z9hG4bKnashds8;rport",
        ]
    );
}

#[test]
fn every_2xx_of_every_branch_is_forwarded_through_one_accepted_server_transaction() {
    let mut proxy = forked();
    proxy.branch_answers(0, 180, "left");
    proxy.forward();
    proxy.bench.expect(&["send 180"]);
    proxy.branch_answers(0, 200, "left");
    proxy.branch_answers(1, 200, "right");
    proxy.branch_answers(0, 200, "left");
    proxy.branch_answers(0, 200, "left-again-forked");
    assert_eq!(proxy.forward().len(), 4);
    proxy.bench.expect(&["send 200"; 4]);
    let top = proxy.bench.last_response();
    assert_eq!(
        top.header(HeaderName::Via),
        Some("SIP/2.0/UDP peer.example.org:5062;branch=z9hG4bKnashds8;rport")
    );
    proxy.bench.pass(s(32));
    proxy.bench.expect_empty();
}

#[test]
fn the_branches_that_lost_are_cancelled_each_on_its_own() {
    let mut proxy = forked();
    proxy.branch_answers(0, 180, "left");
    proxy.branch_answers(1, 180, "right");
    proxy.branch_answers(0, 200, "left");
    proxy.forward();
    proxy.bench.expect(&["send 180", "send 180", "send 200"]);
    proxy.bench.cancel(proxy.branches[1]);
    proxy.bench.expect(&["send CANCEL"]);
    let cancel = proxy.bench.last_request();
    assert_eq!(cancel.vias().count(), 1, "a CANCEL is hop by hop");
    assert_eq!(cancel.via().unwrap().branch(), Some("z9hG4bK-right"));
    proxy.branch_answers(1, 487, "right");
    while let Some(event) = proxy.bench.transactions.poll() {
        if let TransactionEvent::Send { bytes, .. } = event {
            assert!(
                bytes.starts_with(b"ACK "),
                "the proxy acknowledges the 487 itself"
            );
        }
    }
    proxy.bench.pass(s(64));
    proxy.bench.expect_empty();
}
