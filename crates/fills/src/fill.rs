//! One fill, by the rules of the exchange contracts.
//!
//! **Source**: `Trading.sol` of Polymarket/ctf-exchange emits one `OrderFilled` for each signed
//! order that is filled; `maker` is that order's owner, for every event.

use std::fmt;

use crate::id::{Address, BuilderCode, FillId, TokenId};

/// The CTF Exchange (V1) on Polygon.
pub const CTF_EXCHANGE: Address = Address([
    0x4b, 0xfb, 0x41, 0xd5, 0xb3, 0x57, 0x0d, 0xef, 0xd0, 0x3c, 0x39, 0xa9, 0xa4, 0xd8, 0xde, 0x6b,
    0xd8, 0xb8, 0x98, 0x2e,
]);

/// The NegRisk Exchange (V1) on Polygon.
pub const NEG_RISK_EXCHANGE: Address = Address([
    0xc5, 0xd5, 0x63, 0xa3, 0x6a, 0xe7, 0x81, 0x45, 0xc4, 0x5a, 0x50, 0x13, 0x4d, 0x48, 0xa1, 0x21,
    0x52, 0x20, 0xf8, 0x0a,
]);

/// What the owner of the order did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Paid USDC for shares.
    #[default]
    Buy,
    /// Gave shares for USDC.
    Sell,
}

/// Whether the order rested in the book or crossed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A resting order; [`Fill::taker`] names who crossed it.
    Maker,
    /// The crossing order itself; [`Fill::taker`] is the exchange.
    Taker,
}

/// What a fee was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FeeAsset {
    /// Shares of the fill's token: on a BUY of V1.
    Shares,
    /// USDC: on a SELL, and on both sides since V2.
    Usdc,
}

/// The generation of an exchange contract.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// Until 2026-04-28.
    #[default]
    V1,
    /// Since 2026-04.
    V2,
    /// Since 2026-05.
    V3,
}

impl Version {
    /// Returns 1, 2 or 3.
    pub fn number(self) -> u8 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }

    /// Returns the version with this number, if there is one.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::V1),
            2 => Some(Self::V2),
            3 => Some(Self::V3),
            _ => None,
        }
    }
}

/// One `OrderFilled`, typed.
///
/// Amounts are integers in base units with 6 decimals. The default is empty, for tests to fill in what matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Fill {
    /// Transaction and order, and which fill of that order.
    pub id: FillId,
    /// Seconds since 1970, UTC: the time of the block.
    pub timestamp: u32,
    /// The owner of the order: the wallet whose position changed.
    pub maker: Address,
    /// Who crossed the order, or the exchange if this is the crossing order itself.
    pub taker: Address,
    /// The outcome token that was bought or sold.
    pub token_id: TokenId,
    /// What `maker` did.
    pub side: Side,
    /// Outcome shares, in base units.
    pub shares_base_units: u128,
    /// USDC, in base units.
    pub usdc_base_units: u128,
    /// The fee, in base units of [`Fill::fee_asset`], before later refunds.
    pub fee_base_units: u128,
    /// The generation of the exchange.
    pub version: Version,
    /// The contract that emitted the event; zero where the source does not know it.
    pub exchange: Address,
    /// The block of the transaction; 0 where the source does not know it.
    pub block_number: u32,
    /// The event's index among all logs of the block; 0 where the source does not know it.
    pub log_index: u32,
    /// Who brought the order to the exchange; zero where nobody did, and always before V2.
    pub builder: BuilderCode,
}

impl Fill {
    /// Returns whether this is the resting or the crossing order of its match.
    pub fn role(&self) -> Role {
        // A subgraph does not say which exchange it was; it can only be one of V1.
        let is_exchange = match self.exchange.is_zero() {
            true => self.taker == CTF_EXCHANGE || self.taker == NEG_RISK_EXCHANGE,
            false => self.taker == self.exchange,
        };
        match is_exchange {
            true => Role::Taker,
            false => Role::Maker,
        }
    }

    /// Returns what the fee was taken in.
    pub fn fee_asset(&self) -> FeeAsset {
        match (self.version, self.side) {
            (Version::V1, Side::Buy) => FeeAsset::Shares,
            _ => FeeAsset::Usdc,
        }
    }

