//! Ctrl-C, and the polite request to end that service managers send.

use std::io;

use tokio::sync::watch;

use crate::exit::Code;

/// Tells when the user wants it to end. The second time it ends at once.
#[derive(Clone, Debug)]
pub(crate) struct Interrupts {
    count: watch::Receiver<u32>,
}

impl Interrupts {
    /// From now on Ctrl-C does not end the process by itself.
    pub(crate) fn listen() -> io::Result<Self> {
        let (count, receiver) = watch::channel(0);
        let mut signals = Signals::listen()?;
        tokio::spawn(async move {
            while signals.next().await {
                if *count.borrow() > 0 {
                    std::process::exit(Code::Interrupted as i32);
                }
                count.send_modify(|count| *count += 1);
            }
        });
        Ok(Self { count: receiver })
    }

    /// Waits for the wish to end; returns at once when it was there already.
    pub(crate) async fn wait(&mut self) {
        if self.count.wait_for(|count| *count > 0).await.is_err() {
            // No signal can come any more.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> bool {
        tokio::select! {
            signal = self.interrupt.recv() => signal.is_some(),
            signal = self.terminate.recv() => signal.is_some(),
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> bool {
        tokio::signal::ctrl_c().await.is_ok()
    }
}
