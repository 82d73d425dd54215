//! Every kind of damage is found, attributed and repaired.

use fills::Span;
use validation::{Kind, Level, Plan, Report, Spot, Verdict};

use crate::fixture::{LEVELS, World, seeded};

/// One row of many, which a statement can name.
const ONE: &str = "(tx_hash, order_hash) = (SELECT tx_hash, order_hash FROM data \
                   ORDER BY cityHash64(tx_hash, order_hash) LIMIT 1)";

struct Damaged {
    world: World,
    token: String,
    second: u64,
}

/// Loads fills, notes the row that will be damaged, and damages it.
async fn damaged(database: &str, statement: &str) -> Damaged {
    damaged_where(database, "1", statement).await
}

/// The same, with a row of some.
async fn damaged_where(database: &str, which: &str, statement: &str) -> Damaged {
    let one = ONE.replace("ORDER BY", &format!("WHERE {which} ORDER BY"));
    let world = World::loaded(database, seeded(4, 6_000, 20)).await;
    let table = &world.validation.table;
    let data = table.names().data();
    let sql =
        format!("SELECT toString(token_id), toUInt64(toUInt32(timestamp)) FROM data WHERE {one}")
            .replace(" data", &format!(" {data}"));
    let (token, second) = table.row::<(String, u64)>(&sql).await.unwrap();
    world.run(&statement.replace("ONE", &one)).await;
    Damaged {
        world,
        token,
        second,
    }
}

impl Damaged {
    /// The same, where nothing but reading everything again can find it.
    async fn assert_found_by_reading_all(mut self, kind: Kind) {
        let (_, report) = self.world.validate(&LEVELS).await;
        assert_eq!(
            report.verdict,
            Verdict::Ok,
            "the counters see it: {report:#?}"
        );
        self.world.validation.config.spot = Spot::All;
        self.assert_found_and_repaired(kind, &[Level::Spot]).await;
    }

    /// Asserts that the damage is found as this kind, at the right token and time, and that a
    /// repair leaves nothing of it.
    async fn assert_found_and_repaired(mut self, kind: Kind, levels: &[Level]) {
        let (validated, report) = self.world.validate(levels).await;
        assert_eq!(report.verdict, Verdict::Differs, "{report:#?}");
        let holds = |report: &Report| {
            report.findings.iter().any(|finding| {
                let span = finding.span();
                finding.kind == kind
                    && finding
                        .token_id
                        .is_some_and(|token| token.to_string() == self.token)
                    && span.is_some_and(|span| span.from <= self.second && self.second < span.to)
            })
        };
        assert!(
            holds(&report),
            "{} at {}: {report:#?}",
            self.token,
            self.second
        );
        assert!(self.world.repair(&validated).await > 0);
        self.world.assert_exact().await;
        let (validated, _) = self.world.validate(levels).await;
        assert_eq!(self.world.repair(&validated).await, 0);
    }
}

const UPDATE: &str = "SETTINGS mutations_sync = 2";

#[tokio::test]
async fn a_lost_row_is_found() {
    let damaged = damaged("damage_row", "DELETE FROM data WHERE ONE").await;
    damaged
        .assert_found_and_repaired(Kind::MissingRows, &LEVELS)
        .await;
}

#[tokio::test]
async fn a_lost_page_is_found() {
    let statement = "DELETE FROM data WHERE (tx_hash, order_hash) IN (SELECT tx_hash, order_hash \
                     FROM data WHERE timestamp >= (SELECT timestamp FROM data WHERE ONE) \
                     ORDER BY timestamp, tx_hash, order_hash LIMIT 1000)";
    let damaged = damaged("damage_page", statement).await;
    damaged
        .assert_found_and_repaired(Kind::MissingRows, &LEVELS)
        .await;
}

#[tokio::test]
async fn a_lost_token_is_found() {
    let statement = "DELETE FROM data WHERE token_id = (SELECT token_id FROM data WHERE ONE)";
    let damaged = damaged("damage_token", statement).await;
    damaged
        .assert_found_and_repaired(Kind::BookWithoutRows, &LEVELS)
        .await;
}

#[tokio::test]
async fn a_lost_day_is_found_without_reading_every_token() {
    let statement = "DELETE FROM data WHERE toDate(timestamp) = \
                     (SELECT toDate(timestamp) FROM data WHERE ONE)";
    let damaged = damaged("damage_day", statement).await;
    let (_, report) = damaged.world.validate(&LEVELS).await;
    let totals = report
        .checks
        .iter()
        .find(|check| check.name == "totals by token")
        .unwrap();
    let read = totals
        .figures
        .get("fills_read_for_that")
        .unwrap()
        .as_u64()
        .unwrap();
    assert!(read < 6_000, "{totals:#?}");
    damaged
        .assert_found_and_repaired(Kind::MissingRows, &LEVELS)
        .await;
}

