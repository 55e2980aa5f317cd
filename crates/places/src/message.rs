//! What is in the text of a message.

use bytes::Bytes;
use offhook_sip::{CSeq, HeaderName, Limits, Message, NameAddr, TypedHeader, Via};

use crate::grammar::{address_places, addresses, uri_places, via_places};
use crate::places::Places;

/// What is in the text of a message, as `npm/src/values/message_text.ts` reads it: its status, or 0;
/// its body; its header lines; the rest of its start line; Call-ID and CSeq; the URI of a request;
/// and From, To and the topmost Via. Of a message that the engine has taken before, `is_new` is not
/// set: no limit counts any more.
pub(crate) fn read(places: &mut Places, text: &[u8], units: u32, is_new: bool) -> Option<()> {
    let limits = match is_new {
        true => Limits::default(),
        false => Limits::default()
            .with_message_size(usize::MAX)
            .with_header_count(usize::MAX)
            .with_header_length(usize::MAX),
    };
    let message = Message::parse(Bytes::copy_from_slice(text), &limits).ok()?;
    places.start(message.head(), text.len() == units as usize, units);
    places.number(match &message {
        Message::Request(_) => 0,
        Message::Response(response) => u32::from(response.status().code()),
    });
    body(places, &message);
    let behind_lines = places.reserve();
    let fields = lines(places, &message);
    places.mark(behind_lines);
    let cseq = CSeq::parse(fields.cseq).ok();
    match &message {
        Message::Request(request) => {
            // There is one space between method and URI.
            let uri = request.uri_text();
            places.before(uri, 1, request.method().as_str().len());
            places.piece(uri);
        }
        Message::Response(response) => {
            match &cseq {
                Some(cseq) => places.end(fields.cseq, cseq.method.as_str().len()),
                None => places.piece(""),
            }
            places.piece(response.reason());
        }
    }
    places.maybe(message.call_id().ok());
    places.number(cseq.map_or(0, |cseq| cseq.number));
    let behind_uri = places.reserve();
    if let Message::Request(request) = &message {
        places.option(|places| {
            uri_places(places, &request.uri().ok()?);
            Some(())
        });
    }
    places.mark(behind_uri);
    // Who looks at a message looks at these: one way for all of them.
    for value in [fields.from, fields.to] {
        places.option(|places| {
            let party = NameAddr::parse(value).ok()?;
            address_places(places, value, &party);
            places.maybe(party.tag());
            Some(())
        });
    }
    places.option(|places| {
        let via = Via::first(fields.via).ok()?;
        via_places(places, &via)?;
        places.maybe(via.branch());
        Some(())
    });
    Some(())
}

/// Whether there are folds, whose line ends are spaces; and the body.
fn body(places: &mut Places, message: &Message) {
    places.number(u32::from(
        message.head().as_ptr() != message.bytes().as_ptr(),
    ));
    match places.behind(message.body()) {
        Some(()) => {}
        // Its length ends it inside a character.
        None => places.other(&String::from_utf8_lossy(message.body())),
    }
}

/// The first values of what every message has; empty, where it has not.
#[derive(Default)]
struct Fields<'m> {
    from: &'m str,
    to: &'m str,
    via: &'m str,
    cseq: &'m str,
}

