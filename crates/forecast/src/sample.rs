//! What one probe of the source saw.

/// Fills counted from one second on.
///
/// A page that ends within its first second has no whole second to count: give it as that one second
/// with all the page's fills. It is then too low, and so is an estimate of which it is a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// First second that was looked at, inclusive.
    pub from: u64,
    /// First second whose fills are not all counted, exclusive end of what was seen.
    pub to: u64,
    /// Fills in `[from, to)`.
    pub fills: u64,
}

impl Sample {
    /// Returns fills per second. A probe that did not get past its first second counts as one second.
    pub fn fills_per_second(&self) -> f64 {
        let seconds = self.to.saturating_sub(self.from).max(1);
        self.fills as f64 / seconds as f64
    }
}
