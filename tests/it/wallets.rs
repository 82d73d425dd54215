//! `validate --wallet` and `--sample`: the table against Polymarket's own API.

use std::path::Path;
use std::process::Command;

use fills::Address;
use goldsky_simulator::{Config, DataApi, Simulator, Text};
use serde_json::{Value, json};

use crate::harness::*;
use crate::witness::{real_data, start_source};

/// The real fills in the table, and the real API's rows beside them.
struct Loaded {
    directory: tempfile::TempDir,
    source: Source,
}

fn loaded() -> Option<Loaded> {
    let real = real_data()?;
    let directory = tempfile::tempdir().unwrap();
    let source = start_source(directory.path(), &real);
    let run = Running::start(ingest(directory.path(), &source, &[])).end();
    assert_eq!(run.expect(0).json()["fills_total"], 1_852);
    Some(Loaded { directory, source })
}

impl Loaded {
    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn command(&self, data_api: &str, arguments: &[&str]) -> Command {
        let mut command = command("validate", self.path());
        command
            .args(["--endpoint", &self.source.endpoint])
            .args(["--data-api", data_api])
            .args(arguments);
        command
    }

    /// Validates by a data API, and returns the report.
    #[track_caller]
    fn validate_by(&self, data_api: &str, arguments: &[&str], code: i32) -> Value {
        let mut command = self.command(data_api, arguments);
        command.args(["--output", "json"]);
        Running::start(command).end().expect(code).json()
    }

    #[track_caller]
    fn validate(&self, arguments: &[&str], code: i32) -> Value {
        self.validate_by(&self.source.url("/data-api"), arguments, code)
    }

    /// Returns a row of the wallet with the most fills: its token, second, transaction and USDC.
    async fn row_of(&self, wallet: &str) -> [String; 4] {
        let engine = Engine::start(self.path());
        let sql = format!(
            "SELECT toString(token_id), toUInt32(timestamp), lower(hex(tx_hash)), toString(usdc) \
             FROM clob_fills_v2_data WHERE concat('0x', lower(hex(maker))) = '{wallet}' \
             ORDER BY cityHash64(tx_hash) LIMIT 1"
        );
        let row = engine.text(&sql).await;
        let fields: Vec<String> = row.split('\t').map(str::to_owned).collect();
        fields.try_into().unwrap()
    }

    async fn run(&self, statement: &str) {
        Engine::start(self.path()).text(statement).await;
    }
}

fn checks(report: &Value) -> &[Value] {
    report["checks"].as_array().unwrap()
}

/// Sums a figure of all wallets up.
fn sum(report: &Value, figure: &str) -> u64 {
    let figures = checks(report).iter().map(|check| &check["figures"][figure]);
    figures.map(|value| value.as_u64().unwrap()).sum()
}

