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
    /// Makes the sample of a page: the times of its fills in order, of which there are `limit` unless
    /// the span ended first, at `end`. The fills of the last second may go on beyond a full page.
    pub fn of_page(from: u64, times: &[u64], limit: usize, end: u64) -> Self {
        let fills = times.len() as u64;
        let Some(&last) = times.last().filter(|_| times.len() >= limit) else {
            return Self {
                from,
                to: end,
                fills,
            };
        };
        let before = times.partition_point(|&second| second < last) as u64;
        match before {
            0 => Self {
                from,
                to: last + 1,
                fills,
            },
            fills => Self {
                from,
                to: last,
                fills,
            },
        }
    }

    /// Returns fills per second. A probe that did not get past its first second counts as one second.
    pub fn fills_per_second(&self) -> f64 {
        let seconds = self.to.saturating_sub(self.from).max(1);
        self.fills as f64 / seconds as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_counts_whole_seconds_only() {
        let sample = |times: &[u64]| Sample::of_page(10, times, 4, 99);
        let check = |times: &[u64], to, fills| {
            assert_eq!(
                sample(times),
                Sample {
                    from: 10,
                    to,
                    fills
                },
                "{times:?}"
            );
        };
        check(&[11, 12, 12, 13], 13, 3);
        check(&[11, 12], 99, 2);
        check(&[], 99, 0);
        // All in one second, of which there may be more: no less than these.
        check(&[12, 12, 12, 12], 13, 4);
    }
}
