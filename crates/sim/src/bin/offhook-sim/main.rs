//! Thousands of simulated calls, each from its seed: whether every promise was kept, and what
//! became of the calls.

mod args;
mod report;
mod runs;

use std::process::ExitCode;

use clap::Parser;

use args::Args;

fn main() -> ExitCode {
    let args = Args::parse();
    // A panic is the seed's failure, and is told with it.
    std::panic::set_hook(Box::new(|_| {}));
    let kept = match args.seed {
        Some(seed) => report::one(seed, args.json),
        None => {
            let outcome = runs::run(args.seeds.clone(), args.jobs());
            report::many(&outcome, args.json)
        }
    };
    if kept {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
