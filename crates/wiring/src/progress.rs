//! The line at the bottom of the terminal, and how figures are written.

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use startup::Output;

/// Columns of the spinner and the space behind it.
const SPINNER: usize = 2;
/// What stands between two parts.
const BETWEEN: &str = "  ";

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

    /// Shows as many parts, the first ones, as fit on the terminal, in place of those before.
    pub fn show(&self, parts: &[String]) {
        let width = usize::from(Term::stderr().size().1);
        self.0
            .set_message(fitting(parts, width.saturating_sub(SPINNER)));
        self.0.tick();
    }

    /// Tells whether there is a terminal that it is drawn on.
    pub fn shows(&self) -> bool {
        !self.0.is_hidden()
    }

    /// Takes the line away.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// Joins as many parts as fit; the first one always stands.
fn fitting(parts: &[String], width: usize) -> String {
    let mut line = String::new();
    for part in parts {
        let between = if line.is_empty() { "" } else { BETWEEN };
        let fits = line.chars().count() + between.len() + part.chars().count() <= width;
        if !fits && !line.is_empty() {
            break;
        }
        line = line + between + part;
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
    fn parts_that_do_not_fit_are_left_out_whole() {
        let parts = ["12 fills", "3.0 %", "4/s"].map(str::to_owned);
        let check = |width, line: &str| assert_eq!(fitting(&parts, width), line);
        check(80, "12 fills  3.0 %  4/s");
        check(20, "12 fills  3.0 %  4/s");
        check(19, "12 fills  3.0 %");
        check(14, "12 fills");
        check(3, "12 fills");
        assert_eq!(fitting(&[], 80), "");
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
