//! What is told of the end of runs that were recorded (`docs/benchmarks/told.py`), against when they ended.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use monitor::{Reading, Watch};

/// What a run was doing, every half a second, and how long it took.
struct Recorded {
    readings: Vec<(Duration, Reading)>,
    seconds: f64,
}

/// Reads a field; an empty one is none.
fn field<T: FromStr>(field: &str) -> Option<T> {
    field.parse().ok()
}

fn recorded(name: &str) -> Recorded {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    let text = std::fs::read_to_string(path.join(name)).unwrap();
    let mut rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let columns = "seconds,fills_done,rows_in_hand,fills_expected,pages,requests_in_flight,\
                   requests_per_10s,paused_seconds,rate_limited";
    assert_eq!(rows.remove(0).join(","), columns);
    let last = rows.pop().unwrap();
    let readings = rows.iter().map(|row| {
        let reading = Reading {
            fills_inserted: field(row[1]).unwrap(),
            rows_in_hand: field(row[2]).unwrap(),
            fills_expected: field(row[3]),
            pages: field(row[4]).unwrap(),
            requests_in_flight: field(row[5]).unwrap(),
            requests_per_10s: field(row[6]),
            paused_seconds: field(row[7]),
            rate_limited: field(row[8]).unwrap(),
            ..Reading::default()
        };
        (Duration::from_secs_f64(field(row[0]).unwrap()), reading)
    });
    Recorded {
        readings: readings.collect(),
        seconds: field(last[0]).unwrap(),
    }
}

/// Returns by what part of the whole share done and end were off at the most, from a tenth of the way
/// on, and during which part of that the end was told.
fn worst(recorded: &Recorded) -> (f64, f64, f64) {
    let (mut watch, mut share_off, mut end_off) = (Watch::new(), 0.0_f64, 0.0_f64);
    let (mut looks, mut told) = (0, 0);
    for (at, reading) in &recorded.readings {
        watch.note(*at, reading.clone());
        let way = at.as_secs_f64() / recorded.seconds;
        if way < 0.1 {
            continue;
        }
        looks += 1;
        share_off = share_off.max((watch.status().share_done - way).abs());
        if let Some(left) = watch.status().seconds_left {
            told += 1;
            end_off = end_off.max((way + left / recorded.seconds - 1.0).abs());
        }
    }
    (share_off, end_off, f64::from(told) / f64::from(looks))
}

#[test]
fn runs_behind_limits_that_they_had_to_learn_tell_their_end_within_a_tenth_from_a_tenth_on() {
    for name in ["50-in-10-s-1.csv", "1000-in-10-s-1.csv"] {
        let recorded = recorded(name);
        let (share_off, end_off, told) = worst(&recorded);
        println!(
            "{name}: {:.0} s, the share is off by {:.1} % at the most, the end by {:.1} %, told during {:.1} %",
            recorded.seconds,
            share_off * 100.0,
            end_off * 100.0,
            told * 100.0
        );
        assert!(share_off <= 0.1 && end_off <= 0.1 && told >= 0.95, "{name}");
    }
}