/// How many header lines there are; of each, its name by number, or 0 and the name; and its value.
/// Those of Contact and Record-Route are followed by where the next line is, and by the list.
fn lines<'m>(places: &mut Places, message: &'m Message) -> Fields<'m> {
    let mut fields = Fields::default();
    let mut count = 0;
    let at = places.reserve();
    for line in message.lines() {
        let value = line.value();
        match line.known() {
            Some(name) => {
                places.number(name as u32 + 1);
                let field = match name {
                    HeaderName::From => &mut fields.from,
                    HeaderName::To => &mut fields.to,
                    HeaderName::Via => &mut fields.via,
                    HeaderName::CSeq => &mut fields.cseq,
                    _ => &mut "",
                };
                if field.is_empty() {
                    *field = value;
                }
            }
            None => {
                places.number(0);
                places.piece(line.name());
            }
        }
        places.piece(value);
        if let Some(HeaderName::Contact | HeaderName::RecordRoute) = line.known() {
            let behind = places.reserve();
            places.option(|places| addresses(places, value, line.known()));
            places.mark(behind);
        }
        count += 1;
    }
    places.set(at, count);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::tests::{Found, units};

    /// Reads what is found up to the parties: numbers as they are, pieces in quotes.
    fn written(text: &str, bytes: &[u8]) -> String {
        let mut places = Places::default();
        read(&mut places, bytes, units(text), true).expect("a message");
        let mut found = Found::of(&places, text);
        let mut written = format!("{} {} '{}'", found.number(), found.number(), found.piece());
        found.number();
        for _ in 0..found.number() {
            let name = match found.number() {
                0 => found.piece(),
                number => HeaderName::all()
                    .nth(number as usize - 1)
                    .expect("a name")
                    .to_string(),
            };
            written += &format!("\n{name}: {}", found.piece());
            if name == "Contact" {
                let behind = found.number();
                assert_eq!((found.number(), found.number()), (1, 1), "a list");
                written += &format!(" [{}]", found.piece());
                found.skip_to(behind);
            }
        }
        let [method, target, call_id] = [(); 3].map(|()| found.piece());
        written + &format!("\n'{method}' '{target}' '{call_id}' {}", found.number())
    }

    #[test]
    fn a_request_says_its_start_line_every_header_and_what_a_dialog_needs() {
        let text = "\r\nINVITE sip:b\u{e9}b@example.com SIP/2.0\r\n\
             v: SIP/2.0/WSS a.invalid;branch=z9hG4bK776asdhds\r\n\
             f: \"Alice\" <sip:alice@example.com>;tag=1928301774\r\n\
             call-id: a84b4c76e66710\r\n\
             CSEQ: 2147483647 INVITE\r\n\
             X_note-TO: one\r\n  two\r\n\
             mime-version: 1.0\r\n\
             m: <sip:a@b>, sip:c@d\r\n\
             l: 6\r\n\
             \r\nh\u{e9}lloh";
        let folded = text.replace("one\r\n  two", "one    two");
        let found = written(&folded, text.as_bytes());
        let expected = "0 1 'h\u{e9}llo'\n\
             Via: SIP/2.0/WSS a.invalid;branch=z9hG4bK776asdhds\n\
             From: \"Alice\" <sip:alice@example.com>;tag=1928301774\n\
             Call-ID: a84b4c76e66710\n\
             CSeq: 2147483647 INVITE\n\
             X_note-TO: one    two\n\
             MIME-Version: 1.0\n\
             Contact: <sip:a@b>, sip:c@d [<sip:a@b>]\n\
             Content-Length: 6\n\
             'INVITE' 'sip:b\u{e9}b@example.com' 'a84b4c76e66710' 2147483647";
        assert_eq!(found, expected);
    }

    #[test]
    fn what_a_response_lacks_is_empty() {
        let text = "SIP/2.0 200 \r\nTo: <sip:bob@example.com>;tag=9\r\n\r\n";
        let found = written(text, text.as_bytes());
        let expected = "200 0 ''\nTo: <sip:bob@example.com>;tag=9\n'' '' '' 0";
        assert_eq!(found, expected);
    }

    #[test]
    fn a_body_that_ends_inside_a_character_ends_in_a_sign_for_it() {
        let text = "SIP/2.0 200 OK\r\nCSeq: 1 BYE\r\nl: 2\r\n\r\na\u{e9}";
        let found = written(text, text.as_bytes());
        assert!(found.starts_with("200 0 'a\u{fffd}'\n"), "{found}");
        assert!(found.ends_with("'BYE' 'OK' '' 1"), "{found}");
    }

    #[test]
    fn limits_count_for_messages_that_are_new() {
        let text = format!("SIP/2.0 200 OK\r\nX: {}\r\n\r\n", "x".repeat(70_000));
        let mut places = Places::default();
        for (is_new, expected) in [(true, None), (false, Some(()))] {
            assert_eq!(
                read(&mut places, text.as_bytes(), units(&text), is_new),
                expected
            );
        }
    }
}
