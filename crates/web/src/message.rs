//! Messages as rows: `[kind, text, head, body, parties]` (`MessageRow` in
//! `npm/src/engine/rows.ts`).
//!
//! The head is text of lines, as one string costs less on its way to JavaScript than one for each
//! header: the two of the start line (method and request URI, or status and reason), the tags of
//! From and To, Call-ID, number and method of CSeq, the branch of the top Via, and then name and
//! value of each header line in turn. What is not there is an empty line.

use bytes::Bytes;
use offhook_core::Body;
use offhook_sip::{
    HeaderLine, HeaderName, Limits, Message, OutgoingRequest, Received, Request, Response,
};
use wasm_bindgen::prelude::*;

use crate::grammar::Parties;
use crate::rows::Row;

/// The row of a message that did not come over a flow of the engine's; nothing, where the bytes
/// are none. `text` is the same message, which goes into the row as it is.
#[wasm_bindgen(js_name = parseMessage)]
pub fn parse_message(text: &JsValue, bytes: Vec<u8>) -> Option<Row> {
    match Message::parse(Bytes::from(bytes), &Limits::default()).ok()? {
        Message::Request(request) => Some(request_row(&request, Some(text))),
        Message::Response(response) => Some(response_row(&response, Some(text))),
    }
}

impl Row {
    pub(crate) fn request(self, request: &Request) -> Row {
        self.row(&request_row(request, None))
    }

    pub(crate) fn maybe_request(self, request: Option<&Request>) -> Row {
        match request {
            Some(request) => self.request(request),
            None => self.none(),
        }
    }

    pub(crate) fn response(self, response: &Response) -> Row {
        self.row(&response_row(response, None))
    }

    pub(crate) fn maybe_response(self, response: Option<&Response>) -> Row {
        match response {
            Some(response) => self.response(response),
            None => self.none(),
        }
    }

    pub(crate) fn maybe_message(self, message: Option<&Message>) -> Row {
        match message {
            Some(Message::Request(request)) => self.request(request),
            Some(Message::Response(response)) => self.response(response),
            None => self.none(),
        }
    }

    /// A request of ours as it would be sent.
    pub(crate) fn outgoing(self, request: &OutgoingRequest) -> Row {
        match outgoing_row(request) {
            Some(row) => self.row(&row),
            None => self.none(),
        }
    }

    /// Content and media type of a body.
    pub(crate) fn body(self, body: Option<&Body>) -> Row {
        match body {
            Some(body) => self.lossy(&body.content).text(&body.content_type),
            None => self.none().none(),
        }
    }
}

/// The row of a request of ours as it would be sent.
pub(crate) fn outgoing_row(request: &OutgoingRequest) -> Option<Row> {
    // The engine has made it, so that it can be written and read.
    let bytes = request.write().ok()?;
    let limits = Limits::default().with_message_size(bytes.len());
    match Message::parse(bytes, &limits).ok()? {
        Message::Request(request) => Some(request_row(&request, None)),
        Message::Response(_) => None,
    }
}

fn request_row(request: &Request, text: Option<&JsValue>) -> Row {
    let mut head = String::with_capacity(request.bytes().len());
    line(&mut head, request.method().as_str());
    line(&mut head, request.uri_text());
    finish("request", head, request, text)
}

fn response_row(response: &Response, text: Option<&JsValue>) -> Row {
    let mut head = String::with_capacity(response.bytes().len());
    number(&mut head, u32::from(response.status().code()));
    line(&mut head, response.reason());
    finish("response", head, response, text)
}

/// `text` is the message where JavaScript has it already: it does not cross over again.
fn finish(kind: &str, mut head: String, message: &Received, text: Option<&JsValue>) -> Row {
    let parties = Parties::of(message);
    write_rest(&mut head, message, &parties);
    let row = match text {
        Some(text) => Row::of(kind).value(text),
        None => Row::of(kind).lossy(message.bytes()),
    };
    row.text(&head)
        .lossy(message.body())
        .text(&parties.write(message))
}

/// Everything behind the start line.
fn write_rest(head: &mut String, message: &Received, parties: &Parties<'_>) {
    for party in [&parties.from, &parties.to] {
        line(
            head,
            party
                .as_ref()
                .and_then(|party| party.tag())
                .unwrap_or_default(),
        );
    }
    line(head, message.call_id().unwrap_or_default());
    match message.cseq() {
        Ok(cseq) => {
            number(head, cseq.number);
            line(head, cseq.method.as_str());
        }
        Err(_) => head.push_str("\n\n"),
    }
    let via = parties.via.as_ref();
    line(head, via.and_then(|via| via.branch()).unwrap_or_default());
    for header in message.lines() {
        headerize(head, header);
        line(head, header.value());
    }
    // The last line has no end.
    head.pop();
}

