//! What must hold for any input: no panic, what is written reads the same, nothing is smuggled.
#![allow(clippy::unwrap_used)] // Outside #[test] functions too, a panic is the failure.

use std::path::Path;

use bytes::Bytes;
use offhook_sip::sdp::Sdp;
use offhook_sip::{
    AuthParams, Credentials, Event, Expires, HeaderFields, HeaderName, Limits, MediaType, Message,
    Method, Multipart, MultipartWriter, NameAddr, OutgoingRequest, OutgoingResponse, Params, RAck,
    Reason, ReferTo, Replaces, RetryAfter, Route, SessionExpires, StatusCode, StreamDecoder,
    StreamItem, SubscriptionState, Timestamp, TypedHeader, Uri, UriBuilder, Via, Warning,
    WwwAuthenticate, escape_header_value, escape_user, reject, unescape,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn corpora() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpora");
    let mut paths: Vec<_> = ["rfc4475", "rfc5118"]
        .iter()
        .flat_map(|rfc| std::fs::read_dir(folder.join(rfc)).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

#[derive(Clone, Debug)]
enum Mutation {
    Replace(Index, u8),
    Insert(Index, u8),
    Remove(Index, usize),
    Repeat(Index, usize),
    Cut(Index),
}

/// Bytes that mean something to a SIP parser come more often than others.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        select(b"\r\n\t \0\"\\<>;:,=?@[]%/*()SIP20\x80\xff".to_vec()),
        any::<u8>()
    ]
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        4 => (any::<Index>(), byte()).prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        4 => (any::<Index>(), byte()).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        2 => (any::<Index>(), 1..40usize).prop_map(|(at, count)| Mutation::Remove(at, count)),
        2 => (any::<Index>(), 1..80usize).prop_map(|(at, count)| Mutation::Repeat(at, count)),
        1 => any::<Index>().prop_map(Mutation::Cut),
    ]
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    (select(corpora()), vec(mutation(), 1..12)).prop_map(|(mut bytes, mutations)| {
        for mutation in mutations {
            if bytes.is_empty() {
                break;
            }
            match mutation {
                Mutation::Replace(at, byte) => *at.get_mut(&mut bytes) = byte,
                Mutation::Insert(at, byte) => bytes.insert(at.index(bytes.len()), byte),
                Mutation::Remove(at, count) => {
                    let start = at.index(bytes.len());
                    bytes.drain(start..(start + count).min(bytes.len()));
                }
                Mutation::Repeat(at, count) => {
                    let start = at.index(bytes.len());
                    let piece = bytes[start..(start + count).min(bytes.len())].to_vec();
                    bytes.splice(start..start, piece);
                }
                Mutation::Cut(at) => bytes.truncate(at.index(bytes.len())),
            }
        }
        bytes
    })
}

