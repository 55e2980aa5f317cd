//! What a data channel's handles and the connection's task share: the application's wishes stand in
//! it until the task looks, and what comes until the application does.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{
    DataChannelError, DataChannelEvent, DataChannelOptions, DataChannelState, DataMessage,
};

/// Bytes and messages of one channel that wait to be sent or acknowledged; a sender waits then.
const SEND_BUFFER: usize = 1 << 20;
const MOST_WAITING: usize = 1024;
/// Bytes of all of a connection's channels that wait for the application.
const RECEIVE_BUFFER: usize = 16 << 20;
/// What an event takes beside its contents, about.
const EVENT_COST: usize = 64;

/// One channel, between its handles and the task.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) label: String,
    pub(crate) options: DataChannelOptions,
    inner: Mutex<Inner>,
    /// Tells the handles.
    changed: Notify,
    /// Tells the task.
    wake: Arc<Notify>,
    held: Arc<AtomicUsize>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) id: Option<u16>,
    pub(crate) state: DataChannelState,
    pub(crate) max_message_size: Option<usize>,
    events: VecDeque<(DataChannelEvent, Held)>,
    outgoing: VecDeque<DataMessage>,
    outgoing_bytes: usize,
    unacknowledged: usize,
    is_abandoned: bool,
}

/// Memory that an event takes until it is taken.
#[derive(Debug)]
struct Held {
    all: Arc<AtomicUsize>,
    cost: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.fetch_sub(self.cost, Ordering::Relaxed);
    }
}

/// What all channels of a connection have in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Common {
    /// Rings when a channel has something for the task.
    pub(crate) wake: Arc<Notify>,
    /// Bytes that wait for the application.
    held: Arc<AtomicUsize>,
}

impl Inner {
    fn buffered(&self) -> usize {
        self.outgoing_bytes + self.unacknowledged
    }

    fn has_room(&self, size: usize) -> bool {
        let buffered = self.buffered();
        self.outgoing.len() < MOST_WAITING && (buffered == 0 || buffered + size <= SEND_BUFFER)
    }
}

