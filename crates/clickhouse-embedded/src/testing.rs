//! One engine for all tests of a process, for other crates' tests.
//!
//! The engine allows one data directory in a process, and tests of one binary run side by side,
//! so they share an engine and each has a database of its own.

use std::fs::{self, File, TryLockError};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::{env, io, process};

pub use crate::client::over_pipes;
use crate::{Engine, EngineOptions, Error, InstallOptions, install};

const PREFIX: &str = "clickhouse-embedded-tests-";
const OWNER: &str = "owner.lock";

/// Returns the engine of this test process, in a temporary directory.
///
/// Installs the library if it is not there. The engine closes when no test holds it or a client
/// of it, and the next call opens it again with everything in it; hold it no longer than a test,
/// so that no statement runs when the process ends. The directory is removed by the next test
/// process that comes along.
///
/// # Panics
/// If the engine cannot be installed or opened; what to do is in the message.
#[must_use]
pub fn shared_engine() -> Engine {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    match Engine::open(DIR.get_or_init(prepare), &EngineOptions::default()) {
        Ok(engine) => engine,
        Err(error) => panic!("the tests need the ClickHouse engine: {error}"),
    }
}

/// Makes an empty database on the shared engine and returns a client that uses it.
///
/// # Panics
/// As [`shared_engine`], and if the name is none for a database.
pub async fn database(name: &str) -> clickhouse::Client {
    let client = shared_engine().client();
    for statement in ["DROP DATABASE IF EXISTS ?", "CREATE DATABASE ?"] {
        let made = client
            .query(statement)
            .bind(clickhouse::sql::Identifier(name))
            .execute()
            .await;
        if let Err(error) = made {
            panic!("cannot make the test database {name}: {error}");
        }
    }
    client.with_database(name)
}

/// Installs the library and makes the directory.
fn prepare() -> PathBuf {
    let prepared = install(&InstallOptions::default(), |_| {})
        .and_then(|_| temporary_dir().map_err(Error::file("make a directory in", env::temp_dir())));
    match prepared {
        Ok(dir) => dir,
        Err(error) => panic!("the tests need the ClickHouse engine: {error}"),
    }
}

/// Makes the directory of this process, and removes those of processes that have ended.
///
/// A process holds a lock in its directory as long as it lives. Making and removing exclude
/// each other by a lock beside the directories.
fn temporary_dir() -> io::Result<PathBuf> {
    let temp = env::temp_dir();
    let turn = File::create(temp.join(format!("{PREFIX}turn.lock")))?;
    turn.lock()?;
    for entry in fs::read_dir(&temp)?.filter_map(Result::ok) {
        let path = entry.path();
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX) && path.is_dir();
        let alive = || {
            let owner = File::open(path.join(OWNER));
            owner.is_ok_and(|owner| matches!(owner.try_lock(), Err(TryLockError::WouldBlock)))
        };
        if ours && !alive() {
            // What cannot be removed is another user's.
            drop(fs::remove_dir_all(&path));
        }
    }
    let dir = temp.join(format!("{PREFIX}{}", process::id()));
    fs::create_dir_all(&dir)?;
    let owner = File::create(dir.join(OWNER))?;
    owner.lock()?;
    // Held until the process ends.
    std::mem::forget(owner);
    Ok(dir)
}
