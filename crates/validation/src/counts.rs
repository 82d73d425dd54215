//! How much is there, and is it there once?

use std::sync::Arc;

use clickhouse::Row;
use clickhouse::types::UInt256;
use fill_table::Totals;
use fills::{Scope, Span};
use serde::Deserialize;

use crate::passes::{Month, SPILLING, passes};
use crate::rows::token;
use crate::{Check, Error, Figures, Finding, Kind, Level, Outcome, Validation};

/// Most tokens whose doubles are compared with the source.
const MOST_SUSPECTS: usize = 1000;

#[derive(Row, Deserialize)]
struct Doubled {
    token_id: UInt256,
    first: u32,
    last: u32,
    rows: u64,
}

impl Validation {
    /// Counts what the table holds, and compares it with what the checkpoint promises. Where rows
    /// are there again, the source has to say which: those scopes are added to `suspects`.
    ///
    /// # Errors
    /// Any error of the table.
    pub(crate) async fn counts(
        &self,
        suspects: &mut Vec<Scope>,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        self.progress.tell(Level::Counts, "counting", 0, 3);
        self.held(outcome).await?;
        self.progress
            .tell(Level::Counts, "comparing with the checkpoint", 1, 3);
        self.promised(outcome).await?;
        self.broken_off(outcome, suspects).await?;
        self.duplicates(outcome, suspects).await
    }

    async fn held(&self, outcome: &mut Outcome) -> Result<(), Error> {
        let totals = self.table.totals().await?;
        let markets = self.table.names().markets_data();
        let known: (u64, u64) = self
            .table
            .row(&format!(
                "-- catalogue\nSELECT uniqExact(token_id), \
                 uniqExactIf(condition_id, condition_id != '') FROM {markets}"
            ))
            .await?;
        let share = |part: u64, all: u64| match all {
            0 => serde_json::Value::Null,
            // Cut to hundredths of a per cent, so that only all is 100.
            all => (part.min(all) * 10_000 / all).into(),
        };
        let figures = Figures::new()
            .with("fills", totals.fills)
            .with("markets", totals.markets)
            .with("tokens", totals.tokens)
            .with("wallets", totals.wallets)
            .with("first", totals.first)
            .with("last", totals.last)
            .with("catalogue_tokens", known.0)
            .with("catalogue_markets", known.1)
            .with(
                "catalogue_markets_covered_basis_points",
                share(totals.markets, known.1),
            );
        let query = self.table.totals_sql();
        let fills = Check::new(Level::Counts, "fills", true, figures, query);
        outcome.checks.push(fills);
        self.conditions(&totals, known.0, outcome);
        Ok(())
    }

    /// Tells whether the catalogue knows the condition of every row.
    fn conditions(&self, totals: &Totals, catalogue_tokens: u64, outcome: &mut Outcome) {
        const NAME: &str = "conditions";
        if catalogue_tokens == 0 {
            let why = "the catalogue of markets is empty: `ingest markets` loads it";
            outcome
                .checks
                .push(Check::not_run(Level::Counts, NAME, why));
            return;
        }
        let ok = totals.unknown_fills == 0;
        if !ok {
            let place = (Level::Counts, NAME);
            let finding = Finding::new(Kind::UnknownCondition, place, 0, totals.unknown_fills);
            let about = "rows of tokens that the catalogue of markets does not know";
            outcome
                .findings
                .push(finding.about(about).mended_by("ingest markets"));
        }
        let figures = Figures::new()
            .with("tokens_unknown", totals.unknown_tokens)
            .with("rows_of_those", totals.unknown_fills);
        let query = self.table.totals_sql();
        let check = Check::new(Level::Counts, NAME, ok, figures, query);
        outcome.checks.push(check);
    }

