//! Pictures show what the table holds, and what differs where it differs.

use fills::Span;
use validation::{Level, Pictures};

use crate::fixture::{LEVELS, World, seeded};

async fn pictures(world: &World, levels: &[Level]) -> Pictures {
    let (validated, _) = world.validate(levels).await;
    world.validation.pictures(&validated).await.unwrap()
}

#[tokio::test]
async fn every_row_is_in_every_picture_once() {
    let world = World::loaded("pictures_all", seeded(31, 5_000, 70)).await;
    let pictures = pictures(&world, &LEVELS).await;
    let rows = world.simulator.fills();
    assert_eq!(pictures.days.iter().map(|day| day.fills).sum::<u64>(), rows);
    assert!(pictures.days.is_sorted_by(|one, next| one.day < next.day));
    let prices = &pictures.prices;
    let priced: u64 = prices.classes.iter().map(|class| class.fills).sum();
    assert_eq!(priced + prices.without_price + prices.above_one, rows);
    let months: Vec<_> = pictures.months.iter().map(|m| m.month.as_str()).collect();
    assert_eq!(months, ["2024-01", "2024-02", "2024-03"]);
    for month in &pictures.months {
        assert_eq!((month.proven, month.expected()), (month.rows, month.rows));
    }
    assert_eq!(pictures.tokens, []);
}

#[tokio::test]
async fn a_lost_month_shows_in_its_month_and_its_tokens() {
    let world = World::loaded("pictures_lost", seeded(32, 5_000, 70)).await;
    let lost = world
        .number("SELECT count() FROM data WHERE toYYYYMM(timestamp) = 202402")
        .await;
    world
        .run("DELETE FROM data WHERE toYYYYMM(timestamp) = 202402")
        .await;
    let pictures = pictures(&world, &LEVELS).await;
    let february = &pictures.months[1];
    assert_eq!(february.month, "2024-02");
    assert_eq!((february.rows, february.missing), (0, lost));
    assert!(pictures.months[0].proven < pictures.months[0].rows);
    let tokens = &pictures.tokens;
    assert_eq!(tokens.iter().map(|token| token.fills).sum::<u64>(), lost);
    assert!(tokens.is_sorted_by(|one, next| one.fills >= next.fills));
    let worst = &tokens[0];
    assert_eq!(worst.expected - worst.found, worst.fills);
}

#[tokio::test]
async fn prices_are_in_the_class_that_their_integers_say() {
    let world = World::loaded("pictures_prices", seeded(33, 2_000, 5)).await;
    let pictures = pictures(&world, &[Level::Counts]).await;
    for class in &pictures.prices.classes {
        let (from, to) = (class.from_cents, class.to_cents);
        let end = if to == 100 { "<=" } else { "<" };
        let such = format!(
            "SELECT count() FROM data WHERE shares > 0 AND usdc * 100 >= shares * {from} \
             AND usdc * 100 {end} shares * {to}"
        );
        assert_eq!(world.number(&such).await, class.fills, "{class:?}");
    }
    assert!(!pictures.counters_read);
    assert!(pictures.months.iter().all(|month| month.proven == 0));
}

#[tokio::test]
async fn a_part_is_drawn_without_what_lies_outside() {
    let mut world = World::loaded("pictures_part", seeded(34, 2_000, 40)).await;
    let whole = world.validation.coverage.span;
    world.validation.coverage.span = Span::new(whole.from, whole.from + 86_400);
    world.validation.coverage.is_whole_archive = false;
    let pictures = pictures(&world, &[Level::Counts]).await;
    assert!(pictures.days.len() <= 2, "{:?}", pictures.days);
}

#[tokio::test]
async fn a_table_of_the_originals_columns_is_drawn_the_same() {
    let mut world = World::loaded("pictures_original", seeded(35, 3_000, 40)).await;
    world
        .run("DELETE FROM data WHERE toDate(timestamp) = '2024-01-20'")
        .await;
    let (validated, _) = world.validate(&LEVELS).await;
    let ours = world.validation.pictures(&validated).await.unwrap();
    assert!(!ours.tokens.is_empty());
    world
        .run(
            "CREATE TABLE pictures_original.original ENGINE = MergeTree ORDER BY \
             (proxy_wallet, timestamp, fill_id) PARTITION BY toYYYYMM(timestamp) AS \
             SELECT fill_id, proxy_wallet, asset_id, side, toFloat64(ifNull(price, 0)) AS price, \
             toFloat64(size) AS size, timestamp FROM pictures_original.clob_fills_v2",
        )
        .await;
    world
        .run(
            "CREATE TABLE pictures_original.original_orderbooks ENGINE = Memory AS \
             SELECT * FROM pictures_original.clob_fills_v2_orderbooks",
        )
        .await;
    let server = world.validation.table.server().clone();
    world.validation.table = fill_table::FillTable::new(server, "original").unwrap();
    let mut original = world.validation.pictures(&validated).await.unwrap();
    for (original, ours) in original.tokens.iter_mut().zip(&ours.tokens) {
        assert_eq!(original.usdc_base_units, 0, "no exact amounts are known");
        original.usdc_base_units = ours.usdc_base_units;
    }
    original.tokens.sort_by_key(|token| token.token_id);
    let mut ours = ours;
    ours.tokens.sort_by_key(|token| token.token_id);
    assert_eq!(original, ours);
}

#[tokio::test]
async fn what_a_table_lacks_is_not_drawn() {
    let mut world = World::loaded("pictures_lacking", seeded(36, 500, 4)).await;
    let (validated, _) = world.validate(&LEVELS).await;
    world
        .run(
            "CREATE TABLE pictures_lacking.lacking ENGINE = Memory AS \
             SELECT fill_id FROM pictures_lacking.clob_fills_v2",
        )
        .await;
    let server = world.validation.table.server().clone();
    world.validation.table = fill_table::FillTable::new(server, "lacking").unwrap();
    let lacking = world.validation.pictures(&validated).await.unwrap();
    assert_eq!(lacking, Pictures::default());
}
