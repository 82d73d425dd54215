//! What recorded logs say, field by field.

use alloy_sol_types::{SolEvent, sol};
use chain_client::{EXCHANGES, Event, Log, OrderFilled, decode, topic};
use fills::{Address, BuilderCode, Fill, OrderHash, Role, Side, TokenId, Version};
use proptest::prelude::*;
use serde_json::{Value, json};

mod v1 {
    alloy_sol_types::sol! {
        event OrderFilled(bytes32 indexed orderHash, address indexed maker, address indexed taker,
            uint256 makerAssetId, uint256 takerAssetId, uint256 makerAmountFilled,
            uint256 takerAmountFilled, uint256 fee);
        event OrdersMatched(bytes32 indexed takerOrderHash, address indexed takerOrderMaker,
            uint256 makerAssetId, uint256 takerAssetId, uint256 makerAmountFilled,
            uint256 takerAmountFilled);
    }
}

mod v2 {
    alloy_sol_types::sol! {
        event OrderFilled(bytes32 indexed orderHash, address indexed maker, address indexed taker,
            uint8 side, uint256 tokenId, uint256 makerAmountFilled, uint256 takerAmountFilled,
            uint256 fee, bytes32 builder, bytes32 metadata);
        event OrdersMatched(bytes32 indexed takerOrderHash, address indexed takerOrderMaker,
            uint8 side, uint256 tokenId, uint256 makerAmountFilled, uint256 takerAmountFilled);
    }
}

sol! {
    event Upgraded(address indexed implementation);
}

/// Recorded logs with what they say, as the files beside this test have them.
pub(crate) fn recorded() -> Vec<(Log, Value)> {
    let files = [
        include_str!("../data/v1_logs.jsonl"),
        include_str!("../data/v2_logs.jsonl"),
    ];
    let rows = files.iter().flat_map(|file| file.lines());
    rows.map(|row| {
        let mut row: Value = serde_json::from_str(row).unwrap();
        // Some were published without their place.
        let log = row["log"].as_object_mut().unwrap();
        for (field, value) in [
            ("blockNumber", json!("0x1")),
            ("blockTimestamp", json!("0x1")),
            ("logIndex", json!("0x0")),
            ("transactionHash", json!(format!("0x{}", "11".repeat(32)))),
        ] {
            log.entry(field).or_insert(value);
        }
        let log = serde_json::from_str(&row["log"].to_string()).unwrap();
        (log, row["expect"].clone())
    })
    .collect()
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap()
}

#[test]
fn every_recorded_fill_is_read_as_it_was_published() {
    let mut fills = 0;
    for (log, expect) in recorded() {
        let decoded = decode(std::slice::from_ref(&log), EXCHANGES);
        assert_eq!(decoded.malformed, [], "{log:?}");
        let [fill] = &decoded.fills[..] else {
            assert_eq!(expect["event"], "OrdersMatched");
            continue;
        };
        fills += 1;
        assert_eq!(fill.id.order_hash.to_string(), text(&expect, "order_hash"));
        assert_eq!(fill.maker.to_string(), text(&expect, "maker"));
        assert_eq!(fill.taker.to_string(), text(&expect, "taker"));
        assert_eq!(fill.token_id.to_string(), text(&expect, "token_id"));
        let side = match fill.side {
            Side::Buy => "BUY",
            Side::Sell => "SELL",
        };
        assert_eq!(side, text(&expect, "side"));
        let role = match fill.role() {
            Role::Maker => "maker",
            Role::Taker => "taker",
        };
        assert_eq!(role, text(&expect, "role"));
        for (amount, field) in [
            (fill.usdc_base_units, "usdc"),
            (fill.shares_base_units, "shares"),
            (fill.fee_base_units, "fee"),
        ] {
            assert_eq!(
                amount,
                u128::from(expect[field].as_u64().unwrap()),
                "{field}"
            );
        }
        let id = expect["subgraph_style_id"].as_str();
        if let Some(id) = id.filter(|id| !id.starts_with('?')) {
            assert_eq!(fill.id.to_string(), id);
        }
        assert_eq!(fill.exchange, log.address);
        assert_eq!(
            (fill.block_number, fill.log_index),
            (log.block_number, log.log_index)
        );
    }
    assert_eq!(fills, recorded().len() - 1);
}

/// **Source**: seen on chain at rates of 0, 4, 5 and 7 %: `rate * usdc * (shares - usdc) / shares`, down to a
/// multiple of ten base units.
#[test]
fn fees_since_v2_are_those_of_the_formula() {
    let mut with_fee = 0;
    for (log, _) in recorded() {
        for fill in decode(&[log], EXCHANGES).fills {
            if fill.version == Version::V1 {
                continue;
            }
            let Fill {
                usdc_base_units: usdc,
                shares_base_units: shares,
                fee_base_units: fee,
                ..
            } = fill;
            let at = |percent: u128| percent * usdc * (shares - usdc) / shares / 100 / 10 * 10;
            assert!([0, 4, 5, 7].map(at).contains(&fee), "{fill:?}");
            with_fee += usize::from(fee > 0);
        }
    }
    assert!(with_fee >= 3, "{with_fee}");
}

