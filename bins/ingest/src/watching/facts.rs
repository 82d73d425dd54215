//! What is asked for every few seconds, because it takes a look at disks: the checkpoint and the table.

use std::convert::Infallible;
use std::path::Path;
use std::time::{Duration, SystemTime};

use checkpoint_store::peek;
use fill_table::FillTable;
use fills::Span;
use ingest_engine::Progress;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use monitor::Month;
use tokio::sync::watch;

use super::Sources;

const ASK_EVERY: Duration = Duration::from_secs(5);

/// What the last look saw. What could not be seen stays as it was.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) saved_at: Option<SystemTime>,
    pub(crate) disk_free_bytes: Option<u64>,
    pub(crate) disk_bytes: Option<u64>,
    pub(crate) months: Vec<Month>,
}

/// Looks every few seconds until it is dropped.
pub(super) async fn collect(sources: &Sources<'_>, facts: &watch::Sender<Facts>) -> Infallible {
    let months = months(sources.span);
    let mut tick = tokio::time::interval(ASK_EVERY);
    loop {
        tick.tick().await;
        let checkpoint = sources.settings.progress.checkpoint.clone();
        let looked = tokio::task::spawn_blocking(move || saved(&checkpoint)).await;
        let (progress, saved_at) = looked.unwrap_or_default();
        let rows = sources.table.rows_by_month().await.unwrap_or_default();
        let (bytes, free) = disks(sources.table).await;
        facts.send_modify(|facts| {
            facts.saved_at = saved_at.or(facts.saved_at);
            facts.disk_bytes = bytes.or(facts.disk_bytes);
            facts.disk_free_bytes = free.or(facts.disk_free_bytes);
            facts.months = months
                .iter()
                .map(|&(month, span)| Month {
                    month: name(month),
                    share_done: progress
                        .as_ref()
                        .map_or(0.0, |progress| progress.share_of_time_in(span)),
                    fills: rows
                        .iter()
                        .find(|(number, _)| *number == number_of(month))
                        .map_or(0, |(_, rows)| *rows),
                })
                .collect();
        });
    }
}

fn saved(checkpoint: &Path) -> (Option<Progress>, Option<SystemTime>) {
    match peek(checkpoint) {
        Ok(Some(peeked)) => {
            let progress = serde_json::from_slice(&peeked.payload).ok();
            (progress, Some(peeked.saved_at))
        }
        _ => (None, None),
    }
}

async fn disks(table: &FillTable) -> (Option<u64>, Option<u64>) {
    let free = table.disk_space().await.ok().map(|space| space.free_bytes);
    let bytes = table.storage().await.ok().map(|storage| storage.bytes);
    (bytes, free)
}

/// Returns the months that a span touches, each by its first day and with its seconds.
fn months(span: Span) -> Vec<(Date, Span)> {
    let (Some(first), Some(last)) = (month_of(span.from), month_of(span.to.saturating_sub(1)))
    else {
        return Vec::new();
    };
    if span.is_empty() {
        return Vec::new();
    }
    let months = std::iter::successors(Some(first), |month| month.checked_add(1.month()).ok());
    months
        .take_while(|month| *month <= last)
        .filter_map(|month| {
            let next = month.checked_add(1.month()).ok()?;
            Some((month, Span::new(second_of(month)?, second_of(next)?)))
        })
        .collect()
}

fn month_of(second: u64) -> Option<Date> {
    let timestamp = Timestamp::from_second(i64::try_from(second).ok()?).ok()?;
    let day = timestamp.to_zoned(TimeZone::UTC).date();
    Some(date(day.year(), day.month(), 1))
}

fn second_of(day: Date) -> Option<u64> {
    let zoned = day.to_zoned(TimeZone::UTC).ok()?;
    u64::try_from(zoned.timestamp().as_second()).ok()
}

fn name(month: Date) -> String {
    format!("{:04}-{:02}", month.year(), month.month())
}

/// Returns the month as the table's partitions are called: 202410.
fn number_of(month: Date) -> u32 {
    u32::from(month.year().unsigned_abs()) * 100 + u32::from(month.month().unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_those_that_the_span_touches() {
        // The archive: from 2022-11-21 to 2026-04-28.
        let archive = months(Span::new(1_669_060_209, 1_777_374_041));
        assert_eq!(archive.len(), 42);
        let (first, span) = archive[0];
        assert_eq!((name(first), number_of(first)), ("2022-11".into(), 202_211));
        assert_eq!(span, Span::new(1_667_260_800, 1_669_852_800));
        assert_eq!(name(archive[41].0), "2026-04");
        assert!(
            archive
                .windows(2)
                .all(|pair| pair[0].1.to == pair[1].1.from)
        );
        assert!(months(Span::new(5, 5)).is_empty());
    }
}
