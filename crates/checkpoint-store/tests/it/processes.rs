//! The lock, within one process and across two.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use checkpoint_store::{CheckpointStore, Error, FileStore, holder, peek};

use crate::{Place, job};

/// A process that is being started has the files of its parent open for a moment, and so its locks.
static NOBODY_STARTS: Mutex<()> = Mutex::new(());

const HELD_PATH: &str = "CHECKPOINT_STORE_TEST_HELD_PATH";

#[test]
fn a_second_store_in_this_process_is_refused_until_the_first_is_dropped() {
    let _nobody_starts = NOBODY_STARTS.lock().unwrap();
    let place = Place::new();
    assert_eq!(holder(&place.path).unwrap(), None);
    let first = FileStore::open(&place.path, &job()).unwrap();
    let error = FileStore::open(&place.path, &job()).unwrap_err();
    assert!(matches!(
        &error,
        Error::Locked { path, holder: Some(pid) }
            if *path == place.path && *pid == std::process::id()
    ));
    assert!(FileStore::open_fresh(&place.path, &job()).is_err());
    drop(first);
    assert_eq!(holder(&place.path).unwrap(), None);
    FileStore::open(&place.path, &job()).unwrap();
}

#[tokio::test]
#[ignore = "the process that the next test starts"]
async fn held_by_another_process() {
    let path = std::env::var(HELD_PATH).unwrap();
    let store = FileStore::open(path, &job()).unwrap();
    store.save(b"from the other process").await.unwrap();
    println!("\nheld");
    std::io::stdout().flush().unwrap();
    // Until the parent kills this process or goes away.
    let _ = std::io::stdin().read(&mut [0]);
}

#[test]
fn the_lock_of_another_process_is_respected_and_ends_with_its_death() {
    let nobody_else_starts = NOBODY_STARTS.lock().unwrap();
    let place = Place::new();
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::held_by_another_process"])
        .args(["--ignored", "--nocapture"])
        .env(HELD_PATH, &place.path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(nobody_else_starts);
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "held"));

    let refused = FileStore::open(&place.path, &job()).unwrap_err();
    assert!(matches!(refused, Error::Locked { holder: Some(pid), .. } if pid == other.id()));
    assert_eq!(holder(&place.path).unwrap(), Some(other.id()));
    let peeked = peek(&place.path).unwrap().unwrap();
    assert_eq!(peeked.payload, b"from the other process");

    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(holder(&place.path).unwrap(), None);
    FileStore::open(&place.path, &job()).unwrap();
}
