//! Doing once what is slow the first time.

use std::time::Instant;

/// Prepares what the first peer connection of a process would otherwise wait for: the start of
/// the cryptography, 30 to 60 ms of work. Call it when the program starts, best on a thread of
/// its own. Later calls do next to nothing.
pub fn warm_up() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let began = Instant::now();
        drop(str0m::Rtc::builder().build(began));
        tracing::debug!(took = ?began.elapsed(), "the media engine is warm");
    });
}
