//! What a machine acts through: its owner's timers and events.

use std::collections::VecDeque;
use std::hash::Hash;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use offhook_sip::{OutgoingRequest, Response};

use super::{TimerName, TransactionEvent, TransactionId, TransactionTimer, TransactionTimings};
use crate::flow::FlowId;
use crate::time::Instant;
use crate::timer::TimerQueue;

/// The owner's timer queue, whatever else it holds.
pub(super) trait Timers {
    fn set(&mut self, timer: TransactionTimer, at: Instant);
    fn cancel(&mut self, timer: TransactionTimer);
}

impl<K: From<TransactionTimer> + Copy + Eq + Hash + Ord> Timers for TimerQueue<K> {
    fn set(&mut self, timer: TransactionTimer, at: Instant) {
        TimerQueue::set(self, K::from(timer), at);
    }

    fn cancel(&mut self, timer: TransactionTimer) {
        TimerQueue::cancel(self, &K::from(timer));
    }
}

/// The surroundings of one machine while it handles one input.
///
/// A machine cancels the timers of a state that it leaves for another; those of a machine that
/// terminates are cancelled by the table that holds it.
pub(super) struct Context<'a> {
    pub(super) id: TransactionId,
    pub(super) now: Instant,
    pub(super) timings: &'a TransactionTimings,
    pub(super) timers: &'a mut dyn Timers,
    pub(super) events: &'a mut VecDeque<TransactionEvent>,
    /// The flow, or nothing while it is lost.
    pub(super) flow: Option<FlowId>,
    /// Whether the flow delivers by itself, so that nothing is retransmitted.
    pub(super) reliable: bool,
    /// Where requests on the flow come from, for the Via of answers to them.
    pub(super) remote: Option<SocketAddr>,
    /// Whether a ringing INVITE waits for another flow when its own is lost.
    pub(super) outlive_flows: bool,
    /// Whether the owner knows the transaction, and so is told about it.
    pub(super) known: bool,
    /// The last message that could not be sent since the flow is lost.
    pub(super) unsent: Option<Bytes>,
    /// The CANCEL that the machine wants to have sent in a transaction of its own.
    pub(super) cancel: Option<OutgoingRequest>,
}

impl Context<'_> {
    pub(super) fn send(&mut self, bytes: Bytes) {
        match self.flow {
            Some(flow) => self
                .events
                .push_back(TransactionEvent::Send { flow, bytes }),
            None => self.unsent = Some(bytes),
        }
    }

    pub(super) fn set(&mut self, which: TimerName, after: Duration) {
        self.timers
            .set(TransactionTimer { id: self.id, which }, self.now + after);
    }

    pub(super) fn stop(&mut self, timers: &[TimerName]) {
        for &which in timers {
            self.timers.cancel(TransactionTimer { id: self.id, which });
        }
    }

    pub(super) fn tell(&mut self, event: TransactionEvent) {
        if self.known {
            self.events.push_back(event);
        }
    }

    pub(super) fn response(&mut self, response: Response) {
        self.tell(TransactionEvent::Response {
            id: self.id,
            response,
        });
    }

    pub(super) fn timeout(&mut self) {
        self.tell(TransactionEvent::Timeout { id: self.id });
    }

    pub(super) fn transport_failed(&mut self) {
        self.tell(TransactionEvent::TransportFailed { id: self.id });
    }
}

/// A message that is sent again and again on an unreliable flow, and the time to the next time.
#[derive(Clone, Debug)]
pub(super) struct Repeat {
    pub(super) bytes: Bytes,
    pub(super) interval: Duration,
}