/// Returns the name of the largest wallet.
fn largest(report: &Value) -> String {
    checks(report)[0]["name"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn both_real_wallets_match_in_every_transaction() {
    let Some(loaded) = loaded() else { return };
    let report = loaded.validate(&["--level", "wallet", "--sample", "10"], 0);
    assert_eq!(report["verdict"], "ok", "{report:#}");
    assert_eq!(report["findings"], json!([]));
    assert_eq!(checks(&report).len(), 2);
    assert!(
        checks(&report)
            .iter()
            .all(|check| check["verdict"] == "ok"
                && check["figures"]["shown_basis_points"] == 10_000)
    );
    assert_eq!(sum(&report, "fills"), 1_852);
    assert_eq!(sum(&report, "trades_compared"), 1_852);
    assert_eq!(sum(&report, "trades_that_differ"), 0);
    let engine = Engine::start(loaded.path());
    let transactions = engine
        .text("SELECT uniqExact(maker, tx_hash) FROM clob_fills_v2_data")
        .await;
    assert_eq!(
        sum(&report, "transactions_compared").to_string(),
        transactions
    );
}

#[tokio::test]
async fn people_see_each_wallet_as_its_page_shows_it() {
    let Some(loaded) = loaded() else { return };
    let report = loaded.validate(&["--sample", "10"], 0);
    assert!(
        checks(&report)
            .iter()
            .any(|check| check["level"] == "source")
    );
    let url = loaded.source.url("/data-api");
    let wallets = ["--level", "wallet", "--output", "human"];
    let ended = Running::start(loaded.command(&url, &wallets))
        .end()
        .expect(0);
    let of_wallets = checks(&report)
        .iter()
        .filter(|check| check["level"] == "wallet");
    for check in of_wallets {
        let name = check["name"].as_str().unwrap();
        let mut lines = ended.stdout.lines();
        let row = lines
            .find(|line| line.trim_start().starts_with(name))
            .unwrap();
        let words: Vec<&str> = row.split_whitespace().collect();
        let fills = check["figures"]["fills"].to_string();
        assert_eq!(words[1].replace(',', ""), fills, "{row}");
        let usdc = words[2].replace([',', '.'], "");
        assert_eq!(
            usdc.trim_start_matches('0'),
            check["figures"]["usdc"],
            "{row}"
        );
        assert!(words[3].ends_with('Z') && words[4].ends_with('Z'), "{row}");
        assert_eq!(words[5..], ["ok", "all"], "{row}");
    }
}

/// Damages a row of the larger wallet; returns what is told of it, and the row.
async fn damaged(damage: &str) -> Option<(Vec<Value>, [String; 4])> {
    let loaded = loaded()?;
    let wallet = largest(&loaded.validate(&["--level", "wallet", "--sample", "1"], 0));
    let row = loaded.row_of(&wallet).await;
    let [token, _, transaction, _] = &row;
    let statement = format!(
        "ALTER TABLE clob_fills_v2_data {damage} WHERE tx_hash = unhex('{transaction}') \
         AND token_id = toUInt256('{token}') AND concat('0x', lower(hex(maker))) = '{wallet}' \
         SETTINGS mutations_sync = 2"
    );
    loaded.run(&statement).await;
    let only = ["--level", "wallet", "--wallet", &wallet];
    let report = loaded.validate(&only, 65);
    assert_eq!(report["verdict"], "differs");
    assert_eq!(checks(&report)[0]["verdict"], "differs");
    let findings = report["findings"].as_array().unwrap();
    let of_wallet = findings
        .iter()
        .filter(|finding| finding["level"] == "wallet");
    let told: Vec<Value> = of_wallet.cloned().collect();
    for finding in &told {
        assert_eq!(finding["check"], wallet);
        assert_eq!(finding["token_id"], *token);
        let (from, to) = (
            finding["from"].as_u64().unwrap(),
            finding["to"].as_u64().unwrap(),
        );
        assert_eq!((from.to_string(), to), (row[1].clone(), from + 1));
        assert!(
            finding["about"].as_str().unwrap().contains(transaction),
            "{finding}"
        );
    }
    let repaired = loaded.validate(&[&only[..], &["--repair"]].concat(), 0);
    assert_eq!(repaired["verdict"], "ok", "{repaired:#}");
    assert!(repaired["repaired"].as_u64().unwrap() > 0);
    Some((told, row))
}

#[tokio::test]
async fn an_amount_off_by_one_millionth_is_named_and_repaired() {
    let Some((told, [.., usdc])) = damaged("UPDATE usdc = usdc + 1").await else {
        return;
    };
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0]["kind"], "trade-differs");
    assert_eq!(told[0]["expected"], json!({ "usdc": usdc }));
    let one_more = usdc.parse::<u128>().unwrap() + 1;
    assert_eq!(told[0]["found"], json!({ "usdc": one_more.to_string() }));
}

