//! Ten thousand schedules of the program as it is, and some of each way to break it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

clickhouse_embedded::test_server!();

mod conformance;

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use mutation::Mutation;
use simulation::{Report, simulate};

const SCHEDULES: u64 = 10_000;

/// A way to break the protocol has to show itself within so many schedules.
const SCHEDULES_OF_MUTATION: u64 = 3_000;

/// Simulates seeds on all processors until one is broken, and returns what they came to in sum.
fn simulate_all(seeds: u64, mutation: Option<Mutation>) -> Sum {
    let next = AtomicU64::new(0);
    let work = || {
        mutation::with(mutation, || {
            let mut sum = Sum::default();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds {
                    return sum;
                }
                let report = simulate(seed);
                sum.add(&report);
                if report.broken.is_some() {
                    next.store(seeds, Ordering::Relaxed);
                    sum.broken = Some(report);
                }
            }
        })
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let sums = threads.into_iter().map(|thread| thread.join().unwrap());
        sums.reduce(Sum::and).unwrap()
    })
}

#[derive(Debug, Default)]
struct Sum {
    schedules: u64,
    kills: u64,
    restarts: u64,
    broken: Option<Report>,
}

impl Sum {
    fn add(&mut self, report: &Report) {
        self.schedules += 1;
        self.kills += u64::from(report.kills);
        self.restarts += u64::from(report.restarts);
    }

    fn and(self, other: Self) -> Self {
        Self {
            schedules: self.schedules + other.schedules,
            kills: self.kills + other.kills,
            restarts: self.restarts + other.restarts,
            broken: self.broken.or(other.broken),
        }
    }
}

/// Says it past the test harness, which keeps what tests that pass print to itself.
fn say(line: &str) {
    let line = format!("{line}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

#[test]
fn ten_thousand_schedules_lose_and_double_nothing() {
    let begin = Instant::now();
    let sum = simulate_all(SCHEDULES, None);
    if let Some(report) = &sum.broken {
        panic!(
            "{report}\nagain: cargo run -p simulation -- --seed {}",
            report.seed
        );
    }
    say(&format!(
        "{} schedules, {} kills, {} other ends with work left: 0 lost, 0 doubled, no checkpoint \
         ahead of its table, in {:.0} s",
        sum.schedules,
        sum.kills,
        sum.restarts,
        begin.elapsed().as_secs_f64()
    ));
    assert!(sum.kills > SCHEDULES / 2, "hardly anything was killed");
}

#[test]
fn every_way_to_break_the_protocol_is_noticed() {
    let mut unnoticed = Vec::new();
    for &mutation in Mutation::ALL {
        let sum = simulate_all(SCHEDULES_OF_MUTATION, Some(mutation));
        let name = mutation.name();
        match &sum.broken {
            Some(Report { seed, broken, .. }) => say(&format!(
                "{name}: noticed after {} schedules: {} (--seed {seed} --mutation {name})",
                sum.schedules,
                broken.as_deref().unwrap_or_default(),
            )),
            None => unnoticed.push(name),
        }
    }
    assert!(unnoticed.is_empty(), "nobody noticed {unnoticed:?}");
}

#[test]
fn a_seed_gives_the_same_schedule_again() {
    for seed in 0..100 {
        let (first, again) = (simulate(seed), simulate(seed));
        assert_eq!(first.lines, again.lines, "seed {seed}");
    }
}
