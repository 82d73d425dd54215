//! Whole blocks of logs as fills, checked transaction by transaction.

use std::collections::HashMap;
use std::ops::RangeFrom;

use fills::{Fill, FillId, Malformed, OrderHash, Side, TxHash, Version};

use crate::event::{Event, FieldError, OrderFilled, OrdersMatched};
use crate::exchanges::Exchange;
use crate::log::Log;

/// What some blocks hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decoded {
    /// The fills, in order of block and log.
    pub fills: Vec<Fill>,
    /// Logs that cannot be the events that they should be.
    pub malformed: Vec<Malformed>,
    /// Transactions of which logs must be missing, or there too often.
    pub violations: Vec<Violation>,
    /// Proxies that have other code from some block on.
    pub upgraded: Vec<Log>,
}

impl Decoded {
    /// Returns how many fills are of a block.
    pub(crate) fn fills_of(&self, block: u32) -> usize {
        let (from, to) = self.place(block);
        to - from
    }

    /// Puts what another provider has of a block in the place of what is here.
    pub(crate) fn replace(&mut self, block: u32, other: Self) {
        let (from, to) = self.place(block);
        self.fills.splice(from..to, other.fills);
        let is_there = |one: &Malformed| one.position == Some(block.into());
        self.malformed.retain(|one| !is_there(one));
        self.malformed.extend(other.malformed);
        self.violations.retain(|one| one.block_number != block);
        self.upgraded.retain(|log| log.block_number != block);
        self.upgraded.extend(other.upgraded);
    }

    /// Returns where the fills of a block begin and end.
    fn place(&self, block: u32) -> (usize, usize) {
        let before = |limit| self.fills.partition_point(|fill| fill.block_number < limit);
        (before(block), before(block.saturating_add(1)))
    }
}

/// A transaction whose logs do not add up: what was served is not what the contract emitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("block {block_number}, transaction {tx_hash}: {kind}")]
pub struct Violation {
    /// Its block.
    pub block_number: u32,
    /// The transaction.
    pub tx_hash: TxHash,
    /// What does not add up.
    pub kind: ViolationKind,
}

/// What does not add up in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ViolationKind {
    /// A match ends without the fill of the order that crossed the others, or with another one.
    #[error("an OrdersMatched does not follow the OrderFilled of its own order")]
    TakerIsMissing,
    /// A crossing order was filled and no match ends.
    #[error("the OrderFilled of a crossing order is not followed by its OrdersMatched")]
    MatchIsMissing,
    /// Resting orders were filled and nothing crossed them.
    #[error("fills of resting orders are not followed by the order that crossed them")]
    MakersAreLeft,
    /// The fills of the resting orders do not add up to that of the order that crossed them.
    #[error("the shares of resting orders do not add up to those of the order that crossed them")]
    SharesDiffer,
}

/// Reads the logs of whole blocks, in order of block and log index.
///
/// Logs of contracts that are not among `exchanges`, and other events of theirs, are left out.
pub fn decode(logs: &[Log], exchanges: &[Exchange]) -> Decoded {
    let versions: HashMap<_, _> = exchanges
        .iter()
        .map(|one| (one.address, one.version))
        .collect();
    let mut decoded = Decoded::default();
    for of_transaction in logs.chunk_by(|left, right| {
        (left.block_number, left.tx_hash) == (right.block_number, right.tx_hash)
    }) {
        let begin = decoded.fills.len();
        let mut matches: HashMap<_, Match> = HashMap::new();
        for log in of_transaction {
            let Some(&version) = versions.get(&log.address) else {
                continue;
            };
            let one = matches.entry(log.address).or_insert(Match::new(version));
            match Event::read(log, version) {
                Ok(Some(Event::OrderFilled(event))) => {
                    one.note(&event, event.taker == log.address);
                    match fill(log, version, &event) {
                        Ok(fill) => decoded.fills.push(fill),
                        Err(error) => decoded.malformed.push(malformed(log, error)),
                    }
                }
                Ok(Some(Event::OrdersMatched(event))) => one.end(&event),
                Ok(Some(Event::Upgraded { .. })) => decoded.upgraded.push(log.clone()),
                Ok(None) => {}
                Err(error) => {
                    // Whatever it was, the match cannot be checked without it.
                    one.is_unreadable = true;
                    decoded.malformed.push(malformed(log, error));
                }
            }
        }
        number(&mut decoded.fills, begin..);
        let log = &of_transaction[0];
        let kinds = matches.into_values().filter_map(Match::violation);
        decoded.violations.extend(kinds.map(|kind| Violation {
            block_number: log.block_number,
            tx_hash: log.tx_hash,
            kind,
        }));
    }
    decoded
}

