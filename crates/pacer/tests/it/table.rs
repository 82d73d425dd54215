//! The pacer against the ways people keep to a limit today, on the same servers.

use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::designs::{Aimd, Backoff, Ours, Told, Vector};
use crate::rows::{Row, STEADY, every_phase, failing, limited, queueing};
use crate::run::{Measured, run};
use crate::servers::Rules;

const SEED: u64 = 7;
const DESIGNS: [&str; 5] = [
    "pacer",
    "AIMD per worker",
    "Vector's ARC",
    "told the limit",
    "128 and back-off",
];
const OURS: usize = 0;
const FIXED_128: usize = 4;

#[test]
fn every_phase_of_a_fixed_window_is_used_up_and_hardly_refuses() {
    for retry_after in [false, true] {
        for per_window in [50, 1000] {
            let row = Row {
                name: format!("fixed {per_window}"),
                cases: every_phase(per_window, retry_after),
                length: Duration::from_secs(200),
                demand: STEADY,
            };
            let measured = worst(&row, OURS);
            println!(
                "{} of 20 phases, Retry-After {retry_after}: {}",
                row.name,
                rate(&measured)
            );
            assert_demand(&row, &measured);
        }
    }
}

#[test]
fn the_table_of_limits() {
    let rows = limited();
    let measured = measure_all(&rows);
    print_table("used % / 429 %", &rows, &measured, rate);
    for (row, measured) in rows.iter().zip(&measured) {
        assert_demand(row, &measured[OURS]);
    }
}

#[test]
fn the_table_of_failures() {
    let rows = failing();
    let measured = measure_all(&rows);
    print_table(
        "worst window after / windows below 60 %",
        &rows,
        &measured,
        windows_after,
    );
    for (row, measured) in rows.iter().zip(&measured) {
        assert!(below_60(&measured[OURS]) <= 1, "{}: {measured:?}", row.name);
    }
}

#[test]
fn the_table_of_queues() {
    let rows = queueing();
    let measured = measure_all(&rows);
    print_table("requests/s, p50 / p99 ms", &rows, &measured, latency);
    let unloaded = &measured[rows.len() - 1][OURS];
    for (row, measured) in rows.iter().zip(&measured) {
        let (ours, fixed) = (&measured[OURS], &measured[FIXED_128]);
        assert!(
            ours.served_per_second >= 0.95 * fixed.served_per_second,
            "{}",
            row.name
        );
        assert!(ours.p50 <= 2 * unloaded.p50, "{}: {:?}", row.name, ours.p50);
    }
}

fn assert_demand(row: &Row, measured: &Measured) {
    assert!(
        measured.used * 100.0 >= row.demand.used,
        "{}: {}",
        row.name,
        rate(measured)
    );
    assert!(
        measured.refused * 100.0 <= row.demand.refused,
        "{}: {}",
        row.name,
        rate(measured)
    );
}

/// Runs all designs on all rows, on all processors; every run is alone with its seed.
fn measure_all(rows: &[Row]) -> Vec<Vec<Measured>> {
    let jobs = rows.len() * DESIGNS.len();
    let (next, done) = (AtomicUsize::new(0), Mutex::new(vec![None; jobs]));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let job = next.fetch_add(1, Ordering::Relaxed);
                    if job >= jobs {
                        break;
                    }
                    let measured = worst(&rows[job / DESIGNS.len()], job % DESIGNS.len());
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done[job] = Some(measured);
                }
            });
        }
    });
    let done = done.into_inner().unwrap();
    let all: Vec<Measured> = done.into_iter().map(Option::unwrap).collect();
    all.chunks(DESIGNS.len()).map(<[_]>::to_vec).collect()
}

/// Measures a design on each case of a row, and takes the worst of each figure.
fn worst(row: &Row, design: usize) -> Measured {
    let measured = row.cases.iter().zip(SEED..).map(|(&rules, seed)| {
        let length = row.length;
        match DESIGNS[design] {
            "pacer" => run(&Ours::new(), rules, length, seed),
            "AIMD per worker" => run(&Aimd, rules, length, seed),
            "Vector's ARC" => run(&Vector::new(), rules, length, seed),
            "told the limit" => run(&told(&rules), rules, length, seed),
            _ => run(&Backoff, rules, length, seed),
        }
    });
    measured.reduce(Measured::worse).unwrap()
}

/// Where there is no limit to be told, any number is as good.
fn told(rules: &Rules) -> Told {
    Told::new(if rules.per_window == 1 {
        1_000_000
    } else {
        rules.per_window
    })
}

fn print_table(
    cells: &str,
    rows: &[Row],
    measured: &[Vec<Measured>],
    cell: fn(&Measured) -> String,
) {
    let mut table = format!("\n| {cells} |");
    for design in DESIGNS {
        write!(table, " {design} |").unwrap();
    }
    writeln!(table, "\n|---|{}", "---|".repeat(DESIGNS.len())).unwrap();
    for (row, measured) in rows.iter().zip(measured) {
        write!(table, "| {} |", row.name).unwrap();
        for measured in measured {
            write!(table, " {} |", cell(measured)).unwrap();
        }
        table.push('\n');
    }
    println!("{table}");
}

fn rate(measured: &Measured) -> String {
    let percent = |share: f64| share * 100.0;
    format!(
        "{:.1} / {:.2}",
        percent(measured.used),
        percent(measured.refused)
    )
}

fn latency(measured: &Measured) -> String {
    let (p50, p99) = (measured.p50.as_millis(), measured.p99.as_millis());
    format!("{:.0}, {p50} / {p99}", measured.served_per_second)
}

fn windows_after(measured: &Measured) -> String {
    let worst = measured
        .windows_after
        .iter()
        .copied()
        .fold(f64::MAX, f64::min);
    format!("{:.0} / {}", worst * 100.0, below_60(measured))
}

fn below_60(measured: &Measured) -> usize {
    let windows = measured.windows_after.iter();
    windows.filter(|&&share| share < 0.6).count()
}
