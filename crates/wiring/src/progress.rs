//! The line that shows how a run goes: drawn in place on a terminal, logged every ten seconds
//! where there is none.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ingest_engine::Snapshot;
use startup::Output;
use tokio::sync::watch;

const DRAW_EVERY: Duration = Duration::from_millis(250);
const LOG_EVERY: Duration = Duration::from_secs(10);

/// A line at the bottom of the terminal; nothing where there is no terminal.
#[derive(Debug, Clone)]
pub struct Bar(ProgressBar);

impl Bar {
    /// Makes the line; it is hidden from programs.
    pub fn new(output: Output) -> Self {
        let bar = ProgressBar::new_spinner();
        if output == Output::Json {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Steps aside while something else prints.
    pub fn suspend(&self, print: &mut dyn FnMut()) {
        self.0.suspend(print);
    }

    /// Shows a text in place of the one before.
    pub fn show(&self, text: String) {
        self.0.set_message(text);
        self.0.tick();
    }

    fn shows(&self) -> bool {
        !self.0.is_hidden()
    }
}

/// Shows a run's snapshots until it is dropped.
///
/// # Cancel safety
/// Made to be dropped.
pub async fn follow(bar: &Bar, mut watch: watch::Receiver<Snapshot>) -> Infallible {
    let mut pace = Pace::new();
    let every = if bar.shows() { DRAW_EVERY } else { LOG_EVERY };
    let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    loop {
        tick.tick().await;
        let snapshot = *watch.borrow_and_update();
        let pace = pace.measure(&snapshot);
        if bar.shows() {
            bar.0.set_message(line(&snapshot, &pace));
            bar.0.tick();
        } else {
            tracing::info!(
                fills = snapshot.fills_inserted,
                fills_per_second = pace.fills_per_second.round(),
                share_done = (share(&snapshot) * 1000.0).round() / 1000.0,
                seconds_left = pace.seconds_left.map(f64::round),
                requests_in_flight = snapshot.requests_in_flight,
                rows_in_hand = snapshot.rows_in_hand,
                pages = snapshot.pages,
                failed_units = snapshot.failed_units,
                dead_letters = snapshot.dead_letters,
                "progress"
            );
        }
    }
}

impl Bar {
    /// Takes the line away.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}

struct Measured {
    fills_per_second: f64,
    seconds_left: Option<f64>,
}

/// The rate over the last ten seconds.
struct Pace {
    seen: VecDeque<(Instant, u64)>,
}

impl Pace {
    fn new() -> Self {
        Self {
            seen: VecDeque::from([(Instant::now(), 0)]),
        }
    }

    fn measure(&mut self, snapshot: &Snapshot) -> Measured {
        let now = Instant::now();
        let fills = snapshot.fills_inserted + snapshot.fills_found;
        self.seen.push_back((now, fills));
        let old = |seen: &VecDeque<(Instant, u64)>| {
            seen.len() > 2 && seen.front().is_some_and(|&(at, _)| now - at > LOG_EVERY)
        };
        while old(&self.seen) {
            self.seen.pop_front();
        }
        let (since, before) = self.seen.front().copied().unwrap_or((now, fills));
        let seconds = (now - since).as_secs_f64().max(0.001);
        let fills_per_second = (fills - before) as f64 / seconds;
        let ahead = snapshot.rows_ahead + snapshot.rows_in_hand as f64;
        Measured {
            fills_per_second,
            seconds_left: (fills_per_second > 0.0).then(|| ahead / fills_per_second),
        }
    }
}

/// Estimates the share done: rows where the parts ahead are known, at the most what time says.
fn share(snapshot: &Snapshot) -> f64 {
    let done = (snapshot.fills_inserted + snapshot.fills_found) as f64;
    let all = done + snapshot.rows_in_hand as f64 + snapshot.rows_ahead;
    if all > 0.0 {
        done / all
    } else {
        snapshot.share_of_time
    }
}

fn line(snapshot: &Snapshot, pace: &Measured) -> String {
    let left = match pace.seconds_left {
        Some(seconds) => format!("about {} left", duration(seconds)),
        None => "estimating".to_owned(),
    };
    let mut line = format!(
        "{} fills  {:.0} %  {}/s  {left}  {} in flight",
        grouped(snapshot.fills_inserted + snapshot.fills_found),
        share(snapshot) * 100.0,
        grouped(pace.fills_per_second as u64),
        snapshot.requests_in_flight,
    );
    if snapshot.failed_units > 0 {
        line += &format!("  {} parts failed", snapshot.failed_units);
    }
    if snapshot.dead_letters > 0 {
        line += &format!("  {} dead letters", snapshot.dead_letters);
    }
    line
}

/// Writes seconds as `1 h 02 min`, `3 min 20 s` or `20 s`.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

/// Writes a second as RFC 3339, or as a number where no calendar has it.
pub fn instant(second: u64) -> String {
    let timestamp = i64::try_from(second)
        .ok()
        .and_then(|s| jiff::Timestamp::from_second(s).ok());
    timestamp.map_or_else(|| second.to_string(), |timestamp| timestamp.to_string())
}

/// Writes a number with a comma every three digits.
pub fn grouped(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_instants_where_a_calendar_has_them() {
        assert_eq!(instant(1_669_060_209), "2022-11-21T19:50:09Z");
        assert_eq!(instant(u64::MAX), u64::MAX.to_string());
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        let check = |number, text: &str| assert_eq!(grouped(number), text);
        check(0, "0");
        check(999, "999");
        check(1_000, "1,000");
        check(1_234_567, "1,234,567");
    }

    #[test]
    fn durations_name_their_two_largest_units() {
        let check = |seconds, text: &str| assert_eq!(duration(seconds), text);
        check(7.4, "7 s");
        check(200.0, "3 min 20 s");
        check(3_720.0, "1 h 02 min");
    }
}
