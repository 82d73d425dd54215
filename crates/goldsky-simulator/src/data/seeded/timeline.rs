//! When fills happen: hardly any for years, then most of them, by day more than by night.

use crate::data::mix::{Key, unit};

/// The share of time that the quiet years take, and the share of fills that fall in them.
///
/// **Source**: of 1.20 billion fills more than a billion are younger than October 2025.
const QUIET_TIME: f64 = 0.85;
const QUIET_FILLS: f64 = 0.05;

/// Activity by hour of the day in UTC: America is awake in the evening.
const DAY: [f64; 24] = [
    1.5, 1.4, 1.2, 1.0, 0.8, 0.6, 0.5, 0.4, 0.4, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.3, 1.4, 1.4, 1.4,
    1.4, 1.4, 1.5, 1.5, 1.6,
];

const HOUR: i64 = 3600;

/// Maps shares of all fills onto time.
#[derive(Debug)]
pub(crate) struct Timeline {
    first: i64,
    last: i64,
    /// The share of fills before the end of each hour, ascending to 1.
    until: Vec<f64>,
}

impl Timeline {
    pub(crate) fn new(seed: u64, first: i64, last: i64) -> Self {
        let key = Key::new(seed, 7);
        let hours = ((last - first) / HOUR + 1) as usize;
        let quiet_hours = (hours as f64 * QUIET_TIME) as usize;
        let weight = |hour: usize| {
            let time_of_day = (first / HOUR + hour as i64).rem_euclid(24) as usize;
            // News make some hours many times as busy as their neighbours.
            let noise = unit(key.word(hour as u32, 0));
            let growth = 1.0 + hour as f64 / hours as f64;
            DAY[time_of_day] * growth * (0.3 + noise + 4.0 * noise * noise * noise * noise)
        };
        let weights: Vec<f64> = (0..hours).map(weight).collect();
        let (quiet, busy) = weights.split_at(quiet_hours);
        let quiet_fills = if quiet.is_empty() { 0.0 } else { QUIET_FILLS };
        let mut until = Vec::with_capacity(hours);
        let mut share = 0.0;
        for (part, fills) in [(quiet, quiet_fills), (busy, 1.0 - quiet_fills)] {
            let sum: f64 = part.iter().sum();
            for weight in part {
                share += weight / sum * fills;
                until.push(share);
            }
        }
        Self { first, last, until }
    }

    /// Returns the second at which a share of all fills, in `[0, 1]`, has happened: on the grid of
    /// two-second blocks, and never before that of a smaller share.
    pub(crate) fn second(&self, share: f64) -> i64 {
        let hour = self.until.partition_point(|until| *until <= share);
        if hour == self.until.len() {
            return self.last;
        }
        let before = if hour == 0 { 0.0 } else { self.until[hour - 1] };
        let within = (share - before) / (self.until[hour] - before);
        let offset = hour as i64 * HOUR + (within * HOUR as f64) as i64;
        (self.first + offset / 2 * 2).min(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: i64 = 1_669_060_209;
    const LAST: i64 = 1_777_374_040;

    #[test]
    fn time_never_runs_backwards_and_stays_in_the_span() {
        let timeline = Timeline::new(1, FIRST, LAST);
        let seconds: Vec<i64> = (0..=10_000)
            .map(|i| timeline.second(f64::from(i) / 10_000.0))
            .collect();
        assert!(seconds.is_sorted());
        assert_eq!(seconds[0], FIRST);
        assert!(seconds[10_000] <= LAST);
    }

    #[test]
    fn nineteen_in_twenty_fills_fall_in_the_last_part() {
        let timeline = Timeline::new(1, FIRST, LAST);
        let part = (timeline.second(0.05) - FIRST) as f64 / (LAST - FIRST) as f64;
        assert!((0.84..0.86).contains(&part), "{part}");
    }

    #[test]
    fn a_single_second_is_a_span() {
        let timeline = Timeline::new(1, FIRST, FIRST);
        assert_eq!(timeline.second(0.5), FIRST);
    }
}
