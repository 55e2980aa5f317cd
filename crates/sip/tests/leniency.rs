//! What real peers send: each reads as its sender meant it.
#![allow(clippy::unwrap_used)] // Outside #[test] functions too, a panic is the failure.

use bytes::Bytes;
use offhook_sip::{Contacts, HeaderName, Limits, Message, Method, ParseError, Request, Response};

fn parse(text: impl Into<Vec<u8>>) -> Result<Message, ParseError> {
    Message::parse(Bytes::from(text.into()), &Limits::default())
}

fn request(text: &str) -> Request {
    match parse(text) {
        Ok(Message::Request(request)) => request,
        other => panic!("no request: {other:?}"),
    }
}

fn response(text: &str) -> Response {
    match parse(text) {
        Ok(Message::Response(response)) => response,
        other => panic!("no response: {other:?}"),
    }
}

/// A whole request with these lines in the middle.
fn with(lines: &str) -> Request {
    request(&format!(
        "INVITE sip:bob@example.com SIP/2.0\r\n{lines}From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n\
         Call-ID: x\r\nCSeq: 1 INVITE\r\n\r\n"
    ))
}

#[test]
fn two_spaces_before_the_sent_by_of_a_via_are_one_separator() {
    let via = with("Via: SIP/2.0/UDP  192.0.2.1:5060;branch=z9hG4bK1\r\n");
    let via = via.via().unwrap();
    assert_eq!(
        (via.host, via.port, via.branch()),
        ("192.0.2.1", Some(5060), Some("z9hG4bK1"))
    );
}

#[test]
fn several_values_on_a_line_are_as_many_as_on_several_lines() {
    let message = with(
        "Via: SIP/2.0/UDP a;branch=1 , SIP/2.0/TCP b;branch=2\r\nv: SIP/2.0/WS c;branch=3\r\n\
         Record-Route: <sip:p1;lr>,<sip:p2,x;lr>\r\nRECORD-ROUTE: <sip:p3;lr>\r\n",
    );
    let hosts: Vec<_> = message.vias().map(|via| via.unwrap().host).collect();
    assert_eq!(hosts, ["a", "b", "c"]);
    let routes: Vec<_> = message.values(HeaderName::RecordRoute).collect();
    assert_eq!(routes, ["<sip:p1;lr>", "<sip:p2,x;lr>", "<sip:p3;lr>"]);
    assert_eq!(
        message.header("record-route"),
        Some("<sip:p1;lr>,<sip:p2,x;lr>")
    );
}

#[test]
fn names_and_tokens_come_in_any_case() {
    let message = with("VIA: sip/2.0/udp A;BRANCH=z9hG4bK1;Rport\r\nsUPPORTED: Timer, 100REL\r\n");
    let via = message.via().unwrap();
    assert_eq!(via.branch(), Some("z9hG4bK1"));
    assert_eq!(via.rport(), Some(None));
    assert!(message.has_token("Supported", "100rel"));
    assert!(!message.has_token("Supported", "path"));
}

#[test]
fn methods_in_allow_are_compared_with_case() {
    let message = with("Allow: INVITE, ACK,bye\r\n");
    assert!(message.has_token(HeaderName::Allow, "ACK"));
    assert!(!message.has_token(HeaderName::Allow, "BYE"));
}

#[test]
fn a_contact_with_an_alias_keeps_it_in_its_uri() {
    let message = with("Contact: <sip:a@127.0.0.1:53116;transport=ws;alias=127.0.0.1~53116~5>\r\n");
    let contact = message.contact().unwrap();
    assert_eq!(contact.uri.param("alias"), Some("127.0.0.1~53116~5"));
}

