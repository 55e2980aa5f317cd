//! What happened on either side, as it happens, side by side.

use std::sync::{Mutex, MutexGuard, PoisonError};

use offhook::{SessionEvent, WireMessage};
use serde_json::{Value, json};

use crate::output::{Output, fields, millis};

/// How wide alice's column is.
const WIDTH: usize = 34;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    Alice,
    Bob,
}

impl Side {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Alice => "alice",
            Self::Bob => "bob",
        }
    }
}

/// Collects and shows the events of both sides.
#[derive(Debug)]
pub(crate) struct Timeline {
    output: Output,
    names: Mutex<Vec<(Side, &'static str)>>,
}

impl Timeline {
    pub(crate) fn new(output: Output) -> Self {
        Self {
            output,
            names: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn head(&self, server: &str) {
        if self.output.is_json() {
            self.output
                .event("exchange", "", json!({ "server": server }));
        } else {
            self.output.line(format_args!(
                "An exchange on {server}, two phones, one call.\n"
            ));
            self.output
                .line(format_args!("{:>10}  {:<WIDTH$}  bob", "ms", "alice"));
        }
        self.output.working("calling");
    }

    /// An event of the side's session.
    pub(crate) fn event(&self, side: Side, event: &SessionEvent) {
        if event.is_rtc_session_event() {
            self.guard().push((side, event.name()));
        }
        if matches!(event, SessionEvent::Confirmed { .. }) {
            self.output.working("alice speaks, bob listens");
        }
        self.show(side, event.name(), &short(event), fields(event));
    }

    /// Something else that happened on that side.
    pub(crate) fn note(&self, side: Side, text: &str) {
        self.show(side, text, text, Value::Null);
    }

    pub(crate) fn wire(&self, side: Side, message: &WireMessage) {
        self.output.wire(&format!("{} ", side.name()), message);
    }

    /// The names of the seed page's events of one side, in order.
    pub(crate) fn names(&self, side: Side) -> Vec<&'static str> {
        let names = self.guard();
        names
            .iter()
            .filter(|(of, _)| *of == side)
            .map(|(_, name)| *name)
            .collect()
    }

    fn show(&self, side: Side, name: &str, text: &str, fields: Value) {
        if self.output.is_json() {
            let mut fields = match fields {
                Value::Object(fields) => fields,
                _ => serde_json::Map::new(),
            };
            fields.insert("side".to_owned(), side.name().into());
            self.output.event(name, "", Value::Object(fields));
        } else {
            let at = millis(self.output.elapsed());
            self.output.line(match side {
                Side::Alice => format!("{at:>10.1}  {text}"),
                Side::Bob => format!("{at:>10.1}  {:<WIDTH$}  {text}", ""),
            });
        }
    }

    fn guard(&self) -> MutexGuard<'_, Vec<(Side, &'static str)>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The event's name and what tells it from others of that name, short enough for a column.
fn short(event: &SessionEvent) -> String {
    let name = event.name();
    match event {
        SessionEvent::Progress {
            response: Some(response),
            ..
        }
        | SessionEvent::Accepted {
            response: Some(response),
            ..
        } => {
            format!("{name} {} {}", response.status(), response.reason())
        }
        SessionEvent::NewDtmf {
            tone, originator, ..
        } => format!("{name} {tone} ({originator})"),
        SessionEvent::DtmfDelivered { tone, .. } => format!("{name} {tone}"),
        SessionEvent::Sdp(ask) => format!("{name} {} {}", ask.originator(), ask.kind()),
        SessionEvent::IceCandidate(ask) => {
            let words: Vec<_> = ask.candidate().split(' ').collect();
            let address = words.get(4..6).map(|words| words.join(":"));
            format!("{name} {}", address.unwrap_or_default())
        }
        SessionEvent::Ended(end) | SessionEvent::Failed(end) => {
            format!("{name} {} ({})", end.cause, end.originator)
        }
        _ => name.to_owned(),
    }
}
