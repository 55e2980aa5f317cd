//! The calls that are up: told to whoever watches, and nothing else. No request is routed by them.

use std::collections::HashMap;

use offhook_core::FlowId;
use offhook_sip::{OutgoingResponse, Received};

/// As many calls are told apart; those beyond are carried, and not told.
const MAX_CALLS: usize = 10_000;

/// The number of a call, given once and never again.
#[derive(Copy, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct CallNumber(u64);

/// A dialog, from whichever side: its Call-ID and both tags.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct CallKey {
    call_id: String,
    tags: [String; 2],
}

impl CallKey {
    fn new(call_id: &str, from_tag: &str, to_tag: &str) -> CallKey {
        let mut tags = [from_tag.to_owned(), to_tag.to_owned()];
        tags.sort();
        CallKey {
            call_id: call_id.to_owned(),
            tags,
        }
    }

    /// The dialog of a message that has both tags.
    pub(crate) fn of(message: &Received) -> Option<CallKey> {
        let (from, to) = (message.from().ok()?, message.to().ok()?);
        Some(CallKey::new(
            message.call_id().ok()?,
            from.tag()?,
            to.tag()?,
        ))
    }

    /// The dialog that a response to `request` makes.
    pub(crate) fn made_by(request: &Received, response: &OutgoingResponse) -> Option<CallKey> {
        let to = response.headers().get("To")?;
        let to = offhook_sip::NameAddr::parse(to).ok()?;
        let from = request.from().ok()?;
        Some(CallKey::new(
            request.call_id().ok()?,
            from.tag()?,
            to.tag()?,
        ))
    }

    pub(crate) fn call_id(&self) -> &str {
        &self.call_id
    }
}

#[derive(Debug)]
struct Call {
    key: CallKey,
    flows: [FlowId; 2],
}

#[derive(Debug, Default)]
pub(crate) struct Calls {
    calls: HashMap<CallNumber, Call>,
    numbers: HashMap<CallKey, CallNumber>,
    last: u64,
}

impl Calls {
    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// A call was answered; `None` when it was before, or when there are too many.
    pub(crate) fn start(&mut self, key: CallKey, flows: [FlowId; 2]) -> Option<CallNumber> {
        if self.numbers.contains_key(&key) || self.calls.len() >= MAX_CALLS {
            return None;
        }
        self.last += 1;
        let number = CallNumber(self.last);
        self.numbers.insert(key.clone(), number);
        self.calls.insert(number, Call { key, flows });
        Some(number)
    }

    pub(crate) fn number(&self, key: &CallKey) -> Option<CallNumber> {
        self.numbers.get(key).copied()
    }

    /// A call is over; gives its key, the first time.
    pub(crate) fn end(&mut self, number: CallNumber) -> Option<CallKey> {
        let call = self.calls.remove(&number)?;
        self.numbers.remove(&call.key);
        Some(call.key)
    }

    /// The calls that one side led over this flow.
    pub(crate) fn on(&self, flow: FlowId) -> Vec<CallNumber> {
        let mut numbers: Vec<CallNumber> = self
            .calls
            .iter()
            .filter(|(_, call)| call.flows.contains(&flow))
            .map(|(number, _)| *number)
            .collect();
        numbers.sort_unstable();
        numbers
    }
}
