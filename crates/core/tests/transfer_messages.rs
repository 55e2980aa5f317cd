//! Stories of one agent and the messages of a transfer that a peer hands it, good and bad
//! (RFC 3515, RFC 3891, RFC 4488).

mod util;

use std::time::Duration;

use offhook_core::{Event, Output, Question, ReferOptions, SessionId};
use offhook_sip::{HeaderName, Method, Replaces, Request, Response, StatusCode};
use util::OFFER;
use util::lone::Lone;

/// A call from Bob that the agent has taken, and the tag it chose.
struct Talk {
    lone: Lone,
    session: SessionId,
    tag: String,
    sequence: u32,
}

fn invite(call: &str, extra: &str) -> String {
    format!(
        "INVITE sip:alice@example.com SIP/2.0\r\n\
         Via: SIP/2.0/WS proxy.example.com;branch=z9hG4bK{call}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:bob@example.com>;tag=bobtag\r\n\
         To: <sip:alice@example.com>\r\n\
         Call-ID: {call}\r\n\
         CSeq: 17 INVITE\r\n\
         Contact: <sip:bob@198.51.100.7;transport=ws>\r\n\
         {extra}Content-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{OFFER}",
        OFFER.len()
    )
}

impl Talk {
    fn new() -> Self {
        let mut lone = Lone::unregistered();
        lone.receive(invite("talk", ""));
        let session = lone.session.expect("a session");
        let tag = answer(&mut lone, session);
        let mut talk = Self {
            lone,
            session,
            tag,
            sequence: 17,
        };
        talk.give("ACK", 17, "", "");
        assert!(talk.lone.news().ends_with("confirmed(remote)"));
        talk.lone.responses.clear();
        talk
    }

    fn give(&mut self, method: &str, number: u32, extra: &str, body: &str) {
        let tag = &self.tag;
        self.lone.receive(format!(
            "{method} sip:alice@example.com SIP/2.0\r\n\
             Via: SIP/2.0/WS proxy.example.com;branch=z9hG4bK{method}{number}\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:bob@example.com>;tag=bobtag\r\n\
             To: <sip:alice@example.com>;tag={tag}\r\n\
             Call-ID: talk\r\n\
             CSeq: {number} {method}\r\n\
             {extra}Content-Length: {}\r\n\r\n{body}",
            body.len()
        ));
    }

    /// A request of Bob's, and the answer to it.
    fn asks(&mut self, method: &str, extra: &str, body: &str) -> Response {
        self.sequence += 1;
        self.give(method, self.sequence, extra, body);
        self.lone.response()
    }

    fn status(&mut self, method: &str, extra: &str, body: &str) -> u16 {
        self.asks(method, extra, body).status().code()
    }

    /// A NOTIFY of Bob's with this Event and state, and the status of the answer to it.
    fn notify(&mut self, event: &str, state: &str, body: &str) -> u16 {
        let event = match event {
            "" => String::new(),
            event => format!("Event: {event}\r\n"),
        };
        let extra = format!(
            "{event}Subscription-State: {state}\r\nContent-Type: message/sipfrag;version=2.0\r\n"
        );
        self.status("NOTIFY", &extra, body)
    }

    fn refer(&mut self, options: ReferOptions) -> Request {
        let now = self.lone.now;
        let mut session = self.lone.agent.session(self.session).expect("a session");
        session.refer(now, "carol", options).expect("a REFER");
        self.lone.drain();
        self.lone.request(Method::Refer)
    }

    /// A REFER that Bob has taken; the id of its NOTIFYs.
    fn referred(&mut self) -> String {
        let refer = self.refer(ReferOptions::default());
        self.lone.answer(&refer, StatusCode::ACCEPTED, &[]);
        assert_eq!(self.lone.news(), "requestSucceeded");
        format!("refer;id={}", refer.cseq().expect("a CSeq").number)
    }

    fn hang_up(&mut self) {
        let now = self.lone.now;
        let mut session = self.lone.agent.session(self.session).expect("a session");
        session.terminate(now, Default::default()).expect("ended");
        self.lone.drain();
        let bye = self.lone.request(Method::Bye);
        self.lone.answer(&bye, StatusCode::OK, &[]);
    }

