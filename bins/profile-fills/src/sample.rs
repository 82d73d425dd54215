//! What is loaded to measure by: parts from across the range, or tokens from across the sizes.

use fills::{SourceError, Span, SpanSet, TokenId};
use goldsky_client::Client;

/// Parts of the range, of equal time, that are looked at for their density, at the most.
const PARTS: usize = 64;
/// Requests in which they are looked at, at the most.
pub(crate) const PROBE_REQUESTS: usize = 16;
/// Parts that are looked at in one request, if so many pages may stand in one.
const PARTS_PER_REQUEST: usize = 16;
/// Fills of each part that are looked at.
const PROBE_ROWS: u16 = 1000;
/// Parts of equal fills, each of which gives to the sample.
const STRATA: u64 = 16;

/// A part of the range, and how many seconds a row takes there.
#[derive(Debug, Clone, Copy)]
struct Stratum {
    span: Span,
    seconds_per_row: f64,
}

impl Stratum {
    fn rows(&self) -> f64 {
        self.span.seconds() as f64 / self.seconds_per_row
    }
}

/// Parts of the range that hold about as many rows each, with what is needed to take any number of
/// rows from each.
#[derive(Debug, Clone)]
pub(crate) struct Strata(Vec<Stratum>);

impl Strata {
    /// Looks at parts of the range, `pages` of them in one request at most.
    ///
    /// # Errors
    /// Any error of the source.
    pub(crate) async fn probe(
        client: &Client,
        span: Span,
        pages: usize,
    ) -> Result<Self, SourceError> {
        let at_once = pages.clamp(1, PARTS_PER_REQUEST);
        let spans: Vec<Span> = cut(span, PARTS.min(at_once * PROBE_REQUESTS)).collect();
        let mut parts = Vec::with_capacity(spans.len());
        for spans in spans.chunks(at_once) {
            let pages = client.times(spans, PROBE_ROWS).await?;
            let looked = spans.iter().zip(pages);
            parts.extend(looked.map(|(&span, times)| looked_at(span, &times)));
        }
        Ok(Self(of_equal_rows(&parts)))
    }

    /// Takes about `rows` rows, as many from each part: others for each `trial`, as far as there
    /// are others, since what was asked for before is served from a cache.
    pub(crate) fn parts(&self, rows: u64, trial: u64) -> SpanSet {
        let share = rows as f64 / self.0.len().max(1) as f64;
        self.0
            .iter()
            .map(|stratum| stratum.window(share, trial))
            .collect()
    }
}

impl Stratum {
    fn window(&self, rows: f64, trial: u64) -> Span {
        let seconds = ((rows * self.seconds_per_row).ceil() as u64).max(1);
        let windows = (self.span.seconds() / seconds).max(1);
        let from = self.span.from + trial % windows * seconds;
        Span::new(from, from.saturating_add(seconds)).intersection(&self.span)
    }
}

fn looked_at(span: Span, times: &[u64]) -> Stratum {
    let full = times.len() == usize::from(PROBE_ROWS);
    let last = times.last().filter(|_| full);
    let seen = last.map_or(span.seconds(), |last| last + 1 - span.from);
    Stratum {
        span,
        seconds_per_row: seen as f64 / times.len().max(1) as f64,
    }
}

/// Cuts parts anew, so that each holds as many rows: most fills lie in little of the time.
fn of_equal_rows(parts: &[Stratum]) -> Vec<Stratum> {
    let all: f64 = parts.iter().map(Stratum::rows).sum();
    let mut edges = Vec::new();
    let mut before = 0.0;
    for part in parts {
        let behind = before + part.rows();
        // An edge at `rows` lies in the part that holds that row.
        while edges.len() as f64 * all < behind * STRATA as f64 && edges.len() < STRATA as usize {
            let rows = edges.len() as f64 * all / STRATA as f64 - before;
            let seconds = (rows * part.seconds_per_row) as u64;
            edges.push(part.span.from + seconds.min(part.span.seconds()));
        }
        before = behind;
    }
    edges.extend(parts.last().map(|part| part.span.to));
    edges.dedup();
    let spans = edges.windows(2).map(|edge| Span::new(edge[0], edge[1]));
    let rows = all / spans.len().max(1) as f64;
    let stratum = |span: Span| Stratum {
        span,
        seconds_per_row: span.seconds() as f64 / rows,
    };
    spans.map(stratum).collect()
}

