//! Each check of the doctor, with exactly that broken which it is there for.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use checkpoint_store::{FileStore, Identity};
use serde_json::Value;

use crate::harness::*;
use crate::proxy::{Fate, Proxy};
use crate::refusals::assert_message;

/// A source, a ClickHouse and a directory, in which everything is as it should be.
struct Scene {
    directory: tempfile::TempDir,
    source: Source,
    engine: Engine,
}

impl Scene {
    fn set() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            source: Source::start(directory.path(), &["--fills", "3000", "--markets", "20"]),
            engine: Engine::start(directory.path()),
            directory,
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    /// A doctor of everything as it is here, unless arguments say otherwise.
    fn doctor(&self, arguments: &[&str]) -> Command {
        let with = |flag: &str, value: &str| match arguments.contains(&flag) {
            true => Vec::new(),
            false => vec![flag.to_owned(), value.to_owned()],
        };
        let mut command = command("ingest", self.directory.path());
        command
            .args(["doctor", "--output", "json"])
            .args(with("--endpoint", &self.source.endpoint))
            .args(with("--clickhouse-url", &self.engine.url))
            .args(arguments);
        command
    }

    fn load(&self) {
        let run = ["--clickhouse-url", &self.engine.url];
        Running::start(ingest(self.directory.path(), &self.source, &run))
            .end()
            .expect(0);
    }
}

/// A report, and the code that the doctor ended with.
#[derive(Debug)]
struct Told {
    report: Value,
    code: i32,
}

fn told(doctor: Command) -> Told {
    let ended = Running::start(doctor).end();
    Told {
        report: ended.json(),
        code: ended.code.unwrap(),
    }
}

impl Told {
    fn checks(&self) -> impl Iterator<Item = &Value> {
        self.report["checks"].as_array().unwrap().iter()
    }

    fn named(&self, code: &str) -> &Value {
        let named = self.checks().find(|check| check["code"] == code);
        named.unwrap_or_else(|| panic!("no check {code} in {}", self.report))
    }

    /// Asserts that one check came out like this, that it says what mends it, and that whatever else
    /// could be checked is well.
    #[track_caller]
    fn assert_only(&self, code: &str, state: &str, exit: i32, mend: &str) {
        let check = self.named(code);
        assert_eq!(check["state"], state, "{}", self.report);
        let told = check["mend"].as_str().unwrap();
        assert!(told.contains(mend), "{mend:?} is not in {told}");
        let others = self.checks().filter(|check| check["state"] != "ok");
        assert_eq!(others.count(), 1, "{}", self.report);
        let failed = state == "failed";
        assert_eq!(check["ok"], !failed);
        assert_eq!(self.report["ok"], !failed);
        assert_eq!(self.code, exit);
    }
}

fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// A proxy that answers statements that contain a text with bytes of its own.
async fn answering(engine: &Engine, asked: &'static str, answer: String) -> Proxy {
    Proxy::start(&engine.url, move |request| {
        match request.sql.contains(asked) {
            true => Fate::Answer(200, answer.clone()),
            false => Fate::Pass,
        }
    })
    .await
}

/// Writes a row as `RowBinaryWithNamesAndTypes`, of names, types and values shorter than 128 bytes.
fn row(columns: &[(&str, &str)], values: &[&str]) -> String {
    let text = |text: &str| format!("{}{text}", text.len() as u8 as char);
    let names = columns.iter().map(|(name, _)| text(name));
    let types = columns.iter().map(|(_, kind)| text(kind));
    let count = (columns.len() as u8 as char).to_string();
    let head = std::iter::once(count).chain(names).chain(types);
    head.chain(values.iter().map(|value| (*value).to_owned()))
        .collect()
}