fn fill(log: &Log, version: Version, event: &OrderFilled) -> Result<Fill, FieldError> {
    let timestamp = log.block_timestamp.ok_or_else(|| FieldError {
        field: "blockTimestamp",
        reason: "is missing".to_owned(),
    })?;
    Ok(Fill {
        id: FillId {
            tx_hash: log.tx_hash,
            order_hash: event.order_hash,
            // Known when the whole transaction is.
            nth_from_last: 0,
        },
        timestamp,
        maker: event.maker,
        taker: event.taker,
        token_id: event.token_id,
        side: event.side,
        shares_base_units: event.shares_base_units,
        usdc_base_units: event.usdc_base_units,
        fee_base_units: event.fee_base_units,
        version,
        exchange: log.address,
        block_number: log.block_number,
        log_index: log.log_index,
        builder: event.builder,
    })
}

/// Counts the fills of each order of one transaction from the last one backwards.
fn number(fills: &mut [Fill], transaction: RangeFrom<usize>) {
    let fills = &mut fills[transaction];
    // Nearly every transaction fills an order once, and has few fills.
    for index in 0..fills.len() {
        let (fill, later) = fills[index..]
            .split_first_mut()
            .unwrap_or_else(|| unreachable!());
        let order = |other: &&Fill| other.id.order_hash == fill.id.order_hash;
        fill.id.nth_from_last =
            u16::try_from(later.iter().filter(order).count()).unwrap_or(u16::MAX);
    }
}

fn malformed(log: &Log, error: FieldError) -> Malformed {
    let topics = log
        .topics
        .iter()
        .map(|topic| format!("\"0x{}\"", const_hex::encode(topic)));
    Malformed {
        fill_id: format!("{}_{}", log.tx_hash, log.log_index),
        field: error.field.to_owned(),
        reason: error.reason,
        position: Some(log.block_number.into()),
        event: format!(
            r#"{{"address":"{}","topics":[{}],"data":"0x{}","blockNumber":{},"transactionHash":"{}","logIndex":{}}}"#,
            log.address,
            topics.collect::<Vec<_>>().join(","),
            const_hex::encode(&log.data),
            log.block_number,
            log.tx_hash,
            log.log_index,
        ),
    }
}

/// The match that goes on at one exchange in a transaction: fills of resting orders, then the fill of the order that
/// crossed them, then the end.
struct Match {
    version: Version,
    makers: u32,
    maker_shares: u128,
    taker: Option<(OrderHash, Side, u128, u128)>,
    violation: Option<ViolationKind>,
    is_unreadable: bool,
}

impl Match {
    fn new(version: Version) -> Self {
        Self {
            version,
            makers: 0,
            maker_shares: 0,
            taker: None,
            violation: None,
            is_unreadable: false,
        }
    }

    fn note(&mut self, event: &OrderFilled, is_taker: bool) {
        if self.taker.is_some() {
            self.violation.get_or_insert(ViolationKind::MatchIsMissing);
            self.begin();
        }
        if is_taker {
            let (shares, usdc) = (event.shares_base_units, event.usdc_base_units);
            self.taker = Some((event.order_hash, event.side, shares, usdc));
        } else {
            self.makers += 1;
            self.maker_shares = self.maker_shares.wrapping_add(event.shares_base_units);
        }
    }

    fn end(&mut self, event: &OrdersMatched) {
        let (shares, usdc) = (event.shares_base_units, event.usdc_base_units);
        let expected = (event.taker_order_hash, event.side, shares, usdc);
        let kind = if self.taker != Some(expected) {
            Some(ViolationKind::TakerIsMissing)
        } else {
            // What a SELL leaves over is given back.
            let adds_up = match event.side {
                Side::Buy => self.maker_shares == shares,
                Side::Sell => self.maker_shares <= shares && self.makers > 0,
            };
            (!adds_up).then_some(ViolationKind::SharesDiffer)
        };
        self.violation = self.violation.or(kind);
        self.begin();
    }

    fn begin(&mut self) {
        (self.makers, self.maker_shares, self.taker) = (0, 0, None);
    }

    /// Returns what does not add up, at the transaction's end.
    fn violation(self) -> Option<ViolationKind> {
        if self.is_unreadable {
            return None;
        }
        let left = match (self.taker, self.makers) {
            (Some(_), _) => Some(ViolationKind::MatchIsMissing),
            // An operator of V1 can fill orders without a match.
            (None, 1..) if self.version != Version::V1 => Some(ViolationKind::MakersAreLeft),
            _ => None,
        };
        self.violation.or(left)
    }
}
