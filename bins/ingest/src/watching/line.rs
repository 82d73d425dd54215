//! A status in a line: for a terminal, most important first, and for a log.

use monitor::{State, Status};
use wiring::progress::{duration, grouped};

/// Writes it in parts, of which a terminal shows as many as fit: the most important first.
pub(super) fn parts(status: &Status) -> Vec<String> {
    let left = match (status.state, status.seconds_left) {
        (State::Following, _) => "up to date".to_owned(),
        (_, Some(seconds)) => format!("about {} left", duration(seconds)),
        (_, None) => "estimating".to_owned(),
    };
    let mut parts = vec![
        format!("{} fills", grouped(status.fills_done)),
        format!("{:.1} %", status.share_done * 100.0),
        format!("{}/s", grouped(status.fills_per_second as u64)),
        left,
    ];
    match status.state {
        State::Stalled => parts.push(format!(
            "no answer for {}",
            duration(status.seconds_since_answer)
        )),
        State::Paused => parts.push(match status.reading.paused_seconds {
            Some(seconds) => format!("paused for the rate, {}", duration(seconds.ceil())),
            None => "paused for the rate".to_owned(),
        }),
        State::Waiting => parts.push("waiting for ClickHouse".to_owned()),
        _ => {}
    }
    let mut add = |number: u64, what: &str| {
        if number > 0 {
            parts.push(format!("{} {what}", grouped(number)));
        }
    };
    add(status.reading.failed_units, "parts failed");
    add(status.reading.dead_letters, "dead letters");
    parts.push(format!("{} in flight", status.reading.requests_in_flight));
    if let Some(limit) = status.reading.requests_per_10s {
        parts.push(format!("{limit} requests in 10 s"));
    }
    let mut add = |number: u64, what: &str| {
        if number > 0 {
            parts.push(format!("{} {what}", grouped(number)));
        }
    };
    add(status.reading.rate_limited, "refused for the rate");
    add(status.reading.retries, "retries");
    add(status.reading.rows_in_hand, "rows in hand");
    parts.push(format!(
        "{}/s overall",
        grouped(status.fills_per_second_overall as u64)
    ));
    parts.push(format!(
        "{:.1} markets/s, {:.1} overall",
        status.markets_per_second, status.markets_per_second_overall
    ));
    if let Some(age) = status.reading.checkpoint_age_seconds {
        parts.push(format!("checkpoint {} ago", duration(age)));
    }
    parts
}

/// Logs it with the names that its JSON has.
pub(super) fn log(status: &Status) {
    tracing::info!(
        state = status.state.as_str(),
        share_done = (status.share_done * 1000.0).round() / 1000.0,
        seconds_left = status.seconds_left.map(f64::round),
        fills_done = status.fills_done,
        fills_inserted = status.reading.fills_inserted,
        fills_per_second = status.fills_per_second.round(),
        fills_per_second_overall = status.fills_per_second_overall.round(),
        markets_per_second = tenths(status.markets_per_second),
        markets_per_second_overall = tenths(status.markets_per_second_overall),
        requests = status.reading.requests,
        requests_in_flight = status.reading.requests_in_flight,
        requests_per_10s = status.reading.requests_per_10s,
        rate_limited = status.reading.rate_limited,
        retries = status.reading.retries,
        pages = status.reading.pages,
        rows_in_hand = status.reading.rows_in_hand,
        rows_waiting = status.reading.rows_waiting,
        checkpoint_age_seconds = status.reading.checkpoint_age_seconds.map(f64::round),
        failed_units = status.reading.failed_units,
        dead_letters = status.reading.dead_letters,
        "progress"
    );
}

fn tenths(rate: f64) -> f64 {
    (rate * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use monitor::Reading;

    use super::*;

    #[test]
    fn what_matters_most_comes_first() {
        let status = Status {
            state: State::Running,
            fills_done: 1_234_567,
            share_done: 0.345,
            fills_per_second: 45_000.4,
            fills_per_second_overall: 40_000.0,
            markets_per_second: 31.25,
            markets_per_second_overall: 20.0,
            seconds_left: Some(754.0),
            reading: Reading {
                requests_in_flight: 12,
                requests_per_10s: Some(50),
                rate_limited: 3,
                rows_in_hand: 9_000,
                checkpoint_age_seconds: Some(2.0),
                ..Reading::default()
            },
            ..Status::default()
        };
        assert_eq!(
            parts(&status).join("  "),
            "1,234,567 fills  34.5 %  45,000/s  about 12 min 34 s left  12 in flight  50 requests in 10 s  \
             3 refused for the rate  9,000 rows in hand  40,000/s overall  31.2 markets/s, 20.0 overall  \
             checkpoint 2 s ago"
        );
    }

    #[test]
    fn what_holds_it_up_stands_before_details() {
        let stalled = Status {
            state: State::Stalled,
            seconds_since_answer: 7.0,
            reading: Reading {
                failed_units: 1,
                ..Reading::default()
            },
            ..Status::default()
        };
        let text = parts(&stalled).join("  ");
        assert!(
            text.starts_with("0 fills  0.0 %  0/s  estimating  no answer for 7 s  1 parts failed")
        );
    }
}
