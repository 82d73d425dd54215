//! One directory for a process, one process for a directory. The engine of this test process is
//! taken, so processes of their own play these parts: this binary, run again for one test.

use std::env;
use std::process::Command;

use clickhouse_embedded::{Engine, EngineOptions, Error, testing};

/// Names the directory that a child process is to open.
const CHILD_DIR: &str = "CLICKHOUSE_EMBEDDED_TEST_DIR";

/// Runs one test of this binary in a process of its own; the test acts only with the variable.
fn run_child(test: &str, dir: &std::path::Path) {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD_DIR, dir)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed") && said.contains("the child acted"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn child_dir() -> Option<std::path::PathBuf> {
    let dir = env::var_os(CHILD_DIR)?;
    println!("the child acted");
    Some(dir.into())
}

#[test]
fn a_second_process_is_told_who_has_the_directory() {
    let engine = testing::shared_engine();
    run_child("lock::child_finds_the_directory_locked", engine.data_dir());
}

#[test]
fn child_finds_the_directory_locked() {
    let Some(dir) = child_dir() else { return };
    let refused = Engine::open(&dir, &EngineOptions::default());
    let Err(Error::Locked { dir: named }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(named, dir);
}

#[test]
fn the_same_directory_is_the_same_engine_and_another_is_refused() {
    let engine = testing::shared_engine();
    let again = Engine::open(engine.data_dir(), &EngineOptions::default()).unwrap();
    assert_eq!(again.data_dir(), engine.data_dir());
    let other = tempfile::tempdir().unwrap();
    let refused = Engine::open(other.path(), &EngineOptions::default());
    assert!(
        matches!(refused, Err(Error::OtherDirectoryOpen { .. })),
        "{refused:?}"
    );
}

#[test]
fn an_engine_closes_reopens_and_ends() {
    let dir = tempfile::tempdir().unwrap();
    run_child("lock::child_closes_reopens_and_ends", dir.path());
}

#[tokio::test]
async fn child_closes_reopens_and_ends() {
    let Some(dir) = child_dir() else { return };
    let options = EngineOptions {
        max_memory_bytes: Some(1 << 30),
        max_threads: Some(1),
        settings: vec![("max_block_size".to_owned(), "1000".to_owned())],
        ..EngineOptions::default()
    };
    let engine = Engine::open(&dir, &options).unwrap();
    let client = engine.client();
    let create = "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n AS SELECT 7";
    client.query(create).execute().await.unwrap();
    let settings: (u64, u64) = client
        .query("SELECT getSetting('max_threads')::UInt64, getSetting('max_block_size')::UInt64")
        .fetch_one()
        .await
        .unwrap();
    assert_eq!(settings, (1, 1000));
    let heavy = client
        .query("SELECT length(groupArray(number)) FROM numbers(1000000000)")
        .execute();
    assert!(heavy.await.unwrap_err().to_string().contains("Code: 241."));

    // An insert in the middle of its data does not hold the closing up, and leaves nothing.
    let mut torn = client.insert_formatted_with("INSERT INTO t FORMAT CSV");
    torn.send(bytes::Bytes::from_static(b"1\n")).await.unwrap();
    engine.close().await;
    let refused = client.query("SELECT 1").execute().await.unwrap_err();
    assert!(refused.to_string().contains("Code: 236."), "{refused}");
    assert!(torn.end().await.is_err());

    let engine = Engine::open(&dir, &EngineOptions::default()).unwrap();
    let rows: Vec<u64> = engine
        .client()
        .query("SELECT n FROM t")
        .fetch_all()
        .await
        .unwrap();
    assert_eq!(rows, [7]);
    engine.shutdown().await;
    let refused = Engine::open(&dir, &EngineOptions::default());
    assert!(matches!(refused, Err(Error::ShutDown)), "{refused:?}");
}

#[test]
fn a_wrong_setting_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    run_child("lock::child_is_refused_a_setting", dir.path());
}

#[test]
fn child_is_refused_a_setting() {
    let Some(dir) = child_dir() else { return };
    let options = EngineOptions {
        settings: vec![("no_such_setting".to_owned(), "1".to_owned())],
        ..EngineOptions::default()
    };
    let refused = Engine::open(&dir, &options);
    let Err(Error::Settings { said }) = refused else {
        panic!("{refused:?}");
    };
    assert!(said.contains("no_such_setting"));
    // A failed opening leaves the directory free.
    assert!(Engine::open(&dir, &EngineOptions::default()).is_ok());
}

#[test]
fn a_program_that_just_leaves_does_not_crash() {
    let dir = tempfile::tempdir().unwrap();
    run_child("lock::child_leaves_with_statements_running", dir.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn child_leaves_with_statements_running() {
    let Some(dir) = child_dir() else { return };
    let engine = Engine::open(&dir, &EngineOptions::default()).unwrap();
    let client = engine.client();
    let long = "SELECT sum(cityHash64(number)) FROM numbers(100000000000) /* long */";
    let running = tokio::spawn(client.query(long).execute());
    let count = "SELECT count() FROM system.processes WHERE query LIKE '%long */'";
    while client.query(count).fetch_one::<u64>().await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    let mut insert =
        client.insert_formatted_with("INSERT INTO FUNCTION null('n UInt64') FORMAT CSV");
    insert
        .send(bytes::Bytes::from_static(b"1\n"))
        .await
        .unwrap();
    drop((running, insert, client, engine));
}