    /// The call ends, and nothing is left.
    fn finish(mut self) {
        self.hang_up();
        self.lone.assert_clean();
        assert_eq!(self.lone.agent.live().subscriptions, 0);
        assert_eq!(self.lone.agent.live().timers, 0);
    }
}

/// Lets the agent answer a call; the tag it chose.
fn answer(lone: &mut Lone, session: SessionId) -> String {
    let now = lone.now;
    let mut call = lone.agent.session(session).expect("it lives");
    call.answer(now, Default::default()).expect("answered");
    lone.drain();
    let ok = lone.responses.last().expect("a 200");
    assert_eq!(ok.status(), StatusCode::OK);
    let to = ok.to().expect("a To");
    to.tag().expect("a tag").to_owned()
}

fn body(status: &str) -> String {
    format!("SIP/2.0 {status}\r\n")
}

#[test]
fn a_notify_is_matched_by_the_number_of_its_refer() {
    let mut talk = Talk::new();
    let event = talk.referred();
    let active = "active;expires=60";
    assert_eq!(talk.notify("refer;id=1", active, &body("200 OK")), 481);
    assert_eq!(talk.notify("", active, &body("200 OK")), 400);
    assert_eq!(talk.notify("presence", active, &body("200 OK")), 489);
    assert_eq!(talk.notify("refer;;", active, &body("200 OK")), 400);
    assert_eq!(talk.lone.news(), "");
    assert_eq!(talk.notify(&event, active, &body("100 Trying")), 200);
    // Just one is open: it needs no id.
    assert_eq!(talk.notify("refer", active, &body("183 Early")), 200);
    assert_eq!(talk.lone.news(), "trying(100) progress(183)");
    // The transfer is decided once; the NOTIFY that ends the subscription is taken all the same.
    assert_eq!(talk.notify(&event, active, &body("200 OK")), 200);
    let last = "terminated;reason=noresource";
    assert_eq!(talk.notify(&event, last, &body("200 OK")), 200);
    assert_eq!(talk.lone.news(), "accepted(200) terminated(noresource)");
    assert_eq!(talk.notify(&event, last, &body("200 OK")), 481);
    talk.finish();
}

#[test]
fn with_two_subscriptions_a_notify_needs_its_id() {
    let mut talk = Talk::new();
    let (first, second) = (talk.referred(), talk.referred());
    let active = "active;expires=60";
    assert_ne!(first, second);
    assert_eq!(talk.notify("refer", active, &body("180 Ringing")), 400);
    let last = "terminated;reason=noresource";
    assert_eq!(talk.notify(&second, last, &body("486 Busy Here")), 200);
    assert_eq!(talk.notify("refer", last, &body("200 OK")), 200);
    assert_eq!(
        talk.lone.news(),
        "failed(486) terminated(noresource) accepted(200) terminated(noresource)"
    );
    talk.finish();
}

#[test]
fn a_notify_that_says_nothing_readable_is_taken() {
    let mut talk = Talk::new();
    let event = talk.referred();
    let active = "active;expires=60";
    for body in ["", "nonsense", "SIP/2.0 OK", "SIP/2.0 1000 No\r\n"] {
        assert_eq!(talk.notify(&event, active, body), 200, "{body:?}");
    }
    let plain = format!("Event: {event}\r\nContent-Type: text/plain\r\n");
    assert_eq!(talk.status("NOTIFY", &plain, &body("200 OK")), 200);
    assert_eq!(talk.lone.news(), "");
    // Without a Subscription-State the status decides.
    let bare = format!("Event: {event}\r\n");
    assert_eq!(talk.status("NOTIFY", &bare, &body("180 Ringing")), 200);
    assert_eq!(talk.status("NOTIFY", &bare, &body("603 Decline")), 200);
    assert_eq!(talk.lone.news(), "progress(180) failed(603) terminated()");
    talk.finish();
}

