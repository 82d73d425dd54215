//! Which rows are there: what a run asks before it sends any.

use std::collections::HashSet;
use std::time::Duration;

use clickhouse::Row;
use clickhouse::query::Query;
use fills::{FillId, Loaded, OrderHash, Scope, Span, SpanSet, TxHash};
use serde::Deserialize;
use tokio::time::Instant;

use crate::retry::reading;
use crate::{Error, FillTable};

/// Seconds of one answer to [`FillTable::occupied`]: an hour, so that the whole archive is at
/// most thirty thousand of them.
const BUCKET_SECONDS: u64 = 3600;

/// Where [`FillTable::loaded`] begins to look: an hour of the archive's busiest days holds about
/// 300,000 rows.
const FIRST_WINDOW_SECONDS: u64 = 3600;

/// By how much it looks further while it sees fewer than that part of what it may return.
const WINDOW_GROWTH: usize = 8;

/// Between two looks at what the server executes.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// Both ends are inclusive: the last second of a `DateTime` has no successor.
pub(crate) const WITHIN: &str =
    "timestamp BETWEEN toDateTime({first:UInt32}) AND toDateTime({last:UInt32})";

#[derive(Row, Deserialize)]
struct LoadedRow {
    tx_hash: [u8; 32],
    order_hash: [u8; 32],
    second: u32,
}

impl FillTable {
    /// Returns the hours, cut to the span, in which rows lie.
    pub(crate) async fn occupied(&self, span: Span) -> Result<SpanSet, Error> {
        let Some((first, last)) = seconds(span) else {
            return Ok(SpanSet::new());
        };
        let sql = format!(
            "-- occupied\nSELECT intDiv(toUInt32(timestamp), {BUCKET_SECONDS}) AS hour\n\
             FROM {data}\n\
             WHERE {WITHIN}\n\
             GROUP BY hour\nORDER BY hour",
            data = self.names().data(),
        );
        let query = self.query(&sql).param("first", first).param("last", last);
        let hours: Vec<u32> = query.fetch_all().await?;
        Ok(spans_of_hours(&hours, span))
    }

    /// Returns the first rows of a scope: chooses how much of it to read, by counting, and reads it.
    ///
    /// Rows lie by wallet and not by time, so every read looks at whole months: few large reads
    /// are better than many small ones.
    pub(crate) async fn loaded(&self, scope: &Scope, limit: usize) -> Result<Loaded, Error> {
        let Span { from, to } = scope.span;
        let mut end = match scope.tokens {
            // The rows of a group of tokens are few, wherever they lie.
            Some(_) => to,
            None => to.min(from.saturating_add(FIRST_WINDOW_SECONDS)),
        };
        let few = (limit / WINDOW_GROWTH).max(1);
        while end < to && self.count_within(scope, end).await? < few {
            let grown = (end - from).saturating_mul(WINDOW_GROWTH as u64);
            end = to.min(from.saturating_add(grown));
        }
        self.first_ids(scope, end, limit).await
    }