fn line(head: &mut String, text: &str) {
    head.push_str(text);
    head.push('\n');
}

/// A number needs no more than this, and `fmt` would bring much along.
fn number(head: &mut String, mut number: u32) {
    let start = head.len();
    loop {
        head.insert(start, char::from(b'0' + (number % 10) as u8));
        number /= 10;
        if number == 0 {
            break;
        }
    }
    head.push('\n');
}

/// A header's name as JsSIP's `Utils.headerize` spells it, which is how applications ask for it:
/// each word with one capital, `-` for `_`, and three exceptions.
fn headerize(head: &mut String, header: HeaderLine<'_>) {
    let name = match header.known() {
        Some(known @ (HeaderName::CallId | HeaderName::CSeq | HeaderName::WwwAuthenticate)) => {
            return line(head, known.as_str());
        }
        Some(known) => known.as_str(),
        None => header.name(),
    };
    let mut start = head.len();
    for word in name.split(['-', '_']) {
        head.push_str(word);
        head.push('-');
        if let Some(word) = head.get_mut(start..) {
            word.make_ascii_lowercase();
        }
        if let Some(letter) = head.get_mut(start..start + 1) {
            letter.make_ascii_uppercase();
        }
        start = head.len();
    }
    head.pop();
    head.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head_of(text: &'static str) -> String {
        let bytes = bytes::Bytes::from_static(text.as_bytes());
        let mut head = String::new();
        match Message::parse(bytes, &Limits::default()).expect("a message") {
            Message::Request(request) => {
                line(&mut head, request.method().as_str());
                line(&mut head, request.uri_text());
                write_rest(&mut head, &request, &Parties::of(&request));
            }
            Message::Response(response) => {
                number(&mut head, u32::from(response.status().code()));
                line(&mut head, response.reason());
                write_rest(&mut head, &response, &Parties::of(&response));
            }
        }
        head
    }

    #[test]
    fn the_head_of_a_request_says_what_a_dialog_needs_and_then_every_header() {
        let head = head_of(
            "INVITE sip:bob@example.com SIP/2.0\r\n\
             v: SIP/2.0/WSS a.invalid;branch=z9hG4bK776asdhds\r\n\
             f: \"Alice\" <sip:alice@example.com>;tag=1928301774\r\n\
             t: <sip:bob@example.com>\r\n\
             call-id: a84b4c76e66710\r\n\
             CSEQ: 2147483647 INVITE\r\n\
             X_note-TO: one\r\n  two\r\n\
             mime-version: 1.0\r\n\
             www-authenticate: Digest realm=\"x\"\r\n\
             \r\nhello",
        );
        let lines: Vec<_> = head.split('\n').collect();
        assert_eq!(
            lines,
            [
                "INVITE",
                "sip:bob@example.com",
                "1928301774",
                "",
                "a84b4c76e66710",
                "2147483647",
                "INVITE",
                "z9hG4bK776asdhds",
                "Via",
                "SIP/2.0/WSS a.invalid;branch=z9hG4bK776asdhds",
                "From",
                "\"Alice\" <sip:alice@example.com>;tag=1928301774",
                "To",
                "<sip:bob@example.com>",
                "Call-ID",
                "a84b4c76e66710",
                "CSeq",
                "2147483647 INVITE",
                "X-Note-To",
                "one    two",
                "Mime-Version",
                "1.0",
                "WWW-Authenticate",
                "Digest realm=\"x\"",
            ]
        );
    }

    #[test]
    fn what_a_response_lacks_is_an_empty_line() {
        let head = head_of("SIP/2.0 200 \r\nTo: <sip:bob@example.com>;tag=9\r\n\r\n");
        let lines: Vec<_> = head.split('\n').collect();
        let expected = [
            "200",
            "",
            "",
            "9",
            "",
            "",
            "",
            "",
            "To",
            "<sip:bob@example.com>;tag=9",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn numbers_are_written_without_leading_zeros() {
        let mut head = String::from("x");
        number(&mut head, 0);
        number(&mut head, 10);
        number(&mut head, 4_294_967_295);
        assert_eq!(head, "x0\n10\n4294967295\n");
    }
}
