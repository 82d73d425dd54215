//! The file store on a real file system.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conformance;
mod damage;
mod files;
mod processes;

use std::path::PathBuf;

use checkpoint_store::Identity;
use tempfile::TempDir;

/// A directory of its own and the path of a checkpoint in it.
struct Place {
    directory: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("checkpoint");
        Self { directory, path }
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        self.directory.path().join(format!("checkpoint.{suffix}"))
    }
}

fn job() -> Identity {
    Identity::new([("source", "archive-1"), ("range", "[0, 100)")])
}