#[tokio::test]
async fn a_doubled_row_is_found() {
    let statement = "INSERT INTO data SELECT * FROM data WHERE ONE";
    let damaged = damaged("damage_double", statement).await;
    damaged
        .assert_found_and_repaired(Kind::DuplicateRows, &LEVELS)
        .await;
}

#[tokio::test]
async fn an_amount_off_by_one_millionth_is_found() {
    let statement = format!("ALTER TABLE data UPDATE usdc = usdc + 1 WHERE ONE {UPDATE}");
    let damaged = damaged("damage_usdc", &statement).await;
    damaged
        .assert_found_and_repaired(Kind::WrongField, &LEVELS)
        .await;
}

#[tokio::test]
async fn shares_off_by_one_millionth_are_found() {
    let statement = format!("ALTER TABLE data UPDATE shares = shares + 1 WHERE ONE {UPDATE}");
    let damaged = damaged("damage_shares", &statement).await;
    damaged
        .assert_found_and_repaired(Kind::WrongField, &LEVELS)
        .await;
}

#[tokio::test]
async fn a_flipped_side_is_found() {
    let statement = format!(
        "ALTER TABLE data UPDATE side = if(side = 'BUY', 'SELL', 'BUY') WHERE ONE {UPDATE}"
    );
    let damaged = damaged("damage_side", &statement).await;
    damaged
        .assert_found_and_repaired(Kind::WrongField, &LEVELS)
        .await;
}

/// A row that is the crossing order of its transaction.
const TAKER_ORDER: &str = "taker IN (unhex('4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e'), \
                           unhex('c5d563a36ae78145c45a50134d48a1215220f80a'))";

const OTHER_WALLET: &str = "toFixedString(unhex('00000000000000000000000000000000000000aa'), 20)";

#[tokio::test]
async fn more_than_is_held_at_once_is_found_where_everything_is_lost() {
    let mut world = World::loaded("damage_all", seeded(6, 5_000, 20)).await;
    world.validation.config.chunk_rows = 300;
    world.run("TRUNCATE TABLE data").await;
    world.validation.config.spot = Spot::All;
    let (validated, report) = world.validate(&[Level::Spot]).await;
    let windows = &report.checks[0].figures;
    assert_eq!(
        *windows.get("fills_that_differ").unwrap(),
        world.simulator.fills()
    );
    assert_eq!(world.repair(&validated).await, world.simulator.fills());
    world.assert_exact().await;
}

#[tokio::test]
async fn windows_are_not_right_because_another_level_told_already_what_is_wrong() {
    let mut world = World::loaded("damage_told", seeded(6, 3_000, 20)).await;
    world.run("DELETE FROM data WHERE side = 'BUY'").await;
    world.validation.config.spot = Spot::All;
    let levels = [Level::Source, Level::Spot];
    let (_, report) = world.validate(&levels).await;
    let windows = report.checks.iter().find(|check| check.name == "windows");
    let windows = windows.unwrap();
    let lost = world.simulator.fills() - world.number("SELECT count() FROM data").await;
    assert!(
        lost > 0 && windows.verdict.name() == "differs",
        "{report:#?}"
    );
    assert_eq!(*windows.figures.get("fills_that_differ").unwrap(), lost);
}

/// The sorting key cannot be updated, so the row comes anew and the old one goes.
fn replaced(columns: &str) -> String {
    format!("INSERT INTO data SELECT * REPLACE ({columns}) FROM (SELECT * FROM data WHERE ONE)")
}

#[tokio::test]
async fn a_swapped_wallet_of_a_crossing_order_is_found() {
    let statement = replaced(&format!("{OTHER_WALLET} AS maker"));
    let damaged = damaged_where("damage_taker_wallet", TAKER_ORDER, &statement).await;
    let keep = format!("DELETE FROM data WHERE maker != {OTHER_WALLET} AND {ONE}")
        .replace("ORDER BY", &format!("WHERE {TAKER_ORDER} ORDER BY"));
    damaged.world.run(&keep).await;
    damaged
        .assert_found_and_repaired(Kind::WrongField, &LEVELS)
        .await;
}

#[tokio::test]
async fn a_swapped_wallet_of_a_resting_order_is_found_by_reading_all() {
    let resting = format!("NOT {TAKER_ORDER}");
    let statement = replaced(&format!("{OTHER_WALLET} AS maker"));
    let damaged = damaged_where("damage_maker_wallet", &resting, &statement).await;
    let keep = format!("DELETE FROM data WHERE maker != {OTHER_WALLET} AND {ONE}")
        .replace("ORDER BY", &format!("WHERE {resting} ORDER BY"));
    damaged.world.run(&keep).await;
    damaged.assert_found_by_reading_all(Kind::WrongField).await;
}

