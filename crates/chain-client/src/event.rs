//! The events of the exchanges, from the words of a log.

use fills::{Address, BuilderCode, OrderHash, Side, TokenId, Version};
use ruint::aliases::U256;

use crate::log::Log;

/// Topics: the Keccak-256 hashes of the events' signatures.
pub mod topic {
    /// `OrderFilled(bytes32,address,address,uint256,uint256,uint256,uint256,uint256)` of V1.
    pub const ORDER_FILLED_V1: [u8; 32] =
        word("d0a08e8c493f9c94f29311604c9de1b4e8c8d4c06bd0c789af57f2d65bfec0f6");
    /// `OrderFilled(bytes32,address,address,uint8,uint256,uint256,uint256,uint256,bytes32,bytes32)` of V2 and V3.
    pub const ORDER_FILLED_V2: [u8; 32] =
        word("d543adfd945773f1a62f74f0ee55a5e3b9b1a28262980ba90b1a89f2ea84d8ee");
    /// `OrdersMatched(bytes32,address,uint256,uint256,uint256,uint256)` of V1.
    pub const ORDERS_MATCHED_V1: [u8; 32] =
        word("63bf4d16b7fa898ef4c4b2b6d90fd201e9c56313b65638af6088d149d2ce956c");
    /// `OrdersMatched(bytes32,address,uint8,uint256,uint256,uint256)` of V2 and V3.
    pub const ORDERS_MATCHED_V2: [u8; 32] =
        word("174b3811690657c217184f89418266767c87e4805d09680c39fc9c031c0cab7c");
    /// `Upgraded(address)` of a proxy: its code is another one from now on.
    pub const UPGRADED: [u8; 32] =
        word("bc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b");

    const fn word(digits: &str) -> [u8; 32] {
        // A wrong digit does not compile.
        match const_hex::const_decode_to_array(digits.as_bytes()) {
            Ok(word) => word,
            Err(_) => panic!("a topic is 64 hex digits"),
        }
    }
}

/// What a log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// An order was filled, wholly or in part.
    OrderFilled(OrderFilled),
    /// A match ended: the event of the order that crossed the others came just before.
    OrdersMatched(OrdersMatched),
    /// A proxy has other code from now on.
    Upgraded {
        /// Where the code is.
        implementation: Address,
    },
}

/// One `OrderFilled` of any version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderFilled {
    /// The order.
    pub order_hash: OrderHash,
    /// The owner of the order.
    pub maker: Address,
    /// Who crossed the order, or the exchange where it is the crossing order itself.
    pub taker: Address,
    /// What `maker` did.
    pub side: Side,
    /// The outcome token, never 0.
    pub token_id: TokenId,
    /// Outcome shares, in base units.
    pub shares_base_units: u128,
    /// Collateral, in base units.
    pub usdc_base_units: u128,
    /// The fee, in base units: of shares on a BUY of V1, else of collateral.
    pub fee_base_units: u128,
    /// Who brought the order to the exchange; zero for nobody, and for V1.
    pub builder: BuilderCode,
}

/// One `OrdersMatched` of any version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrdersMatched {
    /// The order that crossed the others.
    pub taker_order_hash: OrderHash,
    /// Its owner.
    pub taker_order_maker: Address,
    /// What its owner did.
    pub side: Side,
    /// Its outcome token.
    pub token_id: TokenId,
    /// Its outcome shares, in base units.
    pub shares_base_units: u128,
    /// Its collateral, in base units.
    pub usdc_base_units: u128,
}

/// Why a log is not the event that its topic says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct FieldError {
    /// The event's name of the field, or `topics` or `data` for all of them.
    pub field: &'static str,
    /// What is wrong with it, as the rest of a sentence that begins with the field's name.
    pub reason: String,
}

