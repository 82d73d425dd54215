//! The questions that status, summary and validate share.

use clickhouse::Row;
use clickhouse::query::RowCursor;
use clickhouse::types::UInt256;
use fills::{Span, TokenId};
use serde::Deserialize;

use crate::refused::WHOLE_ROW;
use crate::retry::reading;
use crate::{Error, FillTable};

/// What the table holds in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Row, Deserialize)]
pub struct Totals {
    /// Rows.
    pub fills: u64,
    /// Distinct wallets.
    pub wallets: u64,
    /// Distinct tokens.
    pub tokens: u64,
    /// Distinct conditions that the catalogue knows those tokens to belong to.
    pub markets: u64,
    /// Tokens whose condition the catalogue does not know.
    pub unknown_tokens: u64,
    /// Rows of such tokens.
    pub unknown_fills: u64,
    /// The first fill's second; 0 if there are no fills.
    pub first: u32,
    /// The last fill's second; 0 if there are no fills.
    pub last: u32,
}

/// What the table costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Row, Deserialize)]
pub struct Storage {
    /// Rows.
    pub fills: u64,
    /// Bytes on disk, without the catalogue.
    pub bytes: u64,
    /// Parts.
    pub parts: u64,
}

/// What the loaded rows of one token add up to, exactly, as the source counts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenTotals {
    /// The token.
    pub token_id: TokenId,
    /// Rows that are a BUY.
    pub buys: u64,
    /// Rows that are a SELL.
    pub sells: u64,
    /// USDC of the BUYs in base units, modulo 2^128.
    pub buy_usdc_base_units: u128,
    /// USDC of the SELLs in base units, modulo 2^128.
    pub sell_usdc_base_units: u128,
}

#[derive(Row, Deserialize)]
struct TokenTotalsRow {
    token_id: UInt256,
    buys: u64,
    sells: u64,
    buy_usdc: u128,
    sell_usdc: u128,
}

/// The totals of one token after another.
pub struct TokenTotalsCursor(RowCursor<TokenTotalsRow>);

impl std::fmt::Debug for TokenTotalsCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenTotalsCursor")
    }
}

impl TokenTotalsCursor {
    /// Returns the next token's totals, by ascending token id; nothing after the last.
    ///
    /// # Errors
    /// Any error of the connection; then the list is not complete.
    pub async fn next(&mut self) -> Result<Option<TokenTotals>, Error> {
        let row = self.0.next().await?;
        Ok(row.map(|row| TokenTotals {
            token_id: TokenId::from_le_bytes(row.token_id.to_le_bytes()),
            buys: row.buys,
            sells: row.sells,
            buy_usdc_base_units: row.buy_usdc,
            sell_usdc_base_units: row.sell_usdc,
        }))
    }
}