#[tokio::test]
async fn where_all_is_well_every_check_says_so_before_and_after_a_run() {
    let scene = Scene::set();
    let before = told(scene.doctor(&[]));
    scene.load();
    let after = told(scene.doctor(&[]));
    for told in [&before, &after] {
        assert_eq!(told.code, 0, "{}", told.report);
        assert_eq!(told.report["ok"], true);
        assert_eq!(told.report["not_checked"], serde_json::json!([]));
        for check in told.checks() {
            assert_eq!(check["state"], "ok", "{check}");
            assert!(!check["seen"].as_str().unwrap().is_empty(), "{check}");
        }
    }
    let seen = |code| after.named(code)["seen"].as_str().unwrap().to_owned();
    assert!(seen("checkpoint_promise").starts_with("3,000 of 3,000"));
    assert!(seen("checkpoint_state").starts_with("100.0 %"));
    assert!(seen("source_head").contains("2026-04-28T11:00:40Z"));
    assert!(seen("clickhouse_version").contains("26.7"));

    // The engine in the doctor's own process has one check more.
    let mut embedded = command("ingest", scene.directory.path());
    embedded
        .args(["doctor", "--output", "json", "--data-dir", "own"])
        .args(["--endpoint", &scene.source.endpoint]);
    let embedded = told(embedded);
    assert_eq!(embedded.code, 0, "{}", embedded.report);
    assert_eq!(embedded.checks().count(), before.checks().count() + 1);

    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/DOCTOR.md");
    let document = std::fs::read_to_string(document).unwrap();
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut documented: Vec<&str> = rows.map(|row| row.split('`').next().unwrap()).collect();
    let made = embedded
        .checks()
        .map(|check| check["code"].as_str().unwrap());
    let mut made: Vec<&str> = made.collect();
    documented.sort_unstable();
    made.sort_unstable();
    assert_eq!(documented, made);
}

#[tokio::test]
async fn a_place_that_cannot_be_written() {
    let scene = Scene::set();
    std::fs::write(scene.path("file"), "in the way").unwrap();
    let doctor = scene.doctor(&["--checkpoint", "file/progress"]);
    told(doctor).assert_only("data_dir", "failed", 1, "--checkpoint");
}

#[tokio::test]
async fn too_few_open_files() {
    let scene = Scene::set();
    let limited = |command: &Command| {
        let mut shell = Command::new("sh");
        shell
            .current_dir(command.get_current_dir().unwrap())
            .args(["-c", "ulimit -n 100 && exec \"$0\" \"$@\""])
            .arg(command.get_program())
            .args(command.get_args());
        shell
    };
    let doctor = limited(&scene.doctor(&[]));
    told(doctor).assert_only("open_files", "failed", 2, "ulimit -n 192");
    // A run refuses for the same reason, and names it.
    let run = ["--clickhouse-url", &scene.engine.url];
    let run = limited(&ingest(scene.directory.path(), &scene.source, &run));
    let ended = Running::start(run).end();
    assert_message(&ended, 2, &["the check open_files failed", "ulimit -n 192"]);
    let fewer = limited(&scene.doctor(&["--workers", "20"]));
    assert_eq!(told(fewer).code, 0);
}

#[tokio::test]
async fn a_library_that_is_not_installed_and_one_that_is_no_file() {
    let scene = Scene::set();
    let without = |variable: &str, value: &Path| {
        let mut doctor = command("ingest", scene.directory.path());
        doctor
            .args(["doctor", "--output", "json", "--data-dir", "own"])
            .args(["--endpoint", &scene.source.endpoint])
            .env(variable, value);
        told(doctor)
    };
    let missing = without("XDG_CACHE_HOME", scene.directory.path());
    missing.assert_only("engine_library", "warning", 0, "ingest engine install");
    let not_checked = missing.report["not_checked"].to_string();
    assert!(not_checked.contains("clickhouse_answers"), "{not_checked}");
    let no_file = without("CHDB_LIB_PATH", Path::new("/nowhere/libchdb.so"));
    no_file.assert_only("engine_library", "failed", 1, "CHDB_LIB_PATH");
}

#[tokio::test]
async fn a_checkpoint_that_another_process_writes() {
    let scene = Scene::set();
    let job = Identity::new([("another", "job")]);
    let held = FileStore::open(scene.path("held"), &job).unwrap();
    let doctor = || scene.doctor(&["--checkpoint", "held"]);
    let found = told(doctor());
    found.assert_only("checkpoint_lock", "failed", 2, "--checkpoint");
    let seen = found.named("checkpoint_lock")["seen"].as_str().unwrap();
    let process = std::process::id().to_string();
    assert!(seen.contains(&process), "{process} is not in {seen}");
    drop(held);
    assert_eq!(told(doctor()).code, 0);
}

#[tokio::test]
async fn a_checkpoint_that_is_damaged_or_of_another_job() {
    let scene = Scene::set();
    scene.load();
    let part = scene.doctor(&["--from", "2025-01-01"]);
    told(part).assert_only("checkpoint_state", "failed", 2, "--fresh");
    let fresh = scene.doctor(&["--from", "2025-01-01", "--fresh"]);
    assert_eq!(told(fresh).code, 0);

    std::fs::write(scene.path("damaged"), "not a checkpoint").unwrap();
    let damaged = scene.doctor(&["--checkpoint", "damaged"]);
    told(damaged).assert_only("checkpoint_state", "failed", 1, "--fresh");
}

