//! What a step costs where nobody listens, and where a recorder does:
//! `cargo run --release -p profile --example idle_span`.

use std::hint::black_box;
use std::time::Instant;

use profile::Recorder;
use tracing::trace_span;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;

fn main() {
    // A run's log: everything down to info.
    let log = tracing_subscriber::registry().with(LevelFilter::INFO);
    tracing::subscriber::with_default(log, || print("nobody listens", 100_000_000));
    let recorded = tracing_subscriber::registry().with(Recorder::default().layer());
    tracing::subscriber::with_default(recorded, || print("a recorder listens", 2_000_000));
}

fn print(who: &str, times: u32) {
    let begun = Instant::now();
    for _ in 0..times {
        drop(black_box(trace_span!(target: "step", "decode")));
    }
    let each = begun.elapsed().as_secs_f64() * 1e9 / f64::from(times);
    println!("{who}: {each:.1} ns a step");
}