#[test]
fn topics_are_the_hashes_of_the_signatures() {
    assert_eq!(topic::ORDER_FILLED_V1, v1::OrderFilled::SIGNATURE_HASH.0);
    assert_eq!(
        topic::ORDERS_MATCHED_V1,
        v1::OrdersMatched::SIGNATURE_HASH.0
    );
    assert_eq!(topic::ORDER_FILLED_V2, v2::OrderFilled::SIGNATURE_HASH.0);
    assert_eq!(
        topic::ORDERS_MATCHED_V2,
        v2::OrdersMatched::SIGNATURE_HASH.0
    );
    assert_eq!(topic::UPGRADED, Upgraded::SIGNATURE_HASH.0);
}

/// What another decoder makes of a fill's log; nothing where it or the contract's rules refuse it.
fn by_another(log: &Log, version: Version) -> Option<OrderFilled> {
    let topics = log.topics.iter().map(alloy_sol_types::Word::from);
    let token = |id: alloy_sol_types::private::U256| TokenId::from_le_bytes(id.to_le_bytes());
    let (order_hash, maker, taker, side, token_id, given, got, fee, builder) = match version {
        Version::V1 => {
            let event = v1::OrderFilled::decode_raw_log_validate(topics, &log.data).ok()?;
            let (given, got) = (token(event.makerAssetId), token(event.takerAssetId));
            let (side, token_id) = match (given.is_zero(), got.is_zero()) {
                (true, false) => (Side::Buy, got),
                (false, true) => (Side::Sell, given),
                _ => return None,
            };
            let (given, got) = (event.makerAmountFilled, event.takerAmountFilled);
            let (hash, fee) = (event.orderHash, event.fee);
            (
                hash,
                event.maker,
                event.taker,
                side,
                token_id,
                given,
                got,
                fee,
                [0; 32],
            )
        }
        _ => {
            let event = v2::OrderFilled::decode_raw_log_validate(topics, &log.data).ok()?;
            let side = [Side::Buy, Side::Sell]
                .get(usize::from(event.side))
                .copied()?;
            let token_id = Some(token(event.tokenId)).filter(|id| !id.is_zero())?;
            let (given, got) = (event.makerAmountFilled, event.takerAmountFilled);
            let (hash, fee, builder) = (event.orderHash, event.fee, event.builder.0);
            (
                hash,
                event.maker,
                event.taker,
                side,
                token_id,
                given,
                got,
                fee,
                builder,
            )
        }
    };
    let (usdc, shares) = match side {
        Side::Buy => (given, got),
        Side::Sell => (got, given),
    };
    Some(OrderFilled {
        order_hash: OrderHash(order_hash.0),
        maker: Address(maker.into_array()),
        taker: Address(taker.into_array()),
        side,
        token_id,
        shares_base_units: shares.try_into().ok()?,
        usdc_base_units: usdc.try_into().ok()?,
        fee_base_units: fee.try_into().ok()?,
        builder: BuilderCode(builder),
    })
}

fn by_this(log: &Log, version: Version) -> Option<OrderFilled> {
    match Event::read(log, version) {
        Ok(Some(Event::OrderFilled(event))) => Some(event),
        Ok(other) => panic!("{other:?}"),
        Err(_) => None,
    }
}

#[test]
fn another_decoder_reads_the_recorded_fills_alike() {
    for (log, expect) in recorded() {
        let version = EXCHANGES
            .iter()
            .find(|one| one.address == log.address)
            .unwrap()
            .version;
        if expect["event"] == "OrderFilled" {
            let read = by_another(&log, version);
            assert!(read.is_some());
            assert_eq!(by_this(&log, version), read);
        }
    }
}

/// A word that is small, nearly an address, nearly an amount, or anything.
fn word() -> impl Strategy<Value = [u8; 32]> {
    let upper_zeros = |zeros: usize| {
        any::<[u8; 32]>().prop_map(move |mut word| {
            word[..zeros].fill(0);
            word
        })
    };
    let small = (0_u8..3).prop_map(|last| {
        let mut word = [0; 32];
        word[31] = last;
        word
    });
    prop_oneof![
        small,
        upper_zeros(12),
        upper_zeros(16),
        upper_zeros(11),
        any::<[u8; 32]>()
    ]
}

proptest! {
    #[test]
    fn another_decoder_reads_any_words_alike(
        is_v1: bool,
        indexed in proptest::collection::vec(word(), 2..5),
        data in proptest::collection::vec(word(), 4..9),
        cut in 0_usize..3,
    ) {
        let (version, signature) = match is_v1 {
            true => (Version::V1, topic::ORDER_FILLED_V1),
            false => (Version::V2, topic::ORDER_FILLED_V2),
        };
        let mut topics = vec![signature];
        topics.extend(indexed);
        let mut data = data.concat();
        data.truncate(data.len() - cut % 2);
        let (mut log, _) = recorded().remove(0);
        (log.topics, log.data) = (topics, data);
        // The other one takes what follows the words that it needs.
        let words = if is_v1 { 5 } else { 7 };
        let another = by_another(&log, version).filter(|_| log.data.len() == 32 * words);
        prop_assert_eq!(by_this(&log, version), another);
    }
}
