//! The run of everything, projected from the last run of the sample.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fills::SpanSet;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use profile::{Fills, Inserts, Observed, Part, Projection, Usage};
use startup::Failure;
use wiring::errors::from_table;
use wiring::expected::{Expected, REQUESTS_TO_ESTIMATE};

use crate::measure::{Measurement, PAGE_ROWS, Sampled, cores};
use crate::trial::{PARALLEL_INSERTS, Ran};

/// What share of a sample's time requests have to wait for a rate that decides: less than half, since they do
/// not at its beginning and its end.
const DECISIVE: f64 = 0.25;

/// Projects the run of all fills from the run of a sample with the settings that are recommended, and
/// from what earlier ones left in `parts`, to which this one adds its own; nothing where it was too short.
///
/// # Errors
/// That the table of the sample cannot be read.
pub(crate) async fn all(
    measurement: &mut Measurement<'_>,
    ran: &Ran,
    sampled: &Sampled,
    parts: &mut Vec<Part>,
) -> Result<Option<Projection>, Failure> {
    let Some(expected) = &sampled.expected else {
        return Ok(None);
    };
    if parts.is_empty() {
        let begun = Instant::now();
        // What a run reads for its summary.
        measurement.table.totals().await.map_err(from_table)?;
        measurement.around += begun.elapsed();
    }
    let months = (
        months(&ran.parts),
        months(&[sampled.span].into_iter().collect()),
    );
    let insert = ran.steps.get("insert");
    let inserts =
        insert.and_then(|insert| Inserts::of(insert, ran.rows, ran.wall, PARALLEL_INSERTS, months));
    let observed = Observed {
        around: measurement.around + besides(measurement, expected),
        wall: ran.wall,
        rows: ran.rows,
        came: &ran.notes.came(),
        inserts,
        room: room(measurement, ran),
        earlier: parts,
    };
    let fills = Fills {
        low: expected.estimate.fills_low,
        likely: expected.estimate.fills,
        high: expected.estimate.fills_high,
    };
    let projection = Projection::of(&observed, fills);
    let own = observed.parts();
    parts.extend(own.into_iter().flatten());
    Ok(projection)
}

/// Returns how long requests of a run hold up those for fills where a rate is known: its plan's, and those
/// for the catalogue, which a sample does not make.
fn besides(measurement: &Measurement<'_>, expected: &Expected) -> Duration {
    let interval = measurement.asked.pacer.stats().interval();
    let catalogue = expected.tokens.map_or(0, |tokens| tokens / PAGE_ROWS + 1);
    let requests = REQUESTS_TO_ESTIMATE + catalogue;
    interval.map_or(Duration::ZERO, |interval| interval.mul_f64(requests as f64))
}

/// Returns by what factor the run of everything may go faster than the sample did, since it has more to ask
/// for in one request: where requests wait for a rate, and as far as nothing else would be scarce then.
fn room(measurement: &Measurement<'_>, ran: &Ran) -> f64 {
    let is_rate_known = measurement.asked.pacer.stats().requests_per_10s.is_some();
    // At the end of a sample nothing waits any more, so what holds then says nothing.
    let usage = Usage::of(
        &ran.steps,
        ran.wall,
        PARALLEL_INSERTS,
        cores(),
        is_rate_known,
    );
    if usage.rate < DECISIVE {
        return 1.0;
    }
    let busiest = usage.clickhouse.max(usage.machine);
    ran.notes.room_for_pages().min(1.0 / busiest).max(1.0)
}

/// Counts the months of which these spans have a second.
fn months(spans: &SpanSet) -> u64 {
    let months = spans.spans().flat_map(|span| {
        let (first, last) = (month(span.from), month(span.to.saturating_sub(1)));
        first..=last
    });
    months.collect::<BTreeSet<_>>().len() as u64
}

/// Numbers the months, so that the next one has the next number.
fn month(second: u64) -> i32 {
    let second = i64::try_from(second).unwrap_or(i64::MAX);
    let timestamp = Timestamp::from_second(second).unwrap_or(Timestamp::MAX);
    let date = timestamp.to_zoned(TimeZone::UTC).date();
    i32::from(date.year()) * 12 + i32::from(date.month())
}

#[cfg(test)]
mod tests {
    use fills::Span;

    use super::*;

    #[test]
    fn months_are_counted_once() {
        let days = |from: u64, to: u64| Span::new(from * 86_400, to * 86_400);
        let spans = |spans: &[Span]| months(&spans.iter().copied().collect());
        // 1970 begins with a January of 31 days.
        assert_eq!(spans(&[days(0, 31)]), 1);
        assert_eq!(spans(&[days(0, 32)]), 2);
        assert_eq!(spans(&[days(0, 1), days(5, 6), days(364, 366)]), 3);
        assert_eq!(spans(&[]), 0);
    }
}
