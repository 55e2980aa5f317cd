//! Commands that need no session: MESSAGE, OPTIONS and subscriptions.

use offhook_core::{LastNotify, NotifyOptions, RequestId, SubscriptionId};

use crate::commands::{Given, Outcome, outcome};
use crate::engine::Engine;
use crate::message::outgoing_row;
use crate::options;
use crate::rows::Row;
use crate::time::duration;

fn subscription(given: &Given<'_>) -> SubscriptionId {
    SubscriptionId(given.id)
}

impl Engine {
    /// Sends a MESSAGE; makes a request.
    pub(crate) fn send_message(&mut self, given: &Given<'_>) -> Outcome {
        let (target, options) = (given.word(1), &given.options);
        let body = options.body().unwrap_or_else(|| "".into());
        let options = options::request(options);
        outcome(self.agent.send_message(given.now, &target, body, options))
    }

    /// Sends an OPTIONS; makes a request.
    pub(crate) fn send_options(&mut self, given: &Given<'_>) -> Outcome {
        let (target, options) = (given.word(1), &given.options);
        let (body, options) = (options.body(), options::request(options));
        outcome(self.agent.send_options(given.now, &target, body, options))
    }

    /// A MESSAGE or OPTIONS of ours as it was made, until it is answered.
    pub(crate) fn sent_request(&self, id: u64) -> Option<Row> {
        outgoing_row(self.agent.sent_request(RequestId(id))?)
    }

    /// Subscribes; makes a subscription.
    pub(crate) fn subscribe(&mut self, given: &Given<'_>) -> Outcome {
        let options = options::subscribe(&given.options)?;
        let (target, event) = (given.word(1), given.word(3));
        outcome(self.agent.subscribe(given.now, &target, &event, options))
    }

    /// Refreshes a subscription of ours.
    pub(crate) fn refresh_subscription(&mut self, given: &Given<'_>) -> Outcome {
        outcome(
            self.agent
                .refresh_subscription(given.now, subscription(given), given.body(2)),
        )
    }

    /// Ends a subscription of ours.
    pub(crate) fn unsubscribe(&mut self, given: &Given<'_>) -> Outcome {
        outcome(
            self.agent
                .unsubscribe(given.now, subscription(given), given.body(2)),
        )
    }

    /// Tells a subscriber the state.
    pub(crate) fn notify(&mut self, given: &Given<'_>) -> Outcome {
        let options = NotifyOptions {
            body: given.body(2),
            pending: given.flag(4),
        };
        outcome(self.agent.notify(given.now, subscription(given), options))
    }

    /// Ends a peer's subscription.
    pub(crate) fn terminate_subscription(&mut self, given: &Given<'_>) -> Outcome {
        let retry_after = given.at(5).as_f64();
        let last = LastNotify {
            reason: given
                .text(4)
                .unwrap_or_else(|| LastNotify::default().reason),
            retry_after: retry_after.map(|seconds| duration(seconds * 1000.0)),
            body: given.body(2),
        };
        outcome(
            self.agent
                .terminate_subscription(given.now, subscription(given), last),
        )
    }
}