impl FillTable {
    /// Counts the rows; reads nothing but the parts' own counts.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn count(&self) -> Result<u64, Error> {
        let sql = format!("-- count\nSELECT count() FROM {}", self.names().data());
        reading(|| async { Ok(self.query(&sql).fetch_one().await?) }).await
    }

    /// Counts rows, wallets, tokens and markets; reads three columns of the whole table.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn totals(&self) -> Result<Totals, Error> {
        let (sql, data) = (self.totals_sql(), self.names().data());
        tracing::debug!(table = %data, "the totals are counted");
        reading(|| async { Ok(self.query(&sql).fetch_one().await?) }).await
    }

    /// Returns the statement behind [`FillTable::totals`], for reports.
    ///
    /// Tokens are looked up once each, not once for each row.
    pub fn totals_sql(&self) -> String {
        format!(
            "-- totals\nSELECT sum(n) AS fills, \
             assumeNotNull((SELECT uniqExact(maker) FROM {data})) AS wallets, count() AS tokens, \
             uniqExactIf(condition_id, condition_id != '') AS markets, \
             countIf(condition_id = '') AS unknown_tokens, \
             sumIf(n, condition_id = '') AS unknown_fills, \
             toUInt32(min(first)) AS first, toUInt32(max(last)) AS last\n\
             FROM (SELECT token_id, count() AS n, min(timestamp) AS first, \
             max(timestamp) AS last, dictGet({dictionary}, 'condition_id', token_id) \
             AS condition_id FROM {data} GROUP BY token_id)",
            data = self.names().data(),
            dictionary = crate::names::literal(&self.names().dictionary().unquoted()),
        )
    }

    /// Counts the rows of each month, as parts have them; months are numbers such as 202410. Not tried
    /// again: it is asked for every few seconds.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn rows_by_month(&self) -> Result<Vec<(u32, u64)>, Error> {
        let rows = self
            .query(
                "-- rows_by_month\nSELECT toUInt32OrZero(partition) AS month, sum(rows) AS fills\n\
                 FROM system.parts WHERE active\n\
                 AND database = {database:String} AND table = {table:String}\n\
                 GROUP BY month ORDER BY month",
            )
            .param("database", self.names().database())
            .param("table", &self.names().data().name)
            .fetch_all()
            .await?;
        Ok(rows)
    }

    /// Returns what the table costs on disk.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn storage(&self) -> Result<Storage, Error> {
        reading(|| async {
            let query = self
                .query(
                    "-- storage\nSELECT sum(rows) AS fills, sum(bytes_on_disk) AS bytes, \
                     count() AS parts\nFROM system.parts\nWHERE active \
                     AND database = {database:String} AND table = {table:String}",
                )
                .param("database", self.names().database())
                .param("table", &self.names().data().name);
            Ok(query.fetch_one().await?)
        })
        .await
    }

    /// Counts the events that could not become fills and the rows that the server refused, each
    /// once.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn dead_letters(&self) -> Result<u64, Error> {
        let sql = format!(
            "-- dead_letters\nSELECT count() FROM {} FINAL",
            self.names().dead_letters()
        );
        reading(|| async { Ok(self.query(&sql).fetch_one().await?) }).await
    }

    /// Counts the rows of a span that the server refused and that are kept as dead letters.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn refused_in(&self, span: Span) -> Result<u64, Error> {
        let sql = format!(
            "-- refused_in\nSELECT count() FROM {} FINAL WHERE field = '{WHOLE_ROW}'\n\
             AND JSONExtractUInt(event, 'timestamp') >= {{from:UInt64}}\n\
             AND JSONExtractUInt(event, 'timestamp') < {{to:UInt64}}",
            self.names().dead_letters()
        );
        let count = || {
            self.query(&sql)
                .param("from", span.from)
                .param("to", span.to)
        };
        reading(|| async { Ok(count().fetch_one().await?) }).await
    }

    /// Adds up the rows of every token, or of some, to compare with the source's own counters.
    /// Tokens without rows are left out.
    ///
    /// # Errors
    /// Any error of the connection.
    pub fn token_totals(&self, tokens: Option<&[TokenId]>) -> Result<TokenTotalsCursor, Error> {
        let mut query = self.query(&self.token_totals_sql(tokens.is_some()));
        if let Some(tokens) = tokens {
            let tokens: Vec<_> = tokens.iter().map(ToString::to_string).collect();
            query = query.param("tokens", tokens);
        }
        Ok(TokenTotalsCursor(query.fetch()?))
    }

    /// Returns the statement behind [`FillTable::token_totals`], for reports.
    pub fn token_totals_sql(&self, of_some: bool) -> String {
        let of_some = match of_some {
            true => "WHERE token_id IN arrayMap(id -> toUInt256(id), {tokens:Array(String)})\n",
            false => "",
        };
        format!(
            "-- token_totals\nSELECT token_id, countIf(side = 'BUY') AS buys, \
             countIf(side = 'SELL') AS sells, sumIf(usdc, side = 'BUY') AS buy_usdc, \
             sumIf(usdc, side = 'SELL') AS sell_usdc\nFROM {data}\n{of_some}\
             GROUP BY token_id\nORDER BY token_id",
            data = self.names().data(),
        )
    }
}