impl Shared {
    pub(crate) fn new(label: String, options: DataChannelOptions, common: &Common) -> Shared {
        Shared {
            inner: Mutex::new(Inner {
                id: options.negotiated,
                state: DataChannelState::Connecting,
                max_message_size: None,
                events: VecDeque::new(),
                outgoing: VecDeque::new(),
                outgoing_bytes: 0,
                unacknowledged: 0,
                is_abandoned: false,
            }),
            label,
            options,
            changed: Notify::new(),
            wake: common.wake.clone(),
            held: common.held.clone(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that holds the lock can panic half way.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state(&self) -> DataChannelState {
        self.lock().state
    }

    pub(super) fn id(&self) -> Option<u16> {
        self.lock().id
    }

    pub(super) fn buffered(&self) -> usize {
        self.lock().buffered()
    }

    pub(super) fn max_message_size(&self) -> Option<usize> {
        self.lock().max_message_size
    }

    /// Queues a message once there is room for it.
    pub(super) async fn send(&self, message: DataMessage) -> Result<(), DataChannelError> {
        let size = message.bytes().len();
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            {
                let mut inner = self.lock();
                if inner.state != DataChannelState::Open {
                    return Err(DataChannelError::NotOpen {
                        label: self.label.clone(),
                        state: inner.state,
                    });
                }
                if size == 0 {
                    return Err(DataChannelError::EmptyMessage);
                }
                if let Some(limit) = inner.max_message_size.filter(|limit| size > *limit) {
                    return Err(DataChannelError::MessageTooLarge { size, limit });
                }
                if inner.has_room(size) {
                    inner.outgoing_bytes += size;
                    inner.outgoing.push_back(message);
                    drop(inner);
                    self.wake.notify_one();
                    return Ok(());
                }
            }
            changed.await;
        }
    }

    /// Waits for the next event.
    pub(super) async fn next(&self) -> Option<DataChannelEvent> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let mut inner = self.lock();
                if let Some((event, _held)) = inner.events.pop_front() {
                    return Some(event);
                }
                if inner.state == DataChannelState::Closed {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// The last handle is gone: nobody will take anything any more.
    pub(super) fn abandon(&self) {
        self.close();
        let mut inner = self.lock();
        inner.is_abandoned = true;
        inner.events.clear();
    }

    pub(super) fn close(&self) {
        let mut inner = self.lock();
        if matches!(
            inner.state,
            DataChannelState::Connecting | DataChannelState::Open
        ) {
            inner.state = DataChannelState::Closing;
            drop(inner);
            self.changed.notify_waiters();
            self.wake.notify_one();
        }
    }

    /// The channel is open.
    pub(crate) fn opened(&self, id: Option<u16>) {
        let mut inner = self.lock();
        inner.id = id.or(inner.id);
        if inner.state == DataChannelState::Connecting {
            inner.state = DataChannelState::Open;
            self.tell(&mut inner, DataChannelEvent::Open, 0);
        }
    }

    /// A message came; says whether there was room for it.
    pub(crate) fn received(&self, message: DataMessage) -> Result<(), DataChannelError> {
        let size = message.bytes().len();
        if self.held.load(Ordering::Relaxed) + size > RECEIVE_BUFFER {
            return Err(DataChannelError::Overrun {
                limit: RECEIVE_BUFFER,
            });
        }
        let mut inner = self.lock();
        if inner.state != DataChannelState::Closed {
            self.tell(&mut inner, DataChannelEvent::Message(message), size);
        }
        Ok(())
    }

    /// The channel is over.
    pub(crate) fn closed(&self, error: Option<DataChannelError>) {
        let mut inner = self.lock();
        if inner.state == DataChannelState::Closed {
            return;
        }
        inner.state = DataChannelState::Closed;
        inner.outgoing.clear();
        inner.outgoing_bytes = 0;
        inner.unacknowledged = 0;
        if let Some(error) = error {
            self.tell(&mut inner, DataChannelEvent::Error(error), 0);
        }
        self.tell(&mut inner, DataChannelEvent::Close, 0);
    }

    fn tell(&self, inner: &mut Inner, event: DataChannelEvent, size: usize) {
        if inner.is_abandoned {
            return;
        }
        let cost = size + EVENT_COST;
        self.held.fetch_add(cost, Ordering::Relaxed);
        let all = self.held.clone();
        inner.events.push_back((event, Held { all, cost }));
        self.changed.notify_waiters();
    }

    /// Offers the next message that waits; it is gone when `send` takes it. Says whether it did.
    pub(crate) fn send_next(&self, send: impl FnOnce(&DataMessage) -> bool) -> bool {
        let mut inner = self.lock();
        let sent = inner.outgoing.front().is_some_and(send);
        if sent && let Some(message) = inner.outgoing.pop_front() {
            let size = message.bytes().len();
            inner.outgoing_bytes -= size;
            inner.unacknowledged += size;
        }
        sent
    }

    /// Notes what the peer has not acknowledged yet; says whether nothing waits any more.
    pub(crate) fn set_unacknowledged(&self, bytes: usize) -> bool {
        let mut inner = self.lock();
        if inner.unacknowledged != bytes {
            inner.unacknowledged = bytes;
            self.changed.notify_waiters();
        }
        inner.outgoing.is_empty() && bytes == 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::DataChannel;
    use super::*;

    fn channel() -> (Arc<Shared>, DataChannel) {
        let options = DataChannelOptions::default();
        let shared = Arc::new(Shared::new("chat".into(), options, &Common::default()));
        shared.opened(Some(0));
        (shared.clone(), DataChannel::of(shared))
    }

    fn message(size: usize) -> DataMessage {
        DataMessage::Binary(vec![0; size])
    }

    #[tokio::test]
    async fn messages_that_nobody_takes_have_an_end_and_make_room_when_taken() {
        let (shared, channel) = channel();
        let size = RECEIVE_BUFFER / 4;
        for _ in 0..3 {
            shared.received(message(size)).unwrap();
        }
        let overrun = shared.received(message(size)).unwrap_err();
        assert!(matches!(overrun, DataChannelError::Overrun { .. }));
        assert_eq!(channel.next().await, Some(DataChannelEvent::Open));
        assert!(channel.next().await.is_some());
        shared.received(message(size)).unwrap();
        // With its handles the channel lets everything go.
        drop(channel);
        shared.received(message(size)).unwrap();
        assert_eq!(shared.held.load(Ordering::Relaxed), 0);
        assert_eq!(shared.state(), DataChannelState::Closing);
    }

    #[tokio::test]
    async fn a_sender_waits_until_there_is_room_or_the_channel_is_over() {
        let (shared, channel) = channel();
        for _ in 0..4 {
            channel.send(message(SEND_BUFFER / 4)).await.unwrap();
        }
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let mut waiting = Box::pin(channel.send(message(1)));
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        assert!(shared.send_next(|message| message.is_binary()));
        assert_eq!(channel.buffered_amount(), SEND_BUFFER, "not acknowledged");
        shared.set_unacknowledged(0);
        waiting.await.unwrap();
        assert_eq!(channel.buffered_amount(), SEND_BUFFER / 4 * 3 + 1);
        let mut waiting = Box::pin(channel.send(message(SEND_BUFFER / 2)));
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        shared.closed(None);
        let error = waiting.await.unwrap_err();
        assert!(matches!(error, DataChannelError::NotOpen { .. }));
    }
}
