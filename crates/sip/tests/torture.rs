//! Every message of RFC 4475 and RFC 5118, the verdict that the RFC gives, and the reply owed.
//!
//! The messages go through a user agent (or, where the RFC speaks of one, a registrar) that is as
//! small as can be and made of this crate alone; the table says what it must do.
#![allow(clippy::unwrap_used)] // Outside #[test] functions too, a panic is the failure.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use offhook_sip::sdp::Sdp;
use offhook_sip::{
    Accept, Authorization, Contacts, Date, Expires, HeaderName, Limits, MaxForwards, Message,
    Method, OutgoingRequest, OutgoingResponse, ParseError, Request, Response, RetryAfter, Scheme,
    Warning, reject,
};

/// What the RFC calls the message.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Verdict {
    /// Well-formed, to be treated like any other message.
    Valid,
    /// Malformed.
    Invalid,
    /// Well-formed, and wrong in a layer above the grammar.
    WrongAbove,
}

use Verdict::{Invalid, Valid, WrongAbove};

/// What the element does with it.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Outcome {
    /// Goes on with the request.
    Process,
    /// Hands the response to its transaction.
    Match,
    /// Forgets it.
    Drop,
    /// Answers with this status and reason phrase.
    Reply(u16, String),
}

use Outcome::{Drop, Match, Process};

fn reply(status: u16, reason: &str) -> Outcome {
    Outcome::Reply(status, reason.to_owned())
}

