//! A level that fails: what was found before it is kept, and the verdict is never that all is well.

use validation::{Kind, Level, Verdict};

use crate::fixture::{LEVELS, World, seeded};

/// Loads, and takes the place of the table that the source level writes.
async fn without_orderbooks(database: &str) -> World {
    let world = World::loaded(database, seeded(3, 2_000, 10)).await;
    let name = world.validation.table.names().orderbooks();
    let view = format!("CREATE VIEW {name} AS SELECT toUInt64(1) AS reading");
    world.validation.table.run(&view).await.unwrap();
    world
}

#[tokio::test]
async fn levels_before_and_after_one_that_fails_are_reported() {
    let world = without_orderbooks("broken_levels_ok").await;
    let levels = [&LEVELS[..], &[Level::Spot]].concat();
    let (validated, report) = world.try_levels(&levels).await;
    assert!(validated.failure.is_some());
    assert_eq!(report.verdict, Verdict::Incomplete, "{report:#?}");
    assert_eq!(report.incomplete_levels, [Level::Source, Level::Spot]);
    let names = |verdict: &str| -> Vec<(Level, &str)> {
        let such = report
            .checks
            .iter()
            .filter(|check| check.verdict.name() == verdict);
        such.map(|check| (check.level, &*check.name)).collect()
    };
    assert!(names("ok").contains(&(Level::Counts, "duplicates")));
    assert!(names("ok").contains(&(Level::Quality, "transactions")));
    let broken = [(Level::Source, "level"), (Level::Spot, "level")];
    assert!(names("not run").ends_with(&broken), "{report:#?}");
    let written = serde_json::to_value(&report.checks).unwrap();
    let why = |level: &str| {
        let checks = written.as_array().unwrap();
        let check = checks.iter().find(|check| check["level"] == level);
        check.unwrap()["why"].as_str().unwrap().to_owned()
    };
    assert!(why("source").contains("Code: "), "{}", why("source"));
    assert_eq!(why("spot"), "a level before it failed");
}

#[tokio::test]
async fn what_differs_is_found_beside_a_level_that_fails() {
    let world = without_orderbooks("broken_levels_differs").await;
    world
        .run("INSERT INTO data SELECT * FROM data LIMIT 1")
        .await;
    let (_, report) = world.try_levels(&LEVELS).await;
    assert_eq!(report.verdict, Verdict::Differs, "{report:#?}");
    assert_eq!(report.findings[0].kind, Kind::DuplicateRows);
    assert_eq!(report.incomplete_levels, [Level::Source]);
}
