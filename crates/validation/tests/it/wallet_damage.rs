//! Damage that a wallet's own account by the data API shows.

use fills::Address;
use goldsky_simulator::{Config as SimulatorConfig, Data, DataApi as Caps, Simulator, Text};
use serde_json::{Value, json};
use validation::{Finding, Kind, Level, Report, Validated, Verdict, Wallets};

use crate::fixture::{LEVELS, World, seeded};
use crate::wallet_fixture::data_api;

/// The row that is damaged is a resting order, about which counters and transactions say least, and
/// all that its wallet did in its transaction.
const ONE: &str = "(tx_hash, order_hash) = (SELECT tx_hash, order_hash FROM data WHERE \
                   taker NOT IN (unhex('4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e'), \
                   unhex('c5d563a36ae78145c45a50134d48a1215220f80a')) \
                   AND (tx_hash, maker) IN (SELECT tx_hash, maker FROM data \
                   GROUP BY tx_hash, maker HAVING count() = 1) \
                   ORDER BY cityHash64(tx_hash, order_hash) LIMIT 1)";

const OTHER: Address = Address([0xee; 20]);

/// A load, and one of its rows.
struct Loaded {
    world: World,
    wallet: Address,
    token: String,
    second: u64,
    transaction: String,
    usdc: u128,
}

async fn loaded(database: &str) -> Loaded {
    let mut world = World::loaded(database, seeded(8, 4_000, 20)).await;
    world.validation.data_api = Some(data_api(&world.simulator.data_api_url()));
    let table = world.validation.table.clone();
    let sql = format!(
        "SELECT concat('0x', lower(hex(maker))), toString(token_id), \
         toUInt64(toUInt32(timestamp)), concat('0x', lower(hex(tx_hash))), usdc FROM data WHERE {ONE}"
    )
    .replace(" data", &format!(" {}", table.names().data()));
    let row: (String, String, u64, String, u128) = table.row(&sql).await.unwrap();
    let (wallet, token, second, transaction, usdc) = row;
    let wallet: Address = wallet.parse().unwrap();
    world.validation.config.wallets = Wallets {
        named: vec![wallet, OTHER],
        sample: 0,
        ..Wallets::default()
    };
    Loaded {
        world,
        wallet,
        token,
        second,
        transaction,
        usdc,
    }
}

impl Loaded {
    async fn validated(&self) -> (Validated, Report) {
        self.world.validate(&[Level::Wallet]).await
    }

    /// Returns what is told of a wallet, which must be about the row.
    fn told<'r>(&self, report: &'r Report, wallet: Address) -> Vec<&'r Finding> {
        let name = wallet.to_string();
        let of_wallet = report
            .findings
            .iter()
            .filter(|finding| finding.check == name);
        let told: Vec<_> = of_wallet.collect();
        for finding in &told {
            let token = finding.token_id.map(|token| token.to_string());
            assert_eq!(token.as_deref(), Some(self.token.as_str()));
            assert_eq!(
                (finding.from, finding.to),
                (Some(self.second), Some(self.second + 1))
            );
            assert!(finding.about.contains(&self.transaction), "{finding:#?}");
            assert_eq!(finding.repair.as_deref(), Some("validate --repair"));
        }
        told
    }

    async fn assert_repaired(mut self, validated: &Validated) {
        assert!(self.world.repair(validated).await > 0);
        let (_, report) = self.validated().await;
        assert_eq!(report.verdict, Verdict::Ok, "{report:#?}");
        self.world.assert_exact().await;
    }
}

fn kinds(findings: &[&Finding]) -> Vec<Kind> {
    findings.iter().map(|finding| finding.kind).collect()
}

#[tokio::test]
async fn a_lost_row_is_a_missing_trade() {
    let loaded = loaded("wallet_damage_lost").await;
    loaded
        .world
        .run(&format!("DELETE FROM data WHERE {ONE}"))
        .await;
    let (validated, report) = loaded.validated().await;
    let told = loaded.told(&report, loaded.wallet);
    assert_eq!(kinds(&told), [Kind::MissingTrade], "{report:#?}");
    assert_eq!(told[0].expected["usdc"], loaded.usdc.to_string());
    assert_eq!(told[0].found, Value::Null);
    loaded.assert_repaired(&validated).await;
}

