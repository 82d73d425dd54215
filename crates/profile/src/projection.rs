//! From a run of a sample to the run of everything.

use std::time::Duration;

use serde::Serialize;

use crate::measured::Measured;

/// What share of the places for inserts is taken where inserts decide.
const DECISIVE: f64 = 0.75;
/// Draws of the bootstrap.
const DRAWS: usize = 1000;
/// Share of the draws that is left out at each end, in per cent.
const TAIL_PERCENT: usize = 5;
/// Most and fewest parts that the run of a sample is cut into to be drawn from.
const PARTS: (usize, usize) = (2, 10);
/// Answers that make a part at the least.
const ANSWERS_OF_A_PART: usize = 4;
/// Inserts that took no longer than this share of them held few rows.
const SMALL_QUANTILE: f64 = 0.1;
/// Standard deviations to each side within which a mean duration is drawn, evenly.
const DEVIATIONS: f64 = 2.0;
/// What a run differs by from what a sample of it shows, on one machine that does nothing else: ten of
/// ten runs of seven seconds were within it (`docs/BENCHMARKS.md`).
const UNSEEN: f64 = 0.18;
/// How far from what is likely the range may reach before one more sample is worth its requests.
const WIDE: f64 = 0.2;
/// The same measurement is to give the same range.
const SEED: u64 = 1;

/// A run of a sample.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// What a run does besides loading, before and after.
    pub around: Duration,
    /// How long the load took.
    pub wall: Duration,
    /// Rows that it loaded.
    pub rows: u64,
    /// When how many rows had come since the load began, in order of time. They become durable by the
    /// batch, a tenth of a sample at once, which tells no pace.
    pub came: &'a [(Duration, u64)],
    /// The inserts, if there were any.
    pub inserts: Option<Inserts>,
    /// By what factor a run that has more to ask for may go faster than this one, at the most.
    pub room: f64,
    /// Parts of earlier runs of other samples with the same settings.
    pub earlier: &'a [Part],
}

/// The inserts of a run. Each holds rows of one month, so every month has one that is not full.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inserts {
    /// Whether nearly all places for them were taken: then it is they that decide.
    pub decide: bool,
    /// Seconds that one takes for a place of its own that holds few rows.
    pub seconds_of_a_small_one: f64,
    /// Seconds of all places that a row takes in the others.
    pub seconds_per_row: f64,
    /// By what share their mean duration may be off: its standard error.
    pub relative_error: f64,
    /// Months that the sample has rows of.
    pub months_sampled: u64,
    /// Months that there are.
    pub months: u64,
}

impl Inserts {
    /// Sums up what inserts of `rows` rows took in a run of `wall`, with so many places for them.
    pub fn of(
        insert: &Measured,
        rows: u64,
        wall: Duration,
        places: usize,
        (months_sampled, months): (u64, u64),
    ) -> Option<Self> {
        let (places, seconds) = (places as f64, insert.total().as_secs_f64());
        if rows == 0 || insert.count() == 0 {
            return None;
        }
        let small = insert.quantile_ms(SMALL_QUANTILE) / 1000.0;
        let others = (seconds - small * months_sampled.min(insert.count() - 1) as f64).max(small);
        Some(Self {
            decide: seconds / (wall.as_secs_f64() * places) > DECISIVE,
            seconds_of_a_small_one: small / places,
            seconds_per_row: others / rows as f64 / places,
            relative_error: insert.relative_error(),
            months_sampled,
            months,
        })
    }

    /// Returns the seconds of so many more rows, and of the months that have none yet.
    fn ahead(&self, rows: f64) -> f64 {
        let months = self.months.saturating_sub(self.months_sampled) as f64;
        months * self.seconds_of_a_small_one + rows * self.seconds_per_row
    }
}

/// How many fills there are to load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fills {
    /// At the least.
    pub low: u64,
    /// As far as is known.
    pub likely: u64,
    /// At the most.
    pub high: u64,
}

/// What the whole run would take.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Projection {
    /// Fills to load.
    pub fills_total: u64,
    /// Seconds, if all goes well.
    pub seconds_low: f64,
    /// Seconds, as far as is known.
    pub seconds: f64,
    /// Seconds, with what usually goes wrong.
    pub seconds_high: f64,
}

/// Rows and the seconds that they took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    rows: f64,
    seconds: f64,
}

