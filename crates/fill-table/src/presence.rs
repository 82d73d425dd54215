//! Which rows are there: what a run asks before it sends any.

use std::collections::HashSet;
use std::time::Duration;

use clickhouse::Row;
use clickhouse::query::Query;
use fills::{FillId, OrderHash, Scope, Span, SpanSet, Summary, TokenId, TxHash};
use serde::Deserialize;
use tokio::time::Instant;

use crate::retry::reading;
use crate::{Error, FillTable};

/// Seconds of one answer to [`FillTable::ranges_with_rows`]: an hour, so that the whole archive is at
/// most thirty thousand of them.
const BUCKET_SECONDS: u64 = 3600;

/// Between two looks at what the server executes.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// Both ends are inclusive: the last second of a `DateTime` has no successor.
pub(crate) const WITHIN: &str =
    "timestamp BETWEEN toDateTime({first:UInt32}) AND toDateTime({last:UInt32})";

#[derive(Row, Deserialize)]
struct SummaryRow {
    rows: u64,
    hash: u64,
}

#[derive(Row, Deserialize)]
struct IdRow {
    tx_hash: [u8; 32],
    order_hash: [u8; 32],
    nth_from_last: u16,
}

impl FillTable {
    /// Returns the hours, cut to the span, in which rows lie.
    pub(crate) async fn ranges_with_rows(&self, span: Span) -> Result<SpanSet, Error> {
        let Some((first, last)) = seconds(span) else {
            return Ok(SpanSet::new());
        };
        let sql = format!(
            "-- ranges_with_rows\nSELECT intDiv(toUInt32(timestamp), {BUCKET_SECONDS}) AS hour\n\
             FROM {data}\n\
             WHERE {WITHIN}\n\
             GROUP BY hour\nORDER BY hour",
            data = self.names().data(),
        );
        let query = self.query(&sql).param("first", first).param("last", last);
        let hours: Vec<u32> = query.fetch_all().await?;
        Ok(spans_of_hours(&hours, span))
    }

    /// Summarizes the rows of some seconds, of some tokens where they are given.
    ///
    /// Rows lie by wallet and not by time: what is read is the time of all rows of the months, and the ids
    /// of those between the first second and the last.
    pub(crate) async fn summary(
        &self,
        spans: &SpanSet,
        tokens: Option<&[TokenId]>,
    ) -> Result<Summary, Error> {
        const SELECT: &str = "-- summary\nSELECT count() AS rows, \
                              sumWithOverflow(xxh3(concat(tx_hash, order_hash, \
                              if(nth_from_last = 0, '', reinterpretAsFixedString(nth_from_last))))) \
                              AS hash";
        let Some(query) = self.in_spans(SELECT, spans, tokens) else {
            return Ok(Summary::default());
        };
        let SummaryRow { rows, hash } = query.fetch_one().await?;
        Ok(Summary { rows, hash })
    }

    /// Returns the ids of those rows.
    pub(crate) async fn existing_keys(
        &self,
        spans: &SpanSet,
        tokens: Option<&[TokenId]>,
    ) -> Result<HashSet<FillId>, Error> {
        let mut keys = HashSet::new();
        let select = "-- existing_keys\nSELECT tx_hash, order_hash, nth_from_last";
        let Some(query) = self.in_spans(select, spans, tokens) else {
            return Ok(keys);
        };
        let mut cursor = query.fetch::<IdRow>()?;
        while let Some(row) = cursor.next().await? {
            keys.insert(FillId {
                tx_hash: TxHash(row.tx_hash),
                order_hash: OrderHash(row.order_hash),
                nth_from_last: row.nth_from_last,
            });
        }
        Ok(keys)
    }

    /// Starts a query over the rows of some seconds; nothing if no row can be in them.
    fn in_spans(&self, select: &str, spans: &SpanSet, tokens: Option<&[TokenId]>) -> Option<Query> {
        let hull = Span::new(spans.spans().next()?.from, spans.spans().last()?.to);
        let (first, last) = seconds(hull)?;
        let data = self.names().data();
        let of_tokens = tokens.map_or("", |_| OF_TOKENS);
        // The greatest edge that is not behind a row is the beginning of a span, or the end of one.
        let sql = format!(
            "{select}\nFROM {data}\nWHERE {WITHIN}{of_tokens}\n\
             AND roundDown(toUInt32(timestamp), {{edges:Array(UInt32)}}) IN {{starts:Array(UInt32)}}"
        );
        let clamped = |second| u32::try_from(second).unwrap_or(u32::MAX);
        let edges: Vec<u32> = spans
            .spans()
            .flat_map(|span| [clamped(span.from), clamped(span.to)])
            .collect();
        let starts: Vec<u32> = edges.iter().copied().step_by(2).collect();
        let query = self.query(&sql).param("first", first).param("last", last);
        let query = query.param("edges", edges).param("starts", starts);
        Some(with_tokens(query, tokens))
    }

    /// Counts the rows of a span.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn count_in(&self, span: Span) -> Result<u64, Error> {
        let scope = Scope { span, tokens: None };
        let sql = self.within("-- count_in\nSELECT count()", &scope);
        reading(|| async {
            match bound(self.query(&sql), &scope) {
                Some(query) => Ok(query.fetch_one().await?),
                None => Ok(0),
            }
        })
        .await
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

    pub(crate) fn within(&self, select: &str, scope: &Scope) -> String {
        let of_tokens = scope.tokens.as_deref().map_or("", |_| OF_TOKENS);
        let data = self.names().data();
        format!("{select}\nFROM {data}\nWHERE {WITHIN}{of_tokens}")
    }
}

const OF_TOKENS: &str = "\nAND token_id IN arrayMap(id -> toUInt256(id), {tokens:Array(String)})";

/// Sets the parameters of a query over a scope; nothing if no row can be in it.
pub(crate) fn bound(query: Query, scope: &Scope) -> Option<Query> {
    let (first, last) = seconds(scope.span)?;
    let query = query.param("first", first).param("last", last);
    Some(with_tokens(query, scope.tokens.as_deref()))
}

fn with_tokens(query: Query, tokens: Option<&[TokenId]>) -> Query {
    match tokens {
        None => query,
        Some(tokens) => {
            let tokens: Vec<_> = tokens.iter().map(ToString::to_string).collect();
            query.param("tokens", tokens)
        }
    }
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
