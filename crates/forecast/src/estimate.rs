//! A number of fills, how it was come by, and how far off it may be.

/// Standard deviations that leave out one in a hundred at each end.
const DEVIATIONS: f64 = 2.33;

/// How the number was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Counted, by the source's own counters.
    Exact,
    /// Estimated from the density at sampled times, or from the counters of sampled tokens.
    Sampled,
    /// Counted, and some of what was counted may lie outside of the span.
    AtMost,
}

impl Method {
    /// Returns the word that reports print.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Sampled => "sampled",
            Self::AtMost => "at_most",
        }
    }
}

/// Fills with their range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// The likeliest number.
    pub fills: u64,
    /// Lower end of the range, inclusive.
    pub fills_low: u64,
    /// Upper end of the range, inclusive.
    pub fills_high: u64,
    /// How the number was come by.
    pub method: Method,
}

impl Estimate {
    /// Makes the estimate of fills that were counted.
    pub const fn exact(fills: u64) -> Self {
        Self {
            fills,
            fills_low: fills,
            fills_high: fills,
            method: Method::Exact,
        }
    }

    /// Makes the estimate of fills of which no more than these lie in the span.
    pub const fn at_most(fills: u64) -> Self {
        Self {
            fills,
            fills_low: 0,
            fills_high: fills,
            method: Method::AtMost,
        }
    }

    /// Estimates the fills of `parts` parts from those of some drawn at random; exact where they are
    /// all of them. The range is two and a third standard deviations to each side, of what the drawn
    /// ones say of the mean and of what the others may differ from it, and at least what was counted.
    pub fn of_parts(drawn: &[u64], parts: u64) -> Self {
        let counted = drawn.iter().sum();
        if drawn.len() as u64 >= parts || drawn.is_empty() {
            return Self::exact(counted);
        }
        let (count, parts) = (drawn.len() as f64, parts as f64);
        let mean = counted as f64 / count;
        let squares: f64 = drawn
            .iter()
            .map(|&fills| (fills as f64 - mean).powi(2))
            .sum();
        let variance = squares / (count - 1.0).max(1.0);
        let off = DEVIATIONS * parts * (variance * (1.0 / count + 1.0 / parts)).sqrt();
        let fills = parts * mean;
        Self {
            fills: fills.round() as u64,
            fills_low: ((fills - off).max(0.0) as u64).max(counted),
            fills_high: (fills + off).ceil() as u64,
            method: Method::Sampled,
        }
    }

    /// Tells whether a number lies within the range.
    pub const fn contains(&self, fills: u64) -> bool {
        self.fills_low <= fills && fills <= self.fills_high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_exact_and_equal_ones_leave_no_doubt() {
        assert_eq!(Estimate::of_parts(&[3, 4], 2), Estimate::exact(7));
        let equal = Estimate::of_parts(&[5; 10], 100);
        assert_eq!(
            (equal.fills_low, equal.fills, equal.fills_high),
            (500, 500, 500)
        );
        assert_eq!(equal.method, Method::Sampled);
    }

    #[test]
    fn parts_drawn_of_many_leave_the_truth_within_the_range() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut within = 0;
        for _ in 0..100 {
            let all: Vec<u64> = (0..2000).map(|_| random.u64(0..1000)).collect();
            let estimate = Estimate::of_parts(&all[..200], all.len() as u64);
            within += u32::from(estimate.contains(all.iter().sum()));
        }
        assert!(within >= 95, "{within} of 100");
    }
}
