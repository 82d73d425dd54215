use api_client::{Object, Wrong};
use fills::TokenId;

use crate::entity::Entity;

/// What the indexer counted for one token, one step for each `OrderFilled`: what a complete load
/// must add up to.
///
/// **Source**: `Orderbook` in `orderbook-subgraph/schema.graphql` of Polymarket/polymarket-subgraph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orderbook {
    /// The outcome token.
    pub token_id: TokenId,
    /// Fills.
    pub trades_quantity: u64,
    /// Fills whose maker bought.
    pub buys_quantity: u64,
    /// Fills whose maker sold.
    pub sells_quantity: u64,
    /// USDC of all fills, in base units.
    pub collateral_volume: u128,
    /// USDC of the fills whose maker bought, in base units.
    pub collateral_buy_volume: u128,
    /// USDC of the fills whose maker sold, in base units.
    pub collateral_sell_volume: u128,
}

impl Entity for Orderbook {
    const FIELD: &str = "orderbooks";
    const COLUMNS: &str = "id tradesQuantity buysQuantity sellsQuantity collateralVolume \
                           collateralBuyVolume collateralSellVolume";

    fn read(object: &Object) -> Result<Self, Wrong> {
        Ok(Self {
            token_id: object.parse("id")?,
            trades_quantity: object.parse("tradesQuantity")?,
            buys_quantity: object.parse("buysQuantity")?,
            sells_quantity: object.parse("sellsQuantity")?,
            collateral_volume: object.parse("collateralVolume")?,
            collateral_buy_volume: object.parse("collateralBuyVolume")?,
            collateral_sell_volume: object.parse("collateralSellVolume")?,
        })
    }
}
