//! The queue between the driver, which never waits, and the application, which may be slow.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// How many events may wait to be read. Further ones push out the oldest, so that an
/// application which reads none costs no more memory than this.
pub(crate) const CAPACITY: usize = 1024;

/// A bounded queue of events that any number of readers share: each event goes to one of them.
#[derive(Debug)]
pub(crate) struct EventQueue<T> {
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    events: VecDeque<T>,
    wakers: Vec<Waker>,
    closed: bool,
}

impl<T> EventQueue<T> {
    pub(crate) fn new() -> Self {
        let state = State {
            events: VecDeque::new(),
            wakers: Vec::new(),
            closed: false,
        };
        Self {
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends an event. Gives back what is not kept: the oldest event where there are too many,
    /// or this one after [`EventQueue::close`].
    pub(crate) fn push(&self, event: T) -> Option<T> {
        let mut dropped = None;
        let wakers = {
            let mut state = self.lock();
            if state.closed {
                return Some(event);
            }
            if state.events.len() >= CAPACITY {
                dropped = state.events.pop_front();
            }
            state.events.push_back(event);
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
        dropped
    }

    /// Takes the waiting events that are no news any more.
    pub(crate) fn take_stale(&self, stale: impl Fn(&T) -> bool) -> VecDeque<T> {
        let mut state = self.lock();
        if !state.events.iter().any(&stale) {
            return VecDeque::new();
        }
        let (taken, kept) = std::mem::take(&mut state.events)
            .into_iter()
            .partition(stale);
        state.events = kept;
        taken
    }

    /// Says that nothing more comes. What waits can still be read.
    pub(crate) fn close(&self) {
        let wakers = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Closes the queue and drops what waits in it.
    pub(crate) fn discard(&self) {
        let events = std::mem::take(&mut self.lock().events);
        self.close();
        drop(events);
    }

    /// The next event; `None` when the queue is closed and empty.
    pub(crate) fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = self.lock();
        if let Some(event) = state.events.pop_front() {
            return Poll::Ready(Some(event));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        let waker = context.waker();
        if !state.wakers.iter().any(|waiting| waiting.will_wake(waker)) {
            state.wakers.push(waker.clone());
        }
        Poll::Pending
    }

    pub(crate) async fn next(&self) -> Option<T> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn events_come_in_order_and_then_the_end() {
        let queue = EventQueue::new();
        assert_eq!((queue.push(1), queue.push(2)), (None, None));
        queue.close();
        assert_eq!(queue.push(3), Some(3));
        assert_eq!(queue.next().await, Some(1));
        assert_eq!(queue.next().await, Some(2));
        assert_eq!(queue.next().await, None);
    }

    #[tokio::test]
    async fn two_waiting_readers_both_wake_when_the_queue_closes() {
        let queue = Arc::new(EventQueue::<u8>::new());
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let queue = Arc::clone(&queue);
                tokio::spawn(async move { queue.next().await })
            })
            .collect();
        tokio::task::yield_now().await;
        queue.close();
        for reader in readers {
            assert_eq!(reader.await.expect("the reader runs"), None);
        }
    }

    #[tokio::test]
    async fn an_unread_queue_keeps_the_newest_events() {
        let queue = EventQueue::new();
        let dropped: Vec<_> = (0..CAPACITY + 5).filter_map(|n| queue.push(n)).collect();
        assert_eq!(dropped, [0, 1, 2, 3, 4]);
        assert_eq!(queue.next().await, Some(5));
    }

    #[tokio::test]
    async fn a_discarded_queue_ends_at_once() {
        let queue = EventQueue::new();
        assert_eq!(queue.push(1), None);
        queue.discard();
        assert_eq!(queue.next().await, None);
    }

    #[tokio::test]
    async fn stale_events_are_taken_out_of_their_order() {
        let queue = EventQueue::new();
        (0..6).for_each(|n| assert_eq!(queue.push(n), None));
        assert_eq!(queue.take_stale(|n| n % 2 == 0), [0, 2, 4]);
        assert_eq!(queue.next().await, Some(1));
        assert!(queue.take_stale(|n| *n > 7).is_empty());
    }
}
