//! What is told at the end.

use offhook_sim::{Broken, Trial};
use serde_json::{Map, Value, json};

use crate::runs::Runs;

/// Runs one seed and shows its ladder; says whether every promise was kept.
pub(crate) fn one(seed: u64, as_json: bool) -> bool {
    let mut trial = Trial::new(seed);
    let verdict = trial.run();
    if as_json {
        let told = json!({
            "seed": seed,
            "kept": verdict.broken.is_none(),
            "failure": verdict.broken.as_ref().map(|broken| failure(seed, broken)),
            "ladder": trial.to_string().lines().collect::<Vec<_>>(),
        });
        println!("{told}");
    } else {
        print!("{trial}");
        match &verdict.broken {
            Some(broken) => println!("seed {seed} failed: {broken}"),
            None => println!("seed {seed}: every promise was kept"),
        }
    }
    verdict.broken.is_none()
}

/// Tells what many seeds came to; says whether every promise was kept.
pub(crate) fn many(runs: &Runs, as_json: bool) -> bool {
    let seconds = runs.took.as_secs_f64().max(1e-6);
    let tally = &runs.tally;
    let calls_per_second = tally.calls() as f64 / seconds;
    if as_json {
        let outcomes: Map<String, Value> = tally
            .outcomes()
            .map(|(name, count)| (name.to_owned(), count.into()))
            .collect();
        let deeds: Map<String, Value> = tally
            .deeds()
            .map(|(name, done, refused)| {
                (name.to_owned(), json!({ "done": done, "refused": refused }))
            })
            .collect();
        let conditions: Map<String, Value> = tally
            .conditions()
            .map(|(name, count)| (name.to_owned(), count.into()))
            .collect();
        let failures: Vec<Value> = runs
            .failures
            .iter()
            .map(|(seed, broken)| failure(*seed, broken))
            .collect();
        let told = json!({
            "seeds": tally.seeds(),
            "calls": tally.calls(),
            "sessions": tally.sessions(),
            "messages": tally.messages(),
            "seconds": seconds,
            "jobs": runs.jobs,
            "calls_per_second": calls_per_second,
            "outcomes": outcomes,
            "deeds": deeds,
            "conditions": conditions,
            "failed": runs.failed,
            "failures": failures,
        });
        println!("{told}");
        return runs.failed == 0;
    }
    print!("{tally}");
    println!(
        "{} seeds, {} calls, {} sessions, {} messages in {seconds:.1} s with {} jobs: \
         {calls_per_second:.0} calls a second",
        tally.seeds(),
        tally.calls(),
        tally.sessions(),
        tally.messages(),
        runs.jobs,
    );
    if let Some((seed, broken)) = runs.failures.first() {
        println!(
            "\n{} seeds failed, the first of them with this ladder:",
            runs.failed
        );
        let mut trial = Trial::new(*seed);
        trial.run();
        print!("{trial}");
        println!("seed {seed} failed: {broken}\n");
        for (seed, broken) in &runs.failures {
            println!("seed {seed}: {broken}\n    {}", replay(*seed));
        }
    } else {
        println!("every promise was kept");
    }
    runs.failed == 0
}

fn failure(seed: u64, broken: &Broken) -> Value {
    json!({
        "seed": seed,
        "promise": broken.promise,
        "seen": broken.seen,
        "replay": replay(seed),
    })
}

/// The command that shows a seed again.
fn replay(seed: u64) -> String {
    format!("cargo run --release -p offhook-sim -- --seed {seed}")
}
