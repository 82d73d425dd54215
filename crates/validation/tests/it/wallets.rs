//! Wallets that are as Polymarket's data API tells.

use fills::{Address, Span};
use serde_json::{Value, json};
use validation::{Check, Verdict, Wallets};

use crate::fixture::World;
use crate::wallet_fixture::*;

#[tokio::test]
async fn every_wallet_of_a_whole_load_matches() {
    let mut world = loaded("wallets_all").await;
    let report = validated(&mut world, sample(10_000)).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report:#?}");
    let of_wallets = |figure| {
        report
            .checks
            .iter()
            .map(|check| number(check, figure))
            .sum::<u64>()
    };
    assert_eq!(of_wallets("fills"), world.simulator.fills());
    assert_eq!(
        of_wallets("trades_that_differ") + of_wallets("trades_not_shown"),
        0
    );
    let rows = "SELECT uniqExact(tx_hash, maker, token_id, side) FROM data";
    assert_eq!(of_wallets("trades_compared"), world.number(rows).await);
    assert!(report.checks.iter().all(|check| note(check).is_empty()));
}

#[tokio::test]
async fn the_statement_of_a_check_gives_its_figures_as_it_stands() {
    let mut world = loaded("wallets_statement").await;
    let report = validated(&mut world, sample(2)).await;
    assert_eq!(report.checks.len(), 2);
    for check in &report.checks {
        let held: (u64, u128, u32, u32) = world.validation.table.row(&check.query).await.unwrap();
        let usdc = check.figures.get("usdc").unwrap();
        assert_eq!(usdc, &json!(held.1.to_string()));
        let seconds = [number(check, "first"), number(check, "last")];
        assert_eq!(
            (number(check, "fills"), seconds),
            (held.0, [held.2, held.3].map(u64::from))
        );
    }
}

#[tokio::test]
async fn a_wallet_named_twice_and_sampled_is_compared_once() {
    let mut world = loaded("wallets_once").await;
    let wallet = largest(&world).await;
    let wallets = Wallets {
        named: vec![wallet, wallet],
        sample: 2,
        ..Wallets::default()
    };
    let report = validated(&mut world, wallets).await;
    let chosen_for = |check: &Check| check.figures.get("chosen_for").cloned().unwrap();
    let chosen: Vec<Value> = report.checks.iter().map(chosen_for).collect();
    assert_eq!(chosen, ["named", "draw"]);
    assert_eq!(report.checks[0].name, wallet.to_string());
}

#[tokio::test]
async fn a_wallet_that_nobody_knows_has_nothing_wrong() {
    let mut world = loaded("wallets_unknown").await;
    let report = validated(&mut world, named(Address([0xab; 20]))).await;
    assert_eq!(report.verdict, Verdict::Ok);
    assert_eq!(number(&report.checks[0], "fills"), 0);
    assert_eq!(report.checks[0].figures.get("first"), Some(&Value::Null));
}

#[tokio::test]
async fn a_part_of_the_archive_is_held_against_the_same_part() {
    let mut world = World::empty("wallets_part", data()).await;
    let whole = world.validation.coverage.span;
    let span = Span::new(whole.from + 5 * 86_400, whole.from + 9 * 86_400);
    world.load(span, None).await;
    world.validation.coverage.span = span;
    world.validation.coverage.is_whole_archive = false;
    world.validation.data_api = Some(data_api(&world.simulator.data_api_url()));
    let report = validated(&mut world, sample(30)).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report:#?}");
    assert!(report.checks.len() > 10);
}

#[tokio::test]
async fn some_tokens_are_held_against_the_same_tokens() {
    let mut world = World::empty("wallets_tokens", data()).await;
    let page = world.validation.client.orderbooks("", 20).await.unwrap();
    let tokens: Vec<_> = page.entities.iter().map(|book| book.token_id).collect();
    world
        .load(world.validation.coverage.span, Some(&tokens))
        .await;
    world.validation.coverage.tokens = Some(tokens.into());
    world.validation.data_api = Some(data_api(&world.simulator.data_api_url()));
    let report = validated(&mut world, sample(30)).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report:#?}");
    assert!(report.checks.len() > 10);
}