#[tokio::test]
async fn a_table_without_what_the_checkpoint_promises() {
    let scene = Scene::set();
    scene.load();
    scene.engine.text("TRUNCATE TABLE clob_fills_v2_data").await;
    told(scene.doctor(&[])).assert_only("checkpoint_promise", "failed", 65, "--fresh");
}

#[tokio::test]
async fn an_endpoint_without_a_name_a_connection_tls_or_an_answer() {
    let scene = Scene::set();
    let at = |endpoint: &str| told(scene.doctor(&["--endpoint", endpoint]));
    let unnamed = at("http://subgraph.invalid/orderbook");
    unnamed.assert_only("endpoint_dns", "failed", 69, "--endpoint");
    let needs: Vec<&str> = unnamed.report["not_checked"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|unchecked| unchecked["needs"] == "endpoint_dns")
        .map(|unchecked| unchecked["code"].as_str().unwrap())
        .collect();
    let expected = ["endpoint_connection", "endpoint_tls", "endpoint_answers"];
    assert_eq!(needs, expected);

    let closed = format!("http://{}/orderbook", closed_port());
    at(&closed).assert_only("endpoint_connection", "failed", 69, "--endpoint");
    let encrypted = scene.source.endpoint.replace("http://", "https://");
    at(&encrypted).assert_only("endpoint_tls", "failed", 69, "https");
    let elsewhere = format!("{}/nothing/here", scene.source.endpoint);
    at(&elsewhere).assert_only("endpoint_answers", "failed", 1, "--endpoint");
}

#[tokio::test]
async fn a_source_that_ends_before_the_archive_does() {
    let scene = Scene::set();
    let event = format!(
        "{{\"id\":\"0x{tx}_0x{order}\",\"transactionHash\":\"0x{tx}\",\"timestamp\":\"1700000000\",\
         \"orderHash\":\"0x{order}\",\"maker\":\"0x{maker}\",\"taker\":\"0x{maker}\",\
         \"makerAssetId\":\"0\",\"takerAssetId\":\"7\",\"makerAmountFilled\":\"500000\",\
         \"takerAmountFilled\":\"1000000\",\"fee\":\"0\"}}\n",
        tx = "1".repeat(64),
        order = "2".repeat(64),
        maker = "3".repeat(40),
    );
    std::fs::write(scene.path("events.jsonl"), event).unwrap();
    let early = Source::start(scene.directory.path(), &["--events", "events.jsonl"]);
    let found = told(scene.doctor(&["--endpoint", &early.endpoint]));
    found.assert_only("source_head", "warning", 0, "public endpoint");
    let seen = found.named("source_head")["seen"].as_str().unwrap();
    assert!(seen.contains("2023-11-14T22:13:20Z"), "{seen}");
}

#[tokio::test]
async fn a_source_that_refuses_for_the_rate() {
    let scene = Scene::set();
    let few = [
        "--fills",
        "3000",
        "--markets",
        "20",
        "--requests-per-10s",
        "1",
    ];
    let few = Source::start(scene.directory.path(), &few);
    let found = told(scene.doctor(&["--endpoint", &few.endpoint]));
    found.assert_only("source_rate", "warning", 0, "--requests-per-10s");
}

