//! Which of some rows are not there, for a sink that cannot know.

use std::collections::{BTreeSet, HashSet};

use clickhouse::Row;
use clickhouse_sink::OnDoubt;
use fills::{Fill, FillId, OrderHash, TxHash};
use serde::Deserialize;

use crate::columns;
use crate::retry::reading_on;
use crate::{Error, FillTable};

/// Rows looked up at a time, in order of time: bounds the list of seconds in one query.
const ROWS_AT_A_TIME: usize = 10_000;

#[derive(Row, Deserialize)]
struct Id {
    tx_hash: [u8; 32],
    order_hash: [u8; 32],
    nth_from_last: u16,
}

impl FillTable {
    /// Looks a sink's doubtful rows up in this table.
    pub(crate) fn on_doubt(&self) -> OnDoubt {
        let table = self.clone();
        OnDoubt::new(move |doubtful| {
            let table = table.clone();
            async move {
                let fills: Option<Vec<Fill>> = doubtful
                    .rows
                    .iter()
                    .map(|row| columns::read(&mut &**row))
                    .collect();
                let fills = fills.ok_or("a row is no fill")?;
                Ok(table.missing(&fills).await?)
            }
        })
    }

    /// Returns the indices of fills that the table does not hold.
    async fn missing(&self, fills: &[Fill]) -> Result<Vec<usize>, Error> {
        self.synchronize().await?;
        let mut by_time: Vec<usize> = (0..fills.len()).collect();
        by_time.sort_unstable_by_key(|&index| fills[index].timestamp);
        let mut missing = Vec::new();
        for part in by_time.chunks(ROWS_AT_A_TIME) {
            let seconds: BTreeSet<u32> = part.iter().map(|&row| fills[row].timestamp).collect();
            let there = reading_on(|| self.ids_in(&seconds)).await?;
            missing.extend(part.iter().filter(|&&row| !there.contains(&fills[row].id)));
        }
        Ok(missing)
    }

    async fn ids_in(&self, seconds: &BTreeSet<u32>) -> Result<HashSet<FillId>, Error> {
        let sql = format!(
            "-- ids_in\nSELECT tx_hash, order_hash, nth_from_last\nFROM {}\n\
             WHERE timestamp BETWEEN toDateTime({{first:UInt32}}) AND toDateTime({{last:UInt32}})\n\
             AND toUInt32(timestamp) IN {{seconds:Array(UInt32)}}",
            self.names().data(),
        );
        let query = self
            .query(&sql)
            .param("first", seconds.first())
            .param("last", seconds.last())
            .param("seconds", seconds.iter().collect::<Vec<_>>());
        let mut cursor = query.fetch::<Id>()?;
        let mut ids = HashSet::new();
        while let Some(id) = cursor.next().await? {
            ids.insert(FillId {
                tx_hash: TxHash(id.tx_hash),
                order_hash: OrderHash(id.order_hash),
                nth_from_last: id.nth_from_last,
            });
        }
        Ok(ids)
    }
}
