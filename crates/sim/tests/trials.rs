//! Seeds of mixed calls over bad networks: every promise is kept, and runs can be repeated.

use offhook_sim::{Tally, Trial};

/// Runs these seeds on all processors.
fn run(seeds: std::ops::Range<u64>) -> Tally {
    let jobs = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get) as u64;
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let parts: Vec<_> = (0..jobs)
            .map(|job| {
                let seeds = seeds.clone().skip(job as usize).step_by(jobs as usize);
                scope.spawn(move || {
                    let mut tally = Tally::default();
                    for seed in seeds {
                        let verdict = Trial::without_ladder(seed).run();
                        if let Some(broken) = verdict.broken {
                            let mut again = Trial::new(seed);
                            again.run();
                            panic!("{again}seed {seed}: {broken}");
                        }
                        tally.add(&verdict.tally);
                    }
                    tally
                })
            })
            .collect();
        for part in parts {
            match part.join() {
                Ok(part) => tally.add(&part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    tally
}

#[test]
fn every_promise_is_kept_and_everything_happens() {
    let tally = run(0..1_000);
    assert_eq!(tally.seeds(), 1_000);
    assert!(tally.calls() > 3_000, "{tally}");
    for (deed, done, _) in tally.deeds() {
        assert!(done > 0, "{deed} is never done\n{tally}");
    }
    let outcome = |name| {
        let found = tally.outcomes().find(|(outcome, _)| *outcome == name);
        found.map_or(0, |(_, count)| count)
    };
    for name in [
        "answered, hung up by the caller",
        "answered, hung up by the callee",
        "busy",
        "cancelled",
        "failed by its media",
        "not answered",
        "not found",
        "redirected",
        "refused",
    ] {
        assert!(outcome(name) > 0, "no call was {name}\n{tally}");
    }
}

#[test]
fn a_seed_is_the_same_each_time_with_its_ladder_and_without() {
    for seed in 0..40 {
        let ladder = |seed| {
            let mut trial = Trial::new(seed);
            let verdict = trial.run();
            (trial.to_string(), verdict.tally)
        };
        let (first, tally) = ladder(seed);
        assert_eq!(first, ladder(seed).0);
        assert_eq!(tally, Trial::without_ladder(seed).run().tally);
    }
}