#[test]
fn a_notify_may_overtake_the_answer_to_its_refer() {
    let mut talk = Talk::new();
    let refer = talk.refer(ReferOptions::default());
    let event = format!("refer;id={}", refer.cseq().expect("a CSeq").number);
    let last = "terminated;reason=noresource";
    assert_eq!(talk.notify(&event, last, &body("200 OK")), 200);
    assert_eq!(talk.lone.news(), "accepted(200)");
    talk.lone.answer(&refer, StatusCode::ACCEPTED, &[]);
    assert_eq!(talk.lone.news(), "requestSucceeded terminated(noresource)");
    talk.finish();
}

#[test]
fn a_subscription_outlives_its_call() {
    let mut talk = Talk::new();
    let event = talk.referred();
    talk.hang_up();
    assert_eq!(talk.lone.news(), "ended(local, Terminated)");
    assert_eq!(talk.lone.agent.live().subscriptions, 1);
    let active = "active;expires=60";
    assert_eq!(talk.notify(&event, active, &body("180 Ringing")), 200);
    // The call itself is over.
    assert_eq!(talk.status("BYE", "", ""), 481);
    assert_eq!(talk.status("REFER", "Refer-To: <sip:c@d>\r\n", ""), 481);
    let last = "terminated;reason=noresource";
    assert_eq!(talk.notify(&event, last, &body("200 OK")), 200);
    assert_eq!(
        talk.lone.news(),
        "progress(180) accepted(200) terminated(noresource) closed"
    );
    assert_eq!(talk.notify(&event, last, &body("200 OK")), 481);
    talk.lone.assert_clean();
}

#[test]
fn a_subscription_lasts_as_long_as_its_last_notify_says() {
    let mut talk = Talk::new();
    let event = talk.referred();
    talk.hang_up();
    talk.lone.news();
    talk.lone.run(Duration::from_secs(20));
    assert_eq!(talk.notify(&event, "active;expires=60", ""), 200);
    talk.lone.run(Duration::from_secs(59));
    assert_eq!(talk.lone.news(), "");
    talk.lone.run(Duration::from_secs(1));
    assert_eq!(talk.lone.news(), "terminated(timeout) closed");
    talk.lone.assert_clean();
}

#[test]
fn a_peer_that_never_notifies_is_not_waited_for() {
    let mut talk = Talk::new();
    talk.referred();
    talk.lone.run(Duration::from_secs(33));
    assert_eq!(talk.lone.news(), "terminated(timeout)");
    talk.finish();
}

#[test]
fn a_challenged_refer_is_known_by_its_second_number() {
    let mut talk = Talk::new();
    let refer = talk.refer(ReferOptions::default());
    let challenge = "Digest realm=\"example.com\", nonce=\"n\", algorithm=MD5, qop=\"auth\"";
    let status = StatusCode::PROXY_AUTHENTICATION_REQUIRED;
    talk.lone
        .answer(&refer, status, &[("Proxy-Authenticate", challenge)]);
    let again = talk.lone.request(Method::Refer);
    let number = again.cseq().expect("a CSeq").number;
    assert_eq!(number, refer.cseq().expect("a CSeq").number + 1);
    talk.lone.answer(&again, StatusCode::ACCEPTED, &[]);
    let last = "terminated;reason=noresource";
    let event = format!("refer;id={}", number - 1);
    assert_eq!(talk.notify(&event, last, &body("200 OK")), 481);
    let event = format!("refer;id={number}");
    assert_eq!(talk.notify(&event, last, &body("200 OK")), 200);
    talk.finish();
}

#[test]
fn a_refused_refer_leaves_the_session() {
    for (status, told) in [
        (StatusCode::CALL_DOES_NOT_EXIST, "Dialog Error"),
        (StatusCode::REQUEST_TIMEOUT, "Request Timeout"),
        (StatusCode::FORBIDDEN, "Rejected"),
        (StatusCode::NOT_IMPLEMENTED, "Rejected"),
    ] {
        let mut talk = Talk::new();
        let refer = talk.refer(ReferOptions::default());
        talk.lone.answer(&refer, status, &[]);
        assert_eq!(talk.lone.news(), format!("requestFailed({told})"));
        talk.finish();
    }
    let mut talk = Talk::new();
    talk.refer(ReferOptions::default());
    talk.lone.run(Duration::from_secs(33));
    assert_eq!(talk.lone.news(), "requestFailed(Request Timeout)");
    talk.finish();
}

