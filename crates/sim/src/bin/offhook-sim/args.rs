//! The command line.

use std::num::NonZeroUsize;
use std::ops::Range;

use clap::Parser;

/// Runs simulated calls over networks that lose, double, delay, reorder and cut, and looks whether
/// every promise is kept.
///
/// Exits with 0 if it is, with 1 if a seed failed, and with 2 if the arguments make no sense.
#[derive(Debug, Parser)]
#[command(name = "offhook-sim", version)]
pub(crate) struct Args {
    /// How many seeds to run, from 0 on, or which: 1000, or 500..1000.
    #[arg(long, value_name = "N|A..B", default_value = "1000", value_parser = seeds)]
    pub(crate) seeds: Range<u64>,

    /// Run this seed alone, and show its ladder.
    #[arg(long, value_name = "K", conflicts_with_all = ["seeds", "jobs"])]
    pub(crate) seed: Option<u64>,

    /// How many seeds to run at a time [default: one for each processor].
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,

    /// Tell the result as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    pub(crate) fn jobs(&self) -> usize {
        self.jobs
            .or_else(|| std::thread::available_parallelism().ok())
            .map_or(1, NonZeroUsize::get)
    }
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|_| format!("{text:?} is no number; give a count, as 1000, or 500..1000"))
    };
    let range = match text.split_once("..") {
        Some((from, to)) => number(from)?..number(to)?,
        None => 0..number(text)?,
    };
    if range.is_empty() {
        return Err(format!(
            "{text} has no seed in it; give a count, as 1000, or 500..1000"
        ));
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_count_and_a_range_are_seeds_and_nothing_else_is() {
        assert_eq!(seeds("1000"), Ok(0..1000));
        assert_eq!(seeds("5..7"), Ok(5..7));
        for wrong in ["", "0", "7..5", "7..7", "-1", "1..2..3", "many"] {
            assert!(seeds(wrong).is_err(), "{wrong}");
        }
    }
}
