//! One fill, by the rules of the exchange contracts.
//!
//! **Source**: `Trading.sol` of Polymarket/ctf-exchange emits one `OrderFilled` for each signed
//! order that is filled; `maker` is that order's owner, for every event.

use std::fmt;

use crate::id::{Address, FillId, TokenId};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Paid USDC for shares.
    Buy,
    /// Gave shares for USDC.
    Sell,
}

/// Whether the order rested in the book or crossed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A resting order; [`Fill::taker`] names who crossed it.
    Maker,
    /// The crossing order itself; [`Fill::taker`] is one of the two exchanges.
    Taker,
}

/// What a fee was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FeeAsset {
    /// Shares of the fill's token, on a BUY.
    Shares,
    /// USDC, on a SELL.
    Usdc,
}

/// One `OrderFilled`, typed.
///
/// Amounts are integers in base units with 6 decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fill {
    /// Transaction and order.
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
}

impl Fill {
    /// Tells whether this is the resting or the crossing order of its match.
    pub fn role(&self) -> Role {
        if self.taker == CTF_EXCHANGE || self.taker == NEG_RISK_EXCHANGE {
            Role::Taker
        } else {
            Role::Maker
        }
    }

    /// Tells what the fee was taken in.
    pub fn fee_asset(&self) -> FeeAsset {
        match self.side {
            Side::Buy => FeeAsset::Shares,
            Side::Sell => FeeAsset::Usdc,
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