#[tokio::test]
async fn a_fee_that_is_wrong_is_found_by_reading_all() {
    let statement = format!("ALTER TABLE data UPDATE fee = fee + 1 WHERE ONE {UPDATE}");
    let damaged = damaged("damage_fee", &statement).await;
    damaged.assert_found_by_reading_all(Kind::WrongField).await;
}

#[tokio::test]
async fn a_swapped_counterparty_is_found() {
    let resting = format!("NOT {TAKER_ORDER}");
    let statement = format!("ALTER TABLE data UPDATE taker = {OTHER_WALLET} WHERE ONE {UPDATE}");
    let damaged = damaged_where("damage_counterparty", &resting, &statement).await;
    damaged
        .assert_found_and_repaired(Kind::WrongField, &LEVELS)
        .await;
}

#[tokio::test]
async fn a_condition_that_the_catalogue_does_not_know_is_found() {
    let world = World::loaded("damage_condition", seeded(9, 3_000, 20)).await;
    let names = world.validation.table.names();
    let forget = format!(
        "ALTER TABLE {} DELETE WHERE token_id = (SELECT token_id FROM data LIMIT 1) {UPDATE}",
        names.markets_data()
    );
    world.run(&forget).await;
    world
        .run(&format!("SYSTEM RELOAD DICTIONARY {}", names.dictionary()))
        .await;
    let (validated, report) = world.validate(&LEVELS).await;
    let kinds: Vec<Kind> = report.findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [Kind::UnknownCondition], "{report:#?}");
    let plan = Plan::new(&validated, &world.validation.coverage, true);
    assert!(plan.is_empty(), "{plan:#?}");
}

#[tokio::test]
async fn a_shifted_timestamp_is_found() {
    let statement = replaced("timestamp + 100000 AS timestamp");
    let damaged = damaged("damage_time", &statement).await;
    let second = damaged.second;
    damaged
        .world
        .run(&format!(
            "DELETE FROM data WHERE timestamp = toDateTime({second}) AND {ONE}"
        ))
        .await;
    damaged
        .assert_found_and_repaired(Kind::WrongField, &LEVELS)
        .await;
}

#[tokio::test]
async fn a_row_that_is_there_right_and_wrong_is_found() {
    let statement = replaced("timestamp + 100000 AS timestamp");
    let damaged = damaged("damage_both", &statement).await;
    let (validated, _) = damaged.world.validate(&LEVELS).await;
    let plan = Plan::new(&validated, &damaged.world.validation.coverage, false);
    assert_eq!((plan.rows_left, plan.is_empty()), (1, true));
    let mut world = damaged.world;
    assert_eq!(world.repair(&validated).await, 1);
    world.assert_exact().await;
}

#[tokio::test]
async fn an_orphan_token_is_found_and_kept_in_the_quarantine() {
    let statement = replaced("toUInt256(77) AS token_id, reverse(order_hash) AS order_hash");
    let mut damaged = damaged("damage_orphan", &statement).await;
    damaged.token = "77".to_owned();
    let quarantine = damaged.world.validation.table.names().quarantine();
    let table = damaged.world.validation.table.clone();
    damaged
        .assert_found_and_repaired(Kind::TokenWithoutBook, &LEVELS)
        .await;
    let sql = format!("SELECT toString(token_id), reason FROM {quarantine}");
    let kept: Vec<(String, String)> = table.rows(&sql).await.unwrap();
    assert_eq!(kept, [("77".to_owned(), "not at the source".to_owned())]);
}

#[tokio::test]
async fn a_row_of_no_token_is_one_wrong_row_and_no_reason_to_read_everything() {
    let statement = format!("ALTER TABLE data UPDATE token_id = 0 WHERE ONE {UPDATE}");
    let damaged = damaged("damage_no_token", &statement).await;
    let (_, report) = damaged.world.validate(&[Level::Source]).await;
    let missing: u64 = report
        .findings
        .iter()
        .filter(|finding| finding.kind == Kind::MissingRows)
        .map(|finding| finding.expected.as_u64().unwrap())
        .sum();
    assert_eq!(missing, 0, "{report:#?}");
    damaged
        .assert_found_and_repaired(Kind::WrongField, &LEVELS)
        .await;
}

#[tokio::test]
async fn thousands_of_rows_that_the_source_does_not_have_are_taken_out() {
    let mut world = World::loaded("damage_many_extra", seeded(8, 6_000, 20)).await;
    world.validation.config.chunk_rows = 100;
    world
        .run(
            "INSERT INTO data SELECT * REPLACE (toUInt256(77) AS token_id, \
               reverse(order_hash) AS order_hash) FROM (SELECT * FROM data LIMIT 3000)",
        )
        .await;
    let (validated, _) = world.validate(&LEVELS).await;
    assert_eq!(world.repair(&validated).await, 3000);
    world.assert_exact().await;
}