    /// Counts the rows of a span.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn count_in(&self, span: Span) -> Result<u64, Error> {
        let scope = Scope { span, tokens: None };
        let count = reading(|| self.count_within(&scope, span.to)).await?;
        Ok(count as u64)
    }

    /// Waits until no server executes an insert into this table any more, at most for `patience`, and
    /// until reads see what they inserted; false if one was still running then.
    ///
    /// A server goes on with an insert whose client died. Looking for its rows before it ended
    /// would miss them, and sending them again would double them.
    ///
    /// # Errors
    /// Any error of the connection, [`Error::NoRights`] among them.
    pub async fn await_inserts(&self, patience: Duration) -> Result<bool, Error> {
        let deadline = Instant::now() + patience;
        let sql = format!(
            "-- await_inserts\nSELECT count() FROM {processes}\n\
             WHERE query_kind = 'Insert' AND position(query, {{table:String}}) > 0\n\
             AND (current_database = {{database:String}} \
             OR position(query, {{database:String}}) > 0)",
            processes = self.processes().await?,
        );
        loop {
            let running: u64 = reading(|| async {
                let query = self
                    .query(&sql)
                    .param("table", &self.names().data().name)
                    .param("database", self.names().database());
                Ok(query.fetch_one().await?)
            })
            .await?;
            if running == 0 {
                self.synchronize().await?;
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    async fn count_within(&self, scope: &Scope, end: u64) -> Result<usize, Error> {
        let sql = self.within("-- count_within\nSELECT count()", scope);
        match bound(self.query(&sql), scope, end) {
            Some(query) => {
                Ok(usize::try_from(query.fetch_one::<u64>().await?).unwrap_or(usize::MAX))
            }
            None => Ok(0),
        }
    }

    /// Reads the first rows before second `end`, whole seconds only.
    async fn first_ids(&self, scope: &Scope, end: u64, limit: usize) -> Result<Loaded, Error> {
        let sql = self.within(
            "-- loaded\nSELECT tx_hash, order_hash, toUInt32(timestamp) AS second",
            scope,
        ) + "\nORDER BY second\nLIMIT {limit:UInt64} WITH TIES";
        let mut loaded = Loaded {
            ids: HashSet::new(),
            until: end,
        };
        let Some(query) = bound(self.query(&sql), scope, end) else {
            return Ok(loaded);
        };
        let limit = limit.max(1);
        let (mut rows, mut last) = (0, 0);
        let mut cursor = query.param("limit", limit).fetch::<LoadedRow>()?;
        while let Some(row) = cursor.next().await? {
            (rows, last) = (rows + 1, row.second);
            loaded.ids.insert(FillId {
                tx_hash: TxHash(row.tx_hash),
                order_hash: OrderHash(row.order_hash),
            });
        }
        if rows >= limit {
            loaded.until = end.min(u64::from(last) + 1);
        }
        Ok(loaded)
    }

    pub(crate) fn within(&self, select: &str, scope: &Scope) -> String {
        let of_tokens = match scope.tokens {
            None => "",
            Some(_) => "\nAND token_id IN arrayMap(id -> toUInt256(id), {tokens:Array(String)})",
        };
        let data = self.names().data();
        format!("{select}\nFROM {data}\nWHERE {WITHIN}{of_tokens}")
    }
}

/// Sets the parameters of a query over a scope before second `end`; nothing if no row can be in
/// it.
pub(crate) fn bound(query: Query, scope: &Scope, end: u64) -> Option<Query> {
    let (first, last) = seconds(Span::new(scope.span.from, end))?;
    let query = query.param("first", first).param("last", last);
    Some(match scope.tokens.as_deref() {
        None => query,
        Some(tokens) => {
            let tokens: Vec<_> = tokens.iter().map(ToString::to_string).collect();
            query.param("tokens", tokens)
        }
    })
}

/// Returns the first and the last second of a span that a `DateTime` can hold, if any.
pub(crate) fn seconds(span: Span) -> Option<(u32, u32)> {
    let first = u32::try_from(span.from).ok()?;
    let last = u32::try_from(span.to.checked_sub(1)?).unwrap_or(u32::MAX);
    (first <= last).then_some((first, last))
}

/// Returns the seconds of the hours that lie within the span.
fn spans_of_hours(hours: &[u32], span: Span) -> SpanSet {
    let hour = |&hour: &u32| {
        let from = u64::from(hour) * BUCKET_SECONDS;
        Span::new(from, from + BUCKET_SECONDS).intersection(&span)
    };
    hours.iter().map(hour).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_cut_to_the_span_and_neighbours_join() {
        let spans = spans_of_hours(&[1, 2, 5], Span::new(4000, 19_000));
        let spans: Vec<_> = spans.spans().collect();
        assert_eq!(spans, [Span::new(4000, 10_800), Span::new(18_000, 19_000)]);
    }

    #[test]
    fn a_span_beyond_any_fill_is_cut() {
        assert_eq!(seconds(Span::new(5, u64::MAX)), Some((5, u32::MAX)));
        assert_eq!(seconds(Span::new(5, 6)), Some((5, 5)));
        assert_eq!(seconds(Span::new(0, 0)), None);
        assert_eq!(seconds(Span::new(1 << 32, u64::MAX)), None);
    }
}
