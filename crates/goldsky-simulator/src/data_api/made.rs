//! Rows made from the fills that are served.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::shown::{Shown, Sum};
use crate::data::{Column, Dataset, Rows, USDC, with_rows};

/// The numbers of each wallet's fills, found when somebody asks first.
#[derive(Debug, Default)]
pub(crate) struct Wallets(OnceLock<HashMap<String, Vec<u32>>>);

impl Wallets {
    /// Returns a wallet's rows, the newest first: its fills of one transaction, token and side are
    /// one row, as the API may do.
    pub(crate) fn of(&self, dataset: &Dataset, wallet: &str) -> Vec<Shown> {
        let fills = self.0.get_or_init(|| by_wallet(dataset));
        let fills = fills.get(wallet).map_or(&[][..], Vec::as_slice);
        with_rows!(dataset, |rows| merged(dataset, rows, fills))
            .into_iter()
            .rev()
            .filter_map(|sum| Shown::new(wallet, sum))
            .collect()
    }
}

fn by_wallet(dataset: &Dataset) -> HashMap<String, Vec<u32>> {
    let mut wallets: HashMap<String, Vec<u32>> = HashMap::new();
    with_rows!(dataset, |rows| for row in 0..rows.len() {
        wallets
            .entry(text(rows, row, Column::Maker))
            .or_default()
            .push(row);
    });
    wallets
}

/// Sums a wallet's fills up, in order of their transactions' first. What cannot be read is left
/// out: the API shows trades only.
fn merged(dataset: &Dataset, rows: &impl Rows, fills: &[u32]) -> Vec<Sum> {
    let mut places: HashMap<(String, String, &str), usize> = HashMap::new();
    let mut sums: Vec<Sum> = Vec::new();
    for &row in fills {
        let Some(sum) = single(dataset, rows, row) else {
            continue;
        };
        let key = (sum.transaction.clone(), sum.asset.clone(), sum.side);
        match places.get(&key) {
            Some(&place) => {
                let whole = &mut sums[place];
                whole.shares = whole.shares.saturating_add(sum.shares);
                whole.usdc = whole.usdc.saturating_add(sum.usdc);
                whole.is_taker |= sum.is_taker;
            }
            None => {
                places.insert(key, sums.len());
                sums.push(sum);
            }
        }
    }
    sums
}

fn single(dataset: &Dataset, rows: &impl Rows, row: u32) -> Option<Sum> {
    let amount = |column| text(rows, row, column).parse::<u128>().ok();
    let (given, got) = (
        amount(Column::MakerAmountFilled)?,
        amount(Column::TakerAmountFilled)?,
    );
    let (token, asset, side, shares, usdc) = match rows.assets(row) {
        [USDC, token] => (token, Column::TakerAssetId, "BUY", got, given),
        [token, USDC] => (token, Column::MakerAssetId, "SELL", given, got),
        _ => return None,
    };
    let catalogue = &dataset.catalogue;
    let market = catalogue.market_of.get(token as usize)?;
    let taker = text(rows, row, Column::Taker).to_ascii_lowercase();
    Some(Sum {
        timestamp: rows.timestamp(row),
        transaction: text(rows, row, Column::TransactionHash),
        asset: text(rows, row, asset),
        side,
        condition: catalogue.condition(*market),
        shares,
        usdc,
        is_taker: crate::data::EXCHANGES.contains(&taker.as_bytes()),
    })
}

fn text(rows: &impl Rows, row: u32, column: Column) -> String {
    let mut text = Vec::new();
    rows.write(row, column, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}
