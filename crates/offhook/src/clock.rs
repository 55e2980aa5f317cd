//! The agent's clock on a native machine.

use std::time::Duration;

use offhook_core::Instant;

/// Translates between the runtime's monotonic clock and the moments the agent is told.
///
/// It reads tokio's clock, so that a test which pauses tokio's time pauses the agent's too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    epoch: tokio::time::Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            epoch: tokio::time::Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        let micros = self.epoch.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// The runtime's moment for one of the agent's; a far away one where there is none.
    pub(crate) fn deadline(&self, at: Instant) -> tokio::time::Instant {
        const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
        let after = Duration::from_micros(at.as_micros());
        self.epoch
            .checked_add(after)
            .unwrap_or_else(|| tokio::time::Instant::now() + A_YEAR)
    }
}
