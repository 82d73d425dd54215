//! A number of fills, how it was come by, and how far off it may be.

/// How the number was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Counted, by the source's own counters.
    Exact,
    /// Estimated from the density at sampled times.
    Sampled,
}

impl Method {
    /// Returns the word that reports print.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Sampled => "sampled",
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

    /// Tells whether a number lies within the range.
    pub const fn contains(&self, fills: u64) -> bool {
        self.fills_low <= fills && fills <= self.fills_high
    }
}
