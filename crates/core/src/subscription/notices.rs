//! The NOTIFYs of one subscription: one is under way, the others wait, so that none overtakes
//! another.

use std::collections::VecDeque;
use std::time::Duration;

use offhook_sip::{HeaderName, Response, StatusCode};

use crate::session::Answer;

/// How many NOTIFYs of one subscription may wait for the one before them.
const MAX_NOTICES: usize = 8;

/// Why a subscription ends (RFC 6665 section 4.1.3).
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) reason: String,
    pub(crate) retry_after: Option<Duration>,
}

impl From<&str> for Ending {
    fn from(reason: &str) -> Self {
        Self {
            reason: reason.to_owned(),
            retry_after: None,
        }
    }
}

/// One thing to tell the peer.
#[derive(Clone, Debug)]
pub(crate) struct Notice<T> {
    pub(crate) news: T,
    /// Why the subscription ends with it, if it does.
    pub(crate) end: Option<Ending>,
    /// Whether it is sent for the second time.
    again: bool,
}

/// What the answer to a NOTIFY means.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The next may go.
    Next,
    /// It was the last.
    Last,
    /// The peer does not want it.
    Refused(Box<Response>),
    /// The peer has fallen silent.
    Silent,
}

/// The NOTIFYs of one subscription.
#[derive(Debug)]
pub(crate) struct Notices<T> {
    sent: Option<Notice<T>>,
    queue: VecDeque<Notice<T>>,
}

impl<T: Clone> Notices<T> {
    pub(crate) fn new() -> Self {
        Self {
            sent: None,
            queue: VecDeque::new(),
        }
    }

    /// Has the peer told this; where too much waits, the oldest is left out.
    pub(crate) fn push(&mut self, news: T, end: Option<Ending>) {
        if self.queue.len() >= MAX_NOTICES {
            self.queue.pop_front();
        }
        self.queue.push_back(Notice {
            news,
            end,
            again: false,
        });
    }

    /// What is to be sent now, unless a NOTIFY is under way.
    pub(crate) fn next(&mut self) -> Option<Notice<T>> {
        if self.sent.is_none() {
            self.sent = self.queue.pop_front();
            return self.sent.clone();
        }
        None
    }

    /// Lets what waits go.
    pub(crate) fn clear(&mut self) {
        self.queue.clear();
    }

    /// The NOTIFY was answered, or never will be; nothing, if none was under way.
    pub(crate) fn answered(&mut self, answer: &Answer) -> Option<Verdict> {
        let notice = self.sent.take()?;
        let verdict = match answer {
            Answer::Response(response) if response.status().is_success() => Verdict::Next,
            // It came after a later request of ours: once more, with a number of its own.
            Answer::Response(response)
                if response.status() == StatusCode::SERVER_INTERNAL_ERROR && !notice.again =>
            {
                self.queue.push_front(Notice {
                    again: true,
                    ..notice
                });
                return Some(Verdict::Next);
            }
            // The peer will take later ones (RFC 6665 section 4.2.2).
            Answer::Response(response)
                if response.status() != StatusCode::CALL_DOES_NOT_EXIST
                    && response.header(HeaderName::RetryAfter).is_some() =>
            {
                Verdict::Next
            }
            // The flow broke; later news may arrive.
            Answer::Unsent => Verdict::Next,
            // The peer does not know of a subscription, or is gone (RFC 6665 section 4.2.2).
            Answer::Response(response) => Verdict::Refused(Box::new(response.clone())),
            Answer::Timeout => Verdict::Silent,
        };
        Some(match verdict {
            Verdict::Next if notice.end.is_some() => Verdict::Last,
            verdict => verdict,
        })
    }
}
