//! What ClickHouse does to a run, and what the run makes of it.

use crate::exactness::{assert_counters, counters};
use crate::harness::*;
use crate::proxy::{Fate, Proxy};

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_dying_server_remembered_but_did_not_keep_are_sent_again() {
    let directory = tempfile::tempdir().unwrap();
    let source = Source::start(directory.path(), &["--fills", "900", "--markets", "9"]);
    let engine = Engine::start(directory.path());
    let proxy = Proxy::with_fates(&engine.url, vec![Fate::PassAndHold]).await;
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
