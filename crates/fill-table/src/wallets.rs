//! What wallets did, and which of them to look at.

use std::collections::VecDeque;

use clickhouse::Row;
use clickhouse::query::RowCursor;
use clickhouse::types::UInt256;
use fills::{Address, Side, Span, TokenId, Trade, TradeKey, TxHash};
use serde::Deserialize;

use crate::presence::{WITHIN, seconds};
use crate::retry::reading;
use crate::{Error, FillTable};

/// The wallet of a row as readers write it, which is how the key begins.
const WALLET: &str = "concat('0x', lower(hex(maker)))";

#[derive(Row, Deserialize)]
struct WalletRow {
    second: u32,
    tx_hash: [u8; 32],
    token_id: UInt256,
    is_sell: u8,
    shares: u128,
    usdc: u128,
}

/// One trade of a wallet after another.
pub struct TradeCursor {
    rows: Option<RowCursor<WalletRow>>,
    /// The first fill behind the transaction that is being told.
    ahead: Option<Trade>,
    told: VecDeque<Trade>,
}

impl std::fmt::Debug for TradeCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TradeCursor")
    }
}

impl TradeCursor {
    fn new(rows: Option<RowCursor<WalletRow>>) -> Self {
        Self {
            rows,
            ahead: None,
            told: VecDeque::new(),
        }
    }

    /// Returns the next trade, in ascending order of keys; nothing after the last.
    ///
    /// # Errors
    /// Any error of the connection; then the list is not complete.
    pub async fn next(&mut self) -> Result<Option<Trade>, Error> {
        if self.told.is_empty() {
            let transaction = self.transaction().await?;
            self.told.extend(Trade::sum(transaction));
        }
        Ok(self.told.pop_front())
    }

    /// Reads the fills of the next transaction, which stand together.
    async fn transaction(&mut self) -> Result<Vec<Trade>, Error> {
        let first = match self.ahead.take() {
            Some(ahead) => Some(ahead),
            None => self.fill().await?,
        };
        let mut fills: Vec<_> = first.into_iter().collect();
        while let Some(last) = fills.last() {
            let (second, transaction) = (last.key.timestamp, last.key.tx_hash);
            match self.fill().await? {
                Some(fill) if (fill.key.timestamp, fill.key.tx_hash) == (second, transaction) => {
                    fills.push(fill);
                }
                next => {
                    self.ahead = next;
                    break;
                }
            }
        }
        Ok(fills)
    }

    async fn fill(&mut self) -> Result<Option<Trade>, Error> {
        let Some(rows) = &mut self.rows else {
            return Ok(None);
        };
        let row = rows.next().await?;
        if row.is_none() {
            self.rows = None;
        }
        Ok(row.map(Trade::from))
    }
}

impl From<WalletRow> for Trade {
    fn from(row: WalletRow) -> Self {
        Self {
            key: TradeKey {
                timestamp: row.second,
                tx_hash: TxHash(row.tx_hash),
                token_id: TokenId::from_le_bytes(row.token_id.to_le_bytes()),
                side: match row.is_sell {
                    0 => Side::Buy,
                    _ => Side::Sell,
                },
            },
            fills: 1,
            shares_base_units: row.shares,
            usdc_base_units: Some(row.usdc),
        }
    }
}

/// Why a wallet is in a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChosenFor {
    /// It is among those with the most USDC.
    Volume,
    /// It was drawn.
    Draw,
}

/// A wallet of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampledWallet {
    /// The wallet.
    pub wallet: Address,
    /// Its fills.
    pub fills: u64,
    /// USDC of its fills, in base units, modulo 2^128.
    pub usdc_base_units: u128,
    /// Why it is there.
    pub chosen_for: ChosenFor,
}

#[derive(Row, Deserialize)]
struct SampledRow {
    is_drawn: u8,
    wallet: [u8; 20],
    fills: u64,
    usdc: u128,
}