impl Projection {
    /// Projects a run of `fills` from the run of a sample: the sample's own time, and for all rows that
    /// are not in it the pace that the sample had once it was under way; drawn again and again from
    /// parts of that, and from the range of the fills. Nothing where the sample is too short to have a
    /// pace.
    pub fn of(observed: &Observed<'_>, fills: Fills) -> Option<Self> {
        let parts = [observed.parts()?.as_slice(), observed.earlier].concat();
        let inserts = observed.inserts.filter(|inserts| inserts.decide);
        let project = |drawn: &[Part], fills: u64, off: f64| {
            let rows = fills.saturating_sub(observed.rows) as f64;
            let ahead = match inserts {
                // Rows come in as many as an insert holds: parts would differ by that alone.
                Some(inserts) => inserts.ahead(rows) * (1.0 + off * inserts.relative_error),
                None => observed.rows_ahead_at_its_pace(rows) * pace(drawn),
            };
            (observed.around + observed.wall).as_secs_f64() + ahead
        };
        let mut random = fastrand::Rng::with_seed(SEED);
        let mut draws: Vec<f64> = (0..DRAWS)
            .map(|_| {
                let drawn = parts.iter().map(|_| parts[random.usize(..parts.len())]);
                let drawn: Vec<Part> = drawn.collect();
                let fills = random.u64(fills.low..=fills.high.max(fills.low));
                project(&drawn, fills, DEVIATIONS * (2.0 * random.f64() - 1.0))
            })
            .collect();
        draws.sort_by(f64::total_cmp);
        let cut = DRAWS * TAIL_PERCENT / 100;
        let seconds = project(&parts, fills.likely, 0.0);
        Some(Self {
            fills_total: fills.likely,
            seconds_low: tenths(draws[cut].min(seconds * (1.0 - UNSEEN))),
            seconds: tenths(seconds),
            seconds_high: tenths(draws[DRAWS - 1 - cut].max(seconds * (1.0 + UNSEEN))),
        })
    }
}

impl Projection {
    /// Tells whether its range is as narrow as it is to be, so that no further sample is needed.
    pub fn is_sure(&self) -> bool {
        let most = self.seconds * WIDE;
        self.seconds_high - self.seconds <= most && self.seconds - self.seconds_low <= most
    }
}

impl Observed<'_> {
    /// Returns as how many rows of the sample so many more are, by the time that they take.
    ///
    /// Where requests are scarce they hold as many pages as the square root of what there is to ask for
    /// (`pacer::pages_per_request`), up to a bound, and with as many rows ahead as the sample had the run is as
    /// fast as the sample. So a row of `x` times as many takes one part in `sqrt(x)` of the time: in all
    /// `2 n (sqrt(x) - 1)`, with `n` rows in the sample, and from the bound on one part in `room`.
    fn rows_ahead_at_its_pace(&self, rows: f64) -> f64 {
        let sample = self.rows as f64;
        let all = sample + rows;
        let (room, bound) = (self.room, sample * self.room * self.room);
        let growing = all.min(bound);
        2.0 * ((growing * sample).sqrt() - sample) + (all - growing) / room
    }

    /// Cuts the run into parts, without its beginning, in which requests and pages are still learned, and
    /// its end, where less and less is left to ask for.
    ///
    /// Returns nothing of a run that was too short for that.
    pub fn parts(&self) -> Option<Vec<Part>> {
        let all = self.came.last()?.1;
        let (begin, end) = (all / 4, all - all / 20);
        let (fewest, most) = PARTS;
        let count = (self.came.len() / ANSWERS_OF_A_PART).clamp(fewest, most) as u64;
        let bounds = (0..=count).map(|part| begin + (end - begin) * part / count);
        let bounds: Vec<(f64, f64)> = bounds.map(|rows| self.reached(rows)).collect();
        let parts = bounds.windows(2).map(|bound| Part {
            rows: bound[1].0 - bound[0].0,
            seconds: bound[1].1 - bound[0].1,
        });
        let parts: Vec<Part> = parts.filter(|part| part.rows > 0.0).collect();
        (parts.len() >= fewest).then_some(parts)
    }

    /// Returns the rows and the seconds of the first moment with so many rows.
    fn reached(&self, rows: u64) -> (f64, f64) {
        let at = self.came.partition_point(|&(_, came)| came < rows);
        let last = self.came.len().saturating_sub(1);
        let (at, rows) = self.came[at.min(last)];
        (rows as f64, at.as_secs_f64())
    }
}

/// Returns the seconds of a row.
fn pace(parts: &[Part]) -> f64 {
    let rows: f64 = parts.iter().map(|part| part.rows).sum();
    let seconds: f64 = parts.iter().map(|part| part.seconds).sum();
    seconds / rows
}

