//! How rows are expected to lie in the rest of a segment.

/// Rows in a second: the median of the last three pages, since the second of a burst says nothing
/// about the day around it. Of two the lower one counts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Density([Option<f64>; 3]);

impl Density {
    /// Notes the rows in a second of another page.
    pub(crate) fn note(&mut self, rate: f64) {
        self.0.rotate_right(1);
        self.0[0] = Some(rate);
    }

    /// Returns the rows in a second; nothing before the first page.
    pub(crate) fn rate(&self) -> Option<f64> {
        match self.0 {
            [Some(a), Some(b), Some(c)] => Some(a.min(b).max(a.max(b).min(c))),
            [Some(a), Some(b), None] => Some(a.min(b)),
            [first, ..] => first,
        }
    }
}

/// Rows growing or shrinking exponentially from the rate at the cursor to the rate at the end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outlook {
    /// Rows in a second at the cursor.
    rate: f64,
    /// Growth of the rate in a second; 0 where the end is not known.
    growth: f64,
    pub(crate) rows: f64,
}

impl Outlook {
    pub(crate) fn new(seconds: f64, rate: f64, end_rate: Option<f64>) -> Self {
        let growth = match end_rate {
            Some(end_rate) if seconds > 0.0 && rate > 0.0 && end_rate > 0.0 => {
                (end_rate / rate).ln() / seconds
            }
            _ => 0.0,
        };
        let rows = if (growth * seconds).abs() < 1e-6 {
            rate * seconds
        } else {
            rate * (growth * seconds).exp_m1() / growth
        };
        Self { rate, growth, rows }
    }

    /// Returns how many rows there are in a second after so many seconds.
    pub(crate) fn rate_in(&self, seconds: f64) -> f64 {
        self.rate * (self.growth * seconds).exp()
    }

    /// Returns within how many seconds `rows` rows lie.
    pub(crate) fn seconds_to(&self, rows: f64) -> f64 {
        let linear = rows / self.rate;
        if (self.growth * linear).abs() < 1e-6 {
            linear
        } else {
            (rows * self.growth / self.rate).ln_1p() / self.growth
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_page_of_a_burst_does_not_count_and_a_lasting_change_does() {
        let mut density = Density::default();
        let mut after = |rate| {
            density.note(rate);
            density.rate()
        };
        assert_eq!(after(1.0), Some(1.0));
        assert_eq!(after(1000.0), Some(1.0));
        assert_eq!(after(2.0), Some(2.0));
        assert_eq!(after(40.0), Some(40.0));
        assert_eq!(after(50.0), Some(40.0));
        assert_eq!(after(3.0), Some(40.0));
        assert_eq!(after(3.0), Some(3.0));
    }

    #[test]
    fn a_rate_that_grows_moves_the_cut_towards_the_end() {
        let outlook = Outlook::new(1000.0, 1.0, Some(100.0));
        assert!(outlook.rows > 20_000.0 && outlook.rows < 22_000.0);
        assert!(outlook.seconds_to(outlook.rows / 2.0) > 800.0);
        assert!((outlook.seconds_to(outlook.rows) - 1000.0).abs() < 1e-6);
    }
}