#[tokio::test]
async fn a_flipped_side_is_named_on_both_sides_and_repaired() {
    let flip = "UPDATE side = if(side = 'BUY', 'SELL', 'BUY')";
    let Some((told, _)) = damaged(flip).await else {
        return;
    };
    let mut kinds: Vec<&str> = told
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["extra-trade", "missing-trade"]);
}

#[tokio::test]
async fn a_deleted_row_is_named_and_repaired() {
    let Some((told, [.., usdc])) = damaged("DELETE").await else {
        return;
    };
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0]["kind"], "missing-trade");
    assert_eq!(told[0]["expected"]["usdc"], usdc);
    assert_eq!(told[0]["found"], Value::Null);
}

// The API answers in this process, whose test thread waits for commands.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_cap_of_the_api_hides_is_said() {
    let Some(loaded) = loaded() else { return };
    let rows = real_data().unwrap().join("data_api_activity.jsonl");
    let capped = Simulator::start(Config {
        data_api: DataApi {
            rows: Some(Text::File(rows)),
            most_rows: 10,
            most_activity_offset: 0,
            ..DataApi::default()
        },
        ..Config::default()
    });
    let capped = capped.await.unwrap();
    let url = capped.data_api_url();
    let wallets = ["--level", "wallet", "--sample", "10"];
    let report = loaded.validate_by(&url, &wallets, 0);
    let hidden = sum(&report, "trades_not_shown");
    assert!(hidden > 0, "{report:#}");
    assert_eq!(sum(&report, "trades_compared") + hidden, 1_852);
    let human = loaded.command(&url, &[&wallets[..], &["--output", "human"]].concat());
    let said = Running::start(human).end().expect(0).stdout;
    assert!(
        said.contains(" %\n") && said.contains("pages end before"),
        "{said}"
    );
}

#[tokio::test]
async fn a_data_api_that_is_not_there_is_69_where_wallets_are_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "500"]);
    Running::start(ingest(directory.path(), &source, &[]))
        .end()
        .expect(0);
    let validate = |arguments: &[&str]| {
        let mut command = command("validate", directory.path());
        command
            .args(["--endpoint", &source.endpoint])
            .args(["--data-api", "http://127.0.0.1:9"])
            .args(["--source-patience-seconds", "1"])
            .args(arguments);
        if !arguments.contains(&"--output") {
            command.args(["--output", "json"]);
        }
        Running::start(command).end()
    };
    let wallet = Address([7; 20]).to_string();
    let ended = validate(&["--level", "wallet", "--wallet", &wallet]).expect(69);
    assert!(ended.stderr.contains("--data-api"), "{}", ended.stderr);
    assert_eq!(ended.json()["verdict"], "incomplete");
    // What the other levels found is there, on standard output and in the files.
    let files = ["--report", "report.html", "--junit", "report.xml"];
    let sampled = [&["--sample", "2", "--repair", "--dry-run"], &files[..]].concat();
    let report = validate(&sampled).expect(69).json();
    assert_eq!(report["verdict"], "incomplete");
    assert_eq!(report["incomplete_levels"], json!(["wallet"]));
    assert_eq!(report["plan"]["loads"], json!([]));
    let totals = |check: &&Value| check["name"] == "totals by token";
    assert_eq!(
        checks(&report).iter().find(totals).unwrap()["verdict"],
        "ok"
    );
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
    assert!(read("report.html").contains(report["summary"].as_str().unwrap()));
    assert_eq!(read("report.xml").matches("<error ").count(), 1);
    let people = validate(&["--sample", "2", "--output", "human"]).expect(69);
    assert!(
        people.stdout.starts_with("incomplete: "),
        "{}",
        people.stdout
    );
    validate(&[]).expect(0);
}

#[tokio::test]
async fn a_wallet_that_is_none_is_wrong_usage() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = command("validate", directory.path());
    command.args(["--wallet", "0x12"]);
    let ended = Running::start(command).end().expect(2);
    assert!(ended.stderr.contains("40 hex digits"), "{}", ended.stderr);
}