fn tenths(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXACT: Fills = Fills {
        low: 1_000_000,
        likely: 1_000_000,
        high: 1_000_000,
    };

    fn came(times: impl IntoIterator<Item = (u64, u64)>) -> Vec<(Duration, u64)> {
        let timed = |(ms, rows)| (Duration::from_millis(ms), rows);
        times.into_iter().map(timed).collect()
    }

    fn observed(came: &[(Duration, u64)]) -> Observed<'_> {
        let (wall, rows) = came.last().copied().unwrap_or_default();
        Observed {
            around: Duration::from_secs(1),
            wall,
            rows,
            came,
            inserts: None,
            room: 1.0,
            earlier: &[],
        }
    }

    #[test]
    fn a_steady_run_goes_on_as_it_went() {
        // Two seconds for the first ten thousand, then as many each second.
        let came = came((0..10).map(|n| (2000 + n * 1000, 10_000 + n * 10_000)));
        let projection = Projection::of(&observed(&came), EXACT).unwrap();
        // One around, two to begin, 99 at the pace.
        assert_eq!(projection.seconds, 102.0);
        assert_eq!(projection.seconds_low, 83.6);
        assert_eq!(projection.seconds_high, 120.4);
    }

    #[test]
    fn a_run_with_more_to_ask_for_goes_faster_up_to_a_bound() {
        // As in a run that is steady: one around, and a second for ten thousand.
        let came = came((1..=10).map(|n| (n * 1000, n * 10_000)));
        let projected = |room| {
            let roomy = Observed {
                room,
                ..observed(&came)
            };
            Projection::of(&roomy, EXACT).unwrap().seconds
        };
        assert_eq!(projected(1.0), 101.0);
        // Ten times as many rows: their first ten seconds and twice 10 (sqrt(10) - 1) more.
        assert_eq!(projected(4.0), 54.2);
        // No more than twice as fast from four times as many on: twenty and thirty more.
        assert_eq!(projected(2.0), 61.0);
    }

    #[test]
    fn a_sample_of_which_nothing_became_durable_has_its_pace_nevertheless() {
        let came = came((1..=10).map(|n| (n * 1000, n * 10_000)));
        let lost = Observed {
            rows: 0,
            ..observed(&came)
        };
        assert_eq!(Projection::of(&lost, EXACT).unwrap().seconds, 111.0);
    }

    #[test]
    fn answers_that_come_together_are_no_faster_for_it() {
        // Two requests at a time, each of which takes a tenth of a second for five hundred.
        let pairs = (1..=500).flat_map(|n| [(n * 100, n * 1000 - 500), (n * 100 + 1, n * 1000)]);
        let projection = Projection::of(&observed(&came(pairs)), EXACT).unwrap();
        assert!((projection.seconds - 101.0).abs() < 0.2, "{projection:?}");
    }

    #[test]
    fn where_inserts_decide_each_month_costs_one_that_is_not_full() {
        // Ten of half a second for as many months, and ten of one second for 100,000 rows.
        let mut insert = Measured::new();
        for ms in [500, 1000] {
            (0..10).for_each(|_| insert.add(Duration::from_millis(ms)));
        }
        let wall = Duration::from_millis(7500);
        let inserts = Inserts::of(&insert, 100_000, wall, 2, (10, 50)).unwrap();
        assert!(inserts.decide);
        let came = came((1..=10).map(|n| (n * 750, n * 10_000)));
        let decided = Observed {
            inserts: Some(inserts),
            ..observed(&came)
        };
        // One around and 7.5, forty months at a quarter, nine times as many rows at five seconds.
        assert_eq!(Projection::of(&decided, EXACT).unwrap().seconds, 63.5);
        assert!(
            !Inserts::of(&insert, 100_000, wall * 2, 2, (10, 50))
                .unwrap()
                .decide
        );
    }

    #[test]
    fn an_uneven_run_and_unsure_fills_widen_the_range() {
        let mut ms = 0;
        let uneven = came((1..=20).map(|n| {
            ms += if n / 5 % 2 == 0 { 200 } else { 1800 };
            (ms, n * 10_000)
        }));
        let width = |came: &[_], fills| {
            let projection = Projection::of(&observed(came), fills).unwrap();
            (projection.seconds_high - projection.seconds_low) / projection.seconds
        };
        assert!(width(&uneven, EXACT) > 0.5);
        let even = came((1..=20).map(|n| (n * 1000, n * 10_000)));
        let unsure = Fills {
            low: 600_000,
            high: 1_400_000,
            ..EXACT
        };
        assert!(width(&even, unsure) > 0.5);
        assert!(width(&even, EXACT) < 2.0 * UNSEEN + 0.01);
    }

    #[test]
    fn another_sample_makes_it_surer() {
        let mut ms = 0;
        let uneven = came((1..=10).map(|n| {
            ms += if n == 5 { 3000 } else { 1000 };
            (ms, n * 10_000)
        }));
        let even = came((1..=20).map(|n| (n * 1000, n * 10_000)));
        let alone = Projection::of(&observed(&uneven), EXACT).unwrap();
        let earlier = observed(&even).parts().unwrap();
        let both = Observed {
            earlier: &earlier,
            ..observed(&uneven)
        };
        let both = Projection::of(&both, EXACT).unwrap();
        assert!(!alone.is_sure() && both.is_sure(), "{alone:?} {both:?}");
    }

    #[test]
    fn what_never_came_has_no_pace() {
        assert_eq!(Projection::of(&observed(&[]), EXACT), None);
        let once = came([(1000, 10_000)]);
        assert_eq!(Projection::of(&observed(&once), EXACT), None);
    }
}
