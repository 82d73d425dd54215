use std::convert::Infallible;

use fills::{Side, TradeKey};
use futures::stream;

use super::*;

/// A BUY of second and token `n`: two shares for one USDC.
fn trade(n: u32) -> Trade {
    Trade {
        key: TradeKey {
            timestamp: n,
            tx_hash: TxHash([n as u8; 32]),
            token_id: u64::from(n).into(),
            side: Side::Buy,
        },
        fills: 1,
        shares_base_units: 2_000_000,
        usdc_base_units: Some(1_000_000),
    }
}

async fn compare(table: &[Trade], witness: &[Told]) -> Compared {
    let comparison = Comparison {
        most_differences: 3,
    };
    let table = stream::iter(table.iter().copied().map(Ok::<_, Infallible>));
    let witness = stream::iter(witness.iter().copied().map(Ok));
    comparison.compare(table, witness).await.unwrap()
}

fn told(trades: &[Trade]) -> Vec<Told> {
    trades.iter().copied().map(Told::Trade).collect()
}

#[tokio::test]
async fn two_accounts_of_the_same_are_alike() {
    let trades = [trade(1), trade(2), trade(3)];
    let compared = compare(&trades, &told(&trades)).await;
    assert!(compared.is_alike() && compared.is_complete());
    assert_eq!((compared.matching, compared.transactions), (3, 3));
    assert_eq!(compared.table, compared.witness);
    assert_eq!(
        compared.table,
        Account {
            fills: 3,
            trades: 3,
            usdc_base_units: 3_000_000,
            first: Some(1),
            last: Some(3),
        }
    );
}

#[tokio::test]
async fn a_trade_that_the_table_lacks_is_named_wherever_it_stands() {
    let trades = [trade(1), trade(2), trade(3)];
    for lost in 0..3 {
        let mut table = trades.to_vec();
        let missing = table.remove(lost);
        let compared = compare(&table, &told(&trades)).await;
        let expected = Difference {
            key: missing.key,
            expected: Some(missing.into()),
            found: None,
        };
        assert_eq!(compared.differences, [expected]);
        assert_eq!((compared.matching, compared.transactions), (2, 3));
    }
}

#[tokio::test]
async fn a_trade_that_only_the_table_has_is_named_wherever_it_stands() {
    let trades = [trade(1), trade(2), trade(3)];
    for lost in 0..3 {
        let mut witness = trades.to_vec();
        let extra = witness.remove(lost);
        let compared = compare(&trades, &told(&witness)).await;
        let expected = Difference {
            key: extra.key,
            expected: None,
            found: Some(extra.into()),
        };
        assert_eq!(compared.differences, [expected]);
    }
}

#[tokio::test]
async fn one_base_unit_is_a_difference() {
    let off = |change: fn(&mut Trade)| {
        let mut trade = trade(2);
        change(&mut trade);
        trade
    };
    for wrong in [
        off(|trade| trade.shares_base_units += 1),
        off(|trade| trade.usdc_base_units = Some(999_999)),
    ] {
        let compared = compare(&[trade(1), wrong], &told(&[trade(1), trade(2)])).await;
        let difference = compared.differences[0];
        assert_eq!(difference.expected, Some(trade(2).into()));
        assert_eq!(difference.found, Some(wrong.into()));
        assert_eq!((compared.matching, compared.differing), (1, 1));
    }
}

#[tokio::test]
async fn a_wrong_side_is_one_trade_too_few_and_one_too_many_of_one_transaction() {
    let mut wrong = trade(2);
    wrong.key.side = Side::Sell;
    let compared = compare(&[wrong], &told(&[trade(2)])).await;
    let named: Vec<_> = compared
        .differences
        .iter()
        .map(|difference| (difference.key.side, difference.found.is_some()))
        .collect();
    assert_eq!(named, [(Side::Buy, false), (Side::Sell, true)]);
    assert_eq!((compared.differing, compared.transactions), (2, 1));
}

#[tokio::test]
async fn how_many_fills_a_trade_is_made_of_is_no_difference() {
    let merged = trade(1);
    let counted = Trade { fills: 3, ..merged };
    let compared = compare(&[counted], &told(&[merged])).await;
    assert!(compared.is_alike());
    assert_eq!((compared.table.fills, compared.witness.fills), (3, 1));
}

#[tokio::test]
async fn usdc_that_the_witness_does_not_tell_is_not_compared() {
    let told_less = Trade {
        usdc_base_units: None,
        ..trade(1)
    };
    assert!(compare(&[trade(1)], &told(&[told_less])).await.is_alike());
    let fewer_shares = Trade {
        shares_base_units: 1,
        ..told_less
    };
    let compared = compare(&[trade(1)], &told(&[fewer_shares])).await;
    assert_eq!(compared.differing, 1);
}

#[tokio::test]
async fn seconds_that_the_witness_does_not_show_are_not_compared_and_said() {
    let trades = [trade(1), trade(2), trade(3), trade(4), trade(5)];
    let hidden = Span::new(2, 4);
    let witness = [
        Told::Trade(trade(1)),
        Told::NotAll(hidden),
        Told::Trade(trade(5)),
    ];
    let compared = compare(&trades, &witness).await;
    assert_eq!(compared.not_shown, [hidden]);
    assert_eq!((compared.not_compared, compared.matching), (2, 2));
    assert!(!compared.is_complete());
    // Trade 4 is outside of what is hidden.
    assert_eq!(compared.differences.len(), 1);
    assert_eq!(compared.differences[0].key, trade(4).key);
    assert_eq!((compared.table.trades, compared.witness.trades), (5, 2));
}

#[tokio::test]
async fn differences_beyond_the_most_kept_are_counted() {
    let trades: Vec<_> = (1..=5).map(trade).collect();
    let compared = compare(&trades, &[]).await;
    assert_eq!((compared.differing, compared.differences.len()), (5, 3));
    assert_eq!(compared.differences[2].key, trade(3).key);
}