#[test]
fn contacts_are_a_list_or_a_star() {
    let message = with("Contact: *\r\n");
    assert!(matches!(message.contacts(), Ok(Contacts::Star)));
    assert!(message.contact().is_err());
    let message = with("m: <sip:a>;q=1, \"b, c\" <sip:b>\r\nContact: sip:c;expires=5\r\n");
    let Ok(Contacts::List(list)) = message.contacts() else {
        panic!("a list")
    };
    assert_eq!(list.len(), 3);
    assert_eq!(list[1].display_name.as_deref(), Some("b, c"));
    assert_eq!(list[2].param("expires"), Some("5"));
    assert!(with("Contact: *, <sip:a>\r\n").contacts().is_err());
    let message = with("");
    let Ok(Contacts::List(none)) = message.contacts() else {
        panic!("a list")
    };
    assert!(none.is_empty());
}

#[test]
fn a_contact_line_that_begins_with_a_quoted_list_gives_its_first_value() {
    let message = with("Contact: \"x, y\" <sip:one@a>;q=1,<sip:two@b>\r\n");
    assert_eq!(message.contact().unwrap().uri.user(), Some("one"));
}

#[test]
fn an_instance_keeps_its_quoted_separators() {
    let message = with("Contact: <sip:a;ob>;+sip.instance=\"<urn:uuid:d28d,b3;e9>\";reg-id=1\r\n");
    let contact = message.contact().unwrap();
    assert_eq!(
        contact.param("+sip.instance"),
        Some("<urn:uuid:d28d,b3;e9>")
    );
    assert_eq!(contact.param("reg-id"), Some("1"));
}

#[test]
fn reasons_come_in_any_spelling_or_not_at_all() {
    assert_eq!(response("SIP/2.0 200 Ok\r\n\r\n").reason(), "Ok");
    assert_eq!(response("SIP/2.0 200 \r\n\r\n").reason(), "");
    assert_eq!(response("SIP/2.0 486\r\n\r\n").reason(), "");
    let response = response("SIP/2.0 603 nein  danke é\r\n\r\n");
    assert_eq!(
        (response.status().code(), response.reason()),
        (603, "nein  danke é")
    );
}

#[test]
fn display_names_are_utf8_and_broken_ones_do_not_cost_the_call() {
    let message = with("Contact: \"Zoë 張\" <sip:zoe@example.com>\r\n");
    assert_eq!(
        message.contact().unwrap().display_name.as_deref(),
        Some("Zoë 張")
    );
    // A gateway that writes Latin-1.
    let mut bytes =
        b"BYE sip:a SIP/2.0\r\nSubject: fold\r\n ed\r\nFrom: \"Zo\xeb\" <sip:zoe@b>;tag=1\r\n"
            .to_vec();
    bytes.extend(b"Content-Length: 2\r\n\r\n\xff\xfe");
    let message = parse(bytes.clone()).unwrap();
    let from = message.from().unwrap();
    assert_eq!(from.display_name.as_deref(), Some("Zo\u{fffd}"));
    assert_eq!(from.tag(), Some("1"));
    assert_eq!(message.header("Subject"), Some("fold   ed"));
    assert_eq!(message.body(), b"\xff\xfe");
    assert_eq!(message.bytes(), &bytes);
}

#[test]
fn a_fold_is_white_space_and_the_bytes_stay_as_they_came() {
    let text =
        "OPTIONS sip:a SIP/2.0\r\nSubject: one\r\n\ttwo \r\n  three\r\nTo:\r\n <sip:b>\r\n\r\nb";
    let message = request(text);
    assert_eq!(message.header("s"), Some("one  \ttwo     three"));
    assert_eq!(message.to().unwrap().uri.host(), Some("b"));
    assert_eq!(message.bytes(), text.as_bytes());
    assert_eq!(message.body(), b"b");
}

#[test]
fn lines_may_end_with_a_line_feed_alone() {
    let message = request("OPTIONS sip:a SIP/2.0\nTo: <sip:b>\nl: 1\n\nxy");
    assert_eq!(message.to().unwrap().uri.host(), Some("b"));
    assert_eq!(message.body(), b"x");
}

#[test]
fn a_carriage_return_inside_a_line_is_refused() {
    for text in [
        "OPTIONS sip:a SIP/2.0\r\nSubject: a\rVia: b\r\n\r\n",
        "OPTIONS sip:a SIP/2.0\r\nSubject: a\r\r\n\r\n",
    ] {
        assert_eq!(parse(text).unwrap_err(), ParseError::BareCarriageReturn);
    }
}