#[tokio::test]
async fn rows_that_the_source_does_not_have_stay_unless_that_is_asked_for() {
    let statement = replaced("reverse(order_hash) AS order_hash");
    let damaged = damaged("damage_stays", &statement).await;
    let world = damaged.world;
    let (validated, _) = world.validate(&LEVELS).await;
    let plan = Plan::new(&validated, &world.validation.coverage, false);
    assert_eq!(plan.rows_left, 1);
    assert_eq!(world.validation.repair(&plan).await.unwrap(), 0);
    assert_eq!(
        world.number("SELECT count() FROM data").await,
        world.simulator.fills() + 1
    );
}

#[tokio::test]
async fn a_doubled_row_of_a_part_of_the_archive_is_taken_out() {
    let mut world = World::empty("damage_part_double", seeded(5, 6_000, 20)).await;
    let whole = world.validation.coverage.span;
    let span = Span::new(whole.from, whole.from + 10 * 86_400);
    let promise = world.load(span, None).await;
    world.validation.coverage.span = span;
    world.validation.coverage.is_whole_archive = false;
    world.validation.coverage.promise = Some(promise);
    world
        .run(&format!("INSERT INTO data SELECT * FROM data WHERE {ONE}"))
        .await;
    let (validated, report) = world.validate(&LEVELS).await;
    assert_eq!(report.verdict, Verdict::Differs);
    assert_eq!(
        world.repair(&validated).await,
        3,
        "two copies went and one came"
    );
    let (_, report) = world.validate(&LEVELS).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report:#?}");
}

#[tokio::test]
async fn a_part_of_the_archive_misses_what_its_checkpoint_promises() {
    let mut world = World::empty("damage_part", seeded(5, 6_000, 20)).await;
    let whole = world.validation.coverage.span;
    let span = Span::new(whole.from, whole.from + 10 * 86_400);
    let promise = world.load(span, None).await;
    world.validation.coverage.span = span;
    world.validation.coverage.is_whole_archive = false;
    world.validation.coverage.promise = Some(promise);
    world.run(&format!("DELETE FROM data WHERE {ONE}")).await;
    let (_, report) = world.validate(&LEVELS).await;
    let kinds: Vec<Kind> = report.findings.iter().map(|finding| finding.kind).collect();
    assert!(kinds.contains(&Kind::PromiseBroken), "{report:#?}");
}

#[tokio::test]
async fn more_than_can_be_looked_at_is_repaired_by_window() {
    let lost = "DELETE FROM data WHERE toDate(timestamp) IN \
                (SELECT DISTINCT toDate(timestamp) + n FROM data ARRAY JOIN range(5) AS n WHERE ONE)";
    let mut world = damaged("damage_days_beyond", lost).await.world;
    world.validation.config.most_differences = 100;
    world.validation.config.chunk_rows = 50;
    let (mut validated, report) = world.validate(&LEVELS).await;
    assert!(validated.is_cut());
    let of_all = report
        .findings
        .iter()
        .filter(|found| found.token_id.is_none());
    let holes: Vec<Span> = of_all.filter_map(|found| found.span()).collect();
    assert_eq!(holes.len(), 1, "{report:#?}");
    assert!(holes[0].seconds() > 2 * 86_400, "{holes:?}");
    world.repair(&validated).await;
    (validated, _) = world.validate(&LEVELS).await;
    assert!(!validated.is_cut());
    world.assert_exact().await;
}

#[tokio::test]
async fn rows_too_many_to_hold_are_compared_in_parts() {
    let world = World::loaded("damage_strangers", seeded(4, 2_000, 20)).await;
    let strangers = "INSERT INTO data (tx_hash, order_hash, maker, taker, token_id, side, shares, \
                     usdc, fee, timestamp) SELECT unhex(lower(hex(SHA256(toString(number))))), \
                     order_hash, maker, taker, token_id, side, shares, usdc, fee, \
                     timestamp + toIntervalSecond(number % 4000) \
                     FROM (SELECT * FROM data LIMIT 1) AS one CROSS JOIN numbers(3000) AS n";
    world.run(strangers).await;
    let mut world = world;
    world.validation.config.chunk_rows = 50;
    let (validated, report) = world.validate(&LEVELS).await;
    assert_eq!(report.verdict, Verdict::Differs);
    assert!(!validated.is_cut());
    assert_eq!(world.repair(&validated).await, 3000);
    world.assert_exact().await;
}