#[test]
fn a_peer_that_notifies_unasked_is_listened_to() {
    let mut talk = Talk::new();
    let options = ReferOptions {
        subscribe: false,
        ..Default::default()
    };
    let refer = talk.refer(options);
    // Its 2xx does not say Refer-Sub: false: the subscription stands (RFC 4488 section 4).
    talk.lone.answer(&refer, StatusCode::ACCEPTED, &[]);
    let last = "terminated;reason=noresource";
    assert_eq!(talk.notify("refer", last, &body("200 OK")), 200);
    assert_eq!(
        talk.lone.news(),
        "requestSucceeded accepted(200) terminated(noresource)"
    );
    talk.finish();
}

#[test]
fn a_target_with_headers_of_its_own_gets_one_more() {
    let mut talk = Talk::new();
    let other = {
        talk.lone.receive(invite("other", ""));
        let other = talk.lone.session.expect("a session");
        let tag = answer(&mut talk.lone, other);
        (other, tag)
    };
    talk.lone.responses.clear();
    let now = talk.lone.now;
    let mut session = talk.lone.agent.session(talk.session).expect("a session");
    let options = ReferOptions {
        replaces: Some(other.0),
        extra_headers: vec![(
            "referred-by".to_owned(),
            "<sip:boss@example.com>".to_owned(),
        )],
        ..Default::default()
    };
    session
        .refer(now, "sip:carol@example.com;x=1?Subject=hi%20there", options)
        .expect("a REFER");
    talk.lone.drain();
    let refer = talk.lone.request(Method::Refer);
    // Bob has called: his tag is the one in From, and on his side the local one.
    assert_eq!(
        refer.header(HeaderName::ReferTo),
        Some(
            format!(
                "<sip:carol@example.com;x=1?Subject=hi%20there&\
                 Replaces=other%3Bto-tag%3Dbobtag%3Bfrom-tag%3D{}>",
                other.1
            )
            .as_str()
        )
    );
    let by: Vec<&str> = refer.headers(HeaderName::ReferredBy).collect();
    assert_eq!(by, ["<sip:boss@example.com>"]);
}

#[test]
fn a_refer_that_cannot_be_followed_says_why() {
    let table = [
        ("", 400),
        ("Refer-To: nonsense\r\n", 400),
        ("Refer-To: <sip:c@d>\r\nRefer-To: <sip:e@f>\r\n", 400),
        ("Refer-To: <sip:c@d?Replaces=x>\r\n", 400),
        ("Refer-To: <tel:+15551234>\r\n", 416),
        ("Refer-To: <https://example.com/>\r\n", 416),
        ("Refer-To: <sip:c@d;method=BYE>\r\n", 501),
        ("Refer-To: <sips:c@d>\r\n", 202),
        ("Refer-To: <sip:c@d;method=INVITE>\r\n", 202),
        ("Refer-To: sip:c@d\r\n", 202),
        ("r: <sip:c@d>\r\nReferred-By: nonsense\r\n", 202),
    ];
    for (headers, status) in table {
        let mut talk = Talk::new();
        assert_eq!(talk.status("REFER", headers, ""), status, "{headers}");
        // Nobody allows it: what is taken is declined, after a first NOTIFY.
        if status == 202 {
            for line in ["SIP/2.0 100 Trying\r\n", "SIP/2.0 603 Decline\r\n"] {
                let notify = talk.lone.request(Method::Notify);
                assert_eq!(notify.body(), line.as_bytes());
                talk.lone.answer(&notify, StatusCode::OK, &[]);
            }
        }
        assert!(talk.lone.requests.is_empty(), "{headers}");
        talk.finish();
    }
}

