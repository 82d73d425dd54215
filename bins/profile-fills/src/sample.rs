//! What is loaded to measure by: parts from across the range, or tokens from across the sizes.

use fills::{FillSource, Filter, PageQuery, SourceError, Span, SpanSet, TokenId, Turn};

/// Parts of the range, of equal time, each of which gives to the sample.
const STRATA: u64 = 16;
/// Rows of each part that are looked at for its density.
const PROBE_ROWS: u16 = 100;
/// Parts that are looked at in one request.
const PROBES_PER_REQUEST: usize = 4;

/// A part of the range, and how many seconds a row takes there.
#[derive(Debug, Clone, Copy)]
struct Stratum {
    span: Span,
    seconds_per_row: f64,
}

/// Parts of the range, with what is needed to take any number of rows from each.
#[derive(Debug, Clone)]
pub(crate) struct Strata(Vec<Stratum>);

impl Strata {
    /// Looks at parts of the range.
    ///
    /// # Errors
    /// Any error of the source.
    pub(crate) async fn probe(source: &dyn FillSource, span: Span) -> Result<Self, SourceError> {
        let spans: Vec<Span> = cut(span).collect();
        let mut strata = Vec::with_capacity(spans.len());
        for spans in spans.chunks(PROBES_PER_REQUEST) {
            let queries: Vec<_> = spans.iter().copied().map(first_rows).collect();
            let pages = source.fetch(Turn::unasked(), &queries).await?;
            for (&span, page) in spans.iter().zip(pages) {
                let last = page
                    .last
                    .as_ref()
                    .filter(|_| page.len() == usize::from(PROBE_ROWS));
                let seen = last.map_or(span.seconds(), |last| last.timestamp + 1 - span.from);
                let seconds_per_row = seen as f64 / page.len().max(1) as f64;
                strata.push(Stratum {
                    span,
                    seconds_per_row,
                });
            }
        }
        Ok(Self(strata))
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

fn cut(span: Span) -> impl Iterator<Item = Span> {
    let at = move |part: u64| {
        span.from + (u128::from(span.seconds()) * u128::from(part) / u128::from(STRATA)) as u64
    };
    (0..STRATA)
        .map(move |part| Span::new(at(part), at(part + 1)))
        .filter(|span| !span.is_empty())
}

fn first_rows(span: Span) -> PageQuery {
    PageQuery {
        filter: Filter::All,
        from: span.from,
        after: None,
        until: span.to,
        limit: PROBE_ROWS,
    }
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
        let spans: SpanSet = cut(Span::new(100, 1_000)).collect();
        assert!(spans.covers(Span::new(100, 1_000)));
        assert_eq!(cut(Span::new(5, 8)).count(), 3);
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