#[tokio::test]
async fn a_clickhouse_that_does_not_answer() {
    let scene = Scene::set();
    let closed = format!("http://{}", closed_port());
    let away = told(scene.doctor(&["--clickhouse-url", &closed]));
    away.assert_only("clickhouse_answers", "failed", 69, "--clickhouse-url");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_server_that_another_process_runs_is_asked() {
    let scene = Scene::set();
    let mut doctor = command("ingest", scene.directory.path());
    doctor
        .args(["doctor", "--output", "json", "--endpoint"])
        .arg(&scene.source.endpoint);
    let found = told(doctor);
    assert_eq!(found.named("clickhouse_answers")["state"], "ok");
    assert_eq!((&found.report["ok"], found.code), (&Value::Bool(true), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clickhouse_that_is_too_old() {
    let scene = Scene::set();
    let columns = [("version", "String"), ("user", "String"), ("now", "UInt32")];
    let old = row(
        &columns,
        &["\x0923.8.1.94", "\x07default", "\x01\x01\x01\x01"],
    );
    let proxy = answering(&scene.engine, "-- ping", old).await;
    let found = told(scene.doctor(&["--clickhouse-url", &proxy.url]));
    found.assert_only("clickhouse_version", "failed", 2, "newer server");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_inserts_need_and_may_not_set() {
    let scene = Scene::set();
    let columns = [
        ("name", "String"),
        ("value", "String"),
        ("is_locked", "Bool"),
    ];
    let locked = row(&columns, &["\x0casync_insert", "\x011", "\x01"]);
    let proxy = answering(&scene.engine, "-- settings", locked).await;
    let found = told(scene.doctor(&["--clickhouse-url", &proxy.url]));
    found.assert_only("clickhouse_settings", "failed", 2, "async_insert");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_not_insert() {
    let scene = Scene::set();
    let refused = row(&[("result", "UInt8")], &["\0"]);
    let proxy = Proxy::start(&scene.engine.url, move |request| {
        let is_insert = request.sql.contains("CHECK GRANT") && request.sql.contains("INSERT");
        match is_insert && request.sql.contains("`clob_fills_v2_data`") {
            true => Fate::Answer(200, refused.clone()),
            false => Fate::Pass,
        }
    })
    .await;
    let found = told(scene.doctor(&["--clickhouse-url", &proxy.url]));
    let grant = "GRANT INSERT ON `default`.`clob_fills_v2_data`";
    found.assert_only("clickhouse_rights", "failed", 2, grant);
    // A run refuses for the same reason, before it makes anything.
    let run = ["--clickhouse-url", &proxy.url];
    let ended = Running::start(ingest(scene.directory.path(), &scene.source, &run)).end();
    assert_message(&ended, 2, &["the check clickhouse_rights failed", grant]);
    let tables = "SELECT count() FROM system.tables WHERE database = 'default'";
    assert_eq!(scene.engine.text(tables).await, "0");
}

#[tokio::test]
async fn something_else_under_the_tables_name() {
    let scene = Scene::set();
    let other = "CREATE TABLE clob_fills_v2_data (a UInt8) ENGINE = Log";
    scene.engine.text(other).await;
    told(scene.doctor(&[])).assert_only("table_columns", "failed", 2, "--table");
}

#[tokio::test]
async fn a_table_that_forgets_inserts_too_soon_is_mended_as_told() {
    let scene = Scene::set();
    scene.load();
    let shorter = "ALTER TABLE clob_fills_v2_data MODIFY SETTING \
                   non_replicated_deduplication_window = 10";
    scene.engine.text(shorter).await;
    let found = told(scene.doctor(&[]));
    found.assert_only("deduplication_window", "failed", 2, "ALTER TABLE");
    let mend = found.named("deduplication_window")["mend"]
        .as_str()
        .unwrap();
    scene.engine.text(mend).await;
    assert_eq!(told(scene.doctor(&[])).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_without_room() {
    let scene = Scene::set();
    let columns = [("free_bytes", "UInt64"), ("total_bytes", "UInt64")];
    let full = row(&columns, &["\x01\0\0\0\0\0\0\0", "\x02\0\0\0\0\0\0\0"]);
    let proxy = answering(&scene.engine, "-- disk_space", full).await;
    let found = told(scene.doctor(&["--clickhouse-url", &proxy.url]));
    found.assert_only("disk_space", "failed", 1, "make room");
    let run = ["--clickhouse-url", &proxy.url];
    let ended = Running::start(ingest(scene.directory.path(), &scene.source, &run)).end();
    assert_message(&ended, 1, &["the check disk_space failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off() {
    let scene = Scene::set();
    let long_ago = row(&[("now()", "DateTime")], &["\x01\x01\x01\x01"]);
    let proxy = answering(&scene.engine, "-- clock", long_ago).await;
    let found = told(scene.doctor(&["--clickhouse-url", &proxy.url]));
    found.assert_only("clock", "warning", 0, "timedatectl");
}

#[tokio::test]
async fn a_catalogue_that_is_behind_the_source() {
    let scene = Scene::set();
    scene.load();
    let lost = "ALTER TABLE clob_fills_v2_markets_data DELETE WHERE toString(token_id) >= \
                (SELECT max(toString(token_id)) FROM clob_fills_v2_markets_data) SETTINGS mutations_sync = 1";
    scene.engine.text(lost).await;
    told(scene.doctor(&[])).assert_only("catalogue", "warning", 0, "ingest markets");
    let mend = ingest(
        scene.directory.path(),
        &scene.source,
        &["markets", "--clickhouse-url", &scene.engine.url],
    );
    Running::start(mend).end().expect(0);
    assert_eq!(told(scene.doctor(&[])).named("catalogue")["state"], "ok");
}
