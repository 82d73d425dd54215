//! Nothing is found where nothing is wrong.

use std::path::Path;

use fills::Span;
use goldsky_simulator::{Data, Seeded, Text};
use validation::{Kind, Level, Spot, Verdict};

use crate::fixture::{LEVELS, World, given, seeded};

#[tokio::test]
async fn a_complete_load_has_no_findings() {
    let mut world = World::empty("healthy_complete", seeded(1, 20_000, 30)).await;
    let promise = world.load(world.validation.coverage.span, None).await;
    world.validation.coverage.promise = Some(promise);
    let (_, report) = world.validate(&LEVELS).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report:#?}");
    assert_eq!(report.findings, []);
    assert!(
        report
            .checks
            .iter()
            .all(|check| check.verdict.name() == "ok"),
        "{report:#?}"
    );
    let transactions = report
        .checks
        .iter()
        .find(|check| check.name == "transactions")
        .unwrap();
    assert_eq!(
        transactions
            .figures
            .get("seconds_compared_with_the_source")
            .unwrap(),
        0
    );
    world.assert_exact().await;
}

#[tokio::test]
async fn orders_filled_twice_in_a_transaction_are_told_and_are_no_loss() {
    let data = Data::Seeded(Seeded {
        collisions: 0.01,
        fills: 5_000,
        ..Seeded::default()
    });
    let world = World::loaded("healthy_collisions", data).await;
    assert!(world.simulator.overwritten() > 0);
    let (validated, report) = world.validate(&LEVELS).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report:#?}");
    let collisions = report
        .checks
        .iter()
        .find(|check| check.name == "id collisions")
        .unwrap();
    let fills = collisions.figures.get("fills").unwrap();
    assert_eq!(fills.as_u64().unwrap(), world.simulator.overwritten());
    assert_eq!(world.repair(&validated).await, 0);
}

#[tokio::test]
async fn more_odd_transactions_than_the_source_is_asked_about_are_not_called_right() {
    let data = Data::Seeded(Seeded {
        collisions: 0.2,
        fills: 20_000,
        ..Seeded::default()
    });
    let world = World::loaded("healthy_many_odd", data).await;
    let (_, report) = world.validate(&[Level::Quality]).await;
    let transactions = report
        .checks
        .iter()
        .find(|check| check.name == "transactions")
        .unwrap();
    assert_eq!(transactions.verdict.name(), "not run", "{transactions:#?}");
    assert!(report.findings.is_empty());
}

#[tokio::test]
async fn what_a_real_graph_node_served_has_no_findings() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../goldsky-simulator/tests/fixtures/graph-node/orderFilledEvents.jsonl.gz");
    let world = World::loaded("healthy_graph_node", given(Text::File(path))).await;
    let (_, report) = world.validate(&LEVELS).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report:#?}");
}

#[tokio::test]
async fn events_that_cannot_be_rows_are_told_as_such() {
    let event = |number: u64, maker: &str| {
        serde_json::json!({
            "id": format!("0x{number:064x}_0x{number:064x}"),
            "transactionHash": format!("0x{number:064x}"), "orderHash": format!("0x{number:064x}"),
            "timestamp": (1_700_000_000 + number).to_string(),
            "maker": maker, "taker": format!("0x{:040x}", 2),
            "makerAssetId": "0", "takerAssetId": number.to_string(),
            "makerAmountFilled": "5", "takerAmountFilled": "7", "fee": "0",
        })
        .to_string()
    };
    let wallet = format!("0x{:040x}", 1);
    let events = [event(1, &wallet), event(2, "0xnothex"), event(3, &wallet)];
    let world = World::loaded("healthy_unreadable", given(Text::Inline(events.join("\n")))).await;
    let (validated, report) = world.validate(&LEVELS).await;
    let kinds: Vec<Kind> = report.findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [Kind::UnreadableEvents], "{report:#?}");
    assert_eq!(report.findings[0].token_id, Some(2.into()));
    assert_eq!(world.repair(&validated).await, 0);
}

#[tokio::test]
async fn real_fills_have_no_findings() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/realdata/order_filled_events.jsonl");
    if !path.exists() {
        println!("not run: there are no real fills beside the repository");
        return;
    }
    let world = World::loaded("healthy_real", given(Text::File(path))).await;
    let (_, report) = world.validate(&LEVELS).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report:#?}");
}

#[tokio::test]
async fn a_part_of_the_archive_has_no_findings_and_says_what_it_cannot_prove() {
    let mut world = World::empty("healthy_part", seeded(2, 10_000, 30)).await;
    let whole = world.validation.coverage.span;
    let span = Span::new(whole.from + 5 * 86_400, whole.from + 20 * 86_400);
    let promise = world.load(span, None).await;
    world.validation.coverage.span = span;
    world.validation.coverage.is_whole_archive = false;
    world.validation.coverage.promise = Some(promise);
    let (_, report) = world.validate(&LEVELS).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report:#?}");
    let totals = report
        .checks
        .iter()
        .find(|check| check.name == "totals by token")
        .unwrap();
    assert!(
        totals
            .figures
            .get("tokens_undecided")
            .unwrap()
            .as_u64()
            .unwrap()
            > 0
    );
    assert!(totals.figures.get("note").is_some());
    assert!(
        report.summary.ends_with("1 could not be made"),
        "{}",
        report.summary
    );
    let (_, report) = world.validate(&[Level::Spot]).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report:#?}");
}

#[tokio::test]
async fn some_tokens_are_proven_by_their_own_counters() {
    let mut world = World::empty("healthy_tokens", seeded(3, 10_000, 30)).await;
    let page = world.validation.client.orderbooks("", 20).await.unwrap();
    let tokens: Vec<_> = page.entities.iter().map(|book| book.token_id).collect();
    world
        .load(world.validation.coverage.span, Some(&tokens))
        .await;
    world.validation.coverage.tokens = Some(tokens.into());
    let (_, report) = world.validate(&LEVELS).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report:#?}");
    let transactions = report
        .checks
        .iter()
        .find(|check| check.name == "transactions")
        .unwrap();
    assert_eq!(transactions.verdict.name(), "not run");
    world.validation.config.spot = Spot::All;
    let (_, report) = world.validate(&[Level::Spot]).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report:#?}");
    let fills = report.checks[0].figures.get("fills").unwrap();
    assert_eq!(*fills, world.number("SELECT count() FROM data").await);
}

#[tokio::test]
async fn a_host_that_keeps_no_history_is_read_as_it_is() {
    let mut world = World::loaded("healthy_pruned", seeded(9, 3_000, 20)).await;
    let head = world.validation.coverage.block;
    // From before the deployment began: refused in the words that graph-node has for pruned blocks.
    world.validation.coverage.block = 1;
    world.validation.config.workers = 3;
    let (_, report) = world.validate(&[Level::Source]).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report:#?}");
    let totals = &report.checks[0].figures;
    assert_eq!(*totals.get("block").unwrap(), head);
    assert_eq!(totals.get("block_at_end"), None);
    let tokens = world.number("SELECT uniqExact(token_id) FROM data").await;
    assert_eq!(*totals.get("books").unwrap(), tokens);
}
