//! The part of the orderbook subgraph's schema that is served.
//!
//! **Source**: `orderbook-subgraph/schema.graphql` of Polymarket/polymarket-subgraph, and the
//! introspection of a graph-node that runs it.

use crate::data::Column;

/// The scalar types of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar {
    Id,
    String,
    Bytes,
    BigInt,
    BigDecimal,
}

impl Scalar {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Id => "ID",
            Self::String => "String",
            Self::Bytes => "Bytes",
            Self::BigInt => "BigInt",
            Self::BigDecimal => "BigDecimal",
        }
    }

    pub(crate) const fn is_number(self) -> bool {
        matches!(self, Self::BigInt | Self::BigDecimal)
    }
}

/// The entities that queries can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entity {
    OrderFilledEvent,
    Orderbook,
    MarketData,
}

/// Columns of `Orderbook`, in the order of [`Entity::columns`].
pub(crate) mod orderbook {
    pub(crate) const ID: usize = 0;
    pub(crate) const TRADES: usize = 1;
    pub(crate) const BUYS: usize = 2;
    pub(crate) const SELLS: usize = 3;
    pub(crate) const VOLUME: usize = 4;
    pub(crate) const SCALED_VOLUME: usize = 5;
    pub(crate) const BUY_VOLUME: usize = 6;
    pub(crate) const SCALED_BUY_VOLUME: usize = 7;
    pub(crate) const SELL_VOLUME: usize = 8;
    pub(crate) const SCALED_SELL_VOLUME: usize = 9;
}

/// Columns of `MarketData`, in the order of [`Entity::columns`].
pub(crate) mod market_data {
    pub(crate) const ID: usize = 0;
    pub(crate) const CONDITION: usize = 1;
}

const ORDER_FILLED_EVENT: [(&str, Scalar); 11] = [
    (Column::Id.name(), Scalar::Id),
    (Column::TransactionHash.name(), Scalar::Bytes),
    (Column::Timestamp.name(), Scalar::BigInt),
    (Column::OrderHash.name(), Scalar::Bytes),
    (Column::Maker.name(), Scalar::String),
    (Column::Taker.name(), Scalar::String),
    (Column::MakerAssetId.name(), Scalar::String),
    (Column::TakerAssetId.name(), Scalar::String),
    (Column::MakerAmountFilled.name(), Scalar::BigInt),
    (Column::TakerAmountFilled.name(), Scalar::BigInt),
    (Column::Fee.name(), Scalar::BigInt),
];

const ORDERBOOK: [(&str, Scalar); 10] = [
    ("id", Scalar::Id),
    ("tradesQuantity", Scalar::BigInt),
    ("buysQuantity", Scalar::BigInt),
    ("sellsQuantity", Scalar::BigInt),
    ("collateralVolume", Scalar::BigInt),
    ("scaledCollateralVolume", Scalar::BigDecimal),
    ("collateralBuyVolume", Scalar::BigInt),
    ("scaledCollateralBuyVolume", Scalar::BigDecimal),
    ("collateralSellVolume", Scalar::BigInt),
    ("scaledCollateralSellVolume", Scalar::BigDecimal),
];

const MARKET_DATA: [(&str, Scalar); 3] = [
    ("id", Scalar::Id),
    ("condition", Scalar::String),
    ("outcomeIndex", Scalar::BigInt),
];

impl Entity {
    pub(crate) const fn type_name(self) -> &'static str {
        match self {
            Self::OrderFilledEvent => "OrderFilledEvent",
            Self::Orderbook => "Orderbook",
            Self::MarketData => "MarketData",
        }
    }

    pub(crate) const fn columns(self) -> &'static [(&'static str, Scalar)] {
        match self {
            Self::OrderFilledEvent => &ORDER_FILLED_EVENT,
            Self::Orderbook => &ORDERBOOK,
            Self::MarketData => &MARKET_DATA,
        }
    }

    pub(crate) fn column(self, name: &str) -> Option<usize> {
        self.columns()
            .iter()
            .position(|(column, _)| *column == name)
    }
}

/// The fields of `Query`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    List(Entity),
    Single(Entity),
    Meta,
    Typename,
}

impl Root {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "orderFilledEvents" => Self::List(Entity::OrderFilledEvent),
            "orderFilledEvent" => Self::Single(Entity::OrderFilledEvent),
            "orderbooks" => Self::List(Entity::Orderbook),
            "orderbook" => Self::Single(Entity::Orderbook),
            "marketDatas" => Self::List(Entity::MarketData),
            "marketData" => Self::Single(Entity::MarketData),
            "_meta" => Self::Meta,
            "__typename" => Self::Typename,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_columns_stand_in_the_order_of_their_numbers() {
        for column in Column::ALL {
            let entity = Entity::OrderFilledEvent;
            assert_eq!(entity.column(column.name()), Some(column as usize));
        }
    }

    #[test]
    fn other_columns_stand_where_their_numbers_say() {
        use orderbook as o;
        let entity = Entity::Orderbook;
        assert_eq!(
            entity.column("scaledCollateralSellVolume"),
            Some(o::SCALED_SELL_VOLUME)
        );
        assert_eq!(entity.column("collateralBuyVolume"), Some(o::BUY_VOLUME));
        assert_eq!(
            Entity::MarketData.column("condition"),
            Some(market_data::CONDITION)
        );
    }
}
