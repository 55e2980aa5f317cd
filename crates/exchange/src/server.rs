//! The task that joins the machine with its sockets.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use offhook_core::Instant;
use offhook_net::{Endpoint, Incoming, NetEvent};
use tokio::sync::{broadcast, oneshot};
use tokio::time::{Duration, sleep_until};
use tracing::debug;

use crate::event::ExchangeEvent;
use crate::proxy::{Output, Proxy};
use crate::watch::Watch;

/// An exchange at work.
pub(crate) struct Server {
    proxy: Arc<Mutex<Proxy>>,
    endpoint: Endpoint,
    incoming: Incoming,
    events: broadcast::Sender<ExchangeEvent>,
    start: tokio::time::Instant,
    watch: Watch,
}

impl Server {
    pub(crate) fn new(
        proxy: Arc<Mutex<Proxy>>,
        endpoint: Endpoint,
        incoming: Incoming,
        events: broadcast::Sender<ExchangeEvent>,
        watch: Watch,
    ) -> Server {
        Server {
            proxy,
            endpoint,
            incoming,
            events,
            start: tokio::time::Instant::now(),
            watch,
        }
    }

    /// Works until the other end of `stopped` is dropped.
    pub(crate) async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        loop {
            let wake = self.proxy().next_timeout();
            let wake = wake.map(|at| self.start + Duration::from_micros(at.as_micros()));
            let timer = async {
                match wake {
                    Some(wake) => sleep_until(wake).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                _ = &mut stopped => break,
                () = timer => {
                    let now = self.now();
                    self.proxy().tick(now);
                }
                event = self.incoming.next() => match event {
                    Some(event) => self.take(event),
                    None => break,
                },
            }
            self.drain();
        }
        // Nobody is told of anything any more; the connections still get what is under way.
        drop(self.incoming);
        self.endpoint.shutdown().await;
    }

    fn now(&self) -> Instant {
        let micros = self.start.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    fn proxy(&self) -> MutexGuard<'_, Proxy> {
        self.proxy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&mut self, event: NetEvent) {
        let now = self.now();
        match &event {
            NetEvent::Accepted {
                flow,
                transport,
                remote,
                ..
            }
            | NetEvent::Opened {
                flow,
                transport,
                remote,
                ..
            } => self.watch.connected(*flow, *transport, *remote),
            NetEvent::Received { flow, bytes } => self.watch.passes(true, *flow, bytes),
            NetEvent::Lost { flow, .. } => self.watch.lost(*flow),
            _ => {}
        }
        let mut proxy = self.proxy();
        match event {
            NetEvent::Accepted {
                flow,
                transport,
                local,
                remote,
            }
            | NetEvent::Opened {
                flow,
                transport,
                local,
                remote,
            } => proxy.connected(now, flow, transport, local, remote),
            NetEvent::Failed { flow, error } => {
                debug!(flow = flow.0, %error, "cannot reach a contact");
                proxy.failed(now, flow);
            }
            NetEvent::Received { flow, bytes } => proxy.received(now, flow, bytes),
            NetEvent::Lost { flow, .. } => proxy.lost(now, flow),
            _ => {}
        }
    }

    fn drain(&mut self) {
        let proxy = Arc::clone(&self.proxy);
        let mut proxy = proxy.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(output) = proxy.poll() {
            match output {
                Output::Send { flow, bytes } => {
                    self.watch.passes(false, flow, &bytes);
                    if let Err(error) = self.endpoint.send(flow, bytes) {
                        debug!(flow = flow.0, %error, "message not sent");
                        proxy.unsent();
                    }
                }
                Output::Open { flow, destination } => self.endpoint.open(flow, destination),
                Output::Close { flow } => self.endpoint.close(flow),
                // Without a watcher nobody is told.
                Output::Event(event) => drop(self.events.send(event)),
            }
        }
    }
}