impl Event {
    /// Reads the event of an exchange of that version; nothing if it is another event than those here.
    ///
    /// # Errors
    /// Names the first field that the contract cannot have emitted like this: another number of words, upper bytes
    /// of an address that are not zero, a side above 1, an amount of 2^128 or more, no token.
    pub fn read(log: &Log, version: Version) -> Result<Option<Self>, FieldError> {
        let Some((signature, indexed)) = log.topics.split_first() else {
            return Ok(None);
        };
        let words = Words { indexed, log };
        let event = match (*signature, version) {
            (topic::ORDER_FILLED_V1, Version::V1) => Self::OrderFilled(words.order_filled_v1()?),
            (topic::ORDER_FILLED_V2, Version::V2 | Version::V3) => {
                Self::OrderFilled(words.order_filled_v2()?)
            }
            (topic::ORDERS_MATCHED_V1, Version::V1) => {
                Self::OrdersMatched(words.orders_matched_v1()?)
            }
            (topic::ORDERS_MATCHED_V2, Version::V2 | Version::V3) => {
                Self::OrdersMatched(words.orders_matched_v2()?)
            }
            (topic::UPGRADED, _) => {
                let [implementation] = words.topics()?;
                let [] = words.data()?;
                let implementation = address("implementation", implementation)?;
                Self::Upgraded { implementation }
            }
            (
                topic::ORDER_FILLED_V1
                | topic::ORDER_FILLED_V2
                | topic::ORDERS_MATCHED_V1
                | topic::ORDERS_MATCHED_V2,
                _,
            ) => {
                return Err(FieldError {
                    field: "topics",
                    reason: format!("are of another version than V{}", version.number()),
                });
            }
            _ => return Ok(None),
        };
        Ok(Some(event))
    }
}

/// The words of a log behind its signature.
struct Words<'l> {
    indexed: &'l [[u8; 32]],
    log: &'l Log,
}

type Word = [u8; 32];

impl Words<'_> {
    fn topics<const N: usize>(&self) -> Result<[Word; N], FieldError> {
        self.indexed.try_into().map_err(|_| FieldError {
            field: "topics",
            reason: format!("are {} instead of {}", self.indexed.len() + 1, N + 1),
        })
    }

    fn data<const N: usize>(&self) -> Result<[Word; N], FieldError> {
        let (words, rest) = self.log.data.as_chunks();
        let words = words.try_into().ok().filter(|_| rest.is_empty());
        words.ok_or_else(|| FieldError {
            field: "data",
            reason: format!("has {} bytes instead of {}", self.log.data.len(), 32 * N),
        })
    }

    fn order_filled_v1(&self) -> Result<OrderFilled, FieldError> {
        let [order_hash, maker, taker] = self.topics()?;
        let [given, got, given_amount, got_amount, fee] = self.data()?;
        let trade = Trade::of_assets(given, got, given_amount, got_amount)?;
        trade.order_filled(order_hash, maker, taker, fee, Word::default())
    }

    fn order_filled_v2(&self) -> Result<OrderFilled, FieldError> {
        let [order_hash, maker, taker] = self.topics()?;
        let [
            side,
            token,
            given_amount,
            got_amount,
            fee,
            builder,
            _metadata,
        ] = self.data()?;
        let trade = Trade::of_side(side, token, given_amount, got_amount)?;
        trade.order_filled(order_hash, maker, taker, fee, builder)
    }

    fn orders_matched_v1(&self) -> Result<OrdersMatched, FieldError> {
        let [order_hash, maker] = self.topics()?;
        let [given, got, given_amount, got_amount] = self.data()?;
        Trade::of_assets(given, got, given_amount, got_amount)?.orders_matched(order_hash, maker)
    }

    fn orders_matched_v2(&self) -> Result<OrdersMatched, FieldError> {
        let [order_hash, maker] = self.topics()?;
        let [side, token, given_amount, got_amount] = self.data()?;
        Trade::of_side(side, token, given_amount, got_amount)?.orders_matched(order_hash, maker)
    }
}