    async fn promised(&self, outcome: &mut Outcome) -> Result<(), Error> {
        const NAME: &str = "checkpoint";
        let Some(promise) = self.coverage.promise else {
            let why = "there is no checkpoint of this table";
            outcome
                .checks
                .push(Check::not_run(Level::Counts, NAME, why));
            return Ok(());
        };
        let found = self.table.count_in(promise.span).await?;
        let refused = self.table.refused_in(promise.span).await?;
        let held = found + refused;
        let ok = match promise.is_all {
            true => held == promise.fills,
            false => held >= promise.fills,
        };
        if !ok {
            let finding = Finding::new(
                Kind::PromiseBroken,
                (Level::Counts, NAME),
                promise.fills,
                held,
            );
            let about = "where counters do not tell what is missing, loading again does";
            let finding = finding.within(promise.span).about(about);
            outcome
                .findings
                .push(finding.mended_by("ingest --fresh --yes"));
        }
        if !promise.is_complete {
            let place = (Level::Counts, NAME);
            let finding = Finding::new(Kind::Unfinished, place, true, false);
            let about = "a part of the load is left: `ingest` goes on with it";
            outcome.findings.push(
                finding
                    .within(promise.span)
                    .about(about)
                    .mended_by("ingest"),
            );
        }
        let ok = ok && promise.is_complete;
        let figures = Figures::new()
            .with("complete", promise.is_complete)
            .with("promised", promise.fills)
            .with("rows", found)
            .with("rows_refused", refused);
        let Span { from, to } = promise.span;
        let query = format!(
            "SELECT count() FROM {} WHERE toUInt32(timestamp) >= {from} \
             AND toUInt32(timestamp) < {to}",
            self.table.names().data()
        );
        let check = Check::new(Level::Counts, NAME, ok, figures, query);
        outcome.checks.push(check);
        Ok(())
    }

    /// Looks for fills that are there more than once.
    async fn duplicates(
        &self,
        outcome: &mut Outcome,
        suspects: &mut Vec<Scope>,
    ) -> Result<(), Error> {
        const NAME: &str = "duplicates";
        let passes = passes(&self.months().await?);
        let mut rows = 0;
        for (index, pass) in passes.iter().enumerate() {
            let (done, of) = (index as u64, passes.len() as u64);
            self.progress.tell(Level::Counts, NAME, done, of);
            let by_token = format!(
                "-- duplicates\nSELECT token_id, min(first) AS first, max(last) AS last, \
                 toUInt64(sum(n - 1)) AS rows\nFROM ({})\nGROUP BY token_id ORDER BY rows DESC\n\
                 {SPILLING}",
                self.doubled(pass)
            );
            for doubled in self.table.rows::<Doubled>(&by_token).await? {
                rows += doubled.rows;
                let span = Span::new(doubled.first.into(), u64::from(doubled.last) + 1);
                if suspects.len() < MOST_SUSPECTS {
                    suspects.push(Scope {
                        span,
                        tokens: Some(Arc::from([token(doubled.token_id)])),
                    });
                }
                let place = (Level::Counts, NAME);
                let finding = Finding::new(Kind::DuplicateRows, place, 0, doubled.rows);
                outcome.findings.push(
                    finding
                        .of_token(token(doubled.token_id))
                        .within(span)
                        .about("rows that are in the table again")
                        .mended_by("validate --repair --remove-extra"),
                );
            }
        }
        let figures = Figures::new().with("duplicates", rows);
        let query = format!(
            "SELECT count() AS fills, sum(n - 1) AS duplicates FROM ({})\n{SPILLING}",
            self.doubled("1")
        );
        let check = Check::new(Level::Counts, NAME, rows == 0, figures, query);
        outcome.checks.push(check);
        Ok(())
    }

    /// Returns the fills that are there more than once, as a subquery. A few bytes of each fill
    /// tell which may be, and only those are held in full.
    fn doubled(&self, condition: &str) -> String {
        let data = self.table.names().data();
        format!(
            "SELECT any(token_id) AS token_id, toUInt32(min(timestamp)) AS first, \
             toUInt32(max(timestamp)) AS last, count() AS n\n\
             FROM {data} WHERE {condition} AND cityHash64(tx_hash, order_hash, nth_from_last) IN (\n\
             SELECT cityHash64(tx_hash, order_hash, nth_from_last) AS fill FROM {data} WHERE {condition}\n\
             GROUP BY fill HAVING count() > 1)\n\
             GROUP BY tx_hash, order_hash, nth_from_last HAVING n > 1"
        )
    }

    /// Returns the months in which the table has rows, and how many.
    pub(crate) async fn months(&self) -> Result<Vec<Month>, Error> {
        let sql = format!(
            "-- months\nSELECT toUInt32(toYYYYMM(timestamp)) AS month, count() AS rows FROM {} \
             GROUP BY month ORDER BY month",
            self.table.names().data()
        );
        Ok(self.table.rows(&sql).await?)
    }
}