#[test]
fn a_refer_outside_an_established_call_is_refused() {
    let mut lone = Lone::unregistered();
    let request = |tag: &str, number: u32| {
        format!(
            "REFER sip:alice@example.com SIP/2.0\r\n\
             Via: SIP/2.0/WS proxy.example.com;branch=z9hG4bKr{number}\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:bob@example.com>;tag=bobtag\r\n\
             To: <sip:alice@example.com>{tag}\r\n\
             Call-ID: talk\r\n\
             CSeq: {number} REFER\r\n\
             Contact: <sip:bob@198.51.100.7;transport=ws>\r\n\
             Refer-To: <sip:carol@example.com>\r\n\
             Content-Length: 0\r\n\r\n"
        )
    };
    lone.receive(request("", 16));
    assert!(lone.response().status().is_client_error());
    lone.receive(invite("talk", ""));
    let ringing = lone.responses.pop().expect("a 180");
    let to = ringing.to().expect("a To");
    let tag = format!(";tag={}", to.tag().expect("a tag"));
    lone.responses.clear();
    lone.receive(request(&tag, 18));
    assert_eq!(lone.response().status(), StatusCode::FORBIDDEN);
    assert!(lone.requests.is_empty());
    let transfers = |asked: &Question| matches!(asked, Question::Refer { .. });
    assert!(
        !lone
            .asked
            .iter()
            .any(|(_, _, question)| transfers(question))
    );
}

#[test]
fn what_came_with_a_refer_goes_into_its_call() {
    let mut talk = Talk::new();
    talk.lone.accepts = true;
    let refer_to = "Refer-To: <sip:carol@example.com;transport=ws?Replaces=c%40x%3Bto-tag%3D1\
         %3Bfrom-tag%3D2&Subject=hello&Via=evil&Route=%3Csip:evil@example.com%3E&body=evil>\r\n\
         Referred-By: \"Bob\" <sip:bob@example.com>;cid=\"1@example.com\"\r\n";
    let accepted = talk.asks("REFER", refer_to, "");
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    assert!(accepted.contact().is_ok());
    assert_eq!(talk.lone.news(), "referred connecting");
    let question = talk.lone.asked.iter().find_map(|(_, session, question)| {
        let Question::Refer { refer_to, .. } = question else {
            return None;
        };
        Some((*session, refer_to.clone()))
    });
    let (asked, target) = question.expect("a question");
    assert_eq!(asked, Some(talk.session));
    assert_eq!(target.user(), Some("carol"));
    let at = |requests: &[Request], method| {
        requests
            .iter()
            .position(|request| request.method() == method)
            .expect("a request")
    };
    let notify = at(&talk.lone.requests, Method::Notify);
    let notify = talk.lone.requests.remove(notify);
    assert_eq!(notify.header(HeaderName::Event), Some("refer;id=18"));
    assert_eq!(
        notify.header(HeaderName::SubscriptionState),
        Some("active;expires=300")
    );
    talk.lone.answer(&notify, StatusCode::OK, &[]);
    let invite = talk.lone.request(Method::Invite);
    assert_eq!(invite.uri_text(), "sip:carol@example.com;transport=ws");
    let replaces = invite.typed::<Replaces<'_>>().expect("readable");
    assert_eq!(replaces.expect("there").call_id, "c@x");
    assert_eq!(invite.header(HeaderName::Subject), Some("hello"));
    assert_eq!(
        invite.header(HeaderName::ReferredBy),
        Some("\"Bob\" <sip:bob@example.com>;cid=\"1@example.com\"")
    );
    assert_eq!(invite.headers(HeaderName::Via).count(), 1);
    assert!(invite.header(HeaderName::Route).is_none());
    talk.lone
        .answer_from(&invite, StatusCode::BUSY_HERE, "carol", "");
    let ack = at(&talk.lone.requests, Method::Ack);
    talk.lone.requests.remove(ack);
    let notify = talk.lone.request(Method::Notify);
    assert_eq!(notify.body(), b"SIP/2.0 486 Busy Here\r\n");
    assert_eq!(
        notify.header(HeaderName::SubscriptionState),
        Some("terminated;reason=noresource")
    );
    talk.lone.answer(&notify, StatusCode::OK, &[]);
    talk.lone.session = Some(talk.session);
    talk.finish();
}

