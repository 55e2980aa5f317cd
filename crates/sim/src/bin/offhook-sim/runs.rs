//! Many seeds at a time.

use std::io::{IsTerminal, Write};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use offhook_sim::{Broken, Tally, Trial, Verdict};

/// How many failing seeds are told of; the others are counted.
const TOLD: usize = 20;

/// How often the progress line is written anew.
const PROGRESS: Duration = Duration::from_millis(500);

/// What many seeds came to.
pub(crate) struct Runs {
    pub(crate) tally: Tally,
    pub(crate) took: Duration,
    pub(crate) jobs: usize,
    /// How many seeds failed.
    pub(crate) failed: u64,
    /// The first of them, by their number.
    pub(crate) failures: Vec<(u64, Broken)>,
}

/// Runs these seeds, `jobs` at a time.
pub(crate) fn run(seeds: Range<u64>, jobs: usize) -> Runs {
    let started = Instant::now();
    let next = AtomicU64::new(seeds.start);
    let count = seeds.end - seeds.start;
    let (verdicts, received) = mpsc::sync_channel(1_024);
    let mut runs = Runs {
        tally: Tally::default(),
        took: Duration::ZERO,
        jobs,
        failed: 0,
        failures: Vec::new(),
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let verdicts = verdicts.clone();
            let (next, end) = (&next, seeds.end);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || verdicts.send(Trial::without_ladder(seed).run()).is_err() {
                        break;
                    }
                }
            });
        }
        drop(verdicts);
        runs.collect(&received, count, started);
    });
    runs.took = started.elapsed();
    runs
}

impl Runs {
    fn collect(&mut self, verdicts: &Receiver<Verdict>, count: u64, started: Instant) {
        let shows = std::io::stderr().is_terminal();
        let mut shown = started;
        loop {
            match verdicts.recv_timeout(PROGRESS) {
                Ok(verdict) => self.take(verdict),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if shows && shown.elapsed() >= PROGRESS {
                shown = Instant::now();
                self.show(count, started);
            }
        }
        if shows {
            eprint!("\r{:60}\r", "");
        }
    }

    fn take(&mut self, verdict: Verdict) {
        self.tally.add(&verdict.tally);
        if let Some(broken) = verdict.broken {
            self.failed += 1;
            let at = self
                .failures
                .partition_point(|(seed, _)| *seed < verdict.seed);
            self.failures.insert(at, (verdict.seed, broken));
            self.failures.truncate(TOLD);
        }
    }

    fn show(&self, count: u64, started: Instant) {
        let done = self.tally.seeds();
        let rate = done as f64 / started.elapsed().as_secs_f64();
        let failed = self.failed;
        eprint!("\r{done} of {count} seeds, {rate:.0} a second, {failed} failed   ");
        // A progress line that cannot be written is not missed.
        let _ = std::io::stderr().flush();
    }
}
