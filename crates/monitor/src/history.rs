//! How fast it went, from the beginning on, in a bounded number of points.

use std::time::Duration;

use serde::Serialize;

/// Most points: what a picture can show.
const MOST: usize = 360;

/// Rates over time. Where there would be too many, every two become one, and a point then stands for
/// twice as long.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct History {
    /// Seconds that a point stands for.
    pub step_seconds: u64,
    /// Mean rows a second of each step, from the beginning of the run on.
    pub fills_per_second: Vec<f64>,
    #[serde(skip)]
    open: (f64, u32),
    #[serde(skip)]
    until: Duration,
}

impl Default for History {
    fn default() -> Self {
        Self {
            step_seconds: 1,
            fills_per_second: Vec::new(),
            open: (0.0, 0),
            until: Duration::from_secs(1),
        }
    }
}

impl History {
    /// Notes the rate at a time since the run began.
    pub(crate) fn note(&mut self, at: Duration, fills_per_second: f64) {
        self.open.0 += fills_per_second;
        self.open.1 += 1;
        if at < self.until {
            return;
        }
        let (sum, count) = std::mem::take(&mut self.open);
        self.fills_per_second.push(sum / f64::from(count));
        while self.until <= at {
            self.until += Duration::from_secs(self.step_seconds);
        }
        if self.fills_per_second.len() >= MOST {
            let pairs = self.fills_per_second.chunks(2);
            let means = pairs.map(|pair| pair.iter().sum::<f64>() / pair.len() as f64);
            self.fills_per_second = means.collect();
            self.step_seconds *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_has_no_more_points_and_the_same_shape() {
        let mut history = History::default();
        for second in 1..=3600 {
            let rate = if second <= 1800 { 100.0 } else { 300.0 };
            history.note(Duration::from_secs(second), rate);
        }
        let points = &history.fills_per_second;
        assert!((MOST / 2..MOST).contains(&points.len()), "{}", points.len());
        let covered = points.len() as u64 * history.step_seconds;
        assert!(
            covered.abs_diff(3600) <= 3 * history.step_seconds,
            "{covered}"
        );
        assert_eq!(points.first(), Some(&100.0));
        assert_eq!(points.last(), Some(&300.0));
    }
}
