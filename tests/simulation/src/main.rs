//! `cargo run -p simulation -- --seed N`: one schedule, with everything that happens in it.

use std::process::ExitCode;

use clap::Parser;
use mutation::Mutation;

/// Replays the schedule of a seed and prints it.
#[derive(Debug, Parser)]
struct Arguments {
    /// Which schedule.
    #[arg(long)]
    seed: u64,
    /// Breaks the protocol in this way.
    #[arg(long, value_parser = mutation)]
    mutation: Option<Mutation>,
}

fn mutation(name: &str) -> Result<Mutation, String> {
    let found = Mutation::ALL.iter().find(|known| known.name() == name);
    found.copied().ok_or_else(|| {
        let names: Vec<_> = Mutation::ALL.iter().map(|known| known.name()).collect();
        format!("it is none of {}", names.join(", "))
    })
}

fn main() -> ExitCode {
    let Arguments { seed, mutation } = Arguments::parse();
    let report = mutation::with(mutation, || simulation::simulate(seed));
    println!("{report}");
    match report.broken {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
    }
}
