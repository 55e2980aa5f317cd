//! Requests of ours outside any dialog that stand alone: MESSAGE and OPTIONS.

use offhook_sip::{Method, OutgoingRequest};

use super::{Agent, Life};
use crate::context::{Owner, Pending, Waiting};
use crate::error::CommandError;
use crate::headers;
use crate::options::Body;
use crate::request::{RequestId, RequestOptions, alone, complete, renumber, unwritable};
use crate::session::{Answer, InDialog, sequence_of};
use crate::time::Instant;

impl Agent {
    /// Sends a MESSAGE (RFC 3428) to `target`: a SIP URI, or a user of the own domain. Over UDP it
    /// should hold at most 1300 bytes (section 8).
    ///
    /// [`Event::RequestOver`](crate::Event::RequestOver) tells what became of it. It waits for a
    /// connection that is being made; where the connection breaks before the answer comes, it
    /// fails, as nobody knows whether it arrived.
    ///
    /// ```
    /// # use offhook_core::{Agent, Config, Destination, Instant, RequestOptions};
    /// # use offhook_sip::Uri;
    /// # let mut config = Config::new(Uri::parse("sip:alice@example.com")?.into_owned());
    /// # config.servers.push(Destination::from_url("wss://sip.example.com")?);
    /// # let mut agent = Agent::new(config, [0; 32])?;
    /// # let now = Instant::ZERO;
    /// # agent.start(now);
    /// agent.send_message(now, "bob", "Dinner at eight?", RequestOptions::default())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the target is no address, the media type or a header is none, or the agent has been
    /// stopped.
    pub fn send_message(
        &mut self,
        now: Instant,
        target: &str,
        body: impl Into<Body>,
        options: RequestOptions,
    ) -> Result<RequestId, CommandError> {
        self.send_alone(now, Method::Message, target, Some(body.into()), options)
    }

    /// Asks `target` what it can (RFC 3261 section 11.1): a SIP URI, or a user of the own domain.
    /// [`Event::RequestOver`](crate::Event::RequestOver) tells what it says.
    ///
    /// # Errors
    ///
    /// As [`Agent::send_message`].
    pub fn send_options(
        &mut self,
        now: Instant,
        target: &str,
        body: Option<Body>,
        options: RequestOptions,
    ) -> Result<RequestId, CommandError> {
        self.send_alone(now, Method::Options, target, body, options)
    }

    fn send_alone(
        &mut self,
        now: Instant,
        method: Method<'_>,
        target: &str,
        body: Option<Body>,
        options: RequestOptions,
    ) -> Result<RequestId, CommandError> {
        self.cx.now = now;
        if self.life == Life::Stopping {
            return Err(CommandError::Stopped);
        }
        body.as_ref().map_or(Ok(()), Body::check)?;
        headers::check(&options.extra_headers)?;
        let target = self.target(target)?;
        let request = alone(&mut self.cx, method, &target, &options)
            .and_then(|request| complete(&self.cx, request, body.as_ref(), &options.extra_headers))
            .map_err(|error| unwritable(&error))?;
        let id = self.cx.name_request();
        if self.cx.submit(Owner::Alone(id), request).is_err() {
            self.cx.request_over(id, Answer::Unsent);
        }
        self.settle();
        Ok(id)
    }

    /// A MESSAGE, OPTIONS or other request of the application as it was made, as long as it waits
    /// for its answer: what the seed API hands out as `request` when it has been sent.
    pub fn sent_request(&self, id: RequestId) -> Option<&OutgoingRequest> {
        let waiting = self.cx.waiting.values().flatten();
        let waiting = waiting.filter_map(|message| match message {
            Waiting::Request(pending) => Some(pending),
            Waiting::Ack(_) => None,
        });
        let mut all = self.cx.pending.values().chain(waiting);
        let found = all.find(|pending| {
            pending.owner == Owner::Alone(id)
                || matches!(pending.owner, Owner::InDialog(_, InDialog::Alone(own)) if own == id)
        });
        found.map(|pending| &pending.request)
    }

    /// Sends a request that stands alone again, under another number; says whether it did.
    pub(super) fn send_again(&mut self, mut pending: Pending) -> bool {
        let number = sequence_of(&pending.request).map(|number| number + 1);
        number.is_some_and(|number| renumber(&mut pending.request, number).is_ok())
            && self.cx.resubmit(pending).is_ok()
    }

    /// Whether an answer to such a request is waited for.
    pub(super) fn has_requests(&self) -> bool {
        self.requests().next().is_some()
    }

    /// The agent has stopped: no answer is waited for any more.
    pub(super) fn fail_requests(&mut self) {
        let mut open: Vec<RequestId> = self.requests().collect();
        open.sort_unstable();
        for request in open {
            self.cx.request_over(request, Answer::Unsent);
        }
    }

    fn requests(&self) -> impl Iterator<Item = RequestId> {
        let waiting = self.cx.waiting.values().flatten();
        let waiting = waiting.filter_map(|message| match message {
            Waiting::Request(pending) => Some(pending.owner),
            Waiting::Ack(_) => None,
        });
        let sent = self.cx.pending.values().map(|pending| pending.owner);
        sent.chain(waiting).filter_map(|owner| match owner {
            Owner::Alone(request) | Owner::InDialog(_, InDialog::Alone(request)) => Some(request),
            _ => None,
        })
    }
}
