//! This machine: directories, open files, the engine's library.

use std::io;
use std::path::{Path, PathBuf};

use clickhouse_embedded::{InstallOptions, LIBRARY_VERSION, locate, named};
use rustix::process::{Resource, getrlimit};
use startup::{ExitCode, Settings};
use wiring::progress::grouped;

use crate::check::Check;

/// Files that the process has open besides connections: its own, and with the embedded engine those
/// of inserts and merges. A merge reads 64 parts and more at once, each in some ten files.
const FILES: u64 = 64;
const FILES_OF_THE_ENGINE: u64 = 1024;

/// Checks that what the settings name can be written.
pub(crate) fn data_dir(settings: &Settings) -> Check {
    const CODE: &str = "data_dir";
    let checkpoint = settings.progress.checkpoint.parent();
    let embedded = settings.table.is_embedded();
    let data = embedded.then_some(settings.table.data_dir.as_path());
    let mut directories: Vec<&Path> = data.into_iter().chain(checkpoint).collect();
    directories.dedup();
    for directory in &directories {
        if let Err((place, error)) = can_be_written(directory) {
            let seen = format!("{} cannot be written: {error}", place.display());
            let mend = "let this user write there, or name another with --data-dir or --checkpoint";
            return Check::failed(CODE, seen, mend).ending_with(ExitCode::Failed);
        }
    }
    let names = directories.iter().map(|path| path.display().to_string());
    let names = names.collect::<Vec<_>>().join(" and ");
    Check::ok(CODE, format!("{names} can be written"))
}

/// Checks a directory, or where it is not there yet the one that it would be made in.
fn can_be_written(directory: &Path) -> Result<(), (PathBuf, io::Error)> {
    let there = directory.ancestors().find(|path| path.exists());
    let there = match there {
        Some(path) => path,
        // A relative path ends in nothing, which is here.
        None => Path::new("."),
    };
    // Permissions say less: a disk may be read-only, or one that takes no files.
    match tempfile::tempfile_in(there) {
        Ok(_) => Ok(()),
        Err(error) => Err((there.to_owned(), error)),
    }
}

/// Checks how many files the system lets this process open.
pub(crate) fn open_files(settings: &Settings) -> Check {
    let (of_the_engine, other) = match settings.table.is_embedded() {
        false => (0, "fewer --workers"),
        true => (
            FILES_OF_THE_ENGINE,
            "a server with --clickhouse-url, which opens its own",
        ),
    };
    let needed = settings.source.workers as u64 + FILES + of_the_engine;
    enough_files(getrlimit(Resource::Nofile).current, needed, other)
}

fn enough_files(limit: Option<u64>, needed: u64, other: &str) -> Check {
    const CODE: &str = "open_files";
    match limit {
        None => Check::ok(CODE, "as many files as it likes"),
        Some(limit) if limit >= needed => {
            let seen = format!("{} at once, {} needed", grouped(limit), grouped(needed));
            Check::ok(CODE, seen)
        }
        Some(limit) => {
            let seen = format!(
                "only {} at once, and {} are needed",
                grouped(limit),
                grouped(needed)
            );
            let mend = format!("ulimit -n {needed} (systemd: LimitNOFILE=), or {other}");
            Check::failed(CODE, seen, mend)
        }
    }
}

/// Checks whether the engine's library is there.
pub(crate) fn engine_library() -> Check {
    const CODE: &str = "engine_library";
    let options = InstallOptions::default();
    match (locate(&options), named(&options)) {
        (Some(path), _) => Check::ok(CODE, path.display().to_string()),
        (None, Some(named)) => {
            let seen = format!("{}, which CHDB_LIB_PATH names, is no file", named.display());
            let mend = "name the library's file with CHDB_LIB_PATH, or unset it";
            Check::failed(CODE, seen, mend).ending_with(ExitCode::Failed)
        }
        (None, None) => Check::warning(
            CODE,
            format!("chDB {LIBRARY_VERSION} is not here; a run fetches it, 180 MB"),
            "ingest engine install",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::State;

    #[test]
    fn fewer_files_than_needed_fail() {
        let check = |limit, expected| assert_eq!(enough_files(limit, 100, "").state, expected);
        check(Some(99), State::Failed);
        check(Some(100), State::Ok);
        check(None, State::Ok);
    }

    #[test]
    fn a_directory_that_is_not_there_yet_is_judged_by_where_it_would_be() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(can_be_written(&here.join("not/there/yet")).is_ok());
        assert!(can_be_written(Path::new("not-there-either")).is_ok());
        let (place, error) = can_be_written(&here.join("Cargo.toml/in/a/file")).unwrap_err();
        assert_eq!(place, here.join("Cargo.toml"));
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory, "{error}");
    }
}
