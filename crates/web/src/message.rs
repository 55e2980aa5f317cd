//! Messages as rows.

use offhook_core::Body;
use offhook_sip::{Message, OutgoingRequest, Received, Request, Response};

use crate::rows::Row;

impl Row {
    pub(crate) fn request(self, request: &Request) -> Row {
        self.row(&row("request", request))
    }

    pub(crate) fn maybe_request(self, request: Option<&Request>) -> Row {
        match request {
            Some(request) => self.request(request),
            None => self.none(),
        }
    }

    pub(crate) fn response(self, response: &Response) -> Row {
        self.row(&row("response", response))
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
    // The engine has made it, so that it can be written.
    let bytes = request.write().ok()?;
    Some(Row::of("request").lossy(&bytes))
}

/// `MessageRow` in `npm/src/engine/rows.ts`: the text is read there when it is looked at.
fn row(kind: &str, message: &Received) -> Row {
    let row = Row::of(kind);
    match std::str::from_utf8(message.bytes()) {
        Ok(text) => row.text(text),
        // With characters in the place of broken bytes, Content-Length says something else.
        Err(_) => row.lossy(message.bytes()).lossy(message.body()),
    }
}
