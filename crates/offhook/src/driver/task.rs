//! The task that waits for what comes by itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use offhook_core::Input;
use offhook_net::Incoming;
use tokio::sync::mpsc;

use super::Driver;
use crate::ask::Answer;

/// The task: what the network, the clock and the answers to questions bring, until the agent has
/// stopped.
pub(super) async fn run(
    driver: Arc<Driver>,
    mut incoming: Incoming,
    mut replies: mpsc::UnboundedReceiver<Answer>,
) {
    let _last_word = LastWord(Arc::clone(&driver));
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