fn cut(span: Span, parts: usize) -> impl Iterator<Item = Span> {
    let parts = parts as u64;
    let at = move |part: u64| {
        span.from + (u128::from(span.seconds()) * u128::from(part) / u128::from(parts)) as u64
    };
    (0..parts)
        .map(move |part| Span::new(at(part), at(part + 1)))
        .filter(|span| !span.is_empty())
}

/// Chooses `count` tokens from across the sizes: at equal distances in the order of their fills,
/// the smallest and the largest among them.
pub(crate) fn across_sizes(mut books: Vec<(u64, TokenId)>, count: usize) -> Vec<TokenId> {
    books.sort_unstable();
    let last = books.len().saturating_sub(1);
    let gaps = count.saturating_sub(1).max(1);
    let mut places: Vec<usize> = (0..count).map(|place| place * last / gaps).collect();
    places.dedup();
    let chosen = places.into_iter().filter_map(|place| books.get(place));
    chosen.map(|(_, token)| *token).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(number: u8) -> TokenId {
        number.to_string().parse().unwrap()
    }

    #[test]
    fn tokens_are_taken_from_the_smallest_to_the_largest() {
        let books = |count: u8| (1..=count).map(|n| (u64::from(n) * 10, token(n))).collect();
        assert_eq!(across_sizes(books(9), 3), [1, 5, 9].map(token));
        assert_eq!(across_sizes(books(2), 5), [1, 2].map(token));
        assert_eq!(across_sizes(books(9), 1), [token(1)]);
        assert_eq!(across_sizes(Vec::new(), 3), []);
    }

    #[test]
    fn parts_of_equal_time_are_the_whole_range() {
        let spans: SpanSet = cut(Span::new(100, 1_000), 64).collect();
        assert!(spans.covers(Span::new(100, 1_000)));
        assert_eq!(cut(Span::new(5, 8), 64).count(), 3);
    }

    #[test]
    fn strata_hold_as_many_rows_each_and_are_the_whole_range() {
        let part = |from, to, seconds_per_row| Stratum {
            span: Span::new(from, to),
            seconds_per_row,
        };
        // A tenth of the rows in the first nine tenths of the time.
        let strata = of_equal_rows(&[part(0, 9_000, 9.0), part(9_000, 10_000, 1.0 / 9.0)]);
        assert_eq!(strata.len(), STRATA as usize);
        let spans: SpanSet = strata.iter().map(|stratum| stratum.span).collect();
        assert!(spans.covers(Span::new(0, 10_000)));
        for stratum in &strata {
            assert!((stratum.rows() - 625.0).abs() < 1e-6, "{stratum:?}");
        }
        assert_eq!(strata[1].span.from, 5_625);
        assert_eq!(strata[2].span.from, 9_000 + 27);
    }

    #[test]
    fn a_range_without_fills_is_still_a_range() {
        let strata = of_equal_rows(&[looked_at(Span::new(5, 90), &[])]);
        let spans: SpanSet = strata.iter().map(|stratum| stratum.span).collect();
        assert!(spans.covers(Span::new(5, 90)));
    }

    #[test]
    fn a_dense_part_gives_as_many_rows_as_a_thin_one_and_each_trial_others() {
        let stratum = |seconds_per_row| Stratum {
            span: Span::new(1_000, 2_000),
            seconds_per_row,
        };
        assert_eq!(stratum(0.1).window(100.0, 0), Span::new(1_000, 1_010));
        assert_eq!(stratum(0.1).window(100.0, 3), Span::new(1_030, 1_040));
        assert_eq!(stratum(2.0).window(100.0, 0), Span::new(1_000, 1_200));
        assert_eq!(stratum(99.0).window(100.0, 7), Span::new(1_000, 2_000));
    }
}
