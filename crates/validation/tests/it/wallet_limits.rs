//! What of a wallet is not compared, and that it is said.

use fills::Address;
use goldsky_simulator::{DataApi as Caps, Text};
use serde_json::json;
use validation::{CheckVerdict, Error, Kind, Level, Report, Verdict, Wallets};

use crate::fixture::World;
use crate::wallet_fixture::*;

#[tokio::test]
async fn a_large_wallet_is_compared_to_a_second_that_is_said() {
    let mut world = loaded("wallets_large").await;
    let wallet = largest(&world).await;
    let wallets = Wallets {
        most_trades: 5,
        ..named(wallet)
    };
    let report = validated(&mut world, wallets.clone()).await;
    let check = &report.checks[0];
    assert_eq!(check.verdict.name(), "ok", "{report:#?}");
    let compared = number(check, "trades_compared");
    assert!(
        (5..number(check, "fills")).contains(&compared),
        "{check:#?}"
    );
    let end = number(check, "compared_to");
    assert!(note(check).contains(&end.to_string()), "{check:#?}");

    // What lies behind that second is not looked at, and what lies before is.
    let of_wallet = format!("maker = unhex('{}')", &wallet.to_string()[2..]);
    world
        .run(&format!(
            "DELETE FROM data WHERE {of_wallet} AND timestamp >= toDateTime({end})"
        ))
        .await;
    assert_eq!(
        validated(&mut world, wallets.clone()).await.verdict,
        Verdict::Ok
    );
    world
        .run(&format!(
            "DELETE FROM data WHERE {of_wallet} AND timestamp < toDateTime({end})"
        ))
        .await;
    let report = validated(&mut world, wallets).await;
    let missing = report
        .findings
        .iter()
        .filter(|finding| finding.kind == Kind::MissingTrade);
    assert_eq!(missing.count() as u64, compared);
}

#[tokio::test]
async fn what_the_api_hides_is_said_and_not_compared() {
    let caps = Caps {
        most_rows: 1,
        most_activity_offset: 0,
        ..Caps::default()
    };
    let (mut world, _api) = loaded_with("wallets_hidden", caps).await;
    // A page of one row shows no second whole: whether there are more rows is behind the cap.
    let report = validated(&mut world, sample(1)).await;
    let check = &report.checks[0];
    assert_eq!(check.verdict.name(), "not run", "{report:#?}");
    assert!(number(check, "trades_not_shown") > 0);
    assert_eq!(number(check, "shown_basis_points"), 0);
    assert!(
        note(check).contains("nothing of those was compared"),
        "{check:#?}"
    );
    assert!(
        report.summary.contains("1 could not be made"),
        "{}",
        report.summary
    );
    assert_eq!(report.verdict, Verdict::Incomplete);
}

#[tokio::test]
async fn without_a_data_api_or_a_wallet_the_level_says_that_it_did_not_run() {
    let mut world = loaded("wallets_none").await;
    world.run("TRUNCATE TABLE data").await;
    let why = |report: Report| {
        let [check] = &report.checks[..] else {
            panic!("{report:#?}");
        };
        assert_eq!(report.verdict, Verdict::Incomplete);
        assert_eq!(report.incomplete_levels, [Level::Wallet]);
        serde_json::to_value(check).unwrap()["why"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        why(validated(&mut world, sample(3)).await),
        "the table has no wallet"
    );
    world.validation.data_api = None;
    assert_eq!(
        why(validated(&mut world, sample(3)).await),
        "no data API is given"
    );
}

async fn why_not_run(world: &mut World) -> String {
    let report = validated(world, sample(3)).await;
    assert_eq!(report.checks[0].verdict.name(), "not run", "{report:#?}");
    let written = serde_json::to_value(&report.checks[0]).unwrap();
    written["why"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_table_without_exact_amounts_says_what_is_missing() {
    let mut world = loaded("wallets_original").await;
    let table = world.validation.table.clone();
    let (view, data) = (table.names().fills(), table.names().data());
    let original = "(fill_id String, proxy_wallet String, asset_id String, side \
                    LowCardinality(String), price Float64, size Float64, timestamp DateTime, \
                    tx_hash String) ENGINE = MergeTree ORDER BY (proxy_wallet, timestamp, fill_id)";
    table.run(&format!("DROP VIEW {view}")).await.unwrap();
    table.run(&format!("DROP TABLE {data}")).await.unwrap();
    table
        .run(&format!("CREATE TABLE {view} {original}"))
        .await
        .unwrap();
    let why = why_not_run(&mut world).await;
    assert!(
        why.ends_with(&format!("there is no table {data} with them")),
        "{why}"
    );

    table
        .run(&format!("CREATE TABLE {data} {original}"))
        .await
        .unwrap();
    let why = why_not_run(&mut world).await;
    assert!(
        why.ends_with("has no column maker, token_id, shares, usdc"),
        "{why}"
    );
}

#[tokio::test]
async fn an_api_that_is_not_there_leaves_the_other_levels() {
    let mut world = loaded("wallets_down").await;
    world.validation.data_api = Some(data_api("http://127.0.0.1:9/data-api"));
    world.validation.config.wallets = sample(2);
    let levels = [Level::Counts, Level::Wallet, Level::Spot];
    let (validated, report) = world.try_levels(&levels).await;
    assert!(
        matches!(validated.failure, Some(Error::Witness { .. })),
        "{:?}",
        validated.failure
    );
    assert_eq!(report.verdict, Verdict::Incomplete, "{report:#?}");
    assert_eq!(report.incomplete_levels, [Level::Wallet]);
    let verdict = |level| {
        let mut of_level = report.checks.iter().filter(|check| check.level == level);
        of_level.next_back().unwrap().verdict.clone()
    };
    assert_eq!(verdict(Level::Counts).name(), "ok");
    assert_eq!(verdict(Level::Spot).name(), "ok");
    let CheckVerdict::NotRun { why } = verdict(Level::Wallet) else {
        panic!("{report:#?}");
    };
    assert!(why.contains("the data API does not tell"), "{why}");
}

#[tokio::test]
async fn a_row_that_does_not_read_spoils_its_wallet_alone() {
    let wallet = Address([0xaa; 20]);
    let row = json!({
        "proxyWallet": wallet, "side": "SELL", "asset": "7", "conditionId": "0x00",
        "timestamp": 1_704_100_000, "transactionHash": format!("0x{:064x}", 5),
        "size": 2.5, "usdcSize": 0.000_000_1,
    });
    let caps = Caps {
        rows: Some(Text::Inline(row.to_string())),
        ..Caps::default()
    };
    let (mut world, _api) = loaded_with("wallets_unread", caps).await;
    let wallets = Wallets {
        named: vec![wallet, Address([0xbb; 20])],
        sample: 0,
        ..Wallets::default()
    };
    let report = validated(&mut world, wallets).await;
    assert_eq!(report.verdict, Verdict::Incomplete);
    let verdicts = report.checks.iter().map(|check| check.verdict.name());
    assert_eq!(
        verdicts.collect::<Vec<_>>(),
        ["not run", "ok"],
        "{report:#?}"
    );
    let written = serde_json::to_value(&report.checks[0]).unwrap();
    assert!(
        written["why"].as_str().unwrap().contains("usdcSize"),
        "{written}"
    );
}