#[test]
fn a_peer_that_knows_no_subscription_is_told_nothing_more() {
    let mut talk = Talk::new();
    talk.lone.accepts = true;
    assert_eq!(
        talk.status("REFER", "Refer-To: <sip:carol@example.com>\r\n", ""),
        202
    );
    let at = |request: &Request| request.method() == Method::Notify;
    let notify = talk.lone.requests.iter().position(at).expect("a NOTIFY");
    let notify = talk.lone.requests.remove(notify);
    talk.lone
        .answer(&notify, StatusCode::CALL_DOES_NOT_EXIST, &[]);
    assert_eq!(talk.lone.agent.live().subscriptions, 0);
    let invite = talk.lone.request(Method::Invite);
    talk.lone
        .answer_from(&invite, StatusCode::RINGING, "carol", "");
    assert!(talk.lone.requests.is_empty());
    talk.lone
        .answer_from(&invite, StatusCode::OK, "carol", OFFER);
    talk.lone.request(Method::Ack);
    talk.lone.run(Duration::from_secs(1));
    assert!(talk.lone.requests.is_empty());
}

#[test]
fn a_notify_that_came_out_of_order_is_sent_once_more() {
    let mut talk = Talk::new();
    assert_eq!(
        talk.status("REFER", "Refer-To: <sip:carol@example.com>\r\n", ""),
        202
    );
    let first = talk.lone.request(Method::Notify);
    let status = StatusCode::SERVER_INTERNAL_ERROR;
    talk.lone.answer(&first, status, &[]);
    let again = talk.lone.request(Method::Notify);
    assert_eq!(again.body(), first.body());
    talk.lone.answer(&again, status, &[]);
    assert!(talk.lone.requests.is_empty());
    talk.finish();
}

#[test]
fn a_subscription_may_be_ended_or_prolonged_by_the_peer() {
    let mut talk = Talk::new();
    talk.lone.accepts = true;
    talk.status("REFER", "Refer-To: <sip:carol@example.com>\r\n", "");
    let notify_of = |lone: &mut Lone| {
        let at = |request: &Request| request.method() == Method::Notify;
        let at = lone.requests.iter().position(at).expect("a NOTIFY");
        let notify = lone.requests.remove(at);
        lone.answer(&notify, StatusCode::OK, &[]);
        let state = notify.header(HeaderName::SubscriptionState);
        state.expect("a state").to_owned()
    };
    assert_eq!(notify_of(&mut talk.lone), "active;expires=300");
    assert_eq!(talk.status("SUBSCRIBE", "Event: presence\r\n", ""), 489);
    assert_eq!(talk.status("SUBSCRIBE", "Event: refer;id=3\r\n", ""), 481);
    let ok = talk.asks("SUBSCRIBE", "Event: refer;id=18\r\nExpires: 60\r\n", "");
    assert_eq!(ok.status(), StatusCode::OK);
    assert_eq!(ok.header(HeaderName::Expires), Some("60"));
    assert_eq!(notify_of(&mut talk.lone), "active;expires=60");
    assert_eq!(
        talk.status("SUBSCRIBE", "Event: refer\r\nExpires: 0\r\n", ""),
        200
    );
    assert_eq!(notify_of(&mut talk.lone), "terminated;reason=timeout");
    assert_eq!(talk.lone.agent.live().subscriptions, 0);
}

#[test]
fn stopping_waits_for_no_subscription() {
    let mut talk = Talk::new();
    talk.referred();
    talk.hang_up();
    talk.lone.news();
    let now = talk.lone.now;
    talk.lone.agent.stop(now);
    let mut stopped = false;
    while let Some(output) = talk.lone.agent.poll() {
        stopped |= matches!(output, Output::Event(Event::Stopped));
    }
    assert!(stopped);
    assert_eq!(talk.lone.agent.live().subscriptions, 0);
}