/// One message: RFC 4475 or 5118, its section, its file, what it is, what is done with it.
fn table() -> Vec<(&'static str, &'static str, &'static str, Verdict, Outcome)> {
    vec![
        ("rfc4475", "3.1.1.1", "wsinv.dat", Valid, Process),
        // Endpoints answer 501 to a method that they do not know.
        (
            "rfc4475",
            "3.1.1.2",
            "intmeth.dat",
            Valid,
            reply(501, "Not Implemented"),
        ),
        ("rfc4475", "3.1.1.3", "esc01.dat", Valid, Process),
        ("rfc4475", "3.1.1.4", "escnull.dat", Valid, Process),
        (
            "rfc4475",
            "3.1.1.5",
            "esc02.dat",
            Valid,
            reply(501, "Not Implemented"),
        ),
        ("rfc4475", "3.1.1.6", "lwsdisp.dat", Valid, Process),
        ("rfc4475", "3.1.1.7", "longreq.dat", Valid, Process),
        ("rfc4475", "3.1.1.8", "dblreq.dat", Valid, Process),
        ("rfc4475", "3.1.1.9", "semiuri.dat", Valid, Process),
        ("rfc4475", "3.1.1.10", "transports.dat", Valid, Process),
        ("rfc4475", "3.1.1.11", "mpart01.dat", Valid, Process),
        ("rfc4475", "3.1.1.12", "unreason.dat", Valid, Match),
        ("rfc4475", "3.1.1.13", "noreason.dat", Valid, Match),
        (
            "rfc4475",
            "3.1.2.1",
            "badinv01.dat",
            Invalid,
            reply(400, "Malformed Via Header"),
        ),
        (
            "rfc4475",
            "3.1.2.2",
            "clerr.dat",
            Invalid,
            reply(400, "Body Shorter Than Content-Length"),
        ),
        (
            "rfc4475",
            "3.1.2.3",
            "ncl.dat",
            Invalid,
            reply(400, "Bad Content-Length"),
        ),
        (
            "rfc4475",
            "3.1.2.4",
            "scalar02.dat",
            Invalid,
            reply(400, "Malformed CSeq Header"),
        ),
        ("rfc4475", "3.1.2.5", "scalarlg.dat", Invalid, Drop),
        (
            "rfc4475",
            "3.1.2.6",
            "quotbal.dat",
            Invalid,
            reply(400, "Malformed To Header"),
        ),
        (
            "rfc4475",
            "3.1.2.7",
            "ltgtruri.dat",
            Invalid,
            reply(400, "Malformed Request-URI"),
        ),
        (
            "rfc4475",
            "3.1.2.8",
            "lwsruri.dat",
            Invalid,
            reply(400, "Bad Request Line"),
        ),
        (
            "rfc4475",
            "3.1.2.9",
            "lwsstart.dat",
            Invalid,
            reply(400, "Bad Request Line"),
        ),
        (
            "rfc4475",
            "3.1.2.10",
            "trws.dat",
            Invalid,
            reply(400, "Bad Request Line"),
        ),
        (
            "rfc4475",
            "3.1.2.11",
            "escruri.dat",
            Invalid,
            reply(400, "Headers in Request-URI"),
        ),
        // A user agent that does not look at the Date may let it pass.
        ("rfc4475", "3.1.2.12", "baddate.dat", Invalid, Process),
        (
            "rfc4475",
            "3.1.2.13",
            "regbadct.dat",
            Invalid,
            reply(400, "Malformed Contact Header"),
        ),
        (
            "rfc4475",
            "3.1.2.14",
            "badaspec.dat",
            Invalid,
            reply(400, "Malformed To Header"),
        ),
        (
            "rfc4475",
            "3.1.2.15",
            "baddn.dat",
            Invalid,
            reply(400, "Malformed From Header"),
        ),
        (
            "rfc4475",
            "3.1.2.16",
            "badvers.dat",
            Invalid,
            reply(505, "Version Not Supported"),
        ),
        (
            "rfc4475",
            "3.1.2.17",
            "mismatch01.dat",
            Invalid,
            reply(400, "CSeq Method Mismatch"),
        ),
        (
            "rfc4475",
            "3.1.2.18",
            "mismatch02.dat",
            Invalid,
            reply(400, "CSeq Method Mismatch"),
        ),
        ("rfc4475", "3.1.2.19", "bigcode.dat", Invalid, Drop),
        // The branch is the cookie alone: matched by the rules of RFC 2543, not refused.
        ("rfc4475", "3.2.1", "badbranch.dat", WrongAbove, Process),
        (
            "rfc4475",
            "3.3.1",
            "insuf.dat",
            WrongAbove,
            reply(400, "Missing From Header"),
        ),
        (
            "rfc4475",
            "3.3.2",
            "unkscm.dat",
            WrongAbove,
            reply(416, "Unsupported URI Scheme"),
        ),
        (
            "rfc4475",
            "3.3.3",
            "novelsc.dat",
            WrongAbove,
            reply(416, "Unsupported URI Scheme"),
        ),
        // A registrar wants a SIP URI in To; everybody else goes on.
        (
            "rfc4475",
            "3.3.4",
            "unksm2.dat",
            WrongAbove,
            reply(400, "Bad Request"),
        ),
        (
            "rfc4475",
            "3.3.5",
            "bext01.dat",
            WrongAbove,
            reply(420, "Bad Extension"),
        ),
        (
            "rfc4475",
            "3.3.6",
            "invut.dat",
            WrongAbove,
            reply(415, "Unsupported Media Type"),
        ),
        (
            "rfc4475",
            "3.3.7",
            "regaut01.dat",
            WrongAbove,
            reply(401, "Unauthorized"),
        ),
        (
            "rfc4475",
            "3.3.8",
            "multi01.dat",
            WrongAbove,
            reply(400, "Repeated From Header"),
        ),
        (
            "rfc4475",
            "3.3.9",
            "mcl01.dat",
            WrongAbove,
            reply(400, "Conflicting Content-Length"),
        ),
        // A user agent drops a response with a second Via; a proxy must not send it to all.
        ("rfc4475", "3.3.10", "bcast.dat", WrongAbove, Drop),
        // A proxy answers 483; the endpoint that it is for goes on.
        ("rfc4475", "3.3.11", "zeromf.dat", WrongAbove, Process),
        ("rfc4475", "3.3.12", "cparam01.dat", WrongAbove, Process),
        ("rfc4475", "3.3.13", "cparam02.dat", WrongAbove, Process),
        ("rfc4475", "3.3.14", "regescrt.dat", WrongAbove, Process),
        (
            "rfc4475",
            "3.3.15",
            "sdp01.dat",
            WrongAbove,
            reply(406, "Not Acceptable"),
        ),
        ("rfc4475", "3.4.1", "inv2543.dat", Valid, Process),
        // In the archive and in no section: no version, no Via, a line without a colon.
        ("rfc4475", "none", "test.dat", Invalid, Drop),
        ("rfc5118", "4.1", "ipv6-good", Valid, Process),
        (
            "rfc5118",
            "4.2",
            "ipv6-bad",
            Invalid,
            reply(400, "Malformed Request-URI"),
        ),
        ("rfc5118", "4.3", "port-ambiguous", Valid, Process),
        ("rfc5118", "4.4", "port-unambiguous", Valid, Process),
        (
            "rfc5118",
            "4.5",
            "via-received-param-with-delim",
            Valid,
            Process,
        ),
        (
            "rfc5118",
            "4.5",
            "via-received-param-no-delim",
            Valid,
            Process,
        ),
        ("rfc5118", "4.6", "ipv6-in-sdp", Valid, Process),
        ("rfc5118", "4.7", "mult-ip-in-header", Valid, Process),
        ("rfc5118", "4.8", "mult-ip-in-sdp", Valid, Process),
        ("rfc5118", "4.9", "ipv4-mapped-ipv6", Valid, Process),
        (
            "rfc5118",
            "4.10",
            "ipv6-bug-abnf-3-colons",
            Invalid,
            Process,
        ),
        (
            "rfc5118",
            "4.10",
            "ipv6-correct-abnf-2-colons",
            Valid,
            Process,
        ),
    ]
}

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpora")
}

