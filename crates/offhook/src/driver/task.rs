//! The task that waits for what comes by itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use offhook_core::Input;
use offhook_net::Incoming;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::Driver;
use crate::ask::Answer;

/// How often the connections that we opened are shown to be in use, so that address translators
/// on the way keep them (RFC 5626, 3.5.2 and 4.4.1).
const KEEP_ALIVE: Duration = Duration::from_secs(25);

/// The task: what the network, the clock and the answers to questions bring, until the agent has
/// stopped.
pub(super) async fn run(
    driver: Arc<Driver>,
    mut incoming: Incoming,
    mut replies: mpsc::UnboundedReceiver<Answer>,
) {
    let _last_word = LastWord(Arc::clone(&driver));
    let mut keep_alive = tokio::time::interval(KEEP_ALIVE);
    keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if driver.abandoned.swap(false, Ordering::AcqRel) {
            driver.act(|state, now| state.agent.stop(now));
        }
        if driver.standing.borrow().stopped {
            return;
        }
        let deadline = {
            let mut state = driver.lock();
            state.sleeps_until = state.agent.next_timeout();
            state.sleeps_until.map(|at| driver.clock.deadline(at))
        };
        tokio::select! {
            event = incoming.next() => match event {
                Some(event) => driver.network(event),
                None => return,
            },
            Some(answer) = replies.recv() => driver.answer(answer),
            () = until(deadline) => driver.act(|state, now| state.agent.handle(now, Input::Tick)),
            () = driver.wake.notified() => {}
            _ = keep_alive.tick() => driver.keep_alive(),
        }
    }
}

async fn until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// However the task ends, even with its runtime, nobody is left waiting.
struct LastWord(Arc<Driver>);

impl Drop for LastWord {
    fn drop(&mut self) {
        let gone = {
            let mut state = self.0.lock();
            self.0.finish(&mut state);
            std::mem::take(&mut state.gone)
        };
        drop(gone);
    }
}
