//! Checkpoints that cannot be used as they are.

use std::path::{Path, PathBuf};

use crate::harness::*;
use crate::proxy::{Fate, Proxy};
use crate::refusals::assert_message;

const FILLS: u64 = 3_000;

/// A source, a ClickHouse, and a checkpoint in a directory of its own.
struct Scene {
    directory: tempfile::TempDir,
    source: Source,
    engine: Engine,
    checkpoint: PathBuf,
}

impl Scene {
    fn set() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let fills = FILLS.to_string();
        let arguments = ["--fills", &fills, "--markets", "20"];
        Self {
            source: Source::start(directory.path(), &arguments),
            engine: Engine::start(directory.path()),
            checkpoint: directory.path().join("kept").join("progress"),
            directory,
        }
    }

    fn start(&self, url: &str, checkpoint: &Path, more: &[&str]) -> Running {
        let mut run = ingest(
            self.directory.path(),
            &self.source,
            &["--clickhouse-url", url],
        );
        run.arg("--checkpoint").arg(checkpoint).args(more);
        Running::start(run)
    }

    fn run(&self, more: &[&str]) -> Ended {
        self.start(&self.engine.url, &self.checkpoint, more).end()
    }

    fn file(&self, suffix: &str) -> PathBuf {
        self.checkpoint.with_file_name(format!("progress{suffix}"))
    }

    /// Asserts that a run completes with every fill once.
    async fn assert_completes(&self, more: &[&str]) -> Ended {
        let ended = self.run(more).expect(0);
        assert_eq!(ended.json()["fills_total"], FILLS);
        let rows = "SELECT count(), uniqExact(fill_id) FROM clob_fills_v2";
        let rows = self.engine.text(rows).await;
        assert_eq!(rows, format!("{FILLS}\t{FILLS}"));
        ended
    }
}

#[tokio::test]
async fn a_checkpoint_that_was_cut_is_replaced_by_the_one_before() {
    let scene = Scene::set();
    // A run that finds everything done saves that, too.
    scene.assert_completes(&[]).await;
    scene.assert_completes(&[]).await;
    assert!(scene.file(".previous").exists());
    let whole = std::fs::read(&scene.checkpoint).unwrap();
    for length in [0, 10, whole.len() - 1] {
        std::fs::write(&scene.checkpoint, &whole[..length]).unwrap();
        let ended = scene.assert_completes(&[]).await;
        let says = "the newest checkpoint is unusable: the one before it is used";
        assert!(ended.stderr.contains(says), "{length}: {ended:?}");
    }
}

#[tokio::test]
async fn a_checkpoint_without_anything_to_fall_back_to_stops_the_run() {
    let scene = Scene::set();
    scene.assert_completes(&[]).await;
    let whole = std::fs::read(&scene.checkpoint).unwrap();
    for (length, reason) in [
        (0, "it is empty"),
        (10, "damaged"),
        (whole.len() - 1, "its checksum does not match"),
    ] {
        std::fs::write(&scene.checkpoint, &whole[..length]).unwrap();
        let _ = std::fs::remove_file(scene.file(".previous"));
        let path = scene.checkpoint.to_str().unwrap();
        assert_message(&scene.run(&[]), 1, &[path, reason, "--fresh"]);
    }
    scene.assert_completes(&["--fresh", "--yes"]).await;
}

#[tokio::test]
async fn a_checkpoint_of_another_version_is_left_alone() {
    let scene = Scene::set();
    scene.assert_completes(&[]).await;
    let text = std::fs::read_to_string(&scene.checkpoint).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    let newer = format!("checkpoint-store format 2 check d6f915e2\n{rest}");
    std::fs::write(&scene.checkpoint, &newer).unwrap();
    assert_message(&scene.run(&[]), 2, &["has format 2", "--fresh"]);
    assert_eq!(std::fs::read_to_string(&scene.checkpoint).unwrap(), newer);
    scene.assert_completes(&["--fresh", "--yes"]).await;
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named_before_anything_is_loaded() {
    let scene = Scene::set();
    let file = scene.directory.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    for checkpoint in [
        // No directory, and a file system that takes no files; whoever runs the test may be one
        // whom permissions do not stop.
        file.join("progress"),
        PathBuf::from("/proc/progress"),
        // A directory where the file should be.
        scene.directory.path().to_owned(),
    ] {
        let ended = scene.start(&scene.engine.url, &checkpoint, &[]).end();
        // Where there is no directory to write into, the place is what is in its way.
        let named = match checkpoint.parent() {
            Some(parent) if parent == file || parent == Path::new("/proc") => parent,
            _ => checkpoint.as_path(),
        };
        let named = named.to_str().unwrap();
        assert_message(&ended, 1, &["cannot ", named, "--checkpoint"]);
    }
    let tables = "SELECT count() FROM system.tables WHERE name LIKE 'clob_fills_v2%'";
    assert_eq!(scene.engine.text(tables).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_cannot_be_written_any_more_stops_the_run_and_the_next_completes_it() {
    let scene = Scene::set();
    let proxy = Proxy::with_fates(&scene.engine.url, vec![Fate::PassAndHold]).await;
    let running = scene.start(&proxy.url, &scene.checkpoint, &[]);
    proxy.held().await;
    std::fs::remove_dir_all(scene.checkpoint.parent().unwrap()).unwrap();
    proxy.release();
    let ended = running.end();
    let path = scene.checkpoint.to_str().unwrap();
    assert_message(&ended, 1, &["cannot write", path, "--checkpoint"]);
    let ended = scene.assert_completes(&[]).await;
    assert_eq!(ended.json()["fills_found"], FILLS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_another_run_holds_is_refused_and_says_by_whom() {
    let scene = Scene::set();
    let proxy = Proxy::with_fates(&scene.engine.url, vec![Fate::PassAndHold]).await;
    let first = scene.start(&proxy.url, &scene.checkpoint, &[]);
    proxy.held().await;
    let holder = std::fs::read_to_string(scene.file(".lock")).unwrap();
    // Another table, or the second run would wait for the first one's insert.
    let second = scene.run(&["--table", "fills"]);
    let says = format!("is in use by process {}", holder.trim());
    assert_message(&second, 2, &[&says, "wait for the other process"]);
    proxy.release();
    first.end().expect(0);
    scene.assert_completes(&[]).await;
}
