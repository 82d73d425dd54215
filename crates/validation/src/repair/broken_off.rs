//! Rows that a repair took out and did not load again, because it was broken off.

use std::sync::Arc;

use clickhouse::Row;
use clickhouse::types::UInt256;
use fills::{Scope, Span};
use serde::Deserialize;

use crate::rows::token;
use crate::{Check, Error, Figures, Finding, Kind, Level, Outcome, Validation};

const NAME: &str = "broken-off repairs";

/// Tokens that are compared with the source because of this.
const MOST_TOKENS: usize = 1000;

#[derive(Row, Deserialize)]
struct Lost {
    token_id: UInt256,
    first: u32,
    last: u32,
    rows: u64,
}

impl Validation {
    /// Looks for fills that repairs took out to load them anew and that are not there; where they
    /// are at the source is added to `suspects`. Of a part of the archive nothing else tells.
    ///
    /// # Errors
    /// Any error of the table.
    pub(crate) async fn broken_off(
        &self,
        outcome: &mut Outcome,
        suspects: &mut Vec<Scope>,
    ) -> Result<(), Error> {
        if !self.exists(&self.table.names().quarantine()).await? {
            return Ok(());
        }
        let query = self.lost_sql();
        let mut rows = 0;
        for lost in self.table.rows::<Lost>(&query).await? {
            rows += lost.rows;
            let span = Span::new(lost.first.into(), u64::from(lost.last) + 1);
            let finding = Finding::new(Kind::MissingRows, (Level::Counts, NAME), lost.rows, 0);
            let about = "a repair took these rows out and did not come to load them";
            outcome.findings.push(
                finding
                    .of_token(token(lost.token_id))
                    .within(span)
                    .about(about)
                    .mended_by("validate --repair"),
            );
            if suspects.len() < MOST_TOKENS {
                let tokens = Some(Arc::from([token(lost.token_id)]));
                suspects.push(Scope { span, tokens });
            }
        }
        let figures = Figures::new().with("rows_not_loaded", rows);
        let check = Check::new(Level::Counts, NAME, rows == 0, figures, query);
        outcome.checks.push(check);
        Ok(())
    }

    fn lost_sql(&self) -> String {
        let (data, quarantine) = (self.table.names().data(), self.table.names().quarantine());
        const KEY: &str = "tx_hash, order_hash, nth_from_last";
        let replaced = format!("FROM {quarantine} WHERE source_timestamp IS NOT NULL");
        format!(
            "-- lost\nSELECT token AS token_id, toUInt32(min(second)) AS first, \
             toUInt32(max(second)) AS last, \
             uniqExact(tx_hash, order_hash, nth_from_last) AS rows\n\
             FROM (SELECT tx_hash, order_hash, nth_from_last, assumeNotNull(source_token_id) AS token, \
             assumeNotNull(source_timestamp) AS second {replaced})\n\
             WHERE ({KEY}) NOT IN (SELECT {KEY} FROM {data} WHERE ({KEY}) IN (SELECT {KEY} {replaced}))\n\
             GROUP BY token ORDER BY token"
        )
    }
}
