//! What is left when the source or the process ends in the middle.

use fills::Span;
use goldsky_simulator::{Data, Fault, Faults, Seeded};
use validation::{Error, Finding, Kind, Level, Plan, Spot, Verdict};

use crate::fixture::{LEVELS, World, seeded};

/// One row of many, which a statement can name.
const ONE: &str = "(tx_hash, order_hash) = (SELECT tx_hash, order_hash FROM data \
                   ORDER BY cityHash64(tx_hash, order_hash) LIMIT 1)";

/// Makes a table of some tokens in the first ten days, of which no checkpoint tells anything.
async fn part(database: &str) -> World {
    let mut world = World::empty(database, seeded(5, 6_000, 20)).await;
    let whole = world.validation.coverage.span;
    let span = Span::new(whole.from, whole.from + 10 * 86_400);
    let page = world.validation.client.orderbooks("", 20).await.unwrap();
    let tokens: Vec<_> = page.entities.iter().map(|book| book.token_id).collect();
    world.load(span, Some(&tokens)).await;
    world.validation.coverage.span = span;
    world.validation.coverage.is_whole_archive = false;
    world.validation.coverage.tokens = Some(tokens.into());
    world
}

#[tokio::test]
async fn rows_that_a_broken_off_repair_took_out_are_found_and_come_back() {
    let world = part("broken_repair").await;
    let before = world.number("SELECT count() FROM data").await;
    world
        .run(&format!("INSERT INTO data SELECT * FROM data WHERE {ONE}"))
        .await;
    let (validated, _) = world.validate(&LEVELS).await;
    let mut plan = Plan::new(&validated, &world.validation.coverage, true);
    // It ends between taking out and loading.
    plan.loads.clear();
    assert_eq!(world.validation.repair(&plan).await.unwrap(), 2);
    assert_eq!(world.number("SELECT count() FROM data").await, before - 1);

    let (validated, report) = world.validate(&LEVELS).await;
    assert_eq!(report.verdict, Verdict::Differs, "{report:#?}");
    let missing = |finding: &Finding| finding.kind == Kind::MissingRows;
    assert!(report.findings.iter().any(missing), "{report:#?}");
    assert_eq!(world.repair(&validated).await, 1);
    assert_eq!(world.number("SELECT count() FROM data").await, before);
    let (_, report) = world.validate(&LEVELS).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report:#?}");
}

#[tokio::test]
async fn a_source_that_ends_half_way_proves_nothing() {
    let mut world = World::loaded("broken_source", seeded(7, 3_000, 20)).await;
    world.run(&format!("DELETE FROM data WHERE {ONE}")).await;
    world.validation.config.spot = Spot::All;
    for levels in [[Level::Source], [Level::Spot]] {
        world
            .simulator
            .set_faults(Faults::default().with(Fault::IndexingError, 1.0));
        let (validated, report) = world.try_levels(&levels).await;
        assert!(
            matches!(validated.failure, Some(Error::Source(_))),
            "{validated:?}"
        );
        assert_eq!(report.verdict, Verdict::Incomplete, "{report:#?}");
        assert_eq!(report.incomplete_levels, levels);
    }
}

#[tokio::test]
async fn two_validations_at_once_do_not_disturb_each_other() {
    let data = Data::Seeded(Seeded {
        fills: 3_000,
        markets: 60,
        ..Seeded::default()
    });
    let world = World::loaded("together", data).await;
    for _ in 0..5 {
        let both = futures::future::join(
            world.validate(&[Level::Source]),
            world.validate(&[Level::Source]),
        );
        let ((_, one), (_, other)) = both.await;
        assert_eq!(one.verdict, Verdict::Ok, "{one:#?}");
        assert_eq!(other.verdict, Verdict::Ok, "{other:#?}");
    }
}