    /// Returns true if both are the same fill with the same values, as far as both sources know them: a subgraph
    /// does not know exchange, block and log.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let place_unknown = |fill: &Self| Self {
            exchange: Address::default(),
            block_number: 0,
            log_index: 0,
            ..*fill
        };
        match self.exchange.is_zero() || other.exchange.is_zero() {
            true => place_unknown(self) == place_unknown(other),
            false => self == other,
        }
    }

    /// Returns USDC for one share, or nothing where no shares changed hands.
    pub fn price(&self) -> Option<Price> {
        (self.shares_base_units != 0).then_some(Price {
            usdc_base_units: self.usdc_base_units,
            shares_base_units: self.shares_base_units,
        })
    }
}

/// USDC for one share: the quotient of two integers, never rounded in memory.
///
/// It displays as a decimal with [`Price::DECIMALS`] digits, cut off towards zero.
#[derive(Debug, Clone, Copy)]
pub struct Price {
    usdc_base_units: u128,
    shares_base_units: u128,
}

impl Price {
    /// Decimals of the price that readers see.
    pub const DECIMALS: u32 = 18;
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (usdc, shares) = (self.usdc_base_units, self.shares_base_units);
        write!(f, "{}", usdc / shares)?;
        let mut rest = ruint::aliases::U256::from(usdc % shares);
        let shares = ruint::aliases::U256::from(shares);
        let mut digits = String::new();
        for _ in 0..Self::DECIMALS {
            if rest.is_zero() {
                break;
            }
            rest *= ruint::aliases::U256::from(10);
            digits.push(char::from(b'0' + (rest / shares).to::<u8>()));
            rest %= shares;
        }
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() {
            Ok(())
        } else {
            write!(f, ".{digits}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(usdc_base_units: u128, shares_base_units: u128) -> String {
        Price {
            usdc_base_units,
            shares_base_units,
        }
        .to_string()
    }

    #[test]
    fn prices_are_exact_decimals() {
        assert_eq!(price(4_800_000, 6_000_000), "0.8");
        assert_eq!(price(1, 3), "0.333333333333333333");
        assert_eq!(price(2_000_000, 1_000_000), "2");
        assert_eq!(price(0, 5), "0");
        assert_eq!(price(1, u128::MAX), "0");
        assert_eq!(price(u128::MAX, 1), u128::MAX.to_string());
    }

    #[test]
    fn roles_fee_assets_and_values_follow_from_exchange_and_version() {
        let exchange = Address([7; 20]);
        let v2 = Fill {
            version: Version::V2,
            exchange,
            taker: exchange,
            block_number: 5,
            ..Fill::default()
        };
        assert_eq!((v2.role(), v2.fee_asset()), (Role::Taker, FeeAsset::Usdc));
        let taker = CTF_EXCHANGE;
        let resting = Fill { taker, ..v2 };
        assert_eq!(resting.role(), Role::Maker);
        let of_subgraph = Fill {
            taker,
            ..Fill::default()
        };
        assert_eq!(
            (of_subgraph.role(), of_subgraph.fee_asset()),
            (Role::Taker, FeeAsset::Shares)
        );
        let of_chain = Fill {
            exchange: CTF_EXCHANGE,
            block_number: 9,
            ..of_subgraph
        };
        assert!(of_chain.agrees_with(&of_subgraph) && of_subgraph.agrees_with(&of_chain));
        let elsewhere = Fill {
            block_number: 8,
            ..of_chain
        };
        assert!(!of_chain.agrees_with(&elsewhere) && of_subgraph.agrees_with(&elsewhere));
        let other = Fill {
            fee_base_units: 1,
            ..of_chain
        };
        assert!(!other.agrees_with(&of_subgraph));
    }

    #[test]
    fn exchange_constants_are_the_published_addresses() {
        assert_eq!(
            "0x4bFb41d5B3570DeFd03C39a9A4D8dE6Bd8B8982E".parse(),
            Ok(CTF_EXCHANGE)
        );
        assert_eq!(
            "0xC5d563A36AE78145C45a50134d48A1215220f80a".parse(),
            Ok(NEG_RISK_EXCHANGE)
        );
    }
}