/// The message as it would be on the wire. The archive of RFC 5118 ends its lines with LF, has no
/// empty line behind two heads, and announces bodies of other lengths than they have.
fn bytes(rfc: &str, file: &str) -> Bytes {
    let archived = archived(rfc, file);
    if rfc == "rfc4475" {
        return archived;
    }
    let text = String::from_utf8(archived.to_vec())
        .unwrap()
        .replace('\n', "\r\n");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text.trim_end(), ""));
    let lines = head.split("\r\n").map(|line| match line.split_once(": ") {
        Some(("Content-Length", _)) => format!("Content-Length: {}\r\n", body.len()),
        _ => format!("{line}\r\n"),
    });
    Bytes::from(lines.collect::<String>() + "\r\n" + body)
}

fn archived(rfc: &str, file: &str) -> Bytes {
    let path = corpora().join(rfc).join(file);
    Bytes::from(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn message(rfc: &str, file: &str) -> Message {
    Message::parse(bytes(rfc, file), &Limits::default()).unwrap_or_else(|e| panic!("{file}: {e}"))
}

fn request(rfc: &str, file: &str) -> Request {
    match message(rfc, file) {
        Message::Request(request) => request,
        Message::Response(_) => panic!("{file} is a response"),
    }
}

fn response(file: &str) -> Response {
    match message("rfc4475", file) {
        Message::Response(response) => response,
        Message::Request(_) => panic!("{file} is a request"),
    }
}

/// The element under test. Returns what it does, and the answer that it writes.
fn element(bytes: &Bytes) -> (Outcome, Option<OutgoingResponse>) {
    let answer = |response: OutgoingResponse| {
        (
            Outcome::Reply(response.status().code(), response.reason().to_owned()),
            Some(response),
        )
    };
    match Message::parse(bytes.clone(), &Limits::default()) {
        Err(error) => reject(bytes, &error).map_or((Drop, None), answer),
        Ok(Message::Response(response)) => {
            // RFC 3261 section 8.1.3.3: one Via, ours.
            let ours = response.validate().is_ok() && response.vias().count() == 1;
            (if ours { Match } else { Drop }, None)
        }
        Ok(Message::Request(request)) => match refuse(&request) {
            None => (Process, None),
            Some(mut response) => {
                response.set_to_tag("t").unwrap();
                answer(response)
            }
        },
    }
}

fn refuse(request: &Request) -> Option<OutgoingResponse> {
    let with = |code: u16| {
        let status = offhook_sip::StatusCode::new(code).unwrap();
        OutgoingResponse::to_request(request, status)
    };
    if let Err(fault) = request.validate() {
        let mut response = with(fault.status().code());
        response.set_reason(&fault.reason()).unwrap();
        return Some(response);
    }
    if matches!(request.method(), Method::Other(_)) {
        let mut response = with(501);
        response
            .headers_mut()
            .push(HeaderName::Allow, "INVITE, ACK, CANCEL, BYE")
            .unwrap();
        return Some(response);
    }
    let unsupported = request.unsupported(&["100rel", "replaces", "timer"]);
    if !unsupported.is_empty() {
        let mut response = with(420);
        response
            .headers_mut()
            .push(HeaderName::Unsupported, unsupported.join(", "))
            .unwrap();
        return Some(response);
    }
    if request.method() == Method::Register {
        if !request.to().unwrap().uri.is_sip() {
            return Some(with(400));
        }
        let credentials = request.typed::<Authorization<'_>>().unwrap();
        if credentials.is_some_and(|credentials| !credentials.0.is_digest()) {
            let mut response = with(401);
            let challenge = "Digest realm=\"example.com\", nonce=\"1\"";
            response
                .headers_mut()
                .push(HeaderName::WwwAuthenticate, challenge)
                .unwrap();
            return Some(response);
        }
    }
    if request.method() == Method::Invite {
        let known = |kind: &str, subtype: &str| (kind, subtype) == ("application", "sdp");
        if request
            .content_type()
            .unwrap()
            .is_some_and(|body| !known(body.kind, body.subtype))
        {
            let mut response = with(415);
            response
                .headers_mut()
                .push(HeaderName::Accept, "application/sdp")
                .unwrap();
            return Some(response);
        }
        let accepts: Vec<_> = request
            .typed_all::<Accept<'_>>()
            .map(|accept| accept.unwrap())
            .collect();
        if !accepts.is_empty() && !accepts.iter().any(|a| a.0.accepts("application", "sdp")) {
            return Some(with(406));
        }
    }
    None
}

#[test]
fn every_message_gets_what_the_rfc_says() {
    let mut failures = Vec::new();
    for (rfc, section, file, _, outcome) in table() {
        let found = element(&bytes(rfc, file)).0;
        if found != outcome {
            failures.push(format!(
                "{rfc} {section} {file}: {found:?}, not {outcome:?}"
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_file_of_the_corpora_has_a_row() {
    for rfc in ["rfc4475", "rfc5118"] {
        let files: BTreeSet<String> = std::fs::read_dir(corpora().join(rfc))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let rows: BTreeSet<String> = table()
            .iter()
            .filter(|row| row.0 == rfc)
            .map(|row| row.2.to_owned())
            .collect();
        assert_eq!(files, rows);
        assert!(files.len() >= 12);
    }
}

#[test]
fn the_archived_bytes_differ_only_where_a_body_is_shorter_than_announced() {
    for (rfc, _, file, _, outcome) in table() {
        let expected = match file {
            "ipv6-in-sdp" | "mult-ip-in-sdp" => reply(400, "Body Shorter Than Content-Length"),
            _ => outcome,
        };
        assert_eq!(element(&archived(rfc, file)).0, expected, "{file}");
    }
}

#[test]
fn valid_messages_are_never_refused_for_their_grammar() {
    for (rfc, _, file, verdict, _) in table() {
        if verdict == Valid {
            let valid = match message(rfc, file) {
                Message::Request(request) => request.validate(),
                Message::Response(response) => response.validate(),
            };
            assert_eq!(valid, Ok(()), "{file}");
        }
    }
}

#[test]
fn every_answer_is_a_valid_response_to_its_request() {
    let mut answers = 0;
    for (rfc, _, file, ..) in table() {
        let original = bytes(rfc, file);
        let Some(answer) = element(&original).1 else {
            continue;
        };
        answers += 1;
        let written = answer.write().unwrap();
        let Message::Response(read) = Message::parse(written, &Limits::default()).unwrap() else {
            panic!("{file}: no response");
        };
        assert_eq!(
            (read.status(), read.reason()),
            (answer.status(), answer.reason()),
            "{file}"
        );
        assert!(read.via().is_ok() || file == "badinv01.dat", "{file}");
        for name in [HeaderName::Via, HeaderName::CSeq] {
            assert!(read.header(name).is_some(), "{file} {name}");
        }
        if let Ok(request) = Message::parse(original, &Limits::default()) {
            let copied = |message: &Message, name| message.header(name).map(str::to_owned);
            let read = Message::Response(read);
            for name in [HeaderName::From, HeaderName::CallId, HeaderName::CSeq] {
                assert_eq!(copied(&read, name), copied(&request, name), "{file} {name}");
            }
        }
    }
    assert!(answers >= 20, "{answers}");
}

#[test]
fn what_is_sent_on_reads_the_same() {
    for (rfc, _, file, ..) in table() {
        let Ok(message) = Message::parse(bytes(rfc, file), &Limits::default()) else {
            continue;
        };
        let written = match &message {
            Message::Request(request) => OutgoingRequest::from_request(request).write(),
            Message::Response(response) => OutgoingResponse::from_response(response).write(),
        };
        let again = Message::parse(written.unwrap(), &Limits::default()).unwrap();
        let lines = |message: &Message| -> Vec<_> {
            message
                .lines()
                .filter(|line| line.known() != Some(HeaderName::ContentLength))
                .map(|line| (line.name().to_owned(), line.value().to_owned()))
                .collect()
        };
        assert_eq!(lines(&again), lines(&message), "{file}");
        assert_eq!(again.body(), message.body(), "{file}");
    }
}

// What the sections say about single messages.

#[test]
fn the_tortuous_invite_is_read_to_its_last_fold() {
    let message = request("rfc4475", "wsinv.dat");
    assert_eq!(message.uri().unwrap().param("unknownparam"), Some(""));
    assert_eq!(message.to().unwrap().tag(), Some("1918181833n"));
    let from = message.from().unwrap();
    assert_eq!(from.display_name.as_deref(), Some(r#"J Rosenberg \""#));
    assert_eq!(from.tag(), Some("98asjd8"));
    assert_eq!(
        message.typed::<MaxForwards>().unwrap(),
        Some(MaxForwards(68))
    );
    let cseq = message.cseq().unwrap();
    assert_eq!((cseq.number, cseq.method), (9, Method::Invite));
    assert_eq!(message.header("Subject"), Some(""));
    assert_eq!(
        message.header("UnknownHeaderWithUnusualValue"),
        Some(";;,,;;,;")
    );
    let vias: Vec<_> = message.vias().map(|via| via.unwrap()).collect();
    let hosts: Vec<_> = vias.iter().map(|via| (via.transport, via.host)).collect();
    assert_eq!(
        hosts,
        [
            ("UDP", "192.0.2.2"),
            ("TCP", "spindle.example.com"),
            ("UDP", "192.168.255.111")
        ]
    );
    let branches: Vec<_> = vias.iter().filter_map(|via| via.branch()).collect();
    assert_eq!(branches, ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"]);
    let contact = message.contact().unwrap();
    assert_eq!(contact.display_name.as_deref(), Some(r#"Quoted string """#));
    assert_eq!(contact.param("newparam"), Some("newvalue"));
    assert_eq!(contact.param("secondparam"), Some(""));
    assert_eq!(contact.param("q"), Some("0.33"));
    assert_eq!(message.body().len(), 150);
}

#[test]
fn unusual_characters_stay_where_they_are() {
    let message = request("rfc4475", "intmeth.dat");
    assert_eq!(
        message.method(),
        Method::Other("!interesting-Method0123456789_*+`.%indeed'~")
    );
    let uri = message.uri().unwrap();
    assert_eq!(
        uri.user(),
        Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*")
    );
    assert_eq!(
        uri.password(),
        Some("&it+has=1,weird!*pas$wo~d_too.(doesn't-it)")
    );
    assert_eq!(uri.host(), Some("example.com"));
    assert_eq!(message.via().unwrap().branch(), Some("z9hG4bK-.!%66*_+`'~"));
    let to = message.to().unwrap();
    assert_eq!(
        to.display_name.as_deref(),
        Some("BEL:\u{7} NUL:\0 DEL:\u{7f}")
    );
    let from = message.from().unwrap();
    assert_eq!(
        from.display_name.as_deref(),
        Some("token1~` token2'+_ token3*%!.-")
    );
    assert_eq!(from.param("fromParam''~+*_!.-%"), Some("работающий"));
    assert_eq!(from.tag(), Some("_token~1'+`*%!-."));
    assert_eq!(
        message.call_id().unwrap(),
        r#"intmeth.word%ZK-!.*_+'@word`~)(><:\/"][?}{"#
    );
    assert_eq!(
        message.header("extensionHeader-!.%*+_`'~"),
        Some("\u{feff}大停電")
    );
}

#[test]
fn escapes_count_in_uris_and_nowhere_else() {
    let message = request("rfc4475", "esc01.dat");
    let uri = message.uri().unwrap();
    assert_eq!(
        uri.user_unescaped().as_deref(),
        Some("sips:user@example.com")
    );
    assert_eq!(uri.host(), Some("example.net"));
    assert_eq!(
        message.to().unwrap().uri.user_unescaped().as_deref(),
        Some("user")
    );
    assert_eq!(
        message.from().unwrap().uri.user_unescaped().as_deref(),
        Some("I have spaces")
    );
    let contact = message.contact().unwrap();
    assert!(contact.uri.is_loose_router());
    assert_eq!(contact.uri.param("name"), Some("v%61lue%25%34%31"));

    let message = request("rfc4475", "escnull.dat");
    let Ok(Contacts::List(contacts)) = message.contacts() else {
        panic!("a list")
    };
    let users: Vec<_> = contacts
        .iter()
        .map(|contact| contact.uri.user_unescaped())
        .collect();
    assert_eq!(users, [Some("\0".into()), Some("\0\0".into())]);

    let message = request("rfc4475", "esc02.dat");
    assert_eq!(message.method(), Method::Other("RE%47IST%45R"));
    assert_eq!(message.to().unwrap().display_name.as_deref(), Some("%Z%45"));
    assert_eq!(message.headers(HeaderName::Contact).count(), 2);
    assert_eq!(
        message.header("C%6Fntact"),
        Some("<sip:alias2@host2.example.com>")
    );
}

#[test]
fn a_datagram_ends_where_content_length_says() {
    let message = request("rfc4475", "dblreq.dat");
    assert_eq!(message.method(), Method::Register);
    assert_eq!(
        message.call_id().unwrap(),
        "dblreq.0ha0isndaksdj99sdfafnl3lk233412"
    );
    assert!(message.body().is_empty());
}

#[test]
fn user_parts_and_long_values_are_kept_whole() {
    let message = request("rfc4475", "semiuri.dat");
    let uri = message.uri().unwrap();
    assert_eq!(
        uri.user_unescaped().as_deref(),
        Some("user;par=u@example.net")
    );
    assert_eq!(message.values(HeaderName::Accept).count(), 6);

    let message = request("rfc4475", "longreq.dat");
    assert!(message.from().unwrap().tag().unwrap().len() > 100);
    assert_eq!(message.vias().count(), 34);
    assert!(message.vias().all(|via| via.is_ok()));

    let message = request("rfc4475", "transports.dat");
    let transports: Vec<_> = message.vias().map(|via| via.unwrap().transport).collect();
    assert_eq!(transports, ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]);
}

#[test]
fn a_multipart_body_comes_apart() {
    let message = request("rfc4475", "mpart01.dat");
    let text = message
        .body_part("text", "plain", &Limits::default())
        .unwrap();
    assert_eq!(text, Some(&b"Hello"[..]));
    let binary = message
        .body_part("application", "octet-stream", &Limits::default())
        .unwrap();
    assert!(binary.unwrap().starts_with(&[0x30, 0x82]));
}

#[test]
fn reason_phrases_are_any_text_or_none() {
    let reason = "= 2**3 * 5**2 но сто девяносто девять - простое";
    assert_eq!(response("unreason.dat").reason(), reason);
    assert_eq!(
        (
            response("noreason.dat").status().code(),
            response("noreason.dat").reason()
        ),
        (100, "")
    );
}

#[test]
fn overlarge_numbers_are_refused_where_they_matter_and_bounded_elsewhere() {
    let message = request("rfc4475", "scalar02.dat");
    assert!(message.cseq().is_err());
    assert!(message.typed::<MaxForwards>().is_err());
    assert_eq!(message.typed::<Expires>().unwrap(), Some(Expires(u32::MAX)));

    let message = response("scalarlg.dat");
    assert!(message.validate().is_err());
    assert!(message.typed::<Warning<'_>>().is_err());
    assert_eq!(
        message
            .typed::<RetryAfter<'_>>()
            .unwrap()
            .map(|after| after.seconds),
        Some(u32::MAX)
    );

    let error = Message::parse(bytes("rfc4475", "bigcode.dat"), &Limits::default()).unwrap_err();
    assert!(matches!(error, ParseError::StatusLine(_)));
}

#[test]
fn a_date_of_another_zone_is_none() {
    assert!(request("rfc4475", "baddate.dat").typed::<Date>().is_err());
}

#[test]
fn the_cookie_alone_names_no_transaction() {
    assert!(
        !request("rfc4475", "badbranch.dat")
            .via()
            .unwrap()
            .is_rfc3261_branch()
    );
    assert!(
        !request("rfc4475", "inv2543.dat")
            .via()
            .unwrap()
            .is_rfc3261_branch()
    );
}

#[test]
fn any_scheme_is_read_and_kept() {
    let message = request("rfc4475", "novelsc.dat");
    assert_eq!(message.uri().unwrap().scheme(), Scheme::Other("soap.beep"));
    let message = request("rfc4475", "unksm2.dat");
    assert_eq!(message.to().unwrap().uri.scheme(), Scheme::Other("isbn"));
    assert_eq!(
        message.from().unwrap().uri.as_str(),
        "http://www.example.com"
    );
    assert_eq!(message.contact().unwrap().uri.as_str(), "name:John_Smith");
}

#[test]
fn extensions_that_are_not_understood_are_listed() {
    let (_, answer) = element(&bytes("rfc4475", "bext01.dat"));
    let unsupported = "nothingSupportsThis, nothingSupportsThisEither";
    assert_eq!(
        answer.unwrap().headers().get(HeaderName::Unsupported),
        Some(unsupported)
    );
}

#[test]
fn a_proxy_sees_that_the_hops_are_used_up() {
    assert_eq!(
        request("rfc4475", "zeromf.dat")
            .typed::<MaxForwards>()
            .unwrap(),
        Some(MaxForwards(0))
    );
}

#[test]
fn parameters_belong_to_the_header_or_to_the_uri_by_the_brackets() {
    let message = request("rfc4475", "cparam01.dat");
    let contact = message.contact().unwrap();
    assert_eq!(contact.param("unknownparam"), Some(""));
    assert_eq!(contact.uri.param("unknownparam"), None);
    let message = request("rfc4475", "cparam02.dat");
    let contact = message.contact().unwrap();
    assert_eq!(contact.param("unknownparam"), None);
    assert_eq!(contact.uri.param("unknownparam"), Some(""));
    let message = request("rfc4475", "regescrt.dat");
    let contact = message.contact().unwrap();
    let headers: Vec<_> = contact.uri.headers().collect();
    assert_eq!(headers, [("Route", "%3Csip:sip.example.com%3E")]);
}

#[test]
fn ipv6_addresses_and_ports_are_told_apart_by_brackets() {
    let uri = |file: &str| {
        let request = request("rfc5118", file);
        let uri = request.uri().unwrap();
        (uri.host().unwrap().to_owned(), uri.port())
    };
    assert_eq!(uri("ipv6-good"), ("[2001:db8::10]".to_owned(), None));
    assert_eq!(
        uri("port-ambiguous"),
        ("[2001:db8::10:5070]".to_owned(), None)
    );
    assert_eq!(
        uri("port-unambiguous"),
        ("[2001:db8::10]".to_owned(), Some(5070))
    );
    let received = |file: &str| {
        request("rfc5118", file)
            .via()
            .unwrap()
            .received()
            .map(str::to_owned)
            .unwrap()
    };
    assert_eq!(received("via-received-param-no-delim"), "2001:db8::9:255");
    assert_eq!(
        received("via-received-param-with-delim"),
        "[2001:db8::9:255]"
    );
    let message = request("rfc5118", "mult-ip-in-header");
    let hosts: Vec<_> = message.vias().map(|via| via.unwrap().host).collect();
    assert_eq!(hosts, ["[2001:db8::9:1]", "192.0.2.1", "[2001:db8::9:255]"]);
}

#[test]
fn both_spellings_of_an_ipv4_tail_are_the_same_address() {
    let address = |file: &str| request("rfc5118", file).uri().unwrap().host_ip().unwrap();
    let expected: std::net::IpAddr = "2001:db8::192.0.2.1".parse().unwrap();
    assert_eq!(address("ipv6-correct-abnf-2-colons"), expected);
    assert_eq!(address("ipv6-bug-abnf-3-colons"), expected);
    let message = request("rfc5118", "ipv4-mapped-ipv6");
    let mapped: std::net::IpAddr = "::ffff:192.0.2.2".parse().unwrap();
    assert_eq!(message.contact().unwrap().uri.host_ip(), Some(mapped));
}

#[test]
fn session_descriptions_may_mix_addresses_of_both_kinds() {
    let addresses = |file: &str| -> Vec<String> {
        let request = request("rfc5118", file);
        let sdp = Sdp::parse(request.body()).unwrap();
        sdp.media()
            .map(|media| media.address().unwrap().to_owned())
            .collect()
    };
    assert_eq!(addresses("ipv6-in-sdp"), ["2001:db8::20", "2001:db8::20"]);
    assert_eq!(addresses("mult-ip-in-sdp"), ["192.0.2.1", "2001:db8::1"]);
    assert_eq!(
        addresses("ipv4-mapped-ipv6"),
        ["::ffff:192.0.2.2", "::ffff:192.0.2.2"]
    );
}