#[test]
fn a_frame_may_begin_with_line_ends_and_end_with_bytes_of_nobody() {
    let message = request("\r\n\r\nOPTIONS sip:a SIP/2.0\r\nl: 2\r\n\r\nabtrailing");
    assert_eq!(message.method(), Method::Options);
    assert_eq!(message.body(), b"ab");
    assert_eq!(message.body_bytes(), b"ab".as_slice());
}

#[test]
fn a_keep_alive_is_empty() {
    assert_eq!(parse("\r\n\r\n").unwrap_err(), ParseError::Empty);
    assert_eq!(parse("").unwrap_err(), ParseError::Empty);
}

#[test]
fn equal_content_lengths_agree_and_different_ones_do_not() {
    assert_eq!(
        request("BYE sip:a SIP/2.0\r\nl: 1\r\nContent-Length: 01\r\n\r\nx").body(),
        b"x"
    );
    assert!(matches!(
        parse("BYE sip:a SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\nxy").unwrap_err(),
        ParseError::ConflictingContentLength {
            first: 1,
            second: 2
        }
    ));
    assert!(matches!(
        parse("BYE sip:a SIP/2.0\r\nl: 9\r\n\r\nxy").unwrap_err(),
        ParseError::BodyTooShort {
            announced: 9,
            received: 2
        }
    ));
    assert!(matches!(
        parse("BYE sip:a SIP/2.0\r\nl: 99999999999999999999999\r\n\r\nxy").unwrap_err(),
        ParseError::ContentLength(_)
    ));
}

#[test]
fn unknown_headers_are_found_by_name_in_any_case() {
    let message = with("X-One: a, b\r\nx-ONE: c\r\nX-Two: \r\n");
    assert_eq!(message.values("x-one").collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(message.headers("X-ONE").collect::<Vec<_>>(), ["a, b", "c"]);
    assert_eq!(message.header("X-Two"), Some(""));
    assert_eq!(message.header("X-Three"), None);
    let line = message.lines().next().unwrap();
    assert_eq!(
        (line.name(), line.known(), line.value()),
        ("X-One", None, "a, b")
    );
}

#[test]
fn fields_that_are_no_lists_are_not_split() {
    let message = with("Date: Sat, 13 Nov 2010 23:29:00 GMT\r\nSubject: a, b\r\n");
    assert_eq!(message.values("Date").count(), 1);
    assert_eq!(message.values("Subject").collect::<Vec<_>>(), ["a, b"]);
}

#[test]
fn each_limit_is_kept() {
    let text = "OPTIONS sip:a SIP/2.0\r\nA: 1\r\nB: 2\r\nC: 34567\r\n 890\r\n\r\n";
    let parse = |limits: &Limits| Message::parse(Bytes::from_static(text.as_bytes()), limits);
    assert!(parse(&Limits::default()).is_ok());
    assert!(matches!(
        parse(&Limits::default().with_message_size(40)).unwrap_err(),
        ParseError::TooLarge { limit: 40, .. }
    ));
    assert!(matches!(
        parse(&Limits::default().with_header_count(2)).unwrap_err(),
        ParseError::TooManyHeaders { limit: 2 }
    ));
    assert!(parse(&Limits::default().with_header_length(21)).is_ok());
    assert!(matches!(
        parse(&Limits::default().with_header_length(20)).unwrap_err(),
        ParseError::LineTooLong { limit: 20 }
    ));
    assert!(matches!(
        Message::parse(
            Bytes::from_static(
                b"OPTIONS sip:a SIP/2.0\r\nA: 1\r\n 2\r\n 3\r\n 4\r\n 5\r\n 6\r\n\r\n"
            ),
            &Limits::default().with_header_length(21)
        )
        .unwrap_err(),
        ParseError::LineTooLong { limit: 21 }
    ));
}