impl FillTable {
    /// Sums a wallet's fills of a span up by transaction, token and side, to hold them against what
    /// a second witness tells of it. Reads by the key.
    ///
    /// # Errors
    /// Any error of the connection.
    pub fn wallet_trades(&self, wallet: Address, span: Span) -> Result<TradeCursor, Error> {
        let Some((first, last)) = seconds(span) else {
            return Ok(TradeCursor::new(None));
        };
        let query = self
            .query(&self.wallet_trades_sql())
            .param("wallet", wallet.to_string())
            .param("first", first)
            .param("last", last);
        Ok(TradeCursor::new(Some(query.fetch()?)))
    }

    /// Returns the statement behind [`FillTable::wallet_trades`], for reports.
    ///
    /// The rows of a wallet lie in the order that is asked for, and are summed up where they are
    /// read: then the server holds a block of each part, however many fills the wallet has. To
    /// return sums in order it would have to hold them all.
    pub fn wallet_trades_sql(&self) -> String {
        format!(
            "-- wallet_trades\nSELECT toUInt32(timestamp) AS second, tx_hash, token_id, \
             toUInt8(side = 'SELL') AS is_sell, shares, usdc\nFROM {data}\n\
             WHERE {WALLET} = {{wallet:String}} AND {WITHIN}\n\
             ORDER BY {WALLET}, timestamp, tx_hash",
            data = self.names().data(),
        )
    }

    /// Chooses wallets: half of them by volume, those with the most USDC, half drawn from the
    /// others. The same seed draws the same ones of the same table. There are fewer if the table
    /// has fewer.
    ///
    /// # Errors
    /// Any error of the connection.
    pub async fn sample_wallets(&self, count: u32, seed: u64) -> Result<Vec<SampledWallet>, Error> {
        let sql = self.sample_wallets_sql();
        let rows: Vec<SampledRow> = reading(|| async {
            let query = self.query(&sql).param("seed", seed).param("count", count);
            Ok(query.fetch_all().await?)
        })
        .await?;
        Ok(chosen(&rows, count))
    }

    /// Returns the statement behind [`FillTable::sample_wallets`], for reports: the first wallets
    /// by volume and the first of a draw, which may be the same.
    pub fn sample_wallets_sql(&self) -> String {
        format!(
            "-- sample_wallets\nSELECT is_drawn, maker AS wallet, fills, volume AS usdc\n\
             FROM (SELECT maker, count() AS fills, sum(d.usdc) AS volume\n\
             FROM {data} AS d GROUP BY maker)\n\
             ARRAY JOIN [toUInt8(0), toUInt8(1)] AS is_drawn\n\
             ORDER BY is_drawn, if(is_drawn = 1, 0, volume) DESC, \
             if(is_drawn = 1, sipHash64({{seed:UInt64}}, maker), 0), maker\n\
             LIMIT {{count:UInt32}} BY is_drawn",
            data = self.names().data(),
        )
    }
}

/// Takes half of the count from those by volume, the rest from those drawn that are not among
/// them.
fn chosen(rows: &[SampledRow], count: u32) -> Vec<SampledWallet> {
    let count = count as usize;
    let sampled = |chosen_for| {
        move |row: &SampledRow| SampledWallet {
            wallet: Address(row.wallet),
            fills: row.fills,
            usdc_base_units: row.usdc,
            chosen_for,
        }
    };
    let by_volume = rows.iter().filter(|row| row.is_drawn == 0);
    let mut sample: Vec<_> = by_volume
        .take(count.div_ceil(2))
        .map(sampled(ChosenFor::Volume))
        .collect();
    for row in rows.iter().filter(|row| row.is_drawn != 0) {
        let is_new = sample.iter().all(|one| one.wallet.0 != row.wallet);
        if is_new && sample.len() < count {
            sample.push(sampled(ChosenFor::Draw)(row));
        }
    }
    sample
}