/// Reads everything that there is to read.
fn read_all(message: &Message, limits: &Limits) {
    fn all<'a, H: TypedHeader<'a>>(message: &'a Message) {
        for value in message.typed_all::<H>().flatten() {
            // What is read can be written and read again.
            let text = value.to_string();
            assert!(!text.contains(['\r', '\n']), "{text:?}");
        }
    }
    let _ = (
        message.via(),
        message.from(),
        message.to(),
        message.call_id(),
        message.cseq(),
    );
    let _ = (
        message.contact(),
        message.contacts(),
        message.content_type(),
    );
    for line in message.lines() {
        assert!(!line.value().contains(['\r', '\n']), "{:?}", line.value());
        let _ = (
            message.header(line.name()),
            message.values(line.name()).count(),
        );
        let _ = (NameAddr::parse(line.value()), Params::parse(line.value()));
    }
    all::<Route<'_>>(message);
    all::<ReferTo<'_>>(message);
    all::<SessionExpires>(message);
    all::<Replaces<'_>>(message);
    all::<Reason<'_>>(message);
    all::<Event<'_>>(message);
    all::<SubscriptionState<'_>>(message);
    all::<RetryAfter<'_>>(message);
    all::<Warning<'_>>(message);
    all::<WwwAuthenticate<'_>>(message);
    all::<Timestamp<'_>>(message);
    all::<RAck<'_>>(message);
    all::<Expires>(message);
    for via in message.vias().flatten() {
        assert!(Via::parse(&via.to_string()).is_ok(), "{via}");
    }
    for value in message.values(HeaderName::Contact) {
        if let Ok(contact) = NameAddr::parse(value) {
            let text = contact.to_string();
            let again = NameAddr::parse(&text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(again.uri, contact.uri);
            assert_eq!(again.display_name, contact.display_name);
            let _ = (
                contact.uri.address_of_record(),
                contact.uri.host_ip(),
                contact.tag().is_some(),
            );
        }
    }
    let _ = message.body_part("application", "sdp", limits);
    if let Ok(sdp) = Sdp::parse(message.body()) {
        assert_eq!(sdp.as_bytes(), message.body());
    }
}

fn check_written(written: &Bytes, message: &Message) {
    let again = Message::parse(
        written.clone(),
        &Limits::default().with_message_size(1 << 20),
    );
    let again = again.unwrap_or_else(|error| panic!("{error}: {written:?}"));
    let lines = |message: &Message| -> Vec<(String, String)> {
        message
            .lines()
            .filter(|line| line.known() != Some(HeaderName::ContentLength))
            .map(|line| (line.name().to_owned(), line.value().to_owned()))
            .collect()
    };
    assert_eq!(lines(&again), lines(message));
    assert_eq!(again.body(), message.body());
}

/// Text in which what ends a line and what a grammar counts with is common.
fn hostile() -> impl Strategy<Value = String> {
    vec(
        prop_oneof![
            select(vec![
                "\r\n", "\n", "\r", "\0", "\"", "\\", "<", ">", ";", ",", "%0d%0a", "Via: x"
            ])
            .prop_map(str::to_owned),
            any::<char>().prop_map(String::from),
            "[a-z0-9 ]{1,4}",
        ],
        0..8,
    )
    .prop_map(|pieces| pieces.concat())
}

fn one_line() -> impl Strategy<Value = String> {
    hostile().prop_map(|text| text.replace(['\r', '\n', '\0'], "").trim().to_owned())
}

const TOKEN: &str = "[A-Za-z0-9!%*_+`'~.-]{1,12}";

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic_and_what_it_takes_it_can_write(bytes in mutated()) {
        let limits = Limits::default();
        let bytes = Bytes::from(bytes);
        match Message::parse(bytes.clone(), &limits) {
            Err(error) => {
                let _ = error.to_string();
                if let Some(answer) = reject(&bytes, &error) {
                    let written = answer.write().unwrap();
                    assert!(Message::parse(written, &limits.with_message_size(1 << 20)).is_ok());
                }
            }
            Ok(message) => {
                read_all(&message, &limits);
                let written = match &message {
                    Message::Request(request) => {
                        if let Err(fault) = request.validate() {
                            let mut answer = OutgoingResponse::to_request(request, fault.status());
                            answer.set_reason(&fault.reason()).unwrap();
                            answer.set_to_tag("t").unwrap();
                            let written = answer.write().unwrap();
                            assert!(Message::parse(written, &limits).is_ok());
                        }
                        let _ = request.uri();
                        OutgoingRequest::from_request(request).write()
                    }
                    Message::Response(response) => {
                        let _ = response.validate();
                        OutgoingResponse::from_response(response).write()
                    }
                };
                check_written(&written.unwrap(), &message);
            }
        }
    }

    #[test]
    fn a_stream_gives_the_same_items_however_it_is_cut(
        messages in vec(mutated(), 1..4),
        cuts in vec(1..200usize, 1..20),
    ) {
        let stream = messages.concat();
        let decode = |pieces: &[&[u8]]| {
            let mut decoder = StreamDecoder::new(Limits::default());
            let mut items = Vec::new();
            for piece in pieces {
                decoder.push(piece);
                items.extend(std::iter::from_fn(|| decoder.next()));
            }
            let _ = decoder.reject();
            // How a keep-alive is cut is allowed to make a difference, and nothing else is.
            items.retain(|item| !matches!(item, Ok(StreamItem::Ping | StreamItem::Pong)));
            items
        };
        let mut pieces = Vec::new();
        let mut rest = &stream[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, behind) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        prop_assert_eq!(decode(&pieces), decode(&[&stream]));
    }

    #[test]
    fn what_is_written_reads_the_same(
        method in TOKEN,
        fields in vec((TOKEN, one_line()), 0..8),
        body in vec(any::<u8>(), 0..60),
    ) {
        let uri = Uri::parse("sip:a@b").unwrap();
        let mut request = OutgoingRequest::new(Method::parse(&method), &uri);
        let mut expected = Vec::new();
        for (name, value) in &fields {
            if HeaderName::parse(name).is_none() {
                request.headers_mut().push(name.as_str(), value).unwrap();
                expected.push((name.as_str(), value.as_str()));
            }
        }
        request.set_body("application/x", body.clone()).unwrap();
        let written = request.write().unwrap();
        let Ok(Message::Request(read)) = Message::parse(written, &Limits::default()) else {
            panic!("no request");
        };
        prop_assert_eq!(read.method().as_str(), &method);
        prop_assert_eq!(read.body(), &body);
        let lines: Vec<_> = read
            .lines()
            .filter(|line| line.known().is_none())
            .map(|line| (line.name(), line.value()))
            .collect();
        prop_assert_eq!(lines, expected);
    }

    #[test]
    fn nothing_given_to_a_writer_becomes_a_line(
        texts in vec(hostile(), 12),
        method in hostile(),
    ) {
        let text = |at: usize| texts[at].as_str();
        let base = UriBuilder::sip("example.com")
            .user(text(0))
            .param(text(1), Some(text(2)))
            .header(text(3), text(4))
            .build();
        // A parameter without a name is refused; everything else can be escaped.
        let uri = match base {
            Ok(uri) => uri,
            Err(_) => {
                prop_assert!(text(1).is_empty());
                Uri::parse("sip:example.com").unwrap().into_owned()
            }
        };
        prop_assert_eq!(uri.host(), Some("example.com"));
        let mut fields = HeaderFields::new();
        let address = NameAddr::new(uri.clone())
            .with_display_name(text(5))
            .with_param("text", Some(text(6)))
            .with_tag("x");
        let via = Via {
            protocol: "SIP",
            version: "2.0",
            transport: text(7),
            host: text(8),
            port: None,
            params: Params::default(),
        };
        let reason = Reason { protocol: text(9).into(), cause: Some(1), text: Some(text(10).into()) };
        let warning = Warning { code: 399, agent: text(9).into(), text: text(11).into() };
        let params = AuthParams::new().with_quoted("realm", text(5)).with_token("nc", text(6));
        let replaces = Replaces {
            call_id: text(1).into(),
            to_tag: text(2).into(),
            from_tag: text(3).into(),
            early_only: true,
        };
        let outcomes = [
            fields.push(text(0), text(1)),
            fields.push_front(text(2), "x"),
            fields.push_before("Route", text(4)),
            fields.set("X-Set-By-The-Test", text(3)),
            fields.push("Contact", address),
            fields.push("Via", via),
            fields.push("Reason", reason),
            fields.push("Warning", warning),
            fields.push("Authorization", Credentials { scheme: "Digest", params }),
            fields.push("Replaces", replaces),
        ];
        let accepted = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        prop_assert_eq!(fields.len(), accepted);

        let mut response = OutgoingResponse::new(StatusCode::OK);
        let _ = response.set_reason(text(7));
        let mut request = OutgoingRequest::new(Method::Other(&method), &uri);
        for (name, value) in fields.iter() {
            response.headers_mut().push(name, value).unwrap();
            request.headers_mut().push(name, value).unwrap();
        }
        let _ = response.set_to_tag(text(8));
        let typed = usize::from(response.set_body(text(9), "body").is_ok());
        let expected: Vec<_> = response
            .headers()
            .iter()
            .filter(|(name, _)| HeaderName::parse(name) != Some(HeaderName::ContentLength))
            .map(|(name, _)| name.to_owned())
            .collect();
        let written = response.write().unwrap();
        let head = written.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
        let text = String::from_utf8(written[..head].to_vec()).unwrap();
        // One start line, the fields, one Content-Length.
        prop_assert_eq!(text.split('\n').count(), 1 + expected.len() + 1);
        prop_assert_eq!(text.matches('\r').count(), text.matches('\n').count());
        prop_assert!(!text.contains('\0'));
        prop_assert_eq!(written.len() - head - 4, typed * 4);
        if let Ok(written) = request.write() {
            prop_assert_eq!(Method::parse(&method), Method::Other(&method));
            let start = format!("{method} {uri} SIP/2.0\r\n");
            prop_assert!(written.starts_with(start.as_bytes()));
        }
    }

    #[test]
    fn nothing_given_to_a_multipart_writer_becomes_a_part(
        subtype in hostile(),
        boundary in prop_oneof![hostile(), TOKEN.prop_map(String::from)],
        bodies in vec(hostile(), 1..4),
    ) {
        let Ok(mut writer) = MultipartWriter::new(&subtype, &boundary)
            .or_else(|_| MultipartWriter::new("mixed", &boundary))
            .or_else(|_| MultipartWriter::new("mixed", "b1"))
        else {
            panic!("the last one is right");
        };
        let mut expected = Vec::new();
        for body in &bodies {
            if writer.part(&HeaderFields::new(), body.as_bytes()).is_ok() {
                expected.push(body.as_bytes());
            }
        }
        let (content_type, body) = writer.finish();
        if !expected.is_empty() {
            let content_type = MediaType::parse(&content_type).unwrap();
            let read = Multipart::parse(&content_type, &body, &Limits::default()).unwrap();
            let bodies: Vec<_> = read.parts().iter().map(|part| part.body()).collect();
            prop_assert_eq!(bodies, expected);
        }
    }

    #[test]
    fn a_uri_is_written_as_it_was_read_and_escapes_come_back(text in hostile(), user in hostile()) {
        for text in [text.clone(), format!("sip:{text}"), format!("sip:{text}@h;{text}?{text}")] {
            if let Ok(uri) = Uri::parse(&text) {
                prop_assert_eq!(uri.to_string(), text.as_str());
                prop_assert!(!text.contains(['\r', '\n', ' ', '<', '>', '"']));
                let _ = (uri.address_of_record(), uri.params().iter().count());
                let _ = (uri.headers().count(), uri.equivalent(&uri), uri.without_headers());
                let _ = (uri.with_param("a", Some(&user)), uri.with_header("b", &user));
            }
        }
        let uri = Uri::parse("sip:x@example.com;lr?a=b").unwrap();
        let with_user = uri.with_user(&user);
        let expected = (!user.is_empty()).then(|| user.as_str().into());
        prop_assert_eq!(with_user.user_unescaped(), expected);
        prop_assert_eq!(with_user.host(), Some("example.com"));
        for escaped in [escape_user(&user), escape_header_value(&user)] {
            prop_assert_eq!(unescape(&escaped), user.as_str());
        }
    }

    #[test]
    fn an_address_is_written_so_that_it_reads_the_same(name in one_line(), value in one_line()) {
        let uri = Uri::parse("sip:a@b;lr").unwrap();
        let written = NameAddr::new(uri)
            .with_display_name(name.as_str())
            .with_param("p", Some(&value))
            .to_string();
        let read = NameAddr::parse(&written).unwrap();
        prop_assert_eq!(read.display_name.as_deref().unwrap_or_default(), &name);
        prop_assert!(read.params.has("p"));
        prop_assert_eq!(read.params.iter().count(), 1);
    }
}