#[test]
fn an_invite_with_replaces_must_name_a_call_that_can_be_replaced() {
    let mut talk = Talk::new();
    let tag = talk.tag.clone();
    let right = format!("talk;to-tag={tag};from-tag=bobtag");
    let table = [
        (right.clone(), 486),
        (format!("{right};early-only"), 486),
        // The tags the wrong way round.
        (format!("talk;to-tag=bobtag;from-tag={tag}"), 481),
        (format!("talk;to-tag={tag};from-tag=0"), 481),
        ("none;to-tag=1;from-tag=2".to_owned(), 481),
        ("talk".to_owned(), 400),
        (format!("{right}\r\nReplaces: {right}"), 400),
    ];
    let asked = |talk: &Talk| {
        let questions = talk.lone.asked.iter();
        questions
            .filter(|(_, _, question)| matches!(question, Question::Replaces { .. }))
            .count()
    };
    for (number, (replaces, status)) in table.iter().enumerate() {
        let call = format!("new{number}");
        let headers = format!("Replaces: {replaces}\r\n");
        talk.lone.receive(invite(&call, &headers));
        let last = talk.lone.responses.pop().expect("an answer");
        assert_eq!(last.status().code(), *status, "{replaces}");
        talk.lone.responses.clear();
    }
    // Only the first was a matter for the application, which did not allow it.
    assert_eq!(asked(&talk), 1);
    // A call that rings here was begun by its caller.
    talk.lone.receive(invite("ringing", ""));
    let ringing = talk.lone.responses.pop().expect("a 180");
    let to = ringing.to().expect("a To");
    let headers = format!(
        "Replaces: ringing;to-tag={};from-tag=bobtag\r\n",
        to.tag().expect("a tag")
    );
    talk.lone.receive(invite("late", &headers));
    let last = talk.lone.responses.pop().expect("an answer");
    assert_eq!(last.status(), StatusCode::CALL_DOES_NOT_EXIST);
    // One that is over, whose dialog stands for a subscription.
    talk.lone.responses.clear();
    talk.lone.news();
    talk.referred();
    talk.hang_up();
    talk.lone
        .receive(invite("later", &format!("Replaces: {right}\r\n")));
    let last = talk.lone.responses.pop().expect("an answer");
    assert_eq!(last.status(), StatusCode::DECLINE);
}

#[test]
fn a_call_that_still_rings_at_the_other_end_may_be_replaced() {
    let mut lone = Lone::unregistered();
    lone.accepts = true;
    let old = lone.call();
    let ours = lone.request(Method::Invite);
    lone.answer_from(&ours, StatusCode::RINGING, "carol", "");
    let from = ours.from().expect("a From");
    let headers = format!(
        "Replaces: {};to-tag={};from-tag=carol;early-only\r\nSupported: replaces\r\n",
        ours.call_id().expect("a Call-ID"),
        from.tag().expect("a tag")
    );
    lone.receive(invite("talk", &headers));
    let new = lone.session.expect("a session");
    assert_ne!(new, old);
    lone.news();
    let tag = answer(&mut lone, new);
    let ack = format!(
        "ACK sip:alice@example.com SIP/2.0\r\n\
         Via: SIP/2.0/WS proxy.example.com;branch=z9hG4bKack\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:bob@example.com>;tag=bobtag\r\n\
         To: <sip:alice@example.com>;tag={tag}\r\n\
         Call-ID: talk\r\n\
         CSeq: 17 ACK\r\n\
         Content-Length: 0\r\n\r\n"
    );
    assert!(lone.requests.is_empty());
    lone.receive(ack);
    let cancel = lone.request(Method::Cancel);
    assert_eq!(
        lone.news(),
        "connecting accepted(local) failed(local, Canceled) confirmed(remote)"
    );
    lone.answer(&cancel, StatusCode::OK, &[]);
    lone.answer_from(&ours, StatusCode::REQUEST_TERMINATED, "carol", "");
    assert_eq!(lone.news(), "closed");
}
