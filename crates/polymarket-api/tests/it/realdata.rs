//! Real fills of two wallets against what the real API said of them, where both are at hand.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fills::{Address, Fill, OrderFilled, Side, Span, Trade};
use futures::stream;
use goldsky_simulator::{Config, DataApi as Caps, Simulator, Text};
use polymarket_api::{Compared, Comparison, DataApi, Difference, History, HistoryError};

use crate::fixture::{hasty, hasty_pacer};

const ALL: Span = Span::new(0, u64::MAX);

fn real_data() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/realdata");
    if !path.is_dir() {
        println!("skipped: there is no ../shared/realdata beside this checkout");
        return None;
    }
    Some(path)
}

fn real_fills(real: &Path) -> Vec<Fill> {
    let lines = std::fs::read_to_string(real.join("order_filled_events.jsonl")).unwrap();
    let fill = |line: &str| {
        let event: OrderFilled<'_> = serde_json::from_str(line).unwrap();
        event.to_fill().unwrap()
    };
    lines.lines().map(fill).collect()
}

fn wallets(fills: &[Fill]) -> BTreeSet<Address> {
    fills.iter().map(|fill| fill.maker).collect()
}

async fn start(real: &Path, caps: Caps) -> Simulator {
    let config = Config {
        data_api: Caps {
            rows: Some(Text::File(real.join("data_api_activity.jsonl"))),
            ..caps
        },
        ..Config::default()
    };
    Simulator::start(config).await.unwrap()
}

async fn compare(simulator: &Simulator, wallet: Address, fills: &[Fill]) -> Compared {
    let api = DataApi::new(hasty(&simulator.data_api_url()), hasty_pacer()).unwrap();
    let own = fills.iter().filter(|fill| fill.maker == wallet);
    let trades = Trade::sum(own.map(Trade::from));
    let table = stream::iter(trades.into_iter().map(Ok::<_, HistoryError>));
    let witness = History::new(&api, wallet, ALL).into_stream();
    let compared = Comparison::default().compare(table, witness).await;
    compared.unwrap()
}

#[tokio::test]
async fn both_wallets_match_to_the_base_unit_whatever_a_page_holds() {
    let Some(real) = real_data() else { return };
    let fills = real_fills(&real);
    for most_rows in [500, 100, 7] {
        let caps = Caps {
            most_rows,
            ..Caps::default()
        };
        let simulator = start(&real, caps).await;
        let (mut rows, mut trades) = (0, 0);
        for wallet in wallets(&fills) {
            let compared = compare(&simulator, wallet, &fills).await;
            assert_eq!(compared.differences, [], "{wallet}");
            assert!(compared.is_alike() && compared.is_complete());
            assert_eq!(compared.table, compared.witness);
            assert_eq!(compared.matching, compared.table.trades);
            rows += compared.table.fills;
            trades += compared.matching;
        }
        assert_eq!((rows, trades), (1_852, 1_852), "pages of {most_rows}");
    }
}

#[tokio::test]
async fn seconds_beyond_the_offsets_are_told_apart_and_the_others_match() {
    let Some(real) = real_data() else { return };
    let fills = real_fills(&real);
    let caps = Caps {
        most_rows: 10,
        most_activity_offset: 0,
        ..Caps::default()
    };
    let simulator = start(&real, caps).await;
    let mut not_compared = 0;
    for wallet in wallets(&fills) {
        let compared = compare(&simulator, wallet, &fills).await;
        assert_eq!(compared.differences, [], "{wallet}");
        let trades = compared.matching + compared.not_compared;
        assert_eq!(trades, compared.table.trades);
        assert_eq!(compared.is_complete(), compared.not_compared == 0);
        not_compared += compared.not_compared;
    }
    assert!((10..400).contains(&not_compared), "{not_compared}");
}

/// Damages a fill and compares its wallet; returns the fill as it was, and what came of it.
async fn damaged(damage: impl FnOnce(&mut Vec<Fill>, usize)) -> Option<(Fill, Compared)> {
    let real = real_data()?;
    let mut fills = real_fills(&real);
    let place = fills.len() / 2;
    let whole = fills[place];
    damage(&mut fills, place);
    let simulator = start(&real, Caps::default()).await;
    let compared = compare(&simulator, whole.maker, &fills).await;
    Some((whole, compared))
}

#[tokio::test]
async fn a_fill_that_is_missing_is_named() {
    let outcome = damaged(|fills, place| {
        fills.remove(place);
    })
    .await;
    let Some((lost, compared)) = outcome else {
        return;
    };
    let lost = Trade::from(&lost);
    let expected = Difference {
        key: lost.key,
        expected: Some(lost.into()),
        found: None,
    };
    assert_eq!(compared.differences, [expected]);
    assert_eq!(compared.matching + 1, compared.witness.trades);
}

#[tokio::test]
async fn a_fill_that_is_one_base_unit_off_is_named() {
    let outcome = damaged(|fills, place| fills[place].usdc_base_units += 1).await;
    let Some((whole, compared)) = outcome else {
        return;
    };
    let expected = Trade::from(&whole);
    let [difference] = compared.differences[..] else {
        panic!("{:?}", compared.differences);
    };
    assert_eq!(difference.key, expected.key);
    assert_eq!(difference.expected, Some(expected.into()));
    let usdc = difference.found.and_then(|found| found.usdc_base_units);
    assert_eq!(usdc, Some(whole.usdc_base_units + 1));
}

#[tokio::test]
async fn a_fill_on_the_wrong_side_is_named_on_both() {
    let turned = |side| match side {
        Side::Buy => Side::Sell,
        Side::Sell => Side::Buy,
    };
    let outcome = damaged(|fills, place| fills[place].side = turned(fills[place].side)).await;
    let Some((whole, compared)) = outcome else {
        return;
    };
    let mut named: Vec<_> = compared
        .differences
        .iter()
        .map(|one| (one.key.tx_hash, one.key.side, one.expected.is_some()))
        .collect();
    let transaction = whole.id.tx_hash;
    named.sort_by_key(|&(_, _, expected)| !expected);
    assert_eq!(
        named,
        [
            (transaction, whole.side, true),
            (transaction, turned(whole.side), false)
        ]
    );
}