#[tokio::test]
async fn an_amount_off_by_one_millionth_is_a_trade_that_differs_by_it() {
    let loaded = loaded("wallet_damage_usdc").await;
    let sql =
        format!("ALTER TABLE data UPDATE usdc = usdc + 1 WHERE {ONE} SETTINGS mutations_sync = 2");
    loaded.world.run(&sql).await;
    let (validated, report) = loaded.validated().await;
    let told = loaded.told(&report, loaded.wallet);
    assert_eq!(kinds(&told), [Kind::TradeDiffers], "{report:#?}");
    let (right, wrong) = (loaded.usdc.to_string(), (loaded.usdc + 1).to_string());
    assert_eq!(told[0].expected, json!({ "usdc": right }));
    assert_eq!(told[0].found, json!({ "usdc": wrong }));
    loaded.assert_repaired(&validated).await;
}

#[tokio::test]
async fn a_doubled_row_is_a_trade_that_differs() {
    let loaded = loaded("wallet_damage_double").await;
    let sql = format!("INSERT INTO data SELECT * FROM data WHERE {ONE}");
    loaded.world.run(&sql).await;
    let (validated, report) = loaded.validated().await;
    let told = loaded.told(&report, loaded.wallet);
    assert_eq!(kinds(&told), [Kind::TradeDiffers], "{report:#?}");
    assert_eq!(told[0].found["usdc"], (2 * loaded.usdc).to_string());
    loaded.assert_repaired(&validated).await;
}

#[tokio::test]
async fn a_flipped_side_is_missing_on_one_and_extra_on_the_other() {
    let loaded = loaded("wallet_damage_side").await;
    let sql = format!(
        "ALTER TABLE data UPDATE side = if(side = 'BUY', 'SELL', 'BUY') WHERE {ONE} \
         SETTINGS mutations_sync = 2"
    );
    loaded.world.run(&sql).await;
    let (validated, report) = loaded.validated().await;
    let mut kinds = kinds(&loaded.told(&report, loaded.wallet));
    kinds.sort();
    assert_eq!(kinds, [Kind::MissingTrade, Kind::ExtraTrade], "{report:#?}");
    loaded.assert_repaired(&validated).await;
}

#[tokio::test]
async fn a_swapped_wallet_that_no_counter_sees_is_found_on_both() {
    let loaded = loaded("wallet_damage_swapped").await;
    let other = format!("toFixedString(unhex('{}'), 20)", &OTHER.to_string()[2..]);
    // The sorting key cannot be updated, so the row comes anew and the old one goes.
    let anew = format!(
        "INSERT INTO data SELECT * REPLACE ({other} AS maker) FROM (SELECT * FROM data WHERE {ONE})"
    );
    loaded.world.run(&anew).await;
    let gone = format!("DELETE FROM data WHERE maker != {other} AND {ONE}");
    loaded.world.run(&gone).await;
    let (_, counted) = loaded.world.validate(&LEVELS).await;
    assert_eq!(counted.verdict, Verdict::Ok, "{counted:#?}");
    let (validated, report) = loaded.validated().await;
    let kinds_of = |wallet| kinds(&loaded.told(&report, wallet));
    assert_eq!(kinds_of(loaded.wallet), [Kind::MissingTrade], "{report:#?}");
    assert_eq!(kinds_of(OTHER), [Kind::ExtraTrade], "{report:#?}");
    loaded.assert_repaired(&validated).await;
}

#[tokio::test]
async fn where_the_source_agrees_with_the_table_that_is_said() {
    let mut loaded = loaded("wallet_damage_api").await;
    // A data API that knows of no trade at all.
    let config = SimulatorConfig {
        data: Data::Seeded(goldsky_simulator::Seeded::default()),
        data_api: Caps {
            rows: Some(Text::Inline(String::new())),
            ..Caps::default()
        },
        ..SimulatorConfig::default()
    };
    let silent = Simulator::start(config).await.unwrap();
    loaded.world.validation.data_api = Some(data_api(&silent.data_api_url()));
    let (validated, report) = loaded.validated().await;
    assert_eq!(report.verdict, Verdict::Differs);
    let finding = &report.findings[0];
    assert_eq!(
        (finding.kind, finding.repair.as_ref()),
        (Kind::ExtraTrade, None)
    );
    assert!(
        finding.about.ends_with("the source has what the table has"),
        "{finding:#?}"
    );
    assert_eq!(loaded.world.repair(&validated).await, 0);
}
