//! What becomes of a REFER that this side has sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use offhook_core::ReferState;

use crate::queue::EventQueue;

/// Tells how a transfer goes: JsSIP's `ReferSubscriber`. See
/// [`Session::refer`](crate::Session::refer).
#[derive(Clone, Debug)]
pub struct ReferSubscriber {
    states: Arc<EventQueue<ReferState>>,
}

impl ReferSubscriber {
    pub(crate) fn new(states: Arc<EventQueue<ReferState>>) -> Self {
        Self { states }
    }

    /// What the peer says next; `None` when it will say no more. Clones share what it says.
    pub async fn next(&self) -> Option<ReferState> {
        self.states.next().await
    }
}

/// The same that [`ReferSubscriber::next`] gives.
impl Stream for ReferSubscriber {
    type Item = ReferState;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<ReferState>> {
        self.states.poll_next(context)
    }
}
