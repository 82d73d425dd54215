//! What ClickHouse answers to a run, and what the run makes of it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::exactness::{assert_counters, counters};
use crate::harness::*;
use crate::proxy::{Fate, Proxy, exception};
use crate::refusals::assert_message;

const FILLS: u64 = 12_000;

fn source(directory: &Path) -> Source {
    let fills = FILLS.to_string();
    Source::start(directory, &["--fills", &fills, "--markets", "40"])
}

/// A run with small batches, so that many inserts can fail.
fn run(directory: &Path, source: &Source, url: &str) -> Running {
    let arguments = ["--clickhouse-url", url, "--insert-batch-size", "500"];
    Running::start(ingest(directory, source, &arguments))
}

async fn assert_exact(engine: &Engine, source: &Source, ended: Ended) {
    let summary = ended.expect(0).json();
    assert_eq!(summary["fills_total"], FILLS);
    assert_counters(engine, counters(source).await).await;
}

async fn assert_nothing_twice(engine: &Engine) {
    let twice = "SELECT count() - uniqExact(fill_id) FROM clob_fills_v2";
    assert_eq!(engine.text(twice).await, "0");
}

/// Loads against a ClickHouse whose first inserts meet these fates, and ends as if nothing was.
async fn check_passes(fates: Vec<Fate>) {
    let directory = tempfile::tempdir().unwrap();
    let source = source(directory.path());
    let engine = Engine::start(directory.path());
    let count = fates.len();
    let proxy = Proxy::with_fates(&engine.url, fates).await;
    let ended = run(directory.path(), &source, &proxy.url).end();
    assert_exact(&engine, &source, ended).await;
    assert!(proxy.inserts() >= FILLS as usize / 500 + count);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_that_pass_are_waited_for() {
    let restarting = Fate::Answer(503, String::new());
    check_passes(vec![
        restarting.clone(),
        restarting,
        exception(
            202,
            "Too many simultaneous queries. (TOO_MANY_SIMULTANEOUS_QUERIES)",
        ),
        exception(
            241,
            "(total) memory limit exceeded: would use 9.00 GiB. (MEMORY_LIMIT_EXCEEDED)",
        ),
        exception(
            252,
            "Too many parts (3000). Merges are slower than inserts. (TOO_MANY_PARTS)",
        ),
        exception(242, "Table is in readonly mode. (TABLE_IS_READ_ONLY)"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_that_fail_in_passing_are_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let source = source(directory.path());
    let engine = Engine::start(directory.path());
    let fates = vec![Fate::Pass, Fate::Pass, exception(164, "stop")];
    let proxy = Proxy::with_fates(&engine.url, fates).await;
    run(directory.path(), &source, &proxy.url).end().expect(1);
    // What the table holds is read before the run begins, in it, and behind it.
    let mut failing = vec!["-- ranges_with_rows", "-- summary", "-- totals"];
    let proxy = Proxy::start(&engine.url, move |asked| {
        let question = failing.iter().position(|name| asked.sql.contains(name));
        match question.map(|index| failing.swap_remove(index)) {
            Some("-- summary") => exception(202, "Too many simultaneous queries"),
            Some(_) => Fate::Answer(503, String::new()),
            None => Fate::Pass,
        }
    })
    .await;
    let ended = run(directory.path(), &source, &proxy.url).end();
    let repeated = ended.stderr.matches("a read failed and is repeated");
    assert_eq!(repeated.count(), 3, "{}", ended.stderr);
    assert_exact(&engine, &source, ended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_hide_a_commit_double_nothing() {
    let late =
        |code, text: &str| Fate::PassAndAnswer(500, format!("Code: {code}. DB::Exception: {text}"));
    check_passes(vec![
        Fate::PassAndReset,
        late(159, "Timeout exceeded. (TIMEOUT_EXCEEDED)"),
        Fate::PassAndAnswer(
            502,
            "<html><title>502 Bad Gateway</title></html>".to_owned(),
        ),
        late(
            319,
            "Unknown status, client must retry. (UNKNOWN_STATUS_OF_INSERT)",
        ),
        Fate::PassAndAnswer(504, String::new()),
        late(999, "Session expired. (KEEPER_EXCEPTION)"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_are_too_much_go_in_parts() {
    check_passes(vec![
        exception(
            252,
            "Too many partitions for single INSERT block (more than 100)",
        ),
        exception(
            241,
            "Query memory limit exceeded: would use 9.00 GiB: While executing Native",
        ),
        Fate::Answer(413, "<html>413 Request Entity Too Large</html>".to_owned()),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_that_last_stop_the_run_and_the_next_one_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let source = source(directory.path());
    let engine = Engine::start(directory.path());
    for (code, text) in [
        (
            164,
            "fills: Cannot execute query in readonly mode. (READONLY)",
        ),
        (
            497,
            "fills: Not enough privileges. To execute this query, it's necessary to have the \
               grant INSERT ON default.clob_fills_v2_data. (ACCESS_DENIED)",
        ),
        (516, "fills: Authentication failed. (AUTHENTICATION_FAILED)"),
        (
            243,
            "Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)",
        ),
        (
            60,
            "Table default.clob_fills_v2_data does not exist. (UNKNOWN_TABLE)",
        ),
    ] {
        let fates = vec![Fate::Pass, Fate::Pass, exception(code, text)];
        let proxy = Proxy::with_fates(&engine.url, fates).await;
        let ended = run(directory.path(), &source, &proxy.url).end();
        assert_message(&ended, 1, &[text, "then run again: it goes on"]);
        assert_nothing_twice(&engine).await;
    }
    let ended = run(directory.path(), &source, &engine.url).end();
    assert!(ended.json()["fills_inserted"].as_u64().unwrap() < FILLS);
    assert_exact(&engine, &source, ended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_missing_from_the_start_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let source = source(directory.path());
    let engine = Engine::start(directory.path());
    let grant = "it's necessary to have the grant CREATE TABLE ON default.clob_fills_v2_data";
    let text = format!("fills: Not enough privileges. To execute this query, {grant}");
    let proxy = Proxy::start(&engine.url, move |asked| {
        match asked.sql.contains("CREATE TABLE") {
            true => exception(497, &text),
            false => Fate::Pass,
        }
    })
    .await;
    let ended = run(directory.path(), &source, &proxy.url).end();
    assert_message(&ended, 2, &[grant, "grant what the message names"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_may_be_in_the_table_is_looked_up_and_not_guessed_about() {
    let directory = tempfile::tempdir().unwrap();
    let source = source(directory.path());
    let engine = Engine::start(directory.path());
    // The server does not say whether it was still reading.
    let proxy = Proxy::start(&engine.url, move |asked| match asked.insert {
        Some(0) => Fate::PassAndReset,
        Some(_) => exception(
            241,
            "Memory limit (for query) exceeded: While executing Sink",
        ),
        None => Fate::Pass,
    })
    .await;
    let ended = run(directory.path(), &source, &proxy.url).end();
    assert_message(
        &ended,
        1,
        &["may be in the table", "then run again: it goes on"],
    );
    assert_nothing_twice(&engine).await;
    let ended = run(directory.path(), &source, &engine.url).end();
    assert!(ended.json()["fills_found"].as_u64().unwrap() > 0);
    assert_exact(&engine, &source, ended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_altered_under_way_stops_the_run_until_it_is_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let source = source(directory.path());
    let engine = Engine::start(directory.path());
    let proxy = Proxy::with_fates(&engine.url, vec![Fate::Pass, Fate::PassAndHold]).await;
    let running = run(directory.path(), &source, &proxy.url);
    proxy.held().await;
    let rename = "ALTER TABLE clob_fills_v2_data RENAME COLUMN";
    engine.text(&format!("{rename} fee TO fees")).await;
    proxy.release();
    assert_message(&running.end(), 1, &["fee", "then run again: it goes on"]);
    let ended = run(directory.path(), &source, &engine.url).end();
    assert_message(&ended, 2, &["clob_fills_v2_data", "fee"]);
    engine.text(&format!("{rename} fees TO fee")).await;
    assert_nothing_twice(&engine).await;
    let ended = run(directory.path(), &source, &engine.url).end();
    assert_exact(&engine, &source, ended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_dropped_under_way_stops_the_run_and_its_checkpoint_is_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let source = source(directory.path());
    let engine = Engine::start(directory.path());
    let drop_it = "DROP TABLE clob_fills_v2_data SYNC";
    let is_dropped = Arc::new(AtomicBool::new(false));
    let dropped = Arc::clone(&is_dropped);
    let proxy = Proxy::start(&engine.url, move |asked| match asked.insert {
        Some(0) => Fate::PassAndHold,
        // Nothing is acknowledged, and so nothing promised, before the table is gone.
        Some(_) if !dropped.load(Ordering::SeqCst) => Fate::Answer(503, String::new()),
        _ => Fate::Pass,
    })
    .await;
    let running = run(directory.path(), &source, &proxy.url);
    proxy.held().await;
    engine.text(drop_it).await;
    is_dropped.store(true, Ordering::SeqCst);
    proxy.release();
    let ended = running.end();
    assert_message(&ended, 1, &["clob_fills_v2_data", "UNKNOWN_TABLE"]);
    // Nothing was promised by then. Once it is, an empty table does not keep it.
    let ended = run(directory.path(), &source, &engine.url).end();
    assert_exact(&engine, &source, ended).await;
    engine.text(drop_it).await;
    let ended = run(directory.path(), &source, &engine.url).end();
    assert_message(&ended, 65, &["promises", "--fresh"]);
    let mut fresh = ingest(
        directory.path(),
        &source,
        &["--clickhouse-url", &engine.url],
    );
    fresh.args(["--fresh", "--yes"]);
    assert_exact(&engine, &source, Running::start(fresh).end()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_remembered_and_not_kept_by_a_killed_server_are_sent_again() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "900", "--markets", "9"]);
    let engine = Engine::start(directory.path());
    // Of two inserts at once none is answered: whichever part is lost, nobody was told of it.
    let fates = vec![Fate::PassAndHold, Fate::PassAndHold];
    let proxy = Proxy::with_fates(&engine.url, fates).await;
    let arguments = ["--clickhouse-url", &proxy.url];
    let run = Running::start(ingest(directory.path(), &source, &arguments));
    proxy.held().await;
    // A server writes the token of a part down, and then moves the part to its place. One that is
    // killed in between leaves what this leaves.
    let parts = "SELECT path FROM system.parts WHERE table = 'clob_fills_v2_data' ORDER BY rows";
    let parts = engine.text(parts).await;
    let address = engine.url.strip_prefix("http://").unwrap().to_owned();
    engine.kill();
    std::fs::remove_dir_all(parts.lines().last().unwrap()).unwrap();
    let engine = Engine::start_on(directory.path(), &address);
    let kept = engine.text("SELECT count() FROM clob_fills_v2").await;
    assert!(kept.parse::<u64>().unwrap() < 900, "{kept}");
    proxy.release();

    let summary = run.end().expect(0).json();
    assert_eq!(summary["fills_total"], 900);
    assert_counters(&engine, counters(&source).await).await;
}