/// What an order's owner gave for what.
struct Trade {
    side: Side,
    token_id: TokenId,
    shares_base_units: u128,
    usdc_base_units: u128,
}

impl Trade {
    /// Reads the trade of an event that names both assets, 0 for collateral.
    fn of_assets(
        given: Word,
        got: Word,
        given_amount: Word,
        got_amount: Word,
    ) -> Result<Self, FieldError> {
        let (given, got) = (token(given), token(got));
        let (side, token_id) = match (given.is_zero(), got.is_zero()) {
            (true, false) => (Side::Buy, got),
            (false, true) => (Side::Sell, given),
            (is_collateral, _) => {
                let reason = match is_collateral {
                    true => "and takerAssetId are both 0: no token changed hands",
                    false => "and takerAssetId are both tokens: no collateral changed hands",
                };
                return Err(FieldError {
                    field: "makerAssetId",
                    reason: reason.to_owned(),
                });
            }
        };
        Self::new(side, token_id, given_amount, got_amount)
    }

    /// Reads the trade of an event that names side and token.
    fn of_side(
        side: Word,
        token_id: Word,
        given_amount: Word,
        got_amount: Word,
    ) -> Result<Self, FieldError> {
        let side = match amount("side", side)? {
            0 => Side::Buy,
            1 => Side::Sell,
            other => {
                return Err(FieldError {
                    field: "side",
                    reason: format!("is {other}, neither BUY (0) nor SELL (1)"),
                });
            }
        };
        let token_id = token(token_id);
        if token_id.is_zero() {
            return Err(FieldError {
                field: "tokenId",
                reason: "is 0: no token changed hands".to_owned(),
            });
        }
        Self::new(side, token_id, given_amount, got_amount)
    }

    fn new(side: Side, token_id: TokenId, given: Word, got: Word) -> Result<Self, FieldError> {
        let given = amount("makerAmountFilled", given)?;
        let got = amount("takerAmountFilled", got)?;
        let (usdc_base_units, shares_base_units) = match side {
            Side::Buy => (given, got),
            Side::Sell => (got, given),
        };
        Ok(Self {
            side,
            token_id,
            shares_base_units,
            usdc_base_units,
        })
    }

    fn order_filled(
        self,
        order_hash: Word,
        maker: Word,
        taker: Word,
        fee: Word,
        builder: Word,
    ) -> Result<OrderFilled, FieldError> {
        Ok(OrderFilled {
            order_hash: OrderHash(order_hash),
            maker: address("maker", maker)?,
            taker: address("taker", taker)?,
            side: self.side,
            token_id: self.token_id,
            shares_base_units: self.shares_base_units,
            usdc_base_units: self.usdc_base_units,
            fee_base_units: amount("fee", fee)?,
            builder: BuilderCode(builder),
        })
    }

    fn orders_matched(self, order_hash: Word, maker: Word) -> Result<OrdersMatched, FieldError> {
        Ok(OrdersMatched {
            taker_order_hash: OrderHash(order_hash),
            taker_order_maker: address("takerOrderMaker", maker)?,
            side: self.side,
            token_id: self.token_id,
            shares_base_units: self.shares_base_units,
            usdc_base_units: self.usdc_base_units,
        })
    }
}

fn token(mut word: Word) -> TokenId {
    word.reverse();
    TokenId::from_le_bytes(word)
}

fn address(field: &'static str, word: Word) -> Result<Address, FieldError> {
    match word.split_last_chunk() {
        Some((upper, &address)) if upper.iter().all(|&byte| byte == 0) => Ok(Address(address)),
        _ => Err(FieldError {
            field,
            reason: format!("0x{} is no address", const_hex::encode(word)),
        }),
    }
}

fn amount(field: &'static str, word: Word) -> Result<u128, FieldError> {
    U256::from_be_bytes(word)
        .try_into()
        .map_err(|_| FieldError {
            field,
            reason: format!("0x{} is 2^128 or more", const_hex::encode(word)),
        })
}
