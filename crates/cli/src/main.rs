//! `offhook`: a SIP and WebRTC phone for the terminal.

mod account;
mod answer;
mod args;
mod call;
mod demo;
mod echo;
mod exchange;
mod exit;
mod follow;
mod interrupts;
mod output;
mod phone;
mod standing;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use args::{Cli, Command};
use exit::{Code, Failure};
use interrupts::Interrupts;
use output::Output;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| misused(&error));
    log(cli.verbose);
    let output = Output::new(cli.json);
    match run(cli, &output).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.exit_code()
        }
    }
}

async fn run(cli: Cli, output: &Output) -> Result<(), Failure> {
    let interrupts = Interrupts::listen().map_err(|error| {
        let message = format!("Ctrl-C cannot be listened for: {error}");
        Failure::new(Code::Internal, message, "Check the limits of this process.")
    })?;
    match cli.command {
        Command::Demo(args) => demo::run(args, cli.verbose, output, interrupts).await,
        Command::Exchange(args) => exchange::run(args, cli.verbose, output, interrupts).await,
        Command::Call(args) => call::run(args, cli.verbose, output, interrupts).await,
        Command::Answer(args) => answer::run(args, cli.verbose, output, interrupts).await,
        Command::Phone(args) => phone::run(args, cli.verbose, output, interrupts).await,
    }
}

/// Says what is wrong with the command line, to machines as well when they asked, and ends; also
/// where help was asked for.
fn misused(error: &clap::Error) -> ! {
    if error.use_stderr() && std::env::args_os().any(|arg| arg == "--json") {
        let text = error.render().to_string();
        let message = text
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ");
        let failure = Failure::new(Code::Usage, message, "See --help for what is possible.");
        Output::new(true).failure_for_machines(&failure);
    }
    error.exit()
}

/// The log goes to standard error: with `-vv`, or as `RUST_LOG` says.
fn log(verbose: u8) {
    let filter = match verbose {
        0 | 1 => {
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("offhook=error"))
        }
        _ => EnvFilter::new("debug"),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}
